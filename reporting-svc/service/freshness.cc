#include "reporting-svc/service/freshness.h"

#include <algorithm>
#include <utility>

#include "platform/types/proto.h"
#include "reporting-svc/service/projection.h"

namespace milepost::reporting {

void FreshnessReader::NoteHead(const std::string& source, int64_t position) {
  const std::lock_guard<std::mutex> lock(mutex_);
  heads_[source] = position;
}

int64_t FreshnessReader::KnownHead(const std::string& source) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = heads_.find(source);
  return found == heads_.end() ? 0 : found->second;
}

absl::StatusOr<FreshnessReader::Answer> FreshnessReader::Read(db::Snapshot& snapshot) {
  const absl::StatusOr<std::vector<SourceState>> states =
      store_.ReadSources(snapshot, Projection::kDirectoryPart);
  if (!states.ok()) return states.status();
  Answer answer;
  if (!states->empty()) answer.directory_version = states->front().directory_version;
  for (const std::string& source : sources_) {
    v1::SourceFreshness& entry = *answer.freshness.add_sources();
    entry.set_source(source);
    const auto state =
        std::find_if(states->begin(), states->end(),
                     [&source](const SourceState& each) { return each.source == source; });
    if (state != states->end()) {
      entry.set_position(state->position);
      entry.set_parked_events(state->parked_events);
      if (state->fresh_time > absl::UnixEpoch())
        *entry.mutable_as_of_time() = ToProto(state->fresh_time);
      answer.rebuilding = answer.rebuilding || state->rebuilding;
    }
    entry.set_head_position(std::max(entry.position(), KnownHead(source)));
  }
  return answer;
}

}  // namespace milepost::reporting
