#include "target-svc/domain/capacity.h"

#include <algorithm>

#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

int64_t RampedDays(const Member& member, const WorkingCalendar& calendar,
                   const std::vector<int64_t>& ramp_ppm, DayRange days) {
  int64_t sum = 0;
  for (absl::CivilDay first = days.first; first <= days.last;) {
    const absl::CivilMonth month(first);
    const absl::CivilMonth ramped =
        absl::CivilMonth(member.start_day) + static_cast<int>(ramp_ppm.size());
    // After the ramp all days are alike.
    const bool full = month >= ramped;
    const absl::CivilDay last =
        full ? days.last : std::min(days.last, absl::CivilDay(month + 1) - 1);
    const int64_t share =
        full ? kPpm : ramp_ppm[static_cast<size_t>(month - absl::CivilMonth(member.start_day))];
    sum += calendar.WorkingDays({first, last}) * share;
    first = last + 1;
  }
  return sum;
}

}  // namespace

int64_t CapacityPpmDays(const std::vector<Member>& members, const UnitTree& tree,
                        const WorkingCalendar& calendar, const std::vector<int64_t>& ramp_ppm,
                        const CapacityScope& scope) {
  int64_t sum = 0;
  for (const Member& member : members) {
    if (!scope.member_id.empty() && member.id != scope.member_id) continue;
    const absl::CivilDay end = member.end_day.value_or(kForever);
    for (size_t i = 0; i < member.placements.size(); ++i) {
      const absl::CivilDay placed = std::max(member.placements[i].first_day, member.start_day);
      const DayRange days{std::max(scope.days.first, placed),
                          std::min({scope.days.last, member.UntilDay(i) - 1, end})};
      if (days.last < days.first) continue;
      if (!scope.unit_id.empty() &&
          !tree.IsWithin(member.placements[i].unit_id, scope.unit_id, days.first)) {
        continue;
      }
      sum += RampedDays(member, calendar, ramp_ppm, days);
    }
  }
  return sum;
}

}  // namespace milepost::target
