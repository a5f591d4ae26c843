#include "target-svc/domain/funnel_plan.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "platform/status/error.h"
#include "platform/types/money.h"
#include "target-svc/domain/balance.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using status::FieldViolations;

__extension__ using Wide = __int128;

void CheckRate(const FunnelRate& rate, const std::string& field, FieldViolations& violations) {
  if (rate.source == RateSource::kTyped) {
    CheckRange(rate.ppm, 1, kPpm, absl::StrCat(field, ".ppm"), violations);
    return;
  }
  if (rate.entered < 1 || rate.entered > kMaxFunnelCount) {
    violations.Add(absl::StrCat(field, ".entered"),
                   absl::StrCat("is ", rate.entered, ", a rate is measured on 1 to ",
                                kMaxFunnelCount, "; type one instead"));
    return;
  }
  if (rate.converted < 0 || rate.converted > rate.entered) {
    violations.Add(
        absl::StrCat(field, ".converted"),
        absl::StrCat("is ", rate.converted, ", must be 0 to the ", rate.entered, " that entered"));
  } else if (*RatioPpm(rate.converted, rate.entered) == 0) {
    violations.Add(absl::StrCat(field, ".converted"),
                   absl::StrCat(rate.converted, " of ", rate.entered,
                                " is 0 ppm, must be at least 1: nothing comes through; type a "
                                "rate instead"));
  }
}

// Everything but the targets.
void CheckRequest(const FunnelRequest& request, FieldViolations& violations) {
  const size_t stages = request.stages.size();
  CheckSize(stages, kMinFunnelStages, kMaxFunnelStages, "stages", "stages", violations);
  for (size_t s = 0; s < stages; ++s) {
    if (request.stages[s].empty()) violations.Add(At("stages", s), "must have a name");
  }
  CheckSize(request.channels.size(), 1, kMaxFunnelChannels, "channels", "channels", violations);
  absl::flat_hash_set<std::string> ids;
  for (size_t c = 0; c < request.channels.size(); ++c) {
    const FunnelChannel& channel = request.channels[c];
    const std::string field = At("channels", c);
    CheckName(channel.id, absl::StrCat(field, ".id"), ids, violations);
    if (channel.rates.size() + 1 != stages) {
      violations.Add(
          absl::StrCat(field, ".rates"),
          absl::StrCat("has ", channel.rates.size(), " rates, must have ",
                       stages == 0 ? 0 : stages - 1, ", one from each stage to the next"));
    }
    for (size_t s = 0; s < channel.rates.size(); ++s) {
      CheckRate(channel.rates[s], At(absl::StrCat(field, ".rates"), s), violations);
    }
    if (!channel.stock.empty() && channel.stock.size() != stages) {
      violations.Add(absl::StrCat(field, ".stock"),
                     absl::StrCat("has ", channel.stock.size(), " counts, must have ", stages,
                                  ", one for each stage, or none"));
    }
    for (size_t s = 0; s < channel.stock.size(); ++s) {
      CheckRange(channel.stock[s], 0, kMaxFunnelCount, At(absl::StrCat(field, ".stock"), s),
                 violations);
    }
    if (channel.average_amount) {
      CheckRange(*channel.average_amount, 1, kMaxMinorUnits, absl::StrCat(field, ".average_amount"),
                 violations);
    }
    CheckRange(channel.entries, 0, kMaxFunnelCount, absl::StrCat(field, ".entries"), violations);
    if (!channel.capacities.empty() && channel.capacities.size() != stages) {
      violations.Add(absl::StrCat(field, ".capacities"),
                     absl::StrCat("has ", channel.capacities.size(), " capacities, must have ",
                                  stages, ", one for each stage, or none"));
    }
    for (size_t s = 0; s < channel.capacities.size(); ++s) {
      if (!channel.capacities[s]) continue;
      CheckRange(*channel.capacities[s], 0, kMaxFunnelCount,
                 At(absl::StrCat(field, ".capacities"), s), violations);
    }
  }
}

bool TakesShare(const FunnelChannel& channel) { return !channel.target && !channel.target_amount; }

