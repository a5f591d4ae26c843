#include "target-svc/domain/suggestion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Lines(const std::vector<Step>& steps) {
  std::vector<std::string> lines;
  for (const Step& step : steps) lines.push_back(Explain(step));
  return lines;
}

Suggestion Suggest(const SuggestionRequest& request) {
  const absl::StatusOr<Suggestion> suggestion = SuggestTarget(request);
  EXPECT_TRUE(suggestion.ok()) << suggestion.status();
  return suggestion.ok() ? *suggestion : Suggestion{};
}

constexpr Estimate Three(int64_t low, int64_t base, int64_t high) { return {low, base, high}; }

TEST(SuggestTarget, ByHistory) {
  const Suggestion suggestion =
      Suggest({.history = HistoryEvidence{.values = {1'000'000, 1'100'000, 1'320'000}}});
  ASSERT_EQ(suggestion.methods.size(), 1u);
  EXPECT_EQ(suggestion.methods[0].value, Three(1'452'000, 1'518'000, 1'584'000));
  EXPECT_EQ(suggestion.value, suggestion.methods[0].value);
  EXPECT_THAT(
      Lines(suggestion.methods[0].steps),
      ElementsAre(
          "more in period 2 = 1100000 (period 2) − 1000000 (period 1) = 100000",
          "growth in period 2 = 100000 (more in period 2) ÷ 1000000 (period 1) = 10 %",
          "more in period 3 = 1320000 (period 3) − 1100000 (period 2) = 220000",
          "growth in period 3 = 220000 (more in period 3) ÷ 1100000 (period 2) = 20 %",
          "lowest growth = the least of 10 % (growth in period 2), 20 % (growth in period 3) = 10 "
          "%",
          "by history, low: factor = 100 % (all of it) + 10 % (lowest growth) = 110 %",
          "by history, low = 1320000 (last period) × 110 % (by history, low: factor) = 1452000",
          "growth in all periods = 10 % (growth in period 2) + 20 % (growth in period 3) = 30 %",
          "mean growth = 30 % (growth in all periods) ÷ 2 (periods of growth) = 15 %",
          "by history, base: factor = 100 % (all of it) + 15 % (mean growth) = 115 %",
          "by history, base = 1320000 (last period) × 115 % (by history, base: factor) = 1518000",
          "highest growth = the greatest of 10 % (growth in period 2), 20 % (growth in period 3) "
          "= 20 %",
          "by history, high: factor = 100 % (all of it) + 20 % (highest growth) = 120 %",
          "by history, high = 1320000 (last period) × 120 % (by history, high: factor) = "
          "1584000"));
}

