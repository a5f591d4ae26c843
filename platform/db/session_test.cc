#include "platform/db/session.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/db/errors.h"
#include "platform/db/migration.h"
#include "platform/testing/database.h"
#include "platform/testing/status_matchers.h"

namespace milepost::db {
namespace {

std::vector<Migration> Tables() {
  return {{"test", 1, "create_accounts",
           "-- A comment line.\n"
           "CREATE TABLE accounts (id VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL "
           "PRIMARY KEY,\n"
           "  balance BIGINT NOT NULL, note TEXT NULL, picture LONGBLOB NULL, time DATETIME(6) "
           "NULL, day DATE NULL);\n"
           "CREATE TABLE others (id INT NOT NULL PRIMARY KEY, code VARCHAR(9) NOT NULL, UNIQUE KEY "
           "by_code (code));\n"}};
}

constexpr Statement kInsert{
    "insert",
    "INSERT INTO accounts (id, balance, note, picture, time, day) VALUES (?, ?, ?, ?, ?, ?)"};
constexpr Statement kLoad{"load",
                          "SELECT balance, note, picture, time, day FROM accounts WHERE id = ?"};
constexpr Statement kLock{"lock", "SELECT balance FROM accounts WHERE id = ? FOR UPDATE"};
constexpr Statement kSet{"set", "UPDATE accounts SET balance = ? WHERE id = ?"};
constexpr Statement kOther{"other", "INSERT INTO others (id, code) VALUES (?, ?)"};

class SessionTest : public ::testing::Test {
 protected:
  testing::Database database_{Tables()};

