#include "absl/strings/str_cat.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

namespace orgv1 = organization::v1;

using ::testing::ElementsAre;
using testing::Fails;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Units = orgv1::UnitService::Stub;
using Members = orgv1::MemberService::Stub;
using Calendars = orgv1::CalendarService::Stub;
using Metrics = v1::MetricService::Stub;
using absl::StatusCode;

class OrganizationServiceTest : public TargetTest {
 protected:
  absl::StatusOr<orgv1::Unit> Unit(const std::string& id) {
    orgv1::GetUnitRequest request;
    request.set_name("units/" + id);
    return Do(&Units::GetUnit, *units_, anna_, request);
  }
  absl::StatusOr<orgv1::Member> Member(const Who& who, const std::string& id) {
    orgv1::GetMemberRequest request;
    request.set_name("members/" + id);
    return Do(&Members::GetMember, *members_, who, request);
  }

  template <typename Request, typename Response, typename Open>
  std::vector<Response> Import(Open open, const std::vector<Request>& requests) {
    const auto context = As(sam_);
    const auto stream = open(context.get());
    std::vector<Response> responses;
    for (const Request& request : requests) {
      stream->Write(request);
      Response response;
      if (!stream->Read(&response)) break;
      responses.push_back(response);
    }
    stream->WritesDone();
    EXPECT_THAT(stream->Finish(), IsOk());
    return responses;
  }
  std::vector<orgv1::ImportMembersResponse> ImportMembers(
      const std::vector<orgv1::ImportMembersRequest>& requests) {
    return Import<orgv1::ImportMembersRequest, orgv1::ImportMembersResponse>(
        [this](grpc::ClientContext* context) { return members_->ImportMembers(context); },
        requests);
  }
  std::vector<orgv1::ImportUnitsResponse> ImportUnits(
      const std::vector<orgv1::ImportUnitsRequest>& requests) {
    return Import<orgv1::ImportUnitsRequest, orgv1::ImportUnitsResponse>(
        [this](grpc::ClientContext* context) { return units_->ImportUnits(context); }, requests);
  }
  template <typename Response>
  static std::vector<orgv1::ImportOutcome> Outcomes(const Response& response) {
    std::vector<orgv1::ImportOutcome> outcomes;
    for (const orgv1::ImportResult& result : response.results())
      outcomes.push_back(static_cast<orgv1::ImportOutcome>(result.outcome()));
    return outcomes;
  }
};

TEST_F(OrganizationServiceTest, AMoveKeepsThePast) {
  orgv1::MoveMemberRequest move;
  move.set_name("members/anna");
  move.set_unit("units/east");
  *move.mutable_first_date() = milepost::ToProto(absl::CivilDay(2018, 7, 1));
  move.set_job_title("大客户经理");
  move.set_request_id(kRequestId);
  const auto moved = Do(&Members::MoveMember, *members_, sam_, move);
  ASSERT_THAT(moved, IsOk());
  ASSERT_EQ(moved->placements_size(), 2);
  EXPECT_EQ(moved->placements(0).unit(), "units/west");
  EXPECT_EQ(moved->placements(1).unit(), "units/east");
  EXPECT_EQ(moved->unit(), "units/east");
  EXPECT_EQ(moved->job_title(), "大客户经理");
  EXPECT_EQ(Do(&Members::MoveMember, *members_, sam_, move)->etag(), moved->etag());
  const auto listed = [&](absl::CivilDay day) {
    orgv1::ListMembersRequest list;
    list.set_unit("units/west");
    *list.mutable_date() = milepost::ToProto(day);
    std::vector<std::string> names;
    const auto response = Do(&Members::ListMembers, *members_, anna_, list);
    for (const orgv1::Member& member : response->members()) names.push_back(member.name());
    return names;
  };
  EXPECT_THAT(listed(absl::CivilDay(2018, 6, 30)),
              ElementsAre("members/anna", "members/bert", "members/mia"));
  EXPECT_THAT(listed(absl::CivilDay(2018, 7, 1)), ElementsAre("members/bert", "members/mia"));
  *move.mutable_first_date() = milepost::ToProto(absl::CivilDay(2014, 7, 1));
  move.clear_request_id();
  EXPECT_THAT(Do(&Members::MoveMember, *members_, sam_, move),
              Fails(StatusCode::kFailedPrecondition, "BEFORE_START"));
}

