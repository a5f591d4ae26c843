#pragma once

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace milepost::rpc {

// What a client sees of `status`: code, message and google.rpc.Status details (ErrorInfo,
// BadRequest, typed details). A status without a reason is an accident: it becomes INTERNAL (or
// keeps UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, ABORTED, RESOURCE_EXHAUSTED) with a fixed text
// and `log_id`, under which the log holds the truth.
grpc::Status ToGrpcStatus(const absl::Status& status, const std::string& log_id);

// The other way round, for answers of peers: code, message, reason, facts and violations are kept.
absl::Status FromGrpcStatus(const grpc::Status& status);

// `NotFound`-style name of a code, as dashboards expect it.
const char* CodeName(grpc::StatusCode code);

}  // namespace milepost::rpc
