#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "target-svc/domain/incentive.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

// What a version of a plan (0: the newest) says is the target of `members/{member}` or
// `units/{unit}` within some days, as TargetWithin adds it up. TARGET_MISSING if that is nothing.
absl::StatusOr<SummedTarget> ReadTarget(db::Snapshot& snapshot, const PlanStore& plans,
                                        const Plan& plan, int64_t version, const std::string& owner,
                                        DayRange days);

}  // namespace milepost::target
