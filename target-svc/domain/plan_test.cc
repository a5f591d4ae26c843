#include "target-svc/domain/plan.h"

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::target {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'500'000'000);

Plan Sample(PlanState state) {
  Plan plan;
  plan.id = "p";
  plan.unit_id = "west";
  plan.owner_id = "owner";
  plan.submitter_id = state == PlanState::kDraft ? "" : "owner";
  plan.state = state;
  return plan;
}

Actor Owner() { return {.member_id = "owner", .manager = true}; }
Actor Chief() { return {.member_id = "chief", .manager = true, .led_units = {"company", "west"}}; }
Actor Admin() { return {.member_id = "admin", .admin = true}; }
Actor Stranger() { return {.member_id = "stranger", .manager = true, .led_units = {"east"}}; }

struct Verb {
  std::string name;
  Actor actor;  // Who may.
  std::function<absl::StatusOr<Plan>(Plan, const Actor&)> apply;
  PlanState from;
  PlanState to;
};

std::vector<Verb> Verbs() {
  using enum PlanState;
  return {
      {"Submit", Owner(), [](Plan p, const Actor& a) { return ApplySubmit(std::move(p), a, kNow); },
       kDraft, kSubmitted},
      {"Withdraw", Owner(),
       [](Plan p, const Actor& a) { return ApplyWithdraw(std::move(p), a, kNow); }, kSubmitted,
       kDraft},
      {"Approve", Chief(),
       [](Plan p, const Actor& a) { return ApplyApprove(std::move(p), a, {}, {}, kNow); },
       kSubmitted, kApproved},
      {"Reject", Chief(),
       [](Plan p, const Actor& a) { return ApplyReject(std::move(p), a, "why", kNow); }, kSubmitted,
       kDraft},
      {"Activate", Owner(),
       [](Plan p, const Actor& a) { return ApplyActivate(std::move(p), a, kNow); }, kApproved,
       kActive},
      {"Close", Owner(), [](Plan p, const Actor& a) { return ApplyClose(std::move(p), a, kNow); },
       kActive, kClosed},
  };
}

constexpr PlanState kStates[] = {PlanState::kDraft, PlanState::kSubmitted, PlanState::kApproved,
                                 PlanState::kActive, PlanState::kClosed};

class VerbTest : public ::testing::TestWithParam<Verb> {};

TEST_P(VerbTest, WorksInItsStateOnly) {
  for (const PlanState state : kStates) {
    const absl::StatusOr<Plan> next = GetParam().apply(Sample(state), GetParam().actor);
    if (state == GetParam().from) {
      ASSERT_TRUE(next.ok()) << next.status();
      EXPECT_EQ(next->state, GetParam().to);
      EXPECT_EQ(next->update_time, kNow);
    } else {
      EXPECT_EQ(status::ReasonOf(next.status()), "WRONG_PLAN_STATE") << static_cast<int>(state);
    }
  }
}

TEST_P(VerbTest, IsNotForStrangers) {
  EXPECT_EQ(GetParam().apply(Sample(GetParam().from), Stranger()).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(GetParam().apply(Sample(GetParam().from), Admin()).ok());
}

INSTANTIATE_TEST_SUITE_P(Plan, VerbTest, ::testing::ValuesIn(Verbs()),
                         [](const auto& param) { return param.param.name; });

TEST(PlanTest, NobodyDecidesOnTheirOwn) {
  for (Actor actor : {Owner(), Actor{.member_id = "owner", .admin = true}}) {
    EXPECT_EQ(
        status::ReasonOf(ApplyApprove(Sample(PlanState::kSubmitted), actor, {}, {}, kNow).status()),
        "OWN_PLAN");
    EXPECT_EQ(
        status::ReasonOf(ApplyReject(Sample(PlanState::kSubmitted), actor, "why", kNow).status()),
        "OWN_PLAN");
  }
  Plan handed = Sample(PlanState::kSubmitted);
  handed.submitter_id = "chief";
  EXPECT_EQ(status::ReasonOf(ApplyApprove(handed, Chief(), {}, {}, kNow).status()), "OWN_PLAN");
}

TEST(PlanTest, WhatDoesNotAddUpNeedsAWord) {
  const Variance variance{2, "root: 300,000 unassigned"};
  const absl::Status refused =
      ApplyApprove(Sample(PlanState::kSubmitted), Chief(), {}, variance, kNow).status();
  EXPECT_EQ(status::ReasonOf(refused), "PLAN_DOES_NOT_ADD_UP");
  EXPECT_EQ(status::FactsOf(refused)["violations"], "2");
  const absl::StatusOr<Plan> accepted =
      ApplyApprove(Sample(PlanState::kSubmitted), Chief(), {true, "later"}, variance, kNow);
  ASSERT_TRUE(accepted.ok());
  EXPECT_EQ(accepted->accepted_variance_reason, "later");
  EXPECT_EQ(accepted->accepted_violation_count, 2);
  // A word for nothing is not kept.
  EXPECT_EQ(ApplyApprove(Sample(PlanState::kSubmitted), Chief(), {true, "later"}, {}, kNow)
                ->accepted_variance_reason,
            "");
}

TEST(PlanTest, ValuesChangeInDraftsAndOpenlyInForce) {
  for (const PlanState state : kStates) {
    const absl::Status silent = CheckChangeValues(Sample(state), Owner(), "");
    const absl::Status open = CheckChangeValues(Sample(state), Owner(), "why");
    EXPECT_EQ(silent.ok(), state == PlanState::kDraft);
    EXPECT_EQ(open.ok(), state == PlanState::kDraft || state == PlanState::kActive);
    EXPECT_EQ(CheckRebuild(Sample(state), Owner()).ok(), state == PlanState::kDraft);
    EXPECT_EQ(CheckDelete(Sample(state), Owner()).ok(), state == PlanState::kDraft);
    EXPECT_EQ(CheckDescribe(Sample(state), Owner()).ok(), state != PlanState::kClosed);
    EXPECT_FALSE(CheckChangeValues(Sample(state), Stranger(), "why").ok());
  }
  EXPECT_EQ(status::ReasonOf(CheckChangeValues(Sample(PlanState::kActive), Owner(), "")),
            "REASON_REQUIRED");
}

TEST(PlanTest, WhoSees) {
  Plan plan = Sample(PlanState::kDraft);
  EXPECT_TRUE(MaySeeAll(Owner(), plan));
  EXPECT_TRUE(MaySeeAll(Chief(), plan));
  EXPECT_TRUE(MaySeeAll(Admin(), plan));
  EXPECT_TRUE(MaySeeAll({.member_id = "ann", .reader = true}, plan));
  EXPECT_FALSE(MaySeeAll(Stranger(), plan));
  EXPECT_FALSE(MaySeeAll({.member_id = "rep"}, plan));
  plan.visibility = PlanVisibility::kPublic;
  EXPECT_TRUE(MaySeeAll({.member_id = "rep"}, plan));
  EXPECT_FALSE(MayEdit({.member_id = "rep"}, plan));
  EXPECT_FALSE(MayEdit({.member_id = "ann", .reader = true}, plan));
  plan.unit_id.clear();
  EXPECT_FALSE(LeadsPlan(Chief(), plan));
  EXPECT_TRUE(LeadsPlan({.member_id = "ceo", .manager = true, .leads_top = true}, plan));
}

}  // namespace
}  // namespace milepost::target
