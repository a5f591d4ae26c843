#include "absl/strings/str_cat.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::PlanService::Stub;
using absl::StatusCode;

class PlanServiceTest : public TargetTest {
 protected:
  absl::StatusOr<v1::Plan> Get(const Who& who, const std::string& plan) {
    v1::GetPlanRequest request;
    request.set_name("plans/" + plan);
    return Do(&Stub::GetPlan, *plans_, who, request);
  }
};

TEST_F(PlanServiceTest, CreateReturnsWhatIsStored) {
  v1::CreatePlanRequest request = PlanRequest("y2018", 1'200'000'000, "west");
  request.mutable_plan()->set_description("全年目标");
  request.set_request_id(kRequestId);
  const auto created = Do(&Stub::CreatePlan, *plans_, zoe_, request);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->state(), v1::DRAFT);
  EXPECT_EQ(created->owner(), "members/zoe");
  EXPECT_EQ(created->currency_code(), "CNY");
  EXPECT_EQ(created->calendar(), "calendars/default");
  EXPECT_EQ(created->visibility(), v1::PRIVATE);
  EXPECT_EQ(created->node_count(), 1);
  EXPECT_EQ(created->plan_version(), 1);
  EXPECT_EQ(Get(zoe_, "y2018")->SerializeAsString(), created->SerializeAsString());
  // The same request again is answered alike; another one under its id is refused.
  EXPECT_EQ(Do(&Stub::CreatePlan, *plans_, zoe_, request)->etag(), created->etag());
  request.mutable_plan()->set_target_units(1);
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, request),
              Fails(StatusCode::kInvalidArgument, "REQUEST_ID_REUSED"));
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, PlanRequest("y2018", 5)),
              Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
}

TEST_F(PlanServiceTest, AllBadFieldsAtOnce) {
  v1::CreatePlanRequest request;
  request.set_plan_id("-not-an-id");
  v1::Plan& plan = *request.mutable_plan();
  plan.set_title(std::string(201, 'x'));
  plan.set_metric("revenue");
  *plan.mutable_period() = Range(absl::CivilDay(2019, 1, 1), absl::CivilDay(2018, 1, 1));
  plan.set_target_units(9'000'000'000'000'001);
  plan.set_currency_code("USD");
  plan.set_unit("units/UPPER");
  plan.set_rounding_units(-1);
  plan.set_visibility(static_cast<v1::PlanVisibility>(9));
  const auto refused = Do(&Stub::CreatePlan, *plans_, zoe_, request);
  EXPECT_THAT(refused, Fails(StatusCode::kInvalidArgument, "INVALID_FIELDS"));
  for (const char* field :
       {"plan_id", "plan.title", "plan.metric", "plan.target_units", "plan.currency_code",
        "plan.unit", "plan.rounding_units", "plan.visibility"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  EXPECT_EQ(status::ViolationsOf(refused.status()).size(), 9u);  // And the period.

  v1::CreatePlanRequest absurd = PlanRequest("absurd", 1);
  absurd.mutable_plan()->mutable_period()->mutable_first_date()->set_year(1);
  EXPECT_EQ(status::ViolationsOf(Do(&Stub::CreatePlan, *plans_, zoe_, absurd).status()).size(), 1u);
  v1::CreatePlanRequest endless = PlanRequest("endless", 1);
  *endless.mutable_plan()->mutable_period() =
      Range(absl::CivilDay(2018, 1, 1), absl::CivilDay(2028, 1, 1));
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, endless), NamesField("plan.period"));
  v1::CreatePlanRequest count = PlanRequest("count", 1);
  count.mutable_plan()->set_metric("metrics/orders");
  count.mutable_plan()->set_currency_code("CNY");
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, count), NamesField("plan.currency_code"));
  count.mutable_plan()->clear_currency_code();
  EXPECT_EQ(Do(&Stub::CreatePlan, *plans_, zoe_, count)->currency_code(), "");
  v1::CreatePlanRequest nothing;
  const auto empty = Do(&Stub::CreatePlan, *plans_, zoe_, nothing);
  for (const char* field : {"plan", "plan.title", "plan.metric", "plan.period"})
    EXPECT_THAT(empty, NamesField(field));
}

