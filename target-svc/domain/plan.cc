#include "target-svc/domain/plan.h"

#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

absl::Status CheckEditor(const Plan& plan, const Actor& actor) {
  return MayEdit(actor, plan) ? absl::OkStatus() : error::MayNotEdit("plans/" + plan.id);
}

absl::Status CheckState(const Plan& plan, PlanState wanted) {
  return plan.state == wanted ? absl::OkStatus()
                              : error::WrongPlanState("plans/" + plan.id, plan.state, {wanted});
}

// Nobody decides on what is their own.
absl::Status CheckApprover(const Plan& plan, const Actor& actor) {
  if (actor.member_id == plan.owner_id) return error::OwnPlan("plans/" + plan.id, "own");
  if (actor.member_id == plan.submitter_id) return error::OwnPlan("plans/" + plan.id, "submitted");
  if (actor.admin || (actor.manager && LeadsPlan(actor, plan))) return absl::OkStatus();
  return error::MayNotApprove("plans/" + plan.id);
}

}  // namespace

bool IsTooLong(DayRange period) {
  return period.last >= absl::CivilDay(period.first.year() + kMaxPlanYears, period.first.month(),
                                       period.first.day());
}

bool LeadsPlan(const Actor& actor, const Plan& plan) {
  return plan.unit_id.empty() ? actor.leads_top : actor.led_units.contains(plan.unit_id);
}

bool MayEdit(const Actor& actor, const Plan& plan) {
  return actor.admin ||
         (actor.manager && (actor.member_id == plan.owner_id || LeadsPlan(actor, plan)));
}

bool MaySeeAll(const Actor& actor, const Plan& plan) {
  return plan.visibility == PlanVisibility::kPublic || actor.admin || actor.reader ||
         actor.member_id == plan.owner_id || (actor.manager && LeadsPlan(actor, plan));
}

bool ShowsChains(const Plan& plan) {
  return plan.state == PlanState::kActive || plan.state == PlanState::kClosed ||
         plan.commitment_policy != CommitmentPolicy::kClosed;
}

absl::StatusOr<Plan> ApplySubmit(Plan plan, const Actor& actor, absl::Time now) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (absl::Status s = CheckState(plan, PlanState::kDraft); !s.ok()) return s;
  plan.state = PlanState::kSubmitted;
  plan.submitter_id = actor.member_id;
  plan.submit_time = now;
  plan.rejection_reason.clear();
  plan.update_time = now;
  return plan;
}

absl::StatusOr<Plan> ApplyWithdraw(Plan plan, const Actor& actor, absl::Time now) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (absl::Status s = CheckState(plan, PlanState::kSubmitted); !s.ok()) return s;
  plan.state = PlanState::kDraft;
  plan.update_time = now;
  return plan;
}

absl::StatusOr<Plan> ApplyApprove(Plan plan, const Actor& actor, const ApproveCommand& command,
                                  const Variance& variance, absl::Time now) {
  if (absl::Status s = CheckApprover(plan, actor); !s.ok()) return s;
  if (absl::Status s = CheckState(plan, PlanState::kSubmitted); !s.ok()) return s;
  if (variance.violation_count > 0 && !command.accept_variance)
    return error::PlanDoesNotAddUp("plans/" + plan.id, variance);
  plan.state = PlanState::kApproved;
  plan.approver_id = actor.member_id;
  plan.approve_time = now;
  plan.accepted_violation_count = variance.violation_count;
  plan.accepted_variance_reason = variance.violation_count > 0 ? command.reason : "";
  plan.update_time = now;
  return plan;
}

absl::StatusOr<Plan> ApplyReject(Plan plan, const Actor& actor, const std::string& reason,
                                 absl::Time now) {
  if (absl::Status s = CheckApprover(plan, actor); !s.ok()) return s;
  if (absl::Status s = CheckState(plan, PlanState::kSubmitted); !s.ok()) return s;
  plan.state = PlanState::kDraft;
  plan.rejection_reason = reason;
  plan.update_time = now;
  return plan;
}

absl::StatusOr<Plan> ApplyActivate(Plan plan, const Actor& actor, absl::Time now) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (absl::Status s = CheckState(plan, PlanState::kApproved); !s.ok()) return s;
  plan.state = PlanState::kActive;
  plan.activate_time = now;
  plan.update_time = now;
  return plan;
}

absl::StatusOr<Plan> ApplyClose(Plan plan, const Actor& actor, absl::Time now) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (absl::Status s = CheckState(plan, PlanState::kActive); !s.ok()) return s;
  plan.state = PlanState::kClosed;
  plan.close_time = now;
  plan.update_time = now;
  return plan;
}

absl::Status CheckDelete(const Plan& plan, const Actor& actor) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  return CheckState(plan, PlanState::kDraft);
}

absl::Status CheckDescribe(const Plan& plan, const Actor& actor) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (plan.state != PlanState::kClosed) return absl::OkStatus();
  return error::WrongPlanState(
      "plans/" + plan.id, plan.state,
      {PlanState::kDraft, PlanState::kSubmitted, PlanState::kApproved, PlanState::kActive});
}

absl::Status CheckChangePolicy(const Plan& plan, const Actor& actor) {
  return CheckDelete(plan, actor);
}

absl::Status CheckRebuild(const Plan& plan, const Actor& actor) { return CheckDelete(plan, actor); }

absl::Status CheckChangeValues(const Plan& plan, const Actor& actor, const std::string& reason) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (plan.state == PlanState::kDraft) return absl::OkStatus();
  if (plan.state != PlanState::kActive) {
    return error::WrongPlanState("plans/" + plan.id, plan.state,
                                 {PlanState::kDraft, PlanState::kActive});
  }
  return reason.empty() ? error::ReasonRequired("plans/" + plan.id) : absl::OkStatus();
}

}  // namespace milepost::target
