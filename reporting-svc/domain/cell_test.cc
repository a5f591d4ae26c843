#include "reporting-svc/domain/cell.h"

#include <limits>
#include <map>

#include "gtest/gtest.h"
#include "reporting-svc/domain/record.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;

Fact OrderFact(const std::string& member, CivilDay day, const std::string& product,
               int64_t revenue) {
  Fact fact;
  fact.group = Group::kOrder;
  fact.day = day;
  fact.member = member;
  fact.product = product;
  fact.region = "华东";
  fact.currency = "CNY";
  fact.values[order::kRevenue] = revenue;
  fact.values[order::kOrders] = 1;
  return fact;
}

CellKey KeyOf(absl::CivilMonth month, const std::string& member) {
  return {Group::kOrder, month, member};
}

TEST(PackedTest, NumbersAndTextsComeBack) {
  const int64_t numbers[] = {0,
                             1,
                             -1,
                             63,
                             64,
                             -65,
                             1'000'000'007,
                             std::numeric_limits<int64_t>::max(),
                             std::numeric_limits<int64_t>::min()};
  PackedWriter writer;
  for (const int64_t number : numbers) writer.Number(number);
  writer.Text("");
  writer.Text("华东");
  const std::string bytes = writer.Take();
  PackedReader reader(bytes);
  for (const int64_t number : numbers) EXPECT_EQ(reader.Number(), number);
  EXPECT_EQ(reader.Text(), "");
  EXPECT_EQ(reader.Text(), "华东");
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_TRUE(reader.ok());
}

