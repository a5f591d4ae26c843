#include "customer-svc/domain/errors.h"

#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "platform/status/error.h"

namespace milepost::customer::error {
namespace {

using absl::StatusCode;

const char* Text(InteractionState state) {
  switch (state) {
    case InteractionState::kPlanned:
      return "PLANNED";
    case InteractionState::kDone:
      return "DONE";
    case InteractionState::kCancelled:
      return "CANCELLED";
    case InteractionState::kUnspecified:
      break;
  }
  return "INTERACTION_STATE_UNSPECIFIED";
}

}  // namespace

std::string CustomerName(const std::string& id) { return resource::Name("customers", id); }
std::string ContactName(const std::string& id) { return resource::Name("contacts", id); }
std::string InteractionName(const std::string& id) { return resource::Name("interactions", id); }
std::string MemberName(const std::string& id) { return resource::Name("members", id); }

absl::Status NotFound(const std::string& name) {
  return status::Error(StatusCode::kNotFound, "RECORD_NOT_FOUND",
                       absl::StrCat(name, " does not exist or is not visible to you"),
                       {{"name", name}});
}

absl::Status IdTaken(const std::string& name) {
  return status::Error(StatusCode::kAlreadyExists, "ID_TAKEN",
                       absl::StrCat(name, " exists already; choose another id or leave it empty"),
                       {{"name", name}});
}

absl::Status HasDuplicates(const std::string& display_name, size_t candidate_count) {
  return status::Error(StatusCode::kAlreadyExists, "DUPLICATE_CUSTOMERS",
                       absl::StrCat("'", display_name, "' may exist already: ", candidate_count,
                                    " candidate(s) with the same name, phone or credit code; set "
                                    "allow_duplicates to create it anyway"),
                       {{"candidate_count", absl::StrCat(candidate_count)}});
}

absl::Status StaleEtag(const std::string& name) {
  return status::Error(StatusCode::kAborted, "STALE_ETAG",
                       absl::StrCat(name, " has changed since it was read; read it again"),
                       {{"name", name}});
}

absl::Status NotInPool(const std::string& customer_id) {
  return status::Error(
      StatusCode::kFailedPrecondition, "CUSTOMER_HAS_OWNER",
      absl::StrCat(
          CustomerName(customer_id),
          " is not in the shared pool; it can only be transferred by its owner or a manager"),
      {{"name", CustomerName(customer_id)}});
}

absl::Status InPool(const std::string& customer_id) {
  return status::Error(
      StatusCode::kFailedPrecondition, "CUSTOMER_IN_POOL",
      absl::StrCat(CustomerName(customer_id), " is in the shared pool; claim or assign it first"),
      {{"name", CustomerName(customer_id)}});
}

absl::Status AlreadyOwned(const std::string& customer_id, const std::string& member_id) {
  return status::Error(
      StatusCode::kFailedPrecondition, "ALREADY_OWNER",
      absl::StrCat(MemberName(member_id), " owns ", CustomerName(customer_id), " already"),
      {{"name", CustomerName(customer_id)}, {"member", MemberName(member_id)}});
}

absl::Status ClaimLimitReached(const std::string& member_id, int64_t limit) {
  return status::Error(
      StatusCode::kFailedPrecondition, "CLAIM_LIMIT_REACHED",
      absl::StrCat(MemberName(member_id), " owns ", limit,
                   " customers or more, which is the limit for claiming from the pool"),
      {{"member", MemberName(member_id)}, {"limit", absl::StrCat(limit)}});
}

absl::Status MemberUnknown(const std::string& member_id) {
  return status::Error(StatusCode::kFailedPrecondition, "MEMBER_UNKNOWN",
                       absl::StrCat("the organization has no ", MemberName(member_id)),
                       {{"member", MemberName(member_id)}});
}

absl::Status MemberInactive(const std::string& member_id) {
  return status::Error(
      StatusCode::kFailedPrecondition, "MEMBER_INACTIVE",
      absl::StrCat(MemberName(member_id), " is not active today and cannot take over customers"),
      {{"member", MemberName(member_id)}});
}

absl::Status MemberOutOfScope(const std::string& member_id) {
  return status::Error(StatusCode::kPermissionDenied, "MEMBER_OUT_OF_SCOPE",
                       absl::StrCat("you may not act for ", MemberName(member_id)),
                       {{"member", MemberName(member_id)}});
}

absl::Status CallerIsNoMember() {
  return status::Error(StatusCode::kPermissionDenied, "NOT_A_MEMBER",
                       "the caller is not a member of the organization and cannot own records");
}

absl::Status PersonalDataHidden(const std::string& name, const std::string& field) {
  return status::Error(
      StatusCode::kPermissionDenied, "PERSONAL_DATA_HIDDEN",
      absl::StrCat(field, " of ", name,
                   " is masked for you and cannot be changed by you; leave it out of update_mask"),
      {{"name", name}, {"field", field}});
}

absl::Status ReferenceNotFound(const std::string& field, const std::string& name) {
  return status::Error(StatusCode::kFailedPrecondition, "REFERENCE_NOT_FOUND",
                       absl::StrCat(field, ": ", name, " does not exist or is not visible to you"),
                       {{"field", field}, {"name", name}});
}

absl::Status OwnParent(const std::string& customer_id) {
  return status::Error(StatusCode::kInvalidArgument, "OWN_PARENT",
                       absl::StrCat(CustomerName(customer_id), " cannot be its own parent"),
                       {{"name", CustomerName(customer_id)}});
}

absl::Status KindIsFixed(const std::string& customer_id) {
  return status::Error(
      StatusCode::kInvalidArgument, "KIND_IS_FIXED",
      absl::StrCat("the kind of ", CustomerName(customer_id), " was fixed when it was created"),
      {{"name", CustomerName(customer_id)}});
}

absl::Status CreditCodeOfPerson(const std::string& customer_id) {
  return status::Error(
      StatusCode::kInvalidArgument, "CREDIT_CODE_OF_PERSON",
      absl::StrCat(CustomerName(customer_id), " is a person; only companies have a credit code"),
      {{"name", CustomerName(customer_id)}});
}

absl::Status ClientGone() {
  return status::Error(StatusCode::kCancelled, "CLIENT_GONE", "the client has gone away");
}

absl::Status TooManyContacts(const std::string& customer_id, int64_t limit) {
  return status::Error(
      StatusCode::kFailedPrecondition, "TOO_MANY_CONTACTS",
      absl::StrCat(CustomerName(customer_id), " has ", limit, " contacts, which is the limit"),
      {{"name", CustomerName(customer_id)}, {"limit", absl::StrCat(limit)}});
}

absl::Status ContactOfOtherCustomer(const std::string& contact_id, const std::string& customer_id) {
  return status::Error(
      StatusCode::kInvalidArgument, "CONTACT_OF_OTHER_CUSTOMER",
      absl::StrCat(ContactName(contact_id), " is not a contact of ", CustomerName(customer_id)),
      {{"contact", ContactName(contact_id)}, {"customer", CustomerName(customer_id)}});
}

absl::Status NotPlanned(const std::string& interaction_id, InteractionState state) {
  return status::Error(StatusCode::kFailedPrecondition, "INTERACTION_NOT_PLANNED",
                       absl::StrCat(InteractionName(interaction_id), " is ", Text(state),
                                    "; only a PLANNED one can be changed, completed or cancelled"),
                       {{"name", InteractionName(interaction_id)}, {"state", Text(state)}});
}

absl::Status NoOpenNextStep(const std::string& interaction_id) {
  return status::Error(StatusCode::kFailedPrecondition, "NO_OPEN_NEXT_STEP",
                       absl::StrCat(InteractionName(interaction_id), " has no open next step"),
                       {{"name", InteractionName(interaction_id)}});
}

}  // namespace milepost::customer::error
