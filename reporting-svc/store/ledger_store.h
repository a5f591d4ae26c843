#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/db/session.h"
#include "reporting-svc/domain/cell.h"
#include "reporting-svc/domain/fact.h"

namespace milepost::reporting {

// Whose facts they are.
enum class RecordKind { kOpportunity = 1, kOrder = 2, kCustomer = 3, kInteraction = 4 };

inline constexpr std::array<RecordKind, 4> kRecordKinds = {
    RecordKind::kOpportunity, RecordKind::kOrder, RecordKind::kCustomer, RecordKind::kInteraction};

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
  int64_t version = 0;  // Of the ledger when it was read.
};

// What one version of the ledger of a kind changed.
struct FigureChange {
  RecordKind kind;
  int64_t version = 0;
  // Facts that came, and with opposite signs those that went. nullopt: all of the kind went.
  std::optional<std::vector<Fact>> facts;
};

// Changes are kept at least so long; older ones are looked for every so many versions.
inline constexpr absl::Duration kChangesKept = absl::Seconds(30);
inline constexpr int kVersionsPerForgetting = 32;

// Writes the ledger, the cells and what changed of them. The caller sees to it that cells change
// exactly as the facts do.
class LedgerStore {
 public:
  // Keeps other transactions from writing records of the kind and their cells until this one ends.
  // Before anything of them is read that is written again. Every transaction that locks saves a
  // change.
  absl::Status Lock(db::Transaction& tx, RecordKind kind);

  // Those of the records that are known.
  absl::StatusOr<absl::flat_hash_map<std::string, LedgerRecord>> LoadRecords(
      db::Snapshot& snapshot, RecordKind kind, const std::vector<std::string>& ids);
  absl::Status SaveRecords(db::Transaction& tx, RecordKind kind,
                           const std::vector<LedgerRecord>& records);

  // Adds the facts to the cells that are stored, making those that are new, and saves them as the
  // change that this transaction makes. The kind is locked.
  absl::Status SaveChange(db::Transaction& tx, RecordKind kind, const std::vector<Fact>& facts);
  // Saves that all cells of the kind went. Locks it.
  absl::Status SaveEmptied(db::Transaction& tx, RecordKind kind);

  // Version of the ledger of a kind.
  absl::StatusOr<int64_t> ReadVersion(db::Snapshot& snapshot, RecordKind kind);
  // Changes of each kind after the version given for it, in the order of their versions; a part of
  // them if they are many. They begin with the next version, unless that is no longer kept.
  absl::StatusOr<std::vector<FigureChange>> ReadChanges(db::Snapshot& snapshot,
                                                        const std::map<RecordKind, int64_t>& after);

  // Pages through all records of a kind by id, for reconciliation. Up to `limit` after the given
  // one.
  absl::StatusOr<std::vector<LedgerRecord>> ListRecords(db::Snapshot& snapshot, RecordKind kind,
                                                        const std::string& after, int limit);
  // Pages through all cells of a group in the same way.
  absl::StatusOr<std::vector<StoredCell>> ListCells(db::Snapshot& snapshot, Group group,
                                                    const std::optional<CellKey>& after, int limit);

  // Deletes up to `limit` records or cells of the kinds of records and their groups of facts. False
  // once none is left.
  absl::StatusOr<bool> DeleteSome(db::Transaction& tx, const std::vector<RecordKind>& kinds,
                                  int limit);

 private:
  absl::Status AddToCells(db::Transaction& tx, Cells& cells);
  absl::Status InsertChange(db::Transaction& tx, RecordKind kind, db::Value facts);
};

// Sizes of the chunks that `count` rows are written or asked for in: few different ones, so that
// few statements are prepared.
std::vector<size_t> Chunks(size_t count);

}  // namespace milepost::reporting
