#include "platform/types/money.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace milepost {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(MoneyTest, SumsAndProductsRefuseToOverflow) {
  EXPECT_EQ(CheckedAdd(kMax, 0), kMax);
  EXPECT_EQ(CheckedAdd(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMin, -1), std::nullopt);
  EXPECT_EQ(CheckedMultiply(3'037'000'500, 3'037'000'500), std::nullopt);
  EXPECT_EQ(CheckedMultiply(-4, 5), -20);
}

TEST(MoneyTest, RatiosRoundHalfAwayFromZero) {
  EXPECT_EQ(ScaleByPpm(1, 500'000), 1);
  EXPECT_EQ(ScaleByPpm(-1, 500'000), -1);
  EXPECT_EQ(ScaleByPpm(kMax, 1'000'000), kMax);
  EXPECT_EQ(ScaleByPpm(kMax, 1'000'001), std::nullopt);
  EXPECT_EQ(RatioPpm(220, 240), 916'667);
  EXPECT_EQ(RatioPpm(-1, 3), -333'333);
  EXPECT_EQ(RatioPpm(1, 0), std::nullopt);
  EXPECT_EQ(RatioPpm(kMax, 1), std::nullopt);
}

TEST(MoneyTest, CurrencyCodesAreThreeCapitals) {
  EXPECT_TRUE(IsCurrencyCode("CNY"));
  for (const char* bad : {"", "cny", "CN", "CNYX", "C1Y"}) EXPECT_FALSE(IsCurrencyCode(bad)) << bad;
}

}  // namespace
}  // namespace milepost
