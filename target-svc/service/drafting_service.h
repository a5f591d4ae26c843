#pragma once

#include <optional>
#include <string>
#include <vector>

#include "milepost/target/v1/drafting.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/node_edits.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class DraftingService final : public v1::DraftingService::CallbackService {
 public:
  DraftingService(rpc::Runner& rpc, Directory& directory);

  grpc::ServerUnaryReactor* PreviewEdits(grpc::CallbackServerContext* context,
                                         const v1::PreviewEditsRequest* request,
                                         v1::PreviewEditsResponse* response) override;
  grpc::ServerUnaryReactor* ApplyEdits(grpc::CallbackServerContext* context,
                                       const v1::ApplyEditsRequest* request,
                                       v1::Plan* response) override;

 private:
  absl::StatusOr<v1::PreviewEditsResponse> Preview(const rpc::Caller& caller, db::Session& db,
                                                   const v1::PreviewEditsRequest& request);
  absl::StatusOr<v1::Plan> Apply(const rpc::Caller& caller, db::Session& db,
                                 const v1::ApplyEditsRequest& request);

  struct EditCommand {
    std::string plan_id;
    int64_t base_version = 0;
    std::vector<NodeEdit> edits;     // Those with an id.
    std::vector<size_t> positions;   // Of them in the request.
    std::vector<EditRefusal> wrong;  // Fields that no plan would take; `edit` is the position.
    std::string reason;
  };
  // What is wrong with single edits is told like what the plan refuses.
  static absl::StatusOr<EditCommand> ReadEdits(const v1::EditSpec& spec);
  // What the edits come to now, for somebody who may change the plan.
  absl::StatusOr<EditedNodes> EditNow(const rpc::Caller& caller, db::Snapshot& snapshot,
                                      const Plan& plan, const v1::EditSpec& spec,
                                      const EditCommand& command, const std::string& reason);

  rpc::Runner& rpc_;
  Directory& directory_;
  PlanStore plans_;
};

}  // namespace milepost::target
