#include <atomic>
#include <thread>

#include "customer-svc/service/testing_customers.h"

namespace milepost::customer {
namespace {

using absl::StatusCode;
using testing::Fails;
using testing::IsOk;
using testing::NamesField;

class CustomerOwnershipTest : public CustomerTest {};

TEST_F(CustomerOwnershipTest, ARepClaimsBeforeChangingWhatIsInThePool) {
  Made("pooled", "公海客户", "");
  EXPECT_THAT(Update(anna_, Change("pooled", "region")),
              Fails(StatusCode::kFailedPrecondition, "CUSTOMER_IN_POOL"));
  const auto claimed = Claim(anna_, "pooled");
  ASSERT_THAT(claimed, IsOk());
  EXPECT_EQ(claimed->owner(), "members/anna");
  EXPECT_EQ(claimed->version(), 2);
  EXPECT_THAT(Update(anna_, Change("pooled", "region")), IsOk());
  EXPECT_THAT(Claim(bert_, "pooled"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Claim(mia_, "pooled"), Fails(StatusCode::kFailedPrecondition, "CUSTOMER_HAS_OWNER"));
  EXPECT_THAT(Claim(anna_, "pooled"), Fails(StatusCode::kFailedPrecondition, "CUSTOMER_HAS_OWNER"));
  EXPECT_THAT(Claim({"stranger", {Role::kRep}}, "pooled"),
              Fails(StatusCode::kPermissionDenied, "NOT_A_MEMBER"));
  const auto released = Release(anna_, "pooled");
  ASSERT_THAT(released, IsOk());
  EXPECT_EQ(released->owner(), "");
  EXPECT_THAT(Release(anna_, "pooled"), Fails(StatusCode::kFailedPrecondition, "CUSTOMER_IN_POOL"));
}

TEST_F(CustomerOwnershipTest, ARepeatedClaimIsAnsweredThoughTheRuleWouldRefuse) {
  Made("pooled", "公海客户", "");
  const auto first = Claim(anna_, "pooled", kRequestId);
  const auto second = Claim(anna_, "pooled", kRequestId);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->DebugString(), second->DebugString());
  EXPECT_EQ(Get(anna_, "pooled")->version(), 2);
}

TEST_F(CustomerOwnershipTest, OfTwoWhoClaimAtOnceOneWins) {
  for (int round = 0; round < 10; ++round) {
    const std::string id = absl::StrCat("pooled-", round);
    Made(id, absl::StrCat("公海", round), "");
    absl::StatusOr<v1::Customer> results[2] = {absl::UnknownError(""), absl::UnknownError("")};
    std::thread one([&] { results[0] = Claim(anna_, id); });
    std::thread two([&] { results[1] = Claim(eve_, id); });
    one.join();
    two.join();
    EXPECT_NE(results[0].ok(), results[1].ok());
    EXPECT_EQ(Get(admin_, id)->owner(), results[0].ok() ? "members/anna" : "members/eve");
    EXPECT_EQ(Get(admin_, id)->version(), 2);
  }
}

TEST_F(CustomerOwnershipTest, TheClaimLimitHoldsAgainstManyAtOnce) {
  v1::UpdatePoolSettingsRequest limit;
  limit.mutable_pool_settings()->set_max_customers_per_member(3);
  EXPECT_THAT(Customers(mia_, &Stub::UpdatePoolSettings, limit).status().code(),
              StatusCode::kPermissionDenied);
  ASSERT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, limit), IsOk());
  Made("own", "已有", "anna");
  for (int i = 0; i < 6; ++i) Made(absl::StrCat("pooled-", i), absl::StrCat("公海", i), "");
  std::vector<std::thread> threads;
  std::atomic<int> won = 0;
  std::atomic<int> limited = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      const auto result = Claim(anna_, absl::StrCat("pooled-", i));
      if (result.ok()) ++won;
      if (status::ReasonOf(result.status()) == "CLAIM_LIMIT_REACHED") ++limited;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 2);
  EXPECT_EQ(limited, 4);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers WHERE owner_id = 'anna'"), 3);
}

TEST_F(CustomerOwnershipTest, PoolSettingsAreVersioned) {
  EXPECT_EQ(Customers(anna_, &Stub::GetPoolSettings, v1::GetPoolSettingsRequest())
                ->max_customers_per_member(),
            0);
  v1::UpdatePoolSettingsRequest request;
  request.mutable_pool_settings()->set_max_customers_per_member(7);
  const auto first = Customers(admin_, &Stub::UpdatePoolSettings, request);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->version(), 1);
  request.set_etag(first->etag());
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request), IsOk());
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request),
              Fails(StatusCode::kAborted, "STALE_ETAG"));
  request.clear_etag();
  request.mutable_pool_settings()->set_max_customers_per_member(-1);
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request).status(),
              NamesField("pool_settings.max_customers_per_member"));
  request.mutable_update_mask()->add_paths("version");
  EXPECT_THAT(Customers(admin_, &Stub::UpdatePoolSettings, request).status(),
              NamesField("update_mask"));
}

