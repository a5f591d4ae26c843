#include "target-svc/service/actual_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

// Every day there can be.
const DayRange kAllDays{absl::CivilDay(1970, 1, 1), kForever};

// Of an entry, or of a filter; the days are the caller's.
Scope ReadScope(const v1::ActualScope& message, const std::string& field, Reader& reader) {
  Scope scope;
  scope.period = kAllDays;
  scope.unit_id = reader.Name("units", message.unit(), field + ".unit", Need::kOptional);
  scope.member_id = reader.Name("members", message.member(), field + ".member", Need::kOptional);
  if (!message.unit().empty() && !message.member().empty())
    reader.Add(field + ".unit", "must be empty if member is set");
  scope.product_id =
      reader.Name("products", message.product(), field + ".product", Need::kOptional);
  scope.channel = reader.Text(message.channel(), field + ".channel", kMaxKey);
  scope.region = reader.Text(message.region(), field + ".region", kMaxKey);
  scope.customer_id =
      reader.Name("customers", message.customer(), field + ".customer", Need::kOptional);
  return scope;
}

bool IsWithinYears(DayRange range, int years) {
  return range.last <
         absl::CivilDay(range.first.year() + years, range.first.month(), range.first.day());
}

// Who leads or administers: everybody's entries, those of the members led, those of units led, and
// those of the company.
bool MayRecord(const rpc::Caller& caller, const Actor& actor, const RecordedActual& actual) {
  if (caller.scope().MayChange("")) return true;
  if (!actual.member_id.empty()) return caller.scope().MayChange(actual.member_id);
  return actual.unit_id.empty() ? actor.leads_top : actor.led_units.contains(actual.unit_id);
}

// Attainment, left and over of a target.
template <typename Message>
void SetRest(int64_t target, int64_t actual, Message& message) {
  message.set_left_units(std::max<int64_t>(0, target - std::max<int64_t>(actual, 0)));
  message.set_over_units(std::max<int64_t>(0, actual - target));
}

}  // namespace

bool MaySeeActual(const rpc::Caller& caller, const Actor& actor, const RecordedActual& actual) {
  if (caller.scope().sees_all()) return true;
  if (!actual.recorder_id.empty() && actual.recorder_id == actor.member_id) return true;
  if (!actual.member_id.empty()) return caller.MaySee(actual.member_id);
  return actual.unit_id.empty() ? actor.leads_top : actor.led_units.contains(actual.unit_id);
}

ActualService::ActualService(rpc::Runner& rpc, Directory& directory, std::string currency_code)
    : rpc_(rpc), directory_(directory), currency_code_(std::move(currency_code)) {
  rpc_.Register<v1::ActualService>();
}

grpc::ServerUnaryReactor* ActualService::GetActual(grpc::CallbackServerContext* context,
                                                   const v1::GetActualRequest* request,
                                                   v1::RecordedActual* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* ActualService::ListActuals(grpc::CallbackServerContext* context,
                                                     const v1::ListActualsRequest* request,
                                                     v1::ListActualsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* ActualService::RecordActual(grpc::CallbackServerContext* context,
                                                      const v1::RecordActualRequest* request,
                                                      v1::RecordedActual* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Record(call...); });
}
grpc::ServerUnaryReactor* ActualService::SumActuals(grpc::CallbackServerContext* context,
                                                    const v1::SumActualsRequest* request,
                                                    v1::SumActualsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Sum(call...); });
}
grpc::ServerUnaryReactor* ActualService::ListNodeActuals(grpc::CallbackServerContext* context,
                                                         const v1::ListNodeActualsRequest* request,
                                                         v1::ListNodeActualsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListOfNodes(call...); });
}
grpc::ServerUnaryReactor* ActualService::ListBudgets(grpc::CallbackServerContext* context,
                                                     const v1::ListBudgetsRequest* request,
                                                     v1::ListBudgetsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Budgets(call...); });
}

absl::StatusOr<v1::RecordedActual> ActualService::Get(const rpc::Caller& caller, db::Session& db,
                                                      const v1::GetActualRequest& request) {
  Reader reader;
  const std::string id = reader.Name("actuals", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::RecordedActual> {
    const absl::StatusOr<RecordedActual> actual = actuals_.Load(snapshot, id);
    if (!actual.ok()) return actual.status();
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, snapshot);
    if (!actor.ok()) return actor.status();
    if (!MaySeeActual(caller, *actor, *actual)) return error::NotFound(request.name());
    return ToProto(*actual);
  });
}

