#include "target-svc/domain/day_targets.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

class Summer {
 public:
  Summer(const std::vector<Node>& nodes, const WorkingCalendar& calendar, DayRange days)
      : calendar_(calendar),
        days_(days),
        targets_(static_cast<size_t>(days.last - days.first + 1), 0) {
    for (const Node& node : nodes) by_id_[node.id] = &node;
    for (const Node& node : nodes) {
      if (by_id_.contains(node.parent_id)) {
        children_[node.parent_id][node.breakdown_id].push_back(&node);
      } else {
        tops_.push_back(&node);
      }
    }
  }

  std::vector<int64_t> Sum() {
    std::vector<const Node*> counted;
    for (const Node* top : tops_) {
      if (std::none_of(counted.begin(), counted.end(),
                       [&](const Node* other) { return InOtherBreakdown(other->path, top->path); }))
        counted.push_back(top);
    }
    for (const Node* top : counted) Add(*top);
    return std::move(targets_);
  }

 private:
  using Families = absl::flat_hash_map<std::string, std::vector<const Node*>>;  // By breakdown.

  // Whether two ways of breaking the same node down lead to the two.
  static bool InOtherBreakdown(const std::string& a, const std::string& b) {
    const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return (at - a.begin()) % static_cast<ptrdiff_t>(kLevelLength) == 0;
  }

  void Add(const Node& node) {
    const std::vector<const Node*>* children = ByPeriod(node);
    if (children == nullptr) return Spread(node);
    for (const Node* child : *children) Add(*child);
  }

  // The children that say when; nullptr if none do, now or further below.
  const std::vector<const Node*>* ByPeriod(const Node& node) const {
    const auto families = children_.find(node.id);
    if (families == children_.end()) return nullptr;
    const std::vector<const Node*>* deeper = nullptr;
    for (const Breakdown& breakdown : node.breakdowns) {
      const auto family = families->second.find(breakdown.id);
      if (family == families->second.end()) continue;
      if (breakdown.dimension == Dimension::kPeriod) return &family->second;
      if (deeper == nullptr &&
          std::any_of(family->second.begin(), family->second.end(),
                      [this](const Node* child) { return ByPeriod(*child) != nullptr; })) {
        deeper = &family->second;
      }
    }
    return deeper;
  }

  void Spread(const Node& node) {
    SplitRequest split{.parent_value = node.target_units};
    const DayRange period = node.scope.period;
    for (absl::CivilDay day = period.first; day <= period.last; ++day)
      split.parts.push_back({.weight = calendar_.WeightPpm(day)});
    const SplitResult by_day = Split(split);
    for (size_t i = 0; i < by_day.values.size(); ++i) {
      const absl::CivilDay day = period.first + static_cast<absl::civil_diff_t>(i);
      if (day >= days_.first && day <= days_.last)
        targets_[static_cast<size_t>(day - days_.first)] += by_day.values[i].value;
    }
  }

  const WorkingCalendar& calendar_;
  const DayRange days_;
  std::vector<int64_t> targets_;
  std::vector<const Node*> tops_;
  absl::flat_hash_map<std::string, const Node*> by_id_;
  absl::flat_hash_map<std::string, Families> children_;  // By parent.
};

}  // namespace

std::vector<int64_t> DayTargets(const std::vector<Node>& nodes, const WorkingCalendar& calendar,
                                DayRange days) {
  return Summer(nodes, calendar, days).Sum();
}

}  // namespace milepost::target
