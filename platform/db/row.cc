#include "platform/db/row.h"

#include <cstdlib>

#include "platform/db/value.h"

namespace milepost::db {

int64_t Row::Int64(size_t column) const {
  const Cell& cell = cells_[column];
  return cell.number ? cell.integer : std::strtoll(cell.text.c_str(), nullptr, 10);
}

absl::Time Row::Time(size_t column) const {
  return ParseTime(cells_[column].text).value_or(absl::UnixEpoch());
}

absl::CivilDay Row::Day(size_t column) const {
  return ParseDay(cells_[column].text).value_or(absl::CivilDay());
}

std::optional<int64_t> Row::OptionalInt64(size_t column) const {
  return IsNull(column) ? std::nullopt : std::optional(Int64(column));
}

std::optional<std::string> Row::OptionalString(size_t column) const {
  return IsNull(column) ? std::nullopt : std::optional(String(column));
}

std::optional<absl::Time> Row::OptionalTime(size_t column) const {
  return IsNull(column) ? std::nullopt : std::optional(Time(column));
}

std::optional<absl::CivilDay> Row::OptionalDay(size_t column) const {
  return IsNull(column) ? std::nullopt : std::optional(Day(column));
}

}  // namespace milepost::db
