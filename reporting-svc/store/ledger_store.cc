#include "reporting-svc/store/ledger_store.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace milepost::reporting {
namespace {

constexpr size_t kChunkSizes[] = {500, 100, 20, 5, 1};

// "v0, v1" or, with a pattern, "v0 = v0 + VALUES(v0), ...".
std::string ValueList(size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&list, ", v", i);
  return list;
}

std::string AddValues(size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i)
    absl::StrAppend(&list, i == 0 ? "" : ", ", "v", i, " = v", i, " + VALUES(v", i, ")");
  return list;
}

void BindValues(std::vector<db::Value>& bound, const Values& values, size_t count) {
  for (size_t i = 0; i < count; ++i) bound.emplace_back(values[i]);
}

Values ReadValues(const db::Row& row, size_t column, size_t count) {
  Values values = {};
  for (size_t i = 0; i < count; ++i) values[i] = row.Int64(column + i);
  return values;
}

constexpr char kFactColumns[] =
    "record_kind, record_id, fact_number, fact_group, day_number, member_id, product, source, "
    "region, channel, sub_key,"
    " currency_code";
constexpr size_t kFactColumnCount = 12;

LedgerEntry ReadFact(const db::Row& row, size_t value_count) {
  LedgerEntry entry;
  entry.kind = static_cast<RecordKind>(row.Int64(0));
  entry.record_id = row.String(1);
  entry.number = static_cast<int>(row.Int64(2));
  Fact& fact = entry.fact;
  fact.group = static_cast<Group>(row.Int64(3));
  fact.day = DayOf(row.Int64(4));
  fact.member = row.String(5);
  fact.product = row.String(6);
  fact.source = row.String(7);
  fact.region = row.String(8);
  fact.channel = row.String(9);
  fact.sub = row.String(10);
  fact.currency = row.String(11);
  fact.values = ReadValues(row, kFactColumnCount, value_count);
  return entry;
}

auto Order(const CellKey& key) {
  return std::tie(key.group, key.dim, key.grain, key.member, key.period, key.key, key.sub,
                  key.currency);
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

int64_t DayNumber(absl::CivilDay day) { return day - absl::CivilDay(1970, 1, 1); }
absl::CivilDay DayOf(int64_t number) { return absl::CivilDay(1970, 1, 1) + number; }

std::vector<size_t> Chunks(size_t count) {
  std::vector<size_t> chunks;
  for (const size_t size : kChunkSizes) {
    for (; count >= size; count -= size) chunks.push_back(size);
  }
  return chunks;
}

absl::StatusOr<absl::flat_hash_map<std::string, RecordState>> LedgerStore::LoadRecords(
    db::Snapshot& snapshot, RecordKind kind, const std::vector<std::string>& ids) {
  absl::flat_hash_map<std::string, RecordState> records;
  size_t next = 0;
  for (const size_t size : Chunks(ids.size())) {
    const std::string sql = absl::StrCat(
        "SELECT record_id, version, settled_credit FROM records WHERE record_kind = ? AND "
        "record_id IN (",
        db::Placeholders(size), ")");
    std::vector<db::Value> bound = {static_cast<int>(kind)};
    for (size_t i = 0; i < size; ++i) bound.emplace_back(ids[next++]);
    absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_records", sql}, bound);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      records[row.String(0)] = RecordState{row.String(0), row.Int64(1), row.OptionalString(2)};
    }
  }
  return records;
}

