#include <CLI/CLI.hpp>
#include <map>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/log/log.h"
#include "platform/rpc/host.h"
#include "reporting-svc/domain/errors.h"
#include "reporting-svc/service/followers.h"
#include "reporting-svc/service/projection_service.h"
#include "reporting-svc/service/reconciler.h"
#include "reporting-svc/service/report_service.h"
#include "reporting-svc/store/migrations.h"

namespace milepost::reporting {
namespace {

constexpr absl::Duration kKeepInterval = absl::Milliseconds(500);

// The service's own settings.
struct Options {
  std::string leaderboard = "everybody";
};

absl::StatusOr<std::map<std::string, std::shared_ptr<grpc::Channel>>> Channels(rpc::Host& host) {
  const std::map<std::string, std::pair<std::string, std::string>> peers = {
      {kCustomerService, {"--customer-address", host.settings().customer_address}},
      {kOpportunityService, {"--opportunity-address", host.settings().opportunity_address}},
      {kTargetService, {"--target-address", host.settings().target_address}}};
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels;
  for (const auto& [source, peer] : peers) {
    if (peer.second.empty()) return error::MissingSetting(peer.first);
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = host.PeerChannel(peer.second);
    if (!channel.ok()) return channel.status();
    channels[source] = *std::move(channel);
  }
  return channels;
}

std::vector<std::string> SourcesOf(
    const std::map<std::string, std::shared_ptr<grpc::Channel>>& channels) {
  std::vector<std::string> sources;
  for (const auto& [source, channel] : channels) sources.push_back(source);
  return sources;
}

// Loads the figures, and keeps them near enough to what is committed that the changes in between
// are there when a report comes, however long none did.
void KeepCurrent(FigureStore& figures, db::Session& session, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    session.StartUnit("keep_figures", absl::Now() + absl::Minutes(10));
    const absl::Status status =
        session.Read([&figures](db::Snapshot& snapshot) { return figures.Refresh(snapshot); });
    session.EndRead();
    if (!status.ok()) log::Warning("figures_not_current", {{"error", status.ToString()}});
    absl::SleepFor(kKeepInterval);
  }
}

absl::Status Serve(rpc::Host& host, const Options& options) {
  auto channels = Channels(host);
  if (!channels.ok()) return channels.status();
  FreshnessReader freshness(SourcesOf(*channels));
  Projection projection(host.settings().zone);
  Followers followers(
      *channels, [&host] { return host.NewSession(); }, projection, freshness, host.organization(),
      host.registry());
  ReportService::Options report_options;
  report_options.currency = host.settings().currency_code;
  if (options.leaderboard == "scope") report_options.leaderboard = LeaderboardVisibility::kScope;
  FigureStore figures;
  ReportService reports(host.runner(), freshness, figures, report_options);
  ProjectionService care(host.runner(), freshness, followers);
  Reconciler reconciler([&host] { return host.NewSession(absl::Minutes(1)); }, freshness, figures,
                        host.registry());
  host.AddService(reports, v1::ReportService::service_full_name());
  host.AddService(care, v1::ProjectionService::service_full_name());
  // A replica that does not follow itself still knows who may see what, from what the others
  // stored.
  host.AddBackground("organization", [&](std::stop_token stop) {
    const std::unique_ptr<db::Session> session = host.NewSession();
    while (!stop.stop_requested() && !followers.LoadOrganization(*session).ok())
      absl::SleepFor(absl::Milliseconds(200));
  });
  host.AddReadinessCheck("figures", [&figures] {
    return figures.loaded() ? absl::OkStatus() : error::FiguresNotLoaded();
  });
  host.AddBackground("figures", [&](std::stop_token stop) {
    KeepCurrent(figures, *host.NewSession(absl::Minutes(1)), stop);
  });
  host.AddBackground("feed-heads",
                     [&followers](std::stop_token stop) { followers.WatchHeads(std::move(stop)); });
  host.AddBackground("reconcile",
                     [&reconciler](std::stop_token stop) { reconciler.Run(std::move(stop)); });
  for (const std::string& source : followers.sources()) {
    host.AddBackground(absl::StrCat("follow-", source), [&followers, source](std::stop_token stop) {
      followers.Follow(source, std::move(stop));
    });
  }
  return host.Serve();
}

// Empties the read models and builds them anew. A running service does the work; without one this
// process does.
absl::Status Rebuild(rpc::Host& host) {
  auto channels = Channels(host);
  if (!channels.ok()) return channels.status();
  FreshnessReader freshness(SourcesOf(*channels));
  Projection projection(host.settings().zone);
  Followers followers(
      *channels, [&host] { return host.NewSession(); }, projection, freshness, host.organization(),
      host.registry());
  const std::unique_ptr<db::Session> session = host.NewSession();
  if (absl::Status s = followers.RequestRebuild(*session); !s.ok()) return s;
  std::vector<std::jthread> threads;
  for (const std::string& source : followers.sources()) {
    threads.emplace_back(
        [&followers, source](std::stop_token stop) { followers.Follow(source, std::move(stop)); });
  }
  absl::Time told = absl::InfinitePast();
  while (true) {
    const absl::StatusOr<FreshnessReader::Answer> answer =
        session->Read([&](db::Snapshot& snapshot) { return freshness.Read(snapshot); });
    session->EndRead();
    if (!answer.ok()) return answer.status();
    if (!answer->rebuilding) break;
    if (absl::Now() - told >= absl::Seconds(1)) {
      told = absl::Now();
      for (const v1::SourceFreshness& source : answer->freshness.sources()) {
        log::Info("rebuild_progress", {{"source", source.source()},
                                       {"position", source.position()},
                                       {"head", source.head_position()},
                                       {"parked", source.parked_events()}});
      }
    }
    absl::SleepFor(absl::Milliseconds(100));
  }
  log::Info("rebuild_done");
  return absl::OkStatus();
}

}  // namespace
}  // namespace milepost::reporting

int main(int argc, char** argv) {
  using namespace milepost;
  reporting::Options options;
  rpc::Program program;
  program.service = "reporting-svc";
  program.description =
      "Answers where targets, funnel and results stand, from read models kept current by the "
      "feeds.";
  program.migrations = reporting::Migrations();
  program.add_options = [&options](CLI::App& app) {
    app.add_option(
           "--leaderboard", options.leaderboard,
           "Who sees places and figures on leaderboards: everybody, or each within its scope")
        ->envname("MILEPOST_LEADERBOARD")
        ->check(CLI::IsMember({"everybody", "scope"}));
  };
  program.serve = [&options](rpc::Host& host) { return reporting::Serve(host, options); };
  program.commands = {
      {"rebuild", "Empty the read models and build them anew from the feeds", reporting::Rebuild}};
  return rpc::Main(argc, argv, program);
}
