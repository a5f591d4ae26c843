#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "target-svc/domain/adjust.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/node.h"

// The nodes of a plan as the numbers that adjust.h works on, and back. Pure functions.
namespace milepost::target {

struct PlanTree {
  // Where a family of the tree comes from.
  struct Family {
    uint32_t parent = 0;
    const Breakdown* breakdown = nullptr;
    std::vector<uint32_t> children;
  };

  ValueTree tree;  // With the days of each node. A node that counts for something else is closed.
  std::vector<Family> families;
};

// `nodes` are in the order of paths, a node of which all others are below first; they outlive the
// tree.
PlanTree ToPlanTree(const std::vector<Node>& nodes);

// The nodes that the change gives another target, in the order given, each but the root and `asked`
// with an explanation. `plan` has the change applied. OUTSIDE_BOUNDS if a target is too large.
absl::StatusOr<std::vector<Node>> ChangedNodes(const std::vector<Node>& nodes, const PlanTree& plan,
                                               const ChangeResult& change,
                                               std::optional<uint32_t> asked);

// Why the change cannot be made.
std::vector<error::Obstacle> ObstaclesOf(const std::vector<Node>& nodes,
                                         const ChangeResult& change);

}  // namespace milepost::target
