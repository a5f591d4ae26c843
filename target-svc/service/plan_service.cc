#include "target-svc/service/plan_service.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/reader.h"
#include "target-svc/service/version_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

const std::set<std::string>& DescriptiveFields() {
  static const std::set<std::string> fields{"title", "description", "visibility", "calendar",
                                            "commitment_policy"};
  return fields;
}

void ReadDescription(const v1::Plan& message, const std::set<std::string>& fields, Reader& reader,
                     Plan& plan) {
  if (fields.contains("title"))
    plan.title = reader.Text(message.title(), "plan.title", kMaxTitle, Need::kRequired);
  if (fields.contains("description")) {
    plan.description = reader.Text(message.description(), "plan.description", kMaxPlanDescription);
  }
  if (fields.contains("visibility")) {
    reader.Choice(message.visibility(), "plan.visibility", v1::PlanVisibility_IsValid);
    plan.visibility =
        message.visibility() == v1::PUBLIC ? PlanVisibility::kPublic : PlanVisibility::kPrivate;
  }
  if (fields.contains("commitment_policy")) {
    reader.Choice(message.commitment_policy(), "plan.commitment_policy",
                  v1::CommitmentPolicy_IsValid);
    plan.commitment_policy = message.commitment_policy() == v1::COMMITMENT_POLICY_UNSPECIFIED
                                 ? CommitmentPolicy::kClosed
                                 : static_cast<CommitmentPolicy>(message.commitment_policy());
  }
  if (fields.contains("calendar")) {
    plan.calendar_id =
        reader.Name("calendars", message.calendar(), "plan.calendar", Need::kOptional);
  }
}

// Whether a version with this type changed nodes only, and not to undo something.
bool CanUndo(const std::string& type) {
  static const std::set<std::string> types{
      "plan.adjusted",      "plan.edited",      "plan.split",         "plan.imported",
      "plan.node-updated",  "plan.node-locked", "plan.node-unlocked", "plan.breakdown-removed",
      "plan.split-jointly", "plan.solved",      "plan.replanned",     "plan.node-moved",
      "plan.merged"};
  return types.contains(type);
}

std::map<std::string, const Node*> ById(const std::vector<Node>& nodes) {
  std::map<std::string, const Node*> by_id;
  for (const Node& node : nodes) by_id[node.id] = &node;
  return by_id;
}

const Node* Find(const std::map<std::string, const Node*>& nodes, const std::string& id) {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : found->second;
}

// The id after the last slash.
std::string LastId(const std::string& name) { return name.substr(name.rfind('/') + 1); }

}  // namespace

PlanService::PlanService(rpc::Runner& rpc, Directory& directory, std::string currency_code)
    : rpc_(rpc), directory_(directory), currency_code_(std::move(currency_code)) {
  rpc_.Register<v1::PlanService>();
}

grpc::ServerUnaryReactor* PlanService::GetPlan(grpc::CallbackServerContext* context,
                                               const v1::GetPlanRequest* request,
                                               v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* PlanService::ListPlans(grpc::CallbackServerContext* context,
                                                 const v1::ListPlansRequest* request,
                                                 v1::ListPlansResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* PlanService::CreatePlan(grpc::CallbackServerContext* context,
                                                  const v1::CreatePlanRequest* request,
                                                  v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* PlanService::UpdatePlan(grpc::CallbackServerContext* context,
                                                  const v1::UpdatePlanRequest* request,
                                                  v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* PlanService::DeletePlan(grpc::CallbackServerContext* context,
                                                  const v1::DeletePlanRequest* request,
                                                  google::protobuf::Empty* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Delete(call...); });
}
grpc::ServerUnaryReactor* PlanService::SubmitPlan(grpc::CallbackServerContext* context,
                                                  const v1::SubmitPlanRequest* request,
                                                  v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Submit(call...); });
}
grpc::ServerUnaryReactor* PlanService::WithdrawPlan(grpc::CallbackServerContext* context,
                                                    const v1::WithdrawPlanRequest* request,
                                                    v1::Plan* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Withdraw(call...); });
}
grpc::ServerUnaryReactor* PlanService::ApprovePlan(grpc::CallbackServerContext* context,
                                                   const v1::ApprovePlanRequest* request,
                                                   v1::Plan* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Approve(call...); });
}
grpc::ServerUnaryReactor* PlanService::RejectPlan(grpc::CallbackServerContext* context,
                                                  const v1::RejectPlanRequest* request,
                                                  v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Reject(call...); });
}
grpc::ServerUnaryReactor* PlanService::ActivatePlan(grpc::CallbackServerContext* context,
                                                    const v1::ActivatePlanRequest* request,
                                                    v1::Plan* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Activate(call...); });
}
grpc::ServerUnaryReactor* PlanService::ClosePlan(grpc::CallbackServerContext* context,
                                                 const v1::ClosePlanRequest* request,
                                                 v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Close(call...); });
}
grpc::ServerUnaryReactor* PlanService::CheckPlan(grpc::CallbackServerContext* context,
                                                 const v1::CheckPlanRequest* request,
                                                 v1::CheckPlanResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Check(call...); });
}
grpc::ServerUnaryReactor* PlanService::ListPlanVersions(grpc::CallbackServerContext* context,
                                                        const v1::ListPlanVersionsRequest* request,
                                                        v1::ListPlanVersionsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListVersions(call...); });
}

