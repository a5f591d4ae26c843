#include "target-svc/domain/member_move.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"

namespace milepost::target {
namespace {

using absl::int128;
using Kind = ChangeViolationKind;

class Mover {
 public:
  Mover(const ValueTree& tree, const WorkingCalendar& calendar, const MoveRequest& request)
      : tree_(tree), calendar_(calendar), request_(request) {}

  MoveResult Run() {
    if (Check() && ReadBranch() && Divide()) Follow();
    if (!result_.ok()) {
      result_.moved.clear();
      result_.change.changes.clear();
    }
    return std::move(result_);
  }

 private:
  bool Refuse(Kind kind, uint32_t node, std::string message) {
    result_.change.violations.push_back({kind, node, 0, std::move(message)});
    return false;
  }

  bool Check() {
    // An empty change carries nothing up, and finds what is wrong with the tree.
    result_.change = Carry(tree_, {});
    if (!result_.ok()) return false;
    if (request_.node >= tree_.nodes.size() || request_.new_family >= tree_.families.size()) {
      return Refuse(Kind::kUnknownNode, request_.node, "there is no such node or family");
    }
    if (tree_.periods.size() != tree_.nodes.size()) {
      return Refuse(Kind::kNoPeriods, request_.node,
                    absl::StrCat("there are ", tree_.periods.size(), " periods for ",
                                 tree_.nodes.size(), " nodes"));
    }
    for (uint32_t i = 0; i < tree_.nodes.size(); ++i) {
      const DayRange& days = tree_.periods[i];
      if (days.first <= days.last && days.first.year() >= kFirstYear &&
          days.last.year() <= kLastYear) {
        continue;
      }
      return Refuse(
          Kind::kNoPeriods, i,
          absl::StrCat("is for ", absl::FormatCivilTime(days.first), " to ",
                       absl::FormatCivilTime(days.last),
                       ", must not be empty and lie in the years ", kFirstYear, " to ", kLastYear));
    }
    return true;
  }

  // The branch, each node after its parent; closed nodes are leaves.
  bool ReadBranch() {
    children_.resize(tree_.families.size());
    families_.resize(tree_.nodes.size());
    for (uint32_t i = 1; i < tree_.nodes.size(); ++i) children_[tree_.nodes[i].family].push_back(i);
    for (uint32_t f = 0; f < tree_.families.size(); ++f) {
      if (!children_[f].empty()) families_[tree_.families[f].parent].push_back(f);
    }
    closed_.assign(tree_.nodes.size(), 0);
    for (uint32_t i = 0; i < tree_.nodes.size(); ++i) {
      closed_[i] =
          tree_.nodes[i].closed || (i > 0 && closed_[tree_.families[tree_.nodes[i].family].parent]);
    }
    if (closed_[request_.node]) {
      return Refuse(Kind::kNodeClosed, request_.node, "is for a period that is over");
    }
    if (request_.node == 0) return Refuse(Kind::kMoveWithin, 0, "the root cannot move");
    if (tree_.nodes[request_.node].family == request_.new_family) {
      return Refuse(Kind::kMoveWithin, request_.node, "is already there");
    }
    const uint32_t new_parent = tree_.families[request_.new_family].parent;
    if (children_[request_.new_family].empty() && tree_.nodes[new_parent].value > 0) {
      return Refuse(Kind::kMoveToUnsplit, new_parent,
                    absl::StrCat("has ", tree_.nodes[new_parent].value, " and no parts"));
    }
    branch_ = {request_.node};
    for (size_t next = 0; next < branch_.size(); ++next) {
      const uint32_t node = branch_[next];
      if (node == new_parent) return Refuse(Kind::kMoveWithin, node, "cannot move into itself");
      if (closed_[node]) {
        if (tree_.periods[node].last >= request_.first_day) {
          return Refuse(
              Kind::kClosedPeriodMoves, node,
              absl::StrCat("is closed and lasts until ",
                           absl::FormatCivilTime(tree_.periods[node].last), ", the move begins on ",
                           absl::FormatCivilTime(request_.first_day)));
        }
        continue;
      }
      for (const uint32_t family : families_[node]) {
        branch_.insert(branch_.end(), children_[family].begin(), children_[family].end());
      }
    }
    return true;
  }

  int64_t UnitOf(uint32_t node) const {
    const uint32_t family = tree_.nodes[node].family;
    return family == kNoFamily ? 1 : tree_.families[family].rounding_unit;
  }

