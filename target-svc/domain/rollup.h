#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/tree_solve.h"

// Roll-up: what was committed from below against what was set from above, at every level. Whole
// numbers of the metric's smallest unit; positions as in tree_solve.h. Pure functions, safe from
// any thread; O(n).
//
// - A node counts for what its owner committed to. Without that it counts for the sum of what is
//   below it: of the first of its families in which anything was committed.
// - Who has committed to nothing counts for nothing and is listed as open. Nothing is made up for
//   them, but `open_target` tells what their targets are.
// - A family with a stretch is compared with what its children's targets add up to, and with the
//   target of the parent: commitments are sums of what people promise, never scaled.
namespace milepost::target {

struct RollupNode {
  uint32_t family = kNoFamily;
  int64_t target = 0;                // 0 to kMaxTreeValue.
  std::optional<int64_t> committed;  // 0 to kMaxTreeValue: what its owner committed to.
};

struct RollupRequest {
  std::vector<TreeFamily> families;
  std::vector<RollupNode> nodes;
};

// Children of one node along one breakdown.
struct FamilyRollup {
  int64_t target = 0;     // Sum of the children's targets.
  int64_t committed = 0;  // Sum of what they count for.
  int64_t open_target = 0;
  int64_t children = 0;
  int64_t open_children = 0;  // Nothing was committed to at or below them.

  friend bool operator==(const FamilyRollup&, const FamilyRollup&) = default;
};

enum class RollupBasis { kOpen, kOwn, kBelow };

struct NodeRollup {
  RollupBasis basis = RollupBasis::kOpen;
  int64_t committed = 0;  // What it counts for; 0 if it is open.
  // Target - committed: above 0 is missing, below 0 is over.
  int64_t gap = 0;
  // Committed ÷ target; none if the target is 0 or the ratio does not fit.
  std::optional<int64_t> coverage_ppm;
  // If its owner committed and somebody below did: own - below. Above 0 the owner promised more
  // than was promised to them.
  std::optional<int64_t> own_less_below;
  // Leaves at or below it (itself, if it has none), and those that are open: no commitment of
  // theirs or of anyone up to this node. Along the family it counts for, or its first.
  int64_t leaves = 0;
  int64_t open_leaves = 0;

  friend bool operator==(const NodeRollup&, const NodeRollup&) = default;
};

// Either one result for each node and family, or violations.
struct RollupResult {
  std::vector<NodeRollup> nodes;
  std::vector<FamilyRollup> families;
  std::vector<TreeViolation> violations;

  bool ok() const { return violations.empty(); }
};

RollupResult RollUp(const RollupRequest& request);

}  // namespace milepost::target
