#pragma once

#include "absl/status/statusor.h"
#include "milepost/reporting/v1/projection.grpc.pb.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/runner.h"
#include "reporting-svc/service/followers.h"
#include "reporting-svc/service/freshness.h"
#include "reporting-svc/store/ledger_store.h"

namespace milepost::reporting {

// Lets those who run the suite watch over and repair the read models.
class ProjectionService final : public v1::ProjectionService::CallbackService {
 public:
  // All outlive the service.
  ProjectionService(rpc::Runner& runner, FreshnessReader& freshness, Followers& followers);

  grpc::ServerUnaryReactor* GetProjectionStatus(grpc::CallbackServerContext* context,
                                                const v1::GetProjectionStatusRequest* request,
                                                v1::ProjectionStatus* response) override;
  grpc::ServerUnaryReactor* RebuildReadModels(grpc::CallbackServerContext* context,
                                              const v1::RebuildReadModelsRequest* request,
                                              v1::ProjectionStatus* response) override;
  grpc::ServerUnaryReactor* ReconcileReadModels(grpc::CallbackServerContext* context,
                                                const v1::ReconcileReadModelsRequest* request,
                                                v1::ReconcileReadModelsResponse* response) override;
  grpc::ServerUnaryReactor* ListParkedEvents(grpc::CallbackServerContext* context,
                                             const v1::ListParkedEventsRequest* request,
                                             v1::ListParkedEventsResponse* response) override;
  grpc::ServerUnaryReactor* RetryParkedEvents(grpc::CallbackServerContext* context,
                                              const v1::RetryParkedEventsRequest* request,
                                              v1::RetryParkedEventsResponse* response) override;

 private:
  absl::StatusOr<v1::ProjectionStatus> Status(const rpc::Caller& caller, db::Session& session,
                                              const v1::GetProjectionStatusRequest& request);
  absl::StatusOr<v1::ProjectionStatus> Rebuild(const rpc::Caller& caller, db::Session& session,
                                               const v1::RebuildReadModelsRequest& request);
  absl::StatusOr<v1::ReconcileReadModelsResponse> ReconcileAll(
      const rpc::Caller& caller, db::Session& session,
      const v1::ReconcileReadModelsRequest& request);
  absl::StatusOr<v1::ListParkedEventsResponse> ListParked(
      const rpc::Caller& caller, db::Session& session, const v1::ListParkedEventsRequest& request);
  absl::StatusOr<v1::RetryParkedEventsResponse> RetryParked(
      const rpc::Caller& caller, db::Session& session, const v1::RetryParkedEventsRequest& request);

  rpc::Runner& rpc_;
  FreshnessReader& freshness_;
  Followers& followers_;
  LedgerStore ledger_;
};

}  // namespace milepost::reporting
