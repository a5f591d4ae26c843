// The change row: audit entry, feed event and idempotency record in one, written with the effect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"
#include "platform/change/context.h"
#include "platform/db/session.h"

namespace milepost::change {

// One record that a transaction created, changed or deleted.
struct Event {
  std::string type;            // What happened: `opportunity.won`.
  std::string aggregate_type;  // Kind of record: `opportunity`.
  std::string name;            // Resource name: `opportunities/o-1`.
  int64_t version = 0;         // After the change; 1 for a new record, then one more each time.
  const google::protobuf::Message& state;  // The public resource after it; the last one if deleted.
  bool deleted = false;
  // `update_time` that the record had before; keeps its changes in order when clocks differ.
  absl::Time previous_update_time = absl::InfinitePast();
};

inline constexpr size_t kMaxReasonCharacters = 1000;
inline constexpr size_t kMaxNameBytes = 160;
inline constexpr size_t kMaxStateBytes = 1024 * 1024;  // Serialized.

// Adds a change to the transaction. The changes of a transaction are written right before COMMIT by
// multi-row INSERTs, one round trip unless they are many; beyond 2,000 some are written now. The
// state is copied now. The commit, or this, then fails with ALREADY_EXISTS REQUEST_ID_USED if the
// `request_id` was used before (Replay answers it), with ABORTED CONCURRENT_CHANGE if the record
// has this version already: one that is made anew under the id of a deleted one goes on with its
// versions. INVALID_ARGUMENT for a `request_id` that is no UUID and for a reason that is too long;
// INTERNAL for an event that breaks the limits above.
absl::Status Record(db::Transaction& tx, const Context& why, const Event& event);

// True if a transaction failed because its changes could not be kept, for none of the reasons above
// that a caller can bring about, nor for a conflict or a lost connection. It was rolled back, so
// nothing went unrecorded; but somebody must look (`milepost_audit_write_failures_total`).
bool IsWriteFailure(const absl::Status& status);

// What a request did when it was carried out.
struct PastRequest {
  std::string request_hash;
  std::string transaction_id;
  absl::Time change_time;
  struct Result {
    std::string name;
    std::string type;
    google::protobuf::Any state;
  };
  std::vector<Result> results;  // Changes of its transaction, in the order they were recorded.
};
absl::StatusOr<std::optional<PastRequest>> FindRequest(db::Session& session,
                                                       const std::string& request_scope,
                                                       const std::string& request_id);

// Answers a call that failed with `status` (as a rule refused it or a unique key collided), if it
// repeats one that was carried out: OK and `response` filled with the first state of its type that
// the earlier call recorded (google. protobuf.Empty stays empty); ALREADY_EXISTS
// REQUEST_ALREADY_DONE if it recorded none of that type; INVALID_ARGUMENT REQUEST_ID_REUSED if the
// arguments were others. Otherwise `status`. After a COMMIT of unknown outcome this tells whether
// it happened. One round trip, none without `request_id`. The response is as recorded: unmasked.
absl::Status Replay(db::Session& session, const Context& why, const absl::Status& status,
                    google::protobuf::Message& response);

}  // namespace milepost::change