void CheckTargets(const FunnelRequest& request, FieldViolations& violations) {
  bool shared = false;
  for (size_t c = 0; c < request.channels.size(); ++c) {
    const FunnelChannel& channel = request.channels[c];
    const std::string field = At("channels", c);
    shared |= TakesShare(channel);
    if (channel.target && channel.target_amount) {
      violations.Add(absl::StrCat(field, ".target_amount"),
                     "a channel has a target or a target amount, not both");
    }
    if (channel.target) {
      CheckRange(*channel.target, 0, kMaxFunnelCount, absl::StrCat(field, ".target"), violations);
    }
    if (channel.target_amount) {
      CheckRange(*channel.target_amount, 0, kMaxMinorUnits, absl::StrCat(field, ".target_amount"),
                 violations);
      if (!channel.average_amount) {
        violations.Add(absl::StrCat(field, ".average_amount"),
                       "is needed to turn a target amount into a count");
      }
    }
    CheckRange(channel.weight, 0, kMaxWeight, absl::StrCat(field, ".weight"), violations);
    if (TakesShare(channel) && !request.shared_target) {
      violations.Add(absl::StrCat(field, ".target"),
                     "is needed: there is no shared target to take a share of");
    }
  }
  if (!request.shared_target) return;
  CheckRange(*request.shared_target, 0, kMaxFunnelCount, "shared_target", violations);
  if (!shared) {
    violations.Add("shared_target", "every channel has its own target; nobody takes a share");
  } else if (std::none_of(request.channels.begin(), request.channels.end(),
                          [](const FunnelChannel& channel) {
                            return TakesShare(channel) && channel.weight > 0;
                          })) {
    violations.Add("shared_target", "at least one channel that takes a share must weigh above 0");
  }
}

int64_t RatePpm(const FunnelRate& rate) {
  return rate.source == RateSource::kTyped ? rate.ppm : *RatioPpm(rate.converted, rate.entered);
}

int64_t StockAt(const FunnelChannel& channel, size_t stage) {
  return channel.stock.empty() ? 0 : channel.stock[stage];
}

// The rates as the steps use them. A measured one is a step of its own.
std::vector<Quantity> RatesOf(const FunnelRequest& request, const FunnelChannel& channel,
                              Worksheet& sheet) {
  std::vector<Quantity> rates;
  for (size_t s = 0; s < channel.rates.size(); ++s) {
    const FunnelRate& rate = channel.rates[s];
    const std::string name = absl::StrCat(request.stages[s], " to ", request.stages[s + 1]);
    if (rate.source == RateSource::kTyped) {
      rates.push_back(Ratio(name, rate.ppm));
    } else {
      rates.push_back(sheet.Do(absl::StrCat(name, ", measured"), Operation::kQuotient,
                               {Count("converted", rate.converted), Count("entered", rate.entered)},
                               QuantityUnit::kPpm, Rounding::kHalfUp));
    }
  }
  return rates;
}

void NoteWeakRates(const FunnelRequest& request, const FunnelChannel& channel,
                   std::vector<std::string>& notes) {
  for (size_t s = 0; s < channel.rates.size(); ++s) {
    const FunnelRate& rate = channel.rates[s];
    if (rate.source != RateSource::kMeasured || rate.entered >= kFunnelSampleSize) continue;
    notes.push_back(absl::StrCat("the rate from ", request.stages[s], " to ", request.stages[s + 1],
                                 " rests on ", rate.entered, " cases; from ", kFunnelSampleSize,
                                 " on it is steady"));
  }
}

