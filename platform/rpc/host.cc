#include "platform/rpc/host.h"

#include <CLI/CLI.hpp>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "platform/access/token.h"
#include "platform/change/change_service.h"
#include "platform/change/feed_server.h"
#include "platform/change/schema.h"
#include "platform/change/sequencer.h"
#include "platform/log/log.h"
#include "platform/rpc/admin_server.h"
#include "platform/rpc/build.h"
#include "platform/rpc/decode_errors.h"
#include "platform/rpc/process_metrics.h"
#include "platform/rpc/tls.h"
#include "platform/types/money.h"
#include "prometheus/gauge.h"

namespace milepost::rpc {
namespace {

constexpr int kMaxMessageBytes = 4 * 1024 * 1024;
// A pod that cannot reach its database for so long takes itself out of the balancing.
constexpr absl::Duration kDatabaseGrace = absl::Seconds(10);

// UNAVAILABLE is safe to send again because every write carries a request_id. By its health a
// replica that drains gets no more calls: one that came while it shuts down would be CANCELLED.
constexpr char kPeerServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": ""},
  "methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "1s",
    "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}],
  "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1}
})";

absl::StatusOr<std::string> ReadSecret(const std::string& path, const char* flag) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open())
    return absl::FailedPreconditionError(absl::StrCat(flag, ": '", path, "' cannot be read"));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

void BlockSignals(sigset_t* set) {
  sigemptyset(set);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGINT);
  pthread_sigmask(SIG_BLOCK, set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

struct Host::State {
  std::vector<std::pair<grpc::Service*, std::string>> services;
  std::vector<std::pair<std::string, std::function<void(std::stop_token)>>> background;
  std::vector<std::pair<std::string, std::function<absl::Status()>>> checks;
  change::Signal committed;
  std::unique_ptr<change::FeedTail> feed_tail;
  std::shared_ptr<ProcessMetrics> process = std::make_shared<ProcessMetrics>();
  std::atomic<bool> started{false};
  std::atomic<bool> draining{false};
  mutable std::mutex mutex;
  std::string not_ready = "starting";  // Guarded by mutex.

  std::string NotReady() const {
    if (draining) return "draining";
    const std::lock_guard<std::mutex> lock(mutex);
    return not_ready;
  }
  void SetNotReady(std::string reason) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (not_ready != reason) log::Info("readiness", {{"ready", reason.empty()}, {"why", reason}});
    not_ready = std::move(reason);
  }
};

Host::Host(Settings settings, std::vector<db::Migration> migrations)
    : settings_(std::move(settings)),
      migrations_(std::move(migrations)),
      registry_(std::make_shared<prometheus::Registry>()),
      db_metrics_(db::MakeMetrics(*registry_)),
      state_(std::make_unique<State>()) {
  state_->feed_tail = std::make_unique<change::FeedTail>(
      [this] { return NewSession(); },
      change::FeedTail::Options{.retention = settings_.feed_retention}, *registry_);
}

Host::~Host() = default;

absl::Status Host::Prepare() {
  access::TokenSettings tokens;
  tokens.jwks_file = settings_.jwks_file;
  tokens.issuer = settings_.token_issuer;
  tokens.audience = settings_.token_audience;
  tokens.on_reload = [](const absl::Status& status) {
    if (status.ok()) {
      log::Info("token_keys_read");
    } else {
      log::Error("token_keys_unusable", {{"error", status.ToString()}});
    }
  };
  auto verifier = access::TokenVerifier::Create(std::move(tokens));
  if (!verifier.ok()) return verifier.status();
  Runner::Options options;
  options.workers = settings_.workers;
  options.queue_limit = static_cast<size_t>(settings_.queue_limit);
  options.zone = settings_.zone;
  options.committed = &state_->committed;
  runner_ = std::make_unique<Runner>(
      std::move(options), *std::move(verifier), organization_, [this] { return NewSession(); },
      *registry_);
  return absl::OkStatus();
}

std::unique_ptr<db::Session> Host::NewSession(absl::Duration read_timeout) {
  db::Settings database = settings_.database;
  database.read_timeout = read_timeout;
  return std::make_unique<db::Session>(std::move(database), db_metrics_);
}

