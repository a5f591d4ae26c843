#pragma once

#include <optional>
#include <string>
#include <vector>

#include "milepost/target/v1/branch.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/plan_branch.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class BranchService final : public v1::BranchService::CallbackService {
 public:
  BranchService(rpc::Runner& rpc, Directory& directory);

  grpc::ServerUnaryReactor* CreateBranch(grpc::CallbackServerContext* context,
                                         const v1::CreateBranchRequest* request,
                                         v1::Plan* response) override;
  grpc::ServerUnaryReactor* CompareBranch(grpc::CallbackServerContext* context,
                                          const v1::CompareBranchRequest* request,
                                          v1::CompareBranchResponse* response) override;
  grpc::ServerUnaryReactor* PreviewMerge(grpc::CallbackServerContext* context,
                                         const v1::PreviewMergeRequest* request,
                                         v1::PreviewMergeResponse* response) override;
  grpc::ServerUnaryReactor* MergeBranch(grpc::CallbackServerContext* context,
                                        const v1::MergeBranchRequest* request,
                                        v1::Plan* response) override;

 private:
  struct MergeCommand {
    std::string branch_id;
    MergeChoices choices;
    std::vector<std::string> chosen_plans;  // Of the nodes that are named.
    bool accept_variance = false;
    std::string reason;
  };
  static MergeCommand ReadMerge(const v1::MergeSpec& spec, Reader& reader);
  // What the merge writes, for somebody who may merge.
  struct MergeState {
    BranchMerge merge;
    std::vector<Node> ours;
  };
  absl::StatusOr<MergeState> MergeNow(const rpc::Caller& caller, db::Snapshot& snapshot,
                                      const Plan& origin, const Plan& branch,
                                      const MergeCommand& command) const;
  // What branch and origin had in common last.
  absl::StatusOr<std::vector<Node>> MergeBase(db::Snapshot& snapshot, const Plan& origin,
                                              const Plan& branch) const;
  absl::StatusOr<std::vector<Node>> NodesAt(db::Snapshot& snapshot, const std::string& plan_id,
                                            std::optional<int64_t> version) const;
  // The plan that a branch is of, for somebody who sees all of both.
  absl::StatusOr<Plan> OriginOf(const rpc::Caller& caller, db::Snapshot& snapshot,
                                const Plan& branch) const;
  absl::Status CheckSeesAll(const rpc::Caller& caller, db::Snapshot& snapshot,
                            const Plan& plan) const;

  absl::StatusOr<v1::Plan> Create(const rpc::Caller& caller, db::Session& db,
                                  const v1::CreateBranchRequest& request);
  absl::StatusOr<v1::CompareBranchResponse> Compare(const rpc::Caller& caller, db::Session& db,
                                                    const v1::CompareBranchRequest& request);
  absl::StatusOr<v1::PreviewMergeResponse> Preview(const rpc::Caller& caller, db::Session& db,
                                                   const v1::PreviewMergeRequest& request);
  absl::StatusOr<v1::Plan> Merge(const rpc::Caller& caller, db::Session& db,
                                 const v1::MergeBranchRequest& request);

  rpc::Runner& rpc_;
  Directory& directory_;
  PlanStore plans_;
};

}  // namespace milepost::target
