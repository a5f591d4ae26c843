#include "reporting-svc/domain/cell.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "reporting-svc/domain/period.h"

namespace milepost::reporting {
namespace {

constexpr size_t kKeyHead = 5;                  // Bytes of a packed key before its member.
constexpr int64_t kDayBias = int64_t{1} << 31;  // So that days order as their bytes do.

}  // namespace

std::string CellKey::Pack() const {
  const auto day = static_cast<uint32_t>(DayNumber(absl::CivilDay(month)) + kDayBias);
  std::string bytes(1, static_cast<char>(group));
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(day >> shift));
  return bytes + member;
}

std::optional<CellKey> CellKey::Unpack(std::string_view bytes) {
  if (bytes.size() <= kKeyHead) return std::nullopt;
  uint32_t day = 0;
  for (size_t i = 1; i < kKeyHead; ++i) day = (day << 8) | static_cast<unsigned char>(bytes[i]);
  return CellKey{static_cast<Group>(bytes[0]),
                 absl::CivilMonth(DayOf(static_cast<int64_t>(day) - kDayBias)),
                 std::string(bytes.substr(kKeyHead))};
}

std::string CellKey::ToString() const {
  return absl::StrCat("group=", static_cast<int>(group), " member='", member,
                      "' month=", absl::FormatCivilTime(month));
}

CellKey CellOf(const Fact& fact) { return {fact.group, absl::CivilMonth(fact.day), fact.member}; }

std::optional<uint32_t> Words::Find(std::string_view text) const {
  const auto found = numbers_.find(text);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

uint32_t Words::NumberOf(std::string_view text) {
  if (const std::optional<uint32_t> known = Find(text)) return *known;
  texts_.emplace_back(text);
  const auto number = static_cast<uint32_t>(texts_.size() - 1);
  numbers_.emplace(texts_.back(), number);
  return number;
}

PackedCell::PackedCell(const CellKey& key, std::string_view content)
    : group_(key.group), entries_(content) {
  const int64_t count = entries_.Number();
  for (int64_t i = 0; i < count && entries_.ok(); ++i) words_.push_back(entries_.Text());
}

void PackedCell::Read(Place& place, Values& values) {
  const int64_t day = entries_.Number();
  if (day < 1 || day > 31) {
    entries_.Fail();
    return;
  }
  place[kDayPlace] = static_cast<uint32_t>(day);
  for (size_t i = 0; i < kDayPlace; ++i) {
    const auto number = static_cast<uint64_t>(entries_.Number());
    if (number >= words_.size()) {
      entries_.Fail();
      return;
    }
    place[i] = static_cast<uint32_t>(number);
  }
  for (size_t i = 0; i < ValueCount(group_); ++i) values[i] = entries_.Number();
}

void Cells::Add(const Fact& fact) {
  Place place = {};
  const std::string* texts[] = {&fact.product, &fact.source, &fact.region,
                                &fact.channel, &fact.sub,    &fact.currency};
  for (size_t i = 0; i < kDayPlace; ++i) place[i] = words_.NumberOf(*texts[i]);
  place[kDayPlace] = static_cast<uint32_t>(fact.day.day());
  AddTo(cells_[CellOf(fact)][place], fact.values);
}

bool Cells::AddStored(const CellKey& key, std::string_view content) {
  PackedCell stored(key, content);
  std::vector<uint32_t> numbers;
  numbers.reserve(stored.words().size());
  for (const std::string_view word : stored.words()) numbers.push_back(words_.NumberOf(word));
  Sums& sums = cells_[key];
  return stored.ForEach([&](const Place& place, const Values& values) {
    Place here = place;
    for (size_t i = 0; i < kDayPlace; ++i) here[i] = numbers[place[i]];
    AddTo(sums[here], values);
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
      entries.Number(place[kDayPlace]);
      for (size_t i = 0; i < kDayPlace; ++i) {
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
