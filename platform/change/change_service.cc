#include "platform/change/change_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "platform/access/masking.h"
#include "platform/change/change.h"
#include "platform/change/field_diff.h"
#include "platform/resource/page_token.h"
#include "platform/status/error.h"
#include "platform/types/proto.h"

namespace milepost::change {
namespace {

// Columns that ChangeOf reads, in its order.
#define MILEPOST_CHANGE_COLUMNS                                                           \
  "SELECT change_id, aggregate_version, event_type, change_time, actor, calling_service," \
  " reason, request_id, payload, deleted FROM changes WHERE aggregate_id = ? "

absl::Status NotFound(const std::string& record) {
  return status::Error(absl::StatusCode::kNotFound, "RECORD_NOT_FOUND",
                       absl::StrCat(record, " does not exist"), {{"name", record}});
}

void CheckName(const std::string& record, status::FieldViolations& violations) {
  if (record.empty()) {
    violations.Add("record", "is required: a resource name, for example `customers/acme`");
  } else if (record.size() > kMaxNameBytes) {
    violations.Add("record", absl::StrCat("has ", record.size(), " bytes, a name has at most ",
                                          kMaxNameBytes));
  }
}

// The state in its own type; null if the type is not linked in or the bytes are broken.
std::unique_ptr<google::protobuf::Message> Unpacked(const google::protobuf::Any& state) {
  const std::string& url = state.type_url();
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      url.substr(url.find_last_of('/') + 1));
  if (type == nullptr) return nullptr;
  std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!message->ParseFromString(state.value())) return nullptr;
  return message;
}

// A row as read, with its state still unmasked.
struct Entry {
  v1::Change change;
  std::unique_ptr<google::protobuf::Message> state;
  bool deleted = false;
};

absl::StatusOr<Entry> EntryOf(const std::string& record, const db::Row& row) {
  Entry entry;
  entry.change.set_change_id(row.String(0));
  entry.change.set_record(record);
  entry.change.set_version(row.Int64(1));
  entry.change.set_type(row.String(2));
  *entry.change.mutable_change_time() = ToProto(row.Time(3));
  entry.change.set_actor(row.String(4));
  entry.change.set_calling_service(row.String(5));
  entry.change.set_reason(row.String(6));
  entry.change.set_request_id(row.String(7));
  entry.deleted = row.Bool(9);
  google::protobuf::Any state;
  if (!state.ParseFromString(row.String(8)) || (entry.state = Unpacked(state)) == nullptr) {
    return absl::InternalError(absl::StrCat("unreadable change ", entry.change.change_id()));
  }
  return entry;
}

// Fills `fields` and `state` of the entry, as the caller may see them.
v1::Change Finish(Entry entry, const google::protobuf::Message* before, bool show_persons) {
  const google::protobuf::Message* after = entry.deleted ? nullptr : entry.state.get();
  if (before != nullptr && before->GetDescriptor() != entry.state->GetDescriptor()) {
    before = nullptr;  // The record changed its type: all of it is new.
  }
  for (FieldDifference& difference : DiffFields(before, after)) {
    v1::FieldChange& field = *entry.change.add_fields();
    field.set_path(std::move(difference.path));
    const bool mask = difference.personal && !show_persons;
    field.set_before(mask ? access::MaskText(difference.before) : difference.before);
    field.set_after(mask ? access::MaskText(difference.after) : difference.after);
  }
  if (!entry.deleted) {
    if (!show_persons) access::MaskPersonal(*entry.state);
    entry.change.mutable_state()->PackFrom(*entry.state);
  }
  return std::move(entry.change);
}

absl::StatusOr<std::optional<Entry>> ReadOne(db::Session& session, const std::string& record,
                                             const db::Statement& statement,
                                             const std::vector<db::Value>& values) {
  const absl::StatusOr<db::Rows> rows =
      session.Read([&](db::Snapshot& snapshot) { return snapshot.QueryValues(statement, values); });
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<Entry>();
  absl::StatusOr<Entry> entry = EntryOf(record, rows->front());
  if (!entry.ok()) return entry.status();
  return std::optional<Entry>(*std::move(entry));
}

constexpr db::Statement kNewest{"read_newest_change",
                                MILEPOST_CHANGE_COLUMNS "ORDER BY aggregate_version DESC LIMIT 1"};
constexpr db::Statement kVersion{"read_change_of_version",
                                 MILEPOST_CHANGE_COLUMNS "AND aggregate_version = ? LIMIT 1"};
constexpr db::Statement kAsOf{"read_change_as_of", MILEPOST_CHANGE_COLUMNS
                              "AND change_time <= ? ORDER BY aggregate_version DESC LIMIT 1"};
constexpr db::Statement kList{"list_changes", MILEPOST_CHANGE_COLUMNS
                              "AND aggregate_version > ? ORDER BY aggregate_version LIMIT ?"};

#undef MILEPOST_CHANGE_COLUMNS

}  // namespace

