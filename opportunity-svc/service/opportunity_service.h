#pragma once

#include "milepost/opportunity/v1/opportunity.grpc.pb.h"
#include "opportunity-svc/service/parts.h"
#include "opportunity-svc/store/catalogue_store.h"
#include "opportunity-svc/store/opportunity_store.h"
#include "opportunity-svc/store/order_store.h"
#include "prometheus/counter.h"

namespace milepost::opportunity {

// Drives opportunities. Contracts are in the proto.
class OpportunityService final : public v1::OpportunityService::CallbackService {
 public:
  explicit OpportunityService(Parts parts, prometheus::Registry& registry);

  grpc::ServerUnaryReactor* GetOpportunity(grpc::CallbackServerContext* context,
                                           const v1::GetOpportunityRequest* request,
                                           v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* ListOpportunities(grpc::CallbackServerContext* context,
                                              const v1::ListOpportunitiesRequest* request,
                                              v1::ListOpportunitiesResponse* response) override;
  grpc::ServerUnaryReactor* CreateOpportunity(grpc::CallbackServerContext* context,
                                              const v1::CreateOpportunityRequest* request,
                                              v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* UpdateOpportunity(grpc::CallbackServerContext* context,
                                              const v1::UpdateOpportunityRequest* request,
                                              v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* MoveStage(grpc::CallbackServerContext* context,
                                      const v1::MoveStageRequest* request,
                                      v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* CheckStageMove(grpc::CallbackServerContext* context,
                                           const v1::CheckStageMoveRequest* request,
                                           v1::CheckStageMoveResponse* response) override;
  grpc::ServerUnaryReactor* CompleteMilestone(grpc::CallbackServerContext* context,
                                              const v1::CompleteMilestoneRequest* request,
                                              v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* ReopenMilestone(grpc::CallbackServerContext* context,
                                            const v1::ReopenMilestoneRequest* request,
                                            v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* AddTeamMember(grpc::CallbackServerContext* context,
                                          const v1::AddTeamMemberRequest* request,
                                          v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* RemoveTeamMember(grpc::CallbackServerContext* context,
                                             const v1::RemoveTeamMemberRequest* request,
                                             v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* AssignOpportunity(grpc::CallbackServerContext* context,
                                              const v1::AssignOpportunityRequest* request,
                                              v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* WinOpportunity(grpc::CallbackServerContext* context,
                                           const v1::WinOpportunityRequest* request,
                                           v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* LoseOpportunity(grpc::CallbackServerContext* context,
                                            const v1::LoseOpportunityRequest* request,
                                            v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* ReopenOpportunity(grpc::CallbackServerContext* context,
                                              const v1::ReopenOpportunityRequest* request,
                                              v1::Opportunity* response) override;
  grpc::ServerBidiReactor<v1::ImportOpportunitiesRequest, v1::ImportOpportunitiesResponse>*
  ImportOpportunities(grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::WatchOpportunitiesResponse>* WatchOpportunities(
      grpc::CallbackServerContext* context, const v1::WatchOpportunitiesRequest* request) override;

 private:
  using Result = absl::StatusOr<v1::Opportunity>;
  using GetCall = rpc::Runner::Asked<v1::GetOpportunityRequest, v1::Opportunity>;
  void Get(db::Session& db, std::vector<GetCall>& calls);
  absl::StatusOr<v1::ListOpportunitiesResponse> List(const rpc::Caller& caller, db::Session& db,
                                                     const v1::ListOpportunitiesRequest& request);
  Result Create(const rpc::Caller& caller, db::Session& db,
                const v1::CreateOpportunityRequest& request);
  Result Update(const rpc::Caller& caller, db::Session& db,
                const v1::UpdateOpportunityRequest& request);
  Result Move(const rpc::Caller& caller, db::Session& db, const v1::MoveStageRequest& request);
  absl::StatusOr<v1::CheckStageMoveResponse> Check(const rpc::Caller& caller, db::Session& db,
                                                   const v1::CheckStageMoveRequest& request);
  Result Complete(const rpc::Caller& caller, db::Session& db,
                  const v1::CompleteMilestoneRequest& request);
  Result ReopenStep(const rpc::Caller& caller, db::Session& db,
                    const v1::ReopenMilestoneRequest& request);
  Result AddMember(const rpc::Caller& caller, db::Session& db,
                   const v1::AddTeamMemberRequest& request);
  Result RemoveMember(const rpc::Caller& caller, db::Session& db,
                      const v1::RemoveTeamMemberRequest& request);
  Result Assign(const rpc::Caller& caller, db::Session& db,
                const v1::AssignOpportunityRequest& request);
  Result Win(const rpc::Caller& caller, db::Session& db, const v1::WinOpportunityRequest& request);
  Result Lose(const rpc::Caller& caller, db::Session& db,
              const v1::LoseOpportunityRequest& request);
  Result Reopen(const rpc::Caller& caller, db::Session& db,
                const v1::ReopenOpportunityRequest& request);
  absl::Status Watch(const rpc::Caller& caller, db::Session& db,
                     const v1::WatchOpportunitiesRequest& request,
                     rpc::Writer<v1::WatchOpportunitiesResponse>& writer);

  // Loads, checks the scope, lets `apply` decide (tx, opportunity, definition, act), saves.
  template <typename Request, typename Apply>
  Result Change(const rpc::Caller& caller, db::Session& db, const Request& request,
                const std::string& id, const std::string& event, Apply apply);
  // What `wanted` refers to that is archived: only who has it already may keep it.
  struct Archived {
    bool product = false;
    bool source = false;
  };
  // Products, sources and customers that `wanted` refers to must exist.
  absl::StatusOr<Archived> CheckReferences(const rpc::Caller& caller, db::Session& db,
                                           const Content& wanted);

  const Parts parts_;
  const OpportunityStore store_{};
  const OrderStore orders_{};
  prometheus::Counter& won_total_;
  prometheus::Counter& lost_total_;
  prometheus::Counter& blocked_total_;
};

}  // namespace milepost::opportunity
