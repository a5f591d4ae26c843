#include "target-svc/domain/plan_move.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/member_move.h"
#include "target-svc/domain/plan_tree.h"

namespace milepost::target {
namespace {

std::string DateOf(absl::CivilDay day) { return absl::FormatCivilTime(day); }

// The scope of a part in its place, on its days.
absl::StatusOr<Scope> ScopeIn(const Node& parent, const Node& child, DayRange days) {
  PartSpec part;
  part.key = child.key;
  part.period = days;
  absl::StatusOr<Scope> scope = NarrowScope(parent, child.dimension, part);
  if (!scope.ok()) return scope.status();
  if (days.first < parent.scope.period.first || days.last > parent.scope.period.last) {
    return error::PartOutside(
        parent.Name(), child.key,
        absl::StrCat("its days ", DateOf(days.first), " to ", DateOf(days.last),
                     " are not all from ", DateOf(parent.scope.period.first), " to ",
                     DateOf(parent.scope.period.last)));
  }
  scope->period = days;
  return scope;
}

class PlanMover {
 public:
  PlanMover(Plan& plan, const std::vector<Node>& nodes, const WorkingCalendar& calendar,
            const MoveCommand& command)
      : plan_(plan),
        nodes_(nodes),
        calendar_(calendar),
        command_(command),
        now_(nodes),
        touched_(nodes.size(), 0) {
    for (uint32_t i = 0; i < nodes.size(); ++i) index_[nodes[i].id] = i;
  }

  absl::StatusOr<NodeMove> Run() {
    if (absl::Status s = FindPlaces(); !s.ok()) return s;
    if (absl::Status s = Compute(); !s.ok()) return s;
    if (absl::Status s = Follow(); !s.ok()) return s;
    for (const MovedNode& moved : result_.moved) {
      if (absl::Status s = Place(moved); !s.ok()) return s;
    }
    CountChildren();
    if (absl::Status s = CheckSums(); !s.ok()) return s;
    return Collect();
  }

 private:
  absl::Status FindPlaces() {
    const auto node = index_.find(command_.node_id);
    const auto parent = index_.find(command_.new_parent_id);
    for (const auto& [found, id] :
         {std::pair(node, command_.node_id), std::pair(parent, command_.new_parent_id)}) {
      if (found == index_.end())
        return error::NotFound(resource::Name("plans", plan_.id, "nodes", id));
    }
    node_ = node->second;
    parent_ = parent->second;
    const Node& moving = nodes_[node_];
    const Node& target = nodes_[parent_];
    if (node_ == 0)
      return error::MoveImpossible(moving.Name(), {{"the root is all of the plan", 0}});
    if (moving.dimension == Dimension::kPeriod) {
      return error::MoveImpossible(moving.Name(),
                                   {{"it is a period: what it is for moves, not its days", 0}});
    }
    if (absl::Status s = CheckOpen(node_); !s.ok()) return s;
    if (absl::Status s = CheckOpen(parent_); !s.ok()) return s;
    if (moving.scope.period.last < command_.first_day) {
      return error::PartOutside(
          target.Name(), moving.key,
          absl::StrCat("its last day is ", DateOf(moving.scope.period.last),
                       ", before the first in the new place, ", DateOf(command_.first_day)));
    }
    return FindFamily();
  }

  absl::Status CheckOpen(uint32_t at) const {
    for (uint32_t node = at;; node = index_.at(nodes_[node].parent_id)) {
      if (nodes_[node].counted_units)
        return error::NodeClosed(nodes_[at].Name(), *nodes_[node].counted_units);
      if (nodes_[node].parent_id.empty()) return absl::OkStatus();
    }
  }

  // The breakdown of the new parent, a new one if it has none of that id.
  absl::Status FindFamily() {
    const Node& moving = nodes_[node_];
    Node& target = now_[parent_];
    breakdown_id_ = command_.breakdown_id.empty() ? moving.breakdown_id : command_.breakdown_id;
    const Breakdown* breakdown = target.FindBreakdown(breakdown_id_);
    if (breakdown == nullptr) {
      const std::optional<char> slot = FreeSlot(target);
      if (!slot) return error::TooManyBreakdowns(target.Name());
      target.breakdowns.push_back({breakdown_id_, *slot, moving.dimension, SplitMethod::kImported,
                                   kPpm, plan_.rounding_units, 0, ""});
      return absl::OkStatus();
    }
    if (breakdown->dimension != moving.dimension) {
      return error::PartOutside(target.Name(), moving.key,
                                absl::StrCat("breakdown '", breakdown->id, "' is along ",
                                             DimensionWord(breakdown->dimension)));
    }
    int64_t siblings = 0;
    for (const Node& sibling : nodes_) {
      if (sibling.parent_id != target.id || sibling.breakdown_id != breakdown_id_) continue;
      ++siblings;
      position_ = std::max(position_, sibling.position + 1);
      if (sibling.key == moving.key && &sibling != &moving &&
          sibling.scope.period.last >= MoveDay(moving, command_.first_day)) {
        return error::PartOutside(target.Name(), moving.key,
                                  absl::StrCat("it is there already as ", sibling.id));
      }
    }
    if (siblings >= static_cast<int64_t>(kMaxChildren))
      return error::TooManyChildren(target.Name(), static_cast<size_t>(siblings) + 1);
    return absl::OkStatus();
  }

