// The access rule of every RPC, read once from the `(milepost.access.v1.access)` option.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "platform/access/role.h"
#include "platform/access/token.h"

namespace google::protobuf {
class MethodDescriptor;
}

namespace milepost::access {

struct MethodRule {
  RoleSet roles;          // Who may call; ADMIN always may.
  bool any_role = false;  // Anybody with a valid token may.
  bool mutates = false;   // Changes state: an identity that is only ANALYST is refused.
};

// FAILED_PRECONDITION if the method has no rule, or one that names nobody.
absl::StatusOr<MethodRule> RuleOf(const google::protobuf::MethodDescriptor& method);

bool Allowed(const MethodRule& rule, const Identity& identity);

// Immutable after Read, so safe for any thread.
class MethodAccess {
 public:
  // `services` are full names, for example `milepost.target.v1.PlanService`, linked into the
  // program. FAILED_PRECONDITION naming every method without a rule.
  static absl::StatusOr<MethodAccess> Read(const std::vector<std::string>& services);

  // `method` as on the wire: `/milepost.target.v1.PlanService/GetPlan`. Null if unknown: refuse.
  const MethodRule* Find(const std::string& method) const;

 private:
  absl::flat_hash_map<std::string, MethodRule> rules_;
};

}  // namespace milepost::access
