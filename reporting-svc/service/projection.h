#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "milepost/feed/v1/feed.pb.h"
#include "platform/db/session.h"
#include "reporting-svc/store/document_store.h"
#include "reporting-svc/store/ledger_store.h"
#include "reporting-svc/store/rebuild_store.h"

namespace milepost::reporting {

// The services that are followed, by the names of their feeds.
inline constexpr char kCustomerService[] = "customer-svc";
inline constexpr char kOpportunityService[] = "opportunity-svc";
inline constexpr char kTargetService[] = "target-svc";

// Turns changes of other services' records into facts, cells and documents. The same changes, in
// whatever batches, make the same read models; a change whose version is there already does
// nothing. Holds no state; safe from any thread with a transaction of its own each.
class Projection {
 public:
  // `zone` says on which day a moment falls.
  explicit Projection(absl::TimeZone zone) : zone_(zone) {}

  // Applies changes in order, inside the caller's transaction (which also moves the checkpoint).
  // Changes of records that no report needs are passed over. An error means that one of them cannot
  // be applied, and nothing may be committed.
  absl::Status Apply(db::Transaction& tx, std::span<const feed::v1::Event> events);

  // Forgets everything that came from a service, step by step.
  absl::Status Reset(db::Session& session, const std::string& source);

  // The part of the documents that a plan with its nodes is, and the part that all others are.
  static std::string PlanPart(const std::string& plan_id);
  static constexpr char kDirectoryPart[] = "directory";

 private:
  const absl::TimeZone zone_;
  LedgerStore ledger_;
  DocumentStore documents_;
  RebuildStore rebuilds_;
};

}  // namespace milepost::reporting
