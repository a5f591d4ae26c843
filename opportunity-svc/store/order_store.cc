#include "opportunity-svc/store/order_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/store/in_list.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {
namespace {

// Every SELECT begins so, and FromRow reads it.
constexpr char kSelect[] = "SELECT body, import_version FROM orders";

absl::StatusOr<Order> FromRow(const db::Row& row) {
  v1::Order proto;
  if (!proto.ParseFromString(row.String(0)))
    return absl::DataLossError("a stored order cannot be read");
  Order order = FromProto(proto);
  order.import_version = row.OptionalInt64(1);
  return order;
}

absl::StatusOr<Order> One(const absl::StatusOr<db::Rows>& rows, const std::string& id) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name(kOrders, id));
  return FromRow(rows->front());
}

absl::Status RecordChange(db::Transaction& tx, const change::Context& why, const std::string& event,
                          const Order& order, const v1::Order& proto, absl::Time before) {
  return change::Record(tx, why,
                        {.type = event,
                         .aggregate_type = "order",
                         .name = proto.name(),
                         .version = order.version,
                         .state = proto,
                         .previous_update_time = before});
}

}  // namespace

absl::StatusOr<Order> OrderStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  static const std::string sql = absl::StrCat(kSelect, " WHERE order_id = ?");
  return One(snapshot.Query({"load_order", sql}, id), id);
}

absl::StatusOr<Order> OrderStore::LoadForUpdate(db::Transaction& tx, const std::string& id) const {
  static const std::string sql = absl::StrCat(kSelect, " WHERE order_id = ? FOR UPDATE");
  return One(tx.Query({"lock_order", sql}, id), id);
}

absl::StatusOr<std::map<std::string, Order>> OrderStore::LoadManyForUpdate(
    db::Transaction& tx, const std::vector<std::string>& ids) const {
  std::map<std::string, Order> found;
  if (ids.empty()) return found;
  std::string sql = absl::StrCat(kSelect, " WHERE 1 = 1");
  std::vector<db::Value> arguments;
  AddIn("order_id", ids, sql, arguments);
  sql += " FOR UPDATE";
  const absl::StatusOr<db::Rows> rows = tx.QueryValues({"lock_orders", sql}, arguments);
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) {
    absl::StatusOr<Order> order = FromRow(row);
    if (!order.ok()) return order.status();
    found.emplace(order->id, *std::move(order));
  }
  return found;
}

absl::StatusOr<std::vector<Order>> OrderStore::List(db::Snapshot& snapshot,
                                                    const OrderFilter& filter,
                                                    const std::optional<OrderKey>& after,
                                                    int limit) const {
  std::vector<Order> orders;
  if (filter.owners && filter.owners->empty()) return orders;
  std::string sql = absl::StrCat(kSelect, " WHERE 1 = 1");
  std::vector<db::Value> arguments;
  if (after) {
    sql += " AND order_date <= ? AND (order_date < ? OR order_id < ?)";
    arguments.insert(arguments.end(), {after->order_date, after->order_date, after->id});
  }
  if (filter.owners) AddIn("owner_id", *filter.owners, sql, arguments);
  if (!filter.customer.empty()) AddIn("customer_id", {filter.customer}, sql, arguments);
  if (!filter.opportunity.empty()) AddIn("opportunity_id", {filter.opportunity}, sql, arguments);
  if (!filter.states.empty()) {
    absl::StrAppend(&sql, " AND state IN (", db::Placeholders(filter.states.size()), ")");
    for (const OrderState state : filter.states) arguments.emplace_back(static_cast<int>(state));
  }
  if (filter.order_dates) {
    sql += " AND order_date BETWEEN ? AND ?";
    arguments.insert(arguments.end(), {filter.order_dates->first, filter.order_dates->last});
  }
  sql += " ORDER BY order_date DESC, order_id DESC LIMIT ?";
  arguments.emplace_back(limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_orders", sql}, arguments);
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) {
    absl::StatusOr<Order> order = FromRow(row);
    if (!order.ok()) return order.status();
    orders.push_back(*std::move(order));
  }
  return orders;
}

absl::Status OrderStore::Insert(db::Transaction& tx, const change::Context& why,
                                const std::string& event, const std::vector<Order>& orders) const {
  if (orders.empty()) return absl::OkStatus();
  static constexpr db::Statement kInsert{
      "insert_orders",
      "INSERT INTO orders (order_id, opportunity_id, customer_id, owner_id, state, order_date,"
      " import_version, version, body) VALUES "};
  std::vector<db::Value> arguments;
  std::vector<v1::Order> protos;
  protos.reserve(orders.size());
  for (const Order& order : orders) {
    protos.push_back(ToProto(order));
    AddRow(arguments, order.id, order.opportunity, order.customer, order.owner,
           static_cast<int>(order.state), order.order_date, order.import_version, order.version,
           db::Bytes{protos.back().SerializeAsString()});
  }
  if (absl::Status status = tx.InsertRows(kInsert, "(?, ?, ?, ?, ?, ?, ?, ?, ?)", arguments);
      !status.ok()) {
    return db::DuplicateKey(status)
               ? error::AlreadyExists(resource::Name(kOrders, orders.front().id))
               : status;
  }
  for (size_t i = 0; i < orders.size(); ++i) {
    absl::Status status = RecordChange(tx, why, event, orders[i], protos[i], absl::InfinitePast());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Order> OrderStore::Save(db::Transaction& tx, const change::Context& why,
                                       const std::string& event, Order order,
                                       absl::Time before) const {
  static constexpr db::Statement kSave{"save_order",
                                       "UPDATE orders SET customer_id = ?, owner_id = ?, state = "
                                       "?, order_date = ?, import_version = ?, version = ?,"
                                       " body = ? WHERE order_id = ?"};
  ++order.version;
  const v1::Order proto = ToProto(order);
  const absl::StatusOr<int64_t> rows = tx.Execute(
      kSave, order.customer, order.owner, static_cast<int>(order.state), order.order_date,
      order.import_version, order.version, db::Bytes{proto.SerializeAsString()}, order.id);
  if (!rows.ok()) return rows.status();
  if (*rows != 1) return error::NotFound(proto.name());
  if (absl::Status status = RecordChange(tx, why, event, order, proto, before); !status.ok())
    return status;
  return order;
}

}  // namespace milepost::opportunity
