#include "cli/csv.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace milepost::cli {

absl::StatusOr<Csv> ReadCsv(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  return ParseCsv(std::string((std::istreambuf_iterator<char>(file)), {}), path);
}

absl::StatusOr<Csv> ParseCsv(const std::string& text, const std::string& path) {
  Csv csv;
  size_t at = absl::StartsWith(text, "\xEF\xBB\xBF") ? 3 : 0;
  int64_t line = 1;
  bool first = true;
  while (at < text.size()) {
    Csv::Row row;
    row.line = line;
    std::string cell;
    bool ended = false;
    while (!ended) {
      if (at < text.size() && text[at] == '"' && cell.empty()) {
        ++at;
        for (;;) {
          if (at >= text.size()) {
            return absl::InvalidArgumentError(
                absl::StrCat(path, ":", row.line, ": a quoted cell never ends"));
          }
          if (text[at] == '\n') ++line;
          if (text[at] != '"') {
            cell += text[at++];
          } else if (at + 1 < text.size() && text[at + 1] == '"') {
            cell += '"';
            at += 2;
          } else {
            ++at;
            break;
          }
        }
      }
      while (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r')
        cell += text[at++];
      if (at < text.size() && text[at] == ',') {
        ++at;
        row.cells.push_back(std::move(cell));
        cell.clear();
      } else {
        if (at < text.size() && text[at] == '\r') ++at;
        if (at < text.size() && text[at] == '\n') ++at;
        row.cells.push_back(std::move(cell));
        ended = true;
      }
    }
    ++line;
    const bool blank = row.cells.size() == 1 && row.cells[0].empty();
    if (first) {
      csv.header = std::move(row.cells);
      first = false;
    } else if (!blank) {
      csv.rows.push_back(std::move(row));
    }
  }
  return csv;
}

absl::StatusOr<std::map<std::string, size_t>> FindColumns(const Csv& csv, const std::string& path,
                                                          const std::vector<std::string>& wanted) {
  std::map<std::string, size_t> columns;
  std::vector<std::string> missing;
  for (const std::string& name : wanted) {
    const auto found = std::find(csv.header.begin(), csv.header.end(), name);
    if (found == csv.header.end()) {
      missing.push_back(name);
    } else {
      columns[name] = static_cast<size_t>(found - csv.header.begin());
    }
  }
  if (missing.empty()) return columns;
  return absl::InvalidArgumentError(
      absl::StrCat(path, " lacks the column", missing.size() > 1 ? "s " : " ",
                   absl::StrJoin(missing, ", "), "; it has ", absl::StrJoin(csv.header, ", ")));
}

}  // namespace milepost::cli
