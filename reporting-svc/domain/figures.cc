#include "reporting-svc/domain/figures.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

namespace milepost::reporting {
namespace {

// A place as one number: the day or month above the number of the dimensions above that of the sub.
constexpr int kSubBits = 26;
constexpr int kDimBits = 32;
constexpr uint64_t kSubMask = (uint64_t{1} << kSubBits) - 1;
constexpr uint64_t kDimMask = (uint64_t{1} << kDimBits) - 1;

uint64_t PlaceOf(uint32_t time, uint32_t dims, uint32_t sub) {
  return (uint64_t{time} << (kSubBits + kDimBits)) | (uint64_t{dims} << kSubBits) | sub;
}
uint32_t TimeIn(uint64_t place) { return static_cast<uint32_t>(place >> (kSubBits + kDimBits)); }
uint32_t DimsIn(uint64_t place) { return static_cast<uint32_t>((place >> kSubBits) & kDimMask); }
uint32_t SubIn(uint64_t place) { return static_cast<uint32_t>(place & kSubMask); }

// Entries that are added behind the merged ones are merged once they are more than this and half of
// them.
constexpr size_t kMaxUnmerged = 64;
// Sums are looked up in a table up to so many, and hashed beyond.
constexpr uint64_t kMaxTable = 1 << 16;
constexpr uint32_t kUnwanted = std::numeric_limits<uint32_t>::max();

bool FitsNarrow(const int64_t* values, size_t count) {
  return std::all_of(values, values + count, [](int64_t value) {
    return value >= std::numeric_limits<int32_t>::min() &&
           value <= std::numeric_limits<int32_t>::max();
  });
}

// Sums by slot.
class Sums {
 public:
  Sums(uint64_t slots, size_t count) : count_(count) {
    if (slots <= kMaxTable) table_.resize(slots);
  }

  template <typename Value>
  void Add(uint64_t slot, const Value* values) {
    uint32_t& row = table_.empty() ? hashed_[slot] : table_[slot];  // Plus 1; 0 before the first.
    if (row == 0) {
      slots_.push_back(slot);
      row = static_cast<uint32_t>(slots_.size());
      sums_.resize(sums_.size() + count_);
    }
    int64_t* sum = sums_.data() + (row - 1) * count_;
    for (size_t i = 0; i < count_; ++i) sum[i] += values[i];
  }

  // Calls with every slot that is not 0 in every value, and begins anew.
  template <typename Function>  // void(uint64_t slot, const Values&)
  void Take(Function function) {
    for (size_t row = 0; row < slots_.size(); ++row) {
      Values values = {};
      std::copy_n(sums_.begin() + row * count_, count_, values.begin());
      if (!IsZero(values)) function(slots_[row], values);
      if (!table_.empty()) table_[slots_[row]] = 0;
    }
    hashed_.clear();
    slots_.clear();
    sums_.clear();
  }

 private:
  const size_t count_;
  std::vector<uint32_t> table_;
  absl::flat_hash_map<uint64_t, uint32_t> hashed_;
  std::vector<uint64_t> slots_;
  std::vector<int64_t> sums_;
};

// Gives numbers to words in the order in which they come.
class Outcomes {
 public:
  explicit Outcomes(size_t words) : numbers_(words, kUnwanted) {}
  uint32_t NumberOf(uint32_t word) {
    if (numbers_[word] == kUnwanted) {
      numbers_[word] = static_cast<uint32_t>(words_.size());
      words_.push_back(word);
    }
    return numbers_[word];
  }
  const std::vector<uint32_t>& words() const { return words_; }

