#include "cli/output.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "cli/reports.h"
#include "cli/text.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/json_util.h"
#include "milepost/target/v1/plan.pb.h"
#include "milepost/target/v1/planning.pb.h"
#include "milepost/type/v1/type.pb.h"

namespace milepost::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Columns of a list that would be too wide or say too little: shown by get and --json only.
bool InList(const FieldDescriptor& field) {
  static const std::set<std::string> hidden = {
      "etag",          "update_time", "create_time",      "description",          "note",
      "version",       "explanation", "position",         "personal_data_masked", "plan",
      "handover_note", "owner_time",  "process_revision", "stage_position",       "open_date",
      "imported",      "calendar",    "visibility",       "plan_version",         "website",
      "short_name"};
  // Versions are what a list of them is about.
  if (field.containing_type() == target::v1::PlanVersion::descriptor()) return true;
  return hidden.count(field.name()) == 0;
}

// For programs to hash: not to be read.
bool IsForPrograms(const FieldDescriptor& field) { return field.name() == "canonical_text"; }

// Messages that are one value: an amount, a date, a time, or another record, by its name.
bool IsValue(const Descriptor& type) {
  if (absl::StartsWith(type.full_name(), "milepost.type.v1.")) return true;
  if (type.full_name() == "google.protobuf.Timestamp") return true;
  const FieldDescriptor* name = type.FindFieldByName("name");
  return name != nullptr && name->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
         type.FindFieldByName("etag") != nullptr;
}

bool IsRows(const FieldDescriptor& field) {
  return field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

// Several values together, `low`, `base`, `high`: shown as columns of their own.
bool IsGroup(const FieldDescriptor& field) {
  if (field.is_repeated() || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return false;
  if (IsValue(*field.message_type())) return false;
  for (int i = 0; i < field.message_type()->field_count(); ++i) {
    const FieldDescriptor& part = *field.message_type()->field(i);
    if (part.is_repeated()) return false;
    if (part.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsValue(*part.message_type()))
      return false;
  }
  return true;
}

bool IsNumber(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
         (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
          field.message_type()->name() == "Money");
}

// Ratios are shown in per cent.
std::string Words(std::string name) {
  if (absl::EndsWith(name, "_ppm")) name.resize(name.size() - 4);
  return absl::StrReplaceAll(name, {{"_", " "}});
}

std::string DateText(const type::v1::Date& date) {
  if (date.year() == 0) return "";
  return absl::StrFormat("%04d-%02d-%02d", date.year(), date.month(), date.day());
}

// How values are written.
struct Style {
  bool plain = false;    // For CSV.
  bool amounts = false;  // Units of a target are minor units of a currency.
  std::string unit;      // Name of the field that says what the values of a group are in.
  bool nested = false;   // Rows inside rows: of what is further below only steps are shown.
};

std::string MessageText(const Message& message, bool plain) {
  if (const auto* money = dynamic_cast<const type::v1::Money*>(&message)) {
    if (money->currency_code().empty()) return "";
    return plain ? PlainMoney(money->minor_units())
                 : FormatMoney(money->minor_units(), ChineseLocale());
  }
  if (const auto* date = dynamic_cast<const type::v1::Date*>(&message)) return DateText(*date);
  if (const auto* range = dynamic_cast<const type::v1::DateRange*>(&message)) {
    return absl::StrCat(DateText(range->first_date()), "..", DateText(range->last_date()));
  }
  if (const auto* timestamp = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return absl::FormatTime(
        "%Y-%m-%dT%H:%M:%S%Ez",
        absl::FromUnixSeconds(timestamp->seconds()) + absl::Nanoseconds(timestamp->nanos()),
        absl::LocalTimeZone());
  }
  if (const FieldDescriptor* name = message.GetDescriptor()->FindFieldByName("name");
      name != nullptr && name->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return message.GetReflection()->GetString(message, name);  // A resource inside an answer.
  }
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  (void)google::protobuf::util::MessageToJsonString(message, &json, options);
  return json;
}

bool HasCurrency(const Message& message) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName("currency_code");
  return field != nullptr && !message.GetReflection()->GetString(message, field).empty();
}

std::string ScalarText(const Message& message, const FieldDescriptor& field, int index,
                       const Style& style) {
  const auto* reflection = message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection->GetRepeatedString(message, &field, index)
                      : reflection->GetString(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return (repeated ? reflection->GetRepeatedBool(message, &field, index)
                       : reflection->GetBool(message, &field))
                 ? "yes"
                 : "no";
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = repeated ? reflection->GetRepeatedEnum(message, &field, index)
                                   : reflection->GetEnum(message, &field);
      return value->number() == 0
                 ? ""
                 : absl::StrReplaceAll(absl::AsciiStrToLower(value->name()), {{"_", "-"}});
    }
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64: {
      const int64_t number = field.cpp_type() == FieldDescriptor::CPPTYPE_INT32
                                 ? (repeated ? reflection->GetRepeatedInt32(message, &field, index)
                                             : reflection->GetInt32(message, &field))
                                 : (repeated ? reflection->GetRepeatedInt64(message, &field, index)
                                             : reflection->GetInt64(message, &field));
      const std::string& name = style.unit.empty() ? field.name() : style.unit;
      if (style.plain || absl::EndsWith(name, "year")) return absl::StrCat(number);
      if (absl::EndsWith(name, "_ppm")) return FormatPpm(number);
      if (absl::EndsWith(name, "_units") && (style.amounts || HasCurrency(message)))
        return FormatMoney(number, ChineseLocale());
      return FormatCount(number);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageText(repeated ? reflection->GetRepeatedMessage(message, &field, index)
                                  : reflection->GetMessage(message, &field),
                         style.plain);
    default:
      return "";
  }
}

std::string FieldText(const Message& message, const FieldDescriptor& field, const Style& style) {
  const auto* reflection = message.GetReflection();
  if (!field.is_repeated()) {
    if (field.has_presence() && !reflection->HasField(message, &field)) return "";
    return ScalarText(message, field, 0, style);
  }
  std::vector<std::string> parts;
  for (int i = 0; i < reflection->FieldSize(message, &field); ++i)
    parts.push_back(ScalarText(message, field, i, style));
  return absl::StrJoin(parts, style.plain ? ";" : ", ");
}

// A field of a row, or one of a group in it.
struct Cell {
  const FieldDescriptor* group = nullptr;
  const FieldDescriptor* field = nullptr;

  std::string Title() const {
    return group == nullptr ? Words(field->name())
                            : absl::StrCat(Words(group->name()), " ", Words(field->name()));
  }
  std::string Text(const Message& row, Style style) const {
    if (group == nullptr) return FieldText(row, *field, style);
    if (!row.GetReflection()->HasField(row, group)) return "";
    style.unit = group->name();
    return FieldText(row.GetReflection()->GetMessage(row, group), *field, style);
  }
};

std::vector<Cell> CellsOf(const Descriptor& type, bool csv, bool all) {
  std::vector<Cell> cells;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (csv) {
      cells.push_back({.field = &field});
    } else if (field.is_repeated() || IsForPrograms(field) || (!all && !InList(field))) {
      continue;
    } else if (IsGroup(field)) {
      for (int part = 0; part < field.message_type()->field_count(); ++part)
        cells.push_back({&field, field.message_type()->field(part)});
    } else if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
               IsValue(*field.message_type())) {
      cells.push_back({.field = &field});
    }
  }
  return cells;
}

