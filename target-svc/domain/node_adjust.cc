#include "target-svc/domain/node_adjust.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

// Where the families of a tree come from.
struct FamilySource {
  uint32_t parent = 0;
  const Breakdown* breakdown = nullptr;
  std::vector<uint32_t> children;
};

struct PlanTree {
  ValueTree tree;
  std::vector<FamilySource> families;
};

PlanTree ToTree(const std::vector<Node>& nodes) {
  PlanTree result;
  absl::flat_hash_map<std::string, uint32_t> index;
  std::map<std::pair<uint32_t, std::string>, uint32_t> families;  // By parent and breakdown.
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    index[node.id] = i;
    ValueNode value{.value = node.target_units,
                    .locked = node.locked,
                    .min = node.min_units,
                    .max = node.max_units};
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
  }
  return result;
}

// How the children of one family came to their new values. What bounds further down decided is
// told as a bound of the child itself.
class FamilyExplanation {
 public:
  FamilyExplanation(const std::vector<Node>& before, const ValueTree& after, uint32_t asked,
                    const FamilySource& family) {
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
      if (node.locked || child == asked) {
        part = {node.target_units, after.nodes[child].value, std::nullopt, std::nullopt};
      }
      request.parts.push_back(part);
      weight_sum_ += node.target_units;
    }
    enum Round { kOwnBounds, kHeldFromBelow, kAllHeld, kRounds };
    for (int round = kOwnBounds; round < kRounds; ++round) {
      split_ = Split(request);
      bool same = split_.ok();
      for (size_t i = 0; i < family.children.size(); ++i) {
        const int64_t value = after.nodes[family.children[i]].value;
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

absl::Status Refused(const std::vector<Node>& nodes, uint32_t asked, const ChangeResult& result) {
  const auto name = [&](uint32_t node) { return nodes[node].Name(); };
  std::vector<error::Obstacle> obstacles;
  for (const ChangeViolation& violation : result.violations) {
    obstacles.push_back(
        {absl::StrCat(name(violation.node), " ", violation.message), violation.amount});
  }
  for (const TreeViolation& violation : result.tree_violations) {
    obstacles.push_back({absl::StrCat(violation.field, " ", violation.message), 0});
  }
  for (const TreeCollision& collision : result.collisions) {
    obstacles.push_back({Explain(collision, name), collision.amount});
  }
  return error::AdjustImpossible(name(asked), obstacles);
}

}  // namespace

absl::StatusOr<NodeAdjustment> ApplyAdjust(const std::vector<Node>& nodes,
                                           const std::string& node_id, int64_t target_units,
                                           GivesWay gives_way) {
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const Node& node) { return node.id == node_id; });
  if (found == nodes.end()) return absl::InternalError(absl::StrCat("no node ", node_id));
  const auto asked = static_cast<uint32_t>(found - nodes.begin());
  if (found->locked) return error::NodeLocked(found->Name(), found->target_units);
  const int64_t min = found->min_units.value_or(0);
  const int64_t max = found->max_units.value_or(kMaxTargetUnits);
  if (target_units < min || target_units > max)
    return error::OutsideBounds(found->Name(), target_units, min, max);

  PlanTree plan = ToTree(nodes);
  const ChangeResult result =
      Adjust(plan.tree, {.node = asked, .value = target_units, .gives_way = gives_way});
  if (!result.ok()) return Refused(nodes, asked, result);

  ApplyChange(plan.tree, result);
  NodeAdjustment adjustment;
  adjustment.changed.push_back(*found);
  adjustment.changed.front().target_units = target_units;
  adjustment.changed.front().explanation.reset();
  const auto name = [&](uint32_t node) { return nodes[node].display_name; };
  std::map<uint32_t, FamilyExplanation> explained;  // By family.
  for (const ValueChange& change : result.changes) {
    if (change.node == asked) continue;
    Node node = nodes[change.node];
    if (change.new_value > kMaxTargetUnits)
      return error::OutsideBounds(node.Name(), change.new_value, 0, kMaxTargetUnits);
    node.target_units = change.new_value;
    node.explanation.reset();
    const uint32_t family = plan.tree.nodes[change.node].family;
    const std::string text = Explain(change, name);
    if (family != kNoFamily && change.reason == ChangeReason::kCarriesUp) {
      const Breakdown* breakdown = plan.families[family].breakdown;
      node.explanation =
          Explanation{.method = breakdown == nullptr ? SplitMethod::kImported : breakdown->method,
                      .weight = change.old_value,
                      .description = text};
    } else if (family != kNoFamily) {
      const FamilySource& source = plan.families[family];
      auto explanation = explained.find(family);
      if (explanation == explained.end()) {
        explanation =
            explained.emplace(family, FamilyExplanation(nodes, plan.tree, asked, source)).first;
      }
      const auto place =
          std::lower_bound(source.children.begin(), source.children.end(), change.node) -
          source.children.begin();
      node.explanation = explanation->second.Of(static_cast<size_t>(place), change.old_value, text);
    }
    adjustment.changed.push_back(std::move(node));
  }
  for (const BrokenSum& sum : result.broken) {
    adjustment.off.push_back(
        {nodes[plan.families[sum.family].parent].Name(), sum.expected, sum.actual});
  }
  return adjustment;
}

}  // namespace milepost::target
