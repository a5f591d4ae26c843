#include "target-svc/domain/organization.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

template <typename Placement>
size_t PlacementIndex(const std::vector<Placement>& placements, absl::CivilDay day) {
  size_t index = 0;
  while (index + 1 < placements.size() && placements[index + 1].first_day <= day) ++index;
  return index;
}

template <typename Placement>
absl::CivilDay Until(const std::vector<Placement>& placements, size_t index,
                     const std::optional<absl::CivilDay>& end_day) {
  const absl::CivilDay end = end_day ? *end_day + 1 : kForever;
  return index + 1 < placements.size() ? std::min(placements[index + 1].first_day, end) : end;
}

// Puts a placement in its place by day, in place of one of the same day; neighbours that say the
// same are joined.
template <typename Placement, typename Same>
void InsertPlacement(std::vector<Placement>& placements, Placement placement, Same same) {
  const auto at =
      std::lower_bound(placements.begin(), placements.end(), placement.first_day,
                       [](const Placement& p, absl::CivilDay day) { return p.first_day < day; });
  if (at != placements.end() && at->first_day == placement.first_day) {
    *at = std::move(placement);
  } else {
    placements.insert(at, std::move(placement));
  }
  placements.erase(std::unique(placements.begin(), placements.end(), same), placements.end());
}

}  // namespace

absl::CivilDay Unit::UntilDay(size_t placement) const {
  return Until(placements, placement, end_day);
}

bool Unit::ExistsOn(absl::CivilDay day) const {
  return start_day <= day && (!end_day || day <= *end_day);
}

const std::string& Unit::ParentOn(absl::CivilDay day) const {
  return placements[PlacementIndex(placements, day)].parent_id;
}

absl::CivilDay Member::UntilDay(size_t placement) const {
  return Until(placements, placement, end_day);
}

bool Member::WorksOn(absl::CivilDay day) const {
  return start_day <= day && (!end_day || day <= *end_day);
}

const MemberPlacement& Member::PlacementOn(absl::CivilDay day) const {
  return placements[PlacementIndex(placements, day)];
}

UnitTree::UnitTree(std::vector<Unit> units) {
  for (Unit& unit : units) Put(std::move(unit));
}

void UnitTree::Put(Unit unit) {
  for (const UnitPlacement& placement : unit.placements)
    ever_children_[placement.parent_id].insert(unit.id);
  std::string id = unit.id;
  units_.insert_or_assign(std::move(id), std::move(unit));
}

void UnitTree::Remove(const std::string& id) { units_.erase(id); }

const Unit* UnitTree::Find(const std::string& id) const {
  const auto found = units_.find(id);
  return found == units_.end() ? nullptr : &found->second;
}

bool UnitTree::Exists(const std::string& id, absl::CivilDay day) const {
  const Unit* unit = Find(id);
  return unit != nullptr && unit->ExistsOn(day);
}

bool UnitTree::Lasts(const std::string& id, absl::CivilDay first, absl::CivilDay until) const {
  const Unit* unit = Find(id);
  return unit != nullptr && unit->start_day <= first &&
         (!unit->end_day || until <= *unit->end_day + 1);
}

std::vector<std::string> UnitTree::Children(const std::string& id, absl::CivilDay day) const {
  std::vector<std::string> children;
  const auto ever = ever_children_.find(id);
  if (ever == ever_children_.end()) return children;
  for (const std::string& child : ever->second) {
    // A unit that moved away, or was taken out, is still listed.
    const Unit* unit = Find(child);
    if (unit != nullptr && unit->ExistsOn(day) && unit->ParentOn(day) == id)
      children.push_back(child);
  }
  return children;
}

std::set<std::string> UnitTree::Below(const std::string& id, absl::CivilDay day) const {
  std::set<std::string> below{id};
  std::vector<std::string> open{id};
  while (!open.empty()) {
    const std::string next = std::move(open.back());
    open.pop_back();
    for (std::string& child : Children(next, day)) {
      if (below.insert(child).second) open.push_back(std::move(child));
    }
  }
  return below;
}

