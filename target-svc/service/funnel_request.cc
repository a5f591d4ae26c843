#include "target-svc/service/funnel_request.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_replace.h"
#include "target-svc/domain/calendar.h"

namespace milepost::target {
namespace {

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

}  // namespace

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

absl::StatusOr<FunnelCommand> ReadFunnelCommand(const v1::ComputeFunnelRequest& request,
                                                Reader& reader) {
  FunnelCommand command;
  command.funnel = ReadFunnel(request, reader);
  if (request.has_shared_target()) command.funnel.shared_target = request.shared_target();
  if (request.has_spread()) command.spread = ReadSpread(request.spread(), command.funnel, reader);
  absl::StatusOr<FunnelPlan> plan = PlanFunnel(command.funnel);
  if (!AddViolations(plan.status(), FunnelPath, reader)) return plan.status();
  if (absl::Status s = reader.status(); !s.ok()) return s;
  command.plan = *std::move(plan);
  return command;
}

}  // namespace milepost::target
