// Units and members from the messages of target-svc, as every service receives them by the feed.
#pragma once

#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"
#include "platform/access/organization.h"

namespace milepost::access {

// The messages come from the feed, so they are complete and valid; names lose their collection.
Unit FromProto(const organization::v1::Unit& unit);
Member FromProto(const organization::v1::Member& member);

}  // namespace milepost::access
