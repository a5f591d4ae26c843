#include "target-svc/service/member_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/access/masking.h"
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

const std::set<std::string>& DescriptiveFields() {
  static const std::set<std::string> fields{"display_name",    "manages", "matrix_lines",
                                            "employee_number", "phone",   "email"};
  return fields;
}

template <typename Lines>
std::vector<MemberLine> ReadLines(const Lines& lines, const std::string& field, Reader& reader) {
  std::vector<MemberLine> result;
  if (static_cast<size_t>(lines.size()) > kMaxLines) {
    reader.Add(field, absl::StrCat("has ", lines.size(), " entries; the limit is ", kMaxLines));
  }
  for (int i = 0; i < lines.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "].");
    MemberLine line;
    line.unit_id = reader.Name("units", lines[i].unit(), path + "unit", Need::kRequired);
    const auto first = reader.Day(lines[i].has_first_date(), lines[i].first_date(),
                                  path + "first_date", Need::kRequired);
    line.last_day = reader.Day(lines[i].has_last_date(), lines[i].last_date(), path + "last_date");
    if (first) line.first_day = *first;
    if (first && line.last_day && *line.last_day < *first)
      reader.Add(path + "last_date", "is before first_date");
    if constexpr (requires { lines[i].purpose(); }) {
      line.purpose = reader.Text(lines[i].purpose(), path + "purpose", kMaxPurpose);
    }
    result.push_back(std::move(line));
  }
  return result;
}

void ReadDescription(const orgv1::Member& message, const std::set<std::string>& fields,
                     Reader& reader, Member& member) {
  if (fields.contains("display_name")) {
    member.display_name = reader.Text(message.display_name(), "member.display_name",
                                      kMaxDisplayName, Need::kRequired);
  }
  if (fields.contains("manages"))
    member.manages = ReadLines(message.manages(), "member.manages", reader);
  if (fields.contains("matrix_lines")) {
    member.matrix_lines = ReadLines(message.matrix_lines(), "member.matrix_lines", reader);
  }
  if (fields.contains("employee_number")) {
    member.employee_number =
        reader.Text(message.employee_number(), "member.employee_number", kMaxEmployeeNumber);
  }
  if (fields.contains("phone"))
    member.phone = reader.Text(message.phone(), "member.phone", kMaxPhone);
  if (fields.contains("email")) {
    member.email = reader.Text(message.email(), "member.email", kMaxEmail);
    if (!member.email.empty() && member.email.find('@') == std::string::npos) {
      reader.Add("member.email", "is not an e-mail address: it has no @");
    }
  }
}

void CopyDescription(const Member& from, const std::set<std::string>& fields, Member& to) {
  if (fields.contains("display_name")) to.display_name = from.display_name;
  if (fields.contains("manages")) to.manages = from.manages;
  if (fields.contains("matrix_lines")) to.matrix_lines = from.matrix_lines;
  if (fields.contains("employee_number")) to.employee_number = from.employee_number;
  if (fields.contains("phone")) to.phone = from.phone;
  if (fields.contains("email")) to.email = from.email;
}

// Placements as given, in order, without two on one day.
std::vector<MemberPlacement> ReadPlacements(const orgv1::Member& message, Reader& reader) {
  std::vector<MemberPlacement> placements;
  if (static_cast<size_t>(message.placements_size()) > kMaxPlacements) {
    reader.Add("member.placements", absl::StrCat("has ", message.placements_size(),
                                                 " entries; the limit is ", kMaxPlacements));
  }
  for (int i = 0; i < message.placements_size(); ++i) {
    const orgv1::MemberPlacement& given = message.placements(i);
    const std::string path = absl::StrCat("member.placements[", i, "].");
    MemberPlacement placement;
    placement.unit_id = reader.Name("units", given.unit(), path + "unit", Need::kRequired);
    placement.job_title = reader.Text(given.job_title(), path + "job_title", kMaxJobTitle);
    const auto first = reader.Day(given.has_first_date(), given.first_date(), path + "first_date",
                                  Need::kRequired);
    if (first) placement.first_day = *first;
    if (first && !placements.empty() && placement.first_day <= placements.back().first_day) {
      reader.Add(path + "first_date", "is not after that of the placement before");
    }
    placements.push_back(std::move(placement));
  }
  return placements;
}

