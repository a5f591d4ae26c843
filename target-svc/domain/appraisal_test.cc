#include "target-svc/domain/appraisal.h"

#include <map>
#include <set>

#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::target {
namespace {

using State = AppraisalState;
using Verb = AppraisalVerb;

AppraisalCase By(const std::string& actor, bool leads) {
  return {.name = "scorecards/a",
          .member_id = "anna",
          .actor_id = actor,
          .leads = leads,
          .raters = {"mia"},
          .complete = true};
}

TEST(AppraisalTest, EveryStateAndVerb) {
  const std::map<Verb, std::map<State, State>> moves = {
      {Verb::kMeasure, {{State::kOpen, State::kOpen}}},
      {Verb::kRate, {{State::kOpen, State::kOpen}}},
      {Verb::kComplete, {{State::kOpen, State::kRated}}},
      {Verb::kReview, {{State::kRated, State::kReviewed}, {State::kDisputed, State::kReviewed}}},
      {Verb::kReturn, {{State::kRated, State::kOpen}, {State::kDisputed, State::kOpen}}},
      {Verb::kAcknowledge, {{State::kReviewed, State::kAcknowledged}}},
      {Verb::kDispute, {{State::kReviewed, State::kDisputed}}}};
  for (const auto& [verb, from] : moves) {
    const bool of_member = verb == Verb::kAcknowledge || verb == Verb::kDispute;
    for (const State state :
         {State::kOpen, State::kRated, State::kReviewed, State::kAcknowledged, State::kDisputed}) {
      const auto after =
          ApplyAppraisal(state, verb, of_member ? By("anna", false) : By("zoe", true));
      if (from.contains(state)) {
        ASSERT_TRUE(after.ok()) << after.status();
        EXPECT_EQ(*after, from.at(state));
        const std::string refused = status::ReasonOf(
            ApplyAppraisal(state, verb, of_member ? By("zoe", true) : By("anna", true)).status());
        EXPECT_EQ(refused, of_member ? "MAY_NOT_ACT" : "OWN_RECORD");
        EXPECT_EQ(status::ReasonOf(ApplyAppraisal(state, verb, By("eve", false)).status()),
                  "MAY_NOT_ACT");
      } else {
        EXPECT_EQ(status::ReasonOf(after.status()), "WRONG_STATE");
      }
    }
  }
}

TEST(AppraisalTest, WhoRatedDoesNotReviewAndNothingHalfDoneIsComplete) {
  EXPECT_EQ(
      status::ReasonOf(ApplyAppraisal(State::kRated, Verb::kReview, By("mia", true)).status()),
      "OWN_RATING");
  AppraisalCase half = By("mia", true);
  half.complete = false;
  EXPECT_EQ(status::ReasonOf(ApplyAppraisal(State::kOpen, Verb::kComplete, half).status()),
            "SCORECARD_INCOMPLETE");
}

}  // namespace
}  // namespace milepost::target
