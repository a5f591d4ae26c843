#include "target-svc/service/drafting_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

// From so many breakdowns on, the whole plan is read at once.
constexpr size_t kFamiliesOneByOne = 200;

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

}  // namespace milepost::target
