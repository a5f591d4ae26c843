#include "platform/access/testing_tokens.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace milepost::access {
namespace {

using nlohmann::json;

std::string Encode(const std::string& bytes) {
  std::string text;
  absl::WebSafeBase64Escape(bytes, &text);
  return text;
}

// A number of the key as big-endian bytes, padded on the left.
std::string NumberOf(EVP_PKEY* key, const char* name, int width) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  if (width == 0) width = BN_num_bytes(number);
  std::string bytes(width, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), width);
  BN_free(number);
  return bytes;
}

}  // namespace

struct TokenSigner::Key {
  std::string id;
  Algorithm algorithm;
  EVP_PKEY* key;

  ~Key() { EVP_PKEY_free(key); }

  std::string Sign(const std::string& text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
    EVP_DigestSign(context, nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                   text.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    if (algorithm == Algorithm::kRs256) return signature;
    const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    std::string raw(64, '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
    ECDSA_SIG_free(pair);
    return raw;
  }

  json Jwk() const {
    json entry = {{"kid", id}, {"use", "sig"}};
    if (algorithm == Algorithm::kEs256) {
      entry["kty"] = "EC";
      entry["crv"] = "P-256";
      entry["alg"] = "ES256";
      entry["x"] = Encode(NumberOf(key, OSSL_PKEY_PARAM_EC_PUB_X, 32));
      entry["y"] = Encode(NumberOf(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
    } else {
      entry["kty"] = "RSA";
      entry["alg"] = "RS256";
      entry["n"] = Encode(NumberOf(key, OSSL_PKEY_PARAM_RSA_N, 0));
      entry["e"] = Encode(NumberOf(key, OSSL_PKEY_PARAM_RSA_E, 0));
    }
    return entry;
  }
};

TokenSigner::TokenSigner(std::string key_id, Algorithm algorithm)
    : key_(new Key{std::move(key_id), algorithm,
                   algorithm == Algorithm::kEs256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048u)}) {}

TokenSigner::~TokenSigner() = default;

std::string TokenSigner::Sign(const TokenClaims& claims) const {
  const json header = {{"alg", key_->algorithm == Algorithm::kEs256 ? "ES256" : "RS256"},
                       {"typ", "JWT"},
                       {"kid", key_->id}};
  json payload = json::object();
  if (!claims.issuer.empty()) payload["iss"] = claims.issuer;
  if (claims.audience.size() == 1) payload["aud"] = claims.audience[0];
  if (claims.audience.size() > 1) payload["aud"] = claims.audience;
  if (!claims.subject.empty()) payload["sub"] = claims.subject;
  payload["roles"] = claims.roles;
  if (claims.expire_time != absl::InfiniteFuture()) {
    payload["exp"] = absl::ToUnixSeconds(claims.expire_time);
  }
  if (claims.not_before != absl::InfinitePast()) {
    payload["nbf"] = absl::ToUnixSeconds(claims.not_before);
  }
  return SignRaw(header.dump(), payload.dump());
}

std::string TokenSigner::Token(const std::string& member_id,
                               const std::vector<std::string>& roles) const {
  TokenClaims claims;
  claims.subject = member_id;
  claims.roles = roles;
  claims.expire_time = absl::Now() + absl::Hours(1);
  return Sign(claims);
}

std::string TokenSigner::SignRaw(const std::string& header_json,
                                 const std::string& payload_json) const {
  const std::string text = absl::StrCat(Encode(header_json), ".", Encode(payload_json));
  return absl::StrCat(text, ".", Encode(key_->Sign(text)));
}

std::string TokenSigner::Jwks(const std::vector<const TokenSigner*>& others) const {
  json keys = json::array({key_->Jwk()});
  for (const TokenSigner* other : others) keys.push_back(other->key_->Jwk());
  return json{{"keys", keys}}.dump();
}

std::string TokenSigner::PublicPem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key_->key);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, size);
  BIO_free(bio);
  return pem;
}

}  // namespace milepost::access
