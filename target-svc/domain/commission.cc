#include "target-svc/domain/commission.h"

#include <algorithm>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "platform/status/error.h"
#include "platform/types/money.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using status::FieldViolations;

// --- Checks --------------------------------------------------------------------------------------

void CheckTiers(const CommissionPlan& plan, const std::string& field, FieldViolations& violations) {
  const std::vector<CommissionTier>& tiers = plan.tiers;
  CheckSize(tiers.size(), 1, kMaxCommissionTiers, "tiers", field, violations);
  const int64_t limit = plan.measure == TierMeasure::kAmount ? kMaxMinorUnits : kMaxAttainmentPpm;
  for (size_t i = 0; i < tiers.size(); ++i) {
    const CommissionTier& tier = tiers[i];
    const std::string at = At(field, i);
    CheckRange(tier.rate_ppm, 0, kPpm, absl::StrCat(at, ".rate_ppm"), violations);
    CheckRange(tier.from, 0, limit, absl::StrCat(at, ".from"), violations);
    if (tier.until) CheckRange(*tier.until, 0, limit, absl::StrCat(at, ".until"), violations);
    if (tier.until && *tier.until <= tier.from) {
      violations.Add(absl::StrCat(at, ".until"),
                     absl::StrCat("is ", *tier.until, ", must be above from ", tier.from));
    }
    if (i == 0 && tier.from > 0) {
      violations.Add(absl::StrCat(at, ".from"),
                     absl::StrCat("is ", tier.from, ", the first tier must begin at 0"));
    }
    if (i > 0) {
      const std::optional<int64_t> before = tiers[i - 1].until;
      if (!before) {
        violations.Add(absl::StrCat(At(field, i - 1), ".until"), "is needed: another tier follows");
      } else if (tier.from < *before) {
        violations.Add(absl::StrCat(at, ".from"),
                       absl::StrCat("is ", tier.from, ", overlaps the tier before, which ends at ",
                                    *before, ", by ", *before - tier.from));
      } else if (tier.from > *before) {
        violations.Add(absl::StrCat(at, ".from"),
                       absl::StrCat("is ", tier.from,
                                    ", leaves a gap to the tier before, which "
                                    "ends at ",
                                    *before, ", of ", tier.from - *before));
      }
    }
    if (i + 1 == tiers.size() && tier.until) {
      violations.Add(absl::StrCat(at, ".until"),
                     absl::StrCat("is ", *tier.until, ", the last tier has no end"));
    }
  }
}

// Levels of attainment in ascending order.
void CheckLevels(const std::vector<int64_t>& levels, const std::string& field,
                 const std::string& name, FieldViolations& violations) {
  if (levels.size() > kMaxCommissionBonuses) {
    violations.Add(
        field, absl::StrCat("has ", levels.size(), " levels, may have ", kMaxCommissionBonuses));
  }
  for (size_t i = 0; i < levels.size(); ++i) {
    const std::string at = absl::StrCat(At(field, i), ".", name);
    CheckRange(levels[i], 1, kMaxAttainmentPpm, at, violations);
    if (i > 0 && levels[i] <= levels[i - 1]) {
      violations.Add(
          at, absl::StrCat("is ", levels[i], ", must be above the level before, ", levels[i - 1]));
    }
  }
}

