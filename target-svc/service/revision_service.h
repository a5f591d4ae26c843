#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/revision.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/plan_move.h"
#include "target-svc/domain/plan_replan.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/actual_store.h"
#include "target-svc/store/calendar_store.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class RevisionService final : public v1::RevisionService::CallbackService {
 public:
  // `reports` tells what was achieved.
  RevisionService(rpc::Runner& rpc, Directory& directory,
                  std::shared_ptr<reporting::v1::ReportService::StubInterface> reports);

  grpc::ServerUnaryReactor* PreviewReplan(grpc::CallbackServerContext* context,
                                          const v1::PreviewReplanRequest* request,
                                          v1::PreviewReplanResponse* response) override;
  grpc::ServerUnaryReactor* ReplanPlan(grpc::CallbackServerContext* context,
                                       const v1::ReplanPlanRequest* request,
                                       v1::Plan* response) override;
  grpc::ServerUnaryReactor* PreviewMove(grpc::CallbackServerContext* context,
                                        const v1::PreviewMoveRequest* request,
                                        v1::PreviewMoveResponse* response) override;
  grpc::ServerUnaryReactor* MoveNode(grpc::CallbackServerContext* context,
                                     const v1::MoveNodeRequest* request,
                                     v1::Plan* response) override;

 private:
  // By node id.
  using AchievedUnits = absl::flat_hash_map<std::string, int64_t>;

  struct ReplanCommand {
    Reader::NodeIds node;
    absl::CivilDay first_open_day;
    AchievedUnits typed;
    std::string reason;
  };
  static ReplanCommand ReadReplan(const v1::ReplanSpec& spec, Reader& reader);
  // The plan as somebody who may revise it sees it.
  struct ReplanState {
    Plan plan;
    std::vector<Node> nodes;  // The node asked for and all below it.
    std::vector<uint32_t> to_settle;
    AchievedUnits achieved;  // As typed and as recorded.
    bool ask = false;        // The rest is known by reporting-svc.
  };
  absl::StatusOr<ReplanState> ReadReplanState(const rpc::Caller& caller, db::Snapshot& snapshot,
                                              const Plan& plan, const ReplanCommand& command) const;
  absl::Status AddRecorded(db::Snapshot& snapshot, ReplanState& state) const;
  // Asks reporting-svc for what is not known yet. Outside of any transaction.
  absl::Status AskAchieved(const rpc::Caller& caller, ReplanState& state) const;
  // State, with all that was achieved, read in a transaction that is over.
  absl::StatusOr<ReplanState> StateToReplan(const rpc::Caller& caller, db::Session& db,
                                            const ReplanCommand& command) const;

  absl::StatusOr<v1::PreviewReplanResponse> PreviewPlanAnew(
      const rpc::Caller& caller, db::Session& db, const v1::PreviewReplanRequest& request);
  absl::StatusOr<v1::Plan> PlanAnew(const rpc::Caller& caller, db::Session& db,
                                    const v1::ReplanPlanRequest& request);

  struct MoveArguments {
    Reader::NodeIds node;
    MoveCommand move;
    std::string reason;
  };
  static MoveArguments ReadMove(const v1::MoveSpec& spec, Reader& reader);
  // What the move writes, for somebody who may move.
  absl::StatusOr<NodeMove> MoveNow(const rpc::Caller& caller, db::Snapshot& snapshot, Plan& plan,
                                   const MoveArguments& arguments) const;
  // OK if the organization has the member or unit that moves where it goes.
  absl::Status CheckMembership(db::Snapshot& snapshot, const Node& node, const Node& new_parent,
                               absl::CivilDay day) const;

  absl::StatusOr<v1::PreviewMoveResponse> PreviewMoving(const rpc::Caller& caller, db::Session& db,
                                                        const v1::PreviewMoveRequest& request);
  absl::StatusOr<v1::Plan> Move(const rpc::Caller& caller, db::Session& db,
                                const v1::MoveNodeRequest& request);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  PlanStore plans_;
  MetricStore metrics_;
  ActualStore actuals_;
  CalendarStore calendars_;
};

}  // namespace milepost::target
