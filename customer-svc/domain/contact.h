#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "customer-svc/domain/customer.h"

// The people at a customer. Values and rules.
namespace milepost::customer {

inline constexpr int64_t kMaxContactsPerCustomer = 500;

enum class DecisionRole {
  kUnspecified = 0,
  kDecisionMaker = 1,
  kEconomicBuyer = 2,
  kTechnicalEvaluator = 3,
  kInfluencer = 4,
  kUser = 5,
  kPurchaser = 6,
  kCoach = 7,
  kGatekeeper = 8,
};
enum class Attitude { kUnspecified = 0, kSupporter = 1, kNeutral = 2, kOpponent = 3 };

struct Contact {
  std::string id;
  std::string customer_id;
  std::string display_name;
  std::string job_title;
  std::string department;
  DecisionRole decision_role = DecisionRole::kUnspecified;
  Attitude attitude = Attitude::kUnspecified;
  std::string phone;
  std::string mobile;
  std::string email;
  std::string wechat;
  bool primary = false;
  bool left = false;
  std::string description;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Contact&, const Contact&) = default;
};

const std::set<std::string>& UpdatableContactFields();
const std::set<std::string>& PersonalContactFields();

// A new contact in its first version; `contact_count` is how many its customer has.
absl::StatusOr<Contact> NewContact(Contact draft, int64_t contact_count, absl::Time now);

struct UpdateContactCommand {
  Contact values;
  std::set<std::string> fields;
  ExpectedVersion version;
};
absl::StatusOr<Contact> ApplyUpdate(Contact contact, const UpdateContactCommand& command,
                                    absl::Time now);

// The last state of a contact that is deleted.
absl::StatusOr<Contact> ApplyDelete(Contact contact, ExpectedVersion version, absl::Time now);

}  // namespace milepost::customer
