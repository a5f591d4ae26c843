#include "target-svc/service/incentive_service.h"

#include <algorithm>
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
#include "target-svc/domain/letter.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/recorded_actual.h"
#include "target-svc/service/incentive_terms.h"
#include "target-svc/service/owner_target.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr char kPlans[] = "commissionPlans";
constexpr size_t kMaxMembers = 500;
constexpr size_t kMaxAudienceUnits = 100;
constexpr size_t kMaxJobTitles = 50;
constexpr int kMaxScenarios = 50;
constexpr size_t kMaxNodesNamed = 100;
// Facts and returns of a statement, so that it fits a change.
constexpr size_t kMaxStatementEntries = 2'000;

const std::set<std::string>& ChangeableFields() {
  static const std::set<std::string> fields{"title", "plan",       "members",
                                            "units", "job_titles", "terms"};
  return fields;
}

// A private plan of the commission plan's unit and owner.
Plan PlanLike(const StoredCommissionPlan& stored) {
  Plan plan;
  plan.owner_id = stored.owner_id;
  plan.unit_id = stored.unit_id;
  return plan;
}

std::string NameOf(const char* collection, const std::string& id) {
  return id.empty() ? "" : resource::Name(collection, id);
}

// Names of a list, each once.
std::vector<std::string> ReadNames(const char* collection,
                                   const google::protobuf::RepeatedPtrField<std::string>& names,
                                   size_t max, const std::string& field, Reader& reader) {
  CheckSize(static_cast<size_t>(names.size()), 0, max, collection, field, reader.violations());
  std::vector<std::string> ids;
  std::set<std::string> seen;
  for (int i = 0; i < names.size(); ++i) {
    const std::string at = At(field, static_cast<size_t>(i));
    ids.push_back(reader.Name(collection, names[i], at, Need::kRequired));
    if (!names[i].empty() && !seen.insert(names[i]).second) reader.Add(at, "is there twice");
  }
  return ids;
}

CommissionAudience AudienceOf(const v1::CommissionPlan& body) {
  CommissionAudience audience;
  for (const std::string& name : body.members())
    audience.members.push_back(resource::IdOf("members", name).value_or(""));
  for (const std::string& name : body.units())
    audience.units.push_back(resource::IdOf("units", name).value_or(""));
  audience.job_titles.assign(body.job_titles().begin(), body.job_titles().end());
  return audience;
}

DayRange RangeOf(const type::v1::DateRange& range) {
  const auto day = [](const type::v1::Date& date) {
    return absl::CivilDay(date.year(), date.month(), date.day());
  };
  return {day(range.first_date()), day(range.last_date())};
}

PeriodKind KindOf(v1::PeriodGrain grain) {
  if (grain == v1::YEAR) return PeriodKind::kYear;
  return grain == v1::QUARTER ? PeriodKind::kQuarter : PeriodKind::kMonth;
}

// The fields that Update changes too.
void ReadFields(const v1::CommissionPlan& message, const std::set<std::string>& fields,
                Reader& reader) {
  const std::string at = "commission_plan.";
  if (fields.contains("title"))
    reader.Text(message.title(), at + "title", kMaxTitle, Need::kRequired);
  if (fields.contains("plan")) reader.Name("plans", message.plan(), at + "plan", Need::kOptional);
  if (fields.contains("members"))
    ReadNames("members", message.members(), kMaxMembers, at + "members", reader);
  if (fields.contains("units"))
    ReadNames("units", message.units(), kMaxAudienceUnits, at + "units", reader);
  if (fields.contains("job_titles")) {
    CheckSize(static_cast<size_t>(message.job_titles_size()), 0, kMaxJobTitles, "job titles",
              at + "job_titles", reader.violations());
    for (int i = 0; i < message.job_titles_size(); ++i) {
      reader.Text(message.job_titles(i), At(at + "job_titles", static_cast<size_t>(i)),
                  kMaxJobTitle, Need::kRequired);
    }
  }
  if (fields.contains("terms"))
    ReadTerms(message.has_terms(), message.terms(), at + "terms", reader);
}

// What fields must be together.
void CheckTogether(const v1::CommissionPlan& plan, Reader& reader) {
  if (plan.members_size() == 0 && plan.units_size() == 0)
    reader.Add("commission_plan.members", "is required, or units");
  if (plan.plan().empty() && AsksForAttainment(FromProto(plan.terms()))) {
    reader.Add("commission_plan.plan",
               "is required: the terms ask for the attainment of its targets");
  }
}

const char* StateName(v1::CommissionPlan::State state) {
  return state == v1::CommissionPlan::RETIRED ? "RETIRED" : "ACTIVE";
}

}  // namespace

bool MaySeeStatement(const rpc::Caller& caller, const StoredStatement& statement) {
  return caller.scope().MaySeePersonal(statement.member_id);
}

absl::StatusOr<bool> MaySeeCommissionPlan(const rpc::Caller& caller, db::Snapshot& snapshot,
                                          Directory& directory, const StoredCommissionPlan& plan) {
  const absl::StatusOr<Actor> actor = directory.ActorOf(caller, snapshot);
  if (!actor.ok()) return actor.status();
  if (MaySeeAll(*actor, PlanLike(plan))) return true;
  if (caller.member().empty()) return false;
  const absl::StatusOr<Member> member = directory.members().Load(snapshot, caller.member());
  if (absl::IsNotFound(member.status())) return false;
  if (!member.ok()) return member.status();
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  return HoldsFor(AudienceOf(plan.body), *member, **tree, directory.clock().Today());
}

