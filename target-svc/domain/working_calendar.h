#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/civil_time.h"

// Working calendars: which days count, and how much. A calendar is data that users enter and
// correct (public holidays and make-up working days 调休 are announced year by year); this code
// knows no country. Pure values, safe from any thread once built.
namespace milepost::target {

// Days from `first` to `last`, both included.
struct DayRange {
  absl::CivilDay first;
  absl::CivilDay last;

  friend bool operator==(const DayRange&, const DayRange&) = default;
};

// Days that calendars and ranges may hold.
inline constexpr int kFirstYear = 1970;
inline constexpr int kLastYear = 2200;
// A day weighs at most a thousand ordinary days.
inline constexpr int64_t kMaxDayWeightPpm = 1'000'000'000;
inline constexpr int64_t kOrdinaryDayWeightPpm = 1'000'000;
// Forty years of exceptions, one each day.
inline constexpr size_t kMaxSpecialDays = 14'610;

enum class DayKind {
  kHoliday,     // Weighs nothing.
  kWorkingDay,  // Counts, whatever its weekday says: a make-up day, or a shop open on a holiday.
};

// A day that does not follow its weekday.
struct SpecialDay {
  absl::CivilDay day;
  DayKind kind = DayKind::kHoliday;

  // Only for a working day: its weight, 1 to kMaxDayWeightPpm. Excludes `stands_in_for`.
  std::optional<int64_t> weight_ppm;

  // Only for a working day: it is worked as this weekday is, which must not be a rest day.
  // A working day with neither weighs what its own weekday weighs; if that is nothing, the mean of
  // the working weekdays (rounded half up).
  std::optional<absl::Weekday> stands_in_for;

  // 国庆节; shown, never interpreted.
  std::string name;
};

struct CalendarDefinition {
  // Monday first; 1,000,000 is an ordinary day, 0 a rest day. Only ratios matter for a split, so
  // turnover per weekday may stand here as it is (see WeekdayWeights).
  std::array<int64_t, 7> weekday_weights_ppm = {kOrdinaryDayWeightPpm,
                                                kOrdinaryDayWeightPpm,
                                                kOrdinaryDayWeightPpm,
                                                kOrdinaryDayWeightPpm,
                                                kOrdinaryDayWeightPpm,
                                                0,
                                                0};
  std::vector<SpecialDay> special_days;
};

enum class CalendarViolationKind {
  kWeekdayWeightOutOfRange,
  kNoWorkingWeekday,
  kTooManySpecialDays,
  kSpecialDayOutOfRange,
  kSpecialDayTwice,
  kHolidayWithWeight,  // A holiday has a weight or stands in for a weekday.
  kSpecialDayWeightOutOfRange,
  kWeightGivenTwice,  // Both `weight_ppm` and `stands_in_for`.
  kStandsInForRestDay,
};

// What is wrong, where (`special_days[3].weight_ppm`), in words that name the limit.
struct CalendarViolation {
  CalendarViolationKind kind;
  std::string field;
  std::string message;
};

// Every violation of a definition, in the order of its fields; empty if a calendar can be built.
std::vector<CalendarViolation> CheckCalendar(const CalendarDefinition& definition);

class WorkingCalendar {
 public:
  // `definition` has no violations.
  explicit WorkingCalendar(const CalendarDefinition& definition);

  // 0 for a rest day or a holiday.
  int64_t WeightPpm(absl::CivilDay day) const;

  // A working day is a day that weighs something.
  bool IsWorkingDay(absl::CivilDay day) const { return WeightPpm(day) > 0; }

  // Sum over the days of a range, which lies within kFirstYear..kLastYear (so it cannot overflow).
  // An empty range (last before first) weighs 0.
  int64_t WeightPpm(DayRange range) const;

  int64_t WorkingDays(DayRange range) const;

 private:
  std::array<int64_t, 7> weekday_weights_ppm_;
  absl::flat_hash_map<absl::CivilDay, int64_t> special_weights_ppm_;
};

// Weekday weights from what was sold on Mondays, Tuesdays, …: shares in ppm that add up to
// 1,000,000 exactly (largest remainder). nullopt if a value is negative, all are 0, or the sum does
// not fit 64 bits.
std::optional<std::array<int64_t, 7>> WeekdayWeights(const std::array<int64_t, 7>& sales);

enum class PeriodKind { kYear, kQuarter, kMonth, kWeek, kDay };

struct Period {
  PeriodKind kind;
  DayRange days;
  // The range cuts it: it has fewer days than its kind has at that place.
  bool partial = false;

  friend bool operator==(const Period&, const Period&) = default;
};

// The whole year, quarter, month, week (Monday to Sunday, ISO 8601) or day that holds `day`.
DayRange PeriodOf(PeriodKind kind, absl::CivilDay day);

// A range cut at every boundary of the kind: the periods follow each other without gap or overlap
// and cover exactly the range; the first and the last may be partial. Empty for an empty range.
std::vector<Period> Periods(DayRange range, PeriodKind kind);

// `2026`, `2026-Q1`, `2026-03`, `2026-W10` (ISO 8601: the week belongs to the year of its
// Thursday), `2026-03-05`. Two partial periods of one kind may share a label.
std::string PeriodLabel(PeriodKind kind, absl::CivilDay day);

}  // namespace milepost::target
