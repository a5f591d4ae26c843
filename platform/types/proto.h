#pragma once

#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/status/error.h"
#include "platform/types/money.h"

// Between the values of the domain and the messages of milepost.type.v1. `Read…` functions report
// what is wrong under the field's path and return nullopt; used by Parse<Verb> in service/.
namespace milepost {

inline constexpr int kMinYear = 1970;
inline constexpr int kMaxYear = 2200;

type::v1::Money ToProto(const Money& money);
type::v1::Date ToProto(absl::CivilDay day);
google::protobuf::Timestamp ToProto(absl::Time time);

absl::Time FromProto(const google::protobuf::Timestamp& timestamp);

// A day that exists, between 1970 and 2200.
std::optional<absl::CivilDay> ReadDate(const type::v1::Date& date, const std::string& field,
                                       status::FieldViolations& violations);

// first_date ≤ last_date, both given.
struct DayRange {
  absl::CivilDay first;
  absl::CivilDay last;

  friend bool operator==(const DayRange&, const DayRange&) = default;
};
std::optional<DayRange> ReadDateRange(const type::v1::DateRange& range, const std::string& field,
                                      status::FieldViolations& violations);
type::v1::DateRange ToProto(const DayRange& range);

// An amount in the suite's currency between `min_minor_units` and kMaxMinorUnits.
std::optional<Money> ReadMoney(const type::v1::Money& money, const std::string& currency_code,
                               int64_t min_minor_units, const std::string& field,
                               status::FieldViolations& violations);

// Seconds and nanoseconds in range, between 1970 and 2200; cut to microseconds.
std::optional<absl::Time> ReadTimestamp(const google::protobuf::Timestamp& timestamp,
                                        const std::string& field,
                                        status::FieldViolations& violations);

}  // namespace milepost
