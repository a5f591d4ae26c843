#include "target-svc/domain/working_calendar.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

size_t Index(absl::Weekday weekday) { return static_cast<size_t>(weekday); }  // Monday is 0.

int64_t MeanWorkingWeight(const std::array<int64_t, 7>& weights_ppm) {
  int64_t sum = 0;
  int64_t count = 0;
  for (int64_t weight : weights_ppm) {
    sum += weight;
    count += weight > 0 ? 1 : 0;
  }
  return count == 0 ? 0 : (sum + count / 2) / count;
}

int64_t WeightOf(const SpecialDay& special, const std::array<int64_t, 7>& weekdays_ppm) {
  if (special.kind == DayKind::kHoliday) return 0;
  if (special.weight_ppm) return *special.weight_ppm;
  if (special.stands_in_for) return weekdays_ppm[Index(*special.stands_in_for)];
  const int64_t own = weekdays_ppm[Index(absl::GetWeekday(special.day))];
  return own > 0 ? own : MeanWorkingWeight(weekdays_ppm);
}

bool InRange(absl::CivilDay day) { return day.year() >= kFirstYear && day.year() <= kLastYear; }

}  // namespace

std::vector<CalendarViolation> CheckCalendar(const CalendarDefinition& definition) {
  using Kind = CalendarViolationKind;
  std::vector<CalendarViolation> violations;
  bool any_working = false;
  for (size_t i = 0; i < 7; ++i) {
    const int64_t weight = definition.weekday_weights_ppm[i];
    any_working |= weight > 0;
    if (weight < 0 || weight > kMaxDayWeightPpm) {
      violations.push_back({Kind::kWeekdayWeightOutOfRange,
                            absl::StrCat("weekday_weights_ppm[", i, "]"),
                            absl::StrCat("is ", weight, ", must be 0 to ", kMaxDayWeightPpm)});
    }
  }
  if (!any_working) {
    violations.push_back(
        {Kind::kNoWorkingWeekday, "weekday_weights_ppm", "must have at least one weekday above 0"});
  }
  if (definition.special_days.size() > kMaxSpecialDays) {
    violations.push_back({Kind::kTooManySpecialDays, "special_days",
                          absl::StrCat("has ", definition.special_days.size(), " days, at most ",
                                       kMaxSpecialDays, " are allowed")});
    return violations;
  }
  absl::flat_hash_set<absl::CivilDay> seen;
  for (size_t i = 0; i < definition.special_days.size(); ++i) {
    const SpecialDay& special = definition.special_days[i];
    const std::string field = absl::StrCat("special_days[", i, "]");
    const std::string day = absl::FormatCivilTime(special.day);
    if (!InRange(special.day)) {
      violations.push_back(
          {Kind::kSpecialDayOutOfRange, field + ".day",
           absl::StrCat(day, " is outside the years ", kFirstYear, " to ", kLastYear)});
    }
    if (!seen.insert(special.day).second) {
      violations.push_back(
          {Kind::kSpecialDayTwice, field + ".day", absl::StrCat(day, " is listed twice")});
    }
    if (special.kind == DayKind::kHoliday) {
      if (special.weight_ppm || special.stands_in_for) {
        violations.push_back(
            {Kind::kHolidayWithWeight, field,
             absl::StrCat(day, " is a holiday and weighs nothing; a holiday that is worked is a ",
                          "working day")});
      }
      continue;
    }
    if (special.weight_ppm && (*special.weight_ppm < 1 || *special.weight_ppm > kMaxDayWeightPpm)) {
      violations.push_back(
          {Kind::kSpecialDayWeightOutOfRange, field + ".weight_ppm",
           absl::StrCat("is ", *special.weight_ppm, ", must be 1 to ", kMaxDayWeightPpm)});
    }
    if (special.weight_ppm && special.stands_in_for) {
      violations.push_back({Kind::kWeightGivenTwice, field,
                            absl::StrCat(day, " has a weight and stands in for a weekday; only ",
                                         "one of them may be given")});
    } else if (special.stands_in_for &&
               definition.weekday_weights_ppm[Index(*special.stands_in_for)] <= 0) {
      violations.push_back({Kind::kStandsInForRestDay, field + ".stands_in_for",
                            absl::StrCat(day, " stands in for a weekday that weighs nothing")});
    }
  }
  return violations;
}

