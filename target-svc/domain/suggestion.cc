#include "target-svc/domain/suggestion.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "platform/status/error.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using status::FieldViolations;

constexpr const char* kCaseNames[] = {"low", "base", "high"};
constexpr int64_t Estimate::*kCases[] = {&Estimate::low, &Estimate::base, &Estimate::high};

enum class Order { kRising, kFalling };

// Checks the fields of one kind of evidence.
class EvidenceCheck {
 public:
  EvidenceCheck(std::string field, int64_t weight, FieldViolations& violations)
      : field_(std::move(field)), violations_(violations) {
    Range("weight", weight, 0, kMaxMethodWeight);
  }

  void Range(const std::string& name, int64_t value, int64_t min, int64_t max) {
    CheckRange(value, min, max, absl::StrCat(field_, ".", name), violations_);
  }

  void Value(const std::string& name, int64_t value) { Range(name, value, 0, kMaxTargetUnits); }

  void Three(const std::string& name, const Estimate& estimate, int64_t min, int64_t max,
             Order order = Order::kRising) {
    const std::string field = absl::StrCat(field_, ".", name);
    for (size_t i = 0; i < 3; ++i) {
      const std::string one = absl::StrCat(field, ".", kCaseNames[i]);
      const int64_t value = estimate.*kCases[i];
      CheckRange(value, min, max, one, violations_);
      if (i == 0) continue;
      const int64_t before = estimate.*kCases[i - 1];
      if (order == Order::kRising ? value < before : value > before) {
        violations_.Add(one, absl::StrCat("is ", value, ", must not be ",
                                          order == Order::kRising ? "below " : "above ",
                                          kCaseNames[i - 1], ", ", before));
      }
    }
  }

  void Size(const std::string& name, size_t size, size_t min, size_t max) {
    CheckSize(size, min, max, "values", absl::StrCat(field_, ".", name), violations_);
  }

  void Add(const std::string& name, const std::string& description) {
    violations_.Add(absl::StrCat(field_, ".", name), description);
  }

 private:
  std::string field_;
  FieldViolations& violations_;
};

void CheckHeadCount(const HeadCountEvidence& evidence, FieldViolations& violations) {
  EvidenceCheck check("head_count", evidence.weight, violations);
  check.Range("members", evidence.members, 0, kMaxHeadCount);
  check.Range("months", evidence.months, 1, kMaxSuggestionMonths);
  check.Size("new_members", evidence.new_members.size(), 0, kMaxNewMemberGroups);
  for (size_t i = 0; i < evidence.new_members.size(); ++i) {
    const std::string field = At("new_members", i);
    check.Range(absl::StrCat(field, ".count"), evidence.new_members[i].count, 1, kMaxHeadCount);
    check.Range(absl::StrCat(field, ".start_month"), evidence.new_members[i].start_month,
                -kMaxSuggestionMonths, evidence.months - 1);
  }
  check.Size("ramp_ppm", evidence.ramp_ppm.size(), 0, kMaxRampMonths);
  for (size_t i = 0; i < evidence.ramp_ppm.size(); ++i) {
    check.Range(At("ramp_ppm", i), evidence.ramp_ppm[i], 0, kPpm);
    if (i > 0 && evidence.ramp_ppm[i] < evidence.ramp_ppm[i - 1]) {
      check.Add(At("ramp_ppm", i),
                absl::StrCat("is ", evidence.ramp_ppm[i], ", must not be below the month before, ",
                             evidence.ramp_ppm[i - 1]));
    }
  }
  check.Three("per_member_month", evidence.per_member_month, 0, kMaxTargetUnits);
}

