#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/split.h"

// Whether a plan adds up. Pure functions, safe from any thread.
namespace milepost::target {

// One node of a plan as far as its arithmetic goes.
struct PlanTreeNode {
  std::string id;         // Unique in the plan.
  std::string parent_id;  // Empty for the root.

  // Which breakdown of its parent the node is a part of (`region`, `product`, `month`, …). A parent
  // may be broken down several ways; each breakdown must add up to it. Ignored for the root.
  std::string breakdown;

  int64_t value = 0;  // In the metric's smallest unit; not negative.

  // What it counts for in the sum of its breakdown, if that is not its value.
  std::optional<int64_t> counts_as;
};

// The stretch of one breakdown of one node; breakdowns that are not named have 1,000,000 ppm.
struct BreakdownStretch {
  std::string node_id;
  std::string breakdown;
  int64_t stretch_ppm = kPpm;
};

enum class PlanViolationKind {
  // Of the tree; sums are still checked for the nodes that have children.
  kNoRoot,
  kSecondRoot,
  kDuplicateId,  // Of the second and later ones; their values still count for their parents.
  kUnknownParent,
  kCycle,  // The node is its own ancestor. Reported for every node on the cycle.
  kNegativeValue,
  kStretchOutOfRange,
  kUnknownBreakdown,  // A stretch is named for a breakdown without children.
  // Of the sums.
  kUnassigned,    // The children leave some of the node's target to nobody.
  kOverAssigned,  // The children add up to more than the node's target.
};

struct PlanViolation {
  PlanViolationKind kind;
  std::string node_id;    // For sums the parent; empty for kNoRoot.
  std::string breakdown;  // For sums and stretches.

  // For sums: what the children must add up to (SplitTarget), what they add up to, and the
  // difference, above 0. All saturate at the limits of int64. 0 for other kinds.
  int64_t expected = 0;
  int64_t actual = 0;
  int64_t amount = 0;

  std::string message;

  friend bool operator==(const PlanViolation&, const PlanViolation&) = default;
};

// Every violation: first those of the tree, in the order of the nodes, then those of the sums, by
// parent in the order of the nodes and by breakdown in the order of its first child. Empty if the
// plan adds up everywhere. A node without children is never a violation. Takes O(n × breakdowns of
// a node).
std::vector<PlanViolation> CheckPlan(const std::vector<PlanTreeNode>& nodes,
                                     const std::vector<BreakdownStretch>& stretches = {});

}  // namespace milepost::target
