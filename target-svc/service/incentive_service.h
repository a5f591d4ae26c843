#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/incentive.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/incentive.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/history.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/actual_store.h"
#include "target-svc/store/incentive_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

// What history and the feed's reader may show of both.
bool MaySeeStatement(const rpc::Caller& caller, const StoredStatement& statement);
absl::StatusOr<bool> MaySeeCommissionPlan(const rpc::Caller& caller, db::Snapshot& snapshot,
                                          Directory& directory, const StoredCommissionPlan& plan);

class IncentiveService final : public v1::IncentiveService::CallbackService {
 public:
  // `reports` tells what was sold; money is in `currency_code`.
  IncentiveService(rpc::Runner& rpc, Directory& directory,
                   std::shared_ptr<reporting::v1::ReportService::StubInterface> reports,
                   std::string currency_code);

  grpc::ServerUnaryReactor* GetCommissionPlan(grpc::CallbackServerContext* context,
                                              const v1::GetCommissionPlanRequest* request,
                                              v1::CommissionPlan* response) override;
  grpc::ServerUnaryReactor* ListCommissionPlans(grpc::CallbackServerContext* context,
                                                const v1::ListCommissionPlansRequest* request,
                                                v1::ListCommissionPlansResponse* response) override;
  grpc::ServerUnaryReactor* CreateCommissionPlan(grpc::CallbackServerContext* context,
                                                 const v1::CreateCommissionPlanRequest* request,
                                                 v1::CommissionPlan* response) override;
  grpc::ServerUnaryReactor* UpdateCommissionPlan(grpc::CallbackServerContext* context,
                                                 const v1::UpdateCommissionPlanRequest* request,
                                                 v1::CommissionPlan* response) override;
  grpc::ServerUnaryReactor* RetireCommissionPlan(grpc::CallbackServerContext* context,
                                                 const v1::RetireCommissionPlanRequest* request,
                                                 v1::CommissionPlan* response) override;
  grpc::ServerUnaryReactor* ComputeStatement(grpc::CallbackServerContext* context,
                                             const v1::ComputeStatementRequest* request,
                                             v1::CommissionStatement* response) override;
  grpc::ServerUnaryReactor* IssueStatement(grpc::CallbackServerContext* context,
                                           const v1::IssueStatementRequest* request,
                                           v1::CommissionStatement* response) override;
  grpc::ServerUnaryReactor* GetStatement(grpc::CallbackServerContext* context,
                                         const v1::GetStatementRequest* request,
                                         v1::CommissionStatement* response) override;
  grpc::ServerUnaryReactor* ListStatements(grpc::CallbackServerContext* context,
                                           const v1::ListStatementsRequest* request,
                                           v1::ListStatementsResponse* response) override;
  grpc::ServerUnaryReactor* RecomputeStatement(grpc::CallbackServerContext* context,
                                               const v1::RecomputeStatementRequest* request,
                                               v1::RecomputeStatementResponse* response) override;
  grpc::ServerUnaryReactor* SimulateStatement(grpc::CallbackServerContext* context,
                                              const v1::SimulateStatementRequest* request,
                                              v1::SimulateStatementResponse* response) override;