void CheckPlan(const CommissionPlan& plan, const std::string& prefix, FieldViolations& violations) {
  CheckTiers(plan, absl::StrCat(prefix, "tiers"), violations);
  std::vector<int64_t> levels;
  const std::string accelerators = absl::StrCat(prefix, "accelerators");
  for (size_t i = 0; i < plan.accelerators.size(); ++i) {
    levels.push_back(plan.accelerators[i].from_attainment_ppm);
    CheckRange(plan.accelerators[i].factor_ppm, kPpm + 1, kMaxAcceleratorPpm,
               absl::StrCat(At(accelerators, i), ".factor_ppm"), violations);
  }
  CheckLevels(levels, accelerators, "from_attainment_ppm", violations);

  levels.clear();
  const std::string breakthroughs = absl::StrCat(prefix, "breakthrough_bonuses");
  for (size_t i = 0; i < plan.breakthrough_bonuses.size(); ++i) {
    levels.push_back(plan.breakthrough_bonuses[i].at_attainment_ppm);
    CheckRange(plan.breakthrough_bonuses[i].amount, 1, kMaxMinorUnits,
               absl::StrCat(At(breakthroughs, i), ".amount"), violations);
  }
  CheckLevels(levels, breakthroughs, "at_attainment_ppm", violations);

  levels.clear();
  const std::string teams = absl::StrCat(prefix, "team_bonuses");
  for (size_t i = 0; i < plan.team_bonuses.size(); ++i) {
    const TeamBonus& bonus = plan.team_bonuses[i];
    levels.push_back(bonus.at_team_attainment_ppm);
    CheckRange(bonus.amount, 0, kMaxMinorUnits, absl::StrCat(At(teams, i), ".amount"), violations);
    CheckRange(bonus.rate_ppm, 0, kPpm, absl::StrCat(At(teams, i), ".rate_ppm"), violations);
    if (bonus.amount == 0 && bonus.rate_ppm == 0) {
      violations.Add(At(teams, i), "must have an amount or a rate above 0");
    }
  }
  CheckLevels(levels, teams, "at_team_attainment_ppm", violations);

  if (plan.commission_cap) {
    CheckRange(*plan.commission_cap, 0, kMaxMinorUnits, absl::StrCat(prefix, "commission_cap"),
               violations);
  }
  if (plan.total_cap) {
    CheckRange(*plan.total_cap, 0, kMaxMinorUnits, absl::StrCat(prefix, "total_cap"), violations);
  }
  if (plan.reversal_days) {
    CheckRange(*plan.reversal_days, 0, kMaxReversalDays, absl::StrCat(prefix, "reversal_days"),
               violations);
  }
}

bool AsksForAttainment(const CommissionPlan& plan) {
  return plan.measure == TierMeasure::kAttainment || !plan.accelerators.empty() ||
         !plan.breakthrough_bonuses.empty();
}

// A fact with what is known of its returns while they are checked.
struct KnownFact {
  const CommissionFact* fact;
  int64_t returned = 0;
};
using KnownFacts = absl::flat_hash_map<std::string, KnownFact>;

void CheckPeriod(const CommissionPeriod& period, const CommissionPlan& plan,
                 const std::string& prefix, KnownFacts& known, FieldViolations& violations) {
  if (period.id.empty()) violations.Add(absl::StrCat(prefix, ".id"), "must not be empty");
  if (period.days.last < period.days.first) {
    violations.Add(
        absl::StrCat(prefix, ".days"),
        absl::StrCat("ends on ", absl::FormatCivilTime(period.days.last), ", before it begins on ",
                     absl::FormatCivilTime(period.days.first)));
  }
  CheckRange(period.target, AsksForAttainment(plan) ? 1 : 0, kMaxMinorUnits,
             absl::StrCat(prefix, ".target"), violations);
  CheckRange(period.team_attainment_ppm, 0, kMaxAttainmentPpm,
             absl::StrCat(prefix, ".team_attainment_ppm"), violations);
  int64_t sum = 0;
  for (size_t i = 0; i < period.facts.size(); ++i) {
    const CommissionFact& fact = period.facts[i];
    const std::string field = At(absl::StrCat(prefix, ".facts"), i);
    if (fact.id.empty()) {
      violations.Add(absl::StrCat(field, ".id"), "must not be empty");
    } else if (!known.try_emplace(fact.id, KnownFact{&fact}).second) {
      violations.Add(absl::StrCat(field, ".id"), absl::StrCat(fact.id, " is there twice"));
    }
    if (fact.day < period.days.first || fact.day > period.days.last) {
      violations.Add(absl::StrCat(field, ".day"),
                     absl::StrCat(absl::FormatCivilTime(fact.day), " is not within ",
                                  absl::FormatCivilTime(period.days.first), " to ",
                                  absl::FormatCivilTime(period.days.last)));
    }
    CheckRange(fact.amount, 1, kMaxMinorUnits, absl::StrCat(field, ".amount"), violations);
    CheckRange(fact.credit_ppm, 1, kPpm, absl::StrCat(field, ".credit_ppm"), violations);
    // Stops growing above the limit, so that it cannot overflow.
    if (fact.amount > 0 && fact.amount <= kMaxMinorUnits && sum <= kMaxMinorUnits) {
      sum += fact.amount;
    }
  }
  if (sum > kMaxMinorUnits) {
    violations.Add(absl::StrCat(prefix, ".facts"),
                   absl::StrCat("amounts add up to more than ", kMaxMinorUnits));
  }
}

