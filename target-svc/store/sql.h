#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "platform/db/session.h"

// Statements over many keys and many rows.
namespace milepost::target {

inline constexpr size_t kKeysPerStatement = 512;
inline constexpr size_t kRowsPerStatement = 256;

// Calls `run(placeholders, values)` for keys in groups. Groups are filled up with their last key to
// a power of two, so that few different statements are prepared.
template <typename Run>
absl::Status ForKeys(const std::vector<std::string>& keys, Run run) {
  for (size_t at = 0; at < keys.size(); at += kKeysPerStatement) {
    std::vector<db::Value> values;
    const size_t end = std::min(keys.size(), at + kKeysPerStatement);
    for (size_t i = at; i < end; ++i) values.emplace_back(keys[i]);
    size_t wanted = 1;
    while (wanted < values.size()) wanted *= 2;
    while (values.size() < wanted) values.emplace_back(keys[end - 1]);
    if (absl::Status s = run(db::Placeholders(values.size()), values); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Runs `INSERT ... VALUES` + rows of placeholders + `tail`. `values` holds the rows one after
// another, `columns` values each.
inline absl::Status InsertRows(db::Transaction& tx, std::string_view name,
                               const std::string& insert, size_t columns,
                               const std::vector<db::Value>& values, const std::string& tail = "") {
  const std::string row = "(" + db::Placeholders(columns) + ")";
  const size_t rows = values.size() / columns;
  for (size_t at = 0; at < rows;) {
    // Whole groups, and powers of two for the rest: few different statements.
    size_t count = kRowsPerStatement;
    while (count > rows - at) count /= 2;
    const std::string sql = insert + " VALUES " + db::Placeholders(count, row) + tail;
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(at * columns);
    const absl::StatusOr<int64_t> done = tx.ExecuteValues(
        {name, sql},
        std::vector<db::Value>(first, first + static_cast<std::ptrdiff_t>(count * columns)));
    if (!done.ok()) return done.status();
    at += count;
  }
  return absl::OkStatus();
}

}  // namespace milepost::target
