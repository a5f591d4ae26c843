// The feed from the commit to the consumer: server and consumer over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "milepost/feed/v1/feed.grpc.pb.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/change/change.h"
#include "platform/change/feed_consumer.h"
#include "platform/change/feed_reading.h"
#include "platform/change/feed_server.h"
#include "platform/change/sequencer.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"
#include "prometheus/registry.h"

namespace milepost::change {
namespace {

using access::Role;
using milepost::testing::Fails;
using milepost::testing::IsOk;
using milepost::testing::NamesField;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(20);

// A service that owns things and serves their feed.
class Source {
 public:
  Source() : host_({}), session_(host_.database().NewSession()) {
    Sequencer::Options sequencing;
    sequencing.rest = absl::ZeroDuration();
    sequencer_ = std::make_unique<Sequencer>([this] { return host_.database().NewSession(); },
                                             committed_, sequencing, host_.registry());
    tail_ = std::make_unique<FeedTail>([this] { return host_.database().NewSession(); },
                                       FeedTail::Options(), host_.registry());
    tail_thread_ = std::jthread([this](std::stop_token stop) { tail_->Run(*sequencer_, stop); });
    server_ = std::make_unique<FeedServer>(host_.runner(), *tail_,
                                           FeedServer::Options{.bookmark = absl::Milliseconds(200)},
                                           host_.registry());
    host_.Start({server_.get()});
  }
  ~Source() {
    host_.runner().Drain();
    host_.runner().WaitForStreams(absl::Seconds(5));
  }

  // One transaction that writes these records, each one version on.
  void Write(const std::vector<std::string>& names, bool deleted = false, int padding = 0) {
    Context why{.actor = "mei"};
    why.committed = &committed_;
    const absl::Status status = session_->Transact([&](db::Transaction& tx) -> absl::Status {
      for (const std::string& name : names) {
        type::v1::Money state;
        state.set_minor_units(versions_[name] + 1);
        state.set_currency_code(std::string(static_cast<size_t>(padding), 'x'));
        absl::Status recorded = Record(tx, why,
                                       {.type = "thing.changed",
                                        .aggregate_type = name.substr(0, name.find('s')),
                                        .name = name,
                                        .version = versions_[name] + 1,
                                        .state = state,
                                        .deleted = deleted});
        if (!recorded.ok()) return recorded;
      }
      return absl::OkStatus();
    });
    ASSERT_THAT(status, IsOk());
    for (const std::string& name : names) ++versions_[name];
    written_ += static_cast<int64_t>(names.size());
  }

  void WaitUntilSequenced() {
    const absl::Time deadline = absl::Now() + kPatience;
    while (absl::Now() < deadline) {
      const auto head = ReadFeedHead(*session_);
      if (head.ok() && head->position == written_) return;
      absl::SleepFor(absl::Milliseconds(2));
    }
    FAIL() << "positions are missing";
  }

  void Sql(const std::string& sql) { ASSERT_THAT(session_->RunText(sql), IsOk()); }

  std::unique_ptr<grpc::ClientContext> Call() {
    return host_.Call("reporting-svc", {Role::kService});
  }

  milepost::testing::ServiceHost host_;
  std::unique_ptr<db::Session> session_;
  Signal committed_;
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<FeedTail> tail_;
  std::jthread tail_thread_;
  std::unique_ptr<FeedServer> server_;
  std::map<std::string, int64_t> versions_;
  int64_t written_ = 0;
};

class FeedTest : public ::testing::Test {
 protected:
  FeedTest() : stub_(feed::v1::FeedService::NewStub(source_.host_.channel())) {}

  // Reads until `through`; the batches as "name name | name", bookmarks left out.
  std::string ReadThrough(const feed::v1::SubscribeRequest& request, int64_t through) {
    const auto context = source_.Call();
    const auto stream = stub_->Subscribe(context.get(), request);
    std::vector<std::string> batches;
    feed::v1::Batch batch;
    int64_t position = request.after_position();
    while (position < through && stream->Read(&batch)) {
      EXPECT_EQ(batch.after_position(), position);
      position = batch.through_position();
      EXPECT_LE(position, batch.head_position());
      EXPECT_FALSE(batch.feed_id().empty());
      std::vector<std::string> names;
      for (const feed::v1::Event& event : batch.events()) {
        names.push_back(absl::StrCat(event.aggregate(), "@", event.version()));
      }
      if (!names.empty()) batches.push_back(absl::StrJoin(names, " "));
    }
    EXPECT_EQ(position, through);
    context->TryCancel();
    stream->Finish();
    return absl::StrJoin(batches, " | ");
  }

