#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/impl/service_type.h"
#include "platform/access/organization.h"
#include "platform/change/signal.h"
#include "platform/rpc/runner.h"
#include "platform/testing/database.h"
#include "prometheus/registry.h"

namespace milepost::testing {

// A server in the test's process: real database, real runner, real tokens, a fixed clock that the
// test moves, loopback without TLS (TLS is tested on the real processes).
//   testing::ServiceHost host(CustomerMigrations());
//   CustomerService service(host.runner(), ...);
//   host.Start({&service});
//   auto stub = v1::CustomerService::NewStub(host.channel());
//   auto context = host.Call("anna", {access::Role::REP});  stub->GetCustomer(context.get(),
//   request, &response);
class ServiceHost {
 public:
  explicit ServiceHost(std::vector<db::Migration> migrations);
  ~ServiceHost();

  rpc::Runner& runner() { return *runner_; }
  access::OrganizationCache& organization() { return organization_; }
  prometheus::Registry& registry() { return *registry_; }
  Database& database() { return database_; }
  change::Signal& committed() { return committed_; }  // As rpc::Host has it.
  absl::Time now() const;
  void Advance(absl::Duration duration);

  void Start(const std::vector<grpc::Service*>& services);
  // Ends all calls and streams. Before services are destroyed that a stream may still use; the
  // destructor does it too.
  void Stop();
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& address() const { return address_; }

  // A context with a token of this member (bare id; roles as in access.proto, lower case in the
  // token) and a 10 s deadline.
  std::unique_ptr<grpc::ClientContext> Call(const std::string& member,
                                            const std::vector<access::Role>& roles);
  // Adds such a token to a context of the test's own.
  void Authorize(grpc::ClientContext& context, const std::string& member,
                 const std::vector<access::Role>& roles) const;

 private:
  struct State;
  Database database_;
  change::Signal committed_;
  std::shared_ptr<prometheus::Registry> registry_;
  access::OrganizationCache organization_;
  std::unique_ptr<rpc::Runner> runner_;
  std::unique_ptr<State> state_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string address_;
};

}  // namespace milepost::testing
