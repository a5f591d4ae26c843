#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "platform/rpc/caller.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/reference_mix.h"

namespace milepost::target {

// A past period whose actuals are taken as weights.
struct ReferencePeriod {
  DayRange period;
  int64_t mix_weight = 1;
  int64_t growth_ppm = 0;
};

// What a split by history reads.
struct HistorySpec {
  std::vector<ReferencePeriod> references;
  std::string metric_id;
  std::string currency_code;  // Of the plan; empty if it is not in money.
  bool even_without_history = false;
  MixRule mix = MixRule::kShares;
  GapRule gaps = GapRule::kCountsAsNothing;
  NewcomerRule newcomers = NewcomerRule::kNothing;
};

// Who reporting-svc is asked as: the caller, or this service where an answer holds figures that its
// reader may know together but not one by one.
enum class AskAs { kCaller, kService };

// Actuals of reporting-svc. One object serves one call: what it has read it does not ask again.
class History {
 public:
  History(reporting::v1::ReportService::StubInterface& reports, const rpc::Caller& caller,
          AskAs as = AskAs::kCaller)
      : reports_(reports), caller_(caller), as_(as) {}

  // What the parts of the node achieved in the periods of the spec, to be mixed by its rules. A
  // part without actuals in a period was not there. UNAVAILABLE if reporting-svc is away; else what
  // it answers.
  absl::StatusOr<MixRequest> Read(const HistorySpec& spec, const Node& node, Dimension dimension,
                                  const std::vector<PartSpec>& parts);

  // What was achieved in a scope on these days.
  absl::StatusOr<int64_t> Total(const HistorySpec& spec, const Scope& scope, DayRange range);
  // The last of the days with an actual; nullopt if there is none. At most kMaxDaysAsked days.
  static constexpr int kMaxDaysAsked = 400;
  absl::StatusOr<std::optional<absl::CivilDay>> LastDay(const HistorySpec& spec, const Scope& scope,
                                                        DayRange range);

  // What was achieved in a scope in each week, from Monday, of these days; at most 400 weeks.
  absl::StatusOr<std::vector<int64_t>> Weeks(const HistorySpec& spec, const Scope& scope,
                                             DayRange range);

  // What a member sold day by day, and what came back apart: at most kMaxDaysAsked days.
  struct Return {
    absl::CivilDay day;
    std::optional<absl::CivilDay> origin;  // The day that it had counted on; unset if unknown.
    int64_t value = 0;                     // Below 0 as a rule.
  };
  struct Sales {
    std::vector<int64_t> by_day;
    std::vector<Return> returns;
  };
  absl::StatusOr<Sales> MemberSales(const HistorySpec& spec, const std::string& member_id,
                                    DayRange range);

  // What each of the members achieved on these days, wherever; at most 2,000 members.
  absl::StatusOr<std::vector<int64_t>> MemberTotals(const HistorySpec& spec,
                                                    const std::vector<std::string>& member_ids,
                                                    DayRange range);
  // The same by day; at most kMaxDaysAsked days.
  absl::StatusOr<std::vector<std::vector<int64_t>>> MemberDays(
      const HistorySpec& spec, const std::vector<std::string>& member_ids, DayRange range);

 private:
  absl::StatusOr<reporting::v1::Actuals> AskMembers(const HistorySpec& spec,
                                                    const std::vector<std::string>& member_ids,
                                                    DayRange range,
                                                    reporting::v1::Granularity granularity);
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
  const AskAs as_;
  std::map<std::string, reporting::v1::Actuals> answers_;  // By serialized request.
};

}  // namespace milepost::target