bool UnitTree::IsWithin(const std::string& id, const std::string& ancestor,
                        absl::CivilDay day) const {
  if (ancestor.empty()) return true;
  const Unit* unit = Find(id);
  for (int level = 0; unit != nullptr && level <= kMaxUnitLevels; ++level) {
    if (unit->id == ancestor) return true;
    unit = Find(unit->ParentOn(day));
  }
  return false;
}

std::string UnitTree::RegionOf(const std::string& id, absl::CivilDay day) const {
  const Unit* unit = Find(id);
  for (int level = 0; unit != nullptr && level <= kMaxUnitLevels; ++level) {
    if (!unit->region.empty()) return unit->region;
    unit = Find(unit->ParentOn(day));
  }
  return "";
}

std::string UnitTree::CalendarOf(const std::string& id, absl::CivilDay day) const {
  const Unit* unit = Find(id);
  for (int level = 0; unit != nullptr && level <= kMaxUnitLevels; ++level) {
    if (!unit->calendar_id.empty()) return unit->calendar_id;
    unit = Find(unit->ParentOn(day));
  }
  return "";
}

int UnitTree::Height(const std::string& id, absl::CivilDay day, int limit) const {
  int height = 1;
  if (limit <= 1) return height;
  for (const std::string& child : Children(id, day))
    height = std::max(height, 1 + Height(child, day, limit - 1));
  return height;
}

absl::Status UnitTree::CheckPlace(const std::string& id) const {
  const Unit* unit = Find(id);
  if (unit == nullptr) return absl::OkStatus();
  for (size_t i = 0; i < unit->placements.size(); ++i) {
    const UnitPlacement& placement = unit->placements[i];
    if (placement.parent_id.empty()) continue;
    if (!Lasts(placement.parent_id, placement.first_day, unit->UntilDay(i))) {
      return error::UnitNotThere(placement.parent_id, placement.first_day, unit->UntilDay(i));
    }
  }
  // Chains above and below change only on days when some unit is placed anew.
  std::set<absl::CivilDay> days;
  for (const auto& [other_id, other] : units_) {
    for (const UnitPlacement& placement : other.placements) {
      if (placement.first_day >= unit->start_day) days.insert(placement.first_day);
    }
  }
  for (const absl::CivilDay day : days) {
    if (!unit->ExistsOn(day)) continue;
    int level = 1;
    const Unit* above = Find(unit->ParentOn(day));
    for (; above != nullptr; above = Find(above->ParentOn(day))) {
      if (above->id == id) return error::UnitCycle(id, day);
      if (++level > kMaxUnitLevels) return error::TreeTooDeep(id, day);
    }
    if (level - 1 + Height(id, day, kMaxUnitLevels + 1) > kMaxUnitLevels)
      return error::TreeTooDeep(id, day);
  }
  return absl::OkStatus();
}

absl::StatusOr<Unit> ApplyMoveUnit(Unit unit, const std::string& parent_id,
                                   absl::CivilDay first_day, absl::Time now) {
  if (first_day < unit.start_day)
    return error::BeforeStart("first_date", first_day, unit.start_day);
  if (unit.end_day && first_day > *unit.end_day)
    return error::Ended("units/" + unit.id, *unit.end_day);
  InsertPlacement(
      unit.placements, UnitPlacement{parent_id, first_day},
      [](const UnitPlacement& a, const UnitPlacement& b) { return a.parent_id == b.parent_id; });
  if (unit.placements.size() > kMaxPlacements) return error::TooManyPlacements("units/" + unit.id);
  unit.update_time = now;
  return unit;
}