TEST_F(CustomerOwnershipTest, AManagerAssignsFromThePoolWithinItsUnits) {
  Made("pooled", "公海客户", "");
  EXPECT_THAT(Assign(anna_, "pooled", "anna").status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Assign(mia_, "pooled", "eve"),
              Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_THAT(Assign(mia_, "pooled", "leo"),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_INACTIVE"));
  const auto assigned = Assign(mia_, "pooled", "bert");
  ASSERT_THAT(assigned, IsOk());
  EXPECT_EQ(assigned->owner(), "members/bert");
  EXPECT_THAT(Assign(mia_, "pooled", "anna"),
              Fails(StatusCode::kFailedPrecondition, "CUSTOMER_HAS_OWNER"));
}

TEST_F(CustomerOwnershipTest, ATransferTakesTheNoteAndThePlansAlong) {
  Made("yunfan", "云帆", "anna");
  v1::PlanInteractionRequest plan;
  plan.set_interaction_id("visit");
  v1::Interaction& visit = *plan.mutable_interaction();
  visit.set_customer("customers/yunfan");
  visit.set_type(v1::VISIT);
  visit.set_purpose(v1::ORDER);
  visit.set_subject("谈合同");
  visit.mutable_planned_time()->set_seconds(absl::ToUnixSeconds(host_.now()) + 3600);
  ASSERT_THAT(Interactions(anna_, &v1::InteractionService::Stub::PlanInteraction, plan), IsOk());

  EXPECT_THAT(Transfer(bert_, "yunfan", "bert"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_THAT(Transfer(anna_, "yunfan", "anna"),
              Fails(StatusCode::kFailedPrecondition, "ALREADY_OWNER"));
  EXPECT_THAT(Transfer(anna_, "yunfan", "nobody"),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_UNKNOWN"));
  const auto transferred = Transfer(anna_, "yunfan", "eve");
  ASSERT_THAT(transferred, IsOk());
  EXPECT_EQ(transferred->owner(), "members/eve");
  EXPECT_EQ(transferred->handover_note(), "王总爱喝茶");
  EXPECT_TRUE(transferred->personal_data_masked()) << "it is eve's now";
  v1::GetInteractionRequest get;
  get.set_name("interactions/visit");
  EXPECT_EQ(Interactions(eve_, &v1::InteractionService::Stub::GetInteraction, get)->member(),
            "members/eve");
  EXPECT_THAT(Get(anna_, "yunfan"), Fails(StatusCode::kNotFound, "RECORD_NOT_FOUND"));
}

class CustomerHandOverTest : public CustomerTest {
 protected:
  absl::StatusOr<std::vector<v1::HandOverCustomersResponse>> HandOver(const Who& who,
                                                                      const std::string& from,
                                                                      const std::string& to) {
    v1::HandOverCustomersRequest request;
    request.set_from_member("members/" + from);
    if (!to.empty()) request.set_to_member("members/" + to);
    request.set_handover_note("离职交接");
    request.set_request_id(kRequestId);
    const auto context = host_.Call(who.member, who.roles);
    const auto reader = customers_->HandOverCustomers(context.get(), request);
    std::vector<v1::HandOverCustomersResponse> answers;
    for (v1::HandOverCustomersResponse answer; reader->Read(&answer);) answers.push_back(answer);
    if (const grpc::Status status = reader->Finish(); !status.ok())
      return rpc::FromGrpcStatus(status);
    return answers;
  }
};

TEST_F(CustomerHandOverTest, MovesEverythingInBatchesAndOnlyOnce) {
  constexpr int kCount = 450;  // More than two batches.
  v1::ImportCustomersRequest batch;
  for (int i = 0; i < kCount; ++i) {
    v1::ImportCustomersRow& row = *batch.add_rows();
    row.set_line(i + 1);
    row.mutable_customer()->set_name(absl::StrCat("customers/c-", i));
    row.mutable_customer()->set_kind(v1::COMPANY);
    row.mutable_customer()->set_display_name(absl::StrCat("客户", i));
    row.mutable_customer()->set_owner("members/anna");
  }
  const auto context = host_.Call("root", {Role::kAdmin});
  const auto stream = customers_->ImportCustomers(context.get());
  ASSERT_TRUE(stream->Write(batch));
  stream->WritesDone();
  v1::ImportCustomersResponse imported;
  ASSERT_TRUE(stream->Read(&imported));
  ASSERT_TRUE(stream->Finish().ok());
  Made("other", "别人的", "bert");

  EXPECT_THAT(HandOver(anna_, "anna", "bert").status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(HandOver(mia_, "eve", "bert"),
              Fails(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE"));
  EXPECT_THAT(HandOver(mia_, "anna", "leo"),
              Fails(StatusCode::kFailedPrecondition, "MEMBER_INACTIVE"));
  EXPECT_THAT(HandOver(mia_, "anna", "anna").status(), NamesField("to_member"));
  const auto answers = HandOver(mia_, "anna", "bert");
  ASSERT_THAT(answers, IsOk());
  EXPECT_GE(answers->size(), 4u);
  EXPECT_EQ(answers->back().customer_count(), kCount);
  EXPECT_TRUE(answers->back().done());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers WHERE owner_id = 'bert'"), kCount + 1);
  EXPECT_EQ(
      Count("SELECT COUNT(*) FROM customers WHERE version = 2 AND handover_note = '离职交接'"),
      kCount);

  const auto again = HandOver(mia_, "anna", "bert");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->back().customer_count(), 0);
}

TEST_F(CustomerHandOverTest, WhoHasLeftIsHandedOverToThePool) {
  Made("yunfan", "云帆", "anna");
  ASSERT_EQ(Count("SELECT COUNT(*) FROM customers WHERE owner_id = 'anna'"), 1);
  ASSERT_THAT(host_.database().session().RunText("UPDATE customers SET owner_id = 'leo'"), IsOk());
  const auto answers = HandOver(mia_, "leo", "");
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ(answers->back().customer_count(), 1);
  EXPECT_EQ(Get(bert_, "yunfan")->owner(), "");
}

}  // namespace
}  // namespace milepost::customer
