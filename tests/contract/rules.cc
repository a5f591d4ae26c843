#include "tests/contract/rules.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "milepost/access/v1/access.pb.h"
#include "platform/access/method_access.h"

namespace milepost::contract {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

// Verbs that change something wherever they lead a name.
constexpr const char* kMutatingVerbs[] = {"Create",   "Update", "Delete",  "Import",   "Assign",
                                          "Transfer", "Merge",  "Approve", "Activate", "Close"};
constexpr const char* kBehaviours[] = {"Required.", "Optional.", "Output only.", "Immutable.",
                                       "Identifier."};
// Values and options: not requests and not resources.
constexpr const char* kValuePackages[] = {"milepost.type.v1", "milepost.access.v1"};

void ForEachMessage(const Descriptor& message, const std::function<void(const Descriptor&)>& use) {
  if (message.options().map_entry()) return;
  use(message);
  for (int i = 0; i < message.nested_type_count(); ++i) {
    ForEachMessage(*message.nested_type(i), use);
  }
}

void ForEachMessage(const FileDescriptor& file, const std::function<void(const Descriptor&)>& use) {
  for (int i = 0; i < file.message_type_count(); ++i) ForEachMessage(*file.message_type(i), use);
}

void ForEachEnum(const FileDescriptor& file,
                 const std::function<void(const EnumDescriptor&)>& use) {
  for (int i = 0; i < file.enum_type_count(); ++i) use(*file.enum_type(i));
  ForEachMessage(file, [&](const Descriptor& message) {
    for (int i = 0; i < message.enum_type_count(); ++i) use(*message.enum_type(i));
  });
}

void ForEachMethod(const FileDescriptor& file,
                   const std::function<void(const MethodDescriptor&)>& use) {
  for (int s = 0; s < file.service_count(); ++s) {
    for (int m = 0; m < file.service(s)->method_count(); ++m) use(*file.service(s)->method(m));
  }
}

// `verb` leads the name as a word: `CloseIssue`, not `Closest`.
bool StartsWithWord(const std::string& name, const std::string& word) {
  return absl::StartsWith(name, word) &&
         (name.size() == word.size() || absl::ascii_isupper(name[word.size()]));
}

bool HasField(const Descriptor& message, const char* name, FieldDescriptor::Type type) {
  const FieldDescriptor* field = message.FindFieldByName(name);
  return field != nullptr && !field->is_repeated() && field->type() == type;
}

template <typename Element>
std::string CommentOf(const Element& element) {
  google::protobuf::SourceLocation location;
  if (!element.GetSourceLocation(&location)) return "";
  const std::string text =
      location.leading_comments.empty() ? location.trailing_comments : location.leading_comments;
  return std::string(absl::StripAsciiWhitespace(text));
}

template <typename Element>
void WantComment(const Element& element, Faults& faults) {
  if (CommentOf(element).empty()) {
    faults.push_back(absl::StrCat(element.full_name(), ": has no comment"));
  }
}

bool StartsWithBehaviour(const std::string& comment) {
  return std::any_of(std::begin(kBehaviours), std::end(kBehaviours),
                     [&](const char* word) { return absl::StartsWith(comment, word); });
}

bool IsSnake(const std::string& name) {
  return !name.empty() && absl::ascii_islower(name[0]) && name.back() != '_' &&
         !absl::StrContains(name, "__") && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

bool IsPascal(const std::string& name) {
  return !name.empty() && absl::ascii_isupper(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c); });
}

