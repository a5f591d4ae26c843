#include "platform/change/sequencing.h"

#include <algorithm>
#include <optional>
#include <queue>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/status/error.h"

namespace milepost::change {
namespace {

// Rows per UPDATE: few different statements, so that all stay prepared.
constexpr size_t kStatementRows[] = {250, 50, 10};
constexpr size_t kExactRows = 10;
constexpr size_t kRangeRows = 20;  // Changes of one transaction that are worth a statement.
constexpr size_t kRecordsPerLookUp = 100;
constexpr int kMaxWidenings = 6;  // Of a window in which everything is held back: ×4 each time.

absl::Status LeaseLost() {
  return status::Error(absl::StatusCode::kFailedPrecondition, "LEASE_LOST",
                       "another sequencer has taken over");
}

PendingChange FromRow(const db::Row& row) {
  return {row.String(0), row.String(1), row.String(2), row.Int64(3), row.Time(4)};
}

// The range [first, end) of each transaction, which stand together.
std::vector<std::pair<size_t, size_t>> Transactions(const std::vector<PendingChange>& changes) {
  std::vector<std::pair<size_t, size_t>> ranges;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (i > 0 && changes[i].transaction_id == changes[i - 1].transaction_id) {
      ranges.back().second = i + 1;
    } else {
      ranges.emplace_back(i, i + 1);
    }
  }
  return ranges;
}

// Records of `changes` whose version before the oldest one here is pending but not here.
absl::StatusOr<absl::flat_hash_set<std::string>> WaitingRecords(
    db::Session& session, const std::vector<PendingChange>& changes) {
  absl::flat_hash_map<std::string, int64_t> oldest;
  for (const PendingChange& change : changes) {
    const auto [it, fresh] = oldest.emplace(change.aggregate_id, change.version);
    if (!fresh) it->second = std::min(it->second, change.version);
  }
  absl::flat_hash_set<std::string> waiting;
  std::vector<db::Value> values;
  const auto look_up = [&]() -> absl::Status {
    const size_t records = values.size() / 2;
    if (records == 0) return absl::OkStatus();
    while (values.size() < kRecordsPerLookUp * 2) values.emplace_back(db::Null{});
    std::string sql = "SELECT aggregate_id FROM changes WHERE position = 0 AND (FALSE";
    for (size_t i = 0; i < kRecordsPerLookUp; ++i) {
      sql += " OR (aggregate_id = ? AND aggregate_version = ?)";
    }
    sql += ") LIMIT 1000";
    const absl::StatusOr<db::Rows> rows = session.Read([&](db::Snapshot& snapshot) {
      return snapshot.QueryValues(db::Statement{"find_pending_before", sql}, values);
    });
    values.clear();
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) waiting.insert(row.String(0));
    return absl::OkStatus();
  };
  for (const auto& [record, version] : oldest) {
    if (version == 1) continue;
    values.emplace_back(record);
    values.emplace_back(version - 1);
    if (values.size() == kRecordsPerLookUp * 2) {
      if (absl::Status status = look_up(); !status.ok()) return status;
    }
  }
  if (absl::Status status = look_up(); !status.ok()) return status;
  return waiting;
}

// Drops the transactions that touch a waiting record, and those that then wait for them.
std::vector<PendingChange> WithoutWaiting(const std::vector<PendingChange>& changes,
                                          absl::flat_hash_set<std::string> waiting) {
  std::vector<PendingChange> kept;
  for (const auto& [first, end] : Transactions(changes)) {
    bool waits = false;
    for (size_t i = first; i < end; ++i) waits |= waiting.contains(changes[i].aggregate_id);
    for (size_t i = first; i < end; ++i) {
      if (waits) {
        waiting.insert(changes[i].aggregate_id);
      } else {
        kept.push_back(changes[i]);
      }
    }
  }
  return kept;
}

// What stands after the hyphen of a change id: the change's number in its transaction.
std::optional<uint64_t> NumberOf(const std::string& change_id) {
  uint64_t number = 0;
  const size_t hyphen = change_id.rfind('-');
  if (hyphen == std::string::npos || !absl::SimpleHexAtoi(change_id.substr(hyphen + 1), &number))
    return std::nullopt;
  return number;
}

// True if the changes [first, end) of a transaction are numbered without a gap.
bool AreNumbered(const std::vector<PendingChange>& changes, size_t first, size_t end) {
  const std::optional<uint64_t> begin = NumberOf(changes[first].change_id);
  for (size_t i = first; begin && i < end; ++i) {
    if (NumberOf(changes[i].change_id) != *begin + (i - first)) return false;
  }
  return begin.has_value();
}

