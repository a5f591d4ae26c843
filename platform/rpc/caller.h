#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/client_context.h"
#include "platform/access/organization.h"
#include "platform/access/token.h"
#include "platform/change/context.h"

namespace milepost::rpc {

// Who makes a call, as which role, and what of it travels on. Lives as long as the call; read-only
// and safe from any thread.
class Caller {
 public:
  struct Parts {
    access::Identity identity;
    std::string token;            // Bearer token as received; empty for a service.
    std::string calling_service;  // From the client certificate; empty if a member called directly.
    std::string traceparent;      // W3C trace context of this call.
    absl::Time deadline;
    std::shared_ptr<const access::Organization> organization;
    absl::CivilDay today;
    change::Signal* committed = nullptr;  // The sequencer's wake-up.
  };
  explicit Caller(Parts parts) : parts_(std::move(parts)) {}
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  const access::Identity& identity() const { return parts_.identity; }
  // Bare member id, or empty for a service.
  const std::string& member() const { return parts_.identity.member_id; }
  bool Has(access::Role role) const { return parts_.identity.roles.Has(role); }
  const std::string& calling_service() const { return parts_.calling_service; }
  const access::Organization& organization() const { return *parts_.organization; }
  // The day it is in the suite's zone.
  absl::CivilDay today() const { return parts_.today; }
  absl::Time deadline() const { return parts_.deadline; }
  const std::string& traceparent() const { return parts_.traceparent; }

  // What records the caller may see, by their owner; computed at the first use.
  const access::Scope& scope() const;
  // True if a record of this owner (bare member id; empty: the shared pool) is in scope.
  bool MaySee(const std::string& owner) const { return scope().MaySee(owner); }

  // Context of the changes that `request` makes: actor, calling service, `request_id` with the
  // request's hash, `reason` if the request has such a field.
  change::Context Change(const google::protobuf::Message& request) const;

  // Makes a call to a peer carry the caller's identity, trace and remaining deadline less a margin.
  void Prepare(grpc::ClientContext& context) const;

 private:
  Parts parts_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const access::Scope> scope_;  // Guarded by mutex_ until set.
};

}  // namespace milepost::rpc
