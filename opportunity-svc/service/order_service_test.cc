#include "opportunity-svc/service/order_service.h"

#include <thread>

#include "google/protobuf/util/message_differencer.h"
#include "opportunity-svc/service/testing_world.h"

namespace milepost::opportunity {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;

class OrderServiceTest : public World {
 protected:
  OrderServiceTest() { MakeCatalogue(); }

  v1::CreateOrderRequest Request(const std::string& id) {
    v1::CreateOrderRequest request;
    request.set_order_id(id);
    request.mutable_order()->set_customer("customers/acme");
    request.mutable_order()->set_source("sources/fair");
    auto& line = *request.add_lines();
    line.set_product("products/gtx");
    line.set_quantity(3);
    *line.mutable_unit_price() = Yuan(450'00);
    return request;
  }

  absl::StatusOr<v1::Order> Create(const std::string& member,
                                   const v1::CreateOrderRequest& request) {
    v1::Order order;
    auto context = As(member);
    const grpc::Status status = orders->CreateOrder(context.get(), request, &order);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return order;
  }

  absl::StatusOr<v1::Order> Collect(const std::string& id, int64_t amount, bool refund = false) {
    v1::RecordCollectionRequest request;
    request.set_name("orders/" + id);
    *request.mutable_amount() = Yuan(amount);
    request.set_refund(refund);
    request.set_note("银行转账");
    v1::Order order;
    auto context = As("anna");
    const grpc::Status status = orders->RecordCollection(context.get(), request, &order);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return order;
  }

  absl::StatusOr<v1::ListOrdersResponse> List(const std::string& member,
                                              const v1::ListOrdersRequest& request) {
    v1::ListOrdersResponse response;
    auto context = As(member);
    const grpc::Status status = orders->ListOrders(context.get(), request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }
};

TEST_F(OrderServiceTest, ALifeFromAgreementToRefund) {
  v1::CreateOrderRequest create = Request("r-1");
  create.mutable_order()->set_preliminary(true);
  const auto created = Create("anna", create);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->state(), v1::PRELIMINARY);
  EXPECT_EQ(created->amount().minor_units(), 1'350'00);
  EXPECT_EQ(created->margin().minor_units(), 450'00);
  EXPECT_EQ(created->opportunity(), "");

  v1::ConfirmOrderRequest confirm;
  confirm.set_name("orders/r-1");
  confirm.set_contract_number("合同-001");
  v1::Order order;
  auto confirming = As("anna");
  ASSERT_THAT(orders->ConfirmOrder(confirming.get(), confirm, &order), IsOk());
  EXPECT_EQ(order.state(), v1::CONFIRMED);
  EXPECT_EQ(order.contract_number(), "合同-001");

  ASSERT_THAT(Collect("r-1", 1'000'00), IsOk());
  EXPECT_THAT(Collect("r-1", 351'00),
              Fails(absl::StatusCode::kFailedPrecondition, "COLLECTION_TOO_LARGE"));
  v1::ReturnOrderRequest back;
  back.set_name("orders/r-1");
  back.set_reason("坏了一台");
  auto& line = *back.add_lines();
  line.set_line_number(1);
  line.set_quantity(1);
  auto returning = As("anna");
  ASSERT_THAT(orders->ReturnOrder(returning.get(), back, &order), IsOk());
  EXPECT_EQ(order.net_amount().minor_units(), 900'00);
  EXPECT_EQ(order.net_margin().minor_units(), 300'00);
  EXPECT_THAT(order.reversals(), SizeIs(1));
  v1::CancelOrderRequest cancel;
  cancel.set_name("orders/r-1");
  cancel.set_reason("取消");
  auto early = As("max");
  EXPECT_THAT(orders->CancelOrder(early.get(), cancel, &order),
              Fails(absl::StatusCode::kFailedPrecondition, "MONEY_COLLECTED"));
  ASSERT_THAT(Collect("r-1", 1'000'00, true), IsOk());
  auto cancelling = As("max");
  ASSERT_THAT(orders->CancelOrder(cancelling.get(), cancel, &order), IsOk());
  EXPECT_EQ(order.net_amount().minor_units(), 0);
  EXPECT_EQ(order.collected_amount().minor_units(), 0);
  EXPECT_EQ(order.amount().minor_units(), 1'350'00) << "what was ordered is never rewritten";
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE aggregate_id = 'orders/r-1'"), 6);

  v1::GetOrderRequest get;
  get.set_name("orders/r-1");
  v1::Order read;
  auto reading = As("anna");
  ASSERT_THAT(orders->GetOrder(reading.get(), get, &read), IsOk());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(order, read));
  auto hidden = As("eva");
  EXPECT_THAT(orders->GetOrder(hidden.get(), get, &read),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
}

TEST_F(OrderServiceTest, AllBadFieldsAreNamedAtOnce) {
  v1::CreateOrderRequest request = Request("Bad");
  request.mutable_order()->set_customer("acme");
  request.mutable_order()->set_owner("anna");
  *request.mutable_order()->mutable_order_date() = Date(1800, 1, 1);
  request.mutable_order()->set_contract_number(std::string(65, 'x'));
  request.mutable_order()->set_region("W");
  auto& line = *request.add_lines();
  line.set_product("gtx");
  line.set_quantity(-5);
  *line.mutable_unit_price() = Yuan(-1);
  line.mutable_unit_cost()->set_currency_code("EUR");
  const auto status = Create("anna", request).status();
  for (const char* field :
       {"order_id", "order.customer", "order.owner", "order.order_date", "order.contract_number",
        "order.region", "lines[1].product", "lines[1].quantity", "lines[1].unit_price.minor_units",
        "lines[1].unit_cost.currency_code"}) {
    EXPECT_THAT(status, NamesField(field));
  }
  request = Request("r-1");
  request.clear_lines();
  EXPECT_THAT(Create("anna", request), NamesField("lines"));
}

TEST_F(OrderServiceTest, RulesOnCreate) {
  v1::CreateOrderRequest request = Request("r-1");
  request.mutable_lines(0)->set_quantity(1'000'000'000);
  *request.mutable_lines(0)->mutable_unit_price() = Yuan(9'000'000'000'000'000);
  EXPECT_THAT(Create("anna", request), NamesField("lines"));
  request = Request("r-1");
  request.mutable_lines(0)->set_product("products/none");
  EXPECT_THAT(Create("anna", request),
              Fails(absl::StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request = Request("r-1");
  request.mutable_order()->set_source("sources/none");
  EXPECT_THAT(Create("anna", request),
              Fails(absl::StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  request = Request("r-1");
  request.mutable_order()->set_customer("customers/none");
  EXPECT_THAT(Create("anna", request),
              Fails(absl::StatusCode::kFailedPrecondition, "CUSTOMER_UNKNOWN"));
  request = Request("r-1");
  *request.mutable_order()->mutable_order_date() = Date(2199, 1, 1);
  EXPECT_THAT(Create("anna", request),
              Fails(absl::StatusCode::kFailedPrecondition, "DATE_IN_FUTURE"));
  request = Request("r-1");
  request.mutable_order()->set_owner("members/eva");
  EXPECT_THAT(Create("anna", request),
              Fails(absl::StatusCode::kPermissionDenied, "OWNER_OUT_OF_SCOPE"));
  {
    const std::lock_guard<std::mutex> lock(fake_customers.mutex);
    fake_customers.down = true;
  }
  EXPECT_THAT(Create("anna", Request("r-1")),
              Fails(absl::StatusCode::kUnavailable, "CUSTOMERS_UNAVAILABLE"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM orders"), 0);
}

TEST_F(OrderServiceTest, UpdatesAndEtagsAndRequestIds) {
  const auto created = Create("anna", Request("r-1"));
  ASSERT_THAT(created, IsOk());
  EXPECT_THAT(Create("anna", Request("r-1")),
              Fails(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  v1::UpdateOrderRequest update;
  update.mutable_order()->set_name("orders/r-1");
  update.mutable_order()->set_note("加急");
  update.set_etag(created->etag());
  v1::Order order;
  auto context = As("anna");
  ASSERT_THAT(orders->UpdateOrder(context.get(), update, &order), IsOk());
  EXPECT_EQ(order.note(), "加急");
  auto stale = As("anna");
  EXPECT_THAT(orders->UpdateOrder(stale.get(), update, &order),
              Fails(absl::StatusCode::kAborted, "STALE_ETAG"));
  update.clear_etag();
  update.mutable_update_mask()->add_paths("lines");
  auto mask = As("anna");
  EXPECT_THAT(orders->UpdateOrder(mask.get(), update, &order), NamesField("update_mask"));

  v1::RecordCollectionRequest collect;
  collect.set_name("orders/r-1");
  *collect.mutable_amount() = Yuan(100);
  collect.set_request_id("123e4567-e89b-12d3-a456-426614174000");
  for (int i = 0; i < 2; ++i) {
    auto collecting = As("anna");
    ASSERT_THAT(orders->RecordCollection(collecting.get(), collect, &order), IsOk());
    EXPECT_EQ(order.collected_amount().minor_units(), 100) << "a repeat collects nothing";
  }
}

TEST_F(OrderServiceTest, CollectionsAtOnceNeverExceedTheOrder) {
  ASSERT_THAT(Create("anna", Request("r-1")), IsOk());
  std::vector<absl::Status> statuses(5);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < statuses.size(); ++i) {
    threads.emplace_back([&, i] { statuses[i] = Collect("r-1", 450'00).status(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(
      std::count_if(statuses.begin(), statuses.end(), [](const absl::Status& s) { return s.ok(); }),
      3);
}

TEST_F(OrderServiceTest, ListsPageInEverySizeAndAreNarrowed) {
  std::vector<std::string> expected;
  for (int i = 0; i < 6; ++i) {
    v1::CreateOrderRequest request = Request(absl::StrCat("r-", i));
    *request.mutable_order()->mutable_order_date() = Date(2020, 1, 1 + i / 2);
    if (i == 5) request.mutable_order()->set_customer("customers/globex");
    ASSERT_THAT(Create(i == 0 ? "ben" : "anna", request), IsOk());
    expected.insert(expected.begin(), absl::StrCat("orders/r-", i));
  }
  for (int size = 1; size <= 7; ++size) {
    v1::ListOrdersRequest request;
    request.set_page_size(size);
    std::vector<std::string> seen;
    do {
      const auto page = List("max", request);
      ASSERT_THAT(page, IsOk());
      for (const auto& order : page->orders()) seen.push_back(order.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(seen, expected) << "page size " << size;
  }
  v1::ListOrdersRequest request;
  request.add_owners("members/ben");
  EXPECT_THAT(List("max", request)->orders(), SizeIs(1));
  EXPECT_THAT(List("eva", request)->orders(), IsEmpty());
  request.Clear();
  request.set_customer("customers/globex");
  EXPECT_THAT(List("max", request)->orders(), SizeIs(1));
  request.Clear();
  *request.mutable_order_dates()->mutable_first_date() = Date(2020, 1, 2);
  *request.mutable_order_dates()->mutable_last_date() = Date(2020, 1, 2);
  EXPECT_THAT(List("max", request)->orders(), SizeIs(2));
  request.Clear();
  request.add_states(v1::CANCELLED);
  EXPECT_THAT(List("max", request)->orders(), IsEmpty());
  request.add_states(static_cast<v1::OrderState>(42));
  EXPECT_THAT(List("max", request), NamesField("states[1]"));
}

}  // namespace
}  // namespace milepost::opportunity
