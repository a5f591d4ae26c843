#pragma once

#include <functional>
#include <string>

#include "customer-svc/store/contact_store.h"
#include "customer-svc/store/customer_store.h"
#include "customer-svc/store/interaction_store.h"
#include "milepost/customer/v1/interaction.grpc.pb.h"
#include "platform/rpc/runner.h"

namespace milepost::customer {

// The edge of milepost.customer.v1.InteractionService. Safe from any thread; outlives the server.
class InteractionService final : public v1::InteractionService::CallbackService {
 public:
  explicit InteractionService(rpc::Runner& runner);

  grpc::ServerUnaryReactor* PlanInteraction(grpc::CallbackServerContext* context,
                                            const v1::PlanInteractionRequest* request,
                                            v1::Interaction* response) override;
  grpc::ServerUnaryReactor* RecordInteraction(grpc::CallbackServerContext* context,
                                              const v1::RecordInteractionRequest* request,
                                              v1::Interaction* response) override;
  grpc::ServerUnaryReactor* GetInteraction(grpc::CallbackServerContext* context,
                                           const v1::GetInteractionRequest* request,
                                           v1::Interaction* response) override;
  grpc::ServerUnaryReactor* ListInteractions(grpc::CallbackServerContext* context,
                                             const v1::ListInteractionsRequest* request,
                                             v1::ListInteractionsResponse* response) override;
  grpc::ServerUnaryReactor* ListOverdueInteractions(
      grpc::CallbackServerContext* context, const v1::ListOverdueInteractionsRequest* request,
      v1::ListOverdueInteractionsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateInteraction(grpc::CallbackServerContext* context,
                                              const v1::UpdateInteractionRequest* request,
                                              v1::Interaction* response) override;
  grpc::ServerUnaryReactor* CompleteInteraction(grpc::CallbackServerContext* context,
                                                const v1::CompleteInteractionRequest* request,
                                                v1::Interaction* response) override;
  grpc::ServerUnaryReactor* CancelInteraction(grpc::CallbackServerContext* context,
                                              const v1::CancelInteractionRequest* request,
                                              v1::Interaction* response) override;
  grpc::ServerUnaryReactor* CompleteNextStep(grpc::CallbackServerContext* context,
                                             const v1::CompleteNextStepRequest* request,
                                             v1::Interaction* response) override;

 private:
  using Caller = rpc::Caller;
  using Rule = std::function<absl::StatusOr<Interaction>(Interaction before, absl::Time now)>;

  absl::StatusOr<v1::Interaction> Plan(const Caller& caller, db::Session& db,
                                       const v1::PlanInteractionRequest& request);
  absl::StatusOr<v1::Interaction> Record(const Caller& caller, db::Session& db,
                                         const v1::RecordInteractionRequest& request);
  absl::StatusOr<v1::Interaction> Get(const Caller& caller, db::Session& db,
                                      const v1::GetInteractionRequest& request);
  absl::StatusOr<v1::ListInteractionsResponse> List(const Caller& caller, db::Session& db,
                                                    const v1::ListInteractionsRequest& request);
  absl::StatusOr<v1::ListOverdueInteractionsResponse> ListOverdue(
      const Caller& caller, db::Session& db, const v1::ListOverdueInteractionsRequest& request);
  absl::StatusOr<v1::Interaction> Update(const Caller& caller, db::Session& db,
                                         const v1::UpdateInteractionRequest& request);
  absl::StatusOr<v1::Interaction> Complete(const Caller& caller, db::Session& db,
                                           const v1::CompleteInteractionRequest& request);
  absl::StatusOr<v1::Interaction> Cancel(const Caller& caller, db::Session& db,
                                         const v1::CancelInteractionRequest& request);
  absl::StatusOr<v1::Interaction> CloseNextStep(const Caller& caller, db::Session& db,
                                                const v1::CompleteNextStepRequest& request);

  // Inserts a new one after its references and the caller's right to act for its member were
  // checked.
  absl::StatusOr<v1::Interaction> Insert(const Caller& caller, db::Session& db,
                                         const google::protobuf::Message& request,
                                         const std::string& event, Interaction draft,
                                         const Rule& rule);
  // Locks one, checks that the caller may change it, applies the rule and saves.
  absl::StatusOr<v1::Interaction> Change(const Caller& caller, db::Session& db,
                                         const google::protobuf::Message& request,
                                         const std::string& event, const std::string& id,
                                         const Rule& rule);
  // NotFound unless the caller sees its member's records or its customer.
  absl::Status CheckVisible(const Caller& caller, db::Snapshot& snapshot,
                            const Interaction& interaction) const;
  absl::Status CheckContact(db::Snapshot& snapshot, const Interaction& interaction) const;
  absl::CivilDay today() const;

  rpc::Runner& rpc_;
  InteractionStore interactions_;
  CustomerStore customers_;
  ContactStore contacts_;
};

}  // namespace milepost::customer
