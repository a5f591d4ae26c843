#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::SettingService::Stub;
using absl::StatusCode;
using Finding = v1::SmartFinding;

void Set(v1::Estimate& estimate, int64_t low, int64_t base, int64_t high) {
  estimate.set_low(low);
  estimate.set_base(base);
  estimate.set_high(high);
}

std::vector<int64_t> Three(const v1::Estimate& estimate) {
  return {estimate.low(), estimate.base(), estimate.high()};
}

class SettingServiceTest : public TargetTest {
 protected:
  static v1::SuggestTargetRequest For2018() {
    v1::SuggestTargetRequest request;
    request.set_metric("metrics/revenue");
    *request.mutable_period() = Range(absl::CivilDay(2018, 1, 1), absl::CivilDay(2018, 12, 31));
    return request;
  }
  absl::StatusOr<v1::SuggestTargetResponse> Suggest(const v1::SuggestTargetRequest& request) {
    return Do(&Stub::SuggestTarget, *settings_, zoe_, request);
  }
  absl::StatusOr<v1::CheckTargetResponse> CheckTarget(const Who& who,
                                                      const v1::CheckTargetRequest& request) {
    return Do(&Stub::CheckTarget, *settings_, who, request);
  }
  absl::StatusOr<v1::CheckTargetResponse> CheckTarget(const Who& who, const std::string& name) {
    v1::CheckTargetRequest request;
    request.set_name(name);
    return CheckTarget(who, request);
  }
  static const Finding* Find(const v1::CheckTargetResponse& report, Finding::Code code) {
    for (const Finding& finding : report.findings()) {
      if (finding.code() == code) return &finding;
    }
    return nullptr;
  }
  // The plan whose days hold today, so that the check does not depend on when it runs.
  v1::Plan MakePlanAroundToday(const std::string& id, int64_t target_units) {
    v1::CreatePlanRequest request = PlanRequest(id, target_units);
    const absl::CivilDay today = absl::ToCivilDay(host_.now(), clock_.zone);
    *request.mutable_plan()->mutable_period() = Range(today - 10, today + 89);
    const auto plan = Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, request);
    EXPECT_THAT(plan, IsOk());
    return plan.ok() ? *plan : v1::Plan();
  }
};