FunnelChannelPlan PlanChannel(const FunnelRequest& request, size_t position, Quantity target,
                              Worksheet sheet, FieldViolations& violations) {
  const FunnelChannel& channel = request.channels[position];
  const size_t last = request.stages.size() - 1;
  FunnelChannelPlan plan;
  plan.id = channel.id;
  plan.target = target.value;
  plan.needs.resize(last + 1);
  NoteWeakRates(request, channel, plan.notes);
  const std::vector<Quantity> rates = RatesOf(request, channel, sheet);
  for (const FunnelRate& rate : channel.rates) plan.rates_ppm.push_back(RatePpm(rate));

  Quantity needed = std::move(target);
  for (size_t s = last + 1; s-- > 0;) {
    const std::string& stage = request.stages[s];
    std::vector<Quantity> supplies;
    if (s == last && StockAt(channel, s) > 0) {
      supplies.push_back(Count(absl::StrCat(stage, " already there"), StockAt(channel, s)));
    }
    if (s > 0 && StockAt(channel, s - 1) > 0) {
      supplies.push_back(
          sheet.Do(absl::StrCat(stage, " from open ", request.stages[s - 1]), Operation::kProduct,
                   {Count(absl::StrCat("open ", request.stages[s - 1]), StockAt(channel, s - 1)),
                    rates[s - 1]},
                   QuantityUnit::kCount, Rounding::kDown));
    }
    Quantity required = needed;
    FunnelNeed& need = plan.needs[s];
    if (!supplies.empty()) {
      for (const Quantity& supply : supplies) need.from_stock += supply.value;
      std::vector<Quantity> operands = {needed};
      operands.insert(operands.end(), supplies.begin(), supplies.end());
      required = sheet.Do(absl::StrCat(stage, " to be made"), Operation::kDifference,
                          std::move(operands), QuantityUnit::kCount);
      if (required.value < 0) {
        required = sheet.Do(absl::StrCat(stage, " to be made, not below 0"), Operation::kMaximum,
                            {required, Count("nothing", 0)}, QuantityUnit::kCount);
      }
    }
    need.needed = needed.value;
    need.required = required.value;
    if (s == 0) break;
    needed = sheet.Do(absl::StrCat(request.stages[s - 1], " needed"), Operation::kQuotient,
                      {required, rates[s - 1]}, QuantityUnit::kCount, Rounding::kUp);
    if (needed.value > kMaxFunnelCount) {
      violations.Add(absl::StrCat(At("channels", position), ".rates[", s - 1, "]"),
                     absl::StrCat("needs ", needed.value, " ", request.stages[s - 1],
                                  ", more than ", kMaxFunnelCount, " are not planned"));
      return plan;
    }
  }
  plan.steps = sheet.steps();
  return plan;
}

FunnelNeed operator-(const FunnelNeed& a, const FunnelNeed& b) {
  return {a.needed - b.needed, a.from_stock - b.from_stock, a.required - b.required};
}

FunnelChannelForecast ForecastChannel(const FunnelRequest& request, size_t position,
                                      FieldViolations& violations) {
  const FunnelChannel& channel = request.channels[position];
  const size_t last = request.stages.size() - 1;
  Worksheet sheet;
  FunnelChannelForecast forecast;
  forecast.id = channel.id;
  const std::vector<Quantity> rates = RatesOf(request, channel, sheet);

  Quantity arriving = Count(absl::StrCat("new ", request.stages[0]), channel.entries);
  int64_t expected = channel.entries * kPpm;
  for (size_t s = 0;; ++s) {
    const std::string& stage = request.stages[s];
    Quantity worked = arriving;
    FunnelFlow flow{arriving.value, arriving.value, false};
    if (!channel.capacities.empty() && channel.capacities[s]) {
      worked =
          sheet.Do(absl::StrCat(stage, " worked"), Operation::kMinimum,
                   {arriving, Count(absl::StrCat("capacity for ", stage), *channel.capacities[s])},
                   QuantityUnit::kCount);
      flow.worked = worked.value;
      flow.limited = worked.value < arriving.value;
      expected = std::min(expected, *channel.capacities[s] * kPpm);
    }
    forecast.flows.push_back(flow);
    if (s == last) {
      if (StockAt(channel, s) > 0) {
        worked =
            sheet.Do(absl::StrCat(stage, " in all"), Operation::kSum,
                     {worked, Count(absl::StrCat(stage, " already there"), StockAt(channel, s))},
                     QuantityUnit::kCount);
        expected += StockAt(channel, s) * kPpm;
      }
      forecast.result = worked.value;
      forecast.expected_millionths = expected;
      if (channel.average_amount) {
        forecast.amount = sheet
                              .Do("amount", Operation::kProduct,
                                  {worked, Amount("average amount", *channel.average_amount)},
                                  QuantityUnit::kMoney)
                              .value;
        if (sheet.failed()) {
          violations.Add(absl::StrCat(At("channels", position), ".average_amount"),
                         absl::StrCat(worked.value, " times ", *channel.average_amount,
                                      " does not fit 64 bits"));
        }
      }
      break;
    }
    const std::string& next = request.stages[s + 1];
    std::vector<Quantity> parts;
    if (StockAt(channel, s) > 0) {
      parts.push_back(sheet.Do(absl::StrCat(next, " from open ", stage), Operation::kProduct,
                               {Count(absl::StrCat("open ", stage), StockAt(channel, s)), rates[s]},
                               QuantityUnit::kCount, Rounding::kDown));
    }
    parts.push_back(sheet.Do(absl::StrCat(next, " from new ", stage), Operation::kProduct,
                             {worked, rates[s]}, QuantityUnit::kCount, Rounding::kDown));
    arriving = parts.size() == 1 ? parts[0]
                                 : sheet.Do(absl::StrCat(next, " arriving"), Operation::kSum, parts,
                                            QuantityUnit::kCount);
    // At most 13 × kMaxFunnelCount in millionths: fits.
    expected = static_cast<int64_t>(Wide{StockAt(channel, s) * kPpm + expected} *
                                    RatePpm(channel.rates[s]) / kPpm);
  }
  forecast.steps = sheet.steps();
  return forecast;
}

