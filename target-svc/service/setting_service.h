#pragma once

#include <memory>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/setting.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/node.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"
#include "target-svc/store/threshold_store.h"

namespace milepost::target {

class SettingService final : public v1::SettingService::CallbackService {
 public:
  // `reports` tells actuals; money is in `currency_code`.
  SettingService(rpc::Runner& rpc, Directory& directory,
                 std::shared_ptr<reporting::v1::ReportService::StubInterface> reports,
                 std::string currency_code);

  grpc::ServerUnaryReactor* SuggestTarget(grpc::CallbackServerContext* context,
                                          const v1::SuggestTargetRequest* request,
                                          v1::SuggestTargetResponse* response) override;
  grpc::ServerUnaryReactor* CheckTarget(grpc::CallbackServerContext* context,
                                        const v1::CheckTargetRequest* request,
                                        v1::CheckTargetResponse* response) override;
  grpc::ServerUnaryReactor* GetSmartThresholds(grpc::CallbackServerContext* context,
                                               const v1::GetSmartThresholdsRequest* request,
                                               v1::SmartThresholds* response) override;
  grpc::ServerUnaryReactor* UpdateSmartThresholds(grpc::CallbackServerContext* context,
                                                  const v1::UpdateSmartThresholdsRequest* request,
                                                  v1::SmartThresholds* response) override;

 private:
  absl::StatusOr<v1::SuggestTargetResponse> Suggest(const rpc::Caller& caller, db::Session& db,
                                                    const v1::SuggestTargetRequest& request);
  absl::StatusOr<v1::CheckTargetResponse> Check(const rpc::Caller& caller, db::Session& db,
                                                const v1::CheckTargetRequest& request);
  absl::StatusOr<v1::SmartThresholds> GetThresholds(const rpc::Caller& caller, db::Session& db,
                                                    const v1::GetSmartThresholdsRequest& request);
  absl::StatusOr<v1::SmartThresholds> UpdateThresholds(
      const rpc::Caller& caller, db::Session& db, const v1::UpdateSmartThresholdsRequest& request);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  const std::string currency_code_;
  MetricStore metrics_;
  PlanStore plans_;
  ThresholdStore thresholds_;
};

}  // namespace milepost::target
