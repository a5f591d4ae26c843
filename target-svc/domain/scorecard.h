#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "target-svc/domain/worksheet.h"

// KPI scorecards: weights, curves from results to scores, ratings by managers, total and grade.
// Scores are ppm of full marks: 1,000,000 is 100 points. Pure functions, safe from any thread; all
// bad fields are reported at once as INVALID_FIELDS.
//
// How a total is computed
// 1. What a KPI is judged by, x: its attainment (actual ÷ target, ppm, half up), its actual value,
//    or its rating.
// 2. The curve: straight lines between its points, halves rounded away from zero. Below the first
//    point (the threshold) the score is `score_below`, 0 unless said otherwise; from the last point
//    on it stays at the last score (the cap). A curve may fall, for what should be small.
// 3. Points of a KPI = score × weight, rounded half up; the total is their sum, exactly. So full
//    marks everywhere are 1,000,000 exactly, and rounding moves the total by half a millionth a KPI
//    at most.
// 4. The grade is the highest band that begins at or below the total.
namespace milepost::target {

inline constexpr size_t kMaxKpis = 50;
inline constexpr size_t kMaxCurvePoints = 20;
inline constexpr size_t kMaxGrades = 20;
inline constexpr int64_t kMaxScorePpm = 2'000'000;  // 200 points.
inline constexpr int64_t kMaxRating = 1'000;

enum class KpiInput {
  kAttainment = 1,  // x in ppm, 0 to kMaxCurveAttainmentPpm.
  kActual = 2,      // x in the KPI's own unit, to kMaxTargetUnits either side of 0.
  kRating = 3,      // x is what the manager gives, 0 to kMaxRating; qualitative.
};

inline constexpr int64_t kMaxCurveAttainmentPpm = 100'000'000;

struct CurvePoint {
  int64_t x = 0;
  int64_t score_ppm = 0;  // 0 to kMaxScorePpm.

  friend bool operator==(const CurvePoint&, const CurvePoint&) = default;
};

struct ScoreCurve {
  std::vector<CurvePoint> points;  // 1 to kMaxCurvePoints, x rising.
  int64_t score_below_ppm = 0;     // Below the first point.

  friend bool operator==(const ScoreCurve&, const ScoreCurve&) = default;
};

struct Kpi {
  std::string id;  // Not empty, once in a scorecard.
  std::string name;
  KpiInput input = KpiInput::kAttainment;
  int64_t weight_ppm = 0;  // 1 to 1,000,000; all weights add up to 1,000,000.
  ScoreCurve curve;
  // Only of a rating: what may be given, min below max.
  int64_t min_rating = 0;
  int64_t max_rating = 0;

  friend bool operator==(const Kpi&, const Kpi&) = default;
};

// From `from_ppm` up to where the next begins; the first from 0, rising.
struct GradeBand {
  std::string grade;  // Not empty, once in a scorecard.
  int64_t from_ppm = 0;

  friend bool operator==(const GradeBand&, const GradeBand&) = default;
};

struct Scorecard {
  std::vector<Kpi> kpis;
  std::vector<GradeBand> grades;

  friend bool operator==(const Scorecard&, const Scorecard&) = default;
};

// OK, or every violation of the scorecard.
absl::Status CheckScorecard(const Scorecard& scorecard);

// What a member reached in one KPI. Values are 0 to kMaxTargetUnits; an actual may be below 0.
struct KpiResult {
  std::string kpi_id;
  std::optional<int64_t> target;  // Of an attainment: above 0.
  std::optional<int64_t> actual;  // Of an attainment or an actual.
  std::optional<int64_t> rating;  // Of a rating, within what may be given.

  friend bool operator==(const KpiResult&, const KpiResult&) = default;
};

struct KpiScore {
  std::string kpi_id;
  int64_t weight_ppm = 0;
  // Unset while the result is missing; it then counts nothing.
  std::optional<int64_t> x;
  std::optional<int64_t> score_ppm;
  int64_t points_ppm = 0;
  std::vector<Step> steps;
};

struct ScoredCard {
  std::vector<KpiScore> scores;  // As the KPIs of the scorecard.
  int64_t total_ppm = 0;
  // Every KPI has a result. Without it the total is what is there so far and there is no grade.
  bool complete = false;
  std::optional<std::string> grade;
};

// `results` hold at most one for each KPI, in any order.
absl::StatusOr<ScoredCard> ScoreCard(const Scorecard& scorecard,
                                     const std::vector<KpiResult>& results);

// The score of a curve at x; the curve has no violation.
int64_t ScoreAt(const ScoreCurve& curve, int64_t x);

}  // namespace milepost::target
