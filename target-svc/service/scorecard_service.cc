#include "target-svc/service/scorecard_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/recorded_actual.h"
#include "target-svc/domain/scorecard.h"
#include "target-svc/service/arithmetic.h"
#include "target-svc/service/history.h"
#include "target-svc/service/owner_target.h"
#include "target-svc/service/reader.h"

namespace milepost::target {
namespace {

constexpr char kTemplates[] = "scorecardTemplates";
constexpr char kCards[] = "scorecards";
constexpr size_t kMaxGradeName = 32;
constexpr int kMaxCardDays = 366;

const std::set<std::string>& ChangeableFields() {
  static const std::set<std::string> fields{"title", "kpis", "grades", "retired"};
  return fields;
}

// A private plan of the template's unit and owner.
Plan PlanLike(const StoredScorecardTemplate& stored) {
  Plan plan;
  plan.owner_id = stored.owner_id;
  plan.unit_id = stored.unit_id;
  return plan;
}

template <typename Message>
Scorecard ToDomain(const Message& message) {
  Scorecard card;
  for (const v1::Kpi& kpi : message.kpis()) {
    Kpi& one = card.kpis.emplace_back();
    one.id = kpi.id();
    one.name = kpi.display_name();
    one.input = static_cast<KpiInput>(kpi.input());
    one.weight_ppm = kpi.weight_ppm();
    for (const v1::Kpi::Point& point : kpi.points())
      one.curve.points.push_back({point.x(), point.score_ppm()});
    one.curve.score_below_ppm = kpi.score_below_ppm();
    one.min_rating = kpi.min_rating();
    one.max_rating = kpi.max_rating();
  }
  for (const v1::GradeBand& band : message.grades())
    card.grades.push_back({band.grade(), band.from_ppm()});
  return card;
}

// The curve of a KPI is told as its points.
std::string PathOf(const std::string& field) {
  const size_t curve = field.find(".curve.");
  return curve == std::string::npos ? field : field.substr(0, curve) + field.substr(curve + 6);
}

void ReadKpis(const v1::ScorecardTemplate& message, Reader& reader) {
  for (int i = 0; i < message.kpis_size(); ++i) {
    const v1::Kpi& kpi = message.kpis(i);
    const std::string at = absl::StrCat("scorecard_template.kpis[", i, "].");
    if (!kpi.id().empty()) reader.Id(kpi.id(), at + "id", Need::kRequired);
    reader.Text(kpi.display_name(), at + "display_name", kMaxDisplayName, Need::kRequired);
    reader.Text(kpi.description(), at + "description", kMaxNote);
    reader.Choice(kpi.input(), at + "input", v1::Kpi::Input_IsValid, Need::kRequired);
    const bool rated = kpi.input() == v1::Kpi::RATING;
    reader.Name("metrics", kpi.metric(), at + "metric", rated ? Need::kOptional : Need::kRequired);
    reader.Name("plans", kpi.plan(), at + "plan",
                kpi.input() == v1::Kpi::ATTAINMENT ? Need::kRequired : Need::kOptional);
    if (!kpi.plan().empty() && kpi.input() != v1::Kpi::ATTAINMENT)
      reader.Add(at + "plan", "is only for a KPI judged by its attainment");
    if (!rated && (kpi.min_rating() != 0 || kpi.max_rating() != 0))
      reader.Add(at + "max_rating", "is only for a KPI that is rated");
  }
}

// What a template says, whole.
void ReadTemplate(const v1::ScorecardTemplate& message, Reader& reader) {
  reader.Text(message.title(), "scorecard_template.title", kMaxTitle, Need::kRequired);
  ReadKpis(message, reader);
  for (int i = 0; i < message.grades_size(); ++i) {
    reader.Text(message.grades(i).grade(), absl::StrCat("scorecard_template.grades[", i, "].grade"),
                kMaxGradeName);
  }
  AddViolations(
      CheckScorecard(ToDomain(message)),
      [](const std::string& field) { return absl::StrCat("scorecard_template.", PathOf(field)); },
      reader);
}

// Scores what there is, and adds it up.
absl::Status Score(v1::Scorecard& body) {
  std::vector<KpiResult> results;
  for (const v1::Scorecard::Result& result : body.results()) {
    KpiResult one{.kpi_id = result.kpi()};
    if (result.has_target_units()) one.target = result.target_units();
    if (result.has_actual_units()) one.actual = result.actual_units();
    if (result.has_rating()) one.rating = result.rating();
    results.push_back(std::move(one));
  }
  const absl::StatusOr<ScoredCard> scored = ScoreCard(ToDomain(body), results);
  if (!scored.ok()) return scored.status();
  for (size_t i = 0; i < scored->scores.size(); ++i) {
    const KpiScore& score = scored->scores[i];
    v1::Scorecard::Result& result = *body.mutable_results(static_cast<int>(i));
    result.clear_score_ppm();
    if (score.score_ppm) result.set_score_ppm(*score.score_ppm);
    result.set_points_ppm(score.points_ppm);
    result.clear_steps();
    for (const Step& step : score.steps) *result.add_steps() = ToProto(step);
  }
  body.set_total_ppm(scored->total_ppm);
  body.set_complete(scored->complete);
  body.set_grade(scored->grade.value_or(""));
  return absl::OkStatus();
}

bool MaySee(const rpc::Caller& caller, const StoredScorecard& stored) {
  return caller.scope().MaySeePersonal(stored.member_id);
}

}  // namespace

ScorecardService::ScorecardService(
    rpc::Runner& rpc, Directory& directory,
    std::shared_ptr<reporting::v1::ReportService::StubInterface> reports, std::string currency_code)
    : rpc_(rpc),
      directory_(directory),
      reports_(std::move(reports)),
      currency_code_(std::move(currency_code)) {
  rpc_.Register<v1::ScorecardService>();
}

grpc::ServerUnaryReactor* ScorecardService::GetScorecardTemplate(
    grpc::CallbackServerContext* context, const v1::GetScorecardTemplateRequest* request,
    v1::ScorecardTemplate* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return GetTemplate(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::ListScorecardTemplates(
    grpc::CallbackServerContext* context, const v1::ListScorecardTemplatesRequest* request,
    v1::ListScorecardTemplatesResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListTemplates(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::CreateScorecardTemplate(
    grpc::CallbackServerContext* context, const v1::CreateScorecardTemplateRequest* request,
    v1::ScorecardTemplate* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return CreateTemplate(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::UpdateScorecardTemplate(
    grpc::CallbackServerContext* context, const v1::UpdateScorecardTemplateRequest* request,
    v1::ScorecardTemplate* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return UpdateTemplate(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::GetScorecard(grpc::CallbackServerContext* context,
                                                         const v1::GetScorecardRequest* request,
                                                         v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::ListScorecards(grpc::CallbackServerContext* context,
                                                           const v1::ListScorecardsRequest* request,
                                                           v1::ListScorecardsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::CreateScorecard(
    grpc::CallbackServerContext* context, const v1::CreateScorecardRequest* request,
    v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::MeasureScorecard(
    grpc::CallbackServerContext* context, const v1::MeasureScorecardRequest* request,
    v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Measure(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::RateScorecard(grpc::CallbackServerContext* context,
                                                          const v1::RateScorecardRequest* request,
                                                          v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Rate(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::CompleteScorecard(
    grpc::CallbackServerContext* context, const v1::CompleteScorecardRequest* request,
    v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Complete(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::ReviewScorecard(
    grpc::CallbackServerContext* context, const v1::ReviewScorecardRequest* request,
    v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Review(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::ReturnScorecard(
    grpc::CallbackServerContext* context, const v1::ReturnScorecardRequest* request,
    v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Return(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::AcknowledgeScorecard(
    grpc::CallbackServerContext* context, const v1::AcknowledgeScorecardRequest* request,
    v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Acknowledge(call...); });
}
grpc::ServerUnaryReactor* ScorecardService::DisputeScorecard(
    grpc::CallbackServerContext* context, const v1::DisputeScorecardRequest* request,
    v1::Scorecard* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Dispute(call...); });
}

// --- Templates -----------------------------------------------------------------------------------

ScorecardService::TemplateResult ScorecardService::GetTemplate(
    const rpc::Caller&, db::Session& db, const v1::GetScorecardTemplateRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kTemplates, request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> TemplateResult {
    const absl::StatusOr<StoredScorecardTemplate> stored = templates_.Load(snapshot, id);
    if (!stored.ok()) return stored.status();
    return ToProto(*stored);
  });
}

absl::StatusOr<v1::ListScorecardTemplatesResponse> ScorecardService::ListTemplates(
    const rpc::Caller&, db::Session& db, const v1::ListScorecardTemplatesRequest& request) {
  Reader reader;
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListScorecardTemplatesResponse> {
    absl::StatusOr<std::vector<StoredScorecardTemplate>> templates = templates_.List(
        snapshot, request.show_retired(), page.after.empty() ? "" : page.after[0], page.size + 1);
    if (!templates.ok()) return templates.status();
    v1::ListScorecardTemplatesResponse response;
    if (templates->size() > static_cast<size_t>(page.size)) {
      templates->pop_back();
      response.set_next_page_token(resource::NextPageToken(request, {templates->back().id}));
    }
    for (const StoredScorecardTemplate& stored : *templates)
      *response.add_scorecard_templates() = ToProto(stored);
    return response;
  });
}

absl::Status ScorecardService::CheckReferences(db::Snapshot& snapshot,
                                               const v1::ScorecardTemplate& body) const {
  Reader reader;
  for (int i = 0; i < body.kpis_size(); ++i) {
    const v1::Kpi& kpi = body.kpis(i);
    const std::string at = absl::StrCat("scorecard_template.kpis[", i, "].");
    if (!kpi.metric().empty()) {
      const absl::StatusOr<Metric> metric =
          metrics_.Load(snapshot, resource::IdOf("metrics", kpi.metric()).value_or(""));
      if (absl::IsNotFound(metric.status())) return error::ReferenceMissing(kpi.metric());
      if (!metric.ok()) return metric.status();
      if (kpi.input() != v1::Kpi::RATING && metric->source == MetricSource::kComputed)
        reader.Add(at + "metric", "is computed from other metrics, which are measured instead");
    }
    if (kpi.plan().empty()) continue;
    const absl::StatusOr<Plan> plan =
        plans_.Load(snapshot, resource::IdOf("plans", kpi.plan()).value_or(""));
    if (absl::IsNotFound(plan.status())) return error::ReferenceMissing(kpi.plan());
    if (!plan.ok()) return plan.status();
    if (resource::Name("metrics", plan->metric_id) != kpi.metric()) {
      reader.Add(at + "plan", absl::StrCat("is a plan of metrics/", plan->metric_id,
                                           "; the KPI is measured by ", kpi.metric()));
    }
  }
  return reader.status();
}

ScorecardService::TemplateResult ScorecardService::CreateTemplate(
    const rpc::Caller& caller, db::Session& db, const v1::CreateScorecardTemplateRequest& request) {
  Reader reader;
  const v1::ScorecardTemplate& message = request.scorecard_template();
  StoredScorecardTemplate draft;
  draft.create_time = draft.update_time = directory_.clock().Now();
  draft.id = reader.Id(request.scorecard_template_id(), "scorecard_template_id", Need::kOptional);
  if (draft.id.empty()) draft.id = resource::NewId('t', draft.create_time);
  if (!request.has_scorecard_template()) reader.Add("scorecard_template", "is required");
  draft.unit_id = reader.Name("units", message.unit(), "scorecard_template.unit", Need::kOptional);
  ReadTemplate(message, reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  draft.owner_id = caller.member();
  draft.body.set_title(message.title());
  draft.body.set_unit(message.unit());
  *draft.body.mutable_kpis() = message.kpis();
  *draft.body.mutable_grades() = message.grades();
  draft.body.set_retired(message.retired());
  if (!draft.owner_id.empty()) draft.body.set_owner(resource::Name("members", draft.owner_id));
  return db.Transact([&](db::Transaction& tx) -> TemplateResult {
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    if (!actor->admin && !LeadsPlan(*actor, PlanLike(draft)))
      return error::MayNotCreate(message.unit());
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(tx);
    if (!tree.ok()) return tree.status();
    if (!draft.unit_id.empty() && (*tree)->Find(draft.unit_id) == nullptr)
      return error::ReferenceMissing(message.unit());
    if (absl::Status s = CheckReferences(tx, draft.body); !s.ok()) return s;
    const absl::StatusOr<StoredScorecardTemplate> inserted =
        templates_.Insert(tx, caller.Change(request), draft);
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

ScorecardService::TemplateResult ScorecardService::UpdateTemplate(
    const rpc::Caller& caller, db::Session& db, const v1::UpdateScorecardTemplateRequest& request) {
  Reader reader;
  const v1::ScorecardTemplate& message = request.scorecard_template();
  const std::string id =
      reader.Name(kTemplates, message.name(), "scorecard_template.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), message, ChangeableFields(), reader.violations());
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Transact([&](db::Transaction& tx) -> TemplateResult {
    const absl::StatusOr<StoredScorecardTemplate> before = templates_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    if (!MayEdit(*actor, PlanLike(*before))) return error::MayNotEdit(message.name());
    if (version && *version != before->version) return error::StaleEtag(message.name());
    StoredScorecardTemplate stored = *before;
    stored.update_time = directory_.clock().NowAfter(before->update_time);
    if (fields.contains("title")) stored.body.set_title(message.title());
    if (fields.contains("kpis")) *stored.body.mutable_kpis() = message.kpis();
    if (fields.contains("grades")) *stored.body.mutable_grades() = message.grades();
    if (fields.contains("retired")) stored.body.set_retired(message.retired());
    Reader whole;
    ReadTemplate(stored.body, whole);
    if (absl::Status s = whole.status(); !s.ok()) return s;
    if (absl::Status s = CheckReferences(tx, stored.body); !s.ok()) return s;
    const absl::StatusOr<StoredScorecardTemplate> saved =
        templates_.Save(tx, caller.Change(request), std::move(stored), before->update_time);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

// --- Scorecards ----------------------------------------------------------------------------------

ScorecardService::CardResult ScorecardService::Get(const rpc::Caller& caller, db::Session& db,
                                                   const v1::GetScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> CardResult {
    const absl::StatusOr<StoredScorecard> stored = cards_.Load(snapshot, id);
    if (!stored.ok()) return stored.status();
    if (!MaySee(caller, *stored)) return error::NotFound(request.name());
    return ToProto(*stored);
  });
}

absl::StatusOr<v1::ListScorecardsResponse> ScorecardService::List(
    const rpc::Caller& caller, db::Session& db, const v1::ListScorecardsRequest& request) {
  Reader reader;
  ScorecardStore::Filter filter;
  filter.template_id =
      reader.Name(kTemplates, request.scorecard_template(), "scorecard_template", Need::kOptional);
  filter.member_id = reader.Name("members", request.member(), "member", Need::kOptional);
  reader.Choice(request.state(), "state", v1::Scorecard::State_IsValid);
  if (request.state() != v1::Scorecard::STATE_UNSPECIFIED) filter.state = request.state();
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
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListScorecardsResponse> {
    v1::ListScorecardsResponse response;
    std::string after = page.after.empty() ? "" : page.after[0];
    std::string last_sent;
    while (true) {
      const absl::StatusOr<std::vector<StoredScorecard>> cards =
          cards_.List(snapshot, filter, after, page.size + 1);
      if (!cards.ok()) return cards.status();
      for (const StoredScorecard& stored : *cards) {
        after = stored.id;
        if (!MaySee(caller, stored)) continue;
        if (response.scorecards_size() == page.size) {
          response.set_next_page_token(resource::NextPageToken(request, {last_sent}));
          return response;
        }
        last_sent = stored.id;
        *response.add_scorecards() = ToProto(stored);
      }
      if (cards->size() <= static_cast<size_t>(page.size)) return response;
    }
  });
}

ScorecardService::CardResult ScorecardService::Create(const rpc::Caller& caller, db::Session& db,
                                                      const v1::CreateScorecardRequest& request) {
  Reader reader;
  const v1::Scorecard& message = request.scorecard();
  StoredScorecard draft;
  draft.create_time = draft.update_time = directory_.clock().Now();
  draft.id = reader.Id(request.scorecard_id(), "scorecard_id", Need::kOptional);
  if (draft.id.empty()) draft.id = resource::NewId('k', draft.create_time);
  if (!request.has_scorecard()) reader.Add("scorecard", "is required");
  draft.template_id = reader.Name(kTemplates, message.scorecard_template(),
                                  "scorecard.scorecard_template", Need::kRequired);
  draft.member_id = reader.Name("members", message.member(), "scorecard.member", Need::kRequired);
  if (const std::optional<DayRange> period = reader.Days(message.has_period(), message.period(),
                                                         "scorecard.period", Need::kRequired)) {
    draft.first_day = period->first;
    draft.last_day = period->last;
    if (period->last - period->first >= kMaxCardDays)
      reader.Add("scorecard.period", absl::StrCat("is longer than ", kMaxCardDays, " days"));
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Transact([&](db::Transaction& tx) -> CardResult {
    const absl::Status member = directory_.members().Load(tx, draft.member_id).status();
    if (absl::IsNotFound(member)) return error::ReferenceMissing(message.member());
    if (!member.ok()) return member;
    if (!MaySee(caller, draft)) return error::ReferenceMissing(message.member());
    if (caller.member() == draft.member_id) return error::OwnRecord(message.member());
    if (!caller.scope().MayChange(draft.member_id))
      return error::MayNotAct(message.member(), "who leads the member, or an administrator");
    const absl::StatusOr<StoredScorecardTemplate> from = templates_.Load(tx, draft.template_id);
    if (absl::IsNotFound(from.status()))
      return error::ReferenceMissing(message.scorecard_template());
    if (!from.ok()) return from.status();
    if (from->body.retired())
      return error::WrongState(message.scorecard_template(), "retired", "in use");
    StoredScorecard stored = draft;
    stored.body.set_scorecard_template(message.scorecard_template());
    stored.body.set_member(message.member());
    *stored.body.mutable_period() = message.period();
    stored.body.set_title(from->body.title());
    *stored.body.mutable_kpis() = from->body.kpis();
    *stored.body.mutable_grades() = from->body.grades();
    stored.body.set_state(v1::Scorecard::OPEN);
    for (const v1::Kpi& kpi : stored.body.kpis()) stored.body.add_results()->set_kpi(kpi.id());
    if (absl::Status s = Score(stored.body); !s.ok()) return s;
    const absl::StatusOr<StoredScorecard> inserted =
        cards_.Insert(tx, caller.Change(request), std::move(stored));
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

template <typename Change>
ScorecardService::CardResult ScorecardService::ChangeCard(
    const rpc::Caller& caller, db::Session& db, const google::protobuf::Message& request,
    const std::string& id, std::optional<int64_t> version, AppraisalVerb verb,
    const char* event_type, Change change) {
  return db.Transact([&](db::Transaction& tx) -> CardResult {
    const std::string name = resource::Name(kCards, id);
    const absl::StatusOr<StoredScorecard> before = cards_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    if (!MaySee(caller, *before)) return error::NotFound(name);
    if (version && *version != before->version) return error::StaleEtag(name);
    AppraisalCase c;
    c.name = name;
    c.member_id = before->member_id;
    c.actor_id = caller.member();
    c.leads = caller.scope().MayChange(before->member_id);
    c.complete = before->body.complete();
    for (const v1::Scorecard::Result& result : before->body.results()) {
      if (!result.rater().empty())
        c.raters.insert(resource::IdOf("members", result.rater()).value_or(""));
    }
    const absl::StatusOr<AppraisalState> state =
        ApplyAppraisal(static_cast<AppraisalState>(before->body.state()), verb, c);
    if (!state.ok()) return state.status();
    StoredScorecard stored = *before;
    stored.update_time = directory_.clock().NowAfter(before->update_time);
    stored.body.set_state(static_cast<v1::Scorecard::State>(*state));
    if (absl::Status s = change(stored, *before); !s.ok()) return s;
    const absl::StatusOr<StoredScorecard> saved =
        cards_.Save(tx, caller.Change(request), event_type, std::move(stored), before->update_time);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

absl::Status ScorecardService::ReadResults(db::Snapshot& snapshot, const StoredScorecard& stored,
                                           std::vector<v1::Scorecard::Result>& results,
                                           std::vector<Open>& open) {
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  Scope scope;
  scope.period = {stored.first_day, stored.last_day};
  scope.member_id = stored.member_id;
  for (int i = 0; i < stored.body.kpis_size(); ++i) {
    const v1::Kpi& kpi = stored.body.kpis(i);
    v1::Scorecard::Result& result = results.emplace_back();
    if (kpi.input() == v1::Kpi::RATING) continue;
    const std::string metric_id = resource::IdOf("metrics", kpi.metric()).value_or("");
    const absl::StatusOr<Metric> metric = metrics_.Load(snapshot, metric_id);
    if (absl::IsNotFound(metric.status())) return error::ReferenceMissing(kpi.metric());
    if (!metric.ok()) return metric.status();
    if (kpi.input() == v1::Kpi::ATTAINMENT) {
      const absl::StatusOr<Plan> plan =
          plans_.Load(snapshot, resource::IdOf("plans", kpi.plan()).value_or(""));
      if (absl::IsNotFound(plan.status())) return error::ReferenceMissing(kpi.plan());
      if (!plan.ok()) return plan.status();
      const absl::StatusOr<SummedTarget> target =
          ReadTarget(snapshot, plans_, *plan, 0, stored.body.member(), scope.period);
      if (!target.ok()) return target.status();
      result.set_target_units(target->units);
      result.set_plan_version(plan->version);
    }
    if (metric->source == MetricSource::kDerived) {
      open.push_back({static_cast<size_t>(i), metric_id, metric->unit == MetricUnit::kMoney});
      continue;
    }
    ActualSummer summer(metric->aggregation);
    const absl::Status read =
        actuals_.ForEach(snapshot, metric_id, scope.period, [&](const RecordedActual& actual) {
          if (CountsFor(actual, scope, **tree)) summer.Add(actual);
        });
    if (!read.ok()) return read;
    const absl::StatusOr<ActualSum> sum = summer.Sum();
    if (!sum.ok()) return sum.status();
    if (sum->value) result.set_actual_units(*sum->value);
  }
  return absl::OkStatus();
}

ScorecardService::CardResult ScorecardService::Measure(const rpc::Caller& caller, db::Session& db,
                                                       const v1::MeasureScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  std::vector<v1::Scorecard::Result> results;
  std::vector<Open> open;
  const absl::StatusOr<StoredScorecard> stored =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<StoredScorecard> {
        absl::StatusOr<StoredScorecard> found = cards_.Load(snapshot, id);
        if (!found.ok()) return found;
        if (!MaySee(caller, *found)) return error::NotFound(request.name());
        if (absl::Status s = ReadResults(snapshot, *found, results, open); !s.ok()) return s;
        return found;
      });
  if (!stored.ok()) return stored.status();
  db.EndRead();
  History history(*reports_, caller);
  const DayRange days{stored->first_day, std::min(stored->last_day, directory_.clock().Today())};
  for (const Open& one : open) {
    HistorySpec spec;
    spec.metric_id = one.metric_id;
    if (one.money) spec.currency_code = currency_code_;
    int64_t actual = 0;
    if (days.first <= days.last) {
      const absl::StatusOr<std::vector<int64_t>> totals =
          history.MemberTotals(spec, {stored->member_id}, days);
      if (!totals.ok()) return totals.status();
      actual = totals->front();
    }
    results[one.kpi].set_actual_units(actual);
  }
  return ChangeCard(caller, db, request, id, version, AppraisalVerb::kMeasure, "scorecard.measured",
                    [&](StoredScorecard& card, const StoredScorecard&) -> absl::Status {
                      for (int i = 0; i < card.body.results_size(); ++i) {
                        if (card.body.kpis(i).input() == v1::Kpi::RATING) continue;
                        v1::Scorecard::Result& result = *card.body.mutable_results(i);
                        result = results[static_cast<size_t>(i)];
                        result.set_kpi(card.body.kpis(i).id());
                        *result.mutable_measure_time() = milepost::ToProto(card.update_time);
                      }
                      return Score(card.body);
                    });
}

ScorecardService::CardResult ScorecardService::Rate(const rpc::Caller& caller, db::Session& db,
                                                    const v1::RateScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  CheckSize(static_cast<size_t>(request.ratings_size()), 1, kMaxKpis, "ratings", "ratings",
            reader.violations());
  std::set<std::string> seen;
  for (int i = 0; i < request.ratings_size(); ++i) {
    const v1::RateScorecardRequest::Rating& rating = request.ratings(i);
    const std::string at = At("ratings", static_cast<size_t>(i));
    if (rating.kpi().empty()) reader.Add(at + ".kpi", "is required");
    if (!rating.kpi().empty() && !seen.insert(rating.kpi()).second)
      reader.Add(at + ".kpi", "is there twice");
    reader.Text(rating.comment(), at + ".comment", kMaxNote, Need::kRequired);
  }
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCard(
      caller, db, request, id, version, AppraisalVerb::kRate, "scorecard.rated",
      [&](StoredScorecard& card, const StoredScorecard&) -> absl::Status {
        Reader known;
        for (int i = 0; i < request.ratings_size(); ++i) {
          const v1::RateScorecardRequest::Rating& rating = request.ratings(i);
          const std::string at = At("ratings", static_cast<size_t>(i));
          int place = 0;
          while (place < card.body.kpis_size() && card.body.kpis(place).id() != rating.kpi())
            ++place;
          if (place == card.body.kpis_size()) {
            known.Add(at + ".kpi", absl::StrCat(rating.kpi(), " is no KPI of the scorecard"));
            continue;
          }
          const v1::Kpi& kpi = card.body.kpis(place);
          if (kpi.input() != v1::Kpi::RATING) {
            known.Add(at + ".kpi", absl::StrCat(rating.kpi(), " is measured, not rated"));
            continue;
          }
          known.Number(rating.rating(), at + ".rating", kpi.min_rating(), kpi.max_rating());
          v1::Scorecard::Result& result = *card.body.mutable_results(place);
          result.set_rating(rating.rating());
          result.set_comment(rating.comment());
          result.set_rater(caller.member().empty() ? ""
                                                   : resource::Name("members", caller.member()));
          *result.mutable_rate_time() = milepost::ToProto(card.update_time);
        }
        if (absl::Status s = known.status(); !s.ok()) return s;
        return Score(card.body);
      });
}

ScorecardService::CardResult ScorecardService::Complete(
    const rpc::Caller& caller, db::Session& db, const v1::CompleteScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCard(caller, db, request, id, version, AppraisalVerb::kComplete,
                    "scorecard.completed",
                    [](StoredScorecard&, const StoredScorecard&) { return absl::OkStatus(); });
}

ScorecardService::CardResult ScorecardService::Review(const rpc::Caller& caller, db::Session& db,
                                                      const v1::ReviewScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  const std::string note = reader.Text(request.note(), "note", kMaxNote);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCard(caller, db, request, id, version, AppraisalVerb::kReview, "scorecard.reviewed",
                    [&](StoredScorecard& card, const StoredScorecard& before) -> absl::Status {
                      if (before.body.state() == v1::Scorecard::DISPUTED && note.empty()) {
                        Reader disputed;
                        disputed.Add("note", "is required: the member objects");
                        return disputed.status();
                      }
                      card.body.set_reviewer(caller.member().empty()
                                                 ? ""
                                                 : resource::Name("members", caller.member()));
                      card.body.set_review_note(note);
                      return absl::OkStatus();
                    });
}

ScorecardService::CardResult ScorecardService::Return(const rpc::Caller& caller, db::Session& db,
                                                      const v1::ReturnScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCard(caller, db, request, id, version, AppraisalVerb::kReturn, "scorecard.returned",
                    [&](StoredScorecard& card, const StoredScorecard&) -> absl::Status {
                      card.body.set_return_reason(reason);
                      return absl::OkStatus();
                    });
}

ScorecardService::CardResult ScorecardService::Acknowledge(
    const rpc::Caller& caller, db::Session& db, const v1::AcknowledgeScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  const std::string note = reader.Text(request.note(), "note", kMaxNote);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCard(caller, db, request, id, version, AppraisalVerb::kAcknowledge,
                    "scorecard.acknowledged",
                    [&](StoredScorecard& card, const StoredScorecard&) -> absl::Status {
                      card.body.set_acknowledge_note(note);
                      *card.body.mutable_acknowledge_time() = milepost::ToProto(card.update_time);
                      return absl::OkStatus();
                    });
}

ScorecardService::CardResult ScorecardService::Dispute(const rpc::Caller& caller, db::Session& db,
                                                       const v1::DisputeScorecardRequest& request) {
  Reader reader;
  const std::string id = reader.Name(kCards, request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeCard(caller, db, request, id, version, AppraisalVerb::kDispute, "scorecard.disputed",
                    [&](StoredScorecard& card, const StoredScorecard&) -> absl::Status {
                      card.body.set_dispute_reason(reason);
                      return absl::OkStatus();
                    });
}

}  // namespace milepost::target
