#include "reporting-svc/store/figure_store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "reporting-svc/domain/cell.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

// Cells of single members are read one by one up to so many; beyond that with those of all members
// of the periods.
constexpr size_t kMaxKeys = 1024;

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

// The period of the cell of this kind that holds a day, or a period that begins on it.
absl::CivilDay PeriodIn(const CellKey& key, absl::CivilDay day) {
  return key.holds_days() ? absl::CivilDay(absl::CivilMonth(day)) : day;
}

absl::CivilDay NextPeriod(const CellKey& key) {
  if (key.grain == Grain::kYear) return absl::CivilDay(absl::CivilYear(key.period) + 1);
  if (key.grain == Grain::kMonth || key.holds_days())
    return absl::CivilDay(absl::CivilMonth(key.period) + 1);
  return key.period + 1;
}

// Whether periods of the granularity can begin or end within a month.
bool CutsMonths(Granularity granularity) {
  return granularity == Granularity::kDay || granularity == Granularity::kWeek;
}

// Cells that answer a part of a query.
struct Source {
  CellCut cut = CellCut::kNone;
  bool of_members = false;
  Span span;
};

// The cells that together hold every fact of the query once.
std::vector<Source> SourcesOf(const FigureQuery& query) {
  std::map<Dim, std::string> dims = query.filters;
  if (query.by_dim != Dim::kNone) dims.emplace(query.by_dim, "");
  const bool of_members = query.who.kind != MemberSelection::Kind::kEverybody || dims.size() > 1;
  CellCut cut = CellCut::kNone;
  if (!dims.empty()) cut = of_members ? CellCut::kAll : static_cast<CellCut>(dims.begin()->first);
  const Grain coarsest = HasCells(cut, Grain::kYear, of_members) ? Grain::kYear : Grain::kMonth;
  std::vector<Source> sources;
  for (const Span& span : Cover(query.range, LimitGrain(coarsest, query.granularity))) {
    // Days of members are kept by all dimensions only.
    const bool kept = HasCells(cut, span.grain, of_members);
    sources.push_back({kept ? cut : CellCut::kAll, of_members, span});
  }
  return sources;
}

// One statement that reads cells for many queries, so that all of a report costs one round trip.
class Reader {
 public:
  explicit Reader(const std::vector<FigureQuery>& queries)
      : queries_(queries), figures_(queries.size()) {
    for (size_t i = 0; i < queries.size(); ++i) Add(i);
  }

