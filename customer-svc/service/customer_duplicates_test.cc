#include <functional>
#include <thread>
#include <vector>

#include "customer-svc/service/testing_customers.h"
#include "google/rpc/status.pb.h"

namespace milepost::customer {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::Fails;
using testing::IsOk;
using testing::NamesField;

class CustomerDuplicatesTest : public CustomerTest {};

TEST_F(CustomerDuplicatesTest, DuplicatesRefuseACreationAndAreListed) {
  v1::CreateCustomerRequest first = NewCompany("yunfan", "上海云帆科技有限公司", "anna");
  first.mutable_customer()->set_phone("021-68881234");
  first.mutable_customer()->set_credit_code("91350100M000100Y43");
  first.mutable_customer()->set_email("info@yunfan.com");
  ASSERT_THAT(Create(admin_, first), IsOk());

  v1::CreateCustomerRequest second =
      NewCompany("yunfan-2", "上海云帆科技（集团）股份有限公司", "bert");
  second.mutable_customer()->set_phone("+86 (021) 6888 1234");
  second.mutable_customer()->set_email("sales@YUNFAN.com");
  v1::Customer response;
  const auto context = host_.Call("mia", {Role::kManager});
  const grpc::Status status = customers_->CreateCustomer(context.get(), second, &response);
  EXPECT_THAT(status, Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  v1::DuplicateCustomers duplicates;
  for (const auto& detail : details.details()) detail.UnpackTo(&duplicates);
  ASSERT_EQ(duplicates.candidates_size(), 1);
  const v1::DuplicateCandidate& candidate = duplicates.candidates(0);
  EXPECT_EQ(candidate.customer(), "customers/yunfan");
  EXPECT_EQ(candidate.display_name(), "上海云帆科技有限公司");
  EXPECT_EQ(candidate.owner(), "members/anna");
  EXPECT_THAT(candidate.reasons(),
              ElementsAre(v1::SAME_PHONE, v1::SAME_NAME, v1::SAME_EMAIL_DOMAIN));
  EXPECT_THAT(Get(admin_, "yunfan-2"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));

  second.set_allow_duplicates(true);
  EXPECT_THAT(Create(mia_, second), IsOk());
}

TEST_F(CustomerDuplicatesTest, AHiddenDuplicateIsKnownButNotShown) {
  Made("east", "远东贸易", "eve");
  v1::FindDuplicateCustomersRequest request;
  request.mutable_customer()->set_display_name("远东贸易有限公司");
  const auto found = Customers(anna_, &Stub::FindDuplicateCustomers, request);
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->candidates_size(), 1);
  EXPECT_TRUE(found->candidates(0).hidden());
  EXPECT_EQ(found->candidates(0).customer(), "");
  EXPECT_EQ(found->candidates(0).display_name(), "");
  EXPECT_EQ(found->candidates(0).owner(), "");
  EXPECT_THAT(Create(anna_, NewCompany("west", "远东贸易")),
              Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS"));
}

TEST_F(CustomerDuplicatesTest, ASharedEmailDomainAloneIsOnlyFoundOnDemand) {
  v1::CreateCustomerRequest first = NewCompany("one", "云帆一号", "anna");
  first.mutable_customer()->set_email("a@yunfan.com");
  v1::CreateCustomerRequest second = NewCompany("two", "云帆二号", "anna");
  second.mutable_customer()->set_email("b@yunfan.com");
  ASSERT_THAT(Create(admin_, first), IsOk());
  ASSERT_THAT(Create(admin_, second), IsOk());
  v1::FindDuplicateCustomersRequest request;
  request.set_name("customers/one");
  const auto found = Customers(anna_, &Stub::FindDuplicateCustomers, request);
  ASSERT_EQ(found->candidates_size(), 1);
  EXPECT_EQ(found->candidates(0).customer(), "customers/two");
  EXPECT_THAT(found->candidates(0).reasons(), ElementsAre(v1::SAME_EMAIL_DOMAIN));
}

TEST_F(CustomerDuplicatesTest, FindDuplicatesChecksItsArguments) {
  v1::FindDuplicateCustomersRequest request;
  EXPECT_THAT(Customers(anna_, &Stub::FindDuplicateCustomers, request).status(),
              NamesField("name"));
  request.mutable_customer();
  request.set_max_candidates(21);
  EXPECT_THAT(Customers(anna_, &Stub::FindDuplicateCustomers, request).status(),
              NamesField("max_candidates"));
  request.set_max_candidates(0);
  EXPECT_THAT(Customers(anna_, &Stub::FindDuplicateCustomers, request).status(),
              NamesField("customer"));
}

TEST_F(CustomerDuplicatesTest, OfTwoCreatedAtOnceOneIsRefused) {
  struct Row {
    const char* what;
    std::function<void(v1::Customer&, int round)> set;
  };
  const Row rows[] = {
      {"name",
       [](v1::Customer& c, int round) {
         c.set_display_name(absl::StrCat("上海云帆", round, "号科技有限公司"));
       }},
      {"phone", [](v1::Customer& c, int round) { c.set_phone(absl::StrCat("1380000", round)); }},
      {"both",
       [](v1::Customer& c, int round) {
         c.set_display_name(absl::StrCat("远航", round));
         c.set_phone(absl::StrCat("1390000", round));
       }},
  };
  constexpr int kRounds = 10;
  constexpr int kCallers = 4;
  for (const Row& row : rows) {
    for (int round = 0; round < kRounds; ++round) {
      std::vector<absl::Status> results(kCallers);
      std::vector<std::thread> threads;
      for (int i = 0; i < kCallers; ++i) {
        threads.emplace_back([&, i] {
          v1::CreateCustomerRequest request =
              NewCompany("", absl::StrCat(row.what, round, "之", i), "anna");
          row.set(*request.mutable_customer(), round);
          results[static_cast<size_t>(i)] = Create(admin_, request).status();
        });
      }
      for (std::thread& thread : threads) thread.join();
      int created = 0;
      for (const absl::Status& result : results) {
        if (result.ok()) {
          ++created;
        } else {
          EXPECT_THAT(result, Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS")) << row.what;
        }
      }
      EXPECT_EQ(created, 1) << row.what;
    }
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers"), kRounds * 3);
}

TEST_F(CustomerDuplicatesTest, WhatNobodyIsCalledAnyMoreIsFree) {
  ASSERT_THAT(Create(anna_, NewCompany("first", "云帆")), IsOk());
  v1::UpdateCustomerRequest rename = Change("first", "display_name");
  rename.mutable_customer()->set_display_name("远航");
  ASSERT_THAT(Update(anna_, rename), IsOk());
  std::vector<absl::Status> results(2);
  std::thread other([&] { results[0] = Create(bert_, NewCompany("", "云帆")).status(); });
  results[1] = Create(anna_, NewCompany("", "云帆")).status();
  other.join();
  EXPECT_NE(results[0].ok(), results[1].ok()) << results[0] << results[1];
  EXPECT_THAT(Create(anna_, NewCompany("", "远航")),
              Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS"));
}

TEST_F(CustomerDuplicatesTest, LongNamesThatBeginAlikeAreNoDuplicates) {
  std::string name;
  for (int i = 0; i < 40; ++i) name += "云帆";
  EXPECT_THAT(Create(anna_, NewCompany("one", name + "一")), IsOk());
  EXPECT_THAT(Create(anna_, NewCompany("two", name + "二")), IsOk());
  EXPECT_THAT(Create(anna_, NewCompany("three", name + "二")),
              Fails(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS"));
}

}  // namespace
}  // namespace milepost::customer
