#include "platform/access/organization.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace milepost::access {
namespace {

// Days kept worked out: today, and the neighbours around midnight and across zones.
constexpr size_t kMaxDays = 4;

const std::shared_ptr<const Owners>& NoOwners() {
  static const auto* const none =
      new std::shared_ptr<const Owners>(std::make_shared<const Owners>());
  return *none;
}

// The id in an id or a `members/` name.
std::string MemberId(const std::string& owner) {
  static constexpr char kPrefix[] = "members/";
  if (!absl::StartsWith(owner, kPrefix)) return owner;
  return owner.substr(sizeof(kPrefix) - 1);
}

// The placement that counts on the day, or null if none has begun.
const Placement* On(const std::vector<Placement>& placements, absl::CivilDay day) {
  const Placement* counted = nullptr;
  for (const Placement& placement : placements) {
    if (placement.first_day > day) continue;
    if (counted == nullptr || placement.first_day >= counted->first_day) counted = &placement;
  }
  return counted;
}

bool InForce(const Line& line, absl::CivilDay day) {
  return line.first_day <= day && (!line.last_day || day <= *line.last_day);
}

// Begun and not ended.
template <typename Entry>
bool Lasts(const Entry& entry, const std::vector<Placement>& placements, absl::CivilDay day) {
  return On(placements, day) != nullptr && (!entry.last_day || day <= *entry.last_day);
}

template <typename Entry>
const Entry* Find(const absl::flat_hash_map<std::string, Entry>& entries, const std::string& id) {
  const auto it = entries.find(id);
  return it == entries.end() ? nullptr : &it->second;
}

void SortUnique(std::vector<std::string>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

Scope::Scope() : owners_(NoOwners()) {}

bool Scope::MaySee(const std::string& owner) const {
  if (sees_all_ || owner.empty()) return true;
  return std::binary_search(owners_->begin(), owners_->end(), MemberId(owner));
}

bool Scope::MayChange(const std::string& owner) const {
  if (changes_all_) return true;
  if (!changes_owned_ || owner.empty()) return false;
  return std::binary_search(owners_->begin(), owners_->end(), MemberId(owner));
}

bool Scope::MaySeePersonal(const std::string& owner) const {
  if (knows_all_persons_) return true;
  if (owner.empty()) return false;
  return std::binary_search(owners_->begin(), owners_->end(), MemberId(owner));
}

class Organization::Day {
  using Children = absl::flat_hash_map<std::string, std::vector<std::string>>;

 public:
  Day(const Organization& organization, absl::CivilDay day)
      : organization_(organization), day_(day) {
    for (const auto& [id, unit] : organization.units_) {
      const Placement* placement = access::On(unit.parents, day);
      if (placement != nullptr && !placement->unit_id.empty()) {
        children_[placement->unit_id].push_back(id);
      }
    }
    for (const auto& [id, member] : organization.members_) {
      const Placement* placement = access::On(member.placements, day);
      if (placement == nullptr) continue;
      of_unit_[placement->unit_id].push_back(id);
      if (!Lasts(member, member.placements, day)) continue;
      for (const Line& line : member.matrix_lines) {
        if (InForce(line, day)) matrix_of_unit_[line.unit_id].push_back(id);
      }
    }
  }

  void AddUnitsBelow(const std::string& unit_id, absl::flat_hash_set<std::string>& seen) const {
    std::vector<std::string> open = {unit_id};
    while (!open.empty()) {
      const std::string unit = std::move(open.back());
      open.pop_back();
      if (!seen.insert(unit).second) continue;  // Also ends a loop in the data.
      const auto children = children_.find(unit);
      if (children == children_.end()) continue;
      open.insert(open.end(), children->second.begin(), children->second.end());
    }
  }

  void AddMembersOf(const absl::flat_hash_set<std::string>& units, Owners& owners) const {
    for (const std::string& unit : units) Append(of_unit_, unit, owners);
  }

  // Own, managed and matrix. Worked out at the first use.
  std::shared_ptr<const Owners> OwnersOf(const std::string& member_id, bool manages) const {
    const std::string key = absl::StrCat(manages ? "m" : "o", member_id);
    {
      std::lock_guard lock(mutex_);
      const auto known = owners_.find(key);
      if (known != owners_.end()) return known->second;
    }
    auto owners = std::make_shared<Owners>();
    if (!member_id.empty()) owners->push_back(member_id);
    if (manages) {
      const Member* member = Find(organization_.members_, member_id);
      if (member != nullptr && Lasts(*member, member->placements, day_)) {
        absl::flat_hash_set<std::string> units;
        for (const Line& line : member->manages) {
          if (InForce(line, day_)) AddUnitsBelow(line.unit_id, units);
        }
        AddMembersOf(units, *owners);
        for (const std::string& unit : units) Append(matrix_of_unit_, unit, *owners);
      }
    }
    SortUnique(*owners);
    // Only members are remembered: tokens of strangers must not grow the map.
    if (!organization_.members_.contains(member_id)) return owners;
    std::lock_guard lock(mutex_);
    return owners_.emplace(key, std::move(owners)).first->second;
  }

 private:
  static void Append(const Children& children, const std::string& parent, Owners& out) {
    const auto it = children.find(parent);
    if (it != children.end()) out.insert(out.end(), it->second.begin(), it->second.end());
  }

  const Organization& organization_;  // Owns this.
  const absl::CivilDay day_;
  Children children_;        // Units by parent.
  Children of_unit_;         // Members by unit.
  Children matrix_of_unit_;  // Members by the other units they report to.
  mutable std::mutex mutex_;
  mutable absl::flat_hash_map<std::string, std::shared_ptr<const Owners>> owners_;
};

Organization::Organization() = default;

Organization::Organization(std::vector<Unit> units, std::vector<Member> members) {
  for (Unit& unit : units) units_.insert_or_assign(unit.id, std::move(unit));
  for (Member& member : members) members_.insert_or_assign(member.id, std::move(member));
}

Organization::~Organization() = default;

std::shared_ptr<const Organization::Day> Organization::On(absl::CivilDay day) const {
  std::lock_guard lock(mutex_);
  std::shared_ptr<const Day>& known = days_[day];
  if (known == nullptr) known = std::make_shared<const Day>(*this, day);
  std::shared_ptr<const Day> result = known;
  if (days_.size() > kMaxDays) {
    days_.erase(days_.begin()->first == day ? std::prev(days_.end()) : days_.begin());
  }
  return result;
}

Scope Organization::ScopeOf(const Identity& identity, absl::CivilDay today) const {
  Scope scope;
  const bool everything = identity.Has(Role::kAdmin) || identity.Has(Role::kService);
  scope.sees_all_ = everything || identity.Has(Role::kMarketing) || identity.Has(Role::kAnalyst);
  scope.changes_all_ = everything || identity.Has(Role::kMarketing);
  scope.knows_all_persons_ = everything;
  const bool sells = identity.Has(Role::kRep) || identity.Has(Role::kManager);
  scope.changes_owned_ = sells;
  if (sells && !identity.member_id.empty()) {
    scope.owners_ = On(today)->OwnersOf(identity.member_id, identity.Has(Role::kManager));
  }
  return scope;
}

bool Organization::HasUnit(const std::string& unit_id, absl::CivilDay day) const {
  const Unit* unit = Find(units_, unit_id);
  return unit != nullptr && Lasts(*unit, unit->parents, day);
}

bool Organization::HasMember(const std::string& member_id, absl::CivilDay day) const {
  const Member* member = Find(members_, member_id);
  return member != nullptr && Lasts(*member, member->placements, day);
}

std::optional<std::string> Organization::UnitOf(const std::string& member_id,
                                                absl::CivilDay day) const {
  const Member* member = Find(members_, member_id);
  const Placement* placement = member == nullptr ? nullptr : access::On(member->placements, day);
  if (placement == nullptr) return std::nullopt;
  return placement->unit_id;
}

std::vector<std::string> Organization::UnitPath(const std::string& unit_id,
                                                absl::CivilDay day) const {
  std::vector<std::string> path;
  std::set<std::string> seen;  // Ends a loop in the data.
  std::string next = unit_id;
  while (!next.empty() && seen.insert(next).second) {
    const Unit* unit = Find(units_, next);
    if (unit == nullptr) break;
    path.push_back(next);
    const Placement* placement = access::On(unit->parents, day);
    if (placement == nullptr) break;
    next = placement->unit_id;
  }
  return path;
}

std::vector<std::string> Organization::UnitsBelow(const std::string& unit_id,
                                                  absl::CivilDay day) const {
  absl::flat_hash_set<std::string> units;
  if (Find(units_, unit_id) == nullptr) return {};
  On(day)->AddUnitsBelow(unit_id, units);
  std::vector<std::string> sorted(units.begin(), units.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

Owners Organization::MembersBelow(const std::string& unit_id, absl::CivilDay day) const {
  absl::flat_hash_set<std::string> units;
  const auto on = On(day);
  on->AddUnitsBelow(unit_id, units);
  Owners owners;
  on->AddMembersOf(units, owners);
  SortUnique(owners);
  return owners;
}

}  // namespace milepost::access
