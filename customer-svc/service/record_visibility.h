#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"

namespace milepost::customer {

// Whether the caller may read the history of the record of this name: a customer, a contact, an
// interaction (as in their services), the pool's settings (everybody), an export (administrators).
// False also if it does not exist or cannot be looked up.
bool MaySeeRecord(const rpc::Caller& caller, db::Session& db, const std::string& record);

}  // namespace milepost::customer
