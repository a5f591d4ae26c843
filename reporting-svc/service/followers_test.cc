#include "reporting-svc/service/followers.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "milepost/feed/v1/feed.grpc.pb.h"
#include "milepost/reporting/v1/projection.grpc.pb.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "platform/testing/service_host.h"
#include "platform/testing/status_matchers.h"
#include "reporting-svc/service/projection_service.h"
#include "reporting-svc/service/report_service.h"
#include "reporting-svc/store/migrations.h"
#include "reporting-svc/testing/world.h"

namespace milepost::reporting {
namespace {

using absl::CivilDay;
using access::Role;
using milepost::testing::Fails;
using milepost::testing::IsOk;
using milepost::testing::NamesField;
using testing::World;

const absl::TimeZone kZone = absl::FixedTimeZone(8 * 3600);
constexpr absl::Duration kPatience = absl::Seconds(20);

// The feed of another service, as its generated class says; what it holds is given by the test.
class FakeFeed final : public feed::v1::FeedService::Service {
 public:
  FakeFeed() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                         grpc::InsecureChannelCredentials(), arguments);
  }
  ~FakeFeed() override {
    stopping_ = true;
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  void Set(const std::vector<feed::v1::Event>& events) {
    const std::lock_guard<std::mutex> lock(mutex_);
    events_ = events;
  }

  grpc::Status Subscribe(grpc::ServerContext* context, const feed::v1::SubscribeRequest* request,
                         grpc::ServerWriter<feed::v1::Batch>* writer) override {
    auto position = static_cast<size_t>(request->after_position());
    while (!context->IsCancelled() && !stopping_) {
      feed::v1::Batch batch;
      batch.set_after_position(static_cast<int64_t>(position));
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        for (int i = 0; i < 50 && position < events_.size(); ++i)
          *batch.add_events() = events_[position++];
        batch.set_head_position(static_cast<int64_t>(events_.size()));
      }
      batch.set_through_position(static_cast<int64_t>(position));
      batch.set_feed_id("fake");
      batch.mutable_head_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
      if (!writer->Write(batch)) break;
      if (batch.events().empty()) absl::SleepFor(absl::Milliseconds(20));
    }
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "ended");
  }

  grpc::Status GetFeedStatus(grpc::ServerContext*, const feed::v1::GetFeedStatusRequest*,
                             feed::v1::FeedStatus* status) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    status->set_head_position(static_cast<int64_t>(events_.size()));
    status->set_earliest_position(1);
    status->set_feed_id("fake");
    return grpc::Status::OK;
  }

 private:
  std::mutex mutex_;
  std::vector<feed::v1::Event> events_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

