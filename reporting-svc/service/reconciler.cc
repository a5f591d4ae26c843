#include "reporting-svc/service/reconciler.h"

#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "platform/log/log.h"
#include "reporting-svc/domain/errors.h"
#include "reporting-svc/service/reconciliation.h"

namespace milepost::reporting {
namespace {

// The checks: stored cells against facts, figures in memory against stored cells.
constexpr char kReadModels[] = "read_models";
constexpr char kFigures[] = "figures";

constexpr absl::Duration kInterval = absl::Hours(1);
// After the start, so that a rollout is over, and after a look that came to nothing.
constexpr absl::Duration kSoon = absl::Minutes(1);

}  // namespace

Reconciler::Reconciler(SessionFactory make_session, FreshnessReader& freshness,
                       FigureStore& figures, prometheus::Registry& registry)
    : make_session_(std::move(make_session)),
      freshness_(freshness),
      figures_(figures),
      mismatches_(prometheus::BuildGauge()
                      .Name("milepost_reconcile_mismatches")
                      .Help("Figures that contradict what they are made of, by check.")
                      .Register(registry)),
      last_success_(prometheus::BuildGauge()
                        .Name("milepost_reconcile_last_success_timestamp_seconds")
                        .Help("When the check last came to its end, Unix time.")
                        .Register(registry)) {
  for (const char* check : {kReadModels, kFigures}) mismatches_.Add({{"check", check}});
}

absl::StatusOr<int64_t> Reconciler::Look(db::Session& session) {
  const absl::StatusOr<FreshnessReader::Answer> state =
      session.Read([&](db::Snapshot& snapshot) { return freshness_.Read(snapshot); });
  session.EndRead();
  if (!state.ok()) return state.status();
  if (state->rebuilding) return error::Rebuilding();

  absl::StatusOr<Reconciliation> result = Reconcile(session, ledger_);
  if (!result.ok()) return result.status();
  int64_t in_cells = 0;
  if (result->mismatch_count > 0) {
    const absl::StatusOr<Reconciliation> again = Reconcile(session, ledger_);
    if (!again.ok()) return again.status();
    for (const Reconciliation::Mismatch& mismatch : Lasting(*result, *again)) {
      ++in_cells;
      log::Error("read_model_mismatch", {{"cell", mismatch.cell.ToString()}});
    }
  }
  Report(kReadModels, in_cells);

  const absl::StatusOr<int64_t> in_memory =
      session.Read([&](db::Snapshot& snapshot) { return figures_.CountMismatches(snapshot); });
  session.EndRead();
  if (!in_memory.ok()) return in_memory.status();
  if (*in_memory > 0) log::Error("figures_mismatch", {{"cells", *in_memory}});
  Report(kFigures, *in_memory);
  return in_cells + *in_memory;
}

void Reconciler::Report(const char* check, int64_t mismatches) {
  mismatches_.Add({{"check", check}}).Set(static_cast<double>(mismatches));
  // Made now: before the first end there is no time to tell.
  last_success_.Add({{"check", check}}).Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
}

void Reconciler::Run(std::stop_token stop) {
  std::minstd_rand random{std::random_device{}()};
  std::mutex mutex;
  std::condition_variable_any wake;
  absl::Duration wait = kSoon;
  while (true) {
    // Replicas that started together do not look together.
    wait += wait / 5 * std::uniform_real_distribution<double>(0, 1)(random);
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, stop, absl::ToChronoNanoseconds(wait), [] { return false; });
    if (stop.stop_requested()) return;
    const std::unique_ptr<db::Session> session = make_session_();
    session->StartUnit("reconcile", absl::Now() + kInterval);
    const absl::StatusOr<int64_t> mismatches = Look(*session);
    wait = mismatches.ok() ? kInterval : kSoon;
    if (!mismatches.ok())
      log::Warning("reconcile_failed", {{"error", mismatches.status().ToString()}});
  }
}

}  // namespace milepost::reporting
