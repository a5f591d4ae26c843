#include "platform/access/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "platform/access/testing_tokens.h"
#include "platform/status/error.h"

namespace milepost::access {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string Encode(const std::string& bytes) {
  std::string text;
  absl::WebSafeBase64Escape(bytes, &text);
  return text;
}

class TokenTest : public testing::Test {
 protected:
  TokenTest() {
    char folder[] = "/tmp/milepost-token-XXXXXX";
    folder_ = mkdtemp(folder);
    WriteKeys(signer_.Jwks());
  }
  ~TokenTest() override { std::filesystem::remove_all(folder_); }

  std::string KeyFile() const { return folder_ + "/jwks.json"; }

  // As an operator does it: another file, renamed into place.
  void WriteKeys(const std::string& text) {
    const std::string fresh = folder_ + "/new";
    std::ofstream(fresh) << text;
    std::filesystem::rename(fresh, KeyFile());
  }

  TokenVerifier& Verifier() {
    if (verifier_ == nullptr) {
      TokenSettings settings;
      settings.jwks_file = KeyFile();
      settings.issuer = "milepost-test";
      settings.audience = "milepost";
      settings.cache_entries = 8;
      settings.now = [this] { return now_.load(); };
      settings.on_reload = [this](const absl::Status& status) {
        std::lock_guard lock(mutex_);
        reloads_.push_back(status);
      };
      absl::StatusOr<std::unique_ptr<TokenVerifier>> verifier =
          TokenVerifier::Create(std::move(settings));
      EXPECT_TRUE(verifier.ok()) << verifier.status();
      verifier_ = *std::move(verifier);
    }
    return *verifier_;
  }

  static TokenClaims Claims() {
    return {.subject = "darcel-schlecht",
            .roles = {"rep", "manager"},
            .expire_time = kNow + absl::Minutes(10)};
  }

  std::string ReasonFor(const std::string& token) {
    const absl::StatusOr<Identity> identity = Verifier().Verify(token);
    if (identity.ok()) return "accepted";
    EXPECT_EQ(identity.status().code(), absl::StatusCode::kUnauthenticated);
    return status::ReasonOf(identity.status());
  }
  std::string ReasonFor(const TokenClaims& claims) { return ReasonFor(signer_.Sign(claims)); }

  std::string folder_;
  TokenSigner signer_;
  std::atomic<absl::Time> now_{kNow};
  std::mutex mutex_;
  std::vector<absl::Status> reloads_;
  std::unique_ptr<TokenVerifier> verifier_;
};

TEST_F(TokenTest, AcceptsEs256) {
  const absl::StatusOr<Identity> identity = Verifier().Verify(signer_.Sign(Claims()));
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->member_id, "darcel-schlecht");
  EXPECT_EQ(identity->roles, (RoleSet{Role::kRep, Role::kManager}));
  EXPECT_EQ(identity->expire_time, kNow + absl::Minutes(10));
}

TEST_F(TokenTest, AcceptsRs256) {
  const TokenSigner rsa("rsa", TokenSigner::Algorithm::kRs256);
  WriteKeys(signer_.Jwks({&rsa}));
  EXPECT_EQ(ReasonFor(rsa.Sign(Claims())), "accepted");
  EXPECT_EQ(ReasonFor(signer_.Sign(Claims())), "accepted");
}

TEST_F(TokenTest, AcceptsOneAudienceOfMany) {
  TokenClaims claims = Claims();
  claims.audience = {"erp", "milepost"};
  EXPECT_EQ(ReasonFor(claims), "accepted");
}

TEST_F(TokenTest, AcceptsNotBeforeWithinLeeway) {
  TokenClaims claims = Claims();
  claims.not_before = kNow + absl::Seconds(30);
  EXPECT_EQ(ReasonFor(claims), "accepted");
  claims.not_before = kNow + absl::Seconds(31);
  EXPECT_EQ(ReasonFor(claims), "TOKEN_NOT_YET_VALID");
}

