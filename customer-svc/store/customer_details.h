#pragma once

#include <string>

#include "customer-svc/domain/customer.h"

// The parts of a customer that no query looks into, as one text column.
namespace milepost::customer {

// Tags, addresses and attributes.
std::string WriteDetails(const Customer& customer);
// Into the same three fields; unknown members are skipped, so that an older build reads a newer
// row.
void ReadDetails(const std::string& text, Customer& customer);

}  // namespace milepost::customer
