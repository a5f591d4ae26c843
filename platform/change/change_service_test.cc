#include "platform/change/change_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "milepost/customer/v1/contact.pb.h"
#include "milepost/customer/v1/customer.pb.h"
#include "platform/change/change.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"
#include "platform/types/proto.h"

namespace milepost::change {
namespace {

using access::Role;
using milepost::testing::Fails;
using milepost::testing::IsOk;
using milepost::testing::NamesField;

class ChangeServiceTest : public ::testing::Test {
 protected:
  ChangeServiceTest()
      : session_(host_.database().NewSession()),
        service_(host_.runner(),
                 [](const rpc::Caller& caller, db::Session&, const std::string& record) {
                   return caller.scope().sees_all() || record == "customers/acme";
                 }) {
    host_.Start({&service_});
    stub_ = v1::ChangeService::NewStub(host_.channel());
  }

  void Write(const google::protobuf::Message& state, const std::string& name, int64_t version,
             bool deleted = false) {
    ASSERT_THAT(session_->Transact([&](db::Transaction& tx) {
      return Record(tx, {.actor = "mei", .calling_service = "crm", .reason = "来电"},
                    {.type = absl::StrCat("customer.v", version),
                     .aggregate_type = "customer",
                     .name = name,
                     .version = version,
                     .state = state,
                     .deleted = deleted});
    }),
                IsOk());
  }

  static customer::v1::Customer Acme(const std::string& phone) {
    customer::v1::Customer customer;
    customer.set_name("customers/acme");
    customer.set_owner("members/mei");
    customer.set_phone(phone);
    customer.set_etag(phone);
    return customer;
  }

  v1::ListChangesResponse List(const std::string& member, Role role, int page_size = 0,
                               const std::string& token = "") {
    v1::ListChangesRequest request;
    request.set_record("customers/acme");
    request.set_page_size(page_size);
    request.set_page_token(token);
    v1::ListChangesResponse response;
    const auto context = host_.Call(member, {role});
    EXPECT_THAT(stub_->ListChanges(context.get(), request, &response), IsOk());
    return response;
  }

