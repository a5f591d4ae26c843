#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "milepost/opportunity/v1/order.pb.h"
#include "opportunity-svc/domain/order.h"
#include "opportunity-svc/service/parse.h"
#include "opportunity-svc/service/references.h"

namespace milepost::opportunity {

// Lines as asked for; a line without a cost takes that of its product later.
struct LineInput {
  OrderLine line;
  bool has_cost = false;
};
std::vector<LineInput> ReadLines(
    const google::protobuf::RepeatedPtrField<v1::OrderLineInput>& lines, size_t min,
    Reader& reader);

// Fills in costs. REFERENCE_MISSING or REFERENCE_ARCHIVED for a product that cannot be sold, unless
// it is `kept`.
absl::StatusOr<std::vector<OrderLine>> PriceLines(db::Snapshot& snapshot, References& references,
                                                  const std::vector<LineInput>& lines,
                                                  const std::string& kept);

}  // namespace milepost::opportunity
