#include "customer-svc/store/interaction_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "customer-svc/domain/errors.h"
#include "customer-svc/store/resource.h"
#include "platform/change/change.h"

namespace milepost::customer {
namespace {

constexpr char kColumns[] =
    "interaction_id, customer_id, member_id, contact_id, type, purpose, subject, planned_time,"
    " duration_minutes, state, done_time, result, outcome, next_step, next_step_due_day,"
    " next_step_done_time, cancel_reason, create_time, update_time, version";

Interaction FromRow(const db::Row& row) {
  Interaction interaction;
  size_t i = 0;
  interaction.id = row.String(i++);
  interaction.customer_id = row.String(i++);
  interaction.member_id = row.String(i++);
  interaction.contact_id = row.String(i++);
  interaction.type = static_cast<InteractionType>(row.Int64(i++));
  interaction.purpose = static_cast<InteractionPurpose>(row.Int64(i++));
  interaction.subject = row.String(i++);
  interaction.planned_time = row.Time(i++);
  interaction.duration_minutes = static_cast<int>(row.Int64(i++));
  interaction.state = static_cast<InteractionState>(row.Int64(i++));
  interaction.done_time = row.OptionalTime(i++);
  interaction.result = static_cast<InteractionResult>(row.Int64(i++));
  interaction.outcome = row.String(i++);
  std::string description = row.String(i++);
  const std::optional<absl::CivilDay> due_day = row.OptionalDay(i++);
  const std::optional<absl::Time> step_done = row.OptionalTime(i++);
  if (due_day) interaction.next_step = NextStep{std::move(description), *due_day, step_done};
  interaction.cancel_reason = row.String(i++);
  interaction.create_time = row.Time(i++);
  interaction.update_time = row.Time(i++);
  interaction.version = row.Int64(i++);
  return interaction;
}

std::vector<Interaction> FromRows(const db::Rows& rows) {
  std::vector<Interaction> interactions;
  for (const db::Row& row : rows) interactions.push_back(FromRow(row));
  return interactions;
}

absl::StatusOr<Interaction> One(const absl::StatusOr<db::Rows>& rows, const std::string& id) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(error::InteractionName(id));
  return FromRow(rows->front());
}

absl::Status Record(db::Transaction& tx, const change::Context& why, const std::string& type,
                    const Interaction& after, absl::Time previous_update_time) {
  const v1::Interaction state = ToProto(after);
  return change::Record(
      tx, why,
      {type, "interaction", state.name(), after.version, state, false, previous_update_time});
}

void AppendMembers(const OwnerFilter& members, std::string& sql, std::vector<db::Value>& values) {
  if (!members) return;
  size_t count = 1;  // A power of two, so that few different statements exist.
  while (count < members->size()) count *= 2;
  absl::StrAppend(&sql, " AND member_id IN (", db::Placeholders(count), ")");
  for (size_t i = 0; i < count; ++i)
    values.emplace_back((*members)[std::min(i, members->size() - 1)]);
}

}  // namespace

absl::StatusOr<Interaction> InteractionStore::Load(db::Snapshot& snapshot,
                                                   const std::string& id) const {
  static const std::string kSql =
      absl::StrCat("SELECT ", kColumns, " FROM interactions WHERE interaction_id = ?");
  return One(snapshot.Query({"load_interaction", kSql}, id), id);
}

absl::StatusOr<Interaction> InteractionStore::LoadForUpdate(db::Transaction& tx,
                                                            const std::string& id) const {
  static const std::string kSql =
      absl::StrCat("SELECT ", kColumns, " FROM interactions WHERE interaction_id = ? FOR UPDATE");
  return One(tx.Query({"lock_interaction", kSql}, id), id);
}

