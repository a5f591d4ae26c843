#include "target-svc/service/revision_service.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/history.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr size_t kMaxTypedValues = 5'000;

// A node of a plan that the caller may change, with NOT_FOUND for what is hidden.
absl::StatusOr<Node> LoadToRevise(const rpc::Caller& caller, db::Snapshot& snapshot,
                                  Directory& directory, const PlanStore& plans, const Plan& plan,
                                  const std::string& node_id, const std::string& reason) {
  const std::string name = resource::Name("plans", plan.id, "nodes", node_id);
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory, plans, plan);
  if (absl::IsNotFound(view.status())) return error::NotFound(name);
  if (!view.ok()) return view.status();
  absl::StatusOr<Node> node = plans.LoadNode(snapshot, plan.id, node_id);
  if (!node.ok()) return node.status();
  if (!view->Shows(*node)) return error::NotFound(name);
  if (absl::Status s = CheckChangeValues(plan, view->actor, reason); !s.ok()) return s;
  return node;
}

template <typename Loaded>
absl::Status NamedNode(const Loaded& plan, const std::string& node) {
  return absl::IsNotFound(plan.status()) ? error::NotFound(node) : plan.status();
}

}  // namespace

RevisionService::RevisionService(
    rpc::Runner& rpc, Directory& directory,
    std::shared_ptr<reporting::v1::ReportService::StubInterface> reports)
    : rpc_(rpc), directory_(directory), reports_(std::move(reports)) {
  rpc_.Register<v1::RevisionService>();
}

grpc::ServerUnaryReactor* RevisionService::PreviewReplan(grpc::CallbackServerContext* context,
                                                         const v1::PreviewReplanRequest* request,
                                                         v1::PreviewReplanResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return PreviewPlanAnew(call...); });
}
grpc::ServerUnaryReactor* RevisionService::ReplanPlan(grpc::CallbackServerContext* context,
                                                      const v1::ReplanPlanRequest* request,
                                                      v1::Plan* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return PlanAnew(call...); });
}
grpc::ServerUnaryReactor* RevisionService::PreviewMove(grpc::CallbackServerContext* context,
                                                       const v1::PreviewMoveRequest* request,
                                                       v1::PreviewMoveResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return PreviewMoving(call...); });
}
grpc::ServerUnaryReactor* RevisionService::MoveNode(grpc::CallbackServerContext* context,
                                                    const v1::MoveNodeRequest* request,
                                                    v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Move(call...); });
}

RevisionService::ReplanCommand RevisionService::ReadReplan(const v1::ReplanSpec& spec,
                                                           Reader& reader) {
  ReplanCommand command;
  command.node = reader.NodeName(spec.node(), "replan.node", Need::kRequired);
  command.first_open_day = reader.Day(spec.has_date(), spec.date(), "replan.date", Need::kRequired)
                               .value_or(absl::CivilDay());
  const size_t count = static_cast<size_t>(spec.achieved_size());
  if (count > kMaxTypedValues) {
    reader.Add("replan.achieved",
               absl::StrCat("has ", count, " values; the limit is ", kMaxTypedValues));
  }
  for (int i = 0; i < spec.achieved_size(); ++i) {
    const v1::AchievedValue& given = spec.achieved(i);
    const std::string path = absl::StrCat("replan.achieved[", i, "].");
    const Reader::NodeIds ids = reader.NodeName(given.node(), path + "node", Need::kRequired);
    if (!ids.node.empty() && ids.plan != command.node.plan)
      reader.Add(path + "node", "is a node of another plan");
    const int64_t units =
        reader.Number(given.achieved_units(), path + "achieved_units", 0, kMaxTargetUnits);
    if (!ids.node.empty() && !command.typed.emplace(ids.node, units).second)
      reader.Add(path + "node", "is there twice");
  }
  command.reason = reader.Text(spec.reason(), "replan.reason", kMaxReason, Need::kRequired);
  return command;
}

