#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"
#include "reporting-svc/service/freshness.h"
#include "reporting-svc/store/ledger_store.h"

namespace milepost::reporting {

// Looks once an hour whether the read models still agree with their facts, while they go on being
// written, and says so in the metrics `milepost_reconcile_mismatches` and
// `milepost_reconcile_last_success_timestamp_seconds`. Every replica looks.
class Reconciler {
 public:
  using SessionFactory = std::function<std::unique_ptr<db::Session>()>;

  // All outlive the reconciler.
  Reconciler(SessionFactory make_session, FreshnessReader& freshness,
             prometheus::Registry& registry);

  // Looks until asked to stop; from a thread of its own.
  void Run(std::stop_token stop);

  // One look: the number of cells (at most kNamedMismatches) that contradict their facts.
  // UNAVAILABLE during a rebuild.
  absl::StatusOr<int64_t> Look(db::Session& session);

 private:
  const SessionFactory make_session_;
  FreshnessReader& freshness_;
  LedgerStore ledger_;
  prometheus::Gauge& mismatches_;
  prometheus::Family<prometheus::Gauge>& last_success_;
};

}  // namespace milepost::reporting
