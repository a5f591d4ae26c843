#include "target-svc/domain/incentive.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "platform/types/money.h"

namespace milepost::target {
namespace {

bool Has(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

bool Within(DayRange inner, DayRange outer) {
  return outer.first <= inner.first && inner.last <= outer.last;
}

// Nodes [first, last) lie below the node of the path, in the order of paths.
using Place = std::vector<Node>::const_iterator;

// Adds up what counts below a path; false if a sum does not fit.
bool AddBelow(Place first, Place last, size_t path_length, DayRange period, SummedTarget& sum) {
  // One breakdown after the other: the first that leads to anything counts.
  for (Place breakdown = first; breakdown != last;) {
    const char slot = breakdown->path[path_length];
    const Place end = std::find_if(
        breakdown, last, [&](const Node& node) { return node.path[path_length] != slot; });
    const size_t child_length = path_length + ChildPath("", slot, 0).size();
    bool found = false;
    for (Place child = breakdown; child != end;) {
      const std::string child_path = child->path.substr(0, child_length);
      const Place next = std::find_if(child, end, [&](const Node& node) {
        return node.path.compare(0, child_length, child_path) != 0;
      });
      Place below = child;
      if (child->path.size() == child_length) {
        if (Within(child->scope.period, period)) {
          const std::optional<int64_t> more = CheckedAdd(sum.units, child->target_units);
          if (!more) return false;
          sum.units = *more;
          sum.node_ids.push_back(child->id);
          found = true;
          child = next;
          continue;
        }
        ++below;
      }
      const size_t before = sum.node_ids.size();
      if (!AddBelow(below, next, child_length, period, sum)) return false;
      found = found || sum.node_ids.size() > before;
      child = next;
    }
    if (found) return true;
    breakdown = end;
  }
  return true;
}

// Lines of `key=value`.
void AddLine(const std::string& key, const std::string& value, std::string& text) {
  absl::StrAppend(&text, key, "=",
                  absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\n", "\\n"}, {"\r", "\\r"}}), "\n");
}
void AddLine(const std::string& key, int64_t value, std::string& text) {
  AddLine(key, absl::StrCat(value), text);
}

void AddTerms(const CommissionPlan& plan, std::string& text) {
  AddLine("base", static_cast<int64_t>(plan.base), text);
  AddLine("mode", static_cast<int64_t>(plan.mode), text);
  AddLine("measure", static_cast<int64_t>(plan.measure), text);
  for (const CommissionTier& tier : plan.tiers)
    AddLine("tier", absl::StrCat(tier.from, " ", tier.rate_ppm), text);
  for (const Accelerator& one : plan.accelerators)
    AddLine("accelerator", absl::StrCat(one.from_attainment_ppm, " ", one.factor_ppm), text);
  for (const BreakthroughBonus& one : plan.breakthrough_bonuses)
    AddLine("breakthrough_bonus", absl::StrCat(one.at_attainment_ppm, " ", one.amount), text);
  for (const TeamBonus& one : plan.team_bonuses) {
    AddLine("team_bonus",
            absl::StrCat(one.at_team_attainment_ppm, " ", one.amount, " ", one.rate_ppm), text);
  }
  if (plan.commission_cap) AddLine("commission_cap", *plan.commission_cap, text);
  if (plan.total_cap) AddLine("total_cap", *plan.total_cap, text);
  AddLine("reversal", static_cast<int64_t>(plan.reversal), text);
  if (plan.reversal_days) AddLine("reversal_days", *plan.reversal_days, text);
}

}  // namespace

bool HoldsFor(const CommissionAudience& audience, const Member& member, const UnitTree& tree,
              absl::CivilDay day) {
  if (Has(audience.members, member.id)) return true;
  const MemberPlacement& placement = member.PlacementOn(day);
  if (!audience.job_titles.empty() && !Has(audience.job_titles, placement.job_title)) return false;
  return std::any_of(audience.units.begin(), audience.units.end(), [&](const std::string& unit) {
    return tree.IsWithin(placement.unit_id, unit, day);
  });
}

std::optional<SummedTarget> TargetWithin(std::vector<Node> nodes, DayRange period) {
  std::sort(nodes.begin(), nodes.end(),
            [](const Node& a, const Node& b) { return a.path < b.path; });
  SummedTarget sum;
  Place first = nodes.begin();
  // The root is of a unit if the plan is.
  if (first != nodes.end() && first->path.empty()) {
    if (Within(first->scope.period, period)) return SummedTarget{first->target_units, {first->id}};
    ++first;
  }
  if (!AddBelow(first, nodes.end(), 0, period, sum) || sum.node_ids.empty()) return std::nullopt;
  return sum;
}

MatchedReturns MatchReturns(const CommissionPlan& plan, const std::vector<CommissionFact>& period,
                            const std::vector<const std::vector<CommissionFact>*>& earlier,
                            const std::vector<CommissionReturn>& known,
                            std::vector<MeasuredReturn> returns) {
  absl::flat_hash_map<std::string, int64_t> taken;
  for (const CommissionReturn& one : known) taken[one.fact_id] += one.amount;
  struct Open {
    const CommissionFact* fact;
    int64_t left;
  };
  std::vector<Open> facts;
  const auto add = [&](const std::vector<CommissionFact>& some) {
    for (const CommissionFact& fact : some) {
      const auto found = taken.find(fact.id);
      const int64_t left = fact.amount - (found == taken.end() ? 0 : found->second);
      if (fact.kind == plan.base && left > 0) facts.push_back({&fact, left});
    }
  };
  add(period);
  for (const std::vector<CommissionFact>* some : earlier) add(*some);
  std::sort(facts.begin(), facts.end(), [](const Open& a, const Open& b) {
    return a.fact->day != b.fact->day ? a.fact->day > b.fact->day : a.fact->id > b.fact->id;
  });
  std::sort(returns.begin(), returns.end(), [](const MeasuredReturn& a, const MeasuredReturn& b) {
    return a.day != b.day ? a.day < b.day : a.id < b.id;
  });

  MatchedReturns matched;
  for (const MeasuredReturn& one : returns) {
    int64_t left = one.amount;
    int parts = 0;
    const auto take = [&](const auto& is_of) {
      for (Open& open : facts) {
        if (left == 0) return;
        if (open.left == 0 || open.fact->day > one.day || !is_of(*open.fact)) continue;
        const int64_t part = std::min(left, open.left);
        open.left -= part;
        left -= part;
        ++parts;
        matched.returns.push_back(
            {parts == 1 ? one.id : absl::StrCat(one.id, "/", parts), open.fact->id, one.day, part});
      }
    };
    if (one.origin) take([&](const CommissionFact& fact) { return fact.day == *one.origin; });
    if (!one.origin || plan.reversal != Reversal::kPeriodOfOrigin)
      take([](const CommissionFact&) { return true; });
    matched.unmatched = CheckedAdd(matched.unmatched, left).value_or(matched.unmatched);
  }
  return matched;
}

std::string StatementText(const StatementHead& head, const CommissionInput& input,
                          const CommissionStatement& statement) {
  std::string text;
  AddLine("format", "milepost-statement-1", text);
  AddLine("commission_plan", head.commission_plan, text);
  AddLine("member", head.member, text);
  AddLine("first_date", absl::FormatCivilTime(head.days.first), text);
  AddLine("last_date", absl::FormatCivilTime(head.days.last), text);
  AddLine("currency_code", head.currency_code, text);
  AddTerms(input.plan, text);
  AddLine("plan", head.plan, text);
  AddLine("plan_version", head.plan_version, text);
  AddLine("target", input.period.target, text);
  AddLine("team", head.team, text);
  AddLine("team_target", head.team_target, text);
  AddLine("team_actual", head.team_actual, text);
  AddLine("team_attainment_ppm", input.period.team_attainment_ppm, text);
  AddLine("opening_balance", input.opening_balance, text);
  AddLine("unmatched_returns", head.unmatched_returns, text);
  std::vector<const CommissionReturn*> returns;
  for (const CommissionReturn& one : input.returns) returns.push_back(&one);
  std::sort(returns.begin(), returns.end(),
            [](const auto* a, const auto* b) { return a->id < b->id; });
  for (const CommissionReturn* one : returns) {
    AddLine("return",
            absl::StrCat(one->id, " ", absl::FormatCivilTime(one->day), " ", one->fact_id, " ",
                         one->amount),
            text);
  }
  return text + ToText(statement);
}

}  // namespace milepost::target
