#include "target-svc/domain/plan_tree.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

// How the children of one family came to their new values. What bounds further down decided is
// told as a bound of the child itself.
class FamilyExplanation {
 public:
  FamilyExplanation(const std::vector<Node>& before, const ValueTree& after,
                    std::optional<uint32_t> asked, const PlanTree::Family& family) {
    SplitRequest request;
    request.parent_value = after.nodes[family.parent].value;
    if (family.breakdown != nullptr) {
      method_ = family.breakdown->method;
      request.stretch_ppm = family.breakdown->stretch_ppm;
      request.rounding_unit = family.breakdown->rounding_units;
    }
    for (const uint32_t child : family.children) {
      const Node& node = before[child];
      SplitPart part{node.target_units, std::nullopt, node.min_units, node.max_units};
      const ValueNode& now = after.nodes[child];
      if (node.locked || now.closed || child == asked) {
        part = {node.target_units, now.Counted(), std::nullopt, std::nullopt};
      }
      request.parts.push_back(part);
      weight_sum_ += node.target_units;
    }
    enum Round { kOwnBounds, kHeldFromBelow, kAllHeld, kRounds };
    for (int round = kOwnBounds; round < kRounds; ++round) {
      split_ = Split(request);
      bool same = split_.ok();
      for (size_t i = 0; i < family.children.size(); ++i) {
        const int64_t value = after.nodes[family.children[i]].Counted();
        const bool differs = !split_.ok() || split_.values[i].value != value;
        same = same && !differs;
        if ((differs || round == kHeldFromBelow) && !request.parts[i].lock) {
          request.parts[i].min = value;
          request.parts[i].max = value;
        }
      }
      if (same) break;
    }
  }

  // Of the child at a place of the family.
  Explanation Of(size_t place, int64_t weight, const std::string& text) const {
    Explanation explanation{.method = method_, .weight = weight, .weight_sum = weight_sum_};
    if (split_.ok()) {
      explanation = ToExplanation(split_.values[place], method_, weight, weight_sum_);
    }
    explanation.description =
        explanation.description.empty() ? text : absl::StrCat(text, ": ", explanation.description);
    return explanation;
  }

 private:
  SplitMethod method_ = SplitMethod::kImported;
  int64_t weight_sum_ = 0;
  SplitResult split_;
};

}  // namespace

PlanTree ToPlanTree(const std::vector<Node>& nodes) {
  PlanTree result;
  absl::flat_hash_map<std::string, uint32_t> index;
  std::map<std::pair<uint32_t, std::string>, uint32_t> families;  // By parent and breakdown.
  result.tree.nodes.reserve(nodes.size());
  result.tree.periods.reserve(nodes.size());
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    index[node.id] = i;
    ValueNode value{.value = node.target_units,
                    .locked = node.locked,
                    .closed = node.counted_units.has_value(),
                    .min = node.min_units,
                    .max = node.max_units,
                    .counts_as = node.counted_units};
    if (i > 0) {
      const uint32_t parent = index.at(node.parent_id);
      const auto [family, added] = families.try_emplace(
          {parent, node.breakdown_id}, static_cast<uint32_t>(result.families.size()));
      if (added) {
        const Breakdown* breakdown = nodes[parent].FindBreakdown(node.breakdown_id);
        TreeFamily made{.parent = parent};
        if (breakdown != nullptr) {
          made.stretch_ppm = breakdown->stretch_ppm;
          made.rounding_unit = breakdown->rounding_units;
        }
        result.tree.families.push_back(made);
        result.families.push_back({parent, breakdown, {}});
      }
      value.family = family->second;
      result.families[family->second].children.push_back(i);
    }
    result.tree.nodes.push_back(value);
    result.tree.periods.push_back(node.scope.period);
  }
  return result;
}

absl::StatusOr<std::vector<Node>> ChangedNodes(const std::vector<Node>& nodes, const PlanTree& plan,
                                               const ChangeResult& change,
                                               std::optional<uint32_t> asked) {
  std::vector<Node> changed;
  const auto name = [&](uint32_t node) { return nodes[node].display_name; };
  std::map<uint32_t, FamilyExplanation> explained;  // By family.
  for (const ValueChange& one : change.changes) {
    Node node = nodes[one.node];
    if (one.new_value > kMaxTargetUnits)
      return error::OutsideBounds(node.Name(), one.new_value, 0, kMaxTargetUnits);
    node.target_units = one.new_value;
    node.explanation.reset();
    const uint32_t family = plan.tree.nodes[one.node].family;
    const std::string text = Explain(one, name);
    if (family != kNoFamily && one.reason == ChangeReason::kCarriesUp) {
      const Breakdown* breakdown = plan.families[family].breakdown;
      node.explanation =
          Explanation{.method = breakdown == nullptr ? SplitMethod::kImported : breakdown->method,
                      .weight = one.old_value,
                      .description = text};
    } else if (family != kNoFamily && one.node != asked) {
      const PlanTree::Family& source = plan.families[family];
      auto explanation = explained.find(family);
      if (explanation == explained.end()) {
        explanation =
            explained.emplace(family, FamilyExplanation(nodes, plan.tree, asked, source)).first;
      }
      const auto place =
          std::lower_bound(source.children.begin(), source.children.end(), one.node) -
          source.children.begin();
      node.explanation = explanation->second.Of(static_cast<size_t>(place), one.old_value, text);
    }
    changed.push_back(std::move(node));
  }
  return changed;
}

std::vector<error::Obstacle> ObstaclesOf(const std::vector<Node>& nodes,
                                         const ChangeResult& change) {
  const auto name = [&](uint32_t node) { return nodes[node].Name(); };
  std::vector<error::Obstacle> obstacles;
  for (const ChangeViolation& violation : change.violations) {
    obstacles.push_back(
        {absl::StrCat(name(violation.node), " ", violation.message), violation.amount});
  }
  for (const TreeViolation& violation : change.tree_violations)
    obstacles.push_back({absl::StrCat(violation.field, " ", violation.message), 0});
  for (const TreeCollision& collision : change.collisions)
    obstacles.push_back({Explain(collision, name), collision.amount});
  return obstacles;
}

}  // namespace milepost::target
