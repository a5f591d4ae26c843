#include "target-svc/domain/tree_solve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

std::string Letter(uint32_t node) { return std::string(1, static_cast<char>('a' + node)); }

// a = b + c, b = d + e.
TreeRequest TwoLevels(int64_t total) {
  return {.total = total,
          .families = {{.parent = 0}, {.parent = 1}},
          .nodes = {{},
                    {.family = 0, .weight = 1},
                    {.family = 0, .weight = 1},
                    {.family = 1, .weight = 1},
                    {.family = 1, .weight = 1}}};
}

TEST(SolveTree, BoundsOfGrandchildrenHoldTheChildren) {
  TreeRequest request = TwoLevels(100);
  request.nodes[3].min = 40;
  request.nodes[4].min = 30;
  const TreeResult result = SolveTree(request);
  EXPECT_EQ(result.values, (std::vector<int64_t>{100, 70, 30, 40, 30}));
  EXPECT_EQ(result.bounds[1], Bound::kMin);
  EXPECT_EQ(result.ranges[1], (TreeRange{70, kMaxTreeValue}));
}

TEST(SolveTree, BreakdownsOfOneRootEachAddUp) {
  // Worked example 2: five regions, three products, three channels of 1,000 万.
  const std::vector<std::vector<int64_t>> weights = {
      {150, 200, 300, 250, 100}, {300, 400, 300}, {300, 400, 300}};
  TreeRequest request{.total = 10'000'000, .nodes = {{}}};
  for (uint32_t f = 0; f < weights.size(); ++f) {
    request.families.push_back({.parent = 0});
    for (int64_t weight : weights[f]) request.nodes.push_back({.family = f, .weight = weight});
  }
  EXPECT_EQ(
      SolveTree(request).values,
      (std::vector<int64_t>{10'000'000, 1'500'000, 2'000'000, 3'000'000, 2'500'000, 1'000'000,
                            3'000'000, 4'000'000, 3'000'000, 3'000'000, 4'000'000, 3'000'000}));
}

TEST(SolveTree, YearsQuartersMonths) {
  // Worked example 1.
  TreeRequest request{.total = 1'000'000'000, .families = {{.parent = 0}}, .nodes = {{}}};
  for (uint32_t q = 1; q <= 4; ++q) request.nodes.push_back({.family = 0, .weight = 1});
  for (uint32_t q = 1; q <= 4; ++q) {
    request.families.push_back({.parent = q});
    for (int m = 0; m < 3; ++m) request.nodes.push_back({.family = q, .weight = 1});
  }
  const TreeResult result = SolveTree(request);
  EXPECT_EQ(result.values[1], 250'000'000);
  EXPECT_EQ(result.values[5], 83'333'334);
  EXPECT_EQ(result.values[6], 83'333'333);
  EXPECT_EQ(result.values[7], 83'333'333);
}

TEST(SolveTree, SaysWhichConstraintsCollideAndByHowMuch) {
  TreeRequest request = TwoLevels(1'000);
  request.nodes[1].lock = 100;
  request.nodes[3].min = 60;
  request.nodes[4].min = 70;
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 1u);
  const TreeCollision& collision = result.collisions[0];
  EXPECT_EQ(collision.node, 1u);
  EXPECT_EQ(collision.amount, 30);
  EXPECT_EQ(collision.amount_of_all, 30);
  EXPECT_EQ(Explain(collision, Letter),
            "b must have at least 130 (minimum 60 of d, minimum 70 of e) and may have at most 100 "
            "(lock 100 of b): 30 too much");
}

TEST(SolveTree, NamesNoMoreThanCollides) {
  TreeRequest request{.total = 100, .families = {{.parent = 0}}, .nodes = {{}}};
  for (int64_t min : {10, 60, 20, 50, 10}) request.nodes.push_back({.family = 0, .min = min});
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 1u);
  EXPECT_EQ(Explain(result.collisions[0], Letter),
            "a must have at least 110 (minimum 60 of c, minimum 50 of e) and may have at most 100 "
            "(the total 100): 10 too much; with all that is set below 50");
}

TEST(SolveTree, TwoBreakdownsMayCollideWithEachOther) {
  TreeRequest request{.total = 100, .families = {{.parent = 0}, {.parent = 1}, {.parent = 1}}};
  request.nodes = {{},
                   {.family = 0, .weight = 1},
                   {.family = 0, .weight = 1},
                   {.family = 1, .min = 50},
                   {.family = 2, .max = 20},
                   {.family = 2, .lock = 10}};
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 1u);
  EXPECT_EQ(Explain(result.collisions[0], Letter),
            "b must have at least 50 (minimum 50 of d) and may have at most 30 (maximum 20 of e, "
            "lock 10 of f): 20 too much");
}

