#include "cli/arguments.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/documentation.h"
#include "cli/text.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/json_util.h"
#include "milepost/target/v1/node.pb.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/types/proto.h"

namespace milepost::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kCurrency[] = "CNY";
constexpr int kMaxDepth = 3;

// Collection of the resource that a field names.
const std::map<std::string, std::string>& CollectionsByField() {
  static const std::map<std::string, std::string> collections = {
      {"customer", "customers"},
      {"owner", "members"},
      {"owners", "members"},
      {"member", "members"},
      {"from_member", "members"},
      {"to_member", "members"},
      {"unit", "units"},
      {"product", "products"},
      {"products", "products"},
      {"source", "sources"},
      {"sources", "sources"},
      {"process", "processes"},
      {"branch", "plans"},
      {"plan", "plans"},
      {"opportunity", "opportunities"},
      {"product_line", "productLines"},
      {"contact", "contacts"},
      {"calendar", "calendars"},
      {"order", "orders"},
      {"units", "units"},
      {"members", "members"},
      {"commission_plan", "commissionPlans"},
      {"scorecard_template", "scorecardTemplates"}};
  return collections;
}

bool IsValueMessage(const FieldDescriptor& field) {
  static const std::set<std::string> types = {
      "milepost.type.v1.Money",      "milepost.type.v1.Date",
      "milepost.type.v1.DateRange",  "google.protobuf.Timestamp",
      "google.protobuf.FieldMask",   "milepost.target.v1.ReferencePeriod",
      "milepost.target.v1.SplitPart"};
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         types.count(field.message_type()->full_name()) > 0;
}

bool OutputOnly(const FieldDescriptor& field) {
  return absl::StartsWith(Comment(field), "Output only");
}

void Collect(const std::string& request, const google::protobuf::Descriptor& type,
             const std::string& prefix, int depth, std::vector<Flag>& flags) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    // The name of what an update changes is written by the server, but it also says which one is
    // meant.
    const bool names_updated =
        depth == 1 && field.name() == "name" && absl::StartsWith(request, "Update");
    if (OutputOnly(field) && !names_updated) continue;
    const std::string path =
        prefix.empty() ? field.name() : absl::StrCat(prefix, ".", field.name());
    const bool message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    flags.push_back({"", path, &field});
    if (message && !field.is_repeated() && !IsValueMessage(field) && depth < kMaxDepth) {
      Collect(request, *field.message_type(), path, depth + 1, flags);
    }
  }
}

std::string LastPart(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}

std::string WithDashes(const std::string& name) { return absl::StrReplaceAll(name, {{"_", "-"}}); }

std::string EnumWord(const google::protobuf::EnumValueDescriptor& value) {
  return WithDashes(absl::AsciiStrToLower(value.name()));
}

absl::Status Wrong(const Flag& flag, const std::string& text, const std::string& wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.name, ": '", text, "' is not ", wanted));
}

void SetRange(const Days& days, type::v1::DateRange* range) {
  *range->mutable_first_date() = ToProto(days.first);
  *range->mutable_last_date() = ToProto(days.last);
}

constexpr char kDaysRule[] = "a period such as 2018, 2018Q1, 2018-03 or 2018-01-01..2018-03-31";

