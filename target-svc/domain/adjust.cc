#include "target-svc/domain/adjust.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"

namespace milepost::target {
namespace {

using absl::int128;
using Kind = ChangeViolationKind;

int64_t Saturate(int128 value) {
  constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();
  return value > kMaxValue ? kMaxValue : static_cast<int64_t>(value);
}

// The shape of a tree whose order is right, and what is closed in it.
class Shape {
 public:
  explicit Shape(const ValueTree& tree)
      : children(tree.families.size()),
        families(tree.nodes.size()),
        closed(tree.nodes.size(), 0),
        sums(tree.families.size(), 0) {
    for (uint32_t f = 0; f < tree.families.size(); ++f)
      families[tree.families[f].parent].push_back(f);
    for (uint32_t i = 0; i < tree.nodes.size(); ++i) {
      const ValueNode& node = tree.nodes[i];
      closed[i] = node.closed;
      if (i == 0) continue;
      children[node.family].push_back(i);
      sums[node.family] += node.Counted();
      if (closed[tree.families[node.family].parent]) closed[i] = 1;
    }
  }

  std::vector<std::vector<uint32_t>> children;  // Of each family.
  std::vector<std::vector<uint32_t>> families;  // Of each node.
  std::vector<char> closed;
  std::vector<int128> sums;  // Of each family: what its children count for.
};

std::vector<TreeViolation> CheckOrder(const ValueTree& tree) {
  std::vector<TreeViolation> violations;
  const auto add = [&](TreeViolationKind kind, std::string field, std::string message) {
    violations.push_back({kind, std::move(field), std::move(message)});
  };
  if (tree.nodes.empty() || tree.nodes.size() > kMaxTreeNodes) {
    add(TreeViolationKind::kSizeOutOfRange, "nodes",
        absl::StrCat("has ", tree.nodes.size(), " nodes, must have 1 to ", kMaxTreeNodes));
    return violations;
  }
  for (size_t f = 0; f < tree.families.size(); ++f) {
    if (tree.families[f].parent < tree.nodes.size()) continue;
    add(TreeViolationKind::kParentOutOfRange, absl::StrCat("families[", f, "].parent"),
        absl::StrCat("is ", tree.families[f].parent, ", there are ", tree.nodes.size(), " nodes"));
  }
  for (size_t i = 0; i < tree.nodes.size(); ++i) {
    const ValueNode& node = tree.nodes[i];
    const std::string field = absl::StrCat("nodes[", i, "]");
    if (i == 0 ? node.family != kNoFamily
               : node.family >= tree.families.size() || tree.families[node.family].parent >= i) {
      add(TreeViolationKind::kFamilyOutOfRange, field + ".family",
          i == 0 ? "the root must have none" : "must be a family with a parent before the node");
    }
    for (const std::optional<int64_t>& value :
         {std::optional<int64_t>(node.value), node.counts_as, node.min, node.max}) {
      if (!value || (*value >= 0 && *value <= kMaxTreeValue)) continue;
      add(TreeViolationKind::kValueOutOfRange, field,
          absl::StrCat("holds ", *value, ", must be 0 to ", kMaxTreeValue));
    }
  }
  return violations;
}

// One solve over the part of a tree that may change, with what it means for the whole.
class BranchSolve {
 public:
  BranchSolve(const ValueTree& tree, const Shape& shape, uint32_t top, int64_t total)
      : tree_(tree), shape_(shape) {
    request_.total = total;
    local_.emplace(top, 0);
    nodes_.push_back(top);
    TreeNode node;
    if (total != tree.nodes[top].value) {
      node.min = tree.nodes[top].min;
      node.max = tree.nodes[top].max;
    }
    request_.nodes.push_back(node);
    request_.current.push_back(tree.nodes[top].value);
  }

  const std::vector<uint32_t>& nodes() const { return nodes_; }

