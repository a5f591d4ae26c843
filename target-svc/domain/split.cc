#include "target-svc/domain/split.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "platform/types/money.h"

namespace milepost::target {
namespace {

using absl::uint128;

constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();

uint128 Wide(int64_t value) { return static_cast<uint64_t>(value); }  // Of values not negative.
int64_t Narrow(uint128 value) { return static_cast<int64_t>(value); }
int64_t Saturate(uint128 value) { return value > Wide(kMaxValue) ? kMaxValue : Narrow(value); }

uint128 RoundUp(uint128 value, int64_t unit) {
  return (value + Wide(unit) - 1) / Wide(unit) * Wide(unit);
}
int64_t RoundDown(int64_t value, int64_t unit) { return value / unit * unit; }

Fraction Reduced(int64_t whole, int64_t numerator, int64_t denominator) {
  const int64_t divisor = std::gcd(numerator, denominator);
  return {whole, numerator / divisor, denominator / divisor};
}

// value × numerator / denominator.
Fraction Multiply(int64_t value, int64_t numerator, int64_t denominator) {
  const uint128 product = Wide(value) * Wide(numerator);
  return Reduced(Narrow(product / Wide(denominator)), Narrow(product % Wide(denominator)),
                 denominator);
}

// A part that still takes part in the sharing; bounds are whole rounding units. Sums and products
// below stay under 2^128: bounds are under 2^64, sums of weights and targets under 2^63, sums of
// bounds that are multiplied at most the target.
struct FreePart {
  size_t position;
  int64_t weight;
  uint128 min;
  uint128 max;
};

// A bound as the level λ at which a part of that weight reaches it.
struct Level {
  uint128 bound;
  int64_t weight;
};

bool Below(const Level& a, const Level& b) {
  return a.bound * Wide(b.weight) < b.bound * Wide(a.weight);
}

// Fair values of parts that share `total` by weight (all above 0), with
// sum of minima ≤ total ≤ sum of maxima.
class WaterFilling {
 public:
  WaterFilling(const std::vector<FreePart>& parts, uint128 total) : parts_(parts), total_(total) {
    std::vector<Level> levels = {{0, 1}};
    for (const FreePart& part : parts) {
      levels.push_back({part.min, part.weight});
      levels.push_back({part.max, part.weight});
    }
    std::sort(levels.begin(), levels.end(), Below);
    // The last level that does not need more than there is; the first, 0, never does. From there up
    // to the next level no part meets or leaves a bound.
    level_ = *(std::partition_point(levels.begin(), levels.end(),
                                    [this](const Level& level) { return Affords(level); }) -
               1);
    free_total_ = total;
    for (const FreePart& part : parts) {
      const uint128 held = HeldAt(part, level_);
      if (held == kFree) {
        free_weight_ += Wide(part.weight);
      } else {
        free_total_ -= held;
      }
    }
  }

  Fraction FairValue(const FreePart& part) const {
    const uint128 held = HeldAt(part, level_);
    if (held != kFree) return {Narrow(held), 0, 1};
    const uint128 product = free_total_ * Wide(part.weight);
    return {Narrow(product / free_weight_), Narrow(product % free_weight_), Narrow(free_weight_)};
  }

  // The bound that keeps the part off its proportion. A part that stands at a bound which its
  // proportion happens to meet is not held by it.
  Bound HeldBy(const FreePart& part) const {
    const Level level = free_weight_ > 0 ? Level{free_total_, Narrow(free_weight_)} : level_;
    if (Below(level, {part.min, part.weight})) return Bound::kMin;
    if (Below({part.max, part.weight}, level)) return Bound::kMax;
    return Bound::kNone;
  }

 private:
  static constexpr uint128 kFree = absl::Uint128Max();

  // The bound at which a part stands between this level and the next, or kFree.
  static uint128 HeldAt(const FreePart& part, const Level& level) {
    if (!Below(level, {part.max, part.weight})) return part.max;
    if (Below(level, {part.min, part.weight})) return part.min;
    return kFree;
  }

  // Whether all parts at this level add up to at most the total.
  bool Affords(const Level& level) const {
    uint128 held_sum = 0;
    uint128 weight_sum = 0;
    for (const FreePart& part : parts_) {
      const uint128 held = HeldAt(part, level);
      if (held == kFree) {
        weight_sum += Wide(part.weight);
      } else {
        held_sum += held;
      }
    }
    return held_sum <= total_ &&
           level.bound * weight_sum <= (total_ - held_sum) * Wide(level.weight);
  }

