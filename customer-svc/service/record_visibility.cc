#include "customer-svc/service/record_visibility.h"

#include "customer-svc/store/contact_store.h"
#include "customer-svc/store/customer_store.h"
#include "customer-svc/store/interaction_store.h"
#include "milepost/customer/v1/contact.pb.h"
#include "platform/access/masking.h"
#include "platform/resource/name.h"

namespace milepost::customer {

bool MaySeeRecord(const rpc::Caller& caller, db::Session& db, const std::string& record) {
  if (record == "poolSettings") return true;
  // Deleted contacts and exports are no rows any more, or never were: those who see all persons see
  // their history.
  if (caller.scope().MaySeePersonal("")) return true;
  const CustomerStore customers;
  const auto sees_customer = [&](db::Snapshot& snapshot, const std::string& id) {
    const absl::StatusOr<Customer> customer = customers.Load(snapshot, id);
    return customer.ok() && caller.MaySee(customer->owner_id);
  };
  const auto seen = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<bool> {
    if (const auto id = resource::IdOf("customers", record)) return sees_customer(snapshot, *id);
    if (const auto id = resource::IdOf("contacts", record)) {
      const absl::StatusOr<Contact> contact = ContactStore().Load(snapshot, *id);
      return contact.ok() && sees_customer(snapshot, contact->customer_id);
    }
    if (const auto id = resource::IdOf("interactions", record)) {
      // Due days are not looked at, so the zone does not matter.
      const absl::StatusOr<Interaction> interaction =
          InteractionStore(absl::UTCTimeZone()).Load(snapshot, *id);
      return interaction.ok() && (caller.MaySee(interaction->member_id) ||
                                  sees_customer(snapshot, interaction->customer_id));
    }
    return false;
  });
  return seen.ok() && *seen;
}

std::string OwnerOfRecord(db::Session& db, const google::protobuf::Message& newest) {
  const auto* contact = dynamic_cast<const v1::Contact*>(&newest);
  if (contact == nullptr) return access::OwnerOf(newest);
  const auto customer = db.Read([&](db::Snapshot& snapshot) {
    return CustomerStore().Load(snapshot,
                                resource::IdOf("customers", contact->customer()).value_or(""));
  });
  return customer.ok() ? customer->owner_id : "";
}

}  // namespace milepost::customer
