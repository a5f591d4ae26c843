#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "grpcpp/impl/service_type.h"
#include "platform/access/organization.h"
#include "platform/change/feed_tail.h"
#include "platform/change/signal.h"
#include "platform/db/migration.h"
#include "platform/rpc/runner.h"
#include "platform/rpc/settings.h"
#include "prometheus/registry.h"

namespace CLI {
class App;
}

namespace milepost::rpc {

// One service process: settings, TLS, authentication, the runner, health, reflection, the admin
// port, the service's own feed with its sequencer, and an orderly shutdown. main.cc builds its
// objects on it and calls Serve.
class Host {
 public:
  Host(Settings settings, std::vector<db::Migration> migrations);
  ~Host();

  const Settings& settings() const { return settings_; }
  Runner& runner() { return *runner_; }
  prometheus::Registry& registry() { return *registry_; }
  access::OrganizationCache& organization() { return organization_; }

  // A session of the application account; connects at first use.
  std::unique_ptr<db::Session> NewSession(absl::Duration read_timeout = absl::Seconds(20));

  // Told after every commit of this process.
  change::Signal& committed();

  // This service's own feed as streams read it; followed from Serve on.
  change::FeedTail& feed_tail();

  // A channel to a peer with this service's certificate: round robin, keepalive, retries of
  // UNAVAILABLE. An error names the TLS file that cannot be used.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> PeerChannel(const std::string& address);

  // Serves `service` from Serve on; it stays the caller's.
  void AddService(grpc::Service& service, const std::string& full_name);

  // Who may see the history of a record, by its resource name; without it, who sees everything.
  using MaySeeRecord = std::function<bool(const Caller&, db::Session&, const std::string& record)>;
  void set_may_see_record(MaySeeRecord may_see) { may_see_record_ = std::move(may_see); }
  // Whose record it is, for those that do not say so themselves (see change::OwnerOfRecord).
  using OwnerOfRecord =
      std::function<std::string(db::Session&, const google::protobuf::Message& newest)>;
  void set_owner_of_record(OwnerOfRecord owner_of) { owner_of_record_ = std::move(owner_of); }

  // Runs in a thread of its own from Serve until shutdown asks the token to stop (feed consumers,
  // recycling jobs).
  void AddBackground(const std::string& name, std::function<void(std::stop_token)> body);

  // Must be OK before the service reports ready, next to the database and the schema (for example:
  // organization loaded).
  void AddReadinessCheck(const std::string& name, std::function<absl::Status()> check);

  // Serves until SIGTERM or SIGINT, then drains. An error if it could not start. Call once.
  absl::Status Serve();

  // Reads keys and makes the runner; Main calls it before `serve`. An error names the setting.
  absl::Status Prepare();

 private:
  absl::Status CheckDatabase(db::Session& session);
  void WatchReadiness(std::stop_token stop);

  struct State;
  Settings settings_;
  std::vector<db::Migration> migrations_;
  std::shared_ptr<prometheus::Registry> registry_;
  std::shared_ptr<db::Metrics> db_metrics_;
  access::OrganizationCache organization_;
  std::unique_ptr<Runner> runner_;
  MaySeeRecord may_see_record_;
  OwnerOfRecord owner_of_record_;
  std::unique_ptr<State> state_;
};

// A service's main: parses flags and environment (the signals are blocked first), runs the
// sub-command `migrate` or another one, or builds a Host and calls `serve`. Returns the exit code:
// 0 well, 1 failed, 2 wrong usage.
struct Program {
  std::string service;                         // "customer-svc"
  std::string description;                     // One line for --help.
  std::vector<db::Migration> migrations;       // The service's own; the platform's are added.
  std::function<void(CLI::App&)> add_options;  // Optional: the service's own settings.
  std::function<absl::Status(Host&)> serve;
  struct Command {
    std::string name;
    std::string description;
    std::function<absl::Status(Host&)> run;
  };
  std::vector<Command> commands;  // Optional: further sub-commands.
};
int Main(int argc, char** argv, const Program& program);

}  // namespace milepost::rpc