TEST_F(OrganizationServiceTest, UnitsMakeNoCycle) {
  orgv1::MoveUnitRequest move;
  move.set_name("units/company");
  move.set_parent("units/west");
  EXPECT_THAT(Do(&Units::MoveUnit, *units_, sam_, move),
              Fails(StatusCode::kFailedPrecondition, "UNIT_CYCLE"));
  move.set_parent("units/company");
  EXPECT_THAT(Do(&Units::MoveUnit, *units_, sam_, move),
              Fails(StatusCode::kFailedPrecondition, "UNIT_CYCLE"));
  move.set_name("units/west");
  move.set_parent("units/nowhere");
  EXPECT_THAT(Do(&Units::MoveUnit, *units_, sam_, move),
              Fails(StatusCode::kFailedPrecondition, "UNIT_NOT_THERE"));
  move.set_parent("units/east");
  const auto moved = Do(&Units::MoveUnit, *units_, sam_, move);
  ASSERT_THAT(moved, IsOk());
  EXPECT_EQ(moved->parent(), "units/east");
  EXPECT_EQ(moved->placements_size(), 2);
}

TEST_F(OrganizationServiceTest, TwoMovesThatWouldMeetMakeNoCycle) {
  std::vector<absl::StatusOr<orgv1::Unit>> results(2, absl::UnknownError(""));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      orgv1::MoveUnitRequest move;
      move.set_name(i == 0 ? "units/west" : "units/east");
      move.set_parent(i == 0 ? "units/east" : "units/west");
      results[i] = Do(&Units::MoveUnit, *units_, sam_, move);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results[0].ok() + results[1].ok(), 1);
}

TEST_F(OrganizationServiceTest, AUnitEndsWhenItIsEmpty) {
  orgv1::CloseUnitRequest close;
  close.set_name("units/east");
  EXPECT_THAT(Do(&Units::CloseUnit, *units_, sam_, close),
              Fails(StatusCode::kFailedPrecondition, "UNIT_IN_USE"));
  for (const char* member : {"max", "eve"}) {
    orgv1::EndMemberRequest end;
    end.set_name(absl::StrCat("members/", member));
    *end.mutable_last_date() = milepost::ToProto(absl::CivilDay(2020, 12, 31));
    ASSERT_THAT(Do(&Members::EndMember, *members_, sam_, end), IsOk());
  }
  *close.mutable_last_date() = milepost::ToProto(absl::CivilDay(2020, 12, 30));
  EXPECT_THAT(Do(&Units::CloseUnit, *units_, sam_, close),
              Fails(StatusCode::kFailedPrecondition, "UNIT_IN_USE"));
  *close.mutable_last_date() = milepost::ToProto(absl::CivilDay(2020, 12, 31));
  ASSERT_THAT(Do(&Units::CloseUnit, *units_, sam_, close), IsOk());
  orgv1::ListUnitsRequest list;
  list.set_parent("units/company");
  *list.mutable_date() = milepost::ToProto(absl::CivilDay(2021, 1, 1));
  const auto units = Do(&Units::ListUnits, *units_, anna_, list);
  ASSERT_EQ(units->units_size(), 1);
  EXPECT_EQ(units->units(0).name(), "units/west");
}

TEST_F(OrganizationServiceTest, PersonalDataIsMaskedOutsideTheScope) {
  EXPECT_EQ(Member(sam_, "anna")->phone(), "13812345678");
  EXPECT_EQ(Member(anna_, "anna")->phone(), "13812345678");
  EXPECT_EQ(Member(mia_, "anna")->phone(), "13812345678");
  EXPECT_EQ(Member(eve_, "anna")->phone(), "138****5678");
  EXPECT_EQ(Member(ann_, "anna")->phone(), "138****5678");
}

TEST_F(OrganizationServiceTest, OnlyAdministratorsWrite) {
  orgv1::CreateUnitRequest request;
  for (const Who& who : {zoe_, anna_, ann_}) {
    EXPECT_EQ(Do(&Units::CreateUnit, *units_, who, request).status().code(),
              StatusCode::kPermissionDenied);
  }
}

