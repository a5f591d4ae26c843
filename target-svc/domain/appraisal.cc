#include "target-svc/domain/appraisal.h"

#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

const char* Name(AppraisalState state) {
  switch (state) {
    case AppraisalState::kOpen:
      return "OPEN";
    case AppraisalState::kRated:
      return "RATED";
    case AppraisalState::kReviewed:
      return "REVIEWED";
    case AppraisalState::kAcknowledged:
      return "ACKNOWLEDGED";
    case AppraisalState::kDisputed:
      return "DISPUTED";
  }
  return "UNKNOWN";
}

}  // namespace

absl::StatusOr<AppraisalState> ApplyAppraisal(AppraisalState state, AppraisalVerb verb,
                                              const AppraisalCase& c) {
  const bool own = !c.actor_id.empty() && c.actor_id == c.member_id;
  const bool for_member = verb == AppraisalVerb::kAcknowledge || verb == AppraisalVerb::kDispute;
  if (for_member && !own) return error::MayNotAct(c.name, "its member so");
  if (!for_member && own) return error::OwnRecord(c.name);
  if (!for_member && !c.leads)
    return error::MayNotAct(c.name, "who leads its member, or an administrator");
  const auto wrong = [&](const char* wanted) {
    return error::WrongState(c.name, Name(state), wanted);
  };
  switch (verb) {
    case AppraisalVerb::kMeasure:
    case AppraisalVerb::kRate:
      if (state != AppraisalState::kOpen) return wrong("OPEN");
      return state;
    case AppraisalVerb::kComplete:
      if (state != AppraisalState::kOpen) return wrong("OPEN");
      if (!c.complete) return error::ScorecardIncomplete(c.name);
      return AppraisalState::kRated;
    case AppraisalVerb::kReview:
      if (state != AppraisalState::kRated && state != AppraisalState::kDisputed)
        return wrong("RATED or DISPUTED");
      if (c.raters.contains(c.actor_id)) return error::OwnRating(c.name);
      return AppraisalState::kReviewed;
    case AppraisalVerb::kReturn:
      if (state != AppraisalState::kRated && state != AppraisalState::kDisputed)
        return wrong("RATED or DISPUTED");
      return AppraisalState::kOpen;
    case AppraisalVerb::kAcknowledge:
      if (state != AppraisalState::kReviewed) return wrong("REVIEWED");
      return AppraisalState::kAcknowledged;
    case AppraisalVerb::kDispute:
      if (state != AppraisalState::kReviewed) return wrong("REVIEWED");
      return AppraisalState::kDisputed;
  }
  return wrong("a state of this verb");
}

}  // namespace milepost::target
