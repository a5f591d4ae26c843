#pragma once

#include <vector>

#include "platform/db/migration.h"

namespace milepost::target {

// The schema of target-svc, oldest step first.
std::vector<db::Migration> Migrations();

}  // namespace milepost::target
