#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "target-svc/domain/working_calendar.h"
#include "target-svc/domain/worksheet.h"

// Whether a target is SMART: specific, measurable, achievable, relevant, time-bound. The answer is
// findings that quote the numbers they rest on; none of them stops a plan. Values are in the
// metric's smallest unit, ratios are ppm. Pure functions, safe from any thread; bad input is
// reported at once as INVALID_FIELDS.
namespace milepost::target {

inline constexpr size_t kMaxSmartHistory = 100;
inline constexpr int64_t kMaxSmartThresholdPpm = 1'000'000'000;
inline constexpr int kMaxSmartDays = 36'600;

enum class SmartCriterion {
  kSpecific = 1,
  kMeasurable = 2,
  kAchievable = 3,
  kRelevant = 4,
  kTimeBound = 5,
};

enum class SmartLevel {
  kOk = 1,       // Checked and in order.
  kNote = 2,     // Worth knowing, or not to be judged.
  kWarning = 3,  // Beyond a threshold: should be looked at.
  kError = 4,    // Not what one can work towards.
};

enum class SmartCode {
  // Specific.
  kNamed = 1,  // Ok: metric and carrier are named.
  kNoMetric = 2,
  kNoOwner = 3,
  kWholeCompany = 4,  // Note: the scope is not narrowed.
  kNothingWanted = 5,
  // Measurable.
  kMeasured = 6,
  kNoSource = 7,
  kNeverRecorded = 8,
  kStaleActuals = 9,
  // Achievable: against history, …
  kLittleHistory = 10,
  kGrowth = 11,        // Of any level; a note if growth was as high before.
  kBelowHistory = 12,  // Less than the last period by more than the threshold.
  // … pipeline …
  kCoverage = 13,
  kReached = 14,  // Nothing is left to win.
  // … and capacity.
  kUtilisation = 15,
  // Relevant.
  kNoParent = 16,
  kShareOfParent = 17,
  kOtherMetric = 18,
  kOutsideParent = 19,
  kSiblingsDoNotAddUp = 20,
  // Time-bound.
  kInTime = 21,
  kPeriodOver = 22,
  kLateStart = 23,
  kLongPeriod = 24,
  kFewCheckpoints = 25,
};

// Thresholds. Ratios are 0 to kMaxSmartThresholdPpm, days 1 to kMaxSmartDays, and an error is not
// milder than its warning.
struct SmartSettings {
  // Growth over the last comparable period.
  int64_t growth_warning_ppm = 300'000;
  int64_t growth_error_ppm = 1'000'000;
  // How far below the last period a target may be.
  int64_t shrink_warning_ppm = 100'000;
  size_t min_history = 2;
  // Open pipeline ÷ what is left to win.
  int64_t coverage_warning_ppm = 3'000'000;
  int64_t coverage_error_ppm = 1'000'000;
  // Target ÷ capacity.
  int64_t utilisation_warning_ppm = 900'000;
  int64_t utilisation_error_ppm = 1'100'000;
  int stale_days = 35;  // Since the last actual.
  int max_period_days = 366;
  int checkpoint_days = 31;  // One checkpoint at least every so many days.
  // Of the period that has gone when the target is still being set.
  int64_t late_start_ppm = 250'000;
};

// INVALID_FIELDS with every threshold that is out of range, as `settings.growth_error_ppm`.
absl::Status CheckSmartSettings(const SmartSettings& settings);

enum class ActualsSource { kNone = 0, kDerived = 1, kRecorded = 2 };

// The target above, and what its parts are to add up to (with the stretch).
struct SmartParent {
  std::string name;
  std::string metric_id;
  DayRange period;
  int64_t value = 0;           // Above 0.
  int64_t parts_wanted = 0;    // What its parts must add up to.
  int64_t parts_assigned = 0;  // What they add up to, this target included.
};

struct SmartTarget {
  std::string metric_id;
  QuantityUnit unit = QuantityUnit::kCount;
  std::string owner;               // Who carries it.
  std::vector<std::string> scope;  // Units, members, products, …; empty: the whole company.
  int64_t value = 0;
  DayRange period;  // Not empty.
  absl::CivilDay today;

  ActualsSource source = ActualsSource::kNone;
  std::optional<absl::CivilDay> last_actual;
  int64_t achieved = 0;  // In the period so far.

  std::vector<int64_t> history;  // Comparable periods, the latest last.
  std::optional<int64_t>
      pipeline;  // Open amount that may still fall into the period, not negative.
  std::optional<int64_t> capacity;  // What those who are there can do, above 0.

  bool is_root = false;  // There is nothing above it.
  std::optional<SmartParent> parent;
  int64_t checkpoints = 0;  // Parts along time; 0: none.
};

struct SmartFinding {
  SmartCriterion criterion;
  SmartLevel level;
  SmartCode code;
  std::string message;            // Quotes every one of `numbers`.
  std::vector<Quantity> numbers;  // The ratio or count that was judged first, then its threshold.
  std::vector<Step> steps;        // How they came about.
};

struct SmartReport {
  std::vector<SmartFinding> findings;  // By criterion; at least one for each.
  // The worst level of each criterion, kSpecific first.
  std::vector<SmartLevel> levels;
  bool smart = false;  // Neither warning nor error.
};

absl::StatusOr<SmartReport> CheckSmart(const SmartTarget& target,
                                       const SmartSettings& settings = {});

}  // namespace milepost::target
