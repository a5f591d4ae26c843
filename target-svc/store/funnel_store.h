#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "milepost/target/v1/funnel.pb.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::target {

// A funnel as it is kept: what decides who sees it, and the public resource without times and etag.
struct StoredFunnel {
  std::string id;
  std::string owner_id;
  std::string unit_id;
  v1::Funnel state;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;
};

v1::Funnel ToProto(const StoredFunnel& funnel);

// Funnels. A deleted one is as if it were not there, but keeps its id.
class FunnelStore {
 public:
  absl::StatusOr<StoredFunnel> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<StoredFunnel> LoadForUpdate(db::Transaction& tx, const std::string& id) const;
  // Up to `limit` funnels after an id, by id.
  absl::StatusOr<std::vector<StoredFunnel>> List(db::Snapshot& snapshot, const std::string& after,
                                                 int limit) const;
  absl::StatusOr<StoredFunnel> Insert(db::Transaction& tx, const change::Context& why,
                                      StoredFunnel funnel) const;
  // Writes the next version; `type` is what happened (`funnel.updated`).
  absl::StatusOr<StoredFunnel> Save(db::Transaction& tx, const change::Context& why,
                                    const std::string& type, StoredFunnel funnel,
                                    absl::Time previous_update_time) const;
  absl::Status Delete(db::Transaction& tx, const change::Context& why, StoredFunnel funnel,
                      absl::Time now) const;
};

}  // namespace milepost::target