ChangeService::ChangeService(rpc::Runner& runner, MaySeeRecord may_see, OwnerOfRecord owner_of)
    : rpc_(runner), may_see_(std::move(may_see)), owner_of_(std::move(owner_of)) {
  rpc_.Register<v1::ChangeService>();
}

grpc::ServerUnaryReactor* ChangeService::ListChanges(grpc::CallbackServerContext* context,
                                                     const v1::ListChangesRequest* request,
                                                     v1::ListChangesResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}

grpc::ServerUnaryReactor* ChangeService::GetRecordAsOf(grpc::CallbackServerContext* context,
                                                       const v1::GetRecordAsOfRequest* request,
                                                       v1::Change* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return GetAsOf(call...); });
}

bool ChangeService::MaySee(const rpc::Caller& caller, db::Session& session,
                           const std::string& record) const {
  return may_see_ ? may_see_(caller, session, record) : caller.scope().sees_all();
}

bool ChangeService::ShowsPersons(const rpc::Caller& caller, db::Session& session,
                                 const google::protobuf::Message& newest) const {
  return caller.scope().MaySeePersonal(owner_of_ ? owner_of_(session, newest)
                                                 : access::OwnerOf(newest));
}

absl::StatusOr<v1::ListChangesResponse> ChangeService::List(
    const rpc::Caller& caller, db::Session& session, const v1::ListChangesRequest& request) const {
  status::FieldViolations violations;
  CheckName(request.record(), violations);
  const resource::Page page = resource::ReadPage(request, /*key_columns=*/1, violations);
  int64_t after = 0;
  if (!page.after.empty() && !absl::SimpleAtoi(page.after[0], &after)) {
    violations.Add("page_token", "is not one that this method gave out");
  }
  if (!violations.empty()) return violations.ToStatus();

  absl::StatusOr<std::optional<Entry>> newest =
      ReadOne(session, request.record(), kNewest, {request.record()});
  if (!newest.ok()) return newest.status();
  if (!newest->has_value() || !MaySee(caller, session, request.record())) {
    return NotFound(request.record());
  }
  const bool show_persons = ShowsPersons(caller, session, *(*newest)->state);

  // The version before the page's first, to compare with.
  std::unique_ptr<google::protobuf::Message> before;
  if (after > 0) {
    absl::StatusOr<std::optional<Entry>> last =
        ReadOne(session, request.record(), kVersion, {request.record(), after});
    if (!last.ok()) return last.status();
    if (last->has_value() && !(*last)->deleted) before = std::move((*last)->state);
  }
  const absl::StatusOr<db::Rows> rows = session.Read([&](db::Snapshot& snapshot) {
    return snapshot.Query(kList, request.record(), after, page.size + 1);
  });
  if (!rows.ok()) return rows.status();
  v1::ListChangesResponse response;
  for (const db::Row& row : *rows) {
    if (response.changes_size() == page.size) {
      response.set_next_page_token(resource::NextPageToken(
          request, {absl::StrCat(response.changes(page.size - 1).version())}));
      break;
    }
    absl::StatusOr<Entry> entry = EntryOf(request.record(), row);
    if (!entry.ok()) return entry.status();
    std::unique_ptr<google::protobuf::Message> next;
    if (!entry->deleted) {
      next.reset(entry->state->New());
      next->CopyFrom(*entry->state);
    }
    *response.add_changes() = Finish(*std::move(entry), before.get(), show_persons);
    before = std::move(next);
  }
  return response;
}

absl::StatusOr<v1::Change> ChangeService::GetAsOf(const rpc::Caller& caller, db::Session& session,
                                                  const v1::GetRecordAsOfRequest& request) const {
  status::FieldViolations violations;
  CheckName(request.record(), violations);
  std::optional<absl::Time> time;
  if (request.has_as_of_time()) {
    time = ReadTimestamp(request.as_of_time(), "as_of_time", violations);
  } else {
    violations.Add("as_of_time", "is required");
  }
  if (!violations.empty()) return violations.ToStatus();

  absl::StatusOr<std::optional<Entry>> newest =
      ReadOne(session, request.record(), kNewest, {request.record()});
  if (!newest.ok()) return newest.status();
  if (!newest->has_value() || !MaySee(caller, session, request.record())) {
    return NotFound(request.record());
  }
  absl::StatusOr<std::optional<Entry>> then =
      ReadOne(session, request.record(), kAsOf, {request.record(), *time});
  if (!then.ok()) return then.status();
  if (!then->has_value() || (*then)->deleted) return NotFound(request.record());
  absl::StatusOr<std::optional<Entry>> before = ReadOne(
      session, request.record(), kVersion, {request.record(), (*then)->change.version() - 1});
  if (!before.ok()) return before.status();
  const bool existed = before->has_value() && !(*before)->deleted;
  return Finish(**std::move(then), existed ? (*before)->state.get() : nullptr,
                ShowsPersons(caller, session, *(*newest)->state));
}

}  // namespace milepost::change
