#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "customer-svc/service/parse.h"
#include "customer-svc/store/customer_store.h"
#include "milepost/customer/v1/customer.pb.h"
#include "platform/db/session.h"
#include "platform/rpc/caller.h"

namespace milepost::customer {

// Writes one batch of an import and tells what became of every row, in order. Good rows are written
// in one transaction; if that fails, row by row. INVALID_ARGUMENT if the batch itself is wrong;
// another error if the database is away: then nothing is known of the batch, and sending it again
// is safe.
absl::StatusOr<v1::ImportCustomersResponse> ImportBatch(const rpc::Caller& caller, db::Session& db,
                                                        const CustomerStore& store,
                                                        const ParseContext& context, absl::Time now,
                                                        const v1::ImportCustomersRequest& request);

}  // namespace milepost::customer
