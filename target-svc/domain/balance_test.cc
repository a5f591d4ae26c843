#include "target-svc/domain/balance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "target-svc/domain/testing_domain.h"

namespace milepost::target {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = BalanceViolationKind;
using Numbers = std::vector<std::vector<int64_t>>;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

BalanceRequest Request(std::vector<int64_t> rows, std::vector<int64_t> columns,
                       const Numbers& seeds, int64_t unit = 1) {
  BalanceRequest request{std::move(rows), std::move(columns), unit, {}};
  for (const std::vector<int64_t>& row : seeds) {
    request.cells.emplace_back();
    for (int64_t seed : row) request.cells.back().push_back({.seed = seed});
  }
  return request;
}

Numbers Values(const BalanceResult& result) {
  Numbers values;
  for (const std::vector<BalanceValue>& row : result.values) {
    values.emplace_back();
    for (const BalanceValue& value : row) values.back().push_back(value.value);
  }
  return values;
}

std::vector<Kind> Kinds(const BalanceResult& result) {
  std::vector<Kind> kinds;
  for (const BalanceViolation& violation : result.violations) kinds.push_back(violation.kind);
  return kinds;
}

void ExpectTotals(const BalanceRequest& request, const BalanceResult& result) {
  ASSERT_TRUE(result.ok());
  std::vector<int64_t> columns(request.column_totals.size(), 0);
  for (size_t i = 0; i < request.row_totals.size(); ++i) {
    int64_t row = 0;
    for (size_t j = 0; j < columns.size(); ++j) {
      row += result.values[i][j].value;
      columns[j] += result.values[i][j].value;
    }
    ASSERT_EQ(row, request.row_totals[i]) << "row " << i;
  }
  ASSERT_EQ(columns, request.column_totals);
}

// Locks are kept, free cells are whole units above or below what was fitted, and never negative.
void ExpectRounded(const BalanceRequest& request, const BalanceResult& result) {
  const int64_t unit = request.rounding_unit;
  for (size_t i = 0; i < request.cells.size(); ++i) {
    for (size_t j = 0; j < request.cells[i].size(); ++j) {
      const BalanceValue& value = result.values[i][j];
      if (request.cells[i][j].lock) {
        ASSERT_EQ(value.value, *request.cells[i][j].lock);
        continue;
      }
      ASSERT_GE(value.value, 0);
      ASSERT_EQ(value.value % unit, 0);
      ASSERT_LE(value.fitted_whole - value.fitted_whole % unit, value.value);
      ASSERT_LE(value.value - unit, value.fitted_whole);
    }
  }
}

TEST(Balance, KeepsASeedThatFits) {
  const BalanceRequest request = Request({30, 70}, {40, 60}, {{10, 20}, {30, 40}});
  EXPECT_EQ(Values(Balance(request)), (Numbers{{10, 20}, {30, 40}}));
}

TEST(Balance, ScalesAProportionalSeed) {
  const BalanceResult result = Balance(Request({300, 700}, {400, 600}, {{1, 2}, {3, 4}}));
  ExpectTotals(Request({300, 700}, {400, 600}, {}), result);
  EXPECT_EQ(Values(Balance(Request({2'000, 4'000}, {3'000, 3'000}, {{1, 1}, {1, 1}}))),
            (Numbers{{1'000, 1'000}, {2'000, 2'000}}));
}

// a·d / (b·c) of the seed is 2 × 4 / (1 × 1) = 8; with rows 300 and 300 and columns 400 and 200
// the solution of x (300 − 400 + x) = 8 (300 − x)(400 − x) is x = 261.17….
TEST(Balance, KeepsTheRatiosOfTheSeed) {
  const BalanceResult result = Balance(Request({300, 300}, {400, 200}, {{2, 1}, {1, 4}}));
  ASSERT_TRUE(result.ok());
  const double x = result.values[0][0].fitted_whole + result.values[0][0].fitted_ppm / 1e6;
  EXPECT_NEAR(x * (x - 100), 8 * (300 - x) * (400 - x), 0.05);
  EXPECT_EQ(result.values[0][0].value + result.values[0][1].value, 300);
}

TEST(Balance, RegionsByQuarterInUnitsOfAHundred) {
  // The quarters of 2017 and three offices, 12,000,000 in units of 100.
  const BalanceRequest request =
      Request({4'280'000, 4'013'600, 3'706'400}, {1'360'800, 3'701'300, 3'576'700, 3'361'200},
              {{400, 1'100, 1'060, 1'000}, {380, 1'010, 990, 910}, {354, 976, 932, 892}}, 100);
  const BalanceResult result = Balance(request);
  ExpectTotals(request, result);
  ExpectRounded(request, result);
}

TEST(Balance, KeepsLocksAndFillsTheRest) {
  BalanceRequest request = Request({100, 100}, {100, 100}, {{1, 1}, {1, 1}});
  request.cells[0][0].lock = 90;
  const BalanceResult result = Balance(request);
  EXPECT_EQ(Values(result), (Numbers{{90, 10}, {10, 90}}));
  EXPECT_EQ(result.values[0][0].basis, CellBasis::kLock);
  EXPECT_EQ(result.values[0][1].basis, CellBasis::kSeed);
}

TEST(Balance, CellsWithoutSeedStayEmpty) {
  const BalanceResult result =
      Balance(Request({10, 20, 30}, {20, 20, 20}, {{1, 0, 1}, {1, 1, 1}, {1, 1, 1}}));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.values[0][1].value, 0);
  EXPECT_EQ(result.values[0][1].basis, CellBasis::kEmpty);
}

