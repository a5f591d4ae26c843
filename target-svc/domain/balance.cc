#include "target-svc/domain/balance.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace milepost::target {
namespace {

using absl::int128;
using Kind = BalanceViolationKind;

constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();

// The fitted matrix is kept in 1 / scale rounding units. With all of it below 2^61, products stay
// below 2^127, and with a scale of at most 2^40 so do costs of paths through any network of this
// size.
constexpr int64_t kMaxScale = int64_t{1} << 40;
constexpr int64_t kMaxScaledTotal = int64_t{1} << 61;
constexpr size_t kMaxRounds = 1'000;
constexpr size_t kMaxCellRounds = 10'000'000;
constexpr size_t kMaxCollisionFlows = 2'000;

int64_t Narrow(int128 value) { return static_cast<int64_t>(value); }
int64_t Saturate(int128 value) { return value > kMaxValue ? kMaxValue : Narrow(value); }

template <typename T>
class Matrix {
 public:
  Matrix(size_t rows, size_t columns, T value)
      : columns_(columns), values_(rows * columns, std::move(value)) {}

  T& operator()(size_t row, size_t column) { return values_[row * columns_ + column]; }
  const T& operator()(size_t row, size_t column) const { return values_[row * columns_ + column]; }

 private:
  size_t columns_;
  std::vector<T> values_;
};

// A flow of least cost through a network of arcs whose costs are not negative, by successive
// shortest paths; among paths of equal cost the one with fewest arcs, so that without costs it is
// the algorithm of Edmonds and Karp.
class FlowNetwork {
 public:
  explicit FlowNetwork(size_t nodes) : arcs_of_(nodes), potential_(nodes, 0), nearest_(nodes) {}

  // Returns the position of the arc.
  size_t AddArc(size_t from, size_t to, int64_t capacity, int64_t cost = 0) {
    arcs_of_[from].push_back(arcs_.size());
    arcs_.push_back({to, capacity, cost});
    arcs_of_[to].push_back(arcs_.size());
    arcs_.push_back({from, 0, -cost});
    return arcs_.size() - 2;
  }

  // Already flows over the arc, and may be taken back.
  void SetFlow(size_t arc, int64_t flow) { arcs_[arc ^ 1].capacity = flow; }

  int64_t Flow(size_t arc) const { return arcs_[arc ^ 1].capacity; }

  // Sends as much as it can. Afterwards Reached tells which nodes the source could still send to.
  int64_t Send(size_t source, size_t sink) {
    int64_t sent = 0;
    while (FindPath(source, sink)) {
      int64_t amount = kMaxValue;
      for (size_t at = sink; at != source; at = arcs_[nearest_[at].arc ^ 1].to) {
        amount = std::min(amount, arcs_[nearest_[at].arc].capacity);
      }
      for (size_t at = sink; at != source; at = arcs_[nearest_[at].arc ^ 1].to) {
        arcs_[nearest_[at].arc].capacity -= amount;
        arcs_[nearest_[at].arc ^ 1].capacity += amount;
      }
      sent += amount;
    }
    return sent;
  }

  bool Reached(size_t node) const { return nearest_[node].cost != kMaxValue; }

 private:
  struct Arc {
    size_t to;
    int64_t capacity;  // What it can still take.
    int64_t cost;
  };

  struct Nearest {
    int64_t cost = kMaxValue;  // Reduced by the potentials.
    size_t arcs = 0;
    size_t arc = 0;  // The last of the path.
    bool final = false;
  };

  // Dijkstra, ended when the sink is reached.
  bool FindPath(size_t source, size_t sink) {
    using Entry = std::tuple<int64_t, size_t, size_t>;  // Cost, arcs, node.
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    std::fill(nearest_.begin(), nearest_.end(), Nearest{});
    nearest_[source].cost = 0;
    queue.emplace(0, 0, source);
    while (!queue.empty() && !nearest_[sink].final) {
      const size_t node = std::get<2>(queue.top());
      queue.pop();
      if (nearest_[node].final) continue;
      nearest_[node].final = true;
      for (size_t position : arcs_of_[node]) {
        const Arc& arc = arcs_[position];
        if (arc.capacity == 0 || nearest_[arc.to].final) continue;
        const int64_t cost = nearest_[node].cost + arc.cost + potential_[node] - potential_[arc.to];
        const size_t arcs = nearest_[node].arcs + 1;
        Nearest& nearest = nearest_[arc.to];
        if (std::tie(cost, arcs) < std::tie(nearest.cost, nearest.arcs)) {
          nearest = {cost, arcs, position, false};
          queue.emplace(cost, arcs, arc.to);
        }
      }
    }
    if (!Reached(sink)) return false;
    const int64_t farthest = nearest_[sink].cost;
    for (size_t node = 0; node < nearest_.size(); ++node) {
      potential_[node] += std::min(nearest_[node].cost, farthest);
    }
    return true;
  }

