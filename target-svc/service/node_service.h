#pragma once

#include <memory>
#include <string>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/node.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/decomposition.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/member_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class NodeService final : public v1::NodeService::CallbackService {
 public:
  // `reports` tells actuals for splits by history.
  NodeService(rpc::Runner& rpc, Directory& directory,
              std::shared_ptr<reporting::v1::ReportService::StubInterface> reports);

  grpc::ServerUnaryReactor* GetNode(grpc::CallbackServerContext* context,
                                    const v1::GetNodeRequest* request, v1::Node* response) override;
  grpc::ServerUnaryReactor* ListNodes(grpc::CallbackServerContext* context,
                                      const v1::ListNodesRequest* request,
                                      v1::ListNodesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateNode(grpc::CallbackServerContext* context,
                                       const v1::UpdateNodeRequest* request,
                                       v1::Node* response) override;
  grpc::ServerUnaryReactor* PreviewSplit(grpc::CallbackServerContext* context,
                                         const v1::PreviewSplitRequest* request,
                                         v1::PreviewSplitResponse* response) override;
  grpc::ServerUnaryReactor* SplitNodes(grpc::CallbackServerContext* context,
                                       const v1::SplitNodesRequest* request,
                                       v1::SplitNodesResponse* response) override;
  grpc::ServerUnaryReactor* RemoveBreakdown(grpc::CallbackServerContext* context,
                                            const v1::RemoveBreakdownRequest* request,
                                            v1::Node* response) override;
  grpc::ServerUnaryReactor* AdjustNode(grpc::CallbackServerContext* context,
                                       const v1::AdjustNodeRequest* request,
                                       v1::Node* response) override;
  grpc::ServerUnaryReactor* LockNode(grpc::CallbackServerContext* context,
                                     const v1::LockNodeRequest* request,
                                     v1::Node* response) override;
  grpc::ServerUnaryReactor* UnlockNode(grpc::CallbackServerContext* context,
                                       const v1::UnlockNodeRequest* request,
                                       v1::Node* response) override;
  grpc::ServerBidiReactor<v1::ImportNodesRequest, v1::ImportNodesResponse>* ImportNodes(
      grpc::CallbackServerContext* context) override;

 private:
  using NodeResult = absl::StatusOr<v1::Node>;
  NodeResult Get(const rpc::Caller& caller, db::Session& db, const v1::GetNodeRequest& request);
  absl::StatusOr<v1::ListNodesResponse> List(const rpc::Caller& caller, db::Session& db,
                                             const v1::ListNodesRequest& request);
  NodeResult Update(const rpc::Caller& caller, db::Session& db,
                    const v1::UpdateNodeRequest& request);
  absl::StatusOr<v1::PreviewSplitResponse> Preview(const rpc::Caller& caller, db::Session& db,
                                                   const v1::PreviewSplitRequest& request);
  absl::StatusOr<v1::SplitNodesResponse> Split(const rpc::Caller& caller, db::Session& db,
                                               const v1::SplitNodesRequest& request);
  NodeResult Remove(const rpc::Caller& caller, db::Session& db,
                    const v1::RemoveBreakdownRequest& request);
  NodeResult Adjust(const rpc::Caller& caller, db::Session& db,
                    const v1::AdjustNodeRequest& request);
  NodeResult Lock(const rpc::Caller& caller, db::Session& db, const v1::LockNodeRequest& request);
  NodeResult Unlock(const rpc::Caller& caller, db::Session& db,
                    const v1::UnlockNodeRequest& request);
  absl::Status Import(const rpc::Caller& caller, db::Session& db,
                      rpc::Stream<v1::ImportNodesRequest, v1::ImportNodesResponse>& stream);
  absl::StatusOr<v1::ImportNodesResponse> ImportRows(const rpc::Caller& caller, db::Session& db,
                                                     const v1::ImportNodesRequest& request);

  // What one verb does to a node: it fills `changes`, the node itself first, and may change the
  // plan.
  struct NodeChange {
    db::Transaction& tx;
    const Actor& actor;
    Plan& plan;
    const Node& node;
    NodeChanges& changes;
  };
  // Loads a node that the caller may see with its plan, applies `change` and saves it as
  // `event_type`.
  template <typename Change>
  NodeResult ChangeNode(const rpc::Caller& caller, db::Session& db,
                        const google::protobuf::Message& request, const Reader::NodeIds& ids,
                        std::optional<int64_t> version, const char* event_type, Change change);
  template <typename Request>
  NodeResult SetLock(const rpc::Caller& caller, db::Session& db, const Request& request,
                     bool locked);

  // Plan and tasks of a split as they are now, for somebody who may split.
  struct SplitState {
    Plan plan;
    std::vector<SplitTask> tasks;
    std::vector<PartWeights> weights;  // Not where NeedsHistory.
  };
  absl::StatusOr<SplitState> ReadState(const rpc::Caller& caller, db::Snapshot& snapshot,
                                       const Plan& plan, SplitCommand& command);
  // The answer of an earlier call with the same request_id and arguments, if there was one.
  absl::StatusOr<std::optional<v1::SplitNodesResponse>> EarlierAnswer(db::Session& db,
                                                                      const change::Context& why);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  const Decomposer decomposer_;
  PlanStore plans_;
};

}  // namespace milepost::target
