#include "target-svc/domain/activity_plan.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "platform/status/error.h"
#include "platform/types/money.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using status::FieldViolations;

constexpr int64_t kMaxThresholdPpm = 10 * kPpm;

void CheckRatios(const std::vector<ActivityRatio>& ratios, size_t activities, int64_t min,
                 const std::string& field, FieldViolations& violations) {
  if (ratios.size() != activities) {
    violations.Add(field, absl::StrCat("has ", ratios.size(), " ratios, must have ", activities,
                                       ", one for each activity"));
  }
  for (size_t a = 0; a < ratios.size(); ++a) {
    CheckRange(ratios[a].activities, min, kMaxActivityCount,
               absl::StrCat(At(field, a), ".activities"), violations);
    CheckRange(ratios[a].results, min, kMaxTargetUnits, absl::StrCat(At(field, a), ".results"),
               violations);
  }
}

void CheckRequest(const ActivityRequest& request, FieldViolations& violations) {
  const size_t activities = request.activities.size();
  CheckSize(activities, 1, kMaxActivities, "activities", "activities", violations);
  absl::flat_hash_set<std::string> names;
  for (size_t a = 0; a < activities; ++a) {
    CheckName(request.activities[a], At("activities", a), names, violations);
  }
  if (request.results != QuantityUnit::kCount && request.results != QuantityUnit::kMoney) {
    violations.Add("results", "must be counted or in money");
  }
  CheckRatios(request.team_ratios, activities, 1, "team_ratios", violations);
  if (request.min_results < 1) {
    violations.Add("min_results", absl::StrCat("is ", request.min_results, ", must be at least 1"));
  }
  if (request.members.empty() || request.members.size() > kMaxActivityMembers) {
    violations.Add("members", absl::StrCat("has ", request.members.size(),
                                           " members, must have 1 to ", kMaxActivityMembers));
    return;
  }
  const size_t days = request.members[0].day_weights_ppm.size();
  absl::flat_hash_set<std::string> ids;
  for (size_t m = 0; m < request.members.size(); ++m) {
    const ActivityMember& member = request.members[m];
    const std::string field = At("members", m);
    CheckName(member.id, absl::StrCat(field, ".id"), ids, violations);
    CheckRange(member.target, 0, kMaxTargetUnits, absl::StrCat(field, ".target"), violations);
    CheckRange(member.achieved, 0, kMaxTargetUnits, absl::StrCat(field, ".achieved"), violations);
    if (!member.ratios.empty()) {
      CheckRatios(member.ratios, activities, 0, absl::StrCat(field, ".ratios"), violations);
    }
    const std::string weights = absl::StrCat(field, ".day_weights_ppm");
    if (member.day_weights_ppm.empty() || member.day_weights_ppm.size() > kMaxActivityDays) {
      violations.Add(weights, absl::StrCat("has ", member.day_weights_ppm.size(),
                                           " days, must have 1 to ", kMaxActivityDays));
    } else if (member.day_weights_ppm.size() != days) {
      violations.Add(weights, absl::StrCat("has ", member.day_weights_ppm.size(),
                                           " days, the first member has ", days));
    }
    int64_t working_days = 0;
    for (size_t d = 0; d < member.day_weights_ppm.size(); ++d) {
      CheckRange(member.day_weights_ppm[d], 0, kMaxDayWeightPpm, At(weights, d), violations);
      working_days += member.day_weights_ppm[d] > 0 ? 1 : 0;
    }
    if (working_days == 0 && !member.day_weights_ppm.empty() && member.target > member.achieved) {
      violations.Add(weights, absl::StrCat("has no working day for the ",
                                           member.target - member.achieved, " still wanted"));
    }
  }
}

void CheckSettings(const DailyCheckSettings& settings, FieldViolations& violations) {
  CheckRange(settings.ahead_ppm, 0, kMaxThresholdPpm, "settings.ahead_ppm", violations);
  CheckRange(settings.on_track_ppm, 0, kMaxThresholdPpm, "settings.on_track_ppm", violations);
  CheckRange(settings.at_risk_ppm, 0, kMaxThresholdPpm, "settings.at_risk_ppm", violations);
  if (settings.on_track_ppm > settings.ahead_ppm) {
    violations.Add("settings.on_track_ppm",
                   absl::StrCat("is ", settings.on_track_ppm, ", must not be above ahead_ppm ",
                                settings.ahead_ppm));
  }
  if (settings.at_risk_ppm > settings.on_track_ppm) {
    violations.Add("settings.at_risk_ppm",
                   absl::StrCat("is ", settings.at_risk_ppm, ", must not be above on_track_ppm ",
                                settings.on_track_ppm));
  }
}