absl::StatusOr<std::vector<Interaction>> InteractionStore::List(
    db::Snapshot& snapshot, const ListInteractionsQuery& query) const {
  if (query.members && query.members->empty()) return std::vector<Interaction>();
  std::string sql = absl::StrCat("SELECT ", kColumns, " FROM interactions WHERE 1 = 1");
  std::vector<db::Value> values;
  const auto add = [&](const char* condition, db::Value value) {
    absl::StrAppend(&sql, " AND ", condition);
    values.push_back(std::move(value));
  };
  if (!query.customer_id.empty()) add("customer_id = ?", query.customer_id);
  AppendMembers(query.members, sql, values);
  if (query.state != InteractionState::kUnspecified) {
    add("state = ?", static_cast<int>(query.state));
  }
  if (query.type != InteractionType::kUnspecified) add("type = ?", static_cast<int>(query.type));
  if (query.purpose != InteractionPurpose::kUnspecified) {
    add("purpose = ?", static_cast<int>(query.purpose));
  }
  if (query.planned_from) add("planned_time >= ?", *query.planned_from);
  if (query.planned_before) add("planned_time < ?", *query.planned_before);
  if (query.after) {
    absl::StrAppend(&sql, " AND planned_time >= ? AND (planned_time > ? OR interaction_id > ?)");
    values.insert(values.end(),
                  {query.after->planned_time, query.after->planned_time, query.after->id});
  }
  absl::StrAppend(&sql, " ORDER BY planned_time, interaction_id LIMIT ?");
  values.emplace_back(query.limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_interactions", sql}, values);
  if (!rows.ok()) return rows.status();
  return FromRows(*rows);
}

absl::StatusOr<std::vector<Interaction>> InteractionStore::ListOverdue(
    db::Snapshot& snapshot, const ListOverdueQuery& query) const {
  if (query.members && query.members->empty()) return std::vector<Interaction>();
  std::string sql = absl::StrCat("SELECT ", kColumns, " FROM interactions WHERE due_day < ?");
  std::vector<db::Value> values = {query.before};
  AppendMembers(query.members, sql, values);
  if (query.after) {
    absl::StrAppend(&sql, " AND due_day >= ? AND (due_day > ? OR interaction_id > ?)");
    values.insert(values.end(), {query.after->due_day, query.after->due_day, query.after->id});
  }
  absl::StrAppend(&sql, " ORDER BY due_day, interaction_id LIMIT ?");
  values.emplace_back(query.limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_overdue", sql}, values);
  if (!rows.ok()) return rows.status();
  return FromRows(*rows);
}

absl::StatusOr<std::vector<std::string>> InteractionStore::PlannedIds(
    db::Snapshot& snapshot, const std::string& member_id, const std::string& customer_id,
    int limit) const {
  static constexpr db::Statement kOfMember{
      "list_planned_ids",
      "SELECT interaction_id FROM interactions WHERE member_id = ? AND state = 1"
      " ORDER BY planned_time, interaction_id LIMIT ?"};
  static constexpr db::Statement kOfCustomer{
      "list_planned_ids",
      "SELECT interaction_id FROM interactions WHERE member_id = ? AND state = 1 AND customer_id ="
      " ? ORDER BY planned_time, interaction_id LIMIT ?"};
  static_assert(static_cast<int>(InteractionState::kPlanned) == 1);
  const absl::StatusOr<db::Rows> rows =
      customer_id.empty() ? snapshot.Query(kOfMember, member_id, limit)
                          : snapshot.Query(kOfCustomer, member_id, customer_id, limit);
  if (!rows.ok()) return rows.status();
  std::vector<std::string> ids;
  for (const db::Row& row : *rows) ids.push_back(row.String(0));
  return ids;
}

absl::Status InteractionStore::Insert(db::Transaction& tx, const change::Context& why,
                                      const std::string& event,
                                      const Interaction& interaction) const {
  static const std::string kSql = absl::StrCat("INSERT INTO interactions (", kColumns,
                                               ", due_day) VALUES (", db::Placeholders(21), ")");
  const std::optional<NextStep>& step = interaction.next_step;
  const absl::StatusOr<int64_t> rows = tx.Execute(
      {"insert_interaction", kSql}, interaction.id, interaction.customer_id, interaction.member_id,
      interaction.contact_id, static_cast<int>(interaction.type),
      static_cast<int>(interaction.purpose), interaction.subject, interaction.planned_time,
      interaction.duration_minutes, static_cast<int>(interaction.state), interaction.done_time,
      static_cast<int>(interaction.result), interaction.outcome, step ? step->description : "",
      step ? db::Value(step->due_day) : db::Value(db::Null{}),
      step ? db::Value(step->done_time) : db::Value(db::Null{}), interaction.cancel_reason,
      interaction.create_time, interaction.update_time, interaction.version,
      DueDay(interaction, zone_));
  if (!rows.ok()) {
    if (db::DuplicateKey(rows.status())) {
      return error::IdTaken(error::InteractionName(interaction.id));
    }
    return rows.status();
  }
  return Record(tx, why, event, interaction, absl::InfinitePast());
}

absl::StatusOr<Interaction> InteractionStore::Save(db::Transaction& tx, const change::Context& why,
                                                   const std::string& event,
                                                   const Interaction& before,
                                                   Interaction after) const {
  static constexpr db::Statement kSave{
      "save_interaction",
      "UPDATE interactions SET member_id = ?, contact_id = ?, purpose = ?, subject = ?,"
      " planned_time = ?, duration_minutes = ?, state = ?, done_time = ?, result = ?, outcome = ?,"
      " next_step = ?, next_step_due_day = ?, next_step_done_time = ?, cancel_reason = ?,"
      " update_time = ?, version = ?, due_day = ? WHERE interaction_id = ?"};
  after.version = before.version + 1;
  const std::optional<NextStep>& step = after.next_step;
  const absl::StatusOr<int64_t> rows = tx.Execute(
      kSave, after.member_id, after.contact_id, static_cast<int>(after.purpose), after.subject,
      after.planned_time, after.duration_minutes, static_cast<int>(after.state), after.done_time,
      static_cast<int>(after.result), after.outcome, step ? step->description : "",
      step ? db::Value(step->due_day) : db::Value(db::Null{}),
      step ? db::Value(step->done_time) : db::Value(db::Null{}), after.cancel_reason,
      after.update_time, after.version, DueDay(after, zone_), after.id);
  if (!rows.ok()) return rows.status();
  if (*rows != 1) return error::NotFound(error::InteractionName(after.id));
  if (absl::Status s = Record(tx, why, event, after, before.update_time); !s.ok()) return s;
  return after;
}

}  // namespace milepost::customer
