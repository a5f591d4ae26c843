#include "platform/change/field_diff.h"

#include <map>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/access/masking.h"

namespace milepost::change {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kSingular = -1;

// A scalar, of a list if index is not kSingular.
std::string ScalarText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool one = index == kSingular;
  const FieldDescriptor* f = &field;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(one ? reflection.GetInt32(message, f)
                              : reflection.GetRepeatedInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(one ? reflection.GetInt64(message, f)
                              : reflection.GetRepeatedInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(one ? reflection.GetUInt32(message, f)
                              : reflection.GetRepeatedUInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(one ? reflection.GetUInt64(message, f)
                              : reflection.GetRepeatedUInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(one ? reflection.GetDouble(message, f)
                              : reflection.GetRepeatedDouble(message, f, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(one ? reflection.GetFloat(message, f)
                              : reflection.GetRepeatedFloat(message, f, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? reflection.GetBool(message, f) : reflection.GetRepeatedBool(message, f, index))
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = one ? reflection.GetEnumValue(message, f)
                             : reflection.GetRepeatedEnumValue(message, f, index);
      const auto* value = field.enum_type()->FindValueByNumber(number);
      return value == nullptr ? absl::StrCat(number) : value->name();
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          one ? reflection.GetString(message, f) : reflection.GetRepeatedString(message, f, index);
      return field.type() == FieldDescriptor::TYPE_BYTES ? absl::Base64Escape(text) : text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return "";
}

// Times and dates read better as one value than as their fields.
bool IsOneValue(const Descriptor& type) {
  return &type == google::protobuf::Timestamp::descriptor() ||
         &type == type::v1::Date::descriptor();
}

std::string OneValueText(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return google::protobuf::util::TimeUtil::ToString(
        static_cast<const google::protobuf::Timestamp&>(message));
  }
  const auto& date = static_cast<const type::v1::Date&>(message);
  return absl::StrFormat("%04d-%02d-%02d", date.year(), date.month(), date.day());
}

class Differ {
 public:
  void Compare(const Descriptor& type, const Message* before, const Message* after,
               const std::string& prefix, bool personal) {
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (prefix.empty() && (field.name() == "etag" || field.name() == "update_time")) continue;
      const std::string path = absl::StrCat(prefix, field.name());
      const bool marked = personal || access::IsPersonal(field);
      if (field.is_map()) {
        CompareMap(field, before, after, path, marked);
      } else if (field.is_repeated()) {
        const int sizes[] = {Size(before, field), Size(after, field)};
        for (int k = 0; k < std::max(sizes[0], sizes[1]); ++k) {
          CompareValue(field, k < sizes[0] ? before : nullptr, k < sizes[1] ? after : nullptr, k,
                       absl::StrCat(path, "[", k, "]"), marked);
        }
      } else {
        CompareValue(field, Has(before, field) ? before : nullptr,
                     Has(after, field) ? after : nullptr, kSingular, path, marked);
      }
    }
  }

  std::vector<FieldDifference> Take() { return std::move(differences_); }

 private:
  static int Size(const Message* message, const FieldDescriptor& field) {
    return message == nullptr ? 0 : message->GetReflection()->FieldSize(*message, &field);
  }
  static bool Has(const Message* message, const FieldDescriptor& field) {
    return message != nullptr && message->GetReflection()->HasField(*message, &field);
  }
  static const Message* Sub(const Message* message, const FieldDescriptor& field, int index) {
    if (message == nullptr) return nullptr;
    const Reflection& reflection = *message->GetReflection();
    return index == kSingular ? &reflection.GetMessage(*message, &field)
                              : &reflection.GetRepeatedMessage(*message, &field, index);
  }

  // One value, in `before` and `after` unless null.
  void CompareValue(const FieldDescriptor& field, const Message* before, const Message* after,
                    int index, const std::string& path, bool personal) {
    if (before == nullptr && after == nullptr) return;
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      Add(path, before == nullptr ? "" : ScalarText(*before, field, index),
          after == nullptr ? "" : ScalarText(*after, field, index), personal);
      return;
    }
    const Message* old_message = Sub(before, field, index);
    const Message* new_message = Sub(after, field, index);
    if (IsOneValue(*field.message_type())) {
      Add(path, old_message == nullptr ? "" : OneValueText(*old_message),
          new_message == nullptr ? "" : OneValueText(*new_message), personal);
    } else {
      Compare(*field.message_type(), old_message, new_message, absl::StrCat(path, "."), personal);
    }
  }

  void CompareMap(const FieldDescriptor& field, const Message* before, const Message* after,
                  const std::string& path, bool personal) {
    const FieldDescriptor& key = *field.message_type()->map_key();
    const FieldDescriptor& value = *field.message_type()->map_value();
    std::map<std::string, std::pair<const Message*, const Message*>> entries;
    for (int k = 0; k < Size(before, field); ++k) {
      const Message* entry = Sub(before, field, k);
      entries[ScalarText(*entry, key, kSingular)].first = entry;
    }
    for (int k = 0; k < Size(after, field); ++k) {
      const Message* entry = Sub(after, field, k);
      entries[ScalarText(*entry, key, kSingular)].second = entry;
    }
    for (const auto& [name, pair] : entries) {
      CompareValue(value, pair.first, pair.second, kSingular, absl::StrCat(path, "[", name, "]"),
                   personal);
    }
  }

  void Add(const std::string& path, std::string before, std::string after, bool personal) {
    if (before == after) return;
    differences_.push_back({path, std::move(before), std::move(after), personal});
  }

  std::vector<FieldDifference> differences_;
};

}  // namespace

std::vector<FieldDifference> DiffFields(const Message* before, const Message* after) {
  Differ differ;
  if (before != nullptr || after != nullptr) {
    differ.Compare(*(after != nullptr ? after : before)->GetDescriptor(), before, after, "",
                   /*personal=*/false);
  }
  return differ.Take();
}

}  // namespace milepost::change
