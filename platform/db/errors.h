#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"

// What a driver error means. The one classifier; nothing else looks at engine codes.
namespace milepost::db {

enum class Outcome {
  kOk,
  kConflict,       // Rolled back or to be rolled back; the whole transaction may be run again.
  kUnknownCommit,  // The connection was lost during COMMIT.
  kError,
};

// Turns an engine's error into a status. `in_commit` says that COMMIT was in flight. Duplicate keys
// become ALREADY_EXISTS without a reason (the store names the error), conflicts ABORTED, lost
// connections UNAVAILABLE, anything else INTERNAL.
absl::Status FromDriver(int code, const std::string& message, const std::string& statement,
                        bool in_commit);

// Name of the violated unique key (`PRIMARY` or the index), if the status is a duplicate key.
std::optional<std::string> DuplicateKey(const absl::Status& status);

bool IsConflict(const absl::Status& status);
bool IsUnknownCommit(const absl::Status& status);
// The connection cannot be used any more.
bool IsConnectionLost(const absl::Status& status);
// Engine code, or 0.
int EngineCode(const absl::Status& status);

}  // namespace milepost::db