void CheckReturns(const CommissionInput& input, KnownFacts& known, FieldViolations& violations) {
  absl::flat_hash_set<std::string> ids;
  for (size_t i = 0; i < input.returns.size(); ++i) {
    const CommissionReturn& entry = input.returns[i];
    const std::string field = At("returns", i);
    CheckName(entry.id, absl::StrCat(field, ".id"), ids, violations);
    CheckRange(entry.amount, 1, kMaxMinorUnits, absl::StrCat(field, ".amount"), violations);
    const auto found = known.find(entry.fact_id);
    if (found == known.end()) {
      violations.Add(absl::StrCat(field, ".fact_id"),
                     absl::StrCat("there is no fact ", entry.fact_id));
      continue;
    }
    const CommissionFact& fact = *found->second.fact;
    if (entry.day < fact.day) {
      violations.Add(absl::StrCat(field, ".day"),
                     absl::StrCat(absl::FormatCivilTime(entry.day), " is before ", fact.id, " of ",
                                  absl::FormatCivilTime(fact.day)));
    }
    int64_t& returned = found->second.returned;
    if (entry.amount < 1 || entry.amount > kMaxMinorUnits || returned > fact.amount) continue;
    returned += entry.amount;
    if (returned > fact.amount) {
      violations.Add(absl::StrCat(field, ".amount"),
                     absl::StrCat("returns of ", fact.id, " add up to ", returned,
                                  ", more than its amount ", fact.amount));
    }
  }
}

void CheckInput(const CommissionInput& input, FieldViolations& violations) {
  CheckPlan(input.plan, "plan.", violations);
  if (input.earlier.size() > kMaxCommissionEarlierPeriods) {
    violations.Add("earlier", absl::StrCat("has ", input.earlier.size(), " periods, may have ",
                                           kMaxCommissionEarlierPeriods));
  }
  size_t facts = input.period.facts.size();
  for (const EarlierPeriod& earlier : input.earlier) facts += earlier.period.facts.size();
  if (facts > kMaxCommissionFacts) {
    violations.Add("period.facts", absl::StrCat("and those of earlier periods are ", facts,
                                                ", may be ", kMaxCommissionFacts));
  }
  if (input.returns.size() > kMaxCommissionReturns) {
    violations.Add("returns", absl::StrCat("has ", input.returns.size(), " returns, may have ",
                                           kMaxCommissionReturns));
  }
  KnownFacts known;
  CheckPeriod(input.period, input.plan, "period", known, violations);
  for (size_t i = 0; i < input.earlier.size(); ++i) {
    const EarlierPeriod& earlier = input.earlier[i];
    const std::string field = At("earlier", i);
    CheckPlan(earlier.plan, absl::StrCat(field, ".plan."), violations);
    CheckPeriod(earlier.period, earlier.plan, absl::StrCat(field, ".period"), known, violations);
    if (earlier.period.days.last >= input.period.days.first) {
      violations.Add(absl::StrCat(field, ".period.days"),
                     absl::StrCat("ends on ", absl::FormatCivilTime(earlier.period.days.last),
                                  ", must end before the period begins on ",
                                  absl::FormatCivilTime(input.period.days.first)));
    }
    for (size_t j = 0; j < i; ++j) {
      const CommissionPeriod& other = input.earlier[j].period;
      if (earlier.period.days.first <= other.days.last &&
          other.days.first <= earlier.period.days.last) {
        violations.Add(absl::StrCat(field, ".period.days"),
                       absl::StrCat("overlaps earlier[", j, "], ", other.id));
      }
    }
  }
  CheckReturns(input, known, violations);
  CheckRange(input.opening_balance, kMinOpeningBalance, 0, "opening_balance", violations);
}

