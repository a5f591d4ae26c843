#include "reporting-svc/domain/working_calendar.h"

#include <algorithm>

namespace milepost::reporting {

int64_t WorkingCalendar::WeightOf(absl::CivilDay day) const {
  const auto special = special_days.find(day);
  if (special != special_days.end()) return special->second;
  return weekday_weights[static_cast<size_t>(absl::GetWeekday(day))];
}

int64_t WorkingCalendar::UsualWeight() const {
  int64_t sum = 0;
  int64_t count = 0;
  for (const int64_t weight : weekday_weights) {
    sum += weight;
    if (weight > 0) ++count;
  }
  return count == 0 ? 1 : std::max<int64_t>(1, sum / count);
}

DayWeights::DayWeights(const WorkingCalendar& calendar, const Days& range) : range_(range) {
  sums_.reserve(range.count() + 1);
  sums_.push_back(0);
  for (absl::CivilDay day = range.first; day <= range.last; ++day) {
    sums_.push_back(sums_.back() + calendar.WeightOf(day));
  }
  if (sums_.back() != 0) return;
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] = static_cast<int64_t>(i);
}

int64_t DayWeights::Through(absl::CivilDay day) const {
  if (day < range_.first) return 0;
  if (day >= range_.last) return sums_.back();
  return sums_[day - range_.first + 1];
}

}  // namespace milepost::reporting