  // Adds a family of a node that has been added; its children get `fill`, given position and node.
  template <typename Fill>
  void AddFamily(uint32_t family, const Fill& fill) {
    if (shape_.children[family].empty()) return;
    const uint32_t local_family = static_cast<uint32_t>(request_.families.size());
    request_.families.push_back(tree_.families[family]);
    request_.families.back().parent = local_.at(tree_.families[family].parent);
    for (const uint32_t child : shape_.children[family]) {
      local_.emplace(child, static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back(child);
      TreeNode node{.family = local_family, .weight = tree_.nodes[child].Counted()};
      fill(child, node);
      request_.nodes.push_back(node);
      request_.current.push_back(tree_.nodes[child].Counted());
    }
  }

  // Adds a part of a family, just added, that is not in the tree.
  void AddPart(uint32_t family, int64_t value) {
    not_in_tree_.push_back(nodes_.size());
    nodes_.push_back(tree_.families[family].parent);
    request_.nodes.push_back(
        {.family = static_cast<uint32_t>(request_.families.size() - 1), .lock = value});
    request_.current.push_back(value);
  }

  // A node that may change, unless it is locked or closed.
  void Free(uint32_t position, TreeNode& node) const {
    const ValueNode& value = tree_.nodes[position];
    if (value.locked || shape_.closed[position]) {
      node.lock = value.Counted();
    } else {
      node.min = value.min;
      node.max = value.max;
    }
  }

  bool IsLocked(uint32_t position) const {
    return request_.nodes[local_.at(position)].lock.has_value();
  }

  // Adds all below a node that may change; below a locked node nothing does.
  template <typename Fill>
  void AddBelow(uint32_t start, const Fill& fill) {
    AddBelow(start, fill, [this](uint32_t child) { return !IsLocked(child); });
  }
  template <typename Fill, typename MayChangeBelow>
  void AddBelow(uint32_t start, const Fill& fill, const MayChangeBelow& may_change_below) {
    std::vector<uint32_t> open = {start};
    for (size_t next = 0; next < open.size(); ++next) {
      for (const uint32_t family : shape_.families[open[next]]) {
        AddFamily(family, fill);
        for (const uint32_t child : shape_.children[family]) {
          if (may_change_below(child)) open.push_back(child);
        }
      }
    }
  }

  // Solves; new values of all nodes added, or what is wrong in `result`.
  bool Solve(ChangeResult& result) {
    TreeResult solved = SolveTree(request_);
    for (TreeViolation& violation : solved.violations) {
      result.tree_violations.push_back(std::move(violation));
    }
    for (TreeCollision& collision : solved.collisions) {
      collision.node = nodes_[collision.node];
      for (TreeConstraint& constraint : collision.constraints) {
        constraint.node = nodes_[constraint.node];
      }
      result.collisions.push_back(std::move(collision));
    }
    values_ = std::move(solved.values);
    return solved.violations.empty() && !values_.empty();
  }

  // Adds a change for each node whose value is new. `reason` and cause by position.
  template <typename Reason>
  void AddChanges(ChangeResult& result, const Reason& reason) const {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const ValueNode& node = tree_.nodes[nodes_[i]];
      if (std::count(not_in_tree_.begin(), not_in_tree_.end(), i) > 0) continue;
      if (shape_.closed[nodes_[i]] || values_[i] == node.value) continue;
      const auto [why, cause] = reason(nodes_[i]);
      result.changes.push_back({nodes_[i], node.value, values_[i], why, cause});
    }
  }

 private:
  const ValueTree& tree_;
  const Shape& shape_;
  TreeRequest request_;
  std::vector<uint32_t> nodes_;  // Positions in the tree.
  absl::flat_hash_map<uint32_t, uint32_t> local_;
  std::vector<size_t> not_in_tree_;
  std::vector<int64_t> values_;
};

class Changer {
 public:
  explicit Changer(const ValueTree& tree) : tree_(tree), shape_(tree) {}

  ChangeResult Adjust(const AdjustRequest& request) {
    if (!CheckNode(request.node) || !CheckValue(request.node, request.value)) return Done();
    if (tree_.nodes[request.node].locked) {
      Add(Kind::kNodeLocked, request.node, 0,
          absl::StrCat("is locked at ", tree_.nodes[request.node].value));
    }
    if (shape_.closed[request.node]) {
      Add(Kind::kNodeClosed, request.node, 0, "is for a period that is over");
    }
    if (!result_.ok()) return Done();
    switch (request.gives_way) {
      case GivesWay::kChildren:
        AdjustChildren(request);
        break;
      case GivesWay::kSiblings:
        AdjustSiblings(request);
        break;
      case GivesWay::kAncestors:
        CheckBounds(request.node, request.value);
        if (!result_.ok()) return Done();
        return Carry({.fixed = {{.node = request.node, .value = request.value}}});
    }
    return Done();
  }

