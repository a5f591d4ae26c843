#include "reporting-svc/domain/progress.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "platform/types/money.h"

namespace milepost::reporting {
namespace {

__extension__ using Wide = __int128;
constexpr int64_t kPpm = 1'000'000;

int64_t Clamp(Wide value) {
  if (value > std::numeric_limits<int64_t>::max()) return std::numeric_limits<int64_t>::max();
  if (value < std::numeric_limits<int64_t>::min()) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

// a × b ÷ c rounded half away from zero; c is above 0.
int64_t MultiplyDivide(Wide a, Wide b, Wide c) {
  const Wide product = a * b;
  return Clamp(product >= 0 ? (product * 2 + c) / (c * 2) : -((-product * 2 + c) / (c * 2)));
}

}  // namespace

PlanTree::PlanTree(std::vector<PlanNode> nodes) {
  absl::flat_hash_map<std::string, std::vector<const PlanNode*>> children;
  for (const PlanNode& node : nodes) children[node.parent].push_back(&node);
  for (auto& [parent, siblings] : children) {
    std::sort(siblings.begin(), siblings.end(), [](const PlanNode* a, const PlanNode* b) {
      if (a->breakdown != b->breakdown) return a->breakdown < b->breakdown;
      if (a->position != b->position) return a->position < b->position;
      return a->id < b->id;
    });
  }
  // Depth first, without recursion: the deepest plan is as deep as its author likes.
  std::vector<std::pair<const PlanNode*, std::optional<size_t>>> pending;
  const auto push_children = [&](const std::string& id, std::optional<size_t> parent) {
    const auto found = children.find(id);
    if (found == children.end()) return;
    for (auto child = found->second.rbegin(); child != found->second.rend(); ++child)
      pending.push_back({*child, parent});
  };
  push_children("", std::nullopt);
  while (!pending.empty()) {
    const auto [node, parent] = pending.back();
    pending.pop_back();
    const size_t place = nodes_.size();
    nodes_.push_back(*node);
    nodes_.back().depth = parent ? nodes_[*parent].depth + 1 : 0;
    parents_.push_back(parent);
    push_children(node->id, place);
  }

  end_.assign(nodes_.size(), 0);
  for (size_t i = nodes_.size(); i-- > 0;) {
    end_[i] = std::max(end_[i], i + 1);
    if (parents_[i]) end_[*parents_[i]] = std::max(end_[*parents_[i]], end_[i]);
  }

  // From the bottom: a breakdown is worth following if it is by period, or if all its parts are
  // followed further down.
  std::vector<std::map<std::string, std::vector<size_t>>> breakdowns(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (parents_[i]) breakdowns[*parents_[i]][nodes_[i].breakdown].push_back(i);
  }
  followed_.resize(nodes_.size());
  for (size_t i = nodes_.size(); i-- > 0;) {
    for (auto& [name, parts] : breakdowns[i]) {
      if (nodes_[parts.front()].by_period) {
        followed_[i] = std::move(parts);
        break;
      }
      const bool deeper = std::all_of(parts.begin(), parts.end(),
                                      [this](size_t part) { return !followed_[part].empty(); });
      if (deeper && followed_[i].empty()) followed_[i] = parts;
    }
  }
}

std::optional<size_t> PlanTree::Find(const std::string& id) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].id == id) return i;
  }
  return std::nullopt;
}

std::vector<size_t> PlanTree::Subtree(size_t node, int depth) const {
  std::vector<size_t> found;
  for (size_t i = node; i < end_[node]; ++i) {
    if (nodes_[i].depth - nodes_[node].depth <= depth) found.push_back(i);
  }
  return found;
}

std::vector<int64_t> PlanTree::TargetsThrough(
    absl::CivilDay day, const std::map<std::string, WorkingCalendar>& calendars) const {
  static const WorkingCalendar kDefault;
  // Nodes share few periods and calendars.
  std::map<std::pair<std::string, Days>, DayWeights> weights;
  std::vector<int64_t> through(nodes_.size(), 0);
  for (size_t i = nodes_.size(); i-- > 0;) {
    const PlanNode& node = nodes_[i];
    if (day < node.period.first) continue;
    if (day >= node.period.last) {
      through[i] = node.target;
      continue;
    }
    int64_t parts_target = 0;
    int64_t parts_through = 0;
    for (const size_t part : followed_[i]) {
      parts_target += nodes_[part].target;
      parts_through += through[part];
    }
    if (parts_target > 0) {
      through[i] = parts_target == node.target
                       ? parts_through
                       : MultiplyDivide(node.target, parts_through, parts_target);
      continue;
    }
    auto found = weights.find({node.calendar, node.period});
    if (found == weights.end()) {
      const auto calendar = calendars.find(node.calendar);
      found = weights
                  .emplace(std::make_pair(node.calendar, node.period),
                           DayWeights(calendar == calendars.end() ? kDefault : calendar->second,
                                      node.period))
                  .first;
    }
    through[i] = MultiplyDivide(node.target, found->second.Through(day), found->second.total());
  }
  return through;
}

Progress ProgressOf(int64_t target, int64_t actual, absl::CivilDay as_of, const DayWeights& weights,
                    int64_t usual_weight) {
  const int64_t total = weights.total();
  const int64_t gone = weights.Through(as_of);
  const int64_t left = total - gone;
  Progress progress;
  progress.attainment_ppm = RatioPpm(actual, target);
  progress.gap = target - actual;
  progress.time_gone_ppm = MultiplyDivide(gone, kPpm, total);
  progress.remaining_days_hundredths = MultiplyDivide(left, 100, usual_weight);
  if (target > 0 && gone > 0) {
    progress.pace_ppm = MultiplyDivide(Wide{actual} * total, kPpm, Wide{target} * gone);
  }
  if (progress.gap <= 0) {
    progress.required_per_day = 0;
  } else if (left > 0) {
    progress.required_per_day = Clamp((Wide{progress.gap} * usual_weight + left - 1) / left);
  }
  if (gone > 0) progress.projected_landing = MultiplyDivide(actual, total, gone);

  if (as_of < weights.range().first) {
    progress.status = ProgressStatus::kNotStarted;
  } else if (progress.gap <= 0) {
    progress.status = ProgressStatus::kAchieved;
  } else if (as_of > weights.range().last) {
    progress.status = ProgressStatus::kMissed;
  } else if (!progress.pace_ppm ||
             (*progress.pace_ppm >= kOnTrackPacePpm && *progress.pace_ppm < kAheadPacePpm)) {
    progress.status = ProgressStatus::kOnTrack;  // Also while no working day is gone.
  } else if (*progress.pace_ppm >= kAheadPacePpm) {
    progress.status = ProgressStatus::kAhead;
  } else if (*progress.pace_ppm >= kAtRiskPacePpm) {
    progress.status = ProgressStatus::kAtRisk;
  } else {
    progress.status = ProgressStatus::kBehind;
  }
  return progress;
}

}  // namespace milepost::reporting
