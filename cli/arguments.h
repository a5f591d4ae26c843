#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/catalogue.h"
#include "google/protobuf/message.h"

// Between the words on the command line and the fields of a request, by reflection.
namespace milepost::cli {

// A field of the request that can be given as a flag.
struct Flag {
  std::string
      name;  // "display-name", or with its path where that would be ambiguous: "filter.unit".
  std::string path;  // "customer.display_name"
  const google::protobuf::FieldDescriptor* field;
};

// The flags of a request type. Fields that only the server writes have none. Fields of a nested
// message are flags of their own; repeated ones are given by repeating the flag; other messages as
// JSON.
std::vector<Flag> FlagsOf(const google::protobuf::Descriptor& request);

// How a value of the flag is written, for help: MONEY, DATE, open|won|lost, ...
std::string ValueHint(const Flag& flag);

// Fills `request` from words (positional arguments and flags). Bare ids get their collection in
// front. An update's mask is set to what was given, a missing request_id to a new one. `--request
// FILE` reads the request from JSON, with the mask that it names, and what is typed adds to it.
// INVALID_ARGUMENT lists everything that is wrong.
absl::Status FillRequest(const Verb& verb, const std::vector<std::string>& words,
                         google::protobuf::Message& request);

}  // namespace milepost::cli