bool IsUpperSnake(const std::string& name) {
  return !name.empty() && absl::ascii_isupper(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isupper(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

std::string TypeName(const FieldDescriptor& field) {
  std::string name = field.type() == FieldDescriptor::TYPE_MESSAGE
                         ? field.message_type()->full_name()
                     : field.type() == FieldDescriptor::TYPE_ENUM ? field.enum_type()->full_name()
                                                                  : field.type_name();
  if (field.is_map()) {
    name = absl::StrCat("map<", TypeName(*field.message_type()->map_key()), ", ",
                        TypeName(*field.message_type()->map_value()), ">");
  } else if (field.is_repeated()) {
    name = absl::StrCat("repeated ", name);
  } else if (field.has_optional_keyword()) {
    name = absl::StrCat("optional ", name);
  } else if (field.real_containing_oneof() != nullptr) {
    name = absl::StrCat("oneof ", field.real_containing_oneof()->name(), " ", name);
  }
  return name;
}

std::string LineOf(const FieldDescriptor& field) {
  return absl::StrCat("field ", field.containing_type()->full_name(), " ", field.number(), " ",
                      field.name(), " ", TypeName(field));
}

std::string LineOf(const EnumValueDescriptor& value) {
  return absl::StrCat("value ", value.type()->full_name(), " ", value.number(), " ", value.name());
}

std::string LineOf(const MethodDescriptor& method) {
  return absl::StrCat("rpc ", method.full_name(), " (", method.client_streaming() ? "stream " : "",
                      method.input_type()->full_name(), ") returns (",
                      method.server_streaming() ? "stream " : "", method.output_type()->full_name(),
                      ")");
}

}  // namespace

Faults CheckAccess(const FileDescriptor& file) {
  Faults faults;
  ForEachMethod(file, [&](const MethodDescriptor& method) {
    const absl::StatusOr<access::MethodRule> rule = access::RuleOf(method);
    if (!rule.ok())
      faults.push_back(absl::StrCat(method.full_name(), ": ", rule.status().message()));
  });
  return faults;
}

Faults CheckRequestIds(const FileDescriptor& file) {
  Faults faults;
  ForEachMethod(file, [&](const MethodDescriptor& method) {
    const absl::StatusOr<access::MethodRule> rule = access::RuleOf(method);
    if (!rule.ok()) return;  // CheckAccess says so.
    if (rule->mutates &&
        !HasField(*method.input_type(), "request_id", FieldDescriptor::TYPE_STRING)) {
      faults.push_back(absl::StrCat(method.full_name(), ": mutates, and ",
                                    method.input_type()->full_name(),
                                    " has no `string request_id`"));
    }
    for (const char* verb : kMutatingVerbs) {
      if (StartsWithWord(method.name(), verb) && !rule->mutates) {
        faults.push_back(absl::StrCat(method.full_name(), ": must say `mutates: true`"));
      }
    }
  });
  return faults;
}

Faults CheckPaging(const FileDescriptor& file) {
  Faults faults;
  ForEachMethod(file, [&](const MethodDescriptor& method) {
    if (!StartsWithWord(method.name(), "List")) return;
    const Descriptor& request = *method.input_type();
    if (!HasField(request, "page_size", FieldDescriptor::TYPE_INT32)) {
      faults.push_back(absl::StrCat(request.full_name(), ": has no `int32 page_size`"));
    }
    if (!HasField(request, "page_token", FieldDescriptor::TYPE_STRING)) {
      faults.push_back(absl::StrCat(request.full_name(), ": has no `string page_token`"));
    }
    if (!HasField(*method.output_type(), "next_page_token", FieldDescriptor::TYPE_STRING)) {
      faults.push_back(
          absl::StrCat(method.output_type()->full_name(), ": has no `string next_page_token`"));
    }
  });
  return faults;
}

Faults CheckComments(const FileDescriptor& file) {
  Faults faults;
  const bool values = std::any_of(std::begin(kValuePackages), std::end(kValuePackages),
                                  [&](const char* package) { return file.package() == package; });
  for (int i = 0; i < file.service_count(); ++i) WantComment(*file.service(i), faults);
  ForEachMethod(file, [&](const MethodDescriptor& method) { WantComment(method, faults); });
  for (int i = 0; i < file.extension_count(); ++i) WantComment(*file.extension(i), faults);
  ForEachEnum(file, [&](const EnumDescriptor& type) {
    WantComment(type, faults);
    for (int i = 0; i < type.value_count(); ++i) WantComment(*type.value(i), faults);
  });
  ForEachMessage(file, [&](const Descriptor& message) {
    WantComment(message, faults);
    const bool answer = absl::EndsWith(message.name(), "Response");
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      const std::string comment = CommentOf(field);
      const auto* choice = field.real_containing_oneof();
      if (choice != nullptr && StartsWithBehaviour(CommentOf(*choice)) && !comment.empty())
        continue;
      if (comment.empty()) {
        faults.push_back(absl::StrCat(field.full_name(), ": has no comment"));
      } else if (!values && !answer && !StartsWithBehaviour(comment)) {
        faults.push_back(absl::StrCat(
            field.full_name(),
            ": its comment must start with Required., Optional., Output only., Immutable. or"
            " Identifier."));
      }
    }
  });
  return faults;
}

Faults CheckStyle(const FileDescriptor& file) {
  Faults faults;
  const auto fault = [&](const std::string& name, const std::string& what) {
    faults.push_back(absl::StrCat(name, ": ", what));
  };
  const std::string folder = file.name().substr(0, file.name().find_last_of('/'));
  if (absl::StrJoin(absl::StrSplit(folder, '/'), ".") != file.package()) {
    fault(file.name(), absl::StrCat("the package ", file.package(), " is not its folder"));
  }
  if (file.syntax() != FileDescriptor::SYNTAX_PROTO3) fault(file.name(), "must be proto3");
  if (file.service_count() > 1) fault(file.name(), "has more than one service");
  for (int i = 0; i < file.service_count(); ++i) {
    if (!absl::EndsWith(file.service(i)->name(), "Service")) {
      fault(file.service(i)->full_name(), "its name must end with Service");
    }
  }
  ForEachMethod(file, [&](const MethodDescriptor& method) {
    if (!IsPascal(method.name())) fault(method.full_name(), "must be in PascalCase");
    const std::string& request = method.input_type()->name();
    if (request != method.name() + "Request") {
      fault(method.full_name(), absl::StrCat("its request must be ", method.name(), "Request"));
    }
    const std::string& response = method.output_type()->name();
    if (absl::EndsWith(response, "Response") && response != method.name() + "Response") {
      fault(method.full_name(), absl::StrCat("its answer must be ", method.name(),
                                             "Response or a"
                                             " resource"));
    }
  });
  ForEachEnum(file, [&](const EnumDescriptor& type) {
    const EnumValueDescriptor& zero = *type.value(0);
    if (zero.number() != 0 || !absl::EndsWith(zero.name(), "_UNSPECIFIED")) {
      fault(type.full_name(), "its first value must be 0 and end with _UNSPECIFIED");
    }
    for (int i = 0; i < type.value_count(); ++i) {
      if (!IsUpperSnake(type.value(i)->name())) {
        fault(type.value(i)->full_name(), "must be in UPPER_SNAKE_CASE");
      }
    }
  });
  ForEachMessage(file, [&](const Descriptor& message) {
    if (!IsPascal(message.name())) fault(message.full_name(), "must be in PascalCase");
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      if (!IsSnake(field.name())) fault(field.full_name(), "must be in lower_snake_case");
      if (field.type() == FieldDescriptor::TYPE_DOUBLE ||
          field.type() == FieldDescriptor::TYPE_FLOAT) {
        fault(field.full_name(), "must not be a floating-point number");
      }
      const bool time = field.type() == FieldDescriptor::TYPE_MESSAGE &&
                        field.message_type()->full_name() == "google.protobuf.Timestamp";
      // Bounds of a filter say which side they are.
      if (time && !absl::EndsWith(field.name(), "_time") &&
          !absl::EndsWith(field.name(), "_from") && !absl::EndsWith(field.name(), "_before")) {
        fault(field.full_name(), "is a Timestamp, so its name must end with _time");
      }
      if (field.name() == "request_id" && field.type() != FieldDescriptor::TYPE_STRING) {
        fault(field.full_name(), "must be a string");
      }
    }
  });
  return faults;
}

