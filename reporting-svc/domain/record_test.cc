#include "reporting-svc/domain/record.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;

absl::Time At(int day, int hour = 0) {
  return absl::FromCivil(absl::CivilHour(2017, 1, day, hour), absl::UTCTimeZone());
}

const Fact* Find(const std::vector<Fact>& facts, Group group, const std::string& sub = "") {
  for (const Fact& fact : facts) {
    if (fact.group == group && (sub.empty() || fact.sub == sub)) return &fact;
  }
  return nullptr;
}

Opportunity WonDeal() {
  Opportunity deal;
  deal.id = "o1";
  deal.credit = "anna";
  deal.product = "gtx";
  deal.currency = "CNY";
  deal.amount_minor_units = 5000;
  deal.state = OpportunityState::kWon;
  deal.process = "standard";
  deal.stage = "engaging";
  deal.visits = {{"prospecting", 1, At(1), At(3)}, {"engaging", 2, At(3), At(10)}};
  deal.opened_day = CivilDay(2017, 1, 1);
  deal.engage_day = CivilDay(2017, 1, 3);
  deal.close_day = CivilDay(2017, 1, 10);
  deal.close_reason = "price";
  return deal;
}

TEST(OpportunityFactsTest, AWonDeal) {
  const std::vector<Fact> facts = FactsOf(WonDeal());
  ASSERT_EQ(facts.size(), 5u);
  EXPECT_EQ(Find(facts, Group::kOpened)->values[opened::kWon], 1);
  EXPECT_EQ(Find(facts, Group::kStage, "standard/engaging")->values[stage::kConverted], 1);
  EXPECT_EQ(Find(facts, Group::kStage, "standard/engaging")->values[stage::kSeconds], 7 * 86400);
  const Fact* closing = Find(facts, Group::kClosed);
  EXPECT_EQ(closing->sub, "won:price");
  EXPECT_EQ(closing->day, CivilDay(2017, 1, 10));
  EXPECT_EQ(closing->values[closed::kWonAmount], 5000);
  EXPECT_EQ(Find(facts, Group::kCycle)->sub, "7");
}

TEST(OpportunityFactsTest, LostAfterItWentBackIsLostWhereItHadCome) {
  Opportunity deal = WonDeal();
  deal.state = OpportunityState::kLost;
  deal.stage = "prospecting";
  deal.visits.push_back({"prospecting", 1, At(10), At(11)});
  const std::vector<Fact> facts = FactsOf(deal);
  EXPECT_EQ(Find(facts, Group::kStage, "standard/prospecting")->values[stage::kConverted], 1);
  EXPECT_EQ(Find(facts, Group::kStage, "standard/prospecting")->values[stage::kVisitsEnded], 2);
  EXPECT_EQ(Find(facts, Group::kStage, "standard/engaging")->values[stage::kLost], 1);
  EXPECT_EQ(Find(facts, Group::kCycle), nullptr);
}

TEST(OpportunityFactsTest, WithoutOwnerItIsCreditedToNobody) {
  Opportunity deal = WonDeal();
  deal.credit.clear();
  for (const Fact& fact : FactsOf(deal)) EXPECT_EQ(fact.member, kNobody);
}

Order TwoProducts() {
  Order order;
  order.id = "d1";
  order.credit = "anna";
  order.currency = "CNY";
  order.firm_day = CivilDay(2017, 2, 1);
  order.lines = {{1, "a", 10, 100, 60}, {2, "b", 1, 500, 0}, {3, "a", 5, 100, 60}};
  return order;
}

int64_t Sum(const std::vector<Fact>& facts, Group group, int value) {
  int64_t sum = 0;
  for (const Fact& fact : facts) {
    if (fact.group == group) sum += fact.values[value];
  }
  return sum;
}

TEST(OrderFactsTest, CountsOnceInAllAndOnceForEachProduct) {
  const std::vector<Fact> facts = FactsOf(TwoProducts());
  EXPECT_EQ(facts.size(), 2u);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kRevenue), 2000);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kGrossProfit), 1100);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kOrders), 1);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kProductOrders), 2);
}

