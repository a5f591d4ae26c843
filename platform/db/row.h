#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace milepost::db {

// One row of a result, columns counted from 0 in the order of the SELECT list. Reading a column as
// a type that it does not have is a bug of the caller: NULL reads as 0, "" or the epoch, text that
// is no number as 0.
class Row {
 public:
  struct Cell {
    bool null = true;
    bool number = false;
    int64_t integer = 0;
    std::string text;
  };

  explicit Row(std::vector<Cell> cells) : cells_(std::move(cells)) {}

  size_t size() const { return cells_.size(); }
  bool IsNull(size_t column) const { return cells_[column].null; }
  int64_t Int64(size_t column) const;
  bool Bool(size_t column) const { return Int64(column) != 0; }
  // Text or bytes.
  const std::string& String(size_t column) const { return cells_[column].text; }
  absl::Time Time(size_t column) const;
  absl::CivilDay Day(size_t column) const;

  std::optional<int64_t> OptionalInt64(size_t column) const;
  std::optional<std::string> OptionalString(size_t column) const;
  std::optional<absl::Time> OptionalTime(size_t column) const;
  std::optional<absl::CivilDay> OptionalDay(size_t column) const;

 private:
  std::vector<Cell> cells_;
};

// A whole result; results are always buffered, so every SELECT has a LIMIT or a bounded key list.
using Rows = std::vector<Row>;

}  // namespace milepost::db
