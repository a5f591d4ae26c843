#include "reporting-svc/domain/figures.h"

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;
using Answer = std::tuple<std::string, std::string, std::string, CivilDay>;

class Random {
 public:
  explicit Random(uint32_t seed) : random_(seed) {}

  int Pick(int below) { return static_cast<int>(random_() % static_cast<uint32_t>(below)); }
  CivilDay Day() { return CivilDay(2016, 11, 20) + Pick(420); }

  Fact NextFact(Group group) {
    Fact fact;
    fact.group = group;
    fact.day = Day();
    fact.member = Pick(6) == 0 ? kNobody : absl::StrCat("m", Pick(4));
    fact.product = Pick(5) == 0 ? "" : absl::StrCat("p", Pick(3));
    fact.source = absl::StrCat("s", Pick(2));
    fact.region = Pick(2) == 0 ? "华东" : "华北";
    fact.channel = Pick(2) == 0 ? "direct" : "";
    fact.sub = absl::StrCat("sub", Pick(3));
    fact.currency = Pick(3) == 0 ? "EUR" : "CNY";
    for (size_t i = 0; i < ValueCount(group); ++i) {
      // Now and then one that needs all of its bits.
      fact.values[i] = Pick(200) == 0 ? (int64_t{1} << 40) + Pick(9) : Pick(100) - 20;
    }
    return fact;
  }

  FigureQuery NextQuery(Group group) {
    FigureQuery query;
    query.group = group;
    query.range.first = Day() - 30;
    query.range.last = query.range.first + Pick(500);
    query.granularity = static_cast<Granularity>(Pick(6));
    query.who.kind = static_cast<MemberSelection::Kind>(Pick(3));
    if (query.who.kind == MemberSelection::Kind::kThese)
      query.who.members = {"m1", absl::StrCat("m", 2 + Pick(3))};
    query.by_member = query.who.kind != MemberSelection::Kind::kEverybody && Pick(2) == 0;
    query.by_dim = static_cast<Dim>(Pick(5));
    query.by_sub = Pick(2) == 0;
    if (Pick(3) == 0) query.filters[Dim::kProduct] = absl::StrCat("p", Pick(4));
    if (Pick(4) == 0) query.filters[Dim::kRegion] = "华东";
    if (Pick(4) == 0) query.currency = Pick(4) == 0 ? "USD" : "CNY";
    return query;
  }

 private:
  std::mt19937 random_;
};

// The first day of the period that a day is in, within the range.
CivilDay PeriodIn(const FigureQuery& query, CivilDay day) {
  if (query.granularity == Granularity::kWhole) return query.range.first;
  return std::max(query.range.first, PeriodOf(day, query.granularity).first);
}

std::map<Answer, Values> BruteForce(const std::vector<Fact>& facts, const FigureQuery& query) {
  std::map<Answer, Values> sums;
  for (const Fact& fact : facts) {
    const std::vector<std::string>& members = query.who.members;
    bool fits = fact.group == query.group && query.range.Contains(fact.day) &&
                (query.currency.empty() || fact.currency == query.currency) &&
                (query.who.kind != MemberSelection::Kind::kThese ||
                 std::find(members.begin(), members.end(), fact.member) != members.end());
    for (const auto& [dim, value] : query.filters) fits = fits && fact.key(dim) == value;
    if (!fits) continue;
    Values& sum = sums[{query.by_member ? fact.member : "", fact.key(query.by_dim),
                        query.by_sub ? fact.sub : "", PeriodIn(query, fact.day)}];
    AddTo(sum, fact.values);
  }
  std::erase_if(sums, [](const auto& entry) { return IsZero(entry.second); });
  return sums;
}

void ExpectSameAnswers(const Figures& figures, const std::vector<Fact>& facts, Group group,
                       Random& random, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const FigureQuery query = random.NextQuery(group);
    std::map<Answer, Values> sums;
    figures.Read(query, [&](const FigureRow& row) {
      // The first period begins where the first month of the figures does, or later.
      const Answer answer{std::string(row.member), std::string(row.key), std::string(row.sub),
                          PeriodIn(query, row.day)};
      EXPECT_TRUE(sums.emplace(answer, row.values).second) << "a row comes twice, round " << round;
    });
    ASSERT_EQ(sums, BruteForce(facts, query)) << "round " << round;
  }
}

TEST(FiguresProperty, AnyQueryIsAnsweredWithTheSumOfItsFacts) {
  Random random(20261122);
  for (const Group group : {Group::kStage, Group::kOrder, Group::kCustomer}) {
    Figures figures;
    std::vector<Fact> facts;
    for (int step = 0; step < 1500; ++step) {
      if (!facts.empty() && random.Pick(4) == 0) {
        // One goes again.
        const auto gone = facts.begin() + random.Pick(static_cast<int>(facts.size()));
        figures.Add(-*gone);
        facts.erase(gone);
      } else {
        facts.push_back(random.NextFact(group));
        figures.Add(facts.back());
      }
      if (step % 100 == 0) ExpectSameAnswers(figures, facts, group, random, 10);
    }
    ExpectSameAnswers(figures, facts, group, random, 150);
  }
}

TEST(FiguresProperty, StoredCellsCountAsTheirFacts) {
  Random random(7);
  std::vector<Fact> facts;
  Cells cells;
  for (int i = 0; i < 1500; ++i) {
    facts.push_back(random.NextFact(Group::kClosed));
    cells.Add(facts.back());
  }
  Figures figures;
  for (const auto& [key, sums] : cells.cells()) {
    ASSERT_TRUE(figures.AddStored(key, cells.Pack(key)));
    Values sum = {};
    for (const auto& [place, values] : sums) {
      AddTo(sum, values);
    }
    EXPECT_EQ(figures.SumOf(key), sum) << key.ToString();
  }
  // And those that come after.
  for (int i = 0; i < 200; ++i) {
    facts.push_back(random.NextFact(Group::kClosed));
    figures.Add(facts.back());
  }
  ExpectSameAnswers(figures, facts, Group::kClosed, random, 150);
}

TEST(FiguresTest, AGroupIsForgottenOrReplacedWithoutTheOthers) {
  Random random(3);
  Figures figures;
  const Fact order = random.NextFact(Group::kOrder);
  const Fact customer = random.NextFact(Group::kCustomer);
  figures.Add(order);
  figures.Add(customer);
  Figures others;
  others.Add(order);
  others.Add(order);
  figures.Replace(Group::kOrder, others);
  EXPECT_EQ(figures.SumOf(CellOf(order))[0], 2 * order.values[0]);
  figures.Clear(Group::kOrder);
  EXPECT_TRUE(IsZero(figures.SumOf(CellOf(order))));
  EXPECT_EQ(figures.SumOf(CellOf(customer)), customer.values);
  Figures none;
  figures.Replace(Group::kCustomer, none);
  EXPECT_TRUE(IsZero(figures.SumOf(CellOf(customer))));
}

TEST(FiguresTest, UnreadableContentIsRefused) {
  Figures figures;
  EXPECT_FALSE(figures.AddStored({Group::kOrder, absl::CivilMonth(2017, 1), "anna"}, ""));
}

}  // namespace
}  // namespace milepost::reporting
