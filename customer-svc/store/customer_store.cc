#include "customer-svc/store/customer_store.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "customer-svc/domain/errors.h"
#include "customer-svc/domain/text.h"
#include "customer-svc/store/customer_details.h"
#include "customer-svc/store/resource.h"
#include "platform/change/change.h"

namespace milepost::customer {
namespace {

// A term is common if so many customers have it; beyond that counting does not tell more.
constexpr int kCountedTermRows = 1000;
// Terms of a query that are counted; the name itself is compared anyway.
constexpr size_t kMaxQueryTerms = 16;
// Up to so many owners a list merges one index range per owner; beyond that it sorts.
constexpr size_t kMaxMergedOwners = 16;
constexpr size_t kMaxRowsPerInsert = 100;
constexpr size_t kMaxTermsPerInsert = 1000;
// Candidates looked at per reason.
constexpr int kMaxCandidatesPerReason = 50;
// Bound where a key is empty: no row has it.
constexpr char kNoKey[] = "-";
// Begins a guard (see GuardsOf); terms of names are letters and digits, those of tags begin with #.
constexpr char kGuardMark[] = "=";
// Characters of a guard's key; its column holds 40 with the marks.
constexpr size_t kGuardCharacters = 36;

constexpr const char* kColumns[] = {"customer_id",
                                    "kind",
                                    "display_name",
                                    "short_name",
                                    "credit_code",
                                    "phone",
                                    "email",
                                    "website",
                                    "industry",
                                    "region",
                                    "channel",
                                    "source_id",
                                    "details",
                                    "parent_id",
                                    "founded_year",
                                    "employee_count",
                                    "annual_revenue_currency_code",
                                    "annual_revenue_minor_units",
                                    "description",
                                    "since_day",
                                    "owner_id",
                                    "owner_time",
                                    "handover_note",
                                    "create_time",
                                    "update_time",
                                    "version",
                                    "search_text",
                                    "name_key",
                                    "phone_digits",
                                    "phone_reversed",
                                    "email_domain"};
constexpr size_t kColumnCount = std::size(kColumns);
constexpr size_t kReadColumnCount = 26;  // The last five are derived.

std::string ColumnList(const std::string& prefix, size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i)
    absl::StrAppend(&list, i == 0 ? "" : ", ", prefix, kColumns[i]);
  return list;
}
const std::string& ReadColumns() {
  static const std::string kList = ColumnList("c.", kReadColumnCount);
  return kList;
}
std::string RowPlaceholder() { return absl::StrCat("(", db::Placeholders(kColumnCount), ")"); }

std::string Reversed(std::string text) {
  std::reverse(text.begin(), text.end());
  return text;
}

std::string SearchText(const Customer& customer) {
  return absl::StrCat(SearchKey(customer.display_name), "|", SearchKey(customer.short_name));
}

std::vector<std::string> Terms(const Customer& customer) {
  std::vector<std::string> terms = NameTerms(customer.display_name, customer.short_name);
  for (const std::string& tag : customer.tags) terms.push_back(absl::StrCat("#", tag));
  std::sort(terms.begin(), terms.end());
  return terms;
}

void AppendColumns(const Customer& customer, std::vector<db::Value>& values) {
  const DuplicateKeys keys = KeysOf(customer);
  values.insert(values.end(),
                {customer.id,
                 static_cast<int>(customer.kind),
                 customer.display_name,
                 customer.short_name,
                 customer.credit_code,
                 customer.phone,
                 customer.email,
                 customer.website,
                 customer.industry,
                 customer.region,
                 static_cast<int>(customer.channel),
                 customer.source_id,
                 WriteDetails(customer),
                 customer.parent_id,
                 customer.founded_year,
                 customer.employee_count,
                 customer.annual_revenue ? db::Value(customer.annual_revenue->currency_code)
                                         : db::Value(db::Null{}),
                 customer.annual_revenue ? db::Value(customer.annual_revenue->minor_units)
                                         : db::Value(db::Null{}),
                 customer.description,
                 customer.since_day.value_or(absl::CivilDay()),
                 customer.owner_id,
                 customer.owner_time,
                 customer.handover_note,
                 customer.create_time,
                 customer.update_time,
                 customer.version,
                 SearchText(customer),
                 keys.name_key,
                 keys.phone_digits,
                 Reversed(keys.phone_digits),
                 keys.email_domain});
}

Customer FromRow(const db::Row& row) {
  Customer customer;
  size_t i = 0;
  customer.id = row.String(i++);
  customer.kind = static_cast<CustomerKind>(row.Int64(i++));
  customer.display_name = row.String(i++);
  customer.short_name = row.String(i++);
  customer.credit_code = row.String(i++);
  customer.phone = row.String(i++);
  customer.email = row.String(i++);
  customer.website = row.String(i++);
  customer.industry = row.String(i++);
  customer.region = row.String(i++);
  customer.channel = static_cast<Channel>(row.Int64(i++));
  customer.source_id = row.String(i++);
  ReadDetails(row.String(i++), customer);
  customer.parent_id = row.String(i++);
  customer.founded_year = static_cast<int>(row.Int64(i++));
  customer.employee_count = row.Int64(i++);
  const std::optional<std::string> currency_code = row.OptionalString(i++);
  const int64_t minor_units = row.Int64(i++);
  if (currency_code) customer.annual_revenue = Money{*currency_code, minor_units};
  customer.description = row.String(i++);
  customer.since_day = row.Day(i++);
  customer.owner_id = row.String(i++);
  customer.owner_time = row.Time(i++);
  customer.handover_note = row.String(i++);
  customer.create_time = row.Time(i++);
  customer.update_time = row.Time(i++);
  customer.version = row.Int64(i++);
  return customer;
}

std::vector<Customer> FromRows(const db::Rows& rows) {
  std::vector<Customer> customers;
  customers.reserve(rows.size());
  for (const db::Row& row : rows) customers.push_back(FromRow(row));
  return customers;
}

absl::Status Record(db::Transaction& tx, const change::Context& why, const std::string& type,
                    const Customer& after, absl::Time previous_update_time) {
  const v1::Customer state = ToProto(after);
  return change::Record(
      tx, why, {type, "customer", state.name(), after.version, state, false, previous_update_time});
}

absl::Status InsertTerms(db::Transaction& tx,
                         const std::vector<std::pair<std::string, std::string>>& terms_and_ids) {
  for (size_t at = 0; at < terms_and_ids.size(); at += kMaxTermsPerInsert) {
    const size_t count = std::min(kMaxTermsPerInsert, terms_and_ids.size() - at);
    std::vector<db::Value> values;
    values.reserve(2 * count);
    for (size_t i = at; i < at + count; ++i) {
      values.emplace_back(terms_and_ids[i].first);
      values.emplace_back(terms_and_ids[i].second);
    }
    const std::string sql = absl::StrCat("INSERT INTO customer_terms (term, customer_id) VALUES ",
                                         db::Placeholders(count, "(?, ?)"));
    if (absl::Status s = tx.ExecuteValues({"insert_customer_terms", sql}, values).status();
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

// Terms of no customer (its id is empty) that make creations with one of these keys wait for each
// other: none of them sees the row of another one that has not committed. A guard only says that
// such a customer was created at some time, so it is never brought up to date; whoever meets one
// looks again and takes it over. Keys with the same beginning share one.
std::vector<std::string> GuardsOf(const DuplicateKeys& keys) {
  std::vector<std::string> guards;
  const std::pair<const char*, const std::string*> marked[] = {
      {"c", &keys.credit_code}, {"n", &keys.name_key}, {"p", &keys.phone_digits}};
  for (const auto& [mark, key] : marked) {
    if (!key->empty())
      guards.push_back(absl::StrCat(kGuardMark, mark, FirstCharacters(*key, kGuardCharacters)));
  }
  return guards;
}

// ALREADY_EXISTS (a duplicate key) if one of the guards is there.
absl::Status InsertGuardedTerms(db::Transaction& tx, const Customer& customer,
                                const std::vector<std::string>& guards) {
  // The guards come first and in one order, so that two creations do not wait for each other.
  std::vector<std::pair<std::string, std::string>> terms_and_ids;
  for (const std::string& guard : guards) terms_and_ids.emplace_back(guard, "");
  for (std::string& term : Terms(customer))
    terms_and_ids.emplace_back(std::move(term), customer.id);
  return InsertTerms(tx, terms_and_ids);
}

// Returns how many there were.
absl::StatusOr<int64_t> DeleteGuards(db::Transaction& tx, const std::vector<std::string>& guards) {
  const std::string sql = absl::StrCat("DELETE FROM customer_terms WHERE term IN (",
                                       db::Placeholders(guards.size()), ") AND customer_id = ''");
  return tx.ExecuteValues({"delete_guards", sql}, {guards.begin(), guards.end()});
}

absl::Status InsertTermsOf(db::Transaction& tx, const std::vector<const Customer*>& customers) {
  std::vector<std::pair<std::string, std::string>> terms_and_ids;
  for (const Customer* customer : customers) {
    for (std::string& term : Terms(*customer))
      terms_and_ids.emplace_back(std::move(term), customer->id);
  }
  std::sort(terms_and_ids.begin(), terms_and_ids.end());  // Two imports lock in one order.
  return InsertTerms(tx, terms_and_ids);
}

// Brings the terms of a customer from what they were to what they are.
absl::Status SaveTerms(db::Transaction& tx, const Customer& before, const Customer& after) {
  const std::vector<std::string> old_terms = Terms(before);
  const std::vector<std::string> new_terms = Terms(after);
  std::vector<std::string> gone;
  std::set_difference(old_terms.begin(), old_terms.end(), new_terms.begin(), new_terms.end(),
                      std::back_inserter(gone));
  if (!gone.empty()) {
    std::vector<db::Value> values(gone.begin(), gone.end());
    values.emplace_back(after.id);
    const std::string sql = absl::StrCat("DELETE FROM customer_terms WHERE term IN (",
                                         db::Placeholders(gone.size()), ") AND customer_id = ?");
    if (absl::Status s = tx.ExecuteValues({"delete_customer_terms", sql}, values).status();
        !s.ok()) {
      return s;
    }
  }
  std::vector<std::string> added;
  std::set_difference(new_terms.begin(), new_terms.end(), old_terms.begin(), old_terms.end(),
                      std::back_inserter(added));
  std::vector<std::pair<std::string, std::string>> terms_and_ids;
  for (std::string& term : added) terms_and_ids.emplace_back(std::move(term), after.id);
  return InsertTerms(tx, terms_and_ids);
}

absl::Status NameInsertError(const absl::Status& status, const Customer& customer) {
  if (db::DuplicateKey(status)) return error::IdTaken(error::CustomerName(customer.id));
  return status;
}

const std::string& UpdateSql() {
  static const std::string kSql = [] {
    std::string sql = "UPDATE customers SET ";
    for (size_t i = 1; i < kColumnCount; ++i) {
      absl::StrAppend(&sql, i == 1 ? "" : ", ", kColumns[i], " = ?");
    }
    return sql + " WHERE customer_id = ?";
  }();
  return kSql;
}

// A list of owners for IN (...): its length a power of two, the last one repeated, so that few
// different statements exist.
void AppendOwners(const std::vector<std::string>& owners, std::string& sql,
                  std::vector<db::Value>& values) {
  size_t count = 1;
  while (count < owners.size()) count *= 2;
  absl::StrAppend(&sql, "owner_id IN (", db::Placeholders(count), ")");
  for (size_t i = 0; i < count; ++i) values.emplace_back(owners[std::min(i, owners.size() - 1)]);
}

// " AND EXISTS (...)": the parent of the customer is there, and one of these owners has it. Nothing
// if it has no parent.
void AppendParent(const Customer& customer, const OwnerFilter& parents, std::string& sql,
                  std::vector<db::Value>& values) {
  if (customer.parent_id.empty()) return;
  absl::StrAppend(&sql, " AND EXISTS (SELECT 1 FROM customers p WHERE p.customer_id = ?");
  values.emplace_back(customer.parent_id);
  if (parents) {
    absl::StrAppend(&sql, " AND p.");
    AppendOwners(*parents, sql, values);
  }
  absl::StrAppend(&sql, ")");
}

// Writes the row if the conditions hold; returns how many rows that were, 0 or 1.
absl::StatusOr<int64_t> InsertIf(db::Transaction& tx, std::string_view name,
                                 const Customer& customer, const std::string& conditions,
                                 const std::vector<db::Value>& condition_values) {
  static const std::string kInsert =
      absl::StrCat("INSERT INTO customers (", ColumnList("", kColumnCount), ") SELECT ",
                   db::Placeholders(kColumnCount), " FROM dual WHERE 1 = 1");
  std::vector<db::Value> values;
  AppendColumns(customer, values);
  values.insert(values.end(), condition_values.begin(), condition_values.end());
  absl::StatusOr<int64_t> rows = tx.ExecuteValues({name, kInsert + conditions}, values);
  if (!rows.ok()) return NameInsertError(rows.status(), customer);
  return rows;
}

// REFERENCE_NOT_FOUND if the condition of AppendParent does not hold.
absl::Status CheckParent(db::Snapshot& snapshot, const Customer& customer,
                         const OwnerFilter& parents) {
  if (customer.parent_id.empty()) return absl::OkStatus();
  std::string sql = "SELECT 1 FROM dual WHERE 1 = 1";
  std::vector<db::Value> values;
  AppendParent(customer, parents, sql, values);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"check_parent", sql}, values);
  if (!rows.ok()) return rows.status();
  if (!rows->empty()) return absl::OkStatus();
  return error::ReferenceNotFound("parent", error::CustomerName(customer.parent_id));
}

// Conditions of a list other than the owner.
void AppendConditions(const ListCustomersQuery& query, std::string& sql,
                      std::vector<db::Value>& values) {
  const auto add = [&](const char* condition, db::Value value) {
    absl::StrAppend(&sql, " AND ", condition);
    values.push_back(std::move(value));
  };
  if (query.kind != CustomerKind::kUnspecified) add("kind = ?", static_cast<int>(query.kind));
  if (!query.industry.empty()) add("industry = ?", query.industry);
  if (!query.region.empty()) add("region = ?", query.region);
  if (query.channel != Channel::kUnspecified) add("channel = ?", static_cast<int>(query.channel));
  if (!query.source_id.empty()) add("source_id = ?", query.source_id);
  if (!query.tag.empty()) {
    add("EXISTS (SELECT 1 FROM customer_terms t WHERE t.term = ?"
        " AND t.customer_id = customers.customer_id)",
        absl::StrCat("#", query.tag));
  }
  if (query.created_from) add("create_time >= ?", *query.created_from);
  if (query.created_before) add("create_time < ?", *query.created_before);
  if (query.after) {
    absl::StrAppend(&sql, query.oldest_first
                              ? " AND create_time >= ? AND (create_time > ? OR customer_id > ?)"
                              : " AND create_time <= ? AND (create_time < ? OR customer_id < ?)");
    values.emplace_back(query.after->create_time);
    values.emplace_back(query.after->create_time);
    values.emplace_back(query.after->id);
  }
}

}  // namespace

absl::StatusOr<Customer> CustomerStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  static const std::string kSql =
      absl::StrCat("SELECT ", ReadColumns(), " FROM customers c WHERE c.customer_id = ?");
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"load_customer", kSql}, id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(error::CustomerName(id));
  return FromRow(rows->front());
}

