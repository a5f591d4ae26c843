#include "target-svc/domain/tree_solve.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace milepost::target {
namespace {

using absl::int128;
using Kind = TreeViolationKind;

constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();

int64_t Narrow(int128 value) { return static_cast<int64_t>(value); }
int64_t Saturate(int128 value) { return value > kMaxValue ? kMaxValue : Narrow(value); }
int128 RoundUp(int128 value, int64_t unit) { return (value + unit - 1) / unit * unit; }
int128 RoundDown(int128 value, int64_t unit) { return value / unit * unit; }

// Values that a node or the sum of a family may take; empty if min is above max. Minima may pass
// kMaxTreeValue, maxima never do.
struct Wide {
  int128 min = 0;
  int128 max = kMaxTreeValue;
};

// What a parent may be for its children, stretched, to lie in `sum`. With
// stretched(p) = floor((p × stretch + 500,000) / 1,000,000) these are bounds on p.
Wide Unstretch(const Wide& sum, int64_t stretch_ppm) {
  const int128 max = std::min<int128>(sum.max, kMaxTreeValue);
  if (stretch_ppm == kPpm) return {sum.min, max};
  const int128 min_wanted = sum.min * kPpm - kPpm / 2;
  return {min_wanted <= 0 ? int128(0) : (min_wanted + stretch_ppm - 1) / stretch_ppm,
          std::min<int128>(((max + 1) * kPpm - kPpm / 2 - 1) / stretch_ppm, kMaxTreeValue)};
}

// What a node adds to the sum of its family.
struct Contribution {
  bool whole_unit = true;  // Whether there is any.
  int128 min = 0;
  int128 max = kMaxTreeValue;
};

Contribution ContributionOf(const Wide& range, bool locked, int64_t unit) {
  if (locked || range.min == range.max) return {true, range.min, range.max};
  const int128 min = RoundUp(range.min, unit);
  const int128 max = RoundDown(range.max, unit);
  if (min > max) return {.whole_unit = false};
  return {true, min, max};
}

// Positions grouped by a key, each group in ascending order.
class Groups {
 public:
  Groups() = default;
  template <typename KeyOf>
  Groups(size_t groups, size_t count, const KeyOf& key_of) : begin_(groups + 1, 0) {
    for (size_t i = 0; i < count; ++i) {
      if (key_of(i) != kNoFamily) ++begin_[key_of(i) + 1];
    }
    for (size_t g = 0; g < groups; ++g) begin_[g + 1] += begin_[g];
    members_.resize(begin_[groups]);
    std::vector<uint32_t> next(begin_.begin(), begin_.end() - 1);
    for (size_t i = 0; i < count; ++i) {
      if (key_of(i) != kNoFamily) members_[next[key_of(i)]++] = static_cast<uint32_t>(i);
    }
  }

  const uint32_t* begin(size_t group) const { return members_.data() + begin_[group]; }
  const uint32_t* end(size_t group) const { return members_.data() + begin_[group + 1]; }
  size_t size(size_t group) const { return begin_[group + 1] - begin_[group]; }

 private:
  std::vector<uint32_t> begin_;
  std::vector<uint32_t> members_;
};

class Checker {
 public:
  explicit Checker(const TreeRequest& request) : request_(request) {}

  std::vector<TreeViolation> Check() {
    const size_t count = request_.nodes.size();
    if (count == 0 || count > kMaxTreeNodes) {
      Add(Kind::kSizeOutOfRange, "nodes",
          absl::StrCat("has ", count, " nodes, must have 1 to ", kMaxTreeNodes));
      return std::move(violations_);
    }
    if (request_.families.size() > count) {
      Add(Kind::kSizeOutOfRange, "families",
          absl::StrCat("has ", request_.families.size(), " families for ", count, " nodes"));
      return std::move(violations_);
    }
    if (!request_.current.empty() && request_.current.size() != count) {
      Add(Kind::kSizeOutOfRange, "current",
          absl::StrCat("has ", request_.current.size(), " values for ", count, " nodes"));
    }
    CheckValue("total", "", request_.total);
    for (size_t f = 0; f < request_.families.size(); ++f) CheckFamily(f);
    CheckNodes();
    for (size_t i = 0; i < request_.current.size(); ++i) {
      CheckValue("current", i, "", request_.current[i]);
    }
    return std::move(violations_);
  }

