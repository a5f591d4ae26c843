// Properties of Split over random requests. Seeds are fixed: a failure prints the case and repeats.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "target-svc/domain/split.h"
#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

__extension__ using Wide = __int128;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::string Print(const SplitRequest& request) {
  std::ostringstream out;
  out << "parent " << request.parent_value << " stretch " << request.stretch_ppm << " unit "
      << request.rounding_unit;
  for (const SplitPart& part : request.parts) {
    out << "\n  weight " << part.weight;
    if (part.lock) out << " lock " << *part.lock;
    if (part.min) out << " min " << *part.min;
    if (part.max) out << " max " << *part.max;
  }
  return out.str();
}

struct Sizes {
  int64_t max_parent;
  int64_t max_weight;
  int64_t max_parts;
  int64_t max_unit;
  bool stretched;
};

// Locks and bounds around the even share, so that feasible and infeasible requests are both common.
SplitRequest RandomRequest(Random& random, const Sizes& sizes) {
  SplitRequest request;
  const int64_t count = Between(random, 1, sizes.max_parts);
  request.parent_value = Between(random, 0, sizes.max_parent);
  request.rounding_unit = OneIn(random, 2) ? 1 : Between(random, 1, sizes.max_unit);
  if (sizes.stretched && OneIn(random, 2)) request.stretch_ppm = Between(random, 1, 2 * kPpm);
  const int64_t share = static_cast<int64_t>(
      std::min<Wide>(kMax / 3, Wide{request.parent_value} * request.stretch_ppm / kPpm / count));
  const bool coarse_weights = OneIn(random, 3);  // Many equal weights, many zeros.
  for (int64_t i = 0; i < count; ++i) {
    SplitPart part;
    part.weight = Between(
        random, 0, coarse_weights ? std::min<int64_t>(3, sizes.max_weight) : sizes.max_weight);
    if (OneIn(random, 4)) part.min = Between(random, 0, share + share / 4 + 1);
    if (OneIn(random, 4)) {
      part.max =
          Between(random, part.min.value_or(0), std::max(2 * share, part.min.value_or(0)) + 1);
    }
    if (OneIn(random, 6)) {
      part.lock = Between(random, part.min.value_or(0), part.max.value_or(2 * share + 1));
      if (part.max) part.lock = std::min(*part.lock, *part.max);
    }
    request.parts.push_back(part);
  }
  return request;
}

int64_t RoundUp(int64_t value, int64_t unit) {
  return static_cast<int64_t>((Wide{value} + unit - 1) / unit * unit);
}

// The stated condition, computed apart from the engine.
bool IsFeasible(const SplitRequest& request, int64_t target) {
  Wide low = 0;
  Wide high = 0;
  for (const SplitPart& part : request.parts) {
    if (part.lock) {
      low += *part.lock;
      high += *part.lock;
      continue;
    }
    const Wide min = RoundUp(part.min.value_or(0), request.rounding_unit);
    const Wide max =
        part.max ? Wide{*part.max / request.rounding_unit * request.rounding_unit} : Wide{kMax} * 4;
    if (min > max) return false;
    low += min;
    high += max;
  }
  return low <= target && target <= high;
}

void ExpectExactWithinBounds(const SplitRequest& request, const SplitResult& result) {
  Wide sum = 0;
  int with_remainder = 0;
  for (size_t i = 0; i < request.parts.size(); ++i) {
    const SplitPart& part = request.parts[i];
    const SplitValue& value = result.values[i];
    const int64_t unit = request.rounding_unit;
    sum += value.value;
    ASSERT_GE(value.value, part.min.value_or(0));
    ASSERT_LE(value.value, part.max.value_or(kMax));
    if (part.lock) {
      ASSERT_EQ(value.value, *part.lock);
      continue;
    }
    ASSERT_EQ(value.value % unit, value.remainder);
    with_remainder += value.remainder > 0 ? 1 : 0;
    // Quota, and the explanation adds up.
    ASSERT_EQ(value.value,
              value.fair.whole / unit * unit + value.rounding_units * unit + value.remainder);
    const int64_t above = value.value - value.fair.whole;
    ASSERT_TRUE(-unit < above && (above < unit || (above == unit && value.fair.numerator > 0)));
    if (value.rounding_units == 1) {
      ASSERT_TRUE(value.fair.whole % unit > 0 || value.fair.numerator > 0);
      ASSERT_EQ(value.remainder, 0);
    }
  }
  ASSERT_TRUE(sum == result.target);
  ASSERT_LE(with_remainder, 1);
}

// a / b compared with c / d without overflow, for values below 2^63 plus a fraction.
int Compare(const Fraction& a, int64_t weight_a, const Fraction& b, int64_t weight_b) {
  const long double left = (a.whole + static_cast<long double>(a.numerator) / a.denominator);
  const long double right = (b.whole + static_cast<long double>(b.numerator) / b.denominator);
  const long double difference = left / weight_a - right / weight_b;
  const long double scale = std::max(left / weight_a, right / weight_b);
  if (difference > scale * 1e-15L) return 1;
  return difference < -scale * 1e-15L ? -1 : 0;
}