// Parses `text` into a message field's value.
absl::Status SetMessage(const Flag& flag, const std::string& text, Message* value) {
  if (auto* money = dynamic_cast<type::v1::Money*>(value)) {
    const auto amount = ParseMoney(text);
    if (!amount) return Wrong(flag, text, "an amount such as 12345.67 or 120万");
    money->set_currency_code(kCurrency);
    money->set_minor_units(*amount);
    return absl::OkStatus();
  }
  if (auto* date = dynamic_cast<type::v1::Date*>(value)) {
    const auto day = ParseDay(text);
    if (!day) return Wrong(flag, text, "a day such as 2018-01-31");
    *date = ToProto(*day);
    return absl::OkStatus();
  }
  if (auto* range = dynamic_cast<type::v1::DateRange*>(value)) {
    const auto days = ParseDays(text);
    if (!days) return Wrong(flag, text, kDaysRule);
    SetRange(*days, range);
    return absl::OkStatus();
  }
  if (auto* timestamp = dynamic_cast<google::protobuf::Timestamp*>(value)) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime("%Y-%m-%dT%H:%M:%E*S%Ez", text, &time, &error)) {
      return Wrong(flag, text, "a time such as 2018-01-31T09:00:00+08:00");
    }
    timestamp->set_seconds(absl::ToUnixSeconds(time));
    return absl::OkStatus();
  }
  if (auto* mask = dynamic_cast<google::protobuf::FieldMask*>(value)) {
    for (absl::string_view path : absl::StrSplit(text, ',')) mask->add_paths(std::string(path));
    return absl::OkStatus();
  }
  if (auto* reference = dynamic_cast<target::v1::ReferencePeriod*>(value)) {
    const std::vector<std::string> parts = absl::StrSplit(text, ':');
    const auto days = ParseDays(parts[0]);
    int64_t weight = 1;
    if (!days || parts.size() > 2 || (parts.size() == 2 && !absl::SimpleAtoi(parts[1], &weight))) {
      return Wrong(flag, text,
                   absl::StrCat(kDaysRule, ", with an optional weight behind a colon: 2017:60"));
    }
    SetRange(*days, reference->mutable_period());
    reference->set_mix_weight(weight);
    return absl::OkStatus();
  }
  if (auto* part = dynamic_cast<target::v1::SplitPart*>(value);
      part != nullptr && !absl::StartsWith(text, "{")) {
    const std::vector<std::string> parts = absl::StrSplit(text, ':');
    int64_t weight = 1;
    if (parts[0].empty() || parts.size() > 2 ||
        (parts.size() == 2 && !absl::SimpleAtoi(parts[1], &weight))) {
      return Wrong(flag, text, "KEY or KEY:WEIGHT, or JSON");
    }
    part->set_key(parts[0]);
    part->set_weight(weight);
    return absl::OkStatus();
  }
  if (text.empty()) return absl::OkStatus();  // The flag alone: an empty message, present.
  const auto status = google::protobuf::util::JsonStringToMessage(text, value);
  if (!status.ok())
    return Wrong(flag, text, absl::StrCat("JSON of ", value->GetDescriptor()->name()));
  return absl::OkStatus();
}

// Sets (or adds to) a scalar or enum field.
absl::Status SetScalar(const Flag& flag, const std::string& text, Message* message) {
  const FieldDescriptor& field = *flag.field;
  const auto* reflection = message->GetReflection();
  const bool add = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      add ? reflection->AddString(message, &field, text)
          : reflection->SetString(message, &field, text);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL: {
      const std::string word = absl::AsciiStrToLower(text);
      if (word != "true" && word != "false" && word != "yes" && word != "no" && !word.empty()) {
        return Wrong(flag, text, "true or false");
      }
      reflection->SetBool(message, &field, word.empty() || word == "true" || word == "yes");
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      std::vector<std::string> words;
      for (int i = 0; i < field.enum_type()->value_count(); ++i) {
        const auto& value = *field.enum_type()->value(i);
        if (value.number() == 0) continue;
        if (EnumWord(value) == WithDashes(absl::AsciiStrToLower(text))) {
          add ? reflection->AddEnum(message, &field, &value)
              : reflection->SetEnum(message, &field, &value);
          return absl::OkStatus();
        }
        words.push_back(EnumWord(value));
      }
      return Wrong(flag, text, absl::StrCat("one of ", absl::StrJoin(words, ", ")));
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return Wrong(flag, text, "a whole number");
      add ? reflection->AddInt32(message, &field, number)
          : reflection->SetInt32(message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t number = 0;
      if (absl::EndsWith(field.name(), "target_units") || absl::EndsWith(field.name(), "_units")) {
        // Targets of money are minor units; an amount with a decimal point or in 万 is read as
        // money.
        if (text.find_first_of(".") != std::string::npos || absl::EndsWith(text, "万")) {
          const auto money = ParseMoney(text);
          if (!money) return Wrong(flag, text, "an amount such as 12345.67 or 120万");
          number = *money;
          add ? reflection->AddInt64(message, &field, number)
              : reflection->SetInt64(message, &field, number);
          return absl::OkStatus();
        }
      }
      if (!absl::SimpleAtoi(text, &number)) return Wrong(flag, text, "a whole number");
      add ? reflection->AddInt64(message, &field, number)
          : reflection->SetInt64(message, &field, number);
      return absl::OkStatus();
    }
    default:
      return Wrong(flag, text, "supported here; use JSON");
  }
}