 private:
  void Add(Kind kind, std::string field, std::string message) {
    violations_.push_back({kind, std::move(field), std::move(message)});
  }

  void CheckValue(const std::string& field, const std::string& part, int64_t value) {
    if (value >= 0 && value <= kMaxTreeValue) return;
    Add(Kind::kValueOutOfRange, field + part,
        absl::StrCat("is ", value, ", must be 0 to ", kMaxTreeValue));
  }
  void CheckValue(const char* list, size_t i, const char* part, int64_t value) {
    if (value >= 0 && value <= kMaxTreeValue) return;
    CheckValue(absl::StrCat(list, "[", i, "]"), part, value);
  }

  void CheckFamily(size_t f) {
    const TreeFamily& family = request_.families[f];
    const auto field = [f](const char* part) { return absl::StrCat("families[", f, "].", part); };
    if (family.parent >= request_.nodes.size()) {
      Add(Kind::kParentOutOfRange, field("parent"),
          absl::StrCat("is ", family.parent, ", there are ", request_.nodes.size(), " nodes"));
    }
    if (family.stretch_ppm < 1 || family.stretch_ppm > kMaxStretchPpm) {
      Add(Kind::kStretchOutOfRange, field("stretch_ppm"),
          absl::StrCat("is ", family.stretch_ppm, ", must be 1 to ", kMaxStretchPpm));
    }
    if (family.rounding_unit < 1 || family.rounding_unit > kMaxTreeValue) {
      Add(Kind::kRoundingUnitOutOfRange, field("rounding_unit"),
          absl::StrCat("is ", family.rounding_unit, ", must be 1 to ", kMaxTreeValue));
    }
  }

  void CheckNodes() {
    struct Sums {
      size_t count = 0;
      int128 weight = 0;
    };
    std::vector<Sums> sums(request_.families.size());
    for (size_t i = 0; i < request_.nodes.size(); ++i) {
      const TreeNode& node = request_.nodes[i];
      if (i == 0 ? node.family != kNoFamily
                 : node.family >= request_.families.size() ||
                       request_.families[node.family].parent >= i) {
        Add(Kind::kFamilyOutOfRange, absl::StrCat("nodes[", i, "].family"),
            i == 0 ? "the root must have none"
                   : absl::StrCat("is ", node.family, ", must be one of the ",
                                  request_.families.size(),
                                  " families, with a parent before the node"));
      } else if (i > 0) {
        ++sums[node.family].count;
        sums[node.family].weight += std::max<int64_t>(node.weight, 0);
      }
      if (node.weight < 0) {
        Add(Kind::kNegativeWeight, absl::StrCat("nodes[", i, "].weight"),
            absl::StrCat("is ", node.weight, ", must not be negative"));
      }
      if (node.lock) CheckValue("nodes", i, ".lock", *node.lock);
      if (node.min) CheckValue("nodes", i, ".min", *node.min);
      if (node.max) CheckValue("nodes", i, ".max", *node.max);
    }
    for (size_t f = 0; f < sums.size(); ++f) {
      if (sums[f].count > kMaxSplitParts) {
        Add(Kind::kSizeOutOfRange, absl::StrCat("families[", f, "]"),
            absl::StrCat("has ", sums[f].count, " children, may have ", kMaxSplitParts));
      }
      if (sums[f].weight > kMaxValue) {
        Add(Kind::kWeightsTooLarge, absl::StrCat("families[", f, "]"),
            absl::StrCat("weights must add up to at most ", kMaxValue,
                         "; divide them all by the same number"));
      }
    }
  }

  const TreeRequest& request_;
  std::vector<TreeViolation> violations_;
};

// Which constraints of a node count.
struct Active {
  bool total = false;
  bool lock = false;
  bool min = false;
  bool max = false;

