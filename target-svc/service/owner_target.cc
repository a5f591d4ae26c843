#include "target-svc/service/owner_target.h"

#include <optional>
#include <utility>

#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {

absl::StatusOr<SummedTarget> ReadTarget(db::Snapshot& snapshot, const PlanStore& plans,
                                        const Plan& plan, int64_t version, const std::string& owner,
                                        DayRange days) {
  PlanStore::NodeFilter filter;
  filter.unit_id = resource::IdOf("units", owner).value_or("");
  filter.member_id = resource::IdOf("members", owner).value_or("");
  if (version != 0) filter.version = version;
  absl::StatusOr<std::vector<Node>> nodes = plans.AllNodes(snapshot, plan.id, filter);
  if (!nodes.ok()) return nodes.status();
  std::optional<SummedTarget> target = TargetWithin(*std::move(nodes), days);
  if (target && target->units > 0) return *std::move(target);
  return error::TargetMissing(resource::Name("plans", plan.id),
                              version == 0 ? plan.version : version, owner, days);
}

}  // namespace milepost::target
