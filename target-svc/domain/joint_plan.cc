#include "target-svc/domain/joint_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"

namespace milepost::target {
namespace {

using absl::int128;

// What the locked cells of one row or column say about it.
struct CellLocks {
  int128 sum = 0;
  bool all = true;
};

void Tighten(SplitPart& part, const CellLocks& locks) {
  constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();
  const int64_t sum = static_cast<int64_t>(std::min<int128>(locks.sum, kMaxValue));
  if (part.lock) return;  // Balance compares it with its cells.
  if (locks.all) {
    part.lock = sum;
  } else if (sum > 0) {
    part.min = std::max(part.min.value_or(0), sum);
  }
}

std::vector<int64_t> ValuesOf(const SplitResult& split) {
  std::vector<int64_t> values;
  for (const SplitValue& value : split.values) values.push_back(value.value);
  return values;
}

SplitResult SplitTightened(const JointRequest& request, std::vector<SplitPart> parts,
                           const std::vector<CellLocks>& locks) {
  for (size_t i = 0; i < parts.size(); ++i) Tighten(parts[i], locks[i]);
  return Split({.parent_value = request.total,
                .rounding_unit = request.rounding_unit,
                .parts = std::move(parts)});
}

}  // namespace

JointResult PlanJointly(const JointRequest& request) {
  JointResult result;
  result.rounding_unit = request.rounding_unit;
  // Shape first: Balance says what is wrong with it.
  bool shaped = request.cells.size() == request.rows.size() && !request.rows.empty();
  for (const std::vector<BalanceCell>& row : request.cells) {
    shaped = shaped && row.size() == request.columns.size();
    for (const BalanceCell& cell : row) shaped = shaped && cell.lock.value_or(0) >= 0;
  }
  if (!shaped || request.columns.empty()) {
    result.matrix = Balance({.row_totals = std::vector<int64_t>(request.rows.size(), 0),
                             .column_totals = std::vector<int64_t>(request.columns.size(), 0),
                             .rounding_unit = request.rounding_unit,
                             .cells = request.cells});
    return result;
  }
  std::vector<CellLocks> row_locks(request.rows.size());
  std::vector<CellLocks> column_locks(request.columns.size());
  for (size_t i = 0; i < request.rows.size(); ++i) {
    for (size_t j = 0; j < request.columns.size(); ++j) {
      const std::optional<int64_t>& lock = request.cells[i][j].lock;
      for (CellLocks* locks : {&row_locks[i], &column_locks[j]}) {
        locks->sum += lock.value_or(0);
        locks->all = locks->all && lock.has_value();
      }
    }
  }
  result.rows = SplitTightened(request, request.rows, row_locks);
  result.columns = SplitTightened(request, request.columns, column_locks);
  if (!result.rows.ok() || !result.columns.ok()) return result;

  BalanceRequest balance{.row_totals = ValuesOf(result.rows),
                         .column_totals = ValuesOf(result.columns),
                         .rounding_unit = request.rounding_unit,
                         .cells = request.cells};
  const auto whole = [&](const std::vector<int64_t>& totals, const std::vector<CellLocks>& locks) {
    for (size_t i = 0; i < totals.size(); ++i) {
      if ((totals[i] - locks[i].sum) % request.rounding_unit != 0) return false;
    }
    return true;
  };
  if (!whole(balance.row_totals, row_locks) || !whole(balance.column_totals, column_locks)) {
    balance.rounding_unit = 1;
  }
  result.rounding_unit = balance.rounding_unit;
  result.matrix = Balance(balance);
  return result;
}

}  // namespace milepost::target
