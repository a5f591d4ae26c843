#include "target-svc/domain/scorecard.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "platform/status/error.h"
#include "platform/types/money.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using status::FieldViolations;

// Values of x that a KPI may have.
std::pair<int64_t, int64_t> RangeOf(const Kpi& kpi) {
  switch (kpi.input) {
    case KpiInput::kAttainment:
      return {0, kMaxCurveAttainmentPpm};
    case KpiInput::kActual:
      return {-kMaxTargetUnits, kMaxTargetUnits};
    case KpiInput::kRating:
      return {kpi.min_rating, kpi.max_rating};
  }
  return {0, 0};
}

void CheckCurve(const Kpi& kpi, const std::string& field, FieldViolations& violations) {
  const std::vector<CurvePoint>& points = kpi.curve.points;
  const std::string list = absl::StrCat(field, ".points");
  CheckSize(points.size(), 1, kMaxCurvePoints, "points", list, violations);
  const auto [min, max] = RangeOf(kpi);
  for (size_t i = 0; i < points.size(); ++i) {
    CheckRange(points[i].x, min, max, absl::StrCat(At(list, i), ".x"), violations);
    if (i > 0 && points[i].x <= points[i - 1].x) {
      violations.Add(
          absl::StrCat(At(list, i), ".x"),
          absl::StrCat("is ", points[i].x, ", must be above the point before, ", points[i - 1].x));
    }
    CheckRange(points[i].score_ppm, 0, kMaxScorePpm, absl::StrCat(At(list, i), ".score_ppm"),
               violations);
  }
  CheckRange(kpi.curve.score_below_ppm, 0, kMaxScorePpm, absl::StrCat(field, ".score_below_ppm"),
             violations);
}

void CheckCard(const Scorecard& scorecard, FieldViolations& violations) {
  CheckSize(scorecard.kpis.size(), 1, kMaxKpis, "KPIs", "kpis", violations);
  absl::flat_hash_set<std::string> ids;
  int64_t weights = 0;
  bool in_range = true;
  for (size_t k = 0; k < scorecard.kpis.size(); ++k) {
    const Kpi& kpi = scorecard.kpis[k];
    const std::string field = At("kpis", k);
    CheckName(kpi.id, absl::StrCat(field, ".id"), ids, violations);
    CheckRange(kpi.weight_ppm, 1, kPpm, absl::StrCat(field, ".weight_ppm"), violations);
    in_range &= kpi.weight_ppm >= 1 && kpi.weight_ppm <= kPpm;
    if (in_range) weights += kpi.weight_ppm;
    if (kpi.input == KpiInput::kRating) {
      CheckRange(kpi.min_rating, 0, kMaxRating, absl::StrCat(field, ".min_rating"), violations);
      CheckRange(kpi.max_rating, 0, kMaxRating, absl::StrCat(field, ".max_rating"), violations);
      if (kpi.max_rating <= kpi.min_rating) {
        violations.Add(
            absl::StrCat(field, ".max_rating"),
            absl::StrCat("is ", kpi.max_rating, ", must be above min_rating ", kpi.min_rating));
      }
    }
    CheckCurve(kpi, absl::StrCat(field, ".curve"), violations);
  }
  if (in_range && !scorecard.kpis.empty() && weights != kPpm) {
    violations.Add("kpis", absl::StrCat("weights add up to ", weights, " ppm, must be ", kPpm));
  }
  CheckSize(scorecard.grades.size(), 1, kMaxGrades, "grades", "grades", violations);
  absl::flat_hash_set<std::string> names;
  for (size_t g = 0; g < scorecard.grades.size(); ++g) {
    const GradeBand& band = scorecard.grades[g];
    const std::string from = absl::StrCat(At("grades", g), ".from_ppm");
    CheckName(band.grade, absl::StrCat(At("grades", g), ".grade"), names, violations);
    CheckRange(band.from_ppm, 0, kMaxScorePpm, from, violations);
    if (g == 0 && band.from_ppm > 0) {
      violations.Add(from, absl::StrCat("is ", band.from_ppm, ", the first band begins at 0"));
    }
    if (g > 0 && band.from_ppm <= scorecard.grades[g - 1].from_ppm) {
      violations.Add(from, absl::StrCat("is ", band.from_ppm, ", must be above the band before, ",
                                        scorecard.grades[g - 1].from_ppm));
    }
  }
}

void Refuse(bool given, const std::string& field, const std::string& why,
            FieldViolations& violations) {
  if (given) violations.Add(field, why);
}

void CheckResult(const Kpi& kpi, const KpiResult& result, const std::string& field,
                 FieldViolations& violations) {
  const std::string target = absl::StrCat(field, ".target");
  const std::string actual = absl::StrCat(field, ".actual");
  const std::string rating = absl::StrCat(field, ".rating");
  const bool attainment = kpi.input == KpiInput::kAttainment;
  if (kpi.input == KpiInput::kRating) {
    Refuse(result.actual.has_value(), actual, "is not for a KPI that is rated", violations);
    if (result.rating) {
      CheckRange(*result.rating, kpi.min_rating, kpi.max_rating, rating, violations);
    }
  } else {
    Refuse(result.rating.has_value(), rating, "is only for a KPI that is rated", violations);
    if (result.actual) {
      CheckRange(*result.actual, -kMaxTargetUnits, kMaxTargetUnits, actual, violations);
    }
  }
  if (!attainment) {
    Refuse(result.target.has_value(), target, "is only for a KPI judged by its attainment",
           violations);
  } else if (result.target) {
    CheckRange(*result.target, 1, kMaxTargetUnits, target, violations);
  } else {
    Refuse(result.actual.has_value(), target, "is needed beside the actual", violations);
  }
}

