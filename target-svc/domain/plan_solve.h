#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/tree_solve.h"

// All targets below a node in one solve: tree_solve.h, in the words of plans. Pure functions.
namespace milepost::target {

// What one node is to keep to; what is not given stays as it is.
struct NodeConstraint {
  std::string node_id;
  bool clear = false;  // Takes lock and bounds away first.
  std::optional<int64_t> lock;
  std::optional<int64_t> min;
  std::optional<int64_t> max;
};

enum class SolveShape {
  kTargets,  // Of the targets as they are; what adds up and keeps its bounds stays.
  kWeights,  // Of the weights of each breakdown, where all its children have them from one split.
};

struct SolveCommand {
  std::optional<int64_t> target_units;  // Of the top.
  std::vector<NodeConstraint> constraints;
  SolveShape shape = SolveShape::kTargets;
};

// Either what changes, or what collides.
struct TreeSolution {
  std::vector<Node> changed;  // In the order given; a new target has an explanation.
  // Positions are those of the nodes given; `collision_words` tells of each.
  std::vector<TreeCollision> collisions;
  std::vector<std::string> collision_words;
};

// Without what is below closed nodes, which nothing changes.
std::vector<Node> OpenNodes(std::vector<Node> nodes);

// `nodes` are in the order of paths, the top first, all that is below it as OpenNodes leaves it;
// closed ones keep what they count for. FAILED_PRECONDITION NODE_CLOSED if the top or a constraint
// is one; NOT_FOUND if a constraint
// names another node; FAILED_PRECONDITION MINIMUM_ABOVE_MAXIMUM, OUTSIDE_BOUNDS for a target that
// would be too large, SOLVE_IMPOSSIBLE for a tree that cannot be solved at all.
absl::StatusOr<TreeSolution> ApplySolve(const std::vector<Node>& nodes,
                                        const SolveCommand& command);

}  // namespace milepost::target
