#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/working_calendar.h"

// The effective-dated move of a node with all below it: member_move.h, in the words of plans. Pure
// functions.
//
// - What lies before the day stays where it was earned, with its nodes.
// - A node that begins on the day or later moves as it is and keeps its id.
// - A node that is under way is divided: in the old place it keeps its id, its past, and the days
//   before the move; in the new place there is a copy with the future and the days from then on.
// - Both parts of a divided node keep their lock and lose their bounds, which were for the whole.
namespace milepost::target {

struct MoveCommand {
  std::string node_id;
  std::string new_parent_id;
  std::string breakdown_id;  // Of the new parent; empty: called as where the node is.
  absl::CivilDay first_day;  // The first in the new place.
};

// One node of the branch.
struct MovedTarget {
  Node before;
  Node after;  // In its new place: itself, or a copy.
  int64_t past_units = 0;
};

struct NodeMove {
  std::vector<MovedTarget> moved;  // The node asked for first, each after its parent.
  std::vector<Node> updated;       // All that change and stay where they are.
  std::vector<Node> relocated;     // What moves as it is.
  std::vector<Node> created;
};

// From the first day of the node in its new place.
absl::CivilDay MoveDay(const Node& node, absl::CivilDay first_day);

// `nodes` are all of the plan, in the order of paths; its counter advances for the ids of copies.
// NOT_FOUND if there is no such node, parent or breakdown; FAILED_PRECONDITION PART_OUTSIDE,
// NODE_CLOSED, MOVE_IMPOSSIBLE: what does not fit or add up, and by how much.
absl::StatusOr<NodeMove> ApplyMoveNode(Plan& plan, const std::vector<Node>& nodes,
                                       const WorkingCalendar& calendar, const MoveCommand& command);

}  // namespace milepost::target
