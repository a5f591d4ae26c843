// What follows a split: single values change, versions are compared, changes are undone, and a plan
// in force changes openly.
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::NodeService::Stub;
using absl::StatusCode;

class NodeAdjustmentsTest : public TargetTest {};

TEST_F(NodeAdjustmentsTest, AdjustKeepsLocksAndProportions) {
  MakePlan("adjust", 1'200);
  v1::SplitNodesRequest request = OfRoot("adjust");
  Weighted(request, v1::REGION, {{"a", 1}, {"b", 2}, {"c", 3}});
  const std::vector<v1::Node> children = Children(Split(zoe_, request));
  v1::LockNodeRequest lock;
  lock.set_name(children[0].name());
  ASSERT_THAT(Do(&Stub::LockNode, *nodes_, zoe_, lock), IsOk());
  v1::AdjustNodeRequest adjust;
  adjust.set_name("plans/adjust/nodes/root");
  adjust.set_target_units(2'200);
  adjust.set_currency_code("CNY");
  const auto root = Do(&Stub::AdjustNode, *nodes_, zoe_, adjust);
  ASSERT_THAT(root, IsOk());
  EXPECT_EQ(root->target_units(), 2'200);
  v1::ListNodesRequest list;
  list.set_plan("plans/adjust");
  EXPECT_THAT(Values(AllNodes(zoe_, list)), ElementsAre(2'200, 200, 800, 1'200));
  EXPECT_TRUE(Check("adjust").adds_up());

  // The past is still there.
  list.set_plan_version(2);
  EXPECT_THAT(Values(AllNodes(zoe_, list)), ElementsAre(1'200, 200, 400, 600));
  list.set_plan_version(1);
  EXPECT_THAT(Values(AllNodes(zoe_, list)), ElementsAre(1'200));
  v1::GetNodeRequest get;
  get.set_name(children[2].name());
  get.set_plan_version(2);
  EXPECT_EQ(Do(&Stub::GetNode, *nodes_, zoe_, get)->target_units(), 600);
  get.set_plan_version(1);
  EXPECT_THAT(Do(&Stub::GetNode, *nodes_, zoe_, get), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  get.set_plan_version(99);
  EXPECT_THAT(Do(&Stub::GetNode, *nodes_, zoe_, get), Fails(StatusCode::kNotFound, "NOT_FOUND"));

  adjust.set_name(children[0].name());
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "NODE_LOCKED"));
  v1::UnlockNodeRequest unlock;
  unlock.set_name(children[0].name());
  ASSERT_THAT(Do(&Stub::UnlockNode, *nodes_, zoe_, unlock), IsOk());
  adjust.set_currency_code("USD");
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), NamesField("currency_code"));
  adjust.set_currency_code("");
  adjust.set_target_units(-1);
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), NamesField("target_units"));
  adjust.set_target_units(9'000'000'000'000'001);
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), NamesField("target_units"));

  v1::UpdateNodeRequest update;
  update.mutable_node()->set_name(children[1].name());
  update.mutable_node()->set_min_units(500);
  update.mutable_node()->set_max_units(900);
  const auto bounded = Do(&Stub::UpdateNode, *nodes_, zoe_, update);
  ASSERT_THAT(bounded, IsOk());
  EXPECT_EQ(bounded->max_units(), 900);
  adjust.set_name(children[1].name());
  adjust.set_target_units(901);
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "OUTSIDE_BOUNDS"));
  update.mutable_node()->clear_max_units();
  update.mutable_node()->set_min_units(1);
  update.mutable_update_mask()->add_paths("max_units");
  const auto unbounded = Do(&Stub::UpdateNode, *nodes_, zoe_, update);
  ASSERT_THAT(unbounded, IsOk());
  EXPECT_FALSE(unbounded->has_max_units());
  EXPECT_EQ(unbounded->min_units(), 500);
  update.mutable_update_mask()->add_paths("target_units");
  EXPECT_THAT(Do(&Stub::UpdateNode, *nodes_, zoe_, update), NamesField("update_mask"));
}