TEST(SolveTree, CollisionsThatDoNotDependOnEachOtherAreReportedTogether) {
  TreeRequest request = TwoLevels(10);
  request.nodes[2].min = 20;
  request.nodes[3].min = 9;
  request.nodes[3].max = 8;
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 2u);
  EXPECT_EQ(result.collisions[0].node, 0u);
  EXPECT_EQ(result.collisions[1].node, 3u);
}

TEST(SolveTree, WholeUnitsMayBeMissing) {
  TreeRequest request = TwoLevels(1'000);
  request.families[0].rounding_unit = 100;
  request.nodes[1].max = 180;
  request.nodes[3].min = 120;
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 1u);
  EXPECT_EQ(result.collisions[0].kind, TreeCollisionKind::kNoWholeUnit);
  EXPECT_EQ(result.collisions[0].amount, 20);
  EXPECT_EQ(Explain(result.collisions[0], Letter),
            "b must have at least 120 (minimum 120 of d) and may have at most 180 (maximum 180 of "
            "b): no whole rounding unit lies between, the next is 20 above");
}

TEST(SolveTree, KeepsWhatAlreadyAddsUp) {
  TreeRequest request = TwoLevels(101);
  request.current = {100, 60, 40, 1, 59};
  for (size_t i = 1; i < request.nodes.size(); ++i) request.nodes[i].weight = request.current[i];
  request.nodes[1].lock = 60;
  EXPECT_EQ(SolveTree(request).values, (std::vector<int64_t>{101, 60, 41, 1, 59}));
  request.current[3] = 2;  // b does not add up any more and is split by its weights.
  EXPECT_EQ(SolveTree(request).values, (std::vector<int64_t>{101, 60, 41, 1, 59}));
}

TEST(SolveTree, ExplainsAFamilyOnDemand) {
  TreeRequest request = TwoLevels(101);
  const TreeResult result = SolveTree(request);
  const SplitResult family = ExplainFamily(request, result, 0);
  EXPECT_EQ(Explain(family.values[0]), "share 1/2 (500000 ppm) = 50 1/2, rounded up to 51");
}

TEST(SolveTree, ReportsEveryViolationAtOnce) {
  TreeRequest request = TwoLevels(-1);
  request.families[0].stretch_ppm = 0;
  request.families[1].rounding_unit = 0;
  request.nodes[1].weight = -1;
  request.nodes[2].min = kMaxTreeValue + 1;
  request.nodes[3].family = 7;
  request.current = {1};
  std::vector<TreeViolationKind> kinds;
  for (const TreeViolation& violation : SolveTree(request).violations) {
    kinds.push_back(violation.kind);
  }
  EXPECT_EQ(kinds,
            (std::vector<TreeViolationKind>{
                TreeViolationKind::kSizeOutOfRange, TreeViolationKind::kValueOutOfRange,
                TreeViolationKind::kStretchOutOfRange, TreeViolationKind::kRoundingUnitOutOfRange,
                TreeViolationKind::kNegativeWeight, TreeViolationKind::kValueOutOfRange,
                TreeViolationKind::kFamilyOutOfRange}));
}

TEST(SolveTree, RefusesWhatDoesNotFit) {
  TreeRequest request = TwoLevels(5);
  request.nodes[1].weight = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(SolveTree(request).violations.size(), 1u);
  // Ten times at every level: what is below could not be written any more.
  request = TwoLevels(kMaxTreeValue / 50);
  request.families[0].stretch_ppm = request.families[1].stretch_ppm = kMaxStretchPpm;
  request.nodes[2].max = 0;
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 1u);
  EXPECT_EQ(result.collisions[0].allowed, kMaxTreeValue / 100);
}

std::string Print(const TreeRequest& request) {
  std::ostringstream out;
  out << "total " << request.total;
  for (const TreeFamily& family : request.families) {
    out << "\n  family of " << family.parent << " stretch " << family.stretch_ppm << " unit "
        << family.rounding_unit;
  }
  for (const TreeNode& node : request.nodes) {
    out << "\n  in " << static_cast<int32_t>(node.family) << " weight " << node.weight;
    if (node.lock) out << " lock " << *node.lock;
    if (node.min) out << " min " << *node.min;
    if (node.max) out << " max " << *node.max;
  }
  return out.str();
}

