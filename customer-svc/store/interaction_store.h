#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "customer-svc/domain/interaction.h"
#include "customer-svc/store/customer_store.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::customer {

struct ListInteractionsQuery {
  std::string customer_id;  // Empty: of any customer.
  OwnerFilter members;
  InteractionState state = InteractionState::kUnspecified;
  InteractionType type = InteractionType::kUnspecified;
  InteractionPurpose purpose = InteractionPurpose::kUnspecified;
  std::optional<absl::Time> planned_from;
  std::optional<absl::Time> planned_before;
  struct Key {
    absl::Time planned_time;
    std::string id;
  };
  std::optional<Key> after;
  int limit = 0;
};

struct ListOverdueQuery {
  OwnerFilter members;
  absl::CivilDay before;
  struct Key {
    absl::CivilDay due_day;
    std::string id;
  };
  std::optional<Key> after;
  int limit = 0;
};

// Rows of interactions. Safe from any thread.
class InteractionStore {
 public:
  // Due days are those of `zone`.
  explicit InteractionStore(absl::TimeZone zone) : zone_(zone) {}

  absl::StatusOr<Interaction> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<Interaction> LoadForUpdate(db::Transaction& tx, const std::string& id) const;
  // By planned time.
  absl::StatusOr<std::vector<Interaction>> List(db::Snapshot& snapshot,
                                                const ListInteractionsQuery& query) const;
  // By due day.
  absl::StatusOr<std::vector<Interaction>> ListOverdue(db::Snapshot& snapshot,
                                                       const ListOverdueQuery& query) const;
  // Ids of planned interactions of a member, of one customer if that is given; at most `limit`.
  absl::StatusOr<std::vector<std::string>> PlannedIds(db::Snapshot& snapshot,
                                                      const std::string& member_id,
                                                      const std::string& customer_id,
                                                      int limit) const;

  // Each with its change; `event` is the change's type. ALREADY_EXISTS / ID_TAKEN.
  absl::Status Insert(db::Transaction& tx, const change::Context& why, const std::string& event,
                      const Interaction& interaction) const;
  // Writes `after` over the locked `before` and returns what is now stored.
  absl::StatusOr<Interaction> Save(db::Transaction& tx, const change::Context& why,
                                   const std::string& event, const Interaction& before,
                                   Interaction after) const;

 private:
  absl::TimeZone zone_;
};

}  // namespace milepost::customer
