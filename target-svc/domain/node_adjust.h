#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "target-svc/domain/adjust.h"
#include "target-svc/domain/node.h"

// A node of a plan gets another target: adjust.h, in the words of plans. Pure functions.
namespace milepost::target {

// A sum above that a change leaves off.
struct OffSum {
  std::string node;  // The full name of the node that is broken down.
  int64_t expected_units = 0;
  int64_t actual_units = 0;
};

struct NodeAdjustment {
  // The node asked for first, then all others whose target changed, in the order given, each but
  // the root and the node asked for with an explanation.
  std::vector<Node> changed;
  std::vector<OffSum> off;  // Only under GivesWay::kChildren.
};

// `nodes` are in the order of paths, a node of which all others are below first. They hold the node
// and what is below it; for kChildren its parent and siblings if the sum above is to be looked at;
// for kSiblings its parent and all below its siblings; for kAncestors the whole plan.
// FAILED_PRECONDITION NODE_LOCKED, OUTSIDE_BOUNDS, or SPLIT_IMPOSSIBLE if what gives way cannot:
// which nodes collide, and by how much.
absl::StatusOr<NodeAdjustment> ApplyAdjust(const std::vector<Node>& nodes,
                                           const std::string& node_id, int64_t target_units,
                                           GivesWay gives_way);

}  // namespace milepost::target