void CheckEntries(const std::vector<DayEntry>& entries, absl::CivilDay day,
                  const std::string& field, FieldViolations& violations) {
  if (entries.empty() || entries.size() > kMaxActivityDays) {
    violations.Add(
        field, absl::StrCat("has ", entries.size(), " days, must have 1 to ", kMaxActivityDays));
    return;
  }
  bool found = false;
  // At most kMaxActivityDays × kMaxTargetUnits: fits.
  int64_t targets = 0;
  int64_t actuals = 0;
  bool in_range = true;
  for (size_t i = 0; i < entries.size(); ++i) {
    const DayEntry& entry = entries[i];
    found |= entry.day == day;
    if (i > 0 && entry.day <= entries[i - 1].day) {
      violations.Add(absl::StrCat(At(field, i), ".day"),
                     absl::StrCat(absl::FormatCivilTime(entry.day), " does not come after ",
                                  absl::FormatCivilTime(entries[i - 1].day)));
    }
    const int64_t actual = entry.actual.value_or(0);
    CheckRange(entry.target, 0, kMaxTargetUnits, absl::StrCat(At(field, i), ".target"), violations);
    CheckRange(actual, -kMaxTargetUnits, kMaxTargetUnits, absl::StrCat(At(field, i), ".actual"),
               violations);
    in_range &= entry.target >= 0 && entry.target <= kMaxTargetUnits &&
                actual >= -kMaxTargetUnits && actual <= kMaxTargetUnits;
    if (!in_range) continue;
    targets += entry.target;
    actuals += std::abs(actual);
  }
  if (in_range && std::max(targets, actuals) > kMaxTargetUnits) {
    violations.Add(field, absl::StrCat("targets add up to ", targets, " and actuals to ", actuals,
                                       ", must be at most ", kMaxTargetUnits));
  }
  if (!found) {
    violations.Add(field, absl::StrCat("has no ", absl::FormatCivilTime(day)));
  }
}

DayVerdict VerdictOf(const DayEntry& entry) {
  if (entry.target == 0) {
    return entry.actual.value_or(0) > 0 ? DayVerdict::kExtra : DayVerdict::kRestDay;
  }
  if (!entry.actual) return DayVerdict::kNotRecorded;
  if (*entry.actual >= entry.target) return DayVerdict::kMet;
  return *entry.actual > 0 ? DayVerdict::kPartly : DayVerdict::kNothing;
}

Standing StandingOf(const DailyCheck& check, bool over, const DailyCheckSettings& settings) {
  if (check.period_target > 0 && check.remaining == 0) return Standing::kAchieved;
  if (over && check.period_target > 0) return Standing::kMissed;
  if (check.cumulative_target == 0) {
    return check.cumulative_actual > 0 ? Standing::kAhead : Standing::kNotStarted;
  }
  // An attainment that does not fit 64 bits is far from any threshold.
  const int64_t attainment = check.attainment_ppm.value_or(
      check.cumulative_actual > 0 ? kMaxThresholdPpm : -kMaxThresholdPpm);
  if (attainment >= settings.ahead_ppm) return Standing::kAhead;
  if (attainment >= settings.on_track_ppm) return Standing::kOnTrack;
  if (attainment >= settings.at_risk_ppm) return Standing::kAtRisk;
  return Standing::kBehind;
}

DailyCheck CheckedDay(const std::vector<DayEntry>& entries, absl::CivilDay day,
                      const DailyCheckSettings& settings) {
  DailyCheck check;
  check.day = day;
  for (const DayEntry& entry : entries) {
    check.period_target += entry.target;
    if (entry.day > day) {
      if (entry.target == 0) continue;
      ++check.days_left;
      if (!check.next) check.next = DayEntry{entry.day, entry.target, std::nullopt};
      continue;
    }
    check.cumulative_target += entry.target;
    check.cumulative_actual += entry.actual.value_or(0);
    check.unrecorded_days += entry.target > 0 && !entry.actual ? 1 : 0;
    if (entry.day == day) {
      check.target = entry.target;
      check.actual = entry.actual;
      check.gap = entry.target - entry.actual.value_or(0);
      check.verdict = VerdictOf(entry);
    } else if (entry.target > 0 || entry.actual.value_or(0) != 0) {
      check.previous = entry;
    }
  }
  check.cumulative_gap = check.cumulative_target - check.cumulative_actual;
  check.attainment_ppm = RatioPpm(check.cumulative_actual, check.cumulative_target);
  check.remaining = std::max<int64_t>(check.period_target - check.cumulative_actual, 0);
  if (check.days_left > 0) {
    check.required_per_day = (check.remaining + check.days_left - 1) / check.days_left;
  }
  check.standing = StandingOf(check, day >= entries.back().day, settings);
  return check;
}

}  // namespace