// The segment that holds x: its first point, or none below the first.
std::optional<size_t> SegmentOf(const ScoreCurve& curve, int64_t x) {
  std::optional<size_t> found;
  for (size_t i = 0; i < curve.points.size() && curve.points[i].x <= x; ++i) found = i;
  return found;
}

// The score at x with its arithmetic.
Quantity ScoreBy(const Kpi& kpi, const Quantity& x, Worksheet& sheet) {
  const std::vector<CurvePoint>& points = kpi.curve.points;
  const std::optional<size_t> segment = SegmentOf(kpi.curve, x.value);
  const auto fixed = [&](const std::string& why, int64_t score_ppm) {
    return sheet.Do("score", Operation::kSum, {Score(why, score_ppm)}, QuantityUnit::kScore);
  };
  if (!segment) {
    return fixed(absl::StrCat("below the threshold ", points[0].x), kpi.curve.score_below_ppm);
  }
  const CurvePoint& low = points[*segment];
  if (*segment + 1 == points.size()) {
    return fixed(absl::StrCat("from the last point ", low.x, " on"), low.score_ppm);
  }
  const CurvePoint& high = points[*segment + 1];
  const Quantity beyond = sheet.Do("beyond the point", Operation::kDifference,
                                   {x, {"point", low.x, x.unit, {}}}, x.unit);
  const Quantity width =
      sheet.Do("to the next point", Operation::kDifference,
               {{"next point", high.x, x.unit, {}}, {"point", low.x, x.unit, {}}}, x.unit);
  const Quantity rise =
      sheet.Do("rise to the next point", Operation::kDifference,
               {Score("score there", high.score_ppm), Score("score at the point", low.score_ppm)},
               QuantityUnit::kScore);
  const Quantity added = sheet.Do("risen by", Operation::kProportion, {rise, beyond, width},
                                  QuantityUnit::kScore, Rounding::kHalfUp);
  return sheet.Do("score", Operation::kSum, {Score("score at the point", low.score_ppm), added},
                  QuantityUnit::kScore);
}

// What the KPI is judged by; nullopt while it is missing.
std::optional<Quantity> InputOf(const Kpi& kpi, const KpiResult& result, Worksheet& sheet) {
  switch (kpi.input) {
    case KpiInput::kAttainment: {
      if (!result.actual) return std::nullopt;
      const Quantity attainment =
          sheet.Do("attainment", Operation::kQuotient,
                   {Count("actual", *result.actual), Count("target", *result.target)},
                   QuantityUnit::kPpm, Rounding::kHalfUp);
      if (!sheet.failed()) return attainment;
      // Does not fit 64 bits: beyond every point of a curve.
      sheet = Worksheet();
      return Ratio("attainment, beyond all points",
                   *result.actual < 0 ? -kMaxCurveAttainmentPpm : kMaxCurveAttainmentPpm);
    }
    case KpiInput::kActual:
      if (!result.actual) return std::nullopt;
      return Count("actual", *result.actual);
    case KpiInput::kRating:
      if (!result.rating) return std::nullopt;
      return Count("rating", *result.rating);
  }
  return std::nullopt;
}

}  // namespace

absl::Status CheckScorecard(const Scorecard& scorecard) {
  FieldViolations violations;
  CheckCard(scorecard, violations);
  return violations.ToStatus();
}

int64_t ScoreAt(const ScoreCurve& curve, int64_t x) {
  Worksheet sheet;
  return ScoreBy({.curve = curve}, Count("x", x), sheet).value;
}

absl::StatusOr<ScoredCard> ScoreCard(const Scorecard& scorecard,
                                     const std::vector<KpiResult>& results) {
  FieldViolations violations;
  CheckCard(scorecard, violations);
  absl::flat_hash_map<std::string, const KpiResult*> by_kpi;
  for (size_t i = 0; i < results.size(); ++i) {
    const KpiResult& result = results[i];
    const std::string field = At("results", i);
    const auto kpi = std::find_if(scorecard.kpis.begin(), scorecard.kpis.end(),
                                  [&](const Kpi& one) { return one.id == result.kpi_id; });
    if (kpi == scorecard.kpis.end()) {
      violations.Add(absl::StrCat(field, ".kpi_id"),
                     absl::StrCat("there is no KPI ", result.kpi_id));
      continue;
    }
    if (!by_kpi.try_emplace(result.kpi_id, &result).second) {
      violations.Add(absl::StrCat(field, ".kpi_id"),
                     absl::StrCat(result.kpi_id, " is there twice"));
    }
    CheckResult(*kpi, result, field, violations);
  }
  if (!violations.empty()) return violations.ToStatus();

  ScoredCard card;
  card.complete = true;
  for (const Kpi& kpi : scorecard.kpis) {
    KpiScore& score = card.scores.emplace_back();
    score.kpi_id = kpi.id;
    score.weight_ppm = kpi.weight_ppm;
    const auto found = by_kpi.find(kpi.id);
    Worksheet sheet;
    const std::optional<Quantity> x =
        found == by_kpi.end() ? std::nullopt : InputOf(kpi, *found->second, sheet);
    if (!x) {
      card.complete = false;
      continue;
    }
    const Quantity scored = ScoreBy(kpi, *x, sheet);
    const Quantity points =
        sheet.Do("points", Operation::kProduct, {scored, Ratio("weight", kpi.weight_ppm)},
                 QuantityUnit::kScore, Rounding::kHalfUp);
    score.x = x->value;
    score.score_ppm = scored.value;
    score.points_ppm = points.value;
    score.steps = sheet.steps();
    card.total_ppm += points.value;
  }
  if (card.complete) {
    for (const GradeBand& band : scorecard.grades) {
      if (band.from_ppm <= card.total_ppm) card.grade = band.grade;
    }
  }
  return card;
}

}  // namespace milepost::target
