#include "reporting-svc/domain/organization.h"

#include <algorithm>
#include <set>
#include <utility>

namespace milepost::reporting {
namespace {

// Deeper trees, and circles that a half-applied feed might show for a moment, end here.
constexpr int kMaxDepth = 64;

const Placement* PlacementOn(const std::vector<Placement>& placements, absl::CivilDay day) {
  if (placements.empty()) return nullptr;
  const Placement* found = &placements.front();
  for (const Placement& placement : placements) {
    if (placement.first_day <= day) found = &placement;
  }
  return found;
}

template <typename T>
void SortPlacements(std::vector<T>& records) {
  for (T& record : records) {
    std::stable_sort(
        record.placements.begin(), record.placements.end(),
        [](const Placement& a, const Placement& b) { return a.first_day < b.first_day; });
  }
  std::sort(records.begin(), records.end(), [](const T& a, const T& b) { return a.id < b.id; });
}

}  // namespace

Organization::Organization(std::vector<Unit> units, std::vector<Member> members)
    : units_(std::move(units)), members_(std::move(members)) {
  SortPlacements(units_);
  SortPlacements(members_);
  std::set<absl::CivilDay> changes;
  for (size_t i = 0; i < units_.size(); ++i) {
    unit_places_[units_[i].id] = i;
    for (size_t p = 1; p < units_[i].placements.size(); ++p)
      changes.insert(units_[i].placements[p].first_day);
  }
  for (size_t i = 0; i < members_.size(); ++i) member_places_[members_[i].id] = i;
  tree_changes_.assign(changes.begin(), changes.end());
}

const Unit* Organization::FindUnit(const std::string& id) const {
  const auto found = unit_places_.find(id);
  return found == unit_places_.end() ? nullptr : &units_[found->second];
}

const Member* Organization::FindMember(const std::string& id) const {
  const auto found = member_places_.find(id);
  return found == member_places_.end() ? nullptr : &members_[found->second];
}

std::string Organization::UnitOf(const std::string& member, absl::CivilDay day) const {
  const Member* found = FindMember(member);
  if (found == nullptr) return "";
  const Placement* placement = PlacementOn(found->placements, day);
  return placement == nullptr ? "" : placement->parent;
}

const std::string* Organization::ParentOf(const std::string& unit, absl::CivilDay day) const {
  const Unit* found = FindUnit(unit);
  if (found == nullptr) return nullptr;
  const Placement* placement = PlacementOn(found->placements, day);
  if (placement == nullptr || placement->parent.empty()) return nullptr;
  return &placement->parent;
}

std::vector<std::string> Organization::Path(const std::string& unit, absl::CivilDay day) const {
  std::vector<std::string> path;
  if (unit.empty()) return path;
  const std::string* next = &unit;
  while (next != nullptr && path.size() < kMaxDepth) {
    path.push_back(*next);
    next = ParentOf(*next, day);
  }
  return path;
}

std::vector<std::string> Organization::Roots(absl::CivilDay day) const {
  std::vector<std::string> roots;
  for (const Unit& unit : units_) {
    if (ParentOf(unit.id, day) == nullptr) roots.push_back(unit.id);
  }
  return roots;
}

std::vector<std::string> Organization::UnitsAt(const std::string& below, int level,
                                               absl::CivilDay day) const {
  std::vector<std::string> found;
  if (below.empty()) {
    const std::vector<std::string> roots = Roots(day);
    if (roots.size() == 1) return UnitsAt(roots.front(), level, day);
    for (const std::string& root : roots) {
      for (std::string& unit : UnitsAt(root, level - 1, day)) found.push_back(std::move(unit));
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  for (const Unit& unit : units_) {
    const std::vector<std::string> path = Path(unit.id, day);
    if (path.size() > static_cast<size_t>(level) && path[level] == below) found.push_back(unit.id);
  }
  return found;
}

std::vector<Stay> Organization::StaysIn(const std::string& unit, const Days& range) const {
  return StaysIn(std::vector<std::string>{unit}, range);
}

std::vector<Stay> Organization::StaysIn(const std::vector<std::string>& units,
                                        const Days& range) const {
  const std::set<std::string> wanted(units.begin(), units.end());
  // Units that a unit counts for, on each day from which the tree is another one.
  std::vector<absl::CivilDay> tree_days = {range.first};
  for (const absl::CivilDay day : tree_changes_) {
    if (range.first < day && day <= range.last) tree_days.push_back(day);
  }
  std::vector<absl::flat_hash_map<std::string, std::vector<std::string>>> counts_for(
      tree_days.size());
  for (size_t i = 0; i < tree_days.size(); ++i) {
    for (const Unit& unit : units_) {
      for (std::string& above : Path(unit.id, tree_days[i])) {
        if (wanted.count(above) != 0) counts_for[i][unit.id].push_back(std::move(above));
      }
    }
  }

  std::vector<Stay> stays;
  for (const Member& member : members_) {
    if (member.placements.empty()) continue;
    std::set<absl::CivilDay> cuts(tree_days.begin(), tree_days.end());
    for (size_t p = 1; p < member.placements.size(); ++p) {
      const absl::CivilDay day = member.placements[p].first_day;
      if (range.first < day && day <= range.last) cuts.insert(day);
    }
    // Last stay of this member per unit, so that days that follow each other become one stay.
    absl::flat_hash_map<std::string, size_t> last;
    for (auto cut = cuts.begin(); cut != cuts.end(); ++cut) {
      const auto next = std::next(cut);
      const Days days{*cut, next == cuts.end() ? range.last : *next - 1};
      const size_t tree =
          std::upper_bound(tree_days.begin(), tree_days.end(), *cut) - tree_days.begin() - 1;
      const auto found = counts_for[tree].find(PlacementOn(member.placements, *cut)->parent);
      if (found == counts_for[tree].end()) continue;
      for (const std::string& unit : found->second) {
        const auto before = last.find(unit);
        if (before != last.end() && stays[before->second].days.last + 1 == days.first) {
          stays[before->second].days.last = days.last;
        } else {
          last[unit] = stays.size();
          stays.push_back({member.id, unit, days});
        }
      }
    }
  }
  return stays;
}

std::string Organization::CalendarOf(const std::string& unit, absl::CivilDay day) const {
  for (const std::string& id : Path(unit, day)) {
    const Unit* found = FindUnit(id);
    if (found != nullptr && !found->calendar.empty()) return found->calendar;
  }
  return "default";
}

bool Organization::IsPresent(const Member& member, const Days& range) const {
  const std::optional<absl::CivilDay> start =
      member.start_day ? member.start_day
                       : (member.placements.empty()
                              ? std::optional<absl::CivilDay>()
                              : std::optional<absl::CivilDay>(member.placements.front().first_day));
  if (start && *start > range.last) return false;
  return !member.end_day || *member.end_day >= range.first;
}

}  // namespace milepost::reporting
