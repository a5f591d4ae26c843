#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace milepost::reporting {

// How often each whole number of days occurred.
using Histogram = std::map<int64_t, int64_t>;

// In hundredths of a day.
struct CycleStats {
  int64_t count = 0;
  int64_t mean = 0;    // Rounded half up.
  int64_t median = 0;  // Exact: of an even number the mean of the two in the middle.
  int64_t p90 = 0;     // The least value that at least nine of ten do not exceed.
  int64_t min = 0;
  int64_t max = 0;

  friend bool operator==(const CycleStats&, const CycleStats&) = default;
};

// nullopt if the histogram counts nothing. Days and counts are not below 0.
std::optional<CycleStats> StatsOf(const Histogram& histogram);

}  // namespace milepost::reporting
