#include "target-svc/domain/plan_branch.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

using ById = absl::flat_hash_map<std::string, const Node*>;

ById Index(const std::vector<Node>& nodes) {
  ById index;
  for (const Node& node : nodes) index[node.id] = &node;
  return index;
}

const Node* Find(const ById& nodes, const std::string& id) {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : found->second;
}

std::string DaysOf(const Node& node) {
  return absl::StrCat(absl::FormatCivilTime(node.scope.period.first), "/",
                      absl::FormatCivilTime(node.scope.period.last));
}

// All that a write changes.
bool SameNode(const Node& a, const Node& b) {
  const auto fields = [](const Node& node) {
    return std::tie(node.path, node.parent_id, node.breakdown_id, node.dimension, node.key,
                    node.display_name, node.scope, node.target_units, node.locked, node.min_units,
                    node.max_units, node.counted_units, node.depth, node.position, node.breakdowns,
                    node.explanation, node.note);
  };
  return fields(a) == fields(b);
}

// The merged nodes as a tree again: places, paths and scopes.
class Rebuilder {
 public:
  Rebuilder(const std::vector<Node>& ours, const std::vector<Node>& theirs,
            std::vector<VersionNode> merged)
      : ours_(Index(ours)), theirs_(Index(theirs)), merged_(std::move(merged)) {
    for (const VersionNode& node : merged_) {
      if (!node.parent_id.empty()) children_[{node.parent_id, node.breakdown}].push_back(&node);
      if (node.parent_id.empty()) root_ = &node;
    }
  }

  absl::StatusOr<std::vector<Node>> Run() {
    if (root_ == nullptr) return absl::InternalError("a merge has no root");
    Node root = Fields(*root_);
    if (absl::Status s = Add(*root_, std::move(root)); !s.ok()) return s;
    if (nodes_.size() != merged_.size()) obstacles_.push_back({"some nodes would hang nowhere", 0});
    if (!obstacles_.empty()) return error::MergeImpossible(nodes_.front().Name(), obstacles_);
    return std::move(nodes_);
  }

 private:
  // Where a node has its place from.
  const Node& PlaceOf(const VersionNode& merged) const {
    const Node* ours = Find(ours_, merged.id);
    const Node* theirs = Find(theirs_, merged.id);
    if (ours == nullptr) return *theirs;
    if (theirs == nullptr) return *ours;
    return ours->parent_id == merged.parent_id && ours->breakdown_id == merged.breakdown ? *ours
                                                                                         : *theirs;
  }

  // A node without its place in the tree and without breakdowns.
  Node Fields(const VersionNode& merged) const {
    const Node* ours = Find(ours_, merged.id);
    const Node* theirs = Find(theirs_, merged.id);
    Node node = ours != nullptr ? *ours : *theirs;
    if (ours == nullptr) node.version = 0;
    const Node& place = PlaceOf(merged);
    node.plan_id = ours_.begin()->second->plan_id;
    node.parent_id = merged.parent_id;
    node.breakdown_id = merged.breakdown;
    node.dimension = place.dimension;
    node.key = place.key;
    node.position = place.position;
    node.display_name = merged.title;
    node.locked = merged.locked;
    node.min_units = merged.min;
    node.max_units = merged.max;
    node.counted_units = merged.counts_as;
    node.note = merged.note;
    if (node.target_units != merged.value) {
      node.target_units = merged.value;
      node.explanation.reset();
      if (theirs != nullptr && theirs->target_units == merged.value)
        node.explanation = theirs->explanation;
    }
    if (theirs != nullptr && DaysOf(node) != merged.days) node.scope.period = theirs->scope.period;
    node.breakdowns.clear();
    return node;
  }