grpc::ServerUnaryReactor* PlanService::ComparePlanVersions(
    grpc::CallbackServerContext* context, const v1::ComparePlanVersionsRequest* request,
    v1::ComparePlanVersionsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Compare(call...); });
}
grpc::ServerUnaryReactor* PlanService::UndoPlanChange(grpc::CallbackServerContext* context,
                                                      const v1::UndoPlanChangeRequest* request,
                                                      v1::Plan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Undo(call...); });
}

PlanService::PlanResult PlanService::Get(const rpc::Caller& caller, db::Session& db,
                                         const v1::GetPlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> PlanResult {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    return ToProto(*plan);
  });
}

absl::StatusOr<v1::ListPlansResponse> PlanService::List(const rpc::Caller& caller, db::Session& db,
                                                        const v1::ListPlansRequest& request) {
  Reader reader;
  PlanStore::Filter filter;
  filter.metric_id = reader.Name("metrics", request.metric(), "metric", Need::kOptional);
  reader.Choice(request.state(), "state", v1::PlanState_IsValid);
  if (request.state() != v1::PLAN_STATE_UNSPECIFIED)
    filter.state = static_cast<PlanState>(request.state());
  filter.unit_id = reader.Name("units", request.unit(), "unit", Need::kOptional);
  filter.day = reader.Day(request.has_date(), request.date(), "date");
  filter.owner_id = reader.Name("members", request.owner(), "owner", Need::kOptional);
  filter.branch_of_id = reader.Name("plans", request.branch_of(), "branch_of", Need::kOptional);
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListPlansResponse> {
    v1::ListPlansResponse response;
    std::string after = page.after.empty() ? "" : page.after[0];
    while (true) {
      absl::StatusOr<std::vector<Plan>> plans = plans_.List(snapshot, filter, after, page.size + 1);
      if (!plans.ok()) return plans.status();
      const bool last = plans->size() <= static_cast<size_t>(page.size);
      if (!plans->empty()) after = plans->back().id;
      const absl::StatusOr<std::vector<Plan>> visible =
          Visible(caller, snapshot, directory_, plans_, *std::move(plans));
      if (!visible.ok()) return visible.status();
      for (const Plan& plan : *visible) {
        if (response.plans_size() == page.size) {
          response.set_next_page_token(
              resource::NextPageToken(request, {LastId(response.plans(page.size - 1).name())}));
          return response;
        }
        *response.add_plans() = ToProto(plan);
      }
      if (last) return response;
    }
  });
}

