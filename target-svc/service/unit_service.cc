#include "target-svc/service/unit_service.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/import.h"
#include "target-svc/service/reader.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

namespace orgv1 = organization::v1;

// The descriptive fields of a unit; only those in `fields`.
void ReadDescription(const orgv1::Unit& message, const std::set<std::string>& fields,
                     Reader& reader, Unit& unit) {
  if (fields.contains("display_name")) {
    unit.display_name =
        reader.Text(message.display_name(), "unit.display_name", kMaxDisplayName, Need::kRequired);
  }
  if (fields.contains("kind")) {
    unit.kind = static_cast<UnitKind>(
        reader.Choice(message.kind(), "unit.kind", orgv1::UnitKind_IsValid, Need::kRequired));
  }
  if (fields.contains("region"))
    unit.region = reader.Id(message.region(), "unit.region", Need::kOptional);
  if (fields.contains("calendar")) {
    unit.calendar_id =
        reader.Name("calendars", message.calendar(), "unit.calendar", Need::kOptional);
  }
}

const std::set<std::string>& DescriptiveFields() {
  static const std::set<std::string> fields{"display_name", "kind", "region", "calendar"};
  return fields;
}

// Says that a calendar that is referred to is not there.
absl::Status AsReference(const absl::Status& status, const std::string& calendar_id) {
  return absl::IsNotFound(status)
             ? error::ReferenceMissing(resource::Name("calendars", calendar_id))
             : status;
}

}  // namespace

UnitService::UnitService(rpc::Runner& rpc, Directory& directory)
    : rpc_(rpc), directory_(directory) {
  rpc_.Register<orgv1::UnitService>();
}

grpc::ServerUnaryReactor* UnitService::GetUnit(grpc::CallbackServerContext* context,
                                               const orgv1::GetUnitRequest* request,
                                               orgv1::Unit* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* UnitService::ListUnits(grpc::CallbackServerContext* context,
                                                 const orgv1::ListUnitsRequest* request,
                                                 orgv1::ListUnitsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* UnitService::CreateUnit(grpc::CallbackServerContext* context,
                                                  const orgv1::CreateUnitRequest* request,
                                                  orgv1::Unit* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* UnitService::UpdateUnit(grpc::CallbackServerContext* context,
                                                  const orgv1::UpdateUnitRequest* request,
                                                  orgv1::Unit* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* UnitService::MoveUnit(grpc::CallbackServerContext* context,
                                                const orgv1::MoveUnitRequest* request,
                                                orgv1::Unit* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Move(call...); });
}
grpc::ServerUnaryReactor* UnitService::CloseUnit(grpc::CallbackServerContext* context,
                                                 const orgv1::CloseUnitRequest* request,
                                                 orgv1::Unit* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Close(call...); });
}
grpc::ServerBidiReactor<orgv1::ImportUnitsRequest, orgv1::ImportUnitsResponse>*
UnitService::ImportUnits(grpc::CallbackServerContext* context) {
  return rpc_.RunBidi<orgv1::ImportUnitsRequest, orgv1::ImportUnitsResponse>(
      *context, [this](auto&... call) { return Import(call...); });
}

UnitService::UnitResult UnitService::Get(const rpc::Caller&, db::Session& db,
                                         const orgv1::GetUnitRequest& request) {
  Reader reader;
  const std::string id = reader.Name("units", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> UnitResult {
    const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
    if (!tree.ok()) return tree.status();
    const Unit* unit = (*tree)->Find(id);
    if (unit == nullptr) return error::NotFound(request.name());
    return ToProto(*unit, directory_.clock().Today());
  });
}

absl::StatusOr<orgv1::ListUnitsResponse> UnitService::List(const rpc::Caller&, db::Session& db,
                                                           const orgv1::ListUnitsRequest& request) {
  Reader reader;
  const std::string parent = reader.Name("units", request.parent(), "parent", Need::kOptional);
  const std::optional<absl::CivilDay> date = reader.Day(request.has_date(), request.date(), "date");
  reader.Choice(request.kind(), "kind", orgv1::UnitKind_IsValid);
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<std::shared_ptr<const UnitTree>> tree =
      db.Read([&](db::Snapshot& snapshot) { return directory_.Tree(snapshot); });
  if (!tree.ok()) return tree.status();
  const absl::CivilDay day = date.value_or(directory_.clock().Today());
  orgv1::ListUnitsResponse response;
  const auto& units = (*tree)->units();
  for (auto it = page.after.empty() ? units.begin() : units.upper_bound(page.after[0]);
       it != units.end(); ++it) {
    const Unit& unit = it->second;
    if (date && !unit.ExistsOn(*date)) continue;
    if (!parent.empty() && (!unit.ExistsOn(day) || unit.ParentOn(day) != parent)) continue;
    if (request.kind() != orgv1::UNIT_KIND_UNSPECIFIED &&
        static_cast<int>(unit.kind) != request.kind())
      continue;
    if (response.units_size() == page.size) {
      response.set_next_page_token(resource::NextPageToken(
          request, {response.units(page.size - 1).name().substr(sizeof("units/") - 1)}));
      break;
    }
    *response.add_units() = ToProto(unit, day);
  }
  return response;
}

