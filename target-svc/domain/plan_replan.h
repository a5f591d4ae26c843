#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "target-svc/domain/node.h"

// Rolling re-plan: what was missed in the periods that are over is spread over those that are still
// open. adjust.h, in the words of plans. Pure functions.
//
// - On the first open day all nodes are over whose days end before it; those whose parent is not
//   over are settled: in the sums they count for what was achieved from now on, closed with all
//   below them. What a re-plan has settled stays settled, and is settled anew.
// - The target of the node asked for stays; all open ones below it share what is left of it, in
//   proportion to their targets, within bounds, locks kept, exactly.
namespace milepost::target {

// `nodes` are in the order of paths, the node that is planned anew first, all that is below it.
// Which of them are to be settled, by their places. FAILED_PRECONDITION
// NODE_CLOSED if the first one is settled itself, REPLAN_IMPOSSIBLE if there are none.
absl::StatusOr<std::vector<uint32_t>> NodesToSettle(const std::vector<Node>& nodes,
                                                    absl::CivilDay first_open_day);

struct Replanning {
  std::vector<Node> settled;  // All that were to be, in the order given.
  std::vector<Node> changed;  // New targets, each with an explanation.
  int64_t planned_units = 0;  // What was wanted of the settled ones, along one breakdown of each.
  int64_t achieved_units = 0;
};

// `achieved` by node id, for all that are to be settled, 0 to kMaxTargetUnits. FAILED_PRECONDITION
// NODE_CLOSED if the first node is settled itself, REPLAN_IMPOSSIBLE if what is missing cannot be
// spread: what is missing, which locks and bounds keep it from being spread, and by how much.
absl::StatusOr<Replanning> ApplyReplan(const std::vector<Node>& nodes,
                                       absl::CivilDay first_open_day,
                                       const absl::flat_hash_map<std::string, int64_t>& achieved);

}  // namespace milepost::target
