#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "opportunity-svc/domain/opportunity.h"
#include "platform/change/change.h"
#include "platform/db/session.h"
#include "platform/types/proto.h"

namespace milepost::opportunity {

// What a list is narrowed to; empty parts do not narrow.
struct OpportunityFilter {
  std::optional<std::vector<std::string>> owners;  // Set and empty: nothing matches.
  std::string customer;
  std::vector<State> states;
  std::string process;
  std::vector<std::string> stages;
  std::vector<std::string> products;
  std::vector<std::string> sources;
  std::vector<std::string> regions;
  std::optional<DayRange> close_dates;
  std::optional<DayRange> expected_close_dates;
  std::optional<int64_t> min_amount;
  std::optional<int64_t> max_amount;
  std::string title_contains;
};

// Where a page ended.
struct OpportunityKey {
  absl::Time create_time;
  std::string id;
};

// Opportunities and their rows. Stateless and safe from any thread.
class OpportunityStore {
 public:
  // NOT_FOUND if there is none.
  absl::StatusOr<Opportunity> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<Opportunity> LoadForUpdate(db::Transaction& tx, const std::string& id) const;

  // The resources of those that exist, by id; one that cannot be read is an error of its own.
  using Resources = std::map<std::string, absl::StatusOr<v1::Opportunity>>;
  absl::StatusOr<Resources> LoadResources(db::Snapshot& snapshot,
                                          const std::vector<std::string>& ids) const;

  // Those that exist, by id.
  absl::StatusOr<std::map<std::string, Opportunity>> LoadManyForUpdate(
      db::Transaction& tx, const std::vector<std::string>& ids) const;

  // Resources, newest first, after `after`, at most `limit`.
  absl::StatusOr<std::vector<v1::Opportunity>> List(db::Snapshot& snapshot,
                                                    const OpportunityFilter& filter,
                                                    const std::optional<OpportunityKey>& after,
                                                    int limit) const;

  // Stores new ones of version 1 with their changes. ALREADY_EXISTS, naming the first one, if an id
  // is taken.
  absl::Status Insert(db::Transaction& tx, const change::Context& why, const std::string& event,
                      const std::vector<Opportunity>& opportunities) const;

  // Stores what LoadForUpdate gave and the domain changed; returns it with the next version.
  // `before` is its former update_time.
  absl::StatusOr<Opportunity> Save(db::Transaction& tx, const change::Context& why,
                                   const std::string& event, Opportunity opportunity,
                                   absl::Time before) const;
};

}  // namespace milepost::opportunity
