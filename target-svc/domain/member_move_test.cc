#include "target-svc/domain/member_move.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using absl::CivilDay;

const WorkingCalendar& Calendar() {
  static const WorkingCalendar calendar{CalendarDefinition{}};
  return calendar;
}

// company = west + east; west = ann + bob, east = cho; all for the first half of 2026. ann by
// months. 0 company, 1 west, 2 east, 3 ann, 4 bob, 5 cho, 6..11 ann's months.
ValueTree Company() {
  const DayRange half{CivilDay(2026, 1, 1), CivilDay(2026, 6, 30)};
  ValueTree tree{.families = {{.parent = 0}, {.parent = 1}, {.parent = 2}, {.parent = 3}},
                 .nodes = {{.value = 3'000},
                           {.family = 0, .value = 2'000},
                           {.family = 0, .value = 1'000},
                           {.family = 1, .value = 1'200},
                           {.family = 1, .value = 800},
                           {.family = 2, .value = 1'000}},
                 .periods = std::vector<DayRange>(6, half)};
  for (int month = 1; month <= 6; ++month) {
    tree.nodes.push_back({.family = 3, .value = 200});
    tree.periods.push_back({CivilDay(2026, month, 1), CivilDay(2026, month + 1, 1) - 1});
  }
  return tree;
}

std::vector<int64_t> ValuesOf(const ValueTree& tree) {
  std::vector<int64_t> values;
  for (const ValueNode& node : tree.nodes) values.push_back(node.value);
  return values;
}

TEST(MoveBranch, MonthsThatAreOverStayAndMonthsToComeMove) {
  ValueTree tree = Company();
  const MoveRequest request{.node = 3, .new_family = 2, .first_day = CivilDay(2026, 4, 1)};
  const MoveResult move = MoveBranch(tree, Calendar(), request);
  ASSERT_TRUE(move.ok());
  EXPECT_EQ(move.moved[0].past, 600);
  EXPECT_EQ(move.moved[0].future, 600);
  ApplyMove(tree, request, move);
  EXPECT_EQ(ValuesOf(tree), (std::vector<int64_t>{3'000, 1'400, 1'600, 600, 800, 1'000, 200, 200,
                                                  200, 0, 0, 0, 600, 200, 200, 200}));
  EXPECT_TRUE(FindBrokenSums(tree).empty());
  EXPECT_EQ(tree.nodes[12].family, 2u);
  EXPECT_EQ(tree.periods[12].first, CivilDay(2026, 4, 1));
  UndoMove(tree, move);
  EXPECT_EQ(tree.nodes, Company().nodes);
  EXPECT_EQ(tree.families.size(), Company().families.size());
}

TEST(MoveBranch, AMonthUnderWayIsDividedByItsWorkingDays) {
  ValueTree tree = Company();
  // April 2026 has 22 working days, 10 of them before the 15th.
  const MoveRequest request{.node = 3, .new_family = 2, .first_day = CivilDay(2026, 4, 15)};
  const MoveResult move = MoveBranch(tree, Calendar(), request);
  ASSERT_TRUE(move.ok());
  EXPECT_EQ(move.moved[0].past, 691);  // 600 + 200 × 10 / 22.
  ApplyMove(tree, request, move);
  EXPECT_TRUE(FindBrokenSums(tree).empty());
  EXPECT_EQ(tree.nodes[9].value, 91);
}

TEST(MoveBranch, OtherBreakdownsOfTheSumsFollowInWhatIsNotOver) {
  ValueTree tree = Company();
  // west by quarters: 900 and 1,100.
  tree.families.push_back({.parent = 1});
  tree.nodes.push_back({.family = 4, .value = 900});
  tree.nodes.push_back({.family = 4, .value = 1'100});
  tree.periods.push_back({CivilDay(2026, 1, 1), CivilDay(2026, 3, 31)});
  tree.periods.push_back({CivilDay(2026, 4, 1), CivilDay(2026, 6, 30)});
  const MoveRequest request{.node = 3, .new_family = 2, .first_day = CivilDay(2026, 4, 1)};
  const MoveResult move = MoveBranch(tree, Calendar(), request);
  ASSERT_TRUE(move.ok());
  ApplyMove(tree, request, move);
  EXPECT_TRUE(FindBrokenSums(tree).empty());
  EXPECT_EQ(tree.nodes[12].value, 900);
  EXPECT_EQ(tree.nodes[13].value, 500);
}

TEST(MoveBranch, AllBreakdownsOfTheMemberHaveTheSamePast) {
  ValueTree tree = Company();
  // ann by product, too, each for the whole half year.
  tree.families.push_back({.parent = 3});
  tree.nodes.push_back({.family = 4, .value = 1'001});
  tree.nodes.push_back({.family = 4, .value = 199});
  tree.periods.resize(tree.nodes.size(), tree.periods[0]);
  const MoveRequest request{.node = 3, .new_family = 2, .first_day = CivilDay(2026, 3, 1)};
  const MoveResult move = MoveBranch(tree, Calendar(), request);
  ASSERT_TRUE(move.ok());
  EXPECT_EQ(move.moved[0].past, 400);
  ApplyMove(tree, request, move);
  EXPECT_TRUE(FindBrokenSums(tree).empty());
  EXPECT_EQ(tree.nodes[12].value + tree.nodes[13].value, 400);
}

TEST(MoveBranch, RefusesWhatCannotMove) {
  ValueTree tree = Company();
  const auto kind = [&](const MoveRequest& request) {
    const MoveResult move = MoveBranch(tree, Calendar(), request);
    return move.ok() ? -1 : static_cast<int>(move.change.violations[0].kind);
  };
  const CivilDay day(2026, 4, 1);
  EXPECT_EQ(kind({0, 2, day}), static_cast<int>(ChangeViolationKind::kMoveWithin));
  EXPECT_EQ(kind({3, 1, day}), static_cast<int>(ChangeViolationKind::kMoveWithin));
  EXPECT_EQ(kind({1, 3, day}), static_cast<int>(ChangeViolationKind::kMoveWithin));
  EXPECT_EQ(kind({99, 3, day}), static_cast<int>(ChangeViolationKind::kUnknownNode));
  tree.nodes[1].locked = true;
  EXPECT_EQ(kind({3, 2, day}), static_cast<int>(ChangeViolationKind::kAncestorLocked));
  tree.nodes[1].locked = false;
  tree.nodes[2].max = 1'500;
  EXPECT_EQ(kind({3, 2, day}), static_cast<int>(ChangeViolationKind::kOutOfBounds));
  tree.nodes[9].closed = true;
  EXPECT_EQ(kind({3, 2, day}), static_cast<int>(ChangeViolationKind::kClosedPeriodMoves));
  tree.families.push_back({.parent = 4});
  EXPECT_EQ(kind({5, 4, day}), static_cast<int>(ChangeViolationKind::kMoveToUnsplit));
  tree.periods.pop_back();
  EXPECT_EQ(kind({3, 2, day}), static_cast<int>(ChangeViolationKind::kNoPeriods));
}

// Nothing is lost or made on the way, and what is over stays.
TEST(MoveBranchProperty, PastAndFutureAreTheWhole) {
  Random random(61);
  int made = 0;
  constexpr int kCases = 10'000;
  for (int n = 0; n < kCases; ++n) {
    ValueTree tree = Company();
    for (int extra = 0; extra < 2; ++extra) {
      if (Between(random, 0, 1) == 0) continue;
      tree.families.push_back({.parent = static_cast<uint32_t>(Between(random, 1, 5))});
      const uint32_t family = static_cast<uint32_t>(tree.families.size() - 1);
      for (int i = 0; i < 3; ++i) {
        tree.nodes.push_back({.family = family, .value = 0});
        tree.periods.push_back(tree.periods[0]);
      }
    }
    // Values anew, from random weights.
    TreeRequest request{.total = Between(random, 0, 1'000'000), .families = tree.families};
    for (TreeFamily& family : request.families) {
      if (Between(random, 0, 3) == 0) family.rounding_unit = Between(random, 1, 500);
    }
    tree.families = request.families;
    for (const ValueNode& node : tree.nodes) {
      request.nodes.push_back({.family = node.family, .weight = Between(random, 0, 9)});
    }
    const TreeResult solved = SolveTree(request);
    for (size_t i = 0; i < tree.nodes.size(); ++i) tree.nodes[i].value = solved.values[i];
    ASSERT_TRUE(FindBrokenSums(tree).empty());

    const MoveRequest move_request{.node = static_cast<uint32_t>(Between(random, 3, 4)),
                                   .new_family = 2,
                                   .first_day = CivilDay(2026, 1, 1) + Between(random, -5, 200)};
    const MoveResult move = MoveBranch(tree, Calendar(), move_request);
    ASSERT_TRUE(move.ok()) << move.change.violations[0].message;
    ++made;
    const ValueTree before = tree;
    ApplyMove(tree, move_request, move);
    ASSERT_TRUE(FindBrokenSums(tree).empty());
    ASSERT_EQ(tree.nodes[0].value, before.nodes[0].value);
    for (const MovedNode& moved : move.moved) {
      ASSERT_EQ(moved.past + moved.future, before.nodes[moved.node].value);
      ASSERT_GE(moved.past, 0);
      ASSERT_GE(moved.future, 0);
      ASSERT_TRUE(moved.future == 0 || before.periods[moved.node].last >= move_request.first_day);
    }
    UndoMove(tree, move);
    ASSERT_EQ(tree.nodes, before.nodes);
    ASSERT_EQ(tree.periods, before.periods);
    ASSERT_EQ(tree.families.size(), before.families.size());
  }
  EXPECT_EQ(made, kCases);
}

}  // namespace
}  // namespace milepost::target
