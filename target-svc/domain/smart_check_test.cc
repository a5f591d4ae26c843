#include "target-svc/domain/smart_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Code = SmartCode;
using Level = SmartLevel;

const SmartFinding* Find(const SmartReport& report, Code code) {
  for (const SmartFinding& finding : report.findings) {
    if (finding.code == code) return &finding;
  }
  return nullptr;
}

// 1,200 cars in the second quarter, 1,000 the year before.
SmartTarget Good() {
  return {
      .metric_id = "deliveries",
      .owner = "members/zhang-wei",
      .scope = {"units/east"},
      .value = 1'200,
      .period = {absl::CivilDay(2026, 4, 1), absl::CivilDay(2026, 6, 30)},
      .today = absl::CivilDay(2026, 3, 15),
      .source = ActualsSource::kDerived,
      .last_actual = absl::CivilDay(2026, 3, 14),
      .history = {800, 900, 1'000},
      .pipeline = 4'000,
      .capacity = 1'500,
      .parent = SmartParent{.name = "plans/2026/nodes/root",
                            .metric_id = "deliveries",
                            .period = {absl::CivilDay(2026, 1, 1), absl::CivilDay(2026, 12, 31)},
                            .value = 5'000,
                            .parts_wanted = 5'000,
                            .parts_assigned = 5'000},
      .checkpoints = 13};
}

SmartReport Check(const SmartTarget& target, const SmartSettings& settings = {}) {
  const absl::StatusOr<SmartReport> report = CheckSmart(target, settings);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *report : SmartReport{};
}

TEST(CheckSmart, QuotesTheNumbersOfAGoodTarget) {
  const SmartReport report = Check(Good());
  EXPECT_TRUE(report.smart);
  EXPECT_THAT(report.levels,
              ElementsAre(Level::kOk, Level::kOk, Level::kOk, Level::kOk, Level::kOk));
  std::vector<std::string> messages;
  for (const SmartFinding& finding : report.findings) messages.push_back(finding.message);
  EXPECT_THAT(
      messages,
      ElementsAre("1200 of deliveries for units/east, carried by members/zhang-wei",
                  "the last actual is of 2026-03-14, 1 days ago; allowed are 35",
                  "the target 1200 grows by 20 % on 1000 of the last period; warning above 30 %; "
                  "the best growth so far was 12.5 %",
                  "the open pipeline of 4000 covers 333.3333 % of the 1200 left to win; warning "
                  "below 300 %",
                  "the target 1200 takes 80 % of the capacity 1500; warning above 90 %",
                  "1200 is 24 % of 5000 of plans/2026/nodes/root",
                  "2026-04-01 to 2026-06-30, 91 days, looked at every 7 days"));
}

struct SmartCase {
  std::string name;
  void (*change)(SmartTarget&);
  Code code;
  Level level;
};

class SmartFindings : public ::testing::TestWithParam<SmartCase> {};

TEST_P(SmartFindings, Judges) {
  SmartTarget target = Good();
  GetParam().change(target);
  const SmartReport report = Check(target);
  const SmartFinding* finding = Find(report, GetParam().code);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->level, GetParam().level) << finding->message;
  EXPECT_EQ(report.smart, finding->level <= Level::kNote);
}

INSTANTIATE_TEST_SUITE_P(
    All, SmartFindings,
    ::testing::ValuesIn(std::vector<SmartCase>{
        {"NoMetric", [](SmartTarget& t) { t.metric_id = t.parent->metric_id = ""; },
         Code::kNoMetric, Level::kError},
        {"NoOwner", [](SmartTarget& t) { t.owner = ""; }, Code::kNoOwner, Level::kError},
        {"WholeCompany", [](SmartTarget& t) { t.scope = {}; }, Code::kWholeCompany, Level::kNote},
        {"NoSource", [](SmartTarget& t) { t.source = ActualsSource::kNone; }, Code::kNoSource,
         Level::kError},
        {"NeverRecorded",
         [](SmartTarget& t) {
           t.source = ActualsSource::kRecorded;
           t.last_actual.reset();
         },
         Code::kNeverRecorded, Level::kWarning},
        {"NothingDerivedYet", [](SmartTarget& t) { t.last_actual.reset(); }, Code::kNeverRecorded,
         Level::kNote},
        {"Stale", [](SmartTarget& t) { t.last_actual = t.today - 36; }, Code::kStaleActuals,
         Level::kWarning},
        {"NoHistory", [](SmartTarget& t) { t.history = {}; }, Code::kLittleHistory, Level::kNote},
        {"NothingBefore", [](SmartTarget& t) {
           t.history = {5, 0};
           t.pipeline.reset();
           t.capacity.reset();
         }, Code::kLittleHistory, Level::kNote},
        {"AtTheWarning", [](SmartTarget& t) { t.value = 1'300; }, Code::kGrowth, Level::kOk},
        {"AboveTheWarning", [](SmartTarget& t) { t.value = 1'301; }, Code::kGrowth,
         Level::kWarning},
        {"GrewAsMuchBefore",
         [](SmartTarget& t) {
           t.value = 1'301;
           t.history = {500, 1'000};
         },
         Code::kGrowth, Level::kNote},
        {"Doubles",
         [](SmartTarget& t) {
           t.value = 2'001;
           t.pipeline = 10'000;
           t.capacity = 4'000;
         },
         Code::kGrowth, Level::kError},
        {"Shrinks", [](SmartTarget& t) { t.value = 899; }, Code::kBelowHistory, Level::kWarning},
        {"ThinPipeline", [](SmartTarget& t) { t.pipeline = 3'599; }, Code::kCoverage,
         Level::kWarning},
        {"NoPipeline", [](SmartTarget& t) { t.pipeline = 1'199; }, Code::kCoverage, Level::kError},
        {"PipelineCoversWhatIsLeft",
         [](SmartTarget& t) {
           t.achieved = 600;
           t.pipeline = 1'800;
         },
         Code::kCoverage, Level::kOk},
        {"Reached", [](SmartTarget& t) { t.achieved = 1'200; }, Code::kReached, Level::kNote},
        {"Full", [](SmartTarget& t) { t.capacity = 1'333; }, Code::kUtilisation, Level::kWarning},
        {"Overfull", [](SmartTarget& t) { t.capacity = 1'000; }, Code::kUtilisation,
         Level::kError},
        {"NoParent", [](SmartTarget& t) { t.parent.reset(); }, Code::kNoParent, Level::kWarning},
        {"Root",
         [](SmartTarget& t) {
           t.parent.reset();
           t.is_root = true;
         },
         Code::kNoParent, Level::kOk},
        {"OtherMetric", [](SmartTarget& t) { t.parent->metric_id = "revenue"; }, Code::kOtherMetric,
         Level::kNote},
        {"OutsideParent",
         [](SmartTarget& t) { t.parent->period.last = absl::CivilDay(2026, 6, 29); },
         Code::kOutsideParent, Level::kError},
        {"Siblings", [](SmartTarget& t) { t.parent->parts_assigned = 4'700; },
         Code::kSiblingsDoNotAddUp, Level::kWarning},
        {"Over",
         [](SmartTarget& t) {
           t.today = absl::CivilDay(2026, 7, 1);
           t.last_actual = t.today;
         },
         Code::kPeriodOver, Level::kError},
        {"Late",
         [](SmartTarget& t) {
           t.today = absl::CivilDay(2026, 4, 24);
           t.last_actual = t.today;
         },
         Code::kLateStart, Level::kWarning},
        {"Long",
         [](SmartTarget& t) {
           t.period = {absl::CivilDay(2026, 4, 1), absl::CivilDay(2027, 4, 2)};
           t.parent->period = t.period;
         },
         Code::kLongPeriod, Level::kWarning},
        {"FewCheckpoints", [](SmartTarget& t) { t.checkpoints = 2; }, Code::kFewCheckpoints,
         Level::kWarning}}),
    [](const auto& info) { return info.param.name; });

TEST(CheckSmart, WantsSomething) {
  SmartTarget target = Good();
  target.value = 0;
  const SmartReport report = Check(target);
  EXPECT_EQ(Find(report, Code::kNothingWanted)->level, Level::kError);
  EXPECT_EQ(Find(report, Code::kNothingWanted)->message, "the target is 0: nothing is wanted");
  EXPECT_EQ(report.levels[0], Level::kError);
}

TEST(CheckSmart, TakesItsThresholdsFromTheSettings) {
  SmartSettings settings;
  settings.growth_warning_ppm = 199'999;
  EXPECT_EQ(Find(Check(Good(), settings), Code::kGrowth)->level, Level::kWarning);
  settings = {};
  settings.checkpoint_days = 6;
  EXPECT_EQ(Find(Check(Good(), settings), Code::kFewCheckpoints)->level, Level::kWarning);
  EXPECT_THAT(Find(Check(Good(), settings), Code::kFewCheckpoints)->message,
              HasSubstr("every 7 days; allowed are 6"));
}

TEST(CheckSmart, HoldsTheLargestValues) {
  SmartTarget target = Good();
  target.value = 9'000'000'000'000'000;
  target.achieved = -9'000'000'000'000'000;
  target.history = {1, 1};
  target.capacity = 1;
  const SmartReport report = Check(target);
  EXPECT_EQ(Find(report, Code::kGrowth)->level, Level::kError);
  EXPECT_EQ(Find(report, Code::kUtilisation)->level, Level::kError);
}

TEST(CheckSmart, ReportsAllBadFieldsAtOnce) {
  SmartTarget target = Good();
  target.value = 9'000'000'000'000'001;
  target.period.last = target.period.first - 1;
  target.history = {9'000'000'000'000'001};
  target.pipeline = -1;
  target.capacity = 0;
  target.checkpoints = -1;
  target.parent->value = 0;
  target.is_root = true;
  SmartSettings settings;
  settings.growth_error_ppm = 1;
  settings.min_history = 0;
  settings.coverage_warning_ppm = -1;
  settings.stale_days = 0;
  EXPECT_THAT(Fields(CheckSmart(target, settings).status()),
              ElementsAre("settings.growth_error_ppm", "settings.min_history",
                          "settings.coverage_warning_ppm", "settings.coverage_error_ppm",
                          "settings.stale_days", "value", "period", "history[0]", "pipeline",
                          "capacity", "checkpoints", "parent.value", "parent"));
}

SmartTarget RandomTarget(Random& random) {
  SmartTarget target = Good();
  target.value = Between(random, -2, 3'000);
  target.achieved = Between(random, -100, 1'500);
  target.history.clear();
  for (int64_t i = Between(random, 0, 4); i > 0; --i) {
    target.history.push_back(Between(random, -10, 2'000));
  }
  if (Between(random, 0, 1) == 0) target.pipeline.reset();
  if (target.pipeline) target.pipeline = Between(random, 0, 9'000);
  if (Between(random, 0, 1) == 0) target.capacity.reset();
  if (target.capacity) target.capacity = Between(random, 1, 3'000);
  target.checkpoints = Between(random, 0, 20);
  target.today = target.period.first + Between(random, -100, 120);
  target.last_actual = target.today - Between(random, 0, 60);
  target.parent->parts_assigned = Between(random, 4'999, 5'001);
  return target;
}

TEST(SmartProperty, EveryCriterionIsJudgedAndEveryNumberQuoted) {
  Random random(51);
  for (int round = 0; round < 10'000; ++round) {
    const SmartReport report = Check(RandomTarget(random));
    std::vector<bool> judged(5, false);
    for (const SmartFinding& finding : report.findings) {
      judged[static_cast<size_t>(finding.criterion) - 1] = true;
      for (const Quantity& number : finding.numbers) {
        ASSERT_NE(finding.message.find(ToText(number)), std::string::npos)
            << finding.message << " lacks " << number.name;
        ASSERT_TRUE(!number.step || *number.step < finding.steps.size());
      }
      for (const Step& step : finding.steps) ASSERT_EQ(Evaluate(step), step.result);
      ASSERT_LE(finding.level, report.levels[static_cast<size_t>(finding.criterion) - 1]);
    }
    ASSERT_EQ(std::count(judged.begin(), judged.end(), true), 5);
  }
}

// A higher target is never judged easier to reach, for those that do not shrink.
TEST(SmartProperty, HigherTargetsAreNotEasier) {
  Random random(52);
  const auto worst_of = [](const SmartReport& report, Code code) {
    const SmartFinding* finding = Find(report, code);
    return finding == nullptr ? Level::kOk : finding->level;
  };
  for (int round = 0; round < 10'000; ++round) {
    SmartTarget target = RandomTarget(random);
    target.value = Between(random, 1'501, 2'500);  // More than is achieved.
    const SmartReport before = Check(target);
    target.value += Between(random, 0, 500);
    const SmartReport after = Check(target);
    for (const Code code : {Code::kGrowth, Code::kCoverage, Code::kUtilisation}) {
      ASSERT_LE(worst_of(before, code), worst_of(after, code)) << round;
    }
  }
}

}  // namespace
}  // namespace milepost::target
