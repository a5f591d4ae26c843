#include "target-svc/store/incentive_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

constexpr char kPlanColumns[] =
    "commission_plan_id, owner_id, unit_id, body, version, create_time, update_time";
constexpr char kStatementColumns[] =
    "statement_id, commission_plan_id, member_id, first_date, last_date, body, issue_time";

StoredCommissionPlan PlanOf(const db::Row& row) {
  StoredCommissionPlan plan;
  plan.id = row.String(0);
  plan.owner_id = row.String(1);
  plan.unit_id = row.String(2);
  plan.body.ParseFromString(row.String(3));
  plan.version = row.Int64(4);
  plan.create_time = row.Time(5);
  plan.update_time = row.Time(6);
  return plan;
}

StoredStatement StatementOf(const db::Row& row) {
  StoredStatement statement;
  statement.id = row.String(0);
  statement.commission_plan_id = row.String(1);
  statement.member_id = row.String(2);
  statement.first_day = row.Day(3);
  statement.last_day = row.Day(4);
  statement.body.ParseFromString(row.String(5));
  statement.issue_time = row.Time(6);
  return statement;
}

absl::StatusOr<StoredCommissionPlan> LoadPlan(db::Snapshot& snapshot, const std::string& id,
                                              const char* lock) {
  const std::string sql = absl::StrCat(
      "SELECT ", kPlanColumns, " FROM commission_plans WHERE commission_plan_id = ? LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({"load_commission_plan", sql}, {db::Value(id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name("commissionPlans", id));
  return PlanOf(rows->front());
}

absl::StatusOr<std::vector<StoredStatement>> Statements(const absl::StatusOr<db::Rows>& rows) {
  if (!rows.ok()) return rows.status();
  std::vector<StoredStatement> statements;
  for (const db::Row& row : *rows) statements.push_back(StatementOf(row));
  return statements;
}

}  // namespace

v1::CommissionPlan ToProto(const StoredCommissionPlan& plan) {
  v1::CommissionPlan message = plan.body;
  message.set_name(resource::Name("commissionPlans", plan.id));
  *message.mutable_create_time() = milepost::ToProto(plan.create_time);
  *message.mutable_update_time() = milepost::ToProto(plan.update_time);
  message.set_etag(resource::Etag(plan.version));
  return message;
}

absl::StatusOr<StoredCommissionPlan> CommissionPlanStore::Load(db::Snapshot& snapshot,
                                                               const std::string& id) const {
  return LoadPlan(snapshot, id, "");
}

absl::StatusOr<StoredCommissionPlan> CommissionPlanStore::LoadForUpdate(
    db::Transaction& tx, const std::string& id) const {
  return LoadPlan(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<StoredCommissionPlan>> CommissionPlanStore::List(
    db::Snapshot& snapshot, const std::string& after, int limit) const {
  static const std::string sql = absl::StrCat("SELECT ", kPlanColumns,
                                              " FROM commission_plans WHERE commission_plan_id > ?"
                                              " ORDER BY commission_plan_id LIMIT ?");
  const absl::StatusOr<db::Rows> rows =
      snapshot.Query({"list_commission_plans", sql}, after, limit);
  if (!rows.ok()) return rows.status();
  std::vector<StoredCommissionPlan> plans;
  for (const db::Row& row : *rows) plans.push_back(PlanOf(row));
  return plans;
}

absl::StatusOr<StoredCommissionPlan> CommissionPlanStore::Insert(db::Transaction& tx,
                                                                 const change::Context& why,
                                                                 StoredCommissionPlan plan) const {
  static constexpr db::Statement kInsert{
      "insert_commission_plan",
      "INSERT INTO commission_plans (commission_plan_id, owner_id, unit_id, body, version,"
      " create_time, update_time) VALUES (?, ?, ?, ?, 1, ?, ?)"};
  const absl::StatusOr<int64_t> inserted =
      tx.Execute(kInsert, plan.id, plan.owner_id, plan.unit_id,
                 db::Bytes{plan.body.SerializeAsString()}, plan.create_time, plan.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status()))
      return error::AlreadyExists(resource::Name("commissionPlans", plan.id));
    return inserted.status();
  }
  plan.version = 1;
  const v1::CommissionPlan state = ToProto(plan);
  if (absl::Status s = change::Record(
          tx, why, {"commission-plan.created", "commission-plan", state.name(), 1, state});
      !s.ok()) {
    return s;
  }
  return plan;
}

