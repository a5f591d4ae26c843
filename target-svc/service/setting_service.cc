#include "target-svc/service/setting_service.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/smart_check.h"
#include "target-svc/domain/suggestion.h"
#include "target-svc/service/arithmetic.h"
#include "target-svc/service/history.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/reader.h"

namespace milepost::target {
namespace {

constexpr int kMaxCheckYears = 10;
constexpr int kCheckYears = 3;
constexpr int kMembersPerPage = 1'000;

Estimate ReadEstimate(const v1::Estimate& message) {
  return {message.low(), message.base(), message.high()};
}

v1::Estimate ToProto(const Estimate& estimate) {
  v1::Estimate message;
  message.set_low(estimate.low);
  message.set_base(estimate.base);
  message.set_high(estimate.high);
  return message;
}

template <typename Evidence>
int64_t WeightOf(const Evidence& message) {
  return message.has_weight() ? message.weight() : 1;
}

// The path that clients know a field of the evidence under.
std::string EvidencePath(const std::string& field) {
  if (field == "rounding_unit") return "rounding_units";
  std::string path = absl::StrReplaceAll(field, {{".per_member_month", ".per_member_month_units"},
                                                 {".per_customer", ".per_customer_units"}});
  for (const char* name : {".last", ".market", ".won", ".open", ".to_come"}) {
    if (absl::EndsWith(path, name)) path += "_units";
  }
  return path;
}

Scope ReadScope(const v1::TargetScope& message, DayRange period, Reader& reader) {
  Scope scope;
  scope.period = period;
  scope.unit_id = reader.Name("units", message.unit(), "scope.unit", Need::kOptional);
  scope.member_id = reader.Name("members", message.member(), "scope.member", Need::kOptional);
  scope.product_id = reader.Name("products", message.product(), "scope.product", Need::kOptional);
  scope.channel = reader.Text(message.channel(), "scope.channel", kMaxKey);
  scope.region = reader.Text(message.region(), "scope.region", kMaxKey);
  return scope;
}

int MonthsBetween(absl::CivilDay from, absl::CivilDay to) {
  return static_cast<int>(absl::CivilMonth(to) - absl::CivilMonth(from));
}

// Everything typed of a request; what is read from elsewhere is still missing.
SuggestionRequest ReadEvidence(const v1::SuggestTargetRequest& request, DayRange period,
                               Reader& reader) {
  SuggestionRequest evidence;
  evidence.rounding_unit = request.rounding_units() == 0 ? 1 : request.rounding_units();
  if (request.has_history()) {
    const v1::HistoryEvidence& given = request.history();
    evidence.history =
        HistoryEvidence{WeightOf(given), {given.values().begin(), given.values().end()}};
    if (given.years() != 0) {
      reader.Number(given.years(), "history.years", 2, kMaxSuggestionHistory);
      if (given.values_size() > 0) reader.Add("history.years", "is only without values");
    }
  }
  if (request.has_growth()) {
    const v1::GrowthEvidence& given = request.growth();
    evidence.growth =
        GrowthEvidence{WeightOf(given), given.last_units(), ReadEstimate(given.growth_ppm())};
  }
  if (request.has_market()) {
    const v1::MarketEvidence& given = request.market();
    evidence.market = MarketEvidence{WeightOf(given), given.market_units(),
                                     given.market_growth_ppm(), ReadEstimate(given.share_ppm())};
  }
  if (request.has_penetration()) {
    const v1::PenetrationEvidence& given = request.penetration();
    evidence.penetration =
        PenetrationEvidence{WeightOf(given), given.potential_customers(),
                            ReadEstimate(given.penetration_ppm()), given.per_customer_units()};
  }
  if (request.has_consumption()) {
    const v1::ConsumptionEvidence& given = request.consumption();
    evidence.consumption =
        ConsumptionEvidence{WeightOf(given), given.customers(), given.per_customer_units(),
                            ReadEstimate(given.share_ppm())};
  }
  if (request.has_pipeline()) {
    const v1::PipelineEvidence& given = request.pipeline();
    evidence.pipeline = PipelineEvidence{WeightOf(given), given.won_units(), given.open_units(),
                                         given.to_come_units(), ReadEstimate(given.coverage_ppm())};
  }
  if (request.has_head_count()) {
    const v1::HeadCountEvidence& given = request.head_count();
    HeadCountEvidence head_count;
    head_count.weight = WeightOf(given);
    head_count.members = given.members();
    head_count.months = MonthsBetween(period.first, period.last) + 1;
    for (const v1::HeadCountEvidence::NewMembers& group : given.new_members()) {
      head_count.new_members.push_back({group.count(), group.start_month()});
    }
    if (!given.has_members() && given.new_members_size() > 0)
      reader.Add("head_count.new_members", "is only with members");
    head_count.ramp_ppm.assign(given.ramp_ppm().begin(), given.ramp_ppm().end());
    head_count.per_member_month = ReadEstimate(given.per_member_month_units());
    evidence.head_count = std::move(head_count);
  }
  return evidence;
}

// The evidence with something in place of what will be read, to find what is wrong with the rest.
SuggestionRequest WithoutReading(SuggestionRequest evidence,
                                 const v1::SuggestTargetRequest& request) {
  if (evidence.history && request.history().years() != 0) evidence.history->values = {1, 1};
  return evidence;
}

// The members of a unit on the last day, by how long they have been there.
absl::Status CountMembers(db::Snapshot& snapshot, Directory& directory, const Scope& scope,
                          HeadCountEvidence& evidence) {
  if (!scope.member_id.empty()) {
    const absl::StatusOr<Member> member = directory.members().Load(snapshot, scope.member_id);
    if (absl::IsNotFound(member.status()))
      return error::ReferenceMissing(resource::Name("members", scope.member_id));
    if (!member.ok()) return member.status();
  }
  const absl::CivilDay day = scope.period.last;
  MemberStore::Filter filter{{}, day, true};
  if (!scope.unit_id.empty()) {
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    if ((*tree)->Find(scope.unit_id) == nullptr)
      return error::ReferenceMissing(resource::Name("units", scope.unit_id));
    // A unit that is over by then has nobody.
    std::set<std::string> below = (*tree)->Below(scope.unit_id, day);
    below.insert(scope.unit_id);
    filter.unit_ids.assign(below.begin(), below.end());
  }
  std::map<int64_t, int64_t> starts;  // How many start in which month of the period.
  const int64_t ramp = static_cast<int64_t>(evidence.ramp_ppm.size());
  std::string after;
  while (true) {
    const absl::StatusOr<std::vector<Member>> page =
        directory.members().List(snapshot, filter, after, kMembersPerPage);
    if (!page.ok()) return page.status();
    for (const Member& member : *page) {
      if (!scope.member_id.empty() && member.id != scope.member_id) continue;
      const int64_t month = MonthsBetween(scope.period.first, member.start_day);
      if (month <= 0 && month + ramp <= 0) {
        ++evidence.members;
      } else {
        ++starts[month];
      }
    }
    if (page->size() < kMembersPerPage) break;
    after = page->back().id;
  }
  for (const auto& [month, count] : starts) evidence.new_members.push_back({count, month});
  return absl::OkStatus();
}

// Where a method without actuals goes.
constexpr char kTooLittle[] = "history was left out: ";

// Reads the years before into the evidence, or says why it is left out.
absl::Status ReadYears(History& history, const HistorySpec& spec, const Scope& scope, int years,
                       SuggestionRequest& evidence, std::vector<std::string>& notes) {
  std::vector<int64_t> values;
  for (int year = years; year >= 1; --year) {
    const absl::StatusOr<int64_t> total =
        history.Total(spec, scope, YearsEarlier(scope.period, year));
    if (!total.ok()) return total.status();
    if (values.empty() && *total == 0) continue;
    values.push_back(*total);
  }
  if (values.size() < 2) {
    notes.push_back(absl::StrCat(kTooLittle, "of ", years, " years before, ", values.size(),
                                 " have actuals; two are needed"));
    evidence.history.reset();
  } else if (std::any_of(values.begin(), values.end(), [](int64_t value) { return value < 1; })) {
    notes.push_back(absl::StrCat(kTooLittle, "one of the ", values.size(),
                                 " years has nothing, so growth on it cannot be told"));
    evidence.history.reset();
  } else {
    evidence.history->values = std::move(values);
  }
  return absl::OkStatus();
}

bool HasEvidence(const SuggestionRequest& evidence) {
  return evidence.history || evidence.growth || evidence.market || evidence.penetration ||
         evidence.consumption || evidence.pipeline || evidence.head_count;
}

v1::SmartFinding ToProto(const SmartFinding& finding) {
  v1::SmartFinding message;
  message.set_criterion(static_cast<v1::SmartFinding::Criterion>(finding.criterion));
  message.set_level(static_cast<v1::SmartFinding::Level>(finding.level));
  message.set_code(static_cast<v1::SmartFinding::Code>(finding.code));
  message.set_message(finding.message);
  for (const Quantity& number : finding.numbers) *message.add_numbers() = ToProto(number);
  for (const Step& step : finding.steps) *message.add_steps() = ToProto(step);
  return message;
}

QuantityUnit UnitOf(const Metric& metric) {
  switch (metric.unit) {
    case MetricUnit::kMoney:
      return QuantityUnit::kMoney;
    case MetricUnit::kRatio:
      return QuantityUnit::kPpm;
    case MetricUnit::kCount:
      break;
  }
  return QuantityUnit::kCount;
}

std::vector<std::string> ScopeNames(const Scope& scope) {
  std::vector<std::string> names;
  const auto add = [&](const char* collection, const std::string& id) {
    if (!id.empty()) names.push_back(resource::Name(collection, id));
  };
  add("units", scope.unit_id);
  add("members", scope.member_id);
  add("products", scope.product_id);
  add("customers", scope.customer_id);
  if (!scope.channel.empty()) names.push_back(absl::StrCat("channel ", scope.channel));
  if (!scope.region.empty()) names.push_back(absl::StrCat("region ", scope.region));
  return names;
}

// Who carries a target: the member or unit it is for, else who made the plan.
std::string CarrierOf(const Node& node, const Plan& plan) {
  if (!node.scope.member_id.empty()) return resource::Name("members", node.scope.member_id);
  if (!node.scope.unit_id.empty()) return resource::Name("units", node.scope.unit_id);
  return plan.owner_id.empty() ? "" : resource::Name("members", plan.owner_id);
}

const std::set<std::string>& ThresholdFields() {
  static const std::set<std::string> fields{"growth_warning_ppm",
                                            "growth_error_ppm",
                                            "shrink_warning_ppm",
                                            "min_history",
                                            "coverage_warning_ppm",
                                            "coverage_error_ppm",
                                            "utilisation_warning_ppm",
                                            "utilisation_error_ppm",
                                            "stale_days",
                                            "max_period_days",
                                            "checkpoint_days",
                                            "late_start_ppm"};
  return fields;
}

// What the check reads of a plan before it asks for actuals.
struct CheckState {
  Plan plan;
  Node node;
  Metric metric;
  SmartThresholds thresholds;
  std::optional<SmartParent> parent;
  int64_t checkpoints = 0;
};

}  // namespace

SettingService::SettingService(rpc::Runner& rpc, Directory& directory,
                               std::shared_ptr<reporting::v1::ReportService::StubInterface> reports,
                               std::string currency_code)
    : rpc_(rpc),
      directory_(directory),
      reports_(std::move(reports)),
      currency_code_(std::move(currency_code)) {
  rpc_.Register<v1::SettingService>();
}

grpc::ServerUnaryReactor* SettingService::SuggestTarget(grpc::CallbackServerContext* context,
                                                        const v1::SuggestTargetRequest* request,
                                                        v1::SuggestTargetResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Suggest(call...); });
}
grpc::ServerUnaryReactor* SettingService::CheckTarget(grpc::CallbackServerContext* context,
                                                      const v1::CheckTargetRequest* request,
                                                      v1::CheckTargetResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Check(call...); });
}
grpc::ServerUnaryReactor* SettingService::GetSmartThresholds(
    grpc::CallbackServerContext* context, const v1::GetSmartThresholdsRequest* request,
    v1::SmartThresholds* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return GetThresholds(call...); });
}
grpc::ServerUnaryReactor* SettingService::UpdateSmartThresholds(
    grpc::CallbackServerContext* context, const v1::UpdateSmartThresholdsRequest* request,
    v1::SmartThresholds* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return UpdateThresholds(call...); });
}

