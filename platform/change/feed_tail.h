// The newest events of this service's own feed, in memory for all streams of this process.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "milepost/feed/v1/feed.pb.h"
#include "platform/change/feed_reading.h"
#include "platform/change/sequencer.h"
#include "platform/change/signal.h"
#include "platform/db/session.h"

namespace prometheus {
class Gauge;
class Registry;
}  // namespace prometheus

namespace milepost::change {

// Follows the head: at once when this process's sequencer gives out positions, and by polling for
// those of other replicas. Streams wait for `moved` and ask for what comes after their position, so
// that however many there are, the tables are read once. Any method may be called by any thread.
class FeedTail {
 public:
  struct Options {
    absl::Duration retention = absl::Hours(24 * 30);  // What is older leaves the feed.
    size_t memory_bytes = 16 * 1024 * 1024;
  };

  // `registry` outlives this object.
  FeedTail(Sequencer::SessionFactory make_session, Options options, prometheus::Registry& registry);
  FeedTail(const FeedTail&) = delete;
  FeedTail& operator=(const FeedTail&) = delete;

  // Follows until asked to stop. Call once, from a thread of its own.
  void Run(const Sequencer& sequencer, std::stop_token stop);

  // A stream has one as long as it lasts: events are kept in memory only while somebody reads.
  class Reader {
   public:
    explicit Reader(FeedTail& tail) : tail_(tail) { ++tail_.readers_; }
    ~Reader() { --tail_.readers_; }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

   private:
    FeedTail& tail_;
  };

  // As last read; without a feed_id before the first time.
  FeedHead head() const;

  // Events after `position`, whole transactions, at most about `limit`: from memory, or from the
  // tables if they are not there any more. None at the head.
  struct Events {
    std::vector<std::shared_ptr<const feed::v1::Event>> events;
    bool from_memory = true;
  };
  absl::StatusOr<Events> After(db::Session& session, int64_t position, size_t limit) const;

  // Notified when the head has moved.
  const Signal& moved() const { return moved_; }

 private:
  absl::Status Follow(db::Session& session);
  std::optional<Events> InMemory(int64_t position, size_t limit) const;

  const Sequencer::SessionFactory make_session_;
  const Options options_;
  prometheus::Gauge& head_position_;
  prometheus::Gauge& earliest_position_;
  Signal moved_;
  std::atomic<int> readers_{0};
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  FeedHead head_;
  int64_t loaded_ = 0;  // Position of the last event in memory, or where the memory begins.
  size_t bytes_ = 0;
  std::deque<std::shared_ptr<const feed::v1::Event>> events_;
};

}  // namespace milepost::change