absl::StatusOr<StoredCommissionPlan> CommissionPlanStore::Save(
    db::Transaction& tx, const change::Context& why, const std::string& type,
    StoredCommissionPlan plan, absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_commission_plan",
      "UPDATE commission_plans SET body = ?, update_time = ?, version = version + 1"
      " WHERE commission_plan_id = ? AND version = ?"};
  const absl::StatusOr<int64_t> saved = tx.Execute(kSave, db::Bytes{plan.body.SerializeAsString()},
                                                   plan.update_time, plan.id, plan.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("commissionPlans", plan.id));
  ++plan.version;
  const v1::CommissionPlan state = ToProto(plan);
  if (absl::Status s = change::Record(tx, why,
                                      {type, "commission-plan", state.name(), plan.version, state,
                                       false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return plan;
}

absl::StatusOr<StoredStatement> StatementStore::Load(db::Snapshot& snapshot,
                                                     const std::string& id) const {
  static const std::string sql = absl::StrCat(
      "SELECT ", kStatementColumns, " FROM commission_statements WHERE statement_id = ? LIMIT 1");
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"load_statement", sql}, id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name("statements", id));
  return StatementOf(rows->front());
}

absl::StatusOr<std::vector<StoredStatement>> StatementStore::List(db::Snapshot& snapshot,
                                                                  const Filter& filter,
                                                                  const std::string& after,
                                                                  int limit) const {
  std::string sql = absl::StrCat("SELECT ", kStatementColumns,
                                 " FROM commission_statements WHERE statement_id > ?");
  std::vector<db::Value> values{db::Value(after)};
  const auto add = [&](const char* condition, db::Value value) {
    sql += condition;
    values.push_back(std::move(value));
  };
  if (!filter.commission_plan_id.empty())
    add(" AND commission_plan_id = ?", db::Value(filter.commission_plan_id));
  if (!filter.member_id.empty()) add(" AND member_id = ?", db::Value(filter.member_id));
  if (filter.first_day) add(" AND last_date >= ?", db::Value(*filter.first_day));
  if (filter.last_day) add(" AND first_date <= ?", db::Value(*filter.last_day));
  add(" ORDER BY statement_id LIMIT ?", db::Value(limit));
  return Statements(snapshot.QueryValues({"list_statements", sql}, values));
}

absl::StatusOr<std::vector<StoredStatement>> StatementStore::Before(
    db::Snapshot& snapshot, const std::string& commission_plan_id, const std::string& member_id,
    absl::CivilDay day, int limit) const {
  static const std::string sql =
      absl::StrCat("SELECT ", kStatementColumns,
                   " FROM commission_statements WHERE commission_plan_id = ? AND member_id = ?"
                   " AND first_date < ? ORDER BY first_date DESC LIMIT ?");
  return Statements(
      snapshot.Query({"statements_before", sql}, commission_plan_id, member_id, day, limit));
}

absl::StatusOr<std::string> StatementStore::LastId(db::Snapshot& snapshot,
                                                   const std::string& commission_plan_id,
                                                   const std::string& member_id) const {
  static constexpr db::Statement kLast{
      "last_statement",
      "SELECT statement_id FROM commission_statements WHERE commission_plan_id = ? AND"
      " member_id = ? ORDER BY first_date DESC LIMIT 1"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kLast, commission_plan_id, member_id);
  if (!rows.ok()) return rows.status();
  return rows->empty() ? "" : rows->front().String(0);
}

absl::Status StatementStore::Insert(db::Transaction& tx, const change::Context& why,
                                    const StoredStatement& statement) const {
  static constexpr db::Statement kInsert{
      "insert_statement",
      "INSERT INTO commission_statements (statement_id, commission_plan_id, member_id, first_date,"
      " last_date, body, issue_time) VALUES (?, ?, ?, ?, ?, ?, ?)"};
  const std::string name = resource::Name("statements", statement.id);
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      kInsert, statement.id, statement.commission_plan_id, statement.member_id, statement.first_day,
      statement.last_day, db::Bytes{statement.body.SerializeAsString()}, statement.issue_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status())) {
      return error::AlreadyIssued(name, resource::Name("members", statement.member_id),
                                  statement.body.period_label());
    }
    return inserted.status();
  }
  return change::Record(tx, why, {"statement.issued", "statement", name, 1, statement.body});
}

}  // namespace milepost::target
