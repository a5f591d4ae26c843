#include "target-svc/domain/shares.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "platform/types/money.h"

namespace milepost::target {
namespace {

// Sum of the values above 0; nullopt if it does not fit.
std::optional<int64_t> PositiveSum(const std::vector<int64_t>& values) {
  std::optional<int64_t> sum = 0;
  for (int64_t value : values) {
    sum = CheckedAdd(*sum, std::max<int64_t>(value, 0));
    if (!sum) return std::nullopt;
  }
  return sum;
}

std::string TooLarge() {
  return absl::StrCat("must add up to at most ", std::numeric_limits<int64_t>::max());
}

}  // namespace

Weights EvenWeights(size_t parts) { return {.weights = std::vector<int64_t>(parts, 1)}; }

Weights TypedWeights(const std::vector<int64_t>& weights) {
  using Kind = WeightViolationKind;
  Weights result;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] >= 0) continue;
    result.violations.push_back({Kind::kNegativeWeight, absl::StrCat("weights[", i, "]"),
                                 absl::StrCat("is ", weights[i], ", must not be negative")});
  }
  const std::optional<int64_t> sum = PositiveSum(weights);
  if (!sum) {
    result.violations.push_back({Kind::kWeightsTooLarge, "weights", TooLarge()});
  } else if (*sum == 0) {
    result.violations.push_back(
        {Kind::kNoWeight, "weights", "must have at least one weight above 0"});
  }
  if (result.ok()) result.weights = weights;
  return result;
}

Weights CalendarWeights(const WorkingCalendar& calendar, const std::vector<DayRange>& parts) {
  Weights result;
  std::optional<int64_t> sum = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const DayRange& days = parts[i];
    if (days.last < days.first || days.first.year() < kFirstYear || days.last.year() > kLastYear) {
      result.violations.push_back(
          {WeightViolationKind::kRangeOutOfRange, absl::StrCat("parts[", i, "]"),
           absl::StrCat(absl::FormatCivilTime(days.first), " to ", absl::FormatCivilTime(days.last),
                        " must not be empty and lie in the years ", kFirstYear, " to ",
                        kLastYear)});
      continue;
    }
    const int64_t weight = calendar.WeightPpm(days);
    result.weights.push_back(weight);
    if (sum) sum = CheckedAdd(*sum, weight);
  }
  if (!sum) {
    result.violations.push_back({WeightViolationKind::kWeightsTooLarge, "parts", TooLarge()});
  }
  if (!result.ok()) result.weights.clear();
  return result;
}

}  // namespace milepost::target
