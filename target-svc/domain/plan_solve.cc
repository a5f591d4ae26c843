#include "target-svc/domain/plan_solve.h"

#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "platform/types/money.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

// Sets the constraints in the nodes; a lock makes its value the node's target.
absl::Status Constrain(const std::vector<NodeConstraint>& constraints,
                       const absl::flat_hash_map<std::string, uint32_t>& index,
                       std::vector<Node>& nodes) {
  for (const NodeConstraint& constraint : constraints) {
    const auto found = index.find(constraint.node_id);
    if (found == index.end()) {
      return error::NotFound(
          resource::Name("plans", nodes.front().plan_id, "nodes", constraint.node_id));
    }
    Node& node = nodes[found->second];
    if (node.counted_units) return error::NodeClosed(node.Name(), *node.counted_units);
    if (constraint.clear) {
      node.locked = false;
      node.min_units.reset();
      node.max_units.reset();
    }
    if (constraint.min) node.min_units = constraint.min;
    if (constraint.max) node.max_units = constraint.max;
    if (constraint.lock) {
      node.locked = true;
      node.target_units = *constraint.lock;
    }
    if (node.min_units && node.max_units && *node.min_units > *node.max_units)
      return error::MinimumAboveMaximum(node.Name(), *node.min_units, *node.max_units);
  }
  return absl::OkStatus();
}

// The weights of a family, if all its children have them from one split: those of another would be
// on another scale.
void TakeWeights(const std::vector<Node>& nodes, const std::vector<uint32_t>& family,
                 std::vector<TreeNode>& tree) {
  std::optional<int64_t> sum = 0;
  for (const uint32_t child : family) {
    if (!nodes[child].explanation) return;
    if (sum) sum = CheckedAdd(*sum, nodes[child].explanation->weight);
  }
  for (const uint32_t child : family) {
    if (!sum || nodes[child].explanation->weight_sum != *sum) return;
  }
  for (const uint32_t child : family) tree[child].weight = nodes[child].explanation->weight;
}

}  // namespace

std::vector<Node> OpenNodes(std::vector<Node> nodes) {
  std::string closed;  // Path of the last closed node.
  bool any = false;
  std::erase_if(nodes, [&](const Node& node) {
    if (any && node.path.size() > closed.size() && node.path.compare(0, closed.size(), closed) == 0)
      return true;
    if (node.counted_units) {
      closed = node.path;
      any = true;
    }
    return false;
  });
  return nodes;
}

absl::StatusOr<TreeSolution> ApplySolve(const std::vector<Node>& nodes,
                                        const SolveCommand& command) {
  const Node& top = nodes.front();
  if (top.counted_units) return error::NodeClosed(top.Name(), *top.counted_units);
  absl::flat_hash_map<std::string, uint32_t> index;
  for (uint32_t i = 0; i < nodes.size(); ++i) index[nodes[i].id] = i;
  std::vector<Node> asked = nodes;
  if (absl::Status s = Constrain(command.constraints, index, asked); !s.ok()) return s;

  TreeRequest request;
  request.total = command.target_units.value_or(nodes.front().target_units);
  std::map<std::pair<uint32_t, std::string>, uint32_t> families;  // By parent and breakdown.
  std::vector<const Breakdown*> breakdowns;
  std::vector<std::vector<uint32_t>> children;
  for (uint32_t i = 0; i < asked.size(); ++i) {
    const Node& node = asked[i];
    TreeNode made{.weight = nodes[i].Counted(), .min = node.min_units, .max = node.max_units};
    if (node.locked) made.lock = node.target_units;
    if (node.counted_units) made = {.weight = *node.counted_units, .lock = node.counted_units};
    if (i > 0) {
      const uint32_t parent = index.at(node.parent_id);
      const auto [family, added] = families.try_emplace(
          {parent, node.breakdown_id}, static_cast<uint32_t>(request.families.size()));
      if (added) {
        const Breakdown* breakdown = nodes[parent].FindBreakdown(node.breakdown_id);
        TreeFamily shape{.parent = parent};
        if (breakdown != nullptr) {
          shape.stretch_ppm = breakdown->stretch_ppm;
          shape.rounding_unit = breakdown->rounding_units;
        }
        request.families.push_back(shape);
        breakdowns.push_back(breakdown);
        children.emplace_back();
      }
      made.family = family->second;
      children[family->second].push_back(i);
    }
    request.nodes.push_back(made);
    if (command.shape == SolveShape::kTargets) request.current.push_back(nodes[i].Counted());
  }

  if (command.shape == SolveShape::kWeights) {
    for (const std::vector<uint32_t>& family : children) TakeWeights(nodes, family, request.nodes);
  }

  const TreeResult result = SolveTree(request);
  if (!result.violations.empty()) {
    std::vector<error::Obstacle> obstacles;
    for (const TreeViolation& violation : result.violations)
      obstacles.push_back({absl::StrCat(violation.field, " ", violation.message), 0});
    return error::SolveImpossible(nodes.front().Name(), obstacles);
  }
  TreeSolution solution;
  for (const TreeCollision& collision : result.collisions) {
    solution.collision_words.push_back(
        Explain(collision, [&](uint32_t node) { return nodes[node].Name(); }));
    solution.collisions.push_back(collision);
  }
  if (!result.ok()) return solution;

  std::map<uint32_t, SplitResult> explained;  // By family.
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    Node& node = asked[i];
    if (node.counted_units) continue;
    node.target_units = result.values[i];
    const bool moved = node.target_units != nodes[i].target_units;
    if (!moved && node.locked == nodes[i].locked && node.min_units == nodes[i].min_units &&
        node.max_units == nodes[i].max_units) {
      continue;
    }
    if (node.target_units > kMaxTargetUnits)
      return error::OutsideBounds(node.Name(), node.target_units, 0, kMaxTargetUnits);
    if (moved) node.explanation.reset();
    if (moved && i > 0) {
      const uint32_t family = request.nodes[i].family;
      auto split = explained.find(family);
      if (split == explained.end())
        split = explained.emplace(family, ExplainFamily(request, result, family)).first;
      int64_t weight_sum = 0;
      size_t place = 0;
      for (size_t c = 0; c < children[family].size(); ++c) {
        weight_sum += request.nodes[children[family][c]].weight;
        if (children[family][c] == i) place = c;
      }
      if (split->second.ok()) {
        node.explanation = ToExplanation(
            split->second.values[place],
            breakdowns[family] == nullptr ? SplitMethod::kImported : breakdowns[family]->method,
            request.nodes[i].weight, weight_sum);
        node.explanation->description =
            absl::StrCat("solved with all locks and bounds below ", nodes.front().Name(), ": ",
                         node.explanation->description);
      }
    }
    solution.changed.push_back(std::move(node));
  }
  return solution;
}

}  // namespace milepost::target
