#include "platform/change/sequencer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/change/change.h"
#include "platform/change/sequencing.h"
#include "platform/testing/database.h"
#include "platform/testing/status_matchers.h"
#include "prometheus/registry.h"

namespace milepost::change {
namespace {

using milepost::testing::Fails;
using milepost::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kLease = absl::Seconds(60);

class SequencerTest : public ::testing::Test {
 protected:
  static absl::Status Write(db::Transaction& tx, const std::string& name, int64_t version,
                            Signal* committed = nullptr) {
    Context why;
    why.committed = committed;
    const type::v1::Money state;
    return Record(tx, why,
                  {.type = "thing.changed",
                   .aggregate_type = "thing",
                   .name = name,
                   .version = version,
                   .state = state});
  }

  absl::Status WriteOne(db::Session& session, const std::string& name, int64_t version,
                        Signal* committed = nullptr) {
    return session.Transact(
        [&](db::Transaction& tx) { return Write(tx, name, version, committed); });
  }

  void Sql(const std::string& sql) { ASSERT_THAT(database_.session().RunText(sql), IsOk()); }

  // A change with a chosen id, as a writer whose clock is off makes it.
  void Insert(const std::string& transaction, int number, const std::string& name, int version) {
    Sql(absl::StrFormat(
        "INSERT INTO changes (change_id, transaction_id, aggregate_type, aggregate_id,"
        " aggregate_version, event_type, payload, deleted, actor, calling_service, reason,"
        " change_time) VALUES ('c%s-%05x', 't%s', 'thing', '%s', %d, 'thing.changed', '', 0, '',"
        " '', '', '2026-01-01')",
        transaction, number, transaction, name, version));
  }

  Lease Take(const std::string& owner = "one") {
    const absl::StatusOr<std::optional<Lease>> lease = TakeLease(*session_, owner, kLease);
    EXPECT_THAT(lease, IsOk());
    EXPECT_TRUE(lease->has_value());
    return lease->value_or(Lease{});
  }

  void ExpireLease() { Sql("UPDATE feed_head SET lease_expiry = '2000-01-01'"); }

  absl::Status AssignAll(Lease& lease, size_t limit = 2000) {
    while (true) {
      const auto pending = ReadPending(*session_, limit);
      if (!pending.ok()) return pending.status();
      if (pending->empty()) return absl::OkStatus();
      if (absl::Status s = AssignPositions(*session_, lease, *pending, kLease); !s.ok()) return s;
    }
  }

  // name@version by position; fails unless positions are 1, 2, 3, ...
  std::vector<std::string> Feed() {
    std::vector<std::string> feed;
    const auto rows = database_.session().Read([](db::Snapshot& snapshot) {
      return snapshot.Query({"test",
                             "SELECT aggregate_id, aggregate_version, position FROM changes"
                             " WHERE position > 0 ORDER BY position LIMIT 100000"});
    });
    EXPECT_THAT(rows, IsOk());
    database_.session().EndRead();
    for (const db::Row& row : *rows) {
      feed.push_back(absl::StrCat(row.String(0), "@", row.Int64(1)));
      EXPECT_EQ(row.Int64(2), static_cast<int64_t>(feed.size())) << "positions must be dense";
    }
    return feed;
  }

  int64_t Pending() {
    const auto rows = database_.session().Read([](db::Snapshot& snapshot) {
      return snapshot.Query({"test", "SELECT COUNT(*) FROM changes WHERE position = 0 LIMIT 1"});
    });
    database_.session().EndRead();
    return rows.ok() ? rows->front().Int64(0) : -1;
  }

