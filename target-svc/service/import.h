#pragma once

#include <string>

#include "absl/status/status.h"
#include "milepost/organization/v1/import.pb.h"
#include "platform/change/context.h"
#include "platform/rpc/caller.h"

// What the streaming imports have in common.
namespace milepost::target {

// OK for 1 to kMaxImportRows rows and an empty or well-formed request_id.
absl::Status CheckImport(int rows, const std::string& request_id);

// Context of the changes of one import request. Rows are repeatable by their ids, so the request_id
// guards nothing.
change::Context ImportContext(const rpc::Caller& caller, const google::protobuf::Message& request);

// Writes into the result why its row is refused.
void Refuse(const absl::Status& status, organization::v1::ImportResult& result);

}  // namespace milepost::target
