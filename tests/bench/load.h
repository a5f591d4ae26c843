#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"

namespace milepost::bench {

// What a measurement found.
struct Figures {
  int64_t operations = 0;
  int64_t failures = 0;
  double per_second = 0;
  double p50_millis = 0;
  double p99_millis = 0;
  std::string first_failure;
};

// A closed loop: so many callers, each starting its next call when the one before has ended.
// `start(caller, done)` begins a call and sees to it that done("") or done("why it failed") is
// called once, from any thread. The first tenth of the time is not counted.
Figures CallLoop(int callers, absl::Duration time,
                 const std::function<void(int, std::function<void(const std::string&)>)>& start);

// The same with one thread a caller and a call that blocks: returns "" or why it failed.
Figures ThreadLoop(int threads, absl::Duration time, const std::function<std::string(int)>& call);

}  // namespace milepost::bench