struct Sizes {
  int64_t nodes;
  int64_t value;
  int64_t unit;
};

TreeRequest RandomTree(Random& random, const Sizes& sizes) {
  TreeRequest request{.total = Between(random, 0, sizes.value), .nodes = {{}}};
  const int64_t count = Between(random, 2, sizes.nodes);
  const bool flat = OneIn(random, 3);
  const bool stretched = OneIn(random, 3);
  const bool rounded = OneIn(random, 3);
  std::vector<int> depths = {0};
  for (int64_t i = 1; i < count; ++i) {
    // A child of an earlier node, in one of its families or in a new one.
    const uint32_t parent = flat ? 0 : static_cast<uint32_t>(Between(random, 0, i - 1));
    std::vector<uint32_t> own;
    for (uint32_t f = 0; f < request.families.size(); ++f) {
      if (request.families[f].parent == parent) own.push_back(f);
    }
    const int depth = depths[parent] + 1;
    if (depth > 3) {
      --i;
      continue;
    }
    uint32_t family;
    if (own.empty() || OneIn(random, 6)) {
      family = static_cast<uint32_t>(request.families.size());
      request.families.push_back(
          {.parent = parent,
           .stretch_ppm = stretched ? Between(random, 500'000, 1'500'000) : kPpm,
           .rounding_unit = rounded ? Between(random, 1, sizes.unit) : 1});
    } else {
      family = own[static_cast<size_t>(Between(random, 0, static_cast<int64_t>(own.size()) - 1))];
    }
    TreeNode node{.family = family, .weight = Between(random, 0, 5)};
    const int64_t share = sizes.value / (depth + 1) + 1;
    if (OneIn(random, 4)) node.min = Between(random, 0, share);
    if (OneIn(random, 4)) {
      node.max = Between(random, OneIn(random, 8) ? 0 : node.min.value_or(0), 2 * share);
    }
    if (OneIn(random, 7)) {
      node.lock = Between(random, node.min.value_or(0), node.min.value_or(0) + share);
    }
    request.nodes.push_back(node);
    depths.push_back(depth);
  }
  return request;
}

// Computes by sets, without ranges, which values nodes may take: bit v stands for the value v.
class Oracle {
 public:
  __extension__ using Set = unsigned __int128;
  static constexpr int kLargest = 127;

  // With the total only if `with_total`.
  Oracle(const TreeRequest& request, bool with_total) : request_(request), sets_(Size()) {
    for (size_t node = request.nodes.size(); node-- > 0;) {
      sets_[node] = Own(request.nodes[node]);
      if (node == 0 && with_total) sets_[0] &= Bit(request.total);
      for (uint32_t f = 0; f < request.families.size(); ++f) {
        if (request.families[f].parent == node) sets_[node] &= Allowed(f);
      }
    }
  }

  bool Feasible(size_t node = 0) const { return sets_[node] != 0; }
  bool Contains(size_t node, int64_t value) const { return (sets_[node] & Bit(value)) != 0; }

 private:
  size_t Size() const { return request_.nodes.size(); }

  static Set Bit(int64_t value) { return value > kLargest ? Set{0} : Set{1} << value; }

  static Set Own(const TreeNode& node) {
    Set set = 0;
    for (int v = 0; v <= kLargest; ++v) {
      if (node.lock && v != *node.lock) continue;
      if (v >= node.min.value_or(0) && v <= node.max.value_or(kLargest)) set |= Bit(v);
    }
    return set;
  }

  Set Allowed(uint32_t family) const {
    const int64_t unit = request_.families[family].rounding_unit;
    Set whole = 1;      // Sums of whole units ...
    Set remainder = 0;  // ... and with one part that has the remainder too.
    bool any = false;
    for (size_t i = 0; i < Size(); ++i) {
      if (request_.nodes[i].family != family) continue;
      any = true;
      const Set set = sets_[i];
      if (set == 0) return 0;
      const bool exempt = request_.nodes[i].lock || (set & (set - 1)) == 0;
      Set next_whole = 0;
      Set next_remainder = 0;
      for (int v = 0; v <= kLargest; ++v) {
        if (!Contains(i, v)) continue;
        if (exempt || v % unit == 0) {
          next_whole |= whole << v;
          next_remainder |= remainder << v;
        } else if (Contains(i, v / unit * unit) && Contains(i, (v / unit + 1) * unit)) {
          next_remainder |= whole << v;
        }
      }
      whole = next_whole;
      remainder = next_remainder;
    }
    const Set sums = whole | remainder;
    Set allowed = 0;
    for (int v = 0; v <= kLargest; ++v) {
      const int64_t stretched = *SplitTarget(v, request_.families[family].stretch_ppm);
      // Sums beyond the largest are possible if those just below it are.
      const bool possible =
          stretched > kLargest ? sums >> (kLargest - 7) != 0 : (sums & Bit(stretched)) != 0;
      if (!any || possible) allowed |= Bit(v);
    }
    return allowed;
  }

  const TreeRequest& request_;
  std::vector<Set> sets_;
};

// The request with these constraints only.
TreeRequest Only(const TreeRequest& request, const std::vector<TreeConstraint>& constraints,
                 bool& with_total) {
  TreeRequest only = request;
  for (TreeNode& node : only.nodes) node.lock = node.min = node.max = std::nullopt;
  with_total = false;
  for (const TreeConstraint& constraint : constraints) {
    TreeNode& node = only.nodes[constraint.node];
    switch (constraint.limit) {
      case TreeLimit::kTotal:
        with_total = true;
        break;
      case TreeLimit::kLock:
        node.lock = constraint.value;
        break;
      case TreeLimit::kMin:
        node.min = constraint.value;
        break;
      case TreeLimit::kMax:
        node.max = constraint.value;
        break;
    }
  }
  return only;
}

// Whether the constraints cannot be met together in the tree below the node.
bool Collide(const TreeRequest& request, const std::vector<TreeConstraint>& constraints,
             size_t node) {
  bool with_total = false;
  const TreeRequest only = Only(request, constraints, with_total);
  return !Oracle(only, with_total).Feasible(node);
}

std::vector<TreeConstraint> AllConstraints(const TreeRequest& request) {
  std::vector<TreeConstraint> all = {{0, TreeLimit::kTotal, request.total}};
  for (uint32_t i = 0; i < request.nodes.size(); ++i) {
    const TreeNode& node = request.nodes[i];
    if (node.lock) all.push_back({i, TreeLimit::kLock, *node.lock});
    if (node.min) all.push_back({i, TreeLimit::kMin, *node.min});
    if (node.max) all.push_back({i, TreeLimit::kMax, *node.max});
  }
  return all;
}

bool IsBelow(const TreeRequest& request, size_t node, size_t top) {
  while (node != top && node != 0) node = request.families[request.nodes[node].family].parent;
  return node == top;
}

// Size of the smallest set of constraints that collides in the tree below a node.
size_t SmallestCollision(const TreeRequest& request, size_t top = 0) {
  std::vector<TreeConstraint> all = AllConstraints(request);
  std::erase_if(all, [&](const TreeConstraint& one) { return !IsBelow(request, one.node, top); });
  size_t smallest = all.size();
  for (uint32_t mask = 1; mask < uint32_t{1} << all.size(); ++mask) {
    const size_t size = static_cast<size_t>(__builtin_popcount(mask));
    if (size >= smallest) continue;
    std::vector<TreeConstraint> some;
    for (size_t i = 0; i < all.size(); ++i) {
      if ((mask >> i & 1) != 0) some.push_back(all[i]);
    }
    if (Collide(request, some, top)) smallest = size;
  }
  return smallest;
}

// The node below which the set of a collision cannot be met: one without a whole unit could do,
// were it not for its family.
size_t TopOf(const TreeRequest& request, const TreeCollision& collision) {
  return collision.kind == TreeCollisionKind::kNoWholeUnit
             ? request.families[request.nodes[collision.node].family].parent
             : collision.node;
}

void ExpectIrreducible(const TreeRequest& request, const TreeCollision& collision) {
  ASSERT_GT(collision.amount, 0);
  ASSERT_GT(collision.amount_of_all, 0);
  const size_t node = TopOf(request, collision);
  ASSERT_TRUE(Collide(request, collision.constraints, node)) << Explain(collision, Letter);
  for (size_t i = 0; i < collision.constraints.size(); ++i) {
    std::vector<TreeConstraint> fewer = collision.constraints;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i));
    ASSERT_FALSE(Collide(request, fewer, node)) << i << " of " << Explain(collision, Letter);
  }
}

