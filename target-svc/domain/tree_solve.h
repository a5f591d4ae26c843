#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/split.h"

// One solve over a whole tree: values for every node such that each breakdown (family) of each node
// adds up to it exactly, with locks and bounds at any node at any depth. It knows no plan, only
// positions and numbers: whole numbers of the metric's smallest unit, ratios in ppm, 128-bit
// arithmetic, never floating point. Pure functions, safe from any thread.
//
// How a tree is solved
// 1. Bottom-up, every node gets its range: the values it may take such that all below it can still
// be
//    met. A leaf's range is its bounds, a lock is a range of one value. A family of children with
//    ranges [min, max], read in whole rounding units as split.h does, allows its parent what,
//    stretched, lies from the sum of their minima to the sum of their maxima; a node's range is
//    what its own bounds and all of its families allow together. A node whose range is one value is
//    taken as it is, like a lock.
// 2. Top-down, each family is split by Split (split.h) with the ranges as bounds.
// Several families of one node (by region, by product, by month) restrict each other only through
// the value of the node, so all nodes with their families form one tree (a laminar family of sets).
//
// Why it always works, and what is best
// - Split meets every value from the sum of the minima to the sum of the maxima, and gives each
// child
//   a value in its range. So with the total in the range of the root step 2 never fails; with the
//   total outside, or an empty range anywhere, nothing meets all constraints.
// - Objective: each family has the fair values of Split: the one allocation clamp(λ × weight, min,
// max)
//   that adds up. Among all within the ranges it minimizes the weighted distance from the pure
//   proportion, sum of (value - proportion)² / weight, and is max-min fair in value ÷ weight:
//   nobody can be given more without taking from one with less per weight (Ibaraki and Katoh,
//   Resource Allocation Problems, 1988; Bertsekas and Gallager, Data Networks, 1987,
//   section 6.5.2). Rounding is by largest remainder, at the least sum of distances. Levels rank
//   from the top: a family is the fairest that the values above it allow, whatever that means for
//   families below; the ranges make sure that no choice above is one that cannot be met below.
// - With `current` values a family that adds up, whose constraints hold and whose parent keeps its
//   value keeps its values, with all below.
//
// What collides
// A set of constraints (total, locks, minima, maxima) is reported that cannot be met together in
// the tree below one node, though it can as soon as any one of them is taken away (an irreducible
// infeasible subset; Chinneck, Feasibility and Infeasibility in Optimization, 2008). There is no
// set with fewer members below that node: how far each number of constraints can push a node up or
// down is computed for every node from what it is for its children (a knapsack over the tree), and
// the first two numbers that push past each other are the answer. Two exceptions: a minimum and a
// maximum that leave a node one value are not seen as the lock that they make where rounding units
// are above 1, and where the search would take more than about ten million steps (4,000 constraints
// in a set of 2,500) a deletion filter tries to do without the deepest and smallest constraints
// first; then the set is irreducible only, and the smallest for minima of one family against one
// limit. At each node below which nothing collides one set is looked for; what collides is then
// taken as free for the nodes above, so that several sets are independent of each other.
//
// Complexity: O(n log k) time for n nodes in families of at most k, and about 130 bytes a node,
// request included; each collision O(c × s + c × depth) for c constraints below its node and s in
// its set.
namespace milepost::target {

// The largest value of a node and of a constraint.
inline constexpr int64_t kMaxTreeValue = std::numeric_limits<int64_t>::max() / 2;
inline constexpr size_t kMaxTreeNodes = 4'000'000;
inline constexpr size_t kMaxTreeCollisions = 100;
inline constexpr uint32_t kNoFamily = std::numeric_limits<uint32_t>::max();

// One way in which a node is broken down. Without children it means nothing.
struct TreeFamily {
  uint32_t parent = 0;  // Position of the node; before all of its children.
  int64_t stretch_ppm = kPpm;
  int64_t rounding_unit = 1;
};

struct TreeNode {
  uint32_t family = kNoFamily;  // Position of the family it is a child in; kNoFamily for the root.
  int64_t weight = 0;           // As in SplitPart.

