#include "platform/change/feed_consumer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "milepost/feed/v1/feed.grpc.pb.h"
#include "platform/log/log.h"
#include "platform/resource/name.h"
#include "platform/rpc/status.h"
#include "platform/status/error.h"
#include "platform/types/proto.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace milepost::change {
namespace {

constexpr size_t kMaxErrorBytes = 1000;
constexpr size_t kParkedPerRead = 200;
constexpr absl::Duration kFreshWriteInterval = absl::Seconds(1);  // Of bookmarks.

absl::Status LeaseLost() {
  return status::Error(absl::StatusCode::kFailedPrecondition, "LEASE_LOST",
                       "another process follows the feed now");
}

bool IsLeaseLost(const absl::Status& status) { return status::ReasonOf(status) == "LEASE_LOST"; }

// The event itself cannot be applied, as opposed to: not now.
bool IsFaultOfEvent(const absl::Status& status) {
  if (const int code = db::EngineCode(status); code != 0) {
    switch (code) {
      case 1048:  // NULL where none may be.
      case 1062:  // Duplicate key.
      case 1264:  // Out of range.
      case 1265:  // Truncated.
      case 1292:  // Bad date or number.
      case 1366:  // Bad characters.
      case 1406:  // Too long.
      case 1690:  // Overflow.
      case 3140:
      case 3819:  // CHECK on MySQL and MariaDB.
      case 4025:
        return true;
      default:
        return false;
    }
  }
  switch (status.code()) {
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
      return false;
    default:
      return !IsLeaseLost(status);
  }
}

// Cut at a character, so that it is valid UTF-8.
std::string ErrorText(const absl::Status& status) {
  std::string text = status.ToString();
  if (text.size() <= kMaxErrorBytes) return text;
  size_t size = kMaxErrorBytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

void SleepUnlessStopped(std::stop_token stop, absl::Duration duration) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, absl::ToChronoNanoseconds(duration), [] { return false; });
}

absl::Duration FullJitter(absl::Duration up_to) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return up_to * std::uniform_real_distribution<double>(0.0, 1.0)(random);
}

absl::StatusOr<std::vector<ParkedEvent>> ReadParked(db::Session& session, const std::string& source,
                                                    absl::Time after_time,
                                                    const std::string& after_id, size_t limit) {
  static constexpr db::Statement kRead{
      "read_parked_events",
      "SELECT event_id, event, error, attempts, park_time FROM parked_events WHERE source = ?"
      " AND park_time >= ? AND (park_time > ? OR event_id > ?) ORDER BY park_time, event_id"
      " LIMIT ?"};
  const absl::StatusOr<db::Rows> rows = session.Read([&](db::Snapshot& snapshot) {
    return snapshot.Query(kRead, source, after_time, after_time, after_id, limit);
  });
  session.EndRead();
  if (!rows.ok()) return rows.status();
  std::vector<ParkedEvent> parked;
  for (const db::Row& row : *rows) {
    ParkedEvent one{.error = row.String(2), .attempts = row.Int64(3), .park_time = row.Time(4)};
    if (!one.event.ParseFromString(row.String(1))) {
      return absl::InternalError(absl::StrCat("unreadable parked event ", row.String(0)));
    }
    parked.push_back(std::move(one));
  }
  return parked;
}

const absl::Time kBeginning = absl::UnixEpoch();

}  // namespace

struct FeedConsumer::Metrics {
  Metrics(prometheus::Registry& registry, const std::string& source)
      : position(Gauge(registry, source, "milepost_projection_position",
                       "Position applied of the source's feed.")),
        lag_events(Gauge(registry, source, "milepost_projection_lag_events",
                         "Events that the source has and that are not applied.")),
        lag_seconds(Gauge(registry, source, "milepost_projection_lag_seconds",
                          "Age of what is applied: all that the source committed before is in.")),
        parked(Gauge(registry, source, "milepost_projection_parked_events",
                     "Events that could not be applied and wait for a decision.")),
        connected(Gauge(registry, source, "milepost_projection_connected",
                        "1 while this process follows the feed.")) {
    auto& family = prometheus::BuildCounter()
                       .Name("milepost_projection_applied_total")
                       .Help("Events of the source by what became of them.")
                       .Register(registry);
    applied = &family.Add({{"source", source}, {"result", "applied"}});
    duplicate = &family.Add({{"source", source}, {"result", "duplicate"}});
    poison = &family.Add({{"source", source}, {"result", "poison"}});
    retried = &family.Add({{"source", source}, {"result", "retried"}});
  }

