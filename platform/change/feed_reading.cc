#include "platform/change/feed_reading.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/types/proto.h"

namespace milepost::change {
namespace {

constexpr size_t kMaxTransactionEvents = 100'000;
constexpr int kTrimPages = 100;

// Columns 0 to 9 of the statements below.
absl::StatusOr<feed::v1::Event> EventOf(const db::Row& row) {
  feed::v1::Event event;
  event.set_event_id(row.String(0));
  event.set_transaction_id(row.String(1));
  event.set_aggregate_type(row.String(2));
  event.set_aggregate(row.String(3));
  event.set_version(row.Int64(4));
  event.set_type(row.String(5));
  *event.mutable_change_time() = ToProto(row.Time(6));
  event.set_actor(row.String(7));
  if (!event.mutable_state()->ParseFromString(row.String(8))) {
    return absl::InternalError(absl::StrCat("unreadable change ", event.event_id()));
  }
  event.set_deleted(row.Bool(9));
  return event;
}

}  // namespace

absl::StatusOr<FeedHead> ReadFeedHead(db::Session& session) {
  static constexpr db::Statement kRead{
      "read_feed_head",
      "SELECT feed_id, next_position, earliest_position FROM feed_head WHERE head_id = 1"};
  FeedHead head;
  head.read_time = absl::Now();
  const absl::StatusOr<db::Rows> rows =
      session.Read([](db::Snapshot& snapshot) { return snapshot.Query(kRead); });
  session.EndRead();
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return absl::InternalError("feed_head has no row");
  head.feed_id = rows->front().String(0);
  head.position = rows->front().Int64(1) - 1;
  head.earliest = rows->front().Int64(2);
  return head;
}

absl::StatusOr<std::vector<feed::v1::Event>> ReadEvents(db::Session& session,
                                                        int64_t after_position, size_t limit) {
  static constexpr db::Statement kRead{
      "read_feed",
      "SELECT change_id, transaction_id, aggregate_type, aggregate_id, aggregate_version,"
      " event_type, change_time, actor, payload, deleted, position FROM changes"
      " WHERE position > ? ORDER BY position LIMIT ?"};
  std::vector<feed::v1::Event> events;
  while (events.size() < kMaxTransactionEvents) {
    const int64_t after = after_position + static_cast<int64_t>(events.size());
    const absl::StatusOr<db::Rows> rows =
        session.Read([&](db::Snapshot& snapshot) { return snapshot.Query(kRead, after, limit); });
    session.EndRead();
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      absl::StatusOr<feed::v1::Event> event = EventOf(row);
      if (!event.ok()) return event.status();
      event->set_position(row.Int64(10));
      if (event->position() != after_position + static_cast<int64_t>(events.size()) + 1) {
        return absl::InternalError(
            absl::StrCat("the feed has a hole before position ", event->position(), ", after ",
                         after_position + static_cast<int64_t>(events.size())));
      }
      events.push_back(*std::move(event));
    }
    if (rows->size() < limit) return events;  // The head; it lies between transactions.
    // The last transaction may go on: leave it for the next time, unless it is the only one.
    size_t whole = events.size();
    const std::string& last = events.back().transaction_id();
    while (whole > 0 && events[whole - 1].transaction_id() == last) --whole;
    if (whole > 0) {
      events.resize(whole);
      return events;
    }
  }
  return events;
}

absl::StatusOr<StatePage> ReadStates(db::Session& session, const std::string& after_name,
                                     size_t limit) {
  static constexpr db::Statement kRead{
      "read_states",
      "SELECT c.change_id, c.transaction_id, c.aggregate_type, c.aggregate_id,"
      " c.aggregate_version, c.event_type, c.change_time, c.actor, c.payload, c.deleted"
      " FROM (SELECT aggregate_id, MAX(aggregate_version) AS newest FROM changes"
      " WHERE aggregate_id > ? GROUP BY aggregate_id ORDER BY aggregate_id LIMIT ?) n"
      " JOIN changes c ON c.aggregate_id = n.aggregate_id AND c.aggregate_version = n.newest"
      " ORDER BY c.aggregate_id LIMIT 100000"};
  const absl::StatusOr<db::Rows> rows = session.Read(
      [&](db::Snapshot& snapshot) { return snapshot.Query(kRead, after_name, limit); });
  session.EndRead();
  if (!rows.ok()) return rows.status();
  StatePage page;
  for (const db::Row& row : *rows) {
    if (row.Bool(9)) continue;
    absl::StatusOr<feed::v1::Event> event = EventOf(row);
    if (!event.ok()) return event.status();
    page.events.push_back(*std::move(event));
  }
  if (rows->size() == limit) page.last_name = rows->back().String(3);
  return page;
}

absl::Status TrimFeed(db::Session& session, absl::Time cutoff) {
  static constexpr db::Statement kRead{
      "read_feed_ages",
      "SELECT position, change_time FROM changes WHERE position >= ? ORDER BY position LIMIT 1000"};
  // Only ever forward, so it does no harm if two replicas trim at once.
  static constexpr db::Statement kTrim{
      "trim_feed",
      "UPDATE feed_head SET earliest_position = ? WHERE head_id = 1 AND earliest_position < ?"};
  const absl::StatusOr<FeedHead> head = ReadFeedHead(session);
  if (!head.ok()) return head.status();
  int64_t earliest = head->earliest;
  for (int page = 0; page < kTrimPages; ++page) {
    const absl::StatusOr<db::Rows> rows =
        session.Read([&](db::Snapshot& snapshot) { return snapshot.Query(kRead, earliest); });
    session.EndRead();
    if (!rows.ok()) return rows.status();
    bool reached = rows->empty();
    for (const db::Row& row : *rows) {
      reached = row.Time(1) >= cutoff;
      if (reached) break;
      earliest = row.Int64(0) + 1;
    }
    if (reached) break;
  }
  if (earliest == head->earliest) return absl::OkStatus();
  return session.Transact(
      [&](db::Transaction& tx) { return tx.Execute(kTrim, earliest, earliest).status(); });
}

absl::StatusOr<int64_t> CountUnsequenced(db::Session& session) {
  static constexpr db::Statement kCount{
      "count_unsequenced",
      "SELECT COUNT(*) FROM (SELECT 1 AS pending FROM changes WHERE position = 0 LIMIT 10000) p"
      " LIMIT 1"};
  const absl::StatusOr<db::Rows> rows =
      session.Read([](db::Snapshot& snapshot) { return snapshot.Query(kCount); });
  session.EndRead();
  if (!rows.ok()) return rows.status();
  return rows->front().Int64(0);
}

}  // namespace milepost::change
