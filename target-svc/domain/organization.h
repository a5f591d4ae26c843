#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

// Units and members over time. Ids are bare (`west`, not `units/west`); an empty id means none.
// Pure values.
namespace milepost::target {

// The day after the last that a date may be: "without end".
inline constexpr absl::CivilDay kForever{9999, 12, 31};

enum class UnitKind { kCompany = 1, kRegion = 2, kDepartment = 3, kTeam = 4, kDealer = 5 };

// Under `parent_id` from `first_day` until the next placement begins.
struct UnitPlacement {
  std::string parent_id;
  absl::CivilDay first_day;

  friend bool operator==(const UnitPlacement&, const UnitPlacement&) = default;
};

struct Unit {
  std::string id;
  std::string display_name;
  UnitKind kind = UnitKind::kTeam;
  std::vector<UnitPlacement>
      placements;  // At least one, by first_day; the first begins with the unit.
  std::string region;
  std::string calendar_id;
  absl::CivilDay start_day;
  std::optional<absl::CivilDay> end_day;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;

  // First day after a placement: of the next one, or after the unit's end.
  absl::CivilDay UntilDay(size_t placement) const;
  bool ExistsOn(absl::CivilDay day) const;
  // Parent on a day; before the first day the first, after the end the last.
  const std::string& ParentOn(absl::CivilDay day) const;
};

struct MemberPlacement {
  std::string unit_id;
  absl::CivilDay first_day;
  std::string job_title;

  friend bool operator==(const MemberPlacement&, const MemberPlacement&) = default;
};

// A unit that a member leads, or also reports to, for a time.
struct MemberLine {
  std::string unit_id;
  absl::CivilDay first_day;
  std::optional<absl::CivilDay> last_day;
  std::string purpose;

  friend bool operator==(const MemberLine&, const MemberLine&) = default;
};

struct Member {
  std::string id;
  std::string display_name;
  std::vector<MemberPlacement>
      placements;  // At least one, by first_day; the first begins with the member.
  std::vector<MemberLine> manages;
  std::vector<MemberLine> matrix_lines;
  absl::CivilDay start_day;
  std::optional<absl::CivilDay> end_day;
  std::string employee_number;
  std::string phone;
  std::string email;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;

  absl::CivilDay UntilDay(size_t placement) const;
  bool WorksOn(absl::CivilDay day) const;
  // Placement on a day; before the first day the first, after the end the last.
  const MemberPlacement& PlacementOn(absl::CivilDay day) const;
};

// All units with their history. Read from any thread while nobody changes it.
class UnitTree {
 public:
  UnitTree() = default;
  explicit UnitTree(std::vector<Unit> units);

  const Unit* Find(const std::string& id) const;
  const std::map<std::string, Unit>& units() const { return units_; }

  bool Exists(const std::string& id, absl::CivilDay day) const;
  // The unit exists on every day from `first` to the day before `until`.
  bool Lasts(const std::string& id, absl::CivilDay first, absl::CivilDay until) const;
  // Direct children on a day, by id; of "" the units at the top.
  std::vector<std::string> Children(const std::string& id, absl::CivilDay day) const;
  // The unit and all below it on a day, by id.
  std::set<std::string> Below(const std::string& id, absl::CivilDay day) const;
  // `id` is `ancestor` or below it on the day. Everything is below "".
  bool IsWithin(const std::string& id, const std::string& ancestor, absl::CivilDay day) const;
  // Region and calendar of the unit, inherited if it has none of its own; "" if nobody up to the
  // top has one.
  std::string RegionOf(const std::string& id, absl::CivilDay day) const;
  std::string CalendarOf(const std::string& id, absl::CivilDay day) const;

  // Adds or replaces a unit; takes one out.
  void Put(Unit unit);
  void Remove(const std::string& id);

  // OK if, on every day, the unit's parents exist and its branch has no cycle and at most
  // kMaxUnitLevels levels.
  absl::Status CheckPlace(const std::string& id) const;

 private:
  int Height(const std::string& id, absl::CivilDay day, int limit) const;

  std::map<std::string, Unit> units_;
  // Every unit that was ever placed under a parent.
  absl::flat_hash_map<std::string, std::set<std::string>> ever_children_;
};

// Puts the unit under `parent_id` from `first_day` on. Errors of CheckPlace come from the caller's
// tree.
absl::StatusOr<Unit> ApplyMoveUnit(Unit unit, const std::string& parent_id,
                                   absl::CivilDay first_day, absl::Time now);
absl::StatusOr<Unit> ApplyCloseUnit(Unit unit, absl::CivilDay last_day, absl::Time now);

absl::StatusOr<Member> ApplyMoveMember(Member member, const MemberPlacement& placement,
                                       absl::Time now);
absl::StatusOr<Member> ApplyEndMember(Member member, absl::CivilDay last_day, absl::Time now);

// Why a unit or a member cannot have a target below `unit_id` (or anywhere, if that is empty) in
// the days from `first` to `last`, in words; empty if it can. Somebody who comes into the unit
// later in the days can.
std::string WhyNoTarget(const Unit& unit, const UnitTree& tree, const std::string& unit_id,
                        absl::CivilDay first, absl::CivilDay last);
std::string WhyNoTarget(const Member& member, const UnitTree& tree, const std::string& unit_id,
                        absl::CivilDay first, absl::CivilDay last);

// OK if every unit that the member is placed in, leads or reports to exists on all days it is
// needed.
absl::Status CheckMemberUnits(const Member& member, const UnitTree& tree);

}  // namespace milepost::target
