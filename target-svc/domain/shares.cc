#include "target-svc/domain/shares.h"

#include <algorithm>
#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "platform/types/money.h"

namespace milepost::target {
namespace {

constexpr int64_t kWholeMixPpm = 1'000'000;
constexpr int64_t kMixedWeightSum = 1'000'000'000'000'000'000;

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

std::vector<WeightViolation> CheckReferences(const std::vector<Reference>& references,
                                             size_t parts) {
  using Kind = WeightViolationKind;
  if (references.empty()) return {{Kind::kNoReference, "references", "must not be empty"}};
  if (references.size() > kMaxReferences) {
    return {
        {Kind::kTooManyReferences, "references",
         absl::StrCat("has ", references.size(), ", at most ", kMaxReferences, " are allowed")}};
  }
  std::vector<WeightViolation> violations;
  bool mix_in_range = true;
  int64_t mix_sum = 0;
  for (size_t i = 0; i < references.size(); ++i) {
    const Reference& reference = references[i];
    const std::string field = absl::StrCat("references[", i, "]");
    if (reference.mix_ppm < 1 || reference.mix_ppm > kWholeMixPpm) {
      mix_in_range = false;
      violations.push_back(
          {Kind::kMixOutOfRange, field + ".mix_ppm",
           absl::StrCat("is ", reference.mix_ppm, ", must be 1 to ", kWholeMixPpm)});
    } else {
      mix_sum += reference.mix_ppm;
    }
    if (reference.values.size() != parts) {
      violations.push_back({Kind::kReferenceSize, field + ".values",
                            absl::StrCat("has ", reference.values.size(), " values, must have ",
                                         parts, ", one for each part")});
    } else if (!PositiveSum(reference.values)) {
      violations.push_back({Kind::kReferenceTooLarge, field + ".values", TooLarge()});
    }
  }
  if (mix_in_range && mix_sum != kWholeMixPpm) {
    violations.push_back(
        {Kind::kMixSum, "references",
         absl::StrCat("mixing ratios add up to ", mix_sum, " ppm, must be ", kWholeMixPpm)});
  }
  return violations;
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

Weights HistoryWeights(const std::vector<Reference>& references, size_t parts) {
  Weights result;
  result.violations = CheckReferences(references, parts);
  if (!result.ok()) return result;

  struct Term {
    const Reference* reference;
    int64_t sum;
  };
  std::vector<Term> terms;
  int64_t mix_sum = 0;
  for (size_t r = 0; r < references.size(); ++r) {
    const Reference& reference = references[r];
    for (size_t i = 0; i < parts; ++i) {
      if (reference.values[i] < 0) {
        result.notes.push_back({WeightNoteKind::kNegativeHistory, r, i});
      }
    }
    const int64_t sum = *PositiveSum(reference.values);
    if (sum == 0) {
      result.notes.push_back({WeightNoteKind::kEmptyReference, r, std::nullopt});
      continue;
    }
    terms.push_back({&reference, sum});
    mix_sum += reference.mix_ppm;
  }
  if (terms.empty()) {
    result.notes.push_back({WeightNoteKind::kNoHistory, std::nullopt, std::nullopt});
  }

  result.weights.assign(parts, 0);
  for (const Term& term : terms) {
    const int64_t scale =
        static_cast<int64_t>(absl::int128(kMixedWeightSum) * term.reference->mix_ppm / mix_sum);
    for (size_t i = 0; i < parts; ++i) {
      const int64_t value = std::max<int64_t>(term.reference->values[i], 0);
      result.weights[i] +=
          terms.size() == 1 ? value : static_cast<int64_t>(absl::int128(scale) * value / term.sum);
    }
  }
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
    if (weight == 0) result.notes.push_back({WeightNoteKind::kNoWorkingDay, std::nullopt, i});
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
