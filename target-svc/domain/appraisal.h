#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"

// The way of a scorecard through its states, and who may take it there. Ids are bare. Pure
// functions.
namespace milepost::target {

enum class AppraisalState {
  kOpen = 1,
  kRated = 2,
  kReviewed = 3,
  kAcknowledged = 4,
  kDisputed = 5
};
enum class AppraisalVerb {
  kMeasure = 1,
  kRate = 2,
  kComplete = 3,
  kReview = 4,
  kReturn = 5,
  kAcknowledge = 6,
  kDispute = 7
};

// Whose scorecard it is and who acts.
struct AppraisalCase {
  std::string name;
  std::string member_id;
  std::string actor_id;          // Empty for a service.
  bool leads = false;            // The actor leads the member, or administers.
  std::set<std::string> raters;  // Who rated a KPI.
  bool complete = false;         // Every KPI has a result.
};

// The state after the verb. PERMISSION_DENIED MAY_NOT_ACT, OWN_RECORD for one's own, OWN_RATING for
// a review by who rated; FAILED_PRECONDITION WRONG_STATE, SCORECARD_INCOMPLETE.
absl::StatusOr<AppraisalState> ApplyAppraisal(AppraisalState state, AppraisalVerb verb,
                                              const AppraisalCase& c);

}  // namespace milepost::target
