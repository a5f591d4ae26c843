#include "target-svc/service/node_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/node_adjust.h"
#include "target-svc/service/import.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

namespace orgv1 = organization::v1;

std::string PlanName(const std::string& plan_id) { return resource::Name("plans", plan_id); }

// Nodes of an answer, until it holds enough.
void AppendSplit(const Plan& plan, const Decomposition::Part& part, size_t& sent,
                 v1::NodeSplit& split) {
  split.set_node(part.parent.Name());
  int64_t total = 0;
  for (const Node& child : part.children) {
    total += child.target_units;
    if (sent >= kMaxChildrenInAnswer) continue;
    *split.add_children() = ToProto(child, plan.calendar_id);
    ++sent;
  }
  split.set_total_units(total);
}

absl::Status CheckCurrency(const std::string& given, const Plan& plan) {
  if (given.empty() || given == plan.currency_code) return absl::OkStatus();
  status::FieldViolations violations;
  violations.Add(
      "currency_code",
      plan.currency_code.empty()
          ? absl::StrCat(PlanName(plan.id), " is not in money, so it must be empty")
          : absl::StrCat("must be ", plan.currency_code, ", the currency of ", PlanName(plan.id)));
  return violations.ToStatus();
}

GivesWay ToGivesWay(v1::GivesWay gives_way) {
  switch (gives_way) {
    case v1::SIBLINGS:
      return GivesWay::kSiblings;
    case v1::ANCESTORS:
      return GivesWay::kAncestors;
    default:
      return GivesWay::kChildren;
  }
}

// What ApplyAdjust wants to see of a plan, in the order of paths.
absl::StatusOr<std::vector<Node>> LoadToAdjust(db::Transaction& tx, const PlanStore& plans,
                                               const Node& node, GivesWay gives_way) {
  PlanStore::NodeFilter filter;
  if (node.parent_id.empty() || gives_way == GivesWay::kAncestors)
    return plans.AllNodes(tx, node.plan_id, filter);
  absl::StatusOr<Node> parent = plans.LoadNode(tx, node.plan_id, node.parent_id);
  if (!parent.ok()) return parent.status();
  const Breakdown* breakdown = parent->FindBreakdown(node.breakdown_id);
  if (breakdown == nullptr)
    return absl::InternalError(absl::StrCat(node.Name(), " is in no breakdown"));
  filter.path = parent->path + breakdown->slot;
  if (gives_way == GivesWay::kChildren) filter.max_depth = node.depth;
  const absl::StatusOr<std::vector<Node>> family = plans.AllNodes(tx, node.plan_id, filter);
  if (!family.ok()) return family.status();
  std::vector<Node> nodes{*std::move(parent)};
  nodes.insert(nodes.end(), family->begin(), family->end());
  if (gives_way == GivesWay::kSiblings) return nodes;
  // Of the branch the siblings keep all below them.
  filter.path = node.path;
  filter.max_depth.reset();
  const absl::StatusOr<std::vector<Node>> branch = plans.AllNodes(tx, node.plan_id, filter);
  if (!branch.ok()) return branch.status();
  for (const Node& below : *branch) {
    if (below.id != node.id) nodes.push_back(below);
  }
  std::sort(nodes.begin() + 1, nodes.end(),
            [](const Node& a, const Node& b) { return a.path < b.path; });
  return nodes;
}

const std::set<std::string>& DescriptiveFields() {
  static const std::set<std::string> fields{"display_name", "min_units", "max_units", "note"};
  return fields;
}

}  // namespace

NodeService::NodeService(rpc::Runner& rpc, Directory& directory,
                         std::shared_ptr<reporting::v1::ReportService::StubInterface> reports)
    : rpc_(rpc), directory_(directory), reports_(std::move(reports)), decomposer_(directory) {
  rpc_.Register<v1::NodeService>();
}

