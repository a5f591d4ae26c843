#include "target-svc/domain/errors.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/status/error.h"
#include "target-svc/domain/limits.h"

namespace milepost::target::error {
namespace {

using absl::StatusCode;
using status::Error;

std::string Day(absl::CivilDay day) { return absl::FormatCivilTime(day); }

const char* Name(PlanState state) {
  switch (state) {
    case PlanState::kDraft:
      return "DRAFT";
    case PlanState::kSubmitted:
      return "SUBMITTED";
    case PlanState::kApproved:
      return "APPROVED";
    case PlanState::kActive:
      return "ACTIVE";
    case PlanState::kClosed:
      return "CLOSED";
    case PlanState::kBranch:
      return "BRANCH";
  }
  return "UNKNOWN";
}

const char* Name(CommitmentState state) {
  switch (state) {
    case CommitmentState::kProposed:
      return "PROPOSED";
    case CommitmentState::kCountered:
      return "COUNTERED";
    case CommitmentState::kAccepted:
      return "ACCEPTED";
    case CommitmentState::kRejected:
      return "REJECTED";
  }
  return "UNKNOWN";
}

const char* Name(LetterState state) {
  switch (state) {
    case LetterState::kDraft:
      return "DRAFT";
    case LetterState::kOwnerSigned:
      return "OWNER_SIGNED";
    case LetterState::kSigned:
      return "SIGNED";
    case LetterState::kWithdrawn:
      return "WITHDRAWN";
  }
  return "UNKNOWN";
}

std::string Until(absl::CivilDay until) {
  return until >= kForever ? "without end" : absl::StrCat("to ", Day(until - 1));
}

absl::Status Impossible(const std::string& reason, const std::string& name, const std::string& what,
                        const std::vector<Obstacle>& obstacles) {
  constexpr size_t kShown = 20;
  status::Facts facts{{"name", name}, {"violations", absl::StrCat(obstacles.size())}};
  std::vector<std::string> words;
  for (size_t i = 0; i < std::min(obstacles.size(), kShown); ++i) {
    words.push_back(obstacles[i].words);
    if (obstacles[i].amount > 0)
      facts[absl::StrCat("amount_", i + 1)] = absl::StrCat(obstacles[i].amount);
  }
  return Error(StatusCode::kFailedPrecondition, reason,
               absl::StrCat(name, what, absl::StrJoin(words, "; ")), facts);
}

}  // namespace

absl::Status NotFound(const std::string& name) {
  return Error(StatusCode::kNotFound, "NOT_FOUND", absl::StrCat(name, " does not exist"),
               {{"name", name}});
}

absl::Status AlreadyExists(const std::string& name) {
  return Error(StatusCode::kAlreadyExists, "ALREADY_EXISTS",
               absl::StrCat(name, " exists, or existed and was deleted; ids are never used again"),
               {{"name", name}});
}

absl::Status StaleEtag(const std::string& name) {
  return Error(StatusCode::kAborted, "STALE_ETAG",
               absl::StrCat(name, " was changed by somebody else; read it again"),
               {{"name", name}});
}

absl::Status ReferenceMissing(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "REFERENCE_MISSING",
               absl::StrCat(name, " does not exist"), {{"name", name}});
}

absl::Status OrganizationNotRead() {
  return Error(StatusCode::kUnavailable, "ORGANIZATION_NOT_READ",
               "the organization is not read yet");
}

absl::Status UnitNotThere(const std::string& unit_id, absl::CivilDay first, absl::CivilDay until) {
  return Error(StatusCode::kFailedPrecondition, "UNIT_NOT_THERE",
               absl::StrCat("units/", unit_id, " does not exist on all days from ", Day(first), " ",
                            Until(until)),
               {{"unit", absl::StrCat("units/", unit_id)}, {"first_date", Day(first)}});
}

absl::Status UnitCycle(const std::string& unit_id, absl::CivilDay day) {
  return Error(StatusCode::kFailedPrecondition, "UNIT_CYCLE",
               absl::StrCat("units/", unit_id, " would be below itself on ", Day(day)),
               {{"unit", absl::StrCat("units/", unit_id)}, {"date", Day(day)}});
}

