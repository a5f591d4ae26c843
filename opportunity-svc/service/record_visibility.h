#pragma once

#include <string>

#include "platform/db/session.h"
#include "platform/rpc/caller.h"

namespace milepost::opportunity {

// Whether the caller may see the history of a record of this service: opportunities and orders by
// their owner, the catalogue always. False for what does not exist or cannot be read.
bool MaySeeRecord(const rpc::Caller& caller, db::Session& db, const std::string& record);

}  // namespace milepost::opportunity
