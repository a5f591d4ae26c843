#include <expat.h>
#include <xlsxwriter.h>
#include <zip.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/sheet.h"

namespace milepost::cli {
namespace {

// More digits than a spreadsheet keeps of a number: they are written as text.
constexpr size_t kMaxDigits = 15;
// What a part of a file may come to unpacked.
constexpr zip_uint64_t kMaxPartBytes = zip_uint64_t{4} << 30;
constexpr size_t kChunkBytes = 1 << 16;

class XlsxWriter final : public SheetWriter {
 public:
  XlsxWriter(std::string path, std::vector<SheetColumn> columns)
      : path_(std::move(path)), columns_(std::move(columns)) {
    lxw_workbook_options options{};
    options.constant_memory = LXW_TRUE;
    book_ = workbook_new_opt(Part().c_str(), &options);
    sheet_ = workbook_add_worksheet(book_, "targets");
    lxw_format* given = workbook_add_format(book_);
    format_set_bold(given);
    format_set_bg_color(given, 0xD9D9D9);
    lxw_format* edited = workbook_add_format(book_);
    format_set_bold(edited);
    format_set_bg_color(edited, 0xE2EFDA);
    for (size_t i = 0; i < columns_.size(); ++i) {
      lxw_format* cells = workbook_add_format(book_);
      // Text is kept as it is typed: no dates, no numbers of it.
      std::string format = "@";
      if (columns_[i].decimals) {
        format = *columns_[i].decimals == 0
                     ? "#,##0"
                     : absl::StrCat("#,##0.",
                                    std::string(static_cast<size_t>(*columns_[i].decimals), '0'));
      }
      format_set_num_format(cells, format.c_str());
      formats_.push_back(cells);
      const auto column = static_cast<lxw_col_t>(i);
      worksheet_set_column(sheet_, column, column, columns_[i].width, cells);
      worksheet_write_string(sheet_, 0, column, columns_[i].title,
                             columns_[i].edited ? edited : given);
    }
    worksheet_freeze_panes(sheet_, 1, 1);
  }
  ~XlsxWriter() override {
    if (book_ == nullptr) return;
    workbook_close(book_);
    std::remove(Part().c_str());
  }

  absl::Status Add(const std::vector<std::string>& cells) override {
    if (++row_ >= kMaxXlsxRows) {
      return absl::OutOfRangeError(absl::StrCat(path_, ": a spreadsheet holds ", kMaxXlsxRows - 1,
                                                " rows; write CSV, or a part"));
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].empty()) continue;
      const auto row = static_cast<lxw_row_t>(row_);
      const auto column = static_cast<lxw_col_t>(i);
      double number = 0;
      const bool is_number = columns_[i].decimals && cells[i].size() <= kMaxDigits + 1 &&
                             absl::SimpleAtod(cells[i], &number);
      const lxw_error error =
          is_number ? worksheet_write_number(sheet_, row, column, number, formats_[i])
                    : worksheet_write_string(sheet_, row, column, cells[i].c_str(), formats_[i]);
      if (error != LXW_NO_ERROR) return Failed(error);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    const lxw_error error = workbook_close(book_);
    book_ = nullptr;
    if (error != LXW_NO_ERROR || std::rename(Part().c_str(), path_.c_str()) != 0) {
      std::remove(Part().c_str());
      return Failed(error);
    }
    return absl::OkStatus();
  }

 private:
  std::string Part() const { return path_ + ".part"; }
  absl::Status Failed(lxw_error error) const {
    return absl::UnknownError(absl::StrCat(path_, " cannot be written: ", lxw_strerror(error)));
  }

  const std::string path_;
  const std::vector<SheetColumn> columns_;
  std::vector<lxw_format*> formats_;
  lxw_workbook* book_ = nullptr;
  lxw_worksheet* sheet_ = nullptr;
  int64_t row_ = 0;
};

// The elements and text of one XML document, in order, without prefixes of namespaces.
struct XmlEvents {
  std::function<void(const std::string& element, const std::map<std::string, std::string>&)> begin;
  std::function<void(const std::string& element)> end;
  std::function<void(const std::string& text)> text;
};

class XmlParser {
 public:
  explicit XmlParser(XmlEvents events)
      : events_(std::move(events)), parser_(XML_ParserCreate("UTF-8"), &XML_ParserFree) {
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(
        parser_.get(),
        [](void* self, const XML_Char* name, const XML_Char** attributes) {
          std::map<std::string, std::string> values;
          for (; *attributes != nullptr; attributes += 2)
            values[Local(attributes[0])] = attributes[1];
          static_cast<XmlParser*>(self)->events_.begin(Local(name), values);
        },
        [](void* self, const XML_Char* name) {
          static_cast<XmlParser*>(self)->events_.end(Local(name));
        });
    XML_SetCharacterDataHandler(parser_.get(), [](void* self, const XML_Char* text, int size) {
      static_cast<XmlParser*>(self)->events_.text(std::string(text, static_cast<size_t>(size)));
    });
  }

