#include "platform/access/method_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "milepost/change/v1/change.pb.h"
#include "milepost/feed/v1/feed.pb.h"

namespace milepost::access {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kServices = {"milepost.feed.v1.FeedService",
                                            "milepost.change.v1.ChangeService"};

Identity As(RoleSet roles) { return {.member_id = "m", .roles = roles}; }

TEST(MethodAccessTest, ReadsOptionsOfLinkedServices) {
  feed::v1::Batch::descriptor();  // Keeps the messages linked in.
  change::v1::Change::descriptor();
  const absl::StatusOr<MethodAccess> access = MethodAccess::Read(kServices);
  ASSERT_TRUE(access.ok()) << access.status();
  const MethodRule* subscribe = access->Find("/milepost.feed.v1.FeedService/Subscribe");
  ASSERT_NE(subscribe, nullptr);
  EXPECT_EQ(subscribe->roles, RoleSet{Role::kService});
  EXPECT_FALSE(subscribe->mutates);
  const MethodRule* list = access->Find("/milepost.change.v1.ChangeService/ListChanges");
  ASSERT_NE(list, nullptr);
  EXPECT_TRUE(list->any_role);
  EXPECT_EQ(access->Find("/milepost.change.v1.ChangeService/Unknown"), nullptr);
  EXPECT_EQ(access->Find("milepost.change.v1.ChangeService.ListChanges"), nullptr);
}

TEST(MethodAccessTest, NamesServicesThatAreMissing) {
  const absl::StatusOr<MethodAccess> access = MethodAccess::Read({"milepost.none.v1.NoService"});
  EXPECT_EQ(access.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(access.status().message()), HasSubstr("milepost.none.v1.NoService"));
}

TEST(MethodAccessTest, RefusesMethodsWithoutOneClearRule) {
  google::protobuf::FileDescriptorProto file;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        name: "rule_test.proto"
        package: "rule_test"
        syntax: "proto3"
        dependency: "milepost/access/v1/access.proto"
        message_type { name: "M" }
        service {
          name: "S"
          method { name: "None" input_type: ".rule_test.M" output_type: ".rule_test.M" }
          method {
            name: "Nobody"
            input_type: ".rule_test.M"
            output_type: ".rule_test.M"
            options {
              [milepost.access.v1.access] { mutates: true }
            }
          }
          method {
            name: "Both"
            input_type: ".rule_test.M"
            output_type: ".rule_test.M"
            options {
              [milepost.access.v1.access] { any_role: true roles: REP }
            }
          }
          method {
            name: "Unknown"
            input_type: ".rule_test.M"
            output_type: ".rule_test.M"
            options {
              [milepost.access.v1.access] { roles: ROLE_UNSPECIFIED }
            }
          }
          method {
            name: "Good"
            input_type: ".rule_test.M"
            output_type: ".rule_test.M"
            options {
              [milepost.access.v1.access] { roles: REP mutates: true }
            }
          }
        })pb",
      &file));
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const google::protobuf::FileDescriptor* built = pool.BuildFile(file);
  ASSERT_NE(built, nullptr);
  const google::protobuf::ServiceDescriptor* service = built->service(0);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(RuleOf(*service->method(i)).status().code(), absl::StatusCode::kFailedPrecondition)
        << service->method(i)->name();
  }
  const absl::StatusOr<MethodRule> good = RuleOf(*service->method(4));
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(good->mutates);
}

TEST(MethodAccessTest, AllowsByRole) {
  const MethodRule reps{.roles = {Role::kRep}};
  EXPECT_TRUE(Allowed(reps, As({Role::kRep})));
  EXPECT_TRUE(Allowed(reps, As({Role::kAnalyst, Role::kRep})));
  EXPECT_TRUE(Allowed(reps, As({Role::kAdmin})));
  EXPECT_FALSE(Allowed(reps, As({Role::kManager})));
  EXPECT_FALSE(Allowed(reps, As({Role::kService})));
  const MethodRule any{.any_role = true};
  EXPECT_TRUE(Allowed(any, As({Role::kAnalyst})));
  EXPECT_FALSE(Allowed(any, As({})));
}

TEST(MethodAccessTest, AnalystChangesNothing) {
  const MethodRule any{.any_role = true, .mutates = true};
  EXPECT_FALSE(Allowed(any, As({Role::kAnalyst})));
  EXPECT_TRUE(Allowed(any, As({Role::kAnalyst, Role::kRep})));
  const MethodRule named{.roles = {Role::kAnalyst}, .mutates = true};
  EXPECT_FALSE(Allowed(named, As({Role::kAnalyst})));
}

}  // namespace
}  // namespace milepost::access
