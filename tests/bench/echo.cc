#include "tests/bench/echo.h"

#include <csignal>
#include <cstdio>
#include <fstream>

#include "grpcpp/server_builder.h"

namespace milepost::bench {

namespace v1 = opportunity::v1;

grpc::ServerUnaryReactor* EchoService::GetOpportunity(grpc::CallbackServerContext* context,
                                                      const v1::GetOpportunityRequest*,
                                                      v1::Opportunity* response) {
  *response = answer_;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* EchoService::CreateOpportunity(grpc::CallbackServerContext* context,
                                                         const v1::CreateOpportunityRequest*,
                                                         v1::Opportunity* response) {
  *response = answer_;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* EchoService::MoveStage(grpc::CallbackServerContext* context,
                                                 const v1::MoveStageRequest*,
                                                 v1::Opportunity* response) {
  *response = answer_;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* EchoService::ListOpportunities(
    grpc::CallbackServerContext* context, const v1::ListOpportunitiesRequest* request,
    v1::ListOpportunitiesResponse* response) {
  for (int i = 0; i < request->page_size(); ++i) *response->add_opportunities() = answer_;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

int RunEcho(const std::string& address, const rpc::TlsFiles& tls, const std::string& answer_file) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::ifstream file(answer_file, std::ios::binary);
  v1::Opportunity answer;
  const auto credentials = rpc::ServerCredentials(tls);
  if (!answer.ParseFromIstream(&file) || !credentials.ok()) {
    std::fprintf(stderr, "echo: %s\n", credentials.status().ToString().c_str());
    return 1;
  }
  EchoService service;
  service.set_answer(std::move(answer));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, *credentials);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown();
  return 0;
}

}  // namespace milepost::bench
