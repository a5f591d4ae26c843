#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "prometheus/collectable.h"

class CivetServer;
class CivetHandler;

namespace milepost::rpc {

// The plaintext admin port: /metrics, /healthz (the process turns), /startupz (start-up is over),
// /readyz (send traffic). No data. Checks are called on the server's threads and answer at once.
class AdminServer {
 public:
  struct Checks {
    std::function<bool()> started;
    // Empty if ready, else why not.
    std::function<std::string()> not_ready;
  };

  // `address` is host:port; port 0 takes a free one.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(
      const std::string& address, std::vector<std::shared_ptr<prometheus::Collectable>> metrics,
      Checks checks);
  ~AdminServer();

  int port() const { return port_; }

 private:
  AdminServer() = default;
  std::vector<std::unique_ptr<CivetHandler>> handlers_;  // Outlive the server.
  std::unique_ptr<CivetServer> server_;
  int port_ = 0;
};

}  // namespace milepost::rpc
