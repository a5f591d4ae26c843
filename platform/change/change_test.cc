#include "platform/change/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "google/protobuf/empty.pb.h"
#include "milepost/change/v1/change.pb.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/change/signal.h"
#include "platform/testing/database.h"
#include "platform/testing/status_matchers.h"

namespace milepost::change {
namespace {

using milepost::testing::Fails;
using milepost::testing::IsOk;
using milepost::testing::NamesField;
using ::testing::ElementsAre;

constexpr char kRequestId[] = "8d9e7f3c-5a41-4a4f-9a35-0d3c6f7e1b20";

type::v1::Money Yuan(int64_t minor_units) {
  type::v1::Money money;
  money.set_currency_code("CNY");
  money.set_minor_units(minor_units);
  return money;
}

// Any message with a `request_id` and a `reason` serves as a request.
v1::Change Request(const std::string& record, const std::string& request_id = kRequestId) {
  v1::Change request;
  request.set_record(record);
  request.set_request_id(request_id);
  return request;
}

Context ContextOf(const v1::Change& request) {
  return {.actor = "mei",
          .reason = request.reason(),
          .request_scope = RequestScope("mei", ""),
          .request_id = request.request_id(),
          .request_hash = RequestHash(request)};
}

std::string IdOf(int number) { return absl::StrFormat("8d9e7f3c-5a41-4a4f-9a35-%012d", number); }

class ChangeTest : public ::testing::Test {
 protected:
  absl::Status RecordOne(const Context& why, const std::string& name, int64_t version,
                         int64_t amount = 100,
                         absl::Time previous_update_time = absl::InfinitePast()) {
    return session_->Transact([&](db::Transaction& tx) {
      const type::v1::Money state = Yuan(amount);
      return Record(tx, why,
                    {.type = "thing.changed",
                     .aggregate_type = "thing",
                     .name = name,
                     .version = version,
                     .state = state,
                     .previous_update_time = previous_update_time});
    });
  }

  std::vector<std::string> Column(std::string_view column) {
    const std::string sql =
        absl::StrCat("SELECT ", std::string(column), " FROM changes ORDER BY change_id LIMIT 2000");
    std::vector<std::string> values;
    const auto rows = database_.session().Read([&](db::Snapshot& snapshot) {
      return snapshot.Query(db::Statement{"test", sql});
    });
    EXPECT_THAT(rows, IsOk());
    for (const db::Row& row : *rows) {
      values.push_back(row.IsNull(0)           ? "NULL"
                       : row.String(0).empty() ? absl::StrCat(row.Int64(0))
                                               : row.String(0));
    }
    database_.session().EndRead();
    return values;
  }