  std::vector<Arc> arcs_;  // Each with its reverse behind it.
  std::vector<std::vector<size_t>> arcs_of_;
  std::vector<int64_t> potential_;
  std::vector<Nearest> nearest_;
};

class Balancer {
 public:
  explicit Balancer(const BalanceRequest& request)
      : request_(request),
        rows_(request.row_totals.size()),
        columns_(request.column_totals.size()) {}

  BalanceResult Run() {
    if (CheckRequest() && CheckTotals()) {
      ChooseCells();
      Fit();
      if (MeetTotals()) Round();
    }
    if (!result_.ok()) result_.values.clear();
    return std::move(result_);
  }

 private:
  void Add(Kind kind, std::string field, std::string message, std::vector<size_t> rows = {},
           std::vector<size_t> columns = {}, int128 amount = 0) {
    result_.violations.push_back({kind, std::move(field), std::move(message), std::move(rows),
                                  std::move(columns), Saturate(amount)});
  }

  bool CheckRequest() {
    if (request_.rounding_unit < 1) {
      Add(Kind::kRoundingUnitOutOfRange, "rounding_unit",
          absl::StrCat("is ", request_.rounding_unit, ", must be at least 1"));
    }
    if (rows_ == 0 || columns_ == 0 || rows_ > kMaxBalanceCells / columns_) {
      Add(Kind::kSizeOutOfRange, "row_totals",
          absl::StrCat("there are ", rows_, " rows and ", columns_, " columns; there must be 1 to ",
                       kMaxBalanceCells, " cells"));
      return false;
    }
    CheckNotNegative("row_totals", request_.row_totals);
    CheckNotNegative("column_totals", request_.column_totals);
    if (request_.cells.size() != rows_) {
      Add(Kind::kRowSize, "cells",
          absl::StrCat("has ", request_.cells.size(), " rows, must have ", rows_,
                       ", one for each row total"));
      return false;
    }
    for (size_t i = 0; i < rows_; ++i) CheckRow(i);
    return result_.ok();
  }

  void CheckNotNegative(const char* field, const std::vector<int64_t>& totals) {
    for (size_t i = 0; i < totals.size(); ++i) {
      if (totals[i] >= 0) continue;
      Add(Kind::kNegativeTotal, absl::StrCat(field, "[", i, "]"),
          absl::StrCat("is ", totals[i], ", must not be negative"));
    }
  }

  void CheckRow(size_t i) {
    const std::vector<BalanceCell>& row = request_.cells[i];
    if (row.size() != columns_) {
      Add(Kind::kRowSize, absl::StrCat("cells[", i, "]"),
          absl::StrCat("has ", row.size(), " cells, must have ", columns_,
                       ", one for each column total"),
          {i});
      return;
    }
    for (size_t j = 0; j < columns_; ++j) {
      const std::string field = absl::StrCat("cells[", i, "][", j, "]");
      if (row[j].seed < 0) {
        Add(Kind::kNegativeSeed, field + ".seed",
            absl::StrCat("is ", row[j].seed, ", must not be negative"), {i}, {j});
      }
      if (row[j].lock && *row[j].lock < 0) {
        Add(Kind::kNegativeLock, field + ".lock",
            absl::StrCat("is ", *row[j].lock, ", must not be negative"), {i}, {j});
      }
    }
  }

