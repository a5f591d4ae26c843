#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/empty.pb.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/funnel.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/funnel_request.h"
#include "target-svc/store/calendar_store.h"
#include "target-svc/store/funnel_store.h"
#include "target-svc/store/metric_store.h"

namespace milepost::target {

// A funnel is seen and edited by whom a private plan of its unit would be.
bool MaySeeFunnel(const Actor& actor, const StoredFunnel& funnel);

class FunnelService final : public v1::FunnelService::CallbackService {
 public:
  // `reports` tells actuals of stages that metrics count.
  FunnelService(rpc::Runner& rpc, Directory& directory,
                std::shared_ptr<reporting::v1::ReportService::StubInterface> reports);

  grpc::ServerUnaryReactor* GetFunnel(grpc::CallbackServerContext* context,
                                      const v1::GetFunnelRequest* request,
                                      v1::Funnel* response) override;
  grpc::ServerUnaryReactor* ListFunnels(grpc::CallbackServerContext* context,
                                        const v1::ListFunnelsRequest* request,
                                        v1::ListFunnelsResponse* response) override;
  grpc::ServerUnaryReactor* CreateFunnel(grpc::CallbackServerContext* context,
                                         const v1::CreateFunnelRequest* request,
                                         v1::Funnel* response) override;
  grpc::ServerUnaryReactor* UpdateFunnel(grpc::CallbackServerContext* context,
                                         const v1::UpdateFunnelRequest* request,
                                         v1::Funnel* response) override;
  grpc::ServerUnaryReactor* DeleteFunnel(grpc::CallbackServerContext* context,
                                         const v1::DeleteFunnelRequest* request,
                                         google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* RecordFunnelCounts(grpc::CallbackServerContext* context,
                                               const v1::RecordFunnelCountsRequest* request,
                                               v1::Funnel* response) override;
  grpc::ServerUnaryReactor* TrackFunnel(grpc::CallbackServerContext* context,
                                        const v1::TrackFunnelRequest* request,
                                        v1::TrackFunnelResponse* response) override;

 private:
  using FunnelResult = absl::StatusOr<v1::Funnel>;
  FunnelResult Get(const rpc::Caller& caller, db::Session& db, const v1::GetFunnelRequest& request);
  absl::StatusOr<v1::ListFunnelsResponse> List(const rpc::Caller& caller, db::Session& db,
                                               const v1::ListFunnelsRequest& request);
  FunnelResult Create(const rpc::Caller& caller, db::Session& db,
                      const v1::CreateFunnelRequest& request);
  FunnelResult Update(const rpc::Caller& caller, db::Session& db,
                      const v1::UpdateFunnelRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const rpc::Caller& caller, db::Session& db,
                                                 const v1::DeleteFunnelRequest& request);
  FunnelResult Record(const rpc::Caller& caller, db::Session& db,
                      const v1::RecordFunnelCountsRequest& request);
  absl::StatusOr<v1::TrackFunnelResponse> Track(const rpc::Caller& caller, db::Session& db,
                                                const v1::TrackFunnelRequest& request);

  // Checks the metrics and, with a new calculation, sets weeks and requirements. Counts that no
  // longer belong anywhere are dropped.
  absl::Status Complete(db::Snapshot& snapshot, const std::optional<FunnelCommand>& calculation,
                        v1::Funnel& state) const;
  // A funnel that the caller may see; NOT_FOUND otherwise.
  absl::Status CheckSeen(const rpc::Caller& caller, db::Snapshot& snapshot,
                         const StoredFunnel& funnel, bool to_edit);
  // Loads a funnel that the caller may edit, applies `change` to it and saves it as `event_type`.
  template <typename Change>
  FunnelResult ChangeFunnel(const rpc::Caller& caller, db::Session& db,
                            const google::protobuf::Message& request, const std::string& id,
                            std::optional<int64_t> version, const char* event_type, Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  FunnelStore funnels_;
  CalendarStore calendars_;
  MetricStore metrics_;
};

}  // namespace milepost::target
