#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/recorded_actual.h"

namespace milepost::target {

// Actual values that were written down by hand.
class ActualStore {
 public:
  absl::StatusOr<RecordedActual> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<RecordedActual> LoadForUpdate(db::Transaction& tx, const std::string& id) const;

  struct Filter {
    std::string metric_id;  // Required.
    DayRange period;
    std::string recorder_id;
    bool counting_only = false;
  };
  // Where a page ended.
  struct Key {
    absl::CivilDay day;
    std::string id;
  };
  // Up to `limit` entries of that very metric after a key (or from the start), by day and id.
  absl::StatusOr<std::vector<RecordedActual>> List(db::Snapshot& snapshot, const Filter& filter,
                                                   const std::optional<Key>& after,
                                                   int limit) const;

  // Calls with every entry that counts for a metric on the days of a period: for `spend` also those
  // of its kinds.
  absl::Status ForEach(db::Snapshot& snapshot, const std::string& metric_id, DayRange period,
                       const std::function<void(const RecordedActual&)>& use) const;

  // Adds an entry, and writes into `corrected` that it took its place. ALREADY_CORRECTED if another
  // one did.
  absl::StatusOr<RecordedActual> Insert(db::Transaction& tx, const change::Context& why,
                                        RecordedActual actual,
                                        std::optional<RecordedActual> corrected) const;
};

}  // namespace milepost::target
