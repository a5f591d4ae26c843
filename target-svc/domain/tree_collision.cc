#include "target-svc/domain/tree_collision.h"

#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace milepost::target::tree {
namespace {

// Steps of the search for the smallest set, about; what takes more is left to the deletion filter.
constexpr size_t kMaxSearchSteps = 10'000'000;
constexpr size_t kFirstSearch = 8;  // Constraints in a set.
constexpr size_t kWiderSearch = 8;  // Times.

// The constraints that push a node one way, up or down, with the tree that they stand in.
struct SideTree {
  TreeSide side = TreeSide::kRaises;
  std::vector<uint32_t> nodes;                                     // Parents before children.
  absl::flat_hash_map<uint32_t, std::vector<TreeConstraint>> own;  // By node.
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> children;   // By family.
  size_t constraint_count = 0;
};

// How far a node can be pushed with so many of the constraints below it, by a knapsack over the
// tree: the best of each family for each number, children one after another.
class Pushes {
 public:
  Pushes(const Tree& tree, const Ranges& ranges, const SideTree& side, size_t most)
      : tree_(tree), ranges_(ranges), side_(side), most_(most) {
    for (auto node = side.nodes.rbegin(); node != side.nodes.rend(); ++node) Compute(*node);
  }

  // The limit of the node with the best `count` constraints, or fewer if more do not help.
  int128 Limit(uint32_t node, size_t count) const {
    const std::vector<Choice>& choices = choices_.at(node);
    return choices[std::min(count, choices.size() - 1)].limit;
  }

  // These constraints.
  void Collect(uint32_t node, size_t count, std::vector<TreeConstraint>& constraints) const {
    const std::vector<Choice>& choices = choices_.at(node);
    const Choice& choice = choices[std::min(count, choices.size() - 1)];
    if (choice.own != nullptr) constraints.push_back(*choice.own);
    if (choice.family == kNoFamily) return;
    const std::vector<uint32_t>& children = side_.children.at(choice.family);
    const std::vector<std::vector<uint32_t>>& takes = takes_.at(choice.family);
    size_t left = choice.count;
    for (size_t i = children.size(); i-- > 0;) {
      const size_t take = takes[i][left];
      if (take > 0) Collect(children[i], take, constraints);
      left -= take;
    }
  }

 private:
  // What is best for a node with some number of constraints: none, one of its own, or so many of a
  // family.
  struct Choice {
    int128 limit = 0;
    const TreeConstraint* own = nullptr;
    uint32_t family = kNoFamily;
    size_t count = 0;
  };

  bool raises() const { return side_.side == TreeSide::kRaises; }
  bool Better(int128 a, int128 b) const { return raises() ? a > b : a < b; }

  void Compute(uint32_t node) {
    std::vector<Choice>& choices = choices_[node];
    choices.push_back({.limit = raises() ? 0 : ranges_.free_max[node]});
    const auto offer = [&](size_t count, const Choice& choice) {
      while (choices.size() <= count) choices.push_back(choices.back());
      for (size_t k = count; k < choices.size() && Better(choice.limit, choices[k].limit); ++k)
        choices[k] = choice;
    };
    if (const auto own = side_.own.find(node); own != side_.own.end()) {
      for (const TreeConstraint& constraint : own->second)
        offer(1, {.limit = constraint.value, .own = &constraint});
    }
    for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
      if (!side_.children.contains(*f)) continue;
      const std::vector<int128> gains = FamilyGains(*f);
      const int64_t stretch_ppm = tree_.request.families[*f].stretch_ppm;
      for (size_t count = 1; count < gains.size(); ++count) {
        const Wide allowed =
            raises() ? Unstretch({gains[count], kMaxTreeValue}, stretch_ppm)
                     : Unstretch({0, ranges_.sums[*f].free_max - gains[count]}, stretch_ppm);
        offer(count, {.limit = raises() ? allowed.min : allowed.max, .family = *f, .count = count});
      }
    }
  }

