#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "milepost/reporting/v1/report.pb.h"
#include "platform/change/signal.h"
#include "platform/db/session.h"
#include "reporting-svc/store/rebuild_store.h"

namespace milepost::reporting {

// How far the read models are. Safe from any thread.
class FreshnessReader {
 public:
  // `sources`: the services that are followed, in the order of answers.
  explicit FreshnessReader(std::vector<std::string> sources) : sources_(std::move(sources)) {}

  const std::vector<std::string>& sources() const { return sources_; }

  // Says which position a service's feed has reached.
  void NoteHead(const std::string& source, int64_t position);
  // The one said last; 0 before.
  int64_t KnownHead(const std::string& source);

  // Told after events were applied: by this process, or by another and seen by this one.
  void NoteApplied() { applied_.Notify(); }
  const change::Signal& applied() const { return applied_; }

  struct Answer {
    v1::Freshness freshness;
    bool rebuilding = false;
    // Of the directory's documents; nullopt if no source was ever followed.
    std::optional<int64_t> directory_version;
  };
  absl::StatusOr<Answer> Read(db::Snapshot& snapshot);

 private:
  const std::vector<std::string> sources_;
  RebuildStore store_;
  change::Signal applied_;
  std::mutex mutex_;
  std::map<std::string, int64_t> heads_;  // Guarded by mutex_.
};

}  // namespace milepost::reporting
