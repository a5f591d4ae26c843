#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "reporting-svc/domain/period.h"
#include "reporting-svc/domain/working_calendar.h"

// How far targets are on a day: pure arithmetic in whole units.
namespace milepost::reporting {

// One node of a plan as far as progress needs it.
struct PlanNode {
  std::string id;
  std::string parent;      // Id of the node above; empty for the root.
  std::string breakdown;   // Which breakdown of the parent it belongs to.
  bool by_period = false;  // That breakdown is along time.
  std::string display_name;
  Days period;
  std::string unit;  // Ids and keys of the scope, everything inherited included.
  std::string member;
  std::string product;
  std::string region;
  std::string channel;
  std::string customer;
  std::string calendar;
  int64_t target = 0;
  int depth = 0;
  int position = 0;
};

// The nodes of a plan, parents before children, siblings by breakdown and position.
class PlanTree {
 public:
  // Nodes whose parent is missing are left out with all below them.
  explicit PlanTree(std::vector<PlanNode> nodes);

  const std::vector<PlanNode>& nodes() const { return nodes_; }
  std::optional<size_t> Find(const std::string& id) const;
  std::optional<size_t> ParentOf(size_t node) const { return parents_[node]; }
  // The node and everything below it that is at most `depth` levels down, in order.
  std::vector<size_t> Subtree(size_t node, int depth) const;

  // What each node's target says should be there by the end of `day`: 0 before its period, all of
  // it after. A node broken down (at once or further below) by period follows its parts, scaled if
  // they do not add up to it; any other node spreads its target over its days by weight. Whole
  // units, never falling from one day to the next.
  std::vector<int64_t> TargetsThrough(
      absl::CivilDay day, const std::map<std::string, WorkingCalendar>& calendars) const;

 private:
  std::vector<PlanNode> nodes_;
  std::vector<std::optional<size_t>> parents_;
  std::vector<std::vector<size_t>>
      followed_;             // Children that a node's pace follows; empty if it spreads by weight.
  std::vector<size_t> end_;  // First node after the subtree.
};

enum class ProgressStatus { kNotStarted, kAchieved, kAhead, kOnTrack, kAtRisk, kBehind, kMissed };

// Pace from which a target is ahead, on track, at risk; below it is behind.
inline constexpr int64_t kAheadPacePpm = 1'050'000;
inline constexpr int64_t kOnTrackPacePpm = 950'000;
inline constexpr int64_t kAtRiskPacePpm = 800'000;

struct Progress {
  std::optional<int64_t> attainment_ppm;
  int64_t gap = 0;
  int64_t time_gone_ppm = 0;
  std::optional<int64_t> pace_ppm;
  std::optional<int64_t> required_per_day;
  int64_t remaining_days_hundredths = 0;
  std::optional<int64_t> projected_landing;
  ProgressStatus status = ProgressStatus::kNotStarted;

  friend bool operator==(const Progress&, const Progress&) = default;
};

// `weights` are those of the target's period; `usual_weight` is that of an average working day.
Progress ProgressOf(int64_t target, int64_t actual, absl::CivilDay as_of, const DayWeights& weights,
                    int64_t usual_weight);

}  // namespace milepost::reporting
