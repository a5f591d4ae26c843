#include "customer-svc/service/customer_import.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "customer-svc/domain/errors.h"
#include "customer-svc/service/access.h"
#include "customer-svc/service/moment.h"
#include "platform/change/change.h"
#include "platform/status/error.h"

namespace milepost::customer {
namespace {

struct Row {
  Customer customer;
  status::FieldViolations problems;
  v1::ImportOutcome outcome = v1::REFUSED;

  bool good() const { return problems.empty(); }
};

// The path of a problem inside the row, for an error of the domain.
const char* FieldOf(const absl::Status& status) {
  const std::string reason = status::ReasonOf(status);
  if (reason == "KIND_IS_FIXED") return "kind";
  if (reason.compare(0, 7, "MEMBER_") == 0) return "owner";
  return "name";
}

void Refuse(Row& row, const absl::Status& status) {
  row.problems.Add(FieldOf(status), std::string(status.message()));
}

std::vector<Row> ReadRows(const rpc::Caller& caller, const ParseContext& context,
                          const v1::ImportCustomersRequest& request) {
  std::vector<Row> rows(static_cast<size_t>(request.rows_size()));
  std::set<std::string> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    Row& row = rows[i];
    const v1::Customer& in = request.rows(static_cast<int>(i)).customer();
    row.customer = ReadNewCustomer(in, "", context, row.problems);
    row.customer.id = ReadName(in.name(), "customers", Presence::kRequired, "name", row.problems);
    if (!row.customer.id.empty() && !ids.insert(row.customer.id).second) {
      row.problems.Add("name", "is in this batch twice; the first one counts");
    }
    if (!row.customer.id.empty() && row.customer.parent_id == row.customer.id) {
      row.problems.Add("parent", "is the customer itself");
    }
    if (!row.customer.owner_id.empty()) {
      absl::Status member = CheckActiveMember(caller, row.customer.owner_id, context.today);
      if (member.ok()) member = CheckMemberInScope(caller, row.customer.owner_id);
      if (!member.ok()) Refuse(row, member);
    }
  }
  return rows;
}

// Rows whose parent is neither there nor in the batch are refused, and then those that have them
// for a parent.
absl::Status CheckParents(const rpc::Caller& caller, db::Snapshot& snapshot,
                          const CustomerStore& store, std::vector<Row>& rows) {
  std::set<std::string> good;
  for (const Row& row : rows) {
    if (row.good()) good.insert(row.customer.id);
  }
  std::set<std::string> wanted;
  for (const Row& row : rows) {
    if (row.good() && !row.customer.parent_id.empty()) wanted.insert(row.customer.parent_id);
  }
  if (wanted.empty()) return absl::OkStatus();
  const auto parents = store.LoadMany(snapshot, {wanted.begin(), wanted.end()});
  if (!parents.ok()) return parents.status();
  const auto is_there = [&](const std::string& id) {
    const auto found = parents->find(id);
    if (found != parents->end()) return caller.MaySee(found->second.owner_id);
    return good.count(id) > 0;
  };
  for (bool again = true; again;) {
    again = false;
    for (Row& row : rows) {
      if (!row.good() || row.customer.parent_id.empty() || is_there(row.customer.parent_id)) {
        continue;
      }
      row.problems.Add("parent", absl::StrCat(error::CustomerName(row.customer.parent_id),
                                              " does not exist or is not visible to you"));
      good.erase(row.customer.id);
      again = true;
    }
  }
  return absl::OkStatus();
}

absl::Status WriteRows(const rpc::Caller& caller, db::Session& db, const CustomerStore& store,
                       const change::Context& why, absl::CivilDay today, absl::Time now,
                       std::vector<Row>& rows) {
  // The transaction may run again: it works on a copy.
  std::vector<Row> done;
  const absl::Status status = db.Transact([&](db::Transaction& tx) -> absl::Status {
    done = rows;
    if (absl::Status s = CheckParents(caller, tx, store, done); !s.ok()) return s;
    std::vector<std::string> ids;
    for (const Row& row : done) {
      if (row.good()) ids.push_back(row.customer.id);
    }
    const auto existing = store.LoadManyForUpdate(tx, ids);
    if (!existing.ok()) return existing.status();
    std::vector<Customer> created;
    std::vector<std::pair<Customer, Customer>> changed;
    for (Row& row : done) {
      if (!row.good()) continue;
      const auto found = existing->find(row.customer.id);
      if (found == existing->end()) {
        row.outcome = v1::CREATED;
        created.push_back(NewCustomer(row.customer, now, today));
        continue;
      }
      const Customer& before = found->second;
      if (!caller.MaySee(before.owner_id)) {
        Refuse(row, error::IdTaken(error::CustomerName(before.id)));
        continue;
      }
      absl::StatusOr<std::optional<Customer>> after =
          ApplyImport(before, row.customer, ChangeTime(now, before.update_time));
      if (!after.ok()) {
        Refuse(row, after.status());
        continue;
      }
      if (!*after) {
        row.outcome = v1::UNCHANGED;
        continue;
      }
      if (absl::Status s = CheckMayChange(caller, before.owner_id, before.id); !s.ok()) {
        Refuse(row, s);
        continue;
      }
      const bool changes_person = (*after)->phone != before.phone ||
                                  (*after)->email != before.email ||
                                  (*after)->addresses != before.addresses;
      if (changes_person && !caller.scope().MaySeePersonal(before.owner_id)) {
        Refuse(row, error::PersonalDataHidden(error::CustomerName(before.id),
                                              "personal data (phone, email, addresses)"));
        continue;
      }
      row.outcome = v1::UPDATED;
      changed.emplace_back(before, **std::move(after));
    }
    if (absl::Status s = store.InsertMany(tx, why, created); !s.ok()) return s;
    return store.SaveMany(tx, why, "customer.updated", changed);
  });
  if (status.ok()) rows = std::move(done);
  return status;
}

}  // namespace

