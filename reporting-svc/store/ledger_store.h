#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "reporting-svc/domain/fact.h"

namespace milepost::reporting {

// Whose facts they are.
enum class RecordKind { kOpportunity = 1, kOrder = 2, kCustomer = 3, kInteraction = 4 };

// The groups of facts that records of a kind have; no other kind has them.
std::vector<Group> GroupsOf(RecordKind kind);

struct RecordState {
  std::string id;
  int64_t version = 0;
  // Member that the record stays credited to (empty for nobody), once that is settled.
  std::optional<std::string> settled_credit;
};

// A fact and where it comes from.
struct LedgerEntry {
  RecordKind kind = RecordKind::kOpportunity;
  std::string record_id;
  int number = 0;
  Fact fact;
};

// Writes the ledger and the cells. The caller sees to it that cells change exactly as the facts do.
class LedgerStore {
 public:
  // Those of the records that are known.
  absl::StatusOr<absl::flat_hash_map<std::string, RecordState>> LoadRecords(
      db::Snapshot& snapshot, RecordKind kind, const std::vector<std::string>& ids);
  absl::Status SaveRecords(db::Transaction& tx, RecordKind kind,
                           const std::vector<RecordState>& records);

  absl::StatusOr<absl::flat_hash_map<std::string, std::vector<Fact>>> LoadFacts(
      db::Snapshot& snapshot, RecordKind kind, const std::vector<std::string>& ids);
  absl::Status DeleteFacts(db::Transaction& tx, RecordKind kind,
                           const std::vector<std::string>& ids);
  absl::Status InsertFacts(db::Transaction& tx, const std::vector<LedgerEntry>& entries);

  // Adds the values to the cells, making those that are new. Zero values are skipped.
  absl::Status AddCells(db::Transaction& tx, const Cells& cells);

  // Pages through all facts of a group by key, for reconciliation. Up to `limit`; the last entry is
  // where to go on.
  absl::StatusOr<std::vector<LedgerEntry>> ListFacts(db::Snapshot& snapshot, Group group,
                                                     const std::optional<LedgerEntry>& after,
                                                     int limit);
  // Pages through all cells of a group in the same way.
  absl::StatusOr<std::vector<std::pair<CellKey, Values>>> ListCells(
      db::Snapshot& snapshot, Group group, const std::optional<CellKey>& after, int limit);

  // Deletes up to `limit` records, facts or cells of the kinds of records and their groups of
  // facts. False once none is left.
  absl::StatusOr<bool> DeleteSome(db::Transaction& tx, const std::vector<RecordKind>& kinds,
                                  int limit);
};

// Days since 1970-01-01, as the tables count them.
int64_t DayNumber(absl::CivilDay day);
absl::CivilDay DayOf(int64_t number);

// Sizes of the chunks that `count` rows are written or asked for in: few different ones, so that
// few statements are prepared.
std::vector<size_t> Chunks(size_t count);

}  // namespace milepost::reporting
