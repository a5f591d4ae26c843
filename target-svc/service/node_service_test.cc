#include <numeric>

#include "absl/strings/str_cat.h"
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

class NodeServiceTest : public TargetTest {
 protected:
  std::vector<v1::ImportNodesResponse> Import(const Who& who,
                                              const std::vector<v1::ImportNodesRequest>& requests,
                                              grpc::Status* end = nullptr) {
    const std::unique_ptr<grpc::ClientContext> context = As(who);
    const auto stream = nodes_->ImportNodes(context.get());
    std::vector<v1::ImportNodesResponse> responses;
    for (const v1::ImportNodesRequest& request : requests) {
      stream->Write(request);
      v1::ImportNodesResponse response;
      if (!stream->Read(&response)) break;
      responses.push_back(response);
    }
    stream->WritesDone();
    const grpc::Status status = stream->Finish();
    if (end != nullptr) {
      *end = status;
    } else {
      EXPECT_THAT(status, IsOk());
    }
    return responses;
  }

  static void AddRow(v1::ImportNodesRequest& request, const std::string& id,
                     const std::string& parent, v1::Dimension dimension, const std::string& key,
                     int64_t target,
                     std::optional<std::pair<absl::CivilDay, absl::CivilDay>> days = std::nullopt) {
    v1::ImportNodeRow& row = *request.add_rows();
    row.set_line(request.rows_size());
    row.set_node_id(id);
    row.set_parent_id(parent);
    row.set_dimension(dimension);
    row.set_key(key);
    row.set_target_units(target);
    if (days) *row.mutable_period() = Range(days->first, days->second);
  }
};

