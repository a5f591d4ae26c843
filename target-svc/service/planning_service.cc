#include "target-svc/service/planning_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/funnel_plan.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/reader.h"

namespace milepost::target {
namespace {

// Takes the week totals when there are no members.
constexpr char kEverybody[] = "everybody";

v1::Quantity::Unit ToProto(QuantityUnit unit) {
  switch (unit) {
    case QuantityUnit::kCount:
      return v1::Quantity::THINGS;
    case QuantityUnit::kMoney:
      return v1::Quantity::MINOR_UNITS;
    case QuantityUnit::kPpm:
      return v1::Quantity::PARTS_PER_MILLION;
    case QuantityUnit::kDays:
      return v1::Quantity::DAYS;
    case QuantityUnit::kScore:
      return v1::Quantity::SCORE;
  }
  return v1::Quantity::UNIT_UNSPECIFIED;
}

v1::ArithmeticStep::Operation ToProto(Operation operation) {
  switch (operation) {
    case Operation::kSum:
      return v1::ArithmeticStep::SUM;
    case Operation::kDifference:
      return v1::ArithmeticStep::DIFFERENCE;
    case Operation::kProduct:
      return v1::ArithmeticStep::PRODUCT;
    case Operation::kQuotient:
      return v1::ArithmeticStep::QUOTIENT;
    case Operation::kProportion:
      return v1::ArithmeticStep::PROPORTION;
    case Operation::kMinimum:
      return v1::ArithmeticStep::MINIMUM;
    case Operation::kMaximum:
      return v1::ArithmeticStep::MAXIMUM;
  }
  return v1::ArithmeticStep::OPERATION_UNSPECIFIED;
}

v1::ArithmeticStep::Rounding ToProto(Rounding rounding) {
  switch (rounding) {
    case Rounding::kExact:
      return v1::ArithmeticStep::EXACT;
    case Rounding::kDown:
      return v1::ArithmeticStep::DOWN;
    case Rounding::kUp:
      return v1::ArithmeticStep::UP;
    case Rounding::kHalfUp:
      return v1::ArithmeticStep::HALF_UP;
  }
  return v1::ArithmeticStep::ROUNDING_UNSPECIFIED;
}

v1::Quantity ToProto(const Quantity& quantity) {
  v1::Quantity message;
  message.set_name(quantity.name);
  message.set_value(quantity.value);
  message.set_unit(ToProto(quantity.unit));
  if (quantity.step) message.set_step(static_cast<int32_t>(*quantity.step));
  return message;
}

v1::ArithmeticStep ToProto(const Step& step) {
  v1::ArithmeticStep message;
  message.mutable_result()->set_name(step.name);
  message.mutable_result()->set_value(step.result);
  message.mutable_result()->set_unit(ToProto(step.unit));
  message.set_operation(ToProto(step.operation));
  for (const Quantity& operand : step.operands) *message.add_operands() = ToProto(operand);
  message.set_rounding(ToProto(step.rounding));
  message.set_multiple(step.multiple);
  message.set_text(Explain(step));
  return message;
}

v1::FunnelNeed ToProto(const std::string& stage, const FunnelNeed& need) {
  v1::FunnelNeed message;
  message.set_stage(stage);
  message.set_needed(need.needed);
  message.set_from_stock(need.from_stock);
  message.set_required(need.required);
  return message;
}

FunnelChannel ReadChannel(const v1::FunnelChannel& message, const std::string& field,
                          Reader& reader) {
  FunnelChannel channel;
  channel.id = reader.Text(message.id(), absl::StrCat(field, ".id"), kMaxKey);
  for (const v1::FunnelRate& rate : message.rates()) {
    if (rate.has_measured()) {
      channel.rates.push_back(
          {RateSource::kMeasured, 0, rate.measured().entered(), rate.measured().converted()});
    } else {
      channel.rates.push_back({.ppm = rate.typed_ppm()});
    }
  }
  channel.stock.assign(message.stock().begin(), message.stock().end());
  if (message.has_average_amount_units()) channel.average_amount = message.average_amount_units();
  if (message.has_target()) channel.target = message.target();
  if (message.has_target_amount_units()) channel.target_amount = message.target_amount_units();
  channel.weight = message.weight();
  channel.entries = message.entries();
  for (const v1::FunnelCapacity& capacity : message.capacities()) {
    std::optional<int64_t> max_count;
    if (capacity.has_max_count()) max_count = capacity.max_count();
    channel.capacities.push_back(max_count);
  }
  return channel;
}

// What both questions have in common.
template <typename Request>
FunnelRequest ReadFunnel(const Request& request, Reader& reader) {
  FunnelRequest funnel;
  for (int s = 0; s < request.stages_size(); ++s) {
    funnel.stages.push_back(reader.Text(request.stages(s), At("stages", s), kMaxDisplayName));
  }
  for (int c = 0; c < request.channels_size(); ++c) {
    funnel.channels.push_back(ReadChannel(request.channels(c), At("channels", c), reader));
  }
  return funnel;
}

// The path that clients know a field of a channel under.
std::string FunnelPath(const std::string& field) {
  std::string path = absl::StrReplaceAll(field, {{".ppm", ".typed_ppm"},
                                                 {".entered", ".measured.entered"},
                                                 {".converted", ".measured.converted"},
                                                 {".average_amount", ".average_amount_units"},
                                                 {".target_amount", ".target_amount_units"}});
  // Of a capacity only the number can be wrong; of the list, its length.
  if (path.find(".capacities[") != std::string::npos) path += ".max_count";
  return path;
}

// Adds what the domain found wrong. False if `status` is another error, which ends the call.
template <typename Path>
bool AddViolations(const absl::Status& status, const Path& path_of, Reader& reader) {
  const std::vector<status::FieldViolation> violations = status::ViolationsOf(status);
  for (const status::FieldViolation& violation : violations) {
    reader.Add(path_of(violation.field), violation.description);
  }
  return status.ok() || !violations.empty();
}

// A spread as the request asks for it.
struct SpreadCommand {
  DayRange period;
  std::string calendar_id;
  std::vector<FunnelShare> members;
  std::string channel;
};

SpreadCommand ReadSpread(const v1::FunnelSpreadSpec& spec, const FunnelRequest& funnel,
                         Reader& reader) {
  SpreadCommand command;
  command.calendar_id =
      reader.Name("calendars", spec.calendar(), "spread.calendar", Need::kOptional);
  if (command.calendar_id.empty()) command.calendar_id = kDefaultCalendarId;
  command.channel = spec.channel();
  const bool known =
      command.channel.empty() ||
      std::any_of(funnel.channels.begin(), funnel.channels.end(),
                  [&](const FunnelChannel& channel) { return channel.id == command.channel; });
  if (!known) reader.Add("spread.channel", "is not the id of a channel of this request");
  for (int m = 0; m < spec.members_size(); ++m) {
    const v1::FunnelMember& member = spec.members(m);
    const std::string field = absl::StrCat(At("spread.members", m), ".member");
    if (!member.member().empty()) reader.Name("members", member.member(), field, Need::kRequired);
    command.members.push_back({member.member(), member.weight()});
  }

  const std::optional<DayRange> period =
      reader.Days(spec.has_period(), spec.period(), "spread.period", Need::kRequired);
  // The members are looked at even if the period is not.
  std::vector<FunnelShare> weeks;
  if (period && absl::CivilDay(period->first.year() + kMaxPlanYears, period->first.month(),
                               period->first.day()) <= period->last) {
    reader.Add("spread.period", absl::StrCat("is longer than ", kMaxPlanYears, " years"));
  } else if (period) {
    command.period = *period;
    for (const Period& week : Periods(*period, PeriodKind::kWeek)) {
      weeks.push_back({PeriodLabel(PeriodKind::kWeek, week.days.first), 1});
    }
  }
  if (weeks.empty()) weeks.push_back({kEverybody, 1});
  if (command.members.empty()) return command;
  const absl::StatusOr<FunnelSpread> trial = SpreadFunnel(0, command.members, weeks);
  AddViolations(
      trial.status(),
      [](const std::string& field) {
        return absl::StrCat("spread.", absl::StrReplaceAll(field, {{".id", ".member"}}));
      },
      reader);
  return command;
}

absl::Status Spread(const SpreadCommand& command, const FunnelPlan& plan,
                    const std::vector<FunnelShare>& weeks, v1::ComputeFunnelResponse& response) {
  const std::vector<FunnelNeed>* needs = &plan.totals;
  for (const FunnelChannelPlan& channel : plan.channels) {
    if (channel.id == command.channel) needs = &channel.needs;
  }
  std::vector<FunnelShare> members = command.members;
  if (members.empty()) members.push_back({kEverybody, 1});
  for (const FunnelShare& week : weeks) response.add_weeks(week.id);
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    const absl::StatusOr<FunnelSpread> spread = SpreadFunnel((*needs)[s].required, members, weeks);
    if (!spread.ok()) return spread.status();
    v1::FunnelSpread& message = *response.add_spreads();
    message.set_stage(plan.stages[s]);
    message.set_total((*needs)[s].required);
    for (const int64_t total : spread->week_totals) message.add_week_totals(total);
    for (size_t m = 0; m < command.members.size(); ++m) {
      v1::FunnelSpread::Member& row = *message.add_members();
      row.set_member(command.members[m].id);
      row.set_total(spread->member_totals[m]);
      for (const int64_t count : spread->counts[m]) row.add_counts(count);
    }
  }
  return absl::OkStatus();
}

}  // namespace