absl::StatusOr<v1::SuggestTargetResponse> SettingService::Suggest(
    const rpc::Caller& caller, db::Session& db, const v1::SuggestTargetRequest& request) {
  Reader reader;
  HistorySpec spec;
  spec.metric_id = reader.Name("metrics", request.metric(), "metric", Need::kRequired);
  const std::optional<DayRange> period =
      reader.Days(request.has_period(), request.period(), "period", Need::kRequired);
  if (period && MonthsBetween(period->first, period->last) >= kMaxSuggestionMonths) {
    reader.Add("period",
               absl::StrCat("is in more than ", kMaxSuggestionMonths, " calendar months"));
  }
  const Scope scope = ReadScope(request.scope(), period.value_or(DayRange()), reader);
  SuggestionRequest evidence = ReadEvidence(request, scope.period, reader);
  const absl::Status fields = target::SuggestTarget(WithoutReading(evidence, request)).status();
  if (!AddViolations(fields, EvidencePath, reader)) return fields;
  if (absl::Status s = reader.status(); !s.ok()) return s;

  const absl::StatusOr<Metric> metric =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<Metric> {
        absl::StatusOr<Metric> found = metrics_.Load(snapshot, spec.metric_id);
        if (absl::IsNotFound(found.status())) return error::ReferenceMissing(request.metric());
        if (!found.ok()) return found;
        if (evidence.head_count && !request.head_count().has_members()) {
          // What an earlier try counted does not count.
          evidence.head_count->members = 0;
          evidence.head_count->new_members.clear();
          if (absl::Status s = CountMembers(snapshot, directory_, scope, *evidence.head_count);
              !s.ok()) {
            return s;
          }
        }
        return found;
      });
  if (!metric.ok()) return metric.status();
  evidence.unit = UnitOf(*metric);
  if (metric->unit == MetricUnit::kRatio) {
    reader.Add("metric", "counts in parts per million; only money and counts are suggested");
    return reader.status();
  }
  if (metric->unit == MetricUnit::kMoney) spec.currency_code = currency_code_;

  db.EndRead();
  History history(*reports_, caller);
  v1::SuggestTargetResponse response;
  std::vector<std::string> notes;
  if (evidence.history && request.history().years() != 0) {
    if (absl::Status s =
            ReadYears(history, spec, scope, request.history().years(), evidence, notes);
        !s.ok()) {
      return s;
    }
  }
  if (evidence.growth && !request.growth().has_last_units()) {
    const absl::StatusOr<int64_t> last = history.Total(spec, scope, YearsEarlier(scope.period, 1));
    if (!last.ok()) return last.status();
    evidence.growth->last = std::max<int64_t>(*last, 0);
  }
  const absl::CivilDay today = directory_.clock().Today();
  if (evidence.pipeline && !request.pipeline().has_won_units() && scope.period.first <= today) {
    const absl::StatusOr<int64_t> won =
        history.Total(spec, scope, {scope.period.first, std::min(scope.period.last, today)});
    if (!won.ok()) return won.status();
    evidence.pipeline->won = std::max<int64_t>(*won, 0);
  }
  if (!HasEvidence(evidence)) return error::NoHistory(request.metric());
  const absl::StatusOr<Suggestion> suggestion = target::SuggestTarget(evidence);
  if (!AddViolations(suggestion.status(), EvidencePath, reader)) return suggestion.status();
  if (absl::Status s = reader.status(); !s.ok()) return s;

  for (const MethodSuggestion& method : suggestion->methods) {
    v1::MethodSuggestion& message = *response.add_methods();
    message.set_method(static_cast<v1::MethodSuggestion::Method>(method.method));
    message.set_weight(method.weight);
    *message.mutable_value_units() = ToProto(method.value);
    for (const Step& step : method.steps) *message.add_steps() = ToProto(step);
  }
  if (suggestion->value) *response.mutable_value_units() = ToProto(*suggestion->value);
  for (const Step& step : suggestion->steps) *response.add_steps() = ToProto(step);
  response.set_currency_code(spec.currency_code);
  for (std::string& note : notes) response.add_notes(std::move(note));
  return response;
}

