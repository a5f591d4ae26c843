#pragma once

#include <string>

namespace milepost::cli {

// A bash completion script for every verb and flag.
std::string BashCompletion();

}  // namespace milepost::cli
