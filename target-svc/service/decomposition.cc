#include "target-svc/service/decomposition.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/resource/name.h"
#include "platform/types/money.h"
#include "target-svc/domain/capacity.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

constexpr int kMembersPerPage = 1'000;

// What a part's key must be: a name in these dimensions, a plain text in the others.
const char* CollectionOf(Dimension dimension) {
  switch (dimension) {
    case Dimension::kUnit:
      return "units";
    case Dimension::kMember:
      return "members";
    case Dimension::kProduct:
      return "products";
    case Dimension::kCustomer:
      return "customers";
    default:
      return nullptr;
  }
}

std::optional<int64_t> Units(bool has, int64_t value, const std::string& field, Reader& reader) {
  if (!has) return std::nullopt;
  return reader.Number(value, field, 0, kMaxTargetUnits);
}

// `path` ends before the name of the period's own fields.
ReferencePeriod ReadReference(const v1::ReferencePeriod& given, const std::string& path,
                              Reader& reader) {
  const std::string days_path = path.back() == '.' ? path + "period" : path;
  ReferencePeriod reference;
  if (const auto days =
          reader.Days(given.has_period(), given.period(), days_path, Need::kRequired)) {
    reference.period = *days;
    if (days->last - days->first >= kMaxPlanYears * 366)
      reader.Add(days_path, absl::StrCat("is longer than ", kMaxPlanYears, " years"));
  }
  reference.mix_weight =
      given.mix_weight() == 0
          ? 1
          : reader.Number(given.mix_weight(), path + "mix_weight", 1, kMaxMixWeight);
  reference.growth_ppm =
      reader.Number(given.growth_ppm(), path + "growth_ppm", -kPpm, kMaxGrowthPpm - kPpm);
  return reference;
}

NewcomerRule ToNewcomers(v1::HistoryMethod::Newcomers newcomers) {
  switch (newcomers) {
    case v1::HistoryMethod::MEAN:
      return NewcomerRule::kMean;
    case v1::HistoryMethod::LOWEST:
      return NewcomerRule::kLowest;
    default:
      return NewcomerRule::kNothing;
  }
}

bool AllZero(const std::vector<int64_t>& weights) {
  return std::all_of(weights.begin(), weights.end(), [](int64_t weight) { return weight == 0; });
}

// What a node is for, apart from the period.
std::string ScopeKey(const Scope& scope) {
  return absl::StrJoin({scope.unit_id, scope.member_id, scope.product_id, scope.channel,
                        scope.region, scope.customer_id},
                       "\n");
}

// Targets to copy from: the children of nodes by the breakdown they are in.
class CopySource {
 public:
  CopySource(std::vector<Node> nodes, DayRange period) : nodes_(std::move(nodes)), period_(period) {
    for (const Node& node : nodes_) {
      by_scope_[ScopeKey(node.scope)].push_back(&node);
      by_id_[node.id] = &node;
      children_[{node.parent_id, node.breakdown_id}].push_back(&node);
    }
  }

  // The children that `target`, a node of a plan over `target_period`, takes the shape of; null if
  // there are none.
  const std::vector<const Node*>* ShapeFor(const Node& target, DayRange target_period,
                                           const SplitCommand& command) const {
    const auto children_of = [&](const Node& node) -> const std::vector<const Node*>* {
      for (const Breakdown& breakdown : node.breakdowns) {
        const bool wanted = command.copy_breakdown_id.empty()
                                ? breakdown.dimension == command.rule.dimension
                                : breakdown.id == command.copy_breakdown_id &&
                                      breakdown.dimension == command.rule.dimension;
        const auto children = children_.find({node.id, breakdown.id});
        if (wanted && children != children_.end()) return &children->second;
      }
      return nullptr;
    };
    if (!command.copy_node_id.empty()) {
      const auto node = by_id_.find(command.copy_node_id);
      return node == by_id_.end() ? nullptr : children_of(*node->second);
    }
    const auto same = by_scope_.find(ScopeKey(target.scope));
    const std::optional<DayRange> place = InReference(target_period, target.scope.period, period_);
    if (same == by_scope_.end() || !place) return nullptr;
    for (const Node* node : same->second) {
      // What is broken down is never taken for its own shape.
      if (node->scope.period != *place || node->Name() == target.Name()) continue;
      if (const auto* children = children_of(*node)) return children;
    }
    return nullptr;
  }

  const Node* Find(const std::string& id) const {
    const auto node = by_id_.find(id);
    return node == by_id_.end() ? nullptr : node->second;
  }