  absl::Status Compute() {
    before_ = ToPlanTree(nodes_);
    after_ = before_;
    const auto family = std::find_if(before_.families.begin(), before_.families.end(),
                                     [&](const PlanTree::Family& one) {
                                       return one.parent == parent_ && one.breakdown != nullptr &&
                                              one.breakdown->id == breakdown_id_;
                                     });
    MoveRequest request{.node = node_,
                        .new_family = static_cast<uint32_t>(family - before_.families.begin()),
                        .first_day = command_.first_day};
    ValueTree tree = before_.tree;
    if (family == before_.families.end()) {
      const Breakdown& made = *now_[parent_].FindBreakdown(breakdown_id_);
      tree.families.push_back({.parent = parent_,
                               .stretch_ppm = made.stretch_ppm,
                               .rounding_unit = made.rounding_units});
    }
    result_ = MoveBranch(tree, calendar_, request);
    if (!result_.ok()) {
      return error::MoveImpossible(nodes_[node_].Name(), ObstaclesOf(nodes_, result_.change));
    }
    ApplyChange(after_.tree, result_.change);
    return absl::OkStatus();
  }

  // What follows outside the branch.
  absl::Status Follow() {
    std::vector<char> in_branch(nodes_.size(), 0);
    for (const MovedNode& moved : result_.moved) in_branch[moved.node] = 1;
    ChangeResult outside;
    for (const ValueChange& change : result_.change.changes) {
      if (!in_branch[change.node]) outside.changes.push_back(change);
    }
    absl::StatusOr<std::vector<Node>> changed = ChangedNodes(nodes_, after_, outside, std::nullopt);
    if (!changed.ok()) return changed.status();
    for (Node& node : *changed) {
      const uint32_t at = index_.at(node.id);
      now_[at].target_units = node.target_units;
      now_[at].explanation = std::move(node.explanation);
      touched_[at] = 1;
    }
    return absl::OkStatus();
  }

  // The node in the new place above a node of the branch.
  const Node& NewParentOf(const Node& node) const {
    if (node.id == command_.node_id) return now_[parent_];
    const uint32_t parent = index_.at(node.parent_id);
    const auto copy = copies_.find(parent);
    return copy == copies_.end() ? now_[parent] : move_.created[copy->second];
  }

  absl::Status Place(const MovedNode& moved) {
    if (moved.over) return absl::OkStatus();
    const Node& before = nodes_[moved.node];
    const bool is_top = moved.node == node_;
    const bool whole = moved.past == 0 && before.scope.period.first >= command_.first_day;
    const Node& parent = NewParentOf(before);
    if (parent.depth >= kMaxDepth) return error::TooDeep(parent.Name());
    const DayRange days{MoveDay(before, command_.first_day), before.scope.period.last};
    const absl::StatusOr<Scope> scope = ScopeIn(parent, before, days);
    if (!scope.ok()) return scope.status();

    Node after = before;
    after.parent_id = parent.id;
    after.breakdown_id = is_top ? breakdown_id_ : before.breakdown_id;
    after.depth = parent.depth + 1;
    if (is_top) after.position = position_;
    const Breakdown* breakdown = parent.FindBreakdown(after.breakdown_id);
    if (breakdown == nullptr)
      return absl::InternalError(absl::StrCat(parent.Name(), " has lost a breakdown"));
    after.path = ChildPath(parent.path, breakdown->slot, after.position);
    after.scope = *scope;
    if (after.target_units != moved.future) {
      after.target_units = moved.future;
      after.min_units.reset();
      after.max_units.reset();
      after.explanation =
          Explanation{.method = breakdown->method,
                      .weight = before.target_units,
                      .description = absl::StrCat(before.target_units, " → ", moved.future,
                                                  ", what is from ", DateOf(days.first), " on; ",
                                                  moved.past, " stays in ", before.Name())};
    }
    if (whole) {
      move_.moved.push_back({before, after, 0});
      now_[moved.node] = std::move(after);
      touched_[moved.node] = 1;
      return absl::OkStatus();
    }
    if (before.scope.period.first >= command_.first_day) {
      return error::MoveImpossible(
          nodes_[node_].Name(),
          {{absl::StrCat(before.Name(),
                         " begins after the move, though breakdowns above it say that ", moved.past,
                         " of it was earned before"),
            moved.past}});
    }
    Node& old = now_[moved.node];
    old.target_units = moved.past;
    old.min_units.reset();
    old.max_units.reset();
    if (old.scope.period.first < command_.first_day) old.scope.period.last = command_.first_day - 1;
    old.explanation = Explanation{
        .method = before.explanation ? before.explanation->method : SplitMethod::kImported,
        .weight = before.target_units,
        .description = absl::StrCat(before.target_units, " → ", moved.past, ", what is before ",
                                    DateOf(command_.first_day))};
    touched_[moved.node] = 1;
    after.id = NextNodeId(plan_);
    after.version = 0;
    after.counted_units.reset();
    copies_[moved.node] = move_.created.size();
    move_.moved.push_back({before, after, moved.past});
    move_.created.push_back(std::move(after));
    return absl::OkStatus();
  }

