#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/action.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/action_plan.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/action_store.h"
#include "target-svc/store/actual_store.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class ActionPlanService final : public v1::ActionPlanService::CallbackService {
 public:
  // `reports` tells actual values that events yield.
  ActionPlanService(rpc::Runner& rpc, Directory& directory,
                    std::shared_ptr<reporting::v1::ReportService::StubInterface> reports);

  grpc::ServerUnaryReactor* GetActionPlan(grpc::CallbackServerContext* context,
                                          const v1::GetActionPlanRequest* request,
                                          v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* ListActionPlans(grpc::CallbackServerContext* context,
                                            const v1::ListActionPlansRequest* request,
                                            v1::ListActionPlansResponse* response) override;
  grpc::ServerUnaryReactor* CreateActionPlan(grpc::CallbackServerContext* context,
                                             const v1::CreateActionPlanRequest* request,
                                             v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* UpdateActionPlan(grpc::CallbackServerContext* context,
                                             const v1::UpdateActionPlanRequest* request,
                                             v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* StartActionPlan(grpc::CallbackServerContext* context,
                                            const v1::StartActionPlanRequest* request,
                                            v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* FinishActionPlan(grpc::CallbackServerContext* context,
                                             const v1::FinishActionPlanRequest* request,
                                             v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* CancelActionPlan(grpc::CallbackServerContext* context,
                                             const v1::CancelActionPlanRequest* request,
                                             v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* ReachMilestone(grpc::CallbackServerContext* context,
                                           const v1::ReachMilestoneRequest* request,
                                           v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* RecordActionEntry(grpc::CallbackServerContext* context,
                                              const v1::RecordActionEntryRequest* request,
                                              v1::ActionPlan* response) override;
  grpc::ServerUnaryReactor* TrackActionPlan(grpc::CallbackServerContext* context,
                                            const v1::TrackActionPlanRequest* request,
                                            v1::TrackActionPlanResponse* response) override;

  // Whether the caller sees it: its node, or as owner or participant.
  static absl::StatusOr<bool> MaySee(const rpc::Caller& caller, db::Snapshot& snapshot,
                                     Directory& directory, const StoredActionPlan& stored);

 private:
  using Result = absl::StatusOr<v1::ActionPlan>;
  Result Get(const rpc::Caller& caller, db::Session& db, const v1::GetActionPlanRequest& request);
  absl::StatusOr<v1::ListActionPlansResponse> List(const rpc::Caller& caller, db::Session& db,
                                                   const v1::ListActionPlansRequest& request);
  Result Create(const rpc::Caller& caller, db::Session& db,
                const v1::CreateActionPlanRequest& request);
  Result Update(const rpc::Caller& caller, db::Session& db,
                const v1::UpdateActionPlanRequest& request);
  Result Start(const rpc::Caller& caller, db::Session& db,
               const v1::StartActionPlanRequest& request);
  Result Finish(const rpc::Caller& caller, db::Session& db,
                const v1::FinishActionPlanRequest& request);
  Result Cancel(const rpc::Caller& caller, db::Session& db,
                const v1::CancelActionPlanRequest& request);
  Result Reach(const rpc::Caller& caller, db::Session& db,
               const v1::ReachMilestoneRequest& request);
  Result Record(const rpc::Caller& caller, db::Session& db,
                const v1::RecordActionEntryRequest& request);
  absl::StatusOr<v1::TrackActionPlanResponse> Track(const rpc::Caller& caller, db::Session& db,
                                                    const v1::TrackActionPlanRequest& request);

  // Whether the caller makes and changes action plans of the node.
  absl::StatusOr<bool> MayManage(const rpc::Caller& caller, db::Snapshot& snapshot,
                                 const std::string& plan_id, const std::string& node_id);
  // Members, budget and measure are there and fit.
  absl::Status CheckReferences(const rpc::Caller& caller, db::Snapshot& snapshot,
                               const StoredActionPlan& stored);
  // What is measured: the node's scope, narrowed. INVALID_ARGUMENT if they do not fit.
  absl::StatusOr<Scope> MeasuredScope(db::Snapshot& snapshot, const StoredActionPlan& stored) const;

  // Loads an action plan that the caller may see and work on, takes it through `verb` and saves
  // what `change` made of it as `event_type`.
  template <typename Change>
  Result ChangeAction(const rpc::Caller& caller, db::Session& db,
                      const google::protobuf::Message& request, const Reader::NodeIds& ids,
                      std::optional<int64_t> version, ActionVerb verb, const char* event_type,
                      Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  ActionStore actions_;
  PlanStore plans_;
  MetricStore metrics_;
  ActualStore actuals_;
};

}  // namespace milepost::target