 private:
  std::vector<Node> nodes_;
  DayRange period_;
  absl::flat_hash_map<std::string, std::vector<const Node*>> by_scope_;
  absl::flat_hash_map<std::string, const Node*> by_id_;
  std::map<std::pair<std::string, std::string>, std::vector<const Node*>> children_;
};

// What the parts of a node have in the children of a source.
std::vector<int64_t> CopiedWeights(const std::vector<const Node*>& children, const Node& source,
                                   const SplitTask& task, Dimension dimension) {
  std::vector<int64_t> weights;
  absl::flat_hash_map<std::string, int64_t> by_key;
  for (const Node* child : children) by_key[child->key] = child->target_units;
  for (const PartSpec& part : task.parts) {
    int64_t weight = 0;
    if (dimension != Dimension::kPeriod) {
      const auto found = by_key.find(part.key);
      if (found != by_key.end()) weight = found->second;
    } else if (const std::optional<DayRange> place =
                   InReference(task.node.scope.period, *part.period, source.scope.period)) {
      for (const Node* child : children) {
        const absl::CivilDay first = child->scope.period.first;
        if (place->first <= first && first <= place->last)
          weight = CheckedAdd(weight, child->target_units).value_or(weight);
      }
    }
    weights.push_back(weight);
  }
  return weights;
}

}  // namespace

std::string ReadPartKey(const std::string& key, Dimension dimension, const std::string& field,
                        Reader& reader) {
  const char* collection = CollectionOf(dimension);
  return collection != nullptr ? reader.Name(collection, key, field, Need::kRequired)
                               : reader.Text(key, field, kMaxKey, Need::kRequired);
}

HistorySpec ReadHistory(const v1::HistoryMethod& history, const std::string& path, Reader& reader) {
  HistorySpec spec;
  const size_t count = static_cast<size_t>(history.reference_periods_size());
  if (count < 1 || count > kMaxReferencePeriods) {
    reader.Add(path + ".reference_periods",
               absl::StrCat("has ", count, " periods; must have 1 to ", kMaxReferencePeriods));
  }
  for (int i = 0; i < history.reference_periods_size(); ++i) {
    spec.references.push_back(ReadReference(
        history.reference_periods(i), absl::StrCat(path, ".reference_periods[", i, "]."), reader));
  }
  reader.Choice(history.mix(), path + ".mix", v1::HistoryMethod::Mix_IsValid);
  reader.Choice(history.gaps(), path + ".gaps", v1::HistoryMethod::Gaps_IsValid);
  reader.Choice(history.newcomers(), path + ".newcomers", v1::HistoryMethod::Newcomers_IsValid);
  spec.mix = history.mix() == v1::HistoryMethod::AMOUNTS ? MixRule::kAmounts : MixRule::kShares;
  spec.gaps = history.gaps() == v1::HistoryMethod::OTHER_PERIODS ? GapRule::kOtherPeriods
                                                                 : GapRule::kCountsAsNothing;
  spec.newcomers = ToNewcomers(history.newcomers());
  spec.metric_id = reader.Name("metrics", history.metric(), path + ".metric", Need::kOptional);
  spec.even_without_history = history.even_without_history();
  return spec;
}

bool NeedsHistory(const SplitCommand& command) {
  return command.rule.method == SplitMethod::kHistory ||
         (command.rule.method == SplitMethod::kPotential && !command.history.references.empty());
}

