#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/support/server_interceptor.h"

namespace milepost::rpc {

// INVALID_ARGUMENT / REQUEST_NOT_DECODABLE.
absl::Status NotDecodable();

// gRPC's callback API answers a request that cannot be decoded (broken protobuf, text that is not
// UTF-8) with UNIMPLEMENTED and no message. This turns that answer into INVALID_ARGUMENT with
// reason REQUEST_NOT_DECODABLE.
std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
DecodeErrorInterceptors();

}  // namespace milepost::rpc
