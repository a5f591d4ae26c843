#include "target-svc/domain/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

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

TEST(CalendarWeights, WeighEachPartByItsDays) {
  CalendarDefinition definition;
  definition.special_days = {{.day = CivilDay(2026, 1, 1)}};
  const WorkingCalendar calendar(definition);
  const Weights weights = CalendarWeights(calendar, {{CivilDay(2026, 1, 1), CivilDay(2026, 1, 31)},
                                                     {CivilDay(2026, 2, 1), CivilDay(2026, 2, 28)},
                                                     {CivilDay(2026, 1, 3), CivilDay(2026, 1, 4)}});
  EXPECT_THAT(weights.weights, ElementsAre(21'000'000, 20'000'000, 0));
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