 private:
  std::vector<uint32_t> numbers_;
  std::vector<uint32_t> words_;
};

}  // namespace

void Figures::Page::MakeWide() {
  is_wide = true;
  wide.assign(narrow.begin(), narrow.end());
  narrow = {};
}

void Figures::Page::Set(size_t entry, const int64_t* values, size_t count) {
  if (!is_wide && !FitsNarrow(values, count)) MakeWide();
  if (is_wide) {
    std::copy_n(values, count, wide.begin() + static_cast<std::ptrdiff_t>(entry * count));
  } else {
    std::transform(values, values + count,
                   narrow.begin() + static_cast<std::ptrdiff_t>(entry * count),
                   [](int64_t value) { return static_cast<int32_t>(value); });
  }
}

void Figures::Page::Append(uint64_t place, const int64_t* values, size_t count) {
  if (places.size() == places.capacity()) {
    // By a quarter: there are many pages, and most of them stay as they are.
    const size_t capacity = places.size() + places.size() / 4 + 4;
    places.reserve(capacity);
    if (is_wide) {
      wide.reserve(capacity * count);
    } else {
      narrow.reserve(capacity * count);
    }
  }
  places.push_back(place);
  if (is_wide) {
    wide.resize(places.size() * count);
  } else {
    narrow.resize(places.size() * count);
  }
  Set(places.size() - 1, values, count);
}

void Figures::Page::Merge(size_t count) {
  std::vector<uint32_t> order(places.size());
  std::iota(order.begin(), order.end(), 0);
  const auto before = [this](uint32_t a, uint32_t b) { return places[a] < places[b]; };
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(merged);
  std::sort(middle, order.end(), before);
  std::inplace_merge(order.begin(), middle, order.end(), before);

  Page made;
  Values sum = {};
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t v = 0; v < count; ++v) sum[v] += value(order[i] * count + v);
    if (i + 1 < order.size() && places[order[i + 1]] == places[order[i]]) continue;
    if (!IsZero(sum)) made.Append(places[order[i]], sum.data(), count);
    sum = {};
  }
  made.merged = made.places.size();
  made.places.shrink_to_fit();
  made.narrow.shrink_to_fit();
  made.wide.shrink_to_fit();
  *this = std::move(made);
}

uint32_t Figures::Sheet::NumberOf(const DimWords& key) {
  const auto [found, added] = dim_numbers.try_emplace(key, static_cast<uint32_t>(dims.size()));
  const uint32_t number = found->second;
  if (!added) return number;
  dims.push_back(key);
  cuts.emplace_back();
  // A cut to one is its own cut to it.
  for (size_t cut = 0; cut < kCuts; ++cut) {
    DimWords words = {};
    if (cut > 0) words[cut - 1] = key[cut - 1];
    const uint32_t cut_number = words == key ? number : NumberOf(words);
    cuts[number][cut] = cut_number;
  }
  return number;
}

uint32_t Figures::Sheet::NumberOf(const SubWords& key) {
  const auto [found, added] = sub_numbers.try_emplace(key, static_cast<uint32_t>(subs.size()));
  if (added) subs.push_back(key);
  return found->second;
}

void Figures::Page::Gather(uint64_t place, const int64_t* values, size_t count) {
  Append(place, values, count);
  if (places.size() > merged + std::max(kMaxUnmerged, merged / 2)) Merge(count);
}

Figures::Target Figures::TargetOf(const CellKey& key) {
  Sheet& sheet = sheets_[key.group];
  Sheet::Member& member = sheet.members[key.member];
  Target target{sheet,
                ValueCount(key.group),
                static_cast<uint32_t>(key.month.month()),
                member.days[key.month],
                {},
                {}};
  for (size_t cut = 0; cut < kCuts; ++cut) {
    target.months[cut] = &member.months[cut][absl::CivilMonth(absl::CivilYear(key.month))];
    target.everybody[cut] = &sheet.everybody[cut][key.month];
  }
  return target;
}

void Figures::AddTo(const Target& target, uint32_t day, const DimWords& dims, const SubWords& sub,
                    const Values& values) {
  const uint32_t dims_number = target.sheet.NumberOf(dims);
  const uint32_t sub_number = target.sheet.NumberOf(sub);
  target.days.Gather(PlaceOf(day, dims_number, sub_number), values.data(), target.count);
  for (size_t cut = 0; cut < kCuts; ++cut) {
    const uint32_t cut_number = target.sheet.cuts[dims_number][cut];
    target.months[cut]->Gather(PlaceOf(target.month, cut_number, sub_number), values.data(),
                               target.count);
    Page& page = *target.everybody[cut];
    const uint64_t place = PlaceOf(day, cut_number, sub_number);
    const auto [found, added] =
        page.index.try_emplace(place, static_cast<uint32_t>(page.places.size()));
    if (added) {
      page.Append(place, values.data(), target.count);
      continue;
    }
    Values sum = values;
    for (size_t i = 0; i < target.count; ++i)
      sum[i] += page.value(found->second * target.count + i);
    page.Set(found->second, sum.data(), target.count);
  }
}

