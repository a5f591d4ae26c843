#pragma once

#include <string>

#include "milepost/target/v1/plan.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/calendar_store.h"
#include "target-svc/store/commitment_store.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class PlanService final : public v1::PlanService::CallbackService {
 public:
  // `currency_code` is that of the suite.
  PlanService(rpc::Runner& rpc, Directory& directory, std::string currency_code);

  grpc::ServerUnaryReactor* GetPlan(grpc::CallbackServerContext* context,
                                    const v1::GetPlanRequest* request, v1::Plan* response) override;
  grpc::ServerUnaryReactor* ListPlans(grpc::CallbackServerContext* context,
                                      const v1::ListPlansRequest* request,
                                      v1::ListPlansResponse* response) override;
  grpc::ServerUnaryReactor* CreatePlan(grpc::CallbackServerContext* context,
                                       const v1::CreatePlanRequest* request,
                                       v1::Plan* response) override;
  grpc::ServerUnaryReactor* UpdatePlan(grpc::CallbackServerContext* context,
                                       const v1::UpdatePlanRequest* request,
                                       v1::Plan* response) override;
  grpc::ServerUnaryReactor* DeletePlan(grpc::CallbackServerContext* context,
                                       const v1::DeletePlanRequest* request,
                                       google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* SubmitPlan(grpc::CallbackServerContext* context,
                                       const v1::SubmitPlanRequest* request,
                                       v1::Plan* response) override;
  grpc::ServerUnaryReactor* WithdrawPlan(grpc::CallbackServerContext* context,
                                         const v1::WithdrawPlanRequest* request,
                                         v1::Plan* response) override;
  grpc::ServerUnaryReactor* ApprovePlan(grpc::CallbackServerContext* context,
                                        const v1::ApprovePlanRequest* request,
                                        v1::Plan* response) override;
  grpc::ServerUnaryReactor* RejectPlan(grpc::CallbackServerContext* context,
                                       const v1::RejectPlanRequest* request,
                                       v1::Plan* response) override;
  grpc::ServerUnaryReactor* ActivatePlan(grpc::CallbackServerContext* context,
                                         const v1::ActivatePlanRequest* request,
                                         v1::Plan* response) override;
  grpc::ServerUnaryReactor* ClosePlan(grpc::CallbackServerContext* context,
                                      const v1::ClosePlanRequest* request,
                                      v1::Plan* response) override;
  grpc::ServerUnaryReactor* CheckPlan(grpc::CallbackServerContext* context,
                                      const v1::CheckPlanRequest* request,
                                      v1::CheckPlanResponse* response) override;
  grpc::ServerUnaryReactor* ListPlanVersions(grpc::CallbackServerContext* context,
                                             const v1::ListPlanVersionsRequest* request,
                                             v1::ListPlanVersionsResponse* response) override;
  grpc::ServerUnaryReactor* ComparePlanVersions(grpc::CallbackServerContext* context,
                                                const v1::ComparePlanVersionsRequest* request,
                                                v1::ComparePlanVersionsResponse* response) override;
  grpc::ServerUnaryReactor* UndoPlanChange(grpc::CallbackServerContext* context,
                                           const v1::UndoPlanChangeRequest* request,
                                           v1::Plan* response) override;

 private:
  using PlanResult = absl::StatusOr<v1::Plan>;
  PlanResult Get(const rpc::Caller& caller, db::Session& db, const v1::GetPlanRequest& request);
  absl::StatusOr<v1::ListPlansResponse> List(const rpc::Caller& caller, db::Session& db,
                                             const v1::ListPlansRequest& request);
  PlanResult Create(const rpc::Caller& caller, db::Session& db,
                    const v1::CreatePlanRequest& request);
  PlanResult Update(const rpc::Caller& caller, db::Session& db,
                    const v1::UpdatePlanRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const rpc::Caller& caller, db::Session& db,
                                                 const v1::DeletePlanRequest& request);
  PlanResult Submit(const rpc::Caller& caller, db::Session& db,
                    const v1::SubmitPlanRequest& request);
  PlanResult Withdraw(const rpc::Caller& caller, db::Session& db,
                      const v1::WithdrawPlanRequest& request);
  PlanResult Approve(const rpc::Caller& caller, db::Session& db,
                     const v1::ApprovePlanRequest& request);
  PlanResult Reject(const rpc::Caller& caller, db::Session& db,
                    const v1::RejectPlanRequest& request);
  PlanResult Activate(const rpc::Caller& caller, db::Session& db,
                      const v1::ActivatePlanRequest& request);
  PlanResult Close(const rpc::Caller& caller, db::Session& db, const v1::ClosePlanRequest& request);
  absl::StatusOr<v1::CheckPlanResponse> Check(const rpc::Caller& caller, db::Session& db,
                                              const v1::CheckPlanRequest& request);
  absl::StatusOr<v1::ListPlanVersionsResponse> ListVersions(
      const rpc::Caller& caller, db::Session& db, const v1::ListPlanVersionsRequest& request);
  absl::StatusOr<v1::ComparePlanVersionsResponse> Compare(
      const rpc::Caller& caller, db::Session& db, const v1::ComparePlanVersionsRequest& request);
  PlanResult Undo(const rpc::Caller& caller, db::Session& db,
                  const v1::UndoPlanChangeRequest& request);

  // What to write such that the nodes are those of the version before the newest.
  absl::StatusOr<NodeChanges> ChangesBack(db::Transaction& tx, const Plan& plan) const;

  // Loads a plan that the caller may see, applies `change` and saves it as `event_type`.
  template <typename Change>
  PlanResult ChangePlan(const rpc::Caller& caller, db::Session& db, const change::Context& why,
                        const std::string& id, std::optional<int64_t> version,
                        const char* event_type, Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::string currency_code_;
  PlanStore plans_;
  MetricStore metrics_;
  CalendarStore calendars_;
  CommitmentStore commitments_;
};

}  // namespace milepost::target
