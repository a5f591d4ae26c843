#include "target-svc/domain/joint_plan.h"

#include <gtest/gtest.h>

#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using Numbers = std::vector<std::vector<int64_t>>;

Numbers Values(const JointResult& result) {
  Numbers values;
  for (const std::vector<BalanceValue>& row : result.matrix.values) {
    values.emplace_back();
    for (const BalanceValue& value : row) values.back().push_back(value.value);
  }
  return values;
}

TEST(PlanJointly, RegionsAndQuartersBothAddUp) {
  const JointResult result = PlanJointly({.total = 1'000,
                                          .rounding_unit = 10,
                                          .rows = {{.weight = 3}, {.weight = 2}},
                                          .columns = {{.weight = 1, .lock = 400}, {.weight = 1}},
                                          .cells = {{{1}, {1}}, {{1}, {1}}}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(Values(result), (Numbers{{240, 360}, {160, 240}}));
}

TEST(PlanJointly, LockedCellsHoldTheirRowsAndColumns) {
  const JointResult result =
      PlanJointly({.total = 100,
                   .rows = {{.weight = 1}, {.weight = 9}},
                   .columns = {{.weight = 1}, {.weight = 1}},
                   .cells = {{{.seed = 1, .lock = 20}, {.seed = 1, .lock = 15}}, {{1}, {1}}}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(Values(result), (Numbers{{20, 15}, {30, 35}}));
}

TEST(PlanJointly, SaysWhichSideOrWhatInTheMatrixCollides) {
  JointRequest request{.total = 100,
                       .rows = {{.weight = 1, .max = 30}, {.weight = 1, .max = 60}},
                       .columns = {{.weight = 1}, {.weight = 1}},
                       .cells = {{{1}, {1}}, {{1}, {1}}}};
  EXPECT_EQ(PlanJointly(request).rows.violations[0].amount, 10);
  request.rows = {{.weight = 6}, {.weight = 4}};
  request.cells[0][1] = {.seed = 0};  // Of 60 only 50 fit the first column.
  const JointResult result = PlanJointly(request);
  ASSERT_EQ(result.matrix.violations.size(), 1u);
  EXPECT_EQ(result.matrix.violations[0].amount, 10);
  request.cells.pop_back();
  EXPECT_FALSE(PlanJointly(request).ok());
}

TEST(PlanJointly, WhatIsNotWholeIsFilledInSingleUnits) {
  const JointResult result = PlanJointly({.total = 105,
                                          .rounding_unit = 10,
                                          .rows = {{.weight = 1}, {.weight = 1}},
                                          .columns = {{.weight = 1}, {.weight = 1}},
                                          .cells = {{{1}, {1}}, {{1}, {1}}}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.rounding_unit, 1);
}

TEST(PlanJointlyProperty, EverySumIsExact) {
  Random random(91);
  int made = 0;
  constexpr int kCases = 10'000;
  for (int n = 0; n < kCases; ++n) {
    JointRequest request{.total = Between(random, 0, 500), .rounding_unit = Between(random, 1, 4)};
    request.rows.resize(static_cast<size_t>(Between(random, 1, 3)));
    request.columns.resize(static_cast<size_t>(Between(random, 1, 3)));
    for (std::vector<SplitPart>* parts : {&request.rows, &request.columns}) {
      for (SplitPart& part : *parts) {
        part.weight = Between(random, 0, 9);
        if (Between(random, 0, 6) == 0) part.min = Between(random, 0, 60);
        if (Between(random, 0, 6) == 0) part.max = Between(random, 100, 500);
      }
    }
    for (size_t i = 0; i < request.rows.size(); ++i) {
      request.cells.emplace_back(request.columns.size());
      for (BalanceCell& cell : request.cells.back()) {
        cell.seed = Between(random, 0, 5);
        if (Between(random, 0, 9) == 0) cell.lock = Between(random, 0, 30);
      }
    }
    const JointResult result = PlanJointly(request);
    if (!result.ok()) continue;
    ++made;
    const Numbers values = Values(result);
    int64_t total = 0;
    std::vector<int64_t> columns(request.columns.size(), 0);
    for (size_t i = 0; i < values.size(); ++i) {
      int64_t sum = 0;
      for (size_t j = 0; j < columns.size(); ++j) {
        sum += values[i][j];
        columns[j] += values[i][j];
        ASSERT_GE(values[i][j], 0);
        ASSERT_EQ(values[i][j], request.cells[i][j].lock.value_or(values[i][j]));
      }
      ASSERT_EQ(sum, result.rows.values[i].value);
      ASSERT_LE(sum, request.rows[i].max.value_or(500));
      total += sum;
    }
    for (size_t j = 0; j < columns.size(); ++j) {
      ASSERT_EQ(columns[j], result.columns.values[j].value);
    }
    ASSERT_EQ(total, request.total);
  }
  EXPECT_GT(made, kCases / 3);
}

}  // namespace
}  // namespace milepost::target
