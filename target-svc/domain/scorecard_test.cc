#include "target-svc/domain/scorecard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "platform/status/error.h"
#include "target-svc/domain/split.h"
#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;

__extension__ using Wide = __int128;

// Nothing below 60 % of the target, 60 points there, 100 at the target, 120 from 120 % on.
ScoreCurve SalesCurve() {
  return {.points = {{600'000, 600'000}, {1'000'000, 1'000'000}, {1'200'000, 1'200'000}}};
}

Scorecard Sales() {
  return {
      .kpis = {{.id = "revenue", .name = "销售额", .weight_ppm = 600'000, .curve = SalesCurve()},
               {.id = "complaints",
                .name = "投诉",
                .input = KpiInput::kActual,
                .weight_ppm = 150'000,
                .curve = {.points = {{0, 1'000'000}, {4, 200'000}, {5, 0}}}},
               {.id = "teamwork",
                .name = "协作",
                .input = KpiInput::kRating,
                .weight_ppm = 250'000,
                .curve = {.points = {{1, 200'000}, {5, 1'000'000}}},
                .min_rating = 1,
                .max_rating = 5}},
      .grades = {{"D", 0}, {"C", 600'000}, {"B", 800'000}, {"A", 950'000}}};
}

std::vector<KpiResult> Results() {
  return {{.kpi_id = "teamwork", .rating = 4},
          {.kpi_id = "revenue", .target = 2'000'000, .actual = 1'700'000},
          {.kpi_id = "complaints", .actual = 1}};
}

TEST(ScoreCard, WeighsScoresAndGrades) {
  const absl::StatusOr<ScoredCard> card = ScoreCard(Sales(), Results());
  ASSERT_TRUE(card.ok()) << card.status();
  // 85 % scores 85 points; one complaint 80; a rating of 4 80: 51 + 12 + 20 = 83 points.
  EXPECT_EQ(card->scores[0].x, 850'000);
  EXPECT_EQ(card->scores[0].score_ppm, 850'000);
  EXPECT_EQ(card->scores[0].points_ppm, 510'000);
  EXPECT_EQ(card->scores[1].points_ppm, 120'000);
  EXPECT_EQ(card->scores[2].points_ppm, 200'000);
  EXPECT_EQ(card->total_ppm, 830'000);
  EXPECT_TRUE(card->complete);
  EXPECT_EQ(card->grade, "B");
  std::vector<std::string> lines;
  for (const Step& step : card->scores[0].steps) lines.push_back(Explain(step));
  EXPECT_THAT(lines,
              ElementsAre("attainment = 1700000 (actual) ÷ 2000000 (target) = 85 %",
                          "beyond the point = 85 % (attainment) − 60 % (point) = 25 %",
                          "to the next point = 100 % (next point) − 60 % (point) = 40 %",
                          "rise to the next point = 100 (score there) − 60 (score at the point) = "
                          "40",
                          "risen by = 40 (rise to the next point) × 25 % (beyond the point) ÷ 40 "
                          "% (to the next point) = 25",
                          "score = 60 (score at the point) + 25 (risen by) = 85",
                          "points = 85 (score) × 60 % (weight) = 51"));
}

TEST(ScoreCard, IsIncompleteWithoutAResult) {
  std::vector<KpiResult> results = Results();
  results[0].rating.reset();
  results.pop_back();
  const absl::StatusOr<ScoredCard> card = ScoreCard(Sales(), results);
  ASSERT_TRUE(card.ok()) << card.status();
  EXPECT_EQ(card->total_ppm, 510'000);
  EXPECT_FALSE(card->complete);
  EXPECT_EQ(card->grade, std::nullopt);
  EXPECT_EQ(card->scores[2].score_ppm, std::nullopt);
}

TEST(ScoreAt, ThresholdLineAndCap) {
  const ScoreCurve curve = SalesCurve();
  EXPECT_EQ(ScoreAt(curve, 599'999), 0);
  EXPECT_EQ(ScoreAt(curve, 600'000), 600'000);
  EXPECT_EQ(ScoreAt(curve, 1'100'000), 1'100'000);
  EXPECT_EQ(ScoreAt(curve, 5'000'000), 1'200'000);
  const ScoreCurve falling{.points = {{0, 1'000'000}, {3, 0}}, .score_below_ppm = 1'000'000};
  EXPECT_EQ(ScoreAt(falling, -1), 1'000'000);
  EXPECT_EQ(ScoreAt(falling, 1), 666'667);
  EXPECT_EQ(ScoreAt(falling, 2), 333'333);
  EXPECT_EQ(ScoreAt(falling, 9), 0);
}

TEST(ScoreCard, HoldsTheLargestValues) {
  std::vector<KpiResult> results = Results();
  results[1].target = 1;
  results[1].actual = 9'000'000'000'000'000;
  EXPECT_EQ(ScoreCard(Sales(), results)->scores[0].score_ppm, 1'200'000);
  results[1].actual = -9'000'000'000'000'000;
  results[2].actual = 9'000'000'000'000'000;
  EXPECT_EQ(ScoreCard(Sales(), results)->scores[0].score_ppm, 0);
  EXPECT_EQ(ScoreCard(Sales(), results)->scores[1].score_ppm, 0);
}

TEST(CheckScorecard, ReportsAllViolationsAtOnce) {
  EXPECT_TRUE(CheckScorecard(Sales()).ok());
  Scorecard card = Sales();
  card.kpis[0].id = "";
  card.kpis[0].weight_ppm = 0;
  card.kpis[0].curve.points = {};
  card.kpis[1].id = "teamwork";
  card.kpis[1].curve.points[1] = {0, 2'000'001};
  card.kpis[2].max_rating = 1;
  card.kpis[2].curve.score_below_ppm = -1;
  card.grades = {{"A", 1}, {"A", 1}, {"", 2'000'001}};
  EXPECT_THAT(Fields(CheckScorecard(card)),
              ElementsAre("kpis[0].id", "kpis[0].weight_ppm", "kpis[0].curve.points",
                          "kpis[1].curve.points[1].x", "kpis[1].curve.points[1].score_ppm",
                          "kpis[2].id", "kpis[2].max_rating", "kpis[2].curve.points[1].x",
                          "kpis[2].curve.score_below_ppm", "grades[0].from_ppm", "grades[1].grade",
                          "grades[1].from_ppm", "grades[2].grade", "grades[2].from_ppm"));
  card = Sales();
  card.kpis[0].weight_ppm = 600'001;
  const absl::Status status = CheckScorecard(card);
  ASSERT_THAT(Fields(status), ElementsAre("kpis"));
  EXPECT_EQ(status::ViolationsOf(status)[0].description,
            "weights add up to 1000001 ppm, must be 1000000");
  EXPECT_THAT(Fields(CheckScorecard({})), ElementsAre("kpis", "grades"));
}

TEST(ScoreCard, ReportsAllBadResultsAtOnce) {
  EXPECT_THAT(Fields(ScoreCard(Sales(), {{.kpi_id = "nothing"},
                                         {.kpi_id = "revenue", .actual = 1, .rating = 1},
                                         {.kpi_id = "revenue", .target = 0, .actual = 1},
                                         {.kpi_id = "complaints", .target = 1, .actual = 1},
                                         {.kpi_id = "teamwork", .actual = 1, .rating = 6}})
                         .status()),
              ElementsAre("results[0].kpi_id", "results[1].rating", "results[1].target",
                          "results[2].kpi_id", "results[2].target", "results[3].target",
                          "results[4].actual", "results[4].rating"));
}

Scorecard RandomCard(Random& random) {
  Scorecard card{.grades = {{"C", 0}, {"B", 500'000}, {"A", 900'000}}};
  const int64_t count = Between(random, 1, 5);
  SplitRequest weights{.parent_value = kPpm - count};
  for (int64_t k = 0; k < count; ++k) weights.parts.push_back({.weight = Between(random, 1, 9)});
  const SplitResult split = Split(weights);
  for (int64_t k = 0; k < count; ++k) {
    Kpi kpi{.id = std::string(1, 'a' + k),
            .input = static_cast<KpiInput>(Between(random, 1, 2)),
            .weight_ppm = split.values[k].value + 1};
    int64_t x = Between(random, 0, 900'000);
    int64_t score = 0;
    for (int64_t i = Between(random, 1, 5); i > 0; --i) {
      score = std::min(score + Between(random, 0, 400'000), kMaxScorePpm);
      kpi.curve.points.push_back({x, score});
      x += Between(random, 1, 400'000);
    }
    card.kpis.push_back(kpi);
  }
  return card;
}

TEST(ScorecardProperty, CurvesAreTheRoundedLineAndTotalsTheSum) {
  Random random(41);
  for (int round = 0; round < 10'000; ++round) {
    const Scorecard card = RandomCard(random);
    std::vector<KpiResult> results;
    for (const Kpi& kpi : card.kpis) {
      KpiResult& result = results.emplace_back();
      result.kpi_id = kpi.id;
      result.actual = Between(random, 0, 2'500'000);
      if (kpi.input == KpiInput::kAttainment) result.target = Between(random, 500'000, 1'500'000);
    }
    const absl::StatusOr<ScoredCard> scored = ScoreCard(card, results);
    ASSERT_TRUE(scored.ok()) << scored.status();
    Wide exact = 0;
    int64_t sum = 0;
    for (size_t k = 0; k < card.kpis.size(); ++k) {
      const KpiScore& score = scored->scores[k];
      const std::vector<CurvePoint>& points = card.kpis[k].curve.points;
      sum += score.points_ppm;
      exact += Wide{*score.score_ppm} * score.weight_ppm;
      for (const Step& step : score.steps) ASSERT_EQ(Evaluate(step), step.result);
      // The line through the two points around x, in whole numbers.
      for (size_t i = 0; i + 1 < points.size(); ++i) {
        if (*score.x < points[i].x || *score.x >= points[i + 1].x) continue;
        const Wide width = points[i + 1].x - points[i].x;
        const Wide off =
            (Wide{*score.score_ppm} - points[i].score_ppm) * width -
            Wide{points[i + 1].score_ppm - points[i].score_ppm} * (*score.x - points[i].x);
        ASSERT_TRUE(2 * off <= width && 2 * off > -width);
      }
      ASSERT_TRUE(*score.x >= points[0].x || *score.score_ppm == 0);
      ASSERT_TRUE(*score.x < points.back().x || *score.score_ppm == points.back().score_ppm);
    }
    ASSERT_EQ(sum, scored->total_ppm);
    const Wide off = Wide{sum} * kPpm - exact;
    ASSERT_TRUE(2 * (off < 0 ? -off : off) <= Wide(card.kpis.size()) * kPpm);
  }
}

// More of what a rising curve counts is never worth less.
TEST(ScorecardProperty, RisingCurvesAreMonotone) {
  Random random(42);
  for (int round = 0; round < 10'000; ++round) {
    const ScoreCurve curve = RandomCard(random).kpis[0].curve;
    const int64_t x = Between(random, 0, 2'500'000);
    ASSERT_LE(ScoreAt(curve, x), ScoreAt(curve, x + Between(random, 0, 100'000)));
  }
}

}  // namespace
}  // namespace milepost::target
