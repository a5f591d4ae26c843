#include "reporting-svc/domain/progress.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/types/money.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;

const std::map<std::string, WorkingCalendar> kNoCalendars;

PlanNode NewNode(const std::string& id, const std::string& parent, bool by_period, Days period,
                 int64_t target, int position = 0) {
  PlanNode node;
  node.id = id;
  node.parent = parent;
  node.breakdown = by_period ? "period" : "by-unit";
  node.by_period = by_period;
  node.period = period;
  node.target = target;
  node.position = position;
  node.calendar = "default";
  return node;
}

// Two weeks with targets of their own under a plan.
PlanTree TwoWeeks(int64_t first, int64_t second) {
  const Days both{CivilDay(2026, 3, 2), CivilDay(2026, 3, 15)};
  return PlanTree(
      {NewNode("root", "", false, both, first + second),
       NewNode("w1", "root", true, {CivilDay(2026, 3, 2), CivilDay(2026, 3, 8)}, first, 0),
       NewNode("w2", "root", true, {CivilDay(2026, 3, 9), CivilDay(2026, 3, 15)}, second, 1)});
}

struct CumulativeCase {
  std::string name;
  int64_t targets[2];
  int64_t actuals[2];
  int64_t attainment_ppm;
};

class CumulativeAttainment : public ::testing::TestWithParam<CumulativeCase> {};

TEST_P(CumulativeAttainment, AfterTheSecondWeek) {
  const CumulativeCase& c = GetParam();
  const int64_t target =
      TwoWeeks(c.targets[0], c.targets[1]).TargetsThrough(CivilDay(2026, 3, 15), kNoCalendars)[0];
  EXPECT_EQ(target, c.targets[0] + c.targets[1]);
  EXPECT_EQ(RatioPpm(c.actuals[0] + c.actuals[1], target), c.attainment_ppm);
}

INSTANTIATE_TEST_SUITE_P(
    WorkedExample5, CumulativeAttainment,
    ::testing::Values(CumulativeCase{"Revenue", {130, 110}, {120, 100}, 916'667},
                      CumulativeCase{"Visits", {40, 40}, {25, 20}, 562'500},
                      CumulativeCase{"Orders", {3, 2}, {3, 3}, 1'200'000}),
    [](const auto& info) { return info.param.name; });

TEST(TargetsThroughTest, FollowsTheWeeksAndInsideOneItsWorkingDays) {
  const PlanTree tree = TwoWeeks(130, 110);
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 3, 1), kNoCalendars)[0], 0);
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 3, 4), kNoCalendars)[0], 78);  // 130 × 3 of 5 days.
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 3, 8), kNoCalendars)[0], 130);
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 3, 9), kNoCalendars)[0], 152);  // And 110 × 1 of 5.
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2027, 1, 1), kNoCalendars)[0], 240);
}

TEST(TargetsThroughTest, UnitsFollowTheMonthsOfTheirMembers) {
  const Days period{CivilDay(2026, 1, 1), CivilDay(2026, 2, 28)};
  const Days january{CivilDay(2026, 1, 1), CivilDay(2026, 1, 31)};
  const Days february{CivilDay(2026, 2, 1), CivilDay(2026, 2, 28)};
  const PlanTree tree(
      {NewNode("root", "", false, period, 1000), NewNode("a", "root", false, period, 600, 0),
       NewNode("b", "root", false, period, 400, 1), NewNode("a1", "a", true, january, 500, 0),
       NewNode("a2", "a", true, february, 100, 1), NewNode("b1", "b", true, january, 100, 0),
       NewNode("b2", "b", true, february, 300, 1)});
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 1, 31), kNoCalendars)[0], 600);
  EXPECT_THAT(tree.Subtree(0, 1), ::testing::ElementsAre(0, 1, 4));
  EXPECT_EQ(tree.nodes()[1].id, "a");
  EXPECT_EQ(tree.nodes()[4].id, "b");
}

TEST(TargetsThroughTest, AStretchedBreakdownIsScaledToItsNode) {
  const Days period{CivilDay(2026, 1, 1), CivilDay(2026, 2, 28)};
  const PlanTree tree(
      {NewNode("root", "", false, period, 1000),
       NewNode("a1", "root", true, {CivilDay(2026, 1, 1), CivilDay(2026, 1, 31)}, 550, 0),
       NewNode("a2", "root", true, {CivilDay(2026, 2, 1), CivilDay(2026, 2, 28)}, 550, 1)});
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 1, 31), kNoCalendars)[0], 500);
}

TEST(TargetsThroughTest, HolidaysAndMakeUpDaysCountAsTheCalendarSays) {
  // National day week: 1 to 7 October off, Saturday the 10th worked.
  WorkingCalendar calendar;
  for (int day = 1; day <= 7; ++day) calendar.special_days[CivilDay(2026, 10, day)] = 0;
  calendar.special_days[CivilDay(2026, 10, 10)] = 1;
  PlanNode root = NewNode("root", "", false, {CivilDay(2026, 10, 1), CivilDay(2026, 10, 11)}, 300);
  root.calendar = "china";
  const PlanTree tree({root});
  const std::map<std::string, WorkingCalendar> calendars = {{"china", calendar}};
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 10, 7), calendars)[0], 0);
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 10, 8), calendars)[0], 100);
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 10, 9), calendars)[0], 200);
  EXPECT_EQ(tree.TargetsThrough(CivilDay(2026, 10, 10), calendars)[0], 300);
}

