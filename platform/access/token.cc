#include "platform/access/token.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "platform/resource/name.h"
#include "platform/status/error.h"

namespace milepost::access {
namespace {

using nlohmann::json;

constexpr absl::Duration kFileCheckInterval = absl::Seconds(1);
constexpr size_t kMaxKeys = 64;
constexpr size_t kEs256Bytes = 64;  // r and s of a P-256 signature, 32 bytes each.

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(OSSL_PARAM_BLD* p) const { OSSL_PARAM_BLD_free(p); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(ECDSA_SIG* p) const { ECDSA_SIG_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

enum class Algorithm { kRs256, kEs256 };

absl::Status Refused(const std::string& reason, const std::string& message) {
  return status::Error(absl::StatusCode::kUnauthenticated, reason, message);
}

// base64url without padding, and nothing that is not it.
bool Decode(const std::string& text, std::string* bytes) {
  if (text.find_first_of("=+/ \t\r\n") != std::string::npos) return false;
  return absl::WebSafeBase64Unescape(text, bytes);
}

Owned<BIGNUM> Number(const std::string& bytes) {
  return Owned<BIGNUM>(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                 static_cast<int>(bytes.size()), nullptr));
}

Owned<EVP_PKEY> FromParameters(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  return Owned<EVP_PKEY>(key);
}

Owned<EVP_PKEY> RsaKey(const std::string& modulus, const std::string& exponent) {
  constexpr size_t kMinModulusBytes = 256;  // 2048 bits.
  if (modulus.size() < kMinModulusBytes || exponent.empty()) return nullptr;
  const Owned<BIGNUM> n = Number(modulus);
  const Owned<BIGNUM> e = Number(exponent);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return FromParameters("RSA", builder.get());
}

Owned<EVP_PKEY> P256Key(const std::string& x, const std::string& y) {
  constexpr size_t kCoordinateBytes = 32;
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return nullptr;
  const std::string point = absl::StrCat("\x04", x, y);  // Uncompressed.
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return FromParameters("EC", builder.get());
}

// A text member of a JSON object, or "".
std::string Text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// The DER form of the raw r and s; empty if they cannot be one.
std::vector<unsigned char> DerSignature(const std::string& raw) {
  const Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  Owned<BIGNUM> r = Number(raw.substr(0, kEs256Bytes / 2));
  Owned<BIGNUM> s = Number(raw.substr(kEs256Bytes / 2));
  if (ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  r.release();  // Taken over by the signature.
  s.release();
  std::vector<unsigned char> der(i2d_ECDSA_SIG(signature.get(), nullptr));
  unsigned char* out = der.data();
  i2d_ECDSA_SIG(signature.get(), &out);
  return der;
}

bool SignatureValid(EVP_PKEY* key, Algorithm algorithm, const std::string& signed_text,
                    const std::string& raw) {
  std::vector<unsigned char> signature(raw.begin(), raw.end());
  if (algorithm == Algorithm::kEs256) {
    if (raw.size() != kEs256Bytes) return false;
    signature = DerSignature(raw);
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                          reinterpret_cast<const unsigned char*>(signed_text.data()),
                          signed_text.size()) == 1;
}

// Seconds since the epoch, as JWT's NumericDate; a fraction is cut.
std::optional<absl::Time> NumericDate(const json& claims, const char* name) {
  constexpr double kMax = 253402300799;  // End of the year 9999.
  const auto it = claims.find(name);
  if (it == claims.end() || !it->is_number()) return std::nullopt;
  const double seconds = it->get<double>();
  if (!(seconds >= 0 && seconds <= kMax)) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(seconds));
}

bool HasAudience(const json& claims, const std::string& wanted) {
  const auto it = claims.find("aud");
  if (it == claims.end()) return false;
  if (it->is_string()) return it->get<std::string>() == wanted;
  if (!it->is_array()) return false;
  for (const json& audience : *it) {
    if (audience.is_string() && audience.get<std::string>() == wanted) return true;
  }
  return false;
}

// Changes whenever another file stands under the path or the file was written again.
struct FileStamp {
  ino_t inode = 0;
  off_t size = -1;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

FileStamp StampOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

}  // namespace

// The keys of one version of the file. Immutable.
class TokenVerifier::Keys {
 public:
  struct Key {
    Algorithm algorithm;
    Owned<EVP_PKEY> key;
  };

  static absl::StatusOr<std::shared_ptr<const Keys>> Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::FailedPreconditionError(absl::StrCat("cannot read ", path));
    std::stringstream text;
    text << file.rdbuf();
    const json document = json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
    const auto list = document.is_object() ? document.find("keys") : document.end();
    if (!document.is_object() || list == document.end() || !list->is_array()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is not a JSON object with a list \"keys\""));
    }
    auto keys = std::make_shared<Keys>();
    for (const json& entry : *list) {
      if (keys->by_id_.size() == kMaxKeys) break;
      if (entry.is_object()) keys->Add(entry);
    }
    if (keys->by_id_.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " holds no RS256 key of at least 2048 bits and no ES256 key"));
    }
    return std::shared_ptr<const Keys>(std::move(keys));
  }

  // A token without key id is fine as long as there is one key only.
  const Key* Find(const std::string& id) const {
    if (id.empty() && by_id_.size() == 1) return &by_id_.begin()->second;
    const auto it = by_id_.find(id);
    return it == by_id_.end() ? nullptr : &it->second;
  }

 private:
  void Add(const json& entry) {
    const std::string type = Text(entry, "kty");
    const std::string use = Text(entry, "use");
    const std::string algorithm = Text(entry, "alg");
    if (!use.empty() && use != "sig") return;
    std::string a, b;
    Key key;
    if (type == "RSA" && (algorithm.empty() || algorithm == "RS256")) {
      if (!Decode(Text(entry, "n"), &a) || !Decode(Text(entry, "e"), &b)) return;
      key = {Algorithm::kRs256, RsaKey(a, b)};
    } else if (type == "EC" && Text(entry, "crv") == "P-256" &&
               (algorithm.empty() || algorithm == "ES256")) {
      if (!Decode(Text(entry, "x"), &a) || !Decode(Text(entry, "y"), &b)) return;
      key = {Algorithm::kEs256, P256Key(a, b)};
    }
    if (key.key != nullptr) by_id_.emplace(Text(entry, "kid"), std::move(key));
  }

  absl::flat_hash_map<std::string, Key> by_id_;
};

