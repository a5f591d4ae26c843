#include <memory>

#include "opportunity-svc/service/catalogue_service.h"
#include "opportunity-svc/service/opportunity_service.h"
#include "opportunity-svc/service/order_service.h"
#include "opportunity-svc/service/record_visibility.h"
#include "opportunity-svc/store/schema.h"
#include "platform/change/feed_consumer.h"
#include "platform/organization/replica.h"
#include "platform/rpc/host.h"

namespace milepost::opportunity {
namespace {

absl::Status Serve(rpc::Host& host) {
  const auto customer = host.PeerChannel(host.settings().customer_address);
  if (!customer.ok()) return customer.status();
  const auto target = host.PeerChannel(host.settings().target_address);
  if (!target.ok()) return target.status();

  References references([&host] { return host.runner().now(); });
  Customers customers(*customer);
  const Parts parts{host.runner(), references, customers, host.feed_tail(),
                    host.settings().currency_code};
  SourceService sources(parts);
  ProductService products(parts);
  ProcessService processes(parts);
  OpportunityService opportunities(parts, host.registry());
  OrderService orders(parts);
  host.AddService(sources, v1::SourceService::service_full_name());
  host.AddService(products, v1::ProductService::service_full_name());
  host.AddService(processes, v1::ProcessService::service_full_name());
  host.AddService(opportunities, v1::OpportunityService::service_full_name());
  host.AddService(orders, v1::OrderService::service_full_name());
  host.set_may_see_record(MaySeeRecord);

  organization::OrganizationReplica organization(host.organization());
  change::FeedConsumer consumer(
      *target, [&host] { return host.NewSession(); }, organization.projection(),
      organization::OrganizationReplica::ConsumerOptions(), host.registry());
  host.AddBackground("organization", [&](std::stop_token stop) {
    organization.KeepLoaded(stop, *host.NewSession());
    consumer.Run(stop);
  });
  host.AddReadinessCheck("organization", [&] { return organization.Ready(); });
  return host.Serve();
}

}  // namespace
}  // namespace milepost::opportunity

int main(int argc, char** argv) {
  using namespace milepost;
  rpc::Program program;
  program.service = "opportunity-svc";
  program.description = "Opportunities from first contact to money received.";
  program.migrations = organization::ReplicaMigrations();
  for (const db::Migration& migration : opportunity::Migrations()) {
    program.migrations.push_back(migration);
  }
  program.serve = opportunity::Serve;
  return rpc::Main(argc, argv, program);
}
