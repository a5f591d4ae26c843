#include "customer-svc/domain/customer.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "customer-svc/domain/errors.h"
#include "customer-svc/domain/text.h"

namespace milepost::customer {
namespace {

using Setter = void (*)(Customer& to, const Customer& from);

// The one list of what an update or an import sets.
const std::map<std::string, Setter>& Setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"display_name",
       [](Customer& to, const Customer& from) { to.display_name = from.display_name; }},
      {"short_name", [](Customer& to, const Customer& from) { to.short_name = from.short_name; }},
      {"credit_code",
       [](Customer& to, const Customer& from) { to.credit_code = from.credit_code; }},
      {"phone", [](Customer& to, const Customer& from) { to.phone = from.phone; }},
      {"email", [](Customer& to, const Customer& from) { to.email = from.email; }},
      {"website", [](Customer& to, const Customer& from) { to.website = from.website; }},
      {"industry", [](Customer& to, const Customer& from) { to.industry = from.industry; }},
      {"region", [](Customer& to, const Customer& from) { to.region = from.region; }},
      {"channel", [](Customer& to, const Customer& from) { to.channel = from.channel; }},
      {"source", [](Customer& to, const Customer& from) { to.source_id = from.source_id; }},
      {"tags", [](Customer& to, const Customer& from) { to.tags = from.tags; }},
      {"addresses", [](Customer& to, const Customer& from) { to.addresses = from.addresses; }},
      {"attributes", [](Customer& to, const Customer& from) { to.attributes = from.attributes; }},
      {"parent", [](Customer& to, const Customer& from) { to.parent_id = from.parent_id; }},
      {"founded_year",
       [](Customer& to, const Customer& from) { to.founded_year = from.founded_year; }},
      {"employee_count",
       [](Customer& to, const Customer& from) { to.employee_count = from.employee_count; }},
      {"annual_revenue",
       [](Customer& to, const Customer& from) { to.annual_revenue = from.annual_revenue; }},
      {"description",
       [](Customer& to, const Customer& from) { to.description = from.description; }},
      {"since_date",
       [](Customer& to, const Customer& from) {
         if (from.since_day) to.since_day = from.since_day;
       }},
  };
  return kSetters;
}

// The version is checked before any rule: who decided on an old state must look again.
absl::Status CheckVersion(const Customer& customer, ExpectedVersion version) {
  if (version && *version != customer.version)
    return error::StaleEtag(error::CustomerName(customer.id));
  return absl::OkStatus();
}

Customer WithOwner(Customer customer, const std::string& owner_id, absl::Time now) {
  customer.owner_id = owner_id;
  customer.owner_time = now;
  customer.update_time = now;
  return customer;
}

}  // namespace

const std::set<std::string>& UpdatableFields() {
  static const std::set<std::string> kFields = [] {
    std::set<std::string> fields;
    for (const auto& [field, setter] : Setters()) fields.insert(field);
    return fields;
  }();
  return kFields;
}

const std::set<std::string>& PersonalFields() {
  static const std::set<std::string> kFields = {"phone", "email", "addresses"};
  return kFields;
}

Customer NewCustomer(Customer draft, absl::Time now, absl::CivilDay today) {
  if (!draft.since_day) draft.since_day = today;
  draft.owner_time = now;
  draft.handover_note.clear();
  draft.create_time = now;
  draft.update_time = now;
  draft.version = 1;
  return draft;
}

absl::StatusOr<Customer> ApplyUpdate(Customer customer, const UpdateCustomerCommand& command,
                                     absl::Time now) {
  if (absl::Status s = CheckVersion(customer, command.version); !s.ok()) return s;
  for (const std::string& field : command.fields) Setters().at(field)(customer, command.values);
  if (customer.parent_id == customer.id) return error::OwnParent(customer.id);
  if (!customer.credit_code.empty() && customer.kind != CustomerKind::kCompany)
    return error::CreditCodeOfPerson(customer.id);
  customer.update_time = now;
  return customer;
}

absl::StatusOr<std::optional<Customer>> ApplyImport(const Customer& customer, const Customer& row,
                                                    absl::Time now) {
  if (row.kind != customer.kind) return error::KindIsFixed(customer.id);
  Customer next = customer;
  for (const auto& [field, setter] : Setters()) setter(next, row);
  if (next == customer) return std::optional<Customer>();
  next.update_time = now;
  return std::optional<Customer>(std::move(next));
}