change::Signal& Host::committed() { return state_->committed; }

change::FeedTail& Host::feed_tail() { return *state_->feed_tail; }

absl::StatusOr<std::shared_ptr<grpc::Channel>> Host::PeerChannel(const std::string& address) {
  auto credentials = PeerCredentials(
      {settings_.tls_cert_file, settings_.tls_key_file, settings_.tls_client_ca_file});
  if (!credentials.ok()) return credentials.status();
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kPeerServiceConfig);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  return grpc::CreateCustomChannel(
      absl::StrContains(address, "://") ? address : absl::StrCat("dns:///", address), *credentials,
      arguments);
}

void Host::AddService(grpc::Service& service, const std::string& full_name) {
  state_->services.emplace_back(&service, full_name);
}

void Host::AddBackground(const std::string& name, std::function<void(std::stop_token)> body) {
  state_->background.emplace_back(name, std::move(body));
}

void Host::AddReadinessCheck(const std::string& name, std::function<absl::Status()> check) {
  state_->checks.emplace_back(name, std::move(check));
}

// What operators must be able to rely on of the database, as metrics; a wrong durability setting
// loses commits.
absl::Status Host::CheckDatabase(db::Session& session) {
  struct Expectation {
    const char* check;
    db::Statement statement;
    std::vector<std::string> good;
  };
  static const std::vector<Expectation> kExpectations = {
      {"durability",
       {"boot_durability",
        "SHOW GLOBAL VARIABLES WHERE Variable_name = 'innodb_flush_log_at_trx_commit'"},
       {"1"}},
      {"isolation",
       {"boot_isolation",
        "SHOW SESSION VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')"},
       {"READ-COMMITTED"}},
      {"collation",
       {"boot_collation", "SHOW SESSION VARIABLES WHERE Variable_name = 'collation_connection'"},
       {"utf8mb4_bin"}},
  };
  auto& family = prometheus::BuildGauge()
                     .Name("milepost_db_config_ok")
                     .Help("1 if the database is set up as the suite needs it.")
                     .Register(*registry_);
  for (const Expectation& expectation : kExpectations) {
    const auto rows =
        session.Read([&](db::Snapshot& snapshot) { return snapshot.Query(expectation.statement); });
    if (!rows.ok()) return rows.status();
    bool ok = !rows->empty();
    for (const db::Row& row : *rows) ok = ok && row.String(1) == expectation.good.front();
    family.Add({{"check", expectation.check}}).Set(ok ? 1 : 0);
    if (!ok) {
      log::Warning("database_setting",
                   {{"check", std::string(expectation.check)},
                    {"found", rows->empty() ? std::string() : rows->front().String(1)},
                    {"wanted", expectation.good.front()}});
    }
  }
  static constexpr db::Statement kVersionOfEngine{"boot_engine", "SELECT VERSION()"};
  const auto engine =
      session.Read([](db::Snapshot& snapshot) { return snapshot.Query(kVersionOfEngine); });
  if (!engine.ok()) return engine.status();
  prometheus::BuildGauge()
      .Name("milepost_build_info")
      .Help("Always 1; the labels say what runs: the program, and the database it is on.")
      .Register(*registry_)
      .Add({{"version", kVersion},
            {"revision", kRevision},
            {"engine", engine->front().String(0)},
            {"service", settings_.service}})
      .Set(1);
  auto& schema = family.Add({{"check", "schema"}});
  const absl::Status status = db::CheckSchema(session, migrations_);
  schema.Set(status.ok() ? 1 : 0);
  return status;
}

