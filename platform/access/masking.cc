#include "platform/access/masking.h"

#include <cctype>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "milepost/access/v1/access.pb.h"

namespace milepost::access {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

// What is to be done with the fields of one message type.
struct Plan {
  std::vector<const FieldDescriptor*> mask;     // Marked.
  std::vector<const FieldDescriptor*> descend;  // Messages that hold marked fields somewhere.
  bool any = false;                             // google.protobuf.Any itself.
  bool empty() const { return mask.empty() && descend.empty() && !any; }
};

// Plans are worked out once per thread and type: no lock on the way of every answer.
const Plan& PlanOf(const Descriptor& type) {
  thread_local absl::flat_hash_map<const Descriptor*, std::unique_ptr<Plan>> plans;
  const auto known = plans.find(&type);
  if (known != plans.end()) return *known->second;

  auto owned = std::make_unique<Plan>();
  Plan& plan = *owned;
  plan.any = type.full_name() == "google.protobuf.Any";
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (IsPersonal(*field)) {
      plan.mask.push_back(field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      // A type that contains itself: assume that it may hold marks, and descend by value.
      plan.descend.push_back(field);
    }
  }
  plans.emplace(&type, std::move(owned));
  std::vector<const FieldDescriptor*> descend;
  for (const FieldDescriptor* field : plan.descend) {
    if (!PlanOf(*field->message_type()).empty()) descend.push_back(field);
  }
  plan.descend = std::move(descend);
  return plan;
}

void MaskField(Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING ||
      field.type() != FieldDescriptor::TYPE_STRING) {
    reflection.ClearField(&message, &field);
    return;
  }
  if (!field.is_repeated()) {
    if (!reflection.HasField(message, &field)) return;
    reflection.SetString(&message, &field, MaskText(reflection.GetString(message, &field)));
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    reflection.SetRepeatedString(&message, &field, i,
                                 MaskText(reflection.GetRepeatedString(message, &field, i)));
  }
}

void MaskAny(google::protobuf::Any& any) {
  const std::string& url = any.type_url();
  const Descriptor* type = DescriptorPool::generated_pool()->FindMessageTypeByName(
      url.substr(url.find_last_of('/') + 1));
  if (type == nullptr) return;
  const std::unique_ptr<Message> content(
      MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (PlanOf(*type).empty() || !any.UnpackTo(content.get())) return;
  MaskPersonal(*content);
  any.PackFrom(*content);
}

size_t FirstCharacterBytes(const std::string& text) {
  size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) ++bytes;
  return bytes;
}

// A phone number has 7 to 14 digits, 15 with a leading plus (E.164); id numbers have 15 or 18.
std::optional<std::string> MaskPhone(const std::string& text) {
  int digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = text[i];
    if (std::isdigit(c)) {
      ++digits;
    } else if (c != ' ' && c != '-' && c != '(' && c != ')' && !(c == '+' && i == 0)) {
      return std::nullopt;
    }
  }
  if (digits < 7 || digits > (text[0] == '+' ? 15 : 14)) return std::nullopt;
  const int shown_at_end = digits == 7 ? 3 : 4;
  const int first_masked = digits - shown_at_end - 4;
  std::string masked;
  int digit = 0;
  for (const char c : text) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    masked += is_digit && digit >= first_masked && digit < first_masked + 4 ? '*' : c;
    if (is_digit) ++digit;
  }
  return masked;
}

}  // namespace

std::string OwnerOf(const Message& record) {
  const FieldDescriptor* field = record.GetDescriptor()->FindFieldByName("owner");
  if (field == nullptr || field->is_repeated() || field->type() != FieldDescriptor::TYPE_STRING) {
    return "";
  }
  return record.GetReflection()->GetString(record, field);
}

bool IsPersonal(const FieldDescriptor& field) { return field.options().GetExtension(v1::personal); }

std::string MaskText(const std::string& text) {
  if (text.empty()) return text;
  if (const std::optional<std::string> phone = MaskPhone(text)) return *phone;
  const std::string first = text.substr(0, FirstCharacterBytes(text));
  const size_t at = text.find('@');
  if (at != std::string::npos && at > 0) return first + "***" + text.substr(at);
  return first + "***";
}

void MaskPersonal(Message& message) {
  const Plan& plan = PlanOf(*message.GetDescriptor());
  if (plan.any) {
    if (auto* any = dynamic_cast<google::protobuf::Any*>(&message)) MaskAny(*any);
    return;
  }
  for (const FieldDescriptor* field : plan.mask) MaskField(message, *field);
  const Reflection& reflection = *message.GetReflection();
  for (const FieldDescriptor* field : plan.descend) {
    if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        MaskPersonal(*reflection.MutableRepeatedMessage(&message, field, i));
      }
    } else if (reflection.HasField(message, field)) {
      MaskPersonal(*reflection.MutableMessage(&message, field));
    }
  }
}

}  // namespace milepost::access
