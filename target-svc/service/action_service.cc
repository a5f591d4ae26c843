#include "target-svc/service/action_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/recorded_actual.h"
#include "target-svc/service/history.h"
#include "target-svc/service/plan_view.h"

namespace milepost::target {
namespace {

constexpr char kActions[] = "actions";
constexpr size_t kMaxParticipants = 100;
constexpr size_t kMaxPlace = 200;
constexpr size_t kMaxWords = 2'000;
constexpr size_t kMaxMilestones = 100;
constexpr int kMaxEntries = 300;

const std::set<std::string>& ChangeableFields() {
  static const std::set<std::string> fields{
      "title",  "reason",       "owner",       "participants",   "place",   "period",
      "method", "budget_units", "budget_node", "expected_units", "measure", "milestones"};
  return fields;
}

absl::CivilDay DayOf(const type::v1::Date& date) {
  return absl::CivilDay(date.year(), date.month(), date.day());
}

DayRange RangeOf(const type::v1::DateRange& range) {
  return {DayOf(range.first_date()), DayOf(range.last_date())};
}

std::string MemberName(const rpc::Caller& caller) {
  return caller.member().empty() ? "" : resource::Name("members", caller.member());
}

bool TakesPart(const v1::ActionPlan& body, const std::string& member_id) {
  if (member_id.empty()) return false;
  const std::string name = resource::Name("members", member_id);
  return body.owner() == name || std::find(body.participants().begin(), body.participants().end(),
                                           name) != body.participants().end();
}

// Who sees what, with each target plan looked at once.
class Viewer {
 public:
  Viewer(const rpc::Caller& caller, db::Snapshot& snapshot, Directory& directory)
      : caller_(caller), snapshot_(snapshot), directory_(directory) {}

  absl::StatusOr<bool> Sees(const StoredActionPlan& stored) {
    if (TakesPart(stored.body, caller_.member())) return true;
    const auto known = views_.find(stored.plan_id);
    const absl::StatusOr<PlanView>& view =
        known != views_.end() ? known->second
                              : views_.emplace(stored.plan_id, Look(stored.plan_id)).first->second;
    if (absl::IsNotFound(view.status())) return false;
    if (!view.ok()) return view.status();
    if (view->all) return true;
    const absl::StatusOr<Node> node = plans_.LoadNode(snapshot_, stored.plan_id, stored.node_id);
    if (absl::IsNotFound(node.status())) return false;
    if (!node.ok()) return node.status();
    return view->Shows(*node);
  }

 private:
  absl::StatusOr<PlanView> Look(const std::string& plan_id) {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot_, plan_id);
    if (!plan.ok()) return plan.status();
    return ViewOf(caller_, snapshot_, directory_, plans_, *plan);
  }