// The fair values are the clamped proportional allocation: one level λ with value / weight equal to
// it where no bound holds, at least it at a minimum, at most it at a maximum. Floating point is
// good enough to check this; exactness is checked by the sum.
void ExpectProportional(const SplitRequest& request, const SplitResult& result) {
  for (size_t i = 0; i < request.parts.size(); ++i) {
    for (size_t j = 0; j < request.parts.size(); ++j) {
      const SplitValue& a = result.values[i];
      const SplitValue& b = result.values[j];
      if (request.parts[i].weight == 0 || request.parts[j].weight == 0) continue;
      const int order = Compare(a.fair, request.parts[i].weight, b.fair, request.parts[j].weight);
      if (a.bound == Bound::kNone && b.bound == Bound::kNone) {
        ASSERT_EQ(order, 0);
      }
      if (a.bound == Bound::kMax && b.bound == Bound::kNone) {
        ASSERT_LE(order, 0);
      }
      if (a.bound == Bound::kMin && b.bound == Bound::kNone) {
        ASSERT_GE(order, 0);
      }
      if (a.bound == Bound::kMin && b.bound == Bound::kMax) {
        ASSERT_GE(order, 0);
      }
    }
  }
}

void ExpectMonotone(const SplitRequest& request, const SplitResult& result) {
  for (size_t i = 0; i < request.parts.size(); ++i) {
    for (size_t j = 0; j < request.parts.size(); ++j) {
      const SplitPart& a = request.parts[i];
      const SplitPart& b = request.parts[j];
      if (a.lock || b.lock || a.min != b.min || a.max != b.max) continue;
      if (a.weight > b.weight || (a.weight == b.weight && i < j)) {
        ASSERT_GE(result.values[i].value, result.values[j].value) << i << " and " << j;
      }
    }
  }
}

// What parts with equal fractions of a unit received, smallest first: the order of the parts
// decides only who of them got it.
std::map<std::pair<int64_t, long double>, std::vector<int64_t>> ReceivedByFraction(
    const SplitRequest& request, const SplitResult& result) {
  std::map<std::pair<int64_t, long double>, std::vector<int64_t>> received;
  for (size_t i = 0; i < request.parts.size(); ++i) {
    const SplitValue& value = result.values[i];
    if (request.parts[i].lock) continue;
    received[{value.fair.whole % request.rounding_unit,
              static_cast<long double>(value.fair.numerator) / value.fair.denominator}]
        .push_back(value.rounding_units * request.rounding_unit + value.remainder);
  }
  for (auto& [fraction, amounts] : received) std::sort(amounts.begin(), amounts.end());
  return received;
}

void ExpectIndependentOfOrder(Random& random, const SplitRequest& request,
                              const SplitResult& result) {
  std::vector<size_t> order(request.parts.size());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  SplitRequest shuffled = request;
  for (size_t i = 0; i < order.size(); ++i) shuffled.parts[i] = request.parts[order[i]];
  const SplitResult other = Split(shuffled);
  ASSERT_TRUE(other.ok());
  for (size_t i = 0; i < order.size(); ++i) {
    ASSERT_EQ(other.values[i].fair, result.values[order[i]].fair);
    ASSERT_EQ(other.values[i].bound, result.values[order[i]].bound);
  }
  ASSERT_EQ(ReceivedByFraction(shuffled, other), ReceivedByFraction(request, result));
}

void ExpectMonotoneInOwnWeight(Random& random, const SplitRequest& request,
                               const SplitResult& result, const Sizes& sizes) {
  const size_t i = static_cast<size_t>(Between(random, 0, request.parts.size() - 1));
  SplitRequest heavier = request;
  heavier.parts[i].weight += Between(random, 1, std::max<int64_t>(1, sizes.max_weight / 2));
  const SplitResult other = Split(heavier);
  ASSERT_TRUE(other.ok());
  ASSERT_GE(other.values[i].value, result.values[i].value);
}

struct Tally {
  int cases = 0;
  int feasible = 0;
};

