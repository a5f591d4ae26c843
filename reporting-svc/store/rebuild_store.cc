#include "reporting-svc/store/rebuild_store.h"

namespace milepost::reporting {

absl::Status RebuildStore::SetGoal(db::Transaction& tx, const std::string& source,
                                   int64_t position) {
  static constexpr db::Statement kSet{
      "set_rebuild_goal",
      "INSERT INTO rebuild_goals (source, goal_position, emptied) VALUES (?, ?, 0)"
      " ON DUPLICATE KEY UPDATE goal_position = VALUES(goal_position), emptied = 0"};
  return tx.Execute(kSet, source, position).status();
}

absl::Status RebuildStore::BeginEmptying(db::Transaction& tx, const std::string& source) {
  static constexpr db::Statement kBegin{
      "begin_emptying",
      "INSERT INTO rebuild_goals (source, goal_position, emptied) VALUES (?, 1, 0)"
      " ON DUPLICATE KEY UPDATE emptied = 0"};
  return tx.Execute(kBegin, source).status();
}

absl::Status RebuildStore::EndEmptying(db::Transaction& tx, const std::string& source) {
  static constexpr db::Statement kEnd{"end_emptying",
                                      "UPDATE rebuild_goals SET emptied = 1 WHERE source = ?"};
  return tx.Execute(kEnd, source).status();
}

absl::Status RebuildStore::ForgetReached(db::Transaction& tx) {
  static constexpr db::Statement kForget{
      "forget_rebuild_goals",
      "DELETE FROM rebuild_goals WHERE emptied = 1"
      " AND goal_position <= (SELECT position FROM feed_checkpoints c WHERE c.source = "
      "rebuild_goals.source)"};
  return tx.Execute(kForget).status();
}

absl::StatusOr<std::vector<SourceState>> RebuildStore::ReadSources(
    db::Snapshot& snapshot, const std::string& directory_part) {
  static constexpr db::Statement kRead{
      "read_sources",
      "SELECT c.source, c.position, c.fresh_time,"
      " (SELECT COUNT(*) FROM parked_events p WHERE p.source = c.source),"
      " CASE WHEN g.source IS NULL THEN 0 WHEN g.emptied = 0 OR c.position < g.goal_position THEN "
      "1 ELSE 0 END,"
      " COALESCE((SELECT version FROM document_versions WHERE part = ?), 0)"
      " FROM feed_checkpoints c LEFT JOIN rebuild_goals g ON g.source = c.source ORDER BY c.source "
      "LIMIT 100"};
  absl::StatusOr<db::Rows> rows = snapshot.Query(kRead, directory_part);
  if (!rows.ok()) return rows.status();
  std::vector<SourceState> states;
  for (const db::Row& row : *rows) {
    states.push_back(
        {row.String(0), row.Int64(1), row.Time(2), row.Int64(3), row.Bool(4), row.Int64(5)});
  }
  return states;
}

absl::StatusOr<bool> RequestStore::Remember(db::Transaction& tx, const std::string& scope,
                                            const std::string& request_id, absl::Time now) {
  static constexpr db::Statement kForget{"forget_rebuild_requests",
                                         "DELETE FROM rebuild_requests WHERE request_time < ?"};
  static constexpr db::Statement kFind{
      "find_rebuild_request",
      "SELECT request_id FROM rebuild_requests WHERE request_scope = ? AND request_id = ?"};
  static constexpr db::Statement kRemember{
      "remember_rebuild_request",
      "INSERT INTO rebuild_requests (request_scope, request_id, request_time) VALUES (?, ?, ?)"};
  if (const auto forgotten = tx.Execute(kForget, now - absl::Hours(24)); !forgotten.ok())
    return forgotten.status();
  const absl::StatusOr<db::Rows> found = tx.Query(kFind, scope, request_id);
  if (!found.ok()) return found.status();
  if (!found->empty()) return false;
  const absl::Status remembered = tx.Execute(kRemember, scope, request_id, now).status();
  if (db::DuplicateKey(remembered)) return false;
  if (!remembered.ok()) return remembered;
  return true;
}

}  // namespace milepost::reporting