void CheckRequest(const SuggestionRequest& request, FieldViolations& violations) {
  if (request.unit != QuantityUnit::kMoney && request.unit != QuantityUnit::kCount) {
    violations.Add("unit", "must be money or a count");
  }
  CheckRange(request.rounding_unit, 1, kMaxRoundingUnits, "rounding_unit", violations);
  if (!request.history && !request.growth && !request.market && !request.penetration &&
      !request.consumption && !request.pipeline && !request.head_count) {
    violations.Add("history", "at least one kind of evidence is needed");
  }
  if (request.history) {
    const HistoryEvidence& evidence = *request.history;
    EvidenceCheck check("history", evidence.weight, violations);
    check.Size("values", evidence.values.size(), 2, kMaxSuggestionHistory);
    for (size_t i = 0; i < evidence.values.size(); ++i) {
      check.Range(At("values", i), evidence.values[i], 1, kMaxTargetUnits);
    }
  }
  if (request.growth) {
    EvidenceCheck check("growth", request.growth->weight, violations);
    check.Value("last", request.growth->last);
    check.Three("growth_ppm", request.growth->growth_ppm, -kPpm, kMaxExpectedGrowthPpm);
  }
  if (request.market) {
    EvidenceCheck check("market", request.market->weight, violations);
    check.Value("market", request.market->market);
    check.Range("market_growth_ppm", request.market->market_growth_ppm, -kPpm,
                kMaxExpectedGrowthPpm);
    check.Three("share_ppm", request.market->share_ppm, 0, kPpm);
  }
  if (request.penetration) {
    EvidenceCheck check("penetration", request.penetration->weight, violations);
    check.Range("potential_customers", request.penetration->potential_customers, 0, kMaxCustomers);
    check.Three("penetration_ppm", request.penetration->penetration_ppm, 0, kPpm);
    check.Value("per_customer", request.penetration->per_customer);
  }
  if (request.consumption) {
    EvidenceCheck check("consumption", request.consumption->weight, violations);
    check.Range("customers", request.consumption->customers, 0, kMaxCustomers);
    check.Value("per_customer", request.consumption->per_customer);
    check.Three("share_ppm", request.consumption->share_ppm, 0, kPpm);
  }
  if (request.pipeline) {
    EvidenceCheck check("pipeline", request.pipeline->weight, violations);
    check.Value("won", request.pipeline->won);
    check.Value("open", request.pipeline->open);
    check.Value("to_come", request.pipeline->to_come);
    check.Three("coverage_ppm", request.pipeline->coverage_ppm, kPpm, kMaxCoveragePpm,
                Order::kFalling);
  }
  if (request.head_count) CheckHeadCount(*request.head_count, violations);
}

class Suggester {
 public:
  Suggester(const SuggestionRequest& request, FieldViolations& violations)
      : request_(request), violations_(violations) {}

  Suggestion Suggest() {
    if (request_.history) History(*request_.history);
    if (request_.growth) Growth(*request_.growth);
    if (request_.market) Market(*request_.market);
    if (request_.penetration) Penetration(*request_.penetration);
    if (request_.consumption) Consumption(*request_.consumption);
    if (request_.pipeline) Pipeline(*request_.pipeline);
    if (request_.head_count) HeadCount(*request_.head_count);
    if (violations_.empty()) Combine();
    return std::move(suggestion_);
  }

 private:
  Quantity Of(const std::string& name, int64_t value) const {
    return {name, value, request_.unit, std::nullopt};
  }

  Quantity Scaled(const std::string& name, std::vector<Quantity> factors) {
    return sheet_.Do(name, Operation::kProduct, std::move(factors), request_.unit,
                     Rounding::kHalfUp);
  }

  // `value` makes the result of one case; its name ends in the case.
  template <typename Value>
  void Method(SuggestionMethod method, const std::string& field, int64_t weight, Value value) {
    MethodSuggestion result{method, weight, {}, {}};
    for (size_t i = 0; i < 3; ++i) {
      const Quantity found = value(i);
      result.value.*kCases[i] = found.value;
      if (sheet_.failed() || found.value > kMaxTargetUnits) {
        violations_.Add(field, absl::StrCat(sheet_.failed().value_or(found.name), " is more than ",
                                            kMaxTargetUnits));
        break;
      }
    }
    result.steps = sheet_.steps();
    sheet_ = Worksheet();
    suggestion_.methods.push_back(std::move(result));
  }

  // value × (1 + growth).
  Quantity Grown(const std::string& name, const Quantity& value, const Quantity& growth) {
    const Quantity factor = sheet_.Do(absl::StrCat(name, ": factor"), Operation::kSum,
                                      {Ratio("all of it", kPpm), growth}, QuantityUnit::kPpm);
    return Scaled(name, {value, factor});
  }