  static prometheus::Gauge& Gauge(prometheus::Registry& registry, const std::string& source,
                                  const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(
        {{"source", source}});
  }

  prometheus::Gauge& position;
  prometheus::Gauge& lag_events;
  prometheus::Gauge& lag_seconds;
  prometheus::Gauge& parked;
  prometheus::Gauge& connected;
  prometheus::Counter* applied;
  prometheus::Counter* duplicate;
  prometheus::Counter* poison;
  prometheus::Counter* retried;
};

// The work of the process that holds the lease.
class FeedConsumer::Following {
 public:
  Following(FeedConsumer& consumer, db::Session& session, std::string owner)
      : consumer_(consumer),
        options_(consumer.options_),
        session_(session),
        owner_(std::move(owner)),
        stub_(feed::v1::FeedService::NewStub(consumer.channel_)) {}

  // True if the lease is ours now.
  absl::StatusOr<bool> TakeLease() {
    static constexpr db::Statement kLook{
        "look_at_checkpoint",
        "SELECT epoch, lease_expiry < UTC_TIMESTAMP(6) FROM feed_checkpoints WHERE source = ?"};
    static constexpr db::Statement kMake{
        "make_checkpoint",
        "INSERT INTO feed_checkpoints (source, feed_id, position, fresh_time, rebuild_requested,"
        " epoch, lease_owner, lease_expiry)"
        " VALUES (?, '', 0, '1970-01-01 00:00:00', 0, 0, '', '1970-01-01 00:00:00')"};
    static constexpr db::Statement kTake{
        "take_checkpoint_lease",
        "UPDATE feed_checkpoints SET epoch = epoch + 1, lease_owner = ?,"
        " lease_expiry = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)"
        " WHERE source = ? AND epoch = ? AND lease_expiry < UTC_TIMESTAMP(6)"};
    const auto look = [&](db::Snapshot& snapshot) {
      return snapshot.Query(kLook, options_.source);
    };
    absl::StatusOr<db::Rows> rows = session_.Read(look);
    session_.EndRead();
    if (!rows.ok()) return rows.status();
    if (rows->empty()) {
      const absl::Status made = session_.Transact(
          [&](db::Transaction& tx) { return tx.Execute(kMake, options_.source).status(); });
      if (!made.ok() && !db::DuplicateKey(made)) return made;
      rows = session_.Read(look);
      session_.EndRead();
      if (!rows.ok()) return rows.status();
    }
    if (rows->empty() || !rows->front().Bool(1)) return false;
    const int64_t epoch = rows->front().Int64(0);
    const absl::StatusOr<int64_t> taken = session_.Transact([&](db::Transaction& tx) {
      return tx.Execute(kTake, owner_, LeaseMicros(), options_.source, epoch);
    });
    if (!taken.ok()) return taken.status();
    if (*taken != 1) return false;
    epoch_ = epoch + 1;
    renewed_ = absl::Now();
    return true;
  }

  void GiveUpLease() {
    static constexpr db::Statement kGiveUp{
        "give_up_checkpoint_lease",
        "UPDATE feed_checkpoints SET lease_owner = '', lease_expiry = '1970-01-01 00:00:00'"
        " WHERE source = ? AND epoch = ?"};
    const absl::StatusOr<int64_t> given = session_.Transact(
        [&](db::Transaction& tx) { return tx.Execute(kGiveUp, options_.source, epoch_); });
    if (!given.ok()) {
      log::Warning("feed_lease_not_given_up",
                   {{"source", options_.source}, {"error", given.status().ToString()}});
    }
  }