void CheckShares(const std::vector<FunnelShare>& shares, const std::string& field,
                 FieldViolations& violations) {
  if (shares.empty()) violations.Add(field, "must not be empty");
  absl::flat_hash_set<std::string> ids;
  for (size_t i = 0; i < shares.size(); ++i) {
    CheckName(shares[i].id, absl::StrCat(At(field, i), ".id"), ids, violations);
    // The sum of all weights fits 64 bits with these.
    CheckRange(shares[i].weight, 0, kMaxWeight / 2, absl::StrCat(At(field, i), ".weight"),
               violations);
  }
}

SplitResult SplitByShares(int64_t count, const std::vector<FunnelShare>& shares) {
  SplitRequest request{.parent_value = count};
  for (const FunnelShare& share : shares) request.parts.push_back({.weight = share.weight});
  return Split(request);
}

std::vector<int64_t> ValuesOf(const SplitResult& result) {
  std::vector<int64_t> values;
  for (const SplitValue& value : result.values) values.push_back(value.value);
  return values;
}

}  // namespace

absl::StatusOr<FunnelPlan> PlanFunnel(const FunnelRequest& request) {
  FieldViolations violations;
  CheckRequest(request, violations);
  CheckTargets(request, violations);
  if (!violations.empty()) return violations.ToStatus();

  SplitResult shared;
  if (request.shared_target) {
    SplitRequest split{.parent_value = *request.shared_target};
    for (const FunnelChannel& channel : request.channels) {
      if (TakesShare(channel)) split.parts.push_back({.weight = channel.weight});
    }
    shared = Split(split);
  }

  FunnelPlan plan;
  plan.stages = request.stages;
  plan.totals.resize(request.stages.size());
  size_t next_share = 0;
  for (size_t c = 0; c < request.channels.size(); ++c) {
    const FunnelChannel& channel = request.channels[c];
    Worksheet sheet;
    Quantity target = Count(absl::StrCat("target of ", request.stages.back()), 0);
    if (channel.target) {
      target.value = *channel.target;
    } else if (channel.target_amount) {
      target = sheet.Do(target.name, Operation::kQuotient,
                        {Amount("target amount", *channel.target_amount),
                         Amount("average amount", *channel.average_amount)},
                        QuantityUnit::kCount, Rounding::kUp);
      if (target.value > kMaxFunnelCount) {
        violations.Add(absl::StrCat(At("channels", c), ".target_amount"),
                       absl::StrCat("is ", target.value, " ", request.stages.back(), ", more than ",
                                    kMaxFunnelCount, " are not planned"));
        continue;
      }
    } else {
      const SplitValue& share = shared.values[next_share++];
      target.value = share.value;
      target.name =
          absl::StrCat(target.name, ", ", ToText(share.share), " of ", *request.shared_target);
    }
    plan.channels.push_back(PlanChannel(request, c, std::move(target), sheet, violations));
    for (size_t s = 0; s < request.stages.size(); ++s) {
      const FunnelNeed& need = plan.channels.back().needs[s];
      plan.totals[s].needed += need.needed;
      plan.totals[s].from_stock += need.from_stock;
      plan.totals[s].required += need.required;
    }
  }
  if (!violations.empty()) return violations.ToStatus();
  return plan;
}