// The position of changes[i] is next_position + i. Here for the changes [first, end).
absl::Status AssignOneByOne(db::Transaction& tx, const Lease& lease,
                            const std::vector<PendingChange>& changes, size_t first, size_t end) {
  while (first < end) {
    const size_t left = end - first;
    size_t count = std::min(left, kExactRows);
    for (const size_t rows : kStatementRows) {
      if (left >= rows) {
        count = rows;
        break;
      }
    }
    const std::string places = db::Placeholders(count);
    const std::string sql =
        absl::StrCat("UPDATE changes SET position = ? + FIELD(change_id, ", places,
                     ") WHERE change_id IN (", places, ") AND position = 0");
    std::vector<db::Value> values;
    values.reserve(1 + 2 * count);
    values.emplace_back(lease.next_position + static_cast<int64_t>(first) - 1);
    for (int pass = 0; pass < 2; ++pass) {
      for (size_t i = first; i < first + count; ++i) values.emplace_back(changes[i].change_id);
    }
    const absl::StatusOr<int64_t> updated =
        tx.ExecuteValues(db::Statement{"assign_positions", sql}, values);
    if (!updated.ok()) return updated.status();
    if (*updated != static_cast<int64_t>(count)) return LeaseLost();
    first += count;
  }
  return absl::OkStatus();
}

// The same for the many changes of one transaction, by their numbers: half the work of a list.
absl::Status AssignRange(db::Transaction& tx, const Lease& lease,
                         const std::vector<PendingChange>& changes, size_t first, size_t end) {
  static constexpr db::Statement kAssign{
      "assign_range",
      "UPDATE changes SET position = ? + CAST(CONV(SUBSTRING_INDEX(change_id, '-', -1), 16, 10) AS"
      " SIGNED) WHERE change_id BETWEEN ? AND ? AND position = 0"};
  const auto number = static_cast<int64_t>(NumberOf(changes[first].change_id).value_or(0));
  const absl::StatusOr<int64_t> updated =
      tx.Execute(kAssign, lease.next_position + static_cast<int64_t>(first) - number,
                 changes[first].change_id, changes[end - 1].change_id);
  if (!updated.ok()) return updated.status();
  return *updated == static_cast<int64_t>(end - first) ? absl::OkStatus() : LeaseLost();
}

}  // namespace

absl::StatusOr<std::optional<Lease>> TakeLease(db::Session& session, const std::string& owner,
                                               absl::Duration duration) {
  static constexpr db::Statement kLook{
      "look_at_lease",
      "SELECT epoch FROM feed_head WHERE head_id = 1 AND lease_expiry < UTC_TIMESTAMP(6)"};
  static constexpr db::Statement kTake{
      "take_lease",
      "UPDATE feed_head SET epoch = epoch + 1, lease_owner = ?,"
      " lease_expiry = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)"
      " WHERE head_id = 1 AND epoch = ? AND lease_expiry < UTC_TIMESTAMP(6)"};
  static constexpr db::Statement kRead{
      "read_lease", "SELECT epoch, next_position FROM feed_head WHERE head_id = 1"};
  const absl::StatusOr<db::Rows> free =
      session.Read([&](db::Snapshot& snapshot) { return snapshot.Query(kLook); });
  session.EndRead();
  if (!free.ok()) return free.status();
  if (free->empty()) return std::optional<Lease>();
  const int64_t epoch = free->front().Int64(0);
  return session.Transact([&](db::Transaction& tx) -> absl::StatusOr<std::optional<Lease>> {
    const absl::StatusOr<int64_t> taken =
        tx.Execute(kTake, owner, absl::ToInt64Microseconds(duration), epoch);
    if (!taken.ok()) return taken.status();
    if (*taken != 1) return std::optional<Lease>();
    const absl::StatusOr<db::Rows> rows = tx.Query(kRead);
    if (!rows.ok()) return rows.status();
    return std::optional<Lease>(Lease{rows->front().Int64(0), rows->front().Int64(1)});
  });
}

absl::Status KeepLease(db::Session& session, const Lease& lease, absl::Duration duration) {
  static constexpr db::Statement kKeep{
      "keep_lease",
      "UPDATE feed_head SET lease_expiry = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)"
      " WHERE head_id = 1 AND epoch = ?"};
  return session.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<int64_t> kept =
        tx.Execute(kKeep, absl::ToInt64Microseconds(duration), lease.epoch);
    if (!kept.ok()) return kept.status();
    return *kept == 1 ? absl::OkStatus() : LeaseLost();
  });
}

absl::Status GiveUpLease(db::Session& session, const Lease& lease) {
  static constexpr db::Statement kGiveUp{
      "give_up_lease",
      "UPDATE feed_head SET lease_owner = '', lease_expiry = '1970-01-01 00:00:00'"
      " WHERE head_id = 1 AND epoch = ?"};
  return session.Transact(
      [&](db::Transaction& tx) { return tx.Execute(kGiveUp, lease.epoch).status(); });
}