absl::StatusOr<Customer> CustomerStore::LoadForUpdate(db::Transaction& tx,
                                                      const std::string& id) const {
  static const std::string kSql = absl::StrCat(
      "SELECT ", ReadColumns(), " FROM customers c WHERE c.customer_id = ? FOR UPDATE");
  const absl::StatusOr<db::Rows> rows = tx.Query({"lock_customer", kSql}, id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(error::CustomerName(id));
  return FromRow(rows->front());
}

namespace {

absl::StatusOr<std::map<std::string, Customer>> LoadByIds(db::Snapshot& snapshot,
                                                          const std::vector<std::string>& ids,
                                                          std::string_view name,
                                                          const std::string& lock) {
  std::map<std::string, Customer> customers;
  if (ids.empty()) return customers;
  std::vector<std::string> sorted = ids;  // Two batches lock in one order.
  std::sort(sorted.begin(), sorted.end());
  size_t count = 1;
  while (count < sorted.size()) count *= 2;
  sorted.resize(count, sorted.back());
  const std::string sql =
      absl::StrCat("SELECT ", ReadColumns(), " FROM customers c WHERE c.customer_id IN (",
                   db::Placeholders(count), ")", lock);
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({name, sql}, {sorted.begin(), sorted.end()});
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) customers.emplace(row.String(0), FromRow(row));
  return customers;
}

}  // namespace