grpc::ServerUnaryReactor* NodeService::GetNode(grpc::CallbackServerContext* context,
                                               const v1::GetNodeRequest* request,
                                               v1::Node* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* NodeService::ListNodes(grpc::CallbackServerContext* context,
                                                 const v1::ListNodesRequest* request,
                                                 v1::ListNodesResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* NodeService::UpdateNode(grpc::CallbackServerContext* context,
                                                  const v1::UpdateNodeRequest* request,
                                                  v1::Node* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* NodeService::PreviewSplit(grpc::CallbackServerContext* context,
                                                    const v1::PreviewSplitRequest* request,
                                                    v1::PreviewSplitResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Preview(call...); });
}
grpc::ServerUnaryReactor* NodeService::SplitNodes(grpc::CallbackServerContext* context,
                                                  const v1::SplitNodesRequest* request,
                                                  v1::SplitNodesResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Split(call...); });
}
grpc::ServerUnaryReactor* NodeService::RemoveBreakdown(grpc::CallbackServerContext* context,
                                                       const v1::RemoveBreakdownRequest* request,
                                                       v1::Node* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Remove(call...); });
}
grpc::ServerUnaryReactor* NodeService::AdjustNode(grpc::CallbackServerContext* context,
                                                  const v1::AdjustNodeRequest* request,
                                                  v1::Node* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Adjust(call...); });
}
grpc::ServerUnaryReactor* NodeService::LockNode(grpc::CallbackServerContext* context,
                                                const v1::LockNodeRequest* request,
                                                v1::Node* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Lock(call...); });
}
grpc::ServerUnaryReactor* NodeService::UnlockNode(grpc::CallbackServerContext* context,
                                                  const v1::UnlockNodeRequest* request,
                                                  v1::Node* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Unlock(call...); });
}
grpc::ServerBidiReactor<v1::ImportNodesRequest, v1::ImportNodesResponse>* NodeService::ImportNodes(
    grpc::CallbackServerContext* context) {
  return rpc_.RunBidi<v1::ImportNodesRequest, v1::ImportNodesResponse>(
      *context, [this](auto&... call) { return Import(call...); });
}

NodeService::NodeResult NodeService::Get(const rpc::Caller& caller, db::Session& db,
                                         const v1::GetNodeRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.NodeName(request.name(), "name", Need::kRequired);
  if (request.plan_version() < 0) reader.Add("plan_version", "must not be negative");
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> NodeResult {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, ids.plan);
    if (absl::IsNotFound(plan.status())) return error::NotFound(request.name());
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (absl::IsNotFound(view.status())) return error::NotFound(request.name());
    if (!view.ok()) return view.status();
    const std::optional<int64_t> version =
        request.plan_version() == 0 ? std::nullopt : std::optional<int64_t>(request.plan_version());
    if (version && *version > plan->version) return error::NotFound(request.name());
    const absl::StatusOr<Node> node = plans_.LoadNode(snapshot, ids.plan, ids.node, version);
    if (!node.ok()) return node.status();
    if (!view->Shows(*node)) return error::NotFound(request.name());
    return ToProto(*node, plan->calendar_id);
  });
}

absl::StatusOr<v1::ListNodesResponse> NodeService::List(const rpc::Caller& caller, db::Session& db,
                                                        const v1::ListNodesRequest& request) {
  Reader reader;
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  const Reader::NodeIds under = reader.NodeName(request.under(), "under", Need::kOptional);
  if (!under.node.empty() && under.plan != plan_id)
    reader.Add("under", "is a node of another plan");
  if (request.max_levels() < 0 || request.max_levels() > kMaxDepth) {
    reader.Add("max_levels", absl::StrCat("must be 0 to ", kMaxDepth));
  }
  if (request.plan_version() < 0) reader.Add("plan_version", "must not be negative");
  reader.Choice(request.dimension(), "dimension", v1::Dimension_IsValid);
  PlanStore::NodeFilter filter;
  if (request.dimension() != v1::DIMENSION_UNSPECIFIED)
    filter.dimension = static_cast<Dimension>(request.dimension());
  filter.breakdown_id = reader.Id(request.breakdown(), "breakdown", Need::kOptional);
  filter.leaves_only = request.leaves_only();
  filter.unit_id = reader.Name("units", request.unit(), "unit", Need::kOptional);
  filter.member_id = reader.Name("members", request.member(), "member", Need::kOptional);
  // A key is a path and the version that the first page was read at.
  const resource::Page page = resource::ReadPage(request, 2, reader.violations());
  int64_t version = request.plan_version();
  if (!page.after.empty() && !absl::SimpleAtoi(page.after[1], &version))
    reader.Add("page_token", "is not of this list");
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListNodesResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    PlanStore::NodeFilter at = filter;
    at.version = version == 0 ? plan->version : version;
    if (*at.version > plan->version)
      return error::NotFound(absl::StrCat(request.plan(), " version ", *at.version));
    int top_depth = 0;
    if (!under.node.empty()) {
      const absl::StatusOr<Node> top = plans_.LoadNode(snapshot, plan_id, under.node, at.version);
      if (!top.ok()) return top.status();
      if (!view->Shows(*top)) return error::NotFound(request.under());
      at.path = top->path;
      top_depth = top->depth;
    }
    if (request.max_levels() > 0) at.max_depth = top_depth + request.max_levels();
    v1::ListNodesResponse response;
    response.set_plan_version(*at.version);
    std::optional<std::string> after;
    if (!page.after.empty()) after = page.after[0];
    std::string last_path;
    while (true) {
      const absl::StatusOr<std::vector<Node>> nodes =
          plans_.ListNodes(snapshot, plan_id, at, after, page.size + 1);
      if (!nodes.ok()) return nodes.status();
      for (const Node& node : *nodes) {
        if (!view->Shows(node)) continue;
        if (response.nodes_size() == page.size) {
          response.set_next_page_token(
              resource::NextPageToken(request, {last_path, absl::StrCat(*at.version)}));
          return response;
        }
        last_path = node.path;
        *response.add_nodes() = ToProto(node, plan->calendar_id);
      }
      if (nodes->size() <= static_cast<size_t>(page.size)) return response;
      after = nodes->back().path;
    }
  });
}

