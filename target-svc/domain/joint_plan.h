#pragma once

#include <cstdint>
#include <vector>

#include "target-svc/domain/balance.h"
#include "target-svc/domain/split.h"

// A joint plan over two breakdowns of one root: rows (say regions) and columns (say months) that
// each add up to the root, and the matrix of both that adds up to every row and every column. Whole
// numbers of the metric's smallest unit. Pure functions, safe from any thread; time as of Split and
// Balance.
//
// 1. Rows and columns are split by their weights, locks and bounds (split.h). Locked cells count as
//    minima of their row and column; a row or column in which every cell is locked is locked to
//    their sum.
// 2. The matrix is filled from the seed (balance.h) so that both add up exactly, in whole rounding
//    units; if a total less its locks is not whole, in single units.
// Breakdowns of one root that need no matrix restrict each other only through the root: they are
// families of it in tree_solve.h.
namespace milepost::target {

struct JointRequest {
  int64_t total = 0;  // Not negative.
  int64_t rounding_unit = 1;
  std::vector<SplitPart> rows;
  std::vector<SplitPart> columns;
  // One vector for each row, with one cell for each column.
  std::vector<std::vector<BalanceCell>> cells;
};

// Everything, or what is wrong: with rows and columns each on their own, else with the matrix.
struct JointResult {
  SplitResult rows;
  SplitResult columns;
  BalanceResult matrix;
  int64_t rounding_unit = 1;  // Of the matrix.

  bool ok() const { return rows.ok() && columns.ok() && matrix.ok(); }
};

// Violations of `rows` and `columns` name locked cells as the minimum or lock of their row or
// column.
JointResult PlanJointly(const JointRequest& request);

}  // namespace milepost::target
