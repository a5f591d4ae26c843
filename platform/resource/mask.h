#pragma once

#include <set>
#include <string>

#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/message.h"
#include "platform/status/error.h"

namespace milepost::resource {

// The top-level fields that an Update is to change. An empty mask means every non-empty field of
// `updatable` in `resource`; an unknown path, or one that is not in `updatable`, is a violation of
// `update_mask`. `*` means all of `updatable`.
std::set<std::string> ReadUpdateMask(const google::protobuf::FieldMask& mask,
                                     const google::protobuf::Message& resource,
                                     const std::set<std::string>& updatable,
                                     status::FieldViolations& violations);

}  // namespace milepost::resource