TEST_F(TokenTest, NamesWhatIsWrongWithClaims) {
  TokenClaims claims = Claims();
  claims.issuer = "somebody";
  EXPECT_EQ(ReasonFor(claims), "TOKEN_ISSUER_WRONG");
  claims = Claims();
  claims.audience = {"erp"};
  EXPECT_EQ(ReasonFor(claims), "TOKEN_AUDIENCE_WRONG");
  claims.audience = {"erp", "crm"};
  EXPECT_EQ(ReasonFor(claims), "TOKEN_AUDIENCE_WRONG");
  claims.audience = {};
  EXPECT_EQ(ReasonFor(claims), "TOKEN_AUDIENCE_WRONG");
  claims = Claims();
  claims.expire_time = kNow;
  EXPECT_EQ(ReasonFor(claims), "TOKEN_EXPIRED");
  claims.expire_time = absl::InfiniteFuture();
  EXPECT_EQ(ReasonFor(claims), "TOKEN_MALFORMED");
  for (const char* subject : {"", "Darcel", "members/darcel", "a_b", "张三"}) {
    claims = Claims();
    claims.subject = subject;
    EXPECT_EQ(ReasonFor(claims), "TOKEN_SUBJECT_INVALID") << subject;
  }
  for (const std::vector<std::string>& roles :
       {std::vector<std::string>{}, {"root"}, {"rep", "Admin"}, {""}}) {
    claims = Claims();
    claims.roles = roles;
    EXPECT_EQ(ReasonFor(claims), "TOKEN_ROLES_INVALID");
  }
}

TEST_F(TokenTest, RefusesForgeries) {
  const std::string payload = absl::StrCat(
      R"({"iss":"milepost-test","aud":"milepost","sub":"eve","roles":["admin"],"exp":)",
      absl::ToUnixSeconds(kNow) + 600, "}");
  const std::string unsigned_token =
      absl::StrCat(Encode(R"({"alg":"none","kid":"test-key"})"), ".", Encode(payload), ".");
  EXPECT_EQ(ReasonFor(unsigned_token), "TOKEN_ALGORITHM_REFUSED");

  // HS256 with the public key as secret: the classic confusion.
  const std::string text =
      absl::StrCat(Encode(R"({"alg":"HS256","kid":"test-key"})"), ".", Encode(payload));
  const std::string secret = signer_.PublicPem();
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  EXPECT_EQ(ReasonFor(absl::StrCat(text, ".",
                                   Encode(std::string(reinterpret_cast<const char*>(mac), size)))),
            "TOKEN_ALGORITHM_REFUSED");

  EXPECT_EQ(ReasonFor(signer_.SignRaw(R"({"alg":"RS256","kid":"test-key"})", payload)),
            "TOKEN_ALGORITHM_REFUSED");
  EXPECT_EQ(ReasonFor(signer_.SignRaw(R"({"alg":"ES256","kid":"other"})", payload)),
            "TOKEN_KEY_UNKNOWN");
  EXPECT_EQ(ReasonFor(signer_.SignRaw(R"({"alg":"ES256","kid":"test-key","crit":["x"]})", payload)),
            "TOKEN_MALFORMED");

  const TokenSigner stranger("test-key");
  EXPECT_EQ(ReasonFor(stranger.Sign(Claims())), "TOKEN_SIGNATURE_INVALID");

  // Another payload under a good signature.
  const std::string good = signer_.Sign(Claims());
  const size_t dot1 = good.find('.');
  const size_t dot2 = good.rfind('.');
  EXPECT_EQ(ReasonFor(absl::StrCat(good.substr(0, dot1 + 1), Encode(payload), good.substr(dot2))),
            "TOKEN_SIGNATURE_INVALID");
  EXPECT_EQ(ReasonFor(good.substr(0, dot2 + 1) + Encode(std::string(64, '\0'))),
            "TOKEN_SIGNATURE_INVALID");
  EXPECT_EQ(ReasonFor(good.substr(0, good.size() - 8)), "TOKEN_SIGNATURE_INVALID");
}

