#include "target-svc/domain/smart_check.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/status/error.h"
#include "platform/types/money.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/split.h"

namespace milepost::target {
namespace {

using status::FieldViolations;
using Criterion = SmartCriterion;
using Level = SmartLevel;
using Code = SmartCode;

std::string Day(absl::CivilDay day) { return absl::FormatCivilTime(day); }

void CheckSettings(const SmartSettings& settings, FieldViolations& violations) {
  const auto ratio = [&](int64_t value, const std::string& field) {
    CheckRange(value, 0, kMaxSmartThresholdPpm, absl::StrCat("settings.", field), violations);
  };
  const auto days = [&](int value, const std::string& field) {
    CheckRange(value, 1, kMaxSmartDays, absl::StrCat("settings.", field), violations);
  };
  const auto ordered = [&](int64_t low, int64_t high, const std::string& field,
                           const std::string& other) {
    if (low <= high) return;
    violations.Add(absl::StrCat("settings.", field),
                   absl::StrCat("is milder than ", other, ": ", high, " against ", low));
  };
  ratio(settings.growth_warning_ppm, "growth_warning_ppm");
  ratio(settings.growth_error_ppm, "growth_error_ppm");
  ordered(settings.growth_warning_ppm, settings.growth_error_ppm, "growth_error_ppm",
          "growth_warning_ppm");
  ratio(settings.shrink_warning_ppm, "shrink_warning_ppm");
  CheckRange(static_cast<int64_t>(settings.min_history), 1, kMaxSmartHistory,
             "settings.min_history", violations);
  ratio(settings.coverage_warning_ppm, "coverage_warning_ppm");
  ratio(settings.coverage_error_ppm, "coverage_error_ppm");
  ordered(settings.coverage_error_ppm, settings.coverage_warning_ppm, "coverage_error_ppm",
          "coverage_warning_ppm");
  ratio(settings.utilisation_warning_ppm, "utilisation_warning_ppm");
  ratio(settings.utilisation_error_ppm, "utilisation_error_ppm");
  ordered(settings.utilisation_warning_ppm, settings.utilisation_error_ppm, "utilisation_error_ppm",
          "utilisation_warning_ppm");
  days(settings.stale_days, "stale_days");
  days(settings.max_period_days, "max_period_days");
  days(settings.checkpoint_days, "checkpoint_days");
  ratio(settings.late_start_ppm, "late_start_ppm");
}

void CheckTarget(const SmartTarget& target, FieldViolations& violations) {
  const auto value = [&](int64_t found, int64_t min, const std::string& field) {
    CheckRange(found, min, kMaxTargetUnits, field, violations);
  };
  value(target.value, -kMaxTargetUnits, "value");
  value(target.achieved, -kMaxTargetUnits, "achieved");
  if (target.period.last < target.period.first) {
    violations.Add("period", absl::StrCat("ends on ", Day(target.period.last),
                                          ", before it begins on ", Day(target.period.first)));
  }
  if (target.history.size() > kMaxSmartHistory) {
    violations.Add("history", absl::StrCat("has ", target.history.size(), " periods, may have ",
                                           kMaxSmartHistory));
  }
  for (size_t i = 0; i < target.history.size(); ++i) {
    value(target.history[i], -kMaxTargetUnits, At("history", i));
  }
  if (target.pipeline) value(*target.pipeline, 0, "pipeline");
  if (target.capacity) value(*target.capacity, 1, "capacity");
  value(target.checkpoints, 0, "checkpoints");
  if (!target.parent) return;
  value(target.parent->value, 1, "parent.value");
  value(target.parent->parts_wanted, 0, "parent.parts_wanted");
  value(target.parent->parts_assigned, 0, "parent.parts_assigned");
  if (target.is_root) violations.Add("parent", "a root has nothing above it");
}

class SmartChecker {
 public:
  SmartChecker(const SmartTarget& target, const SmartSettings& settings)
      : target_(target), settings_(settings) {}

  SmartReport Check() {
    CheckSpecific();
    CheckMeasurable();
    CheckHistory();
    CheckPipeline();
    CheckCapacity();
    CheckRelevant();
    CheckTimeBound();
    report_.levels.assign(5, Level::kOk);
    for (const SmartFinding& finding : report_.findings) {
      Level& level = report_.levels[static_cast<size_t>(finding.criterion) - 1];
      level = std::max(level, finding.level);
    }
    report_.smart = std::all_of(report_.levels.begin(), report_.levels.end(),
                                [](Level level) { return level <= Level::kNote; });
    return std::move(report_);
  }

 private:
  // Takes the steps of the sheet with it.
  void Add(Criterion criterion, Level level, Code code, std::string message,
           std::vector<Quantity> numbers = {}) {
    report_.findings.push_back(
        {criterion, level, code, std::move(message), std::move(numbers), sheet_.steps()});
    sheet_ = Worksheet();
  }