// Tokens found good, by SHA-256, until they expire. Two generations: when the younger is full, the
// older is forgotten, so that memory is bounded and what is in use stays.
class TokenVerifier::Cache {
 public:
  explicit Cache(size_t entries) : per_generation_(entries / 2) {}

  std::optional<Identity> Find(const std::string& digest, absl::Time now) {
    auto it = young_.find(digest);
    if (it == young_.end()) {
      const auto old = old_.find(digest);
      if (old == old_.end()) return std::nullopt;
      it = Insert(digest, Identity(old->second));
      if (it == young_.end()) return std::nullopt;
    }
    if (now >= it->second.expire_time) return std::nullopt;  // Verified again, and then refused.
    return it->second;
  }

  void Put(const std::string& digest, const Identity& identity) { Insert(digest, identity); }

  void Clear() {
    young_.clear();
    old_.clear();
  }

 private:
  using Generation = absl::flat_hash_map<std::string, Identity>;

  Generation::iterator Insert(const std::string& digest, Identity identity) {
    if (per_generation_ == 0) return young_.end();
    if (young_.size() >= per_generation_) {
      old_ = std::move(young_);
      young_ = Generation();
    }
    return young_.insert_or_assign(digest, std::move(identity)).first;
  }

  const size_t per_generation_;
  Generation young_;
  Generation old_;
};

struct TokenVerifier::State {
  explicit State(size_t cache_entries) : cache(cache_entries) {}

  std::mutex mutex;
  // All guarded by mutex.
  std::shared_ptr<const Keys> keys;
  FileStamp stamp;
  absl::Time checked = absl::InfinitePast();
  Cache cache;
};

absl::StatusOr<std::unique_ptr<TokenVerifier>> TokenVerifier::Create(TokenSettings settings) {
  std::unique_ptr<TokenVerifier> verifier(new TokenVerifier(std::move(settings)));
  const TokenSettings& set = verifier->settings_;
  verifier->state_->stamp = StampOf(set.jwks_file);
  absl::StatusOr<std::shared_ptr<const Keys>> keys = Keys::Read(set.jwks_file);
  if (!keys.ok()) return keys.status();
  verifier->state_->keys = *std::move(keys);
  verifier->state_->checked = set.now();
  return verifier;
}

TokenVerifier::TokenVerifier(TokenSettings settings)
    : settings_(std::move(settings)), state_(std::make_unique<State>(settings_.cache_entries)) {}

TokenVerifier::~TokenVerifier() = default;

std::shared_ptr<const TokenVerifier::Keys> TokenVerifier::CurrentKeys() {
  const absl::Time now = settings_.now();
  std::unique_lock lock(state_->mutex);
  // A clock that was set back must not stop the checks, hence the absolute value.
  if (absl::AbsDuration(now - state_->checked) < kFileCheckInterval) return state_->keys;
  state_->checked = now;
  const FileStamp stamp = StampOf(settings_.jwks_file);
  if (stamp == state_->stamp) return state_->keys;

  // Rare and short, so the others wait. A file that is broken now is tried again when it changes.
  absl::StatusOr<std::shared_ptr<const Keys>> keys = Keys::Read(settings_.jwks_file);
  state_->stamp = stamp;
  if (keys.ok()) {
    state_->keys = *keys;
    state_->cache.Clear();  // What a withdrawn key has signed is good no more.
  }
  std::shared_ptr<const Keys> current = state_->keys;
  lock.unlock();
  settings_.on_reload(keys.status());
  return current;
}