  grpc::Status End(const feed::v1::SubscribeRequest& request) {
    const auto context = source_.Call();
    const auto stream = stub_->Subscribe(context.get(), request);
    feed::v1::Batch batch;
    while (stream->Read(&batch)) {
    }
    return stream->Finish();
  }

  Source source_;
  std::unique_ptr<feed::v1::FeedService::Stub> stub_;
};

TEST_F(FeedTest, SendsWhatWasAndWhatComes) {
  source_.Write({"things/a"});
  source_.Write({"things/b", "things/a"});
  source_.WaitUntilSequenced();
  const std::string text = ReadThrough({}, 3);
  EXPECT_EQ(text, "things/a@1 things/b@1 things/a@2");

  const auto context = source_.Call();
  feed::v1::SubscribeRequest request;
  request.set_after_position(3);
  const auto stream = stub_->Subscribe(context.get(), request);
  feed::v1::Batch batch;
  ASSERT_TRUE(stream->Read(&batch)) << "a bookmark comes at once";
  EXPECT_EQ(batch.events_size(), 0);
  EXPECT_EQ(batch.through_position(), 3);
  source_.Write({"things/c"});
  const absl::Time written = absl::Now();
  do {
    ASSERT_TRUE(stream->Read(&batch));
  } while (batch.events_size() == 0);
  // The aim is 0.1 s; a loaded machine gets more.
  EXPECT_LT(absl::Now() - written, absl::Seconds(2));
  const feed::v1::Event& event = batch.events(0);
  EXPECT_EQ(event.position(), 4);
  EXPECT_EQ(event.aggregate(), "things/c");
  EXPECT_EQ(event.aggregate_type(), "thing");
  EXPECT_EQ(event.version(), 1);
  EXPECT_EQ(event.type(), "thing.changed");
  EXPECT_EQ(event.actor(), "mei");
  EXPECT_FALSE(event.event_id().empty());
  type::v1::Money state;
  ASSERT_TRUE(event.state().UnpackTo(&state));
  EXPECT_EQ(state.minor_units(), 1);
  context->TryCancel();
  stream->Finish();
}

TEST_F(FeedTest, ResumesAtEveryPosition) {
  for (int i = 0; i < 5; ++i) source_.Write({absl::StrCat("things/a", i)});
  source_.WaitUntilSequenced();
  for (int64_t after = 0; after < 5; ++after) {
    feed::v1::SubscribeRequest request;
    request.set_after_position(after);
    std::vector<std::string> names;
    for (int64_t i = after; i < 5; ++i) names.push_back(absl::StrCat("things/a", i, "@1"));
    EXPECT_EQ(ReadThrough(request, 5), absl::StrJoin(names, " "));
  }
}

TEST_F(FeedTest, FilterLeavesPositionsWhole) {
  source_.Write({"things/a"});
  source_.Write({"others/b"});
  source_.Write({"things/c", "others/d"});
  source_.WaitUntilSequenced();
  feed::v1::SubscribeRequest request;
  request.add_aggregate_types("other");
  EXPECT_EQ(ReadThrough(request, 4), "others/b@1 others/d@1");
  request.add_aggregate_types("none");
  request.mutable_aggregate_types()->DeleteSubrange(0, 1);
  EXPECT_EQ(ReadThrough(request, 4), "");
}

TEST_F(FeedTest, TransactionsStayTogether) {
  for (int t = 0; t < 30; ++t) {
    std::vector<std::string> names;
    for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("things/t", t, "-", i));
    source_.Write(names);
  }
  source_.WaitUntilSequenced();
  const auto context = source_.Call();
  const auto stream = stub_->Subscribe(context.get(), {});
  feed::v1::Batch batch;
  int64_t position = 0;
  while (position < 3000 && stream->Read(&batch)) {
    position = batch.through_position();
    EXPECT_EQ(position % 100, 0) << "ends inside of a transaction";
    EXPECT_LE(batch.events_size(), 1100);
  }
  EXPECT_EQ(position, 3000);
  context->TryCancel();
  stream->Finish();
}

TEST_F(FeedTest, TransactionAboveTheMessageLimitIsSplit) {
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) names.push_back(absl::StrCat("things/big", i));
  source_.Write(names, false, 100'000);
  source_.WaitUntilSequenced();
  EXPECT_EQ(std::count(names.begin(), names.end(), "x"), 0);
  const std::string text = ReadThrough({}, 60);
  EXPECT_TRUE(absl::StrContains(text, " | ")) << "6 MB do not fit into one message";
}

TEST_F(FeedTest, RefusesPositionsThatMeanNothing) {
  for (int i = 0; i < 4; ++i) source_.Write({absl::StrCat("things/a", i)});
  source_.WaitUntilSequenced();
  feed::v1::SubscribeRequest request;
  request.set_after_position(5);
  EXPECT_THAT(End(request), Fails(absl::StatusCode::kOutOfRange, "POSITION_BEYOND_HEAD"));
  request.set_after_position(2);
  request.set_feed_id("another");
  EXPECT_THAT(End(request), Fails(absl::StatusCode::kOutOfRange, "FEED_REPLACED"));
  request.clear_feed_id();
  request.set_after_position(-1);
  EXPECT_THAT(End(request), NamesField("after_position"));

  // Retention: the first two are old.
  source_.Sql("UPDATE changes SET change_time = '2020-01-01' WHERE position <= 2");
  ASSERT_THAT(TrimFeed(*source_.session_, absl::Now() - absl::Hours(1)), IsOk());
  request.set_after_position(1);
  EXPECT_THAT(End(request), Fails(absl::StatusCode::kOutOfRange, "POSITION_EXPIRED"));
  request.set_after_position(2);
  EXPECT_EQ(ReadThrough(request, 4), "things/a2@1 things/a3@1");
  const auto context = source_.Call();
  feed::v1::FeedStatus status;
  ASSERT_THAT(stub_->GetFeedStatus(context.get(), {}, &status), IsOk());
  EXPECT_EQ(status.earliest_position(), 3);
  EXPECT_EQ(status.head_position(), 4);
  EXPECT_EQ(status.unsequenced_changes(), 0);
}

TEST_F(FeedTest, OnlyServicesSubscribe) {
  auto context = source_.host_.Call("mei", {Role::kManager});
  feed::v1::Batch batch;
  const auto stream = stub_->Subscribe(context.get(), {});
  EXPECT_FALSE(stream->Read(&batch));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(FeedTest, DrainEndsStreamsForAnotherServer) {
  source_.Write({"things/a"});
  source_.WaitUntilSequenced();
  const auto context = source_.Call();
  const auto stream = stub_->Subscribe(context.get(), {});
  feed::v1::Batch batch;
  ASSERT_TRUE(stream->Read(&batch));
  source_.host_.runner().Drain();
  while (stream->Read(&batch)) {
  }
  EXPECT_THAT(stream->Finish(), Fails(absl::StatusCode::kUnavailable, "DRAINING"));
}

TEST_F(FeedTest, SnapshotHoldsTheNewestOfEach) {
  for (int i = 0; i < 700; ++i) source_.Write({absl::StrCat("things/a", i)});
  source_.Write({"things/a1", "things/a2"});
  source_.Write({"things/a3"}, /*deleted=*/true);
  source_.Write({"others/x"});
  source_.WaitUntilSequenced();
  feed::v1::SnapshotRequest request;
  request.add_aggregate_types("thing");
  const auto context = source_.Call();
  const auto stream = stub_->Snapshot(context.get(), request);
  std::map<std::string, int64_t> versions;
  feed::v1::SnapshotPage page;
  while (stream->Read(&page)) {
    EXPECT_EQ(page.position(), 704);
    EXPECT_FALSE(page.feed_id().empty());
    for (const feed::v1::Event& event : page.events()) {
      EXPECT_TRUE(versions.emplace(event.aggregate(), event.version()).second);
    }
  }
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_EQ(versions.size(), 699u);
  EXPECT_EQ(versions["things/a1"], 2);
  EXPECT_EQ(versions.count("things/a3"), 0u);
}

// A read model of things: name → version, and how often each was applied.
class ConsumerTest : public ::testing::Test {
 protected:
  ConsumerTest() {
    EXPECT_THAT(database_.session().RunText(
                    "CREATE TABLE things (name VARCHAR(160) NOT NULL, version BIGINT NOT NULL,"
                    " applied BIGINT NOT NULL, PRIMARY KEY (name))"),
                IsOk());
  }

  absl::Status Apply(db::Transaction& tx, std::span<const feed::v1::Event> events) {
    for (const feed::v1::Event& event : events) {
      if (absl::StrContains(event.aggregate(), poison_)) {
        return absl::InvalidArgumentError("cannot be applied");
      }
      if (fail_all_) return absl::UnavailableError("not now");
      const absl::StatusOr<int64_t> rows =
          tx.Execute({"apply",
                      "INSERT INTO things VALUES (?, ?, 1) ON DUPLICATE KEY UPDATE"
                      " applied = applied + (VALUES(version) > version),"
                      " version = GREATEST(version, VALUES(version))"},
                     event.aggregate(), event.version());
      if (!rows.ok()) return rows.status();
    }
    return absl::OkStatus();
  }

  std::unique_ptr<FeedConsumer> Consumer(std::vector<std::string> types = {}) {
    Projection projection;
    projection.apply = [this](db::Transaction& tx, std::span<const feed::v1::Event> events) {
      return Apply(tx, events);
    };
    projection.reset = [this](db::Session& session) {
      ++resets_;
      return session.Transact([](db::Transaction& tx) {
        return tx.Execute({"reset", "DELETE FROM things"}).status();
      });
    };
    projection.applied = [this](db::Session&) { ++applied_; };
    FeedConsumer::Options options;
    options.source = "source-svc";
    options.aggregate_types = std::move(types);
    options.batch = 100;
    options.lease = absl::Seconds(2);
    options.poll = absl::Milliseconds(10);
    options.min_backoff = absl::Milliseconds(5);
    options.max_backoff = absl::Milliseconds(50);
    options.prepare = [this](grpc::ClientContext& context) {
      source_.host_.Authorize(context, "reporting-svc", {Role::kService});
    };
    registries_.push_back(std::make_unique<prometheus::Registry>());
    return std::make_unique<FeedConsumer>(
        source_.host_.channel(), [this] { return database_.NewSession(); }, projection, options,
        *registries_.back());
  }

  static std::jthread Start(FeedConsumer& consumer) {
    return std::jthread([&](std::stop_token stop) { consumer.Run(std::move(stop)); });
  }

  std::map<std::string, std::pair<int64_t, int64_t>> Things() {
    std::map<std::string, std::pair<int64_t, int64_t>> things;
    const auto rows = database_.session().Read([](db::Snapshot& snapshot) {
      return snapshot.Query({"test", "SELECT name, version, applied FROM things LIMIT 100000"});
    });
    EXPECT_THAT(rows, IsOk());
    database_.session().EndRead();
    for (const db::Row& row : *rows) things[row.String(0)] = {row.Int64(1), row.Int64(2)};
    return things;
  }

  // Every record of the source as it is there.
  void ExpectAllThere() {
    const auto things = Things();
    EXPECT_EQ(things.size(), source_.versions_.size());
    for (const auto& [name, version] : source_.versions_) {
      ASSERT_EQ(things.count(name), 1u) << name;
      EXPECT_EQ(things.at(name).first, version) << name;
    }
  }

  Source source_;
  milepost::testing::Database database_;
  std::vector<std::unique_ptr<prometheus::Registry>> registries_;
  std::atomic<int> resets_{0};
  std::atomic<int> applied_{0};
  std::atomic<bool> fail_all_{false};
  std::string poison_ = "poison";
};

TEST_F(ConsumerTest, AppliesEveryEventOnce) {
  for (int i = 0; i < 300; ++i) source_.Write({absl::StrCat("things/a", i % 50)});
  const auto consumer = Consumer();
  const std::jthread thread = Start(*consumer);
  ASSERT_TRUE(consumer->WaitForPosition(300, kPatience));
  source_.Write({"things/new"});
  ASSERT_TRUE(consumer->WaitForPosition(301, kPatience));
  ExpectAllThere();
  for (const auto& [name, thing] : Things()) EXPECT_EQ(thing.first, thing.second) << name;
  EXPECT_GT(applied_, 0);
  EXPECT_LT(absl::AbsDuration(absl::Now() - consumer->fresh_time()), kPatience);
  const auto checkpoint = ReadCheckpoint(database_.session(), "source-svc");
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->position, 301);
}

TEST_F(ConsumerTest, GoesOnWhereItStood) {
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 20; ++i) source_.Write({absl::StrCat("things/a", i)});
    const auto consumer = Consumer();
    const std::jthread thread = Start(*consumer);
    ASSERT_TRUE(consumer->WaitForPosition(20 * round, kPatience));
  }
  ExpectAllThere();
  for (const auto& [name, thing] : Things()) EXPECT_EQ(thing.second, 3) << name;
  EXPECT_EQ(resets_, 0);
}

