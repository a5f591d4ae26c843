#include "target-svc/domain/commitment.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

absl::Status CheckOpen(const Plan& plan) {
  const std::string name = absl::StrCat("plans/", plan.id);
  if (plan.commitment_policy == CommitmentPolicy::kClosed) return error::CommitmentsClosed(name);
  if (plan.state == PlanState::kDraft || plan.state == PlanState::kSubmitted)
    return absl::OkStatus();
  return error::WrongPlanState(name, plan.state, {PlanState::kDraft, PlanState::kSubmitted});
}

absl::Status CheckOwner(const CommitmentCase& c) {
  return OwnsTarget(c.actor, c.owner) ? absl::OkStatus() : error::MayNotCommit(c.node.Name());
}

// Nobody decides on what is their own, whatever else they may.
absl::Status CheckDecider(const Commitment& commitment, const CommitmentCase& c) {
  if (OwnsTarget(c.actor, c.owner) || c.actor.member_id == commitment.member_id)
    return error::OwnCommitment(commitment.Name());
  return DecidesOnTarget(c.actor, c.owner) ? absl::OkStatus()
                                           : error::MayNotDecide(commitment.Name());
}

absl::Status CheckState(const Commitment& commitment, CommitmentState wanted) {
  return commitment.state == wanted
             ? absl::OkStatus()
             : error::WrongCommitmentState(commitment.Name(), commitment.state, wanted);
}

absl::StatusOr<Commitment> AddStep(Commitment commitment, const CommitmentCase& c,
                                   CommitmentAction action, int64_t value_units,
                                   const std::string& note) {
  if (commitment.steps.size() >= kMaxCommitmentSteps)
    return error::TooManyCommitmentSteps(commitment.Name());
  commitment.steps.push_back(
      {action, c.actor.member_id, value_units, c.node.target_units, note, c.now});
  commitment.update_time = c.now;
  return commitment;
}

absl::StatusOr<Commitment> Decide(Commitment commitment, const CommitmentCase& c,
                                  CommitmentAction action, CommitmentState state,
                                  int64_t value_units, const std::string& note) {
  if (absl::Status s = CheckDecider(commitment, c); !s.ok()) return s;
  if (absl::Status s = CheckOpen(c.plan); !s.ok()) return s;
  if (absl::Status s = CheckState(commitment, CommitmentState::kProposed); !s.ok()) return s;
  commitment.state = state;
  commitment.decider_id = c.actor.member_id;
  return AddStep(std::move(commitment), c, action, value_units, note);
}

}  // namespace

bool OwnsTarget(const Actor& actor, const TargetOwner& owner) {
  if (!owner.member_id.empty()) return actor.member_id == owner.member_id;
  return owner.unit_id.empty() ? actor.leads_top : actor.own_units.contains(owner.unit_id);
}

bool DecidesOnTarget(const Actor& actor, const TargetOwner& owner) {
  if (OwnsTarget(actor, owner)) return false;
  return actor.admin || (actor.manager && !owner.deciding_unit_id.empty() &&
                         actor.led_units.contains(owner.deciding_unit_id));
}

absl::StatusOr<Commitment> ApplyPropose(Commitment commitment, const CommitmentCase& c,
                                        int64_t committed_units, const std::string& note) {
  if (absl::Status s = CheckOwner(c); !s.ok()) return s;
  if (absl::Status s = CheckOpen(c.plan); !s.ok()) return s;
  commitment.plan_id = c.plan.id;
  commitment.node_id = c.node.id;
  commitment.member_id = c.actor.member_id;
  commitment.state = CommitmentState::kProposed;
  commitment.committed_units = committed_units;
  commitment.counter_units.reset();
  commitment.decider_id.clear();
  if (commitment.version == 0) commitment.create_time = c.now;
  return AddStep(std::move(commitment), c, CommitmentAction::kPropose, committed_units, note);
}

absl::StatusOr<Commitment> ApplyAccept(Commitment commitment, const CommitmentCase& c,
                                       const std::string& note) {
  const int64_t value = commitment.committed_units;
  return Decide(std::move(commitment), c, CommitmentAction::kAccept, CommitmentState::kAccepted,
                value, note);
}

