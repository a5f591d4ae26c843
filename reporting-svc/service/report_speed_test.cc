#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"
#include "reporting-svc/service/reconciliation.h"
#include "reporting-svc/service/report_service.h"
#include "reporting-svc/store/migrations.h"
#include "reporting-svc/testing/fill.h"
#include "reporting-svc/testing/world.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;
using access::Role;
using milepost::testing::IsOk;

// Fills the read models with as many opportunities as MILEPOST_REPORT_OPPORTUNITIES says (20,000 if
// it is not set), checks that the filled cells agree with their facts, and prints how long that and
// each report take. It limits nothing: machines differ.
TEST(ReportSpeedTest, EveryReportOverAFilledReadModel) {
  testing::FillOptions options;
  const char* wanted = std::getenv("MILEPOST_REPORT_OPPORTUNITIES");
  options.opportunities = wanted == nullptr ? 20'000 : std::strtoll(wanted, nullptr, 10);
  milepost::testing::ServiceHost host(Migrations());
  const auto filled = testing::FillReadModels(host.database().session(), options);
  ASSERT_THAT(filled, IsOk());
  std::cout << absl::StreamFormat(
      "applied %d events in %.1f s, %.0f a second\n", filled->events,
      absl::ToDoubleSeconds(filled->took),
      static_cast<double>(filled->events) / absl::ToDoubleSeconds(filled->took));
  if (options.opportunities <= 50'000) {
    LedgerStore ledger;
    const auto reconciled = Reconcile(host.database().session(), ledger);
    ASSERT_THAT(reconciled, IsOk());
    EXPECT_EQ(reconciled->mismatch_count, 0);
    std::cout << reconciled->facts << " facts in " << reconciled->cells << " cells\n";
  }

  FreshnessReader freshness({kCustomerService, kOpportunityService, kTargetService});
  FigureStore figures;
  const absl::Time began = absl::Now();
  ASSERT_THAT(host.database().session().Read(
                  [&](db::Snapshot& snapshot) { return figures.Refresh(snapshot); }),
              IsOk());
  std::cout << absl::StreamFormat("read the figures in %.2f s\n",
                                  absl::ToDoubleSeconds(absl::Now() - began));
  ReportService service(host.runner(), freshness, figures, {});
  host.Start({&service});
  const auto stub = v1::ReportService::NewStub(host.channel());
  type::v1::DateRange year;
  *year.mutable_first_date() = testing::DateOf(CivilDay(2017, 1, 1));
  *year.mutable_last_date() = testing::DateOf(CivilDay(2017, 12, 31));

  const auto measure = [&](const std::string& name,
                           const std::function<grpc::Status(grpc::ClientContext*)>& call) {
    std::vector<absl::Duration> times;
    const int rounds = 60;
    for (int i = 0; i < rounds; ++i) {
      const auto context = host.Call("zoe", {Role::kAnalyst});
      const absl::Time start = absl::Now();
      ASSERT_THAT(call(context.get()), IsOk()) << name;
      if (i >= 5) times.push_back(absl::Now() - start);
    }
    std::sort(times.begin(), times.end());
    std::cout << absl::StreamFormat("%-34s p50 %6.2f ms  p99 %6.2f ms\n", name,
                                    absl::ToDoubleMilliseconds(times[times.size() / 2]),
                                    absl::ToDoubleMilliseconds(times[times.size() * 99 / 100]));
  };
  for (const v1::Dimension by :
       {v1::DIMENSION_UNSPECIFIED, v1::MEMBER, v1::UNIT, v1::PRODUCT, v1::REGION}) {
    const std::string suffix = " by " + v1::Dimension_Name(by);
    measure("revenue by month" + suffix, [&](grpc::ClientContext* context) {
      v1::GetRevenueRequest request;
      *request.mutable_range() = year;
      request.set_granularity(v1::MONTH);
      request.set_group_by(by);
      v1::RevenueReport report;
      return stub->GetRevenue(context, request, &report);
    });
    measure("funnel" + suffix, [&](grpc::ClientContext* context) {
      v1::GetFunnelRequest request;
      request.set_group_by(by);
      v1::FunnelReport report;
      return stub->GetFunnel(context, request, &report);
    });
    measure("win/loss" + suffix, [&](grpc::ClientContext* context) {
      v1::GetWinLossRequest request;
      *request.mutable_closed() = year;
      request.set_group_by(by);
      v1::WinLossReport report;
      return stub->GetWinLoss(context, request, &report);
    });
    measure("sales cycle" + suffix, [&](grpc::ClientContext* context) {
      v1::GetSalesCycleRequest request;
      *request.mutable_closed() = year;
      request.set_group_by(by);
      v1::SalesCycleReport report;
      return stub->GetSalesCycle(context, request, &report);
    });
  }
  for (const v1::Dimension subject : {v1::MEMBER, v1::UNIT}) {
    measure("leaderboard of " + v1::Dimension_Name(subject), [&](grpc::ClientContext* context) {
      v1::GetLeaderboardRequest request;
      *request.mutable_range() = year;
      request.set_subject(subject);
      v1::Leaderboard board;
      return stub->GetLeaderboard(context, request, &board);
    });
  }
  measure("key figures", [&](grpc::ClientContext* context) {
    v1::GetKpiBoardRequest request;
    *request.mutable_range() = year;
    v1::KpiBoard board;
    return stub->GetKpiBoard(context, request, &board);
  });
  for (const auto view :
       {v1::GetTargetProgressRequest::NODES, v1::GetTargetProgressRequest::OWNERS}) {
    measure("target progress, " + v1::GetTargetProgressRequest::View_Name(view),
            [&](grpc::ClientContext* context) {
              v1::GetTargetProgressRequest request;
              request.set_name("plans/bench");
              request.set_view(view);
              *request.mutable_as_of_date() = testing::DateOf(CivilDay(2017, 10, 18));
              v1::TargetProgressReport report;
              return stub->GetTargetProgress(context, request, &report);
            });
  }
}

}  // namespace
}  // namespace milepost::reporting