UnitService::UnitResult UnitService::Create(const rpc::Caller& caller, db::Session& db,
                                            const orgv1::CreateUnitRequest& request) {
  Reader reader;
  const absl::Time now = directory_.clock().Now();
  const absl::CivilDay today = directory_.clock().Today();
  Unit unit;
  unit.id = reader.Id(request.unit_id(), "unit_id", Need::kOptional);
  if (unit.id.empty()) unit.id = resource::NewId('u', now);
  if (!request.has_unit()) reader.Add("unit", "is required");
  ReadDescription(request.unit(), DescriptiveFields(), reader, unit);
  const std::string parent =
      reader.Name("units", request.unit().parent(), "unit.parent", Need::kOptional);
  unit.start_day =
      reader.Day(request.unit().has_start_date(), request.unit().start_date(), "unit.start_date")
          .value_or(today);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  unit.placements = {{parent, unit.start_day}};
  unit.create_time = unit.update_time = now;
  unit.version = 1;

  const UnitResult created = db.Transact([&](db::Transaction& tx) -> UnitResult {
    if (absl::Status s = directory_.units().LockOrganization(tx); !s.ok()) return s;
    absl::StatusOr<UnitTree> tree = directory_.units().LoadTree(tx);
    if (!tree.ok()) return tree.status();
    if (tree->Find(unit.id) != nullptr)
      return error::AlreadyExists(resource::Name("units", unit.id));
    if (tree->units().size() >= kMaxUnits) return error::TooManyUnits();
    if (!unit.calendar_id.empty()) {
      if (absl::StatusOr<Calendar> calendar = calendars_.LoadForUpdate(tx, unit.calendar_id);
          !calendar.ok()) {
        return AsReference(calendar.status(), unit.calendar_id);
      }
    }
    tree->Put(unit);
    if (absl::Status s = tree->CheckPlace(unit.id); !s.ok()) return s;
    if (absl::Status s = directory_.units().Insert(tx, caller.Change(request), {unit}, today);
        !s.ok())
      return s;
    return ToProto(unit, today);
  });
  if (created.ok()) directory_.Notify();
  return created;
}

template <typename Change>
UnitService::UnitResult UnitService::ChangeUnit(const rpc::Caller& caller, db::Session& db,
                                                const google::protobuf::Message& request,
                                                const std::string& id,
                                                std::optional<int64_t> version,
                                                const char* event_type, Change change) {
  const absl::CivilDay today = directory_.clock().Today();
  const UnitResult changed = db.Transact([&](db::Transaction& tx) -> UnitResult {
    if (absl::Status s = directory_.units().LockOrganization(tx); !s.ok()) return s;
    absl::StatusOr<UnitTree> tree = directory_.units().LoadTree(tx);
    if (!tree.ok()) return tree.status();
    const Unit* found = tree->Find(id);
    if (found == nullptr) return error::NotFound(resource::Name("units", id));
    const Unit before = *found;
    if (version && *version != before.version) return error::StaleEtag(resource::Name("units", id));
    const absl::Time now = directory_.clock().NowAfter(before.update_time);
    absl::StatusOr<Unit> next = change(tx, before, now);
    if (!next.ok()) return next.status();
    tree->Put(*next);
    if (absl::Status s = tree->CheckPlace(id); !s.ok()) return s;
    const absl::StatusOr<Unit> saved = directory_.units().Save(
        tx, caller.Change(request), event_type, before, *std::move(next), today);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved, today);
  });
  if (changed.ok()) directory_.Notify();
  return changed;
}

