#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "reporting-svc/domain/cell.h"
#include "reporting-svc/domain/fact.h"

namespace milepost::reporting {

// Whose facts they are.
enum class RecordKind { kOpportunity = 1, kOrder = 2, kCustomer = 3, kInteraction = 4 };

// The groups of facts that records of a kind have; no other kind has them.
std::vector<Group> GroupsOf(RecordKind kind);

// What the ledger holds of a record.
struct LedgerRecord {
  std::string id;
  int64_t version = 0;
  // Member that the record stays credited to (empty for nobody), once that is settled.
  std::optional<std::string> settled_credit;
  std::vector<Fact> facts;
};

// A cell as it is stored.
struct StoredCell {
  CellKey key;
  std::string content;
};

// Writes the ledger and the cells. The caller sees to it that cells change exactly as the facts do.
class LedgerStore {
 public:
  // Keeps other transactions from writing records of the kind and their cells until this one ends.
  // Before anything of them is read that is written again.
  absl::Status Lock(db::Transaction& tx, RecordKind kind);

  // Those of the records that are known.
  absl::StatusOr<absl::flat_hash_map<std::string, LedgerRecord>> LoadRecords(
      db::Snapshot& snapshot, RecordKind kind, const std::vector<std::string>& ids);
  absl::Status SaveRecords(db::Transaction& tx, RecordKind kind,
                           const std::vector<LedgerRecord>& records);

  // Adds the cells to those that are stored, making those that are new. The records that their
  // facts are of are locked. Afterwards `cells` holds the sums.
  absl::Status AddCells(db::Transaction& tx, Cells& cells);

  // Pages through all records of a kind by id, for reconciliation. Up to `limit` after the given
  // one.
  absl::StatusOr<std::vector<LedgerRecord>> ListRecords(db::Snapshot& snapshot, RecordKind kind,
                                                        const std::string& after, int limit);
  absl::StatusOr<int64_t> CountCells(db::Snapshot& snapshot, Group group);
  // Pages through all cells of a group in the same way.
  absl::StatusOr<std::vector<StoredCell>> ListCells(db::Snapshot& snapshot, Group group,
                                                    const std::optional<CellKey>& after, int limit);

  // Deletes up to `limit` records or cells of the kinds of records and their groups of facts. False
  // once none is left.
  absl::StatusOr<bool> DeleteSome(db::Transaction& tx, const std::vector<RecordKind>& kinds,
                                  int limit);
};

// Sizes of the chunks that `count` rows are written or asked for in: few different ones, so that
// few statements are prepared.
std::vector<size_t> Chunks(size_t count);

}  // namespace milepost::reporting