  absl::StatusOr<std::vector<std::vector<FigureRow>>> Run(db::Snapshot& snapshot) {
    if (keys_.empty() && ranges_.empty()) return std::move(figures_);
    std::string sql = "SELECT cell_key, content FROM cells WHERE ";
    std::vector<db::Value> bound;
    // Padded to powers of two, so that few statements are prepared.
    if (!keys_.empty()) {
      const size_t size = std::bit_ceil(keys_.size());
      bound.reserve(size);
      absl::StrAppend(&sql, "cell_key IN (", db::Placeholders(size), ")",
                      ranges_.empty() ? "" : " OR ");
      for (size_t i = 0; i < size; ++i)
        bound.emplace_back(db::Bytes{keys_[std::min(i, keys_.size() - 1)]});
    }
    for (size_t i = 0; !ranges_.empty() && i < std::bit_ceil(ranges_.size()); ++i) {
      const auto& [first, last] = ranges_[std::min(i, ranges_.size() - 1)];
      absl::StrAppend(&sql, i == 0 ? "" : " OR ", "cell_key BETWEEN ? AND ?");
      bound.emplace_back(db::Bytes{first});
      bound.emplace_back(db::Bytes{last});
    }
    absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"read_figures", sql}, bound);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      const std::optional<CellKey> key = CellKey::Unpack(row.String(0));
      if (!key) return error::Unreadable("the key of a cell");
      const auto parts = parts_.find(Kind(key->group, key->cut, key->grain, *key));
      if (parts == parts_.end()) continue;
      for (const Part& part : parts->second) {
        if (key->period < PeriodIn(*key, part.first) || key->period > part.last) continue;
        if (!part.members.empty() && !part.members.contains(key->member)) continue;
        if (!Take(part, *key, row.String(1)))
          return error::Unreadable(absl::StrCat("the cell ", key->ToString()));
      }
    }
    return std::move(figures_);
  }

 private:
  // Cells of one kind that answer a part of a query.
  struct Part {
    size_t query = 0;
    absl::CivilDay first;  // Periods.
    absl::CivilDay last;
    absl::flat_hash_set<std::string> members;  // Empty: all that there are of the kind.
  };
  using KindOfCells = std::tuple<Group, CellCut, Grain, bool>;

  static KindOfCells Kind(Group group, CellCut cut, Grain grain, const CellKey& key) {
    return {group, cut, grain, key.member != kEverybody};
  }

  void Add(size_t query_number) {
    const FigureQuery& query = queries_[query_number];
    const bool these = query.who.kind == MemberSelection::Kind::kThese;
    if (these && query.who.members.empty()) return;
    for (const Source& source : SourcesOf(query)) {
      CellKey key{query.group, source.cut, source.span.grain, source.span.first,
                  source.of_members ? kNobody : kEverybody};
      key.period = PeriodIn(key, source.span.first);
      const absl::CivilDay last = PeriodIn(key, source.span.last);
      Part part{query_number, source.span.first, source.span.last, {}};
      if (these) part.members.insert(query.who.members.begin(), query.who.members.end());
      parts_[Kind(key.group, key.cut, key.grain, key)].push_back(std::move(part));
      // Parts of the same cells share them.
      if (!asked_.insert({key.Pack(), last, query.who.members}).second) continue;
      if (!these || !AddKeys(query, key, last)) AddRange(key, last);
    }
  }

  // Each cell of each member by itself. False if these are too many.
  bool AddKeys(const FigureQuery& query, CellKey key, absl::CivilDay last) {
    std::vector<std::string> keys;
    for (; key.period <= last; key.period = NextPeriod(key)) {
      if (keys_.size() + keys.size() + query.who.members.size() > kMaxKeys) return false;
      for (const std::string& member : query.who.members) {
        key.member = member;
        keys.push_back(key.Pack());
      }
    }
    keys_.insert(keys_.end(), keys.begin(), keys.end());
    return true;
  }

  // All cells of the periods, which lie together. "~" comes after every id.
  void AddRange(CellKey key, absl::CivilDay last) {
    std::string first = key.Pack();
    key.period = last;
    if (key.member != kEverybody) key.member = "~";
    ranges_.emplace_back(std::move(first), key.Pack());
  }

  // Adds up what of a cell answers a part of a query. False if it is not readable.
  bool Take(const Part& part, const CellKey& key, const std::string& content) {
    const FigureQuery& query = queries_[part.query];
    PackedCell cell(key, content);
    // Words that places must have; a cell that does not know one has no such place.
    std::vector<std::pair<size_t, uint32_t>> wanted;
    const auto want = [&](size_t index, const std::string& text) {
      const auto word = std::find(cell.words().begin(), cell.words().end(), text);
      wanted.emplace_back(index, word - cell.words().begin());
    };
    for (const auto& [dim, value] : query.filters) want(static_cast<size_t>(dim) - 1, value);
    if (!query.currency.empty()) want(kCurrencyPlace, query.currency);
    // Where days are told apart: the first and the last that are wanted of the month.
    uint32_t first_day = 0;
    uint32_t last_day = 0;
    if (key.holds_days()) {
      first_day = part.first > key.period ? part.first.day() : 1;
      const bool whole_rest = absl::CivilMonth(part.last) > absl::CivilMonth(key.period);
      last_day = whole_rest ? 31 : part.last.day();
    }
    const bool by_day = key.holds_days() && CutsMonths(query.granularity);
    sums_.clear();
    const bool readable = cell.ForEach([&](const Place& place, const Values& values) {
      if (place[kDayPlace] < first_day || place[kDayPlace] > last_day) return;
      for (const auto& [index, word] : wanted) {
        if (place[index] != word) return;
      }
      Values& sum =
          sums_[{query.by_dim == Dim::kNone ? 0 : place[static_cast<size_t>(query.by_dim) - 1],
                 query.by_sub ? place[kSubPlace] : 0, by_day ? place[kDayPlace] : 0}];
      for (size_t i = 0; i < kValueCount; ++i) sum[i] += values[i];
    });
    if (!readable) return false;
    for (const auto& [by, values] : sums_) {
      if (IsZero(values)) continue;
      FigureRow& row = figures_[part.query].emplace_back();
      if (query.by_member) row.member = key.member;
      if (query.by_dim != Dim::kNone) row.key = cell.words()[by[0]];
      if (query.by_sub) row.sub = cell.words()[by[1]];
      if (query.granularity == Granularity::kWhole) {
        row.day = query.range.first;
      } else if (by_day) {
        row.day = key.period + (by[2] - 1);
      } else {
        row.day = std::max(key.period, part.first);
      }
      row.values = values;
    }
    return true;
  }

  const std::vector<FigureQuery>& queries_;
  std::vector<std::vector<FigureRow>> figures_;
  std::map<KindOfCells, std::vector<Part>> parts_;
  std::set<std::tuple<std::string, absl::CivilDay, std::vector<std::string>>> asked_;
  std::vector<std::string> keys_;
  std::vector<std::pair<std::string, std::string>> ranges_;
  // Of the cell being read: by the words of the dimension and the sub key, and the day.
  absl::flat_hash_map<std::array<uint32_t, 3>, Values> sums_;
};

}  // namespace

absl::StatusOr<std::vector<std::vector<FigureRow>>> FigureStore::Read(
    db::Snapshot& snapshot, const std::vector<FigureQuery>& queries) {
  return Reader(queries).Run(snapshot);
}

}  // namespace milepost::reporting