TEST_F(ConsumerTest, OneOfSeveralReplicasFollows) {
  const auto one = Consumer();
  const auto two = Consumer();
  std::jthread first = Start(*one);
  std::jthread second = Start(*two);
  for (int i = 0; i < 100; ++i) source_.Write({absl::StrCat("things/a", i % 10)});
  ASSERT_TRUE(one->WaitForPosition(100, kPatience));
  ASSERT_TRUE(two->WaitForPosition(100, kPatience)) << "the other one sees it too";
  first.request_stop();
  first.join();
  source_.Write({"things/after"});
  ASSERT_TRUE(two->WaitForPosition(101, kPatience)) << "and takes over";
  for (const auto& [name, thing] : Things()) EXPECT_EQ(thing.first, thing.second) << name;
}

TEST_F(ConsumerTest, PoisonIsParkedAndStopsNobody) {
  poison_ = "poison";
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back(absl::StrCat("things/a", i));
  names.insert(names.begin() + 20, "things/poison");
  source_.Write(names);
  source_.Write({"things/b"});
  const auto consumer = Consumer();
  const std::jthread thread = Start(*consumer);
  ASSERT_TRUE(consumer->WaitForPosition(52, kPatience));
  EXPECT_EQ(Things().size(), 51u);
  auto parked = ListParked(database_.session(), "source-svc", 10);
  ASSERT_THAT(parked, IsOk());
  ASSERT_EQ(parked->size(), 1u);
  EXPECT_EQ(parked->front().event.aggregate(), "things/poison");
  EXPECT_TRUE(absl::StrContains(parked->front().error, "cannot be applied"));
  EXPECT_EQ(parked->front().attempts, 1);

  EXPECT_EQ(consumer->ReplayParked(database_.session()).value(), 0);
  EXPECT_EQ(ListParked(database_.session(), "source-svc", 10)->front().attempts, 2);
  poison_ = "mended";
  EXPECT_EQ(consumer->ReplayParked(database_.session()).value(), 1);
  EXPECT_THAT(*ListParked(database_.session(), "source-svc", 10), IsEmpty());
  ExpectAllThere();
  EXPECT_THAT(DiscardParked(database_.session(), "source-svc", "none"),
              Fails(absl::StatusCode::kNotFound, "EVENT_NOT_PARKED"));
}