absl::StatusOr<RevisionService::ReplanState> RevisionService::ReadReplanState(
    const rpc::Caller& caller, db::Snapshot& snapshot, const Plan& plan,
    const ReplanCommand& command) const {
  const absl::StatusOr<Node> top =
      LoadToRevise(caller, snapshot, directory_, plans_, plan, command.node.node, command.reason);
  if (!top.ok()) return top.status();
  if (absl::Status s = plans_.CheckOpenAbove(snapshot, *top); !s.ok()) return s;
  ReplanState state{.plan = plan};
  PlanStore::NodeFilter filter;
  filter.path = top->path;
  absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, plan.id, filter);
  if (!nodes.ok()) return nodes.status();
  state.nodes = *std::move(nodes);
  absl::StatusOr<std::vector<uint32_t>> settle = NodesToSettle(state.nodes, command.first_open_day);
  if (!settle.ok()) return settle.status();
  state.to_settle = *std::move(settle);
  for (const uint32_t node : state.to_settle) {
    const auto typed = command.typed.find(state.nodes[node].id);
    if (typed != command.typed.end()) state.achieved.insert(*typed);
  }
  if (state.achieved.size() < command.typed.size()) {
    status::FieldViolations violations;
    violations.Add("replan.achieved",
                   absl::StrCat("names ", command.typed.size() - state.achieved.size(),
                                " nodes that are not settled: only those are whose days are over, "
                                "below nodes whose days are not"));
    return violations.ToStatus();
  }
  if (state.achieved.size() == state.to_settle.size()) return state;

  if (command.first_open_day > directory_.clock().Today() + 1) {
    status::FieldViolations violations;
    violations.Add("replan.date",
                   absl::StrCat("is after tomorrow: what is achieved by then must be typed in for "
                                "all ",
                                state.to_settle.size(), " nodes that are settled"));
    return violations.ToStatus();
  }
  const absl::StatusOr<Metric> metric = metrics_.Load(snapshot, plan.metric_id);
  if (!metric.ok()) return metric.status();
  if (metric->aggregation != MetricAggregation::kSum) {
    return error::CannotReplan(top->Name(),
                               absl::StrCat("values of ", resource::Name("metrics", metric->id),
                                            " do not add up over time; type in what was achieved"));
  }
  state.ask = metric->source == MetricSource::kDerived;
  if (state.ask) return state;
  if (absl::Status s = AddRecorded(snapshot, state); !s.ok()) return s;
  return state;
}

absl::Status RevisionService::AddRecorded(db::Snapshot& snapshot, ReplanState& state) const {
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  std::vector<const Node*> open;
  DayRange days = state.nodes.front().scope.period;
  for (const uint32_t node : state.to_settle) {
    if (state.achieved.contains(state.nodes[node].id)) continue;
    open.push_back(&state.nodes[node]);
    days.first = std::min(days.first, open.back()->scope.period.first);
  }
  std::vector<ActualSummer> sums(open.size(), ActualSummer(MetricAggregation::kSum));
  const absl::Status read =
      actuals_.ForEach(snapshot, state.plan.metric_id, days, [&](const RecordedActual& actual) {
        for (size_t i = 0; i < open.size(); ++i) {
          if (CountsFor(actual, open[i]->scope, **tree)) sums[i].Add(actual);
        }
      });
  if (!read.ok()) return read;
  for (size_t i = 0; i < open.size(); ++i) {
    const absl::StatusOr<ActualSum> sum = sums[i].Sum();
    if (!sum.ok()) return sum.status();
    state.achieved[open[i]->id] = std::clamp<int64_t>(sum->value.value_or(0), 0, kMaxTargetUnits);
  }
  return absl::OkStatus();
}

