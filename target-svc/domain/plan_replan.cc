#include "target-svc/domain/plan_replan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/plan_tree.h"

namespace milepost::target {
namespace {

// What was wanted and achieved in what is settled below each node: along the first breakdown in
// which anything is, since each adds up to the same.
class Sums {
 public:
  Sums(const std::vector<Node>& nodes, const PlanTree& plan,
       const absl::flat_hash_map<std::string, int64_t>& achieved)
      : nodes_(nodes), plan_(plan), achieved_(achieved), families_(nodes.size()) {
    for (uint32_t f = 0; f < plan.families.size(); ++f)
      families_[plan.families[f].parent].push_back(f);
  }

  struct Sum {
    bool any = false;
    int64_t planned = 0;
    int64_t achieved = 0;
  };
  Sum Of(uint32_t node) const {
    if (const auto found = achieved_.find(nodes_[node].id); found != achieved_.end())
      return {true, nodes_[node].target_units, found->second};
    if (plan_.tree.nodes[node].closed) return {};
    for (const uint32_t family : families_[node]) {
      Sum sum;
      for (const uint32_t child : plan_.families[family].children) {
        const Sum one = Of(child);
        sum.any = sum.any || one.any;
        sum.planned += one.planned;
        sum.achieved += one.achieved;
      }
      if (sum.any) return sum;
    }
    return {};
  }

 private:
  const std::vector<Node>& nodes_;
  const PlanTree& plan_;
  const absl::flat_hash_map<std::string, int64_t>& achieved_;
  std::vector<std::vector<uint32_t>> families_;  // Of each node.
};

// Marks what is over, and gives the topmost of it.
std::vector<uint32_t> Close(const std::vector<Node>& nodes, absl::CivilDay first_open_day,
                            PlanTree& plan) {
  std::vector<uint32_t> settled;
  std::vector<char> closed(nodes.size(), 0);
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    ValueNode& node = plan.tree.nodes[i];
    node.closed = node.closed || nodes[i].scope.period.last < first_open_day;
    const bool below =
        node.family != kNoFamily && closed[plan.tree.families[node.family].parent] != 0;
    closed[i] = node.closed || below;
    if (node.closed && !below && i > 0) settled.push_back(i);
  }
  return settled;
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> NodesToSettle(const std::vector<Node>& nodes,
                                                    absl::CivilDay first_open_day) {
  const Node& top = nodes.front();
  if (top.counted_units) return error::NodeClosed(top.Name(), *top.counted_units);
  const std::string day = absl::FormatCivilTime(first_open_day);
  if (top.scope.period.last < first_open_day)
    return error::CannotReplan(top.Name(), absl::StrCat("all its days are before ", day));
  PlanTree plan = ToPlanTree(nodes);
  std::vector<uint32_t> settled = Close(nodes, first_open_day, plan);
  if (settled.empty()) {
    return error::CannotReplan(top.Name(), absl::StrCat("no period below it is over before ", day));
  }
  return settled;
}

absl::StatusOr<Replanning> ApplyReplan(const std::vector<Node>& nodes,
                                       absl::CivilDay first_open_day,
                                       const absl::flat_hash_map<std::string, int64_t>& achieved) {
  if (absl::Status s = NodesToSettle(nodes, first_open_day).status(); !s.ok()) return s;
  PlanTree plan = ToPlanTree(nodes);
  ReplanRequest request;
  for (const uint32_t node : Close(nodes, first_open_day, plan)) {
    const auto found = achieved.find(nodes[node].id);
    if (found == achieved.end())
      return absl::InternalError(absl::StrCat("nothing is known of ", nodes[node].Name()));
    request.achieved.push_back({node, found->second});
  }
  const Sums::Sum sum = Sums(nodes, plan, achieved).Of(0);
  const ChangeResult result = Replan(plan.tree, request);
  if (!result.ok()) {
    std::vector<error::Obstacle> obstacles = ObstaclesOf(nodes, result);
    obstacles.insert(
        obstacles.begin(),
        error::Obstacle{absl::StrCat("of ", sum.planned, " wanted before ",
                                     absl::FormatCivilTime(first_open_day), ", ", sum.achieved,
                                     " was achieved, ", sum.planned - sum.achieved, " is missing"),
                        std::max<int64_t>(sum.planned - sum.achieved, 0)});
    return error::ReplanImpossible(nodes.front().Name(), obstacles);
  }
  ApplyChange(plan.tree, result);
  Replanning replanning{.planned_units = sum.planned, .achieved_units = sum.achieved};
  absl::StatusOr<std::vector<Node>> changed = ChangedNodes(nodes, plan, result, std::nullopt);
  if (!changed.ok()) return changed.status();
  replanning.changed = *std::move(changed);
  for (const Achieved& one : request.achieved) {
    Node node = nodes[one.node];
    node.counted_units = one.value;
    replanning.settled.push_back(std::move(node));
  }
  return replanning;
}

}  // namespace milepost::target