  const std::vector<FreePart>& parts_;
  uint128 total_;
  Level level_ = {0, 1};
  uint128 free_total_ = 0;
  uint128 free_weight_ = 0;
};

class Checker {
 public:
  explicit Checker(const SplitRequest& request) : request_(request) {}

  std::vector<SplitViolation> Check() {
    CheckScalars();
    if (request_.parts.empty() || request_.parts.size() > kMaxSplitParts) {
      Add(SplitViolationKind::kPartCountOutOfRange, "parts",
          absl::StrCat("has ", request_.parts.size(), " parts, must have 1 to ", kMaxSplitParts));
      return std::move(violations_);
    }
    CheckParts();
    if (violations_.empty()) CheckSums();
    return std::move(violations_);
  }

 private:
  void Add(SplitViolationKind kind, std::string field, std::string message,
           std::vector<size_t> parts = {}, uint128 amount = 0) {
    violations_.push_back(
        {kind, std::move(field), std::move(message), std::move(parts), Saturate(amount)});
  }

  void CheckScalars() {
    using Kind = SplitViolationKind;
    const int64_t parent = request_.parent_value;
    const int64_t stretch = request_.stretch_ppm;
    if (parent < 0) {
      Add(Kind::kNegativeParent, "parent_value",
          absl::StrCat("is ", parent, ", must not be negative"));
    }
    if (stretch < 1 || stretch > kMaxStretchPpm) {
      Add(Kind::kStretchOutOfRange, "stretch_ppm",
          absl::StrCat("is ", stretch, ", must be 1 to ", kMaxStretchPpm));
    } else if (parent >= 0 && !SplitTarget(parent, stretch)) {
      Add(Kind::kTargetTooLarge, "parent_value",
          absl::StrCat(parent, " stretched by ", stretch, " ppm exceeds ", kMaxValue));
    }
    if (request_.rounding_unit < 1) {
      Add(Kind::kRoundingUnitOutOfRange, "rounding_unit",
          absl::StrCat("is ", request_.rounding_unit, ", must be at least 1"));
    }
  }

  void CheckParts() {
    using Kind = SplitViolationKind;
    uint128 weights = 0;
    for (size_t i = 0; i < request_.parts.size(); ++i) {
      const SplitPart& part = request_.parts[i];
      if (part.weight < 0) {
        Refuse(Kind::kNegativeWeight, i, "weight", part.weight);
      } else {
        weights += Wide(part.weight);
      }
      if (part.lock && *part.lock < 0) Refuse(Kind::kNegativeLock, i, "lock", *part.lock);
      if (part.min && *part.min < 0) Refuse(Kind::kNegativeMin, i, "min", *part.min);
      if (part.max && *part.max < 0) Refuse(Kind::kNegativeMax, i, "max", *part.max);
      if (part.lock.value_or(0) >= 0 && part.min.value_or(0) >= 0 && part.max.value_or(0) >= 0) {
        CheckBounds(i, part);
      }
    }
    if (weights > Wide(kMaxValue)) {
      Add(Kind::kWeightsTooLarge, "parts",
          absl::StrCat("weights must add up to at most ", kMaxValue,
                       "; divide them all by the same number"));
    }
  }

  void Refuse(SplitViolationKind kind, size_t i, const std::string& name, int64_t value) {
    Add(kind, Field(i, name), absl::StrCat("is ", value, ", must not be negative"), {i});
  }

  void CheckBounds(size_t i, const SplitPart& part) {
    using Kind = SplitViolationKind;
    const int64_t min = part.min.value_or(0);
    if (part.max && min > *part.max) {
      Add(Kind::kMinAboveMax, Field(i, "min"),
          absl::StrCat("minimum ", min, " is above the maximum ", *part.max), {i},
          Wide(min - *part.max));
    }
    if (part.lock) {
      if (*part.lock < min) {
        Add(Kind::kLockBelowMin, Field(i, "lock"),
            absl::StrCat("lock ", *part.lock, " is below the minimum ", min), {i},
            Wide(min - *part.lock));
      }
      if (part.max && *part.lock > *part.max) {
        Add(Kind::kLockAboveMax, Field(i, "lock"),
            absl::StrCat("lock ", *part.lock, " is above the maximum ", *part.max), {i},
            Wide(*part.lock - *part.max));
      }
    } else if (part.max && min <= *part.max && request_.rounding_unit >= 1) {
      const uint128 lowest = RoundUp(Wide(min), request_.rounding_unit);
      if (lowest > Wide(*part.max)) {
        Add(Kind::kNoWholeUnit, Field(i, "max"),
            absl::StrCat("no multiple of the rounding unit ", request_.rounding_unit,
                         " lies between the minimum ", min, " and the maximum ", *part.max),
            {i}, lowest - Wide(*part.max));
      }
    }
  }

