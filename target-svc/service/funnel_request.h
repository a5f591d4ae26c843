#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "milepost/target/v1/planning.pb.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/funnel_plan.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/reader.h"

// From requests about funnels to what the planning libraries are asked.
namespace milepost::target {

// Takes the week totals when there are no members.
inline constexpr char kEverybody[] = "everybody";

FunnelChannel ReadChannel(const v1::FunnelChannel& message, const std::string& field,
                          Reader& reader);

// What both questions have in common.
template <typename Request>
FunnelRequest ReadFunnel(const Request& request, Reader& reader) {
  FunnelRequest funnel;
  for (int s = 0; s < request.stages_size(); ++s) {
    funnel.stages.push_back(reader.Text(request.stages(s), At("stages", s), kMaxDisplayName));
  }
  for (int c = 0; c < request.channels_size(); ++c) {
    funnel.channels.push_back(ReadChannel(request.channels(c), At("channels", c), reader));
  }
  return funnel;
}

// The path that clients know a field of a channel under.
std::string FunnelPath(const std::string& field);

// A spread as the request asks for it.
struct SpreadCommand {
  DayRange period;
  std::string calendar_id;
  std::vector<FunnelShare> members;
  std::string channel;
};

// A calculation as asked for, and its result.
struct FunnelCommand {
  FunnelRequest funnel;
  std::optional<SpreadCommand> spread;
  FunnelPlan plan;
};

// INVALID_FIELDS, which are also added to `reader`, if it cannot be calculated.
absl::StatusOr<FunnelCommand> ReadFunnelCommand(const v1::ComputeFunnelRequest& request,
                                                Reader& reader);

}  // namespace milepost::target
