#include "opportunity-svc/domain/opportunity.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"
#include "platform/status/error.h"

namespace milepost::opportunity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::CivilDay kToday(2026, 3, 10);
const absl::Time kNow = absl::FromCivil(absl::CivilHour(2026, 3, 10, 9), absl::UTCTimeZone());

Act Rep() { return {.member = "anna", .now = kNow + absl::Hours(1), .today = kToday}; }
Act Manager() {
  return {.member = "max", .may_skip_stages = true, .now = kNow + absl::Hours(1), .today = kToday};
}

Definition FourStages() {
  Stage contact{
      .id = "contact",
      .title = "接触",
      .expected_days = 7,
      .win_probability_ppm = 100'000,
      .milestones = {{"need", "需求确认", "客户签字", false}, {"lunch", "Lunch", "", true}}};
  Stage exchange{.id = "exchange",
                 .title = "技术交流",
                 .expected_days = 14,
                 .win_probability_ppm = 300'000,
                 .required_fields = {Field::kAmount, Field::kProduct},
                 .required_roles = {"pre-sales"}};
  Stage offer{.id = "offer", .title = "方案", .win_probability_ppm = 600'000};
  Stage negotiation{.id = "negotiation",
                    .title = "谈判",
                    .win_probability_ppm = 800'000,
                    .milestones = {{"terms", "Terms agreed", "", false}},
                    .required_roles = {"legal"}};
  return {.process = "standard", .revision = 2, .stages = {contact, exchange, offer, negotiation}};
}

Opportunity Open(const std::string& stage = "contact") {
  Opportunity opportunity = *NewOpportunity("o-1", "anna", {.title = "产线改造"}, FourStages(),
                                            {.member = "anna", .now = kNow, .today = kToday});
  opportunity.open_date = kToday - 30;
  const Definition definition = FourStages();
  opportunity.stage = stage;
  opportunity.stage_position = definition.PositionOf(stage);
  return opportunity;
}

Opportunity In(State state) {
  Opportunity opportunity = Open("negotiation");
  opportunity.completed_milestones.push_back({.stage = "negotiation", .milestone = "terms"});
  if (state == State::kWon) {
    return *ApplyWin(opportunity, FourStages(), {.amount = {"CNY", 100}, .order = "r-1"}, Rep());
  }
  if (state == State::kLost) return *ApplyLose(opportunity, {.close_reason = "price"}, Rep());
  return opportunity;
}

std::string ReasonOf(const absl::Status& status) { return status::ReasonOf(status); }

TEST(NewOpportunityTest, StartsInTheFirstStageOfTheRevision) {
  const Opportunity opportunity = *NewOpportunity("o-1", "anna", {.title = "t"}, FourStages(),
                                                  {.member = "anna", .now = kNow, .today = kToday});
  EXPECT_EQ(opportunity.stage, "contact");
  EXPECT_EQ(opportunity.stage_position, 1);
  EXPECT_EQ(opportunity.process_revision, 2);
  EXPECT_EQ(opportunity.win_probability_ppm, 100'000);
  EXPECT_EQ(opportunity.stage_expected_days, 7);
  EXPECT_EQ(opportunity.open_date, kToday);
  ASSERT_EQ(opportunity.stage_history.size(), 1u);
  EXPECT_EQ(opportunity.stage_history[0].entry, StageEntry::kStarted);
  EXPECT_EQ(opportunity.stage_history[0].enter_time, kNow);
  EXPECT_FALSE(opportunity.stage_history[0].leave_time);
}

TEST(NewOpportunityTest, ListsWhatTheFirstStageDemands) {
  Definition definition = FourStages();
  definition.stages[0].required_fields = {
      Field::kCustomer, Field::kSource, Field::kExpectedCloseDate, Field::kRegion, Field::kChannel};
  const auto refused = NewOpportunity("o-1", "anna", {.title = "t"}, definition, Rep());
  EXPECT_EQ(ReasonOf(refused.status()), "STAGE_MOVE_BLOCKED");
  EXPECT_THAT(StartBlockers({.title = "t"}, definition).missing_fields,
              ElementsAre(Field::kCustomer, Field::kSource, Field::kExpectedCloseDate,
                          Field::kRegion, Field::kChannel));
}

// Every verb in every state.
struct Verb {
  const char* name;
  std::function<absl::Status(const Opportunity&)> run;
  // Reason by state OPEN, WON, LOST; "" means it works.
  std::string open, won, lost;
};

class StateTest : public ::testing::TestWithParam<Verb> {};

TEST_P(StateTest, EveryState) {
  EXPECT_EQ(ReasonOf(GetParam().run(In(State::kOpen))), GetParam().open)
      << GetParam().run(In(State::kOpen));
  EXPECT_EQ(ReasonOf(GetParam().run(In(State::kWon))), GetParam().won);
  EXPECT_EQ(ReasonOf(GetParam().run(In(State::kLost))), GetParam().lost);
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, StateTest,
    ::testing::Values(
        Verb{
            "Update",
            [](const Opportunity& o) { return ApplyUpdate(o, {.title = "x"}, {}, Rep()).status(); },
            "", "NOT_OPEN", "NOT_OPEN"},
        Verb{"Move",
             [](const Opportunity& o) {
               return ApplyMove(o, FourStages(), {.stage = "offer", .reason = "again"}, Rep())
                   .status();
             },
             "", "NOT_OPEN", "NOT_OPEN"},
        Verb{"CompleteMilestone",
             [](const Opportunity& o) {
               return ApplyCompleteMilestone(o, FourStages(),
                                             {.stage = "contact", .milestone = "need"}, Rep())
                   .status();
             },
             "", "NOT_OPEN", "NOT_OPEN"},
        Verb{"ReopenMilestone",
             [](const Opportunity& o) {
               return ApplyReopenMilestone(o, FourStages(), {.milestone = "terms"}, Rep()).status();
             },
             "", "NOT_OPEN", "NOT_OPEN"},
        Verb{"AddTeamMember",
             [](const Opportunity& o) {
               return ApplyAddTeamMember(o, {.member = "ben", .role = "legal"}, Rep()).status();
             },
             "", "NOT_OPEN", "NOT_OPEN"},
        Verb{"RemoveTeamMember",
             [](const Opportunity& o) {
               return ApplyRemoveTeamMember(o, {.member = "ben"}, Rep()).status();
             },
             "NOT_ON_TEAM", "NOT_OPEN", "NOT_OPEN"},
        Verb{"Assign",
             [](const Opportunity& o) { return ApplyAssign(o, "ben", {}, Manager()).status(); }, "",
             "", ""},
        Verb{"Win",
             [](const Opportunity& o) {
               return ApplyWin(o, FourStages(), {.amount = {"CNY", 100}, .order = "r"}, Rep())
                   .status();
             },
             "", "NOT_OPEN", "NOT_OPEN"},
        Verb{"Lose",
             [](const Opportunity& o) {
               return ApplyLose(o, {.close_reason = "price"}, Rep()).status();
             },
             "", "NOT_OPEN", "NOT_OPEN"},
        Verb{"ReopenWithOrder",
             [](const Opportunity& o) {
               return ApplyReopen(o, FourStages(), o.state == State::kWon, "why", {}, Manager())
                   .status();
             },
             "ALREADY_OPEN", "ORDER_STANDS", ""},
        Verb{"ReopenWithoutOrder",
             [](const Opportunity& o) {
               return ApplyReopen(o, FourStages(), false, "why", {}, Manager()).status();
             },
             "ALREADY_OPEN", "", ""}),
    [](const auto& info) { return info.param.name; });

TEST(EtagTest, EveryVerbRefusesAStaleOne) {
  const Opportunity open = In(State::kOpen);
  const ExpectedVersion stale = 99;
  const std::vector<absl::Status> statuses = {
      ApplyUpdate(open, {.title = "x"}, stale, Rep()).status(),
      ApplyMove(open, FourStages(), {"offer", "r", stale}, Rep()).status(),
      ApplyCompleteMilestone(open, FourStages(), {"contact", "need", "", stale}, Rep()).status(),
      ApplyReopenMilestone(open, FourStages(), {"", "terms", "", stale}, Rep()).status(),
      ApplyAddTeamMember(open, {"ben", "legal", stale}, Rep()).status(),
      ApplyRemoveTeamMember(open, {"ben", "legal", stale}, Rep()).status(),
      ApplyAssign(open, "ben", stale, Rep()).status(),
      ApplyWin(open, FourStages(), {.amount = {"CNY", 1}, .expected_version = stale}, Rep())
          .status(),
      ApplyLose(open, {.close_reason = "price", .expected_version = stale}, Rep()).status(),
      ApplyReopen(In(State::kLost), FourStages(), false, "why", stale, Rep()).status(),
  };
  for (const absl::Status& status : statuses) {
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
    EXPECT_EQ(ReasonOf(status), "STALE_ETAG");
  }
}

// Every stage to every stage, as rep and as manager, nothing prepared.
TEST(MoveTest, EveryPairOfStages) {
  const Definition definition = FourStages();
  for (const Stage& from : definition.stages) {
    for (const Stage& to : definition.stages) {
      for (const bool manager : {false, true}) {
        SCOPED_TRACE(from.id + " to " + to.id);
        const Opportunity opportunity = Open(from.id);
        const int at = definition.PositionOf(from.id), target = definition.PositionOf(to.id);
        const auto moved =
            ApplyMove(opportunity, definition, {.stage = to.id}, manager ? Manager() : Rep());
        if (at == target) {
          EXPECT_EQ(ReasonOf(moved.status()), "ALREADY_IN_STAGE");
          continue;
        }
        const Blockers blockers = MoveBlockers(opportunity, definition, target, false, manager);
        EXPECT_EQ(moved.ok(), blockers.empty());
        EXPECT_EQ(blockers.reason_required, target < at);
        EXPECT_EQ(blockers.skipped_stages.size(),
                  manager || target < at ? 0u : static_cast<size_t>(target - at - 1));
        EXPECT_EQ(blockers.missing_milestones.size(),
                  target > at && (at == 1 || at == 4) ? 1u : 0u);
        EXPECT_EQ(blockers.missing_fields.size(), target > at && target == 2 ? 2u : 0u);
        EXPECT_EQ(blockers.missing_roles.size(),
                  target > at && (target == 2 || target == 4) ? 1u : 0u);
      }
    }
  }
}

TEST(MoveTest, EverythingMissingIsListedAtOnceAndThenItWorks) {
  Opportunity opportunity = Open();
  const auto refused = ApplyMove(opportunity, FourStages(), {.stage = "exchange"}, Rep());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(refused.status()), "STAGE_MOVE_BLOCKED");
  const std::string message(refused.status().message());
  EXPECT_THAT(message,
              ::testing::AllOf(::testing::HasSubstr("需求确认"), ::testing::HasSubstr("amount"),
                               ::testing::HasSubstr("product"), ::testing::HasSubstr("pre-sales")));

  opportunity = *ApplyCompleteMilestone(opportunity, FourStages(),
                                        {.milestone = "need", .note = "已签"}, Rep());
  opportunity = *ApplyUpdate(
      opportunity, {.title = "t", .product = "gtx", .amount = Money{"CNY", 1}}, {}, Rep());
  opportunity = *ApplyAddTeamMember(opportunity, {.member = "ben", .role = "pre-sales"}, Rep());
  const Opportunity moved =
      *ApplyMove(opportunity, FourStages(), {.stage = "exchange", .reason = "ready"}, Rep());
  EXPECT_EQ(moved.stage, "exchange");
  EXPECT_EQ(moved.win_probability_ppm, 300'000);
  ASSERT_EQ(moved.stage_history.size(), 2u);
  EXPECT_EQ(moved.stage_history[0].leave_time, Rep().now);
  EXPECT_EQ(moved.stage_history[1].enter_time, Rep().now);
  EXPECT_EQ(moved.stage_history[1].entry, StageEntry::kAdvanced);
  EXPECT_EQ(moved.stage_history[1].moved_by, "anna");
  EXPECT_EQ(moved.stage_history[1].reason, "ready");
}

TEST(MoveTest, AnAmountOfZeroIsNotSet) {
  Definition definition = FourStages();
  Opportunity opportunity = Open("exchange");
  definition.stages[2].required_fields = {Field::kAmount};
  opportunity.content.amount = Money{"CNY", 0};
  EXPECT_THAT(MoveBlockers(opportunity, definition, 3, false, false).missing_fields,
              ElementsAre(Field::kAmount));
}

TEST(MoveTest, OnlyAManagerSkips) {
  Opportunity opportunity = Open();
  opportunity.completed_milestones.push_back({.stage = "contact", .milestone = "need"});
  const auto refused = ApplyMove(opportunity, FourStages(), {.stage = "offer"}, Rep());
  EXPECT_EQ(ReasonOf(refused.status()), "STAGE_MOVE_BLOCKED");
  EXPECT_THAT(MoveBlockers(opportunity, FourStages(), 3, false, false).skipped_stages,
              ElementsAre("exchange"));
  const Opportunity moved = *ApplyMove(opportunity, FourStages(), {.stage = "offer"}, Manager());
  EXPECT_EQ(moved.stage_history.back().entry, StageEntry::kSkipped);
}

TEST(MoveTest, BackNeedsAReasonAndNothingElse) {
  const Opportunity opportunity = Open("negotiation");
  EXPECT_EQ(ReasonOf(ApplyMove(opportunity, FourStages(), {.stage = "exchange"}, Rep()).status()),
            "STAGE_MOVE_BLOCKED");
  const Opportunity moved =
      *ApplyMove(opportunity, FourStages(), {.stage = "exchange", .reason = "新需求"}, Rep());
  EXPECT_EQ(moved.stage_history.back().entry, StageEntry::kWentBack);
}

TEST(MoveTest, UnknownStageAndFullHistory) {
  EXPECT_EQ(ReasonOf(ApplyMove(Open(), FourStages(), {.stage = "nowhere"}, Rep()).status()),
            "STAGE_UNKNOWN");
  Opportunity opportunity = Open("negotiation");
  opportunity.stage_history.resize(kMaxVisits);
  EXPECT_EQ(
      ReasonOf(
          ApplyMove(opportunity, FourStages(), {.stage = "offer", .reason = "r"}, Rep()).status()),
      "ENTRIES_FULL");
}

TEST(MilestoneTest, Rules) {
  const Definition definition = FourStages();
  const Opportunity opportunity = Open();
  const auto complete = [&](const Opportunity& o, const std::string& stage,
                            const std::string& milestone) {
    return ApplyCompleteMilestone(o, definition, {.stage = stage, .milestone = milestone}, Rep());
  };
  EXPECT_EQ(ReasonOf(complete(opportunity, "nowhere", "need").status()), "STAGE_UNKNOWN");
  EXPECT_EQ(ReasonOf(complete(opportunity, "", "nothing").status()), "MILESTONE_UNKNOWN");
  EXPECT_EQ(ReasonOf(complete(opportunity, "negotiation", "terms").status()), "MILESTONE_AHEAD");
  const Opportunity done = *complete(opportunity, "", "need");
  EXPECT_EQ(done.completed_milestones[0].complete_time, Rep().now);
  EXPECT_EQ(ReasonOf(complete(done, "contact", "need").status()), "MILESTONE_COMPLETE");
  const Opportunity undone = *ApplyReopenMilestone(done, definition, {.milestone = "need"}, Rep());
  EXPECT_THAT(undone.completed_milestones, IsEmpty());
  EXPECT_EQ(
      ReasonOf(ApplyReopenMilestone(undone, definition, {.milestone = "need"}, Rep()).status()),
      "MILESTONE_INCOMPLETE");
}

TEST(TeamTest, Rules) {
  Opportunity opportunity = *ApplyAddTeamMember(Open(), {.member = "ben", .role = "legal"}, Rep());
  EXPECT_EQ(
      ReasonOf(ApplyAddTeamMember(opportunity, {.member = "ben", .role = "legal"}, Rep()).status()),
      "ROLE_TAKEN");
  opportunity = *ApplyAddTeamMember(opportunity, {.member = "ben", .role = "finance"}, Rep());
  EXPECT_EQ(
      ReasonOf(ApplyRemoveTeamMember(opportunity, {.member = "ben", .role = "pre-sales"}, Rep())
                   .status()),
      "NOT_ON_TEAM");
  EXPECT_EQ(
      ApplyRemoveTeamMember(opportunity, {.member = "ben", .role = "legal"}, Rep())->team.size(),
      1u);
  EXPECT_THAT(ApplyRemoveTeamMember(opportunity, {.member = "ben"}, Rep())->team, IsEmpty());
  opportunity.team.resize(kMaxTeam);
  EXPECT_EQ(
      ReasonOf(ApplyAddTeamMember(opportunity, {.member = "eva", .role = "legal"}, Rep()).status()),
      "ENTRIES_FULL");
}

TEST(AssignTest, TheOwnerMustChange) {
  EXPECT_EQ(ReasonOf(ApplyAssign(Open(), "anna", {}, Manager()).status()), "OWNER_UNCHANGED");
  EXPECT_EQ(ApplyAssign(Open(), "ben", {}, Manager())->owner, "ben");
  EXPECT_EQ(ApplyAssign(Open(), "ben", {}, Manager())->previous_owner, "anna");
}

TEST(WinTest, LeavesTheStageUnderItsRules) {
  const Definition definition = FourStages();
  const WinCommand command{.amount = {"CNY", 100}, .order = "r-1"};
  EXPECT_EQ(ReasonOf(ApplyWin(Open("offer"), definition, command, Rep()).status()),
            "STAGE_MOVE_BLOCKED");
  EXPECT_THAT(WinBlockers(Open("offer"), definition, false).skipped_stages,
              ElementsAre("negotiation"));
  EXPECT_TRUE(ApplyWin(Open("offer"), definition, command, Manager()).ok());
  EXPECT_EQ(WinBlockers(Open("negotiation"), definition, true).missing_milestones.size(), 1u);

  const Opportunity won = In(State::kWon);
  EXPECT_EQ(won.state, State::kWon);
  EXPECT_EQ(won.content.amount, (Money{"CNY", 100}));
  EXPECT_EQ(won.win_probability_ppm, 1'000'000);
  EXPECT_EQ(won.close_date, kToday);
  EXPECT_EQ(won.order, "r-1");
  EXPECT_EQ(won.stage_history.back().leave_time, Rep().now);
}

TEST(CloseTest, DatesAreChecked) {
  const Opportunity opportunity = In(State::kOpen);
  const auto win = [&](absl::CivilDay day) {
    return ReasonOf(
        ApplyWin(opportunity, FourStages(), {.amount = {"CNY", 1}, .close_date = day}, Rep())
            .status());
  };
  const auto lose = [&](absl::CivilDay day) {
    return ReasonOf(ApplyLose(opportunity, {.close_date = day}, Rep()).status());
  };
  EXPECT_EQ(win(kToday + 1), "DATE_IN_FUTURE");
  EXPECT_EQ(lose(kToday + 1), "DATE_IN_FUTURE");
  EXPECT_EQ(win(*opportunity.open_date - 1), "DATE_TOO_EARLY");
  EXPECT_EQ(lose(*opportunity.open_date - 1), "DATE_TOO_EARLY");
  EXPECT_EQ(win(*opportunity.open_date), "");
  EXPECT_EQ(lose(kToday), "");
}

TEST(ReopenTest, GoesBackToTheStageWhereItWasClosed) {
  const Opportunity reopened =
      *ApplyReopen(In(State::kLost), FourStages(), false, "客户回头", {}, Manager());
  EXPECT_EQ(reopened.state, State::kOpen);
  EXPECT_EQ(reopened.stage, "negotiation");
  EXPECT_EQ(reopened.win_probability_ppm, 800'000);
  EXPECT_FALSE(reopened.close_date);
  EXPECT_EQ(reopened.close_reason, "");
  EXPECT_EQ(reopened.stage_history.back().entry, StageEntry::kReopened);
  EXPECT_EQ(reopened.stage_history.back().reason, "客户回头");
  EXPECT_EQ(ApplyReopen(In(State::kWon), FourStages(), false, "w", {}, Manager())->order, "");
}

ImportRow Row() {
  return {.id = "o-9",
          .content = {.title = "GTX", .amount = Money{"CNY", 500}},
          .owner = "anna",
          .process = "standard",
          .state = State::kWon,
          .open_date = absl::CivilDay(2016, 10, 20),
          .close_date = absl::CivilDay(2017, 3, 1),
          .entries = {{"contact", absl::CivilDay(2016, 10, 1)},
                      {"offer", absl::CivilDay(2016, 10, 20)}},
          .hash = "h1"};
}

TEST(ImportTest, KeepsHistoricalDates) {
  const Imported imported = *ApplyImport({}, Row(), FourStages(), absl::UTCTimeZone(), kNow);
  EXPECT_EQ(imported.outcome, ImportOutcome::kCreated);
  const Opportunity& opportunity = imported.opportunity;
  EXPECT_EQ(opportunity.stage, "offer");
  EXPECT_EQ(opportunity.order, "o-9");
  EXPECT_EQ(opportunity.create_date, absl::CivilDay(2016, 10, 20));
  ASSERT_EQ(opportunity.stage_history.size(), 2u);
  const auto midnight = [](int y, int m, int d) {
    return absl::FromCivil(absl::CivilDay(y, m, d), absl::UTCTimeZone());
  };
  EXPECT_EQ(opportunity.stage_history[0].enter_time, midnight(2016, 10, 1));
  EXPECT_EQ(opportunity.stage_history[0].leave_time, midnight(2016, 10, 20));
  EXPECT_EQ(opportunity.stage_history[1].leave_time, midnight(2017, 3, 1));
  EXPECT_EQ(opportunity.import_mark, (ImportMark{"h1", 1}));
}

TEST(ImportTest, UnknownDatesStayUnknown) {
  ImportRow row = Row();
  row.state = State::kOpen;
  row.open_date.reset();
  row.close_date.reset();
  row.entries = {{"contact", {}}};
  const Opportunity opportunity =
      ApplyImport({}, row, FourStages(), absl::UTCTimeZone(), kNow)->opportunity;
  EXPECT_FALSE(opportunity.create_date);
  EXPECT_FALSE(opportunity.open_date);
  EXPECT_FALSE(opportunity.stage_history[0].enter_time);
  EXPECT_FALSE(opportunity.stage_history[0].leave_time);
}

TEST(ImportTest, RepeatingChangesNothingAndMendingUpdates) {
  Opportunity stored = ApplyImport({}, Row(), FourStages(), absl::UTCTimeZone(), kNow)->opportunity;
  const Imported again =
      *ApplyImport(stored, Row(), FourStages(), absl::UTCTimeZone(), kNow + absl::Hours(1));
  EXPECT_EQ(again.outcome, ImportOutcome::kUnchanged);
  EXPECT_EQ(again.opportunity, stored);

  ImportRow mended = Row();
  mended.hash = "h2";
  mended.content.amount = Money{"CNY", 700};
  const Imported updated =
      *ApplyImport(stored, mended, FourStages(), absl::UTCTimeZone(), kNow + absl::Hours(1));
  EXPECT_EQ(updated.outcome, ImportOutcome::kUpdated);
  EXPECT_EQ(updated.opportunity.content.amount->minor_units, 700);
  EXPECT_EQ(updated.opportunity.create_time, kNow);
  EXPECT_EQ(updated.opportunity.import_mark, (ImportMark{"h2", 2}));

  stored.version = 2;  // Somebody worked on it.
  EXPECT_EQ(ApplyImport(stored, Row(), FourStages(), absl::UTCTimeZone(), kNow)->outcome,
            ImportOutcome::kUnchanged);
  EXPECT_EQ(ReasonOf(ApplyImport(stored, mended, FourStages(), absl::UTCTimeZone(), kNow).status()),
            "CHANGED_SINCE_IMPORT");
  stored.import_mark.reset();
  EXPECT_EQ(ReasonOf(ApplyImport(stored, Row(), FourStages(), absl::UTCTimeZone(), kNow).status()),
            "NOT_IMPORTED");
}

TEST(ImportTest, UnknownStageIsRefused) {
  ImportRow row = Row();
  row.entries[0].stage = "nowhere";
  EXPECT_EQ(ReasonOf(ApplyImport({}, row, FourStages(), absl::UTCTimeZone(), kNow).status()),
            "STAGE_UNKNOWN");
}

}  // namespace
}  // namespace milepost::opportunity