absl::StatusOr<v1::ImportCustomersResponse> ImportBatch(const rpc::Caller& caller, db::Session& db,
                                                        const CustomerStore& store,
                                                        const ParseContext& context, absl::Time now,
                                                        const v1::ImportCustomersRequest& request) {
  if (request.rows_size() < 1 || request.rows_size() > kMaxBatch) {
    status::FieldViolations violations;
    violations.Add("rows",
                   absl::StrCat(request.rows_size(), " rows are not between 1 and ", kMaxBatch));
    return violations.ToStatus();
  }
  change::Context why = caller.Change(request);
  why.request_id.clear();  // Ids make the rows repeatable; several transactions may be needed.

  std::vector<Row> rows = ReadRows(caller, context, request);
  absl::Status status = WriteRows(caller, db, store, why, context.today, now, rows);
  if (!status.ok()) {
    for (Row& row : rows) {
      if (!row.good()) continue;
      std::vector<Row> one = {row};
      status = WriteRows(caller, db, store, why, context.today, now, one);
      row = std::move(one.front());
      if (status.ok()) continue;
      // An error that a client may see concerns the row; any other one is ours.
      if (status::ReasonOf(status).empty()) return status;
      Refuse(row, status);
    }
  }

  v1::ImportCustomersResponse response;
  for (int i = 0; i < request.rows_size(); ++i) {
    const Row& row = rows[static_cast<size_t>(i)];
    v1::ImportCustomersResult& result = *response.add_results();
    result.set_line(request.rows(i).line());
    result.set_name(request.rows(i).customer().name());
    result.set_outcome(row.good() ? row.outcome : v1::REFUSED);
    for (const status::FieldViolation& problem : row.problems.all()) {
      v1::RowProblem& out = *result.add_problems();
      out.set_field(problem.field);
      out.set_description(problem.description);
    }
  }
  return response;
}

}  // namespace milepost::customer
