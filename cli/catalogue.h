#pragma once

#include <string>
#include <vector>

namespace milepost::cli {

// A verb that is one RPC: `milepostctl customer get NAME`.
struct Verb {
  const char* family;
  const char* verb;
  const char* method;  // "milepost.customer.v1.CustomerService.GetCustomer"
  // Request fields that are typed without a flag, in order.
  std::vector<const char*> positional;
  // Collection of the `name` argument, so that a bare id will do: "customers".
  const char* collection = "";
};

// All of them, families together, in the order of the help.
const std::vector<Verb>& Verbs();

// One line about a family.
const char* FamilySummary(const std::string& family);

}  // namespace milepost::cli
