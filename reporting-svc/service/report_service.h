#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/runner.h"
#include "reporting-svc/service/directory.h"
#include "reporting-svc/service/figure_reader.h"
#include "reporting-svc/service/freshness.h"
#include "reporting-svc/service/report_request.h"
#include "reporting-svc/store/figure_store.h"

namespace milepost::reporting {

// Who may see whose place on a leaderboard.
enum class LeaderboardVisibility {
  kEverybody,  // All members see all.
  kScope,      // Members see what they may see in other reports.
};

// Answers reports from the figures, names, shapes and plans that are kept in memory and brought up
// to what is committed before each answer.
class ReportService final : public v1::ReportService::CallbackService {
 public:
  struct Options {
    std::string currency = "CNY";
    LeaderboardVisibility leaderboard = LeaderboardVisibility::kEverybody;
    // A live leaderboard that changes all the time is sent at most so often.
    absl::Duration watch_interval = absl::Milliseconds(100);
    // A live leaderboard without changes is sent again after so long, so that the client knows how
    // fresh it is.
    absl::Duration watch_heartbeat = absl::Seconds(10);
  };

  // All outlive the service.
  ReportService(rpc::Runner& runner, FreshnessReader& freshness, FigureStore& figures,
                Options options);

  grpc::ServerUnaryReactor* GetTargetProgress(grpc::CallbackServerContext* context,
                                              const v1::GetTargetProgressRequest* request,
                                              v1::TargetProgressReport* response) override;
  grpc::ServerUnaryReactor* GetFunnel(grpc::CallbackServerContext* context,
                                      const v1::GetFunnelRequest* request,
                                      v1::FunnelReport* response) override;
  grpc::ServerUnaryReactor* GetLeaderboard(grpc::CallbackServerContext* context,
                                           const v1::GetLeaderboardRequest* request,
                                           v1::Leaderboard* response) override;
  grpc::ServerWriteReactor<v1::Leaderboard>* WatchLeaderboard(
      grpc::CallbackServerContext* context, const v1::WatchLeaderboardRequest* request) override;
  grpc::ServerUnaryReactor* GetWinLoss(grpc::CallbackServerContext* context,
                                       const v1::GetWinLossRequest* request,
                                       v1::WinLossReport* response) override;
  grpc::ServerUnaryReactor* GetSalesCycle(grpc::CallbackServerContext* context,
                                          const v1::GetSalesCycleRequest* request,
                                          v1::SalesCycleReport* response) override;
  grpc::ServerUnaryReactor* GetRevenue(grpc::CallbackServerContext* context,
                                       const v1::GetRevenueRequest* request,
                                       v1::RevenueReport* response) override;
  grpc::ServerUnaryReactor* GetKpiBoard(grpc::CallbackServerContext* context,
                                        const v1::GetKpiBoardRequest* request,
                                        v1::KpiBoard* response) override;
  grpc::ServerUnaryReactor* GetActuals(grpc::CallbackServerContext* context,
                                       const v1::GetActualsRequest* request,
                                       v1::Actuals* response) override;
  grpc::ServerUnaryReactor* GetConversionRates(grpc::CallbackServerContext* context,
                                               const v1::GetConversionRatesRequest* request,
                                               v1::ConversionRates* response) override;

 private:
  // What every report begins with: freshness first, so that what it says is in the figures that are
  // read after it.
  struct Opening {
    v1::Freshness freshness;
    std::shared_ptr<const Directory> directory;
  };
  absl::StatusOr<Opening> Open(db::Snapshot& snapshot, const Filter& filter);

  // Figures of one row: of a group, or of all together.
  struct Answered {
    std::string id;  // Of the group.
    v1::ReportGroup group;
    std::vector<const Series*> series;  // One for each of what was asked.
  };
  // The frame of every report that may be grouped: asks for the figures of all together and of each
  // group, in one round trip, and has `fill`, void(const Answered& total, const
  // std::vector<Answered>& rows, const Directory&, Report&), make the report of them. Without a
  // grouping there are no rows; a row is there for each group with figures of what is asked first.
  template <typename Report, typename Query, typename Fill>
  absl::StatusOr<Report> Grouped(const rpc::Caller& caller, db::Session& session,
                                 const Query& query, const std::vector<FigureRequest>& asked,
                                 const Fill& fill);

  absl::StatusOr<v1::TargetProgressReport> TargetProgress(
      const rpc::Caller& caller, db::Session& session, const v1::GetTargetProgressRequest& request);
  absl::StatusOr<v1::FunnelReport> Funnel(const rpc::Caller& caller, db::Session& session,
                                          const v1::GetFunnelRequest& request);
  absl::StatusOr<v1::Leaderboard> Leaders(const rpc::Caller& caller, db::Session& session,
                                          const LeaderboardQuery& query);
  absl::Status Watch(const rpc::Caller& caller, db::Session& session,
                     const v1::WatchLeaderboardRequest& request,
                     rpc::Writer<v1::Leaderboard>& writer);
  absl::StatusOr<v1::WinLossReport> WinLoss(const rpc::Caller& caller, db::Session& session,
                                            const v1::GetWinLossRequest& request);
  absl::StatusOr<v1::SalesCycleReport> SalesCycle(const rpc::Caller& caller, db::Session& session,
                                                  const v1::GetSalesCycleRequest& request);
  absl::StatusOr<v1::RevenueReport> Revenue(const rpc::Caller& caller, db::Session& session,
                                            const v1::GetRevenueRequest& request);
  absl::StatusOr<v1::KpiBoard> Kpis(const rpc::Caller& caller, db::Session& session,
                                    const v1::GetKpiBoardRequest& request);
  absl::StatusOr<v1::Actuals> ActualValues(const rpc::Caller& caller, db::Session& session,
                                           const v1::GetActualsRequest& request);
  absl::StatusOr<v1::ConversionRates> Conversions(const rpc::Caller& caller, db::Session& session,
                                                  const v1::GetConversionRatesRequest& request);

  absl::CivilDay Today() const;

  rpc::Runner& rpc_;
  FreshnessReader& freshness_;
  const Options options_;
  DirectoryCache directories_;
  DocumentStore documents_;
  FigureStore& figures_;
};

}  // namespace milepost::reporting
