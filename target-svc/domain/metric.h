#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace milepost::target {

enum class MetricUnit { kMoney = 1, kCount = 2, kRatio = 3 };
enum class MetricAggregation { kSum = 1, kLast = 2, kAverage = 3, kRatioOfSums = 4 };
enum class MetricSource { kDerived = 1, kRecorded = 2, kComputed = 3 };

// What is measured. Ids are bare.
struct Metric {
  std::string id;
  std::string display_name;
  std::string display_name_zh;
  MetricUnit unit = MetricUnit::kCount;
  std::string unit_label;
  MetricAggregation aggregation = MetricAggregation::kSum;
  MetricSource source = MetricSource::kRecorded;
  std::string numerator_id;
  std::string denominator_id;
  std::string description;
  int64_t version = 0;
  absl::Time create_time;
  absl::Time update_time;
};

// The metrics that always exist.
std::vector<Metric> StandardMetrics();

}  // namespace milepost::target
