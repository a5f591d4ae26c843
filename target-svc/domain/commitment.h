#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/plan.h"
#include "target-svc/domain/rollup.h"

// What those who carry targets commit to, and what their managers say. Ids are bare. Pure
// functions.
namespace milepost::target {

enum class CommitmentState { kProposed = 1, kCountered = 2, kAccepted = 3, kRejected = 4 };
enum class CommitmentAction {
  kPropose = 1,
  kAccept = 2,
  kCounter = 3,
  kReject = 4,
  kAcceptCounter = 5
};

inline constexpr size_t kMaxCommitmentSteps = 100;

// One thing that was said.
struct CommitmentStep {
  CommitmentAction action = CommitmentAction::kPropose;
  std::string member_id;
  int64_t value_units = 0;
  int64_t target_units = 0;  // Of the node at that moment.
  std::string note;
  absl::Time step_time;
};

// The commitment to one node.
struct Commitment {
  std::string plan_id;
  std::string node_id;
  std::string member_id;  // Who committed last.
  CommitmentState state = CommitmentState::kProposed;
  int64_t committed_units = 0;
  std::optional<int64_t> counter_units;
  std::string decider_id;
  std::vector<CommitmentStep> steps;
  int64_t version = 0;  // 0: not stored yet.
  absl::Time create_time;
  absl::Time update_time;

  std::string Name() const { return "plans/" + plan_id + "/commitments/" + node_id; }
};

// Whose target a node is, and whose leaders decide on it.
struct TargetOwner {
  std::string member_id;         // Set for a target of one member.
  std::string unit_id;           // Set for a target of a unit. Neither: of the company.
  std::string deciding_unit_id;  // Who leads it decides; empty: only administrators.
};

bool OwnsTarget(const Actor& actor, const TargetOwner& owner);
// Leads whose target it is, or administers; never for what is the actor's own.
bool DecidesOnTarget(const Actor& actor, const TargetOwner& owner);

// What one verb works on. The commitment is that of the node, new if there is none.
struct CommitmentCase {
  const Plan& plan;
  const Node& node;
  const TargetOwner& owner;
  const Actor& actor;
  absl::Time now;
};

absl::StatusOr<Commitment> ApplyPropose(Commitment commitment, const CommitmentCase& c,
                                        int64_t committed_units, const std::string& note);
absl::StatusOr<Commitment> ApplyAccept(Commitment commitment, const CommitmentCase& c,
                                       const std::string& note);
absl::StatusOr<Commitment> ApplyCounter(Commitment commitment, const CommitmentCase& c,
                                        int64_t counter_units, const std::string& note);
absl::StatusOr<Commitment> ApplyReject(Commitment commitment, const CommitmentCase& c,
                                       const std::string& note);
absl::StatusOr<Commitment> ApplyAcceptCounter(Commitment commitment, const CommitmentCase& c,
                                              const std::string& note);

// Committed values by node id.
using CommittedUnits = absl::flat_hash_map<std::string, int64_t>;

// The roll-up of a whole plan, with its families by node and breakdown. The nodes are in the order
// of their paths.
struct PlanRollup {
  struct Family {
    size_t node = 0;  // Place of the node that is broken down.
    std::string breakdown_id;
  };
  std::vector<Family> families;  // As in `result`.
  RollupResult result;
};
PlanRollup RollUpPlan(const std::vector<Node>& nodes, const CommittedUnits& committed);

// The targets that are not committed to, and those committed to below their value: from the root
// down to where somebody committed, along the families that count. `agreed` holds what is agreed.
std::vector<Violation> FindUncommitted(const std::vector<Node>& nodes,
                                       const CommittedUnits& agreed);

}  // namespace milepost::target