PlanService::PlanResult PlanService::Create(const rpc::Caller& caller, db::Session& db,
                                            const v1::CreatePlanRequest& request) {
  Reader reader;
  const absl::Time now = directory_.clock().Now();
  const v1::Plan& message = request.plan();
  Plan plan;
  plan.id = reader.Id(request.plan_id(), "plan_id", Need::kOptional);
  if (plan.id.empty()) plan.id = resource::NewId('p', now);
  if (!request.has_plan()) reader.Add("plan", "is required");
  ReadDescription(message, DescriptiveFields(), reader, plan);
  plan.metric_id = reader.Name("metrics", message.metric(), "plan.metric", Need::kRequired);
  if (const auto period =
          reader.Days(message.has_period(), message.period(), "plan.period", Need::kRequired)) {
    plan.period = *period;
    if (IsTooLong(*period)) {
      reader.Add("plan.period", absl::StrCat("is longer than ", kMaxPlanYears, " years"));
    }
  }
  plan.target_units =
      reader.Number(message.target_units(), "plan.target_units", 0, kMaxTargetUnits);
  plan.unit_id = reader.Name("units", message.unit(), "plan.unit", Need::kOptional);
  plan.rounding_units =
      message.rounding_units() == 0
          ? 1
          : reader.Number(message.rounding_units(), "plan.rounding_units", 1, kMaxRoundingUnits);
  if (!message.currency_code().empty() && message.currency_code() != currency_code_) {
    reader.Add("plan.currency_code",
               absl::StrCat("must be ", currency_code_, ", the currency of the suite, or empty"));
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  plan.owner_id = caller.identity().member_id;
  plan.create_time = plan.update_time = now;

  return db.Transact([&](db::Transaction& tx) -> PlanResult {
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(tx);
    if (!tree.ok()) return tree.status();
    Plan created = plan;
    if (!plan.unit_id.empty()) {
      const Unit* unit = (*tree)->Find(plan.unit_id);
      if (unit == nullptr) return error::ReferenceMissing(message.unit());
      if (unit->start_day > plan.period.last ||
          (unit->end_day && *unit->end_day < plan.period.first)) {
        return error::UnitNotThere(plan.unit_id, plan.period.first, plan.period.last + 1);
      }
    }
    if (!actor->admin && !LeadsPlan(*actor, plan)) return error::MayNotCreate(message.unit());
    const absl::StatusOr<Metric> metric = metrics_.Load(tx, plan.metric_id);
    if (absl::IsNotFound(metric.status())) return error::ReferenceMissing(message.metric());
    if (!metric.ok()) return metric.status();
    if (metric->unit == MetricUnit::kMoney) {
      created.currency_code = currency_code_;
    } else if (!message.currency_code().empty()) {
      status::FieldViolations violations;
      violations.Add("plan.currency_code",
                     absl::StrCat("must be empty: ", message.metric(), " is not counted in money"));
      return violations.ToStatus();
    }
    if (created.calendar_id.empty())
      created.calendar_id = (*tree)->CalendarOf(plan.unit_id, plan.period.first);
    if (created.calendar_id.empty()) created.calendar_id = kDefaultCalendarId;
    const absl::StatusOr<Calendar> calendar = calendars_.LoadForUpdate(tx, created.calendar_id);
    if (absl::IsNotFound(calendar.status())) {
      return error::ReferenceMissing(resource::Name("calendars", created.calendar_id));
    }
    if (!calendar.ok()) return calendar.status();
    const absl::StatusOr<Plan> inserted =
        plans_.Insert(tx, caller.Change(request), created, RootOf(created));
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

template <typename Change>
PlanService::PlanResult PlanService::ChangePlan(const rpc::Caller& caller, db::Session& db,
                                                const change::Context& why, const std::string& id,
                                                std::optional<int64_t> version,
                                                const char* event_type, Change change) {
  return db.Transact([&](db::Transaction& tx) -> PlanResult {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *before);
    if (!view.ok()) return view.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("plans", id));
    absl::StatusOr<Plan> next =
        change(tx, *before, view->actor, directory_.clock().NowAfter(before->update_time));
    if (!next.ok()) return next.status();
    NodeChanges changes;
    // Nodes say which calendar weighs their days, so they change with it.
    if (next->calendar_id != before->calendar_id) {
      absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(tx, id, {});
      if (!nodes.ok()) return nodes.status();
      changes.updated = *std::move(nodes);
    }
    const absl::StatusOr<Plan> saved =
        plans_.Save(tx, why, event_type, "", *before, *std::move(next), changes);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

PlanService::PlanResult PlanService::Update(const rpc::Caller& caller, db::Session& db,
                                            const v1::UpdatePlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.plan().name(), "plan.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), request.plan(), DescriptiveFields(), reader.violations());
  Plan values;
  ReadDescription(request.plan(), fields, reader, values);
  if (fields.contains("calendar") && request.plan().calendar().empty())
    reader.Add("plan.calendar", "is required");
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, caller.Change(request), id, version, "plan.updated",
                    [&](db::Transaction& tx, Plan plan, const Actor& actor,
                        absl::Time now) -> absl::StatusOr<Plan> {
                      if (absl::Status s = CheckDescribe(plan, actor); !s.ok()) return s;
                      if (fields.contains("title")) plan.title = values.title;
                      if (fields.contains("description")) plan.description = values.description;
                      if (fields.contains("visibility")) plan.visibility = values.visibility;
                      if (fields.contains("commitment_policy") &&
                          plan.commitment_policy != values.commitment_policy) {
                        if (absl::Status s = CheckChangePolicy(plan, actor); !s.ok()) return s;
                        plan.commitment_policy = values.commitment_policy;
                      }
                      if (fields.contains("calendar")) {
                        plan.calendar_id = values.calendar_id;
                        const absl::Status there =
                            calendars_.LoadForUpdate(tx, plan.calendar_id).status();
                        if (absl::IsNotFound(there))
                          return error::ReferenceMissing(request.plan().calendar());
                        if (!there.ok()) return there;
                      }
                      plan.update_time = now;
                      return plan;
                    });
}

absl::StatusOr<google::protobuf::Empty> PlanService::Delete(const rpc::Caller& caller,
                                                            db::Session& db,
                                                            const v1::DeletePlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::Status deleted = db.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *before);
    if (!view.ok()) return view.status();
    if (version && *version != before->version) return error::StaleEtag(request.name());
    if (absl::Status s = CheckDelete(*before, view->actor); !s.ok()) return s;
    const change::Context why = caller.Change(request);
    const absl::Time now = directory_.clock().NowAfter(before->update_time);
    if (absl::Status s = plans_.Delete(tx, why, *before, now); !s.ok()) return s;
    return commitments_.DeleteAll(tx, why, before->id, now);
  });
  if (!deleted.ok()) return deleted;
  return google::protobuf::Empty();
}

PlanService::PlanResult PlanService::Submit(const rpc::Caller& caller, db::Session& db,
                                            const v1::SubmitPlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  change::Context why = caller.Change(request);
  why.reason = reader.Text(request.note(), "note", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, why, id, version, "plan.submitted",
                    [](db::Transaction&, Plan plan, const Actor& actor, absl::Time now) {
                      return ApplySubmit(std::move(plan), actor, now);
                    });
}

PlanService::PlanResult PlanService::Withdraw(const rpc::Caller& caller, db::Session& db,
                                              const v1::WithdrawPlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, caller.Change(request), id, version, "plan.withdrawn",
                    [](db::Transaction&, Plan plan, const Actor& actor, absl::Time now) {
                      return ApplyWithdraw(std::move(plan), actor, now);
                    });
}