absl::Status TreeTooDeep(const std::string& unit_id, absl::CivilDay day) {
  return Error(
      StatusCode::kFailedPrecondition, "TREE_TOO_DEEP",
      absl::StrCat("the branch of units/", unit_id, " would have more than ", kMaxUnitLevels,
                   " levels on ", Day(day)),
      {{"unit", absl::StrCat("units/", unit_id)}, {"limit", absl::StrCat(kMaxUnitLevels)}});
}

absl::Status TooManyUnits() {
  return Error(StatusCode::kFailedPrecondition, "TOO_MANY_UNITS",
               absl::StrCat("there may be at most ", kMaxUnits, " units"),
               {{"limit", absl::StrCat(kMaxUnits)}});
}

absl::Status BeforeStart(const std::string& field, absl::CivilDay found, absl::CivilDay start) {
  return Error(StatusCode::kFailedPrecondition, "BEFORE_START",
               absl::StrCat(field, " ", Day(found), " is before the first day ", Day(start)),
               {{"field", field}, {"found", Day(found)}, {"earliest", Day(start)}});
}

absl::Status Ended(const std::string& name, absl::CivilDay last) {
  return Error(StatusCode::kFailedPrecondition, "ENDED",
               absl::StrCat(name, " ended on ", Day(last)),
               {{"name", name}, {"last_date", Day(last)}});
}

absl::Status TooManyPlacements(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "TOO_MANY_PLACEMENTS",
               absl::StrCat(name, " has been placed ", kMaxPlacements, " times; that is the limit"),
               {{"name", name}, {"limit", absl::StrCat(kMaxPlacements)}});
}

absl::Status UnitInUse(const std::string& name, const std::string& user, absl::CivilDay last) {
  return Error(
      StatusCode::kFailedPrecondition, "UNIT_IN_USE",
      absl::StrCat(user, " is still placed in ", name, " after ", Day(last), "; move it first"),
      {{"name", name}, {"user", user}, {"last_date", Day(last)}});
}

absl::Status CalendarInUse(const std::string& name, const std::string& user) {
  return Error(StatusCode::kFailedPrecondition, "CALENDAR_IN_USE",
               absl::StrCat(name, " is used by ", user), {{"name", name}, {"user", user}});
}

absl::Status DefaultCalendarStays() {
  return Error(StatusCode::kFailedPrecondition, "DEFAULT_CALENDAR",
               "calendars/default cannot be deleted");
}

absl::Status RatioOfRatio(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "RATIO_OF_RATIO",
               absl::StrCat(name, " is itself computed; a ratio is of two metrics that are not"),
               {{"metric", name}});
}

absl::Status MayNotEdit(const std::string& name) {
  return Error(
      StatusCode::kPermissionDenied, "MAY_NOT_EDIT",
      absl::StrCat(name, " is edited by its owner, by who leads its unit and by administrators"),
      {{"name", name}});
}

absl::Status MayNotCreate(const std::string& unit) {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_CREATE",
               unit.empty() ? std::string("a plan for the whole company is made by who leads a "
                                          "unit at the top or an administrator")
                            : absl::StrCat("a plan for ", unit,
                                           " is made by who leads it or an administrator"),
               {{"unit", unit}});
}

absl::Status MayNotApprove(const std::string& name) {
  return Error(
      StatusCode::kPermissionDenied, "MAY_NOT_APPROVE",
      absl::StrCat(name, " is approved or rejected by who leads its unit or an administrator"),
      {{"name", name}});
}

absl::Status MayNotSeeAll(const std::string& name) {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_SEE_ALL",
               absl::StrCat("you see a part of ", name, "; checking it takes all of it"),
               {{"name", name}});
}

absl::Status OwnPlan(const std::string& name, const std::string& how) {
  return Error(StatusCode::kPermissionDenied, "OWN_PLAN",
               absl::StrCat("nobody decides on a plan of their own: you ", how, " ", name),
               {{"name", name}});
}

absl::Status WrongPlanState(const std::string& name, PlanState found,
                            const std::vector<PlanState>& wanted) {
  const std::string list = absl::StrJoin(
      wanted, " or ", [](std::string* out, PlanState state) { out->append(Name(state)); });
  return Error(StatusCode::kFailedPrecondition, "WRONG_PLAN_STATE",
               absl::StrCat(name, " is ", Name(found), ", not ", list),
               {{"name", name}, {"state", Name(found)}, {"wanted", list}});
}

