#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opportunity-svc/domain/order.h"
#include "platform/change/change.h"
#include "platform/db/session.h"
#include "platform/types/proto.h"

namespace milepost::opportunity {

// What a list is narrowed to; empty parts do not narrow.
struct OrderFilter {
  std::optional<std::vector<std::string>> owners;  // Set and empty: nothing matches.
  std::string customer;
  std::string opportunity;
  std::vector<OrderState> states;
  std::optional<DayRange> order_dates;
};

// Where a page ended.
struct OrderKey {
  absl::CivilDay order_date;
  std::string id;
};

// Orders and their rows. Stateless and safe from any thread.
class OrderStore {
 public:
  // NOT_FOUND if there is none.
  absl::StatusOr<Order> Load(db::Snapshot& snapshot, const std::string& id) const;
  absl::StatusOr<Order> LoadForUpdate(db::Transaction& tx, const std::string& id) const;

  // Those that exist, by id.
  absl::StatusOr<std::map<std::string, Order>> LoadManyForUpdate(
      db::Transaction& tx, const std::vector<std::string>& ids) const;

  // Newest first, after `after`, at most `limit`.
  absl::StatusOr<std::vector<Order>> List(db::Snapshot& snapshot, const OrderFilter& filter,
                                          const std::optional<OrderKey>& after, int limit) const;

  // Stores new ones of version 1 with their changes. ALREADY_EXISTS, naming the first one, if an id
  // is taken.
  absl::Status Insert(db::Transaction& tx, const change::Context& why, const std::string& event,
                      const std::vector<Order>& orders) const;

  // Stores what LoadForUpdate gave and the domain changed; returns it with the next version.
  // `before` is its former update_time.
  absl::StatusOr<Order> Save(db::Transaction& tx, const change::Context& why,
                             const std::string& event, Order order, absl::Time before) const;
};

}  // namespace milepost::opportunity
