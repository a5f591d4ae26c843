#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/time/civil_time.h"
#include "reporting-svc/domain/period.h"

namespace milepost::reporting {

// How much each day counts. Immutable, safe for any thread.
struct WorkingCalendar {
  // Monday to Sunday.
  std::array<int64_t, 7> weekday_weights = {1, 1, 1, 1, 1, 0, 0};
  // Days that do not follow their weekday.
  std::map<absl::CivilDay, int64_t> special_days;

  int64_t WeightOf(absl::CivilDay day) const;
  // Weight of an average working day: the mean of the weekdays that count, rounded down, at
  // least 1.
  int64_t UsualWeight() const;
};

// Weights of the days of a range, summed up so that any part of it is answered at once. If no day
// of the range counts, all count alike: a target must fall somewhere.
class DayWeights {
 public:
  DayWeights(const WorkingCalendar& calendar, const Days& range);

  const Days& range() const { return range_; }
  // Weight of the days of the range from its first until `day`; 0 before it, all of it after.
  int64_t Through(absl::CivilDay day) const;
  int64_t total() const { return sums_.back(); }

 private:
  Days range_;
  std::vector<int64_t> sums_;  // Before each day, and after the last.
};

}  // namespace milepost::reporting
