#include "platform/change/feed_server.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/change/feed_reading.h"
#include "platform/log/log.h"
#include "platform/status/error.h"
#include "platform/types/proto.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace milepost::change {
namespace {

constexpr size_t kEventsPerRead = 1000;
constexpr size_t kStatesPerPage = 500;
// A batch is closed at the end of a transaction after the first, and anywhere before the second:
// a message may have 4 MiB.
constexpr size_t kBatchBytes = 512 * 1024;
constexpr size_t kBatchEvents = 1000;
constexpr size_t kMaxBatchBytes = 3 * 1024 * 1024;
constexpr absl::Duration kLookAround = absl::Milliseconds(100);  // For a gone client, a drain.

absl::Status OutOfRange(const std::string& reason, const std::string& message,
                        const FeedHead& head) {
  return status::Error(absl::StatusCode::kOutOfRange, reason, message,
                       {{"feed_id", head.feed_id},
                        {"earliest_position", absl::StrCat(head.earliest)},
                        {"head_position", absl::StrCat(head.position)}});
}

// OK if a reader may go on after `position`.
absl::Status CheckPosition(const FeedHead& head, const std::string& feed_id, int64_t position) {
  if (!feed_id.empty() && feed_id != head.feed_id) {
    return OutOfRange("FEED_REPLACED",
                      "the position belongs to another feed: this service's database was replaced",
                      head);
  }
  if (position > head.position) {
    return OutOfRange("POSITION_BEYOND_HEAD",
                      absl::StrCat("the feed ends at position ", head.position), head);
  }
  if (position + 1 < head.earliest) {
    return OutOfRange("POSITION_EXPIRED",
                      absl::StrCat("the oldest retained position is ", head.earliest), head);
  }
  return absl::OkStatus();
}

}  // namespace

struct FeedServer::Metrics {
  explicit Metrics(prometheus::Registry& registry)
      : subscribers(Gauge(registry, "milepost_feed_subscribers", "Open subscriptions.")),
        slow(Gauge(registry, "milepost_feed_slow_subscribers",
                   "Subscriptions that are so far behind that they read from the tables.")),
        sent(prometheus::BuildCounter()
                 .Name("milepost_feed_events_sent_total")
                 .Help("Events sent to subscribers.")
                 .Register(registry)
                 .Add({})),
        disconnects(prometheus::BuildCounter()
                        .Name("milepost_feed_disconnects_total")
                        .Help("Subscriptions that ended, by reason.")
                        .Register(registry)) {
    for (const char* reason : {"gone", "draining", "age", "error"}) {
      disconnects.Add({{"reason", reason}});
    }
  }

  static prometheus::Gauge& Gauge(prometheus::Registry& registry, const char* name,
                                  const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }

  prometheus::Gauge& subscribers;
  prometheus::Gauge& slow;
  prometheus::Counter& sent;
  prometheus::Family<prometheus::Counter>& disconnects;
};

FeedServer::FeedServer(rpc::Runner& runner, FeedTail& tail, Options options,
                       prometheus::Registry& registry)
    : rpc_(runner), tail_(tail), options_(options), metrics_(std::make_unique<Metrics>(registry)) {
  rpc_.Register<feed::v1::FeedService>();
}

FeedServer::~FeedServer() = default;

grpc::ServerWriteReactor<feed::v1::Batch>* FeedServer::Subscribe(
    grpc::CallbackServerContext* context, const feed::v1::SubscribeRequest* request) {
  return rpc_.RunServerStream<feed::v1::Batch>(
      *context, *request,
      [this](const rpc::Caller&, db::Session& session, const feed::v1::SubscribeRequest& subscribe,
             rpc::Writer<feed::v1::Batch>& out) {
        metrics_->subscribers.Increment();
        const absl::Status status = Send(session, subscribe, out);
        metrics_->subscribers.Decrement();
        const std::string reason = status::ReasonOf(status) == "DRAINING" ? "draining"
                                   : !status.ok()                         ? "error"
                                   : out.Ended()                          ? "gone"
                                                                          : "age";
        metrics_->disconnects.Add({{"reason", reason}}).Increment();
        return status;
      });
}