absl::StatusOr<v1::CheckTargetResponse> SettingService::Check(
    const rpc::Caller& caller, db::Session& db, const v1::CheckTargetRequest& request) {
  Reader reader;
  Reader::NodeIds ids;
  if (const std::optional<std::string> plan = resource::IdOf("plans", request.name())) {
    ids = {*plan, kRootId};
  } else {
    ids = reader.NodeName(request.name(), "name", Need::kRequired);
  }
  const Reader::NodeIds above =
      reader.NodeName(request.aligned_to(), "aligned_to", Need::kOptional);
  if (!above.node.empty() && ids.node != kRootId)
    reader.Add("aligned_to", "is only for the root of a plan");
  if (!above.node.empty() && above.plan == ids.plan)
    reader.Add("aligned_to", "is a node of the same plan");
  const int years = request.history_years() == 0
                        ? kCheckYears
                        : static_cast<int>(reader.Number(request.history_years(), "history_years",
                                                         1, kMaxCheckYears));
  SmartTarget target;
  if (request.has_pipeline_units()) {
    target.pipeline = reader.Number(request.pipeline_units(), "pipeline_units", 0, kMaxTargetUnits);
  }
  if (request.has_capacity_units()) {
    target.capacity = reader.Number(request.capacity_units(), "capacity_units", 1, kMaxTargetUnits);
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;

  const auto metric_name = [](const Plan& plan) {
    return resource::Name("metrics", plan.metric_id);
  };
  // A node that the caller may see, with its plan.
  struct Seen {
    Plan plan;
    Node node;
  };
  const auto see = [&](db::Snapshot& snapshot,
                       const Reader::NodeIds& wanted) -> absl::StatusOr<Seen> {
    const std::string name = resource::Name("plans", wanted.plan, "nodes", wanted.node);
    absl::StatusOr<Plan> plan = plans_.Load(snapshot, wanted.plan);
    if (absl::IsNotFound(plan.status())) return error::NotFound(name);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (absl::IsNotFound(view.status())) return error::NotFound(name);
    if (!view.ok()) return view.status();
    absl::StatusOr<Node> node = plans_.LoadNode(snapshot, wanted.plan, wanted.node);
    if (!node.ok()) return node.status();
    if (!view->Shows(*node)) return error::NotFound(name);
    return Seen{*std::move(plan), *std::move(node)};
  };
  const absl::StatusOr<CheckState> state =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<CheckState> {
        absl::StatusOr<Seen> seen = see(snapshot, ids);
        if (!seen.ok()) return seen.status();
        CheckState found;
        found.plan = std::move(seen->plan);
        found.node = std::move(seen->node);
        absl::StatusOr<Metric> metric = metrics_.Load(snapshot, found.plan.metric_id);
        if (!metric.ok()) return metric.status();
        found.metric = *std::move(metric);
        absl::StatusOr<SmartThresholds> thresholds = thresholds_.Load(snapshot);
        if (!thresholds.ok()) return thresholds.status();
        found.thresholds = *std::move(thresholds);
        PlanStore::NodeFilter filter;
        if (!found.node.parent_id.empty()) {
          const absl::StatusOr<Node> parent =
              plans_.LoadNode(snapshot, ids.plan, found.node.parent_id);
          if (!parent.ok()) return parent.status();
          SmartParent smart{parent->Name(),
                            metric_name(found.plan),
                            parent->scope.period,
                            parent->target_units,
                            0,
                            0};
          if (const Breakdown* breakdown = parent->FindBreakdown(found.node.breakdown_id)) {
            smart.parts_wanted =
                SplitTarget(parent->target_units, breakdown->stretch_ppm).value_or(0);
            filter.path = parent->path + breakdown->slot;
            filter.max_depth = found.node.depth;
            const absl::StatusOr<std::vector<Node>> siblings =
                plans_.AllNodes(snapshot, ids.plan, filter);
            if (!siblings.ok()) return siblings.status();
            for (const Node& sibling : *siblings) smart.parts_assigned += sibling.target_units;
          }
          // Nothing can be a share of nothing.
          if (smart.value > 0) found.parent = std::move(smart);
        } else if (!above.node.empty()) {
          const absl::StatusOr<Seen> aligned = see(snapshot, above);
          if (!aligned.ok()) return aligned.status();
          SmartParent smart{aligned->node.Name(),
                            metric_name(aligned->plan),
                            aligned->node.scope.period,
                            aligned->node.target_units,
                            0,
                            0};
          if (smart.value > 0) found.parent = std::move(smart);
        }
        filter = {};
        filter.path = found.node.path;
        filter.dimension = Dimension::kPeriod;
        const absl::StatusOr<std::vector<Node>> periods =
            plans_.AllNodes(snapshot, ids.plan, filter);
        if (!periods.ok()) return periods.status();
        std::set<absl::CivilDay> firsts;
        for (const Node& node : *periods) {
          if (node.id != found.node.id) firsts.insert(node.scope.period.first);
        }
        found.checkpoints = static_cast<int64_t>(firsts.size());
        return found;
      });
  if (!state.ok()) return state.status();
  db.EndRead();

  const Node& node = state->node;
  target.metric_id = metric_name(state->plan);
  target.unit = UnitOf(state->metric);
  target.owner = CarrierOf(node, state->plan);
  target.scope = ScopeNames(node.scope);
  target.value = node.target_units;
  target.period = node.scope.period;
  target.today = directory_.clock().Today();
  target.source = state->metric.source == MetricSource::kRecorded ? ActualsSource::kRecorded
                                                                  : ActualsSource::kDerived;
  target.is_root = node.parent_id.empty() && !state->parent;
  target.parent = state->parent;
  target.checkpoints = state->checkpoints;

  HistorySpec spec;
  spec.metric_id = state->metric.id;
  spec.currency_code = state->plan.currency_code;
  History history(*reports_, caller);
  // Actuals by customer, and of metrics that reporting-svc does not keep, are not there.
  bool asked = node.scope.customer_id.empty();
  for (int year = years; year >= 1 && asked; --year) {
    const absl::StatusOr<int64_t> total =
        history.Total(spec, node.scope, YearsEarlier(node.scope.period, year));
    if (absl::IsInvalidArgument(total.status())) {
      asked = false;
      break;
    }
    if (!total.ok()) return total.status();
    if (target.history.empty() && *total == 0) continue;
    target.history.push_back(*total);
  }
  if (asked) {
    const absl::StatusOr<std::optional<absl::CivilDay>> last = history.LastDay(
        spec, node.scope, {target.today - (History::kMaxDaysAsked - 1), target.today});
    if (!last.ok()) return last.status();
    target.last_actual = *last;
  }
  if (asked && node.scope.period.first <= target.today) {
    const absl::StatusOr<int64_t> achieved =
        history.Total(spec, node.scope,
                      {node.scope.period.first, std::min(node.scope.period.last, target.today)});
    if (!achieved.ok()) return achieved.status();
    target.achieved = *achieved;
  }
  const absl::StatusOr<SmartReport> report = CheckSmart(target, state->thresholds.settings);
  if (!report.ok()) return report.status();

  v1::CheckTargetResponse response;
  response.set_node(node.Name());
  response.set_smart(report->smart);
  for (size_t i = 0; i < report->levels.size(); ++i) {
    v1::CheckTargetResponse::Verdict& verdict = *response.add_verdicts();
    verdict.set_criterion(static_cast<v1::SmartFinding::Criterion>(i + 1));
    verdict.set_level(static_cast<v1::SmartFinding::Level>(report->levels[i]));
  }
  for (const SmartFinding& finding : report->findings) *response.add_findings() = ToProto(finding);
  return response;
}