  // One stream from where we stand until it ends. `progressed` becomes true at the first batch.
  absl::Status FollowOnce(const std::stop_token& stop, bool& progressed) {
    absl::StatusOr<bool> rebuild = Renew();
    if (!rebuild.ok()) return rebuild.status();
    if (*rebuild) {
      if (absl::Status status = StartAnew(); !status.ok()) return status;
    }
    absl::Status status = Stream(stop, progressed);
    if (status.code() == absl::StatusCode::kOutOfRange) {
      log::Warning("feed_snapshot",
                   {{"source", options_.source}, {"why", std::string(status.message())}});
      status = Bootstrap(stop);
      progressed = status.ok();
    }
    return status;
  }

 private:
  // Batches that the reading thread has received and nobody has applied yet.
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<feed::v1::Batch> batches;
    size_t events = 0;
    bool ended = false;      // By the reader: `status` is final.
    bool abandoned = false;  // By the applier.
    absl::Status status;
  };

  int64_t LeaseMicros() const { return absl::ToInt64Microseconds(options_.lease); }

  // Renews the lease and reads where we stand; true if a rebuild is asked for.
  absl::StatusOr<bool> Renew() {
    static constexpr db::Statement kRenew{
        "renew_checkpoint_lease",
        "UPDATE feed_checkpoints SET lease_expiry ="
        " DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND) WHERE source = ? AND epoch = ?"};
    static constexpr db::Statement kRead{
        "read_own_checkpoint",
        "SELECT feed_id, position, fresh_time, rebuild_requested FROM feed_checkpoints"
        " WHERE source = ?"};
    return session_.Transact([&](db::Transaction& tx) -> absl::StatusOr<bool> {
      const absl::StatusOr<int64_t> renewed =
          tx.Execute(kRenew, LeaseMicros(), options_.source, epoch_);
      if (!renewed.ok()) return renewed.status();
      if (*renewed != 1) return LeaseLost();
      const absl::StatusOr<db::Rows> rows = tx.Query(kRead, options_.source);
      if (!rows.ok()) return rows.status();
      const db::Row& row = rows->front();
      feed_id_ = row.String(0);
      position_ = row.Int64(1);
      fresh_time_ = row.Time(2);
      renewed_ = absl::Now();
      looked_ = renewed_;
      consumer_.SetPosition(position_, fresh_time_);
      return row.Bool(3);
    });
  }

  // Sets the checkpoint as it is, under the lease only.
  absl::Status SetCheckpoint(const std::string& feed_id, int64_t position, absl::Time fresh_time,
                             bool rebuild) {
    static constexpr db::Statement kSet{
        "set_checkpoint",
        "UPDATE feed_checkpoints SET feed_id = ?, position = ?, fresh_time = ?,"
        " rebuild_requested = ?, lease_expiry = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)"
        " WHERE source = ? AND epoch = ?"};
    const absl::Status status = session_.Transact([&](db::Transaction& tx) -> absl::Status {
      const absl::StatusOr<int64_t> set = tx.Execute(kSet, feed_id, position, fresh_time, rebuild,
                                                     LeaseMicros(), options_.source, epoch_);
      if (!set.ok()) return set.status();
      return *set == 1 ? absl::OkStatus() : LeaseLost();
    });
    if (!status.ok()) return status;
    feed_id_ = feed_id;
    position_ = position;
    fresh_time_ = fresh_time;
    renewed_ = absl::Now();
    consumer_.SetPosition(position_, fresh_time_);
    return absl::OkStatus();
  }

  // Forgets everything. A crash on the way finds the request still there and does it again.
  absl::Status StartAnew() {
    log::Info("feed_rebuild", {{"source", options_.source}});
    if (absl::Status status = Reset(); !status.ok()) return status;
    return SetCheckpoint("", 0, kBeginning, /*rebuild=*/false);
  }

  absl::Status Reset() {
    if (absl::Status status = SetCheckpoint("", 0, kBeginning, /*rebuild=*/true); !status.ok()) {
      return status;
    }
    static constexpr db::Statement kForget{"forget_parked_events",
                                           "DELETE FROM parked_events WHERE source = ?"};
    if (absl::Status status = session_.Transact(
            [&](db::Transaction& tx) { return tx.Execute(kForget, options_.source).status(); });
        !status.ok()) {
      return status;
    }
    return consumer_.projection_.reset(session_);
  }

  absl::Status Stream(const std::stop_token& stop, bool& progressed) {
    grpc::ClientContext context;
    options_.prepare(context);
    feed::v1::SubscribeRequest request;
    request.set_after_position(position_);
    request.set_feed_id(feed_id_);
    for (const std::string& type : options_.aggregate_types) request.add_aggregate_types(type);
    Queue queue;
    const std::stop_callback cancel(stop, [&] {
      context.TryCancel();
      queue.changed.notify_all();
    });
    std::jthread reader([&] { ReadStream(context, request, queue); });
    absl::Status status = ApplyFrom(queue, stop, progressed);
    context.TryCancel();
    {
      std::lock_guard lock(queue.mutex);
      queue.abandoned = true;
    }
    queue.changed.notify_all();
    reader.join();
    consumer_.metrics_->connected.Set(0);
    return status;
  }

  void ReadStream(grpc::ClientContext& context, const feed::v1::SubscribeRequest& request,
                  Queue& queue) {
    const auto stream = stub_->Subscribe(&context, request);
    feed::v1::Batch batch;
    while (stream->Read(&batch)) {
      std::unique_lock lock(queue.mutex);
      // Not much more than the applier takes at once: the rest waits at the source.
      queue.changed.wait(lock,
                         [&] { return queue.abandoned || queue.events < 2 * options_.batch; });
      if (queue.abandoned) break;
      queue.events += static_cast<size_t>(batch.events_size());
      queue.batches.push_back(std::move(batch));
      batch = feed::v1::Batch();
      queue.changed.notify_all();
    }
    const grpc::Status ended = stream->Finish();
    std::lock_guard lock(queue.mutex);
    queue.ended = true;
    queue.status = rpc::FromGrpcStatus(ended);
    queue.changed.notify_all();
  }

  absl::Status ApplyFrom(Queue& queue, const std::stop_token& stop, bool& progressed) {
    absl::Time heard = absl::Now();
    while (!stop.stop_requested()) {
      std::vector<feed::v1::Batch> batches;
      {
        std::unique_lock lock(queue.mutex);
        queue.changed.wait_for(lock, absl::ToChronoNanoseconds(options_.lease / 4), [&] {
          return !queue.batches.empty() || queue.ended || stop.stop_requested();
        });
        size_t events = 0;
        while (!queue.batches.empty() && (batches.empty() || events < options_.batch)) {
          const auto size = static_cast<size_t>(queue.batches.front().events_size());
          events += size;
          queue.events -= size;
          batches.push_back(std::move(queue.batches.front()));
          queue.batches.pop_front();
        }
        if (batches.empty() && queue.ended) return queue.status;
      }
      queue.changed.notify_all();
      if (!batches.empty()) {
        progressed = true;
        heard = absl::Now();
        consumer_.metrics_->connected.Set(1);
        if (absl::Status status = Take(batches); !status.ok()) return status;
      } else if (absl::Now() - heard > options_.silence) {
        return absl::UnavailableError("the feed says nothing, not even a bookmark");
      }
      // Applying renews the lease too, but only a look sees that a rebuild is asked for.
      if (absl::Now() - looked_ > options_.lease / 3) {
        const absl::StatusOr<bool> rebuild = Renew();
        if (!rebuild.ok()) return rebuild.status();
        if (*rebuild) return absl::OkStatus();  // The next stream begins with it.
      }
      Observe();
    }
    return absl::CancelledError("asked to stop");
  }

  // Applies batches that follow each other.
  absl::Status Take(std::vector<feed::v1::Batch>& batches) {
    std::vector<feed::v1::Event> events;
    int64_t position = position_;
    const bool filtered = !options_.aggregate_types.empty();
    for (feed::v1::Batch& batch : batches) {
      if (!feed_id_.empty() && batch.feed_id() != feed_id_) {
        return status::Error(absl::StatusCode::kOutOfRange, "FEED_REPLACED",
                             "the feed's identity has changed");
      }
      if (batch.after_position() > position) {
        return absl::DataLossError(absl::StrCat("the feed has a hole: stood at ", position,
                                                ", got what follows ", batch.after_position()));
      }
      int64_t last = batch.after_position();
      for (feed::v1::Event& event : *batch.mutable_events()) {
        if (filtered ? event.position() <= last : event.position() != last + 1) {
          return absl::DataLossError(
              absl::StrCat("the feed jumps from ", last, " to ", event.position()));
        }
        last = event.position();
        if (event.position() <= position) {
          consumer_.metrics_->duplicate->Increment();
        } else {
          events.push_back(std::move(event));
        }
      }
      if (batch.through_position() < last || (!filtered && batch.through_position() != last)) {
        return absl::DataLossError(
            absl::StrCat("a batch through ", batch.through_position(), " ends with ", last));
      }
      position = std::max(position, batch.through_position());
    }
    const feed::v1::Batch& newest = batches.back();
    if (feed_id_.empty()) next_feed_id_ = newest.feed_id();
    head_ = newest.head_position();
    absl::Time fresh_time = fresh_time_;
    if (position >= newest.head_position()) {
      fresh_time = FromProto(newest.head_time());
    } else if (!events.empty()) {
      fresh_time = std::max(fresh_time, FromProto(events.back().change_time()));
    }
    if (events.empty() && position == position_ && !feed_id_.empty() &&
        fresh_time - fresh_time_ < kFreshWriteInterval) {
      return absl::OkStatus();
    }
    return ApplyAll(events, position, fresh_time);
  }

  // Applies and moves to `through`. Who fails is found by halving, tried alone, and parked.
  absl::Status ApplyAll(std::span<const feed::v1::Event> events, int64_t through,
                        absl::Time fresh_time) {
    absl::Status status = Commit(events, through, fresh_time);
    if (status.ok() || !IsFaultOfEvent(status) || events.empty()) return status;
    consumer_.metrics_->retried->Increment(static_cast<double>(events.size()));
    if (events.size() == 1) {
      status = Commit(events, through, fresh_time);
      if (status.ok() || !IsFaultOfEvent(status)) return status;
      return Park(events.front(), status, through, fresh_time);
    }
    const auto first = events.first(events.size() / 2);
    if (absl::Status half = ApplyAll(first, PositionAfter(first), fresh_time_); !half.ok()) {
      return half;
    }
    return ApplyAll(events.subspan(first.size()), through, fresh_time);
  }

  // In a snapshot events have no position, and the checkpoint stays until its end.
  int64_t PositionAfter(std::span<const feed::v1::Event> events) const {
    return std::max(position_, events.back().position());
  }

  absl::Status MoveCheckpoint(db::Transaction& tx, int64_t through, absl::Time fresh_time) const {
    static constexpr db::Statement kMove{
        "move_checkpoint",
        "UPDATE feed_checkpoints SET feed_id = ?, position = ?, fresh_time = ?,"
        " lease_expiry = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)"
        " WHERE source = ? AND epoch = ? AND position = ? AND feed_id = ?"};
    const absl::StatusOr<int64_t> moved =
        tx.Execute(kMove, NextFeedId(), through, fresh_time, LeaseMicros(), options_.source, epoch_,
                   position_, feed_id_);
    if (!moved.ok()) return moved.status();
    return *moved == 1 ? absl::OkStatus() : LeaseLost();
  }

  const std::string& NextFeedId() const { return feed_id_.empty() ? next_feed_id_ : feed_id_; }

  absl::Status Commit(std::span<const feed::v1::Event> events, int64_t through,
                      absl::Time fresh_time) {
    session_.StartUnit(absl::StrCat("follow_", options_.source), absl::Now() + options_.lease);
    const absl::Status status = session_.Transact([&](db::Transaction& tx) -> absl::Status {
      // First, because the row's lock keeps others from following at the same time.
      if (absl::Status moved = MoveCheckpoint(tx, through, fresh_time); !moved.ok()) return moved;
      if (events.empty()) return absl::OkStatus();
      return consumer_.projection_.apply(tx, events);
    });
    if (!status.ok()) return status;
    Moved(through, fresh_time);
    if (!events.empty()) {
      consumer_.metrics_->applied->Increment(static_cast<double>(events.size()));
      if (consumer_.projection_.applied) consumer_.projection_.applied(session_);
    }
    return status;
  }

  absl::Status Park(const feed::v1::Event& event, const absl::Status& error, int64_t through,
                    absl::Time fresh_time) {
    static constexpr db::Statement kPark{
        "park_event",
        "INSERT INTO parked_events (source, event_id, position, aggregate_id, aggregate_version,"
        " event_type, event, error, attempts, park_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)"
        " ON DUPLICATE KEY UPDATE attempts = attempts + 1, error = VALUES(error)"};
    log::Error("feed_event_parked", {{"source", options_.source},
                                     {"event", event.event_id()},
                                     {"type", event.type()},
                                     {"record", event.aggregate()},
                                     {"error", error.ToString()}});
    const absl::Status status = session_.Transact([&](db::Transaction& tx) -> absl::Status {
      if (absl::Status moved = MoveCheckpoint(tx, through, fresh_time); !moved.ok()) return moved;
      return tx
          .Execute(kPark, options_.source, event.event_id(), event.position(), event.aggregate(),
                   event.version(), event.type(), db::Bytes{event.SerializeAsString()},
                   ErrorText(error), absl::Now())
          .status();
    });
    if (!status.ok()) return status;
    consumer_.metrics_->poison->Increment();
    consumer_.metrics_->parked.Increment();
    Moved(through, fresh_time);
    return absl::OkStatus();
  }

  void Moved(int64_t through, absl::Time fresh_time) {
    feed_id_ = NextFeedId();
    position_ = through;
    fresh_time_ = fresh_time;
    renewed_ = absl::Now();
    consumer_.SetPosition(through, fresh_time);
    Observe();
  }

  void Observe() {
    consumer_.metrics_->lag_events.Set(
        static_cast<double>(std::max<int64_t>(0, head_ - position_)));
    consumer_.metrics_->lag_seconds.Set(absl::ToDoubleSeconds(absl::Now() - fresh_time_));
  }

  // Begins anew from a snapshot. Until its end the checkpoint says that a rebuild is due.
  absl::Status Bootstrap(const std::stop_token& stop) {
    if (absl::Status status = Reset(); !status.ok()) return status;
    next_feed_id_.clear();  // Known at the end only.
    head_ = 0;
    const absl::Time asked = absl::Now();
    grpc::ClientContext context;
    options_.prepare(context);
    const std::stop_callback cancel(stop, [&] { context.TryCancel(); });
    feed::v1::SnapshotRequest request;
    for (const std::string& type : options_.aggregate_types) request.add_aggregate_types(type);
    const auto stream = stub_->Snapshot(&context, request);
    feed::v1::SnapshotPage page;
    std::string feed_id;
    int64_t position = -1;
    absl::Status status;
    while (status.ok() && stream->Read(&page)) {
      feed_id = page.feed_id();
      position = page.position();
      const std::vector<feed::v1::Event> events(page.events().begin(), page.events().end());
      if (!events.empty()) status = ApplyAll(events, 0, kBeginning);
    }
    if (!status.ok()) context.TryCancel();
    const grpc::Status ended = stream->Finish();
    if (!status.ok()) return status;
    if (!ended.ok()) return rpc::FromGrpcStatus(ended);
    if (position < 0) return absl::UnavailableError("the snapshot was empty");
    return SetCheckpoint(feed_id, position, asked, /*rebuild=*/false);
  }

  FeedConsumer& consumer_;
  const Options& options_;
  db::Session& session_;
  const std::string owner_;
  const std::unique_ptr<feed::v1::FeedService::Stub> stub_;
  int64_t epoch_ = 0;
  // As stored.
  std::string feed_id_;
  int64_t position_ = 0;
  absl::Time fresh_time_;
  std::string next_feed_id_;  // What the first batch of a new checkpoint says.
  int64_t head_ = 0;
  absl::Time renewed_;                        // The lease, last.
  absl::Time looked_ = absl::InfinitePast();  // At the whole checkpoint, last.
};