TEST(OrderFactsTest, ReturnsAndCancellationsAreTakenOffOnTheirOwnDay) {
  Order order = TwoProducts();
  order.reversals = {{CivilDay(2017, 3, 1), false, {{1, 4}}},
                     {CivilDay(2017, 4, 1), true, {{1, 6}, {2, 1}, {3, 5}}}};
  const std::vector<Fact> facts = FactsOf(order);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kRevenue), 0);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kGrossProfit), 0);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kOrders), 0);
  int64_t march = 0;
  for (const Fact& fact : facts) {
    if (fact.day == CivilDay(2017, 3, 1)) march += fact.values[order::kRevenue];
  }
  EXPECT_EQ(march, -400);
  // They say what day they are of.
  for (const Fact& fact : facts) {
    EXPECT_EQ(ParseReturnSub(fact.sub),
              fact.day == *order.firm_day ? std::nullopt : std::optional<CivilDay>(order.firm_day));
  }
}

TEST(OrderFactsTest, APreliminaryAgreementIsNoRevenueButItsMoneyCounts) {
  Order order = TwoProducts();
  order.firm_day.reset();
  order.collections = {{CivilDay(2017, 2, 3), 300}, {CivilDay(2017, 2, 4), -100}};
  const std::vector<Fact> facts = FactsOf(order);
  EXPECT_EQ(Sum(facts, Group::kOrder, order::kRevenue), 0);
  EXPECT_EQ(Sum(facts, Group::kCollection, collection::kAmount), 200);
  EXPECT_EQ(Find(facts, Group::kCollection, ReturnSub(std::nullopt))->values[collection::kAmount],
            -100);
}

TEST(InteractionFactsTest, OnlyDoneOnesCount) {
  EXPECT_TRUE(FactsOf(Interaction{"i", "anna", true, {}}).empty());
  EXPECT_EQ(
      FactsOf(Interaction{"i", "anna", true, CivilDay(2017, 1, 1)})[0].values[interaction::kVisits],
      1);
  EXPECT_EQ(FactsOf(Interaction{"i", "anna", false, CivilDay(2017, 1, 1)})[0]
                .values[interaction::kVisits],
            0);
}

TEST(OpportunityFactsProperty, StagesAndOpeningsAddUp) {
  std::mt19937 random(31);
  const char* const kStages[] = {"a", "b", "c", "d"};
  for (int round = 0; round < 20'000; ++round) {
    Opportunity deal;
    deal.process = "p";
    deal.opened_day = CivilDay(2017, 1, 1);
    int position = 0;
    for (int i = 0; i <= static_cast<int>(random() % 6); ++i) {
      position = static_cast<int>(random() % 4);
      deal.visits.push_back({kStages[position], position + 1, At(i + 1), At(i + 2)});
    }
    deal.stage = kStages[position];
    deal.state = static_cast<OpportunityState>(random() % 3);
    if (deal.state == OpportunityState::kOpen) deal.visits.back().leave_time.reset();
    if (deal.state != OpportunityState::kOpen) deal.close_day = CivilDay(2017, 2, 1);
    int64_t current = 0;
    int64_t lost = 0;
    const std::vector<Fact> facts = FactsOf(deal);
    for (const Fact& fact : facts) {
      if (fact.group != Group::kStage) continue;
      EXPECT_EQ(fact.values[stage::kEntered], fact.values[stage::kConverted] +
                                                  fact.values[stage::kLost] +
                                                  fact.values[stage::kPending]);
      current += fact.values[stage::kCurrent];
      lost += fact.values[stage::kLost];
    }
    EXPECT_EQ(current, deal.state == OpportunityState::kOpen ? 1 : 0);
    EXPECT_EQ(lost, deal.state == OpportunityState::kLost ? 1 : 0);
    const Fact* opening = Find(facts, Group::kOpened);
    EXPECT_EQ(opening->values[opened::kOpened], opening->values[opened::kOpen] +
                                                    opening->values[opened::kWon] +
                                                    opening->values[opened::kLost]);
  }
}

}  // namespace
}  // namespace milepost::reporting