WorkingCalendar::WorkingCalendar(const CalendarDefinition& definition)
    : weekday_weights_ppm_(definition.weekday_weights_ppm) {
  special_weights_ppm_.reserve(definition.special_days.size());
  for (const SpecialDay& special : definition.special_days) {
    special_weights_ppm_.emplace(special.day, WeightOf(special, weekday_weights_ppm_));
  }
}

int64_t WorkingCalendar::WeightPpm(absl::CivilDay day) const {
  const auto special = special_weights_ppm_.find(day);
  if (special != special_weights_ppm_.end()) return special->second;
  return weekday_weights_ppm_[Index(absl::GetWeekday(day))];
}

int64_t WorkingCalendar::WeightPpm(DayRange range) const {
  int64_t sum = 0;
  for (absl::CivilDay day = range.first; day <= range.last; ++day) sum += WeightPpm(day);
  return sum;
}

int64_t WorkingCalendar::WorkingDays(DayRange range) const {
  int64_t count = 0;
  for (absl::CivilDay day = range.first; day <= range.last; ++day) count += IsWorkingDay(day);
  return count;
}

std::optional<std::array<int64_t, 7>> WeekdayWeights(const std::array<int64_t, 7>& sales) {
  SplitRequest request{.parent_value = kOrdinaryDayWeightPpm};
  bool any = false;
  for (int64_t value : sales) {
    any |= value > 0;
    request.parts.push_back({.weight = value});
  }
  if (!any) return std::nullopt;
  const SplitResult result = Split(request);
  if (!result.ok()) return std::nullopt;
  std::array<int64_t, 7> weights;
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = result.values[i].value;
  return weights;
}

DayRange PeriodOf(PeriodKind kind, absl::CivilDay day) {
  switch (kind) {
    case PeriodKind::kYear: {
      const absl::CivilYear year(day);
      return {absl::CivilDay(year), absl::CivilDay(year + 1) - 1};
    }
    case PeriodKind::kQuarter: {
      const absl::CivilMonth first(day.year(), (day.month() - 1) / 3 * 3 + 1);
      return {absl::CivilDay(first), absl::CivilDay(first + 3) - 1};
    }
    case PeriodKind::kMonth: {
      const absl::CivilMonth month(day);
      return {absl::CivilDay(month), absl::CivilDay(month + 1) - 1};
    }
    case PeriodKind::kWeek: {
      const absl::CivilDay monday = day - static_cast<int>(Index(absl::GetWeekday(day)));
      return {monday, monday + 6};
    }
    case PeriodKind::kDay:
      break;
  }
  return {day, day};
}

std::vector<Period> Periods(DayRange range, PeriodKind kind) {
  std::vector<Period> periods;
  for (absl::CivilDay day = range.first; day <= range.last;) {
    const DayRange whole = PeriodOf(kind, day);
    const DayRange days{day, std::min(whole.last, range.last)};
    periods.push_back({kind, days, days != whole});
    day = days.last + 1;
  }
  return periods;
}

std::string PeriodLabel(PeriodKind kind, absl::CivilDay day) {
  switch (kind) {
    case PeriodKind::kYear:
      return absl::StrFormat("%04d", day.year());
    case PeriodKind::kQuarter:
      return absl::StrFormat("%04d-Q%d", day.year(), (day.month() - 1) / 3 + 1);
    case PeriodKind::kMonth:
      return absl::StrFormat("%04d-%02d", day.year(), day.month());
    case PeriodKind::kWeek: {
      const absl::CivilDay thursday = PeriodOf(PeriodKind::kWeek, day).first + 3;
      return absl::StrFormat("%04d-W%02d", thursday.year(), (absl::GetYearDay(thursday) + 6) / 7);
    }
    case PeriodKind::kDay:
      break;
  }
  return absl::FormatCivilTime(day);
}

}  // namespace milepost::target
