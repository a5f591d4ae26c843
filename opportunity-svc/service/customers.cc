#include "opportunity-svc/service/customers.h"

#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"
#include "platform/rpc/status.h"

namespace milepost::opportunity {

absl::StatusOr<std::set<std::string>> Customers::Missing(const rpc::Caller& caller,
                                                         const std::vector<std::string>& ids) {
  std::set<std::string> asked(ids.begin(), ids.end());
  asked.erase("");
  std::set<std::string> missing;
  if (asked.empty()) return missing;
  customer::v1::BatchCheckCustomersRequest request;
  for (const std::string& id : asked) request.add_names(resource::Name(kCustomers, id));
  customer::v1::BatchCheckCustomersResponse response;
  grpc::ClientContext context;
  caller.Prepare(context);
  // A stream may have no deadline of its own.
  const auto latest = std::chrono::system_clock::now() + absl::ToChronoSeconds(kLongestWait);
  if (context.deadline() > latest) context.set_deadline(latest);
  const grpc::Status status = stub_->BatchCheckCustomers(&context, request, &response);
  if (!status.ok()) {
    // Whatever customer-svc says about the question as such, it is no answer to it.
    return error::CustomersUnavailable(rpc::CodeName(status.error_code()));
  }
  if (response.checks_size() != request.names_size())
    return error::CustomersUnavailable("incomplete answer");
  for (int i = 0; i < response.checks_size(); ++i) {
    if (!response.checks(i).found()) missing.insert(*resource::IdOf(kCustomers, request.names(i)));
  }
  return missing;
}

}  // namespace milepost::opportunity
