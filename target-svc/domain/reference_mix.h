#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target-svc/domain/shares.h"
#include "target-svc/domain/split.h"

// Mixes what parts achieved in several reference periods into one weight for each part, and says
// how each came about: old figures are brought to today's level by growth factors, a part may be
// missing from a period, and periods may be mixed by their amounts. Integers only. Pure functions,
// safe from any thread; O(parts × periods).
//
// How weights are mixed
// 1. grown = value × growth_ppm / 1,000,000, rounded half up; what is below 0 (more returned than
//    sold) counts as 0. A period in which nothing is above 0 does not count.
// 2. kShares: weight = sum of mix × grown ÷ total of the period, over sum of mix. Each period
// counts
//    as much as its mix says, however large it was: a year of boom does not drown the others.
//    kAmounts: weight = sum of mix × grown, over sum of mix: the weighted mean (with equal mixes
//    the pooled total), in which a larger period counts for more. The sums go over the periods that
//    count; under GapRule::kOtherPeriods only over those in which the part was there, so that its
//    share is the mean of those it had and not watered down.
// 3. A part that was there in no period that counts is new and gets what NewcomerRule says.
//
// What holds
// - With one period that counts, or kAmounts without gaps, weights are in the exact proportion of
// the
//   mixed figures, unless these exceed 63 bits. Else they are cut at 18 digits (kAmounts with gaps:
//   at 38 binary digits after the point), the same way for all: equal histories get equal weights.
// - Without gaps no part gets ahead of another that was ahead in every period.
// - Weights add up to at most the largest int64, as Split wants it; only their ratios matter.
namespace milepost::target {

// A part may have grown a hundredfold at most.
inline constexpr int64_t kMaxGrowthPpm = 100 * kPpm;
inline constexpr int64_t kMaxPeriodMix = 1'000'000;

enum class MixRule { kShares, kAmounts };
enum class GapRule { kCountsAsNothing, kOtherPeriods };
enum class NewcomerRule {
  kNothing,
  kMean,    // The mean weight of the parts that were there, rounded down.
  kLowest,  // The lowest weight above 0.
};

// One period that parts are measured by.
struct PastPeriod {
  std::string label;  // `2025`; shown, never interpreted.
  int64_t mix = 1;    // 1 to kMaxPeriodMix; only ratios matter.
  // One for each part, in the smallest unit of the metric; none if the part was not there yet.
  std::vector<std::optional<int64_t>> values;
  // Factors for each part, 0 to kMaxGrowthPpm; 1,050,000 for 5 % more. Empty: 1,000,000 each.
  std::vector<int64_t> growth_ppm;
};

struct MixRequest {
  std::vector<PastPeriod> periods;  // 1 to kMaxReferences.
  size_t parts = 0;                 // 1 to kMaxSplitParts.
  MixRule rule = MixRule::kShares;
  GapRule gaps = GapRule::kCountsAsNothing;
  NewcomerRule newcomers = NewcomerRule::kNothing;
};

// What one period adds to a part.
struct MixTerm {
  size_t period = 0;
  int64_t value = 0;
  int64_t growth_ppm = kPpm;
  int64_t grown = 0;
  Fraction share;  // grown ÷ total of the period.
  Fraction mix;    // mix ÷ the sum of those that count for this part.
};

enum class MixBasis { kHistory, kNewcomer };

struct MixedPart {
  int64_t weight = 0;
  int64_t share_ppm = 0;  // Of all weights, rounded half up; 0 if all weights are 0.
  MixBasis basis = MixBasis::kHistory;
  // The periods that count and in which the part was there.
  std::vector<MixTerm> terms;
};

enum class MixNoteKind {
  kNegativeHistory,  // `period`, `part`: counted as 0.
  kEmptyPeriod,      // `period` has nothing above 0 and does not count.
  kGap,              // `part` was not there in `period`, but in another.
  kNewcomer,         // `part` was there in no period that counts.
  kNoHistory,        // No period counts: all weights are 0, Split shares evenly.
};

struct MixNote {
  MixNoteKind kind;
  std::optional<size_t> period;
  std::optional<size_t> part;

  friend bool operator==(const MixNote&, const MixNote&) = default;
};

// Either every part with notes, or every violation.
struct MixResult {
  std::vector<MixedPart> parts;
  std::vector<MixNote> notes;
  std::vector<WeightViolation> violations;

  bool ok() const { return violations.empty(); }
};

MixResult MixPeriods(const MixRequest& request);

// A factor over several periods of one growth: 50,000 ppm over 2 years is 1,102,500 ppm. Rounded
// half up after each step. nullopt if the growth is below -1,000,000 ppm, the steps are not 0 to
// 50, or the factor exceeds kMaxGrowthPpm.
std::optional<int64_t> CompoundGrowthPpm(int64_t growth_ppm, int steps);

// `2025: 1200 × 1050000 ppm = 1260, share 63/250, counts 2/3; 2024: …; weight 12 (120000 ppm)`.
std::string Explain(const MixRequest& request, const MixedPart& part);

}  // namespace milepost::target
