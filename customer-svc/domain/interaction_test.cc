#include "customer-svc/domain/interaction.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/status/error.h"

namespace milepost::customer {
namespace {

// 2025-06-15 23:06:40 in Shanghai, 15:06:40 UTC.
const absl::Time kNow = absl::FromUnixSeconds(1'750'000'000);
const absl::TimeZone kZone = absl::FixedTimeZone(8 * 3600);
const absl::CivilDay kToday(2025, 6, 15);

Interaction Draft() {
  Interaction draft;
  draft.id = "i1";
  draft.customer_id = "yunfan";
  draft.member_id = "anna";
  draft.type = InteractionType::kVisit;
  draft.purpose = InteractionPurpose::kOrder;
  draft.subject = "谈合同";
  draft.planned_time = kNow + absl::Hours(1);  // After midnight in Shanghai.
  return draft;
}
Outcome Went(std::optional<absl::CivilDay> due = std::nullopt) {
  Outcome outcome{InteractionResult::kSuccessful, "已谈妥", std::nullopt, std::nullopt};
  if (due) outcome.next_step = NextStep{"寄合同", *due, std::nullopt};
  return outcome;
}
Interaction In(InteractionState state) {
  Interaction interaction = NewPlanned(Draft(), kNow);
  if (state == InteractionState::kDone)
    return *ApplyComplete(interaction, Went(kToday), {}, kNow, kZone);
  if (state == InteractionState::kCancelled) return *ApplyCancel(interaction, "改期", {}, kNow);
  return interaction;
}

// Every state by every verb.
struct VerbRow {
  const char* situation;
  std::function<absl::StatusOr<Interaction>(Interaction)> verb;
  std::string planned, done, cancelled;  // Reasons; "" where it works.
};
class StateByVerbTest : public ::testing::TestWithParam<VerbRow> {};
TEST_P(StateByVerbTest, WorksOnlyInItsState) {
  EXPECT_EQ(status::ReasonOf(GetParam().verb(In(InteractionState::kPlanned)).status()),
            GetParam().planned);
  EXPECT_EQ(status::ReasonOf(GetParam().verb(In(InteractionState::kDone)).status()),
            GetParam().done);
  EXPECT_EQ(status::ReasonOf(GetParam().verb(In(InteractionState::kCancelled)).status()),
            GetParam().cancelled);
}
INSTANTIATE_TEST_SUITE_P(
    Verbs, StateByVerbTest,
    ::testing::Values(
        VerbRow{"Update", [](Interaction i) { return ApplyUpdate(i, {}, kNow); }, "",
                "INTERACTION_NOT_PLANNED", "INTERACTION_NOT_PLANNED"},
        VerbRow{"Complete", [](Interaction i) { return ApplyComplete(i, Went(), {}, kNow, kZone); },
                "", "INTERACTION_NOT_PLANNED", "INTERACTION_NOT_PLANNED"},
        VerbRow{"Cancel", [](Interaction i) { return ApplyCancel(i, "x", {}, kNow); }, "",
                "INTERACTION_NOT_PLANNED", "INTERACTION_NOT_PLANNED"},
        VerbRow{"CompleteNextStep",
                [](Interaction i) { return ApplyCompleteNextStep(i, {}, kNow); },
                "NO_OPEN_NEXT_STEP", "", "NO_OPEN_NEXT_STEP"},
        VerbRow{"StaleUpdate",
                [](Interaction i) {
                  return ApplyUpdate(i, {{}, {}, 9}, kNow);
                },
                "STALE_ETAG", "STALE_ETAG", "STALE_ETAG"},
        VerbRow{"StaleComplete",
                [](Interaction i) { return ApplyComplete(i, Went(), 9, kNow, kZone); },
                "STALE_ETAG", "STALE_ETAG", "STALE_ETAG"},
        VerbRow{"StaleCancel", [](Interaction i) { return ApplyCancel(i, "x", 9, kNow); },
                "STALE_ETAG", "STALE_ETAG", "STALE_ETAG"},
        VerbRow{"StaleNextStep", [](Interaction i) { return ApplyCompleteNextStep(i, 9, kNow); },
                "STALE_ETAG", "STALE_ETAG", "STALE_ETAG"}),
    [](const auto& info) { return info.param.situation; });

TEST(InteractionTest, DueDayFollowsTheLife) {
  EXPECT_EQ(DueDay(In(InteractionState::kPlanned), kZone),
            absl::CivilDay(2025, 6, 16));  // The day in the zone, not in UTC.
  const Interaction done = In(InteractionState::kDone);
  EXPECT_EQ(DueDay(done, kZone), kToday);
  EXPECT_EQ(DueDay(*ApplyCompleteNextStep(done, {}, kNow), kZone), std::nullopt);
  EXPECT_EQ(DueDay(In(InteractionState::kCancelled), kZone), std::nullopt);
}

TEST(InteractionTest, NextStepIsDoneOnce) {
  const Interaction done = *ApplyCompleteNextStep(In(InteractionState::kDone), {}, kNow);
  EXPECT_EQ(status::ReasonOf(ApplyCompleteNextStep(done, {}, kNow).status()), "NO_OPEN_NEXT_STEP");
}

TEST(InteractionTest, CompleteReportsEveryBadDateAtOnce) {
  Outcome outcome = Went(kToday - 1);
  outcome.done_time = kNow + absl::Microseconds(1);
  const auto violations = status::ViolationsOf(
      ApplyComplete(In(InteractionState::kPlanned), outcome, {}, kNow, kZone).status());
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "outcome.done_time");
  EXPECT_EQ(violations[1].field, "outcome.next_step.due_date");
}

TEST(InteractionTest, NextStepMayBeDueTheSameDayAndNotTooLate) {
  EXPECT_TRUE(ApplyComplete(In(InteractionState::kPlanned), Went(kToday), {}, kNow, kZone).ok());
  EXPECT_TRUE(ApplyComplete(In(InteractionState::kPlanned), Went(kToday + kMaxNextStepDays), {},
                            kNow, kZone)
                  .ok());
  EXPECT_FALSE(ApplyComplete(In(InteractionState::kPlanned), Went(kToday + kMaxNextStepDays + 1),
                             {}, kNow, kZone)
                   .ok());
}

TEST(InteractionTest, ARecordedOneIsDoneAtOnce) {
  Interaction draft = Draft();
  draft.planned_time = absl::Time();
  Outcome outcome = Went();
  outcome.done_time = kNow - absl::Hours(24);
  const auto done = NewDone(draft, outcome, kNow, kZone);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->state, InteractionState::kDone);
  EXPECT_EQ(done->planned_time, outcome.done_time);
  EXPECT_EQ(done->version, 1);
}

TEST(InteractionTest, HandOverMovesOrCancels) {
  EXPECT_EQ(ApplyHandOver(In(InteractionState::kPlanned), "bert", "n", kNow).member_id, "bert");
  const Interaction cancelled = ApplyHandOver(In(InteractionState::kPlanned), "", "离职", kNow);
  EXPECT_EQ(cancelled.state, InteractionState::kCancelled);
  EXPECT_EQ(cancelled.cancel_reason, "离职");
  EXPECT_EQ(cancelled.member_id, "anna");
}

}  // namespace
}  // namespace milepost::customer
