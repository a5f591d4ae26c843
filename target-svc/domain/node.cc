#include "target-svc/domain/node.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/plan_check.h"

namespace milepost::target {
namespace {

constexpr char kSlots[] = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr int kSlotCount = 36;

bool SameDayOfYear(absl::CivilDay a, absl::CivilDay b) {
  return a.month() == b.month() && a.day() == b.day();
}

// The same day so many years later; 29 February becomes 28 where there is none.
absl::CivilDay AddYears(absl::CivilDay day, int64_t years) {
  const absl::CivilMonth month(day.year() + years, day.month());
  const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
  return std::min(absl::CivilDay(month) + (day.day() - 1), last);
}

}  // namespace

Explanation ToExplanation(const SplitValue& value, SplitMethod method, int64_t weight,
                          int64_t weight_sum) {
  Explanation explanation;
  explanation.method = method;
  explanation.weight = weight;
  explanation.weight_sum = weight_sum;
  explanation.raw_units = value.raw.whole;
  explanation.raw_remainder_ppm = static_cast<int64_t>(absl::int128(value.raw.numerator) * kPpm /
                                                       std::max<int64_t>(value.raw.denominator, 1));
  explanation.bound = value.bound;
  explanation.rounding_difference_units = value.value - value.fair.whole;
  explanation.description = Explain(value);
  return explanation;
}

const char* DimensionWord(Dimension dimension) {
  switch (dimension) {
    case Dimension::kNone:
      return "";
    case Dimension::kPeriod:
      return "period";
    case Dimension::kUnit:
      return "unit";
    case Dimension::kMember:
      return "member";
    case Dimension::kProduct:
      return "product";
    case Dimension::kChannel:
      return "channel";
    case Dimension::kRegion:
      return "region";
    case Dimension::kCustomer:
      return "customer";
  }
  return "";
}

const Breakdown* Node::FindBreakdown(const std::string& breakdown) const {
  for (const Breakdown& candidate : breakdowns) {
    if (candidate.id == breakdown) return &candidate;
  }
  return nullptr;
}

int64_t Node::ChildCount() const {
  int64_t count = 0;
  for (const Breakdown& breakdown : breakdowns) count += breakdown.child_count;
  return count;
}

std::string ChildPath(const std::string& parent_path, char slot, int position) {
  std::string path = parent_path;
  path += slot;
  path += kSlots[position / (kSlotCount * kSlotCount) % kSlotCount];
  path += kSlots[position / kSlotCount % kSlotCount];
  path += kSlots[position % kSlotCount];
  return path;
}

std::vector<std::string> AncestorPaths(const std::string& path) {
  std::vector<std::string> ancestors;
  for (size_t length = 0; length < path.size(); length += kLevelLength)
    ancestors.push_back(path.substr(0, length));
  return ancestors;
}

std::optional<char> FreeSlot(const Node& node) {
  for (size_t i = 0; i < kMaxBreakdowns; ++i) {
    const char slot = kSlots[i];
    if (std::none_of(node.breakdowns.begin(), node.breakdowns.end(),
                     [slot](const Breakdown& breakdown) { return breakdown.slot == slot; })) {
      return slot;
    }
  }
  return std::nullopt;
}

Node RootOf(const Plan& plan) {
  Node root;
  root.plan_id = plan.id;
  root.id = kRootId;
  root.display_name = plan.title;
  root.scope.period = plan.period;
  root.scope.unit_id = plan.unit_id;
  root.target_units = plan.target_units;
  root.create_time = plan.create_time;
  root.update_time = plan.update_time;
  return root;
}

std::vector<PartSpec> PeriodParts(DayRange period, PeriodKind grain) {
  std::vector<PartSpec> parts;
  for (const Period& step : Periods(period, grain)) {
    PartSpec part;
    part.key = PeriodLabel(grain, step.days.first);
    part.display_name = part.key;
    part.period = step.days;
    parts.push_back(std::move(part));
  }
  return parts;
}

absl::Status CheckDimension(const Node& node, Dimension dimension) {
  const auto taken = [&](const std::string& value, const char* what) {
    return value.empty() ? absl::OkStatus()
                         : error::NoParts(node.Name(),
                                          absl::StrCat("it is already for the ", what, " ", value));
  };
  switch (dimension) {
    case Dimension::kPeriod:
      return node.scope.period.first < node.scope.period.last
                 ? absl::OkStatus()
                 : error::NoParts(node.Name(), "it is already for one day");
    case Dimension::kUnit:
    case Dimension::kMember:
      return taken(node.scope.member_id, "member");
    case Dimension::kProduct:
      return taken(node.scope.product_id, "product");
    case Dimension::kChannel:
      return taken(node.scope.channel, "channel");
    case Dimension::kRegion:
      return taken(node.scope.region, "region");
    case Dimension::kCustomer:
      return taken(node.scope.customer_id, "customer");
    case Dimension::kNone:
      break;
  }
  return error::NoParts(node.Name(), "no dimension is named");
}

absl::StatusOr<Scope> NarrowScope(const Node& parent, Dimension dimension, const PartSpec& part) {
  if (absl::Status s = CheckDimension(parent, dimension); !s.ok()) return s;
  Scope scope = parent.scope;
  switch (dimension) {
    case Dimension::kPeriod:
      if (!part.period) return error::PartOutside(parent.Name(), part.key, "it has no days");
      if (part.period->first < scope.period.first || part.period->last > scope.period.last) {
        return error::PartOutside(
            parent.Name(), part.key,
            absl::StrCat("its days are not all from ", absl::FormatCivilTime(scope.period.first),
                         " to ", absl::FormatCivilTime(scope.period.last)));
      }
      scope.period = *part.period;
      break;
    case Dimension::kUnit:
      if (part.key == scope.unit_id)
        return error::PartOutside(parent.Name(), part.key, "it is the node's own unit");
      scope.unit_id = part.key;
      break;
    case Dimension::kMember:
      scope.member_id = part.key;
      break;
    case Dimension::kProduct:
      scope.product_id = part.key;
      break;
    case Dimension::kChannel:
      scope.channel = part.key;
      break;
    case Dimension::kRegion:
      scope.region = part.key;
      break;
    case Dimension::kCustomer:
      scope.customer_id = part.key;
      break;
    case Dimension::kNone:
      break;
  }
  return scope;
}

absl::Status CheckDisjoint(const Node& parent, const std::vector<PartSpec>& parts) {
  std::vector<const PartSpec*> sorted;
  for (const PartSpec& part : parts) {
    if (part.period) sorted.push_back(&part);
  }
  std::sort(sorted.begin(), sorted.end(), [](const PartSpec* a, const PartSpec* b) {
    return a->period->first < b->period->first;
  });
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->period->first <= sorted[i - 1]->period->last) {
      return error::PartOutside(
          parent.Name(), sorted[i]->key,
          absl::StrCat("its days overlap those of '", sorted[i - 1]->key, "'"));
    }
  }
  return absl::OkStatus();
}

