#include "customer-svc/service/contact_service.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "customer-svc/domain/errors.h"
#include "customer-svc/service/access.h"
#include "customer-svc/service/moment.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"

namespace milepost::customer {
namespace {

constexpr char kIdPrefix = 'p';  // A person.

// The customer of a contact. Contacts are as visible as their customer, so a hidden one makes the
// contact absent.
absl::StatusOr<Customer> LoadCustomerOf(const rpc::Caller& caller, db::Snapshot& snapshot,
                                        const CustomerStore& customers, const Contact& contact) {
  absl::StatusOr<Customer> customer = customers.Load(snapshot, contact.customer_id);
  if (!customer.ok() && !absl::IsNotFound(customer.status())) return customer.status();
  if (!customer.ok() || !caller.MaySee(customer->owner_id)) {
    return error::NotFound(error::ContactName(contact.id));
  }
  return customer;
}

}  // namespace

ContactService::ContactService(rpc::Runner& runner) : rpc_(runner) {
  rpc_.Register<v1::ContactService>();
}

absl::StatusOr<v1::Contact> ContactService::Create(const rpc::Caller& caller, db::Session& db,
                                                   const v1::CreateContactRequest& request) {
  const absl::StatusOr<Contact> draft = ParseCreate(request);
  if (!draft.ok()) return draft.status();
  const absl::Time now = Now(rpc_);
  const std::string id = draft->id.empty() ? resource::NewId(kIdPrefix, now) : draft->id;

  std::string owner_id;
  const absl::StatusOr<Contact> created =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Contact> {
        const absl::StatusOr<Customer> customer = customers_.Load(tx, draft->customer_id);
        if (!customer.ok()) return customer.status();
        if (absl::Status s = CheckMayChange(caller, customer->owner_id, customer->id); !s.ok()) {
          return s;
        }
        owner_id = customer->owner_id;
        const absl::StatusOr<int64_t> count =
            contacts_.Count(tx, customer->id, kMaxContactsPerCustomer);
        if (!count.ok()) return count.status();
        absl::StatusOr<Contact> contact = NewContact(*draft, *count, now);
        if (!contact.ok()) return contact.status();
        contact->id = id;
        if (absl::Status s = contacts_.Insert(tx, caller.Change(request), *contact); !s.ok()) {
          return s;
        }
        return contact;
      });
  // The id of a deleted contact, whose history goes on under it.
  if (status::ReasonOf(created.status()) == "CONCURRENT_CHANGE") {
    return error::IdTaken(error::ContactName(id));
  }
  if (!created.ok()) return created.status();
  return Present(caller, *created, owner_id);
}

absl::StatusOr<v1::Contact> ContactService::Get(const rpc::Caller& caller, db::Session& db,
                                                const v1::GetContactRequest& request) {
  status::FieldViolations violations;
  const std::string id =
      ReadName(request.name(), "contacts", Presence::kRequired, "name", violations);
  if (!violations.empty()) return violations.ToStatus();
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::Contact> {
    const absl::StatusOr<Contact> contact = contacts_.Load(snapshot, id);
    if (!contact.ok()) return contact.status();
    const absl::StatusOr<Customer> customer =
        LoadCustomerOf(caller, snapshot, customers_, *contact);
    if (!customer.ok()) return customer.status();
    return Present(caller, *contact, customer->owner_id);
  });
}

absl::StatusOr<v1::ListContactsResponse> ContactService::List(
    const rpc::Caller& caller, db::Session& db, const v1::ListContactsRequest& request) {
  constexpr size_t kKeyColumns = 2;  // Time of creation, id.
  status::FieldViolations violations;
  ListContactsQuery query;
  query.customer_id =
      ReadName(request.customer(), "customers", Presence::kRequired, "customer", violations);
  const resource::Page page = resource::ReadPage(request, kKeyColumns, violations);
  if (!violations.empty()) return violations.ToStatus();
  if (!page.after.empty()) {
    int64_t micros = 0;
    (void)absl::SimpleAtoi(page.after[0], &micros);
    query.after = {absl::FromUnixMicros(micros), page.after[1]};
  }
  query.limit = page.size + 1;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListContactsResponse> {
    const absl::StatusOr<Customer> customer = customers_.Load(snapshot, query.customer_id);
    if (!customer.ok()) return customer.status();
    if (!caller.MaySee(customer->owner_id)) return error::NotFound(request.customer());
    absl::StatusOr<std::vector<Contact>> contacts = contacts_.List(snapshot, query);
    if (!contacts.ok()) return contacts.status();
    v1::ListContactsResponse response;
    const bool more = contacts->size() > static_cast<size_t>(page.size);
    if (more) contacts->pop_back();
    for (const Contact& contact : *contacts) {
      *response.add_contacts() = Present(caller, contact, customer->owner_id);
    }
    if (more) {
      const Contact& last = contacts->back();
      response.set_next_page_token(resource::NextPageToken(
          request, {absl::StrCat(absl::ToUnixMicros(last.create_time)), last.id}));
    }
    return response;
  });
}

