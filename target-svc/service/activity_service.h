#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/activity.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/working_calendar.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/calendar_store.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class ActivityService final : public v1::ActivityService::CallbackService {
 public:
  // `reports` tells actuals; money is in `currency_code`.
  ActivityService(rpc::Runner& rpc, Directory& directory,
                  std::shared_ptr<reporting::v1::ReportService::StubInterface> reports,
                  std::string currency_code);

  grpc::ServerUnaryReactor* ComputeActivities(grpc::CallbackServerContext* context,
                                              const v1::ComputeActivitiesRequest* request,
                                              v1::ComputeActivitiesResponse* response) override;
  grpc::ServerUnaryReactor* CheckDay(grpc::CallbackServerContext* context,
                                     const v1::CheckDayRequest* request,
                                     v1::CheckDayResponse* response) override;

 private:
  absl::StatusOr<v1::ComputeActivitiesResponse> Compute(
      const rpc::Caller& caller, db::Session& db, const v1::ComputeActivitiesRequest& request);
  absl::StatusOr<v1::CheckDayResponse> Check(const rpc::Caller& caller, db::Session& db,
                                             const v1::CheckDayRequest& request);

  struct ScopeCommand {
    DayRange period;
    std::vector<std::string> member_ids;
    std::string unit_id;
    std::string calendar_id;
  };
  static ScopeCommand ReadScope(const v1::ActivityScope& scope, bool has_scope, Reader& reader);
  // Members and calendar as they are now.
  struct Team {
    std::vector<std::string> member_ids;
    std::vector<int64_t> day_weights_ppm;  // Of the whole period.
  };
  absl::StatusOr<Team> LoadTeam(db::Snapshot& snapshot, const ScopeCommand& scope) const;
  // What a plan wants of each member on each day of the period; `field` named it.
  absl::StatusOr<std::vector<std::vector<int64_t>>> LoadPlanTargets(
      const rpc::Caller& caller, db::Snapshot& snapshot, const std::string& plan_id,
      const std::string& metric_id, const std::string& field, const Team& team,
      DayRange period) const;
  absl::StatusOr<Metric> LoadMetric(db::Snapshot& snapshot, const std::string& id) const;

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  const std::string currency_code_;
  CalendarStore calendars_;
  MetricStore metrics_;
  PlanStore plans_;
};

}  // namespace milepost::target