  // Which breakdowns have how many children now; those without any go.
  void CountChildren() {
    std::map<std::pair<std::string, std::string>, int64_t> counts;  // By parent path and slot.
    const auto count = [&](const Node& node) {
      // Ids of copies may be unset, paths are not.
      ++counts[{node.path.substr(0, node.path.size() - 4), node.breakdown_id}];
    };
    for (size_t i = 1; i < now_.size(); ++i) count(now_[i]);
    for (const Node& node : move_.created) count(node);
    const auto set = [&](Node& node) {
      bool changed = false;
      for (Breakdown& breakdown : node.breakdowns) {
        const auto found = counts.find({node.path, breakdown.id});
        const int64_t children = found == counts.end() ? 0 : found->second;
        changed = changed || children != breakdown.child_count;
        breakdown.child_count = children;
      }
      if (changed) {
        std::erase_if(node.breakdowns, [](const Breakdown& one) { return one.child_count == 0; });
      }
      return changed;
    };
    for (size_t i = 0; i < now_.size(); ++i) {
      if (set(now_[i])) touched_[i] = 1;
    }
    for (Node& node : move_.created) set(node);
    for (MovedTarget& moved : move_.moved) set(moved.after);
  }

  // Nothing is written that adds up less than before.
  absl::Status CheckSums() const {
    std::vector<Node> after = now_;
    after.insert(after.end(), move_.created.begin(), move_.created.end());
    std::set<std::pair<std::string, std::string>> off;
    for (const Violation& violation : FindViolations(nodes_))
      off.insert({violation.node_id, violation.breakdown_id});
    std::vector<error::Obstacle> obstacles;
    for (const Violation& violation : FindViolations(after)) {
      if (off.contains({violation.node_id, violation.breakdown_id})) continue;
      obstacles.push_back({violation.description, 0});
    }
    return obstacles.empty() ? absl::OkStatus()
                             : error::MoveImpossible(nodes_[node_].Name(), obstacles);
  }

  absl::StatusOr<NodeMove> Collect() {
    const int64_t count = plan_.node_count + static_cast<int64_t>(move_.created.size());
    if (count > kMaxPlanNodes) return error::TooManyNodes("plans/" + plan_.id, count);
    for (size_t i = 0; i < now_.size(); ++i) {
      if (!touched_[i]) continue;
      (now_[i].path == nodes_[i].path ? move_.updated : move_.relocated)
          .push_back(std::move(now_[i]));
    }
    return std::move(move_);
  }

  Plan& plan_;
  const std::vector<Node>& nodes_;
  const WorkingCalendar& calendar_;
  const MoveCommand& command_;
  absl::flat_hash_map<std::string, uint32_t> index_;
  uint32_t node_ = 0;
  uint32_t parent_ = 0;
  std::string breakdown_id_;
  int position_ = 0;  // In the new family.
  PlanTree before_;
  PlanTree after_;
  MoveResult result_;
  std::vector<Node> now_;                         // The nodes as they will be.
  std::vector<char> touched_;                     // Whether they are written.
  absl::flat_hash_map<uint32_t, size_t> copies_;  // Places among those created.
  NodeMove move_;
};

}  // namespace

absl::CivilDay MoveDay(const Node& node, absl::CivilDay first_day) {
  return std::max(node.scope.period.first, first_day);
}

absl::StatusOr<NodeMove> ApplyMoveNode(Plan& plan, const std::vector<Node>& nodes,
                                       const WorkingCalendar& calendar,
                                       const MoveCommand& command) {
  return PlanMover(plan, nodes, calendar, command).Run();
}

}  // namespace milepost::target
