#include "target-svc/domain/commission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "platform/status/error.h"
#include "platform/types/money.h"
#include "target-svc/domain/split.h"
#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using Kind = StatementLineKind;

__extension__ using Wide = __int128;

constexpr int64_t kYuan = 100;
constexpr int64_t kWan = 10'000 * kYuan;

const DayRange kMarch{absl::CivilDay(2026, 3, 1), absl::CivilDay(2026, 3, 31)};
const DayRange kFebruary{absl::CivilDay(2026, 2, 1), absl::CivilDay(2026, 2, 28)};

// 1 % below 100 万, 2 % from there, 3 % from 200 万.
CommissionPlan ThreeTiers(TierMode mode) {
  return {.mode = mode,
          .tiers = {{0, 100 * kWan, 10'000},
                    {100 * kWan, 200 * kWan, 20'000},
                    {200 * kWan, std::nullopt, 30'000}}};
}

CommissionFact Order(const std::string& id, int64_t amount, absl::CivilDay day = kMarch.first) {
  return {.id = id, .day = day, .amount = amount};
}

CommissionInput Input(CommissionPlan plan, int64_t amount) {
  CommissionInput input{.plan = std::move(plan), .period = {.id = "2026-03", .days = kMarch}};
  if (amount > 0) input.period.facts.push_back(Order("o1", amount));
  return input;
}

std::vector<int64_t> Amounts(const CommissionStatement& statement) {
  std::vector<int64_t> amounts;
  for (const StatementLine& line : statement.lines) amounts.push_back(line.amount);
  return amounts;
}

CommissionStatement Compute(const CommissionInput& input) {
  const absl::StatusOr<CommissionStatement> statement = ComputeCommission(input);
  EXPECT_TRUE(statement.ok()) << statement.status();
  return statement.ok() ? *statement : CommissionStatement{};
}

TEST(Tiers, MarginalRatesApplyWithinTheirTiers) {
  const CommissionStatement statement = Compute(Input(ThreeTiers(TierMode::kMarginal), 250 * kWan));
  EXPECT_THAT(
      statement.lines,
      ElementsAre(StatementLine{Kind::kTier, "tiers[0]", 100 * kWan, 10'000, 1 * kWan},
                  StatementLine{Kind::kTier, "tiers[1]", 100 * kWan, 20'000, 2 * kWan},
                  StatementLine{Kind::kTier, "tiers[2]", 50 * kWan, 30'000, 15 * kWan / 10}));
  EXPECT_EQ(statement.total, 45 * kWan / 10);
  EXPECT_EQ(Explain(statement.steps[1]),
            "commission of tiers[1] = 100000000 (base within it) × 2 % (rate) = 2000000");
}

TEST(Tiers, RetroactiveRateAppliesToAll) {
  const CommissionPlan plan = ThreeTiers(TierMode::kRetroactive);
  EXPECT_THAT(Amounts(Compute(Input(plan, 250 * kWan))), ElementsAre(75 * kWan / 10));
  // One fen below a tier earns the rate of the one before, on all of it.
  EXPECT_THAT(Amounts(Compute(Input(plan, 200 * kWan))), ElementsAre(6 * kWan));
  EXPECT_THAT(Amounts(Compute(Input(plan, 200 * kWan - 1))), ElementsAre(4 * kWan));
  EXPECT_THAT(Amounts(Compute(Input(plan, 0))), ElementsAre(0));
}

TEST(Tiers, ByAttainmentBeginWhereTheAttainmentIsReached) {
  CommissionPlan plan{.mode = TierMode::kRetroactive,
                      .measure = TierMeasure::kAttainment,
                      .tiers = {{0, 800'000, 0}, {800'000, std::nullopt, 50'000}}};
  CommissionInput input = Input(plan, 267);
  input.period.target = 333;  // 80 % is 266.4.
  EXPECT_EQ(Compute(input).total, 13);
  input.period.facts[0].amount = 266;
  EXPECT_EQ(Compute(input).total, 0);
  EXPECT_EQ(Compute(input).attainment_ppm, 798'799);
}

TEST(Accelerators, AddToTheRateAboveTheirAttainment) {
  CommissionPlan plan = ThreeTiers(TierMode::kMarginal);
  plan.accelerators = {{1'000'000, 1'500'000}, {1'200'000, 2'000'000}};
  CommissionInput input = Input(plan, 220 * kWan);
  input.period.target = 150 * kWan;
  // From 150 万: half of 2 % more on 30 万; from 180 万 once more: on 20 万 of tier 1 and 20 万 of
  // tier 2.
  const CommissionStatement statement = Compute(input);
  EXPECT_THAT(
      statement.lines,
      ElementsAre(StatementLine{Kind::kTier, "tiers[0]", 100 * kWan, 10'000, 10'000 * kYuan},
                  StatementLine{Kind::kTier, "tiers[1]", 100 * kWan, 20'000, 20'000 * kYuan},
                  StatementLine{Kind::kTier, "tiers[2]", 20 * kWan, 30'000, 6'000 * kYuan},
                  StatementLine{Kind::kAccelerator, "accelerators[0] on tiers[1]", 30 * kWan,
                                10'000, 3'000 * kYuan},
                  StatementLine{Kind::kAccelerator, "accelerators[1] on tiers[1]", 20 * kWan,
                                20'000, 4'000 * kYuan},
                  StatementLine{Kind::kAccelerator, "accelerators[1] on tiers[2]", 20 * kWan,
                                30'000, 6'000 * kYuan}));
  EXPECT_EQ(statement.total, 49'000 * kYuan);
}

TEST(Bonuses, EveryLevelReachedIsPaidAndCapsHold) {
  CommissionPlan plan = ThreeTiers(TierMode::kMarginal);
  plan.breakthrough_bonuses = {{1'000'000, 3'000 * kYuan}, {1'100'000, 2'000 * kYuan}};
  plan.team_bonuses = {{900'000, 1'000 * kYuan, 0}, {1'000'000, 0, 1'000}, {1'100'000, 1, 0}};
  CommissionInput input = Input(plan, 110 * kWan);
  input.period.target = 100 * kWan;
  input.period.team_attainment_ppm = 1'000'000;
  // 10,000 + 2,000; 3,000 + 2,000; 1,000 + 1,100.
  CommissionStatement statement = Compute(input);
  EXPECT_THAT(Amounts(statement), ElementsAre(10'000 * kYuan, 2'000 * kYuan, 3'000 * kYuan,
                                              2'000 * kYuan, 1'000 * kYuan, 1'100 * kYuan));
  EXPECT_EQ(statement.total, 19'100 * kYuan);

  input.plan.commission_cap = 11'000 * kYuan;
  input.plan.total_cap = 15'000 * kYuan;
  statement = Compute(input);
  EXPECT_THAT(Amounts(statement),
              ElementsAre(10'000 * kYuan, 2'000 * kYuan, -1'000 * kYuan, 3'000 * kYuan,
                          2'000 * kYuan, 1'000 * kYuan, 1'100 * kYuan, -3'100 * kYuan));
  EXPECT_EQ(statement.total, 15'000 * kYuan);
  EXPECT_EQ(Explain(statement.steps[3]),
            "commission, capped = the least of 1200000 (commission), 1100000 (commission_cap) = "
            "1100000");
}

TEST(Credits, CountTheBaseOfThePlanAndTheShareOfTheMember) {
  CommissionInput input = Input(ThreeTiers(TierMode::kMarginal), 100);
  input.plan.base = CommissionBase::kCollections;
  input.period.facts.push_back({"c2", CommissionBase::kCollections, kMarch.last, 301, 500'000});
  input.period.facts.push_back({"c1", CommissionBase::kCollections, kMarch.first, 1'000, kPpm});
  const CommissionStatement statement = Compute(input);
  EXPECT_THAT(statement.credits,
              ElementsAre(StatementCredit{"c1", kMarch.first, 1'000, kPpm, 1'000},
                          StatementCredit{"c2", kMarch.last, 301, 500'000, 151}));
  EXPECT_EQ(statement.base, 1'151);
}

CommissionInput WithFebruary(Reversal reversal) {
  CommissionInput input = Input(ThreeTiers(TierMode::kMarginal), 50 * kWan);
  input.plan.reversal = reversal;
  input.earlier = {{ThreeTiers(TierMode::kMarginal),
                    {.id = "2026-02",
                     .days = kFebruary,
                     .facts = {Order("f1", 150 * kWan, kFebruary.first),
                               Order("f2", 30 * kWan, kFebruary.last)}}}};
  input.returns = {{"r0", "f1", kFebruary.last, 20 * kWan},
                   {"r1", "f1", kMarch.first, 80 * kWan},
                   {"r2", "f2", kMarch.last + 1, 30 * kWan}};
  return input;
}

TEST(Reversal, ClawsBackWhatTheEarlierPeriodEarned) {
  CommissionInput input = WithFebruary(Reversal::kPeriodOfOrigin);
  // February had 160 万: 1 万 + 1.2 万. With 80 万 it earns 0.8 万: 1.4 万 come back of 0.5 万.
  const CommissionStatement statement = Compute(input);
  EXPECT_EQ(statement.base, 50 * kWan);
  EXPECT_THAT(
      statement.lines,
      ElementsAre(StatementLine{Kind::kTier, "tiers[0]", 50 * kWan, 10'000, 5'000 * kYuan},
                  StatementLine{Kind::kClawback, "2026-02", 80 * kWan, 0, -14'000 * kYuan}));
  EXPECT_EQ(statement.earned, 5'000 * kYuan);
  EXPECT_EQ(statement.total, -9'000 * kYuan);
  EXPECT_EQ(statement.payable, 0);
  EXPECT_EQ(statement.closing_balance, -9'000 * kYuan);

  // The debt is carried into the next statement.
  CommissionInput next = Input(ThreeTiers(TierMode::kMarginal), 100 * kWan);
  next.opening_balance = statement.closing_balance;
  EXPECT_EQ(Compute(next).payable, 1'000 * kYuan);
}

TEST(Reversal, ReducesThePeriodOfTheReturnOrNothing) {
  const CommissionStatement statement = Compute(WithFebruary(Reversal::kPeriodOfReturn));
  EXPECT_EQ(statement.base, -30 * kWan);
  EXPECT_EQ(statement.total, -3'000 * kYuan);
  EXPECT_THAT(statement.credits,
              ElementsAre(StatementCredit{"o1", kMarch.first, 50 * kWan, kPpm, 50 * kWan},
                          StatementCredit{"r1", kMarch.first, -80 * kWan, kPpm, -80 * kWan}));
  EXPECT_EQ(Compute(WithFebruary(Reversal::kNone)).total, 5'000 * kYuan);
}

TEST(Reversal, EndsAfterItsDays) {
  CommissionInput input = WithFebruary(Reversal::kPeriodOfOrigin);
  input.plan.reversal_days = 28;
  EXPECT_EQ(Compute(input).total, -9'000 * kYuan);
  input.plan.reversal_days = 27;  // r1 came 28 days after f1. r0 came 27 days after it.
  EXPECT_EQ(Compute(input).total, 5'000 * kYuan);
}

TEST(Reversal, LeavesNothingOfAFactReturnedInParts) {
  CommissionInput input = Input(ThreeTiers(TierMode::kMarginal), 3);
  input.period.facts[0].credit_ppm = 500'000;
  for (const char* id : {"r1", "r2", "r3"}) input.returns.push_back({id, "o1", kMarch.last, 1});
  EXPECT_EQ(Compute(input).base, 0);
}

TEST(Recomputation, GivesTheSameBytes) {
  const CommissionInput input = WithFebruary(Reversal::kPeriodOfOrigin);
  CommissionInput shuffled = input;
  std::reverse(shuffled.returns.begin(), shuffled.returns.end());
  std::reverse(shuffled.earlier[0].period.facts.begin(), shuffled.earlier[0].period.facts.end());
  shuffled.returns.push_back({"r9", "o1", kMarch.last + 1, 50 * kWan});  // Known later.
  EXPECT_EQ(ToText(Compute(input)), ToText(Compute(shuffled)));
  EXPECT_EQ(ToText(Compute(Input(ThreeTiers(TierMode::kRetroactive), 250 * kWan))),
            "period 2026-03\n"
            "credit 2026-03-01 o1 250000000 1000000 250000000\n"
            "base 250000000\n"
            "step commission of tiers[2] = 250000000 (base within it) × 3 % (rate) = 7500000\n"
            "step commission = 7500000 (commission of tiers[2]) = 7500000\n"
            "step total = 7500000 (commission) = 7500000\n"
            "line tier tiers[2] 250000000 30000 7500000\n"
            "earned 7500000\ntotal 7500000\npayable 7500000\nclosing balance 0\n");
}

TEST(CheckCommissionPlan, ReportsAllViolationsAtOnce) {
  EXPECT_TRUE(CheckCommissionPlan(ThreeTiers(TierMode::kMarginal)).ok());
  const CommissionPlan plan{
      .tiers = {{5, 100, 10'000}, {90, 200, -1}, {250, 240, 1'000'001}, {300, 400, 0}},
      .accelerators = {{1'000'000, 1'000'000}, {900'000, 10'000'001}},
      .breakthrough_bonuses = {{0, 0}},
      .team_bonuses = {{1'000'000, 0, 0}, {1'000'000, -1, 2'000'000}},
      .commission_cap = -1,
      .total_cap = -2,
      .reversal_days = -3};
  const absl::Status status = CheckCommissionPlan(plan);
  EXPECT_THAT(
      Fields(status),
      ElementsAre("tiers[0].from", "tiers[1].rate_ppm", "tiers[1].from", "tiers[2].rate_ppm",
                  "tiers[2].until", "tiers[2].from", "tiers[3].from", "tiers[3].until",
                  "accelerators[0].factor_ppm", "accelerators[1].factor_ppm",
                  "accelerators[1].from_attainment_ppm", "breakthrough_bonuses[0].amount",
                  "breakthrough_bonuses[0].at_attainment_ppm", "team_bonuses[0]",
                  "team_bonuses[1].amount", "team_bonuses[1].rate_ppm",
                  "team_bonuses[1].at_team_attainment_ppm", "commission_cap", "total_cap",
                  "reversal_days"));
  EXPECT_EQ(status::ViolationsOf(status)[2].description,
            "is 90, overlaps the tier before, which ends at 100, by 10");
  EXPECT_EQ(status::ViolationsOf(status)[5].description,
            "is 250, leaves a gap to the tier before, which ends at 200, of 50");
  EXPECT_THAT(Fields(CheckCommissionPlan({.tiers = {{0, std::nullopt, 1}, {5, std::nullopt, 1}}})),
              ElementsAre("tiers[0].until"));
  EXPECT_THAT(Fields(CheckCommissionPlan({})), ElementsAre("tiers"));
}

TEST(ComputeCommission, ReportsAllBadFieldsAtOnce) {
  CommissionInput input = WithFebruary(Reversal::kPeriodOfOrigin);
  input.plan.accelerators = {{1'000'000, 1'500'000}};
  input.period.id = "";
  input.period.team_attainment_ppm = -1;
  input.period.facts.push_back({"o1", CommissionBase::kOrders, kMarch.last + 1, 0, 0});
  input.earlier.push_back(input.earlier[0]);
  input.earlier[1].period.facts.clear();
  input.earlier[1].period.days.last = kMarch.first;
  input.returns.push_back({"r1", "nothing", kMarch.first, 1});
  input.returns.push_back({"r3", "f1", kFebruary.first - 1, 0});
  input.returns.push_back({"r4", "f1", kFebruary.first, 60 * kWan});
  input.opening_balance = 1;
  EXPECT_THAT(
      Fields(ComputeCommission(input).status()),
      ElementsAre("period.id", "period.target", "period.team_attainment_ppm", "period.facts[1].id",
                  "period.facts[1].day", "period.facts[1].amount", "period.facts[1].credit_ppm",
                  "earlier[1].period.days", "earlier[1].period.days", "returns[3].id",
                  "returns[3].fact_id", "returns[4].amount", "returns[4].day", "returns[5].amount",
                  "opening_balance"));
}

TEST(ComputeCommission, HoldsTheLargestAmounts) {
  CommissionInput input = Input({.tiers = {{0, std::nullopt, kPpm}}}, kMaxMinorUnits);
  input.plan.accelerators = {{1, kMaxAcceleratorPpm}};
  input.period.target = 1;
  // All of it, and nine times all but the first.
  EXPECT_EQ(Compute(input).total, 10 * kMaxMinorUnits - 9);
}

CommissionPlan RandomPlan(Random& random, int64_t size) {
  CommissionPlan plan;
  plan.mode = Between(random, 0, 1) == 0 ? TierMode::kMarginal : TierMode::kRetroactive;
  plan.measure = Between(random, 0, 1) == 0 ? TierMeasure::kAmount : TierMeasure::kAttainment;
  int64_t from = 0;
  int64_t rate = Between(random, 0, 50'000);
  for (int64_t i = Between(random, 1, 4); i > 0; --i) {
    const int64_t until =
        from + (plan.measure == TierMeasure::kAmount ? Between(random, 1, size / 2)
                                                     : Between(random, 1, 800'000));
    plan.tiers.push_back({from, i > 1 ? std::optional<int64_t>(until) : std::nullopt, rate});
    from = until;
    rate += Between(random, 0, 200'000);  // Never falling, so that more is never worth less.
  }
  int64_t level = 0;
  for (int64_t i = Between(random, 0, 2); i > 0; --i) {
    level += Between(random, 1, 900'000);
    plan.accelerators.push_back({level, kPpm + Between(random, 1, 2'000'000)});
  }
  std::sort(plan.accelerators.begin(), plan.accelerators.end(), [](const auto& a, const auto& b) {
    return a.from_attainment_ppm < b.from_attainment_ppm;
  });
  for (size_t i = 1; i < plan.accelerators.size(); ++i) {
    plan.accelerators[i].factor_ppm =
        std::max(plan.accelerators[i].factor_ppm, plan.accelerators[i - 1].factor_ppm);
  }
  if (Between(random, 0, 1) == 0) {
    plan.breakthrough_bonuses = {{Between(random, 1, 1'500'000), Between(random, 1, 100)}};
  }
  if (Between(random, 0, 1) == 0) plan.team_bonuses = {{1'000'000, 7, 10'000}};
  if (Between(random, 0, 3) == 0) plan.commission_cap = Between(random, 0, size / 4);
  if (Between(random, 0, 3) == 0) plan.total_cap = Between(random, 0, size / 4);
  return plan;
}

// The rate of every single minor unit, by itself.
Wide EarnedPpmByUnit(const CommissionPlan& plan, int64_t target, int64_t base) {
  const auto tier_of = [&](int64_t amount) {  // The tier that an amount reaches.
    int64_t rate = 0;
    for (const CommissionTier& tier : plan.tiers) {
      const bool reached = plan.measure == TierMeasure::kAmount
                               ? amount >= tier.from
                               : Wide{amount} * kPpm >= Wide{target} * tier.from;
      if (reached) rate = tier.rate_ppm;
    }
    return rate;
  };
  Wide sum = 0;  // In millionths of millionths.
  for (int64_t unit = 0; unit < base; ++unit) {
    const int64_t rate = tier_of(plan.mode == TierMode::kMarginal ? unit : base);
    int64_t factor = kPpm;
    for (const Accelerator& accelerator : plan.accelerators) {
      if (Wide{unit} * kPpm >= Wide{target} * accelerator.from_attainment_ppm) {
        factor = accelerator.factor_ppm;
      }
    }
    sum += Wide{rate} * factor;
  }
  return sum;
}

TEST(CommissionProperty, LinesAddUpAndAgreeWithEverySingleUnit) {
  Random random(31);
  for (int round = 0; round < 10'000; ++round) {
    const int64_t size = Between(random, 10, 60);
    CommissionInput input = Input(RandomPlan(random, size), Between(random, 0, size));
    input.period.target = Between(random, 1, size);
    input.period.team_attainment_ppm = Between(random, 900'000, 1'100'000);
    const CommissionStatement statement = Compute(input);
    int64_t sum = 0;
    int64_t commission = 0;
    int64_t lines = 0;
    for (const StatementLine& line : statement.lines) {
      sum += line.amount;
      if (line.kind == Kind::kTier || line.kind == Kind::kAccelerator) {
        commission += line.amount;
        ++lines;
      }
    }
    ASSERT_EQ(sum, statement.total);
    ASSERT_EQ(statement.payable + statement.closing_balance, statement.total);
    for (const Step& step : statement.steps) ASSERT_EQ(Evaluate(step), step.result);
    // Each line is off by half a unit at most.
    const Wide exact = EarnedPpmByUnit(input.plan, input.period.target, statement.base);
    const Wide off = Wide{commission} * kPpm * kPpm - exact;
    ASSERT_TRUE(2 * (off < 0 ? -off : off) <= Wide{lines} * kPpm * kPpm) << round << "\n"
                                                                         << ToText(statement);
    ASSERT_LE(statement.earned, input.plan.total_cap.value_or(statement.earned));
  }
}

// Selling a unit more never earns less than rounding of the lines accounts for; what is returned in
// two periods takes back as much as what is returned in one.
TEST(CommissionProperty, ReturnsTakeBackWhatTheyEarned) {
  Random random(32);
  for (int round = 0; round < 10'000; ++round) {
    const int64_t size = Between(random, 20, 100'000);
    CommissionInput paid = Input(RandomPlan(random, size), 0);
    for (int i = 0; i < 3; ++i) {
      paid.period.facts.push_back({std::string(1, 'a' + i), CommissionBase::kOrders,
                                   kMarch.first + i, Between(random, 1, size),
                                   Between(random, 1, kPpm)});
    }
    paid.period.target = Between(random, 1, 2 * size);
    paid.period.team_attainment_ppm = 1'000'000;
    const int64_t earned = Compute(paid).total;

    // The same, had the returns been known at once.
    const std::vector<CommissionReturn> early = {
        {"r1", "a", kMarch.last + 5, Between(random, 1, paid.period.facts[0].amount)}};
    const std::vector<CommissionReturn> late = {
        {"r2", "b", kMarch.last + 35, Between(random, 1, paid.period.facts[1].amount)},
        {"r3", "c", kMarch.last + 36, paid.period.facts[2].amount}};
    CommissionInput known = paid;
    for (CommissionReturn entry : {early[0], late[0], late[1]}) {
      entry.day = kMarch.last;
      known.returns.push_back(entry);
    }
    const int64_t due = Compute(known).total;

    CommissionInput april = Input(paid.plan, 0);
    april.period = {.id = "2026-04",
                    .days = {absl::CivilDay(2026, 4, 1), absl::CivilDay(2026, 4, 30)},
                    .target = 1};
    april.earlier = {{paid.plan, paid.period}};
    april.returns = {early[0], late[0], late[1]};
    CommissionInput may = april;
    may.period.id = "2026-05";
    may.period.days = {absl::CivilDay(2026, 5, 1), absl::CivilDay(2026, 5, 31)};
    // A line of a tier may round up when its base falls; then nothing is added.
    const int64_t back = Compute(april).total + Compute(may).total;
    ASSERT_LE(back, 0);
    ASSERT_GE(due, earned + back - 8) << round;
    ASSERT_LE(due, earned + back + 8) << round;
    if (round % 20 != 0) continue;
    std::shuffle(april.returns.begin(), april.returns.end(), random);
    ASSERT_EQ(Compute(april).total + Compute(may).total, back);
  }
}

}  // namespace
}  // namespace milepost::target