// Arithmetic that shows itself: its steps are lines.
bool IsSteps(const FieldDescriptor& field) {
  return IsRows(field) && field.message_type() == target::v1::ArithmeticStep::descriptor();
}
void PrintSteps(const Message& message, const FieldDescriptor& steps) {
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < reflection->FieldSize(message, &steps); ++i) {
    const Message& step = reflection->GetRepeatedMessage(message, &steps, i);
    std::printf("  %s\n", static_cast<const target::v1::ArithmeticStep&>(step).text().c_str());
  }
}

void PrintList(const Message& message, const FieldDescriptor& list, const Style& style, bool all);

// What rows hold below themselves: steps, and rows if they are not too many.
void PrintBelow(const Message& message, const FieldDescriptor& list, const std::vector<Cell>& cells,
                const Style& style) {
  constexpr int kMostRows = 100;
  const auto* reflection = message.GetReflection();
  const int rows = reflection->FieldSize(message, &list);
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < list.message_type()->field_count(); ++i) {
    const FieldDescriptor& field = *list.message_type()->field(i);
    if (!IsRows(field)) continue;
    int64_t count = 0;
    for (int row = 0; row < rows; ++row) {
      const Message& item = reflection->GetRepeatedMessage(message, &list, row);
      count += item.GetReflection()->FieldSize(item, &field);
    }
    if (count > 0 && (IsSteps(field) || (!style.nested && count <= kMostRows)))
      fields.push_back(&field);
  }
  for (int row = 0; row < rows; ++row) {
    const Message& item = reflection->GetRepeatedMessage(message, &list, row);
    for (const FieldDescriptor* field : fields) {
      if (item.GetReflection()->FieldSize(item, field) == 0) continue;
      const std::string label =
          cells.empty() ? absl::StrCat(row + 1) : cells.front().Text(item, style);
      std::printf("\n%s, %s:\n", label.c_str(), Words(field->name()).c_str());
      if (IsSteps(*field)) {
        PrintSteps(item, *field);
      } else {
        Style inner = style;
        inner.nested = true;
        PrintList(item, *field, inner, /*all=*/false);
      }
    }
  }
}

