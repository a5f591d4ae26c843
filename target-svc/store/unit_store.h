#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/organization.h"

namespace milepost::target {

// Units and the guard row of the organization.
class UnitStore {
 public:
  // All units with their history.
  absl::StatusOr<UnitTree> LoadTree(db::Snapshot& snapshot) const;

  // Grows with every committed write of units or members.
  absl::StatusOr<int64_t> ChangeCount(db::Snapshot& snapshot) const;
  // Puts this transaction in line with all others that write units or members, and counts it.
  absl::Status LockOrganization(db::Transaction& tx) const;

  // Adds units with version 1. ALREADY_EXISTS if an id is taken.
  absl::Status Insert(db::Transaction& tx, const change::Context& why,
                      const std::vector<Unit>& units, absl::CivilDay today) const;
  // Writes a changed unit with the next version and returns it. The organization is locked.
  absl::StatusOr<Unit> Save(db::Transaction& tx, const change::Context& why,
                            const std::string& event_type, const Unit& before, Unit unit,
                            absl::CivilDay today) const;

  // Name of a unit or member placed in the unit after the day, if any.
  absl::StatusOr<std::optional<std::string>> PlacedAfter(db::Snapshot& snapshot,
                                                         const std::string& unit_id,
                                                         absl::CivilDay day) const;
};

}  // namespace milepost::target
