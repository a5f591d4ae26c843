#include "platform/rpc/runner.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "milepost/change/v1/change.grpc.pb.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/change/change.h"
#include "platform/change/change_service.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"

namespace milepost::rpc {
namespace {

using testing::Fails;

// The history service stands for any service: its handler asks a callback that the test can hold.
class RunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // A record with a history, so that the handler gets as far as asking who may see it.
    ASSERT_THAT(host_.database().session().Transact([](db::Transaction& tx) {
      return change::Record(tx, {},
                            {"thing.created", "thing", "customers/a", 1, type::v1::Money()});
    }),
                testing::IsOk());
    host_.Start({&service_});
    stub_ = change::v1::ChangeService::NewStub(host_.channel());
  }

  grpc::Status List(grpc::ClientContext& context, const std::string& record = "customers/a") {
    change::v1::ListChangesRequest request;
    request.set_record(record);
    change::v1::ListChangesResponse response;
    return stub_->ListChanges(&context, request, &response);
  }

  testing::ServiceHost host_{{}};
  std::atomic<bool> hold_{false};
  std::atomic<int> held_{0};
  change::ChangeService service_{host_.runner(),
                                 [this](const Caller&, db::Session&, const std::string&) {
                                   ++held_;
                                   while (hold_)
                                     std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                   return false;
                                 }};
  std::unique_ptr<change::v1::ChangeService::Stub> stub_;
};

TEST_F(RunnerTest, WithoutATokenNobodyCalls) {
  grpc::ClientContext none;
  EXPECT_THAT(List(none), Fails(absl::StatusCode::kUnauthenticated, "TOKEN_MISSING"));
  grpc::ClientContext basic;
  basic.AddMetadata("authorization", "Basic YTpi");
  EXPECT_THAT(List(basic), Fails(absl::StatusCode::kUnauthenticated, "TOKEN_MISSING"));
  grpc::ClientContext garbage;
  garbage.AddMetadata("authorization", "Bearer x.y.z");
  const grpc::Status refused = List(garbage);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(held_.load(), 0);
}

TEST_F(RunnerTest, AValidTokenReachesTheHandler) {
  EXPECT_THAT(List(*host_.Call("anna", {access::Role::kRep})),
              Fails(absl::StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  EXPECT_EQ(held_.load(), 1);
}

TEST_F(RunnerTest, ARequestThatIsNoMessageIsInvalid) {
  // Field 1 (record, a string) with a byte that is not UTF-8.
  const grpc::Slice slice(std::string("\x0A\x01\xFF"));
  const grpc::ByteBuffer bytes(&slice, 1);
  grpc::GenericStub generic(host_.channel());
  const auto context = host_.Call("anna", {access::Role::kRep});
  grpc::CompletionQueue queue;
  const auto call = generic.PrepareUnaryCall(
      context.get(), "/milepost.change.v1.ChangeService/ListChanges", bytes, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_THAT(status, Fails(absl::StatusCode::kInvalidArgument, "REQUEST_NOT_DECODABLE"));
  EXPECT_EQ(held_.load(), 0);
}

TEST_F(RunnerTest, ACallWhoseDeadlinePassedInTheQueueCostsNothing) {
  hold_ = true;
  std::vector<std::thread> busy;
  for (int i = 0; i < host_.runner().options().workers; ++i) {
    busy.emplace_back([this] { List(*host_.Call("anna", {access::Role::kRep})); });
  }
  while (held_ < host_.runner().options().workers)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto late = host_.Call("anna", {access::Role::kRep});
  late->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  EXPECT_EQ(List(*late).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  hold_ = false;
  for (std::thread& thread : busy) thread.join();
  List(*host_.Call("anna", {access::Role::kRep}));  // The workers have passed the late call by.
  EXPECT_EQ(held_.load(), host_.runner().options().workers + 1);
}

}  // namespace
}  // namespace milepost::rpc
