#include "target-svc/store/commitment_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/store/resources.h"
#include "target-svc/store/sql.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "c.plan_id, c.node_id, c.member_id, c.state, c.committed_units, c.counter_units, c.decider_id, "
    "c.version, c.create_time, c.update_time";
// Commitments read at once when all of a plan are.
constexpr int kPage = 1'000;
// Sorts after every path that starts with what is before it.
constexpr char kAfterPaths[] = "~";

Commitment CommitmentOf(const db::Row& row) {
  Commitment commitment;
  commitment.plan_id = row.String(0);
  commitment.node_id = row.String(1);
  commitment.member_id = row.String(2);
  commitment.state = static_cast<CommitmentState>(row.Int64(3));
  commitment.committed_units = row.Int64(4);
  commitment.counter_units = row.OptionalInt64(5);
  commitment.decider_id = row.String(6);
  commitment.version = row.Int64(7);
  commitment.create_time = row.Time(8);
  commitment.update_time = row.Time(9);
  return commitment;
}

}  // namespace

absl::Status CommitmentStore::LoadSteps(db::Snapshot& snapshot, const std::string& plan_id,
                                        std::vector<Listed>& commitments) const {
  absl::flat_hash_map<std::string, Commitment*> by_node;
  std::vector<std::string> nodes;
  for (Listed& listed : commitments) {
    by_node[listed.commitment.node_id] = &listed.commitment;
    nodes.push_back(listed.commitment.node_id);
  }
  return ForKeys(nodes, [&](const std::string& in, const std::vector<db::Value>& keys) {
    const std::string sql = absl::StrCat(
        "SELECT node_id, step_action, member_id, value_units, target_units, note, step_time FROM "
        "commitment_steps WHERE plan_id = ? AND node_id IN (",
        in, ") ORDER BY node_id, step_number LIMIT ", kKeysPerStatement * kMaxCommitmentSteps);
    std::vector<db::Value> values{db::Value(plan_id)};
    values.insert(values.end(), keys.begin(), keys.end());
    const absl::StatusOr<db::Rows> rows =
        snapshot.QueryValues({"load_commitment_steps", sql}, values);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      by_node.at(row.String(0))
          ->steps.push_back({static_cast<CommitmentAction>(row.Int64(1)), row.String(2),
                             row.Int64(3), row.Int64(4), row.String(5), row.Time(6)});
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<Commitment> CommitmentStore::Load(db::Snapshot& snapshot, const std::string& plan_id,
                                                 const std::string& node_id) const {
  static const std::string sql = absl::StrCat(
      "SELECT ", kColumns, " FROM commitments c WHERE c.plan_id = ? AND c.node_id = ? LIMIT 1");
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"load_commitment", sql}, plan_id, node_id);
  if (!rows.ok()) return rows.status();
  if (rows->empty())
    return error::NotFound(Commitment{.plan_id = plan_id, .node_id = node_id}.Name());
  std::vector<Listed> one{{CommitmentOf(rows->front()), ""}};
  if (absl::Status s = LoadSteps(snapshot, plan_id, one); !s.ok()) return s;
  return std::move(one.front().commitment);
}

absl::StatusOr<std::vector<CommitmentStore::Listed>> CommitmentStore::List(
    db::Snapshot& snapshot, const std::string& plan_id, const Filter& filter,
    const std::optional<std::string>& after, int limit) const {
  std::string sql = absl::StrCat(
      "SELECT ", kColumns,
      ", n.path FROM plan_nodes n INNER JOIN commitments c ON c.plan_id = n.plan_id AND "
      "c.node_id = n.node_id WHERE n.plan_id = ? AND n.path >= ? AND n.path < ?");
  std::vector<db::Value> values{db::Value(plan_id), db::Value(filter.path),
                                db::Value(filter.path + kAfterPaths)};
  if (after) {
    sql += " AND n.path > ?";
    values.emplace_back(*after);
  }
  if (filter.state) {
    sql += " AND c.state = ?";
    values.emplace_back(static_cast<int>(*filter.state));
  }
  if (!filter.member_id.empty()) {
    sql += " AND c.member_id = ?";
    values.emplace_back(filter.member_id);
  }
  sql += " ORDER BY n.path LIMIT ?";
  values.emplace_back(limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_commitments", sql}, values);
  if (!rows.ok()) return rows.status();
  std::vector<Listed> listed;
  for (const db::Row& row : *rows) listed.push_back({CommitmentOf(row), row.String(10)});
  if (absl::Status s = LoadSteps(snapshot, plan_id, listed); !s.ok()) return s;
  return listed;
}

absl::StatusOr<CommittedUnits> CommitmentStore::Committed(db::Snapshot& snapshot,
                                                          const std::string& plan_id,
                                                          Counting counting) const {
  static const std::string sql = absl::StrCat(
      "SELECT node_id, state, committed_units FROM commitments WHERE plan_id = ? LIMIT ",
      kMaxPlanNodes);
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"committed_units", sql}, plan_id);
  if (!rows.ok()) return rows.status();
  CommittedUnits committed;
  for (const db::Row& row : *rows) {
    const auto state = static_cast<CommitmentState>(row.Int64(1));
    const bool counts = counting == Counting::kAccepted ? state == CommitmentState::kAccepted
                                                        : state != CommitmentState::kRejected;
    if (counts) committed[row.String(0)] = row.Int64(2);
  }
  return committed;
}