TEST(Balance, ANewRowTakesTheShapeOfTheColumnTotals) {
  const BalanceResult result = Balance(Request({60, 60}, {20, 40, 60}, {{10, 20, 30}, {0, 0, 0}}));
  EXPECT_EQ(Values(result), (Numbers{{10, 20, 30}, {10, 20, 30}}));
  EXPECT_EQ(result.values[1][2].basis, CellBasis::kNew);
}

TEST(Balance, ANewColumnTakesTheShapeOfTheRowTotals) {
  const BalanceResult result = Balance(Request({20, 40}, {30, 30}, {{5, 0}, {10, 0}}));
  EXPECT_EQ(Values(result), (Numbers{{10, 10}, {20, 20}}));
  EXPECT_EQ(Values(Balance(Request({20, 40}, {30, 30}, {{0, 0}, {0, 0}}))),
            (Numbers{{10, 10}, {20, 20}}));
}

// Only the diagonal can meet these totals, so the other cells must vanish, which scaling alone only
// approaches.
TEST(Balance, MeetsTotalsThatEmptyACellWithASeed) {
  const BalanceRequest request = Request({100, 100}, {100, 100}, {{1, 1}, {0, 1}});
  const BalanceResult result = Balance(request);
  EXPECT_EQ(Values(result), (Numbers{{100, 0}, {0, 100}}));
}

TEST(Balance, NothingToShare) {
  EXPECT_EQ(Values(Balance(Request({0, 0}, {0, 0}, {{1, 2}, {3, 4}}))), (Numbers{{0, 0}, {0, 0}}));
  EXPECT_EQ(Values(Balance(Request({7}, {7}, {{0}}))), (Numbers{{7}}));
}

TEST(Balance, HoldsAtTheLargestInt64) {
  const BalanceRequest request =
      Request({kMax / 2, kMax - kMax / 2}, {kMax / 3, kMax - kMax / 3}, {{kMax, 1}, {1, kMax}});
  const BalanceResult result = Balance(request);
  ExpectTotals(request, result);
  const BalanceRequest even =
      Request({kMax - 2, 1, 1}, {kMax / 2, kMax - kMax / 2}, {{kMax, kMax}, {kMax, 1}, {0, 0}});
  ExpectTotals(even, Balance(even));
}

TEST(BalanceRefusal, NamesEveryBadFieldAtOnce) {
  BalanceRequest request = Request({-1, 2}, {1, -3}, {{-5, 1}, {1, 1}}, 0);
  request.cells[1][0].lock = -2;
  request.cells[1].push_back({});
  const BalanceResult result = Balance(request);
  EXPECT_THAT(Kinds(result),
              ElementsAre(Kind::kRoundingUnitOutOfRange, Kind::kNegativeTotal, Kind::kNegativeTotal,
                          Kind::kNegativeSeed, Kind::kRowSize));
  EXPECT_EQ(result.violations[3].field, "cells[0][0].seed");
  EXPECT_THAT(result.values, IsEmpty());
  request.cells[1].pop_back();
  EXPECT_EQ(Balance(request).violations[4].field, "cells[1][0].lock");
}

