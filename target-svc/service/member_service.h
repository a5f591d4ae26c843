#pragma once

#include "milepost/organization/v1/member.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"

namespace milepost::target {

class MemberService final : public organization::v1::MemberService::CallbackService {
 public:
  MemberService(rpc::Runner& rpc, Directory& directory);

  grpc::ServerUnaryReactor* GetMember(grpc::CallbackServerContext* context,
                                      const organization::v1::GetMemberRequest* request,
                                      organization::v1::Member* response) override;
  grpc::ServerUnaryReactor* ListMembers(grpc::CallbackServerContext* context,
                                        const organization::v1::ListMembersRequest* request,
                                        organization::v1::ListMembersResponse* response) override;
  grpc::ServerUnaryReactor* CreateMember(grpc::CallbackServerContext* context,
                                         const organization::v1::CreateMemberRequest* request,
                                         organization::v1::Member* response) override;
  grpc::ServerUnaryReactor* UpdateMember(grpc::CallbackServerContext* context,
                                         const organization::v1::UpdateMemberRequest* request,
                                         organization::v1::Member* response) override;
  grpc::ServerUnaryReactor* MoveMember(grpc::CallbackServerContext* context,
                                       const organization::v1::MoveMemberRequest* request,
                                       organization::v1::Member* response) override;
  grpc::ServerUnaryReactor* EndMember(grpc::CallbackServerContext* context,
                                      const organization::v1::EndMemberRequest* request,
                                      organization::v1::Member* response) override;
  grpc::ServerBidiReactor<organization::v1::ImportMembersRequest,
                          organization::v1::ImportMembersResponse>*
  ImportMembers(grpc::CallbackServerContext* context) override;

 private:
  using MemberResult = absl::StatusOr<organization::v1::Member>;
  MemberResult Get(const rpc::Caller& caller, db::Session& db,
                   const organization::v1::GetMemberRequest& request);
  absl::StatusOr<organization::v1::ListMembersResponse> List(
      const rpc::Caller& caller, db::Session& db,
      const organization::v1::ListMembersRequest& request);
  MemberResult Create(const rpc::Caller& caller, db::Session& db,
                      const organization::v1::CreateMemberRequest& request);
  MemberResult Update(const rpc::Caller& caller, db::Session& db,
                      const organization::v1::UpdateMemberRequest& request);
  MemberResult Move(const rpc::Caller& caller, db::Session& db,
                    const organization::v1::MoveMemberRequest& request);
  MemberResult End(const rpc::Caller& caller, db::Session& db,
                   const organization::v1::EndMemberRequest& request);
  absl::Status Import(const rpc::Caller& caller, db::Session& db,
                      rpc::Stream<organization::v1::ImportMembersRequest,
                                  organization::v1::ImportMembersResponse>& stream);
  absl::StatusOr<organization::v1::ImportMembersResponse> ImportRows(
      const rpc::Caller& caller, db::Session& db,
      const organization::v1::ImportMembersRequest& request);

  // Loads a member under the lock of the organization, applies `change` and saves it as
  // `event_type`.
  template <typename Change>
  MemberResult ChangeMember(const rpc::Caller& caller, db::Session& db,
                            const google::protobuf::Message& request, const std::string& id,
                            std::optional<int64_t> version, const char* event_type, Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
};

}  // namespace milepost::target