  bool& operator[](TreeLimit limit) {
    switch (limit) {
      case TreeLimit::kTotal:
        return total;
      case TreeLimit::kLock:
        return lock;
      case TreeLimit::kMin:
        return min;
      case TreeLimit::kMax:
        return max;
    }
    return max;
  }
};

// The request with its shape.
class Tree {
 public:
  explicit Tree(const TreeRequest& request)
      : request(request),
        children(request.families.size(), request.nodes.size(),
                 [&](size_t i) { return request.nodes[i].family; }),
        families(request.nodes.size(), request.families.size(),
                 [&](size_t f) { return request.families[f].parent; }) {}

  Active AllOf(uint32_t node) const {
    const TreeNode& own = request.nodes[node];
    return {node == 0, own.lock.has_value(), own.min.has_value(), own.max.has_value()};
  }

  // What the node's own constraints allow.
  Wide Own(uint32_t node, const Active& active) const {
    const TreeNode& own = request.nodes[node];
    Wide range;
    const auto raise = [&](int64_t value) { range.min = std::max<int128>(range.min, value); };
    const auto limit = [&](int64_t value) { range.max = std::min<int128>(range.max, value); };
    if (active.total) raise(request.total), limit(request.total);
    if (active.lock) raise(*own.lock), limit(*own.lock);
    if (active.min) raise(*own.min);
    if (active.max) limit(*own.max);
    return range;
  }

  int64_t UnitOf(uint32_t node) const {
    const uint32_t family = request.nodes[node].family;
    return family == kNoFamily ? 1 : request.families[family].rounding_unit;
  }

  const TreeRequest& request;
  Groups children;  // Of each family.
  Groups families;  // Of each node.
};

// The sums of a family.
struct Sums {
  int128 min = 0;
  int128 max = 0;
  int128 free_max = 0;  // Without any constraint.
};

// What is known of the whole tree while ranges are set: of each node and of each family.
struct Ranges {
  std::vector<TreeRange> of;
  std::vector<int64_t> free_max;  // Without any constraint, only what stretches leave.
  std::vector<Sums> sums;
};

// Finds an irreducible set for a collision at one node, below which nothing collides.
class CollisionFinder {
 public:
  CollisionFinder(const Tree& tree, const Ranges& ranges, uint32_t top)
      : tree_(tree), ranges_(ranges), top_(top) {}

