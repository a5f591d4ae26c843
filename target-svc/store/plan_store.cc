#include "target-svc/store/plan_store.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/store/resources.h"
#include "target-svc/store/sql.h"

namespace milepost::target {
namespace {

constexpr char kPlanColumns[] =
    "plan_id, title, description, metric_id, first_date, last_date, target_units, currency_code, "
    "visibility, unit_id,"
    " calendar_id, rounding_units, state, owner_id, submitter_id, approver_id, "
    "accepted_variance_reason,"
    " accepted_violation_count, rejection_reason, submit_time, approve_time, activate_time, "
    "close_time, node_count,"
    " next_node_number, version, create_time, update_time, commitment_policy, baseline_version, "
    "branch_of_id, branch_of_version, merged_version, merged_into_version";

constexpr size_t kNodeColumnCount = 31;
constexpr char kNodeColumns[] =
    "plan_id, node_id, path, parent_id, breakdown_id, dimension, part_key, display_name, "
    "first_date, last_date, unit_id,"
    " member_id, product_id, channel_key, region_key, customer_id, target_units, locked, "
    "min_units, max_units, depth, position,"
    " child_count, breakdowns, explanation, note, plan_version, version, create_time, update_time, "
    "counted_units";

// Nodes read at once.
constexpr int kNodePage = 5'000;
// Sorts after every path that starts with what is before it.
constexpr char kAfterPaths[] = "~";
// Sorts before all that paths are made of, so that a path with it comes right after the path.
constexpr char kFirstAfter[] = "!";

// Lists inside a column: fields and records are kept apart by characters that no text of a request
// may have.
constexpr char kFieldEnd = '\x1f';
constexpr char kRecordEnd = '\x1e';

std::string EncodeBreakdowns(const std::vector<Breakdown>& breakdowns) {
  std::string text;
  const std::string end(1, kFieldEnd);
  for (const Breakdown& b : breakdowns) {
    absl::StrAppend(&text, b.id, end, std::string(1, b.slot), end, static_cast<int>(b.dimension),
                    end, static_cast<int>(b.method), end, b.stretch_ppm, end, b.rounding_units, end,
                    b.child_count, end, b.note, std::string(1, kRecordEnd));
  }
  return text;
}

int64_t Number(const std::string& text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

std::vector<Breakdown> DecodeBreakdowns(const std::string& text) {
  std::vector<Breakdown> breakdowns;
  for (const std::string& record :
       std::vector<std::string>(absl::StrSplit(text, kRecordEnd, absl::SkipEmpty()))) {
    const std::vector<std::string> fields = absl::StrSplit(record, kFieldEnd);
    if (fields.size() != 8) continue;
    breakdowns.push_back({fields[0], fields[1].empty() ? '0' : fields[1][0],
                          static_cast<Dimension>(Number(fields[2])),
                          static_cast<SplitMethod>(Number(fields[3])), Number(fields[4]),
                          Number(fields[5]), Number(fields[6]), fields[7]});
  }
  return breakdowns;
}

std::string EncodeExplanation(const std::optional<Explanation>& explanation) {
  if (!explanation) return "";
  const std::string end(1, kFieldEnd);
  return absl::StrCat(static_cast<int>(explanation->method), end, explanation->weight, end,
                      explanation->weight_sum, end,
                      absl::StrCat(explanation->raw_units, end, explanation->raw_remainder_ppm, end,
                                   static_cast<int>(explanation->bound), end,
                                   explanation->rounding_difference_units),
                      end, explanation->description);
}

std::optional<Explanation> DecodeExplanation(const std::string& text) {
  const std::vector<std::string> fields = absl::StrSplit(text, kFieldEnd);
  if (fields.size() != 8) return std::nullopt;
  return Explanation{static_cast<SplitMethod>(Number(fields[0])),
                     Number(fields[1]),
                     Number(fields[2]),
                     Number(fields[3]),
                     Number(fields[4]),
                     static_cast<Bound>(Number(fields[5])),
                     Number(fields[6]),
                     fields[7]};
}

Plan PlanOf(const db::Row& row) {
  Plan plan;
  plan.id = row.String(0);
  plan.title = row.String(1);
  plan.description = row.String(2);
  plan.metric_id = row.String(3);
  plan.period = {row.Day(4), row.Day(5)};
  plan.target_units = row.Int64(6);
  plan.currency_code = row.String(7);
  plan.visibility = static_cast<PlanVisibility>(row.Int64(8));
  plan.unit_id = row.String(9);
  plan.calendar_id = row.String(10);
  plan.rounding_units = row.Int64(11);
  plan.state = static_cast<PlanState>(row.Int64(12));
  plan.owner_id = row.String(13);
  plan.submitter_id = row.String(14);
  plan.approver_id = row.String(15);
  plan.accepted_variance_reason = row.String(16);
  plan.accepted_violation_count = row.Int64(17);
  plan.rejection_reason = row.String(18);
  plan.submit_time = row.OptionalTime(19);
  plan.approve_time = row.OptionalTime(20);
  plan.activate_time = row.OptionalTime(21);
  plan.close_time = row.OptionalTime(22);
  plan.node_count = row.Int64(23);
  plan.next_node_number = row.Int64(24);
  plan.version = row.Int64(25);
  plan.create_time = row.Time(26);
  plan.update_time = row.Time(27);
  plan.commitment_policy = static_cast<CommitmentPolicy>(row.Int64(28));
  plan.baseline_version = row.Int64(29);
  plan.branch_of_id = row.String(30);
  plan.branch_of_version = row.Int64(31);
  plan.merged_version = row.Int64(32);
  plan.merged_into_version = row.Int64(33);
  return plan;
}

Node NodeOf(const db::Row& row) {
  Node node;
  node.plan_id = row.String(0);
  node.id = row.String(1);
  node.path = row.String(2);
  node.parent_id = row.String(3);
  node.breakdown_id = row.String(4);
  node.dimension = static_cast<Dimension>(row.Int64(5));
  node.key = row.String(6);
  node.display_name = row.String(7);
  node.scope.period = {row.Day(8), row.Day(9)};
  node.scope.unit_id = row.String(10);
  node.scope.member_id = row.String(11);
  node.scope.product_id = row.String(12);
  node.scope.channel = row.String(13);
  node.scope.region = row.String(14);
  node.scope.customer_id = row.String(15);
  node.target_units = row.Int64(16);
  node.locked = row.Bool(17);
  node.min_units = row.OptionalInt64(18);
  node.max_units = row.OptionalInt64(19);
  node.depth = static_cast<int>(row.Int64(20));
  node.position = static_cast<int>(row.Int64(21));
  node.breakdowns = DecodeBreakdowns(row.String(23));
  node.explanation = DecodeExplanation(row.String(24));
  node.note = row.String(25);
  node.plan_version = row.Int64(26);
  node.version = row.Int64(27);
  node.create_time = row.Time(28);
  node.update_time = row.Time(29);
  node.counted_units = row.OptionalInt64(30);
  return node;
}

void AppendNode(const Node& node, std::vector<db::Value>& values) {
  values.insert(values.end(), {node.plan_id,
                               node.id,
                               node.path,
                               node.parent_id,
                               node.breakdown_id,
                               static_cast<int>(node.dimension),
                               node.key,
                               node.display_name,
                               node.scope.period.first,
                               node.scope.period.last,
                               node.scope.unit_id,
                               node.scope.member_id,
                               node.scope.product_id,
                               node.scope.channel,
                               node.scope.region,
                               node.scope.customer_id,
                               node.target_units,
                               node.locked,
                               node.min_units,
                               node.max_units,
                               node.depth,
                               node.position,
                               node.ChildCount(),
                               EncodeBreakdowns(node.breakdowns),
                               EncodeExplanation(node.explanation),
                               node.note,
                               node.plan_version,
                               node.version,
                               node.create_time,
                               node.update_time,
                               node.counted_units});
}

// A node's row after the ids that it is found by.
const std::string& UpdateOfNode() {
  static const std::string sql = [] {
    const std::vector<std::string> columns = absl::StrSplit(std::string(kNodeColumns), ", ");
    std::string text = " ON DUPLICATE KEY UPDATE ";
    for (size_t i = 2; i < columns.size(); ++i) {
      absl::StrAppend(&text, i == 2 ? "" : ", ", columns[i], " = VALUES(", columns[i], ")");
    }
    return text;
  }();
  return sql;
}

// Writes rows of nodes, new ones, or with `tail` those of nodes that are there.
absl::Status WriteNodes(db::Transaction& tx, std::string_view name, const std::vector<Node>& nodes,
                        const std::string& tail) {
  static const std::string insert = absl::StrCat("INSERT INTO plan_nodes (", kNodeColumns, ")");
  for (size_t at = 0; at < nodes.size(); at += kRowsPerStatement) {
    std::vector<db::Value> values;
    for (size_t i = at; i < std::min(nodes.size(), at + kRowsPerStatement); ++i)
      AppendNode(nodes[i], values);
    if (absl::Status s = InsertRows(tx, name, insert, kNodeColumnCount, values, tail); !s.ok())
      return s;
  }
  return absl::OkStatus();
}

// Copies the rows of nodes to the history: they held until `until_version`.
absl::Status ArchiveNodes(db::Transaction& tx, const std::string& plan_id,
                          const std::vector<std::string>& node_ids, int64_t until_version) {
  return ForKeys(
      node_ids, [&](const std::string& in, const std::vector<db::Value>& keys) -> absl::Status {
        const std::string copy = absl::StrCat(
            "INSERT INTO plan_node_history (", kNodeColumns, ", until_version) SELECT ",
            kNodeColumns, ", ? FROM plan_nodes WHERE plan_id = ? AND node_id IN (", in, ")");
        std::vector<db::Value> values{db::Value(until_version), db::Value(plan_id)};
        values.insert(values.end(), keys.begin(), keys.end());
        return tx.ExecuteValues({"archive_plan_nodes", copy}, values).status();
      });
}

absl::Status RemoveNodes(db::Transaction& tx, const std::string& plan_id,
                         const std::vector<std::string>& node_ids) {
  return ForKeys(node_ids, [&](const std::string& in, const std::vector<db::Value>& keys) {
    const std::string remove =
        absl::StrCat("DELETE FROM plan_nodes WHERE plan_id = ? AND node_id IN (", in, ")");
    std::vector<db::Value> values{db::Value(plan_id)};
    values.insert(values.end(), keys.begin(), keys.end());
    return tx.ExecuteValues({"remove_plan_nodes", remove}, values).status();
  });
}

absl::Status InsertVersion(db::Transaction& tx, const PlanVersion& version) {
  static constexpr db::Statement kInsert{
      "insert_plan_version",
      "INSERT INTO plan_versions (plan_id, version, change_type, actor_id, change_time, reason, "
      "node_id, created_node_count,"
      " changed_node_count, deleted_node_count, state, target_units) VALUES (?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?)"};
  return tx
      .Execute(kInsert, version.plan_id, version.version, version.type, version.actor_id,
               version.change_time, version.reason, version.node_id, version.created_nodes,
               version.changed_nodes, version.deleted_nodes, static_cast<int>(version.state),
               version.target_units)
      .status();
}

// Gives the nodes the plan's new version and time, and writes them.
absl::Status WriteChanges(db::Transaction& tx, const Plan& plan, NodeChanges& changes) {
  std::vector<std::string> archived;
  std::vector<std::string> removed;
  for (const Node& node : changes.updated) archived.push_back(node.id);
  // What moves may go where another was.
  for (const std::vector<Node>* nodes : {&changes.moved, &changes.deleted}) {
    for (const Node& node : *nodes) {
      archived.push_back(node.id);
      removed.push_back(node.id);
    }
  }
  if (absl::Status s = ArchiveNodes(tx, plan.id, archived, plan.version); !s.ok()) return s;
  if (absl::Status s = RemoveNodes(tx, plan.id, removed); !s.ok()) return s;
  for (std::vector<Node>* nodes :
       {&changes.updated, &changes.moved, &changes.created, &changes.deleted}) {
    for (Node& node : *nodes) {
      ++node.version;
      node.plan_version = plan.version;
      node.update_time = plan.update_time;
    }
  }
  absl::Status s = WriteNodes(tx, "update_plan_nodes", changes.updated, UpdateOfNode());
  if (s.ok()) s = WriteNodes(tx, "move_plan_nodes", changes.moved, "");
  if (s.ok()) s = WriteNodes(tx, "insert_plan_nodes", changes.created, "");
  return db::DuplicateKey(s) ? error::PlanChanged(resource::Name("plans", plan.id)) : s;
}

absl::StatusOr<Plan> LoadWith(db::Snapshot& snapshot, const std::string& id, const char* lock) {
  const std::string sql = absl::StrCat(
      "SELECT ", kPlanColumns, " FROM plans WHERE plan_id = ? AND deleted = 0 LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_plan", sql}, {db::Value(id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name("plans", id));
  return PlanOf(rows->front());
}

PlanVersion VersionOf(const db::Row& row) {
  PlanVersion version;
  version.plan_id = row.String(0);
  version.version = row.Int64(1);
  version.type = row.String(2);
  version.actor_id = row.String(3);
  version.change_time = row.Time(4);
  version.reason = row.String(5);
  version.node_id = row.String(6);
  version.created_nodes = row.Int64(7);
  version.changed_nodes = row.Int64(8);
  version.deleted_nodes = row.Int64(9);
  version.state = static_cast<PlanState>(row.Int64(10));
  version.target_units = row.Int64(11);
  return version;
}

constexpr char kVersionColumns[] =
    "plan_id, version, change_type, actor_id, change_time, reason, node_id, created_node_count, "
    "changed_node_count,"
    " deleted_node_count, state, target_units";

}  // namespace

absl::StatusOr<Plan> PlanStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  return LoadWith(snapshot, id, "");
}

absl::StatusOr<Plan> PlanStore::LoadForUpdate(db::Transaction& tx, const std::string& id) const {
  return LoadWith(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<Plan>> PlanStore::List(db::Snapshot& snapshot, const Filter& filter,
                                                  const std::string& after, int limit) const {
  std::string sql =
      absl::StrCat("SELECT ", kPlanColumns, " FROM plans WHERE plan_id > ? AND deleted = 0");
  std::vector<db::Value> values{db::Value(after)};
  if (!filter.metric_id.empty()) {
    absl::StrAppend(&sql, " AND metric_id = ?");
    values.emplace_back(filter.metric_id);
  }
  if (filter.state) {
    absl::StrAppend(&sql, " AND state = ?");
    values.emplace_back(static_cast<int>(*filter.state));
  }
  if (!filter.unit_id.empty()) {
    absl::StrAppend(&sql, " AND unit_id = ?");
    values.emplace_back(filter.unit_id);
  }
  if (filter.day) {
    absl::StrAppend(&sql, " AND first_date <= ? AND last_date >= ?");
    values.insert(values.end(), {*filter.day, *filter.day});
  }
  if (!filter.owner_id.empty()) {
    absl::StrAppend(&sql, " AND owner_id = ?");
    values.emplace_back(filter.owner_id);
  }
  if (!filter.branch_of_id.empty()) {
    absl::StrAppend(&sql, " AND branch_of_id = ?");
    values.emplace_back(filter.branch_of_id);
  } else if (!filter.state) {
    absl::StrAppend(&sql, " AND branch_of_id = ''");
  }
  absl::StrAppend(&sql, " ORDER BY plan_id LIMIT ?");
  values.emplace_back(limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_plans", sql}, values);
  if (!rows.ok()) return rows.status();
  std::vector<Plan> plans;
  for (const db::Row& row : *rows) plans.push_back(PlanOf(row));
  return plans;
}

absl::StatusOr<Plan> PlanStore::Insert(db::Transaction& tx, const change::Context& why, Plan plan,
                                       Node root) const {
  plan.next_node_number = 1;
  return InsertWhole(tx, why, "plan.created", std::move(plan), {std::move(root)});
}

absl::StatusOr<Plan> PlanStore::InsertWhole(db::Transaction& tx, const change::Context& why,
                                            const std::string& type, Plan plan,
                                            std::vector<Node> nodes) const {
  static const std::string insert = absl::StrCat(
      "INSERT INTO plans (", kPlanColumns, ", deleted) VALUES (", db::Placeholders(34), ", 0)");
  plan.version = 1;
  plan.node_count = static_cast<int64_t>(nodes.size());
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      {"insert_plan", insert}, plan.id, plan.title, plan.description, plan.metric_id,
      plan.period.first, plan.period.last, plan.target_units, plan.currency_code,
      static_cast<int>(plan.visibility), plan.unit_id, plan.calendar_id, plan.rounding_units,
      static_cast<int>(plan.state), plan.owner_id, plan.submitter_id, plan.approver_id,
      plan.accepted_variance_reason, plan.accepted_violation_count, plan.rejection_reason,
      plan.submit_time, plan.approve_time, plan.activate_time, plan.close_time, plan.node_count,
      plan.next_node_number, plan.version, plan.create_time, plan.update_time,
      static_cast<int>(plan.commitment_policy), plan.baseline_version, plan.branch_of_id,
      plan.branch_of_version, plan.merged_version, plan.merged_into_version);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status()))
      return error::AlreadyExists(resource::Name("plans", plan.id));
    return inserted.status();
  }
  for (Node& node : nodes) {
    node.plan_version = 1;
    node.version = 1;
    node.create_time = node.update_time = plan.create_time;
  }
  if (absl::Status s = WriteNodes(tx, "insert_plan_nodes", nodes, ""); !s.ok()) return s;
  if (absl::Status s =
          InsertVersion(tx, {plan.id, 1, type, why.actor, plan.create_time, why.reason, "",
                             plan.node_count, 0, 0, plan.state, plan.target_units});
      !s.ok()) {
    return s;
  }
  const v1::Plan plan_state = ToProto(plan);
  if (absl::Status s = change::Record(tx, why, {type, "plan", plan_state.name(), 1, plan_state});
      !s.ok())
    return s;
  for (const Node& node : nodes) {
    const v1::Node state = ToProto(node, plan.calendar_id);
    if (absl::Status s = change::Record(tx, why, {"node.created", "node", state.name(), 1, state});
        !s.ok())
      return s;
  }
  return plan;
}

absl::StatusOr<Plan> PlanStore::Save(db::Transaction& tx, const change::Context& why,
                                     const std::string& type, const std::string& node_id,
                                     const Plan& before, Plan plan, NodeChanges& changes) const {
  static constexpr db::Statement kSave{
      "save_plan",
      "UPDATE plans SET title = ?, description = ?, target_units = ?, visibility = ?, "
      "commitment_policy = ?, calendar_id = ?, state = ?,"
      " submitter_id = ?, approver_id = ?, accepted_variance_reason = ?, accepted_violation_count "
      "= ?, rejection_reason = ?,"
      " submit_time = ?, approve_time = ?, activate_time = ?, close_time = ?, node_count = ?, "
      "next_node_number = ?,"
      " baseline_version = ?, merged_version = ?, merged_into_version = ?, update_time = ?, "
      "version = version + 1 WHERE plan_id = ? AND version = ?"};
  plan.version = before.version + 1;
  plan.node_count = before.node_count + static_cast<int64_t>(changes.created.size()) -
                    static_cast<int64_t>(changes.deleted.size());
  const absl::StatusOr<int64_t> saved = tx.Execute(
      kSave, plan.title, plan.description, plan.target_units, static_cast<int>(plan.visibility),
      static_cast<int>(plan.commitment_policy), plan.calendar_id, static_cast<int>(plan.state),
      plan.submitter_id, plan.approver_id, plan.accepted_variance_reason,
      plan.accepted_violation_count, plan.rejection_reason, plan.submit_time, plan.approve_time,
      plan.activate_time, plan.close_time, plan.node_count, plan.next_node_number,
      plan.baseline_version, plan.merged_version, plan.merged_into_version, plan.update_time,
      plan.id, before.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("plans", plan.id));

  for (Node& node : changes.created) node.create_time = plan.update_time;
  if (absl::Status s = WriteChanges(tx, plan, changes); !s.ok()) return s;
  if (absl::Status s = InsertVersion(
          tx, {plan.id, plan.version, type, why.actor, plan.update_time, why.reason, node_id,
               static_cast<int64_t>(changes.created.size()),
               static_cast<int64_t>(changes.updated.size() + changes.moved.size()),
               static_cast<int64_t>(changes.deleted.size()), plan.state, plan.target_units});
      !s.ok()) {
    return s;
  }
  const v1::Plan state = ToProto(plan);
  if (absl::Status s = change::Record(
          tx, why, {type, "plan", state.name(), plan.version, state, false, before.update_time});
      !s.ok()) {
    return s;
  }
  const auto record = [&](const char* event, const std::vector<Node>& nodes,
                          bool deleted) -> absl::Status {
    for (const Node& node : nodes) {
      const v1::Node node_state = ToProto(node, plan.calendar_id);
      absl::Status s = change::Record(tx, why,
                                      {event, "node", node_state.name(), node.version, node_state,
                                       deleted, before.update_time});
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  };
  if (absl::Status s = record("node.changed", changes.updated, false); !s.ok()) return s;
  if (absl::Status s = record("node.changed", changes.moved, false); !s.ok()) return s;
  if (absl::Status s = record("node.created", changes.created, false); !s.ok()) return s;
  if (absl::Status s = record("node.deleted", changes.deleted, true); !s.ok()) return s;
  return plan;
}

absl::Status PlanStore::Delete(db::Transaction& tx, const change::Context& why, const Plan& before,
                               absl::Time now) const {
  static constexpr db::Statement kDelete{"delete_plan",
                                         "UPDATE plans SET deleted = 1, update_time = ?, version = "
                                         "version + 1 WHERE plan_id = ? AND version = ?"};
  static constexpr db::Statement kNodes{"delete_plan_nodes",
                                        "DELETE FROM plan_nodes WHERE plan_id = ?"};
  static constexpr db::Statement kHistory{"delete_plan_node_history",
                                          "DELETE FROM plan_node_history WHERE plan_id = ?"};
  static constexpr db::Statement kVersions{"delete_plan_versions",
                                           "DELETE FROM plan_versions WHERE plan_id = ?"};
  absl::StatusOr<std::vector<Node>> nodes = AllNodes(tx, before.id, {});
  if (!nodes.ok()) return nodes.status();
  const absl::StatusOr<int64_t> deleted = tx.Execute(kDelete, now, before.id, before.version);
  if (!deleted.ok()) return deleted.status();
  if (*deleted != 1) return error::StaleEtag(resource::Name("plans", before.id));
  for (const db::Statement* statement : {&kNodes, &kHistory, &kVersions}) {
    if (absl::StatusOr<int64_t> done = tx.Execute(*statement, before.id); !done.ok())
      return done.status();
  }
  Plan plan = before;
  plan.update_time = now;
  ++plan.version;
  const v1::Plan state = ToProto(plan);
  if (absl::Status s = change::Record(
          tx, why,
          {"plan.deleted", "plan", state.name(), plan.version, state, true, before.update_time});
      !s.ok()) {
    return s;
  }
  for (Node& node : *nodes) {
    ++node.version;
    node.plan_version = plan.version;
    node.update_time = now;
    const v1::Node node_state = ToProto(node, plan.calendar_id);
    absl::Status s = change::Record(tx, why,
                                    {"node.deleted", "node", node_state.name(), node.version,
                                     node_state, true, before.update_time});
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PlanVersion>> PlanStore::ListVersions(db::Snapshot& snapshot,
                                                                 const std::string& plan_id,
                                                                 int64_t before, int limit) const {
  static const std::string sql =
      absl::StrCat("SELECT ", kVersionColumns,
                   " FROM plan_versions WHERE plan_id = ? AND version < ?"
                   " ORDER BY version DESC LIMIT ?");
  const absl::StatusOr<db::Rows> rows =
      snapshot.Query({"list_plan_versions", sql}, plan_id, before, limit);
  if (!rows.ok()) return rows.status();
  std::vector<PlanVersion> versions;
  for (const db::Row& row : *rows) versions.push_back(VersionOf(row));
  return versions;
}

absl::StatusOr<std::optional<PlanVersion>> PlanStore::FindVersion(db::Snapshot& snapshot,
                                                                  const std::string& plan_id,
                                                                  int64_t version) const {
  absl::StatusOr<std::vector<PlanVersion>> versions =
      ListVersions(snapshot, plan_id, version + 1, 1);
  if (!versions.ok()) return versions.status();
  if (versions->empty() || versions->front().version != version) return std::nullopt;
  return versions->front();
}

absl::StatusOr<Node> PlanStore::LoadNode(db::Snapshot& snapshot, const std::string& plan_id,
                                         const std::string& node_id,
                                         std::optional<int64_t> version) const {
  static const std::string current = absl::StrCat(
      "SELECT ", kNodeColumns, " FROM plan_nodes WHERE plan_id = ? AND node_id = ? LIMIT 1");
  static const std::string past =
      absl::StrCat("SELECT ", kNodeColumns,
                   " FROM plan_node_history WHERE plan_id = ? AND node_id = ?"
                   " AND plan_version <= ? AND until_version > ? LIMIT 1");
  absl::StatusOr<db::Rows> rows = snapshot.Query({"load_plan_node", current}, plan_id, node_id);
  if (!rows.ok()) return rows.status();
  if (!rows->empty()) {
    Node node = NodeOf(rows->front());
    if (!version || node.plan_version <= *version) return node;
  }
  if (version) {
    rows = snapshot.Query({"load_past_plan_node", past}, plan_id, node_id, *version, *version);
    if (!rows.ok()) return rows.status();
    if (!rows->empty()) return NodeOf(rows->front());
  }
  return error::NotFound(resource::Name("plans", plan_id, "nodes", node_id));
}

absl::Status PlanStore::CheckOpenAbove(db::Snapshot& snapshot, const Node& node) const {
  for (std::string above = node.parent_id; !above.empty();) {
    const absl::StatusOr<Node> parent = LoadNode(snapshot, node.plan_id, above);
    if (!parent.ok()) return parent.status();
    if (parent->counted_units) return error::NodeClosed(node.Name(), *parent->counted_units);
    above = parent->parent_id;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Node>> PlanStore::LoadNodes(
    db::Snapshot& snapshot, const std::string& plan_id,
    const std::vector<std::string>& node_ids) const {
  std::map<std::string, Node> nodes;  // By path.
  const absl::Status loaded = ForKeys(node_ids, [&](const std::string& in,
                                                    const std::vector<db::Value>& keys) {
    const std::string sql =
        absl::StrCat("SELECT ", kNodeColumns, " FROM plan_nodes WHERE plan_id = ? AND node_id IN (",
                     in, ") LIMIT ", kKeysPerStatement);
    std::vector<db::Value> values{db::Value(plan_id)};
    values.insert(values.end(), keys.begin(), keys.end());
    const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_plan_nodes", sql}, values);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      Node node = NodeOf(row);
      std::string path = node.path;
      nodes.emplace(std::move(path), std::move(node));
    }
    return absl::OkStatus();
  });
  if (!loaded.ok()) return loaded;
  std::vector<Node> result;
  for (auto& [path, node] : nodes) result.push_back(std::move(node));
  return result;
}

absl::StatusOr<std::vector<Node>> PlanStore::ListNodes(db::Snapshot& snapshot,
                                                       const std::string& plan_id,
                                                       const NodeFilter& filter,
                                                       const std::optional<std::string>& after,
                                                       int limit) const {
  std::string where = " WHERE plan_id = ? AND path >= ? AND path < ?";
  std::vector<db::Value> values{db::Value(plan_id), db::Value(filter.path),
                                db::Value(filter.path + kAfterPaths)};
  if (after) {
    where += " AND path > ?";
    values.emplace_back(*after);
  }
  if (filter.max_depth) {
    where += " AND depth <= ?";
    values.emplace_back(*filter.max_depth);
  }
  if (filter.dimension) {
    where += " AND dimension = ?";
    values.emplace_back(static_cast<int>(*filter.dimension));
  }
  if (!filter.breakdown_id.empty()) {
    where += " AND breakdown_id = ?";
    values.emplace_back(filter.breakdown_id);
  }
  if (filter.leaves_only) where += " AND child_count = 0";
  if (!filter.unit_id.empty()) {
    where += " AND unit_id = ?";
    values.emplace_back(filter.unit_id);
  }
  if (!filter.member_id.empty()) {
    where += " AND member_id = ?";
    values.emplace_back(filter.member_id);
  }
  const auto read = [&](const char* name, const char* table, const char* condition,
                        int versions) -> absl::StatusOr<std::vector<Node>> {
    const std::string sql = absl::StrCat("SELECT ", kNodeColumns, " FROM ", table, where, condition,
                                         " ORDER BY path LIMIT ?");
    std::vector<db::Value> all = values;
    for (int i = 0; i < versions; ++i) all.emplace_back(*filter.version);
    all.emplace_back(limit);
    const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({name, sql}, all);
    if (!rows.ok()) return rows.status();
    std::vector<Node> nodes;
    nodes.reserve(rows->size());
    for (const db::Row& row : *rows) nodes.push_back(NodeOf(row));
    return nodes;
  };
  if (!filter.version) return read("list_plan_nodes", "plan_nodes", "", 0);
  absl::StatusOr<std::vector<Node>> current =
      read("list_plan_nodes_at", "plan_nodes", " AND plan_version <= ?", 1);
  if (!current.ok()) return current.status();
  absl::StatusOr<std::vector<Node>> past = read("list_past_plan_nodes", "plan_node_history",
                                                " AND plan_version <= ? AND until_version > ?", 2);
  if (!past.ok()) return past.status();
  std::vector<Node> merged;
  std::merge(std::make_move_iterator(current->begin()), std::make_move_iterator(current->end()),
             std::make_move_iterator(past->begin()), std::make_move_iterator(past->end()),
             std::back_inserter(merged),
             [](const Node& a, const Node& b) { return a.path < b.path; });
  // A node that was changed between the two statements is in both.
  merged.erase(std::unique(merged.begin(), merged.end(),
                           [](const Node& a, const Node& b) { return a.path == b.path; }),
               merged.end());
  if (merged.size() > static_cast<size_t>(limit)) merged.resize(static_cast<size_t>(limit));
  return merged;
}

absl::StatusOr<std::vector<Node>> PlanStore::AllNodes(db::Snapshot& snapshot,
                                                      const std::string& plan_id,
                                                      const NodeFilter& filter) const {
  std::vector<Node> all;
  std::optional<std::string> after;
  while (true) {
    absl::StatusOr<std::vector<Node>> page = ListNodes(snapshot, plan_id, filter, after, kNodePage);
    if (!page.ok()) return page.status();
    const bool last = page->size() < kNodePage;
    if (!page->empty()) after = page->back().path;
    std::move(page->begin(), page->end(), std::back_inserter(all));
    if (last) return all;
  }
}

absl::StatusOr<PlanStore::LastChange> PlanStore::LoadLastChange(db::Snapshot& snapshot,
                                                                const Plan& plan) const {
  const auto read = [&](const char* name, const char* table,
                        const char* condition) -> absl::StatusOr<std::vector<Node>> {
    const std::string sql =
        absl::StrCat("SELECT ", kNodeColumns, " FROM ", table,
                     " WHERE plan_id = ? AND path >= ? AND ", condition, " ORDER BY path LIMIT ?");
    std::vector<Node> nodes;
    std::string from;  // The root's path is empty.
    while (true) {
      const absl::StatusOr<db::Rows> rows =
          snapshot.Query({name, sql}, plan.id, from, plan.version, kNodePage);
      if (!rows.ok()) return rows.status();
      for (const db::Row& row : *rows) nodes.push_back(NodeOf(row));
      if (rows->size() < kNodePage) return nodes;
      from = nodes.back().path + kFirstAfter;
    }
  };
  absl::StatusOr<std::vector<Node>> before =
      read("list_nodes_before_change", "plan_node_history", "until_version = ?");
  if (!before.ok()) return before.status();
  absl::StatusOr<std::vector<Node>> after =
      read("list_changed_nodes", "plan_nodes", "plan_version = ?");
  if (!after.ok()) return after.status();
  return LastChange{*std::move(before), *std::move(after)};
}

absl::StatusOr<std::vector<std::string>> PlanStore::PathsFor(
    db::Snapshot& snapshot, const std::string& plan_id, const std::vector<std::string>& member_ids,
    const std::vector<std::string>& unit_ids) const {
  std::vector<std::string> paths;
  const auto read = [&](const char* column, const std::vector<std::string>& ids) {
    return ForKeys(ids, [&](const std::string& in, const std::vector<db::Value>& keys) {
      const std::string sql = absl::StrCat("SELECT path FROM plan_nodes WHERE plan_id = ? AND ",
                                           column, " IN (", in, ") LIMIT ", kMaxPlanNodes);
      std::vector<db::Value> values{db::Value(plan_id)};
      values.insert(values.end(), keys.begin(), keys.end());
      const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"plan_node_paths", sql}, values);
      if (!rows.ok()) return rows.status();
      for (const db::Row& row : *rows) paths.push_back(row.String(0));
      return absl::OkStatus();
    });
  };
  if (absl::Status s = read("member_id", member_ids); !s.ok()) return s;
  if (absl::Status s = read("unit_id", unit_ids); !s.ok()) return s;
  return paths;
}

absl::StatusOr<std::set<std::string>> PlanStore::PlansFor(
    db::Snapshot& snapshot, const std::vector<std::string>& plan_ids,
    const std::vector<std::string>& member_ids, const std::vector<std::string>& unit_ids) const {
  std::set<std::string> plans;
  for (const std::string& plan_id : plan_ids) {
    const auto find = [&](const char* column, const std::vector<std::string>& ids) {
      return ForKeys(ids, [&](const std::string& in, const std::vector<db::Value>& keys) {
        if (plans.contains(plan_id)) return absl::OkStatus();
        const std::string sql =
            absl::StrCat("SELECT node_id FROM plan_nodes WHERE plan_id = ? AND ", column, " IN (",
                         in, ") LIMIT 1");
        std::vector<db::Value> values{db::Value(plan_id)};
        values.insert(values.end(), keys.begin(), keys.end());
        const absl::StatusOr<db::Rows> rows =
            snapshot.QueryValues({"plan_has_node_for", sql}, values);
        if (!rows.ok()) return rows.status();
        if (!rows->empty()) plans.insert(plan_id);
        return absl::OkStatus();
      });
    };
    if (absl::Status s = find("member_id", member_ids); !s.ok()) return s;
    if (absl::Status s = find("unit_id", unit_ids); !s.ok()) return s;
  }
  return plans;
}

absl::StatusOr<std::map<std::string, int64_t>> PlanStore::LastVersions(
    db::Snapshot& snapshot, const std::string& plan_id,
    const std::vector<std::string>& node_ids) const {
  std::map<std::string, int64_t> versions;
  const absl::Status read = ForKeys(node_ids, [&](const std::string& in,
                                                  const std::vector<db::Value>& keys) {
    const std::string sql = absl::StrCat(
        "SELECT node_id, MAX(version) FROM plan_node_history WHERE plan_id = ? AND node_id IN (",
        in, ") GROUP BY node_id LIMIT ", kKeysPerStatement);
    std::vector<db::Value> values{db::Value(plan_id)};
    values.insert(values.end(), keys.begin(), keys.end());
    const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"last_node_versions", sql}, values);
    if (!rows.ok()) return rows.status();
    // The removal itself was one more.
    for (const db::Row& row : *rows) versions[row.String(0)] = row.Int64(1) + 1;
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return versions;
}

}  // namespace milepost::target