absl::Status PlanDoesNotAddUp(const std::string& name, const Variance& variance) {
  return Error(
      StatusCode::kFailedPrecondition, "PLAN_DOES_NOT_ADD_UP",
      absl::StrCat(name, " has ", variance.violation_count, " violations, first: ", variance.first,
                   "; mend them or approve with accept_variance and a reason"),
      {{"name", name},
       {"violations", absl::StrCat(variance.violation_count)},
       {"first", variance.first}});
}

absl::Status ReasonRequired(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "REASON_REQUIRED",
               absl::StrCat(name, " is ACTIVE: every change needs a reason"), {{"name", name}});
}

absl::Status CommitmentsClosed(const std::string& plan) {
  return Error(StatusCode::kFailedPrecondition, "COMMITMENTS_CLOSED",
               absl::StrCat(plan, " takes no commitments: that is its policy"), {{"name", plan}});
}

absl::Status MayNotCommit(const std::string& node) {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_COMMIT",
               absl::StrCat("to ", node, " commits whose target it is: the member, or who leads ",
                            "the unit itself"),
               {{"name", node}});
}

absl::Status MayNotDecide(const std::string& name) {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_DECIDE",
               absl::StrCat("on ", name, " decides who leads its owner, or an administrator"),
               {{"name", name}});
}

absl::Status OwnCommitment(const std::string& name) {
  return Error(StatusCode::kPermissionDenied, "OWN_COMMITMENT",
               absl::StrCat("nobody decides on a commitment of their own, and ", name, " is yours"),
               {{"name", name}});
}

absl::Status WrongCommitmentState(const std::string& name, CommitmentState found,
                                  CommitmentState wanted) {
  return Error(StatusCode::kFailedPrecondition, "WRONG_COMMITMENT_STATE",
               absl::StrCat(name, " is ", Name(found), ", not ", Name(wanted)),
               {{"name", name}, {"state", Name(found)}, {"wanted", Name(wanted)}});
}

absl::Status TooManyCommitmentSteps(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "TOO_MANY_STEPS",
               absl::StrCat(name, " has gone back and forth ", kMaxCommitmentSteps,
                            " times; that is the ", "limit"),
               {{"name", name}, {"limit", absl::StrCat(kMaxCommitmentSteps)}});
}

absl::Status RollupTooLarge(const std::string& plan) {
  return Error(StatusCode::kFailedPrecondition, "ROLLUP_TOO_LARGE",
               absl::StrCat("targets or commitments of ", plan, " add up to more than ",
                            kMaxTreeValue, " in one breakdown"),
               {{"name", plan}, {"limit", absl::StrCat(kMaxTreeValue)}});
}

absl::Status MayNotDraft(const std::string& name) {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_DRAFT",
               absl::StrCat(name, " is written by who leads its member, or an administrator"),
               {{"name", name}});
}

absl::Status MayNotSign(const std::string& name) {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_SIGN",
               absl::StrCat(name, " is signed by its member, then by who leads that member, or an ",
                            "administrator"),
               {{"name", name}});
}

absl::Status WrongLetterState(const std::string& name, LetterState found,
                              const std::string& wanted) {
  return Error(StatusCode::kFailedPrecondition, "WRONG_LETTER_STATE",
               absl::StrCat(name, " is ", Name(found), ", not ", wanted),
               {{"name", name}, {"state", Name(found)}, {"wanted", wanted}});
}

absl::Status NotTheirTarget(const std::string& node, const std::string& member) {
  return Error(StatusCode::kFailedPrecondition, "NOT_THEIR_TARGET",
               absl::StrCat(node, " is neither for ", member, " nor for a unit that it leads"),
               {{"node", node}, {"member", member}});
}

absl::Status LetterOutdated(const std::string& name, const std::string& node, int64_t in_letter,
                            std::optional<int64_t> found) {
  const std::string now = found ? absl::StrCat("is ", *found) : "is gone";
  return Error(StatusCode::kFailedPrecondition, "LETTER_OUTDATED",
               absl::StrCat(node, " is ", in_letter, " in ", name, " and ", now,
                            " in the plan; update the letter"),
               {{"name", name}, {"node", node}, {"letter_units", absl::StrCat(in_letter)}});
}

absl::Status LetterTampered(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "LETTER_TAMPERED",
               absl::StrCat("what is stored of ", name, " is not what its hash is of"),
               {{"name", name}});
}

