#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "target-svc/domain/working_calendar.h"

namespace milepost::target {

inline constexpr char kDefaultCalendarId[] = "default";

// A working calendar as a record: what it is called and how days weigh. Special days are in order.
struct Calendar {
  std::string id;
  std::string display_name;
  CalendarDefinition definition;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;
};

}  // namespace milepost::target