FeedConsumer::FeedConsumer(std::shared_ptr<grpc::Channel> channel, SessionFactory make_session,
                           Projection projection, Options options, prometheus::Registry& registry)
    : channel_(std::move(channel)),
      make_session_(std::move(make_session)),
      projection_(std::move(projection)),
      options_(std::move(options)),
      metrics_(std::make_unique<Metrics>(registry, options_.source)) {}

FeedConsumer::~FeedConsumer() = default;

void FeedConsumer::SetPosition(int64_t position, absl::Time fresh_time) {
  {
    std::lock_guard lock(mutex_);
    fresh_time_ = fresh_time;
  }
  position_ = position;
  metrics_->position.Set(static_cast<double>(position));
  metrics_->lag_seconds.Set(absl::ToDoubleSeconds(absl::Now() - fresh_time));
  moved_.Notify();
}

absl::Time FeedConsumer::fresh_time() const {
  std::lock_guard lock(mutex_);
  return fresh_time_;
}

bool FeedConsumer::WaitForPosition(int64_t position, absl::Duration timeout) const {
  const absl::Time deadline = absl::Now() + timeout;
  while (position_ < position) {
    const uint64_t seen = moved_.count();
    if (position_ >= position) break;
    if (absl::Now() >= deadline) return false;
    moved_.WaitPast(seen, deadline - absl::Now());
  }
  return true;
}

