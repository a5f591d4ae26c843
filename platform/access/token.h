// Verifies the tokens that callers present: JWT, signed with RS256 or ES256, keys from a JWKS file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/access/role.h"

namespace milepost::access {

// Who calls.
struct Identity {
  std::string member_id;  // `sub` of the token; empty for a service that calls for itself.
  RoleSet roles;
  absl::Time expire_time = absl::InfiniteFuture();

  bool Has(Role role) const { return roles.Has(role); }
};

struct TokenSettings {
  std::string jwks_file;
  std::string issuer;
  std::string audience;
  absl::Duration leeway = absl::Seconds(30);  // How early `nbf` may be used; `exp` has none.
  size_t cache_entries = 20'000;              // Verified tokens remembered until they expire.
  std::function<absl::Time()> now = absl::Now;
  // Called after every attempt to read a changed key file, from the thread that found the change.
  // A file that cannot be used leaves the keys as they were.
  std::function<void(const absl::Status&)> on_reload = [](const absl::Status&) {};
};

// Longest token looked at, in bytes.
inline constexpr size_t kMaxTokenBytes = 8 * 1024;

// All methods may be called by any thread.
class TokenVerifier {
 public:
  // Reads the key file; FAILED_PRECONDITION if it holds no usable key.
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Create(TokenSettings settings);
  ~TokenVerifier();

  // `token` is the compact form, without "Bearer ". UNAUTHENTICATED with one of the reasons
  // TOKEN_MALFORMED, TOKEN_ALGORITHM_REFUSED, TOKEN_KEY_UNKNOWN, TOKEN_SIGNATURE_INVALID,
  // TOKEN_EXPIRED, TOKEN_NOT_YET_VALID, TOKEN_ISSUER_WRONG, TOKEN_AUDIENCE_WRONG,
  // TOKEN_SUBJECT_INVALID, TOKEN_ROLES_INVALID. The key file is looked at once a second at most.
  absl::StatusOr<Identity> Verify(const std::string& token);

 private:
  class Keys;
  class Cache;

  explicit TokenVerifier(TokenSettings settings);
  std::shared_ptr<const Keys> CurrentKeys();

  const TokenSettings settings_;
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace milepost::access
