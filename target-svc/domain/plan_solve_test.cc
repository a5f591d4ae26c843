#include "target-svc/domain/plan_solve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "platform/status/error.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A root of 100 with the parts a (70) and b (30), which a split by the weights 3 and 1 made before.
class PlanSolveTest : public ::testing::Test {
 protected:
  PlanSolveTest() {
    Node root;
    root.plan_id = "p";
    root.id = kRootId;
    root.target_units = 100;
    root.breakdowns.push_back({.id = "region", .dimension = Dimension::kRegion, .child_count = 2});
    nodes_.push_back(root);
    for (const auto& [id, units, weight] :
         std::vector<std::tuple<const char*, int64_t, int64_t>>{{"a", 70, 3}, {"b", 30, 1}}) {
      Node part;
      part.plan_id = "p";
      part.id = id;
      part.parent_id = kRootId;
      part.breakdown_id = "region";
      part.target_units = units;
      part.depth = 1;
      part.explanation = Explanation{.weight = weight, .weight_sum = 4};
      nodes_.push_back(part);
    }
  }

  static std::vector<std::pair<std::string, int64_t>> Changed(const TreeSolution& solution) {
    std::vector<std::pair<std::string, int64_t>> changed;
    for (const Node& node : solution.changed) changed.emplace_back(node.id, node.target_units);
    return changed;
  }

  std::vector<Node> nodes_;
};

TEST_F(PlanSolveTest, WhatAddsUpStays) {
  const auto solution = ApplySolve(nodes_, {});
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_THAT(solution->changed, IsEmpty());
}

TEST_F(PlanSolveTest, TargetsOrWeightsGiveTheShape) {
  auto solution = ApplySolve(nodes_, {.target_units = 200});
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_THAT(Changed(*solution),
              ElementsAre(std::pair("root", 200), std::pair("a", 140), std::pair("b", 60)));
  EXPECT_THAT(solution->changed[1].explanation->description, HasSubstr("plans/p/nodes/root"));

  solution = ApplySolve(nodes_, {.shape = SolveShape::kWeights});
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_THAT(Changed(*solution), ElementsAre(std::pair("a", 75), std::pair("b", 25)));
  // Weights of two splits are not on one scale.
  nodes_[2].explanation->weight_sum = 9;
  EXPECT_THAT(ApplySolve(nodes_, {.shape = SolveShape::kWeights})->changed, IsEmpty());
  nodes_[2].explanation.reset();
  EXPECT_THAT(ApplySolve(nodes_, {.shape = SolveShape::kWeights})->changed, IsEmpty());
}

TEST_F(PlanSolveTest, ConstraintsAreSetInTheirNodes) {
  SolveCommand command;
  command.constraints.push_back({.node_id = "b", .min = 40});
  auto solution = ApplySolve(nodes_, command);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_THAT(Changed(*solution), ElementsAre(std::pair("a", 60), std::pair("b", 40)));
  EXPECT_EQ(solution->changed[1].min_units, 40);
  EXPECT_EQ(solution->changed[1].explanation->bound, Bound::kMin);

  // A bound alone changes its node although the target stays.
  command.constraints = {{.node_id = "b", .max = 30}};
  solution = ApplySolve(nodes_, command);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_THAT(Changed(*solution), ElementsAre(std::pair("b", 30)));

  nodes_[1].locked = true;
  nodes_[2].max_units = 20;
  solution = ApplySolve(nodes_, {});
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_THAT(solution->changed, IsEmpty());
  ASSERT_THAT(solution->collisions, SizeIs(1));
  EXPECT_EQ(solution->collisions[0].amount, 10);
  EXPECT_THAT(solution->collision_words, ElementsAre(HasSubstr("plans/p/nodes/b")));
  command.constraints = {{.node_id = "a", .clear = true}};
  EXPECT_THAT(Changed(*ApplySolve(nodes_, command)),
              ElementsAre(std::pair("a", 80), std::pair("b", 20)));
}

TEST_F(PlanSolveTest, ConstraintsMustBePossible) {
  SolveCommand command;
  command.constraints.push_back({.node_id = "c", .lock = 1});
  EXPECT_EQ(status::ReasonOf(ApplySolve(nodes_, command).status()), "NOT_FOUND");
  nodes_[1].min_units = 5;
  command.constraints = {{.node_id = "a", .max = 4}};
  EXPECT_EQ(status::ReasonOf(ApplySolve(nodes_, command).status()), "MINIMUM_ABOVE_MAXIMUM");
}

}  // namespace
}  // namespace milepost::target
