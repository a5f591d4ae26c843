#include "target-svc/domain/funnel_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "platform/status/error.h"
#include "target-svc/domain/split.h"
#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;

const std::vector<std::string>& Stages() {
  static const std::vector<std::string> stages = {"leads", "opportunities", "agreements", "orders",
                                                  "deliveries"};
  return stages;
}

// Rates in percent.
FunnelChannel Channel(const std::string& id, int64_t target, const std::vector<int64_t>& rates) {
  FunnelChannel channel{.id = id, .target = target};
  for (const int64_t rate : rates) channel.rates.push_back({.ppm = rate * 10'000});
  return channel;
}

// The six channels of a car dealer.
FunnelRequest Dealer(int64_t target) {
  return {Stages(),
          {Channel("showroom", target, {85, 30, 40, 95}),
           Channel("telephone", target, {15, 60, 45, 95}),
           Channel("internet", target, {30, 60, 35, 95}),
           Channel("exhibition", target, {5, 70, 50, 95}),
           Channel("referral", target, {60, 60, 60, 95}),
           Channel("returning", target, {70, 80, 60, 95})}};
}

std::vector<int64_t> Needed(const std::vector<FunnelNeed>& needs) {
  std::vector<int64_t> values;
  for (const FunnelNeed& need : needs) values.push_back(need.needed);
  return values;
}

std::vector<int64_t> Required(const std::vector<FunnelNeed>& needs) {
  std::vector<int64_t> values;
  for (const FunnelNeed& need : needs) values.push_back(need.required);
  return values;
}

TEST(WorkedExample, TenDeliveriesFromEachOfSixChannels) {
  const absl::StatusOr<FunnelPlan> plan = PlanFunnel(Dealer(10));
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->channels.size(), 6u);
  EXPECT_THAT(Required(plan->channels[0].needs), ElementsAre(111, 94, 28, 11, 10));
  EXPECT_THAT(Required(plan->channels[1].needs), ElementsAre(280, 42, 25, 11, 10));
  EXPECT_THAT(Required(plan->channels[2].needs), ElementsAre(180, 54, 32, 11, 10));
  EXPECT_THAT(Required(plan->channels[3].needs), ElementsAre(640, 32, 22, 11, 10));
  EXPECT_THAT(Required(plan->channels[4].needs), ElementsAre(54, 32, 19, 11, 10));
  EXPECT_THAT(Required(plan->channels[5].needs), ElementsAre(35, 24, 19, 11, 10));
  EXPECT_THAT(Required(plan->totals), ElementsAre(1'300, 278, 145, 66, 60));
  std::vector<std::string> lines;
  for (const Step& step : plan->channels[0].steps) lines.push_back(Explain(step));
  EXPECT_THAT(lines,
              ElementsAre("orders needed = 10 (target of deliveries) ÷ 95 % (orders to "
                          "deliveries) = 10.526315…, rounded up: 11",
                          "agreements needed = 11 (orders needed) ÷ 40 % (agreements to orders) = "
                          "27.5, rounded up: 28",
                          "opportunities needed = 28 (agreements needed) ÷ 30 % (opportunities to "
                          "agreements) = 93.333333…, rounded up: 94",
                          "leads needed = 94 (opportunities needed) ÷ 85 % (leads to "
                          "opportunities) = 110.588235…, rounded up: 111"));
}

TEST(WorkedExample, OpenOrdersReduceWhatIsNeeded) {
  FunnelRequest request{Stages(), {Channel("showroom", 10, {85, 30, 40, 95})}};
  request.channels[0].stock = {0, 0, 0, 5, 0};
  const absl::StatusOr<FunnelPlan> plan = PlanFunnel(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const FunnelChannelPlan& channel = plan->channels[0];
  EXPECT_EQ(channel.needs[4], (FunnelNeed{10, 4, 6}));
  EXPECT_THAT(Required(channel.needs), ElementsAre(71, 60, 18, 7, 6));
  EXPECT_EQ(Explain(channel.steps[0]),
            "deliveries from open orders = 5 (open orders) × 95 % (orders to deliveries) = 4.75, "
            "rounded down: 4");
  EXPECT_EQ(Explain(channel.steps[1]),
            "deliveries to be made = 10 (target of deliveries) − 4 (deliveries from open orders) = "
            "6");
  EXPECT_EQ(channel.steps[1].operands[1].step, 0u);
}

TEST(PlanFunnel, TakesStockAtEveryStage) {
  FunnelRequest request{Stages(), {Channel("a", 20, {50, 50, 50, 50})}};
  request.channels[0].stock = {9, 11, 7, 6, 3};
  const absl::StatusOr<FunnelPlan> plan = PlanFunnel(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const std::vector<FunnelNeed>& needs = plan->channels[0].needs;
  // 3 delivered and ⌊6 × 0.5⌋ on the way leave 14; ⌈14 ÷ 0.5⌉ = 28 less ⌊3.5⌋; and so on.
  EXPECT_EQ(needs[4], (FunnelNeed{20, 6, 14}));
  EXPECT_EQ(needs[3], (FunnelNeed{28, 3, 25}));
  EXPECT_EQ(needs[2], (FunnelNeed{50, 5, 45}));
  EXPECT_EQ(needs[1], (FunnelNeed{90, 4, 86}));
  EXPECT_EQ(needs[0], (FunnelNeed{172, 0, 172}));
}

TEST(PlanFunnel, NeedsNothingWhenStockSuffices) {
  FunnelRequest request{Stages(), {Channel("a", 2, {50, 50, 50, 50})}};
  request.channels[0].stock = {0, 0, 0, 10, 0};
  const absl::StatusOr<FunnelPlan> plan = PlanFunnel(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->channels[0].needs[4], (FunnelNeed{2, 5, 0}));
  EXPECT_THAT(Required(plan->channels[0].needs), ElementsAre(0, 0, 0, 0, 0));
}

TEST(PlanFunnel, MeasuresRatesAndNotesSmallSamples) {
  FunnelRequest request{{"leads", "orders"},
                        {{.id = "a", .target = 10, .rates = {{RateSource::kMeasured, 0, 12, 5}}}}};
  const absl::StatusOr<FunnelPlan> plan = PlanFunnel(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->channels[0].rates_ppm, ElementsAre(416'667));
  EXPECT_THAT(Needed(plan->channels[0].needs), ElementsAre(24, 10));
  EXPECT_THAT(plan->channels[0].notes,
              ElementsAre("the rate from leads to orders rests on 12 cases; from 30 on it is "
                          "steady"));
  EXPECT_EQ(Explain(plan->channels[0].steps[0]),
            "leads to orders, measured = 5 (converted) ÷ 12 (entered) = 416666.666666… ppm, "
            "rounded to the nearest: 41.6667 %");
}

TEST(PlanFunnel, TargetsInMoneyAndShared) {
  FunnelRequest request = Dealer(0);
  for (FunnelChannel& channel : request.channels) channel.target.reset();
  request.shared_target = 100;
  const std::vector<int64_t> weights = {3, 1, 1, 1, 1, 0};
  for (size_t c = 0; c < 6; ++c) request.channels[c].weight = weights[c];
  // 150,000.00 each, so 1,000,000.00 takes ⌈6.67⌉ = 7.
  request.channels[5].target_amount = 100'000'000;
  request.channels[5].average_amount = 15'000'000;
  const absl::StatusOr<FunnelPlan> plan = PlanFunnel(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<int64_t> targets;
  for (const FunnelChannelPlan& channel : plan->channels) targets.push_back(channel.target);
  EXPECT_THAT(targets, ElementsAre(43, 15, 14, 14, 14, 7));
}

TEST(PlanFunnel, ReportsAllBadFieldsAtOnce) {
  FunnelRequest request = Dealer(10);
  request.stages[1] = "";
  request.channels[0].id = "";
  request.channels[1].rates[0].ppm = 0;
  request.channels[1].rates[1].ppm = 1'000'001;
  request.channels[2].rates.pop_back();
  request.channels[3].stock = {1, -1, 0, 0, 0};
  request.channels[3].id = "telephone";
  request.channels[4].target.reset();
  request.channels[5].rates[0] = {RateSource::kMeasured, 0, 10, 0};
  request.channels[5].rates[1] = {RateSource::kMeasured, 0, 10, 11};
  request.channels[5].rates[2] = {RateSource::kMeasured, 0, 0, 0};
  const absl::Status status = PlanFunnel(request).status();
  EXPECT_EQ(status::ReasonOf(status), "INVALID_FIELDS");
  EXPECT_THAT(Fields(status),
              ElementsAre("stages[1]", "channels[0].id", "channels[1].rates[0].ppm",
                          "channels[1].rates[1].ppm", "channels[2].rates", "channels[3].id",
                          "channels[3].stock[1]", "channels[5].rates[0].converted",
                          "channels[5].rates[1].converted", "channels[5].rates[2].entered",
                          "channels[4].target"));
}

TEST(PlanFunnel, RefusesNeedsThatNobodyPlans) {
  FunnelRequest request{{"a", "b", "c"},
                        {{.id = "x", .target = 1'000'000, .rates = {{.ppm = 1}, {.ppm = 1'000}}}}};
  const absl::Status status = PlanFunnel(request).status();
  ASSERT_THAT(Fields(status), ElementsAre("channels[0].rates[0]"));
  EXPECT_EQ(status::ViolationsOf(status)[0].description,
            "needs 1000000000000000 a, more than 100000000000 are not planned");
}

TEST(ForecastFunnel, WhatTheDealersPipelineYields) {
  FunnelRequest request{Stages(), {Channel("showroom", 0, {85, 30, 40, 95})}};
  FunnelChannel& channel = request.channels[0];
  channel.entries = 111;
  channel.average_amount = 15'000'000;
  absl::StatusOr<FunnelForecast> forecast = ForecastFunnel(request);
  ASSERT_TRUE(forecast.ok()) << forecast.status();
  // ⌊94.35⌋ = 94, ⌊28.2⌋ = 28, ⌊11.2⌋ = 11, ⌊10.45⌋ = 10.
  EXPECT_EQ(forecast->result, 10);
  EXPECT_EQ(forecast->amount, 150'000'000);
  EXPECT_EQ(forecast->channels[0].expected_millionths, 10'755'900);

  // At most 20 agreements can be worked: ⌊8⌋ orders, ⌊7.6⌋ deliveries.
  channel.capacities = {std::nullopt, std::nullopt, 20, 100, std::nullopt};
  forecast = ForecastFunnel(request);
  ASSERT_TRUE(forecast.ok()) << forecast.status();
  EXPECT_EQ(forecast->result, 7);
  EXPECT_EQ(forecast->channels[0].flows[2], (FunnelFlow{28, 20, true}));
  EXPECT_EQ(forecast->channels[0].flows[3], (FunnelFlow{8, 8, false}));
  EXPECT_EQ(forecast->channels[0].expected_millionths, 7'600'000);
}

TEST(ForecastFunnel, TodaysPipelineAlone) {
  FunnelRequest request{Stages(), {Channel("showroom", 0, {85, 30, 40, 95})}};
  request.channels[0].stock = {0, 0, 10, 5, 2};
  const absl::StatusOr<FunnelForecast> forecast = ForecastFunnel(request);
  ASSERT_TRUE(forecast.ok()) << forecast.status();
  // 10 agreements bring 4 orders, those ⌊3.8⌋ = 3; 5 open orders ⌊4.75⌋ = 4; 2 are delivered.
  EXPECT_EQ(forecast->result, 9);
  EXPECT_EQ(forecast->channels[0].expected_millionths, 3'800'000 + 4'750'000 + 2'000'000);
  EXPECT_EQ(forecast->amount, std::nullopt);
}

TEST(ForecastFunnel, RefusesAmountsThatDoNotFit) {
  FunnelRequest request{{"a", "b"}, {{.id = "x", .rates = {{.ppm = 1'000'000}}}}};
  request.channels[0].entries = kMaxFunnelCount;
  request.channels[0].average_amount = 9'000'000'000'000'000;
  EXPECT_THAT(Fields(ForecastFunnel(request).status()), ElementsAre("channels[0].average_amount"));
}

TEST(CompareFunnel, FivePointsMoreOfOneRate) {
  const absl::StatusOr<FunnelComparison> comparison =
      CompareFunnel(Dealer(10), {{.channel = "showroom", .stage = 1, .rate_points_ppm = 50'000}});
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  // 28 agreements ÷ 0.35 = 80 opportunities, ÷ 0.85 = 94.1 leads.
  EXPECT_THAT(Required(comparison->after.channels[0].needs), ElementsAre(95, 80, 28, 11, 10));
  EXPECT_THAT(Required(comparison->differences[0]), ElementsAre(-16, -14, 0, 0, 0));
  EXPECT_THAT(Required(comparison->differences[1]), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(Required(comparison->total_differences), ElementsAre(-16, -14, 0, 0, 0));
}

TEST(CompareFunnel, StockTargetAndSeveralChangesAtOnce) {
  const absl::StatusOr<FunnelComparison> comparison = CompareFunnel(
      Dealer(10),
      {{.channel = "showroom", .stage = 3, .stock = 5}, {.channel = "referral", .target = 0}});
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_THAT(Required(comparison->differences[0]), ElementsAre(-40, -34, -10, -4, -4));
  EXPECT_THAT(Required(comparison->differences[4]), ElementsAre(-54, -32, -19, -11, -10));
}

TEST(CompareFunnel, AnotherTargetForAllChannelsTogether) {
  FunnelRequest request = Dealer(10);
  for (FunnelChannel& channel : request.channels) channel.weight = 1;
  const absl::StatusOr<FunnelComparison> comparison = CompareFunnel(request, {{.target = 66}});
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  // 11 from each: ⌈11/0.95⌉ = 12 orders.
  EXPECT_THAT(Required(comparison->after.channels[0].needs), ElementsAre(118, 100, 30, 12, 11));
  EXPECT_EQ(comparison->total_differences[4].required, 6);
}

TEST(CompareFunnel, ReportsAllBadChanges) {
  const absl::Status status = CompareFunnel(Dealer(10), {{.channel = "nobody", .stock = 1},
                                                         {.rate_points_ppm = 400'000},
                                                         {.stage = 4, .rate_ppm = 1},
                                                         {.stock = -1},
                                                         {.rate_ppm = 1, .stock = 1}})
                                  .status();
  // 40 points more are too many for three of the six.
  EXPECT_THAT(Fields(status), ElementsAre("changes[0].channel", "changes[1].rate_points_ppm",
                                          "changes[1].rate_points_ppm", "changes[2].stage",
                                          "changes[3].stock", "changes[4]"));
}

TEST(SpreadFunnel, AddsUpBothWays) {
  const absl::StatusOr<FunnelSpread> spread =
      SpreadFunnel(111, {{"zhang", 2}, {"li", 1}, {"wang", 0}},
                   {{"2026-W10", 5}, {"2026-W11", 5}, {"2026-W12", 4}, {"2026-W13", 5}});
  ASSERT_TRUE(spread.ok()) << spread.status();
  EXPECT_THAT(spread->member_totals, ElementsAre(74, 37, 0));
  EXPECT_THAT(spread->week_totals, ElementsAre(29, 29, 24, 29));
  EXPECT_THAT(spread->counts[2], ElementsAre(0, 0, 0, 0));
  for (size_t w = 0; w < 4; ++w) {
    EXPECT_EQ(spread->counts[0][w] + spread->counts[1][w], spread->week_totals[w]);
  }
}

TEST(SpreadFunnel, OverTheWeeksOfAQuarter) {
  const std::vector<FunnelShare> weeks =
      WeeksOf(WorkingCalendar{CalendarDefinition{}},
              {absl::CivilDay(2026, 1, 1), absl::CivilDay(2026, 3, 31)});
  ASSERT_EQ(weeks.size(), 14u);
  EXPECT_EQ(weeks[0].id, "2026-W01");
  EXPECT_EQ(weeks[0].weight, 2 * kPpm);  // Thursday and Friday.
  EXPECT_EQ(weeks[13].id, "2026-W14");
  const absl::StatusOr<FunnelSpread> spread = SpreadFunnel(128, {{"zhang", 1}, {"li", 1}}, weeks);
  ASSERT_TRUE(spread.ok()) << spread.status();
  EXPECT_EQ(spread->week_totals[0], 4);  // 64 working days, two leads each.
  EXPECT_EQ(spread->week_totals[1], 10);
  EXPECT_THAT(spread->member_totals, ElementsAre(64, 64));
}

TEST(SpreadFunnel, ReportsAllBadFields) {
  EXPECT_THAT(Fields(SpreadFunnel(-1, {{"a", -1}, {"a", 1}, {"", 1}}, {}).status()),
              ElementsAre("count", "members[0].weight", "members[1].id", "members[2].id", "weeks"));
  EXPECT_THAT(Fields(SpreadFunnel(1, std::vector<FunnelShare>(101, {"a", 1}),
                                  std::vector<FunnelShare>(100, {"a", 1}))
                         .status()),
              ElementsAre("members"));
}

TEST(TrackFunnel, FollowsTheWeeks) {
  const absl::StatusOr<FunnelTrack> track = TrackFunnel({29, 29, 24, 29}, {25, 20});
  ASSERT_TRUE(track.ok()) << track.status();
  EXPECT_EQ(*track, (FunnelTrack{58, 45, 13, 775'862, 66, 33}));
  EXPECT_EQ(*TrackFunnel({10}, {}), (FunnelTrack{0, 0, 0, std::nullopt, 10, 10}));
  EXPECT_EQ(*TrackFunnel({10}, {12}), (FunnelTrack{10, 12, -2, 1'200'000, 0, std::nullopt}));
  EXPECT_THAT(Fields(TrackFunnel({1, -1}, {1, 1, -2}).status()),
              ElementsAre("actual", "required[1]", "actual[2]"));
}

FunnelRequest RandomRequest(Random& random) {
  FunnelRequest request;
  const int64_t stages = Between(random, 2, 6);
  for (int64_t s = 0; s < stages; ++s) request.stages.push_back(std::string(1, 'a' + s));
  const int64_t channels = Between(random, 1, 3);
  for (int64_t c = 0; c < channels; ++c) {
    FunnelChannel channel{.id = std::string(1, 'x' + c),
                          .target = Between(random, 0, Between(random, 0, 1) == 0 ? 5 : 500)};
    for (int64_t s = 0; s + 1 < stages; ++s) {
      if (Between(random, 0, 3) == 0) {
        const int64_t entered = Between(random, 1, 50);
        channel.rates.push_back({RateSource::kMeasured, 0, entered, Between(random, 1, entered)});
      } else {
        channel.rates.push_back({.ppm = Between(random, 20'000, 1'000'000)});
      }
    }
    if (Between(random, 0, 1) == 0) {
      for (int64_t s = 0; s < stages; ++s) channel.stock.push_back(Between(random, 0, 20));
    }
    request.channels.push_back(channel);
  }
  return request;
}

// With the leads of the plan the forecast meets the target; with one less it does not.
TEST(FunnelProperty, NeedsAreTheLeastThatSuffice) {
  Random random(11);
  for (int round = 0; round < 10'000; ++round) {
    FunnelRequest request = RandomRequest(random);
    const absl::StatusOr<FunnelPlan> plan = PlanFunnel(request);
    ASSERT_TRUE(plan.ok()) << plan.status();
    for (size_t c = 0; c < request.channels.size(); ++c) {
      request.channels[c].entries = plan->channels[c].needs[0].required;
    }
    const absl::StatusOr<FunnelForecast> enough = ForecastFunnel(request);
    ASSERT_TRUE(enough.ok()) << enough.status();
    for (FunnelChannel& channel : request.channels) {
      channel.entries = std::max<int64_t>(channel.entries - 1, 0);
    }
    const absl::StatusOr<FunnelForecast> short_of_one = ForecastFunnel(request);
    for (size_t c = 0; c < request.channels.size(); ++c) {
      const int64_t target = *request.channels[c].target;
      ASSERT_GE(enough->channels[c].result, target) << round;
      ASSERT_GE(enough->channels[c].expected_millionths + 20, enough->channels[c].result * kPpm);
      if (plan->channels[c].needs[0].required > 0) {
        ASSERT_LT(short_of_one->channels[c].result, target) << round;
      }
      for (const Step& step : plan->channels[c].steps) ASSERT_EQ(Evaluate(step), step.result);
      for (const Step& step : enough->channels[c].steps) ASSERT_EQ(Evaluate(step), step.result);
    }
  }
}

TEST(FunnelProperty, HigherRatesAndMoreStockNeverNeedMore) {
  Random random(12);
  for (int round = 0; round < 10'000; ++round) {
    const FunnelRequest request = RandomRequest(random);
    FunnelRequest better = request;
    FunnelChannel& channel = better.channels[Between(random, 0, better.channels.size() - 1)];
    const int64_t what = Between(random, 0, 2);
    if (what == 0) {
      FunnelRate& rate = channel.rates[Between(random, 0, channel.rates.size() - 1)];
      if (rate.source == RateSource::kMeasured) {
        rate.converted = Between(random, rate.converted, rate.entered);
      } else {
        rate.ppm = Between(random, rate.ppm, 1'000'000);
      }
    } else if (what == 1) {
      channel.stock.resize(better.stages.size());
      channel.stock[Between(random, 0, channel.stock.size() - 1)] += Between(random, 0, 30);
    } else {
      channel.target = Between(random, 0, *channel.target);
    }
    const absl::StatusOr<FunnelPlan> before = PlanFunnel(request);
    const absl::StatusOr<FunnelPlan> after = PlanFunnel(better);
    ASSERT_TRUE(before.ok() && after.ok());
    for (size_t s = 0; s < request.stages.size(); ++s) {
      ASSERT_LE(after->totals[s].required, before->totals[s].required) << round;
    }
  }
}

TEST(FunnelProperty, SpreadsAddUpAndAreNearTheirShares) {
  Random random(13);
  for (int round = 0; round < 10'000; ++round) {
    const int64_t count = Between(random, 0, 300);
    std::vector<FunnelShare> members;
    std::vector<FunnelShare> weeks;
    const bool even = Between(random, 0, 9) == 0;
    for (int64_t i = Between(random, 1, 4); i > 0; --i) {
      members.push_back({std::string(1, 'a' + i), even ? 0 : Between(random, 0, 9)});
    }
    for (int64_t i = Between(random, 1, 4); i > 0; --i) {
      weeks.push_back({std::string(1, 'a' + i), Between(random, 0, 9)});
    }
    const absl::StatusOr<FunnelSpread> spread = SpreadFunnel(count, members, weeks);
    ASSERT_TRUE(spread.ok()) << spread.status();
    std::vector<int64_t> columns(weeks.size(), 0);
    for (size_t m = 0; m < members.size(); ++m) {
      int64_t row = 0;
      for (size_t w = 0; w < weeks.size(); ++w) {
        ASSERT_GE(spread->counts[m][w], 0);
        row += spread->counts[m][w];
        columns[w] += spread->counts[m][w];
      }
      ASSERT_EQ(row, spread->member_totals[m]);
    }
    ASSERT_EQ(columns, spread->week_totals);
    ASSERT_EQ(std::accumulate(columns.begin(), columns.end(), int64_t{0}), count);
  }
}

}  // namespace
}  // namespace milepost::target
