// A plan that runs is revised: what is missing is planned anew, and members and units move.
#include "target-svc/service/revision_service.h"

#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::RevisionService::Stub;

class RevisionServiceTest : public TargetTest {
 protected:
  RevisionServiceTest()
      : TargetTest([](const Parts& parts) {
          std::vector<std::unique_ptr<grpc::Service>> services;
          services.push_back(std::make_unique<RevisionService>(
              parts.runner, parts.directory, reporting::v1::ReportService::NewStub(parts.reports)));
          return services;
        }),
        revisions_(v1::RevisionService::NewStub(host_.channel())) {}

  void PutInForce(const std::string& plan) {
    ASSERT_THAT(Submit(zoe_, plan), IsOk());
    ASSERT_THAT(Approve(sam_, plan), IsOk());
    ASSERT_THAT(Activate(zoe_, plan), IsOk());
  }

  static v1::ReplanPlanRequest ReplanRoot(const std::string& plan, CivilDay date) {
    v1::ReplanPlanRequest request;
    request.mutable_replan()->set_node("plans/" + plan + "/nodes/root");
    *request.mutable_replan()->mutable_date() = milepost::ToProto(date);
    request.mutable_replan()->set_reason("一季度未完成");
    return request;
  }

  absl::StatusOr<v1::PreviewReplanResponse> Preview(const Who& who,
                                                    const v1::ReplanPlanRequest& request) {
    v1::PreviewReplanRequest preview;
    *preview.mutable_replan() = request.replan();
    return Do(&Stub::PreviewReplan, *revisions_, who, preview);
  }
  absl::StatusOr<v1::Plan> Replan(const Who& who, const v1::ReplanPlanRequest& request) {
    return Do(&Stub::ReplanPlan, *revisions_, who, request);
  }

  static v1::MoveNodeRequest MoveRequest(const std::string& node, const std::string& parent,
                                         CivilDay date) {
    v1::MoveNodeRequest request;
    request.mutable_move()->set_node(node);
    request.mutable_move()->set_new_parent(parent);
    *request.mutable_move()->mutable_date() = milepost::ToProto(date);
    request.mutable_move()->set_reason("调岗");
    return request;
  }
  absl::StatusOr<v1::Plan> Move(const Who& who, const v1::MoveNodeRequest& request) {
    return Do(&Stub::MoveNode, *revisions_, who, request);
  }
  void Place(const std::string& member, const std::string& unit, CivilDay first) {
    organization::v1::MoveMemberRequest request;
    request.set_name("members/" + member);
    request.set_unit("units/" + unit);
    *request.mutable_first_date() = milepost::ToProto(first);
    ASSERT_THAT(Do(&organization::v1::MemberService::Stub::MoveMember, *members_, sam_, request),
                IsOk());
    Refresh();
  }

  std::vector<v1::Node> Nodes(const std::string& plan, int64_t version = 0) {
    v1::ListNodesRequest list;
    list.set_plan("plans/" + plan);
    list.set_plan_version(version);
    return AllNodes(zoe_, list);
  }
  std::vector<int64_t> Targets(const std::string& plan, int64_t version = 0) {
    return Values(Nodes(plan, version));
  }
  v1::Plan Get(const std::string& plan) {
    v1::GetPlanRequest request;
    request.set_name("plans/" + plan);
    const auto found = Do(&v1::PlanService::Stub::GetPlan, *plans_, zoe_, request);
    EXPECT_THAT(found, IsOk());
    return found.ok() ? *found : v1::Plan();
  }