absl::Status OtherContent(const std::string& name, const std::string& hash) {
  return Error(StatusCode::kInvalidArgument, "OTHER_CONTENT",
               absl::StrCat("content_hash is not that of ", name, ", which is ", hash,
                            ": read the letter again"),
               {{"name", name}, {"content_hash", hash}});
}

absl::Status MayNotRecord() {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_RECORD",
               "actual values are recorded by members for themselves, by managers for whom and "
               "what they lead, by marketing and administrators for everybody");
}

absl::Status NotRecorded(const std::string& metric) {
  return Error(StatusCode::kFailedPrecondition, "NOT_RECORDED",
               absl::StrCat("actual values of ", metric, " are not recorded by hand"),
               {{"metric", metric}});
}

absl::Status OtherMetric(const std::string& name, const std::string& found,
                         const std::string& wanted) {
  return Error(StatusCode::kFailedPrecondition, "OTHER_METRIC",
               absl::StrCat(name, " is of ", found, ", so it is not corrected by one of ", wanted),
               {{"name", name}, {"found", found}, {"wanted", wanted}});
}

absl::Status AlreadyCorrected(const std::string& name, const std::string& by) {
  return Error(StatusCode::kFailedPrecondition, "ALREADY_CORRECTED",
               absl::StrCat(name, " is corrected by ", by, "; correct that one"),
               {{"name", name}, {"corrected_by", by}});
}

absl::Status NotThereOn(const std::string& name, absl::CivilDay day) {
  return Error(StatusCode::kFailedPrecondition, "NOT_THERE_THEN",
               absl::StrCat(name, " was not there on ", Day(day)),
               {{"name", name}, {"date", Day(day)}});
}

absl::Status SumTooLarge() {
  return Error(StatusCode::kOutOfRange, "SUM_TOO_LARGE",
               "the entries add up to more than can be told; ask for fewer");
}

absl::Status MayNotAct(const std::string& name, const std::string& who) {
  return Error(StatusCode::kPermissionDenied, "MAY_NOT_ACT",
               absl::StrCat("on ", name, " acts ", who), {{"name", name}});
}

absl::Status OwnRecord(const std::string& name) {
  return Error(StatusCode::kPermissionDenied, "OWN_RECORD",
               absl::StrCat("nobody decides on what is their own, and ", name, " is yours"),
               {{"name", name}});
}

absl::Status WrongState(const std::string& name, const std::string& found,
                        const std::string& wanted) {
  return Error(StatusCode::kFailedPrecondition, "WRONG_STATE",
               absl::StrCat(name, " is ", found, ", not ", wanted),
               {{"name", name}, {"state", found}, {"wanted", wanted}});
}

absl::Status NotCovered(const std::string& name, const std::string& member) {
  return Error(StatusCode::kFailedPrecondition, "NOT_COVERED",
               absl::StrCat(name, " does not hold for ", member, " in the period"),
               {{"name", name}, {"member", member}});
}

absl::Status TargetMissing(const std::string& plan, int64_t version, const std::string& who,
                           DayRange period) {
  return Error(StatusCode::kFailedPrecondition, "TARGET_MISSING",
               absl::StrCat("version ", version, " of ", plan, " has no target above 0 for ", who,
                            " from ", Day(period.first), " to ", Day(period.last)),
               {{"plan", plan},
                {"version", absl::StrCat(version)},
                {"owner", who},
                {"first_date", Day(period.first)},
                {"last_date", Day(period.last)}});
}

absl::Status PeriodNotOver(absl::CivilDay last) {
  return Error(StatusCode::kFailedPrecondition, "PERIOD_NOT_OVER",
               absl::StrCat("the period lasts to ", Day(last), "; what is not over is not issued"),
               {{"last_date", Day(last)}});
}

absl::Status LaterIssued(const std::string& statement) {
  return Error(StatusCode::kFailedPrecondition, "LATER_ISSUED",
               absl::StrCat(statement, " of a later period was issued already, and carries over ",
                            "what was open before"),
               {{"statement", statement}});
}

absl::Status AlreadyIssued(const std::string& name, const std::string& member,
                           const std::string& period) {
  return Error(StatusCode::kAlreadyExists, "ALREADY_EXISTS",
               absl::StrCat(name, " exists, or ", member, " has a statement of ", period,
                            " from this commission plan"),
               {{"name", name}, {"member", member}, {"period", period}});
}

