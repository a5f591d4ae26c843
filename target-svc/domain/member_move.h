#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/civil_time.h"
#include "target-svc/domain/adjust.h"
#include "target-svc/domain/working_calendar.h"

// The effective-dated move of a branch of a plan, a member or a unit with all that is below it,
// from one family to another: the past stays where it was earned, the future moves. Whole numbers
// of the metric's smallest unit. Pure functions, safe from any thread.
//
// What is past
// - Of a leaf: its value × the weight of its working days before the move ÷ the weight of all its
//   working days (of days, if none of them works), rounded half up to whole rounding units of its
//   family. So what is over stays whole, and what begins later moves whole. What is closed stays
//   whole.
// - Of a node that is broken down by periods, itself or below: what its first such breakdown adds
// up
//   to. Its other breakdowns add up to the same, by Split in proportion to their own past.
// - Past + future = the value, for every node (in a family with a stretch, up to the rounding of
// the
//   stretch).
//
// What else changes
// - The sums above the old place give up the future, those above the new place take it on; from
// where
//   both meet nothing changes. So units' targets move with their members. A locked, closed or
//   bounded sum above refuses.
// - Other breakdowns of these sums follow in proportion, but what is over on the first day of the
// move
//   keeps its value, and what is under way keeps at least its past, unless that is more than there
//   is.
// - In the old place the nodes stay, with what is past; in the new place there are copies of all
// that
//   is not over, with what is future. Both keep their locks and lose their bounds, which were for
//   the whole.
namespace milepost::target {

struct MoveRequest {
  uint32_t node = 0;
  // Where to: a family of the new parent. It may be without parts, if the parent has the value 0.
  uint32_t new_family = 0;
  absl::CivilDay first_day;  // The first in the new place.
};

// One node of the branch. The node itself comes first, and each after its parent.
struct MovedNode {
  uint32_t node = 0;
  int64_t past = 0;
  int64_t future = 0;
  bool over = false;  // Nothing of it moves; it has no copy.
  // Its bounds before the move, after which it has none.
  std::optional<int64_t> min;
  std::optional<int64_t> max;

  friend bool operator==(const MovedNode&, const MovedNode&) = default;
};

struct MoveResult {
  std::vector<MovedNode> moved;
  // Of the tree as it is: the branch in its old place, and all that follows.
  ChangeResult change;

  bool ok() const { return change.ok(); }
};

// `tree` has periods. Needs O(n log n) for n nodes of the tree.
MoveResult MoveBranch(const ValueTree& tree, const WorkingCalendar& calendar,
                      const MoveRequest& request);

// Makes the change and appends the copies; takes both back.
void ApplyMove(ValueTree& tree, const MoveRequest& request, const MoveResult& move);
void UndoMove(ValueTree& tree, const MoveResult& move);

}  // namespace milepost::target