  // Also sets what is left of the totals for the free cells, in rounding units.
  bool CheckTotals() {
    const int128 row_sum = Sum(request_.row_totals);
    const int128 column_sum = Sum(request_.column_totals);
    if (row_sum > kMaxValue || column_sum > kMaxValue) {
      Add(Kind::kTotalTooLarge, row_sum > kMaxValue ? "row_totals" : "column_totals",
          absl::StrCat("must add up to at most ", kMaxValue), {}, {},
          std::max(row_sum, column_sum) - kMaxValue);
    } else if (row_sum != column_sum) {
      const int128 difference = row_sum - column_sum;
      Add(Kind::kTotalsDiffer, "row_totals",
          absl::StrCat("rows add up to ", Narrow(row_sum), ", columns to ", Narrow(column_sum),
                       ", ", Narrow(difference < 0 ? -difference : difference),
                       difference < 0 ? " more" : " less"),
          {}, {}, difference < 0 ? -difference : difference);
    }
    std::vector<int128> row_locks(rows_, 0);
    std::vector<int128> column_locks(columns_, 0);
    for (size_t i = 0; i < rows_; ++i) {
      for (size_t j = 0; j < columns_; ++j) {
        row_locks[i] += request_.cells[i][j].lock.value_or(0);
        column_locks[j] += request_.cells[i][j].lock.value_or(0);
      }
    }
    for (size_t i = 0; i < rows_; ++i) {
      row_left_.push_back(Left("row_totals", i, request_.row_totals[i], row_locks[i], {i}, {}));
    }
    for (size_t j = 0; j < columns_; ++j) {
      column_left_.push_back(
          Left("column_totals", j, request_.column_totals[j], column_locks[j], {}, {j}));
    }
    return result_.ok();
  }

  static int128 Sum(const std::vector<int64_t>& totals) {
    int128 sum = 0;
    for (int64_t total : totals) sum += total;
    return sum;
  }

  int64_t Left(const char* name, size_t i, int64_t total, int128 locks, std::vector<size_t> rows,
               std::vector<size_t> columns) {
    const std::string field = absl::StrCat(name, "[", i, "]");
    const int64_t unit = request_.rounding_unit;
    if (locks > total) {
      Add(Kind::kLocksAboveTotal, field,
          absl::StrCat("locks exceed the total ", total, " by ", Saturate(locks - total)),
          std::move(rows), std::move(columns), locks - total);
      return 0;
    }
    const int64_t left = Narrow(total - locks);
    if (left % unit != 0) {
      Add(Kind::kNotWholeUnits, field,
          absl::StrCat("the total ", total, " less its locks is ", left,
                       ", which is not a multiple of the rounding unit ", unit),
          std::move(rows), std::move(columns), left % unit);
    }
    return left / unit;
  }

  // Decides which cells may hold something, and where the fit starts: every row fits already.
  void ChooseCells() {
    const int64_t total = std::accumulate(row_left_.begin(), row_left_.end(), int64_t{0});
    scale_ = std::clamp<int64_t>(total == 0 ? 1 : kMaxScaledTotal / total, 1, kMaxScale);
    result_.values.assign(rows_, std::vector<BalanceValue>(columns_));
    fitted_ = Matrix<int64_t>(rows_, columns_, 0);
    Matrix<char> free(rows_, columns_, 0);
    std::vector<int128> row_seeds(rows_, 0);
    std::vector<char> column_has_seed(columns_, 0);
    std::vector<int128> row_room(rows_, 0);  // Totals of the columns a row may use.
    for (size_t i = 0; i < rows_; ++i) {
      for (size_t j = 0; j < columns_; ++j) {
        const BalanceCell& cell = request_.cells[i][j];
        free(i, j) = !cell.lock && row_left_[i] > 0 && column_left_[j] > 0 ? 1 : 0;
        if (!free(i, j)) continue;
        row_seeds[i] += cell.seed;
        row_room[i] += column_left_[j];
        if (cell.seed > 0) column_has_seed[j] = 1;
      }
    }
    for (size_t i = 0; i < rows_; ++i) {
      for (size_t j = 0; j < columns_; ++j) {
        const BalanceCell& cell = request_.cells[i][j];
        BalanceValue& value = result_.values[i][j];
        if (cell.lock) {
          value = {*cell.lock, CellBasis::kLock, *cell.lock, 0};
        } else if (free(i, j)) {
          if (cell.seed > 0) {
            value.basis = CellBasis::kSeed;
            fitted_(i, j) = Part(row_left_[i], cell.seed, row_seeds[i]);
          } else if (row_seeds[i] == 0) {
            value.basis = CellBasis::kNew;
            fitted_(i, j) = Part(row_left_[i], column_left_[j], row_room[i]);
          } else if (!column_has_seed[j]) {
            value.basis = CellBasis::kNew;
            fitted_(i, j) = Part(row_left_[i], column_left_[j], total);
          }
        }
      }
    }
  }