// --- Arithmetic ----------------------------------------------------------------------------------

class Statement {
 public:
  explicit Statement(const CommissionInput& input) : input_(input) {
    for (const CommissionReturn& entry : input.returns) {
      returns_[entry.fact_id].push_back(&entry);
    }
    for (auto& [fact_id, entries] : returns_) {
      std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
        return a->day != b->day ? a->day < b->day : a->id < b->id;
      });
    }
  }

  CommissionStatement Compute() {
    const CommissionPeriod& period = input_.period;
    const absl::CivilDay end = period.days.last + 1;
    CommissionStatement statement;
    statement.period_id = period.id;
    statement.credits = Credits(input_.plan, period, end);
    if (input_.plan.reversal == Reversal::kPeriodOfReturn) AddForeignReturns(statement.credits);
    SortCredits(statement.credits);
    for (const StatementCredit& credit : statement.credits) statement.base += credit.credited;
    if (period.target > 0) statement.attainment_ppm = RatioPpm(statement.base, period.target);

    const Quantity earned = Earned(input_.plan, period, statement.base, "", statement.lines);
    statement.earned = earned.value;
    std::vector<Quantity> parts = {earned};
    if (input_.plan.reversal == Reversal::kPeriodOfOrigin) {
      std::vector<const EarlierPeriod*> earlier;
      for (const EarlierPeriod& one : input_.earlier) earlier.push_back(&one);
      std::sort(earlier.begin(), earlier.end(), [](const auto* a, const auto* b) {
        return a->period.days.first < b->period.days.first;
      });
      for (const EarlierPeriod* one : earlier) ClawBack(*one, end, statement.lines, parts);
    }
    if (input_.opening_balance < 0) {
      parts.push_back(Amount("opening balance", input_.opening_balance));
      statement.lines.push_back({StatementLineKind::kOpeningBalance, "opening_balance",
                                 input_.opening_balance, 0, input_.opening_balance});
    }
    const Quantity total = sheet_.Do("total", Operation::kSum, parts, QuantityUnit::kMoney);
    statement.total = total.value;
    statement.payable = std::max<int64_t>(total.value, 0);
    statement.closing_balance = std::min<int64_t>(total.value, 0);
    statement.steps = sheet_.steps();
    return statement;
  }

  const std::optional<std::string>& failed() const { return sheet_.failed(); }

 private:
  bool Reverses(const CommissionFact& fact, const CommissionReturn& entry) const {
    const CommissionPlan& plan = input_.plan;
    return plan.reversal != Reversal::kNone &&
           (!plan.reversal_days || entry.day - fact.day <= *plan.reversal_days);
  }

  // The returns of a fact from `first` to before `end`. Each counts the credit of what was left
  // before it less the credit of what is left after it, so that rounding leaves nothing of a fact
  // that is returned in full.
  void AddReturns(const CommissionFact& fact, absl::CivilDay first, absl::CivilDay end,
                  std::vector<StatementCredit>& credits) const {
    const auto found = returns_.find(fact.id);
    if (found == returns_.end()) return;
    int64_t left = fact.amount;
    for (const CommissionReturn* entry : found->second) {
      if (!Reverses(fact, *entry)) continue;
      const int64_t before = *ScaleByPpm(left, fact.credit_ppm);
      left -= entry->amount;
      if (entry->day < first || entry->day >= end) continue;
      credits.push_back({entry->id, entry->day, -entry->amount, fact.credit_ppm,
                         *ScaleByPpm(left, fact.credit_ppm) - before});
    }
  }

  // Facts of the plan's base, and their returns before `end`.
  std::vector<StatementCredit> Credits(const CommissionPlan& plan, const CommissionPeriod& period,
                                       absl::CivilDay end) const {
    std::vector<StatementCredit> credits;
    for (const CommissionFact& fact : period.facts) {
      if (fact.kind != plan.base) continue;
      credits.push_back({fact.id, fact.day, fact.amount, fact.credit_ppm,
                         *ScaleByPpm(fact.amount, fact.credit_ppm)});
      AddReturns(fact, fact.day, end, credits);
    }
    return credits;
  }

  // Returns within this period of what earlier periods sold.
  void AddForeignReturns(std::vector<StatementCredit>& credits) const {
    for (const EarlierPeriod& earlier : input_.earlier) {
      for (const CommissionFact& fact : earlier.period.facts) {
        if (fact.kind != input_.plan.base) continue;
        AddReturns(fact, input_.period.days.first, input_.period.days.last + 1, credits);
      }
    }
  }

  static void SortCredits(std::vector<StatementCredit>& credits) {
    std::sort(credits.begin(), credits.end(), [](const auto& a, const auto& b) {
      if (a.day != b.day) return a.day < b.day;
      if ((a.amount > 0) != (b.amount > 0)) return a.amount > 0;  // A sale before a return.
      return a.id < b.id;
    });
  }

  // Where an attainment begins, as an amount.
  int64_t Threshold(const CommissionPeriod& period, int64_t attainment_ppm,
                    const std::string& name) {
    return sheet_
        .Do(absl::StrCat(name, " begins at"), Operation::kProduct,
            {Amount("target", period.target), Ratio("attainment", attainment_ppm)},
            QuantityUnit::kMoney, Rounding::kUp)
        .value;
  }

  // A stretch of the base with the rate that it earns. `until` kNoEnd: all above.
  static constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();
  struct Stretch {
    int64_t from;
    int64_t until;
    int64_t rate_ppm;
    std::string rule;
  };

  Quantity Earned(const CommissionPlan& plan, const CommissionPeriod& period, int64_t base,
                  const std::string& prefix, std::vector<StatementLine>& lines) {
    std::vector<Quantity> parts;
    const auto add = [&](StatementLineKind kind, const std::string& rule, int64_t input,
                         int64_t rate_ppm, const Quantity& amount) {
      lines.push_back({kind, rule, input, rate_ppm, amount.value});
      parts.push_back(amount);
    };

    const std::vector<Stretch> stretches = Stretches(plan, period, base, prefix);
    for (const Stretch& stretch : stretches) {
      const int64_t part = base < 0 ? base : std::min(base, stretch.until) - stretch.from;
      add(StatementLineKind::kTier, stretch.rule, part, stretch.rate_ppm,
          sheet_.Do(absl::StrCat(prefix, "commission of ", stretch.rule), Operation::kProduct,
                    {Amount("base within it", part), Ratio("rate", stretch.rate_ppm)},
                    QuantityUnit::kMoney, Rounding::kHalfUp));
    }
    std::vector<int64_t> begins;
    for (size_t i = 0; i < plan.accelerators.size(); ++i) {
      begins.push_back(Threshold(period, plan.accelerators[i].from_attainment_ppm,
                                 absl::StrCat(prefix, At("accelerators", i))));
    }
    for (size_t i = 0; i < begins.size() && base > begins[i]; ++i) {
      const std::string rule = At("accelerators", i);
      const int64_t until = i + 1 < begins.size() ? begins[i + 1] : kNoEnd;
      const int64_t extra_ppm = plan.accelerators[i].factor_ppm - kPpm;
      for (const Stretch& stretch : stretches) {
        const int64_t low = std::max(begins[i], stretch.from);
        const int64_t high = std::min({base, until, stretch.until});
        if (low >= high) continue;
        add(StatementLineKind::kAccelerator, absl::StrCat(rule, " on ", stretch.rule), high - low,
            *ScaleByPpm(stretch.rate_ppm, extra_ppm),
            sheet_.Do(absl::StrCat(prefix, rule, " on ", stretch.rule), Operation::kProduct,
                      {Amount("base within both", high - low), Ratio("rate", stretch.rate_ppm),
                       Ratio("factor less 100 %", extra_ppm)},
                      QuantityUnit::kMoney, Rounding::kHalfUp));
      }
    }
    Quantity earned = Summed(absl::StrCat(prefix, "commission"), parts);
    if (plan.commission_cap) {
      earned = Cap(earned, *plan.commission_cap, StatementLineKind::kCommissionCap,
                   "commission_cap", lines);
    }

    parts = {earned};
    for (size_t i = 0; i < plan.breakthrough_bonuses.size(); ++i) {
      const BreakthroughBonus& bonus = plan.breakthrough_bonuses[i];
      const std::string rule = At("breakthrough_bonuses", i);
      if (base < Threshold(period, bonus.at_attainment_ppm, absl::StrCat(prefix, rule))) break;
      add(StatementLineKind::kBreakthroughBonus, rule, base, 0,
          Amount(absl::StrCat(prefix, rule), bonus.amount));
    }
    for (size_t i = 0; i < plan.team_bonuses.size(); ++i) {
      const TeamBonus& bonus = plan.team_bonuses[i];
      const std::string rule = At("team_bonuses", i);
      if (period.team_attainment_ppm < bonus.at_team_attainment_ppm) break;
      if (bonus.amount > 0) {
        add(StatementLineKind::kTeamBonus, rule, period.team_attainment_ppm, 0,
            Amount(absl::StrCat(prefix, rule), bonus.amount));
      }
      if (bonus.rate_ppm > 0 && base > 0) {
        add(StatementLineKind::kTeamBonus, rule, base, bonus.rate_ppm,
            sheet_.Do(absl::StrCat(prefix, rule, " on the base"), Operation::kProduct,
                      {Amount("base", base), Ratio("rate", bonus.rate_ppm)}, QuantityUnit::kMoney,
                      Rounding::kHalfUp));
      }
    }
    if (parts.size() > 1) earned = Summed(absl::StrCat(prefix, "commission and bonuses"), parts);
    if (plan.total_cap) {
      earned = Cap(earned, *plan.total_cap, StatementLineKind::kTotalCap, "total_cap", lines);
    }
    return earned;
  }

  // The tiers that the base reaches, as stretches of it.
  std::vector<Stretch> Stretches(const CommissionPlan& plan, const CommissionPeriod& period,
                                 int64_t base, const std::string& prefix) {
    if (base < 0) return {{0, kNoEnd, plan.tiers[0].rate_ppm, At("tiers", 0)}};
    std::vector<Stretch> reached;
    for (size_t i = 0; i < plan.tiers.size(); ++i) {
      const CommissionTier& tier = plan.tiers[i];
      const std::string rule = At("tiers", i);
      int64_t from = tier.from;
      if (plan.measure == TierMeasure::kAttainment && from > 0) {
        from = Threshold(period, from, absl::StrCat(prefix, rule));
      }
      if (i > 0 && base < from) break;
      if (i > 0) reached.back().until = from;
      reached.push_back({from, kNoEnd, tier.rate_ppm, rule});
    }
    if (plan.mode == TierMode::kRetroactive) {
      return {{0, kNoEnd, reached.back().rate_ppm, reached.back().rule}};
    }
    // A tier that is reached and not entered, or that rounding left empty, has no part.
    std::erase_if(reached, [base](const Stretch& stretch) {
      return stretch.from > 0 && std::min(base, stretch.until) == stretch.from;
    });
    return reached;
  }

  Quantity Summed(const std::string& name, const std::vector<Quantity>& parts) {
    return sheet_.Do(name, Operation::kSum, parts, QuantityUnit::kMoney);
  }

  Quantity Cap(const Quantity& amount, int64_t cap, StatementLineKind kind, const std::string& rule,
               std::vector<StatementLine>& lines) {
    if (amount.value <= cap) return amount;
    const Quantity capped = sheet_.Do(absl::StrCat(amount.name, ", capped"), Operation::kMinimum,
                                      {amount, Amount(rule, cap)}, QuantityUnit::kMoney);
    lines.push_back({kind, rule, amount.value, 0, capped.value - amount.value});
    return capped;
  }

  void ClawBack(const EarlierPeriod& earlier, absl::CivilDay end, std::vector<StatementLine>& lines,
                std::vector<Quantity>& parts) {
    const auto base_until = [&](absl::CivilDay day) {
      int64_t base = 0;
      for (const StatementCredit& credit : Credits(earlier.plan, earlier.period, day)) {
        base += credit.credited;
      }
      return base;
    };
    const int64_t before = base_until(input_.period.days.first);
    const int64_t after = base_until(end);
    if (before == after) return;
    const std::string& id = earlier.period.id;
    std::vector<StatementLine> unused;
    const Quantity paid =
        Earned(earlier.plan, earlier.period, before, absl::StrCat(id, " as paid: "), unused);
    const Quantity due =
        Earned(earlier.plan, earlier.period, after, absl::StrCat(id, " after returns: "), unused);
    Quantity clawback = sheet_.Do(absl::StrCat("clawback of ", id), Operation::kDifference,
                                  {due, paid}, QuantityUnit::kMoney);
    if (clawback.value > 0) {
      clawback =
          sheet_.Do(absl::StrCat("clawback of ", id, ", nothing is added"), Operation::kMinimum,
                    {clawback, Amount("nothing", 0)}, QuantityUnit::kMoney);
    }
    lines.push_back({StatementLineKind::kClawback, id, before - after, 0, clawback.value});
    parts.push_back(clawback);
  }

  const CommissionInput& input_;
  absl::flat_hash_map<std::string, std::vector<const CommissionReturn*>> returns_;
  Worksheet sheet_;
};