  // The breakdowns that have children, those of ours first.
  absl::Status SetBreakdowns(const VersionNode& merged, Node& node) const {
    std::set<char> slots;
    const auto add = [&](const Node* source) {
      if (source == nullptr) return;
      for (Breakdown breakdown : source->breakdowns) {
        const auto children = children_.find({merged.id, breakdown.id});
        if (children == children_.end() || node.FindBreakdown(breakdown.id) != nullptr) continue;
        for (const VersionBreakdown& shape : merged.breakdowns) {
          if (shape.id != breakdown.id) continue;
          breakdown.stretch_ppm = shape.stretch_ppm;
          breakdown.rounding_units = shape.rounding_unit;
        }
        breakdown.child_count = static_cast<int64_t>(children->second.size());
        if (!slots.insert(breakdown.slot).second) breakdown.slot = '\0';
        node.breakdowns.push_back(std::move(breakdown));
      }
    };
    add(Find(ours_, merged.id));
    add(Find(theirs_, merged.id));
    for (Breakdown& breakdown : node.breakdowns) {
      if (breakdown.slot != '\0') continue;
      const std::optional<char> slot = FreeSlot(node);
      if (!slot) return error::TooManyBreakdowns(node.Name());
      breakdown.slot = *slot;
    }
    return absl::OkStatus();
  }

