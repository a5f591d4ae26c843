#include "target-svc/domain/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = WeightViolationKind;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::vector<Kind> Kinds(const Weights& weights) {
  std::vector<Kind> kinds;
  for (const WeightViolation& violation : weights.violations) kinds.push_back(violation.kind);
  return kinds;
}

TEST(EvenWeights, AreAllOne) { EXPECT_THAT(EvenWeights(3).weights, ElementsAre(1, 1, 1)); }

TEST(TypedWeights, StayAsTyped) {
  EXPECT_THAT(TypedWeights({150, 0, 300}).weights, ElementsAre(150, 0, 300));
}

TEST(TypedWeights, NameEveryViolation) {
  EXPECT_THAT(Kinds(TypedWeights({-1, 0, -2})),
              ElementsAre(Kind::kNegativeWeight, Kind::kNegativeWeight, Kind::kNoWeight));
  EXPECT_EQ(TypedWeights({-1, 5, -2}).violations[1].field, "weights[2]");
  EXPECT_THAT(Kinds(TypedWeights({kMax, 1})), ElementsAre(Kind::kWeightsTooLarge));
  EXPECT_THAT(Kinds(TypedWeights({})), ElementsAre(Kind::kNoWeight));
}

TEST(HistoryWeights, OfOneReferenceAreItsValues) {
  const Weights weights =
      HistoryWeights({{.values = {1'134'672, 3'086'111, 2'982'255, 2'802'496}}}, 4);
  EXPECT_THAT(weights.weights, ElementsAre(1'134'672, 3'086'111, 2'982'255, 2'802'496));
  EXPECT_THAT(weights.notes, IsEmpty());
  EXPECT_THAT(HistoryWeights({{.values = {kMax}}}, 1).weights, ElementsAre(kMax));
}

// 70 % of last year's shares (1/4, 3/4) and 30 % of those of the year before (1/2, 1/2).
TEST(HistoryWeights, MixReferencesByShareAndNotBySize) {
  const Weights weights = HistoryWeights({{700'000, {100, 300}}, {300'000, {9'000, 9'000}}}, 2);
  ASSERT_TRUE(weights.ok());
  EXPECT_THAT(weights.weights, ElementsAre(325'000'000'000'000'000, 675'000'000'000'000'000));
}

TEST(HistoryWeights, EqualHistoryGivesEqualWeights) {
  const Weights weights = HistoryWeights({{500'000, {7, 7, 7}}, {500'000, {1, 1, 9}}}, 3);
  EXPECT_EQ(weights.weights[0], weights.weights[1]);
  EXPECT_LT(weights.weights[1], weights.weights[2]);
}

TEST(HistoryWeights, CountNegativeHistoryAsNothingAndSaySo) {
  const Weights weights = HistoryWeights({{.values = {-50, 100}}}, 2);
  EXPECT_THAT(weights.weights, ElementsAre(0, 100));
  EXPECT_THAT(weights.notes, ElementsAre(WeightNote{WeightNoteKind::kNegativeHistory, 0, 0}));
}

TEST(HistoryWeights, LeaveOutAnEmptyReference) {
  const Weights weights = HistoryWeights({{600'000, {0, 0}}, {400'000, {1, 3}}}, 2);
  EXPECT_THAT(weights.weights, ElementsAre(1, 3));
  EXPECT_THAT(weights.notes,
              ElementsAre(WeightNote{WeightNoteKind::kEmptyReference, 0, std::nullopt}));
}

TEST(HistoryWeights, WithoutAnyHistoryWeighNothingAndSplitEvenly) {
  const Weights weights = HistoryWeights({{.values = {0, 0}}}, 2);
  ASSERT_TRUE(weights.ok());
  EXPECT_THAT(weights.weights, ElementsAre(0, 0));
  EXPECT_EQ(weights.notes.back().kind, WeightNoteKind::kNoHistory);
}

