#include "target-svc/service/action_service.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::ActionPlanService::Stub;

// A plan of revenue for west by member, and a budget for promotion.
class ActionServiceTest : public TargetTest {
 protected:
  ActionServiceTest()
      : TargetTest([](const Parts& parts) {
          std::vector<std::unique_ptr<grpc::Service>> services;
          services.push_back(std::make_unique<ActionPlanService>(
              parts.runner, parts.directory, reporting::v1::ReportService::NewStub(parts.reports)));
          return services;
        }),
        stub_(v1::ActionPlanService::NewStub(host_.channel())) {
    MakePlan("west-18", 3'000'000, "west");
    v1::SplitNodesRequest members = OfRoot("west-18");
    Weighted(members, v1::MEMBER, {{"members/anna", 2}, {"members/bert", 1}});
    const auto split = Split(zoe_, members);
    EXPECT_THAT(split, IsOk());
    for (const v1::Node& node : Children(split)) {
      if (node.key() == "members/anna" || node.key() == "anna") annas_ = node.name();
    }
    v1::CreatePlanRequest budget = PlanRequest("promotion-18", 500'000, "west");
    budget.mutable_plan()->set_metric("metrics/spend-promotion");
    EXPECT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, budget), IsOk());
    // So that those who have a target see it.
    EXPECT_THAT(Submit(mia_, "west-18"), IsOk());
    EXPECT_THAT(Approve(sam_, "west-18"), IsOk());
    EXPECT_THAT(Activate(mia_, "west-18"), IsOk());
  }

  // A promotion in March with three milestones.
  v1::CreateActionPlanRequest Promotion(const std::string& id, const std::string& node = "") {
    v1::CreateActionPlanRequest request;
    request.set_action_id(id);
    v1::ActionPlan& action = *request.mutable_action_plan();
    action.set_node(node.empty() ? annas_ : node);
    action.set_kind(v1::ActionPlan::PROMOTION);
    action.set_title("春季品鉴会");
    action.set_reason("老客户回访率下降");
    action.set_owner("members/anna");
    action.add_participants("members/bert");
    action.set_place("成都");
    *action.mutable_period() = Range(CivilDay(2018, 3, 1), CivilDay(2018, 3, 31));
    action.set_method("邀请 A 类客户");
    action.set_budget_units(100'000);
    action.set_budget_node("plans/promotion-18/nodes/root");
    action.set_expected_units(400'000);
    AddMilestone(action, "invite", CivilDay(2018, 3, 5));
    AddMilestone(action, "hold", CivilDay(2018, 3, 15));
    AddMilestone(action, "follow-up", CivilDay(2018, 3, 31));
    return request;
  }
  static void AddMilestone(v1::ActionPlan& action, const std::string& id, CivilDay due) {
    v1::ActionPlan::Milestone& milestone = *action.add_milestones();
    milestone.set_id(id);
    milestone.set_title("里程碑 " + id);
    *milestone.mutable_due_date() = milepost::ToProto(due);
  }
  absl::StatusOr<v1::ActionPlan> Create(const Who& who,
                                        const v1::CreateActionPlanRequest& request) {
    return Do(&Stub::CreateActionPlan, *stub_, who, request);
  }
  absl::StatusOr<v1::ActionPlan> Get(const Who& who, const std::string& id) {
    v1::GetActionPlanRequest request;
    request.set_name("plans/west-18/actions/" + id);
    return Do(&Stub::GetActionPlan, *stub_, who, request);
  }
  template <typename Request, typename Method>
  absl::StatusOr<v1::ActionPlan> Say(Method method, const Who& who, const std::string& id,
                                     Request request = {}) {
    request.set_name("plans/west-18/actions/" + id);
    return Do(method, *stub_, who, request);
  }
  absl::StatusOr<v1::ActionPlan> Start(const Who& who, const std::string& id) {
    return Say<v1::StartActionPlanRequest>(&Stub::StartActionPlan, who, id);
  }
  absl::StatusOr<v1::ActionPlan> Reach(const Who& who, const std::string& id,
                                       const std::string& milestone, CivilDay day) {
    v1::ReachMilestoneRequest request;
    request.set_milestone(milestone);
    *request.mutable_done_date() = milepost::ToProto(day);
    return Say(&Stub::ReachMilestone, who, id, request);
  }
  absl::StatusOr<v1::ActionPlan> Record(const Who& who, const std::string& id,
                                        v1::ActionPlan::Entry::EntryKind kind, CivilDay day,
                                        int64_t value, int corrects = 0) {
    v1::RecordActionEntryRequest request;
    v1::ActionPlan::Entry& entry = *request.mutable_entry();
    entry.set_entry_kind(kind);
    *entry.mutable_date() = milepost::ToProto(day);
    entry.set_value_units(value);
    entry.set_corrects(corrects);
    if (corrects > 0) entry.set_note("记错了");
    return Say(&Stub::RecordActionEntry, who, id, request);
  }
  absl::StatusOr<v1::TrackActionPlanResponse> Track(const Who& who, const std::string& id,
                                                    CivilDay day) {
    v1::TrackActionPlanRequest request;
    request.set_name("plans/west-18/actions/" + id);
    *request.mutable_as_of_date() = milepost::ToProto(day);
    return Do(&Stub::TrackActionPlan, *stub_, who, request);
  }

  std::string annas_;
  std::unique_ptr<v1::ActionPlanService::Stub> stub_;
};

TEST_F(ActionServiceTest, IsMadeByWhoseTargetItIsAndSeenByWhoSeesIt) {
  v1::CreateActionPlanRequest request = Promotion("spring");
  request.mutable_action_plan()->clear_budget_node();
  request.set_request_id(kRequestId);
  const auto made = Create(anna_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->name(), "plans/west-18/actions/spring");
  EXPECT_EQ(made->state(), v1::ActionPlan::PLANNED);
  EXPECT_EQ(made->creator(), "members/anna");
  EXPECT_EQ(Create(anna_, request)->etag(), made->etag()) << "a repeat changes nothing";
  EXPECT_THAT(Create(mia_, Promotion("from-mia")), IsOk());
  EXPECT_THAT(Create(bert_, Promotion("from-bert")), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Create(max_, Promotion("from-max")), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  // Bert takes part; the root is in anna's chain, but not hers to plan for.
  for (const Who& who : {anna_, bert_, mia_, zoe_, sam_, ann_})
    EXPECT_THAT(Get(who, "spring"), IsOk()) << who.member;
  for (const Who& who : {max_, eve_})
    EXPECT_THAT(Get(who, "spring"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Create(anna_, Promotion("for-west", "plans/west-18/nodes/root")),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_ACT"));
  v1::CreateActionPlanRequest of_eve = Promotion("of-eve");
  of_eve.mutable_action_plan()->set_owner("members/eve");
  EXPECT_THAT(Create(mia_, of_eve), Fails(StatusCode::kPermissionDenied, "MAY_NOT_ACT"));
}

TEST_F(ActionServiceTest, RefusesWhatDoesNotFit) {
  v1::CreateActionPlanRequest request = Promotion("bad");
  v1::ActionPlan& action = *request.mutable_action_plan();
  action.clear_title();
  action.clear_kind();
  action.set_budget_units(-1);
  action.mutable_milestones(1)->set_id("invite");
  *action.mutable_milestones(2)->mutable_due_date() = milepost::ToProto(CivilDay(2018, 3, 4));
  const auto refused = Create(mia_, request);
  for (const char* field : {"action_plan.title", "action_plan.kind", "action_plan.budget_units",
                            "action_plan.milestones[1].id", "action_plan.milestones[2].due_date"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  v1::CreateActionPlanRequest late = Promotion("late");
  AddMilestone(*late.mutable_action_plan(), "later", CivilDay(2018, 4, 1));
  EXPECT_THAT(Create(mia_, late), NamesField("action_plan.milestones[3].due_date"));
  v1::CreateActionPlanRequest budget = Promotion("budget");
  budget.mutable_action_plan()->set_budget_node("plans/west-18/nodes/root");
  EXPECT_THAT(Create(mia_, budget), NamesField("action_plan.budget_node"));
  budget.mutable_action_plan()->set_budget_node("plans/nothing/nodes/root");
  EXPECT_THAT(Create(mia_, budget), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  v1::CreateActionPlanRequest measure = Promotion("measure");
  measure.mutable_action_plan()->mutable_measure()->set_member("members/bert");
  EXPECT_THAT(Create(mia_, measure), NamesField("action_plan.measure.member"));
  measure.mutable_action_plan()->set_node("plans/west-18/nodes/root");
  measure.mutable_action_plan()->mutable_measure()->set_member("members/eve");
  EXPECT_THAT(Create(mia_, measure), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"))
      << "her figures are not west's to show";
}

TEST_F(ActionServiceTest, ProgressAndSlippageFollowTheMilestones) {
  ASSERT_THAT(Create(mia_, Promotion("spring")), IsOk());
  EXPECT_THAT(Reach(anna_, "spring", "invite", CivilDay(2018, 3, 7)),
              Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));
  EXPECT_THAT(Start(bert_, "spring"), Fails(StatusCode::kPermissionDenied, "MAY_NOT_ACT"));
  ASSERT_THAT(Start(anna_, "spring"), IsOk());
  ASSERT_THAT(Reach(anna_, "spring", "invite", CivilDay(2018, 3, 7)), IsOk());
  EXPECT_THAT(Reach(anna_, "spring", "invite", CivilDay(2018, 3, 7)),
              Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));
  EXPECT_THAT(Reach(anna_, "spring", "party", CivilDay(2018, 3, 7)), NamesField("milestone"));
  const auto track = Track(bert_, "spring", CivilDay(2018, 3, 20));
  ASSERT_THAT(track, IsOk());
  EXPECT_EQ(track->progress_ppm(), 333'333);
  EXPECT_EQ(track->expected_progress_ppm(), 666'667);
  EXPECT_EQ(track->slippage_days(), 5);
  EXPECT_EQ(track->next_milestone(), "hold");
  EXPECT_EQ(track->milestones(0).late_days(), 2);

  // What was reached cannot be left out; what stays keeps when it was reached.
  v1::UpdateActionPlanRequest update;
  update.mutable_action_plan()->set_name("plans/west-18/actions/spring");
  AddMilestone(*update.mutable_action_plan(), "hold", CivilDay(2018, 3, 25));
  EXPECT_THAT(Do(&Stub::UpdateActionPlan, *stub_, mia_, update),
              NamesField("action_plan.milestones"));
  update.mutable_action_plan()->clear_milestones();
  AddMilestone(*update.mutable_action_plan(), "invite", CivilDay(2018, 3, 5));
  AddMilestone(*update.mutable_action_plan(), "hold", CivilDay(2018, 3, 25));
  EXPECT_THAT(Do(&Stub::UpdateActionPlan, *stub_, bert_, update),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_ACT"));
  const auto updated = Do(&Stub::UpdateActionPlan, *stub_, mia_, update);
  ASSERT_THAT(updated, IsOk());
  EXPECT_TRUE(updated->milestones(0).has_done_date());
  EXPECT_EQ(Track(anna_, "spring", CivilDay(2018, 3, 20))->slippage_days(), 0);
  v1::ReachMilestoneRequest reopen;
  reopen.set_milestone("invite");
  reopen.set_reopen(true);
  EXPECT_THAT(Say(&Stub::ReachMilestone, anna_, "spring", reopen), NamesField("note"));
  reopen.set_note("有人没有收到");
  EXPECT_FALSE(Say(&Stub::ReachMilestone, anna_, "spring", reopen)->milestones(0).has_done_date());

  v1::FinishActionPlanRequest finish;
  finish.set_result("签约 3 家");
  EXPECT_EQ(Say(&Stub::FinishActionPlan, anna_, "spring", finish)->state(), v1::ActionPlan::DONE);
  v1::CancelActionPlanRequest cancel;
  cancel.set_reason("预算没有批");
  EXPECT_THAT(Say(&Stub::CancelActionPlan, mia_, "spring", cancel),
              Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));
}

TEST_F(ActionServiceTest, WhatItBroughtAndCostIsComparedWithWhatWasExpected) {
  v1::CreateActionPlanRequest request = Promotion("spring");
  request.mutable_action_plan()->mutable_measure()->set_channel("online");
  request.mutable_action_plan()->mutable_measure()->set_baseline_units(310'000);
  ASSERT_THAT(Create(mia_, request), IsOk());
  ASSERT_THAT(Start(anna_, "spring"), IsOk());
  using Entry = v1::ActionPlan::Entry;
  ASSERT_THAT(Record(anna_, "spring", Entry::CONTRIBUTION, CivilDay(2018, 3, 16), 500'000), IsOk());
  ASSERT_THAT(Record(anna_, "spring", Entry::SPEND, CivilDay(2018, 3, 16), 40'000), IsOk());
  const auto corrected =
      Record(anna_, "spring", Entry::CONTRIBUTION, CivilDay(2018, 3, 16), 50'000, 1);
  ASSERT_THAT(corrected, IsOk());
  EXPECT_EQ(corrected->entries(0).corrected_by(), 3);
  EXPECT_EQ(corrected->entries(0).value_units(), 500'000) << "what was written stays";
  EXPECT_THAT(Record(anna_, "spring", Entry::CONTRIBUTION, CivilDay(2018, 3, 16), 1, 1),
              Fails(StatusCode::kFailedPrecondition, "ALREADY_CORRECTED"));
  EXPECT_THAT(Record(anna_, "spring", Entry::SPEND, CivilDay(2018, 3, 16), 1, 3),
              NamesField("entry.entry_kind"));
  reports_.by_month[CivilDay(2018, 3, 1)] = 350'000;
  const auto track = Track(anna_, "spring", CivilDay(2018, 3, 31));
  ASSERT_THAT(track, IsOk());
  EXPECT_EQ(track->recorded_units(), 50'000);
  EXPECT_EQ(track->measured_units(), 40'000);
  EXPECT_EQ(track->contributed_units(), 90'000);
  EXPECT_EQ(track->contribution_ppm(), 225'000);
  EXPECT_EQ(track->spent_units(), 40'000);
  EXPECT_EQ(track->spent_ppm(), 400'000);
  ASSERT_THAT(reports_.requests, SizeIs(1));
  EXPECT_EQ(reports_.requests[0].filter().member(), "members/anna");
  EXPECT_EQ(reports_.requests[0].filter().channel(), "online");
  EXPECT_EQ(Track(anna_, "spring", CivilDay(2018, 3, 15))->recorded_units(), 0)
      << "what came later is not there yet";
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_EQ(Track(anna_, "spring", CivilDay(2018, 3, 31)).status().code(),
            StatusCode::kUnavailable);
}

TEST_F(ActionServiceTest, ListsByPlanOwnerAndWhatIsLateInPages) {
  for (const char* id : {"a", "b", "c"}) ASSERT_THAT(Create(mia_, Promotion(id)), IsOk());
  ASSERT_THAT(Create(mia_, Promotion("root", "plans/west-18/nodes/root")), IsOk());
  const auto names = [&](const Who& who, v1::ListActionPlansRequest request) {
    std::vector<std::string> all;
    do {
      const auto page = Do(&Stub::ListActionPlans, *stub_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return all;
      for (const auto& action : page->action_plans()) all.push_back(action.name().substr(22));
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return all;
  };
  v1::ListActionPlansRequest of_plan;
  of_plan.set_plan("plans/west-18");
  for (int size = 1; size <= 5; ++size) {
    of_plan.set_page_size(size);
    EXPECT_THAT(names(mia_, of_plan), ElementsAre("a", "b", "c", "root"));
  }
  EXPECT_THAT(names(max_, of_plan), IsEmpty());
  of_plan.set_node(annas_);
  EXPECT_THAT(names(mia_, of_plan), ElementsAre("a", "b", "c"));
  v1::ListActionPlansRequest of_anna;
  of_anna.set_owner("members/anna");
  of_anna.set_page_size(3);
  EXPECT_THAT(names(anna_, of_anna), ElementsAre("a", "b", "c", "root"));
  v1::CancelActionPlanRequest cancel;
  cancel.set_reason("不做了");
  ASSERT_THAT(Say(&Stub::CancelActionPlan, mia_, "b", cancel), IsOk());
  of_anna.set_overdue_only(true);
  EXPECT_THAT(names(anna_, of_anna), ElementsAre("a", "c", "root"));
  of_anna.set_state(v1::ActionPlan::CANCELLED);
  of_anna.set_overdue_only(false);
  EXPECT_THAT(names(anna_, of_anna), ElementsAre("b"));
  of_anna.set_kind(v1::ActionPlan::COLLECTION);
  EXPECT_THAT(names(anna_, of_anna), IsEmpty());
  EXPECT_THAT(Do(&Stub::ListActionPlans, *stub_, anna_, {}), NamesField("plan"));
}

}  // namespace
}  // namespace milepost::target
