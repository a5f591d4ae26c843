// Signs tokens for tests with a key of its own, and writes the JWKS file that verifies them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace milepost::access {

// What goes into a token. An empty text or infinite time leaves the claim out.
struct TokenClaims {
  std::string issuer = "milepost-test";
  std::vector<std::string> audience = {"milepost"};  // One is written as a string, more as array.
  std::string subject;
  std::vector<std::string> roles;
  absl::Time expire_time = absl::InfiniteFuture();
  absl::Time not_before = absl::InfinitePast();
};

// A key pair: ES256 by default, or RS256. Making one takes 1 ms (ES256) or 100 ms (RS256).
class TokenSigner {
 public:
  enum class Algorithm { kEs256, kRs256 };
  explicit TokenSigner(std::string key_id = "test-key", Algorithm algorithm = Algorithm::kEs256);
  ~TokenSigner();

  std::string Sign(const TokenClaims& claims) const;

  // A token of issuer `milepost-test` and audience `milepost` that expires in an hour.
  std::string Token(const std::string& member_id, const std::vector<std::string>& roles) const;

  // For forgeries: header and payload as given, signed with this key under its real algorithm.
  std::string SignRaw(const std::string& header_json, const std::string& payload_json) const;

  // {"keys":[...]} with this public key, and those of others.
  std::string Jwks(const std::vector<const TokenSigner*>& others = {}) const;

  // Public key in PEM form: what a forger would use as an HMAC secret.
  std::string PublicPem() const;

 private:
  struct Key;
  const std::unique_ptr<Key> key_;
};

}  // namespace milepost::access