// Place and first day of a new member.
void ReadPlace(const orgv1::Member& message, absl::CivilDay today, Reader& reader, Member& member) {
  const std::optional<absl::CivilDay> start =
      reader.Day(message.has_start_date(), message.start_date(), "member.start_date");
  if (message.placements_size() > 0) {
    member.placements = ReadPlacements(message, reader);
    member.start_day = start.value_or(member.placements.front().first_day);
    if (member.start_day != member.placements.front().first_day) {
      reader.Add("member.start_date", "is not the first day of the first placement");
    }
    return;
  }
  member.start_day = start.value_or(today);
  MemberPlacement placement;
  placement.unit_id = reader.Name("units", message.unit(), "member.unit", Need::kRequired);
  placement.job_title = reader.Text(message.job_title(), "member.job_title", kMaxJobTitle);
  placement.first_day = member.start_day;
  member.placements = {std::move(placement)};
}

// What the caller may see of a member.
orgv1::Member Shown(const rpc::Caller& caller, const Member& member, absl::CivilDay today) {
  orgv1::Member message = ToProto(member, today);
  if (!caller.scope().MaySeePersonal(member.id)) access::MaskPersonal(message);
  return message;
}

}  // namespace

MemberService::MemberService(rpc::Runner& rpc, Directory& directory)
    : rpc_(rpc), directory_(directory) {
  rpc_.Register<orgv1::MemberService>();
}

grpc::ServerUnaryReactor* MemberService::GetMember(grpc::CallbackServerContext* context,
                                                   const orgv1::GetMemberRequest* request,
                                                   orgv1::Member* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* MemberService::ListMembers(grpc::CallbackServerContext* context,
                                                     const orgv1::ListMembersRequest* request,
                                                     orgv1::ListMembersResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* MemberService::CreateMember(grpc::CallbackServerContext* context,
                                                      const orgv1::CreateMemberRequest* request,
                                                      orgv1::Member* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* MemberService::UpdateMember(grpc::CallbackServerContext* context,
                                                      const orgv1::UpdateMemberRequest* request,
                                                      orgv1::Member* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* MemberService::MoveMember(grpc::CallbackServerContext* context,
                                                    const orgv1::MoveMemberRequest* request,
                                                    orgv1::Member* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Move(call...); });
}
grpc::ServerUnaryReactor* MemberService::EndMember(grpc::CallbackServerContext* context,
                                                   const orgv1::EndMemberRequest* request,
                                                   orgv1::Member* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return End(call...); });
}
grpc::ServerBidiReactor<orgv1::ImportMembersRequest, orgv1::ImportMembersResponse>*
MemberService::ImportMembers(grpc::CallbackServerContext* context) {
  return rpc_.RunBidi<orgv1::ImportMembersRequest, orgv1::ImportMembersResponse>(
      *context, [this](auto&... call) { return Import(call...); });
}