  // units × numerator / denominator in fixed point, at least the smallest step.
  int64_t Part(int64_t units, int64_t numerator, int128 denominator) const {
    return std::max<int64_t>(1, Narrow(int128(units) * scale_ * numerator / denominator));
  }

  bool MayHold(size_t i, size_t j) const {
    const CellBasis basis = result_.values[i][j].basis;
    return basis == CellBasis::kSeed || basis == CellBasis::kNew;
  }

  // Scales columns and rows in turn. Ends with a row, which then fits up to rounding.
  void Fit() {
    const size_t rounds = std::clamp<size_t>(kMaxCellRounds / (rows_ * columns_), 1, kMaxRounds);
    const int64_t tolerance =
        std::max<int64_t>(scale_ / 1'000'000, static_cast<int64_t>(rows_ + columns_));
    for (size_t round = 0; round < rounds; ++round) {
      int128 worst = 0;
      for (size_t j = 0; j < columns_; ++j) {
        int128 sum = 0;
        for (size_t i = 0; i < rows_; ++i) sum += fitted_(i, j);
        const int128 wanted = int128(column_left_[j]) * scale_;
        if (sum == 0) continue;
        worst = std::max(worst, sum > wanted ? sum - wanted : wanted - sum);
        for (size_t i = 0; i < rows_; ++i) Rescale(fitted_(i, j), wanted, sum);
      }
      for (size_t i = 0; i < rows_; ++i) {
        int128 sum = 0;
        for (size_t j = 0; j < columns_; ++j) sum += fitted_(i, j);
        const int128 wanted = int128(row_left_[i]) * scale_;
        if (sum == 0) continue;
        for (size_t j = 0; j < columns_; ++j) Rescale(fitted_(i, j), wanted, sum);
      }
      if (worst <= tolerance) return;
    }
  }

  // A cell that holds something keeps at least the smallest step, so that it can grow again.
  static void Rescale(int64_t& cell, int128 wanted, int128 sum) {
    if (cell > 0) cell = std::max<int64_t>(1, Narrow(wanted * cell / sum));
  }

  // Moves what rows and columns have too much or too little along chains of cells. False, with
  // violations, if there is no room for it.
  bool MeetTotals() {
    const size_t source = rows_ + columns_;
    const size_t sink = source + 1;
    FlowNetwork network(sink + 1);
    std::vector<int64_t> missing_in_row;
    std::vector<int128> over_in_column(columns_);
    for (size_t j = 0; j < columns_; ++j) over_in_column[j] = -int128(column_left_[j]) * scale_;
    for (size_t i = 0; i < rows_; ++i) {
      missing_in_row.push_back(row_left_[i] * scale_);
      for (size_t j = 0; j < columns_; ++j) {
        missing_in_row[i] -= fitted_(i, j);
        over_in_column[j] += fitted_(i, j);
      }
    }
    int64_t to_send = 0;
    const auto add_node = [&](size_t node, int64_t excess) {
      if (excess > 0) {
        network.AddArc(source, node, excess);
        to_send += excess;
      } else if (excess < 0) {
        network.AddArc(node, sink, -excess);
      }
    };
    for (size_t i = 0; i < rows_; ++i) add_node(i, missing_in_row[i]);
    for (size_t j = 0; j < columns_; ++j) add_node(rows_ + j, Narrow(over_in_column[j]));
    Matrix<size_t> arc(rows_, columns_, 0);
    for (size_t i = 0; i < rows_; ++i) {
      for (size_t j = 0; j < columns_; ++j) {
        if (!MayHold(i, j)) continue;
        arc(i, j) = network.AddArc(i, rows_ + j, kMaxScaledTotal);
        network.SetFlow(arc(i, j), fitted_(i, j));
      }
    }
    if (network.Send(source, sink) < to_send) {
      AddCollisions(network);
      return false;
    }
    for (size_t i = 0; i < rows_; ++i) {
      for (size_t j = 0; j < columns_; ++j) {
        if (MayHold(i, j)) fitted_(i, j) = network.Flow(arc(i, j));
      }
    }
    return true;
  }