  // How far the sum of a family moves with the best so many constraints below it.
  std::vector<int128> FamilyGains(uint32_t family) {
    std::vector<std::vector<uint32_t>>& takes = takes_[family];
    std::vector<int128> gains = {0};
    for (const uint32_t child : side_.children.at(family)) {
      const std::vector<int128> more = ChildGains(child);
      const size_t size = std::min(gains.size() + more.size() - 1, most_ + 1);
      std::vector<int128> sums(size, -1);
      std::vector<uint32_t>& take = takes.emplace_back(size, 0);
      for (size_t a = 0; a < gains.size(); ++a) {
        for (size_t b = 0; b < more.size() && a + b < size; ++b) {
          if (gains[a] + more[b] <= sums[a + b]) continue;
          sums[a + b] = gains[a] + more[b];
          take[a + b] = static_cast<uint32_t>(b);
        }
      }
      gains = std::move(sums);
    }
    return gains;
  }

  // How far a child moves the sum of its family.
  std::vector<int128> ChildGains(uint32_t child) const {
    const int64_t unit = tree_.UnitOf(child);
    const int128 free = RoundDown(ranges_.free_max[child], unit);
    std::vector<int128> gains = {0};
    const std::vector<Choice>& choices = choices_.at(child);
    for (size_t count = 1; count < choices.size() && count <= most_; ++count) {
      const Choice& choice = choices[count];
      const bool locked = choice.own != nullptr && choice.own->limit == TreeLimit::kLock;
      const int128 limit = locked     ? choice.limit
                           : raises() ? RoundUp(choice.limit, unit)
                                      : RoundDown(choice.limit, unit);
      gains.push_back(std::max<int128>(gains.back(), raises() ? limit : free - limit));
    }
    return gains;
  }

  const Tree& tree_;
  const Ranges& ranges_;
  const SideTree& side_;
  const size_t most_;
  absl::flat_hash_map<uint32_t, std::vector<Choice>> choices_;               // By node.
  absl::flat_hash_map<uint32_t, std::vector<std::vector<uint32_t>>> takes_;  // By family, child.
};

// Finds a set for a collision at one node, below which nothing collides.
class CollisionFinder {
 public:
  CollisionFinder(const Tree& tree, const Ranges& ranges, uint32_t top)
      : tree_(tree), ranges_(ranges), top_(top) {}

  TreeCollision Find(const Wide& by_all) {
    Trace(raising_);
    Trace(limiting_);
    Span();
    KeepSmallest();
    Reduce();
    TreeCollision collision;
    collision.node = top_;
    for (const Candidate& candidate : candidates_) {
      if (!candidate.removed) collision.constraints.push_back(candidate.constraint);
    }
    // Where what is left collides: at the top or, if less is enough, at a node below it.
    const Spanned* seen = nullptr;
    for (const auto& [node, spanned] : spanned_) {
      if (!spanned.bad || (seen != nullptr && node > collision.node)) continue;
      seen = &spanned;
      collision.node = node;
    }
    Describe(seen->range, collision.node, collision.kind, collision.needed, collision.allowed,
             collision.amount);
    SetSides(collision);
    TreeCollisionKind kind;
    Describe(by_all, top_, kind, collision.needed_by_all, collision.allowed_by_all,
             collision.amount_of_all);
    return collision;
  }

 private:
  struct Candidate {
    TreeConstraint constraint;
    int depth = 0;
    bool removed = false;
  };

  // A node from the top to a candidate, with only the candidates that are left.
  struct Spanned {
    Active active;
    Wide range;
    Contribution contribution;
    bool bad = false;
  };

  // The total or a lock of the node itself both raises and limits; only one of these collides.
  static void SetSides(TreeCollision& collision) {
    for (TreeConstraint& constraint : collision.constraints) {
      if (constraint.node != collision.node) continue;
      if (constraint.limit == TreeLimit::kTotal || constraint.limit == TreeLimit::kLock) {
        constraint.side =
            constraint.value == collision.allowed ? TreeSide::kLimits : TreeSide::kRaises;
      }
    }
    std::sort(collision.constraints.begin(), collision.constraints.end(),
              [](const TreeConstraint& a, const TreeConstraint& b) {
                return std::tie(a.side, a.node, a.limit) < std::tie(b.side, b.node, b.limit);
              });
  }

  void Describe(const Wide& range, uint32_t node, TreeCollisionKind& kind, int64_t& needed,
                int64_t& allowed, int64_t& amount) const {
    needed = Saturate(range.min);
    allowed = Saturate(range.max);
    if (range.min > range.max) {
      kind = TreeCollisionKind::kAboveLimit;
      amount = Saturate(range.min - range.max);
    } else {
      kind = TreeCollisionKind::kNoWholeUnit;
      amount = Saturate(RoundUp(range.min, tree_.UnitOf(node)) - range.max);
    }
  }