SplitCommand ReadSplit(const v1::SplitSpec& spec, const std::string& plan_id, Reader& reader) {
  SplitCommand command;
  const auto node_of = [&](const std::string& name, const std::string& field) {
    const Reader::NodeIds ids = reader.NodeName(name, field, Need::kRequired);
    if (!ids.node.empty() && !plan_id.empty() && ids.plan != plan_id)
      reader.Add(field, "is a node of another plan");
    return ids.node;
  };
  switch (spec.selection_case()) {
    case v1::SplitSpec::kNodes: {
      const size_t count = static_cast<size_t>(spec.nodes().nodes_size());
      if (count < 1 || count > kMaxSelectedNodes) {
        reader.Add("split.nodes.nodes",
                   absl::StrCat("has ", count, " nodes; must have 1 to ", kMaxSelectedNodes));
      }
      std::set<std::string> seen;
      for (int i = 0; i < spec.nodes().nodes_size(); ++i) {
        const std::string field = absl::StrCat("split.nodes.nodes[", i, "]");
        std::string id = node_of(spec.nodes().nodes(i), field);
        if (!id.empty() && !seen.insert(id).second) reader.Add(field, "is there twice");
        command.node_ids.push_back(std::move(id));
      }
      break;
    }
    case v1::SplitSpec::kLeaves:
      command.leaves_under = spec.leaves().under().empty()
                                 ? kRootId
                                 : node_of(spec.leaves().under(), "split.leaves.under");
      break;
    case v1::SplitSpec::SELECTION_NOT_SET:
      reader.Add("split.nodes", "is required, or leaves");
      break;
  }

  SplitRule& rule = command.rule;
  reader.Choice(spec.dimension(), "split.dimension", v1::Dimension_IsValid, Need::kRequired);
  rule.dimension = v1::Dimension_IsValid(spec.dimension())
                       ? static_cast<Dimension>(spec.dimension())
                       : Dimension::kNone;
  rule.breakdown_id = spec.breakdown().empty()
                          ? DimensionWord(rule.dimension)
                          : reader.Id(spec.breakdown(), "split.breakdown", Need::kRequired);

  switch (spec.partition_case()) {
    case v1::SplitSpec::kParts: {
      const size_t count = static_cast<size_t>(spec.parts().parts_size());
      if (count < 1 || count > kMaxChildren) {
        reader.Add("split.parts.parts",
                   absl::StrCat("has ", count, " parts; must have 1 to ", kMaxChildren));
        break;
      }
      std::set<std::string> keys;
      for (int i = 0; i < spec.parts().parts_size(); ++i) {
        const v1::SplitPart& given = spec.parts().parts(i);
        const std::string path = absl::StrCat("split.parts.parts[", i, "].");
        PartSpec part;
        part.key = ReadPartKey(given.key(), rule.dimension, path + "key", reader);
        if (!part.key.empty() && !keys.insert(part.key).second)
          reader.Add(path + "key", "is there twice");
        part.display_name = reader.Text(given.display_name(), path + "display_name", kMaxNodeName);
        part.period =
            reader.Days(given.has_period(), given.period(), path + "period",
                        rule.dimension == Dimension::kPeriod ? Need::kRequired : Need::kOptional);
        if (rule.dimension != Dimension::kPeriod && given.has_period()) {
          reader.Add(path + "period", "must not be set unless dimension is PERIOD");
        }
        part.weight = reader.Number(given.weight(), path + "weight", 0, kMaxWeight);
        if (given.weight() != 0 && !spec.has_weights())
          reader.Add(path + "weight", "is only for method weights");
        if (given.potential_units() != 0 && !spec.has_potential())
          reader.Add(path + "potential_units", "is only for method potential");
        if (spec.has_potential()) {
          part.weight =
              reader.Number(given.potential_units(), path + "potential_units", 0, kMaxWeight);
        }
        part.lock = Units(given.has_lock_units(), given.lock_units(), path + "lock_units", reader);
        part.min = Units(given.has_min_units(), given.min_units(), path + "min_units", reader);
        part.max = Units(given.has_max_units(), given.max_units(), path + "max_units", reader);
        if (part.min && part.max && *part.min > *part.max)
          reader.Add(path + "min_units", "is above max_units");
        if (part.lock &&
            ((part.min && *part.lock < *part.min) || (part.max && *part.lock > *part.max))) {
          reader.Add(path + "lock_units", "is outside min_units and max_units");
        }
        command.parts.push_back(std::move(part));
      }
      break;
    }
    case v1::SplitSpec::kGrain:
      reader.Choice(spec.grain(), "split.grain", v1::PeriodGrain_IsValid, Need::kRequired);
      if (rule.dimension != Dimension::kPeriod)
        reader.Add("split.grain", "is only for dimension PERIOD");
      if (v1::PeriodGrain_IsValid(spec.grain()) && spec.grain() != v1::PERIOD_GRAIN_UNSPECIFIED) {
        command.grain = static_cast<PeriodKind>(spec.grain() - 1);
      }
      break;
    case v1::SplitSpec::kOrganization:
      reader.Choice(spec.organization(), "split.organization", v1::OrganizationParts_IsValid,
                    Need::kRequired);
      command.organization = static_cast<OrganizationParts>(spec.organization());
      if (rule.dimension !=
          (spec.organization() == v1::CHILD_UNITS ? Dimension::kUnit : Dimension::kMember)) {
        reader.Add("split.organization",
                   "CHILD_UNITS is for dimension UNIT, the others are for MEMBER");
      }
      break;
    case v1::SplitSpec::PARTITION_NOT_SET:
      reader.Add("split.parts", "is required, or grain, or organization");
      break;
  }

  switch (spec.method_case()) {
    case v1::SplitSpec::kEven:
      rule.method = SplitMethod::kEven;
      break;
    case v1::SplitSpec::kWeights: {
      rule.method = SplitMethod::kWeights;
      if (!spec.has_parts()) reader.Add("split.weights", "needs parts");
      std::vector<int64_t> weights;
      for (const PartSpec& part : command.parts) weights.push_back(part.weight);
      if (!weights.empty()) {
        for (const WeightViolation& violation : TypedWeights(weights).violations) {
          reader.Add("split.parts.parts", violation.message);
        }
      }
      break;
    }
    case v1::SplitSpec::kHistory:
      rule.method = SplitMethod::kHistory;
      command.history = ReadHistory(spec.history(), "split.history", reader);
      break;
    case v1::SplitSpec::kWorkingCalendar:
      rule.method = SplitMethod::kWorkingCalendar;
      command.calendar_id = reader.Name("calendars", spec.working_calendar().calendar(),
                                        "split.working_calendar.calendar", Need::kOptional);
      if (rule.dimension != Dimension::kPeriod)
        reader.Add("split.working_calendar", "is only for dimension PERIOD");
      break;
    case v1::SplitSpec::kCapacity: {
      rule.method = SplitMethod::kCapacity;
      if (rule.dimension != Dimension::kPeriod && rule.dimension != Dimension::kUnit &&
          rule.dimension != Dimension::kMember) {
        reader.Add("split.capacity", "is only for dimensions PERIOD, UNIT and MEMBER");
      }
      const v1::CapacityMethod& capacity = spec.capacity();
      if (static_cast<size_t>(capacity.ramp_ppm_size()) > kMaxRampMonths) {
        reader.Add("split.capacity.ramp_ppm",
                   absl::StrCat("has ", capacity.ramp_ppm_size(), " months; the limit is ",
                                kMaxRampMonths));
      }
      for (int i = 0; i < capacity.ramp_ppm_size(); ++i) {
        command.ramp_ppm.push_back(reader.Number(
            capacity.ramp_ppm(i), absl::StrCat("split.capacity.ramp_ppm[", i, "]"), 0, kPpm));
      }
      break;
    }
    case v1::SplitSpec::kPotential: {
      rule.method = SplitMethod::kPotential;
      const v1::PotentialMethod& potential = spec.potential();
      if (!spec.has_parts()) reader.Add("split.potential", "needs parts");
      command.history.metric_id =
          reader.Name("metrics", potential.metric(), "split.potential.metric", Need::kOptional);
      if (potential.has_achieved_in()) {
        v1::ReferencePeriod reference;
        *reference.mutable_period() = potential.achieved_in();
        command.history.references.push_back(
            ReadReference(reference, "split.potential.achieved_in", reader));
      } else if (!potential.metric().empty()) {
        reader.Add("split.potential.metric", "is only with achieved_in");
      }
      break;
    }
    case v1::SplitSpec::kCopy: {
      rule.method = SplitMethod::kCopy;
      if (const std::optional<std::string> plan = resource::IdOf("plans", spec.copy().source())) {
        command.copy_plan_id = *plan;
      } else {
        const Reader::NodeIds ids =
            reader.NodeName(spec.copy().source(), "split.copy.source", Need::kRequired);
        command.copy_plan_id = ids.plan;
        command.copy_node_id = ids.node;
      }
      command.copy_breakdown_id =
          reader.Id(spec.copy().breakdown(), "split.copy.breakdown", Need::kOptional);
      break;
    }
    case v1::SplitSpec::METHOD_NOT_SET:
      reader.Add("split.even",
                 "is required, or weights, history, working_calendar, capacity, potential or copy");
      break;
  }
  rule.stretch_ppm =
      spec.stretch_ppm() == 0
          ? kPpm
          : reader.Number(spec.stretch_ppm(), "split.stretch_ppm", 1, kMaxStretchPpm);
  // 0 stands for that of the plan until the plan is known.
  rule.rounding_units =
      spec.rounding_units() == 0
          ? 0
          : reader.Number(spec.rounding_units(), "split.rounding_units", 1, kMaxRoundingUnits);
  rule.replace = spec.replace();
  command.reason = reader.Text(spec.reason(), "split.reason", kMaxReason);
  rule.note = command.reason;
  return command;
}

