#include "target-svc/store/action_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "plan_id, action_id, node_id, owner_id, body, version, create_time, update_time";

StoredActionPlan ActionOf(const db::Row& row) {
  StoredActionPlan stored;
  stored.plan_id = row.String(0);
  stored.id = row.String(1);
  stored.node_id = row.String(2);
  stored.owner_id = row.String(3);
  stored.body.ParseFromString(row.String(4));
  stored.version = row.Int64(5);
  stored.create_time = row.Time(6);
  stored.update_time = row.Time(7);
  return stored;
}

absl::StatusOr<StoredActionPlan> LoadWith(db::Snapshot& snapshot, const std::string& plan_id,
                                          const std::string& id, const char* lock) {
  const std::string sql = absl::StrCat(
      "SELECT ", kColumns, " FROM action_plans WHERE plan_id = ? AND action_id = ? LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"load_action_plan", sql}, plan_id, id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(StoredActionPlan{.plan_id = plan_id, .id = id}.Name());
  return ActionOf(rows->front());
}

}  // namespace

v1::ActionPlan ToProto(const StoredActionPlan& stored) {
  v1::ActionPlan message = stored.body;
  message.set_name(stored.Name());
  *message.mutable_create_time() = milepost::ToProto(stored.create_time);
  *message.mutable_update_time() = milepost::ToProto(stored.update_time);
  message.set_etag(resource::Etag(stored.version));
  return message;
}

absl::StatusOr<StoredActionPlan> ActionStore::Load(db::Snapshot& snapshot,
                                                   const std::string& plan_id,
                                                   const std::string& id) const {
  return LoadWith(snapshot, plan_id, id, "");
}

absl::StatusOr<StoredActionPlan> ActionStore::LoadForUpdate(db::Transaction& tx,
                                                            const std::string& plan_id,
                                                            const std::string& id) const {
  return LoadWith(tx, plan_id, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<StoredActionPlan>> ActionStore::List(db::Snapshot& snapshot,
                                                                const Filter& filter,
                                                                const Key& after, int limit) const {
  std::string sql = absl::StrCat("SELECT ", kColumns, " FROM action_plans WHERE");
  std::vector<db::Value> values;
  const auto add = [&](const char* condition, db::Value value) {
    sql += condition;
    values.push_back(std::move(value));
  };
  // Of one plan its ids follow each other; of an owner plans do too.
  if (!filter.plan_id.empty()) {
    add(" plan_id = ?", db::Value(filter.plan_id));
    add(" AND action_id > ?", db::Value(after.id));
  } else {
    add(" (plan_id > ?", db::Value(after.plan_id));
    add(" OR (plan_id = ?", db::Value(after.plan_id));
    add(" AND action_id > ?))", db::Value(after.id));
  }
  if (!filter.owner_id.empty()) add(" AND owner_id = ?", db::Value(filter.owner_id));
  if (!filter.node_id.empty()) add(" AND node_id = ?", db::Value(filter.node_id));
  if (filter.kind) add(" AND kind = ?", db::Value(static_cast<int>(*filter.kind)));
  if (filter.state) add(" AND state = ?", db::Value(static_cast<int>(*filter.state)));
  add(" ORDER BY plan_id, action_id LIMIT ?", db::Value(limit));
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_action_plans", sql}, values);
  if (!rows.ok()) return rows.status();
  std::vector<StoredActionPlan> plans;
  for (const db::Row& row : *rows) plans.push_back(ActionOf(row));
  return plans;
}

absl::StatusOr<StoredActionPlan> ActionStore::Insert(db::Transaction& tx,
                                                     const change::Context& why,
                                                     StoredActionPlan stored) const {
  static constexpr db::Statement kInsert{
      "insert_action_plan",
      "INSERT INTO action_plans (plan_id, action_id, node_id, owner_id, kind, state, body, version,"
      " create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)"};
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      kInsert, stored.plan_id, stored.id, stored.node_id, stored.owner_id,
      static_cast<int>(stored.body.kind()), static_cast<int>(stored.body.state()),
      db::Bytes{stored.body.SerializeAsString()}, stored.create_time, stored.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status())) return error::AlreadyExists(stored.Name());
    return inserted.status();
  }
  stored.version = 1;
  const v1::ActionPlan state = ToProto(stored);
  if (absl::Status s =
          change::Record(tx, why, {"action-plan.created", "action-plan", state.name(), 1, state});
      !s.ok()) {
    return s;
  }
  return stored;
}

absl::StatusOr<StoredActionPlan> ActionStore::Save(db::Transaction& tx, const change::Context& why,
                                                   const std::string& type, StoredActionPlan stored,
                                                   absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_action_plan",
      "UPDATE action_plans SET owner_id = ?, state = ?, body = ?, update_time = ?,"
      " version = version + 1 WHERE plan_id = ? AND action_id = ? AND version = ?"};
  const absl::StatusOr<int64_t> saved =
      tx.Execute(kSave, stored.owner_id, static_cast<int>(stored.body.state()),
                 db::Bytes{stored.body.SerializeAsString()}, stored.update_time, stored.plan_id,
                 stored.id, stored.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(stored.Name());
  ++stored.version;
  const v1::ActionPlan state = ToProto(stored);
  if (absl::Status s = change::Record(
          tx, why,
          {type, "action-plan", state.name(), stored.version, state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return stored;
}

}  // namespace milepost::target
