#include "platform/rpc/admin_server.h"

#include <CivetServer.h>

#include "absl/strings/str_cat.h"
#include "prometheus/text_serializer.h"

namespace milepost::rpc {
namespace {

struct Answer {
  int code = 200;
  std::string body;
  const char* type = "text/plain; charset=utf-8";
};

class Handler : public CivetHandler {
 public:
  explicit Handler(std::function<Answer()> answer) : answer_(std::move(answer)) {}
  bool handleGet(CivetServer*, mg_connection* connection) override {
    const Answer answer = answer_();
    mg_printf(
        connection,
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
        answer.code, answer.code == 200 ? "OK" : "Service Unavailable", answer.type,
        answer.body.size());
    mg_write(connection, answer.body.data(), answer.body.size());
    return true;
  }

 private:
  std::function<Answer()> answer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(
    const std::string& address, std::vector<std::shared_ptr<prometheus::Collectable>> metrics,
    Checks checks) {
  std::unique_ptr<AdminServer> admin(new AdminServer());
  // The only place beside the database where a library reports by exception.
  try {
    admin->server_ = std::make_unique<CivetServer>(
        std::vector<std::string>{"listening_ports", address, "num_threads", "4",
                                 "enable_keep_alive", "no", "request_timeout_ms", "5000"});
  } catch (const CivetException& e) {
    return absl::UnavailableError(absl::StrCat("admin port ", address, ": ", e.what()));
  }
  const auto add = [&](const char* path, std::function<Answer()> answer) {
    admin->handlers_.push_back(std::make_unique<Handler>(std::move(answer)));
    admin->server_->addHandler(path, admin->handlers_.back().get());
  };
  add("/metrics$", [metrics = std::move(metrics)] {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& collectable : metrics) {
      for (auto& family : collectable->Collect()) families.push_back(std::move(family));
    }
    return Answer{200, prometheus::TextSerializer().Serialize(families),
                  "text/plain; version=0.0.4; charset=utf-8"};
  });
  add("/healthz$", [] { return Answer{200, "ok\n"}; });
  add("/startupz$", [checks] {
    return checks.started() ? Answer{200, "ok\n"} : Answer{503, "starting\n"};
  });
  add("/readyz$", [checks] {
    const std::string reason = checks.started() ? checks.not_ready() : "starting";
    return reason.empty() ? Answer{200, "ok\n"} : Answer{503, reason + "\n"};
  });
  admin->port_ = admin->server_->getListeningPorts().at(0);
  return admin;
}

AdminServer::~AdminServer() {
  if (server_ != nullptr) server_->close();
}

}  // namespace milepost::rpc