absl::StatusOr<v1::ListActualsResponse> ActualService::List(const rpc::Caller& caller,
                                                            db::Session& db,
                                                            const v1::ListActualsRequest& request) {
  Reader reader;
  ActualStore::Filter filter;
  filter.metric_id = reader.Name("metrics", request.metric(), "metric", Need::kRequired);
  filter.period = reader.Days(request.has_range(), request.range(), "range", Need::kOptional)
                      .value_or(kAllDays);
  const Scope scope = ReadScope(request.scope(), "scope", reader);
  filter.recorder_id = reader.Name("members", request.recorder(), "recorder", Need::kOptional);
  filter.counting_only = request.counting_only();
  const resource::Page page = resource::ReadPage(request, 2, reader.violations());
  std::optional<ActualStore::Key> after;
  if (!page.after.empty()) {
    after.emplace();
    after->id = page.after[1];
    if (!absl::ParseCivilTime(page.after[0], &after->day))
      reader.Add("page_token", "is not of this list");
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListActualsResponse> {
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, snapshot);
    if (!actor.ok()) return actor.status();
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    v1::ListActualsResponse response;
    std::optional<ActualStore::Key> from = after;
    ActualStore::Key last;
    while (true) {
      const absl::StatusOr<std::vector<RecordedActual>> actuals =
          actuals_.List(snapshot, filter, from, page.size + 1);
      if (!actuals.ok()) return actuals.status();
      for (const RecordedActual& actual : *actuals) {
        from = ActualStore::Key{actual.day, actual.id};
        RecordedActual counting = actual;
        counting.corrected_by_id.clear();  // The filter says whether these are listed.
        if (!CountsFor(counting, scope, **tree) || !MaySeeActual(caller, *actor, actual)) continue;
        if (response.actuals_size() == page.size) {
          response.set_next_page_token(
              resource::NextPageToken(request, {absl::FormatCivilTime(last.day), last.id}));
          return response;
        }
        last = *from;
        *response.add_actuals() = ToProto(actual);
      }
      if (actuals->size() <= static_cast<size_t>(page.size)) return response;
    }
  });
}

absl::StatusOr<Metric> ActualService::RecordedMetric(db::Snapshot& snapshot,
                                                     const std::string& id) const {
  absl::StatusOr<Metric> metric = metrics_.Load(snapshot, id);
  if (absl::IsNotFound(metric.status()))
    return error::ReferenceMissing(resource::Name("metrics", id));
  if (metric.ok() && metric->source != MetricSource::kRecorded)
    return error::NotRecorded(resource::Name("metrics", id));
  return metric;
}

absl::StatusOr<std::string> ActualService::CreditedUnit(db::Snapshot& snapshot,
                                                        const RecordedActual& actual) {
  if (!actual.member_id.empty()) {
    const absl::StatusOr<Member> member = directory_.members().Load(snapshot, actual.member_id);
    const std::string name = resource::Name("members", actual.member_id);
    if (absl::IsNotFound(member.status())) return error::ReferenceMissing(name);
    if (!member.ok()) return member.status();
    if (!member->WorksOn(actual.day)) return error::NotThereOn(name, actual.day);
    return member->PlacementOn(actual.day).unit_id;
  }
  if (actual.unit_id.empty()) return std::string();
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  const std::string name = resource::Name("units", actual.unit_id);
  if ((*tree)->Find(actual.unit_id) == nullptr) return error::ReferenceMissing(name);
  if (!(*tree)->Exists(actual.unit_id, actual.day)) return error::NotThereOn(name, actual.day);
  return actual.unit_id;
}

