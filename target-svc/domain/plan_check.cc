#include "target-svc/domain/plan_check.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"

namespace milepost::target {
namespace {

using Kind = PlanViolationKind;

constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();

struct Breakdown {
  std::string name;
  absl::int128 sum = 0;
  absl::int128 stretch_ppm = kPpm;
};

class PlanChecker {
 public:
  PlanChecker(const std::vector<PlanTreeNode>& nodes,
              const std::vector<BreakdownStretch>& stretches)
      : nodes_(nodes), stretches_(stretches), breakdowns_(nodes.size()) {}

  std::vector<PlanViolation> Check() {
    CheckNodes();
    CheckCycles();
    CheckStretches();
    CheckSums();
    return std::move(violations_);
  }

 private:
  void Add(Kind kind, const std::string& node_id, const std::string& breakdown,
           std::string message) {
    violations_.push_back({kind, node_id, breakdown, 0, 0, 0, std::move(message)});
  }

  void CheckNodes() {
    for (size_t i = 0; i < nodes_.size(); ++i) index_.emplace(nodes_[i].id, i);
    std::optional<size_t> root;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const PlanTreeNode& node = nodes_[i];
      if (index_[node.id] != i) {
        Add(Kind::kDuplicateId, node.id, "", absl::StrCat("two nodes have the id ", node.id));
      }
      if (node.value < 0) {
        Add(Kind::kNegativeValue, node.id, "",
            absl::StrCat(node.id, " has the value ", node.value, ", must not be negative"));
      }
      if (node.parent_id.empty()) {
        if (root) {
          Add(Kind::kSecondRoot, node.id, "",
              absl::StrCat(node.id, " has no parent, but ", nodes_[*root].id, " is the root"));
        } else {
          root = i;
        }
        continue;
      }
      const auto parent = index_.find(node.parent_id);
      if (parent == index_.end()) {
        Add(Kind::kUnknownParent, node.id, "",
            absl::StrCat(node.id, " has the parent ", node.parent_id, ", which does not exist"));
        continue;
      }
      BreakdownOf(parent->second, node.breakdown).sum += node.counts_as.value_or(node.value);
    }
    if (!root) Add(Kind::kNoRoot, "", "", "the plan has no root");
  }

  // Walks up from every node once: a node met again on the same walk starts a cycle.
  void CheckCycles() {
    std::vector<size_t> walk_of(nodes_.size(), 0);  // 0: not visited.
    std::vector<char> on_cycle(nodes_.size(), 0);
    for (size_t start = 0; start < nodes_.size(); ++start) {
      std::optional<size_t> at = start;
      while (at && walk_of[*at] == 0) {
        walk_of[*at] = start + 1;
        at = ParentOf(*at);
      }
      while (at && walk_of[*at] == start + 1 && !on_cycle[*at]) {
        on_cycle[*at] = 1;
        at = ParentOf(*at);
      }
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (on_cycle[i]) {
        Add(Kind::kCycle, nodes_[i].id, "", absl::StrCat(nodes_[i].id, " is its own ancestor"));
      }
    }
  }

  void CheckStretches() {
    for (const BreakdownStretch& stretch : stretches_) {
      if (stretch.stretch_ppm < 1 || stretch.stretch_ppm > kMaxStretchPpm) {
        Add(Kind::kStretchOutOfRange, stretch.node_id, stretch.breakdown,
            absl::StrCat("stretch of ", stretch.node_id, " by ", stretch.breakdown, " is ",
                         stretch.stretch_ppm, " ppm, must be 1 to ", kMaxStretchPpm));
        continue;
      }
      const auto node = index_.find(stretch.node_id);
      Breakdown* breakdown =
          node == index_.end() ? nullptr : FindBreakdown(node->second, stretch.breakdown);
      if (breakdown == nullptr) {
        Add(Kind::kUnknownBreakdown, stretch.node_id, stretch.breakdown,
            absl::StrCat("a stretch is set for ", stretch.node_id, " by ", stretch.breakdown,
                         ", which has no parts"));
        continue;
      }
      breakdown->stretch_ppm = stretch.stretch_ppm;
    }
  }

  void CheckSums() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      for (const Breakdown& breakdown : breakdowns_[i]) CheckSum(nodes_[i], breakdown);
    }
  }

  void CheckSum(const PlanTreeNode& node, const Breakdown& breakdown) {
    if (node.value < 0) return;
    // SplitTarget, also where it does not fit 64 bits.
    const absl::int128 expected = (node.value * breakdown.stretch_ppm + kPpm / 2) / kPpm;
    if (breakdown.sum == expected) return;
    const bool short_of = breakdown.sum < expected;
    const absl::int128 amount = short_of ? expected - breakdown.sum : breakdown.sum - expected;
    PlanViolation violation{short_of ? Kind::kUnassigned : Kind::kOverAssigned,
                            node.id,
                            breakdown.name,
                            Saturate(expected),
                            Saturate(breakdown.sum),
                            Saturate(amount),
                            ""};
    violation.message = absl::StrCat(node.id, " by ", breakdown.name, ": parts add up to ",
                                     violation.actual, ", must be ", violation.expected, "; ",
                                     violation.amount, short_of ? " unassigned" : " over-assigned");
    violations_.push_back(std::move(violation));
  }

  static int64_t Saturate(absl::int128 value) {
    return static_cast<int64_t>(
        std::clamp<absl::int128>(value, std::numeric_limits<int64_t>::min(), kMaxValue));
  }

  std::optional<size_t> ParentOf(size_t i) const {
    const auto parent = index_.find(nodes_[i].parent_id);
    if (nodes_[i].parent_id.empty() || parent == index_.end()) return std::nullopt;
    return parent->second;
  }

  // A node is broken down a handful of ways, so a list is searched faster than a map.
  Breakdown* FindBreakdown(size_t node, const std::string& name) {
    for (Breakdown& breakdown : breakdowns_[node]) {
      if (breakdown.name == name) return &breakdown;
    }
    return nullptr;
  }

  Breakdown& BreakdownOf(size_t node, const std::string& name) {
    Breakdown* found = FindBreakdown(node, name);
    return found != nullptr ? *found : breakdowns_[node].emplace_back(Breakdown{name});
  }

  const std::vector<PlanTreeNode>& nodes_;
  const std::vector<BreakdownStretch>& stretches_;
  std::vector<std::vector<Breakdown>> breakdowns_;  // By position of the node.
  absl::flat_hash_map<std::string, size_t> index_;  // The first node of an id.
  std::vector<PlanViolation> violations_;
};

}  // namespace

std::vector<PlanViolation> CheckPlan(const std::vector<PlanTreeNode>& nodes,
                                     const std::vector<BreakdownStretch>& stretches) {
  return PlanChecker(nodes, stretches).Check();
}

}  // namespace milepost::target
