// Serves milepost.change.v1.ChangeService: the history of this service's records.
#pragma once

#include <functional>
#include <string>

#include "milepost/change/v1/change.grpc.pb.h"
#include "platform/rpc/runner.h"

namespace milepost::change {

// Whether the caller may see the record of this resource name at all; hidden and absent answer
// alike. The service decides, because it knows the owner.
using MaySeeRecord =
    std::function<bool(const rpc::Caller&, db::Session&, const std::string& record)>;

// Whose record it is, by its newest state, where it does not say so itself: `members/{member}`, or
// "" if nobody's.
using OwnerOfRecord =
    std::function<std::string(db::Session&, const google::protobuf::Message& newest)>;

// Personal data is shown to callers whose scope has the person: by the record's `owner` field (in
// its newest state) or what `owner_of` says, else only to those who may know everybody. All methods
// may be called by any thread.
class ChangeService final : public v1::ChangeService::CallbackService {
 public:
  // Without `may_see`, only callers who see everything read histories; without `owner_of`, the
  // `owner` field counts. The runner outlives this.
  ChangeService(rpc::Runner& runner, MaySeeRecord may_see, OwnerOfRecord owner_of = nullptr);

  grpc::ServerUnaryReactor* ListChanges(grpc::CallbackServerContext* context,
                                        const v1::ListChangesRequest* request,
                                        v1::ListChangesResponse* response) override;
  grpc::ServerUnaryReactor* GetRecordAsOf(grpc::CallbackServerContext* context,
                                          const v1::GetRecordAsOfRequest* request,
                                          v1::Change* response) override;

 private:
  absl::StatusOr<v1::ListChangesResponse> List(const rpc::Caller& caller, db::Session& session,
                                               const v1::ListChangesRequest& request) const;
  absl::StatusOr<v1::Change> GetAsOf(const rpc::Caller& caller, db::Session& session,
                                     const v1::GetRecordAsOfRequest& request) const;
  bool MaySee(const rpc::Caller& caller, db::Session& session, const std::string& record) const;
  bool ShowsPersons(const rpc::Caller& caller, db::Session& session,
                    const google::protobuf::Message& newest) const;

  rpc::Runner& rpc_;
  const MaySeeRecord may_see_;
  const OwnerOfRecord owner_of_;
};

}  // namespace milepost::change