absl::Status LedgerStore::SaveRecords(db::Transaction& tx, RecordKind kind,
                                      const std::vector<RecordState>& records) {
  size_t next = 0;
  for (const size_t size : Chunks(records.size())) {
    const std::string sql = absl::StrCat(
        "INSERT INTO records (record_kind, record_id, version, settled_credit) VALUES ",
        db::Placeholders(size, "(?, ?, ?, ?)"),
        " ON DUPLICATE KEY UPDATE version = VALUES(version), settled_credit = "
        "VALUES(settled_credit)");
    std::vector<db::Value> bound;
    bound.reserve(size * 4);
    for (size_t i = 0; i < size; ++i, ++next) {
      bound.emplace_back(static_cast<int>(kind));
      bound.emplace_back(records[next].id);
      bound.emplace_back(records[next].version);
      bound.emplace_back(records[next].settled_credit);
    }
    if (const auto saved = tx.ExecuteValues({"save_records", sql}, bound); !saved.ok())
      return saved.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::flat_hash_map<std::string, std::vector<Fact>>> LedgerStore::LoadFacts(
    db::Snapshot& snapshot, RecordKind kind, const std::vector<std::string>& ids) {
  absl::flat_hash_map<std::string, std::vector<Fact>> facts;
  size_t next = 0;
  for (const size_t size : Chunks(ids.size())) {
    const std::string sql =
        absl::StrCat("SELECT ", kFactColumns, ValueList(kValueCount),
                     " FROM facts WHERE record_kind = ? AND record_id IN (", db::Placeholders(size),
                     ") ORDER BY record_id, fact_number");
    std::vector<db::Value> bound = {static_cast<int>(kind)};
    for (size_t i = 0; i < size; ++i) bound.emplace_back(ids[next++]);
    absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_facts", sql}, bound);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      LedgerEntry entry = ReadFact(row, kValueCount);
      facts[entry.record_id].push_back(std::move(entry.fact));
    }
  }
  return facts;
}

absl::Status LedgerStore::DeleteFacts(db::Transaction& tx, RecordKind kind,
                                      const std::vector<std::string>& ids) {
  size_t next = 0;
  for (const size_t size : Chunks(ids.size())) {
    const std::string sql = absl::StrCat(
        "DELETE FROM facts WHERE record_kind = ? AND record_id IN (", db::Placeholders(size), ")");
    std::vector<db::Value> bound = {static_cast<int>(kind)};
    for (size_t i = 0; i < size; ++i) bound.emplace_back(ids[next++]);
    if (const auto deleted = tx.ExecuteValues({"delete_facts", sql}, bound); !deleted.ok())
      return deleted.status();
  }
  return absl::OkStatus();
}

absl::Status LedgerStore::InsertFacts(db::Transaction& tx,
                                      const std::vector<LedgerEntry>& entries) {
  // Groups use unlike numbers of values; rows of one group go together, in the order of the key.
  std::vector<const LedgerEntry*> sorted;
  sorted.reserve(entries.size());
  for (const LedgerEntry& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const LedgerEntry* a, const LedgerEntry* b) {
    return std::tie(a->fact.group, a->fact.member, a->fact.day, a->kind, a->record_id, a->number) <
           std::tie(b->fact.group, b->fact.member, b->fact.day, b->kind, b->record_id, b->number);
  });
  for (size_t first = 0; first < sorted.size();) {
    const Group group = sorted[first]->fact.group;
    size_t end = first;
    while (end < sorted.size() && sorted[end]->fact.group == group) ++end;
    const size_t values = ValueCount(group);
    const std::string tuple = absl::StrCat("(", db::Placeholders(kFactColumnCount + values), ")");
    for (const size_t size : Chunks(end - first)) {
      const std::string sql = absl::StrCat("INSERT INTO facts (", kFactColumns, ValueList(values),
                                           ") VALUES ", db::Placeholders(size, tuple));
      std::vector<db::Value> bound;
      bound.reserve(size * (kFactColumnCount + values));
      for (size_t i = 0; i < size; ++i, ++first) {
        const LedgerEntry& entry = *sorted[first];
        bound.emplace_back(static_cast<int>(entry.kind));
        bound.emplace_back(entry.record_id);
        bound.emplace_back(entry.number);
        bound.emplace_back(static_cast<int>(group));
        bound.emplace_back(DayNumber(entry.fact.day));
        bound.emplace_back(entry.fact.member);
        bound.emplace_back(entry.fact.product);
        bound.emplace_back(entry.fact.source);
        bound.emplace_back(entry.fact.region);
        bound.emplace_back(entry.fact.channel);
        bound.emplace_back(entry.fact.sub);
        bound.emplace_back(entry.fact.currency);
        BindValues(bound, entry.fact.values, values);
      }
      if (const auto inserted = tx.ExecuteValues({"insert_facts", sql}, bound); !inserted.ok())
        return inserted.status();
    }
  }
  return absl::OkStatus();
}