// Worked example 1: a year, its quarters, its months.
TEST_F(NodeServiceTest, EvenSplitAddsUpToTheFen) {
  MakePlan("even", 1'000'000'000);
  const auto quarters = Split(zoe_, SplitBy("even", v1::QUARTER));
  ASSERT_THAT(quarters, IsOk());
  EXPECT_THAT(Values(Children(quarters)),
              ElementsAre(250'000'000, 250'000'000, 250'000'000, 250'000'000));
  EXPECT_EQ(quarters->plan().node_count(), 5);
  v1::SplitNodesRequest months = SplitBy("even", v1::MONTH, true);
  months.mutable_split()->set_breakdown("month");
  const auto split = Split(zoe_, months);
  ASSERT_THAT(split, IsOk());
  EXPECT_EQ(split->created_node_count(), 12);
  std::vector<int64_t> first = Values(Children(split));
  first.resize(3);
  EXPECT_THAT(first, ElementsAre(83'333'334, 83'333'333, 83'333'333));
  EXPECT_TRUE(Check("even").adds_up());
  EXPECT_EQ(Check("even").node_count(), 17);
  const v1::Node january = split->splits(0).children(0);
  EXPECT_EQ(january.key(), "2018-01");
  EXPECT_EQ(january.depth(), 2);
  EXPECT_TRUE(january.leaf());
  EXPECT_EQ(january.scope().unit(), "units/company");
  EXPECT_EQ(january.calendar(), "calendars/default");
  EXPECT_THAT(january.explanation().description(), HasSubstr("1/3"));
  EXPECT_EQ(january.explanation().raw_units(), 83'333'333);
}

// Worked example 2: three breakdowns of one root.
TEST_F(NodeServiceTest, SeveralBreakdownsEachAddUp) {
  MakePlan("regions", 1'000'000'000);
  v1::SplitNodesRequest regions = OfRoot("regions");
  Weighted(regions, v1::REGION,
           {{"north-east", 150}, {"north", 200}, {"east", 300}, {"south", 250}, {"central", 100}});
  EXPECT_THAT(Values(Children(Split(zoe_, regions))),
              ElementsAre(150'000'000, 200'000'000, 300'000'000, 250'000'000, 100'000'000));
  v1::SplitNodesRequest products = OfRoot("regions");
  Weighted(products, v1::PRODUCT, {{"products/a", 300}, {"products/b", 400}, {"products/c", 300}});
  EXPECT_THAT(Values(Children(Split(zoe_, products))),
              ElementsAre(300'000'000, 400'000'000, 300'000'000));
  v1::SplitNodesRequest channels = OfRoot("regions");
  Weighted(channels, v1::CHANNEL, {{"online", 300}, {"offline", 400}, {"partner", 300}});
  const auto split = Split(zoe_, channels);
  EXPECT_THAT(Values(Children(split)), ElementsAre(300'000'000, 400'000'000, 300'000'000));
  EXPECT_EQ(Children(split)[0].scope().channel(), "online");
  EXPECT_TRUE(Check("regions").adds_up());
  v1::GetNodeRequest get;
  get.set_name("plans/regions/nodes/root");
  EXPECT_THAT(Do(&Stub::GetNode, *nodes_, zoe_, get)->breakdowns(), SizeIs(3));
}

// Worked example 3: an inconsistent plan is kept, told, and not approved.
TEST_F(NodeServiceTest, ImportKeepsWhatDoesNotAddUp) {
  MakePlan("broken", 100'000'000);
  v1::ImportNodesRequest request;
  request.set_plan("plans/broken");
  AddRow(request, "group-a", "", v1::PRODUCT, "products/a", 30'000'000);
  AddRow(request, "group-b", "", v1::PRODUCT, "products/b", 25'000'000);
  AddRow(request, "group-c", "", v1::PRODUCT, "products/c", 15'000'000);
  const std::vector<int64_t> quarters{25'000'000, 30'000'000, 30'000'000, 15'000'000};
  for (int q = 0; q < 4; ++q) {
    const absl::CivilMonth first(2018, 1 + 3 * q);
    AddRow(request, absl::StrCat("q", q + 1), "", v1::PERIOD, absl::StrCat("2018-Q", q + 1),
           quarters[static_cast<size_t>(q)],
           std::pair(absl::CivilDay(first), absl::CivilDay(first + 3) - 1));
  }
  for (int m = 0; m < 3; ++m) {
    const absl::CivilMonth first(2018, 1 + m);
    AddRow(request, absl::StrCat("m", m + 1), "q1", v1::PERIOD, absl::StrCat("2018-0", m + 1),
           6'250'000, std::pair(absl::CivilDay(first), absl::CivilDay(first + 1) - 1));
  }
  const auto first = Import(zoe_, {request});
  ASSERT_THAT(first, SizeIs(1));
  for (const auto& result : first[0].results())
    EXPECT_EQ(result.outcome(), organization::v1::CREATED) << result.ShortDebugString();
  EXPECT_EQ(first[0].plan().node_count(), 11);

  const v1::CheckPlanResponse check = Check("broken");
  EXPECT_FALSE(check.adds_up());
  ASSERT_EQ(check.violation_count(), 2);
  EXPECT_EQ(check.violations(0).node(), "plans/broken/nodes/root");
  EXPECT_EQ(check.violations(0).breakdown(), "product");
  EXPECT_EQ(check.violations(0).kind(), v1::UNASSIGNED);
  EXPECT_EQ(check.violations(0).difference_units(), 30'000'000);
  EXPECT_EQ(check.violations(1).node(), "plans/broken/nodes/q1");
  EXPECT_EQ(check.violations(1).expected_units(), 25'000'000);
  EXPECT_EQ(check.violations(1).actual_units(), 18'750'000);

  // A repeat changes nothing, not even the version.
  const auto again = Import(zoe_, {request});
  for (const auto& result : again[0].results())
    EXPECT_EQ(result.outcome(), organization::v1::UNCHANGED);
  EXPECT_EQ(again[0].plan().plan_version(), first[0].plan().plan_version());

  ASSERT_THAT(Submit(zoe_, "broken"), IsOk());
  const auto refused = Approve(sam_, "broken");
  EXPECT_THAT(refused, Fails(StatusCode::kFailedPrecondition, "PLAN_DOES_NOT_ADD_UP"));
  EXPECT_EQ(status::FactsOf(refused.status())["violations"], "2");
  v1::ApprovePlanRequest accept;
  accept.set_accept_variance(true);
  EXPECT_THAT(Verb(&v1::PlanService::Stub::ApprovePlan, sam_, "broken", accept),
              NamesField("reason"));
  accept.set_reason("其余产品组下月确定");
  const auto approved = Verb(&v1::PlanService::Stub::ApprovePlan, sam_, "broken", accept);
  ASSERT_THAT(approved, IsOk());
  EXPECT_EQ(approved->accepted_violation_count(), 2);
  EXPECT_EQ(approved->accepted_variance_reason(), "其余产品组下月确定");
}

TEST_F(NodeServiceTest, ImportRefusesBadRowsByLineAndWritesTheOthers) {
  MakePlan("rows", 1'000);
  v1::ImportNodesRequest request;
  request.set_plan("plans/rows");
  AddRow(request, "good", "", v1::REGION, "north", 600);
  AddRow(request, "Bad Id", "", v1::REGION, "south", -1);
  AddRow(request, "orphan", "nobody", v1::REGION, "south", 400);
  AddRow(request, "twin", "", v1::REGION, "north", 400);
  AddRow(request, "whose", "", v1::MEMBER, "members/nobody", 400);
  AddRow(request, "child", "good", v1::CHANNEL, "online", 600);
  const auto answers = Import(zoe_, {request});
  ASSERT_THAT(answers, SizeIs(1));
  const auto& results = answers[0].results();
  EXPECT_EQ(results[0].outcome(), organization::v1::CREATED);
  EXPECT_EQ(results[1].outcome(), organization::v1::REFUSED);
  EXPECT_EQ(results[1].line(), 2);
  EXPECT_THAT(results[1].violations(), SizeIs(2));  // The id and the target, at once.
  EXPECT_EQ(results[2].outcome(), organization::v1::REFUSED);
  EXPECT_EQ(results[3].outcome(), organization::v1::REFUSED);
  EXPECT_EQ(results[4].outcome(), organization::v1::REFUSED);
  EXPECT_EQ(results[5].outcome(), organization::v1::CREATED);
  // Mended and sent again, only the mended rows are written.
  v1::ImportNodesRequest mended;
  mended.set_plan("plans/rows");
  AddRow(mended, "good", "", v1::REGION, "north", 600);
  AddRow(mended, "south", "", v1::REGION, "south", 400);
  const auto second = Import(zoe_, {mended});
  EXPECT_EQ(second[0].results(0).outcome(), organization::v1::UNCHANGED);
  EXPECT_EQ(second[0].results(1).outcome(), organization::v1::CREATED);
  EXPECT_TRUE(Check("rows").adds_up());
  grpc::Status end;
  v1::ImportNodesRequest empty;
  empty.set_plan("plans/rows");
  Import(zoe_, {empty}, &end);
  EXPECT_THAT(end, NamesField("rows"));
}

// Worked example 4: a month on its days.
TEST_F(NodeServiceTest, WorkingCalendarWeighsDays) {
  organization::v1::CreateCalendarRequest calendar;
  calendar.set_calendar_id("shop");
  calendar.mutable_calendar()->set_display_name("门店");
  for (const int64_t sales : {9'654, 9'687, 11'654, 10'625, 11'687, 17'110, 16'583}) {
    calendar.mutable_calendar()->add_weekday_weights_ppm(sales);
  }
  organization::v1::SpecialDay& holiday = *calendar.mutable_calendar()->add_special_days();
  *holiday.mutable_date() = milepost::ToProto(absl::CivilDay(2018, 2, 16));
  holiday.set_kind(organization::v1::HOLIDAY);
  holiday.set_display_name("春节");
  ASSERT_THAT(
      Do(&organization::v1::CalendarService::Stub::CreateCalendar, *calendars_, sam_, calendar),
      IsOk());

  v1::CreatePlanRequest request = PlanRequest("february", 8'700'000);
  *request.mutable_plan()->mutable_period() =
      Range(absl::CivilDay(2018, 2, 1), absl::CivilDay(2018, 2, 28));
  request.mutable_plan()->set_calendar("calendars/shop");
  ASSERT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, request), IsOk());
  v1::SplitNodesRequest days = SplitBy("february", v1::DAY);
  days.mutable_split()->mutable_working_calendar();
  const std::vector<v1::Node> children = Children(Split(zoe_, days));
  ASSERT_THAT(children, SizeIs(28));
  const std::vector<int64_t> values = Values(children);
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}), 8'700'000);
  EXPECT_EQ(values[15], 0);         // The holiday.
  EXPECT_GT(values[2], values[1]);  // Saturday the 3rd against Friday the 2nd.
  EXPECT_EQ(children[0].explanation().weight(), 10'625);
  EXPECT_TRUE(Check("february").adds_up());
}