 private:
  using PlanResult = absl::StatusOr<v1::CommissionPlan>;
  using StatementResult = absl::StatusOr<v1::CommissionStatement>;
  PlanResult Get(const rpc::Caller& caller, db::Session& db,
                 const v1::GetCommissionPlanRequest& request);
  absl::StatusOr<v1::ListCommissionPlansResponse> List(
      const rpc::Caller& caller, db::Session& db, const v1::ListCommissionPlansRequest& request);
  PlanResult Create(const rpc::Caller& caller, db::Session& db,
                    const v1::CreateCommissionPlanRequest& request);
  PlanResult Update(const rpc::Caller& caller, db::Session& db,
                    const v1::UpdateCommissionPlanRequest& request);
  PlanResult Retire(const rpc::Caller& caller, db::Session& db,
                    const v1::RetireCommissionPlanRequest& request);
  StatementResult Compute(const rpc::Caller& caller, db::Session& db,
                          const v1::ComputeStatementRequest& request);
  StatementResult Issue(const rpc::Caller& caller, db::Session& db,
                        const v1::IssueStatementRequest& request);
  StatementResult GetIssued(const rpc::Caller& caller, db::Session& db,
                            const v1::GetStatementRequest& request);
  absl::StatusOr<v1::ListStatementsResponse> ListIssued(const rpc::Caller& caller, db::Session& db,
                                                        const v1::ListStatementsRequest& request);
  absl::StatusOr<v1::RecomputeStatementResponse> Recompute(
      const rpc::Caller& caller, db::Session& db, const v1::RecomputeStatementRequest& request);
  absl::StatusOr<v1::SimulateStatementResponse> Simulate(
      const rpc::Caller& caller, db::Session& db, const v1::SimulateStatementRequest& request);

  // What a statement is computed from, apart from what reporting-svc tells.
  struct Basis {
    CommissionPlan terms;
    StatementHead head;
    std::string member_id;
    std::string label;
    std::string plan_id;  // Target plan; empty without one.
    std::string team_id;
    std::optional<SummedTarget> target;
    std::vector<StoredStatement> earlier;  // Of the member, newest first.
    std::vector<CommissionFact> facts;
    std::vector<MeasuredReturn> returns;
    bool matched = false;  // Then these are the returns, and head.unmatched_returns is known.
    std::vector<CommissionReturn> matched_returns;
  };
  // What a computation is asked for.
  struct Query {
    std::string commission_plan_id;
    std::string member_id;
    absl::CivilDay day;
    int64_t plan_version = 0;
  };
  static Query ReadQuery(const std::string& commission_plan, const std::string& member,
                         bool has_date, const type::v1::Date& date, int64_t plan_version,
                         Reader& reader);
  // Everything that is in the database, for a caller who may see it.
  absl::StatusOr<Basis> ReadBasis(const rpc::Caller& caller, db::Snapshot& snapshot,
                                  const Query& query, const StoredCommissionPlan& plan);
  // Targets of member and team in a version of the target plan; 0: the newest.
  absl::Status ReadTargets(db::Snapshot& snapshot, int64_t version, Basis& basis);
  // What was sold, if that is recorded; also what the team made.
  absl::Status ReadRecorded(db::Snapshot& snapshot, Basis& basis);
  // What was sold, if reporting-svc tells it; also what the team made.
  absl::Status Measure(const rpc::Caller& caller, Basis& basis);
  StatementResult Statement(const Basis& basis) const;
  // A statement without a name, and what it was computed under.
  struct Computed {
    v1::CommissionStatement statement;
    DayRange days;
    int64_t version = 0;  // Of the commission plan.
    std::string last_id;  // Of the statement before; empty if there is none.
  };
  absl::StatusOr<Computed> ComputeFor(const rpc::Caller& caller, db::Session& db,
                                      const Query& query);

  // What the commission plan refers to is there, fits, and is the caller's to decide on.
  absl::Status CheckReferences(const rpc::Caller& caller, db::Snapshot& snapshot,
                               const v1::CommissionPlan& plan);
  absl::StatusOr<StoredCommissionPlan> FindPlan(const rpc::Caller& caller, db::Snapshot& snapshot,
                                                const std::string& id);
  template <typename Change>
  PlanResult ChangePlan(const rpc::Caller& caller, db::Session& db,
                        const google::protobuf::Message& request, const std::string& id,
                        std::optional<int64_t> version, const char* event_type, Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  const std::string currency_code_;
  CommissionPlanStore commission_plans_;
  StatementStore statements_;
  PlanStore plans_;
  ActualStore actuals_;
};

}  // namespace milepost::target
