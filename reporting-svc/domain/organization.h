#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/civil_time.h"
#include "reporting-svc/domain/period.h"

// The organization over time, for the credit of figures: in which unit a member was on a day.
// Unlike platform/access, which decides who may see, every known member is in exactly one unit on
// every day there is: days before the first placement count for it, days after the last for the
// last. So figures of units always add up to those of the members. Immutable, safe for any thread.
namespace milepost::reporting {

struct Placement {
  std::string parent;  // Unit id; empty for a unit at the top.
  absl::CivilDay first_day;
};

struct Unit {
  std::string id;
  std::string display_name;
  std::string calendar;               // Id; empty means that of the parent.
  std::vector<Placement> placements;  // Oldest first.
};

struct Member {
  std::string id;
  std::string display_name;
  std::vector<Placement> placements;  // Units, oldest first.
  std::optional<absl::CivilDay> start_day;
  std::optional<absl::CivilDay> end_day;
};

// Days on which a member's figures count for a unit.
struct Stay {
  std::string member;
  std::string unit;
  Days days;

  friend bool operator==(const Stay&, const Stay&) = default;
};

class Organization {
 public:
  Organization() = default;
  Organization(std::vector<Unit> units, std::vector<Member> members);

  const Unit* FindUnit(const std::string& id) const;
  const Member* FindMember(const std::string& id) const;
  const std::vector<Member>& members() const { return members_; }

  // Unit that the member is in; empty if the member is unknown or has no placement.
  std::string UnitOf(const std::string& member, absl::CivilDay day) const;
  // The unit and its ancestors, nearest first.
  std::vector<std::string> Path(const std::string& unit, absl::CivilDay day) const;
  // Units at the top on that day, sorted.
  std::vector<std::string> Roots(absl::CivilDay day) const;
  // Units so many levels below one (0 is itself; with an empty unit, 1 is the level below the top
  // if there is a single unit at the top, else the top), sorted.
  std::vector<std::string> UnitsAt(const std::string& below, int level, absl::CivilDay day) const;

  // Who counts for the unit or one below it, and when: one or more stays per member, by member and
  // day. `Stay::unit` is `unit`.
  std::vector<Stay> StaysIn(const std::string& unit, const Days& range) const;
  // The same for several units at once; they may contain each other: a member then has a stay for
  // each.
  std::vector<Stay> StaysIn(const std::vector<std::string>& units, const Days& range) const;

  // Calendar that the people of a unit work by; "default" if none is named up to the top.
  std::string CalendarOf(const std::string& unit, absl::CivilDay day) const;

  // The member is with the company on some day of the range.
  bool IsPresent(const Member& member, const Days& range) const;

 private:
  const std::string* ParentOf(const std::string& unit, absl::CivilDay day) const;

  std::vector<Unit> units_;
  std::vector<Member> members_;
  absl::flat_hash_map<std::string, size_t> unit_places_;
  absl::flat_hash_map<std::string, size_t> member_places_;
  std::vector<absl::CivilDay> tree_changes_;  // Days on which some unit changes its parent; sorted.
};

}  // namespace milepost::reporting
