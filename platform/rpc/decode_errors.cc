#include "platform/rpc/decode_errors.h"

#include "absl/status/status.h"
#include "platform/rpc/status.h"
#include "platform/status/error.h"

namespace milepost::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;

class Interceptor : public grpc::experimental::Interceptor {
 public:
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::Status status = methods->GetSendStatus();
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED &&
          status.error_message().empty()) {
        methods->ModifySendStatus(ToGrpcStatus(NotDecodable(), ""));
      }
    }
    methods->Proceed();
  }
};

class Factory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    using Type = grpc::experimental::ServerRpcInfo::Type;
    // A method that is not served is answered, rightly with UNIMPLEMENTED, as a stream both ways;
    // the served ones of that kind decode as they read.
    return info->type() == Type::BIDI_STREAMING ? nullptr : new Interceptor();
  }
};

}  // namespace

absl::Status NotDecodable() {
  return status::Error(
      absl::StatusCode::kInvalidArgument, "REQUEST_NOT_DECODABLE",
      "the request is not a valid message of its type; text fields must be valid UTF-8");
}

std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
DecodeErrorInterceptors() {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<Factory>());
  return factories;
}

}  // namespace milepost::rpc
