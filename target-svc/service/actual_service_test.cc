#include "absl/strings/str_cat.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using Stub = v1::ActualService::Stub;
using absl::CivilDay;
using absl::StatusCode;

class ActualServiceTest : public TargetTest {
 protected:
  static v1::RecordActualRequest Entry(const std::string& id, const std::string& metric,
                                       CivilDay day, int64_t value, const std::string& unit = "",
                                       const std::string& member = "") {
    v1::RecordActualRequest request;
    request.set_actual_id(id);
    v1::RecordedActual& actual = *request.mutable_actual();
    actual.set_metric("metrics/" + metric);
    *actual.mutable_date() = milepost::ToProto(day);
    actual.set_value_units(value);
    if (!unit.empty()) actual.mutable_scope()->set_unit("units/" + unit);
    if (!member.empty()) actual.mutable_scope()->set_member("members/" + member);
    return request;
  }
  absl::StatusOr<v1::RecordedActual> Record(const Who& who, const v1::RecordActualRequest& entry) {
    return Do(&Stub::RecordActual, *actuals_, who, entry);
  }
  absl::StatusOr<v1::RecordedActual> Get(const Who& who, const std::string& id) {
    v1::GetActualRequest request;
    request.set_name("actuals/" + id);
    return Do(&Stub::GetActual, *actuals_, who, request);
  }
  absl::StatusOr<v1::SumActualsResponse> Sum(const Who& who, const std::string& metric,
                                             const std::string& unit = "",
                                             CivilDay last = CivilDay(2018, 12, 31)) {
    v1::SumActualsRequest request;
    request.set_metric("metrics/" + metric);
    *request.mutable_range() = Range(CivilDay(2018, 1, 1), last);
    if (!unit.empty()) request.mutable_scope()->set_unit("units/" + unit);
    return Do(&Stub::SumActuals, *actuals_, who, request);
  }
  std::vector<std::string> List(const Who& who, v1::ListActualsRequest request, int size = 2) {
    request.set_page_size(size);
    std::vector<std::string> ids;
    while (true) {
      const auto page = Do(&Stub::ListActuals, *actuals_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return ids;
      for (const v1::RecordedActual& actual : page->actuals())
        ids.push_back(actual.name().substr(8));
      if (page->next_page_token().empty()) return ids;
      request.set_page_token(page->next_page_token());
    }
  }

  // A budget of 1,000 for west: anna 600, bert 400.
  void MakeBudget(const std::string& metric) {
    v1::CreatePlanRequest plan = PlanRequest("b", 1'000, "west");
    plan.mutable_plan()->set_metric("metrics/" + metric);
    ASSERT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, plan), IsOk());
    v1::SplitNodesRequest request = OfRoot("b");
    Weighted(request, v1::MEMBER, {{"members/anna", 600}, {"members/bert", 400}});
    ASSERT_THAT(Split(zoe_, request), IsOk());
  }
  // `display name: actual/target left over`.
  std::vector<std::string> Rows(const Who& who, v1::ListNodeActualsRequest request = {},
                                int size = 2) {
    request.set_plan("plans/b");
    request.set_page_size(size);
    std::vector<std::string> lines;
    while (true) {
      const auto page = Do(&Stub::ListNodeActuals, *actuals_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return lines;
      for (const v1::NodeActual& row : page->rows()) {
        lines.push_back(
            absl::StrCat(row.display_name(), ": ",
                         row.has_actual_units() ? absl::StrCat(row.actual_units()) : "-", "/",
                         row.target_units(), " ", row.left_units(), " ", row.over_units()));
      }
      if (page->next_page_token().empty()) return lines;
      request.set_page_token(page->next_page_token());
    }
  }
};

TEST_F(ActualServiceTest, RecordedCorrectedNeverOverwritten) {
  v1::RecordActualRequest request = Entry("e1", "spend", CivilDay(2018, 3, 5), 50'000, "west");
  request.mutable_actual()->set_note("展会");
  request.set_request_id(kRequestId);
  const auto recorded = Record(mia_, request);
  ASSERT_THAT(recorded, IsOk());
  EXPECT_EQ(recorded->currency_code(), "CNY");
  EXPECT_EQ(recorded->credited_unit(), "units/west");
  EXPECT_EQ(recorded->recorder(), "members/mia");
  EXPECT_EQ(Record(mia_, request)->etag(), recorded->etag());  // Repeated.
  EXPECT_EQ(Sum(zoe_, "spend")->value_units(), 50'000);

  v1::RecordActualRequest correction = Entry("e2", "spend", CivilDay(2018, 3, 6), 45'000, "west");
  correction.mutable_actual()->set_corrects("actuals/e1");
  EXPECT_THAT(Record(mia_, correction), NamesField("actual.note"));
  correction.mutable_actual()->set_note("发票金额");
  correction.set_request_id(kOtherRequestId);
  const auto corrected = Record(mia_, correction);
  ASSERT_THAT(corrected, IsOk());
  EXPECT_EQ(corrected->corrects(), "actuals/e1");
  EXPECT_EQ(Record(mia_, correction)->name(), "actuals/e2");  // Repeated: the new one.
  const auto old = Get(mia_, "e1");
  ASSERT_THAT(old, IsOk());
  EXPECT_EQ(old->value_units(), 50'000);
  EXPECT_EQ(old->corrected_by(), "actuals/e2");
  EXPECT_NE(old->etag(), recorded->etag());
  const auto sum = Sum(zoe_, "spend");
  EXPECT_EQ(sum->value_units(), 45'000);
  EXPECT_EQ(sum->entry_count(), 1);
  EXPECT_EQ(sum->first_date().day(), 6);
  // Whoever comes second corrects the correction.
  correction.clear_request_id();
  correction.set_actual_id("e3");
  EXPECT_THAT(Record(mia_, correction),
              Fails(StatusCode::kFailedPrecondition, "ALREADY_CORRECTED"));
  correction.mutable_actual()->set_corrects("actuals/e2");
  correction.mutable_actual()->set_value_units(0);
  EXPECT_THAT(Record(mia_, correction), IsOk());
  EXPECT_EQ(Sum(zoe_, "spend")->value_units(), 0);
  correction.set_actual_id("e4");
  correction.mutable_actual()->set_corrects("actuals/none");
  EXPECT_THAT(Record(mia_, correction),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  correction.mutable_actual()->set_corrects("actuals/e3");
  correction.mutable_actual()->set_metric("metrics/market-share");
  EXPECT_THAT(Record(mia_, correction), Fails(StatusCode::kFailedPrecondition, "OTHER_METRIC"));
  v1::ListActualsRequest list;
  list.set_metric("metrics/spend");
  for (int size = 1; size <= 4; ++size)
    EXPECT_THAT(List(zoe_, list, size), ElementsAre("e1", "e2", "e3"));
  list.set_counting_only(true);
  EXPECT_THAT(List(zoe_, list), ElementsAre("e3"));
}

TEST_F(ActualServiceTest, AllBadFieldsAtOnce) {
  v1::RecordActualRequest request =
      Entry("-", "spend", clock_.Today() + 1, 9'000'000'000'000'001, "west", "anna");
  v1::RecordedActual& actual = *request.mutable_actual();
  actual.mutable_scope()->set_channel(std::string(64, 'x'));
  actual.set_currency_code("USD");
  actual.set_note(std::string(501, 'x'));
  actual.set_corrects("e1");
  const auto refused = Record(mia_, request);
  for (const char* field :
       {"actual_id", "actual.date", "actual.scope.unit", "actual.scope.channel",
        "actual.value_units", "actual.currency_code", "actual.note", "actual.corrects"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  const auto nothing = Record(mia_, {});
  for (const char* field : {"actual", "actual.metric", "actual.date"})
    EXPECT_THAT(nothing, NamesField(field));
  const CivilDay day(2018, 3, 5);
  EXPECT_THAT(Record(mia_, Entry("a", "revenue", day, 1, "west")),
              Fails(StatusCode::kFailedPrecondition, "NOT_RECORDED"));
  EXPECT_THAT(Record(mia_, Entry("a", "nothing", day, 1, "west")),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  EXPECT_THAT(Record(sam_, Entry("a", "spend", day, 1, "nowhere")),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  EXPECT_THAT(Record(sam_, Entry("a", "spend", CivilDay(2014, 3, 5), 1, "west")),
              Fails(StatusCode::kFailedPrecondition, "NOT_THERE_THEN"));
  EXPECT_THAT(Record(sam_, Entry("a", "spend", CivilDay(2014, 3, 5), 1, "", "anna")),
              Fails(StatusCode::kFailedPrecondition, "NOT_THERE_THEN"));
  EXPECT_THAT(Record(sam_, Entry("a", "market-share", day, -1)), NamesField("actual.value_units"));
  EXPECT_THAT(Record(sam_, Entry("a", "spend", day, -1)), IsOk());  // Money that came back.
  EXPECT_THAT(Record(sam_, Entry("a", "spend", day, 1)),
              Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
}

TEST_F(ActualServiceTest, WhoRecordsAndWhoSees) {
  const CivilDay day(2018, 3, 5);
  ASSERT_THAT(Record(anna_, Entry("anna", "spend", day, 1, "", "anna")), IsOk());
  ASSERT_THAT(Record(mia_, Entry("bert", "spend", day, 2, "", "bert")), IsOk());
  ASSERT_THAT(Record(mia_, Entry("west", "spend", day, 4, "west")), IsOk());
  ASSERT_THAT(Record(zoe_, Entry("company", "spend", day, 8)), IsOk());
  const Who marketing{"mark", {Role::kMarketing}};
  ASSERT_THAT(Record(marketing, Entry("east", "spend", day, 16, "east")), IsOk());
  for (const auto& [who, entry] : {std::pair(anna_, Entry("x", "spend", day, 1, "", "bert")),
                                   {anna_, Entry("x", "spend", day, 1, "west")},
                                   {anna_, Entry("x", "spend", day, 1)},
                                   {mia_, Entry("x", "spend", day, 1, "", "eve")},
                                   {mia_, Entry("x", "spend", day, 1, "east")},
                                   {mia_, Entry("x", "spend", day, 1)}}) {
    EXPECT_THAT(Record(who, entry), Fails(StatusCode::kPermissionDenied, "MAY_NOT_RECORD"));
  }
  EXPECT_EQ(Record(ann_, Entry("x", "spend", day, 1)).status().code(),
            StatusCode::kPermissionDenied);
  // Nobody takes away what they may not record.
  v1::RecordActualRequest correction = Entry("x", "spend", day, 0, "", "anna");
  correction.mutable_actual()->set_note("?");
  correction.mutable_actual()->set_corrects("actuals/west");
  EXPECT_THAT(Record(anna_, correction),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));

  v1::ListActualsRequest all;
  all.set_metric("metrics/spend");
  for (const Who& who : {zoe_, sam_, ann_, marketing}) {
    EXPECT_THAT(List(who, all), ElementsAre("anna", "bert", "company", "east", "west"));
    EXPECT_EQ(Sum(who, "spend")->value_units(), 31);
  }
  EXPECT_THAT(List(mia_, all), ElementsAre("anna", "bert", "west"));
  EXPECT_THAT(List(anna_, all), ElementsAre("anna"));
  EXPECT_EQ(Sum(anna_, "spend")->value_units(), 1);
  EXPECT_EQ(Sum(mia_, "spend")->value_units(), 7);
  EXPECT_THAT(List(eve_, all), IsEmpty());
  EXPECT_THAT(Get(anna_, "bert"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Get(anna_, "none"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  all.set_recorder("members/mia");
  EXPECT_THAT(List(zoe_, all), ElementsAre("bert", "west"));
  all.clear_recorder();
  all.mutable_scope()->set_unit("units/west");
  EXPECT_THAT(List(zoe_, all), ElementsAre("anna", "bert", "west"));
  all.mutable_scope()->clear_unit();
  all.mutable_scope()->set_member("members/bert");
  EXPECT_THAT(List(zoe_, all), ElementsAre("bert"));
  EXPECT_EQ(Sum(zoe_, "spend", "west")->value_units(), 7);
}

TEST_F(ActualServiceTest, MetricsSayHowEntriesAreTakenTogether) {
  ASSERT_THAT(Record(sam_, Entry("s1", "market-share", CivilDay(2018, 3, 31), 120'000)), IsOk());
  ASSERT_THAT(Record(sam_, Entry("s2", "market-share", CivilDay(2018, 6, 30), 135'000)), IsOk());
  EXPECT_EQ(Sum(zoe_, "market-share")->value_units(), 135'000);
  EXPECT_EQ(Sum(zoe_, "market-share", "", CivilDay(2018, 5, 1))->value_units(), 120'000);
  ASSERT_THAT(Record(sam_, Entry("c1", "customer-satisfaction", CivilDay(2018, 3, 31), 900'000)),
              IsOk());
  ASSERT_THAT(Record(sam_, Entry("c2", "customer-satisfaction", CivilDay(2018, 4, 30), 800'001)),
              IsOk());
  EXPECT_EQ(Sum(zoe_, "customer-satisfaction")->value_units(), 850'001);
  const auto none = Sum(zoe_, "market-share", "east");
  ASSERT_THAT(none, IsOk());
  EXPECT_FALSE(none->has_value_units());
  EXPECT_EQ(none->entry_count(), 0);
  EXPECT_EQ(Sum(zoe_, "deliveries")->value_units(), 0);
  EXPECT_THAT(Sum(zoe_, "revenue"), Fails(StatusCode::kFailedPrecondition, "NOT_RECORDED"));
  v1::SumActualsRequest bad;
  bad.set_metric("metrics/spend");
  EXPECT_THAT(Do(&Stub::SumActuals, *actuals_, zoe_, bad), NamesField("range"));
  *bad.mutable_range() = Range(CivilDay(2000, 1, 1), CivilDay(2018, 1, 1));
  EXPECT_THAT(Do(&Stub::SumActuals, *actuals_, zoe_, bad), NamesField("range"));
}

TEST_F(ActualServiceTest, PlannedSpentLeftAndOver) {
  MakeBudget("spend");
  ASSERT_THAT(Record(mia_, Entry("a", "spend-activity", CivilDay(2018, 2, 1), 300, "", "anna")),
              IsOk());
  ASSERT_THAT(Record(mia_, Entry("b", "spend-staff", CivilDay(2018, 5, 1), 500, "", "bert")),
              IsOk());
  ASSERT_THAT(Record(mia_, Entry("c", "spend", CivilDay(2018, 6, 1), 50, "west")), IsOk());
  ASSERT_THAT(Record(max_, Entry("d", "spend", CivilDay(2018, 6, 1), 7, "east")), IsOk());
  ASSERT_THAT(Record(mia_, Entry("e", "spend", CivilDay(2017, 6, 1), 9, "west")), IsOk());
  for (int size = 1; size <= 4; ++size) {
    EXPECT_THAT(Rows(zoe_, {}, size),
                ElementsAre("2018 年销售额: 850/1000 150 0", "成员 anna: 300/600 300 0",
                            "成员 bert: 500/400 0 100"));
  }
  v1::ListNodeActualsRequest early;
  *early.mutable_as_of_date() = milepost::ToProto(CivilDay(2018, 3, 31));
  early.set_max_levels(1);
  EXPECT_THAT(Rows(zoe_, early), ElementsAre("2018 年销售额: 300/1000 700 0",
                                             "成员 anna: 300/600 300 0", "成员 bert: 0/400 400 0"));
  // The own chain, once it is in force; the numbers are everybody's.
  ASSERT_THAT(Submit(zoe_, "b"), IsOk());
  ASSERT_THAT(Approve(sam_, "b"), IsOk());
  v1::ListNodeActualsRequest request;
  request.set_plan("plans/b");
  EXPECT_THAT(Do(&Stub::ListNodeActuals, *actuals_, anna_, request),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  ASSERT_THAT(Activate(zoe_, "b"), IsOk());
  EXPECT_THAT(Rows(anna_),
              ElementsAre("2018 年销售额: 850/1000 150 0", "成员 anna: 300/600 300 0"));

  // All budgets of a day.
  MakePlan("revenue", 5);
  v1::CreatePlanRequest staff = PlanRequest("staff", 400, "west");
  staff.mutable_plan()->set_metric("metrics/spend-staff");
  ASSERT_THAT(Do(&v1::PlanService::Stub::CreatePlan, *plans_, zoe_, staff), IsOk());
  const auto budgets = [&](const Who& who, v1::ListBudgetsRequest list, int size) {
    list.set_page_size(size);
    *list.mutable_date() = milepost::ToProto(CivilDay(2018, 12, 31));
    std::vector<std::string> lines;
    while (true) {
      const auto page = Do(&Stub::ListBudgets, *actuals_, who, list);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return lines;
      for (const v1::Budget& budget : page->budgets()) {
        lines.push_back(absl::StrCat(budget.plan(), " ", budget.planned_units(), " ",
                                     budget.spent_units(), " ", budget.left_units(), " ",
                                     budget.over_units(), " ", budget.used_ppm()));
      }
      if (page->next_page_token().empty()) return lines;
      list.set_page_token(page->next_page_token());
    }
  };
  for (int size = 1; size <= 3; ++size) {
    EXPECT_THAT(budgets(zoe_, {}, size),
                ElementsAre("plans/b 1000 850 150 0 850000", "plans/staff 400 500 0 100 1250000"));
  }
  EXPECT_THAT(budgets(anna_, {}, 50), ElementsAre("plans/b 1000 850 150 0 850000"));
  EXPECT_THAT(budgets(max_, {}, 50), IsEmpty());
  v1::ListBudgetsRequest staff_only;
  staff_only.set_metric("metrics/spend-staff");
  EXPECT_THAT(budgets(zoe_, staff_only, 50), ElementsAre("plans/staff 400 500 0 100 1250000"));
  staff_only.set_metric("metrics/revenue");
  EXPECT_THAT(Do(&Stub::ListBudgets, *actuals_, zoe_, staff_only), NamesField("metric"));
  request.set_plan("plans/revenue");
  EXPECT_THAT(Do(&Stub::ListNodeActuals, *actuals_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "NOT_RECORDED"));
}

TEST_F(ActualServiceTest, KindsOfSpendAreMoney) {
  v1::CreateMetricRequest request;
  request.set_metric_id("spend-travel");
  request.mutable_metric()->set_display_name("Travel");
  request.mutable_metric()->set_unit(v1::COUNT);
  request.mutable_metric()->set_aggregation(v1::SUM);
  request.mutable_metric()->set_source(v1::RECORDED);
  EXPECT_THAT(Do(&v1::MetricService::Stub::CreateMetric, *metrics_, sam_, request),
              NamesField("metric_id"));
  request.mutable_metric()->set_unit(v1::MONEY);
  EXPECT_THAT(Do(&v1::MetricService::Stub::CreateMetric, *metrics_, sam_, request), IsOk());
  ASSERT_THAT(Record(mia_, Entry("t", "spend-travel", CivilDay(2018, 2, 1), 5, "west")), IsOk());
  EXPECT_EQ(Sum(mia_, "spend")->value_units(), 5);
}

TEST_F(ActualServiceTest, TwoCorrectionsOneWins) {
  const CivilDay day(2018, 3, 5);
  ASSERT_THAT(Record(mia_, Entry("e", "spend", day, 10, "west")), IsOk());
  std::vector<absl::StatusOr<v1::RecordedActual>> results(4, absl::UnknownError(""));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      v1::RecordActualRequest request =
          Entry(absl::StrCat("c", i), "spend", day, static_cast<int64_t>(i) + 1, "west");
      request.mutable_actual()->set_note("改");
      request.mutable_actual()->set_corrects("actuals/e");
      results[i] = Record(mia_, request);
    });
  }
  for (std::thread& thread : threads) thread.join();
  int64_t won = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].ok()) won += static_cast<int64_t>(i) + 1;
    EXPECT_EQ(status::ReasonOf(results[i].status()), results[i].ok() ? "" : "ALREADY_CORRECTED");
  }
  EXPECT_EQ(Sum(mia_, "spend")->value_units(), won);
  EXPECT_EQ(Sum(mia_, "spend")->entry_count(), 1);
}

}  // namespace
}  // namespace milepost::target