// The rows as a table, with `all` columns or those of a list, and below it what they hold.
void PrintList(const Message& message, const FieldDescriptor& list, const Style& style, bool all) {
  const auto* reflection = message.GetReflection();
  const int rows = reflection->FieldSize(message, &list);
  std::vector<Cell> cells = CellsOf(*list.message_type(), style.plain, all);
  if (!style.plain && rows > 0) {
    // A column that is empty in every row says nothing.
    std::erase_if(cells, [&](const Cell& cell) {
      for (int row = 0; row < rows; ++row) {
        const std::string text =
            cell.Text(reflection->GetRepeatedMessage(message, &list, row), style);
        if (!text.empty() && text != "no" && text != "0") return false;
      }
      return true;
    });
  }
  std::vector<Table::Column> columns;
  for (const Cell& cell : cells)
    columns.push_back({style.plain ? cell.field->name() : cell.Title(), IsNumber(*cell.field)});
  Table table(columns);
  for (int row = 0; row < rows; ++row) {
    std::vector<std::string> texts;
    for (const Cell& cell : cells)
      texts.push_back(cell.Text(reflection->GetRepeatedMessage(message, &list, row), style));
    table.Add(std::move(texts));
  }
  if (style.plain) {
    std::fputs(table.ToCsv().c_str(), stdout);
    return;
  }
  if (rows == 0) {
    std::printf("(none)\n");
  } else if (!cells.empty()) {
    std::fputs(table.ToText().c_str(), stdout);
  }
  PrintBelow(message, list, cells, style);
}

// What a message says beside its first list: a line for each value, and rows to print below.
struct Detail {
  struct Rows {
    std::string title;
    const Message* message;
    const FieldDescriptor* field;
  };
  std::vector<std::pair<std::string, std::string>> lines;
  std::vector<Rows> rows;
};

void Collect(const Message& message, const FieldDescriptor* list, const std::string& prefix,
             const Style& style, Detail& detail) {
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (&field == list || field.name() == "next_page_token") continue;
    if (!style.plain && IsForPrograms(field)) continue;
    const std::string title = prefix + Words(field.name());
    if (!style.plain && IsRows(field) && !IsValue(*field.message_type())) {
      if (reflection->FieldSize(message, &field) > 0)
        detail.rows.push_back({title, &message, &field});
      continue;
    }
    if (!style.plain && !field.is_repeated() &&
        field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsValue(*field.message_type())) {
      if (!reflection->HasField(message, &field)) continue;
      Style inner = style;
      if (IsGroup(field)) inner.unit = field.name();
      if (!absl::EndsWith(inner.unit, "_units") && !absl::EndsWith(inner.unit, "_ppm"))
        inner.unit.clear();
      Collect(reflection->GetMessage(message, &field), nullptr, title + " ", inner, detail);
      continue;
    }
    const std::string text = FieldText(message, field, style);
    if (!text.empty()) detail.lines.emplace_back(title, text);
  }
}

}  // namespace

void Print(const Message& message, Format format, bool amounts) {
  if (format == Format::kJson) {
    std::string json;
    google::protobuf::util::JsonPrintOptions options;
    options.always_print_primitive_fields = true;
    (void)google::protobuf::util::MessageToJsonString(message, &json, options);
    std::printf("%s\n", json.c_str());
    return;
  }
  if (PrintReport(message, format, amounts)) return;
  const bool csv = format == Format::kCsv;
  const Style style{.plain = csv, .amounts = amounts || HasCurrency(message), .unit = ""};
  const auto* type = message.GetDescriptor();
  const FieldDescriptor* list = nullptr;
  if (type->FindFieldByName("name") == nullptr) {
    for (int i = 0; i < type->field_count() && list == nullptr; ++i) {
      if (IsRows(*type->field(i)) && !IsSteps(*type->field(i))) list = type->field(i);
    }
  }
  if (list != nullptr) {
    PrintList(message, *list, style, /*all=*/false);
    if (csv) return;
  }
  Detail detail;
  Collect(message, list, "", style, detail);
  if (csv) {
    Table table({{"field"}, {"value"}});
    for (const auto& [name, text] : detail.lines) table.Add({name, text});
    std::fputs(table.ToCsv().c_str(), stdout);
    return;
  }
  if (list != nullptr && !detail.lines.empty()) std::printf("\n");
  size_t width = 0;
  for (const auto& [name, text] : detail.lines) width = std::max(width, name.size());
  for (const auto& [name, text] : detail.lines) {
    std::printf("%s%s  %s\n", name.c_str(), std::string(width - name.size(), ' ').c_str(),
                text.c_str());
  }
  for (const Detail::Rows& rows : detail.rows) {
    std::printf("\n%s:\n", rows.title.c_str());
    if (IsSteps(*rows.field)) {
      PrintSteps(*rows.message, *rows.field);
    } else {
      Style inner = style;
      inner.nested = true;
      PrintList(*rows.message, *rows.field, inner, /*all=*/true);
    }
  }
}

}  // namespace milepost::cli
