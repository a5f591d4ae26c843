#include "target-svc/domain/recorded_actual.h"

#include <limits>

#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::target {
namespace {

using absl::CivilDay;

RecordedActual Entry(const std::string& id, CivilDay day, int64_t value, int64_t second = 0) {
  RecordedActual actual;
  actual.id = id;
  actual.metric_id = "spend";
  actual.day = day;
  actual.value_units = value;
  actual.create_time = absl::FromUnixSeconds(1'500'000'000 + second);
  return actual;
}

ActualSum SumOf(MetricAggregation aggregation, const std::vector<RecordedActual>& actuals) {
  ActualSummer summer(aggregation);
  for (const RecordedActual& actual : actuals) summer.Add(actual);
  const absl::StatusOr<ActualSum> sum = summer.Sum();
  EXPECT_TRUE(sum.ok()) << sum.status();
  return sum.value_or(ActualSum());
}

TEST(RecordedActualTest, WhatEntriesMakeTogether) {
  const CivilDay monday(2018, 3, 5);
  const std::vector<RecordedActual> entries = {
      Entry("b", monday + 1, 40, 1), Entry("a", monday + 1, 25, 2), Entry("c", monday, 100, 9)};
  const ActualSum sum = SumOf(MetricAggregation::kSum, entries);
  EXPECT_EQ(sum.value, 165);
  EXPECT_EQ(sum.count, 3);
  EXPECT_EQ(sum.first_day, monday);
  EXPECT_EQ(sum.last_day, monday + 1);
  // The latest day, and of that the entry that was made last.
  EXPECT_EQ(SumOf(MetricAggregation::kLast, entries).value, 25);
  EXPECT_EQ(SumOf(MetricAggregation::kAverage, entries).value, 55);
  EXPECT_EQ(SumOf(MetricAggregation::kSum, {}).value, 0);
  EXPECT_EQ(SumOf(MetricAggregation::kLast, {}).value, std::nullopt);
  EXPECT_EQ(SumOf(MetricAggregation::kAverage, {}).value, std::nullopt);
}

TEST(RecordedActualTest, MeansAreRoundedHalfUp) {
  const auto mean = [](std::vector<int64_t> values) {
    std::vector<RecordedActual> entries;
    for (const int64_t value : values) entries.push_back(Entry("a", CivilDay(2018, 1, 1), value));
    return *SumOf(MetricAggregation::kAverage, entries).value;
  };
  EXPECT_EQ(mean({1, 2}), 2);
  EXPECT_EQ(mean({1, 1, 2}), 1);
  EXPECT_EQ(mean({1, 2, 2}), 2);
  EXPECT_EQ(mean({-1, -2}), -2);
  EXPECT_EQ(mean({-1, -1, -2}), -1);
  EXPECT_EQ(mean({0, 0, 0}), 0);
}

TEST(RecordedActualTest, ASumThatDoesNotFitIsAnError) {
  ActualSummer summer(MetricAggregation::kSum);
  for (int i = 0; i < 2; ++i)
    summer.Add(Entry("a", CivilDay(2018, 1, 1), std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(status::ReasonOf(summer.Sum().status()), "SUM_TOO_LARGE");
}

TEST(RecordedActualTest, CountsForItsScope) {
  const CivilDay move(2018, 7, 1);
  const auto unit = [](const std::string& id, std::vector<UnitPlacement> placements) {
    Unit made;
    made.id = id;
    made.placements = std::move(placements);
    made.start_day = CivilDay(2015, 1, 1);
    return made;
  };
  const CivilDay start(2015, 1, 1);
  const UnitTree tree({unit("company", {{"", start}}), unit("west", {{"company", start}}),
                       unit("east", {{"company", start}}),
                       unit("team", {{"west", start}, {"east", move}})});
  RecordedActual actual = Entry("a", CivilDay(2018, 3, 5), 1);
  actual.credited_unit_id = "team";
  actual.member_id = "anna";
  actual.product_id = "p";
  Scope scope;
  scope.period = {CivilDay(2018, 1, 1), CivilDay(2018, 12, 31)};
  EXPECT_TRUE(CountsFor(actual, scope, tree));
  for (const char* within : {"company", "west", "team"}) {
    scope.unit_id = within;
    EXPECT_TRUE(CountsFor(actual, scope, tree)) << within;
  }
  // The past stays where it was earned.
  scope.unit_id = "east";
  EXPECT_FALSE(CountsFor(actual, scope, tree));
  actual.day = move;
  EXPECT_TRUE(CountsFor(actual, scope, tree));
  scope.unit_id = "west";
  EXPECT_FALSE(CountsFor(actual, scope, tree));
  // A member's target takes the member along.
  scope.member_id = "anna";
  EXPECT_TRUE(CountsFor(actual, scope, tree));
  scope.member_id = "bert";
  EXPECT_FALSE(CountsFor(actual, scope, tree));
  scope.member_id.clear();
  scope.unit_id.clear();
  scope.product_id = "p";
  EXPECT_TRUE(CountsFor(actual, scope, tree));
  scope.channel = "online";
  EXPECT_FALSE(CountsFor(actual, scope, tree));
  scope.channel.clear();
  scope.period.last = move - 1;
  EXPECT_FALSE(CountsFor(actual, scope, tree));
  scope.period.last = move;
  actual.corrected_by_id = "b";
  EXPECT_FALSE(CountsFor(actual, scope, tree));
}

TEST(RecordedActualTest, CorrectionsReplaceOneEntryOfTheSameMetricOnce) {
  Metric metric;
  metric.id = "spend";
  metric.source = MetricSource::kRecorded;
  const RecordedActual entry = Entry("b", CivilDay(2018, 1, 1), 5);
  RecordedActual old = Entry("a", CivilDay(2018, 1, 1), 4);
  EXPECT_TRUE(CheckRecord(entry, metric, std::nullopt).ok());
  EXPECT_TRUE(CheckRecord(entry, metric, old).ok());
  old.corrected_by_id = "c";
  EXPECT_EQ(status::ReasonOf(CheckRecord(entry, metric, old)), "ALREADY_CORRECTED");
  old.metric_id = "market-share";
  EXPECT_EQ(status::ReasonOf(CheckRecord(entry, metric, old)), "OTHER_METRIC");
  metric.source = MetricSource::kDerived;
  EXPECT_EQ(status::ReasonOf(CheckRecord(entry, metric, std::nullopt)), "NOT_RECORDED");
}

TEST(RecordedActualTest, KindsOfSpendAreMoneyThatIsAddedUp) {
  for (const Metric& metric : StandardMetrics()) EXPECT_TRUE(MayBeMade(metric)) << metric.id;
  Metric metric;
  metric.id = "spend-travel";
  metric.unit = MetricUnit::kMoney;
  EXPECT_TRUE(MayBeMade(metric));
  metric.unit = MetricUnit::kCount;
  EXPECT_FALSE(MayBeMade(metric));
  metric.id = "spending";
  EXPECT_TRUE(MayBeMade(metric));
  EXPECT_FALSE(IsSpend("spending"));
  EXPECT_TRUE(IsSpend("spend"));
  EXPECT_TRUE(IsSpend("spend-staff"));
}

}  // namespace
}  // namespace milepost::target
