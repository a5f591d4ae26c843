#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/tree_solve.h"
#include "target-svc/domain/working_calendar.h"

// Changes of targets that already add up: one node gets a new value and its children, its siblings
// or its ancestors give way; or what is missing is spread over the periods that are still open. The
// answer is a list of changes that can be applied and undone; after it every sum is exact, or the
// answer says why not and changes nothing. Whole numbers of the metric's smallest unit; positions
// as in tree_solve.h. Pure functions, safe from any thread; O(n log k) time for n nodes of which
// only those that may change are solved, and about 370 bytes a node. With 1,000,000 leaves a change
// of the root takes about 1.4 s, of a leaf 0.1 s (optimized, one core of a small machine).
//
// Who follows, and how
// - What gives way does so in proportion to its value (split.h: within bounds, locks kept, largest
//   remainder); if all of it is 0, evenly. A node that keeps its value keeps all below it.
// - A closed node (a period that is over) keeps its value, with all below it, whatever happens.
// - Bounds of nodes that are locked or closed are not looked at.
namespace milepost::target {

struct ValueNode {
  uint32_t family = kNoFamily;
  int64_t value = 0;  // 0 to kMaxTreeValue.
  bool locked = false;
  bool closed = false;  // Then all below it is closed too, flagged or not.
  std::optional<int64_t> min;
  std::optional<int64_t> max;

  // What a closed node counts for in the sum of its family instead of its value: what was achieved,
  // once a re-plan has settled it. Its value stays what was asked for.
  std::optional<int64_t> counts_as;

  int64_t Counted() const { return closed && counts_as ? *counts_as : value; }

  friend bool operator==(const ValueNode&, const ValueNode&) = default;
};

// Families and nodes in the order that TreeRequest wants.
struct ValueTree {
  std::vector<TreeFamily> families;
  std::vector<ValueNode> nodes;
  // The days each node is for. Only moves need them; otherwise it may be empty.
  std::vector<DayRange> periods;
};

enum class ChangeReason {
  kAsked,          // The change that was asked for.
  kFollowsParent,  // Its parent changed; it got its share.
  kGivesWay,       // A sibling changed; the parent did not.
  kCarriesUp,      // A child changed; it is the sum again.
  kReplanned,      // Still open; it got its share of what is missing.
  kMovedAway,      // What was earned before the move.
};

struct ValueChange {
  uint32_t node = 0;
  int64_t old_value = 0;
  int64_t new_value = 0;
  ChangeReason reason = ChangeReason::kAsked;
  uint32_t cause = 0;  // The parent that it follows, else the node that was asked for.

  friend bool operator==(const ValueChange&, const ValueChange&) = default;
};

// A closed node counts for something else now.
struct Settlement {
  uint32_t node = 0;
  std::optional<int64_t> old_count;
  std::optional<int64_t> new_count;

  friend bool operator==(const Settlement&, const Settlement&) = default;
};

// A family that does not add up.
struct BrokenSum {
  uint32_t family = 0;
  int64_t expected = 0;  // The value of the parent, stretched.
  int64_t actual = 0;    // What the children count for.