IncentiveService::IncentiveService(
    rpc::Runner& rpc, Directory& directory,
    std::shared_ptr<reporting::v1::ReportService::StubInterface> reports, std::string currency_code)
    : rpc_(rpc),
      directory_(directory),
      reports_(std::move(reports)),
      currency_code_(std::move(currency_code)) {
  rpc_.Register<v1::IncentiveService>();
}

grpc::ServerUnaryReactor* IncentiveService::GetCommissionPlan(
    grpc::CallbackServerContext* context, const v1::GetCommissionPlanRequest* request,
    v1::CommissionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::ListCommissionPlans(
    grpc::CallbackServerContext* context, const v1::ListCommissionPlansRequest* request,
    v1::ListCommissionPlansResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::CreateCommissionPlan(
    grpc::CallbackServerContext* context, const v1::CreateCommissionPlanRequest* request,
    v1::CommissionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::UpdateCommissionPlan(
    grpc::CallbackServerContext* context, const v1::UpdateCommissionPlanRequest* request,
    v1::CommissionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::RetireCommissionPlan(
    grpc::CallbackServerContext* context, const v1::RetireCommissionPlanRequest* request,
    v1::CommissionPlan* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Retire(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::ComputeStatement(
    grpc::CallbackServerContext* context, const v1::ComputeStatementRequest* request,
    v1::CommissionStatement* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Compute(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::IssueStatement(grpc::CallbackServerContext* context,
                                                           const v1::IssueStatementRequest* request,
                                                           v1::CommissionStatement* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Issue(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::GetStatement(grpc::CallbackServerContext* context,
                                                         const v1::GetStatementRequest* request,
                                                         v1::CommissionStatement* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return GetIssued(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::ListStatements(grpc::CallbackServerContext* context,
                                                           const v1::ListStatementsRequest* request,
                                                           v1::ListStatementsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListIssued(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::RecomputeStatement(
    grpc::CallbackServerContext* context, const v1::RecomputeStatementRequest* request,
    v1::RecomputeStatementResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Recompute(call...); });
}
grpc::ServerUnaryReactor* IncentiveService::SimulateStatement(
    grpc::CallbackServerContext* context, const v1::SimulateStatementRequest* request,
    v1::SimulateStatementResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Simulate(call...); });
}

absl::StatusOr<StoredCommissionPlan> IncentiveService::FindPlan(const rpc::Caller& caller,
                                                                db::Snapshot& snapshot,
                                                                const std::string& id) {
  absl::StatusOr<StoredCommissionPlan> plan = commission_plans_.Load(snapshot, id);
  if (!plan.ok()) return plan;
  const absl::StatusOr<bool> seen = MaySeeCommissionPlan(caller, snapshot, directory_, *plan);
  if (!seen.ok()) return seen.status();
  if (!*seen) return error::NotFound(resource::Name(kPlans, id));
  return plan;
}

IncentiveService::PlanResult IncentiveService::Get(const rpc::Caller& caller, db::Session& db,
                                                   const v1::GetCommissionPlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kPlans, request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> PlanResult {
    const absl::StatusOr<StoredCommissionPlan> plan = FindPlan(caller, snapshot, id);
    if (!plan.ok()) return plan.status();
    return ToProto(*plan);
  });
}

absl::StatusOr<v1::ListCommissionPlansResponse> IncentiveService::List(
    const rpc::Caller& caller, db::Session& db, const v1::ListCommissionPlansRequest& request) {
  Reader reader;
  reader.Choice(request.state(), "state", v1::CommissionPlan::State_IsValid);
  const std::string member_id = reader.Name("members", request.member(), "member", Need::kOptional);
  std::optional<absl::CivilDay> day = reader.Day(request.has_date(), request.date(), "date");
  if (!day && !member_id.empty()) day = directory_.clock().Today();
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListCommissionPlansResponse> {
    std::optional<Member> member;
    if (!member_id.empty()) {
      absl::StatusOr<Member> found = directory_.members().Load(snapshot, member_id);
      if (!found.ok()) return found.status();
      member = *std::move(found);
    }
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    v1::ListCommissionPlansResponse response;
    std::string after = page.after.empty() ? "" : page.after[0];
    std::string last_sent;
    while (true) {
      const absl::StatusOr<std::vector<StoredCommissionPlan>> plans =
          commission_plans_.List(snapshot, after, page.size + 1);
      if (!plans.ok()) return plans.status();
      for (const StoredCommissionPlan& plan : *plans) {
        after = plan.id;
        if (request.state() != v1::CommissionPlan::STATE_UNSPECIFIED &&
            plan.body.state() != request.state()) {
          continue;
        }
        const DayRange period = RangeOf(plan.body.period());
        if (day && (*day < period.first || period.last < *day)) continue;
        if (member && !HoldsFor(AudienceOf(plan.body), *member, **tree, *day)) continue;
        const absl::StatusOr<bool> seen = MaySeeCommissionPlan(caller, snapshot, directory_, plan);
        if (!seen.ok()) return seen.status();
        if (!*seen) continue;
        if (response.commission_plans_size() == page.size) {
          response.set_next_page_token(resource::NextPageToken(request, {last_sent}));
          return response;
        }
        last_sent = plan.id;
        *response.add_commission_plans() = ToProto(plan);
      }
      if (plans->size() <= static_cast<size_t>(page.size)) return response;
    }
  });
}

absl::Status IncentiveService::CheckReferences(const rpc::Caller& caller, db::Snapshot& snapshot,
                                               const v1::CommissionPlan& plan) {
  const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, snapshot);
  if (!actor.ok()) return actor.status();
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  for (const std::string& name : plan.units()) {
    const std::string id = resource::IdOf("units", name).value_or("");
    if ((*tree)->Find(id) == nullptr) return error::ReferenceMissing(name);
    if (!actor->admin && !actor->leads_top && !actor->led_units.contains(id))
      return error::MayNotAct(name, "who leads it, or an administrator");
  }
  const CommissionAudience audience = AudienceOf(plan);
  const absl::StatusOr<std::vector<Member>> members =
      directory_.members().LoadMany(snapshot, audience.members);
  if (!members.ok()) return members.status();
  for (const std::string& id : audience.members) {
    const std::string name = resource::Name("members", id);
    if (std::none_of(members->begin(), members->end(),
                     [&](const Member& member) { return member.id == id; })) {
      return error::ReferenceMissing(name);
    }
    if (!caller.scope().MayChange(id))
      return error::MayNotAct(name, "who leads the member, or an administrator");
  }
  if (plan.plan().empty()) return absl::OkStatus();
  const absl::StatusOr<Plan> target =
      plans_.Load(snapshot, resource::IdOf("plans", plan.plan()).value_or(""));
  if (absl::IsNotFound(target.status())) return error::ReferenceMissing(plan.plan());
  if (!target.ok()) return target.status();
  const absl::Status seen = ViewOf(caller, snapshot, directory_, plans_, *target).status();
  if (absl::IsNotFound(seen)) return error::ReferenceMissing(plan.plan());
  if (!seen.ok()) return seen;
  const std::string wanted = MetricOf(static_cast<CommissionBase>(plan.terms().base()));
  if (target->metric_id != wanted) {
    Reader reader;
    reader.Add("commission_plan.plan", absl::StrCat("is a plan of metrics/", target->metric_id,
                                                    "; the base of the terms is metrics/", wanted));
    return reader.status();
  }
  return absl::OkStatus();
}

IncentiveService::PlanResult IncentiveService::Create(
    const rpc::Caller& caller, db::Session& db, const v1::CreateCommissionPlanRequest& request) {
  Reader reader;
  const v1::CommissionPlan& message = request.commission_plan();
  StoredCommissionPlan draft;
  draft.create_time = draft.update_time = directory_.clock().Now();
  draft.id = reader.Id(request.commission_plan_id(), "commission_plan_id", Need::kOptional);
  if (draft.id.empty()) draft.id = resource::NewId('c', draft.create_time);
  if (!request.has_commission_plan()) reader.Add("commission_plan", "is required");
  draft.unit_id = reader.Name("units", message.unit(), "commission_plan.unit", Need::kOptional);
  ReadFields(message, ChangeableFields(), reader);
  if (const std::optional<DayRange> period = reader.Days(message.has_period(), message.period(),
                                                         "commission_plan.period", Need::kRequired);
      period && period->last >= absl::CivilDay(period->first.year() + kMaxPlanYears,
                                               period->first.month(), period->first.day())) {
    reader.Add("commission_plan.period", absl::StrCat("is longer than ", kMaxPlanYears, " years"));
  }
  if (message.grain() != v1::YEAR && message.grain() != v1::QUARTER && message.grain() != v1::MONTH)
    reader.Add("commission_plan.grain", "must be YEAR, QUARTER or MONTH");
  CheckTogether(message, reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  draft.owner_id = caller.member();
  draft.body = message;
  draft.body.clear_name();
  draft.body.clear_retire_reason();
  draft.body.clear_etag();
  draft.body.clear_create_time();
  draft.body.clear_update_time();
  draft.body.set_state(v1::CommissionPlan::ACTIVE);
  draft.body.set_owner(NameOf("members", draft.owner_id));
  draft.body.set_currency_code(currency_code_);
  return db.Transact([&](db::Transaction& tx) -> PlanResult {
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    if (!actor->admin && !LeadsPlan(*actor, PlanLike(draft)))
      return error::MayNotCreate(message.unit());
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(tx);
    if (!tree.ok()) return tree.status();
    if (!draft.unit_id.empty() && (*tree)->Find(draft.unit_id) == nullptr)
      return error::ReferenceMissing(message.unit());
    if (absl::Status s = CheckReferences(caller, tx, draft.body); !s.ok()) return s;
    const absl::StatusOr<StoredCommissionPlan> inserted =
        commission_plans_.Insert(tx, caller.Change(request), draft);
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

template <typename Change>
IncentiveService::PlanResult IncentiveService::ChangePlan(
    const rpc::Caller& caller, db::Session& db, const google::protobuf::Message& request,
    const std::string& id, std::optional<int64_t> version, const char* event_type, Change change) {
  return db.Transact([&](db::Transaction& tx) -> PlanResult {
    const std::string name = resource::Name(kPlans, id);
    const absl::StatusOr<StoredCommissionPlan> before = commission_plans_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    const absl::StatusOr<bool> seen = MaySeeCommissionPlan(caller, tx, directory_, *before);
    if (!seen.ok()) return seen.status();
    if (!*seen) return error::NotFound(name);
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    if (!MayEdit(*actor, PlanLike(*before))) return error::MayNotEdit(name);
    if (version && *version != before->version) return error::StaleEtag(name);
    if (before->body.state() != v1::CommissionPlan::ACTIVE)
      return error::WrongState(name, StateName(before->body.state()), "ACTIVE");
    StoredCommissionPlan plan = *before;
    plan.update_time = directory_.clock().NowAfter(before->update_time);
    if (absl::Status s = change(tx, plan.body); !s.ok()) return s;
    const absl::StatusOr<StoredCommissionPlan> saved = commission_plans_.Save(
        tx, caller.Change(request), event_type, std::move(plan), before->update_time);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

IncentiveService::PlanResult IncentiveService::Update(
    const rpc::Caller& caller, db::Session& db, const v1::UpdateCommissionPlanRequest& request) {
  Reader reader;
  const v1::CommissionPlan& message = request.commission_plan();
  const std::string id =
      reader.Name(kPlans, message.name(), "commission_plan.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), message, ChangeableFields(), reader.violations());
  ReadFields(message, fields, reader);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, request, id, version, "commission-plan.updated",
                    [&](db::Transaction& tx, v1::CommissionPlan& body) -> absl::Status {
                      if (fields.contains("title")) body.set_title(message.title());
                      if (fields.contains("plan")) body.set_plan(message.plan());
                      if (fields.contains("members")) *body.mutable_members() = message.members();
                      if (fields.contains("units")) *body.mutable_units() = message.units();
                      if (fields.contains("job_titles"))
                        *body.mutable_job_titles() = message.job_titles();
                      if (fields.contains("terms")) *body.mutable_terms() = message.terms();
                      Reader together;
                      CheckTogether(body, together);
                      if (absl::Status s = together.status(); !s.ok()) return s;
                      return CheckReferences(caller, tx, body);
                    });
}

IncentiveService::PlanResult IncentiveService::Retire(
    const rpc::Caller& caller, db::Session& db, const v1::RetireCommissionPlanRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kPlans, request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangePlan(caller, db, request, id, version, "commission-plan.retired",
                    [&](db::Transaction&, v1::CommissionPlan& body) -> absl::Status {
                      body.set_state(v1::CommissionPlan::RETIRED);
                      body.set_retire_reason(reason);
                      return absl::OkStatus();
                    });
}

// --- Statements ----------------------------------------------------------------------------------

IncentiveService::Query IncentiveService::ReadQuery(const std::string& commission_plan,
                                                    const std::string& member, bool has_date,
                                                    const type::v1::Date& date,
                                                    int64_t plan_version, Reader& reader) {
  Query query;
  query.commission_plan_id =
      reader.Name(kPlans, commission_plan, "commission_plan", Need::kRequired);
  query.member_id = reader.Name("members", member, "member", Need::kRequired);
  query.day = reader.Day(has_date, date, "date", Need::kRequired).value_or(absl::CivilDay());
  query.plan_version = plan_version;
  if (plan_version < 0) reader.Add("plan_version", "must not be below 0");
  return query;
}

absl::Status IncentiveService::ReadTargets(db::Snapshot& snapshot, int64_t version, Basis& basis) {
  if (basis.plan_id.empty()) return absl::OkStatus();
  const std::string name = resource::Name("plans", basis.plan_id);
  const absl::StatusOr<Plan> plan = plans_.Load(snapshot, basis.plan_id);
  if (absl::IsNotFound(plan.status())) return error::ReferenceMissing(name);
  if (!plan.ok()) return plan.status();
  if (version > plan->version) {
    Reader reader;
    reader.Add("plan_version",
               absl::StrCat("is ", version, "; the newest of ", name, " is ", plan->version));
    return reader.status();
  }
  basis.head.plan_version = version == 0 ? plan->version : version;
  absl::StatusOr<SummedTarget> own =
      ReadTarget(snapshot, plans_, *plan, version, basis.head.member, basis.head.days);
  if (own.ok()) {
    basis.target = *std::move(own);
  } else if (AsksForAttainment(basis.terms) || !absl::IsFailedPrecondition(own.status())) {
    return own.status();
  }
  if (basis.terms.team_bonuses.empty()) return absl::OkStatus();
  basis.head.team = resource::Name("units", basis.team_id);
  const absl::StatusOr<SummedTarget> team =
      ReadTarget(snapshot, plans_, *plan, version, basis.head.team, basis.head.days);
  if (!team.ok()) return team.status();
  basis.head.team_target = team->units;
  return absl::OkStatus();
}

absl::Status IncentiveService::ReadRecorded(db::Snapshot& snapshot, Basis& basis) {
  if (basis.terms.base != CommissionBase::kDeliveries) return absl::OkStatus();
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  Scope own;
  own.period = basis.head.days;
  own.member_id = basis.member_id;
  Scope team;
  team.period = basis.head.days;
  team.unit_id = basis.team_id;
  ActualSummer summer(MetricAggregation::kSum);
  const absl::Status read = actuals_.ForEach(
      snapshot, MetricOf(basis.terms.base), basis.head.days, [&](const RecordedActual& actual) {
        if (!basis.team_id.empty() && CountsFor(actual, team, **tree)) summer.Add(actual);
        if (!CountsFor(actual, own, **tree)) return;
        if (actual.value_units > 0) {
          basis.facts.push_back({actual.Name(), basis.terms.base, actual.day, actual.value_units});
        } else if (actual.value_units < 0) {
          basis.returns.push_back({actual.Name(), actual.day, std::nullopt, -actual.value_units});
        }
      });
  if (!read.ok()) return read;
  const absl::StatusOr<ActualSum> sum = summer.Sum();
  if (!sum.ok()) return sum.status();
  if (!basis.terms.team_bonuses.empty()) basis.head.team_actual = sum->value.value_or(0);
  return absl::OkStatus();
}

absl::Status IncentiveService::Measure(const rpc::Caller& caller, Basis& basis) {
  if (basis.terms.base == CommissionBase::kDeliveries) return absl::OkStatus();
  const DayRange days{basis.head.days.first,
                      std::min(basis.head.days.last, directory_.clock().Today())};
  if (days.last < days.first) return absl::OkStatus();
  HistorySpec spec;
  spec.metric_id = MetricOf(basis.terms.base);
  spec.currency_code = currency_code_;
  History history(*reports_, caller);
  const absl::StatusOr<History::Sales> sales = history.MemberSales(spec, basis.member_id, days);
  if (!sales.ok()) return sales.status();
  const auto back = [&](const std::string& id, absl::CivilDay day,
                        std::optional<absl::CivilDay> origin, int64_t value) {
    if (value < 0) basis.returns.push_back({id, day, origin, -value});
  };
  for (size_t i = 0; i < sales->by_day.size(); ++i) {
    const absl::CivilDay day = days.first + static_cast<int>(i);
    const std::string id = absl::FormatCivilTime(day);
    if (sales->by_day[i] > 0) {
      basis.facts.push_back({id, basis.terms.base, day, sales->by_day[i]});
    } else {
      back(absl::StrCat("less-", id), day, std::nullopt, sales->by_day[i]);
    }
  }
  for (const History::Return& one : sales->returns) {
    back(absl::StrCat("back-", absl::FormatCivilTime(one.day),
                      one.origin ? absl::StrCat("-of-", absl::FormatCivilTime(*one.origin)) : ""),
         one.day, one.origin, one.value);
  }
  if (basis.terms.team_bonuses.empty()) return absl::OkStatus();
  // What the team made together is the member's to know, whoever asks.
  History together(*reports_, caller, AskAs::kService);
  Scope team;
  team.unit_id = basis.team_id;
  const absl::StatusOr<int64_t> made = together.Total(spec, team, days);
  if (!made.ok()) return made.status();
  basis.head.team_actual = *made;
  return absl::OkStatus();
}

IncentiveService::StatementResult IncentiveService::Statement(const Basis& basis) const {
  CommissionInput input;
  input.plan = basis.terms;
  input.period.id = basis.label;
  input.period.days = basis.head.days;
  input.period.target = basis.target ? basis.target->units : 0;
  input.period.facts = basis.facts;
  if (basis.head.team_target > 0) {
    input.period.team_attainment_ppm = std::clamp<int64_t>(
        RatioPpm(basis.head.team_actual, basis.head.team_target).value_or(kMaxAttainmentPpm), 0,
        kMaxAttainmentPpm);
  }
  // What was sold in earlier periods, and what of it has come back since.
  std::vector<std::vector<CommissionFact>> sold;
  std::vector<CommissionReturn> known;
  for (const StoredStatement& earlier : basis.earlier) {
    sold.push_back(FactsOf(earlier.body));
    for (CommissionReturn& one : ReturnsOf(earlier.body)) known.push_back(std::move(one));
  }
  StatementHead head = basis.head;
  if (basis.matched) {
    input.returns = basis.matched_returns;
  } else {
    std::vector<const std::vector<CommissionFact>*> facts;
    for (const std::vector<CommissionFact>& some : sold) facts.push_back(&some);
    MatchedReturns matched = MatchReturns(basis.terms, basis.facts, facts, known, basis.returns);
    input.returns = std::move(matched.returns);
    head.unmatched_returns = matched.unmatched;
  }
  if (const size_t entries = basis.facts.size() + input.returns.size();
      entries > kMaxStatementEntries) {
    Reader reader;
    reader.Add("date", absl::StrCat("its period has ", entries, " sales and returns; the limit is ",
                                    kMaxStatementEntries, ": take a shorter grain"));
    return reader.status();
  }
  // Only periods that something came back from matter.
  std::set<std::string> wanted;
  for (const CommissionReturn& one : input.returns) wanted.insert(one.fact_id);
  v1::CommissionStatement message;
  std::set<std::string> facts_there;
  for (size_t i = 0; i < sold.size(); ++i) {
    const v1::CommissionStatement& body = basis.earlier[i].body;
    if (std::none_of(sold[i].begin(), sold[i].end(),
                     [&](const CommissionFact& fact) { return wanted.contains(fact.id); })) {
      continue;
    }
    EarlierPeriod earlier;
    earlier.plan = FromProto(body.terms());
    earlier.period.id = body.period_label();
    earlier.period.days = RangeOf(body.period());
    earlier.period.target = body.target_units();
    earlier.period.team_attainment_ppm = body.team_attainment_ppm();
    earlier.period.facts = sold[i];
    for (const CommissionFact& fact : sold[i]) facts_there.insert(fact.id);
    input.earlier.push_back(std::move(earlier));
    message.add_earlier_statements(body.name());
  }
  for (const CommissionReturn& one : known) {
    if (facts_there.contains(one.fact_id)) input.returns.push_back(one);
  }
  if (!basis.earlier.empty())
    input.opening_balance = basis.earlier.front().body.closing_balance_units();
  const absl::StatusOr<CommissionStatement> statement = ComputeCommission(input);
  if (!statement.ok()) return statement.status();

  message.set_commission_plan(head.commission_plan);
  message.set_member(head.member);
  *message.mutable_period() = target::ToProto(head.days);
  message.set_plan(head.plan);
  message.set_plan_version(head.plan_version);
  if (basis.target) {
    for (const std::string& id : basis.target->node_ids) {
      if (message.target_nodes_size() == kMaxNodesNamed) break;
      message.add_target_nodes(resource::Name("plans", basis.plan_id, "nodes", id));
    }
  }
  message.set_team(head.team);
  message.set_team_target_units(head.team_target);
  message.set_team_actual_units(head.team_actual);
  message.set_unmatched_return_units(head.unmatched_returns);
  message.set_currency_code(head.currency_code);
  SetComputed(input, *statement, message);
  message.set_canonical_text(StatementText(head, input, *statement));
  message.set_content_hash(HashOf(message.canonical_text()));
  return message;
}

absl::StatusOr<IncentiveService::Basis> IncentiveService::ReadBasis(
    const rpc::Caller& caller, db::Snapshot& snapshot, const Query& query,
    const StoredCommissionPlan& plan) {
  Basis basis;
  basis.member_id = query.member_id;
  basis.head.commission_plan = resource::Name(kPlans, plan.id);
  basis.head.member = resource::Name("members", query.member_id);
  basis.head.currency_code = plan.body.currency_code();
  basis.head.plan = plan.body.plan();
  basis.plan_id = resource::IdOf("plans", plan.body.plan()).value_or("");
  basis.terms = FromProto(plan.body.terms());
  const DayRange period = RangeOf(plan.body.period());
  if (query.day < period.first || period.last < query.day) {
    Reader reader;
    reader.Add("date",
               absl::StrCat(absl::FormatCivilTime(query.day), " is not in the period of ",
                            basis.head.commission_plan, ", ", absl::FormatCivilTime(period.first),
                            " to ", absl::FormatCivilTime(period.last)));
    return reader.status();
  }
  const PeriodKind kind = KindOf(plan.body.grain());
  const DayRange whole = PeriodOf(kind, query.day);
  basis.head.days = {std::max(whole.first, period.first), std::min(whole.last, period.last)};
  basis.label = PeriodLabel(kind, query.day);

  const absl::StatusOr<Member> member = directory_.members().Load(snapshot, query.member_id);
  if (!member.ok()) return member.status();
  if (!caller.scope().MaySeePersonal(query.member_id)) return error::NotFound(basis.head.member);
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  const absl::CivilDay last =
      std::min(basis.head.days.last, member->end_day.value_or(basis.head.days.last));
  if (last < basis.head.days.first || last < member->start_day ||
      !HoldsFor(AudienceOf(plan.body), *member, **tree, last)) {
    return error::NotCovered(basis.head.commission_plan, basis.head.member);
  }
  basis.team_id = member->PlacementOn(last).unit_id;
  if (absl::Status s = ReadTargets(snapshot, query.plan_version, basis); !s.ok()) return s;
  absl::StatusOr<std::vector<StoredStatement>> earlier =
      statements_.Before(snapshot, plan.id, query.member_id, basis.head.days.first,
                         static_cast<int>(kMaxCommissionEarlierPeriods));
  if (!earlier.ok()) return earlier.status();
  basis.earlier = *std::move(earlier);
  if (absl::Status s = ReadRecorded(snapshot, basis); !s.ok()) return s;
  return basis;
}

absl::StatusOr<IncentiveService::Computed> IncentiveService::ComputeFor(const rpc::Caller& caller,
                                                                        db::Session& db,
                                                                        const Query& query) {
  Computed computed;
  absl::StatusOr<Basis> basis = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<Basis> {
    const absl::StatusOr<StoredCommissionPlan> plan =
        FindPlan(caller, snapshot, query.commission_plan_id);
    if (!plan.ok()) return plan.status();
    computed.version = plan->version;
    return ReadBasis(caller, snapshot, query, *plan);
  });
  if (!basis.ok()) return basis.status();
  db.EndRead();
  if (!basis->earlier.empty()) computed.last_id = basis->earlier.front().id;
  if (absl::Status s = Measure(caller, *basis); !s.ok()) return s;
  StatementResult statement = Statement(*basis);
  if (!statement.ok()) return statement.status();
  computed.days = basis->head.days;
  computed.statement = *std::move(statement);
  *computed.statement.mutable_terms() = ToProto(basis->terms);
  return computed;
}

IncentiveService::StatementResult IncentiveService::Compute(
    const rpc::Caller& caller, db::Session& db, const v1::ComputeStatementRequest& request) {
  Reader reader;
  const Query query = ReadQuery(request.commission_plan(), request.member(), request.has_date(),
                                request.date(), request.plan_version(), reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  absl::StatusOr<Computed> computed = ComputeFor(caller, db, query);
  if (!computed.ok()) return computed.status();
  return std::move(computed->statement);
}

IncentiveService::StatementResult IncentiveService::Issue(
    const rpc::Caller& caller, db::Session& db, const v1::IssueStatementRequest& request) {
  Reader reader;
  const Query query = ReadQuery(request.commission_plan(), request.member(), request.has_date(),
                                request.date(), request.plan_version(), reader);
  std::string id = reader.Id(request.statement_id(), "statement_id", Need::kOptional);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<Computed> computed = ComputeFor(caller, db, query);
  if (!computed.ok()) return computed.status();
  if (caller.member() == query.member_id) return error::OwnRecord(request.member());
  if (!caller.scope().MayChange(query.member_id))
    return error::MayNotAct(request.member(), "who leads the member, or an administrator");
  const absl::Time now = directory_.clock().Now();
  if (id.empty()) id = resource::NewId('s', now);
  return db.Transact([&](db::Transaction& tx) -> StatementResult {
    const absl::StatusOr<StoredCommissionPlan> plan =
        commission_plans_.LoadForUpdate(tx, query.commission_plan_id);
    if (!plan.ok()) return plan.status();
    if (plan->body.state() != v1::CommissionPlan::ACTIVE) {
      return error::WrongState(request.commission_plan(), StateName(plan->body.state()), "ACTIVE");
    }
    const absl::CivilDay last = computed->days.last;
    if (last >= directory_.clock().Today()) return error::PeriodNotOver(last);
    StoredStatement statement;
    statement.id = id;
    statement.commission_plan_id = query.commission_plan_id;
    statement.member_id = query.member_id;
    statement.first_day = computed->days.first;
    statement.last_day = last;
    statement.issue_time = now;
    statement.body = computed->statement;
    statement.body.set_name(resource::Name("statements", id));
    statement.body.set_issuer(NameOf("members", caller.member()));
    *statement.body.mutable_issue_time() = milepost::ToProto(now);
    statement.body.set_etag(resource::Etag(1));
    const absl::StatusOr<std::string> last_id =
        statements_.LastId(tx, query.commission_plan_id, query.member_id);
    if (!last_id.ok()) return last_id.status();
    if (!last_id->empty() && *last_id != computed->last_id) {
      const absl::StatusOr<StoredStatement> newest = statements_.Load(tx, *last_id);
      if (!newest.ok()) return newest.status();
      if (newest->first_day > statement.first_day) return error::LaterIssued(newest->body.name());
      if (newest->first_day == statement.first_day) {
        return error::AlreadyIssued(newest->body.name(), request.member(),
                                    statement.body.period_label());
      }
      return error::StatementChanged(request.member(), statement.body.content_hash());
    }
    if (plan->version != computed->version ||
        (!request.content_hash().empty() &&
         request.content_hash() != statement.body.content_hash())) {
      return error::StatementChanged(request.member(), statement.body.content_hash());
    }
    if (absl::Status s = statements_.Insert(tx, caller.Change(request), statement); !s.ok())
      return s;
    return statement.body;
  });
}

IncentiveService::StatementResult IncentiveService::GetIssued(
    const rpc::Caller& caller, db::Session& db, const v1::GetStatementRequest& request) {
  Reader reader;
  const std::string id = reader.Name("statements", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> StatementResult {
    const absl::StatusOr<StoredStatement> statement = statements_.Load(snapshot, id);
    if (!statement.ok()) return statement.status();
    if (!MaySeeStatement(caller, *statement)) return error::NotFound(request.name());
    return statement->body;
  });
}

absl::StatusOr<v1::ListStatementsResponse> IncentiveService::ListIssued(
    const rpc::Caller& caller, db::Session& db, const v1::ListStatementsRequest& request) {
  Reader reader;
  StatementStore::Filter filter;
  filter.commission_plan_id =
      reader.Name(kPlans, request.commission_plan(), "commission_plan", Need::kOptional);
  filter.member_id = reader.Name("members", request.member(), "member", Need::kOptional);
  if (const std::optional<DayRange> range =
          reader.Days(request.has_range(), request.range(), "range", Need::kOptional)) {
    filter.first_day = range->first;
    filter.last_day = range->last;
  }
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  // Who sees one member only reads no others.
  const access::Scope& scope = caller.scope();
  if (filter.member_id.empty() && !scope.sees_all() && scope.owners().size() == 1)
    filter.member_id = scope.owners().front();
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListStatementsResponse> {
    v1::ListStatementsResponse response;
    std::string after = page.after.empty() ? "" : page.after[0];
    std::string last_sent;
    while (true) {
      const absl::StatusOr<std::vector<StoredStatement>> statements =
          statements_.List(snapshot, filter, after, page.size + 1);
      if (!statements.ok()) return statements.status();
      for (const StoredStatement& statement : *statements) {
        after = statement.id;
        if (!MaySeeStatement(caller, statement)) continue;
        if (response.statements_size() == page.size) {
          response.set_next_page_token(resource::NextPageToken(request, {last_sent}));
          return response;
        }
        last_sent = statement.id;
        *response.add_statements() = statement.body;
      }
      if (statements->size() <= static_cast<size_t>(page.size)) return response;
    }
  });
}

absl::StatusOr<v1::RecomputeStatementResponse> IncentiveService::Recompute(
    const rpc::Caller& caller, db::Session& db, const v1::RecomputeStatementRequest& request) {
  Reader reader;
  const std::string id = reader.Name("statements", request.name(), "name", Need::kRequired);
  if (request.plan_version() < 0) reader.Add("plan_version", "must not be below 0");
  if (absl::Status s = reader.status(); !s.ok()) return s;
  v1::RecomputeStatementResponse response;
  absl::StatusOr<Basis> basis = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<Basis> {
    const absl::StatusOr<StoredStatement> stored = statements_.Load(snapshot, id);
    if (!stored.ok()) return stored.status();
    if (!MaySeeStatement(caller, *stored)) return error::NotFound(request.name());
    const v1::CommissionStatement& issued = stored->body;
    *response.mutable_issued() = issued;
    Basis read;
    read.member_id = stored->member_id;
    read.terms = FromProto(issued.terms());
    read.label = issued.period_label();
    read.plan_id = resource::IdOf("plans", issued.plan()).value_or("");
    read.team_id = resource::IdOf("units", issued.team()).value_or("");
    read.head.commission_plan = issued.commission_plan();
    read.head.member = issued.member();
    read.head.days = RangeOf(issued.period());
    read.head.currency_code = issued.currency_code();
    read.head.plan = issued.plan();
    const int64_t version =
        request.plan_version() == 0 ? issued.plan_version() : request.plan_version();
    if (absl::Status s = ReadTargets(snapshot, version, read); !s.ok()) return s;
    absl::StatusOr<std::vector<StoredStatement>> earlier =
        statements_.Before(snapshot, stored->commission_plan_id, stored->member_id,
                           stored->first_day, static_cast<int>(kMaxCommissionEarlierPeriods));
    if (!earlier.ok()) return earlier.status();
    read.earlier = *std::move(earlier);
    if (request.newest_actuals()) {
      if (absl::Status s = ReadRecorded(snapshot, read); !s.ok()) return s;
      return read;
    }
    read.facts = FactsOf(issued);
    read.matched = true;
    read.matched_returns = ReturnsOf(issued);
    read.head.unmatched_returns = issued.unmatched_return_units();
    read.head.team_actual = issued.team_actual_units();
    return read;
  });
  if (!basis.ok()) return basis.status();
  db.EndRead();
  if (request.newest_actuals()) {
    if (absl::Status s = Measure(caller, *basis); !s.ok()) return s;
  }
  StatementResult recomputed = Statement(*basis);
  if (!recomputed.ok()) return recomputed.status();
  *recomputed->mutable_terms() = response.issued().terms();
  *response.mutable_recomputed() = *std::move(recomputed);
  response.set_same(response.recomputed().canonical_text() == response.issued().canonical_text());
  response.set_content_intact(HashOf(response.issued().canonical_text()) ==
                              response.issued().content_hash());
  Compare(response.issued(), response.recomputed(), response);
  return response;
}

absl::StatusOr<v1::SimulateStatementResponse> IncentiveService::Simulate(
    const rpc::Caller& caller, db::Session& db, const v1::SimulateStatementRequest& request) {
  Reader reader;
  std::string plan_id;
  CommissionPlan terms;
  if (request.has_commission_plan()) {
    plan_id = reader.Name(kPlans, request.commission_plan(), "commission_plan", Need::kRequired);
  } else {
    terms = ReadTerms(request.has_terms(), request.terms(), "terms", reader);
  }
  const int64_t target = reader.Number(request.target_units(), "target_units", 0, kMaxTargetUnits);
  reader.Number(request.opening_balance_units(), "opening_balance_units", kMinOpeningBalance, 0);
  if (request.scenarios_size() < 1 || request.scenarios_size() > kMaxScenarios) {
    reader.Add("scenarios", absl::StrCat("has ", request.scenarios_size(),
                                         " scenarios; must have 1 to ", kMaxScenarios));
  }
  struct Case {
    std::string label;
    int64_t base = 0;
  };
  std::vector<Case> cases;
  for (int i = 0; i < request.scenarios_size(); ++i) {
    const v1::SimulateStatementRequest::Scenario& scenario = request.scenarios(i);
    const std::string at = At("scenarios", static_cast<size_t>(i));
    Case one;
    one.label = reader.Text(scenario.label(), at + ".label", kMaxDisplayName);
    if (one.label.empty()) one.label = absl::StrCat(i + 1);
    if (scenario.has_attainment_ppm()) {
      reader.Number(scenario.attainment_ppm(), at + ".attainment_ppm", 0, kMaxAttainmentPpm);
      if (target == 0) reader.Add(at + ".attainment_ppm", "needs target_units");
      one.base = ScaleByPpm(target, scenario.attainment_ppm()).value_or(-1);
      // An attainment is reached by what is not below it.
      if (one.base >= 0 && target > 0 &&
          RatioPpm(one.base, target).value_or(0) < scenario.attainment_ppm()) {
        ++one.base;
      }
      if (one.base < 0 || one.base > kMaxMinorUnits)
        reader.Add(at + ".attainment_ppm", absl::StrCat("makes more than ", kMaxMinorUnits));
    } else if (scenario.has_base_units()) {
      one.base = reader.Number(scenario.base_units(), at + ".base_units", 0, kMaxMinorUnits);
    } else {
      reader.Add(at + ".base_units", "is required, or attainment_ppm");
    }
    if (one.base >= 0)
      reader.Number(scenario.returned_units(), at + ".returned_units", 0, one.base);
    reader.Number(scenario.team_attainment_ppm(), at + ".team_attainment_ppm", 0,
                  kMaxAttainmentPpm);
    cases.push_back(std::move(one));
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  StatementHead head;
  head.currency_code = currency_code_;
  if (!plan_id.empty()) {
    const absl::Status read = db.Read([&](db::Snapshot& snapshot) -> absl::Status {
      const absl::StatusOr<StoredCommissionPlan> plan = FindPlan(caller, snapshot, plan_id);
      if (!plan.ok()) return plan.status();
      terms = FromProto(plan->body.terms());
      return absl::OkStatus();
    });
    if (!read.ok()) return read;
    head.commission_plan = request.commission_plan();
  }
  const absl::CivilDay today = directory_.clock().Today();
  head.days = {today, today};
  v1::SimulateStatementResponse response;
  for (size_t i = 0; i < cases.size(); ++i) {
    const v1::SimulateStatementRequest::Scenario& scenario = request.scenarios(static_cast<int>(i));
    CommissionInput input;
    input.plan = terms;
    input.period.id = cases[i].label;
    input.period.days = head.days;
    input.period.target = target;
    input.period.team_attainment_ppm = scenario.team_attainment_ppm();
    input.opening_balance = request.opening_balance_units();
    if (cases[i].base > 0) input.period.facts = {{"sold", terms.base, today, cases[i].base}};
    if (scenario.returned_units() > 0)
      input.returns = {{"returned", "sold", today, scenario.returned_units()}};
    const absl::StatusOr<CommissionStatement> statement = ComputeCommission(input);
    if (!statement.ok()) {
      const auto path_of = [](const std::string& field) {
        return field == "period.target" ? std::string("target_units") : field;
      };
      if (!AddViolations(statement.status(), path_of, reader)) return statement.status();
      return reader.status();
    }
    v1::CommissionStatement& message = *response.add_statements();
    message.set_commission_plan(head.commission_plan);
    *message.mutable_terms() = ToProto(terms);
    message.set_currency_code(head.currency_code);
    SetComputed(input, *statement, message);
    message.set_canonical_text(StatementText(head, input, *statement));
    message.set_content_hash(HashOf(message.canonical_text()));
  }
  return response;
}

}  // namespace milepost::target
