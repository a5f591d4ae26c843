#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/db/session.h"

namespace milepost::reporting {

// How far one followed service is in the read models.
struct SourceState {
  std::string source;
  int64_t position = 0;
  absl::Time fresh_time;
  int64_t parked_events = 0;
  bool rebuilding = false;
  int64_t directory_version = 0;  // Of the directory's documents; the same for all sources.
};

// What is known about building the read models anew, and how far they are.
class RebuildStore {
 public:
  // From now on, until the read models of the source were emptied and have come to the position
  // again, they are being rebuilt.
  absl::Status SetGoal(db::Transaction& tx, const std::string& source, int64_t position);

  // Around the emptying of what came from a source. One that nobody asked for has the first
  // position as its goal.
  absl::Status BeginEmptying(db::Transaction& tx, const std::string& source);
  absl::Status EndEmptying(db::Transaction& tx, const std::string& source);

  // Forgets goals that are reached.
  absl::Status ForgetReached(db::Transaction& tx);

  // All sources that were ever followed, and the version of a part of the documents, in one round
  // trip: every report begins with it. The checkpoints and parked events are tables of
  // platform/change.
  absl::StatusOr<std::vector<SourceState>> ReadSources(db::Snapshot& snapshot,
                                                       const std::string& directory_part);
};

// Requests to rebuild that were carried out, so that a repeat does nothing.
class RequestStore {
 public:
  // False if the same caller sent this id within the last 24 hours.
  absl::StatusOr<bool> Remember(db::Transaction& tx, const std::string& scope,
                                const std::string& request_id, absl::Time now);
};

}  // namespace milepost::reporting
