#include "platform/testing/service_host.h"

#include <filesystem>
#include <fstream>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "platform/access/testing_tokens.h"
#include "platform/access/token.h"
#include "platform/rpc/decode_errors.h"

namespace milepost::testing {
namespace {

constexpr char kIssuer[] = "milepost-test";
constexpr char kAudience[] = "milepost";

}  // namespace

struct ServiceHost::State {
  mutable std::mutex mutex;
  absl::Time now;
  std::string folder;
  std::unique_ptr<access::TokenSigner> signer;
  std::unique_ptr<grpc::Server> server;
};

ServiceHost::ServiceHost(std::vector<db::Migration> migrations)
    : database_(std::move(migrations)),
      registry_(std::make_shared<prometheus::Registry>()),
      state_(std::make_unique<State>()) {
  state_->now = absl::FromUnixMicros(absl::ToUnixMicros(absl::Now()));
  std::string folder = (std::filesystem::temp_directory_path() / "milepost-test-XXXXXX").string();
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  state_->folder = folder;
  state_->signer = std::make_unique<access::TokenSigner>();
  const std::string jwks = folder + "/jwks.json";
  std::ofstream(jwks) << state_->signer->Jwks();
  access::TokenSettings tokens;
  tokens.jwks_file = jwks;
  tokens.issuer = kIssuer;
  tokens.audience = kAudience;
  auto verifier = access::TokenVerifier::Create(std::move(tokens));
  EXPECT_TRUE(verifier.ok()) << verifier.status();
  rpc::Runner::Options options;
  options.workers = 4;
  absl::LoadTimeZone("Asia/Shanghai", &options.zone);
  options.now = [this] { return now(); };
  options.committed = &committed_;
  runner_ = std::make_unique<rpc::Runner>(
      std::move(options), *std::move(verifier), organization_,
      [this] { return database_.NewSession(); }, *registry_);
}

void ServiceHost::Stop() {
  runner_->Drain();
  if (state_->server != nullptr)
    state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
  runner_->WaitForStreams(absl::InfiniteDuration());
}

ServiceHost::~ServiceHost() {
  Stop();
  runner_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(state_->folder, ignored);
}

absl::Time ServiceHost::now() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->now;
}

void ServiceHost::Advance(absl::Duration duration) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  state_->now += duration;
}

void ServiceHost::Start(const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.experimental().SetInterceptorCreators(rpc::DecodeErrorInterceptors());
  for (grpc::Service* service : services) builder.RegisterService(service);
  state_->server = builder.BuildAndStart();
  ASSERT_NE(state_->server, nullptr);
  address_ = absl::StrCat("127.0.0.1:", port);
  channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
}

std::unique_ptr<grpc::ClientContext> ServiceHost::Call(const std::string& member,
                                                       const std::vector<access::Role>& roles) {
  auto context = std::make_unique<grpc::ClientContext>();
  Authorize(*context, member, roles);
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  return context;
}

void ServiceHost::Authorize(grpc::ClientContext& context, const std::string& member,
                            const std::vector<access::Role>& roles) const {
  std::vector<std::string> words;
  for (const access::Role role : roles) words.emplace_back(access::RoleName(role));
  context.AddMetadata("authorization", "Bearer " + state_->signer->Token(member, words));
}

}  // namespace milepost::testing
