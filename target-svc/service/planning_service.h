#pragma once

#include "milepost/target/v1/planning.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/store/calendar_store.h"

namespace milepost::target {

// Asks the planning libraries; writes nothing.
class PlanningService final : public v1::PlanningService::CallbackService {
 public:
  explicit PlanningService(rpc::Runner& rpc);

  grpc::ServerUnaryReactor* ComputeFunnel(grpc::CallbackServerContext* context,
                                          const v1::ComputeFunnelRequest* request,
                                          v1::ComputeFunnelResponse* response) override;
  grpc::ServerUnaryReactor* ForecastFunnel(grpc::CallbackServerContext* context,
                                           const v1::ForecastFunnelRequest* request,
                                           v1::ForecastFunnelResponse* response) override;

 private:
  absl::StatusOr<v1::ComputeFunnelResponse> Compute(const rpc::Caller& caller, db::Session& db,
                                                    const v1::ComputeFunnelRequest& request);
  absl::StatusOr<v1::ForecastFunnelResponse> Forecast(const rpc::Caller& caller, db::Session& db,
                                                      const v1::ForecastFunnelRequest& request);

  rpc::Runner& rpc_;
  CalendarStore calendars_;
};

}  // namespace milepost::target