  // Of the days before the move, and of all.
  std::pair<int64_t, int64_t> WeightsOf(const DayRange& days) {
    const auto [found, is_new] = weights_.try_emplace({days.first, days.last});
    if (is_new) {
      found->second = {calendar_.WeightPpm({days.first, request_.first_day - 1}),
                       calendar_.WeightPpm(days)};
      if (found->second.second == 0) {
        found->second = {request_.first_day - days.first, days.last - days.first + 1};
      }
    }
    return found->second;
  }

  // By working days.
  int64_t PastOf(uint32_t node) {
    const int64_t value = tree_.nodes[node].Counted();
    const DayRange& days = tree_.periods[node];
    if (closed_[node] || days.last < request_.first_day) return value;
    if (days.first >= request_.first_day) return 0;
    const auto [part, all] = WeightsOf(days);
    const int64_t unit = UnitOf(node);
    const int128 units = (int128(value) * part * 2 / all + unit) / (int128(unit) * 2);
    return static_cast<int64_t>(std::min<int128>(units * unit, value));
  }

  // What each node of the branch is found to have earned, from below.
  void SetFound() {
    for (const uint32_t node : branch_) {
      if (closed_[node] || tree_.periods[node].last < request_.first_day ||
          (node != request_.node &&
           over_.contains(tree_.families[tree_.nodes[node].family].parent)))
        over_[node] = true;
    }
    for (size_t i = branch_.size(); i-- > 0;) {
      const uint32_t node = branch_[i];
      found_[node] = PastOf(node);
      if (closed_[node]) continue;
      for (const uint32_t family : families_[node]) {
        bool refined = false;
        int128 sum = 0;
        for (const uint32_t child : children_[family]) {
          refined |= refined_.contains(child) || tree_.periods[child] != tree_.periods[node];
          sum += found_.at(child);
        }
        if (!refined) continue;
        refined_[node] = true;
        const int64_t stretch_ppm = tree_.families[family].stretch_ppm;
        const int128 value = (sum * kPpm + stretch_ppm / 2) / stretch_ppm;
        found_[node] = static_cast<int64_t>(std::min<int128>(value, tree_.nodes[node].Counted()));
        break;
      }
    }
  }

  bool Divide() {
    SetFound();
    absl::flat_hash_map<uint32_t, int64_t> past = {{request_.node, found_.at(request_.node)}};
    absl::flat_hash_map<uint32_t, int64_t> future = {
        {request_.node, tree_.nodes[request_.node].Counted() - found_.at(request_.node)}};
    for (const uint32_t node : branch_) {
      if (closed_[node]) continue;
      for (const uint32_t family : families_[node]) {
        const bool fits = Share(family, past.at(node), past,
                                [&](uint32_t child) {
                                  const int64_t value = tree_.nodes[child].Counted();
                                  SplitPart part{.weight = found_.at(child), .max = value};
                                  if (closed_[child]) part.lock = value;
                                  return part;
                                }) &&
                          Share(family, future.at(node), future, [&](uint32_t child) {
                            SplitPart part{.weight = tree_.nodes[child].Counted() - past.at(child)};
                            if (over_.contains(child)) part.lock = 0;
                            return part;
                          });
        if (!fits) {
          return Refuse(Kind::kPastDoesNotFit, node,
                        "has breakdowns that did not earn what it has earned");
        }
      }
    }
    for (const uint32_t node : branch_) {
      result_.moved.push_back({node, past.at(node), future.at(node), over_.contains(node),
                               tree_.nodes[node].min, tree_.nodes[node].max});
    }
    return true;
  }

  // Gives the children of a family their parts of what the parent has: their weights, if these add
  // up to it already.
  template <typename PartOf>
  bool Share(uint32_t family, int64_t value, absl::flat_hash_map<uint32_t, int64_t>& values,
             const PartOf& part_of) const {
    SplitRequest split{.parent_value = value,
                       .stretch_ppm = tree_.families[family].stretch_ppm,
                       .rounding_unit = tree_.families[family].rounding_unit};
    int128 sum = 0;
    for (const uint32_t child : children_[family]) {
      split.parts.push_back(part_of(child));
      sum += split.parts.back().weight;
    }
    const std::optional<int64_t> wanted = SplitTarget(value, split.stretch_ppm);
    if (wanted && sum == *wanted) {
      for (size_t i = 0; i < split.parts.size(); ++i) {
        values[children_[family][i]] = split.parts[i].weight;
      }
      return true;
    }
    SplitResult parts = Split(split);
    if (!parts.ok()) {
      // Maxima need not be whole rounding units.
      split.rounding_unit = 1;
      parts = Split(split);
    }
    if (!parts.ok()) return false;
    for (size_t i = 0; i < split.parts.size(); ++i) {
      values[children_[family][i]] = parts.values[i].value;
    }
    return true;
  }

