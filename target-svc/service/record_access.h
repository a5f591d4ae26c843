#pragma once

#include <string>

#include "platform/db/session.h"
#include "platform/rpc/caller.h"
#include "target-svc/service/directory.h"

namespace milepost::target {

// Whether the caller may read the history of a record: of units, members, calendars, metrics and
// thresholds everybody, of plans, nodes, commitments, letters, funnels and recorded actual values
// who may see them now. What is deleted is seen by who sees everything.
bool MaySeeRecord(const rpc::Caller& caller, db::Session& db, Directory& directory,
                  const std::string& record);

}  // namespace milepost::target
