#include "target-svc/service/scorecard_service.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::ScorecardService::Stub;

// A plan of revenue for west by member; a template of attainment 60 %, satisfaction 20 % and a
// rating 20 %.
class ScorecardServiceTest : public TargetTest {
 protected:
  ScorecardServiceTest()
      : TargetTest([](const Parts& parts) {
          std::vector<std::unique_ptr<grpc::Service>> services;
          services.push_back(std::make_unique<ScorecardService>(
              parts.runner, parts.directory, reporting::v1::ReportService::NewStub(parts.reports),
              "CNY"));
          return services;
        }),
        cards_(v1::ScorecardService::NewStub(host_.channel())) {
    MakePlan("west-18", 3'000'000, "west");
    v1::SplitNodesRequest members = OfRoot("west-18");
    Weighted(members, v1::MEMBER, {{"members/anna", 2}, {"members/bert", 1}});
    EXPECT_THAT(Split(zoe_, members), IsOk());
  }

  static void AddPoint(v1::Kpi& kpi, int64_t x, int64_t score_ppm) {
    v1::Kpi::Point& point = *kpi.add_points();
    point.set_x(x);
    point.set_score_ppm(score_ppm);
  }
  v1::CreateScorecardTemplateRequest Template(const std::string& id) {
    v1::CreateScorecardTemplateRequest request;
    request.set_scorecard_template_id(id);
    v1::ScorecardTemplate& message = *request.mutable_scorecard_template();
    message.set_title("销售代表年度考核");
    message.set_unit("units/west");
    v1::Kpi& revenue = *message.add_kpis();
    revenue.set_id("revenue");
    revenue.set_display_name("销售额达成率");
    revenue.set_input(v1::Kpi::ATTAINMENT);
    revenue.set_metric("metrics/revenue");
    revenue.set_plan("plans/west-18");
    revenue.set_weight_ppm(600'000);
    AddPoint(revenue, 600'000, 0);
    AddPoint(revenue, 1'000'000, 1'000'000);
    AddPoint(revenue, 1'200'000, 1'200'000);
    v1::Kpi& satisfaction = *message.add_kpis();
    satisfaction.set_id("satisfaction");
    satisfaction.set_display_name("客户满意度");
    satisfaction.set_input(v1::Kpi::ACTUAL);
    satisfaction.set_metric("metrics/customer-satisfaction");
    satisfaction.set_weight_ppm(200'000);
    AddPoint(satisfaction, 0, 0);
    AddPoint(satisfaction, 1'000'000, 1'000'000);
    v1::Kpi& teamwork = *message.add_kpis();
    teamwork.set_id("teamwork");
    teamwork.set_display_name("团队协作");
    teamwork.set_input(v1::Kpi::RATING);
    teamwork.set_weight_ppm(200'000);
    teamwork.set_min_rating(1);
    teamwork.set_max_rating(5);
    AddPoint(teamwork, 1, 200'000);
    AddPoint(teamwork, 5, 1'000'000);
    AddGrade(message, "C", 0);
    AddGrade(message, "B", 700'000);
    AddGrade(message, "A", 900'000);
    return request;
  }
  static void AddGrade(v1::ScorecardTemplate& message, const std::string& grade, int64_t from_ppm) {
    v1::GradeBand& band = *message.add_grades();
    band.set_grade(grade);
    band.set_from_ppm(from_ppm);
  }
  absl::StatusOr<v1::ScorecardTemplate> MakeTemplate(
      const Who& who, const v1::CreateScorecardTemplateRequest& request) {
    return Do(&Stub::CreateScorecardTemplate, *cards_, who, request);
  }
  v1::CreateScorecardRequest Card(const std::string& id, const std::string& member) {
    v1::CreateScorecardRequest request;
    request.set_scorecard_id(id);
    request.mutable_scorecard()->set_scorecard_template("scorecardTemplates/sales");
    request.mutable_scorecard()->set_member("members/" + member);
    *request.mutable_scorecard()->mutable_period() =
        Range(CivilDay(2018, 1, 1), CivilDay(2018, 12, 31));
    return request;
  }
  absl::StatusOr<v1::Scorecard> Open(const Who& who, const v1::CreateScorecardRequest& request) {
    return Do(&Stub::CreateScorecard, *cards_, who, request);
  }
  // A verb without other arguments than the name, or with what is in `request`.
  template <typename Request, typename Method>
  absl::StatusOr<v1::Scorecard> Say(Method method, const Who& who, const std::string& id,
                                    Request request = {}) {
    request.set_name("scorecards/" + id);
    return Do(method, *cards_, who, request);
  }
  absl::StatusOr<v1::Scorecard> Measure(const Who& who, const std::string& id) {
    return Say<v1::MeasureScorecardRequest>(&Stub::MeasureScorecard, who, id);
  }
  absl::StatusOr<v1::Scorecard> Rate(const Who& who, const std::string& id, int64_t rating) {
    v1::RateScorecardRequest request;
    v1::RateScorecardRequest::Rating& one = *request.add_ratings();
    one.set_kpi("teamwork");
    one.set_rating(rating);
    one.set_comment("乐于助人");
    return Say(&Stub::RateScorecard, who, id, request);
  }
  absl::StatusOr<v1::Scorecard> Complete(const Who& who, const std::string& id) {
    return Say<v1::CompleteScorecardRequest>(&Stub::CompleteScorecard, who, id);
  }
  absl::StatusOr<v1::Scorecard> Review(const Who& who, const std::string& id,
                                       const std::string& note = "") {
    v1::ReviewScorecardRequest request;
    request.set_note(note);
    return Say(&Stub::ReviewScorecard, who, id, request);
  }
  // Anna made 180 of 200 万 and has a satisfaction of 90 %.
  void MakeFigures() {
    reports_.by_name["members/anna"] = 1'800'000;
    v1::RecordActualRequest actual;
    actual.mutable_actual()->set_metric("metrics/customer-satisfaction");
    *actual.mutable_actual()->mutable_date() = milepost::ToProto(CivilDay(2018, 6, 1));
    actual.mutable_actual()->mutable_scope()->set_member("members/anna");
    actual.mutable_actual()->set_value_units(900'000);
    EXPECT_THAT(Do(&v1::ActualService::Stub::RecordActual, *actuals_, mia_, actual), IsOk());
  }

  std::unique_ptr<v1::ScorecardService::Stub> cards_;
};

TEST_F(ScorecardServiceTest, KeepsTemplatesThatAddUp) {
  v1::CreateScorecardTemplateRequest request = Template("sales");
  request.set_request_id(kRequestId);
  const auto made = MakeTemplate(mia_, request);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(MakeTemplate(mia_, request)->etag(), made->etag()) << "a repeat changes nothing";
  v1::GetScorecardTemplateRequest get;
  get.set_name("scorecardTemplates/sales");
  EXPECT_EQ(Do(&Stub::GetScorecardTemplate, *cards_, eve_, get)->SerializeAsString(),
            made->SerializeAsString())
      << "rules are seen by everybody";
  EXPECT_THAT(MakeTemplate(max_, Template("west")),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_CREATE"));

  v1::CreateScorecardTemplateRequest bad = Template("bad");
  v1::ScorecardTemplate& message = *bad.mutable_scorecard_template();
  message.mutable_kpis(0)->set_weight_ppm(500'000);
  message.mutable_kpis(0)->clear_plan();
  message.mutable_kpis(1)->mutable_points(1)->set_x(0);
  message.mutable_kpis(2)->set_max_rating(1);
  message.mutable_grades(0)->set_from_ppm(5);
  message.clear_title();
  const auto refused = MakeTemplate(mia_, bad);
  for (const char* field :
       {"scorecard_template.title", "scorecard_template.kpis", "scorecard_template.kpis[0].plan",
        "scorecard_template.kpis[1].points[1].x", "scorecard_template.kpis[2].max_rating",
        "scorecard_template.grades[0].from_ppm"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  v1::CreateScorecardTemplateRequest other = Template("other");
  other.mutable_scorecard_template()->mutable_kpis(0)->set_metric("metrics/visits");
  other.mutable_scorecard_template()->mutable_kpis(1)->set_metric("metrics/average-order");
  const auto unfit = MakeTemplate(mia_, other);
  EXPECT_THAT(unfit, NamesField("scorecard_template.kpis[0].plan"));
  EXPECT_THAT(unfit, NamesField("scorecard_template.kpis[1].metric"));

  v1::UpdateScorecardTemplateRequest update;
  update.mutable_scorecard_template()->set_name("scorecardTemplates/sales");
  update.mutable_scorecard_template()->set_retired(true);
  EXPECT_THAT(Do(&Stub::UpdateScorecardTemplate, *cards_, max_, update),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_EDIT"));
  ASSERT_THAT(Do(&Stub::UpdateScorecardTemplate, *cards_, mia_, update), IsOk());
  EXPECT_THAT(Do(&Stub::ListScorecardTemplates, *cards_, mia_, {})->scorecard_templates(),
              IsEmpty());
  v1::ListScorecardTemplatesRequest all;
  all.set_show_retired(true);
  EXPECT_THAT(Do(&Stub::ListScorecardTemplates, *cards_, mia_, all)->scorecard_templates(),
              SizeIs(1));
  EXPECT_THAT(Open(mia_, Card("late", "anna")),
              Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));
}

TEST_F(ScorecardServiceTest, IsMeasuredRatedReviewedAndAcknowledged) {
  ASSERT_THAT(MakeTemplate(mia_, Template("sales")), IsOk());
  MakeFigures();
  const auto opened = Open(mia_, Card("anna-18", "anna"));
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(opened->state(), v1::Scorecard::OPEN);
  EXPECT_FALSE(opened->complete());
  EXPECT_THAT(Open(mia_, Card("again", "anna")),
              Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  EXPECT_THAT(Complete(mia_, "anna-18"),
              Fails(StatusCode::kFailedPrecondition, "SCORECARD_INCOMPLETE"));

  const auto measured = Measure(mia_, "anna-18");
  ASSERT_THAT(measured, IsOk());
  EXPECT_EQ(measured->results(0).target_units(), 2'000'000);
  EXPECT_EQ(measured->results(0).actual_units(), 1'800'000);
  // 90 % lies three quarters between 60 % and 100 %.
  EXPECT_EQ(measured->results(0).score_ppm(), 750'000);
  EXPECT_EQ(measured->results(0).points_ppm(), 450'000);
  EXPECT_THAT(measured->results(0).steps(0).text(), HasSubstr("attainment"));
  EXPECT_EQ(measured->results(1).points_ppm(), 180'000);
  EXPECT_TRUE(measured->grade().empty());
  EXPECT_THAT(Rate(mia_, "anna-18", 6), NamesField("ratings[0].rating"));
  const auto rated = Rate(mia_, "anna-18", 4);
  ASSERT_THAT(rated, IsOk());
  EXPECT_EQ(rated->results(2).rater(), "members/mia");
  EXPECT_EQ(rated->total_ppm(), 450'000 + 180'000 + 160'000);
  EXPECT_EQ(rated->grade(), "B");
  ASSERT_THAT(Complete(mia_, "anna-18"), IsOk());
  EXPECT_THAT(Rate(mia_, "anna-18", 5), Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));

  EXPECT_THAT(Review(mia_, "anna-18"), Fails(StatusCode::kPermissionDenied, "OWN_RATING"));
  ASSERT_THAT(Review(zoe_, "anna-18"), IsOk());
  v1::DisputeScorecardRequest dispute;
  EXPECT_THAT(Say(&Stub::DisputeScorecard, anna_, "anna-18", dispute), NamesField("reason"));
  dispute.set_reason("有一单没有算进去");
  EXPECT_THAT(Say(&Stub::DisputeScorecard, mia_, "anna-18", dispute),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_ACT"));
  EXPECT_EQ(Say(&Stub::DisputeScorecard, anna_, "anna-18", dispute)->state(),
            v1::Scorecard::DISPUTED);
  EXPECT_THAT(Review(zoe_, "anna-18"), NamesField("note"));
  v1::ReturnScorecardRequest back;
  back.set_reason("重新计算");
  ASSERT_THAT(Say(&Stub::ReturnScorecard, mia_, "anna-18", back), IsOk());
  reports_.by_name["members/anna"] = 2'400'000;
  const auto better = Measure(mia_, "anna-18");
  ASSERT_THAT(better, IsOk());
  EXPECT_EQ(better->results(0).score_ppm(), 1'200'000);
  EXPECT_EQ(better->grade(), "A");
  ASSERT_THAT(Complete(mia_, "anna-18"), IsOk());
  ASSERT_THAT(Review(zoe_, "anna-18", "同意"), IsOk());
  v1::AcknowledgeScorecardRequest note;
  note.set_note("知道了");
  const auto done = Say(&Stub::AcknowledgeScorecard, anna_, "anna-18", note);
  ASSERT_THAT(done, IsOk());
  EXPECT_EQ(done->state(), v1::Scorecard::ACKNOWLEDGED);
  EXPECT_TRUE(done->has_acknowledge_time());
  EXPECT_THAT(Say(&Stub::DisputeScorecard, anna_, "anna-18", dispute),
              Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));
}

TEST_F(ScorecardServiceTest, NobodyRatesThemselfAndOthersDoNotSeeIt) {
  ASSERT_THAT(MakeTemplate(mia_, Template("sales")), IsOk());
  EXPECT_THAT(Open(mia_, Card("mia", "mia")), Fails(StatusCode::kPermissionDenied, "OWN_RECORD"));
  ASSERT_THAT(Open(zoe_, Card("mia", "mia")), IsOk());
  EXPECT_THAT(Rate(mia_, "mia", 5), Fails(StatusCode::kPermissionDenied, "OWN_RECORD"));
  EXPECT_THAT(Measure(zoe_, "mia"), Fails(StatusCode::kFailedPrecondition, "TARGET_MISSING"));
  ASSERT_THAT(Open(mia_, Card("anna", "anna")), IsOk());
  v1::GetScorecardRequest get;
  get.set_name("scorecards/anna");
  for (const Who& who : {anna_, mia_, zoe_, sam_})
    EXPECT_THAT(Do(&Stub::GetScorecard, *cards_, who, get), IsOk());
  for (const Who& who : {bert_, max_, ann_}) {
    EXPECT_THAT(Do(&Stub::GetScorecard, *cards_, who, get),
                Fails(StatusCode::kNotFound, "NOT_FOUND"));
  }
  EXPECT_THAT(Rate(max_, "anna", 3), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_EQ(Measure(mia_, "anna").status().code(), StatusCode::kUnavailable);
}

TEST_F(ScorecardServiceTest, ListsByMemberAndStateInPages) {
  ASSERT_THAT(MakeTemplate(mia_, Template("sales")), IsOk());
  for (const char* member : {"anna", "bert"})
    ASSERT_THAT(Open(mia_, Card(absl::StrCat("card-", member), member)), IsOk());
  ASSERT_THAT(Open(zoe_, Card("card-mia", "mia")), IsOk());
  for (int size = 1; size <= 4; ++size) {
    v1::ListScorecardsRequest request;
    request.set_page_size(size);
    std::vector<std::string> names;
    do {
      const auto page = Do(&Stub::ListScorecards, *cards_, zoe_, request);
      ASSERT_THAT(page, IsOk());
      for (const auto& card : page->scorecards()) names.push_back(card.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(names,
                ElementsAre("scorecards/card-anna", "scorecards/card-bert", "scorecards/card-mia"));
  }
  EXPECT_THAT(Do(&Stub::ListScorecards, *cards_, anna_, {})->scorecards(), SizeIs(1));
  v1::ListScorecardsRequest reviewed;
  reviewed.set_state(v1::Scorecard::REVIEWED);
  EXPECT_THAT(Do(&Stub::ListScorecards, *cards_, zoe_, reviewed)->scorecards(), IsEmpty());
  v1::ListScorecardsRequest of_bert;
  of_bert.set_member("members/bert");
  of_bert.set_scorecard_template("scorecardTemplates/sales");
  *of_bert.mutable_range() = Range(CivilDay(2018, 12, 31), CivilDay(2019, 1, 1));
  EXPECT_THAT(Do(&Stub::ListScorecards, *cards_, zoe_, of_bert)->scorecards(), SizeIs(1));
}

}  // namespace
}  // namespace milepost::target
