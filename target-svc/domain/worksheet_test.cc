#include "target-svc/domain/worksheet.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace milepost::target {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

__extension__ using Wide = __int128;

Step StepOf(Operation operation, std::vector<Quantity> operands, QuantityUnit unit,
            Rounding rounding = Rounding::kExact, int64_t multiple = 1) {
  return {"result", operation, std::move(operands), rounding, multiple, unit};
}

TEST(Evaluate, CountsRatiosAsFractions) {
  EXPECT_EQ(Evaluate(StepOf(Operation::kQuotient, {Count("a", 10), Ratio("r", 950'000)},
                            QuantityUnit::kCount, Rounding::kUp)),
            11);
  EXPECT_EQ(Evaluate(StepOf(Operation::kProduct, {Count("a", 5), Ratio("r", 950'000)},
                            QuantityUnit::kCount, Rounding::kDown)),
            4);
  EXPECT_EQ(Evaluate(StepOf(Operation::kQuotient, {Count("a", 2), Count("b", 3)},
                            QuantityUnit::kPpm, Rounding::kHalfUp)),
            666'667);
  EXPECT_EQ(Evaluate(StepOf(Operation::kProduct, {Ratio("a", 500'000), Ratio("b", 500'000)},
                            QuantityUnit::kPpm)),
            250'000);
  EXPECT_EQ(Evaluate(StepOf(Operation::kProportion, {Count("a", 7), Count("b", 3), Count("c", 2)},
                            QuantityUnit::kCount, Rounding::kUp)),
            11);
}

TEST(Evaluate, AddsAndCompares) {
  const std::vector<Quantity> operands = {Count("a", 7), Count("b", -3), Count("c", 5)};
  EXPECT_EQ(Evaluate(StepOf(Operation::kSum, operands, QuantityUnit::kCount)), 9);
  EXPECT_EQ(Evaluate(StepOf(Operation::kDifference, operands, QuantityUnit::kCount)), 5);
  EXPECT_EQ(Evaluate(StepOf(Operation::kMinimum, operands, QuantityUnit::kCount)), -3);
  EXPECT_EQ(Evaluate(StepOf(Operation::kMaximum, operands, QuantityUnit::kCount)), 7);
}

TEST(Evaluate, RoundsEitherSideOfZero) {
  const auto halves = [](int64_t a, Rounding rounding) {
    return Evaluate(StepOf(Operation::kQuotient, {Count("a", a), Count("b", 2)},
                           QuantityUnit::kCount, rounding));
  };
  EXPECT_EQ(halves(5, Rounding::kDown), 2);
  EXPECT_EQ(halves(5, Rounding::kUp), 3);
  EXPECT_EQ(halves(5, Rounding::kHalfUp), 3);
  EXPECT_EQ(halves(-5, Rounding::kDown), -3);
  EXPECT_EQ(halves(-5, Rounding::kUp), -2);
  EXPECT_EQ(halves(-5, Rounding::kHalfUp), -3);
  EXPECT_EQ(halves(5, Rounding::kExact), std::nullopt);
  EXPECT_EQ(halves(4, Rounding::kExact), 2);
  EXPECT_EQ(Evaluate(StepOf(Operation::kSum, {Amount("a", 149)}, QuantityUnit::kMoney,
                            Rounding::kHalfUp, 100)),
            100);
}

TEST(Evaluate, RefusesWhatDoesNotFit) {
  EXPECT_EQ(
      Evaluate(StepOf(Operation::kSum, {Count("a", kMax), Count("b", 1)}, QuantityUnit::kCount)),
      std::nullopt);
  EXPECT_EQ(Evaluate(StepOf(Operation::kProduct, {Count("a", kMax), Count("b", 2)},
                            QuantityUnit::kCount)),
            std::nullopt);
  EXPECT_EQ(
      Evaluate(StepOf(Operation::kProduct, {Count("a", kMin), Count("b", kMin), Count("c", kMin)},
                      QuantityUnit::kCount)),
      std::nullopt);
  EXPECT_EQ(
      Evaluate(StepOf(Operation::kQuotient, {Count("a", 1), Count("b", 0)}, QuantityUnit::kCount)),
      std::nullopt);
  EXPECT_EQ(Evaluate(StepOf(Operation::kSum, {}, QuantityUnit::kCount)), std::nullopt);
  EXPECT_EQ(Evaluate(StepOf(Operation::kProportion, {Count("a", 1)}, QuantityUnit::kCount)),
            std::nullopt);
  EXPECT_EQ(
      Evaluate(StepOf(Operation::kSum, {Count("a", 1)}, QuantityUnit::kCount, Rounding::kUp, 0)),
      std::nullopt);
}

TEST(ExactText, IsTheValueBeforeRounding) {
  EXPECT_EQ(ExactText(StepOf(Operation::kQuotient, {Count("a", -1), Count("b", 8)},
                             QuantityUnit::kCount, Rounding::kUp)),
            "-0.125");
  EXPECT_EQ(ExactText(StepOf(Operation::kQuotient, {Count("a", kMax), Count("b", kMax - 1)},
                             QuantityUnit::kCount, Rounding::kUp)),
            "1.000000…");
  EXPECT_EQ(
      ExactText(StepOf(Operation::kQuotient, {Count("a", 1), Count("b", 0)}, QuantityUnit::kCount)),
      "");
}

TEST(Worksheet, ChainsStepsAndTellsThem) {
  Worksheet sheet;
  const Quantity open = sheet.Do("orders that deliver", Operation::kProduct,
                                 {Count("open orders", 5), Ratio("order to delivery", 950'000)},
                                 QuantityUnit::kCount, Rounding::kDown);
  const Quantity left = sheet.Do("deliveries to win", Operation::kDifference,
                                 {Count("target", 10), open}, QuantityUnit::kCount);
  const Quantity orders =
      sheet.Do("orders", Operation::kQuotient, {left, Ratio("order to delivery", 950'000)},
               QuantityUnit::kCount, Rounding::kUp);
  EXPECT_EQ(orders.value, 7);
  EXPECT_EQ(orders.step, 2u);
  ASSERT_EQ(sheet.steps().size(), 3u);
  EXPECT_EQ(sheet.steps()[1].operands[1].step, 0u);
  EXPECT_EQ(Explain(sheet.steps()[0]),
            "orders that deliver = 5 (open orders) × 95 % (order to delivery) = 4.75, rounded "
            "down: 4");
  EXPECT_EQ(Explain(sheet.steps()[1]),
            "deliveries to win = 10 (target) − 4 (orders that deliver) = 6");
  EXPECT_EQ(Explain(sheet.steps()[2]),
            "orders = 6 (deliveries to win) ÷ 95 % (order to delivery) = 6.315789…, rounded up: "
            "7");
}

TEST(Worksheet, FailsForGoodAndSaysWhere) {
  Worksheet sheet;
  sheet.Do("fine", Operation::kSum, {Count("a", 1)}, QuantityUnit::kCount);
  EXPECT_EQ(sheet.failed(), std::nullopt);
  EXPECT_EQ(sheet
                .Do("too large", Operation::kSum, {Count("a", kMax), Count("b", kMax)},
                    QuantityUnit::kCount)
                .value,
            0);
  sheet.Do("after", Operation::kSum, {Count("a", 1)}, QuantityUnit::kCount);
  EXPECT_EQ(sheet.failed(), "too large");
  EXPECT_EQ(sheet.steps().size(), 1u);
}

// Against plain 128-bit arithmetic of numbers small enough for it.
TEST(EvaluateProperty, IsTheRoundedQuotient) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int64_t> any(-1'000'000'000'000, 1'000'000'000'000);
  std::uniform_int_distribution<int64_t> multiples(1, 1'000);
  for (int round = 0; round < 20'000; ++round) {
    const int64_t a = any(random);
    const int64_t b = any(random) | 1;
    const int64_t m = multiples(random);
    Wide n = Wide{a} * 1'000'000;
    Wide d = Wide{b} * m;
    if (d < 0) {
      n = -n;
      d = -d;
    }
    const Wide floor = n >= 0 ? n / d : -((-n + d - 1) / d);
    const auto evaluate = [&](Rounding rounding) {
      return *Evaluate(StepOf(Operation::kQuotient, {Count("a", a), Count("b", b)},
                              QuantityUnit::kPpm, rounding, m));
    };
    ASSERT_TRUE(evaluate(Rounding::kDown) == floor * m);
    ASSERT_TRUE(evaluate(Rounding::kUp) == (floor * d == n ? floor : floor + 1) * m);
    const Wide near = evaluate(Rounding::kHalfUp) / m;
    const Wide off = near * d - n;
    ASSERT_TRUE(2 * (off < 0 ? -off : off) <= d);
    ASSERT_TRUE(2 * off != d || n > 0);
    ASSERT_TRUE(2 * off != -d || n < 0);
  }
}

}  // namespace
}  // namespace milepost::target
