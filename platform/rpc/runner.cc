#include "platform/rpc/runner.h"

#include <openssl/rand.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/descriptor.h"
#include "platform/access/masking.h"
#include "platform/access/method_access.h"
#include "platform/change/change.h"
#include "platform/log/log.h"
#include "platform/rpc/status.h"
#include "platform/status/error.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace milepost::rpc {
namespace {

constexpr int kCodes = 17;
constexpr char kBearer[] = "Bearer ";
// Workers that serve one method together: while they are at it, calls gather for the next
// statement.
constexpr int kServingTogether = 2;

std::string Hex(size_t bytes) {
  std::array<unsigned char, 16> random{};
  RAND_bytes(random.data(), static_cast<int>(bytes));
  std::string out;
  for (size_t i = 0; i < bytes; ++i) absl::StrAppend(&out, absl::Hex(random[i], absl::kZeroPad2));
  return out;
}

bool IsHex(const std::string& text, size_t from, size_t length) {
  for (size_t i = from; i < from + length; ++i) {
    const char c = text[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

// W3C trace context: the caller's trace goes on under a span of ours; without one a new trace
// begins.
std::string Continue(const std::string& traceparent) {
  const bool valid = traceparent.size() == 55 && absl::StartsWith(traceparent, "00-") &&
                     traceparent[35] == '-' && traceparent[52] == '-' &&
                     IsHex(traceparent, 3, 32) && IsHex(traceparent, 36, 16) &&
                     IsHex(traceparent, 53, 2) && traceparent.find_first_not_of('0', 3) < 35;
  const std::string trace = valid ? traceparent.substr(3, 32) : Hex(16);
  return absl::StrCat("00-", trace, "-", Hex(8), "-", valid ? traceparent.substr(53, 2) : "01");
}

std::string Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  return found == context.client_metadata().end()
             ? std::string()
             : std::string(found->second.data(), found->second.size());
}

absl::Status Unauthenticated(const std::string& reason, const std::string& message) {
  return status::Error(absl::StatusCode::kUnauthenticated, reason, message);
}

thread_local grpc::Status refusal;

}  // namespace

struct Runner::Method {
  std::string full_name;  // "milepost.customer.v1.CustomerService/GetCustomer"
  access::MethodRule rule;
  bool streams = false;
  prometheus::Counter* started;
  std::array<prometheus::Counter*, kCodes> handled;
  prometheus::Histogram* seconds;
  prometheus::Counter* received;
  prometheus::Counter* sent;
  prometheus::Gauge* in_flight;

  std::mutex mutex;
  std::deque<Waiting> waiting;  // For RunTogether; guarded by mutex, as is the next one.
  int serving = 0;              // Workers that serve `waiting`, or have been asked to.
};

struct Runner::Call {
  Method* method;
  grpc::CallbackServerContext* context;
  absl::Time start;
  absl::Time deadline;
  std::string log_id;
  std::optional<Caller> caller;
  bool has_request_id = false;
  bool replayed = false;
};

namespace {

prometheus::Histogram::BucketBoundaries SecondsBuckets() {
  return {.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10};
}

}  // namespace

struct Runner::State {
  State(Runner::Options& options, std::shared_ptr<access::TokenVerifier> token_verifier,
        access::OrganizationCache& organization_cache, const SessionFactory& session_factory,
        prometheus::Registry& registry)
      : verifier(std::move(token_verifier)),
        organization(organization_cache),
        make_session(session_factory),
        started(Counter(registry, "grpc_server_started_total", "Calls begun.")),
        handled(Counter(registry, "grpc_server_handled_total", "Calls ended, by code.")),
        received(Counter(registry, "grpc_server_msg_received_total", "Messages received.")),
        sent(Counter(registry, "grpc_server_msg_sent_total", "Messages sent.")),
        seconds(prometheus::BuildHistogram()
                    .Name("grpc_server_handling_seconds")
                    .Help("Time from a call's arrival to its end.")
                    .Register(registry)),
        in_flight(prometheus::BuildGauge()
                      .Name("grpc_server_in_flight")
                      .Help("Calls being handled.")
                      .Register(registry)),
        authn(Counter(registry, "milepost_authn_total", "Authentications by outcome.")),
        authz(Counter(registry, "milepost_authz_total", "Authorizations by outcome.")),
        authn_ok(authn.Add({{"outcome", "ok"}, {"reason", ""}})),
        authz_ok(authz.Add({{"outcome", "ok"}, {"reason", ""}})),
        authz_denied(authz.Add({{"outcome", "denied"}, {"reason", "role"}})),
        rejected(
            Counter(registry, "milepost_admission_rejected_total", "Calls refused at the door.")),
        rejected_limit(rejected.Add({{"reason", "limit"}})),
        rejected_deadline(rejected.Add({{"reason", "deadline"}})),
        queue_length(prometheus::BuildGauge()
                         .Name("milepost_admission_queue_length")
                         .Help("Calls waiting for a database worker.")
                         .Register(registry)
                         .Add({})),
        admission_limit(prometheus::BuildGauge()
                            .Name("milepost_admission_limit")
                            .Help("Calls that may wait for a database worker.")
                            .Register(registry)
                            .Add({})),
        pool_wait(prometheus::BuildHistogram()
                      .Name("milepost_db_pool_wait_seconds")
                      .Help("Time a call waited for a database worker, who has a connection.")
                      .Register(registry)
                      .Add({}, SecondsBuckets())),
        audit_failures(Counter(registry, "milepost_audit_write_failures_total",
                               "Transactions that failed because their changes could not be kept.")
                           .Add({})),
        idempotency(Counter(registry, "milepost_idempotency_total", "Calls with a request_id.")),
        idempotency_new(idempotency.Add({{"result", "new"}})),
        idempotency_replay(idempotency.Add({{"result", "replay"}})),
        idempotency_mismatch(idempotency.Add({{"result", "mismatch"}})),
        pool(options.workers, options.queue_limit, session_factory) {
    admission_limit.Set(static_cast<double>(options.queue_limit));
  }

  static prometheus::Family<prometheus::Counter>& Counter(prometheus::Registry& registry,
                                                          const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }

  std::shared_ptr<access::TokenVerifier> verifier;
  access::OrganizationCache& organization;
  SessionFactory make_session;

  prometheus::Family<prometheus::Counter>& started;
  prometheus::Family<prometheus::Counter>& handled;
  prometheus::Family<prometheus::Counter>& received;
  prometheus::Family<prometheus::Counter>& sent;
  prometheus::Family<prometheus::Histogram>& seconds;
  prometheus::Family<prometheus::Gauge>& in_flight;
  prometheus::Family<prometheus::Counter>& authn;
  prometheus::Family<prometheus::Counter>& authz;
  prometheus::Counter& authn_ok;
  prometheus::Counter& authz_ok;
  prometheus::Counter& authz_denied;
  prometheus::Family<prometheus::Counter>& rejected;
  prometheus::Counter& rejected_limit;
  prometheus::Counter& rejected_deadline;
  prometheus::Gauge& queue_length;
  prometheus::Gauge& admission_limit;
  prometheus::Histogram& pool_wait;
  prometheus::Counter& audit_failures;
  prometheus::Family<prometheus::Counter>& idempotency;
  prometheus::Counter& idempotency_new;
  prometheus::Counter& idempotency_replay;
  prometheus::Counter& idempotency_mismatch;

  // By request type: no two methods share one. Filled before the server starts.
  absl::flat_hash_map<const google::protobuf::Descriptor*, std::unique_ptr<Method>> methods;

  std::mutex streams_mutex;
  std::condition_variable streams_changed;
  int streams = 0;

  WorkerPool pool;  // Last: its threads use the rest.
};

Runner::Runner(Options options, std::shared_ptr<access::TokenVerifier> verifier,
               access::OrganizationCache& organization, const SessionFactory& make_session,
               prometheus::Registry& registry)
    : options_(std::move(options)),
      state_(std::make_unique<State>(const_cast<Options&>(options_), std::move(verifier),
                                     organization, make_session, registry)) {}

Runner::~Runner() { WaitForStreams(absl::InfiniteDuration()); }

void Runner::RegisterService(const std::string& full_name) {
  const auto* service =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(full_name);
  for (int i = 0; i < service->method_count(); ++i) {
    const auto& descriptor = *service->method(i);
    absl::StatusOr<access::MethodRule> rule = access::RuleOf(descriptor);
    auto method = std::make_unique<Method>();
    method->full_name = absl::StrCat(full_name, "/", descriptor.name());
    method->streams = descriptor.server_streaming() || descriptor.client_streaming();
    if (rule.ok()) {
      method->rule = *rule;
    } else {
      log::Error("method_without_access_rule",
                 {{"method", method->full_name}});  // Then nobody but ADMIN may call it.
    }
    const char* type = !method->streams ? "unary"
                       : descriptor.client_streaming() && descriptor.server_streaming()
                           ? "bidi_stream"
                       : descriptor.server_streaming() ? "server_stream"
                                                       : "client_stream";
    const prometheus::Labels labels{
        {"grpc_type", type}, {"grpc_service", full_name}, {"grpc_method", descriptor.name()}};
    method->started = &state_->started.Add(labels);
    method->received = &state_->received.Add(labels);
    method->sent = &state_->sent.Add(labels);
    method->seconds = &state_->seconds.Add(labels, SecondsBuckets());
    method->in_flight = &state_->in_flight.Add({{"grpc_method", method->full_name}});
    for (int code = 0; code < kCodes; ++code) {
      prometheus::Labels with_code = labels;
      with_code["grpc_code"] = CodeName(static_cast<grpc::StatusCode>(code));
      method->handled[static_cast<size_t>(code)] = &state_->handled.Add(with_code);
    }
    state_->methods.emplace(descriptor.input_type(), std::move(method));
  }
}

std::shared_ptr<Runner::Call> Runner::Start(grpc::CallbackServerContext& context,
                                            const google::protobuf::Descriptor& request_type,
                                            const google::protobuf::Message* request) {
  auto call = std::make_shared<Call>();
  const auto found = state_->methods.find(&request_type);
  if (found == state_->methods.end()) {
    refusal =
        grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "this server does not serve the method");
    return nullptr;
  }
  call->method = found->second.get();
  call->context = &context;
  call->start = absl::Now();
  call->deadline = absl::FromChrono(context.deadline());
  if (!call->method->streams && call->deadline > call->start + absl::Hours(24)) {
    call->deadline = call->start + options_.default_deadline;
  }
  call->method->started->Increment();
  call->method->in_flight->Increment();
  if (request != nullptr) CountReceived(*call);

  Caller::Parts parts;
  parts.traceparent = Continue(Metadata(context, "traceparent"));
  call->log_id = parts.traceparent.substr(3, 32);
  parts.deadline = call->deadline;
  parts.committed = options_.committed;
  for (const grpc::string_ref& name :
       context.auth_context()->FindPropertyValues("x509_subject_alternative_name")) {
    const std::string text(name.data(), name.size());
    for (const std::string& service : options_.service_names) {
      if (text == service) parts.calling_service = service;
    }
  }
  const auto refuse = [&](const absl::Status& status) {
    refusal = End(*call, status);
    return std::shared_ptr<Call>();
  };
  const std::string authorization = Metadata(context, "authorization");
  if (absl::StartsWith(authorization, kBearer)) {
    parts.token = authorization.substr(sizeof kBearer - 1);
    absl::StatusOr<access::Identity> identity = state_->verifier->Verify(parts.token);
    if (!identity.ok()) {
      state_->authn.Add({{"outcome", "refused"}, {"reason", status::ReasonOf(identity.status())}})
          .Increment();
      return refuse(identity.status());
    }
    parts.identity = *std::move(identity);
  } else if (!authorization.empty()) {
    state_->authn.Add({{"outcome", "refused"}, {"reason", "TOKEN_MISSING"}}).Increment();
    return refuse(
        Unauthenticated("TOKEN_MISSING", "the authorization metadata must be `Bearer <token>`"));
  } else if (!parts.calling_service.empty()) {
    parts.identity.roles.Add(access::Role::kService);
  } else {
    state_->authn.Add({{"outcome", "refused"}, {"reason", "TOKEN_MISSING"}}).Increment();
    return refuse(
        Unauthenticated("TOKEN_MISSING",
                        "the call carries no token: send authorization metadata `Bearer <token>`"));
  }
  state_->authn_ok.Increment();
  if (!access::Allowed(call->method->rule, parts.identity)) {
    state_->authz_denied.Increment();
    return refuse(status::Error(absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED",
                                absl::StrCat("the role ", access::ToString(parts.identity.roles),
                                             " may not call ", call->method->full_name),
                                {{"method", call->method->full_name}}));
  }
  state_->authz_ok.Increment();
  if (call->method->rule.mutates && request != nullptr) {
    const auto* field = request_type.FindFieldByName("request_id");
    const std::string request_id =
        field == nullptr ? std::string() : request->GetReflection()->GetString(*request, field);
    call->has_request_id = !request_id.empty();
    if (!change::IsRequestId(request_id)) {
      status::FieldViolations violations;
      violations.Add("request_id", "is not a UUID such as 123e4567-e89b-12d3-a456-426614174000");
      return refuse(violations.ToStatus());
    }
  }
  parts.organization = state_->organization.Get();
  parts.today = absl::ToCivilDay(now(), options_.zone);
  call->caller.emplace(std::move(parts));
  return call;
}

grpc::Status Runner::TakeRefusal() { return refusal; }

grpc::ServerUnaryReactor* Runner::FinishRefused(grpc::ServerUnaryReactor* reactor) {
  reactor->Finish(refusal);
  return reactor;
}

const Caller& Runner::caller(const Call& call) const { return *call.caller; }

void Runner::Submit(const std::shared_ptr<Call>& call, std::function<void(db::Session&)> work,
                    std::function<void(const absl::Status&)> refuse) {
  const absl::Time queued = absl::Now();
  state_->queue_length.Increment();
  const bool taken = state_->pool.Submit(
      [this, call, queued, work = std::move(work), refuse](db::Session& session) {
        if (absl::Status status = LeaveQueue(*call, queued); !status.ok()) return refuse(status);
        session.StartUnit(call->method->full_name, call->deadline);
        work(session);
      });
  if (!taken) refuse(Overloaded());
}

absl::Status Runner::Overloaded() {
  state_->queue_length.Decrement();
  state_->rejected_limit.Increment();
  return status::Error(
      absl::StatusCode::kResourceExhausted, "OVERLOADED",
      absl::StrCat("more than ", options_.queue_limit, " calls are waiting; try again later"));
}

absl::Status Runner::LeaveQueue(const Call& call, absl::Time queued) {
  const absl::Time now = absl::Now();
  state_->queue_length.Decrement();
  state_->pool_wait.Observe(absl::ToDoubleSeconds(now - queued));
  if (!call.context->IsCancelled() && now <= call.deadline) return absl::OkStatus();
  state_->rejected_deadline.Increment();
  return absl::DeadlineExceededError("waited too long for a database worker");
}

void Runner::SubmitTogether(Waiting waiting, Serve serve) {
  Method& method = *waiting.call->method;
  state_->queue_length.Increment();
  std::deque<Waiting> refused;
  {
    const std::lock_guard<std::mutex> lock(method.mutex);
    if (method.waiting.size() >= options_.queue_limit) {
      refused.push_back(std::move(waiting));
    } else {
      method.waiting.push_back(std::move(waiting));
      if (method.serving == kServingTogether) return;
      ++method.serving;
    }
  }
  if (refused.empty()) {
    if (state_->pool.Submit([this, &method, serve = std::move(serve)](db::Session& session) {
          ServeTogether(method, session, serve);
        })) {
      return;
    }
    const std::lock_guard<std::mutex> lock(method.mutex);
    if (--method.serving == 0) refused.swap(method.waiting);
  }
  for (const Waiting& one : refused) one.reactor->Finish(End(*one.call, Overloaded()));
}

void Runner::ServeTogether(Method& method, db::Session& session, const Serve& serve) {
  for (;;) {
    std::vector<Waiting> taken;
    {
      const std::lock_guard<std::mutex> lock(method.mutex);
      while (!method.waiting.empty() && taken.size() < kMaxTogether) {
        taken.push_back(std::move(method.waiting.front()));
        method.waiting.pop_front();
      }
      if (taken.empty()) {
        --method.serving;
        return;
      }
    }
    absl::Time deadline = absl::InfinitePast();
    std::erase_if(taken, [&](const Waiting& one) {
      const absl::Status status = LeaveQueue(*one.call, one.queued);
      if (!status.ok()) one.reactor->Finish(End(*one.call, status));
      deadline = std::max(deadline, one.call->deadline);
      return !status.ok();
    });
    if (taken.empty()) continue;
    if (session.ReadIsOld()) session.EndRead();
    session.StartUnit(method.full_name, deadline);
    serve(session, taken);
  }
}

bool Runner::StartStream(const std::shared_ptr<Call>& call,
                         std::function<void(db::Session&)> work) {
  {
    const std::lock_guard<std::mutex> lock(state_->streams_mutex);
    if (state_->streams >= options_.stream_limit) {
      state_->rejected_limit.Increment();
      return false;
    }
    ++state_->streams;
  }
  std::thread([this, call, work = std::move(work)]() mutable {
    {
      const std::unique_ptr<db::Session> session = state_->make_session();
      session->StartUnit(call->method->full_name, call->deadline);
      work(*session);
      session->EndRead();
      work = nullptr;
    }
    const std::lock_guard<std::mutex> lock(state_->streams_mutex);
    --state_->streams;
    state_->streams_changed.notify_all();
  }).detach();
  return true;
}

void Runner::Drain() { draining_.store(true); }

bool Runner::WaitForStreams(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(state_->streams_mutex);
  const auto none = [this] { return state_->streams == 0; };
  if (timeout == absl::InfiniteDuration()) {
    state_->streams_changed.wait(lock, none);
    return true;
  }
  return state_->streams_changed.wait_for(lock, absl::ToChronoNanoseconds(timeout), none);
}

absl::Status Runner::Replay(Call& call, db::Session& session,
                            const google::protobuf::Message& request, absl::Status status,
                            google::protobuf::Message& response) {
  if (!call.method->rule.mutates) return status;
  const change::Context context = call.caller->Change(request);
  if (context.request_id.empty()) return status;
  absl::Status replayed = change::Replay(session, context, status, response);
  call.replayed = replayed.ok();
  if (replayed.ok()) state_->idempotency_replay.Increment();
  if (status::ReasonOf(replayed) == "REQUEST_ID_REUSED") state_->idempotency_mismatch.Increment();
  return replayed;
}

absl::Status Runner::MaskByOwner::operator()(const Caller& caller, db::Session&,
                                             google::protobuf::Message& response) const {
  const access::Scope& scope = caller.scope();
  if (scope.sees_all() && !scope.MaySeePersonal(access::OwnerOf(response))) {
    access::MaskPersonal(response);
  }
  return absl::OkStatus();
}

void Runner::CountReceived(Call& call) { call.method->received->Increment(); }
void Runner::CountSent(Call& call) { call.method->sent->Increment(); }

grpc::Status Runner::End(Call& call, const absl::Status& status) {
  const grpc::Status answer = ToGrpcStatus(status, call.log_id);
  const absl::Duration took = absl::Now() - call.start;
  const auto code = static_cast<size_t>(answer.error_code());
  call.method->handled[code < kCodes ? code : 2]->Increment();
  call.method->seconds->Observe(absl::ToDoubleSeconds(took));
  call.method->in_flight->Decrement();
  if (status.ok() && !call.method->streams) CountSent(call);
  if (status.ok() && call.has_request_id && !call.replayed) state_->idempotency_new.Increment();
  if (change::IsWriteFailure(status)) state_->audit_failures.Increment();
  const bool accident = !status.ok() && status::ReasonOf(status).empty();
  log::Write(accident ? log::Level::kError : log::Level::kInfo, "call",
             {{"method", call.method->full_name},
              {"code", std::string(CodeName(answer.error_code()))},
              {"reason", status::ReasonOf(status)},
              {"micros", absl::ToInt64Microseconds(took)},
              {"member", call.caller ? call.caller->member() : std::string()},
              {"calling_service", call.caller ? call.caller->calling_service() : std::string()},
              {"trace", call.log_id},
              {"error", accident ? status.ToString() : std::string()}});
  return answer;
}

}  // namespace milepost::rpc
