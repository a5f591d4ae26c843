#include "target-svc/domain/adjust.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

std::string Letter(uint32_t node) { return std::string(1, static_cast<char>('a' + node)); }

std::vector<int64_t> ValuesOf(const ValueTree& tree) {
  std::vector<int64_t> values;
  for (const ValueNode& node : tree.nodes) values.push_back(node.value);
  return values;
}

// a 1000 = b 600 + c 400 (by region) = f 500 + g 500 (by channel); b = d 200 + e 400.
ValueTree Regions() {
  return {.families = {{.parent = 0}, {.parent = 1}, {.parent = 0}},
          .nodes = {{.value = 1'000},
                    {.family = 0, .value = 600},
                    {.family = 0, .value = 400},
                    {.family = 1, .value = 200},
                    {.family = 1, .value = 400},
                    {.family = 2, .value = 500},
                    {.family = 2, .value = 500}}};
}

std::vector<int64_t> After(ValueTree tree, const ChangeResult& change) {
  ApplyChange(tree, change);
  return ValuesOf(tree);
}

TEST(Adjust, ChildrenGiveWay) {
  const ValueTree tree = Regions();
  const ChangeResult change = Adjust(tree, {0, 1'100, GivesWay::kChildren});
  EXPECT_EQ(After(tree, change), (std::vector<int64_t>{1'100, 660, 440, 220, 440, 550, 550}));
  EXPECT_TRUE(change.broken.empty());
  EXPECT_EQ(Explain(change.changes[0], Letter), "1000 → 1100");
  EXPECT_EQ(Explain(change.changes[3], Letter), "200 → 220, its share of b");
}

TEST(Adjust, ChildrenGiveWayAndTheSumAboveIsOff) {
  const ValueTree tree = Regions();
  const ChangeResult change = Adjust(tree, {1, 630, GivesWay::kChildren});
  EXPECT_EQ(After(tree, change), (std::vector<int64_t>{1'000, 630, 400, 210, 420, 500, 500}));
  EXPECT_EQ(change.broken, (std::vector<BrokenSum>{{0, 1'000, 1'030}}));
}

TEST(Adjust, SiblingsGiveWay) {
  const ValueTree tree = Regions();
  const ChangeResult change = Adjust(tree, {2, 700, GivesWay::kSiblings});
  EXPECT_EQ(After(tree, change), (std::vector<int64_t>{1'000, 300, 700, 100, 200, 500, 500}));
  EXPECT_EQ(Explain(change.changes[0], Letter), "600 → 300, gives way to c");
}

TEST(Adjust, AncestorsGiveWayWithTheirOtherBreakdowns) {
  const ValueTree tree = Regions();
  const ChangeResult change = Adjust(tree, {3, 300, GivesWay::kAncestors});
  EXPECT_EQ(After(tree, change), (std::vector<int64_t>{1'100, 700, 400, 300, 400, 550, 550}));
  EXPECT_EQ(Explain(change.changes[0], Letter), "1000 → 1100, the sum with d");
  EXPECT_EQ(change.changes.back().reason, ChangeReason::kFollowsParent);
}

TEST(Adjust, AncestorsUnderAStretch) {
  ValueTree tree = Regions();
  tree.families[0].stretch_ppm = 1'250'000;
  tree.nodes[0].value = 800;
  tree.nodes[5].value = tree.nodes[6].value = 400;
  EXPECT_EQ(After(tree, Adjust(tree, {2, 500, GivesWay::kAncestors})),
            (std::vector<int64_t>{880, 600, 500, 200, 400, 440, 440}));
  // 1,002 / 1.25 = 801.6: 801 gives 1,001, 802 gives 1,003 (rounded half up).
  const ChangeResult change = Adjust(tree, {2, 402, GivesWay::kAncestors});
  ASSERT_EQ(change.violations.size(), 1u);
  EXPECT_EQ(change.violations[0].kind, ChangeViolationKind::kStretchLeavesNoValue);
}

TEST(Adjust, LocksAndClosedPeriodsStay) {
  ValueTree tree = Regions();
  tree.nodes[3].locked = true;
  tree.nodes[5].closed = true;
  EXPECT_EQ(After(tree, Adjust(tree, {0, 1'100, GivesWay::kChildren})),
            (std::vector<int64_t>{1'100, 660, 440, 200, 460, 500, 600}));
  EXPECT_EQ(Adjust(tree, {3, 1, GivesWay::kSiblings}).violations[0].kind,
            ChangeViolationKind::kNodeLocked);
  EXPECT_EQ(Adjust(tree, {5, 1, GivesWay::kSiblings}).violations[0].kind,
            ChangeViolationKind::kNodeClosed);
}

TEST(Adjust, SaysWhatCollides) {
  ValueTree tree = Regions();
  tree.nodes[3].min = 150;
  tree.nodes[4].locked = true;
  const ChangeResult change = Adjust(tree, {2, 500, GivesWay::kSiblings});
  ASSERT_EQ(change.collisions.size(), 1u);
  EXPECT_EQ(Explain(change.collisions[0], Letter),
            "a must have at least 1050 (lock 500 of c, minimum 150 of d, lock 400 of e) and may "
            "have at most 1000 (the total 1000): 50 too much");
  EXPECT_TRUE(change.changes.empty());
}

TEST(Adjust, RefusesWithEveryReason) {
  ValueTree tree = Regions();
  tree.nodes[0].max = 1'050;
  tree.nodes[1].locked = true;
  std::vector<ChangeViolationKind> kinds;
  for (const ChangeViolation& violation : Adjust(tree, {3, 300, GivesWay::kAncestors}).violations) {
    kinds.push_back(violation.kind);
  }
  EXPECT_EQ(kinds, (std::vector<ChangeViolationKind>{ChangeViolationKind::kAncestorLocked,
                                                     ChangeViolationKind::kOutOfBounds}));
  EXPECT_EQ(Adjust(tree, {0, 1, GivesWay::kSiblings}).violations[0].kind,
            ChangeViolationKind::kNoSiblings);
  EXPECT_EQ(Adjust(tree, {9, 1, GivesWay::kSiblings}).violations[0].kind,
            ChangeViolationKind::kUnknownNode);
  EXPECT_EQ(Adjust(tree, {3, -1, GivesWay::kSiblings}).violations[0].kind,
            ChangeViolationKind::kValueOutOfRange);
  tree.nodes[3].family = 9;
  EXPECT_EQ(Adjust(tree, {0, 1, GivesWay::kChildren}).tree_violations[0].field, "nodes[3].family");
}

TEST(Adjust, WhatIsBelowAnUnchangedNodeIsLeftAlone) {
  ValueTree tree = Regions();
  tree.nodes[3].value = 100;  // b does not add up, as after an import.
  const ChangeResult change = Adjust(tree, {5, 600, GivesWay::kSiblings});
  EXPECT_EQ(After(tree, change), (std::vector<int64_t>{1'000, 600, 400, 100, 400, 600, 400}));
}

// a 1200 = four quarters of 300; the first of three months of 100.
ValueTree Year() {
  ValueTree tree{.families = {{.parent = 0}, {.parent = 2}}, .nodes = {{.value = 1'200}}};
  for (int q = 0; q < 4; ++q) tree.nodes.push_back({.family = 0, .value = 300});
  for (int m = 0; m < 3; ++m) tree.nodes.push_back({.family = 1, .value = 100});
  return tree;
}

TEST(Replan, SpreadsWhatIsMissingOverWhatIsOpen) {
  ValueTree tree = Year();
  tree.nodes[1].closed = true;  // The first quarter, and April.
  tree.nodes[5].closed = true;
  const ChangeResult change =
      Replan(tree, {.top = 0, .achieved = {{.node = 1, .value = 240}, {.node = 5, .value = 130}}});
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(After(tree, change), (std::vector<int64_t>{1'200, 300, 320, 320, 320, 100, 95, 95}));
  ApplyChange(tree, change);
  EXPECT_TRUE(FindBrokenSums(tree).empty());
  EXPECT_EQ(tree.nodes[1].counts_as, 240);
  UndoChange(tree, change);
  EXPECT_EQ(tree.nodes[1].counts_as, std::nullopt);
  EXPECT_EQ(ValuesOf(tree), ValuesOf(Year()));
}

TEST(Replan, WithoutFiguresAndANewTotalOnlyOpenPeriodsChange) {
  ValueTree tree = Year();
  tree.nodes[1].closed = true;
  EXPECT_EQ(After(tree, Replan(tree, {.top = 0, .total = 1'500})),
            (std::vector<int64_t>{1'500, 300, 400, 400, 400, 134, 133, 133}));
}

TEST(Replan, BoundsHoldAndCollide) {
  ValueTree tree = Year();
  tree.nodes[1].closed = true;
  tree.nodes[2].max = 310;
  EXPECT_EQ(After(tree, Replan(tree, {.top = 0, .achieved = {{1, 240}}})),
            (std::vector<int64_t>{1'200, 300, 310, 325, 325, 104, 103, 103}));
  tree.nodes[3].max = tree.nodes[4].max = 300;
  const ChangeResult change = Replan(tree, {.top = 0, .achieved = {{1, 240}}});
  ASSERT_EQ(change.collisions.size(), 1u);
  EXPECT_EQ(change.collisions[0].amount, 50);
  // More achieved than the target: by how much.
  EXPECT_EQ(Replan(tree, {.top = 0, .achieved = {{1, 1'300}}}).collisions[0].amount, 100);
}

TEST(Replan, SettlesOnlyWhatIsClosedBelowWhatIsOpen) {
  ValueTree tree = Year();
  tree.nodes[2].closed = true;
  EXPECT_EQ(Replan(tree, {.top = 0, .achieved = {{1, 1}}}).violations[0].kind,
            ChangeViolationKind::kNotSettled);
  tree.nodes[5].closed = true;
  EXPECT_EQ(Replan(tree, {.top = 0, .achieved = {{5, 1}}}).violations[0].kind,
            ChangeViolationKind::kNotSettled);
}

struct Shapes {
  int64_t nodes;
  int64_t value;
};

// A tree that adds up, with locks, bounds that hold and closed nodes.
ValueTree RandomTree(Random& random, const Shapes& shapes) {
  TreeRequest request{.total = Between(random, 0, shapes.value), .nodes = {{}}};
  const int64_t count = Between(random, 2, shapes.nodes);
  const int64_t unit = OneIn(random, 3) ? Between(random, 1, shapes.value / 50 + 1) : 1;
  const bool stretched = OneIn(random, 4);
  while (static_cast<int64_t>(request.nodes.size()) < count) {
    const uint32_t parent =
        static_cast<uint32_t>(Between(random, 0, static_cast<int64_t>(request.nodes.size()) - 1));
    const uint32_t family = static_cast<uint32_t>(request.families.size());
    request.families.push_back(
        {.parent = parent,
         .stretch_ppm = stretched && OneIn(random, 2) ? Between(random, 800'000, 1'300'000) : kPpm,
         .rounding_unit = unit});
    const int64_t children = Between(random, 1, 4);
    for (int64_t i = 0; i < children; ++i) {
      request.nodes.push_back({.family = family, .weight = Between(random, 0, 6)});
    }
  }
  const TreeResult solved = SolveTree(request);
  ValueTree tree{.families = request.families};
  for (size_t i = 0; i < request.nodes.size(); ++i) {
    const int64_t value = solved.values[i];
    ValueNode node{.family = request.nodes[i].family, .value = value};
    if (OneIn(random, 5)) node.min = Between(random, 0, value);
    if (OneIn(random, 5)) node.max = Between(random, value, 2 * value + 5);
    if (i > 0 && OneIn(random, 9)) node.locked = true;
    if (i > 0 && OneIn(random, 9)) node.closed = true;
    tree.nodes.push_back(node);
  }
  return tree;
}

// What must hold after a change of a tree in which everything added up.
void ExpectSound(const ValueTree& before, const ChangeResult& change) {
  ValueTree after = before;
  ApplyChange(after, change);
  ASSERT_EQ(FindBrokenSums(after), change.broken);
  std::vector<char> closed(before.nodes.size(), 0);
  for (size_t i = 0; i < before.nodes.size(); ++i) {
    const ValueNode& node = before.nodes[i];
    closed[i] = node.closed || (i > 0 && closed[before.families[node.family].parent]);
    if (closed[i] || node.locked) {
      ASSERT_EQ(after.nodes[i].value, node.value);
      continue;
    }
    ASSERT_GE(after.nodes[i].value, node.min.value_or(0));
    ASSERT_LE(after.nodes[i].value, node.max.value_or(kMaxTreeValue));
  }
  for (size_t i = 1; i < change.changes.size(); ++i) {
    ASSERT_LT(change.changes[i - 1].node, change.changes[i].node);
  }
  UndoChange(after, change);
  ASSERT_EQ(after.nodes, before.nodes);
}

TEST(AdjustProperty, EverySumIsExactAfterEveryChange) {
  Random random(51);
  int made = 0;
  constexpr int kCases = 10'000;
  for (int n = 0; n < kCases; ++n) {
    const ValueTree tree =
        RandomTree(random, {.nodes = 14, .value = n % 2 == 0 ? 200 : kMaxTreeValue / 50});
    const AdjustRequest request{
        static_cast<uint32_t>(Between(random, 0, static_cast<int64_t>(tree.nodes.size()) - 1)), 0,
        static_cast<GivesWay>(Between(random, 0, 2))};
    AdjustRequest asked = request;
    const int64_t old = tree.nodes[request.node].value;
    asked.value = Between(random, old / 2, old + old / 4 + 2);
    const ChangeResult change = Adjust(tree, asked);
    ASSERT_TRUE(change.tree_violations.empty());
    if (!change.ok()) {
      ASSERT_TRUE(change.changes.empty());
      continue;
    }
    ++made;
    ASSERT_NO_FATAL_FAILURE(ExpectSound(tree, change));
    ValueTree after = tree;
    ApplyChange(after, change);
    ASSERT_EQ(after.nodes[asked.node].value, asked.value);
    if (asked.gives_way == GivesWay::kSiblings) {
      ASSERT_EQ(after.nodes[tree.families[tree.nodes[asked.node].family].parent].value,
                tree.nodes[tree.families[tree.nodes[asked.node].family].parent].value);
    }
    ASSERT_TRUE(change.broken.empty() || asked.gives_way == GivesWay::kChildren);
  }
  EXPECT_GT(made, kCases / 3);
}

TEST(ReplanProperty, AchievedAndOpenAddUpToTheTarget) {
  Random random(52);
  int made = 0;
  constexpr int kCases = 10'000;
  for (int n = 0; n < kCases; ++n) {
    ValueTree tree = RandomTree(random, {.nodes = 20, .value = 500});
    ReplanRequest request;
    std::vector<char> closed(tree.nodes.size(), 0);
    for (uint32_t i = 1; i < tree.nodes.size(); ++i) {
      const bool below = closed[tree.families[tree.nodes[i].family].parent];
      closed[i] = tree.nodes[i].closed || below;
      if (closed[i] && !below && OneIn(random, 2)) {
        request.achieved.push_back({i, Between(random, 0, tree.nodes[i].value * 3 / 2)});
      }
    }
    const ChangeResult change = Replan(tree, request);
    if (!change.ok()) continue;
    ++made;
    ASSERT_NO_FATAL_FAILURE(ExpectSound(tree, change));
    // Without news nothing changes.
    ApplyChange(tree, change);
    const ChangeResult again = Replan(tree, request);
    ASSERT_TRUE(again.changes.empty() && again.settlements.empty());
  }
  EXPECT_GT(made, kCases / 2);
}

}  // namespace
}  // namespace milepost::target
