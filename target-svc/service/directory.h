#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/access/organization.h"
#include "platform/change/signal.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"
#include "target-svc/domain/commitment.h"
#include "target-svc/domain/plan.h"
#include "target-svc/store/member_store.h"
#include "target-svc/store/unit_store.h"

namespace milepost::target {

// The time of day as the service sees it.
struct Clock {
  std::function<absl::Time()> now;
  absl::TimeZone zone;

  // Cut to the microseconds that are stored.
  absl::Time Now() const { return absl::FromUnixMicros(absl::ToUnixMicros(now())); }
  // Later than the moment of the change before, also when the clocks of two processes differ.
  absl::Time NowAfter(absl::Time previous) const {
    return std::max(Now(), previous + absl::Microseconds(1));
  }
  absl::CivilDay Today() const { return absl::ToCivilDay(now(), zone); }
};

// The organization in memory, read anew when it changed. Any thread may call.
class Directory {
 public:
  // `cache` is what callers' scopes are worked out from.
  Directory(Clock clock, access::OrganizationCache& cache)
      : clock_(std::move(clock)), cache_(cache) {}

  const Clock& clock() const { return clock_; }
  const UnitStore& units() const { return units_; }
  const MemberStore& members() const { return members_; }

  // The units as committed when it was called.
  absl::StatusOr<std::shared_ptr<const UnitTree>> Tree(db::Snapshot& snapshot);

  // Who calls, and what they lead today.
  absl::StatusOr<Actor> ActorOf(const rpc::Caller& caller, db::Snapshot& snapshot);

  // What a member leads today, whoever calls. It is no more than that: without roles.
  absl::StatusOr<Actor> StandingOf(const std::string& member_id, db::Snapshot& snapshot);
  // Whose target something of this scope is today.
  absl::StatusOr<TargetOwner> OwnerOf(const Scope& scope, db::Snapshot& snapshot);

  // Reads units and members into the cache if they changed since the last time.
  absl::Status Refresh(db::Session& session);
  // Says that this process changed the organization.
  void Notify() { changed_.Notify(); }
  // Refreshes after each notice, and every now and then for what other processes change, until
  // asked to stop.
  void Follow(db::Session& session, std::stop_token stop);
  // Returns after a notice or the time given.
  void WaitForNotice(absl::Duration time) const { changed_.WaitPast(changed_.count(), time); }
  // OK once the cache is filled.
  absl::Status Ready() const;

 private:
  const Clock clock_;
  access::OrganizationCache& cache_;
  UnitStore units_;
  MemberStore members_;
  change::Signal changed_;
  mutable std::mutex mutex_;
  std::shared_ptr<const UnitTree> tree_;  // Guarded by mutex_, like the two counts.
  int64_t tree_count_ = -1;
  int64_t cache_count_ = -1;
};

}  // namespace milepost::target
