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

// One statement put together from constant fragments, its parts joined by UNION ALL, so that many
// figures cost one round trip. Every row says which query it answers.
class Reader {
 public:
  explicit Reader(const std::vector<FigureQuery>& queries) : queries_(queries) {
    for (const FigureQuery& query : queries) columns_ = std::max(columns_, ValueCount(query.group));
  }

  void AddCells(size_t query_number, Dim dim, const Span& span) {
    const FigureQuery& query = queries_[query_number];
    Begin(query_number, query, query.by_dim != Dim::kNone ? "dim_key" : "''", "period_day");
    absl::StrAppend(&sql_, " FROM cells WHERE fact_group = ? AND dim = ? AND grain = ?");
    bound_.emplace_back(static_cast<int>(query.group));
    bound_.emplace_back(static_cast<int>(dim));
    bound_.emplace_back(static_cast<int>(span.grain));
    switch (query.who.kind) {
      case MemberSelection::Kind::kEverybody:
        absl::StrAppend(&sql_, " AND member_id = ?");
        bound_.emplace_back(kEverybody);
        break;
      case MemberSelection::Kind::kEachMember:
        absl::StrAppend(&sql_, " AND member_id > ?");
        bound_.emplace_back(kEverybody);
        break;
      case MemberSelection::Kind::kThese:
        OneOf(query.who.members);
        break;
    }
    absl::StrAppend(&sql_, " AND period_day BETWEEN ? AND ?");
    bound_.emplace_back(DayNumber(span.first));
    bound_.emplace_back(DayNumber(span.last));
    const auto filter = query.filters.find(dim);
    if (filter != query.filters.end()) {
      absl::StrAppend(&sql_, " AND dim_key = ?");
      bound_.emplace_back(filter->second);
    }
    End(query, query.by_dim != Dim::kNone ? "dim_key" : "", "period_day");
  }

  // `members`: whose facts, all of them. The ledger is kept by member and day, so a range of days
  // is read for each.
  void AddFacts(size_t query_number, const Days& days, const std::vector<std::string>& members) {
    if (members.empty()) return;
    const FigureQuery& query = queries_[query_number];
    Begin(query_number, query, ColumnOf(query.by_dim), "day_number");
    absl::StrAppend(&sql_, " FROM facts WHERE fact_group = ?");
    bound_.emplace_back(static_cast<int>(query.group));
    OneOf(members);
    absl::StrAppend(&sql_, " AND day_number BETWEEN ? AND ?");
    bound_.emplace_back(DayNumber(days.first));
    bound_.emplace_back(DayNumber(days.last));
    for (const auto& [dim, value] : query.filters) {
      absl::StrAppend(&sql_, " AND ", ColumnOf(dim), " = ?");
      bound_.emplace_back(value);
    }
    End(query, query.by_dim != Dim::kNone ? ColumnOf(query.by_dim) : "", "day_number");
  }

