#include "target-svc/service/drafting_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

// From so many breakdowns on, the whole plan is read at once.
constexpr size_t kFamiliesOneByOne = 200;

constexpr size_t kMaxReplacements = 1'000;
constexpr int64_t kMaxCopyGrowthPpm = 99'000'000;

// The total with growth, to the nearest whole rounding unit; halves up.
int64_t Grown(int64_t units, int64_t growth_ppm, int64_t rounding_units) {
  if (growth_ppm == 0) return units;
  const absl::int128 exact = absl::int128(units) * (kPpm + growth_ppm);
  const absl::int128 step = absl::int128(rounding_units) * kPpm;
  const absl::int128 rounded = (exact + step / 2) / step * rounding_units;
  return rounded > kMaxTargetUnits ? kMaxTargetUnits + 1 : static_cast<int64_t>(rounded);
}

// In place of the reason where nothing is written.
constexpr char kNoneNeeded[] = "-";

std::string PlanName(const std::string& plan_id) { return resource::Name("plans", plan_id); }

// Of the nodes that exist: they, their parents, siblings and children, in the order of paths.
absl::StatusOr<std::vector<Node>> LoadFamilies(db::Snapshot& snapshot, const PlanStore& plans,
                                               const std::string& plan_id,
                                               const std::vector<std::string>& node_ids) {
  const absl::StatusOr<std::vector<Node>> edited = plans.LoadNodes(snapshot, plan_id, node_ids);
  if (!edited.ok()) return edited.status();
  std::vector<std::string> parent_ids;
  for (const Node& node : *edited) {
    if (!node.parent_id.empty()) parent_ids.push_back(node.parent_id);
  }
  std::sort(parent_ids.begin(), parent_ids.end());
  parent_ids.erase(std::unique(parent_ids.begin(), parent_ids.end()), parent_ids.end());
  const absl::StatusOr<std::vector<Node>> parents = plans.LoadNodes(snapshot, plan_id, parent_ids);
  if (!parents.ok()) return parents.status();

  std::map<std::string, Node> nodes;  // By path.
  std::map<std::string, int>
      families;  // Paths up to the breakdown, with the depth of the children.
  std::set<std::pair<std::string, std::string>> with_siblings;
  for (const Node& node : *edited) {
    with_siblings.insert({node.parent_id, node.breakdown_id});
    for (const Breakdown& breakdown : node.breakdowns)
      families[node.path + breakdown.slot] = node.depth + 1;
    nodes.emplace(node.path, node);
  }
  for (const Node& node : *parents) {
    for (const Breakdown& breakdown : node.breakdowns) {
      if (with_siblings.contains({node.id, breakdown.id}))
        families[node.path + breakdown.slot] = node.depth + 1;
    }
    nodes.emplace(node.path, node);
  }
  if (families.size() > kFamiliesOneByOne) return plans.AllNodes(snapshot, plan_id, {});
  for (const auto& [path, depth] : families) {
    PlanStore::NodeFilter filter;
    filter.path = path;
    filter.max_depth = depth;
    absl::StatusOr<std::vector<Node>> children = plans.AllNodes(snapshot, plan_id, filter);
    if (!children.ok()) return children.status();
    for (Node& child : *children) {
      std::string child_path = child.path;
      nodes.emplace(std::move(child_path), std::move(child));
    }
  }
  std::vector<Node> result;
  result.reserve(nodes.size());
  for (auto& [path, node] : nodes) result.push_back(std::move(node));
  return result;
}

}  // namespace

DraftingService::DraftingService(rpc::Runner& rpc, Directory& directory)
    : rpc_(rpc), directory_(directory) {
  rpc_.Register<v1::DraftingService>();
}

grpc::ServerUnaryReactor* DraftingService::PreviewEdits(grpc::CallbackServerContext* context,
                                                        const v1::PreviewEditsRequest* request,
                                                        v1::PreviewEditsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Preview(call...); });
}
grpc::ServerUnaryReactor* DraftingService::ApplyEdits(grpc::CallbackServerContext* context,
                                                      const v1::ApplyEditsRequest* request,
                                                      v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Apply(call...); });
}

grpc::ServerUnaryReactor* DraftingService::PreviewCopy(grpc::CallbackServerContext* context,
                                                       const v1::PreviewCopyRequest* request,
                                                       v1::PreviewCopyResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return CopyPreview(call...); });
}
grpc::ServerUnaryReactor* DraftingService::CopyPlan(grpc::CallbackServerContext* context,
                                                    const v1::CopyPlanRequest* request,
                                                    v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Copy(call...); });
}

