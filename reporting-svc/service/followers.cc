#include "reporting-svc/service/followers.h"

#include <condition_variable>
#include <mutex>
#include <span>
#include <utility>

#include "absl/time/clock.h"
#include "milepost/feed/v1/feed.grpc.pb.h"
#include "platform/log/log.h"

namespace milepost::reporting {
namespace {

// Events at once when there are many, as in a rebuild: cells that they share are written once.
constexpr size_t kBatch = 10'000;
constexpr absl::Duration kHeadInterval = absl::Seconds(1);
constexpr absl::Duration kHeadTimeout = absl::Seconds(2);

}  // namespace

Followers::Followers(std::map<std::string, std::shared_ptr<grpc::Channel>> channels,
                     SessionFactory make_session, Projection& projection,
                     FreshnessReader& freshness, access::OrganizationCache& organization,
                     prometheus::Registry& registry)
    : channels_(std::move(channels)),
      make_session_(std::move(make_session)),
      projection_(projection),
      freshness_(freshness),
      organization_(organization) {
  for (const auto& [source, channel] : channels_) {
    sources_.push_back(source);
    change::Projection events;
    events.apply = [this](db::Transaction& tx, std::span<const feed::v1::Event> batch) {
      return projection_.Apply(tx, batch);
    };
    events.reset = [this, source = source](db::Session& session) {
      return projection_.Reset(session, source);
    };
    events.applied = [this, source = source](db::Session& session) {
      if (source == kTargetService) {
        if (const absl::Status s = LoadOrganization(session); !s.ok()) {
          log::Warning("organization_not_renewed", {{"error", s.ToString()}});
        }
      }
      // A goal that stays although it is reached is without effect; the next look forgets it.
      const absl::Status forgotten =
          session.Transact([this](db::Transaction& tx) { return rebuilds_.ForgetReached(tx); });
      if (!forgotten.ok()) log::Warning("rebuild_goal_kept", {{"error", forgotten.ToString()}});
      freshness_.NoteApplied();
    };
    change::FeedConsumer::Options options;
    options.source = source;
    options.batch = kBatch;
    consumers_[source] = std::make_unique<change::FeedConsumer>(
        channel, make_session_, std::move(events), std::move(options), registry);
  }
}

void Followers::Follow(const std::string& source, std::stop_token stop) {
  consumers_.at(source)->Run(std::move(stop));
}

void Followers::LookAtHeads(absl::Duration timeout) {
  for (const auto& [source, channel] : channels_) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    feed::v1::FeedStatus status;
    const grpc::Status called = feed::v1::FeedService::NewStub(channel)->GetFeedStatus(
        &context, feed::v1::GetFeedStatusRequest(), &status);
    if (called.ok()) freshness_.NoteHead(source, status.head_position());
  }
}

void Followers::WatchHeads(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    LookAtHeads(kHeadTimeout);
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, stop, absl::ToChronoNanoseconds(kHeadInterval), [] { return false; });
  }
}

absl::Status Followers::LoadOrganization(db::Session& session) {
  absl::StatusOr<std::shared_ptr<const Directory>> directory =
      session.Read([this](db::Snapshot& snapshot) { return directories_.Get(snapshot); });
  session.EndRead();
  if (!directory.ok()) return directory.status();
  organization_.Set((*directory)->access_organization);
  return absl::OkStatus();
}

absl::Status Followers::RequestRebuild(db::Session& session) {
  LookAtHeads(kHeadTimeout);
  for (const std::string& source : sources_) {
    // What was applied is a goal that can be reached even if the service does not answer now.
    const absl::StatusOr<change::Checkpoint> checkpoint = change::ReadCheckpoint(session, source);
    if (absl::IsNotFound(checkpoint.status()))
      continue;  // Never followed: there is nothing to build anew.
    if (!checkpoint.ok()) return checkpoint.status();
    const int64_t goal = std::max(checkpoint->position, freshness_.KnownHead(source));
    absl::Status status =
        session.Transact([&](db::Transaction& tx) { return rebuilds_.SetGoal(tx, source, goal); });
    if (status.ok()) status = change::RequestRebuild(session, source);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Followers::Replayed> Followers::ReplayParked(db::Session& session) {
  Replayed replayed;
  for (const auto& [source, consumer] : consumers_) {
    const absl::StatusOr<int64_t> applied = consumer->ReplayParked(session);
    if (!applied.ok()) return applied.status();
    replayed.applied += *applied;
    const absl::StatusOr<change::Checkpoint> checkpoint = change::ReadCheckpoint(session, source);
    if (checkpoint.ok()) replayed.remaining += checkpoint->parked_events;
  }
  return replayed;
}

}  // namespace milepost::reporting
