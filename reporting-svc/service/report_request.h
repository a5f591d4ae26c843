#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "milepost/reporting/v1/report.pb.h"
#include "platform/status/error.h"
#include "reporting-svc/domain/fact.h"
#include "reporting-svc/domain/metric.h"
#include "reporting-svc/domain/period.h"

// What the requests for reports ask, checked field by field; all bad fields of a request are
// reported at once.
namespace milepost::reporting {

inline constexpr size_t kMaxKeyLength = 63;
inline constexpr int kMaxUnitLevel = 20;
inline constexpr int kMaxPeriods = 400;
inline constexpr int kMaxNames = 2000;
inline constexpr int kDefaultLeaders = 500;
inline constexpr int kMaxLeaders = 2000;
// What an unset range means.
inline const Days kAllTime = {absl::CivilDay(1970, 1, 1), absl::CivilDay(2200, 12, 31)};

// Narrowing, as bare ids and keys.
struct Filter {
  std::string unit;
  std::string member;
  std::map<Dim, std::string> dims;
};

// How rows are made.
struct Grouping {
  v1::Dimension by = v1::DIMENSION_UNSPECIFIED;
  int unit_level = 1;
  std::vector<std::string> names;  // Ids and keys; empty means all.

  bool grouped() const { return by != v1::DIMENSION_UNSPECIFIED; }
  // kNone for members and units.
  Dim dim() const;
};

// The parts that requests are made of. Each reports what is wrong under its field's path.
Filter ReadFilter(const v1::ReportFilter& filter, status::FieldViolations& violations);
std::optional<Days> ReadRange(bool has, const type::v1::DateRange& range, const std::string& field,
                              status::FieldViolations& violations);
Grouping ReadGrouping(v1::Dimension by, int unit_level, const std::string& field,
                      status::FieldViolations& violations);
// A derived metric; revenue if empty and `optional`.
const Metric* ReadMetric(const std::string& name, bool optional,
                         status::FieldViolations& violations);
// `suite_currency` if empty.
std::string ReadCurrency(const std::string& code, const std::string& suite_currency,
                         status::FieldViolations& violations);
Granularity ReadGranularity(v1::Granularity granularity, const std::optional<Days>& range,
                            status::FieldViolations& violations);
// Id of an optional `processes/{process}`.
std::string ReadProcess(const std::string& name, status::FieldViolations& violations);

struct FunnelQuery {
  Days opened = kAllTime;
  Filter filter;
  Grouping grouping;
  std::string process;
};
absl::StatusOr<FunnelQuery> ParseFunnel(const v1::GetFunnelRequest& request);
absl::StatusOr<FunnelQuery> ParseConversionRates(const v1::GetConversionRatesRequest& request);

struct LeaderboardQuery {
  Grouping subject;
  const Metric* metric = nullptr;
  Days range;
  Filter filter;
  int limit = kDefaultLeaders;
  std::string currency;
};
absl::StatusOr<LeaderboardQuery> ParseLeaderboard(const v1::GetLeaderboardRequest& request,
                                                  const std::string& currency);
absl::StatusOr<LeaderboardQuery> ParseLeaderboard(const v1::WatchLeaderboardRequest& request,
                                                  const std::string& currency);

struct ClosedQuery {
  Days closed = kAllTime;
  Filter filter;
  Grouping grouping;
  std::string currency;
};
absl::StatusOr<ClosedQuery> ParseWinLoss(const v1::GetWinLossRequest& request,
                                         const std::string& currency);
absl::StatusOr<ClosedQuery> ParseSalesCycle(const v1::GetSalesCycleRequest& request);

struct SeriesQuery {
  const Metric* metric = nullptr;  // Null for the revenue report.
  Days range;
  Granularity granularity = Granularity::kWhole;
  Filter filter;
  Grouping grouping;
  std::string currency;
  bool returns_apart = false;
};
absl::StatusOr<SeriesQuery> ParseRevenue(const v1::GetRevenueRequest& request,
                                         const std::string& currency);
absl::StatusOr<SeriesQuery> ParseKpiBoard(const v1::GetKpiBoardRequest& request,
                                          const std::string& currency);
absl::StatusOr<SeriesQuery> ParseActuals(const v1::GetActualsRequest& request,
                                         const std::string& currency);

struct ProgressQuery {
  std::string plan;
  std::string node;  // Empty for the whole plan.
  absl::CivilDay as_of;
  std::optional<int> depth;
  bool by_owner = false;
};
absl::StatusOr<ProgressQuery> ParseProgress(const v1::GetTargetProgressRequest& request,
                                            absl::CivilDay today,
                                            status::FieldViolations violations);

}  // namespace milepost::reporting
