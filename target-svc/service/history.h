#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "platform/rpc/caller.h"
#include "target-svc/domain/node.h"

namespace milepost::target {

// A past period whose actuals are taken as weights.
struct ReferencePeriod {
  DayRange period;
  int64_t mix_weight = 1;
};

// What a split by history reads.
struct HistorySpec {
  std::vector<ReferencePeriod> references;
  std::string metric_id;
  std::string currency_code;  // Of the plan; empty if it is not in money.
  bool even_without_history = false;
};

// Actuals of reporting-svc, asked with the caller's identity. One object serves one call: what it
// has read it does not ask again.
class History {
 public:
  History(reporting::v1::ReportService::StubInterface& reports, const rpc::Caller& caller)
      : reports_(reports), caller_(caller) {}

  // One reference per period of the spec, with one value for each part of the node.
  // UNAVAILABLE if reporting-svc is away; else what it answers.
  absl::StatusOr<std::vector<Reference>> Read(const HistorySpec& spec, const Node& node,
                                              Dimension dimension,
                                              const std::vector<PartSpec>& parts);

 private:
  absl::StatusOr<reporting::v1::Actuals> Ask(const reporting::v1::GetActualsRequest& request,
                                             const HistorySpec& spec);
  absl::StatusOr<std::vector<int64_t>> ByName(const HistorySpec& spec, DayRange range,
                                              const Node& node, Dimension dimension,
                                              const std::vector<PartSpec>& parts);
  absl::StatusOr<std::vector<int64_t>> ByPeriod(const HistorySpec& spec, DayRange range,
                                                const Node& node,
                                                const std::vector<PartSpec>& parts);

  reporting::v1::ReportService::StubInterface& reports_;
  const rpc::Caller& caller_;
  std::map<std::string, reporting::v1::Actuals> answers_;  // By serialized request.
};

}  // namespace milepost::target