  void CheckSums() {
    using Kind = SplitViolationKind;
    const int64_t unit = request_.rounding_unit;
    const int64_t target = *SplitTarget(request_.parent_value, request_.stretch_ppm);
    uint128 locks = 0;
    uint128 minima = 0;
    uint128 maxima = 0;
    bool all_locked = true;
    bool limited = true;
    std::vector<size_t> locked;
    std::vector<size_t> pushing;   // Locks and minima above 0.
    std::vector<size_t> limiting;  // Locks and maxima.
    for (size_t i = 0; i < request_.parts.size(); ++i) {
      const SplitPart& part = request_.parts[i];
      if (part.lock) {
        locks += Wide(*part.lock);
        if (*part.lock > 0) locked.push_back(i);
      } else {
        all_locked = false;
        minima += RoundUp(Wide(part.min.value_or(0)), unit);
        limited &= part.max.has_value();
        maxima += Wide(RoundDown(part.max.value_or(0), unit));
      }
      if (part.lock.value_or(part.min.value_or(0)) > 0) pushing.push_back(i);
      if (part.lock || part.max) limiting.push_back(i);
    }
    const std::string wanted = absl::StrCat("the target ", target);
    if (locks > Wide(target)) {
      const uint128 excess = locks - Wide(target);
      Add(Kind::kLocksAboveTarget, "parts",
          absl::StrCat("locks exceed ", wanted, " by ", Saturate(excess)), locked, excess);
    }
    if (minima > 0 && locks + minima > Wide(target)) {
      const uint128 excess = locks + minima - Wide(target);
      Add(Kind::kMinimaAboveTarget, "parts",
          absl::StrCat("locks and minima, in whole rounding units of ", unit, ", exceed ", wanted,
                       " by ", Saturate(excess)),
          pushing, excess);
    }
    if (all_locked && locks < Wide(target)) {
      const uint128 missing = Wide(target) - locks;
      Add(Kind::kLocksBelowTarget, "parts",
          absl::StrCat("all parts are locked and fall short of ", wanted, " by ", Narrow(missing)),
          limiting, missing);
    } else if (limited && locks + maxima < Wide(target)) {
      const uint128 missing = Wide(target) - locks - maxima;
      Add(Kind::kMaximaBelowTarget, "parts",
          absl::StrCat("locks and maxima, in whole rounding units of ", unit, ", fall short of ",
                       wanted, " by ", Narrow(missing)),
          limiting, missing);
    }
  }

  static std::string Field(size_t i, const std::string& name) {
    return absl::StrCat("parts[", i, "].", name);
  }

  const SplitRequest& request_;
  std::vector<SplitViolation> violations_;
};

// Step 3 for the parts of one group.
void SetFairValues(const std::vector<FreePart>& parts, uint128 total,
                   std::vector<SplitValue>& values) {
  const WaterFilling filling(parts, total);
  for (const FreePart& part : parts) {
    SplitValue& value = values[part.position];
    value.fair = filling.FairValue(part);
    value.bound = filling.HeldBy(part);
  }
}

uint128 Sum(const std::vector<FreePart>& parts, uint128 FreePart::*bound) {
  uint128 sum = 0;
  for (const FreePart& part : parts) sum += part.*bound;
  return sum;
}

// Step 4. Fair values that are not whole all have the same denominator, since they come from one
// group; those that are whole are multiples of the unit.
void RoundToUnits(const std::vector<size_t>& free, int64_t total, int64_t unit,
                  std::vector<SplitValue>& values) {
  struct Candidate {
    uint128 fraction;  // Of a unit, in the common denominator.
    size_t position;
  };
  std::vector<Candidate> candidates;
  int64_t left = total;
  for (size_t position : free) {
    SplitValue& value = values[position];
    value.value = RoundDown(value.fair.whole, unit);
    left -= value.value;
    const uint128 fraction = Wide(value.fair.whole - value.value) * Wide(value.fair.denominator) +
                             Wide(value.fair.numerator);
    if (fraction > 0) candidates.push_back({fraction, position});
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.fraction != b.fraction ? a.fraction > b.fraction : a.position < b.position;
  });
  for (const Candidate& candidate : candidates) {
    if (left == 0) break;
    SplitValue& value = values[candidate.position];
    const int64_t received = std::min(left, unit);
    value.rounding_units = received == unit ? 1 : 0;
    value.remainder = received == unit ? 0 : received;
    value.value += received;
    left -= received;
  }
}

}  // namespace

