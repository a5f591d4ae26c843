#pragma once

#include "milepost/organization/v1/unit.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/store/calendar_store.h"

namespace milepost::target {

class UnitService final : public organization::v1::UnitService::CallbackService {
 public:
  UnitService(rpc::Runner& rpc, Directory& directory);

  grpc::ServerUnaryReactor* GetUnit(grpc::CallbackServerContext* context,
                                    const organization::v1::GetUnitRequest* request,
                                    organization::v1::Unit* response) override;
  grpc::ServerUnaryReactor* ListUnits(grpc::CallbackServerContext* context,
                                      const organization::v1::ListUnitsRequest* request,
                                      organization::v1::ListUnitsResponse* response) override;
  grpc::ServerUnaryReactor* CreateUnit(grpc::CallbackServerContext* context,
                                       const organization::v1::CreateUnitRequest* request,
                                       organization::v1::Unit* response) override;
  grpc::ServerUnaryReactor* UpdateUnit(grpc::CallbackServerContext* context,
                                       const organization::v1::UpdateUnitRequest* request,
                                       organization::v1::Unit* response) override;
  grpc::ServerUnaryReactor* MoveUnit(grpc::CallbackServerContext* context,
                                     const organization::v1::MoveUnitRequest* request,
                                     organization::v1::Unit* response) override;
  grpc::ServerUnaryReactor* CloseUnit(grpc::CallbackServerContext* context,
                                      const organization::v1::CloseUnitRequest* request,
                                      organization::v1::Unit* response) override;
  grpc::ServerBidiReactor<organization::v1::ImportUnitsRequest,
                          organization::v1::ImportUnitsResponse>*
  ImportUnits(grpc::CallbackServerContext* context) override;

 private:
  using UnitResult = absl::StatusOr<organization::v1::Unit>;
  UnitResult Get(const rpc::Caller& caller, db::Session& db,
                 const organization::v1::GetUnitRequest& request);
  absl::StatusOr<organization::v1::ListUnitsResponse> List(
      const rpc::Caller& caller, db::Session& db,
      const organization::v1::ListUnitsRequest& request);
  UnitResult Create(const rpc::Caller& caller, db::Session& db,
                    const organization::v1::CreateUnitRequest& request);
  UnitResult Update(const rpc::Caller& caller, db::Session& db,
                    const organization::v1::UpdateUnitRequest& request);
  UnitResult Move(const rpc::Caller& caller, db::Session& db,
                  const organization::v1::MoveUnitRequest& request);
  UnitResult Close(const rpc::Caller& caller, db::Session& db,
                   const organization::v1::CloseUnitRequest& request);
  absl::Status Import(const rpc::Caller& caller, db::Session& db,
                      rpc::Stream<organization::v1::ImportUnitsRequest,
                                  organization::v1::ImportUnitsResponse>& stream);
  absl::StatusOr<organization::v1::ImportUnitsResponse> ImportRows(
      const rpc::Caller& caller, db::Session& db,
      const organization::v1::ImportUnitsRequest& request);

  // Loads a unit under the lock of the organization, applies `change` and saves it as `event_type`.
  template <typename Change>
  UnitResult ChangeUnit(const rpc::Caller& caller, db::Session& db,
                        const google::protobuf::Message& request, const std::string& id,
                        std::optional<int64_t> version, const char* event_type, Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
  CalendarStore calendars_;
};

}  // namespace milepost::target
