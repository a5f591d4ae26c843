#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reporting-svc/domain/fact.h"

namespace milepost::reporting {

// A metric that is derived from facts: one value of one group.
struct Metric {
  std::string id;
  Group group = Group::kOrder;
  int value = 0;
  int product_value = 0;  // The value to use when figures are by product or for one.
  bool money = false;

  int ValueFor(Dim dim) const { return dim == Dim::kProduct ? product_value : value; }
};

// All of them, in the order of the documentation.
const std::vector<Metric>& Metrics();
// By id without `metrics/`; nullptr if there is none.
const Metric* FindMetric(const std::string& id);

}  // namespace milepost::reporting