absl::StatusOr<v1::SmartThresholds> SettingService::GetThresholds(
    const rpc::Caller&, db::Session& db, const v1::GetSmartThresholdsRequest&) {
  const absl::StatusOr<SmartThresholds> thresholds =
      db.Read([&](db::Snapshot& snapshot) { return thresholds_.Load(snapshot); });
  if (!thresholds.ok()) return thresholds.status();
  return target::ToProto(*thresholds);
}

absl::StatusOr<v1::SmartThresholds> SettingService::UpdateThresholds(
    const rpc::Caller& caller, db::Session& db, const v1::UpdateSmartThresholdsRequest& request) {
  Reader reader;
  const v1::SmartThresholds& given = request.smart_thresholds();
  if (!request.has_smart_thresholds()) reader.Add("smart_thresholds", "is required");
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), given, ThresholdFields(), reader.violations());
  const std::optional<int64_t> version = reader.Etag(request.etag());
  // Before it becomes a count, which has no sign.
  if (fields.contains("min_history")) {
    reader.Number(given.min_history(), "smart_thresholds.min_history", 0, kMaxSmartHistory);
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::SmartThresholds> {
    const absl::StatusOr<SmartThresholds> before = thresholds_.LoadForUpdate(tx);
    if (!before.ok()) return before.status();
    if (version && *version != before->version) return error::StaleEtag("smartThresholds");
    SmartThresholds after = *before;
    SmartSettings& settings = after.settings;
    const auto set = [&](const char* field, auto& value, auto to) {
      if (fields.contains(field)) value = static_cast<std::decay_t<decltype(value)>>(to);
    };
    set("growth_warning_ppm", settings.growth_warning_ppm, given.growth_warning_ppm());
    set("growth_error_ppm", settings.growth_error_ppm, given.growth_error_ppm());
    set("shrink_warning_ppm", settings.shrink_warning_ppm, given.shrink_warning_ppm());
    set("min_history", settings.min_history, given.min_history());
    set("coverage_warning_ppm", settings.coverage_warning_ppm, given.coverage_warning_ppm());
    set("coverage_error_ppm", settings.coverage_error_ppm, given.coverage_error_ppm());
    set("utilisation_warning_ppm", settings.utilisation_warning_ppm,
        given.utilisation_warning_ppm());
    set("utilisation_error_ppm", settings.utilisation_error_ppm, given.utilisation_error_ppm());
    set("stale_days", settings.stale_days, given.stale_days());
    set("max_period_days", settings.max_period_days, given.max_period_days());
    set("checkpoint_days", settings.checkpoint_days, given.checkpoint_days());
    set("late_start_ppm", settings.late_start_ppm, given.late_start_ppm());
    Reader stored;
    AddViolations(
        CheckSmartSettings(settings),
        [](const std::string& field) {
          return absl::StrReplaceAll(field, {{"settings.", "smart_thresholds."}});
        },
        stored);
    if (absl::Status s = stored.status(); !s.ok()) return s;
    after.update_time = directory_.clock().NowAfter(before->update_time);
    const absl::StatusOr<SmartThresholds> saved =
        thresholds_.Save(tx, caller.Change(request), std::move(after), before->update_time);
    if (!saved.ok()) return saved.status();
    return target::ToProto(*saved);
  });
}

}  // namespace milepost::target
