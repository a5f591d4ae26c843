#include "target-svc/service/arithmetic.h"

namespace milepost::target {
namespace {

v1::Quantity::Unit ToProto(QuantityUnit unit) {
  switch (unit) {
    case QuantityUnit::kCount:
      return v1::Quantity::THINGS;
    case QuantityUnit::kMoney:
      return v1::Quantity::MINOR_UNITS;
    case QuantityUnit::kPpm:
      return v1::Quantity::PARTS_PER_MILLION;
    case QuantityUnit::kDays:
      return v1::Quantity::DAYS;
    case QuantityUnit::kScore:
      return v1::Quantity::SCORE;
  }
  return v1::Quantity::UNIT_UNSPECIFIED;
}

v1::ArithmeticStep::Operation ToProto(Operation operation) {
  switch (operation) {
    case Operation::kSum:
      return v1::ArithmeticStep::SUM;
    case Operation::kDifference:
      return v1::ArithmeticStep::DIFFERENCE;
    case Operation::kProduct:
      return v1::ArithmeticStep::PRODUCT;
    case Operation::kQuotient:
      return v1::ArithmeticStep::QUOTIENT;
    case Operation::kProportion:
      return v1::ArithmeticStep::PROPORTION;
    case Operation::kMinimum:
      return v1::ArithmeticStep::MINIMUM;
    case Operation::kMaximum:
      return v1::ArithmeticStep::MAXIMUM;
  }
  return v1::ArithmeticStep::OPERATION_UNSPECIFIED;
}

v1::ArithmeticStep::Rounding ToProto(Rounding rounding) {
  switch (rounding) {
    case Rounding::kExact:
      return v1::ArithmeticStep::EXACT;
    case Rounding::kDown:
      return v1::ArithmeticStep::DOWN;
    case Rounding::kUp:
      return v1::ArithmeticStep::UP;
    case Rounding::kHalfUp:
      return v1::ArithmeticStep::HALF_UP;
  }
  return v1::ArithmeticStep::ROUNDING_UNSPECIFIED;
}

}  // namespace

v1::Quantity ToProto(const Quantity& quantity) {
  v1::Quantity message;
  message.set_name(quantity.name);
  message.set_value(quantity.value);
  message.set_unit(ToProto(quantity.unit));
  if (quantity.step) message.set_step(static_cast<int32_t>(*quantity.step));
  return message;
}

v1::ArithmeticStep ToProto(const Step& step) {
  v1::ArithmeticStep message;
  message.mutable_result()->set_name(step.name);
  message.mutable_result()->set_value(step.result);
  message.mutable_result()->set_unit(ToProto(step.unit));
  message.set_operation(ToProto(step.operation));
  for (const Quantity& operand : step.operands) *message.add_operands() = ToProto(operand);
  message.set_rounding(ToProto(step.rounding));
  message.set_multiple(step.multiple);
  message.set_text(Explain(step));
  return message;
}

}  // namespace milepost::target
