#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "platform/db/session.h"

namespace milepost::reporting::testing {

// What a filled read model holds. The same options always make the same figures.
struct FillOptions {
  int64_t opportunities = 1'000'000;  // Every second one is won and has an order, a third is lost.
  int members = 200;  // In teams of ten, five teams to an office, under `units/company`.
  int products = 20;
  int sources = 8;
  int regions = 6;
  absl::CivilDay first_day = absl::CivilDay(2016, 1, 1);
  int days = 730;
  uint32_t seed = 1;
};

// Fills empty read models through the projection, from the events that feeds would carry after an
// import: opportunities by the day they were opened, each won one followed by its order. Also
// writes the organization, the products and sources, the process, and an active plan `plans/bench`
// for the last 365 days by month and office.
struct Filled {
  int64_t events = 0;   // Of opportunities and orders.
  absl::Duration took;  // To apply these, in transactions of about 15,000 events.
};
absl::StatusOr<Filled> FillReadModels(db::Session& session, const FillOptions& options);

}  // namespace milepost::reporting::testing
