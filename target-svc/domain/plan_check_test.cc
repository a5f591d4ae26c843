#include "target-svc/domain/plan_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = PlanViolationKind;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::vector<Kind> Kinds(const std::vector<PlanViolation>& violations) {
  std::vector<Kind> kinds;
  for (const PlanViolation& violation : violations) kinds.push_back(violation.kind);
  return kinds;
}

TEST(WorkedExample, ThreeBreakdownsAddUpToOneRoot) {
  std::vector<PlanTreeNode> nodes = {{"root", "", "", 1000},
                                     {"north-east", "root", "region", 150},
                                     {"north", "root", "region", 200},
                                     {"east", "root", "region", 300},
                                     {"south", "root", "region", 250},
                                     {"central", "root", "region", 100},
                                     {"a", "root", "product", 300},
                                     {"b", "root", "product", 400},
                                     {"c", "root", "product", 300},
                                     {"online", "root", "channel", 300},
                                     {"offline", "root", "channel", 400},
                                     {"partner", "root", "channel", 300}};
  EXPECT_THAT(CheckPlan(nodes), IsEmpty());
  nodes[7].value = 410;
  const std::vector<PlanViolation> violations = CheckPlan(nodes);
  ASSERT_THAT(Kinds(violations), ElementsAre(Kind::kOverAssigned));
  EXPECT_EQ(violations[0].breakdown, "product");
  EXPECT_EQ(violations[0].amount, 10);
}

TEST(WorkedExample, AnInconsistentPlanIsCaught) {
  const std::vector<PlanTreeNode> nodes = {{"plan", "", "", 1'000'000},
                                           {"group-a", "plan", "product", 300'000},
                                           {"group-b", "plan", "product", 250'000},
                                           {"group-c", "plan", "product", 150'000},
                                           {"q1", "plan", "quarter", 250'000},
                                           {"q2", "plan", "quarter", 300'000},
                                           {"q3", "plan", "quarter", 300'000},
                                           {"q4", "plan", "quarter", 150'000},
                                           {"m1", "q1", "month", 62'500},
                                           {"m2", "q1", "month", 62'500},
                                           {"m3", "q1", "month", 62'500}};
  EXPECT_THAT(
      CheckPlan(nodes),
      ElementsAre(PlanViolation{Kind::kUnassigned, "plan", "product", 1'000'000, 700'000, 300'000,
                                "plan by product: parts add up to 700000, must be 1000000; 300000 "
                                "unassigned"},
                  PlanViolation{Kind::kUnassigned, "q1", "month", 250'000, 187'500, 62'500,
                                "q1 by month: parts add up to 187500, must be 250000; 62500 "
                                "unassigned"}));
}

TEST(CheckPlan, FollowsTheStretchOfABreakdown) {
  const std::vector<PlanTreeNode> nodes = {{"root", "", "", 5},
                                           {"a", "root", "team", 3},
                                           {"b", "root", "team", 3},
                                           {"x", "root", "month", 5}};
  EXPECT_THAT(CheckPlan(nodes, {{"root", "team", 1'100'000}}), IsEmpty());  // 5.5 rounds to 6.
  EXPECT_THAT(Kinds(CheckPlan(nodes)), ElementsAre(Kind::kOverAssigned));
  EXPECT_THAT(
      Kinds(CheckPlan(nodes, {{"root", "team", 1'100'000},
                              {"root", "region", 1'100'000},
                              {"gone", "team", 1'100'000},
                              {"root", "month", 0}})),
      ElementsAre(Kind::kUnknownBreakdown, Kind::kUnknownBreakdown, Kind::kStretchOutOfRange));
}

TEST(CheckPlan, NamesEveryFlawOfTheTree) {
  const std::vector<PlanTreeNode> nodes = {
      {"root", "", "", 10},     {"root-2", "", "", 0},    {"a", "root", "team", 10},
      {"a", "root", "team", 0}, {"b", "gone", "team", 1}, {"c", "a", "month", -10},
      {"d", "a", "month", 20},  {"x", "y", "team", 1},    {"y", "x", "team", 1},
      {"z", "y", "team", 0},    {"self", "self", "t", 1}};
  const std::vector<PlanViolation> violations = CheckPlan(nodes);
  EXPECT_THAT(Kinds(violations),
              ElementsAre(Kind::kSecondRoot, Kind::kDuplicateId, Kind::kUnknownParent,
                          Kind::kNegativeValue, Kind::kCycle, Kind::kCycle, Kind::kCycle));
  EXPECT_EQ(violations[4].node_id, "x");
  EXPECT_EQ(violations[5].node_id, "y");
  EXPECT_EQ(violations[6].node_id, "self");
  EXPECT_THAT(Kinds(CheckPlan({})), ElementsAre(Kind::kNoRoot));
}

TEST(CheckPlan, DoesNotOverflow) {
  const std::vector<PlanTreeNode> nodes = {
      {"root", "", "", kMax}, {"a", "root", "team", kMax}, {"b", "root", "team", kMax}};
  const std::vector<PlanViolation> violations = CheckPlan(nodes);
  ASSERT_THAT(Kinds(violations), ElementsAre(Kind::kOverAssigned));
  EXPECT_EQ(violations[0].amount, kMax);
  EXPECT_EQ(Kinds(CheckPlan(nodes, {{"root", "team", kMaxStretchPpm}})),
            std::vector<Kind>{Kind::kUnassigned});
}

// Whatever Split makes, at any depth, with any stretch and unit, adds up; and any change of one
// value shows at exactly that node's parent and, if it has children, at itself.
TEST(CheckPlan, AgreesWithSplit) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<PlanTreeNode> nodes = {
        {"n0", "", "", static_cast<int64_t>(random() % 1'000'000'000)}};
    std::vector<BreakdownStretch> stretches;
    for (size_t parent = 0; parent < nodes.size() && nodes.size() < 40; ++parent) {
      for (const char* breakdown : {"region", "month"}) {
        SplitRequest request{.parent_value = nodes[parent].value,
                             .stretch_ppm = static_cast<int64_t>(900'000 + random() % 300'000),
                             .rounding_unit = static_cast<int64_t>(1 + random() % 1'000)};
        for (size_t part = 0; part < 1 + random() % 5; ++part) {
          request.parts.push_back({.weight = static_cast<int64_t>(random() % 50)});
        }
        if (request.parts.empty()) continue;
        const SplitResult result = Split(request);
        ASSERT_TRUE(result.ok());
        const std::string id = nodes[parent].id;
        stretches.push_back({id, breakdown, request.stretch_ppm});
        for (const SplitValue& value : result.values) {
          nodes.push_back({absl::StrCat("n", nodes.size()), id, breakdown, value.value});
        }
      }
    }
    ASSERT_THAT(CheckPlan(nodes, stretches), IsEmpty());
    PlanTreeNode& changed = nodes[1 + random() % (nodes.size() - 1)];
    changed.value += 7;
    const std::vector<PlanViolation> violations = CheckPlan(nodes, stretches);
    ASSERT_FALSE(violations.empty());
    ASSERT_TRUE(std::any_of(violations.begin(), violations.end(), [&](const PlanViolation& v) {
      return v.kind == Kind::kOverAssigned && v.node_id == changed.parent_id && v.amount == 7 &&
             v.breakdown == changed.breakdown;
    }));
    for (const PlanViolation& violation : violations) {
      ASSERT_TRUE(violation.node_id == changed.parent_id || violation.node_id == changed.id);
    }
  }
}

}  // namespace
}  // namespace milepost::target
