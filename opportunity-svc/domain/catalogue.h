#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "platform/types/money.h"

// What opportunities refer to. Plain values; ids are bare (`fair`, not `sources/fair`).
namespace milepost::opportunity {

// Where opportunities come from.
struct Source {
  std::string id;
  std::string title;
  std::string description;
  std::optional<Money> planned_spend;
  std::optional<Money> actual_spend;
  bool archived = false;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Source&, const Source&) = default;
};

// A family of products.
struct ProductLine {
  std::string id;
  std::string title;
  bool archived = false;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const ProductLine&, const ProductLine&) = default;
};

// Something that is sold.
struct Product {
  std::string id;
  std::string title;
  std::string product_line;  // Empty: none.
  std::string code;
  std::string unit;
  std::optional<Money> list_price;
  std::optional<Money> unit_cost;
  bool archived = false;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Product&, const Product&) = default;
};

// A new record of `content`, whose times and version are ignored.
template <typename Record>
Record NewRecord(Record content, absl::Time now) {
  content.create_time = now;
  content.update_time = now;
  content.version = 1;
  return content;
}

// What an import makes of a stored record: nullopt if `content` (times and version ignored) says
// the same.
template <typename Record>
std::optional<Record> ApplyImport(const Record& current, Record content, absl::Time now) {
  content.create_time = current.create_time;
  content.update_time = current.update_time;
  content.version = current.version;
  if (content == current) return std::nullopt;
  content.update_time = now;
  return content;
}

}  // namespace milepost::opportunity