  // Adds a node whose place is known, and all below it.
  absl::Status Add(const VersionNode& merged, Node node) {
    if (absl::Status s = SetBreakdowns(merged, node); !s.ok()) return s;
    nodes_.push_back(node);
    std::sort(node.breakdowns.begin(), node.breakdowns.end(),
              [](const Breakdown& a, const Breakdown& b) { return a.slot < b.slot; });
    for (const Breakdown& breakdown : node.breakdowns) {
      if (absl::Status s = AddChildren(node, breakdown); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status AddChildren(const Node& parent, const Breakdown& breakdown) {
    struct Child {
      const VersionNode* merged;
      Node node;
      bool new_here;
    };
    std::vector<Child> children;
    std::set<int> taken;
    int next = 0;
    for (const VersionNode* merged : children_.at({parent.id, breakdown.id})) {
      const Node* ours = Find(ours_, merged->id);
      const bool new_here =
          ours == nullptr || ours->parent_id != parent.id || ours->breakdown_id != breakdown.id;
      children.push_back({merged, Fields(*merged), new_here});
      if (!new_here) taken.insert(ours->position);
      next = std::max(next, children.back().node.position + 1);
    }
    if (children.size() > kMaxChildren)
      return error::TooManyChildren(parent.Name(), children.size());
    if (parent.depth >= kMaxDepth) return error::TooDeep(parent.Name());
    std::sort(children.begin(), children.end(), [](const Child& a, const Child& b) {
      return std::tie(a.new_here, a.node.position, a.node.id) <
             std::tie(b.new_here, b.node.position, b.node.id);
    });
    for (Child& child : children) {
      if (child.new_here && !taken.insert(child.node.position).second) {
        child.node.position = next++;
        taken.insert(child.node.position);
      }
      Place(parent, breakdown, child.node);
    }
    CheckKeys(parent, breakdown, children);
    std::sort(children.begin(), children.end(),
              [](const Child& a, const Child& b) { return a.node.position < b.node.position; });
    for (Child& child : children) {
      if (absl::Status s = Add(*child.merged, std::move(child.node)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  void Place(const Node& parent, const Breakdown& breakdown, Node& node) {
    node.depth = parent.depth + 1;
    node.path = ChildPath(parent.path, breakdown.slot, node.position);
    const DayRange days = node.scope.period;
    PartSpec part;
    part.key = node.key;
    part.period = days;
    absl::StatusOr<Scope> scope = NarrowScope(parent, node.dimension, part);
    if (!scope.ok()) {
      obstacles_.push_back({std::string(scope.status().message()), 0});
      return;
    }
    node.scope = *std::move(scope);
    node.scope.period = days;
  }

  template <typename Child>
  void CheckKeys(const Node& parent, const Breakdown& breakdown,
                 const std::vector<Child>& children) {
    std::map<std::string, std::vector<const Node*>> by_key;
    for (const Child& child : children) {
      std::vector<const Node*>& same = by_key[child.node.key];
      for (const Node* other : same) {
        if (other->scope.period.last < child.node.scope.period.first ||
            child.node.scope.period.last < other->scope.period.first) {
          continue;
        }
        obstacles_.push_back(
            {absl::StrCat("both sides added part '", child.node.key, "' to breakdown '",
                          breakdown.id, "' of ", parent.Name(), ": take one of them away first"),
             0});
      }
      same.push_back(&child.node);
    }
  }

  const ById ours_;
  const ById theirs_;
  const std::vector<VersionNode> merged_;
  // Of a parent along a breakdown.
  std::map<std::pair<std::string, std::string>, std::vector<const VersionNode*>> children_;
  const VersionNode* root_ = nullptr;
  std::vector<Node> nodes_;  // Parents before children.
  std::vector<error::Obstacle> obstacles_;
};

}  // namespace

std::vector<VersionNode> ToVersion(const std::vector<Node>& nodes) {
  std::vector<VersionNode> version;
  version.reserve(nodes.size());
  for (const Node& node : nodes) {
    VersionNode one{.id = node.id,
                    .parent_id = node.parent_id,
                    .breakdown = node.breakdown_id,
                    .title = node.display_name,
                    .value = node.target_units,
                    .locked = node.locked,
                    .min = node.min_units,
                    .max = node.max_units,
                    .counts_as = node.counted_units,
                    .days = DaysOf(node),
                    .note = node.note};
    for (const Breakdown& breakdown : node.breakdowns)
      one.breakdowns.push_back({breakdown.id, breakdown.stretch_ppm, breakdown.rounding_units});
    version.push_back(std::move(one));
  }
  return version;
}

std::vector<Node> BranchNodes(std::vector<Node> nodes, const Plan& branch) {
  for (Node& node : nodes) {
    node.plan_id = branch.id;
    node.plan_version = 1;
    node.version = 1;
    node.create_time = node.update_time = branch.create_time;
  }
  return nodes;
}

absl::StatusOr<BranchMerge> ApplyMerge(const std::vector<Node>& base, const std::vector<Node>& ours,
                                       const std::vector<Node>& theirs,
                                       const MergeChoices& choices) {
  const std::vector<VersionNode> base_version = ToVersion(base);
  const std::vector<VersionNode> our_version = ToVersion(ours);
  const std::vector<VersionNode> their_version = ToVersion(theirs);
  BranchMerge merge;
  std::vector<MergeDecision> decisions;
  for (const MergeConflict& conflict :
       MergeVersions(base_version, our_version, their_version).conflicts) {
    const auto chosen = choices.nodes.find(conflict.node_id);
    const std::optional<MergeSide> side =
        chosen != choices.nodes.end() ? chosen->second : choices.others;
    if (!side) merge.undecided.push_back(conflict);
    if (side) decisions.push_back({conflict.node_id, conflict.field, conflict.breakdown, *side});
  }
  MergeResult result = MergeVersions(base_version, our_version, their_version, decisions);
  merge.conflicts = std::move(result.conflicts);
  absl::StatusOr<std::vector<Node>> nodes = Rebuilder(ours, theirs, std::move(result.nodes)).Run();
  if (!nodes.ok()) return nodes.status();

  const auto key = [](const Violation& one) {
    return std::tuple(one.kind, one.node_id, one.breakdown_id, one.expected_units,
                      one.actual_units);
  };
  std::set<decltype(key(Violation()))> known;
  for (const Violation& violation : FindViolations(ours)) known.insert(key(violation));
  for (Violation& violation : FindViolations(*nodes)) {
    if (!known.contains(key(violation))) merge.violations.push_back(std::move(violation));
  }
  merge.target_units = nodes->front().target_units;
  const ById before = Index(ours);
  std::set<std::string> stay;
  for (Node& node : *nodes) {
    stay.insert(node.id);
    const Node* present = Find(before, node.id);
    if (present == nullptr) {
      merge.created.push_back(std::move(node));
    } else if (!SameNode(*present, node)) {
      (present->path == node.path ? merge.updated : merge.relocated).push_back(std::move(node));
    }
  }
  for (const Node& node : ours) {
    if (!stay.contains(node.id)) merge.deleted.push_back(node);
  }
  return merge;
}

}  // namespace milepost::target
