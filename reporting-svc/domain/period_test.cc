#include "reporting-svc/domain/period.h"

#include <random>

#include "gtest/gtest.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;

TEST(PeriodTest, WeeksBeginOnMonday) {
  EXPECT_EQ(PeriodOf(CivilDay(2026, 3, 1), Granularity::kWeek),
            (Days{CivilDay(2026, 2, 23), CivilDay(2026, 3, 1)}));
  EXPECT_EQ(PeriodOf(CivilDay(2026, 3, 2), Granularity::kWeek),
            (Days{CivilDay(2026, 3, 2), CivilDay(2026, 3, 8)}));
}

TEST(PeriodTest, QuartersOfAYear) {
  const std::vector<Days> quarters =
      Cut({CivilDay(2017, 1, 1), CivilDay(2017, 12, 31)}, Granularity::kQuarter);
  ASSERT_EQ(quarters.size(), 4u);
  EXPECT_EQ(quarters[1], (Days{CivilDay(2017, 4, 1), CivilDay(2017, 6, 30)}));
}

TEST(PeriodTest, FirstAndLastPeriodAreCutToTheRange) {
  const std::vector<Days> months =
      Cut({CivilDay(2017, 1, 15), CivilDay(2017, 3, 2)}, Granularity::kMonth);
  ASSERT_EQ(months.size(), 3u);
  EXPECT_EQ(months[0], (Days{CivilDay(2017, 1, 15), CivilDay(2017, 1, 31)}));
  EXPECT_EQ(months[2], (Days{CivilDay(2017, 3, 1), CivilDay(2017, 3, 2)}));
}

TEST(PeriodTest, ThePeriodBeforeAQuarterIsAQuarter) {
  EXPECT_EQ(PreviousOf({CivilDay(2017, 4, 1), CivilDay(2017, 6, 30)}),
            (Days{CivilDay(2017, 1, 1), CivilDay(2017, 3, 31)}));
  EXPECT_EQ(PreviousOf({CivilDay(2017, 3, 1), CivilDay(2017, 3, 31)}),
            (Days{CivilDay(2017, 2, 1), CivilDay(2017, 2, 28)}));
  EXPECT_EQ(PreviousOf({CivilDay(2017, 3, 10), CivilDay(2017, 3, 12)}),
            (Days{CivilDay(2017, 3, 7), CivilDay(2017, 3, 9)}));
}

TEST(PeriodTest, AYearBeforeALeapFebruary) {
  EXPECT_EQ(YearBefore({CivilDay(2024, 2, 1), CivilDay(2024, 2, 29)}),
            (Days{CivilDay(2023, 2, 1), CivilDay(2023, 2, 28)}));
  EXPECT_EQ(YearBefore({CivilDay(2025, 2, 1), CivilDay(2025, 2, 28)}),
            (Days{CivilDay(2024, 2, 1), CivilDay(2024, 2, 29)}));
}

TEST(PeriodProperty, CutsHoldEveryDayExactlyOnce) {
  std::mt19937 random(7);
  for (int round = 0; round < 5'000; ++round) {
    const CivilDay first = CivilDay(2015, 1, 1) + static_cast<int>(random() % 2000);
    const Days range{first, first + static_cast<int>(random() % 500)};
    CivilDay next = range.first;
    for (const Days& period : Cut(range, static_cast<Granularity>(random() % 6))) {
      ASSERT_EQ(period.first, next);
      next = period.last + 1;
    }
    ASSERT_EQ(next, range.last + 1);
  }
}

}  // namespace
}  // namespace milepost::reporting
