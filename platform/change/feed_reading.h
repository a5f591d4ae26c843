// Reads the feed from the tables: what the feed server sends and tests look at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "milepost/feed/v1/feed.pb.h"
#include "platform/db/session.h"

namespace milepost::change {

// How far the feed reaches.
struct FeedHead {
  std::string feed_id;
  int64_t position = 0;  // Newest; 0 if nothing was ever numbered.
  int64_t earliest = 1;  // Oldest retained; position + 1 if none is.
  absl::Time read_time;  // Before it was read.
};
absl::StatusOr<FeedHead> ReadFeedHead(db::Session& session);

// Events after a position, at most about `limit`, ending with a whole transaction; a transaction
// longer than `limit` is read whole up to 100,000 events. INTERNAL if there is a hole.
absl::StatusOr<std::vector<feed::v1::Event>> ReadEvents(db::Session& session,
                                                        int64_t after_position, size_t limit);

// Newest states of the records after `after_name`, by name; deleted ones are left out. `last_name`
// is where the next page begins; empty after the last page.
struct StatePage {
  std::vector<feed::v1::Event> events;  // Without position.
  std::string last_name;
};
absl::StatusOr<StatePage> ReadStates(db::Session& session, const std::string& after_name,
                                     size_t limit);

// Moves the oldest retained position past all changes before `cutoff`; at most about 100,000 of
// them at once. The changes themselves stay.
absl::Status TrimFeed(db::Session& session, absl::Time cutoff);

// Committed changes without position; counted up to 10,000.
absl::StatusOr<int64_t> CountUnsequenced(db::Session& session);

}  // namespace milepost::change