  ChangeResult Replan(const ReplanRequest& request) {
    if (!CheckNode(request.top)) return Done();
    const int64_t total = request.total.value_or(tree_.nodes[request.top].value);
    CheckValue(request.top, total);
    if (shape_.closed[request.top]) {
      Add(Kind::kNodeClosed, request.top, 0, "is for a period that is over");
    }
    if (tree_.nodes[request.top].locked && total != tree_.nodes[request.top].value) {
      Add(Kind::kNodeLocked, request.top, 0,
          absl::StrCat("is locked at ", tree_.nodes[request.top].value));
    }
    absl::flat_hash_map<uint32_t, int64_t> achieved;
    for (const Achieved& one : request.achieved) {
      if (!CheckNode(one.node) || !CheckValue(one.node, one.value)) continue;
      if (one.node == 0 || !tree_.nodes[one.node].closed || shape_.closed[ParentOf(one.node)] ||
          !achieved.emplace(one.node, one.value).second) {
        Add(Kind::kNotSettled, one.node, 0,
            "must be named once, be closed and have a parent that is open");
      }
    }
    if (!result_.ok()) return Done();
    BranchSolve solve(tree_, shape_, request.top, total);
    size_t settled = 0;
    solve.AddBelow(
        request.top,
        [&](uint32_t position, TreeNode& node) {
          solve.Free(position, node);
          const auto found = achieved.find(position);
          if (found == achieved.end()) return;
          node.lock = found->second;
          ++settled;
        },
        [&](uint32_t child) { return !shape_.closed[child]; });
    if (settled < achieved.size()) {
      Add(Kind::kNotSettled, request.top, 0, "has not all nodes below it that achieved something");
      return Done();
    }
    if (!solve.Solve(result_)) return Done();
    solve.AddChanges(result_, [&](uint32_t node) {
      return std::pair(node == request.top ? ChangeReason::kAsked : ChangeReason::kReplanned,
                       request.top);
    });
    for (const auto& [node, value] : achieved) {
      const std::optional<int64_t>& old = tree_.nodes[node].counts_as;
      if (old != value) result_.settlements.push_back({node, old, value});
    }
    std::sort(result_.settlements.begin(), result_.settlements.end(),
              [](const Settlement& a, const Settlement& b) { return a.node < b.node; });
    AddBroken(request.top, total);
    return Done();
  }

  ChangeResult Carry(const CarryRequest& request) {
    for (const CarryRequest::Fixed& fixed : request.fixed) {
      if (CheckNode(fixed.node)) CheckValue(fixed.node, fixed.value);
    }
    for (const CarryRequest::Added& added : request.added) {
      if (added.family >= tree_.families.size()) {
        Add(Kind::kUnknownNode, 0, 0, absl::StrCat("there is no family ", added.family));
      } else {
        CheckValue(tree_.families[added.family].parent, added.value);
      }
    }
    if (!result_.ok()) return Done();
    CarryUp(request);
    if (!result_.ok()) return Done();

    for (const auto& [top, carried] : carried_) {
      if (top == 0 || !touched_.contains(tree_.nodes[top].family)) SolveBelow(request, top);
    }
    SortChanges();
    const auto twice = std::adjacent_find(
        result_.changes.begin(), result_.changes.end(),
        [](const ValueChange& a, const ValueChange& b) { return a.node == b.node; });
    if (twice != result_.changes.end()) {
      Add(Kind::kBreakdownsDisagree, twice->node, 0, "would have to follow two changes at once");
    }
    return Done();
  }

 private:
  struct Carried {
    int64_t value;
    ChangeReason reason;
    bool with_branch = true;
  };

  ChangeResult Done() {
    if (!result_.ok()) {
      result_.changes.clear();
      result_.settlements.clear();
      result_.broken.clear();
    }
    SortChanges();
    return std::move(result_);
  }

  void SortChanges() {
    std::sort(result_.changes.begin(), result_.changes.end(),
              [](const ValueChange& a, const ValueChange& b) { return a.node < b.node; });
  }

  void Add(Kind kind, uint32_t node, int64_t amount, std::string message) {
    result_.violations.push_back({kind, node, amount, std::move(message)});
  }