absl::StatusOr<std::map<std::string, Customer>> CustomerStore::LoadMany(
    db::Snapshot& snapshot, const std::vector<std::string>& ids) const {
  return LoadByIds(snapshot, ids, "load_customers", "");
}

absl::StatusOr<std::map<std::string, Customer>> CustomerStore::LoadManyForUpdate(
    db::Transaction& tx, const std::vector<std::string>& ids) const {
  return LoadByIds(tx, ids, "lock_customers", " FOR UPDATE");
}

absl::StatusOr<std::vector<Customer>> CustomerStore::List(db::Snapshot& snapshot,
                                                          const ListCustomersQuery& query) const {
  if (query.owners && query.owners->empty()) return std::vector<Customer>();
  const std::string order =
      query.oldest_first ? "create_time, customer_id" : "create_time DESC, customer_id DESC";
  // The page's keys come from the indexes alone; whole rows are read for the page only.
  std::vector<db::Value> values;
  std::string keys;
  const auto append_keys = [&](const std::vector<std::string>* owners) {
    absl::StrAppend(&keys, "SELECT customer_id, create_time FROM customers WHERE ");
    if (owners != nullptr) {
      AppendOwners(*owners, keys, values);
    } else {
      absl::StrAppend(&keys, "1 = 1");
    }
    AppendConditions(query, keys, values);
    absl::StrAppend(&keys, " ORDER BY ", order, " LIMIT ?");
    values.emplace_back(query.limit);
  };
  if (!query.owners) {
    append_keys(nullptr);
  } else if (query.owners->size() == 1 || query.owners->size() > kMaxMergedOwners) {
    append_keys(&*query.owners);
  } else {
    for (const std::string& owner : *query.owners) {
      absl::StrAppend(&keys, keys.empty() ? "(" : " UNION ALL (");
      const std::vector<std::string> one = {owner};
      append_keys(&one);
      absl::StrAppend(&keys, ")");
    }
    absl::StrAppend(&keys, " ORDER BY ", order, " LIMIT ?");
    values.emplace_back(query.limit);
  }
  const std::string sql =
      absl::StrCat("SELECT ", ReadColumns(), " FROM (", keys,
                   ") page JOIN customers c ON c.customer_id = page.customer_id ORDER BY ",
                   query.oldest_first ? "c.create_time, c.customer_id"
                                      : "c.create_time DESC, c.customer_id DESC");
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_customers", sql}, values);
  if (!rows.ok()) return rows.status();
  return FromRows(*rows);
}