absl::Status Decomposer::CheckOwners(db::Snapshot& snapshot, const Node& node, Dimension dimension,
                                     std::vector<PartSpec>& parts) const {
  if (dimension != Dimension::kUnit && dimension != Dimension::kMember) return absl::OkStatus();
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  const DayRange period = node.scope.period;
  if (dimension == Dimension::kUnit) {
    for (PartSpec& part : parts) {
      const Unit* unit = (*tree)->Find(part.key);
      if (unit == nullptr) return error::ReferenceMissing(resource::Name("units", part.key));
      const std::string why =
          WhyNoTarget(*unit, **tree, node.scope.unit_id, period.first, period.last);
      if (!why.empty()) return error::PartOutside(node.Name(), part.key, why);
      if (part.display_name.empty()) part.display_name = unit->display_name;
    }
    return absl::OkStatus();
  }
  std::vector<std::string> ids;
  for (const PartSpec& part : parts) ids.push_back(part.key);
  const absl::StatusOr<std::vector<Member>> members = directory_.members().LoadMany(snapshot, ids);
  if (!members.ok()) return members.status();
  absl::flat_hash_map<std::string, const Member*> by_id;
  for (const Member& member : *members) by_id[member.id] = &member;
  for (PartSpec& part : parts) {
    const auto found = by_id.find(part.key);
    if (found == by_id.end()) return error::ReferenceMissing(resource::Name("members", part.key));
    const Member& member = *found->second;
    const std::string why =
        WhyNoTarget(member, **tree, node.scope.unit_id, period.first, period.last);
    if (!why.empty()) return error::PartOutside(node.Name(), part.key, why);
    if (part.display_name.empty()) part.display_name = member.display_name;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SplitTask>> Decomposer::Resolve(db::Snapshot& snapshot, const Plan& plan,
                                                           const SplitCommand& command) const {
  std::vector<Node> nodes;
  if (command.leaves_under) {
    const absl::StatusOr<Node> top = plans_.LoadNode(snapshot, plan.id, *command.leaves_under);
    if (!top.ok()) return top.status();
    PlanStore::NodeFilter filter;
    filter.path = top->path;
    filter.leaves_only = true;
    absl::StatusOr<std::vector<Node>> leaves = plans_.AllNodes(snapshot, plan.id, filter);
    if (!leaves.ok()) return leaves.status();
    nodes = *std::move(leaves);
    if (nodes.empty()) return error::NothingToSplit(top->Name());
  } else {
    absl::StatusOr<std::vector<Node>> found = plans_.LoadNodes(snapshot, plan.id, command.node_ids);
    if (!found.ok()) return found.status();
    for (const std::string& id : command.node_ids) {
      if (std::none_of(found->begin(), found->end(),
                       [&](const Node& node) { return node.id == id; })) {
        return error::NotFound(resource::Name("plans", plan.id, "nodes", id));
      }
    }
    nodes = *std::move(found);
  }

  absl::StatusOr<std::shared_ptr<const UnitTree>> tree = std::shared_ptr<const UnitTree>();
  if (command.organization) {
    tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
  }
  std::map<std::pair<std::string, absl::CivilDay>, std::vector<PartSpec>>
      members;  // By unit and day.
  const auto organization_parts = [&](const Node& node) -> absl::StatusOr<std::vector<PartSpec>> {
    const absl::CivilDay day = node.scope.period.first;
    const std::string& unit_id = node.scope.unit_id;
    std::vector<PartSpec> parts;
    if (*command.organization == OrganizationParts::kChildUnits) {
      for (const std::string& child : (*tree)->Children(unit_id, day)) {
        PartSpec part;
        part.key = child;
        part.display_name = (*tree)->Find(child)->display_name;
        parts.push_back(std::move(part));
      }
      if (parts.empty())
        return error::NoParts(node.Name(),
                              absl::StrCat("units/", unit_id, " has no units below it on ",
                                           absl::FormatCivilTime(day)));
      return parts;
    }
    if (unit_id.empty() && *command.organization == OrganizationParts::kDirectMembers) {
      return error::NoParts(node.Name(), "it is for no unit, so it has no direct members");
    }
    const auto known = members.find({unit_id, day});
    if (known != members.end()) return known->second;
    MemberStore::Filter filter{{}, day, true};
    if (!unit_id.empty()) filter.unit_ids = {unit_id};
    if (!unit_id.empty() && *command.organization == OrganizationParts::kAllMembers) {
      const std::set<std::string> below = (*tree)->Below(unit_id, day);
      filter.unit_ids.assign(below.begin(), below.end());
    }
    std::string after;
    while (parts.size() <= kMaxChildren) {
      const absl::StatusOr<std::vector<Member>> page =
          directory_.members().List(snapshot, filter, after, kMembersPerPage);
      if (!page.ok()) return page.status();
      for (const Member& member : *page) {
        PartSpec part;
        part.key = member.id;
        part.display_name = member.display_name;
        parts.push_back(std::move(part));
      }
      if (page->size() < kMembersPerPage) break;
      after = page->back().id;
    }
    if (parts.empty())
      return error::NoParts(node.Name(), absl::StrCat("units/", unit_id, " has no members on ",
                                                      absl::FormatCivilTime(day)));
    members[{unit_id, day}] = parts;
    return parts;
  };

  std::vector<SplitTask> tasks;
  tasks.reserve(nodes.size());
  for (Node& node : nodes) {
    if (absl::Status s = CheckDimension(node, command.rule.dimension); !s.ok()) return s;
    SplitTask task;
    if (command.grain) {
      task.parts = PeriodParts(node.scope.period, *command.grain);
    } else if (command.organization) {
      absl::StatusOr<std::vector<PartSpec>> parts = organization_parts(node);
      if (!parts.ok()) return parts.status();
      task.parts = *std::move(parts);
    } else {
      task.parts = command.parts;
      if (absl::Status s = CheckOwners(snapshot, node, command.rule.dimension, task.parts); !s.ok())
        return s;
      if (absl::Status s = CheckDisjoint(node, task.parts); !s.ok()) return s;
    }
    if (task.parts.size() > kMaxChildren)
      return error::TooManyChildren(node.Name(), task.parts.size());
    if (const Breakdown* old = node.FindBreakdown(command.rule.breakdown_id)) {
      if (!command.rule.replace) return error::BreakdownExists(node.Name(), old->id);
      PlanStore::NodeFilter filter;
      filter.path = node.path + old->slot;
      absl::StatusOr<std::vector<Node>> replaced = plans_.AllNodes(snapshot, plan.id, filter);
      if (!replaced.ok()) return replaced.status();
      absl::flat_hash_map<std::string, const Node*> by_key;
      for (const Node& child : *replaced) {
        if (child.parent_id == node.id) by_key[child.key] = &child;
      }
      for (PartSpec& part : task.parts) {
        const auto same = by_key.find(part.key);
        if (same == by_key.end()) continue;
        if (!part.lock && same->second->locked) part.lock = same->second->target_units;
        if (!part.min) part.min = same->second->min_units;
        if (!part.max) part.max = same->second->max_units;
      }
      task.replaced = *std::move(replaced);
    }
    task.node = std::move(node);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

absl::StatusOr<std::vector<PartWeights>> Decomposer::Weigh(
    db::Snapshot& snapshot, const Plan& plan, const SplitCommand& command,
    const std::vector<SplitTask>& tasks) const {
  switch (command.rule.method) {
    case SplitMethod::kWorkingCalendar:
      return WeighByCalendar(snapshot, plan, command, tasks);
    case SplitMethod::kCapacity:
      return WeighByCapacity(snapshot, plan, command, tasks);
    case SplitMethod::kCopy:
      return WeighByCopy(snapshot, plan, command, tasks);
    default:
      break;
  }
  std::vector<PartWeights> weights;
  weights.reserve(tasks.size());
  for (const SplitTask& task : tasks) {
    if (command.rule.method == SplitMethod::kEven) {
      weights.push_back({EvenWeights(task.parts.size()).weights, {}});
      continue;
    }
    PartWeights typed;
    for (const PartSpec& part : task.parts) typed.weights.push_back(part.weight);
    if (AllZero(typed.weights))
      return error::NoParts(task.node.Name(), "no part has any potential");
    weights.push_back(std::move(typed));
  }
  return weights;
}

absl::StatusOr<WorkingCalendar> Decomposer::LoadCalendar(db::Snapshot& snapshot,
                                                         const std::string& calendar_id) const {
  const absl::StatusOr<Calendar> calendar = calendars_.Load(snapshot, calendar_id);
  if (absl::IsNotFound(calendar.status()))
    return error::ReferenceMissing(resource::Name("calendars", calendar_id));
  if (!calendar.ok()) return calendar.status();
  return WorkingCalendar(calendar->definition);
}

absl::StatusOr<std::vector<PartWeights>> Decomposer::WeighByCalendar(
    db::Snapshot& snapshot, const Plan& plan, const SplitCommand& command,
    const std::vector<SplitTask>& tasks) const {
  const std::string calendar_id =
      command.calendar_id.empty() ? plan.calendar_id : command.calendar_id;
  const absl::StatusOr<WorkingCalendar> working = LoadCalendar(snapshot, calendar_id);
  if (!working.ok()) return working.status();
  std::vector<PartWeights> weights;
  for (const SplitTask& task : tasks) {
    std::vector<DayRange> ranges;
    for (const PartSpec& part : task.parts) ranges.push_back(*part.period);
    PartWeights of_task{CalendarWeights(*working, ranges).weights, {}};
    if (AllZero(of_task.weights))
      return error::NoWorkingDays(task.node.Name(), resource::Name("calendars", calendar_id));
    weights.push_back(std::move(of_task));
  }
  return weights;
}

absl::StatusOr<std::vector<PartWeights>> Decomposer::WeighByCapacity(
    db::Snapshot& snapshot, const Plan& plan, const SplitCommand& command,
    const std::vector<SplitTask>& tasks) const {
  const absl::StatusOr<WorkingCalendar> working = LoadCalendar(snapshot, plan.calendar_id);
  if (!working.ok()) return working.status();
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  std::vector<Member> members;
  while (true) {
    absl::StatusOr<std::vector<Member>> page = directory_.members().List(
        snapshot, {}, members.empty() ? "" : members.back().id, kMembersPerPage);
    if (!page.ok()) return page.status();
    std::move(page->begin(), page->end(), std::back_inserter(members));
    if (page->size() < kMembersPerPage) break;
  }
  std::vector<PartWeights> weights;
  for (const SplitTask& task : tasks) {
    PartWeights of_task;
    for (const PartSpec& part : task.parts) {
      CapacityScope scope{task.node.scope.unit_id, task.node.scope.member_id,
                          task.node.scope.period};
      if (command.rule.dimension == Dimension::kUnit) scope.unit_id = part.key;
      if (command.rule.dimension == Dimension::kMember) scope.member_id = part.key;
      if (command.rule.dimension == Dimension::kPeriod) scope.days = *part.period;
      // A member's days count in whatever unit they are spent.
      if (!task.node.scope.member_id.empty()) scope.unit_id.clear();
      const int64_t capacity = CapacityPpmDays(members, **tree, *working, command.ramp_ppm, scope);
      of_task.weights.push_back(capacity);
      of_task.words.push_back(
          absl::StrCat("capacity ", capacity, " millionths of a member's working day"));
    }
    if (AllZero(of_task.weights))
      return error::NoParts(task.node.Name(), "nobody works there in these days");
    weights.push_back(std::move(of_task));
  }
  return weights;
}

absl::StatusOr<std::vector<PartWeights>> Decomposer::WeighByCopy(
    db::Snapshot& snapshot, const Plan& plan, const SplitCommand& command,
    const std::vector<SplitTask>& tasks) const {
  const absl::StatusOr<Plan> source_plan = plans_.Load(snapshot, command.copy_plan_id);
  if (!source_plan.ok()) return source_plan.status();
  absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, command.copy_plan_id, {});
  if (!nodes.ok()) return nodes.status();
  const CopySource source(*std::move(nodes), source_plan->period);
  if (!command.copy_node_id.empty() && source.Find(command.copy_node_id) == nullptr) {
    return error::NotFound(
        resource::Name("plans", command.copy_plan_id, "nodes", command.copy_node_id));
  }
  const std::string source_name = resource::Name("plans", command.copy_plan_id);
  std::vector<PartWeights> weights;
  for (const SplitTask& task : tasks) {
    const std::vector<const Node*>* children = source.ShapeFor(task.node, plan.period, command);
    if (children == nullptr) {
      return error::NoParts(task.node.Name(),
                            absl::StrCat(source_name, " has no breakdown by ",
                                         DimensionWord(command.rule.dimension), " to copy for it"));
    }
    const Node& parent = *source.Find(children->front()->parent_id);
    PartWeights of_task{CopiedWeights(*children, parent, task, command.rule.dimension), {}};
    const Weights checked = TypedWeights(of_task.weights);
    if (AllZero(of_task.weights)) {
      return error::NoParts(task.node.Name(),
                            absl::StrCat("none of its parts has a target below ", parent.Name()));
    }
    if (!checked.ok()) return error::NoParts(task.node.Name(), checked.violations.front().message);
    for (const int64_t weight : of_task.weights)
      of_task.words.push_back(absl::StrCat(weight, " below ", parent.Name()));
    weights.push_back(std::move(of_task));
  }
  return weights;
}

absl::StatusOr<std::vector<PartWeights>> Decomposer::WeighByHistory(
    History& history, const SplitCommand& command, const std::vector<SplitTask>& tasks) const {
  std::vector<PartWeights> weights;
  for (const SplitTask& task : tasks) {
    const absl::StatusOr<MixRequest> request =
        history.Read(command.history, task.node, command.rule.dimension, task.parts);
    if (!request.ok()) return request.status();
    PartWeights of_task;
    if (command.rule.method == SplitMethod::kPotential) {
      for (size_t i = 0; i < task.parts.size(); ++i) {
        const int64_t achieved =
            std::max<int64_t>(request->periods.front().values[i].value_or(0), 0);
        const int64_t potential = task.parts[i].weight;
        of_task.weights.push_back(std::max<int64_t>(potential - achieved, 0));
        of_task.words.push_back(absl::StrCat("potential ", potential, " less ", achieved));
      }
      if (AllZero(of_task.weights))
        return error::NoParts(task.node.Name(), "no part has any potential left");
      weights.push_back(std::move(of_task));
      continue;
    }
    const MixResult mixed = MixPeriods(*request);
    if (!mixed.ok()) return error::NoParts(task.node.Name(), mixed.violations.front().message);
    // Of one period the actuals themselves are the weights; mixed ones only have their proportion.
    const bool plain = request->periods.size() == 1 && request->newcomers == NewcomerRule::kNothing;
    for (const MixedPart& part : mixed.parts) {
      const int64_t grown = part.terms.empty() ? 0 : part.terms.front().grown;
      of_task.weights.push_back(plain ? grown : part.weight);
      of_task.words.push_back(Explain(*request, part));
    }
    if (AllZero(of_task.weights)) {
      if (!command.history.even_without_history) return error::NoHistory(task.node.Name());
      of_task = {EvenWeights(task.parts.size()).weights, {}};
    }
    weights.push_back(std::move(of_task));
  }
  return weights;
}

absl::StatusOr<Decomposition> Decomposer::Compute(Plan& plan, const SplitCommand& command,
                                                  std::vector<SplitTask> tasks,
                                                  const std::vector<PartWeights>& weights,
                                                  bool numbered) const {
  Decomposition result;
  SplitRule rule = command.rule;
  if (rule.rounding_units == 0) rule.rounding_units = plan.rounding_units;
  std::set<std::string> replaced;
  for (const SplitTask& task : tasks) {
    for (const Node& node : task.replaced) replaced.insert(node.id);
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    SplitTask& task = tasks[i];
    Node& parent = task.node;
    if (replaced.contains(parent.id))
      return error::NoParts(parent.Name(), "the same call removes it");
    Breakdown breakdown{rule.breakdown_id,
                        '0',
                        rule.dimension,
                        rule.method,
                        rule.stretch_ppm,
                        rule.rounding_units,
                        static_cast<int64_t>(task.parts.size()),
                        rule.note};
    const auto old = std::find_if(parent.breakdowns.begin(), parent.breakdowns.end(),
                                  [&](const Breakdown& b) { return b.id == rule.breakdown_id; });
    if (old != parent.breakdowns.end()) {
      breakdown.slot = old->slot;
    } else {
      const std::optional<char> slot = FreeSlot(parent);
      if (!slot) return error::TooManyBreakdowns(parent.Name());
      breakdown.slot = *slot;
    }
    absl::StatusOr<std::vector<Node>> children =
        MakeChildren(parent, rule, breakdown.slot, task.parts, weights[i].weights);
    if (!children.ok()) return children.status();
    for (size_t part = 0; part < weights[i].words.size(); ++part) {
      std::string& description = (*children)[part].explanation->description;
      description = absl::StrCat(weights[i].words[part], ": ", description);
    }
    if (old != parent.breakdowns.end()) {
      *old = std::move(breakdown);
    } else {
      parent.breakdowns.push_back(std::move(breakdown));
    }
    if (numbered) {
      for (Node& child : *children) child.id = NextNodeId(plan);
    }
    result.created_count += static_cast<int64_t>(children->size());
    std::move(task.replaced.begin(), task.replaced.end(), std::back_inserter(result.deleted));
    result.parts.push_back({std::move(parent), *std::move(children)});
    if (result.created_count > static_cast<int64_t>(kMaxNodesPerCall))
      return error::CallTooLarge(result.created_count);
  }
  const int64_t nodes =
      plan.node_count + result.created_count - static_cast<int64_t>(result.deleted.size());
  if (nodes > kMaxPlanNodes) return error::TooManyNodes(resource::Name("plans", plan.id), nodes);
  if (result.deleted.size() > kMaxNodesPerCall)
    return error::CallTooLarge(static_cast<int64_t>(result.deleted.size()));
  return result;
}

}  // namespace milepost::target
