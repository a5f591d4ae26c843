#include "target-svc/domain/incentive.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace milepost::target {
namespace {

using absl::CivilDay;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr CivilDay kFirst(2018, 1, 1);
constexpr CivilDay kLast(2018, 12, 31);

UnitTree Tree() {
  Unit company{.id = "company"};
  company.placements = {{"", kFirst}};
  Unit west{.id = "west"};
  west.placements = {{"company", kFirst}};
  Unit east{.id = "east"};
  east.placements = {{"company", kFirst}};
  return UnitTree({company, west, east});
}

Member Anna() {
  Member anna{.id = "anna"};
  anna.placements = {{"west", kFirst, "销售代表"}, {"east", CivilDay(2018, 7, 1), "大客户经理"}};
  return anna;
}

TEST(HoldsForTest, MembersByIdAndUnitsByPlacementOfTheDay) {
  const UnitTree tree = Tree();
  const Member anna = Anna();
  EXPECT_TRUE(HoldsFor({.members = {"anna"}}, anna, tree, kFirst));
  EXPECT_FALSE(HoldsFor({.members = {"bert"}}, anna, tree, kFirst));
  EXPECT_TRUE(HoldsFor({.units = {"company"}}, anna, tree, kFirst));
  EXPECT_TRUE(HoldsFor({.units = {"west"}}, anna, tree, CivilDay(2018, 6, 30)));
  EXPECT_FALSE(HoldsFor({.units = {"west"}}, anna, tree, CivilDay(2018, 7, 1)));
  const CommissionAudience key_accounts{.units = {"company"}, .job_titles = {"大客户经理"}};
  EXPECT_FALSE(HoldsFor(key_accounts, anna, tree, kFirst));
  EXPECT_TRUE(HoldsFor(key_accounts, anna, tree, kLast));
}

// A node of anna at a path.
Node At(const std::string& id, const std::string& path, DayRange days, int64_t units) {
  Node node;
  node.id = id;
  node.path = path;
  node.scope.period = days;
  node.scope.member_id = "anna";
  node.target_units = units;
  return node;
}

DayRange Month(int month) {
  const absl::CivilMonth first(2018, month);
  return {CivilDay(first), CivilDay(first + 1) - 1};
}

TEST(TargetWithinTest, WhatLiesInThePeriodCountsOnce) {
  const DayRange year{kFirst, kLast};
  // By unit, member, month and product; and once more by month, then member.
  const std::vector<Node> nodes{
      At("a", ChildPath(ChildPath("", '0', 0), '0', 1), year, 1'200),
      At("a-jan", ChildPath(ChildPath(ChildPath("", '0', 0), '0', 1), '0', 0), Month(1), 100),
      At("a-feb", ChildPath(ChildPath(ChildPath("", '0', 0), '0', 1), '0', 1), Month(2), 90),
      At("jan-a", ChildPath(ChildPath("", '1', 0), '0', 0), Month(1), 77),
      // Members of two teams have a target in each.
      At("b-jan", ChildPath(ChildPath(ChildPath("", '0', 1), '0', 0), '0', 0), Month(1), 11)};
  const std::optional<SummedTarget> january = TargetWithin(nodes, Month(1));
  ASSERT_TRUE(january);
  EXPECT_EQ(january->units, 111);
  EXPECT_THAT(january->node_ids, ElementsAre("a-jan", "b-jan"));
  EXPECT_EQ(TargetWithin(nodes, {CivilDay(2018, 1, 1), CivilDay(2018, 3, 31)})->units, 201);
  EXPECT_EQ(TargetWithin(nodes, year)->units, 1'211) << "a year that is there is not added up";
  EXPECT_FALSE(TargetWithin(nodes, Month(3)));
  EXPECT_FALSE(TargetWithin({}, year));
  // A breakdown that leads nowhere leaves it to the next.
  EXPECT_EQ(TargetWithin({nodes[0], nodes[3]}, Month(1))->units, 77);
  EXPECT_EQ(TargetWithin({At("root", "", year, 5), nodes[0]}, year)->units, 5);
}

CommissionPlan By(Reversal reversal) {
  CommissionPlan plan{.base = CommissionBase::kOrders, .tiers = {{0, std::nullopt, 10'000}}};
  plan.reversal = reversal;
  return plan;
}

const std::vector<CommissionFact> kMarch{
    {"03-05", CommissionBase::kOrders, CivilDay(2018, 3, 5), 100},
    {"03-07", CommissionBase::kOrders, CivilDay(2018, 3, 7), 50}};
const std::vector<CommissionFact> kFebruary{
    {"02-10", CommissionBase::kOrders, CivilDay(2018, 2, 10), 80},
    {"cash", CommissionBase::kCollections, CivilDay(2018, 2, 11), 1'000}};

std::string Shown(const MatchedReturns& matched) {
  std::string text;
  for (const CommissionReturn& one : matched.returns)
    text += one.id + ":" + one.fact_id + ":" + std::to_string(one.amount) + " ";
  return text + "left " + std::to_string(matched.unmatched);
}

TEST(MatchReturnsTest, KnownOriginsAndElseTheNewestFirst) {
  const CommissionPlan plan = By(Reversal::kPeriodOfOrigin);
  const CivilDay day(2018, 3, 8);
  EXPECT_EQ(Shown(MatchReturns(plan, kMarch, {&kFebruary}, {},
                               {{"r", day, CivilDay(2018, 2, 10), 30}, {"s", day, {}, 120}})),
            "r:02-10:30 s:03-07:50 s/2:03-05:70 left 0");
  // What came back before is no longer there to come back; a later sale is not what came back.
  EXPECT_EQ(Shown(MatchReturns(plan, kMarch, {&kFebruary}, {{"q", "02-10", day, 60}},
                               {{"r", CivilDay(2018, 3, 5), {}, 130}})),
            "r:03-05:100 r/2:02-10:20 left 10");
  // No sale of that day is known: nothing was paid for it.
  EXPECT_EQ(Shown(MatchReturns(plan, kMarch, {}, {}, {{"r", day, CivilDay(2018, 2, 10), 30}})),
            "left 30");
  EXPECT_EQ(Shown(MatchReturns(By(Reversal::kPeriodOfReturn), kMarch, {}, {},
                               {{"r", day, CivilDay(2018, 2, 10), 30}})),
            "r:03-07:30 left 0");
  EXPECT_THAT(MatchReturns(plan, {}, {}, {}, {}).returns, IsEmpty());
}

TEST(StatementTextTest, HoldsTermsAndWhatWasComputed) {
  CommissionInput input;
  input.plan = By(Reversal::kPeriodOfReturn);
  input.period = {"2018-03", Month(3), 0, 0, kMarch};
  const absl::StatusOr<CommissionStatement> statement = ComputeCommission(input);
  ASSERT_TRUE(statement.ok());
  StatementHead head;
  head.commission_plan = "commissionPlans/方案\n一";
  head.member = "members/anna";
  head.days = Month(3);
  const std::string text = StatementText(head, input, *statement);
  EXPECT_THAT(text, HasSubstr("commission_plan=commissionPlans/方案\\n一\nmember=members/anna\n"));
  EXPECT_THAT(text, HasSubstr("tier=0 10000\n"));
  EXPECT_THAT(text, HasSubstr("line tier tiers[0] 150 10000 2\n"));
  EXPECT_EQ(text, StatementText(head, input, *statement));
  input.plan.tiers[0].rate_ppm = 20'000;
  EXPECT_NE(text, StatementText(head, input, *statement)) << "other terms are another text";
}

}  // namespace
}  // namespace milepost::target
