#include "target-svc/domain/action_plan.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using State = ActionState;
using Verb = ActionVerb;
using ::testing::ElementsAre;

const DayRange kTenDays{CivilDay(2018, 3, 1), CivilDay(2018, 3, 10)};

TEST(ActionTest, EveryStateAndVerb) {
  const std::map<Verb, std::map<State, State>> moves = {
      {Verb::kUpdate, {{State::kPlanned, State::kPlanned}, {State::kActive, State::kActive}}},
      {Verb::kStart, {{State::kPlanned, State::kActive}}},
      {Verb::kFinish, {{State::kActive, State::kDone}}},
      {Verb::kCancel, {{State::kPlanned, State::kCancelled}, {State::kActive, State::kCancelled}}},
      {Verb::kReach, {{State::kActive, State::kActive}}},
      {Verb::kRecord, {{State::kActive, State::kActive}, {State::kDone, State::kDone}}}};
  for (const auto& [verb, from] : moves) {
    for (const State state : {State::kPlanned, State::kActive, State::kDone, State::kCancelled}) {
      const auto after = ApplyAction("plans/p/actions/a", state, verb);
      if (from.contains(state)) {
        ASSERT_TRUE(after.ok()) << after.status();
        EXPECT_EQ(*after, from.at(state));
      } else {
        EXPECT_EQ(status::ReasonOf(after.status()), "WRONG_STATE");
      }
    }
  }
}

TEST(ActionTest, SlipsByTheLatestMilestoneThatIsNotReached) {
  const std::vector<ActionMilestone> milestones{
      {"invite", CivilDay(2018, 3, 2), CivilDay(2018, 3, 4)},
      {"hold", CivilDay(2018, 3, 5), std::nullopt},
      {"follow-up", CivilDay(2018, 3, 10), std::nullopt}};
  const auto at = [&](int day, State state = State::kActive,
                      std::optional<CivilDay> end = std::nullopt) {
    return TrackAction(milestones, kTenDays, state, end, CivilDay(2018, 3, day));
  };
  EXPECT_EQ(at(3).progress_ppm, 0) << "what is reached tomorrow is not reached";
  EXPECT_EQ(at(3).slippage_days, 1);
  EXPECT_EQ(at(4).progress_ppm, 333'333);
  EXPECT_EQ(at(4).expected_ppm, 333'333);
  EXPECT_EQ(at(4).slippage_days, 0);
  EXPECT_EQ(at(4).next, "hold");
  EXPECT_EQ(at(8).expected_ppm, 666'667);
  EXPECT_EQ(at(8).slippage_days, 3);
  EXPECT_THAT(at(8).late_days, ElementsAre(2, 3, 0));
  EXPECT_EQ(at(15).slippage_days, 10);
  EXPECT_EQ(at(15, State::kDone, CivilDay(2018, 3, 9)).slippage_days, 0);
  EXPECT_THAT(at(15, State::kDone, CivilDay(2018, 3, 9)).late_days, ElementsAre(2, 4, 0));
}

TEST(ActionTest, WithoutMilestonesTimeIsWhatIsExpected) {
  const auto at = [&](int day, State state, std::optional<CivilDay> end = std::nullopt) {
    return TrackAction({}, kTenDays, state, end, CivilDay(2018, 3, day));
  };
  EXPECT_EQ(at(3, State::kActive).expected_ppm, 300'000);
  EXPECT_EQ(at(3, State::kActive).progress_ppm, 0);
  EXPECT_EQ(at(12, State::kActive).slippage_days, 2);
  EXPECT_EQ(at(12, State::kDone, CivilDay(2018, 3, 11)).progress_ppm, 1'000'000);
  EXPECT_EQ(at(12, State::kDone, CivilDay(2018, 3, 11)).slippage_days, 0);
  EXPECT_EQ(at(10, State::kDone, CivilDay(2018, 3, 11)).progress_ppm, 0);
}

TEST(ActionTest, TheBaselineCountsByTheDaysGone) {
  EXPECT_EQ(LessBaseline(500, 1'000, kTenDays, CivilDay(2018, 2, 28)), 500);
  EXPECT_EQ(LessBaseline(500, 1'000, kTenDays, CivilDay(2018, 3, 3)), 200);
  EXPECT_EQ(LessBaseline(500, 1'000, kTenDays, CivilDay(2018, 3, 31)), -500);
  EXPECT_EQ(LessBaseline(0, 9'000'000'000'000'000, kTenDays, CivilDay(2018, 3, 5)),
            -4'500'000'000'000'000);
  EXPECT_EQ(LessBaseline(10, 5, kTenDays, CivilDay(2018, 3, 1)), 9) << "a half is rounded up";
}

}  // namespace
}  // namespace milepost::target
