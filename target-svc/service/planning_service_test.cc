#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "target-svc/domain/testing_domain.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using Stub = v1::PlanningService::Stub;
using absl::StatusCode;

template <typename Request>
void AddChannel(Request& request, const std::string& id, const std::vector<int64_t>& percents) {
  v1::FunnelChannel& channel = *request.add_channels();
  channel.set_id(id);
  for (const int64_t percent : percents) channel.add_rates()->set_typed_ppm(percent * 10'000);
}

template <typename Request>
Request WithStages() {
  Request request;
  for (const char* stage : {"leads", "opportunities", "agreements", "orders", "deliveries"}) {
    request.add_stages(stage);
  }
  return request;
}

// The six channels of a car dealer.
v1::ComputeFunnelRequest Dealer(int64_t target) {
  v1::ComputeFunnelRequest request = WithStages<v1::ComputeFunnelRequest>();
  AddChannel(request, "showroom", {85, 30, 40, 95});
  AddChannel(request, "telephone", {15, 60, 45, 95});
  AddChannel(request, "internet", {30, 60, 35, 95});
  AddChannel(request, "exhibition", {5, 70, 50, 95});
  AddChannel(request, "referral", {60, 60, 60, 95});
  AddChannel(request, "returning", {70, 80, 60, 95});
  for (v1::FunnelChannel& channel : *request.mutable_channels()) channel.set_target(target);
  return request;
}

template <typename Needs>
std::vector<int64_t> Required(const Needs& needs) {
  std::vector<int64_t> values;
  for (const v1::FunnelNeed& need : needs) values.push_back(need.required());
  return values;
}

class PlanningServiceTest : public TargetTest {
 protected:
  absl::StatusOr<v1::ComputeFunnelResponse> Compute(const v1::ComputeFunnelRequest& request) {
    return Do(&Stub::ComputeFunnel, *planning_, zoe_, request);
  }
  absl::StatusOr<v1::ForecastFunnelResponse> Forecast(const v1::ForecastFunnelRequest& request) {
    return Do(&Stub::ForecastFunnel, *planning_, zoe_, request);
  }
};

TEST_F(PlanningServiceTest, TenDeliveriesFromEachOfSixChannels) {
  const auto plan = Compute(Dealer(10));
  ASSERT_THAT(plan, IsOk());
  ASSERT_THAT(plan->channels(), SizeIs(6));
  EXPECT_EQ(plan->channels(0).id(), "showroom");
  EXPECT_EQ(plan->channels(0).target(), 10);
  EXPECT_THAT(plan->channels(0).rates_ppm(), ElementsAre(850'000, 300'000, 400'000, 950'000));
  EXPECT_EQ(plan->channels(0).needs(0).stage(), "leads");
  EXPECT_THAT(Required(plan->channels(0).needs()), ElementsAre(111, 94, 28, 11, 10));
  EXPECT_THAT(Required(plan->channels(1).needs()), ElementsAre(280, 42, 25, 11, 10));
  EXPECT_THAT(Required(plan->channels(2).needs()), ElementsAre(180, 54, 32, 11, 10));
  EXPECT_THAT(Required(plan->channels(3).needs()), ElementsAre(640, 32, 22, 11, 10));
  EXPECT_THAT(Required(plan->channels(4).needs()), ElementsAre(54, 32, 19, 11, 10));
  EXPECT_THAT(Required(plan->channels(5).needs()), ElementsAre(35, 24, 19, 11, 10));
  EXPECT_THAT(Required(plan->totals()), ElementsAre(1'300, 278, 145, 66, 60));
  EXPECT_THAT(plan->weeks(), IsEmpty());
  EXPECT_THAT(plan->spreads(), IsEmpty());

  ASSERT_THAT(plan->channels(0).steps(), SizeIs(4));
  const v1::ArithmeticStep& orders = plan->channels(0).steps(0);
  EXPECT_EQ(orders.text(),
            "orders needed = 10 (target of deliveries) ÷ 95 % (orders to deliveries) = "
            "10.526315…, rounded up: 11");
  EXPECT_EQ(orders.operation(), v1::ArithmeticStep::QUOTIENT);
  EXPECT_EQ(orders.rounding(), v1::ArithmeticStep::UP);
  EXPECT_EQ(orders.result().value(), 11);
  EXPECT_EQ(orders.operands(1).value(), 950'000);
  EXPECT_EQ(orders.operands(1).unit(), v1::Quantity::PARTS_PER_MILLION);
  EXPECT_FALSE(orders.operands(0).has_step());
  const v1::Quantity& from_orders = plan->channels(0).steps(1).operands(0);
  EXPECT_TRUE(from_orders.has_step());
  EXPECT_EQ(from_orders.step(), 0);
  EXPECT_EQ(from_orders.value(), 11);
}

TEST_F(PlanningServiceTest, OpenOrdersReduceWhatIsNeeded) {
  v1::ComputeFunnelRequest request = WithStages<v1::ComputeFunnelRequest>();
  AddChannel(request, "展厅", {85, 30, 40, 95});
  v1::FunnelChannel& channel = *request.mutable_channels(0);
  channel.set_target(10);
  for (const int64_t stock : {0, 0, 0, 5, 0}) channel.add_stock(stock);
  const auto plan = Compute(request);
  ASSERT_THAT(plan, IsOk());
  const v1::FunnelNeed& deliveries = plan->channels(0).needs(4);
  EXPECT_EQ(deliveries.needed(), 10);
  EXPECT_EQ(deliveries.from_stock(), 4);  // 4.75, counted as 4.
  EXPECT_EQ(deliveries.required(), 6);
  EXPECT_THAT(Required(plan->channels(0).needs()), ElementsAre(71, 60, 18, 7, 6));
}

TEST_F(PlanningServiceTest, TargetsInMoneyAndSharedAndMeasuredRates) {
  v1::ComputeFunnelRequest request;
  request.add_stages("leads");
  request.add_stages("orders");
  for (const int64_t weight : {3, 1}) {
    v1::FunnelChannel& channel = *request.add_channels();
    channel.set_id(absl::StrCat("w", weight));
    channel.set_weight(weight);
    channel.add_rates()->mutable_measured()->set_entered(12);
    channel.mutable_rates(0)->mutable_measured()->set_converted(5);
  }
  AddChannel(request, "money", {50});
  request.mutable_channels(2)->set_target_amount_units(100'000'000);
  request.mutable_channels(2)->set_average_amount_units(15'000'000);
  request.set_shared_target(100);
  const auto plan = Compute(request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->channels(0).target(), 75);
  EXPECT_EQ(plan->channels(1).target(), 25);
  EXPECT_EQ(plan->channels(2).target(), 7);  // ⌈6.67⌉
  EXPECT_THAT(plan->channels(0).rates_ppm(), ElementsAre(416'667));
  EXPECT_THAT(Required(plan->channels(0).needs()), ElementsAre(180, 75));
  EXPECT_THAT(plan->channels(0).notes(),
              ElementsAre("the rate from leads to orders rests on 12 cases; from 30 on it is "
                          "steady"));
}

TEST_F(PlanningServiceTest, SpreadAddsUpByMemberAndWeek) {
  v1::ComputeFunnelRequest request = Dealer(10);
  v1::FunnelSpreadSpec& spread = *request.mutable_spread();
  spread.set_channel("showroom");
  *spread.mutable_period() = Range(absl::CivilDay(2026, 3, 2), absl::CivilDay(2026, 3, 26));
  for (const auto& [member, weight] :
       std::vector<std::pair<std::string, int64_t>>{{"anna", 2}, {"bert", 1}}) {
    spread.add_members()->set_member("members/" + member);
    spread.mutable_members(spread.members_size() - 1)->set_weight(weight);
  }
  const auto plan = Compute(request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->weeks(), ElementsAre("2026-W10", "2026-W11", "2026-W12", "2026-W13"));
  ASSERT_THAT(plan->spreads(), SizeIs(5));
  for (int s = 0; s < 5; ++s) {
    const v1::FunnelSpread& stage = plan->spreads(s);
    EXPECT_EQ(stage.stage(), request.stages(s));
    EXPECT_EQ(stage.total(), plan->channels(0).needs(s).required());
    ASSERT_THAT(stage.members(), SizeIs(2));
    EXPECT_EQ(stage.members(0).member(), "members/anna");
    int64_t sum = 0;
    for (int w = 0; w < 4; ++w) {
      EXPECT_EQ(stage.members(0).counts(w) + stage.members(1).counts(w), stage.week_totals(w));
      sum += stage.week_totals(w);
    }
    EXPECT_EQ(sum, stage.total());
    EXPECT_EQ(stage.members(0).total() + stage.members(1).total(), stage.total());
  }
  // 111 leads: two thirds are anna's; five, five, five and four working days.
  EXPECT_EQ(plan->spreads(0).members(0).total(), 74);
  EXPECT_THAT(plan->spreads(0).week_totals(), ElementsAre(29, 29, 29, 24));

  // Without members and channel: the weeks of all channels together.
  spread.clear_channel();
  spread.clear_members();
  const auto weeks = Compute(request);
  ASSERT_THAT(weeks, IsOk());
  EXPECT_EQ(weeks->spreads(0).total(), 1'300);
  EXPECT_THAT(weeks->spreads(0).members(), IsEmpty());
  EXPECT_THAT(weeks->spreads(4).week_totals(), ElementsAre(16, 16, 16, 12));
}

TEST_F(PlanningServiceTest, CalendarOfTheSpreadMustBeThereAndHaveWorkingDays) {
  v1::ComputeFunnelRequest request = Dealer(10);
  *request.mutable_spread()->mutable_period() =
      Range(absl::CivilDay(2026, 3, 7), absl::CivilDay(2026, 3, 8));
  EXPECT_THAT(Compute(request), Fails(StatusCode::kFailedPrecondition, "NO_WORKING_DAYS"));
  request.mutable_spread()->set_calendar("calendars/nothing");
  EXPECT_THAT(Compute(request), Fails(StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
}

TEST_F(PlanningServiceTest, AllBadFieldsAtOnceUnderTheirPaths) {
  v1::ComputeFunnelRequest request = Dealer(10);
  request.set_stages(1, "");
  request.mutable_channels(0)->set_id(std::string(64, 'x'));
  request.mutable_channels(0)->set_average_amount_units(0);
  request.mutable_channels(1)->mutable_rates(0)->set_typed_ppm(1'000'001);
  request.mutable_channels(1)->mutable_rates(1)->Clear();
  request.mutable_channels(2)->mutable_rates()->RemoveLast();
  request.mutable_channels(3)->mutable_rates(0)->mutable_measured()->set_entered(10);
  request.mutable_channels(3)->mutable_rates(1)->mutable_measured();
  request.mutable_channels(4)->add_stock(1);
  request.mutable_channels(4)->clear_target();
  request.mutable_channels(5)->set_target_amount_units(1);
  for (int s = 0; s < 5; ++s) request.mutable_channels(5)->add_capacities()->set_max_count(-s);
  v1::FunnelSpreadSpec& spread = *request.mutable_spread();
  spread.set_calendar("default");
  spread.set_channel("nobody");
  spread.add_members()->set_member("anna");
  spread.add_members()->set_weight(-1);
  const auto refused = Compute(request);
  EXPECT_THAT(refused, Fails(StatusCode::kInvalidArgument, "INVALID_FIELDS"));
  EXPECT_THAT(
      Fields(refused.status()),
      UnorderedElementsAre(
          "stages[1]", "channels[0].id", "channels[0].average_amount_units",
          "channels[1].rates[0].typed_ppm", "channels[1].rates[1].typed_ppm", "channels[2].rates",
          "channels[3].rates[0].measured.converted", "channels[3].rates[1].measured.entered",
          "channels[4].stock", "channels[4].target", "channels[5].target_amount_units",
          "channels[5].average_amount_units", "channels[5].capacities[1].max_count",
          "channels[5].capacities[2].max_count", "channels[5].capacities[3].max_count",
          "channels[5].capacities[4].max_count", "spread.calendar", "spread.channel",
          "spread.members[0].member", "spread.members[1].member", "spread.members[1].weight",
          "spread.period"));
  EXPECT_THAT(Fields(Compute({}).status()), UnorderedElementsAre("stages", "channels"));

  v1::ComputeFunnelRequest large = Dealer(1);
  *large.mutable_spread()->mutable_period() =
      Range(absl::CivilDay(2020, 1, 1), absl::CivilDay(2029, 12, 31));
  for (int m = 0; m < 100; ++m) {
    large.mutable_spread()->add_members()->set_member(absl::StrCat("members/m", m));
  }
  EXPECT_THAT(Fields(Compute(large).status()), ElementsAre("spread.members"));
  large.mutable_spread()->mutable_period()->mutable_last_date()->set_year(2030);
  EXPECT_THAT(Fields(Compute(large).status()), ElementsAre("spread.period"));
}

TEST_F(PlanningServiceTest, ForecastAnswersTheReverseQuestion) {
  v1::ForecastFunnelRequest request = WithStages<v1::ForecastFunnelRequest>();
  AddChannel(request, "showroom", {85, 30, 40, 95});
  v1::FunnelChannel& channel = *request.mutable_channels(0);
  channel.set_entries(111);
  channel.set_average_amount_units(15'000'000);
  auto forecast = Forecast(request);
  ASSERT_THAT(forecast, IsOk());
  EXPECT_EQ(forecast->result(), 10);
  EXPECT_EQ(forecast->amount_units(), 150'000'000);
  EXPECT_EQ(forecast->channels(0).expected_millionths(), 10'755'900);
  // One lead less falls short of what ComputeFunnel says is needed.
  channel.set_entries(110);
  EXPECT_EQ(Forecast(request)->result(), 9);

  // At most 20 agreements can be worked: ⌊8⌋ orders, ⌊7.6⌋ deliveries; 2 are delivered.
  channel.set_entries(111);
  channel.clear_average_amount_units();
  for (int s = 0; s < 5; ++s) channel.add_capacities();
  channel.mutable_capacities(2)->set_max_count(20);
  for (const int64_t stock : {0, 0, 0, 0, 2}) channel.add_stock(stock);
  forecast = Forecast(request);
  ASSERT_THAT(forecast, IsOk());
  EXPECT_EQ(forecast->result(), 9);
  EXPECT_FALSE(forecast->has_amount_units());
  const v1::FunnelFlow& agreements = forecast->channels(0).flows(2);
  EXPECT_EQ(agreements.stage(), "agreements");
  EXPECT_EQ(agreements.arriving(), 28);
  EXPECT_EQ(agreements.worked(), 20);
  EXPECT_TRUE(agreements.limited());
  EXPECT_FALSE(forecast->channels(0).flows(3).limited());
  EXPECT_THAT(forecast->channels(0).steps(), ::testing::Not(IsEmpty()));

  channel.set_entries(-1);
  channel.mutable_rates(0)->set_typed_ppm(0);
  EXPECT_THAT(Fields(Forecast(request).status()),
              UnorderedElementsAre("channels[0].entries", "channels[0].rates[0].typed_ppm"));
}

TEST_F(PlanningServiceTest, ManagersMarketingAndAnalystsAsk) {
  const v1::ComputeFunnelRequest request = Dealer(1);
  for (const Who& who : {zoe_, ann_, sam_, Who{"mark", {Role::kMarketing}}}) {
    EXPECT_THAT(Do(&Stub::ComputeFunnel, *planning_, who, request), IsOk());
  }
  EXPECT_EQ(Do(&Stub::ComputeFunnel, *planning_, anna_, request).status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(
      Do(&Stub::ForecastFunnel, *planning_, anna_, v1::ForecastFunnelRequest()).status().code(),
      StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace milepost::target
