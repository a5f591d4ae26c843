#pragma once

#include "customer-svc/domain/contact.h"
#include "customer-svc/domain/customer.h"
#include "customer-svc/domain/interaction.h"
#include "milepost/customer/v1/contact.pb.h"
#include "milepost/customer/v1/customer.pb.h"
#include "milepost/customer/v1/interaction.pb.h"

// The public resources: what the API answers and the feed carries. Complete and unmasked.
namespace milepost::customer {

v1::Customer ToProto(const Customer& customer);
v1::Contact ToProto(const Contact& contact);
v1::Interaction ToProto(const Interaction& interaction);
v1::PoolSettings ToProto(const PoolSettings& settings);

}  // namespace milepost::customer