namespace {

constexpr int kPrefixGroup = 0;
constexpr int kPartGroup = 1;
constexpr int kPhoneGroup = 2;

// One search: what is looked for, folded.
struct Needle {
  std::string key;       // Search key of the query.
  std::string name_key;  // And without company suffixes.
  std::string phone;     // Digits; "" if it is no phone query.

  std::string prefix() const { return key + "%"; }
  std::string part() const { return "%" + key + "%"; }
  std::string name_prefix() const { return name_key + "%"; }
};

void AppendScope(const OwnerFilter& owners, std::string& sql, std::vector<db::Value>& values) {
  if (!owners) return;
  absl::StrAppend(&sql, " AND c.");
  AppendOwners(*owners, sql, values);
}

absl::StatusOr<db::Rows> FindByPrefix(db::Snapshot& snapshot, const SearchCustomersQuery& query,
                                      const Needle& needle, int limit) {
  std::string sql = absl::StrCat("SELECT ", ReadColumns(),
                                 ", c.name_key FROM customers c WHERE"
                                 " c.name_key LIKE ? AND c.search_text LIKE ?");
  std::vector<db::Value> values = {needle.name_prefix(), needle.prefix()};
  if (query.after.group == kPrefixGroup && !query.after.id.empty()) {
    absl::StrAppend(&sql, " AND c.name_key >= ? AND (c.name_key > ? OR c.customer_id > ?)");
    values.insert(values.end(), {query.after.key, query.after.key, query.after.id});
  }
  AppendScope(query.owners, sql, values);
  absl::StrAppend(&sql, " ORDER BY c.name_key, c.customer_id LIMIT ?");
  values.emplace_back(limit);
  return snapshot.QueryValues({"search_customers_prefix", sql}, values);
}

// The one or two terms that fewest customers have; nullopt if one has none, so nothing is found.
absl::StatusOr<std::optional<std::vector<std::string>>> RarestTerms(
    db::Snapshot& snapshot, std::vector<std::string> terms) {
  if (terms.size() > kMaxQueryTerms) terms.resize(kMaxQueryTerms);
  if (terms.size() <= 1) return std::optional<std::vector<std::string>>(std::move(terms));
  std::string sql;
  std::vector<db::Value> values;
  for (size_t i = 0; i < terms.size(); ++i) {
    absl::StrAppend(&sql, i == 0 ? "" : " UNION ALL ", "SELECT ", i,
                    " AS term_index, COUNT(*) AS row_count FROM (SELECT 1 AS one FROM"
                    " customer_terms WHERE term = ? LIMIT ",
                    kCountedTermRows, ") t", i);
    values.emplace_back(terms[i]);
  }
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"count_customer_terms", sql}, values);
  if (!rows.ok()) return rows.status();
  std::vector<std::pair<int64_t, std::string>> counted;
  for (const db::Row& row : *rows) {
    counted.emplace_back(row.Int64(1), terms[static_cast<size_t>(row.Int64(0))]);
  }
  std::sort(counted.begin(), counted.end());
  if (counted.front().first == 0) return std::optional<std::vector<std::string>>();
  std::vector<std::string> rarest = {counted[0].second};
  // A second term helps only where the first leaves many.
  if (counted[0].first >= kCountedTermRows) rarest.push_back(counted[1].second);
  return std::optional<std::vector<std::string>>(std::move(rarest));
}

