// Gives every committed change its position in the service's feed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "platform/change/signal.h"
#include "platform/db/session.h"

namespace prometheus {
class Registry;
}

namespace milepost::change {

// One thread that holds, or competes for, the service's sequencer lease. While it holds it, changes
// get dense positions in batches: at once when `committed` is notified in this process, and by
// polling for those of other replicas. Of any number of replicas one works at a time; an old one
// that was paused and wakes up is fenced by the lease's epoch.
class Sequencer {
 public:
  struct Options {
    absl::Duration lease = absl::Seconds(3);
    absl::Duration poll = absl::Milliseconds(50);  // Of the one that works.
    absl::Duration standby_poll = absl::Milliseconds(500);
    absl::Duration rest = absl::Milliseconds(2);  // Between batches, so that they fill under load.
    size_t batch = 2000;                          // Changes per transaction, about.
  };
  using SessionFactory = std::function<std::unique_ptr<db::Session>()>;

  // Starts the thread. `committed` and `registry` outlive this object.
  Sequencer(SessionFactory make_session, Signal& committed, Options options,
            prometheus::Registry& registry);
  ~Sequencer();

  // Ends the thread and gives the lease up, so that another replica goes on at once. May be
  // repeated.
  void Stop();

  // Notified whenever this process has given out positions.
  const Signal& advanced() const { return advanced_; }

 private:
  struct Metrics;
  void Run(std::stop_token stop);

  const SessionFactory make_session_;
  Signal& committed_;
  const Options options_;
  Signal advanced_;
  std::unique_ptr<Metrics> metrics_;
  std::jthread thread_;
};

}  // namespace milepost::change
