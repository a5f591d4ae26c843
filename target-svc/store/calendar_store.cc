#include "target-svc/store/calendar_store.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/store/resources.h"
#include "target-svc/store/sql.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "calendar_id, display_name, monday_ppm, tuesday_ppm, wednesday_ppm, thursday_ppm, friday_ppm, "
    "saturday_ppm, sunday_ppm,"
    " version, create_time, update_time";
constexpr size_t kDayColumns = 6;
constexpr char kInsertDays[] =
    "INSERT INTO calendar_days (calendar_id, day, kind, weight_ppm, stands_in_for, display_name)";
constexpr int kHoliday = 1;
constexpr int kWorkingDay = 2;

absl::StatusOr<std::vector<Calendar>> Complete(db::Snapshot& snapshot, const db::Rows& rows) {
  static constexpr db::Statement kDays{
      "load_calendar_days",
      "SELECT day, kind, weight_ppm, stands_in_for, display_name FROM calendar_days"
      " WHERE calendar_id = ? ORDER BY day LIMIT ?"};
  std::vector<Calendar> calendars;
  for (const db::Row& row : rows) {
    Calendar calendar;
    calendar.id = row.String(0);
    calendar.display_name = row.String(1);
    for (size_t i = 0; i < 7; ++i) calendar.definition.weekday_weights_ppm[i] = row.Int64(2 + i);
    calendar.version = row.Int64(9);
    calendar.create_time = row.Time(10);
    calendar.update_time = row.Time(11);
    const absl::StatusOr<db::Rows> days = snapshot.Query(kDays, calendar.id, kMaxSpecialDays);
    if (!days.ok()) return days.status();
    for (const db::Row& day : *days) {
      SpecialDay special;
      special.day = day.Day(0);
      special.kind = day.Int64(1) == kHoliday ? DayKind::kHoliday : DayKind::kWorkingDay;
      special.weight_ppm = day.OptionalInt64(2);
      if (!day.IsNull(3)) special.stands_in_for = static_cast<absl::Weekday>(day.Int64(3) - 1);
      special.name = day.String(4);
      calendar.definition.special_days.push_back(std::move(special));
    }
    calendars.push_back(std::move(calendar));
  }
  return calendars;
}

absl::Status InsertDays(db::Transaction& tx, const Calendar& calendar) {
  std::vector<db::Value> values;
  for (const SpecialDay& day : calendar.definition.special_days) {
    std::optional<int64_t> stands_in_for;
    if (day.stands_in_for) stands_in_for = static_cast<int64_t>(*day.stands_in_for) + 1;
    values.insert(values.end(),
                  {calendar.id, day.day, day.kind == DayKind::kHoliday ? kHoliday : kWorkingDay,
                   day.weight_ppm, stands_in_for, day.name});
  }
  return InsertRows(tx, "insert_calendar_days", kInsertDays, kDayColumns, values);
}

absl::StatusOr<Calendar> LoadWith(db::Snapshot& snapshot, const std::string& id, const char* lock) {
  const std::string sql = absl::StrCat(
      "SELECT ", kColumns, " FROM calendars WHERE calendar_id = ? AND deleted = 0 LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({"load_calendar", sql}, {db::Value(id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name("calendars", id));
  absl::StatusOr<std::vector<Calendar>> calendars = Complete(snapshot, *rows);
  if (!calendars.ok()) return calendars.status();
  return std::move(calendars->front());
}

}  // namespace

absl::StatusOr<Calendar> CalendarStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  return LoadWith(snapshot, id, "");
}

