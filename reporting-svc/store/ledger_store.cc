#include "reporting-svc/store/ledger_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

constexpr size_t kChunkSizes[] = {500, 100, 20, 5, 1};
constexpr size_t kMaxStatementBytes = 2 << 20;
constexpr size_t kFactsPerChange = 20'000;

// Keys of a group's cells lie from its own byte up to that of the next.
db::Bytes FirstKey(Group group) { return {std::string(1, static_cast<char>(group))}; }
db::Bytes EndKey(Group group) {
  return {std::string(1, static_cast<char>(static_cast<int>(group) + 1))};
}

RecordKind KindOf(Group group) {
  for (const RecordKind kind : kRecordKinds) {
    const std::vector<Group> groups = GroupsOf(kind);
    if (std::find(groups.begin(), groups.end(), group) != groups.end()) return kind;
  }
  return RecordKind::kOpportunity;
}

// Keys and contents.
absl::Status SaveCells(db::Transaction& tx,
                       const std::vector<std::pair<std::string, std::string>>& cells) {
  size_t next = 0;
  for (const size_t size : Chunks(cells.size())) {
    const std::string sql = absl::StrCat("INSERT INTO cells (cell_key, content) VALUES ",
                                         db::Placeholders(size, "(?, ?)"),
                                         " ON DUPLICATE KEY UPDATE content = VALUES(content)");
    std::vector<db::Value> bound;
    bound.reserve(2 * size);
    for (size_t i = 0; i < size; ++i, ++next) {
      bound.emplace_back(db::Bytes{cells[next].first});
      bound.emplace_back(db::Bytes{cells[next].second});
    }
    if (const auto saved = tx.ExecuteValues({"save_cells", sql}, bound); !saved.ok())
      return saved.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<LedgerRecord> ReadRecord(const db::Row& row) {
  LedgerRecord record{row.String(0), row.Int64(1), row.OptionalString(2), {}};
  if (!UnpackFacts(row.String(3), record.facts))
    return error::Unreadable(absl::StrCat("the facts of ", record.id));
  return record;
}

}  // namespace

std::vector<Group> GroupsOf(RecordKind kind) {
  switch (kind) {
    case RecordKind::kOpportunity:
      return {Group::kOpened, Group::kStage, Group::kClosed, Group::kCycle};
    case RecordKind::kOrder:
      return {Group::kOrder, Group::kCollection};
    case RecordKind::kCustomer:
      return {Group::kCustomer};
    case RecordKind::kInteraction:
      return {Group::kInteraction};
  }
  return {};
}

std::vector<size_t> Chunks(size_t count) {
  std::vector<size_t> chunks;
  for (const size_t size : kChunkSizes) {
    for (; count >= size; count -= size) chunks.push_back(size);
  }
  return chunks;
}

absl::Status LedgerStore::Lock(db::Transaction& tx, RecordKind kind) {
  static constexpr db::Statement kLock{
      "lock_ledger",
      "INSERT INTO ledger_versions (record_kind, version) VALUES (?, 1)"
      " ON DUPLICATE KEY UPDATE version = version + 1"};
  return tx.Execute(kLock, static_cast<int>(kind)).status();
}

absl::StatusOr<absl::flat_hash_map<std::string, LedgerRecord>> LedgerStore::LoadRecords(
    db::Snapshot& snapshot, RecordKind kind, const std::vector<std::string>& ids) {
  absl::flat_hash_map<std::string, LedgerRecord> records;
  size_t next = 0;
  for (const size_t size : Chunks(ids.size())) {
    const std::string sql = absl::StrCat(
        "SELECT record_id, version, settled_credit, facts FROM records WHERE record_kind = ? AND "
        "record_id IN (",
        db::Placeholders(size), ")");
    std::vector<db::Value> bound = {static_cast<int>(kind)};
    bound.reserve(size + 1);
    for (size_t i = 0; i < size; ++i) bound.emplace_back(ids[next++]);
    absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_records", sql}, bound);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      absl::StatusOr<LedgerRecord> record = ReadRecord(row);
      if (!record.ok()) return record.status();
      records[row.String(0)] = *std::move(record);
    }
  }
  return records;
}

absl::Status LedgerStore::SaveRecords(db::Transaction& tx, RecordKind kind,
                                      const std::vector<LedgerRecord>& records) {
  size_t next = 0;
  for (const size_t size : Chunks(records.size())) {
    const std::string sql = absl::StrCat(
        "INSERT INTO records (record_kind, record_id, version, settled_credit, facts) VALUES ",
        db::Placeholders(size, "(?, ?, ?, ?, ?)"),
        " ON DUPLICATE KEY UPDATE version = VALUES(version), settled_credit = "
        "VALUES(settled_credit), facts = VALUES(facts)");
    std::vector<db::Value> bound;
    bound.reserve(size * 5);
    for (size_t i = 0; i < size; ++i, ++next) {
      bound.emplace_back(static_cast<int>(kind));
      bound.emplace_back(records[next].id);
      bound.emplace_back(records[next].version);
      bound.emplace_back(records[next].settled_credit);
      bound.emplace_back(db::Bytes{PackFacts(records[next].facts)});
    }
    if (const auto saved = tx.ExecuteValues({"save_records", sql}, bound); !saved.ok())
      return saved.status();
  }
  return absl::OkStatus();
}

