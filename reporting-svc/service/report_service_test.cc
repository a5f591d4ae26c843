#include "reporting-svc/service/report_service.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/actual.pb.h"
#include "milepost/target/v1/metric.pb.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"
#include "reporting-svc/service/projection.h"
#include "reporting-svc/store/migrations.h"
#include "reporting-svc/testing/world.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;
using access::Role;
using milepost::testing::Fails;
using milepost::testing::IsOk;
using milepost::testing::NamesField;
using testing::DateOf;
using testing::World;

const absl::TimeZone kZone = absl::FixedTimeZone(8 * 3600);

void SetRange(type::v1::DateRange& range, CivilDay first, CivilDay last) {
  *range.mutable_first_date() = DateOf(first);
  *range.mutable_last_date() = DateOf(last);
}

const CivilDay kYearBegin(2017, 1, 1);
const CivilDay kYearEnd(2017, 12, 31);

// A company with two offices. Anna and Ben are in the east, which Eva leads, Cai is in the west.
// Ben moves west on 1 July.
class ReportServiceTest : public ::testing::Test {
 protected:
  ReportServiceTest()
      : host_(Migrations()),
        freshness_({kCustomerService, kOpportunityService, kTargetService}),
        projection_(kZone),
        service_(host_.runner(), freshness_, figures_, Options()) {
    world_.AddUnit("company", "", "公司");
    world_.AddUnit("east", "company", "华东");
    world_.AddUnit("west", "company", "West");
    world_.AddMember("anna", "east", "Anna");
    organization::v1::Member& ben = world_.AddMember("ben", "east", "Ben");
    organization::v1::MemberPlacement& move = *ben.add_placements();
    move.set_unit("units/west");
    *move.mutable_first_date() = DateOf(CivilDay(2017, 7, 1));
    world_.Publish(kTargetService, ben.name(), ben);
    world_.AddMember("cai", "west", "蔡");
    organization::v1::Member& eva = world_.AddMember("eva", "east", "Eva");
    organization::v1::ManagedUnit& leads = *eva.add_manages();
    leads.set_unit("units/east");
    *leads.mutable_first_date() = DateOf(CivilDay(2016, 1, 1));
    world_.Publish(kTargetService, eva.name(), eva);
    world_.AddProduct("gtx", "GTX Basic");
    world_.AddProduct("mg", "MG Special");
    world_.AddProcess();

    world_.Win("d1", "anna", CivilDay(2017, 1, 1), CivilDay(2017, 2, 10), "gtx",
               100'000);                                                                  // 40 days
    world_.Win("d2", "anna", CivilDay(2017, 3, 1), CivilDay(2017, 5, 10), "mg", 50'000);  // 70 days
    world_.Win("d3", "ben", CivilDay(2017, 4, 1), CivilDay(2017, 6, 30), "gtx", 70'000);  // 90 days
    world_.Win("d4", "ben", CivilDay(2017, 6, 1), CivilDay(2017, 7, 1), "gtx", 30'000);   // 30 days
    world_.Win("d5", "cai", CivilDay(2017, 6, 1), CivilDay(2017, 7, 11), "mg", 90'000);   // 40 days
    opportunity::v1::Opportunity lost = world_.NewDeal("l1", "anna", CivilDay(2017, 2, 1));
    lost.set_product("products/gtx");
    World::Close(lost, CivilDay(2017, 5, 1), 0, "price");
    world_.PublishDeal(lost);
    opportunity::v1::Opportunity open = world_.NewDeal("n1", "cai", CivilDay(2017, 8, 1));
    open.set_product("products/gtx");
    world_.PublishDeal(open);
    opportunity::v1::Opportunity early = world_.NewDeal("n2", "cai", CivilDay(2017, 8, 2));
    early.set_stage("prospecting");
    early.mutable_stage_history()->RemoveLast();
    early.mutable_stage_history(0)->clear_leave_time();
    world_.PublishDeal(early);
    AddPlan();

    Apply();
    host_.Start({&service_});
    stub_ = v1::ReportService::NewStub(host_.channel());
  }

  ~ReportServiceTest() override {
    host_.runner().Drain();
    host_.runner().WaitForStreams(absl::Seconds(5));
  }

  static ReportService::Options Options() {
    ReportService::Options options;
    options.watch_heartbeat = absl::Hours(1);
    return options;
  }

  target::v1::Node NewNode(const std::string& id, const std::string& parent, Days period,
                           int64_t target) {
    target::v1::Node node;
    node.set_name("plans/y17/nodes/" + id);
    node.set_plan("plans/y17");
    if (!parent.empty()) node.set_parent("plans/y17/nodes/" + parent);
    SetRange(*node.mutable_scope()->mutable_period(), period.first, period.last);
    node.set_target_units(target);
    node.set_calendar("calendars/default");
    return node;
  }

  // A year's revenue by half year, and each half by office.
  void AddPlan() {
    target::v1::Plan plan;
    plan.set_name("plans/y17");
    plan.set_title("Revenue 2017");
    plan.set_metric("metrics/revenue");
    plan.set_currency_code("CNY");
    plan.set_state(target::v1::ACTIVE);
    plan.set_visibility(target::v1::PRIVATE);
    plan.set_target_units(400'000);
    SetRange(*plan.mutable_period(), kYearBegin, kYearEnd);
    world_.PublishPlan(plan);
    world_.PublishNode(NewNode("root", "", {kYearBegin, kYearEnd}, 400'000));
    const Days halves[] = {{kYearBegin, CivilDay(2017, 6, 30)}, {CivilDay(2017, 7, 1), kYearEnd}};
    for (int half = 0; half < 2; ++half) {
      const std::string id = absl::StrCat("h", half + 1);
      target::v1::Node node = NewNode(id, "root", halves[half], 200'000);
      node.set_breakdown("period");
      node.set_dimension(target::v1::PERIOD);
      node.set_position(half);
      world_.PublishNode(node);
      int position = 0;
      for (const char* unit : {"east", "west"}) {
        target::v1::Node office = NewNode(absl::StrCat(id, "-", unit), id, halves[half],
                                          position == 0 ? 150'000 : 50'000);
        office.set_breakdown("by-office");
        office.set_dimension(target::v1::UNIT);
        office.set_position(position++);
        office.mutable_scope()->set_unit(absl::StrCat("units/", unit));
        world_.PublishNode(office);
      }
    }
  }

  void Apply() {
    ASSERT_THAT(world_.Apply(host_.database().session(), projection_), IsOk());
    DirectoryCache directories;
    const auto directory = host_.database().session().Read(
        [&](db::Snapshot& snapshot) { return directories.Get(snapshot); });
    ASSERT_THAT(directory, IsOk());
    host_.organization().Set((*directory)->access_organization);
    freshness_.NoteApplied();
  }

  std::unique_ptr<grpc::ClientContext> Analyst() { return host_.Call("zoe", {Role::kAnalyst}); }

  v1::RevenueReport Revenue(std::unique_ptr<grpc::ClientContext> context, v1::Dimension by,
                            v1::Granularity granularity = v1::GRANULARITY_UNSPECIFIED) {
    v1::GetRevenueRequest request;
    SetRange(*request.mutable_range(), kYearBegin, kYearEnd);
    request.set_group_by(by);
    request.set_granularity(granularity);
    v1::RevenueReport report;
    EXPECT_THAT(stub_->GetRevenue(context.get(), request, &report), IsOk());
    return report;
  }

  milepost::testing::ServiceHost host_;
  FreshnessReader freshness_;
  Projection projection_;
  World world_;
  FigureStore figures_;
  ReportService service_;
  std::unique_ptr<v1::ReportService::Stub> stub_;
};

TEST_F(ReportServiceTest, RevenueByUnitStaysWhereItWasEarned) {
  const v1::RevenueReport report = Revenue(Analyst(), v1::UNIT);
  EXPECT_EQ(report.total().sum().revenue(), 340'000);
  EXPECT_EQ(report.total().sum().orders(), 5);
  ASSERT_EQ(report.rows_size(), 2);
  EXPECT_EQ(report.rows(0).group().name(), "units/east");
  EXPECT_EQ(report.rows(0).group().display_name(), "华东");
  EXPECT_EQ(report.rows(0).sum().revenue(), 220'000);  // Ben's June is the east's.
  EXPECT_EQ(report.rows(1).group().name(), "units/west");
  EXPECT_EQ(report.rows(1).sum().revenue(), 120'000);  // His July is the west's.
}

TEST_F(ReportServiceTest, RevenueByQuarterWithGrowth) {
  const v1::RevenueReport report = Revenue(Analyst(), v1::DIMENSION_UNSPECIFIED, v1::QUARTER);
  ASSERT_EQ(report.total().cells_size(), 4);
  EXPECT_EQ(report.total().cells(0).revenue(), 100'000);
  EXPECT_EQ(report.total().cells(1).revenue(), 120'000);
  EXPECT_EQ(report.total().cells(1).growth_ppm(), 200'000);
  EXPECT_EQ(report.total().cells(2).revenue(), 120'000);
  EXPECT_EQ(report.total().cells(3).revenue(), 0);
  EXPECT_FALSE(report.total().cells(0).has_growth_ppm());
}

TEST_F(ReportServiceTest, RevenueByProductAndMember) {
  const v1::RevenueReport products = Revenue(Analyst(), v1::PRODUCT);
  ASSERT_EQ(products.rows_size(), 2);
  EXPECT_EQ(products.rows(0).group().display_name(), "GTX Basic");
  EXPECT_EQ(products.rows(0).sum().revenue(), 200'000);
  EXPECT_EQ(products.rows(1).sum().revenue(), 140'000);
  const v1::RevenueReport members = Revenue(Analyst(), v1::MEMBER);
  ASSERT_EQ(members.rows_size(), 3);
  EXPECT_EQ(members.rows(0).group().name(), "members/anna");
  EXPECT_EQ(members.rows(0).sum().revenue(), 150'000);
}

TEST_F(ReportServiceTest, FunnelCountsStatesAndStages) {
  v1::FunnelReport report;
  v1::GetFunnelRequest request;
  request.set_group_by(v1::PRODUCT);
  ASSERT_THAT(stub_->GetFunnel(Analyst().get(), request, &report), IsOk());
  const v1::FunnelReport::Funnel& total = report.total();
  EXPECT_EQ(total.opened(), 8);
  EXPECT_EQ(total.won(), 5);
  EXPECT_EQ(total.lost(), 1);
  EXPECT_EQ(total.open(), 2);
  EXPECT_EQ(total.win_rate_ppm(), 833'333);
  ASSERT_EQ(total.stages_size(), 2);
  EXPECT_EQ(total.stages(0).stage(), "prospecting");
  EXPECT_EQ(total.stages(0).entered(), 8);
  EXPECT_EQ(total.stages(0).converted(), 7);
  EXPECT_EQ(total.stages(0).current(), 1);
  EXPECT_EQ(total.stages(1).display_name(), "Stage engaging");
  EXPECT_EQ(total.stages(1).entered(), 7);
  EXPECT_EQ(total.stages(1).converted(), 5);
  EXPECT_EQ(total.stages(1).lost(), 1);
  EXPECT_EQ(total.stages(1).pending(), 1);
  EXPECT_EQ(total.stages(1).current(), 1);
  ASSERT_EQ(report.groups_size(), 3);
  EXPECT_EQ(report.groups(0).group().name(), "products/gtx");
  EXPECT_EQ(report.groups(0).opened(), 5);
  EXPECT_EQ(report.groups(2).group().name(), "");  // Without a product, last.
  EXPECT_EQ(report.freshness().sources_size(), 3);
}

TEST_F(ReportServiceTest, WinLossWithReasons) {
  v1::WinLossReport report;
  v1::GetWinLossRequest request;
  request.set_group_by(v1::PRODUCT);
  ASSERT_THAT(stub_->GetWinLoss(Analyst().get(), request, &report), IsOk());
  EXPECT_EQ(report.total().won(), 5);
  EXPECT_EQ(report.total().lost(), 1);
  EXPECT_EQ(report.total().won_amount(), 340'000);
  EXPECT_EQ(report.total().mean_won_amount(), 68'000);
  ASSERT_EQ(report.rows_size(), 2);
  EXPECT_EQ(report.rows(0).group().name(), "products/gtx");
  EXPECT_EQ(report.rows(0).win_rate_ppm(), 750'000);
  const v1::WinLossReport::Reason& last = report.total().reasons(report.total().reasons_size() - 1);
  EXPECT_EQ(last.reason(), "price");
  EXPECT_FALSE(last.won());
  EXPECT_EQ(last.share_ppm(), 1'000'000);
}

TEST_F(ReportServiceTest, SalesCycleIsExact) {
  v1::SalesCycleReport report;
  v1::GetSalesCycleRequest request;
  request.set_group_by(v1::UNIT);
  ASSERT_THAT(stub_->GetSalesCycle(Analyst().get(), request, &report), IsOk());
  EXPECT_EQ(report.total().count(), 5);
  EXPECT_EQ(report.total().mean_days_hundredths(), 5400);
  EXPECT_EQ(report.total().median_days_hundredths(), 4000);
  EXPECT_EQ(report.total().p90_days_hundredths(), 9000);
  ASSERT_EQ(report.rows_size(), 2);
  EXPECT_EQ(report.rows(0).group().name(), "units/east");
  EXPECT_EQ(report.rows(0).median_days_hundredths(), 7000);
  EXPECT_EQ(report.rows(1).mean_days_hundredths(), 3500);
}

TEST_F(ReportServiceTest, LeaderboardRanksMembersWithChangesAndTheInactive) {
  v1::GetLeaderboardRequest request;
  request.set_subject(v1::MEMBER);
  SetRange(*request.mutable_range(), CivilDay(2017, 7, 1), CivilDay(2017, 9, 30));
  v1::Leaderboard board;
  // A rep sees everybody's place.
  ASSERT_THAT(stub_->GetLeaderboard(host_.Call("anna", {Role::kRep}).get(), request, &board),
              IsOk());
  ASSERT_EQ(board.rows_size(), 4);
  EXPECT_EQ(board.rows(0).subject().name(), "members/cai");
  EXPECT_EQ(board.rows(0).value(), 90'000);
  EXPECT_FALSE(board.rows(0).has_previous_rank());
  EXPECT_EQ(board.rows(1).subject().name(), "members/ben");
  EXPECT_EQ(board.rows(1).unit(), "units/west");
  EXPECT_EQ(board.rows(1).previous_rank(), 1);
  EXPECT_EQ(board.rows(1).rank_change(), -1);
  EXPECT_TRUE(board.rows(2).inactive());
  EXPECT_EQ(board.rows(2).subject().name(), "members/anna");
  EXPECT_EQ(board.rows(2).previous_rank(), 2);
  EXPECT_EQ(board.total(), 120'000);
  EXPECT_EQ(board.previous_range().first_date().month(), 4);
}

TEST_F(ReportServiceTest, LeaderboardOfUnitsOnAnyMetric) {
  v1::GetLeaderboardRequest request;
  request.set_subject(v1::UNIT);
  request.set_metric("metrics/won-opportunities");
  SetRange(*request.mutable_range(), kYearBegin, kYearEnd);
  v1::Leaderboard board;
  ASSERT_THAT(stub_->GetLeaderboard(host_.Call("anna", {Role::kRep}).get(), request, &board),
              IsOk());
  ASSERT_EQ(board.rows_size(), 2);
  EXPECT_EQ(board.rows(0).subject().name(), "units/east");
  EXPECT_EQ(board.rows(0).value(), 3);
  EXPECT_EQ(board.rows(1).value(), 2);
  EXPECT_EQ(board.value_kind(), v1::COUNT);
}

TEST_F(ReportServiceTest, ALiveLeaderboardSendsChanges) {
  v1::WatchLeaderboardRequest request;
  request.set_subject(v1::MEMBER);
  SetRange(*request.mutable_range(), kYearBegin, kYearEnd);
  const auto context = Analyst();
  const auto stream = stub_->WatchLeaderboard(context.get(), request);
  v1::Leaderboard board;
  ASSERT_TRUE(stream->Read(&board));
  EXPECT_EQ(board.rows(0).value(), 150'000);
  world_.Win("d9", "cai", CivilDay(2017, 8, 1), CivilDay(2017, 9, 1), "mg", 500'000);
  Apply();
  ASSERT_TRUE(stream->Read(&board));
  EXPECT_EQ(board.rows(0).subject().name(), "members/cai");
  context->TryCancel();
  EXPECT_FALSE(stream->Read(&board));
}

TEST_F(ReportServiceTest, ARepSeesItsOwnFiguresAndAManagerThoseOfItsUnit) {
  const v1::RevenueReport own = Revenue(host_.Call("anna", {Role::kRep}), v1::MEMBER);
  EXPECT_EQ(own.total().sum().revenue(), 150'000);
  EXPECT_EQ(own.rows_size(), 1);
  // Ben left Eva's unit; what he earned in it stays in her figures.
  const v1::RevenueReport unit = Revenue(host_.Call("eva", {Role::kManager}), v1::MEMBER);
  EXPECT_EQ(unit.total().sum().revenue(), 220'000);
  EXPECT_EQ(unit.rows_size(), 2);
}

TEST_F(ReportServiceTest, WhatIsOutsideTheScopeDoesNotExist) {
  v1::GetRevenueRequest request;
  SetRange(*request.mutable_range(), kYearBegin, kYearEnd);
  v1::RevenueReport report;
  request.mutable_filter()->set_member("members/cai");
  EXPECT_THAT(stub_->GetRevenue(host_.Call("anna", {Role::kRep}).get(), request, &report),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  request.mutable_filter()->set_member("members/nobody-knows");
  EXPECT_THAT(stub_->GetRevenue(Analyst().get(), request, &report),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  request.mutable_filter()->clear_member();
  request.mutable_filter()->set_unit("units/west");
  EXPECT_THAT(stub_->GetRevenue(host_.Call("eva", {Role::kManager}).get(), request, &report),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  request.mutable_filter()->set_unit("units/east");
  ASSERT_THAT(stub_->GetRevenue(host_.Call("eva", {Role::kManager}).get(), request, &report),
              IsOk());
  EXPECT_EQ(report.total().sum().revenue(), 220'000);
  request.mutable_filter()->clear_unit();
  request.mutable_filter()->set_product("products/unknown");
  EXPECT_THAT(stub_->GetRevenue(Analyst().get(), request, &report),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(ReportServiceTest, AllBadFieldsAreNamedAtOnce) {
  v1::GetRevenueRequest request;
  SetRange(*request.mutable_range(), kYearEnd, kYearBegin);
  request.set_granularity(static_cast<v1::Granularity>(99));
  request.set_group_by(static_cast<v1::Dimension>(77));
  request.set_unit_level(-1);
  request.set_currency_code("yuan");
  request.mutable_filter()->set_unit("East");
  request.mutable_filter()->set_member("members/");
  request.mutable_filter()->set_region(std::string(64, 'x'));
  v1::RevenueReport report;
  const grpc::Status status = stub_->GetRevenue(Analyst().get(), request, &report);
  EXPECT_THAT(status, Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELDS"));
  for (const char* field : {"granularity", "group_by", "unit_level", "currency_code", "filter.unit",
                            "filter.member", "filter.region"}) {
    EXPECT_THAT(status, NamesField(field));
  }
  v1::GetRevenueRequest missing;
  EXPECT_THAT(stub_->GetRevenue(Analyst().get(), missing, &report), NamesField("range"));
  SetRange(*missing.mutable_range(), CivilDay(2000, 1, 1), kYearEnd);
  missing.set_granularity(v1::DAY);
  EXPECT_THAT(stub_->GetRevenue(Analyst().get(), missing, &report), NamesField("granularity"));

  v1::GetLeaderboardRequest leaders;
  leaders.set_metric("metrics/happiness");
  leaders.set_limit(100'000);
  v1::Leaderboard board;
  const grpc::Status refused = stub_->GetLeaderboard(Analyst().get(), leaders, &board);
  for (const char* field : {"subject", "metric", "range", "limit"})
    EXPECT_THAT(refused, NamesField(field));
}

TEST_F(ReportServiceTest, ActualsForTheNamesAskedInTheirOrder) {
  v1::GetActualsRequest request;
  request.set_metric("metrics/revenue");
  SetRange(*request.mutable_range(), kYearBegin, kYearEnd);
  request.set_granularity(v1::MONTH);
  request.set_group_by(v1::MEMBER);
  for (const char* member : {"members/eva", "members/cai", "members/anna"})
    request.add_names(member);
  v1::Actuals actuals;
  ASSERT_THAT(stub_->GetActuals(Analyst().get(), request, &actuals), IsOk());
  ASSERT_EQ(actuals.periods_size(), 12);
  ASSERT_EQ(actuals.rows_size(), 3);
  EXPECT_EQ(actuals.rows(0).sum(), 0);
  EXPECT_EQ(actuals.rows(0).values_size(), 12);
  EXPECT_EQ(actuals.rows(1).values(6), 90'000);
  EXPECT_EQ(actuals.rows(2).sum(), 150'000);
  request.clear_names();
  request.set_group_by(v1::UNIT);
  request.mutable_filter()->set_product("products/gtx");
  ASSERT_THAT(stub_->GetActuals(Analyst().get(), request, &actuals), IsOk());
  ASSERT_EQ(actuals.rows_size(), 2);
  EXPECT_EQ(actuals.rows(0).group().name(), "units/east");
  EXPECT_EQ(actuals.rows(0).sum(), 170'000);
  EXPECT_EQ(actuals.rows(1).sum(), 30'000);
}

TEST_F(ReportServiceTest, ActualsTellApartWhatCameBack) {
  opportunity::v1::Order order =
      world_.NewOrder("back", "anna", CivilDay(2017, 2, 10), "gtx", 8'000);
  opportunity::v1::OrderReversal& reversal = *order.add_reversals();
  *reversal.mutable_reverse_date() = DateOf(CivilDay(2017, 3, 2));
  reversal.set_kind(opportunity::v1::RETURN);
  opportunity::v1::ReversedLine& line = *reversal.add_lines();
  line.set_line_number(order.lines(0).line_number());
  line.set_quantity(order.lines(0).quantity());
  world_.PublishOrder(order);
  Apply();
  v1::GetActualsRequest request;
  request.set_metric("metrics/revenue");
  SetRange(*request.mutable_range(), CivilDay(2017, 2, 10), CivilDay(2017, 3, 2));
  request.set_granularity(v1::DAY);
  request.mutable_filter()->set_member("members/anna");
  v1::Actuals together;
  ASSERT_THAT(stub_->GetActuals(Analyst().get(), request, &together), IsOk());
  EXPECT_EQ(together.rows(0).returns_size(), 0);
  request.set_returns_apart(true);
  v1::Actuals apart;
  ASSERT_THAT(stub_->GetActuals(Analyst().get(), request, &apart), IsOk());
  EXPECT_THAT(apart.rows(0).values(), ::testing::ElementsAreArray(together.rows(0).values()));
  EXPECT_EQ(apart.rows(0).sum(), together.rows(0).sum());
  ASSERT_EQ(apart.rows(0).returns_size(), 1);
  EXPECT_EQ(apart.rows(0).returns(0).value(), -8'000);
  EXPECT_EQ(apart.rows(0).returns(0).date().day(), 2);
  EXPECT_EQ(apart.rows(0).returns(0).origin_date().month(), 2);
  EXPECT_EQ(apart.rows(0).returns(0).origin_date().day(), 10);

  request.set_granularity(v1::MONTH);
  EXPECT_THAT(stub_->GetActuals(Analyst().get(), request, &apart), NamesField("returns_apart"));
  request.set_granularity(v1::DAY);
  request.set_metric("metrics/visits");
  EXPECT_THAT(stub_->GetActuals(Analyst().get(), request, &apart), NamesField("returns_apart"));
}

TEST_F(ReportServiceTest, ConversionRatesFromStageToStage) {
  v1::ConversionRates rates;
  ASSERT_THAT(stub_->GetConversionRates(Analyst().get(), v1::GetConversionRatesRequest(), &rates),
              IsOk());
  ASSERT_EQ(rates.total().steps_size(), 2);
  EXPECT_EQ(rates.total().steps(0).from_stage(), "prospecting");
  EXPECT_EQ(rates.total().steps(0).to_stage(), "engaging");
  EXPECT_EQ(rates.total().steps(0).rate_ppm(), 1'000'000);
  EXPECT_EQ(rates.total().steps(1).to_stage(), "won");
  EXPECT_EQ(rates.total().steps(1).decided(), 6);
  EXPECT_EQ(rates.total().steps(1).rate_ppm(), 833'333);
  EXPECT_EQ(rates.total().win_rate_ppm(), 833'333);
}

TEST_F(ReportServiceTest, KpisBesideThePeriodBefore) {
  v1::GetKpiBoardRequest request;
  SetRange(*request.mutable_range(), CivilDay(2017, 4, 1), CivilDay(2017, 6, 30));
  v1::KpiBoard board;
  ASSERT_THAT(stub_->GetKpiBoard(Analyst().get(), request, &board), IsOk());
  const auto kpi = [&board](const std::string& id) {
    for (const v1::KpiBoard::Kpi& each : board.kpis()) {
      if (each.id() == id) return each;
    }
    return v1::KpiBoard::Kpi();
  };
  EXPECT_EQ(kpi("revenue").value(), 120'000);
  EXPECT_EQ(kpi("revenue").previous_value(), 100'000);
  EXPECT_EQ(kpi("revenue").growth_ppm(), 200'000);
  EXPECT_FALSE(kpi("revenue").has_year_on_year_ppm());
  EXPECT_EQ(kpi("average-order").value(), 60'000);
  EXPECT_EQ(kpi("win-rate").value(), 666'667);
  EXPECT_EQ(kpi("mean-cycle").value(), 8000);
  EXPECT_EQ(kpi("revenue-per-member").value(), 30'000);
}

v1::TargetProgressReport::Row RowOf(const v1::TargetProgressReport& report,
                                    const std::string& node) {
  for (const v1::TargetProgressReport::Row& row : report.rows()) {
    if (row.node() == "plans/y17/nodes/" + node) return row;
  }
  ADD_FAILURE() << "no row " << node;
  return {};
}

TEST_F(ReportServiceTest, TargetProgressOfANodeAndItsSubtree) {
  v1::GetTargetProgressRequest request;
  request.set_name("plans/y17");
  *request.mutable_as_of_date() = DateOf(CivilDay(2017, 7, 11));
  v1::TargetProgressReport report;
  ASSERT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report), IsOk());
  ASSERT_EQ(report.rows_size(), 7);
  const auto root = RowOf(report, "root");
  EXPECT_EQ(root.target(), 400'000);
  EXPECT_EQ(root.actual(), 340'000);
  EXPECT_EQ(root.attainment_ppm(), 850'000);
  EXPECT_EQ(root.day().actual(), 90'000);
  EXPECT_EQ(root.week().actual(), 90'000);
  EXPECT_EQ(root.month().actual(), 120'000);
  const auto h1 = RowOf(report, "h1");
  EXPECT_EQ(h1.actual(), 220'000);
  EXPECT_EQ(h1.status(), v1::TargetProgressReport::ACHIEVED);
  EXPECT_EQ(h1.to_date().target(), 200'000);
  EXPECT_EQ(RowOf(report, "h1-east").actual(), 220'000);
  EXPECT_EQ(RowOf(report, "h1-west").actual(), 0);
  EXPECT_EQ(RowOf(report, "h1-west").status(), v1::TargetProgressReport::MISSED);
  EXPECT_EQ(RowOf(report, "h2-west").actual(), 120'000);
  EXPECT_EQ(RowOf(report, "h2-east").actual(), 0);
  const auto h2 = RowOf(report, "h2");
  EXPECT_EQ(h2.target() - h2.actual(), h2.gap());
  EXPECT_EQ(h2.to_date().target(), 10'769);  // 7 of 130 working days of 200,000.
  EXPECT_EQ(root.to_date().target(), 210'769);
  EXPECT_EQ(h2.remaining_days_hundredths(), 12'300);
  EXPECT_EQ(h2.required_per_day(), 651);
}

TEST_F(ReportServiceTest, TargetProgressOfWhatIsRecordedByHand) {
  const auto metric = [&](const std::string& id, target::v1::MetricAggregation aggregation) {
    target::v1::Metric state;
    state.set_name("metrics/" + id);
    state.set_unit(target::v1::MONEY);
    state.set_aggregation(aggregation);
    state.set_source(target::v1::RECORDED);
    world_.Publish(kTargetService, state.name(), state);
  };
  metric("spend", target::v1::SUM);
  metric("spend-staff", target::v1::SUM);
  metric("price", target::v1::LAST);
  const auto record = [&](const std::string& id, const std::string& of, CivilDay day,
                          const std::string& unit, const std::string& member, int64_t value,
                          const std::string& corrected_by = "") {
    target::v1::RecordedActual state;
    state.set_name("actuals/" + id);
    state.set_metric("metrics/" + of);
    *state.mutable_date() = DateOf(day);
    if (!unit.empty()) state.set_credited_unit("units/" + unit);
    if (!member.empty()) state.mutable_scope()->set_member("members/" + member);
    state.set_value_units(value);
    state.set_corrected_by(corrected_by);
    world_.Publish(kTargetService, state.name(), state);
  };
  record("a1", "spend", CivilDay(2017, 2, 1), "east", "anna", 9'000);
  record("a2", "spend", CivilDay(2017, 2, 1), "east", "anna", 10'000);
  record("a1", "spend", CivilDay(2017, 2, 1), "east", "anna", 9'000, "actuals/a2");
  record("b1", "spend-staff", CivilDay(2017, 7, 10), "west", "ben", 20'000);
  record("c1", "spend", CivilDay(2017, 7, 11), "", "", 40'000);
  record("d1", "spend", CivilDay(2017, 9, 1), "west", "", 80'000);
  target::v1::Plan plan;
  plan.set_name("plans/y17");
  plan.set_title("Spend 2017");
  plan.set_metric("metrics/spend");
  plan.set_currency_code("CNY");
  plan.set_state(target::v1::ACTIVE);
  SetRange(*plan.mutable_period(), kYearBegin, kYearEnd);
  world_.PublishPlan(plan);
  Apply();

  v1::GetTargetProgressRequest request;
  request.set_name("plans/y17");
  *request.mutable_as_of_date() = DateOf(CivilDay(2017, 7, 11));
  v1::TargetProgressReport report;
  ASSERT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report), IsOk());
  EXPECT_EQ(report.value_kind(), v1::MONEY);
  const v1::TargetProgressReport::Row root = RowOf(report, "root");
  EXPECT_EQ(root.actual(), 70'000);
  EXPECT_EQ(root.day().actual(), 40'000);
  EXPECT_EQ(root.week().actual(), 60'000);
  EXPECT_EQ(root.month().actual(), 60'000);
  EXPECT_EQ(RowOf(report, "h1").actual(), 10'000);
  EXPECT_EQ(RowOf(report, "h1-east").actual(), 10'000);
  EXPECT_EQ(RowOf(report, "h1-west").actual(), 0);
  EXPECT_EQ(RowOf(report, "h2-west").actual(), 20'000);
  EXPECT_EQ(RowOf(report, "h2-east").actual(), 0);
  // A metric that is not added up has no progress to show.
  plan.set_metric("metrics/price");
  world_.PublishPlan(plan);
  Apply();
  EXPECT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report),
              Fails(absl::StatusCode::kFailedPrecondition, "METRIC_NOT_DERIVED"));
}

TEST_F(ReportServiceTest, TargetProgressByOwnerTakesAllPeriodsTogether) {
  v1::GetTargetProgressRequest request;
  request.set_name("plans/y17");
  request.set_view(v1::GetTargetProgressRequest::OWNERS);
  *request.mutable_as_of_date() = DateOf(CivilDay(2017, 7, 11));
  v1::TargetProgressReport report;
  ASSERT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report), IsOk());
  ASSERT_EQ(report.rows_size(), 3);
  EXPECT_EQ(report.rows(0).target(), 400'000);
  EXPECT_EQ(report.rows(1).unit(), "units/east");
  EXPECT_EQ(report.rows(1).depth(), 1);
  EXPECT_EQ(report.rows(1).target(), 300'000);
  EXPECT_EQ(report.rows(1).actual(), 220'000);
  EXPECT_EQ(report.rows(2).target(), 100'000);
  EXPECT_EQ(report.rows(2).actual(), 120'000);
  EXPECT_EQ(report.rows(2).status(), v1::TargetProgressReport::ACHIEVED);
}

TEST_F(ReportServiceTest, TargetProgressPagesWithEveryPageSize) {
  v1::GetTargetProgressRequest request;
  request.set_name("plans/y17");
  for (int size = 1; size <= 8; ++size) {
    request.set_page_size(size);
    request.clear_page_token();
    std::vector<std::string> nodes;
    do {
      v1::TargetProgressReport report;
      ASSERT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report), IsOk());
      EXPECT_LE(report.rows_size(), size);
      for (const auto& row : report.rows()) nodes.push_back(row.node());
      request.set_page_token(report.next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(nodes.size(), 7u) << "page size " << size;
  }
  request.set_page_size(2);
  v1::TargetProgressReport report;
  ASSERT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report), IsOk());
  request.set_page_token(report.next_page_token());
  request.set_depth(1);
  EXPECT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report),
              NamesField("page_token"));
}

TEST_F(ReportServiceTest, APrivatePlanShowsARepItsOwnChain) {
  v1::GetTargetProgressRequest request;
  request.set_name("plans/y17");
  v1::TargetProgressReport report;
  ASSERT_THAT(stub_->GetTargetProgress(host_.Call("cai", {Role::kRep}).get(), request, &report),
              IsOk());
  std::vector<std::string> units;
  for (const auto& row : report.rows()) {
    if (!row.unit().empty()) units.push_back(row.unit());
  }
  EXPECT_THAT(units, ::testing::ElementsAre("units/west", "units/west"));
  request.set_name("plans/y17/nodes/h1-east");
  EXPECT_THAT(stub_->GetTargetProgress(host_.Call("cai", {Role::kRep}).get(), request, &report),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  request.set_name("plans/none");
  EXPECT_THAT(stub_->GetTargetProgress(Analyst().get(), request, &report),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  request.set_name("y17");
  request.set_depth(-1);
  const grpc::Status bad = stub_->GetTargetProgress(Analyst().get(), request, &report);
  EXPECT_THAT(bad, NamesField("name"));
  EXPECT_THAT(bad, NamesField("depth"));
}

}  // namespace
}  // namespace milepost::reporting
