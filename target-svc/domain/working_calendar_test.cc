#include "target-svc/domain/working_calendar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "target-svc/domain/shares.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = CalendarViolationKind;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

void AddHolidays(CalendarDefinition& calendar, CivilDay first, CivilDay last, const char* name) {
  for (CivilDay day = first; day <= last; ++day) {
    calendar.special_days.push_back({.day = day, .kind = DayKind::kHoliday, .name = name});
  }
}

// Mainland China 2025 as a user would enter it.
CalendarDefinition China2025() {
  CalendarDefinition calendar;
  AddHolidays(calendar, CivilDay(2025, 1, 1), CivilDay(2025, 1, 1), "元旦");
  AddHolidays(calendar, CivilDay(2025, 1, 28), CivilDay(2025, 2, 4), "春节");
  AddHolidays(calendar, CivilDay(2025, 4, 4), CivilDay(2025, 4, 6), "清明节");
  AddHolidays(calendar, CivilDay(2025, 5, 1), CivilDay(2025, 5, 5), "劳动节");
  AddHolidays(calendar, CivilDay(2025, 5, 31), CivilDay(2025, 6, 2), "端午节");
  AddHolidays(calendar, CivilDay(2025, 10, 1), CivilDay(2025, 10, 8), "国庆节、中秋节");
  for (CivilDay day : {CivilDay(2025, 1, 26), CivilDay(2025, 2, 8), CivilDay(2025, 4, 27),
                       CivilDay(2025, 9, 28), CivilDay(2025, 10, 11)}) {
    calendar.special_days.push_back({.day = day, .kind = DayKind::kWorkingDay, .name = "调休"});
  }
  return calendar;
}

std::vector<Kind> Kinds(const CalendarDefinition& definition) {
  std::vector<Kind> kinds;
  for (const CalendarViolation& violation : CheckCalendar(definition)) {
    kinds.push_back(violation.kind);
  }
  return kinds;
}

