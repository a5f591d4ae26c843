#pragma once

#include <string>

#include "absl/status/status.h"

// How the program ends.
namespace milepost::cli {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;

// Prints an error as its reader needs it and returns the exit code.
int Fail(const absl::Status& status);

// Prints what is wrong with the words typed after a verb and returns kUsage.
int WrongUsage(const std::string& family, const std::string& verb, const std::string& what);

}  // namespace milepost::cli