absl::StatusOr<db::Rows> FindByPart(db::Snapshot& snapshot, const SearchCustomersQuery& query,
                                    const Needle& needle, int limit) {
  const TermQuery term_query = TermsOf(needle.key);
  const auto terms = RarestTerms(snapshot, term_query.terms);
  if (!terms.ok()) return terms.status();
  if (!*terms) return db::Rows();
  const bool resumes = query.after.group == kPartGroup;

  // Hits come by id, whatever the plan: terms hold ids in order, and so does the table itself.
  std::string sql = absl::StrCat("SELECT ", ReadColumns(), ", '' FROM ");
  std::vector<db::Value> values;
  if (!term_query.prefix.empty()) {
    absl::StrAppend(&sql, "(SELECT DISTINCT customer_id FROM customer_terms WHERE term LIKE ?",
                    resumes ? " AND customer_id > ?" : "",
                    ") a JOIN customers c ON c.customer_id = a.customer_id WHERE");
    values.emplace_back(term_query.prefix + "%");
    if (resumes) values.emplace_back(query.after.id);
  } else if (!(*terms)->empty()) {
    absl::StrAppend(&sql, "customer_terms a ");
    if ((*terms)->size() > 1) {
      absl::StrAppend(&sql,
                      "STRAIGHT_JOIN customer_terms b ON b.term = ? AND b.customer_id ="
                      " a.customer_id ");
      values.emplace_back((*terms)->at(1));
    }
    absl::StrAppend(&sql,
                    "STRAIGHT_JOIN customers c ON c.customer_id = a.customer_id WHERE a.term"
                    " = ? AND",
                    resumes ? " a.customer_id > ? AND" : "");
    values.emplace_back((*terms)->front());
    if (resumes) values.emplace_back(query.after.id);
  } else {
    absl::StrAppend(&sql, "customers c WHERE", resumes ? " c.customer_id > ? AND" : "");
    if (resumes) values.emplace_back(query.after.id);
  }
  absl::StrAppend(&sql,
                  " c.search_text LIKE ? AND NOT (c.name_key LIKE ? AND c.search_text LIKE ?)");
  values.insert(values.end(), {needle.part(), needle.name_prefix(), needle.prefix()});
  AppendScope(query.owners, sql, values);
  absl::StrAppend(&sql, " ORDER BY ", !term_query.prefix.empty() || (*terms)->empty() ? "c" : "a",
                  ".customer_id LIMIT ?");
  values.emplace_back(limit);
  return snapshot.QueryValues({"search_customers_part", sql}, values);
}