void Figures::Add(const Fact& fact) {
  const Target target = TargetOf(CellOf(fact));
  const auto word = [&target](const std::string& text) {
    return target.sheet.words.NumberOf(text);
  };
  AddTo(target, static_cast<uint32_t>(fact.day.day()),
        {word(fact.product), word(fact.source), word(fact.region), word(fact.channel)},
        {word(fact.sub), word(fact.currency)}, fact.values);
}

bool Figures::AddStored(const CellKey& key, std::string_view content) {
  const Target target = TargetOf(key);
  PackedCell stored(key, content);
  std::vector<uint32_t> words;
  words.reserve(stored.words().size());
  for (const std::string_view word : stored.words())
    words.push_back(target.sheet.words.NumberOf(word));
  return stored.ForEach([&](const Place& place, const Values& values) {
    AddTo(target, place[kDayPlace],
          {words[place[0]], words[place[1]], words[place[2]], words[place[3]]},
          {words[place[kSubPlace]], words[place[kCurrencyPlace]]}, values);
  });
}

void Figures::Replace(Group group, Figures& others) {
  sheets_.erase(group);
  sheets_.insert(others.sheets_.extract(group));
}

Values Figures::SumOf(const CellKey& key) const {
  Values sum = {};
  const auto sheet = sheets_.find(key.group);
  if (sheet == sheets_.end()) return sum;
  const auto pages = sheet->second.members.find(key.member);
  if (pages == sheet->second.members.end()) return sum;
  const auto page = pages->second.days.find(key.month);
  if (page == pages->second.days.end()) return sum;
  const size_t count = ValueCount(key.group);
  for (size_t i = 0; i < page->second.places.size() * count; ++i)
    sum[i % count] += page->second.value(i);
  return sum;
}

// One query on its way through the pages.
class Figures::Reading {
 public:
  Reading(const Sheet& sheet, const FigureQuery& query)
      : sheet_(sheet),
        query_(query),
        count_(ValueCount(query.group)),
        range_(Clip(sheet, query.range)),
        dim_keys_(sheet.words.size()),
        sub_keys_(sheet.words.size()) {
    if (!range_) return;
    FindDims();
    FindSubs();
    FindPeriods();
    FindMonths();
  }

  void Run(const TakeRow& take_row) {
    if (!range_ || dim_keys_.words().empty() || sub_keys_.words().empty()) return;
    Sums sums(dim_keys_.words().size() * sub_keys_.words().size() * periods_.size(), count_);
    const auto take = [&](std::string_view member) {
      sums.Take([&](uint64_t slot, const Values& values) {
        FigureRow row;
        row.day = periods_[slot % periods_.size()];
        slot /= periods_.size();
        const uint32_t sub = sub_keys_.words()[slot % sub_keys_.words().size()];
        const uint32_t key = dim_keys_.words()[slot / sub_keys_.words().size()];
        row.member = member;
        row.key = sheet_.words.Text(key);
        row.sub = sheet_.words.Text(sub);
        row.values = values;
        take_row(row);
      });
    };
    const bool everybody = query_.who.kind == MemberSelection::Kind::kEverybody;
    if (everybody && dims_asked_ <= 1) {
      Scan(sheet_.everybody[static_cast<size_t>(only_dim_)], *range_, sums);
    } else if (query_.who.kind == MemberSelection::Kind::kThese) {
      for (const std::string& member : query_.who.members) {
        const auto found = sheet_.members.find(member);
        if (found == sheet_.members.end()) continue;
        ScanMember(found->second, sums);
        if (query_.by_member) take(member);
      }
    } else {
      for (const auto& [member, pages] : sheet_.members) {
        ScanMember(pages, sums);
        if (query_.by_member) take(member);
      }
    }
    take("");
  }