absl::StatusOr<FunnelForecast> ForecastFunnel(const FunnelRequest& request) {
  FieldViolations violations;
  CheckRequest(request, violations);
  if (!violations.empty()) return violations.ToStatus();

  FunnelForecast forecast;
  forecast.amount = 0;
  for (size_t c = 0; c < request.channels.size(); ++c) {
    forecast.channels.push_back(ForecastChannel(request, c, violations));
    const FunnelChannelForecast& channel = forecast.channels.back();
    forecast.result += channel.result;
    if (!channel.amount) {
      forecast.amount.reset();
    } else if (forecast.amount) {
      const std::optional<int64_t> sum = CheckedAdd(*forecast.amount, *channel.amount);
      if (!sum) violations.Add("channels", "the amounts add up to more than fits 64 bits");
      forecast.amount = sum;
    }
  }
  if (!violations.empty()) return violations.ToStatus();
  return forecast;
}

absl::StatusOr<FunnelRequest> ApplyFunnelChanges(const FunnelRequest& request,
                                                 const std::vector<FunnelChange>& changes) {
  FieldViolations violations;
  CheckRequest(request, violations);
  if (!violations.empty()) return violations.ToStatus();

  FunnelRequest changed = request;
  const size_t last = request.stages.size() - 1;
  for (size_t i = 0; i < changes.size(); ++i) {
    const FunnelChange& change = changes[i];
    const std::string field = At("changes", i);
    if (change.rate_ppm.has_value() + change.rate_points_ppm.has_value() +
            change.stock.has_value() + change.target.has_value() !=
        1) {
      violations.Add(field, "must have exactly one of rate, rate points, stock and target");
      continue;
    }
    const bool of_rate = change.rate_ppm || change.rate_points_ppm;
    if (change.stage > (of_rate ? last - 1 : last)) {
      violations.Add(
          absl::StrCat(field, ".stage"),
          absl::StrCat("is ", change.stage, ", must be 0 to ", of_rate ? last - 1 : last));
      continue;
    }
    if (change.target && change.channel.empty()) {
      changed.shared_target = change.target;
      for (FunnelChannel& channel : changed.channels) {
        channel.target.reset();
        channel.target_amount.reset();
      }
      continue;
    }
    bool found = false;
    for (FunnelChannel& channel : changed.channels) {
      if (!change.channel.empty() && change.channel != channel.id) continue;
      found = true;
      if (of_rate) {
        const int64_t now = RatePpm(channel.rates[change.stage]);
        const std::optional<int64_t> rate =
            change.rate_ppm ? change.rate_ppm : CheckedAdd(now, *change.rate_points_ppm);
        if (!rate || *rate < 1 || *rate > kPpm) {
          violations.Add(
              absl::StrCat(field, change.rate_ppm ? ".rate_ppm" : ".rate_points_ppm"),
              absl::StrCat("makes the rate of ", channel.id, " from ", request.stages[change.stage],
                           " ", rate ? absl::StrCat(*rate) : "too large", ", must be 1 to ", kPpm,
                           "; it is ", now));
          continue;
        }
        channel.rates[change.stage] = {.ppm = *rate};
      } else if (change.stock) {
        if (*change.stock < 0 || *change.stock > kMaxFunnelCount) {
          CheckRange(*change.stock, 0, kMaxFunnelCount, absl::StrCat(field, ".stock"), violations);
          break;
        }
        channel.stock.resize(last + 1, 0);
        channel.stock[change.stage] = *change.stock;
      } else {
        channel.target = change.target;
        channel.target_amount.reset();
        if (std::none_of(changed.channels.begin(), changed.channels.end(), TakesShare)) {
          changed.shared_target.reset();
        }
      }
    }
    if (!found) {
      violations.Add(absl::StrCat(field, ".channel"),
                     absl::StrCat("there is no channel ", change.channel));
    }
  }
  if (!violations.empty()) return violations.ToStatus();
  return changed;
}

absl::StatusOr<FunnelComparison> CompareFunnel(const FunnelRequest& request,
                                               const std::vector<FunnelChange>& changes) {
  absl::StatusOr<FunnelPlan> before = PlanFunnel(request);
  if (!before.ok()) return before.status();
  const absl::StatusOr<FunnelRequest> changed = ApplyFunnelChanges(request, changes);
  if (!changed.ok()) return changed.status();
  absl::StatusOr<FunnelPlan> after = PlanFunnel(*changed);
  if (!after.ok()) return after.status();

  FunnelComparison comparison{*std::move(before), *std::move(after), {}, {}};
  const size_t stages = request.stages.size();
  for (size_t c = 0; c < request.channels.size(); ++c) {
    std::vector<FunnelNeed>& differences = comparison.differences.emplace_back();
    for (size_t s = 0; s < stages; ++s) {
      differences.push_back(comparison.after.channels[c].needs[s] -
                            comparison.before.channels[c].needs[s]);
    }
  }
  for (size_t s = 0; s < stages; ++s) {
    comparison.total_differences.push_back(comparison.after.totals[s] -
                                           comparison.before.totals[s]);
  }
  return comparison;
}

