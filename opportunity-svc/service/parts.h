#pragma once

#include <algorithm>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "opportunity-svc/service/customers.h"
#include "opportunity-svc/service/references.h"
#include "platform/change/feed_tail.h"
#include "platform/rpc/runner.h"

namespace milepost::opportunity {

// The moment of a change: now, but always after the record's change before, however the clocks of
// two servers differ.
inline absl::Time MomentAfter(absl::Time before, absl::Time now) {
  return std::max(now, before + absl::Microseconds(1));
}

// What the services of this process share; all of it outlives them.
struct Parts {
  rpc::Runner& rpc;
  References& references;
  Customers& customers;
  change::FeedTail& feed_tail;
  std::string currency_code;

  // The moment of a request, as fine as it is stored.
  absl::Time Now() const { return absl::FromUnixMicros(absl::ToUnixMicros(rpc.now())); }
  absl::CivilDay Today() const { return absl::ToCivilDay(rpc.now(), rpc.options().zone); }
};

}  // namespace milepost::opportunity