  Quantity Of(const std::string& name, int64_t value) const {
    return {name, value, target_.unit, std::nullopt};
  }

  // a ÷ b in ppm, b above 0. One that does not fit 64 bits is beyond every threshold.
  Quantity RatioOf(const std::string& name, const Quantity& a, const Quantity& b) {
    if (RatioPpm(a.value, b.value)) {
      return sheet_.Do(name, Operation::kQuotient, {a, b}, QuantityUnit::kPpm, Rounding::kHalfUp);
    }
    return Ratio(absl::StrCat(name, ", at least"), a.value > 0
                                                       ? std::numeric_limits<int64_t>::max()
                                                       : std::numeric_limits<int64_t>::min());
  }

  void CheckSpecific() {
    bool found = false;
    const auto add = [&](Level level, Code code, std::string message,
                         std::vector<Quantity> numbers = {}) {
      found = true;
      Add(Criterion::kSpecific, level, code, std::move(message), std::move(numbers));
    };
    if (target_.metric_id.empty()) add(Level::kError, Code::kNoMetric, "no metric is named");
    if (target_.owner.empty()) add(Level::kError, Code::kNoOwner, "nobody carries the target");
    if (target_.value <= 0) {
      const Quantity value = Of("target", target_.value);
      add(Level::kError, Code::kNothingWanted,
          absl::StrCat("the target is ", ToText(value), ": nothing is wanted"), {value});
    }
    if (target_.scope.empty() && !target_.is_root) {
      add(Level::kNote, Code::kWholeCompany,
          "the target is for the whole company, and not at the top of a plan");
    }
    if (found) return;
    const Quantity value = Of("target", target_.value);
    add(Level::kOk, Code::kNamed,
        absl::StrCat(
            ToText(value), " of ", target_.metric_id, " for ",
            target_.scope.empty() ? "the whole company" : absl::StrJoin(target_.scope, ", "),
            ", carried by ", target_.owner),
        {value});
  }

  void CheckMeasurable() {
    const Criterion criterion = Criterion::kMeasurable;
    if (target_.source == ActualsSource::kNone) {
      Add(criterion, Level::kError, Code::kNoSource,
          absl::StrCat("nothing measures ", target_.metric_id,
                       ": it is neither derived from events nor recorded"));
      return;
    }
    if (!target_.last_actual) {
      const bool recorded = target_.source == ActualsSource::kRecorded;
      Add(criterion, recorded ? Level::kWarning : Level::kNote, Code::kNeverRecorded,
          recorded ? "actuals are recorded by hand, and none has been"
                   : "actuals are derived from events, and there is none yet");
      return;
    }
    const Quantity age = DayCount("days since the last actual",
                                  std::max<int64_t>(target_.today - *target_.last_actual, 0));
    const Quantity limit = DayCount("days allowed", settings_.stale_days);
    const bool stale = age.value > limit.value;
    Add(criterion, stale ? Level::kWarning : Level::kOk,
        stale ? Code::kStaleActuals : Code::kMeasured,
        absl::StrCat("the last actual is of ", Day(*target_.last_actual), ", ", ToText(age),
                     " days ago; allowed are ", ToText(limit)),
        {age, limit});
  }

  void CheckHistory() {
    const Criterion criterion = Criterion::kAchievable;
    const std::vector<int64_t>& history = target_.history;
    if (history.size() < settings_.min_history) {
      const Quantity found = Count("periods of history", static_cast<int64_t>(history.size()));
      const Quantity wanted = Count("wanted", static_cast<int64_t>(settings_.min_history));
      Add(criterion, Level::kNote, Code::kLittleHistory,
          absl::StrCat("there are ", ToText(found), " comparable periods, wanted are ",
                       ToText(wanted)),
          {found, wanted});
    }
    if (history.empty() || history.back() <= 0) return;

    const std::optional<Quantity> best = BestGrowth();
    const Quantity last = Of("last period", history.back());
    const Quantity value = Of("target", target_.value);
    const Quantity more =
        sheet_.Do("more than the last period", Operation::kDifference, {value, last}, target_.unit);
    const Quantity growth = RatioOf("growth", more, last);
    if (growth.value < -settings_.shrink_warning_ppm) {
      const Quantity limit = Ratio("may shrink by", settings_.shrink_warning_ppm);
      Add(criterion, Level::kWarning, Code::kBelowHistory,
          absl::StrCat("the target ", ToText(value), " is ", ToText(growth), " against ",
                       ToText(last), " of the last period; it may shrink by ", ToText(limit)),
          {growth, limit, value, last});
      return;
    }
    const bool error = growth.value > settings_.growth_error_ppm;
    const bool warning = growth.value > settings_.growth_warning_ppm;
    // What was done before can be done again.
    const bool known = best && growth.value <= best->value;
    const Quantity limit = error ? Ratio("error above", settings_.growth_error_ppm)
                                 : Ratio("warning above", settings_.growth_warning_ppm);
    const Level level = !warning ? Level::kOk
                        : known  ? Level::kNote
                        : error  ? Level::kError
                                 : Level::kWarning;
    std::string message =
        absl::StrCat("the target ", ToText(value), " grows by ", ToText(growth), " on ",
                     ToText(last), " of the last period; ", limit.name, " ", ToText(limit));
    std::vector<Quantity> numbers = {growth, limit, value, last};
    if (best) {
      absl::StrAppend(&message, "; the best growth so far was ", ToText(*best));
      numbers.push_back(*best);
    }
    Add(criterion, level, Code::kGrowth, std::move(message), std::move(numbers));
  }