// Looks every second whether this process should get traffic.
void Host::WatchReadiness(std::stop_token stop) {
  const std::unique_ptr<db::Session> session = NewSession(absl::Seconds(3));
  absl::Time database_seen = absl::Now();
  auto& not_after = prometheus::BuildGauge()
                        .Name("milepost_tls_certificate_not_after_timestamp_seconds")
                        .Help("When the certificate ends, Unix time.")
                        .Register(*registry_)
                        .Add({{"role", "server"}});
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    std::string reason;
    if (const absl::Status ping = session->Ping(); ping.ok()) {
      database_seen = absl::Now();
    } else if (absl::Now() - database_seen > kDatabaseGrace) {
      reason = "database";
      log::Warning("database_unreachable", {{"error", ping.ToString()}});
    }
    for (const auto& [name, check] : state_->checks) {
      if (!reason.empty()) break;
      if (!check().ok()) reason = name;
    }
    state_->SetNotReady(reason);
    if (const auto end = CertificateNotAfter(settings_.tls_cert_file); end.ok()) {
      not_after.Set(absl::ToDoubleSeconds(*end - absl::UnixEpoch()));
    }
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
  }
}

absl::Status Host::Serve() {
  const auto credentials = ServerCredentials(
      {settings_.tls_cert_file, settings_.tls_key_file, settings_.tls_client_ca_file});
  if (!credentials.ok()) return credentials.status();
  auto admin = AdminServer::Start(
      settings_.admin_address, {registry_, state_->process},
      {[this] { return state_->started.load(); }, [this] { return state_->NotReady(); }});
  if (!admin.ok()) return admin.status();
  {
    // Start order is free: wait for the database as long as it takes; the start-up probe has the
    // last word.
    const std::unique_ptr<db::Session> session = NewSession();
    for (absl::Status status = CheckDatabase(*session); !status.ok();
         status = CheckDatabase(*session)) {
      if (status.code() != absl::StatusCode::kUnavailable &&
          status.code() != absl::StatusCode::kFailedPrecondition) {
        return status;
      }
      log::Warning("waiting_for_database", {{"error", status.ToString()}});
      sigset_t none;
      sigemptyset(&none);
      sigaddset(&none, SIGTERM);
      sigaddset(&none, SIGINT);
      const timespec second{1, 0};
      if (sigtimedwait(&none, nullptr, &second) > 0) return absl::OkStatus();
    }
  }

  change::Sequencer sequencer([this] { return NewSession(); }, state_->committed, {}, *registry_);
  const std::jthread tail([&](std::stop_token stop) { feed_tail().Run(sequencer, stop); });
  change::FeedServer feed(*runner_, feed_tail(), {}, *registry_);
  change::ChangeService changes(*runner_, may_see_record_, owner_of_record_);
  AddService(feed, "milepost.feed.v1.FeedService");
  AddService(changes, "milepost.change.v1.ChangeService");

  grpc::EnableDefaultHealthCheckService(true);
  if (settings_.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(settings_.grpc_address, *credentials, &port);
  // A second server on the port must fail, not share the connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 15 * 60'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 10 * 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1'000);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.experimental().SetInterceptorCreators(DecodeErrorInterceptors());
  for (const auto& [service, name] : state_->services) builder.RegisterService(service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", settings_.grpc_address, ": is the port in use?"));
  }
  for (const auto& [service, name] : state_->services) {
    server->GetHealthCheckService()->SetServingStatus(name, true);
  }

  std::vector<std::jthread> threads;
  threads.emplace_back([this](std::stop_token stop) { WatchReadiness(stop); });
  for (const auto& [name, body] : state_->background) threads.emplace_back(body);
  state_->started = true;
  log::Info("serving", {{"grpc_port", int64_t{port}}, {"admin_port", int64_t{(*admin)->port()}}});

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);

  // Not ready first, so that balancers look elsewhere while calls still get answers.
  log::Info("draining", {{"signal", int64_t{signal}}});
  state_->draining = true;
  server->GetHealthCheckService()->SetServingStatus(false);
  absl::Duration grace = settings_.shutdown_grace;
  const timespec delay = absl::ToTimespec(settings_.drain_delay);
  if (sigtimedwait(&signals, nullptr, &delay) > 0) grace = std::min(grace, absl::Seconds(1));
  for (std::jthread& thread : threads) thread.request_stop();
  runner_->Drain();
  runner_->WaitForStreams(std::min(grace, absl::Seconds(5)));
  server->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  runner_->WaitForStreams(absl::Seconds(2));
  threads.clear();
  sequencer.Stop();
  log::Info("stopped");
  return absl::OkStatus();
}

