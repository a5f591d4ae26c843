#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/civil_time.h"
#include "reporting-svc/domain/cell.h"
#include "reporting-svc/domain/fact.h"
#include "reporting-svc/domain/period.h"

// The sums that reports are made of, in memory, and how they are asked for. Pure.
namespace milepost::reporting {

// Whose figures: everybody's together, or those of single members.
struct MemberSelection {
  enum class Kind { kEverybody, kEachMember, kThese };
  Kind kind = Kind::kEverybody;
  std::vector<std::string> members;  // For kThese; none twice.
};

// Sums of one group of values.
struct FigureQuery {
  Group group = Group::kOrder;
  Days range;
  // How finely sums are asked for: each is of one period of this length, cut to the range.
  Granularity granularity = Granularity::kWhole;
  MemberSelection who;
  std::map<Dim, std::string> filters;  // Never kNone.
  Dim by_dim = Dim::kNone;
  bool by_member = false;
  bool by_sub = false;
  std::string
      currency;  // Only amounts in it; empty means all, for groups or values that are counts.
};

// Its texts are those of the figures: to be copied by who keeps them.
struct FigureRow {
  std::string_view member;  // Unless by_member, empty.
  std::string_view key;     // Unless by_dim, empty.
  std::string_view sub;     // Unless by_sub, empty.
  absl::CivilDay day;       // The first of the period that lies in the range.
  Values values = {};
};
using TakeRow = std::function<void(const FigureRow&)>;

// Sums of facts by member and day; by member and month, uncut and by each single dimension; and of
// all members by day, in the same cuts. Sums over long ranges are made of few entries. An entry
// takes 8 bytes and 4 for each value of its group (8 if one of the page does not fit). Reading is
// safe from several threads while none writes.
class Figures {
 public:
  void Add(const Fact& fact);
  // Adds what is stored of a cell. False if it is not readable.
  bool AddStored(const CellKey& key, std::string_view content);
  // Forgets all of a group.
  void Clear(Group group) { sheets_.erase(group); }
  // Takes all of a group from others in place of its own.
  void Replace(Group group, Figures& others);

  // Gives `take` the rows that are not 0 in every value, those of one member one after the other;
  // no two are alike in all but their values.
  void Read(const FigureQuery& query, const TakeRow& take) const;

  // The sum over all places of a cell.
  Values SumOf(const CellKey& key) const;

 private:
  // Entries of one owner: by the days of a month, or the months of a year.
  struct Page {
    // Number of the day or month, number of the dimensions, number of the sub.
    std::vector<uint64_t> places;
    // The values of each place, in whichever of the two they all fit.
    std::vector<int32_t> narrow;
    std::vector<int64_t> wide;
    bool is_wide = false;
    size_t merged = 0;  // The first so many places are all different and in order.
    // By place where it is; kept for everybody, where nearly every fact meets a place that is
    // there.
    absl::flat_hash_map<uint64_t, uint32_t> index;

    int64_t value(size_t i) const { return is_wide ? wide[i] : narrow[i]; }
    void Append(uint64_t place, const int64_t* values, size_t count);
    void Set(size_t entry, const int64_t* values, size_t count);
    void MakeWide();
    // Appends and now and then merges what is alike.
    void Gather(uint64_t place, const int64_t* values, size_t count);
    void Merge(size_t count);
  };
  using Pages = std::map<absl::CivilMonth, Page>;  // A year is its first month.
  using DimWords = std::array<uint32_t, 4>;
  using SubWords = std::array<uint32_t, 2>;  // Sub key, currency.
  static constexpr size_t kCuts = kDims.size();
  struct Sheet {
    Words words;
    std::vector<DimWords> dims;
    absl::flat_hash_map<DimWords, uint32_t> dim_numbers;
    // By number of dimensions, what they are numbered when cut to none or one of them.
    std::vector<std::array<uint32_t, kCuts>> cuts;
    std::vector<SubWords> subs;
    absl::flat_hash_map<SubWords, uint32_t> sub_numbers;
    struct Member {
      Pages days;
      std::array<Pages, kCuts> months;  // By Dim.
    };
    std::map<std::string, Member> members;
    std::array<Pages, kCuts> everybody;  // By Dim; days.

    uint32_t NumberOf(const DimWords& key);
    uint32_t NumberOf(const SubWords& key);
  };
  // Where the facts of a cell are added.
  struct Target {
    Sheet& sheet;
    size_t count;
    uint32_t month;
    Page& days;
    std::array<Page*, kCuts> months;
    std::array<Page*, kCuts> everybody;
  };
  class Reading;

  Target TargetOf(const CellKey& key);
  static void AddTo(const Target& target, uint32_t day, const DimWords& dims, const SubWords& sub,
                    const Values& values);

  std::map<Group, Sheet> sheets_;
};

}  // namespace milepost::reporting
