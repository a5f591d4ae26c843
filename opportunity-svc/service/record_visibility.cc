#include "opportunity-svc/service/record_visibility.h"

#include "opportunity-svc/store/opportunity_store.h"
#include "opportunity-svc/store/order_store.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {

bool MaySeeRecord(const rpc::Caller& caller, db::Session& db, const std::string& record) {
  for (const char* collection : {kSources, kProductLines, kProducts, kProcesses}) {
    if (resource::IdOf(collection, record)) return true;
  }
  if (const auto id = resource::IdOf(kOpportunities, record)) {
    const auto opportunity =
        db.Read([&](db::Snapshot& snapshot) { return OpportunityStore().Load(snapshot, *id); });
    return opportunity.ok() && caller.MaySee(opportunity->owner);
  }
  if (const auto id = resource::IdOf(kOrders, record)) {
    const auto order =
        db.Read([&](db::Snapshot& snapshot) { return OrderStore().Load(snapshot, *id); });
    return order.ok() && caller.MaySee(order->owner);
  }
  return false;
}

}  // namespace milepost::opportunity
