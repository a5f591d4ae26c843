#include "reporting-svc/domain/organization.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Unit NewUnit(const std::string& id, std::vector<Placement> placements) {
  return {id, id, "", std::move(placements)};
}
Member NewMember(const std::string& id, std::vector<Placement> placements) {
  return {id, id, std::move(placements), {}, {}};
}

const CivilDay kStart(2017, 1, 1);
const Days kYear{CivilDay(2017, 1, 1), CivilDay(2017, 12, 31)};

Organization Small() {
  return Organization(
      {NewUnit("company", {{"", kStart}}), NewUnit("east", {{"company", kStart}}),
       NewUnit("west", {{"company", kStart}}),
       NewUnit("team", {{"east", kStart}, {"west", CivilDay(2017, 7, 1)}})},
      {NewMember("anna", {{"team", kStart}}),
       NewMember("ben", {{"east", CivilDay(2017, 3, 1)}, {"west", CivilDay(2017, 5, 1)}})});
}

TEST(OrganizationTest, FiguresStayInTheUnitWhereTheyWereEarned) {
  const Organization organization = Small();
  EXPECT_THAT(organization.StaysIn("east", kYear),
              ElementsAre(Stay{"anna", "east", {CivilDay(2017, 1, 1), CivilDay(2017, 6, 30)}},
                          Stay{"ben", "east", {CivilDay(2017, 1, 1), CivilDay(2017, 4, 30)}}));
  EXPECT_THAT(organization.StaysIn("west", kYear),
              ElementsAre(Stay{"anna", "west", {CivilDay(2017, 7, 1), CivilDay(2017, 12, 31)}},
                          Stay{"ben", "west", {CivilDay(2017, 5, 1), CivilDay(2017, 12, 31)}}));
  EXPECT_THAT(organization.StaysIn("company", kYear),
              ElementsAre(Stay{"anna", "company", kYear}, Stay{"ben", "company", kYear}));
  EXPECT_THAT(organization.StaysIn("unknown", kYear), IsEmpty());
}

TEST(OrganizationTest, LevelsCountFromTheSingleTop) {
  const Organization organization = Small();
  EXPECT_THAT(organization.UnitsAt("", 1, CivilDay(2017, 1, 1)), ElementsAre("east", "west"));
  EXPECT_THAT(organization.UnitsAt("", 2, CivilDay(2017, 1, 1)), ElementsAre("team"));
  EXPECT_THAT(organization.UnitsAt("west", 1, CivilDay(2017, 1, 1)), IsEmpty());
  EXPECT_THAT(organization.UnitsAt("west", 1, CivilDay(2017, 8, 1)), ElementsAre("team"));
}

TEST(OrganizationTest, ACircleOfParentsEnds) {
  const Organization organization({NewUnit("a", {{"b", kStart}}), NewUnit("b", {{"a", kStart}})},
                                  {});
  EXPECT_LE(organization.Path("a", kStart).size(), 64u);
}

TEST(OrganizationProperty, UnitsOfALevelShareEveryMemberDayAmongThemselves) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<Unit> units = {NewUnit("top", {{"", kStart}})};
    for (int i = 0; i < 3; ++i)
      units.push_back(NewUnit(absl::StrCat("office", i), {{"top", kStart}}));
    for (int i = 0; i < 6; ++i) {
      std::vector<Placement> placements;
      for (int p = 0; p <= static_cast<int>(random() % 3); ++p) {
        placements.push_back({absl::StrCat("office", random() % 3),
                              kStart + static_cast<int>(p * 100 + random() % 90)});
      }
      units.push_back(NewUnit(absl::StrCat("team", i), placements));
    }
    std::vector<Member> members;
    for (int i = 0; i < 8; ++i) {
      std::vector<Placement> placements;
      for (int p = 0; p <= static_cast<int>(random() % 4); ++p) {
        placements.push_back({absl::StrCat("team", random() % 6),
                              kStart + static_cast<int>(p * 80 + random() % 70)});
      }
      members.push_back(NewMember(absl::StrCat("m", i), placements));
    }
    const Organization organization(units, members);
    const Days range{kStart + static_cast<int>(random() % 100),
                     kStart + 150 + static_cast<int>(random() % 200)};
    const std::vector<Stay> stays = organization.StaysIn({"office0", "office1", "office2"}, range);
    for (const Member& member : members) {
      for (CivilDay day = range.first; day <= range.last; ++day) {
        const auto covers = [&](const Stay& stay) {
          return stay.member == member.id && stay.days.Contains(day);
        };
        ASSERT_EQ(std::count_if(stays.begin(), stays.end(), covers), 1);
        const Stay& stay = *std::find_if(stays.begin(), stays.end(), covers);
        const std::vector<std::string> path =
            organization.Path(organization.UnitOf(member.id, day), day);
        ASSERT_NE(std::find(path.begin(), path.end(), stay.unit), path.end());
      }
    }
  }
}

}  // namespace
}  // namespace milepost::reporting