Faults CheckRequestTypes(const std::vector<const FileDescriptor*>& files) {
  Faults faults;
  std::map<const Descriptor*, std::string> users;
  for (const FileDescriptor* file : files) {
    ForEachMethod(*file, [&](const MethodDescriptor& method) {
      const auto [user, fresh] = users.emplace(method.input_type(), method.full_name());
      if (!fresh) {
        faults.push_back(
            absl::StrCat(method.full_name(), ": shares its request with ", user->second));
      }
    });
  }
  return faults;
}

std::vector<std::string> WireContract(const FileDescriptor& file) {
  std::vector<std::string> lines;
  ForEachMethod(file, [&](const MethodDescriptor& method) { lines.push_back(LineOf(method)); });
  ForEachEnum(file, [&](const EnumDescriptor& type) {
    for (int i = 0; i < type.value_count(); ++i) lines.push_back(LineOf(*type.value(i)));
  });
  ForEachMessage(file, [&](const Descriptor& message) {
    for (int i = 0; i < message.field_count(); ++i) lines.push_back(LineOf(*message.field(i)));
  });
  for (int i = 0; i < file.extension_count(); ++i) {
    const FieldDescriptor& field = *file.extension(i);
    lines.push_back(
        absl::StrCat("extension ", field.full_name(), " ", field.number(), " ", TypeName(field)));
  }
  return lines;
}

Faults CheckBaseline(const std::vector<std::string>& baseline,
                     const std::vector<const FileDescriptor*>& files) {
  std::set<std::string> now;
  for (const FileDescriptor* file : files) {
    for (std::string& line : WireContract(*file)) now.insert(std::move(line));
  }
  const auto reserved = [&](const std::string& line) {
    // field <message> <number> <name> <type...>, value <enum> <number> <name>
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    int number = 0;
    if (words.size() < 4 || !absl::SimpleAtoi(words[2], &number)) return false;
    const google::protobuf::DescriptorPool& pool = *files.front()->pool();
    if (words[0] == "field") {
      const Descriptor* message = pool.FindMessageTypeByName(words[1]);
      return message != nullptr && message->IsReservedNumber(number) &&
             message->IsReservedName(words[3]);
    }
    if (words[0] == "value") {
      const EnumDescriptor* type = pool.FindEnumTypeByName(words[1]);
      return type != nullptr && type->IsReservedNumber(number) && type->IsReservedName(words[3]);
    }
    return false;
  };
  Faults faults;
  for (const std::string& line : baseline) {
    if (!now.contains(line) && !reserved(line)) {
      faults.push_back(absl::StrCat("gone or changed: ", line));
    }
  }
  return faults;
}

}  // namespace milepost::contract
