#include "customer-svc/domain/contact.h"

#include <map>

#include "customer-svc/domain/errors.h"

namespace milepost::customer {
namespace {

using Setter = void (*)(Contact& to, const Contact& from);

const std::map<std::string, Setter>& Setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"display_name",
       [](Contact& to, const Contact& from) { to.display_name = from.display_name; }},
      {"job_title", [](Contact& to, const Contact& from) { to.job_title = from.job_title; }},
      {"department", [](Contact& to, const Contact& from) { to.department = from.department; }},
      {"decision_role",
       [](Contact& to, const Contact& from) { to.decision_role = from.decision_role; }},
      {"attitude", [](Contact& to, const Contact& from) { to.attitude = from.attitude; }},
      {"phone", [](Contact& to, const Contact& from) { to.phone = from.phone; }},
      {"mobile", [](Contact& to, const Contact& from) { to.mobile = from.mobile; }},
      {"email", [](Contact& to, const Contact& from) { to.email = from.email; }},
      {"wechat", [](Contact& to, const Contact& from) { to.wechat = from.wechat; }},
      {"primary", [](Contact& to, const Contact& from) { to.primary = from.primary; }},
      {"left", [](Contact& to, const Contact& from) { to.left = from.left; }},
      {"description", [](Contact& to, const Contact& from) { to.description = from.description; }},
  };
  return kSetters;
}

absl::Status CheckVersion(const Contact& contact, ExpectedVersion version) {
  if (version && *version != contact.version)
    return error::StaleEtag(error::ContactName(contact.id));
  return absl::OkStatus();
}

}  // namespace

const std::set<std::string>& UpdatableContactFields() {
  static const std::set<std::string> kFields = [] {
    std::set<std::string> fields;
    for (const auto& [field, setter] : Setters()) fields.insert(field);
    return fields;
  }();
  return kFields;
}

const std::set<std::string>& PersonalContactFields() {
  static const std::set<std::string> kFields = {"phone", "mobile", "email", "wechat"};
  return kFields;
}

absl::StatusOr<Contact> NewContact(Contact draft, int64_t contact_count, absl::Time now) {
  if (contact_count >= kMaxContactsPerCustomer)
    return error::TooManyContacts(draft.customer_id, kMaxContactsPerCustomer);
  draft.create_time = now;
  draft.update_time = now;
  draft.version = 1;
  return draft;
}

absl::StatusOr<Contact> ApplyUpdate(Contact contact, const UpdateContactCommand& command,
                                    absl::Time now) {
  if (absl::Status s = CheckVersion(contact, command.version); !s.ok()) return s;
  for (const std::string& field : command.fields) Setters().at(field)(contact, command.values);
  contact.update_time = now;
  return contact;
}

absl::StatusOr<Contact> ApplyDelete(Contact contact, ExpectedVersion version, absl::Time now) {
  if (absl::Status s = CheckVersion(contact, version); !s.ok()) return s;
  contact.update_time = now;
  return contact;
}

}  // namespace milepost::customer
