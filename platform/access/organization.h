// Who may see, change and know the person behind a record: the caller's place in the organization.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/civil_time.h"
#include "platform/access/token.h"

namespace milepost::access {

// Where a unit or member stands from one day until its next placement begins.
struct Placement {
  std::string unit_id;  // `west`, without `units/`; empty for a unit at the top.
  absl::CivilDay first_day;
};

// A unit that a member leads, or reports to besides its own, for a time.
struct Line {
  std::string unit_id;
  absl::CivilDay first_day;
  std::optional<absl::CivilDay> last_day;  // None while it lasts.
};

struct Unit {
  std::string id;
  std::vector<Placement> parents;  // In any order.
  std::optional<absl::CivilDay> last_day;
};

struct Member {
  std::string id;                     // `darcel-schlecht`, without `members/`.
  std::vector<Placement> placements;  // In any order.
  std::vector<Line> manages;
  std::vector<Line> matrix_lines;
  std::optional<absl::CivilDay> last_day;  // None while it has not left.
};

// Members whose records somebody sees: sorted, unique.
using Owners = std::vector<std::string>;

// What one caller may do with records by their owner. Cheap to copy. An owner is given as member id
// (`darcel-schlecht`) or as name (`members/darcel-schlecht`).
// An empty owner is the shared pool: everybody sees it, only those who may change everything
// change it directly (a rep or manager claims first), and its personal data is masked like others'.
class Scope {
 public:
  // Sees nothing but the shared pool.
  Scope();

  // Everything of everybody is visible; then a query needs no owner condition.
  bool sees_all() const { return sees_all_; }
  bool MaySee(const std::string& owner) const;

  // Never for one who is only ANALYST; REP and MANAGER within `owners`; else everything.
  bool MayChange(const std::string& owner) const;

  // Own and managed records; ADMIN and SERVICE all. Others get personal data masked.
  bool MaySeePersonal(const std::string& owner) const;

  // Member ids for `owner IN (...)` when not `sees_all()`; sorted. The shared pool is not in it.
  const Owners& owners() const { return *owners_; }

 private:
  friend class Organization;

  std::shared_ptr<const Owners> owners_;  // Own, managed and matrix: never null.
  bool sees_all_ = false;
  bool changes_all_ = false;
  bool changes_owned_ = false;
  bool knows_all_persons_ = false;
};

// Units and members as known at one moment. Immutable, so safe for any thread. Of the placements
// the one that began last on or before the day counts; it goes on counting after the end: who left
// stays visible to the managers of the last unit until the records are handed over. Leading and
// matrix lines end with their last day and with that of the member.
class Organization {
 public:
  Organization();
  Organization(std::vector<Unit> units, std::vector<Member> members);
  ~Organization();
  Organization(const Organization&) = delete;
  Organization& operator=(const Organization&) = delete;

  // The widest of what the identity's roles give on that day: REP own; MANAGER own, members of the
  // managed units and of the units below, by placement or matrix line; MARKETING and ANALYST all,
  // without the persons; ADMIN and SERVICE all.
  Scope ScopeOf(const Identity& identity, absl::CivilDay today) const;

  // Known, begun and not ended on the day.
  bool HasUnit(const std::string& unit_id, absl::CivilDay day) const;
  bool HasMember(const std::string& member_id, absl::CivilDay day) const;

  // Unit of a member; nullopt if the member is unknown or has no placement yet.
  std::optional<std::string> UnitOf(const std::string& member_id, absl::CivilDay day) const;

  // The unit and its ancestors, nearest first.
  std::vector<std::string> UnitPath(const std::string& unit_id, absl::CivilDay day) const;

  // The unit and all below it; sorted.
  std::vector<std::string> UnitsBelow(const std::string& unit_id, absl::CivilDay day) const;

  // Members of the unit and of all below it; sorted.
  Owners MembersBelow(const std::string& unit_id, absl::CivilDay day) const;

 private:
  class Day;  // The tree on one day, with the scopes already worked out.
  std::shared_ptr<const Day> On(absl::CivilDay day) const;

  absl::flat_hash_map<std::string, Unit> units_;
  absl::flat_hash_map<std::string, Member> members_;
  mutable std::mutex mutex_;
  mutable std::map<absl::CivilDay, std::shared_ptr<const Day>> days_;  // Guarded by mutex_.
};

// The newest organization. Any thread may call.
class OrganizationCache {
 public:
  OrganizationCache() : organization_(std::make_shared<const Organization>()) {}

  // Never null; empty until the first Set.
  std::shared_ptr<const Organization> Get() const {
    std::lock_guard lock(mutex_);
    return organization_;
  }
  void Set(std::shared_ptr<const Organization> organization) {
    std::lock_guard lock(mutex_);
    organization_.swap(organization);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Organization> organization_;  // Guarded by mutex_.
};

}  // namespace milepost::access
