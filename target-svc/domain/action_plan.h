#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "target-svc/domain/working_calendar.h"

// Action plans: their way through their states, how far and how late they are. Ids are bare. Pure
// functions.
namespace milepost::target {

enum class ActionState { kPlanned = 1, kActive = 2, kDone = 3, kCancelled = 4 };
enum class ActionVerb {
  kUpdate = 1,
  kStart = 2,
  kFinish = 3,
  kCancel = 4,
  kReach = 5,
  kRecord = 6
};

// The state after the verb; WRONG_STATE if it cannot be.
absl::StatusOr<ActionState> ApplyAction(const std::string& name, ActionState state,
                                        ActionVerb verb);

struct ActionMilestone {
  std::string id;
  absl::CivilDay due;
  std::optional<absl::CivilDay> done;
};

struct ActionProgress {
  int64_t progress_ppm = 0;
  int64_t expected_ppm = 0;
  int slippage_days = 0;
  std::vector<int> late_days;  // Of each milestone.
  std::string next;            // The first milestone that is not reached.
};

// As of a day: what is reached later is not reached. Without milestones progress is 1,000,000 once
// it is done, and the expected progress is the share of its days that are gone. What is over, done
// or cancelled, slips no further.
ActionProgress TrackAction(const std::vector<ActionMilestone>& milestones, DayRange period,
                           ActionState state, std::optional<absl::CivilDay> end,
                           absl::CivilDay as_of);

// What was measured less what would have come anyway: `baseline` is of the whole period and counts
// by the days gone, rounded to the nearest.
int64_t LessBaseline(int64_t measured, int64_t baseline, DayRange period, absl::CivilDay as_of);

}  // namespace milepost::target
