#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::DraftingService::Stub;
using absl::StatusCode;

class DraftingServiceTest : public TargetTest {
 protected:
  // 1,200 by region a 200, b 400, c 600, in tens; a by quarter.
  void MakeTree(const std::string& plan) {
    MakePlan(plan, 1'200);
    v1::SplitNodesRequest regions = OfRoot(plan);
    Weighted(regions, v1::REGION, {{"a", 1}, {"b", 2}, {"c", 3}}).set_rounding_units(10);
    regions_ = Children(Split(zoe_, regions));
    ASSERT_THAT(regions_, SizeIs(3));
    v1::SplitNodesRequest quarters = SplitBy(plan, v1::QUARTER);
    quarters.mutable_split()->mutable_nodes()->set_nodes(0, regions_[0].name());
    ASSERT_THAT(Split(zoe_, quarters), IsOk());
    spec_.Clear();
    spec_.set_plan("plans/" + plan);
    spec_.set_base_version(3);
  }

  static std::string IdOf(const v1::Node& node) {
    return node.name().substr(node.name().rfind('/') + 1);
  }

  v1::NodeEdit& Edit(const std::string& node_id, int64_t target_units) {
    v1::NodeEdit& edit = *spec_.add_edits();
    edit.set_row(spec_.edits_size() + 1);
    edit.set_node_id(node_id);
    edit.set_target_units(target_units);
    return edit;
  }

  absl::StatusOr<v1::PreviewEditsResponse> Preview(const Who& who) {
    v1::PreviewEditsRequest request;
    *request.mutable_spec() = spec_;
    return Do(&Stub::PreviewEdits, *drafting_, who, request);
  }
  absl::StatusOr<v1::Plan> Apply(const Who& who, const std::string& request_id = "") {
    v1::ApplyEditsRequest request;
    *request.mutable_spec() = spec_;
    request.set_request_id(request_id);
    return Do(&Stub::ApplyEdits, *drafting_, who, request);
  }

  std::vector<int64_t> ValuesOf(const std::string& plan) {
    v1::ListNodesRequest list;
    list.set_plan("plans/" + plan);
    return Values(AllNodes(zoe_, list));
  }

  std::vector<v1::Node> regions_;
  v1::EditSpec spec_;
};

TEST_F(DraftingServiceTest, EditsAreOneVersionAndCanBeUndone) {
  MakeTree("edits");
  Edit(IdOf(regions_[1]), 300).set_note("去年太高");
  Edit(IdOf(regions_[2]), 700).set_min_units(100);
  const auto preview = Preview(zoe_);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->refusal_count(), 0);
  EXPECT_EQ(preview->violation_count(), 0);
  EXPECT_EQ(preview->changed_node_count(), 2);
  EXPECT_EQ(preview->plan_version(), 3);
  EXPECT_THAT(ValuesOf("edits"), ElementsAre(1'200, 200, 50, 50, 50, 50, 400, 600));

  spec_.set_reason("表格");
  const auto plan = Apply(zoe_, kRequestId);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->plan_version(), 4);
  EXPECT_THAT(ValuesOf("edits"), ElementsAre(1'200, 200, 50, 50, 50, 50, 300, 700));
  EXPECT_TRUE(Check("edits").adds_up());
  // A repeat is answered alike; without the id nothing is left to change.
  const auto repeated = Apply(zoe_, kRequestId);
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ(repeated->plan_version(), 4);
  EXPECT_EQ(Apply(zoe_)->plan_version(), 4);

  v1::ListPlanVersionsRequest versions;
  versions.set_plan("plans/edits");
  const auto listed = Do(&v1::PlanService::Stub::ListPlanVersions, *plans_, zoe_, versions);
  ASSERT_THAT(listed, IsOk());
  EXPECT_EQ(listed->versions(0).type(), "plan.edited");
  EXPECT_EQ(listed->versions(0).reason(), "表格");
  EXPECT_EQ(listed->versions(0).changed_node_count(), 2);
  const auto undone =
      Verb<v1::UndoPlanChangeRequest>(&v1::PlanService::Stub::UndoPlanChange, zoe_, "edits");
  ASSERT_THAT(undone, IsOk());
  EXPECT_THAT(ValuesOf("edits"), ElementsAre(1'200, 200, 50, 50, 50, 50, 400, 600));
}

TEST_F(DraftingServiceTest, RefusalsComeAllAtOnceAndNothingIsWritten) {
  MakeTree("refused");
  v1::AdjustNodeRequest adjust;
  adjust.set_name(regions_[2].name());
  adjust.set_target_units(610);
  ASSERT_THAT(Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  Edit("nowhere", 1);
  Edit("Not An Id", 1);
  Edit(IdOf(regions_[1]), 305).set_display_name(std::string(201, 'x'));
  Edit(IdOf(regions_[0]), 205);
  Edit(IdOf(regions_[2]), 700);
  Edit("root", -1).set_clear_min(true);
  const auto preview = Preview(zoe_);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->changed_node_count(), 0);
  std::vector<std::string> found;
  for (const v1::EditRefusal& refusal : preview->refusals())
    found.push_back(std::to_string(refusal.row()) + " " + refusal.field());
  EXPECT_THAT(found, ElementsAre("2 node_id", "3 node_id", "4 display_name", "5 target_units",
                                 "6 node_id", "7 target_units"));
  EXPECT_THAT(preview->refusals(4).description(), HasSubstr("changed meanwhile, in version 4"));
  EXPECT_EQ(preview->refusals(3).node(), regions_[0].name());
  const auto refused = Apply(zoe_);
  EXPECT_THAT(refused, Fails(StatusCode::kFailedPrecondition, "EDITS_REFUSED"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("row 2, nowhere, node_id"));
  EXPECT_THAT(ValuesOf("refused"), ElementsAre(1'200, 200, 50, 50, 50, 50, 400, 610));

  spec_.clear_edits();
  EXPECT_THAT(Preview(zoe_), NamesField("spec.edits"));
  Edit("root", 1);
  spec_.set_base_version(0);
  EXPECT_THAT(Preview(zoe_), NamesField("spec.base_version"));
  spec_.set_base_version(9);
  EXPECT_THAT(Preview(zoe_), NamesField("spec.base_version"));
  spec_.set_base_version(4);
  spec_.set_currency_code("USD");
  EXPECT_THAT(Preview(zoe_), NamesField("spec.currency_code"));
  spec_.clear_currency_code();
  EXPECT_THAT(Preview(max_), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_EQ(Apply(anna_).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(DraftingServiceTest, WhatWouldNotAddUpIsListedAndNeedsToBeAccepted) {
  MakeTree("sums");
  Edit(IdOf(regions_[0]), 240);
  const auto preview = Preview(zoe_);
  ASSERT_THAT(preview, IsOk());
  ASSERT_EQ(preview->violation_count(), 2);
  EXPECT_EQ(preview->violations(0).node(), "plans/sums/nodes/root");
  EXPECT_EQ(preview->violations(0).difference_units(), -40);
  EXPECT_EQ(preview->violations(1).node(), regions_[0].name());
  EXPECT_EQ(preview->violations(1).difference_units(), 40);
  EXPECT_THAT(Apply(zoe_), Fails(StatusCode::kFailedPrecondition, "WOULD_NOT_ADD_UP"));
  spec_.set_accept_variance(true);
  ASSERT_THAT(Apply(zoe_), IsOk());
  EXPECT_EQ(Check("sums").violation_count(), 2);

  // In force, every change needs a reason.
  MakeTree("active");
  ASSERT_THAT(Submit(zoe_, "active"), IsOk());
  ASSERT_THAT(Approve(sam_, "active"), IsOk());
  ASSERT_THAT(Activate(sam_, "active"), IsOk());
  Edit("root", 1'300);
  Edit(IdOf(regions_[2]), 700);
  EXPECT_THAT(Preview(zoe_), IsOk());
  EXPECT_THAT(Apply(zoe_), Fails(StatusCode::kFailedPrecondition, "REASON_REQUIRED"));
  spec_.set_reason("市场变了");
  const auto plan = Apply(zoe_);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->target_units(), 1'300);
  EXPECT_TRUE(Check("active").adds_up());
}

class CopyTest : public DraftingServiceTest {
 protected:
  // 1,200 by unit west 400 (anna, bert), east 800 (eve), then by quarter.
  void MakeTeams(const std::string& plan) {
    MakePlan(plan, 1'200);
    v1::SplitNodesRequest units = OfRoot(plan);
    Weighted(units, v1::UNIT, {{"units/west", 1}, {"units/east", 2}});
    const std::vector<v1::Node> teams = Children(Split(zoe_, units));
    ASSERT_THAT(teams, SizeIs(2));
    v1::SplitNodesRequest members;
    members.set_plan("plans/" + plan);
    members.mutable_split()->mutable_nodes()->add_nodes(teams[0].name());
    Weighted(members, v1::MEMBER, {{"members/anna", 1}, {"members/bert", 3}});
    ASSERT_THAT(Split(zoe_, members), IsOk());
    members.mutable_split()->mutable_nodes()->set_nodes(0, teams[1].name());
    members.mutable_split()->clear_parts();
    Weighted(members, v1::MEMBER, {{"members/eve", 1}});
    ASSERT_THAT(Split(zoe_, members), IsOk());
    ASSERT_THAT(Split(zoe_, SplitBy(plan, v1::QUARTER, true)), IsOk());
    copy_.set_source("plans/" + plan);
    *copy_.mutable_period() = Range(absl::CivilDay(2019, 1, 1), absl::CivilDay(2019, 12, 31));
  }

  absl::StatusOr<v1::PreviewCopyResponse> Preview(const Who& who) {
    v1::PreviewCopyRequest request;
    *request.mutable_spec() = copy_;
    return Do(&Stub::PreviewCopy, *drafting_, who, request);
  }
  absl::StatusOr<v1::Plan> Copy(const Who& who, const std::string& id,
                                const std::string& request_id = "") {
    v1::CopyPlanRequest request;
    *request.mutable_spec() = copy_;
    request.set_plan_id(id);
    request.set_request_id(request_id);
    return Do(&Stub::CopyPlan, *drafting_, who, request);
  }

  v1::CopySpec copy_;
};

TEST_F(CopyTest, ANewYearHasTheShapeOfTheOld) {
  MakeTeams("old");
  copy_.set_growth_ppm(100'000);
  const auto preview = Preview(zoe_);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(preview->target_units(), 1'320);
  EXPECT_EQ(preview->node_count(), 1 + 2 + 3 + 12);
  EXPECT_EQ(preview->notice_count(), 0);
  EXPECT_EQ(preview->source_version(), 5);
  EXPECT_EQ(preview->nodes(1).name(), "");
  EXPECT_EQ(preview->nodes(1).key(), "units/west");

  copy_.set_title("2019 年销售额");
  const auto plan = Copy(zoe_, "new", kRequestId);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->name(), "plans/new");
  EXPECT_EQ(plan->title(), "2019 年销售额");
  EXPECT_EQ(plan->state(), v1::DRAFT);
  EXPECT_EQ(plan->target_units(), 1'320);
  EXPECT_EQ(plan->plan_version(), 1);
  EXPECT_EQ(plan->node_count(), 18);
  EXPECT_EQ(plan->owner(), "members/zoe");
  v1::ListNodesRequest list;
  list.set_plan("plans/new");
  const std::vector<v1::Node> nodes = AllNodes(zoe_, list);
  EXPECT_THAT(Values(nodes), ElementsAre(1'320, 440, 110, 28, 28, 27, 27, 330, 83, 83, 82, 82, 880,
                                         880, 220, 220, 220, 220));
  ASSERT_THAT(nodes, SizeIs(18));
  for (int i = 0; i < 18; ++i) {
    EXPECT_EQ(nodes[static_cast<size_t>(i)].target_units(), preview->nodes(i).target_units());
  }
  EXPECT_EQ(nodes[2].scope().member(), "members/anna");
  EXPECT_EQ(nodes[3].key(), "2019-Q1");
  EXPECT_TRUE(Check("new").adds_up());
  // Repeated it is the same answer; under another id of a request the plan is there.
  const auto repeated = Copy(zoe_, "new", kRequestId);
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ(repeated->etag(), plan->etag());
  EXPECT_THAT(Copy(zoe_, "new"), Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  // It can be worked on: new nodes get numbers of their own.
  v1::SplitNodesRequest regions = OfRoot("new");
  Weighted(regions, v1::REGION, {{"a", 1}});
  EXPECT_THAT(Split(zoe_, regions), IsOk());
}

TEST_F(CopyTest, WhoLeftIsToldAndLeftOutOrReplaced) {
  MakeTeams("old");
  organization::v1::EndMemberRequest end;
  end.set_name("members/bert");
  *end.mutable_last_date() = milepost::ToProto(absl::CivilDay(2018, 12, 31));
  ASSERT_THAT(Do(&organization::v1::MemberService::Stub::EndMember, *members_, sam_, end), IsOk());
  organization::v1::MoveMemberRequest move;
  move.set_name("members/eve");
  move.set_unit("units/west");
  *move.mutable_first_date() = milepost::ToProto(absl::CivilDay(2019, 1, 1));
  ASSERT_THAT(Do(&organization::v1::MemberService::Stub::MoveMember, *members_, sam_, move),
              IsOk());
  Refresh();
  auto preview = Preview(zoe_);
  ASSERT_THAT(preview, IsOk());
  ASSERT_EQ(preview->notice_count(), 3);
  EXPECT_EQ(preview->notices(0).kind(), v1::CopyNotice::LEFT_OUT);
  EXPECT_EQ(preview->notices(0).key(), "members/bert");
  EXPECT_THAT(preview->notices(0).description(),
              HasSubstr("members/bert: the member does not work in these days"));
  EXPECT_THAT(preview->notices(1).description(), HasSubstr("the member is not in units/east"));
  EXPECT_EQ(preview->notices(2).kind(), v1::CopyNotice::NOT_SPLIT);

  v1::OwnerReplacement& for_bert = *copy_.add_replacements();
  for_bert.set_from("members/bert");
  for_bert.set_to("members/mia");
  copy_.add_replacements()->set_from("units/east");
  preview = Preview(zoe_);
  ASSERT_THAT(preview, IsOk());
  ASSERT_EQ(preview->notice_count(), 2);
  EXPECT_EQ(preview->notices(0).kind(), v1::CopyNotice::LEFT_OUT);
  EXPECT_EQ(preview->notices(0).key(), "units/east");
  EXPECT_EQ(preview->notices(1).kind(), v1::CopyNotice::REPLACED);
  EXPECT_EQ(preview->notices(1).key(), "members/bert");
  ASSERT_THAT(Copy(zoe_, "new"), IsOk());
  v1::ListNodesRequest list;
  list.set_plan("plans/new");
  list.set_dimension(v1::MEMBER);
  const std::vector<v1::Node> members = AllNodes(zoe_, list);
  ASSERT_THAT(members, SizeIs(2));
  EXPECT_EQ(members[1].key(), "members/mia");
  EXPECT_EQ(members[1].target_units(), 900);

  copy_.mutable_replacements(0)->set_to("members/nobody");
  EXPECT_THAT(Preview(zoe_), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
}

TEST_F(CopyTest, IsForWhoSeesTheWholeAndMayMakePlans) {
  MakeTeams("old");
  EXPECT_THAT(Preview(max_), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  v1::UpdatePlanRequest publish;
  publish.mutable_plan()->set_name("plans/old");
  publish.mutable_plan()->set_visibility(v1::PUBLIC);
  ASSERT_THAT(Do(&v1::PlanService::Stub::UpdatePlan, *plans_, zoe_, publish), IsOk());
  EXPECT_EQ(Copy(max_, "new").status().code(), StatusCode::kPermissionDenied);
  ASSERT_THAT(Copy(sam_, "new"), IsOk());
  copy_.set_growth_ppm(-1'000'001);
  EXPECT_THAT(Preview(zoe_), NamesField("spec.growth_ppm"));
  copy_.set_target_units(-1);
  EXPECT_THAT(Preview(zoe_), NamesField("spec.target_units"));
  copy_.clear_total();
  copy_.mutable_period()->mutable_last_date()->set_year(2029);
  EXPECT_THAT(Preview(zoe_), NamesField("spec.period"));
  copy_.clear_period();
  EXPECT_THAT(Preview(zoe_), NamesField("spec.period"));
  copy_.add_replacements()->set_from("people/anna");
  EXPECT_THAT(Preview(zoe_), NamesField("spec.replacements[0].from"));
}

}  // namespace
}  // namespace milepost::target
