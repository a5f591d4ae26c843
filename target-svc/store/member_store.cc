#include "target-svc/store/member_store.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/store/resources.h"
#include "target-svc/store/sql.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "m.member_id, m.display_name, m.start_date, m.end_date, m.employee_number, m.phone, m.email, "
    "m.version, m.create_time,"
    " m.update_time";
constexpr size_t kMemberColumns = 10;
constexpr char kInsertMembers[] =
    "INSERT INTO members (member_id, display_name, start_date, end_date, employee_number, phone, "
    "email, version, create_time,"
    " update_time)";
constexpr size_t kPlacementColumns = 5;
constexpr char kInsertPlacements[] =
    "INSERT INTO member_placements (member_id, first_date, until_date, unit_id, job_title)";
constexpr size_t kLineColumns = 7;
constexpr char kInsertLines[] =
    "INSERT INTO member_lines (member_id, line_kind, position, unit_id, first_date, last_date, "
    "purpose)";
constexpr int kManages = 1;
constexpr int kMatrix = 2;

void AppendPlacements(const Member& member, std::vector<db::Value>& values) {
  for (size_t i = 0; i < member.placements.size(); ++i) {
    const MemberPlacement& placement = member.placements[i];
    values.insert(values.end(), {member.id, placement.first_day, member.UntilDay(i),
                                 placement.unit_id, placement.job_title});
  }
}

void AppendLines(const Member& member, int kind, const std::vector<MemberLine>& lines,
                 std::vector<db::Value>& values) {
  for (size_t i = 0; i < lines.size(); ++i) {
    values.insert(values.end(), {member.id, kind, i, lines[i].unit_id, lines[i].first_day,
                                 lines[i].last_day, lines[i].purpose});
  }
}

absl::Status InsertParts(db::Transaction& tx, const std::vector<Member>& members) {
  std::vector<db::Value> placements;
  std::vector<db::Value> lines;
  for (const Member& member : members) {
    AppendPlacements(member, placements);
    AppendLines(member, kManages, member.manages, lines);
    AppendLines(member, kMatrix, member.matrix_lines, lines);
  }
  if (absl::Status s = InsertRows(tx, "insert_member_placements", kInsertPlacements,
                                  kPlacementColumns, placements);
      !s.ok()) {
    return s;
  }
  return InsertRows(tx, "insert_member_lines", kInsertLines, kLineColumns, lines);
}

}  // namespace

absl::StatusOr<std::vector<Member>> MemberStore::Complete(db::Snapshot& snapshot,
                                                          const db::Rows& rows) const {
  std::vector<Member> members;
  std::vector<std::string> ids;
  absl::flat_hash_map<std::string, size_t> index;
  for (const db::Row& row : rows) {
    Member member;
    member.id = row.String(0);
    member.display_name = row.String(1);
    member.start_day = row.Day(2);
    member.end_day = row.OptionalDay(3);
    member.employee_number = row.String(4);
    member.phone = row.String(5);
    member.email = row.String(6);
    member.version = row.Int64(7);
    member.create_time = row.Time(8);
    member.update_time = row.Time(9);
    index[member.id] = members.size();
    ids.push_back(member.id);
    members.push_back(std::move(member));
  }
  const absl::Status placed =
      ForKeys(ids, [&](const std::string& in, const std::vector<db::Value>& values) {
        const std::string sql = absl::StrCat(
            "SELECT member_id, first_date, unit_id, job_title FROM member_placements WHERE "
            "member_id IN (",
            in, ") ORDER BY member_id, first_date LIMIT ", kKeysPerStatement * kMaxPlacements);
        const absl::StatusOr<db::Rows> found =
            snapshot.QueryValues({"load_member_placements", sql}, values);
        if (!found.ok()) return found.status();
        for (const db::Row& row : *found) {
          members[index.at(row.String(0))].placements.push_back(
              {row.String(2), row.Day(1), row.String(3)});
        }
        return absl::OkStatus();
      });
  if (!placed.ok()) return placed;
  const absl::Status lined = ForKeys(ids, [&](const std::string& in,
                                              const std::vector<db::Value>& values) {
    const std::string sql = absl::StrCat(
        "SELECT member_id, line_kind, unit_id, first_date, last_date, purpose FROM member_lines "
        "WHERE member_id IN (",
        in, ") ORDER BY member_id, line_kind, position LIMIT ", kKeysPerStatement * kMaxLines * 2);
    const absl::StatusOr<db::Rows> found = snapshot.QueryValues({"load_member_lines", sql}, values);
    if (!found.ok()) return found.status();
    for (const db::Row& row : *found) {
      Member& member = members[index.at(row.String(0))];
      (row.Int64(1) == kManages ? member.manages : member.matrix_lines)
          .push_back({row.String(2), row.Day(3), row.OptionalDay(4), row.String(5)});
    }
    return absl::OkStatus();
  });
  if (!lined.ok()) return lined;
  return members;
}

absl::StatusOr<Member> MemberStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  absl::StatusOr<std::vector<Member>> members = LoadMany(snapshot, {id});
  if (!members.ok()) return members.status();
  if (members->empty()) return error::NotFound(resource::Name("members", id));
  return std::move(members->front());
}