PlanningService::PlanningService(rpc::Runner& rpc) : rpc_(rpc) {
  rpc_.Register<v1::PlanningService>();
}

grpc::ServerUnaryReactor* PlanningService::ComputeFunnel(grpc::CallbackServerContext* context,
                                                         const v1::ComputeFunnelRequest* request,
                                                         v1::ComputeFunnelResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Compute(call...); });
}
grpc::ServerUnaryReactor* PlanningService::ForecastFunnel(grpc::CallbackServerContext* context,
                                                          const v1::ForecastFunnelRequest* request,
                                                          v1::ForecastFunnelResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Forecast(call...); });
}

absl::StatusOr<v1::ComputeFunnelResponse> PlanningService::Compute(
    const rpc::Caller&, db::Session& db, const v1::ComputeFunnelRequest& request) {
  Reader reader;
  FunnelRequest funnel = ReadFunnel(request, reader);
  if (request.has_shared_target()) funnel.shared_target = request.shared_target();
  std::optional<SpreadCommand> command;
  if (request.has_spread()) command = ReadSpread(request.spread(), funnel, reader);
  const absl::StatusOr<FunnelPlan> plan = PlanFunnel(funnel);
  if (!AddViolations(plan.status(), FunnelPath, reader)) return plan.status();
  if (absl::Status s = reader.status(); !s.ok()) return s;

  v1::ComputeFunnelResponse response;
  for (const FunnelChannelPlan& channel : plan->channels) {
    v1::FunnelChannelPlan& message = *response.add_channels();
    message.set_id(channel.id);
    message.set_target(channel.target);
    for (const int64_t rate : channel.rates_ppm) message.add_rates_ppm(rate);
    for (size_t s = 0; s < plan->stages.size(); ++s) {
      *message.add_needs() = ToProto(plan->stages[s], channel.needs[s]);
    }
    for (const Step& step : channel.steps) *message.add_steps() = ToProto(step);
    for (const std::string& note : channel.notes) message.add_notes(note);
  }
  for (size_t s = 0; s < plan->stages.size(); ++s) {
    *response.add_totals() = ToProto(plan->stages[s], plan->totals[s]);
  }
  if (!command) return response;

  const std::string calendar_name = resource::Name("calendars", command->calendar_id);
  const absl::StatusOr<Calendar> calendar = db.Read(
      [&](db::Snapshot& snapshot) { return calendars_.Load(snapshot, command->calendar_id); });
  if (absl::IsNotFound(calendar.status())) return error::ReferenceMissing(calendar_name);
  if (!calendar.ok()) return calendar.status();
  const WorkingCalendar working(calendar->definition);
  if (working.WeightPpm(command->period) == 0) {
    return error::NoWorkingDays("spread.period", calendar_name);
  }
  if (absl::Status s = Spread(*command, *plan, WeeksOf(working, command->period), response);
      !s.ok()) {
    return s;
  }
  return response;
}

