#include "opportunity-svc/store/in_list.h"

#include <bit>

#include "absl/strings/str_cat.h"

namespace milepost::opportunity {

void AddIn(const char* column, const std::vector<std::string>& values, std::string& sql,
           std::vector<db::Value>& arguments) {
  const size_t slots = std::bit_ceil(values.size());
  absl::StrAppend(&sql, " AND ", column, " IN (", db::Placeholders(slots), ")");
  for (size_t i = 0; i < slots; ++i)
    arguments.emplace_back(i < values.size() ? values[i] : values.back());
}

}  // namespace milepost::opportunity