absl::Status LedgerStore::SaveChange(db::Transaction& tx, RecordKind kind,
                                     const std::vector<Fact>& facts) {
  Cells cells;
  for (const Fact& fact : facts) cells.Add(fact);
  if (absl::Status s = AddToCells(tx, cells); !s.ok()) return s;
  // Each chunk is a version of its own, so that none is larger than a server takes.
  for (size_t first = 0; first == 0 || first < facts.size(); first += kFactsPerChange) {
    if (first > 0) {
      if (absl::Status s = Lock(tx, kind); !s.ok()) return s;
    }
    const auto begin = facts.begin() + static_cast<std::ptrdiff_t>(first);
    const size_t count = std::min(kFactsPerChange, facts.size() - first);
    const std::vector<Fact> chunk(begin, begin + static_cast<std::ptrdiff_t>(count));
    if (absl::Status s = InsertChange(tx, kind, db::Bytes{PackFacts(chunk)}); !s.ok()) return s;
  }
  // Now and then: all changes of the last while are looked at.
  static const std::string kForgetSql = absl::StrCat(
      "DELETE FROM figure_changes WHERE record_kind = ? AND change_time < ? AND version <"
      " (SELECT version FROM ledger_versions WHERE record_kind = ?)"
      " AND (SELECT version FROM ledger_versions WHERE record_kind = ?) % ",
      kVersionsPerForgetting, " = 0");
  const int number = static_cast<int>(kind);
  return tx
      .Execute(db::Statement{"forget_figure_changes", kForgetSql}, number,
               absl::Now() - kChangesKept, number, number)
      .status();
}

absl::Status LedgerStore::SaveEmptied(db::Transaction& tx, RecordKind kind) {
  if (absl::Status s = Lock(tx, kind); !s.ok()) return s;
  return InsertChange(tx, kind, db::Value(std::nullopt));
}

absl::Status LedgerStore::InsertChange(db::Transaction& tx, RecordKind kind, db::Value facts) {
  static constexpr db::Statement kInsert{
      "insert_figure_change",
      "INSERT INTO figure_changes (record_kind, version, facts, change_time)"
      " SELECT record_kind, version, ?, ? FROM ledger_versions WHERE record_kind = ?"};
  return tx.Execute(kInsert, std::move(facts), absl::Now(), static_cast<int>(kind)).status();
}

absl::StatusOr<int64_t> LedgerStore::ReadVersion(db::Snapshot& snapshot, RecordKind kind) {
  static constexpr db::Statement kRead{"read_ledger_version",
                                       "SELECT version FROM ledger_versions WHERE record_kind = ?"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kRead, static_cast<int>(kind));
  if (!rows.ok()) return rows.status();
  return rows->empty() ? 0 : rows->front().Int64(0);
}

absl::StatusOr<std::vector<FigureChange>> LedgerStore::ReadChanges(
    db::Snapshot& snapshot, const std::map<RecordKind, int64_t>& after) {
  // A value for each kind there is, so that the statement is always the same one.
  static constexpr db::Statement kRead{
      "read_figure_changes",
      "SELECT record_kind, version, facts FROM figure_changes"
      " WHERE (record_kind = ? AND version > ?) OR (record_kind = ? AND version > ?)"
      " OR (record_kind = ? AND version > ?) OR (record_kind = ? AND version > ?)"
      " ORDER BY record_kind, version LIMIT 50"};
  std::vector<db::Value> bound;
  for (const RecordKind kind : kRecordKinds) {
    const auto version = after.find(kind);
    bound.emplace_back(static_cast<int>(kind));
    bound.emplace_back(version == after.end() ? std::numeric_limits<int64_t>::max()
                                              : version->second);
  }
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues(kRead, bound);
  if (!rows.ok()) return rows.status();
  std::vector<FigureChange> changes;
  changes.reserve(rows->size());
  for (const db::Row& row : *rows) {
    FigureChange& change = changes.emplace_back();
    change.kind = static_cast<RecordKind>(row.Int64(0));
    change.version = row.Int64(1);
    if (row.IsNull(2)) continue;
    if (!UnpackFacts(row.String(2), change.facts.emplace()))
      return error::Unreadable(absl::StrCat("the change of figures ", change.version));
  }
  return changes;
}

