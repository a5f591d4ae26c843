#include "cli/table.h"

#include <algorithm>

#include "cli/csv.h"
#include "cli/text.h"

namespace milepost::cli {
std::string Table::ToText() const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(DisplayWidth(column.title));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string out;
  const auto line = [&](const auto& cell_of) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cell_of(i);
      const std::string padding(widths[i] - DisplayWidth(cell), ' ');
      if (i > 0) out += "  ";
      out += columns_[i].number ? padding + cell : cell + padding;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  line([&](size_t i) { return columns_[i].title; });
  line([&](size_t i) { return std::string(widths[i], '-'); });
  for (const auto& row : rows_)
    line([&](size_t i) { return i < row.size() ? row[i] : std::string(); });
  return out;
}

std::string Table::ToCsv() const {
  std::string out;
  for (size_t i = 0; i < columns_.size(); ++i)
    out += (i > 0 ? "," : "") + CsvCell(columns_[i].title);
  out += "\r\n";
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "," : "") + CsvCell(row[i]);
    out += "\r\n";
  }
  return out;
}

}  // namespace milepost::cli
