#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "cli/client.h"
#include "cli/loader.h"

namespace milepost::cli {

// A made-up company with Chinese names, `units/demo`: the same size and day give the same company.
// It sells since the beginning of the year before `today`; opportunities move on as days pass, so
// loading it again later continues it. Ids begin with `demo`, so that another company can be loaded
// beside it.
struct DemoOptions {
  int64_t opportunities = 2'000;  // 1 to 10,000,000
  absl::CivilDay today;
};
Dataset DemoCompany(const DemoOptions& options);

// Loads the company, and a revenue plan of this year: split by quarter on last year's shares, by
// region, team and member, by month on working days; submitted by the user, approved by `approver`,
// active. Safe to repeat.
absl::Status LoadDemo(Client& client, Client& approver, const DemoOptions& options);

}  // namespace milepost::cli
