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

constexpr absl::Duration kInterval = absl::Hours(1);
// After the start, so that a rollout is over, and after a look that came to nothing.
constexpr absl::Duration kSoon = absl::Minutes(1);

}  // namespace

Reconciler::Reconciler(SessionFactory make_session, FreshnessReader& freshness,
                       prometheus::Registry& registry)
    : make_session_(std::move(make_session)),
      freshness_(freshness),
      mismatches_(prometheus::BuildGauge()
                      .Name("milepost_reconcile_mismatches")
                      .Help("Stored figures that contradict their facts, by check.")
                      .Register(registry)
                      .Add({{"check", "read_models"}})),
      last_success_(prometheus::BuildGauge()
                        .Name("milepost_reconcile_last_success_timestamp_seconds")
                        .Help("When the check last came to its end, Unix time.")
                        .Register(registry)) {}

absl::StatusOr<int64_t> Reconciler::Look(db::Session& session) {
  const absl::StatusOr<FreshnessReader::Answer> state =
      session.Read([&](db::Snapshot& snapshot) { return freshness_.Read(snapshot); });
  session.EndRead();
  if (!state.ok()) return state.status();
  if (state->rebuilding) return error::Rebuilding();

  absl::StatusOr<Reconciliation> result = Reconcile(session, ledger_);
  if (!result.ok()) return result.status();
  int64_t mismatches = 0;
  if (result->mismatch_count > 0) {
    const absl::StatusOr<Reconciliation> again = Reconcile(session, ledger_);
    if (!again.ok()) return again.status();
    for (const Reconciliation::Mismatch& mismatch : Lasting(*result, *again)) {
      ++mismatches;
      log::Error("read_model_mismatch", {{"cell", mismatch.cell.ToString()}});
    }
  }
  mismatches_.Set(static_cast<double>(mismatches));
  // Made now: before the first end there is no time to tell.
  last_success_.Add({{"check", "read_models"}})
      .Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
  return mismatches;
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
