#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/solve.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/plan_solve.h"
#include "target-svc/service/decomposition.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class SolveService final : public v1::SolveService::CallbackService {
 public:
  // `reports` tells actuals for seeds from history.
  SolveService(rpc::Runner& rpc, Directory& directory,
               std::shared_ptr<reporting::v1::ReportService::StubInterface> reports);

  grpc::ServerUnaryReactor* PreviewTree(grpc::CallbackServerContext* context,
                                        const v1::PreviewTreeRequest* request,
                                        v1::PreviewTreeResponse* response) override;
  grpc::ServerUnaryReactor* SolveTree(grpc::CallbackServerContext* context,
                                      const v1::SolveTreeRequest* request,
                                      v1::Plan* response) override;
  grpc::ServerUnaryReactor* PreviewJointSplit(grpc::CallbackServerContext* context,
                                              const v1::PreviewJointSplitRequest* request,
                                              v1::PreviewJointSplitResponse* response) override;
  grpc::ServerUnaryReactor* SplitJointly(grpc::CallbackServerContext* context,
                                         const v1::SplitJointlyRequest* request,
                                         v1::Plan* response) override;
  grpc::ServerUnaryReactor* BalanceMatrix(grpc::CallbackServerContext* context,
                                          const v1::BalanceMatrixRequest* request,
                                          v1::BalanceMatrixResponse* response) override;

 private:
  absl::StatusOr<v1::PreviewTreeResponse> Preview(const rpc::Caller& caller, db::Session& db,
                                                  const v1::PreviewTreeRequest& request);
  absl::StatusOr<v1::Plan> Solve(const rpc::Caller& caller, db::Session& db,
                                 const v1::SolveTreeRequest& request);
  absl::StatusOr<v1::PreviewJointSplitResponse> PreviewJoint(
      const rpc::Caller& caller, db::Session& db, const v1::PreviewJointSplitRequest& request);
  absl::StatusOr<v1::Plan> SplitJoint(const rpc::Caller& caller, db::Session& db,
                                      const v1::SplitJointlyRequest& request);
  absl::StatusOr<v1::BalanceMatrixResponse> Balance(const rpc::Caller& caller, db::Session& db,
                                                    const v1::BalanceMatrixRequest& request);

  struct TreeCommand {
    Reader::NodeIds top;
    SolveCommand solve;
    std::string reason;
  };
  static TreeCommand ReadTree(const v1::TreeSpec& spec, Reader& reader);
  // What a solve of the plan changes, for somebody who may.
  absl::StatusOr<std::vector<Node>> SolveNow(const rpc::Caller& caller, db::Snapshot& snapshot,
                                             const Plan& plan, const TreeCommand& command);

  struct JointCell {
    std::string row;
    std::string column;
    int64_t seed = 0;
    std::optional<int64_t> lock;
    std::string field;
  };
  struct JointCommand {
    Reader::NodeIds node;
    SplitCommand rows;
    SplitCommand columns;
    std::vector<JointCell> cells;
    std::optional<HistorySpec> history;
    int64_t rounding_units = 0;  // 0: that of the plan.
    std::string reason;
  };
  static JointCommand ReadJoint(const v1::JointSpec& spec, Reader& reader);
  // Node and parts as they are now, for somebody who may split the node.
  struct JointState {
    Plan plan;
    SplitTask rows;
    SplitTask columns;
  };
  absl::StatusOr<JointState> ReadJointState(const rpc::Caller& caller, db::Snapshot& snapshot,
                                            const Plan& plan, const JointCommand& command);
  // By row and column.
  using Seeds = std::vector<std::vector<int64_t>>;
  absl::StatusOr<Seeds> AskSeeds(const rpc::Caller& caller, const JointState& state,
                                 const JointCommand& command);
  // What a joint split makes of a node.
  struct JointSplit {
    Node node;
    std::vector<Node> rows;
    std::vector<Node> columns;
    std::vector<Node> cells;  // Row by row.
  };
  // Without `numbered` the new nodes have no ids, and the plan's counter stays.
  absl::StatusOr<JointSplit> ComputeJoint(Plan& plan, const JointCommand& command,
                                          const JointState& state,
                                          const std::optional<Seeds>& seeds, bool numbered) const;

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  const Decomposer decomposer_;
  PlanStore plans_;
};

}  // namespace milepost::target
