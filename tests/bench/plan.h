#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/client.h"

namespace milepost::bench {

// One thing done to a large plan.
struct PlanStep {
  std::string what;
  int64_t nodes = 0;  // Created, changed or read.
  absl::Duration took;
};

// Makes a year's plan of about so many leaves, for one member in each 1,000 leaves: by member, by
// product (three), and as many of these by working day as it takes; reads it page by page, checks
// it, adjusts it at the root and undoes that. `say` is told what begins.
absl::StatusOr<std::vector<PlanStep>> MeasureLargePlan(
    cli::Client& client, int64_t leaves, const std::function<void(const std::string&)>& say);

}  // namespace milepost::bench