TEST(SuggestTarget, ByGrowthMarketPenetrationAndConsumption) {
  const Suggestion suggestion = Suggest(
      {.growth = GrowthEvidence{.last = 1'000'001, .growth_ppm = {-100'000, 0, 50'000}},
       .market = MarketEvidence{.market = 100'000'000,
                                .market_growth_ppm = 50'000,
                                .share_ppm = {10'000, 20'000, 30'000}},
       .penetration = PenetrationEvidence{.potential_customers = 1'005,
                                          .penetration_ppm = {50'000, 100'000, 200'000},
                                          .per_customer = 3'000},
       .consumption = ConsumptionEvidence{
           .customers = 200, .per_customer = 50'000, .share_ppm = {100'000, 120'000, 150'000}}});
  ASSERT_EQ(suggestion.methods.size(), 4u);
  EXPECT_EQ(suggestion.methods[0].value, Three(900'001, 1'000'001, 1'050'001));
  EXPECT_EQ(suggestion.methods[1].value, Three(1'050'000, 2'100'000, 3'150'000));
  EXPECT_EQ(suggestion.methods[2].value, Three(150'000, 300'000, 603'000));
  EXPECT_EQ(suggestion.methods[3].value, Three(1'000'000, 1'200'000, 1'500'000));
}

PipelineEvidence Pipeline() {
  return {.won = 200'000,
          .open = 2'500'000,
          .to_come = 500'000,
          .coverage_ppm = {4'000'000, 3'000'000, 2'500'000}};
}

TEST(SuggestTarget, ByPipelineCoverage) {
  const Suggestion suggestion = Suggest({.pipeline = Pipeline()});
  EXPECT_EQ(suggestion.methods[0].value, Three(950'000, 1'200'000, 1'400'000));
}

TEST(SuggestTarget, ByHeadCountAndRamp) {
  // 4 × 3 months; two more from the second month at 30 and 60 %; one who started the month before,
  // at 60, 100 and 100 %: 12 + 1.8 + 2.6 member-months.
  const Suggestion suggestion =
      Suggest({.head_count = HeadCountEvidence{.members = 4,
                                               .months = 3,
                                               .new_members = {{2, 1}, {1, -1}},
                                               .ramp_ppm = {300'000, 600'000},
                                               .per_member_month = {80'000, 100'000, 120'000}}});
  EXPECT_EQ(suggestion.methods[0].value, Three(1'312'000, 1'640'000, 1'968'000));
  EXPECT_THAT(Lines(suggestion.methods[0].steps)[1],
              "months of one of group 1 of new members = 30 % (month 2) + 60 % (month 3) = 90 %");
}

TEST(SuggestTarget, WeighsMethodsAndRounds) {
  SuggestionRequest request{
      .rounding_unit = 10'000,
      .history = HistoryEvidence{.weight = 2, .values = {1'000'000, 1'100'000, 1'320'000}},
      .growth = GrowthEvidence{.weight = 0, .last = 9'000'000},
      .pipeline = Pipeline()};
  const Suggestion suggestion = Suggest(request);
  EXPECT_EQ(suggestion.methods.size(), 3u);
  EXPECT_EQ(suggestion.value, Three(1'280'000, 1'410'000, 1'520'000));
  EXPECT_EQ(Explain(suggestion.steps[0]),
            "by history, low, weighted = 1452000 (by history, low) × 2 (weight) = 2904000");
  EXPECT_EQ(Explain(suggestion.steps[3]),
            "low = 3854000 (all weighted, low) ÷ 3 (weights) = 1284666.666666…, rounded to the "
            "nearest: 1280000");
  request.history->weight = 0;
  request.pipeline->weight = 0;
  EXPECT_EQ(Suggest(request).value, std::nullopt);
}

TEST(SuggestTarget, ReportsAllBadFieldsAtOnce) {
  EXPECT_THAT(Fields(SuggestTarget({.unit = QuantityUnit::kPpm, .rounding_unit = 0}).status()),
              ElementsAre("unit", "rounding_unit", "history"));
  const SuggestionRequest request{
      .history = HistoryEvidence{.weight = 101, .values = {0}},
      .growth = GrowthEvidence{.last = -1, .growth_ppm = {0, -1, -1'000'001}},
      .market = MarketEvidence{.market_growth_ppm = -1'000'001, .share_ppm = {0, 0, 1'000'001}},
      .penetration = PenetrationEvidence{.potential_customers = -1, .per_customer = -1},
      .consumption = ConsumptionEvidence{.weight = -1, .customers = kMaxCustomers + 1},
      .pipeline = PipelineEvidence{.open = -1, .coverage_ppm = {1'000'000, 2'000'000, 2'000'000}},
      .head_count = HeadCountEvidence{
          .months = 2, .new_members = {{0, 2}}, .ramp_ppm = {2, 1}, .per_member_month = {2, 1, 1}}};
  EXPECT_THAT(
      Fields(SuggestTarget(request).status()),
      ElementsAre("history.weight", "history.values", "history.values[0]", "growth.last",
                  "growth.growth_ppm.base", "growth.growth_ppm.high", "growth.growth_ppm.high",
                  "market.market_growth_ppm", "market.share_ppm.high",
                  "penetration.potential_customers", "penetration.per_customer",
                  "consumption.weight", "consumption.customers", "pipeline.open",
                  "pipeline.coverage_ppm.base", "head_count.new_members[0].count",
                  "head_count.new_members[0].start_month", "head_count.ramp_ppm[1]",
                  "head_count.per_member_month.base"));
}

TEST(SuggestTarget, RefusesResultsThatAreTooLarge) {
  constexpr int64_t kMost = 9'000'000'000'000'000;
  EXPECT_THAT(
      Fields(SuggestTarget(
                 {.history = HistoryEvidence{.values = {1, kMost}},
                  .growth = GrowthEvidence{.last = kMost, .growth_ppm = {0, 0, 1}},
                  .consumption = ConsumptionEvidence{.customers = kMaxCustomers,
                                                     .per_customer = kMost,
                                                     .share_ppm = {0, 1'000'000, 1'000'000}},
                  .pipeline =
                      PipelineEvidence{.won = kMost,
                                       .open = kMost,
                                       .coverage_ppm = {kMaxCoveragePpm, 1'000'000, 1'000'000}}})
                 .status()),
      ElementsAre("history", "growth", "consumption", "pipeline"));
}

Estimate RandomThree(Random& random, int64_t min, int64_t max) {
  std::vector<int64_t> values = {Between(random, min, max), Between(random, min, max),
                                 Between(random, min, max)};
  std::sort(values.begin(), values.end());
  return {values[0], values[1], values[2]};
}

SuggestionRequest RandomRequest(Random& random) {
  SuggestionRequest request;
  request.rounding_unit = Between(random, 0, 1) == 0 ? 1 : Between(random, 1, 1'000);
  const auto weight = [&] { return Between(random, 0, 5); };
  const auto value = [&] { return Between(random, 0, 1'000'000'000); };
  const auto given = [&] { return Between(random, 0, 1) == 0; };
  if (given()) {
    request.history = HistoryEvidence{.weight = weight()};
    for (int64_t i = Between(random, 2, 6); i > 0; --i) {
      request.history->values.push_back(Between(random, 1'000, 2'000));
    }
  }
  if (given()) {
    request.growth = GrowthEvidence{weight(), value(), RandomThree(random, -1'000'000, 2'000'000)};
  }
  if (given()) {
    request.market = MarketEvidence{weight(), value(), Between(random, -500'000, 500'000),
                                    RandomThree(random, 0, 1'000'000)};
  }
  if (given()) {
    request.penetration =
        PenetrationEvidence{weight(), Between(random, 0, 10'000), RandomThree(random, 0, 1'000'000),
                            Between(random, 0, 100'000)};
  }
  if (given()) {
    request.consumption =
        ConsumptionEvidence{weight(), Between(random, 0, 10'000), Between(random, 0, 100'000),
                            RandomThree(random, 0, 1'000'000)};
  }
  if (given()) {
    const Estimate coverage = RandomThree(random, 1'000'000, 6'000'000);
    request.pipeline = PipelineEvidence{
        weight(), value(), value(), value(), {coverage.high, coverage.base, coverage.low}};
  }
  if (given() || (!request.history && !request.growth && !request.market && !request.penetration &&
                  !request.consumption && !request.pipeline)) {
    HeadCountEvidence evidence{.weight = weight(),
                               .members = Between(random, 0, 20),
                               .months = Between(random, 1, 12),
                               .per_member_month = RandomThree(random, 0, 100'000)};
    for (int64_t i = Between(random, 0, 3); i > 0; --i) {
      evidence.new_members.push_back(
          {Between(random, 1, 5), Between(random, -6, evidence.months - 1)});
    }
    for (int64_t i = Between(random, 0, 4); i > 0; --i) {
      evidence.ramp_ppm.push_back(Between(random, 0, 1'000'000));
    }
    std::sort(evidence.ramp_ppm.begin(), evidence.ramp_ppm.end());
    request.head_count = evidence;
  }
  return request;
}

TEST(SuggestionProperty, RisesAndLiesAmongItsMethods) {
  Random random(61);
  for (int round = 0; round < 10'000; ++round) {
    const SuggestionRequest request = RandomRequest(random);
    const Suggestion suggestion = Suggest(request);
    int64_t weights = 0;
    int64_t least = std::numeric_limits<int64_t>::max();
    int64_t greatest = 0;
    for (const MethodSuggestion& method : suggestion.methods) {
      ASSERT_LE(0, method.value.low);
      ASSERT_LE(method.value.low, method.value.base);
      ASSERT_LE(method.value.base, method.value.high);
      for (const Step& step : method.steps) ASSERT_EQ(Evaluate(step), step.result);
      ASSERT_EQ(method.steps.back().result, method.value.high);
      weights += method.weight;
      if (method.weight == 0) continue;
      least = std::min(least, method.value.base);
      greatest = std::max(greatest, method.value.base);
    }
    ASSERT_EQ(suggestion.value.has_value(), weights > 0);
    if (weights == 0) continue;
    for (const Step& step : suggestion.steps) ASSERT_EQ(Evaluate(step), step.result);
    ASSERT_LE(suggestion.value->low, suggestion.value->base);
    ASSERT_LE(suggestion.value->base, suggestion.value->high);
    ASSERT_EQ(suggestion.value->base % request.rounding_unit, 0);
    // Rounding moves the mean by half a rounding unit at most.
    ASSERT_GE(2 * suggestion.value->base + request.rounding_unit, 2 * least);
    ASSERT_LE(2 * suggestion.value->base - request.rounding_unit, 2 * greatest);
  }
}

// Member-months against counting them month by month.
TEST(SuggestionProperty, HeadCountIsTheSumOfItsMonths) {
  Random random(62);
  for (int round = 0; round < 10'000; ++round) {
    SuggestionRequest request;
    HeadCountEvidence evidence{.members = Between(random, 0, 9),
                               .months = Between(random, 1, 12),
                               .per_member_month = {1'000'000, 1'000'000, 1'000'000}};
    for (int64_t i = Between(random, 0, 3); i > 0; --i) {
      evidence.new_members.push_back(
          {Between(random, 1, 5), Between(random, -9, evidence.months - 1)});
    }
    for (int64_t i = Between(random, 0, 5); i > 0; --i) {
      evidence.ramp_ppm.push_back(Between(random, 0, 1'000'000));
    }
    std::sort(evidence.ramp_ppm.begin(), evidence.ramp_ppm.end());
    request.head_count = evidence;
    int64_t ppm = 0;
    for (int64_t month = 0; month < evidence.months; ++month) {
      ppm += evidence.members * 1'000'000;
      for (const NewMembers& group : evidence.new_members) {
        if (month < group.start_month) continue;
        const size_t since = static_cast<size_t>(month - group.start_month);
        ppm +=
            group.count * (since < evidence.ramp_ppm.size() ? evidence.ramp_ppm[since] : 1'000'000);
      }
    }
    ASSERT_EQ(Suggest(request).methods[0].value.base, ppm) << round;
  }
}

}  // namespace
}  // namespace milepost::target
