#pragma once

#include <memory>
#include <string>
#include <vector>

#include "customer-svc/service/contact_service.h"
#include "customer-svc/service/customer_service.h"
#include "customer-svc/service/interaction_service.h"
#include "customer-svc/service/record_visibility.h"
#include "customer-svc/store/schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "milepost/customer/v1/contact.grpc.pb.h"
#include "milepost/customer/v1/customer.grpc.pb.h"
#include "milepost/customer/v1/interaction.grpc.pb.h"
#include "platform/change/change_service.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"

// A company with a customer-svc of its own, for tests of the edge: in the west anna and bert under
// mia, in the east eve; leo has left the west.
namespace milepost::customer {

inline constexpr char kRequestId[] = "123e4567-e89b-12d3-a456-426614174000";
inline constexpr char kOtherRequestId[] = "123e4567-e89b-12d3-a456-426614174001";

class CompanyTest : public ::testing::Test {
 protected:
  using Role = access::Role;

  CompanyTest()
      : host_(Migrations()),
        customer_service_(host_.runner(), "CNY"),
        contact_service_(host_.runner()),
        interaction_service_(host_.runner()),
        change_service_(host_.runner(), MaySeeRecord, OwnerOfRecord) {
    const absl::CivilDay begin(2020, 1, 1);
    const absl::CivilDay last_year = absl::ToCivilDay(host_.now(), absl::UTCTimeZone()) - 300;
    host_.organization().Set(std::make_shared<const access::Organization>(
        std::vector<access::Unit>{{"company", {{"", begin}}, {}},
                                  {"west", {{"company", begin}}, {}},
                                  {"east", {{"company", begin}}, {}}},
        std::vector<access::Member>{{"anna", {{"west", begin}}, {}, {}, {}},
                                    {"bert", {{"west", begin}}, {}, {}, {}},
                                    {"mia", {{"west", begin}}, {{"west", begin, {}}}, {}, {}},
                                    {"eve", {{"east", begin}}, {}, {}, {}},
                                    {"leo", {{"west", begin}}, {}, {}, last_year}}));
    host_.Start({&customer_service_, &contact_service_, &interaction_service_, &change_service_});
    customers_ = v1::CustomerService::NewStub(host_.channel());
    contacts_ = v1::ContactService::NewStub(host_.channel());
    interactions_ = v1::InteractionService::NewStub(host_.channel());
  }

  // Who calls.
  struct Who {
    std::string member;
    std::vector<Role> roles;
  };
  const Who anna_{"anna", {Role::kRep}};
  const Who bert_{"bert", {Role::kRep}};
  const Who eve_{"eve", {Role::kRep}};
  const Who mia_{"mia", {Role::kManager}};
  const Who marketing_{"max", {Role::kMarketing}};
  const Who analyst_{"ada", {Role::kAnalyst}};
  const Who admin_{"root", {Role::kAdmin}};

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub, const Who& who,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    Response response;
    const auto context = host_.Call(who.member, who.roles);
    const grpc::Status status = (stub.*method)(context.get(), request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Customers(const Who& who,
                                     grpc::Status (v1::CustomerService::Stub::*method)(
                                         grpc::ClientContext*, const Request&, Response*),
                                     const Request& request) {
    return Call(*customers_, who, method, request);
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Contacts(const Who& who,
                                    grpc::Status (v1::ContactService::Stub::*method)(
                                        grpc::ClientContext*, const Request&, Response*),
                                    const Request& request) {
    return Call(*contacts_, who, method, request);
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Interactions(const Who& who,
                                        grpc::Status (v1::InteractionService::Stub::*method)(
                                            grpc::ClientContext*, const Request&, Response*),
                                        const Request& request) {
    return Call(*interactions_, who, method, request);
  }

  static v1::CreateCustomerRequest NewCompany(const std::string& id,
                                              const std::string& display_name,
                                              const std::string& owner = "") {
    v1::CreateCustomerRequest request;
    request.set_customer_id(id);
    request.mutable_customer()->set_kind(v1::COMPANY);
    request.mutable_customer()->set_display_name(display_name);
    if (!owner.empty()) request.mutable_customer()->set_owner("members/" + owner);
    return request;
  }
  absl::StatusOr<v1::Customer> Create(const Who& who, const v1::CreateCustomerRequest& request) {
    return Customers(who, &v1::CustomerService::Stub::CreateCustomer, request);
  }
  // A customer of this owner ("" for the pool), created by the administrator.
  v1::Customer Made(const std::string& id, const std::string& display_name,
                    const std::string& owner) {
    const absl::StatusOr<v1::Customer> made = Create(admin_, NewCompany(id, display_name, owner));
    EXPECT_THAT(made, testing::IsOk());
    return made.ok() ? *made : v1::Customer();
  }
  absl::StatusOr<v1::Customer> Get(const Who& who, const std::string& id) {
    v1::GetCustomerRequest request;
    request.set_name("customers/" + id);
    return Customers(who, &v1::CustomerService::Stub::GetCustomer, request);
  }
  int64_t Count(const std::string& sql) {
    const auto rows = host_.database().session().Read([&](db::Snapshot& snapshot) {
      return snapshot.Query({"test", sql});
    });
    EXPECT_THAT(rows, testing::IsOk());
    return rows.ok() ? rows->front().Int64(0) : -1;
  }

  testing::ServiceHost host_;
  CustomerService customer_service_;
  ContactService contact_service_;
  InteractionService interaction_service_;
  change::ChangeService change_service_;
  std::unique_ptr<v1::CustomerService::Stub> customers_;
  std::unique_ptr<v1::ContactService::Stub> contacts_;
  std::unique_ptr<v1::InteractionService::Stub> interactions_;
};

}  // namespace milepost::customer