absl::StatusOr<std::vector<Member>> MemberStore::LoadMany(
    db::Snapshot& snapshot, const std::vector<std::string>& ids) const {
  std::vector<Member> members;
  const absl::Status loaded =
      ForKeys(ids, [&](const std::string& in, const std::vector<db::Value>& values) {
        const std::string sql =
            absl::StrCat("SELECT ", kColumns, " FROM members m WHERE m.member_id IN (", in,
                         ") ORDER BY m.member_id LIMIT ", kKeysPerStatement);
        const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_members", sql}, values);
        if (!rows.ok()) return rows.status();
        absl::StatusOr<std::vector<Member>> some = Complete(snapshot, *rows);
        if (!some.ok()) return some.status();
        std::move(some->begin(), some->end(), std::back_inserter(members));
        return absl::OkStatus();
      });
  if (!loaded.ok()) return loaded;
  return members;
}

absl::StatusOr<std::vector<Member>> MemberStore::List(db::Snapshot& snapshot, const Filter& filter,
                                                      const std::string& after, int limit) const {
  std::string sql = absl::StrCat("SELECT ", kColumns, " FROM members m");
  std::vector<db::Value> values;
  if (!filter.unit_ids.empty()) {
    absl::StrAppend(&sql,
                    " JOIN member_placements p ON p.member_id = m.member_id AND p.first_date <= ? "
                    "AND p.until_date > ?",
                    " AND p.unit_id IN (");
    values.insert(values.end(), {*filter.day, *filter.day});
    size_t wanted = 1;
    while (wanted < filter.unit_ids.size()) wanted *= 2;
    absl::StrAppend(&sql, db::Placeholders(wanted), ")");
    for (size_t i = 0; i < wanted; ++i)
      values.emplace_back(filter.unit_ids[std::min(i, filter.unit_ids.size() - 1)]);
  }
  absl::StrAppend(&sql, " WHERE m.member_id > ?");
  values.emplace_back(after);
  if (filter.working) {
    absl::StrAppend(&sql, " AND m.start_date <= ? AND (m.end_date IS NULL OR m.end_date >= ?)");
    values.insert(values.end(), {*filter.day, *filter.day});
  }
  absl::StrAppend(&sql, " ORDER BY m.member_id LIMIT ?");
  values.emplace_back(limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_members", sql}, values);
  if (!rows.ok()) return rows.status();
  return Complete(snapshot, *rows);
}

absl::StatusOr<std::set<std::string>> MemberStore::LedUnits(db::Snapshot& snapshot,
                                                            const std::string& id,
                                                            absl::CivilDay day) const {
  static constexpr db::Statement kLed{
      "led_units",
      "SELECT unit_id FROM member_lines WHERE member_id = ? AND line_kind = 1 AND first_date <= ?"
      " AND (last_date IS NULL OR last_date >= ?) LIMIT ?"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kLed, id, day, day, kMaxLines);
  if (!rows.ok()) return rows.status();
  std::set<std::string> units;
  for (const db::Row& row : *rows) units.insert(row.String(0));
  return units;
}

absl::Status MemberStore::Insert(db::Transaction& tx, const change::Context& why,
                                 const std::vector<Member>& members, absl::CivilDay today) const {
  std::vector<db::Value> rows;
  for (const Member& member : members) {
    rows.insert(rows.end(), {member.id, member.display_name, member.start_day, member.end_day,
                             member.employee_number, member.phone, member.email, 1,
                             member.create_time, member.update_time});
  }
  if (absl::Status s = InsertRows(tx, "insert_members", kInsertMembers, kMemberColumns, rows);
      !s.ok()) {
    if (db::DuplicateKey(s))
      return error::AlreadyExists(resource::Name("members", members.front().id));
    return s;
  }
  if (absl::Status s = InsertParts(tx, members); !s.ok()) return s;
  for (Member member : members) {
    member.version = 1;
    const organization::v1::Member state = ToProto(member, today);
    if (absl::Status s =
            change::Record(tx, why, {"member.created", "member", state.name(), 1, state});
        !s.ok())
      return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<Member> MemberStore::Save(db::Transaction& tx, const change::Context& why,
                                         const std::string& event_type, const Member& before,
                                         Member member, absl::CivilDay today) const {
  static constexpr db::Statement kSave{
      "save_member",
      "UPDATE members SET display_name = ?, end_date = ?, employee_number = ?, phone = ?, email = "
      "?, update_time = ?,"
      " version = version + 1 WHERE member_id = ? AND version = ?"};
  static constexpr db::Statement kClearPlacements{
      "clear_member_placements", "DELETE FROM member_placements WHERE member_id = ?"};
  static constexpr db::Statement kClearLines{"clear_member_lines",
                                             "DELETE FROM member_lines WHERE member_id = ?"};
  const absl::StatusOr<int64_t> saved =
      tx.Execute(kSave, member.display_name, member.end_day, member.employee_number, member.phone,
                 member.email, member.update_time, member.id, before.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("members", member.id));
  if (absl::StatusOr<int64_t> cleared = tx.Execute(kClearPlacements, member.id); !cleared.ok())
    return cleared.status();
  if (absl::StatusOr<int64_t> cleared = tx.Execute(kClearLines, member.id); !cleared.ok())
    return cleared.status();
  if (absl::Status s = InsertParts(tx, {member}); !s.ok()) return s;
  member.version = before.version + 1;
  const organization::v1::Member state = ToProto(member, today);
  if (absl::Status s = change::Record(
          tx, why,
          {event_type, "member", state.name(), member.version, state, false, before.update_time});
      !s.ok()) {
    return s;
  }
  return member;
}

}  // namespace milepost::target