absl::Status LedgerStore::AddToCells(db::Transaction& tx, Cells& cells) {
  // In the order of the key: near rows together.
  std::vector<std::pair<std::string, CellKey>> keys;
  keys.reserve(cells.cells().size());
  for (const auto& [key, sums] : cells.cells()) keys.emplace_back(key.Pack(), key);
  std::sort(keys.begin(), keys.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  size_t next = 0;
  for (const size_t size : Chunks(keys.size())) {
    const std::string sql = absl::StrCat("SELECT cell_key, content FROM cells WHERE cell_key IN (",
                                         db::Placeholders(size), ")");
    std::vector<db::Value> bound;
    bound.reserve(size);
    for (size_t i = 0; i < size; ++i) bound.emplace_back(db::Bytes{keys[next++].first});
    const absl::StatusOr<db::Rows> rows = tx.QueryValues({"load_cells", sql}, bound);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      const std::optional<CellKey> key = CellKey::Unpack(row.String(0));
      if (!key || !cells.AddStored(*key, row.String(1)))
        return error::Unreadable(absl::StrCat("the cell ", key ? key->ToString() : ""));
    }
  }
  // Written in statements of few bytes: a server takes a message of 16 MiB at most.
  std::vector<std::pair<std::string, std::string>> packed;
  size_t bytes = 0;
  for (auto& [bytes_of_key, key] : keys) {
    packed.emplace_back(std::move(bytes_of_key), cells.Pack(key));
    bytes += packed.back().second.size();
    if (packed.size() < kChunkSizes[0] && bytes < kMaxStatementBytes && key != keys.back().second)
      continue;
    if (absl::Status s = SaveCells(tx, packed); !s.ok()) return s;
    packed.clear();
    bytes = 0;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LedgerRecord>> LedgerStore::ListRecords(db::Snapshot& snapshot,
                                                                   RecordKind kind,
                                                                   const std::string& after,
                                                                   int limit) {
  static constexpr db::Statement kList{
      "list_records",
      "SELECT record_id, version, settled_credit, facts FROM records WHERE record_kind = ? AND "
      "record_id > ? ORDER BY record_id LIMIT ?"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kList, static_cast<int>(kind), after, limit);
  if (!rows.ok()) return rows.status();
  std::vector<LedgerRecord> records;
  records.reserve(rows->size());
  for (const db::Row& row : *rows) {
    absl::StatusOr<LedgerRecord> record = ReadRecord(row);
    if (!record.ok()) return record.status();
    records.push_back(*std::move(record));
  }
  return records;
}

absl::StatusOr<std::vector<StoredCell>> LedgerStore::ListCells(db::Snapshot& snapshot, Group group,
                                                               const std::optional<CellKey>& after,
                                                               int limit) {
  static constexpr db::Statement kList{
      "list_cells",
      "SELECT cell_key, content, (SELECT version FROM ledger_versions WHERE record_kind = ?)"
      " FROM cells WHERE cell_key > ? AND cell_key < ? ORDER BY cell_key LIMIT ?"};
  const absl::StatusOr<db::Rows> rows =
      snapshot.Query(kList, static_cast<int>(KindOf(group)),
                     after ? db::Bytes{after->Pack()} : FirstKey(group), EndKey(group), limit);
  if (!rows.ok()) return rows.status();
  std::vector<StoredCell> cells;
  cells.reserve(rows->size());
  for (const db::Row& row : *rows) {
    std::optional<CellKey> key = CellKey::Unpack(row.String(0));
    if (!key) return error::Unreadable("the key of a cell");
    cells.push_back({*std::move(key), row.String(1), row.Int64(2)});
  }
  return cells;
}

absl::StatusOr<bool> LedgerStore::DeleteSome(db::Transaction& tx,
                                             const std::vector<RecordKind>& kinds, int limit) {
  static constexpr db::Statement kCells{
      "delete_all_cells", "DELETE FROM cells WHERE cell_key >= ? AND cell_key < ? LIMIT ?"};
  static constexpr db::Statement kRecords{"delete_all_records",
                                          "DELETE FROM records WHERE record_kind = ? LIMIT ?"};
  for (const RecordKind kind : kinds) {
    for (const Group group : GroupsOf(kind)) {
      absl::StatusOr<int64_t> deleted = tx.Execute(kCells, FirstKey(group), EndKey(group), limit);
      if (!deleted.ok()) return deleted.status();
      if (*deleted > 0) return true;
    }
    absl::StatusOr<int64_t> deleted = tx.Execute(kRecords, static_cast<int>(kind), limit);
    if (!deleted.ok()) return deleted.status();
    if (*deleted > 0) return true;
  }
  return false;
}

}  // namespace milepost::reporting
