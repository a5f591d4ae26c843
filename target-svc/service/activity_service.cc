#include "target-svc/service/activity_service.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"
#include "target-svc/domain/activity_plan.h"
#include "target-svc/domain/day_targets.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/split.h"
#include "target-svc/service/arithmetic.h"
#include "target-svc/service/history.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr size_t kMaxTeam = 200;
constexpr size_t kMaxIndicators = 20;
constexpr int64_t kMinResults = 10;

// By member, as the request names them.
std::map<std::string, int64_t> ReadTargets(
    const google::protobuf::RepeatedPtrField<v1::ActivityTarget>& targets, const std::string& path,
    Reader& reader) {
  std::map<std::string, int64_t> by_member;
  for (int i = 0; i < targets.size(); ++i) {
    const std::string field = absl::StrCat(path, "[", i, "].");
    const std::string id =
        reader.Name("members", targets[i].member(), field + "member", Need::kRequired);
    const int64_t units =
        reader.Number(targets[i].target_units(), field + "target_units", 0, kMaxTargetUnits);
    if (!id.empty() && !by_member.emplace(id, units).second)
      reader.Add(field + "member", "is there twice");
  }
  return by_member;
}

// A target of somebody else would be lost without a word.
absl::Status CheckMembers(const std::map<std::string, int64_t>& targets,
                          const std::vector<std::string>& member_ids, const std::string& path) {
  Reader reader;
  for (const auto& [id, units] : targets) {
    if (std::find(member_ids.begin(), member_ids.end(), id) == member_ids.end())
      reader.Add(path, absl::StrCat("members/", id, " is not in the scope"));
  }
  return reader.status();
}

v1::DayEntry ToProto(const DayEntry& entry) {
  v1::DayEntry message;
  *message.mutable_day() = milepost::ToProto(entry.day);
  message.set_target(entry.target);
  if (entry.actual) message.set_actual(*entry.actual);
  return message;
}

v1::DayCheck ToProto(const DailyCheck& check, const std::string& member_id) {
  v1::DayCheck message;
  if (!member_id.empty()) message.set_member(resource::Name("members", member_id));
  *message.mutable_entry() = ToProto(DayEntry{check.day, check.target, check.actual});
  message.set_gap(check.gap);
  message.set_verdict(static_cast<v1::DayCheck::Verdict>(static_cast<int>(check.verdict) + 1));
  if (check.previous) *message.mutable_previous() = ToProto(*check.previous);
  if (check.next) *message.mutable_next() = ToProto(*check.next);
  message.set_cumulative_target(check.cumulative_target);
  message.set_cumulative_actual(check.cumulative_actual);
  message.set_cumulative_gap(check.cumulative_gap);
  if (check.attainment_ppm) message.set_attainment_ppm(*check.attainment_ppm);
  message.set_period_target(check.period_target);
  message.set_remaining(check.remaining);
  message.set_days_left(check.days_left);
  if (check.required_per_day) message.set_required_per_day(*check.required_per_day);
  message.set_standing(static_cast<v1::DayCheck::Standing>(static_cast<int>(check.standing) + 1));
  return message;
}

bool AnyWorkingDay(const std::vector<int64_t>& weights) {
  return std::any_of(weights.begin(), weights.end(), [](int64_t weight) { return weight > 0; });
}

}  // namespace

ActivityService::ActivityService(
    rpc::Runner& rpc, Directory& directory,
    std::shared_ptr<reporting::v1::ReportService::StubInterface> reports, std::string currency_code)
    : rpc_(rpc),
      directory_(directory),
      reports_(std::move(reports)),
      currency_code_(std::move(currency_code)) {
  rpc_.Register<v1::ActivityService>();
}

grpc::ServerUnaryReactor* ActivityService::ComputeActivities(
    grpc::CallbackServerContext* context, const v1::ComputeActivitiesRequest* request,
    v1::ComputeActivitiesResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Compute(call...); });
}
grpc::ServerUnaryReactor* ActivityService::CheckDay(grpc::CallbackServerContext* context,
                                                    const v1::CheckDayRequest* request,
                                                    v1::CheckDayResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Check(call...); });
}

