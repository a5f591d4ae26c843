#pragma once

#include "milepost/opportunity/v1/order.grpc.pb.h"
#include "opportunity-svc/service/parts.h"
#include "opportunity-svc/store/order_store.h"

namespace milepost::opportunity {

// Keeps orders. Contracts are in the proto.
class OrderService final : public v1::OrderService::CallbackService {
 public:
  explicit OrderService(Parts parts);

  grpc::ServerUnaryReactor* GetOrder(grpc::CallbackServerContext* context,
                                     const v1::GetOrderRequest* request,
                                     v1::Order* response) override;
  grpc::ServerUnaryReactor* ListOrders(grpc::CallbackServerContext* context,
                                       const v1::ListOrdersRequest* request,
                                       v1::ListOrdersResponse* response) override;
  grpc::ServerUnaryReactor* CreateOrder(grpc::CallbackServerContext* context,
                                        const v1::CreateOrderRequest* request,
                                        v1::Order* response) override;
  grpc::ServerUnaryReactor* UpdateOrder(grpc::CallbackServerContext* context,
                                        const v1::UpdateOrderRequest* request,
                                        v1::Order* response) override;
  grpc::ServerUnaryReactor* ConfirmOrder(grpc::CallbackServerContext* context,
                                         const v1::ConfirmOrderRequest* request,
                                         v1::Order* response) override;
  grpc::ServerUnaryReactor* CancelOrder(grpc::CallbackServerContext* context,
                                        const v1::CancelOrderRequest* request,
                                        v1::Order* response) override;
  grpc::ServerUnaryReactor* ReturnOrder(grpc::CallbackServerContext* context,
                                        const v1::ReturnOrderRequest* request,
                                        v1::Order* response) override;
  grpc::ServerUnaryReactor* RecordCollection(grpc::CallbackServerContext* context,
                                             const v1::RecordCollectionRequest* request,
                                             v1::Order* response) override;

 private:
  using Result = absl::StatusOr<v1::Order>;
  Result Get(const rpc::Caller& caller, db::Session& db, const v1::GetOrderRequest& request);
  absl::StatusOr<v1::ListOrdersResponse> List(const rpc::Caller& caller, db::Session& db,
                                              const v1::ListOrdersRequest& request);
  Result Create(const rpc::Caller& caller, db::Session& db, const v1::CreateOrderRequest& request);
  Result Update(const rpc::Caller& caller, db::Session& db, const v1::UpdateOrderRequest& request);
  Result Confirm(const rpc::Caller& caller, db::Session& db,
                 const v1::ConfirmOrderRequest& request);
  Result Cancel(const rpc::Caller& caller, db::Session& db, const v1::CancelOrderRequest& request);
  Result Return(const rpc::Caller& caller, db::Session& db, const v1::ReturnOrderRequest& request);
  Result Collect(const rpc::Caller& caller, db::Session& db,
                 const v1::RecordCollectionRequest& request);

  // Loads, checks the scope, lets `apply` decide (order, now), saves.
  template <typename Request, typename Apply>
  Result Change(const rpc::Caller& caller, db::Session& db, const Request& request,
                const std::string& id, const std::string& event, Apply apply);

  const Parts parts_;
  const OrderStore store_{};
};

}  // namespace milepost::opportunity
