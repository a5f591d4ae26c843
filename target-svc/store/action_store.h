#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "milepost/target/v1/action.pb.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::target {

// An action plan as it is kept: its keys, and the public resource without times and etag.
struct StoredActionPlan {
  std::string plan_id;
  std::string id;
  std::string node_id;
  std::string owner_id;
  v1::ActionPlan body;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;

  std::string Name() const { return "plans/" + plan_id + "/actions/" + id; }
};

v1::ActionPlan ToProto(const StoredActionPlan& stored);

class ActionStore {
 public:
  absl::StatusOr<StoredActionPlan> Load(db::Snapshot& snapshot, const std::string& plan_id,
                                        const std::string& id) const;
  absl::StatusOr<StoredActionPlan> LoadForUpdate(db::Transaction& tx, const std::string& plan_id,
                                                 const std::string& id) const;

  struct Filter {
    std::string plan_id;  // This or the owner is set.
    std::string node_id;
    std::string owner_id;
    std::optional<v1::ActionPlan::Kind> kind;
    std::optional<v1::ActionPlan::State> state;
  };
  // Where a page ended.
  struct Key {
    std::string plan_id;
    std::string id;
  };
  // Up to `limit` after a key, by plan and id.
  absl::StatusOr<std::vector<StoredActionPlan>> List(db::Snapshot& snapshot, const Filter& filter,
                                                     const Key& after, int limit) const;
  absl::StatusOr<StoredActionPlan> Insert(db::Transaction& tx, const change::Context& why,
                                          StoredActionPlan stored) const;
  // Writes the next version; `type` is what happened (`action-plan.started`).
  absl::StatusOr<StoredActionPlan> Save(db::Transaction& tx, const change::Context& why,
                                        const std::string& type, StoredActionPlan stored,
                                        absl::Time previous_update_time) const;
};

}  // namespace milepost::target
