#include "target-svc/domain/action_plan.h"

#include <algorithm>

#include "platform/types/money.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

__extension__ using Wide = __int128;

const char* Name(ActionState state) {
  switch (state) {
    case ActionState::kPlanned:
      return "PLANNED";
    case ActionState::kActive:
      return "ACTIVE";
    case ActionState::kDone:
      return "DONE";
    case ActionState::kCancelled:
      return "CANCELLED";
  }
  return "UNKNOWN";
}

// Days of the period up to a day, and all of them.
struct Gone {
  int64_t days = 0;
  int64_t all = 1;
};
Gone GoneBy(DayRange period, absl::CivilDay as_of) {
  const int64_t all = period.last - period.first + 1;
  return {std::clamp<int64_t>(as_of - period.first + 1, 0, all), all};
}

}  // namespace

absl::StatusOr<ActionState> ApplyAction(const std::string& name, ActionState state,
                                        ActionVerb verb) {
  const bool planned = state == ActionState::kPlanned;
  const bool active = state == ActionState::kActive;
  switch (verb) {
    case ActionVerb::kUpdate:
      if (planned || active) return state;
      return error::WrongState(name, Name(state), "PLANNED or ACTIVE");
    case ActionVerb::kStart:
      if (planned) return ActionState::kActive;
      return error::WrongState(name, Name(state), "PLANNED");
    case ActionVerb::kFinish:
      if (active) return ActionState::kDone;
      return error::WrongState(name, Name(state), "ACTIVE");
    case ActionVerb::kCancel:
      if (planned || active) return ActionState::kCancelled;
      return error::WrongState(name, Name(state), "PLANNED or ACTIVE");
    case ActionVerb::kReach:
      if (active) return state;
      return error::WrongState(name, Name(state), "ACTIVE");
    case ActionVerb::kRecord:
      if (active || state == ActionState::kDone) return state;
      return error::WrongState(name, Name(state), "ACTIVE or DONE");
  }
  return error::WrongState(name, Name(state), "a state of this verb");
}

ActionProgress TrackAction(const std::vector<ActionMilestone>& milestones, DayRange period,
                           ActionState state, std::optional<absl::CivilDay> end,
                           absl::CivilDay as_of) {
  const bool over = end && *end <= as_of;
  // Days until which what is not reached gets later.
  const absl::CivilDay last = over ? *end : as_of;
  ActionProgress progress;
  if (!over && state != ActionState::kCancelled)
    progress.slippage_days = static_cast<int>(std::max<int64_t>(0, last - period.last));
  int64_t reached = 0;
  int64_t due = 0;
  for (const ActionMilestone& milestone : milestones) {
    const bool done = milestone.done && *milestone.done <= as_of;
    reached += done ? 1 : 0;
    due += milestone.due <= as_of ? 1 : 0;
    const int late =
        static_cast<int>(std::max<int64_t>(0, (done ? *milestone.done : last) - milestone.due));
    progress.late_days.push_back(late);
    if (done) continue;
    if (progress.next.empty()) progress.next = milestone.id;
    if (!over) progress.slippage_days = std::max(progress.slippage_days, late);
  }
  if (milestones.empty()) {
    progress.progress_ppm = over && state == ActionState::kDone ? kPpm : 0;
    const Gone gone = GoneBy(period, as_of);
    progress.expected_ppm = RatioPpm(gone.days, gone.all).value_or(0);
  } else {
    const int64_t all = static_cast<int64_t>(milestones.size());
    progress.progress_ppm = RatioPpm(reached, all).value_or(0);
    progress.expected_ppm = RatioPpm(due, all).value_or(0);
  }
  return progress;
}

int64_t LessBaseline(int64_t measured, int64_t baseline, DayRange period, absl::CivilDay as_of) {
  const Gone gone = GoneBy(period, as_of);
  const Wide share = Wide{baseline} * gone.days * 2 + gone.all;
  return measured - static_cast<int64_t>(share / (gone.all * 2));
}

}  // namespace milepost::target