  // What still had something to send reaches rows and columns with no room left: these rows may use
  // only these columns. Groups that share no cell are separate collisions.
  void AddCollisions(const FlowNetwork& network) {
    std::vector<char> seen(rows_ + columns_, 0);
    for (size_t start = 0; start < rows_ + columns_; ++start) {
      if (seen[start] || !network.Reached(start)) continue;
      std::vector<size_t> group = {start};
      seen[start] = 1;
      for (size_t next = 0; next < group.size(); ++next) {
        const size_t node = group[next];
        const bool is_row = node < rows_;
        for (size_t k = 0; k < (is_row ? columns_ : rows_); ++k) {
          const size_t other = is_row ? rows_ + k : k;
          const bool joined = is_row ? MayHold(node, k) : MayHold(k, node - rows_);
          if (joined && !seen[other] && network.Reached(other)) {
            seen[other] = 1;
            group.push_back(other);
          }
        }
      }
      std::sort(group.begin(), group.end());
      AddCollision(group);
    }
  }

  // One side of the matrix as what must be placed, the other as where there is room.
  struct Sides {
    const std::vector<int64_t>& wanted;
    const std::vector<int64_t>& room;
    bool rows_want;
  };
  Sides RowsWant() const { return {row_left_, column_left_, true}; }
  Sides ColumnsWant() const { return {column_left_, row_left_, false}; }

  bool MayUse(const Sides& sides, size_t wanting, size_t giving) const {
    return sides.rows_want ? MayHold(wanting, giving) : MayHold(giving, wanting);
  }

