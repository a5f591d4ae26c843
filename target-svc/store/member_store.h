#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/organization.h"

namespace milepost::target {

// Members with their placements and lines. Every write happens under UnitStore::LockOrganization.
class MemberStore {
 public:
  // NOT_FOUND if there is none.
  absl::StatusOr<Member> Load(db::Snapshot& snapshot, const std::string& id) const;
  // Those that exist, by id.
  absl::StatusOr<std::vector<Member>> LoadMany(db::Snapshot& snapshot,
                                               const std::vector<std::string>& ids) const;

  struct Filter {
    std::vector<std::string> unit_ids;  // Placed in one of these on `day`; empty means anywhere.
    std::optional<absl::CivilDay> day;  // Works on this day. Set if `unit_ids` is.
    bool working = false;               // With `day`: only who works on it.
  };
  // Up to `limit` members after an id, by id.
  absl::StatusOr<std::vector<Member>> List(db::Snapshot& snapshot, const Filter& filter,
                                           const std::string& after, int limit) const;

  // Units that a member leads on a day, without those below.
  absl::StatusOr<std::set<std::string>> LedUnits(db::Snapshot& snapshot, const std::string& id,
                                                 absl::CivilDay day) const;

  // Adds members with version 1. ALREADY_EXISTS if an id is taken.
  absl::Status Insert(db::Transaction& tx, const change::Context& why,
                      const std::vector<Member>& members, absl::CivilDay today) const;
  // Writes a changed member with the next version and returns it.
  absl::StatusOr<Member> Save(db::Transaction& tx, const change::Context& why,
                              const std::string& event_type, const Member& before, Member member,
                              absl::CivilDay today) const;

 private:
  absl::StatusOr<std::vector<Member>> Complete(db::Snapshot& snapshot, const db::Rows& rows) const;
};

}  // namespace milepost::target