  // The highest growth from one period of history to the next.
  std::optional<Quantity> BestGrowth() const {
    std::optional<Quantity> best;
    for (size_t i = 1; i < target_.history.size(); ++i) {
      const int64_t before = target_.history[i - 1];
      if (before <= 0) continue;
      const std::optional<int64_t> growth = RatioPpm(target_.history[i] - before, before);
      if (growth && (!best || *growth > best->value)) {
        best = Ratio(absl::StrCat("growth of period ", i + 1, " of the history"), *growth);
      }
    }
    return best;
  }

  void CheckPipeline() {
    const Quantity value = Of("target", target_.value);
    const Quantity achieved = Of("achieved", target_.achieved);
    if (target_.value > 0 && target_.achieved >= target_.value) {
      Add(Criterion::kAchievable, Level::kNote, Code::kReached,
          absl::StrCat("it is reached already: ", ToText(achieved), " of ", ToText(value)),
          {achieved, value});
      return;
    }
    if (!target_.pipeline || target_.value <= 0) return;
    const Quantity pipeline = Of("open pipeline", *target_.pipeline);
    const Quantity left =
        sheet_.Do("left to win", Operation::kDifference, {value, achieved}, target_.unit);
    const Quantity coverage = RatioOf("coverage", pipeline, left);
    const bool error = coverage.value < settings_.coverage_error_ppm;
    const bool warning = coverage.value < settings_.coverage_warning_ppm;
    const Quantity limit = error ? Ratio("error below", settings_.coverage_error_ppm)
                                 : Ratio("warning below", settings_.coverage_warning_ppm);
    Add(Criterion::kAchievable,
        error     ? Level::kError
        : warning ? Level::kWarning
                  : Level::kOk,
        Code::kCoverage,
        absl::StrCat("the open pipeline of ", ToText(pipeline), " covers ", ToText(coverage),
                     " of the ", ToText(left), " left to win; ", limit.name, " ", ToText(limit)),
        {coverage, limit, pipeline, left});
  }

  void CheckCapacity() {
    if (target_.capacity && target_.value > 0) {
      const Quantity value = Of("target", target_.value);
      const Quantity capacity = Of("capacity", *target_.capacity);
      const Quantity utilisation = RatioOf("utilisation", value, capacity);
      const bool error = utilisation.value > settings_.utilisation_error_ppm;
      const bool warning = utilisation.value > settings_.utilisation_warning_ppm;
      const Quantity limit = error ? Ratio("error above", settings_.utilisation_error_ppm)
                                   : Ratio("warning above", settings_.utilisation_warning_ppm);
      Add(Criterion::kAchievable,
          error     ? Level::kError
          : warning ? Level::kWarning
                    : Level::kOk,
          Code::kUtilisation,
          absl::StrCat("the target ", ToText(value), " takes ", ToText(utilisation),
                       " of the capacity ", ToText(capacity), "; ", limit.name, " ", ToText(limit)),
          {utilisation, limit, value, capacity});
    }
    const bool judged = std::any_of(
        report_.findings.begin(), report_.findings.end(),
        [](const SmartFinding& finding) { return finding.criterion == Criterion::kAchievable; });
    if (judged) return;
    // Enough periods, and the last of them shows nothing to grow from.
    const Quantity last = Of("last period", target_.history.back());
    Add(Criterion::kAchievable, Level::kNote, Code::kLittleHistory,
        absl::StrCat("the last period had ", ToText(last), ": nothing to compare with"), {last});
  }