TEST(BalanceRefusal, OfSizes) {
  EXPECT_THAT(Kinds(Balance({})), ElementsAre(Kind::kSizeOutOfRange));
  EXPECT_THAT(Kinds(Balance({.row_totals = {1}, .column_totals = {1}})),
              ElementsAre(Kind::kRowSize));
  EXPECT_THAT(Kinds(Balance({.row_totals = std::vector<int64_t>(101, 0),
                             .column_totals = std::vector<int64_t>(100, 0)})),
              ElementsAre(Kind::kSizeOutOfRange));
  EXPECT_THAT(Kinds(Balance(Request({kMax, 1}, {kMax}, {{1}, {1}}))),
              ElementsAre(Kind::kTotalTooLarge));
}

TEST(BalanceRefusal, OfTotalsThatDiffer) {
  const BalanceResult result = Balance(Request({10, 20}, {31}, {{1}, {1}}));
  ASSERT_THAT(Kinds(result), ElementsAre(Kind::kTotalsDiffer));
  EXPECT_EQ(result.violations[0].amount, 1);
  EXPECT_EQ(result.violations[0].message, "rows add up to 30, columns to 31, 1 more");
}

TEST(BalanceRefusal, OfLocksAndUnits) {
  BalanceRequest request = Request({1'000, 1'050}, {1'000, 1'050}, {{1, 1}, {1, 1}}, 100);
  request.cells[0][0].lock = 1'200;
  const BalanceResult result = Balance(request);
  ASSERT_THAT(Kinds(result), ElementsAre(Kind::kLocksAboveTotal, Kind::kNotWholeUnits,
                                         Kind::kLocksAboveTotal, Kind::kNotWholeUnits));
  EXPECT_EQ(result.violations[0].field, "row_totals[0]");
  EXPECT_EQ(result.violations[0].amount, 200);
  EXPECT_THAT(result.violations[0].rows, ElementsAre(0));
  EXPECT_EQ(result.violations[3].field, "column_totals[1]");
  EXPECT_EQ(result.violations[3].amount, 50);
  EXPECT_THAT(result.violations[3].columns, ElementsAre(1));
}

TEST(BalanceRefusal, NamesTheRowsAndColumnsThatCollide) {
  // The first two rows can only use the first column, which is 20 too small for them.
  const BalanceResult result =
      Balance(Request({50, 40, 30}, {70, 25, 25}, {{1, 0, 0}, {1, 0, 0}, {1, 1, 1}}));
  ASSERT_THAT(Kinds(result), ElementsAre(Kind::kRowsAboveColumns));
  EXPECT_THAT(result.violations[0].rows, ElementsAre(0, 1));
  EXPECT_THAT(result.violations[0].columns, ElementsAre(0));
  EXPECT_EQ(result.violations[0].amount, 20);
}

TEST(BalanceRefusal, SeparatesCollisionsThatShareNoCell) {
  const BalanceResult result =
      Balance(Request({50, 60, 10}, {40, 30, 50}, {{1, 0, 0}, {0, 1, 0}, {1, 1, 1}}));
  ASSERT_THAT(Kinds(result), ElementsAre(Kind::kRowsAboveColumns, Kind::kRowsAboveColumns));
  EXPECT_EQ(result.violations[0].amount, 10);
  EXPECT_THAT(result.violations[1].rows, ElementsAre(1));
  EXPECT_THAT(result.violations[1].columns, ElementsAre(1));
  EXPECT_EQ(result.violations[1].amount, 30);
}

TEST(BalanceRefusal, OfARowThatIsLockedShortOfItsTotal) {
  BalanceRequest request = Request({10, 10}, {10, 10}, {{1, 1}, {1, 1}});
  request.cells[0][0].lock = 4;
  request.cells[0][1].lock = 4;
  const BalanceResult result = Balance(request);
  ASSERT_THAT(Kinds(result), ElementsAre(Kind::kRowsAboveColumns));
  EXPECT_THAT(result.violations[0].rows, ElementsAre(0));
  EXPECT_THAT(result.violations[0].columns, IsEmpty());
  EXPECT_EQ(result.violations[0].amount, 2);
}

// ---- Random requests; seeds are fixed.

