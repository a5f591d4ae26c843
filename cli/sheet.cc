#include "cli/sheet.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/csv.h"
#include "cli/text.h"

namespace milepost::cli {
namespace {

constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";
// Day 0 of serial numbers, for all days from March 1900 on: spreadsheets count a 29 February 1900.
constexpr absl::CivilDay kSerialZero(1899, 12, 30);

// --- CSV
// ------------------------------------------------------------------------------------------

// A spreadsheet takes text that begins so for a formula.
bool LooksLikeFormula(const std::string& text) {
  return !text.empty() && std::strchr("=+-@\t'", text[0]) != nullptr;
}

class CsvWriter final : public SheetWriter {
 public:
  CsvWriter(std::string path, std::vector<SheetColumn> columns, std::FILE* file)
      : path_(std::move(path)), columns_(std::move(columns)), file_(file) {
    std::fputs(kByteOrderMark, file_);
    for (size_t i = 0; i < columns_.size(); ++i)
      std::fprintf(file_, "%s%s", i > 0 ? "," : "", columns_[i].title);
    std::fputs("\r\n", file_);
  }
  ~CsvWriter() override {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::remove(Part().c_str());
  }

  absl::Status Add(const std::vector<std::string>& cells) override {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += ',';
      const bool guarded = !columns_[i].decimals && LooksLikeFormula(cells[i]);
      line += CsvCell(guarded ? "'" + cells[i] : cells[i]);
    }
    line += "\r\n";
    if (std::fwrite(line.data(), 1, line.size(), file_) != line.size()) return Failed();
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    std::FILE* file = file_;
    file_ = nullptr;
    if (std::fclose(file) != 0 || std::rename(Part().c_str(), path_.c_str()) != 0) {
      const absl::Status failed = Failed();
      std::remove(Part().c_str());
      return failed;
    }
    return absl::OkStatus();
  }

 private:
  std::string Part() const { return path_ + ".part"; }
  absl::Status Failed() const {
    return absl::UnknownError(absl::StrCat(path_, " cannot be written: ", std::strerror(errno)));
  }

  const std::string path_;
  const std::vector<SheetColumn> columns_;
  std::FILE* file_;
};

std::optional<std::string> Convert(const std::string& text, const char* from) {
  const iconv_t converter = iconv_open("UTF-8", from);
  if (converter == reinterpret_cast<iconv_t>(-1)) return std::nullopt;
  std::string out;
  std::array<char, 1 << 16> buffer;
  char* in = const_cast<char*>(text.data());
  size_t left = text.size();
  bool good = true;
  while (good && left > 0) {
    char* to = buffer.data();
    size_t room = buffer.size();
    good = iconv(converter, &in, &left, &to, &room) != static_cast<size_t>(-1) || errno == E2BIG;
    out.append(buffer.data(), buffer.size() - room);
  }
  iconv_close(converter);
  if (!good) return std::nullopt;
  return out;
}

bool IsUtf8(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xC2 ? 0
                          : lead < 0xE0 ? 2
                          : lead < 0xF0 ? 3
                          : lead < 0xF5 ? 4
                                        : 0;
    if (length == 0 || at + length > text.size()) return false;
    for (size_t i = 1; i < length; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return false;
    }
    at += length;
  }
  return true;
}

class CsvSheet final : public SheetReader {
 public:
  CsvSheet(std::string path, std::string text)
      : path_(std::move(path)), text_(std::move(text)), rows_(text_, path_, Separator()) {}

  absl::StatusOr<bool> Next(SheetRow& row) override {
    while (true) {
      absl::StatusOr<std::optional<Csv::Row>> next = rows_.Next();
      if (!next.ok()) return next.status();
      if (!*next) return false;
      row.number = (*next)->line;
      row.cells.clear();
      bool empty = true;
      for (std::string& text : (*next)->cells) {
        if (text.size() > 1 && text[0] == '\'' && LooksLikeFormula(text.substr(1)))
          text.erase(0, 1);
        empty = empty && text.empty();
        row.cells.push_back({std::move(text), false});
      }
      if (!empty) return true;
    }
  }
  absl::CivilDay DayOf(int64_t serial) const override { return kSerialZero + serial; }

 private:
  // The one that the header has most of.
  char Separator() const {
    const std::string header = text_.substr(0, text_.find('\n'));
    char best = ',';
    for (const char separator : {';', '\t'}) {
      if (std::count(header.begin(), header.end(), separator) >
          std::count(header.begin(), header.end(), best))
        best = separator;
    }
    return best;
  }