TEST_F(SettingServiceTest, SuggestsFromActualsWithTheArithmeticShown) {
  reports_.by_month = {{absl::CivilDay(2015, 1, 1), 60'000},
                       {absl::CivilDay(2015, 7, 1), 40'000},
                       {absl::CivilDay(2016, 3, 1), 110'000},
                       {absl::CivilDay(2017, 12, 1), 132'000}};
  v1::SuggestTargetRequest request = For2018();
  request.mutable_scope()->set_unit("units/west");
  request.mutable_history()->set_years(5);
  v1::GrowthEvidence& growth = *request.mutable_growth();
  Set(*growth.mutable_growth_ppm(), 0, 100'000, 200'000);
  growth.set_weight(0);
  const auto suggestion = Suggest(request);
  ASSERT_THAT(suggestion, IsOk());
  ASSERT_THAT(suggestion->methods(), SizeIs(2));
  // 10 % and 20 %: the lowest, their mean, the highest, on 132,000.
  EXPECT_EQ(suggestion->methods(0).method(), v1::MethodSuggestion::HISTORY);
  EXPECT_THAT(Three(suggestion->methods(0).value_units()), ElementsAre(145'200, 151'800, 158'400));
  EXPECT_EQ(suggestion->methods(1).method(), v1::MethodSuggestion::NATURAL_GROWTH);
  EXPECT_THAT(Three(suggestion->methods(1).value_units()), ElementsAre(132'000, 145'200, 158'400));
  EXPECT_THAT(Three(suggestion->value_units()), ElementsAre(145'200, 151'800, 158'400))
      << "a method that weighs nothing is shown and does not count";
  EXPECT_EQ(suggestion->currency_code(), "CNY");
  bool shown = false;
  for (const v1::ArithmeticStep& step : suggestion->methods(0).steps()) {
    shown = shown || absl::StrContains(step.text(), "mean growth");
  }
  EXPECT_TRUE(shown);
  EXPECT_EQ(reports_.requests.front().filter().unit(), "units/west");
}

TEST_F(SettingServiceTest, SuggestsByMarketPenetrationConsumptionAndPipeline) {
  v1::SuggestTargetRequest request = For2018();
  request.set_rounding_units(100);
  v1::MarketEvidence& market = *request.mutable_market();
  market.set_market_units(1'000'000);
  Set(*market.mutable_share_ppm(), 100'000, 150'000, 200'000);
  v1::PenetrationEvidence& penetration = *request.mutable_penetration();
  penetration.set_potential_customers(999);
  Set(*penetration.mutable_penetration_ppm(), 100'000, 200'000, 300'000);
  penetration.set_per_customer_units(1'000);
  v1::ConsumptionEvidence& consumption = *request.mutable_consumption();
  consumption.set_customers(100);
  consumption.set_per_customer_units(5'000);
  Set(*consumption.mutable_share_ppm(), 200'000, 300'000, 400'000);
  v1::PipelineEvidence& pipeline = *request.mutable_pipeline();
  pipeline.set_won_units(10'000);
  pipeline.set_open_units(300'000);
  Set(*pipeline.mutable_coverage_ppm(), 3'000'000, 2'500'000, 2'000'000);
  const auto suggestion = Suggest(request);
  ASSERT_THAT(suggestion, IsOk());
  ASSERT_THAT(suggestion->methods(), SizeIs(4));
  EXPECT_THAT(Three(suggestion->methods(0).value_units()), ElementsAre(100'000, 150'000, 200'000));
  EXPECT_THAT(Three(suggestion->methods(1).value_units()), ElementsAre(99'000, 199'000, 299'000));
  EXPECT_THAT(Three(suggestion->methods(2).value_units()), ElementsAre(100'000, 150'000, 200'000));
  EXPECT_THAT(Three(suggestion->methods(3).value_units()), ElementsAre(110'000, 130'000, 160'000));
  EXPECT_THAT(Three(suggestion->value_units()), ElementsAre(102'300, 157'300, 214'800));
  EXPECT_THAT(reports_.requests, IsEmpty()) << "nothing is read that was typed";

  request.mutable_pipeline()->clear_won_units();
  reports_.by_month = {{absl::CivilDay(2018, 5, 1), 20'000}};
  EXPECT_THAT(Three(Suggest(request)->methods(3).value_units()),
              ElementsAre(120'000, 140'000, 170'000));
}

TEST_F(SettingServiceTest, HeadCountKnowsWhoIsNew) {
  organization::v1::CreateMemberRequest hire;
  hire.set_member_id("nina");
  hire.mutable_member()->set_display_name("新人");
  hire.mutable_member()->set_unit("units/west");
  *hire.mutable_member()->mutable_start_date() = milepost::ToProto(absl::CivilDay(2018, 11, 5));
  ASSERT_THAT(Do(&organization::v1::MemberService::Stub::CreateMember, *members_, sam_, hire),
              IsOk());
  v1::SuggestTargetRequest request = For2018();
  request.mutable_scope()->set_unit("units/west");
  v1::HeadCountEvidence& head_count = *request.mutable_head_count();
  head_count.add_ramp_ppm(250'000);
  head_count.add_ramp_ppm(500'000);
  Set(*head_count.mutable_per_member_month_units(), 800, 1'000, 1'200);
  // Mia, Anna and Bert all year; Nina 25 % of November and 50 % of December: 36.75 member-months.
  const auto counted = Suggest(request);
  ASSERT_THAT(counted, IsOk());
  EXPECT_THAT(Three(counted->value_units()), ElementsAre(29'400, 36'750, 44'100));

  head_count.set_members(2);
  auto& group = *head_count.add_new_members();
  group.set_count(1);
  group.set_start_month(11);
  EXPECT_THAT(Three(Suggest(request)->value_units()), ElementsAre(19'400, 24'250, 29'100));
}

TEST_F(SettingServiceTest, LittleHistoryIsLeftOutAndNoted) {
  reports_.by_month = {{absl::CivilDay(2017, 1, 1), 100}};
  v1::SuggestTargetRequest request = For2018();
  request.mutable_history()->set_years(3);
  EXPECT_THAT(Suggest(request), Fails(StatusCode::kFailedPrecondition, "NO_HISTORY"));
  Set(*request.mutable_growth()->mutable_growth_ppm(), 0, 0, 100'000);
  const auto noted = Suggest(request);
  ASSERT_THAT(noted, IsOk());
  EXPECT_THAT(noted->methods(), SizeIs(1));
  EXPECT_THAT(noted->notes(), ElementsAre(HasSubstr("of 3 years before, 1 have actuals")));
  EXPECT_THAT(Three(noted->value_units()), ElementsAre(100, 100, 110));
}

TEST_F(SettingServiceTest, SuggestionNamesAllBadFieldsAndMissingThings) {
  v1::SuggestTargetRequest request;
  request.set_metric("revenue");
  request.mutable_scope()->set_unit("west");
  request.set_rounding_units(-1);
  request.mutable_history()->set_years(1);
  request.mutable_market()->set_market_units(-1);
  Set(*request.mutable_market()->mutable_share_ppm(), 0, 2'000'000, 1);
  request.mutable_penetration()->set_per_customer_units(-5);
  request.mutable_head_count()->add_ramp_ppm(-1);
  Set(*request.mutable_head_count()->mutable_per_member_month_units(), -1, 0, 0);
  request.mutable_head_count()->add_new_members();
  const auto refused = Suggest(request);
  for (const char* field : {"metric", "period", "scope.unit", "rounding_units", "history.years",
                            "market.market_units", "market.share_ppm.base", "market.share_ppm.high",
                            "penetration.per_customer_units", "head_count.ramp_ppm[0]",
                            "head_count.per_member_month_units.low", "head_count.new_members"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  v1::SuggestTargetRequest nothing = For2018();
  EXPECT_THAT(Suggest(nothing), NamesField("history"));
  nothing.mutable_history()->add_values(1);
  nothing.mutable_history()->add_values(2);
  nothing.set_metric("metrics/market-share");
  EXPECT_THAT(Suggest(nothing), NamesField("metric"));
  nothing.set_metric("metrics/nothing");
  EXPECT_THAT(Suggest(nothing), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  v1::SuggestTargetRequest read = For2018();
  read.mutable_history()->set_years(2);
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_THAT(Suggest(read), Fails(StatusCode::kUnavailable, "HISTORY_UNAVAILABLE"));
  EXPECT_EQ(Do(&Stub::SuggestTarget, *settings_, anna_, read).status().code(),
            StatusCode::kPermissionDenied);
}

TEST_F(SettingServiceTest, CheckQuotesTheNumbersItRestsOn) {
  MakePlanAroundToday("now", 200'000);
  const absl::CivilDay today = absl::ToCivilDay(host_.now(), clock_.zone);
  // What the fake answers counts on the first day that is named.
  reports_.by_month = {{YearsEarlier({today, today}, 2).first, 90'000},
                       {YearsEarlier({today, today}, 1).first, 100'000},
                       {today - 1, 30'000}};
  v1::CheckTargetRequest request;
  request.set_name("plans/now");
  request.set_pipeline_units(85'000);
  request.set_capacity_units(210'000);
  const auto report = CheckTarget(zoe_, request);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->node(), "plans/now/nodes/root");
  EXPECT_FALSE(report->smart());
  ASSERT_THAT(report->verdicts(), SizeIs(5));
  EXPECT_EQ(report->verdicts(0).criterion(), Finding::SPECIFIC);
  EXPECT_EQ(report->verdicts(0).level(), Finding::OK);
  EXPECT_EQ(report->verdicts(2).level(), Finding::ERROR);
  const Finding* growth = Find(*report, Finding::GROWTH);
  ASSERT_NE(growth, nullptr);
  EXPECT_EQ(growth->level(), Finding::WARNING);
  EXPECT_THAT(growth->message(), AllOf(HasSubstr("200000"), HasSubstr("100 %"), HasSubstr("30 %")));
  EXPECT_EQ(growth->numbers(0).value(), 1'000'000);
  EXPECT_EQ(growth->numbers(1).value(), 300'000);
  const Finding* coverage = Find(*report, Finding::COVERAGE);
  ASSERT_NE(coverage, nullptr);
  EXPECT_EQ(coverage->level(), Finding::ERROR);
  EXPECT_EQ(coverage->numbers(0).value(), 500'000) << "85,000 of the 170,000 that are left";
  EXPECT_EQ(Find(*report, Finding::UTILISATION)->numbers(0).value(), 952'381);
  EXPECT_EQ(Find(*report, Finding::MEASURED)->numbers(0).value(), 1);
  EXPECT_EQ(Find(*report, Finding::FEW_CHECKPOINTS)->level(), Finding::WARNING);

  // Cut into weeks it is looked at often enough; a part is a share of what is above it.
  const auto split = Split(zoe_, SplitBy("now", v1::WEEK));
  ASSERT_THAT(split, IsOk());
  EXPECT_EQ(Find(*CheckTarget(zoe_, "plans/now"), Finding::FEW_CHECKPOINTS), nullptr);
  const auto week = CheckTarget(zoe_, split->splits(0).children(1).name());
  ASSERT_THAT(week, IsOk());
  const Finding* share = Find(*week, Finding::SHARE_OF_PARENT);
  ASSERT_NE(share, nullptr) << week->DebugString();
  EXPECT_THAT(share->message(), HasSubstr("of plans/now/nodes/root"));
  EXPECT_EQ(Find(*week, Finding::SIBLINGS_DO_NOT_ADD_UP), nullptr);
}

TEST_F(SettingServiceTest, ARootMayServeATargetOfAnotherPlan) {
  MakePlan("group", 1'000'000);
  MakePlan("own", 250'000);
  v1::CheckTargetRequest request;
  request.set_name("plans/own/nodes/root");
  EXPECT_NE(Find(*CheckTarget(zoe_, request), Finding::NO_PARENT), nullptr);
  request.set_aligned_to("plans/group/nodes/root");
  const auto aligned = CheckTarget(zoe_, request);
  ASSERT_THAT(aligned, IsOk());
  EXPECT_EQ(Find(*aligned, Finding::SHARE_OF_PARENT)->numbers(0).value(), 250'000);
  EXPECT_NE(Find(*aligned, Finding::PERIOD_OVER), nullptr);
  request.set_aligned_to("plans/own/nodes/root");
  EXPECT_THAT(CheckTarget(zoe_, request), NamesField("aligned_to"));
  request.set_aligned_to("plans/absent/nodes/root");
  EXPECT_THAT(CheckTarget(zoe_, request), Fails(StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(SettingServiceTest, CheckHidesWhatTheCallerMayNotSee) {
  MakePlan("mine", 1'000);
  EXPECT_THAT(CheckTarget(eve_, "plans/mine"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(CheckTarget(zoe_, "plans/mine/nodes/n9"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(CheckTarget(zoe_, "mine"), NamesField("name"));
  v1::CheckTargetRequest bad;
  bad.set_history_years(11);
  bad.set_pipeline_units(-1);
  bad.set_capacity_units(0);
  for (const char* field : {"name", "history_years", "pipeline_units", "capacity_units"})
    EXPECT_THAT(CheckTarget(zoe_, bad), NamesField(field));
  // Metrics that reporting-svc does not keep are checked without actuals.
  reports_.failure = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such metric");
  const auto report = CheckTarget(zoe_, "plans/mine");
  ASSERT_THAT(report, IsOk());
  EXPECT_NE(Find(*report, Finding::NEVER_RECORDED), nullptr);
  EXPECT_NE(Find(*report, Finding::LITTLE_HISTORY), nullptr);
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_THAT(CheckTarget(zoe_, "plans/mine"),
              Fails(StatusCode::kUnavailable, "HISTORY_UNAVAILABLE"));
}

TEST_F(SettingServiceTest, ThresholdsAreSettings) {
  const auto read = [&](const Who& who) {
    return Do(&Stub::GetSmartThresholds, *settings_, who, v1::GetSmartThresholdsRequest());
  };
  const auto first = read(anna_);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->growth_warning_ppm(), 300'000);
  EXPECT_FALSE(first->has_update_time());
  v1::UpdateSmartThresholdsRequest request;
  request.mutable_smart_thresholds()->set_growth_warning_ppm(2'000'000);
  request.set_request_id(kRequestId);
  const auto update = [&](const Who& who) {
    return Do(&Stub::UpdateSmartThresholds, *settings_, who, request);
  };
  EXPECT_EQ(update(zoe_).status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(update(sam_), NamesField("smart_thresholds.growth_error_ppm"))
      << "an error would be milder than its warning";
  request.mutable_smart_thresholds()->set_growth_error_ppm(3'000'000);
  const auto updated = update(sam_);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->growth_warning_ppm(), 2'000'000);
  EXPECT_EQ(updated->coverage_warning_ppm(), 3'000'000) << "others stay";
  EXPECT_TRUE(updated->has_update_time());
  EXPECT_EQ(update(sam_)->etag(), updated->etag()) << "a repeat changes nothing";
  EXPECT_EQ(read(anna_)->etag(), updated->etag());

  request.clear_request_id();
  request.set_etag(first->etag());
  EXPECT_THAT(update(sam_), Fails(StatusCode::kAborted, "STALE_ETAG"));
  request.clear_etag();
  request.mutable_update_mask()->add_paths("update_time");
  EXPECT_THAT(update(sam_), NamesField("update_mask"));
  request.mutable_update_mask()->Clear();
  request.mutable_smart_thresholds()->set_min_history(-1);
  EXPECT_THAT(update(sam_), NamesField("smart_thresholds.min_history"));

  // The check goes by them.
  MakePlan("judged", 2'500);
  reports_.by_month = {{absl::CivilDay(2016, 1, 1), 900}, {absl::CivilDay(2017, 1, 1), 1'000}};
  EXPECT_EQ(Find(*CheckTarget(zoe_, "plans/judged"), Finding::GROWTH)->level(), Finding::OK);
}

}  // namespace
}  // namespace milepost::target
