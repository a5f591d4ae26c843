#include "reporting-svc/service/projection.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "platform/testing/database.h"
#include "platform/testing/status_matchers.h"
#include "platform/types/proto.h"
#include "reporting-svc/domain/record.h"
#include "reporting-svc/service/reconciliation.h"
#include "reporting-svc/store/figure_store.h"
#include "reporting-svc/store/ledger_store.h"
#include "reporting-svc/store/migrations.h"
#include "reporting-svc/testing/world.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;
using milepost::testing::Database;
using milepost::testing::IsOk;
using testing::World;

const absl::TimeZone kZone = absl::FixedTimeZone(8 * 3600);
constexpr Group kGroups[] = {Group::kOpened,   Group::kStage,      Group::kClosed,
                             Group::kCycle,    Group::kOrder,      Group::kCollection,
                             Group::kCustomer, Group::kInteraction};

std::vector<Fact> AllFacts(Database& database, Group group) {
  LedgerStore ledger;
  std::vector<Fact> facts;
  for (const RecordKind kind : {RecordKind::kOpportunity, RecordKind::kOrder, RecordKind::kCustomer,
                                RecordKind::kInteraction}) {
    const auto records = database.session().Read(
        [&](db::Snapshot& snapshot) { return ledger.ListRecords(snapshot, kind, "", 100'000); });
    EXPECT_THAT(records, IsOk());
    for (const LedgerRecord& record : *records) {
      for (const Fact& fact : record.facts) {
        if (fact.group == group) facts.push_back(fact);
      }
    }
  }
  return facts;
}

// Every sum of every cell that is not 0, by cell and place in words.
std::map<std::pair<std::string, std::vector<std::string>>, Values> AllCells(Database& database) {
  LedgerStore ledger;
  std::map<std::pair<std::string, std::vector<std::string>>, Values> all;
  for (const Group group : kGroups) {
    const auto stored = database.session().Read([&](db::Snapshot& snapshot) {
      return ledger.ListCells(snapshot, group, std::nullopt, 1'000'000);
    });
    EXPECT_THAT(stored, IsOk());
    Cells cells;
    for (const StoredCell& cell : *stored) EXPECT_TRUE(cells.AddStored(cell.key, cell.content));
    for (const auto& [key, sums] : cells.cells()) {
      for (const auto& [place, values] : sums) {
        std::vector<std::string> words;
        for (size_t i = 0; i < kDayPlace; ++i) words.push_back(cells.words().Text(place[i]));
        words.push_back(std::to_string(place[kDayPlace]));
        if (!IsZero(values)) all[{key.ToString(), words}] = values;
      }
    }
  }
  return all;
}

// Records of all kinds that change at random as they do in life: stages move, deals are won, lost,
// reopened and handed over, orders are taken back, customers get owners.
class RandomWorld {
 public:
  explicit RandomWorld(uint32_t seed) : random_(seed) {}

  World& world() { return world_; }

  void Step() {
    switch (Pick(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return ChangeDeal();
      case 4:
      case 5:
      case 6:
        return ChangeOrder();
      case 7:
        return ChangeCustomer();
      default:
        return ChangeInteraction();
    }
  }

  int Pick(int below) { return static_cast<int>(random_() % below); }
  CivilDay Day() { return CivilDay(2016, 11, 1) + Pick(500); }

 private:
  std::string Member() { return Pick(8) == 0 ? "" : absl::StrCat("m", Pick(5)); }
  std::string Product() { return Pick(6) == 0 ? "" : absl::StrCat("p", Pick(3)); }

  void ChangeDeal() {
    const std::string id = absl::StrCat("d", Pick(40));
    auto found = deals_.find(id);
    if (found == deals_.end()) {
      opportunity::v1::Opportunity deal = world_.NewDeal(id, Member(), Day());
      if (const std::string product = Product(); !product.empty())
        deal.set_product("products/" + product);
      if (Pick(2) == 0) deal.set_source(absl::StrCat("sources/s", Pick(2)));
      deal.set_region(Pick(2) == 0 ? "华东" : "west");
      found = deals_.emplace(id, std::move(deal)).first;
    } else {
      opportunity::v1::Opportunity& deal = found->second;
      if (deal.state() == opportunity::v1::OPEN) {
        switch (Pick(4)) {
          case 0:
            World::Close(deal, Day() + 500, Pick(3) == 0 ? 0 : 1 + Pick(100'000),
                         Pick(2) == 0 ? "price" : "");
            if (Pick(5) == 0) deal.mutable_amount()->set_currency_code("USD");
            break;
          case 1:
            deal.set_stage("prospecting");
            break;
          default:
            deal.set_channel(Pick(2) == 0 ? "direct" : "dealer");
        }
      } else if (Pick(3) == 0) {
        deal.set_state(opportunity::v1::OPEN);
        deal.clear_close_date();
        deal.clear_close_reason();
      }
      if (Pick(3) == 0) deal.set_owner(absl::StrCat("members/m", Pick(5)));
    }
    world_.PublishDeal(found->second);
  }

  void ChangeOrder() {
    const std::string id = absl::StrCat("o", Pick(30));
    auto found = orders_.find(id);
    if (found == orders_.end()) {
      opportunity::v1::Order order =
          world_.NewOrder(id, absl::StrCat("m", Pick(5)), Day(), Product(), 1 + Pick(50'000));
      if (Pick(4) == 0) order.clear_confirm_date();
      opportunity::v1::OrderLine& line = *order.add_lines();
      line.set_line_number(2);
      line.set_product("products/p1");
      line.set_quantity(10);
      line.mutable_unit_price()->set_minor_units(100);
      line.mutable_unit_cost()->set_minor_units(70);
      found = orders_.emplace(id, std::move(order)).first;
    } else {
      opportunity::v1::Order& order = found->second;
      switch (Pick(3)) {
        case 0: {
          opportunity::v1::Collection& money = *order.add_collections();
          *money.mutable_collect_date() = testing::DateOf(Day());
          money.mutable_amount()->set_minor_units(1 + Pick(1000));
          money.set_refund(Pick(4) == 0);
          break;
        }
        case 1: {
          opportunity::v1::OrderReversal& back = *order.add_reversals();
          back.set_kind(Pick(2) == 0 ? opportunity::v1::RETURN : opportunity::v1::CANCELLATION);
          *back.mutable_reverse_date() = testing::DateOf(Day());
          opportunity::v1::ReversedLine& line = *back.add_lines();
          line.set_line_number(1 + Pick(2));
          line.set_quantity(1);
          break;
        }
        default:
          *order.mutable_confirm_date() = testing::DateOf(Day());
      }
    }
    world_.PublishOrder(found->second);
  }

  void ChangeCustomer() {
    const int number = Pick(15);
    customer::v1::Customer& state = customers_[number];
    state.set_name(absl::StrCat("customers/c", number));
    state.set_region("华东");
    state.set_channel(customer::v1::DEALER);
    *state.mutable_create_time() = ToProto(absl::FromCivil(CivilDay(2017, 1, 1) + number, kZone));
    const std::string owner = Member();
    state.set_owner(owner.empty() ? "" : "members/" + owner);
    world_.Publish(kCustomerService, state.name(), state, Pick(20) == 0);
  }

  void ChangeInteraction() {
    const int number = Pick(20);
    customer::v1::Interaction& state = interactions_[number];
    state.set_name(absl::StrCat("interactions/i", number));
    state.set_member(absl::StrCat("members/m", number % 5));
    state.set_type(number % 2 == 0 ? customer::v1::VISIT : customer::v1::CALL);
    state.set_state(Pick(2) == 0 ? customer::v1::DONE : customer::v1::PLANNED);
    *state.mutable_done_time() = ToProto(absl::FromCivil(Day(), kZone));
    world_.Publish(kCustomerService, state.name(), state);
  }

  std::mt19937 random_;
  World world_;
  std::map<std::string, opportunity::v1::Opportunity> deals_;
  std::map<std::string, opportunity::v1::Order> orders_;
  std::map<int, customer::v1::Customer> customers_;
  std::map<int, customer::v1::Interaction> interactions_;
};

struct Answer {
  std::string member, key, sub;
  size_t period = 0;
  auto operator<=>(const Answer&) const = default;
};

size_t PeriodOf(const Days& range, Granularity granularity, CivilDay day) {
  const std::vector<Days> periods = Cut(range, granularity);
  for (size_t i = 0; i < periods.size(); ++i) {
    if (periods[i].Contains(day)) return i;
  }
  return periods.size();
}

// What the query must answer, added up fact by fact.
std::map<Answer, Values> BruteForce(const std::vector<Fact>& facts, const FigureQuery& query) {
  std::map<Answer, Values> sums;
  for (const Fact& fact : facts) {
    if (!query.range.Contains(fact.day)) continue;
    if (query.who.kind == MemberSelection::Kind::kThese &&
        std::find(query.who.members.begin(), query.who.members.end(), fact.member) ==
            query.who.members.end()) {
      continue;
    }
    if (!query.currency.empty() && fact.currency != query.currency) continue;
    bool passes = true;
    for (const auto& [dim, value] : query.filters) passes = passes && fact.key(dim) == value;
    if (!passes) continue;
    Answer answer{query.by_member ? fact.member : "",
                  query.by_dim == Dim::kNone ? "" : fact.key(query.by_dim),
                  query.by_sub ? fact.sub : "", PeriodOf(query.range, query.granularity, fact.day)};
    AddTo(sums[answer], fact.values);
  }
  std::erase_if(sums, [](const auto& entry) { return IsZero(entry.second); });
  return sums;
}

class ProjectionProperty : public ::testing::TestWithParam<uint32_t> {};

TEST_P(ProjectionProperty, CellsEqualTheirFactsInWhateverBatchesTheyCame) {
  RandomWorld random(GetParam());
  Projection projection(kZone);
  Database database(Migrations());
  // A replica that is asked now and then, and keeps its figures current.
  FigureStore figures;
  // Some events come again, as after a snapshot.
  for (int step = 0; step < 400; ++step) {
    random.Step();
    if (random.Pick(25) == 0) {
      ASSERT_THAT(random.world().Apply(database.session(), projection, 1 + random.Pick(40)),
                  IsOk());
      ASSERT_THAT(database.session().Read(
                      [&](db::Snapshot& snapshot) { return figures.Refresh(snapshot); }),
                  IsOk());
    }
    if (random.Pick(60) == 0) {
      for (const char* source : {kOpportunityService, kCustomerService}) {
        const std::vector<feed::v1::Event>& events = random.world().events(source);
        if (events.empty()) continue;
        ASSERT_THAT(random.world().Apply(database.session(), projection), IsOk());
        const size_t first = random.Pick(static_cast<int>(events.size()));
        const std::span<const feed::v1::Event> again(events.data() + first,
                                                     std::min<size_t>(20, events.size() - first));
        ASSERT_THAT(database.session().Transact(
                        [&](db::Transaction& tx) { return projection.Apply(tx, again); }),
                    IsOk());
      }
    }
  }
  ASSERT_THAT(random.world().Apply(database.session(), projection), IsOk());

  LedgerStore ledger;
  const auto reconciled = Reconcile(database.session(), ledger);
  ASSERT_THAT(reconciled, IsOk());
  EXPECT_GT(reconciled->facts, 50);
  for (const auto& mismatch : reconciled->mismatches) ADD_FAILURE() << mismatch.cell.ToString();
  EXPECT_EQ(reconciled->mismatch_count, 0);

  // Building it anew, one event at a time, comes to the same.
  Database anew(Migrations());
  for (const char* source : {kOpportunityService, kCustomerService}) {
    for (const feed::v1::Event& event : random.world().events(source)) {
      ASSERT_THAT(anew.session().Transact([&](db::Transaction& tx) {
        return projection.Apply(tx, std::span<const feed::v1::Event>(&event, 1));
      }),
                  IsOk());
    }
  }
  EXPECT_TRUE(AllCells(anew) == AllCells(database));

  // Any question is answered with the sum of its facts.
  for (const Group group : kGroups) {
    const std::vector<Fact> facts = AllFacts(database, group);
    for (int round = 0; round < 40; ++round) {
      FigureQuery query;
      query.group = group;
      query.range.first = random.Day();
      query.range.last = query.range.first + random.Pick(900);
      query.granularity = static_cast<Granularity>(random.Pick(6));
      query.who.kind = static_cast<MemberSelection::Kind>(random.Pick(3));
      if (query.who.kind == MemberSelection::Kind::kThese)
        query.who.members = {"m1", absl::StrCat("m", 2 + random.Pick(3))};
      query.by_member = query.who.kind != MemberSelection::Kind::kEverybody && random.Pick(2) == 0;
      query.by_dim = static_cast<Dim>(random.Pick(5));
      query.by_sub = random.Pick(2) == 0;
      if (random.Pick(3) == 0) query.filters[Dim::kProduct] = "p1";
      if (random.Pick(4) == 0) query.filters[Dim::kRegion] = "华东";
      if (random.Pick(4) == 0) query.currency = "CNY";
      std::map<Answer, Values> sums;
      const absl::Status read = database.session().Read([&](db::Snapshot& snapshot) {
        return figures.Read(snapshot, {query}, [&](size_t, const FigureRow& row) {
          const Answer answer{std::string(row.member), std::string(row.key), std::string(row.sub),
                              PeriodOf(query.range, query.granularity, row.day)};
          AddTo(sums[answer], row.values);
        });
      });
      ASSERT_THAT(read, IsOk());
      std::erase_if(sums, [](const auto& entry) { return IsZero(entry.second); });
      EXPECT_EQ(sums, BruteForce(facts, query))
          << "group " << static_cast<int>(group) << " round " << round;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ProjectionProperty, ::testing::Values(1u, 2u, 3u));

class FigureStoreTest : public ::testing::Test {
 protected:
  void Win(const std::string& id, int64_t amount) {
    world_.Win(id, "anna", CivilDay(2017, 1, 2), CivilDay(2017, 2, 2), "p", amount);
    EXPECT_THAT(world_.Apply(database_.session(), projection_), IsOk());
  }
  int64_t Revenue(FigureStore& figures) {
    FigureQuery query;
    query.range = {CivilDay(2017, 1, 1), CivilDay(2017, 12, 31)};
    int64_t revenue = 0;
    const absl::Status read = database_.session().Read([&](db::Snapshot& snapshot) {
      return figures.Read(snapshot, {query}, [&](size_t, const FigureRow& row) {
        revenue += row.values[order::kRevenue];
      });
    });
    EXPECT_THAT(read, IsOk());
    return revenue;
  }
  int64_t Mismatches(FigureStore& figures) {
    const auto mismatches = database_.session().Read(
        [&](db::Snapshot& snapshot) { return figures.CountMismatches(snapshot); });
    EXPECT_THAT(mismatches, IsOk());
    return *mismatches;
  }
  void Execute(const std::string& sql) {
    EXPECT_THAT(database_.session().Transact([&](db::Transaction& tx) {
      return tx.ExecuteValues(db::Statement{"test", sql}, {}).status();
    }),
                IsOk());
  }

  World world_;
  Projection projection_{kZone};
  Database database_{Migrations()};
  FigureStore figures_;
};

TEST_F(FigureStoreTest, EveryReplicaSeesWhatWasCommittedBeforeItIsAsked) {
  EXPECT_EQ(Revenue(figures_), 0);
  Win("d1", 100);
  EXPECT_EQ(Revenue(figures_), 100);
  FigureStore other;
  EXPECT_EQ(Revenue(other), 100);
  Win("d2", 20);
  Win("d3", 3);
  EXPECT_EQ(Revenue(other), 123);
  EXPECT_EQ(Revenue(figures_), 123);
  EXPECT_EQ(Mismatches(figures_), 0);
}

TEST_F(FigureStoreTest, MissedChangesAreMadeUpFromTheCells) {
  Win("d1", 100);
  EXPECT_EQ(Revenue(figures_), 100);
  Win("d2", 20);
  Win("d3", 3);
  // Only the newest change is still there.
  Execute(
      "DELETE FROM figure_changes WHERE version < (SELECT version FROM ledger_versions v WHERE "
      "v.record_kind = figure_changes.record_kind)");
  EXPECT_EQ(Revenue(figures_), 123);
}

TEST_F(FigureStoreTest, OldChangesAreForgottenAndTheNewestIsKept) {
  for (int i = 1; i < kVersionsPerForgetting; ++i) Win(absl::StrCat("d", i), 1);
  Execute("UPDATE figure_changes SET change_time = '2020-01-01 00:00:00'");
  Win("last", 1);
  const auto count = database_.session().Read([&](db::Snapshot& snapshot) {
    return snapshot.Query(db::Statement{
        "test", "SELECT COUNT(*) FROM figure_changes GROUP BY record_kind ORDER BY record_kind"});
  });
  ASSERT_THAT(count, IsOk());
  ASSERT_EQ(count->size(), 2u);  // Of opportunities and orders.
  EXPECT_EQ(count->front().Int64(0), 1);
  EXPECT_EQ(Revenue(figures_), kVersionsPerForgetting);
}

TEST_F(FigureStoreTest, WhatWasEmptiedIsGoneEverywhere) {
  Win("d1", 100);
  EXPECT_EQ(Revenue(figures_), 100);
  ASSERT_THAT(projection_.Reset(database_.session(), kOpportunityService), IsOk());
  EXPECT_EQ(Revenue(figures_), 0);
}

TEST_F(FigureStoreTest, FiguresThatDisagreeWithTheCellsAreFound) {
  Win("d1", 100);
  EXPECT_EQ(Mismatches(figures_), 0);
  // A cell changes and no change says so.
  Execute(
      "UPDATE cells SET content = (SELECT content FROM (SELECT content FROM cells WHERE "
      "SUBSTRING(cell_key, 1, 1) = X'01') c) WHERE SUBSTRING(cell_key, 1, 1) = X'05'");
  EXPECT_EQ(Mismatches(figures_), 1);
}

// Cells are read page by page while others write: nothing is missed or counted twice.
TEST_F(FigureStoreTest, LoadingWhileOthersWriteMissesNothing) {
  std::jthread writer([&](std::stop_token stop) {
    const std::unique_ptr<db::Session> session = database_.NewSession();
    for (int i = 0; !stop.stop_requested(); ++i) {
      World world;
      // Many cells, so that loading takes several pages.
      for (int deal = 0; deal < 40; ++deal) {
        world.Win(absl::StrCat("d", i, "-", deal), absl::StrCat("m", deal % 20),
                  CivilDay(2010, 1, 2) + (i * 40 + deal) * 9 % 3000, CivilDay(2017, 2, 2), "p", 1);
      }
      EXPECT_THAT(world.Apply(*session, projection_), IsOk());
    }
  });
  for (int round = 0; round < 30; ++round) {
    FigureStore fresh(7);
    Revenue(fresh);
    EXPECT_EQ(Mismatches(fresh), 0) << round;
  }
  writer.request_stop();
  writer.join();
  FigureStore fresh(7);
  EXPECT_EQ(Revenue(fresh), Revenue(figures_));
  EXPECT_EQ(Mismatches(fresh), 0);
}

TEST(ProjectionTest, AClosedDealStaysWithWhoClosedItUntilItIsReopened) {
  World world;
  Projection projection(kZone);
  Database database(Migrations());
  opportunity::v1::Opportunity deal = world.NewDeal("d1", "anna", CivilDay(2017, 1, 2));
  World::Close(deal, CivilDay(2017, 3, 1), 500);
  world.PublishDeal(deal);
  deal.set_owner("members/ben");
  world.PublishDeal(deal);
  ASSERT_THAT(world.Apply(database.session(), projection), IsOk());
  EXPECT_EQ(AllFacts(database, Group::kClosed).at(0).member, "anna");

  deal.set_state(opportunity::v1::OPEN);
  deal.clear_close_date();
  world.PublishDeal(deal);
  ASSERT_THAT(world.Apply(database.session(), projection), IsOk());
  EXPECT_TRUE(AllFacts(database, Group::kClosed).empty());
  EXPECT_EQ(AllFacts(database, Group::kOpened).at(0).member, "ben");

  World::Close(deal, CivilDay(2017, 4, 1), 700);
  world.PublishDeal(deal);
  ASSERT_THAT(world.Apply(database.session(), projection), IsOk());
  EXPECT_EQ(AllFacts(database, Group::kClosed).at(0).member, "ben");
}

TEST(ProjectionTest, AnUnreadableRecordFailsAndLeavesNothingBehind) {
  World world;
  Projection projection(kZone);
  Database database(Migrations());
  world.Win("d1", "anna", CivilDay(2017, 1, 2), CivilDay(2017, 2, 2), "p", 100);
  std::vector<feed::v1::Event> events = world.events(kOpportunityService);
  events[1].mutable_state()->set_value("\xff\xff\xff");
  const absl::Status status = database.session().Transact(
      [&](db::Transaction& tx) { return projection.Apply(tx, events); });
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(AllFacts(database, Group::kOpened).empty());
}

TEST(ProjectionTest, ResettingOneSourceKeepsTheOthers) {
  World world;
  Projection projection(kZone);
  Database database(Migrations());
  world.Win("d1", "anna", CivilDay(2017, 1, 2), CivilDay(2017, 2, 2), "p", 100);
  customer::v1::Customer buyer;
  buyer.set_name("customers/c1");
  *buyer.mutable_since_date() = testing::DateOf(CivilDay(2017, 1, 1));
  world.Publish(kCustomerService, buyer.name(), buyer);
  ASSERT_THAT(world.Apply(database.session(), projection), IsOk());
  ASSERT_THAT(projection.Reset(database.session(), kOpportunityService), IsOk());
  EXPECT_TRUE(AllFacts(database, Group::kOrder).empty());
  EXPECT_EQ(AllFacts(database, Group::kCustomer).size(), 1u);
  for (const auto& [key, values] : AllCells(database))
    EXPECT_EQ(key.first.find(absl::StrCat("group=", static_cast<int>(Group::kCustomer), " ")), 0u);
}

}  // namespace
}  // namespace milepost::reporting