  const rpc::Caller& caller_;
  db::Snapshot& snapshot_;
  Directory& directory_;
  const PlanStore plans_{};
  std::map<std::string, absl::StatusOr<PlanView>> views_;
};

void ReadMilestones(const v1::ActionPlan& message, Reader& reader) {
  const std::string list = "action_plan.milestones";
  CheckSize(static_cast<size_t>(message.milestones_size()), 0, kMaxMilestones, "milestones", list,
            reader.violations());
  std::set<std::string> seen;
  std::optional<absl::CivilDay> before;
  for (int i = 0; i < message.milestones_size(); ++i) {
    const v1::ActionPlan::Milestone& milestone = message.milestones(i);
    const std::string at = At(list, static_cast<size_t>(i));
    reader.Id(milestone.id(), at + ".id", Need::kRequired);
    if (!milestone.id().empty() && !seen.insert(milestone.id()).second)
      reader.Add(at + ".id", "is there twice");
    reader.Text(milestone.title(), at + ".title", kMaxTitle, Need::kRequired);
    reader.Name("members", milestone.owner(), at + ".owner", Need::kOptional);
    const std::optional<absl::CivilDay> due = reader.Day(
        milestone.has_due_date(), milestone.due_date(), at + ".due_date", Need::kRequired);
    if (due && before && *due < *before)
      reader.Add(at + ".due_date", "is before that of the milestone before");
    if (due) before = due;
  }
}

// The fields that Update changes too.
void ReadFields(const v1::ActionPlan& message, const std::set<std::string>& fields,
                Reader& reader) {
  const std::string at = "action_plan.";
  if (fields.contains("title"))
    reader.Text(message.title(), at + "title", kMaxTitle, Need::kRequired);
  if (fields.contains("reason")) reader.Text(message.reason(), at + "reason", kMaxWords);
  if (fields.contains("owner"))
    reader.Name("members", message.owner(), at + "owner", Need::kRequired);
  if (fields.contains("participants")) {
    CheckSize(static_cast<size_t>(message.participants_size()), 0, kMaxParticipants, "participants",
              at + "participants", reader.violations());
    for (int i = 0; i < message.participants_size(); ++i) {
      reader.Name("members", message.participants(i),
                  At(at + "participants", static_cast<size_t>(i)), Need::kRequired);
    }
  }
  if (fields.contains("place")) reader.Text(message.place(), at + "place", kMaxPlace);
  if (fields.contains("method")) reader.Text(message.method(), at + "method", kMaxWords);
  if (fields.contains("budget_units"))
    reader.Number(message.budget_units(), at + "budget_units", 0, kMaxTargetUnits);
  if (fields.contains("budget_node"))
    reader.NodeName(message.budget_node(), at + "budget_node", Need::kOptional);
  if (fields.contains("expected_units"))
    reader.Number(message.expected_units(), at + "expected_units", 0, kMaxTargetUnits);
  if (fields.contains("measure") && message.has_measure()) {
    const v1::ActionPlan::Measure& measure = message.measure();
    reader.Text(measure.channel(), at + "measure.channel", kMaxKey);
    reader.Text(measure.region(), at + "measure.region", kMaxKey);
    reader.Name("products", measure.product(), at + "measure.product", Need::kOptional);
    reader.Name("members", measure.member(), at + "measure.member", Need::kOptional);
    reader.Number(measure.baseline_units(), at + "measure.baseline_units", 0, kMaxTargetUnits);
  }
  if (fields.contains("period")) {
    const std::optional<DayRange> period =
        reader.Days(message.has_period(), message.period(), at + "period", Need::kRequired);
    if (period && period->last >= absl::CivilDay(period->first.year() + kMaxPlanYears,
                                                 period->first.month(), period->first.day())) {
      reader.Add(at + "period", absl::StrCat("is longer than ", kMaxPlanYears, " years"));
    }
  }
  if (fields.contains("milestones")) ReadMilestones(message, reader);
}

// Milestones lie within the period.
void CheckTogether(const v1::ActionPlan& body, Reader& reader) {
  const DayRange period = RangeOf(body.period());
  for (int i = 0; i < body.milestones_size(); ++i) {
    const absl::CivilDay due = DayOf(body.milestones(i).due_date());
    if (due < period.first || period.last < due) {
      reader.Add(At("action_plan.milestones", static_cast<size_t>(i)) + ".due_date",
                 absl::StrCat(absl::FormatCivilTime(due), " is not in the period"));
    }
  }
}

// Only what clients may write.
void CopyFields(const v1::ActionPlan& from, const std::set<std::string>& fields,
                v1::ActionPlan& to) {
  if (fields.contains("title")) to.set_title(from.title());
  if (fields.contains("reason")) to.set_reason(from.reason());
  if (fields.contains("owner")) to.set_owner(from.owner());
  if (fields.contains("participants")) *to.mutable_participants() = from.participants();
  if (fields.contains("place")) to.set_place(from.place());
  if (fields.contains("period")) *to.mutable_period() = from.period();
  if (fields.contains("method")) to.set_method(from.method());
  if (fields.contains("budget_units")) to.set_budget_units(from.budget_units());
  if (fields.contains("budget_node")) to.set_budget_node(from.budget_node());
  if (fields.contains("expected_units")) to.set_expected_units(from.expected_units());
  if (fields.contains("measure")) {
    to.clear_measure();
    if (from.has_measure()) *to.mutable_measure() = from.measure();
  }
  if (!fields.contains("milestones")) return;
  const google::protobuf::RepeatedPtrField<v1::ActionPlan::Milestone> before = to.milestones();
  *to.mutable_milestones() = from.milestones();
  for (v1::ActionPlan::Milestone& milestone : *to.mutable_milestones()) {
    milestone.clear_done_date();
    milestone.clear_note();
    for (const v1::ActionPlan::Milestone& old : before) {
      if (old.id() != milestone.id()) continue;
      if (old.has_done_date()) *milestone.mutable_done_date() = old.done_date();
      milestone.set_note(old.note());
    }
  }
}

// Sum of what counts of a kind on the days up to one; nullopt if it does not fit.
std::optional<int64_t> SumOf(const v1::ActionPlan& body, v1::ActionPlan::Entry::EntryKind kind,
                             absl::CivilDay as_of) {
  std::optional<int64_t> sum = 0;
  for (const v1::ActionPlan::Entry& entry : body.entries()) {
    if (entry.entry_kind() != kind || entry.corrected_by() != 0) continue;
    if (DayOf(entry.date()) <= as_of && sum) sum = CheckedAdd(*sum, entry.value_units());
  }
  return sum;
}

ActionProgress ProgressOf(const v1::ActionPlan& body, absl::CivilDay as_of) {
  std::vector<ActionMilestone> milestones;
  for (const v1::ActionPlan::Milestone& milestone : body.milestones()) {
    ActionMilestone one{milestone.id(), DayOf(milestone.due_date()), std::nullopt};
    if (milestone.has_done_date()) one.done = DayOf(milestone.done_date());
    milestones.push_back(std::move(one));
  }
  std::optional<absl::CivilDay> end;
  if (body.has_end_date()) end = DayOf(body.end_date());
  return TrackAction(milestones, RangeOf(body.period()), static_cast<ActionState>(body.state()),
                     end, as_of);
}

}  // namespace