  TreeCollision Find(const Wide& by_all) {
    Trace(top_, TreeSide::kRaises);
    Trace(top_, TreeSide::kLimits);
    Span();
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
  void Trace(uint32_t start, TreeSide side) {
    std::vector<std::pair<uint32_t, int>> open = {{start, 0}};
    while (!open.empty()) {
      const auto [node, depth] = open.back();
      open.pop_back();
      const TreeNode& own = tree_.request.nodes[node];
      if (node == 0) AddCandidate(node, TreeLimit::kTotal, tree_.request.total, depth, side);
      if (own.lock) AddCandidate(node, TreeLimit::kLock, *own.lock, depth, side);
      const bool needs_own = !own.lock || node == top_;
      if (needs_own && side == TreeSide::kRaises && own.min) {
        AddCandidate(node, TreeLimit::kMin, *own.min, depth, side);
      }
      if (needs_own && side == TreeSide::kLimits && own.max) {
        AddCandidate(node, TreeLimit::kMax, *own.max, depth, side);
      }
      if (!needs_own) continue;  // Below it nothing collides with the lock.
      const uint32_t* strongest = nullptr;
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        if (side == TreeSide::kRaises ? Allowed(*f).min <= 0 : Allowed(*f).max >= Free(*f).max)
          continue;
        if (strongest == nullptr ||
            (side == TreeSide::kRaises ? Allowed(*f).min > Allowed(*strongest).min
                                       : Allowed(*f).max < Allowed(*strongest).max)) {
          strongest = f;
        }
      }
      if (strongest == nullptr) continue;
      for (const uint32_t* c = tree_.children.begin(*strongest);
           c != tree_.children.end(*strongest); ++c) {
        if (side == TreeSide::kRaises ? ranges_.of[*c].min > 0
                                      : ranges_.of[*c].max < ranges_.free_max[*c]) {
          open.emplace_back(*c, depth + 1);
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

  void AddCandidate(uint32_t node, TreeLimit limit, int64_t value, int depth, TreeSide side) {
    if (side == TreeSide::kRaises && value == 0) return;
    if (std::exchange(spanned_[node].active[limit], true)) return;
    candidates_.push_back({{node, limit, value, side}, depth});
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
  std::vector<Candidate> candidates_;
  absl::flat_hash_map<uint32_t, Spanned> spanned_;
  absl::flat_hash_map<uint32_t, Sums> reduced_sums_;
  int bad_count_ = 0;
};

void ReadFamily(const Tree& tree, const std::vector<TreeRange>& ranges, uint32_t family,
                int64_t value, SplitRequest& split) {
  split.parent_value = value;
  split.stretch_ppm = tree.request.families[family].stretch_ppm;
  split.rounding_unit = tree.request.families[family].rounding_unit;
  split.parts.clear();
  for (const uint32_t* c = tree.children.begin(family); c != tree.children.end(family); ++c) {
    const TreeNode& node = tree.request.nodes[*c];
    const TreeRange& range = ranges[*c];
    SplitPart part{.weight = node.weight};
    if (node.lock || range.min == range.max) {
      part.lock = range.min;
    } else {
      if (range.min > 0) part.min = range.min;
      if (range.max < kMaxTreeValue) part.max = range.max;
    }
    split.parts.push_back(part);
  }
}

class Solver {
 public:
  explicit Solver(const TreeRequest& request) : request_(request), tree_(request) {}

  TreeResult Run() {
    SetRanges();
    result_.ranges = std::move(ranges_.of);
    if (result_.collisions.empty()) {
      FindKept();
      SetValues();
    }
    return std::move(result_);
  }

 private:
  void SetRanges() {
    ranges_.of.resize(request_.nodes.size());
    ranges_.free_max.resize(request_.nodes.size());
    ranges_.sums.resize(request_.families.size());
    for (uint32_t node = static_cast<uint32_t>(request_.nodes.size()); node-- > 0;) {
      const Active active = tree_.AllOf(node);
      Wide range = tree_.Own(node, active);
      int128 free_max = kMaxTreeValue;
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        const Sums& sums = ranges_.sums[*f];
        const int64_t stretch_ppm = request_.families[*f].stretch_ppm;
        const Wide allowed = Unstretch({sums.min, sums.max}, stretch_ppm);
        range.min = std::max(range.min, allowed.min);
        range.max = std::min(range.max, allowed.max);
        free_max = std::min(free_max, Unstretch({0, sums.free_max}, stretch_ppm).max);
      }
      ranges_.free_max[node] = Narrow(free_max);
      const int128 free_contribution = RoundDown(free_max, tree_.UnitOf(node));
      Contribution contribution = ContributionOf(range, active.lock, tree_.UnitOf(node));
      if (range.min > range.max || !contribution.whole_unit) {
        if (result_.collisions.size() < kMaxTreeCollisions) {
          result_.collisions.push_back(CollisionFinder(tree_, ranges_, node).Find(range));
        }
        range = {0, free_max};
        contribution = {true, 0, free_contribution};
      }
      ranges_.of[node] = {Narrow(range.min), Narrow(range.max)};
      if (node > 0) {
        Sums& sums = ranges_.sums[request_.nodes[node].family];
        sums.min += contribution.min;
        sums.max += contribution.max;
        sums.free_max += free_contribution;
      }
    }
    std::reverse(result_.collisions.begin(), result_.collisions.end());
  }

  // Families that may stay as they are if their parent does.
  void FindKept() {
    if (request_.current.empty()) return;
    kept_.assign(request_.families.size(), 1);
    std::vector<int128> sums(request_.families.size(), 0);
    for (uint32_t node = static_cast<uint32_t>(request_.nodes.size()); node-- > 0;) {
      const int64_t value = request_.current[node];
      const Wide own = tree_.Own(node, tree_.AllOf(node));
      bool keeps = own.min <= value && value <= own.max;
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        const std::optional<int64_t> wanted = SplitTarget(value, request_.families[*f].stretch_ppm);
        kept_[*f] = kept_[*f] && wanted && sums[*f] == *wanted;
        keeps = keeps && kept_[*f];
      }
      if (node == 0) continue;
      sums[request_.nodes[node].family] += value;
      kept_[request_.nodes[node].family] = kept_[request_.nodes[node].family] && keeps;
    }
  }

  void SetValues() {
    result_.values.resize(request_.nodes.size());
    result_.bounds.assign(request_.nodes.size(), Bound::kNone);
    result_.values[0] = request_.total;
    if (request_.nodes[0].lock) result_.bounds[0] = Bound::kLock;
    SplitRequest split;
    for (uint32_t node = 0; node < request_.nodes.size(); ++node) {
      for (const uint32_t* f = tree_.families.begin(node); f != tree_.families.end(node); ++f) {
        if (tree_.children.size(*f) == 0) continue;
        if (!kept_.empty() && kept_[*f] && result_.values[node] == request_.current[node]) {
          for (const uint32_t* c = tree_.children.begin(*f); c != tree_.children.end(*f); ++c) {
            result_.values[*c] = request_.current[*c];
            if (request_.nodes[*c].lock) result_.bounds[*c] = Bound::kLock;
          }
          continue;
        }
        ReadFamily(tree_, result_.ranges, *f, result_.values[node], split);
        const SplitResult parts = Split(split);
        size_t part = 0;
        for (const uint32_t* c = tree_.children.begin(*f); c != tree_.children.end(*f);
             ++c, ++part) {
          result_.values[*c] = parts.values[part].value;
          result_.bounds[*c] = parts.values[part].bound;
        }
      }
    }
  }

  const TreeRequest& request_;
  Tree tree_;
  TreeResult result_;
  Ranges ranges_;
  std::vector<char> kept_;  // Of each family.
};

std::string LimitText(const TreeConstraint& constraint,
                      const std::function<std::string(uint32_t)>& name) {
  switch (constraint.limit) {
    case TreeLimit::kTotal:
      return absl::StrCat("the total ", constraint.value);
    case TreeLimit::kLock:
      return absl::StrCat("lock ", constraint.value, " of ", name(constraint.node));
    case TreeLimit::kMin:
      return absl::StrCat("minimum ", constraint.value, " of ", name(constraint.node));
    case TreeLimit::kMax:
      return absl::StrCat("maximum ", constraint.value, " of ", name(constraint.node));
  }
  return "";
}

}  // namespace

TreeResult SolveTree(const TreeRequest& request) {
  std::vector<TreeViolation> violations = Checker(request).Check();
  if (!violations.empty()) return {.violations = std::move(violations)};
  return Solver(request).Run();
}

SplitResult ExplainFamily(const TreeRequest& request, const TreeResult& result, uint32_t family) {
  SplitRequest split;
  ReadFamily(Tree(request), result.ranges, family, result.values[request.families[family].parent],
             split);
  return Split(split);
}

std::string Explain(const TreeCollision& collision,
                    const std::function<std::string(uint32_t)>& name) {
  const auto list = [&](TreeSide side) {
    std::vector<std::string> texts;
    for (const TreeConstraint& constraint : collision.constraints) {
      if (constraint.side == side) texts.push_back(LimitText(constraint, name));
    }
    return texts.empty() ? "" : absl::StrCat(" (", absl::StrJoin(texts, ", "), ")");
  };
  std::string text = absl::StrCat(name(collision.node), " must have at least ", collision.needed,
                                  list(TreeSide::kRaises), " and may have at most ",
                                  collision.allowed, list(TreeSide::kLimits), ": ");
  if (collision.kind == TreeCollisionKind::kNoWholeUnit) {
    absl::StrAppend(&text, "no whole rounding unit lies between, the next is ", collision.amount,
                    " above");
  } else {
    absl::StrAppend(&text, collision.amount, " too much");
  }
  if (collision.amount_of_all > collision.amount) {
    absl::StrAppend(&text, "; with all that is set below ", collision.amount_of_all);
  }
  return text;
}

}  // namespace milepost::target
