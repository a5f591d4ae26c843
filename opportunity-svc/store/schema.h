#pragma once

#include <vector>

#include "platform/db/migration.h"

namespace milepost::opportunity {

// The service's own tables, from schema/.
std::vector<db::Migration> Migrations();

}  // namespace milepost::opportunity
