#pragma once

#include <optional>
#include <string>
#include <vector>

#include "milepost/target/v1/letter.grpc.pb.h"
#include "platform/rpc/runner.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/letter_store.h"
#include "target-svc/store/metric_store.h"
#include "target-svc/store/plan_store.h"

namespace milepost::target {

class LetterService final : public v1::LetterService::CallbackService {
 public:
  LetterService(rpc::Runner& rpc, Directory& directory);

  grpc::ServerUnaryReactor* GetLetter(grpc::CallbackServerContext* context,
                                      const v1::GetLetterRequest* request,
                                      v1::Letter* response) override;
  grpc::ServerUnaryReactor* ListLetters(grpc::CallbackServerContext* context,
                                        const v1::ListLettersRequest* request,
                                        v1::ListLettersResponse* response) override;
  grpc::ServerUnaryReactor* CreateLetter(grpc::CallbackServerContext* context,
                                         const v1::CreateLetterRequest* request,
                                         v1::Letter* response) override;
  grpc::ServerUnaryReactor* UpdateLetter(grpc::CallbackServerContext* context,
                                         const v1::UpdateLetterRequest* request,
                                         v1::Letter* response) override;
  grpc::ServerUnaryReactor* SignLetter(grpc::CallbackServerContext* context,
                                       const v1::SignLetterRequest* request,
                                       v1::Letter* response) override;
  grpc::ServerUnaryReactor* WithdrawLetter(grpc::CallbackServerContext* context,
                                           const v1::WithdrawLetterRequest* request,
                                           v1::Letter* response) override;
  grpc::ServerUnaryReactor* VerifyLetter(grpc::CallbackServerContext* context,
                                         const v1::VerifyLetterRequest* request,
                                         v1::VerifyLetterResponse* response) override;

 private:
  using LetterResult = absl::StatusOr<v1::Letter>;
  LetterResult Get(const rpc::Caller& caller, db::Session& db, const v1::GetLetterRequest& request);
  absl::StatusOr<v1::ListLettersResponse> List(const rpc::Caller& caller, db::Session& db,
                                               const v1::ListLettersRequest& request);
  LetterResult Create(const rpc::Caller& caller, db::Session& db,
                      const v1::CreateLetterRequest& request);
  LetterResult Update(const rpc::Caller& caller, db::Session& db,
                      const v1::UpdateLetterRequest& request);
  LetterResult Sign(const rpc::Caller& caller, db::Session& db,
                    const v1::SignLetterRequest& request);
  LetterResult Withdraw(const rpc::Caller& caller, db::Session& db,
                        const v1::WithdrawLetterRequest& request);
  absl::StatusOr<v1::VerifyLetterResponse> Verify(const rpc::Caller& caller, db::Session& db,
                                                  const v1::VerifyLetterRequest& request);

  // NOT_FOUND also for a letter that the caller may not see.
  absl::StatusOr<Letter> FindLetter(const rpc::Caller& caller, db::Snapshot& snapshot,
                                    const Reader::NodeIds& ids, const std::string& name) const;
  // The nodes of the letter's targets that are there, now or in a version.
  absl::StatusOr<std::vector<Node>> TargetNodes(db::Snapshot& snapshot, const Letter& letter) const;
  // Checks period and KPIs against the plan, and puts the targets in as they are now.
  absl::StatusOr<Letter> Complete(db::Snapshot& snapshot, const Plan& plan, Letter letter);

  // Loads a letter that the caller may see with its plan, applies `change` and saves it as
  // `change` says.
  template <typename Change>
  LetterResult ChangeLetter(const rpc::Caller& caller, db::Session& db,
                            const google::protobuf::Message& request, const Reader::NodeIds& ids,
                            const std::string& name, std::optional<int64_t> version, Change change);

  rpc::Runner& rpc_;
  Directory& directory_;
  PlanStore plans_;
  MetricStore metrics_;
  LetterStore letters_;
};

}  // namespace milepost::target
