#include <algorithm>
#include <thread>

#include "absl/time/clock.h"
#include "opportunity-svc/service/testing_world.h"
#include "platform/change/sequencer.h"

namespace milepost::opportunity {
namespace {

using testing::Fails;
using testing::IsOk;

class OpportunityWatchTest : public World {
 protected:
  OpportunityWatchTest() {
    MakeCatalogue();
    change::Sequencer::Options options;
    options.poll = absl::Seconds(10);  // What these tests wait for comes by notification.
    sequencer = std::make_unique<change::Sequencer>([this] { return host.database().NewSession(); },
                                                    host.committed(), options, host.registry());
    tail = std::jthread([this](std::stop_token stop) { feed_tail.Run(*sequencer, stop); });
  }

  struct Watcher {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReader<v1::WatchOpportunitiesResponse>> reader;
    std::string token;

    // The next answer that is a change.
    v1::WatchOpportunitiesResponse Next() {
      v1::WatchOpportunitiesResponse response;
      while (reader->Read(&response)) {
        token = response.resume_token();
        if (!response.change_type().empty()) return response;
      }
      ADD_FAILURE() << "the stream ended: " << reader->Finish().error_message();
      return {};
    }
  };

  // Watches from now, or from `token`; has got its first sign of life.
  std::unique_ptr<Watcher> Watch(const std::string& member, const std::string& token = "",
                                 const std::string& owner = "") {
    auto watcher = std::make_unique<Watcher>();
    watcher->context = As(member);
    v1::WatchOpportunitiesRequest request;
    request.set_resume_token(token);
    if (!owner.empty()) request.add_owners(owner);
    watcher->reader = opportunities->WatchOpportunities(watcher->context.get(), request);
    v1::WatchOpportunitiesResponse response;
    EXPECT_TRUE(watcher->reader->Read(&response));
    EXPECT_EQ(response.change_type(), "");
    watcher->token = response.resume_token();
    return watcher;
  }

  std::unique_ptr<change::Sequencer> sequencer;
  std::jthread tail;
};

TEST_F(OpportunityWatchTest, ShowsWhatTheCallerMaySeeAndGoesOnAfterABreak) {
  auto anna = Watch("anna");
  auto max = Watch("max");
  auto only_ben = Watch("max", "", "members/ben");
  Create("eva", "o-east");
  const v1::Opportunity created = Create("anna", "o-1");
  Create("ben", "o-2");

  const v1::WatchOpportunitiesResponse first = anna->Next();
  EXPECT_EQ(first.change_type(), "opportunity.created");
  EXPECT_EQ(first.opportunity().DebugString(), created.DebugString());
  EXPECT_EQ(max->Next().opportunity().name(), "opportunities/o-1");
  EXPECT_EQ(max->Next().opportunity().name(), "opportunities/o-2");
  EXPECT_EQ(only_ben->Next().opportunity().name(), "opportunities/o-2");

  // A break: what happens meanwhile is there afterwards.
  const std::string token = anna->token;
  anna->context->TryCancel();
  CompleteNeed("anna", "o-1");
  v1::AssignOpportunityRequest assign;
  assign.set_name("opportunities/o-1");
  assign.set_owner("members/ben");
  v1::Opportunity assigned;
  auto context = As("max");
  ASSERT_THAT(opportunities->AssignOpportunity(context.get(), assign, &assigned), IsOk());
  auto resumed = Watch("anna", token);
  EXPECT_EQ(resumed->Next().change_type(), "opportunity.milestone_completed");
  const v1::WatchOpportunitiesResponse removed = resumed->Next();
  EXPECT_TRUE(removed.removed());
  EXPECT_EQ(removed.opportunity().name(), "opportunities/o-1");
  EXPECT_EQ(removed.opportunity().title(), "") << "no longer hers to read";
  resumed->context->TryCancel();
  max->context->TryCancel();
  only_ben->context->TryCancel();
}

TEST_F(OpportunityWatchTest, AChangeArrivesAtOnce) {
  auto watcher = Watch("anna");
  absl::Duration fastest = absl::InfiniteDuration();
  for (int i = 0; i < 10; ++i) {
    const v1::Opportunity created = Create("anna", absl::StrCat("o-", i));
    const absl::Time committed = absl::Now();
    EXPECT_EQ(watcher->Next().opportunity().name(), created.name());
    fastest = std::min(fastest, absl::Now() - committed);
  }
  // The fastest, for a busy machine may hold up any one of them; polling would hold up all.
  EXPECT_LT(fastest, absl::Milliseconds(100));
  watcher->context->TryCancel();
}

TEST_F(OpportunityWatchTest, ForeignAndFutureTokensAreRefused) {
  const auto status = [&](const std::string& token) {
    auto context = As("anna");
    v1::WatchOpportunitiesRequest request;
    request.set_resume_token(token);
    auto reader = opportunities->WatchOpportunities(context.get(), request);
    v1::WatchOpportunitiesResponse response;
    while (reader->Read(&response)) {
    }
    return reader->Finish();
  };
  EXPECT_THAT(status("garbage!"),
              Fails(absl::StatusCode::kInvalidArgument, "RESUME_TOKEN_INVALID"));
  // "7/another-feed"
  EXPECT_THAT(status("Ny9hbm90aGVyLWZlZWQ"),
              Fails(absl::StatusCode::kOutOfRange, "RESUME_TOKEN_EXPIRED"));
}

}  // namespace
}  // namespace milepost::opportunity