absl::StatusOr<DraftingService::EditCommand> DraftingService::ReadEdits(const v1::EditSpec& spec) {
  Reader reader("spec.");
  EditCommand command;
  command.plan_id = reader.Name("plans", spec.plan(), "plan", Need::kRequired);
  if (spec.base_version() < 1) reader.Add("base_version", "is required: a version of the plan");
  command.base_version = spec.base_version();
  const auto count = static_cast<size_t>(spec.edits_size());
  if (count < 1 || count > kMaxNodesPerCall) {
    reader.Add("edits", absl::StrCat("has ", count, " edits; must have 1 to ", kMaxNodesPerCall));
  }
  command.reason = reader.Text(spec.reason(), "reason", kMaxReason);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  for (size_t i = 0; i < count; ++i) {
    const v1::NodeEdit& message = spec.edits(static_cast<int>(i));
    Reader fields;
    NodeEdit edit;
    edit.node_id = fields.Id(message.node_id(), "node_id", Need::kRequired);
    if (message.has_display_name()) {
      edit.display_name =
          fields.Text(message.display_name(), "display_name", kMaxNodeName, Need::kRequired);
    }
    const auto units = [&](int64_t number, const char* field) {
      return fields.Number(number, field, 0, kMaxTargetUnits);
    };
    if (message.has_target_units())
      edit.target_units = units(message.target_units(), "target_units");
    if (message.has_locked()) edit.locked = message.locked();
    if (message.has_min_units()) edit.min_units = units(message.min_units(), "min_units");
    if (message.has_max_units()) edit.max_units = units(message.max_units(), "max_units");
    if (message.clear_min()) {
      if (message.has_min_units()) fields.Add("clear_min", "excludes min_units");
      edit.min_units.emplace();
    }
    if (message.clear_max()) {
      if (message.has_max_units()) fields.Add("clear_max", "excludes max_units");
      edit.max_units.emplace();
    }
    if (message.has_note()) edit.note = fields.Text(message.note(), "note", kMaxNote);
    for (const status::FieldViolation& violation : status::ViolationsOf(fields.status()))
      command.wrong.push_back({i, violation.field, violation.description});
    if (!fields.status().ok()) continue;
    command.edits.push_back(std::move(edit));
    command.positions.push_back(i);
  }
  return command;
}

absl::StatusOr<EditedNodes> DraftingService::EditNow(const rpc::Caller& caller,
                                                     db::Snapshot& snapshot, const Plan& plan,
                                                     const v1::EditSpec& spec,
                                                     const EditCommand& command,
                                                     const std::string& reason) {
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, plan);
  if (!view.ok()) return view.status();
  if (absl::Status s = CheckChangeValues(plan, view->actor, reason); !s.ok()) return s;
  Reader reader("spec.");
  if (command.base_version > plan.version) {
    reader.Add("base_version",
               absl::StrCat("is ", command.base_version, ", the newest is ", plan.version));
  }
  if (!spec.currency_code().empty() && spec.currency_code() != plan.currency_code) {
    reader.Add("currency_code",
               plan.currency_code.empty()
                   ? absl::StrCat("must be empty: ", PlanName(plan.id), " is not in money")
                   : absl::StrCat("must be ", plan.currency_code, ", the currency of the plan"));
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  std::vector<std::string> ids;
  for (const NodeEdit& edit : command.edits) ids.push_back(edit.node_id);
  const absl::StatusOr<std::vector<Node>> nodes = LoadFamilies(snapshot, plans_, plan.id, ids);
  if (!nodes.ok()) return nodes.status();
  EditedNodes edited = EditNodes(*nodes, command.edits, command.base_version);
  for (EditRefusal& refusal : edited.refusals) refusal.edit = command.positions[refusal.edit];
  edited.refusals.insert(edited.refusals.end(), command.wrong.begin(), command.wrong.end());
  std::stable_sort(edited.refusals.begin(), edited.refusals.end(),
                   [](const EditRefusal& a, const EditRefusal& b) { return a.edit < b.edit; });
  return edited;
}

