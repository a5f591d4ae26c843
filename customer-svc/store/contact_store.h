#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "customer-svc/domain/contact.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::customer {

struct ListContactsQuery {
  std::string customer_id;
  struct Key {
    absl::Time create_time;
    std::string id;
  };
  std::optional<Key> after;
  int limit = 0;
};

// Rows of contacts. Safe from any thread.
class ContactStore {
 public:
  absl::StatusOr<Contact> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<Contact> LoadForUpdate(db::Transaction& tx, const std::string& id) const;
  // Oldest first.
  absl::StatusOr<std::vector<Contact>> List(db::Snapshot& snapshot,
                                            const ListContactsQuery& query) const;
  // Counts up to `limit`.
  absl::StatusOr<int64_t> Count(db::Snapshot& snapshot, const std::string& customer_id,
                                int64_t limit) const;

  // Each with its change. ALREADY_EXISTS / ID_TAKEN.
  absl::Status Insert(db::Transaction& tx, const change::Context& why,
                      const Contact& contact) const;
  // Writes `after` over the locked `before` and returns what is now stored.
  absl::StatusOr<Contact> Save(db::Transaction& tx, const change::Context& why,
                               const Contact& before, Contact after) const;
  absl::Status Delete(db::Transaction& tx, const change::Context& why, const Contact& before,
                      Contact last) const;
};

}  // namespace milepost::customer
