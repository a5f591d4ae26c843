#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/client.h"
#include "milepost/customer/v1/customer.pb.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "milepost/opportunity/v1/process.pb.h"
#include "milepost/opportunity/v1/product.pb.h"
#include "milepost/opportunity/v1/source.pb.h"
#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"

// Loads a company through the services' own streaming imports.
namespace milepost::cli {

// What is to be loaded. Rows carry their line in the user's file, or a running number.
struct Dataset {
  std::vector<organization::v1::ImportUnitRow> units;  // Parents before children.
  std::vector<organization::v1::ImportMemberRow> members;
  std::vector<customer::v1::ImportCustomersRow> customers;
  std::vector<opportunity::v1::ImportProductRow> products;
  std::vector<opportunity::v1::ImportSourceRow> sources;
  std::vector<opportunity::v1::Process> processes;  // `name` is the id to create.
  std::vector<opportunity::v1::ImportOpportunityRow> opportunities;
};

// A row that was repaired on the way in, or refused.
struct RowNote {
  std::string file;
  int64_t line = 0;
  std::string text;
};

// What became of the rows of one kind.
struct LoadCount {
  std::string what;
  int64_t created = 0;
  int64_t updated = 0;
  int64_t unchanged = 0;
  int64_t refused = 0;
};

struct LoadResult {
  std::vector<LoadCount> counts;
  std::vector<RowNote> refused;
};

// Loads everything, in the order in which the parts refer to each other, with a progress bar. Safe
// to repeat. Replicas of the organization follow within seconds, so rows refused only for an
// unknown member or customer are sent again for a while. An error if a service could not be reached
// or ended the stream.
absl::StatusOr<LoadResult> Load(Client& client, const Dataset& dataset);

// Prints counts, then repaired and refused rows (the first of each kind; all of them with `all`).
void PrintLoad(const LoadResult& result, const std::vector<RowNote>& repaired, bool all);

// A lower-case id from a name: "Acme Corporation" → "acme-corporation"; what cannot be an id gets a
// hash.
std::string IdFrom(const std::string& text, char prefix);

}  // namespace milepost::cli