absl::StatusOr<v1::RecordedActual> ActualService::Record(const rpc::Caller& caller, db::Session& db,
                                                         const v1::RecordActualRequest& request) {
  Reader reader;
  const v1::RecordedActual& message = request.actual();
  const absl::Time now = directory_.clock().Now();
  RecordedActual read;
  read.id = reader.Id(request.actual_id(), "actual_id", Need::kOptional);
  if (read.id.empty()) read.id = resource::NewId('a', now);
  if (!request.has_actual()) reader.Add("actual", "is required");
  read.metric_id = reader.Name("metrics", message.metric(), "actual.metric", Need::kRequired);
  if (const auto day =
          reader.Day(message.has_date(), message.date(), "actual.date", Need::kRequired)) {
    read.day = *day;
    if (*day > directory_.clock().Today()) {
      reader.Add("actual.date", absl::StrCat("is after today, ",
                                             absl::FormatCivilTime(directory_.clock().Today())));
    }
  }
  const Scope scope = ReadScope(message.scope(), "actual.scope", reader);
  read.unit_id = scope.unit_id;
  read.member_id = scope.member_id;
  read.product_id = scope.product_id;
  read.channel = scope.channel;
  read.region = scope.region;
  read.customer_id = scope.customer_id;
  read.value_units =
      reader.Number(message.value_units(), "actual.value_units", -kMaxTargetUnits, kMaxTargetUnits);
  if (!message.currency_code().empty() && message.currency_code() != currency_code_) {
    reader.Add("actual.currency_code",
               absl::StrCat("must be ", currency_code_, ", the currency of the suite, or empty"));
  }
  read.corrects_id = reader.Name("actuals", message.corrects(), "actual.corrects", Need::kOptional);
  read.note = reader.Text(message.note(), "actual.note", kMaxNote,
                          message.corrects().empty() ? Need::kOptional : Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  read.recorder_id = caller.member();
  read.create_time = read.update_time = now;

  return db.Transact([&](db::Transaction& tx) -> absl::StatusOr<v1::RecordedActual> {
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    if (!MayRecord(caller, *actor, read)) return error::MayNotRecord();
    const absl::StatusOr<Metric> metric = RecordedMetric(tx, read.metric_id);
    if (!metric.ok()) return metric.status();
    status::FieldViolations violations;
    if (metric->unit != MetricUnit::kMoney && !message.currency_code().empty()) {
      violations.Add("actual.currency_code",
                     absl::StrCat("must be empty: ", message.metric(), " is not counted in money"));
    }
    if (metric->aggregation != MetricAggregation::kSum && read.value_units < 0) {
      violations.Add("actual.value_units",
                     absl::StrCat("must not be below 0: ", message.metric(), " is not summed"));
    }
    if (absl::Status s = violations.ToStatus(); !s.ok()) return s;
    RecordedActual actual = read;
    if (metric->unit == MetricUnit::kMoney) actual.currency_code = currency_code_;
    absl::StatusOr<std::string> credited = CreditedUnit(tx, actual);
    if (!credited.ok()) return credited.status();
    actual.credited_unit_id = *std::move(credited);
    std::optional<RecordedActual> corrected;
    if (!actual.corrects_id.empty()) {
      absl::StatusOr<RecordedActual> found = actuals_.LoadForUpdate(tx, actual.corrects_id);
      const bool hidden = found.ok() && !MaySeeActual(caller, *actor, *found);
      if (hidden || absl::IsNotFound(found.status()))
        return error::ReferenceMissing(message.corrects());
      if (!found.ok()) return found.status();
      if (!MayRecord(caller, *actor, *found)) return error::MayNotRecord();
      corrected = *std::move(found);
    }
    if (absl::Status s = CheckRecord(actual, *metric, corrected); !s.ok()) return s;
    const absl::StatusOr<RecordedActual> inserted =
        actuals_.Insert(tx, caller.Change(request), std::move(actual), std::move(corrected));
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

absl::StatusOr<v1::SumActualsResponse> ActualService::Sum(const rpc::Caller& caller,
                                                          db::Session& db,
                                                          const v1::SumActualsRequest& request) {
  Reader reader;
  const std::string metric_id = reader.Name("metrics", request.metric(), "metric", Need::kRequired);
  Scope scope = ReadScope(request.scope(), "scope", reader);
  if (const auto range =
          reader.Days(request.has_range(), request.range(), "range", Need::kRequired)) {
    scope.period = *range;
    if (!IsWithinYears(*range, kMaxPlanYears))
      reader.Add("range", absl::StrCat("is longer than ", kMaxPlanYears, " years"));
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::SumActualsResponse> {
    const absl::StatusOr<Metric> metric = RecordedMetric(snapshot, metric_id);
    if (!metric.ok()) return metric.status();
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, snapshot);
    if (!actor.ok()) return actor.status();
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    ActualSummer summer(metric->aggregation);
    const absl::Status read =
        actuals_.ForEach(snapshot, metric_id, scope.period, [&](const RecordedActual& actual) {
          if (CountsFor(actual, scope, **tree) && MaySeeActual(caller, *actor, actual))
            summer.Add(actual);
        });
    if (!read.ok()) return read;
    const absl::StatusOr<ActualSum> sum = summer.Sum();
    if (!sum.ok()) return sum.status();
    v1::SumActualsResponse response;
    if (sum->value) response.set_value_units(*sum->value);
    if (metric->unit == MetricUnit::kMoney) response.set_currency_code(currency_code_);
    response.set_entry_count(sum->count);
    if (sum->first_day) *response.mutable_first_date() = milepost::ToProto(*sum->first_day);
    if (sum->last_day) *response.mutable_last_date() = milepost::ToProto(*sum->last_day);
    return response;
  });
}

absl::StatusOr<v1::ListNodeActualsResponse> ActualService::ListOfNodes(
    const rpc::Caller& caller, db::Session& db, const v1::ListNodeActualsRequest& request) {
  Reader reader;
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  const Reader::NodeIds under = reader.NodeName(request.under(), "under", Need::kOptional);
  if (!under.node.empty() && under.plan != plan_id)
    reader.Add("under", "is a node of another plan");
  if (request.max_levels() < 0 || request.max_levels() > kMaxDepth) {
    reader.Add("max_levels", absl::StrCat("must be 0 to ", kMaxDepth));
  }
  const absl::CivilDay as_of =
      reader.Day(request.has_as_of_date(), request.as_of_date(), "as_of_date")
          .value_or(directory_.clock().Today());
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListNodeActualsResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    const absl::StatusOr<Metric> metric = RecordedMetric(snapshot, plan->metric_id);
    if (!metric.ok()) return metric.status();
    PlanStore::NodeFilter filter;
    int top_depth = 0;
    if (!under.node.empty()) {
      const absl::StatusOr<Node> top = plans_.LoadNode(snapshot, plan_id, under.node);
      if (!top.ok()) return top.status();
      if (!view->Shows(*top)) return error::NotFound(request.under());
      filter.path = top->path;
      top_depth = top->depth;
    }
    if (request.max_levels() > 0) filter.max_depth = top_depth + request.max_levels();

    // The nodes of this page, one more to know whether another follows.
    std::vector<Node> nodes;
    std::optional<std::string> after;
    if (!page.after.empty()) after = page.after[0];
    while (nodes.size() <= static_cast<size_t>(page.size)) {
      const absl::StatusOr<std::vector<Node>> some =
          plans_.ListNodes(snapshot, plan_id, filter, after, page.size + 1);
      if (!some.ok()) return some.status();
      for (const Node& node : *some) {
        after = node.path;
        if (view->Shows(node)) nodes.push_back(node);
      }
      if (some->size() <= static_cast<size_t>(page.size)) break;
    }
    v1::ListNodeActualsResponse response;
    if (nodes.size() > static_cast<size_t>(page.size)) {
      nodes.resize(static_cast<size_t>(page.size));
      response.set_next_page_token(resource::NextPageToken(request, {nodes.back().path}));
    }

    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    std::vector<ActualSummer> summers(nodes.size(), ActualSummer(metric->aggregation));
    const DayRange days{plan->period.first, std::min(plan->period.last, as_of)};
    const absl::Status read =
        actuals_.ForEach(snapshot, plan->metric_id, days, [&](const RecordedActual& actual) {
          for (size_t i = 0; i < nodes.size(); ++i) {
            if (CountsFor(actual, nodes[i].scope, **tree)) summers[i].Add(actual);
          }
        });
    if (!read.ok()) return read;
    response.set_plan_version(plan->version);
    *response.mutable_as_of_date() = milepost::ToProto(as_of);
    for (size_t i = 0; i < nodes.size(); ++i) {
      const absl::StatusOr<ActualSum> sum = summers[i].Sum();
      if (!sum.ok()) return sum.status();
      const Node& node = nodes[i];
      const v1::Node resource = ToProto(node, plan->calendar_id);
      v1::NodeActual& row = *response.add_rows();
      row.set_node(resource.name());
      row.set_parent(resource.parent());
      row.set_display_name(node.display_name);
      row.set_depth(node.depth);
      *row.mutable_scope() = resource.scope();
      row.set_target_units(node.target_units);
      row.set_entry_count(sum->count);
      if (sum->value) {
        row.set_actual_units(*sum->value);
        if (const std::optional<int64_t> ppm = RatioPpm(*sum->value, node.target_units))
          row.set_attainment_ppm(*ppm);
      }
      SetRest(node.target_units, sum->value.value_or(0), row);
    }
    return response;
  });
}

absl::StatusOr<v1::ListBudgetsResponse> ActualService::Budgets(
    const rpc::Caller& caller, db::Session& db, const v1::ListBudgetsRequest& request) {
  Reader reader;
  PlanStore::Filter filter;
  filter.metric_id = reader.Name("metrics", request.metric(), "metric", Need::kOptional);
  if (!filter.metric_id.empty() && !IsSpend(filter.metric_id)) {
    reader.Add("metric", absl::StrCat("must be ", kSpendMetric, " or begin with ", kSpendPrefix));
  }
  filter.unit_id = reader.Name("units", request.unit(), "unit", Need::kOptional);
  reader.Choice(request.state(), "state", v1::PlanState_IsValid);
  if (request.state() != v1::PLAN_STATE_UNSPECIFIED)
    filter.state = static_cast<PlanState>(request.state());
  const absl::CivilDay day =
      reader.Day(request.has_date(), request.date(), "date").value_or(directory_.clock().Today());
  filter.day = day;
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListBudgetsResponse> {
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    v1::ListBudgetsResponse response;
    std::string after = page.after.empty() ? "" : page.after[0];
    std::string last_id;
    while (true) {
      absl::StatusOr<std::vector<Plan>> plans = plans_.List(snapshot, filter, after, page.size + 1);
      if (!plans.ok()) return plans.status();
      const bool last = plans->size() <= static_cast<size_t>(page.size);
      if (!plans->empty()) after = plans->back().id;
      std::erase_if(*plans, [](const Plan& plan) { return !IsSpend(plan.metric_id); });
      const absl::StatusOr<std::vector<Plan>> visible =
          Visible(caller, snapshot, directory_, plans_, *std::move(plans));
      if (!visible.ok()) return visible.status();
      for (const Plan& plan : *visible) {
        if (response.budgets_size() == page.size) {
          response.set_next_page_token(resource::NextPageToken(request, {last_id}));
          return response;
        }
        last_id = plan.id;
        Scope scope = RootOf(plan).scope;
        scope.period.last = std::min(scope.period.last, day);
        ActualSummer summer(MetricAggregation::kSum);
        const absl::Status read = actuals_.ForEach(snapshot, plan.metric_id, scope.period,
                                                   [&](const RecordedActual& actual) {
                                                     if (CountsFor(actual, scope, **tree))
                                                       summer.Add(actual);
                                                   });
        if (!read.ok()) return read;
        const absl::StatusOr<ActualSum> sum = summer.Sum();
        if (!sum.ok()) return sum.status();
        const v1::Plan resource = ToProto(plan);
        v1::Budget& budget = *response.add_budgets();
        budget.set_plan(resource.name());
        budget.set_title(plan.title);
        budget.set_metric(resource.metric());
        budget.set_unit(resource.unit());
        *budget.mutable_period() = resource.period();
        budget.set_state(resource.state());
        budget.set_currency_code(plan.currency_code);
        budget.set_planned_units(plan.target_units);
        const int64_t spent = sum->value.value_or(0);
        budget.set_spent_units(spent);
        SetRest(plan.target_units, spent, budget);
        if (const std::optional<int64_t> ppm = RatioPpm(spent, plan.target_units))
          budget.set_used_ppm(*ppm);
      }
      if (last) return response;
    }
  });
}

}  // namespace milepost::target