TEST(WorkedExample, WeekdayWeightsFromThreeWeeksOfSales) {
  const std::array<int64_t, 7> sales = {9'654, 9'687, 11'654, 10'625, 11'687, 17'110, 16'583};
  const auto weights = WeekdayWeights(sales);
  ASSERT_TRUE(weights);
  EXPECT_THAT(*weights, ElementsAre(110'966, 111'345, 133'954, 122'126, 134'333, 196'667, 190'609));

  // Spread over the days of March 2026, which starts on a Sunday: 1,000,000 yuan in fen.
  const WorkingCalendar calendar({.weekday_weights_ppm = sales});
  std::vector<DayRange> days;
  for (const Period& period :
       Periods({CivilDay(2026, 3, 1), CivilDay(2026, 3, 31)}, PeriodKind::kDay)) {
    days.push_back(period.days);
  }
  SplitRequest request{.parent_value = 100'000'000};
  for (int64_t weight : CalendarWeights(calendar, days).weights) {
    request.parts.push_back({.weight = weight});
  }
  const SplitResult result = Split(request);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result.values.size(), 31u);
  int64_t sum = 0;
  const std::array<int64_t, 7> from_sunday = {4'319'344, 2'514'560, 2'523'156, 3'035'497,
                                              2'767'475, 3'044'092, 4'456'611};
  for (size_t i = 0; i < 31; ++i) {
    EXPECT_EQ(result.values[i].value, from_sunday[i % 7]) << i + 1 << " March";
    sum += result.values[i].value;
  }
  EXPECT_EQ(sum, 100'000'000);
}

TEST(WorkedExample, MillionOverTwoYears) {
  const DayRange two_years{CivilDay(2026, 1, 1), CivilDay(2027, 12, 31)};
  const std::vector<Period> years = Periods(two_years, PeriodKind::kYear);
  ASSERT_EQ(years.size(), 2u);
  const SplitResult by_year = Split({.parent_value = 1'000'000, .parts = {{1}, {1}}});
  for (size_t y = 0; y < 2; ++y) {
    EXPECT_EQ(by_year.values[y].value, 500'000);
    const std::vector<Period> quarters = Periods(years[y].days, PeriodKind::kQuarter);
    SplitRequest request{.parent_value = by_year.values[y].value};
    for (int64_t weight : EvenWeights(quarters.size()).weights) {
      request.parts.push_back({.weight = weight});
    }
    for (const SplitValue& value : Split(request).values) EXPECT_EQ(value.value, 125'000);
    EXPECT_EQ(quarters.size(), 4u);
  }
}

TEST(WorkingCalendar, CountsTheWorkingDaysOfAChineseYear) {
  const CalendarDefinition definition = China2025();
  EXPECT_THAT(CheckCalendar(definition), IsEmpty());
  const WorkingCalendar calendar(definition);
  EXPECT_EQ(calendar.WorkingDays({CivilDay(2025, 1, 1), CivilDay(2025, 12, 31)}), 248);
  std::vector<int64_t> by_month;
  for (const Period& month :
       Periods({CivilDay(2025, 1, 1), CivilDay(2025, 12, 31)}, PeriodKind::kMonth)) {
    by_month.push_back(calendar.WorkingDays(month.days));
    EXPECT_EQ(calendar.WeightPpm(month.days), by_month.back() * kOrdinaryDayWeightPpm);
  }
  EXPECT_THAT(by_month, ElementsAre(19, 19, 21, 22, 19, 20, 23, 21, 23, 18, 20, 23));
  EXPECT_TRUE(calendar.IsWorkingDay(CivilDay(2025, 1, 26)));   // A Sunday.
  EXPECT_FALSE(calendar.IsWorkingDay(CivilDay(2025, 1, 28)));  // A Tuesday.
  EXPECT_FALSE(calendar.IsWorkingDay(CivilDay(2025, 1, 25)));  // A Saturday.
}

TEST(WorkingCalendar, WeighsMakeUpDays) {
  CalendarDefinition definition{.weekday_weights_ppm = {10, 20, 30, 40, 51, 0, 7}};
  definition.special_days = {
      {.day = CivilDay(2025, 1, 25), .kind = DayKind::kWorkingDay},  // Saturday.
      {.day = CivilDay(2025, 1, 26), .kind = DayKind::kWorkingDay},  // Sunday.
      {.day = CivilDay(2025, 2, 1),
       .kind = DayKind::kWorkingDay,
       .weight_ppm = 1'500'000},  // Saturday.
      {.day = CivilDay(2025, 2, 8),
       .kind = DayKind::kWorkingDay,
       .stands_in_for = absl::Weekday::thursday}};
  EXPECT_THAT(CheckCalendar(definition), IsEmpty());
  const WorkingCalendar calendar(definition);
  EXPECT_EQ(calendar.WeightPpm(CivilDay(2025, 1, 25)), 26);  // 158 / 6 = 26.3
  EXPECT_EQ(calendar.WeightPpm(CivilDay(2025, 1, 26)), 7);
  EXPECT_EQ(calendar.WeightPpm(CivilDay(2025, 2, 1)), 1'500'000);
  EXPECT_EQ(calendar.WeightPpm(CivilDay(2025, 2, 8)), 40);
  EXPECT_EQ(calendar.WeightPpm(DayRange{CivilDay(2025, 1, 27), CivilDay(2025, 2, 2)}),
            151 + 1'500'000 + 7);
  EXPECT_EQ(calendar.WeightPpm(DayRange{CivilDay(2025, 2, 2), CivilDay(2025, 2, 1)}), 0);
}

TEST(CheckCalendar, NamesEveryViolation) {
  CalendarDefinition definition;
  definition.weekday_weights_ppm = {-1, 0, 0, 0, 0, 0, kMaxDayWeightPpm + 1};
  definition.special_days = {
      {.day = CivilDay(1969, 12, 31)},
      {.day = CivilDay(2025, 1, 1), .weight_ppm = 5},
      {.day = CivilDay(2025, 1, 1), .kind = DayKind::kWorkingDay, .weight_ppm = 0},
      {.day = CivilDay(2025, 1, 2),
       .kind = DayKind::kWorkingDay,
       .weight_ppm = 1,
       .stands_in_for = absl::Weekday::monday},
      {.day = CivilDay(2025, 1, 3),
       .kind = DayKind::kWorkingDay,
       .stands_in_for = absl::Weekday::monday}};
  EXPECT_THAT(Kinds(definition),
              ElementsAre(Kind::kWeekdayWeightOutOfRange, Kind::kWeekdayWeightOutOfRange,
                          Kind::kSpecialDayOutOfRange, Kind::kHolidayWithWeight,
                          Kind::kSpecialDayTwice, Kind::kSpecialDayWeightOutOfRange,
                          Kind::kWeightGivenTwice, Kind::kStandsInForRestDay));
  const std::vector<CalendarViolation> violations = CheckCalendar(definition);
  EXPECT_EQ(violations[1].field, "weekday_weights_ppm[6]");
  EXPECT_EQ(violations[1].message, "is 1000000001, must be 0 to 1000000000");
  EXPECT_EQ(violations[4].field, "special_days[2].day");

  definition.weekday_weights_ppm = {};
  definition.special_days.assign(kMaxSpecialDays + 1, {});
  EXPECT_THAT(Kinds(definition), ElementsAre(Kind::kNoWorkingWeekday, Kind::kTooManySpecialDays));
}

TEST(WeekdayWeights, RefusesWhatHasNoShares) {
  EXPECT_FALSE(WeekdayWeights({0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(WeekdayWeights({1, 1, 1, -1, 1, 1, 1}));
  EXPECT_FALSE(WeekdayWeights({kMax, 1, 0, 0, 0, 0, 0}));
}

TEST(Periods, CutARangeAtEveryBoundary) {
  const DayRange range{CivilDay(2025, 11, 15), CivilDay(2026, 2, 10)};
  const std::vector<Period> months = Periods(range, PeriodKind::kMonth);
  ASSERT_EQ(months.size(), 4u);
  EXPECT_EQ(months[0],
            (Period{PeriodKind::kMonth, {CivilDay(2025, 11, 15), CivilDay(2025, 11, 30)}, true}));
  EXPECT_EQ(months[1],
            (Period{PeriodKind::kMonth, {CivilDay(2025, 12, 1), CivilDay(2025, 12, 31)}, false}));
  EXPECT_EQ(months[3],
            (Period{PeriodKind::kMonth, {CivilDay(2026, 2, 1), CivilDay(2026, 2, 10)}, true}));
  EXPECT_EQ(Periods(range, PeriodKind::kYear).size(), 2u);
  EXPECT_EQ(Periods(range, PeriodKind::kQuarter).size(), 2u);
  EXPECT_EQ(Periods(range, PeriodKind::kDay).size(), 88u);
  const std::vector<Period> weeks = Periods(range, PeriodKind::kWeek);
  EXPECT_EQ(weeks.size(), 14u);
  EXPECT_EQ(weeks[0].days, (DayRange{CivilDay(2025, 11, 15), CivilDay(2025, 11, 16)}));
  EXPECT_TRUE(weeks[0].partial);
  EXPECT_FALSE(weeks[1].partial);
  EXPECT_THAT(Periods({CivilDay(2026, 1, 2), CivilDay(2026, 1, 1)}, PeriodKind::kDay), IsEmpty());
}

TEST(Periods, CoverEveryRangeWithoutGapOrOverlap) {
  for (PeriodKind kind : {PeriodKind::kYear, PeriodKind::kQuarter, PeriodKind::kMonth,
                          PeriodKind::kWeek, PeriodKind::kDay}) {
    for (int start = 0; start < 400; start += 13) {
      for (int length = 1; length < 800; length += 61) {
        const CivilDay first = CivilDay(2023, 12, 20) + start;
        const DayRange range{first, first + length - 1};
        CivilDay next = first;
        for (const Period& period : Periods(range, kind)) {
          ASSERT_EQ(period.days.first, next);
          ASSERT_LE(period.days.first, period.days.last);
          ASSERT_EQ(PeriodOf(kind, period.days.first), PeriodOf(kind, period.days.last));
          ASSERT_EQ(period.partial, PeriodOf(kind, period.days.first) != period.days);
          next = period.days.last + 1;
        }
        ASSERT_EQ(next, range.last + 1);
      }
    }
  }
}

TEST(PeriodLabel, NamesThePeriodOfADay) {
  EXPECT_EQ(PeriodLabel(PeriodKind::kYear, CivilDay(2026, 8, 5)), "2026");
  EXPECT_EQ(PeriodLabel(PeriodKind::kQuarter, CivilDay(2026, 8, 5)), "2026-Q3");
  EXPECT_EQ(PeriodLabel(PeriodKind::kMonth, CivilDay(2026, 8, 5)), "2026-08");
  EXPECT_EQ(PeriodLabel(PeriodKind::kDay, CivilDay(2026, 8, 5)), "2026-08-05");
  EXPECT_EQ(PeriodLabel(PeriodKind::kWeek, CivilDay(2026, 1, 1)), "2026-W01");
  EXPECT_EQ(PeriodLabel(PeriodKind::kWeek, CivilDay(2024, 12, 30)), "2025-W01");
  EXPECT_EQ(PeriodLabel(PeriodKind::kWeek, CivilDay(2027, 1, 3)), "2026-W53");
  EXPECT_EQ(PeriodLabel(PeriodKind::kWeek, CivilDay(2027, 1, 4)), "2027-W01");
}

}  // namespace
}  // namespace milepost::target
