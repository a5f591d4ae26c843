#include "platform/types/proto.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace milepost {
namespace {

type::v1::Date Date(int year, int month, int day) {
  type::v1::Date date;
  date.set_year(year);
  date.set_month(month);
  date.set_day(day);
  return date;
}

TEST(ProtoTest, OnlyDaysOfTheCalendarPass) {
  status::FieldViolations none;
  EXPECT_EQ(ReadDate(Date(2024, 2, 29), "d", none), absl::CivilDay(2024, 2, 29));
  EXPECT_TRUE(none.empty());
  for (const auto& bad : {Date(2023, 2, 29), Date(2024, 13, 1), Date(2024, 0, 1), Date(2024, 4, 31),
                          Date(1969, 1, 1), Date(2201, 1, 1), Date(0, 0, 0),
                          Date(INT32_MAX, INT32_MAX, INT32_MAX), Date(2024, -1, -1)}) {
    status::FieldViolations violations;
    EXPECT_FALSE(ReadDate(bad, "close_date", violations)) << bad.ShortDebugString();
    ASSERT_EQ(violations.all().size(), 1u);
    EXPECT_EQ(violations.all()[0].field, "close_date");
  }
}

TEST(ProtoTest, ARangeNamesBothBadDays) {
  type::v1::DateRange range;
  *range.mutable_first_date() = Date(2024, 13, 1);
  status::FieldViolations violations;
  EXPECT_FALSE(ReadDateRange(range, "period", violations));
  ASSERT_EQ(violations.all().size(), 2u);
  EXPECT_EQ(violations.all()[0].field, "period.first_date");
  EXPECT_EQ(violations.all()[1].field, "period.last_date");
  *range.mutable_first_date() = Date(2024, 2, 1);
  *range.mutable_last_date() = Date(2024, 1, 1);
  status::FieldViolations reversed;
  EXPECT_FALSE(ReadDateRange(range, "period", reversed));
  EXPECT_EQ(reversed.all().size(), 1u);
}

TEST(ProtoTest, AmountsNameCurrencyAndLimitTogether) {
  type::v1::Money money;
  money.set_currency_code("USD");
  money.set_minor_units(kMaxMinorUnits + 1);
  status::FieldViolations violations;
  EXPECT_FALSE(ReadMoney(money, "CNY", 0, "amount", violations));
  EXPECT_EQ(violations.all().size(), 2u);
  money.set_currency_code("CNY");
  money.set_minor_units(kMaxMinorUnits);
  status::FieldViolations none;
  EXPECT_EQ(ReadMoney(money, "CNY", 1, "amount", none), (Money{"CNY", kMaxMinorUnits}));
}

TEST(ProtoTest, TimesRoundTripToTheMicrosecond) {
  for (const int64_t micros : {int64_t{0}, int64_t{1'709'210'096'123'456}, int64_t{999'999}}) {
    status::FieldViolations violations;
    const absl::Time time = absl::FromUnixMicros(micros);
    EXPECT_EQ(ReadTimestamp(ToProto(time), "t", violations), time);
    EXPECT_TRUE(violations.empty());
  }
  google::protobuf::Timestamp absurd;
  absurd.set_seconds(INT64_MAX);
  status::FieldViolations violations;
  EXPECT_FALSE(ReadTimestamp(absurd, "t", violations));
}

}  // namespace
}  // namespace milepost
