#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Arithmetic that shows itself. A worksheet is a list of steps; each names its operands, its
// operation, how it was rounded and what came out, and says which operands are results of earlier
// steps. What is shown is what was computed: the result of a step is worked out from the operands
// that it shows and from nothing else.
//
// Integers only: sums and products are exact in 128 bits, and a step rounds once, at its end. Pure
// values, safe from any thread.
namespace milepost::target {

enum class QuantityUnit {
  kCount,  // Whole things: leads, orders, visits.
  kMoney,  // Minor units of one currency.
  kPpm,    // A ratio in parts per million: 950,000 counts as 0.95.
  kDays,   // Whole days.
  kScore,  // A score in parts per million of full marks; counts as kPpm does.
};

// One number with its name. `step` is the position of the step that it is the result of; none: it
// was given (typed, measured, recorded, a setting).
struct Quantity {
  std::string name;
  int64_t value = 0;
  QuantityUnit unit = QuantityUnit::kCount;
  std::optional<size_t> step;

  friend bool operator==(const Quantity&, const Quantity&) = default;
};

Quantity Count(std::string name, int64_t value);
Quantity Amount(std::string name, int64_t minor_units);
Quantity Ratio(std::string name, int64_t ppm);
Quantity DayCount(std::string name, int64_t days);
Quantity Score(std::string name, int64_t ppm);

// The value for people: `95 %` for a ratio, `83.5` for a score of 835,000 ppm, else the number.
std::string ToText(const Quantity& quantity);

enum class Operation {
  kSum,
  kDifference,  // The first less all others.
  kProduct,
  kQuotient,    // The first divided by all others.
  kProportion,  // The first times the second, divided by all others.
  kMinimum,
  kMaximum,
};

enum class Rounding {
  kExact,   // Nothing to round; a step that would have to is refused.
  kDown,    // To the multiple not above.
  kUp,      // To the multiple not below.
  kHalfUp,  // To the nearest multiple; halves away from zero.
};

struct Step {
  std::string name;
  Operation operation = Operation::kSum;
  std::vector<Quantity> operands;  // Sums, differences, minima, maxima: all of the step's unit.
  Rounding rounding = Rounding::kExact;
  int64_t multiple = 1;  // Rounded to whole multiples of it.
  QuantityUnit unit = QuantityUnit::kCount;
  int64_t result = 0;

  friend bool operator==(const Step&, const Step&) = default;
};

// What the operation makes of the operands, rounded; does not look at `result`. nullopt if it does
// not fit 64 bits (or a term on the way 128), divides by 0, has no operands, or must be rounded and
// may not.
std::optional<int64_t> Evaluate(const Step& step);

// The same before rounding, as a decimal with at most six digits after the point and `…` where more
// follow; empty where Evaluate has no value.
std::string ExactText(const Step& step);

// `orders = 6 (deliveries to win) ÷ 95 % (order to delivery) = 6.315789…, rounded up: 7`. Money is
// shown in minor units.
std::string Explain(const Step& step);

class Worksheet {
 public:
  // Computes a step, adds it and returns its result as an operand for later ones. A step that
  // cannot be computed makes the sheet fail: nothing is added from there on and every result is 0.
  Quantity Do(std::string name, Operation operation, std::vector<Quantity> operands,
              QuantityUnit unit, Rounding rounding = Rounding::kExact, int64_t multiple = 1);

  const std::vector<Step>& steps() const { return steps_; }
  // Name of the step that could not be computed.
  const std::optional<std::string>& failed() const { return failed_; }

 private:
  std::vector<Step> steps_;
  std::optional<std::string> failed_;
};

}  // namespace milepost::target
