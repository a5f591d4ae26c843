#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "milepost/target/v1/drafting.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/node_edits.h"
#include "target-svc/domain/plan_copy.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/calendar_store.h"
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
  grpc::ServerUnaryReactor* PreviewCopy(grpc::CallbackServerContext* context,
                                        const v1::PreviewCopyRequest* request,
                                        v1::PreviewCopyResponse* response) override;
  grpc::ServerUnaryReactor* CopyPlan(grpc::CallbackServerContext* context,
                                     const v1::CopyPlanRequest* request,
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

  absl::StatusOr<v1::PreviewCopyResponse> CopyPreview(const rpc::Caller& caller, db::Session& db,
                                                      const v1::PreviewCopyRequest& request);
  absl::StatusOr<v1::Plan> Copy(const rpc::Caller& caller, db::Session& db,
                                const v1::CopyPlanRequest& request);

  struct CopyCommand {
    std::string source_id;
    DayRange period;
    std::optional<int64_t> target_units;
    int64_t growth_ppm = 0;
    std::string title;
    CopyRule rule;  // Without owners.
    // By dimension and id; to nothing is out.
    std::map<std::pair<Dimension, std::string>, std::string> replacements;
  };
  static CopyCommand ReadCopy(const v1::CopySpec& spec, Reader& reader);
  // A plan that would be made now by somebody who may, and what is in it.
  struct CopyNow {
    Plan plan;
    PlanCopy copy;
    int64_t source_version = 0;
  };
  absl::StatusOr<CopyNow> MakeCopy(const rpc::Caller& caller, db::Snapshot& snapshot,
                                   const CopyCommand& command, const std::string& plan_id);
  // Who takes the place of units and members of these nodes.
  absl::StatusOr<
      std::function<CopiedOwner(Dimension, const std::string&, const std::string&, DayRange)>>
  OwnersOf(db::Snapshot& snapshot, const std::vector<Node>& nodes, const CopyCommand& command);

  rpc::Runner& rpc_;
  Directory& directory_;
  PlanStore plans_;
  CalendarStore calendars_;
};

}  // namespace milepost::target
