#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/commitment.h"

namespace milepost::target {

// Commitments with their steps. Every write happens under PlanStore::LoadForUpdate of the plan.
class CommitmentStore {
 public:
  // NOT_FOUND if nobody ever committed to the node.
  absl::StatusOr<Commitment> Load(db::Snapshot& snapshot, const std::string& plan_id,
                                  const std::string& node_id) const;

  struct Filter {
    std::string path;  // Of nodes that are this one or below it.
    std::optional<CommitmentState> state;
    std::string member_id;
  };
  // With the node that a commitment is to, as far as a list needs it.
  struct Listed {
    Commitment commitment;
    std::string path;
  };
  // Up to `limit` commitments to nodes that are there, after a path (or from the start), in the
  // order of paths.
  absl::StatusOr<std::vector<Listed>> List(db::Snapshot& snapshot, const std::string& plan_id,
                                           const Filter& filter,
                                           const std::optional<std::string>& after,
                                           int limit) const;

  // What counts in a plan, by node: what is not rejected, or only what is accepted.
  enum class Counting { kNotRejected, kAccepted };
  absl::StatusOr<CommittedUnits> Committed(db::Snapshot& snapshot, const std::string& plan_id,
                                           Counting counting) const;
  // States by node.
  absl::StatusOr<absl::flat_hash_map<std::string, CommitmentState>> States(
      db::Snapshot& snapshot, const std::string& plan_id) const;

  // Writes a commitment whose last step is new, with the next version, and returns it.
  absl::StatusOr<Commitment> Save(db::Transaction& tx, const change::Context& why,
                                  const std::string& event_type, Commitment commitment,
                                  absl::Time previous_update_time) const;

  // Removes the commitments of a plan that is deleted.
  absl::Status DeleteAll(db::Transaction& tx, const change::Context& why,
                         const std::string& plan_id, absl::Time now) const;

 private:
  absl::Status LoadSteps(db::Snapshot& snapshot, const std::string& plan_id,
                         std::vector<Listed>& commitments) const;
};

}  // namespace milepost::target
