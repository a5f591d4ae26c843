#include "target-svc/service/plan_view.h"

#include <utility>

#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

std::vector<std::string> LedUnits(const Actor& actor) {
  return {actor.led_units.begin(), actor.led_units.end()};
}

}  // namespace

absl::StatusOr<PlanView> ViewOf(const rpc::Caller& caller, db::Snapshot& snapshot,
                                Directory& directory, const PlanStore& plans, const Plan& plan) {
  absl::StatusOr<Actor> actor = directory.ActorOf(caller, snapshot);
  if (!actor.ok()) return actor.status();
  PlanView view;
  view.actor = *std::move(actor);
  view.all = MaySeeAll(view.actor, plan);
  if (view.all) return view;
  if (ShowsChains(plan)) {
    const absl::StatusOr<std::vector<std::string>> paths =
        plans.PathsFor(snapshot, plan.id, caller.scope().owners(), LedUnits(view.actor));
    if (!paths.ok()) return paths.status();
    for (const std::string& path : *paths) {
      view.paths.insert(path);
      for (std::string& above : AncestorPaths(path)) view.paths.insert(std::move(above));
    }
  }
  if (view.paths.empty()) return error::NotFound(resource::Name("plans", plan.id));
  return view;
}

absl::StatusOr<std::vector<Plan>> Visible(const rpc::Caller& caller, db::Snapshot& snapshot,
                                          Directory& directory, const PlanStore& plans,
                                          std::vector<Plan> candidates) {
  const absl::StatusOr<Actor> actor = directory.ActorOf(caller, snapshot);
  if (!actor.ok()) return actor.status();
  std::vector<std::string> unsure;
  for (const Plan& plan : candidates) {
    if (!MaySeeAll(*actor, plan) && ShowsChains(plan)) unsure.push_back(plan.id);
  }
  const absl::StatusOr<std::set<std::string>> partly =
      plans.PlansFor(snapshot, unsure, caller.scope().owners(), LedUnits(*actor));
  if (!partly.ok()) return partly.status();
  std::erase_if(candidates, [&](const Plan& plan) {
    return !MaySeeAll(*actor, plan) && !partly->contains(plan.id);
  });
  return candidates;
}

}  // namespace milepost::target
