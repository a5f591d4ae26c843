#include "target-svc/service/record_access.h"

#include <optional>

#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/service/action_service.h"
#include "target-svc/service/actual_service.h"
#include "target-svc/service/commitment_service.h"
#include "target-svc/service/funnel_service.h"
#include "target-svc/service/incentive_service.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/store/actual_store.h"
#include "target-svc/store/commitment_store.h"
#include "target-svc/store/letter_store.h"
#include "target-svc/store/scorecard_store.h"

namespace milepost::target {

bool MaySeeRecord(const rpc::Caller& caller, db::Session& db, Directory& directory,
                  const std::string& record) {
  for (const char* collection : {"units", "members", "calendars", "metrics"}) {
    if (resource::IdOf(collection, record)) return true;
  }
  // Who sees every plan does not see every letter.
  if (const auto letter_ids = resource::ChildIdsOf("plans", "letters", record)) {
    const LetterStore letters{};
    const absl::StatusOr<Letter> letter = db.Read([&](db::Snapshot& snapshot) {
      return letters.Load(snapshot, letter_ids->parent, letter_ids->id);
    });
    return letter.ok() && caller.scope().MaySeePersonal(letter->member_id);
  }
  if (const auto statement_id = resource::IdOf("statements", record)) {
    const StatementStore statements{};
    const absl::StatusOr<StoredStatement> statement =
        db.Read([&](db::Snapshot& snapshot) { return statements.Load(snapshot, *statement_id); });
    return statement.ok() && MaySeeStatement(caller, *statement);
  }
  if (const auto scorecard_id = resource::IdOf("scorecards", record)) {
    const ScorecardStore scorecards{};
    const absl::StatusOr<StoredScorecard> scorecard =
        db.Read([&](db::Snapshot& snapshot) { return scorecards.Load(snapshot, *scorecard_id); });
    return scorecard.ok() && caller.scope().MaySeePersonal(scorecard->member_id);
  }
  if (record == "smartThresholds" || resource::IdOf("scorecardTemplates", record)) return true;
  if (caller.scope().sees_all()) return true;
  if (const auto action_ids = resource::ChildIdsOf("plans", "actions", record)) {
    const ActionStore actions{};
    const absl::StatusOr<bool> seen = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<bool> {
      const absl::StatusOr<StoredActionPlan> action =
          actions.Load(snapshot, action_ids->parent, action_ids->id);
      if (!action.ok()) return action.status();
      return ActionPlanService::MaySee(caller, snapshot, directory, *action);
    });
    return seen.ok() && *seen;
  }
  if (const auto actual_id = resource::IdOf("actuals", record)) {
    const ActualStore actuals{};
    const absl::StatusOr<bool> seen = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<bool> {
      const absl::StatusOr<RecordedActual> actual = actuals.Load(snapshot, *actual_id);
      if (!actual.ok()) return actual.status();
      const absl::StatusOr<Actor> actor = directory.ActorOf(caller, snapshot);
      if (!actor.ok()) return actor.status();
      return MaySeeActual(caller, *actor, *actual);
    });
    return seen.ok() && *seen;
  }
  if (const auto commission_plan_id = resource::IdOf("commissionPlans", record)) {
    const CommissionPlanStore plans{};
    const absl::StatusOr<bool> seen = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<bool> {
      const absl::StatusOr<StoredCommissionPlan> plan = plans.Load(snapshot, *commission_plan_id);
      if (!plan.ok()) return plan.status();
      return MaySeeCommissionPlan(caller, snapshot, directory, *plan);
    });
    return seen.ok() && *seen;
  }
  if (const std::optional<std::string> funnel_id = resource::IdOf("funnels", record)) {
    const FunnelStore funnels{};
    const absl::StatusOr<bool> seen = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<bool> {
      const absl::StatusOr<StoredFunnel> funnel = funnels.Load(snapshot, *funnel_id);
      if (!funnel.ok()) return funnel.status();
      const absl::StatusOr<Actor> actor = directory.ActorOf(caller, snapshot);
      if (!actor.ok()) return actor.status();
      return MaySeeFunnel(*actor, *funnel);
    });
    return seen.ok() && *seen;
  }
  const std::optional<std::string> plan_id = resource::IdOf("plans", record);
  // A commitment has the id of its node. Its history is full of words: it is for whom they are.
  std::optional<resource::ChildIds> node_ids = resource::ChildIdsOf("plans", "nodes", record);
  const std::optional<resource::ChildIds> commitment_ids =
      resource::ChildIdsOf("plans", "commitments", record);
  if (commitment_ids) node_ids = commitment_ids;
  if (!plan_id && !node_ids) return false;
  const PlanStore plans{};
  const absl::Status seen = db.Read([&](db::Snapshot& snapshot) -> absl::Status {
    const absl::StatusOr<Plan> plan = plans.Load(snapshot, plan_id ? *plan_id : node_ids->parent);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory, plans, *plan);
    if (!view.ok() || plan_id) return view.status();
    const absl::StatusOr<Node> node = plans.LoadNode(snapshot, plan->id, node_ids->id);
    if (!node.ok()) return node.status();
    if (commitment_ids) {
      const CommitmentStore commitments{};
      const absl::StatusOr<Commitment> commitment =
          commitments.Load(snapshot, plan->id, commitment_ids->id);
      if (!commitment.ok()) return commitment.status();
      if (!MaySeeWords(caller, view->actor, *plan, *commitment)) return error::NotFound(record);
    }
    return view->Shows(*node) ? absl::OkStatus() : error::NotFound(record);
  });
  return seen.ok();
}

}  // namespace milepost::target
