// A wake-up between threads that may be sent before anybody waits for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "absl/time/time.h"

namespace milepost::change {

// Counts notifications. Any number of threads may notify and wait.
class Signal {
 public:
  void Notify() {
    {
      std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }

  uint64_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  // Waits until the count differs from `seen` or the time is over; returns the count.
  uint64_t WaitPast(uint64_t seen, absl::Duration timeout) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout), [&] { return count_ != seen; });
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  uint64_t count_ = 0;  // Guarded by mutex_.
};

}  // namespace milepost::change
