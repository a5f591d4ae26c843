#include <string>
#include <vector>

#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::NamesField;
using Stub = v1::NodeService::Stub;
using absl::StatusCode;

// Ways to weigh the parts of a split. Every split is previewed first: both give the same numbers.
class SplitMethodTest : public TargetTest {
 protected:
  static v1::SplitNodesRequest Request(const std::string& plan, v1::Dimension dimension) {
    v1::SplitNodesRequest request;
    request.set_plan("plans/" + plan);
    request.mutable_split()->mutable_nodes()->add_nodes("plans/" + plan + "/nodes/root");
    request.mutable_split()->set_dimension(dimension);
    return request;
  }

  static v1::SplitPart& AddPart(v1::SplitNodesRequest& request, const std::string& key) {
    v1::SplitPart& part = *request.mutable_split()->mutable_parts()->add_parts();
    part.set_key(key);
    return part;
  }

  // The children of the last of the nodes that were split.
  absl::StatusOr<std::vector<v1::Node>> Made(const Who& who, const v1::SplitNodesRequest& request) {
    v1::PreviewSplitRequest preview;
    preview.set_plan(request.plan());
    *preview.mutable_split() = request.split();
    const auto previewed = Do(&Stub::PreviewSplit, *nodes_, who, preview);
    const auto split = Split(who, request);
    EXPECT_EQ(previewed.ok(), split.ok()) << previewed.status() << split.status();
    if (!split.ok()) return split.status();
    EXPECT_EQ(previewed->splits_size(), split->splits_size());
    std::vector<v1::Node> children;
    for (int s = 0; s < split->splits_size(); ++s) {
      children.assign(split->splits(s).children().begin(), split->splits(s).children().end());
      const auto& shown = previewed->splits(s).children();
      EXPECT_EQ(Values({shown.begin(), shown.end()}), Values(children));
      for (int i = 0; i < shown.size(); ++i) {
        EXPECT_EQ(shown[i].explanation().description(),
                  children[static_cast<size_t>(i)].explanation().description());
      }
    }
    return children;
  }
};