  void Follow() {
    CarryRequest carry;
    carry.fixed = {{.node = request_.node,
                    .value = result_.moved[0].past,
                    .reason = ChangeReason::kMovedAway,
                    .with_branch = false}};
    carry.added = {{request_.new_family, result_.moved[0].future}};
    carry.kept.assign(tree_.nodes.size(), 0);
    carry.at_least.assign(tree_.nodes.size(), 0);
    for (uint32_t i = 0; i < tree_.nodes.size(); ++i) {
      carry.kept[i] = tree_.periods[i].last < request_.first_day;
      carry.at_least[i] = PastOf(i);
    }
    result_.change = Carry(tree_, carry);
    if (!result_.change.collisions.empty()) {
      carry.at_least.clear();
      result_.change = Carry(tree_, carry);
    }
    if (!result_.ok()) return;
    for (const MovedNode& moved : result_.moved) {
      const ValueNode& node = tree_.nodes[moved.node];
      if (moved.node == request_.node || closed_[moved.node] || moved.past == node.value) continue;
      result_.change.changes.push_back(
          {moved.node, node.value, moved.past, ChangeReason::kMovedAway, request_.node});
    }
    std::sort(result_.change.changes.begin(), result_.change.changes.end(),
              [](const ValueChange& a, const ValueChange& b) { return a.node < b.node; });
  }

  const ValueTree& tree_;
  const WorkingCalendar& calendar_;
  const MoveRequest& request_;
  MoveResult result_;
  std::vector<std::vector<uint32_t>> children_;  // Of each family.
  std::vector<std::vector<uint32_t>> families_;  // Of each node, those with children.
  std::vector<char> closed_;
  std::vector<uint32_t> branch_;
  absl::flat_hash_map<uint32_t, int64_t> found_;
  absl::flat_hash_map<uint32_t, bool> refined_;
  absl::flat_hash_map<uint32_t, bool> over_;
  std::map<std::pair<absl::CivilDay, absl::CivilDay>, std::pair<int64_t, int64_t>> weights_;
};

}  // namespace

MoveResult MoveBranch(const ValueTree& tree, const WorkingCalendar& calendar,
                      const MoveRequest& request) {
  return Mover(tree, calendar, request).Run();
}

void ApplyMove(ValueTree& tree, const MoveRequest& request, const MoveResult& move) {
  ApplyChange(tree, move.change);
  absl::flat_hash_map<uint32_t, uint32_t> copies;    // Of nodes.
  absl::flat_hash_map<uint32_t, uint32_t> families;  // Of families.
  for (const MovedNode& moved : move.moved) {
    tree.nodes[moved.node].min = tree.nodes[moved.node].max = std::nullopt;
    if (moved.over) continue;
    ValueNode copy = tree.nodes[moved.node];
    const uint32_t parent = tree.families[copy.family].parent;
    if (moved.node == request.node) {
      copy.family = request.new_family;
    } else {
      const auto [family, is_new] =
          families.emplace(copy.family, static_cast<uint32_t>(tree.families.size()));
      if (is_new) {
        tree.families.push_back(tree.families[copy.family]);
        tree.families.back().parent = copies.at(parent);
      }
      copy.family = family->second;
    }
    copy.value = moved.future;

    copies.emplace(moved.node, static_cast<uint32_t>(tree.nodes.size()));
    DayRange period = tree.periods[moved.node];
    period.first = std::max(period.first, request.first_day);
    tree.nodes.push_back(copy);
    tree.periods.push_back(period);
  }
}

void UndoMove(ValueTree& tree, const MoveResult& move) {
  UndoChange(tree, move.change);
  size_t copies = 0;
  absl::flat_hash_map<uint32_t, bool> families;
  for (const MovedNode& moved : move.moved) {
    tree.nodes[moved.node].min = moved.min;
    tree.nodes[moved.node].max = moved.max;
    if (moved.over) continue;
    ++copies;
    if (moved.node != move.moved[0].node) families[tree.nodes[moved.node].family] = true;
  }
  tree.nodes.resize(tree.nodes.size() - copies);
  tree.periods.resize(tree.periods.size() - copies);
  tree.families.resize(tree.families.size() - families.size());
}

}  // namespace milepost::target
