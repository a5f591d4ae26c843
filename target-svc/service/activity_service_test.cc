#include <string>
#include <vector>

#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::ActivityService::Stub;
using absl::StatusCode;

// The days around today, every day of them a working day of the calendar `every-day`.
class ActivityServiceTest : public TargetTest {
 protected:
  ActivityServiceTest() : today_(absl::ToCivilDay(host_.now(), clock_.zone)) {
    organization::v1::CreateCalendarRequest request;
    request.set_calendar_id("every-day");
    request.mutable_calendar()->set_display_name("每天");
    for (int day = 0; day < 7; ++day)
      request.mutable_calendar()->add_weekday_weights_ppm(1'000'000);
    EXPECT_THAT(
        Do(&organization::v1::CalendarService::Stub::CreateCalendar, *calendars_, sam_, request),
        IsOk());
  }

  void SetScope(v1::ActivityScope& scope, int days_before, int days_after) {
    *scope.mutable_period() = Range(today_ - days_before, today_ + days_after);
    scope.set_unit("units/west");
    scope.set_calendar("calendars/every-day");
  }

  absl::StatusOr<v1::ComputeActivitiesResponse> Compute(
      const Who& who, const v1::ComputeActivitiesRequest& request) {
    return Do(&Stub::ComputeActivities, *activities_, who, request);
  }
  absl::StatusOr<v1::CheckDayResponse> CheckDay(const Who& who,
                                                const v1::CheckDayRequest& request) {
    return Do(&Stub::CheckDay, *activities_, who, request);
  }

  static void Want(google::protobuf::RepeatedPtrField<v1::ActivityTarget>& targets,
                   const std::string& member, int64_t units) {
    v1::ActivityTarget& target = *targets.Add();
    target.set_member("members/" + member);
    target.set_target_units(units);
  }

  const absl::CivilDay today_;
};

TEST_F(ActivityServiceTest, WhatATargetTakesADayFromTypedRatios) {
  v1::ComputeActivitiesRequest request;
  SetScope(*request.mutable_scope(), 2, 9);
  request.set_metric("metrics/orders");
  v1::Activity& visits = *request.add_activities();
  visits.set_name("拜访");
  visits.mutable_typed()->set_activities(8);
  visits.mutable_typed()->set_results(1);
  Want(*request.mutable_targets(), "anna", 6);
  Want(*request.mutable_targets(), "bert", 1);
  reports_.by_name = {{"members/anna", 2}, {"members/bert", 3}};
  const auto plan = Compute(zoe_, request);
  ASSERT_THAT(plan, IsOk());
  ASSERT_THAT(plan->members(), SizeIs(3)) << "Anna, Bert and Mia work in the west";
  const v1::ActivityMemberPlan& anna = plan->members(0);
  EXPECT_EQ(anna.member(), "members/anna");
  EXPECT_EQ(anna.achieved_units(), 2);
  EXPECT_EQ(anna.working_days(), 10) << "two of the twelve days have gone";
  EXPECT_EQ(anna.needs(0).needed(), 32);
  EXPECT_EQ(anna.needs(0).per_day(), 4);
  EXPECT_THAT(anna.needs(0).by_day(), ElementsAre(4, 4, 3, 3, 3, 3, 3, 3, 3, 3));
  EXPECT_FALSE(anna.needs(0).own_ratio());
  EXPECT_THAT(anna.needs(0).steps(0).text(), HasSubstr("6"));
  EXPECT_EQ(plan->members(1).needs(0).needed(), 0) << "Bert has more than was wanted";
  EXPECT_THAT(plan->totals(), ElementsAre(32));
  EXPECT_EQ(plan->days().last_date().day(), (today_ + 9).day());
}

