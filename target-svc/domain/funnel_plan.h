#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "target-svc/domain/working_calendar.h"
#include "target-svc/domain/worksheet.h"

// Funnel back-calculation: from so many deliveries to what must enter the top, and back.
//
// A funnel has stages in order (leads, opportunities, preliminary agreements, orders, deliveries)
// and a rate from each stage to the next. Channels (direct, online, dealer, …) share the stages and
// have rates and stock of their own. What people do may be the first stage (visits, and how many of
// them bring a lead), so that its capacity bounds what can come out. Counts are whole; work is
// rounded up, yields are rounded down. Pure functions, safe from any thread; all bad fields are
// reported at once as INVALID_FIELDS.
//
// How needs are computed, from the last stage to the first
// - needed at the last stage = target; at an earlier one = ⌈to be made at the next ÷ rate to it⌉.
// - from stock = ⌊stock at the stage before × its rate⌋: what the pipeline of today brings without
//   anything new. At the last stage the stock are those already there, which count in full.
// - to be made = needed − from stock, not below 0.
// So 10 deliveries at 95, 40, 30 and 85 % need ⌈10/0.95⌉ = 11 orders, ⌈11/0.40⌉ = 28 agreements,
// ⌈28/0.30⌉ = 94 opportunities, ⌈94/0.85⌉ = 111 leads; 5 open orders yield ⌊4.75⌋ = 4 of them, and
// only 6 more are needed.
//
// What holds
// - Least: with one lead less than needed, ForecastFunnel falls short of the target; with all of
//   them it does not.
// - Monotone: with a higher rate, more stock or a lower target nothing needed grows.
// There is no lead time in it: when a stage must be worked is said by the weeks of the spread.
namespace milepost::target {

inline constexpr size_t kMinFunnelStages = 2;
inline constexpr size_t kMaxFunnelStages = 12;
inline constexpr size_t kMaxFunnelChannels = 100;
// Stock, entries, capacities, targets, and whatever is computed: a hundred thousand million.
inline constexpr int64_t kMaxFunnelCount = 100'000'000'000;
// A measured rate from fewer than these is noted as weak.
inline constexpr int64_t kFunnelSampleSize = 30;

enum class RateSource {
  kTyped,
  kMeasured,  // converted ÷ entered, rounded half up to ppm.
};

// 1 to 1,000,000 ppm: through a rate of 0 no target can be met.
struct FunnelRate {
  RateSource source = RateSource::kTyped;
  int64_t ppm = 0;        // Only typed.
  int64_t entered = 0;    // Only measured: 1 to kMaxFunnelCount.
  int64_t converted = 0;  // Only measured: 1 to `entered`.

  friend bool operator==(const FunnelRate&, const FunnelRate&) = default;
};

struct FunnelChannel {
  std::string id;  // Not empty, once in a request.

  // What the channel must bring: at the last stage, or in money, which is divided by
  // `average_amount` and rounded up. Neither: the channel takes its share, by `weight`, of the
  // request's `shared_target`. Both are not negative and at most one is given.
  std::optional<int64_t> target;
  std::optional<int64_t> target_amount;  // Minor units, at most kMaxMinorUnits.
  int64_t weight = 0;                    // 0 to kMaxWeight; at least one is above 0.

  // Minor units per one of the last stage, 1 to kMaxMinorUnits.
  std::optional<int64_t> average_amount;

  std::vector<FunnelRate> rates;  // One from each stage to the next.
  // One for each stage, or empty: none. Open at the stage and not yet further; at the last stage
  // those that are already there.
  std::vector<int64_t> stock;

  // For ForecastFunnel. What newly enters at the first stage, and the most that can be worked at
  // each stage in the period (one for each stage, or empty: no limit).
  int64_t entries = 0;
  std::vector<std::optional<int64_t>> capacities;

  friend bool operator==(const FunnelChannel&, const FunnelChannel&) = default;
};

struct FunnelRequest {
  std::vector<std::string> stages;  // Names, first stage first; none is empty.
  std::vector<FunnelChannel> channels;
  std::optional<int64_t> shared_target;  // Shared exactly among the channels without a target.

  friend bool operator==(const FunnelRequest&, const FunnelRequest&) = default;
};

struct FunnelNeed {
  int64_t needed = 0;
  int64_t from_stock = 0;
  int64_t required = 0;  // To be made: needed − from stock, not below 0.