std::vector<FunnelShare> WeeksOf(const WorkingCalendar& calendar, DayRange days) {
  std::vector<FunnelShare> weeks;
  for (const Period& week : Periods(days, PeriodKind::kWeek)) {
    weeks.push_back(
        {PeriodLabel(PeriodKind::kWeek, week.days.first), calendar.WeightPpm(week.days)});
  }
  return weeks;
}

absl::StatusOr<FunnelSpread> SpreadFunnel(int64_t count, const std::vector<FunnelShare>& members,
                                          const std::vector<FunnelShare>& weeks) {
  FieldViolations violations;
  CheckRange(count, 0, kMaxFunnelCount, "count", violations);
  if (members.size() > kMaxBalanceCells || weeks.size() > kMaxBalanceCells ||
      members.size() * weeks.size() > kMaxBalanceCells) {
    violations.Add("members", absl::StrCat(members.size(), " members times ", weeks.size(),
                                           " weeks must be at most ", kMaxBalanceCells));
    return violations.ToStatus();
  }
  CheckShares(members, "members", violations);
  CheckShares(weeks, "weeks", violations);
  if (!violations.empty()) return violations.ToStatus();

  const SplitResult by_member = SplitByShares(count, members);
  const SplitResult by_week = SplitByShares(count, weeks);
  FunnelSpread spread{ValuesOf(by_member), ValuesOf(by_week), {}};
  // The matrix of independent shares; a share too small for its millionth still counts.
  BalanceRequest balance{.row_totals = spread.member_totals, .column_totals = spread.week_totals};
  const auto seed_of = [](const SplitValue& value) {
    return value.share == Fraction{} ? int64_t{0} : std::max<int64_t>(value.share_ppm, 1);
  };
  for (const SplitValue& member : by_member.values) {
    std::vector<BalanceCell>& row = balance.cells.emplace_back();
    for (const SplitValue& week : by_week.values) {
      row.push_back({.seed = seed_of(member) * seed_of(week)});
    }
  }
  const BalanceResult cells = Balance(balance);
  for (const std::vector<BalanceValue>& row : cells.values) {
    std::vector<int64_t>& counts = spread.counts.emplace_back();
    for (const BalanceValue& cell : row) counts.push_back(cell.value);
  }
  return spread;
}

absl::StatusOr<FunnelTrack> TrackFunnel(const std::vector<int64_t>& required,
                                        const std::vector<int64_t>& actual) {
  FieldViolations violations;
  if (required.empty() || required.size() > kMaxBalanceCells) {
    violations.Add("required", absl::StrCat("has ", required.size(), " weeks, must have 1 to ",
                                            kMaxBalanceCells));
  } else if (actual.size() > required.size()) {
    violations.Add("actual",
                   absl::StrCat("has ", actual.size(), " weeks, the plan has ", required.size()));
  }
  for (size_t w = 0; w < required.size(); ++w) {
    CheckRange(required[w], 0, kMaxFunnelCount, At("required", w), violations);
  }
  for (size_t w = 0; w < actual.size(); ++w) {
    CheckRange(actual[w], 0, kMaxFunnelCount, At("actual", w), violations);
  }
  if (!violations.empty()) return violations.ToStatus();

  FunnelTrack track;
  int64_t total = 0;
  for (size_t w = 0; w < required.size(); ++w) {
    total += required[w];
    if (w >= actual.size()) continue;
    track.required += required[w];
    track.actual += actual[w];
  }
  track.gap = track.required - track.actual;
  track.attainment_ppm = RatioPpm(track.actual, track.required);
  track.remaining = std::max<int64_t>(total - track.actual, 0);
  if (const int64_t left = static_cast<int64_t>(required.size() - actual.size()); left > 0) {
    track.per_week = (track.remaining + left - 1) / left;
  }
  return track;
}

}  // namespace milepost::target
