// The tables that every service has for its history, its feed and the feeds it follows.
#pragma once

#include <vector>

#include "platform/db/migration.h"

namespace milepost::change {

// To be applied before the service's own. The service's account needs SELECT, INSERT and UPDATE on
// `changes`, SELECT and UPDATE on `feed_head`, SELECT, INSERT and UPDATE on `feed_checkpoints`, and
// also DELETE on `parked_events`.
std::vector<db::Migration> Migrations();

}  // namespace milepost::change
