#include "reporting-svc/domain/cycle.h"

namespace milepost::reporting {
namespace {

// The value at a place of the sorted values, from 1.
int64_t ValueAt(const Histogram& histogram, int64_t place) {
  int64_t seen = 0;
  for (const auto& [days, count] : histogram) {
    seen += count;
    if (seen >= place) return days;
  }
  return 0;
}

}  // namespace

std::optional<CycleStats> StatsOf(const Histogram& histogram) {
  CycleStats stats;
  int64_t sum = 0;
  bool first = true;
  for (const auto& [days, count] : histogram) {
    if (count <= 0) continue;
    if (first) stats.min = days * 100;
    first = false;
    stats.max = days * 100;
    stats.count += count;
    sum += days * count;
  }
  if (stats.count == 0) return std::nullopt;
  stats.mean = (sum * 200 + stats.count) / (stats.count * 2);
  stats.median =
      (ValueAt(histogram, (stats.count + 1) / 2) + ValueAt(histogram, stats.count / 2 + 1)) * 50;
  stats.p90 = ValueAt(histogram, (stats.count * 9 + 9) / 10) * 100;
  return stats;
}

}  // namespace milepost::reporting
