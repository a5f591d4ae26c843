#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/working_calendar.h"

// Turns the method of a split into the integer weights that Split takes, one for each part.
// Pure functions, safe from any thread.
namespace milepost::target {

enum class WeightViolationKind {
  kNegativeWeight,
  kNoWeight,         // All typed weights are 0.
  kWeightsTooLarge,  // They add up to more than the largest int64.
  kNoReference,
  kTooManyReferences,
  kMixOutOfRange,      // A mixing ratio is not 1 to 1,000,000 ppm.
  kMixSum,             // The mixing ratios do not add up to 1,000,000 ppm.
  kReferenceSize,      // A reference has not one value for each part.
  kReferenceTooLarge,  // Its values add up to more than the largest int64.
  kRangeOutOfRange,    // A period is empty or leaves the years a calendar covers.
  kPartCountOutOfRange,
  kGrowthOutOfRange,
};

// What is wrong, where (`references[1].values`), in words that name the limit.
struct WeightViolation {
  WeightViolationKind kind;
  std::string field;
  std::string message;
};

enum class WeightNoteKind {
  kNegativeHistory,  // More was returned than sold: counted as 0.
  kEmptyReference,   // A reference has nothing above 0: the others share its mixing ratio.
  kNoHistory,        // No reference has anything above 0: all weights are 0, Split shares evenly.
  kNoWorkingDay,     // The days of a part weigh nothing: its weight is 0.
};

// Something a planner should know although the split goes on.
struct WeightNote {
  WeightNoteKind kind;
  std::optional<size_t> reference;
  std::optional<size_t> part;

  friend bool operator==(const WeightNote&, const WeightNote&) = default;
};

// Either one weight for each part, with notes, or every violation.
struct Weights {
  std::vector<int64_t> weights;
  std::vector<WeightNote> notes;
  std::vector<WeightViolation> violations;

  bool ok() const { return violations.empty(); }
};

inline constexpr size_t kMaxReferences = 24;

Weights EvenWeights(size_t parts);

// Weights as typed: not negative, at least one above 0.
Weights TypedWeights(const std::vector<int64_t>& weights);

// What each part achieved in one reference period.
struct Reference {
  int64_t mix_ppm = 1'000'000;
  std::vector<int64_t> values;
};

// Share of history: weight of a part = sum over the references of mix × value ÷ reference total.
// With one reference that counts the weights are its values, exact. With several they are computed
// to 18 digits, each term rounded down: parts with equal history get equal weights, and a part that
// was ahead in no reference does not get ahead.
Weights HistoryWeights(const std::vector<Reference>& references, size_t parts);

// Working calendar: the weight of each part is that of its days. Ranges may overlap or leave gaps.
Weights CalendarWeights(const WorkingCalendar& calendar, const std::vector<DayRange>& parts);

}  // namespace milepost::target
