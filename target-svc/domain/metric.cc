#include "target-svc/domain/metric.h"

namespace milepost::target {
namespace {

Metric Make(const char* id, const char* name, const char* chinese, MetricUnit unit,
            const char* label, MetricAggregation aggregation, MetricSource source,
            const char* description) {
  Metric metric;
  metric.id = id;
  metric.display_name = name;
  metric.display_name_zh = chinese;
  metric.unit = unit;
  metric.unit_label = label;
  metric.aggregation = aggregation;
  metric.source = source;
  metric.description = description;
  return metric;
}

Metric Derived(const char* id, const char* name, const char* chinese, MetricUnit unit,
               const char* label, const char* description) {
  return Make(id, name, chinese, unit, label, MetricAggregation::kSum, MetricSource::kDerived,
              description);
}

Metric Spend(const char* id, const char* name, const char* chinese, const char* description) {
  return Make(id, name, chinese, MetricUnit::kMoney, "", MetricAggregation::kSum,
              MetricSource::kRecorded, description);
}

}  // namespace

std::vector<Metric> StandardMetrics() {
  using enum MetricUnit;
  std::vector<Metric> metrics = {
      Derived("revenue", "Revenue", "销售额", kMoney, "", "Amount of orders, on the order date."),
      Derived("orders", "Orders", "订单数", kCount, "orders", "Orders, on the order date."),
      Derived("gross-profit", "Gross profit", "毛利", kMoney, "",
              "Amount of orders less their cost, on the order date."),
      Derived("collections", "Collections", "回款", kMoney, "",
              "Money received, on the day it came."),
      Derived("won-opportunities", "Opportunities won", "赢单数", kCount, "opportunities",
              "Opportunities won, on the closing date."),
      Derived("won-amount", "Amount won", "赢单金额", kMoney, "",
              "Amount of opportunities won, on the closing date."),
      Derived("lost-opportunities", "Opportunities lost", "丢单数", kCount, "opportunities",
              "Opportunities lost, on the closing date."),
      Derived("leads", "Leads", "线索数", kCount, "leads",
              "Opportunities opened, on the day they were."),
      Derived("new-customers", "New customers", "新客户数", kCount, "customers",
              "Customers, on the day of their first order."),
      Derived("visits", "Visits", "拜访数", kCount, "visits", "Visits done."),
      Derived("interactions", "Interactions", "客户互动数", kCount, "interactions",
              "Visits, calls, meetings and messages done."),
      Make("deliveries", "Deliveries", "交付额", kMoney, "", MetricAggregation::kSum,
           MetricSource::kRecorded, "Amount delivered, on the delivery date."),
      Make("spend", "Spend", "费用", kMoney, "", MetricAggregation::kSum, MetricSource::kRecorded,
           "Money spent: what budgets are made of. Counts what is spent on activities, promotion, "
           "staff and every other metric whose id begins with spend- too."),
      Spend("spend-activity", "Spend on activities", "活动费用", "Money spent on activities."),
      Spend("spend-promotion", "Spend on promotion", "推广费用", "Money spent on promotion."),
      Spend("spend-staff", "Spend on staff", "人员费用", "Money spent on staff."),
      Make("market-share", "Market share", "市场占有率", kRatio, "", MetricAggregation::kLast,
           MetricSource::kRecorded, "Share of the market, as last found out."),
      Make("customer-satisfaction", "Customer satisfaction", "客户满意度", kRatio, "",
           MetricAggregation::kAverage, MetricSource::kRecorded,
           "Average of survey scores as a share of the best score."),
      Make("average-order", "Average order", "客单价", kMoney, "", MetricAggregation::kRatioOfSums,
           MetricSource::kComputed, "Revenue over orders."),
  };
  metrics.back().numerator_id = "revenue";
  metrics.back().denominator_id = "orders";
  return metrics;
}

}  // namespace milepost::target