absl::Status StatementChanged(const std::string& member, const std::string& hash) {
  return Error(StatusCode::kAborted, "STATEMENT_CHANGED",
               absl::StrCat("the statement of ", member, " is another now; compute it again"),
               {{"member", member}, {"content_hash", hash}});
}

absl::Status ScorecardIncomplete(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "SCORECARD_INCOMPLETE",
               absl::StrCat(name, " has KPIs without a result; measure and rate them"),
               {{"name", name}});
}

absl::Status OwnRating(const std::string& name) {
  return Error(StatusCode::kPermissionDenied, "OWN_RATING",
               absl::StrCat(name, " is reviewed by another than who rated it"), {{"name", name}});
}

absl::Status NodeLocked(const std::string& name, int64_t units) {
  return Error(StatusCode::kFailedPrecondition, "NODE_LOCKED",
               absl::StrCat(name, " is locked to ", units, "; unlock it first"),
               {{"name", name}, {"locked_units", absl::StrCat(units)}});
}

absl::Status NodeClosed(const std::string& name, int64_t counted_units) {
  return Error(StatusCode::kFailedPrecondition, "NODE_CLOSED",
               absl::StrCat(name, " is for days that a re-plan has settled, at ", counted_units,
                            "; its target stays, with all below it"),
               {{"name", name}, {"counted_units", absl::StrCat(counted_units)}});
}

absl::Status OutsideBounds(const std::string& name, int64_t found, int64_t min, int64_t max) {
  return Error(StatusCode::kFailedPrecondition, "OUTSIDE_BOUNDS",
               absl::StrCat(name, " may be ", min, " to ", max, ", not ", found),
               {{"name", name},
                {"found", absl::StrCat(found)},
                {"min", absl::StrCat(min)},
                {"max", absl::StrCat(max)}});
}

absl::Status MinimumAboveMaximum(const std::string& name, int64_t min, int64_t max) {
  return Error(
      StatusCode::kFailedPrecondition, "MINIMUM_ABOVE_MAXIMUM",
      absl::StrCat("the minimum ", min, " of ", name, " would lie above its maximum ", max),
      {{"name", name}, {"min", absl::StrCat(min)}, {"max", absl::StrCat(max)}});
}

absl::Status BreakdownExists(const std::string& name, const std::string& breakdown) {
  return Error(StatusCode::kAlreadyExists, "BREAKDOWN_EXISTS",
               absl::StrCat(name, " already has a breakdown '", breakdown,
                            "'; replace it, or choose another id"),
               {{"name", name}, {"breakdown", breakdown}});
}

absl::Status BreakdownMissing(const std::string& name, const std::string& breakdown) {
  return Error(StatusCode::kNotFound, "BREAKDOWN_NOT_FOUND",
               absl::StrCat(name, " has no breakdown '", breakdown, "'"),
               {{"name", name}, {"breakdown", breakdown}});
}

absl::Status TooManyBreakdowns(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "TOO_MANY_BREAKDOWNS",
               absl::StrCat(name, " has ", kMaxBreakdowns, " breakdowns; that is the limit"),
               {{"name", name}});
}

absl::Status TooManyChildren(const std::string& name, size_t found) {
  return Error(
      StatusCode::kFailedPrecondition, "TOO_MANY_CHILDREN",
      absl::StrCat("a breakdown of ", name, " would have ", found, " children; the limit is ",
                   kMaxChildren),
      {{"name", name}, {"found", absl::StrCat(found)}, {"limit", absl::StrCat(kMaxChildren)}});
}

absl::Status TooDeep(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "PLAN_TOO_DEEP",
               absl::StrCat(name, " is on level ", kMaxDepth, ", the last one"), {{"name", name}});
}

absl::Status TooManyNodes(const std::string& name, int64_t found) {
  return Error(
      StatusCode::kFailedPrecondition, "TOO_MANY_NODES",
      absl::StrCat(name, " would have ", found, " nodes; the limit is ", kMaxPlanNodes),
      {{"name", name}, {"found", absl::StrCat(found)}, {"limit", absl::StrCat(kMaxPlanNodes)}});
}

