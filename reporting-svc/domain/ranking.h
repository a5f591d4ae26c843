#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace milepost::reporting {

// What somebody achieved in a period and in the one before. `active` says that there was anything
// at all: sums of 0 may hide facts that cancel each other.
struct Standing {
  std::string id;
  std::string display_name;
  int64_t value = 0;
  bool active = false;
  int64_t previous_value = 0;
  bool previously_active = false;
};

struct Ranked {
  Standing standing;
  int rank = 0;
  std::optional<int> previous_rank;
  std::optional<int> rank_change;  // Above 0: went up.
};

// Ranks by value, highest first, those who were not active behind all others whatever the sign of
// the values; equal ones share a rank and stand by name, then id. Ranks of the period before are
// among those active then.
std::vector<Ranked> Rank(std::vector<Standing> standings);

}  // namespace milepost::reporting
