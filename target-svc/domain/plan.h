#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "target-svc/domain/organization.h"
#include "target-svc/domain/working_calendar.h"

// A target plan and its way through its states. Ids are bare. Pure functions.
namespace milepost::target {

enum class PlanState {
  kDraft = 1,
  kSubmitted = 2,
  kApproved = 3,
  kActive = 4,
  kClosed = 5,
  kBranch = 6
};
enum class PlanVisibility { kPrivate = 1, kPublic = 2 };
enum class CommitmentPolicy { kClosed = 1, kOpen = 2, kRequired = 3 };

struct Plan {
  std::string id;
  std::string title;
  std::string description;
  std::string metric_id;
  DayRange period;
  int64_t target_units = 0;
  std::string currency_code;
  PlanVisibility visibility = PlanVisibility::kPrivate;
  CommitmentPolicy commitment_policy = CommitmentPolicy::kClosed;
  std::string unit_id;
  std::string calendar_id;
  int64_t rounding_units = 1;
  PlanState state = PlanState::kDraft;
  std::string owner_id;
  std::string submitter_id;
  std::string approver_id;
  std::string accepted_variance_reason;
  int64_t accepted_violation_count = 0;
  std::string rejection_reason;
  std::optional<absl::Time> submit_time;
  std::optional<absl::Time> approve_time;
  std::optional<absl::Time> activate_time;
  std::optional<absl::Time> close_time;
  int64_t node_count = 1;
  int64_t next_node_number = 1;
  std::string branch_of_id;  // Of a branch: the plan that it is of, and the version copied.
  int64_t branch_of_version = 0;
  int64_t merged_version = 0;  // Its own version that was merged last, and the one that it made.
  int64_t merged_into_version = 0;
  int64_t baseline_version = 0;  // What was planned before the first re-plan; 0: there was none.
  int64_t version = 0;           // Of the plan with its nodes: every write of either makes one.
  absl::Time create_time;
  absl::Time update_time;
};

// One change of a plan, as it is remembered.
struct PlanVersion {
  std::string plan_id;
  int64_t version = 0;
  std::string type;
  std::string actor_id;
  absl::Time change_time;
  std::string reason;
  std::string node_id;
  int64_t created_nodes = 0;
  int64_t changed_nodes = 0;
  int64_t deleted_nodes = 0;
  PlanState state = PlanState::kDraft;
  int64_t target_units = 0;
};

// Whether a plan would cover more than kMaxPlanYears.
bool IsTooLong(DayRange period);

// Who acts on plans.
struct Actor {
  std::string member_id;
  bool admin = false;               // Does everything but approve its own.
  bool manager = false;             // Acts on its own plans and on those of units it leads.
  bool reader = false;              // Sees every plan: analysts, marketing, services.
  std::set<std::string> led_units;  // Units it leads, with all below; only if it is a manager.
  std::set<std::string> own_units;  // Of these the ones that it leads itself.
  bool leads_top = false;           // Leads a unit at the top: then plans of the whole company too.
};

// Whether the actor leads the plan's unit, or the company if it has none.
bool LeadsPlan(const Actor& actor, const Plan& plan);
bool MayEdit(const Actor& actor, const Plan& plan);
// Sees all of it. Who does not may still see its own chain if the plan shows chains.
bool MaySeeAll(const Actor& actor, const Plan& plan);
// Who has a target in the plan sees its own chain: to be measured by it, or to commit to it.
bool ShowsChains(const Plan& plan);

// How many things do not add up, and the first of them in words.
struct Variance {
  int64_t violation_count = 0;
  std::string first;
};

struct ApproveCommand {
  bool accept_variance = false;
  std::string reason;
};

absl::StatusOr<Plan> ApplySubmit(Plan plan, const Actor& actor, absl::Time now);
absl::StatusOr<Plan> ApplyWithdraw(Plan plan, const Actor& actor, absl::Time now);
absl::StatusOr<Plan> ApplyApprove(Plan plan, const Actor& actor, const ApproveCommand& command,
                                  const Variance& variance, absl::Time now);
absl::StatusOr<Plan> ApplyReject(Plan plan, const Actor& actor, const std::string& reason,
                                 absl::Time now);
absl::StatusOr<Plan> ApplyActivate(Plan plan, const Actor& actor, absl::Time now);
absl::StatusOr<Plan> ApplyClose(Plan plan, const Actor& actor, absl::Time now);

// The branch of a version of a plan, for somebody who may make one.
struct BranchCommand {
  std::string id;
  int64_t version = 0;
  std::string title;
  std::string purpose;
};
absl::StatusOr<Plan> NewBranch(const Plan& origin, const Actor& actor, const BranchCommand& command,
                               absl::Time now);

// The id of the next node made in the plan, and its number in a plan that made it, else 0. Those of
// branches are unlike all others, so that a merge never takes two nodes for one.
std::string NextNodeId(Plan& plan);
int64_t GeneratedNumber(const Plan& plan, const std::string& node_id);

// Whether the plan may be deleted, its descriptive fields changed, its breakdowns rebuilt, its
// values changed.
absl::Status CheckDelete(const Plan& plan, const Actor& actor);
absl::Status CheckDescribe(const Plan& plan, const Actor& actor);
// What the rules of agreement are is settled before anybody relies on them.
absl::Status CheckChangePolicy(const Plan& plan, const Actor& actor);
absl::Status CheckRebuild(const Plan& plan, const Actor& actor);
// An active plan changes only with a reason.
absl::Status CheckChangeValues(const Plan& plan, const Actor& actor, const std::string& reason);

}  // namespace milepost::target