  void History(const HistoryEvidence& evidence) {
    const std::vector<int64_t>& values = evidence.values;
    std::vector<Quantity> growths;
    for (size_t i = 1; i < values.size(); ++i) {
      const Quantity before = Of(absl::StrCat("period ", i), values[i - 1]);
      const Quantity more =
          sheet_.Do(absl::StrCat("more in period ", i + 1), Operation::kDifference,
                    {Of(absl::StrCat("period ", i + 1), values[i]), before}, request_.unit);
      growths.push_back(sheet_.Do(absl::StrCat("growth in period ", i + 1), Operation::kQuotient,
                                  {more, before}, QuantityUnit::kPpm, Rounding::kHalfUp));
    }
    const Quantity last = Of("last period", values.back());
    Method(SuggestionMethod::kHistory, "history", evidence.weight, [&](size_t i) {
      Quantity growth;
      if (i == 1) {
        const Quantity sum =
            sheet_.Do("growth in all periods", Operation::kSum, growths, QuantityUnit::kPpm);
        growth = sheet_.Do("mean growth", Operation::kQuotient,
                           {sum, Count("periods of growth", static_cast<int64_t>(growths.size()))},
                           QuantityUnit::kPpm, Rounding::kHalfUp);
      } else {
        growth = sheet_.Do(i == 0 ? "lowest growth" : "highest growth",
                           i == 0 ? Operation::kMinimum : Operation::kMaximum, growths,
                           QuantityUnit::kPpm);
      }
      return Grown(absl::StrCat("by history, ", kCaseNames[i]), last, growth);
    });
  }

  void Growth(const GrowthEvidence& evidence) {
    Method(SuggestionMethod::kNaturalGrowth, "growth", evidence.weight, [&](size_t i) {
      return Grown(absl::StrCat("by growth, ", kCaseNames[i]), Of("last period", evidence.last),
                   Ratio("growth", evidence.growth_ppm.*kCases[i]));
    });
  }

  void Market(const MarketEvidence& evidence) {
    Quantity market = Of("market", evidence.market);
    if (evidence.market_growth_ppm != 0) {
      market = Grown("market, grown", market, Ratio("market growth", evidence.market_growth_ppm));
    }
    Method(SuggestionMethod::kMarket, "market", evidence.weight, [&](size_t i) {
      return Scaled(absl::StrCat("by market, ", kCaseNames[i]),
                    {market, Ratio("share", evidence.share_ppm.*kCases[i])});
    });
  }

  void Penetration(const PenetrationEvidence& evidence) {
    Method(SuggestionMethod::kPenetration, "penetration", evidence.weight, [&](size_t i) {
      const Quantity customers =
          sheet_.Do(absl::StrCat("customers who buy, ", kCaseNames[i]), Operation::kProduct,
                    {Count("customers who could buy", evidence.potential_customers),
                     Ratio("penetration", evidence.penetration_ppm.*kCases[i])},
                    QuantityUnit::kCount, Rounding::kDown);
      return Scaled(absl::StrCat("by penetration, ", kCaseNames[i]),
                    {customers, Of("what one buys", evidence.per_customer)});
    });
  }

  void Consumption(const ConsumptionEvidence& evidence) {
    Method(SuggestionMethod::kConsumption, "consumption", evidence.weight, [&](size_t i) {
      return Scaled(
          absl::StrCat("by consumption, ", kCaseNames[i]),
          {Count("customers", evidence.customers), Of("what one consumes", evidence.per_customer),
           Ratio("our share", evidence.share_ppm.*kCases[i])});
    });
  }