  absl::Status Insert(const std::string& id, int64_t balance) {
    return database_.session().Transact([&](Transaction& tx) {
      return tx.Execute(kInsert, id, balance, Null{}, Null{}, Null{}, Null{}).status();
    });
  }
  int64_t Balance(const std::string& id) {
    const auto rows =
        database_.session().Read([&](Snapshot& snapshot) { return snapshot.Query(kLoad, id); });
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() && rows->size() == 1 ? (*rows)[0].Int64(0) : -1;
  }
};

TEST_F(SessionTest, EveryTypeRoundTrips) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const absl::Time time = absl::FromUnixMicros(1'709'210'096'123'456);
  const auto written = database_.session().Transact([&](Transaction& tx) {
    return tx.Execute(kInsert, "a", INT64_MIN, "沪深三百 \xF0\x9F\x98\x80 'quote' \\", Bytes{bytes},
                      time, absl::CivilDay(2024, 2, 29));
  });
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(*written, 1);
  const auto rows =
      database_.session().Read([](Snapshot& snapshot) { return snapshot.Query(kLoad, "a"); });
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  const Row& row = (*rows)[0];
  EXPECT_EQ(row.Int64(0), INT64_MIN);
  EXPECT_EQ(row.String(1), "沪深三百 \xF0\x9F\x98\x80 'quote' \\");
  EXPECT_EQ(row.String(2), bytes);
  EXPECT_EQ(row.Time(3), time);
  EXPECT_EQ(row.Day(4), absl::CivilDay(2024, 2, 29));
}

TEST_F(SessionTest, AnyNumberOfRowsIsInserted) {
  static constexpr Statement kHead{"insert_rows",
                                   "INSERT INTO accounts (id, balance, picture) VALUES "};
  int64_t written = 0;
  // Single rows, every statement size and what is left over; then rows that fill packets.
  for (const auto& [rows, bytes] : {std::pair<int, size_t>(0, 1),
                                    {1, 1},
                                    {24, 1},
                                    {25, 1},
                                    {26, 1},
                                    {737, 10},
                                    {30, 1024 * 1024}}) {
    std::vector<Value> values;
    for (int i = 0; i < rows; ++i) {
      values.insert(values.end(), {absl::StrCat("a-", rows, "-", i), written + i,
                                   Bytes{std::string(bytes, static_cast<char>(i))}});
    }
    const absl::Status status = database_.session().Transact(
        [&](Transaction& tx) { return tx.InsertRows(kHead, "(?, ?, ?)", values); });
    ASSERT_TRUE(status.ok()) << rows << " rows: " << status;
    for (int i = 0; i < rows; i += 23)
      EXPECT_EQ(Balance(absl::StrCat("a-", rows, "-", i)), written + i);
    written += rows;
  }
  const auto count = database_.session().Read([](Snapshot& snapshot) {
    return snapshot.Query({"count", "SELECT COUNT(*) FROM accounts LIMIT 1"});
  });
  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_EQ((*count)[0].Int64(0), written);
  const absl::Status twice = database_.session().Transact([&](Transaction& tx) {
    return tx.InsertRows(kHead, "(?, ?, ?)", {"b", 1, Null{}, "a-1-0", 1, Null{}});
  });
  EXPECT_TRUE(DuplicateKey(twice).has_value()) << twice;
  EXPECT_EQ(Balance("b"), -1);
}

TEST_F(SessionTest, AnErrorOfTheBodyRollsBack) {
  const absl::Status status = database_.session().Transact([&](Transaction& tx) -> absl::Status {
    if (auto done = tx.Execute(kInsert, "a", 1, Null{}, Null{}, Null{}, Null{}); !done.ok())
      return done.status();
    return absl::FailedPreconditionError("no");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Balance("a"), -1);
}

TEST_F(SessionTest, HooksRunBeforeAndAfterCommit) {
  std::vector<std::string> order;
  const absl::Status status = database_.session().Transact([&](Transaction& tx) {
    tx.AfterCommit([&] { order.push_back("after"); });
    tx.BeforeCommit([&](Transaction& inner) {
      order.push_back("before");
      return inner.Execute(kInsert, "a", 5, Null{}, Null{}, Null{}, Null{}).status();
    });
    return absl::OkStatus();
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(order, ::testing::ElementsAre("before", "after"));
  EXPECT_EQ(Balance("a"), 5);
}

TEST_F(SessionTest, ADuplicateNamesItsKey) {
  ASSERT_TRUE(Insert("a", 1).ok());
  const absl::Status primary = Insert("a", 2);
  EXPECT_EQ(primary.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(DuplicateKey(primary), "PRIMARY");
  const auto insert = [&](int id) {
    return database_.session().Transact(
        [&](Transaction& tx) { return tx.Execute(kOther, id, "x").status(); });
  };
  ASSERT_TRUE(insert(1).ok());
  EXPECT_EQ(DuplicateKey(insert(2)), "by_code");
}

TEST_F(SessionTest, DeadlocksAreRunAgain) {
  ASSERT_TRUE(Insert("a", 0).ok());
  ASSERT_TRUE(Insert("b", 0).ok());
  std::atomic<int> arrived{0};
  std::atomic<int> runs{0};
  const auto work = [&](const char* first, const char* second) {
    auto session = database_.NewSession();
    bool waited = false;
    const absl::Status status = session->Transact([&](Transaction& tx) -> absl::Status {
      ++runs;
      const auto one = tx.Query(kLock, first);
      if (!one.ok()) return one.status();
      if (!waited) {
        waited = true;
        ++arrived;
        while (arrived < 2) std::this_thread::yield();
      }
      const auto two = tx.Query(kLock, second);
      if (!two.ok()) return two.status();
      if (auto s = tx.Execute(kSet, (*one)[0].Int64(0) + 1, first); !s.ok()) return s.status();
      return tx.Execute(kSet, (*two)[0].Int64(0) + 1, second).status();
    });
    EXPECT_TRUE(status.ok()) << status;
  };
  std::thread other(work, "b", "a");
  work("a", "b");
  other.join();
  EXPECT_GE(runs.load(), 3);  // One was the victim.
  EXPECT_EQ(Balance("a"), 2);
  EXPECT_EQ(Balance("b"), 2);
}

TEST_F(SessionTest, ALostConnectionIsMadeAnew) {
  ASSERT_TRUE(Insert("a", 1).ok());
  const auto id = database_.session().Read([](Snapshot& snapshot) {
    static constexpr Statement kId{"id", "SELECT CONNECTION_ID()"};
    return snapshot.Query(kId);
  });
  ASSERT_TRUE(id.ok());
  auto killer = database_.NewSession();
  ASSERT_TRUE(killer->RunText(absl::StrCat("KILL CONNECTION ", (*id)[0].Int64(0))).ok());
  EXPECT_EQ(Balance("a"), 1);
}

TEST_F(SessionTest, ACommitThatDidNotReachTheServerIsNoSuccess) {
  auto killer = database_.NewSession();
  int hooks = 0;
  const absl::Status status = database_.session().Transact([&](Transaction& tx) -> absl::Status {
    tx.AfterCommit([&] { ++hooks; });
    static constexpr Statement kId{"id", "SELECT CONNECTION_ID()"};
    const auto id = tx.Query(kId);
    if (!id.ok()) return id.status();
    if (auto done = tx.Execute(kInsert, "a", 1, Null{}, Null{}, Null{}, Null{}); !done.ok())
      return done.status();
    return killer->RunText(absl::StrCat("KILL CONNECTION ", (*id)[0].Int64(0)));
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_TRUE(IsUnknownCommit(status)) << status;
  EXPECT_EQ(hooks, 0);
  EXPECT_EQ(Balance("a"), -1);
}

TEST_F(SessionTest, TextMayHaveAResult) {
  ASSERT_THAT(database_.session().RunText("ANALYZE TABLE accounts"), testing::IsOk());
  ASSERT_TRUE(Insert("a", 1).ok());
  EXPECT_EQ(Balance("a"), 1);
}

TEST_F(SessionTest, AnUnreachableDatabaseIsUnavailable) {
  Settings settings = database_.settings();
  settings.socket += ".none";
  Session session(settings);
  EXPECT_EQ(session.Ping().code(), absl::StatusCode::kUnavailable);
}

TEST(SettingsTest, PlaintextNeverLeavesTheMachine) {
  Settings settings;
  settings.host = "192.0.2.1";
  Session session(settings);
  const absl::Status status = session.Ping();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("--database-ca-file"));
}

TEST_F(SessionTest, MigratesOnceEvenWhenTwoDoItAtOnce) {
  std::vector<Migration> migrations = Tables();
  migrations.push_back(
      {"test", 2, "create_more", "CREATE TABLE more (id INT NOT NULL PRIMARY KEY);\n"});
  std::atomic<size_t> applied{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto session = database_.NewSession();
      const auto done = Migrate(*session, migrations);
      EXPECT_TRUE(done.ok()) << done.status();
      if (done.ok()) applied += done->size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(applied.load(), 1u);
  EXPECT_TRUE(CheckSchema(database_.session(), migrations).ok());
  // The build before this one starts on this schema, and has nothing to migrate.
  EXPECT_TRUE(CheckSchema(database_.session(), Tables()).ok());
  EXPECT_THAT(Migrate(database_.session(), Tables()).value(), ::testing::IsEmpty());
  migrations.push_back({"test", 3, "later", ""});
  EXPECT_EQ(CheckSchema(database_.session(), migrations).code(),
            absl::StatusCode::kFailedPrecondition);
  migrations[1].sql = "CREATE TABLE more (id BIGINT NOT NULL PRIMARY KEY);\n";
  EXPECT_EQ(Migrate(database_.session(), migrations).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace milepost::db