ActivityService::ScopeCommand ActivityService::ReadScope(const v1::ActivityScope& scope,
                                                         bool has_scope, Reader& reader) {
  ScopeCommand command;
  if (!has_scope) {
    reader.Add("scope", "is required");
    return command;
  }
  if (const auto period =
          reader.Days(scope.has_period(), scope.period(), "scope.period", Need::kRequired)) {
    command.period = *period;
    if (static_cast<size_t>(period->last - period->first) >= kMaxActivityDays)
      reader.Add("scope.period", absl::StrCat("is longer than ", kMaxActivityDays, " days"));
  }
  std::set<std::string> seen;
  for (int i = 0; i < scope.members_size(); ++i) {
    const std::string field = absl::StrCat("scope.members[", i, "]");
    std::string id = reader.Name("members", scope.members(i), field, Need::kRequired);
    if (!id.empty() && !seen.insert(id).second) reader.Add(field, "is there twice");
    command.member_ids.push_back(std::move(id));
  }
  if (command.member_ids.size() > kMaxTeam) {
    reader.Add("scope.members", absl::StrCat("has ", command.member_ids.size(),
                                             " members; the limit is ", kMaxTeam));
  }
  command.unit_id = reader.Name("units", scope.unit(), "scope.unit", Need::kOptional);
  if (scope.members_size() > 0 && !scope.unit().empty())
    reader.Add("scope.unit", "is only without members");
  if (scope.members_size() == 0 && scope.unit().empty())
    reader.Add("scope.members", "is required, or unit");
  command.calendar_id =
      reader.Name("calendars", scope.calendar(), "scope.calendar", Need::kOptional);
  if (command.calendar_id.empty()) command.calendar_id = kDefaultCalendarId;
  return command;
}

absl::StatusOr<ActivityService::Team> ActivityService::LoadTeam(db::Snapshot& snapshot,
                                                                const ScopeCommand& scope) const {
  Team team;
  const absl::StatusOr<Calendar> calendar = calendars_.Load(snapshot, scope.calendar_id);
  if (absl::IsNotFound(calendar.status()))
    return error::ReferenceMissing(resource::Name("calendars", scope.calendar_id));
  if (!calendar.ok()) return calendar.status();
  team.day_weights_ppm = DayWeightsOf(WorkingCalendar(calendar->definition), scope.period);
  if (scope.unit_id.empty()) {
    const absl::StatusOr<std::vector<Member>> found =
        directory_.members().LoadMany(snapshot, scope.member_ids);
    if (!found.ok()) return found.status();
    for (const std::string& id : scope.member_ids) {
      if (std::none_of(found->begin(), found->end(),
                       [&](const Member& member) { return member.id == id; })) {
        return error::ReferenceMissing(resource::Name("members", id));
      }
    }
    team.member_ids = scope.member_ids;
    return team;
  }
  const std::string unit_name = resource::Name("units", scope.unit_id);
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
  if (!tree.ok()) return tree.status();
  if ((*tree)->Find(scope.unit_id) == nullptr) return error::ReferenceMissing(unit_name);
  std::set<std::string> below = (*tree)->Below(scope.unit_id, scope.period.first);
  below.insert(scope.unit_id);
  const MemberStore::Filter filter{{below.begin(), below.end()}, scope.period.first, true};
  const absl::StatusOr<std::vector<Member>> members =
      directory_.members().List(snapshot, filter, "", static_cast<int>(kMaxTeam) + 1);
  if (!members.ok()) return members.status();
  if (members->empty()) return error::NoParts(unit_name, "nobody works there on the first day");
  if (members->size() > kMaxTeam) {
    return error::NoParts(unit_name, absl::StrCat("more than ", kMaxTeam,
                                                  " members work there; name a unit "
                                                  "below it"));
  }
  for (const Member& member : *members) team.member_ids.push_back(member.id);
  return team;
}