// Totals of a random matrix, so that they agree; its locked cells are sometimes changed, and seeds
// that are missing make some requests infeasible.
BalanceRequest RandomRequest(Random& random, size_t max_side, int64_t max_value) {
  const size_t rows = Between(random, 1, max_side);
  const size_t columns = Between(random, 1, max_side);
  BalanceRequest request;
  request.rounding_unit = Between(random, 0, 1) == 0 ? 1 : Between(random, 1, 100);
  request.row_totals.assign(rows, 0);
  request.column_totals.assign(columns, 0);
  const int64_t empty_in_ten = Between(random, 0, 5);
  for (size_t i = 0; i < rows; ++i) {
    request.cells.emplace_back(columns);
    for (size_t j = 0; j < columns; ++j) {
      BalanceCell& cell = request.cells[i][j];
      const int64_t value = Between(random, 0, max_value) * request.rounding_unit;
      request.row_totals[i] += value;
      request.column_totals[j] += value;
      if (Between(random, 0, 9) >= empty_in_ten) cell.seed = Between(random, 1, 50);
      if (Between(random, 0, 7) == 0) {
        cell.lock = std::max<int64_t>(0, value + Between(random, -1, 1) * request.rounding_unit);
      }
    }
  }
  return request;
}

std::string Print(const BalanceRequest& request) {
  std::ostringstream out;
  out << "unit " << request.rounding_unit << ", columns";
  for (int64_t total : request.column_totals) out << " " << total;
  for (size_t i = 0; i < request.cells.size(); ++i) {
    out << "\n  row " << request.row_totals[i] << ":";
    for (const BalanceCell& cell : request.cells[i]) {
      out << " " << cell.seed;
      if (cell.lock) out << " (lock " << *cell.lock << ")";
    }
  }
  return out.str();
}

// Which cells the contract lets hold something, computed apart from the engine.
std::vector<std::vector<bool>> Usable(const BalanceRequest& request) {
  const size_t rows = request.row_totals.size();
  const size_t columns = request.column_totals.size();
  std::vector<int64_t> row_left = request.row_totals;
  std::vector<int64_t> column_left = request.column_totals;
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) {
      row_left[i] -= request.cells[i][j].lock.value_or(0);
      column_left[j] -= request.cells[i][j].lock.value_or(0);
    }
  }
  const auto seeded = [&](size_t i, size_t j) {
    const BalanceCell& cell = request.cells[i][j];
    return !cell.lock && row_left[i] > 0 && column_left[j] > 0 && cell.seed > 0;
  };
  std::vector<std::vector<bool>> usable(rows, std::vector<bool>(columns, false));
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) {
      bool row_seeded = false;
      bool column_seeded = false;
      for (size_t k = 0; k < columns; ++k) row_seeded |= seeded(i, k);
      for (size_t k = 0; k < rows; ++k) column_seeded |= seeded(k, j);
      usable[i][j] = !request.cells[i][j].lock && row_left[i] > 0 && column_left[j] > 0 &&
                     (seeded(i, j) || !row_seeded || !column_seeded);
    }
  }
  return usable;
}

// Every matrix of whole units that meets the totals, cell by cell.
class Enumeration {
 public:
  explicit Enumeration(const BalanceRequest& request)
      : request_(request),
        usable_(Usable(request)),
        row_left_(request.row_totals),
        column_left_(request.column_totals),
        values_(request.row_totals.size(), std::vector<int64_t>(request.column_totals.size(), 0)) {}

  void Visit(const std::function<void(const Numbers&)>& visit) { Place(0, visit); }

 private:
  void Place(size_t cell, const std::function<void(const Numbers&)>& visit) {
    const size_t columns = column_left_.size();
    const size_t i = cell / columns;
    const size_t j = cell % columns;
    if (i == row_left_.size()) {
      if (std::all_of(column_left_.begin(), column_left_.end(),
                      [](int64_t left) { return left == 0; })) {
        visit(values_);
      }
      return;
    }
    const BalanceCell& from = request_.cells[i][j];
    const int64_t low = from.lock.value_or(0);
    const int64_t room = std::min(row_left_[i], column_left_[j]);
    const int64_t high = from.lock ? *from.lock : usable_[i][j] ? room : 0;
    for (int64_t value = low; value <= high; value += request_.rounding_unit) {
      if (value > room) return;
      const bool last_in_row = j + 1 == columns;
      if (last_in_row && value != row_left_[i]) continue;
      values_[i][j] = value;
      row_left_[i] -= value;
      column_left_[j] -= value;
      Place(cell + 1, visit);
      row_left_[i] += value;
      column_left_[j] += value;
    }
  }