UnitService::UnitResult UnitService::Update(const rpc::Caller& caller, db::Session& db,
                                            const orgv1::UpdateUnitRequest& request) {
  Reader reader;
  const std::string id = reader.Name("units", request.unit().name(), "unit.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), request.unit(), DescriptiveFields(), reader.violations());
  Unit values;
  ReadDescription(request.unit(), fields, reader, values);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeUnit(caller, db, request, id, version, "unit.updated",
                    [&](db::Transaction& tx, Unit unit, absl::Time now) -> absl::StatusOr<Unit> {
                      if (fields.contains("display_name")) unit.display_name = values.display_name;
                      if (fields.contains("kind")) unit.kind = values.kind;
                      if (fields.contains("region")) unit.region = values.region;
                      if (fields.contains("calendar")) unit.calendar_id = values.calendar_id;
                      if (fields.contains("calendar") && !unit.calendar_id.empty()) {
                        absl::StatusOr<Calendar> calendar =
                            calendars_.LoadForUpdate(tx, unit.calendar_id);
                        if (!calendar.ok()) return AsReference(calendar.status(), unit.calendar_id);
                      }
                      unit.update_time = now;
                      return unit;
                    });
}

UnitService::UnitResult UnitService::Move(const rpc::Caller& caller, db::Session& db,
                                          const orgv1::MoveUnitRequest& request) {
  Reader reader;
  const std::string id = reader.Name("units", request.name(), "name", Need::kRequired);
  const std::string parent = reader.Name("units", request.parent(), "parent", Need::kOptional);
  const absl::CivilDay first =
      reader.Day(request.has_first_date(), request.first_date(), "first_date")
          .value_or(directory_.clock().Today());
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeUnit(caller, db, request, id, version, "unit.moved",
                    [&](db::Transaction&, Unit unit, absl::Time now) {
                      return ApplyMoveUnit(std::move(unit), parent, first, now);
                    });
}

UnitService::UnitResult UnitService::Close(const rpc::Caller& caller, db::Session& db,
                                           const orgv1::CloseUnitRequest& request) {
  Reader reader;
  const std::string id = reader.Name("units", request.name(), "name", Need::kRequired);
  const absl::CivilDay last = reader.Day(request.has_last_date(), request.last_date(), "last_date")
                                  .value_or(directory_.clock().Today());
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeUnit(caller, db, request, id, version, "unit.closed",
                    [&](db::Transaction& tx, Unit unit, absl::Time now) -> absl::StatusOr<Unit> {
                      const absl::StatusOr<std::optional<std::string>> user =
                          directory_.units().PlacedAfter(tx, unit.id, last);
                      if (!user.ok()) return user.status();
                      if (*user)
                        return error::UnitInUse(resource::Name("units", unit.id), **user, last);
                      return ApplyCloseUnit(std::move(unit), last, now);
                    });
}

absl::Status UnitService::Import(
    const rpc::Caller& caller, db::Session& db,
    rpc::Stream<orgv1::ImportUnitsRequest, orgv1::ImportUnitsResponse>& stream) {
  while (std::optional<orgv1::ImportUnitsRequest> request = stream.Read()) {
    absl::StatusOr<orgv1::ImportUnitsResponse> response = ImportRows(caller, db, *request);
    if (!response.ok()) return response.status();
    if (!stream.Write(*std::move(response))) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<orgv1::ImportUnitsResponse> UnitService::ImportRows(
    const rpc::Caller& caller, db::Session& db, const orgv1::ImportUnitsRequest& request) {
  if (absl::Status s = CheckImport(request.rows_size(), request.request_id()); !s.ok()) return s;
  const absl::CivilDay today = directory_.clock().Today();
  const change::Context why = ImportContext(caller, request);
  bool written = false;
  absl::StatusOr<orgv1::ImportUnitsResponse> response =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<orgv1::ImportUnitsResponse> {
        orgv1::ImportUnitsResponse answer;
        written = false;
        if (absl::Status s = directory_.units().LockOrganization(tx); !s.ok()) return s;
        absl::StatusOr<UnitTree> tree = directory_.units().LoadTree(tx);
        if (!tree.ok()) return tree.status();
        absl::flat_hash_map<std::string, Unit> before;  // Of units that are changed.
        std::vector<std::string> created;
        std::vector<std::string> updated;
        absl::flat_hash_map<std::string, absl::Status> calendars;
        for (const orgv1::ImportUnitRow& row : request.rows()) {
          orgv1::ImportResult& result = *answer.add_results();
          result.set_line(row.line());
          const orgv1::Unit& message = row.unit();
          Reader reader;
          const std::string id = reader.Name("units", message.name(), "unit.name", Need::kRequired);
          if (!id.empty()) result.set_name(message.name());
          const Unit* existing = id.empty() ? nullptr : tree->Find(id);
          Unit unit = existing != nullptr ? *existing : Unit{};
          std::set<std::string> fields{"display_name", "kind"};
          if (existing != nullptr && message.display_name().empty()) fields.erase("display_name");
          if (existing != nullptr && message.kind() == orgv1::UNIT_KIND_UNSPECIFIED)
            fields.erase("kind");
          if (!message.region().empty()) fields.insert("region");
          if (!message.calendar().empty()) fields.insert("calendar");
          ReadDescription(message, fields, reader, unit);
          const std::string parent =
              reader.Name("units", message.parent(), "unit.parent", Need::kOptional);
          const std::optional<absl::CivilDay> start =
              reader.Day(message.has_start_date(), message.start_date(), "unit.start_date");
          const std::optional<absl::CivilDay> end =
              reader.Day(message.has_end_date(), message.end_date(), "unit.end_date");
          if (absl::Status s = reader.status(); !s.ok()) {
            Refuse(s, result);
            continue;
          }
          const absl::Time now = existing != nullptr
                                     ? directory_.clock().NowAfter(existing->update_time)
                                     : directory_.clock().Now();
          absl::Status rule = absl::OkStatus();
          if (existing == nullptr) {
            unit.id = id;
            unit.start_day = start.value_or(today);
            unit.placements = {{parent, unit.start_day}};
            unit.create_time = unit.update_time = now;
            unit.version = 1;
            if (tree->units().size() >= kMaxUnits) rule = error::TooManyUnits();
          } else if (!parent.empty() && unit.ParentOn(start.value_or(today)) != parent) {
            absl::StatusOr<Unit> moved = ApplyMoveUnit(unit, parent, start.value_or(today), now);
            rule = moved.status();
            if (moved.ok()) unit = *std::move(moved);
          }
          if (rule.ok() && end && unit.end_day != end) {
            absl::StatusOr<Unit> closed = ApplyCloseUnit(unit, *end, now);
            rule = closed.status();
            if (existing != nullptr && rule.ok()) {
              const absl::StatusOr<std::optional<std::string>> user =
                  directory_.units().PlacedAfter(tx, id, *end);
              if (!user.ok()) return user.status();
              if (*user) rule = error::UnitInUse(message.name(), **user, *end);
            }
            if (closed.ok()) unit = *std::move(closed);
          }
          if (rule.ok() && !unit.calendar_id.empty()) {
            const auto [known, added] = calendars.try_emplace(unit.calendar_id);
            if (added) {
              known->second = AsReference(calendars_.LoadForUpdate(tx, unit.calendar_id).status(),
                                          unit.calendar_id);
              if (!known->second.ok() && status::ReasonOf(known->second).empty())
                return known->second;
            }
            rule = known->second;
          }
          const bool changed = existing == nullptr || unit.display_name != existing->display_name ||
                               unit.kind != existing->kind || unit.region != existing->region ||
                               unit.calendar_id != existing->calendar_id ||
                               unit.placements != existing->placements ||
                               unit.end_day != existing->end_day;
          if (rule.ok() && !changed) {
            result.set_outcome(orgv1::UNCHANGED);
            continue;
          }
          const std::optional<Unit> old =
              existing != nullptr ? std::optional<Unit>(*existing) : std::nullopt;
          if (rule.ok()) {
            unit.update_time = now;
            tree->Put(unit);
            rule = tree->CheckPlace(id);
            if (!rule.ok() && old) tree->Put(*old);
            if (!rule.ok() && !old) tree->Remove(id);
          }
          if (!rule.ok()) {
            Refuse(rule, result);
            continue;
          }
          if (!old) {
            created.push_back(id);
          } else if (std::find(created.begin(), created.end(), id) == created.end() &&
                     before.try_emplace(id, *old).second) {
            updated.push_back(id);
          }
          result.set_outcome(old ? orgv1::UPDATED : orgv1::CREATED);
        }
        std::vector<Unit> fresh;
        for (const std::string& id : created) fresh.push_back(*tree->Find(id));
        if (absl::Status s = directory_.units().Insert(tx, why, fresh, today); !s.ok()) return s;
        for (const std::string& id : updated) {
          absl::StatusOr<Unit> saved = directory_.units().Save(
              tx, why, "unit.imported", before.at(id), *tree->Find(id), today);
          if (!saved.ok()) return saved.status();
        }
        written = !created.empty() || !updated.empty();
        return answer;
      });
  if (response.ok() && written) directory_.Notify();
  return response;
}

}  // namespace milepost::target
