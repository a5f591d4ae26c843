#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/numeric/int128.h"
#include "target-svc/domain/tree_solve.h"

// What solving a tree and finding what collides in it have in common.
namespace milepost::target::tree {

using int128 = absl::int128;
inline constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();

inline int64_t Narrow(int128 value) { return static_cast<int64_t>(value); }
inline int64_t Saturate(int128 value) { return value > kMaxValue ? kMaxValue : Narrow(value); }
inline int128 RoundUp(int128 value, int64_t unit) { return (value + unit - 1) / unit * unit; }
inline int128 RoundDown(int128 value, int64_t unit) { return value / unit * unit; }

// Values that a node or the sum of a family may take; empty if min is above max. Minima may pass
// kMaxTreeValue, maxima never do.
struct Wide {
  int128 min = 0;
  int128 max = kMaxTreeValue;
};

// What a parent may be for its children, stretched, to lie in `sum`. With
// stretched(p) = floor((p × stretch + 500,000) / 1,000,000) these are bounds on p.
inline Wide Unstretch(const Wide& sum, int64_t stretch_ppm) {
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

inline Contribution ContributionOf(const Wide& range, bool locked, int64_t unit) {
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

}  // namespace milepost::target::tree