  bool Feed(const char* data, size_t size, bool last) {
    return XML_Parse(parser_.get(), data, static_cast<int>(size), last ? 1 : 0) == XML_STATUS_OK;
  }

 private:
  static std::string Local(const char* name) {
    const char* colon = std::strrchr(name, ':');
    return colon == nullptr ? name : colon + 1;
  }

  XmlEvents events_;
  std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser_;
};

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Part = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

Part OpenPart(zip_t* archive, const std::string& name) {
  zip_stat_t about;
  zip_stat_init(&about);
  if (zip_stat(archive, name.c_str(), 0, &about) != 0 || about.size > kMaxPartBytes)
    return Part(nullptr, &zip_fclose);
  return Part(zip_fopen(archive, name.c_str(), 0), &zip_fclose);
}

// Reads a whole part; false if it is not there or broken.
bool ReadPart(zip_t* archive, const std::string& name, XmlEvents events) {
  const Part part = OpenPart(archive, name);
  if (part == nullptr) return false;
  XmlParser parser(std::move(events));
  std::array<char, kChunkBytes> chunk;
  while (true) {
    const zip_int64_t size = zip_fread(part.get(), chunk.data(), chunk.size());
    if (size < 0 || !parser.Feed(chunk.data(), static_cast<size_t>(size), size == 0)) return false;
    if (size == 0) return true;
  }
}

// `AB12` → 27; nothing without letters.
std::optional<size_t> ColumnOf(const std::string& reference) {
  size_t column = 0;
  size_t at = 0;
  for (; at < reference.size() && reference[at] >= 'A' && reference[at] <= 'Z' && at < 3; ++at)
    column = column * 26 + static_cast<size_t>(reference[at] - 'A') + 1;
  if (at == 0) return std::nullopt;
  return column - 1;
}

// As a spreadsheet shows a number: what lies behind the fifteenth digit is an error of its sums.
std::string AsShown(const std::string& value) {
  double number = 0;
  if (!absl::SimpleAtod(value, &number)) return value;
  return absl::StrFormat("%.15g", number);
}

std::string Of(const std::map<std::string, std::string>& attributes, const char* name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? "" : found->second;
}

class XlsxReader final : public SheetReader {
 public:
  XlsxReader(std::string path, Archive archive)
      : path_(std::move(path)), archive_(std::move(archive)) {}

