#include "opportunity-svc/domain/errors.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "opportunity-svc/domain/limits.h"
#include "platform/status/error.h"

namespace milepost::opportunity::error {
namespace {

using status::Error;

absl::Status Precondition(const std::string& reason, const std::string& message,
                          const status::Facts& facts = {}) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message, facts);
}

absl::Status BadField(const std::string& field, const std::string& description) {
  status::FieldViolations violations;
  violations.Add(field, description);
  return violations.ToStatus();
}

std::string Text(absl::CivilDay day) { return absl::FormatCivilTime(day); }

}  // namespace

absl::Status NotFound(const std::string& name) {
  return Error(absl::StatusCode::kNotFound, "NOT_FOUND", absl::StrCat(name, " does not exist"),
               {{"name", name}});
}

absl::Status AlreadyExists(const std::string& name) {
  return Error(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
               absl::StrCat(name, " exists already"), {{"name", name}});
}

absl::Status StaleEtag(const std::string& name) {
  return Error(absl::StatusCode::kAborted, "STALE_ETAG",
               absl::StrCat(name, " was changed since it was read; read it again"),
               {{"name", name}});
}

absl::Status MayNotChange(const std::string& name) {
  return Error(absl::StatusCode::kPermissionDenied, "MAY_NOT_CHANGE",
               absl::StrCat("the caller may see ", name, " but not change it"), {{"name", name}});
}

absl::Status ReferenceMissing(const std::string& name) {
  return Precondition("REFERENCE_MISSING", absl::StrCat(name, " does not exist"), {{"name", name}});
}

absl::Status ReferenceArchived(const std::string& name) {
  return Precondition("REFERENCE_ARCHIVED",
                      absl::StrCat(name, " is archived and cannot be used any more"),
                      {{"name", name}});
}

absl::Status CustomerUnknown(const std::string& name) {
  return Precondition("CUSTOMER_UNKNOWN", absl::StrCat(name, " does not exist"), {{"name", name}});
}

absl::Status CustomersUnavailable(const std::string& detail) {
  return Error(
      absl::StatusCode::kUnavailable, "CUSTOMERS_UNAVAILABLE",
      absl::StrCat(
          "customer-svc does not answer, so the customer cannot be checked; nothing was done (",
          detail, ")"));
}

absl::Status MemberUnknown(const std::string& name) {
  return Precondition("MEMBER_UNKNOWN", absl::StrCat(name, " is not a member today"),
                      {{"name", name}});
}

absl::Status OwnerRequired() {
  return Precondition("OWNER_REQUIRED", "the caller is not a member, so an owner must be named");
}

absl::Status OwnerOutOfScope(const std::string& name) {
  return Error(absl::StatusCode::kPermissionDenied, "OWNER_OUT_OF_SCOPE",
               absl::StrCat(name, " is outside the caller's scope"), {{"name", name}});
}

absl::Status NotOpen(const std::string& name, State state) {
  return Precondition("NOT_OPEN",
                      absl::StrCat(name, " is ", StateName(state), ", but must be OPEN"),
                      {{"name", name}, {"state", StateName(state)}});
}

absl::Status AlreadyOpen(const std::string& name) {
  return Precondition("ALREADY_OPEN", absl::StrCat(name, " is OPEN, but must be WON or LOST"),
                      {{"name", name}});
}

absl::Status StageUnknown(const std::string& process, int64_t revision, const std::string& stage) {
  return Precondition(
      "STAGE_UNKNOWN",
      absl::StrCat("processes/", process, " has no stage '", stage, "' in revision ", revision),
      {{"process", absl::StrCat("processes/", process)},
       {"revision", absl::StrCat(revision)},
       {"stage", stage}});
}

absl::Status AlreadyInStage(const std::string& name, const std::string& stage) {
  return Precondition("ALREADY_IN_STAGE", absl::StrCat(name, " is in stage '", stage, "' already"),
                      {{"name", name}, {"stage", stage}});
}

