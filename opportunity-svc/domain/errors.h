#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "opportunity-svc/domain/opportunity.h"
#include "opportunity-svc/domain/order.h"

// Every error that a client of opportunity-svc can see, apart from bad fields. `name` is a full
// resource name.
namespace milepost::opportunity::error {

// What is not there and what the caller may not see answer alike.
absl::Status NotFound(const std::string& name);
absl::Status AlreadyExists(const std::string& name);
absl::Status StaleEtag(const std::string& name);
absl::Status MayNotChange(const std::string& name);

// Something the request refers to.
absl::Status ReferenceMissing(const std::string& name);
absl::Status ReferenceArchived(const std::string& name);
absl::Status CustomerUnknown(const std::string& name);
absl::Status CustomersUnavailable(const std::string& detail);
absl::Status MemberUnknown(const std::string& name);
absl::Status OwnerRequired();
absl::Status OwnerOutOfScope(const std::string& name);

// Opportunities.
absl::Status NotOpen(const std::string& name, State state);
absl::Status AlreadyOpen(const std::string& name);
absl::Status StageUnknown(const std::string& process, int64_t revision, const std::string& stage);
absl::Status AlreadyInStage(const std::string& name, const std::string& stage);
// The edge adds the blockers as StageMoveBlockers.
absl::Status StageMoveBlocked(const std::string& name, const Blockers& blockers);
absl::Status HistoryFull(const std::string& name);
absl::Status MilestoneUnknown(const std::string& stage, const std::string& milestone);
absl::Status MilestoneAhead(const std::string& stage, const std::string& milestone);
absl::Status MilestoneComplete(const std::string& stage, const std::string& milestone);
absl::Status MilestoneIncomplete(const std::string& stage, const std::string& milestone);
absl::Status RoleTaken(const std::string& member, const std::string& role);
absl::Status NotOnTeam(const std::string& member, const std::string& role);
absl::Status TeamFull(const std::string& name);
absl::Status OwnerUnchanged(const std::string& name, const std::string& owner);
absl::Status DateInFuture(const std::string& field, absl::CivilDay found, absl::CivilDay today);
absl::Status DateTooEarly(const std::string& field, absl::CivilDay found, const std::string& other,
                          absl::CivilDay earliest);
absl::Status OrderStands(const std::string& name, const std::string& order);
absl::Status NotImported(const std::string& name);
absl::Status ChangedSinceImport(const std::string& name);

// Orders.
absl::Status WrongOrderState(const std::string& name, OrderState found, OrderState wanted);
absl::Status OrderCancelled(const std::string& name);
absl::Status AmountTooLarge();
absl::Status LinesDiffer(int64_t amount, int64_t lines);
absl::Status LineUnknown(int line_number, size_t lines);
absl::Status ReturnTooLarge(int line_number, int64_t quantity, int64_t remaining);
absl::Status MoneyCollected(const std::string& name, int64_t collected);
absl::Status CollectionTooLarge(int64_t amount, int64_t left);
absl::Status RefundTooLarge(int64_t amount, int64_t collected);
absl::Status EntriesFull(const std::string& name, const std::string& field, size_t limit);

// Streams.
absl::Status WatchTokenInvalid();
absl::Status WatchTokenExpired();
absl::Status WatchDrained();

}  // namespace milepost::opportunity::error
