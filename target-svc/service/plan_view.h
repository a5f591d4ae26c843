#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/plan.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/plan_store.h"

// What of a plan a caller may see.
namespace milepost::target {

struct PlanView {
  Actor actor;
  bool all = false;
  std::set<std::string>
      paths;  // Without `all`: the caller's own nodes, those of what it leads, and all above them.

  bool Shows(const Node& node) const { return all || paths.contains(node.path); }
};

// NOT_FOUND, as for an absent plan, if the caller may see nothing of it.
absl::StatusOr<PlanView> ViewOf(const rpc::Caller& caller, db::Snapshot& snapshot,
                                Directory& directory, const PlanStore& plans, const Plan& plan);

// Those of the plans that the caller may see at least a part of.
absl::StatusOr<std::vector<Plan>> Visible(const rpc::Caller& caller, db::Snapshot& snapshot,
                                          Directory& directory, const PlanStore& plans,
                                          std::vector<Plan> candidates);

}  // namespace milepost::target
