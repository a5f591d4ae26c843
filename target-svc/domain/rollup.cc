#include "target-svc/domain/rollup.h"

#include "absl/strings/str_cat.h"
#include "platform/types/money.h"

namespace milepost::target {
namespace {

// Of the families of a node: the one it counts for.
struct Below {
  bool has_children = false;
  bool committed = false;
  int64_t sum = 0;
  int64_t leaves = 0;
  int64_t open_leaves = 0;
};

struct FamilyLeaves {
  int64_t leaves = 0;
  int64_t open_leaves = 0;
};

std::vector<TreeViolation> Check(const RollupRequest& request) {
  std::vector<TreeViolation> violations;
  const auto add = [&](TreeViolationKind kind, std::string field, std::string message) {
    violations.push_back({kind, std::move(field), std::move(message)});
  };
  if (request.nodes.empty() || request.nodes.size() > kMaxTreeNodes) {
    add(TreeViolationKind::kSizeOutOfRange, "nodes",
        absl::StrCat("has ", request.nodes.size(), " nodes, must have 1 to ", kMaxTreeNodes));
  }
  for (size_t f = 0; f < request.families.size(); ++f) {
    if (request.families[f].parent < request.nodes.size()) continue;
    add(TreeViolationKind::kParentOutOfRange, absl::StrCat("families[", f, "].parent"),
        absl::StrCat("is ", request.families[f].parent, ", there are ", request.nodes.size(),
                     " nodes"));
  }
  for (size_t i = 0; i < request.nodes.size(); ++i) {
    const RollupNode& node = request.nodes[i];
    const std::string field = absl::StrCat("nodes[", i, "]");
    if (i == 0
            ? node.family != kNoFamily
            : node.family >= request.families.size() || request.families[node.family].parent >= i) {
      add(TreeViolationKind::kFamilyOutOfRange, field + ".family",
          i == 0 ? "the root must have none" : "must be a family with a parent before the node");
    }
    if (node.target < 0 || node.target > kMaxTreeValue) {
      add(TreeViolationKind::kValueOutOfRange, field + ".target",
          absl::StrCat("is ", node.target, ", must be 0 to ", kMaxTreeValue));
    }
    if (node.committed && (*node.committed < 0 || *node.committed > kMaxTreeValue)) {
      add(TreeViolationKind::kValueOutOfRange, field + ".committed",
          absl::StrCat("is ", *node.committed, ", must be 0 to ", kMaxTreeValue));
    }
  }
  return violations;
}

}  // namespace

RollupResult RollUp(const RollupRequest& request) {
  RollupResult result;
  result.violations = Check(request);
  if (!result.ok()) return result;
  result.nodes.resize(request.nodes.size());
  result.families.resize(request.families.size());
  std::vector<FamilyLeaves> leaves(request.families.size());
  std::vector<std::vector<uint32_t>> families(request.nodes.size());
  for (uint32_t f = 0; f < request.families.size(); ++f) {
    families[request.families[f].parent].push_back(f);
  }
  for (size_t i = request.nodes.size(); i-- > 0;) {
    const RollupNode& node = request.nodes[i];
    NodeRollup& rollup = result.nodes[i];
    Below below;
    for (const uint32_t f : families[i]) {
      const FamilyRollup& family = result.families[f];
      if (family.children == 0) continue;
      const bool committed = family.open_children < family.children;
      if (below.has_children && (below.committed || !committed)) continue;
      below = {true, committed, family.committed, leaves[f].leaves, leaves[f].open_leaves};
    }
    if (node.committed) {
      rollup.basis = RollupBasis::kOwn;
      rollup.committed = *node.committed;
      if (below.committed) rollup.own_less_below = *node.committed - below.sum;
    } else if (below.committed) {
      rollup.basis = RollupBasis::kBelow;
      rollup.committed = below.sum;
    }
    rollup.gap = node.target - rollup.committed;
    rollup.coverage_ppm = RatioPpm(rollup.committed, node.target);
    rollup.leaves = below.has_children ? below.leaves : 1;
    rollup.open_leaves = node.committed ? 0 : below.has_children ? below.open_leaves : 1;
    if (i == 0) continue;
    FamilyRollup& family = result.families[node.family];
    const std::optional<int64_t> target = CheckedAdd(family.target, node.target);
    const std::optional<int64_t> committed = CheckedAdd(family.committed, rollup.committed);
    if (!target || !committed || *target > kMaxTreeValue || *committed > kMaxTreeValue) {
      return {.violations = {{TreeViolationKind::kValueOutOfRange,
                              absl::StrCat("families[", node.family, "]"),
                              absl::StrCat("adds up to more than ", kMaxTreeValue)}}};
    }
    family.target = *target;
    family.committed = *committed;
    ++family.children;
    if (rollup.basis == RollupBasis::kOpen) {
      ++family.open_children;
      family.open_target += node.target;
    }
    leaves[node.family].leaves += rollup.leaves;
    leaves[node.family].open_leaves += rollup.open_leaves;
  }
  return result;
}

}  // namespace milepost::target