absl::StatusOr<std::vector<std::vector<int64_t>>> ActivityService::LoadPlanTargets(
    const rpc::Caller& caller, db::Snapshot& snapshot, const std::string& plan_id,
    const std::string& metric_id, const std::string& field, const Team& team,
    DayRange period) const {
  const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
  if (!plan.ok()) return plan.status();
  const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
  if (!view.ok()) return view.status();
  if (plan->metric_id != metric_id) {
    Reader reader;
    reader.Add(field,
               absl::StrCat("is of metrics/", plan->metric_id, ", not of metrics/", metric_id));
    return reader.status();
  }
  const absl::StatusOr<Calendar> calendar =
      calendars_.Load(snapshot, plan->calendar_id.empty() ? kDefaultCalendarId : plan->calendar_id);
  if (!calendar.ok()) return calendar.status();
  const WorkingCalendar working(calendar->definition);
  std::vector<std::vector<int64_t>> targets;
  for (const std::string& member_id : team.member_ids) {
    PlanStore::NodeFilter filter;
    filter.member_id = member_id;
    const absl::StatusOr<std::vector<Node>> nodes = plans_.AllNodes(snapshot, plan_id, filter);
    if (!nodes.ok()) return nodes.status();
    for (const Node& node : *nodes) {
      if (!view->Shows(node)) return error::NotFound(resource::Name("members", member_id));
    }
    targets.push_back(DayTargets(*nodes, working, period));
  }
  return targets;
}

absl::StatusOr<Metric> ActivityService::LoadMetric(db::Snapshot& snapshot,
                                                   const std::string& id) const {
  absl::StatusOr<Metric> metric = metrics_.Load(snapshot, id);
  if (absl::IsNotFound(metric.status()))
    return error::ReferenceMissing(resource::Name("metrics", id));
  return metric;
}