  // 1,200 in two regions, a third and two thirds, each in even quarters.
  void MakeRegions(const std::string& plan) {
    MakePlan(plan, 1'200);
    v1::SplitNodesRequest regions = OfRoot(plan);
    Weighted(regions, v1::REGION, {{"a", 1}, {"b", 2}});
    ASSERT_THAT(Split(zoe_, regions), IsOk());
    ASSERT_THAT(Split(zoe_, SplitBy(plan, v1::QUARTER, true)), IsOk());
  }

  // 2,400: west 1,200 with anna 720 and bert 480, east 1,200 with eve; each in even months.
  void MakeTeams(const std::string& plan) {
    MakePlan(plan, 2'400);
    v1::SplitNodesRequest units = OfRoot(plan);
    Weighted(units, v1::UNIT, {{"units/west", 1}, {"units/east", 1}});
    const std::vector<v1::Node> made = Children(Split(zoe_, units));
    ASSERT_THAT(made, SizeIs(2));
    v1::SplitNodesRequest west = OfRoot(plan);
    west.mutable_split()->mutable_nodes()->set_nodes(0, made[0].name());
    Weighted(west, v1::MEMBER, {{"members/anna", 3}, {"members/bert", 2}});
    ASSERT_THAT(Split(zoe_, west), IsOk());
    v1::SplitNodesRequest east = OfRoot(plan);
    east.mutable_split()->mutable_nodes()->set_nodes(0, made[1].name());
    Weighted(east, v1::MEMBER, {{"members/eve", 1}});
    ASSERT_THAT(Split(zoe_, east), IsOk());
    ASSERT_THAT(Split(zoe_, SplitBy(plan, v1::MONTH, true)), IsOk());
    west_ = made[0].name();
    east_ = made[1].name();
  }
  std::vector<v1::Node> OfMember(const std::string& plan, const std::string& member) {
    v1::ListNodesRequest list;
    list.set_plan("plans/" + plan);
    list.set_member("members/" + member);
    list.set_dimension(v1::MEMBER);
    return AllNodes(zoe_, list);
  }
  std::vector<v1::Node> Below(const v1::Node& node) {
    v1::ListNodesRequest list;
    list.set_plan(node.plan());
    list.set_under(node.name());
    list.set_dimension(v1::PERIOD);
    return AllNodes(zoe_, list);
  }

  const std::unique_ptr<v1::RevisionService::Stub> revisions_;
  std::string west_;
  std::string east_;
};

TEST_F(RevisionServiceTest, SpreadsWhatIsMissing) {
  MakeRegions("roll");
  PutInForce("roll");
  const int64_t original = Get("roll").plan_version();
  EXPECT_EQ(Get("roll").baseline_version(), 0);
  for (int month = 1; month <= 3; ++month) reports_.by_month[CivilDay(2018, month, 1)] = 30;
  const v1::ReplanPlanRequest request = ReplanRoot("roll", CivilDay(2018, 4, 1));

  const auto preview = Preview(zoe_, request);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->settled_node_count(), 2);
  EXPECT_EQ(preview->settled(1).target_units(), 200);
  EXPECT_EQ(preview->settled(1).achieved_units(), 90);
  EXPECT_EQ(preview->planned_units(), 300);
  EXPECT_EQ(preview->achieved_units(), 180);
  EXPECT_EQ(preview->missing_units(), 120);
  EXPECT_EQ(preview->changed_node_count(), 6);
  EXPECT_THAT(Values({preview->nodes().begin(), preview->nodes().end()}),
              ElementsAre(104, 103, 103, 237, 237, 236));
  EXPECT_EQ(Get("roll").plan_version(), original);
  ASSERT_THAT(reports_.requests, SizeIs(2));
  EXPECT_EQ(reports_.requests[0].filter().region(), "a");

  const auto replanned = Replan(zoe_, request);
  ASSERT_THAT(replanned, IsOk());
  EXPECT_EQ(replanned->plan_version(), original + 1);
  EXPECT_EQ(replanned->baseline_version(), original);
  const std::vector<v1::Node> nodes = Nodes("roll");
  EXPECT_THAT(Values(nodes), ElementsAre(1'200, 400, 100, 104, 103, 103, 800, 200, 237, 237, 236));
  EXPECT_EQ(nodes[2].counted_units(), 90);
  EXPECT_FALSE(nodes[3].has_counted_units());
  EXPECT_THAT(nodes[3].explanation().description(), HasSubstr("its share of what is open"));
  EXPECT_TRUE(Check("roll").adds_up());

  // The original is the baseline, readable and to be compared with.
  EXPECT_THAT(Targets("roll", original),
              ElementsAre(1'200, 400, 100, 100, 100, 100, 800, 200, 200, 200, 200));
  v1::ComparePlanVersionsRequest compare;
  compare.set_plan("plans/roll");
  compare.set_from_version(replanned->baseline_version());
  const auto differences = Do(&v1::PlanService::Stub::ComparePlanVersions, *plans_, zoe_, compare);
  ASSERT_THAT(differences, IsOk());
  ASSERT_EQ(differences->differences_size(), 8);
  int counts = 0;
  for (const v1::PlanDifference& difference : differences->differences())
    counts += difference.kind() == v1::COUNT_CHANGED ? 1 : 0;
  EXPECT_EQ(counts, 2);

  // What is settled stays, whatever changes above it; the baseline is the first.
  v1::AdjustNodeRequest adjust;
  adjust.set_name(nodes[2].name());
  adjust.set_target_units(110);
  adjust.set_reason("试");
  EXPECT_THAT(Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "NODE_CLOSED"));
  adjust.set_name(nodes[0].name());
  adjust.set_target_units(1'500);
  ASSERT_THAT(Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  EXPECT_TRUE(Check("roll").adds_up());
  EXPECT_EQ(Targets("roll")[2], 100);
  EXPECT_EQ(Targets("roll")[7], 200);
  v1::SolveTreeRequest solve;
  solve.mutable_tree()->set_node(nodes[0].name());
  solve.mutable_tree()->set_target_units(1'300);
  solve.mutable_tree()->set_reason("年中");
  ASSERT_THAT(Do(&v1::SolveService::Stub::SolveTree, *solver_, zoe_, solve), IsOk());
  EXPECT_TRUE(Check("roll").adds_up());
  EXPECT_EQ(Targets("roll")[2], 100);
  EXPECT_EQ(Nodes("roll")[2].counted_units(), 90);
  v1::SolveConstraint& constraint = *solve.mutable_tree()->add_constraints();
  constraint.set_node(nodes[2].name());
  constraint.set_lock_units(120);
  EXPECT_THAT(Do(&v1::SolveService::Stub::SolveTree, *solver_, zoe_, solve),
              Fails(StatusCode::kFailedPrecondition, "NODE_CLOSED"));

  // Later reports are taken over by the next re-plan, and typed values before them.
  reports_.by_month[CivilDay(2018, 4, 1)] = 500;
  v1::ReplanPlanRequest again = ReplanRoot("roll", CivilDay(2018, 7, 1));
  v1::AchievedValue& typed = *again.mutable_replan()->add_achieved();
  typed.set_node(nodes[3].name());
  typed.set_achieved_units(40);
  const auto second = Replan(zoe_, again);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->baseline_version(), original);
  EXPECT_EQ(Nodes("roll")[3].counted_units(), 40);
  EXPECT_EQ(Nodes("roll")[8].counted_units(), 500);
  EXPECT_TRUE(Check("roll").adds_up());
}

TEST_F(RevisionServiceTest, ReplanIsUndone) {
  MakeRegions("back");
  PutInForce("back");
  v1::ReplanPlanRequest request = ReplanRoot("back", CivilDay(2018, 4, 1));
  request.set_request_id(kRequestId);
  const auto replanned = Replan(zoe_, request);
  ASSERT_THAT(replanned, IsOk());
  EXPECT_EQ(Replan(zoe_, request)->etag(), replanned->etag());
  v1::UndoPlanChangeRequest undo;
  undo.set_name("plans/back");
  undo.set_reason("数据有误");
  const auto undone = Do(&v1::PlanService::Stub::UndoPlanChange, *plans_, zoe_, undo);
  ASSERT_THAT(undone, IsOk());
  EXPECT_EQ(undone->baseline_version(), 0);
  EXPECT_THAT(Targets("back"),
              ElementsAre(1'200, 400, 100, 100, 100, 100, 800, 200, 200, 200, 200));
  for (const v1::Node& node : Nodes("back")) EXPECT_FALSE(node.has_counted_units());
  EXPECT_TRUE(Check("back").adds_up());
}

TEST_F(RevisionServiceTest, SettlesWholeMonthsWithAllBelow) {
  MakePlan("months", 1'200);
  ASSERT_THAT(Split(zoe_, SplitBy("months", v1::MONTH)), IsOk());
  v1::SplitNodesRequest regions;
  regions.set_plan("plans/months");
  regions.mutable_split()->mutable_leaves();
  Weighted(regions, v1::REGION, {{"a", 1}, {"b", 1}});
  ASSERT_THAT(Split(zoe_, regions), IsOk());
  v1::ReplanPlanRequest request = ReplanRoot("months", CivilDay(2018, 2, 15));
  v1::AchievedValue& typed = *request.mutable_replan()->add_achieved();
  typed.set_achieved_units(45);
  const std::vector<v1::Node> before = Nodes("months");
  typed.set_node(before[2].name());  // Below January.
  EXPECT_THAT(Replan(zoe_, request), NamesField("replan.achieved"));
  typed.set_node(before[1].name());
  ASSERT_THAT(Replan(zoe_, request), IsOk());
  EXPECT_THAT(reports_.requests, IsEmpty());
  const std::vector<v1::Node> nodes = Nodes("months");
  EXPECT_EQ(nodes[1].target_units(), 100);
  EXPECT_EQ(nodes[1].counted_units(), 45);
  EXPECT_EQ(nodes[2].target_units(), 50);
  EXPECT_EQ(nodes[4].target_units(), 105);
  EXPECT_TRUE(Check("months").adds_up());
  // All of January is closed.
  v1::AdjustNodeRequest adjust;
  adjust.set_name(nodes[2].name());
  adjust.set_target_units(60);
  adjust.set_absorb(v1::SIBLINGS);
  EXPECT_THAT(Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "NODE_CLOSED"));
}

TEST_F(RevisionServiceTest, ReplanRefuses) {
  MakeRegions("no");
  v1::ReplanPlanRequest request;
  request.mutable_replan()->set_node("plans/no/nodes/root");
  EXPECT_THAT(Replan(zoe_, request), NamesField("replan.date"));
  EXPECT_THAT(Replan(zoe_, request), NamesField("replan.reason"));
  request = ReplanRoot("no", CivilDay(2018, 2, 1));
  EXPECT_THAT(Replan(zoe_, request), Fails(StatusCode::kFailedPrecondition, "REPLAN_IMPOSSIBLE"));
  request = ReplanRoot("no", CivilDay(2200, 1, 1));
  EXPECT_THAT(Replan(zoe_, request), Fails(StatusCode::kFailedPrecondition, "REPLAN_IMPOSSIBLE"));
  request = ReplanRoot("no", CivilDay(2018, 4, 1));
  EXPECT_THAT(Replan(mia_, request), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_THAT(Replan(zoe_, request), Fails(StatusCode::kUnavailable, "HISTORY_UNAVAILABLE"));
  reports_.failure = grpc::Status::OK;

  // Locks hold all that is open: what is missing is said.
  const std::vector<v1::Node> nodes = Nodes("no");
  for (const size_t quarter : {3, 4, 5}) {
    v1::LockNodeRequest lock;
    lock.set_name(nodes[quarter].name());
    ASSERT_THAT(Do(&v1::NodeService::Stub::LockNode, *nodes_, zoe_, lock), IsOk());
  }
  request.mutable_replan()->set_node(nodes[1].name());
  const auto refused = Replan(zoe_, request);
  EXPECT_THAT(refused, Fails(StatusCode::kFailedPrecondition, "REPLAN_IMPOSSIBLE"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("100 is missing"));
  EXPECT_THAT(Preview(zoe_, request), Fails(StatusCode::kFailedPrecondition, "REPLAN_IMPOSSIBLE"));
  EXPECT_THAT(Targets("no"), ElementsAre(1'200, 400, 100, 100, 100, 100, 800, 200, 200, 200, 200));
  // The other region is not held.
  request.mutable_replan()->set_node(nodes[6].name());
  EXPECT_THAT(Replan(zoe_, request), IsOk());
  EXPECT_TRUE(Check("no").adds_up());
  PutInForce("no");
  ASSERT_THAT(Do(&v1::PlanService::Stub::ClosePlan, *plans_, zoe_,
                 [] {
                   v1::ClosePlanRequest close;
                   close.set_name("plans/no");
                   return close;
                 }()),
              IsOk());
  EXPECT_THAT(Replan(zoe_, request), Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
}

TEST_F(RevisionServiceTest, RecordedActualsCount) {
  v1::CreatePlanRequest create = PlanRequest("spend", 1'200);
  create.mutable_plan()->set_metric("metrics/spend");
  ASSERT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, create), IsOk());
  ASSERT_THAT(Split(zoe_, SplitBy("spend", v1::MONTH)), IsOk());
  v1::RecordActualRequest record;
  record.mutable_actual()->set_metric("metrics/spend");
  *record.mutable_actual()->mutable_date() = milepost::ToProto(CivilDay(2018, 1, 31));
  record.mutable_actual()->set_value_units(320);
  record.mutable_actual()->mutable_scope()->set_unit("units/west");
  ASSERT_THAT(Do(&v1::ActualService::Stub::RecordActual, *actuals_, mia_, record), IsOk());
  ASSERT_THAT(Replan(zoe_, ReplanRoot("spend", CivilDay(2018, 2, 1))), IsOk());
  EXPECT_THAT(Targets("spend"),
              ElementsAre(1'200, 100, 80, 80, 80, 80, 80, 80, 80, 80, 80, 80, 80));
  EXPECT_EQ(Nodes("spend")[1].counted_units(), 320);
  EXPECT_TRUE(Check("spend").adds_up());
}

TEST_F(RevisionServiceTest, MemberMovesAndThePastStays) {
  MakeTeams("team");
  PutInForce("team");
  const std::vector<v1::Node> before = Below(OfMember("team", "anna")[0]);
  const v1::MoveNodeRequest request =
      MoveRequest(OfMember("team", "anna")[0].name(), east_, CivilDay(2018, 7, 1));
  // First the organization.
  const auto early = Move(zoe_, request);
  EXPECT_THAT(early, Fails(StatusCode::kFailedPrecondition, "NOT_IN_UNIT"));
  EXPECT_THAT(std::string(early.status().message()), HasSubstr("is in units/west on 2018-07-01"));
  Place("anna", "east", CivilDay(2018, 7, 1));

  v1::PreviewMoveRequest preview;
  *preview.mutable_move() = request.move();
  const auto shown = Do(&Stub::PreviewMove, *revisions_, zoe_, preview);
  ASSERT_THAT(shown, IsOk());
  EXPECT_EQ(shown->moved_node_count(), 7);  // Herself and July to December.
  EXPECT_EQ(shown->moved(0).past_units(), 360);
  EXPECT_EQ(shown->moved(0).future_units(), 360);
  EXPECT_EQ(shown->moved(0).moved().name(), "");
  EXPECT_EQ(shown->moved(0).moved().scope().unit(), "units/east");
  EXPECT_EQ(shown->moved(1).moved().name(), before[6].name());
  EXPECT_EQ(shown->created_node_count(), 1);
  EXPECT_THAT(Values({shown->nodes().begin(), shown->nodes().end()}), ElementsAre(840, 1'560));

  const int64_t version = Get("team").plan_version();
  const auto moved = Move(zoe_, request);
  ASSERT_THAT(moved, IsOk());
  EXPECT_EQ(moved->plan_version(), version + 1);
  EXPECT_EQ(moved->target_units(), 2'400);
  const std::vector<v1::Node> annas = OfMember("team", "anna");
  ASSERT_THAT(annas, SizeIs(2));
  EXPECT_EQ(annas[0].parent(), west_);
  EXPECT_EQ(annas[0].target_units(), 360);
  EXPECT_EQ(annas[0].scope().period().last_date().month(), 6);
  EXPECT_EQ(annas[1].parent(), east_);
  EXPECT_EQ(annas[1].target_units(), 360);
  EXPECT_EQ(annas[1].scope().unit(), "units/east");
  EXPECT_EQ(annas[1].scope().period().first_date().month(), 7);
  EXPECT_THAT(Below(annas[0]), SizeIs(6));
  // What is wholly in the future is the same node elsewhere.
  ASSERT_THAT(Below(annas[1]), SizeIs(6));
  EXPECT_EQ(Below(annas[1])[0].name(), before[6].name());
  EXPECT_TRUE(Check("team").adds_up());
  // The past version is as it was.
  EXPECT_EQ(Nodes("team", version).size(), 3u + 3u + 36u);

  v1::ComparePlanVersionsRequest compare;
  compare.set_plan("plans/team");
  compare.set_from_version(version);
  const auto differences = Do(&v1::PlanService::Stub::ComparePlanVersions, *plans_, zoe_, compare);
  ASSERT_THAT(differences, IsOk());
  int places = 0;
  for (const v1::PlanDifference& difference : differences->differences())
    places += difference.kind() == v1::NODE_MOVED ? 1 : 0;
  EXPECT_EQ(places, 6);

  // And back, where her own old target is still: they differ in their days.
  Place("anna", "west", CivilDay(2018, 10, 1));
  ASSERT_THAT(Move(zoe_, MoveRequest(annas[1].name(), west_, CivilDay(2018, 10, 1))), IsOk());
  EXPECT_TRUE(Check("team").adds_up());
  EXPECT_THAT(Values(OfMember("team", "anna")), ElementsAre(360, 180, 180));

  // A move in force is undone as a whole.
  v1::UndoPlanChangeRequest undo;
  undo.set_name("plans/team");
  undo.set_reason("弄错了");
  ASSERT_THAT(Do(&v1::PlanService::Stub::UndoPlanChange, *plans_, zoe_, undo), IsOk());
  EXPECT_THAT(Values(OfMember("team", "anna")), ElementsAre(360, 360));
  EXPECT_TRUE(Check("team").adds_up());
}

TEST_F(RevisionServiceTest, MoveInTheMiddleOfAMonth) {
  MakeTeams("mid");
  Place("anna", "east", CivilDay(2018, 3, 16));
  ASSERT_THAT(
      Move(zoe_, MoveRequest(OfMember("mid", "anna")[0].name(), east_, CivilDay(2018, 3, 16))),
      IsOk());
  const std::vector<v1::Node> annas = OfMember("mid", "anna");
  ASSERT_THAT(annas, SizeIs(2));
  EXPECT_EQ(annas[0].target_units() + annas[1].target_units(), 720);
  EXPECT_THAT(Below(annas[0]), SizeIs(3));
  EXPECT_THAT(Below(annas[1]), SizeIs(10));
  const v1::Node march = Below(annas[0])[2];
  const v1::Node rest = Below(annas[1])[0];
  EXPECT_EQ(march.target_units() + rest.target_units(), 60);
  EXPECT_EQ(march.scope().period().last_date().day(), 15);
  EXPECT_EQ(rest.scope().period().first_date().day(), 16);
  EXPECT_EQ(rest.key(), "2018-03");
  EXPECT_TRUE(Check("mid").adds_up());
  // New rows still find a place beside what moved.
  v1::SplitNodesRequest split = OfRoot("mid");
  split.mutable_split()->mutable_nodes()->set_nodes(0, rest.name());
  Weighted(split, v1::PRODUCT, {{"products/p1", 1}, {"products/p2", 1}});
  EXPECT_THAT(Split(zoe_, split), IsOk());
  EXPECT_TRUE(Check("mid").adds_up());
}

TEST_F(RevisionServiceTest, MoveRefuses) {
  MakeTeams("stay");
  const std::vector<v1::Node> annas = OfMember("stay", "anna");
  ASSERT_THAT(annas, SizeIs(1));
  Place("anna", "east", CivilDay(2018, 7, 1));
  v1::MoveNodeRequest request = MoveRequest(annas[0].name(), east_, CivilDay(2018, 7, 1));
  request.mutable_move()->clear_reason();
  request.mutable_move()->clear_date();
  request.mutable_move()->set_new_parent("plans/other/nodes/root");
  for (const char* field : {"move.reason", "move.date", "move.new_parent"})
    EXPECT_THAT(Move(zoe_, request), NamesField(field));
  EXPECT_THAT(Move(zoe_, MoveRequest("plans/stay/nodes/root", east_, CivilDay(2018, 7, 1))),
              Fails(StatusCode::kFailedPrecondition, "MOVE_IMPOSSIBLE"));
  EXPECT_THAT(Move(zoe_, MoveRequest(Below(annas[0])[8].name(), east_, CivilDay(2018, 7, 1))),
              Fails(StatusCode::kFailedPrecondition, "MOVE_IMPOSSIBLE"));
  EXPECT_THAT(Move(zoe_, MoveRequest(annas[0].name(), west_, CivilDay(2018, 7, 1))),
              Fails(StatusCode::kFailedPrecondition, "MOVE_IMPOSSIBLE"));
  EXPECT_THAT(Move(zoe_, MoveRequest(annas[0].name(), east_, CivilDay(2019, 1, 1))),
              Fails(StatusCode::kFailedPrecondition, "PART_OUTSIDE"));
  EXPECT_THAT(Move(zoe_, MoveRequest("plans/stay/nodes/n999", east_, CivilDay(2018, 7, 1))),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Move(mia_, MoveRequest(annas[0].name(), east_, CivilDay(2018, 7, 1))),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  // A locked sum above does not give way.
  v1::LockNodeRequest lock;
  lock.set_name(east_);
  ASSERT_THAT(Do(&v1::NodeService::Stub::LockNode, *nodes_, zoe_, lock), IsOk());
  EXPECT_THAT(Move(zoe_, MoveRequest(annas[0].name(), east_, CivilDay(2018, 7, 1))),
              Fails(StatusCode::kFailedPrecondition, "MOVE_IMPOSSIBLE"));
  EXPECT_THAT(Values(OfMember("stay", "anna")), ElementsAre(720));
}

}  // namespace
}  // namespace milepost::target