TEST_F(ConsumerTest, WaitsWhileNothingCanBeApplied) {
  fail_all_ = true;
  source_.Write({"things/a"});
  const auto consumer = Consumer();
  const std::jthread thread = Start(*consumer);
  EXPECT_FALSE(consumer->WaitForPosition(1, absl::Milliseconds(300)));
  EXPECT_THAT(*ListParked(database_.session(), "source-svc", 10), IsEmpty());
  fail_all_ = false;
  EXPECT_TRUE(consumer->WaitForPosition(1, kPatience));
}

TEST_F(ConsumerTest, StartsFromASnapshotWhenTooOld) {
  for (int i = 0; i < 30; ++i) source_.Write({absl::StrCat("things/a", i)});
  source_.Write({"things/a5"}, /*deleted=*/true);
  source_.WaitUntilSequenced();
  source_.Sql("UPDATE changes SET change_time = '2020-01-01' WHERE position <= 10");
  ASSERT_THAT(TrimFeed(*source_.session_, absl::Now() - absl::Hours(1)), IsOk());
  const auto consumer = Consumer();
  const std::jthread thread = Start(*consumer);
  ASSERT_TRUE(consumer->WaitForPosition(31, kPatience));
  EXPECT_EQ(resets_, 1);
  source_.Write({"things/a6"});
  ASSERT_TRUE(consumer->WaitForPosition(32, kPatience));
  source_.versions_.erase("things/a5");
  ExpectAllThere();
}

