#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "platform/access/organization.h"
#include "platform/access/token.h"
#include "platform/change/signal.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/stream.h"
#include "platform/rpc/worker_pool.h"
#include "platform/status/error.h"

namespace prometheus {
class Registry;
}

namespace milepost::rpc {

// Runs every RPC of a process the same way: authenticates, checks the method's access option,
// imposes a deadline, queues for a database worker (refusing at the door when the queue is full,
// dropping what nobody waits for any more), maps the status, answers a repeated `request_id`,
// counts, and writes one access line. Safe from any thread; outlives the server.
//
// A service registers itself in its constructor, `runner.Register<v1::CustomerService>()`, and its
// overrides are one line each:
//   return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Win(call...); });
// with a handler absl::StatusOr<Response>(const rpc::Caller&, db::Session&, const Request&).
class Runner {
 public:
  struct Options {
    int workers = 12;
    size_t queue_limit = 1024;
    int stream_limit = 256;
    absl::Duration default_deadline = absl::Seconds(10);
    absl::TimeZone zone;
    std::function<absl::Time()> now = [] { return absl::Now(); };
    // Told after every commit; the sequencer waits on it. May be null.
    change::Signal* committed = nullptr;
    // Names in client certificates that are services of the suite.
    std::vector<std::string> service_names = {"customer-svc", "opportunity-svc", "target-svc",
                                              "reporting-svc"};
  };

  Runner(Options options, std::shared_ptr<access::TokenVerifier> verifier,
         access::OrganizationCache& organization, const SessionFactory& make_session,
         prometheus::Registry& registry);
  ~Runner();

  // Reads the access options of a service and prepares its metrics. Before the server starts.
  template <typename Service>
  void Register() {
    RegisterService(Service::service_full_name());
  }
  void RegisterService(const std::string& full_name);

  // What a repeated request is answered with, unless a service knows better: as recorded, but for a
  // caller who may write everywhere (marketing) with personal data masked by the record's owner. A
  // rep or manager wrote within the own scope and knows the person.
  struct MaskByOwner {
    absl::Status operator()(const Caller& caller, db::Session&,
                            google::protobuf::Message& response) const;
  };

  // A repeated request is answered with the resource as it was recorded, personal data readable,
  // until `after_replay`, absl::Status(const rpc::Caller&, db::Session&, Response&), has masked
  // what the caller may not read.
  template <typename Request, typename Response, typename Handler,
            typename AfterReplay = MaskByOwner>
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext& context, const Request& request,
                                Response& response, Handler handler,
                                AfterReplay after_replay = {}) {
    grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
    std::shared_ptr<Call> call = Start(context, *Request::descriptor(), &request);
    if (call == nullptr) return FinishRefused(reactor);
    Submit(
        call,
        [this, call, reactor, &request, &response, handler,
         after_replay](db::Session& session) mutable {
          absl::StatusOr<Response> result = handler(caller(*call), session, request);
          absl::Status status = result.status();
          if (status.ok()) {
            response = *std::move(result);
          } else {
            status = Replay(*call, session, request, status, response);
            if (status.ok()) status = after_replay(caller(*call), session, response);
          }
          reactor->Finish(End(*call, status));
        },
        [this, call, reactor](const absl::Status& refused) {
          reactor->Finish(End(*call, refused));
        });
    return reactor;
  }

  // One of the calls that are answered together.
  template <typename Request, typename Response>
  struct Asked {
    const Caller& caller;
    const Request& request;
    absl::StatusOr<Response> result;  // The handler sets it.
  };

