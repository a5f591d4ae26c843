#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "opportunity-svc/service/parts.h"
#include "opportunity-svc/store/opportunity_store.h"
#include "opportunity-svc/store/order_store.h"
#include "platform/rpc/caller.h"

namespace milepost::opportunity {

// Carries out the requests of one ImportOpportunities stream, one after the other. The arguments
// outlive it.
class OpportunityImport {
 public:
  OpportunityImport(const Parts& parts, const rpc::Caller& caller, db::Session& db)
      : parts_(parts), caller_(caller), db_(db) {}

  // One result for each row. An error if nothing can be said about rows: the database or
  // customer-svc is away, or the request itself is malformed; what was written before stays.
  absl::StatusOr<v1::ImportOpportunitiesResponse> Run(
      const v1::ImportOpportunitiesRequest& request);

  // Rows written by one transaction: with their orders and changes it stays within a thousand rows.
  static constexpr size_t kRowsPerTransaction = 250;

 private:
  struct Row {
    ImportRow row;
    std::shared_ptr<const Definition> definition;
    int64_t unit_cost = 0;
    v1::ImportResult* result = nullptr;
  };

  // Checks owners, products, sources, processes and customers of all rows at once; those that refer
  // to something unknown are refused and taken out.
  absl::Status CheckReferences(std::vector<Row>& rows);
  // Writes rows in one transaction; outcomes are set only if it commits.
  absl::Status Write(const change::Context& why, std::span<const Row> rows);
  // The order that a row's opportunity has now: made, mended or taken back.
  absl::Status WriteOrder(db::Transaction& tx, const change::Context& why, const Row& row,
                          absl::Time now);
  absl::StatusOr<Order> OrderOf(const Row& row, absl::Time now) const;

  const Parts& parts_;
  const rpc::Caller& caller_;
  db::Session& db_;
  const OpportunityStore store_{};
  const OrderStore orders_{};
};

}  // namespace milepost::opportunity
