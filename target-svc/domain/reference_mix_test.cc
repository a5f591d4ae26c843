#include "target-svc/domain/reference_mix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::vector<int64_t> WeightsOf(const MixResult& result) {
  std::vector<int64_t> weights;
  for (const MixedPart& part : result.parts) weights.push_back(part.weight);
  return weights;
}

std::vector<int64_t> SharesOf(const MixResult& result) {
  std::vector<int64_t> shares;
  for (const MixedPart& part : result.parts) shares.push_back(part.share_ppm);
  return shares;
}

TEST(MixPeriods, SharesCountByTheirMixHoweverLargeThePeriodWas) {
  const MixRequest request{.periods = {{.label = "2025", .mix = 2, .values = {300, 100}},
                                       {.label = "2024", .mix = 1, .values = {10'000, 30'000}}},
                           .parts = 2};
  // 2/3 × 3/4 + 1/3 × 1/4 = 7/12.
  EXPECT_EQ(SharesOf(MixPeriods(request)), (std::vector<int64_t>{583'333, 416'667}));
}

TEST(MixPeriods, AmountsCountForMoreWhereTheyAreLarger) {
  MixRequest request{.periods = {{.label = "2025", .mix = 2, .values = {300, 100}},
                                 {.label = "2024", .mix = 1, .values = {10'000, 30'000}}},
                     .parts = 2};
  request.rule = MixRule::kAmounts;
  // 2 × 300 + 10,000 to 2 × 100 + 30,000, reduced.
  EXPECT_EQ(WeightsOf(MixPeriods(request)), (std::vector<int64_t>{53, 151}));
}

