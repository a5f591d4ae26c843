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

CsvRows::CsvRows(const std::string& text, const std::string& path, char separator)
    : text_(text),
      path_(path),
      separator_(separator),
      at_(absl::StartsWith(text, "\xEF\xBB\xBF") ? 3 : 0) {}

absl::StatusOr<std::optional<Csv::Row>> CsvRows::Next() {
  if (at_ >= text_.size()) return std::optional<Csv::Row>();
  Csv::Row row;
  row.line = line_;
  std::string cell;
  while (true) {
    if (at_ < text_.size() && text_[at_] == '"' && cell.empty()) {
      ++at_;
      for (;;) {
        if (at_ >= text_.size()) {
          return absl::InvalidArgumentError(
              absl::StrCat(path_, ":", row.line, ": a quoted cell never ends"));
        }
        if (text_[at_] == '\n') ++line_;
        if (text_[at_] != '"') {
          cell += text_[at_++];
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
          cell += '"';
          at_ += 2;
        } else {
          ++at_;
          break;
        }
      }
    }
    while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' &&
           text_[at_] != '\r') {
      cell += text_[at_++];
    }
    row.cells.push_back(std::move(cell));
    cell.clear();
    if (at_ < text_.size() && text_[at_] == separator_) {
      ++at_;
      continue;
    }
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
    return std::optional<Csv::Row>(std::move(row));
  }
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

absl::StatusOr<Csv> ParseCsv(const std::string& text, const std::string& path) {
  Csv csv;
  CsvRows rows(text, path);
  bool first = true;
  while (true) {
    absl::StatusOr<std::optional<Csv::Row>> row = rows.Next();
    if (!row.ok()) return row.status();
    if (!*row) return csv;
    if (first) {
      csv.header = std::move((*row)->cells);
      first = false;
    } else if ((*row)->cells.size() > 1 || !(*row)->cells[0].empty()) {
      csv.rows.push_back(**std::move(row));
    }
  }
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
