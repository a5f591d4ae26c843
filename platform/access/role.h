// Roles of the suite, as plain values: the same numbers as milepost.access.v1.Role.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace milepost::access {

enum class Role : uint8_t {
  kRep = 1,
  kManager = 2,
  kMarketing = 3,
  kAnalyst = 4,
  kAdmin = 5,
  kService = 6,
};

// A set of roles. Plain value.
class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (Role role : roles) Add(role);
  }
  constexpr void Add(Role role) { bits_ |= Bit(role); }
  constexpr bool Has(Role role) const { return (bits_ & Bit(role)) != 0; }
  constexpr bool Intersects(RoleSet other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(RoleSet a, RoleSet b) = default;

 private:
  static constexpr uint8_t Bit(Role role) { return uint8_t{1} << static_cast<uint8_t>(role); }
  uint8_t bits_ = 0;
};

// `rep`, `manager`, `marketing`, `analyst`, `admin`, `service`: the words of the `roles` claim.
std::optional<Role> ParseRole(std::string_view word);
std::string_view RoleName(Role role);

// Names joined by commas, in the order above; "" for none.
std::string ToString(RoleSet roles);

}  // namespace milepost::access
