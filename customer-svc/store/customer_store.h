#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "customer-svc/domain/customer.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::customer {

// Whose customers a query may return: those of these owners ("" is the shared pool), or of all.
using OwnerFilter = std::optional<std::vector<std::string>>;

struct ListCustomersQuery {
  OwnerFilter owners;
  CustomerKind kind = CustomerKind::kUnspecified;
  std::string industry;
  std::string region;
  Channel channel = Channel::kUnspecified;
  std::string source_id;
  std::string tag;
  std::optional<absl::Time> created_from;
  std::optional<absl::Time> created_before;
  bool oldest_first = false;
  // Key of the last customer before.
  struct Key {
    absl::Time create_time;
    std::string id;
  };
  std::optional<Key> after;
  int limit = 0;
};

struct SearchCustomersQuery {
  std::string query;         // As typed.
  OwnerFilter owners;        // Who is found at all ...
  OwnerFilter phone_owners;  // ... and by phone.
  // Where the page before ended: hits come in three groups, ordered by key and id inside.
  struct Key {
    int group = 0;
    std::string key;
    std::string id;
  };
  Key after;
  int limit = 0;
};
struct SearchHit {
  Customer customer;
  SearchCustomersQuery::Key key;
};

// Rows of customers, their search terms and the shared pool's settings. Safe from any thread.
class CustomerStore {
 public:
  absl::StatusOr<Customer> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<Customer> LoadForUpdate(db::Transaction& tx, const std::string& id) const;
  // Those of `ids` that exist. At most kMaxIds.
  absl::StatusOr<std::map<std::string, Customer>> LoadMany(
      db::Snapshot& snapshot, const std::vector<std::string>& ids) const;
  absl::StatusOr<std::map<std::string, Customer>> LoadManyForUpdate(
      db::Transaction& tx, const std::vector<std::string>& ids) const;
  static constexpr size_t kMaxIds = 500;

  absl::StatusOr<std::vector<Customer>> List(db::Snapshot& snapshot,
                                             const ListCustomersQuery& query) const;
  absl::StatusOr<std::vector<SearchHit>> Search(db::Snapshot& snapshot,
                                                const SearchCustomersQuery& query) const;
  // Ids of customers of this owner, at most `limit`.
  absl::StatusOr<std::vector<std::string>> OwnedIds(db::Snapshot& snapshot,
                                                    const std::string& owner_id, int limit) const;

  // Customers with one of these keys, other than `except_id`; at most `limit`, in no order.
  absl::StatusOr<std::vector<DuplicateCandidate>> FindDuplicates(db::Snapshot& snapshot,
                                                                 const DuplicateKeys& keys,
                                                                 const std::string& except_id,
                                                                 int limit) const;

  // A new customer with its change. ALREADY_EXISTS / ID_TAKEN; REFERENCE_NOT_FOUND if it has a
  // parent that is not there or not of one of these owners. With the commit four round trips: its
  // row, its search terms, the change. The parent and duplicates are looked for by the statement
  // that writes the row; only a refusal costs more, to say why.
  absl::Status Insert(db::Transaction& tx, const change::Context& why, const Customer& customer,
                      const OwnerFilter& parents) const;
  // The same, but only if no customer refuses it as a duplicate: else those that do, at most
  // `limit`, and nothing is to be committed. Of two that come at the same instant the second waits
  // for the first and finds it, for the domain has duplicates found on create, and two people who
  // meet the same customer enter it at the same time.
  absl::StatusOr<std::vector<DuplicateCandidate>> InsertUnlessDuplicate(db::Transaction& tx,
                                                                        const change::Context& why,
                                                                        const Customer& customer,
                                                                        const OwnerFilter& parents,
                                                                        int limit) const;
  // Writes `after` over `before`, which the transaction has locked, and returns what is now stored.
  // `event` is the change's type.
  absl::StatusOr<Customer> Save(db::Transaction& tx, const change::Context& why,
                                const std::string& event, const Customer& before,
                                Customer after) const;

  // The same for many in few statements. INTERNAL if a row is not there any more; a taken id fails
  // all.
  absl::Status InsertMany(db::Transaction& tx, const change::Context& why,
                          const std::vector<Customer>& customers) const;
  absl::Status SaveMany(db::Transaction& tx, const change::Context& why, const std::string& event,
                        const std::vector<std::pair<Customer, Customer>>& before_and_after) const;

  absl::StatusOr<PoolSettings> LoadPoolSettings(db::Snapshot& snapshot) const;
  absl::StatusOr<PoolSettings> LoadPoolSettingsForUpdate(db::Transaction& tx) const;
  absl::StatusOr<PoolSettings> SavePoolSettings(db::Transaction& tx, const change::Context& why,
                                                PoolSettings settings) const;
  // Makes claims of one member wait for each other, then counts what it owns, up to `limit`.
  absl::StatusOr<int64_t> LockClaimsAndCountOwned(db::Transaction& tx, const std::string& member_id,
                                                  int64_t limit) const;
};

}  // namespace milepost::customer