  friend bool operator==(const FunnelNeed&, const FunnelNeed&) = default;
};

struct FunnelChannelPlan {
  std::string id;
  int64_t target = 0;
  std::vector<int64_t> rates_ppm;  // As used, one from each stage to the next.
  std::vector<FunnelNeed> needs;   // One for each stage, first stage first.
  std::vector<Step> steps;         // How they came about, last stage first.
  std::vector<std::string> notes;  // Measured rates that rest on few cases.
};

struct FunnelPlan {
  std::vector<std::string> stages;
  std::vector<FunnelChannelPlan> channels;  // As in the request.
  std::vector<FunnelNeed> totals;           // Sums over the channels, one for each stage.
};

// Every channel has a target, its own or a share.
absl::StatusOr<FunnelPlan> PlanFunnel(const FunnelRequest& request);

// The reverse question: what the pipeline of today, new entries and the capacity to work them
// yield. At each stage arriving = ⌊stock before × rate⌋ + ⌊worked before × rate⌋ (the entries at
// the first stage), worked = the least of arriving and the capacity.
struct FunnelFlow {
  int64_t arriving = 0;
  int64_t worked = 0;
  bool limited = false;  // The capacity is below what arrives: a bottleneck.

  friend bool operator==(const FunnelFlow&, const FunnelFlow&) = default;
};

struct FunnelChannelForecast {
  std::string id;
  std::vector<FunnelFlow> flows;  // One for each stage.
  int64_t result = 0;             // At the last stage, with those already there.
  // The same without rounding to whole things, in millionths, cut at each stage: what to expect
  // of small numbers, which whole yields understate.
  int64_t expected_millionths = 0;
  std::optional<int64_t> amount;  // result × average amount; unset without one.
  std::vector<Step> steps;
};

struct FunnelForecast {
  std::vector<FunnelChannelForecast> channels;
  int64_t result = 0;
  // Sum of the amounts; unset unless every channel has one.
  std::optional<int64_t> amount;
};

// Targets are not looked at.
absl::StatusOr<FunnelForecast> ForecastFunnel(const FunnelRequest& request);

// One thing changed on trial. Exactly one of the values is given.
struct FunnelChange {
  std::string channel;  // Id; empty: all channels.
  size_t stage = 0;     // Of a rate: the stage it leads away from.
  std::optional<int64_t> rate_ppm;
  std::optional<int64_t> rate_points_ppm;  // Added to the rate, below 0 too: 50,000 is 5 points.
  std::optional<int64_t> stock;
  std::optional<int64_t> target;  // Of the channel; of all channels together if it is empty, and
                                  // then by their weights.
};

// The request with the changes made in their order. A changed rate is typed.
// The changed request serves ForecastFunnel as well as PlanFunnel.
absl::StatusOr<FunnelRequest> ApplyFunnelChanges(const FunnelRequest& request,
                                                 const std::vector<FunnelChange>& changes);

// Both plans, and after − before for each channel and stage.
struct FunnelComparison {
  FunnelPlan before;
  FunnelPlan after;
  std::vector<std::vector<FunnelNeed>> differences;  // By channel, by stage.
  std::vector<FunnelNeed> total_differences;         // By stage.
};

absl::StatusOr<FunnelComparison> CompareFunnel(const FunnelRequest& request,
                                               const std::vector<FunnelChange>& changes);

// Who or when a count is spread over.
struct FunnelShare {
  std::string id;  // Member or week; not empty, once in a spread.
  int64_t weight = 0;
};

// The weeks of a range, cut at its ends, weighing what their working days weigh; ids are
// `2026-W10`. The range lies within the years that a calendar covers.
std::vector<FunnelShare> WeeksOf(const WorkingCalendar& calendar, DayRange days);

// members × weeks is at most kMaxBalanceCells.
struct FunnelSpread {
  std::vector<int64_t> member_totals;        // Add up to the count.
  std::vector<int64_t> week_totals;          // Add up to the count.
  std::vector<std::vector<int64_t>> counts;  // By member, by week: add up to both.
};

// Spreads a count over members and weeks, by weight, in whole numbers, exactly in both directions
// (Split for the totals, Balance for the cells). Weights that are all 0 share evenly.
absl::StatusOr<FunnelSpread> SpreadFunnel(int64_t count, const std::vector<FunnelShare>& members,
                                          const std::vector<FunnelShare>& weeks);

// How one stage stands after some weeks of a plan.
struct FunnelTrack {
  int64_t required = 0;                   // By the end of the last week gone.
  int64_t actual = 0;                     // By then.
  int64_t gap = 0;                        // required − actual; below 0: ahead.
  std::optional<int64_t> attainment_ppm;  // Unset if nothing was required, or it is too large.
  int64_t remaining = 0;                  // Of the whole plan, not below 0.
  std::optional<int64_t> per_week;  // ⌈remaining ÷ weeks left⌉; unset after the last week.

  friend bool operator==(const FunnelTrack&, const FunnelTrack&) = default;
};

// `required` holds every week of the plan, `actual` those gone (at most as many). Counts are 0 to
// kMaxFunnelCount, weeks 1 to kMaxBalanceCells.
absl::StatusOr<FunnelTrack> TrackFunnel(const std::vector<int64_t>& required,
                                        const std::vector<int64_t>& actual);

}  // namespace milepost::target