std::vector<PendingChange> InVersionOrder(std::vector<PendingChange> changes) {
  const std::vector<std::pair<size_t, size_t>> ranges = Transactions(changes);
  // For each record, which transaction holds which version.
  absl::flat_hash_map<std::string, std::vector<std::pair<int64_t, size_t>>> records;
  for (size_t t = 0; t < ranges.size(); ++t) {
    for (size_t i = ranges[t].first; i < ranges[t].second; ++i) {
      records[changes[i].aggregate_id].emplace_back(changes[i].version, t);
    }
  }
  bool ordered = true;
  for (const auto& [record, versions] : records) {
    ordered = ordered && std::is_sorted(versions.begin(), versions.end());
  }
  if (ordered) return changes;

  // Writers' clocks differed: put each transaction after those it builds on, else by change id.
  std::vector<std::vector<size_t>> followers(ranges.size());
  std::vector<int> waits_for(ranges.size(), 0);
  for (auto& [record, versions] : records) {
    std::sort(versions.begin(), versions.end());
    for (size_t i = 1; i < versions.size(); ++i) {
      if (versions[i].second == versions[i - 1].second) continue;
      followers[versions[i - 1].second].push_back(versions[i].second);
      ++waits_for[versions[i].second];
    }
  }
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t t = 0; t < ranges.size(); ++t) {
    if (waits_for[t] == 0) ready.push(t);
  }
  std::vector<PendingChange> result;
  result.reserve(changes.size());
  while (!ready.empty()) {
    const size_t t = ready.top();
    ready.pop();
    for (size_t i = ranges[t].first; i < ranges[t].second; ++i) {
      result.push_back(std::move(changes[i]));
    }
    for (const size_t follower : followers[t]) {
      if (--waits_for[follower] == 0) ready.push(follower);
    }
  }
  // Transactions that build on each other in a ring cannot have committed, so all are in.
  return result;
}

absl::StatusOr<std::vector<PendingChange>> ReadPending(db::Session& session, size_t limit) {
  static constexpr db::Statement kRead{
      "read_pending_changes",
      "SELECT change_id, transaction_id, aggregate_id, aggregate_version, change_time FROM changes"
      " WHERE position = 0 ORDER BY change_id LIMIT ?"};
  static constexpr db::Statement kRest{
      "read_rest_of_transaction",
      "SELECT change_id, transaction_id, aggregate_id, aggregate_version, change_time FROM changes"
      " WHERE change_id > ? AND change_id < ? AND position = 0 ORDER BY change_id"
      " LIMIT 1000000"};
  for (int widening = 0; widening <= kMaxWidenings; ++widening, limit *= 4) {
    const absl::StatusOr<db::Rows> rows =
        session.Read([&](db::Snapshot& snapshot) { return snapshot.Query(kRead, limit); });
    session.EndRead();
    if (!rows.ok()) return rows.status();
    std::vector<PendingChange> changes;
    changes.reserve(rows->size());
    for (const db::Row& row : *rows) changes.push_back(FromRow(row));
    const bool all = changes.size() < limit;
    if (!all) {
      // The last transaction may go on after the window: a change id is that of its transaction,
      // a hyphen and a number.
      const std::string last = changes.back().change_id;
      const absl::StatusOr<db::Rows> rest = session.Read([&](db::Snapshot& snapshot) {
        return snapshot.Query(kRest, last, absl::StrCat(last.substr(0, last.find('-')), "~"));
      });
      session.EndRead();
      if (!rest.ok()) return rest.status();
      for (const db::Row& row : *rest) changes.push_back(FromRow(row));
    }
    changes = InVersionOrder(std::move(changes));
    if (all) return changes;
    absl::StatusOr<absl::flat_hash_set<std::string>> waiting = WaitingRecords(session, changes);
    session.EndRead();
    if (!waiting.ok()) return waiting.status();
    if (!waiting->empty()) changes = WithoutWaiting(changes, *std::move(waiting));
    if (!changes.empty()) return changes;
  }
  return absl::InternalError("every pending change waits for another one");
}

absl::Status AssignPositions(db::Session& session, Lease& lease,
                             const std::vector<PendingChange>& changes, absl::Duration duration) {
  static constexpr db::Statement kAdvance{
      "advance_feed_head",
      "UPDATE feed_head SET next_position = ?,"
      " lease_expiry = DATE_ADD(UTC_TIMESTAMP(6), INTERVAL ? MICROSECOND)"
      " WHERE head_id = 1 AND epoch = ? AND next_position = ?"};
  const int64_t next = lease.next_position + static_cast<int64_t>(changes.size());
  const absl::Status status = session.Transact([&](db::Transaction& tx) -> absl::Status {
    // First, because its row lock keeps everybody else from taking the lease until the commit.
    const absl::StatusOr<int64_t> advanced = tx.Execute(
        kAdvance, next, absl::ToInt64Microseconds(duration), lease.epoch, lease.next_position);
    if (!advanced.ok()) return advanced.status();
    if (*advanced != 1) return LeaseLost();
    size_t done = 0;
    for (const auto& [first, end] : Transactions(changes)) {
      if (end - first < kRangeRows || !AreNumbered(changes, first, end)) continue;
      absl::Status numbered = AssignOneByOne(tx, lease, changes, done, first);
      if (numbered.ok()) numbered = AssignRange(tx, lease, changes, first, end);
      if (!numbered.ok()) return numbered;
      done = end;
    }
    return AssignOneByOne(tx, lease, changes, done, changes.size());
  });
  if (status.ok()) lease.next_position = next;
  return status;
}

}  // namespace milepost::change
