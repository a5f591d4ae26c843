#pragma once

#include "customer-svc/store/contact_store.h"
#include "customer-svc/store/customer_store.h"
#include "milepost/customer/v1/contact.grpc.pb.h"
#include "platform/rpc/runner.h"

namespace milepost::customer {

// The edge of milepost.customer.v1.ContactService. Safe from any thread; outlives the server.
class ContactService final : public v1::ContactService::CallbackService {
 public:
  explicit ContactService(rpc::Runner& runner);

  grpc::ServerUnaryReactor* CreateContact(grpc::CallbackServerContext* context,
                                          const v1::CreateContactRequest* request,
                                          v1::Contact* response) override;
  grpc::ServerUnaryReactor* GetContact(grpc::CallbackServerContext* context,
                                       const v1::GetContactRequest* request,
                                       v1::Contact* response) override;
  grpc::ServerUnaryReactor* ListContacts(grpc::CallbackServerContext* context,
                                         const v1::ListContactsRequest* request,
                                         v1::ListContactsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateContact(grpc::CallbackServerContext* context,
                                          const v1::UpdateContactRequest* request,
                                          v1::Contact* response) override;
  grpc::ServerUnaryReactor* DeleteContact(grpc::CallbackServerContext* context,
                                          const v1::DeleteContactRequest* request,
                                          google::protobuf::Empty* response) override;

 private:
  absl::StatusOr<v1::Contact> Create(const rpc::Caller& caller, db::Session& db,
                                     const v1::CreateContactRequest& request);
  absl::StatusOr<v1::Contact> Get(const rpc::Caller& caller, db::Session& db,
                                  const v1::GetContactRequest& request);
  absl::StatusOr<v1::ListContactsResponse> List(const rpc::Caller& caller, db::Session& db,
                                                const v1::ListContactsRequest& request);
  absl::StatusOr<v1::Contact> Update(const rpc::Caller& caller, db::Session& db,
                                     const v1::UpdateContactRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const rpc::Caller& caller, db::Session& db,
                                                 const v1::DeleteContactRequest& request);
  // For a repeated request: masks by the customer's present owner.
  absl::Status MaskReplay(const rpc::Caller& caller, db::Session& db, v1::Contact& contact);

  rpc::Runner& rpc_;
  ContactStore contacts_;
  CustomerStore customers_;
};

}  // namespace milepost::customer
