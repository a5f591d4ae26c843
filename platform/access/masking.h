// Hides personal data in messages: fields marked `(milepost.access.v1.personal)`.
#pragma once

#include <string>

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace milepost::access {

// Masks every marked field of the message and of all messages in it, those in a
// google.protobuf.Any of a linked type included. Marked text becomes MaskText of it; a marked field
// of another type is cleared. Safe for any thread on messages of its own.
void MaskPersonal(google::protobuf::Message& message);

// Value of the text field `owner` at the top of a record; empty if it has none.
std::string OwnerOf(const google::protobuf::Message& record);

// The field carries the mark.
bool IsPersonal(const google::protobuf::FieldDescriptor& field);

// A phone number keeps its last four digits and what comes before the four masked ones
// (`138****5678`), an e-mail address its first character and host (`z***@example.com`), anything
// else (names, id numbers) its first character (`张***`). Empty stays empty.
std::string MaskText(const std::string& text);

}  // namespace milepost::access
