// A plan in memory under thousands of random operations: after each every sum holds, bounds hold,
// locked and closed nodes keep their values; undone, everything is as it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/adjust.h"
#include "target-svc/domain/member_move.h"
#include "target-svc/domain/testing_domain.h"
#include "target-svc/domain/tree_solve.h"
#include "target-svc/domain/working_calendar.h"

namespace milepost::target {
namespace {

using absl::CivilDay;

const DayRange kYear{CivilDay(2026, 1, 1), CivilDay(2026, 12, 31)};
constexpr size_t kMaxModelNodes = 90;

enum Operation { kSplit, kLock, kBounds, kAdjust, kClose, kMove, kReplan, kUndo, kOperations };

bool operator==(const TreeFamily& a, const TreeFamily& b) {
  return a.parent == b.parent && a.stretch_ppm == b.stretch_ppm &&
         a.rounding_unit == b.rounding_unit;
}

bool Same(const ValueTree& a, const ValueTree& b) {
  return a.nodes == b.nodes && a.periods == b.periods &&
         std::equal(a.families.begin(), a.families.end(), b.families.begin(), b.families.end(),
                    [](const TreeFamily& x, const TreeFamily& y) { return x == y; });
}

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {
    tree_.nodes = {{.value = Between(1'000, 1'000'000)}};
    tree_.periods = {kYear};
    AddParts(0, 3, false);
    for (uint32_t unit = 1; unit <= 3; ++unit) AddParts(unit, 2, false);
    initial_ = tree_;
  }

  // Makes one operation; a fatal failure if anything does not hold afterwards.
  void Step() {
    const ValueTree before = tree_;
    const size_t undos = undos_.size();
    const Operation operation = static_cast<Operation>(Between(0, kOperations - 1));
    Run(operation);
    if (undos_.size() != undos) ++done_[operation];
    if (undos_.size() > undos) before_.push_back(before);
    ASSERT_TRUE(FindBrokenSums(tree_).empty()) << operation;
    std::vector<char> closed(tree_.nodes.size(), 0);
    for (size_t i = 0; i < tree_.nodes.size(); ++i) {
      const ValueNode& node = tree_.nodes[i];
      closed[i] = node.closed || (i > 0 && closed[tree_.families[node.family].parent]);
      ASSERT_GE(node.value, 0);
      if (!closed[i] && !node.locked) {
        ASSERT_GE(node.value, node.min.value_or(0)) << operation;
        ASSERT_LE(node.value, node.max.value_or(kMaxTreeValue)) << operation;
      }
      if (operation == kUndo || i >= before.nodes.size()) continue;
      if (before.nodes[i].closed || (before.nodes[i].locked && operation != kMove)) {
        ASSERT_EQ(node.value, before.nodes[i].value) << operation;
      }
    }
  }

  void UndoAll() {
    while (!undos_.empty()) ASSERT_NO_FATAL_FAILURE(Undo());
    ASSERT_TRUE(Same(tree_, initial_));
  }

  const std::array<int, kOperations>& done() const { return done_; }

 private:
  int64_t Between(int64_t low, int64_t high) { return target::Between(random_, low, high); }
  uint32_t AnyNode(int64_t first = 0) {
    return static_cast<uint32_t>(Between(first, static_cast<int64_t>(tree_.nodes.size()) - 1));
  }

  bool IsLeaf(uint32_t node) const {
    return std::none_of(tree_.families.begin(), tree_.families.end(),
                        [&](const TreeFamily& family) { return family.parent == node; });
  }

  void Run(Operation operation) {
    switch (operation) {
      case kSplit:
        return Split();
      case kLock:
        return Change([this](ValueNode& node) { node.locked = !node.locked; });
      case kBounds:
        return Change([this](ValueNode& node) {
          node.min = node.max = std::nullopt;
          if (Between(0, 1) == 0) node.min = Between(node.value / 2, node.value);
          if (Between(0, 1) == 0) node.max = Between(node.value, node.value * 3 / 2 + 3);
        });
      case kAdjust:
        return Adjust();
      case kClose:
        return Close();
      case kMove:
        return Move();
      case kReplan:
        return Replan();
      case kUndo:
        if (!undos_.empty()) Undo();
        return;
      case kOperations:
        return;
    }
  }

  // Children of a leaf, by months or several for its whole period; what is over is closed.
  void AddParts(uint32_t leaf, int count, bool by_months) {
    TreeRequest request{.total = tree_.nodes[leaf].value, .families = {{.parent = 0}}};
    request.nodes = {{}};
    request.families[0].rounding_unit = Between(0, 2) == 0 ? Between(1, 50) : 1;
    if (Between(0, 5) == 0) request.families[0].stretch_ppm = Between(1'000'000, 1'200'000);
    std::vector<DayRange> periods(static_cast<size_t>(count), tree_.periods[leaf]);
    if (by_months) {
      periods.clear();
      for (const Period& period : Periods(tree_.periods[leaf], PeriodKind::kMonth)) {
        periods.push_back(period.days);
      }
    }
    for (size_t i = 0; i < periods.size(); ++i) {
      request.nodes.push_back({.family = 0, .weight = Between(0, 9)});
    }
    const TreeResult solved = SolveTree(request);
    const uint32_t family = static_cast<uint32_t>(tree_.families.size());
    tree_.families.push_back(request.families[0]);
    tree_.families.back().parent = leaf;
    for (size_t i = 0; i < periods.size(); ++i) {
      tree_.nodes.push_back(
          {.family = family, .value = solved.values[i + 1], .closed = periods[i].last < today_});
      tree_.periods.push_back(periods[i]);
    }
  }

  void Split() {
    const uint32_t leaf = AnyNode();
    if (!IsLeaf(leaf) || tree_.nodes[leaf].closed || tree_.nodes.size() > kMaxModelNodes) return;
    const size_t nodes = tree_.nodes.size();
    AddParts(leaf, static_cast<int>(Between(1, 4)), Between(0, 1) == 0);
    undos_.push_back([this, nodes] {
      tree_.families.pop_back();
      tree_.nodes.resize(nodes);
      tree_.periods.resize(nodes);
    });
  }

  // A node that is not closed, by hand.
  template <typename Make>
  void Change(const Make& make) {
    const uint32_t node = AnyNode(1);
    if (tree_.nodes[node].closed) return;
    const ValueNode old = tree_.nodes[node];
    make(tree_.nodes[node]);
    // Bounds of a locked node are not looked at; they must hold again without the lock.
    const ValueNode& now = tree_.nodes[node];
    if (now.value < now.min.value_or(0) || now.value > now.max.value_or(kMaxTreeValue)) {
      tree_.nodes[node] = old;
      return;
    }
    undos_.push_back([this, node, old] { tree_.nodes[node] = old; });
  }

  void Keep(const ChangeResult& change) {
    ApplyChange(tree_, change);
    undos_.push_back([this, change] { UndoChange(tree_, change); });
  }

  void Adjust() {
    const uint32_t node = AnyNode();
    const int64_t value = tree_.nodes[node].value;
    const ChangeResult change = target::Adjust(
        tree_,
        {node, Between(value * 3 / 4, value * 5 / 4 + 2), static_cast<GivesWay>(Between(0, 2))});
    ASSERT_TRUE(change.tree_violations.empty());
    if (!change.ok() || !change.broken.empty()) return;
    Keep(change);
  }

  void Close() {
    const CivilDay old = today_;
    today_ = std::min(today_ + Between(0, 12), CivilDay(2026, 11, 15));
    std::vector<uint32_t> closed;
    for (uint32_t i = 1; i < tree_.nodes.size(); ++i) {
      if (tree_.nodes[i].closed || tree_.periods[i].last >= today_) continue;
      tree_.nodes[i].closed = true;
      closed.push_back(i);
    }
    undos_.push_back([this, old, closed] {
      today_ = old;
      for (const uint32_t node : closed) tree_.nodes[node].closed = false;
    });
  }

  void Move() {
    if (tree_.nodes.size() > kMaxModelNodes) return;
    const MoveRequest request{.node = AnyNode(),
                              .new_family = static_cast<uint32_t>(
                                  Between(0, static_cast<int64_t>(tree_.families.size()) - 1)),
                              .first_day = today_ + Between(0, 120)};
    const MoveResult move = MoveBranch(tree_, calendar_, request);
    if (!move.ok()) return;
    const int64_t root = tree_.nodes[0].value;
    ApplyMove(tree_, request, move);
    for (const MovedNode& moved : move.moved) ASSERT_GE(std::min(moved.past, moved.future), 0);
    undos_.push_back([this, move] { UndoMove(tree_, move); });
    // Stretches apart, nothing is lost or made.
    const bool stretched =
        std::any_of(tree_.families.begin(), tree_.families.end(),
                    [](const TreeFamily& family) { return family.stretch_ppm != kPpm; });
    ASSERT_TRUE(stretched || tree_.nodes[0].value == root);
  }

  void Replan() {
    ReplanRequest request;
    std::vector<char> closed(tree_.nodes.size(), 0);
    for (uint32_t i = 1; i < tree_.nodes.size(); ++i) {
      const bool below = closed[tree_.families[tree_.nodes[i].family].parent];
      closed[i] = tree_.nodes[i].closed || below;
      if (!closed[i] || below || Between(0, 2) == 0) continue;
      const int64_t value = tree_.nodes[i].value;
      request.achieved.push_back({i, Between(value * 4 / 5, value * 6 / 5 + 1)});
    }
    const ChangeResult change = target::Replan(tree_, request);
    ASSERT_TRUE(change.tree_violations.empty() && change.violations.empty());
    if (change.ok()) Keep(change);
  }

  void Undo() {
    undos_.back()();
    undos_.pop_back();
    ASSERT_TRUE(Same(tree_, before_.back()));
    before_.pop_back();
  }

  Random random_;
  WorkingCalendar calendar_{CalendarDefinition{}};
  ValueTree tree_;
  ValueTree initial_;
  CivilDay today_{2026, 1, 1};
  std::vector<std::function<void()>> undos_;
  std::vector<ValueTree> before_;  // Of each operation that can be undone.
  std::array<int, kOperations> done_{};
};

TEST(PlanModel, ThousandsOfOperationsKeepEverySumAndCanBeUndone) {
  std::array<int, kOperations> done{};
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    for (int step = 0; step < 250; ++step) {
      SCOPED_TRACE(step);
      ASSERT_NO_FATAL_FAILURE(model.Step());
    }
    for (int i = 0; i < kOperations; ++i) done[i] += model.done()[i];
    ASSERT_NO_FATAL_FAILURE(model.UndoAll());
  }
  for (int i = 0; i < kOperations; ++i) EXPECT_GT(done[i], 40) << i;
}

}  // namespace
}  // namespace milepost::target
