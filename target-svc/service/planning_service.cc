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
#include "target-svc/service/arithmetic.h"
#include "target-svc/service/funnel_request.h"
#include "target-svc/service/reader.h"

namespace milepost::target {
namespace {

v1::FunnelNeed ToProto(const std::string& stage, const FunnelNeed& need) {
  v1::FunnelNeed message;
  message.set_stage(stage);
  message.set_needed(need.needed);
  message.set_from_stock(need.from_stock);
  message.set_required(need.required);
  return message;
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
  const absl::StatusOr<FunnelCommand> funnel = ReadFunnelCommand(request, reader);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  if (!funnel.ok()) return funnel.status();
  const FunnelPlan* plan = &funnel->plan;
  const std::optional<SpreadCommand>& command = funnel->spread;

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