absl::StatusOr<db::Rows> FindByPhone(db::Snapshot& snapshot, const SearchCustomersQuery& query,
                                     const Needle& needle, int limit) {
  const std::string begins = needle.phone + "%";
  const std::string ends = Reversed(needle.phone) + "%";
  std::string sql = absl::StrCat(
      "SELECT ", ReadColumns(),
      ", '' FROM (SELECT customer_id FROM customers WHERE phone_digits LIKE ?"
      " UNION SELECT customer_id FROM customers WHERE phone_reversed LIKE ?"
      " UNION SELECT customer_id FROM contacts WHERE phone_digits LIKE ?"
      " UNION SELECT customer_id FROM contacts WHERE phone_reversed LIKE ?"
      " UNION SELECT customer_id FROM contacts WHERE mobile_digits LIKE ?"
      " UNION SELECT customer_id FROM contacts WHERE mobile_reversed LIKE ?) a"
      " JOIN customers c ON c.customer_id = a.customer_id WHERE c.search_text NOT LIKE ?");
  std::vector<db::Value> values = {begins, ends, begins, ends, begins, ends, needle.part()};
  if (query.after.group == kPhoneGroup) {
    absl::StrAppend(&sql, " AND c.customer_id > ?");
    values.emplace_back(query.after.id);
  }
  AppendScope(query.phone_owners, sql, values);
  absl::StrAppend(&sql, " ORDER BY c.customer_id LIMIT ?");
  values.emplace_back(limit);
  return snapshot.QueryValues({"search_customers_phone", sql}, values);
}

}  // namespace

absl::StatusOr<std::vector<SearchHit>> CustomerStore::Search(
    db::Snapshot& snapshot, const SearchCustomersQuery& query) const {
  const Needle needle = {SearchKey(query.query), NameKey(query.query), PhoneQuery(query.query)};
  std::vector<SearchHit> hits;
  for (int group = query.after.group; group <= kPhoneGroup; ++group) {
    const int wanted = query.limit - static_cast<int>(hits.size());
    if (wanted <= 0) break;
    const OwnerFilter& owners = group == kPhoneGroup ? query.phone_owners : query.owners;
    if (owners && owners->empty()) continue;
    if (group == kPhoneGroup && needle.phone.empty()) continue;
    const absl::StatusOr<db::Rows> rows =
        group == kPrefixGroup ? FindByPrefix(snapshot, query, needle, wanted)
        : group == kPartGroup ? FindByPart(snapshot, query, needle, wanted)
                              : FindByPhone(snapshot, query, needle, wanted);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      hits.push_back({FromRow(row), {group, row.String(kReadColumnCount), row.String(0)}});
    }
  }
  return hits;
}

absl::StatusOr<std::vector<std::string>> CustomerStore::OwnedIds(db::Snapshot& snapshot,
                                                                 const std::string& owner_id,
                                                                 int limit) const {
  static constexpr db::Statement kOwned{
      "list_owned_customers",
      "SELECT customer_id FROM customers WHERE owner_id = ? ORDER BY create_time, customer_id"
      " LIMIT ?"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kOwned, owner_id, limit);
  if (!rows.ok()) return rows.status();
  std::vector<std::string> ids;
  for (const db::Row& row : *rows) ids.push_back(row.String(0));
  return ids;
}

absl::StatusOr<std::vector<DuplicateCandidate>> CustomerStore::FindDuplicates(
    db::Snapshot& snapshot, const DuplicateKeys& keys, const std::string& except_id,
    int limit) const {
  struct Source {
    DuplicateReason reason;
    const char* sql;  // Table and column that is compared.
    const std::string* key;
  };
  const Source sources[] = {
      {DuplicateReason::kSameName, "customers WHERE name_key = ?", &keys.name_key},
      {DuplicateReason::kSamePhone, "customers WHERE phone_digits = ?", &keys.phone_digits},
      {DuplicateReason::kSamePhone, "contacts WHERE phone_digits = ?", &keys.phone_digits},
      {DuplicateReason::kSamePhone, "contacts WHERE mobile_digits = ?", &keys.phone_digits},
      {DuplicateReason::kSameCreditCode, "customers WHERE credit_code = ?", &keys.credit_code},
      {DuplicateReason::kSameEmailDomain, "customers WHERE email_domain = ?", &keys.email_domain},
  };
  std::string sql;
  std::vector<db::Value> values;
  for (const Source& source : sources) {
    if (source.key->empty()) continue;
    absl::StrAppend(&sql, sql.empty() ? "" : " UNION ALL ", "(SELECT ",
                    static_cast<int>(source.reason), " AS reason, customer_id FROM ", source.sql,
                    " AND customer_id <> ? LIMIT ", kMaxCandidatesPerReason, ")");
    values.insert(values.end(), {*source.key, except_id});
  }
  if (sql.empty()) return std::vector<DuplicateCandidate>();
  sql = absl::StrCat("SELECT c.customer_id, c.display_name, c.owner_id, u.reason FROM (", sql,
                     ") u JOIN customers c ON c.customer_id = u.customer_id");
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"find_duplicates", sql}, values);
  if (!rows.ok()) return rows.status();
  std::map<std::string, DuplicateCandidate> candidates;
  for (const db::Row& row : *rows) {
    DuplicateCandidate& candidate = candidates[row.String(0)];
    candidate.id = row.String(0);
    candidate.display_name = row.String(1);
    candidate.owner_id = row.String(2);
    candidate.reasons.insert(static_cast<DuplicateReason>(row.Int64(3)));
  }
  std::vector<DuplicateCandidate> found;
  for (auto& [id, candidate] : candidates) found.push_back(std::move(candidate));
  return Rank(std::move(found), static_cast<size_t>(limit));
}