  absl::Status Begin() {
    std::string relation;
    const bool book = ReadPart(archive_.get(), "xl/workbook.xml",
                               {[&](const std::string& element, const auto& attributes) {
                                  if (element == "sheet" && relation.empty())
                                    relation = Of(attributes, "id");
                                  if (element == "workbookPr") {
                                    const std::string since_1904 = Of(attributes, "date1904");
                                    if (since_1904 == "1" || since_1904 == "true")
                                      zero_ = absl::CivilDay(1904, 1, 1);
                                  }
                                },
                                [](const std::string&) {}, [](const std::string&) {}});
    std::string target;
    const bool relations = ReadPart(archive_.get(), "xl/_rels/workbook.xml.rels",
                                    {[&](const std::string&, const auto& attributes) {
                                       if (Of(attributes, "Id") == relation)
                                         target = Of(attributes, "Target");
                                     },
                                     [](const std::string&) {}, [](const std::string&) {}});
    if (!book || !relations || target.empty()) return Broken("it has no sheet");
    if (zip_name_locate(archive_.get(), "xl/sharedStrings.xml", 0) >= 0 && !ReadStrings())
      return Broken("its texts cannot be read");
    target = absl::StartsWith(target, "/") ? target.substr(1) : absl::StrCat("xl/", target);
    part_ = OpenPart(archive_.get(), target);
    if (part_ == nullptr) return Broken("its sheet cannot be read");
    parser_ = std::make_unique<XmlParser>(
        XmlEvents{[this](const std::string& element, const auto& attributes) {
                    BeginElement(element, attributes);
                  },
                  [this](const std::string& element) { EndElement(element); },
                  [this](const std::string& text) {
                    if (in_value_) value_ += text;
                  }});
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(SheetRow& row) override {
    std::array<char, kChunkBytes> chunk;
    while (rows_.empty() && !ended_) {
      const zip_int64_t size = zip_fread(part_.get(), chunk.data(), chunk.size());
      ended_ = size <= 0;
      if (size < 0 ||
          !parser_->Feed(chunk.data(), size < 0 ? 0 : static_cast<size_t>(size), ended_))
        return Broken(absl::StrCat("after row ", row_.number, " it cannot be read"));
    }
    if (rows_.empty()) return false;
    row = std::move(rows_.front());
    rows_.pop_front();
    return true;
  }
  absl::CivilDay DayOf(int64_t serial) const override { return zero_ + serial; }

 private:
  absl::Status Broken(const std::string& why) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, " is no spreadsheet to read: ", why));
  }

  bool ReadStrings() {
    bool in_text = false;
    bool aside = false;  // How something is pronounced.
    return ReadPart(archive_.get(), "xl/sharedStrings.xml",
                    {[&](const std::string& element, const auto&) {
                       if (element == "si") strings_.emplace_back();
                       if (element == "rPh") aside = true;
                       in_text = element == "t" && !aside;
                     },
                     [&](const std::string& element) {
                       if (element == "rPh") aside = false;
                       in_text = false;
                     },
                     [&](const std::string& text) {
                       if (in_text && !strings_.empty()) strings_.back() += text;
                     }});
  }

  void BeginElement(const std::string& element,
                    const std::map<std::string, std::string>& attributes) {
    if (element == "row") {
      int64_t number = 0;
      row_.number = absl::SimpleAtoi(Of(attributes, "r"), &number) ? number : row_.number + 1;
      row_.cells.clear();
      next_column_ = 0;
    } else if (element == "c") {
      column_ = ColumnOf(Of(attributes, "r")).value_or(next_column_);
      next_column_ = column_ + 1;
      type_ = Of(attributes, "t");
      value_.clear();
    } else if (element == "rPh") {
      aside_ = true;
    }
    in_value_ = (element == "v" || element == "t") && !aside_;
  }

  void EndElement(const std::string& element) {
    in_value_ = false;
    if (element == "rPh") aside_ = false;
    if (element == "c" && !value_.empty()) {
      SheetCell cell{value_, false};
      if (type_ == "s") {
        size_t at = 0;
        cell.text = absl::SimpleAtoi(value_, &at) && at < strings_.size() ? strings_[at] : "";
      } else if (type_ == "b") {
        cell.text = value_ == "1" ? "yes" : "no";
      } else if (type_.empty() || type_ == "n") {
        cell = {AsShown(value_), true};
      }
      if (row_.cells.size() <= column_) row_.cells.resize(column_ + 1);
      row_.cells[column_] = std::move(cell);
    } else if (element == "row") {
      for (const SheetCell& cell : row_.cells) {
        if (cell.text.empty()) continue;
        rows_.push_back(row_);
        break;
      }
    }
  }

  const std::string path_;
  Archive archive_;
  absl::CivilDay zero_{1899, 12, 30};
  std::vector<std::string> strings_;
  Part part_{nullptr, &zip_fclose};
  std::unique_ptr<XmlParser> parser_;
  std::deque<SheetRow> rows_;  // Read, not yet asked for.
  bool ended_ = false;
  SheetRow row_;  // The one being read.
  size_t next_column_ = 0;
  size_t column_ = 0;
  std::string type_;
  std::string value_;
  bool in_value_ = false;
  bool aside_ = false;
};

}  // namespace

namespace sheet {

absl::StatusOr<std::unique_ptr<SheetWriter>> CreateXlsx(const std::string& path,
                                                        std::vector<SheetColumn> columns) {
  return std::make_unique<XlsxWriter>(path, std::move(columns));
}

absl::StatusOr<std::unique_ptr<SheetReader>> OpenXlsx(const std::string& path) {
  int error = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &error), &zip_discard);
  if (archive == nullptr)
    return absl::InvalidArgumentError(absl::StrCat(path, " is no spreadsheet to read"));
  auto reader = std::make_unique<XlsxReader>(path, std::move(archive));
  if (absl::Status status = reader->Begin(); !status.ok()) return status;
  return reader;
}

}  // namespace sheet
}  // namespace milepost::cli
