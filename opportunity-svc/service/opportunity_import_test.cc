#include "opportunity-svc/service/opportunity_import.h"

#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/service/testing_world.h"

namespace milepost::opportunity {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using testing::IsOk;
using ::testing::SizeIs;

class OpportunityImportTest : public World {
 protected:
  OpportunityImportTest() { MakeCatalogue(); }

  v1::ImportOpportunityRow Row(const std::string& id, v1::OpportunityState state) {
    v1::ImportOpportunityRow row;
    row.set_line(++line_);
    row.set_name("opportunities/" + id);
    row.set_title("GTX " + id);
    row.set_customer("customers/acme");
    row.set_owner("members/anna");
    row.set_stage("engaging");
    row.set_state(state);
    row.set_product("products/gtx");
    row.set_region("west");
    *row.mutable_open_date() = Date(2016, 10, 20);
    if (state != v1::OPEN) *row.mutable_close_date() = Date(2017, 3, 1);
    if (state == v1::WON) *row.mutable_amount() = Yuan(1'054'00);
    return row;
  }

  absl::StatusOr<v1::ImportOpportunitiesResponse> Import(
      const std::string& member, const std::vector<v1::ImportOpportunityRow>& rows) {
    v1::ImportOpportunitiesRequest request;
    for (const auto& row : rows) *request.add_rows() = row;
    request.set_request_id("123e4567-e89b-12d3-a456-426614174000");
    auto context = As(member);
    auto stream = opportunities->ImportOpportunities(context.get());
    stream->Write(request);
    stream->WritesDone();
    v1::ImportOpportunitiesResponse response;
    const bool answered = stream->Read(&response);
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    EXPECT_TRUE(answered);
    EXPECT_EQ(response.request_id(), request.request_id());
    return response;
  }

  std::vector<v1::ImportOutcome> Outcomes(const std::string& member,
                                          const std::vector<v1::ImportOpportunityRow>& rows) {
    const auto response = Import(member, rows);
    EXPECT_THAT(response, IsOk());
    std::vector<v1::ImportOutcome> outcomes;
    if (response.ok()) {
      for (const auto& result : response->results()) outcomes.push_back(result.outcome());
    }
    return outcomes;
  }

  static std::vector<std::string> Fields(const v1::ImportResult& result) {
    std::vector<std::string> fields;
    for (const auto& violation : result.violations()) fields.push_back(violation.field());
    return fields;
  }

  v1::Order GetOrder(const std::string& id) {
    v1::GetOrderRequest request;
    request.set_name("orders/" + id);
    v1::Order order;
    auto context = As("ada");
    EXPECT_THAT(orders->GetOrder(context.get(), request, &order), IsOk());
    return order;
  }

  int64_t line_ = 0;
};

TEST_F(OpportunityImportTest, HistoryIsTakenAsItIsAndRepeatingChangesNothing) {
  v1::ImportOpportunityRow prospecting = Row("o-p", v1::OPEN);
  prospecting.set_stage("prospecting");
  prospecting.clear_open_date();
  prospecting.clear_customer();
  v1::ImportOpportunityRow won = Row("o-w", v1::WON);
  auto* entry = won.add_stage_entries();
  entry->set_stage("prospecting");
  *entry->mutable_enter_date() = Date(2016, 10, 1);
  entry = won.add_stage_entries();
  entry->set_stage("engaging");
  *entry->mutable_enter_date() = Date(2016, 10, 20);
  const std::vector<v1::ImportOpportunityRow> rows = {Row("o-e", v1::OPEN), Row("o-l", v1::LOST),
                                                      won, prospecting};
  EXPECT_THAT(Outcomes("max", rows),
              ElementsAre(v1::CREATED, v1::CREATED, v1::CREATED, v1::CREATED));
  {
    const std::lock_guard<std::mutex> lock(fake_customers.mutex);
    EXPECT_EQ(fake_customers.calls, 1) << "one question for the whole request";
  }
  const auto stored = Get("anna", "o-w");
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->state(), v1::WON);
  EXPECT_EQ(stored->stage(), "engaging");
  EXPECT_EQ(stored->open_date().year(), 2016);
  EXPECT_EQ(stored->close_date().month(), 3);
  EXPECT_EQ(stored->order(), "orders/o-w");
  EXPECT_TRUE(stored->imported());
  ASSERT_THAT(stored->stage_history(), SizeIs(2));
  EXPECT_EQ(stored->stage_history(0).entry(), v1::IMPORTED);
  EXPECT_EQ(stored->stage_history(0).leave_time().seconds(),
            stored->stage_history(1).enter_time().seconds());
  const auto untouched = Get("anna", "o-p");
  ASSERT_THAT(untouched, IsOk());
  EXPECT_FALSE(untouched->has_open_date());
  EXPECT_FALSE(untouched->stage_history(0).has_enter_time());

