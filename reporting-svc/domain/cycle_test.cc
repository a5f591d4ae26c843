#include "reporting-svc/domain/cycle.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace milepost::reporting {
namespace {

TEST(CycleTest, NothingHasNoStatistics) {
  EXPECT_FALSE(StatsOf({}));
  EXPECT_FALSE(StatsOf({{5, 0}}));
}

TEST(CycleTest, MedianOfAnEvenNumberLiesBetweenTheTwoInTheMiddle) {
  const CycleStats stats = *StatsOf({{1, 1}, {2, 1}, {5, 1}, {9, 1}});
  EXPECT_EQ(stats.median, 350);
  EXPECT_EQ(stats.mean, 425);
  EXPECT_EQ(stats.p90, 900);
  EXPECT_EQ(stats.min, 100);
  EXPECT_EQ(stats.max, 900);
}

TEST(CycleTest, MeanIsRoundedHalfUpToHundredths) {
  EXPECT_EQ(StatsOf({{1, 2}, {2, 1}})->mean, 133);  // 1.333…
  EXPECT_EQ(StatsOf({{1, 1}, {2, 2}})->mean, 167);  // 1.666…
  EXPECT_EQ(StatsOf({{0, 7}, {1, 1}})->mean, 13);   // 0.125
}

TEST(CycleProperty, EqualsSortingTheValues) {
  std::mt19937 random(90);
  for (int round = 0; round < 5'000; ++round) {
    std::vector<int64_t> values(1 + random() % 60);
    Histogram histogram;
    for (int64_t& value : values) {
      value = static_cast<int64_t>(random() % 40);
      ++histogram[value];
    }
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    const CycleStats stats = *StatsOf(histogram);
    EXPECT_EQ(stats.count, static_cast<int64_t>(n));
    EXPECT_EQ(stats.median, 50 * (values[(n - 1) / 2] + values[n / 2]));
    EXPECT_EQ(stats.p90, 100 * values[(9 * n + 9) / 10 - 1]);
    EXPECT_EQ(stats.min, 100 * values.front());
    EXPECT_EQ(stats.max, 100 * values.back());
  }
}

}  // namespace
}  // namespace milepost::reporting