template <typename Change>
NodeService::NodeResult NodeService::ChangeNode(const rpc::Caller& caller, db::Session& db,
                                                const google::protobuf::Message& request,
                                                const Reader::NodeIds& ids,
                                                std::optional<int64_t> version,
                                                const char* event_type, Change change) {
  const std::string name = resource::Name("plans", ids.plan, "nodes", ids.node);
  return db.Transact([&](db::Transaction& tx) -> NodeResult {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, ids.plan);
    if (absl::IsNotFound(before.status())) return error::NotFound(name);
    if (!before.ok()) return before.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *before);
    if (absl::IsNotFound(view.status())) return error::NotFound(name);
    if (!view.ok()) return view.status();
    const absl::StatusOr<Node> node = plans_.LoadNode(tx, ids.plan, ids.node);
    if (!node.ok()) return node.status();
    if (!view->Shows(*node)) return error::NotFound(name);
    if (version && *version != node->version) return error::StaleEtag(name);
    Plan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    NodeChanges changes;
    if (absl::Status s = change(NodeChange{tx, view->actor, plan, *node, changes}); !s.ok())
      return s;
    if (changes.deleted.size() > kMaxNodesPerCall)
      return error::CallTooLarge(static_cast<int64_t>(changes.deleted.size()));
    const absl::StatusOr<Plan> saved = plans_.Save(tx, caller.Change(request), event_type, ids.node,
                                                   *before, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    return ToProto(changes.updated.front(), saved->calendar_id);
  });
}

