#pragma once

// The templates of rpc::Runner's streams; included by runner.h only.

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "platform/rpc/decode_errors.h"
#include "platform/rpc/runner.h"

namespace milepost::rpc {

// What both kinds of stream do to write: one message on its way at a time. Keeps itself alive until
// gRPC is done with it.
template <typename Reactor, typename Response, typename Interface>
class BlockingReactor
    : public Reactor,
      public Interface,
      public std::enable_shared_from_this<BlockingReactor<Reactor, Response, Interface>> {
 public:
  BlockingReactor(grpc::CallbackServerContext& context, const std::atomic<bool>& draining)
      : context_(context), draining_(draining) {}

  void KeepAlive() { self_ = this->shared_from_this(); }

  bool Write(Response response) override {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return !writing_ || gone_; });
      if (gone_) return false;
      outgoing_ = std::move(response);
      writing_ = true;
    }
    this->StartWrite(&outgoing_);
    return true;
  }

  bool Ended() const override { return gone_ || draining_.load(); }
  bool Draining() const override { return draining_.load(); }

  void FinishWhenWritten(const grpc::Status& status) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return !writing_; });
    }
    this->Finish(status);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (!ok) gone_ = true;
    changed_.notify_all();
  }
  void OnCancel() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }
  void OnDone() override { const auto last = std::move(self_); }

  grpc::CallbackServerContext& context() { return context_; }

 protected:
  grpc::CallbackServerContext& context_;
  const std::atomic<bool>& draining_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> gone_{false};
  bool writing_ = false;
  Response outgoing_;
  std::shared_ptr<BlockingReactor> self_;
};

template <typename Response>
using WriteReactor =
    BlockingReactor<grpc::ServerWriteReactor<Response>, Response, Writer<Response>>;

template <typename Request, typename Response>
class BidiReactor final : public BlockingReactor<grpc::ServerBidiReactor<Request, Response>,
                                                 Response, Stream<Request, Response>> {
 public:
  using BlockingReactor<grpc::ServerBidiReactor<Request, Response>, Response,
                        Stream<Request, Response>>::BlockingReactor;

  std::optional<Request> Read() override {
    {
      const std::lock_guard<std::mutex> lock(this->mutex_);
      if (half_closed_ || this->gone_) return std::nullopt;
      reading_ = true;
    }
    this->StartRead(&incoming_);
    std::unique_lock<std::mutex> lock(this->mutex_);
    this->changed_.wait(lock, [this] { return !reading_; });
    if (half_closed_) {
      CheckEnd(lock);
      return std::nullopt;
    }
    return std::move(incoming_);
  }

  // A message came that is none of its type; the handler saw the end of the stream instead.
  bool undecodable() const { return undecodable_; }

  void OnReadDone(bool ok) override {
    const std::lock_guard<std::mutex> lock(this->mutex_);
    reading_ = false;
    if (!ok) half_closed_ = true;
    if (ok && checking_) undecodable_ = true;  // The stream went on.
    this->changed_.notify_all();
  }

 private:
  // gRPC tells a message that cannot be decoded in the same way as the end of the stream. But after
  // the end, another read ends at once, and after a bad message it goes on or waits.
  void CheckEnd(std::unique_lock<std::mutex>& lock) {
    if (this->gone_) return;
    reading_ = checking_ = true;
    lock.unlock();
    this->StartRead(&incoming_);
    lock.lock();
    const bool done = this->changed_.wait_for(lock, std::chrono::seconds(1),
                                              [this] { return !reading_ || this->gone_.load(); });
    if (!done) undecodable_ = true;
  }

  bool reading_ = false;
  bool half_closed_ = false;
  bool checking_ = false;
  std::atomic<bool> undecodable_{false};
  Request incoming_;
};

template <typename Response, typename Request, typename Handler>
grpc::ServerWriteReactor<Response>* Runner::RunServerStream(grpc::CallbackServerContext& context,
                                                            const Request& request,
                                                            Handler handler) {
  auto reactor = std::make_shared<WriteReactor<Response>>(context, draining_);
  reactor->KeepAlive();
  std::shared_ptr<Call> call = Start(context, *Request::descriptor(), &request);
  if (call == nullptr) {
    reactor->Finish(TakeRefusal());
    return reactor.get();
  }
  const bool started =
      StartStream(call, [this, call, reactor, &request, handler](db::Session& session) mutable {
        reactor->FinishWhenWritten(End(*call, handler(caller(*call), session, request,
                                                      static_cast<Writer<Response>&>(*reactor))));
      });
  if (!started) {
    reactor->Finish(
        End(*call, status::Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                                 "too many streams are open on this server; try again later")));
  }
  return reactor.get();
}

template <typename Request, typename Response, typename Handler>
grpc::ServerBidiReactor<Request, Response>* Runner::RunBidi(grpc::CallbackServerContext& context,
                                                            Handler handler) {
  auto reactor = std::make_shared<BidiReactor<Request, Response>>(context, draining_);
  reactor->KeepAlive();
  std::shared_ptr<Call> call = Start(context, *Request::descriptor(), nullptr);
  if (call == nullptr) {
    reactor->Finish(TakeRefusal());
    return reactor.get();
  }
  const bool started =
      StartStream(call, [this, call, reactor, handler](db::Session& session) mutable {
        absl::Status status =
            handler(caller(*call), session, static_cast<Stream<Request, Response>&>(*reactor));
        if (status.ok() && reactor->undecodable()) status = NotDecodable();
        reactor->FinishWhenWritten(End(*call, status));
      });
  if (!started) {
    reactor->Finish(
        End(*call, status::Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS",
                                 "too many streams are open on this server; try again later")));
  }
  return reactor.get();
}

}  // namespace milepost::rpc
