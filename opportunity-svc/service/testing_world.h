#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "milepost/customer/v1/customer.grpc.pb.h"
#include "opportunity-svc/service/catalogue_service.h"
#include "opportunity-svc/service/opportunity_service.h"
#include "opportunity-svc/service/order_service.h"
#include "opportunity-svc/store/schema.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"

namespace milepost::opportunity {

// customer-svc as far as this service asks it.
class FakeCustomers final : public customer::v1::CustomerService::Service {
 public:
  grpc::Status BatchCheckCustomers(grpc::ServerContext* context,
                                   const customer::v1::BatchCheckCustomersRequest* request,
                                   customer::v1::BatchCheckCustomersResponse* response) override {
    const std::lock_guard<std::mutex> lock(mutex);
    ++calls;
    remaining = context->deadline() - std::chrono::system_clock::now();
    const auto& metadata = context->client_metadata();
    const auto token = metadata.find("authorization");
    authorization =
        token == metadata.end() ? "" : std::string(token->second.data(), token->second.size());
    if (down) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "down");
    for (const std::string& name : request->names()) {
      auto& check = *response->add_checks();
      check.set_name(name);
      check.set_found(known.contains(name));
    }
    return grpc::Status::OK;
  }

  std::mutex mutex;  // Guards all below.
  std::set<std::string> known = {"customers/acme", "customers/globex"};
  bool down = false;
  int calls = 0;
  std::string authorization;
  std::chrono::system_clock::duration remaining{};
};

// The services over a database of their own, a fake customer-svc, and a small company: `max`
// manages unit west with the reps anna and ben; eva is a rep of east; ada is an admin, zoe an
// analyst; leo has left unit west.
class World : public ::testing::Test {
 protected:
  World() {
    const absl::CivilDay past(2020, 1, 1);
    host.organization().Set(std::make_shared<const access::Organization>(
        std::vector<access::Unit>{{.id = "company", .parents = {{"", past}}},
                                  {.id = "west", .parents = {{"company", past}}},
                                  {.id = "east", .parents = {{"company", past}}}},
        std::vector<access::Member>{
            {.id = "max",
             .placements = {{"west", past}},
             .manages = {{"west", past, std::nullopt}}},
            {.id = "anna", .placements = {{"west", past}}},
            {.id = "ben", .placements = {{"west", past}}},
            {.id = "eva", .placements = {{"east", past}}},
            {.id = "ada", .placements = {{"company", past}}},
            {.id = "zoe", .placements = {{"company", past}}},
            {.id = "leo", .placements = {{"west", past}}, .last_day = past + 30}}));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&fake_customers);
    customer_server = builder.BuildAndStart();
    customers = std::make_unique<Customers>(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
    const Parts parts{host.runner(), references, *customers, feed_tail, "CNY"};
    source_service = std::make_unique<SourceService>(parts);
    product_service = std::make_unique<ProductService>(parts);
    process_service = std::make_unique<ProcessService>(parts);
    opportunity_service = std::make_unique<OpportunityService>(parts, host.registry());
    order_service = std::make_unique<OrderService>(parts);
    host.Start({source_service.get(), product_service.get(), process_service.get(),
                opportunity_service.get(), order_service.get()});
    sources = v1::SourceService::NewStub(host.channel());
    products = v1::ProductService::NewStub(host.channel());
    processes = v1::ProcessService::NewStub(host.channel());
    opportunities = v1::OpportunityService::NewStub(host.channel());
    orders = v1::OrderService::NewStub(host.channel());
  }

  ~World() override { customer_server->Shutdown(); }

  std::unique_ptr<grpc::ClientContext> As(const std::string& member) {
    if (member == "max") return host.Call(member, {access::Role::kManager});
    if (member == "ada") return host.Call(member, {access::Role::kAdmin});
    if (member == "zoe") return host.Call(member, {access::Role::kAnalyst});
    return host.Call(member, {access::Role::kRep});
  }

  static type::v1::Money Yuan(int64_t minor_units) {
    type::v1::Money money;
    money.set_currency_code("CNY");
    money.set_minor_units(minor_units);
    return money;
  }

  static type::v1::Date Date(int year, int month, int day) {
    type::v1::Date date;
    date.set_year(year);
    date.set_month(month);
    date.set_day(day);
    return date;
  }

  type::v1::Date Today() {
    const absl::CivilDay day = absl::ToCivilDay(host.now(), host.runner().options().zone);
    return Date(static_cast<int>(day.year()), day.month(), day.day());
  }

