// Follows the feed of another service and applies its events exactly once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "milepost/feed/v1/feed.pb.h"
#include "platform/change/signal.h"
#include "platform/db/session.h"

namespace prometheus {
class Registry;
}

namespace milepost::change {

// What a service does with the events of one source.
struct Projection {
  // Writes what the events say, in order, with `tx` only; the checkpoint moves in the same
  // transaction. An event whose version is not above what is stored for its record changes nothing
  // (after a snapshot some come again), nor does the deletion of an unknown record. Large batches
  // are for multi-row statements. May run again with other groupings of the same events.
  std::function<absl::Status(db::Transaction&, std::span<const feed::v1::Event>)> apply;

  // Forgets everything that came from this source, before a snapshot or a rebuild. May take several
  // transactions and may run again.
  std::function<absl::Status(db::Session&)> reset;

  // Called after events were applied, in the applying process, and in the others soon after they
  // see that the checkpoint has moved: to renew what is held in memory. May be empty.
  std::function<void(db::Session&)> applied;
};

// How far a source has been followed.
struct Checkpoint {
  std::string feed_id;
  int64_t position = 0;
  absl::Time fresh_time;  // Everything that the source committed until then is applied.
  int64_t parked_events = 0;
};

// One event that could not be applied.
struct ParkedEvent {
  feed::v1::Event event;
  std::string error;
  int64_t attempts = 0;
  absl::Time park_time;
};

// Of any number of replicas one follows a source at a time, by a lease; every write repeats the
// lease's epoch and the position it stands at, so that an old one that wakes up writes nothing.
//
// An event that fails by itself (not because the database is away) is tried again alone, then
// parked with its error, and the others go on. Errors of the database that are no fault of the
// event stop the consumer until they are mended.
class FeedConsumer {
 public:
  struct Options {
    std::string source;  // `target-svc`: names the checkpoint and labels the metrics.
    std::vector<std::string> aggregate_types;  // Empty: all.
    size_t batch = 2000;                       // Events per transaction, about.
    absl::Duration lease = absl::Seconds(5);
    absl::Duration poll = absl::Milliseconds(200);  // Of those that do not hold the lease.
    absl::Duration min_backoff = absl::Milliseconds(100);
    absl::Duration max_backoff = absl::Seconds(10);
    // A stream that says nothing for so long, not even a bookmark, is opened anew.
    absl::Duration silence = absl::Seconds(20);
    // Adds credentials to calls, if the channel's certificate is not enough.
    std::function<void(grpc::ClientContext&)> prepare = [](grpc::ClientContext&) {};
  };
  using SessionFactory = std::function<std::unique_ptr<db::Session>()>;

  // `registry` outlives this object.
  FeedConsumer(std::shared_ptr<grpc::Channel> channel, SessionFactory make_session,
               Projection projection, Options options, prometheus::Registry& registry);
  ~FeedConsumer();

  // Follows until asked to stop; then gives the lease up. Call once, from a thread of its own.
  void Run(std::stop_token stop);

  // Applied position as known to this process; -1 before the first look.
  int64_t position() const { return position_; }
  // Everything that the source committed until then is applied; infinite past before the first
  // look.
  absl::Time fresh_time() const;

  // True if the position was reached in time. For tests and for whoever must read its own writes.
  bool WaitForPosition(int64_t position, absl::Duration timeout) const;

  // Tries every parked event again and drops those that now apply. Returns how many did.
  absl::StatusOr<int64_t> ReplayParked(db::Session& session);

 private:
  struct Metrics;
  class Following;

  // Reads the checkpoint into this process's memory.
  absl::Status Look(db::Session& session);
  void SetPosition(int64_t position, absl::Time fresh_time);

  const std::shared_ptr<grpc::Channel> channel_;
  const SessionFactory make_session_;
  const Projection projection_;
  const Options options_;
  const std::unique_ptr<Metrics> metrics_;
  std::atomic<int64_t> position_{-1};
  mutable std::mutex mutex_;
  absl::Time fresh_time_ = absl::InfinitePast();  // Guarded by mutex_.
  Signal moved_;
};

// NOT_FOUND CHECKPOINT_NOT_FOUND if the source was never followed.
absl::StatusOr<Checkpoint> ReadCheckpoint(db::Session& session, const std::string& source);

// Makes the follower forget what it has and begin anew: with the first event if the source still
// has it, else with a snapshot. Returns at once; the position tells how it goes on.
absl::Status RequestRebuild(db::Session& session, const std::string& source);

// Oldest first.
absl::StatusOr<std::vector<ParkedEvent>> ListParked(db::Session& session, const std::string& source,
                                                    size_t limit);

// Gives a parked event up. NOT_FOUND EVENT_NOT_PARKED.
absl::Status DiscardParked(db::Session& session, const std::string& source,
                           const std::string& event_id);

}  // namespace milepost::change
