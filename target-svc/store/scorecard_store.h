#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "milepost/target/v1/scorecard.pb.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::target {

// A template as it is kept: who keeps it, and the public resource without times and etag.
struct StoredScorecardTemplate {
  std::string id;
  std::string owner_id;
  std::string unit_id;
  v1::ScorecardTemplate body;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;
};

v1::ScorecardTemplate ToProto(const StoredScorecardTemplate& stored);

class ScorecardTemplateStore {
 public:
  absl::StatusOr<StoredScorecardTemplate> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<StoredScorecardTemplate> LoadForUpdate(db::Transaction& tx,
                                                        const std::string& id) const;
  // Up to `limit` after an id, by id.
  absl::StatusOr<std::vector<StoredScorecardTemplate>> List(db::Snapshot& snapshot,
                                                            bool show_retired,
                                                            const std::string& after,
                                                            int limit) const;
  absl::StatusOr<StoredScorecardTemplate> Insert(db::Transaction& tx, const change::Context& why,
                                                 StoredScorecardTemplate stored) const;
  // Writes the next version.
  absl::StatusOr<StoredScorecardTemplate> Save(db::Transaction& tx, const change::Context& why,
                                               StoredScorecardTemplate stored,
                                               absl::Time previous_update_time) const;
};

// A scorecard as it is kept: its keys, and the public resource without times and etag.
struct StoredScorecard {
  std::string id;
  std::string template_id;
  std::string member_id;
  absl::CivilDay first_day;
  absl::CivilDay last_day;
  v1::Scorecard body;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;
};

v1::Scorecard ToProto(const StoredScorecard& stored);

class ScorecardStore {
 public:
  absl::StatusOr<StoredScorecard> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<StoredScorecard> LoadForUpdate(db::Transaction& tx, const std::string& id) const;

  struct Filter {
    std::string template_id;
    std::string member_id;
    std::optional<v1::Scorecard::State> state;
    std::optional<absl::CivilDay> first_day;  // The period does not end before it,
    std::optional<absl::CivilDay> last_day;   // nor begin after it.
  };
  // Up to `limit` after an id, by id.
  absl::StatusOr<std::vector<StoredScorecard>> List(db::Snapshot& snapshot, const Filter& filter,
                                                    const std::string& after, int limit) const;
  // ALREADY_EXISTS also if the member has one of the template from that day on.
  absl::StatusOr<StoredScorecard> Insert(db::Transaction& tx, const change::Context& why,
                                         StoredScorecard stored) const;
  // Writes the next version; `type` is what happened (`scorecard.rated`).
  absl::StatusOr<StoredScorecard> Save(db::Transaction& tx, const change::Context& why,
                                       const std::string& type, StoredScorecard stored,
                                       absl::Time previous_update_time) const;
};

}  // namespace milepost::target
