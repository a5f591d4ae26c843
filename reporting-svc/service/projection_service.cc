#include "reporting-svc/service/projection_service.h"

#include <algorithm>
#include <utility>

#include "platform/change/context.h"
#include "platform/change/feed_consumer.h"
#include "platform/resource/page_token.h"
#include "platform/status/error.h"
#include "platform/types/proto.h"
#include "reporting-svc/service/reconciliation.h"
#include "reporting-svc/store/rebuild_store.h"

namespace milepost::reporting {
namespace {

// Parked events that a list looks through per source; who has more needs no list but a repair.
constexpr size_t kMaxParked = 10'000;

absl::Status CheckRequestId(const std::string& request_id) {
  status::FieldViolations violations;
  if (!change::IsRequestId(request_id)) violations.Add("request_id", "must be a UUID");
  return violations.ToStatus();
}

}  // namespace

ProjectionService::ProjectionService(rpc::Runner& runner, FreshnessReader& freshness,
                                     Followers& followers)
    : rpc_(runner), freshness_(freshness), followers_(followers) {
  rpc_.Register<v1::ProjectionService>();
}

absl::StatusOr<v1::ProjectionStatus> ProjectionService::Status(
    const rpc::Caller&, db::Session& session, const v1::GetProjectionStatusRequest&) {
  return session.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ProjectionStatus> {
    absl::StatusOr<FreshnessReader::Answer> answer = freshness_.Read(snapshot);
    if (!answer.ok()) return answer.status();
    v1::ProjectionStatus status;
    *status.mutable_freshness() = std::move(answer->freshness);
    status.set_rebuilding(answer->rebuilding);
    return status;
  });
}

absl::StatusOr<v1::ProjectionStatus> ProjectionService::Rebuild(
    const rpc::Caller& caller, db::Session& session, const v1::RebuildReadModelsRequest& request) {
  if (absl::Status s = CheckRequestId(request.request_id()); !s.ok()) return s;
  if (!request.request_id().empty()) {
    // The request is remembered before the work is asked for: a repeat after a crash asks once
    // more, which is harmless.
    const absl::StatusOr<bool> first =
        session.Transact([&](db::Transaction& tx) -> absl::StatusOr<bool> {
          return RequestStore().Remember(
              tx, change::RequestScope(caller.identity().member_id, caller.calling_service()),
              request.request_id(), rpc_.now());
        });
    if (!first.ok()) return first.status();
    if (!*first) return Status(caller, session, {});
  }
  if (absl::Status s = followers_.RequestRebuild(session); !s.ok()) return s;
  return Status(caller, session, {});
}

absl::StatusOr<v1::ReconcileReadModelsResponse> ProjectionService::ReconcileAll(
    const rpc::Caller&, db::Session& session, const v1::ReconcileReadModelsRequest&) {
  const absl::StatusOr<Reconciliation> result = Reconcile(session, ledger_);
  if (!result.ok()) return result.status();
  v1::ReconcileReadModelsResponse response;
  response.set_facts(result->facts);
  response.set_cells(result->cells);
  response.set_mismatch_count(result->mismatch_count);
  for (const Reconciliation::Mismatch& mismatch : result->mismatches) {
    auto& entry = *response.add_mismatches();
    entry.set_cell(mismatch.cell.ToString());
    for (size_t i = 0; i < ValueCount(mismatch.cell.group); ++i) {
      entry.add_stored(mismatch.stored[i]);
      entry.add_expected(mismatch.expected[i]);
    }
  }
  *response.mutable_reconcile_time() = ToProto(rpc_.now());
  return response;
}

absl::StatusOr<v1::ListParkedEventsResponse> ProjectionService::ListParked(
    const rpc::Caller&, db::Session& session, const v1::ListParkedEventsRequest& request) {
  status::FieldViolations violations;
  const resource::Page page = resource::ReadPage(request, 2, violations);
  if (absl::Status s = violations.ToStatus(); !s.ok()) return s;
  std::vector<v1::ParkedEvent> parked;
  for (const std::string& source : followers_.sources()) {
    absl::StatusOr<std::vector<change::ParkedEvent>> events =
        change::ListParked(session, source, kMaxParked);
    if (!events.ok()) return events.status();
    for (const change::ParkedEvent& event : *events) {
      v1::ParkedEvent& entry = parked.emplace_back();
      entry.set_source(source);
      entry.set_position(event.event.position());
      entry.set_aggregate(event.event.aggregate());
      entry.set_type(event.event.type());
      entry.set_error(event.error);
      *entry.mutable_park_time() = ToProto(event.park_time);
    }
  }
  std::stable_sort(
      parked.begin(), parked.end(), [](const v1::ParkedEvent& a, const v1::ParkedEvent& b) {
        return a.source() != b.source() ? a.source() < b.source() : a.position() < b.position();
      });
  v1::ListParkedEventsResponse response;
  for (v1::ParkedEvent& event : parked) {
    if (!page.after.empty()) {
      const int64_t position = std::strtoll(page.after[1].c_str(), nullptr, 10);
      if (event.source() < page.after[0] ||
          (event.source() == page.after[0] && event.position() <= position))
        continue;
    }
    if (response.parked_events_size() == page.size) {
      const v1::ParkedEvent& last = response.parked_events(page.size - 1);
      response.set_next_page_token(
          resource::NextPageToken(request, {last.source(), std::to_string(last.position())}));
      break;
    }
    *response.add_parked_events() = std::move(event);
  }
  return response;
}

absl::StatusOr<v1::RetryParkedEventsResponse> ProjectionService::RetryParked(
    const rpc::Caller&, db::Session& session, const v1::RetryParkedEventsRequest& request) {
  if (absl::Status s = CheckRequestId(request.request_id()); !s.ok()) return s;
  const absl::StatusOr<Followers::Replayed> replayed = followers_.ReplayParked(session);
  if (!replayed.ok()) return replayed.status();
  v1::RetryParkedEventsResponse response;
  response.set_applied(replayed->applied);
  response.set_remaining(replayed->remaining);
  return response;
}

grpc::ServerUnaryReactor* ProjectionService::GetProjectionStatus(
    grpc::CallbackServerContext* context, const v1::GetProjectionStatusRequest* request,
    v1::ProjectionStatus* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Status(call...); });
}
grpc::ServerUnaryReactor* ProjectionService::RebuildReadModels(
    grpc::CallbackServerContext* context, const v1::RebuildReadModelsRequest* request,
    v1::ProjectionStatus* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Rebuild(call...); });
}
grpc::ServerUnaryReactor* ProjectionService::ReconcileReadModels(
    grpc::CallbackServerContext* context, const v1::ReconcileReadModelsRequest* request,
    v1::ReconcileReadModelsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ReconcileAll(call...); });
}
grpc::ServerUnaryReactor* ProjectionService::ListParkedEvents(
    grpc::CallbackServerContext* context, const v1::ListParkedEventsRequest* request,
    v1::ListParkedEventsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListParked(call...); });
}
grpc::ServerUnaryReactor* ProjectionService::RetryParkedEvents(
    grpc::CallbackServerContext* context, const v1::RetryParkedEventsRequest* request,
    v1::RetryParkedEventsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return RetryParked(call...); });
}

}  // namespace milepost::reporting
