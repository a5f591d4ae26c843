#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "milepost/target/v1/incentive.pb.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::target {

// A commission plan as it is kept: what decides who sees it, and the public resource without times
// and etag.
struct StoredCommissionPlan {
  std::string id;
  std::string owner_id;
  std::string unit_id;
  v1::CommissionPlan body;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;
};

v1::CommissionPlan ToProto(const StoredCommissionPlan& plan);

class CommissionPlanStore {
 public:
  absl::StatusOr<StoredCommissionPlan> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<StoredCommissionPlan> LoadForUpdate(db::Transaction& tx,
                                                     const std::string& id) const;
  // Up to `limit` after an id, by id.
  absl::StatusOr<std::vector<StoredCommissionPlan>> List(db::Snapshot& snapshot,
                                                         const std::string& after, int limit) const;
  absl::StatusOr<StoredCommissionPlan> Insert(db::Transaction& tx, const change::Context& why,
                                              StoredCommissionPlan plan) const;
  // Writes the next version; `type` is what happened (`commission-plan.updated`).
  absl::StatusOr<StoredCommissionPlan> Save(db::Transaction& tx, const change::Context& why,
                                            const std::string& type, StoredCommissionPlan plan,
                                            absl::Time previous_update_time) const;
};

// A statement that was issued, with its keys.
struct StoredStatement {
  std::string id;
  std::string commission_plan_id;
  std::string member_id;
  absl::CivilDay first_day;
  absl::CivilDay last_day;
  v1::CommissionStatement body;  // With its name and time.
  absl::Time issue_time;
};

// Statements that were issued. They are written once, under LoadForUpdate of their commission plan.
class StatementStore {
 public:
  absl::StatusOr<StoredStatement> Load(db::Snapshot& snapshot, const std::string& id) const;

  struct Filter {
    std::string commission_plan_id;
    std::string member_id;
    std::optional<absl::CivilDay> first_day;  // The period does not end before it,
    std::optional<absl::CivilDay> last_day;   // nor begin after it.
  };
  // Up to `limit` after an id, by id.
  absl::StatusOr<std::vector<StoredStatement>> List(db::Snapshot& snapshot, const Filter& filter,
                                                    const std::string& after, int limit) const;
  // Those of a member from one commission plan, of periods that begin before the day, newest first.
  absl::StatusOr<std::vector<StoredStatement>> Before(db::Snapshot& snapshot,
                                                      const std::string& commission_plan_id,
                                                      const std::string& member_id,
                                                      absl::CivilDay day, int limit) const;
  // Id of the one of the last period; empty if there is none.
  absl::StatusOr<std::string> LastId(db::Snapshot& snapshot, const std::string& commission_plan_id,
                                     const std::string& member_id) const;

  // ALREADY_EXISTS also if the period has a statement.
  absl::Status Insert(db::Transaction& tx, const change::Context& why,
                      const StoredStatement& statement) const;
};

}  // namespace milepost::target
