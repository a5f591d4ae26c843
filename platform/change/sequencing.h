// The steps of handing out feed positions, without threads: what sequencer.h runs and tests pause.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/db/session.h"

namespace milepost::change {

// The right to hand out positions. Whoever takes it after us raises the epoch, and then nothing
// that we write is accepted any more.
struct Lease {
  int64_t epoch = 0;
  int64_t next_position = 0;
};

// The lease if nobody holds it, nullopt while somebody does. Expiry is by the database's clock.
absl::StatusOr<std::optional<Lease>> TakeLease(db::Session& session, const std::string& owner,
                                               absl::Duration duration);

// FAILED_PRECONDITION LEASE_LOST if another has taken it.
absl::Status KeepLease(db::Session& session, const Lease& lease, absl::Duration duration);

// Lets the next one take it at once. OK if it was lost already.
absl::Status GiveUpLease(db::Session& session, const Lease& lease);

// A committed change without position.
struct PendingChange {
  std::string change_id;
  std::string transaction_id;
  std::string aggregate_id;
  int64_t version = 0;
  absl::Time change_time;
};

// About `limit` pending changes in the order they are to get positions: by change id, whole
// transactions, and each record's versions in order even if the writers' clocks differed. Changes
// whose record has an older version still pending elsewhere are held back. Empty if nothing pends.
absl::StatusOr<std::vector<PendingChange>> ReadPending(db::Session& session, size_t limit);

// Orders changes that are grouped by transaction; exposed for tests.
std::vector<PendingChange> InVersionOrder(std::vector<PendingChange> changes);

// Gives `changes` the positions from lease.next_position on, in one transaction, and renews the
// lease. FAILED_PRECONDITION LEASE_LOST if another has taken it: then nothing is written.
absl::Status AssignPositions(db::Session& session, Lease& lease,
                             const std::vector<PendingChange>& changes, absl::Duration duration);

}  // namespace milepost::change
