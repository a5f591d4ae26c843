#pragma once

#include <string>

#include "absl/status/status.h"

// Every error of reporting-svc that a client can see, besides bad fields of requests.
namespace milepost::reporting::error {

// Absent and hidden alike.
absl::Status NotFound(const std::string& name);
// No event yields actual values of this metric.
absl::Status MetricNotDerived(const std::string& metric, const std::string& plan);
// A plan's node is for single customers, which figures are not kept by.
absl::Status CustomerTarget(const std::string& node);
// A setting that the service cannot do without.
absl::Status MissingSetting(const std::string& flag);
// A change or document that this build cannot read; the client sees INTERNAL.
absl::Status Unreadable(const std::string& what);
// The read models are being built anew.
absl::Status Rebuilding();
// This replica is still reading the figures.
absl::Status FiguresNotLoaded();

}  // namespace milepost::reporting::error
