#include "reporting-svc/domain/metric.h"

namespace milepost::reporting {

const std::vector<Metric>& Metrics() {
  static const std::vector<Metric> kMetrics = {
      {"revenue", Group::kOrder, order::kRevenue, order::kRevenue, true},
      {"orders", Group::kOrder, order::kOrders, order::kProductOrders, false},
      {"gross-profit", Group::kOrder, order::kGrossProfit, order::kGrossProfit, true},
      {"collections", Group::kCollection, collection::kAmount, collection::kAmount, true},
      {"won-opportunities", Group::kClosed, closed::kWon, closed::kWon, false},
      {"lost-opportunities", Group::kClosed, closed::kLost, closed::kLost, false},
      {"won-amount", Group::kClosed, closed::kWonAmount, closed::kWonAmount, true},
      {"leads", Group::kOpened, opened::kOpened, opened::kOpened, false},
      {"new-customers", Group::kCustomer, new_customer::kNew, new_customer::kNew, false},
      {"visits", Group::kInteraction, interaction::kVisits, interaction::kVisits, false},
      {"interactions", Group::kInteraction, interaction::kDone, interaction::kDone, false},
  };
  return kMetrics;
}

const Metric* FindMetric(const std::string& id) {
  for (const Metric& metric : Metrics()) {
    if (metric.id == id) return &metric;
  }
  return nullptr;
}

}  // namespace milepost::reporting
