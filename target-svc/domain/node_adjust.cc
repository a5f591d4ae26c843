#include "target-svc/domain/node_adjust.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/plan_tree.h"

namespace milepost::target {

absl::StatusOr<NodeAdjustment> ApplyAdjust(const std::vector<Node>& nodes,
                                           const std::string& node_id, int64_t target_units,
                                           GivesWay gives_way) {
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const Node& node) { return node.id == node_id; });
  if (found == nodes.end()) return absl::InternalError(absl::StrCat("no node ", node_id));
  const auto asked = static_cast<uint32_t>(found - nodes.begin());
  if (found->counted_units) return error::NodeClosed(found->Name(), *found->counted_units);
  if (found->locked) return error::NodeLocked(found->Name(), found->target_units);
  const int64_t min = found->min_units.value_or(0);
  const int64_t max = found->max_units.value_or(kMaxTargetUnits);
  if (target_units < min || target_units > max)
    return error::OutsideBounds(found->Name(), target_units, min, max);

  PlanTree plan = ToPlanTree(nodes);
  const ChangeResult result =
      Adjust(plan.tree, {.node = asked, .value = target_units, .gives_way = gives_way});
  if (!result.ok()) return error::AdjustImpossible(found->Name(), ObstaclesOf(nodes, result));

  ApplyChange(plan.tree, result);
  NodeAdjustment adjustment;
  adjustment.changed.push_back(*found);
  adjustment.changed.front().target_units = target_units;
  adjustment.changed.front().explanation.reset();
  absl::StatusOr<std::vector<Node>> changed = ChangedNodes(nodes, plan, result, asked);
  if (!changed.ok()) return changed.status();
  for (Node& node : *changed) {
    if (node.id != node_id) adjustment.changed.push_back(std::move(node));
  }
  for (const BrokenSum& sum : result.broken) {
    adjustment.off.push_back(
        {nodes[plan.families[sum.family].parent].Name(), sum.expected, sum.actual});
  }
  return adjustment;
}

}  // namespace milepost::target
