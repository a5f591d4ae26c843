#include "reporting-svc/store/ledger_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

constexpr size_t kChunkSizes[] = {500, 100, 20, 5, 1};
constexpr size_t kMaxStatementBytes = 2 << 20;

// Keys of a group's cells lie from its own byte up to that of the next.
db::Bytes FirstKey(Group group) { return {std::string(1, static_cast<char>(group))}; }
db::Bytes EndKey(Group group) {
  return {std::string(1, static_cast<char>(static_cast<int>(group) + 1))};
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

absl::Status LedgerStore::AddCells(db::Transaction& tx, Cells& cells) {
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

absl::StatusOr<int64_t> LedgerStore::CountCells(db::Snapshot& snapshot, Group group) {
  static constexpr db::Statement kCount{
      "count_cells", "SELECT COUNT(*) FROM cells WHERE cell_key >= ? AND cell_key < ?"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kCount, FirstKey(group), EndKey(group));
  if (!rows.ok()) return rows.status();
  return rows->front().Int64(0);
}

absl::StatusOr<std::vector<StoredCell>> LedgerStore::ListCells(db::Snapshot& snapshot, Group group,
                                                               const std::optional<CellKey>& after,
                                                               int limit) {
  static constexpr db::Statement kList{
      "list_cells",
      "SELECT cell_key, content FROM cells WHERE cell_key > ? AND cell_key < ? ORDER BY cell_key "
      "LIMIT ?"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(
      kList, after ? db::Bytes{after->Pack()} : FirstKey(group), EndKey(group), limit);
  if (!rows.ok()) return rows.status();
  std::vector<StoredCell> cells;
  cells.reserve(rows->size());
  for (const db::Row& row : *rows) {
    std::optional<CellKey> key = CellKey::Unpack(row.String(0));
    if (!key) return error::Unreadable("the key of a cell");
    cells.push_back({*std::move(key), row.String(1)});
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