absl::StatusOr<Commitment> ApplyCounter(Commitment commitment, const CommitmentCase& c,
                                        int64_t counter_units, const std::string& note) {
  absl::StatusOr<Commitment> countered =
      Decide(std::move(commitment), c, CommitmentAction::kCounter, CommitmentState::kCountered,
             counter_units, note);
  if (countered.ok()) countered->counter_units = counter_units;
  return countered;
}

absl::StatusOr<Commitment> ApplyReject(Commitment commitment, const CommitmentCase& c,
                                       const std::string& note) {
  const int64_t value = commitment.committed_units;
  return Decide(std::move(commitment), c, CommitmentAction::kReject, CommitmentState::kRejected,
                value, note);
}

absl::StatusOr<Commitment> ApplyAcceptCounter(Commitment commitment, const CommitmentCase& c,
                                              const std::string& note) {
  if (absl::Status s = CheckOwner(c); !s.ok()) return s;
  // Who countered may have become the owner since.
  if (c.actor.member_id == commitment.decider_id) return error::OwnCommitment(commitment.Name());
  if (absl::Status s = CheckOpen(c.plan); !s.ok()) return s;
  if (absl::Status s = CheckState(commitment, CommitmentState::kCountered); !s.ok()) return s;
  const int64_t value = commitment.counter_units.value_or(commitment.committed_units);
  commitment.member_id = c.actor.member_id;
  commitment.state = CommitmentState::kAccepted;
  commitment.committed_units = value;
  commitment.counter_units.reset();
  return AddStep(std::move(commitment), c, CommitmentAction::kAcceptCounter, value, note);
}

PlanRollup RollUpPlan(const std::vector<Node>& nodes, const CommittedUnits& committed) {
  PlanRollup rollup;
  RollupRequest request;
  request.nodes.reserve(nodes.size());
  absl::flat_hash_map<std::string, uint32_t> places;
  std::map<std::pair<uint32_t, std::string>, uint32_t> families;  // By parent and breakdown.
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    places[node.id] = i;
    RollupNode one{.target = node.target_units};
    if (const auto found = committed.find(node.id); found != committed.end())
      one.committed = found->second;
    if (i > 0) {
      const uint32_t parent = places.at(node.parent_id);
      const auto [family, added] = families.try_emplace(
          {parent, node.breakdown_id}, static_cast<uint32_t>(rollup.families.size()));
      if (added) {
        request.families.push_back({.parent = parent});
        rollup.families.push_back({parent, node.breakdown_id});
      }
      one.family = family->second;
    }
    request.nodes.push_back(one);
  }
  rollup.result = RollUp(request);
  return rollup;
}

std::vector<Violation> FindUncommitted(const std::vector<Node>& nodes,
                                       const CommittedUnits& agreed) {
  std::vector<Violation> violations;
  const PlanRollup rollup = RollUpPlan(nodes, agreed);
  if (!rollup.result.ok()) {
    for (const TreeViolation& violation : rollup.result.violations) {
      violations.push_back({ViolationKind::kNotCommitted, kRootId, "", nodes.front().target_units,
                            0, absl::StrCat(violation.field, " ", violation.message)});
    }
    return violations;
  }
  // The family that each node counts for, of those whose children are to be looked at.
  absl::flat_hash_map<std::string, std::string> followed;
  std::vector<std::string> counts_for(nodes.size());
  for (size_t f = rollup.families.size(); f-- > 0;) {
    const FamilyRollup& family = rollup.result.families[f];
    if (family.open_children < family.children)
      counts_for[rollup.families[f].node] = rollup.families[f].breakdown_id;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    if (i > 0) {
      const auto parent = followed.find(node.parent_id);
      if (parent == followed.end() || parent->second != node.breakdown_id) continue;
    }
    const NodeRollup& one = rollup.result.nodes[i];
    if (one.basis == RollupBasis::kBelow) {
      followed[node.id] = counts_for[i];
    } else if (one.basis == RollupBasis::kOpen && node.target_units > 0) {
      violations.push_back({ViolationKind::kNotCommitted, node.id, "", node.target_units, 0,
                            absl::StrCat("nothing is agreed for ", node.id, ", whose target is ",
                                         node.target_units)});
    } else if (one.basis == RollupBasis::kOwn && one.gap > 0) {
      violations.push_back({ViolationKind::kUnderCommitted, node.id, "", node.target_units,
                            one.committed,
                            absl::StrCat("agreed for ", node.id, " is ", one.committed,
                                         ", its target is ", node.target_units)});
    }
  }
  return violations;
}

}  // namespace milepost::target
