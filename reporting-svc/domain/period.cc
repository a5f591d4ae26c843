#include "reporting-svc/domain/period.h"

#include <algorithm>

namespace milepost::reporting {
namespace {

absl::CivilDay LastOfMonth(absl::CivilMonth month) { return absl::CivilDay(month + 1) - 1; }
absl::CivilDay LastOfYear(absl::CivilYear year) { return absl::CivilDay(year + 1) - 1; }

absl::CivilDay YearEarlier(absl::CivilDay day) {
  const bool leap_day = day.month() == 2 && day.day() == 29;
  return absl::CivilDay(day.year() - 1, day.month(), leap_day ? 28 : day.day());
}

}  // namespace

int64_t DayNumber(absl::CivilDay day) { return day - absl::CivilDay(1970, 1, 1); }
absl::CivilDay DayOf(int64_t number) { return absl::CivilDay(1970, 1, 1) + number; }

std::optional<Days> Intersect(const Days& a, const Days& b) {
  const Days both{std::max(a.first, b.first), std::min(a.last, b.last)};
  if (both.first > both.last) return std::nullopt;
  return both;
}

Days PeriodOf(absl::CivilDay day, Granularity granularity) {
  switch (granularity) {
    case Granularity::kWhole:
    case Granularity::kDay:
      return {day, day};
    case Granularity::kWeek: {
      // absl::Weekday counts from Monday = 0.
      const absl::CivilDay monday = day - static_cast<int>(absl::GetWeekday(day));
      return {monday, monday + 6};
    }
    case Granularity::kMonth: {
      const absl::CivilMonth month(day);
      return {absl::CivilDay(month), LastOfMonth(month)};
    }
    case Granularity::kQuarter: {
      const absl::CivilMonth month(day.year(), (day.month() - 1) / 3 * 3 + 1);
      return {absl::CivilDay(month), LastOfMonth(month + 2)};
    }
    case Granularity::kYear: {
      const absl::CivilYear year(day);
      return {absl::CivilDay(year), LastOfYear(year)};
    }
  }
  return {day, day};
}

std::vector<Days> Cut(const Days& range, Granularity granularity) {
  if (granularity == Granularity::kWhole) return {range};
  std::vector<Days> periods;
  for (absl::CivilDay day = range.first; day <= range.last; day = periods.back().last + 1) {
    periods.push_back({day, std::min(PeriodOf(day, granularity).last, range.last)});
  }
  return periods;
}

Days PreviousOf(const Days& range) {
  for (const Granularity granularity :
       {Granularity::kMonth, Granularity::kQuarter, Granularity::kYear}) {
    if (PeriodOf(range.first, granularity) == range) return PeriodOf(range.first - 1, granularity);
  }
  return {range.first - range.count(), range.first - 1};
}

Days YearBefore(const Days& range) {
  Days before{YearEarlier(range.first), YearEarlier(range.last)};
  // A range that ends with February ends with February a year earlier too.
  if (range.last.month() == 2 && range.last == LastOfMonth(absl::CivilMonth(range.last))) {
    before.last = LastOfMonth(absl::CivilMonth(before.last));
  }
  return before;
}

}  // namespace milepost::reporting
