#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"
#include "reporting-svc/service/freshness.h"
#include "reporting-svc/store/figure_store.h"
#include "reporting-svc/store/ledger_store.h"

namespace milepost::reporting {

// Looks once an hour whether the stored cells still agree with their facts, and the figures in
// memory with the cells, while all of them go on being written, and says so in the metrics
// `milepost_reconcile_mismatches` and `milepost_reconcile_last_success_timestamp_seconds`. Every
// replica looks.
class Reconciler {
 public:
  using SessionFactory = std::function<std::unique_ptr<db::Session>()>;

  // All outlive the reconciler.
  Reconciler(SessionFactory make_session, FreshnessReader& freshness, FigureStore& figures,
             prometheus::Registry& registry);

  // Looks until asked to stop; from a thread of its own.
  void Run(std::stop_token stop);

  // One look: the number of cells that contradict their facts (at most kNamedMismatches) or the
  // figures in memory. UNAVAILABLE during a rebuild.
  absl::StatusOr<int64_t> Look(db::Session& session);

 private:
  void Report(const char* check, int64_t mismatches);

  const SessionFactory make_session_;
  FreshnessReader& freshness_;
  FigureStore& figures_;
  LedgerStore ledger_;
  prometheus::Family<prometheus::Gauge>& mismatches_;
  prometheus::Family<prometheus::Gauge>& last_success_;
};

}  // namespace milepost::reporting