absl::Status CallTooLarge(int64_t found) {
  return Error(StatusCode::kFailedPrecondition, "CALL_TOO_LARGE",
               absl::StrCat("the call would write ", found, " nodes; the limit is ",
                            kMaxNodesPerCall, ": do it for one part of the plan after another"),
               {{"found", absl::StrCat(found)}, {"limit", absl::StrCat(kMaxNodesPerCall)}});
}

absl::Status NothingToSplit(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "NOTHING_TO_SPLIT",
               absl::StrCat("there is no leaf under ", name), {{"name", name}});
}

absl::Status NoParts(const std::string& name, const std::string& why) {
  return Error(StatusCode::kFailedPrecondition, "NO_PARTS",
               absl::StrCat(name, " cannot be split: ", why), {{"name", name}});
}

absl::Status PartOutside(const std::string& name, const std::string& key, const std::string& why) {
  return Error(StatusCode::kFailedPrecondition, "PART_OUTSIDE",
               absl::StrCat("part '", key, "' of ", name, ": ", why),
               {{"name", name}, {"key", key}});
}

absl::Status NoHistory(const std::string& name) {
  return Error(
      StatusCode::kFailedPrecondition, "NO_HISTORY",
      absl::StrCat(name, " has no actuals in any reference period, so there are no shares"),
      {{"name", name}});
}

absl::Status HistoryUnavailable(const std::string& detail) {
  return Error(StatusCode::kUnavailable, "HISTORY_UNAVAILABLE",
               absl::StrCat("reporting-svc cannot tell actuals: ", detail),
               {{"service", "reporting-svc"}});
}

absl::Status ActualsInOtherCurrency(const std::string& found, const std::string& wanted) {
  return Error(StatusCode::kFailedPrecondition, "ACTUALS_IN_OTHER_CURRENCY",
               absl::StrCat("actuals are in ", found, ", the plan is in ", wanted),
               {{"found", found}, {"wanted", wanted}});
}

absl::Status TooManyHistoryQueries(size_t found, size_t limit) {
  return Error(StatusCode::kFailedPrecondition, "TOO_MANY_HISTORY_QUERIES",
               absl::StrCat("the nodes differ in ", found,
                            " scopes and reference periods; a split by history may use ", limit),
               {{"found", absl::StrCat(found)}, {"limit", absl::StrCat(limit)}});
}

absl::Status NoWorkingDays(const std::string& name, const std::string& calendar) {
  return Error(StatusCode::kFailedPrecondition, "NO_WORKING_DAYS",
               absl::StrCat("no day of ", name, " counts in ", calendar),
               {{"name", name}, {"calendar", calendar}});
}

absl::Status SplitImpossible(const std::string& name, const std::vector<SplitViolation>& violations,
                             const std::vector<std::string>& keys) {
  constexpr size_t kShown = 20;
  status::Facts facts{{"name", name}, {"violations", absl::StrCat(violations.size())}};
  std::vector<std::string> words;
  for (size_t i = 0; i < std::min(violations.size(), kShown); ++i) {
    const SplitViolation& violation = violations[i];
    std::vector<std::string> parts;
    for (size_t j = 0; j < std::min(violation.parts.size(), kShown); ++j) {
      parts.push_back(violation.parts[j] < keys.size() ? keys[violation.parts[j]]
                                                       : absl::StrCat(violation.parts[j]));
    }
    words.push_back(parts.empty()
                        ? violation.message
                        : absl::StrCat(violation.message, " (", absl::StrJoin(parts, ", "), ")"));
    if (violation.amount > 0)
      facts[absl::StrCat("amount_", i + 1)] = absl::StrCat(violation.amount);
  }
  return Error(StatusCode::kFailedPrecondition, "SPLIT_IMPOSSIBLE",
               absl::StrCat(name, " cannot be split so: ", absl::StrJoin(words, "; ")), facts);
}

absl::Status AdjustImpossible(const std::string& name, const std::vector<Obstacle>& obstacles) {
  return Impossible("SPLIT_IMPOSSIBLE", name, " cannot be adjusted so: ", obstacles);
}

absl::Status SolveImpossible(const std::string& name, const std::vector<Obstacle>& obstacles) {
  return Impossible("SOLVE_IMPOSSIBLE", name, " cannot be solved so: ", obstacles);
}

absl::Status ReplanImpossible(const std::string& name, const std::vector<Obstacle>& obstacles) {
  return Impossible("REPLAN_IMPOSSIBLE", name, " cannot be planned anew so: ", obstacles);
}