absl::StatusOr<v1::ComputeActivitiesResponse> ActivityService::Compute(
    const rpc::Caller& caller, db::Session& db, const v1::ComputeActivitiesRequest& request) {
  Reader reader;
  const ScopeCommand scope = ReadScope(request.scope(), request.has_scope(), reader);
  HistorySpec results;
  results.metric_id = reader.Name("metrics", request.metric(), "metric", Need::kRequired);
  ActivityRequest plan;
  plan.min_results = request.min_results() == 0
                         ? kMinResults
                         : reader.Number(request.min_results(), "min_results", 1, kMaxTargetUnits);
  std::vector<std::string> measured;  // Metric of each activity; empty if its ratio is typed.
  for (int i = 0; i < request.activities_size(); ++i) {
    const v1::Activity& activity = request.activities(i);
    const std::string path = absl::StrCat("activities[", i, "].");
    plan.activities.push_back(reader.Text(activity.name(), path + "name", kMaxDisplayName));
    measured.emplace_back();
    plan.team_ratios.push_back({1, 1});
    switch (activity.ratio_case()) {
      case v1::Activity::kTyped:
        plan.team_ratios.back() = {activity.typed().activities(), activity.typed().results()};
        break;
      case v1::Activity::kMeasuredMetric:
        measured.back() = reader.Name("metrics", activity.measured_metric(),
                                      path + "measured_metric", Need::kRequired);
        break;
      case v1::Activity::RATIO_NOT_SET:
        reader.Add(path + "typed", "is required, or measured_metric");
        break;
    }
  }
  std::map<std::string, int64_t> targets = ReadTargets(request.targets(), "targets", reader);
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kOptional);
  if (targets.empty() && plan_id.empty()) reader.Add("targets", "is required, or plan");
  if (!targets.empty() && !plan_id.empty()) reader.Add("plan", "is only without targets");
  const bool measures =
      std::any_of(request.activities().begin(), request.activities().end(),
                  [](const v1::Activity& activity) { return activity.has_measured_metric(); });
  const std::optional<DayRange> measured_in =
      reader.Days(request.has_measured_in(), request.measured_in(), "measured_in",
                  measures ? Need::kRequired : Need::kOptional);
  if (measured_in && measured_in->last - measured_in->first >= kMaxPlanYears * 366)
    reader.Add("measured_in", absl::StrCat("is longer than ", kMaxPlanYears, " years"));
  // What the domain finds wrong with the work, told before anything is read.
  ActivityRequest trial = plan;
  trial.members.push_back({.id = "anybody", .day_weights_ppm = {kOrdinaryDayWeightPpm}});
  const absl::Status fields = PlanActivities(trial).status();
  const auto path_of = [](const std::string& field) {
    if (absl::StartsWith(field, "team_ratios[")) {
      return absl::StrReplaceAll(field, {{"team_ratios", "activities"}, {"].", "].typed."}});
    }
    return absl::EndsWith(field, "]") ? absl::StrCat(field, ".name") : field;
  };
  if (!AddViolations(fields, path_of, reader)) return fields;
  if (absl::Status s = reader.status(); !s.ok()) return s;

  std::optional<Metric> metric;
  const absl::StatusOr<Team> team = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<Team> {
    absl::StatusOr<Metric> found = LoadMetric(snapshot, results.metric_id);
    if (!found.ok()) return found.status();
    metric = *std::move(found);
    absl::StatusOr<Team> team = LoadTeam(snapshot, scope);
    if (!team.ok() || plan_id.empty()) return team;
    const absl::StatusOr<std::vector<std::vector<int64_t>>> wanted =
        LoadPlanTargets(caller, snapshot, plan_id, metric->id, "plan", *team, scope.period);
    if (!wanted.ok()) return wanted.status();
    for (size_t m = 0; m < wanted->size(); ++m) {
      targets[team->member_ids[m]] =
          std::accumulate((*wanted)[m].begin(), (*wanted)[m].end(), int64_t{0});
    }
    return team;
  });
  if (!team.ok()) return team.status();
  if (absl::Status s = CheckMembers(targets, team->member_ids, "targets"); !s.ok()) return s;
  if (metric->unit == MetricUnit::kRatio) {
    reader.Add("metric", "counts in parts per million; it must count money or things");
    return reader.status();
  }
  plan.results = metric->unit == MetricUnit::kMoney ? QuantityUnit::kMoney : QuantityUnit::kCount;
  if (metric->unit == MetricUnit::kMoney) results.currency_code = currency_code_;
  db.EndRead();

  History history(*reports_, caller);
  const absl::CivilDay today = directory_.clock().Today();
  std::vector<int64_t> achieved(team->member_ids.size(), 0);
  if (scope.period.first <= today) {
    absl::StatusOr<std::vector<int64_t>> totals = history.MemberTotals(
        results, team->member_ids, {scope.period.first, std::min(scope.period.last, today)});
    if (!totals.ok()) return totals.status();
    achieved = *std::move(totals);
  }
  std::vector<std::vector<ActivityRatio>> own(team->member_ids.size(),
                                              std::vector<ActivityRatio>(plan.activities.size()));
  if (measures) {
    const absl::StatusOr<std::vector<int64_t>> came =
        history.MemberTotals(results, team->member_ids, *measured_in);
    if (!came.ok()) return came.status();
    for (size_t a = 0; a < measured.size(); ++a) {
      if (measured[a].empty()) continue;
      HistorySpec work;
      work.metric_id = measured[a];
      const absl::StatusOr<std::vector<int64_t>> done =
          history.MemberTotals(work, team->member_ids, *measured_in);
      if (!done.ok()) return done.status();
      ActivityRatio all;
      for (size_t m = 0; m < own.size(); ++m) {
        const ActivityRatio ratio{std::max<int64_t>((*done)[m], 0),
                                  std::max<int64_t>((*came)[m], 0)};
        all.activities += ratio.activities;
        all.results += ratio.results;
        // Results without any recorded work say nothing about the work.
        if (ratio.activities > 0) own[m][a] = ratio;
      }
      if (all.activities == 0 || all.results == 0)
        return error::NoHistory(resource::Name("metrics", measured[a]));
      plan.team_ratios[a] = all;
    }
  }

  // Work that is left is left for the days that are.
  const DayRange days{std::clamp(today, scope.period.first, scope.period.last + 1),
                      scope.period.last};
  const auto gone = days.first - scope.period.first;
  std::vector<int64_t> weights(team->day_weights_ppm.begin() + gone, team->day_weights_ppm.end());
  bool wanted = false;
  for (size_t m = 0; m < team->member_ids.size(); ++m) {
    ActivityMember member;
    member.id = team->member_ids[m];
    const auto target = targets.find(member.id);
    member.target = target == targets.end() ? 0 : target->second;
    member.achieved = std::clamp<int64_t>(achieved[m], 0, kMaxTargetUnits);
    member.ratios = own[m];
    member.day_weights_ppm = weights;
    wanted = wanted || member.target > member.achieved;
    plan.members.push_back(std::move(member));
  }
  if (wanted && !AnyWorkingDay(weights))
    return error::NoWorkingDays("scope.period", resource::Name("calendars", scope.calendar_id));
  // A period that is over wants nothing, and has a day to say so for.
  if (weights.empty()) {
    for (ActivityMember& member : plan.members) member.day_weights_ppm = {0};
  }
  const absl::StatusOr<ActivityPlan> computed = PlanActivities(plan);
  if (!computed.ok()) return computed.status();

  v1::ComputeActivitiesResponse response;
  if (days.first <= days.last) *response.mutable_days() = target::ToProto(days);
  for (size_t m = 0; m < computed->members.size(); ++m) {
    const ActivityMemberPlan& member = computed->members[m];
    v1::ActivityMemberPlan& message = *response.add_members();
    message.set_member(resource::Name("members", member.id));
    message.set_target_units(plan.members[m].target);
    message.set_achieved_units(plan.members[m].achieved);
    message.set_working_days(member.working_days);
    for (const ActivityNeed& need : member.needs) {
      v1::ActivityNeed& one = *message.add_needs();
      one.set_activity(need.activity);
      one.set_own_ratio(need.own_ratio);
      one.set_needed(need.needed);
      one.set_per_day(need.per_day);
      if (!weights.empty()) one.mutable_by_day()->Add(need.by_day.begin(), need.by_day.end());
      for (const Step& step : need.steps) *one.add_steps() = target::ToProto(step);
    }
  }
  for (const int64_t total : computed->totals) response.add_totals(total);
  response.set_currency_code(results.currency_code);
  return response;
}