absl::StatusOr<Unit> ApplyCloseUnit(Unit unit, absl::CivilDay last_day, absl::Time now) {
  if (last_day < unit.start_day) return error::BeforeStart("last_date", last_day, unit.start_day);
  std::erase_if(unit.placements,
                [&](const UnitPlacement& placement) { return placement.first_day > last_day; });
  unit.end_day = last_day;
  unit.update_time = now;
  return unit;
}

absl::StatusOr<Member> ApplyMoveMember(Member member, const MemberPlacement& placement,
                                       absl::Time now) {
  if (placement.first_day < member.start_day) {
    return error::BeforeStart("first_date", placement.first_day, member.start_day);
  }
  if (member.end_day && placement.first_day > *member.end_day) {
    return error::Ended("members/" + member.id, *member.end_day);
  }
  MemberPlacement next = placement;
  if (next.job_title.empty()) next.job_title = member.PlacementOn(placement.first_day).job_title;
  InsertPlacement(member.placements, std::move(next),
                  [](const MemberPlacement& a, const MemberPlacement& b) {
                    return a.unit_id == b.unit_id && a.job_title == b.job_title;
                  });
  if (member.placements.size() > kMaxPlacements)
    return error::TooManyPlacements("members/" + member.id);
  member.update_time = now;
  return member;
}

absl::StatusOr<Member> ApplyEndMember(Member member, absl::CivilDay last_day, absl::Time now) {
  if (last_day < member.start_day)
    return error::BeforeStart("last_date", last_day, member.start_day);
  std::erase_if(member.placements,
                [&](const MemberPlacement& placement) { return placement.first_day > last_day; });
  for (std::vector<MemberLine>* lines : {&member.manages, &member.matrix_lines}) {
    std::erase_if(*lines, [&](const MemberLine& line) { return line.first_day > last_day; });
    for (MemberLine& line : *lines) {
      if (!line.last_day || *line.last_day > last_day) line.last_day = last_day;
    }
  }
  member.end_day = last_day;
  member.update_time = now;
  return member;
}

std::string WhyNoTarget(const Unit& unit, const UnitTree& tree, const std::string& unit_id,
                        absl::CivilDay first, absl::CivilDay last) {
  if (unit.start_day > last || (unit.end_day && *unit.end_day < first))
    return "the unit does not exist in these days";
  if (!tree.IsWithin(unit.id, unit_id, std::max(first, unit.start_day)))
    return absl::StrCat("it is not below units/", unit_id);
  return "";
}

std::string WhyNoTarget(const Member& member, const UnitTree& tree, const std::string& unit_id,
                        absl::CivilDay first, absl::CivilDay last) {
  if (member.start_day > last || (member.end_day && *member.end_day < first))
    return "the member does not work in these days";
  if (unit_id.empty()) return "";
  for (size_t i = 0; i < member.placements.size(); ++i) {
    const absl::CivilDay from = std::max(first, member.placements[i].first_day);
    if (from <= last && from < member.UntilDay(i) &&
        tree.IsWithin(member.placements[i].unit_id, unit_id, from))
      return "";
  }
  return absl::StrCat("the member is not in units/", unit_id);
}

absl::Status CheckMemberUnits(const Member& member, const UnitTree& tree) {
  for (size_t i = 0; i < member.placements.size(); ++i) {
    const MemberPlacement& placement = member.placements[i];
    if (!tree.Lasts(placement.unit_id, placement.first_day, member.UntilDay(i))) {
      return error::UnitNotThere(placement.unit_id, placement.first_day, member.UntilDay(i));
    }
  }
  for (const std::vector<MemberLine>* lines : {&member.manages, &member.matrix_lines}) {
    for (const MemberLine& line : *lines) {
      // A line may outlast its unit: it then leads to nothing.
      if (!tree.Exists(line.unit_id, line.first_day))
        return error::UnitNotThere(line.unit_id, line.first_day, line.first_day + 1);
    }
  }
  return absl::OkStatus();
}

}  // namespace milepost::target
