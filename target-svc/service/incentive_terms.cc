#include "target-svc/service/incentive_terms.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/types/proto.h"
#include "target-svc/service/arithmetic.h"

namespace milepost::target {
namespace {

absl::CivilDay DayOf(const type::v1::Date& date) {
  return absl::CivilDay(date.year(), date.month(), date.day());
}

// Path of a field of the terms: tiers of the API end where the next begins.
std::string PathOf(const std::string& field) {
  constexpr char kUntil[] = "].until";
  if (absl::StartsWith(field, "tiers[") && absl::EndsWith(field, kUntil)) {
    int tier = 0;
    if (absl::SimpleAtoi(field.substr(6, field.size() - 6 - (sizeof(kUntil) - 1)), &tier))
      return absl::StrCat("tiers[", tier + 1, "].from");
  }
  if (field == "commission_cap" || field == "total_cap") return absl::StrCat(field, "_units");
  return absl::EndsWith(field, ".amount") ? absl::StrCat(field, "_units") : field;
}

}  // namespace

const char* MetricOf(CommissionBase base) {
  switch (base) {
    case CommissionBase::kOrders:
      return "revenue";
    case CommissionBase::kDeliveries:
      return "deliveries";
    case CommissionBase::kCollections:
      return "collections";
  }
  return "";
}

CommissionPlan FromProto(const v1::CommissionTerms& message) {
  CommissionPlan plan;
  plan.base = static_cast<CommissionBase>(message.base());
  plan.mode = static_cast<TierMode>(message.mode());
  plan.measure = static_cast<TierMeasure>(message.measure());
  for (int i = 0; i < message.tiers_size(); ++i) {
    CommissionTier tier{message.tiers(i).from(), std::nullopt, message.tiers(i).rate_ppm()};
    if (i + 1 < message.tiers_size()) tier.until = message.tiers(i + 1).from();
    plan.tiers.push_back(tier);
  }
  for (const auto& one : message.accelerators())
    plan.accelerators.push_back({one.from_attainment_ppm(), one.factor_ppm()});
  for (const auto& one : message.breakthrough_bonuses())
    plan.breakthrough_bonuses.push_back({one.at_attainment_ppm(), one.amount_units()});
  for (const auto& one : message.team_bonuses()) {
    plan.team_bonuses.push_back({one.at_team_attainment_ppm(), one.amount_units(), one.rate_ppm()});
  }
  if (message.has_commission_cap_units()) plan.commission_cap = message.commission_cap_units();
  if (message.has_total_cap_units()) plan.total_cap = message.total_cap_units();
  plan.reversal = static_cast<Reversal>(message.reversal());
  if (message.has_reversal_days()) plan.reversal_days = message.reversal_days();
  return plan;
}

CommissionPlan ReadTerms(bool has, const v1::CommissionTerms& message, const std::string& field,
                         Reader& reader) {
  if (!has) {
    reader.Add(field, "is required");
    return {};
  }
  reader.Choice(message.base(), absl::StrCat(field, ".base"), v1::CommissionTerms::Base_IsValid,
                Need::kRequired);
  reader.Choice(message.mode(), absl::StrCat(field, ".mode"), v1::CommissionTerms::TierMode_IsValid,
                Need::kRequired);
  reader.Choice(message.measure(), absl::StrCat(field, ".measure"),
                v1::CommissionTerms::TierMeasure_IsValid, Need::kRequired);
  reader.Choice(message.reversal(), absl::StrCat(field, ".reversal"),
                v1::CommissionTerms::Reversal_IsValid, Need::kRequired);
  CommissionPlan plan = FromProto(message);
  AddViolations(
      CheckCommissionPlan(plan),
      [&](const std::string& path) { return absl::StrCat(field, ".", PathOf(path)); }, reader);
  return plan;
}

v1::CommissionTerms ToProto(const CommissionPlan& plan) {
  v1::CommissionTerms message;
  message.set_base(static_cast<v1::CommissionTerms::Base>(plan.base));
  message.set_mode(static_cast<v1::CommissionTerms::TierMode>(plan.mode));
  message.set_measure(static_cast<v1::CommissionTerms::TierMeasure>(plan.measure));
  for (const CommissionTier& tier : plan.tiers) {
    v1::CommissionTerms::Tier& one = *message.add_tiers();
    one.set_from(tier.from);
    one.set_rate_ppm(tier.rate_ppm);
  }
  for (const Accelerator& accelerator : plan.accelerators) {
    v1::CommissionTerms::Accelerator& one = *message.add_accelerators();
    one.set_from_attainment_ppm(accelerator.from_attainment_ppm);
    one.set_factor_ppm(accelerator.factor_ppm);
  }
  for (const BreakthroughBonus& bonus : plan.breakthrough_bonuses) {
    v1::CommissionTerms::BreakthroughBonus& one = *message.add_breakthrough_bonuses();
    one.set_at_attainment_ppm(bonus.at_attainment_ppm);
    one.set_amount_units(bonus.amount);
  }
  for (const TeamBonus& bonus : plan.team_bonuses) {
    v1::CommissionTerms::TeamBonus& one = *message.add_team_bonuses();
    one.set_at_team_attainment_ppm(bonus.at_team_attainment_ppm);
    one.set_amount_units(bonus.amount);
    one.set_rate_ppm(bonus.rate_ppm);
  }
  if (plan.commission_cap) message.set_commission_cap_units(*plan.commission_cap);
  if (plan.total_cap) message.set_total_cap_units(*plan.total_cap);
  message.set_reversal(static_cast<v1::CommissionTerms::Reversal>(plan.reversal));
  if (plan.reversal_days) message.set_reversal_days(*plan.reversal_days);
  return message;
}

bool AsksForAttainment(const CommissionPlan& plan) {
  return plan.measure == TierMeasure::kAttainment || !plan.accelerators.empty() ||
         !plan.breakthrough_bonuses.empty();
}

std::vector<CommissionFact> FactsOf(const v1::CommissionStatement& message) {
  std::vector<CommissionFact> facts;
  const auto kind = static_cast<CommissionBase>(message.terms().base());
  for (const auto& fact : message.facts())
    facts.push_back({fact.id(), kind, DayOf(fact.date()), fact.amount_units()});
  return facts;
}

std::vector<CommissionReturn> ReturnsOf(const v1::CommissionStatement& message) {
  std::vector<CommissionReturn> returns;
  for (const auto& one : message.returns())
    returns.push_back({one.id(), one.fact(), DayOf(one.date()), one.amount_units()});
  return returns;
}

void SetComputed(const CommissionInput& input, const CommissionStatement& statement,
                 v1::CommissionStatement& message) {
  const CommissionPeriod& period = input.period;
  message.set_period_label(period.id);
  if (period.target > 0) message.set_target_units(period.target);
  message.set_team_attainment_ppm(period.team_attainment_ppm);
  for (const CommissionFact& fact : period.facts) {
    v1::CommissionStatement::Fact& one = *message.add_facts();
    one.set_id(fact.id);
    *one.mutable_date() = milepost::ToProto(fact.day);
    one.set_amount_units(fact.amount);
  }
  for (const CommissionReturn& back : input.returns) {
    if (back.day < period.days.first) continue;  // In the statement of its own period.
    v1::CommissionStatement::Return& one = *message.add_returns();
    one.set_id(back.id);
    one.set_fact(back.fact_id);
    *one.mutable_date() = milepost::ToProto(back.day);
    one.set_amount_units(back.amount);
  }
  message.set_opening_balance_units(input.opening_balance);
  for (const StatementCredit& credit : statement.credits) {
    v1::CommissionStatement::Credit& one = *message.add_credits();
    one.set_id(credit.id);
    *one.mutable_date() = milepost::ToProto(credit.day);
    one.set_credited_units(credit.credited);
  }
  message.set_base_units(statement.base);
  if (statement.attainment_ppm) message.set_attainment_ppm(*statement.attainment_ppm);
  for (const StatementLine& line : statement.lines) {
    v1::CommissionStatement::Line& one = *message.add_lines();
    one.set_kind(static_cast<v1::CommissionStatement::LineKind>(line.kind));
    one.set_rule(line.rule);
    one.set_input_units(line.input);
    one.set_rate_ppm(line.rate_ppm);
    one.set_amount_units(line.amount);
  }
  for (const Step& step : statement.steps) *message.add_steps() = ToProto(step);
  message.set_earned_units(statement.earned);
  message.set_total_units(statement.total);
  message.set_payable_units(statement.payable);
  message.set_closing_balance_units(statement.closing_balance);
}

void Compare(const v1::CommissionStatement& issued, const v1::CommissionStatement& recomputed,
             v1::RecomputeStatementResponse& response) {
  using Figures = std::vector<std::pair<std::string, std::optional<int64_t>>>;
  const auto figures = [](const v1::CommissionStatement& one) {
    const auto if_set = [](bool has, int64_t value) {
      return has ? std::optional<int64_t>(value) : std::nullopt;
    };
    Figures all{{"target", if_set(one.has_target_units(), one.target_units())},
                {"base", one.base_units()},
                {"attainment_ppm", if_set(one.has_attainment_ppm(), one.attainment_ppm())},
                {"team_attainment_ppm", one.team_attainment_ppm()}};
    for (const v1::CommissionStatement::Line& line : one.lines()) {
      std::string item =
          absl::StrCat(v1::CommissionStatement::LineKind_Name(line.kind()), " ", line.rule());
      // A team bonus of an amount and a share has two lines.
      if (all.back().first == item) item += " share";
      all.emplace_back(std::move(item), line.amount_units());
    }
    all.emplace_back("earned", one.earned_units());
    all.emplace_back("total", one.total_units());
    all.emplace_back("payable", one.payable_units());
    all.emplace_back("closing_balance", one.closing_balance_units());
    return all;
  };
  const Figures before = figures(issued);
  const Figures after = figures(recomputed);
  const auto find = [](const Figures& all, const std::string& item) -> std::optional<int64_t> {
    for (const auto& [name, value] : all) {
      if (name == item) return value;
    }
    return std::nullopt;
  };
  const auto add = [&](const std::string& item, std::optional<int64_t> was,
                       std::optional<int64_t> is) {
    if (was == is) return;
    v1::RecomputeStatementResponse::Difference& difference = *response.add_differences();
    difference.set_item(item);
    if (was) difference.set_issued(*was);
    if (is) difference.set_recomputed(*is);
  };
  for (const auto& [item, was] : before) add(item, was, find(after, item));
  for (const auto& [item, is] : after) {
    const bool known = std::any_of(before.begin(), before.end(),
                                   [&](const auto& one) { return one.first == item; });
    if (!known) add(item, std::nullopt, is);
  }
}

}  // namespace milepost::target
