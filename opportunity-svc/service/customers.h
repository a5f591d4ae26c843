#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "milepost/customer/v1/customer.grpc.pb.h"
#include "platform/rpc/caller.h"

namespace milepost::opportunity {

// Asks customer-svc, as the caller and within the caller's deadline, which customers there are.
// Safe from any thread.
class Customers {
 public:
  explicit Customers(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(customer::v1::CustomerService::NewStub(channel)) {}

  // Those of `ids` (bare, empty ones are skipped, at most 500 different ones) that do not exist or
  // that the caller may not see. One call, none if there is nothing to ask. CUSTOMERS_UNAVAILABLE
  // if there is no answer.
  absl::StatusOr<std::set<std::string>> Missing(const rpc::Caller& caller,
                                                const std::vector<std::string>& ids);

  // A caller may have no deadline of its own; then the answer is waited for so long.
  static constexpr absl::Duration kLongestWait = absl::Seconds(10);

 private:
  const std::unique_ptr<customer::v1::CustomerService::Stub> stub_;
};

}  // namespace milepost::opportunity
