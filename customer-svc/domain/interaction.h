#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "customer-svc/domain/customer.h"

// Visits, calls and messages, planned and done. Values and rules. Days are those of `zone`.
namespace milepost::customer {

// A next step is due at most so many days after the interaction.
inline constexpr int kMaxNextStepDays = 5 * 366;

enum class InteractionType {
  kUnspecified = 0,
  kVisit = 1,
  kCall = 2,
  kMeeting = 3,
  kMessage = 4,
  kComplaint = 5,
  kServiceCall = 6,
};
enum class InteractionPurpose {
  kUnspecified = 0,
  kNewCustomer = 1,
  kMarketResearch = 2,
  kCollection = 3,
  kCustomerService = 4,
  kComplaintHandling = 5,
  kOrder = 6,
  kOther = 7,
};
enum class InteractionState { kUnspecified = 0, kPlanned = 1, kDone = 2, kCancelled = 3 };
enum class InteractionResult {
  kUnspecified = 0,
  kSuccessful = 1,
  kFollowUp = 2,
  kNotReached = 3,
  kUnsuccessful = 4
};

struct NextStep {
  std::string description;
  absl::CivilDay due_day;
  std::optional<absl::Time> done_time;

  friend bool operator==(const NextStep&, const NextStep&) = default;
};

struct Interaction {
  std::string id;
  std::string customer_id;
  std::string member_id;
  std::string contact_id;
  InteractionType type = InteractionType::kUnspecified;
  InteractionPurpose purpose = InteractionPurpose::kUnspecified;
  std::string subject;
  absl::Time planned_time;
  int duration_minutes = 0;
  InteractionState state = InteractionState::kUnspecified;
  std::optional<absl::Time> done_time;
  InteractionResult result = InteractionResult::kUnspecified;
  std::string outcome;
  std::optional<NextStep> next_step;
  std::string cancel_reason;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Interaction&, const Interaction&) = default;
};

// What came out of an interaction; `done_time` not given means now.
struct Outcome {
  InteractionResult result = InteractionResult::kUnspecified;
  std::string text;
  std::optional<absl::Time> done_time;
  std::optional<NextStep> next_step;
};

const std::set<std::string>& UpdatableInteractionFields();

Interaction NewPlanned(Interaction draft, absl::Time now);
// INVALID_ARGUMENT if it was done in the future or the next step is due before it.
absl::StatusOr<Interaction> NewDone(Interaction draft, const Outcome& outcome, absl::Time now,
                                    absl::TimeZone zone);

struct UpdateInteractionCommand {
  Interaction values;
  std::set<std::string> fields;
  ExpectedVersion version;
};
absl::StatusOr<Interaction> ApplyUpdate(Interaction interaction,
                                        const UpdateInteractionCommand& command, absl::Time now);
absl::StatusOr<Interaction> ApplyComplete(Interaction interaction, const Outcome& outcome,
                                          ExpectedVersion version, absl::Time now,
                                          absl::TimeZone zone);
absl::StatusOr<Interaction> ApplyCancel(Interaction interaction, const std::string& reason,
                                        ExpectedVersion version, absl::Time now);
absl::StatusOr<Interaction> ApplyCompleteNextStep(Interaction interaction, ExpectedVersion version,
                                                  absl::Time now);
// Of a planned interaction whose customer passes to another member; to nobody, which cancels it, if
// `member_id` is empty.
Interaction ApplyHandOver(Interaction interaction, const std::string& member_id,
                          const std::string& note, absl::Time now);

// The day by which something is to be done: the planned day while it is planned, then the next
// step's while that is open.
std::optional<absl::CivilDay> DueDay(const Interaction& interaction, absl::TimeZone zone);

}  // namespace milepost::customer
