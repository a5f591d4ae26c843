#pragma once

#include "milepost/target/v1/metric.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/metric_store.h"

namespace milepost::target {

class MetricService final : public v1::MetricService::CallbackService {
 public:
  MetricService(rpc::Runner& rpc, Clock clock);

  grpc::ServerUnaryReactor* GetMetric(grpc::CallbackServerContext* context,
                                      const v1::GetMetricRequest* request,
                                      v1::Metric* response) override;
  grpc::ServerUnaryReactor* ListMetrics(grpc::CallbackServerContext* context,
                                        const v1::ListMetricsRequest* request,
                                        v1::ListMetricsResponse* response) override;
  grpc::ServerUnaryReactor* CreateMetric(grpc::CallbackServerContext* context,
                                         const v1::CreateMetricRequest* request,
                                         v1::Metric* response) override;
  grpc::ServerUnaryReactor* UpdateMetric(grpc::CallbackServerContext* context,
                                         const v1::UpdateMetricRequest* request,
                                         v1::Metric* response) override;

 private:
  absl::StatusOr<v1::Metric> Get(const rpc::Caller& caller, db::Session& db,
                                 const v1::GetMetricRequest& request);
  absl::StatusOr<v1::ListMetricsResponse> List(const rpc::Caller& caller, db::Session& db,
                                               const v1::ListMetricsRequest& request);
  absl::StatusOr<v1::Metric> Create(const rpc::Caller& caller, db::Session& db,
                                    const v1::CreateMetricRequest& request);
  absl::StatusOr<v1::Metric> Update(const rpc::Caller& caller, db::Session& db,
                                    const v1::UpdateMetricRequest& request);

  rpc::Runner& rpc_;
  const Clock clock_;
  MetricStore metrics_;
};

}  // namespace milepost::target
