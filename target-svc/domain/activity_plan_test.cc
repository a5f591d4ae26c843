#include "target-svc/domain/activity_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kDay = kOrdinaryDayWeightPpm;

// 480 visits, 1,500 calls and 150 proposals came with 60 orders.
ActivityRequest Team() {
  return {
      .activities = {"visits", "calls", "proposals"},
      .team_ratios = {{480, 60}, {1'500, 60}, {150, 60}},
      .min_results = 5,
      .members = {
          {.id = "zhang", .target = 7, .day_weights_ppm = {kDay, kDay, kDay, kDay, kDay, 0, 0}}}};
}

TEST(PlanActivities, TurnsOrdersIntoVisitsADay) {
  const absl::StatusOr<ActivityPlan> plan = PlanActivities(Team());
  ASSERT_TRUE(plan.ok()) << plan.status();
  const ActivityMemberPlan& member = plan->members[0];
  EXPECT_EQ(member.working_days, 5);
  // 7 × 480 ÷ 60 = 56; 7 × 25 = 175; 7 × 2.5 = 17.5.
  EXPECT_EQ(member.needs[0].needed, 56);
  EXPECT_EQ(member.needs[0].per_day, 12);
  EXPECT_THAT(member.needs[0].by_day, ElementsAre(12, 11, 11, 11, 11, 0, 0));
  EXPECT_EQ(member.needs[1].needed, 175);
  EXPECT_EQ(member.needs[2].needed, 18);
  EXPECT_THAT(member.needs[2].by_day, ElementsAre(4, 4, 4, 3, 3, 0, 0));
  EXPECT_EQ(Explain(member.needs[2].steps[0]),
            "proposals needed = 7 (target) × 150 (team's proposals measured) ÷ 60 (team's results "
            "measured) = 17.5, rounded up: 18");
  EXPECT_EQ(Explain(member.needs[2].steps[1]),
            "proposals a day = 18 (proposals needed) ÷ 5 (working days) = 3.6, rounded up: 4");
}

TEST(PlanActivities, TakesTheMembersOwnRatiosWhereTheyRestOnEnough) {
  ActivityRequest request = Team();
  request.members[0].achieved = 3;
  request.members[0].ratios = {{50, 10}, {100, 4}, {0, 10}};
  const absl::StatusOr<ActivityPlan> plan = PlanActivities(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const std::vector<ActivityNeed>& needs = plan->members[0].needs;
  EXPECT_TRUE(needs[0].own_ratio);
  EXPECT_EQ(needs[0].needed, 20);  // 4 still wanted × 5.
  EXPECT_FALSE(needs[1].own_ratio);
  EXPECT_EQ(needs[1].needed, 100);
  EXPECT_FALSE(needs[2].own_ratio);
  EXPECT_EQ(needs[2].needed, 10);
}

TEST(PlanActivities, OfMoneyAndOfATargetReached) {
  ActivityRequest request = Team();
  request.results = QuantityUnit::kMoney;
  request.team_ratios = {{480, 900'000'000}, {1, 1}, {1, 1}};
  request.members[0].target = 100'000'000;
  request.members[0].achieved = 10'000'000;
  absl::StatusOr<ActivityPlan> plan = PlanActivities(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->members[0].needs[0].needed, 48);
  request.members[0].achieved = 100'000'001;
  request.members[0].day_weights_ppm = {0};
  plan = PlanActivities(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->members[0].needs[0].needed, 0);
  EXPECT_THAT(plan->members[0].needs[0].by_day, ElementsAre(0));
}

TEST(PlanActivities, ReportsAllBadFieldsAtOnce) {
  ActivityRequest request = Team();
  request.activities[1] = "visits";
  request.results = QuantityUnit::kDays;
  request.team_ratios[0].results = 0;
  request.min_results = 0;
  request.members[0].target = -1;
  request.members.push_back({.id = "zhang", .target = 5, .day_weights_ppm = {0, 0, 0, 0, 0, 0, 0}});
  request.members.push_back({.id = "li", .ratios = {{-1, 1}}, .day_weights_ppm = {-1}});
  EXPECT_THAT(Fields(PlanActivities(request).status()),
              ElementsAre("activities[1]", "results", "team_ratios[0].results", "min_results",
                          "members[0].target", "members[1].id", "members[1].day_weights_ppm",
                          "members[2].ratios", "members[2].ratios[0].activities",
                          "members[2].day_weights_ppm", "members[2].day_weights_ppm[0]"));
  request = Team();
  request.members[0].target = 9'000'000'000'000'000;
  request.team_ratios[1] = {kMaxActivityCount, 1};
  EXPECT_THAT(Fields(PlanActivities(request).status()),
              ElementsAre("members[0].target", "members[0].target", "members[0].target"));
}

TEST(DayWeightsOf, FollowsTheCalendar) {
  const WorkingCalendar calendar{CalendarDefinition{
      .special_days = {{.day = absl::CivilDay(2026, 3, 4), .kind = DayKind::kHoliday}}}};
  EXPECT_THAT(DayWeightsOf(calendar, {absl::CivilDay(2026, 3, 2), absl::CivilDay(2026, 3, 8)}),
              ElementsAre(kDay, kDay, 0, kDay, kDay, 0, 0));
}

TEST(PlanActivitiesProperty, DaysAddUpAndSuffice) {
  Random random(21);
  for (int round = 0; round < 10'000; ++round) {
    ActivityRequest request{
        .activities = {"visits"},
        .team_ratios = {{Between(random, 1, 500), Between(random, 1, 100)}},
        .min_results = Between(random, 1, 10),
        .members = {
            {.id = "a", .target = Between(random, 0, 200), .achieved = Between(random, 0, 100)}}};
    ActivityMember& member = request.members[0];
    if (Between(random, 0, 1) == 0) {
      member.ratios = {{Between(random, 0, 100), Between(random, 0, 20)}};
    }
    member.day_weights_ppm.push_back(kDay);
    for (int64_t days = Between(random, 0, 10); days > 0; --days) {
      member.day_weights_ppm.push_back(Between(random, 0, 2) * kDay / 2);
    }
    const absl::StatusOr<ActivityPlan> plan = PlanActivities(request);
    ASSERT_TRUE(plan.ok()) << plan.status();
    const ActivityNeed& need = plan->members[0].needs[0];
    const ActivityRatio& ratio = need.own_ratio ? member.ratios[0] : request.team_ratios[0];
    const int64_t wanted = std::max<int64_t>(member.target - member.achieved, 0);
    // The least number of activities that bring what is wanted at that ratio.
    ASSERT_GE(need.needed * ratio.results, wanted * ratio.activities);
    ASSERT_TRUE(need.needed == 0 || (need.needed - 1) * ratio.results < wanted * ratio.activities);
    ASSERT_EQ(std::accumulate(need.by_day.begin(), need.by_day.end(), int64_t{0}), need.needed);
    ASSERT_GE(need.per_day * plan->members[0].working_days, need.needed);
    for (size_t d = 0; d < need.by_day.size(); ++d) {
      ASSERT_TRUE(member.day_weights_ppm[d] > 0 || need.by_day[d] == 0);
    }
    for (const Step& step : need.steps) ASSERT_EQ(Evaluate(step), step.result);
  }
}

const absl::CivilDay kMonday(2026, 3, 2);

std::vector<DayEntry> Week(const std::vector<int64_t>& targets,
                           const std::vector<std::optional<int64_t>>& actuals) {
  std::vector<DayEntry> entries;
  for (size_t i = 0; i < targets.size(); ++i) {
    entries.push_back({kMonday + static_cast<int>(i), targets[i],
                       i < actuals.size() ? actuals[i] : std::nullopt});
  }
  return entries;
}

TEST(CheckDay, SumsUpYesterdayTodayAndTomorrow) {
  const std::vector<DayEntry> week = Week({10, 10, 10, 10, 10, 0, 0}, {12, 6, 9, 10});
  const absl::StatusOr<DailyCheck> check = CheckDay(week, kMonday + 2);
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_EQ(check->verdict, DayVerdict::kPartly);
  EXPECT_EQ(check->gap, 1);
  EXPECT_EQ(check->previous->actual, 6);
  EXPECT_EQ(check->next->day, kMonday + 3);
  EXPECT_EQ(check->next->actual, std::nullopt);
  EXPECT_EQ(check->cumulative_target, 30);
  EXPECT_EQ(check->cumulative_actual, 27);
  EXPECT_EQ(check->attainment_ppm, 900'000);
  EXPECT_EQ(check->remaining, 23);
  EXPECT_EQ(check->days_left, 2);
  EXPECT_EQ(check->required_per_day, 12);
  EXPECT_EQ(check->standing, Standing::kAtRisk);
}

struct VerdictCase {
  int64_t target;
  std::optional<int64_t> actual;
  DayVerdict verdict;
};

TEST(CheckDay, VerdictOfADay) {
  for (const VerdictCase& row :
       std::vector<VerdictCase>{{0, std::nullopt, DayVerdict::kRestDay},
                                {0, 0, DayVerdict::kRestDay},
                                {0, 2, DayVerdict::kExtra},
                                {5, std::nullopt, DayVerdict::kNotRecorded},
                                {5, 0, DayVerdict::kNothing},
                                {5, -1, DayVerdict::kNothing},
                                {5, 4, DayVerdict::kPartly},
                                {5, 5, DayVerdict::kMet},
                                {5, 9, DayVerdict::kMet}}) {
    const absl::StatusOr<DailyCheck> check = CheckDay(Week({row.target}, {row.actual}), kMonday);
    ASSERT_TRUE(check.ok()) << check.status();
    EXPECT_EQ(check->verdict, row.verdict) << row.target;
  }
}

struct StandingCase {
  std::vector<std::optional<int64_t>> actuals;
  int day;
  Standing standing;
};

TEST(CheckDay, StandingSoFar) {
  for (const StandingCase& row :
       std::vector<StandingCase>{{{}, 0, Standing::kNotStarted},
                                 {{1}, 0, Standing::kAhead},
                                 {{0, 105}, 1, Standing::kAhead},
                                 {{0, 104}, 1, Standing::kOnTrack},
                                 {{0, 95}, 1, Standing::kOnTrack},
                                 {{0, 94}, 1, Standing::kAtRisk},
                                 {{0, 80}, 1, Standing::kAtRisk},
                                 {{0, 79}, 1, Standing::kBehind},
                                 {{0, std::nullopt}, 1, Standing::kBehind},
                                 {{0, 200}, 1, Standing::kAchieved},
                                 {{0, 99, 100}, 2, Standing::kMissed},
                                 {{0, 100, 100}, 2, Standing::kAchieved}}) {
    const absl::StatusOr<DailyCheck> check =
        CheckDay(Week({0, 100, 100}, row.actuals), kMonday + row.day);
    ASSERT_TRUE(check.ok()) << check.status();
    EXPECT_EQ(check->standing, row.standing) << row.day << " " << check->cumulative_actual;
  }
}

TEST(CheckDay, ReportsAllBadFieldsAtOnce) {
  std::vector<DayEntry> entries = Week({1, -1, 1}, {});
  entries[2].day = kMonday;
  EXPECT_THAT(
      Fields(CheckDay(entries, kMonday + 5, {.ahead_ppm = 1, .on_track_ppm = 2, .at_risk_ppm = 3})
                 .status()),
      ElementsAre("settings.on_track_ppm", "settings.at_risk_ppm", "entries[1].target",
                  "entries[2].day", "entries"));
  EXPECT_THAT(Fields(CheckDay({}, kMonday).status()), ElementsAre("entries"));
  EXPECT_THAT(Fields(CheckTeamDay({}, kMonday).status()), ElementsAre("members"));
  const std::vector<DayEntry> most = Week({9'000'000'000'000'000}, {});
  EXPECT_TRUE(CheckTeamDay({most}, kMonday).ok());
  EXPECT_THAT(Fields(CheckTeamDay({most, most}, kMonday).status()), ElementsAre("members"));
}

TEST(CheckTeamDay, IsTheCheckOfTheSums) {
  const absl::StatusOr<TeamDailyCheck> team =
      CheckTeamDay({Week({5, 5, 0}, {5, 2}), Week({3, 3, 3}, {std::nullopt, 4})}, kMonday + 1);
  ASSERT_TRUE(team.ok()) << team.status();
  EXPECT_EQ(team->total.target, 8);
  EXPECT_EQ(team->total.actual, 6);
  EXPECT_EQ(team->total.cumulative_target, 16);
  EXPECT_EQ(team->total.cumulative_actual, 11);
  EXPECT_EQ(team->total.period_target, 19);
  EXPECT_EQ(team->total.next->target, 3);
  EXPECT_EQ(team->members[0].verdict, DayVerdict::kPartly);
  EXPECT_EQ(team->members[1].verdict, DayVerdict::kMet);
  EXPECT_EQ(team->members[1].unrecorded_days, 1);
}

TEST(CheckDayProperty, AddsUpAndWhatIsRequiredSuffices) {
  Random random(22);
  for (int round = 0; round < 10'000; ++round) {
    std::vector<DayEntry> entries;
    const int days = static_cast<int>(Between(random, 1, 12));
    for (int d = 0; d < days; ++d) {
      entries.push_back({kMonday + d, Between(random, 0, 2) * Between(random, 0, 20),
                         Between(random, 0, 3) == 0
                             ? std::nullopt
                             : std::optional<int64_t>(Between(random, -5, 40))});
    }
    const int today = static_cast<int>(Between(random, 0, days - 1));
    const DailyCheck check = *CheckDay(entries, kMonday + today);
    ASSERT_EQ(check.cumulative_target - check.cumulative_actual, check.cumulative_gap);
    if (check.required_per_day) {
      const int64_t enough = *check.required_per_day * check.days_left;
      ASSERT_GE(check.cumulative_actual + enough, check.period_target);
      ASSERT_LT(enough - check.remaining, check.days_left);
    }
    if (today == 0) continue;
    const DailyCheck before = *CheckDay(entries, kMonday + today - 1);
    ASSERT_EQ(before.cumulative_target + check.target, check.cumulative_target);
    ASSERT_EQ(before.cumulative_gap + check.gap, check.cumulative_gap);
  }
}

}  // namespace
}  // namespace milepost::target
