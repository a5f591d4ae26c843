#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/version_diff.h"

// What-if branches: copies of a plan that are changed by themselves, compared with it, and merged
// back. version_diff.h, in the words of plans. Pure functions.
namespace milepost::target {

// The nodes of one version as version_diff.h compares them.
std::vector<VersionNode> ToVersion(const std::vector<Node>& nodes);

// The nodes as those of a branch whose first version they are. Their ids stay: they are the same
// nodes, as far as a merge is concerned.
std::vector<Node> BranchNodes(std::vector<Node> nodes, const Plan& branch);

// Whose changes are taken where both sides changed something: the origin's or the branch's.
struct MergeChoices {
  std::map<std::string, MergeSide> nodes;  // By id.
  std::optional<MergeSide> others;         // None: what is not chosen is left undecided.
};

struct BranchMerge {
  std::vector<MergeConflict> conflicts;  // All, with what was taken.
  std::vector<MergeConflict> undecided;  // Those of them that no choice was made for.
  std::vector<Violation> violations;     // What does not add up afterwards, but does in `ours`.
  std::vector<Node> updated;
  std::vector<Node> relocated;  // Updated as well, and elsewhere.
  std::vector<Node> created;    // With version 0.
  std::vector<Node> deleted;
  int64_t target_units = 0;  // Of the root.
};

// Merges what `theirs`, the branch, changed since `base` into `ours`, the origin. All in the order
// of paths. FAILED_PRECONDITION MERGE_IMPOSSIBLE if the result is no plan, whatever is chosen: both
// added the same part, or a part does not fit where it now is.
absl::StatusOr<BranchMerge> ApplyMerge(const std::vector<Node>& base, const std::vector<Node>& ours,
                                       const std::vector<Node>& theirs,
                                       const MergeChoices& choices);

}  // namespace milepost::target
