#pragma once

#include <optional>
#include <string>

#include "milepost/target/v1/commitment.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/commitment_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class CommitmentService final : public v1::CommitmentService::CallbackService {
 public:
  CommitmentService(rpc::Runner& rpc, Directory& directory);

  grpc::ServerUnaryReactor* GetCommitment(grpc::CallbackServerContext* context,
                                          const v1::GetCommitmentRequest* request,
                                          v1::Commitment* response) override;
  grpc::ServerUnaryReactor* ListCommitments(grpc::CallbackServerContext* context,
                                            const v1::ListCommitmentsRequest* request,
                                            v1::ListCommitmentsResponse* response) override;
  grpc::ServerUnaryReactor* ProposeCommitment(grpc::CallbackServerContext* context,
                                              const v1::ProposeCommitmentRequest* request,
                                              v1::Commitment* response) override;
  grpc::ServerUnaryReactor* AcceptCommitment(grpc::CallbackServerContext* context,
                                             const v1::AcceptCommitmentRequest* request,
                                             v1::Commitment* response) override;
  grpc::ServerUnaryReactor* CounterCommitment(grpc::CallbackServerContext* context,
                                              const v1::CounterCommitmentRequest* request,
                                              v1::Commitment* response) override;
  grpc::ServerUnaryReactor* RejectCommitment(grpc::CallbackServerContext* context,
                                             const v1::RejectCommitmentRequest* request,
                                             v1::Commitment* response) override;
  grpc::ServerUnaryReactor* AcceptCounter(grpc::CallbackServerContext* context,
                                          const v1::AcceptCounterRequest* request,
                                          v1::Commitment* response) override;
  grpc::ServerUnaryReactor* ListRollupRows(grpc::CallbackServerContext* context,
                                           const v1::ListRollupRowsRequest* request,
                                           v1::ListRollupRowsResponse* response) override;

 private:
  using CommitmentResult = absl::StatusOr<v1::Commitment>;
  CommitmentResult Get(const rpc::Caller& caller, db::Session& db,
                       const v1::GetCommitmentRequest& request);
  absl::StatusOr<v1::ListCommitmentsResponse> List(const rpc::Caller& caller, db::Session& db,
                                                   const v1::ListCommitmentsRequest& request);
  CommitmentResult Propose(const rpc::Caller& caller, db::Session& db,
                           const v1::ProposeCommitmentRequest& request);
  CommitmentResult Accept(const rpc::Caller& caller, db::Session& db,
                          const v1::AcceptCommitmentRequest& request);
  CommitmentResult Counter(const rpc::Caller& caller, db::Session& db,
                           const v1::CounterCommitmentRequest& request);
  CommitmentResult Reject(const rpc::Caller& caller, db::Session& db,
                          const v1::RejectCommitmentRequest& request);
  CommitmentResult TakeCounter(const rpc::Caller& caller, db::Session& db,
                               const v1::AcceptCounterRequest& request);
  absl::StatusOr<v1::ListRollupRowsResponse> ListRollup(const rpc::Caller& caller, db::Session& db,
                                                        const v1::ListRollupRowsRequest& request);

  // A plan and a node of it that the caller may see, locked against other writers of the plan.
  struct Found {
    Plan plan;
    Node node;
    PlanView view;
  };
  absl::StatusOr<Found> FindNode(const rpc::Caller& caller, db::Snapshot& snapshot,
                                 const absl::StatusOr<Plan>& plan, const std::string& node_id,
                                 const std::string& name);

  // Loads the commitment to a node that the caller may see (an empty one for a first proposal),
  // applies `change` and saves it as `event_type`.
  template <typename Change>
  CommitmentResult ChangeCommitment(const rpc::Caller& caller, db::Session& db,
                                    const google::protobuf::Message& request,
                                    const Reader::NodeIds& ids, std::optional<int64_t> version,
                                    const std::string& note, const char* event_type, Change change);

  // Changes a commitment that is there, by its name, with a note; `reader` has read what else there
  // is, `apply` is the rule.
  template <typename Request, typename Apply>
  CommitmentResult Answer(const rpc::Caller& caller, db::Session& db, const Request& request,
                          Reader& reader, Need note_needed, const char* event_type, Apply apply);

  rpc::Runner& rpc_;
  Directory& directory_;
  PlanStore plans_;
  CommitmentStore commitments_;
};

// Whether the caller sees what was said to a commitment to a target that it may see: who committed
// and who leads them do, and who would see the whole plan if it were private.
bool MaySeeWords(const rpc::Caller& caller, const Actor& actor, Plan plan,
                 const Commitment& commitment);

}  // namespace milepost::target
