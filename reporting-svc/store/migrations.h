#pragma once

#include <vector>

#include "platform/db/migration.h"

namespace milepost::reporting {

// schema/*.sql, embedded.
std::vector<db::Migration> Migrations();

}  // namespace milepost::reporting