absl::StatusOr<v1::Contact> ContactService::Update(const rpc::Caller& caller, db::Session& db,
                                                   const v1::UpdateContactRequest& request) {
  const absl::StatusOr<UpdateContactParsed> parsed = ParseUpdate(request);
  if (!parsed.ok()) return parsed.status();
  const UpdateContactCommand& command = parsed->command;

  std::string owner_id;
  const absl::StatusOr<Contact> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Contact> {
        const absl::StatusOr<Contact> before = contacts_.LoadForUpdate(tx, parsed->id);
        if (!before.ok()) return before.status();
        const absl::StatusOr<Customer> customer = LoadCustomerOf(caller, tx, customers_, *before);
        if (!customer.ok()) return customer.status();
        owner_id = customer->owner_id;
        if (absl::Status s = CheckMayChange(caller, owner_id, customer->id); !s.ok()) return s;
        if (!caller.scope().MaySeePersonal(owner_id)) {
          for (const std::string& field : PersonalContactFields()) {
            if (command.fields.count(field) == 0) continue;
            return error::PersonalDataHidden(error::ContactName(before->id), field);
          }
        }
        absl::StatusOr<Contact> after =
            ApplyUpdate(*before, command, ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        return contacts_.Save(tx, caller.Change(request), *before, *std::move(after));
      });
  if (!saved.ok()) return saved.status();
  return Present(caller, *saved, owner_id);
}

absl::StatusOr<google::protobuf::Empty> ContactService::Delete(
    const rpc::Caller& caller, db::Session& db, const v1::DeleteContactRequest& request) {
  const absl::StatusOr<VerbCommand> command = ParseDelete(request);
  if (!command.ok()) return command.status();

  const absl::Status deleted = db.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<Contact> before = contacts_.LoadForUpdate(tx, command->id);
    if (!before.ok()) return before.status();
    const absl::StatusOr<Customer> customer = LoadCustomerOf(caller, tx, customers_, *before);
    if (!customer.ok()) return customer.status();
    if (absl::Status s = CheckMayChange(caller, customer->owner_id, customer->id); !s.ok()) {
      return s;
    }
    absl::StatusOr<Contact> last =
        ApplyDelete(*before, command->version, ChangeTime(Now(rpc_), before->update_time));
    if (!last.ok()) return last.status();
    return contacts_.Delete(tx, caller.Change(request), *before, *std::move(last));
  });
  if (!deleted.ok()) return deleted;
  return google::protobuf::Empty();
}

absl::Status ContactService::MaskReplay(const rpc::Caller& caller, db::Session& db,
                                        v1::Contact& contact) {
  const std::optional<std::string> customer_id = resource::IdOf("customers", contact.customer());
  return db.Read([&](db::Snapshot& snapshot) -> absl::Status {
    const absl::StatusOr<Customer> customer = customers_.Load(snapshot, customer_id.value_or(""));
    if (!customer.ok()) return customer.status();
    Mask(caller, customer->owner_id, contact);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ContactService::CreateContact(grpc::CallbackServerContext* context,
                                                        const v1::CreateContactRequest* request,
                                                        v1::Contact* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Create(call...); },
      [this](auto&... call) { return MaskReplay(call...); });
}
grpc::ServerUnaryReactor* ContactService::GetContact(grpc::CallbackServerContext* context,
                                                     const v1::GetContactRequest* request,
                                                     v1::Contact* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* ContactService::ListContacts(grpc::CallbackServerContext* context,
                                                       const v1::ListContactsRequest* request,
                                                       v1::ListContactsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* ContactService::UpdateContact(grpc::CallbackServerContext* context,
                                                        const v1::UpdateContactRequest* request,
                                                        v1::Contact* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Update(call...); },
      [this](auto&... call) { return MaskReplay(call...); });
}
grpc::ServerUnaryReactor* ContactService::DeleteContact(grpc::CallbackServerContext* context,
                                                        const v1::DeleteContactRequest* request,
                                                        google::protobuf::Empty* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Delete(call...); });
}

}  // namespace milepost::customer
