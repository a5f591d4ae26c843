#include "target-svc/domain/day_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "target-svc/domain/shares.h"
#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using ::testing::Each;
using ::testing::ElementsAre;

const DayRange kMonth{CivilDay(2018, 1, 1), CivilDay(2018, 1, 31)};
const WorkingCalendar kWeekdays{CalendarDefinition{}};

// Node 0 is Anna's; the others are below it.
class Tree {
 public:
  explicit Tree(int64_t target) {
    Plan plan;
    plan.id = "p";
    plan.period = kMonth;
    plan.target_units = target;
    nodes_.push_back(RootOf(plan));
    nodes_.front().scope.member_id = "anna";
    nodes_.front().parent_id = "company";
    nodes_.front().path = "0000";
  }

  // Breaks the node down evenly; returns the first child.
  size_t Split(size_t parent, Dimension dimension, const std::vector<PartSpec>& parts) {
    const SplitRule rule{.dimension = dimension, .breakdown_id = DimensionWord(dimension)};
    const char slot = *FreeSlot(nodes_[parent]);
    const auto children =
        MakeChildren(nodes_[parent], rule, slot, parts, EvenWeights(parts.size()).weights);
    EXPECT_TRUE(children.ok()) << children.status();
    nodes_[parent].breakdowns.push_back({.id = rule.breakdown_id,
                                         .slot = slot,
                                         .dimension = dimension,
                                         .child_count = static_cast<int64_t>(parts.size())});
    for (Node child : *children) {
      child.id = absl::StrCat("n", nodes_.size());
      nodes_.push_back(std::move(child));
    }
    return nodes_.size() - parts.size();
  }

  Node& operator[](size_t i) { return nodes_[i]; }
  size_t size() const { return nodes_.size(); }

  std::vector<int64_t> Days(DayRange days) const {
    std::vector<Node> sorted = nodes_;
    std::sort(sorted.begin(), sorted.end(),
              [](const Node& a, const Node& b) { return a.path < b.path; });
    return DayTargets(sorted, kWeekdays, days);
  }

 private:
  std::vector<Node> nodes_;
};

std::vector<PartSpec> Products(int count) {
  std::vector<PartSpec> parts;
  for (int i = 0; i < count; ++i) parts.push_back({.key = absl::StrCat("product-", i)});
  return parts;
}

int64_t SumOf(const std::vector<int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), int64_t{0});
}

TEST(DayTargets, WithoutPeriodsAreSharedOverWorkingDays) {
  Tree tree(23);  // January 2018 has 23 weekdays and begins on a Monday.
  EXPECT_THAT(tree.Days({CivilDay(2018, 1, 1), CivilDay(2018, 1, 7)}),
              ElementsAre(1, 1, 1, 1, 1, 0, 0));
  EXPECT_EQ(SumOf(tree.Days(kMonth)), 23);
  EXPECT_THAT(tree.Days({CivilDay(2019, 1, 1), CivilDay(2019, 1, 7)}), Each(0));
}

TEST(DayTargets, AreThoseOfTheDaysOfThePlan) {
  Tree tree(310);
  const size_t day = tree.Split(0, Dimension::kPeriod, PeriodParts(kMonth, PeriodKind::kDay));
  tree[day].target_units = 70;  // An evening of the trade fair, agreed apart.
  EXPECT_THAT(tree.Days({CivilDay(2018, 1, 1), CivilDay(2018, 1, 3)}), ElementsAre(70, 10, 10));
}

TEST(DayTargets, OneOfSeveralBreakdownsCounts) {
  Tree tree(310);
  tree.Split(0, Dimension::kProduct, Products(2));
  EXPECT_EQ(SumOf(tree.Days(kMonth)), 310) << "no product says when";
  tree.Split(0, Dimension::kPeriod, PeriodParts(kMonth, PeriodKind::kDay));
  EXPECT_THAT(tree.Days(kMonth), Each(10)) << "not once more for the products";
}

TEST(DayTargets, OfNodesInSeveralPlacesAddUp) {
  // Anna under two quarters of one breakdown, and again under a product of another.
  Node first;
  first.id = "a";
  first.parent_id = "q1";
  first.path = "00000000";
  first.scope = {.period = {CivilDay(2018, 1, 1), CivilDay(2018, 1, 1)}, .member_id = "anna"};
  first.target_units = 5;
  Node second = first;
  second.id = "b";
  second.parent_id = "q2";
  second.path = "00010000";
  second.scope.period = {CivilDay(2018, 1, 2), CivilDay(2018, 1, 2)};
  Node again = first;
  again.id = "c";
  again.parent_id = "product";
  again.path = "10000000";
  EXPECT_THAT(
      DayTargets({first, second, again}, kWeekdays, {CivilDay(2018, 1, 1), CivilDay(2018, 1, 3)}),
      ElementsAre(5, 5, 0));
}

TEST(DayTargets, AddUpToTheTargetHoweverItIsBrokenDown) {
  Random random(5);
  for (int n = 0; n < 500; ++n) {
    const int64_t target = Between(random, 0, 100'000);
    Tree tree(target);
    const int64_t splits = Between(random, 0, 6);
    for (int64_t i = 0; i < splits; ++i) {
      const auto at =
          static_cast<size_t>(Between(random, 0, static_cast<int64_t>(tree.size()) - 1));
      const bool by_product = OneIn(random, 2);
      const Dimension dimension = by_product ? Dimension::kProduct : Dimension::kPeriod;
      if (!CheckDimension(tree[at], dimension).ok()) continue;
      if (tree[at].FindBreakdown(DimensionWord(dimension)) != nullptr) continue;
      tree.Split(at, dimension,
                 by_product ? Products(static_cast<int>(Between(random, 1, 3)))
                            : PeriodParts(tree[at].scope.period,
                                          OneIn(random, 2) ? PeriodKind::kWeek : PeriodKind::kDay));
    }
    ASSERT_EQ(SumOf(tree.Days(kMonth)), target);
  }
}

}  // namespace
}  // namespace milepost::target