absl::StatusOr<v1::CheckDayResponse> ActivityService::Check(const rpc::Caller& caller,
                                                            db::Session& db,
                                                            const v1::CheckDayRequest& request) {
  Reader reader;
  const ScopeCommand scope = ReadScope(request.scope(), request.has_scope(), reader);
  const absl::CivilDay today = directory_.clock().Today();
  const absl::CivilDay day = reader.Day(request.has_day(), request.day(), "day").value_or(today);
  if (request.scope().has_period() && (day < scope.period.first || day > scope.period.last))
    reader.Add("day", absl::StrCat(absl::FormatCivilTime(day), " is not in the period"));
  const size_t count = static_cast<size_t>(request.indicators_size());
  if (count < 1 || count > kMaxIndicators) {
    reader.Add("indicators",
               absl::StrCat("has ", count, " indicators; must have 1 to ", kMaxIndicators));
  }
  struct Indicator {
    std::string metric_id;
    int64_t each = 0;
    std::map<std::string, int64_t> targets;
    std::string plan_id;
    std::vector<std::vector<int64_t>> by_day;  // Of the plan.
    HistorySpec spec;
  };
  std::vector<Indicator> indicators;
  std::set<std::string> seen;
  for (int i = 0; i < request.indicators_size(); ++i) {
    const v1::DayIndicator& given = request.indicators(i);
    const std::string path = absl::StrCat("indicators[", i, "].");
    Indicator indicator;
    indicator.metric_id = reader.Name("metrics", given.metric(), path + "metric", Need::kRequired);
    if (!indicator.metric_id.empty() && !seen.insert(indicator.metric_id).second)
      reader.Add(path + "metric", "is there twice");
    indicator.each = reader.Number(given.each_units(), path + "each_units", 0, kMaxTargetUnits);
    indicator.targets = ReadTargets(given.targets(), path + "targets", reader);
    indicator.plan_id = reader.Name("plans", given.plan(), path + "plan", Need::kOptional);
    if (!indicator.plan_id.empty() && (indicator.each > 0 || !indicator.targets.empty()))
      reader.Add(path + "plan", "is only without each_units and targets");
    indicators.push_back(std::move(indicator));
  }
  DailyCheckSettings settings;
  if (request.has_thresholds()) {
    settings = {request.thresholds().ahead_ppm(), request.thresholds().on_track_ppm(),
                request.thresholds().at_risk_ppm()};
  }
  const absl::Status thresholds =
      target::CheckDay({{day, 0, std::nullopt}}, day, settings).status();
  const auto path_of = [](const std::string& field) {
    return absl::StrReplaceAll(field, {{"settings.", "thresholds."}});
  };
  if (!AddViolations(thresholds, path_of, reader)) return thresholds;
  if (absl::Status s = reader.status(); !s.ok()) return s;

  const absl::StatusOr<Team> team = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<Team> {
    for (Indicator& indicator : indicators) {
      const absl::StatusOr<Metric> metric = LoadMetric(snapshot, indicator.metric_id);
      if (!metric.ok()) return metric.status();
      indicator.spec.metric_id = indicator.metric_id;
      if (metric->unit == MetricUnit::kMoney) indicator.spec.currency_code = currency_code_;
    }
    absl::StatusOr<Team> team = LoadTeam(snapshot, scope);
    if (!team.ok()) return team;
    for (size_t i = 0; i < indicators.size(); ++i) {
      Indicator& indicator = indicators[i];
      if (indicator.plan_id.empty()) continue;
      absl::StatusOr<std::vector<std::vector<int64_t>>> wanted =
          LoadPlanTargets(caller, snapshot, indicator.plan_id, indicator.metric_id,
                          absl::StrCat("indicators[", i, "].plan"), *team, scope.period);
      if (!wanted.ok()) return wanted.status();
      indicator.by_day = *std::move(wanted);
    }
    return team;
  });
  if (!team.ok()) return team.status();
  db.EndRead();

  History history(*reports_, caller);
  v1::CheckDayResponse response;
  const size_t length = team->day_weights_ppm.size();
  for (size_t i = 0; i < indicators.size(); ++i) {
    const Indicator& indicator = indicators[i];
    if (absl::Status s = CheckMembers(indicator.targets, team->member_ids,
                                      absl::StrCat("indicators[", i, "].targets"));
        !s.ok()) {
      return s;
    }
    std::vector<std::vector<int64_t>> actuals(team->member_ids.size(),
                                              std::vector<int64_t>(length, 0));
    if (scope.period.first <= today) {
      const absl::StatusOr<std::vector<std::vector<int64_t>>> found =
          history.MemberDays(indicator.spec, team->member_ids,
                             {scope.period.first, std::min(scope.period.last, today)});
      if (!found.ok()) return found.status();
      for (size_t m = 0; m < found->size(); ++m)
        std::copy((*found)[m].begin(), (*found)[m].end(), actuals[m].begin());
    }
    std::vector<std::vector<DayEntry>> entries;
    for (size_t m = 0; m < team->member_ids.size(); ++m) {
      std::vector<int64_t> wanted;
      if (indicator.plan_id.empty()) {
        const auto own = indicator.targets.find(team->member_ids[m]);
        SplitRequest split;
        split.parent_value = own == indicator.targets.end() ? indicator.each : own->second;
        if (split.parent_value > 0 && !AnyWorkingDay(team->day_weights_ppm)) {
          return error::NoWorkingDays("scope.period",
                                      resource::Name("calendars", scope.calendar_id));
        }
        for (const int64_t weight : team->day_weights_ppm)
          split.parts.push_back({.weight = weight});
        for (const SplitValue& value : Split(split).values) wanted.push_back(value.value);
      } else {
        wanted = indicator.by_day[m];
      }
      std::vector<DayEntry> of_member;
      for (size_t d = 0; d < length; ++d) {
        const absl::CivilDay at = scope.period.first + static_cast<int>(d);
        of_member.push_back(
            {at, wanted[d], at <= today ? std::optional<int64_t>(actuals[m][d]) : std::nullopt});
      }
      entries.push_back(std::move(of_member));
    }
    const absl::StatusOr<TeamDailyCheck> check = CheckTeamDay(entries, day, settings);
    if (!check.ok()) return check.status();
    v1::DayIndicatorCheck& message = *response.add_indicators();
    message.set_metric(resource::Name("metrics", indicator.metric_id));
    message.set_currency_code(indicator.spec.currency_code);
    *message.mutable_total() = ToProto(check->total, "");
    for (size_t m = 0; m < check->members.size(); ++m)
      *message.add_members() = ToProto(check->members[m], team->member_ids[m]);
  }
  return response;
}

}  // namespace milepost::target
