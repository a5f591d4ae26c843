// The organization as services other than target-svc know it: a copy of its units and members, kept
// by the feed.
#pragma once

#include <atomic>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "platform/access/organization.h"
#include "platform/change/feed_consumer.h"
#include "platform/db/migration.h"
#include "platform/db/session.h"

namespace milepost::organization {

// The table that the copy needs. The service's account needs SELECT, INSERT, UPDATE and DELETE on
// `organization_records`.
std::vector<db::Migration> ReplicaMigrations();

// Any thread may call. The cache outlives it.
//   OrganizationReplica replica(host.organization());
//   change::FeedConsumer consumer(host.PeerChannel(target), new_session, replica.projection(),
//                                 OrganizationReplica::ConsumerOptions(), host.registry());
//   host.AddBackground("organization", [&](std::stop_token stop) {
//     replica.KeepLoaded(stop, *host.NewSession());
//     consumer.Run(stop);
//   });
//   host.AddReadinessCheck("organization", [&] { return replica.Ready(); });
class OrganizationReplica {
 public:
  explicit OrganizationReplica(access::OrganizationCache& cache) : cache_(cache) {}

  // Which feed to follow: units and members of target-svc.
  static change::FeedConsumer::Options ConsumerOptions();
  change::Projection projection();

  // Reads the stored copy into the cache. The projection does it after events.
  absl::Status Load(db::Session& session);

  // At the start: tries to Load until it works or is asked to stop.
  void KeepLoaded(std::stop_token stop, db::Session& session);

  // OK once the stored copy was read: then scopes can be worked out, if maybe of an older day.
  absl::Status Ready() const;

 private:
  access::OrganizationCache& cache_;
  std::atomic<bool> loaded_{false};
};

}  // namespace milepost::organization
