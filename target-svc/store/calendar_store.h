#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/calendar.h"

namespace milepost::target {

// Calendars with their special days. A deleted one is as if it were not there, but keeps its id.
class CalendarStore {
 public:
  absl::StatusOr<Calendar> Load(db::Snapshot& snapshot, const std::string& id) const;
  // Keeps others from deleting or changing it until the transaction ends.
  absl::StatusOr<Calendar> LoadForUpdate(db::Transaction& tx, const std::string& id) const;
  absl::StatusOr<std::vector<Calendar>> List(db::Snapshot& snapshot, const std::string& after,
                                             int limit) const;

  absl::StatusOr<Calendar> Insert(db::Transaction& tx, const change::Context& why,
                                  Calendar calendar) const;
  absl::StatusOr<Calendar> Save(db::Transaction& tx, const change::Context& why, Calendar calendar,
                                absl::Time previous_update_time) const;
  // FAILED_PRECONDITION if a unit or a plan uses it.
  absl::Status Delete(db::Transaction& tx, const change::Context& why, Calendar calendar,
                      absl::Time now) const;
};

}  // namespace milepost::target
