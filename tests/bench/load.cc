#include "tests/bench/load.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/clock.h"

namespace milepost::bench {
namespace {

// Gathers what the callers see; each caller has a place of its own.
class Recorder {
 public:
  Recorder(int callers, absl::Duration time)
      : begin_(absl::Now() + time / 10),
        end_(absl::Now() + time),
        latencies_(static_cast<size_t>(callers)) {}

  bool over() const { return absl::Now() >= end_; }

  void Add(int caller, absl::Time start, const std::string& failure) {
    const absl::Time now = absl::Now();
    if (!failure.empty()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++failures_;
      if (first_failure_.empty()) first_failure_ = failure;
      return;
    }
    if (now < begin_ || now > end_) return;
    latencies_[static_cast<size_t>(caller)].push_back(absl::ToDoubleMilliseconds(now - start));
  }

  Figures Result() {
    std::vector<double> all;
    for (const auto& one : latencies_) all.insert(all.end(), one.begin(), one.end());
    std::sort(all.begin(), all.end());
    Figures figures;
    figures.operations = static_cast<int64_t>(all.size());
    figures.failures = failures_;
    figures.first_failure = first_failure_;
    figures.per_second = static_cast<double>(all.size()) / absl::ToDoubleSeconds(end_ - begin_);
    if (!all.empty()) {
      figures.p50_millis = all[all.size() / 2];
      figures.p99_millis = all[std::min(all.size() - 1, all.size() * 99 / 100)];
    }
    return figures;
  }

 private:
  const absl::Time begin_;
  const absl::Time end_;
  std::vector<std::vector<double>> latencies_;
  std::mutex mutex_;
  int64_t failures_ = 0;
  std::string first_failure_;
};

}  // namespace

Figures CallLoop(int callers, absl::Duration time,
                 const std::function<void(int, std::function<void(const std::string&)>)>& start) {
  Recorder recorder(callers, time);
  std::mutex mutex;
  std::condition_variable ended;
  int running = callers;
  std::function<void(int)> next = [&](int caller) {
    const absl::Time begun = absl::Now();
    start(caller, [&, caller, begun](const std::string& failure) {
      recorder.Add(caller, begun, failure);
      if (!recorder.over()) {
        next(caller);
        return;
      }
      const std::lock_guard<std::mutex> lock(mutex);
      --running;
      ended.notify_all();
    });
  };
  for (int caller = 0; caller < callers; ++caller) next(caller);
  std::unique_lock<std::mutex> lock(mutex);
  ended.wait(lock, [&] { return running == 0; });
  return recorder.Result();
}

Figures ThreadLoop(int threads, absl::Duration time, const std::function<std::string(int)>& call) {
  Recorder recorder(threads, time);
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread) {
    running.emplace_back([&, thread] {
      while (!recorder.over()) {
        const absl::Time begun = absl::Now();
        recorder.Add(thread, begun, call(thread));
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  return recorder.Result();
}

}  // namespace milepost::bench
