#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platform/db/session.h"

namespace milepost::opportunity {

// Adds " AND <column> IN (?, …)" for `values`, which are not empty. The list is filled up to a
// power of two by repeating the last value, so that few different statements are prepared. `column`
// is a constant.
void AddIn(const char* column, const std::vector<std::string>& values, std::string& sql,
           std::vector<db::Value>& arguments);

// Adds the columns of one row to insert.
template <typename... Columns>
void AddRow(std::vector<db::Value>& arguments, Columns&&... columns) {
  (arguments.emplace_back(std::forward<Columns>(columns)), ...);
}

}  // namespace milepost::opportunity