const char* Name(StatementLineKind kind) {
  switch (kind) {
    case StatementLineKind::kTier:
      return "tier";
    case StatementLineKind::kAccelerator:
      return "accelerator";
    case StatementLineKind::kCommissionCap:
      return "commission cap";
    case StatementLineKind::kBreakthroughBonus:
      return "breakthrough bonus";
    case StatementLineKind::kTeamBonus:
      return "team bonus";
    case StatementLineKind::kTotalCap:
      return "total cap";
    case StatementLineKind::kClawback:
      return "clawback";
    case StatementLineKind::kOpeningBalance:
      return "opening balance";
  }
  return "";
}

}  // namespace

absl::Status CheckCommissionPlan(const CommissionPlan& plan) {
  FieldViolations violations;
  CheckPlan(plan, "", violations);
  return violations.ToStatus();
}

absl::StatusOr<CommissionStatement> ComputeCommission(const CommissionInput& input) {
  FieldViolations violations;
  CheckInput(input, violations);
  if (!violations.empty()) return violations.ToStatus();
  Statement statement(input);
  CommissionStatement result = statement.Compute();
  if (statement.failed()) {
    violations.Add("plan", absl::StrCat(*statement.failed(), " does not fit 64 bits"));
    return violations.ToStatus();
  }
  return result;
}

std::string ToText(const CommissionStatement& statement) {
  std::string text = absl::StrCat("period ", statement.period_id, "\n");
  for (const StatementCredit& credit : statement.credits) {
    absl::StrAppend(&text, "credit ", absl::FormatCivilTime(credit.day), " ", credit.id, " ",
                    credit.amount, " ", credit.credit_ppm, " ", credit.credited, "\n");
  }
  absl::StrAppend(&text, "base ", statement.base, "\n");
  if (statement.attainment_ppm) {
    absl::StrAppend(&text, "attainment ", *statement.attainment_ppm, "\n");
  }
  for (const Step& step : statement.steps) absl::StrAppend(&text, "step ", Explain(step), "\n");
  for (const StatementLine& line : statement.lines) {
    absl::StrAppend(&text, "line ", Name(line.kind), " ", line.rule, " ", line.input, " ",
                    line.rate_ppm, " ", line.amount, "\n");
  }
  absl::StrAppend(&text, "earned ", statement.earned, "\ntotal ", statement.total, "\npayable ",
                  statement.payable, "\nclosing balance ", statement.closing_balance, "\n");
  return text;
}

}  // namespace milepost::target