PlanService::PlanResult PlanService::Approve(const rpc::Caller& caller, db::Session& db,
                                             const v1::ApprovePlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  ApproveCommand command;
  command.accept_variance = request.accept_variance();
  command.reason = reader.Text(request.reason(), "reason", kMaxReason,
                               request.accept_variance() ? Need::kRequired : Need::kOptional);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(
      caller, db, caller.Change(request), id, version, "plan.approved",
      [&](db::Transaction& tx, Plan plan, const Actor& actor,
          absl::Time now) -> absl::StatusOr<Plan> {
        Variance variance;
        // Who may not approve, or too early, learns that first.
        const absl::StatusOr<Plan> allowed = ApplyApprove(plan, actor, command, variance, now);
        if (!allowed.ok()) return allowed.status();
        const absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(tx, plan.id, {});
        if (!nodes.ok()) return nodes.status();
        std::vector<Violation> violations = FindViolations(*nodes);
        if (plan.commitment_policy == CommitmentPolicy::kRequired) {
          const absl::StatusOr<CommittedUnits> agreed =
              commitments_.Committed(tx, plan.id, CommitmentStore::Counting::kAccepted);
          if (!agreed.ok()) return agreed.status();
          for (Violation& violation : FindUncommitted(*nodes, *agreed))
            violations.push_back(std::move(violation));
        }
        variance.violation_count = static_cast<int64_t>(violations.size());
        if (!violations.empty()) variance.first = violations.front().description;
        return ApplyApprove(std::move(plan), actor, command, variance, now);
      });
}