  const BalanceRequest& request_;
  std::vector<std::vector<bool>> usable_;
  std::vector<int64_t> row_left_;
  std::vector<int64_t> column_left_;
  Numbers values_;
};

double Distance(const BalanceResult& result, const Numbers& values) {
  double distance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t j = 0; j < values[i].size(); ++j) {
      const BalanceValue& value = result.values[i][j];
      distance +=
          std::abs(value.fitted_whole + value.fitted_ppm / 1e6 - static_cast<double>(values[i][j]));
    }
  }
  return distance;
}

TEST(BalanceProperty, BruteForceFindsNothingNearerAndNothingElseFeasible) {
  Random random(21);
  int feasible = 0;
  constexpr int kCases = 8'000;
  for (int n = 0; n < kCases; ++n) {
    const BalanceRequest request = RandomRequest(random, 3, 2);
    SCOPED_TRACE(Print(request));
    const BalanceResult result = Balance(request);
    bool any = false;
    double nearest = std::numeric_limits<double>::infinity();
    Enumeration(request).Visit([&](const Numbers& values) {
      any = true;
      if (result.ok()) nearest = std::min(nearest, Distance(result, values));
    });
    ASSERT_EQ(result.ok(), any);
    if (!any) {
      for (const BalanceViolation& violation : result.violations) ASSERT_GT(violation.amount, 0);
      continue;
    }
    ++feasible;
    ASSERT_NO_FATAL_FAILURE(ExpectTotals(request, result));
    ASSERT_NO_FATAL_FAILURE(ExpectRounded(request, result));
    ASSERT_LE(Distance(result, Values(result)), nearest + 1e-4 * request.rounding_unit);
  }
  EXPECT_GT(feasible, kCases / 5);
  EXPECT_LT(feasible, kCases * 9 / 10);
}

// The named lines exceed the room they may use by the amount; no proper subset of them does.
void ExpectIrreducible(const BalanceRequest& request, const BalanceViolation& violation) {
  const bool by_rows = violation.kind == Kind::kRowsAboveColumns;
  const std::vector<std::vector<bool>> usable = Usable(request);
  const std::vector<size_t>& lines = by_rows ? violation.rows : violation.columns;
  const std::vector<size_t>& room = by_rows ? violation.columns : violation.rows;
  std::vector<int64_t> row_left = request.row_totals;
  std::vector<int64_t> column_left = request.column_totals;
  for (size_t i = 0; i < row_left.size(); ++i) {
    for (size_t j = 0; j < column_left.size(); ++j) {
      row_left[i] -= request.cells[i][j].lock.value_or(0);
      column_left[j] -= request.cells[i][j].lock.value_or(0);
    }
  }
  for (uint32_t some = 1; some < uint32_t{1} << lines.size(); ++some) {
    int64_t over = 0;
    std::vector<size_t> used;
    for (size_t k = 0; k < (by_rows ? column_left : row_left).size(); ++k) {
      bool uses = false;
      for (size_t l = 0; l < lines.size(); ++l) {
        if ((some >> l & 1) != 0) uses |= by_rows ? usable[lines[l]][k] : usable[k][lines[l]];
      }
      if (uses) used.push_back(k);
      if (uses) over -= by_rows ? column_left[k] : row_left[k];
    }
    for (size_t l = 0; l < lines.size(); ++l) {
      if ((some >> l & 1) != 0) over += by_rows ? row_left[lines[l]] : column_left[lines[l]];
    }
    if (some + 1 == uint32_t{1} << lines.size()) {
      ASSERT_EQ(over, violation.amount);
      ASSERT_EQ(used, room);
    } else {
      ASSERT_LE(over, 0);
    }
  }
}

