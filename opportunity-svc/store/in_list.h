#pragma once

#include <string>
#include <vector>

#include "platform/db/session.h"

namespace milepost::opportunity {

// Adds " AND <column> IN (?, …)" for `values`, which are not empty. The list is filled up to a
// power of two by repeating the last value, so that few different statements are prepared. `column`
// is a constant.
void AddIn(const char* column, const std::vector<std::string>& values, std::string& sql,
           std::vector<db::Value>& arguments);

}  // namespace milepost::opportunity