 private:
  // The days of the range in months that there are.
  static std::optional<Days> Clip(const Sheet& sheet, const Days& range) {
    const Pages& all = sheet.everybody[0];
    if (all.empty()) return std::nullopt;
    return Intersect(
        range, {absl::CivilDay(all.begin()->first), absl::CivilDay(all.rbegin()->first + 1) - 1});
  }

  void FindDims() {
    std::map<Dim, std::string> dims = query_.filters;
    if (query_.by_dim != Dim::kNone) dims.emplace(query_.by_dim, "");
    dims_asked_ = dims.size();
    if (dims_asked_ == 1) only_dim_ = dims.begin()->first;
    std::vector<std::pair<size_t, uint32_t>> wanted;
    for (const auto& [dim, value] : query_.filters) {
      const std::optional<uint32_t> word = sheet_.words.Find(value);
      if (!word) return;
      wanted.emplace_back(static_cast<size_t>(dim) - 1, *word);
    }
    dim_slots_.reserve(sheet_.dims.size());
    for (const DimWords& words : sheet_.dims) {
      const bool fits = std::all_of(wanted.begin(), wanted.end(), [&words](const auto& filter) {
        return words[filter.first] == filter.second;
      });
      const uint32_t key =
          query_.by_dim == Dim::kNone ? 0 : words[static_cast<size_t>(query_.by_dim) - 1];
      dim_slots_.push_back(fits ? dim_keys_.NumberOf(key) : kUnwanted);
    }
  }

  void FindSubs() {
    const std::optional<uint32_t> currency = sheet_.words.Find(query_.currency);
    if (!currency) return;
    sub_slots_.reserve(sheet_.subs.size());
    for (const SubWords& words : sheet_.subs) {
      const bool fits = query_.currency.empty() || words[1] == *currency;
      sub_slots_.push_back(fits ? sub_keys_.NumberOf(query_.by_sub ? words[0] : 0) : kUnwanted);
    }
  }

  void FindPeriods() {
    if (query_.granularity == Granularity::kWhole) {
      periods_ = {query_.range.first};
      return;
    }
    period_slots_.reserve(static_cast<size_t>(range_->count()));
    for (const Days& period : Cut(*range_, query_.granularity)) {
      period_slots_.insert(period_slots_.end(), static_cast<size_t>(period.count()),
                           static_cast<uint32_t>(periods_.size()));
      periods_.push_back(period.first);
    }
  }

  // Months that lie in the range as a whole, if sums of months answer the query.
  void FindMonths() {
    const bool by_days =
        query_.granularity == Granularity::kDay || query_.granularity == Granularity::kWeek;
    if (by_days || dims_asked_ > 1) return;
    const absl::CivilMonth after_first(range_->first - 1);
    const Days months{absl::CivilDay(after_first + 1),
                      absl::CivilDay(absl::CivilMonth(range_->last + 1)) - 1};
    if (months.first <= months.last) months_ = months;
  }

  // Whole months are read as such where that is fine enough.
  void ScanMember(const Sheet::Member& member, Sums& sums) const {
    if (!months_) return Scan(member.days, *range_, sums);
    if (range_->first < months_->first)
      Scan(member.days, {range_->first, months_->first - 1}, sums);
    ScanMonths(member.months[static_cast<size_t>(only_dim_)], sums);
    if (months_->last < range_->last) Scan(member.days, {months_->last + 1, range_->last}, sums);
  }

  // Where in `period_slots_` the days or months of a page are, by their numbers.
  struct Extent {
    uint32_t first = 1;
    uint32_t last = 0;
    std::array<int64_t, 32> at = {};
  };