class FollowersTest : public ::testing::Test {
 protected:
  FollowersTest()
      : host_(Migrations()),
        freshness_({kCustomerService, kOpportunityService, kTargetService}),
        projection_(kZone),
        followers_(
            {{kCustomerService, customers_.channel()},
             {kOpportunityService, opportunities_.channel()},
             {kTargetService, targets_.channel()}},
            [this] { return host_.database().NewSession(); }, projection_, freshness_,
            host_.organization(), host_.registry()),
        reports_(host_.runner(), freshness_, figures_,
                 {.watch_interval = absl::Milliseconds(10), .watch_heartbeat = absl::Hours(1)}),
        care_(host_.runner(), freshness_, followers_) {
    world_.AddUnit("company", "");
    world_.AddUnit("east", "company");
    std::mt19937 random(5);
    for (int i = 0; i < 6; ++i) world_.AddMember(absl::StrCat("m", i), "east");
    world_.AddProduct("gtx", "GTX");
    world_.AddProcess();
    for (int i = 0; i < 200; ++i) {
      const CivilDay engaged = CivilDay(2017, 1, 1) + static_cast<int>(random() % 300);
      world_.Win(absl::StrCat("d", i), absl::StrCat("m", random() % 6), engaged,
                 engaged + static_cast<int>(random() % 90), "gtx",
                 1 + static_cast<int64_t>(random() % 100'000));
    }
    Publish();
    for (const std::string& source : followers_.sources()) {
      threads_.emplace_back(
          [this, source](std::stop_token stop) { followers_.Follow(source, std::move(stop)); });
    }
    threads_.emplace_back([this](std::stop_token stop) { followers_.WatchHeads(std::move(stop)); });
    host_.Start({&reports_, &care_});
    report_stub_ = v1::ReportService::NewStub(host_.channel());
    care_stub_ = v1::ProjectionService::NewStub(host_.channel());
  }

  ~FollowersTest() override {
    host_.Stop();
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();
  }

  void Publish() {
    customers_.Set(world_.events(kCustomerService));
    opportunities_.Set(world_.events(kOpportunityService));
    targets_.Set(world_.events(kTargetService));
  }

  std::unique_ptr<grpc::ClientContext> Admin() { return host_.Call("root", {Role::kAdmin}); }

  // Waits until everything that was published is in and reports are answered.
  bool CatchUp() {
    const absl::Time patience = absl::Now() + kPatience;
    while (absl::Now() < patience) {
      v1::ProjectionStatus status;
      const auto call = Admin();
      EXPECT_THAT(care_stub_->GetProjectionStatus(call.get(), {}, &status), IsOk());
      bool there = !status.rebuilding();
      for (const v1::SourceFreshness& source : status.freshness().sources()) {
        there = there &&
                source.position() >= static_cast<int64_t>(world_.events(source.source()).size());
      }
      if (there) return true;
      absl::SleepFor(absl::Milliseconds(20));
    }
    return false;
  }

  v1::RevenueReport Revenue(grpc::Status* status = nullptr) {
    v1::GetRevenueRequest request;
    *request.mutable_range()->mutable_first_date() = testing::DateOf(CivilDay(2017, 1, 1));
    *request.mutable_range()->mutable_last_date() = testing::DateOf(CivilDay(2018, 12, 31));
    request.set_granularity(v1::MONTH);
    request.set_group_by(v1::MEMBER);
    v1::RevenueReport report;
    const auto call = Admin();
    const grpc::Status answered = report_stub_->GetRevenue(call.get(), request, &report);
    if (status != nullptr) {
      *status = answered;
    } else {
      EXPECT_THAT(answered, IsOk());
    }
    return report;
  }

  FakeFeed customers_, opportunities_, targets_;
  milepost::testing::ServiceHost host_;
  FreshnessReader freshness_;
  Projection projection_;
  Followers followers_;
  FigureStore figures_;
  ReportService reports_;
  ProjectionService care_;
  World world_;
  std::unique_ptr<v1::ReportService::Stub> report_stub_;
  std::unique_ptr<v1::ProjectionService::Stub> care_stub_;
  std::vector<std::jthread> threads_;
};

TEST_F(FollowersTest, ReportsEqualThoseBeforeARebuildFromNothing) {
  ASSERT_TRUE(CatchUp());
  v1::RevenueReport before = Revenue();
  EXPECT_EQ(before.total().sum().orders(), 200);
  for (const v1::SourceFreshness& source : before.freshness().sources()) {
    EXPECT_GE(source.position(), static_cast<int64_t>(world_.events(source.source()).size()));
    EXPECT_GE(source.head_position(), source.position());
  }

  v1::RebuildReadModelsRequest rebuild;
  rebuild.set_request_id("6f1c0c64-8c3c-4a2b-9d58-1df0b9a7a001");
  v1::ProjectionStatus status;
  ASSERT_THAT(care_stub_->RebuildReadModels(Admin().get(), rebuild, &status), IsOk());
  EXPECT_TRUE(status.rebuilding());
  grpc::Status refused;
  Revenue(&refused);
  EXPECT_THAT(refused, Fails(absl::StatusCode::kUnavailable, "READ_MODEL_REBUILDING"));
  ASSERT_TRUE(CatchUp());

  v1::RevenueReport after = Revenue();
  before.clear_freshness();
  after.clear_freshness();
  EXPECT_EQ(before.SerializeAsString(), after.SerializeAsString());
  v1::ReconcileReadModelsResponse reconciled;
  ASSERT_THAT(care_stub_->ReconcileReadModels(Admin().get(), {}, &reconciled), IsOk());
  EXPECT_EQ(reconciled.mismatch_count(), 0);
  EXPECT_GT(reconciled.facts(), 800);

  // The same request does nothing again.
  ASSERT_THAT(care_stub_->RebuildReadModels(Admin().get(), rebuild, &status), IsOk());
  EXPECT_FALSE(status.rebuilding());
  rebuild.set_request_id("no uuid");
  EXPECT_THAT(care_stub_->RebuildReadModels(Admin().get(), rebuild, &status),
              NamesField("request_id"));
}

TEST_F(FollowersTest, ACommittedChangeIsInTheNextReports) {
  ASSERT_TRUE(CatchUp());
  world_.Win("late", "m1", CivilDay(2018, 1, 1), CivilDay(2018, 2, 1), "gtx", 1);
  Publish();
  ASSERT_TRUE(CatchUp());
  EXPECT_EQ(Revenue().total().sum().orders(), 201);
}

TEST_F(FollowersTest, ALiveLeaderboardChangesAtOnce) {
  ASSERT_TRUE(CatchUp());
  v1::WatchLeaderboardRequest request;
  request.set_subject(v1::MEMBER);
  *request.mutable_range()->mutable_first_date() = testing::DateOf(CivilDay(2018, 1, 1));
  *request.mutable_range()->mutable_last_date() = testing::DateOf(CivilDay(2018, 12, 31));
  const auto call = Admin();
  const auto stream = report_stub_->WatchLeaderboard(call.get(), request);
  v1::Leaderboard board;
  ASSERT_TRUE(stream->Read(&board));
  absl::Duration fastest = absl::InfiniteDuration();
  for (int i = 0; i < 10; ++i) {
    const int64_t before = board.total();
    world_.Win(absl::StrCat("live", i), "m1", CivilDay(2018, 3, 1), CivilDay(2018, 4, 1), "gtx", 1);
    const absl::Time published = absl::Now();
    Publish();
    while (board.total() == before) ASSERT_TRUE(stream->Read(&board));
    fastest = std::min(fastest, absl::Now() - published);
  }
  // The fastest, for a busy machine may hold up any one of them; polling would hold up all.
  EXPECT_LT(fastest, absl::Milliseconds(150));
  call->TryCancel();
}

TEST_F(FollowersTest, AnUnreadableChangeIsParkedAndTheOthersGoOn) {
  ASSERT_TRUE(CatchUp());
  world_.Win("bad", "m1", CivilDay(2018, 1, 1), CivilDay(2018, 2, 1), "gtx", 1);
  world_.Win("good", "m1", CivilDay(2018, 1, 1), CivilDay(2018, 2, 1), "gtx", 1);
  std::vector<feed::v1::Event> events = world_.events(kOpportunityService);
  events[events.size() - 3].mutable_state()->set_value("\xff\xff\xff");  // The order of `bad`.
  opportunities_.Set(events);
  ASSERT_TRUE(CatchUp());
  const v1::RevenueReport report = Revenue();
  EXPECT_EQ(report.total().sum().orders(), 201);
  EXPECT_EQ(report.freshness().sources(1).parked_events(), 1);
  v1::ListParkedEventsResponse parked;
  ASSERT_THAT(care_stub_->ListParkedEvents(Admin().get(), {}, &parked), IsOk());
  ASSERT_EQ(parked.parked_events_size(), 1);
  EXPECT_EQ(parked.parked_events(0).aggregate(), "orders/bad");
  EXPECT_EQ(parked.parked_events(0).source(), kOpportunityService);
  v1::RetryParkedEventsResponse retried;
  ASSERT_THAT(care_stub_->RetryParkedEvents(Admin().get(), {}, &retried), IsOk());
  EXPECT_EQ(retried.applied(), 0);
  EXPECT_EQ(retried.remaining(), 1);
}

TEST_F(FollowersTest, OnlyAnAdministratorRebuilds) {
  v1::ProjectionStatus status;
  const auto call = host_.Call("m1", {Role::kManager});
  EXPECT_EQ(care_stub_->RebuildReadModels(call.get(), {}, &status).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace milepost::reporting
