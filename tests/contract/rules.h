// The rules that every proto of the suite keeps, checked on descriptors.
#pragma once

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace milepost::contract {

// What breaks the rules in a file, one line each: `<full name>: <what is wrong>`. Empty if nothing.
using Faults = std::vector<std::string>;

// Every RPC says who may call it.
Faults CheckAccess(const google::protobuf::FileDescriptor& file);

// Every RPC that mutates takes a `request_id`, and verbs that mutate say that they do.
Faults CheckRequestIds(const google::protobuf::FileDescriptor& file);

// Every List takes `page_size` and `page_token` and answers with `next_page_token`.
Faults CheckPaging(const google::protobuf::FileDescriptor& file);

// Every service, RPC, message, field, enum and value has a comment; the comments of fields in
// requests and resources start with their behaviour. For the members of a oneof, the comment of the
// oneof may do so.
Faults CheckComments(const google::protobuf::FileDescriptor& file);

// Packages, requests, fields, enums and types are named and typed as the house style says.
Faults CheckStyle(const google::protobuf::FileDescriptor& file);

// No two RPCs of `files` share a request: a server tells its methods apart by them.
Faults CheckRequestTypes(const std::vector<const google::protobuf::FileDescriptor*>& files);

// What clients rely on: one line for each field, enum value and RPC, sorted by the caller.
std::vector<std::string> WireContract(const google::protobuf::FileDescriptor& file);

// Lines of `baseline` that are gone or differ in `files`, unless a removed field's or value's
// number and name are reserved.
Faults CheckBaseline(const std::vector<std::string>& baseline,
                     const std::vector<const google::protobuf::FileDescriptor*>& files);

}  // namespace milepost::contract
