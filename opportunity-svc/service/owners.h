#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "platform/rpc/caller.h"

namespace milepost::opportunity {

// OK if the caller may give a record to this member (bare id).
absl::Status CheckOwner(const rpc::Caller& caller, const std::string& owner, absl::CivilDay today);

// The same for a record of the past, whose owner may have left.
absl::Status CheckPastOwner(const rpc::Caller& caller, const std::string& owner,
                            absl::CivilDay today);

// Owners (bare ids) that a list is narrowed to: those asked for, as far as the caller may see them,
// or all in its scope; nullopt if nothing narrows it.
std::optional<std::vector<std::string>> VisibleOwners(const rpc::Caller& caller,
                                                      std::vector<std::string> asked);

// OK if the caller may change a record of this owner; NOT_FOUND if it may not even see it.
absl::Status CheckMayChange(const rpc::Caller& caller, const std::string& owner,
                            const std::string& name);

}  // namespace milepost::opportunity