absl::Status FeedServer::Send(db::Session& session, const feed::v1::SubscribeRequest& request,
                              rpc::Writer<feed::v1::Batch>& out) {
  status::FieldViolations violations;
  if (request.after_position() < 0) violations.Add("after_position", "must not be below 0");
  if (!violations.empty()) return violations.ToStatus();
  const absl::StatusOr<FeedHead> first_head = ReadFeedHead(session);
  if (!first_head.ok()) return first_head.status();
  if (absl::Status status = CheckPosition(*first_head, request.feed_id(), request.after_position());
      !status.ok()) {
    return status;
  }
  const std::set<std::string> types(request.aggregate_types().begin(),
                                    request.aggregate_types().end());
  int64_t position = request.after_position();
  const FeedTail::Reader reader(tail_);
  bool slow = false;
  const auto set_slow = [&](bool now) {
    if (now != slow) now ? metrics_->slow.Increment() : metrics_->slow.Decrement();
    slow = now;
  };

  feed::v1::Batch batch;
  size_t batch_bytes = 0;
  // Sends what has been gathered up to `through`.
  const auto flush = [&](int64_t through) {
    FeedHead head = tail_.head();
    if (head.position < through || head.feed_id.empty()) head = *first_head;
    batch.set_after_position(position);
    batch.set_through_position(through);
    batch.set_head_position(std::max(head.position, through));
    batch.set_feed_id(first_head->feed_id);
    *batch.mutable_head_time() = ToProto(head.read_time);
    const int events = batch.events_size();
    if (!out.Write(std::move(batch))) return false;
    metrics_->sent.Increment(events);
    batch = feed::v1::Batch();
    batch_bytes = 0;
    position = through;
    return true;
  };

  const absl::Time end = absl::Now() + options_.stream_age;
  absl::Time bookmark_due = absl::InfinitePast();  // At once, if there is nothing to send.
  absl::Status result;
  while (true) {
    if (out.Draining()) {
      flush(position);
      result = status::Error(absl::StatusCode::kUnavailable, "DRAINING",
                             "this server is draining: subscribe again after the last position");
      break;
    }
    if (out.Ended()) break;
    if (absl::Now() > end) {
      flush(position);
      break;
    }
    const uint64_t seen = tail_.moved().count();
    if (const FeedHead head = tail_.head();
        !head.feed_id.empty() && head.feed_id != first_head->feed_id) {
      result = CheckPosition(head, first_head->feed_id, position);
      break;
    }
    const absl::StatusOr<FeedTail::Events> read = tail_.After(session, position, kEventsPerRead);
    if (!read.ok()) {
      result = read.status();
      break;
    }
    set_slow(!read->from_memory);
    const auto& events = read->events;
    if (events.empty()) {
      if (absl::Now() >= bookmark_due) {
        if (!flush(position)) break;
        bookmark_due = absl::Now() + options_.bookmark;
      }
      tail_.moved().WaitPast(seen, kLookAround);
      continue;
    }
    bool gone = false;
    for (size_t i = 0; i < events.size() && !gone; ++i) {
      const feed::v1::Event& event = *events[i];
      const bool wanted = types.empty() || types.contains(event.aggregate_type());
      if (wanted) {
        const size_t bytes = event.ByteSizeLong();
        if (batch.events_size() > 0 && batch_bytes + bytes > kMaxBatchBytes) {
          gone = !flush(event.position() - 1);
        }
        *batch.add_events() = event;
        batch_bytes += bytes;
      }
      const bool ends_transaction =
          i + 1 == events.size() || events[i + 1]->transaction_id() != event.transaction_id();
      if (!gone && ends_transaction &&
          (i + 1 == events.size() || batch_bytes >= kBatchBytes ||
           batch.events_size() >= static_cast<int>(kBatchEvents))) {
        gone = !flush(event.position());
      }
    }
    if (gone) break;
    bookmark_due = absl::Now() + options_.bookmark;
  }
  set_slow(false);
  return result;
}

grpc::ServerWriteReactor<feed::v1::SnapshotPage>* FeedServer::Snapshot(
    grpc::CallbackServerContext* context, const feed::v1::SnapshotRequest* request) {
  return rpc_.RunServerStream<feed::v1::SnapshotPage>(
      *context, *request,
      [this](const rpc::Caller&, db::Session& session, const feed::v1::SnapshotRequest& snapshot,
             rpc::Writer<feed::v1::SnapshotPage>& out) {
        return SendSnapshot(session, snapshot, out);
      });
}

absl::Status FeedServer::SendSnapshot(db::Session& session,
                                      const feed::v1::SnapshotRequest& request,
                                      rpc::Writer<feed::v1::SnapshotPage>& out) {
  // First the position, then the states: they hold at least all changes up to it.
  const absl::StatusOr<FeedHead> head = ReadFeedHead(session);
  if (!head.ok()) return head.status();
  const std::set<std::string> types(request.aggregate_types().begin(),
                                    request.aggregate_types().end());
  feed::v1::SnapshotPage page;
  size_t bytes = 0;
  const auto flush = [&] {
    page.set_position(head->position);
    page.set_feed_id(head->feed_id);
    bytes = 0;
    return out.Write(std::exchange(page, feed::v1::SnapshotPage()));
  };
  std::string after;
  do {
    if (out.Draining()) {
      return status::Error(absl::StatusCode::kUnavailable, "DRAINING",
                           "this server is draining: ask another one for the snapshot");
    }
    absl::StatusOr<StatePage> states = ReadStates(session, after, kStatesPerPage);
    if (!states.ok()) return states.status();
    for (feed::v1::Event& event : states->events) {
      if (!types.empty() && !types.contains(event.aggregate_type())) continue;
      const size_t event_bytes = event.ByteSizeLong();
      if (page.events_size() > 0 && bytes + event_bytes > kMaxBatchBytes && !flush()) {
        return absl::OkStatus();
      }
      bytes += event_bytes;
      *page.add_events() = std::move(event);
    }
    after = states->last_name;
    // The last page may be empty: it tells the position when there is no record at all.
    if ((bytes >= kBatchBytes || after.empty()) && !flush()) return absl::OkStatus();
  } while (!after.empty());
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* FeedServer::GetFeedStatus(grpc::CallbackServerContext* context,
                                                    const feed::v1::GetFeedStatusRequest* request,
                                                    feed::v1::FeedStatus* response) {
  return rpc_.Run(
      *context, *request, *response,
      [](const rpc::Caller&, db::Session& session,
         const feed::v1::GetFeedStatusRequest&) -> absl::StatusOr<feed::v1::FeedStatus> {
        const absl::StatusOr<FeedHead> head = ReadFeedHead(session);
        if (!head.ok()) return head.status();
        const absl::StatusOr<int64_t> unsequenced = CountUnsequenced(session);
        if (!unsequenced.ok()) return unsequenced.status();
        feed::v1::FeedStatus status;
        status.set_head_position(head->position);
        status.set_earliest_position(head->earliest);
        status.set_unsequenced_changes(*unsequenced);
        status.set_feed_id(head->feed_id);
        return status;
      });
}

}  // namespace milepost::change