PlanService::PlanResult PlanService::Reject(const rpc::Caller& caller, db::Session& db,
                                            const v1::RejectPlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, caller.Change(request), id, version, "plan.rejected",
                    [&](db::Transaction&, Plan plan, const Actor& actor, absl::Time now) {
                      return ApplyReject(std::move(plan), actor, reason, now);
                    });
}

PlanService::PlanResult PlanService::Activate(const rpc::Caller& caller, db::Session& db,
                                              const v1::ActivatePlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, caller.Change(request), id, version, "plan.activated",
                    [](db::Transaction&, Plan plan, const Actor& actor, absl::Time now) {
                      return ApplyActivate(std::move(plan), actor, now);
                    });
}

PlanService::PlanResult PlanService::Close(const rpc::Caller& caller, db::Session& db,
                                           const v1::ClosePlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, caller.Change(request), id, version, "plan.closed",
                    [](db::Transaction&, Plan plan, const Actor& actor, absl::Time now) {
                      return ApplyClose(std::move(plan), actor, now);
                    });
}

absl::StatusOr<v1::CheckPlanResponse> PlanService::Check(const rpc::Caller& caller, db::Session& db,
                                                         const v1::CheckPlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  reader.Number(request.plan_version(), "plan_version", 0, std::numeric_limits<int64_t>::max());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::CheckPlanResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    if (!view->all) return error::MayNotSeeAll(request.name());
    const int64_t version = request.plan_version() == 0 ? plan->version : request.plan_version();
    if (version > plan->version)
      return error::NotFound(absl::StrCat(request.name(), " version ", version));
    PlanStore::NodeFilter filter;
    filter.version = version;
    const absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, id, filter);
    if (!nodes.ok()) return nodes.status();
    std::vector<Violation> violations = FindViolations(*nodes);
    std::vector<Violation> warnings;
    if (plan->commitment_policy != CommitmentPolicy::kClosed && version == plan->version) {
      const absl::StatusOr<CommittedUnits> agreed =
          commitments_.Committed(snapshot, id, CommitmentStore::Counting::kAccepted);
      if (!agreed.ok()) return agreed.status();
      std::vector<Violation>& uncommitted =
          plan->commitment_policy == CommitmentPolicy::kRequired ? violations : warnings;
      for (Violation& violation : FindUncommitted(*nodes, *agreed))
        uncommitted.push_back(std::move(violation));
    }
    v1::CheckPlanResponse response;
    response.set_adds_up(violations.empty());
    response.set_violation_count(static_cast<int64_t>(violations.size()));
    response.set_node_count(static_cast<int64_t>(nodes->size()));
    response.set_plan_version(version);
    for (size_t i = 0; i < std::min(violations.size(), kMaxViolations); ++i) {
      *response.add_violations() = ToProto(violations[i], id);
    }
    response.set_warning_count(static_cast<int64_t>(warnings.size()));
    for (size_t i = 0; i < std::min(warnings.size(), kMaxViolations); ++i) {
      *response.add_warnings() = ToProto(warnings[i], id);
    }
    return response;
  });
}

absl::StatusOr<v1::ListPlanVersionsResponse> PlanService::ListVersions(
    const rpc::Caller& caller, db::Session& db, const v1::ListPlanVersionsRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  int64_t before = std::numeric_limits<int64_t>::max();
  if (!page.after.empty() && !absl::SimpleAtoi(page.after[0], &before))
    reader.Add("page_token", "is not of this list");
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListPlanVersionsResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    const absl::StatusOr<std::vector<PlanVersion>> versions =
        plans_.ListVersions(snapshot, id, before, page.size + 1);
    if (!versions.ok()) return versions.status();
    v1::ListPlanVersionsResponse response;
    for (const PlanVersion& version : *versions) {
      if (response.versions_size() == page.size) {
        response.set_next_page_token(resource::NextPageToken(
            request, {absl::StrCat(response.versions(page.size - 1).version())}));
        break;
      }
      *response.add_versions() = ToProto(version);
    }
    return response;
  });
}

