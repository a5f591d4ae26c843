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

// A unit during a span of days. A unit that moved has one entry for each parent it had.
struct Unit {
  std::string id;         // `west`, without `units/`.
  std::string parent_id;  // Empty at the root.
  absl::CivilDay effective_from;
  std::optional<absl::CivilDay> effective_to;  // Last day; none while it lasts.
};

// A member during a span of days. A member that moved has one entry for each stay.
struct Member {
  std::string id;  // `darcel-schlecht`, without `members/`.
  std::string unit_id;
  std::vector<std::string> managed_unit_ids;
  std::vector<std::string> matrix_manager_ids;  // Members this one also reports to.
  std::vector<std::string> matrix_unit_ids;     // Units this one also reports to.
  absl::CivilDay effective_from;
  std::optional<absl::CivilDay> effective_to;  // Last day; none while it lasts.
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

// Units and members as known at one moment. Immutable, so safe for any thread.
// Of an id's entries the one that is in force on the day counts; if none is, the last that ended:
// who left stays visible to the manager of the last unit until the records are handed over. An
// entry that only begins later does not count.
class Organization {
 public:
  Organization();
  Organization(std::vector<Unit> units, std::vector<Member> members);
  ~Organization();

  // The widest of what the identity's roles give on that day: REP own; MANAGER own, members of the
  // managed units and of the units below, and matrix reports; MARKETING and ANALYST all, without
  // the persons; ADMIN and SERVICE all.
  Scope ScopeOf(const Identity& identity, absl::CivilDay today) const;

  // In force on the day.
  bool HasUnit(const std::string& unit_id, absl::CivilDay day) const;
  bool HasMember(const std::string& member_id, absl::CivilDay day) const;

  // Unit of a member, under the rule above; nullopt if the member is unknown.
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

  const std::vector<Unit> units_;
  const std::vector<Member> members_;
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
