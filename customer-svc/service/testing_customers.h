#pragma once

#include <string>
#include <vector>

#include "customer-svc/service/testing_company.h"

namespace milepost::customer {

// The calls that tests of customers share.
class CustomerTest : public CompanyTest {
 protected:
  using Stub = v1::CustomerService::Stub;

  static v1::UpdateCustomerRequest Change(const std::string& id, const std::string& path) {
    v1::UpdateCustomerRequest request;
    request.mutable_customer()->set_name("customers/" + id);
    request.mutable_update_mask()->add_paths(path);
    return request;
  }
  absl::StatusOr<v1::Customer> Update(const Who& who, const v1::UpdateCustomerRequest& request) {
    return Customers(who, &Stub::UpdateCustomer, request);
  }
  absl::StatusOr<v1::Customer> Claim(const Who& who, const std::string& id,
                                     const std::string& request_id = "") {
    v1::ClaimCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_request_id(request_id);
    return Customers(who, &Stub::ClaimCustomer, request);
  }
  absl::StatusOr<v1::Customer> Assign(const Who& who, const std::string& id,
                                      const std::string& member) {
    v1::AssignCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_member("members/" + member);
    return Customers(who, &Stub::AssignCustomer, request);
  }
  absl::StatusOr<v1::Customer> Transfer(const Who& who, const std::string& id,
                                        const std::string& member) {
    v1::TransferCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_member("members/" + member);
    request.set_handover_note("王总爱喝茶");
    return Customers(who, &Stub::TransferCustomer, request);
  }
  absl::StatusOr<v1::Customer> Release(const Who& who, const std::string& id) {
    v1::ReleaseCustomerRequest request;
    request.set_name("customers/" + id);
    request.set_reason("长期无需求");
    return Customers(who, &Stub::ReleaseCustomer, request);
  }
  static std::vector<std::string> Ids(
      const google::protobuf::RepeatedPtrField<v1::Customer>& customers) {
    std::vector<std::string> ids;
    for (const v1::Customer& customer : customers) ids.push_back(customer.name().substr(10));
    return ids;
  }
  std::vector<std::string> List(const Who& who, const v1::CustomerFilter& filter) {
    v1::ListCustomersRequest request;
    *request.mutable_filter() = filter;
    const auto response = Customers(who, &Stub::ListCustomers, request);
    EXPECT_THAT(response, testing::IsOk());
    return response.ok() ? Ids(response->customers()) : std::vector<std::string>{"failed"};
  }
  std::vector<std::string> Search(const Who& who, const std::string& query) {
    v1::SearchCustomersRequest request;
    request.set_query(query);
    const auto response = Customers(who, &Stub::SearchCustomers, request);
    EXPECT_THAT(response, testing::IsOk());
    return response.ok() ? Ids(response->customers()) : std::vector<std::string>{"failed"};
  }
};

}  // namespace milepost::customer
