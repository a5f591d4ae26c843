#pragma once

#include <optional>
#include <string>
#include <vector>

#include "milepost/target/v1/actual.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/actual_store.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class ActualService final : public v1::ActualService::CallbackService {
 public:
  // `currency_code` is that of the suite.
  ActualService(rpc::Runner& rpc, Directory& directory, std::string currency_code);

  grpc::ServerUnaryReactor* GetActual(grpc::CallbackServerContext* context,
                                      const v1::GetActualRequest* request,
                                      v1::RecordedActual* response) override;
  grpc::ServerUnaryReactor* ListActuals(grpc::CallbackServerContext* context,
                                        const v1::ListActualsRequest* request,
                                        v1::ListActualsResponse* response) override;
  grpc::ServerUnaryReactor* RecordActual(grpc::CallbackServerContext* context,
                                         const v1::RecordActualRequest* request,
                                         v1::RecordedActual* response) override;
  grpc::ServerUnaryReactor* SumActuals(grpc::CallbackServerContext* context,
                                       const v1::SumActualsRequest* request,
                                       v1::SumActualsResponse* response) override;
  grpc::ServerUnaryReactor* ListNodeActuals(grpc::CallbackServerContext* context,
                                            const v1::ListNodeActualsRequest* request,
                                            v1::ListNodeActualsResponse* response) override;
  grpc::ServerUnaryReactor* ListBudgets(grpc::CallbackServerContext* context,
                                        const v1::ListBudgetsRequest* request,
                                        v1::ListBudgetsResponse* response) override;

 private:
  absl::StatusOr<v1::RecordedActual> Get(const rpc::Caller& caller, db::Session& db,
                                         const v1::GetActualRequest& request);
  absl::StatusOr<v1::ListActualsResponse> List(const rpc::Caller& caller, db::Session& db,
                                               const v1::ListActualsRequest& request);
  absl::StatusOr<v1::RecordedActual> Record(const rpc::Caller& caller, db::Session& db,
                                            const v1::RecordActualRequest& request);
  absl::StatusOr<v1::SumActualsResponse> Sum(const rpc::Caller& caller, db::Session& db,
                                             const v1::SumActualsRequest& request);
  absl::StatusOr<v1::ListNodeActualsResponse> ListOfNodes(
      const rpc::Caller& caller, db::Session& db, const v1::ListNodeActualsRequest& request);
  absl::StatusOr<v1::ListBudgetsResponse> Budgets(const rpc::Caller& caller, db::Session& db,
                                                  const v1::ListBudgetsRequest& request);

  // A metric that is recorded by hand; REFERENCE_MISSING or NOT_RECORDED.
  absl::StatusOr<Metric> RecordedMetric(db::Snapshot& snapshot, const std::string& id) const;
  // The unit that an entry counts for. Unit and member must be there on its day.
  absl::StatusOr<std::string> CreditedUnit(db::Snapshot& snapshot, const RecordedActual& actual);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::string currency_code_;
  PlanStore plans_;
  MetricStore metrics_;
  ActualStore actuals_;
};

// Whether the caller sees an entry.
bool MaySeeActual(const rpc::Caller& caller, const Actor& actor, const RecordedActual& actual);

}  // namespace milepost::target
