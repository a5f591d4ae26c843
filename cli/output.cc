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
#include "milepost/type/v1/type.pb.h"

namespace milepost::cli {
namespace {

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
  if (field.is_repeated() || hidden.count(field.name()) > 0) return false;
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return true;
  const std::string& type = field.message_type()->full_name();
  return absl::StartsWith(type, "milepost.type.v1.") || type == "google.protobuf.Timestamp";
}

bool IsNumber(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
         (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
          field.message_type()->name() == "Money");
}

std::string Words(const std::string& name) { return absl::StrReplaceAll(name, {{"_", " "}}); }

std::string DateText(const type::v1::Date& date) {
  if (date.year() == 0) return "";
  return absl::StrFormat("%04d-%02d-%02d", date.year(), date.month(), date.day());
}

// How values are written.
struct Style {
  bool plain = false;    // For CSV.
  bool amounts = false;  // Units of a target are minor units of a currency.
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
      if (style.plain || absl::EndsWith(field.name(), "year")) return absl::StrCat(number);
      if (absl::EndsWith(field.name(), "_ppm")) return FormatPpm(number);
      if (absl::EndsWith(field.name(), "_units") && (style.amounts || HasCurrency(message)))
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

void PrintList(const Message& message, const FieldDescriptor& list, const Style& style) {
  const bool csv = style.plain;
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  std::vector<Table::Column> columns;
  for (int i = 0; i < list.message_type()->field_count(); ++i) {
    const FieldDescriptor& field = *list.message_type()->field(i);
    if (!csv && !InList(field)) continue;
    fields.push_back(&field);
    columns.push_back({csv ? field.name() : Words(field.name()), IsNumber(field)});
  }
  if (!csv) {
    // A column that is empty in every row says nothing.
    for (size_t column = fields.size(); column-- > 0;) {
      bool empty = true;
      for (int row = 0; empty && row < reflection->FieldSize(message, &list); ++row) {
        const std::string text =
            FieldText(reflection->GetRepeatedMessage(message, &list, row), *fields[column], {});
        empty = text.empty() || text == "no" || text == "0";
      }
      if (empty && reflection->FieldSize(message, &list) > 0) {
        fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(column));
        columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(column));
      }
    }
  }
  Table table(columns);
  for (int row = 0; row < reflection->FieldSize(message, &list); ++row) {
    const Message& item = reflection->GetRepeatedMessage(message, &list, row);
    std::vector<std::string> cells;
    for (const FieldDescriptor* field : fields) cells.push_back(FieldText(item, *field, style));
    table.Add(std::move(cells));
  }
  if (csv) {
    std::fputs(table.ToCsv().c_str(), stdout);
  } else if (table.empty()) {
    std::printf("(none)\n");
  } else {
    std::fputs(table.ToText().c_str(), stdout);
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
  const Style style{csv, amounts};
  const auto* type = message.GetDescriptor();
  const FieldDescriptor* list = nullptr;
  const bool resource = type->FindFieldByName("name") != nullptr;
  for (int i = 0; !resource && i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
        list == nullptr)
      list = &field;
  }
  if (list != nullptr) {
    PrintList(message, *list, style);
    if (csv) return;
  }
  size_t width = 0;
  std::vector<std::pair<std::string, std::string>> lines;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (&field == list || field.name() == "next_page_token") continue;
    const std::string text = FieldText(message, field, style);
    if (text.empty()) continue;
    lines.emplace_back(Words(field.name()), text);
    width = std::max(width, lines.back().first.size());
  }
  if (csv) {
    Table table({{"field"}, {"value"}});
    for (const auto& [name, text] : lines) table.Add({name, text});
    std::fputs(table.ToCsv().c_str(), stdout);
    return;
  }
  for (const auto& [name, text] : lines) {
    std::printf("%s%s  %s\n", name.c_str(), std::string(width - name.size(), ' ').c_str(),
                text.c_str());
  }
}

}  // namespace milepost::cli