  // As Run, for reads that many callers ask for at once: a worker takes all calls of the method
  // that wait, at most kMaxTogether, so that one statement answers them. Handler:
  // void(db::Session&, std::vector<Asked<Request, Response>>&). One call alone waits for nobody.
  template <typename Request, typename Response, typename Handler>
  grpc::ServerUnaryReactor* RunTogether(grpc::CallbackServerContext& context,
                                        const Request& request, Response& response,
                                        Handler handler) {
    grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
    std::shared_ptr<Call> call = Start(context, *Request::descriptor(), &request);
    if (call == nullptr) return FinishRefused(reactor);
    SubmitTogether(
        {std::move(call), reactor, &request, &response, absl::Now()},
        [this, handler](db::Session& session, const std::vector<Waiting>& waiting) {
          std::vector<Asked<Request, Response>> asked;
          asked.reserve(waiting.size());
          for (const Waiting& one : waiting) {
            asked.push_back({caller(*one.call), static_cast<const Request&>(*one.request),
                             absl::UnknownError("not answered")});
          }
          handler(session, asked);
          for (size_t i = 0; i < waiting.size(); ++i) {
            absl::StatusOr<Response>& result = asked[i].result;
            if (result.ok()) static_cast<Response&>(*waiting[i].response) = *std::move(result);
            waiting[i].reactor->Finish(End(*waiting[i].call, asked[i].result.status()));
          }
        });
    return reactor;
  }
  static constexpr size_t kMaxTogether = 64;

  // Handler: absl::Status(const rpc::Caller&, db::Session&, const Request&, Writer<Response>&), on
  // a thread of its own.
  template <typename Response, typename Request, typename Handler>
  grpc::ServerWriteReactor<Response>* RunServerStream(grpc::CallbackServerContext& context,
                                                      const Request& request, Handler handler);

  // Handler: absl::Status(const rpc::Caller&, db::Session&, Stream<Request, Response>&), on a
  // thread of its own.
  template <typename Request, typename Response, typename Handler>
  grpc::ServerBidiReactor<Request, Response>* RunBidi(grpc::CallbackServerContext& context,
                                                      Handler handler);

  // From now on streams are asked to end (feed streams after a bookmark).
  void Drain();
  bool draining() const { return draining_.load(); }
  // Waits until no stream runs, at most so long. False if some still do.
  bool WaitForStreams(absl::Duration timeout);

  const Options& options() const { return options_; }
  absl::Time now() const { return options_.now(); }

 private:
  struct Call;
  struct Method;
  struct State;
  // A call that RunTogether has not answered yet.
  struct Waiting {
    std::shared_ptr<Call> call;
    grpc::ServerUnaryReactor* reactor;
    const google::protobuf::Message* request;
    google::protobuf::Message* response;
    absl::Time queued;
  };
  using Serve = std::function<void(db::Session&, const std::vector<Waiting>&)>;

  // Authenticates and authorises. Null if refused: then last_refusal (of this thread) says why.
  std::shared_ptr<Call> Start(grpc::CallbackServerContext& context,
                              const google::protobuf::Descriptor& request_type,
                              const google::protobuf::Message* request);
  grpc::ServerUnaryReactor* FinishRefused(grpc::ServerUnaryReactor* reactor);
  static grpc::Status TakeRefusal();
  const Caller& caller(const Call& call) const;
  void Submit(const std::shared_ptr<Call>& call, std::function<void(db::Session&)> work,
              std::function<void(const absl::Status&)> refuse);
  void SubmitTogether(Waiting waiting, Serve serve);
  // Serves what waits for the method until nothing does.
  void ServeTogether(Method& method, db::Session& session, const Serve& serve);
  // The answer to a call that finds the queue full.
  absl::Status Overloaded();
  // OK if somebody still waits for the answer of a call that has waited for a worker.
  absl::Status LeaveQueue(const Call& call, absl::Time queued);
  // Starts a stream's thread; false if there are too many.
  bool StartStream(const std::shared_ptr<Call>& call, std::function<void(db::Session&)> work);
  // If the request was carried out before, fills `response` and returns OK, or says that its
  // arguments differ.
  absl::Status Replay(Call& call, db::Session& session, const google::protobuf::Message& request,
                      absl::Status status, google::protobuf::Message& response);
  // Counts, writes the access line, maps the status. Exactly once a call.
  grpc::Status End(Call& call, const absl::Status& status);
  void CountReceived(Call& call);
  void CountSent(Call& call);

  const Options options_;
  std::unique_ptr<State> state_;
  std::atomic<bool> draining_{false};
};

}  // namespace milepost::rpc

#include "platform/rpc/stream_reactor.h"
