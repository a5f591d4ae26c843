#include "target-svc/domain/node_edits.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A root of 1,200 in hundreds by region: a 500, b 700; a by period: 200, 300.
class NodeEditsTest : public ::testing::Test {
 protected:
  NodeEditsTest() {
    Add("root", "", "", "", 1'200);
    Add("a", "root", "region", "00", 500);
    Add("a1", "a", "period", "0000", 200);
    Add("a2", "a", "period", "0001", 300);
    Add("b", "root", "region", "01", 700);
    nodes_[0].breakdowns.push_back({.id = "region", .rounding_units = 100, .child_count = 2});
    nodes_[1].breakdowns.push_back({.id = "period", .rounding_units = 1, .child_count = 2});
  }

  void Add(const std::string& id, const std::string& parent, const std::string& breakdown,
           const std::string& path, int64_t units) {
    Node& node = nodes_.emplace_back();
    node.plan_id = "p";
    node.id = id;
    node.parent_id = parent;
    node.breakdown_id = breakdown;
    node.path = path;
    node.target_units = units;
    node.display_name = id;
    node.plan_version = 3;
    if (breakdown == "period") {
      node.dimension = Dimension::kPeriod;
      node.scope.period.first = absl::CivilDay(2018, 1, 1) + units;
      node.scope.period.last = node.scope.period.first;
    }
  }

  static NodeEdit Target(const std::string& id, int64_t units) {
    NodeEdit edit;
    edit.node_id = id;
    edit.target_units = units;
    return edit;
  }

  static std::vector<std::string> Words(const EditedNodes& edited) {
    std::vector<std::string> words;
    for (const EditRefusal& refusal : edited.refusals)
      words.push_back(std::to_string(refusal.edit) + " " + refusal.field + " " +
                      refusal.description);
    return words;
  }

  std::vector<Node> nodes_;
};

TEST_F(NodeEditsTest, ValuesAreTakenAsTheyAre) {
  nodes_[3].explanation.emplace();
  NodeEdit a = Target("a", 600);
  a.display_name = "甲";
  a.min_units.emplace(100);
  a.note = "为什么";
  NodeEdit b = Target("b", 600);
  b.locked = true;
  const EditedNodes edited =
      EditNodes(nodes_, {a, b, Target("a1", 250), Target("a2", 350), Target("root", 1'200)}, 3);
  EXPECT_THAT(Words(edited), IsEmpty());
  EXPECT_THAT(edited.off, IsEmpty());
  ASSERT_THAT(edited.changed, SizeIs(4));  // The root says what it was.
  EXPECT_EQ(edited.changed[0].display_name, "甲");
  EXPECT_EQ(edited.changed[0].min_units, 100);
  EXPECT_EQ(edited.changed[0].note, "为什么");
  EXPECT_EQ(edited.changed[1].target_units, 250);
  EXPECT_FALSE(edited.changed[2].explanation);
  EXPECT_TRUE(edited.changed[3].locked);
}

TEST_F(NodeEditsTest, WhatIsOffIsNamedOnceForEachSum) {
  const EditedNodes edited = EditNodes(nodes_, {Target("a", 600)}, 3);
  ASSERT_THAT(edited.off, SizeIs(2));
  EXPECT_EQ(edited.off[0].node_id, "root");
  EXPECT_EQ(edited.off[0].kind, ViolationKind::kOverAssigned);
  EXPECT_EQ(edited.off[0].expected_units, 1'200);
  EXPECT_EQ(edited.off[0].actual_units, 1'300);
  EXPECT_EQ(edited.off[1].node_id, "a");
  EXPECT_EQ(edited.off[1].kind, ViolationKind::kUnassigned);

  // What was off already and is no worse is nothing new.
  nodes_[1].target_units = 700;  // The root is over by 200, a under by 200.
  EXPECT_THAT(EditNodes(nodes_, {Target("a", 600)}, 3).off, IsEmpty());
  EXPECT_THAT(EditNodes(nodes_, {Target("a", 800)}, 3).off, SizeIs(2));
}

TEST_F(NodeEditsTest, RefusesAllAtOnceInTheOrderOfTheEdits) {
  nodes_[2].plan_version = 5;
  nodes_[3].locked = true;
  nodes_[4].max_units = 800;
  NodeEdit bounds;
  bounds.node_id = "root";
  bounds.min_units.emplace(10);
  bounds.max_units.emplace(9);
  const EditedNodes edited =
      EditNodes(nodes_,
                {Target("a", 650), Target("gone", 1), Target("a1", 1), Target("a2", 1),
                 Target("b", 900), Target("b", 700), bounds},
                4);
  EXPECT_THAT(
      Words(edited),
      ElementsAre(
          "0 target_units is 650, no multiple of 100, the rounding unit of breakdown 'region'",
          "1 node_id gone is not in the plan",
          "2 node_id a1 was changed meanwhile, in version 5; the edits are of version 4",
          "3 target_units is locked to 300; unlock it to change it",
          "4 target_units is 900, its maximum is 800", "5 node_id b is there twice",
          "6 min_units is 10, above max_units, 9", "6 target_units is 1200, its maximum is 9"));
  EXPECT_THAT(edited.changed, IsEmpty());
  EXPECT_THAT(edited.off, IsEmpty());
}

TEST_F(NodeEditsTest, WhatANodeIsByNowIsNoChange) {
  nodes_[2].plan_version = 5;
  const EditedNodes edited = EditNodes(nodes_, {Target("a1", 200)}, 3);
  EXPECT_THAT(Words(edited), IsEmpty());
  EXPECT_THAT(edited.changed, IsEmpty());
}

TEST_F(NodeEditsTest, ALockOrTheRestOfTheTotalNeedsNoMultiple) {
  NodeEdit locked = Target("a", 650);
  locked.locked = true;
  EXPECT_THAT(EditNodes(nodes_, {locked}, 3).refusals, IsEmpty());
  EXPECT_THAT(EditNodes(nodes_, {Target("root", 1'250), Target("a", 550)}, 3).refusals, IsEmpty());
  EXPECT_THAT(EditNodes(nodes_, {Target("root", 1'250), Target("a", 560)}, 3).refusals, SizeIs(1));
  nodes_[1].locked = true;
  NodeEdit unlocked = Target("a", 600);
  unlocked.locked = false;
  EXPECT_THAT(EditNodes(nodes_, {unlocked}, 3).refusals, IsEmpty());
  NodeEdit open;
  open.node_id = "b";
  open.max_units.emplace();
  nodes_[4].max_units = 700;
  ASSERT_THAT(EditNodes(nodes_, {open}, 3).changed, SizeIs(1));
  EXPECT_FALSE(EditNodes(nodes_, {open}, 3).changed[0].max_units);
}

}  // namespace
}  // namespace milepost::target
