#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "target-svc/domain/working_calendar.h"
#include "target-svc/domain/worksheet.h"

// Commission of one member for one period, as a statement that shows every step. Amounts are minor
// units of one currency, which the caller sees to; ratios are ppm. Pure functions, safe from any
// thread; all bad fields are reported at once as INVALID_FIELDS.
//
// How a statement is computed
// 1. Credits. Facts of the plan's base (orders, deliveries or collections) count with amount ×
//    credit. Returns take from them, amount × credit of what they return (see Reversal).
// 2. Base = sum of what is left.
// 3. Tiers. Marginal: each tier's rate on the part of the base within the tier. Retroactive: the
//    rate of the tier that the base reaches, on all of the base. A base below 0 takes the first
//    tier's rate.
// 4. Accelerators. On the part of the base from one accelerator's threshold up to the next's:
//    part × rate of its tier × (factor − 1), on top of the tiers.
// 5. The cap of the commission. Then bonuses: every level that is reached is paid, so that levels
//    are increments. Then the cap of the total. That is what was earned.
// 6. Clawbacks of earlier periods, and the balance carried over. A total below 0 is not paid but
//    carried to the next statement.
//
// Rounding: every credit and every line is rounded to a whole minor unit on its own, half away from
// zero, and the lines add up to the total exactly. A return counts the difference that it makes to
// the rounded credit of its fact, so that a fact returned in full leaves nothing. Thresholds that
// are given as attainment become amounts, target × attainment, rounded up: they are reached exactly
// when the attainment is.
//
// A statement depends on nothing but its input: plan versions, facts and returns are given. The
// order of facts, returns and earlier periods makes no difference, and returns after the period
// make none, so that a statement recomputed later has the same bytes. A simulation is the same
// function on another input.
namespace milepost::target {

inline constexpr size_t kMaxCommissionTiers = 20;
inline constexpr size_t kMaxCommissionBonuses = 20;    // Of each kind; accelerators too.
inline constexpr size_t kMaxCommissionFacts = 20'000;  // Of all periods of an input.
inline constexpr size_t kMaxCommissionReturns = 20'000;
inline constexpr size_t kMaxCommissionEarlierPeriods = 36;
inline constexpr int64_t kMaxAttainmentPpm = 100'000'000;  // 10,000 %.
inline constexpr int64_t kMaxAcceleratorPpm = 10'000'000;  // Ten times the rate.
inline constexpr int kMaxReversalDays = 3'660;
inline constexpr int64_t kMinOpeningBalance = -1'000'000'000'000'000'000;

enum class CommissionBase { kOrders = 1, kDeliveries = 2, kCollections = 3 };
enum class TierMode { kMarginal = 1, kRetroactive = 2 };

// What tiers are measured by.
enum class TierMeasure {
  kAmount = 1,      // Minor units of the base.
  kAttainment = 2,  // Base ÷ target in ppm.
};

// How returns take back commission.
enum class Reversal {
  kNone = 1,
  // They reduce the base of the period that they fall into.
  kPeriodOfReturn = 2,
  // They reduce the base of the period that sold it. If that is an earlier one, it is computed
  // again under its own plan, with and without them, and the difference is clawed back (never below
  // 0).
  kPeriodOfOrigin = 3,
};

// From `from`, included, to `until`, not included. The first tier begins at 0, the others where the
// one before ends, and the last has no end.
struct CommissionTier {
  int64_t from = 0;
  std::optional<int64_t> until;
  int64_t rate_ppm = 0;  // 0 to 1,000,000.

  friend bool operator==(const CommissionTier&, const CommissionTier&) = default;
};

// In ascending order of attainment, which is 1 to kMaxAttainmentPpm.
struct Accelerator {
  int64_t from_attainment_ppm = 0;
  int64_t factor_ppm = 0;  // Above 1,000,000, at most kMaxAcceleratorPpm.

  friend bool operator==(const Accelerator&, const Accelerator&) = default;
};

struct BreakthroughBonus {
  int64_t at_attainment_ppm = 0;
  int64_t amount = 0;  // Above 0.

  friend bool operator==(const BreakthroughBonus&, const BreakthroughBonus&) = default;
};

// For what the member's team reached: an amount, a share of the member's base, or both.
struct TeamBonus {
  int64_t at_team_attainment_ppm = 0;
  int64_t amount = 0;
  int64_t rate_ppm = 0;  // 0 to 1,000,000.