TEST_F(SplitMethodTest, ByCapacityOfUnitsMembersAndMonths) {
  organization::v1::CreateMemberRequest hire;
  hire.set_member_id("nina");
  hire.mutable_member()->set_display_name("新人");
  hire.mutable_member()->set_unit("units/east");
  *hire.mutable_member()->mutable_start_date() = milepost::ToProto(absl::CivilDay(2018, 1, 1));
  ASSERT_THAT(Do(&organization::v1::MemberService::Stub::CreateMember, *members_, sam_, hire),
              IsOk());
  MakePlan("capacity", 600'000);
  v1::SplitNodesRequest request = Request("capacity", v1::UNIT);
  request.mutable_split()->set_organization(v1::CHILD_UNITS);
  request.mutable_split()->mutable_capacity();
  // East: Max, Eve and Nina; West: Mia, Anna and Bert. Zoe is in neither.
  auto made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(300'000, 300'000));
  EXPECT_EQ((*made)[0].explanation().method(), v1::CAPACITY);

  // Of Nina's twelve months the first two count a quarter and a half.
  request = Request("capacity", v1::MEMBER);
  request.mutable_split()->mutable_nodes()->set_nodes(0, (*made)[0].name());
  ASSERT_EQ((*made)[0].key(), "units/east");
  request.mutable_split()->set_organization(v1::DIRECT_MEMBERS);
  request.mutable_split()->mutable_capacity()->add_ramp_ppm(0);
  request.mutable_split()->mutable_capacity()->add_ramp_ppm(500'000);
  made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  ASSERT_THAT(*made, ::testing::SizeIs(3));
  EXPECT_EQ((*made)[0].target_units(), (*made)[1].target_units());
  EXPECT_LT((*made)[2].target_units(), (*made)[0].target_units());
  EXPECT_THAT((*made)[2].explanation().description(),
              HasSubstr("millionths of a member's working day"));

  // Nina by quarter: nothing in January, half of February.
  request = Request("capacity", v1::PERIOD);
  request.mutable_split()->mutable_nodes()->set_nodes(0, (*made)[2].name());
  request.mutable_split()->set_grain(v1::MONTH);
  request.mutable_split()->mutable_capacity()->add_ramp_ppm(0);
  request.mutable_split()->mutable_capacity()->add_ramp_ppm(500'000);
  made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ((*made)[0].target_units(), 0);
  EXPECT_LT((*made)[1].target_units(), (*made)[2].target_units());
  EXPECT_TRUE(Check("capacity").adds_up());
}

TEST_F(SplitMethodTest, ByPotentialLessWhatWasAchieved) {
  MakePlan("potential", 100'000);
  v1::SplitNodesRequest request = Request("potential", v1::REGION);
  AddPart(request, "north").set_potential_units(600);
  AddPart(request, "south").set_potential_units(400);
  request.mutable_split()->mutable_potential();
  auto made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(60'000, 40'000));
  EXPECT_EQ((*made)[0].explanation().method(), v1::POTENTIAL);

  reports_.by_name = {{"north", 400}, {"south", 500}};
  request.mutable_split()->set_breakdown("open");
  *request.mutable_split()->mutable_potential()->mutable_achieved_in() =
      Range(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 12, 31));
  made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(100'000, 0)) << "south has more than its potential";
  EXPECT_THAT((*made)[0].explanation().description(), HasSubstr("potential 600 less 400"));
  EXPECT_EQ(reports_.requests.back().range().last_date().year(), 2017);

  request.mutable_split()->set_breakdown("none");
  reports_.by_name["north"] = 600;
  EXPECT_THAT(Made(zoe_, request), Fails(StatusCode::kFailedPrecondition, "NO_PARTS"));
}

TEST_F(SplitMethodTest, CopiesTheShapeOfAnotherPlan) {
  MakePlan("old", 1'000);
  v1::SplitNodesRequest request = Request("old", v1::UNIT);
  AddPart(request, "units/west").set_weight(3);
  AddPart(request, "units/east").set_weight(1);
  request.mutable_split()->mutable_weights();
  const auto old_units = Made(zoe_, request);
  ASSERT_THAT(old_units, IsOk());
  v1::SplitNodesRequest months = Request("old", v1::PERIOD);
  months.mutable_split()->mutable_nodes()->set_nodes(0, (*old_units)[0].name());
  months.mutable_split()->set_grain(v1::QUARTER);
  months.mutable_split()->mutable_even();
  const auto quarters = Made(zoe_, months);
  ASSERT_THAT(quarters, IsOk());
  v1::AdjustNodeRequest adjust;
  adjust.set_name((*quarters)[0].name());
  adjust.set_target_units(375);
  adjust.set_absorb(v1::SIBLINGS);
  ASSERT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());

  // A plan of the year after, by the same units and quarters.
  v1::CreatePlanRequest next = PlanRequest("next", 4'000);
  *next.mutable_plan()->mutable_period() =
      Range(absl::CivilDay(2019, 1, 1), absl::CivilDay(2019, 12, 31));
  ASSERT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, next), IsOk());
  v1::SplitNodesRequest copy = Request("next", v1::UNIT);
  copy.mutable_split()->set_organization(v1::CHILD_UNITS);
  copy.mutable_split()->mutable_copy()->set_source("plans/old");
  auto made = Made(zoe_, copy);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(1'000, 3'000));
  EXPECT_EQ((*made)[1].explanation().method(), v1::COPY);
  EXPECT_THAT((*made)[1].explanation().description(), HasSubstr("750 below plans/old/nodes/root"));
  const std::string east = (*made)[0].name();
  const std::string west = (*made)[1].name();

  copy = Request("next", v1::PERIOD);
  copy.mutable_split()->mutable_nodes()->set_nodes(0, west);
  copy.mutable_split()->set_grain(v1::QUARTER);
  copy.mutable_split()->mutable_copy()->set_source("plans/old");
  made = Made(zoe_, copy);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(1'500, 500, 500, 500));
  // East was not broken down there; from a node that is named it takes the shape.
  copy.mutable_split()->mutable_nodes()->set_nodes(0, east);
  EXPECT_THAT(Made(zoe_, copy), Fails(StatusCode::kFailedPrecondition, "NO_PARTS"));
  copy.mutable_split()->mutable_copy()->set_source((*old_units)[0].name());
  made = Made(zoe_, copy);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ((*made)[0].target_units(), 500);
  EXPECT_TRUE(Check("next").adds_up());

  // Who does not see the source copies nothing.
  MakePlan("western", 1'000, "west");
  copy = Request("western", v1::PERIOD);
  copy.mutable_split()->set_grain(v1::QUARTER);
  copy.mutable_split()->mutable_copy()->set_source("plans/old");
  EXPECT_THAT(Made(mia_, copy), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  copy.mutable_split()->mutable_copy()->set_source("plans/old/nodes/n999");
  EXPECT_THAT(Made(zoe_, copy), Fails(StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(SplitMethodTest, HistoryMixesSeveralReferencePeriods) {
  MakePlan("mix", 1'000'000);
  v1::SplitNodesRequest request = Request("mix", v1::REGION);
  AddPart(request, "north");
  AddPart(request, "south");
  AddPart(request, "new");
  v1::HistoryMethod& history = *request.mutable_split()->mutable_history();
  for (const int year : {2016, 2017}) {
    v1::ReferencePeriod& period = *history.add_reference_periods();
    *period.mutable_period() = Range(absl::CivilDay(year, 1, 1), absl::CivilDay(year, 12, 31));
    period.set_mix_weight(year == 2016 ? 1 : 2);
  }
  reports_.by_name = {{"north", 600}, {"south", 200}};
  auto made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(750'000, 250'000, 0));
  EXPECT_THAT((*made)[0].explanation().description(),
              AllOf(HasSubstr("2016-01-01/2016-12-31: 600"), HasSubstr("counts 2/3")));

  history.set_newcomers(v1::HistoryMethod::MEAN);
  request.mutable_split()->set_breakdown("with-new");
  made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(500'000, 166'667, 333'333));
  history.set_newcomers(v1::HistoryMethod::LOWEST);
  history.set_mix(v1::HistoryMethod::AMOUNTS);
  history.set_gaps(v1::HistoryMethod::OTHER_PERIODS);
  history.mutable_reference_periods(0)->set_growth_ppm(100'000);
  request.mutable_split()->set_breakdown("amounts");
  made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(600'000, 200'000, 200'000));
  EXPECT_THAT((*made)[0].explanation().description(), HasSubstr("1100000 ppm"));
}

TEST_F(SplitMethodTest, CustomersArePartsWithoutHistory) {
  MakePlan("customers", 90'000);
  v1::SplitNodesRequest request = Request("customers", v1::CUSTOMER);
  AddPart(request, "customers/yunfan").set_weight(2);
  AddPart(request, "customers/tianhe").set_weight(1);
  request.mutable_split()->mutable_weights();
  const auto made = Made(zoe_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_THAT(Values(*made), ElementsAre(60'000, 30'000));
  EXPECT_EQ((*made)[0].scope().customer(), "customers/yunfan");
  request.mutable_split()->set_breakdown("by-history");
  for (v1::SplitPart& part : *request.mutable_split()->mutable_parts()->mutable_parts())
    part.clear_weight();
  *request.mutable_split()->mutable_history()->add_reference_periods()->mutable_period() =
      Range(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 12, 31));
  const auto refused = Made(zoe_, request);
  EXPECT_THAT(refused, Fails(StatusCode::kFailedPrecondition, "NO_PARTS"));
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("actuals are not kept by customer"));
}

TEST_F(SplitMethodTest, BadFieldsOfTheMethods) {
  MakePlan("bad", 1'000);
  v1::SplitNodesRequest request = Request("bad", v1::PRODUCT);
  AddPart(request, "products/a").set_potential_units(5);
  request.mutable_split()->mutable_capacity()->add_ramp_ppm(1'000'001);
  for (int i = 0; i < 36; ++i) request.mutable_split()->mutable_capacity()->add_ramp_ppm(0);
  for (const char* field : {"split.parts.parts[0].potential_units", "split.capacity",
                            "split.capacity.ramp_ppm", "split.capacity.ramp_ppm[0]"}) {
    EXPECT_THAT(Split(zoe_, request), NamesField(field));
  }
  request = Request("bad", v1::PERIOD);
  request.mutable_split()->set_grain(v1::MONTH);
  request.mutable_split()->mutable_potential()->set_metric("metrics/revenue");
  EXPECT_THAT(Split(zoe_, request), NamesField("split.potential"));
  EXPECT_THAT(Split(zoe_, request), NamesField("split.potential.metric"));
  request.mutable_split()->mutable_copy()->set_breakdown("Not An Id");
  EXPECT_THAT(Split(zoe_, request), NamesField("split.copy.source"));
  EXPECT_THAT(Split(zoe_, request), NamesField("split.copy.breakdown"));
  v1::HistoryMethod& history = *request.mutable_split()->mutable_history();
  history.set_mix(static_cast<v1::HistoryMethod::Mix>(9));
  history.add_reference_periods()->set_growth_ppm(-1'000'001);
  EXPECT_THAT(Split(zoe_, request), NamesField("split.history.mix"));
  EXPECT_THAT(Split(zoe_, request), NamesField("split.history.reference_periods[0].period"));
  EXPECT_THAT(Split(zoe_, request), NamesField("split.history.reference_periods[0].growth_ppm"));
}

}  // namespace
}  // namespace milepost::target
