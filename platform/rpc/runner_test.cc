#include "platform/rpc/runner.h"

#include <atomic>
#include <functional>
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

// Answers calls together: each with its own record and how many were answered at once.
class TogetherService final : public change::v1::ChangeService::CallbackService {
 public:
  explicit TogetherService(Runner& rpc) : rpc_(rpc) { rpc_.Register<change::v1::ChangeService>(); }

  grpc::ServerUnaryReactor* ListChanges(grpc::CallbackServerContext* context,
                                        const change::v1::ListChangesRequest* request,
                                        change::v1::ListChangesResponse* response) override {
    return rpc_.RunTogether(*context, *request, *response,
                            [this](auto&... calls) { Serve(calls...); });
  }

  std::atomic<bool> hold{false};
  std::atomic<int> batches{0};
  std::atomic<int> served{0};

 private:
  using Call = Runner::Asked<change::v1::ListChangesRequest, change::v1::ListChangesResponse>;
  void Serve(db::Session&, std::vector<Call>& calls) {
    ++batches;
    served += static_cast<int>(calls.size());
    while (hold) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (Call& call : calls) {
      if (call.request.record() == "customers/bad") {
        call.result = status::Error(absl::StatusCode::kNotFound, "NOT_FOUND", "no such record");
        continue;
      }
      change::v1::ListChangesResponse response;
      response.set_next_page_token(call.caller.member() + " " + call.request.record());
      call.result = std::move(response);
    }
  }

  Runner& rpc_;
};

class TogetherTest : public ::testing::Test {
 protected:
  struct Sent {
    std::unique_ptr<grpc::ClientContext> context;
    change::v1::ListChangesRequest request;
    change::v1::ListChangesResponse response;
    grpc::Status status;
  };

  void SetUp() override {
    host_.Start({&service_});
    stub_ = change::v1::ChangeService::NewStub(host_.channel());
  }

  Sent& Send(const std::string& member, const std::string& record) {
    Sent& sent = *sent_.emplace_back(std::make_unique<Sent>());
    sent.context = host_.Call(member, {access::Role::kRep});
    sent.request.set_record(record);
    ++running_;
    stub_->async()->ListChanges(sent.context.get(), &sent.request, &sent.response,
                                [this, &sent](grpc::Status status) {
                                  sent.status = std::move(status);
                                  --running_;
                                });
    return sent;
  }

  static void WaitUntil(const std::function<bool()>& done) {
    while (!done()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  testing::ServiceHost host_{{}};
  TogetherService service_{host_.runner()};
  std::unique_ptr<change::v1::ChangeService::Stub> stub_;
  std::vector<std::unique_ptr<Sent>> sent_;
  std::atomic<int> running_{0};
};

TEST_F(TogetherTest, EachCallGetsItsOwnAnswer) {
  service_.hold = true;
  Send("anna", "customers/first");
  WaitUntil([this] { return service_.served == 1; });
  for (int i = 0; i < 50; ++i)
    Send(i % 2 == 0 ? "anna" : "ben", "customers/c-" + std::to_string(i));
  Send("ben", "customers/bad");
  Sent& late = Send("eva", "customers/late");
  late.context->TryCancel();
  WaitUntil([&] { return running_ == 52; });
  service_.hold = false;
  WaitUntil([this] { return running_ == 0; });
  EXPECT_EQ(late.status.error_code(), grpc::StatusCode::CANCELLED);
  for (const auto& sent : sent_) {
    if (sent.get() == &late) continue;
    if (sent->request.record() == "customers/bad") {
      EXPECT_THAT(sent->status, Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
      continue;
    }
    EXPECT_THAT(sent->status, testing::IsOk());
    const std::string member =
        sent->response.next_page_token().substr(0, 4) == "ben " ? "ben" : "anna";
    EXPECT_EQ(sent->response.next_page_token(), member + " " + sent->request.record());
  }
  EXPECT_LT(service_.batches.load(), 52) << "those that waited were not taken together";
}

TEST_F(TogetherTest, MoreThanTheQueueHoldsAreRefused) {
  service_.hold = true;
  Send("anna", "customers/first");
  WaitUntil([this] { return service_.served == 1; });
  const int limit = static_cast<int>(host_.runner().options().queue_limit);
  // A second worker takes what it finds, at most kMaxTogether; then the queue fills.
  const int total = limit + static_cast<int>(Runner::kMaxTogether) + 100;
  for (int i = 0; i < total; ++i) Send("anna", "customers/c");
  WaitUntil([&] { return running_ <= limit + static_cast<int>(Runner::kMaxTogether) + 1; });
  service_.hold = false;
  WaitUntil([this] { return running_ == 0; });
  int refused = 0;
  for (const auto& sent : sent_) {
    if (sent->status.ok()) continue;
    ++refused;
    EXPECT_THAT(sent->status, Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  }
  EXPECT_GE(refused, 100);
  Send("anna", "customers/after");
  WaitUntil([this] { return running_ == 0; });
  EXPECT_THAT(sent_.back()->status, testing::IsOk());
}

}  // namespace
}  // namespace milepost::rpc