absl::StatusOr<ActivityPlan> PlanActivities(const ActivityRequest& request) {
  FieldViolations violations;
  CheckRequest(request, violations);
  if (!violations.empty()) return violations.ToStatus();

  ActivityPlan plan;
  plan.totals.assign(request.activities.size(), 0);
  for (size_t m = 0; m < request.members.size(); ++m) {
    const ActivityMember& member = request.members[m];
    ActivityMemberPlan& member_plan = plan.members.emplace_back();
    member_plan.id = member.id;
    for (const int64_t weight : member.day_weights_ppm) member_plan.working_days += weight > 0;
    for (size_t a = 0; a < request.activities.size(); ++a) {
      const std::string& activity = request.activities[a];
      ActivityNeed need{.activity = activity};
      need.own_ratio = !member.ratios.empty() && member.ratios[a].activities > 0 &&
                       member.ratios[a].results >= request.min_results;
      const ActivityRatio& ratio = need.own_ratio ? member.ratios[a] : request.team_ratios[a];
      const std::string whose = need.own_ratio ? "own" : "team's";

      Worksheet sheet;
      Quantity wanted{"target", member.target, request.results, std::nullopt};
      if (member.achieved > 0) {
        wanted = sheet.Do("still wanted", Operation::kDifference,
                          {wanted, {"achieved", member.achieved, request.results, std::nullopt}},
                          request.results);
        if (wanted.value < 0) {
          wanted =
              sheet.Do("still wanted, not below 0", Operation::kMaximum,
                       {wanted, {"nothing", 0, request.results, std::nullopt}}, request.results);
        }
      }
      const Quantity needed =
          sheet.Do(absl::StrCat(activity, " needed"), Operation::kProportion,
                   {wanted,
                    Count(absl::StrCat(whose, " ", activity, " measured"), ratio.activities),
                    {absl::StrCat(whose, " results measured"), ratio.results, request.results,
                     std::nullopt}},
                   QuantityUnit::kCount, Rounding::kUp);
      if (sheet.failed() || needed.value > kMaxActivityCount) {
        violations.Add(absl::StrCat(At("members", m), ".target"),
                       absl::StrCat("needs more than ", kMaxActivityCount, " ", activity));
        continue;
      }
      need.needed = needed.value;
      if (member_plan.working_days > 0) {
        need.per_day = sheet
                           .Do(absl::StrCat(activity, " a day"), Operation::kQuotient,
                               {needed, DayCount("working days", member_plan.working_days)},
                               QuantityUnit::kCount, Rounding::kUp)
                           .value;
      }
      SplitRequest split{.parent_value = need.needed};
      for (const int64_t weight : member.day_weights_ppm) split.parts.push_back({.weight = weight});
      for (const SplitValue& value : Split(split).values) need.by_day.push_back(value.value);
      need.steps = sheet.steps();
      plan.totals[a] += need.needed;
      member_plan.needs.push_back(std::move(need));
    }
  }
  if (!violations.empty()) return violations.ToStatus();
  return plan;
}

std::vector<int64_t> DayWeightsOf(const WorkingCalendar& calendar, DayRange days) {
  std::vector<int64_t> weights;
  for (absl::CivilDay day = days.first; day <= days.last; ++day) {
    weights.push_back(calendar.WeightPpm(day));
  }
  return weights;
}

absl::StatusOr<DailyCheck> CheckDay(const std::vector<DayEntry>& entries, absl::CivilDay day,
                                    const DailyCheckSettings& settings) {
  FieldViolations violations;
  CheckSettings(settings, violations);
  CheckEntries(entries, day, "entries", violations);
  if (!violations.empty()) return violations.ToStatus();
  return CheckedDay(entries, day, settings);
}

absl::StatusOr<TeamDailyCheck> CheckTeamDay(const std::vector<std::vector<DayEntry>>& members,
                                            absl::CivilDay day,
                                            const DailyCheckSettings& settings) {
  FieldViolations violations;
  CheckSettings(settings, violations);
  if (members.empty() || members.size() > kMaxActivityMembers) {
    violations.Add("members", absl::StrCat("has ", members.size(), " members, must have 1 to ",
                                           kMaxActivityMembers));
  }
  for (size_t m = 0; m < members.size(); ++m) {
    CheckEntries(members[m], day, At("members", m), violations);
  }
  if (!violations.empty()) return violations.ToStatus();

  // Looked at entry by entry: what all members together have need not fit.
  std::map<absl::CivilDay, DayEntry> sums;
  int64_t targets = 0;
  int64_t actuals = 0;
  bool fits = true;
  TeamDailyCheck team;
  for (const std::vector<DayEntry>& entries : members) {
    team.members.push_back(CheckedDay(entries, day, settings));
    for (const DayEntry& entry : entries) {
      targets += entry.target;
      actuals += std::abs(entry.actual.value_or(0));
      fits = targets <= kMaxTargetUnits && actuals <= kMaxTargetUnits;
      if (!fits) break;
      DayEntry& sum = sums.try_emplace(entry.day, DayEntry{entry.day}).first->second;
      sum.target += entry.target;
      if (entry.actual) sum.actual = sum.actual.value_or(0) + *entry.actual;
    }
    if (!fits) break;
  }
  if (!fits || sums.size() > kMaxActivityDays) {
    violations.Add("members",
                   absl::StrCat("targets and actuals must each add up to at most ", kMaxTargetUnits,
                                " over at most ", kMaxActivityDays, " days"));
    return violations.ToStatus();
  }
  std::vector<DayEntry> entries;
  for (const auto& [date, entry] : sums) entries.push_back(entry);
  team.total = CheckedDay(entries, day, settings);
  return team;
}

}  // namespace milepost::target