// Worked example 7, and the main job: quarters on the shares of the year before, units, members,
// months on working days.
TEST_F(NodeServiceTest, TheMainJob) {
  MakePlan("y2018", 1'200'000'000);
  const std::vector<int64_t> quarters{113'467'200, 308'611'100, 298'225'500, 280'249'600};
  for (int q = 0; q < 4; ++q)
    reports_.by_month[absl::CivilDay(2017, 1 + 3 * q, 1)] = quarters[static_cast<size_t>(q)];
  v1::SplitNodesRequest by_quarter = SplitBy("y2018", v1::QUARTER);
  v1::HistoryMethod& history = *by_quarter.mutable_split()->mutable_history();
  *history.add_reference_periods()->mutable_period() =
      Range(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 12, 31));
  const auto first = Split(zoe_, by_quarter);
  ASSERT_THAT(first, IsOk());
  const std::vector<int64_t> values = Values(Children(first));
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}), 1'200'000'000);
  EXPECT_EQ(values[0], 136'085'330);  // 12,000,000 yuan × 1,134,672 / 10,005,534
  ASSERT_THAT(reports_.requests, SizeIs(1));
  EXPECT_EQ(reports_.requests[0].metric(), "metrics/revenue");
  EXPECT_EQ(reports_.requests[0].granularity(), reporting::v1::MONTH);
  EXPECT_EQ(reports_.requests[0].filter().unit(), "units/company");
  EXPECT_EQ(Children(first)[1].explanation().weight(), 308'611'100);

  v1::SplitNodesRequest by_unit;
  by_unit.set_plan("plans/y2018");
  by_unit.mutable_split()->mutable_leaves();
  by_unit.mutable_split()->set_dimension(v1::UNIT);
  by_unit.mutable_split()->set_organization(v1::CHILD_UNITS);
  *by_unit.mutable_split()->mutable_history() = history;
  reports_.by_name = {{"units/west", 3'568'647}, {"units/east", 6'436'887}};
  const auto units = Split(zoe_, by_unit);
  ASSERT_THAT(units, IsOk());
  EXPECT_EQ(units->created_node_count(), 8);
  EXPECT_THAT(reports_.requests, SizeIs(2)) << "equal questions are asked once";

  v1::SplitNodesRequest by_member = by_unit;
  by_member.mutable_split()->set_dimension(v1::MEMBER);
  by_member.mutable_split()->set_organization(v1::DIRECT_MEMBERS);
  by_member.mutable_split()->mutable_even();
  ASSERT_THAT(Split(zoe_, by_member), IsOk());

  v1::SplitNodesRequest by_month = SplitBy("y2018", v1::MONTH, true);
  by_month.mutable_split()->mutable_working_calendar();
  const auto months = Split(zoe_, by_month);
  ASSERT_THAT(months, IsOk());
  EXPECT_TRUE(Check("y2018").adds_up());
  EXPECT_EQ(Check("y2018").node_count(), 1 + 4 + 8 + 4 * 5 + 12 * 5);
  const v1::Node leaf = Children(months)[0];
  EXPECT_EQ(leaf.scope().unit(), "units/east");
  EXPECT_FALSE(leaf.scope().member().empty());
  EXPECT_EQ(leaf.depth(), 4);

  ASSERT_THAT(Submit(zoe_, "y2018"), IsOk());
  ASSERT_THAT(Approve(sam_, "y2018"), IsOk());
  EXPECT_EQ(Activate(zoe_, "y2018")->state(), v1::ACTIVE);
}

