#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "platform/status/error.h"

// Checks of fields that the planning libraries share. Each adds to `violations` what is wrong, with
// the limit named.
namespace milepost::target {

// `parts[3]`.
inline std::string At(const std::string& list, size_t i) { return absl::StrCat(list, "[", i, "]"); }

inline void CheckRange(int64_t value, int64_t min, int64_t max, const std::string& field,
                       status::FieldViolations& violations) {
  if (value >= min && value <= max) return;
  violations.Add(field, absl::StrCat("is ", value, ", must be ", min, " to ", max));
}

// `what` are counted: `has 0 tiers, must have 1 to 20`.
inline void CheckSize(size_t size, size_t min, size_t max, const std::string& what,
                      const std::string& field, status::FieldViolations& violations) {
  if (size >= min && size <= max) return;
  violations.Add(field, absl::StrCat("has ", size, " ", what, ", must have ", min, " to ", max));
}

// A name or id that is there, and there once among those in `seen`.
inline void CheckName(const std::string& name, const std::string& field,
                      absl::flat_hash_set<std::string>& seen, status::FieldViolations& violations) {
  if (name.empty()) {
    violations.Add(field, "must not be empty");
  } else if (!seen.insert(name).second) {
    violations.Add(field, absl::StrCat(name, " is there twice"));
  }
}

}  // namespace milepost::target
