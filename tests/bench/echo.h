#pragma once

#include <memory>
#include <string>

#include "grpcpp/server.h"
#include "milepost/opportunity/v1/opportunity.grpc.pb.h"
#include "platform/rpc/tls.h"

namespace milepost::bench {

// A bare gRPC server with the TLS of the services that answers opportunity RPCs with what was put
// into it: the limit that gRPC itself sets on this machine. Runs in a process of its own
// (`milepost-bench echo ...`).
class EchoService final : public opportunity::v1::OpportunityService::CallbackService {
 public:
  grpc::ServerUnaryReactor* GetOpportunity(grpc::CallbackServerContext* context,
                                           const opportunity::v1::GetOpportunityRequest* request,
                                           opportunity::v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* CreateOpportunity(
      grpc::CallbackServerContext* context,
      const opportunity::v1::CreateOpportunityRequest* request,
      opportunity::v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* MoveStage(grpc::CallbackServerContext* context,
                                      const opportunity::v1::MoveStageRequest* request,
                                      opportunity::v1::Opportunity* response) override;
  grpc::ServerUnaryReactor* ListOpportunities(
      grpc::CallbackServerContext* context,
      const opportunity::v1::ListOpportunitiesRequest* request,
      opportunity::v1::ListOpportunitiesResponse* response) override;
  void set_answer(opportunity::v1::Opportunity answer) { answer_ = std::move(answer); }

 private:
  opportunity::v1::Opportunity answer_;
};

// Serves until SIGTERM. The answer is read from a file with a serialized Opportunity. Exit code.
int RunEcho(const std::string& address, const rpc::TlsFiles& tls, const std::string& answer_file);

}  // namespace milepost::bench
