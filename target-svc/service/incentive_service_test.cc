#include "target-svc/service/incentive_service.h"

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
using Stub = v1::IncentiveService::Stub;

constexpr int64_t kWan = 1'000'000;  // 万元 in fen.

// A plan of 2018 for west: anna 100 万 a month, bert 50 万, from a breakdown by member and month.
class IncentiveServiceTest : public TargetTest {
 protected:
  IncentiveServiceTest()
      : TargetTest([](const Parts& parts) {
          std::vector<std::unique_ptr<grpc::Service>> services;
          services.push_back(std::make_unique<IncentiveService>(
              parts.runner, parts.directory, reporting::v1::ReportService::NewStub(parts.reports),
              "CNY"));
          return services;
        }),
        incentives_(v1::IncentiveService::NewStub(host_.channel())) {
    MakePlan("west-18", 1'800 * kWan, "west");
    v1::SplitNodesRequest members = OfRoot("west-18");
    Weighted(members, v1::MEMBER, {{"members/anna", 2}, {"members/bert", 1}});
    EXPECT_THAT(Split(zoe_, members), IsOk());
    EXPECT_THAT(Split(zoe_, SplitBy("west-18", v1::MONTH, /*leaves=*/true)), IsOk());
  }

  // 1 % up to 80 % of the target and 2 % above, marginal.
  v1::CreateCommissionPlanRequest Marginal(const std::string& id) {
    v1::CreateCommissionPlanRequest request;
    request.set_commission_plan_id(id);
    v1::CommissionPlan& plan = *request.mutable_commission_plan();
    plan.set_title("2018 年销售提成方案");
    plan.set_unit("units/west");
    plan.set_plan("plans/west-18");
    plan.add_units("units/west");
    *plan.mutable_period() = Range(CivilDay(2018, 1, 1), CivilDay(2018, 12, 31));
    plan.set_grain(v1::MONTH);
    v1::CommissionTerms& terms = *plan.mutable_terms();
    terms.set_base(v1::CommissionTerms::ORDERS);
    terms.set_mode(v1::CommissionTerms::MARGINAL);
    terms.set_measure(v1::CommissionTerms::ATTAINMENT);
    terms.set_reversal(v1::CommissionTerms::PERIOD_OF_ORIGIN);
    AddTier(terms, 0, 10'000);
    AddTier(terms, 800'000, 20'000);
    return request;
  }
  static void AddTier(v1::CommissionTerms& terms, int64_t from, int64_t rate_ppm) {
    v1::CommissionTerms::Tier& tier = *terms.add_tiers();
    tier.set_from(from);
    tier.set_rate_ppm(rate_ppm);
  }

  absl::StatusOr<v1::CommissionPlan> Create(const Who& who,
                                            const v1::CreateCommissionPlanRequest& request) {
    return Do(&Stub::CreateCommissionPlan, *incentives_, who, request);
  }
  absl::StatusOr<v1::CommissionPlan> Get(const Who& who, const std::string& id) {
    v1::GetCommissionPlanRequest request;
    request.set_name("commissionPlans/" + id);
    return Do(&Stub::GetCommissionPlan, *incentives_, who, request);
  }
  absl::StatusOr<v1::CommissionStatement> Compute(const Who& who, const std::string& id,
                                                  const std::string& member, CivilDay day,
                                                  int64_t version = 0) {
    v1::ComputeStatementRequest request;
    request.set_commission_plan("commissionPlans/" + id);
    request.set_member("members/" + member);
    *request.mutable_date() = milepost::ToProto(day);
    request.set_plan_version(version);
    return Do(&Stub::ComputeStatement, *incentives_, who, request);
  }
  v1::IssueStatementRequest IssueRequest(const std::string& id, const std::string& member,
                                         CivilDay day) {
    v1::IssueStatementRequest request;
    request.set_commission_plan("commissionPlans/" + id);
    request.set_member("members/" + member);
    *request.mutable_date() = milepost::ToProto(day);
    return request;
  }
  absl::StatusOr<v1::CommissionStatement> Issue(const Who& who,
                                                const v1::IssueStatementRequest& request) {
    return Do(&Stub::IssueStatement, *incentives_, who, request);
  }
  absl::StatusOr<v1::RecomputeStatementResponse> Recompute(const Who& who, const std::string& name,
                                                           int64_t version = 0,
                                                           bool newest_actuals = false) {
    v1::RecomputeStatementRequest request;
    request.set_name(name);
    request.set_plan_version(version);
    request.set_newest_actuals(newest_actuals);
    return Do(&Stub::RecomputeStatement, *incentives_, who, request);
  }
  void Sell(const std::string& member, CivilDay day, int64_t amount) {
    reports_.by_day["members/" + member][day] += amount;
  }
  // Reports count it on the day that it came back.
  void Return(const std::string& member, CivilDay day, CivilDay origin, int64_t amount) {
    Sell(member, day, -amount);
    reporting::v1::Actuals::Return& one = reports_.returns["members/" + member].emplace_back();
    *one.mutable_date() = milepost::ToProto(day);
    *one.mutable_origin_date() = milepost::ToProto(origin);
    one.set_value(-amount);
  }
  static std::vector<int64_t> Lines(const v1::CommissionStatement& statement) {
    std::vector<int64_t> amounts;
    for (const auto& line : statement.lines()) amounts.push_back(line.amount_units());
    return amounts;
  }

  std::unique_ptr<v1::IncentiveService::Stub> incentives_;
};

TEST_F(IncentiveServiceTest, KeepsCommissionPlans) {
  v1::CreateCommissionPlanRequest request = Marginal("tiers");
  request.set_request_id(kRequestId);
  const auto plan = Create(mia_, request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->name(), "commissionPlans/tiers");
  EXPECT_EQ(plan->owner(), "members/mia");
  EXPECT_EQ(plan->state(), v1::CommissionPlan::ACTIVE);
  EXPECT_EQ(Create(mia_, request)->etag(), plan->etag()) << "a repeat changes nothing";
  request.clear_request_id();
  EXPECT_THAT(Create(mia_, request), Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));

  // For whom it holds sees it, and who reads or leads; others do not.
  for (const Who& who : {anna_, mia_, zoe_, sam_, ann_}) {
    EXPECT_EQ(Get(who, "tiers")->SerializeAsString(), plan->SerializeAsString()) << who.member;
  }
  for (const Who& who : {eve_, max_})
    EXPECT_THAT(Get(who, "tiers"), Fails(StatusCode::kNotFound, "NOT_FOUND"));

  v1::UpdateCommissionPlanRequest update;
  update.mutable_commission_plan()->set_name("commissionPlans/tiers");
  update.mutable_commission_plan()->set_title("提成");
  update.set_etag(plan->etag());
  const auto updated = Do(&Stub::UpdateCommissionPlan, *incentives_, zoe_, update);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->title(), "提成");
  EXPECT_THAT(Do(&Stub::UpdateCommissionPlan, *incentives_, zoe_, update),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  update.clear_etag();
  update.mutable_update_mask()->add_paths("units");
  EXPECT_THAT(Do(&Stub::UpdateCommissionPlan, *incentives_, zoe_, update),
              NamesField("commission_plan.members"));

  v1::RetireCommissionPlanRequest retire;
  retire.set_name("commissionPlans/tiers");
  EXPECT_THAT(Do(&Stub::RetireCommissionPlan, *incentives_, mia_, retire), NamesField("reason"));
  retire.set_reason("新方案");
  EXPECT_THAT(Do(&Stub::RetireCommissionPlan, *incentives_, max_, retire),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_EQ(Do(&Stub::RetireCommissionPlan, *incentives_, mia_, retire)->state(),
            v1::CommissionPlan::RETIRED);
  EXPECT_THAT(Do(&Stub::UpdateCommissionPlan, *incentives_, zoe_, update),
              Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));
}

TEST_F(IncentiveServiceTest, ListsByMemberAndDay) {
  for (const char* id : {"a", "b", "c"}) ASSERT_THAT(Create(mia_, Marginal(id)), IsOk());
  v1::CreateCommissionPlanRequest east = Marginal("east");
  east.mutable_commission_plan()->set_unit("units/east");
  east.mutable_commission_plan()->clear_units();
  east.mutable_commission_plan()->add_members("members/eve");
  ASSERT_THAT(Create(zoe_, east), IsOk());
  for (int size = 1; size <= 4; ++size) {
    v1::ListCommissionPlansRequest request;
    request.set_page_size(size);
    std::vector<std::string> names;
    do {
      const auto page = Do(&Stub::ListCommissionPlans, *incentives_, mia_, request);
      ASSERT_THAT(page, IsOk());
      for (const auto& plan : page->commission_plans()) names.push_back(plan.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(names, ElementsAre("commissionPlans/a", "commissionPlans/b", "commissionPlans/c"));
  }
  v1::ListCommissionPlansRequest of_eve;
  of_eve.set_member("members/eve");
  *of_eve.mutable_date() = milepost::ToProto(CivilDay(2018, 5, 1));
  const auto found = Do(&Stub::ListCommissionPlans, *incentives_, zoe_, of_eve);
  ASSERT_THAT(found, IsOk());
  ASSERT_THAT(found->commission_plans(), SizeIs(1));
  EXPECT_EQ(found->commission_plans(0).name(), "commissionPlans/east");
  *of_eve.mutable_date() = milepost::ToProto(CivilDay(2019, 5, 1));
  EXPECT_THAT(Do(&Stub::ListCommissionPlans, *incentives_, zoe_, of_eve)->commission_plans(),
              IsEmpty());
}

TEST_F(IncentiveServiceTest, RefusesWhatDoesNotFit) {
  v1::CreateCommissionPlanRequest request = Marginal("bad");
  v1::CommissionPlan& plan = *request.mutable_commission_plan();
  plan.clear_title();
  plan.clear_units();
  plan.clear_plan();
  plan.set_grain(v1::WEEK);
  plan.mutable_terms()->mutable_tiers(1)->set_from(-1);
  plan.mutable_terms()->mutable_tiers(0)->set_rate_ppm(2'000'000);
  plan.mutable_terms()->set_reversal(v1::CommissionTerms::REVERSAL_UNSPECIFIED);
  const auto refused = Create(mia_, request);
  for (const char* field :
       {"commission_plan.title", "commission_plan.members", "commission_plan.plan",
        "commission_plan.grain", "commission_plan.terms.tiers[1].from",
        "commission_plan.terms.tiers[0].rate_ppm", "commission_plan.terms.reversal"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  v1::CreateCommissionPlanRequest collections = Marginal("collections");
  collections.mutable_commission_plan()->mutable_terms()->set_base(
      v1::CommissionTerms::COLLECTIONS);
  EXPECT_THAT(Create(mia_, collections), NamesField("commission_plan.plan"));
  v1::CreateCommissionPlanRequest foreign = Marginal("foreign");
  foreign.mutable_commission_plan()->add_units("units/east");
  EXPECT_THAT(Create(mia_, foreign), Fails(StatusCode::kPermissionDenied, "MAY_NOT_ACT"));
  EXPECT_THAT(Create(max_, Marginal("max")),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_CREATE"));
  EXPECT_EQ(Create(anna_, Marginal("anna")).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(IncentiveServiceTest, AStatementShowsEachStep) {
  ASSERT_THAT(Create(mia_, Marginal("tiers")), IsOk());
  Sell("anna", CivilDay(2018, 3, 5), 60 * kWan);
  Sell("anna", CivilDay(2018, 3, 20), 50 * kWan);
  Sell("anna", CivilDay(2018, 4, 1), 7 * kWan);
  const auto statement = Compute(anna_, "tiers", "anna", CivilDay(2018, 3, 31));
  ASSERT_THAT(statement, IsOk());
  EXPECT_EQ(statement->period_label(), "2018-03");
  EXPECT_EQ(statement->target_units(), 100 * kWan);
  EXPECT_THAT(statement->target_nodes(), SizeIs(1));
  EXPECT_EQ(statement->base_units(), 110 * kWan);
  EXPECT_EQ(statement->attainment_ppm(), 1'100'000);
  // 1 % of 80 万 and 2 % of 30 万.
  EXPECT_THAT(Lines(*statement), ElementsAre(80 * kWan / 100, 30 * kWan / 50));
  EXPECT_EQ(statement->payable_units(), 14 * kWan / 10);
  std::vector<std::string> facts;
  for (const auto& fact : statement->facts()) facts.push_back(fact.id());
  EXPECT_THAT(facts, ElementsAre("2018-03-05", "2018-03-20"));
  ASSERT_FALSE(statement->steps().empty());
  EXPECT_THAT(statement->steps(statement->steps_size() - 1).text(), HasSubstr("total"));
  EXPECT_THAT(statement->canonical_text(), HasSubstr("member=members/anna\n"));
  EXPECT_TRUE(statement->name().empty());

  // Who asks makes no difference, unless it is somebody who may not.
  for (const Who& who : {mia_, zoe_, sam_}) {
    EXPECT_EQ(Compute(who, "tiers", "anna", CivilDay(2018, 3, 1))->content_hash(),
              statement->content_hash());
  }
  EXPECT_THAT(Compute(bert_, "tiers", "anna", CivilDay(2018, 3, 1)),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Compute(ann_, "tiers", "anna", CivilDay(2018, 3, 1)),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Compute(zoe_, "tiers", "eve", CivilDay(2018, 3, 1)),
              Fails(StatusCode::kFailedPrecondition, "NOT_COVERED"));
  EXPECT_THAT(Compute(zoe_, "tiers", "mia", CivilDay(2018, 3, 1)),
              Fails(StatusCode::kFailedPrecondition, "TARGET_MISSING"));
  EXPECT_THAT(Compute(zoe_, "tiers", "anna", CivilDay(2019, 3, 1)), NamesField("date"));
  EXPECT_THAT(Compute(zoe_, "tiers", "anna", CivilDay(2018, 3, 1), 99), NamesField("plan_version"));
  EXPECT_THAT(Compute(zoe_, "tiers", "anna", CivilDay(2018, 3, 1), 1),
              Fails(StatusCode::kFailedPrecondition, "TARGET_MISSING"))
      << "in the first version nothing was broken down";
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_EQ(Compute(anna_, "tiers", "anna", CivilDay(2018, 3, 1)).status().code(),
            StatusCode::kUnavailable);
}

TEST_F(IncentiveServiceTest, WhatWasIssuedStaysAndIsComparedWithOtherVersions) {
  ASSERT_THAT(Create(mia_, Marginal("tiers")), IsOk());
  Sell("anna", CivilDay(2018, 3, 5), 100 * kWan);
  v1::IssueStatementRequest request = IssueRequest("tiers", "anna", CivilDay(2018, 3, 1));
  request.set_statement_id("anna-march");
  request.set_content_hash("0");
  EXPECT_THAT(Issue(mia_, request), Fails(StatusCode::kAborted, "STATEMENT_CHANGED"));
  request.set_content_hash(Compute(mia_, "tiers", "anna", CivilDay(2018, 3, 1))->content_hash());
  request.set_request_id(kRequestId);
  const auto issued = Issue(mia_, request);
  ASSERT_THAT(issued, IsOk());
  EXPECT_EQ(issued->name(), "statements/anna-march");
  EXPECT_EQ(issued->issuer(), "members/mia");
  EXPECT_EQ(issued->payable_units(), 12 * kWan / 10);
  EXPECT_EQ(Issue(mia_, request)->SerializeAsString(), issued->SerializeAsString());
  EXPECT_THAT(Issue(mia_, IssueRequest("tiers", "anna", CivilDay(2018, 3, 9))),
              Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  EXPECT_THAT(Issue(mia_, IssueRequest("tiers", "anna", CivilDay(2018, 2, 9))),
              Fails(StatusCode::kFailedPrecondition, "LATER_ISSUED"));

  v1::GetStatementRequest get;
  get.set_name("statements/anna-march");
  for (const Who& who : {anna_, mia_, zoe_, sam_}) {
    EXPECT_EQ(Do(&Stub::GetStatement, *incentives_, who, get)->SerializeAsString(),
              issued->SerializeAsString());
  }
  for (const Who& who : {bert_, max_, ann_}) {
    EXPECT_THAT(Do(&Stub::GetStatement, *incentives_, who, get),
                Fails(StatusCode::kNotFound, "NOT_FOUND"));
  }

  // The target moves on, and other figures come in; what was issued stays.
  v1::AdjustNodeRequest adjust;
  adjust.set_name(issued->target_nodes(0));
  adjust.set_target_units(200 * kWan);
  adjust.set_absorb(v1::SIBLINGS);
  const auto adjusted = Do(&v1::NodeService::Stub::AdjustNode, *nodes_, zoe_, adjust);
  ASSERT_THAT(adjusted, IsOk());
  Sell("anna", CivilDay(2018, 3, 6), 20 * kWan);
  const auto same = Recompute(anna_, "statements/anna-march");
  ASSERT_THAT(same, IsOk());
  EXPECT_TRUE(same->same());
  EXPECT_TRUE(same->content_intact());
  EXPECT_THAT(same->differences(), IsEmpty());
  const auto harder = Recompute(anna_, "statements/anna-march", issued->plan_version() + 1);
  ASSERT_THAT(harder, IsOk());
  EXPECT_FALSE(harder->same());
  EXPECT_EQ(harder->recomputed().target_units(), 200 * kWan);
  // All of it is in the first tier now: 1 % of 100 万.
  EXPECT_EQ(harder->recomputed().payable_units(), kWan);
  std::vector<std::string> items;
  for (const auto& difference : harder->differences()) items.push_back(difference.item());
  EXPECT_THAT(items, ElementsAre("target", "attainment_ppm", "TIER tiers[0]", "TIER tiers[1]",
                                 "earned", "total", "payable"));
  const auto newest = Recompute(anna_, "statements/anna-march", 0, /*newest_actuals=*/true);
  ASSERT_THAT(newest, IsOk());
  EXPECT_EQ(newest->recomputed().base_units(), 120 * kWan);
  EXPECT_EQ(newest->issued().base_units(), 100 * kWan);
  EXPECT_THAT(Recompute(bert_, "statements/anna-march"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(IncentiveServiceTest, NobodyIssuesTheirOwnNorWhatIsNotOver) {
  v1::CreateCommissionPlanRequest request = Marginal("amounts");
  v1::CommissionPlan& plan = *request.mutable_commission_plan();
  plan.clear_plan();
  plan.mutable_terms()->set_measure(v1::CommissionTerms::AMOUNT);
  *plan.mutable_period() = Range(CivilDay(2018, 1, 1), CivilDay(2027, 12, 31));
  ASSERT_THAT(Create(mia_, request), IsOk());
  EXPECT_THAT(Issue(mia_, IssueRequest("amounts", "mia", CivilDay(2018, 3, 1))),
              Fails(StatusCode::kPermissionDenied, "OWN_RECORD"));
  EXPECT_THAT(Issue(zoe_, IssueRequest("amounts", "mia", CivilDay(2018, 3, 1))), IsOk());
  EXPECT_THAT(Issue(max_, IssueRequest("amounts", "anna", CivilDay(2018, 3, 1))),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Issue(mia_, IssueRequest("amounts", "anna", clock_.Today())),
              Fails(StatusCode::kFailedPrecondition, "PERIOD_NOT_OVER"));
  v1::RetireCommissionPlanRequest retire;
  retire.set_name("commissionPlans/amounts");
  retire.set_reason("结束");
  ASSERT_THAT(Do(&Stub::RetireCommissionPlan, *incentives_, mia_, retire), IsOk());
  EXPECT_THAT(Issue(mia_, IssueRequest("amounts", "anna", CivilDay(2018, 3, 1))),
              Fails(StatusCode::kFailedPrecondition, "WRONG_STATE"));
}

TEST_F(IncentiveServiceTest, ReturnsTakeBackWhatTheirPeriodPaid) {
  ASSERT_THAT(Create(mia_, Marginal("tiers")), IsOk());
  Sell("anna", CivilDay(2018, 3, 5), 100 * kWan);
  ASSERT_THAT(Issue(mia_, IssueRequest("tiers", "anna", CivilDay(2018, 3, 1))), IsOk());
  // 20 万 of it came back in April: March would have paid 1 % of 80 万.
  Sell("anna", CivilDay(2018, 4, 3), 10 * kWan);
  Return("anna", CivilDay(2018, 4, 3), CivilDay(2018, 3, 5), 20 * kWan);
  const auto april = Issue(mia_, IssueRequest("tiers", "anna", CivilDay(2018, 4, 1)));
  ASSERT_THAT(april, IsOk());
  EXPECT_EQ(april->base_units(), 10 * kWan);
  EXPECT_EQ(april->earned_units(), kWan / 10);
  EXPECT_THAT(Lines(*april), ElementsAre(kWan / 10, -4 * kWan / 10));
  EXPECT_EQ(april->payable_units(), 0);
  EXPECT_EQ(april->closing_balance_units(), -3 * kWan / 10);
  EXPECT_THAT(april->earlier_statements(), SizeIs(1));
  // What is open is carried over; what came back of nothing that was issued takes nothing back.
  Sell("anna", CivilDay(2018, 5, 3), 100 * kWan);
  Return("anna", CivilDay(2018, 5, 4), CivilDay(2018, 1, 5), 5 * kWan);
  const auto may = Compute(anna_, "tiers", "anna", CivilDay(2018, 5, 1));
  ASSERT_THAT(may, IsOk());
  EXPECT_THAT(Lines(*may), ElementsAre(8 * kWan / 10, 4 * kWan / 10, -3 * kWan / 10));
  EXPECT_EQ(may->unmatched_return_units(), 5 * kWan);
  EXPECT_TRUE(Recompute(anna_, april->name())->same());

  v1::ListStatementsRequest list;
  list.set_page_size(1);
  std::vector<std::string> labels;
  do {
    const auto page = Do(&Stub::ListStatements, *incentives_, anna_, list);
    ASSERT_THAT(page, IsOk());
    for (const auto& one : page->statements()) labels.push_back(one.period_label());
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(labels, ::testing::UnorderedElementsAre("2018-03", "2018-04"));
  EXPECT_THAT(Do(&Stub::ListStatements, *incentives_, bert_, {})->statements(), IsEmpty());
  v1::ListStatementsRequest in_april;
  *in_april.mutable_range() = Range(CivilDay(2018, 4, 30), CivilDay(2018, 5, 30));
  EXPECT_THAT(Do(&Stub::ListStatements, *incentives_, zoe_, in_april)->statements(), SizeIs(1));
}

TEST_F(IncentiveServiceTest, TeamsAreMeasuredTogetherWhoeverAsks) {
  v1::CreateCommissionPlanRequest request = Marginal("team");
  v1::CommissionTerms::TeamBonus& bonus =
      *request.mutable_commission_plan()->mutable_terms()->add_team_bonuses();
  bonus.set_at_team_attainment_ppm(1'000'000);
  bonus.set_amount_units(5'000);
  bonus.set_rate_ppm(1'000);
  ASSERT_THAT(Create(mia_, request), IsOk());
  Sell("anna", CivilDay(2018, 3, 5), 10 * kWan);
  reports_.by_month[CivilDay(2018, 3, 1)] = 150 * kWan;
  const auto statement = Compute(anna_, "team", "anna", CivilDay(2018, 3, 1));
  ASSERT_THAT(statement, IsOk());
  EXPECT_EQ(statement->team(), "units/west");
  EXPECT_EQ(statement->team_target_units(), 150 * kWan);
  EXPECT_EQ(statement->team_attainment_ppm(), 1'000'000);
  EXPECT_THAT(Lines(*statement), ElementsAre(kWan / 10, 5'000, kWan / 100));
}

TEST_F(IncentiveServiceTest, DeliveriesAreWhatWasWrittenDown) {
  v1::CreateCommissionPlanRequest request = Marginal("deliveries");
  v1::CommissionPlan& plan = *request.mutable_commission_plan();
  plan.clear_plan();
  plan.mutable_terms()->set_base(v1::CommissionTerms::DELIVERIES);
  plan.mutable_terms()->set_measure(v1::CommissionTerms::AMOUNT);
  plan.mutable_terms()->set_reversal(v1::CommissionTerms::PERIOD_OF_RETURN);
  ASSERT_THAT(Create(mia_, request), IsOk());
  const auto record = [&](const std::string& id, CivilDay day, int64_t value) {
    v1::RecordActualRequest actual;
    actual.set_actual_id(id);
    actual.mutable_actual()->set_metric("metrics/deliveries");
    *actual.mutable_actual()->mutable_date() = milepost::ToProto(day);
    actual.mutable_actual()->mutable_scope()->set_member("members/anna");
    actual.mutable_actual()->set_value_units(value);
    EXPECT_THAT(Do(&v1::ActualService::Stub::RecordActual, *actuals_, mia_, actual), IsOk());
  };
  record("car-1", CivilDay(2018, 3, 5), 400'000);
  record("car-2", CivilDay(2018, 3, 6), 300'000);
  record("back", CivilDay(2018, 3, 7), -100'000);
  const auto statement = Compute(anna_, "deliveries", "anna", CivilDay(2018, 3, 1));
  ASSERT_THAT(statement, IsOk());
  EXPECT_EQ(statement->base_units(), 600'000);
  ASSERT_THAT(statement->returns(), SizeIs(1));
  EXPECT_EQ(statement->returns(0).id(), "actuals/back");
  EXPECT_EQ(statement->returns(0).fact(), "actuals/car-2") << "the newest is what came back";
  EXPECT_THAT(reports_.requests, IsEmpty());
}

TEST_F(IncentiveServiceTest, SimulatesWithoutWriting) {
  ASSERT_THAT(Create(mia_, Marginal("tiers")), IsOk());
  v1::SimulateStatementRequest request;
  request.set_commission_plan("commissionPlans/tiers");
  request.set_target_units(100 * kWan);
  request.add_scenarios()->set_attainment_ppm(800'000);
  v1::SimulateStatementRequest::Scenario& good = *request.add_scenarios();
  good.set_label("冲刺");
  good.set_base_units(150 * kWan);
  good.set_returned_units(10 * kWan);
  const auto response = Do(&Stub::SimulateStatement, *incentives_, anna_, request);
  ASSERT_THAT(response, IsOk());
  ASSERT_THAT(response->statements(), SizeIs(2));
  EXPECT_EQ(response->statements(0).payable_units(), 8 * kWan / 10);
  EXPECT_EQ(response->statements(1).period_label(), "冲刺");
  EXPECT_EQ(response->statements(1).payable_units(), 8 * kWan / 10 + 60 * kWan / 50);
  EXPECT_THAT(reports_.requests, IsEmpty());
  EXPECT_THAT(Do(&Stub::SimulateStatement, *incentives_, eve_, request),
              Fails(StatusCode::kNotFound, "NOT_FOUND"));
  request.set_target_units(0);
  request.mutable_scenarios(1)->set_returned_units(151 * kWan);
  const auto refused = Do(&Stub::SimulateStatement, *incentives_, anna_, request);
  EXPECT_THAT(refused, NamesField("scenarios[0].attainment_ppm"));
  EXPECT_THAT(refused, NamesField("scenarios[1].returned_units"));
  request.clear_scenarios();
  request.add_scenarios()->set_base_units(1);
  EXPECT_THAT(Do(&Stub::SimulateStatement, *incentives_, anna_, request),
              NamesField("target_units"));
}

}  // namespace
}  // namespace milepost::target