std::string Qualified(const Verb& verb, const Flag& flag, const std::string& text) {
  if (flag.field->cpp_type() != FieldDescriptor::CPPTYPE_STRING || text.empty() ||
      absl::StrContains(text, '/')) {
    return text;
  }
  const std::string last = LastPart(flag.path);
  std::string collection;
  if (last == "name" || last == "names") {
    collection = verb.collection;
  } else if (last == "parent" && std::string(verb.family) == "unit") {
    collection = "units";
  } else if (last == "metric" && std::string(verb.family) != "metric") {
    collection = "metrics";
  } else if (const auto found = CollectionsByField().find(last);
             found != CollectionsByField().end()) {
    collection = found->second;
  }
  return collection.empty() ? text : absl::StrCat(collection, "/", text);
}

absl::Status Set(const Verb& verb, const Flag& flag, const std::string& given, Message& request) {
  Message* message = &request;
  const std::vector<std::string> parts = absl::StrSplit(flag.path, '.');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    message = message->GetReflection()->MutableMessage(
        message, message->GetDescriptor()->FindFieldByName(parts[i]));
  }
  const std::string text = Qualified(verb, flag, given);
  if (flag.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
    return SetScalar(flag, text, message);
  const auto* reflection = message->GetReflection();
  return SetMessage(flag, text,
                    flag.field->is_repeated() ? reflection->AddMessage(message, flag.field)
                                              : reflection->MutableMessage(message, flag.field));
}

absl::Status ReadRequestFile(const std::string& file, Message& request) {
  if (file.empty()) return absl::InvalidArgumentError("--request needs a file");
  std::ifstream in(file);
  std::stringstream json;
  if (!in || !(json << in.rdbuf())) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", file));
  }
  const auto status = google::protobuf::util::JsonStringToMessage(json.str(), &request);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(file, " is not a ",
                                                 request.GetDescriptor()->name(),
                                                 " in JSON: ", std::string(status.message())));
}

const Flag* Find(const std::vector<Flag>& flags, const std::string& word) {
  std::vector<std::string> names = {word};
  if (word == "by") names = {"group-by", "subject"};
  if (word == "period") names = {"period", "range", "opened", "closed"};
  if (word == "metric") names = {"metric"};
  for (const std::string& name : names) {
    for (const Flag& flag : flags) {
      if (flag.name == name || WithDashes(flag.path) == name) return &flag;
    }
  }
  return nullptr;
}

}  // namespace

std::vector<Flag> FlagsOf(const google::protobuf::Descriptor& request) {
  std::vector<Flag> flags;
  Collect(request.name(), request, "", 0, flags);
  // The short name is free for the shallowest field that has it.
  std::map<std::string, size_t> shallowest;
  const auto depth = [](const std::string& path) {
    return std::count(path.begin(), path.end(), '.');
  };
  for (size_t i = 0; i < flags.size(); ++i) {
    const std::string last = LastPart(flags[i].path);
    const auto found = shallowest.find(last);
    if (found == shallowest.end() || depth(flags[i].path) < depth(flags[found->second].path))
      shallowest[last] = i;
  }
  for (size_t i = 0; i < flags.size(); ++i) {
    const std::string last = LastPart(flags[i].path);
    flags[i].name = WithDashes(shallowest[last] == i ? last : flags[i].path);
  }
  return flags;
}

std::string ValueHint(const Flag& flag) {
  const FieldDescriptor& field = *flag.field;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "";
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return "NUMBER";
    case FieldDescriptor::CPPTYPE_ENUM: {
      std::vector<std::string> words;
      for (int i = 0; i < field.enum_type()->value_count(); ++i) {
        if (field.enum_type()->value(i)->number() != 0)
          words.push_back(EnumWord(*field.enum_type()->value(i)));
      }
      return absl::StrJoin(words, "|");
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const std::string& type = field.message_type()->name();
      if (type == "Money") return "AMOUNT";
      if (type == "Date") return "DATE";
      if (type == "DateRange") return "PERIOD";
      if (type == "Timestamp") return "TIME";
      if (type == "FieldMask") return "FIELD,...";
      if (type == "ReferencePeriod") return "PERIOD[:WEIGHT]";
      if (type == "SplitPart") return "KEY[:WEIGHT]";
      return field.message_type()->field_count() == 0 ? "" : "[JSON]";
    }
    default:
      return "TEXT";
  }
}