  const std::string path_;
  const std::string text_;
  CsvRows rows_;
};

// --- Numbers and dates
// ----------------------------------------------------------------------------

std::string Trimmed(std::string text) {
  for (const char* space : {" ", "\t", "\r", "\n", "\xC2\xA0", "\xE3\x80\x80"}) {
    while (absl::StartsWith(text, space)) text.erase(0, std::strlen(space));
    while (absl::EndsWith(text, space)) text.resize(text.size() - std::strlen(space));
  }
  return text;
}

absl::Status NoNumber(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' ", why));
}

// Every day that the text may mean; months are their first day.
std::vector<absl::CivilDay> DaysOf(const std::string& text) {
  static constexpr const char* kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
  struct Part {
    int value = 0;
    size_t digits = 0;  // 0: the name of a month.
  };
  std::vector<Part> parts;
  std::string rest = absl::AsciiStrToLower(text);
  for (const char* sign : {"年", "月", "日"}) {
    for (size_t at = rest.find(sign); at != std::string::npos; at = rest.find(sign))
      rest.replace(at, std::strlen(sign), "/");
  }
  for (size_t at = 0; at < rest.size();) {
    const auto c = static_cast<unsigned char>(rest[at]);
    if (absl::ascii_isdigit(c)) {
      size_t end = at;
      while (end < rest.size() && absl::ascii_isdigit(static_cast<unsigned char>(rest[end]))) ++end;
      Part part{0, end - at};
      if (part.digits > 4 || !absl::SimpleAtoi(rest.substr(at, end - at), &part.value)) return {};
      parts.push_back(part);
      at = end;
    } else if (absl::ascii_isalpha(c)) {
      const std::string word = rest.substr(at, 3);
      const auto month = std::find(std::begin(kMonths), std::end(kMonths), word);
      if (month == std::end(kMonths)) return {};
      parts.push_back({static_cast<int>(month - std::begin(kMonths)) + 1, 0});
      at += 3;
    } else if (std::strchr("-/. ", c) != nullptr) {
      ++at;
    } else {
      return {};
    }
  }
  std::vector<absl::CivilDay> days;
  const auto add = [&](const Part& year, const Part& month, int day) {
    if (year.digits != 4 && year.digits != 2) return;
    const int y = year.digits == 2 ? 2000 + year.value : year.value;
    const absl::CivilDay made(y, month.value, day);
    if (made.year() == y && made.month() == month.value && made.day() == day) days.push_back(made);
  };
  if (parts.size() == 3) {
    add(parts[0], parts[1], parts[2].value);
    add(parts[2], parts[0], parts[1].value);
    add(parts[2], parts[1], parts[0].value);
  } else if (parts.size() == 2) {
    add(parts[0], parts[1], 1);
    add(parts[1], parts[0], 1);
  }
  return days;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SheetWriter>> SheetWriter::Create(const std::string& path,
                                                                 SheetFormat format,
                                                                 std::vector<SheetColumn> columns) {
  // Both write beside the file first; that place must be writable.
  std::FILE* file = std::fopen((path + ".part").c_str(), "wb");
  if (file == nullptr) {
    return absl::UnknownError(absl::StrCat(path, " cannot be written: ", std::strerror(errno)));
  }
  if (format == SheetFormat::kCsv)
    return std::make_unique<CsvWriter>(path, std::move(columns), file);
  std::fclose(file);
  return sheet::CreateXlsx(path, std::move(columns));
}

absl::StatusOr<std::unique_ptr<SheetReader>> SheetReader::Open(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string start(4, '\0');
  if (!file || !file.read(start.data(), static_cast<std::streamsize>(start.size())))
    return absl::NotFoundError(absl::StrCat(path, " cannot be read, or is empty"));
  if (start == "PK\x03\x04") return sheet::OpenXlsx(path);
  if (absl::StartsWith(start, "\xD0\xCF\x11\xE0")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is an old xls file; save it as xlsx or as CSV"));
  }
  std::string text = start + std::string((std::istreambuf_iterator<char>(file)), {});
  const bool utf16 = absl::StartsWith(text, "\xFF\xFE") || absl::StartsWith(text, "\xFE\xFF");
  if (utf16 || !IsUtf8(text)) {
    std::optional<std::string> converted = Convert(text, utf16 ? "UTF-16" : "GB18030");
    if (!converted) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " is not in UTF-8; save it as CSV in UTF-8, or as xlsx"));
    }
    text = *std::move(converted);
  }
  return std::make_unique<CsvSheet>(path, std::move(text));
}

