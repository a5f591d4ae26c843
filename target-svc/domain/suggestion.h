#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "target-svc/domain/worksheet.h"

// Suggestions for a target: low, base and high, by as many methods as there is evidence for, each
// with its arithmetic, and their weighted mean. Values are in the metric's smallest unit, ratios
// are ppm. Values of a method are rounded half up to that unit, the mean to the rounding unit. Pure
// functions, safe from any thread; all bad fields are reported at once as INVALID_FIELDS.
namespace milepost::target {

inline constexpr size_t kMaxSuggestionHistory = 20;
inline constexpr int64_t kMaxMethodWeight = 100;
inline constexpr int64_t kMaxExpectedGrowthPpm = 100'000'000;  // 10,000 %.
inline constexpr int64_t kMaxCoveragePpm = 100'000'000;        // A hundred times.
inline constexpr size_t kMaxNewMemberGroups = 100;
inline constexpr int64_t kMaxHeadCount = 1'000'000;
inline constexpr int64_t kMaxSuggestionMonths = 60;
inline constexpr int64_t kMaxCustomers = 10'000'000'000;

// Cautious, expected, ambitious.
struct Estimate {
  int64_t low = 0;
  int64_t base = 0;
  int64_t high = 0;

  friend bool operator==(const Estimate&, const Estimate&) = default;
};

enum class SuggestionMethod {
  kHistory = 1,
  kNaturalGrowth = 2,
  kMarket = 3,
  kPenetration = 4,
  kConsumption = 5,
  kPipeline = 6,
  kHeadCount = 7,
};

// Every estimate below rises from low to high unless said otherwise. `weight` is 0 to
// kMaxMethodWeight in the mean; 0: shown, and not counted.

// The last period grown once more as the periods of history did: by the lowest, the mean and the
// highest growth from one to the next. Comparable periods, the latest last; 2 to
// kMaxSuggestionHistory, each 1 to kMaxTargetUnits.
struct HistoryEvidence {
  int64_t weight = 1;
  std::vector<int64_t> values;
};

// last × (1 + growth), growth as expected; −1,000,000 to kMaxExpectedGrowthPpm.
struct GrowthEvidence {
  int64_t weight = 1;
  int64_t last = 0;
  Estimate growth_ppm;
};

// market × (1 + its growth) × share; share 0 to 1,000,000.
struct MarketEvidence {
  int64_t weight = 1;
  int64_t market = 0;
  int64_t market_growth_ppm = 0;
  Estimate share_ppm;
};

// ⌊customers who could buy × penetration⌋ × what one buys; penetration 0 to 1,000,000.
struct PenetrationEvidence {
  int64_t weight = 1;
  int64_t potential_customers = 0;
  Estimate penetration_ppm;
  int64_t per_customer = 0;
};

// customers × what one consumes in the period, from whomever × our share of it.
struct ConsumptionEvidence {
  int64_t weight = 1;
  int64_t customers = 0;
  int64_t per_customer = 0;
  Estimate share_ppm;
};

// won so far + (open pipeline + what is still to come into it) ÷ coverage. Coverage FALLS from low
// to high, since a cautious target asks for more of it; 1,000,000 to kMaxCoveragePpm.
struct PipelineEvidence {
  int64_t weight = 1;
  int64_t won = 0;
  int64_t open = 0;
  int64_t to_come = 0;
  Estimate coverage_ppm;
};

// New members who start at the same time.
struct NewMembers {
  int64_t count = 0;        // 1 to kMaxHeadCount.
  int64_t start_month = 0;  // Month of the period, 0 the first; below 0: so many months before it.
};

// member-months × what a ramped-up member brings in a month. A new member counts in the n-th month
// with the n-th share of the ramp, and fully after its end.
struct HeadCountEvidence {
  int64_t weight = 1;
  int64_t members = 0;  // Ramped up, there all the time; 0 to kMaxHeadCount.
  int64_t months = 0;   // 1 to kMaxSuggestionMonths.
  std::vector<NewMembers> new_members;
  std::vector<int64_t> ramp_ppm;  // 0 to 1,000,000 each, not falling.
  Estimate per_member_month;
};

// At least one kind of evidence. Values are 0 to kMaxTargetUnits, customers to kMaxCustomers.
struct SuggestionRequest {
  QuantityUnit unit = QuantityUnit::kMoney;  // Or kCount.
  int64_t rounding_unit = 1;                 // 1 to kMaxRoundingUnits.
  std::optional<HistoryEvidence> history;
  std::optional<GrowthEvidence> growth;
  std::optional<MarketEvidence> market;
  std::optional<PenetrationEvidence> penetration;
  std::optional<ConsumptionEvidence> consumption;
  std::optional<PipelineEvidence> pipeline;
  std::optional<HeadCountEvidence> head_count;
};

struct MethodSuggestion {
  SuggestionMethod method;
  int64_t weight = 0;
  Estimate value;  // low ≤ base ≤ high, 0 to kMaxTargetUnits.
  std::vector<Step> steps;
};

struct Suggestion {
  std::vector<MethodSuggestion> methods;  // In the order of the evidence above.
  // Their mean by weight; unset if none has a weight. Rounded to the rounding unit.
  std::optional<Estimate> value;
  std::vector<Step> steps;
};

absl::StatusOr<Suggestion> SuggestTarget(const SuggestionRequest& request);

}  // namespace milepost::target
