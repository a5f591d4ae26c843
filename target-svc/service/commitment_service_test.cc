#include "absl/strings/str_cat.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using Stub = v1::CommitmentService::Stub;
using absl::StatusCode;

// Plan `y` of 1,000: west 600 (anna 400, bert 200), east 400.
class CommitmentServiceTest : public TargetTest {
 protected:
  void MakeTree(v1::CommitmentPolicy policy, v1::PlanVisibility visibility = v1::PRIVATE) {
    v1::CreatePlanRequest request = PlanRequest("y", 1'000, "company");
    request.mutable_plan()->set_commitment_policy(policy);
    request.mutable_plan()->set_visibility(visibility);
    ASSERT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, request), IsOk());
    SplitInto("root", v1::UNIT, {{"units/west", 600}, {"units/east", 400}});
    ids_ = {{"west", Id("单位 west")}, {"east", Id("单位 east")}};
    SplitInto(ids_["west"], v1::MEMBER, {{"members/anna", 400}, {"members/bert", 200}});
    ids_["anna"] = Id("成员 anna");
    ids_["bert"] = Id("成员 bert");
  }

  void SplitInto(const std::string& node, v1::Dimension dimension,
                 const std::vector<std::pair<std::string, int64_t>>& parts) {
    v1::SplitNodesRequest request;
    request.set_plan("plans/y");
    Weighted(request, dimension, parts).mutable_nodes()->add_nodes("plans/y/nodes/" + node);
    ASSERT_THAT(Split(zoe_, request), IsOk());
  }

  std::string Id(const std::string& display_name) {
    v1::ListNodesRequest request;
    request.set_plan("plans/y");
    request.set_page_size(500);
    for (const v1::Node& node : AllNodes(zoe_, request)) {
      if (node.display_name() == display_name) return node.name().substr(14);
    }
    ADD_FAILURE() << display_name;
    return "none";
  }

  absl::StatusOr<v1::Commitment> Propose(const Who& who, const std::string& node, int64_t units,
                                         const std::string& note = "") {
    v1::ProposeCommitmentRequest request;
    request.set_node("plans/y/nodes/" + ids_[node]);
    request.set_committed_units(units);
    request.set_note(note);
    return Do(&Stub::ProposeCommitment, *commitments_, who, request);
  }
  std::string Name(const std::string& node) { return "plans/y/commitments/" + ids_[node]; }
  absl::StatusOr<v1::Commitment> Accept(const Who& who, const std::string& node) {
    v1::AcceptCommitmentRequest request;
    request.set_name(Name(node));
    return Do(&Stub::AcceptCommitment, *commitments_, who, request);
  }
  absl::StatusOr<v1::Commitment> Counter(const Who& who, const std::string& node, int64_t units) {
    v1::CounterCommitmentRequest request;
    request.set_name(Name(node));
    request.set_counter_units(units);
    request.set_note("再加一点");
    return Do(&Stub::CounterCommitment, *commitments_, who, request);
  }
  absl::StatusOr<v1::Commitment> Get(const Who& who, const std::string& node) {
    v1::GetCommitmentRequest request;
    request.set_name(Name(node));
    return Do(&Stub::GetCommitment, *commitments_, who, request);
  }

  // `display name: basis committed/target`, page by page.
  std::vector<std::string> Rollup(const Who& who, v1::ListRollupRowsRequest request = {},
                                  int page_size = 2) {
    request.set_plan("plans/y");
    request.set_page_size(page_size);
    std::vector<std::string> lines;
    while (true) {
      const auto page = Do(&Stub::ListRollupRows, *commitments_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return lines;
      for (const v1::RollupRow& row : page->rows()) {
        lines.push_back(absl::StrCat(row.display_name(), ": ",
                                     v1::RollupRow::Basis_Name(row.basis()), " ",
                                     row.committed_units(), "/", row.target_units()));
      }
      if (page->next_page_token().empty()) return lines;
      request.set_page_token(page->next_page_token());
    }
  }

  std::map<std::string, std::string> ids_;
};

