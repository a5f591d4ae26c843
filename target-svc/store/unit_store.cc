#include "target-svc/store/unit_store.h"

#include <map>
#include <utility>

#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/store/resources.h"
#include "target-svc/store/sql.h"

namespace milepost::target {
namespace {

constexpr size_t kUnitColumns = 10;
constexpr char kInsertUnits[] =
    "INSERT INTO units (unit_id, display_name, kind, region_key, calendar_id, start_date, "
    "end_date, version, create_time,"
    " update_time)";
constexpr size_t kPlacementColumns = 4;
constexpr char kInsertPlacements[] =
    "INSERT INTO unit_placements (unit_id, first_date, until_date, parent_id)";

void AppendPlacements(const Unit& unit, std::vector<db::Value>& values) {
  for (size_t i = 0; i < unit.placements.size(); ++i) {
    values.insert(values.end(), {unit.id, unit.placements[i].first_day, unit.UntilDay(i),
                                 unit.placements[i].parent_id});
  }
}

}  // namespace

absl::StatusOr<UnitTree> UnitStore::LoadTree(db::Snapshot& snapshot) const {
  static constexpr db::Statement kUnits{
      "load_units",
      "SELECT unit_id, display_name, kind, region_key, calendar_id, start_date, end_date, version, "
      "create_time, update_time"
      " FROM units ORDER BY unit_id LIMIT ?"};
  static constexpr db::Statement kPlacements{
      "load_unit_placements",
      "SELECT unit_id, first_date, parent_id FROM unit_placements ORDER BY unit_id, first_date "
      "LIMIT ?"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kUnits, kMaxUnits);
  if (!rows.ok()) return rows.status();
  std::map<std::string, Unit> units;
  for (const db::Row& row : *rows) {
    Unit unit;
    unit.id = row.String(0);
    unit.display_name = row.String(1);
    unit.kind = static_cast<UnitKind>(row.Int64(2));
    unit.region = row.String(3);
    unit.calendar_id = row.String(4);
    unit.start_day = row.Day(5);
    unit.end_day = row.OptionalDay(6);
    unit.version = row.Int64(7);
    unit.create_time = row.Time(8);
    unit.update_time = row.Time(9);
    units.emplace(unit.id, std::move(unit));
  }
  const absl::StatusOr<db::Rows> placements =
      snapshot.Query(kPlacements, kMaxUnits * kMaxPlacements);
  if (!placements.ok()) return placements.status();
  for (const db::Row& row : *placements) {
    // A unit committed between the two statements is not in the first result.
    const auto unit = units.find(row.String(0));
    if (unit != units.end()) unit->second.placements.push_back({row.String(2), row.Day(1)});
  }
  std::vector<Unit> all;
  for (auto& [id, unit] : units) all.push_back(std::move(unit));
  return UnitTree(std::move(all));
}

absl::StatusOr<int64_t> UnitStore::ChangeCount(db::Snapshot& snapshot) const {
  static constexpr db::Statement kCount{
      "organization_change_count",
      "SELECT change_count FROM organization_state WHERE state_id = 1"};
  const absl::StatusOr<db::Rows> rows = snapshot.Query(kCount);
  if (!rows.ok()) return rows.status();
  return rows->empty() ? 0 : rows->front().Int64(0);
}

absl::Status UnitStore::LockOrganization(db::Transaction& tx) const {
  static constexpr db::Statement kLock{
      "lock_organization",
      "UPDATE organization_state SET change_count = change_count + 1 WHERE state_id = 1"};
  return tx.Execute(kLock).status();
}

absl::Status UnitStore::Insert(db::Transaction& tx, const change::Context& why,
                               const std::vector<Unit>& units, absl::CivilDay today) const {
  std::vector<db::Value> rows;
  std::vector<db::Value> placements;
  for (const Unit& unit : units) {
    rows.insert(rows.end(), {unit.id, unit.display_name, static_cast<int>(unit.kind), unit.region,
                             unit.calendar_id, unit.start_day, unit.end_day, 1, unit.create_time,
                             unit.update_time});
    AppendPlacements(unit, placements);
  }
  if (absl::Status s = InsertRows(tx, "insert_units", kInsertUnits, kUnitColumns, rows); !s.ok()) {
    if (db::DuplicateKey(s)) return error::AlreadyExists(resource::Name("units", units.front().id));
    return s;
  }
  if (absl::Status s = InsertRows(tx, "insert_unit_placements", kInsertPlacements,
                                  kPlacementColumns, placements);
      !s.ok()) {
    return s;
  }
  for (Unit unit : units) {
    unit.version = 1;
    const organization::v1::Unit state = ToProto(unit, today);
    if (absl::Status s = change::Record(tx, why, {"unit.created", "unit", state.name(), 1, state});
        !s.ok())
      return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<Unit> UnitStore::Save(db::Transaction& tx, const change::Context& why,
                                     const std::string& event_type, const Unit& before, Unit unit,
                                     absl::CivilDay today) const {
  static constexpr db::Statement kSave{"save_unit",
                                       "UPDATE units SET display_name = ?, kind = ?, region_key = "
                                       "?, calendar_id = ?, end_date = ?, update_time = ?,"
                                       " version = version + 1 WHERE unit_id = ? AND version = ?"};
  static constexpr db::Statement kClear{"clear_unit_placements",
                                        "DELETE FROM unit_placements WHERE unit_id = ?"};
  const absl::StatusOr<int64_t> saved =
      tx.Execute(kSave, unit.display_name, static_cast<int>(unit.kind), unit.region,
                 unit.calendar_id, unit.end_day, unit.update_time, unit.id, before.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("units", unit.id));
  if (unit.placements != before.placements || unit.end_day != before.end_day) {
    if (absl::StatusOr<int64_t> cleared = tx.Execute(kClear, unit.id); !cleared.ok())
      return cleared.status();
    std::vector<db::Value> placements;
    AppendPlacements(unit, placements);
    if (absl::Status s = InsertRows(tx, "insert_unit_placements", kInsertPlacements,
                                    kPlacementColumns, placements);
        !s.ok()) {
      return s;
    }
  }
  unit.version = before.version + 1;
  const organization::v1::Unit state = ToProto(unit, today);
  if (absl::Status s = change::Record(
          tx, why,
          {event_type, "unit", state.name(), unit.version, state, false, before.update_time});
      !s.ok()) {
    return s;
  }
  return unit;
}

absl::StatusOr<std::optional<std::string>> UnitStore::PlacedAfter(db::Snapshot& snapshot,
                                                                  const std::string& unit_id,
                                                                  absl::CivilDay day) const {
  static constexpr db::Statement kUnits{
      "unit_placed_after",
      "SELECT unit_id FROM unit_placements WHERE parent_id = ? AND until_date > ? LIMIT 1"};
  static constexpr db::Statement kMembers{
      "member_placed_after",
      "SELECT member_id FROM member_placements WHERE unit_id = ? AND until_date > ? LIMIT 1"};
  absl::StatusOr<db::Rows> rows = snapshot.Query(kUnits, unit_id, day + 1);
  if (!rows.ok()) return rows.status();
  if (!rows->empty()) return resource::Name("units", rows->front().String(0));
  rows = snapshot.Query(kMembers, unit_id, day + 1);
  if (!rows.ok()) return rows.status();
  if (!rows->empty()) return resource::Name("members", rows->front().String(0));
  return std::nullopt;
}

}  // namespace milepost::target
