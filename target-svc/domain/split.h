#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The split of one value into parts that add up to it exactly.
//
// All values are whole numbers of the metric's smallest unit (fen for CNY, one piece for a count);
// ratios are ppm. Arithmetic is in 128-bit integers, never in floating point, and holds up to the
// largest int64. Pure functions, safe from any thread; Split takes O(n log n).
//
// How a split is computed
// 1. target = parent_value × stretch_ppm / 1,000,000, rounded half up to a whole smallest unit. The
//    values add up to the target exactly, always. They are whole rounding units, except locks,
//    which are taken as they are, and except the remainder: what is left of the target below one
//    rounding unit once the locks are taken off goes, undivided, to one part (step 4). So a parent
//    of 1,000,050 in units of 100 gives children that add up to 1,000,050 and not to 1,000,100.
// 2. Locked parts get their lock. Bounds of the others are read in whole rounding units: a minimum
// is
//    rounded up, a maximum down to a multiple. No minimum is 0, no maximum is no limit.
// 3. The fair values of the free parts solve clamp(λ × weight, min, max) with the one λ at which
// they
//    add up (water-filling, also called clamped proportional allocation): parts that are not held
//    at a bound share in the exact proportion of their weights. Parts that weigh nothing stay at
//    their minimum, unless all parts that weigh something are at their maximum or there are none;
//    then the rest is shared evenly among them, within bounds.
// 4. Fair values are cut down to whole rounding units and the units left over go one each to the
//    parts with the largest fractions (method of Hamilton, also of Hare and Niemeyer or Vinton:
//    largest remainder), the remainder below one unit to the next in that order. Equal fractions:
//    the earliest position first. No bound can be passed by this, since a part with a fraction is
//    off its bounds by up to a whole unit.
//
// What holds
// - Feasible exactly if locks + minima ≤ target ≤ locks + maxima (with every part locked: locks =
//   target), bounds read as in step 2.
// - Quota: a value differs from its fair value by less than one rounding unit; without locks and
//   bounds the fair value is target × weight / sum of weights. Of all such roundings it has the
//   smallest sum of distances to the fair values.
// - Monotone in weight: between two free parts with equal bounds the heavier never gets less; and a
//   part whose own weight grows, all else equal, never gets less.
// - Symmetric: reordering the parts reorders the values, except among parts with equal fractions.
// - Not monotone in the target: as with every quota method, one unit more to share can take a unit
//   from a part (the Alabama paradox). Re-plan by differences where that matters.
namespace milepost::target {

inline constexpr int64_t kPpm = 1'000'000;
inline constexpr size_t kMaxSplitParts = 100'000;
// A child plan may ask for ten times its parent at most.
inline constexpr int64_t kMaxStretchPpm = 10 * kPpm;

struct SplitPart {
  // Not negative; all weights of a split add up to at most the largest int64. Only ratios matter.
  int64_t weight = 0;

  // None is negative. A lock lies within the bounds, as they are typed.
  std::optional<int64_t> lock;
  std::optional<int64_t> min;
  std::optional<int64_t> max;
};

struct SplitRequest {
  // Not negative: a target to be missed has no shares.
  int64_t parent_value = 0;
  // 1 to kMaxStretchPpm; 1,100,000 makes the parts add up to 110 % of the parent.
  int64_t stretch_ppm = kPpm;
  // At least 1: 1 fen, 10,000 fen (100 yuan), 1 car.
  int64_t rounding_unit = 1;
  // 1 to kMaxSplitParts.
  std::vector<SplitPart> parts;
};

// An exact number: whole + numerator / denominator, with 0 ≤ numerator < denominator, reduced.
struct Fraction {
  int64_t whole = 0;
  int64_t numerator = 0;
  int64_t denominator = 1;

  friend bool operator==(const Fraction&, const Fraction&) = default;
};

// `12`, `5/7`, `12 5/7`.
std::string ToText(const Fraction& fraction);

// What decided a fair value.
enum class Basis {
  kLock,
  kWeight,  // In proportion to weight, within bounds.
  kEven,    // The part weighs nothing; it got an even share of what the others could not take.
};

// What held a fair value away from its proportion.
enum class Bound { kNone, kLock, kMin, kMax };

// The value of one part and why it is that.
// value = fair cut down to whole rounding units + rounding_units × rounding unit + remainder.
struct SplitValue {
  int64_t value = 0;

  // Weight / sum of all weights, locked parts included; 1/n each if no part weighs anything.
  Fraction share;
  int64_t share_ppm = 0;  // For display: the share rounded half up.
  Fraction raw;           // target × share: before locks, bounds and rounding.

  Basis basis = Basis::kWeight;
  Bound bound = Bound::kNone;
  Fraction fair;  // Step 3: after locks and bounds, before rounding.

  int rounding_units = 0;  // Step 4: 0 or 1.
  int64_t remainder = 0;   // Step 4: what the part got of the target below one rounding unit.
};

enum class SplitViolationKind {
  // Of the request; then sums are not looked at.
  kNegativeParent,
  kStretchOutOfRange,
  kRoundingUnitOutOfRange,
  kTargetTooLarge,  // parent_value × stretch_ppm does not fit.
  kPartCountOutOfRange,
  kNegativeWeight,
  kWeightsTooLarge,
  kNegativeLock,
  kNegativeMin,
  kNegativeMax,
  kMinAboveMax,
  kLockBelowMin,
  kLockAboveMax,
  kNoWholeUnit,  // No multiple of the rounding unit lies within the bounds of the part.
  // Of the sums: nothing adds up to the target.
  kLocksAboveTarget,   // The locks alone exceed it.
  kLocksBelowTarget,   // All parts are locked and fall short of it.
  kMinimaAboveTarget,  // Locks and minima together exceed it.
  kMaximaBelowTarget,  // Locks and maxima together fall short of it.
};

struct SplitViolation {
  SplitViolationKind kind;
  // `parent_value`, `parts`, `parts[3].max`, …
  std::string field;
  // What was found and what is wanted, with the limit.
  std::string message;
  // Positions of the parts whose lock, bounds or weight collide, ascending. Of a sum: all that
  // contribute to it, locks of 0 and minima of 0 left out where the sum is too large.
  std::vector<size_t> parts;
  // By how much the bounds or sums collide, above 0 (for kNoWholeUnit: how far max lies below the
  // next multiple above min); 0 for the other kinds. Saturates at the largest int64.
  int64_t amount = 0;
};

// Either every value, in the order of the parts, or every violation.
struct SplitResult {
  int64_t target = 0;
  std::vector<SplitValue> values;
  std::vector<SplitViolation> violations;

  bool ok() const { return violations.empty(); }
};

SplitResult Split(const SplitRequest& request);

// What the parts of a node must add up to: parent_value × stretch_ppm / 1,000,000, rounded half up.
// nullopt if it does not fit. Both arguments are not negative.
std::optional<int64_t> SplitTarget(int64_t parent_value, int64_t stretch_ppm);

// One line in words: `share 1/3 (333333 ppm) = 833333 1/3, rounded up to 833334`.
std::string Explain(const SplitValue& value);

}  // namespace milepost::target
