#include <memory>

#include "customer-svc/service/contact_service.h"
#include "customer-svc/service/customer_service.h"
#include "customer-svc/service/interaction_service.h"
#include "customer-svc/service/record_visibility.h"
#include "customer-svc/store/schema.h"
#include "platform/change/feed_consumer.h"
#include "platform/organization/replica.h"
#include "platform/rpc/host.h"

namespace milepost::customer {
namespace {

absl::Status Serve(rpc::Host& host) {
  CustomerService customers(host.runner(), host.settings().currency_code);
  ContactService contacts(host.runner());
  InteractionService interactions(host.runner());
  host.AddService(customers, v1::CustomerService::service_full_name());
  host.AddService(contacts, v1::ContactService::service_full_name());
  host.AddService(interactions, v1::InteractionService::service_full_name());
  host.set_may_see_record(MaySeeRecord);
  host.set_owner_of_record(OwnerOfRecord);

  organization::OrganizationReplica organization(host.organization());
  const auto target = host.PeerChannel(host.settings().target_address);
  if (!target.ok()) return target.status();
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
}  // namespace milepost::customer

int main(int argc, char** argv) {
  using namespace milepost;
  rpc::Program program;
  program.service = "customer-svc";
  program.description = "Customers, contacts and what we do with them.";
  program.migrations = organization::ReplicaMigrations();
  for (const db::Migration& migration : customer::Migrations()) {
    program.migrations.push_back(migration);
  }
  program.serve = customer::Serve;
  return rpc::Main(argc, argv, program);
}
