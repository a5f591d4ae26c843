#include "target-svc/domain/rollup.h"

#include <gtest/gtest.h>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

// 0 company 1000 = 1 west 600 + 2 east 400; west = 3 ann 350 + 4 bob 250.
RollupRequest Company() {
  return {.families = {{.parent = 0}, {.parent = 1}},
          .nodes = {{.target = 1'000},
                    {.family = 0, .target = 600},
                    {.family = 0, .target = 400},
                    {.family = 1, .target = 350},
                    {.family = 1, .target = 250}}};
}

TEST(RollUp, NothingCommittedIsOpenEverywhere) {
  const RollupResult result = RollUp(Company());
  EXPECT_EQ(result.nodes[0],
            (NodeRollup{.gap = 1'000, .coverage_ppm = 0, .leaves = 3, .open_leaves = 3}));
  EXPECT_EQ(
      result.families[0],
      (FamilyRollup{.target = 1'000, .open_target = 1'000, .children = 2, .open_children = 2}));
}

TEST(RollUp, SumsOfWhatIsBelow) {
  RollupRequest request = Company();
  request.nodes[3].committed = 300;
  request.nodes[4].committed = 260;
  const RollupResult result = RollUp(request);
  EXPECT_EQ(result.nodes[1], (NodeRollup{.basis = RollupBasis::kBelow,
                                         .committed = 560,
                                         .gap = 40,
                                         .coverage_ppm = 933'333,
                                         .leaves = 2}));
  EXPECT_EQ(result.nodes[0].committed, 560);
  EXPECT_EQ(result.nodes[0].gap, 440);
  EXPECT_EQ(result.nodes[0].open_leaves, 1);
  EXPECT_EQ(result.nodes[4].gap, -10);
}

TEST(RollUp, OwnCommitmentsCountAndAreComparedWithThoseBelow) {
  RollupRequest request = Company();
  request.nodes[1].committed = 600;
  request.nodes[3].committed = 300;
  const RollupResult result = RollUp(request);
  EXPECT_EQ(result.nodes[1].committed, 600);
  EXPECT_EQ(result.nodes[1].own_less_below, 300);
  EXPECT_EQ(result.nodes[0].committed, 600);
  EXPECT_EQ(result.families[1].open_target, 250);
}

TEST(RollUp, CountsTheBreakdownInWhichAnybodyCommitted) {
  RollupRequest request = Company();
  request.families.insert(request.families.begin(), {.parent = 0});
  for (size_t i = 1; i < request.nodes.size(); ++i) ++request.nodes[i].family;
  request.nodes.push_back({.family = 0, .target = 1'000});
  request.nodes[2].committed = 400;
  EXPECT_EQ(RollUp(request).nodes[0].committed, 400);
  request.nodes[5].committed = 1;
  EXPECT_EQ(RollUp(request).nodes[0].committed, 1);
}

TEST(RollUp, ReportsEveryViolationAtOnce) {
  RollupRequest request = Company();
  request.nodes[1].target = -1;
  request.nodes[2].committed = kMaxTreeValue + 1;
  request.nodes[3].family = 5;
  request.families[0].parent = 9;
  EXPECT_GE(RollUp(request).violations.size(), 4u);
  EXPECT_FALSE(RollUp({}).ok());
}

TEST(RollUp, RefusesSumsThatDoNotFit) {
  RollupRequest request = Company();
  request.nodes[3].committed = kMaxTreeValue;
  request.nodes[4].committed = 1;
  EXPECT_FALSE(RollUp(request).ok());
}

// Against a definition by recursion from the top.
TEST(RollUpProperty, AgreesWithItsDefinition) {
  Random random(71);
  for (int n = 0; n < 10'000; ++n) {
    RollupRequest request{.nodes = {{.target = Between(random, 0, 100)}}};
    const int64_t count = Between(random, 1, 15);
    for (int64_t i = 1; i < count; ++i) {
      if (request.families.empty() || Between(random, 0, 2) == 0) {
        request.families.push_back({.parent = static_cast<uint32_t>(Between(random, 0, i - 1))});
      }
      RollupNode node{.family = static_cast<uint32_t>(
                          Between(random, 0, static_cast<int64_t>(request.families.size()) - 1)),
                      .target = Between(random, 0, 100)};
      if (Between(random, 0, 2) == 0) node.committed = Between(random, 0, 100);
      request.nodes.push_back(node);
    }
    const RollupResult result = RollUp(request);
    ASSERT_TRUE(result.ok());
    const auto is_open = [&](auto& self, size_t node) -> bool {
      if (request.nodes[node].committed) return false;
      for (size_t c = 1; c < request.nodes.size(); ++c) {
        if (request.families[request.nodes[c].family].parent == node && !self(self, c))
          return false;
      }
      return true;
    };
    const auto counts = [&](auto& self, size_t node) -> int64_t {
      if (request.nodes[node].committed) return *request.nodes[node].committed;
      for (size_t f = 0; f < request.families.size(); ++f) {
        if (request.families[f].parent != node) continue;
        bool any = false;
        int64_t sum = 0;
        for (size_t c = 1; c < request.nodes.size(); ++c) {
          if (request.nodes[c].family != f) continue;
          any |= !is_open(is_open, c);
          sum += self(self, c);
        }
        if (any) return sum;
      }
      return 0;
    };
    for (size_t i = 0; i < request.nodes.size(); ++i) {
      ASSERT_EQ(result.nodes[i].committed, counts(counts, i));
      ASSERT_EQ(result.nodes[i].basis == RollupBasis::kOpen, is_open(is_open, i));
      ASSERT_EQ(result.nodes[i].gap, request.nodes[i].target - result.nodes[i].committed);
      ASSERT_LE(result.nodes[i].open_leaves, result.nodes[i].leaves);
    }
  }
}

}  // namespace
}  // namespace milepost::target
