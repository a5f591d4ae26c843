#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "platform/rpc/runner.h"

namespace milepost::customer {

// The runner's time, cut to microseconds, so that an answer equals a later read.
inline absl::Time Now(const rpc::Runner& runner) {
  return absl::FromUnixMicros(absl::ToUnixMicros(runner.now()));
}

// The same for a change of a record, later than its last one also when clocks differ.
inline absl::Time ChangeTime(absl::Time now, absl::Time previous_update_time) {
  return std::max(now, previous_update_time + absl::Microseconds(1));
}

}  // namespace milepost::customer