absl::StatusOr<v1::PreviewEditsResponse> DraftingService::Preview(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewEditsRequest& request) {
  const v1::EditSpec& spec = request.spec();
  const absl::StatusOr<EditCommand> command = ReadEdits(spec);
  if (!command.ok()) return command.status();
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::PreviewEditsResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, command->plan_id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<EditedNodes> edited =
        EditNow(caller, snapshot, *plan, spec, *command, kNoneNeeded);
    if (!edited.ok()) return edited.status();
    v1::PreviewEditsResponse response;
    for (const EditRefusal& refusal : edited->refusals) {
      if (response.refusals_size() == static_cast<int>(kMaxViolations)) break;
      const v1::NodeEdit& edit = spec.edits(static_cast<int>(refusal.edit));
      v1::EditRefusal& row = *response.add_refusals();
      row.set_row(edit.row());
      if (resource::IsId(edit.node_id()))
        row.set_node(resource::Name("plans", plan->id, "nodes", edit.node_id()));
      row.set_field(refusal.field);
      row.set_description(refusal.description);
    }
    response.set_refusal_count(static_cast<int64_t>(edited->refusals.size()));
    for (const Violation& violation : edited->off) {
      if (response.violations_size() == static_cast<int>(kMaxViolations)) break;
      *response.add_violations() = ToProto(violation, plan->id);
    }
    response.set_violation_count(static_cast<int64_t>(edited->off.size()));
    response.set_changed_node_count(static_cast<int64_t>(edited->changed.size()));
    response.set_plan_version(plan->version);
    return response;
  });
}

