#include "reporting-svc/service/reconciler.h"

#include <memory>

#include "gtest/gtest.h"
#include "platform/testing/database.h"
#include "platform/testing/status_matchers.h"
#include "prometheus/text_serializer.h"
#include "reporting-svc/domain/record.h"
#include "reporting-svc/service/reconciliation.h"
#include "reporting-svc/store/migrations.h"
#include "reporting-svc/testing/world.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;
using milepost::testing::Database;
using milepost::testing::IsOk;

class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest() {
    testing::World world;
    world.AddProcess();
    world.AddProduct("gtx", "GTX");
    world.Win("d1", "darcel", CivilDay(2017, 1, 2), CivilDay(2017, 2, 3), "gtx", 100'00);
    Projection projection(absl::FixedTimeZone(8 * 3600));
    EXPECT_THAT(world.Apply(database_.session(), projection), IsOk());
    LedgerStore ledger;
    const auto cells = database_.session().Read([&](db::Snapshot& snapshot) {
      return ledger.ListCells(snapshot, Group::kOrder, std::nullopt, 1);
    });
    EXPECT_THAT(cells, IsOk());
    content_ = cells->front().content;
  }

  std::string Metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  Database database_{Migrations()};
  std::string content_;  // Of the only cell of orders.
  prometheus::Registry registry_;
  FreshnessReader freshness_{{kOpportunityService}};
  FigureStore figures_;
  Reconciler reconciler_{[this] { return database_.NewSession(); }, freshness_, figures_,
                         registry_};
};

TEST_F(ReconcilerTest, FindsNothingWhereAllAgrees) {
  EXPECT_EQ(Metrics().find("last_success_timestamp_seconds{"), std::string::npos);
  const auto mismatches = reconciler_.Look(database_.session());
  ASSERT_THAT(mismatches, IsOk());
  EXPECT_EQ(*mismatches, 0);
  EXPECT_NE(Metrics().find("milepost_reconcile_mismatches{check=\"read_models\"} 0"),
            std::string::npos);
  EXPECT_NE(
      Metrics().find("milepost_reconcile_last_success_timestamp_seconds{check=\"read_models\"}"),
      std::string::npos);
}

TEST_F(ReconcilerTest, FindsACellThatWasChanged) {
  // One order more, in one cell.
  LedgerStore ledger;
  const auto cells = database_.session().Read([&](db::Snapshot& snapshot) {
    return ledger.ListCells(snapshot, Group::kOrder, std::nullopt, 1);
  });
  ASSERT_THAT(cells, IsOk());
  Fact fact;
  fact.group = Group::kOrder;
  fact.day = CivilDay(2017, 2, 3);
  fact.member = "darcel";
  fact.values[order::kOrders] = 1;
  Cells wrong;
  wrong.Add(fact);
  ASSERT_TRUE(wrong.AddStored(cells->front().key, cells->front().content));
  ASSERT_THAT(database_.session().Transact([&](db::Transaction& tx) {
    return tx
        .Execute(db::Statement{"test", "UPDATE cells SET content = ? WHERE cell_key = ?"},
                 db::Bytes{wrong.Pack(cells->front().key)}, db::Bytes{cells->front().key.Pack()})
        .status();
  }),
              IsOk());
  const auto mismatches = reconciler_.Look(database_.session());
  ASSERT_THAT(mismatches, IsOk());
  EXPECT_EQ(*mismatches, 1);
  EXPECT_NE(Metrics().find("milepost_reconcile_mismatches{check=\"read_models\"} 1"),
            std::string::npos);
}

TEST_F(ReconcilerTest, FindsFiguresThatDisagreeWithTheCells) {
  ASSERT_THAT(reconciler_.Look(database_.session()), IsOk());
  // A change that no writing of cells made.
  LedgerStore ledger;
  ASSERT_THAT(database_.session().Transact([&](db::Transaction& tx) -> absl::Status {
    if (absl::Status s = ledger.Lock(tx, RecordKind::kOrder); !s.ok()) return s;
    Fact fact;
    fact.group = Group::kOrder;
    fact.day = CivilDay(2017, 2, 3);
    fact.member = "darcel";
    fact.values[order::kOrders] = 1;
    if (absl::Status s = ledger.SaveChange(tx, RecordKind::kOrder, {fact}); !s.ok()) return s;
    return tx
        .Execute(
            db::Statement{"test",
                          "UPDATE cells SET content = ? WHERE SUBSTRING(cell_key, 1, 1) = X'05'"},
            db::Bytes{content_})
        .status();
  }),
              IsOk());
  const auto mismatches = reconciler_.Look(database_.session());
  ASSERT_THAT(mismatches, IsOk());
  EXPECT_EQ(*mismatches, 1);
  EXPECT_NE(Metrics().find("milepost_reconcile_mismatches{check=\"figures\"} 1"),
            std::string::npos);
  EXPECT_NE(Metrics().find("milepost_reconcile_mismatches{check=\"read_models\"} 0"),
            std::string::npos);
}

TEST(LastingTest, KeepsWhatBothNameWithTheSameValues) {
  const auto mismatch = [](const char* member, int64_t stored, int64_t expected) {
    Reconciliation::Mismatch m;
    m.cell.member = member;
    m.stored[0] = stored;
    m.expected[0] = expected;
    return m;
  };
  Reconciliation first, second;
  first.mismatches = {mismatch("real", 1, 2), mismatch("caught-up", 6, 5),
                      mismatch("still-written", 6, 5)};
  second.mismatches = {mismatch("still-written", 8, 6), mismatch("real", 1, 2),
                       mismatch("new", 3, 2)};
  const auto lasting = Lasting(first, second);
  ASSERT_EQ(lasting.size(), 1u);
  EXPECT_EQ(lasting.front().cell.member, "real");
}

}  // namespace
}  // namespace milepost::reporting