  // Each 0 to kMaxTreeValue.
  std::optional<int64_t> lock;
  std::optional<int64_t> min;
  std::optional<int64_t> max;
};

struct TreeRequest {
  int64_t total = 0;  // Of the root, 0 to kMaxTreeValue.
  std::vector<TreeFamily> families;
  // The root first, every other after its parent. 1 to kMaxTreeNodes; at most kMaxSplitParts in one
  // family.
  std::vector<TreeNode> nodes;
  // Empty, or the value each node has now, not negative.
  std::vector<int64_t> current;
};

enum class TreeViolationKind {
  kSizeOutOfRange,
  kFamilyOutOfRange,  // Not a family, or one whose parent does not come before the node.
  kParentOutOfRange,
  kStretchOutOfRange,
  kRoundingUnitOutOfRange,
  kValueOutOfRange,  // A total, lock, bound or current value is not 0 to kMaxTreeValue.
  kNegativeWeight,
  kWeightsTooLarge,  // Those of a family add up to more than the largest int64.
};

// What is wrong with the request, where (`nodes[3].min`), in words that name the limit.
struct TreeViolation {
  TreeViolationKind kind;
  std::string field;
  std::string message;
};

enum class TreeLimit { kTotal, kLock, kMin, kMax };
// Whether a constraint keeps the node where a collision is seen from being low or from being high.
enum class TreeSide { kRaises, kLimits };

struct TreeConstraint {
  uint32_t node = 0;
  TreeLimit limit = TreeLimit::kMin;
  int64_t value = 0;
  TreeSide side = TreeSide::kRaises;

  friend bool operator==(const TreeConstraint&, const TreeConstraint&) = default;
};

enum class TreeCollisionKind {
  kAboveLimit,   // The node must have more than it may have.
  kNoWholeUnit,  // No multiple of the rounding unit of its family is in its range.
};

struct TreeCollision {
  TreeCollisionKind kind = TreeCollisionKind::kAboveLimit;
  uint32_t node = 0;

  // The set, ordered by side and position.
  std::vector<TreeConstraint> constraints;
  // By these alone the node must have `needed` at least and may have `allowed` at most. `amount`,
  // above 0: needed - allowed; for kNoWholeUnit how far `allowed` is below the next multiple. It is
  // what any member of the set must give way by, as seen from the node, for this set to be met.
  int64_t needed = 0;
  int64_t allowed = 0;
  int64_t amount = 0;

  // The same with all constraints below the node: what must be given up in all.
  int64_t needed_by_all = 0;
  int64_t allowed_by_all = 0;
  int64_t amount_of_all = 0;
};

// From `min` to `max`, both included.
struct TreeRange {
  int64_t min = 0;
  int64_t max = kMaxTreeValue;

  friend bool operator==(const TreeRange&, const TreeRange&) = default;
};

// Either a value for each node and what held it, or violations, or collisions. Ranges are there
// unless there are violations; where something collides they are not to be relied on.
struct TreeResult {
  std::vector<int64_t> values;
  std::vector<Bound> bounds;  // kMin and kMax also where bounds below it held the node.
  std::vector<TreeRange> ranges;
  std::vector<TreeViolation> violations;
  std::vector<TreeCollision> collisions;

  bool ok() const { return violations.empty() && collisions.empty(); }
};

TreeResult SolveTree(const TreeRequest& request);

// How the children of one family, in the order of positions, got their values in a solution of the
// request: what Split was asked and answered. Families that kept their values are split anew. Takes
// O(nodes).
SplitResult ExplainFamily(const TreeRequest& request, const TreeResult& result, uint32_t family);

// `a must have at least 130 (minimum 60 of b, minimum 70 of c) and may have at most 100 (lock 100
// of a): 30 too much`. `name` tells what a node is called.
std::string Explain(const TreeCollision& collision,
                    const std::function<std::string(uint32_t)>& name);

}  // namespace milepost::target
