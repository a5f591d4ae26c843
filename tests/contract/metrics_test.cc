#include "gtest/gtest.h"
#include "reporting-svc/domain/metric.h"
#include "target-svc/domain/metric.h"

namespace milepost {
namespace {

// target-svc lets plans be made on its metrics, reporting-svc yields their actual values: they must
// mean the same by the same ids.
TEST(MetricsTest, EveryDerivedMetricHasActualValuesOfItsUnit) {
  int derived = 0;
  for (const target::Metric& metric : target::StandardMetrics()) {
    if (metric.source != target::MetricSource::kDerived) continue;
    ++derived;
    const reporting::Metric* actual = reporting::FindMetric(metric.id);
    ASSERT_NE(actual, nullptr) << metric.id;
    EXPECT_EQ(actual->money, metric.unit == target::MetricUnit::kMoney) << metric.id;
  }
  EXPECT_EQ(derived, static_cast<int>(reporting::Metrics().size()));
}

}  // namespace
}  // namespace milepost