TEST(TargetsThroughProperty, NeverFallsAndEndsAtTheTarget) {
  std::mt19937 random(12);
  for (int round = 0; round < 300; ++round) {
    std::vector<PlanNode> nodes;
    const Days year{CivilDay(2026, 1, 1), CivilDay(2026, 12, 31)};
    nodes.push_back(NewNode("root", "", false, year, static_cast<int64_t>(random() % 1'000'000)));
    const std::vector<Days> months = Cut(year, Granularity::kMonth);
    for (int unit = 0; unit < 3; ++unit) {
      const std::string id = absl::StrCat("u", unit);
      nodes.push_back(
          NewNode(id, "root", false, year, static_cast<int64_t>(random() % 400'000), unit));
      if (random() % 3 == 0) continue;
      for (int month = 0; month < 12; ++month) {
        nodes.push_back(NewNode(absl::StrCat(id, "-", month), id, true, months[month],
                                static_cast<int64_t>(random() % 50'000), month));
      }
    }
    const PlanTree tree(nodes);
    std::vector<int64_t> before(tree.nodes().size(), 0);
    for (CivilDay day = year.first - 1; day <= year.last + 1; ++day) {
      const std::vector<int64_t> through = tree.TargetsThrough(day, kNoCalendars);
      for (size_t i = 0; i < through.size(); ++i) {
        ASSERT_GE(through[i], before[i])
            << tree.nodes()[i].id << " on " << absl::FormatCivilTime(day);
        if (day >= year.last) {
          ASSERT_EQ(through[i], tree.nodes()[i].target);
        }
      }
      before = through;
    }
  }
}

// March 2026 from Monday the 2nd: 20 working days.
const Days kFourWeeks{CivilDay(2026, 3, 2), CivilDay(2026, 3, 29)};

Progress At(CivilDay day, int64_t target, int64_t actual) {
  const WorkingCalendar calendar;
  return ProgressOf(target, actual, day, DayWeights(calendar, kFourWeeks), calendar.UsualWeight());
}

TEST(ProgressTest, HalfTheTimeGoneAndTwoFifthsAchieved) {
  const Progress progress = At(CivilDay(2026, 3, 13), 1000, 400);
  EXPECT_EQ(progress.attainment_ppm, 400'000);
  EXPECT_EQ(progress.time_gone_ppm, 500'000);
  EXPECT_EQ(progress.pace_ppm, 800'000);
  EXPECT_EQ(progress.gap, 600);
  EXPECT_EQ(progress.remaining_days_hundredths, 1000);
  EXPECT_EQ(progress.required_per_day, 60);
  EXPECT_EQ(progress.projected_landing, 800);
  EXPECT_EQ(progress.status, ProgressStatus::kAtRisk);
}

TEST(ProgressTest, RequiredPerDayIsRoundedUp) {
  EXPECT_EQ(At(CivilDay(2026, 3, 20), 100, 84).required_per_day, 4);
}

TEST(ProgressTest, NothingToDivideByIsUnset) {
  const Progress before = At(CivilDay(2026, 3, 1), 1000, 0);
  EXPECT_EQ(before.status, ProgressStatus::kNotStarted);
  EXPECT_FALSE(before.pace_ppm);
  EXPECT_FALSE(before.projected_landing);
  const Progress nothing = At(CivilDay(2026, 3, 13), 0, 0);
  EXPECT_FALSE(nothing.attainment_ppm);
  EXPECT_FALSE(nothing.pace_ppm);
  EXPECT_EQ(nothing.status, ProgressStatus::kAchieved);
  const Progress over = At(CivilDay(2026, 3, 30), 1000, 999);
  EXPECT_FALSE(over.required_per_day);
  EXPECT_EQ(over.status, ProgressStatus::kMissed);
}

struct StatusCase {
  std::string name;
  int64_t actual;
  ProgressStatus status;
};

class StatusByPace : public ::testing::TestWithParam<StatusCase> {};

TEST_P(StatusByPace, AtHalfTime) {
  EXPECT_EQ(At(CivilDay(2026, 3, 15), 2000, GetParam().actual).status, GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(
    Edges, StatusByPace,
    ::testing::Values(StatusCase{"Met", 2000, ProgressStatus::kAchieved},
                      StatusCase{"FiveAhead", 1050, ProgressStatus::kAhead},
                      StatusCase{"JustUnderFiveAhead", 1049, ProgressStatus::kOnTrack},
                      StatusCase{"FiveBehind", 950, ProgressStatus::kOnTrack},
                      StatusCase{"JustOverFiveBehind", 949, ProgressStatus::kAtRisk},
                      StatusCase{"FifthBehind", 800, ProgressStatus::kAtRisk},
                      StatusCase{"MoreBehind", 799, ProgressStatus::kBehind}),
    [](const auto& info) { return info.param.name; });

TEST(ProgressTest, LargestAmountsDoNotOverflow) {
  const Progress progress = At(CivilDay(2026, 3, 13), kMaxMinorUnits, kMaxMinorUnits - 1);
  EXPECT_EQ(progress.pace_ppm, 2'000'000);
  EXPECT_EQ(progress.projected_landing, 2 * (kMaxMinorUnits - 1));
}

}  // namespace
}  // namespace milepost::reporting