absl::Status FeedConsumer::Look(db::Session& session) {
  const absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(session, options_.source);
  if (checkpoint.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  if (!checkpoint.ok()) return checkpoint.status();
  metrics_->parked.Set(static_cast<double>(checkpoint->parked_events));
  const bool moved = checkpoint->position != position_;
  SetPosition(checkpoint->position, checkpoint->fresh_time);
  if (moved && projection_.applied) projection_.applied(session);
  return absl::OkStatus();
}

void FeedConsumer::Run(std::stop_token stop) {
  const std::unique_ptr<db::Session> session = make_session_();
  Following following(*this, *session, resource::NewId('f', absl::Now()));
  absl::Duration backoff = options_.min_backoff;
  bool holds_lease = false;
  while (!stop.stop_requested()) {
    session->StartUnit(absl::StrCat("follow_", options_.source), absl::Now() + options_.lease);
    bool progressed = false;
    absl::Status status;
    if (!holds_lease) {
      status = Look(*session);
      const absl::StatusOr<bool> taken = status.ok() ? following.TakeLease() : status;
      status = taken.status();
      holds_lease = taken.ok() && *taken;
      if (status.ok() && !holds_lease) {
        backoff = options_.min_backoff;
        SleepUnlessStopped(stop, options_.poll);
        continue;
      }
    }
    if (status.ok()) status = following.FollowOnce(stop, progressed);
    if (stop.stop_requested()) break;
    if (IsLeaseLost(status)) {
      holds_lease = false;
      continue;
    }
    if (progressed) backoff = options_.min_backoff;
    if (status.ok()) continue;  // The stream ended in good order, or a rebuild begins.
    if (status::ReasonOf(status) != "DRAINING") {
      log::Warning("feed_interrupted", {{"source", options_.source}, {"error", status.ToString()}});
    }
    SleepUnlessStopped(stop, FullJitter(backoff));
    metrics_->lag_seconds.Set(absl::ToDoubleSeconds(absl::Now() - fresh_time()));
    backoff = std::min(backoff * 2, options_.max_backoff);
  }
  if (holds_lease) following.GiveUpLease();
}

absl::StatusOr<int64_t> FeedConsumer::ReplayParked(db::Session& session) {
  static constexpr db::Statement kDrop{
      "drop_parked_event", "DELETE FROM parked_events WHERE source = ? AND event_id = ?"};
  static constexpr db::Statement kFailed{
      "note_parked_attempt",
      "UPDATE parked_events SET attempts = attempts + 1, error = ? WHERE source = ?"
      " AND event_id = ?"};
  int64_t replayed = 0;
  absl::Time after_time = kBeginning;
  std::string after_id;
  while (true) {
    absl::StatusOr<std::vector<ParkedEvent>> parked =
        ReadParked(session, options_.source, after_time, after_id, kParkedPerRead);
    if (!parked.ok()) return parked.status();
    for (const ParkedEvent& one : *parked) {
      const std::string& id = one.event.event_id();
      after_time = one.park_time;
      after_id = id;
      const absl::Status applied = session.Transact([&](db::Transaction& tx) -> absl::Status {
        const absl::StatusOr<int64_t> dropped = tx.Execute(kDrop, options_.source, id);
        if (!dropped.ok()) return dropped.status();
        if (*dropped == 0) return absl::OkStatus();  // Somebody else was faster.
        return projection_.apply(tx, std::span(&one.event, 1));
      });
      if (applied.ok()) {
        ++replayed;
        continue;
      }
      if (!IsFaultOfEvent(applied)) return applied;
      const absl::Status noted = session.Transact([&](db::Transaction& tx) {
        return tx.Execute(kFailed, ErrorText(applied), options_.source, id).status();
      });
      if (!noted.ok()) return noted;
    }
    if (parked->size() < kParkedPerRead) break;
  }
  if (replayed > 0 && projection_.applied) projection_.applied(session);
  const absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(session, options_.source);
  if (checkpoint.ok()) metrics_->parked.Set(static_cast<double>(checkpoint->parked_events));
  return replayed;
}

absl::StatusOr<Checkpoint> ReadCheckpoint(db::Session& session, const std::string& source) {
  static constexpr db::Statement kRead{
      "read_checkpoint",
      "SELECT feed_id, position, fresh_time,"
      " (SELECT COUNT(*) FROM parked_events p WHERE p.source = c.source)"
      " FROM feed_checkpoints c WHERE c.source = ?"};
  const absl::StatusOr<db::Rows> rows =
      session.Read([&](db::Snapshot& snapshot) { return snapshot.Query(kRead, source); });
  session.EndRead();
  if (!rows.ok()) return rows.status();
  if (rows->empty()) {
    return status::Error(absl::StatusCode::kNotFound, "CHECKPOINT_NOT_FOUND",
                         absl::StrCat(source, " was never followed"), {{"source", source}});
  }
  const db::Row& row = rows->front();
  return Checkpoint{row.String(0), row.Int64(1), row.Time(2), row.Int64(3)};
}

absl::Status RequestRebuild(db::Session& session, const std::string& source) {
  static constexpr db::Statement kRequest{
      "request_rebuild", "UPDATE feed_checkpoints SET rebuild_requested = 1 WHERE source = ?"};
  return session.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<int64_t> requested = tx.Execute(kRequest, source);
    if (!requested.ok()) return requested.status();
    if (*requested == 1) return absl::OkStatus();
    return status::Error(absl::StatusCode::kNotFound, "CHECKPOINT_NOT_FOUND",
                         absl::StrCat(source, " was never followed"), {{"source", source}});
  });
}

absl::StatusOr<std::vector<ParkedEvent>> ListParked(db::Session& session, const std::string& source,
                                                    size_t limit) {
  return ReadParked(session, source, kBeginning, "", limit);
}

absl::Status DiscardParked(db::Session& session, const std::string& source,
                           const std::string& event_id) {
  static constexpr db::Statement kDiscard{
      "discard_parked_event", "DELETE FROM parked_events WHERE source = ? AND event_id = ?"};
  return session.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<int64_t> dropped = tx.Execute(kDiscard, source, event_id);
    if (!dropped.ok()) return dropped.status();
    if (*dropped == 1) return absl::OkStatus();
    return status::Error(absl::StatusCode::kNotFound, "EVENT_NOT_PARKED",
                         absl::StrCat("no event ", event_id, " of ", source, " is parked"),
                         {{"source", source}, {"event_id", event_id}});
  });
}

}  // namespace milepost::change
