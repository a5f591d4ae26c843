// What tests of more than one file here share.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "platform/status/error.h"

namespace milepost::target {

using Random = std::mt19937_64;

// Any number from `low` to `high`, both included.
inline int64_t Between(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

// True once in `n` times.
inline bool OneIn(Random& random, int64_t n) { return Between(random, 1, n) == 1; }

// The fields that an INVALID_ARGUMENT names, in its order.
inline std::vector<std::string> Fields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const status::FieldViolation& violation : status::ViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  return fields;
}

}  // namespace milepost::target
