#pragma once

#include <string>

#include "google/protobuf/descriptor.h"

// The comments of the protos, embedded in the program, so that --help says what the API says.
namespace milepost::cli {

// Leading comment of a method, field or enum value, joined to one paragraph; empty if it has none.
std::string Comment(const google::protobuf::MethodDescriptor& method);
std::string Comment(const google::protobuf::FieldDescriptor& field);

// Its first sentence.
std::string FirstSentence(const std::string& comment);

}  // namespace milepost::cli
