#include "platform/types/proto.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace milepost {

type::v1::Money ToProto(const Money& money) {
  type::v1::Money proto;
  proto.set_currency_code(money.currency_code);
  proto.set_minor_units(money.minor_units);
  return proto;
}

type::v1::Date ToProto(absl::CivilDay day) {
  type::v1::Date proto;
  proto.set_year(static_cast<int32_t>(day.year()));
  proto.set_month(day.month());
  proto.set_day(day.day());
  return proto;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t micros = absl::ToUnixMicros(time);
  int64_t seconds = micros / 1'000'000;
  int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<int32_t>(rest * 1'000));
  return proto;
}

absl::Time FromProto(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixMicros(timestamp.seconds() * 1'000'000 + timestamp.nanos() / 1'000);
}

std::optional<absl::CivilDay> ReadDate(const type::v1::Date& date, const std::string& field,
                                       status::FieldViolations& violations) {
  if (date.year() < kMinYear || date.year() > kMaxYear) {
    violations.Add(
        field, absl::StrCat("year ", date.year(), " is not between ", kMinYear, " and ", kMaxYear));
    return std::nullopt;
  }
  const absl::CivilDay day(date.year(), date.month(), date.day());
  if (day.year() != date.year() || day.month() != date.month() || day.day() != date.day()) {
    violations.Add(field, absl::StrFormat("%04d-%02d-%02d is not a day of the calendar",
                                          date.year(), date.month(), date.day()));
    return std::nullopt;
  }
  return day;
}

std::optional<DayRange> ReadDateRange(const type::v1::DateRange& range, const std::string& field,
                                      status::FieldViolations& violations) {
  const auto first = ReadDate(range.first_date(), absl::StrCat(field, ".first_date"), violations);
  const auto last = ReadDate(range.last_date(), absl::StrCat(field, ".last_date"), violations);
  if (!first || !last) return std::nullopt;
  if (*last < *first) {
    violations.Add(absl::StrCat(field, ".last_date"), "is before first_date");
    return std::nullopt;
  }
  return DayRange{*first, *last};
}

type::v1::DateRange ToProto(const DayRange& range) {
  type::v1::DateRange proto;
  *proto.mutable_first_date() = ToProto(range.first);
  *proto.mutable_last_date() = ToProto(range.last);
  return proto;
}

std::optional<Money> ReadMoney(const type::v1::Money& money, const std::string& currency_code,
                               int64_t min_minor_units, const std::string& field,
                               status::FieldViolations& violations) {
  bool good = true;
  if (money.currency_code() != currency_code) {
    violations.Add(
        absl::StrCat(field, ".currency_code"),
        absl::StrCat("'", money.currency_code(), "' is not the currency in use, ", currency_code));
    good = false;
  }
  if (money.minor_units() < min_minor_units || money.minor_units() > kMaxMinorUnits) {
    violations.Add(absl::StrCat(field, ".minor_units"),
                   absl::StrCat(money.minor_units(), " is not between ", min_minor_units, " and ",
                                kMaxMinorUnits));
    good = false;
  }
  if (!good) return std::nullopt;
  return Money{money.currency_code(), money.minor_units()};
}

std::optional<absl::Time> ReadTimestamp(const google::protobuf::Timestamp& timestamp,
                                        const std::string& field,
                                        status::FieldViolations& violations) {
  const int64_t last_second =
      absl::ToUnixSeconds(absl::FromCivil(absl::CivilYear(kMaxYear + 1), absl::UTCTimeZone())) - 1;
  if (timestamp.seconds() < 0 || timestamp.seconds() > last_second || timestamp.nanos() < 0 ||
      timestamp.nanos() > 999'999'999) {
    violations.Add(field, absl::StrCat("is not a time between ", kMinYear, " and ", kMaxYear));
    return std::nullopt;
  }
  return FromProto(timestamp);
}

}  // namespace milepost
