#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "platform/access/organization.h"
#include "platform/change/feed_consumer.h"
#include "prometheus/registry.h"
#include "reporting-svc/service/directory.h"
#include "reporting-svc/service/freshness.h"
#include "reporting-svc/service/projection.h"

namespace milepost::reporting {

// Follows the feeds of the other services and keeps the read models current. Of several replicas
// one works per feed; all keep the organization in memory and know how far the feeds are. Safe from
// any thread.
class Followers {
 public:
  using SessionFactory = std::function<std::unique_ptr<db::Session>()>;

  // A channel for each service that is followed. Everything given outlives this object.
  Followers(std::map<std::string, std::shared_ptr<grpc::Channel>> channels,
            SessionFactory make_session, Projection& projection, FreshnessReader& freshness,
            access::OrganizationCache& organization, prometheus::Registry& registry);

  const std::vector<std::string>& sources() const { return sources_; }

  // Follows one source until asked to stop. Once per source, from a thread of its own.
  void Follow(const std::string& source, std::stop_token stop);

  // Learns how far the feeds are, now and then, until asked to stop. From a thread of its own.
  void WatchHeads(std::stop_token stop);

  // Loads the organization from what is stored, so that a restarted service knows who may see what
  // at once.
  absl::Status LoadOrganization(db::Session& session);

  // Asks for the read models to be emptied and built anew. Whoever follows the feeds does it.
  // Returns when it is asked for.
  absl::Status RequestRebuild(db::Session& session);

  // Applies parked events again. Returns how many did and how many remain.
  struct Replayed {
    int64_t applied = 0;
    int64_t remaining = 0;
  };
  absl::StatusOr<Replayed> ReplayParked(db::Session& session);

 private:
  void LookAtHeads(absl::Duration timeout);

  const std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
  const SessionFactory make_session_;
  Projection& projection_;
  FreshnessReader& freshness_;
  access::OrganizationCache& organization_;
  DirectoryCache directories_;
  RebuildStore rebuilds_;
  std::vector<std::string> sources_;
  std::map<std::string, std::unique_ptr<change::FeedConsumer>> consumers_;
};

}  // namespace milepost::reporting
