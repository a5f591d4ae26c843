#include "customer-svc/store/contact_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "customer-svc/domain/errors.h"
#include "customer-svc/domain/text.h"
#include "customer-svc/store/resource.h"
#include "platform/change/change.h"

namespace milepost::customer {
namespace {

constexpr char kColumns[] =
    "contact_id, customer_id, display_name, job_title, department, decision_role, attitude,"
    " phone, mobile, email, wechat, is_primary, has_left, description, create_time, update_time,"
    " version";

std::string Reversed(std::string text) {
  std::reverse(text.begin(), text.end());
  return text;
}

Contact FromRow(const db::Row& row) {
  Contact contact;
  size_t i = 0;
  contact.id = row.String(i++);
  contact.customer_id = row.String(i++);
  contact.display_name = row.String(i++);
  contact.job_title = row.String(i++);
  contact.department = row.String(i++);
  contact.decision_role = static_cast<DecisionRole>(row.Int64(i++));
  contact.attitude = static_cast<Attitude>(row.Int64(i++));
  contact.phone = row.String(i++);
  contact.mobile = row.String(i++);
  contact.email = row.String(i++);
  contact.wechat = row.String(i++);
  contact.primary = row.Bool(i++);
  contact.left = row.Bool(i++);
  contact.description = row.String(i++);
  contact.create_time = row.Time(i++);
  contact.update_time = row.Time(i++);
  contact.version = row.Int64(i++);
  return contact;
}

absl::StatusOr<Contact> One(const absl::StatusOr<db::Rows>& rows, const std::string& id) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(error::ContactName(id));
  return FromRow(rows->front());
}

absl::Status Record(db::Transaction& tx, const change::Context& why, const std::string& type,
                    const Contact& after, bool deleted, absl::Time previous_update_time) {
  const v1::Contact state = ToProto(after);
  return change::Record(
      tx, why,
      {type, "contact", state.name(), after.version, state, deleted, previous_update_time});
}

}  // namespace

absl::StatusOr<Contact> ContactStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  static const std::string kSql =
      absl::StrCat("SELECT ", kColumns, " FROM contacts WHERE contact_id = ?");
  return One(snapshot.Query({"load_contact", kSql}, id), id);
}

absl::StatusOr<Contact> ContactStore::LoadForUpdate(db::Transaction& tx,
                                                    const std::string& id) const {
  static const std::string kSql =
      absl::StrCat("SELECT ", kColumns, " FROM contacts WHERE contact_id = ? FOR UPDATE");
  return One(tx.Query({"lock_contact", kSql}, id), id);
}

absl::StatusOr<std::vector<Contact>> ContactStore::List(db::Snapshot& snapshot,
                                                        const ListContactsQuery& query) const {
  static const std::string kFirst = absl::StrCat("SELECT ", kColumns,
                                                 " FROM contacts WHERE customer_id = ?"
                                                 " ORDER BY create_time, contact_id LIMIT ?");
  static const std::string kNext =
      absl::StrCat("SELECT ", kColumns,
                   " FROM contacts WHERE customer_id = ? AND create_time >= ?"
                   " AND (create_time > ? OR contact_id > ?)"
                   " ORDER BY create_time, contact_id LIMIT ?");
  const absl::StatusOr<db::Rows> rows =
      query.after
          ? snapshot.Query({"list_contacts", kNext}, query.customer_id, query.after->create_time,
                           query.after->create_time, query.after->id, query.limit)
          : snapshot.Query({"list_contacts", kFirst}, query.customer_id, query.limit);
  if (!rows.ok()) return rows.status();
  std::vector<Contact> contacts;
  for (const db::Row& row : *rows) contacts.push_back(FromRow(row));
  return contacts;
}

absl::StatusOr<int64_t> ContactStore::Count(db::Snapshot& snapshot, const std::string& customer_id,
                                            int64_t limit) const {
  static constexpr db::Statement kCount{
      "count_contacts",
      "SELECT COUNT(*) FROM (SELECT 1 AS one FROM contacts WHERE customer_id = ? LIMIT ?) counted"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kCount, customer_id, limit);
  if (!rows.ok()) return rows.status();
  return rows->front().Int64(0);
}

absl::Status ContactStore::Insert(db::Transaction& tx, const change::Context& why,
                                  const Contact& contact) const {
  static const std::string kSql =
      absl::StrCat("INSERT INTO contacts (", kColumns,
                   ", phone_digits, phone_reversed, mobile_digits, mobile_reversed) VALUES (",
                   db::Placeholders(21), ")");
  const std::string phone = PhoneDigits(contact.phone);
  const std::string mobile = PhoneDigits(contact.mobile);
  const absl::StatusOr<int64_t> rows = tx.Execute(
      {"insert_contact", kSql}, contact.id, contact.customer_id, contact.display_name,
      contact.job_title, contact.department, static_cast<int>(contact.decision_role),
      static_cast<int>(contact.attitude), contact.phone, contact.mobile, contact.email,
      contact.wechat, contact.primary, contact.left, contact.description, contact.create_time,
      contact.update_time, contact.version, phone, Reversed(phone), mobile, Reversed(mobile));
  if (!rows.ok()) {
    if (db::DuplicateKey(rows.status())) return error::IdTaken(error::ContactName(contact.id));
    return rows.status();
  }
  return Record(tx, why, "contact.created", contact, false, absl::InfinitePast());
}

absl::StatusOr<Contact> ContactStore::Save(db::Transaction& tx, const change::Context& why,
                                           const Contact& before, Contact after) const {
  static constexpr db::Statement kSave{
      "save_contact",
      "UPDATE contacts SET display_name = ?, job_title = ?, department = ?, decision_role = ?,"
      " attitude = ?, phone = ?, mobile = ?, email = ?, wechat = ?, is_primary = ?, has_left = ?,"
      " description = ?, update_time = ?, version = ?, phone_digits = ?, phone_reversed = ?,"
      " mobile_digits = ?, mobile_reversed = ? WHERE contact_id = ?"};
  after.version = before.version + 1;
  const std::string phone = PhoneDigits(after.phone);
  const std::string mobile = PhoneDigits(after.mobile);
  const absl::StatusOr<int64_t> rows = tx.Execute(
      kSave, after.display_name, after.job_title, after.department,
      static_cast<int>(after.decision_role), static_cast<int>(after.attitude), after.phone,
      after.mobile, after.email, after.wechat, after.primary, after.left, after.description,
      after.update_time, after.version, phone, Reversed(phone), mobile, Reversed(mobile), after.id);
  if (!rows.ok()) return rows.status();
  if (*rows != 1) return error::NotFound(error::ContactName(after.id));
  if (absl::Status s = Record(tx, why, "contact.updated", after, false, before.update_time);
      !s.ok()) {
    return s;
  }
  return after;
}

absl::Status ContactStore::Delete(db::Transaction& tx, const change::Context& why,
                                  const Contact& before, Contact last) const {
  static constexpr db::Statement kDelete{"delete_contact",
                                         "DELETE FROM contacts WHERE contact_id = ?"};
  last.version = before.version + 1;
  const absl::StatusOr<int64_t> rows = tx.Execute(kDelete, last.id);
  if (!rows.ok()) return rows.status();
  if (*rows != 1) return error::NotFound(error::ContactName(last.id));
  return Record(tx, why, "contact.deleted", last, true, before.update_time);
}

}  // namespace milepost::customer
