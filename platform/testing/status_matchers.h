#pragma once

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "grpcpp/support/status.h"
#include "platform/rpc/status.h"
#include "platform/status/error.h"

namespace milepost::testing {

inline absl::Status ToStatus(const absl::Status& status) { return status; }
template <typename T>
absl::Status ToStatus(const absl::StatusOr<T>& result) {
  return result.status();
}
inline absl::Status ToStatus(const grpc::Status& status) { return rpc::FromGrpcStatus(status); }

// For absl::Status, absl::StatusOr and grpc::Status alike: EXPECT_THAT(status, IsOk()).
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status status = ToStatus(arg);
  *result_listener << status.ToString();
  return status.ok();
}

// EXPECT_THAT(status, Fails(absl::StatusCode::kNotFound, "NOT_FOUND")).
MATCHER_P2(Fails, code, reason,
           std::string(negation ? "does not fail with " : "fails with ") + std::string(reason)) {
  const absl::Status status = ToStatus(arg);
  *result_listener << status.ToString() << " reason '" << status::ReasonOf(status) << "'";
  return status.code() == code && status::ReasonOf(status) == reason;
}

// The status names exactly this field among its violations: EXPECT_THAT(status,
// NamesField("amount.minor_units")).
MATCHER_P(NamesField, field,
          std::string(negation ? "does not name " : "names the field ") + std::string(field)) {
  const absl::Status status = ToStatus(arg);
  *result_listener << status.ToString();
  for (const status::FieldViolation& violation : status::ViolationsOf(status)) {
    if (violation.field == field) return true;
  }
  return false;
}

}  // namespace milepost::testing
