#include "target-svc/domain/worksheet.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace milepost::target {
namespace {

__extension__ using Wide = __int128;

constexpr int64_t kMillion = 1'000'000;

bool IsRatio(QuantityUnit unit) {
  return unit == QuantityUnit::kPpm || unit == QuantityUnit::kScore;
}

bool Multiply(Wide& product, int64_t factor) {
  return !__builtin_mul_overflow(product, Wide{factor}, &product);
}

// numerator / denominator in the scale of the step's unit, with denominator > 0.
struct Value {
  Wide numerator = 0;
  Wide denominator = 1;
};

std::optional<Value> Exact(const Step& step) {
  if (step.operands.empty()) return std::nullopt;
  Value value;
  switch (step.operation) {
    case Operation::kSum:
    case Operation::kDifference:
    case Operation::kMinimum:
    case Operation::kMaximum:
      value.numerator = step.operands[0].value;
      for (size_t i = 1; i < step.operands.size(); ++i) {
        const Wide operand = step.operands[i].value;
        if (step.operation == Operation::kSum) value.numerator += operand;
        if (step.operation == Operation::kDifference) value.numerator -= operand;
        if (step.operation == Operation::kMinimum) {
          value.numerator = std::min(value.numerator, operand);
        }
        if (step.operation == Operation::kMaximum) {
          value.numerator = std::max(value.numerator, operand);
        }
      }
      return value;
    case Operation::kProduct:
    case Operation::kQuotient:
    case Operation::kProportion:
      break;
  }
  const size_t factors = step.operation == Operation::kProduct    ? step.operands.size()
                         : step.operation == Operation::kQuotient ? 1
                                                                  : 2;
  if (step.operands.size() < factors) return std::nullopt;
  value.numerator = 1;
  int millions = IsRatio(step.unit) ? 1 : 0;  // Above the line.
  for (size_t i = 0; i < step.operands.size(); ++i) {
    const bool above = i < factors;
    if (!Multiply(above ? value.numerator : value.denominator, step.operands[i].value)) {
      return std::nullopt;
    }
    if (IsRatio(step.operands[i].unit)) millions += above ? -1 : 1;
  }
  for (; millions > 0; --millions) {
    if (!Multiply(value.numerator, kMillion)) return std::nullopt;
  }
  for (; millions < 0; ++millions) {
    if (!Multiply(value.denominator, kMillion)) return std::nullopt;
  }
  if (value.denominator == 0) return std::nullopt;
  Value negated = value;  // Both must have an opposite, for those who take their size.
  if (!Multiply(negated.numerator, -1) || !Multiply(negated.denominator, -1)) return std::nullopt;
  return value.denominator < 0 ? negated : value;
}

std::optional<int64_t> Rounded(const Value& value, Rounding rounding, int64_t multiple) {
  Wide unit = value.denominator;
  if (multiple < 1 || !Multiply(unit, multiple)) return std::nullopt;
  Wide quotient = value.numerator / unit;  // Cut towards zero.
  const Wide rest = value.numerator % unit;
  switch (rounding) {
    case Rounding::kExact:
      if (rest != 0) return std::nullopt;
      break;
    case Rounding::kDown:
      if (rest < 0) --quotient;
      break;
    case Rounding::kUp:
      if (rest > 0) ++quotient;
      break;
    case Rounding::kHalfUp: {
      const Wide distance = rest < 0 ? -rest : rest;
      if (distance >= unit - distance) quotient += rest < 0 ? -1 : 1;
      break;
    }
  }
  if (!Multiply(quotient, multiple)) return std::nullopt;
  if (quotient > std::numeric_limits<int64_t>::max() ||
      quotient < std::numeric_limits<int64_t>::min()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(quotient);
}

// Of a value whose whole part fits 64 bits. Six digits, by long division.
std::string Decimal(const Value& value) {
  const Wide size = value.numerator < 0 ? -value.numerator : value.numerator;
  std::string text =
      absl::StrCat(value.numerator < 0 ? "-" : "", static_cast<uint64_t>(size / value.denominator));
  Wide rest = size % value.denominator;
  for (int digit = 0; digit < 6 && rest != 0; ++digit) {
    if (digit == 0) text += '.';
    Wide next = 0;
    int result = 0;
    for (int times = 0; times < 10; ++times) {  // rest × 10 could leave 128 bits.
      if (rest >= value.denominator - next) {
        next -= value.denominator - rest;
        ++result;
      } else {
        next += rest;
      }
    }
    text += static_cast<char>('0' + result);
    rest = next;
  }
  if (rest != 0) text += "…";
  return text;
}

const char* Sign(Operation operation, size_t position) {
  switch (operation) {
    case Operation::kSum:
      return " + ";
    case Operation::kDifference:
      return " − ";
    case Operation::kProduct:
      return " × ";
    case Operation::kQuotient:
      return " ÷ ";
    case Operation::kProportion:
      return position == 1 ? " × " : " ÷ ";
    case Operation::kMinimum:
    case Operation::kMaximum:
      return ", ";
  }
  return "";
}

std::string InUnit(int64_t value, QuantityUnit unit) {
  if (!IsRatio(unit)) return absl::StrCat(value);
  return absl::StrCat(Decimal({value, kMillion / 100}), unit == QuantityUnit::kPpm ? " %" : "");
}

}  // namespace

Quantity Count(std::string name, int64_t value) {
  return {std::move(name), value, QuantityUnit::kCount};
}

Quantity Amount(std::string name, int64_t minor_units) {
  return {std::move(name), minor_units, QuantityUnit::kMoney};
}

Quantity Ratio(std::string name, int64_t ppm) { return {std::move(name), ppm, QuantityUnit::kPpm}; }

Quantity DayCount(std::string name, int64_t days) {
  return {std::move(name), days, QuantityUnit::kDays};
}

Quantity Score(std::string name, int64_t ppm) {
  return {std::move(name), ppm, QuantityUnit::kScore};
}

std::string ToText(const Quantity& quantity) { return InUnit(quantity.value, quantity.unit); }

std::optional<int64_t> Evaluate(const Step& step) {
  const std::optional<Value> value = Exact(step);
  if (!value) return std::nullopt;
  return Rounded(*value, step.rounding, step.multiple);
}

std::string ExactText(const Step& step) {
  const std::optional<Value> value = Exact(step);
  if (!value || !Rounded(*value, step.rounding, step.multiple)) return "";
  return Decimal(*value);
}

std::string Explain(const Step& step) {
  std::string text = absl::StrCat(step.name, " = ");
  if (step.operation == Operation::kMinimum) text += "the least of ";
  if (step.operation == Operation::kMaximum) text += "the greatest of ";
  for (size_t i = 0; i < step.operands.size(); ++i) {
    const Quantity& operand = step.operands[i];
    absl::StrAppend(&text, i == 0 ? "" : Sign(step.operation, i), ToText(operand), " (",
                    operand.name, ")");
  }
  const std::string exact = ExactText(step);
  if (exact == absl::StrCat(step.result))
    return absl::StrCat(text, " = ", InUnit(step.result, step.unit));
  const char* way = step.rounding == Rounding::kUp     ? "up"
                    : step.rounding == Rounding::kDown ? "down"
                                                       : "to the nearest";
  return absl::StrCat(text, " = ", exact, IsRatio(step.unit) ? " ppm" : "", ", rounded ", way, ": ",
                      InUnit(step.result, step.unit));
}

Quantity Worksheet::Do(std::string name, Operation operation, std::vector<Quantity> operands,
                       QuantityUnit unit, Rounding rounding, int64_t multiple) {
  Quantity result{name, 0, unit, std::nullopt};
  if (failed_) return result;
  Step step{std::move(name), operation, std::move(operands), rounding, multiple, unit};
  const std::optional<int64_t> rounded = Evaluate(step);
  if (!rounded) {
    failed_ = step.name;
    return result;
  }
  step.result = *rounded;
  result.value = *rounded;
  result.step = steps_.size();
  steps_.push_back(std::move(step));
  return result;
}

}  // namespace milepost::target
