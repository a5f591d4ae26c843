#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/profile.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace milepost::cli {

// A method of the suite by its full name; it must exist.
const google::protobuf::MethodDescriptor* MethodOf(const char* method);

// Calls the suite's services over TLS with the user's token. Any thread may call.
class Client {
 public:
  // `token_file` overrides the profile's if not empty.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const Profile& profile,
                                                         const std::string& token_file);

  // A context with the token and a deadline.
  std::unique_ptr<grpc::ClientContext> Context(absl::Duration timeout) const;

  // Channel of the service that serves a proto package: "milepost.customer.v1" → customer-svc.
  // `service` overrides it for packages that all four serve (feed, change).
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& package,
                                           const std::string& service = "") const;

  // Any unary RPC. `request` and the answer are of the method's types.
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Call(
      const google::protobuf::MethodDescriptor& method, const google::protobuf::Message& request,
      const std::string& service = "");

  // The same by name, where the answer's type is known: "milepost.target.v1.PlanService.GetPlan".
  template <typename Response>
  absl::StatusOr<Response> Call(const char* method, const google::protobuf::Message& request) {
    auto response = Call(*MethodOf(method), request);
    if (!response.ok()) return response.status();
    return std::move(static_cast<Response&>(**response));
  }

  // Any server-streaming RPC; `receive` returns false to end it.
  absl::Status Stream(const google::protobuf::MethodDescriptor& method,
                      const google::protobuf::Message& request,
                      const std::function<bool(const google::protobuf::Message&)>& receive,
                      const std::string& service = "");

 private:
  Client() = default;
  std::string token_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;  // By service.
};

// A new random UUID, for request_id.
std::string NewUuid();

// A new message of a compiled-in type.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type);

}  // namespace milepost::cli
