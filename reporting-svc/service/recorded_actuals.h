#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "platform/db/session.h"
#include "reporting-svc/store/document_store.h"

namespace milepost::reporting {

// What was written down by hand for a metric, one entry a row. There are few: they are read as they
// are, not summed up before.
struct RecordedActuals {
  struct Entry {
    absl::CivilDay day;
    std::string unit;  // That it counts for, on its day.
    std::string member;
    std::string product;
    std::string region;
    std::string channel;
    int64_t value = 0;
  };

  bool money = false;
  std::vector<Entry> entries;  // Those that no other took the place of.
};

// The entries of a metric; for `spend` those of its kinds too, as target-svc counts them. nullopt
// unless the metric is recorded by hand and its entries are added.
absl::StatusOr<std::optional<RecordedActuals>> ReadRecordedActuals(db::Snapshot& snapshot,
                                                                   DocumentStore& documents,
                                                                   const std::string& metric_id);

}  // namespace milepost::reporting