TEST(HistoryWeights, NameEveryViolation) {
  EXPECT_THAT(Kinds(HistoryWeights({}, 1)), ElementsAre(Kind::kNoReference));
  EXPECT_THAT(Kinds(HistoryWeights(std::vector<Reference>(kMaxReferences + 1), 0)),
              ElementsAre(Kind::kTooManyReferences));
  EXPECT_THAT(Kinds(HistoryWeights({{0, {1}}, {1'000'001, {kMax, 1}}}, 2)),
              ElementsAre(Kind::kMixOutOfRange, Kind::kReferenceSize, Kind::kMixOutOfRange,
                          Kind::kReferenceTooLarge));
  const Weights sum = HistoryWeights({{400'000, {1}}, {500'000, {1}}}, 1);
  ASSERT_THAT(Kinds(sum), ElementsAre(Kind::kMixSum));
  EXPECT_EQ(sum.violations[0].message, "mixing ratios add up to 900000 ppm, must be 1000000");
}

TEST(HistoryWeights, AlwaysMakeASplitThatAddsUp) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 5'000; ++i) {
    const size_t parts = 1 + random() % 8;
    const size_t count = 1 + random() % 4;
    std::vector<Reference> references;
    int64_t mix_left = 1'000'000;
    for (size_t r = 0; r < count; ++r) {
      Reference reference;
      reference.mix_ppm = r + 1 == count ? mix_left : mix_left / 2;
      mix_left -= reference.mix_ppm;
      const uint64_t largest = i % 2 == 0 ? 20 : uint64_t{kMax} / 8;
      for (size_t p = 0; p < parts; ++p) {
        reference.values.push_back(static_cast<int64_t>(random() % largest) - (i % 2 == 0 ? 3 : 0));
      }
      references.push_back(reference);
    }
    const Weights weights = HistoryWeights(references, parts);
    ASSERT_TRUE(weights.ok());
    SplitRequest request{.parent_value = static_cast<int64_t>(random() >> 1)};
    for (int64_t weight : weights.weights) request.parts.push_back({.weight = weight});
    const SplitResult result = Split(request);
    ASSERT_TRUE(result.ok());
    int64_t sum = 0;
    for (const SplitValue& value : result.values) sum += value.value;
    ASSERT_EQ(sum, request.parent_value);
  }
}

TEST(CalendarWeights, WeighEachPartByItsDays) {
  CalendarDefinition definition;
  definition.special_days = {{.day = CivilDay(2026, 1, 1)}};
  const WorkingCalendar calendar(definition);
  const Weights weights = CalendarWeights(calendar, {{CivilDay(2026, 1, 1), CivilDay(2026, 1, 31)},
                                                     {CivilDay(2026, 2, 1), CivilDay(2026, 2, 28)},
                                                     {CivilDay(2026, 1, 3), CivilDay(2026, 1, 4)}});
  EXPECT_THAT(weights.weights, ElementsAre(21'000'000, 20'000'000, 0));
  EXPECT_THAT(weights.notes,
              ElementsAre(WeightNote{WeightNoteKind::kNoWorkingDay, std::nullopt, 2}));
}

TEST(CalendarWeights, RefuseAbsurdRanges) {
  const WorkingCalendar calendar{CalendarDefinition{}};
  const Weights weights = CalendarWeights(calendar, {{CivilDay(2026, 1, 2), CivilDay(2026, 1, 1)},
                                                     {CivilDay(1, 1, 1), CivilDay(2026, 1, 1)},
                                                     {CivilDay(2026, 1, 1), CivilDay(9999, 1, 1)},
                                                     {CivilDay(2026, 1, 1), CivilDay(2026, 1, 2)}});
  EXPECT_THAT(Kinds(weights),
              ElementsAre(Kind::kRangeOutOfRange, Kind::kRangeOutOfRange, Kind::kRangeOutOfRange));
  EXPECT_THAT(weights.weights, IsEmpty());
}

}  // namespace
}  // namespace milepost::target