namespace {

// Flags whose text becomes a typed setting after parsing.
struct Texts {
  std::string password_file;
  std::string drain_delay = "5s";
  std::string shutdown_grace = "15s";
  std::string feed_retention = "720h";
};

// A flag and its environment variable in one.
template <typename T>
void AddSetting(CLI::App& app, const std::string& flag, T& value, const std::string& description) {
  std::string variable = absl::StrCat("MILEPOST", flag.substr(1));
  for (char& c : variable)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  app.add_option(flag, value, description)->envname(variable)->capture_default_str();
}

void AddSettings(CLI::App& app, Settings& settings, Texts& texts) {
  AddSetting(app, "--grpc-address", settings.grpc_address, "host:port of the gRPC server (TLS)");
  AddSetting(app, "--admin-address", settings.admin_address,
             "host:port of /metrics, /healthz, /readyz, /startupz (plaintext, no data)");
  AddSetting(app, "--database-socket", settings.database.socket,
             "unix socket of the database; if empty, host and port are used");
  AddSetting(app, "--database-host", settings.database.host, "database host");
  AddSetting(app, "--database-port", settings.database.port, "database port");
  AddSetting(app, "--database-name", settings.database.database, "database");
  AddSetting(app, "--database-user", settings.database.user, "account without DDL");
  AddSetting(app, "--database-password-file", texts.password_file, "file with its password");
  AddSetting(app, "--database-ca-file", settings.database.ca_file,
             "CA of the database's certificate; required unless the host is loopback");
  AddSetting(app, "--tls-cert-file", settings.tls_cert_file,
             "this service's certificate chain, as server and as client");
  AddSetting(app, "--tls-key-file", settings.tls_key_file, "its private key");
  AddSetting(app, "--tls-client-ca-file", settings.tls_client_ca_file,
             "CA of the other services' certificates");
  AddSetting(app, "--jwks-file", settings.jwks_file,
             "public keys of the token issuer; re-read when it changes");
  AddSetting(app, "--token-issuer", settings.token_issuer, "`iss` of accepted tokens");
  AddSetting(app, "--token-audience", settings.token_audience, "`aud` of accepted tokens");
  AddSetting(app, "--customer-address", settings.customer_address, "customer-svc");
  AddSetting(app, "--opportunity-address", settings.opportunity_address, "opportunity-svc");
  AddSetting(app, "--target-address", settings.target_address, "target-svc");
  AddSetting(app, "--reporting-address", settings.reporting_address, "reporting-svc");
  AddSetting(app, "--workers", settings.workers,
             "database workers, each with a connection (1 to 256)");
  AddSetting(app, "--queue-limit", settings.queue_limit,
             "calls that may wait for a worker (1 to 100000)");
  AddSetting(app, "--drain-delay", texts.drain_delay,
             "time between not ready and the end of streams, for balancers to notice");
  AddSetting(app, "--shutdown-grace", texts.shutdown_grace,
             "time that running calls get at shutdown");
  AddSetting(app, "--feed-retention", texts.feed_retention,
             "how long changes stay in the feed (the history stays for ever)");
  AddSetting(app, "--time-zone", settings.time_zone_name, "zone that decides which day it is");
  AddSetting(app, "--currency", settings.currency_code, "the currency of all amounts");
  app.add_flag("--reflection,!--no-reflection", settings.reflection,
               "serve gRPC reflection (not in production)")
      ->envname("MILEPOST_REFLECTION");
}

absl::Status Complete(Settings& settings, const Texts& texts) {
  std::vector<std::string> problems;
  const auto duration = [&](const char* flag, const std::string& text, absl::Duration& value) {
    if (!absl::ParseDuration(text, &value) || value < absl::ZeroDuration()) {
      problems.push_back(absl::StrCat(flag, ": '", text, "' is not a duration such as 5s or 720h"));
    }
  };
  duration("--drain-delay", texts.drain_delay, settings.drain_delay);
  duration("--shutdown-grace", texts.shutdown_grace, settings.shutdown_grace);
  duration("--feed-retention", texts.feed_retention, settings.feed_retention);
  if (!absl::LoadTimeZone(settings.time_zone_name, &settings.zone)) {
    problems.push_back(
        absl::StrCat("--time-zone: '", settings.time_zone_name, "' is not a known zone"));
  }
  if (!IsCurrencyCode(settings.currency_code)) {
    problems.push_back(
        absl::StrCat("--currency: '", settings.currency_code, "' is not three upper-case letters"));
  }
  if (settings.workers < 1 || settings.workers > 256)
    problems.push_back("--workers: not between 1 and 256");
  if (settings.queue_limit < 1 || settings.queue_limit > 100'000) {
    problems.push_back("--queue-limit: not between 1 and 100000");
  }
  if (!texts.password_file.empty()) {
    auto password = ReadSecret(texts.password_file, "--database-password-file");
    if (password.ok()) {
      settings.database.password = *std::move(password);
    } else {
      problems.emplace_back(password.status().message());
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
}

absl::Status RunMigrate(Settings settings, const std::vector<db::Migration>& migrations) {
  if (!settings.migration_user.empty()) settings.database.user = settings.migration_user;
  if (!settings.migration_password_file.empty()) {
    auto password = ReadSecret(settings.migration_password_file, "--migration-password-file");
    if (!password.ok()) return password.status();
    settings.database.password = *std::move(password);
  }
  settings.database.read_timeout = absl::Minutes(10);
  db::Session session(settings.database);
  const auto applied = db::Migrate(session, migrations);
  if (!applied.ok()) return applied.status();
  for (const std::string& name : *applied) std::printf("applied %s\n", name.c_str());
  std::printf("%s: %zu of %zu migrations applied now; the schema is current.\n",
              settings.service.c_str(), applied->size(), migrations.size());
  return absl::OkStatus();
}

}  // namespace

int Main(int argc, char** argv, const Program& program) {
  sigset_t signals;
  BlockSignals(&signals);  // Before any thread starts.
  // Debian's Abseil looks for lock-order cycles at every lock that gRPC takes: a debugging aid.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  log::SetService(program.service);

  Settings settings;
  settings.service = program.service;
  Texts texts;
  CLI::App app(absl::StrCat(
      program.service, ": ", program.description,
      "\nWithout a sub-command it serves. Every option is also an environment variable."));
  AddSettings(app, settings, texts);
  if (program.add_options) program.add_options(app);
  app.set_version_flag("--version", kVersion);
  app.fallthrough();
  CLI::App* migrate = app.add_subcommand(
      "migrate", "bring the database's schema up to date (safe to run twice at once)");
  AddSetting(*migrate, "--migration-user", settings.migration_user,
             "account with DDL; default: --database-user");
  AddSetting(*migrate, "--migration-password-file", settings.migration_password_file,
             "file with its password");
  for (const Program::Command& command : program.commands)
    app.add_subcommand(command.name, command.description);
  app.require_subcommand(0, 1);
  try {  // CLI11 reports by exception.
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (absl::Status status = Complete(settings, texts); !status.ok()) {
    std::fprintf(stderr, "%s: %s\n", program.service.c_str(),
                 std::string(status.message()).c_str());
    return 2;
  }
  std::vector<db::Migration> migrations = change::Migrations();
  migrations.insert(migrations.end(), program.migrations.begin(), program.migrations.end());

  absl::Status status;
  if (migrate->parsed()) {
    status = RunMigrate(settings, migrations);
  } else {
    Host host(settings, migrations);
    std::function<absl::Status(Host&)> run = program.serve;
    for (const Program::Command& command : program.commands) {
      if (app.got_subcommand(command.name)) run = command.run;
    }
    status = host.Prepare();
    if (status.ok()) status = run(host);
  }
  if (status.ok()) return 0;
  log::Error("failed", {{"error", status.ToString()}});
  std::fprintf(stderr, "%s: %s\n", program.service.c_str(), std::string(status.message()).c_str());
  return 1;
}

}  // namespace milepost::rpc