absl::StatusOr<Calendar> CalendarStore::LoadForUpdate(db::Transaction& tx,
                                                      const std::string& id) const {
  return LoadWith(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<Calendar>> CalendarStore::List(db::Snapshot& snapshot,
                                                          const std::string& after,
                                                          int limit) const {
  const std::string sql = absl::StrCat(
      "SELECT ", kColumns,
      " FROM calendars WHERE calendar_id > ? AND deleted = 0 ORDER BY calendar_id LIMIT ?");
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({"list_calendars", sql}, {db::Value(after), db::Value(limit)});
  if (!rows.ok()) return rows.status();
  return Complete(snapshot, *rows);
}

absl::StatusOr<Calendar> CalendarStore::Insert(db::Transaction& tx, const change::Context& why,
                                               Calendar calendar) const {
  static constexpr db::Statement kInsert{
      "insert_calendar",
      "INSERT INTO calendars (calendar_id, display_name, monday_ppm, tuesday_ppm, wednesday_ppm, "
      "thursday_ppm, friday_ppm,"
      " saturday_ppm, sunday_ppm, deleted, version, create_time, update_time)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ?, ?)"};
  const auto& weights = calendar.definition.weekday_weights_ppm;
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      kInsert, calendar.id, calendar.display_name, weights[0], weights[1], weights[2], weights[3],
      weights[4], weights[5], weights[6], calendar.create_time, calendar.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status()))
      return error::AlreadyExists(resource::Name("calendars", calendar.id));
    return inserted.status();
  }
  if (absl::Status s = InsertDays(tx, calendar); !s.ok()) return s;
  calendar.version = 1;
  const organization::v1::Calendar state = ToProto(calendar);
  if (absl::Status s =
          change::Record(tx, why, {"calendar.created", "calendar", state.name(), 1, state});
      !s.ok())
    return s;
  return calendar;
}

absl::StatusOr<Calendar> CalendarStore::Save(db::Transaction& tx, const change::Context& why,
                                             Calendar calendar,
                                             absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_calendar",
      "UPDATE calendars SET display_name = ?, monday_ppm = ?, tuesday_ppm = ?, wednesday_ppm = ?, "
      "thursday_ppm = ?,"
      " friday_ppm = ?, saturday_ppm = ?, sunday_ppm = ?, update_time = ?, version = version + 1"
      " WHERE calendar_id = ? AND version = ?"};
  static constexpr db::Statement kClear{"clear_calendar_days",
                                        "DELETE FROM calendar_days WHERE calendar_id = ?"};
  const auto& weights = calendar.definition.weekday_weights_ppm;
  const absl::StatusOr<int64_t> saved = tx.Execute(
      kSave, calendar.display_name, weights[0], weights[1], weights[2], weights[3], weights[4],
      weights[5], weights[6], calendar.update_time, calendar.id, calendar.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("calendars", calendar.id));
  if (absl::StatusOr<int64_t> cleared = tx.Execute(kClear, calendar.id); !cleared.ok())
    return cleared.status();
  if (absl::Status s = InsertDays(tx, calendar); !s.ok()) return s;
  ++calendar.version;
  const organization::v1::Calendar state = ToProto(calendar);
  if (absl::Status s = change::Record(tx, why,
                                      {"calendar.updated", "calendar", state.name(),
                                       calendar.version, state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return calendar;
}

absl::Status CalendarStore::Delete(db::Transaction& tx, const change::Context& why,
                                   Calendar calendar, absl::Time now) const {
  static constexpr db::Statement kUnit{"unit_with_calendar",
                                       "SELECT unit_id FROM units WHERE calendar_id = ? LIMIT 1"};
  static constexpr db::Statement kPlan{
      "plan_with_calendar",
      "SELECT plan_id FROM plans WHERE calendar_id = ? AND deleted = 0 LIMIT 1"};
  static constexpr db::Statement kDelete{
      "delete_calendar",
      "UPDATE calendars SET deleted = 1, update_time = ?, version = version + 1 WHERE calendar_id "
      "= ? AND version = ?"};
  const std::string name = resource::Name("calendars", calendar.id);
  absl::StatusOr<db::Rows> users = tx.Query(kUnit, calendar.id);
  if (!users.ok()) return users.status();
  if (!users->empty())
    return error::CalendarInUse(name, resource::Name("units", users->front().String(0)));
  users = tx.Query(kPlan, calendar.id);
  if (!users.ok()) return users.status();
  if (!users->empty())
    return error::CalendarInUse(name, resource::Name("plans", users->front().String(0)));
  const absl::StatusOr<int64_t> deleted = tx.Execute(kDelete, now, calendar.id, calendar.version);
  if (!deleted.ok()) return deleted.status();
  if (*deleted != 1) return error::StaleEtag(name);
  const absl::Time previous = calendar.update_time;
  calendar.update_time = now;
  ++calendar.version;
  const organization::v1::Calendar state = ToProto(calendar);
  return change::Record(
      tx, why, {"calendar.deleted", "calendar", name, calendar.version, state, true, previous});
}

}  // namespace milepost::target