absl::StatusOr<bool> ActionPlanService::MaySee(const rpc::Caller& caller, db::Snapshot& snapshot,
                                               Directory& directory,
                                               const StoredActionPlan& stored) {
  return Viewer(caller, snapshot, directory).Sees(stored);
}

ActionPlanService::ActionPlanService(
    rpc::Runner& rpc, Directory& directory,
    std::shared_ptr<reporting::v1::ReportService::StubInterface> reports)
    : rpc_(rpc), directory_(directory), reports_(std::move(reports)) {
  rpc_.Register<v1::ActionPlanService>();
}

grpc::ServerUnaryReactor* ActionPlanService::GetActionPlan(grpc::CallbackServerContext* context,
                                                           const v1::GetActionPlanRequest* request,
                                                           v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::ListActionPlans(
    grpc::CallbackServerContext* context, const v1::ListActionPlansRequest* request,
    v1::ListActionPlansResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::CreateActionPlan(
    grpc::CallbackServerContext* context, const v1::CreateActionPlanRequest* request,
    v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::UpdateActionPlan(
    grpc::CallbackServerContext* context, const v1::UpdateActionPlanRequest* request,
    v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::StartActionPlan(
    grpc::CallbackServerContext* context, const v1::StartActionPlanRequest* request,
    v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Start(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::FinishActionPlan(
    grpc::CallbackServerContext* context, const v1::FinishActionPlanRequest* request,
    v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Finish(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::CancelActionPlan(
    grpc::CallbackServerContext* context, const v1::CancelActionPlanRequest* request,
    v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Cancel(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::ReachMilestone(
    grpc::CallbackServerContext* context, const v1::ReachMilestoneRequest* request,
    v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Reach(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::RecordActionEntry(
    grpc::CallbackServerContext* context, const v1::RecordActionEntryRequest* request,
    v1::ActionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Record(call...); });
}
grpc::ServerUnaryReactor* ActionPlanService::TrackActionPlan(
    grpc::CallbackServerContext* context, const v1::TrackActionPlanRequest* request,
    v1::TrackActionPlanResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Track(call...); });
}

ActionPlanService::Result ActionPlanService::Get(const rpc::Caller& caller, db::Session& db,
                                                 const v1::GetActionPlanRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kActions, request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> Result {
    const absl::StatusOr<StoredActionPlan> stored = actions_.Load(snapshot, ids.plan, ids.node);
    if (!stored.ok()) return stored.status();
    const absl::StatusOr<bool> seen = MaySee(caller, snapshot, directory_, *stored);
    if (!seen.ok()) return seen.status();
    if (!*seen) return error::NotFound(request.name());
    return ToProto(*stored);
  });
}

absl::StatusOr<v1::ListActionPlansResponse> ActionPlanService::List(
    const rpc::Caller& caller, db::Session& db, const v1::ListActionPlansRequest& request) {
  Reader reader;
  ActionStore::Filter filter;
  filter.plan_id = reader.Name("plans", request.plan(), "plan", Need::kOptional);
  filter.owner_id = reader.Name("members", request.owner(), "owner", Need::kOptional);
  if (request.plan().empty() && request.owner().empty())
    reader.Add("plan", "is required, or owner");
  const Reader::NodeIds node = reader.NodeName(request.node(), "node", Need::kOptional);
  if (!node.node.empty() && node.plan != filter.plan_id)
    reader.Add("node", "must be a node of plan");
  filter.node_id = node.node;
  reader.Choice(request.kind(), "kind", v1::ActionPlan::Kind_IsValid);
  if (request.kind() != v1::ActionPlan::KIND_UNSPECIFIED) filter.kind = request.kind();
  reader.Choice(request.state(), "state", v1::ActionPlan::State_IsValid);
  if (request.state() != v1::ActionPlan::STATE_UNSPECIFIED) filter.state = request.state();
  const resource::Page page = resource::ReadPage(request, 2, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::CivilDay today = directory_.clock().Today();
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListActionPlansResponse> {
    Viewer viewer(caller, snapshot, directory_);
    v1::ListActionPlansResponse response;
    ActionStore::Key after;
    if (!page.after.empty()) after = {page.after[0], page.after[1]};
    ActionStore::Key last_sent;
    while (true) {
      const absl::StatusOr<std::vector<StoredActionPlan>> actions =
          actions_.List(snapshot, filter, after, page.size + 1);
      if (!actions.ok()) return actions.status();
      for (const StoredActionPlan& stored : *actions) {
        after = {stored.plan_id, stored.id};
        if (request.overdue_only() && ProgressOf(stored.body, today).slippage_days == 0) continue;
        const absl::StatusOr<bool> seen = viewer.Sees(stored);
        if (!seen.ok()) return seen.status();
        if (!*seen) continue;
        if (response.action_plans_size() == page.size) {
          response.set_next_page_token(
              resource::NextPageToken(request, {last_sent.plan_id, last_sent.id}));
          return response;
        }
        last_sent = after;
        *response.add_action_plans() = ToProto(stored);
      }
      if (actions->size() <= static_cast<size_t>(page.size)) return response;
    }
  });
}

absl::StatusOr<bool> ActionPlanService::MayManage(const rpc::Caller& caller, db::Snapshot& snapshot,
                                                  const std::string& plan_id,
                                                  const std::string& node_id) {
  const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
  if (absl::IsNotFound(plan.status())) return false;
  if (!plan.ok()) return plan.status();
  const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, snapshot);
  if (!actor.ok()) return actor.status();
  if (MayEdit(*actor, *plan)) return true;
  const absl::StatusOr<Node> node = plans_.LoadNode(snapshot, plan_id, node_id);
  if (absl::IsNotFound(node.status())) return false;
  if (!node.ok()) return node.status();
  const absl::StatusOr<TargetOwner> owner = directory_.OwnerOf(node->scope, snapshot);
  if (absl::IsNotFound(owner.status())) return false;
  if (!owner.ok()) return owner.status();
  return OwnsTarget(*actor, *owner) || DecidesOnTarget(*actor, *owner);
}

absl::StatusOr<Scope> ActionPlanService::MeasuredScope(db::Snapshot& snapshot,
                                                       const StoredActionPlan& stored) const {
  const absl::StatusOr<Node> node = plans_.LoadNode(snapshot, stored.plan_id, stored.node_id);
  if (absl::IsNotFound(node.status())) return error::ReferenceMissing(stored.body.node());
  if (!node.ok()) return node.status();
  const v1::ActionPlan::Measure& measure = stored.body.measure();
  Scope scope = node->scope;
  Reader reader;
  const auto narrow = [&](const std::string& to, const char* field, std::string& of_node) {
    if (!to.empty() && !of_node.empty() && to != of_node) {
      reader.Add(absl::StrCat("action_plan.measure.", field),
                 absl::StrCat("is ", to, "; the node is for ", of_node));
    }
    if (!to.empty()) of_node = to;
  };
  narrow(measure.channel(), "channel", scope.channel);
  narrow(measure.region(), "region", scope.region);
  narrow(resource::IdOf("products", measure.product()).value_or(""), "product", scope.product_id);
  narrow(resource::IdOf("members", measure.member()).value_or(""), "member", scope.member_id);
  if (!scope.customer_id.empty())
    reader.Add("action_plan.measure", "must be unset: actual values are not kept by customer");
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return scope;
}

absl::Status ActionPlanService::CheckReferences(const rpc::Caller& caller, db::Snapshot& snapshot,
                                                const StoredActionPlan& stored) {
  const v1::ActionPlan& body = stored.body;
  std::set<std::string> names{body.owner()};
  names.insert(body.participants().begin(), body.participants().end());
  for (const v1::ActionPlan::Milestone& milestone : body.milestones()) {
    if (!milestone.owner().empty()) names.insert(milestone.owner());
  }
  if (!body.measure().member().empty()) names.insert(body.measure().member());
  std::vector<std::string> ids;
  for (const std::string& name : names) ids.push_back(resource::IdOf("members", name).value_or(""));
  const absl::StatusOr<std::vector<Member>> members = directory_.members().LoadMany(snapshot, ids);
  if (!members.ok()) return members.status();
  for (const std::string& name : names) {
    if (std::none_of(members->begin(), members->end(), [&](const Member& member) {
          return resource::Name("members", member.id) == name;
        })) {
      return error::ReferenceMissing(name);
    }
  }
  if (!body.budget_node().empty()) {
    const auto ids_of = resource::ChildIdsOf("plans", "nodes", body.budget_node());
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, ids_of->parent);
    if (absl::IsNotFound(plan.status())) return error::ReferenceMissing(body.budget_node());
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (absl::IsNotFound(view.status())) return error::ReferenceMissing(body.budget_node());
    if (!view.ok()) return view.status();
    const absl::StatusOr<Node> node = plans_.LoadNode(snapshot, ids_of->parent, ids_of->id);
    if (absl::IsNotFound(node.status()) || (node.ok() && !view->Shows(*node)))
      return error::ReferenceMissing(body.budget_node());
    if (!node.ok()) return node.status();
    if (!IsSpend(plan->metric_id)) {
      Reader reader;
      reader.Add("action_plan.budget_node",
                 absl::StrCat("is of metrics/", plan->metric_id, ", not of spend"));
      return reader.status();
    }
  }
  if (!body.has_measure()) return absl::OkStatus();
  // What a member made is told to everybody who sees the action plan.
  if (const std::string& member = body.measure().member();
      !member.empty() && !caller.MaySee(resource::IdOf("members", member).value_or(""))) {
    return error::ReferenceMissing(member);
  }
  if (absl::Status s = MeasuredScope(snapshot, stored).status(); !s.ok()) return s;
  const absl::StatusOr<Plan> plan = plans_.Load(snapshot, stored.plan_id);
  if (!plan.ok()) return plan.status();
  const absl::StatusOr<Metric> metric = metrics_.Load(snapshot, plan->metric_id);
  if (!metric.ok()) return metric.status();
  if (metric->aggregation != MetricAggregation::kSum) {
    Reader reader;
    reader.Add("action_plan.measure",
               absl::StrCat("must be unset: metrics/", plan->metric_id, " is not summed"));
    return reader.status();
  }
  return absl::OkStatus();
}

ActionPlanService::Result ActionPlanService::Create(const rpc::Caller& caller, db::Session& db,
                                                    const v1::CreateActionPlanRequest& request) {
  Reader reader;
  const v1::ActionPlan& message = request.action_plan();
  StoredActionPlan draft;
  draft.create_time = draft.update_time = directory_.clock().Now();
  draft.id = reader.Id(request.action_id(), "action_id", Need::kOptional);
  if (draft.id.empty()) draft.id = resource::NewId('a', draft.create_time);
  if (!request.has_action_plan()) reader.Add("action_plan", "is required");
  const Reader::NodeIds node = reader.NodeName(message.node(), "action_plan.node", Need::kRequired);
  draft.plan_id = node.plan;
  draft.node_id = node.node;
  reader.Choice(message.kind(), "action_plan.kind", v1::ActionPlan::Kind_IsValid, Need::kRequired);
  ReadFields(message, ChangeableFields(), reader);
  if (reader.status().ok()) CheckTogether(message, reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  draft.owner_id = resource::IdOf("members", message.owner()).value_or("");
  draft.body.set_node(message.node());
  draft.body.set_kind(message.kind());
  CopyFields(message, ChangeableFields(), draft.body);
  draft.body.set_state(v1::ActionPlan::PLANNED);
  draft.body.set_creator(MemberName(caller));
  return db.Transact([&](db::Transaction& tx) -> Result {
    const absl::StatusOr<Plan> plan = plans_.Load(tx, draft.plan_id);
    if (absl::IsNotFound(plan.status())) return error::NotFound(message.node());
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *plan);
    if (absl::IsNotFound(view.status())) return error::NotFound(message.node());
    if (!view.ok()) return view.status();
    const absl::StatusOr<Node> found = plans_.LoadNode(tx, draft.plan_id, draft.node_id);
    if (!found.ok()) return found.status();
    if (!view->Shows(*found)) return error::NotFound(message.node());
    const absl::StatusOr<bool> manages = MayManage(caller, tx, draft.plan_id, draft.node_id);
    if (!manages.ok()) return manages.status();
    if (!*manages) {
      return error::MayNotAct(message.node(),
                              "whose target it is, who leads them, or who may edit the plan");
    }
    if (!caller.scope().MayChange(draft.owner_id))
      return error::MayNotAct(message.owner(), "the member, who leads them, or an administrator");
    if (absl::Status s = CheckReferences(caller, tx, draft); !s.ok()) return s;
    const absl::StatusOr<StoredActionPlan> inserted =
        actions_.Insert(tx, caller.Change(request), draft);
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

template <typename Change>
ActionPlanService::Result ActionPlanService::ChangeAction(
    const rpc::Caller& caller, db::Session& db, const google::protobuf::Message& request,
    const Reader::NodeIds& ids, std::optional<int64_t> version, ActionVerb verb,
    const char* event_type, Change change) {
  return db.Transact([&](db::Transaction& tx) -> Result {
    const absl::StatusOr<StoredActionPlan> before = actions_.LoadForUpdate(tx, ids.plan, ids.node);
    if (!before.ok()) return before.status();
    const std::string name = before->Name();
    const absl::StatusOr<bool> seen = MaySee(caller, tx, directory_, *before);
    if (!seen.ok()) return seen.status();
    if (!*seen) return error::NotFound(name);
    const absl::StatusOr<bool> manages = MayManage(caller, tx, ids.plan, before->node_id);
    if (!manages.ok()) return manages.status();
    const bool owns = !caller.member().empty() && caller.member() == before->owner_id;
    if (!*manages && (!owns || verb == ActionVerb::kUpdate || verb == ActionVerb::kCancel)) {
      return error::MayNotAct(
          name, owns ? "who may make action plans of its target; its owner works on it, no more"
                     : "its owner, or who may make action plans of its target");
    }
    if (version && *version != before->version) return error::StaleEtag(name);
    const absl::StatusOr<ActionState> state =
        ApplyAction(name, static_cast<ActionState>(before->body.state()), verb);
    if (!state.ok()) return state.status();
    StoredActionPlan stored = *before;
    stored.update_time = directory_.clock().NowAfter(before->update_time);
    stored.body.set_state(static_cast<v1::ActionPlan::State>(*state));
    if (absl::Status s = change(tx, stored); !s.ok()) return s;
    const absl::StatusOr<StoredActionPlan> saved = actions_.Save(
        tx, caller.Change(request), event_type, std::move(stored), before->update_time);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

ActionPlanService::Result ActionPlanService::Update(const rpc::Caller& caller, db::Session& db,
                                                    const v1::UpdateActionPlanRequest& request) {
  Reader reader;
  const v1::ActionPlan& message = request.action_plan();
  const Reader::NodeIds ids =
      reader.PlanPart(kActions, message.name(), "action_plan.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), message, ChangeableFields(), reader.violations());
  ReadFields(message, fields, reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeAction(
      caller, db, request, ids, version, ActionVerb::kUpdate, "action-plan.updated",
      [&](db::Transaction& tx, StoredActionPlan& stored) -> absl::Status {
        Reader together;
        if (fields.contains("milestones")) {
          for (const v1::ActionPlan::Milestone& old : stored.body.milestones()) {
            const bool kept =
                std::any_of(message.milestones().begin(), message.milestones().end(),
                            [&](const auto& milestone) { return milestone.id() == old.id(); });
            if (!kept && old.has_done_date()) {
              together.Add("action_plan.milestones",
                           absl::StrCat(old.id(), " was reached and cannot be left out"));
            }
          }
        }
        CopyFields(message, fields, stored.body);
        CheckTogether(stored.body, together);
        if (absl::Status s = together.status(); !s.ok()) return s;
        stored.owner_id = resource::IdOf("members", stored.body.owner()).value_or("");
        if (fields.contains("owner") && !caller.scope().MayChange(stored.owner_id)) {
          return error::MayNotAct(stored.body.owner(),
                                  "the member, who leads them, or an administrator");
        }
        return CheckReferences(caller, tx, stored);
      });
}

ActionPlanService::Result ActionPlanService::Start(const rpc::Caller& caller, db::Session& db,
                                                   const v1::StartActionPlanRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kActions, request.name(), "name", Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeAction(caller, db, request, ids, version, ActionVerb::kStart, "action-plan.started",
                      [&](db::Transaction&, StoredActionPlan& stored) -> absl::Status {
                        *stored.body.mutable_start_date() =
                            milepost::ToProto(directory_.clock().Today());
                        return absl::OkStatus();
                      });
}

ActionPlanService::Result ActionPlanService::Finish(const rpc::Caller& caller, db::Session& db,
                                                    const v1::FinishActionPlanRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kActions, request.name(), "name", Need::kRequired);
  const std::string result = reader.Text(request.result(), "result", kMaxWords, Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeAction(
      caller, db, request, ids, version, ActionVerb::kFinish, "action-plan.finished",
      [&](db::Transaction&, StoredActionPlan& stored) -> absl::Status {
        stored.body.set_result(result);
        *stored.body.mutable_end_date() = milepost::ToProto(directory_.clock().Today());
        return absl::OkStatus();
      });
}

ActionPlanService::Result ActionPlanService::Cancel(const rpc::Caller& caller, db::Session& db,
                                                    const v1::CancelActionPlanRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kActions, request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeAction(
      caller, db, request, ids, version, ActionVerb::kCancel, "action-plan.cancelled",
      [&](db::Transaction&, StoredActionPlan& stored) -> absl::Status {
        stored.body.set_cancel_reason(reason);
        *stored.body.mutable_end_date() = milepost::ToProto(directory_.clock().Today());
        return absl::OkStatus();
      });
}

ActionPlanService::Result ActionPlanService::Reach(const rpc::Caller& caller, db::Session& db,
                                                   const v1::ReachMilestoneRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kActions, request.name(), "name", Need::kRequired);
  const std::string milestone_id = reader.Id(request.milestone(), "milestone", Need::kRequired);
  const absl::CivilDay today = directory_.clock().Today();
  const absl::CivilDay day =
      reader.Day(request.has_done_date(), request.done_date(), "done_date").value_or(today);
  if (day > today)
    reader.Add("done_date", absl::StrCat("is after today, ", absl::FormatCivilTime(today)));
  if (request.reopen() && request.has_done_date())
    reader.Add("done_date", "must be unset with reopen");
  const std::string note = reader.Text(request.note(), "note", kMaxNote,
                                       request.reopen() ? Need::kRequired : Need::kOptional);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeAction(
      caller, db, request, ids, version, ActionVerb::kReach,
      request.reopen() ? "action-plan.milestone-reopened" : "action-plan.milestone-reached",
      [&](db::Transaction&, StoredActionPlan& stored) -> absl::Status {
        for (v1::ActionPlan::Milestone& milestone : *stored.body.mutable_milestones()) {
          if (milestone.id() != milestone_id) continue;
          const std::string name = absl::StrCat("milestone ", milestone_id);
          if (request.reopen() != milestone.has_done_date()) {
            return request.reopen() ? error::WrongState(name, "not reached", "reached")
                                    : error::WrongState(name, "reached", "open");
          }
          milestone.set_note(note);
          if (request.reopen()) {
            milestone.clear_done_date();
          } else {
            *milestone.mutable_done_date() = milepost::ToProto(day);
          }
          return absl::OkStatus();
        }
        Reader unknown;
        unknown.Add("milestone", absl::StrCat(milestone_id, " is no milestone of it"));
        return unknown.status();
      });
}

ActionPlanService::Result ActionPlanService::Record(const rpc::Caller& caller, db::Session& db,
                                                    const v1::RecordActionEntryRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kActions, request.name(), "name", Need::kRequired);
  const v1::ActionPlan::Entry& given = request.entry();
  if (!request.has_entry()) reader.Add("entry", "is required");
  reader.Choice(given.entry_kind(), "entry.entry_kind", v1::ActionPlan::Entry::EntryKind_IsValid,
                Need::kRequired);
  const absl::CivilDay today = directory_.clock().Today();
  if (const auto day = reader.Day(given.has_date(), given.date(), "entry.date", Need::kRequired);
      day && *day > today) {
    reader.Add("entry.date", absl::StrCat("is after today, ", absl::FormatCivilTime(today)));
  }
  reader.Number(given.value_units(), "entry.value_units", -kMaxTargetUnits, kMaxTargetUnits);
  reader.Text(given.note(), "entry.note", kMaxNote,
              given.corrects() == 0 ? Need::kOptional : Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeAction(
      caller, db, request, ids, version, ActionVerb::kRecord, "action-plan.entry-recorded",
      [&](db::Transaction&, StoredActionPlan& stored) -> absl::Status {
        v1::ActionPlan& body = stored.body;
        Reader known;
        if (body.entries_size() >= kMaxEntries)
          known.Add("entry",
                    absl::StrCat("there are ", kMaxEntries, " already; that is the limit"));
        if (given.corrects() < 0 || given.corrects() > body.entries_size()) {
          known.Add("entry.corrects", absl::StrCat(given.corrects(), " is no entry of it"));
        } else if (given.corrects() > 0 &&
                   body.entries(given.corrects() - 1).entry_kind() != given.entry_kind()) {
          known.Add("entry.entry_kind", "must be that of the entry whose place it takes");
        }
        if (absl::Status s = known.status(); !s.ok()) return s;
        const int number = body.entries_size() + 1;
        if (given.corrects() > 0) {
          v1::ActionPlan::Entry& wrong = *body.mutable_entries(given.corrects() - 1);
          if (wrong.corrected_by() != 0) {
            return error::AlreadyCorrected(absl::StrCat("entry ", given.corrects()),
                                           absl::StrCat("entry ", wrong.corrected_by()));
          }
          wrong.set_corrected_by(number);
        }
        v1::ActionPlan::Entry& entry = *body.add_entries();
        entry = given;
        entry.set_entry_number(number);
        entry.clear_corrected_by();
        entry.set_recorder(MemberName(caller));
        *entry.mutable_record_time() = milepost::ToProto(stored.update_time);
        return absl::OkStatus();
      });
}

absl::StatusOr<v1::TrackActionPlanResponse> ActionPlanService::Track(
    const rpc::Caller& caller, db::Session& db, const v1::TrackActionPlanRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kActions, request.name(), "name", Need::kRequired);
  const absl::CivilDay today = directory_.clock().Today();
  const absl::CivilDay as_of =
      reader.Day(request.has_as_of_date(), request.as_of_date(), "as_of_date").value_or(today);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  struct Measured {
    Scope scope;
    HistorySpec spec;
    std::optional<int64_t> recorded;  // If the metric is.
  };
  std::optional<Measured> measured;
  const absl::StatusOr<StoredActionPlan> stored =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<StoredActionPlan> {
        absl::StatusOr<StoredActionPlan> found = actions_.Load(snapshot, ids.plan, ids.node);
        if (!found.ok()) return found;
        const absl::StatusOr<bool> seen = MaySee(caller, snapshot, directory_, *found);
        if (!seen.ok()) return seen.status();
        if (!*seen) return error::NotFound(request.name());
        const DayRange period = RangeOf(found->body.period());
        if (!found->body.has_measure() || as_of < period.first) return found;
        absl::StatusOr<Scope> scope = MeasuredScope(snapshot, *found);
        if (!scope.ok()) return scope.status();
        const absl::StatusOr<Plan> plan = plans_.Load(snapshot, found->plan_id);
        if (!plan.ok()) return plan.status();
        const absl::StatusOr<Metric> metric = metrics_.Load(snapshot, plan->metric_id);
        if (!metric.ok()) return metric.status();
        measured.emplace();
        measured->scope = *std::move(scope);
        measured->scope.period = {period.first, std::min(period.last, as_of)};
        measured->spec.metric_id = plan->metric_id;
        measured->spec.currency_code = plan->currency_code;
        if (metric->source == MetricSource::kDerived) return found;
        const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
        if (!tree.ok()) return tree.status();
        ActualSummer summer(MetricAggregation::kSum);
        const absl::Status read = actuals_.ForEach(
            snapshot, plan->metric_id, measured->scope.period, [&](const RecordedActual& actual) {
              if (CountsFor(actual, measured->scope, **tree)) summer.Add(actual);
            });
        if (!read.ok()) return read;
        const absl::StatusOr<ActualSum> sum = summer.Sum();
        if (!sum.ok()) return sum.status();
        measured->recorded = sum->value.value_or(0);
        return found;
      });
  if (!stored.ok()) return stored.status();
  db.EndRead();

  const v1::ActionPlan& body = stored->body;
  const ActionProgress progress = ProgressOf(body, as_of);
  v1::TrackActionPlanResponse response;
  *response.mutable_as_of_date() = milepost::ToProto(as_of);
  response.set_progress_ppm(progress.progress_ppm);
  response.set_expected_progress_ppm(progress.expected_ppm);
  response.set_slippage_days(progress.slippage_days);
  response.set_next_milestone(progress.next);
  for (int i = 0; i < body.milestones_size(); ++i) {
    const v1::ActionPlan::Milestone& milestone = body.milestones(i);
    v1::TrackActionPlanResponse::MilestoneTrack& track = *response.add_milestones();
    track.set_milestone(milestone.id());
    track.set_done(milestone.has_done_date() && DayOf(milestone.done_date()) <= as_of);
    track.set_late_days(progress.late_days[static_cast<size_t>(i)]);
  }
  const std::optional<int64_t> brought = SumOf(body, v1::ActionPlan::Entry::CONTRIBUTION, as_of);
  const std::optional<int64_t> spent = SumOf(body, v1::ActionPlan::Entry::SPEND, as_of);
  if (!brought || !spent) return error::SumTooLarge();
  response.set_expected_units(body.expected_units());
  response.set_recorded_units(*brought);
  int64_t contributed = *brought;
  if (measured) {
    int64_t made = 0;
    if (measured->recorded) {
      made = *measured->recorded;
    } else if (measured->scope.period.first <= today) {
      measured->scope.period.last = std::min(measured->scope.period.last, today);
      // What it brought is for all who see it to know, whoever asks.
      History history(*reports_, caller, AskAs::kService);
      const absl::StatusOr<int64_t> total =
          history.Total(measured->spec, measured->scope, measured->scope.period);
      if (!total.ok()) return total.status();
      made = *total;
    }
    const int64_t net =
        LessBaseline(made, body.measure().baseline_units(), RangeOf(body.period()), as_of);
    response.set_measured_units(net);
    const std::optional<int64_t> both = CheckedAdd(contributed, net);
    if (!both) return error::SumTooLarge();
    contributed = *both;
  }
  response.set_contributed_units(contributed);
  if (const auto ppm = RatioPpm(contributed, body.expected_units()))
    response.set_contribution_ppm(*ppm);
  response.set_budget_units(body.budget_units());
  response.set_spent_units(*spent);
  if (const auto ppm = RatioPpm(*spent, body.budget_units())) response.set_spent_ppm(*ppm);
  return response;
}

}  // namespace milepost::target
