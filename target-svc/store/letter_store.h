#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/letter.h"

namespace milepost::target {

// Commitment letters. Every write happens under PlanStore::LoadForUpdate of the plan.
class LetterStore {
 public:
  absl::StatusOr<Letter> Load(db::Snapshot& snapshot, const std::string& plan_id,
                              const std::string& letter_id) const;

  struct Filter {
    std::string member_id;
    std::optional<LetterState> state;
  };
  // Up to `limit` letters after an id, by id.
  absl::StatusOr<std::vector<Letter>> List(db::Snapshot& snapshot, const std::string& plan_id,
                                           const Filter& filter, const std::string& after,
                                           int limit) const;

  absl::StatusOr<Letter> Insert(db::Transaction& tx, const change::Context& why,
                                Letter letter) const;
  // Writes the content too, only while nobody has signed.
  absl::StatusOr<Letter> Save(db::Transaction& tx, const change::Context& why,
                              const std::string& event_type, const Letter& before,
                              Letter letter) const;
};

}  // namespace milepost::target
