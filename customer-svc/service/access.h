#pragma once

#include <string>

#include "absl/status/status.h"
#include "customer-svc/domain/contact.h"
#include "customer-svc/domain/customer.h"
#include "customer-svc/service/parse.h"
#include "customer-svc/store/customer_store.h"
#include "milepost/customer/v1/contact.pb.h"
#include "milepost/customer/v1/customer.pb.h"
#include "platform/rpc/caller.h"

// Who may do what with records by their owner, and what of them is masked.
namespace milepost::customer {

// OK if the caller may change records of this owner. A record that it may not even see is
// NotFound(`name`).
absl::Status CheckMayChange(const rpc::Caller& caller, const std::string& owner_id,
                            const std::string& customer_id);

// OK if the member is known and active on the day, so that it can own something.
absl::Status CheckActiveMember(const rpc::Caller& caller, const std::string& member_id,
                               absl::CivilDay today);
// OK if the caller may act for the member.
absl::Status CheckMemberInScope(const rpc::Caller& caller, const std::string& member_id);

// Whose customers the caller sees; "" is the shared pool.
OwnerFilter VisibleOwners(const rpc::Caller& caller);
// Whose personal data the caller reads.
OwnerFilter PersonalOwners(const rpc::Caller& caller);

// The filter of a request inside what the caller may see.
ListCustomersQuery WithinScope(const rpc::Caller& caller, const FilterCommand& filter,
                               absl::CivilDay today);

// The resource as the caller may read it. `owner_id` is the customer's owner.
v1::Customer Present(const rpc::Caller& caller, const Customer& customer);
v1::Contact Present(const rpc::Caller& caller, const Contact& contact, const std::string& owner_id);
void Mask(const rpc::Caller& caller, v1::Customer& customer);
void Mask(const rpc::Caller& caller, const std::string& owner_id, v1::Contact& contact);

}  // namespace milepost::customer
