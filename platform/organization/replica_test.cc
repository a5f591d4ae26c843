#include "platform/organization/replica.h"

#include "gtest/gtest.h"
#include "milepost/organization/v1/member.pb.h"
#include "milepost/organization/v1/unit.pb.h"
#include "platform/testing/database.h"
#include "platform/testing/status_matchers.h"

namespace milepost::organization {
namespace {

using testing::IsOk;

const absl::CivilDay kToday(2025, 6, 15);

feed::v1::Event UnitEvent(const std::string& id, int64_t version, bool deleted = false) {
  v1::Unit unit;
  unit.set_name("units/" + id);
  v1::UnitPlacement& placement = *unit.add_placements();
  placement.mutable_first_date()->set_year(2020);
  placement.mutable_first_date()->set_month(1);
  placement.mutable_first_date()->set_day(1);
  feed::v1::Event event;
  event.set_aggregate_type("unit");
  event.set_aggregate(unit.name());
  event.set_version(version);
  event.set_deleted(deleted);
  event.mutable_state()->PackFrom(unit);
  return event;
}

feed::v1::Event MemberEvent(const std::string& id, int64_t version, const std::string& unit_id) {
  v1::Member member;
  member.set_name("members/" + id);
  v1::MemberPlacement& placement = *member.add_placements();
  placement.set_unit("units/" + unit_id);
  placement.mutable_first_date()->set_year(2020);
  placement.mutable_first_date()->set_month(1);
  placement.mutable_first_date()->set_day(1);
  feed::v1::Event event;
  event.set_aggregate_type("member");
  event.set_aggregate(member.name());
  event.set_version(version);
  event.mutable_state()->PackFrom(member);
  return event;
}

class ReplicaTest : public ::testing::Test {
 protected:
  ReplicaTest() : database_(ReplicaMigrations()), replica_(cache_) {}

  absl::Status Apply(const std::vector<feed::v1::Event>& events) {
    const change::Projection projection = replica_.projection();
    const absl::Status status = database_.session().Transact(
        [&](db::Transaction& tx) { return projection.apply(tx, events); });
    if (status.ok()) projection.applied(database_.session());
    return status;
  }

  testing::Database database_;
  access::OrganizationCache cache_;
  OrganizationReplica replica_;
};

TEST_F(ReplicaTest, IsReadyOnceItWasRead) {
  EXPECT_FALSE(replica_.Ready().ok());
  EXPECT_THAT(replica_.Load(database_.session()), IsOk());
  EXPECT_THAT(replica_.Ready(), IsOk());
}

TEST_F(ReplicaTest, KnowsUnitsAndMembersAlsoAfterARestart) {
  ASSERT_THAT(Apply({UnitEvent("west", 1), MemberEvent("anna", 1, "west")}), IsOk());
  EXPECT_TRUE(cache_.Get()->HasMember("anna", kToday));
  access::OrganizationCache cache;
  OrganizationReplica restarted(cache);
  ASSERT_THAT(restarted.Load(database_.session()), IsOk());
  EXPECT_TRUE(cache.Get()->HasUnit("west", kToday));
  EXPECT_EQ(cache.Get()->UnitOf("anna", kToday), "west");
}

TEST_F(ReplicaTest, OnlyNewerEventsCount) {
  ASSERT_THAT(Apply({UnitEvent("west", 1), UnitEvent("east", 1), MemberEvent("anna", 2, "east")}),
              IsOk());
  ASSERT_THAT(Apply({MemberEvent("anna", 1, "west"), MemberEvent("anna", 2, "west")}), IsOk());
  EXPECT_EQ(cache_.Get()->UnitOf("anna", kToday), "east");
  ASSERT_THAT(Apply({MemberEvent("anna", 3, "west")}), IsOk());
  EXPECT_EQ(cache_.Get()->UnitOf("anna", kToday), "west");
}

TEST_F(ReplicaTest, ADeletedUnitStaysDeleted) {
  ASSERT_THAT(Apply({UnitEvent("west", 1)}), IsOk());
  ASSERT_THAT(Apply({UnitEvent("west", 2, true)}), IsOk());
  ASSERT_THAT(Apply({UnitEvent("west", 1)}), IsOk());
  EXPECT_FALSE(cache_.Get()->HasUnit("west", kToday));
}

TEST_F(ReplicaTest, AStateThatIsNoUnitIsTheFaultOfItsEvent) {
  feed::v1::Event event = UnitEvent("west", 1);
  event.mutable_state()->set_value("\xff\xff");
  EXPECT_EQ(Apply({event}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ReplicaTest, ResetForgets) {
  ASSERT_THAT(Apply({UnitEvent("west", 1)}), IsOk());
  ASSERT_THAT(replica_.projection().reset(database_.session()), IsOk());
  ASSERT_THAT(replica_.Load(database_.session()), IsOk());
  EXPECT_FALSE(cache_.Get()->HasUnit("west", kToday));
}

}  // namespace
}  // namespace milepost::organization