NodeService::NodeResult NodeService::Update(const rpc::Caller& caller, db::Session& db,
                                            const v1::UpdateNodeRequest& request) {
  Reader reader;
  const v1::Node& message = request.node();
  const Reader::NodeIds ids = reader.NodeName(message.name(), "node.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), message, DescriptiveFields(), reader.violations());
  Node values;
  if (fields.contains("display_name")) {
    values.display_name =
        reader.Text(message.display_name(), "node.display_name", kMaxNodeName, Need::kRequired);
  }
  if (fields.contains("note")) values.note = reader.Text(message.note(), "node.note", kMaxNote);
  if (fields.contains("min_units") && message.has_min_units()) {
    values.min_units = reader.Number(message.min_units(), "node.min_units", 0, kMaxTargetUnits);
  }
  if (fields.contains("max_units") && message.has_max_units()) {
    values.max_units = reader.Number(message.max_units(), "node.max_units", 0, kMaxTargetUnits);
  }
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeNode(
      caller, db, request, ids, version, "plan.node-updated",
      [&](const NodeChange& change) -> absl::Status {
        if (absl::Status s = CheckCurrency(request.currency_code(), change.plan); !s.ok()) return s;
        if (absl::Status s = CheckChangeValues(change.plan, change.actor, reason); !s.ok())
          return s;
        Node node = change.node;
        if (fields.contains("display_name")) node.display_name = values.display_name;
        if (fields.contains("note")) node.note = values.note;
        if (fields.contains("min_units")) node.min_units = values.min_units;
        if (fields.contains("max_units")) node.max_units = values.max_units;
        if (node.min_units && node.max_units && *node.min_units > *node.max_units) {
          return error::MinimumAboveMaximum(node.Name(), *node.min_units, *node.max_units);
        }
        change.changes.updated.push_back(std::move(node));
        return absl::OkStatus();
      });
}

NodeService::NodeResult NodeService::Remove(const rpc::Caller& caller, db::Session& db,
                                            const v1::RemoveBreakdownRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.NodeName(request.name(), "name", Need::kRequired);
  const std::string breakdown_id = reader.Id(request.breakdown(), "breakdown", Need::kRequired);
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeNode(
      caller, db, request, ids, version, "plan.breakdown-removed",
      [&](const NodeChange& change) -> absl::Status {
        if (absl::Status s = CheckRebuild(change.plan, change.actor); !s.ok()) return s;
        Node node = change.node;
        const Breakdown* breakdown = node.FindBreakdown(breakdown_id);
        if (breakdown == nullptr) return error::BreakdownMissing(node.Name(), breakdown_id);
        PlanStore::NodeFilter filter;
        filter.path = node.path + breakdown->slot;
        absl::StatusOr<std::vector<Node>> below = plans_.AllNodes(change.tx, node.plan_id, filter);
        if (!below.ok()) return below.status();
        std::erase_if(node.breakdowns, [&](const Breakdown& b) { return b.id == breakdown_id; });
        change.changes.updated.push_back(std::move(node));
        change.changes.deleted = *std::move(below);
        return absl::OkStatus();
      });
}

NodeService::NodeResult NodeService::Adjust(const rpc::Caller& caller, db::Session& db,
                                            const v1::AdjustNodeRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.NodeName(request.name(), "name", Need::kRequired);
  const int64_t target = reader.Number(request.target_units(), "target_units", 0, kMaxTargetUnits);
  reader.Choice(request.absorb(), "absorb", v1::GivesWay_IsValid);
  const GivesWay gives_way = ToGivesWay(request.absorb());
  const std::string reason =
      reader.Text(request.reason(), "reason", kMaxReason,
                  request.accept_variance() ? Need::kRequired : Need::kOptional);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeNode(
      caller, db, request, ids, version, "plan.adjusted",
      [&](const NodeChange& change) -> absl::Status {
        if (absl::Status s = CheckCurrency(request.currency_code(), change.plan); !s.ok()) return s;
        if (absl::Status s = CheckChangeValues(change.plan, change.actor, reason); !s.ok())
          return s;
        const Node& node = change.node;
        if (absl::Status s = plans_.CheckOpenAbove(change.tx, node); !s.ok()) return s;
        const absl::StatusOr<std::vector<Node>> nodes =
            LoadToAdjust(change.tx, plans_, node, gives_way);
        if (!nodes.ok()) return nodes.status();
        absl::StatusOr<NodeAdjustment> adjustment = ApplyAdjust(*nodes, node.id, target, gives_way);
        if (!adjustment.ok()) return adjustment.status();
        // In force: the sum with the siblings must stay what the parent wants.
        if (!adjustment->off.empty() && change.plan.state == PlanState::kActive &&
            !request.accept_variance()) {
          const OffSum& off = adjustment->off.front();
          return error::WouldNotAddUp(off.node, off.expected_units, off.actual_units);
        }
        for (const Node& changed : adjustment->changed) {
          if (changed.parent_id.empty()) change.plan.target_units = changed.target_units;
        }
        change.changes.updated = std::move(adjustment->changed);
        return absl::OkStatus();
      });
}

template <typename Request>
NodeService::NodeResult NodeService::SetLock(const rpc::Caller& caller, db::Session& db,
                                             const Request& request, bool locked) {
  Reader reader;
  const Reader::NodeIds ids = reader.NodeName(request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeNode(
      caller, db, request, ids, version, locked ? "plan.node-locked" : "plan.node-unlocked",
      [&](const NodeChange& change) -> absl::Status {
        if (absl::Status s = CheckChangeValues(change.plan, change.actor, reason); !s.ok())
          return s;
        Node node = change.node;
        node.locked = locked;
        change.changes.updated.push_back(std::move(node));
        return absl::OkStatus();
      });
}

NodeService::NodeResult NodeService::Lock(const rpc::Caller& caller, db::Session& db,
                                          const v1::LockNodeRequest& request) {
  return SetLock(caller, db, request, true);
}

NodeService::NodeResult NodeService::Unlock(const rpc::Caller& caller, db::Session& db,
                                            const v1::UnlockNodeRequest& request) {
  return SetLock(caller, db, request, false);
}

absl::StatusOr<NodeService::SplitState> NodeService::ReadState(const rpc::Caller& caller,
                                                               db::Snapshot& snapshot,
                                                               const Plan& plan,
                                                               SplitCommand& command) {
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, plan);
  if (!view.ok()) return view.status();
  // Replacing takes away what was agreed, so it is for drafts; breaking further down is not.
  const absl::Status allowed = command.rule.replace
                                   ? CheckRebuild(plan, view->actor)
                                   : CheckChangeValues(plan, view->actor, command.reason);
  if (!allowed.ok()) return allowed;
  absl::StatusOr<std::vector<SplitTask>> tasks = decomposer_.Resolve(snapshot, plan, command);
  if (!tasks.ok()) return tasks.status();
  SplitState state{plan, *std::move(tasks), {}};
  if (NeedsHistory(command)) {
    if (command.history.metric_id.empty()) command.history.metric_id = plan.metric_id;
    command.history.currency_code = plan.currency_code;
    return state;
  }
  if (command.rule.method == SplitMethod::kCopy) {
    const absl::StatusOr<Plan> source = plans_.Load(snapshot, command.copy_plan_id);
    if (!source.ok()) return source.status();
    const absl::StatusOr<PlanView> source_view =
        ViewOf(caller, snapshot, directory_, plans_, *source);
    if (!source_view.ok()) return source_view.status();
    if (!source_view->all) return error::MayNotSeeAll(PlanName(source->id));
  }
  absl::StatusOr<std::vector<PartWeights>> weights =
      decomposer_.Weigh(snapshot, plan, command, state.tasks);
  if (!weights.ok()) return weights.status();
  state.weights = *std::move(weights);
  return state;
}

absl::StatusOr<v1::PreviewSplitResponse> NodeService::Preview(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewSplitRequest& request) {
  Reader reader;
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  SplitCommand command = ReadSplit(request.split(), plan_id, reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  absl::StatusOr<SplitState> state =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<SplitState> {
        const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
        if (!plan.ok()) return plan.status();
        return ReadState(caller, snapshot, *plan, command);
      });
  if (!state.ok()) return state.status();
  if (NeedsHistory(command)) {
    db.EndRead();
    History history(*reports_, caller);
    absl::StatusOr<std::vector<PartWeights>> weights =
        decomposer_.WeighByHistory(history, command, state->tasks);
    if (!weights.ok()) return weights.status();
    state->weights = *std::move(weights);
  }
  Plan plan = state->plan;
  const absl::StatusOr<Decomposition> split =
      decomposer_.Compute(plan, command, std::move(state->tasks), state->weights, false);
  if (!split.ok()) return split.status();
  v1::PreviewSplitResponse response;
  size_t sent = 0;
  for (const Decomposition::Part& part : split->parts)
    AppendSplit(plan, part, sent, *response.add_splits());
  response.set_created_node_count(split->created_count);
  response.set_deleted_node_count(static_cast<int64_t>(split->deleted.size()));
  response.set_plan_version(plan.version);
  return response;
}

absl::StatusOr<v1::SplitNodesResponse> NodeService::Split(const rpc::Caller& caller,
                                                          db::Session& db,
                                                          const v1::SplitNodesRequest& request) {
  Reader reader;
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  SplitCommand command = ReadSplit(request.split(), plan_id, reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  why.reason = command.reason;

  const auto split = [&]() -> absl::StatusOr<v1::SplitNodesResponse> {
    // Another service is asked before the transaction, never inside it. What it was asked about
    // must then still be so.
    std::vector<PartWeights> by_history;
    std::optional<int64_t> asked_version;
    if (NeedsHistory(command)) {
      const absl::StatusOr<SplitState> state =
          db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<SplitState> {
            const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
            if (!plan.ok()) return plan.status();
            return ReadState(caller, snapshot, *plan, command);
          });
      if (!state.ok()) return state.status();
      db.EndRead();
      History history(*reports_, caller);
      absl::StatusOr<std::vector<PartWeights>> weights =
          decomposer_.WeighByHistory(history, command, state->tasks);
      if (!weights.ok()) return weights.status();
      by_history = *std::move(weights);
      asked_version = state->plan.version;
    }
    return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::SplitNodesResponse> {
      const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, plan_id);
      if (!before.ok()) return before.status();
      SplitCommand now = command;
      absl::StatusOr<SplitState> state = ReadState(caller, tx, *before, now);
      if (!state.ok()) return state.status();
      if (version && *version != before->version) return error::StaleEtag(request.plan());
      if (asked_version && *asked_version != before->version)
        return error::PlanChanged(request.plan());
      Plan plan = *before;
      plan.update_time = directory_.clock().NowAfter(before->update_time);
      absl::StatusOr<Decomposition> done = decomposer_.Compute(
          plan, now, std::move(state->tasks), asked_version ? by_history : state->weights, true);
      if (!done.ok()) return done.status();
      NodeChanges changes;
      for (Decomposition::Part& part : done->parts) {
        changes.updated.push_back(part.parent);
        std::move(part.children.begin(), part.children.end(), std::back_inserter(changes.created));
        part.children.clear();
      }
      changes.deleted = std::move(done->deleted);
      const std::string node_id = done->parts.size() == 1 ? done->parts.front().parent.id : "";
      const absl::StatusOr<Plan> saved =
          plans_.Save(tx, why, "plan.split", node_id, *before, std::move(plan), changes);
      if (!saved.ok()) return saved.status();
      v1::SplitNodesResponse response;
      *response.mutable_plan() = ToProto(*saved);
      response.set_created_node_count(done->created_count);
      response.set_deleted_node_count(static_cast<int64_t>(changes.deleted.size()));
      // The children are now as stored, with versions and times.
      size_t sent = 0;
      auto child = changes.created.begin();
      for (Decomposition::Part& part : done->parts) {
        for (; child != changes.created.end() && child->parent_id == part.parent.id; ++child) {
          part.children.push_back(std::move(*child));
        }
        AppendSplit(*saved, part, sent, *response.add_splits());
      }
      return response;
    });
  };
  absl::StatusOr<v1::SplitNodesResponse> response = split();
  if (response.ok() || why.request_id.empty()) return response;
  absl::StatusOr<std::optional<v1::SplitNodesResponse>> earlier = EarlierAnswer(db, why);
  if (earlier.ok() && *earlier) return **std::move(earlier);
  return response;
}