absl::Status CustomerStore::Insert(db::Transaction& tx, const change::Context& why,
                                   const Customer& customer, const OwnerFilter& parents) const {
  std::string conditions;
  std::vector<db::Value> values;
  AppendParent(customer, parents, conditions, values);
  const absl::StatusOr<int64_t> rows =
      InsertIf(tx, "insert_customer", customer, conditions, values);
  if (!rows.ok()) return rows.status();
  if (*rows == 0)
    return error::ReferenceNotFound("parent", error::CustomerName(customer.parent_id));
  if (absl::Status s = InsertTermsOf(tx, {&customer}); !s.ok()) return s;
  return Record(tx, why, "customer.created", customer, absl::InfinitePast());
}

absl::StatusOr<std::vector<DuplicateCandidate>> CustomerStore::InsertUnlessDuplicate(
    db::Transaction& tx, const change::Context& why, const Customer& customer,
    const OwnerFilter& parents, int limit) const {
  const DuplicateKeys keys = KeysOf(customer);
  const auto refusing = [&]() -> absl::StatusOr<std::vector<DuplicateCandidate>> {
    absl::StatusOr<std::vector<DuplicateCandidate>> found =
        FindDuplicates(tx, keys, customer.id, limit);
    if (found.ok() && std::none_of(found->begin(), found->end(), [](const DuplicateCandidate& c) {
          return Refuses(c.reasons);
        })) {
      found->clear();
    }
    return found;
  };
  const auto or_none = [](const std::string& key) { return key.empty() ? kNoKey : key; };
  std::string conditions =
      " AND NOT EXISTS (SELECT 1 FROM customers WHERE name_key = ?)"
      " AND NOT EXISTS (SELECT 1 FROM customers WHERE credit_code = ?)"
      " AND NOT EXISTS (SELECT 1 FROM customers WHERE phone_digits = ?)"
      " AND NOT EXISTS (SELECT 1 FROM contacts WHERE phone_digits = ?)"
      " AND NOT EXISTS (SELECT 1 FROM contacts WHERE mobile_digits = ?)";
  std::vector<db::Value> values = {or_none(keys.name_key), or_none(keys.credit_code),
                                   or_none(keys.phone_digits), or_none(keys.phone_digits),
                                   or_none(keys.phone_digits)};
  AppendParent(customer, parents, conditions, values);
  const absl::StatusOr<int64_t> rows =
      InsertIf(tx, "insert_customer_unless_duplicate", customer, conditions, values);
  if (!rows.ok()) return rows.status();
  if (*rows == 0) {
    if (absl::Status s = CheckParent(tx, customer, parents); !s.ok()) return s;
    absl::StatusOr<std::vector<DuplicateCandidate>> found = refusing();
    if (!found.ok() || !found->empty()) return found;
    // If none of them refuses, it was the customer with the very id that did.
    return error::IdTaken(error::CustomerName(customer.id));
  }
  const std::vector<std::string> guards = GuardsOf(keys);
  for (;;) {
    const absl::Status inserted = InsertGuardedTerms(tx, customer, guards);
    if (inserted.ok()) break;
    if (!db::DuplicateKey(inserted)) return inserted;
    absl::StatusOr<std::vector<DuplicateCandidate>> found = refusing();
    if (!found.ok() || !found->empty()) return found;
    const absl::StatusOr<int64_t> deleted = DeleteGuards(tx, guards);
    if (!deleted.ok()) return deleted.status();
    if (*deleted == 0) return inserted;  // It was no guard: terms without a customer are there.
  }
  if (absl::Status s = Record(tx, why, "customer.created", customer, absl::InfinitePast());
      !s.ok()) {
    return s;
  }
  return std::vector<DuplicateCandidate>();
}

absl::StatusOr<Customer> CustomerStore::Save(db::Transaction& tx, const change::Context& why,
                                             const std::string& event, const Customer& before,
                                             Customer after) const {
  after.version = before.version + 1;
  std::vector<db::Value> values;
  AppendColumns(after, values);
  std::rotate(values.begin(), values.begin() + 1, values.end());  // The id is bound last.
  const absl::StatusOr<int64_t> rows = tx.ExecuteValues({"save_customer", UpdateSql()}, values);
  if (!rows.ok()) return rows.status();
  if (*rows != 1) return error::NotFound(error::CustomerName(after.id));
  if (absl::Status s = SaveTerms(tx, before, after); !s.ok()) return s;
  if (absl::Status s = Record(tx, why, event, after, before.update_time); !s.ok()) return s;
  return after;
}