std::string ToText(const Fraction& fraction) {
  if (fraction.numerator == 0) return absl::StrCat(fraction.whole);
  const std::string part = absl::StrCat(fraction.numerator, "/", fraction.denominator);
  return fraction.whole == 0 ? part : absl::StrCat(fraction.whole, " ", part);
}

std::optional<int64_t> SplitTarget(int64_t parent_value, int64_t stretch_ppm) {
  return ScaleByPpm(parent_value, stretch_ppm);
}

SplitResult Split(const SplitRequest& request) {
  SplitResult result;
  result.violations = Checker(request).Check();
  if (!result.ok()) return result;

  const int64_t unit = request.rounding_unit;
  const size_t count = request.parts.size();
  result.target = *SplitTarget(request.parent_value, request.stretch_ppm);
  result.values.resize(count);

  int64_t weight_sum = 0;
  for (const SplitPart& part : request.parts) weight_sum += part.weight;
  int64_t free_total = result.target;
  for (size_t i = 0; i < count; ++i) {
    const SplitPart& part = request.parts[i];
    SplitValue& value = result.values[i];
    const int64_t numerator = weight_sum > 0 ? part.weight : 1;
    const int64_t denominator = weight_sum > 0 ? weight_sum : static_cast<int64_t>(count);
    value.share = Multiply(1, numerator, denominator);
    value.share_ppm = *RatioPpm(numerator, denominator);
    value.raw = Multiply(result.target, numerator, denominator);
    if (part.lock) {
      value.value = *part.lock;
      value.basis = Basis::kLock;
      value.bound = Bound::kLock;
      value.fair = {*part.lock, 0, 1};
      free_total -= *part.lock;
    }
  }

  // No maximum: any multiple that the free total cannot pass. Sums of the minima and of limits can
  // then be compared as if every part had one.
  const uint128 no_max = RoundUp(Wide(free_total), unit);
  std::vector<size_t> free;
  std::vector<FreePart> weighted;
  std::vector<FreePart> weightless;
  for (size_t i = 0; i < count; ++i) {
    const SplitPart& part = request.parts[i];
    if (part.lock) continue;
    free.push_back(i);
    const FreePart free_part{i, std::max<int64_t>(part.weight, 1),
                             RoundUp(Wide(part.min.value_or(0)), unit),
                             part.max ? Wide(RoundDown(*part.max, unit)) : no_max};
    (part.weight > 0 ? weighted : weightless).push_back(free_part);
  }
  const uint128 weightless_minima = Sum(weightless, &FreePart::min);
  const uint128 weighted_total =
      std::min(Wide(free_total) - weightless_minima, Sum(weighted, &FreePart::max));
  const uint128 rest = Wide(free_total) - weighted_total;
  SetFairValues(weighted, weighted_total, result.values);
  if (weighted.empty() || rest > weightless_minima) {
    SetFairValues(weightless, rest, result.values);
    for (const FreePart& part : weighted) result.values[part.position].bound = Bound::kMax;
    for (const FreePart& part : weightless) result.values[part.position].basis = Basis::kEven;
  } else {
    for (const FreePart& part : weightless) {
      result.values[part.position].fair = {Narrow(part.min), 0, 1};
      result.values[part.position].bound = part.min > 0 ? Bound::kMin : Bound::kNone;
    }
  }
  RoundToUnits(free, free_total, unit, result.values);
  for (size_t position : free) {
    Fraction& fair = result.values[position].fair;
    fair = Reduced(fair.whole, fair.numerator, fair.denominator);
  }
  return result;
}

std::string Explain(const SplitValue& value) {
  if (value.basis == Basis::kLock) return absl::StrCat("locked at ", value.value);
  std::string text = absl::StrCat("share ", ToText(value.share), " (", value.share_ppm,
                                  " ppm) = ", ToText(value.raw));
  if (value.bound == Bound::kMin) absl::StrAppend(&text, ", held at its minimum");
  if (value.bound == Bound::kMax) absl::StrAppend(&text, ", held at its maximum");
  if (value.basis == Basis::kEven) absl::StrAppend(&text, ", even share of the rest");
  if (value.fair != value.raw) absl::StrAppend(&text, ", fair value ", ToText(value.fair));
  if (value.remainder > 0) {
    absl::StrAppend(&text, ", with the remainder ", value.remainder, ": ", value.value);
  } else if (value.fair != Fraction{value.value, 0, 1}) {
    absl::StrAppend(&text, value.rounding_units > 0 ? ", rounded up to " : ", rounded down to ",
                    value.value);
  } else {
    absl::StrAppend(&text, ", exactly ", value.value);
  }
  return text;
}

}  // namespace milepost::target
