#include "opportunity-svc/domain/order.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"
#include "platform/status/error.h"

namespace milepost::opportunity {
namespace {

const absl::CivilDay kToday(2026, 3, 10);
const absl::Time kNow = absl::FromCivil(absl::CivilHour(2026, 3, 10, 9), absl::UTCTimeZone());

OrderCommand TwoLines() {
  return {.id = "r-1",
          .owner = "anna",
          .order_date = kToday - 5,
          .currency_code = "CNY",
          .lines = {{"gtx", 10, 1'000, 600}, {"mg", 2, 500, 700}}};
}

Order Confirmed() { return *NewOrder(TwoLines(), kNow, kToday); }

Order In(OrderState state) {
  OrderCommand command = TwoLines();
  command.preliminary = state == OrderState::kPreliminary;
  const Order order = *NewOrder(command, kNow, kToday);
  return state == OrderState::kCancelled ? *ApplyCancel(order, {.reason = "r"}, kNow, kToday)
                                         : order;
}

std::string ReasonOf(const absl::Status& status) { return status::ReasonOf(status); }

TEST(NewOrderTest, FiguresFollowFromTheLines) {
  const Order order = Confirmed();
  EXPECT_EQ(Amount(order), 11'000);
  EXPECT_EQ(Cost(order), 7'400);
  EXPECT_EQ(LineMargin(order.lines[0]), 4'000);
  EXPECT_EQ(LineMargin(order.lines[1]), -400);
  EXPECT_EQ(NetAmount(order), 11'000);
  EXPECT_EQ(NetMargin(order), 3'600);
  EXPECT_EQ(order.state, OrderState::kConfirmed);
  EXPECT_EQ(order.confirm_date, kToday - 5);
}

TEST(NewOrderTest, RefusesWhatOverflowsAndTheFuture) {
  OrderCommand command = TwoLines();
  command.lines = {{"gtx", kMaxQuantity, kMaxMinorUnits, 0}};
  EXPECT_EQ(ReasonOf(NewOrder(command, kNow, kToday).status()), "INVALID_FIELDS");
  command.lines = {{"gtx", 1, kMaxMinorUnits, 0}, {"gtx", 1, 1, 0}};
  EXPECT_EQ(ReasonOf(NewOrder(command, kNow, kToday).status()), "INVALID_FIELDS");
  command.lines = {{"gtx", kMaxQuantity, 0, kMaxMinorUnits}};
  EXPECT_EQ(ReasonOf(NewOrder(command, kNow, kToday).status()), "INVALID_FIELDS");
  command = TwoLines();
  command.order_date = kToday + 1;
  EXPECT_EQ(ReasonOf(NewOrder(command, kNow, kToday).status()), "DATE_IN_FUTURE");
}

struct Verb {
  const char* name;
  std::function<absl::Status(const Order&, ExpectedVersion)> run;
  std::string preliminary, confirmed, cancelled;
};

class OrderStateTest : public ::testing::TestWithParam<Verb> {};

TEST_P(OrderStateTest, EveryState) {
  EXPECT_EQ(ReasonOf(GetParam().run(In(OrderState::kPreliminary), {})), GetParam().preliminary);
  EXPECT_EQ(ReasonOf(GetParam().run(In(OrderState::kConfirmed), {})), GetParam().confirmed);
  EXPECT_EQ(ReasonOf(GetParam().run(In(OrderState::kCancelled), {})), GetParam().cancelled);
  EXPECT_EQ(ReasonOf(GetParam().run(In(OrderState::kConfirmed), 99)), "STALE_ETAG");
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, OrderStateTest,
    ::testing::Values(
        Verb{"Update",
             [](const Order& o, ExpectedVersion v) {
               return ApplyUpdateOrder(o, "c", "n", v, kNow).status();
             },
             "", "", ""},
        Verb{"Confirm",
             [](const Order& o, ExpectedVersion v) {
               return ApplyConfirm(o, {.expected_version = v}, kNow, kToday).status();
             },
             "", "WRONG_ORDER_STATE", "WRONG_ORDER_STATE"},
        Verb{"Cancel",
             [](const Order& o, ExpectedVersion v) {
               return ApplyCancel(o, {.reason = "r", .expected_version = v}, kNow, kToday).status();
             },
             "", "", "ORDER_CANCELLED"},
        Verb{"Return",
             [](const Order& o, ExpectedVersion v) {
               return ApplyReturn(o, {.lines = {{1, 1}}, .reason = "r", .expected_version = v},
                                  kNow, kToday)
                   .status();
             },
             "WRONG_ORDER_STATE", "", "WRONG_ORDER_STATE"},
        Verb{"Collect",
             [](const Order& o, ExpectedVersion v) {
               return ApplyCollect(o, {.amount = 1, .expected_version = v}, kNow, kToday).status();
             },
             "", "", "ORDER_CANCELLED"}),
    [](const auto& info) { return info.param.name; });

TEST(ConfirmTest, KeepsOrSetsTheContract) {
  Order order = In(OrderState::kPreliminary);
  EXPECT_FALSE(order.confirm_date);
  order.contract_number = "C-1";
  EXPECT_EQ(ApplyConfirm(order, {}, kNow, kToday)->contract_number, "C-1");
  const Order confirmed =
      *ApplyConfirm(order, {.contract_number = "C-2", .date = kToday - 1}, kNow, kToday);
  EXPECT_EQ(confirmed.contract_number, "C-2");
  EXPECT_EQ(confirmed.confirm_date, kToday - 1);
  EXPECT_EQ(confirmed.state, OrderState::kConfirmed);
  EXPECT_EQ(ReasonOf(ApplyConfirm(order, {.date = kToday - 6}, kNow, kToday).status()),
            "DATE_TOO_EARLY");
  EXPECT_EQ(ReasonOf(ApplyConfirm(order, {.date = kToday + 1}, kNow, kToday).status()),
            "DATE_IN_FUTURE");
}

TEST(ReverseTest, ReturnsAndCancellationReverseExactly) {
  Order order =
      *ApplyReturn(Confirmed(), {.lines = {{1, 3}, {2, 1}}, .reason = "坏了"}, kNow, kToday);
  EXPECT_EQ(ReversalAmount(order, order.reversals[0]), 3'500);
  EXPECT_EQ(ReversalMargin(order, order.reversals[0]), 1'000);
  EXPECT_EQ(NetAmount(order), 7'500);
  EXPECT_EQ(NetMargin(order), 2'600);
  EXPECT_EQ(RemainingQuantity(order, 1), 7);
  EXPECT_EQ(Amount(order), 11'000) << "the lines never change";

  EXPECT_EQ(ReasonOf(ApplyReturn(order, {.lines = {{1, 8}}}, kNow, kToday).status()),
            "RETURN_TOO_LARGE");
  EXPECT_EQ(ReasonOf(ApplyReturn(order, {.lines = {{3, 1}}}, kNow, kToday).status()),
            "LINE_UNKNOWN");
  EXPECT_EQ(
      ReasonOf(ApplyReturn(order, {.lines = {{1, 1}}, .date = kToday + 1}, kNow, kToday).status()),
      "DATE_IN_FUTURE");

  order = *ApplyCancel(order, {.reason = "取消"}, kNow, kToday);
  EXPECT_EQ(order.state, OrderState::kCancelled);
  EXPECT_EQ(NetAmount(order), 0);
  EXPECT_EQ(NetMargin(order), 0);
  EXPECT_EQ(order.reversals.back().kind, ReversalKind::kCancellation);
}

TEST(ReverseTest, TooManyReturns) {
  Order order = Confirmed();
  order.reversals.resize(kMaxReversals);
  EXPECT_EQ(ReasonOf(ApplyReturn(order, {.lines = {{1, 1}}}, kNow, kToday).status()),
            "ENTRIES_FULL");
}

TEST(CollectTest, NeverMoreThanIsLeftNorLessThanNothing) {
  Order order = *ApplyCollect(Confirmed(), {.amount = 10'000}, kNow, kToday);
  EXPECT_EQ(ReasonOf(ApplyCollect(order, {.amount = 1'001}, kNow, kToday).status()),
            "COLLECTION_TOO_LARGE");
  EXPECT_EQ(
      ReasonOf(ApplyCollect(order, {.amount = 10'001, .refund = true}, kNow, kToday).status()),
      "REFUND_TOO_LARGE");
  EXPECT_EQ(ReasonOf(ApplyCancel(order, {.reason = "r"}, kNow, kToday).status()),
            "MONEY_COLLECTED");
  order = *ApplyCollect(order, {.amount = 1'000}, kNow, kToday);
  EXPECT_EQ(Collected(order), 11'000);
  order = *ApplyReturn(order, {.lines = {{1, 10}}, .reason = "r"}, kNow, kToday);
  EXPECT_EQ(ReasonOf(ApplyCollect(order, {.amount = 1}, kNow, kToday).status()),
            "COLLECTION_TOO_LARGE");
  order = *ApplyCollect(order, {.amount = 11'000, .refund = true}, kNow, kToday);
  EXPECT_EQ(Collected(order), 0);
  EXPECT_TRUE(ApplyCancel(order, {.reason = "r"}, kNow, kToday).ok());
  EXPECT_EQ(ReasonOf(ApplyCollect(order, {.amount = 1, .date = kToday + 1}, kNow, kToday).status()),
            "DATE_IN_FUTURE");
  order.collections.resize(kMaxCollections);
  EXPECT_EQ(ReasonOf(ApplyCollect(order, {.amount = 1}, kNow, kToday).status()), "ENTRIES_FULL");
}

}  // namespace
}  // namespace milepost::opportunity