  milepost::testing::ServiceHost host_{{}};
  std::unique_ptr<db::Session> session_;
  ChangeService service_;
  std::unique_ptr<v1::ChangeService::Stub> stub_;
};

TEST_F(ChangeServiceTest, ListsWhatChanged) {
  Write(Acme("13812345678"), "customers/acme", 1);
  Write(Acme("13887654321"), "customers/acme", 2);
  Write(Acme("13887654321"), "customers/acme", 3, /*deleted=*/true);
  const v1::ListChangesResponse response = List("mei", Role::kRep);
  ASSERT_EQ(response.changes_size(), 3);
  const v1::Change& second = response.changes(1);
  EXPECT_EQ(second.version(), 2);
  EXPECT_EQ(second.type(), "customer.v2");
  EXPECT_EQ(second.actor(), "mei");
  EXPECT_EQ(second.calling_service(), "crm");
  EXPECT_EQ(second.reason(), "来电");
  ASSERT_EQ(second.fields_size(), 1) << "the etag is no news";
  EXPECT_EQ(second.fields(0).path(), "phone");
  EXPECT_EQ(second.fields(0).before(), "13812345678");
  EXPECT_EQ(second.fields(0).after(), "13887654321");
  EXPECT_TRUE(response.changes(2).fields_size() > 0 && !response.changes(2).has_state());
}

TEST_F(ChangeServiceTest, MasksThePersonForOthers) {
  Write(Acme("13812345678"), "customers/acme", 1);
  Write(Acme("13887654321"), "customers/acme", 2);
  for (const Role role : {Role::kAnalyst, Role::kMarketing, Role::kRep}) {
    const v1::ListChangesResponse response = List("li", role);
    ASSERT_EQ(response.changes_size(), 2);
    EXPECT_EQ(response.changes(1).fields(0).before(), "138****5678");
    EXPECT_EQ(response.changes(1).fields(0).after(), "138****4321");
    customer::v1::Customer state;
    ASSERT_TRUE(response.changes(1).state().UnpackTo(&state));
    EXPECT_EQ(state.phone(), "138****4321");
  }
  EXPECT_EQ(List("root", Role::kAdmin).changes(1).fields(0).after(), "13887654321");
}

TEST_F(ChangeServiceTest, PagesOfEverySize) {
  for (int64_t version = 1; version <= 5; ++version) {
    Write(Acme(absl::StrCat("1381234567", version)), "customers/acme", version);
  }
  const v1::ListChangesResponse all = List("mei", Role::kRep);
  for (int size = 1; size <= 6; ++size) {
    v1::ListChangesResponse joined;
    std::string token;
    do {
      const v1::ListChangesResponse page = List("mei", Role::kRep, size, token);
      EXPECT_LE(page.changes_size(), size);
      joined.mutable_changes()->MergeFrom(page.changes());
      token = page.next_page_token();
    } while (!token.empty());
    EXPECT_EQ(joined.SerializeAsString(), all.SerializeAsString()) << "pages of " << size;
  }
}

TEST_F(ChangeServiceTest, ReadsThePast) {
  Write(Acme("13812345671"), "customers/acme", 1);
  Write(Acme("13812345672"), "customers/acme", 2);
  Write(Acme("13812345672"), "customers/acme", 3, /*deleted=*/true);
  const v1::ListChangesResponse all = List("mei", Role::kRep);
  const auto as_of = [&](absl::Time time, v1::Change* change) {
    v1::GetRecordAsOfRequest request;
    request.set_record("customers/acme");
    *request.mutable_as_of_time() = ToProto(time);
    const auto context = host_.Call("mei", {Role::kRep});
    return stub_->GetRecordAsOf(context.get(), request, change);
  };
  const absl::Time first = FromProto(all.changes(0).change_time());
  const absl::Time second = FromProto(all.changes(1).change_time());
  v1::Change change;
  EXPECT_THAT(as_of(first - absl::Microseconds(1), &change),
              Fails(absl::StatusCode::kNotFound, "RECORD_NOT_FOUND"));
  ASSERT_THAT(as_of(first, &change), IsOk());
  EXPECT_EQ(change.version(), 1);
  ASSERT_THAT(as_of(second, &change), IsOk());
  EXPECT_EQ(change.version(), 2);
  EXPECT_EQ(change.fields(0).before(), "13812345671");
  EXPECT_THAT(as_of(FromProto(all.changes(2).change_time()), &change),
              Fails(absl::StatusCode::kNotFound, "RECORD_NOT_FOUND"));
}

TEST_F(ChangeServiceTest, HiddenAndAbsentAnswerAlike) {
  Write(Acme("1"), "customers/hidden", 1);
  std::vector<std::string> messages;
  for (const char* record : {"customers/hidden", "customers/absent"}) {
    v1::ListChangesRequest request;
    request.set_record(record);
    v1::ListChangesResponse response;
    const auto context = host_.Call("li", {Role::kRep});
    const grpc::Status status = stub_->ListChanges(context.get(), request, &response);
    EXPECT_THAT(status, Fails(absl::StatusCode::kNotFound, "RECORD_NOT_FOUND"));
    messages.push_back(status.error_message().substr(status.error_message().find(' ')));
  }
  EXPECT_EQ(messages[0], messages[1]);
}

TEST_F(ChangeServiceTest, NamesEveryBadField) {
  v1::ListChangesRequest request;
  request.set_page_size(501);
  request.set_page_token("bogus");
  v1::ListChangesResponse response;
  auto context = host_.Call("mei", {Role::kRep});
  const grpc::Status status = stub_->ListChanges(context.get(), request, &response);
  EXPECT_THAT(status, NamesField("record"));
  EXPECT_THAT(status, NamesField("page_size"));
  EXPECT_THAT(status, NamesField("page_token"));
  v1::Change change;
  context = host_.Call("mei", {Role::kRep});
  const grpc::Status as_of = stub_->GetRecordAsOf(context.get(), {}, &change);
  EXPECT_THAT(as_of, NamesField("record"));
  EXPECT_THAT(as_of, NamesField("as_of_time"));
}

}  // namespace
}  // namespace milepost::change
