#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/civil_time.h"
#include "reporting-svc/domain/fact.h"
#include "reporting-svc/domain/packed.h"

// Cells sum up facts. One cell holds, for one group of values, one member and one month, the sums
// by place: by day, product, source, region, channel, sub key and currency.
namespace milepost::reporting {

// Which cell. Its packed form orders cells by group, month and member.
struct CellKey {
  Group group = Group::kOpened;
  absl::CivilMonth month;
  std::string member = kNobody;  // Id, or kNobody.

  std::string Pack() const;
  // nullopt for bytes that no key packs to.
  static std::optional<CellKey> Unpack(std::string_view bytes);
  std::string ToString() const;

  friend bool operator==(const CellKey&, const CellKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const CellKey& k) {
    return H::combine(std::move(h), k.group, k.month, k.member);
  }
};
CellKey CellOf(const Fact& fact);

// Texts by number. Number 0 is the empty text.
class Words {
 public:
  Words() { NumberOf(""); }
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  uint32_t NumberOf(std::string_view text);
  // Without giving it a number.
  std::optional<uint32_t> Find(std::string_view text) const;
  const std::string& Text(uint32_t number) const { return texts_[number]; }
  size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;
  std::unordered_map<std::string_view, uint32_t> numbers_;
};

// Where in a cell: numbers of the words for the dimensions in the order of `Dim` without kNone,
// then of the sub key and the currency, and then the day of the month.
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
  std::vector<std::string_view> words_;
  PackedReader entries_;
};

// Cells in memory: what facts add to those that are stored, or whole ones.
class Cells {
 public:
  using Sums = absl::flat_hash_map<Place, Values>;

  void Add(const Fact& fact);
  // Adds what is stored of a cell. False if it is not readable.
  bool AddStored(const CellKey& key, std::string_view content);

  // What is to be stored of a cell. Places without any value are left out.
  std::string Pack(const CellKey& key);

  const absl::flat_hash_map<CellKey, Sums>& cells() const { return cells_; }
  const Words& words() const { return words_; }

 private:
  Words words_;
  absl::flat_hash_map<CellKey, Sums> cells_;
  std::vector<uint32_t> numbers_in_cell_;  // While a cell is packed.
};

}  // namespace milepost::reporting
