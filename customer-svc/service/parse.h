#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "customer-svc/domain/contact.h"
#include "customer-svc/domain/customer.h"
#include "customer-svc/domain/interaction.h"
#include "customer-svc/store/customer_store.h"
#include "milepost/customer/v1/contact.pb.h"
#include "milepost/customer/v1/customer.pb.h"
#include "milepost/customer/v1/interaction.pb.h"
#include "platform/status/error.h"

// The shape of requests. Each Read… function adds every bad field to `violations` and goes on. Text
// is trimmed.
namespace milepost::customer {

// Limits in characters.
inline constexpr size_t kMaxDisplayName = 200;
inline constexpr size_t kMaxShortName = 100;
inline constexpr size_t kMaxPhone = 64;
inline constexpr size_t kMaxEmail = 254;
inline constexpr size_t kMaxWebsite = 254;
inline constexpr size_t kMaxWord = 64;  // Industry, region, parts of an address, WeChat id.
inline constexpr size_t kMaxStreet = 200;
inline constexpr size_t kMaxPostalCode = 16;
inline constexpr size_t kMaxTag = 32;
inline constexpr int kMaxTags = 50;
inline constexpr int kMaxAddresses = 10;
inline constexpr int kMaxAttributes = 50;
inline constexpr size_t kMaxAttributeKey = 63;
inline constexpr size_t kMaxAttributeText = 1000;
inline constexpr size_t kMaxDescription = 2000;
inline constexpr size_t kMaxNote = 2000;
inline constexpr size_t kMaxReason = 250;  // 1,000 bytes, what a change row holds.
inline constexpr size_t kMaxContactName = 100;
inline constexpr size_t kMaxJobTitle = 100;
inline constexpr size_t kMaxSubject = 200;
inline constexpr size_t kMaxOutcome = 4000;
inline constexpr size_t kMaxNextStep = 500;
inline constexpr size_t kMaxPurpose = 200;
inline constexpr size_t kMaxQuery = 100;
inline constexpr int kMinFoundedYear = 1000;
inline constexpr int kMaxFoundedYear = 2200;
inline constexpr int64_t kMaxEmployees = 100'000'000;
inline constexpr int kMaxDurationMinutes = 7 * 24 * 60;
inline constexpr int kMaxClaimLimit = 1'000'000;
inline constexpr int kMaxBatch = 500;
inline constexpr int kMaxCandidates = 20;

std::string ReadText(const std::string& text, size_t min, size_t max, const std::string& field,
                     status::FieldViolations& violations);
// The id of `<collection>/<id>`; "" if the name is empty, which is a violation if it is required.
enum class Presence { kOptional, kRequired };
std::string ReadName(const std::string& name, const std::string& collection, Presence presence,
                     const std::string& field, status::FieldViolations& violations);
// An id chosen by the client, or "" to have one generated.
std::string ReadNewId(const std::string& id, const std::string& field,
                      status::FieldViolations& violations);
ExpectedVersion ReadEtag(const std::string& etag, status::FieldViolations& violations);

// What surrounds a request.
struct ParseContext {
  absl::CivilDay today;
  absl::TimeZone zone;
  std::string currency_code;
};

// The named fields of a customer; `prefix` is the path to it, such as "customer.".
Customer ReadCustomer(const v1::Customer& customer, const std::set<std::string>& fields,
                      const std::string& prefix, const ParseContext& context,
                      status::FieldViolations& violations);
// All fields of a new one, with kind and owner.
Customer ReadNewCustomer(const v1::Customer& customer, const std::string& prefix,
                         const ParseContext& context, status::FieldViolations& violations);

struct CreateCustomerCommand {
  Customer draft;  // Its id may be empty.
  bool allow_duplicates = false;
};
absl::StatusOr<CreateCustomerCommand> ParseCreate(const v1::CreateCustomerRequest& request,
                                                  const ParseContext& context);
struct UpdateCustomerParsed {
  std::string id;
  UpdateCustomerCommand command;
};
absl::StatusOr<UpdateCustomerParsed> ParseUpdate(const v1::UpdateCustomerRequest& request,
                                                 const ParseContext& context);

// A verb on one record: which, with what text, to whom, on which version.
struct VerbCommand {
  std::string id;
  std::string member_id;
  std::string text;
  ExpectedVersion version;
};
absl::StatusOr<VerbCommand> ParseAssign(const v1::AssignCustomerRequest& request);
absl::StatusOr<VerbCommand> ParseTransfer(const v1::TransferCustomerRequest& request);
absl::StatusOr<VerbCommand> ParseClaim(const v1::ClaimCustomerRequest& request);
absl::StatusOr<VerbCommand> ParseRelease(const v1::ReleaseCustomerRequest& request);
struct HandOverCommand {
  std::string from_member_id;
  std::string to_member_id;
  std::string note;
};
absl::StatusOr<HandOverCommand> ParseHandOver(const v1::HandOverCustomersRequest& request);

struct SettingsCommand {
  std::optional<int64_t> max_customers_per_member;
  std::optional<int64_t> version;
};
absl::StatusOr<SettingsCommand> ParseSettings(const v1::UpdatePoolSettingsRequest& request);

// A filter as it is asked for. Owner, unit and pool are for the caller's scope to cut (see
// WithinScope); `list` holds what remains and names no owners yet.
struct FilterCommand {
  std::string owner_id;
  std::string unit_id;
  bool pool_only = false;
  ListCustomersQuery list;
};
FilterCommand ReadFilter(const v1::CustomerFilter& filter, status::FieldViolations& violations);

Contact ReadContact(const v1::Contact& contact, const std::set<std::string>& fields,
                    status::FieldViolations& violations);
absl::StatusOr<Contact> ParseCreate(const v1::CreateContactRequest& request);
struct UpdateContactParsed {
  std::string id;
  UpdateContactCommand command;
};
absl::StatusOr<UpdateContactParsed> ParseUpdate(const v1::UpdateContactRequest& request);
absl::StatusOr<VerbCommand> ParseDelete(const v1::DeleteContactRequest& request);

absl::StatusOr<Interaction> ParsePlan(const v1::PlanInteractionRequest& request);
struct RecordCommand {
  Interaction draft;
  Outcome outcome;
};
absl::StatusOr<RecordCommand> ParseRecord(const v1::RecordInteractionRequest& request);
struct UpdateInteractionParsed {
  std::string id;
  UpdateInteractionCommand command;
};
absl::StatusOr<UpdateInteractionParsed> ParseUpdate(const v1::UpdateInteractionRequest& request);
struct CompleteCommand {
  std::string id;
  Outcome outcome;
  ExpectedVersion version;
};
absl::StatusOr<CompleteCommand> ParseComplete(const v1::CompleteInteractionRequest& request);
absl::StatusOr<VerbCommand> ParseCancel(const v1::CancelInteractionRequest& request);
absl::StatusOr<VerbCommand> ParseCompleteNextStep(const v1::CompleteNextStepRequest& request);

}  // namespace milepost::customer
