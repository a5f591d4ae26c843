#pragma once

#include <string>

#include "milepost/opportunity/v1/opportunity.pb.h"
#include "milepost/opportunity/v1/order.pb.h"
#include "milepost/opportunity/v1/process.pb.h"
#include "milepost/opportunity/v1/product.pb.h"
#include "milepost/opportunity/v1/source.pb.h"
#include "opportunity-svc/domain/catalogue.h"
#include "opportunity-svc/domain/opportunity.h"
#include "opportunity-svc/domain/order.h"
#include "opportunity-svc/domain/process.h"

// Between the values of the domain and the published resources, which are also what is stored and
// sent in the feed. FromProto trusts its argument: it reads what ToProto wrote. Requests of clients
// are read by service/parse.
namespace milepost::opportunity {

inline constexpr char kSources[] = "sources";
inline constexpr char kProductLines[] = "productLines";
inline constexpr char kProducts[] = "products";
inline constexpr char kProcesses[] = "processes";
inline constexpr char kOpportunities[] = "opportunities";
inline constexpr char kOrders[] = "orders";
inline constexpr char kCustomers[] = "customers";
inline constexpr char kMembers[] = "members";

v1::Source ToProto(const Source& source);
v1::ProductLine ToProto(const ProductLine& line);
v1::Product ToProto(const Product& product);
v1::Process ToProto(const Process& process);
v1::Opportunity ToProto(const Opportunity& opportunity);
v1::Order ToProto(const Order& order);

// Sets revision and stages.
void SetDefinition(const Definition& definition, v1::Process& process);
v1::StageMoveBlockers ToProto(const std::string& opportunity_id, const Blockers& blockers);
v1::TypicalRisk ToProto(const TypicalRisk& risk);

// The version is what the etag says. Import marks are not part of a resource.
Source FromProto(const v1::Source& proto);
ProductLine FromProto(const v1::ProductLine& proto);
Product FromProto(const v1::Product& proto);
Process FromProto(const v1::Process& proto);
Opportunity FromProto(const v1::Opportunity& proto);
Order FromProto(const v1::Order& proto);

}  // namespace milepost::opportunity
