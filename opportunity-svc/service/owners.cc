#include "opportunity-svc/service/owners.h"

#include <algorithm>

#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {

absl::Status CheckOwner(const rpc::Caller& caller, const std::string& owner, absl::CivilDay today) {
  if (owner.empty()) return error::OwnerRequired();
  const std::string name = resource::Name(kMembers, owner);
  if (!caller.organization().HasMember(owner, today)) return error::MemberUnknown(name);
  if (!caller.scope().MayChange(owner)) return error::OwnerOutOfScope(name);
  return absl::OkStatus();
}

absl::Status CheckPastOwner(const rpc::Caller& caller, const std::string& owner,
                            absl::CivilDay today) {
  const std::string name = resource::Name(kMembers, owner);
  if (!caller.organization().UnitOf(owner, today)) return error::MemberUnknown(name);
  if (!caller.scope().MayChange(owner)) return error::OwnerOutOfScope(name);
  return absl::OkStatus();
}

std::optional<std::vector<std::string>> VisibleOwners(const rpc::Caller& caller,
                                                      std::vector<std::string> asked) {
  const access::Scope& scope = caller.scope();
  if (asked.empty()) {
    if (scope.sees_all()) return std::nullopt;
    return scope.owners();
  }
  std::erase_if(asked, [&](const std::string& owner) { return !scope.MaySee(owner); });
  return asked;
}

absl::Status CheckMayChange(const rpc::Caller& caller, const std::string& owner,
                            const std::string& name) {
  if (!caller.MaySee(owner)) return error::NotFound(name);
  if (!caller.scope().MayChange(owner)) return error::MayNotChange(name);
  return absl::OkStatus();
}

}  // namespace milepost::opportunity