  friend bool operator==(const BrokenSum&, const BrokenSum&) = default;
};

enum class ChangeViolationKind {
  kUnknownNode,
  kValueOutOfRange,  // Not 0 to kMaxTreeValue.
  kNodeLocked,
  kNodeClosed,
  kNoSiblings,      // The root has none; nor has an only child.
  kAncestorLocked,  // A sum above that would have to change.
  kAncestorClosed,
  kOutOfBounds,           // `amount`: by how much the node or a sum above would pass its bound.
  kStretchLeavesNoValue,  // No value of `node`, stretched, is the sum of its children.
  kBreakdownsDisagree,    // Two breakdowns of `node` would ask for different values of it.
  kNotSettled,            // An achieved value for a node that is not closed, or below a closed one.
  kMoveWithin,            // A branch cannot move into itself or to where it is.
  kNoPeriods,             // A move needs the days of every node, in years that calendars cover.
  kMoveToUnsplit,         // A family without parts, though its node has a value.
  kPastDoesNotFit,        // Breakdowns of a node that moves earned more than it did.
  kClosedPeriodMoves,     // A period from the first day of a move on is closed.
};

// Why a change cannot be made, seen at `node`.
struct ChangeViolation {
  ChangeViolationKind kind;
  uint32_t node = 0;
  int64_t amount = 0;
  std::string message;
};

// Either changes in the order of positions, or why there are none: violations of the change, of the
// tree (`nodes[3].min`, positions in the tree), or constraints that collide. In a collision the
// lock of the node asked for is the value asked for, that of a closed node what it counts for, and
// the total the value of the node at the top of what may change.
struct ChangeResult {
  std::vector<ValueChange> changes;
  std::vector<Settlement> settlements;
  // Sums above that are off after this change though not before it: only after GivesWay::kChildren,
  // or a re-plan to a new total, of a node below the root.
  std::vector<BrokenSum> broken;

  std::vector<ChangeViolation> violations;
  std::vector<TreeViolation> tree_violations;
  std::vector<TreeCollision> collisions;

  bool ok() const { return violations.empty() && tree_violations.empty() && collisions.empty(); }
};

enum class GivesWay {
  kChildren,   // Only what is below the node.
  kSiblings,   // The other children of its family, so that the parent stays.
  kAncestors,  // Every sum up to the root, with their other breakdowns; siblings stay.
};

struct AdjustRequest {
  uint32_t node = 0;
  int64_t value = 0;
  GivesWay gives_way = GivesWay::kChildren;
};

// Under kAncestors with a stretch below 1 several values of an ancestor may fit the sum: the one
// nearest to its old value is taken.
ChangeResult Adjust(const ValueTree& tree, const AdjustRequest& request);

// What a closed node has achieved, 0 to kMaxTreeValue.
struct Achieved {
  uint32_t node = 0;
  int64_t value = 0;
};

struct ReplanRequest {
  uint32_t top = 0;              // What is below it is planned anew.
  std::optional<int64_t> total;  // A new value for it; none keeps its value.
  // Closed nodes whose parent is open. Those not named count for what they did before.
  std::vector<Achieved> achieved;
};

// Closed nodes stay as they are; the rest of the total, after what they achieved, is spread over
// the open ones in proportion to their values. So in every family: achieved + open = the parent,
// exactly. If more was achieved than the total allows, that is a collision which says by how much.
ChangeResult Replan(const ValueTree& tree, const ReplanRequest& request);

// Every family that does not add up, in order.
std::vector<BrokenSum> FindBrokenSums(const ValueTree& tree);

// Applies a change to the tree it was computed for, and takes it back.
void ApplyChange(ValueTree& tree, const ChangeResult& change);
void UndoChange(ValueTree& tree, const ChangeResult& change);

// `120 → 100, gives way to b`. `name` tells what a node is called.
std::string Explain(const ValueChange& change, const std::function<std::string(uint32_t)>& name);

// New values for some nodes, carried up to the root: what Adjust under kAncestors and moves are
// made of. Parts of `added` come new into a family. Breakdowns of a sum that changes, other than
// the one it comes from, follow in proportion.
struct CarryRequest {
  struct Fixed {
    uint32_t node = 0;
    int64_t value = 0;
    ChangeReason reason = ChangeReason::kAsked;
    bool with_branch = true;  // Whether what is below it follows.
  };
  struct Added {
    uint32_t family = 0;
    int64_t value = 0;
  };
  std::vector<Fixed> fixed;
  std::vector<Added> added;
  // For each node, or empty: it keeps its value although it is not closed; it gets no less than
  // this.
  std::vector<char> kept;
  std::vector<int64_t> at_least;
};

ChangeResult Carry(const ValueTree& tree, const CarryRequest& request);

}  // namespace milepost::target
