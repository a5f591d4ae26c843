#include "reporting-svc/store/figure_store.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reporting-svc/store/ledger_store.h"

namespace milepost::reporting {
namespace {

// The coarsest grain whose periods lie inside periods of the granularity.
Grain LimitGrain(Grain coarsest, Granularity granularity) {
  switch (granularity) {
    case Granularity::kWhole:
    case Granularity::kYear:
      return coarsest;
    case Granularity::kMonth:
    case Granularity::kQuarter:
      return std::min(coarsest, Grain::kMonth);
    case Granularity::kDay:
    case Granularity::kWeek:
      return Grain::kDay;
  }
  return Grain::kDay;
}

const char* ColumnOf(Dim dim) {
  switch (dim) {
    case Dim::kProduct:
      return "product";
    case Dim::kSource:
      return "source";
    case Dim::kRegion:
      return "region";
    case Dim::kChannel:
      return "channel";
    case Dim::kNone:
      break;
  }
  return "''";
}

// One statement put together from constant fragments; its parts are joined by UNION ALL, so that a figure costs one round trip.
class Reader {
 public:
  explicit Reader(const FigureQuery& query) : query_(query), value_count_(ValueCount(query.group)) {}

  void AddCells(Dim dim, const Span& span) {
    Begin();
    absl::StrAppend(&sql_, query_.by_member ? "member_id" : "''", ", ",
                    query_.by_dim != Dim::kNone ? "dim_key" : "''", ", ", query_.by_sub ? "sub_key" : "''", ", ",
                    Cut() ? "period_day" : "0");
    Sums();
    absl::StrAppend(&sql_, " FROM cells WHERE fact_group = ? AND dim = ? AND grain = ?");
    bound_.emplace_back(static_cast<int>(query_.group));
    bound_.emplace_back(static_cast<int>(dim));
    bound_.emplace_back(static_cast<int>(span.grain));
    CellMembers();
    absl::StrAppend(&sql_, " AND period_day BETWEEN ? AND ?");
    bound_.emplace_back(DayNumber(span.first));
    bound_.emplace_back(DayNumber(span.last));
    const auto filter = query_.filters.find(dim);
    if (filter != query_.filters.end()) {
      absl::StrAppend(&sql_, " AND dim_key = ?");
      bound_.emplace_back(filter->second);
    }
    End(query_.by_dim != Dim::kNone ? "dim_key" : "", "period_day");
  }

  // `members`: whose facts, all of them. The ledger is kept by member and day, so a range of days is read for each.
  void AddFacts(const Days& days, const std::vector<std::string>& members) {
    if (members.empty()) return;
    Begin();
    absl::StrAppend(&sql_, query_.by_member ? "member_id" : "''", ", ", ColumnOf(query_.by_dim), ", ",
                    query_.by_sub ? "sub_key" : "''", ", ", Cut() ? "day_number" : "0");
    Sums();
    absl::StrAppend(&sql_, " FROM facts WHERE fact_group = ?");
    bound_.emplace_back(static_cast<int>(query_.group));
    OneOf(members);
    absl::StrAppend(&sql_, " AND day_number BETWEEN ? AND ?");
    bound_.emplace_back(DayNumber(days.first));
    bound_.emplace_back(DayNumber(days.last));
    for (const auto& [dim, value] : query_.filters) {
      absl::StrAppend(&sql_, " AND ", ColumnOf(dim), " = ?");
      bound_.emplace_back(value);
    }
    End(query_.by_dim != Dim::kNone ? ColumnOf(query_.by_dim) : "", "day_number");
  }

  absl::StatusOr<std::vector<FigureRow>> Run(db::Snapshot& snapshot) {
    std::vector<FigureRow> figures;
    if (sql_.empty()) return figures;
    absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"read_figures", sql_}, bound_);
    if (!rows.ok()) return rows.status();
    figures.reserve(rows->size());
    for (const db::Row& row : *rows) {
      FigureRow figure;
      figure.member = row.String(0);
      figure.key = row.String(1);
      figure.sub = row.String(2);
      figure.day = Cut() ? DayOf(row.Int64(3)) : query_.range.first;
      for (size_t i = 0; i < value_count_; ++i) figure.values[i] = row.Int64(4 + i);
      if (!IsZero(figure.values)) figures.push_back(std::move(figure));
    }
    return figures;
  }

 private:
  bool Cut() const { return query_.granularity != Granularity::kWhole; }

  void Begin() { absl::StrAppend(&sql_, sql_.empty() ? "SELECT " : " UNION ALL SELECT "); }

  void Sums() {
    for (size_t i = 0; i < value_count_; ++i) absl::StrAppend(&sql_, ", CAST(SUM(v", i, ") AS SIGNED)");
  }