absl::Status CustomerStore::InsertMany(db::Transaction& tx, const change::Context& why,
                                       const std::vector<Customer>& customers) const {
  for (size_t at = 0; at < customers.size(); at += kMaxRowsPerInsert) {
    const size_t count = std::min(kMaxRowsPerInsert, customers.size() - at);
    std::vector<db::Value> values;
    values.reserve(count * kColumnCount);
    for (size_t i = at; i < at + count; ++i) AppendColumns(customers[i], values);
    const std::string sql = absl::StrCat("INSERT INTO customers (", ColumnList("", kColumnCount),
                                         ") VALUES ", db::Placeholders(count, RowPlaceholder()));
    const absl::StatusOr<int64_t> rows = tx.ExecuteValues({"insert_customers", sql}, values);
    if (!rows.ok()) return NameInsertError(rows.status(), customers[at]);
  }
  std::vector<const Customer*> pointers;
  for (const Customer& customer : customers) pointers.push_back(&customer);
  if (absl::Status s = InsertTermsOf(tx, pointers); !s.ok()) return s;
  for (const Customer& customer : customers) {
    if (absl::Status s = Record(tx, why, "customer.created", customer, absl::InfinitePast());
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

absl::Status CustomerStore::SaveMany(
    db::Transaction& tx, const change::Context& why, const std::string& event,
    const std::vector<std::pair<Customer, Customer>>& before_and_after) const {
  // An upsert of rows that are there and locked, since UPDATE takes one row's values only.
  static const std::string kOnDuplicate = [] {
    std::string sql = " ON DUPLICATE KEY UPDATE ";
    for (size_t i = 1; i < kColumnCount; ++i) {
      absl::StrAppend(&sql, i == 1 ? "" : ", ", kColumns[i], " = VALUES(", kColumns[i], ")");
    }
    return sql;
  }();
  for (size_t at = 0; at < before_and_after.size(); at += kMaxRowsPerInsert) {
    const size_t count = std::min(kMaxRowsPerInsert, before_and_after.size() - at);
    std::vector<db::Value> values;
    values.reserve(count * kColumnCount);
    std::vector<Customer> saved;
    for (size_t i = at; i < at + count; ++i) {
      const auto& [before, after] = before_and_after[i];
      saved.push_back(after);
      saved.back().version = before.version + 1;
      AppendColumns(saved.back(), values);
    }
    const std::string sql =
        absl::StrCat("INSERT INTO customers (", ColumnList("", kColumnCount), ") VALUES ",
                     db::Placeholders(count, RowPlaceholder()), kOnDuplicate);
    if (absl::Status s = tx.ExecuteValues({"save_customers", sql}, values).status(); !s.ok()) {
      return s;
    }
    for (size_t i = 0; i < count; ++i) {
      const Customer& before = before_and_after[at + i].first;
      if (absl::Status s = SaveTerms(tx, before, saved[i]); !s.ok()) return s;
      if (absl::Status s = Record(tx, why, event, saved[i], before.update_time); !s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

namespace {

absl::StatusOr<PoolSettings> ReadSettings(const absl::StatusOr<db::Rows>& rows) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return PoolSettings{};
  return PoolSettings{rows->front().Int64(0), rows->front().Time(1), rows->front().Int64(2)};
}

}  // namespace

absl::StatusOr<PoolSettings> CustomerStore::LoadPoolSettings(db::Snapshot& snapshot) const {
  static constexpr db::Statement kLoad{
      "load_pool_settings",
      "SELECT max_customers_per_member, update_time, version FROM pool_settings WHERE settings_id"
      " = 1"};
  return ReadSettings(snapshot.Query(kLoad));
}

absl::StatusOr<PoolSettings> CustomerStore::LoadPoolSettingsForUpdate(db::Transaction& tx) const {
  static constexpr db::Statement kLock{
      "lock_pool_settings",
      "SELECT max_customers_per_member, update_time, version FROM pool_settings WHERE settings_id"
      " = 1 FOR UPDATE"};
  return ReadSettings(tx.Query(kLock));
}

absl::StatusOr<PoolSettings> CustomerStore::SavePoolSettings(db::Transaction& tx,
                                                             const change::Context& why,
                                                             PoolSettings settings) const {
  static constexpr db::Statement kSave{
      "save_pool_settings",
      "UPDATE pool_settings SET max_customers_per_member = ?, update_time = ?, version = ?"
      " WHERE settings_id = 1"};
  ++settings.version;
  const absl::StatusOr<int64_t> rows =
      tx.Execute(kSave, settings.max_customers_per_member, settings.update_time, settings.version);
  if (!rows.ok()) return rows.status();
  const v1::PoolSettings state = ToProto(settings);
  if (absl::Status s = change::Record(
          tx, why,
          {"pool_settings.updated", "pool_settings", "poolSettings", settings.version, state});
      !s.ok()) {
    return s;
  }
  return settings;
}

absl::StatusOr<int64_t> CustomerStore::LockClaimsAndCountOwned(db::Transaction& tx,
                                                               const std::string& member_id,
                                                               int64_t limit) const {
  static constexpr db::Statement kLock{
      "lock_claims",
      "INSERT INTO pool_claims (member_id, claim_count) VALUES (?, 1)"
      " ON DUPLICATE KEY UPDATE claim_count = claim_count + 1"};
  if (absl::Status s = tx.Execute(kLock, member_id).status(); !s.ok()) return s;
  static constexpr db::Statement kCount{
      "count_owned_customers",
      "SELECT COUNT(*) FROM (SELECT 1 AS one FROM customers WHERE owner_id = ? LIMIT ?) owned"};
  const absl::StatusOr<db::Rows> rows = tx.Query(kCount, member_id, limit);
  if (!rows.ok()) return rows.status();
  return rows->front().Int64(0);
}

}  // namespace milepost::customer