  // processes/standard: prospecting (milestone `need`) → engaging (needs amount, product and
  // pre-sales) → negotiation.
  void MakeStandard() {
    v1::CreateProcessRequest request;
    request.set_process_id("standard");
    request.mutable_process()->set_title("标准流程");
    auto& prospecting = *request.mutable_process()->add_stages();
    prospecting.set_stage_id("prospecting");
    prospecting.set_title("初步接触");
    prospecting.set_expected_days(14);
    prospecting.set_win_probability_ppm(100'000);
    auto& milestone = *prospecting.add_milestones();
    milestone.set_milestone_id("need");
    milestone.set_title("需求确认");
    milestone.set_exit_condition("客户书面确认");
    auto& engaging = *request.mutable_process()->add_stages();
    engaging.set_stage_id("engaging");
    engaging.set_title("方案交流");
    engaging.set_win_probability_ppm(400'000);
    engaging.add_required_fields(v1::AMOUNT);
    engaging.add_required_fields(v1::PRODUCT);
    engaging.add_required_roles("pre-sales");
    auto& risk = *engaging.add_typical_risks();
    risk.set_title("决策人不明");
    risk.set_countermeasure("拜访高层");
    auto& negotiation = *request.mutable_process()->add_stages();
    negotiation.set_stage_id("negotiation");
    negotiation.set_title("商务谈判");
    negotiation.set_win_probability_ppm(800'000);
    v1::Process process;
    auto context = As("ada");
    ASSERT_THAT(processes->CreateProcess(context.get(), request, &process), testing::IsOk());
  }

  void MakeProduct(const std::string& id, int64_t price, int64_t cost) {
    v1::CreateProductRequest request;
    request.set_product_id(id);
    request.mutable_product()->set_title(id);
    *request.mutable_product()->mutable_list_price() = Yuan(price);
    *request.mutable_product()->mutable_unit_cost() = Yuan(cost);
    v1::Product product;
    auto context = As("ada");
    ASSERT_THAT(products->CreateProduct(context.get(), request, &product), testing::IsOk());
  }

  void MakeSource(const std::string& id) {
    v1::CreateSourceRequest request;
    request.set_source_id(id);
    request.mutable_source()->set_title(id);
    v1::Source source;
    auto context = As("ada");
    ASSERT_THAT(sources->CreateSource(context.get(), request, &source), testing::IsOk());
  }

  void MakeCatalogue() {
    MakeStandard();
    MakeProduct("gtx", 500'00, 300'00);
    MakeProduct("mg", 100'00, 60'00);
    MakeSource("fair");
  }

  v1::Opportunity Create(const std::string& member, const std::string& id) {
    v1::CreateOpportunityRequest request;
    request.set_opportunity_id(id);
    auto& opportunity = *request.mutable_opportunity();
    opportunity.set_title("产线改造 " + id);
    opportunity.set_customer("customers/acme");
    opportunity.set_product("products/gtx");
    opportunity.set_source("sources/fair");
    opportunity.set_region("west");
    opportunity.set_channel("direct");
    *opportunity.mutable_amount() = Yuan(1'000'00);
    v1::Opportunity created;
    auto context = As(member);
    EXPECT_THAT(opportunities->CreateOpportunity(context.get(), request, &created),
                testing::IsOk());
    return created;
  }

  absl::StatusOr<v1::Opportunity> Get(const std::string& member, const std::string& id) {
    v1::GetOpportunityRequest request;
    request.set_name("opportunities/" + id);
    v1::Opportunity opportunity;
    auto context = As(member);
    const grpc::Status status = opportunities->GetOpportunity(context.get(), request, &opportunity);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return opportunity;
  }

  absl::StatusOr<v1::Opportunity> Win(const std::string& member, const std::string& id,
                                      int64_t amount, const std::string& order_id = "") {
    v1::WinOpportunityRequest request;
    request.set_name("opportunities/" + id);
    *request.mutable_amount() = Yuan(amount);
    request.set_order_id(order_id);
    v1::Opportunity opportunity;
    auto context = As(member);
    const grpc::Status status = opportunities->WinOpportunity(context.get(), request, &opportunity);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return opportunity;
  }

  void CompleteNeed(const std::string& member, const std::string& id) {
    v1::CompleteMilestoneRequest request;
    request.set_name("opportunities/" + id);
    request.set_milestone("need");
    v1::Opportunity opportunity;
    auto context = As(member);
    ASSERT_THAT(opportunities->CompleteMilestone(context.get(), request, &opportunity),
                testing::IsOk());
  }

  int64_t Count(const std::string& sql) {
    const auto rows = host.database().session().Read([&](db::Snapshot& snapshot) {
      return snapshot.Query({"count", sql});
    });
    EXPECT_THAT(rows, testing::IsOk());
    host.database().session().EndRead();
    return rows.ok() ? rows->front().Int64(0) : -1;
  }

  testing::ServiceHost host{Migrations()};
  FakeCustomers fake_customers;
  std::unique_ptr<grpc::Server> customer_server;
  change::FeedTail feed_tail{[this] { return host.database().NewSession(); },
                             change::FeedTail::Options(), host.registry()};
  References references{[this] { return host.now(); }};
  std::unique_ptr<Customers> customers;
  std::unique_ptr<SourceService> source_service;
  std::unique_ptr<ProductService> product_service;
  std::unique_ptr<ProcessService> process_service;
  std::unique_ptr<OpportunityService> opportunity_service;
  std::unique_ptr<OrderService> order_service;
  std::unique_ptr<v1::SourceService::Stub> sources;
  std::unique_ptr<v1::ProductService::Stub> products;
  std::unique_ptr<v1::ProcessService::Stub> processes;
  std::unique_ptr<v1::OpportunityService::Stub> opportunities;
  std::unique_ptr<v1::OrderService::Stub> orders;
};

}  // namespace milepost::opportunity