  bool CheckNode(uint32_t node) {
    if (node < tree_.nodes.size()) return true;
    Add(Kind::kUnknownNode, node, 0,
        absl::StrCat("there is no node ", node, ", there are ", tree_.nodes.size()));
    return false;
  }

  bool CheckValue(uint32_t node, int64_t value) {
    if (value >= 0 && value <= kMaxTreeValue) return true;
    Add(Kind::kValueOutOfRange, node, 0,
        absl::StrCat("is to be ", value, ", must be 0 to ", kMaxTreeValue));
    return false;
  }

  uint32_t ParentOf(uint32_t node) const { return tree_.families[tree_.nodes[node].family].parent; }

  void AdjustChildren(const AdjustRequest& request) {
    BranchSolve solve(tree_, shape_, request.node, request.value);
    solve.AddBelow(request.node,
                   [&](uint32_t position, TreeNode& node) { solve.Free(position, node); });
    if (!solve.Solve(result_)) return;
    solve.AddChanges(result_, [&](uint32_t node) {
      return node == request.node ? std::pair(ChangeReason::kAsked, node)
                                  : std::pair(ChangeReason::kFollowsParent, ParentOf(node));
    });
    AddBroken(request.node, request.value);
  }

  void AdjustSiblings(const AdjustRequest& request) {
    if (request.node == 0 || shape_.children[tree_.nodes[request.node].family].size() == 1) {
      Add(Kind::kNoSiblings, request.node, 0, "has no siblings that could give way");
      return;
    }
    const uint32_t family = tree_.nodes[request.node].family;
    const uint32_t parent = ParentOf(request.node);
    BranchSolve solve(tree_, shape_, parent, tree_.nodes[parent].value);
    const auto free = [&](uint32_t position, TreeNode& node) { solve.Free(position, node); };
    solve.AddFamily(family, [&](uint32_t position, TreeNode& node) {
      solve.Free(position, node);
      if (position == request.node) node.lock = request.value;
    });
    for (const uint32_t child : shape_.children[family]) {
      if (child == request.node || !solve.IsLocked(child)) solve.AddBelow(child, free);
    }
    if (!solve.Solve(result_)) return;
    solve.AddChanges(result_, [&](uint32_t node) {
      if (node == request.node) return std::pair(ChangeReason::kAsked, node);
      return tree_.nodes[node].family == family
                 ? std::pair(ChangeReason::kGivesWay, request.node)
                 : std::pair(ChangeReason::kFollowsParent, ParentOf(node));
    });
  }

  // The family of a node that changed without its parent.
  void AddBroken(uint32_t node, int64_t value) {
    if (node == 0 || value == tree_.nodes[node].value) return;
    const uint32_t family = tree_.nodes[node].family;
    const std::optional<int64_t> expected =
        SplitTarget(tree_.nodes[ParentOf(node)].value, tree_.families[family].stretch_ppm);
    const int128 actual = shape_.sums[family] - tree_.nodes[node].value + value;
    if (!expected || *expected != actual) {
      result_.broken.push_back({family, expected.value_or(kMaxTreeValue), Saturate(actual)});
    }
  }

  int64_t NewValue(uint32_t node) const {
    const auto found = carried_.find(node);
    return found == carried_.end() ? tree_.nodes[node].value : found->second.value;
  }

  // Sums that change, from the deepest position up.
  void CarryUp(const CarryRequest& request) {
    std::map<uint32_t, std::vector<uint32_t>, std::greater<>> open;  // Families by parent.
    const auto touch = [&](uint32_t family) {
      if (touched_.emplace(family, 0).second) open[tree_.families[family].parent].push_back(family);
    };
    for (const CarryRequest::Fixed& fixed : request.fixed) {
      carried_[fixed.node] = {fixed.value, fixed.reason, fixed.with_branch};
      if (fixed.node == 0) continue;
      touch(tree_.nodes[fixed.node].family);
      shape_.sums[tree_.nodes[fixed.node].family] +=
          fixed.value - tree_.nodes[fixed.node].Counted();
    }
    for (const CarryRequest::Added& added : request.added) {
      touch(added.family);
      touched_[added.family] += added.value;
      shape_.sums[added.family] += added.value;
    }
    while (!open.empty()) {
      const auto [node, families] = *open.begin();
      open.erase(open.begin());
      const std::optional<int64_t> value = SumOf(node, families);
      if (!value) continue;
      carried_[node] = {*value, ChangeReason::kCarriesUp};
      if (*value == tree_.nodes[node].value) continue;
      CheckAncestor(node, *value);
      if (node == 0) continue;
      const uint32_t family = tree_.nodes[node].family;
      touch(family);
      shape_.sums[family] += *value - tree_.nodes[node].value;
    }
  }

