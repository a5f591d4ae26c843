#include "target-svc/domain/plan.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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

// How ids of nodes begin that a plan makes. For a branch it comes from its id, which no other plan
// ever has.
std::string NodeIdPrefix(const Plan& plan) {
  if (plan.branch_of_id.empty()) return "n";
  constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  uint64_t hash = 14'695'981'039'346'656'037u;  // FNV-1a.
  for (const char c : plan.id) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
  std::string prefix = "b";
  for (int i = 0; i < 8; ++i, hash /= 36) prefix += kDigits[hash % 36];
  return prefix + "-";
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

absl::StatusOr<Plan> NewBranch(const Plan& origin, const Actor& actor, const BranchCommand& command,
                               absl::Time now) {
  if (absl::Status s = CheckEditor(origin, actor); !s.ok()) return s;
  Plan branch;
  branch.id = command.id;
  branch.title = command.title;
  branch.description = command.purpose;
  branch.metric_id = origin.metric_id;
  branch.period = origin.period;
  branch.target_units = origin.target_units;
  branch.currency_code = origin.currency_code;
  branch.unit_id = origin.unit_id;
  branch.calendar_id = origin.calendar_id;
  branch.rounding_units = origin.rounding_units;
  branch.state = PlanState::kBranch;
  branch.owner_id = actor.member_id;
  branch.branch_of_id = origin.id;
  branch.branch_of_version = command.version;
  branch.create_time = branch.update_time = now;
  return branch;
}

std::string NextNodeId(Plan& plan) {
  return absl::StrCat(NodeIdPrefix(plan), plan.next_node_number++);
}

int64_t GeneratedNumber(const Plan& plan, const std::string& node_id) {
  constexpr size_t kMaxDigits = 11;
  const std::string prefix = NodeIdPrefix(plan);
  int64_t number = 0;
  if (!absl::StartsWith(node_id, prefix)) return 0;
  const std::string digits = node_id.substr(prefix.size());
  return digits.size() <= kMaxDigits && absl::SimpleAtoi(digits, &number) ? number : 0;
}

absl::Status CheckDelete(const Plan& plan, const Actor& actor) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (plan.state == PlanState::kDraft || plan.state == PlanState::kBranch) return absl::OkStatus();
  return error::WrongPlanState("plans/" + plan.id, plan.state,
                               {PlanState::kDraft, PlanState::kBranch});
}

absl::Status CheckDescribe(const Plan& plan, const Actor& actor) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (plan.state != PlanState::kClosed) return absl::OkStatus();
  return error::WrongPlanState("plans/" + plan.id, plan.state,
                               {PlanState::kDraft, PlanState::kSubmitted, PlanState::kApproved,
                                PlanState::kActive, PlanState::kBranch});
}

absl::Status CheckChangePolicy(const Plan& plan, const Actor& actor) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  return CheckState(plan, PlanState::kDraft);
}

absl::Status CheckRebuild(const Plan& plan, const Actor& actor) { return CheckDelete(plan, actor); }

absl::Status CheckChangeValues(const Plan& plan, const Actor& actor, const std::string& reason) {
  if (absl::Status s = CheckEditor(plan, actor); !s.ok()) return s;
  if (plan.state == PlanState::kDraft || plan.state == PlanState::kBranch) return absl::OkStatus();
  if (plan.state != PlanState::kActive) {
    return error::WrongPlanState("plans/" + plan.id, plan.state,
                                 {PlanState::kDraft, PlanState::kBranch, PlanState::kActive});
  }
  return reason.empty() ? error::ReasonRequired("plans/" + plan.id) : absl::OkStatus();
}

}  // namespace milepost::target
