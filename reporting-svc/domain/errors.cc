#include "reporting-svc/domain/errors.h"

#include "absl/strings/str_cat.h"
#include "platform/status/error.h"

namespace milepost::reporting::error {

absl::Status NotFound(const std::string& name) {
  return status::Error(absl::StatusCode::kNotFound, "NOT_FOUND",
                       absl::StrCat(name, " does not exist"), {{"name", name}});
}

absl::Status MetricNotDerived(const std::string& metric, const std::string& plan) {
  return status::Error(
      absl::StatusCode::kFailedPrecondition, "METRIC_NOT_DERIVED",
      absl::StrCat("neither events nor recorded entries that add up yield actual values of ",
                   metric, ", the metric of ", plan),
      {{"metric", metric}, {"plan", plan}});
}

absl::Status CustomerTarget(const std::string& node) {
  return status::Error(
      absl::StatusCode::kFailedPrecondition, "CUSTOMER_TARGET",
      absl::StrCat(node, " is a target for one customer; figures are not kept by customer"),
      {{"node", node}});
}

absl::Status MissingSetting(const std::string& flag) {
  return absl::InvalidArgumentError(absl::StrCat(flag, " is required"));
}

absl::Status Unreadable(const std::string& what) {
  return absl::InternalError(absl::StrCat(what, " is not readable"));
}

absl::Status Rebuilding() {
  return status::Error(absl::StatusCode::kUnavailable, "READ_MODEL_REBUILDING",
                       "the read models are being built anew; try again later");
}

absl::Status FiguresNotLoaded() {
  return status::Error(absl::StatusCode::kUnavailable, "FIGURES_NOT_LOADED",
                       "the figures are still being read; try again later");
}

}  // namespace milepost::reporting::error