// Every family adds up, every constraint holds, and each family is what Split gives within the
// ranges.
void ExpectSolved(const TreeRequest& request, const TreeResult& result) {
  ASSERT_EQ(result.values[0], request.total);
  std::vector<int64_t> sums(request.families.size(), 0);
  std::vector<int> sizes(request.families.size(), 0);
  for (size_t i = 0; i < request.nodes.size(); ++i) {
    const TreeNode& node = request.nodes[i];
    const int64_t value = result.values[i];
    ASSERT_GE(value, node.min.value_or(0));
    ASSERT_LE(value, node.max.value_or(kMaxTreeValue));
    ASSERT_EQ(value, node.lock.value_or(value));
    if (i == 0) continue;
    sums[node.family] += value;
    ++sizes[node.family];
  }
  for (uint32_t f = 0; f < sums.size(); ++f) {
    if (sizes[f] == 0) continue;
    const TreeFamily& family = request.families[f];
    ASSERT_EQ(sums[f], *SplitTarget(result.values[family.parent], family.stretch_ppm));
    size_t part = 0;
    const SplitResult split = ExplainFamily(request, result, f);
    ASSERT_TRUE(split.ok());
    for (size_t i = 1; i < request.nodes.size(); ++i) {
      if (request.nodes[i].family != f) continue;
      ASSERT_EQ(split.values[part++].value, result.values[i]);
    }
  }
}

