#pragma once

#include <functional>
#include <string>

#include "customer-svc/service/parse.h"
#include "customer-svc/store/customer_store.h"
#include "customer-svc/store/interaction_store.h"
#include "milepost/customer/v1/customer.grpc.pb.h"
#include "platform/rpc/runner.h"

namespace milepost::customer {

// The edge of milepost.customer.v1.CustomerService. Safe from any thread; outlives the server.
class CustomerService final : public v1::CustomerService::CallbackService {
 public:
  // `currency_code` is the one amounts are in. Time and zone are the runner's.
  CustomerService(rpc::Runner& runner, const std::string& currency_code);

  grpc::ServerUnaryReactor* CreateCustomer(grpc::CallbackServerContext* context,
                                           const v1::CreateCustomerRequest* request,
                                           v1::Customer* response) override;
  grpc::ServerUnaryReactor* GetCustomer(grpc::CallbackServerContext* context,
                                        const v1::GetCustomerRequest* request,
                                        v1::Customer* response) override;
  grpc::ServerUnaryReactor* ListCustomers(grpc::CallbackServerContext* context,
                                          const v1::ListCustomersRequest* request,
                                          v1::ListCustomersResponse* response) override;
  grpc::ServerUnaryReactor* SearchCustomers(grpc::CallbackServerContext* context,
                                            const v1::SearchCustomersRequest* request,
                                            v1::SearchCustomersResponse* response) override;
  grpc::ServerUnaryReactor* UpdateCustomer(grpc::CallbackServerContext* context,
                                           const v1::UpdateCustomerRequest* request,
                                           v1::Customer* response) override;
  grpc::ServerUnaryReactor* AssignCustomer(grpc::CallbackServerContext* context,
                                           const v1::AssignCustomerRequest* request,
                                           v1::Customer* response) override;
  grpc::ServerUnaryReactor* TransferCustomer(grpc::CallbackServerContext* context,
                                             const v1::TransferCustomerRequest* request,
                                             v1::Customer* response) override;
  grpc::ServerWriteReactor<v1::HandOverCustomersResponse>* HandOverCustomers(
      grpc::CallbackServerContext* context, const v1::HandOverCustomersRequest* request) override;
  grpc::ServerUnaryReactor* ClaimCustomer(grpc::CallbackServerContext* context,
                                          const v1::ClaimCustomerRequest* request,
                                          v1::Customer* response) override;
  grpc::ServerUnaryReactor* ReleaseCustomer(grpc::CallbackServerContext* context,
                                            const v1::ReleaseCustomerRequest* request,
                                            v1::Customer* response) override;
  grpc::ServerUnaryReactor* GetPoolSettings(grpc::CallbackServerContext* context,
                                            const v1::GetPoolSettingsRequest* request,
                                            v1::PoolSettings* response) override;
  grpc::ServerUnaryReactor* UpdatePoolSettings(grpc::CallbackServerContext* context,
                                               const v1::UpdatePoolSettingsRequest* request,
                                               v1::PoolSettings* response) override;
  grpc::ServerUnaryReactor* FindDuplicateCustomers(
      grpc::CallbackServerContext* context, const v1::FindDuplicateCustomersRequest* request,
      v1::FindDuplicateCustomersResponse* response) override;
  grpc::ServerUnaryReactor* BatchCheckCustomers(grpc::CallbackServerContext* context,
                                                const v1::BatchCheckCustomersRequest* request,
                                                v1::BatchCheckCustomersResponse* response) override;
  grpc::ServerBidiReactor<v1::ImportCustomersRequest, v1::ImportCustomersResponse>* ImportCustomers(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::ExportCustomersResponse>* ExportCustomers(
      grpc::CallbackServerContext* context, const v1::ExportCustomersRequest* request) override;

 private:
  using Caller = rpc::Caller;

  absl::StatusOr<v1::Customer> Create(const Caller& caller, db::Session& db,
                                      const v1::CreateCustomerRequest& request);
  absl::StatusOr<v1::Customer> Get(const Caller& caller, db::Session& db,
                                   const v1::GetCustomerRequest& request);
  absl::StatusOr<v1::ListCustomersResponse> List(const Caller& caller, db::Session& db,
                                                 const v1::ListCustomersRequest& request);
  absl::StatusOr<v1::SearchCustomersResponse> Search(const Caller& caller, db::Session& db,
                                                     const v1::SearchCustomersRequest& request);
  absl::StatusOr<v1::Customer> Update(const Caller& caller, db::Session& db,
                                      const v1::UpdateCustomerRequest& request);
  absl::StatusOr<v1::Customer> Assign(const Caller& caller, db::Session& db,
                                      const v1::AssignCustomerRequest& request);
  absl::StatusOr<v1::Customer> Transfer(const Caller& caller, db::Session& db,
                                        const v1::TransferCustomerRequest& request);
  absl::Status HandOver(const Caller& caller, db::Session& db,
                        const v1::HandOverCustomersRequest& request,
                        rpc::Writer<v1::HandOverCustomersResponse>& out);
  absl::StatusOr<v1::Customer> Claim(const Caller& caller, db::Session& db,
                                     const v1::ClaimCustomerRequest& request);
  absl::StatusOr<v1::Customer> Release(const Caller& caller, db::Session& db,
                                       const v1::ReleaseCustomerRequest& request);
  absl::StatusOr<v1::PoolSettings> GetSettings(const Caller& caller, db::Session& db,
                                               const v1::GetPoolSettingsRequest& request);
  absl::StatusOr<v1::PoolSettings> UpdateSettings(const Caller& caller, db::Session& db,
                                                  const v1::UpdatePoolSettingsRequest& request);
  absl::StatusOr<v1::FindDuplicateCustomersResponse> FindDuplicates(
      const Caller& caller, db::Session& db, const v1::FindDuplicateCustomersRequest& request);
  absl::StatusOr<v1::BatchCheckCustomersResponse> BatchCheck(
      const Caller& caller, db::Session& db, const v1::BatchCheckCustomersRequest& request);
  absl::Status Import(const Caller& caller, db::Session& db,
                      rpc::Stream<v1::ImportCustomersRequest, v1::ImportCustomersResponse>& stream);
  absl::Status Export(const Caller& caller, db::Session& db,
                      const v1::ExportCustomersRequest& request,
                      rpc::Writer<v1::ExportCustomersResponse>& out);

  // Moves planned interactions of a member on this customer, or on any if it is empty; at most
  // `limit`. Returns how many.
  absl::StatusOr<int> MoveInteractions(db::Transaction& tx, const change::Context& why,
                                       const std::string& from_member_id,
                                       const std::string& to_member_id,
                                       const std::string& customer_id, const std::string& note,
                                       int limit);
  // OK if the parent exists and the caller may see it.
  absl::Status CheckParent(const Caller& caller, db::Snapshot& snapshot,
                           const std::string& parent_id) const;

  ParseContext parse_context() const;
  absl::CivilDay today() const;

  rpc::Runner& rpc_;
  const std::string currency_code_;
  CustomerStore customers_;
  InteractionStore interactions_;
};

}  // namespace milepost::customer