TEST_F(CommitmentServiceTest, ProposedCounteredTakenAndKept) {
  MakeTree(v1::COMMITMENTS_OPEN);
  const auto proposed = Propose(anna_, "anna", 350, "老客户流失");
  ASSERT_THAT(proposed, IsOk());
  EXPECT_EQ(proposed->name(), Name("anna"));
  EXPECT_EQ(proposed->state(), v1::Commitment::PROPOSED);
  EXPECT_EQ(proposed->member(), "members/anna");
  EXPECT_EQ(Accept(anna_, "anna").status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Counter(max_, "anna", 390), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  const auto countered = Counter(mia_, "anna", 390);
  ASSERT_THAT(countered, IsOk());
  EXPECT_EQ(countered->state(), v1::Commitment::COUNTERED);
  EXPECT_EQ(countered->counter_units(), 390);
  EXPECT_EQ(countered->committed_units(), 350);
  EXPECT_EQ(countered->decider(), "members/mia");
  EXPECT_THAT(Accept(zoe_, "anna"),
              Fails(StatusCode::kFailedPrecondition, "WRONG_COMMITMENT_STATE"));
  v1::AcceptCounterRequest take;
  take.set_name(Name("anna"));
  EXPECT_THAT(Do(&Stub::AcceptCounter, *commitments_, mia_, take),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_COMMIT"));
  take.set_etag(proposed->etag());
  EXPECT_THAT(Do(&Stub::AcceptCounter, *commitments_, anna_, take),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  take.set_etag(countered->etag());
  take.set_request_id(kRequestId);
  const auto taken = Do(&Stub::AcceptCounter, *commitments_, anna_, take);
  ASSERT_THAT(taken, IsOk());
  EXPECT_EQ(taken->state(), v1::Commitment::ACCEPTED);
  EXPECT_EQ(taken->committed_units(), 390);
  EXPECT_FALSE(taken->has_counter_units());
  EXPECT_EQ(Do(&Stub::AcceptCounter, *commitments_, anna_, take)->etag(), taken->etag());
  // Who committed again starts anew; the history tells all of it.
  ASSERT_THAT(Propose(anna_, "anna", 410), IsOk());
  v1::RejectCommitmentRequest reject;
  reject.set_name(Name("anna"));
  EXPECT_THAT(Do(&Stub::RejectCommitment, *commitments_, mia_, reject), NamesField("note"));
  reject.set_note("过高");
  ASSERT_THAT(Do(&Stub::RejectCommitment, *commitments_, mia_, reject), IsOk());
  const auto stored = Get(mia_, "anna");
  ASSERT_THAT(stored, IsOk());
  std::vector<std::string> steps;
  for (const v1::Commitment::Step& step : stored->steps()) {
    steps.push_back(absl::StrCat(v1::Commitment::Action_Name(step.action()), " ", step.member(),
                                 " ", step.value_units(), "/", step.target_units(), " ",
                                 step.note()));
  }
  EXPECT_THAT(
      steps,
      ElementsAre("PROPOSE members/anna 350/400 老客户流失", "COUNTER members/mia 390/400 再加一点",
                  "ACCEPT_COUNTER members/anna 390/400 ", "PROPOSE members/anna 410/400 ",
                  "REJECT members/mia 410/400 过高"));
}

TEST_F(CommitmentServiceTest, LeadersCommitForTheirUnitAndNobodyDecidesAlone) {
  MakeTree(v1::COMMITMENTS_OPEN);
  EXPECT_THAT(Propose(zoe_, "west", 600), Fails(StatusCode::kPermissionDenied, "MAY_NOT_COMMIT"));
  EXPECT_THAT(Propose(sam_, "west", 600), Fails(StatusCode::kPermissionDenied, "MAY_NOT_COMMIT"));
  ASSERT_THAT(Propose(mia_, "west", 580), IsOk());
  EXPECT_THAT(Accept(mia_, "west"), Fails(StatusCode::kPermissionDenied, "OWN_COMMITMENT"));
  EXPECT_THAT(Accept(zoe_, "west"), IsOk());
  v1::ProposeCommitmentRequest root;
  root.set_node("plans/y/nodes/root");
  root.set_committed_units(990);
  ASSERT_THAT(Do(&Stub::ProposeCommitment, *commitments_, zoe_, root), IsOk());
  ids_["root"] = "root";
  EXPECT_THAT(Accept(zoe_, "root"), Fails(StatusCode::kPermissionDenied, "OWN_COMMITMENT"));
  EXPECT_THAT(Accept(sam_, "root"), IsOk());
}

TEST_F(CommitmentServiceTest, OnlyAPlanThatTakesThemWhileItIsMade) {
  MakeTree(v1::COMMITMENTS_CLOSED);
  // Whoever has a target in it does not even see it.
  EXPECT_THAT(Propose(anna_, "anna", 1), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Propose(mia_, "west", 1), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  v1::UpdatePlanRequest open;
  open.mutable_plan()->set_name("plans/y");
  open.mutable_plan()->set_commitment_policy(v1::COMMITMENTS_OPEN);
  ASSERT_THAT(Do(&v1::PlanService::Stub::UpdatePlan, *plans_, zoe_, open), IsOk());
  EXPECT_THAT(Propose(anna_, "anna", 1), IsOk());
  ASSERT_THAT(Submit(zoe_, "y"), IsOk());
  EXPECT_THAT(Accept(mia_, "anna"), IsOk());
  // Not while somebody relies on it.
  open.mutable_plan()->set_commitment_policy(v1::COMMITMENTS_CLOSED);
  EXPECT_THAT(Do(&v1::PlanService::Stub::UpdatePlan, *plans_, zoe_, open),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  ASSERT_THAT(Approve(sam_, "y"), IsOk());
  EXPECT_THAT(Propose(anna_, "anna", 2),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  EXPECT_EQ(Get(anna_, "anna")->state(), v1::Commitment::ACCEPTED);
}

TEST_F(CommitmentServiceTest, AllBadFieldsAtOnce) {
  v1::CounterCommitmentRequest request;
  request.set_name("plans/y/nodes/n1");
  request.set_counter_units(-1);
  request.set_note(std::string(501, 'x'));
  request.set_etag("?");
  const auto refused = Do(&Stub::CounterCommitment, *commitments_, mia_, request);
  for (const char* field : {"name", "counter_units", "note", "etag"})
    EXPECT_THAT(refused, NamesField(field));
  v1::ListRollupRowsRequest rows;
  rows.set_plan("plans/y");
  rows.set_under("plans/other/nodes/n1");
  rows.set_max_levels(17);
  rows.set_page_size(501);
  const auto bad = Do(&Stub::ListRollupRows, *commitments_, zoe_, rows);
  for (const char* field : {"under", "max_levels", "page_size"})
    EXPECT_THAT(bad, NamesField(field));
}

TEST_F(CommitmentServiceTest, RollUpShowsWhatWasSetAgainstWhatWasCommitted) {
  MakeTree(v1::COMMITMENTS_OPEN);
  ASSERT_THAT(Propose(anna_, "anna", 350), IsOk());
  ASSERT_THAT(Propose(max_, "east", 420), IsOk());
  ASSERT_THAT(Accept(zoe_, "east"), IsOk());
  for (int size = 1; size <= 6; ++size) {
    EXPECT_THAT(
        Rollup(zoe_, {}, size),
        ElementsAre("2018 年销售额: BELOW 770/1000", "单位 west: BELOW 350/600",
                    "成员 anna: OWN 350/400", "成员 bert: OPEN 0/200", "单位 east: OWN 420/400"));
  }
  v1::ListRollupRowsRequest accepted;
  accepted.set_accepted_only(true);
  accepted.set_max_levels(1);
  EXPECT_THAT(Rollup(zoe_, accepted),
              ElementsAre("2018 年销售额: BELOW 420/1000", "单位 west: OPEN 0/600",
                          "单位 east: OWN 420/400"));
  // A member sees the own chain, a peer's numbers only if the plan is public.
  EXPECT_THAT(Rollup(anna_), ElementsAre("2018 年销售额: BELOW 770/1000",
                                         "单位 west: BELOW 350/600", "成员 anna: OWN 350/400"));
  EXPECT_THAT(Get(bert_, "anna"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Get(mia_, "anna"), IsOk());
  v1::UpdatePlanRequest publish;
  publish.mutable_plan()->set_name("plans/y");
  publish.mutable_plan()->set_visibility(v1::PUBLIC);
  ASSERT_THAT(Do(&v1::PlanService::Stub::UpdatePlan, *plans_, zoe_, publish), IsOk());
  EXPECT_EQ(Rollup(bert_).size(), 5u);
  EXPECT_THAT(Get(bert_, "anna"), IsOk());
  // The numbers are public, what was said is not.
  ASSERT_THAT(Propose(anna_, "anna", 350, "老客户流失"), IsOk());
  EXPECT_EQ(Get(bert_, "anna")->steps(1).note(), "");
  EXPECT_EQ(Get(bert_, "anna")->steps(1).value_units(), 350);
  for (const Who& who : {anna_, mia_, zoe_, sam_, ann_})
    EXPECT_EQ(Get(who, "anna")->steps(1).note(), "老客户流失") << who.member;
  v1::ListRollupRowsRequest under;
  under.set_under("plans/y/nodes/" + ids_["west"]);
  const std::vector<std::string> west = Rollup(bert_, under);
  EXPECT_THAT(west, ElementsAre("单位 west: BELOW 350/600", "成员 anna: OWN 350/400",
                                "成员 bert: OPEN 0/200"));
}

TEST_F(CommitmentServiceTest, ListsByFilterPageByPage) {
  MakeTree(v1::COMMITMENTS_OPEN);
  ASSERT_THAT(Propose(mia_, "west", 600), IsOk());
  ASSERT_THAT(Propose(anna_, "anna", 350), IsOk());
  ASSERT_THAT(Propose(bert_, "bert", 200), IsOk());
  ASSERT_THAT(Propose(max_, "east", 400), IsOk());
  ASSERT_THAT(Accept(mia_, "bert"), IsOk());
  const auto list = [&](const Who& who, v1::ListCommitmentsRequest request, int size) {
    request.set_plan("plans/y");
    request.set_page_size(size);
    std::vector<std::string> members;
    while (true) {
      const auto page = Do(&Stub::ListCommitments, *commitments_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return members;
      for (const v1::Commitment& commitment : page->commitments()) {
        members.push_back(commitment.member());
        EXPECT_FALSE(commitment.steps().empty());
      }
      if (page->next_page_token().empty()) return members;
      request.set_page_token(page->next_page_token());
    }
  };
  for (int size = 1; size <= 5; ++size) {
    EXPECT_THAT(list(zoe_, {}, size),
                ElementsAre("members/mia", "members/anna", "members/bert", "members/max"));
    EXPECT_THAT(list(anna_, {}, size), ElementsAre("members/mia", "members/anna"));
  }
  v1::ListCommitmentsRequest request;
  request.set_state(v1::Commitment::ACCEPTED);
  EXPECT_THAT(list(zoe_, request, 50), ElementsAre("members/bert"));
  request.clear_state();
  request.set_member("members/anna");
  EXPECT_THAT(list(zoe_, request, 50), ElementsAre("members/anna"));
  request.clear_member();
  request.set_under("plans/y/nodes/" + ids_["east"]);
  EXPECT_THAT(list(zoe_, request, 50), ElementsAre("members/max"));
  // With its node a commitment is gone, and comes back with it.
  v1::RemoveBreakdownRequest remove;
  remove.set_name("plans/y/nodes/" + ids_["west"]);
  remove.set_breakdown("member");
  ASSERT_THAT(Do(&v1::NodeService::Stub::RemoveBreakdown, *nodes_, zoe_, remove), IsOk());
  EXPECT_THAT(list(zoe_, {}, 50), ElementsAre("members/mia", "members/max"));
  EXPECT_THAT(Get(zoe_, "anna"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  v1::UndoPlanChangeRequest undo;
  undo.set_name("plans/y");
  ASSERT_THAT(Do(&v1::PlanService::Stub::UndoPlanChange, *plans_, zoe_, undo), IsOk());
  EXPECT_THAT(Get(zoe_, "anna"), IsOk());
}

TEST_F(CommitmentServiceTest, WhatIsNotCommittedToIsAWarning) {
  MakeTree(v1::COMMITMENTS_OPEN);
  ASSERT_THAT(Propose(anna_, "anna", 350), IsOk());
  v1::CheckPlanResponse check = Check("y");
  EXPECT_TRUE(check.adds_up());
  ASSERT_EQ(check.warnings_size(), 1);  // Nothing is agreed yet.
  EXPECT_EQ(check.warnings(0).kind(), v1::NOT_COMMITTED);
  EXPECT_EQ(check.warnings(0).node(), "plans/y/nodes/root");
  ASSERT_THAT(Accept(mia_, "anna"), IsOk());
  check = Check("y");
  std::vector<std::string> found;
  for (const v1::Violation& warning : check.warnings()) {
    found.push_back(
        absl::StrCat(v1::ViolationKind_Name(warning.kind()), " ", warning.difference_units()));
  }
  EXPECT_THAT(found, ElementsAre("UNDER_COMMITTED 50", "NOT_COMMITTED 200", "NOT_COMMITTED 400"));
  EXPECT_EQ(check.warning_count(), 3);
  // It keeps nothing from being approved.
  ASSERT_THAT(Submit(zoe_, "y"), IsOk());
  const auto approved = Approve(sam_, "y");
  ASSERT_THAT(approved, IsOk());
  EXPECT_EQ(approved->accepted_violation_count(), 0);
}

TEST_F(CommitmentServiceTest, ARequiredCommitmentIsAVarianceToAccept) {
  MakeTree(v1::COMMITMENTS_REQUIRED);
  ASSERT_THAT(Propose(mia_, "west", 600), IsOk());
  ASSERT_THAT(Accept(zoe_, "west"), IsOk());
  v1::CheckPlanResponse check = Check("y");
  EXPECT_FALSE(check.adds_up());
  EXPECT_EQ(check.violation_count(), 1);
  EXPECT_THAT(check.warnings(), IsEmpty());
  ASSERT_THAT(Submit(zoe_, "y"), IsOk());
  EXPECT_THAT(Approve(sam_, "y"), Fails(StatusCode::kFailedPrecondition, "PLAN_DOES_NOT_ADD_UP"));
  EXPECT_THAT(Approve(zoe_, "y"), Fails(StatusCode::kPermissionDenied, "OWN_PLAN"));
  ASSERT_THAT(Propose(max_, "east", 400), IsOk());
  ASSERT_THAT(Accept(zoe_, "east"), IsOk());
  EXPECT_TRUE(Check("y").adds_up());
  ASSERT_THAT(Propose(max_, "east", 300), IsOk());  // Open again.
  v1::ApprovePlanRequest approve;
  approve.set_accept_variance(true);
  EXPECT_THAT(Verb(&v1::PlanService::Stub::ApprovePlan, sam_, "y", approve), NamesField("reason"));
  approve.set_reason("东区另行签订");
  const auto approved = Verb(&v1::PlanService::Stub::ApprovePlan, sam_, "y", approve);
  ASSERT_THAT(approved, IsOk());
  EXPECT_EQ(approved->accepted_violation_count(), 1);
  EXPECT_EQ(approved->accepted_variance_reason(), "东区另行签订");
}

TEST_F(CommitmentServiceTest, GoneWithADeletedDraft) {
  MakeTree(v1::COMMITMENTS_OPEN);
  ASSERT_THAT(Propose(anna_, "anna", 350), IsOk());
  v1::DeletePlanRequest request;
  request.set_name("plans/y");
  ASSERT_THAT(Do(&v1::PlanService::Stub::DeletePlan, *plans_, zoe_, request), IsOk());
  EXPECT_THAT(Get(sam_, "anna"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  // The feed says so.
  const absl::StatusOr<db::Rows> rows =
      host_.database().session().Read([&](db::Snapshot& snapshot) {
        return snapshot.Query({"test", "SELECT COUNT(*) FROM commitments"});
      });
  ASSERT_THAT(rows, IsOk());
  EXPECT_EQ(rows->front().Int64(0), 0);
}

TEST_F(CommitmentServiceTest, TwoDecidersOneWins) {
  MakeTree(v1::COMMITMENTS_OPEN);
  ASSERT_THAT(Propose(anna_, "anna", 350), IsOk());
  std::vector<absl::StatusOr<v1::Commitment>> results(4, absl::UnknownError(""));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back(
        [&, i] { results[i] = i % 2 == 0 ? Accept(mia_, "anna") : Counter(zoe_, "anna", 380); });
  }
  for (std::thread& thread : threads) thread.join();
  int won = 0;
  for (const auto& result : results) {
    won += result.ok();
    EXPECT_EQ(status::ReasonOf(result.status()), result.ok() ? "" : "WRONG_COMMITMENT_STATE");
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(Get(anna_, "anna")->steps_size(), 2);
}

}  // namespace
}  // namespace milepost::target
