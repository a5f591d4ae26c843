#include "platform/access/method_access.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "milepost/access/v1/access.pb.h"

namespace milepost::access {

absl::StatusOr<MethodRule> RuleOf(const google::protobuf::MethodDescriptor& method) {
  if (!method.options().HasExtension(v1::access)) {
    return absl::FailedPreconditionError(
        absl::StrCat(method.full_name(), " has no (milepost.access.v1.access) option"));
  }
  const v1::MethodAccess& option = method.options().GetExtension(v1::access);
  MethodRule rule{.any_role = option.any_role(), .mutates = option.mutates()};
  for (const int role : option.roles()) {
    if (role == v1::ROLE_UNSPECIFIED || !v1::Role_IsValid(role)) {
      return absl::FailedPreconditionError(
          absl::StrCat(method.full_name(), " allows the unknown role ", role));
    }
    rule.roles.Add(static_cast<Role>(role));
  }
  if (rule.any_role != rule.roles.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(method.full_name(), " must name roles or any_role, and not both"));
  }
  return rule;
}

bool Allowed(const MethodRule& rule, const Identity& identity) {
  if (identity.roles.empty()) return false;
  if (identity.Has(Role::kAdmin)) return true;
  if (rule.mutates && identity.roles == RoleSet{Role::kAnalyst}) return false;
  return rule.any_role || identity.roles.Intersects(rule.roles);
}

absl::StatusOr<MethodAccess> MethodAccess::Read(const std::vector<std::string>& services) {
  MethodAccess access;
  std::vector<std::string> faults;
  for (const std::string& name : services) {
    const google::protobuf::ServiceDescriptor* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) {
      faults.push_back(absl::StrCat("service ", name, " is not linked in"));
      continue;
    }
    for (int i = 0; i < service->method_count(); ++i) {
      absl::StatusOr<MethodRule> rule = RuleOf(*service->method(i));
      if (!rule.ok()) {
        faults.emplace_back(rule.status().message());
        continue;
      }
      access.rules_.emplace(absl::StrCat("/", name, "/", service->method(i)->name()), *rule);
    }
  }
  if (!faults.empty()) return absl::FailedPreconditionError(absl::StrJoin(faults, "; "));
  return access;
}

const MethodRule* MethodAccess::Find(const std::string& method) const {
  const auto it = rules_.find(method);
  return it == rules_.end() ? nullptr : &it->second;
}

}  // namespace milepost::access
