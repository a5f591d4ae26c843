#include "target-svc/domain/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

Unit MakeUnit(const std::string& id, const std::string& parent) {
  Unit unit;
  unit.id = id;
  unit.start_day = absl::CivilDay(2015, 1, 1);
  unit.placements.push_back({parent, unit.start_day});
  return unit;
}

Member MakeMember(const std::string& id, const std::string& unit, absl::CivilDay start) {
  Member member;
  member.id = id;
  member.start_day = start;
  member.placements.push_back({unit, start, ""});
  return member;
}

// Monday to Friday. March 2018 has 22 working days, April 21, May 23.
class CapacityTest : public ::testing::Test {
 protected:
  int64_t Days(const CapacityScope& scope, const std::vector<int64_t>& ramp = {}) const {
    return CapacityPpmDays(members_, tree_, calendar_, ramp, scope);
  }

  static constexpr int64_t kDay = kPpm;
  const DayRange spring_{absl::CivilDay(2018, 3, 1), absl::CivilDay(2018, 5, 31)};
  const UnitTree tree_{{MakeUnit("company", ""), MakeUnit("west", "company"),
                        MakeUnit("shop", "west"), MakeUnit("east", "company")}};
  const WorkingCalendar calendar_{CalendarDefinition()};
  std::vector<Member> members_{MakeMember("anna", "west", absl::CivilDay(2016, 1, 1))};
};

TEST_F(CapacityTest, CountsWorkingDaysOfThoseInTheUnitAndBelow) {
  members_.push_back(MakeMember("bert", "shop", absl::CivilDay(2016, 1, 1)));
  EXPECT_EQ(Days({"", "", spring_}), 132 * kDay);
  EXPECT_EQ(Days({"west", "", spring_}), 132 * kDay);
  EXPECT_EQ(Days({"shop", "", spring_}), 66 * kDay);
  EXPECT_EQ(Days({"east", "", spring_}), 0);
  EXPECT_EQ(Days({"west", "anna", spring_}), 66 * kDay);
  EXPECT_EQ(Days({"", "nobody", spring_}), 0);
}

TEST_F(CapacityTest, ANewMemberRampsUpByCalendarMonth) {
  // 2 April is a Monday; a quarter of April, half of May.
  members_ = {MakeMember("nina", "west", absl::CivilDay(2018, 4, 2))};
  EXPECT_EQ(Days({"west", "", spring_}, {250'000, 500'000}), 21 * 250'000 + 23 * 500'000);
  EXPECT_EQ(Days({"west", "", spring_}, {500'000}), 21 * 500'000 + 23 * kDay);
  EXPECT_EQ(Days({"west", "", spring_}), 44 * kDay);
}

TEST_F(CapacityTest, WhoMovesOrLeavesCountsWhereAndWhileThere) {
  members_[0].placements.push_back({"east", absl::CivilDay(2018, 5, 1), ""});
  EXPECT_EQ(Days({"west", "", spring_}), 43 * kDay);
  EXPECT_EQ(Days({"east", "", spring_}), 23 * kDay);
  members_[0].end_day = absl::CivilDay(2018, 5, 4);
  EXPECT_EQ(Days({"east", "", spring_}), 4 * kDay);
  EXPECT_EQ(Days({"company", "", spring_}), 47 * kDay);
}

}  // namespace
}  // namespace milepost::target
