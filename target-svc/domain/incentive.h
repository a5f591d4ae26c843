#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "target-svc/domain/commission.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/organization.h"

// What a commission statement is computed from: whom a commission plan holds for, which targets and
// which returns count. Ids are bare. Pure functions.
namespace milepost::target {

struct CommissionAudience {
  std::vector<std::string> members;
  std::vector<std::string> units;       // With all below.
  std::vector<std::string> job_titles;  // Of the members of `units`; empty means all.
};

// Whether a commission plan holds for the member as it is placed on the day.
bool HoldsFor(const CommissionAudience& audience, const Member& member, const UnitTree& tree,
              absl::CivilDay day);

// Targets of one member or unit, added up.
struct SummedTarget {
  int64_t units = 0;
  std::vector<std::string> node_ids;
};

// `nodes` are those of one member or one unit, in any order, whatever is below them included. From
// the root down the first breakdown of every node that leads to nodes within the period counts.
// nullopt if none does, or if they do not fit 64 bits.
std::optional<SummedTarget> TargetWithin(std::vector<Node> nodes, DayRange period);

// What came back, as it is known.
struct MeasuredReturn {
  std::string id;
  absl::CivilDay day;
  std::optional<absl::CivilDay> origin;  // The day that it had counted on; unset if unknown.
  int64_t amount = 0;                    // Above 0.
};

struct MatchedReturns {
  std::vector<CommissionReturn> returns;
  int64_t unmatched = 0;  // What is of no known fact.
};

// Finds for each return the facts that it is of, among those of `period` and `earlier`: those of
// its day of origin, else the newest before it, the newest first. A fact gives no more than `known`
// returns have left of it. Returns by period of origin do not stray from their day of origin. A
// return of several facts becomes several, numbered from the second on: `r`, `r/2`.
MatchedReturns MatchReturns(const CommissionPlan& plan, const std::vector<CommissionFact>& period,
                            const std::vector<const std::vector<CommissionFact>*>& earlier,
                            const std::vector<CommissionReturn>& known,
                            std::vector<MeasuredReturn> returns);

// What a statement says besides its computation. Names are full.
struct StatementHead {
  std::string commission_plan;
  std::string member;
  DayRange days;
  std::string currency_code;
  std::string plan;
  int64_t plan_version = 0;
  std::string team;
  int64_t team_target = 0;
  int64_t team_actual = 0;
  int64_t unmatched_returns = 0;
};

// The statement as it is frozen: head, terms, what it was computed from and what came out. The same
// bytes for the same statement.
std::string StatementText(const StatementHead& head, const CommissionInput& input,
                          const CommissionStatement& statement);

}  // namespace milepost::target
