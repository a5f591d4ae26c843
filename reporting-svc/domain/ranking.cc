#include "reporting-svc/domain/ranking.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace milepost::reporting {

std::vector<Ranked> Rank(std::vector<Standing> standings) {
  // Rank in the period before: one more than the number of those who were better.
  std::vector<int64_t> before;
  for (const Standing& standing : standings) {
    if (standing.previously_active) before.push_back(standing.previous_value);
  }
  std::sort(before.begin(), before.end(), std::greater<>());
  std::map<int64_t, int> rank_before;
  for (size_t i = 0; i < before.size(); ++i)
    rank_before.emplace(before[i], static_cast<int>(i) + 1);

  std::sort(standings.begin(), standings.end(), [](const Standing& a, const Standing& b) {
    if (a.active != b.active) return a.active;
    if (a.value != b.value) return a.value > b.value;
    return std::tie(a.display_name, a.id) < std::tie(b.display_name, b.id);
  });
  std::vector<Ranked> ranked;
  ranked.reserve(standings.size());
  for (size_t i = 0; i < standings.size(); ++i) {
    Ranked row;
    row.standing = std::move(standings[i]);
    const Standing& standing = row.standing;
    const bool ties = !ranked.empty() && ranked.back().standing.active == standing.active &&
                      ranked.back().standing.value == standing.value;
    row.rank = ties ? ranked.back().rank : static_cast<int>(i) + 1;
    if (standing.previously_active) {
      row.previous_rank = rank_before.at(standing.previous_value);
      if (standing.active) row.rank_change = *row.previous_rank - row.rank;
    }
    ranked.push_back(std::move(row));
  }
  return ranked;
}

}  // namespace milepost::reporting