  void Pipeline(const PipelineEvidence& evidence) {
    const Quantity pipeline = sheet_.Do(
        "pipeline", Operation::kSum,
        {Of("open", evidence.open), Of("still to come", evidence.to_come)}, request_.unit);
    Method(SuggestionMethod::kPipeline, "pipeline", evidence.weight, [&](size_t i) {
      const Quantity covered =
          sheet_.Do(absl::StrCat("covered by it, ", kCaseNames[i]), Operation::kQuotient,
                    {pipeline, Ratio("coverage", evidence.coverage_ppm.*kCases[i])}, request_.unit,
                    Rounding::kHalfUp);
      return sheet_.Do(absl::StrCat("by pipeline, ", kCaseNames[i]), Operation::kSum,
                       {Of("won so far", evidence.won), covered}, request_.unit);
    });
  }

  void HeadCount(const HeadCountEvidence& evidence) {
    std::vector<Quantity> parts;
    if (evidence.members > 0 || evidence.new_members.empty()) {
      parts.push_back(
          sheet_.Do("member-months of those ramped up", Operation::kProduct,
                    {Count("members", evidence.members), Count("months", evidence.months)},
                    QuantityUnit::kPpm));
    }
    for (size_t g = 0; g < evidence.new_members.size(); ++g) {
      const NewMembers& group = evidence.new_members[g];
      std::vector<Quantity> ramp;
      for (int64_t month = std::max<int64_t>(group.start_month, 0); month < evidence.months;
           ++month) {
        const size_t since = static_cast<size_t>(month - group.start_month);
        ramp.push_back(Ratio(absl::StrCat("month ", month + 1),
                             since < evidence.ramp_ppm.size() ? evidence.ramp_ppm[since] : kPpm));
      }
      const std::string name = absl::StrCat("group ", g + 1, " of new members");
      const Quantity months = sheet_.Do(absl::StrCat("months of one of ", name), Operation::kSum,
                                        std::move(ramp), QuantityUnit::kPpm);
      parts.push_back(sheet_.Do(absl::StrCat("member-months of ", name), Operation::kProduct,
                                {Count("members", group.count), months}, QuantityUnit::kPpm));
    }
    const Quantity member_months =
        sheet_.Do("member-months", Operation::kSum, parts, QuantityUnit::kPpm);
    Method(SuggestionMethod::kHeadCount, "head_count", evidence.weight, [&](size_t i) {
      return Scaled(
          absl::StrCat("by head count, ", kCaseNames[i]),
          {member_months, Of("a member in a month", evidence.per_member_month.*kCases[i])});
    });
  }

  // At most 7 × kMaxTargetUnits × kMaxMethodWeight: fits.
  void Combine() {
    int64_t weights = 0;
    for (const MethodSuggestion& method : suggestion_.methods) weights += method.weight;
    if (weights == 0) return;
    suggestion_.value.emplace();
    for (size_t i = 0; i < 3; ++i) {
      std::vector<Quantity> parts;
      for (const MethodSuggestion& method : suggestion_.methods) {
        if (method.weight == 0) continue;
        const std::string& name = method.steps.back().name;
        const std::string of_case =
            absl::StrCat(name.substr(0, name.rfind(',')), ", ", kCaseNames[i]);
        parts.push_back(sheet_.Do(
            absl::StrCat(of_case, ", weighted"), Operation::kProduct,
            {Of(of_case, method.value.*kCases[i]), Count("weight", method.weight)}, request_.unit));
      }
      const Quantity sum = sheet_.Do(absl::StrCat("all weighted, ", kCaseNames[i]), Operation::kSum,
                                     parts, request_.unit);
      (*suggestion_.value).*kCases[i] =
          sheet_
              .Do(kCaseNames[i], Operation::kQuotient, {sum, Count("weights", weights)},
                  request_.unit, Rounding::kHalfUp, request_.rounding_unit)
              .value;
    }
    suggestion_.steps = sheet_.steps();
  }

  const SuggestionRequest& request_;
  FieldViolations& violations_;
  Worksheet sheet_;
  Suggestion suggestion_;
};

}  // namespace

absl::StatusOr<Suggestion> SuggestTarget(const SuggestionRequest& request) {
  FieldViolations violations;
  CheckRequest(request, violations);
  if (!violations.empty()) return violations.ToStatus();
  Suggestion suggestion = Suggester(request, violations).Suggest();
  if (!violations.empty()) return violations.ToStatus();
  return suggestion;
}

}  // namespace milepost::target
