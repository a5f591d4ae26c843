#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "target-svc/domain/metric.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/organization.h"

// Actual values that are written down by hand. Ids are bare. Pure functions.
namespace milepost::target {

// The metric that all spend counts for, and how the ids of its kinds begin.
inline constexpr char kSpendMetric[] = "spend";
inline constexpr char kSpendPrefix[] = "spend-";

struct RecordedActual {
  std::string id;
  std::string metric_id;
  absl::CivilDay day;
  std::string unit_id;  // As given; not together with a member.
  std::string member_id;
  std::string product_id;
  std::string channel;
  std::string region;
  std::string customer_id;
  int64_t value_units = 0;
  std::string currency_code;
  std::string note;
  std::string corrects_id;
  std::string corrected_by_id;
  std::string credited_unit_id;
  std::string recorder_id;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;

  std::string Name() const { return "actuals/" + id; }
};

// `spend` or one of its kinds.
bool IsSpend(const std::string& metric_id);

// OK if a metric of this id may be made so: whatever is called a kind of spend is money that is
// recorded and added up.
bool MayBeMade(const Metric& metric);

// The entry in place of another one. NOT_RECORDED unless the metric is recorded; a correction is of
// the same metric and of one that no other has corrected.
absl::Status CheckRecord(const RecordedActual& actual, const Metric& metric,
                         const std::optional<RecordedActual>& corrected);

// Whether an entry counts for a scope: on one of its days, and in every dimension that the scope
// names. Units count with what was below them on the day of the entry.
bool CountsFor(const RecordedActual& actual, const Scope& scope, const UnitTree& tree);

// What entries make together.
struct ActualSum {
  std::optional<int64_t> value;  // None: nothing to average or to be the last.
  int64_t count = 0;
  std::optional<absl::CivilDay> first_day;
  std::optional<absl::CivilDay> last_day;
};

// Gathers entries one by one, in any order.
class ActualSummer {
 public:
  explicit ActualSummer(MetricAggregation aggregation) : aggregation_(aggregation) {}
  void Add(const RecordedActual& actual);
  // OUT_OF_RANGE SUM_TOO_LARGE if the sum does not fit.
  absl::StatusOr<ActualSum> Sum() const;

 private:
  const MetricAggregation aggregation_;
  ActualSum sum_;
  int64_t total_ = 0;
  bool too_large_ = false;
  absl::Time last_time_;
  std::string last_id_;
  int64_t last_value_ = 0;
};

}  // namespace milepost::target
