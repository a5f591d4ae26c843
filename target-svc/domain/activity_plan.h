#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "target-svc/domain/working_calendar.h"
#include "target-svc/domain/worksheet.h"

// Work indicators: from a target to the visits, calls and proposals that each member needs on each
// working day, and the daily check (日点检) of what was done. Counts are whole; work is rounded up.
// Pure functions, safe from any thread; all bad fields are reported at once as INVALID_FIELDS.
namespace milepost::target {

inline constexpr size_t kMaxActivities = 20;
inline constexpr size_t kMaxActivityMembers = 2'000;
inline constexpr size_t kMaxActivityDays = 366;
// Activities that were measured, and that may come out for one member.
inline constexpr int64_t kMaxActivityCount = 1'000'000'000'000;

// What was measured over the same time: so many activities came with so many results (480 visits
// with 60 orders, or with 9,000,000.00 of revenue). Both 0 to kMaxActivityCount and
// kMaxTargetUnits.
struct ActivityRatio {
  int64_t activities = 0;
  int64_t results = 0;

  friend bool operator==(const ActivityRatio&, const ActivityRatio&) = default;
};

struct ActivityMember {
  std::string id;        // Not empty, once in a request.
  int64_t target = 0;    // Results wanted, 0 to kMaxTargetUnits.
  int64_t achieved = 0;  // Results already there, 0 to kMaxTargetUnits.
  // One for each activity of the request, or empty: the member's own ratios. One that rests on
  // fewer results than `min_results` gives way to the team's.
  std::vector<ActivityRatio> ratios;
  // One for each day of the period, the same days for all members: 0 for a rest day, at most
  // kMaxDayWeightPpm.
  std::vector<int64_t> day_weights_ppm;
};

struct ActivityRequest {
  std::vector<std::string> activities;          // Names: visits, calls, proposals; once each.
  QuantityUnit results = QuantityUnit::kCount;  // Or kMoney, in minor units.
  std::vector<ActivityRatio> team_ratios;       // One for each activity; both numbers above 0.
  int64_t min_results = 1;                      // At least 1.
  std::vector<ActivityMember> members;
};

struct ActivityNeed {
  std::string activity;
  bool own_ratio = false;
  int64_t needed = 0;   // ⌈(target − achieved) × activities ÷ results⌉, not below 0.
  int64_t per_day = 0;  // ⌈needed ÷ working days⌉: a day's stint.
  std::vector<int64_t>
      by_day;  // By weight, whole, adding up to `needed` exactly; early days first.
  std::vector<Step> steps;
};

struct ActivityMemberPlan {
  std::string id;
  int64_t working_days = 0;
  std::vector<ActivityNeed> needs;  // One for each activity.
};

struct ActivityPlan {
  std::vector<ActivityMemberPlan> members;
  std::vector<int64_t> totals;  // One for each activity, over all members.
};

// A member that still needs something must have a working day.
absl::StatusOr<ActivityPlan> PlanActivities(const ActivityRequest& request);

// The weights of the days of a range, for `day_weights_ppm`.
std::vector<int64_t> DayWeightsOf(const WorkingCalendar& calendar, DayRange days);

// One day of one indicator of one member.
struct DayEntry {
  absl::CivilDay day;
  int64_t target = 0;  // 0 to kMaxTargetUnits; 0 on a rest day.
  // What was done; unset: nothing recorded. Below 0 when more came back than went out.
  std::optional<int64_t> actual;
};

// Cumulative attainment from which a member is ahead, on track, at risk; below it is behind.
// 0 to 10,000,000 each, not rising.
struct DailyCheckSettings {
  int64_t ahead_ppm = 1'050'000;
  int64_t on_track_ppm = 950'000;
  int64_t at_risk_ppm = 800'000;
};

enum class DayVerdict {
  kRestDay,      // No target and nothing done.
  kExtra,        // No target and yet something done.
  kNotRecorded,  // A target and nothing recorded.
  kMet,
  kPartly,
  kNothing,  // Recorded, and nothing or less.
};

enum class Standing {
  kNotStarted,  // Nothing was to be done so far, and nothing is.
  kAchieved,    // The target of the whole period is reached.
  kAhead,
  kOnTrack,
  kAtRisk,
  kBehind,
  kMissed,  // The period is over and its target not reached.
};

struct DailyCheck {
  absl::CivilDay day;
  int64_t target = 0;
  std::optional<int64_t> actual;
  int64_t gap = 0;  // Target − actual (0 if unset); below 0: more than asked for.
  DayVerdict verdict = DayVerdict::kRestDay;

  // The day before that had a target or something done, for yesterday's summary.
  std::optional<DayEntry> previous;
  // The next day that has a target, as planned.
  std::optional<DayEntry> next;

  // From the first day to `day`.
  int64_t cumulative_target = 0;
  int64_t cumulative_actual = 0;
  int64_t cumulative_gap = 0;
  std::optional<int64_t> attainment_ppm;  // Unset if nothing was to be done so far.
  int64_t unrecorded_days = 0;            // Days with a target and no record, `day` included.

  int64_t period_target = 0;
  int64_t remaining = 0;  // Of the period's target, not below 0.
  int64_t days_left = 0;  // Days after `day` with a target.
  // What it takes from here: ⌈remaining ÷ days left⌉; unset if no day is left.
  std::optional<int64_t> required_per_day;
  Standing standing = Standing::kNotStarted;
};

// The check of one day. `entries` are the whole period, days ascending, `day` among them; what is
// recorded after `day` is not looked at. Targets and the sizes of actuals each add up to at most
// kMaxTargetUnits.
absl::StatusOr<DailyCheck> CheckDay(const std::vector<DayEntry>& entries, absl::CivilDay day,
                                    const DailyCheckSettings& settings = {});

// The check of a team: of the sums of its members, day by day. The team has an actual where any
// member has one.
struct TeamDailyCheck {
  DailyCheck total;
  std::vector<DailyCheck> members;  // As given.
};

absl::StatusOr<TeamDailyCheck> CheckTeamDay(const std::vector<std::vector<DayEntry>>& members,
                                            absl::CivilDay day,
                                            const DailyCheckSettings& settings = {});

}  // namespace milepost::target
