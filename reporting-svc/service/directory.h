#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "milepost/target/v1/plan.pb.h"
#include "platform/access/organization.h"
#include "platform/db/session.h"
#include "reporting-svc/domain/organization.h"
#include "reporting-svc/domain/progress.h"
#include "reporting-svc/domain/working_calendar.h"
#include "reporting-svc/store/document_store.h"

namespace milepost::reporting {

// A unit that a member leads for a time.
struct ManagedUnit {
  std::string unit;
  absl::CivilDay first_day;
  std::optional<absl::CivilDay> last_day;
};

// Names and shapes of what reports are about, as known at one moment. Immutable.
struct Directory {
  struct Process {
    std::string title;
    std::vector<std::pair<std::string, std::string>> stages;  // Ids and titles, in order.
  };

  int64_t version = 0;
  Organization organization;
  // The same organization as far as access is concerned.
  std::shared_ptr<const access::Organization> access_organization;
  absl::flat_hash_map<std::string, std::vector<ManagedUnit>> managed_units;  // By member.
  std::map<std::string, WorkingCalendar> calendars;
  absl::flat_hash_map<std::string, std::string> product_titles;
  absl::flat_hash_map<std::string, std::string> source_titles;
  absl::flat_hash_map<std::string, Process> processes;
};

// A plan with its nodes, as known at one moment. Immutable.
struct Plan {
  int64_t version = 0;
  target::v1::Plan plan;
  PlanTree tree{{}};
};

// Keeps the newest directory and the plans that were asked for last; a look at one row tells
// whether they are. Safe from any thread.
class DirectoryCache {
 public:
  // Plans kept in memory.
  static constexpr size_t kMaxPlans = 32;

  // `version`: of the directory's documents, if it was read in the same snapshot already.
  absl::StatusOr<std::shared_ptr<const Directory>> Get(
      db::Snapshot& snapshot, std::optional<int64_t> version = std::nullopt);

  // Null if there is no such plan.
  absl::StatusOr<std::shared_ptr<const Plan>> GetPlan(db::Snapshot& snapshot,
                                                      const std::string& plan_id);

 private:
  DocumentStore documents_;
  std::mutex mutex_;
  std::shared_ptr<const Directory> directory_;                // Guarded by mutex_.
  std::map<std::string, std::shared_ptr<const Plan>> plans_;  // Guarded by mutex_.
};

}  // namespace milepost::reporting