  void CheckRelevant() {
    const Criterion criterion = Criterion::kRelevant;
    const Quantity value = Of("target", target_.value);
    if (!target_.parent) {
      Add(criterion, target_.is_root ? Level::kOk : Level::kWarning, Code::kNoParent,
          target_.is_root ? "it is the top: everything below serves it"
                          : "it is not part of any other target");
      return;
    }
    const SmartParent& parent = *target_.parent;
    if (target_.period.first < parent.period.first || target_.period.last > parent.period.last) {
      Add(criterion, Level::kError, Code::kOutsideParent,
          absl::StrCat(Day(target_.period.first), " to ", Day(target_.period.last),
                       " is not within ", Day(parent.period.first), " to ", Day(parent.period.last),
                       " of ", parent.name));
    }
    if (parent.metric_id != target_.metric_id) {
      Add(criterion, Level::kNote, Code::kOtherMetric,
          absl::StrCat("it counts ", target_.metric_id, ", ", parent.name, " counts ",
                       parent.metric_id, ": a share cannot be told"));
      return;
    }
    const Quantity above = Of(parent.name, parent.value);
    const Quantity share = RatioOf("share", value, above);
    Add(criterion, Level::kOk, Code::kShareOfParent,
        absl::StrCat(ToText(value), " is ", ToText(share), " of ", ToText(above), " of ",
                     parent.name),
        {share, value, above});
    if (parent.parts_assigned != parent.parts_wanted) {
      const Quantity assigned = Of("parts add up to", parent.parts_assigned);
      const Quantity wanted = Of("parts must add up to", parent.parts_wanted);
      const Quantity off =
          sheet_.Do("off by", Operation::kDifference, {assigned, wanted}, target_.unit);
      Add(criterion, Level::kWarning, Code::kSiblingsDoNotAddUp,
          absl::StrCat("the parts of ", parent.name, " add up to ", ToText(assigned), ", not ",
                       ToText(wanted), ": off by ", ToText(off)),
          {off, assigned, wanted});
    }
  }

  void CheckTimeBound() {
    const Criterion criterion = Criterion::kTimeBound;
    const size_t before = report_.findings.size();
    const Quantity days = DayCount("days", target_.period.last - target_.period.first + 1);
    const std::string period =
        absl::StrCat(Day(target_.period.first), " to ", Day(target_.period.last));
    if (target_.period.last < target_.today) {
      const Quantity ago = DayCount("days over", target_.today - target_.period.last);
      Add(criterion, Level::kError, Code::kPeriodOver,
          absl::StrCat(period, " is over for ", ToText(ago), " days"), {ago});
    } else if (target_.today > target_.period.first) {
      const Quantity gone = DayCount("days gone", target_.today - target_.period.first);
      const Quantity share = RatioOf("share gone", gone, days);
      const Quantity limit = Ratio("warning above", settings_.late_start_ppm);
      if (share.value > limit.value) {
        Add(criterion, Level::kWarning, Code::kLateStart,
            absl::StrCat(ToText(share), " of the period has gone, ", ToText(gone), " of ",
                         ToText(days), " days; ", limit.name, " ", ToText(limit)),
            {share, limit, gone, days});
      }
      sheet_ = Worksheet();
    }
    const Quantity longest = DayCount("days allowed", settings_.max_period_days);
    if (days.value > longest.value) {
      Add(criterion, Level::kWarning, Code::kLongPeriod,
          absl::StrCat("the period has ", ToText(days), " days; allowed are ", ToText(longest)),
          {days, longest});
    }
    const Quantity checkpoints = Count("checkpoints", std::max<int64_t>(target_.checkpoints, 1));
    const Quantity between = sheet_.Do("days between checkpoints", Operation::kQuotient,
                                       {days, checkpoints}, QuantityUnit::kDays, Rounding::kUp);
    const Quantity limit = DayCount("days allowed", settings_.checkpoint_days);
    if (between.value > limit.value) {
      Add(criterion, Level::kWarning, Code::kFewCheckpoints,
          absl::StrCat("it is looked at ", ToText(checkpoints), " times in ", ToText(days),
                       " days, every ", ToText(between), " days; allowed are ", ToText(limit)),
          {between, limit, checkpoints, days});
    }
    if (report_.findings.size() == before) {
      Add(criterion, Level::kOk, Code::kInTime,
          absl::StrCat(period, ", ", ToText(days), " days, looked at every ", ToText(between),
                       " days"),
          {days, between});
    }
  }

  const SmartTarget& target_;
  const SmartSettings& settings_;
  Worksheet sheet_;
  SmartReport report_;
};

}  // namespace

absl::Status CheckSmartSettings(const SmartSettings& settings) {
  FieldViolations violations;
  CheckSettings(settings, violations);
  return violations.ToStatus();
}

absl::StatusOr<SmartReport> CheckSmart(const SmartTarget& target, const SmartSettings& settings) {
  FieldViolations violations;
  CheckSettings(settings, violations);
  CheckTarget(target, violations);
  if (!violations.empty()) return violations.ToStatus();
  return SmartChecker(target, settings).Check();
}

}  // namespace milepost::target