  // From a node down along the sums that change, and into what follows them.
  void SolveBelow(const CarryRequest& request, uint32_t top) {
    BranchSolve solve(tree_, shape_, top, NewValue(top));
    const auto on_path = [&](uint32_t position, TreeNode& node) {
      node.lock =
          carried_.contains(position) ? NewValue(position) : tree_.nodes[position].Counted();
    };
    const auto follows = [&](uint32_t position, TreeNode& node) {
      solve.Free(position, node);
      if (node.lock) return;
      if (!request.kept.empty() && request.kept[position]) {
        node = {.family = node.family, .weight = node.weight, .lock = tree_.nodes[position].value};
      } else if (!request.at_least.empty()) {
        node.min = std::max(node.min.value_or(0), request.at_least[position]);
      }
    };
    std::vector<uint32_t> path = {top};
    for (size_t next = 0; next < path.size(); ++next) {
      const uint32_t node = path[next];
      const Carried& carried = carried_.at(node);
      if (!carried.with_branch) continue;
      for (const uint32_t family : shape_.families[node]) {
        const auto touched = touched_.find(family);
        if (touched != touched_.end()) {
          solve.AddFamily(family, on_path);
          // What comes new into the family is not in the tree yet.
          if (touched->second > 0) solve.AddPart(family, touched->second);
          for (const uint32_t child : shape_.children[family]) {
            if (carried_.contains(child)) path.push_back(child);
          }
        } else if (carried.value != tree_.nodes[node].value) {
          solve.AddFamily(family, follows);
          for (const uint32_t child : shape_.children[family]) {
            if (!solve.IsLocked(child)) solve.AddBelow(child, follows);
          }
        }
      }
    }
    if (!solve.Solve(result_)) return;
    const uint32_t asked = request.fixed.empty() ? top : request.fixed[0].node;
    solve.AddChanges(result_, [&](uint32_t node) {
      const auto carried = carried_.find(node);
      return carried != carried_.end() ? std::pair(carried->second.reason, asked)
                                       : std::pair(ChangeReason::kFollowsParent, ParentOf(node));
    });
  }

  // The value that a node must have by all of these families.
  std::optional<int64_t> SumOf(uint32_t node, const std::vector<uint32_t>& families) {
    std::optional<int64_t> value;
    for (const uint32_t family : families) {
      const int64_t stretch_ppm = tree_.families[family].stretch_ppm;
      const int128 sum = shape_.sums[family];
      // Values p with sum = floor((p × stretch + 500,000) / 1,000,000).
      const int128 lowest = (sum * kPpm - kPpm / 2 + stretch_ppm - 1) / stretch_ppm;
      const int128 highest = ((sum + 1) * kPpm - kPpm / 2 - 1) / stretch_ppm;
      if (std::max<int128>(lowest, 0) > highest || highest > kMaxTreeValue) {
        Add(Kind::kStretchLeavesNoValue, node, 0,
            absl::StrCat("has children that add up to ", Saturate(sum), ": no value up to ",
                         kMaxTreeValue, " stretched by ", stretch_ppm, " ppm is that"));
        return std::nullopt;
      }
      const int64_t nearest = static_cast<int64_t>(
          std::clamp<int128>(tree_.nodes[node].value, std::max<int128>(lowest, 0), highest));
      if (value && *value != nearest) {
        const int64_t amount = *value < nearest ? nearest - *value : *value - nearest;
        Add(Kind::kBreakdownsDisagree, node, amount,
            absl::StrCat("would have to be ", *value, " and ", nearest));
        return std::nullopt;
      }
      value = nearest;
    }
    return value;
  }

