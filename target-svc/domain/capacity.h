#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "target-svc/domain/organization.h"
#include "target-svc/domain/working_calendar.h"

// What members can do: their working days, new members as they ramp up. Pure functions.
namespace milepost::target {

// Whose work counts, and when. An empty id means everybody, anywhere.
struct CapacityScope {
  std::string unit_id;  // Placed in it or below it, judged by each placement as it begins.
  std::string member_id;
  DayRange days;
};

// Sum over the members of working days × what of a ramped-up member they are, in parts per million:
// in the n-th calendar month since its first day a member counts with the n-th share of the ramp,
// fully after its end. Shares are 0 to 1,000,000.
int64_t CapacityPpmDays(const std::vector<Member>& members, const UnitTree& tree,
                        const WorkingCalendar& calendar, const std::vector<int64_t>& ramp_ppm,
                        const CapacityScope& scope);

}  // namespace milepost::target
