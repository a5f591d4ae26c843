// Why a change is made. Plain value, free of gRPC and of the database.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}

namespace milepost::change {

class Signal;

// Who makes the changes of one transaction, on whose request and why.
struct Context {
  std::string actor;            // Member id; empty for the suite itself.
  std::string calling_service;  // Name of the service that called; empty if the actor did.
  std::string reason;           // As given by the caller; may be empty.

  // Repeating: within `request_scope` a `request_id` has one effect. Empty id: not repeatable.
  std::string request_scope;
  std::string request_id;
  std::string request_hash;  // RequestHash of the request.

  // Told after the commit, so that the change gets its feed position at once. May be null: then the
  // sequencer finds it at its next poll. Outlives the transaction.
  Signal* committed = nullptr;
};

// `request_scope` of a caller.
std::string RequestScope(const std::string& member_id, const std::string& calling_service);

// SHA-256 (32 bytes) over the request's type and content without its `request_id` field.
std::string RequestHash(const google::protobuf::Message& request);

// OK for an empty text or a UUID in the usual form (8-4-4-4-12 hexadecimal digits).
bool IsRequestId(const std::string& request_id);

}  // namespace milepost::change