  absl::StatusOr<std::vector<std::vector<FigureRow>>> Run(db::Snapshot& snapshot) {
    std::vector<std::vector<FigureRow>> figures(queries_.size());
    if (sql_.empty()) return figures;
    absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"read_figures", sql_}, bound_);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      const size_t query_number = row.Int64(0);
      FigureRow figure;
      figure.member = row.String(1);
      figure.key = row.String(2);
      figure.sub = row.String(3);
      figure.day =
          Cuts(queries_[query_number]) ? DayOf(row.Int64(4)) : queries_[query_number].range.first;
      for (size_t i = 0; i < columns_; ++i) figure.values[i] = row.Int64(5 + i);
      if (!IsZero(figure.values)) figures[query_number].push_back(std::move(figure));
    }
    return figures;
  }

 private:
  static bool Cuts(const FigureQuery& query) { return query.granularity != Granularity::kWhole; }

  void Begin(size_t query_number, const FigureQuery& query, const std::string& key_column,
             const std::string& period_column) {
    absl::StrAppend(&sql_, sql_.empty() ? "SELECT " : " UNION ALL SELECT ", query_number, ", ",
                    query.by_member ? "member_id" : "''", ", ", key_column, ", ",
                    query.by_sub ? "sub_key" : "''", ", ", Cuts(query) ? period_column : "0");
    const size_t used = ValueCount(query.group);
    for (size_t i = 0; i < columns_; ++i) {
      if (i < used) {
        absl::StrAppend(&sql_, ", CAST(SUM(v", i, ") AS SIGNED)");
      } else {
        absl::StrAppend(&sql_, ", 0");
      }
    }
  }

  // Padded to a power of two, so that few statements are prepared.
  void OneOf(const std::vector<std::string>& members) {
    size_t size = 1;
    while (size < members.size()) size *= 2;
    absl::StrAppend(&sql_, " AND member_id IN (", db::Placeholders(size), ")");
    for (size_t i = 0; i < size; ++i) bound_.emplace_back(members[std::min(i, members.size() - 1)]);
  }

  void End(const FigureQuery& query, const std::string& key_column,
           const std::string& period_column) {
    if (!query.currency.empty()) {
      absl::StrAppend(&sql_, " AND currency_code = ?");
      bound_.emplace_back(query.currency);
    }
    std::vector<std::string> columns;
    if (query.by_member) columns.push_back("member_id");
    if (!key_column.empty()) columns.push_back(key_column);
    if (query.by_sub) columns.push_back("sub_key");
    if (Cuts(query)) columns.push_back(period_column);
    if (!columns.empty()) absl::StrAppend(&sql_, " GROUP BY ", absl::StrJoin(columns, ", "));
  }

  const std::vector<FigureQuery>& queries_;
  size_t columns_ = 0;  // Values per row: all parts of a UNION have as many.
  std::string sql_;
  std::vector<db::Value> bound_;
};

}  // namespace

absl::StatusOr<std::vector<std::vector<FigureRow>>> FigureStore::Read(
    db::Snapshot& snapshot, const std::vector<FigureQuery>& queries) {
  Reader reader(queries);
  std::map<Group, std::vector<std::string>> credited;
  for (size_t i = 0; i < queries.size(); ++i) {
    const FigureQuery& query = queries[i];
    if (query.who.kind == MemberSelection::Kind::kThese && query.who.members.empty()) continue;
    std::set<Dim> dims;
    for (const auto& [dim, value] : query.filters) dims.insert(dim);
    if (query.by_dim != Dim::kNone) dims.insert(query.by_dim);
    const bool of_member = query.who.kind != MemberSelection::Kind::kEverybody;

    const Dim dim = dims.empty() ? Dim::kNone : *dims.begin();
    std::vector<Days> from_facts;
    const std::optional<Grain> coarsest =
        dims.size() <= 1 ? CoarsestGrain(query.group, dim, of_member) : std::optional<Grain>();
    if (!coarsest) {
      from_facts.push_back(query.range);
    } else {
      for (const Span& span : Cover(query.range, LimitGrain(*coarsest, query.granularity))) {
        if (HasCells(query.group, dim, span.grain, of_member)) {
          reader.AddCells(i, dim, span);
        } else {
          from_facts.push_back(
              {span.first, span.last});  // Only days are not kept where longer periods are.
        }
      }
    }
    if (from_facts.empty()) continue;
    if (query.who.kind == MemberSelection::Kind::kThese) {
      for (const Days& days : from_facts) reader.AddFacts(i, days, query.who.members);
      continue;
    }
    if (!credited.contains(query.group)) {
      absl::StatusOr<std::vector<std::string>> all = Credited(snapshot, query.group);
      if (!all.ok()) return all.status();
      credited[query.group] = *std::move(all);
    }
    for (const Days& days : from_facts) reader.AddFacts(i, days, credited[query.group]);
  }
  return reader.Run(snapshot);
}

absl::StatusOr<std::vector<std::string>> FigureStore::Credited(db::Snapshot& snapshot,
                                                               Group group) {
  static constexpr db::Statement kCredited{
      "credited_members", "SELECT DISTINCT member_id FROM facts WHERE fact_group = ?"};
  absl::StatusOr<db::Rows> rows = snapshot.Query(kCredited, static_cast<int>(group));
  if (!rows.ok()) return rows.status();
  std::vector<std::string> members;
  members.reserve(rows->size());
  for (const db::Row& row : *rows) members.push_back(row.String(0));
  return members;
}

}  // namespace milepost::reporting