TEST(SolveTreeProperty, FeasibleExactlyWhereTheOracleFindsSomething) {
  Random random(41);
  int feasible = 0;
  constexpr int kCases = 10'000;
  for (int n = 0; n < kCases; ++n) {
    const TreeRequest request = RandomTree(random, {.nodes = 8, .value = 14, .unit = 4});
    SCOPED_TRACE(Print(request));
    const TreeResult result = SolveTree(request);
    ASSERT_TRUE(result.violations.empty());
    const Oracle oracle(request, true);
    ASSERT_EQ(result.ok(), oracle.Feasible());
    if (!result.ok()) {
      for (const TreeCollision& collision : result.collisions) {
        ASSERT_NO_FATAL_FAILURE(ExpectIrreducible(request, collision));
      }
      continue;
    }
    ++feasible;
    ASSERT_NO_FATAL_FAILURE(ExpectSolved(request, result));
    for (size_t i = 0; i < request.nodes.size(); ++i) {
      for (int64_t v = 0; v <= 20; ++v) {
        ASSERT_EQ(result.ranges[i].min <= v && v <= result.ranges[i].max, oracle.Contains(i, v))
            << "node " << i << " value " << v;
      }
    }
  }
  EXPECT_GT(feasible, kCases / 4);
  EXPECT_LT(feasible, kCases * 3 / 4);
}

// Every set is the smallest there is below its node, by trying all of them.
TEST(SolveTreeProperty, CollisionsAreTheSmallestThereAre) {
  Random random(42);
  int collisions = 0;
  int of_many = 0;
  for (int n = 0; n < 6'000; ++n) {
    const TreeRequest request = RandomTree(random, {.nodes = 9, .value = 14, .unit = 1});
    if (AllConstraints(request).size() > 9) continue;
    for (const TreeCollision& collision : SolveTree(request).collisions) {
      // What collides further below counts as free above it, not so for the oracle.
      if (collision.constraints.size() < 2) continue;
      const size_t top = TopOf(request, collision);
      bool below = false;
      for (const TreeCollision& other : SolveTree(request).collisions)
        below |= other.node != collision.node && IsBelow(request, other.node, top);
      if (below) continue;
      ++collisions;
      if (collision.constraints.size() > 2) ++of_many;
      ASSERT_EQ(collision.constraints.size(), SmallestCollision(request, top))
          << Print(request) << "\n"
          << Explain(collision, Letter);
    }
  }
  EXPECT_GT(collisions, 1'500);
  EXPECT_GT(of_many, 200);
}

// One large minimum may hide below many small ones, in another family than the one with the largest
// sum.
TEST(SolveTree, FewLargeConstraintsAreNamedBeforeManySmallOnes) {
  TreeRequest request{.total = 100, .families = {{.parent = 0}, {.parent = 0}}, .nodes = {{}}};
  for (int i = 0; i < 13; ++i) request.nodes.push_back({.family = 0, .min = 10});
  request.nodes.push_back({.family = 1, .min = 60});
  request.nodes.push_back({.family = 1, .min = 50});
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 1u);
  EXPECT_EQ(result.collisions[0].constraints.size(), 3u);
  EXPECT_EQ(result.collisions[0].needed, 110);
}

