#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::FunnelService::Stub;
using absl::StatusCode;

// Funnels over ten whole weeks, looked at on the first day of the fourth.
class FunnelServiceTest : public TargetTest {
 protected:
  FunnelServiceTest() {
    const absl::CivilDay today = absl::ToCivilDay(host_.now(), clock_.zone);
    monday_ = absl::PrevWeekday(today + 1, absl::Weekday::monday) - 21;
  }

  // Six channels of a car dealer, ten deliveries each; nothing is open yet.
  v1::CreateFunnelRequest Dealer(const std::string& id, const std::string& unit = "company") {
    v1::CreateFunnelRequest request;
    request.set_funnel_id(id);
    v1::Funnel& funnel = *request.mutable_funnel();
    funnel.set_title("十月交车");
    funnel.set_unit("units/" + unit);
    v1::ComputeFunnelRequest& calculation = *funnel.mutable_calculation();
    for (const char* stage : {"leads", "opportunities", "agreements", "orders", "deliveries"})
      calculation.add_stages(stage);
    const std::vector<std::pair<const char*, std::vector<int64_t>>> channels{
        {"showroom", {85, 30, 40, 95}}, {"telephone", {15, 60, 45, 95}},
        {"internet", {30, 60, 35, 95}}, {"exhibition", {5, 70, 50, 95}},
        {"referral", {60, 60, 60, 95}}, {"returning", {70, 80, 60, 95}}};
    for (const auto& [channel_id, percents] : channels) {
      v1::FunnelChannel& channel = *calculation.add_channels();
      channel.set_id(channel_id);
      channel.set_target(10);
      for (const int64_t percent : percents) channel.add_rates()->set_typed_ppm(percent * 10'000);
    }
    *calculation.mutable_spread()->mutable_period() = Range(monday_, monday_ + 69);
    return request;
  }

  absl::StatusOr<v1::Funnel> Create(const Who& who, const v1::CreateFunnelRequest& request) {
    return Do(&Stub::CreateFunnel, *funnels_, who, request);
  }
  absl::StatusOr<v1::Funnel> Get(const Who& who, const std::string& id) {
    v1::GetFunnelRequest request;
    request.set_name("funnels/" + id);
    return Do(&Stub::GetFunnel, *funnels_, who, request);
  }
  absl::StatusOr<v1::Funnel> Record(const v1::RecordFunnelCountsRequest& request) {
    return Do(&Stub::RecordFunnelCounts, *funnels_, zoe_, request);
  }
  absl::StatusOr<v1::TrackFunnelResponse> Track(const std::string& id) {
    v1::TrackFunnelRequest request;
    request.set_name("funnels/" + id);
    *request.mutable_as_of_date() = milepost::ToProto(monday_ + 21);
    return Do(&Stub::TrackFunnel, *funnels_, zoe_, request);
  }
  static const v1::FunnelTrack& Find(const v1::TrackFunnelResponse& response,
                                     const std::string& channel, const std::string& stage) {
    const auto& tracks = channel.empty() ? response.totals() : response.channels();
    for (const v1::FunnelTrack& track : tracks) {
      if (track.channel() == channel && track.stage() == stage) return track;
    }
    ADD_FAILURE() << "no track of " << channel << " " << stage;
    return v1::FunnelTrack::default_instance();
  }
  static void Count(v1::RecordFunnelCountsRequest& request, const std::string& channel,
                    const std::string& stage, const std::string& week, int64_t count) {
    v1::FunnelCount& one = *request.add_counts();
    one.set_channel(channel);
    one.set_stage(stage);
    one.set_week(week);
    one.set_count(count);
  }

  absl::CivilDay monday_;  // Of the first week.
};

TEST_F(FunnelServiceTest, KeepsWhatEveryChannelRequiresAStageAndWeek) {
  v1::CreateFunnelRequest request = Dealer("cars");
  request.set_request_id(kRequestId);
  const auto funnel = Create(zoe_, request);
  ASSERT_THAT(funnel, IsOk());
  EXPECT_EQ(funnel->name(), "funnels/cars");
  EXPECT_EQ(funnel->owner(), "members/zoe");
  EXPECT_THAT(funnel->weeks(), SizeIs(10));
  ASSERT_THAT(funnel->requirements(), SizeIs(30));
  // 10 deliveries of the showroom take 11 orders, 28 agreements, 94 opportunities, 111 leads.
  std::vector<int64_t> leads;
  for (const v1::FunnelRequirement& requirement : funnel->requirements()) {
    EXPECT_EQ(std::accumulate(requirement.counts().begin(), requirement.counts().end(), int64_t{0}),
              requirement.total());
    if (requirement.stage() == "leads") leads.push_back(requirement.total());
  }
  EXPECT_THAT(leads, ElementsAre(111, 280, 180, 640, 54, 35));
  EXPECT_EQ(Create(zoe_, request)->etag(), funnel->etag()) << "a repeat changes nothing";
  request.clear_request_id();
  EXPECT_THAT(Create(zoe_, request), Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
  EXPECT_EQ(Get(ann_, "cars")->SerializeAsString(), funnel->SerializeAsString());
}

TEST_F(FunnelServiceTest, TracksWhatWasWrittenDownAgainstWhatIsRequired) {
  const auto funnel = Create(zoe_, Dealer("written"));
  ASSERT_THAT(funnel, IsOk());
  v1::RecordFunnelCountsRequest request;
  request.set_name("funnels/written");
  Count(request, "showroom", "leads", funnel->weeks(0), 10);
  Count(request, "showroom", "leads", funnel->weeks(1), 7);
  Count(request, "showroom", "leads", funnel->weeks(3), 5);
  Count(request, "telephone", "leads", funnel->weeks(0), 28);
  ASSERT_THAT(Record(request), IsOk());
  const auto track = Track("written");
  ASSERT_THAT(track, IsOk());
  EXPECT_EQ(track->weeks_gone(), 3);
  const v1::FunnelTrack& leads = Find(*track, "showroom", "leads");
  // 111 leads in ten weeks: the first of them takes 12.
  EXPECT_EQ(leads.weeks(0).required() + leads.weeks(1).required() + leads.weeks(2).required(),
            leads.required());
  EXPECT_EQ(leads.actual(), 17) << "the week that has begun is not over";
  EXPECT_EQ(leads.gap(), leads.required() - 17);
  EXPECT_EQ(leads.remaining(), 111 - 17);
  EXPECT_EQ(leads.per_week(), 14) << "94 in seven weeks";
  EXPECT_EQ(leads.weeks(3).actual(), 5);
  EXPECT_FALSE(leads.weeks(4).has_actual());
  const v1::FunnelTrack& all = Find(*track, "", "leads");
  EXPECT_EQ(all.actual(), 45);
  EXPECT_EQ(all.remaining(), 1'300 - 45);
  EXPECT_EQ(Find(*track, "showroom", "orders").actual(), 0);

  // A count that is there is replaced; the changes keep it.
  request.clear_counts();
  Count(request, "showroom", "leads", funnel->weeks(1), 9);
  EXPECT_THAT(Record(request)->counts(), SizeIs(4));
  EXPECT_EQ(Find(*Track("written"), "showroom", "leads").actual(), 19);
}

TEST_F(FunnelServiceTest, StagesThatAMetricCountsAreMeasured) {
  v1::CreateFunnelRequest request = Dealer("measured", "west");
  for (const char* metric : {"metrics/leads", "", "", "metrics/orders", ""})
    request.mutable_funnel()->add_stage_metrics(metric);
  const auto funnel = Create(zoe_, request);
  ASSERT_THAT(funnel, IsOk());
  // The fake answers the first days of weeks like those of months.
  for (int week = 0; week < 4; ++week) reports_.by_month[monday_ + 7 * week] = 100 + week;
  const auto track = Track("measured");
  ASSERT_THAT(track, IsOk());
  EXPECT_EQ(Find(*track, "internet", "leads").actual(), 303);
  EXPECT_EQ(Find(*track, "internet", "leads").weeks(3).actual(), 103);
  EXPECT_LT(Find(*track, "internet", "leads").gap(), 0) << "ahead";
  EXPECT_EQ(Find(*track, "", "orders").actual(), 6 * 303);
  EXPECT_EQ(Find(*track, "internet", "agreements").actual(), 0);
  EXPECT_EQ(reports_.requests.back().granularity(), reporting::v1::WEEK);
  EXPECT_EQ(reports_.requests.back().filter().unit(), "units/west");
  EXPECT_EQ(reports_.requests.back().filter().channel(), "returning");

  v1::RecordFunnelCountsRequest record;
  record.set_name("funnels/measured");
  Count(record, "showroom", "leads", funnel->weeks(0), 1);
  Count(record, "nowhere", "parties", "1999-W01", -1);
  for (const char* field : {"counts[1].count"}) EXPECT_THAT(Record(record), NamesField(field));
  record.mutable_counts(1)->set_count(1);
  for (const char* field :
       {"counts[0].stage", "counts[1].channel", "counts[1].stage", "counts[1].week"}) {
    EXPECT_THAT(Record(record), NamesField(field));
  }
  reports_.failure = grpc::Status(grpc::StatusCode::UNAVAILABLE, "away");
  EXPECT_THAT(Track("measured"), Fails(StatusCode::kUnavailable, "HISTORY_UNAVAILABLE"));
}

TEST_F(FunnelServiceTest, ANewCalculationRequiresAnewAndKeepsWhatStillBelongs) {
  const auto funnel = Create(zoe_, Dealer("change"));
  ASSERT_THAT(funnel, IsOk());
  v1::RecordFunnelCountsRequest record;
  record.set_name("funnels/change");
  Count(record, "showroom", "orders", funnel->weeks(0), 3);
  Count(record, "returning", "orders", funnel->weeks(0), 4);
  const auto counted = Record(record);
  ASSERT_THAT(counted, IsOk());

  v1::UpdateFunnelRequest update;
  update.mutable_funnel()->set_name("funnels/change");
  *update.mutable_funnel()->mutable_calculation() = counted->calculation();
  update.mutable_funnel()->mutable_calculation()->mutable_channels()->RemoveLast();
  update.mutable_funnel()->mutable_calculation()->mutable_channels(0)->set_target(20);
  update.set_etag(funnel->etag());
  const auto stale = Do(&Stub::UpdateFunnel, *funnels_, zoe_, update);
  EXPECT_THAT(stale, Fails(StatusCode::kAborted, "STALE_ETAG"));
  update.set_etag(counted->etag());
  const auto updated = Do(&Stub::UpdateFunnel, *funnels_, zoe_, update);
  ASSERT_THAT(updated, IsOk());
  EXPECT_THAT(updated->requirements(), SizeIs(25));
  EXPECT_EQ(updated->requirements(0).total(), 217);
  ASSERT_THAT(updated->counts(), SizeIs(1));
  EXPECT_EQ(updated->counts(0).channel(), "showroom");
  EXPECT_EQ(updated->title(), "十月交车") << "what is not named stays";

  v1::UpdateFunnelRequest metrics;
  metrics.mutable_funnel()->set_name("funnels/change");
  metrics.mutable_funnel()->add_stage_metrics("metrics/leads");
  EXPECT_THAT(Do(&Stub::UpdateFunnel, *funnels_, zoe_, metrics),
              NamesField("funnel.stage_metrics"));
  for (const char* metric : {"", "", "metrics/nothing", ""})
    metrics.mutable_funnel()->add_stage_metrics(metric);
  EXPECT_THAT(Do(&Stub::UpdateFunnel, *funnels_, zoe_, metrics),
              Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));

  v1::DeleteFunnelRequest remove;
  remove.set_name("funnels/change");
  EXPECT_THAT(Do(&Stub::DeleteFunnel, *funnels_, zoe_, remove), IsOk());
  EXPECT_THAT(Get(zoe_, "change"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Create(zoe_, Dealer("change")), Fails(StatusCode::kAlreadyExists, "ALREADY_EXISTS"));
}

TEST_F(FunnelServiceTest, FunnelsAreSeenByThoseWhoLeadTheirUnit) {
  ASSERT_THAT(Create(zoe_, Dealer("a-company")), IsOk());
  ASSERT_THAT(Create(mia_, Dealer("b-west", "west")), IsOk());
  ASSERT_THAT(Create(max_, Dealer("c-east", "east")), IsOk());
  EXPECT_THAT(Create(mia_, Dealer("d", "east")),
              Fails(StatusCode::kPermissionDenied, "MAY_NOT_CREATE"));
  EXPECT_EQ(Create(anna_, Dealer("d", "west")).status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Get(mia_, "c-east"), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_THAT(Get(zoe_, "c-east"), IsOk());
  const auto ids = [&](const Who& who, int page_size) {
    std::vector<std::string> found;
    v1::ListFunnelsRequest request;
    request.set_page_size(page_size);
    do {
      const auto page = Do(&Stub::ListFunnels, *funnels_, who, request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return found;
      for (const v1::Funnel& funnel : page->funnels()) found.push_back(funnel.name());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return found;
  };
  for (int size = 1; size <= 4; ++size) {
    EXPECT_THAT(ids(zoe_, size),
                ElementsAre("funnels/a-company", "funnels/b-west", "funnels/c-east"));
    EXPECT_THAT(ids(max_, size), ElementsAre("funnels/c-east"));
  }
}

TEST_F(FunnelServiceTest, AllBadFieldsAtOnce) {
  v1::CreateFunnelRequest request = Dealer("Bad Id");
  v1::Funnel& funnel = *request.mutable_funnel();
  funnel.clear_title();
  funnel.set_unit("company");
  funnel.add_stage_metrics("leads");
  funnel.mutable_calculation()->mutable_channels(0)->mutable_rates(0)->set_typed_ppm(0);
  const auto refused = Create(zoe_, request);
  for (const char* field :
       {"funnel_id", "funnel.title", "funnel.unit", "funnel.stage_metrics",
        "funnel.stage_metrics[0]", "funnel.calculation.channels[0].rates[0].typed_ppm"}) {
    EXPECT_THAT(refused, NamesField(field));
  }
  request = Dealer("wide");
  request.mutable_funnel()->mutable_calculation()->mutable_spread()->add_members()->set_member(
      "members/anna");
  *request.mutable_funnel()->mutable_calculation()->mutable_spread()->mutable_period() =
      Range(absl::CivilDay(2020, 1, 1), absl::CivilDay(2028, 12, 31));
  EXPECT_THAT(Create(zoe_, request), NamesField("funnel.calculation.spread.members"));
  EXPECT_THAT(Create(zoe_, request), NamesField("funnel.calculation.spread.period"));
  request.mutable_funnel()->mutable_calculation()->clear_spread();
  EXPECT_THAT(Create(zoe_, request), NamesField("funnel.calculation.spread"));
}

}  // namespace
}  // namespace milepost::target