  friend bool operator==(const TeamBonus&, const TeamBonus&) = default;
};

struct CommissionPlan {
  CommissionBase base = CommissionBase::kOrders;
  TierMode mode = TierMode::kMarginal;
  TierMeasure measure = TierMeasure::kAmount;
  std::vector<CommissionTier> tiers;
  std::vector<Accelerator> accelerators;
  std::vector<BreakthroughBonus> breakthrough_bonuses;  // Ascending, as accelerators.
  std::vector<TeamBonus> team_bonuses;                  // Ascending, as accelerators.
  std::optional<int64_t> commission_cap;                // Of tiers and accelerators; not negative.
  std::optional<int64_t> total_cap;                     // With bonuses; not negative.
  Reversal reversal = Reversal::kPeriodOfOrigin;
  // Returns later than so many days after the fact take nothing back; unset: no limit.
  std::optional<int> reversal_days;

  friend bool operator==(const CommissionPlan&, const CommissionPlan&) = default;
};

// OK, or every violation of the plan: tiers that overlap or leave gaps, rates out of range, …
absl::Status CheckCommissionPlan(const CommissionPlan& plan);

// One order, delivery or collection.
struct CommissionFact {
  std::string id;  // Not empty, once in an input.
  CommissionBase kind = CommissionBase::kOrders;
  absl::CivilDay day;              // Within its period.
  int64_t amount = 0;              // Above 0, at most kMaxMinorUnits.
  int64_t credit_ppm = 1'000'000;  // The member's share of it, 1 to 1,000,000.
};

struct CommissionReturn {
  std::string id;       // Not empty, once in an input.
  std::string fact_id;  // A fact of the input.
  absl::CivilDay day;   // Not before the fact.
  int64_t amount = 0;   // Above 0; all returns of a fact at most its amount.
};

struct CommissionPeriod {
  std::string id;  // `2026-03`; not empty.
  DayRange days;
  int64_t target = 0;               // Above 0 where the plan asks for attainment.
  int64_t team_attainment_ppm = 0;  // 0 to kMaxAttainmentPpm.
  std::vector<CommissionFact> facts;
};

// A period that was paid, with the plan as it was then.
struct EarlierPeriod {
  CommissionPlan plan;
  CommissionPeriod period;
};

struct CommissionInput {
  CommissionPlan plan;
  CommissionPeriod period;
  // Before `period`, not overlapping; those that returns of this period may refer to.
  std::vector<EarlierPeriod> earlier;
  // All known returns of the facts above. Those before this period were taken off already.
  std::vector<CommissionReturn> returns;
  // Closing balance of the statement before: kMinOpeningBalance to 0.
  int64_t opening_balance = 0;
};

enum class StatementLineKind {
  kTier = 1,
  kAccelerator = 2,
  kCommissionCap = 3,
  kBreakthroughBonus = 4,
  kTeamBonus = 5,
  kTotalCap = 6,
  kClawback = 7,
  kOpeningBalance = 8,
};

struct StatementLine {
  StatementLineKind kind;
  std::string rule;      // `tiers[1]`, `accelerators[0]`, the id of an earlier period, …
  int64_t input = 0;     // What the rule was applied to.
  int64_t rate_ppm = 0;  // 0 where none applies. Of an accelerator the rate that it adds.
  int64_t amount = 0;    // Added to the total; below 0 for caps, clawbacks and the balance.

  friend bool operator==(const StatementLine&, const StatementLine&) = default;
};

// What a fact or a return counted.
struct StatementCredit {
  std::string id;  // Of the fact or the return.
  absl::CivilDay day;
  int64_t amount = 0;  // Below 0 for a return.
  int64_t credit_ppm = 0;
  int64_t credited = 0;

  friend bool operator==(const StatementCredit&, const StatementCredit&) = default;
};

struct CommissionStatement {
  std::string period_id;
  std::vector<StatementCredit> credits;  // Add up to `base`; by day, then by id.
  int64_t base = 0;
  std::optional<int64_t> attainment_ppm;  // Unset without a target.
  std::vector<StatementLine> lines;       // Add up to `total`.
  std::vector<Step> steps;                // The arithmetic behind the lines.
  int64_t earned = 0;                     // Before clawbacks and the opening balance.
  int64_t total = 0;
  int64_t payable = 0;          // The total, not below 0.
  int64_t closing_balance = 0;  // The total, not above 0: for the next statement.
};

absl::StatusOr<CommissionStatement> ComputeCommission(const CommissionInput& input);

// The statement as text, one line each for credits, steps and lines: the same bytes for the same
// input, to be hashed or compared.
std::string ToText(const CommissionStatement& statement);

}  // namespace milepost::target