TEST_F(PlanServiceTest, ReferencesMustExist) {
  v1::CreatePlanRequest request = PlanRequest("p", 1);
  request.mutable_plan()->set_metric("metrics/nothing");
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request = PlanRequest("p", 1, "nowhere");
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request = PlanRequest("p", 1);
  request.mutable_plan()->set_calendar("calendars/nothing");
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request = PlanRequest("p", 1);
  *request.mutable_plan()->mutable_period() =
      Range(absl::CivilDay(2014, 1, 1), absl::CivilDay(2014, 12, 31));
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "UNIT_NOT_THERE"));
}

TEST_F(PlanServiceTest, OnlyWhoLeadsMakesAPlan) {
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, mia_, PlanRequest("mine", 1, "west")), IsOk());
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, mia_, PlanRequest("other", 1, "east")),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_CREATE"));
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, mia_, PlanRequest("all", 1, "")),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_CREATE"));
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, PlanRequest("all", 1, "")), IsOk());
  EXPECT_EQ(Do(&Stub::CreatePlan, *plans_, anna_, PlanRequest("rep", 1, "west")).status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(Do(&Stub::CreatePlan, *plans_, ann_, PlanRequest("reads", 1, "west")).status().code(),
            StatusCode::kPermissionDenied);
}

TEST_F(PlanServiceTest, NobodyApprovesTheirOwn) {
  MakePlan("own", 1'000, "west");  // Of zoe.
  ASSERT_THAT(Submit(mia_, "own"), IsOk());
  EXPECT_THAT(Approve(zoe_, "own"), Fails(StatusCode::kPermissionDenied, "OWN_PLAN"));
  EXPECT_THAT(Approve(mia_, "own"),
              Fails(StatusCode::kPermissionDenied, "OWN_PLAN"));  // She submitted it.
  EXPECT_THAT(Approve(max_, "own"),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));  // He does not see it.
  v1::RejectPlanRequest reject;
  EXPECT_THAT(Verb(&Stub::RejectPlan, sam_, "own", reject), NamesField("reason"));
  reject.set_reason("西区偏低");
  const auto rejected = Verb(&Stub::RejectPlan, sam_, "own", reject);
  ASSERT_THAT(rejected, IsOk());
  EXPECT_EQ(rejected->state(), v1::DRAFT);
  EXPECT_EQ(rejected->rejection_reason(), "西区偏低");
  ASSERT_THAT(Submit(zoe_, "own"), IsOk());
  EXPECT_THAT(Approve(zoe_, "own"), Fails(StatusCode::kPermissionDenied, "OWN_PLAN"));
  const auto approved = Approve(mia_, "own");  // Leads the unit, and neither owns nor submitted it.
  ASSERT_THAT(approved, IsOk());
  EXPECT_EQ(approved->approver(), "members/mia");
  EXPECT_EQ(approved->submitter(), "members/zoe");
  ASSERT_THAT(Activate(zoe_, "own"), IsOk());
  const auto closed = Verb<v1::ClosePlanRequest>(&Stub::ClosePlan, zoe_, "own");
  ASSERT_THAT(closed, IsOk());
  EXPECT_TRUE(closed->has_close_time());
  EXPECT_THAT(Activate(zoe_, "own"), Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
}

TEST_F(PlanServiceTest, HiddenAndAbsentAnswerAlike) {
  MakePlan("secret", 1'000, "west");
  const auto hidden = Get(eve_, "secret");
  const auto absent = Get(eve_, "absent");
  EXPECT_THAT(hidden, Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(absent, Fails(StatusCode::kNotFound, "NOT_FOUND"));
  std::string text(hidden.status().message());
  text.replace(text.find("secret"), 6, "absent");
  EXPECT_EQ(text, std::string(absent.status().message()));
  for (const Who& who : {zoe_, mia_, sam_, ann_})
    EXPECT_THAT(Get(who, "secret"), IsOk()) << who.member;
  for (const Who& who : {max_, anna_, eve_})
    EXPECT_THAT(Get(who, "secret"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  v1::GetNodeRequest node;
  node.set_name("plans/secret/nodes/root");
  EXPECT_THAT(Do(&v1::NodeService::Stub::GetNode, *nodes_, eve_, node),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Submit(max_, "secret"), Fails(StatusCode::kNotFound, "NOT_FOUND"));

  v1::UpdatePlanRequest publish;
  publish.mutable_plan()->set_name("plans/secret");
  publish.mutable_plan()->set_visibility(v1::PUBLIC);
  ASSERT_THAT(Do(&Stub::UpdatePlan, *plans_, zoe_, publish), IsOk());
  EXPECT_THAT(Get(eve_, "secret"), IsOk());
  // Seeing is not editing.
  EXPECT_THAT(Submit(max_, "secret"), Fails(StatusCode::kPermissionDenied, "MAY_NOT_EDIT"));
}

TEST_F(PlanServiceTest, PeersNumbersArePublicOnlyIfThePlanIs) {
  MakePlan("y", 1'000, "company");
  v1::SplitNodesRequest units = OfRoot("y");
  Weighted(units, v1::UNIT, {{"units/west", 600}, {"units/east", 400}});
  const auto made = Children(Split(zoe_, units));
  ASSERT_THAT(made, SizeIs(2));
  v1::SplitNodesRequest members;
  members.set_plan("plans/y");
  Weighted(members, v1::MEMBER, {{"members/anna", 400}, {"members/bert", 200}})
      .mutable_nodes()
      ->add_nodes(made[0].name());
  const auto reps = Children(Split(zoe_, members));
  ASSERT_THAT(reps, SizeIs(2));
  const auto seen = [&](const Who& who) {
    v1::ListNodesRequest list;
    list.set_plan("plans/y");
    std::vector<std::string> names;
    if (!Get(who, "y").ok()) return names;
    for (const v1::Node& node : AllNodes(who, list)) names.push_back(node.display_name());
    return names;
  };
  const std::vector<std::string> all = {"2018 年销售额", "单位 west", "成员 anna", "成员 bert",
                                        "单位 east"};
  const std::vector<std::string> of_anna = {"2018 年销售额", "单位 west", "成员 anna"};
  const auto update = [&](auto change) {
    v1::UpdatePlanRequest request;
    request.mutable_plan()->set_name("plans/y");
    change(*request.mutable_plan());
    EXPECT_THAT(Do(&Stub::UpdatePlan, *plans_, zoe_, request), IsOk());
  };
  // A draft is its makers' own, unless those who carry it are asked.
  for (const Who& who : {anna_, bert_, mia_, max_}) EXPECT_THAT(seen(who), SizeIs(0));
  update([](v1::Plan& plan) { plan.set_commitment_policy(v1::COMMITMENTS_OPEN); });
  EXPECT_EQ(seen(anna_), of_anna);
  EXPECT_THAT(seen(mia_), ElementsAre("2018 年销售额", "单位 west", "成员 anna", "成员 bert"));
  EXPECT_THAT(seen(max_), ElementsAre("2018 年销售额", "单位 east"));
  EXPECT_THAT(seen(eve_), SizeIs(0));
  update([](v1::Plan& plan) { plan.set_commitment_policy(v1::COMMITMENTS_CLOSED); });
  EXPECT_THAT(seen(anna_), SizeIs(0));
  // In force: the own chain.
  ASSERT_THAT(Submit(zoe_, "y"), IsOk());
  ASSERT_THAT(Approve(sam_, "y"), IsOk());
  EXPECT_THAT(seen(anna_), SizeIs(0));
  ASSERT_THAT(Activate(zoe_, "y"), IsOk());
  EXPECT_EQ(seen(anna_), of_anna);
  EXPECT_THAT(seen(eve_), SizeIs(0));
  EXPECT_EQ(seen(zoe_), all);
  EXPECT_EQ(seen(ann_), all);
  v1::GetNodeRequest peer;
  peer.set_name(reps[1].name());
  EXPECT_THAT(Do(&v1::NodeService::Stub::GetNode, *nodes_, anna_, peer),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  v1::ComparePlanVersionsRequest compare;
  compare.set_plan("plans/y");
  compare.set_from_version(1);
  EXPECT_THAT(Do(&Stub::ComparePlanVersions, *plans_, anna_, compare),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_SEE_ALL"));
  // Public: everybody everything, and no right more.
  update([](v1::Plan& plan) { plan.set_visibility(v1::PUBLIC); });
  for (const Who& who : {anna_, bert_, eve_, mia_, max_}) EXPECT_EQ(seen(who), all) << who.member;
  EXPECT_EQ(Do(&v1::NodeService::Stub::GetNode, *nodes_, anna_, peer)->target_units(), 200);
  EXPECT_THAT(Do(&Stub::ComparePlanVersions, *plans_, anna_, compare), IsOk());
  EXPECT_THAT(Verb<v1::ClosePlanRequest>(&Stub::ClosePlan, max_, "y"),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_EDIT"));
  update([](v1::Plan& plan) { plan.set_visibility(v1::PRIVATE); });
  EXPECT_EQ(seen(anna_), of_anna);
}

TEST_F(PlanServiceTest, UpdateMaskEtagAndRequestId) {
  const v1::Plan plan = MakePlan("update", 1'000);
  v1::UpdatePlanRequest update;
  update.mutable_plan()->set_name("plans/update");
  update.mutable_plan()->set_title("新标题");
  update.mutable_plan()->set_target_units(
      5);  // Not in what may be updated: ignored without a mask.
  update.set_etag(plan.etag());
  update.set_request_id(kRequestId);
  const auto updated = Do(&Stub::UpdatePlan, *plans_, zoe_, update);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->title(), "新标题");
  EXPECT_EQ(updated->target_units(), 1'000);
  EXPECT_EQ(Do(&Stub::UpdatePlan, *plans_, zoe_, update)->etag(), updated->etag());  // Repeated.
  update.clear_request_id();
  EXPECT_THAT(Do(&Stub::UpdatePlan, *plans_, zoe_, update),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  update.clear_etag();
  update.mutable_update_mask()->add_paths("target_units");
  EXPECT_THAT(Do(&Stub::UpdatePlan, *plans_, zoe_, update), NamesField("update_mask"));
  v1::GetPlanRequest get;
  get.set_name("plans/update/nodes/root");
  EXPECT_THAT(Do(&Stub::GetPlan, *plans_, zoe_, get), NamesField("name"));
  // Nodes tell the calendar of their plan.
  organization::v1::CreateCalendarRequest calendar;
  calendar.set_calendar_id("six");
  calendar.mutable_calendar()->set_display_name("六天");
  for (const int64_t weight : {1, 1, 1, 1, 1, 1, 0})
    calendar.mutable_calendar()->add_weekday_weights_ppm(weight);
  ASSERT_THAT(
      Do(&organization::v1::CalendarService::Stub::CreateCalendar, *calendars_, sam_, calendar),
      IsOk());
  v1::UpdatePlanRequest move;
  move.mutable_plan()->set_name("plans/update");
  move.mutable_plan()->set_calendar("calendars/six");
  ASSERT_THAT(Do(&Stub::UpdatePlan, *plans_, zoe_, move), IsOk());
  v1::GetNodeRequest node;
  node.set_name("plans/update/nodes/root");
  EXPECT_EQ(Do(&v1::NodeService::Stub::GetNode, *nodes_, zoe_, node)->calendar(), "calendars/six");
}

TEST_F(PlanServiceTest, DeleteIsForDraftsAndKeepsTheId) {
  MakePlan("gone", 1'000);
  ASSERT_THAT(Split(zoe_, SplitBy("gone", v1::QUARTER)), IsOk());
  ASSERT_THAT(Submit(zoe_, "gone"), IsOk());
  v1::DeletePlanRequest request;
  request.set_name("plans/gone");
  EXPECT_THAT(Do(&Stub::DeletePlan, *plans_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
  ASSERT_THAT(Verb<v1::WithdrawPlanRequest>(&Stub::WithdrawPlan, zoe_, "gone"), IsOk());
  request.set_request_id(kRequestId);
  ASSERT_THAT(Do(&Stub::DeletePlan, *plans_, zoe_, request), IsOk());
  EXPECT_THAT(Do(&Stub::DeletePlan, *plans_, zoe_, request), IsOk());  // Repeated.
  EXPECT_THAT(Get(zoe_, "gone"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Do(&Stub::CreatePlan, *plans_, zoe_, PlanRequest("gone", 1)),
              Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
}

TEST_F(PlanServiceTest, ListsByFilterPageByPage) {
  for (int i = 0; i < 5; ++i)
    MakePlan(absl::StrCat("plan", i), 1'000, i % 2 == 0 ? "west" : "east");
  ASSERT_THAT(Submit(zoe_, "plan2"), IsOk());
  const auto names = [&](const Who& who, v1::ListPlansRequest request) {
    std::vector<std::string> found;
    while (true) {
      const auto page = Do(&Stub::ListPlans, *plans_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return found;
      for (const v1::Plan& plan : page->plans()) found.push_back(plan.name());
      if (page->next_page_token().empty()) return found;
      EXPECT_EQ(page->plans_size(), request.page_size());
      request.set_page_token(page->next_page_token());
    }
  };
  for (int size = 1; size <= 6; ++size) {
    v1::ListPlansRequest request;
    request.set_page_size(size);
    EXPECT_THAT(names(zoe_, request), ElementsAre("plans/plan0", "plans/plan1", "plans/plan2",
                                                  "plans/plan3", "plans/plan4"));
    EXPECT_THAT(names(mia_, request), ElementsAre("plans/plan0", "plans/plan2", "plans/plan4"));
    EXPECT_THAT(names(anna_, request), SizeIs(0));
  }
  v1::ListPlansRequest filtered;
  filtered.set_state(v1::SUBMITTED);
  EXPECT_THAT(names(zoe_, filtered), ElementsAre("plans/plan2"));
  filtered.clear_state();
  filtered.set_unit("units/east");
  *filtered.mutable_date() = milepost::ToProto(absl::CivilDay(2018, 5, 1));
  EXPECT_THAT(names(zoe_, filtered), ElementsAre("plans/plan1", "plans/plan3"));
  *filtered.mutable_date() = milepost::ToProto(absl::CivilDay(2019, 5, 1));
  EXPECT_THAT(names(zoe_, filtered), SizeIs(0));
  v1::ListPlansRequest bad;
  bad.set_page_size(501);
  bad.set_state(static_cast<v1::PlanState>(42));
  bad.set_owner("zoe");
  const auto refused = Do(&Stub::ListPlans, *plans_, zoe_, bad);
  for (const char* field : {"page_size", "state", "owner"}) EXPECT_THAT(refused, NamesField(field));
}

TEST_F(PlanServiceTest, VersionsTellWhoWhenWhy) {
  MakePlan("versions", 1'000);
  v1::SubmitPlanRequest submit;
  submit.set_note("请审批");
  ASSERT_THAT(Verb(&Stub::SubmitPlan, zoe_, "versions", submit), IsOk());
  v1::RejectPlanRequest reject;
  reject.set_reason("再想想");
  ASSERT_THAT(Verb(&Stub::RejectPlan, sam_, "versions", reject), IsOk());
  for (int size = 1; size <= 4; ++size) {
    v1::ListPlanVersionsRequest request;
    request.set_plan("plans/versions");
    request.set_page_size(size);
    std::vector<std::string> lines;
    while (true) {
      const auto page = Do(&Stub::ListPlanVersions, *plans_, zoe_, request);
      ASSERT_THAT(page, IsOk());
      for (const v1::PlanVersion& version : page->versions()) {
        lines.push_back(absl::StrCat(version.version(), " ", version.type(), " ", version.actor(),
                                     " ", version.reason()));
      }
      if (page->next_page_token().empty()) break;
      request.set_page_token(page->next_page_token());
    }
    EXPECT_THAT(lines,
                ElementsAre("3 plan.rejected members/sam 再想想",
                            "2 plan.submitted members/zoe 请审批", "1 plan.created members/zoe "))
        << size;
  }
}

TEST_F(PlanServiceTest, TwoWritersOneWins) {
  MakePlan("race", 1'000);
  ASSERT_THAT(Submit(zoe_, "race"), IsOk());
  std::vector<absl::StatusOr<v1::Plan>> results(4, absl::UnknownError(""));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] { results[i] = Approve(sam_, "race"); });
  for (std::thread& thread : threads) thread.join();
  int won = 0;
  for (const auto& result : results) {
    if (result.ok()) {
      ++won;
    } else {
      EXPECT_THAT(result, Fails(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE"));
    }
  }
  EXPECT_EQ(won, 1);
}

}  // namespace
}  // namespace milepost::target