TEST(MixPeriods, GrowthBringsOldFiguresToTodaysLevel) {
  const MixRequest request{.periods = {{.label = "2024",
                                        .values = {1'000, 1'000},
                                        .growth_ppm = {*CompoundGrowthPpm(100'000, 2), kPpm}}},
                           .parts = 2};
  EXPECT_EQ(WeightsOf(MixPeriods(request)), (std::vector<int64_t>{121, 100}));
}

TEST(MixPeriods, AGapCountsAsNothingOrIsLeftToTheOtherPeriods) {
  MixRequest request{.periods = {{.label = "2025", .values = {50, 50}},
                                 {.label = "2024", .values = {100, std::nullopt}}},
                     .parts = 2};
  EXPECT_EQ(SharesOf(MixPeriods(request)), (std::vector<int64_t>{750'000, 250'000}));
  request.gaps = GapRule::kOtherPeriods;
  const MixResult result = MixPeriods(request);
  // (1/2 + 1) / 2 = 3/4 to 1/2.
  EXPECT_EQ(SharesOf(result), (std::vector<int64_t>{600'000, 400'000}));
  EXPECT_EQ(result.notes, (std::vector<MixNote>{{MixNoteKind::kGap, 1, 1}}));
}

TEST(MixPeriods, AmountsWithGapsAreMeansOfThePeriodsThatAPartHad) {
  const MixRequest request{.periods = {{.label = "2025", .mix = 1, .values = {100, 300}},
                                       {.label = "2024", .mix = 3, .values = {200, std::nullopt}}},
                           .parts = 2,
                           .rule = MixRule::kAmounts,
                           .gaps = GapRule::kOtherPeriods};
  // (100 + 3 × 200) / 4 = 175 to 300.
  EXPECT_EQ(WeightsOf(MixPeriods(request)), (std::vector<int64_t>{7, 12}));
}

TEST(MixPeriods, NewcomersGetWhatTheRuleSays) {
  MixRequest request{.periods = {{.label = "2025", .values = {30, 11, 0, std::nullopt}}},
                     .parts = 4};
  EXPECT_EQ(WeightsOf(MixPeriods(request)), (std::vector<int64_t>{30, 11, 0, 0}));
  request.newcomers = NewcomerRule::kLowest;
  EXPECT_EQ(WeightsOf(MixPeriods(request)), (std::vector<int64_t>{30, 11, 0, 11}));
  request.newcomers = NewcomerRule::kMean;
  const MixResult result = MixPeriods(request);
  EXPECT_EQ(WeightsOf(result), (std::vector<int64_t>{90, 33, 0, 41}));  // 41/3 each.
  EXPECT_EQ(result.parts[3].basis, MixBasis::kNewcomer);
  EXPECT_EQ(result.notes, (std::vector<MixNote>{{MixNoteKind::kNewcomer, std::nullopt, 3}}));
}

TEST(MixPeriods, APeriodWithNothingLeavesItsMixToTheOthers) {
  const MixRequest request{.periods = {{.label = "2025", .mix = 9, .values = {0, -5}},
                                       {.label = "2024", .mix = 1, .values = {3, 4}}},
                           .parts = 2};
  const MixResult result = MixPeriods(request);
  EXPECT_EQ(WeightsOf(result), (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(result.notes, (std::vector<MixNote>{{MixNoteKind::kNegativeHistory, 0, 1},
                                                {MixNoteKind::kEmptyPeriod, 0, std::nullopt}}));
}

TEST(MixPeriods, WithoutAnyHistoryAllWeightsAreNothing) {
  const MixRequest request{.periods = {{.label = "2025", .values = {0, std::nullopt}}},
                           .parts = 2,
                           .newcomers = NewcomerRule::kMean};
  const MixResult result = MixPeriods(request);
  EXPECT_EQ(WeightsOf(result), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(result.notes.back().kind, MixNoteKind::kNoHistory);
}

TEST(MixPeriods, ExplainsEveryTerm) {
  const MixRequest request{.periods = {{.label = "2025",
                                        .mix = 2,
                                        .values = {1'200, 3'740},
                                        .growth_ppm = {1'050'000, 1'000'000}},
                                       {.label = "2024", .mix = 1, .values = {250, 750}}},
                           .parts = 2};
  const MixResult result = MixPeriods(request);
  EXPECT_EQ(Explain(request, result.parts[0]),
            absl::StrCat("2025: 1200 × 1050000 ppm = 1260, share 63/250, counts 2/3; "
                         "2024: 250, share 1/4, counts 1/3; weight ",
                         result.parts[0].weight, " (251333 ppm)"));
}

TEST(MixPeriods, ReportsEveryViolationAtOnce) {
  const MixRequest request{
      .periods = {{.mix = 0, .values = {1}},
                  {.mix = kMaxPeriodMix + 1, .values = {1, 2}, .growth_ppm = {-1, kPpm}},
                  {.values = {1, 2}, .growth_ppm = {kPpm}}},
      .parts = 2};
  std::vector<std::string> fields;
  for (const WeightViolation& violation : MixPeriods(request).violations) {
    fields.push_back(violation.field);
  }
  EXPECT_EQ(fields,
            (std::vector<std::string>{"periods[0].mix", "periods[0].values", "periods[1].mix",
                                      "periods[1].growth_ppm[0]", "periods[2].growth_ppm"}));
}

TEST(MixPeriods, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(MixPeriods({.periods = {{.values = {kMax, 1}}}, .parts = 2}).ok());
  EXPECT_FALSE(
      MixPeriods({.periods = {{.values = {kMax}, .growth_ppm = {1'100'000}}}, .parts = 1}).ok());
  EXPECT_FALSE(MixPeriods({.periods = {}, .parts = 1}).ok());
  EXPECT_FALSE(MixPeriods({.periods = {{.values = {}}}, .parts = 0}).ok());
}

TEST(CompoundGrowth, CompoundsAndRefusesWhatLeavesTheRange) {
  EXPECT_EQ(CompoundGrowthPpm(50'000, 0), kPpm);
  EXPECT_EQ(CompoundGrowthPpm(50'000, 2), 1'102'500);
  EXPECT_EQ(CompoundGrowthPpm(-kPpm, 1), 0);
  EXPECT_EQ(CompoundGrowthPpm(-kPpm - 1, 1), std::nullopt);
  EXPECT_EQ(CompoundGrowthPpm(10 * kPpm, 3), std::nullopt);
  EXPECT_EQ(CompoundGrowthPpm(0, 51), std::nullopt);
}

MixRequest RandomRequest(Random& random) {
  MixRequest request;
  request.parts = static_cast<size_t>(Between(random, 1, 8));
  request.rule = Between(random, 0, 1) == 0 ? MixRule::kShares : MixRule::kAmounts;
  request.gaps = Between(random, 0, 1) == 0 ? GapRule::kCountsAsNothing : GapRule::kOtherPeriods;
  request.newcomers = static_cast<NewcomerRule>(Between(random, 0, 2));
  const int64_t largest = Between(random, 0, 2) == 0 ? kMax / 1'000 : 1'000;
  const bool gaps = Between(random, 0, 1) == 0;
  const int64_t periods = Between(random, 1, 5);
  for (int64_t p = 0; p < periods; ++p) {
    PastPeriod period{.label = "p", .mix = Between(random, 1, 9)};
    const bool grows = Between(random, 0, 1) == 0;
    for (size_t i = 0; i < request.parts; ++i) {
      if (gaps && Between(random, 0, 3) == 0) {
        period.values.push_back(std::nullopt);
      } else {
        period.values.push_back(Between(random, -largest / 9, largest));
      }
      if (grows) period.growth_ppm.push_back(Between(random, 0, 3 * kPpm));
    }
    request.periods.push_back(std::move(period));
  }
  return request;
}

// The mixed figure of a part in long double, apart from the integers.
long double Figure(const MixRequest& request, size_t part) {
  long double figure = 0;
  long double mixes = 0;
  for (const PastPeriod& period : request.periods) {
    long double total = 0;
    long double own = 0;
    for (size_t i = 0; i < request.parts; ++i) {
      const int64_t growth = period.growth_ppm.empty() ? kPpm : period.growth_ppm[i];
      const long double value =
          static_cast<long double>(std::max<int64_t>(period.values[i].value_or(0), 0));
      const long double grown = std::floor(value * growth / kPpm + 0.5L);
      total += grown;
      if (i == part) own = grown;
    }
    if (total == 0) continue;
    if (request.gaps == GapRule::kOtherPeriods && !period.values[part]) continue;
    figure += period.mix * (request.rule == MixRule::kShares ? own / total : own);
    mixes += period.mix;
  }
  return mixes == 0 ? 0 : figure / mixes;
}

TEST(MixPeriodsProperty, WeightsAreInTheProportionOfTheMixedFigures) {
  Random random(31);
  for (int n = 0; n < 10'000; ++n) {
    const MixRequest request = RandomRequest(random);
    const MixResult result = MixPeriods(request);
    ASSERT_TRUE(result.ok());
    long double figures = 0;
    long double weights = 0;
    for (size_t i = 0; i < request.parts; ++i) {
      if (result.parts[i].basis == MixBasis::kNewcomer) continue;
      figures += Figure(request, i);
      weights += result.parts[i].weight;
    }
    for (size_t i = 0; i < request.parts; ++i) {
      const MixedPart& part = result.parts[i];
      ASSERT_GE(part.weight, 0);
      if (part.basis == MixBasis::kNewcomer || figures == 0 || weights == 0) continue;
      ASSERT_NEAR(static_cast<double>(part.weight / weights),
                  static_cast<double>(Figure(request, i) / figures), 1e-9)
          << n;
    }
  }
}

TEST(MixPeriodsProperty, EqualHistoriesGetEqualWeightsAndLeadersStayAhead) {
  Random random(32);
  for (int n = 0; n < 10'000; ++n) {
    MixRequest request = RandomRequest(random);
    request.parts += 2;
    for (PastPeriod& period : request.periods) {
      const std::optional<int64_t> first = period.values[0];
      period.values.push_back(first);
      period.values.push_back(first ? std::optional<int64_t>(*first + Between(random, 0, 50))
                                    : std::nullopt);
      if (!period.growth_ppm.empty()) {
        period.growth_ppm.resize(request.parts, period.growth_ppm[0]);
      }
    }
    const std::vector<int64_t> weights = WeightsOf(MixPeriods(request));
    ASSERT_EQ(weights[0], weights[request.parts - 2]);
    ASSERT_LE(weights[0], weights[request.parts - 1]);
  }
}

// What is mixed can be split.
TEST(MixPeriodsProperty, WeightsAreTakenBySplit) {
  Random random(33);
  for (int n = 0; n < 10'000; ++n) {
    const MixResult mixed = MixPeriods(RandomRequest(random));
    SplitRequest request{.parent_value = Between(random, 0, kMax / 2)};
    for (const MixedPart& part : mixed.parts) request.parts.push_back({.weight = part.weight});
    const SplitResult split = Split(request);
    ASSERT_TRUE(split.ok());
    int64_t sum = 0;
    for (const SplitValue& value : split.values) sum += value.value;
    ASSERT_EQ(sum, request.parent_value);
  }
}

}  // namespace
}  // namespace milepost::target