absl::Status StageMoveBlocked(const std::string& name, const Blockers& blockers) {
  std::vector<std::string> missing;
  for (const Blockers::Missing& milestone : blockers.missing_milestones) {
    missing.push_back(absl::StrCat("milestone '", milestone.milestone.title, "' of stage '",
                                   milestone.stage, "' is not complete"));
  }
  for (const Field field : blockers.missing_fields) {
    missing.push_back(absl::StrCat("field '", FieldName(field), "' is not set"));
  }
  for (const std::string& role : blockers.missing_roles) {
    missing.push_back(absl::StrCat("nobody on the deal team is '", role, "'"));
  }
  if (blockers.reason_required) missing.push_back("going back needs a reason");
  if (!blockers.skipped_stages.empty()) {
    missing.push_back(
        absl::StrCat("only a manager may skip ", absl::StrJoin(blockers.skipped_stages, ", ")));
  }
  const std::string target =
      blockers.to_stage.empty() ? "be won" : absl::StrCat("enter '", blockers.to_stage, "'");
  return Precondition(
      "STAGE_MOVE_BLOCKED",
      absl::StrCat(name, " cannot ", target, " yet: ", absl::StrJoin(missing, "; ")),
      {{"name", name}, {"from_stage", blockers.from_stage}, {"to_stage", blockers.to_stage}});
}

absl::Status HistoryFull(const std::string& name) {
  return EntriesFull(name, "stage_history", kMaxVisits);
}

absl::Status MilestoneUnknown(const std::string& stage, const std::string& milestone) {
  return Precondition("MILESTONE_UNKNOWN",
                      absl::StrCat("stage '", stage, "' has no milestone '", milestone, "'"),
                      {{"stage", stage}, {"milestone", milestone}});
}

absl::Status MilestoneAhead(const std::string& stage, const std::string& milestone) {
  return Precondition("MILESTONE_AHEAD",
                      absl::StrCat("milestone '", milestone, "' belongs to stage '", stage,
                                   "', which is still ahead"),
                      {{"stage", stage}, {"milestone", milestone}});
}

absl::Status MilestoneComplete(const std::string& stage, const std::string& milestone) {
  return Precondition(
      "MILESTONE_COMPLETE",
      absl::StrCat("milestone '", milestone, "' of stage '", stage, "' is complete already"),
      {{"stage", stage}, {"milestone", milestone}});
}

absl::Status MilestoneIncomplete(const std::string& stage, const std::string& milestone) {
  return Precondition(
      "MILESTONE_INCOMPLETE",
      absl::StrCat("milestone '", milestone, "' of stage '", stage, "' is not complete"),
      {{"stage", stage}, {"milestone", milestone}});
}

absl::Status RoleTaken(const std::string& member, const std::string& role) {
  return Precondition("ROLE_TAKEN",
                      absl::StrCat("members/", member, " is '", role, "' on the deal team already"),
                      {{"member", absl::StrCat("members/", member)}, {"role", role}});
}

absl::Status NotOnTeam(const std::string& member, const std::string& role) {
  return Precondition(
      "NOT_ON_TEAM",
      absl::StrCat("members/", member, " is not ",
                   role.empty() ? "" : absl::StrCat("'", role, "' "), "on the deal team"),
      {{"member", absl::StrCat("members/", member)}, {"role", role}});
}

absl::Status TeamFull(const std::string& name) { return EntriesFull(name, "team", kMaxTeam); }

absl::Status OwnerUnchanged(const std::string& name, const std::string& owner) {
  return Precondition("OWNER_UNCHANGED",
                      absl::StrCat("members/", owner, " owns ", name, " already"),
                      {{"name", name}, {"owner", absl::StrCat("members/", owner)}});
}

absl::Status DateInFuture(const std::string& field, absl::CivilDay found, absl::CivilDay today) {
  return Precondition("DATE_IN_FUTURE",
                      absl::StrCat(field, " ", Text(found), " is after today, ", Text(today)),
                      {{"field", field}, {"found", Text(found)}, {"today", Text(today)}});
}

absl::Status DateTooEarly(const std::string& field, absl::CivilDay found, const std::string& other,
                          absl::CivilDay earliest) {
  return Precondition(
      "DATE_TOO_EARLY",
      absl::StrCat(field, " ", Text(found), " is before ", other, ", ", Text(earliest)),
      {{"field", field}, {"found", Text(found)}, {"earliest", Text(earliest)}});
}

