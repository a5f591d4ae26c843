#pragma once

#include <string>

#include "google/protobuf/message.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"

namespace milepost::customer {

// Whether the caller may read the history of the record of this name: a customer, a contact, an
// interaction (as in their services), the pool's settings (everybody), an export (administrators).
// False also if it does not exist or cannot be looked up.
bool MaySeeRecord(const rpc::Caller& caller, db::Session& db, const std::string& record);

// Whose persons a record of this newest state shows: those of its owner, a contact those of its
// customer's owner. "" if there is none or it cannot be looked up.
std::string OwnerOfRecord(db::Session& db, const google::protobuf::Message& newest);

}  // namespace milepost::customer