void CheckCases(uint64_t seed, int cases, const Sizes& sizes) {
  Random random(seed);
  Tally tally;
  for (; tally.cases < cases; ++tally.cases) {
    const SplitRequest request = RandomRequest(random, sizes);
    SCOPED_TRACE(Print(request));
    const SplitResult result = Split(request);
    const int64_t target = *SplitTarget(request.parent_value, request.stretch_ppm);
    ASSERT_EQ(result.ok(), IsFeasible(request, target));
    if (!result.ok()) {
      ASSERT_TRUE(result.values.empty());
      for (const SplitViolation& violation : result.violations) ASSERT_GT(violation.amount, 0);
      continue;
    }
    ++tally.feasible;
    ASSERT_EQ(result.target, target);
    ASSERT_EQ(result.values.size(), request.parts.size());
    ASSERT_NO_FATAL_FAILURE(ExpectExactWithinBounds(request, result));
    ASSERT_NO_FATAL_FAILURE(ExpectProportional(request, result));
    ASSERT_NO_FATAL_FAILURE(ExpectMonotone(request, result));
    ASSERT_NO_FATAL_FAILURE(ExpectIndependentOfOrder(random, request, result));
    ASSERT_NO_FATAL_FAILURE(ExpectMonotoneInOwnWeight(random, request, result, sizes));
  }
  // The generator must reach both outcomes, or the checks above say little.
  EXPECT_GT(tally.feasible, cases / 4);
  EXPECT_LT(tally.feasible, cases - cases / 50);
}

TEST(SplitProperty, SmallNumbers) {
  CheckCases(1, 50'000, {.max_parent = 60, .max_weight = 9, .max_parts = 6, .max_unit = 12});
}

TEST(SplitProperty, Money) {
  CheckCases(2, 30'000,
             {.max_parent = 5'000'000'000'000,
              .max_weight = 2'000'000'000,
              .max_parts = 9,
              .max_unit = 1'000'000,
              .stretched = true});
}

TEST(SplitProperty, LargestNumbers) {
  CheckCases(3, 15'000,
             {.max_parent = kMax / 2,
              .max_weight = kMax / 16,
              .max_parts = 9,
              .max_unit = kMax / 4,
              .stretched = true});
}

// Every way to hand out whole units, and the remainder to one part, within the bounds.
class Enumeration {
 public:
  explicit Enumeration(const SplitRequest& request) : request_(request) {}

  // Calls `visit` with each allocation that adds up to the target.
  void Visit(int64_t target, const std::function<void(const std::vector<int64_t>&)>& visit) {
    int64_t left = target;
    values_.assign(request_.parts.size(), 0);
    for (const SplitPart& part : request_.parts) left -= part.lock.value_or(0);
    if (left < 0) return;
    remainder_ = left % request_.rounding_unit;
    Place(0, left, remainder_ > 0, visit);
  }

 private:
  void Place(size_t i, int64_t left, bool remainder_left,
             const std::function<void(const std::vector<int64_t>&)>& visit) {
    if (i == request_.parts.size()) {
      if (left == 0) visit(values_);
      return;
    }
    const SplitPart& part = request_.parts[i];
    if (part.lock) {
      values_[i] = *part.lock;
      Place(i + 1, left, remainder_left, visit);
      return;
    }
    const int64_t unit = request_.rounding_unit;
    const int64_t low = RoundUp(part.min.value_or(0), unit);
    const int64_t high = part.max ? *part.max / unit * unit : left + unit;
    for (int64_t value = low; value <= high && value <= left; value += unit) {
      values_[i] = value;
      Place(i + 1, left - value, remainder_left, visit);
      if (remainder_left && value + remainder_ <= std::min(high, left)) {
        values_[i] = value + remainder_;
        Place(i + 1, left - values_[i], false, visit);
      }
    }
  }

  const SplitRequest& request_;
  std::vector<int64_t> values_;
  int64_t remainder_ = 0;
};

// Sum of the distances to the fair values, in 1 / denominator (one for all that are not whole).
Wide Distance(const SplitResult& result, const std::vector<int64_t>& values) {
  Wide denominator = 1;
  for (const SplitValue& value : result.values) {
    denominator = std::lcm(static_cast<int64_t>(denominator), value.fair.denominator);
  }
  Wide distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const Fraction& fair = result.values[i].fair;
    const Wide exact = fair.whole * denominator + fair.numerator * (denominator / fair.denominator);
    const Wide difference = values[i] * denominator - exact;
    distance += difference < 0 ? -difference : difference;
  }
  return distance;
}

TEST(SplitProperty, BruteForceFindsNothingCloserAndNothingElseFeasible) {
  Random random(4);
  const Sizes sizes{.max_parent = 14, .max_weight = 6, .max_parts = 4, .max_unit = 4};
  int feasible = 0;
  for (int i = 0; i < 20'000; ++i) {
    const SplitRequest request = RandomRequest(random, sizes);
    SCOPED_TRACE(Print(request));
    const SplitResult result = Split(request);
    bool any = false;
    Wide closest = 0;
    Enumeration(request).Visit(request.parent_value, [&](const std::vector<int64_t>& values) {
      if (result.ok()) {
        const Wide distance = Distance(result, values);
        if (!any || distance < closest) closest = distance;
      }
      any = true;
    });
    ASSERT_EQ(result.ok(), any);
    if (!any) continue;
    ++feasible;
    std::vector<int64_t> values;
    for (const SplitValue& value : result.values) values.push_back(value.value);
    ASSERT_TRUE(Distance(result, values) == closest);
  }
  EXPECT_GT(feasible, 5'000);
}

}  // namespace
}  // namespace milepost::target
