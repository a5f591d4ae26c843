#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milepost/reporting/v1/report.grpc.pb.h"
#include "milepost/target/v1/scorecard.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/domain/appraisal.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/actual_store.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"
#include "target-svc/store/scorecard_store.h"

namespace milepost::target {

class ScorecardService final : public v1::ScorecardService::CallbackService {
 public:
  // `reports` tells actual values that events yield; money is in `currency_code`.
  ScorecardService(rpc::Runner& rpc, Directory& directory,
                   std::shared_ptr<reporting::v1::ReportService::StubInterface> reports,
                   std::string currency_code);

  grpc::ServerUnaryReactor* GetScorecardTemplate(grpc::CallbackServerContext* context,
                                                 const v1::GetScorecardTemplateRequest* request,
                                                 v1::ScorecardTemplate* response) override;
  grpc::ServerUnaryReactor* ListScorecardTemplates(
      grpc::CallbackServerContext* context, const v1::ListScorecardTemplatesRequest* request,
      v1::ListScorecardTemplatesResponse* response) override;
  grpc::ServerUnaryReactor* CreateScorecardTemplate(
      grpc::CallbackServerContext* context, const v1::CreateScorecardTemplateRequest* request,
      v1::ScorecardTemplate* response) override;
  grpc::ServerUnaryReactor* UpdateScorecardTemplate(
      grpc::CallbackServerContext* context, const v1::UpdateScorecardTemplateRequest* request,
      v1::ScorecardTemplate* response) override;
  grpc::ServerUnaryReactor* GetScorecard(grpc::CallbackServerContext* context,
                                         const v1::GetScorecardRequest* request,
                                         v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* ListScorecards(grpc::CallbackServerContext* context,
                                           const v1::ListScorecardsRequest* request,
                                           v1::ListScorecardsResponse* response) override;
  grpc::ServerUnaryReactor* CreateScorecard(grpc::CallbackServerContext* context,
                                            const v1::CreateScorecardRequest* request,
                                            v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* MeasureScorecard(grpc::CallbackServerContext* context,
                                             const v1::MeasureScorecardRequest* request,
                                             v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* RateScorecard(grpc::CallbackServerContext* context,
                                          const v1::RateScorecardRequest* request,
                                          v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* CompleteScorecard(grpc::CallbackServerContext* context,
                                              const v1::CompleteScorecardRequest* request,
                                              v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* ReviewScorecard(grpc::CallbackServerContext* context,
                                            const v1::ReviewScorecardRequest* request,
                                            v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* ReturnScorecard(grpc::CallbackServerContext* context,
                                            const v1::ReturnScorecardRequest* request,
                                            v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* AcknowledgeScorecard(grpc::CallbackServerContext* context,
                                                 const v1::AcknowledgeScorecardRequest* request,
                                                 v1::Scorecard* response) override;
  grpc::ServerUnaryReactor* DisputeScorecard(grpc::CallbackServerContext* context,
                                             const v1::DisputeScorecardRequest* request,
                                             v1::Scorecard* response) override;

 private:
  using TemplateResult = absl::StatusOr<v1::ScorecardTemplate>;
  using CardResult = absl::StatusOr<v1::Scorecard>;
  TemplateResult GetTemplate(const rpc::Caller& caller, db::Session& db,
                             const v1::GetScorecardTemplateRequest& request);
  absl::StatusOr<v1::ListScorecardTemplatesResponse> ListTemplates(
      const rpc::Caller& caller, db::Session& db, const v1::ListScorecardTemplatesRequest& request);
  TemplateResult CreateTemplate(const rpc::Caller& caller, db::Session& db,
                                const v1::CreateScorecardTemplateRequest& request);
  TemplateResult UpdateTemplate(const rpc::Caller& caller, db::Session& db,
                                const v1::UpdateScorecardTemplateRequest& request);
  CardResult Get(const rpc::Caller& caller, db::Session& db,
                 const v1::GetScorecardRequest& request);
  absl::StatusOr<v1::ListScorecardsResponse> List(const rpc::Caller& caller, db::Session& db,
                                                  const v1::ListScorecardsRequest& request);
  CardResult Create(const rpc::Caller& caller, db::Session& db,
                    const v1::CreateScorecardRequest& request);
  CardResult Measure(const rpc::Caller& caller, db::Session& db,
                     const v1::MeasureScorecardRequest& request);
  CardResult Rate(const rpc::Caller& caller, db::Session& db,
                  const v1::RateScorecardRequest& request);
  CardResult Complete(const rpc::Caller& caller, db::Session& db,
                      const v1::CompleteScorecardRequest& request);
  CardResult Review(const rpc::Caller& caller, db::Session& db,
                    const v1::ReviewScorecardRequest& request);
  CardResult Return(const rpc::Caller& caller, db::Session& db,
                    const v1::ReturnScorecardRequest& request);
  CardResult Acknowledge(const rpc::Caller& caller, db::Session& db,
                         const v1::AcknowledgeScorecardRequest& request);
  CardResult Dispute(const rpc::Caller& caller, db::Session& db,
                     const v1::DisputeScorecardRequest& request);

  // Metrics and plans of the KPIs are there and fit each other.
  absl::Status CheckReferences(db::Snapshot& snapshot, const v1::ScorecardTemplate& body) const;
  // Targets, and actual values that are recorded here; names of metrics to ask for are left in
  // `open` with the place of their KPI.
  struct Open {
    size_t kpi = 0;
    std::string metric_id;
    bool money = false;
  };
  absl::Status ReadResults(db::Snapshot& snapshot, const StoredScorecard& stored,
                           std::vector<v1::Scorecard::Result>& results, std::vector<Open>& open);

  // Loads a scorecard that the caller may see, takes it through `verb` and saves what `change` made
  // of it as `event_type`.
  template <typename Change>
  CardResult ChangeCard(const rpc::Caller& caller, db::Session& db,
                        const google::protobuf::Message& request, const std::string& id,
                        std::optional<int64_t> version, AppraisalVerb verb, const char* event_type,
                        Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
  const std::shared_ptr<reporting::v1::ReportService::StubInterface> reports_;
  const std::string currency_code_;
  ScorecardTemplateStore templates_;
  ScorecardStore cards_;
  MetricStore metrics_;
  PlanStore plans_;
  ActualStore actuals_;
};

}  // namespace milepost::target
