#include "platform/change/feed_tail.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "platform/log/log.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace milepost::change {
namespace {

constexpr size_t kEventsPerRead = 1000;
// Who is further behind than this reads the tables.
constexpr int64_t kMaxCatchUp = 20'000;
constexpr absl::Duration kPoll = absl::Milliseconds(50);
constexpr absl::Duration kIdlePoll = absl::Seconds(1);  // Without readers.
constexpr absl::Duration kTrimInterval = absl::Minutes(1);

prometheus::Gauge& Gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

FeedTail::FeedTail(Sequencer::SessionFactory make_session, Options options,
                   prometheus::Registry& registry)
    : make_session_(std::move(make_session)),
      options_(options),
      head_position_(
          Gauge(registry, "milepost_feed_head_position", "Newest position of the feed.")),
      earliest_position_(
          Gauge(registry, "milepost_feed_earliest_position", "Oldest retained position.")) {}

FeedHead FeedTail::head() const {
  std::lock_guard lock(mutex_);
  return head_;
}

std::optional<FeedTail::Events> FeedTail::InMemory(int64_t position, size_t limit) const {
  std::lock_guard lock(mutex_);
  if (position >= loaded_) return Events();
  const int64_t first = loaded_ - static_cast<int64_t>(events_.size()) + 1;
  if (position + 1 < first) return std::nullopt;
  Events found;
  for (auto i = static_cast<size_t>(position + 1 - first); i < events_.size(); ++i) {
    if (found.events.size() >= limit &&
        events_[i]->transaction_id() != found.events.back()->transaction_id()) {
      break;
    }
    found.events.push_back(events_[i]);
  }
  return found;
}

absl::StatusOr<FeedTail::Events> FeedTail::After(db::Session& session, int64_t position,
                                                 size_t limit) const {
  if (std::optional<Events> found = InMemory(position, limit)) return *std::move(found);
  absl::StatusOr<std::vector<feed::v1::Event>> read = ReadEvents(session, position, limit);
  if (!read.ok()) return read.status();
  Events found;
  found.from_memory = false;
  found.events.reserve(read->size());
  for (feed::v1::Event& event : *read)
    found.events.push_back(std::make_shared<const feed::v1::Event>(std::move(event)));
  return found;
}

void FeedTail::Run(const Sequencer& sequencer, std::stop_token stop) {
  const std::unique_ptr<db::Session> session = make_session_();
  absl::Time trimmed = absl::InfinitePast();
  bool complained = false;
  while (!stop.stop_requested()) {
    const uint64_t seen = sequencer.advanced().count();
    session->StartUnit("feed_tail", absl::Now() + absl::Seconds(5));
    absl::Status status = Follow(*session);
    if (status.ok() && absl::Now() - trimmed > kTrimInterval) {
      trimmed = absl::Now();
      status = TrimFeed(*session, absl::Now() - options_.retention);
    }
    if (!status.ok() && !complained) {
      log::Warning("feed_tail_interrupted", {{"error", status.ToString()}});
    }
    complained = !status.ok();
    // In short steps, so that a first reader and the end are noticed.
    const absl::Time until = absl::Now() + (readers_ > 0 ? kPoll : kIdlePoll);
    while (!stop.stop_requested() && absl::Now() < until &&
           sequencer.advanced().WaitPast(seen, kPoll) == seen && readers_ == 0) {
    }
  }
}

absl::Status FeedTail::Follow(db::Session& session) {
  absl::StatusOr<FeedHead> head = ReadFeedHead(session);
  if (!head.ok()) return head.status();
  head_position_.Set(static_cast<double>(head->position));
  earliest_position_.Set(static_cast<double>(head->earliest));
  int64_t loaded;
  bool moved = false;
  {
    std::lock_guard lock(mutex_);
    const bool replaced = head_.feed_id != head->feed_id || head->position < loaded_;
    if (replaced || readers_ == 0 || head->position - loaded_ > kMaxCatchUp) {
      moved = replaced || loaded_ != head->position;
      events_.clear();
      bytes_ = 0;
      loaded_ = head->position;
    }
    loaded = loaded_;
  }
  while (loaded < head->position) {
    absl::StatusOr<std::vector<feed::v1::Event>> events =
        ReadEvents(session, loaded, kEventsPerRead);
    if (!events.ok()) return events.status();
    if (events->empty()) return absl::InternalError("the feed ends before its head");
    {
      std::lock_guard lock(mutex_);
      for (feed::v1::Event& event : *events) {
        bytes_ += event.ByteSizeLong();
        events_.push_back(std::make_shared<const feed::v1::Event>(std::move(event)));
      }
      while (bytes_ > options_.memory_bytes && events_.size() > 1) {
        bytes_ -= events_.front()->ByteSizeLong();
        events_.pop_front();
      }
      loaded += static_cast<int64_t>(events->size());
      loaded_ = loaded;
      // More may have come since the head was read.
      head->position = std::max(head->position, loaded);
      head_ = *head;
    }
    moved_.Notify();
  }
  {
    std::lock_guard lock(mutex_);
    head_ = *std::move(head);
  }
  if (moved) moved_.Notify();
  return absl::OkStatus();
}

}  // namespace milepost::change