absl::StatusOr<std::optional<v1::SplitNodesResponse>> NodeService::EarlierAnswer(
    db::Session& db, const change::Context& why) {
  const absl::StatusOr<std::optional<change::PastRequest>> past =
      change::FindRequest(db, why.request_scope, why.request_id);
  if (!past.ok()) return past.status();
  if (!*past || (*past)->request_hash != why.request_hash) return std::nullopt;
  v1::SplitNodesResponse response;
  std::map<std::string, v1::NodeSplit*> splits;  // By parent.
  size_t sent = 0;
  int64_t deleted = 0;
  int64_t created = 0;
  for (const change::PastRequest::Result& result : (*past)->results) {
    if (result.type == "plan.split") {
      result.state.UnpackTo(response.mutable_plan());
    } else if (result.type == "node.changed") {
      v1::NodeSplit* split = response.add_splits();
      split->set_node(result.name);
      splits[result.name] = split;
    } else if (result.type == "node.deleted") {
      ++deleted;
    } else if (result.type == "node.created") {
      ++created;
      v1::Node child;
      result.state.UnpackTo(&child);
      const auto split = splits.find(child.parent());
      if (split == splits.end()) continue;
      split->second->set_total_units(split->second->total_units() + child.target_units());
      if (sent++ < kMaxChildrenInAnswer) *split->second->add_children() = std::move(child);
    }
  }
  response.set_created_node_count(created);
  response.set_deleted_node_count(deleted);
  return response;
}

