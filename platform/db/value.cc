#include "platform/db/value.h"

#include "absl/strings/str_format.h"

namespace milepost::db {
namespace {

// The number in text[at, at + length), or -1.
int Digits(std::string_view text, size_t at, size_t length) {
  if (at + length > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + length; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

Value::Value(absl::Time time) : value_(db::FormatTime(time)) {}
Value::Value(absl::CivilDay day) : value_(FormatDay(day)) {}

std::string FormatTime(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d %H:%M:%E6S", time, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseTime(std::string_view text) {
  // 2024-02-29 12:34:56[.123456]
  const std::optional<absl::CivilDay> day = ParseDay(text.substr(0, 10));
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  if (!day || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  int micros = 0;
  if (text.size() > 20) {
    std::string fraction(text.substr(20));
    fraction.resize(6, '0');
    micros = Digits(fraction, 0, 6);
    if (micros < 0) return std::nullopt;
  }
  const int64_t days = *day - absl::CivilDay(1970, 1, 1);
  return absl::FromUnixMicros(((days * 24 + hour) * 60 + minute) * 60'000'000LL +
                              second * 1'000'000LL + micros);
}

std::string FormatDay(absl::CivilDay day) {
  return absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day());
}

std::optional<absl::CivilDay> ParseDay(std::string_view text) {
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  if (year < 0 || month < 1 || day < 1) return std::nullopt;
  return absl::CivilDay(year, month, day);
}

}  // namespace milepost::db
