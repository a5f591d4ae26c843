#include "target-svc/domain/organization.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/status/error.h"
#include "target-svc/domain/limits.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;

const absl::CivilDay kStart(2016, 1, 1);
const absl::Time kNow = absl::FromUnixSeconds(1'500'000'000);

Unit MakeUnit(const std::string& id, const std::string& parent, absl::CivilDay start = kStart) {
  Unit unit;
  unit.id = id;
  unit.start_day = start;
  unit.placements = {{parent, start}};
  return unit;
}

UnitTree Company() {
  return UnitTree({MakeUnit("company", ""), MakeUnit("west", "company"),
                   MakeUnit("east", "company"), MakeUnit("team", "west")});
}

Member MakeMember(const std::string& unit) {
  Member member;
  member.id = "anna";
  member.start_day = kStart;
  member.placements = {{unit, kStart, "Agent"}};
  return member;
}

TEST(UnitTreeTest, FindsItsWayOnAnyDay) {
  UnitTree tree = Company();
  const absl::CivilDay move(2018, 7, 1);
  absl::StatusOr<Unit> moved = ApplyMoveUnit(*tree.Find("team"), "east", move, kNow);
  ASSERT_TRUE(moved.ok());
  tree.Put(*moved);
  EXPECT_TRUE(tree.CheckPlace("team").ok());
  EXPECT_THAT(tree.Children("west", move - 1), ElementsAre("team"));
  EXPECT_THAT(tree.Children("west", move), ElementsAre());
  EXPECT_THAT(tree.Children("east", move), ElementsAre("team"));
  EXPECT_THAT(tree.Below("west", move - 1), ElementsAre("team", "west"));
  EXPECT_TRUE(tree.IsWithin("team", "company", move));
  EXPECT_TRUE(tree.IsWithin("team", "", move));
  EXPECT_FALSE(tree.IsWithin("team", "west", move));
  EXPECT_THAT(tree.Children("", kStart), ElementsAre("company"));
  EXPECT_THAT(tree.Children("company", kStart - 1), ElementsAre());
}

TEST(UnitTreeTest, InheritsRegionAndCalendar) {
  Unit west = MakeUnit("west", "company");
  west.region = "north";
  Unit company = MakeUnit("company", "");
  company.calendar_id = "china";
  const UnitTree tree({company, west, MakeUnit("team", "west")});
  EXPECT_EQ(tree.RegionOf("team", kStart), "north");
  EXPECT_EQ(tree.CalendarOf("team", kStart), "china");
  EXPECT_EQ(tree.RegionOf("company", kStart), "");
}

TEST(UnitTreeTest, RefusesCyclesOnAnyDay) {
  UnitTree tree = Company();
  // In 2018 the east goes below the team; then the west may not go below the east in 2019.
  tree.Put(*ApplyMoveUnit(*tree.Find("east"), "team", absl::CivilDay(2018, 1, 1), kNow));
  ASSERT_TRUE(tree.CheckPlace("east").ok());
  tree.Put(*ApplyMoveUnit(*tree.Find("west"), "east", absl::CivilDay(2019, 1, 1), kNow));
  EXPECT_EQ(status::ReasonOf(tree.CheckPlace("west")), "UNIT_CYCLE");
}

TEST(UnitTreeTest, RefusesAPlannedCycleOfOthers) {
  UnitTree tree = Company();
  tree.Put(*ApplyMoveUnit(*tree.Find("west"), "east", absl::CivilDay(2019, 1, 1), kNow));
  ASSERT_TRUE(tree.CheckPlace("west").ok());
  tree.Put(*ApplyMoveUnit(*tree.Find("east"), "team", absl::CivilDay(2018, 1, 1), kNow));
  EXPECT_EQ(status::ReasonOf(tree.CheckPlace("east")), "UNIT_CYCLE");
}

TEST(UnitTreeTest, RefusesTreesThatAreTooDeep) {
  std::vector<Unit> chain{MakeUnit("u1", "")};
  for (int i = 2; i <= kMaxUnitLevels; ++i)
    chain.push_back(MakeUnit("u" + std::to_string(i), "u" + std::to_string(i - 1)));
  UnitTree tree(chain);
  EXPECT_TRUE(tree.CheckPlace("u" + std::to_string(kMaxUnitLevels)).ok());
  tree.Put(MakeUnit("deeper", "u" + std::to_string(kMaxUnitLevels)));
  EXPECT_EQ(status::ReasonOf(tree.CheckPlace("deeper")), "TREE_TOO_DEEP");
  tree.Remove("deeper");
  tree.Put(MakeUnit("top", ""));
  tree.Put(*ApplyMoveUnit(*tree.Find("u1"), "top", kStart, kNow));
  EXPECT_EQ(status::ReasonOf(tree.CheckPlace("u1")), "TREE_TOO_DEEP");
}

TEST(UnitTreeTest, ParentsMustLast) {
  UnitTree tree = Company();
  tree.Put(*ApplyCloseUnit(*tree.Find("east"), absl::CivilDay(2017, 12, 31), kNow));
  tree.Put(MakeUnit("late", "east", absl::CivilDay(2018, 1, 1)));
  EXPECT_EQ(status::ReasonOf(tree.CheckPlace("late")), "UNIT_NOT_THERE");
  tree.Put(MakeUnit("outlives", "east", absl::CivilDay(2017, 1, 1)));
  EXPECT_EQ(status::ReasonOf(tree.CheckPlace("outlives")), "UNIT_NOT_THERE");
  tree.Put(MakeUnit("early", "west", absl::CivilDay(2015, 1, 1)));
  EXPECT_EQ(status::ReasonOf(tree.CheckPlace("early")), "UNIT_NOT_THERE");
}

TEST(MemberTest, MovesKeepThePastAndWhatIsPlanned) {
  const absl::CivilDay later(2019, 1, 1);
  const absl::CivilDay now(2018, 7, 1);
  Member member = *ApplyMoveMember(MakeMember("west"), {"east", later, ""}, kNow);
  member = *ApplyMoveMember(member, {"team", now, "Senior"}, kNow);
  EXPECT_EQ(member.PlacementOn(now - 1).unit_id, "west");
  EXPECT_EQ(member.PlacementOn(now).unit_id, "team");
  EXPECT_EQ(member.PlacementOn(later).unit_id, "east");
  EXPECT_EQ(member.PlacementOn(later).job_title, "Agent");
  EXPECT_EQ(member.UntilDay(0), now);
  EXPECT_EQ(member.UntilDay(2), kForever);
  // Again on the same day replaces; going back to where one was joins the stays.
  member = *ApplyMoveMember(member, {"west", now, "Agent"}, kNow);
  EXPECT_EQ(member.placements.size(), 2u);
  EXPECT_EQ(status::ReasonOf(ApplyMoveMember(member, {"east", kStart - 1, ""}, kNow).status()),
            "BEFORE_START");
}

TEST(MemberTest, EndsWithAllItsLines) {
  Member member = MakeMember("west");
  member.manages = {{"west", kStart, {}, ""}, {"team", absl::CivilDay(2019, 1, 1), {}, ""}};
  const absl::CivilDay last(2018, 6, 30);
  member = *ApplyEndMember(member, last, kNow);
  EXPECT_FALSE(member.WorksOn(last + 1));
  ASSERT_EQ(member.manages.size(), 1u);
  EXPECT_EQ(member.manages[0].last_day, last);
  EXPECT_EQ(member.UntilDay(0), last + 1);
  EXPECT_EQ(status::ReasonOf(ApplyMoveMember(member, {"east", last + 1, ""}, kNow).status()),
            "ENDED");
  EXPECT_EQ(status::ReasonOf(ApplyEndMember(member, kStart - 1, kNow).status()), "BEFORE_START");
}

TEST(MemberTest, UnitsMustExistWhenTheyAreNeeded) {
  const UnitTree tree = Company();
  EXPECT_TRUE(CheckMemberUnits(MakeMember("west"), tree).ok());
  EXPECT_EQ(status::ReasonOf(CheckMemberUnits(MakeMember("nowhere"), tree)), "UNIT_NOT_THERE");
  Member leads = MakeMember("west");
  leads.manages = {{"nowhere", kStart, {}, ""}};
  EXPECT_EQ(status::ReasonOf(CheckMemberUnits(leads, tree)), "UNIT_NOT_THERE");
}

TEST(MemberTest, PlacementsHaveALimit) {
  Member member = MakeMember("west");
  absl::StatusOr<Member> moved = member;
  for (size_t i = 1; i <= kMaxPlacements && moved.ok(); ++i) {
    moved = ApplyMoveMember(*moved,
                            {i % 2 == 0 ? "west" : "east", kStart + static_cast<int>(i), ""}, kNow);
  }
  EXPECT_EQ(status::ReasonOf(moved.status()), "TOO_MANY_PLACEMENTS");
}

}  // namespace
}  // namespace milepost::target