TEST_F(TokenTest, RefusesGarbage) {
  const std::string good = signer_.Sign(Claims());
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"),
        std::string("\xff\xfe.\x00.x", 6), good + ".x", good + "=", std::string(9000, 'a'),
        signer_.SignRaw("[]", "{}")}) {
    EXPECT_EQ(ReasonFor(token), "TOKEN_MALFORMED") << token.substr(0, 20);
  }
  for (const char* payload : {"[]", "{", "null", R"({"iss":1})"}) {
    EXPECT_NE(ReasonFor(signer_.SignRaw(R"({"alg":"ES256","kid":"test-key"})", payload)),
              "accepted");
  }
}

TEST_F(TokenTest, CachedTokenExpires) {
  const std::string token = signer_.Sign(Claims());
  EXPECT_EQ(ReasonFor(token), "accepted");
  EXPECT_EQ(ReasonFor(token), "accepted");
  now_ = kNow + absl::Minutes(10);
  EXPECT_EQ(ReasonFor(token), "TOKEN_EXPIRED");
}

TEST_F(TokenTest, CacheForgetsButStillAnswersRight) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 50; ++i) {
    TokenClaims claims = Claims();
    claims.subject = absl::StrCat("m", i);
    tokens.push_back(signer_.Sign(claims));
  }
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 50; ++i) {
      const absl::StatusOr<Identity> identity = Verifier().Verify(tokens[i]);
      ASSERT_TRUE(identity.ok());
      EXPECT_EQ(identity->member_id, absl::StrCat("m", i));
    }
  }
}

TEST_F(TokenTest, ReadsChangedKeysWithinASecond) {
  const TokenSigner next("next");
  const std::string old_token = signer_.Sign(Claims());
  EXPECT_EQ(ReasonFor(old_token), "accepted");
  WriteKeys(next.Jwks());
  EXPECT_EQ(ReasonFor(next.Sign(Claims())), "TOKEN_KEY_UNKNOWN");
  now_ = kNow + absl::Seconds(1);
  EXPECT_EQ(ReasonFor(next.Sign(Claims())), "accepted");
  EXPECT_EQ(ReasonFor(old_token), "TOKEN_KEY_UNKNOWN") << "a withdrawn key's tokens stay cached";
  ASSERT_EQ(reloads_.size(), 1u);
  EXPECT_TRUE(reloads_[0].ok());
}

TEST_F(TokenTest, BrokenKeyFileKeepsTheKeys) {
  EXPECT_EQ(ReasonFor(signer_.Sign(Claims())), "accepted");
  int seconds = 0;
  for (const std::string& broken :
       {std::string("{"), std::string("[]"), std::string("{\"keys\":[]}"),
        std::string("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"), std::string()}) {
    WriteKeys(broken);
    now_ = kNow + absl::Seconds(++seconds);
    EXPECT_EQ(ReasonFor(signer_.Sign(Claims())), "accepted");
    ASSERT_EQ(reloads_.size(), static_cast<size_t>(seconds));
    EXPECT_FALSE(reloads_.back().ok());
  }
  std::filesystem::remove(KeyFile());
  now_ = kNow + absl::Seconds(++seconds);
  EXPECT_EQ(ReasonFor(signer_.Sign(Claims())), "accepted");
  now_ = kNow + absl::Seconds(++seconds);
  EXPECT_EQ(ReasonFor(signer_.Sign(Claims())), "accepted");
  EXPECT_EQ(reloads_.size(), 6u) << "a missing file is reported once, not every second";
}

TEST_F(TokenTest, CreateNeedsAUsableFile) {
  TokenSettings settings;
  settings.jwks_file = folder_ + "/none.json";
  EXPECT_EQ(TokenVerifier::Create(settings).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(TokenTest, ManyThreadsWhileKeysChange) {
  const TokenSigner next("next");
  const std::string old_token = signer_.Sign(Claims());
  const std::string new_token = next.Sign(Claims());
  Verifier();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        // The new file holds both keys, so the old token never fails.
        if (!Verifier().Verify(old_token).ok()) ++wrong;
        (void)Verifier().Verify(new_token);
      }
    });
  }
  for (int i = 1; i <= 20; ++i) {
    WriteKeys(i % 2 == 0 ? signer_.Jwks() : signer_.Jwks({&next}));
    now_ = kNow + absl::Seconds(i);
    EXPECT_TRUE(Verifier().Verify(old_token).ok());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace milepost::access
