#include "cli/text.h"

#include <limits>

#include "gtest/gtest.h"

namespace milepost::cli {
namespace {

TEST(TextTest, AmountsAreShownInTenThousandsUnderAChineseLocale) {
  EXPECT_EQ(FormatMoney(1'234'567, false), "12,345.67");
  EXPECT_EQ(FormatMoney(-5, false), "-0.05");
  EXPECT_EQ(FormatMoney(1'200'000'000, true), "1,200.00万元");
  EXPECT_EQ(FormatMoney(999'999, true), "9,999.99元");
  EXPECT_EQ(FormatMoney(1'000'000, true), "1.00万元");
  EXPECT_EQ(FormatMoney(1'234'567, true), "1.23万元");
  EXPECT_EQ(PlainMoney(std::numeric_limits<int64_t>::min()), "-92233720368547758.08");
}

TEST(TextTest, AmountsAreReadAsPeopleTypeThem) {
  EXPECT_EQ(ParseMoney("12,000,000"), 1'200'000'000);
  EXPECT_EQ(ParseMoney("12.5"), 1'250);
  EXPECT_EQ(ParseMoney("1200万"), 1'200'000'000);
  EXPECT_EQ(ParseMoney("1.23万元"), 1'230'000);
  EXPECT_EQ(ParseMoney("8元"), 800);
  EXPECT_EQ(ParseMoney("-3.10"), -310);
  for (const char* bad : {"", "x", "1.234", "1e5", ".", "1.", "99999999999999999999", "--1"}) {
    EXPECT_EQ(ParseMoney(bad), std::nullopt) << bad;
  }
}

TEST(TextTest, PeriodsAreReadAsPeopleTypeThem) {
  const auto expect = [](const char* text, absl::CivilDay first, absl::CivilDay last) {
    const auto days = ParseDays(text);
    ASSERT_TRUE(days) << text;
    EXPECT_EQ(days->first, first) << text;
    EXPECT_EQ(days->last, last) << text;
  };
  expect("2018", absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 12, 31));
  expect("2018Q1", absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 3, 31));
  expect("2024-02", absl::CivilDay(2024, 2, 1), absl::CivilDay(2024, 2, 29));
  expect("2018-03-05", absl::CivilDay(2018, 3, 5), absl::CivilDay(2018, 3, 5));
  expect("2018Q1..2018Q2", absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 6, 30));
  for (const char* bad : {"", "18", "2018Q5", "2018-13", "2018-02-30", "2018-01-01.."})
    EXPECT_FALSE(ParseDays(bad)) << bad;
}

TEST(TextTest, ChineseCharactersTakeTwoColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("华东大区"), 8u);
  EXPECT_EQ(DisplayWidth("é"), 1u);
}

TEST(TextTest, RatiosRound) {
  EXPECT_EQ(FormatPpm(637'187), "63.72 %");
  EXPECT_EQ(FormatPpm(-4), "0.00 %");
  EXPECT_EQ(FormatHundredths(5'178), "51.78");
}

}  // namespace
}  // namespace milepost::cli
