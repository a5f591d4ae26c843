#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "customer-svc/domain/interaction.h"

// Every error of customer-svc that a client can see, apart from bad fields
// (status::FieldViolations). Ids come without their collection, names with it.
namespace milepost::customer::error {

std::string CustomerName(const std::string& id);
std::string ContactName(const std::string& id);
std::string InteractionName(const std::string& id);
std::string MemberName(const std::string& id);

// NOT_FOUND / RECORD_NOT_FOUND: absent or hidden; nobody can tell which.
absl::Status NotFound(const std::string& name);
// ALREADY_EXISTS / ID_TAKEN.
absl::Status IdTaken(const std::string& name);
// ALREADY_EXISTS / DUPLICATE_CUSTOMERS: the edge adds the candidates as a DuplicateCustomers
// detail.
absl::Status HasDuplicates(const std::string& display_name, size_t candidate_count);
// ABORTED / STALE_ETAG.
absl::Status StaleEtag(const std::string& name);

// FAILED_PRECONDITION / CUSTOMER_HAS_OWNER: only customers of the pool can be assigned or claimed.
absl::Status NotInPool(const std::string& customer_id);
// FAILED_PRECONDITION / CUSTOMER_IN_POOL.
absl::Status InPool(const std::string& customer_id);
// FAILED_PRECONDITION / ALREADY_OWNER.
absl::Status AlreadyOwned(const std::string& customer_id, const std::string& member_id);
// FAILED_PRECONDITION / CLAIM_LIMIT_REACHED.
absl::Status ClaimLimitReached(const std::string& member_id, int64_t limit);
// FAILED_PRECONDITION / MEMBER_UNKNOWN: the organization has no such member (yet).
absl::Status MemberUnknown(const std::string& member_id);
// FAILED_PRECONDITION / MEMBER_INACTIVE.
absl::Status MemberInactive(const std::string& member_id);
// PERMISSION_DENIED / MEMBER_OUT_OF_SCOPE: the caller may not act for that member.
absl::Status MemberOutOfScope(const std::string& member_id);
// PERMISSION_DENIED / NOT_A_MEMBER: the caller is no member of the organization, so it cannot own
// anything.
absl::Status CallerIsNoMember();
// PERMISSION_DENIED / PERSONAL_DATA_HIDDEN: what is masked for the caller cannot be changed by it.
absl::Status PersonalDataHidden(const std::string& name, const std::string& field);
// FAILED_PRECONDITION / REFERENCE_NOT_FOUND: `field` names a record that is absent or hidden.
absl::Status ReferenceNotFound(const std::string& field, const std::string& name);
// INVALID_ARGUMENT / OWN_PARENT, KIND_IS_FIXED, CREDIT_CODE_OF_PERSON.
absl::Status OwnParent(const std::string& customer_id);
absl::Status KindIsFixed(const std::string& customer_id);
absl::Status CreditCodeOfPerson(const std::string& customer_id);

// CANCELLED / CLIENT_GONE: nobody reads the stream any more; what was answered until then is
// written.
absl::Status ClientGone();

// FAILED_PRECONDITION / TOO_MANY_CONTACTS.
absl::Status TooManyContacts(const std::string& customer_id, int64_t limit);
// INVALID_ARGUMENT / CONTACT_OF_OTHER_CUSTOMER.
absl::Status ContactOfOtherCustomer(const std::string& contact_id, const std::string& customer_id);
// FAILED_PRECONDITION / INTERACTION_NOT_PLANNED.
absl::Status NotPlanned(const std::string& interaction_id, InteractionState state);
// FAILED_PRECONDITION / NO_OPEN_NEXT_STEP.
absl::Status NoOpenNextStep(const std::string& interaction_id);

}  // namespace milepost::customer::error
