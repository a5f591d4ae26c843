#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "target-svc/domain/commitment.h"
#include "target-svc/domain/letter.h"
#include "target-svc/domain/plan.h"
#include "target-svc/domain/split.h"

// Every error that a client of target-svc can see, apart from bad fields. `name` is a full resource
// name.
namespace milepost::target::error {

// What is not there and what the caller may not see answer alike.
absl::Status NotFound(const std::string& name);
absl::Status AlreadyExists(const std::string& name);
absl::Status StaleEtag(const std::string& name);
// Something the request refers to.
absl::Status ReferenceMissing(const std::string& name);

// The service has just started.
absl::Status OrganizationNotRead();

// Organization.
absl::Status UnitNotThere(const std::string& unit_id, absl::CivilDay first, absl::CivilDay until);
absl::Status UnitCycle(const std::string& unit_id, absl::CivilDay day);
absl::Status TreeTooDeep(const std::string& unit_id, absl::CivilDay day);
absl::Status TooManyUnits();
absl::Status BeforeStart(const std::string& field, absl::CivilDay found, absl::CivilDay start);
absl::Status Ended(const std::string& name, absl::CivilDay last);
absl::Status TooManyPlacements(const std::string& name);
absl::Status UnitInUse(const std::string& name, const std::string& user, absl::CivilDay last);
absl::Status CalendarInUse(const std::string& name, const std::string& user);
absl::Status DefaultCalendarStays();

// Metrics.
absl::Status RatioOfRatio(const std::string& name);

// Plans.
absl::Status MayNotEdit(const std::string& name);
absl::Status MayNotCreate(const std::string& unit);
absl::Status MayNotApprove(const std::string& name);
absl::Status MayNotSeeAll(const std::string& name);
absl::Status OwnPlan(const std::string& name, const std::string& how);
absl::Status WrongPlanState(const std::string& name, PlanState found,
                            const std::vector<PlanState>& wanted);
absl::Status PlanDoesNotAddUp(const std::string& name, const Variance& variance);
absl::Status ReasonRequired(const std::string& name);

// Commitments.
absl::Status CommitmentsClosed(const std::string& plan);
absl::Status MayNotCommit(const std::string& node);
absl::Status MayNotDecide(const std::string& name);
absl::Status OwnCommitment(const std::string& name);
absl::Status WrongCommitmentState(const std::string& name, CommitmentState found,
                                  CommitmentState wanted);
absl::Status TooManyCommitmentSteps(const std::string& name);
absl::Status RollupTooLarge(const std::string& plan);

// Letters.
absl::Status MayNotDraft(const std::string& name);
absl::Status MayNotSign(const std::string& name);
absl::Status WrongLetterState(const std::string& name, LetterState found,
                              const std::string& wanted);
absl::Status NotTheirTarget(const std::string& node, const std::string& member);
// `found` is unset if the plan has no such node any more.
absl::Status LetterOutdated(const std::string& name, const std::string& node, int64_t in_letter,
                            std::optional<int64_t> found);
absl::Status LetterTampered(const std::string& name);
absl::Status OtherContent(const std::string& name, const std::string& hash);

// Recorded actual values.
absl::Status MayNotRecord();
absl::Status NotRecorded(const std::string& metric);
absl::Status OtherMetric(const std::string& name, const std::string& found,
                         const std::string& wanted);
absl::Status AlreadyCorrected(const std::string& name, const std::string& by);
absl::Status NotThereOn(const std::string& name, absl::CivilDay day);
absl::Status SumTooLarge();

// Incentives, scorecards, action plans.
absl::Status MayNotAct(const std::string& name, const std::string& who);
// Of what is their own nobody decides.
absl::Status OwnRecord(const std::string& name);
absl::Status WrongState(const std::string& name, const std::string& found,
                        const std::string& wanted);
absl::Status NotCovered(const std::string& name, const std::string& member);
absl::Status TargetMissing(const std::string& plan, int64_t version, const std::string& who,
                           DayRange period);
absl::Status PeriodNotOver(absl::CivilDay last);
absl::Status LaterIssued(const std::string& statement);
absl::Status AlreadyIssued(const std::string& name, const std::string& member,
                           const std::string& period);
absl::Status StatementChanged(const std::string& member, const std::string& hash);
absl::Status ScorecardIncomplete(const std::string& name);
absl::Status OwnRating(const std::string& name);

// Nodes.
absl::Status NodeLocked(const std::string& name, int64_t units);
// Its days are settled by a re-plan, or those of a node above it.
absl::Status NodeClosed(const std::string& name, int64_t counted_units);
absl::Status OutsideBounds(const std::string& name, int64_t found, int64_t min, int64_t max);
absl::Status MinimumAboveMaximum(const std::string& name, int64_t min, int64_t max);
absl::Status BreakdownExists(const std::string& name, const std::string& breakdown);
absl::Status BreakdownMissing(const std::string& name, const std::string& breakdown);
absl::Status TooManyBreakdowns(const std::string& name);
absl::Status TooManyChildren(const std::string& name, size_t found);
absl::Status TooDeep(const std::string& name);
absl::Status TooManyNodes(const std::string& name, int64_t found);
absl::Status CallTooLarge(int64_t found);
absl::Status NothingToSplit(const std::string& name);
absl::Status NoParts(const std::string& name, const std::string& why);
absl::Status PartOutside(const std::string& name, const std::string& key, const std::string& why);
absl::Status NoHistory(const std::string& name);
absl::Status HistoryUnavailable(const std::string& detail);
absl::Status ActualsInOtherCurrency(const std::string& found, const std::string& wanted);
absl::Status TooManyHistoryQueries(size_t found, size_t limit);
absl::Status NoWorkingDays(const std::string& name, const std::string& calendar);
absl::Status SplitImpossible(const std::string& name, const std::vector<SplitViolation>& violations,
                             const std::vector<std::string>& keys);
// What keeps a change from being made, and by how much if that can be said, else 0.
struct Obstacle {
  std::string words;
  int64_t amount = 0;
};
absl::Status AdjustImpossible(const std::string& name, const std::vector<Obstacle>& obstacles);
absl::Status SolveImpossible(const std::string& name, const std::vector<Obstacle>& obstacles);
absl::Status ReplanImpossible(const std::string& name, const std::vector<Obstacle>& obstacles);
// What is missing, and that it cannot be spread.
absl::Status CannotReplan(const std::string& name, const std::string& why);
absl::Status MoveImpossible(const std::string& name, const std::vector<Obstacle>& obstacles);
// Branches; `name` is that of the branch.
absl::Status NotABranch(const std::string& name);
absl::Status NothingToMerge(const std::string& name);
absl::Status MergeConflicts(const std::string& name, size_t conflicts, const std::string& first);
absl::Status MergeWouldNotAddUp(const std::string& name, size_t violations,
                                const std::string& first);
absl::Status MergeImpossible(const std::string& name, const std::vector<Obstacle>& obstacles);
// The organization has the member or unit elsewhere on that day; `found` is empty if nowhere.
absl::Status NotInUnit(const std::string& name, const std::string& found, const std::string& wanted,
                       absl::CivilDay day);
absl::Status MatrixImpossible(const std::string& name, const std::vector<Obstacle>& obstacles);
absl::Status CannotUndo(const std::string& name, int64_t version, const std::string& type);
absl::Status WouldNotAddUp(const std::string& name, int64_t expected, int64_t actual);
// `first` is the first of so many refusals, in words.
absl::Status EditsRefused(const std::string& name, int64_t count, const std::string& first);
absl::Status PlanChanged(const std::string& name);

}  // namespace milepost::target::error