TEST_F(NodeServiceTest, PreviewIsWhatIsWritten) {
  MakePlan("preview", 1'000'000'001);
  v1::SplitNodesRequest request = SplitBy("preview", v1::WEEK);
  request.mutable_split()->mutable_working_calendar();
  request.mutable_split()->set_stretch_ppm(1'100'000);
  request.mutable_split()->set_rounding_units(10'000);
  v1::PreviewSplitRequest preview;
  preview.set_plan(request.plan());
  *preview.mutable_split() = request.split();
  const auto seen = Do(&Stub::PreviewSplit, *nodes_, zoe_, preview);
  ASSERT_THAT(seen, IsOk());
  EXPECT_EQ(Check("preview").node_count(), 1);
  const auto written = Split(zoe_, request);
  ASSERT_THAT(written, IsOk());
  EXPECT_EQ(seen->created_node_count(), written->created_node_count());
  EXPECT_EQ(seen->splits(0).total_units(), 1'100'000'001);
  ASSERT_EQ(seen->splits(0).children_size(), written->splits(0).children_size());
  for (int i = 0; i < seen->splits(0).children_size(); ++i) {
    EXPECT_EQ(seen->splits(0).children(i).target_units(),
              written->splits(0).children(i).target_units());
    EXPECT_EQ(seen->splits(0).children(i).explanation().description(),
              written->splits(0).children(i).explanation().description());
  }
  EXPECT_TRUE(Check("preview").adds_up()) << "with its stretch";
}

TEST_F(NodeServiceTest, LocksAndBoundsThatCollideAreNamedAndNothingIsWritten) {
  MakePlan("bounds", 1'000);
  v1::SplitNodesRequest request = OfRoot("bounds");
  v1::SplitSpec& split = Weighted(request, v1::REGION, {{"north", 1}, {"south", 1}});
  split.mutable_parts()->mutable_parts(0)->set_lock_units(700);
  split.mutable_parts()->mutable_parts(1)->set_min_units(400);
  const auto refused = Split(zoe_, request);
  EXPECT_THAT(refused, Fails(StatusCode::kFailedPrecondition, "SPLIT_IMPOSSIBLE"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("south"));
  EXPECT_EQ(status::FactsOf(refused.status())["amount_1"], "100");
  EXPECT_EQ(Check("bounds").node_count(), 1);
  split.mutable_parts()->mutable_parts(1)->set_min_units(100);
  const auto done = Split(zoe_, request);
  ASSERT_THAT(done, IsOk());
  EXPECT_THAT(Values(Children(done)), ElementsAre(700, 300));
  EXPECT_TRUE(Children(done)[0].locked());
  EXPECT_EQ(Children(done)[0].explanation().bound_hit(), v1::LOCK);

  // Another breakdown of that id needs `replace`, which keeps locks and bounds.
  EXPECT_THAT(Split(zoe_, request), Fails(StatusCode::kAlreadyExists, "BREAKDOWN_EXISTS"));
  v1::SplitNodesRequest again = OfRoot("bounds");
  Weighted(again, v1::REGION, {{"south", 1}, {"north", 9}, {"west", 1}});
  again.mutable_split()->set_replace(true);
  const auto replaced = Split(zoe_, again);
  ASSERT_THAT(replaced, IsOk());
  EXPECT_THAT(Values(Children(replaced)), ElementsAre(150, 700, 150));
  EXPECT_EQ(replaced->deleted_node_count(), 2);
  EXPECT_EQ(Check("bounds").node_count(), 4);
}

TEST_F(NodeServiceTest, RemoveBreakdownTakesEverythingBelow) {
  MakePlan("undo", 1'200);
  ASSERT_THAT(Split(zoe_, SplitBy("undo", v1::QUARTER)), IsOk());
  ASSERT_THAT(Split(zoe_, SplitBy("undo", v1::MONTH, true)), IsOk());
  v1::RemoveBreakdownRequest remove;
  remove.set_name("plans/undo/nodes/root");
  remove.set_breakdown("nothing");
  EXPECT_THAT(Do(&Stub::RemoveBreakdown, *nodes_, zoe_, remove),
              Fails(StatusCode::kNotFound, "BREAKDOWN_NOT_FOUND"));
  remove.set_breakdown("period");
  const auto root = Do(&Stub::RemoveBreakdown, *nodes_, zoe_, remove);
  ASSERT_THAT(root, IsOk());
  EXPECT_TRUE(root->leaf());
  v1::ListPlanVersionsRequest versions;
  versions.set_plan("plans/undo");
  const auto listed = Do(&v1::PlanService::Stub::ListPlanVersions, *plans_, zoe_, versions);
  ASSERT_EQ(listed->versions_size(), 4);
  EXPECT_EQ(listed->versions(0).type(), "plan.breakdown-removed");
  EXPECT_EQ(listed->versions(0).deleted_node_count(), 16);
  EXPECT_EQ(listed->versions(0).actor(), "members/zoe");
  EXPECT_EQ(listed->versions(3).version(), 1);
  v1::ListNodesRequest past;
  past.set_plan("plans/undo");
  past.set_plan_version(3);
  EXPECT_THAT(AllNodes(zoe_, past), SizeIs(17));
}

TEST_F(NodeServiceTest, SplitIsRepeatableByRequestId) {
  MakePlan("repeat", 1'000);
  v1::SplitNodesRequest request = SplitBy("repeat", v1::QUARTER);
  request.set_request_id(kRequestId);
  const auto first = Split(zoe_, request);
  ASSERT_THAT(first, IsOk());
  const auto second = Split(zoe_, request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->created_node_count(), 4);
  EXPECT_EQ(second->plan().plan_version(), first->plan().plan_version());
  EXPECT_EQ(Values(Children(second)), Values(Children(first)));
  EXPECT_EQ(Check("repeat").node_count(), 5);
  request.mutable_split()->set_grain(v1::MONTH);
  EXPECT_THAT(Split(zoe_, request), Fails(StatusCode::kInvalidArgument, "REQUEST_ID_REUSED"));

  v1::AdjustNodeRequest adjust;
  adjust.set_name("plans/repeat/nodes/root");
  adjust.set_target_units(2'000);
  adjust.set_request_id(kOtherRequestId);
  const auto adjusted = Do(&Stub::AdjustNode, *nodes_, zoe_, adjust);
  ASSERT_THAT(adjusted, IsOk());
  const auto repeated = Do(&Stub::AdjustNode, *nodes_, zoe_, adjust);
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ(repeated->etag(), adjusted->etag());
  adjust.clear_request_id();
  adjust.set_etag("stale");
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), NamesField("etag"));
  adjust.set_etag(first->splits(0).children(0).etag());
  EXPECT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
}

TEST_F(NodeServiceTest, AllBadFieldsOfASplitAtOnce) {
  MakePlan("fields", 1'000);
  v1::SplitNodesRequest request;
  request.set_plan("plans/fields");
  v1::SplitSpec& split = *request.mutable_split();
  split.mutable_nodes()->add_nodes("plans/other/nodes/root");
  split.set_dimension(static_cast<v1::Dimension>(77));
  split.set_breakdown("Not An Id");
  split.mutable_parts();
  split.mutable_working_calendar()->set_calendar("nonsense");
  split.set_stretch_ppm(-5);
  split.set_rounding_units(-1);
  split.set_reason(std::string(501, 'x'));
  const auto refused = Split(zoe_, request);
  for (const char* field :
       {"split.nodes.nodes[0]", "split.dimension", "split.breakdown", "split.parts.parts",
        "split.working_calendar.calendar", "split.working_calendar", "split.stretch_ppm",
        "split.rounding_units", "split.reason"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  v1::SplitNodesRequest empty;
  empty.set_plan("plans/fields");
  const auto bare = Split(zoe_, empty);
  for (const char* field : {"split.nodes", "split.dimension", "split.parts", "split.even"})
    EXPECT_THAT(bare, NamesField(field));
}

struct BadSplit {
  std::string name;
  v1::Dimension dimension;
  std::vector<std::string> keys;
  StatusCode code;
  std::string reason;
};

TEST_F(NodeServiceTest, PartsMustBelongToTheNode) {
  MakePlan("west-only", 1'000, "west");
  for (const BadSplit& row : std::vector<BadSplit>{{"a unit of another branch",
                                                    v1::UNIT,
                                                    {"units/east"},
                                                    StatusCode::kFailedPrecondition,
                                                    "PART_OUTSIDE"},
                                                   {"the node's own unit",
                                                    v1::UNIT,
                                                    {"units/west"},
                                                    StatusCode::kFailedPrecondition,
                                                    "PART_OUTSIDE"},
                                                   {"an unknown unit",
                                                    v1::UNIT,
                                                    {"units/nowhere"},
                                                    StatusCode::kFailedPrecondition,
                                                    "REFERENCE_MISSING"},
                                                   {"a member of another unit",
                                                    v1::MEMBER,
                                                    {"members/eve"},
                                                    StatusCode::kFailedPrecondition,
                                                    "PART_OUTSIDE"},
                                                   {"an unknown member",
                                                    v1::MEMBER,
                                                    {"members/nobody"},
                                                    StatusCode::kFailedPrecondition,
                                                    "REFERENCE_MISSING"}}) {
    v1::SplitNodesRequest request = OfRoot("west-only");
    v1::SplitSpec& split = *request.mutable_split();
    split.set_dimension(row.dimension);
    for (const std::string& key : row.keys) split.mutable_parts()->add_parts()->set_key(key);
    split.mutable_even();
    EXPECT_THAT(Split(zoe_, request), Fails(row.code, row.reason)) << row.name;
  }
  v1::SplitNodesRequest overlap = OfRoot("west-only");
  v1::SplitSpec& split = *overlap.mutable_split();
  split.set_dimension(v1::PERIOD);
  split.mutable_even();
  for (const char* key : {"one", "two"}) {
    v1::SplitPart& part = *split.mutable_parts()->add_parts();
    part.set_key(key);
    *part.mutable_period() = Range(absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 6, 30));
  }
  EXPECT_THAT(Split(zoe_, overlap), Fails(StatusCode::kFailedPrecondition, "PART_OUTSIDE"));
  *split.mutable_parts()->mutable_parts(1)->mutable_period() =
      Range(absl::CivilDay(2018, 7, 1), absl::CivilDay(2019, 1, 1));
  EXPECT_THAT(Split(zoe_, overlap), Fails(StatusCode::kFailedPrecondition, "PART_OUTSIDE"));
}

TEST_F(NodeServiceTest, HistoryThatIsNotThere) {
  MakePlan("history", 1'000);
  v1::SplitNodesRequest request = OfRoot("history");
  v1::SplitSpec& split = *request.mutable_split();
  split.set_dimension(v1::UNIT);
  split.set_organization(v1::CHILD_UNITS);
  v1::HistoryMethod& history = *split.mutable_history();
  *history.add_reference_periods()->mutable_period() =
      Range(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 12, 31));
  EXPECT_THAT(Split(zoe_, request), Fails(StatusCode::kFailedPrecondition, "NO_HISTORY"));
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_THAT(Split(zoe_, request), Fails(StatusCode::kUnavailable, "HISTORY_UNAVAILABLE"));
  EXPECT_EQ(Check("history").node_count(), 1);
  reports_.failure = grpc::Status::OK;
  history.set_even_without_history(true);
  EXPECT_THAT(Values(Children(Split(zoe_, request))), ElementsAre(500, 500));
}

TEST_F(NodeServiceTest, PagesAreOneVersionWhateverTheirSize) {
  MakePlan("pages", 12'000);
  ASSERT_THAT(Split(zoe_, SplitBy("pages", v1::QUARTER)), IsOk());
  ASSERT_THAT(Split(zoe_, SplitBy("pages", v1::MONTH, true)), IsOk());
  v1::ListNodesRequest all;
  all.set_plan("plans/pages");
  all.set_page_size(500);
  const std::vector<v1::Node> expected = AllNodes(zoe_, all);
  ASSERT_THAT(expected, SizeIs(17));
  EXPECT_EQ(expected[0].name(), "plans/pages/nodes/root");
  EXPECT_EQ(expected[1].key(), "2018-Q1");
  EXPECT_EQ(expected[2].key(), "2018-01");
  for (int size = 1; size <= 18; ++size) {
    v1::ListNodesRequest request = all;
    request.set_page_size(size);
    std::vector<std::string> names;
    for (const v1::Node& node : AllNodes(zoe_, request)) names.push_back(node.name());
    std::vector<std::string> wanted;
    for (const v1::Node& node : expected) wanted.push_back(node.name());
    EXPECT_EQ(names, wanted) << size;
  }
  v1::ListNodesRequest first = all;
  first.set_page_size(5);
  const auto page = Do(&Stub::ListNodes, *nodes_, zoe_, first);
  v1::ListNodesRequest foreign = first;
  foreign.set_leaves_only(true);
  foreign.set_page_token(page->next_page_token());
  EXPECT_THAT(Do(&Stub::ListNodes, *nodes_, zoe_, foreign), NamesField("page_token"));
  // A change between two pages does not tear the list.
  v1::AdjustNodeRequest adjust;
  adjust.set_name("plans/pages/nodes/root");
  adjust.set_target_units(24'000);
  ASSERT_THAT(Do(&Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());
  v1::ListNodesRequest next = first;
  next.set_page_token(page->next_page_token());
  for (const v1::Node& node : AllNodes(zoe_, next))
    EXPECT_LE(node.target_units(), 3'000) << node.name();
  v1::ListNodesRequest leaves = all;
  leaves.set_leaves_only(true);
  leaves.set_under("plans/pages/nodes/n1");
  EXPECT_THAT(AllNodes(zoe_, leaves), SizeIs(3));
}

TEST_F(NodeServiceTest, TenThousandLeavesInOneCall) {
  MakePlan("large", 9'000'000'000'000);
  v1::SplitNodesRequest customers = OfRoot("large");
  customers.mutable_split()->set_dimension(v1::CUSTOMER);
  for (int i = 0; i < 850; ++i)
    customers.mutable_split()->mutable_parts()->add_parts()->set_key(
        absl::StrCat("customers/c", i));
  customers.mutable_split()->mutable_even();
  ASSERT_THAT(Split(zoe_, customers), IsOk());
  v1::SplitNodesRequest months = SplitBy("large", v1::MONTH, true);
  months.mutable_split()->mutable_working_calendar();
  const auto split = Split(zoe_, months);
  ASSERT_THAT(split, IsOk());
  EXPECT_EQ(split->created_node_count(), 10'200);
  int sent = 0;
  for (const v1::NodeSplit& one : split->splits()) sent += one.children_size();
  EXPECT_EQ(sent, 2'000);
  const v1::CheckPlanResponse check = Check("large");
  EXPECT_TRUE(check.adds_up());
  EXPECT_EQ(check.node_count(), 11'051);
}

}  // namespace
}  // namespace milepost::target
