#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/node.h"

// Many nodes of a plan get new values at once, as they are: nothing gives way. Pure functions.
namespace milepost::target {

// New values for one node; what is not set stays. A bound that is set to nothing is taken away.
struct NodeEdit {
  std::string node_id;
  std::optional<std::string> display_name;
  std::optional<int64_t> target_units;
  std::optional<bool> locked;
  std::optional<std::optional<int64_t>> min_units;
  std::optional<std::optional<int64_t>> max_units;
  std::optional<std::string> note;
};

struct EditRefusal {
  size_t edit = 0;  // Position in the edits.
  std::string field;
  std::string description;
};

struct EditedNodes {
  std::vector<Node> changed;  // In the order of paths.
  std::vector<EditRefusal> refusals;
  // What is off now, or further off than before, with the edits that are not refused.
  std::vector<Violation> off;
};

// `nodes` are in the order of paths and hold, of the edited nodes that exist, the nodes with their
// parents, siblings in their breakdowns and children. An edit is refused if its node is not there
// or was edited before in the list; if the node changed after `base_version` and is not by now what
// the edit says; if the target is of a settled node, outside the bounds, of a node that stays
// locked, or no multiple of the rounding unit of its breakdown (see NodeEdit in the API); if a
// minimum is above a maximum.
EditedNodes EditNodes(const std::vector<Node>& nodes, const std::vector<NodeEdit>& edits,
                      int64_t base_version);

}  // namespace milepost::target