absl::StatusOr<v1::ComparePlanVersionsResponse> PlanService::Compare(
    const rpc::Caller& caller, db::Session& db, const v1::ComparePlanVersionsRequest& request) {
  constexpr int64_t kMaxVersion = std::numeric_limits<int64_t>::max();
  Reader reader;
  const std::string id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  const int64_t from = reader.Number(request.from_version(), "from_version", 1, kMaxVersion);
  int64_t to = reader.Number(request.to_version(), "to_version", 0, kMaxVersion);
  // A token holds how many differences have been given out and the version compared with.
  const resource::Page page = resource::ReadPage(request, 2, reader.violations());
  size_t start = 0;
  if (!page.after.empty() &&
      (!absl::SimpleAtoi(page.after[0], &start) || !absl::SimpleAtoi(page.after[1], &to))) {
    reader.Add("page_token", "is not of this list");
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ComparePlanVersionsResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    if (!view->all) return error::MayNotSeeAll(request.plan());
    const int64_t until = to == 0 ? plan->version : to;
    std::vector<std::vector<Node>> versions;
    for (const int64_t version : {from, until}) {
      if (version > plan->version)
        return error::NotFound(absl::StrCat(request.plan(), " version ", version));
      PlanStore::NodeFilter filter;
      filter.version = version;
      absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, id, filter);
      if (!nodes.ok()) return nodes.status();
      versions.push_back(*std::move(nodes));
    }
    v1::ComparePlanVersionsResponse response;
    response.set_to_version(until);
    const size_t count =
        AddDifferences(versions[0], versions[1], id, start, static_cast<size_t>(page.size),
                       *response.mutable_differences());
    const size_t end = start + static_cast<size_t>(response.differences_size());
    if (end < count) {
      response.set_next_page_token(
          resource::NextPageToken(request, {absl::StrCat(end), absl::StrCat(until)}));
    }
    return response;
  });
}

PlanService::PlanResult PlanService::Undo(const rpc::Caller& caller, db::Session& db,
                                          const v1::UndoPlanChangeRequest& request) {
  Reader reader;
  const std::string id = reader.Name("plans", request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> etag = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Transact([&](db::Transaction& tx) -> PlanResult {
    const absl::StatusOr<Plan> before = plans_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *before);
    if (!view.ok()) return view.status();
    if (etag && *etag != before->version) return error::StaleEtag(request.name());
    if (absl::Status s = CheckChangeValues(*before, view->actor, reason); !s.ok()) return s;
    const absl::StatusOr<std::optional<PlanVersion>> last =
        plans_.FindVersion(tx, id, before->version);
    if (!last.ok()) return last.status();
    if (!last->has_value() || !CanUndo((*last)->type)) {
      return error::CannotUndo(request.name(), before->version,
                               last->has_value() ? (*last)->type : "unknown");
    }
    absl::StatusOr<NodeChanges> changes = ChangesBack(tx, *before);
    if (!changes.ok()) return changes.status();
    // What a move divided belongs together again, and a merge adds and takes away as it is asked
    // to.
    if ((*last)->type != "plan.node-moved" && (*last)->type != "plan.merged" &&
        (!changes->created.empty() || !changes->deleted.empty())) {
      if (absl::Status s = CheckRebuild(*before, view->actor); !s.ok()) return s;
    }
    Plan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    for (const Node& node : changes->updated) {
      if (node.parent_id.empty()) plan.target_units = node.target_units;
    }
    if ((*last)->type == "plan.replanned" && plan.baseline_version == before->version - 1)
      plan.baseline_version = 0;
    const absl::StatusOr<Plan> saved = plans_.Save(tx, caller.Change(request), "plan.undone",
                                                   (*last)->node_id, *before, plan, *changes);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

absl::StatusOr<NodeChanges> PlanService::ChangesBack(db::Transaction& tx, const Plan& plan) const {
  absl::StatusOr<PlanStore::LastChange> last = plans_.LoadLastChange(tx, plan);
  if (!last.ok()) return last.status();
  const std::map<std::string, const Node*> current = ById(last->after);
  std::set<std::string> stay;
  NodeChanges changes;
  for (Node& node : last->before) {
    if (const Node* present = Find(current, node.id)) {
      stay.insert(node.id);
      node.version = present->version;
      node.create_time = present->create_time;
      (present->path == node.path ? changes.updated : changes.moved).push_back(std::move(node));
    } else {
      ++node.version;  // The removal itself was one.
      changes.created.push_back(std::move(node));
    }
  }
  for (Node& node : last->after) {
    if (!stay.contains(node.id)) changes.deleted.push_back(std::move(node));
  }
  return changes;
}

}  // namespace milepost::target