TEST_F(NodeAdjustmentsTest, SiblingsOrAncestorsGiveWay) {
  MakePlan("absorb", 1'200);
  v1::SplitNodesRequest regions = OfRoot("absorb");
  Weighted(regions, v1::REGION, {{"a", 1}, {"b", 2}, {"c", 3}});
  const std::vector<v1::Node> children = Children(Split(zoe_, regions));
  ASSERT_THAT(Split(zoe_, SplitBy("absorb", v1::QUARTER)), IsOk());
  v1::SplitNodesRequest below = SplitBy("absorb", v1::QUARTER);
  below.mutable_split()->mutable_nodes()->set_nodes(0, children[1].name());
  ASSERT_THAT(Split(zoe_, below), IsOk());
  v1::ListNodesRequest list;
  list.set_plan("plans/absorb");

  v1::AdjustNodeRequest adjust;
  adjust.set_name(children[0].name());
  adjust.set_target_units(300);
  adjust.set_absorb(v1::SIBLINGS);
  adjust.set_request_id(kRequestId);
  const auto siblings = Do(&Stub::AdjustNode, *nodes_, zoe_, adjust);
  ASSERT_THAT(siblings, IsOk());
  EXPECT_EQ(siblings->name(), children[0].name());
  EXPECT_EQ(siblings->target_units(), 300);
  EXPECT_THAT(Values(AllNodes(zoe_, list)),
              ElementsAre(1'200, 300, 360, 90, 90, 90, 90, 540, 300, 300, 300, 300));
  EXPECT_TRUE(Check("absorb").adds_up());
  v1::GetNodeRequest get;
  get.set_name(children[1].name());
  EXPECT_THAT(Do(&Stub::GetNode, *nodes_, zoe_, get)->explanation().description(),
              HasSubstr("gives way to a"));
  // A repeat is answered alike and changes nothing.
  EXPECT_EQ(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust)->etag(), siblings->etag());
  EXPECT_EQ(Do(&Stub::GetNode, *nodes_, zoe_, get)->target_units(), 360);

  adjust.clear_request_id();
  adjust.set_target_units(500);
  adjust.set_absorb(v1::ANCESTORS);
  ASSERT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  EXPECT_THAT(Values(AllNodes(zoe_, list)),
              ElementsAre(1'400, 500, 360, 90, 90, 90, 90, 540, 350, 350, 350, 350));
  EXPECT_TRUE(Check("absorb").adds_up());
  v1::GetPlanRequest get_plan;
  get_plan.set_name("plans/absorb");
  EXPECT_EQ(Do(&v1::PlanService::Stub::GetPlan, *plans_, zoe_, get_plan)->target_units(), 1'400);

  // What cannot give way says who collides and by how much, and nothing changes.
  v1::LockNodeRequest lock;
  for (const size_t locked : {1, 2}) {
    lock.set_name(children[locked].name());
    ASSERT_THAT(Do(&Stub::LockNode, *nodes_, zoe_, lock), IsOk());
  }
  adjust.set_absorb(v1::SIBLINGS);
  adjust.set_target_units(510);
  const auto refused = Do(&Stub::AdjustNode, *nodes_, zoe_, adjust);
  EXPECT_THAT(refused, Fails(StatusCode::kFailedPrecondition, "SPLIT_IMPOSSIBLE"));
  EXPECT_EQ(status::FactsOf(refused.status()).at("amount_1"), "10");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(children[2].name()));
  adjust.set_name("plans/absorb/nodes/root");
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "SPLIT_IMPOSSIBLE"));
  EXPECT_EQ(Do(&v1::PlanService::Stub::GetPlan, *plans_, zoe_, get_plan)->target_units(), 1'400);
  adjust.set_absorb(static_cast<v1::GivesWay>(9));
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), NamesField("absorb"));
  adjust.set_absorb(v1::ANCESTORS);
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, mia_, adjust),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, anna_, adjust),
              Fails(StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED"));
}