  void CellMembers() {
    switch (query_.who.kind) {
      case MemberSelection::Kind::kEverybody:
        absl::StrAppend(&sql_, " AND member_id = ?");
        bound_.emplace_back(kEverybody);
        return;
      case MemberSelection::Kind::kEachMember:
        absl::StrAppend(&sql_, " AND member_id > ?");
        bound_.emplace_back(kEverybody);
        return;
      case MemberSelection::Kind::kThese:
        OneOf(query_.who.members);
        return;
    }
  }

  // Padded to a power of two, so that few statements are prepared.
  void OneOf(const std::vector<std::string>& members) {
    size_t size = 1;
    while (size < members.size()) size *= 2;
    absl::StrAppend(&sql_, " AND member_id IN (", db::Placeholders(size), ")");
    for (size_t i = 0; i < size; ++i) bound_.emplace_back(members[std::min(i, members.size() - 1)]);
  }

  void End(const std::string& key_column, const std::string& period_column) {
    if (!query_.currency.empty()) {
      absl::StrAppend(&sql_, " AND currency_code = ?");
      bound_.emplace_back(query_.currency);
    }
    std::vector<std::string> columns;
    if (query_.by_member) columns.push_back("member_id");
    if (!key_column.empty()) columns.push_back(key_column);
    if (query_.by_sub) columns.push_back("sub_key");
    if (Cut()) columns.push_back(period_column);
    if (!columns.empty()) absl::StrAppend(&sql_, " GROUP BY ", absl::StrJoin(columns, ", "));
  }

  const FigureQuery& query_;
  const size_t value_count_;
  std::string sql_;
  std::vector<db::Value> bound_;
};

}  // namespace

absl::StatusOr<std::vector<FigureRow>> FigureStore::Read(db::Snapshot& snapshot, const FigureQuery& query) {
  if (query.who.kind == MemberSelection::Kind::kThese && query.who.members.empty()) return std::vector<FigureRow>();
  std::set<Dim> dims;
  for (const auto& [dim, value] : query.filters) dims.insert(dim);
  if (query.by_dim != Dim::kNone) dims.insert(query.by_dim);
  const bool of_member = query.who.kind != MemberSelection::Kind::kEverybody;

  const Dim dim = dims.empty() ? Dim::kNone : *dims.begin();
  std::vector<Span> from_cells;
  std::vector<Days> from_facts;
  const std::optional<Grain> coarsest =
      dims.size() <= 1 ? CoarsestGrain(query.group, dim, of_member) : std::optional<Grain>();
  if (!coarsest) {
    from_facts.push_back(query.range);
  } else {
    for (const Span& span : Cover(query.range, LimitGrain(*coarsest, query.granularity))) {
      if (HasCells(query.group, dim, span.grain, of_member)) {
        from_cells.push_back(span);
      } else {
        from_facts.push_back({span.first, span.last});  // Only days are not kept where longer periods are.
      }
    }
  }

  Reader reader(query);
  for (const Span& span : from_cells) reader.AddCells(dim, span);
  if (!from_facts.empty()) {
    std::vector<std::string> members = query.who.members;
    if (query.who.kind != MemberSelection::Kind::kThese) {
      absl::StatusOr<std::vector<std::string>> all = Credited(snapshot, query.group);
      if (!all.ok()) return all.status();
      members = *std::move(all);
    }
    for (const Days& days : from_facts) reader.AddFacts(days, members);
  }
  return reader.Run(snapshot);
}

absl::StatusOr<std::vector<std::string>> FigureStore::Credited(db::Snapshot& snapshot, Group group) {
  static constexpr db::Statement kCredited{"credited_members", "SELECT DISTINCT member_id FROM facts WHERE fact_group = ?"};
  absl::StatusOr<db::Rows> rows = snapshot.Query(kCredited, static_cast<int>(group));
  if (!rows.ok()) return rows.status();
  std::vector<std::string> members;
  members.reserve(rows->size());
  for (const db::Row& row : *rows) members.push_back(row.String(0));
  return members;
}

absl::StatusOr<std::optional<Days>> FigureStore::Extent(db::Snapshot& snapshot, Group group) {
  // Everybody's month cells: as many as there are months and keys.
  static constexpr db::Statement kExtent{
      "figure_extent",
      "SELECT MIN(period_day), MAX(period_day) FROM cells WHERE fact_group = ? AND dim = 0 AND grain = 2 AND member_id = ''"};
  absl::StatusOr<db::Rows> rows = snapshot.Query(kExtent, static_cast<int>(group));
  if (!rows.ok()) return rows.status();
  if (rows->empty() || (*rows)[0].IsNull(0)) return std::optional<Days>();
  return std::optional<Days>(Days{DayOf((*rows)[0].Int64(0)), PeriodOf(DayOf((*rows)[0].Int64(1)), Granularity::kMonth).last});
}

}  // namespace milepost::reporting