absl::StatusOr<v1::Plan> DraftingService::Apply(const rpc::Caller& caller, db::Session& db,
                                                const v1::ApplyEditsRequest& request) {
  const v1::EditSpec& spec = request.spec();
  const absl::StatusOr<EditCommand> command = ReadEdits(spec);
  if (!command.ok()) return command.status();
  Reader reader;
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  why.reason = command->reason;
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, command->plan_id);
    if (!before.ok()) return before.status();
    absl::StatusOr<EditedNodes> edited =
        EditNow(caller, tx, *before, spec, *command, command->reason);
    if (!edited.ok()) return edited.status();
    if (version && *version != before->version) return error::StaleEtag(spec.plan());
    if (!edited->refusals.empty()) {
      const EditRefusal& first = edited->refusals.front();
      const v1::NodeEdit& edit = spec.edits(static_cast<int>(first.edit));
      return error::EditsRefused(
          spec.plan(), static_cast<int64_t>(edited->refusals.size()),
          absl::StrCat(edit.row() == 0 ? "" : absl::StrCat("row ", edit.row(), ", "),
                       edit.node_id(), ", ", first.field, ": ", first.description));
    }
    if (edited->changed.empty()) return ToProto(*before);
    if (!edited->off.empty() && !spec.accept_variance()) {
      const Violation& off = edited->off.front();
      return error::WouldNotAddUp(resource::Name("plans", before->id, "nodes", off.node_id),
                                  off.expected_units, off.actual_units);
    }
    Plan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    NodeChanges changes;
    changes.updated = std::move(edited->changed);
    for (const Node& node : changes.updated) {
      if (node.parent_id.empty()) plan.target_units = node.target_units;
    }
    const std::string node_id = changes.size() == 1 ? changes.updated.front().id : "";
    const absl::StatusOr<Plan> saved =
        plans_.Save(tx, why, "plan.edited", node_id, *before, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

DraftingService::CopyCommand DraftingService::ReadCopy(const v1::CopySpec& spec, Reader& reader) {
  CopyCommand command;
  command.source_id = reader.Name("plans", spec.source(), "spec.source", Need::kRequired);
  if (const auto period =
          reader.Days(spec.has_period(), spec.period(), "spec.period", Need::kRequired)) {
    command.period = *period;
    if (IsTooLong(*period)) {
      reader.Add("spec.period", absl::StrCat("is longer than ", kMaxPlanYears, " years"));
    }
  }
  if (spec.has_target_units()) {
    command.target_units =
        reader.Number(spec.target_units(), "spec.target_units", 0, kMaxTargetUnits);
  }
  command.growth_ppm =
      reader.Number(spec.growth_ppm(), "spec.growth_ppm", -kPpm, kMaxCopyGrowthPpm);
  command.title = reader.Text(spec.title(), "spec.title", kMaxTitle);
  command.rule.keep_locks = spec.keep_locks();
  command.rule.keep_bounds = spec.keep_bounds();
  command.rule.keep_notes = !spec.drop_notes();
  if (static_cast<size_t>(spec.replacements_size()) > kMaxReplacements) {
    reader.Add("spec.replacements", absl::StrCat("has ", spec.replacements_size(),
                                                 " entries; at most ", kMaxReplacements));
    return command;
  }
  for (int i = 0; i < spec.replacements_size(); ++i) {
    const v1::OwnerReplacement& replacement = spec.replacements(i);
    const std::string field = absl::StrCat("spec.replacements[", i, "].");
    const bool unit = absl::StartsWith(replacement.from(), "units/");
    const char* collection = unit ? "units" : "members";
    const std::string from =
        reader.Name(collection, replacement.from(), field + "from", Need::kRequired);
    const std::string to = reader.Name(collection, replacement.to(), field + "to", Need::kOptional);
    const Dimension dimension = unit ? Dimension::kUnit : Dimension::kMember;
    if (!command.replacements.emplace(std::pair(dimension, from), to).second)
      reader.Add(field + "from", absl::StrCat(replacement.from(), " is there twice"));
  }
  return command;
}

absl::StatusOr<
    std::function<CopiedOwner(Dimension, const std::string&, const std::string&, DayRange)>>
DraftingService::OwnersOf(db::Snapshot& snapshot, const std::vector<Node>& nodes,
                          const CopyCommand& command) {
  std::set<std::string> ids;
  for (const Node& node : nodes) {
    if (node.dimension == Dimension::kMember) ids.insert(node.key);
  }
  for (const auto& [from, to] : command.replacements) {
    if (from.first == Dimension::kMember && !to.empty()) ids.insert(to);
  }
  const absl::StatusOr<std::vector<Member>> known =
      directory_.members().LoadMany(snapshot, {ids.begin(), ids.end()});
  if (!known.ok()) return known.status();
  auto members = std::make_shared<std::map<std::string, Member>>();
  for (const Member& member : *known) members->emplace(member.id, member);
  absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  for (const auto& [from, to] : command.replacements) {
    if (to.empty()) continue;
    const bool is_unit = from.first == Dimension::kUnit;
    if (is_unit ? (*tree)->Find(to) == nullptr : !members->contains(to))
      return error::ReferenceMissing(resource::Name(is_unit ? "units" : "members", to));
  }
  return [tree = *std::move(tree), members, replacements = command.replacements](
             Dimension dimension, const std::string& key, const std::string& unit_id,
             DayRange days) -> CopiedOwner {
    const char* collection = dimension == Dimension::kUnit ? "units" : "members";
    const auto replacement = replacements.find({dimension, key});
    const std::string id = replacement == replacements.end() ? key : replacement->second;
    if (id.empty()) return {std::nullopt, "", "it is left out as asked for"};
    std::string why;
    std::string display_name;
    if (dimension == Dimension::kUnit) {
      const Unit* unit = tree->Find(id);
      why = unit == nullptr ? "the unit does not exist"
                            : WhyNoTarget(*unit, *tree, unit_id, days.first, days.last);
      if (unit != nullptr) display_name = unit->display_name;
    } else {
      const auto member = members->find(id);
      why = member == members->end()
                ? "the member does not exist"
                : WhyNoTarget(member->second, *tree, unit_id, days.first, days.last);
      if (member != members->end()) display_name = member->second.display_name;
    }
    if (why.empty()) {
      if (id == key) return {id, display_name, ""};
      return {id, display_name,
              absl::StrCat(resource::Name(collection, id), " takes the place of ",
                           resource::Name(collection, key))};
    }
    return {std::nullopt, "", absl::StrCat(resource::Name(collection, id), ": ", why)};
  };
}

absl::StatusOr<DraftingService::CopyNow> DraftingService::MakeCopy(const rpc::Caller& caller,
                                                                   db::Snapshot& snapshot,
                                                                   const CopyCommand& command,
                                                                   const std::string& plan_id) {
  const absl::StatusOr<Plan> source = plans_.Load(snapshot, command.source_id);
  if (!source.ok()) return source.status();
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *source);
  if (!view.ok()) return view.status();
  if (!view->all) return error::MayNotSeeAll(PlanName(source->id));
  CopyNow now;
  now.source_version = source->version;
  Plan& plan = now.plan;
  plan.id = plan_id;
  plan.title = command.title.empty() ? source->title : command.title;
  plan.description = source->description;
  plan.metric_id = source->metric_id;
  plan.period = command.period;
  plan.currency_code = source->currency_code;
  plan.visibility = source->visibility;
  plan.commitment_policy = source->commitment_policy;
  plan.unit_id = source->unit_id;
  plan.calendar_id = source->calendar_id;
  plan.rounding_units = source->rounding_units;
  plan.owner_id = caller.identity().member_id;
  plan.create_time = plan.update_time = directory_.clock().Now();
  if (!view->actor.admin && !LeadsPlan(view->actor, plan))
    return error::MayNotCreate(resource::Name("units", plan.unit_id));
  if (!plan.unit_id.empty()) {
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    const Unit* unit = (*tree)->Find(plan.unit_id);
    if (unit == nullptr) return error::ReferenceMissing(resource::Name("units", plan.unit_id));
    if (!WhyNoTarget(*unit, **tree, "", plan.period.first, plan.period.last).empty())
      return error::UnitNotThere(plan.unit_id, plan.period.first, plan.period.last + 1);
  }
  const absl::StatusOr<Calendar> calendar = calendars_.Load(snapshot, plan.calendar_id);
  if (absl::IsNotFound(calendar.status()))
    return error::ReferenceMissing(resource::Name("calendars", plan.calendar_id));
  if (!calendar.ok()) return calendar.status();
  plan.target_units = command.target_units.value_or(
      Grown(source->target_units, command.growth_ppm, source->rounding_units));
  if (plan.target_units > kMaxTargetUnits) {
    Reader reader;
    reader.Number(plan.target_units, "spec.growth_ppm: the total", 0, kMaxTargetUnits);
    return reader.status();
  }
  const absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, source->id, {});
  if (!nodes.ok()) return nodes.status();
  CopyRule rule = command.rule;
  auto owners = OwnersOf(snapshot, *nodes, command);
  if (!owners.ok()) return owners.status();
  rule.owner = *std::move(owners);
  absl::StatusOr<PlanCopy> copy =
      CopyNodes(*nodes, plan, rule, WorkingCalendar(calendar->definition));
  if (!copy.ok()) return copy.status();
  if (copy->nodes.size() > kMaxNodesPerCall)
    return error::CallTooLarge(static_cast<int64_t>(copy->nodes.size()));
  now.copy = *std::move(copy);
  return now;
}

