#include "platform/rpc/status.h"

#include <map>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "platform/status/error.h"

namespace milepost::rpc {
namespace {

constexpr char kDomain[] = "milepost";
constexpr char kTypeUrlPrefix[] = "type.googleapis.com/";

// Codes that say something true about an accident; every other accident is INTERNAL.
bool KeepsCode(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded ||
         code == absl::StatusCode::kCancelled || code == absl::StatusCode::kAborted ||
         code == absl::StatusCode::kResourceExhausted;
}

std::string AccidentReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kAborted:
      return "CONFLICT";
    case absl::StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    default:
      return "INTERNAL";
  }
}

std::string AccidentMessage(absl::StatusCode code, const std::string& log_id) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return "the service cannot reach what it needs; send the same request again with the same "
             "request_id";
    case absl::StatusCode::kDeadlineExceeded:
      return "the deadline has passed";
    case absl::StatusCode::kCancelled:
      return "the call was cancelled";
    case absl::StatusCode::kAborted:
      return "others changed the same records at the same time; read again and retry";
    case absl::StatusCode::kResourceExhausted:
      return "the service is overloaded; try again later";
    default:
      return absl::StrCat("internal error; the log has it under ", log_id);
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status, const std::string& log_id) {
  if (status.ok()) return grpc::Status::OK;
  std::string reason = status::ReasonOf(status);
  absl::StatusCode code = status.code();
  std::string message(status.message());
  google::rpc::ErrorInfo info;
  info.set_domain(kDomain);
  if (reason.empty()) {
    if (!KeepsCode(code)) code = absl::StatusCode::kInternal;
    reason = AccidentReason(code);
    message = AccidentMessage(code, log_id);
    (*info.mutable_metadata())["log_id"] = log_id;
  } else {
    for (const auto& [key, value] : status::FactsOf(status))
      (*info.mutable_metadata())[key] = value;
  }
  info.set_reason(reason);

  google::rpc::Status rich;
  rich.set_code(static_cast<int>(code));
  rich.set_message(message);
  rich.add_details()->PackFrom(info);
  const auto violations = status::ViolationsOf(status);
  if (!violations.empty()) {
    google::rpc::BadRequest bad;
    for (const auto& violation : violations) {
      auto* field = bad.add_field_violations();
      field->set_field(violation.field);
      field->set_description(violation.description);
    }
    rich.add_details()->PackFrom(bad);
  }
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    if (!absl::StartsWith(url, kTypeUrlPrefix)) return;
    auto* detail = rich.add_details();
    detail->set_type_url(std::string(url));
    detail->set_value(std::string(payload));
  });
  return grpc::Status(static_cast<grpc::StatusCode>(code), message, rich.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details()))
    return absl::Status(code, status.error_message());
  std::string reason;
  status::Facts facts;
  status::FieldViolations violations;
  std::map<std::string, std::string> details;
  for (const auto& detail : rich.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    if (detail.UnpackTo(&info)) {
      reason = info.reason();
      facts.insert(info.metadata().begin(), info.metadata().end());
    } else if (detail.UnpackTo(&bad)) {
      for (const auto& field : bad.field_violations())
        violations.Add(field.field(), field.description());
    } else {
      details[detail.type_url()] = detail.value();
    }
  }
  absl::Status out = reason.empty() ? absl::Status(code, status.error_message())
                                    : status::Error(code, reason, status.error_message(), facts);
  if (!violations.empty()) {
    out.SetPayload(status::kViolationsUrl,
                   *violations.ToStatus().GetPayload(status::kViolationsUrl));
  }
  for (const auto& [url, bytes] : details) out.SetPayload(url, absl::Cord(bytes));
  return out;
}

const char* CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const int index = static_cast<int>(code);
  return index >= 0 && index <= 16 ? kNames[index] : "Unknown";
}

}  // namespace milepost::rpc
