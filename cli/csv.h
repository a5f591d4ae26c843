#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace milepost::cli {

// A CSV file with a header line: RFC 4180 quoting, LF or CRLF, an optional byte order mark.
struct Csv {
  struct Row {
    int64_t line = 0;  // Where the row begins in the file; the header is line 1.
    std::vector<std::string> cells;
  };
  std::vector<std::string> header;
  std::vector<Row> rows;
};

// The rows of a text, one after the other, the header too. Both must outlive it.
class CsvRows {
 public:
  CsvRows(const std::string& text, const std::string& path, char separator = ',');

  // Nothing at the end. An error names the file and line: a quote that never ends.
  absl::StatusOr<std::optional<Csv::Row>> Next();

 private:
  const std::string& text_;
  const std::string& path_;
  const char separator_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

// A cell as RFC 4180 writes it.
std::string CsvCell(const std::string& text);

// An error names the file and line: cannot be read, a quote that never ends.
absl::StatusOr<Csv> ReadCsv(const std::string& path);
absl::StatusOr<Csv> ParseCsv(const std::string& text, const std::string& path);

// Where each wanted column stands; an error lists every column that is missing.
absl::StatusOr<std::map<std::string, size_t>> FindColumns(const Csv& csv, const std::string& path,
                                                          const std::vector<std::string>& wanted);

}  // namespace milepost::cli