MemberService::MemberResult MemberService::Get(const rpc::Caller& caller, db::Session& db,
                                               const orgv1::GetMemberRequest& request) {
  Reader reader;
  const std::string id = reader.Name("members", request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::StatusOr<Member> member =
      db.Read([&](db::Snapshot& snapshot) { return directory_.members().Load(snapshot, id); });
  if (!member.ok()) return member.status();
  return Shown(caller, *member, directory_.clock().Today());
}

absl::StatusOr<orgv1::ListMembersResponse> MemberService::List(
    const rpc::Caller& caller, db::Session& db, const orgv1::ListMembersRequest& request) {
  Reader reader;
  const std::string unit = reader.Name("units", request.unit(), "unit", Need::kOptional);
  const std::optional<absl::CivilDay> date = reader.Day(request.has_date(), request.date(), "date");
  if (request.include_units_below() && request.unit().empty())
    reader.Add("include_units_below", "needs unit");
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  const absl::CivilDay day = date.value_or(directory_.clock().Today());
  absl::StatusOr<std::vector<Member>> members =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<std::vector<Member>> {
        MemberStore::Filter filter{{}, day, date.has_value()};
        if (!unit.empty()) filter.unit_ids = {unit};
        if (request.include_units_below()) {
          const absl::StatusOr<std::shared_ptr<const UnitTree>> tree = directory_.Tree(snapshot);
          if (!tree.ok()) return tree.status();
          const std::set<std::string> below = (*tree)->Below(unit, day);
          filter.unit_ids.assign(below.begin(), below.end());
        }
        return directory_.members().List(snapshot, filter, page.after.empty() ? "" : page.after[0],
                                         page.size + 1);
      });
  if (!members.ok()) return members.status();
  orgv1::ListMembersResponse response;
  for (const Member& member : *members) {
    if (response.members_size() == page.size) {
      response.set_next_page_token(
          resource::NextPageToken(request, {(*members)[static_cast<size_t>(page.size) - 1].id}));
      break;
    }
    *response.add_members() = Shown(caller, member, day);
  }
  return response;
}

MemberService::MemberResult MemberService::Create(const rpc::Caller& caller, db::Session& db,
                                                  const orgv1::CreateMemberRequest& request) {
  Reader reader;
  const absl::Time now = directory_.clock().Now();
  const absl::CivilDay today = directory_.clock().Today();
  Member member;
  member.id = reader.Id(request.member_id(), "member_id", Need::kOptional);
  if (member.id.empty()) member.id = resource::NewId('m', now);
  if (!request.has_member()) reader.Add("member", "is required");
  ReadDescription(request.member(), DescriptiveFields(), reader, member);
  ReadPlace(request.member(), today, reader, member);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  member.create_time = member.update_time = now;
  member.version = 1;

  const MemberResult created = db.Transact([&](db::Transaction& tx) -> MemberResult {
    if (absl::Status s = directory_.units().LockOrganization(tx); !s.ok()) return s;
    const absl::StatusOr<UnitTree> tree = directory_.units().LoadTree(tx);
    if (!tree.ok()) return tree.status();
    if (absl::Status s = CheckMemberUnits(member, *tree); !s.ok()) return s;
    if (absl::Status s = directory_.members().Insert(tx, caller.Change(request), {member}, today);
        !s.ok())
      return s;
    return ToProto(member, today);
  });
  if (created.ok()) directory_.Notify();
  return created;
}

template <typename Change>
MemberService::MemberResult MemberService::ChangeMember(const rpc::Caller& caller, db::Session& db,
                                                        const google::protobuf::Message& request,
                                                        const std::string& id,
                                                        std::optional<int64_t> version,
                                                        const char* event_type, Change change) {
  const absl::CivilDay today = directory_.clock().Today();
  const MemberResult changed = db.Transact([&](db::Transaction& tx) -> MemberResult {
    if (absl::Status s = directory_.units().LockOrganization(tx); !s.ok()) return s;
    const absl::StatusOr<Member> before = directory_.members().Load(tx, id);
    if (!before.ok()) return before.status();
    if (version && *version != before->version)
      return error::StaleEtag(resource::Name("members", id));
    const absl::Time now = directory_.clock().NowAfter(before->update_time);
    absl::StatusOr<Member> next = change(*before, now);
    if (!next.ok()) return next.status();
    const absl::StatusOr<UnitTree> tree = directory_.units().LoadTree(tx);
    if (!tree.ok()) return tree.status();
    if (absl::Status s = CheckMemberUnits(*next, *tree); !s.ok()) return s;
    const absl::StatusOr<Member> saved = directory_.members().Save(
        tx, caller.Change(request), event_type, *before, *std::move(next), today);
    if (!saved.ok()) return saved.status();
    return ToProto(*saved, today);
  });
  if (changed.ok()) directory_.Notify();
  return changed;
}