TEST_F(NodeAdjustmentsTest, VersionsAreComparedPageByPage) {
  MakePlan("compare", 1'200);
  v1::SplitNodesRequest regions = OfRoot("compare");
  Weighted(regions, v1::REGION, {{"a", 1}, {"b", 2}, {"c", 3}});
  const std::vector<v1::Node> children = Children(Split(zoe_, regions));  // Version 2.
  v1::AdjustNodeRequest adjust;
  adjust.set_name(children[0].name());
  adjust.set_target_units(300);
  adjust.set_absorb(v1::SIBLINGS);
  ASSERT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  v1::UpdateNodeRequest update;
  update.mutable_node()->set_name(children[2].name());
  update.mutable_node()->set_min_units(500);
  ASSERT_THAT(Do(&Stub::UpdateNode, *nodes_, zoe_, update), IsOk());
  v1::LockNodeRequest lock;
  lock.set_name(children[2].name());
  ASSERT_THAT(Do(&Stub::LockNode, *nodes_, zoe_, lock), IsOk());  // Version 5.

  using Plans = v1::PlanService::Stub;
  v1::ComparePlanVersionsRequest request;
  request.set_plan("plans/compare");
  request.set_from_version(2);
  request.set_page_size(2);
  std::vector<v1::PlanDifference> differences;
  do {
    const auto page = Do(&Plans::ComparePlanVersions, *plans_, zoe_, request);
    ASSERT_THAT(page, IsOk());
    EXPECT_EQ(page->to_version(), 5);
    differences.insert(differences.end(), page->differences().begin(), page->differences().end());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  ASSERT_THAT(differences, SizeIs(5));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(differences[i].node(), children[i].name());
    EXPECT_EQ(differences[i].kind(), v1::TARGET_CHANGED);
    EXPECT_EQ(differences[i].old_value(), children[i].target_units());
  }
  EXPECT_EQ(differences[0].new_value(), 300);
  EXPECT_EQ(differences[2].new_value(), 540);
  EXPECT_EQ(differences[2].node_display_name(), "c");
  EXPECT_EQ(differences[3].kind(), v1::LOCK_CHANGED);
  EXPECT_EQ(differences[3].new_value(), 1);
  EXPECT_EQ(differences[4].kind(), v1::MINIMUM_CHANGED);
  EXPECT_FALSE(differences[4].has_old_value());
  EXPECT_EQ(differences[4].new_value(), 500);

  // Backwards, and over the split.
  request.clear_page_size();
  request.set_from_version(2);
  request.set_to_version(1);
  const auto back = Do(&Plans::ComparePlanVersions, *plans_, zoe_, request);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->differences(0).kind(), v1::NODE_DELETED);
  EXPECT_EQ(back->differences(0).old_value(), 200);
  EXPECT_FALSE(back->differences(0).has_new_value());
  request.set_to_version(2);
  EXPECT_THAT(Do(&Plans::ComparePlanVersions, *plans_, zoe_, request)->differences(), SizeIs(0));
  request.set_to_version(6);
  EXPECT_THAT(Do(&Plans::ComparePlanVersions, *plans_, zoe_, request),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  request.set_from_version(0);
  request.set_to_version(-1);
  const auto bad = Do(&Plans::ComparePlanVersions, *plans_, zoe_, request);
  EXPECT_THAT(bad, NamesField("from_version"));
  EXPECT_THAT(bad, NamesField("to_version"));
  request.set_from_version(1);
  request.set_to_version(2);
  EXPECT_THAT(Do(&Plans::ComparePlanVersions, *plans_, ann_, request), IsOk());
  EXPECT_THAT(Do(&Plans::ComparePlanVersions, *plans_, anna_, request),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(NodeAdjustmentsTest, TheLastChangeIsUndoneOnce) {
  using Plans = v1::PlanService::Stub;
  MakePlan("back", 1'200);
  v1::UndoPlanChangeRequest undo;
  undo.set_name("plans/back");
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo),
              Fails(StatusCode::kFailedPrecondition, "CANNOT_UNDO"));
  v1::SplitNodesRequest regions = OfRoot("back");
  Weighted(regions, v1::REGION, {{"a", 1}, {"b", 2}, {"c", 3}});
  const std::vector<v1::Node> children = Children(Split(zoe_, regions));
  v1::AdjustNodeRequest adjust;
  adjust.set_name(children[0].name());
  adjust.set_target_units(500);
  adjust.set_absorb(v1::ANCESTORS);
  ASSERT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  v1::ListNodesRequest list;
  list.set_plan("plans/back");
  EXPECT_THAT(Values(AllNodes(zoe_, list)), ElementsAre(1'500, 500, 400, 600));

  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, mia_, undo),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, anna_, undo),
              Fails(StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED"));
  undo.set_reason("算错了");
  undo.set_request_id(kRequestId);
  const auto undone = Do(&Plans::UndoPlanChange, *plans_, zoe_, undo);
  ASSERT_THAT(undone, IsOk());
  EXPECT_EQ(undone->target_units(), 1'200);
  EXPECT_EQ(undone->plan_version(), 4);
  EXPECT_THAT(Values(AllNodes(zoe_, list)), ElementsAre(1'200, 200, 400, 600));
  EXPECT_EQ(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo)->etag(), undone->etag());
  v1::ComparePlanVersionsRequest compare;
  compare.set_plan("plans/back");
  compare.set_from_version(2);
  EXPECT_THAT(Do(&Plans::ComparePlanVersions, *plans_, zoe_, compare)->differences(), SizeIs(0));
  undo.clear_request_id();
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo),
              Fails(StatusCode::kFailedPrecondition, "CANNOT_UNDO"));

  // Removed nodes come back, and new ones go.
  v1::RemoveBreakdownRequest remove;
  remove.set_name("plans/back/nodes/root");
  remove.set_breakdown("region");
  ASSERT_THAT(Do(&Stub::RemoveBreakdown, *nodes_, zoe_, remove), IsOk());
  ASSERT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo), IsOk());
  EXPECT_THAT(Values(AllNodes(zoe_, list)), ElementsAre(1'200, 200, 400, 600));
  ASSERT_THAT(Split(zoe_, SplitBy("back", v1::QUARTER)), IsOk());
  undo.set_etag(undone->etag());
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  undo.clear_etag();
  const auto unsplit = Do(&Plans::UndoPlanChange, *plans_, zoe_, undo);
  ASSERT_THAT(unsplit, IsOk());
  EXPECT_EQ(unsplit->node_count(), 4);
  EXPECT_TRUE(Check("back").adds_up());

  // Not across states; in force only with a reason, and no nodes come or go.
  ASSERT_THAT(Submit(zoe_, "back"), IsOk());
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  ASSERT_THAT(Approve(sam_, "back"), IsOk());
  ASSERT_THAT(Activate(zoe_, "back"), IsOk());
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo),
              Fails(StatusCode::kFailedPrecondition, "CANNOT_UNDO"));
  adjust.set_reason("新客户");
  adjust.set_absorb(v1::SIBLINGS);
  ASSERT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  undo.clear_reason();
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo),
              Fails(StatusCode::kFailedPrecondition, "REASON_REQUIRED"));
  undo.set_reason("客户取消");
  ASSERT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo), IsOk());
  EXPECT_THAT(Values(AllNodes(zoe_, list)), ElementsAre(1'200, 200, 400, 600));
  v1::SplitNodesRequest months = SplitBy("back", v1::MONTH, true);
  months.mutable_split()->set_reason("按月跟踪");
  ASSERT_THAT(Split(zoe_, months), IsOk());
  EXPECT_THAT(Do(&Plans::UndoPlanChange, *plans_, zoe_, undo),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
}

TEST_F(NodeAdjustmentsTest, AnActivePlanChangesOpenly) {
  MakePlan("active", 1'000);
  const std::vector<v1::Node> halves = [&] {
    v1::SplitNodesRequest request = OfRoot("active");
    Weighted(request, v1::MEMBER, {{"members/anna", 1}, {"members/eve", 1}});
    return Children(Split(zoe_, request));
  }();
  ASSERT_THAT(Submit(zoe_, "active"), IsOk());
  v1::AdjustNodeRequest adjust;
  adjust.set_name(halves[0].name());
  adjust.set_target_units(600);
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  EXPECT_THAT(Split(zoe_, SplitBy("active", v1::MONTH, true)),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  ASSERT_THAT(Approve(sam_, "active"), IsOk());
  ASSERT_THAT(Activate(zoe_, "active"), IsOk());
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "REASON_REQUIRED"));
  adjust.set_reason("新客户");
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kFailedPrecondition, "WOULD_NOT_ADD_UP"));
  adjust.set_accept_variance(true);
  ASSERT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  v1::SplitNodesRequest months = SplitBy("active", v1::MONTH, true);
  EXPECT_THAT(Split(zoe_, months), Fails(StatusCode::kFailedPrecondition, "REASON_REQUIRED"));
  months.mutable_split()->set_reason("按月跟踪");
  ASSERT_THAT(Split(zoe_, months), IsOk());
  v1::RemoveBreakdownRequest remove;
  remove.set_name("plans/active/nodes/root");
  remove.set_breakdown("member");
  EXPECT_THAT(Do(&Stub::RemoveBreakdown, *nodes_, zoe_, remove),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));

  // A private plan in force shows everybody the own chain, and nothing else.
  v1::ListNodesRequest list;
  list.set_plan("plans/active");
  EXPECT_THAT(AllNodes(zoe_, list), SizeIs(27));
  EXPECT_THAT(AllNodes(anna_, list), SizeIs(14));  // The root, anna and her months.
  v1::GetNodeRequest get;
  get.set_name(halves[1].name());
  EXPECT_THAT(Do(&Stub::GetNode, *nodes_, anna_, get), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Do(&Stub::GetNode, *nodes_, eve_, get), IsOk());
  EXPECT_THAT(Do(&Stub::GetNode, *nodes_, bert_, get), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(AllNodes(mia_, list), SizeIs(14));  // Leads anna.
  v1::CheckPlanRequest check;
  check.set_name("plans/active");
  EXPECT_THAT(Do(&v1::PlanService::Stub::CheckPlan, *plans_, anna_, check),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_SEE_ALL"));
}

}  // namespace
}  // namespace milepost::target