absl::Status CannotReplan(const std::string& name, const std::string& why) {
  return Error(StatusCode::kFailedPrecondition, "REPLAN_IMPOSSIBLE",
               absl::StrCat(name, " cannot be planned anew: ", why), {{"name", name}});
}

absl::Status MoveImpossible(const std::string& name, const std::vector<Obstacle>& obstacles) {
  return Impossible("MOVE_IMPOSSIBLE", name, " cannot be moved so: ", obstacles);
}

absl::Status NotABranch(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "NOT_A_BRANCH",
               absl::StrCat(name, " is not a branch of a plan"), {{"name", name}});
}

absl::Status NothingToMerge(const std::string& name) {
  return Error(StatusCode::kFailedPrecondition, "NOTHING_TO_MERGE",
               absl::StrCat(name, " changes nothing of its plan"), {{"name", name}});
}

absl::Status MergeConflicts(const std::string& name, size_t conflicts, const std::string& first) {
  return Error(StatusCode::kFailedPrecondition, "MERGE_CONFLICT",
               absl::StrCat(name, " and its plan both changed the same, in ", conflicts,
                            " places; choose a side for each. First: ", first),
               {{"name", name}, {"conflicts", absl::StrCat(conflicts)}, {"first", first}});
}

absl::Status MergeWouldNotAddUp(const std::string& name, size_t violations,
                                const std::string& first) {
  return Error(StatusCode::kFailedPrecondition, "WOULD_NOT_ADD_UP",
               absl::StrCat("with the changes of ", name, " its plan would not add up in ",
                            violations, " places, first: ", first,
                            "; accept the variance with a reason, or mend the branch"),
               {{"name", name}, {"violations", absl::StrCat(violations)}, {"first", first}});
}

absl::Status MergeImpossible(const std::string& name, const std::vector<Obstacle>& obstacles) {
  return Impossible("MERGE_IMPOSSIBLE", name, " cannot be merged so: ", obstacles);
}

absl::Status NotInUnit(const std::string& name, const std::string& found, const std::string& wanted,
                       absl::CivilDay day) {
  const std::string date = absl::FormatCivilTime(day);
  const std::string place = found.empty() ? "is in no unit" : absl::StrCat("is in units/", found);
  return Error(StatusCode::kFailedPrecondition, "NOT_IN_UNIT",
               absl::StrCat(name, " ", place, " on ", date, ", not in units/", wanted,
                            " or below it: change the organization first, or move it elsewhere"),
               {{"name", name}, {"found", found}, {"wanted", wanted}, {"date", date}});
}

absl::Status MatrixImpossible(const std::string& name, const std::vector<Obstacle>& obstacles) {
  return Impossible("MATRIX_IMPOSSIBLE", name, " cannot be filled so: ", obstacles);
}

absl::Status CannotUndo(const std::string& name, int64_t version, const std::string& type) {
  return Error(StatusCode::kFailedPrecondition, "CANNOT_UNDO",
               absl::StrCat("the last change of ", name, ", version ", version, ", is ", type,
                            ": only a change of nodes is undone, and an undo is not"),
               {{"name", name}, {"version", absl::StrCat(version)}, {"type", type}});
}

absl::Status WouldNotAddUp(const std::string& name, int64_t expected, int64_t actual) {
  return Error(StatusCode::kFailedPrecondition, "WOULD_NOT_ADD_UP",
               absl::StrCat("the children of ", name, " would add up to ", actual, " instead of ",
                            expected, "; accept the variance with a reason, or adjust ", name),
               {{"name", name},
                {"expected_units", absl::StrCat(expected)},
                {"actual_units", absl::StrCat(actual)}});
}

absl::Status EditsRefused(const std::string& name, int64_t count, const std::string& first) {
  return Error(
      StatusCode::kFailedPrecondition, "EDITS_REFUSED",
      absl::StrCat(count, " edits of ", name, " are refused: nothing was written. First: ", first),
      {{"name", name}, {"count", absl::StrCat(count)}});
}

absl::Status PlanChanged(const std::string& name) {
  return Error(StatusCode::kAborted, "PLAN_CHANGED",
               absl::StrCat(name, " was changed meanwhile; try again"), {{"name", name}});
}

}  // namespace milepost::target::error
