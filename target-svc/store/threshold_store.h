#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "milepost/target/v1/setting.pb.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/smart_check.h"

namespace milepost::target {

// The company's thresholds of the SMART check, as stored; version 1 if nobody changed them.
struct SmartThresholds {
  SmartSettings settings;
  int64_t version = 1;
  absl::Time update_time;
};

v1::SmartThresholds ToProto(const SmartThresholds& thresholds);

// The one record of thresholds.
class ThresholdStore {
 public:
  absl::StatusOr<SmartThresholds> Load(db::Snapshot& snapshot) const;
  absl::StatusOr<SmartThresholds> LoadForUpdate(db::Transaction& tx) const;
  // Writes the next version and returns it.
  absl::StatusOr<SmartThresholds> Save(db::Transaction& tx, const change::Context& why,
                                       SmartThresholds thresholds,
                                       absl::Time previous_update_time) const;
};

}  // namespace milepost::target
