#include "platform/change/change.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "platform/change/signal.h"
#include "platform/status/error.h"

namespace milepost::change {
namespace {

constexpr char kWriteFailureUrl[] = "milepost/change-write-failure";
constexpr size_t kMaxWordBytes = 63;
constexpr size_t kColumns = 15;
// Changes of one transaction that are held back at most.
constexpr size_t kMaxGathered = 2'000;

constexpr char kInsertHead[] =
    "INSERT INTO changes (change_id, transaction_id, aggregate_type, aggregate_id,"
    " aggregate_version, event_type, payload, deleted, actor, calling_service, reason,"
    " request_scope, request_id, request_hash, change_time) VALUES ";
constexpr char kInsertRow[] = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

struct Row {
  std::string type;
  std::string aggregate_type;
  std::string name;
  int64_t version;
  std::string payload;
  bool deleted;
};

// The changes of one transaction until they are written.
struct Gathered {
  Context why;  // Of the first change.
  std::vector<Row> rows;
  absl::Time not_before = absl::InfinitePast();
  std::string key;     // Of the transaction, once some are written.
  size_t written = 0;  // Changes before `rows`.
};

bool IsUtf8ContinuationByte(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string Serialize(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

// Sorts as the time does, and is unique: 14 digits of microseconds, 16 of chance.
std::string TimeOrderedKey(absl::Time time) {
  unsigned char random[8];
  RAND_bytes(random, sizeof(random));
  return absl::StrFormat("%014x", absl::ToUnixMicros(time)) +
         absl::BytesToHexString(
             absl::string_view(reinterpret_cast<const char*>(random), sizeof(random)));
}

absl::Status WriteFailure(absl::Status status) {
  status.SetPayload(kWriteFailureUrl, absl::Cord());
  return status;
}

absl::Status Write(db::Transaction& tx, Gathered& gathered) {
  const absl::Time time =
      absl::FromUnixMicros(absl::ToUnixMicros(std::max(absl::Now(), gathered.not_before)));
  gathered.not_before = time;
  if (gathered.key.empty()) gathered.key = TimeOrderedKey(time);
  const Context& why = gathered.why;
  const bool repeatable = !why.request_id.empty();
  std::vector<db::Value> values;
  values.reserve(gathered.rows.size() * kColumns);
  for (size_t i = 0; i < gathered.rows.size(); ++i) {
    Row& row = gathered.rows[i];
    const size_t number = gathered.written + i;
    const bool carries_request = repeatable && number == 0;
    values.emplace_back(absl::StrFormat("c%s-%06x", gathered.key, number));
    values.emplace_back(absl::StrCat("t", gathered.key));
    values.emplace_back(row.aggregate_type);
    values.emplace_back(row.name);
    values.emplace_back(row.version);
    values.emplace_back(row.type);
    values.emplace_back(db::Bytes{std::move(row.payload)});
    values.emplace_back(row.deleted);
    values.emplace_back(why.actor);
    values.emplace_back(why.calling_service);
    values.emplace_back(why.reason);
    if (carries_request) {
      values.emplace_back(why.request_scope);
      values.emplace_back(why.request_id);
      values.emplace_back(db::Bytes{why.request_hash});
    } else {
      for (int column = 0; column < 3; ++column) values.emplace_back(db::Null{});
    }
    values.emplace_back(time);
  }
  gathered.written += gathered.rows.size();
  gathered.rows.clear();
  const absl::Status inserted = tx.InsertRows({"insert_changes", kInsertHead}, kInsertRow, values);
  if (inserted.ok()) return inserted;
  const std::optional<std::string> duplicate = db::DuplicateKey(inserted);
  if (duplicate == "uq_changes_request") {
    return status::Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_USED",
                         "a request with this request_id has been carried out",
                         {{"request_id", why.request_id}});
  }
  if (duplicate == "uq_changes_version") {
    return status::Error(absl::StatusCode::kAborted, "CONCURRENT_CHANGE",
                         "the record was changed at the same time: read it and try again");
  }
  return db::IsConflict(inserted) || db::IsConnectionLost(inserted) ? inserted
                                                                    : WriteFailure(inserted);
}

}  // namespace

std::string RequestScope(const std::string& member_id, const std::string& calling_service) {
  return absl::StrCat(member_id, "@", calling_service);
}

std::string RequestHash(const google::protobuf::Message& request) {
  const google::protobuf::Descriptor& type = *request.GetDescriptor();
  const google::protobuf::FieldDescriptor* id = type.FindFieldByName("request_id");
  std::string content;
  if (id != nullptr) {
    const std::unique_ptr<google::protobuf::Message> copy(request.New());
    copy->CopyFrom(request);
    copy->GetReflection()->ClearField(copy.get(), id);
    content = Serialize(*copy);
  } else {
    content = Serialize(request);
  }
  const std::string text = absl::StrCat(type.full_name(), "\n", content);
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

bool IsRequestId(const std::string& request_id) {
  static constexpr char kForm[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (request_id.empty()) return true;
  if (request_id.size() != sizeof(kForm) - 1) return false;
  for (size_t i = 0; i < request_id.size(); ++i) {
    const auto c = static_cast<unsigned char>(request_id[i]);
    if (kForm[i] == '-' ? c != '-' : !absl::ascii_isxdigit(c)) return false;
  }
  return true;
}

absl::Status Record(db::Transaction& tx, const Context& why, const Event& event) {
  status::FieldViolations violations;
  if (!IsRequestId(why.request_id)) {
    violations.Add("request_id",
                   "must be a UUID, for example 8d9e7f3c-5a41-4a4f-9a35-0d3c6f7e1b20");
  }
  const size_t characters = why.reason.size() - std::count_if(why.reason.begin(), why.reason.end(),
                                                              IsUtf8ContinuationByte);
  if (characters > kMaxReasonCharacters) {
    violations.Add("reason", absl::StrCat("has ", characters, " characters, at most ",
                                          kMaxReasonCharacters, " are kept"));
  }
  if (!violations.empty()) return violations.ToStatus();
  if (event.type.empty() || event.type.size() > kMaxWordBytes || event.aggregate_type.empty() ||
      event.aggregate_type.size() > kMaxWordBytes || event.name.empty() ||
      event.name.size() > kMaxNameBytes || event.version < 1) {
    return WriteFailure(absl::InternalError(
        absl::StrCat("bad change ", event.type, " of ", event.name, " version ", event.version)));
  }
  google::protobuf::Any any;
  any.PackFrom(event.state);
  Row row{event.type,    event.aggregate_type,    event.name,
          event.version, any.SerializeAsString(), event.deleted};
  if (row.payload.size() > kMaxStateBytes) {
    return WriteFailure(absl::InternalError(absl::StrCat(event.name, " has ", row.payload.size(),
                                                         " bytes, more than ", kMaxStateBytes)));
  }

  if (tx.attachment() == nullptr) {
    auto gathered = std::make_shared<Gathered>();
    gathered->why = why;
    tx.attachment() = gathered;
    tx.BeforeCommit([gathered](db::Transaction& last) { return Write(last, *gathered); });
    if (why.committed != nullptr) {
      tx.AfterCommit([signal = why.committed] { signal->Notify(); });
    }
  }
  auto& gathered = *static_cast<Gathered*>(tx.attachment().get());
  gathered.rows.push_back(std::move(row));
  gathered.not_before =
      std::max(gathered.not_before, event.previous_update_time + absl::Microseconds(1));
  return gathered.rows.size() < kMaxGathered ? absl::OkStatus() : Write(tx, gathered);
}

bool IsWriteFailure(const absl::Status& status) {
  return status.GetPayload(kWriteFailureUrl).has_value();
}

absl::StatusOr<std::optional<PastRequest>> FindRequest(db::Session& session,
                                                       const std::string& request_scope,
                                                       const std::string& request_id) {
  // The first change of the transaction carries the request; the others follow it in the key.
  static constexpr db::Statement kFind{
      "find_request",
      "SELECT r.request_hash, r.transaction_id, r.change_time, c.aggregate_id, c.event_type,"
      " c.payload FROM changes r JOIN changes c ON c.change_id >= r.change_id"
      " AND c.change_id < CONCAT(SUBSTRING(r.change_id, 1, 32), '~')"
      " WHERE r.request_scope = ? AND r.request_id = ? ORDER BY c.change_id LIMIT 1000"};
  const absl::StatusOr<db::Rows> rows = session.Read(
      [&](db::Snapshot& snapshot) { return snapshot.Query(kFind, request_scope, request_id); });
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<PastRequest>();
  PastRequest past{.request_hash = rows->front().String(0),
                   .transaction_id = rows->front().String(1),
                   .change_time = rows->front().Time(2)};
  for (const db::Row& row : *rows) {
    PastRequest::Result result{.name = row.String(3), .type = row.String(4)};
    if (!result.state.ParseFromString(row.String(5))) {
      return absl::InternalError(absl::StrCat("unreadable change of ", result.name));
    }
    past.results.push_back(std::move(result));
  }
  return std::optional<PastRequest>(std::move(past));
}

absl::Status Replay(db::Session& session, const Context& why, const absl::Status& status,
                    google::protobuf::Message& response) {
  if (why.request_id.empty() || !IsRequestId(why.request_id)) return status;
  switch (status.code()) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnauthenticated:
      return status;  // Refused before anything was tried, or nobody waits any more.
    case absl::StatusCode::kUnavailable:
      if (!db::IsUnknownCommit(status)) return status;
      break;
    default:
      break;
  }
  const absl::StatusOr<std::optional<PastRequest>> past =
      FindRequest(session, why.request_scope, why.request_id);
  if (!past.ok() || !past->has_value()) return status;
  if ((*past)->request_hash != why.request_hash) {
    return status::Error(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
                         "this request_id was used before with other arguments",
                         {{"request_id", why.request_id}});
  }
  if (response.GetDescriptor() == google::protobuf::Empty::descriptor()) return absl::OkStatus();
  for (const PastRequest::Result& result : (*past)->results) {
    const std::string& url = result.state.type_url();
    if (url.substr(url.find_last_of('/') + 1) != response.GetDescriptor()->full_name()) continue;
    if (!response.ParseFromString(result.state.value())) {
      return absl::InternalError(absl::StrCat("unreadable change of ", result.name));
    }
    return absl::OkStatus();
  }
  return status::Error(absl::StatusCode::kAlreadyExists, "REQUEST_ALREADY_DONE",
                       absl::StrCat("this request was carried out before and changed ",
                                    (*past)->results.front().name),
                       {{"request_id", why.request_id}, {"record", (*past)->results.front().name}});
}

}  // namespace milepost::change
