#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace milepost::db {

struct Null {};

// Bytes for a BLOB or BINARY column.
struct Bytes {
  std::string value;
};

// A value bound to a placeholder. Times become DATETIME(6) in UTC, days DATE, flags 0 or 1.
// Implicit on purpose: statements read as SQL with their arguments.
class Value {
 public:
  using Variant = std::variant<Null, int64_t, std::string>;

  Value() : value_(Null{}) {}
  Value(Null) : value_(Null{}) {}
  Value(std::nullopt_t) : value_(Null{}) {}
  Value(bool flag) : value_(int64_t{flag}) {}
  Value(int number) : value_(int64_t{number}) {}
  Value(long number) : value_(static_cast<int64_t>(number)) {}
  Value(long long number) : value_(static_cast<int64_t>(number)) {}
  Value(unsigned number) : value_(static_cast<int64_t>(number)) {}
  Value(unsigned long number) : value_(static_cast<int64_t>(number)) {}
  Value(const char* text) : value_(std::string(text)) {}
  Value(std::string_view text) : value_(std::string(text)) {}
  Value(std::string text) : value_(std::move(text)) {}
  Value(Bytes bytes) : value_(std::move(bytes.value)) {}
  Value(absl::Time time);
  Value(absl::CivilDay day);
  template <typename T>
  Value(const std::optional<T>& optional) : Value(optional ? Value(*optional) : Value(Null{})) {}

  const Variant& variant() const { return value_; }

 private:
  Variant value_;
};

// DATETIME(6) text of a time in UTC and back; microseconds are the finest unit kept.
std::string FormatTime(absl::Time time);
std::optional<absl::Time> ParseTime(std::string_view text);
std::string FormatDay(absl::CivilDay day);
std::optional<absl::CivilDay> ParseDay(std::string_view text);

}  // namespace milepost::db