  void Scan(const Pages& days, const Days& range, Sums& sums) const {
    const absl::CivilMonth last(range.last);
    for (auto page = days.lower_bound(absl::CivilMonth(range.first));
         page != days.end() && page->first <= last; ++page) {
      const absl::CivilDay begin(page->first);
      Extent extent;
      extent.first = range.first > begin ? static_cast<uint32_t>(range.first.day()) : 1;
      extent.last = last > page->first ? 31 : static_cast<uint32_t>(range.last.day());
      for (uint32_t day = extent.first; day <= extent.last; ++day)
        extent.at[day] = begin - range_->first + day - 1;
      Scan(page->second, extent, sums);
    }
  }

  void ScanMonths(const Pages& years, Sums& sums) const {
    const absl::CivilYear last(months_->last);
    for (auto page = years.lower_bound(absl::CivilMonth(absl::CivilYear(months_->first)));
         page != years.end() && absl::CivilYear(page->first) <= last; ++page) {
      const absl::CivilYear year(page->first);
      Extent extent;
      extent.first = year == absl::CivilYear(months_->first)
                         ? static_cast<uint32_t>(months_->first.month())
                         : 1;
      extent.last = year == last ? static_cast<uint32_t>(months_->last.month()) : 12;
      for (uint32_t month = extent.first; month <= extent.last; ++month) {
        extent.at[month] =
            absl::CivilDay(page->first + (static_cast<int>(month) - 1)) - range_->first;
      }
      Scan(page->second, extent, sums);
    }
  }

  void Scan(const Page& page, const Extent& extent, Sums& sums) const {
    // Of what is in order, only what lies between; of the rest, all.
    const auto begin = page.places.begin();
    const auto merged = begin + static_cast<std::ptrdiff_t>(page.merged);
    const auto from = std::lower_bound(begin, merged, PlaceOf(extent.first, 0, 0));
    const auto to = std::lower_bound(from, merged, PlaceOf(extent.last + 1, 0, 0));
    Scan(page, static_cast<size_t>(from - begin), static_cast<size_t>(to - begin), extent, sums);
    Scan(page, page.merged, page.places.size(), extent, sums);
  }

  void Scan(const Page& page, size_t from, size_t to, const Extent& extent, Sums& sums) const {
    if (page.is_wide) {
      Scan(page.places, page.wide, from, to, extent, sums);
    } else {
      Scan(page.places, page.narrow, from, to, extent, sums);
    }
  }

  template <typename Value>
  void Scan(const std::vector<uint64_t>& places, const std::vector<Value>& values, size_t from,
            size_t to, const Extent& extent, Sums& sums) const {
    const size_t subs = sub_keys_.words().size();
    for (size_t entry = from; entry < to; ++entry) {
      const uint64_t place = places[entry];
      const uint32_t time = TimeIn(place);
      if (time < extent.first || time > extent.last) continue;
      const uint32_t dim = dim_slots_[DimsIn(place)];
      const uint32_t sub = sub_slots_[SubIn(place)];
      if (dim == kUnwanted || sub == kUnwanted) continue;
      uint64_t slot = uint64_t{dim} * subs + sub;
      if (!period_slots_.empty()) {
        slot = slot * periods_.size() + period_slots_[static_cast<size_t>(extent.at[time])];
      }
      sums.Add(slot, values.data() + entry * count_);
    }
  }

  const Sheet& sheet_;
  const FigureQuery& query_;
  const size_t count_;
  const std::optional<Days> range_;
  std::optional<Days> months_;
  size_t dims_asked_ = 0;
  Dim only_dim_ = Dim::kNone;
  Outcomes dim_keys_;
  Outcomes sub_keys_;
  std::vector<uint32_t> dim_slots_;     // By number of dimensions.
  std::vector<uint32_t> sub_slots_;     // By number of sub.
  std::vector<uint32_t> period_slots_;  // By day of the range; empty if it is not cut.
  std::vector<absl::CivilDay> periods_;
};

void Figures::Read(const FigureQuery& query, const TakeRow& take) const {
  const auto sheet = sheets_.find(query.group);
  if (sheet != sheets_.end()) Reading(sheet->second, query).Run(take);
}

}  // namespace milepost::reporting
