#pragma once

#include <cstdint>
#include <vector>

#include "target-svc/domain/node.h"
#include "target-svc/domain/working_calendar.h"

namespace milepost::target {

// What a plan wants on each of the days from the nodes of one member: `nodes` are all that the
// member is in the scope of, in the order of their paths. A node with children by period is worth
// what they are; one with other children is worth what they are if any of them is broken down by
// period, and its own value else; what has no period below it is shared over its days by the
// weights of the calendar, whole, evenly if no day counts. Where a node is broken down in several
// ways, each of which adds up to it, the first with periods counts, or the first. Pure, O(nodes ×
// days).
std::vector<int64_t> DayTargets(const std::vector<Node>& nodes, const WorkingCalendar& calendar,
                                DayRange days);

}  // namespace milepost::target
