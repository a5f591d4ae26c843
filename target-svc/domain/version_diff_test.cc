#include "target-svc/domain/version_diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using Nodes = std::vector<VersionNode>;

// Sorted by id.
Nodes Plan() {
  return {{.id = "east", .parent_id = "root", .breakdown = "region", .value = 400},
          {.id = "root", .value = 1'000, .breakdowns = {{.id = "region"}}},
          {.id = "west", .parent_id = "root", .breakdown = "region", .value = 600}};
}

VersionNode& Get(Nodes& nodes, const std::string& id) {
  return *std::find_if(nodes.begin(), nodes.end(),
                       [&](const VersionNode& node) { return node.id == id; });
}

TEST(CompareVersions, TypesEveryDifference) {
  Nodes after = Plan();
  Get(after, "west").value = 650;
  Get(after, "west").locked = true;
  Get(after, "west").max = 700;
  Get(after, "west").title = "西区";
  Get(after, "root").breakdowns[0].stretch_ppm = 1'050'000;
  Get(after, "east").parent_id = "west";
  after.push_back({.id = "north", .parent_id = "root", .breakdown = "region"});
  using Field = VersionField;
  EXPECT_EQ(CompareVersions(Plan(), after),
            (std::vector<VersionDifference>{
                {"east", Field::kPlace, "", {.text = "root/region"}, {.text = "west/region"}},
                {"north", Field::kNode, "", {}, {.number = 1}},
                {"root", Field::kStretch, "region", {.number = kPpm}, {.number = 1'050'000}},
                {"west", Field::kTitle, "", {}, {.text = "西区"}},
                {"west", Field::kValue, "", {.number = 600}, {.number = 650}},
                {"west", Field::kLocked, "", {.number = 0}, {.number = 1}},
                {"west", Field::kMax, "", {}, {.number = 700}}}));
  EXPECT_TRUE(CompareVersions(after, after).empty());
}

TEST(MergeVersions, TakesWhatOnlyOneSideChanged) {
  Nodes ours = Plan();
  Get(ours, "east").value = 350;
  Get(ours, "west").value = 650;
  Nodes theirs = Plan();
  Get(theirs, "west").title = "West";
  const MergeResult merged = MergeVersions(Plan(), ours, theirs);
  EXPECT_TRUE(merged.clean());
  Nodes wanted = ours;
  Get(wanted, "west").title = "West";
  EXPECT_EQ(merged.nodes, wanted);
}

TEST(MergeVersions, ListsWhatBothChangedAndTakesOursUnlessDecided) {
  Nodes ours = Plan();
  Get(ours, "root").value = 1'100;
  Get(ours, "west").value = 700;
  Nodes theirs = Plan();
  Get(theirs, "root").value = 1'200;
  Get(theirs, "west").value = 800;
  const MergeResult merged = MergeVersions(Plan(), ours, theirs);
  ASSERT_EQ(merged.conflicts.size(), 2u);
  EXPECT_EQ(merged.conflicts[1], (MergeConflict{.node_id = "west",
                                                .field = VersionField::kValue,
                                                .base = {.number = 600},
                                                .ours = {.number = 700},
                                                .theirs = {.number = 800}}));
  EXPECT_EQ(merged.nodes, ours);
  const MergeResult decided =
      MergeVersions(Plan(), ours, theirs,
                    {{"root", VersionField::kValue, "", MergeSide::kTheirs},
                     {"west", VersionField::kValue, "", MergeSide::kTheirs}});
  EXPECT_EQ(decided.nodes, theirs);
}

TEST(MergeVersions, SumsThatBothSidesMadeWrongTogetherAreListed) {
  Nodes ours = Plan();
  Get(ours, "west").value = 700;
  Get(ours, "east").value = 300;
  Nodes theirs = Plan();
  Get(theirs, "root").value = 1'200;
  Get(theirs, "west").value = 800;
  const MergeResult merged =
      MergeVersions(Plan(), ours, theirs, {{"west", VersionField::kValue, "", MergeSide::kTheirs}});
  ASSERT_EQ(merged.violations.size(), 1u);
  EXPECT_EQ(merged.violations[0].amount, 100);
}

TEST(MergeVersions, AChangeOutlivesARemovalUnlessDecided) {
  Nodes ours = Plan();
  std::erase_if(ours, [](const VersionNode& node) { return node.id == "east"; });
  Nodes theirs = Plan();
  Get(theirs, "east").value = 450;
  MergeResult merged = MergeVersions(Plan(), ours, theirs);
  ASSERT_EQ(merged.conflicts.size(), 1u);
  EXPECT_EQ(merged.conflicts[0].kind, ConflictKind::kRemovedAndChanged);
  EXPECT_EQ(merged.nodes.size(), 3u);
  merged =
      MergeVersions(Plan(), ours, theirs, {{"east", VersionField::kNode, "", MergeSide::kOurs}});
  EXPECT_EQ(merged.nodes.size(), 2u);
  // What nobody touched goes.
  EXPECT_EQ(MergeVersions(Plan(), ours, Plan()).nodes.size(), 2u);
}

TEST(MergeVersions, AParentStaysAsLongAsAnythingIsBelowIt) {
  Nodes ours = Plan();
  std::erase_if(ours, [](const VersionNode& node) { return node.id == "east"; });
  Nodes theirs = Plan();
  theirs.push_back({.id = "zhang", .parent_id = "east", .breakdown = "member", .value = 400});
  const MergeResult merged = MergeVersions(Plan(), ours, theirs);
  ASSERT_EQ(merged.conflicts.size(), 1u);
  EXPECT_EQ(merged.conflicts[0].kind, ConflictKind::kParentRemoved);
  EXPECT_EQ(merged.nodes, theirs);
}

TEST(MergeVersions, MovesIntoEachOtherDoNotMakeACycle) {
  Nodes ours = Plan();
  Get(ours, "east").parent_id = "west";
  Nodes theirs = Plan();
  Get(theirs, "west").parent_id = "east";
  const MergeResult merged = MergeVersions(Plan(), ours, theirs);
  ASSERT_EQ(merged.conflicts.size(), 1u);
  EXPECT_EQ(merged.conflicts[0].kind, ConflictKind::kCycle);
  EXPECT_EQ(merged.conflicts[0].node_id, "west");
  EXPECT_EQ(merged.nodes, ours);
}

TEST(MergeVersions, BothAddedTheSameId) {
  Nodes ours = Plan();
  ours.push_back({.id = "z", .parent_id = "east", .breakdown = "member", .value = 400});
  Nodes theirs = ours;
  EXPECT_TRUE(MergeVersions(Plan(), ours, theirs).conflicts.empty());
  theirs.back().title = "Z";
  const MergeResult merged = MergeVersions(Plan(), ours, theirs);
  ASSERT_EQ(merged.conflicts.size(), 1u);
  EXPECT_EQ(merged.conflicts[0].kind, ConflictKind::kBothAdded);
}

Nodes RandomPlan(Random& random) {
  Nodes nodes = {{.id = "a", .value = Between(random, 0, 9)}};
  const int64_t count = Between(random, 1, 5);
  for (int64_t i = 1; i < count; ++i) {
    VersionNode& parent = nodes[static_cast<size_t>(Between(random, 0, i - 1))];
    if (parent.breakdowns.empty()) parent.breakdowns.push_back({.id = "x"});
    const std::string parent_id = parent.id;
    nodes.push_back({.id = std::string(1, static_cast<char>('a' + i)),
                     .parent_id = parent_id,
                     .breakdown = "x",
                     .value = Between(random, 0, 9)});
  }
  return nodes;
}

void Edit(Random& random, Nodes& nodes) {
  const int64_t edits = Between(random, 0, 4);
  for (int64_t i = 0; i < edits; ++i) {
    VersionNode& node =
        nodes[static_cast<size_t>(Between(random, 0, static_cast<int64_t>(nodes.size()) - 1))];
    switch (Between(random, 0, 6)) {
      case 0:
        node.value = Between(random, 0, 9);
        break;
      case 1:
        node.locked = !node.locked;
        break;
      case 2:
        node.min = Between(random, 0, 2);
        break;
      case 3:
        node.max.reset();
        break;
      case 4:
        if (!node.breakdowns.empty()) node.breakdowns[0].rounding_unit = Between(random, 1, 3);
        break;
      case 5:
        nodes.push_back({.id = std::string(1, static_cast<char>('n' + Between(random, 0, 9))),
                         .parent_id = node.id,
                         .breakdown = "x",
                         .value = Between(random, 0, 9)});
        if (std::count_if(nodes.begin(), nodes.end(), [&](const VersionNode& other) {
              return other.id == nodes.back().id;
            }) > 1) {
          nodes.pop_back();
        }
        break;
      case 6: {  // Remove a leaf.
        const bool leaf = std::none_of(nodes.begin(), nodes.end(), [&](const VersionNode& other) {
          return other.parent_id == node.id;
        });
        if (leaf && !node.parent_id.empty()) {
          const std::string id = node.id;
          std::erase_if(nodes, [&](const VersionNode& other) { return other.id == id; });
        }
        break;
      }
    }
  }
}

Nodes Sorted(Nodes nodes) {
  std::sort(nodes.begin(), nodes.end(),
            [](const VersionNode& a, const VersionNode& b) { return a.id < b.id; });
  return nodes;
}

TEST(MergeVersionsProperty, OneSidedMergesAreThatSideAndSidesAreAlike) {
  Random random(81);
  int conflicts = 0;
  for (int n = 0; n < 10'000; ++n) {
    const Nodes base = RandomPlan(random);
    Nodes ours = base;
    Edit(random, ours);
    Nodes theirs = base;
    Edit(random, theirs);
    const MergeResult only_ours = MergeVersions(base, ours, base);
    ASSERT_TRUE(only_ours.clean() && only_ours.nodes == Sorted(ours));
    const MergeResult only_theirs = MergeVersions(base, base, theirs);
    ASSERT_TRUE(only_theirs.conflicts.empty() && only_theirs.nodes == Sorted(theirs));
    const MergeResult same = MergeVersions(base, ours, ours);
    ASSERT_TRUE(same.clean() && same.nodes == Sorted(ours));

    const MergeResult merged = MergeVersions(base, ours, theirs);
    const MergeResult swapped = MergeVersions(base, theirs, ours);
    ASSERT_EQ(merged.conflicts.empty(), swapped.conflicts.empty());
    ASSERT_TRUE(!merged.conflicts.empty() || merged.nodes == swapped.nodes);
    conflicts += static_cast<int>(merged.conflicts.size());
    // Nothing else can be wrong with the tree than its sums.
    for (const PlanViolation& violation : merged.violations) {
      ASSERT_TRUE(violation.kind == PlanViolationKind::kUnassigned ||
                  violation.kind == PlanViolationKind::kOverAssigned);
    }
    // Every field is from one of the three.
    if (n % 10 > 0) continue;
    const auto by_ours = CompareVersions(base, ours);
    const auto by_theirs = CompareVersions(base, theirs);
    for (const VersionDifference& difference : CompareVersions(base, merged.nodes)) {
      const auto alike = [&](const VersionDifference& other) {
        return other.node_id == difference.node_id && other.field == difference.field &&
               other.after == difference.after;
      };

      ASSERT_TRUE(std::any_of(by_ours.begin(), by_ours.end(), alike) ||
                  std::any_of(by_theirs.begin(), by_theirs.end(), alike));
    }
  }
  EXPECT_GT(conflicts, 500);
}

}  // namespace
}  // namespace milepost::target