absl::Status OrderStands(const std::string& name, const std::string& order) {
  return Precondition(
      "ORDER_STANDS",
      absl::StrCat(name, " was won and orders/", order, " stands; cancel the order first"),
      {{"name", name}, {"order", absl::StrCat("orders/", order)}});
}

absl::Status NotImported(const std::string& name) {
  return Precondition("NOT_IMPORTED", absl::StrCat(name, " exists and was not made by an import"),
                      {{"name", name}});
}

absl::Status ChangedSinceImport(const std::string& name) {
  return Precondition(
      "CHANGED_SINCE_IMPORT",
      absl::StrCat(name, " was changed since it was imported; an import does not overwrite that"),
      {{"name", name}});
}

absl::Status WrongOrderState(const std::string& name, OrderState found, OrderState wanted) {
  return Precondition(
      "WRONG_ORDER_STATE",
      absl::StrCat(name, " is ", OrderStateName(found), ", but must be ", OrderStateName(wanted)),
      {{"name", name}, {"state", OrderStateName(found)}});
}

absl::Status OrderCancelled(const std::string& name) {
  return Precondition("ORDER_CANCELLED", absl::StrCat(name, " is cancelled"), {{"name", name}});
}

absl::Status AmountTooLarge() {
  return BadField("lines", absl::StrCat("add up to more than ", kMaxMinorUnits, " minor units"));
}

absl::Status LinesDiffer(int64_t amount, int64_t lines) {
  return BadField("lines",
                  absl::StrCat("add up to ", lines, " minor units, but the amount is ", amount));
}

absl::Status LineUnknown(int line_number, size_t lines) {
  return Precondition("LINE_UNKNOWN",
                      absl::StrCat("there is no line ", line_number, "; the order has ", lines),
                      {{"line_number", absl::StrCat(line_number)}});
}

absl::Status ReturnTooLarge(int line_number, int64_t quantity, int64_t remaining) {
  return Precondition(
      "RETURN_TOO_LARGE",
      absl::StrCat("line ", line_number, ": ", quantity, " cannot come back, ", remaining,
                   " are left"),
      {{"line_number", absl::StrCat(line_number)}, {"remaining", absl::StrCat(remaining)}});
}

absl::Status MoneyCollected(const std::string& name, int64_t collected) {
  return Precondition(
      "MONEY_COLLECTED",
      absl::StrCat(collected, " minor units are collected on ", name, "; refund them first"),
      {{"name", name}, {"collected", absl::StrCat(collected)}});
}

absl::Status CollectionTooLarge(int64_t amount, int64_t left) {
  return Precondition("COLLECTION_TOO_LARGE",
                      absl::StrCat(amount, " is more than the ", left, " still to be collected"),
                      {{"amount", absl::StrCat(amount)}, {"left", absl::StrCat(left)}});
}

absl::Status RefundTooLarge(int64_t amount, int64_t collected) {
  return Precondition("REFUND_TOO_LARGE",
                      absl::StrCat(amount, " is more than the ", collected, " collected"),
                      {{"amount", absl::StrCat(amount)}, {"collected", absl::StrCat(collected)}});
}

absl::Status EntriesFull(const std::string& name, const std::string& field, size_t limit) {
  return Precondition(
      "ENTRIES_FULL",
      absl::StrCat(field, " of ", name, " is full: it holds at most ", limit, " entries"),
      {{"name", name}, {"field", field}, {"limit", absl::StrCat(limit)}});
}

absl::Status WatchTokenInvalid() {
  return Error(absl::StatusCode::kInvalidArgument, "RESUME_TOKEN_INVALID",
               "resume_token was not given out by this service");
}

absl::Status WatchTokenExpired() {
  return Error(absl::StatusCode::kOutOfRange, "RESUME_TOKEN_EXPIRED",
               "resume_token is older than the changes this service keeps; list again and watch "
               "without one");
}

absl::Status WatchDrained() {
  return Error(absl::StatusCode::kUnavailable, "DRAINING",
               "the server is shutting down; watch again from the last resume_token");
}

}  // namespace milepost::opportunity::error
