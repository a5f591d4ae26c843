#pragma once

#include "milepost/target/v1/planning.pb.h"
#include "target-svc/domain/worksheet.h"

// Arithmetic as answers show it.
namespace milepost::target {

v1::Quantity ToProto(const Quantity& quantity);
v1::ArithmeticStep ToProto(const Step& step);

}  // namespace milepost::target
