#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "milepost/target/v1/node.pb.h"
#include "platform/db/session.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/plan.h"
#include "target-svc/service/directory.h"
#include "target-svc/service/history.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/calendar_store.h"
#include "target-svc/store/plan_store.h"

// Breaking nodes of a plan down: from a request to the children that it makes.
namespace milepost::target {

enum class OrganizationParts { kChildUnits = 1, kDirectMembers = 2, kAllMembers = 3 };

// A split as asked for, read and checked field by field.
struct SplitCommand {
  std::vector<std::string> node_ids;        // These nodes ...
  std::optional<std::string> leaves_under;  // ... or all leaves from this node down.
  SplitRule rule;
  std::vector<PartSpec> parts;
  std::optional<PeriodKind> grain;
  std::optional<OrganizationParts> organization;
  HistorySpec history;
  std::string calendar_id;  // For the working calendar; empty: that of the plan.
  std::vector<int64_t> ramp_ppm;
  // Of the potential: taken off are the actuals of the only period of `history`, if it has one.
  std::string copy_plan_id;
  std::string copy_node_id;  // Empty: of each node the one that is for the same.
  std::string copy_breakdown_id;
  std::string reason;
};

// The value of a part in its dimension: the bare id of a resource name, or a key.
std::string ReadPartKey(const std::string& key, Dimension dimension, const std::string& field,
                        Reader& reader);

// Whether weighing asks reporting-svc.
bool NeedsHistory(const SplitCommand& command);

// What the parts of one node weigh, and how that came about, one for each part or none.
struct PartWeights {
  std::vector<int64_t> weights;
  std::vector<std::string> words;
};

// `path` is that of the method.
HistorySpec ReadHistory(const v1::HistoryMethod& history, const std::string& path, Reader& reader);

SplitCommand ReadSplit(const v1::SplitSpec& spec, const std::string& plan_id, Reader& reader);

// One node and what it is to be split into.
struct SplitTask {
  Node node;
  std::vector<PartSpec> parts;
  std::vector<Node> replaced;  // The old breakdown with all below it.
};

// What a split does: each parent as it will be, and its children.
struct Decomposition {
  struct Part {
    Node parent;
    std::vector<Node> children;
  };
  std::vector<Part> parts;  // In the order of the plan.
  std::vector<Node> deleted;
  int64_t created_count = 0;
};

class Decomposer {
 public:
  explicit Decomposer(Directory& directory) : directory_(directory) {}

  // The nodes and their parts as they are now.
  absl::StatusOr<std::vector<SplitTask>> Resolve(db::Snapshot& snapshot, const Plan& plan,
                                                 const SplitCommand& command) const;

  // The weights of the parts of every task: with `history` where NeedsHistory, else without. The
  // caller of a copy sees its source.
  absl::StatusOr<std::vector<PartWeights>> Weigh(db::Snapshot& snapshot, const Plan& plan,
                                                 const SplitCommand& command,
                                                 const std::vector<SplitTask>& tasks) const;
  absl::StatusOr<std::vector<PartWeights>> WeighByHistory(
      History& history, const SplitCommand& command, const std::vector<SplitTask>& tasks) const;

  // Computes the children. With `numbered`, gives them ids and advances the plan's counter.
  absl::StatusOr<Decomposition> Compute(Plan& plan, const SplitCommand& command,
                                        std::vector<SplitTask> tasks,
                                        const std::vector<PartWeights>& weights,
                                        bool numbered) const;

 private:
  absl::StatusOr<std::vector<PartWeights>> WeighByCalendar(
      db::Snapshot& snapshot, const Plan& plan, const SplitCommand& command,
      const std::vector<SplitTask>& tasks) const;
  absl::StatusOr<std::vector<PartWeights>> WeighByCapacity(
      db::Snapshot& snapshot, const Plan& plan, const SplitCommand& command,
      const std::vector<SplitTask>& tasks) const;
  absl::StatusOr<std::vector<PartWeights>> WeighByCopy(db::Snapshot& snapshot, const Plan& plan,
                                                       const SplitCommand& command,
                                                       const std::vector<SplitTask>& tasks) const;
  absl::StatusOr<WorkingCalendar> LoadCalendar(db::Snapshot& snapshot,
                                               const std::string& calendar_id) const;

  // Parts that people typed in: do units and members exist, and do they belong to the node's unit?
  absl::Status CheckOwners(db::Snapshot& snapshot, const Node& node, Dimension dimension,
                           std::vector<PartSpec>& parts) const;

  Directory& directory_;
  PlanStore plans_;
  CalendarStore calendars_;
};

}  // namespace milepost::target