TEST_F(ConsumerTest, StartsAnewWhenTheSourceWasReplaced) {
  source_.Write({"things/a"});
  const auto consumer = Consumer();
  const std::jthread thread = Start(*consumer);
  ASSERT_TRUE(consumer->WaitForPosition(1, kPatience));
  source_.Sql("UPDATE feed_head SET feed_id = 'restored-from-backup'");
  source_.Write({"things/b"});
  ASSERT_TRUE(consumer->WaitForPosition(2, kPatience));
  ExpectAllThere();
  EXPECT_EQ(ReadCheckpoint(database_.session(), "source-svc")->feed_id, "restored-from-backup");
  EXPECT_GE(resets_, 1);
}

TEST_F(ConsumerTest, RebuildGivesTheSame) {
  for (int i = 0; i < 40; ++i) source_.Write({absl::StrCat("things/a", i % 7)});
  const auto consumer = Consumer();
  const std::jthread thread = Start(*consumer);
  ASSERT_TRUE(consumer->WaitForPosition(40, kPatience));
  const auto before = Things();
  ASSERT_THAT(RequestRebuild(database_.session(), "source-svc"), IsOk());
  const absl::Time deadline = absl::Now() + kPatience;
  while (resets_ == 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
  ASSERT_EQ(resets_, 1);
  ASSERT_TRUE(consumer->WaitForPosition(40, kPatience));
  source_.Write({"things/last"});
  ASSERT_TRUE(consumer->WaitForPosition(41, kPatience));
  auto after = Things();
  after.erase("things/last");
  EXPECT_EQ(after, before);
  EXPECT_THAT(RequestRebuild(database_.session(), "unknown"),
              Fails(absl::StatusCode::kNotFound, "CHECKPOINT_NOT_FOUND"));
}

TEST_F(ConsumerTest, FollowsSomeKindsOnly) {
  source_.Write({"things/a"});
  source_.Write({"others/b"});
  source_.Write({"things/c", "others/d"});
  source_.Write({"others/e"});
  const auto consumer = Consumer({"thing"});
  const std::jthread thread = Start(*consumer);
  ASSERT_TRUE(consumer->WaitForPosition(5, kPatience));
  EXPECT_EQ(Things().size(), 2u);
}

TEST_F(ConsumerTest, ConsumerThatWasPausedWritesNothing) {
  source_.Write({"things/a"});
  auto paused = Consumer();
  std::atomic<bool> inside{false};
  std::atomic<bool> go_on{false};
  // The paused one stands between reading and writing while its lease runs out.
  poison_ = "nothing";
  Projection slow;
  slow.apply = [&](db::Transaction& tx, std::span<const feed::v1::Event> events) {
    if (!inside.exchange(true)) {
      while (!go_on) absl::SleepFor(absl::Milliseconds(1));
    }
    return Apply(tx, events);
  };
  slow.reset = [](db::Session&) { return absl::OkStatus(); };
  FeedConsumer::Options options;
  options.source = "source-svc";
  options.lease = absl::Milliseconds(200);
  options.prepare = [this](grpc::ClientContext& context) {
    source_.host_.Authorize(context, "reporting-svc", {Role::kService});
  };
  prometheus::Registry registry;
  FeedConsumer old(
      source_.host_.channel(), [this] { return database_.NewSession(); }, slow, options, registry);
  const std::jthread old_thread = Start(old);
  while (!inside) absl::SleepFor(absl::Milliseconds(1));
  const std::jthread new_thread = Start(*paused);
  absl::SleepFor(absl::Milliseconds(300));  // The lease has run out; the row is still locked.
  go_on = true;
  source_.Write({"things/b"});
  ASSERT_TRUE(paused->WaitForPosition(2, kPatience));
  for (const auto& [name, thing] : Things()) EXPECT_EQ(thing.second, 1) << name;
  ExpectAllThere();
}

}  // namespace
}  // namespace milepost::change