absl::Status LedgerStore::AddCells(db::Transaction& tx, const Cells& cells) {
  std::vector<const Cells::value_type*> sorted;
  sorted.reserve(cells.size());
  for (const auto& cell : cells) {
    if (!IsZero(cell.second)) sorted.push_back(&cell);
  }
  // In the order of the key: near rows together, and locks always in the same order.
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return Order(a->first) < Order(b->first); });
  for (size_t first = 0; first < sorted.size();) {
    const Group group = sorted[first]->first.group;
    size_t end = first;
    while (end < sorted.size() && sorted[end]->first.group == group) ++end;
    const size_t values = ValueCount(group);
    const std::string tuple = absl::StrCat("(", db::Placeholders(8 + values), ")");
    for (const size_t size : Chunks(end - first)) {
      const std::string sql = absl::StrCat(
          "INSERT INTO cells (fact_group, dim, grain, member_id, period_day, dim_key, sub_key, "
          "currency_code",
          ValueList(values), ") VALUES ", db::Placeholders(size, tuple),
          " ON DUPLICATE KEY UPDATE ", AddValues(values));
      std::vector<db::Value> bound;
      bound.reserve(size * (8 + values));
      for (size_t i = 0; i < size; ++i, ++first) {
        const auto& [key, sums] = *sorted[first];
        bound.emplace_back(static_cast<int>(group));
        bound.emplace_back(static_cast<int>(key.dim));
        bound.emplace_back(static_cast<int>(key.grain));
        bound.emplace_back(key.member);
        bound.emplace_back(DayNumber(key.period));
        bound.emplace_back(key.key);
        bound.emplace_back(key.sub);
        bound.emplace_back(key.currency);
        BindValues(bound, sums, values);
      }
      if (const auto added = tx.ExecuteValues({"add_cells", sql}, bound); !added.ok())
        return added.status();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LedgerEntry>> LedgerStore::ListFacts(
    db::Snapshot& snapshot, Group group, const std::optional<LedgerEntry>& after, int limit) {
  const std::string select = absl::StrCat("SELECT ", kFactColumns, ValueList(kValueCount),
                                          " FROM facts WHERE fact_group = ?");
  const std::string order =
      " ORDER BY member_id, day_number, record_kind, record_id, fact_number LIMIT ?";
  absl::StatusOr<db::Rows> rows = db::Rows();
  if (!after) {
    rows =
        snapshot.Query({"list_facts", absl::StrCat(select, order)}, static_cast<int>(group), limit);
  } else {
    const std::string sql =
        absl::StrCat(select,
                     " AND member_id >= ? AND (member_id > ? OR day_number > ? OR (day_number = ? "
                     "AND (record_kind > ? OR (record_kind = ?"
                     " AND (record_id > ? OR (record_id = ? AND fact_number > ?))))))",
                     order);
    const int64_t day = DayNumber(after->fact.day);
    const int kind = static_cast<int>(after->kind);
    rows = snapshot.Query({"list_facts_after", sql}, static_cast<int>(group), after->fact.member,
                          after->fact.member, day, day, kind, kind, after->record_id,
                          after->record_id, after->number, limit);
  }
  if (!rows.ok()) return rows.status();
  std::vector<LedgerEntry> entries;
  entries.reserve(rows->size());
  for (const db::Row& row : *rows) entries.push_back(ReadFact(row, kValueCount));
  return entries;
}

absl::StatusOr<std::vector<std::pair<CellKey, Values>>> LedgerStore::ListCells(
    db::Snapshot& snapshot, Group group, const std::optional<CellKey>& after, int limit) {
  const std::string select =
      absl::StrCat("SELECT dim, grain, member_id, period_day, dim_key, sub_key, currency_code",
                   ValueList(kValueCount), " FROM cells WHERE fact_group = ?");
  const std::string order =
      " ORDER BY dim, grain, member_id, period_day, dim_key, sub_key, currency_code LIMIT ?";
  absl::StatusOr<db::Rows> rows = db::Rows();
  if (!after) {
    rows =
        snapshot.Query({"list_cells", absl::StrCat(select, order)}, static_cast<int>(group), limit);
  } else {
    const std::string sql = absl::StrCat(select,
                                         " AND dim >= ? AND (dim > ? OR grain > ? OR (grain = ? "
                                         "AND (member_id > ? OR (member_id = ? AND (period_day > ?"
                                         " OR (period_day = ? AND (dim_key > ? OR (dim_key = ? AND "
                                         "(sub_key > ? OR (sub_key = ? AND currency_code > ?"
                                         "))))))))))",
                                         order);
    const int dim = static_cast<int>(after->dim);
    const int grain = static_cast<int>(after->grain);
    const int64_t period = DayNumber(after->period);
    rows = snapshot.Query({"list_cells_after", sql}, static_cast<int>(group), dim, dim, grain,
                          grain, after->member, after->member, period, period, after->key,
                          after->key, after->sub, after->sub, after->currency, limit);
  }
  if (!rows.ok()) return rows.status();
  std::vector<std::pair<CellKey, Values>> cells;
  cells.reserve(rows->size());
  for (const db::Row& row : *rows) {
    cells.emplace_back(
        CellKey{group, static_cast<Dim>(row.Int64(0)), static_cast<Grain>(row.Int64(1)),
                row.String(2), DayOf(row.Int64(3)), row.String(4), row.String(5), row.String(6)},
        ReadValues(row, 7, kValueCount));
  }
  return cells;
}

absl::StatusOr<bool> LedgerStore::DeleteSome(db::Transaction& tx,
                                             const std::vector<RecordKind>& kinds, int limit) {
  static constexpr db::Statement kByGroup[] = {
      {"delete_all_facts", "DELETE FROM facts WHERE fact_group = ? LIMIT ?"},
      {"delete_all_cells", "DELETE FROM cells WHERE fact_group = ? LIMIT ?"},
  };
  static constexpr db::Statement kRecords{"delete_all_records",
                                          "DELETE FROM records WHERE record_kind = ? LIMIT ?"};
  for (const RecordKind kind : kinds) {
    for (const Group group : GroupsOf(kind)) {
      for (const db::Statement& statement : kByGroup) {
        absl::StatusOr<int64_t> deleted = tx.Execute(statement, static_cast<int>(group), limit);
        if (!deleted.ok()) return deleted.status();
        if (*deleted > 0) return true;
      }
    }
    absl::StatusOr<int64_t> deleted = tx.Execute(kRecords, static_cast<int>(kind), limit);
    if (!deleted.ok()) return deleted.status();
    if (*deleted > 0) return true;
  }
  return false;
}

}  // namespace milepost::reporting
