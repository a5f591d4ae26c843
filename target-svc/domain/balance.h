#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Fills a matrix so that its rows and its columns add up to given totals exactly, with the shape of
// a seed: regions × months from last year's sales. Values are whole numbers of the metric's
// smallest unit, as in split.h. Integer arithmetic only. Pure functions, safe from any thread.
//
// How a matrix is filled
// 1. Locked cells get their lock; the rest of each total is shared among the free cells. A free
// cell whose
//    seed is 0 stays empty, with one exception: a row (or column) in which no free cell has a seed
//    is new, and takes the shape of the column (row) totals.
// 2. Iterative proportional fitting (also biproportional scaling, RAS, raking; Deming and Stephan
//    1940) scales rows and columns in turn until both fit: the matrix nearest to the seed in
//    relative entropy, which keeps the ratios of the seed, (a ÷ b) ÷ (c ÷ d) for any two rows and
//    columns. It is computed in fixed point and ends when every total is met to a millionth of a
//    rounding unit (or to what 61 bits can tell) or a fixed number of rounds is over; what is then
//    missing is moved along the shortest chains of cells, so that the totals are met exactly in any
//    case.
// 3. Controlled rounding (Cox 1987; Causey, Cox and Ernst 1985): every cell goes to the whole
// rounding
//    unit below or above, such that all totals still hold, and of all such roundings one with the
//    smallest sum of distances to the fitted values (a minimum-cost flow). Such a rounding always
//    exists.
//
// The same request always gives the same matrix. Where several roundings are equally near, the
// order of rows and columns decides.
namespace milepost::target {

// 800 members × 12 months; 27 regions × 366 days.
inline constexpr size_t kMaxBalanceCells = 10'000;

struct BalanceCell {
  int64_t seed = 0;  // Not negative. Only ratios matter.
  std::optional<int64_t> lock;
};

struct BalanceRequest {
  // Not negative; both add up to the same. Each, less the locks of its row or column, is a multiple
  // of the rounding unit.
  std::vector<int64_t> row_totals;
  std::vector<int64_t> column_totals;
  int64_t rounding_unit = 1;

  // One vector for each row, with one cell for each column.
  std::vector<std::vector<BalanceCell>> cells;
};

enum class CellBasis {
  kLock,
  kSeed,
  kEmpty,  // No seed, or nothing left in its row or column: 0.
  kNew,    // Its row or column has no seed and takes the shape of the totals.
};

// The value of one cell and why it is that: the fitted value is fitted_whole + fitted_ppm /
// 1,000,000 (cut), and `value` the multiple of the rounding unit below or above it.
struct BalanceValue {
  int64_t value = 0;
  CellBasis basis = CellBasis::kEmpty;
  int64_t fitted_whole = 0;
  int64_t fitted_ppm = 0;
};

enum class BalanceViolationKind {
  // Of the request; then totals are not compared.
  kRoundingUnitOutOfRange,
  kSizeOutOfRange,  // No row, no column, or more than kMaxBalanceCells.
  kRowSize,         // A row has not one cell for each column.
  kNegativeTotal,
  kNegativeSeed,
  kNegativeLock,
  // Of the totals.
  kTotalTooLarge,     // The row totals or the column totals exceed the largest int64.
  kTotalsDiffer,      // Rows and columns add up to different totals.
  kLocksAboveTotal,   // The locks of a row or column exceed its total.
  kNotWholeUnits,     // A total less its locks is not a multiple of the rounding unit.
  kRowsAboveColumns,  // What rows must place does not fit the columns where they may place it.
  kColumnsAboveRows,  // The same with columns and rows exchanged, where that names fewer of them.
};

struct BalanceViolation {
  BalanceViolationKind kind;
  std::string field;  // `row_totals[2]`, `cells[3][4].lock`, …
  std::string message;

  // Which rows and columns collide, ascending. For kRowsAboveColumns: the free cells with a seed of
  // these rows all lie in these columns, and any one of the rows less would fit (found with maximum
  // flows, by Hall's condition; of sets too large for a fixed number of flows it may not be so).
  std::vector<size_t> rows;
  std::vector<size_t> columns;

  // By how much totals, locks or rows and columns collide, above 0; for kNotWholeUnits what is over
  // a multiple. 0 for violations of the request. Saturates at the largest int64.
  int64_t amount = 0;
};

// Either every value, shaped as the cells are, or every violation. (Rows that do not fit are
// looked for only if nothing else is wrong.)
struct BalanceResult {
  std::vector<std::vector<BalanceValue>> values;
  std::vector<BalanceViolation> violations;

  bool ok() const { return violations.empty(); }
};

BalanceResult Balance(const BalanceRequest& request);

}  // namespace milepost::target