// A wide family in which everything is needed: the search goes as far as it is worth it.
TEST(SolveTree, CollisionsOfAThousandConstraintsAreFound) {
  TreeRequest request{.total = 999, .families = {{.parent = 0}}, .nodes = {{}}};
  for (int i = 0; i < 1'000; ++i) request.nodes.push_back({.family = 0, .min = 1});
  const TreeResult result = SolveTree(request);
  ASSERT_EQ(result.collisions.size(), 1u);
  EXPECT_EQ(result.collisions[0].constraints.size(), 1'001u);
}

// Minima of one family against the total: no set has fewer members.
TEST(SolveTreeProperty, CollisionsOfOneFamilyAreTheSmallest) {
  Random random(43);
  int collisions = 0;
  for (int n = 0; n < 2'000; ++n) {
    TreeRequest request{.total = Between(random, 5, 20), .families = {{.parent = 0}}};
    request.nodes = {{}};
    const int64_t children = Between(random, 2, 6);
    for (int64_t i = 0; i < children; ++i) {
      request.nodes.push_back({.family = 0, .min = Between(random, 0, 9)});
    }
    const TreeResult result = SolveTree(request);
    if (result.ok()) continue;
    ++collisions;
    ASSERT_EQ(result.collisions[0].constraints.size(), SmallestCollision(request))
        << Print(request);
  }
  EXPECT_GT(collisions, 500);
}

TEST(SolveTreeProperty, LargeNumbersAddUp) {
  Random random(44);
  int feasible = 0;
  for (int n = 0; n < 10'000; ++n) {
    const TreeRequest request =
        RandomTree(random, {.nodes = 30, .value = kMaxTreeValue / 20, .unit = 1'000'000'000});
    SCOPED_TRACE(Print(request));
    const TreeResult result = SolveTree(request);
    ASSERT_TRUE(result.violations.empty());
    if (!result.ok()) {
      for (const TreeCollision& collision : result.collisions) ASSERT_GT(collision.amount, 0);
      continue;
    }
    ++feasible;
    ASSERT_NO_FATAL_FAILURE(ExpectSolved(request, result));
  }
  EXPECT_GT(feasible, 500);
}

// With the solution as current values and weights nothing changes.
TEST(SolveTreeProperty, ASolutionStaysAsItIs) {
  Random random(45);
  int feasible = 0;
  for (int n = 0; n < 10'000; ++n) {
    TreeRequest request = RandomTree(random, {.nodes = 12, .value = 100, .unit = 5});
    const TreeResult result = SolveTree(request);
    if (!result.ok()) continue;
    ++feasible;
    request.current = result.values;
    for (size_t i = 0; i < request.nodes.size(); ++i) request.nodes[i].weight = i % 3;
    ASSERT_EQ(SolveTree(request).values, result.values) << Print(request);
  }
  EXPECT_GT(feasible, 2'000);
}

// 40 units of 25 members with 30 days each, with bounds at every level. A million leaves (1,000
// units of 50 members with 20 parts each) take 1.6 s and 133 MB with optimization on one of two
// busy cores.
TEST(SolveTree, ManyLeaves) {
  Random random(46);
  TreeRequest request{.total = 3'000'000'000, .families = {{.parent = 0}}, .nodes = {{}}};
  const auto add = [&](uint32_t parent, int count, int64_t share) {
    const uint32_t family = static_cast<uint32_t>(request.families.size());
    request.families.push_back({.parent = parent, .rounding_unit = 100});
    for (int i = 0; i < count; ++i) {
      TreeNode node{.family = family, .weight = Between(random, 1, 1'000)};
      if (OneIn(random, 9)) node.min = Between(random, 0, share / 4);
      if (OneIn(random, 9)) node.max = Between(random, share, 3 * share);
      request.nodes.push_back(node);
    }
  };
  add(0, 40, 75'000'000);
  for (uint32_t unit = 1; unit <= 40; ++unit) add(unit, 25, 3'000'000);
  for (uint32_t member = 41; member < 1'041; ++member) add(member, 30, 100'000);
  const TreeResult result = SolveTree(request);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result.values.size(), 31'041u);
  std::vector<int64_t> sums(request.families.size(), 0);
  for (size_t i = 1; i < request.nodes.size(); ++i)
    sums[request.nodes[i].family] += result.values[i];
  for (size_t f = 1; f < sums.size(); ++f) {
    ASSERT_EQ(sums[f], result.values[request.families[f].parent]);
  }
}

}  // namespace
}  // namespace milepost::target
