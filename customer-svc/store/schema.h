#pragma once

#include <vector>

#include "platform/db/migration.h"

namespace milepost::customer {

// The tables of customer-svc, step by step.
std::vector<db::Migration> Migrations();

}  // namespace milepost::customer