  milepost::testing::Database database_;
  std::unique_ptr<db::Session> session_ = database_.NewSession();
  prometheus::Registry registry_;
};

TEST_F(SequencerTest, ALargeTransactionStandsBetweenSmallOnes) {
  std::vector<std::string> expected;
  const auto write = [&](const std::string& name, int count) {
    ASSERT_THAT(session_->Transact([&](db::Transaction& tx) -> absl::Status {
      for (int i = 0; i < count; ++i) {
        if (absl::Status s = Write(tx, absl::StrCat(name, "-", i), 1); !s.ok()) return s;
      }
      return absl::OkStatus();
    }),
                IsOk());
    for (int i = 0; i < count; ++i) expected.push_back(absl::StrCat(name, "-", i, "@1"));
  };
  write("a", 2);
  write("b", 300);
  write("c", 1);
  write("d", 1);
  write("e", 30);
  Lease lease = Take();
  ASSERT_THAT(AssignAll(lease), IsOk());
  EXPECT_EQ(Feed(), expected);
  EXPECT_EQ(Pending(), 0);
}

TEST_F(SequencerTest, NumbersInOrder) {
  ASSERT_THAT(WriteOne(*session_, "a", 1), IsOk());
  ASSERT_THAT(WriteOne(*session_, "b", 1), IsOk());
  ASSERT_THAT(WriteOne(*session_, "a", 2), IsOk());
  Lease lease = Take();
  EXPECT_THAT(AssignAll(lease), IsOk());
  EXPECT_THAT(Feed(), ElementsAre("a@1", "b@1", "a@2"));
  EXPECT_EQ(lease.next_position, 4);
}

// The reason for the sequencer: it inserted first and commits last, and nobody misses it.
TEST_F(SequencerTest, LateCommitterComesAfterThoseAlreadyNumbered) {
  Lease lease = Take();
  const std::unique_ptr<db::Session> late = database_.NewSession();
  ASSERT_THAT(late->Transact([&](db::Transaction& tx) -> absl::Status {
    if (absl::Status s = Write(tx, "late", 1); !s.ok()) return s;
    // Runs after the insert of the change, before its commit.
    tx.BeforeCommit([&](db::Transaction&) -> absl::Status {
      EXPECT_THAT(WriteOne(*session_, "early", 1), IsOk());
      EXPECT_THAT(AssignAll(lease), IsOk());
      EXPECT_THAT(Feed(), ElementsAre("early@1"));
      return absl::OkStatus();
    });
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(AssignAll(lease), IsOk());
  EXPECT_THAT(Feed(), ElementsAre("early@1", "late@1"));
}

TEST_F(SequencerTest, PausedOldSequencerIsFenced) {
  Lease old_lease = Take("old");
  ASSERT_THAT(WriteOne(*session_, "a", 1), IsOk());
  ASSERT_THAT(WriteOne(*session_, "b", 1), IsOk());
  const auto pending = ReadPending(*session_, 100);  // And here it pauses.
  ASSERT_THAT(pending, IsOk());
  ExpireLease();
  Lease new_lease = Take("new");
  EXPECT_EQ(new_lease.epoch, old_lease.epoch + 1);

  EXPECT_THAT(AssignPositions(*session_, old_lease, *pending, kLease),
              Fails(absl::StatusCode::kFailedPrecondition, "LEASE_LOST"))
      << "woken before the new one has written";
  EXPECT_THAT(Feed(), IsEmpty());
  ASSERT_THAT(AssignAll(new_lease), IsOk());
  EXPECT_THAT(AssignPositions(*session_, old_lease, *pending, kLease),
              Fails(absl::StatusCode::kFailedPrecondition, "LEASE_LOST"))
      << "woken after the new one has written";
  EXPECT_THAT(KeepLease(*session_, old_lease, kLease),
              Fails(absl::StatusCode::kFailedPrecondition, "LEASE_LOST"));
  EXPECT_THAT(GiveUpLease(*session_, old_lease), IsOk());
  EXPECT_THAT(KeepLease(*session_, new_lease, kLease), IsOk()) << "not given up by the old one";
  EXPECT_THAT(Feed(), ElementsAre("a@1", "b@1"));
}

TEST_F(SequencerTest, OneHolderAtATime) {
  const Lease lease = Take("one");
  EXPECT_EQ(TakeLease(*session_, "two", kLease).value(), std::nullopt);
  EXPECT_THAT(GiveUpLease(*session_, lease), IsOk());
  EXPECT_TRUE(TakeLease(*session_, "two", kLease).value().has_value());
}

TEST_F(SequencerTest, ManyRaceForTheLeaseOneWins) {
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::unique_ptr<db::Session> session = database_.NewSession();
      const auto lease = TakeLease(*session, absl::StrCat("s", t), kLease);
      if (lease.ok() && lease->has_value()) ++winners;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
}

// A crash leaves either all of a batch numbered or nothing; the next one goes on without a hole.
TEST_F(SequencerTest, CrashWithinABatchLeavesNoTrace) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_THAT(WriteOne(*session_, absl::StrCat("a", i), 1), IsOk());
  }
  Lease lease = Take();
  auto pending = ReadPending(*session_, 100);
  ASSERT_THAT(pending, IsOk());
  // One of the rows cannot be numbered any more, so the batch fails half way.
  Sql("UPDATE changes SET position = 1000 WHERE aggregate_id = 'a25'");
  EXPECT_FALSE(AssignPositions(*session_, lease, *pending, kLease).ok());
  Sql("UPDATE changes SET position = 0");
  EXPECT_EQ(lease.next_position, 1);
  ExpireLease();
  Lease next = Take("next");
  EXPECT_EQ(next.next_position, 1);
  EXPECT_THAT(AssignAll(next), IsOk());
  EXPECT_EQ(Feed().size(), 30u);
}

TEST_F(SequencerTest, VersionsInOrderThoughClocksDiffer) {
  Insert("00000000000003", 0, "a", 1);
  Insert("00000000000002", 0, "a", 2);
  Insert("00000000000002", 1, "b", 1);
  Insert("00000000000001", 0, "b", 2);
  Insert("00000000000001", 1, "c", 1);
  Lease lease = Take();
  EXPECT_THAT(AssignAll(lease), IsOk());
  EXPECT_THAT(Feed(), ElementsAre("a@1", "a@2", "b@1", "b@2", "c@1"));
}

TEST_F(SequencerTest, HoldsBackWhoseOlderVersionIsBeyondTheWindow) {
  Insert("00000000000001", 0, "a", 2);  // Its version 1 has the last id of all.
  Insert("00000000000002", 0, "x", 1);
  Insert("00000000000003", 0, "b", 1);
  Insert("00000000000003", 1, "a", 3);  // Waits with a, and b with it.
  Insert("00000000000004", 0, "b", 2);
  Insert("00000000000005", 0, "y", 1);
  Insert("00000000000006", 0, "a", 1);
  for (const size_t limit : {1, 2, 3, 4, 5, 6, 7, 8}) {
    Sql("UPDATE changes SET position = 0");
    Sql("UPDATE feed_head SET next_position = 1, lease_expiry = '2000-01-01'");
    Lease lease = Take();
    ASSERT_THAT(AssignAll(lease, limit), IsOk());
    const std::vector<std::string> feed = Feed();
    ASSERT_EQ(feed.size(), 7u) << "window of " << limit;
    const auto place = [&](const std::string& change) {
      return std::find(feed.begin(), feed.end(), change) - feed.begin();
    };
    EXPECT_LT(place("a@1"), place("a@2")) << "window of " << limit;
    EXPECT_LT(place("a@2"), place("a@3")) << "window of " << limit;
    EXPECT_LT(place("b@1"), place("b@2")) << "window of " << limit;
    EXPECT_EQ(place("b@1") + 1, place("a@3")) << "a transaction stays together";
  }
}

TEST_F(SequencerTest, WholeTransactionsEvenAboveTheLimit) {
  ASSERT_THAT(session_->Transact([&](db::Transaction& tx) -> absl::Status {
    for (int i = 0; i < 40; ++i) {
      if (absl::Status s = Write(tx, absl::StrCat("a", i), 1); !s.ok()) return s;
    }
    return absl::OkStatus();
  }),
              IsOk());
  ASSERT_THAT(WriteOne(*session_, "b", 1), IsOk());
  const auto pending = ReadPending(*session_, 7);
  ASSERT_THAT(pending, IsOk());
  EXPECT_EQ(pending->size(), 40u);
}

// Dense and in version order whatever the transactions, their ids and the window.
TEST(InVersionOrderTest, RandomTransactions) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::map<std::string, int64_t> versions;
    std::vector<PendingChange> changes;
    for (int t = 0; t < 30; ++t) {
      const std::string transaction = absl::StrCat("t", random() % 1000000, "-", t);
      for (unsigned i = 0; i <= random() % 3; ++i) {
        const std::string record = absl::StrCat("r", random() % 10);
        changes.push_back({absl::StrCat("c", transaction, "-", i), transaction, record,
                           ++versions[record], absl::UnixEpoch()});
      }
    }
    std::vector<PendingChange> shuffled = changes;
    std::stable_sort(shuffled.begin(), shuffled.end(), [](const auto& a, const auto& b) {
      return a.transaction_id < b.transaction_id;
    });
    const std::vector<PendingChange> ordered = InVersionOrder(shuffled);
    ASSERT_EQ(ordered.size(), changes.size());
    std::map<std::string, int64_t> seen;
    std::set<std::string> closed;
    for (size_t i = 0; i < ordered.size(); ++i) {
      ASSERT_EQ(ordered[i].version, ++seen[ordered[i].aggregate_id]);
      if (i > 0 && ordered[i].transaction_id != ordered[i - 1].transaction_id) {
        ASSERT_TRUE(closed.insert(ordered[i - 1].transaction_id).second);
      }
    }
  }
}

TEST_F(SequencerTest, ThreadNumbersSoonAfterTheCommit) {
  Signal committed;
  Sequencer sequencer([this] { return database_.NewSession(); }, committed, {}, registry_);
  for (int i = 0; i < 3; ++i) {
    const uint64_t seen = sequencer.advanced().count();
    ASSERT_THAT(WriteOne(*session_, absl::StrCat("a", i), 1, &committed), IsOk());
    sequencer.advanced().WaitPast(seen, absl::Seconds(10));
  }
  EXPECT_EQ(Feed().size(), 3u);
}

// Several replicas, several writers, one of the sequencers stopped in the middle.
TEST_F(SequencerTest, ReplicasRaceAndNothingIsLostOrDoubled) {
  constexpr int kWriters = 3;
  constexpr int kWrites = 60;
  Signal signals[2];
  Sequencer::Options options;
  options.standby_poll = absl::Milliseconds(5);
  prometheus::Registry registries[2];
  auto first = std::make_unique<Sequencer>([this] { return database_.NewSession(); }, signals[0],
                                           options, registries[0]);
  Sequencer second([this] { return database_.NewSession(); }, signals[1], options, registries[1]);
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      const std::unique_ptr<db::Session> session = database_.NewSession();
      for (int i = 1; i <= kWrites; ++i) {
        EXPECT_THAT(WriteOne(*session, absl::StrCat("w", w), i, &signals[w % 2]), IsOk());
      }
    });
  }
  while (Feed().size() < 10) absl::SleepFor(absl::Milliseconds(1));
  first->Stop();
  for (std::thread& thread : threads) thread.join();
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (Pending() > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
  second.Stop();
  const std::vector<std::string> feed = Feed();
  EXPECT_EQ(feed.size(), size_t{kWriters * kWrites});
  std::map<std::string, int64_t> seen;
  for (const std::string& change : feed) {
    const std::string name = change.substr(0, change.find('@'));
    EXPECT_EQ(change, absl::StrCat(name, "@", ++seen[name]));
  }
}

}  // namespace
}  // namespace milepost::change