  // All constraints that may raise or limit the node, from the top down.
  void Trace(SideTree& tree) {
    const bool raises = tree.side == TreeSide::kRaises;
    std::vector<std::pair<uint32_t, int>> open = {{top_, 0}};
    while (!open.empty()) {
      const auto [node, depth] = open.back();
      open.pop_back();
      tree.nodes.push_back(node);
      const auto add = [&, node = node, depth = depth](TreeLimit limit, int64_t value) {
        if (raises && value == 0) return;
        tree.own[node].push_back({node, limit, value, tree.side});
        ++tree.constraint_count;
        AddCandidate(tree.own[node].back(), depth);
      };
      const TreeNode& own = tree_.request.nodes[node];
      if (node == 0) add(TreeLimit::kTotal, tree_.request.total);
      if (own.lock) add(TreeLimit::kLock, *own.lock);
      if (own.lock && node != top_) continue;  // Below it nothing collides with the lock.
      if (raises && own.min) add(TreeLimit::kMin, *own.min);
      if (!raises && own.max) add(TreeLimit::kMax, *own.max);
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        if (raises ? Allowed(*f).min <= 0 : Allowed(*f).max >= Free(*f).max) continue;
        for (const uint32_t* c = tree_.children.begin(*f); c != tree_.children.end(*f); ++c) {
          if (raises ? ranges_.of[*c].min > 0 : ranges_.of[*c].max < ranges_.free_max[*c]) {
            tree.children[*f].push_back(*c);
            open.emplace_back(*c, depth + 1);
          }
        }
      }
    }
  }

  // What the family allows its parent, and what it would without any constraint.
  Wide Allowed(uint32_t family) const {
    const Sums& sums = ranges_.sums[family];
    return Unstretch({sums.min, sums.max}, tree_.request.families[family].stretch_ppm);
  }
  Wide Free(uint32_t family) const {
    return Unstretch({0, ranges_.sums[family].free_max},
                     tree_.request.families[family].stretch_ppm);
  }
  Contribution FreeContribution(uint32_t node) const {
    return {true, 0, RoundDown(ranges_.free_max[node], tree_.UnitOf(node))};
  }

  void AddCandidate(const TreeConstraint& constraint, int depth) {
    if (std::exchange(spanned_[constraint.node].active[constraint.limit], true)) return;
    candidates_.push_back({constraint, depth});
  }

  void Span() {
    std::vector<uint32_t> nodes;
    for (const Candidate& candidate : candidates_) nodes.push_back(candidate.constraint.node);
    for (uint32_t node : nodes) {
      while (node != top_) {
        node = tree_.request.families[tree_.request.nodes[node].family].parent;
        if (!spanned_.emplace(node, Spanned{}).second) break;
      }
    }
    spanned_.emplace(top_, Spanned{});
    // Sums start with every child free.
    nodes.clear();
    for (const auto& [node, spanned] : spanned_) {
      nodes.push_back(node);
      const uint32_t family = tree_.request.nodes[node].family;
      if (node != top_ && !reduced_sums_.contains(family)) {
        reduced_sums_[family] = {0, ranges_.sums[family].free_max};
      }
    }
    std::sort(nodes.begin(), nodes.end(), std::greater<>());  // Children before parents.
    for (uint32_t node : nodes) {
      Spanned& spanned = spanned_[node];
      spanned.contribution = FreeContribution(node);
      Evaluate(node, spanned);
    }
  }

  // Computes a node anew and passes on what has changed. Returns whether anything has.
  bool Evaluate(uint32_t node, Spanned& spanned) {
    Wide range = tree_.Own(node, spanned.active);
    for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
      if (tree_.children.size(*f) == 0) continue;
      const auto sums = reduced_sums_.find(*f);
      const Wide allowed = sums == reduced_sums_.end()
                               ? Free(*f)
                               : Unstretch({sums->second.min, sums->second.max},
                                           tree_.request.families[*f].stretch_ppm);
      range.min = std::max(range.min, allowed.min);
      range.max = std::min(range.max, allowed.max);
    }
    Contribution contribution = ContributionOf(range, spanned.active.lock, tree_.UnitOf(node));
    const bool bad = range.min > range.max || !contribution.whole_unit;
    if (bad) contribution = FreeContribution(node);
    bad_count_ += (bad ? 1 : 0) - (spanned.bad ? 1 : 0);
    spanned.range = range;
    spanned.bad = bad;
    if (node == top_) return false;
    const Contribution old = std::exchange(spanned.contribution, contribution);
    if (old.min == contribution.min && old.max == contribution.max) return false;
    Sums& sums = reduced_sums_[tree_.request.nodes[node].family];
    sums.min += contribution.min - old.min;
    sums.max += contribution.max - old.max;
    return true;
  }

  void Switch(const TreeConstraint& constraint, bool active) {
    uint32_t node = constraint.node;
    spanned_[node].active[constraint.limit] = active;
    while (Evaluate(node, spanned_[node])) {
      node = tree_.request.families[tree_.request.nodes[node].family].parent;
    }
  }

  // Takes away all but the smallest set that collides at the top, if one is found.
  void KeepSmallest() {
    std::optional<std::vector<TreeConstraint>> smallest = Smallest();
    if (!smallest) return;
    // A lock both raises and limits: what it does in the set is what it is named for.
    const auto stays = [&](Candidate& candidate) {
      const auto found =
          std::find_if(smallest->begin(), smallest->end(), [&](const TreeConstraint& one) {
            return one.node == candidate.constraint.node && one.limit == candidate.constraint.limit;
          });
      if (found == smallest->end()) return false;
      candidate.constraint = *found;
      return true;
    };
    std::vector<Candidate*> removed;
    for (Candidate& candidate : candidates_) {
      if (stays(candidate)) continue;
      Switch(candidate.constraint, false);
      candidate.removed = true;
      removed.push_back(&candidate);
    }
    if (bad_count_ > 0) return;
    // A minimum and a maximum made one value of a range that alone they do not.
    for (Candidate* candidate : removed) {
      Switch(candidate->constraint, true);
      candidate->removed = false;
    }
  }

  // For larger and larger sets, as long as the search is worth its steps.
  std::optional<std::vector<TreeConstraint>> Smallest() const {
    const size_t all = raising_.constraint_count + limiting_.constraint_count;
    for (size_t most = kFirstSearch; all * most <= kMaxSearchSteps; most *= kWiderSearch) {
      const Pushes raises(tree_, ranges_, raising_, most);
      const Pushes limits(tree_, ranges_, limiting_, most);
      for (size_t size = 1; size <= std::min(most, all); ++size) {
        for (size_t up = 0; up <= size; ++up) {
          if (!Collides(raises.Limit(top_, up), limits.Limit(top_, size - up))) continue;
          std::vector<TreeConstraint> smallest;
          raises.Collect(top_, up, smallest);
          limits.Collect(top_, size - up, smallest);
          return smallest;
        }
      }
      if (most >= all) break;
    }
    return std::nullopt;
  }

  bool Collides(int128 min, int128 max) const {
    if (min > max) return true;
    return min < max && RoundUp(min, tree_.UnitOf(top_)) > max;
  }

  // Takes away what is not needed for a collision, until every one that is left is.
  void Reduce() {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      if (a.depth != b.depth) return a.depth > b.depth;
      if (a.constraint.value != b.constraint.value) return a.constraint.value < b.constraint.value;
      return std::tie(a.constraint.node, a.constraint.limit) >
             std::tie(b.constraint.node, b.constraint.limit);
    });
    bool removed = true;
    while (removed) {
      removed = false;
      for (Candidate& candidate : candidates_) {
        if (candidate.removed) continue;
        Switch(candidate.constraint, false);
        if (bad_count_ > 0) {
          candidate.removed = removed = true;
        } else {
          Switch(candidate.constraint, true);
        }
      }
    }
  }

  const Tree& tree_;
  const Ranges& ranges_;
  uint32_t top_;
  SideTree raising_{.side = TreeSide::kRaises};
  SideTree limiting_{.side = TreeSide::kLimits};
  std::vector<Candidate> candidates_;
  absl::flat_hash_map<uint32_t, Spanned> spanned_;
  absl::flat_hash_map<uint32_t, Sums> reduced_sums_;
  int bad_count_ = 0;
};

}  // namespace

TreeCollision FindCollision(const Tree& tree, const Ranges& ranges, uint32_t top,
                            const Wide& by_all) {
  return CollisionFinder(tree, ranges, top).Find(by_all);
}

}  // namespace milepost::target::tree