// A collision is a proof: the named rows may use only the named columns, and what is left of
// them exceeds what is left there by the amount.
TEST(BalanceProperty, CollisionsAreTrue) {
  Random random(22);
  int collisions = 0;
  for (int n = 0; n < 3'000; ++n) {
    const BalanceRequest request = RandomRequest(random, 6, 40);
    SCOPED_TRACE(Print(request));
    const std::vector<std::vector<bool>> usable = Usable(request);
    const BalanceResult result = Balance(request);
    for (const BalanceViolation& violation : result.violations) {
      if (violation.kind == Kind::kRowsAboveColumns || violation.kind == Kind::kColumnsAboveRows) {
        ASSERT_NO_FATAL_FAILURE(ExpectIrreducible(request, violation));
      }
      if (violation.kind != Kind::kRowsAboveColumns) continue;
      ++collisions;
      int64_t over = 0;
      for (size_t i : violation.rows) {
        over += request.row_totals[i];
        for (size_t j = 0; j < request.column_totals.size(); ++j) {
          over -= request.cells[i][j].lock.value_or(0);
          ASSERT_TRUE(!usable[i][j] ||
                      std::binary_search(violation.columns.begin(), violation.columns.end(), j));
        }
      }
      for (size_t j : violation.columns) {
        over -= request.column_totals[j];
        for (size_t i = 0; i < request.row_totals.size(); ++i) {
          over += request.cells[i][j].lock.value_or(0);
        }
      }
      ASSERT_EQ(over, violation.amount);
    }
  }
  EXPECT_GT(collisions, 50);
}

// With a seed everywhere the fit keeps the ratios of the seed, to what its precision allows.
TEST(BalanceProperty, KeepsTheRatiosOfEveryFullSeed) {
  Random random(23);
  for (int n = 0; n < 1'000; ++n) {
    BalanceRequest request = RandomRequest(random, 5, 1'000'000'000);
    for (auto& row : request.cells) {
      for (BalanceCell& cell : row) cell = {.seed = Between(random, 1, 50)};
    }
    const BalanceResult result = Balance(request);
    ASSERT_NO_FATAL_FAILURE(ExpectTotals(request, result));
    ASSERT_NO_FATAL_FAILURE(ExpectRounded(request, result));
    const auto fitted = [&](size_t i, size_t j) {
      const BalanceValue& value = result.values[i][j];
      return value.fitted_whole + value.fitted_ppm / 1e6;
    };
    const auto seed = [&](size_t i, size_t j) {
      return static_cast<double>(request.cells[i][j].seed);
    };
    for (size_t i = 1; i < request.row_totals.size(); ++i) {
      for (size_t j = 1; j < request.column_totals.size(); ++j) {
        const double seeds = seed(0, 0) * seed(i, j) / (seed(0, j) * seed(i, 0));
        const double ratio = fitted(0, 0) * fitted(i, j) / (fitted(0, j) * fitted(i, 0));
        ASSERT_NEAR(ratio / seeds, 1, 1e-5) << Print(request);
      }
    }
  }
}

TEST(BalanceProperty, ManySizesMeetTheirTotals) {
  Random random(24);
  int feasible = 0;
  for (int n = 0; n < 300; ++n) {
    const BalanceRequest request = RandomRequest(random, 24, n % 2 == 0 ? 30 : 3'000'000'000);
    SCOPED_TRACE(Print(request));
    const BalanceResult result = Balance(request);
    if (!result.ok()) continue;
    ++feasible;
    ASSERT_NO_FATAL_FAILURE(ExpectTotals(request, result));
    ASSERT_NO_FATAL_FAILURE(ExpectRounded(request, result));
  }
  EXPECT_GT(feasible, 20);
}

TEST(BalanceProperty, TheSameRequestGivesTheSameMatrix) {
  Random random(25);
  for (int n = 0; n < 500; ++n) {
    const BalanceRequest request = RandomRequest(random, 5, 100);
    ASSERT_EQ(Values(Balance(request)), Values(Balance(request)));
  }
}

TEST(Balance, TakesAsManyCellsAsAllowed) {
  Random random(26);
  const size_t side = 100;
  BalanceRequest request;
  request.row_totals.assign(side, 0);
  request.column_totals.assign(side, 0);
  for (size_t i = 0; i < side; ++i) {
    request.cells.emplace_back(side);
    for (size_t j = 0; j < side; ++j) {
      const int64_t value = Between(random, 0, 100'000);
      request.row_totals[i] += value;
      request.column_totals[j] += value;
      request.cells[i][j].seed = Between(random, 1, 1'000);
    }
  }
  const BalanceResult result = Balance(request);
  ExpectTotals(request, result);
  ExpectRounded(request, result);
}

}  // namespace
}  // namespace milepost::target