absl::StatusOr<v1::PreviewCopyResponse> DraftingService::CopyPreview(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewCopyRequest& request) {
  Reader reader;
  const CopyCommand command = ReadCopy(request.spec(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::PreviewCopyResponse> {
    const absl::StatusOr<CopyNow> now = MakeCopy(caller, snapshot, command, "new");
    if (!now.ok()) return now.status();
    v1::PreviewCopyResponse response;
    for (const Node& node : now->copy.nodes) {
      if (response.nodes_size() == static_cast<int>(kMaxChildrenInAnswer)) break;
      v1::Node& shown = *response.add_nodes();
      shown = ToProto(node, now->plan.calendar_id);
      for (const char* absent : {"name", "plan", "parent", "etag", "create_time", "update_time"})
        shown.GetReflection()->ClearField(&shown, shown.GetDescriptor()->FindFieldByName(absent));
    }
    response.set_node_count(static_cast<int64_t>(now->copy.nodes.size()));
    for (const CopyNotice& notice : now->copy.notices) {
      if (response.notices_size() == static_cast<int>(kMaxViolations)) break;
      v1::CopyNotice& shown = *response.add_notices();
      shown.set_kind(static_cast<v1::CopyNotice::Kind>(notice.kind));
      shown.set_source_node(resource::Name("plans", command.source_id, "nodes", notice.source_id));
      shown.set_key(KeyName(notice.dimension, notice.key));
      shown.set_description(notice.description);
    }
    response.set_notice_count(static_cast<int64_t>(now->copy.notices.size()));
    response.set_target_units(now->plan.target_units);
    response.set_source_version(now->source_version);
    return response;
  });
}

absl::StatusOr<v1::Plan> DraftingService::Copy(const rpc::Caller& caller, db::Session& db,
                                               const v1::CopyPlanRequest& request) {
  Reader reader;
  const CopyCommand command = ReadCopy(request.spec(), reader);
  std::string plan_id = reader.Id(request.plan_id(), "plan_id", Need::kOptional);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  if (plan_id.empty()) plan_id = resource::NewId('p', directory_.clock().Now());
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    absl::StatusOr<CopyNow> now = MakeCopy(caller, tx, command, plan_id);
    if (!now.ok()) return now.status();
    const absl::StatusOr<Plan> created =
        plans_.InsertWhole(tx, caller.Change(request), "plan.copied", std::move(now->plan),
                           std::move(now->copy.nodes));
    if (!created.ok()) return created.status();
    return ToProto(*created);
  });
}

}  // namespace milepost::target
