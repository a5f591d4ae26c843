#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/civil_time.h"
#include "reporting-svc/domain/fact.h"
#include "reporting-svc/domain/packed.h"
#include "reporting-svc/domain/period.h"

// Cells sum up facts. One cell holds, for one group of values, one period, and one member or all
// members together, the sums by place: by sub key, currency, and as many dimensions as its cut
// says.
namespace milepost::reporting {

// The dimensions that the places of a cell tell apart; the first five are those of `Dim`.
enum class CellCut { kNone = 0, kProduct = 1, kSource = 2, kRegion = 3, kChannel = 4, kAll = 5 };

// Which cell. Its packed form orders cells by group, then all members before single ones, cut,
// grain, period and member, so that what a report reads lies together.
struct CellKey {
  Group group = Group::kOpened;
  CellCut cut = CellCut::kNone;
  Grain grain = Grain::kDay;
  absl::CivilDay period;  // First day; of the month for days of a single member.
  std::string member;     // Id, kNobody or kEverybody.

  // A single member's days of a month are one cell, whose places tell the days apart.
  bool holds_days() const { return grain == Grain::kDay && member != kEverybody; }

  std::string Pack() const;
  // nullopt for bytes that no key packs to.
  static std::optional<CellKey> Unpack(std::string_view bytes);
  std::string ToString() const;

  friend bool operator==(const CellKey&, const CellKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const CellKey& k) {
    return H::combine(std::move(h), k.group, k.cut, k.grain, k.period, k.member);
  }
};

// Which cells are kept. Of everybody together: uncut and by each dimension, at every grain. Of
// single members: by all dimensions at once by day and month, and uncut by month and year.
// Everything else is read from these. The days of a month of a single member share one cell.
bool HasCells(CellCut cut, Grain grain, bool of_member);

// Texts by number. Number 0 is the empty text.
class Words {
 public:
  Words() { NumberOf(""); }
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  uint32_t NumberOf(std::string_view text);
  const std::string& Text(uint32_t number) const { return texts_[number]; }
  size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;
  std::unordered_map<std::string_view, uint32_t> numbers_;
};

// Where in a cell: numbers of the words for the dimensions in the order of `Dim` without kNone,
// then of the sub key and the currency, and then the day of the month, 0 in cells that do not hold
// days. Dimensions outside of the cell's cut are "".
using Place = std::array<uint32_t, 7>;
inline constexpr size_t kSubPlace = 4;
inline constexpr size_t kCurrencyPlace = 5;
inline constexpr size_t kDayPlace = 6;

// A stored cell, read in place.
class PackedCell {
 public:
  // `content` outlives this object.
  PackedCell(const CellKey& key, std::string_view content);

  // Its own words, by number.
  const std::vector<std::string_view>& words() const { return words_; }
  // Calls with every place, in words of its own, and its values. False if the content is not
  // readable.
  template <typename Function>  // void(const Place&, const Values&)
  bool ForEach(Function function) {
    while (entries_.ok() && !entries_.AtEnd()) {
      Place place = {};
      Values values = {};
      Read(place, values);
      if (entries_.ok()) function(place, values);
    }
    return entries_.ok();
  }

 private:
  void Read(Place& place, Values& values);

  const Group group_;
  const CellCut cut_;
  const bool holds_days_;
  std::vector<std::string_view> words_;
  PackedReader entries_;
};

// Cells in memory: what facts add to those that are stored, or whole ones.
class Cells {
 public:
  using Sums = absl::flat_hash_map<Place, Values>;

  Cells() = default;
  // Facts are added to those cells only that are wanted.
  explicit Cells(std::function<bool(const CellKey&)> wanted) : wanted_(std::move(wanted)) {}

  // Adds the fact `sign` (1 or -1) times to all cells that it belongs to.
  void Add(const Fact& fact, int sign);
  // Adds what is stored of a cell. False if it is not readable.
  bool AddStored(const CellKey& key, std::string_view content);

  // What is to be stored of a cell. Places without any value are left out.
  std::string Pack(const CellKey& key);

  const absl::flat_hash_map<CellKey, Sums>& cells() const { return cells_; }
  const Words& words() const { return words_; }
  // Forgets one cell.
  void Erase(const CellKey& key) { cells_.erase(key); }

 private:
  const std::function<bool(const CellKey&)> wanted_;  // Empty: all are.
  Words words_;
  absl::flat_hash_map<CellKey, Sums> cells_;
  std::vector<uint32_t> numbers_in_cell_;  // While a cell is packed.
};

}  // namespace milepost::reporting
