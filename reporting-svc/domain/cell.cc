#include "reporting-svc/domain/cell.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace milepost::reporting {
namespace {

constexpr CellCut kSingleCuts[] = {CellCut::kNone, CellCut::kProduct, CellCut::kSource,
                                   CellCut::kRegion, CellCut::kChannel};
constexpr size_t kKeyHead = 8;                  // Bytes of a packed key before its member.
constexpr int64_t kDayBias = int64_t{1} << 31;  // So that days order as their bytes do.

absl::CivilDay FirstDay(absl::CivilDay day, Grain grain) {
  switch (grain) {
    case Grain::kDay:
      return day;
    case Grain::kMonth:
      return absl::CivilDay(absl::CivilMonth(day));
    case Grain::kYear:
      return absl::CivilDay(absl::CivilYear(day));
  }
  return day;
}

// True if places of the cut tell the dimension at this index of a Place apart.
bool Tells(CellCut cut, size_t index) {
  return index >= kSubPlace || cut == CellCut::kAll || static_cast<size_t>(cut) == index + 1;
}

void AddTo(Values& sum, const Values& values, int64_t sign) {
  for (size_t i = 0; i < kValueCount; ++i) sum[i] += sign * values[i];
}

}  // namespace

bool HasCells(CellCut cut, Grain grain, bool of_member) {
  if (!of_member) return cut != CellCut::kAll;
  return (cut == CellCut::kAll && grain != Grain::kYear) ||
         (cut == CellCut::kNone && grain != Grain::kDay);
}

std::string CellKey::Pack() const {
  const auto day = static_cast<uint32_t>(DayNumber(period) + kDayBias);
  std::string bytes = {static_cast<char>(group), static_cast<char>(member != kEverybody),
                       static_cast<char>(cut), static_cast<char>(grain)};
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(day >> shift));
  return bytes + member;
}

std::optional<CellKey> CellKey::Unpack(std::string_view bytes) {
  if (bytes.size() < kKeyHead) return std::nullopt;
  uint32_t day = 0;
  for (size_t i = 4; i < kKeyHead; ++i) day = (day << 8) | static_cast<unsigned char>(bytes[i]);
  return CellKey{static_cast<Group>(bytes[0]), static_cast<CellCut>(bytes[2]),
                 static_cast<Grain>(bytes[3]), DayOf(static_cast<int64_t>(day) - kDayBias),
                 std::string(bytes.substr(kKeyHead))};
}

std::string CellKey::ToString() const {
  return absl::StrCat("group=", static_cast<int>(group), " cut=", static_cast<int>(cut),
                      " grain=", static_cast<int>(grain), " member='", member,
                      "' period=", absl::FormatCivilTime(period));
}

uint32_t Words::NumberOf(std::string_view text) {
  const auto found = numbers_.find(text);
  if (found != numbers_.end()) return found->second;
  texts_.emplace_back(text);
  const auto number = static_cast<uint32_t>(texts_.size() - 1);
  numbers_.emplace(texts_.back(), number);
  return number;
}

PackedCell::PackedCell(const CellKey& key, std::string_view content)
    : group_(key.group), cut_(key.cut), holds_days_(key.holds_days()), entries_(content) {
  const int64_t count = entries_.Number();
  for (int64_t i = 0; i < count && entries_.ok(); ++i) words_.push_back(entries_.Text());
}

void PackedCell::Read(Place& place, Values& values) {
  if (holds_days_) {
    const int64_t day = entries_.Number();
    if (day < 1 || day > 31) {
      entries_.Fail();
      return;
    }
    place[kDayPlace] = static_cast<uint32_t>(day);
  }
  for (size_t i = 0; i < kDayPlace; ++i) {
    if (!Tells(cut_, i)) continue;
    const auto number = static_cast<uint64_t>(entries_.Number());
    if (number >= words_.size()) {
      entries_.Fail();
      return;
    }
    place[i] = static_cast<uint32_t>(number);
  }
  for (size_t i = 0; i < ValueCount(group_); ++i) values[i] = entries_.Number();
}

void Cells::Add(const Fact& fact, int sign) {
  Place place = {};
  const std::string* texts[] = {&fact.product, &fact.source, &fact.region,
                                &fact.channel, &fact.sub,    &fact.currency};
  for (size_t i = 0; i < kDayPlace; ++i) place[i] = words_.NumberOf(*texts[i]);
  const auto add = [&](CellCut cut, Grain grain, const std::string& member) {
    Place in_cut = {};
    for (size_t i = 0; i < kDayPlace; ++i) {
      if (Tells(cut, i)) in_cut[i] = place[i];
    }
    CellKey key{fact.group, cut, grain, FirstDay(fact.day, grain), member};
    if (key.holds_days()) {
      in_cut[kDayPlace] = static_cast<uint32_t>(fact.day.day());
      key.period = FirstDay(fact.day, Grain::kMonth);
    }
    if (!wanted_ || wanted_(key)) AddTo(cells_[key][in_cut], fact.values, sign);
  };
  for (const Grain grain : {Grain::kDay, Grain::kMonth, Grain::kYear}) {
    for (const CellCut cut : kSingleCuts) add(cut, grain, kEverybody);
    for (const CellCut cut : {CellCut::kNone, CellCut::kAll}) {
      if (HasCells(cut, grain, true)) add(cut, grain, fact.member);
    }
  }
}

bool Cells::AddStored(const CellKey& key, std::string_view content) {
  PackedCell stored(key, content);
  std::vector<uint32_t> numbers;
  numbers.reserve(stored.words().size());
  for (const std::string_view word : stored.words()) numbers.push_back(words_.NumberOf(word));
  Sums& sums = cells_[key];
  return stored.ForEach([&](const Place& place, const Values& values) {
    Place here = {};
    here[kDayPlace] = place[kDayPlace];
    for (size_t i = 0; i < kDayPlace; ++i) {
      if (Tells(key.cut, i)) here[i] = numbers[place[i]];
    }
    AddTo(sums[here], values, 1);
  });
}

std::string Cells::Pack(const CellKey& key) {
  PackedWriter entries;
  std::vector<uint32_t> used;  // Words by their number in the cell.
  // numbers_in_cell_: by word, the number in the cell plus 1; all 0 between two calls.
  numbers_in_cell_.resize(words_.size());
  if (const auto found = cells_.find(key); found != cells_.end()) {
    for (const auto& [place, values] : found->second) {
      if (IsZero(values)) continue;
      if (key.holds_days()) entries.Number(place[kDayPlace]);
      for (size_t i = 0; i < kDayPlace; ++i) {
        if (!Tells(key.cut, i)) continue;
        uint32_t& number = numbers_in_cell_[place[i]];
        if (number == 0) {
          used.push_back(place[i]);
          number = static_cast<uint32_t>(used.size());
        }
        entries.Number(number - 1);
      }
      for (size_t i = 0; i < ValueCount(key.group); ++i) entries.Number(values[i]);
    }
  }
  PackedWriter head;
  head.Number(static_cast<int64_t>(used.size()));
  for (const uint32_t word : used) {
    head.Text(words_.Text(word));
    numbers_in_cell_[word] = 0;
  }
  return head.Take() + entries.Take();
}

}  // namespace milepost::reporting