TEST(PackedTest, WhatIsCutShortOrTooLongIsNotReadable) {
  PackedWriter writer;
  writer.Text("gtx");
  const std::string bytes = writer.Take();
  PackedReader cut(std::string_view(bytes).substr(0, 2));
  EXPECT_EQ(cut.Text(), "");
  EXPECT_FALSE(cut.ok());
  PackedReader endless("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  EXPECT_EQ(endless.Number(), 0);
  EXPECT_FALSE(endless.ok());
}

TEST(FactsTest, FactsOfARecordComeBack) {
  Opportunity deal;
  deal.credit = "anna";
  deal.product = "gtx";
  deal.currency = "CNY";
  deal.amount_minor_units = -5000;
  deal.state = OpportunityState::kWon;
  deal.process = "standard";
  deal.stage = "engaging";
  deal.visits = {{"prospecting", 1, {}, {}}, {"engaging", 2, {}, {}}};
  deal.opened_day = CivilDay(1969, 12, 31);
  deal.engage_day = CivilDay(2017, 1, 3);
  deal.close_day = CivilDay(2017, 1, 10);
  const std::vector<Fact> facts = FactsOf(deal);
  std::vector<Fact> back;
  ASSERT_TRUE(UnpackFacts(PackFacts(facts), back));
  EXPECT_TRUE(back == facts);
  ASSERT_TRUE(UnpackFacts("", back));
  EXPECT_TRUE(back.empty());
  EXPECT_FALSE(UnpackFacts(PackFacts(facts).substr(0, 9), back));
}

TEST(CellKeyTest, PackedKeysOrderByGroupMonthAndMember) {
  const std::vector<CellKey> ordered = {
      KeyOf(absl::CivilMonth(1969, 12), "zoe"),
      KeyOf(absl::CivilMonth(1970, 1), kNobody),
      KeyOf(absl::CivilMonth(1970, 1), "anna"),
      KeyOf(absl::CivilMonth(2017, 1), "a"),
      {Group::kCollection, absl::CivilMonth(1969, 12), "a"},
  };
  for (size_t i = 0; i < ordered.size(); ++i) {
    EXPECT_EQ(CellKey::Unpack(ordered[i].Pack()), ordered[i]);
    if (i == 0) continue;
    EXPECT_LT(ordered[i - 1].Pack(), ordered[i].Pack()) << i;
  }
  EXPECT_EQ(CellKey::Unpack("short"), std::nullopt);
}

TEST(CellsTest, StoredCellsAddUpByWordWhateverTheirNumbers) {
  Cells first;
  first.Add(OrderFact("ben", CivilDay(2017, 3, 4), "gtx", 100));
  first.Add(OrderFact("ben", CivilDay(2017, 3, 5), "mg", 30));
  Cells second;
  second.Add(OrderFact("ben", CivilDay(2017, 3, 5), "mg", 7));
  second.Add(OrderFact("ben", CivilDay(2017, 3, 9), "gtx", 2));
  const CellKey month = KeyOf(absl::CivilMonth(2017, 3), "ben");
  ASSERT_TRUE(second.AddStored(month, first.Pack(month)));
  std::map<std::string, int64_t> revenue;
  const std::string content = second.Pack(month);
  PackedCell stored(month, content);
  ASSERT_TRUE(stored.ForEach([&](const Place& place, const Values& values) {
    revenue[std::string(stored.words()[place[0]])] += values[order::kRevenue];
  }));
  EXPECT_EQ(revenue, (std::map<std::string, int64_t>{{"gtx", 102}, {"mg", 37}}));
}

TEST(CellsTest, AddingAndTakingAwayLeavesNothing) {
  const Fact fact = OrderFact("anna", CivilDay(2017, 3, 4), "gtx", 100);
  Cells cells;
  cells.Add(fact);
  EXPECT_EQ(cells.cells().size(), 1u);
  cells.Add(-fact);
  for (const auto& [key, sums] : cells.cells()) {
    for (const auto& [place, values] : sums) EXPECT_TRUE(IsZero(values)) << key.ToString();
  }
  const CellKey days = KeyOf(absl::CivilMonth(2017, 3), "anna");
  ASSERT_TRUE(cells.cells().contains(days));
  EXPECT_EQ(cells.Pack(days), Cells().Pack(days));
}

TEST(CellsTest, DaysOfAMemberShareTheCellOfTheirMonth) {
  Cells cells;
  cells.Add(OrderFact("anna", CivilDay(2017, 3, 4), "gtx", 100));
  cells.Add(OrderFact("anna", CivilDay(2017, 3, 4), "gtx", 5));
  cells.Add(OrderFact("anna", CivilDay(2017, 3, 31), "gtx", 20));
  cells.Add(OrderFact("anna", CivilDay(2017, 4, 1), "gtx", 7));
  const CellKey days = KeyOf(absl::CivilMonth(2017, 3), "anna");
  const std::string content = cells.Pack(days);
  PackedCell stored(days, content);
  std::map<uint32_t, int64_t> revenue;
  ASSERT_TRUE(stored.ForEach([&](const Place& place, const Values& values) {
    revenue[place[kDayPlace]] += values[order::kRevenue];
  }));
  EXPECT_EQ(revenue, (std::map<uint32_t, int64_t>{{4, 105}, {31, 20}}));
  Cells again;
  ASSERT_TRUE(again.AddStored(days, content));
  again.Add(-OrderFact("anna", CivilDay(2017, 3, 31), "gtx", 20));
  again.Add(-OrderFact("anna", CivilDay(2017, 3, 4), "gtx", 105));
  for (const auto& [place, values] : again.cells().at(days))
    EXPECT_EQ(values[order::kRevenue], 0) << place[kDayPlace];
}

TEST(CellsTest, ContentThatNoCellPacksToIsRefused) {
  const CellKey key = KeyOf(absl::CivilMonth(2017, 1), "anna");
  EXPECT_FALSE(Cells().AddStored(key, ""));
  PackedWriter writer;
  writer.Number(1);
  writer.Text("");
  writer.Number(1);
  writer.Number(5);  // There is no word 5.
  EXPECT_FALSE(Cells().AddStored(key, writer.Take()));
  PackedWriter day_32;
  day_32.Number(0);
  day_32.Number(32);
  EXPECT_FALSE(Cells().AddStored(key, day_32.Take()));
}

}  // namespace
}  // namespace milepost::reporting