  void CheckAncestor(uint32_t position, int64_t value) {
    const ValueNode& node = tree_.nodes[position];
    if (node.locked) {
      Add(Kind::kAncestorLocked, position, 0,
          absl::StrCat("is locked at ", node.value, ", would have to be ", value));
    }
    if (shape_.closed[position]) {
      Add(Kind::kAncestorClosed, position, 0,
          absl::StrCat("is for a period that is over, would have to be ", value));
    }
    CheckBounds(position, value);
  }

  void CheckBounds(uint32_t position, int64_t value) {
    const int64_t min = tree_.nodes[position].min.value_or(0);
    const int64_t max = tree_.nodes[position].max.value_or(kMaxTreeValue);
    if (value < min || value > max) {
      Add(Kind::kOutOfBounds, position, value < min ? min - value : value - max,
          absl::StrCat("would have to be ", value, ", must be ", min, " to ", max));
    }
  }

  const ValueTree& tree_;
  Shape shape_;
  ChangeResult result_;
  std::map<uint32_t, Carried> carried_;             // By node.
  absl::flat_hash_map<uint32_t, int64_t> touched_;  // Families, with what is added to them.
};

ChangeResult Refused(std::vector<TreeViolation> violations) {
  return {.tree_violations = std::move(violations)};
}

}  // namespace

ChangeResult Adjust(const ValueTree& tree, const AdjustRequest& request) {
  std::vector<TreeViolation> violations = CheckOrder(tree);
  if (!violations.empty()) return Refused(std::move(violations));
  return Changer(tree).Adjust(request);
}

ChangeResult Replan(const ValueTree& tree, const ReplanRequest& request) {
  std::vector<TreeViolation> violations = CheckOrder(tree);
  if (!violations.empty()) return Refused(std::move(violations));
  return Changer(tree).Replan(request);
}

ChangeResult Carry(const ValueTree& tree, const CarryRequest& request) {
  std::vector<TreeViolation> violations = CheckOrder(tree);
  if (!violations.empty()) return Refused(std::move(violations));
  return Changer(tree).Carry(request);
}

std::vector<BrokenSum> FindBrokenSums(const ValueTree& tree) {
  std::vector<int128> sums(tree.families.size(), 0);
  std::vector<char> has_children(tree.families.size(), 0);
  for (size_t i = 1; i < tree.nodes.size(); ++i) {
    sums[tree.nodes[i].family] += tree.nodes[i].Counted();
    has_children[tree.nodes[i].family] = 1;
  }
  std::vector<BrokenSum> broken;
  for (uint32_t f = 0; f < sums.size(); ++f) {
    if (!has_children[f]) continue;
    const std::optional<int64_t> expected =
        SplitTarget(tree.nodes[tree.families[f].parent].value, tree.families[f].stretch_ppm);
    if (!expected || *expected != sums[f]) {
      broken.push_back({f, expected.value_or(kMaxTreeValue), Saturate(sums[f])});
    }
  }
  return broken;
}

void ApplyChange(ValueTree& tree, const ChangeResult& change) {
  for (const ValueChange& one : change.changes) tree.nodes[one.node].value = one.new_value;
  for (const Settlement& one : change.settlements) tree.nodes[one.node].counts_as = one.new_count;
}

void UndoChange(ValueTree& tree, const ChangeResult& change) {
  for (const ValueChange& one : change.changes) tree.nodes[one.node].value = one.old_value;
  for (const Settlement& one : change.settlements) tree.nodes[one.node].counts_as = one.old_count;
}

std::string Explain(const ValueChange& change, const std::function<std::string(uint32_t)>& name) {
  const std::string text = absl::StrCat(change.old_value, " → ", change.new_value);
  switch (change.reason) {
    case ChangeReason::kAsked:
      return text;
    case ChangeReason::kFollowsParent:
      return absl::StrCat(text, ", its share of ", name(change.cause));
    case ChangeReason::kGivesWay:
      return absl::StrCat(text, ", gives way to ", name(change.cause));
    case ChangeReason::kCarriesUp:
      return absl::StrCat(text, ", the sum with ", name(change.cause));
    case ChangeReason::kReplanned:
      return absl::StrCat(text, ", its share of what is open in ", name(change.cause));
    case ChangeReason::kMovedAway:
      return absl::StrCat(text, ", what was earned before the move");
  }
  return text;
}

}  // namespace milepost::target
