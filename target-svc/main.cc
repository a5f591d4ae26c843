#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "platform/log/log.h"
#include "platform/resource/name.h"
#include "platform/rpc/host.h"
#include "target-svc/service/action_service.h"
#include "target-svc/service/activity_service.h"
#include "target-svc/service/actual_service.h"
#include "target-svc/service/branch_service.h"
#include "target-svc/service/calendar_service.h"
#include "target-svc/service/commitment_service.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/drafting_service.h"
#include "target-svc/service/funnel_service.h"
#include "target-svc/service/incentive_service.h"
#include "target-svc/service/letter_service.h"
#include "target-svc/service/member_service.h"
#include "target-svc/service/metric_service.h"
#include "target-svc/service/node_service.h"
#include "target-svc/service/plan_service.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/service/planning_service.h"
#include "target-svc/service/record_access.h"
#include "target-svc/service/revision_service.h"
#include "target-svc/service/scorecard_service.h"
#include "target-svc/service/setting_service.h"
#include "target-svc/service/solve_service.h"
#include "target-svc/service/unit_service.h"
#include "target-svc/store/schema.h"

namespace milepost::target {
namespace {

constexpr absl::Duration kSeedRetry = absl::Seconds(1);

absl::Status Serve(rpc::Host& host) {
  const Clock clock{[] { return absl::Now(); }, host.settings().zone};
  Directory directory(clock, host.organization());
  absl::StatusOr<std::shared_ptr<grpc::Channel>> reporting =
      host.PeerChannel(host.settings().reporting_address);
  if (!reporting.ok()) return reporting.status();

  UnitService units(host.runner(), directory);
  MemberService members(host.runner(), directory);
  CalendarService calendars(host.runner(), clock);
  MetricService metrics(host.runner(), clock);
  PlanService plans(host.runner(), directory, host.settings().currency_code);
  NodeService nodes(host.runner(), directory, reporting::v1::ReportService::NewStub(*reporting));
  DraftingService drafting(host.runner(), directory);
  PlanningService planning(host.runner());
  CommitmentService commitments(host.runner(), directory);
  LetterService letters(host.runner(), directory);
  ActualService actuals(host.runner(), directory, host.settings().currency_code);
  SettingService settings(host.runner(), directory,
                          reporting::v1::ReportService::NewStub(*reporting),
                          host.settings().currency_code);
  ActivityService activities(host.runner(), directory,
                             reporting::v1::ReportService::NewStub(*reporting),
                             host.settings().currency_code);
  FunnelService funnels(host.runner(), directory,
                        reporting::v1::ReportService::NewStub(*reporting));
  SolveService solver(host.runner(), directory, reporting::v1::ReportService::NewStub(*reporting));
  IncentiveService incentives(host.runner(), directory,
                              reporting::v1::ReportService::NewStub(*reporting),
                              host.settings().currency_code);
  ScorecardService scorecards(host.runner(), directory,
                              reporting::v1::ReportService::NewStub(*reporting),
                              host.settings().currency_code);
  ActionPlanService actions(host.runner(), directory,
                            reporting::v1::ReportService::NewStub(*reporting));
  RevisionService revisions(host.runner(), directory,
                            reporting::v1::ReportService::NewStub(*reporting));
  BranchService branches(host.runner(), directory);
  host.AddService(units, organization::v1::UnitService::service_full_name());
  host.AddService(members, organization::v1::MemberService::service_full_name());
  host.AddService(calendars, organization::v1::CalendarService::service_full_name());
  host.AddService(metrics, v1::MetricService::service_full_name());
  host.AddService(plans, v1::PlanService::service_full_name());
  host.AddService(nodes, v1::NodeService::service_full_name());
  host.AddService(drafting, v1::DraftingService::service_full_name());
  host.AddService(planning, v1::PlanningService::service_full_name());
  host.AddService(commitments, v1::CommitmentService::service_full_name());
  host.AddService(letters, v1::LetterService::service_full_name());
  host.AddService(actuals, v1::ActualService::service_full_name());
  host.AddService(settings, v1::SettingService::service_full_name());
  host.AddService(activities, v1::ActivityService::service_full_name());
  host.AddService(funnels, v1::FunnelService::service_full_name());
  host.AddService(solver, v1::SolveService::service_full_name());
  host.AddService(incentives, v1::IncentiveService::service_full_name());
  host.AddService(scorecards, v1::ScorecardService::service_full_name());
  host.AddService(actions, v1::ActionPlanService::service_full_name());
  host.AddService(revisions, v1::RevisionService::service_full_name());
  host.AddService(branches, v1::BranchService::service_full_name());
  host.set_may_see_record(
      [&directory](const rpc::Caller& caller, db::Session& db, const std::string& record) {
        return MaySeeRecord(caller, db, directory, record);
      });

  host.AddReadinessCheck("organization", [&directory] { return directory.Ready(); });
  host.AddBackground("organization", [&](std::stop_token stop) {
    const std::unique_ptr<db::Session> session = host.NewSession();
    // The standard records come first: who finds the service ready finds them.
    while (!stop.stop_requested()) {
      const absl::Status seeded = AddStandardRecords(*session, clock, &host.committed());
      if (seeded.ok()) break;
      log::Warning("standard_records_failed", {{"error", seeded.ToString()}});
      directory.WaitForNotice(kSeedRetry);
    }
    directory.Follow(*session, stop);
  });
  return host.Serve();
}

}  // namespace
}  // namespace milepost::target

int main(int argc, char** argv) {
  milepost::rpc::Program program;
  program.service = "target-svc";
  program.description = "Organization, calendars, metrics, target plans and their breakdown.";
  program.migrations = milepost::target::Migrations();
  program.serve = milepost::target::Serve;
  return milepost::rpc::Main(argc, argv, program);
}
