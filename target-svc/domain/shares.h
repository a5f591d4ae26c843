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

// Either one weight for each part, or every violation.
struct Weights {
  std::vector<int64_t> weights;
  std::vector<WeightViolation> violations;

  bool ok() const { return violations.empty(); }
};

inline constexpr size_t kMaxReferences = 24;

Weights EvenWeights(size_t parts);

// Weights as typed: not negative, at least one above 0.
Weights TypedWeights(const std::vector<int64_t>& weights);

// Working calendar: the weight of each part is that of its days, 0 if none of them works. Ranges
// may overlap or leave gaps.
Weights CalendarWeights(const WorkingCalendar& calendar, const std::vector<DayRange>& parts);

}  // namespace milepost::target
