#include "opportunity-svc/store/records.h"

#include "gtest/gtest.h"

namespace milepost::opportunity {
namespace {

const absl::Time kTime = absl::FromUnixMicros(1'700'000'000'123'456);
const absl::CivilDay kDay(2024, 2, 29);

// What is stored is the resource, so nothing that the domain knows may get lost on the way there
// and back.

TEST(RecordsTest, Catalogue) {
  const Source source{"fair", "展会", "春季", Money{"CNY", 1}, Money{"CNY", 2}, true,
                      kTime,  kTime,  3};
  EXPECT_EQ(FromProto(ToProto(source)), source);
  const ProductLine line{"gtx", "GTX 系列", true, kTime, kTime, 4};
  EXPECT_EQ(FromProto(ToProto(line)), line);
  const Product product{"gtx-pro",       "GTX Pro", "gtx", "G-1", "台", Money{"CNY", 5},
                        Money{"CNY", 0}, true,      kTime, kTime, 6};
  EXPECT_EQ(FromProto(ToProto(product)), product);
  EXPECT_EQ(FromProto(ToProto(Product{.id = "x", .version = 1})).list_price, std::nullopt);
}

TEST(RecordsTest, ProcessWithEverything) {
  Process process = NewProcess("standard", "标准",
                               {{"first",
                                 "一",
                                 7,
                                 100'000,
                                 {{"need", "需求", "签字", false}, {"lunch", "Lunch", "", true}},
                                 {std::begin(kAllFields), std::end(kAllFields)},
                                 {"pre-sales", "legal"},
                                 {{"决策人不明", "拜访高层"}}},
                                {.id = "second", .title = "二"}},
                               kTime);
  process.archived = true;
  EXPECT_EQ(FromProto(ToProto(process)), process);
}

TEST(RecordsTest, OpportunityWithEverything) {
  Opportunity opportunity;
  opportunity.id = "o-1";
  opportunity.content = {"产线改造", "acme",          "gtx", "fair", "west",
                         "direct",   Money{"CNY", 7}, kDay,  "备注"};
  opportunity.owner = "anna";
  opportunity.previous_owner = "ben";
  opportunity.process = "standard";
  opportunity.process_revision = 2;
  opportunity.state = State::kLost;
  opportunity.stage = "second";
  opportunity.stage_position = 2;
  opportunity.win_probability_ppm = 1;
  opportunity.stage_expected_days = 9;
  opportunity.stage_history = {
      {"first", 1, std::nullopt, kTime, StageEntry::kImported, "", ""},
      {"second", 2, kTime, std::nullopt, StageEntry::kSkipped, "急", "max"}};
  opportunity.completed_milestones = {{"first", "need", kTime, "anna", "已签"}};
  opportunity.team = {{"ben", "legal", kTime}};
  opportunity.create_date = kDay;
  opportunity.open_date = kDay + 1;
  opportunity.close_date = kDay + 2;
  opportunity.close_reason = "price";
  opportunity.close_note = "贵";
  opportunity.competitor = "对手";
  opportunity.order = "r-1";
  opportunity.create_time = kTime;
  opportunity.update_time = kTime + absl::Microseconds(1);
  opportunity.version = 11;
  EXPECT_EQ(FromProto(ToProto(opportunity)), opportunity);
}

TEST(RecordsTest, OrderWithEverythingAndItsFigures) {
  Order order;
  order.id = "r-1";
  order.opportunity = "o-1";
  order.customer = "acme";
  order.owner = "anna";
  order.order_date = kDay;
  order.state = OrderState::kCancelled;
  order.preliminary = true;
  order.contract_number = "合同-1";
  order.source = "fair";
  order.region = "west";
  order.channel = "dealer";
  order.note = "加急";
  order.currency_code = "CNY";
  order.lines = {{"gtx", 10, 1'000, 600}, {"", 2, 500, 700}};
  order.reversals = {{ReversalKind::kReturn, kDay, {{1, 3}}, "坏了"},
                     {ReversalKind::kCancellation, kDay, {{1, 7}, {2, 2}}, "取消"}};
  order.collections = {{kDay, 100, false, "转账"}, {kDay, 100, true, ""}};
  order.confirm_date = kDay;
  order.create_time = kTime;
  order.update_time = kTime;
  order.version = 8;
  const v1::Order proto = ToProto(order);
  EXPECT_EQ(FromProto(proto), order);
  EXPECT_EQ(proto.amount().minor_units(), 11'000);
  EXPECT_EQ(proto.cost().minor_units(), 7'400);
  EXPECT_EQ(proto.margin().minor_units(), 3'600);
  EXPECT_EQ(proto.lines(1).margin().minor_units(), -400);
  EXPECT_EQ(proto.reversals(0).amount().minor_units(), 3'000);
  EXPECT_EQ(proto.net_amount().minor_units(), 0);
  EXPECT_EQ(proto.net_margin().minor_units(), 0);
  EXPECT_EQ(proto.collected_amount().minor_units(), 0);
}

}  // namespace
}  // namespace milepost::opportunity
