#include "platform/status/error.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/rpc/status.h"

namespace milepost::status {
namespace {

TEST(ErrorTest, CarriesReasonAndFacts) {
  const absl::Status error = Error(absl::StatusCode::kFailedPrecondition, "NOT_OPEN",
                                   "it is closed", {{"state", "won"}, {"text", "3:a:b"}});
  EXPECT_EQ(ReasonOf(error), "NOT_OPEN");
  EXPECT_EQ(FactsOf(error), (Facts{{"state", "won"}, {"text", "3:a:b"}}));
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "");
}

TEST(ErrorTest, ReportsEveryViolationAtOnce) {
  FieldViolations violations;
  EXPECT_TRUE(violations.ToStatus().ok());
  violations.Add("name", "must not be empty");
  violations.Add("amount.minor_units", "-1 is not between 0 and 9");
  const absl::Status error = violations.ToStatus();
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(error.message(),
            "name: must not be empty; amount.minor_units: -1 is not between 0 and 9");
  EXPECT_EQ(ViolationsOf(error), violations.all());
}

TEST(ErrorTest, TravelsOverTheWireAndBack) {
  FieldViolations violations;
  violations.Add("名称", "太长");
  const absl::Status sent =
      WithDetail(violations.ToStatus(), "type.googleapis.com/some.Detail", "bytes");
  const absl::Status received = rpc::FromGrpcStatus(rpc::ToGrpcStatus(sent, "log"));
  EXPECT_EQ(received.code(), sent.code());
  EXPECT_EQ(ReasonOf(received), "INVALID_FIELDS");
  EXPECT_EQ(ViolationsOf(received), violations.all());
  EXPECT_EQ(received.GetPayload("type.googleapis.com/some.Detail"), absl::Cord("bytes"));
}

TEST(ErrorTest, AnAccidentKeepsItsTextToItself) {
  const grpc::Status wire =
      rpc::ToGrpcStatus(absl::NotFoundError("SELECT secret FROM t"), "abc123");
  EXPECT_EQ(wire.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(wire.error_message(), ::testing::Not(::testing::HasSubstr("SELECT")));
  EXPECT_THAT(wire.error_message(), ::testing::HasSubstr("abc123"));
  EXPECT_EQ(rpc::ToGrpcStatus(absl::UnavailableError("x"), "l").error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace milepost::status
