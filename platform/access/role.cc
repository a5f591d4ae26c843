#include "platform/access/role.h"

#include <array>
#include <utility>

#include "milepost/access/v1/access.pb.h"

namespace milepost::access {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 6> kNames{{
    {Role::kRep, "rep"},
    {Role::kManager, "manager"},
    {Role::kMarketing, "marketing"},
    {Role::kAnalyst, "analyst"},
    {Role::kAdmin, "admin"},
    {Role::kService, "service"},
}};

static_assert(static_cast<int>(Role::kRep) == v1::REP);
static_assert(static_cast<int>(Role::kManager) == v1::MANAGER);
static_assert(static_cast<int>(Role::kMarketing) == v1::MARKETING);
static_assert(static_cast<int>(Role::kAnalyst) == v1::ANALYST);
static_assert(static_cast<int>(Role::kAdmin) == v1::ADMIN);
static_assert(static_cast<int>(Role::kService) == v1::SERVICE);
static_assert(v1::Role_ARRAYSIZE == kNames.size() + 1);

}  // namespace

std::optional<Role> ParseRole(std::string_view word) {
  for (const auto& [role, name] : kNames) {
    if (name == word) return role;
  }
  return std::nullopt;
}

std::string_view RoleName(Role role) {
  for (const auto& [known, name] : kNames) {
    if (known == role) return name;
  }
  return "";
}

std::string ToString(RoleSet roles) {
  std::string text;
  for (const auto& [role, name] : kNames) {
    if (!roles.Has(role)) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

}  // namespace milepost::access
