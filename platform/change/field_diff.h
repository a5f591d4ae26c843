// What differs between two versions of a record, field by field.
#pragma once

#include <string>
#include <vector>

#include "google/protobuf/message.h"

namespace milepost::change {

struct FieldDifference {
  std::string path;    // `amount.minor_units`, `lines[2].quantity`, `attributes[color]`.
  std::string before;  // As text; empty if unset.
  std::string after;
  bool personal = false;  // Marked personal, or inside of what is.
};

// Differences in the order of the fields. Either message may be null (did not exist); both are of
// one type. `etag` and `update_time` at the top, which always differ, are left out. Enum values are
// names, times RFC 3339 in UTC, dates `2018-01-31`; lists are compared by place, maps by key.
std::vector<FieldDifference> DiffFields(const google::protobuf::Message* before,
                                        const google::protobuf::Message* after);

}  // namespace milepost::change
