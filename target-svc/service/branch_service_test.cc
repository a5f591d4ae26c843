// What-if branches: copied, changed by themselves, compared, merged back, thrown away.
#include "target-svc/service/branch_service.h"

#include "google/rpc/status.pb.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::BranchService::Stub;

class BranchServiceTest : public TargetTest {
 protected:
  BranchServiceTest()
      : TargetTest([](const Parts& parts) {
          std::vector<std::unique_ptr<grpc::Service>> services;
          services.push_back(std::make_unique<BranchService>(parts.runner, parts.directory));
          return services;
        }),
        branches_(v1::BranchService::NewStub(host_.channel())) {}

  // 1,200 in three regions of 400, and even quarters.
  void MakeOrigin(const std::string& plan) {
    MakePlan(plan, 1'200);
    v1::SplitNodesRequest regions = OfRoot(plan);
    Weighted(regions, v1::REGION, {{"a", 1}, {"b", 1}, {"c", 1}});
    regions_.clear();
    for (const v1::Node& node : Children(Split(zoe_, regions)))
      regions_.push_back(node.name().substr(node.name().rfind('/') + 1));
    ASSERT_THAT(regions_, SizeIs(3));
    ASSERT_THAT(Split(zoe_, SplitBy(plan, v1::QUARTER)), IsOk());
  }
  static v1::CreateBranchRequest BranchRequest(const std::string& plan, const std::string& id) {
    v1::CreateBranchRequest request;
    request.set_plan("plans/" + plan);
    request.set_branch_id(id);
    request.set_title("假设");
    request.set_purpose("如果华东多做一百");
    return request;
  }
  absl::StatusOr<v1::Plan> MakeBranch(const Who& who, const v1::CreateBranchRequest& request) {
    return Do(&Stub::CreateBranch, *branches_, who, request);
  }
  absl::StatusOr<v1::Node> Adjust(const std::string& plan, const std::string& node, int64_t units,
                                  v1::GivesWay absorb = v1::ANCESTORS) {
    v1::AdjustNodeRequest request;
    request.set_name("plans/" + plan + "/nodes/" + node);
    request.set_target_units(units);
    request.set_absorb(absorb);
    request.set_reason("调整");
    return Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, request);
  }
  static v1::MergeBranchRequest MergeRequest(const std::string& branch) {
    v1::MergeBranchRequest request;
    request.mutable_merge()->set_branch("plans/" + branch);
    request.mutable_merge()->set_reason("采纳");
    return request;
  }
  absl::StatusOr<v1::Plan> Merge(const v1::MergeBranchRequest& request) {
    return Do(&Stub::MergeBranch, *branches_, zoe_, request);
  }
  absl::StatusOr<v1::PreviewMergeResponse> Preview(const v1::MergeBranchRequest& request) {
    v1::PreviewMergeRequest preview;
    *preview.mutable_merge() = request.merge();
    return Do(&Stub::PreviewMerge, *branches_, zoe_, preview);
  }
  std::vector<v1::PlanDifference> Compare(const std::string& branch, v1::BranchBase base) {
    v1::CompareBranchRequest request;
    request.set_branch("plans/" + branch);
    request.set_base(base);
    request.set_page_size(2);
    std::vector<v1::PlanDifference> differences;
    while (true) {
      const auto page = Do(&Stub::CompareBranch, *branches_, zoe_, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return differences;
      differences.insert(differences.end(), page->differences().begin(), page->differences().end());
      if (page->next_page_token().empty()) return differences;
      request.set_page_token(page->next_page_token());
    }
  }
  std::vector<int64_t> Targets(const std::string& plan) {
    v1::ListNodesRequest list;
    list.set_plan("plans/" + plan);
    return Values(AllNodes(zoe_, list));
  }
  v1::Plan Get(const std::string& plan) {
    v1::GetPlanRequest request;
    request.set_name("plans/" + plan);
    const auto found = Do(&v1::PlanService::Stub::GetPlan, *plans_, zoe_, request);
    EXPECT_THAT(found, IsOk());
    return found.ok() ? *found : v1::Plan();
  }
  std::vector<std::string> Listed(const v1::ListPlansRequest& request) {
    std::vector<std::string> names;
    const auto listed = Do(&v1::PlanService::Stub::ListPlans, *plans_, zoe_, request);
    EXPECT_THAT(listed, IsOk());
    for (const v1::Plan& plan : listed->plans()) names.push_back(plan.name());
    return names;
  }

  const std::unique_ptr<v1::BranchService::Stub> branches_;
  std::vector<std::string> regions_;
};

TEST_F(BranchServiceTest, CopiedEditedComparedMerged) {
  MakeOrigin("origin");
  v1::CreateBranchRequest create = BranchRequest("origin", "what-if");
  create.set_request_id(kRequestId);
  const auto branch = MakeBranch(zoe_, create);
  ASSERT_THAT(branch, IsOk());
  EXPECT_EQ(branch->state(), v1::BRANCH);
  EXPECT_EQ(branch->branch_of(), "plans/origin");
  EXPECT_EQ(branch->branch_of_version(), 3);
  EXPECT_EQ(branch->plan_version(), 1);
  EXPECT_EQ(branch->node_count(), 8);
  EXPECT_EQ(branch->description(), "如果华东多做一百");
  EXPECT_EQ(MakeBranch(zoe_, create)->etag(), branch->etag());
  EXPECT_EQ(Targets("what-if"), Targets("origin"));
  EXPECT_TRUE(Check("what-if").adds_up());
  EXPECT_THAT(Compare("what-if", v1::ORIGIN_AS_COPIED), IsEmpty());
  // It is no live plan.
  EXPECT_THAT(Listed({}), ElementsAre("plans/origin"));
  v1::ListPlansRequest list;
  list.set_branch_of("plans/origin");
  EXPECT_THAT(Listed(list), ElementsAre("plans/what-if"));
  list.clear_branch_of();
  list.set_state(v1::BRANCH);
  EXPECT_THAT(Listed(list), ElementsAre("plans/what-if"));
  EXPECT_THAT(Submit(zoe_, "what-if"), Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  EXPECT_THAT(Activate(zoe_, "what-if"),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));

  // Ordinary verbs edit it: a gives 500 at the top, b is broken down.
  ASSERT_THAT(Adjust("what-if", regions_[0], 500), IsOk());
  v1::SplitNodesRequest below = OfRoot("what-if");
  below.mutable_split()->mutable_nodes()->set_nodes(0, "plans/what-if/nodes/" + regions_[1]);
  Weighted(below, v1::PRODUCT, {{"products/p1", 1}, {"products/p2", 3}});
  const std::vector<v1::Node> made = Children(Split(zoe_, below));
  ASSERT_THAT(made, SizeIs(2));
  EXPECT_THAT(Compare("what-if", v1::ORIGIN_AS_COPIED), SizeIs(10));
  // Meanwhile the origin breaks b down as well, for channels: other nodes, other ids.
  v1::SplitNodesRequest channels = OfRoot("origin");
  channels.mutable_split()->mutable_nodes()->set_nodes(0, "plans/origin/nodes/" + regions_[1]);
  Weighted(channels, v1::CHANNEL, {{"online", 1}, {"dealer", 1}});
  ASSERT_THAT(Split(zoe_, channels), IsOk());
  EXPECT_GT(Compare("what-if", v1::ORIGIN_NOW).size(), 10u);

  v1::MergeBranchRequest merge = MergeRequest("what-if");
  const auto preview = Preview(merge);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->conflict_count(), 0);
  EXPECT_EQ(preview->violation_count(), 0);
  EXPECT_EQ(preview->created_node_count(), 2);
  EXPECT_EQ(preview->deleted_node_count(), 0);
  const int64_t version = Get("origin").plan_version();
  const auto merged = Merge(merge);
  ASSERT_THAT(merged, IsOk());
  EXPECT_EQ(merged->name(), "plans/origin");
  EXPECT_EQ(merged->plan_version(), version + 1);
  EXPECT_EQ(merged->target_units(), 1'300);
  EXPECT_EQ(merged->node_count(), 12);
  EXPECT_TRUE(Check("origin").adds_up());
  EXPECT_THAT(Targets("origin"),
              ElementsAre(1'300, 500, 400, 200, 200, 100, 300, 400, 325, 325, 325, 325));
  EXPECT_THAT(Merge(merge), Fails(StatusCode::kFailedPrecondition, "NOTHING_TO_MERGE"));

  // It may go on, from there.
  ASSERT_THAT(Adjust("origin", regions_[0], 600), IsOk());
  ASSERT_THAT(Adjust("what-if", regions_[2], 410, v1::SIBLINGS), IsOk());
  const auto conflicts = Preview(merge);
  ASSERT_THAT(conflicts, IsOk());
  EXPECT_EQ(conflicts->undecided_count(), 1);
  EXPECT_EQ(conflicts->conflicts(0).base().number(), 500);
  EXPECT_EQ(conflicts->conflicts(0).origin().number(), 600);

  // Undone, the merge brought nothing: what the branch changed is still to be merged.
  v1::DeletePlanRequest remove;
  remove.set_name("plans/what-if");
  ASSERT_THAT(Do(&v1::PlanService::Stub::DeletePlan, *plans_, zoe_, remove), IsOk());
  EXPECT_THAT(Merge(merge), Fails(StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(BranchServiceTest, ConflictsAreListedAtOnceAndDecided) {
  MakeOrigin("both");
  ASSERT_THAT(MakeBranch(zoe_, BranchRequest("both", "other")), IsOk());
  ASSERT_THAT(Adjust("both", regions_[0], 500), IsOk());
  ASSERT_THAT(Adjust("other", regions_[0], 700), IsOk());
  const std::vector<int64_t> before = Targets("both");
  v1::MergeBranchRequest merge = MergeRequest("other");
  EXPECT_THAT(Merge(merge), Fails(StatusCode::kFailedPrecondition, "MERGE_CONFLICT"));
  v1::Plan unused;
  const std::unique_ptr<grpc::ClientContext> context = As(zoe_);
  const grpc::Status failed = branches_->MergeBranch(context.get(), merge, &unused);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(failed.error_details()));
  v1::MergeFailure failure;
  for (const google::protobuf::Any& any : details.details()) any.UnpackTo(&failure);
  EXPECT_EQ(failure.conflict_count(), 6);  // a, the root, and its quarters.
  EXPECT_EQ(failure.conflicts(0).branch().number(), 700);
  EXPECT_EQ(Targets("both"), before);
  const auto preview = Preview(merge);
  ASSERT_THAT(preview, IsOk());
  ASSERT_EQ(preview->conflict_count(), 6);
  EXPECT_EQ(preview->undecided_count(), 6);
  EXPECT_EQ(preview->conflicts(0).taken(), v1::MERGE_SIDE_UNSPECIFIED);
  EXPECT_EQ(preview->conflicts(0).kind(), v1::BOTH_CHANGED);
  EXPECT_EQ(preview->conflicts(0).base().number(), 400);
  EXPECT_EQ(preview->conflicts(0).origin().number(), 500);
  EXPECT_EQ(preview->conflicts(0).branch().number(), 700);

  // One node from the branch, all others from the origin: the sum is off, and that is said.
  v1::MergeChoice& choice = *merge.mutable_merge()->add_choices();
  choice.set_node("plans/both/nodes/" + regions_[0]);
  choice.set_side(v1::FROM_BRANCH);
  merge.mutable_merge()->set_other_conflicts(v1::FROM_ORIGIN);
  EXPECT_THAT(Merge(merge), Fails(StatusCode::kFailedPrecondition, "WOULD_NOT_ADD_UP"));
  EXPECT_EQ(Targets("both"), before);
  choice.set_node("plans/other/nodes/" + regions_[0]);
  EXPECT_THAT(Merge(merge), NamesField("merge.choices[0].node"));
  choice.set_node("plans/both/nodes/" + regions_[0]);
  // All from the branch adds up.
  merge.mutable_merge()->set_other_conflicts(v1::FROM_BRANCH);
  ASSERT_THAT(Merge(merge), IsOk());
  EXPECT_EQ(Targets("both"), Targets("other"));
  EXPECT_TRUE(Check("both").adds_up());

  // Undone, the merge brought nothing: the branch has it all still.
  v1::UndoPlanChangeRequest undo;
  undo.set_name("plans/both");
  ASSERT_THAT(Do(&v1::PlanService::Stub::UndoPlanChange, *plans_, zoe_, undo), IsOk());
  EXPECT_EQ(Targets("both"), before);
  EXPECT_EQ(Preview(MergeRequest("other"))->conflict_count(), 6);
}

TEST_F(BranchServiceTest, OfAPastVersionAndOfAPlanInForce) {
  MakeOrigin("force");
  ASSERT_THAT(Adjust("force", regions_[0], 800), IsOk());
  v1::CreateBranchRequest past = BranchRequest("force", "past");
  past.set_plan_version(3);
  const auto branch = MakeBranch(zoe_, past);
  ASSERT_THAT(branch, IsOk());
  EXPECT_EQ(branch->target_units(), 1'200);
  EXPECT_EQ(Targets("past")[1], 400);
  past.set_plan_version(99);
  past.set_branch_id("future");
  EXPECT_THAT(MakeBranch(zoe_, past), Fails(StatusCode::kNotFound, "NOT_FOUND"));

  ASSERT_THAT(Submit(zoe_, "force"), IsOk());
  ASSERT_THAT(Approve(sam_, "force"), IsOk());
  ASSERT_THAT(Activate(zoe_, "force"), IsOk());
  ASSERT_THAT(MakeBranch(zoe_, BranchRequest("force", "live")), IsOk());
  // A branch may take away what a plan in force may not lose.
  v1::RemoveBreakdownRequest remove;
  remove.set_name("plans/live/nodes/root");
  remove.set_breakdown("period");
  ASSERT_THAT(Do(&v1::NodeService::Stub::RemoveBreakdown, *nodes_, zoe_, remove), IsOk());
  EXPECT_THAT(Merge(MergeRequest("live")),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  ASSERT_THAT(MakeBranch(zoe_, BranchRequest("force", "values")), IsOk());
  ASSERT_THAT(Adjust("values", regions_[1], 500, v1::SIBLINGS), IsOk());
  ASSERT_THAT(Merge(MergeRequest("values")), IsOk());
  EXPECT_EQ(Targets("force")[2], 500);
  EXPECT_TRUE(Check("force").adds_up());
}

TEST_F(BranchServiceTest, WhoMayAndWhatIsNoBranch) {
  MakeOrigin("own");
  EXPECT_THAT(MakeBranch(mia_, BranchRequest("own", "hers")),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  v1::UpdatePlanRequest update;
  update.mutable_plan()->set_name("plans/own");
  update.mutable_plan()->set_visibility(v1::PUBLIC);
  ASSERT_THAT(Do(&v1::PlanService::Stub::UpdatePlan, *plans_, zoe_, update), IsOk());
  EXPECT_THAT(MakeBranch(mia_, BranchRequest("own", "hers")),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_EDIT"));
  EXPECT_THAT(MakeBranch(zoe_, BranchRequest("own", "own")),
              Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  v1::CreateBranchRequest empty;
  for (const char* field : {"plan", "title", "purpose"})
    EXPECT_THAT(MakeBranch(zoe_, empty), NamesField(field));
  ASSERT_THAT(MakeBranch(zoe_, BranchRequest("own", "mine")), IsOk());
  v1::CompareBranchRequest compare;
  compare.set_branch("plans/mine");
  EXPECT_THAT(Do(&Stub::CompareBranch, *branches_, mia_, compare),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  compare.set_branch("plans/own");
  EXPECT_THAT(Do(&Stub::CompareBranch, *branches_, zoe_, compare),
              Fails(StatusCode::kFailedPrecondition, "NOT_A_BRANCH"));
  EXPECT_THAT(Merge(MergeRequest("own")), Fails(StatusCode::kFailedPrecondition, "NOT_A_BRANCH"));
  // It takes no commitments.
  update.mutable_plan()->set_name("plans/mine");
  update.mutable_plan()->set_visibility(v1::PRIVATE);
  update.mutable_plan()->set_commitment_policy(v1::COMMITMENTS_OPEN);
  EXPECT_THAT(Do(&v1::PlanService::Stub::UpdatePlan, *plans_, zoe_, update),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
}

}  // namespace
}  // namespace milepost::target