absl::StatusOr<Identity> TokenVerifier::Verify(const std::string& token) {
  if (token.size() > kMaxTokenBytes) {
    return Refused("TOKEN_MALFORMED",
                   absl::StrCat("the token has ", token.size(), " bytes; at most ", kMaxTokenBytes,
                                " are read"));
  }
  const std::shared_ptr<const Keys> keys = CurrentKeys();
  const absl::Time now = settings_.now();
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  {
    std::lock_guard lock(state_->mutex);
    if (std::optional<Identity> known = state_->cache.Find(digest, now)) return *std::move(known);
  }

  const size_t dot1 = token.find('.');
  const size_t dot2 = dot1 == std::string::npos ? dot1 : token.find('.', dot1 + 1);
  std::string header_text, claims_text, signature;
  if (dot2 == std::string::npos || token.find('.', dot2 + 1) != std::string::npos ||
      !Decode(token.substr(0, dot1), &header_text) ||
      !Decode(token.substr(dot1 + 1, dot2 - dot1 - 1), &claims_text) ||
      !Decode(token.substr(dot2 + 1), &signature)) {
    return Refused("TOKEN_MALFORMED", "the token is not three base64url parts joined by dots");
  }
  const json header = json::parse(header_text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) return Refused("TOKEN_MALFORMED", "the token's header is not JSON");

  // The algorithm is the key's, never the token's choice; a token that names another is refused
  // before its signature is looked at.
  const std::string algorithm = Text(header, "alg");
  if (algorithm != "RS256" && algorithm != "ES256") {
    return Refused("TOKEN_ALGORITHM_REFUSED", "the token must be signed with RS256 or ES256");
  }
  if (header.contains("crit")) {
    return Refused("TOKEN_MALFORMED", "the token's header demands an unknown extension (crit)");
  }
  const Keys::Key* key = keys->Find(Text(header, "kid"));
  if (key == nullptr) {
    return Refused("TOKEN_KEY_UNKNOWN", "the token was signed with a key that is not trusted here");
  }
  if ((key->algorithm == Algorithm::kRs256) != (algorithm == "RS256")) {
    return Refused("TOKEN_ALGORITHM_REFUSED",
                   "the token's algorithm is not that of the key it names");
  }
  if (!SignatureValid(key->key.get(), key->algorithm, token.substr(0, dot2), signature)) {
    return Refused("TOKEN_SIGNATURE_INVALID", "the token's signature does not match");
  }

  const json claims = json::parse(claims_text, nullptr, /*allow_exceptions=*/false);
  if (!claims.is_object()) return Refused("TOKEN_MALFORMED", "the token's payload is not JSON");
  if (Text(claims, "iss") != settings_.issuer) {
    return Refused("TOKEN_ISSUER_WRONG",
                   absl::StrCat("the token must be issued by `", settings_.issuer, "`"));
  }
  if (!HasAudience(claims, settings_.audience)) {
    return Refused("TOKEN_AUDIENCE_WRONG",
                   absl::StrCat("the token must be for the audience `", settings_.audience, "`"));
  }
  Identity identity;
  const std::optional<absl::Time> expire_time = NumericDate(claims, "exp");
  if (!expire_time) {
    return Refused("TOKEN_MALFORMED", "the token must say when it expires (exp, in seconds)");
  }
  if (now >= *expire_time) {
    return Refused("TOKEN_EXPIRED", absl::StrCat("the token expired at ",
                                                 absl::FormatTime(absl::RFC3339_sec, *expire_time,
                                                                  absl::UTCTimeZone())));
  }
  identity.expire_time = *expire_time;
  if (claims.contains("nbf")) {
    const std::optional<absl::Time> not_before = NumericDate(claims, "nbf");
    if (!not_before) return Refused("TOKEN_MALFORMED", "nbf must be a number of seconds");
    if (now + settings_.leeway < *not_before) {
      return Refused(
          "TOKEN_NOT_YET_VALID",
          absl::StrCat("the token is valid from ",
                       absl::FormatTime(absl::RFC3339_sec, *not_before, absl::UTCTimeZone())));
    }
  }
  identity.member_id = Text(claims, "sub");
  if (!resource::IsId(identity.member_id)) {
    return Refused("TOKEN_SUBJECT_INVALID",
                   absl::StrCat("sub must be a member id: ", resource::kIdRule));
  }
  const auto roles = claims.find("roles");
  if (roles != claims.end() && roles->is_array()) {
    for (const json& word : *roles) {
      const std::optional<Role> role =
          word.is_string() ? ParseRole(word.get<std::string>()) : std::nullopt;
      if (!role) {
        return Refused("TOKEN_ROLES_INVALID",
                       "roles may be rep, manager, marketing, analyst, admin and service");
      }
      identity.roles.Add(*role);
    }
  }
  if (identity.roles.empty()) {
    return Refused("TOKEN_ROLES_INVALID", "roles must be a list of at least one role");
  }

  std::lock_guard lock(state_->mutex);
  // Not if the keys have been replaced meanwhile.
  if (state_->keys == keys) state_->cache.Put(digest, identity);
  return identity;
}

}  // namespace milepost::access