TEST_F(ActivityServiceTest, MeasuredRatiosAreOnesOwnIfTheyRestOnEnough) {
  v1::ComputeActivitiesRequest request;
  SetScope(*request.mutable_scope(), -1, 10);
  request.mutable_scope()->clear_unit();
  for (const char* member : {"members/anna", "members/bert"})
    request.mutable_scope()->add_members(member);
  request.set_metric("metrics/revenue");
  v1::Activity& visits = *request.add_activities();
  visits.set_name("visits");
  visits.set_measured_metric("metrics/visits");
  *request.mutable_measured_in() = Range(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 12, 31));
  request.set_min_results(150);
  Want(*request.mutable_targets(), "anna", 1'000);
  Want(*request.mutable_targets(), "bert", 1'000);
  EXPECT_THAT(Compute(zoe_, request), Fails(StatusCode::kFailedPrecondition, "NO_HISTORY"));
  // The fake answers every metric alike: a visit for each fen.
  reports_.by_name = {{"members/anna", 100}, {"members/bert", 200}};
  const auto plan = Compute(zoe_, request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->currency_code(), "CNY");
  EXPECT_FALSE(plan->members(0).needs(0).own_ratio()) << "100 is below 150";
  EXPECT_TRUE(plan->members(1).needs(0).own_ratio());
  EXPECT_EQ(plan->members(1).needs(0).needed(), 1'000);
  EXPECT_EQ(plan->members(1).needs(0).per_day(), 100);
  EXPECT_EQ(plan->members(0).achieved_units(), 0) << "the period begins tomorrow";
  EXPECT_EQ(reports_.requests.back().group_by(), reporting::v1::MEMBER);
}

TEST_F(ActivityServiceTest, APeriodThatIsOverWantsADayToWork) {
  v1::ComputeActivitiesRequest request;
  SetScope(*request.mutable_scope(), 10, -1);
  request.set_metric("metrics/orders");
  v1::Activity& calls = *request.add_activities();
  calls.set_name("calls");
  calls.mutable_typed()->set_activities(10);
  calls.mutable_typed()->set_results(1);
  Want(*request.mutable_targets(), "anna", 1);
  EXPECT_THAT(Compute(zoe_, request), Fails(StatusCode::kFailedPrecondition, "NO_WORKING_DAYS"));
  reports_.by_name["members/anna"] = 1;
  const auto plan = Compute(zoe_, request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_FALSE(plan->has_days());
  EXPECT_EQ(plan->members(0).needs(0).needed(), 0);
  EXPECT_THAT(plan->members(0).needs(0).by_day(), IsEmpty());
}

TEST_F(ActivityServiceTest, DailyCheckOfATeamInOneCall) {
  v1::CheckDayRequest request;
  SetScope(*request.mutable_scope(), 2, 7);
  v1::DayIndicator& visits = *request.add_indicators();
  visits.set_metric("metrics/visits");
  visits.set_each_units(20);
  Want(*visits.mutable_targets(), "mia", 0);
  request.add_indicators()->set_metric("metrics/interactions");
  reports_.by_day["members/anna"] = {{today_ - 2, 3}, {today_ - 1, 1}, {today_, 2}};
  reports_.by_day["members/bert"] = {{today_ - 1, 1}};
  const auto check = CheckDay(mia_, request);
  ASSERT_THAT(check, IsOk());
  ASSERT_THAT(check->indicators(), SizeIs(2));
  const v1::DayIndicatorCheck& visited = check->indicators(0);
  ASSERT_THAT(visited.members(), SizeIs(3));
  const v1::DayCheck& anna = visited.members(0);
  EXPECT_EQ(anna.member(), "members/anna");
  EXPECT_EQ(anna.entry().target(), 2);
  EXPECT_EQ(anna.entry().actual(), 2);
  EXPECT_EQ(anna.verdict(), v1::DayCheck::MET);
  EXPECT_EQ(anna.previous().actual(), 1);
  EXPECT_EQ(anna.next().target(), 2);
  EXPECT_FALSE(anna.next().has_actual());
  EXPECT_EQ(anna.cumulative_target(), 6);
  EXPECT_EQ(anna.cumulative_actual(), 6);
  EXPECT_EQ(anna.attainment_ppm(), 1'000'000);
  EXPECT_EQ(anna.standing(), v1::DayCheck::ON_TRACK);
  EXPECT_EQ(anna.remaining(), 14);
  EXPECT_EQ(anna.required_per_day(), 2);
  const v1::DayCheck& bert = visited.members(1);
  EXPECT_EQ(bert.verdict(), v1::DayCheck::NOTHING);
  EXPECT_EQ(bert.standing(), v1::DayCheck::BEHIND);
  EXPECT_EQ(bert.required_per_day(), 3) << "19 in 7 days";
  EXPECT_EQ(visited.members(2).verdict(), v1::DayCheck::REST_DAY) << "nothing is wanted of Mia";
  EXPECT_EQ(visited.total().entry().target(), 4);
  EXPECT_EQ(visited.total().entry().actual(), 2);
  EXPECT_EQ(visited.total().verdict(), v1::DayCheck::PARTLY);
  EXPECT_EQ(visited.total().period_target(), 40);
  EXPECT_THAT(visited.currency_code(), IsEmpty()) << "visits are counted";
  EXPECT_THAT(visited.total().member(), IsEmpty());
  EXPECT_EQ(reports_.requests.back().granularity(), reporting::v1::DAY);

  // One member alone, another day, other thresholds.
  request.mutable_scope()->clear_unit();
  request.mutable_scope()->add_members("members/anna");
  request.mutable_indicators(0)->clear_targets();
  *request.mutable_day() = milepost::ToProto(today_ - 1);
  request.mutable_thresholds()->set_ahead_ppm(1'000'000);
  const auto yesterday = CheckDay(anna_, request);
  ASSERT_THAT(yesterday, IsOk());
  EXPECT_EQ(yesterday->indicators(0).total().standing(), v1::DayCheck::AHEAD);
  EXPECT_EQ(yesterday->indicators(0).total().verdict(), v1::DayCheck::PARTLY);
}

TEST_F(ActivityServiceTest, ThePlanSaysWhatIsWantedEachDay) {
  v1::CreatePlanRequest plan = PlanRequest("v", 30, "west");
  plan.mutable_plan()->set_metric("metrics/visits");
  plan.mutable_plan()->set_calendar("calendars/every-day");
  *plan.mutable_plan()->mutable_period() = Range(today_ - 2, today_ + 7);
  ASSERT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, plan), IsOk());
  v1::SplitNodesRequest by_member = OfRoot("v");
  Weighted(by_member, v1::MEMBER, {{"members/anna", 2}, {"members/bert", 1}});
  const std::vector<v1::Node> members = Children(Split(zoe_, by_member));
  ASSERT_THAT(members, SizeIs(2));
  v1::SplitNodesRequest by_day = SplitBy("v", v1::DAY);
  by_day.mutable_split()->mutable_nodes()->set_nodes(0, members[0].name());
  const std::vector<v1::Node> days = Children(Split(zoe_, by_day));
  ASSERT_THAT(days, SizeIs(10));
  v1::AdjustNodeRequest adjust;  // The fair is today.
  adjust.set_name(days[2].name());
  adjust.set_target_units(11);
  adjust.set_absorb(v1::SIBLINGS);
  ASSERT_THAT(Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, adjust), IsOk());

  v1::CheckDayRequest request;
  SetScope(*request.mutable_scope(), 2, 7);
  request.mutable_scope()->clear_calendar();
  v1::DayIndicator& visits = *request.add_indicators();
  visits.set_metric("metrics/visits");
  visits.set_plan("plans/v");
  const auto check = CheckDay(mia_, request);
  ASSERT_THAT(check, IsOk());
  ASSERT_THAT(check->indicators(0).members(), SizeIs(3));
  EXPECT_EQ(check->indicators(0).members(0).entry().target(), 11) << "Anna, from the plan's day";
  EXPECT_EQ(check->indicators(0).members(0).period_target(), 20);
  EXPECT_EQ(check->indicators(0).members(1).entry().target(), 1) << "Bert, 10 over ten days";
  EXPECT_EQ(check->indicators(0).members(2).period_target(), 0) << "Mia is not in the plan";
  EXPECT_EQ(check->indicators(0).total().period_target(), 30);

  v1::ComputeActivitiesRequest compute;
  SetScope(*compute.mutable_scope(), -1, 3);
  compute.set_metric("metrics/visits");
  compute.set_plan("plans/v");
  v1::Activity& calls = *compute.add_activities();
  calls.set_name("calls");
  calls.mutable_typed()->set_activities(2);
  calls.mutable_typed()->set_results(1);
  const auto work = Compute(zoe_, compute);
  ASSERT_THAT(work, IsOk());
  EXPECT_EQ(work->members(0).target_units(), 3) << "one on each of three days";
  EXPECT_EQ(work->members(1).target_units(), 3);
  EXPECT_THAT(work->totals(), ElementsAre(12));

  // Bert's days are not Anna's to see; nor is a plan of something else a measure.
  request.mutable_scope()->clear_unit();
  request.mutable_scope()->add_members("members/bert");
  EXPECT_THAT(CheckDay(anna_, request), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  request.mutable_indicators(0)->set_metric("metrics/orders");
  EXPECT_THAT(CheckDay(zoe_, request), NamesField("indicators[0].plan"));
  compute.set_metric("metrics/orders");
  EXPECT_THAT(Compute(zoe_, compute), NamesField("plan"));
  Want(*compute.mutable_targets(), "anna", 1);
  EXPECT_THAT(Compute(zoe_, compute), NamesField("plan"));
}

TEST_F(ActivityServiceTest, AllBadFieldsAtOnce) {
  v1::ComputeActivitiesRequest request;
  request.mutable_scope()->add_members("anna");
  request.mutable_scope()->set_unit("units/west");
  request.add_activities()->set_name("x");
  v1::Activity& typed = *request.add_activities();
  typed.set_name("x");
  typed.mutable_typed()->set_results(-1);
  request.add_activities()->set_measured_metric("visits");
  request.set_min_results(-1);
  Want(*request.mutable_targets(), "anna", -1);
  Want(*request.mutable_targets(), "anna", 1);
  const auto refused = Compute(zoe_, request);
  for (const char* field :
       {"scope.period", "scope.members[0]", "scope.unit", "metric", "activities[0].typed",
        "activities[1].name", "activities[1].typed.activities", "activities[1].typed.results",
        "activities[2].measured_metric", "measured_in", "min_results", "targets[0].target_units",
        "targets[1].member"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  v1::CheckDayRequest day;
  SetScope(*day.mutable_scope(), 0, 400);
  *day.mutable_day() = milepost::ToProto(today_ - 1);
  v1::DayIndicator& indicator = *day.add_indicators();
  indicator.set_metric("metrics/visits");
  indicator.set_each_units(-1);
  day.add_indicators()->set_metric("metrics/visits");
  day.mutable_thresholds()->set_at_risk_ppm(20'000'000);
  for (const char* field : {"scope.period", "day", "indicators[0].each_units",
                            "indicators[1].metric", "thresholds.at_risk_ppm"}) {
    EXPECT_THAT(CheckDay(zoe_, day), NamesField(field));
  }
  EXPECT_THAT(CheckDay(zoe_, {}), NamesField("scope"));
  EXPECT_THAT(CheckDay(zoe_, {}), NamesField("indicators"));
}

TEST_F(ActivityServiceTest, WhatIsNamedMustBeThere) {
  v1::CheckDayRequest request;
  SetScope(*request.mutable_scope(), 1, 1);
  request.add_indicators()->set_metric("metrics/visits");
  Want(*request.mutable_indicators(0)->mutable_targets(), "eve", 1);
  EXPECT_THAT(CheckDay(zoe_, request), NamesField("indicators[0].targets"));
  request.mutable_indicators(0)->clear_targets();
  request.mutable_scope()->set_unit("units/north");
  EXPECT_THAT(CheckDay(zoe_, request), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request.mutable_scope()->clear_unit();
  request.mutable_scope()->add_members("members/nobody");
  EXPECT_THAT(CheckDay(zoe_, request), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request.mutable_scope()->set_members(0, "members/anna");
  request.mutable_indicators(0)->set_metric("metrics/nothing");
  EXPECT_THAT(CheckDay(zoe_, request), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request.mutable_indicators(0)->set_metric("metrics/visits");
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_THAT(CheckDay(zoe_, request), Fails(StatusCode::kUnavailable, "HISTORY_UNAVAILABLE"));
}

}  // namespace
}  // namespace milepost::target
