#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "target-svc/domain/organization.h"
#include "target-svc/domain/plan.h"
#include "target-svc/domain/shares.h"
#include "target-svc/domain/split.h"
#include "target-svc/domain/working_calendar.h"

// The targets of a plan as a tree. Ids are bare. Pure functions.
namespace milepost::target {

inline constexpr char kRootId[] = "root";

enum class Dimension {
  kNone = 0,
  kPeriod = 1,
  kUnit = 2,
  kMember = 3,
  kProduct = 4,
  kChannel = 5,
  kRegion = 6,
  kCustomer = 7
};
enum class SplitMethod {
  kEven = 1,
  kWeights = 2,
  kHistory = 3,
  kWorkingCalendar = 4,
  kImported = 5,
  kCapacity = 6,
  kPotential = 7,
  kCopy = 8
};

// `period`, `unit`, ...: the id that a breakdown along the dimension has unless another is chosen.
const char* DimensionWord(Dimension dimension);

// What a target is for, everything inherited included; empty means all.
struct Scope {
  DayRange period;
  std::string unit_id;
  std::string member_id;
  std::string product_id;
  std::string channel;
  std::string region;
  std::string customer_id;

  friend bool operator==(const Scope&, const Scope&) = default;
};

// One way in which a node is broken down.
struct Breakdown {
  std::string id;
  char slot = '0';  // Its character in the paths of its children.
  Dimension dimension = Dimension::kNone;
  SplitMethod method = SplitMethod::kImported;
  int64_t stretch_ppm = kPpm;
  int64_t rounding_units = 1;
  int64_t child_count = 0;
  std::string note;

  friend bool operator==(const Breakdown&, const Breakdown&) = default;
};

// How a value came about.
struct Explanation {
  SplitMethod method = SplitMethod::kEven;
  int64_t weight = 0;
  int64_t weight_sum = 0;
  int64_t raw_units = 0;
  int64_t raw_remainder_ppm = 0;
  Bound bound = Bound::kNone;
  int64_t rounding_difference_units = 0;
  std::string description;

  friend bool operator==(const Explanation&, const Explanation&) = default;
};

// What a split says about one part.
Explanation ToExplanation(const SplitValue& value, SplitMethod method, int64_t weight,
                          int64_t weight_sum);

struct Node {
  std::string plan_id;
  std::string id;
  std::string
      path;  // Sorts parents before children and children in order; what is below starts with it.
  std::string parent_id;
  std::string breakdown_id;
  Dimension dimension = Dimension::kNone;
  std::string key;
  std::string display_name;
  Scope scope;
  int64_t target_units = 0;
  bool locked = false;
  std::optional<int64_t> min_units;
  std::optional<int64_t> max_units;
  // What it counts for in the sum of its breakdown instead of its target: what was achieved, since
  // a re-plan settled its days. It is closed then: its target stays, with all below it.
  std::optional<int64_t> counted_units;
  int depth = 0;
  int position = 0;
  std::vector<Breakdown> breakdowns;
  std::optional<Explanation> explanation;
  std::string note;
  int64_t plan_version = 0;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;

  const Breakdown* FindBreakdown(const std::string& breakdown) const;
  int64_t ChildCount() const;
  int64_t Counted() const { return counted_units.value_or(target_units); }
  std::string Name() const { return "plans/" + plan_id + "/nodes/" + id; }
};

// Characters of a path for each level: one for the breakdown, three for the position.
inline constexpr size_t kLevelLength = 4;

// Path of a child.
std::string ChildPath(const std::string& parent_path, char slot, int position);
// Paths of all nodes above, the root's first.
std::vector<std::string> AncestorPaths(const std::string& path);
// A character that no breakdown of the node uses; nullopt if there are kMaxBreakdowns.
std::optional<char> FreeSlot(const Node& node);

// The root of a new plan.
Node RootOf(const Plan& plan);

// One part of a split.
struct PartSpec {
  std::string key;
  std::string display_name;
  std::optional<DayRange> period;
  int64_t weight = 0;
  std::optional<int64_t> lock;
  std::optional<int64_t> min;
  std::optional<int64_t> max;
};

// How nodes are to be broken down, apart from which nodes and into what parts.
struct SplitRule {
  Dimension dimension = Dimension::kNone;
  std::string breakdown_id;
  SplitMethod method = SplitMethod::kEven;
  int64_t stretch_ppm = kPpm;
  int64_t rounding_units = 1;
  bool replace = false;
  std::string note;
};

// The steps of a calendar inside a period, named as PeriodLabel does.
std::vector<PartSpec> PeriodParts(DayRange period, PeriodKind grain);

// The node's scope narrowed to one part. What does not fit is PART_OUTSIDE; whether units and
// members fit is the caller's to check.
absl::StatusOr<Scope> NarrowScope(const Node& parent, Dimension dimension, const PartSpec& part);

// FAILED_PRECONDITION if the node cannot be broken down along the dimension: it is already one
// member, product, day, …
absl::Status CheckDimension(const Node& node, Dimension dimension);

// OK if periods of parts do not overlap.
absl::Status CheckDisjoint(const Node& parent, const std::vector<PartSpec>& parts);

// Where a part of `period` lies in a reference period: whole years apart by the calendar if both
// periods begin on the same day of the year, else by counting days from the start. Cut to the
// reference; nullopt if nothing is left.
std::optional<DayRange> InReference(DayRange period, DayRange part, DayRange reference);

// The same days so many years earlier; the end of February stays the end of February.
DayRange YearsEarlier(DayRange days, int years);

// The children of a node under the rule, values and explanations included, without ids, times and
// versions. FAILED_PRECONDITION SPLIT_IMPOSSIBLE if locks and bounds cannot be met.
absl::StatusOr<std::vector<Node>> MakeChildren(const Node& parent, const SplitRule& rule, char slot,
                                               const std::vector<PartSpec>& parts,
                                               const std::vector<int64_t>& weights);

enum class ViolationKind {
  kUnassigned = 1,
  kOverAssigned = 2,
  kBelowMinimum = 3,
  kAboveMaximum = 4,
  kPeriodsOverlap = 5,
  kNotCommitted = 6,
  kUnderCommitted = 7
};

// One thing in a plan that does not add up.
struct Violation {
  ViolationKind kind;
  std::string node_id;
  std::string breakdown_id;
  int64_t expected_units = 0;
  int64_t actual_units = 0;
  std::string description;
};

// Everything that does not add up, in the order of the nodes, which is that of their paths.
std::vector<Violation> FindViolations(const std::vector<Node>& nodes);

}  // namespace milepost::target
