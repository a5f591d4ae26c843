#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "platform/types/money.h"

// Customers and who owns them. Values and rules; no clock, no database.
namespace milepost::customer {

enum class CustomerKind { kUnspecified = 0, kCompany = 1, kPerson = 2 };
enum class Channel { kUnspecified = 0, kDirect = 1, kOnline = 2, kDealer = 3, kPartner = 4 };
enum class AddressKind {
  kUnspecified = 0,
  kRegistered = 1,
  kOffice = 2,
  kShipping = 3,
  kBilling = 4
};

struct Address {
  AddressKind kind = AddressKind::kUnspecified;
  std::string country;
  std::string province;
  std::string city;
  std::string district;
  std::string street;
  std::string postal_code;

  friend bool operator==(const Address&, const Address&) = default;
};

struct Attribute {
  std::string key;
  std::variant<std::string, int64_t, bool, absl::CivilDay, Money> value;

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// Ids without their collection: `owner_id` "ada" is members/ada; empty is the shared pool.
struct Customer {
  std::string id;
  CustomerKind kind = CustomerKind::kUnspecified;
  std::string display_name;
  std::string short_name;
  std::string credit_code;
  std::string phone;
  std::string email;
  std::string website;
  std::string industry;
  std::string region;
  Channel channel = Channel::kUnspecified;
  std::string source_id;
  std::vector<std::string> tags;
  std::vector<Address> addresses;
  std::vector<Attribute> attributes;  // By key.
  std::string parent_id;
  int founded_year = 0;
  int64_t employee_count = 0;
  std::optional<Money> annual_revenue;
  std::string description;
  std::optional<absl::CivilDay> since_day;
  std::string owner_id;
  absl::Time owner_time;
  std::string handover_note;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Customer&, const Customer&) = default;
};

// What a write may depend on.
using ExpectedVersion = std::optional<int64_t>;

// Rules of the shared pool.
struct PoolSettings {
  int64_t max_customers_per_member = 0;  // 0: no limit.
  absl::Time update_time;
  int64_t version = 0;
};

// Fields of a customer that an update may set, by their names in the API.
const std::set<std::string>& UpdatableFields();
// Those of them that hold personal data.
const std::set<std::string>& PersonalFields();

// A new customer in its first version. `draft` carries what the client gave; `owner_id` is decided
// already.
Customer NewCustomer(Customer draft, absl::Time now, absl::CivilDay today);

// Sets `fields` of `customer` to the values in `values`.
struct UpdateCustomerCommand {
  Customer values;
  std::set<std::string> fields;
  ExpectedVersion version;
};
absl::StatusOr<Customer> ApplyUpdate(Customer customer, const UpdateCustomerCommand& command,
                                     absl::Time now);

// What an import makes of an existing customer: nullopt if the row changes nothing. `row` carries a
// kind that must be the same.
absl::StatusOr<std::optional<Customer>> ApplyImport(const Customer& customer, const Customer& row,
                                                    absl::Time now);

// Ownership. `member_id` exists and is active; the caller may do it: both are the handler's to
// check.
absl::StatusOr<Customer> ApplyAssign(Customer customer, const std::string& member_id,
                                     const std::string& note, ExpectedVersion version,
                                     absl::Time now);
absl::StatusOr<Customer> ApplyTransfer(Customer customer, const std::string& member_id,
                                       const std::string& note, ExpectedVersion version,
                                       absl::Time now);
// To the pool if `member_id` is empty.
Customer ApplyHandOver(Customer customer, const std::string& member_id, const std::string& note,
                       absl::Time now);
// `owned_count` is how many customers the member owns now.
absl::StatusOr<Customer> ApplyClaim(Customer customer, const std::string& member_id,
                                    int64_t owned_count, const PoolSettings& settings,
                                    ExpectedVersion version, absl::Time now);
absl::StatusOr<Customer> ApplyRelease(Customer customer, ExpectedVersion version, absl::Time now);

absl::StatusOr<PoolSettings> ApplySettings(PoolSettings settings,
                                           std::optional<int64_t> max_customers_per_member,
                                           std::optional<int64_t> expected_version, absl::Time now);

// Why two customers may be the same, strongest first.
enum class DuplicateReason { kSameCreditCode, kSamePhone, kSameName, kSameEmailDomain };

// What of a customer is compared, folded; empty values match nothing. A phone is also compared with
// those of other customers' contacts.
struct DuplicateKeys {
  std::string name_key;
  std::string phone_digits;
  std::string credit_code;
  std::string email_domain;
};
DuplicateKeys KeysOf(const Customer& customer);

struct DuplicateCandidate {
  std::string id;
  std::string display_name;
  std::string owner_id;
  std::set<DuplicateReason> reasons;
};

// True if the reasons refuse a creation: anything but a shared e-mail domain, which sister
// companies have too.
bool Refuses(const std::set<DuplicateReason>& reasons);
// Strongest first, then by name and id; at most `limit`.
std::vector<DuplicateCandidate> Rank(std::vector<DuplicateCandidate> candidates, size_t limit);

}  // namespace milepost::customer