std::optional<DayRange> InReference(DayRange period, DayRange part, DayRange reference) {
  DayRange found;
  if (SameDayOfYear(period.first, reference.first)) {
    const int64_t years = reference.first.year() - period.first.year();
    found.first = AddYears(part.first, years);
    // The day before the day after: the end of February stays the end of February.
    found.last = AddYears(part.last + 1, years) - 1;
  } else {
    found.first = reference.first + (part.first - period.first);
    found.last = reference.first + (part.last - period.first);
  }
  found.first = std::max(found.first, reference.first);
  found.last = std::min(found.last, reference.last);
  if (found.last < found.first) return std::nullopt;
  return found;
}

DayRange YearsEarlier(DayRange days, int years) {
  return {AddYears(days.first, -years), AddYears(days.last + 1, -years) - 1};
}

absl::StatusOr<std::vector<Node>> MakeChildren(const Node& parent, const SplitRule& rule, char slot,
                                               const std::vector<PartSpec>& parts,
                                               const std::vector<int64_t>& weights) {
  if (parent.depth >= kMaxDepth) return error::TooDeep(parent.Name());
  if (parts.size() > kMaxChildren) return error::TooManyChildren(parent.Name(), parts.size());
  if (parts.empty()) return error::NoParts(parent.Name(), "there are no parts");
  SplitRequest request;
  request.parent_value = parent.target_units;
  request.stretch_ppm = rule.stretch_ppm;
  request.rounding_unit = rule.rounding_units;
  request.parts.reserve(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    request.parts.push_back({weights[i], parts[i].lock, parts[i].min, parts[i].max});
  }
  const SplitResult split = Split(request);
  if (!split.ok()) {
    std::vector<std::string> keys;
    for (const PartSpec& part : parts) keys.push_back(part.key);
    return error::SplitImpossible(parent.Name(), split.violations, keys);
  }
  const int64_t weight_sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
  std::vector<Node> children;
  children.reserve(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    absl::StatusOr<Scope> scope = NarrowScope(parent, rule.dimension, parts[i]);
    if (!scope.ok()) return scope.status();
    if (split.values[i].value > kMaxTargetUnits) {
      return error::OutsideBounds(parent.Name(), split.values[i].value, 0, kMaxTargetUnits);
    }
    Node child;
    child.plan_id = parent.plan_id;
    child.path = ChildPath(parent.path, slot, static_cast<int>(i));
    child.parent_id = parent.id;
    child.breakdown_id = rule.breakdown_id;
    child.dimension = rule.dimension;
    child.key = parts[i].key;
    child.display_name = parts[i].display_name.empty() ? parts[i].key : parts[i].display_name;
    child.scope = *std::move(scope);
    child.target_units = split.values[i].value;
    child.locked = parts[i].lock.has_value();
    child.min_units = parts[i].min;
    child.max_units = parts[i].max;
    child.depth = parent.depth + 1;
    child.position = static_cast<int>(i);
    child.explanation = ToExplanation(split.values[i], rule.method, weights[i], weight_sum);
    children.push_back(std::move(child));
  }
  return children;
}

