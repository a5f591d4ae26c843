#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/change/context.h"
#include "platform/db/session.h"
#include "target-svc/domain/node.h"
#include "target-svc/domain/plan.h"

namespace milepost::target {

// What one version of a plan changes in its nodes. A node is in one of the lists at most; the path
// of an updated one stays.
struct NodeChanges {
  std::vector<Node> updated;
  std::vector<Node> moved;  // Updated as well, and their paths are others.
  std::vector<Node> created;
  std::vector<Node> deleted;

  size_t size() const { return updated.size() + moved.size() + created.size() + deleted.size(); }
};

// Plans with their nodes and versions. A deleted plan is as if it were not there, but keeps its id.
class PlanStore {
 public:
  absl::StatusOr<Plan> Load(db::Snapshot& snapshot, const std::string& id) const;
  // Puts this transaction in line with all others that write the plan or its nodes.
  absl::StatusOr<Plan> LoadForUpdate(db::Transaction& tx, const std::string& id) const;

  struct Filter {
    std::string metric_id;
    std::optional<PlanState> state;
    std::string unit_id;
    std::optional<absl::CivilDay> day;
    std::string owner_id;
    std::string branch_of_id;
  };
  // Branches only if the filter names a state or what they are of.
  absl::StatusOr<std::vector<Plan>> List(db::Snapshot& snapshot, const Filter& filter,
                                         const std::string& after, int limit) const;

  // Adds the plan as version 1 with its root.
  absl::StatusOr<Plan> Insert(db::Transaction& tx, const change::Context& why, Plan plan,
                              Node root) const;

  // The same with all nodes of it, the root first and parents before children, whose numbers the
  // plan counts already; `type` is what happened (`plan.copied`).
  absl::StatusOr<Plan> InsertWhole(db::Transaction& tx, const change::Context& why,
                                   const std::string& type, Plan plan,
                                   std::vector<Node> nodes) const;

  // Writes the plan, its next version and the nodes of it; sets versions, counts and times of all
  // of them, in place. `type` is what happened (`plan.split`), `node_id` the node it happened to,
  // if one.
  absl::StatusOr<Plan> Save(db::Transaction& tx, const change::Context& why,
                            const std::string& type, const std::string& node_id, const Plan& before,
                            Plan plan, NodeChanges& changes) const;

  // Removes the plan, its nodes and its versions.
  absl::Status Delete(db::Transaction& tx, const change::Context& why, const Plan& before,
                      absl::Time now) const;

  // Versions below `before`, newest first.
  absl::StatusOr<std::vector<PlanVersion>> ListVersions(db::Snapshot& snapshot,
                                                        const std::string& plan_id, int64_t before,
                                                        int limit) const;
  absl::StatusOr<std::optional<PlanVersion>> FindVersion(db::Snapshot& snapshot,
                                                         const std::string& plan_id,
                                                         int64_t version) const;

  // A node as it is, or as it was in a past version. NOT_FOUND if there is none.
  absl::StatusOr<Node> LoadNode(db::Snapshot& snapshot, const std::string& plan_id,
                                const std::string& node_id,
                                std::optional<int64_t> version = std::nullopt) const;
  // FAILED_PRECONDITION NODE_CLOSED if a re-plan has settled one of the nodes above.
  absl::Status CheckOpenAbove(db::Snapshot& snapshot, const Node& node) const;
  // Those that exist, in the order of paths.
  absl::StatusOr<std::vector<Node>> LoadNodes(db::Snapshot& snapshot, const std::string& plan_id,
                                              const std::vector<std::string>& node_ids) const;

  struct NodeFilter {
    std::string path;  // The node with this path and what is below it.
    std::optional<int> max_depth;
    std::optional<Dimension> dimension;
    std::string breakdown_id;
    bool leaves_only = false;
    std::string unit_id;
    std::string member_id;
    std::optional<int64_t> version;
  };
  // Up to `limit` nodes after a path (or from the start), in the order of paths.
  absl::StatusOr<std::vector<Node>> ListNodes(db::Snapshot& snapshot, const std::string& plan_id,
                                              const NodeFilter& filter,
                                              const std::optional<std::string>& after,
                                              int limit) const;
  // All of them, up to kMaxPlanNodes.
  absl::StatusOr<std::vector<Node>> AllNodes(db::Snapshot& snapshot, const std::string& plan_id,
                                             const NodeFilter& filter) const;

  // What the newest version of a plan changed, in the order of paths: the nodes that it changed or
  // removed as they were, and those that it changed or made as they are.
  struct LastChange {
    std::vector<Node> before;
    std::vector<Node> after;
  };
  absl::StatusOr<LastChange> LoadLastChange(db::Snapshot& snapshot, const Plan& plan) const;

  // Paths of nodes for one of the members or units.
  absl::StatusOr<std::vector<std::string>> PathsFor(db::Snapshot& snapshot,
                                                    const std::string& plan_id,
                                                    const std::vector<std::string>& member_ids,
                                                    const std::vector<std::string>& unit_ids) const;
  // Ids of plans, of those given, that have a node for one of the members or units.
  absl::StatusOr<std::set<std::string>> PlansFor(db::Snapshot& snapshot,
                                                 const std::vector<std::string>& plan_ids,
                                                 const std::vector<std::string>& member_ids,
                                                 const std::vector<std::string>& unit_ids) const;

  // The version that a new node of this id starts from: above all that a removed one of the same id
  // had.
  absl::StatusOr<std::map<std::string, int64_t>> LastVersions(
      db::Snapshot& snapshot, const std::string& plan_id,
      const std::vector<std::string>& node_ids) const;
};

}  // namespace milepost::target