absl::StatusOr<SheetNumber> ParseSheetNumber(const std::string& given, int decimals) {
  std::string text = Trimmed(given);
  for (const char* sign : {"¥", "￥"}) {
    if (absl::StartsWith(text, sign)) text = Trimmed(text.substr(std::strlen(sign)));
  }
  int shift = decimals;
  if (absl::EndsWith(text, "%")) {
    text = Trimmed(text.substr(0, text.size() - 1));
    shift -= 2;
  }
  const bool negative = absl::StartsWith(text, "-");
  if (negative || absl::StartsWith(text, "+")) text.erase(0, 1);
  SheetNumber number;
  const size_t e = text.find_first_of("eE");
  std::string mantissa = text.substr(0, e);
  if (e != std::string::npos) {
    int exponent = 0;
    if (!absl::SimpleAtoi(text.substr(e + 1), &exponent) || exponent < -30 || exponent > 30)
      return NoNumber(given, "is not a number");
    shift += exponent;
  }
  const size_t dot = mantissa.find('.');
  std::string whole = mantissa.substr(0, dot);
  std::string fraction = dot == std::string::npos ? "" : mantissa.substr(dot + 1);
  if (whole.find(',') != std::string::npos) {
    std::string joined;
    size_t in_group = 0;
    for (size_t i = 0; i <= whole.size(); ++i) {
      if (i < whole.size() && whole[i] != ',') {
        joined += whole[i];
        ++in_group;
        continue;
      }
      const bool first = joined.size() == in_group;
      if (in_group == 0 || in_group > 3 || (!first && in_group != 3))
        return NoNumber(given, "has commas that are not between thousands");
      in_group = 0;
    }
    whole = joined;
  }
  if ((whole.empty() && fraction.empty()) ||
      (whole + fraction).find_first_not_of("0123456789") != std::string::npos)
    return NoNumber(given, "is not a number");
  std::string digits = whole + fraction;
  shift -= static_cast<int>(fraction.size());
  if (e != std::string::npos) number.shown_digits = static_cast<int>(digits.size());
  for (; shift < 0 && !digits.empty(); ++shift) {
    if (digits.back() != '0')
      return NoNumber(given, absl::StrCat("has more than ", decimals, " decimals"));
    digits.pop_back();
  }
  const size_t first = digits.find_first_not_of('0');
  digits = first == std::string::npos ? "0" : digits.substr(first);
  if (digits != "0" && shift > 0) digits.append(static_cast<size_t>(shift), '0');
  if (!absl::SimpleAtoi(digits, &number.units)) return NoNumber(given, "is too large");
  if (negative) number.units = -number.units;
  return number;
}

std::string FormatSheetNumber(int64_t units, int decimals) {
  const bool negative = units < 0;
  std::string digits = absl::StrCat(negative ? uint64_t{0} - static_cast<uint64_t>(units)
                                             : static_cast<uint64_t>(units));
  const auto places = static_cast<size_t>(decimals);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  if (places > 0) digits.insert(digits.size() - places, ".");
  return negative ? "-" + digits : digits;
}

bool SaysTheSame(const std::string& text, const SheetCell& cell, const SheetReader* reader) {
  const std::string found = Trimmed(cell.text);
  if (found == Trimmed(text)) return true;
  const std::vector<absl::CivilDay> wanted = DaysOf(text);
  if (!wanted.empty()) {
    std::vector<absl::CivilDay> days = DaysOf(found);
    if (int64_t serial = 0; cell.number && reader != nullptr && absl::SimpleAtoi(found, &serial))
      days.push_back(reader->DayOf(serial));
    for (const absl::CivilDay day : days) {
      if (std::find(wanted.begin(), wanted.end(), day) != wanted.end()) return true;
    }
    return false;
  }
  const absl::StatusOr<SheetNumber> a = ParseSheetNumber(text, 0);
  const absl::StatusOr<SheetNumber> b = ParseSheetNumber(found, 0);
  return a.ok() && b.ok() && a->units == b->units;
}

}  // namespace milepost::cli