TEST_F(OrganizationServiceTest, AllBadFieldsAtOnce) {
  orgv1::CreateMemberRequest request;
  request.set_member_id("Anna");
  orgv1::Member& member = *request.mutable_member();
  member.set_display_name("  ");
  member.set_unit("west");
  member.set_email("nobody");
  member.set_phone(std::string(33, '1'));
  member.mutable_start_date()->set_year(2018);
  member.mutable_start_date()->set_month(2);
  member.mutable_start_date()->set_day(30);
  member.add_manages();
  const auto refused = Do(&Members::CreateMember, *members_, sam_, request);
  for (const char* field :
       {"member_id", "member.display_name", "member.unit", "member.email", "member.phone",
        "member.manages[0].unit", "member.manages[0].first_date"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  EXPECT_EQ(status::ViolationsOf(refused.status()).size(), 8u);  // And the date.
  orgv1::CreateUnitRequest unit;
  unit.mutable_unit()->set_display_name("x");
  unit.mutable_unit()->set_kind(static_cast<orgv1::UnitKind>(55));
  EXPECT_THAT(Do(&Units::CreateUnit, *units_, sam_, unit), NamesField("unit.kind"));
  orgv1::UpdateMemberRequest update;
  update.mutable_member()->set_name("members/anna");
  update.mutable_update_mask()->add_paths("unit");
  EXPECT_THAT(Do(&Members::UpdateMember, *members_, sam_, update), NamesField("update_mask"));
}

TEST_F(OrganizationServiceTest, ListsPageByPage) {
  for (int size = 1; size <= 7; ++size) {
    orgv1::ListMembersRequest request;
    request.set_page_size(size);
    std::vector<std::string> names;
    while (true) {
      const auto page = Do(&Members::ListMembers, *members_, anna_, request);
      ASSERT_THAT(page, IsOk());
      for (const orgv1::Member& member : page->members()) names.push_back(member.name());
      if (page->next_page_token().empty()) break;
      request.set_page_token(page->next_page_token());
    }
    EXPECT_THAT(names, ElementsAre("members/anna", "members/bert", "members/eve", "members/max",
                                   "members/mia", "members/zoe"));
  }
  orgv1::ListMembersRequest below;
  below.set_unit("units/company");
  EXPECT_EQ(Do(&Members::ListMembers, *members_, anna_, below)->members_size(), 1);
  below.set_include_units_below(true);
  EXPECT_EQ(Do(&Members::ListMembers, *members_, anna_, below)->members_size(), 6);
  for (int size = 1; size <= 4; ++size) {
    orgv1::ListUnitsRequest request;
    request.set_page_size(size);
    int found = 0;
    while (true) {
      const auto page = Do(&Units::ListUnits, *units_, anna_, request);
      ASSERT_THAT(page, IsOk());
      found += page->units_size();
      if (page->next_page_token().empty()) break;
      request.set_page_token(page->next_page_token());
    }
    EXPECT_EQ(found, 3);
  }
  orgv1::ListUnitsRequest first;
  first.set_page_size(1);
  orgv1::ListUnitsRequest foreign;
  foreign.set_page_token(Do(&Units::ListUnits, *units_, anna_, first)->next_page_token());
  foreign.set_kind(orgv1::TEAM);
  EXPECT_THAT(Do(&Units::ListUnits, *units_, anna_, foreign), NamesField("page_token"));
}

TEST_F(OrganizationServiceTest, ImportIsSafeToRepeat) {
  orgv1::ImportUnitsRequest units;
  const auto unit = [&](const std::string& id, const std::string& parent) {
    orgv1::ImportUnitRow& row = *units.add_rows();
    row.set_line(units.rows_size() + 1);
    row.mutable_unit()->set_name("units/" + id);
    row.mutable_unit()->set_display_name(id);
    row.mutable_unit()->set_kind(orgv1::TEAM);
    if (!parent.empty()) row.mutable_unit()->set_parent("units/" + parent);
    *row.mutable_unit()->mutable_start_date() = milepost::ToProto(absl::CivilDay(2016, 1, 1));
  };
  unit("central", "company");
  unit("central-1", "central");  // Of the row before.
  unit("lost", "nowhere");
  unit("Bad", "central");
  const auto first = ImportUnits({units});
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(Outcomes(first[0]),
              ElementsAre(orgv1::CREATED, orgv1::CREATED, orgv1::REFUSED, orgv1::REFUSED));
  EXPECT_EQ(first[0].results(3).violations(0).field(), "unit.name");
  EXPECT_EQ(first[0].results(3).line(), 5);
  EXPECT_THAT(Outcomes(ImportUnits({units})[0]),
              ElementsAre(orgv1::UNCHANGED, orgv1::UNCHANGED, orgv1::REFUSED, orgv1::REFUSED));
  EXPECT_THAT(Unit("lost"), Fails(StatusCode::kNotFound, "NOT_FOUND"));

  orgv1::ImportMembersRequest members;
  for (int i = 0; i < 500; ++i) {
    orgv1::ImportMemberRow& row = *members.add_rows();
    row.set_line(i + 2);
    row.mutable_member()->set_name(absl::StrCat("members/agent-", i));
    row.mutable_member()->set_display_name(absl::StrCat("销售 ", i));
    row.mutable_member()->set_unit(i == 77 ? "units/lost" : "units/central-1");
    *row.mutable_member()->mutable_start_date() = milepost::ToProto(absl::CivilDay(2016, 10, 1));
  }
  const auto answers = ImportMembers({members, members});
  ASSERT_THAT(answers, SizeIs(2));
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(answers[0].results(i).outcome(), i == 77 ? orgv1::REFUSED : orgv1::CREATED);
    EXPECT_EQ(answers[1].results(i).outcome(), i == 77 ? orgv1::REFUSED : orgv1::UNCHANGED);
  }
  EXPECT_EQ(Member(sam_, "agent-3")->etag(), Member(sam_, "agent-4")->etag())
      << "both at version 1";

  // A row that says another unit moves the member; the history stays.
  orgv1::ImportMembersRequest move;
  orgv1::ImportMemberRow& row = *move.add_rows();
  row.mutable_member()->set_name("members/agent-3");
  row.mutable_member()->set_unit("units/west");
  *row.mutable_member()->mutable_start_date() = milepost::ToProto(absl::CivilDay(2017, 5, 1));
  EXPECT_THAT(Outcomes(ImportMembers({move})[0]), ElementsAre(orgv1::UPDATED));
  EXPECT_THAT(Outcomes(ImportMembers({move})[0]), ElementsAre(orgv1::UNCHANGED));
  EXPECT_EQ(Member(sam_, "agent-3")->placements_size(), 2);
}

TEST_F(OrganizationServiceTest, CalendarsWithHolidaysAndMakeUpDays) {
  orgv1::CreateCalendarRequest request;
  request.set_calendar_id("china");
  orgv1::Calendar& calendar = *request.mutable_calendar();
  calendar.set_display_name("中国工作日历");
  for (const int64_t weight : {1'000'000, 1'000'000, 1'000'000, 1'000'000, 1'000'000, 0, 0}) {
    calendar.add_weekday_weights_ppm(weight);
  }
  const auto day = [&](absl::CivilDay date, orgv1::DayKind kind,
                       const std::string& name) -> orgv1::SpecialDay& {
    orgv1::SpecialDay& special = *calendar.add_special_days();
    *special.mutable_date() = milepost::ToProto(date);
    special.set_kind(kind);
    special.set_display_name(name);
    return special;
  };
  day(absl::CivilDay(2018, 2, 16), orgv1::HOLIDAY, "春节");
  day(absl::CivilDay(2018, 2, 11), orgv1::WORKING_DAY, "春节调休").set_stands_in_for(orgv1::MONDAY);
  const auto created = Do(&Calendars::CreateCalendar, *calendars_, sam_, request);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->special_days(0).display_name(), "春节调休") << "in order of days";

  orgv1::ListCalendarDaysRequest list;
  list.set_name("calendars/china");
  *list.mutable_period() = Range(absl::CivilDay(2018, 2, 10), absl::CivilDay(2018, 2, 16));
  for (int size = 1; size <= 8; ++size) {
    list.set_page_size(size);
    list.clear_page_token();
    std::vector<int64_t> weights;
    while (true) {
      const auto page = Do(&Calendars::ListCalendarDays, *calendars_, anna_, list);
      ASSERT_THAT(page, IsOk());
      for (const orgv1::CalendarDay& listed : page->days()) weights.push_back(listed.weight_ppm());
      if (page->next_page_token().empty()) break;
      list.set_page_token(page->next_page_token());
    }
    EXPECT_THAT(weights, ElementsAre(0, 1'000'000, 1'000'000, 1'000'000, 1'000'000, 1'000'000, 0));
  }

  orgv1::CreateCalendarRequest bad = request;
  bad.set_calendar_id("bad");
  bad.mutable_calendar()->clear_weekday_weights_ppm();
  *bad.mutable_calendar()->add_special_days() = bad.calendar().special_days(0);
  bad.mutable_calendar()->mutable_special_days(1)->set_weight_ppm(5);
  const auto refused = Do(&Calendars::CreateCalendar, *calendars_, sam_, bad);
  EXPECT_THAT(refused, NamesField("calendar.weekday_weights_ppm"));
  EXPECT_GE(status::ViolationsOf(refused.status()).size(), 3u);

  orgv1::UpdateUnitRequest use;
  use.mutable_unit()->set_name("units/west");
  use.mutable_unit()->set_calendar("calendars/china");
  ASSERT_THAT(Do(&Units::UpdateUnit, *units_, sam_, use), IsOk());
  orgv1::DeleteCalendarRequest remove;
  remove.set_name("calendars/china");
  EXPECT_THAT(Do(&Calendars::DeleteCalendar, *calendars_, sam_, remove),
              Fails(StatusCode::kFailedPrecondition, "CALENDAR_IN_USE"));
  // A plan for that unit takes the unit's calendar.
  EXPECT_EQ(MakePlan("west-plan", 1'000, "west").calendar(), "calendars/china");
  use.mutable_unit()->clear_calendar();
  use.mutable_update_mask()->add_paths("calendar");
  ASSERT_THAT(Do(&Units::UpdateUnit, *units_, sam_, use), IsOk());
  EXPECT_THAT(Do(&Calendars::DeleteCalendar, *calendars_, sam_, remove),
              Fails(StatusCode::kFailedPrecondition, "CALENDAR_IN_USE"));
  v1::DeletePlanRequest plan;
  plan.set_name("plans/west-plan");
  ASSERT_THAT(Do(&v1::PlanService::Stub::DeletePlan, *plans_, zoe_, plan), IsOk());
  ASSERT_THAT(Do(&Calendars::DeleteCalendar, *calendars_, sam_, remove), IsOk());
  EXPECT_THAT(Do(&Calendars::DeleteCalendar, *calendars_, sam_, remove),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Do(&Calendars::CreateCalendar, *calendars_, sam_, request),
              Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  remove.set_name("calendars/default");
  EXPECT_THAT(Do(&Calendars::DeleteCalendar, *calendars_, sam_, remove),
              Fails(StatusCode::kFailedPrecondition, "DEFAULT_CALENDAR"));
}

TEST_F(OrganizationServiceTest, MetricsThatAlwaysExistAndThoseOfTheCompany) {
  v1::ListMetricsRequest list;
  const auto metrics = Do(&Metrics::ListMetrics, *metrics_, anna_, list);
  ASSERT_THAT(metrics, IsOk());
  EXPECT_EQ(metrics->metrics_size(), 19);
  EXPECT_THAT(AddStandardRecords(host_.database().session(), clock_, nullptr), IsOk()) << "again";
  v1::CreateMetricRequest request;
  request.set_metric_id("win-value");
  v1::Metric& metric = *request.mutable_metric();
  metric.set_display_name("Value of a win");
  metric.set_unit(v1::MONEY);
  metric.set_source(v1::COMPUTED);
  metric.set_aggregation(v1::SUM);
  const auto refused = Do(&Metrics::CreateMetric, *metrics_, sam_, request);
  for (const char* field : {"metric.aggregation", "metric.numerator", "metric.denominator"})
    EXPECT_THAT(refused, NamesField(field));
  metric.set_aggregation(v1::RATIO_OF_SUMS);
  metric.set_numerator("metrics/won-amount");
  metric.set_denominator("metrics/average-order");
  EXPECT_THAT(Do(&Metrics::CreateMetric, *metrics_, sam_, request),
              Fails(StatusCode::kFailedPrecondition, "RATIO_OF_RATIO"));
  metric.set_denominator("metrics/won-opportunities");
  const auto created = Do(&Metrics::CreateMetric, *metrics_, sam_, request);
  ASSERT_THAT(created, IsOk());
  v1::UpdateMetricRequest update;
  update.mutable_metric()->set_name("metrics/win-value");
  update.mutable_metric()->set_display_name_zh("单均赢单金额");
  update.set_etag(created->etag());
  EXPECT_EQ(Do(&Metrics::UpdateMetric, *metrics_, sam_, update)->display_name_zh(), "单均赢单金额");
  EXPECT_THAT(Do(&Metrics::UpdateMetric, *metrics_, sam_, update),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
}

}  // namespace
}  // namespace milepost::target
