#pragma once

#include <optional>
#include <vector>

#include "absl/time/civil_time.h"

// Days, and how ranges of them are cut and compared. Pure.
namespace milepost::reporting {

// Days since 1970-01-01, as the read models count them.
int64_t DayNumber(absl::CivilDay day);
absl::CivilDay DayOf(int64_t number);

// Days from `first` to `last`, both included; never empty.
struct Days {
  absl::CivilDay first;
  absl::CivilDay last;

  int64_t count() const { return last - first + 1; }
  bool Contains(absl::CivilDay day) const { return first <= day && day <= last; }

  friend bool operator==(const Days&, const Days&) = default;
  friend bool operator<(const Days& a, const Days& b) {
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  }
};

// What two ranges have in common.
std::optional<Days> Intersect(const Days& a, const Days& b);

enum class Granularity { kWhole, kDay, kWeek, kMonth, kQuarter, kYear };

// The calendar period of that length that a day is in. Weeks begin on Monday. For kWhole the day
// itself.
Days PeriodOf(absl::CivilDay day, Granularity granularity);

// Cuts a range into calendar periods; the first and last are cut to the range. kWhole gives the
// range itself.
std::vector<Days> Cut(const Days& range, Granularity granularity);

// The calendar month, quarter or year before if the range is exactly one, else as many days right
// before it.
Days PreviousOf(const Days& range);

// The same days a year earlier; 29 February becomes 28 February.
Days YearBefore(const Days& range);

}  // namespace milepost::reporting
