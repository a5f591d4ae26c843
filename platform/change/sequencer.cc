#include "platform/change/sequencer.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/change/sequencing.h"
#include "platform/log/log.h"
#include "platform/resource/name.h"
#include "platform/status/error.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/registry.h"

namespace milepost::change {
namespace {

prometheus::Gauge& Gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

struct Sequencer::Metrics {
  explicit Metrics(prometheus::Registry& registry)
      : unsequenced(Gauge(registry, "milepost_outbox_unsequenced_events",
                          "Committed changes without position, as seen at the last look.")),
        oldest_age(Gauge(registry, "milepost_outbox_oldest_unsequenced_age_seconds",
                         "Age of the oldest of them.")),
        holds_lease(Gauge(registry, "milepost_sequencer_holds_lease",
                          "1 in the replica that hands out positions.")),
        sequenced(prometheus::BuildCounter()
                      .Name("milepost_outbox_sequenced_total")
                      .Help("Changes given a position by this process.")
                      .Register(registry)
                      .Add({})) {}

  void SetPending(const std::vector<PendingChange>& changes) {
    unsequenced.Set(static_cast<double>(changes.size()));
    absl::Duration age = absl::ZeroDuration();
    for (const PendingChange& change : changes) {
      age = std::max(age, absl::Now() - change.change_time);
    }
    oldest_age.Set(absl::ToDoubleSeconds(age));
  }

  prometheus::Gauge& unsequenced;
  prometheus::Gauge& oldest_age;
  prometheus::Gauge& holds_lease;
  prometheus::Counter& sequenced;
};

Sequencer::Sequencer(SessionFactory make_session, Signal& committed, Options options,
                     prometheus::Registry& registry)
    : make_session_(std::move(make_session)),
      committed_(committed),
      options_(options),
      metrics_(std::make_unique<Metrics>(registry)),
      thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

Sequencer::~Sequencer() { Stop(); }

void Sequencer::Stop() {
  thread_.request_stop();
  committed_.Notify();
  if (thread_.joinable()) thread_.join();
}

void Sequencer::Run(std::stop_token stop) {
  const std::unique_ptr<db::Session> session = make_session_();
  const std::string owner = resource::NewId('s', absl::Now());
  std::optional<Lease> lease;
  absl::Time renewed;
  bool complained = false;
  while (!stop.stop_requested()) {
    const uint64_t seen = committed_.count();
    absl::Duration wait = options_.poll;
    session->StartUnit("sequencer", absl::Now() + options_.lease);
    absl::Status status;
    if (!lease) {
      wait = options_.standby_poll;
      absl::StatusOr<std::optional<Lease>> taken = TakeLease(*session, owner, options_.lease);
      status = taken.status();
      if (taken.ok() && taken->has_value()) {
        lease = *taken;
        renewed = absl::Now();
        metrics_->holds_lease.Set(1);
        log::Info("sequencer_lease_taken", {{"epoch", lease->epoch}});
      }
    }
    // A standby looks too, so that a missing sequencer shows in everybody's metrics.
    absl::StatusOr<std::vector<PendingChange>> pending{std::vector<PendingChange>()};
    if (status.ok()) {
      pending = ReadPending(*session, lease ? options_.batch : 1);
      status = pending.status();
    }
    if (status.ok()) {
      metrics_->SetPending(*pending);
      if (lease && !pending->empty()) {
        status = AssignPositions(*session, *lease, *pending, options_.lease);
        renewed = absl::Now();
        if (status.ok()) {
          metrics_->sequenced.Increment(static_cast<double>(pending->size()));
          advanced_.Notify();
          wait = absl::ZeroDuration();
        }
      } else if (lease && absl::Now() - renewed > options_.lease / 3) {
        status = KeepLease(*session, *lease, options_.lease);
        renewed = absl::Now();
      }
    }
    if (!status.ok()) {
      // Whatever it was, the lease's state is read anew: taken again if it is still free or ran
      // out.
      if (lease && status::ReasonOf(status) != "LEASE_LOST") {
        if (!GiveUpLease(*session, *lease).ok()) wait = options_.standby_poll;
      }
      if (!complained || lease) {
        log::Warning("sequencer_interrupted", {{"error", status.ToString()}});
      }
      complained = true;
      lease.reset();
      metrics_->holds_lease.Set(0);
    } else {
      complained = false;
    }
    if (stop.stop_requested()) break;
    if (wait == absl::ZeroDuration()) {
      absl::SleepFor(options_.rest);
    } else {
      committed_.WaitPast(seen, lease ? wait : options_.standby_poll);
    }
  }
  if (lease) {
    const absl::Status status = GiveUpLease(*session, *lease);
    if (!status.ok()) log::Warning("sequencer_lease_not_given_up", {{"error", status.ToString()}});
    metrics_->holds_lease.Set(0);
  }
}

}  // namespace milepost::change
