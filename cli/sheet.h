#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"

// Tables in files that spreadsheets open: CSV, and Office Open XML (xlsx).
namespace milepost::cli {

enum class SheetFormat { kCsv, kXlsx };

struct SheetColumn {
  const char* title;
  int width = 12;                    // In characters.
  bool edited = false;               // It is there to be changed; marked where it can be.
  std::optional<int> decimals = {};  // Of a column of numbers.
};

// Writes row after row and keeps none. The file appears when it is complete, in place of an older
// one; without Finish there is none.
class SheetWriter {
 public:
  // An error if the file cannot be written.
  static absl::StatusOr<std::unique_ptr<SheetWriter>> Create(const std::string& path,
                                                             SheetFormat format,
                                                             std::vector<SheetColumn> columns);
  virtual ~SheetWriter() = default;

  // One cell a column, numbers as plain decimals; an empty one stays empty. Text comes back from a
  // reader as it was.
  virtual absl::Status Add(const std::vector<std::string>& cells) = 0;
  virtual absl::Status Finish() = 0;
};

// Rows that an xlsx file can hold, its header included.
inline constexpr int64_t kMaxXlsxRows = 1'048'576;

struct SheetCell {
  std::string text;     // A number as the spreadsheet shows it, with up to 15 digits.
  bool number = false;  // It is a number in the file, not text.
};

struct SheetRow {
  int64_t number = 0;  // As the spreadsheet counts it: the header is row 1. Of CSV the line.
  std::vector<SheetCell> cells;
};

// Reads row after row; empty rows are passed over. CSV may be in UTF-8, UTF-16 or GB 18030, with
// commas, semicolons or tabs; of xlsx the first sheet is read.
class SheetReader {
 public:
  // Tells the format by what is in the file.
  static absl::StatusOr<std::unique_ptr<SheetReader>> Open(const std::string& path);
  virtual ~SheetReader() = default;

  // False at the end. An error names the file and the row.
  virtual absl::StatusOr<bool> Next(SheetRow& row) = 0;
  // What a number stands for in a column of dates.
  virtual absl::CivilDay DayOf(int64_t serial) const = 0;
};

// A number as people and spreadsheets write it.
struct SheetNumber {
  int64_t units = 0;  // Scaled by the decimals asked for.
  // Digits that a number in scientific notation shows: it may have been cut to them. 0: another
  // notation.
  int shown_digits = 0;
};

// 1234.5, 1,234.50, ¥1,234.50, 1.2345E+3 or 12 % as a whole number of 10^-decimals.
// INVALID_ARGUMENT says what is wrong: no number, digits that would be lost, groups that are none,
// too large.
absl::StatusOr<SheetNumber> ParseSheetNumber(const std::string& text, int decimals);
// The other way, with all decimals.
std::string FormatSheetNumber(int64_t units, int decimals);

// Whether a cell says what `text` says, though a spreadsheet may have made a date or a number of
// it: `2018-03` and `Mar-18`, `2018-03-01` and `2018/3/1`, `007` and `7`.
bool SaysTheSame(const std::string& text, const SheetCell& cell, const SheetReader* reader);

namespace sheet {  // What the two halves of the implementation share.
absl::StatusOr<std::unique_ptr<SheetWriter>> CreateXlsx(const std::string& path,
                                                        std::vector<SheetColumn> columns);
absl::StatusOr<std::unique_ptr<SheetReader>> OpenXlsx(const std::string& path);
}  // namespace sheet

}  // namespace milepost::cli