  const v1::Order order = GetOrder("o-w");
  EXPECT_EQ(order.amount().minor_units(), 1'054'00);
  EXPECT_EQ(order.margin().minor_units(), 754'00);
  EXPECT_EQ(order.order_date().day(), 1);
  EXPECT_EQ(order.owner(), "members/anna");
  EXPECT_TRUE(order.imported());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM orders"), 1);

  const int64_t changes = Count("SELECT COUNT(*) FROM changes");
  EXPECT_THAT(Outcomes("max", rows),
              ElementsAre(v1::UNCHANGED, v1::UNCHANGED, v1::UNCHANGED, v1::UNCHANGED));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes"), changes);
}

TEST_F(OpportunityImportTest, GoodRowsAreWrittenAndBadOnesNamed) {
  v1::ImportOpportunityRow shape = Row("o-1", v1::WON);
  shape.set_name("opportunities/O 1");
  shape.clear_title();
  shape.clear_amount();
  *shape.mutable_close_date() = Date(2016, 1, 1);
  shape.set_state(static_cast<v1::OpportunityState>(9));
  v1::ImportOpportunityRow references = Row("o-2", v1::OPEN);
  references.set_customer("customers/none");
  references.set_owner("members/nobody");
  references.set_product("products/none");
  references.set_source("sources/none");
  references.set_process("processes/none");
  v1::ImportOpportunityRow stage = Row("o-3", v1::OPEN);
  stage.set_stage("nowhere");
  v1::ImportOpportunityRow dates = Row("o-4", v1::WON);
  *dates.mutable_close_date() = Date(2016, 1, 1);
  v1::ImportOpportunityRow future = Row("o-5", v1::LOST);
  *future.mutable_close_date() = Date(2199, 1, 1);
  v1::ImportOpportunityRow money = Row("o-6", v1::WON);
  money.mutable_amount()->set_currency_code("USD");
  const auto response = Import("max", {shape, references, stage, dates, future, money,
                                       Row("o-7", v1::OPEN), Row("o-7", v1::OPEN)});
  ASSERT_THAT(response, IsOk());
  ASSERT_THAT(response->results(), SizeIs(8));
  EXPECT_THAT(Fields(response->results(0)), ::testing::IsSupersetOf({"name", "title", "state"}));
  EXPECT_THAT(Fields(response->results(1)),
              ::testing::UnorderedElementsAre("owner", "customer", "product", "source", "process"));
  EXPECT_THAT(Fields(response->results(2)), ElementsAre("stage"));
  EXPECT_THAT(Fields(response->results(3)), ElementsAre("close_date"));
  EXPECT_THAT(Fields(response->results(4)), ElementsAre("close_date"));
  EXPECT_THAT(Fields(response->results(5)), ElementsAre("amount.currency_code"));
  EXPECT_EQ(response->results(6).outcome(), v1::CREATED);
  EXPECT_THAT(Fields(response->results(7)), ElementsAre("name"));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(response->results(i).outcome(), v1::REFUSED) << i;
  EXPECT_EQ(response->results(2).line(), stage.line());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM opportunities"), 1);

  stage.set_stage("engaging");
  EXPECT_THAT(Outcomes("max", {stage}), ElementsAre(v1::CREATED)) << "after mending";
}

TEST_F(OpportunityImportTest, MendedRowsAreTakenUnlessSomebodyWorkedOnThem) {
  v1::ImportOpportunityRow row = Row("o-1", v1::WON);
  ASSERT_THAT(Outcomes("max", {row}), ElementsAre(v1::CREATED));
  *row.mutable_amount() = Yuan(2'000'00);
  EXPECT_THAT(Outcomes("max", {row}), ElementsAre(v1::UPDATED));
  EXPECT_EQ(GetOrder("o-1").amount().minor_units(), 2'000'00);
  EXPECT_THAT(Outcomes("max", {row}), ElementsAre(v1::UNCHANGED));

  // From won to lost: the order is taken back by a reversing entry; and to won again.
  v1::ImportOpportunityRow lost = Row("o-1", v1::LOST);
  EXPECT_THAT(Outcomes("max", {lost}), ElementsAre(v1::UPDATED));
  EXPECT_EQ(GetOrder("o-1").state(), v1::CANCELLED);
  EXPECT_EQ(GetOrder("o-1").net_amount().minor_units(), 0);
  EXPECT_THAT(Outcomes("max", {row}), ElementsAre(v1::UPDATED));
  EXPECT_EQ(GetOrder("o-1").state(), v1::CONFIRMED);
  EXPECT_EQ(GetOrder("o-1").net_amount().minor_units(), 2'000'00);

  // From open to won: the order is made.
  ASSERT_THAT(Outcomes("max", {Row("o-2", v1::OPEN)}), ElementsAre(v1::CREATED));
  EXPECT_THAT(Outcomes("max", {Row("o-2", v1::WON)}), ElementsAre(v1::UPDATED));
  EXPECT_EQ(GetOrder("o-2").opportunity(), "opportunities/o-2");

  v1::RecordCollectionRequest collect;
  collect.set_name("orders/o-1");
  *collect.mutable_amount() = Yuan(100);
  v1::Order order;
  auto context = As("anna");
  ASSERT_THAT(orders->RecordCollection(context.get(), collect, &order), IsOk());
  EXPECT_THAT(Outcomes("max", {row}), ElementsAre(v1::UNCHANGED));
  const auto refused = Import("max", {lost});
  ASSERT_THAT(refused, IsOk());
  EXPECT_EQ(refused->results(0).outcome(), v1::REFUSED);
  EXPECT_EQ(Get("anna", "o-1")->state(), v1::WON);

  Create("anna", "o-3");
  const auto foreign = Import("max", {Row("o-3", v1::OPEN)});
  ASSERT_THAT(foreign, IsOk());
  EXPECT_THAT(Fields(foreign->results(0)), ElementsAre("name")) << "it was not imported";
}

TEST_F(OpportunityImportTest, OwnersMayHaveLeft) {
  v1::ImportOpportunityRow row = Row("o-1", v1::WON);
  row.set_owner("members/leo");
  EXPECT_THAT(Outcomes("max", {row}), ElementsAre(v1::CREATED));
  v1::CreateOpportunityRequest create;
  create.mutable_opportunity()->set_title("t");
  create.mutable_opportunity()->set_owner("members/leo");
  v1::Opportunity opportunity;
  auto context = As("max");
  EXPECT_THAT(opportunities->CreateOpportunity(context.get(), create, &opportunity),
              Fails(absl::StatusCode::kFailedPrecondition, "MEMBER_UNKNOWN"));
}

TEST_F(OpportunityImportTest, ATakenOrderIdRefusesOnlyItsRow) {
  Create("anna", "o-x");
  CompleteNeed("anna", "o-x");
  ASSERT_THAT(Win("max", "o-x", 100, "o-2"), IsOk());
  const auto response =
      Import("max", {Row("o-1", v1::WON), Row("o-2", v1::WON), Row("o-3", v1::OPEN)});
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->results(0).outcome(), v1::CREATED);
  EXPECT_EQ(response->results(1).outcome(), v1::REFUSED);
  EXPECT_EQ(response->results(2).outcome(), v1::CREATED);
  EXPECT_THAT(Get("ada", "o-2"), Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(OpportunityImportTest, ScopeSizeAndOutagesAreRespected) {
  v1::ImportOpportunityRow east = Row("o-1", v1::OPEN);
  east.set_owner("members/eva");
  const auto outside = Import("max", {east});
  ASSERT_THAT(outside, IsOk());
  EXPECT_THAT(Fields(outside->results(0)), ElementsAre("owner"));
  EXPECT_EQ(Import("anna", {Row("o-2", v1::OPEN)}).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Import("max", {}), testing::NamesField("rows"));
  EXPECT_THAT(Import("max", std::vector<v1::ImportOpportunityRow>(kMaxImportRows + 1,
                                                                  Row("o-3", v1::OPEN))),
              testing::NamesField("rows"));
  {
    const std::lock_guard<std::mutex> lock(fake_customers.mutex);
    fake_customers.down = true;
  }
  EXPECT_THAT(Import("max", {Row("o-4", v1::OPEN)}),
              Fails(absl::StatusCode::kUnavailable, "CUSTOMERS_UNAVAILABLE"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM opportunities"), 0);
}

TEST_F(OpportunityImportTest, AFullRequestIsWrittenWhole) {
  std::vector<v1::ImportOpportunityRow> rows;
  for (size_t i = 0; i < kMaxImportRows; ++i)
    rows.push_back(Row(absl::StrCat("o-", i), i % 2 == 0 ? v1::WON : v1::OPEN));
  const auto outcomes = Outcomes("ada", rows);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), v1::CREATED),
            static_cast<int>(kMaxImportRows));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM opportunities"), static_cast<int>(kMaxImportRows));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM orders"), static_cast<int>(kMaxImportRows / 2));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE event_type LIKE '%.imported'"),
            static_cast<int>(kMaxImportRows + kMaxImportRows / 2));
}

}  // namespace
}  // namespace milepost::opportunity