absl::StatusOr<Customer> ApplyAssign(Customer customer, const std::string& member_id,
                                     const std::string& note, ExpectedVersion version,
                                     absl::Time now) {
  if (absl::Status s = CheckVersion(customer, version); !s.ok()) return s;
  if (!customer.owner_id.empty()) return error::NotInPool(customer.id);
  customer.handover_note = note;
  return WithOwner(std::move(customer), member_id, now);
}

absl::StatusOr<Customer> ApplyTransfer(Customer customer, const std::string& member_id,
                                       const std::string& note, ExpectedVersion version,
                                       absl::Time now) {
  if (absl::Status s = CheckVersion(customer, version); !s.ok()) return s;
  if (customer.owner_id.empty()) return error::InPool(customer.id);
  if (customer.owner_id == member_id) return error::AlreadyOwned(customer.id, member_id);
  return ApplyHandOver(std::move(customer), member_id, note, now);
}

Customer ApplyHandOver(Customer customer, const std::string& member_id, const std::string& note,
                       absl::Time now) {
  customer.handover_note = note;
  return WithOwner(std::move(customer), member_id, now);
}

absl::StatusOr<Customer> ApplyClaim(Customer customer, const std::string& member_id,
                                    int64_t owned_count, const PoolSettings& settings,
                                    ExpectedVersion version, absl::Time now) {
  if (absl::Status s = CheckVersion(customer, version); !s.ok()) return s;
  if (!customer.owner_id.empty()) return error::NotInPool(customer.id);
  if (settings.max_customers_per_member > 0 && owned_count >= settings.max_customers_per_member) {
    return error::ClaimLimitReached(member_id, settings.max_customers_per_member);
  }
  return WithOwner(std::move(customer), member_id, now);
}

absl::StatusOr<Customer> ApplyRelease(Customer customer, ExpectedVersion version, absl::Time now) {
  if (absl::Status s = CheckVersion(customer, version); !s.ok()) return s;
  if (customer.owner_id.empty()) return error::InPool(customer.id);
  return WithOwner(std::move(customer), "", now);
}

absl::StatusOr<PoolSettings> ApplySettings(PoolSettings settings,
                                           std::optional<int64_t> max_customers_per_member,
                                           std::optional<int64_t> expected_version,
                                           absl::Time now) {
  if (expected_version && *expected_version != settings.version)
    return error::StaleEtag("poolSettings");
  if (max_customers_per_member) settings.max_customers_per_member = *max_customers_per_member;
  settings.update_time = now;
  return settings;
}

DuplicateKeys KeysOf(const Customer& customer) {
  DuplicateKeys keys;
  keys.name_key = NameKey(customer.display_name);
  keys.phone_digits = PhoneDigits(customer.phone);
  keys.credit_code = customer.credit_code;
  keys.email_domain = CompanyEmailDomain(customer.email);
  return keys;
}

bool Refuses(const std::set<DuplicateReason>& reasons) {
  return std::any_of(reasons.begin(), reasons.end(), [](DuplicateReason reason) {
    return reason != DuplicateReason::kSameEmailDomain;
  });
}

std::vector<DuplicateCandidate> Rank(std::vector<DuplicateCandidate> candidates, size_t limit) {
  // Sets compare element by element and the strongest reason is the smallest; of two with the same
  // beginning the longer is stronger.
  const auto stronger = [](const DuplicateCandidate& a, const DuplicateCandidate& b) {
    if (a.reasons != b.reasons) {
      auto i = a.reasons.begin();
      auto j = b.reasons.begin();
      for (; i != a.reasons.end() && j != b.reasons.end(); ++i, ++j) {
        if (*i != *j) return *i < *j;
      }
      return a.reasons.size() > b.reasons.size();
    }
    return std::tie(a.display_name, a.id) < std::tie(b.display_name, b.id);
  };
  std::sort(candidates.begin(), candidates.end(), stronger);
  if (candidates.size() > limit) candidates.resize(limit);
  return candidates;
}

}  // namespace milepost::customer
