#include "target-svc/domain/node_edits.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using Key = std::tuple<ViolationKind, std::string, std::string>;

// How far off a rule is.
int64_t Distance(const Violation& violation) {
  const int64_t difference = violation.expected_units - violation.actual_units;
  return difference < 0 ? -difference : difference;
}

Node Edited(Node node, const NodeEdit& edit) {
  if (edit.display_name) node.display_name = *edit.display_name;
  if (edit.target_units && *edit.target_units != node.target_units) {
    node.target_units = *edit.target_units;
    node.explanation.reset();  // It was typed in.
  }
  if (edit.locked) node.locked = *edit.locked;
  if (edit.min_units) node.min_units = *edit.min_units;
  if (edit.max_units) node.max_units = *edit.max_units;
  if (edit.note) node.note = *edit.note;
  return node;
}

bool SayTheSame(const Node& a, const Node& b) {
  return a.display_name == b.display_name && a.target_units == b.target_units &&
         a.locked == b.locked && a.min_units == b.min_units && a.max_units == b.max_units &&
         a.note == b.note;
}

}  // namespace

EditedNodes EditNodes(const std::vector<Node>& nodes, const std::vector<NodeEdit>& edits,
                      int64_t base_version) {
  EditedNodes result;
  absl::flat_hash_map<std::string, size_t> index;
  for (size_t i = 0; i < nodes.size(); ++i) index[nodes[i].id] = i;
  std::vector<Node> after = nodes;
  std::vector<bool> named(nodes.size());
  std::vector<bool> changed(nodes.size());
  const auto refuse = [&](size_t edit, const char* field, std::string description) {
    result.refusals.push_back({edit, field, std::move(description)});
  };
  for (size_t i = 0; i < edits.size(); ++i) {
    const auto found = index.find(edits[i].node_id);
    if (found == index.end()) {
      refuse(i, "node_id", absl::StrCat(edits[i].node_id, " is not in the plan"));
      continue;
    }
    const size_t at = found->second;
    if (named[at]) {
      refuse(i, "node_id", absl::StrCat(edits[i].node_id, " is there twice"));
      continue;
    }
    named[at] = true;
    const Node& before = nodes[at];
    Node node = Edited(before, edits[i]);
    if (SayTheSame(before, node)) continue;
    if (before.plan_version > base_version) {
      refuse(i, "node_id",
             absl::StrCat(before.id, " was changed meanwhile, in version ", before.plan_version,
                          "; the edits are of version ", base_version));
      continue;
    }
    const size_t refused_before = result.refusals.size();
    if (node.min_units && node.max_units && *node.min_units > *node.max_units) {
      refuse(i, "min_units",
             absl::StrCat("is ", *node.min_units, ", above max_units, ", *node.max_units));
    }
    const bool moved = node.target_units != before.target_units;
    if (moved && before.counted_units) {
      refuse(i, "target_units",
             absl::StrCat("is for days that a re-plan has settled, at ", *before.counted_units));
    }
    if (moved && before.locked && node.locked) {
      refuse(i, "target_units",
             absl::StrCat("is locked to ", before.target_units, "; unlock it to change it"));
    }
    if (moved || node.min_units != before.min_units || node.max_units != before.max_units) {
      if (node.min_units && node.target_units < *node.min_units) {
        refuse(i, "target_units",
               absl::StrCat("is ", node.target_units, ", its minimum is ", *node.min_units));
      }
      if (node.max_units && node.target_units > *node.max_units) {
        refuse(i, "target_units",
               absl::StrCat("is ", node.target_units, ", its maximum is ", *node.max_units));
      }
    }
    if (result.refusals.size() > refused_before) continue;
    after[at] = std::move(node);
    changed[at] = true;
  }
  // Roundings are looked at when all values are known: the rest of a total depends on it.
  for (size_t i = 0; i < edits.size(); ++i) {
    const auto found = index.find(edits[i].node_id);
    if (found == index.end() || !changed[found->second]) continue;
    const Node& node = after[found->second];
    const auto parent = index.find(node.parent_id);
    if (parent == index.end() || node.locked ||
        node.target_units == nodes[found->second].target_units) {
      continue;
    }
    const Breakdown* breakdown = after[parent->second].FindBreakdown(node.breakdown_id);
    if (breakdown == nullptr) continue;
    const int64_t rest = node.target_units % breakdown->rounding_units;
    if (rest == 0) continue;
    const std::optional<int64_t> total =
        SplitTarget(after[parent->second].target_units, breakdown->stretch_ppm);
    if (total && *total % breakdown->rounding_units == rest) continue;
    refuse(i, "target_units",
           absl::StrCat("is ", node.target_units, ", no multiple of ", breakdown->rounding_units,
                        ", the rounding unit of breakdown '", breakdown->id, "'"));
    after[found->second] = nodes[found->second];
    changed[found->second] = false;
  }
  std::stable_sort(result.refusals.begin(), result.refusals.end(),
                   [](const EditRefusal& a, const EditRefusal& b) { return a.edit < b.edit; });
  std::map<Key, int64_t> off_before;
  for (const Violation& violation : FindViolations(nodes))
    off_before[{violation.kind, violation.node_id, violation.breakdown_id}] = Distance(violation);
  for (Violation& violation : FindViolations(after)) {
    const auto before =
        off_before.find({violation.kind, violation.node_id, violation.breakdown_id});
    if (before != off_before.end() && before->second >= Distance(violation)) continue;
    result.off.push_back(std::move(violation));
  }
  for (size_t i = 0; i < after.size(); ++i) {
    if (changed[i]) result.changed.push_back(std::move(after[i]));
  }
  return result;
}

}  // namespace milepost::target
