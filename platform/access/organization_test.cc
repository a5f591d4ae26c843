#include "platform/access/organization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "platform/access/organization_proto.h"

namespace milepost::access {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const absl::CivilDay kStart(2016, 1, 1);
const absl::CivilDay kMid(2017, 7, 1);
const absl::CivilDay kToday(2018, 3, 1);

Identity As(const std::string& member, RoleSet roles) {
  return {.member_id = member, .roles = roles};
}

Member Rep(const std::string& id, const std::string& unit) {
  return {.id = id, .placements = {{unit, kStart}}};
}

Member Leader(const std::string& id, const std::string& unit) {
  Member member = Rep(id, unit);
  member.manages = {{unit, kStart, std::nullopt}};
  return member;
}

// company ─ east ─ east-1
//         └ west ─ west-1 (until mid 2017 under east)
Organization Company() {
  Member mover = Rep("mover", "east-1");
  mover.placements.push_back({"west-1", kMid});
  Member leaver = Rep("leaver", "west-1");
  leaver.last_day = kMid;
  Member matrix = Rep("matrix", "east-1");
  matrix.matrix_lines = {{"west", kMid, std::nullopt}};
  Member interim = Rep("interim", "east-1");
  interim.manages = {{"west-1", kStart, kMid}};
  Member future = Rep("future", "west-1");
  future.placements = {{"west-1", kToday + 1}};
  Member gone_leader = Leader("gone-leader", "west");
  gone_leader.last_day = kMid;
  return Organization({{.id = "company", .parents = {{"", kStart}}},
                       {.id = "east", .parents = {{"company", kStart}}},
                       {.id = "west", .parents = {{"company", kStart}}},
                       {.id = "east-1", .parents = {{"east", kStart}}},
                       {.id = "west-1", .parents = {{"west", kMid}, {"east", kStart}}},
                       {.id = "closed", .parents = {{"west", kStart}}, .last_day = kMid}},
                      {Leader("ceo", "company"), Leader("easter", "east"), Leader("wester", "west"),
                       Rep("e1", "east-1"), Rep("w1", "west-1"), mover, leaver, matrix, interim,
                       future, gone_leader});
}

TEST(OrganizationTest, RepSeesOwnAndThePool) {
  const Organization company = Company();
  const Scope scope = company.ScopeOf(As("e1", {Role::kRep}), kToday);
  EXPECT_FALSE(scope.sees_all());
  EXPECT_THAT(scope.owners(), ElementsAre("e1"));
  EXPECT_TRUE(scope.MaySee("e1"));
  EXPECT_TRUE(scope.MaySee("members/e1"));
  EXPECT_TRUE(scope.MaySee(""));
  EXPECT_FALSE(scope.MaySee("w1"));
  EXPECT_FALSE(scope.MaySee("members/w1"));
  EXPECT_TRUE(scope.MayChange("members/e1"));
  EXPECT_FALSE(scope.MayChange(""));
  EXPECT_TRUE(scope.MaySeePersonal("e1"));
  EXPECT_FALSE(scope.MaySeePersonal(""));
}

TEST(OrganizationTest, ManagerSeesUnitAndBelow) {
  const Organization company = Company();
  const Scope west = company.ScopeOf(As("wester", {Role::kManager}), kToday);
  EXPECT_THAT(west.owners(),
              ElementsAre("gone-leader", "leaver", "matrix", "mover", "w1", "wester"));
  EXPECT_TRUE(west.MayChange("w1"));
  EXPECT_TRUE(west.MaySeePersonal("w1"));
  EXPECT_FALSE(west.MaySeePersonal("e1"));
  EXPECT_THAT(company.ScopeOf(As("easter", {Role::kManager}), kToday).owners(),
              ElementsAre("e1", "easter", "interim", "matrix"));
  EXPECT_EQ(company.ScopeOf(As("ceo", {Role::kManager}), kToday).owners().size(), 10u)
      << "all but the one who only comes tomorrow";
}

TEST(OrganizationTest, PlaceOnTheDayCounts) {
  const Organization company = Company();
  EXPECT_THAT(company.ScopeOf(As("easter", {Role::kManager}), kMid - 1).owners(),
              ElementsAre("e1", "easter", "interim", "leaver", "matrix", "mover", "w1"))
      << "west-1 was below east, and mover in east-1";
  EXPECT_THAT(company.ScopeOf(As("wester", {Role::kManager}), kMid - 1).owners(),
              ElementsAre("gone-leader", "wester"));
  EXPECT_EQ(company.UnitOf("mover", kMid - 1), "east-1");
  EXPECT_EQ(company.UnitOf("mover", kMid), "west-1");
  EXPECT_EQ(company.UnitOf("leaver", kToday), "west-1");
  EXPECT_EQ(company.UnitOf("future", kToday), std::nullopt);
  EXPECT_EQ(company.UnitOf("future", kToday + 1), "west-1");
  EXPECT_EQ(company.UnitOf("nobody", kToday), std::nullopt);
}

TEST(OrganizationTest, LeadingEndsWithItsTimeAndWithTheMember) {
  const Organization company = Company();
  EXPECT_THAT(company.ScopeOf(As("interim", {Role::kManager}), kMid).owners(),
              ElementsAre("interim", "leaver", "mover", "w1"));
  EXPECT_THAT(company.ScopeOf(As("interim", {Role::kManager}), kMid + 1).owners(),
              ElementsAre("interim"));
  EXPECT_THAT(company.ScopeOf(As("gone-leader", {Role::kManager}), kToday).owners(),
              ElementsAre("gone-leader"));
}

TEST(OrganizationTest, LeadingNeedsTheRole) {
  EXPECT_THAT(Company().ScopeOf(As("wester", {Role::kRep}), kToday).owners(),
              ElementsAre("wester"));
}

TEST(OrganizationTest, RolesOfTheWholeCompany) {
  const Organization company = Company();
  const Scope marketing = company.ScopeOf(As("x", {Role::kMarketing}), kToday);
  EXPECT_TRUE(marketing.sees_all() && marketing.MaySee("e1") && marketing.MayChange("e1"));
  EXPECT_FALSE(marketing.MaySeePersonal("e1"));
  const Scope analyst = company.ScopeOf(As("x", {Role::kAnalyst}), kToday);
  EXPECT_TRUE(analyst.sees_all() && analyst.MaySee("e1"));
  EXPECT_FALSE(analyst.MayChange("e1"));
  EXPECT_FALSE(analyst.MaySeePersonal("e1"));
  for (const Role role : {Role::kAdmin, Role::kService}) {
    const Scope scope = company.ScopeOf(As("", {role}), kToday);
    EXPECT_TRUE(scope.sees_all() && scope.MayChange("") && scope.MaySeePersonal(""));
  }
}

TEST(OrganizationTest, SeveralRolesGiveTheWidest) {
  const Scope scope = Company().ScopeOf(As("e1", {Role::kRep, Role::kAnalyst}), kToday);
  EXPECT_TRUE(scope.sees_all());
  EXPECT_TRUE(scope.MayChange("e1"));
  EXPECT_FALSE(scope.MayChange("w1"));
  EXPECT_TRUE(scope.MaySeePersonal("e1"));
  EXPECT_FALSE(scope.MaySeePersonal("w1"));
}

TEST(OrganizationTest, StrangersSeeThePoolOnly) {
  const Organization company = Company();
  const Scope nobody = company.ScopeOf(As("x", {}), kToday);
  EXPECT_THAT(nobody.owners(), IsEmpty());
  EXPECT_FALSE(nobody.MaySee("e1"));
  EXPECT_FALSE(nobody.MayChange("e1"));
  EXPECT_THAT(company.ScopeOf(As("stranger", {Role::kManager}), kToday).owners(),
              ElementsAre("stranger"));
}

TEST(OrganizationTest, LooksUpTheTree) {
  const Organization company = Company();
  EXPECT_THAT(company.UnitPath("west-1", kToday), ElementsAre("west-1", "west", "company"));
  EXPECT_THAT(company.UnitPath("west-1", kStart), ElementsAre("west-1", "east", "company"));
  EXPECT_THAT(company.UnitPath("none", kToday), IsEmpty());
  EXPECT_THAT(company.UnitsBelow("west", kToday), ElementsAre("closed", "west", "west-1"));
  EXPECT_THAT(company.UnitsBelow("none", kToday), IsEmpty());
  EXPECT_THAT(company.MembersBelow("east", kToday),
              ElementsAre("e1", "easter", "interim", "matrix"));
  EXPECT_TRUE(company.HasUnit("closed", kMid));
  EXPECT_FALSE(company.HasUnit("closed", kMid + 1));
  EXPECT_TRUE(company.HasMember("leaver", kMid));
  EXPECT_FALSE(company.HasMember("leaver", kMid + 1));
  EXPECT_FALSE(company.HasMember("future", kToday));
}

TEST(OrganizationTest, LoopsInTheDataEnd) {
  Member leader = Leader("a", "one");
  const Organization loop(
      {{.id = "one", .parents = {{"two", kStart}}}, {.id = "two", .parents = {{"one", kStart}}}},
      {leader, Rep("b", "two")});
  EXPECT_THAT(loop.ScopeOf(As("a", {Role::kManager}), kToday).owners(), ElementsAre("a", "b"));
  EXPECT_THAT(loop.UnitPath("one", kToday), ElementsAre("one", "two"));
}

TEST(OrganizationTest, ManyMembersManyThreads) {
  std::vector<Unit> units = {{.id = "company", .parents = {{"", kStart}}}};
  std::vector<Member> members = {Leader("ceo", "company")};
  for (int team = 0; team < 100; ++team) {
    units.push_back({.id = absl::StrCat("t", team), .parents = {{"company", kStart}}});
    for (int i = 0; i < 100; ++i) {
      members.push_back(Leader(absl::StrCat("m", team, "-", i), absl::StrCat("t", team)));
    }
  }
  const Organization company(units, members);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string id = absl::StrCat("m", i % 100, "-", t);
        EXPECT_EQ(company.ScopeOf(As(id, {Role::kManager}), kToday + i % 3).owners().size(), 100u);
      }
      EXPECT_EQ(company.ScopeOf(As("ceo", {Role::kManager}), kToday).owners().size(), 10'001u);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(OrganizationCacheTest, HoldsTheNewest) {
  OrganizationCache cache;
  ASSERT_NE(cache.Get(), nullptr);
  EXPECT_FALSE(cache.Get()->HasUnit("u", kToday));
  cache.Set(std::make_shared<const Organization>(
      std::vector<Unit>{{.id = "u", .parents = {{"", kStart}}}}, std::vector<Member>{}));
  EXPECT_TRUE(cache.Get()->HasUnit("u", kToday));
}

TEST(OrganizationProtoTest, ConvertsMessages) {
  organization::v1::Unit unit;
  unit.set_name("units/west");
  auto* parent = unit.add_placements();
  parent->set_parent("units/company");
  parent->mutable_first_date()->set_year(2016);
  parent->mutable_first_date()->set_month(1);
  parent->mutable_first_date()->set_day(1);
  organization::v1::Member member;
  member.set_name("members/mei");
  auto* placement = member.add_placements();
  placement->set_unit("units/west");
  *placement->mutable_first_date() = parent->first_date();
  auto* line = member.add_manages();
  line->set_unit("units/west");
  *line->mutable_first_date() = parent->first_date();
  auto* matrix = member.add_matrix_lines();
  matrix->set_unit("units/lab");
  *matrix->mutable_first_date() = parent->first_date();
  *matrix->mutable_last_date() = parent->first_date();
  member.mutable_end_date()->set_year(2018);
  member.mutable_end_date()->set_month(2);
  member.mutable_end_date()->set_day(28);

  const Unit west = FromProto(unit);
  EXPECT_EQ(west.id, "west");
  EXPECT_EQ(west.parents.at(0).unit_id, "company");
  EXPECT_EQ(west.last_day, std::nullopt);
  const Member mei = FromProto(member);
  EXPECT_EQ(mei.id, "mei");
  EXPECT_EQ(mei.placements.at(0).first_day, kStart);
  EXPECT_EQ(mei.manages.at(0).unit_id, "west");
  EXPECT_EQ(mei.manages.at(0).last_day, std::nullopt);
  EXPECT_EQ(mei.matrix_lines.at(0).last_day, kStart);
  EXPECT_EQ(mei.last_day, absl::CivilDay(2018, 2, 28));
}

}  // namespace
}  // namespace milepost::access
