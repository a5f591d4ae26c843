#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/metric.h"

namespace milepost::target {

class MetricStore {
 public:
  absl::StatusOr<Metric> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<Metric> LoadForUpdate(db::Transaction& tx, const std::string& id) const;
  absl::StatusOr<std::vector<Metric>> List(db::Snapshot& snapshot, const std::string& after,
                                           int limit) const;

  absl::StatusOr<Metric> Insert(db::Transaction& tx, const change::Context& why,
                                Metric metric) const;
  absl::StatusOr<Metric> Save(db::Transaction& tx, const change::Context& why, Metric metric,
                              absl::Time previous_update_time) const;
};

}  // namespace milepost::target
