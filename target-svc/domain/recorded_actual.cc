#include "target-svc/domain/recorded_actual.h"

#include <tuple>

#include "absl/strings/match.h"
#include "platform/types/money.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

// a ÷ b, halves away from zero; b is above 0.
int64_t DivideHalfUp(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  const int64_t rest = a % b;
  if (rest >= 0) return quotient + (rest >= b - rest ? 1 : 0);
  return quotient - (-rest >= b + rest ? 1 : 0);
}

bool Same(const std::string& wanted, const std::string& found) {
  return wanted.empty() || wanted == found;
}

}  // namespace

bool IsSpend(const std::string& metric_id) {
  return metric_id == kSpendMetric || absl::StartsWith(metric_id, kSpendPrefix);
}

bool MayBeMade(const Metric& metric) {
  return !IsSpend(metric.id) ||
         (metric.unit == MetricUnit::kMoney && metric.source == MetricSource::kRecorded &&
          metric.aggregation == MetricAggregation::kSum);
}

absl::Status CheckRecord(const RecordedActual& actual, const Metric& metric,
                         const std::optional<RecordedActual>& corrected) {
  if (metric.source != MetricSource::kRecorded) return error::NotRecorded("metrics/" + metric.id);
  if (!corrected) return absl::OkStatus();
  if (corrected->metric_id != actual.metric_id) {
    return error::OtherMetric(corrected->Name(), "metrics/" + corrected->metric_id,
                              "metrics/" + actual.metric_id);
  }
  if (!corrected->corrected_by_id.empty())
    return error::AlreadyCorrected(corrected->Name(), "actuals/" + corrected->corrected_by_id);
  return absl::OkStatus();
}

bool CountsFor(const RecordedActual& actual, const Scope& scope, const UnitTree& tree) {
  return actual.corrected_by_id.empty() && scope.period.first <= actual.day &&
         actual.day <= scope.period.last && Same(scope.member_id, actual.member_id) &&
         Same(scope.product_id, actual.product_id) && Same(scope.channel, actual.channel) &&
         Same(scope.region, actual.region) && Same(scope.customer_id, actual.customer_id) &&
         // A member's target is for the member wherever it was.
         (scope.unit_id.empty() || !scope.member_id.empty() ||
          (!actual.credited_unit_id.empty() &&
           tree.IsWithin(actual.credited_unit_id, scope.unit_id, actual.day)));
}

void ActualSummer::Add(const RecordedActual& actual) {
  ++sum_.count;
  const bool newest = !sum_.last_day || std::tie(actual.day, actual.create_time, actual.id) >
                                            std::tie(*sum_.last_day, last_time_, last_id_);
  if (newest) {
    sum_.last_day = actual.day;
    last_time_ = actual.create_time;
    last_id_ = actual.id;
    last_value_ = actual.value_units;
  }
  if (!sum_.first_day || actual.day < *sum_.first_day) sum_.first_day = actual.day;
  const std::optional<int64_t> total = CheckedAdd(total_, actual.value_units);
  if (total) {
    total_ = *total;
  } else {
    too_large_ = true;
  }
}

absl::StatusOr<ActualSum> ActualSummer::Sum() const {
  ActualSum sum = sum_;
  if (aggregation_ == MetricAggregation::kLast) {
    if (sum.count > 0) sum.value = last_value_;
    return sum;
  }
  if (too_large_) return error::SumTooLarge();
  if (aggregation_ == MetricAggregation::kSum) {
    sum.value = total_;
  } else if (sum.count > 0) {
    sum.value = DivideHalfUp(total_, sum.count);
  }
  return sum;
}

}  // namespace milepost::target