std::vector<Violation> FindViolations(const std::vector<Node>& nodes) {
  std::vector<PlanTreeNode> tree;
  std::vector<BreakdownStretch> stretches;
  tree.reserve(nodes.size());
  for (const Node& node : nodes) {
    tree.push_back(
        {node.id, node.parent_id, node.breakdown_id, node.target_units, node.counted_units});
    for (const Breakdown& breakdown : node.breakdowns) {
      if (breakdown.stretch_ppm != kPpm)
        stretches.push_back({node.id, breakdown.id, breakdown.stretch_ppm});
    }
  }
  absl::flat_hash_map<std::string, std::vector<Violation>> found;  // By node.
  for (PlanViolation& violation : CheckPlan(tree, stretches)) {
    if (violation.kind != PlanViolationKind::kUnassigned &&
        violation.kind != PlanViolationKind::kOverAssigned)
      continue;
    found[violation.node_id].push_back({violation.kind == PlanViolationKind::kUnassigned
                                            ? ViolationKind::kUnassigned
                                            : ViolationKind::kOverAssigned,
                                        violation.node_id, violation.breakdown, violation.expected,
                                        violation.actual, std::move(violation.message)});
  }
  std::map<std::pair<std::string, std::string>, std::vector<const Node*>> periods;
  for (const Node& node : nodes) {
    if (node.min_units && node.target_units < *node.min_units) {
      found[node.id].push_back(
          {ViolationKind::kBelowMinimum, node.id, "", *node.min_units, node.target_units,
           absl::StrCat(node.id, " is ", node.target_units, ", its minimum is ", *node.min_units)});
    }
    if (node.max_units && node.target_units > *node.max_units) {
      found[node.id].push_back(
          {ViolationKind::kAboveMaximum, node.id, "", *node.max_units, node.target_units,
           absl::StrCat(node.id, " is ", node.target_units, ", its maximum is ", *node.max_units)});
    }
    if (node.dimension == Dimension::kPeriod)
      periods[{node.parent_id, node.breakdown_id}].push_back(&node);
  }
  for (auto& [key, siblings] : periods) {
    std::stable_sort(siblings.begin(), siblings.end(), [](const Node* a, const Node* b) {
      return a->scope.period.first < b->scope.period.first;
    });
    for (size_t i = 1; i < siblings.size(); ++i) {
      if (siblings[i]->scope.period.first > siblings[i - 1]->scope.period.last) continue;
      found[siblings[i]->id].push_back({ViolationKind::kPeriodsOverlap, siblings[i]->id, "", 0, 0,
                                        absl::StrCat("the days of ", siblings[i]->id,
                                                     " overlap those of ", siblings[i - 1]->id)});
    }
  }
  std::vector<Violation> violations;
  for (const Node& node : nodes) {
    const auto of_node = found.find(node.id);
    if (of_node == found.end()) continue;
    for (Violation& violation : of_node->second) violations.push_back(std::move(violation));
  }
  return violations;
}

}  // namespace milepost::target
