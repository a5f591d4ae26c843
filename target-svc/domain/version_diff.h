#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/plan_check.h"
#include "target-svc/domain/split.h"

// Compares two versions of a plan, and merges a branch (what if …) back into the plan it was copied
// from. Nodes are the same if their ids are. Values are whole numbers of the metric's smallest
// unit. Pure functions, safe from any thread; O(n log n) for n nodes.
namespace milepost::target {

// How one node is broken down along one breakdown.
struct VersionBreakdown {
  std::string id;
  int64_t stretch_ppm = kPpm;
  int64_t rounding_unit = 1;

  friend bool operator==(const VersionBreakdown&, const VersionBreakdown&) = default;
};

struct VersionNode {
  std::string id;         // Unique in a version.
  std::string parent_id;  // Empty for the root.
  std::string breakdown;  // Of the parent; empty for the root.
  std::string title;
  int64_t value = 0;
  bool locked = false;
  std::optional<int64_t> min;
  std::optional<int64_t> max;
  std::vector<VersionBreakdown> breakdowns;  // Each id once; their order means nothing.
  std::optional<int64_t> counts_as;          // What it counts for in its family, if not its value.
  std::string days;                          // `2026-01-01/2026-06-30`; empty if nobody says.
  std::string note;

  friend bool operator==(const VersionNode&, const VersionNode&) = default;
};

enum class VersionField {
  kNode,   // The node as a whole: it is there or not.
  kPlace,  // Parent and breakdown, as `parent/breakdown`.
  kTitle,
  kValue,
  kLocked,  // 0 or 1.
  kMin,
  kMax,
  kStretch,   // Of one breakdown, in ppm; none if the node is not broken down so.
  kRounding,  // Of one breakdown; none if the node is not broken down so.
  kCounts,    // None if it counts for its value.
  kDays,
  kNote,
};

// What a field holds: a number, none, or a text for kPlace, kTitle, kDays and kNote. For kNode 1 or
// none.
struct FieldValue {
  std::optional<int64_t> number;
  std::string text;

  friend bool operator==(const FieldValue&, const FieldValue&) = default;
};

struct VersionDifference {
  std::string node_id;
  VersionField field = VersionField::kNode;
  std::string breakdown;  // Only for kStretch and kRounding.
  FieldValue before;
  FieldValue after;

  friend bool operator==(const VersionDifference&, const VersionDifference&) = default;
};

// Every difference, by node id, then by field; a node that is there in one version only is one
// difference. Empty exactly if both versions say the same.
std::vector<VersionDifference> CompareVersions(const std::vector<VersionNode>& before,
                                               const std::vector<VersionNode>& after);

enum class MergeSide { kOurs, kTheirs };

enum class ConflictKind {
  kBothChanged,        // Both sides changed the field, differently.
  kRemovedAndChanged,  // One side removed the node, the other changed it (kNode).
  kBothAdded,          // Both sides added the node, with different fields.
  kParentRemoved,      // One side removed the node, the other put something below it (kNode).
  kCycle,              // Both sides moved nodes such that they lie below each other (kPlace).
};

struct MergeConflict {
  ConflictKind kind = ConflictKind::kBothChanged;
  std::string node_id;
  VersionField field = VersionField::kNode;
  std::string breakdown;
  FieldValue base;
  FieldValue ours;
  FieldValue theirs;
  MergeSide taken = MergeSide::kOurs;

  friend bool operator==(const MergeConflict&, const MergeConflict&) = default;
};

// Which side a conflict is decided for. Kinds kParentRemoved and kCycle cannot be: a parent stays
// as long as anything is below it, and of a cycle our places stand.
struct MergeDecision {
  std::string node_id;
  VersionField field = VersionField::kNode;
  std::string breakdown;
  MergeSide side = MergeSide::kOurs;
};

struct MergeResult {
  // Sorted by id.
  std::vector<VersionNode> nodes;
  // By node id, then by field. Without a decision ours is taken, except that a change outlives a
  // removal.
  std::vector<MergeConflict> conflicts;
  // What does not add up any more, though it does in our version: both sides can be right and their
  // sums wrong. Planned anew, not decided.
  std::vector<PlanViolation> violations;

  bool clean() const { return conflicts.empty() && violations.empty(); }
};

// Three-way merge, field by field: what only one side changed since `base` is taken from it.
MergeResult MergeVersions(const std::vector<VersionNode>& base,
                          const std::vector<VersionNode>& ours,
                          const std::vector<VersionNode>& theirs,
                          const std::vector<MergeDecision>& decisions = {});

}  // namespace milepost::target