absl::StatusOr<v1::ForecastFunnelResponse> PlanningService::Forecast(
    const rpc::Caller&, db::Session&, const v1::ForecastFunnelRequest& request) {
  Reader reader;
  const FunnelRequest funnel = ReadFunnel(request, reader);
  const absl::StatusOr<FunnelForecast> forecast = target::ForecastFunnel(funnel);
  if (!AddViolations(forecast.status(), FunnelPath, reader)) return forecast.status();
  if (absl::Status s = reader.status(); !s.ok()) return s;

  v1::ForecastFunnelResponse response;
  for (const FunnelChannelForecast& channel : forecast->channels) {
    v1::FunnelChannelForecast& message = *response.add_channels();
    message.set_id(channel.id);
    for (size_t s = 0; s < channel.flows.size(); ++s) {
      v1::FunnelFlow& flow = *message.add_flows();
      flow.set_stage(funnel.stages[s]);
      flow.set_arriving(channel.flows[s].arriving);
      flow.set_worked(channel.flows[s].worked);
      flow.set_limited(channel.flows[s].limited);
    }
    message.set_result(channel.result);
    message.set_expected_millionths(channel.expected_millionths);
    if (channel.amount) message.set_amount_units(*channel.amount);
    for (const Step& step : channel.steps) *message.add_steps() = ToProto(step);
  }
  response.set_result(forecast->result);
  if (forecast->amount) response.set_amount_units(*forecast->amount);
  return response;
}

}  // namespace milepost::target
