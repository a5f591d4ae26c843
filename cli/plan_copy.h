#pragma once

#include "absl/status/statusor.h"
#include "cli/commands.h"
#include "milepost/target/v1/drafting.pb.h"

// A new plan with the shape of a previous one.
namespace milepost::cli {

// The copy that was typed, all but the total; INVALID_ARGUMENT says what is wrong.
absl::StatusOr<target::v1::CopySpec> ReadCopySpec(const CommandCall& call);

int RunPlanCopy(const CommandCall& call);

}  // namespace milepost::cli