absl::Status NodeService::Import(
    const rpc::Caller& caller, db::Session& db,
    rpc::Stream<v1::ImportNodesRequest, v1::ImportNodesResponse>& stream) {
  std::string plan;
  while (std::optional<v1::ImportNodesRequest> request = stream.Read()) {
    Reader reader;
    if (plan.empty()) plan = request->plan();
    if (request->plan() != plan) reader.Add("plan", "differs from that of the first request");
    if (absl::Status s = reader.status(); !s.ok()) return s;
    absl::StatusOr<v1::ImportNodesResponse> response = ImportRows(caller, db, *request);
    if (!response.ok()) return response.status();
    if (!stream.Write(*std::move(response))) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ImportNodesResponse> NodeService::ImportRows(
    const rpc::Caller& caller, db::Session& db, const v1::ImportNodesRequest& request) {
  if (absl::Status s = CheckImport(request.rows_size(), request.request_id()); !s.ok()) return s;
  Reader plan_reader;
  const std::string plan_id = plan_reader.Name("plans", request.plan(), "plan", Need::kRequired);
  if (absl::Status s = plan_reader.status(); !s.ok()) return s;
  const change::Context why = ImportContext(caller, request);
  std::vector<std::string> ids;  // Of the rows and their parents.
  std::vector<std::string> members;
  for (const v1::ImportNodeRow& row : request.rows()) {
    ids.push_back(row.node_id());
    ids.push_back(row.parent_id().empty() ? kRootId : row.parent_id());
    if (row.dimension() == v1::MEMBER) {
      if (std::optional<std::string> id = resource::IdOf("members", row.key()))
        members.push_back(*std::move(id));
    }
  }
  std::erase_if(ids, [](const std::string& id) { return !resource::IsId(id); });
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::ImportNodesResponse> {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, plan_id);
    if (!before.ok()) return before.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *before);
    if (!view.ok()) return view.status();
    if (absl::Status s = CheckRebuild(*before, view->actor); !s.ok()) return s;
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(tx);
    if (!tree.ok()) return tree.status();
    const absl::StatusOr<std::vector<Member>> known_members =
        directory_.members().LoadMany(tx, members);
    if (!known_members.ok()) return known_members.status();
    std::map<std::string, std::string> member_names;
    for (const Member& member : *known_members) member_names[member.id] = member.display_name;
    const absl::StatusOr<std::map<std::string, int64_t>> last_versions =
        plans_.LastVersions(tx, plan_id, ids);
    if (!last_versions.ok()) return last_versions.status();
    absl::StatusOr<std::vector<Node>> stored = plans_.LoadNodes(tx, plan_id, ids);
    if (!stored.ok()) return stored.status();

    Plan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    std::map<std::string, Node> nodes;  // As they will be.
    for (Node& node : *stored) {
      std::string id = node.id;
      nodes.emplace(std::move(id), std::move(node));
    }
    std::set<std::string> created;
    std::vector<std::string> created_order;
    std::set<std::string> updated;
    struct Siblings {
      std::map<std::string, std::string> ids;  // By key.
      int next_position = 0;                   // Beyond all there are; what moved away leaves gaps.
    };
    // By parent and breakdown.
    std::map<std::pair<std::string, std::string>, Siblings> siblings;
    const auto siblings_of = [&](const Node& parent,
                                 const std::string& breakdown_id) -> absl::StatusOr<Siblings*> {
      const auto [found, added] = siblings.try_emplace({parent.id, breakdown_id});
      const Breakdown* breakdown = parent.FindBreakdown(breakdown_id);
      if (added && breakdown != nullptr && !created.contains(parent.id)) {
        PlanStore::NodeFilter filter;
        filter.path = parent.path + breakdown->slot;
        filter.max_depth = parent.depth + 1;
        const absl::StatusOr<std::vector<Node>> children = plans_.AllNodes(tx, plan_id, filter);
        if (!children.ok()) return children.status();
        for (const Node& child : *children) {
          found->second.ids[child.key] = child.id;
          found->second.next_position = std::max(found->second.next_position, child.position + 1);
        }
      }
      return &found->second;
    };

    v1::ImportNodesResponse answer;
    for (const v1::ImportNodeRow& row : request.rows()) {
      orgv1::ImportResult& result = *answer.add_results();
      result.set_line(row.line());
      Reader reader;
      const std::string id = reader.Id(row.node_id(), "node_id", Need::kRequired);
      if (id == kRootId) reader.Add("node_id", "must not be root: its value is that of the plan");
      if (!id.empty()) result.set_name(resource::Name("plans", plan_id, "nodes", id));
      const std::string parent_id = row.parent_id().empty()
                                        ? kRootId
                                        : reader.Id(row.parent_id(), "parent_id", Need::kRequired);
      reader.Choice(row.dimension(), "dimension", v1::Dimension_IsValid, Need::kRequired);
      const Dimension dimension = v1::Dimension_IsValid(row.dimension())
                                      ? static_cast<Dimension>(row.dimension())
                                      : Dimension::kNone;
      const std::string breakdown_id =
          row.breakdown().empty() ? DimensionWord(dimension)
                                  : reader.Id(row.breakdown(), "breakdown", Need::kRequired);
      PartSpec part;
      part.key = ReadPartKey(row.key(), dimension, "key", reader);
      part.display_name = reader.Text(row.display_name(), "display_name", kMaxNodeName);
      part.period =
          reader.Days(row.has_period(), row.period(), "period",
                      dimension == Dimension::kPeriod ? Need::kRequired : Need::kOptional);
      if (dimension != Dimension::kPeriod && row.has_period()) {
        reader.Add("period", "must not be set unless dimension is PERIOD");
      }
      const int64_t target = reader.Number(row.target_units(), "target_units", 0, kMaxTargetUnits);
      if (row.has_min_units())
        part.min = reader.Number(row.min_units(), "min_units", 0, kMaxTargetUnits);
      if (row.has_max_units())
        part.max = reader.Number(row.max_units(), "max_units", 0, kMaxTargetUnits);
      if (part.min && part.max && *part.min > *part.max)
        reader.Add("min_units", "is above max_units");
      if (absl::Status s = reader.status(); !s.ok()) {
        Refuse(s, result);
        continue;
      }
      const auto parent = nodes.find(parent_id);
      if (parent == nodes.end()) {
        Refuse(error::ReferenceMissing(resource::Name("plans", plan_id, "nodes", parent_id)),
               result);
        continue;
      }
      absl::Status rule = absl::OkStatus();
      if (dimension == Dimension::kUnit) {
        const Unit* unit = (*tree)->Find(part.key);
        if (unit == nullptr) rule = error::ReferenceMissing(row.key());
        if (unit != nullptr && part.display_name.empty()) part.display_name = unit->display_name;
      } else if (dimension == Dimension::kMember) {
        const auto member = member_names.find(part.key);
        if (member == member_names.end()) rule = error::ReferenceMissing(row.key());
        if (member != member_names.end() && part.display_name.empty())
          part.display_name = member->second;
      }
      if (part.display_name.empty()) part.display_name = part.key;
      absl::StatusOr<Scope> scope = NarrowScope(parent->second, dimension, part);
      if (rule.ok()) rule = scope.status();
      const auto existing = nodes.find(id);
      // A move may have cut its days.
      if (scope.ok() && existing != nodes.end() && dimension != Dimension::kPeriod)
        scope->period = existing->second.scope.period;
      const absl::StatusOr<Siblings*> taken = siblings_of(parent->second, breakdown_id);
      if (!taken.ok()) return taken.status();
      if (rule.ok() && existing == nodes.end()) {
        const auto same_key = (*taken)->ids.find(part.key);
        if (same_key != (*taken)->ids.end()) {
          rule = error::PartOutside(parent->second.Name(), part.key,
                                    absl::StrCat("it is there already as ", same_key->second));
        }
      }
      if (rule.ok() && existing != nodes.end()) {
        Node& node = existing->second;
        if (node.parent_id != parent_id || node.breakdown_id != breakdown_id ||
            node.dimension != dimension || node.key != part.key || node.scope != *scope) {
          Refuse(error::PartOutside(
                     parent->second.Name(), part.key,
                     absl::StrCat(id, " is another part already; remove its breakdown first")),
                 result);
          continue;
        }
        if (node.target_units == target && node.locked == row.locked() &&
            node.min_units == part.min && node.max_units == part.max &&
            node.display_name == part.display_name) {
          result.set_outcome(orgv1::UNCHANGED);
          continue;
        }
        if (node.target_units != target) node.explanation.reset();
        node.target_units = target;
        node.locked = row.locked();
        node.min_units = part.min;
        node.max_units = part.max;
        node.display_name = part.display_name;
        if (!created.contains(id)) updated.insert(id);
        result.set_outcome(orgv1::UPDATED);
        continue;
      }
      Node& above = parent->second;
      if (rule.ok() && above.depth >= kMaxDepth) rule = error::TooDeep(above.Name());
      if (rule.ok() && before->node_count + static_cast<int64_t>(created.size()) >= kMaxPlanNodes) {
        rule = error::TooManyNodes(request.plan(), kMaxPlanNodes + 1);
      }
      auto breakdown = std::find_if(above.breakdowns.begin(), above.breakdowns.end(),
                                    [&](const Breakdown& b) { return b.id == breakdown_id; });
      if (rule.ok() && breakdown != above.breakdowns.end() && breakdown->dimension != dimension) {
        rule = error::PartOutside(above.Name(), part.key,
                                  absl::StrCat("breakdown '", breakdown_id, "' is along ",
                                               DimensionWord(breakdown->dimension)));
      }
      if (rule.ok() && breakdown != above.breakdowns.end() &&
          breakdown->child_count >= static_cast<int64_t>(kMaxChildren)) {
        rule = error::TooManyChildren(above.Name(), kMaxChildren + 1);
      }
      if (rule.ok() && breakdown == above.breakdowns.end()) {
        const std::optional<char> slot = FreeSlot(above);
        if (!slot) {
          rule = error::TooManyBreakdowns(above.Name());
        } else {
          above.breakdowns.push_back({breakdown_id, *slot, dimension, SplitMethod::kImported, kPpm,
                                      plan.rounding_units, 0, ""});
          breakdown = above.breakdowns.end() - 1;
        }
      }
      if (!rule.ok()) {
        Refuse(rule, result);
        continue;
      }
      Node node;
      node.plan_id = plan_id;
      node.id = id;
      node.position = (*taken)->next_position++;
      ++breakdown->child_count;
      node.path = ChildPath(above.path, breakdown->slot, node.position);
      node.parent_id = parent_id;
      node.breakdown_id = breakdown_id;
      node.dimension = dimension;
      node.key = part.key;
      node.display_name = part.display_name;
      node.scope = *std::move(scope);
      node.target_units = target;
      node.locked = row.locked();
      node.min_units = part.min;
      node.max_units = part.max;
      node.depth = above.depth + 1;
      if (const auto last = last_versions->find(id); last != last_versions->end())
        node.version = last->second;
      plan.next_node_number = std::max(plan.next_node_number, GeneratedNumber(plan, id) + 1);
      (*taken)->ids[part.key] = id;
      if (!created.contains(parent_id)) updated.insert(parent_id);
      created.insert(id);
      created_order.push_back(id);
      nodes[id] = std::move(node);
      result.set_outcome(orgv1::CREATED);
    }
    if (created.empty() && updated.empty()) {
      *answer.mutable_plan() = ToProto(*before);
      return answer;
    }
    NodeChanges changes;
    for (const std::string& id : updated) changes.updated.push_back(nodes.at(id));
    for (const std::string& id : created_order) changes.created.push_back(nodes.at(id));
    const absl::StatusOr<Plan> saved =
        plans_.Save(tx, why, "plan.imported", "", *before, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    *answer.mutable_plan() = ToProto(*saved);
    return answer;
  });
}

}  // namespace milepost::target