  // As few of these lines, which do not fit, as still do not. One after the other is placed; the
  // first that does not fit is needed, together with some of those that its flow could push aside.
  std::vector<size_t> Reduced(const Sides& sides, std::vector<size_t> lines) const {
    std::sort(lines.begin(), lines.end(), [&](size_t a, size_t b) {
      return std::tie(sides.wanted[b], a) < std::tie(sides.wanted[a], b);
    });
    std::vector<size_t> needed;
    for (size_t flows = 0; flows < kMaxCollisionFlows;) {
      std::vector<size_t> order = needed;
      for (size_t line : lines) {
        if (std::find(needed.begin(), needed.end(), line) == needed.end()) order.push_back(line);
      }
      const size_t source = sides.wanted.size() + sides.room.size();
      FlowNetwork network(source + 2);
      for (size_t k = 0; k < sides.room.size(); ++k) {
        network.AddArc(sides.wanted.size() + k, source + 1, sides.room[k]);
      }
      size_t placed = 0;
      for (; placed < order.size(); ++placed, ++flows) {
        const size_t line = order[placed];
        network.AddArc(source, line, sides.wanted[line]);
        for (size_t k = 0; k < sides.room.size(); ++k) {
          if (MayUse(sides, line, k)) {
            network.AddArc(line, sides.wanted.size() + k, kMaxScaledTotal);
          }
        }
        if (network.Send(source, source + 1) < sides.wanted[line]) break;
      }
      if (placed == order.size()) break;  // They fit; it does not happen.
      if (placed < needed.size()) {
        lines = needed;
        break;
      }
      needed.push_back(order[placed]);
      std::erase_if(lines, [&](size_t line) { return !network.Reached(line); });
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  void AddCollision(const std::vector<size_t>& group) {
    std::vector<size_t> rows;
    for (size_t node : group) {
      if (node < rows_) rows.push_back(node);
    }
    BalanceViolation by_rows = Collision(RowsWant(), rows);
    if (by_rows.amount <= 0) return;
    // Totals are equal: where rows do not fit their columns, the other columns do not fit the other
    // rows, of which there may be fewer.
    std::vector<size_t> others;
    for (size_t j = 0; j < columns_; ++j) {
      if (!std::binary_search(group.begin(), group.end(), rows_ + j)) others.push_back(j);
    }
    BalanceViolation by_columns = Collision(ColumnsWant(), std::move(others));
    const auto size = [](const BalanceViolation& violation) {
      return violation.rows.size() + violation.columns.size();
    };
    const bool fewer = by_columns.amount > 0 && size(by_columns) < size(by_rows);
    BalanceViolation& found = fewer ? by_columns : by_rows;
    for (const BalanceViolation& other : result_.violations) {
      if (other.rows == found.rows && other.columns == found.columns) return;
    }
    result_.violations.push_back(std::move(found));
  }

  // Lines that do not fit where they may go, reduced. Amount 0 if they do fit.
  BalanceViolation Collision(const Sides& sides, std::vector<size_t> lines) const {
    if (Over(sides, lines, RoomOf(sides, lines)) <= 0) return {Kind::kRowsAboveColumns};
    lines = Reduced(sides, std::move(lines));
    std::vector<size_t> room = RoomOf(sides, lines);
    const int64_t amount = Saturate(Over(sides, lines, room) * request_.rounding_unit);
    const char* names[] = {"columns ", "rows "};
    std::string message = absl::StrCat(
        names[sides.rows_want], absl::StrJoin(lines, ", "), " may only use ",
        names[!sides.rows_want], room.empty() ? "none" : absl::StrJoin(room, ", "),
        " (other cells are locked, have no seed or lie where nothing is left) and exceed what is ",
        "left there by ", amount);
    if (!sides.rows_want) std::swap(lines, room);
    return {sides.rows_want ? Kind::kRowsAboveColumns : Kind::kColumnsAboveRows,
            sides.rows_want ? "row_totals" : "column_totals",
            std::move(message),
            std::move(lines),
            std::move(room),
            amount};
  }

  std::vector<size_t> RoomOf(const Sides& sides, const std::vector<size_t>& lines) const {
    std::vector<size_t> room;
    for (size_t k = 0; k < sides.room.size(); ++k) {
      if (std::any_of(lines.begin(), lines.end(),
                      [&](size_t line) { return MayUse(sides, line, k); })) {
        room.push_back(k);
      }
    }
    return room;
  }

  static int128 Over(const Sides& sides, const std::vector<size_t>& lines,
                     const std::vector<size_t>& room) {
    int128 over = 0;
    for (size_t line : lines) over += sides.wanted[line];
    for (size_t k : room) over -= sides.room[k];
    return over;
  }

  // The fitted totals are whole, so a whole flow exists over the cells that are not.
  void Round() {
    const size_t source = rows_ + columns_;
    const size_t sink = source + 1;
    FlowNetwork network(sink + 1);
    std::vector<int64_t> row_missing = row_left_;
    std::vector<int64_t> column_missing = column_left_;
    Matrix<size_t> arc(rows_, columns_, 0);
    const auto fraction = [&](size_t i, size_t j) { return fitted_(i, j) % scale_; };
    for (size_t i = 0; i < rows_; ++i) {
      for (size_t j = 0; j < columns_; ++j) {
        if (!MayHold(i, j)) continue;
        row_missing[i] -= fitted_(i, j) / scale_;
        column_missing[j] -= fitted_(i, j) / scale_;
        if (fraction(i, j) > 0) {
          arc(i, j) = network.AddArc(i, rows_ + j, 1, scale_ - fraction(i, j));
        }
      }
    }
    for (size_t i = 0; i < rows_; ++i) network.AddArc(source, i, row_missing[i]);
    for (size_t j = 0; j < columns_; ++j) network.AddArc(rows_ + j, sink, column_missing[j]);
    network.Send(source, sink);

    const int64_t unit = request_.rounding_unit;
    for (size_t i = 0; i < rows_; ++i) {
      for (size_t j = 0; j < columns_; ++j) {
        if (!MayHold(i, j)) continue;
        BalanceValue& value = result_.values[i][j];
        const int64_t up = fraction(i, j) > 0 ? network.Flow(arc(i, j)) : 0;
        value.value = (fitted_(i, j) / scale_ + up) * unit;
        const int128 exact = int128(fitted_(i, j)) * unit;
        value.fitted_whole = Narrow(exact / scale_);
        value.fitted_ppm = Narrow(exact % scale_ * 1'000'000 / scale_);
      }
    }
  }

  const BalanceRequest& request_;
  size_t rows_;
  size_t columns_;
  BalanceResult result_;

  std::vector<int64_t> row_left_;  // In rounding units.
  std::vector<int64_t> column_left_;
  int64_t scale_ = 1;
  Matrix<int64_t> fitted_{0, 0, 0};  // In 1 / scale_ rounding units.
};

}  // namespace

BalanceResult Balance(const BalanceRequest& request) { return Balancer(request).Run(); }

}  // namespace milepost::target