  milepost::testing::Database database_;
  std::unique_ptr<db::Session> session_ = database_.NewSession();
};

TEST_F(ChangeTest, WritesAllChangesOfATransactionTogether) {
  v1::Change request = Request("things/a");
  request.set_reason("客户要求");
  ASSERT_THAT(session_->Transact([&](db::Transaction& tx) -> absl::Status {
    for (int i = 0; i < 3; ++i) {
      const type::v1::Money state = Yuan(i);
      absl::Status status = Record(tx, ContextOf(request),
                                   {.type = "thing.created",
                                    .aggregate_type = "thing",
                                    .name = absl::StrCat("things/", i),
                                    .version = 1,
                                    .state = state,
                                    .deleted = i == 2});
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(Column("aggregate_id"), ElementsAre("things/0", "things/1", "things/2"));
  EXPECT_THAT(Column("request_id"), ElementsAre(kRequestId, "NULL", "NULL"));
  EXPECT_THAT(Column("reason"), ElementsAre("客户要求", "客户要求", "客户要求"));
  EXPECT_THAT(Column("deleted"), ElementsAre("0", "0", "1"));
  EXPECT_THAT(Column("position"), ElementsAre("0", "0", "0"));
  EXPECT_THAT(Column("COUNT(*) OVER (PARTITION BY transaction_id)"), ElementsAre("3", "3", "3"));
}

TEST_F(ChangeTest, AnyNumberOfChanges) {
  for (const int count : {1, 24, 25, 26, 100, 126, 500, 777, 2000, 4100}) {
    const auto status = session_->Transact([&](db::Transaction& tx) -> absl::Status {
      for (int i = 0; i < count; ++i) {
        const type::v1::Money state = Yuan(i);
        absl::Status status = Record(tx, ContextOf(Request("things/n", IdOf(count))),
                                     {.type = "thing.created",
                                      .aggregate_type = "thing",
                                      .name = absl::StrCat("things/n", count, "-", i),
                                      .version = 1,
                                      .state = state});
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
    ASSERT_THAT(status, IsOk());
    const auto rows = session_->Read([&](db::Snapshot& snapshot) {
      return snapshot.Query({"test",
                             "SELECT COUNT(*), COUNT(DISTINCT transaction_id), COUNT(request_id),"
                             " MAX(request_id = ? AND aggregate_id LIKE '%-0') FROM changes"
                             " WHERE aggregate_id LIKE ? LIMIT 1"},
                            IdOf(count), absl::StrCat("things/n", count, "-%"));
    });
    ASSERT_THAT(rows, IsOk());
    EXPECT_EQ(rows->front().Int64(0), count);
    EXPECT_EQ(rows->front().Int64(1), 1);
    EXPECT_EQ(rows->front().Int64(2), 1) << "the first carries the request";
    EXPECT_EQ(rows->front().Int64(3), 1);
    const auto names = session_->Read([&](db::Snapshot& snapshot) {
      return snapshot.Query({"test",
                             "SELECT aggregate_id FROM changes WHERE aggregate_id LIKE ?"
                             " ORDER BY change_id LIMIT 5000"},
                            absl::StrCat("things/n", count, "-%"));
    });
    ASSERT_THAT(names, IsOk());
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(names->at(static_cast<size_t>(i)).String(0),
                absl::StrCat("things/n", count, "-", i));
    }
  }
}

TEST_F(ChangeTest, RollsBackWithItsTransaction) {
  EXPECT_FALSE(session_
                   ->Transact([&](db::Transaction& tx) -> absl::Status {
                     const type::v1::Money state = Yuan(1);
                     EXPECT_THAT(Record(tx, Context{}, {"t.x", "t", "things/a", 1, state}), IsOk());
                     return absl::FailedPreconditionError("no");
                   })
                   .ok());
  EXPECT_TRUE(Column("change_id").empty());
}

TEST_F(ChangeTest, ChangesOfARecordStayInOrderWhenClocksDiffer) {
  ASSERT_THAT(RecordOne({}, "things/a", 1), IsOk());
  const absl::Time ahead = absl::FromUnixMicros(absl::ToUnixMicros(absl::Now())) + absl::Hours(1);
  ASSERT_THAT(RecordOne({}, "things/a", 2, 1, ahead), IsOk());
  ASSERT_THAT(RecordOne({}, "things/b", 1), IsOk());
  EXPECT_THAT(Column("aggregate_version"), ElementsAre("1", "1", "2"));
  EXPECT_EQ(Column("change_time").back(), db::FormatTime(ahead + absl::Microseconds(1)));
}

TEST_F(ChangeTest, NotifiesAfterCommitOnly) {
  Signal signal;
  Context why;
  why.committed = &signal;
  ASSERT_THAT(RecordOne(why, "things/a", 1), IsOk());
  EXPECT_EQ(signal.count(), 1u);
  EXPECT_FALSE(RecordOne(why, "things/a", 1).ok());
  EXPECT_EQ(signal.count(), 1u);
}

TEST_F(ChangeTest, SameVersionTwiceIsAConflict) {
  ASSERT_THAT(RecordOne({}, "things/a", 1), IsOk());
  EXPECT_THAT(RecordOne({}, "things/a", 1), Fails(absl::StatusCode::kAborted, "CONCURRENT_CHANGE"));
}

TEST_F(ChangeTest, TellsAWriteFailureFromWhatCallersBringAbout) {
  EXPECT_FALSE(IsWriteFailure(RecordOne({}, "things/a", 1)));
  EXPECT_FALSE(IsWriteFailure(RecordOne({}, "things/a", 1)));  // The version is there already.
  Context bad;
  bad.request_id = "not-a-uuid";
  EXPECT_FALSE(IsWriteFailure(RecordOne(bad, "things/a", 2)));
  EXPECT_TRUE(IsWriteFailure(RecordOne({}, "things/a", 0)));  // No version is below 1.
  Context wide;
  wide.actor = std::string(200, 'a');
  EXPECT_TRUE(IsWriteFailure(RecordOne(wide, "things/a", 2)));  // Wider than its column.
}

TEST_F(ChangeTest, RefusesWhatCannotBeKept) {
  Context why;
  why.request_id = "not-a-uuid";
  why.reason = std::string(1001, 'x');
  const absl::Status status = RecordOne(why, "things/a", 1);
  EXPECT_THAT(status, Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELDS"));
  EXPECT_THAT(status, NamesField("request_id"));
  EXPECT_THAT(status, NamesField("reason"));
  why = {};
  for (int i = 0; i < 1000; ++i) why.reason += "因";
  EXPECT_THAT(RecordOne(why, "things/a", 1), IsOk());
  EXPECT_THAT(RecordOne({}, "things/a", 0), Fails(absl::StatusCode::kInternal, ""));
  EXPECT_THAT(RecordOne({}, "things/" + std::string(200, 'a'), 1),
              Fails(absl::StatusCode::kInternal, ""));
}

TEST_F(ChangeTest, RepeatAnswersWithWhatWasDone) {
  const v1::Change request = Request("things/a");
  ASSERT_THAT(RecordOne(ContextOf(request), "things/a", 1, 4200), IsOk());
  const absl::Status again = RecordOne(ContextOf(request), "things/a2", 1, 1);
  EXPECT_THAT(again, Fails(absl::StatusCode::kAlreadyExists, "REQUEST_ID_USED"));
  type::v1::Money answer;
  EXPECT_THAT(Replay(*session_, ContextOf(request), again, answer), IsOk());
  EXPECT_EQ(answer.minor_units(), 4200);
  google::protobuf::Empty empty;
  EXPECT_THAT(Replay(*session_, ContextOf(request), again, empty), IsOk());
  type::v1::Date other_type;
  EXPECT_THAT(Replay(*session_, ContextOf(request), again, other_type),
              Fails(absl::StatusCode::kAlreadyExists, "REQUEST_ALREADY_DONE"));
}

TEST_F(ChangeTest, RepeatWithOtherArgumentsIsRefused) {
  ASSERT_THAT(RecordOne(ContextOf(Request("things/a")), "things/a", 1), IsOk());
  const Context other = ContextOf(Request("things/b"));
  const absl::Status again = RecordOne(other, "things/b", 1);
  type::v1::Money answer;
  EXPECT_THAT(Replay(*session_, other, again, answer),
              Fails(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED"));
}

TEST_F(ChangeTest, RequestIdsOfOthersDoNotCollide) {
  ASSERT_THAT(RecordOne(ContextOf(Request("things/a")), "things/a", 1), IsOk());
  Context other = ContextOf(Request("things/b"));
  other.request_scope = RequestScope("li", "");
  EXPECT_THAT(RecordOne(other, "things/b", 1), IsOk());
}

TEST_F(ChangeTest, ReplayLeavesOtherFailuresAlone) {
  const absl::Status refused = absl::FailedPreconditionError("closed");
  type::v1::Money answer;
  EXPECT_EQ(Replay(*session_, ContextOf(Request("things/a")), refused, answer), refused);
  EXPECT_EQ(Replay(*session_, Context{}, refused, answer), refused);
  ASSERT_THAT(RecordOne(ContextOf(Request("things/a")), "things/a", 1), IsOk());
  const absl::Status away = absl::UnavailableError("away");
  EXPECT_EQ(Replay(*session_, ContextOf(Request("things/a")), away, answer), away);
  const absl::Status unknown = db::FromDriver(2013, "lost", "commit", /*in_commit=*/true);
  EXPECT_THAT(Replay(*session_, ContextOf(Request("things/a")), unknown, answer), IsOk());
}

TEST_F(ChangeTest, ManyAtOnceOneWins) {
  const Context why = ContextOf(Request("things/a"));
  std::atomic<int> done{0};
  std::atomic<int> replayed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::unique_ptr<db::Session> session = database_.NewSession();
      const absl::Status status = session->Transact([&](db::Transaction& tx) {
        const type::v1::Money state = Yuan(t);
        return Record(tx, why, {"t.x", "t", absl::StrCat("things/t", t), 1, state});
      });
      type::v1::Money answer;
      if (status.ok()) {
        ++done;
      } else if (Replay(*session, why, status, answer).ok()) {
        ++replayed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(replayed, 7);
  EXPECT_EQ(Column("change_id").size(), 1u);
}

TEST(RequestHashTest, DependsOnContentButNotOnTheId) {
  EXPECT_EQ(RequestHash(Request("a", "x")), RequestHash(Request("a", "y")));
  EXPECT_NE(RequestHash(Request("a")), RequestHash(Request("b")));
  v1::ListChangesRequest other_type;
  v1::GetRecordAsOfRequest same_bytes;
  other_type.set_record("a");
  same_bytes.set_record("a");
  EXPECT_NE(RequestHash(other_type), RequestHash(same_bytes));
  EXPECT_EQ(RequestHash(other_type).size(), 32u);
}

TEST(IsRequestIdTest, WantsAUuid) {
  EXPECT_TRUE(IsRequestId(""));
  EXPECT_TRUE(IsRequestId(kRequestId));
  EXPECT_TRUE(IsRequestId("8D9E7F3C-5A41-4A4F-9A35-0D3C6F7E1B20"));
  EXPECT_FALSE(IsRequestId("8d9e7f3c5a414a4f9a350d3c6f7e1b20"));
  EXPECT_FALSE(IsRequestId("8d9e7f3c-5a41-4a4f-9a35-0d3c6f7e1b2g"));
  EXPECT_FALSE(IsRequestId("{8d9e7f3c-5a41-4a4f-9a35-0d3c6f7e1b20}"));
}

}  // namespace
}  // namespace milepost::change