MemberService::MemberResult MemberService::Update(const rpc::Caller& caller, db::Session& db,
                                                  const orgv1::UpdateMemberRequest& request) {
  Reader reader;
  const std::string id =
      reader.Name("members", request.member().name(), "member.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), request.member(), DescriptiveFields(), reader.violations());
  Member values;
  ReadDescription(request.member(), fields, reader, values);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeMember(caller, db, request, id, version, "member.updated",
                      [&](Member member, absl::Time now) -> absl::StatusOr<Member> {
                        CopyDescription(values, fields, member);
                        member.update_time = now;
                        return member;
                      });
}

MemberService::MemberResult MemberService::Move(const rpc::Caller& caller, db::Session& db,
                                                const orgv1::MoveMemberRequest& request) {
  Reader reader;
  const std::string id = reader.Name("members", request.name(), "name", Need::kRequired);
  MemberPlacement placement;
  placement.unit_id = reader.Name("units", request.unit(), "unit", Need::kRequired);
  placement.first_day = reader.Day(request.has_first_date(), request.first_date(), "first_date")
                            .value_or(directory_.clock().Today());
  placement.job_title = reader.Text(request.job_title(), "job_title", kMaxJobTitle);
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeMember(caller, db, request, id, version, "member.moved",
                      [&](Member member, absl::Time now) {
                        return ApplyMoveMember(std::move(member), placement, now);
                      });
}

MemberService::MemberResult MemberService::End(const rpc::Caller& caller, db::Session& db,
                                               const orgv1::EndMemberRequest& request) {
  Reader reader;
  const std::string id = reader.Name("members", request.name(), "name", Need::kRequired);
  const absl::CivilDay last = reader.Day(request.has_last_date(), request.last_date(), "last_date")
                                  .value_or(directory_.clock().Today());
  reader.Text(request.reason(), "reason", kMaxReason);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeMember(
      caller, db, request, id, version, "member.ended",
      [&](Member member, absl::Time now) { return ApplyEndMember(std::move(member), last, now); });
}

absl::Status MemberService::Import(
    const rpc::Caller& caller, db::Session& db,
    rpc::Stream<orgv1::ImportMembersRequest, orgv1::ImportMembersResponse>& stream) {
  while (std::optional<orgv1::ImportMembersRequest> request = stream.Read()) {
    absl::StatusOr<orgv1::ImportMembersResponse> response = ImportRows(caller, db, *request);
    if (!response.ok()) return response.status();
    if (!stream.Write(*std::move(response))) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<orgv1::ImportMembersResponse> MemberService::ImportRows(
    const rpc::Caller& caller, db::Session& db, const orgv1::ImportMembersRequest& request) {
  if (absl::Status s = CheckImport(request.rows_size(), request.request_id()); !s.ok()) return s;
  const absl::CivilDay today = directory_.clock().Today();
  const change::Context why = ImportContext(caller, request);
  std::vector<std::string> ids;
  for (const orgv1::ImportMemberRow& row : request.rows()) {
    if (std::optional<std::string> id = resource::IdOf("members", row.member().name()))
      ids.push_back(*std::move(id));
  }
  bool written = false;
  absl::StatusOr<orgv1::ImportMembersResponse> response =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<orgv1::ImportMembersResponse> {
        orgv1::ImportMembersResponse answer;
        written = false;
        if (absl::Status s = directory_.units().LockOrganization(tx); !s.ok()) return s;
        const absl::StatusOr<UnitTree> tree = directory_.units().LoadTree(tx);
        if (!tree.ok()) return tree.status();
        absl::StatusOr<std::vector<Member>> loaded = directory_.members().LoadMany(tx, ids);
        if (!loaded.ok()) return loaded.status();
        std::map<std::string, Member> before;  // As stored.
        std::map<std::string, Member> after;   // As it will be.
        for (Member& member : *loaded) {
          after.emplace(member.id, member);
          std::string id = member.id;
          before.emplace(std::move(id), std::move(member));
        }
        std::set<std::string> written_ids;
        for (const orgv1::ImportMemberRow& row : request.rows()) {
          orgv1::ImportResult& result = *answer.add_results();
          result.set_line(row.line());
          const orgv1::Member& message = row.member();
          Reader reader;
          const std::string id =
              reader.Name("members", message.name(), "member.name", Need::kRequired);
          if (!id.empty()) result.set_name(message.name());
          const auto existing = after.find(id);
          const bool known = existing != after.end();
          Member member = known ? existing->second : Member{};
          std::set<std::string> fields{"display_name"};
          if (known && message.display_name().empty()) fields.erase("display_name");
          if (message.manages_size() > 0) fields.insert("manages");
          if (message.matrix_lines_size() > 0) fields.insert("matrix_lines");
          if (!message.employee_number().empty()) fields.insert("employee_number");
          if (!message.phone().empty()) fields.insert("phone");
          if (!message.email().empty()) fields.insert("email");
          ReadDescription(message, fields, reader, member);
          const std::optional<absl::CivilDay> end =
              reader.Day(message.has_end_date(), message.end_date(), "member.end_date");
          absl::Status rule = absl::OkStatus();
          const absl::Time now = known ? directory_.clock().NowAfter(existing->second.update_time)
                                       : directory_.clock().Now();
          if (!known) {
            ReadPlace(message, today, reader, member);
            member.id = id;
            member.create_time = now;
            member.version = 1;
          } else if (message.placements_size() > 0) {
            member.placements = ReadPlacements(message, reader);
            if (member.placements.front().first_day != member.start_day) {
              reader.Add("member.placements[0].first_date",
                         absl::StrCat("is not the member's first day ",
                                      absl::FormatCivilTime(member.start_day)));
            }
          } else {
            const absl::CivilDay day =
                reader.Day(message.has_start_date(), message.start_date(), "member.start_date")
                    .value_or(today);
            MemberPlacement placement = member.PlacementOn(day);
            placement.first_day = day;
            const std::string unit =
                reader.Name("units", message.unit(), "member.unit", Need::kOptional);
            const std::string title =
                reader.Text(message.job_title(), "member.job_title", kMaxJobTitle);
            const bool moves = (!unit.empty() && unit != placement.unit_id) ||
                               (!title.empty() && title != placement.job_title);
            if (!unit.empty()) placement.unit_id = unit;
            if (!title.empty()) placement.job_title = title;
            if (moves) {
              absl::StatusOr<Member> moved = ApplyMoveMember(member, placement, now);
              rule = moved.status();
              if (moved.ok()) member = *std::move(moved);
            }
          }
          if (absl::Status s = reader.status(); !s.ok()) {
            Refuse(s, result);
            continue;
          }
          if (rule.ok() && end && member.end_day != end) {
            absl::StatusOr<Member> ended = ApplyEndMember(member, *end, now);
            rule = ended.status();
            if (ended.ok()) member = *std::move(ended);
          }
          if (rule.ok()) rule = CheckMemberUnits(member, *tree);
          if (!rule.ok()) {
            Refuse(rule, result);
            continue;
          }
          if (known) {
            const Member& old = existing->second;
            if (member.display_name == old.display_name && member.placements == old.placements &&
                member.manages == old.manages && member.matrix_lines == old.matrix_lines &&
                member.end_day == old.end_day && member.employee_number == old.employee_number &&
                member.phone == old.phone && member.email == old.email) {
              result.set_outcome(orgv1::UNCHANGED);
              continue;
            }
          }
          member.update_time = now;
          after[id] = std::move(member);
          written_ids.insert(id);
          result.set_outcome(known ? orgv1::UPDATED : orgv1::CREATED);
        }
        std::vector<Member> created;
        for (const std::string& id : written_ids) {
          if (!before.contains(id)) created.push_back(after.at(id));
        }
        if (absl::Status s = directory_.members().Insert(tx, why, created, today); !s.ok())
          return s;
        for (const std::string& id : written_ids) {
          const auto old = before.find(id);
          if (old == before.end()) continue;
          const absl::StatusOr<Member> saved = directory_.members().Save(
              tx, why, "member.imported", old->second, after.at(id), today);
          if (!saved.ok()) return saved.status();
        }
        written = !written_ids.empty();
        return answer;
      });
  if (response.ok() && written) directory_.Notify();
  return response;
}

}  // namespace milepost::target