absl::StatusOr<absl::flat_hash_map<std::string, CommitmentState>> CommitmentStore::States(
    db::Snapshot& snapshot, const std::string& plan_id) const {
  static const std::string sql = absl::StrCat(
      "SELECT node_id, state FROM commitments WHERE plan_id = ? LIMIT ", kMaxPlanNodes);
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"commitment_states", sql}, plan_id);
  if (!rows.ok()) return rows.status();
  absl::flat_hash_map<std::string, CommitmentState> states;
  for (const db::Row& row : *rows)
    states[row.String(0)] = static_cast<CommitmentState>(row.Int64(1));
  return states;
}

absl::StatusOr<Commitment> CommitmentStore::Save(db::Transaction& tx, const change::Context& why,
                                                 const std::string& event_type,
                                                 Commitment commitment,
                                                 absl::Time previous_update_time) const {
  static constexpr db::Statement kInsert{
      "insert_commitment",
      "INSERT INTO commitments (plan_id, node_id, member_id, state, committed_units, "
      "counter_units, decider_id, version, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, ?, "
      "1, ?, ?)"};
  static constexpr db::Statement kSave{
      "save_commitment",
      "UPDATE commitments SET member_id = ?, state = ?, committed_units = ?, counter_units = ?, "
      "decider_id = ?, update_time = ?, version = version + 1 WHERE plan_id = ? AND node_id = ? "
      "AND version = ?"};
  static constexpr db::Statement kStep{
      "insert_commitment_step",
      "INSERT INTO commitment_steps (plan_id, node_id, step_number, step_action, member_id, "
      "value_units, target_units, note, step_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"};
  const Commitment& c = commitment;
  const absl::StatusOr<int64_t> saved =
      c.version == 0 ? tx.Execute(kInsert, c.plan_id, c.node_id, c.member_id,
                                  static_cast<int>(c.state), c.committed_units, c.counter_units,
                                  c.decider_id, c.create_time, c.update_time)
                     : tx.Execute(kSave, c.member_id, static_cast<int>(c.state), c.committed_units,
                                  c.counter_units, c.decider_id, c.update_time, c.plan_id,
                                  c.node_id, c.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(c.Name());
  const CommitmentStep& step = c.steps.back();
  const absl::StatusOr<int64_t> added =
      tx.Execute(kStep, c.plan_id, c.node_id, static_cast<int64_t>(c.steps.size()),
                 static_cast<int>(step.action), step.member_id, step.value_units, step.target_units,
                 step.note, step.step_time);
  if (!added.ok()) return added.status();
  ++commitment.version;
  const v1::Commitment state = ToProto(commitment);
  if (absl::Status s = change::Record(tx, why,
                                      {event_type, "commitment", state.name(), commitment.version,
                                       state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return commitment;
}

absl::Status CommitmentStore::DeleteAll(db::Transaction& tx, const change::Context& why,
                                        const std::string& plan_id, absl::Time now) const {
  static const std::string page =
      absl::StrCat("SELECT ", kColumns,
                   " FROM commitments c WHERE c.plan_id = ? AND c.node_id > ? ORDER BY c.node_id "
                   "LIMIT ",
                   kPage);
  static constexpr db::Statement kSteps{"delete_commitment_steps",
                                        "DELETE FROM commitment_steps WHERE plan_id = ?"};
  static constexpr db::Statement kDelete{"delete_commitments",
                                         "DELETE FROM commitments WHERE plan_id = ?"};
  std::string after;
  while (true) {
    const absl::StatusOr<db::Rows> rows = tx.Query({"list_plan_commitments", page}, plan_id, after);
    if (!rows.ok()) return rows.status();
    std::vector<Listed> listed;
    for (const db::Row& row : *rows) listed.push_back({CommitmentOf(row), ""});
    if (absl::Status s = LoadSteps(tx, plan_id, listed); !s.ok()) return s;
    for (auto& [commitment, path] : listed) {
      const absl::Time previous = commitment.update_time;
      commitment.update_time = now;
      ++commitment.version;
      const v1::Commitment state = ToProto(commitment);
      absl::Status s = change::Record(tx, why,
                                      {"commitment.deleted", "commitment", state.name(),
                                       commitment.version, state, true, previous});
      if (!s.ok()) return s;
    }
    if (rows->size() < kPage) break;
    after = listed.back().commitment.node_id;
  }
  for (const db::Statement* statement : {&kSteps, &kDelete}) {
    if (absl::StatusOr<int64_t> done = tx.Execute(*statement, plan_id); !done.ok())
      return done.status();
  }
  return absl::OkStatus();
}

}  // namespace milepost::target