absl::Status RevisionService::AskAchieved(const rpc::Caller& caller, ReplanState& state) const {
  HistorySpec spec;
  spec.metric_id = state.plan.metric_id;
  spec.currency_code = state.plan.currency_code;
  std::map<std::string, const Node*> by_id;
  for (const Node& node : state.nodes) by_id[node.id] = &node;
  std::map<std::string, std::vector<const Node*>> families;  // By parent.
  for (const uint32_t node : state.to_settle) {
    const Node& settled = state.nodes[node];
    if (!state.achieved.contains(settled.id)) families[settled.parent_id].push_back(&settled);
  }
  History history(*reports_, caller);
  for (const auto& [parent, periods] : families) {
    spec.references = {{by_id.at(parent)->scope.period}};
    std::vector<PartSpec> parts;
    for (const Node* node : periods) {
      PartSpec part;
      part.key = node->key;
      part.period = node->scope.period;
      parts.push_back(std::move(part));
    }
    const absl::StatusOr<MixRequest> read =
        history.Read(spec, *by_id.at(parent), Dimension::kPeriod, parts);
    if (!read.ok()) return read.status();
    for (size_t i = 0; i < periods.size(); ++i) {
      state.achieved[periods[i]->id] =
          std::clamp<int64_t>(read->periods.front().values[i].value_or(0), 0, kMaxTargetUnits);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<RevisionService::ReplanState> RevisionService::StateToReplan(
    const rpc::Caller& caller, db::Session& db, const ReplanCommand& command) const {
  absl::StatusOr<ReplanState> state =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<ReplanState> {
        const absl::StatusOr<Plan> plan = plans_.Load(snapshot, command.node.plan);
        if (!plan.ok()) {
          return NamedNode(plan,
                           resource::Name("plans", command.node.plan, "nodes", command.node.node));
        }
        return ReadReplanState(caller, snapshot, *plan, command);
      });
  if (!state.ok() || !state->ask) return state;
  db.EndRead();
  if (absl::Status s = AskAchieved(caller, *state); !s.ok()) return s;
  return state;
}

absl::StatusOr<v1::PreviewReplanResponse> RevisionService::PreviewPlanAnew(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewReplanRequest& request) {
  Reader reader;
  const ReplanCommand command = ReadReplan(request.replan(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<ReplanState> state = StateToReplan(caller, db, command);
  if (!state.ok()) return state.status();
  const absl::StatusOr<Replanning> replanning =
      ApplyReplan(state->nodes, command.first_open_day, state->achieved);
  if (!replanning.ok()) return replanning.status();
  v1::PreviewReplanResponse response;
  for (size_t i = 0; i < std::min(replanning->settled.size(), kMaxChildrenInAnswer); ++i) {
    const Node& node = replanning->settled[i];
    v1::SettledTarget& settled = *response.add_settled();
    settled.set_node(node.Name());
    settled.set_display_name(node.display_name);
    *settled.mutable_period() = target::ToProto(node.scope.period);
    settled.set_target_units(node.target_units);
    settled.set_achieved_units(node.Counted());
  }
  response.set_settled_node_count(static_cast<int64_t>(replanning->settled.size()));
  for (size_t i = 0; i < std::min(replanning->changed.size(), kMaxChildrenInAnswer); ++i)
    *response.add_nodes() = target::ToProto(replanning->changed[i], state->plan.calendar_id);
  response.set_changed_node_count(static_cast<int64_t>(replanning->changed.size()));
  response.set_planned_units(replanning->planned_units);
  response.set_achieved_units(replanning->achieved_units);
  response.set_missing_units(replanning->planned_units - replanning->achieved_units);
  response.set_plan_version(state->plan.version);
  return response;
}

absl::StatusOr<v1::Plan> RevisionService::PlanAnew(const rpc::Caller& caller, db::Session& db,
                                                   const v1::ReplanPlanRequest& request) {
  Reader reader;
  const ReplanCommand command = ReadReplan(request.replan(), reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  why.reason = command.reason;
  // Another service is asked before the transaction, never inside it. What it was asked about must
  // then still be so.
  const absl::StatusOr<ReplanState> asked = StateToReplan(caller, db, command);
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, command.node.plan);
    if (!before.ok()) return NamedNode(before, request.replan().node());
    absl::StatusOr<ReplanState> state = ReadReplanState(caller, tx, *before, command);
    if (!state.ok()) return state.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("plans", before->id));
    if (state->ask) {
      if (!asked.ok()) return asked.status();
      if (asked->plan.version != before->version)
        return error::PlanChanged(resource::Name("plans", before->id));
      state->achieved = asked->achieved;
    }
    absl::StatusOr<Replanning> replanning =
        ApplyReplan(state->nodes, command.first_open_day, state->achieved);
    if (!replanning.ok()) return replanning.status();
    Plan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    if (plan.baseline_version == 0) plan.baseline_version = before->version;
    NodeChanges changes;
    changes.updated = std::move(replanning->settled);
    std::move(replanning->changed.begin(), replanning->changed.end(),
              std::back_inserter(changes.updated));
    const absl::StatusOr<Plan> saved = plans_.Save(tx, why, "plan.replanned", command.node.node,
                                                   *before, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    return target::ToProto(*saved);
  });
}

RevisionService::MoveArguments RevisionService::ReadMove(const v1::MoveSpec& spec, Reader& reader) {
  MoveArguments arguments;
  arguments.node = reader.NodeName(spec.node(), "move.node", Need::kRequired);
  const Reader::NodeIds parent =
      reader.NodeName(spec.new_parent(), "move.new_parent", Need::kRequired);
  if (!parent.node.empty() && !arguments.node.node.empty() && parent.plan != arguments.node.plan)
    reader.Add("move.new_parent", "is a node of another plan");
  arguments.move.node_id = arguments.node.node;
  arguments.move.new_parent_id = parent.node;
  arguments.move.breakdown_id = reader.Id(spec.breakdown(), "move.breakdown", Need::kOptional);
  arguments.move.first_day = reader.Day(spec.has_date(), spec.date(), "move.date", Need::kRequired)
                                 .value_or(absl::CivilDay());
  arguments.reason = reader.Text(spec.reason(), "move.reason", kMaxReason, Need::kRequired);
  return arguments;
}

absl::Status RevisionService::CheckMembership(db::Snapshot& snapshot, const Node& node,
                                              const Node& new_parent, absl::CivilDay day) const {
  const std::string& wanted = new_parent.scope.unit_id;
  if (node.dimension != Dimension::kUnit && node.dimension != Dimension::kMember)
    return absl::OkStatus();
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  if (node.dimension == Dimension::kUnit) {
    const std::string name = resource::Name("units", node.key);
    const Unit* unit = (*tree)->Find(node.key);
    if (unit == nullptr) return error::ReferenceMissing(name);
    const bool exists = unit->ExistsOn(day);
    if (exists && (*tree)->IsWithin(node.key, wanted, day)) return absl::OkStatus();
    return error::NotInUnit(name, exists ? unit->ParentOn(day) : "", wanted, day);
  }
  const std::string name = resource::Name("members", node.key);
  const absl::StatusOr<std::vector<Member>> members =
      directory_.members().LoadMany(snapshot, {node.key});
  if (!members.ok()) return members.status();
  if (members->empty()) return error::ReferenceMissing(name);
  const Member& member = members->front();
  const std::string found = member.WorksOn(day) ? member.PlacementOn(day).unit_id : "";
  if (!found.empty() && (*tree)->IsWithin(found, wanted, day)) return absl::OkStatus();
  return error::NotInUnit(name, found, wanted, day);
}

absl::StatusOr<NodeMove> RevisionService::MoveNow(const rpc::Caller& caller, db::Snapshot& snapshot,
                                                  Plan& plan,
                                                  const MoveArguments& arguments) const {
  const absl::StatusOr<Node> node = LoadToRevise(caller, snapshot, directory_, plans_, plan,
                                                 arguments.node.node, arguments.reason);
  if (!node.ok()) return node.status();
  const absl::StatusOr<Node> parent = LoadToRevise(caller, snapshot, directory_, plans_, plan,
                                                   arguments.move.new_parent_id, arguments.reason);
  if (!parent.ok()) return parent.status();
  const absl::StatusOr<Calendar> calendar = calendars_.Load(snapshot, plan.calendar_id);
  if (absl::IsNotFound(calendar.status()))
    return error::ReferenceMissing(resource::Name("calendars", plan.calendar_id));
  if (!calendar.ok()) return calendar.status();
  const absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, plan.id, {});
  if (!nodes.ok()) return nodes.status();
  absl::StatusOr<NodeMove> move =
      ApplyMoveNode(plan, *nodes, WorkingCalendar(calendar->definition), arguments.move);
  if (!move.ok()) return move.status();
  if (absl::Status s =
          CheckMembership(snapshot, *node, *parent, MoveDay(*node, arguments.move.first_day));
      !s.ok()) {
    return s;
  }
  const size_t placed = move->relocated.size() + move->created.size();
  if (placed > kMaxNodesPerCall) return error::CallTooLarge(static_cast<int64_t>(placed));
  return move;
}

absl::StatusOr<v1::PreviewMoveResponse> RevisionService::PreviewMoving(
    const rpc::Caller& caller, db::Session& db, const v1::PreviewMoveRequest& request) {
  Reader reader;
  const MoveArguments arguments = ReadMove(request.move(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::PreviewMoveResponse> {
    absl::StatusOr<Plan> plan = plans_.Load(snapshot, arguments.node.plan);
    if (!plan.ok()) return NamedNode(plan, request.move().node());
    const absl::StatusOr<NodeMove> move = MoveNow(caller, snapshot, *plan, arguments);
    if (!move.ok()) return move.status();
    v1::PreviewMoveResponse response;
    std::set<std::string> branch;
    for (const MovedTarget& moved : move->moved) {
      branch.insert(moved.before.id);
      if (response.moved_size() >= static_cast<int>(kMaxChildrenInAnswer)) continue;
      v1::MovedNode& message = *response.add_moved();
      message.set_node(moved.before.Name());
      message.set_past_units(moved.past_units);
      message.set_future_units(moved.after.target_units);
      *message.mutable_moved() = target::ToProto(moved.after, plan->calendar_id);
      if (moved.after.id != moved.before.id) message.mutable_moved()->clear_name();
    }
    response.set_moved_node_count(static_cast<int64_t>(move->moved.size()));
    for (const Node& node : move->updated) {
      if (branch.contains(node.id)) continue;
      if (response.nodes_size() >= static_cast<int>(kMaxChildrenInAnswer)) break;
      *response.add_nodes() = target::ToProto(node, plan->calendar_id);
    }
    response.set_changed_node_count(
        static_cast<int64_t>(move->updated.size() + move->relocated.size()));
    response.set_created_node_count(static_cast<int64_t>(move->created.size()));
    response.set_plan_version(plan->version);
    return response;
  });
}

absl::StatusOr<v1::Plan> RevisionService::Move(const rpc::Caller& caller, db::Session& db,
                                               const v1::MoveNodeRequest& request) {
  Reader reader;
  const MoveArguments arguments = ReadMove(request.move(), reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  change::Context why = caller.Change(request);
  why.reason = arguments.reason;
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::Plan> {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, arguments.node.plan);
    if (!before.ok()) return NamedNode(before, request.move().node());
    Plan plan = *before;
    absl::StatusOr<NodeMove> move = MoveNow(caller, tx, plan, arguments);
    if (!move.ok()) return move.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("plans", before->id));
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    NodeChanges changes;
    changes.updated = std::move(move->updated);
    changes.moved = std::move(move->relocated);
    changes.created = std::move(move->created);
    for (const Node& node : changes.updated) {
      if (node.parent_id.empty()) plan.target_units = node.target_units;
    }
    const absl::StatusOr<Plan> saved = plans_.Save(tx, why, "plan.node-moved", arguments.node.node,
                                                   *before, std::move(plan), changes);
    if (!saved.ok()) return saved.status();
    return target::ToProto(*saved);
  });
}

}  // namespace milepost::target