absl::Status FillRequest(const Verb& verb, const std::vector<std::string>& all_words,
                         Message& request) {
  const std::vector<Flag> flags = FlagsOf(*request.GetDescriptor());
  std::vector<std::string> problems;
  std::vector<std::string> words;
  bool from_file = false;
  // Files first: what is typed adds to them, wherever it stands.
  for (size_t i = 0; i < all_words.size(); ++i) {
    std::string file;
    if (absl::StartsWith(all_words[i], "--request=")) {
      file = all_words[i].substr(std::string("--request=").size());
    } else if (all_words[i] != "--request") {
      words.push_back(all_words[i]);
      continue;
    } else if (i + 1 < all_words.size()) {
      file = all_words[++i];
    }
    from_file = true;
    if (absl::Status status = ReadRequestFile(file, request); !status.ok())
      problems.emplace_back(status.message());
  }
  std::set<std::string> given;
  const auto set = [&](const Flag& flag, const std::string& text) {
    const absl::Status status = Set(verb, flag, text, request);
    if (!status.ok()) problems.emplace_back(status.message());
    given.insert(flag.path);
  };
  size_t next_positional = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!absl::StartsWith(word, "--")) {
      if (next_positional >= verb.positional.size()) {
        problems.push_back(absl::StrCat("unexpected argument '", word, "'"));
        continue;
      }
      const std::string path = verb.positional[next_positional];
      const auto flag =
          std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.path == path; });
      if (flag == flags.end()) {
        problems.push_back(absl::StrCat("unexpected argument '", word, "'"));
        continue;
      }
      if (!flag->field->is_repeated()) ++next_positional;
      set(*flag, word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name =
        word.substr(2, equals == std::string::npos ? std::string::npos : equals - 2);
    const Flag* flag = Find(flags, name);
    if (name == "id") {
      // The id of what is created: `customer_id`, `plan_id`, ...
      for (const Flag& candidate : flags) {
        if (absl::EndsWith(candidate.path, "_id") && candidate.path != "request_id" &&
            !absl::StrContains(candidate.path, '.')) {
          flag = &candidate;
        }
      }
    }
    if (flag == nullptr) {
      problems.push_back(absl::StrCat("unknown flag --", name));
      if (equals == std::string::npos && i + 1 < words.size() &&
          !absl::StartsWith(words[i + 1], "--"))
        ++i;
      continue;
    }
    const bool message = flag->field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
                         !IsValueMessage(*flag->field);
    const bool alone = flag->field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL || message;
    if (equals != std::string::npos) {
      set(*flag, word.substr(equals + 1));
    } else if (alone) {
      const bool json = i + 1 < words.size() && absl::StartsWith(words[i + 1], "{");
      set(*flag, json ? words[++i] : std::string());
    } else if (i + 1 < words.size()) {
      set(*flag, words[++i]);
    } else {
      problems.push_back(absl::StrCat("--", name, " needs a value"));
    }
  }
  if (!problems.empty()) return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));

  const auto* reflection = request.GetReflection();
  const auto* type = request.GetDescriptor();
  if (const auto* field = type->FindFieldByName("request_id");
      field != nullptr && reflection->GetString(request, field).empty()) {
    reflection->SetString(&request, field, NewUuid());
  }
  if (const auto* field = type->FindFieldByName("update_mask");
      field != nullptr && given.count("update_mask") == 0 && !from_file) {
    // What was typed is what changes, also when it is empty or zero.
    std::set<std::string> paths;
    for (const std::string& path : given) {
      const std::vector<std::string> parts = absl::StrSplit(path, '.');
      if (parts.size() < 2 || parts[1] == "name") continue;
      paths.insert(parts[1]);
    }
    auto* mask =
        static_cast<google::protobuf::FieldMask*>(reflection->MutableMessage(&request, field));
    for (const std::string& path : paths) mask->add_paths(path);
  }
  return absl::OkStatus();
}

}  // namespace milepost::cli
