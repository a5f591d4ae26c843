#include "cli/failure.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "cli/client.h"
#include "google/protobuf/util/json_util.h"
#include "platform/status/error.h"

namespace milepost::cli {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "milepostctl: %s\n", std::string(status.message()).c_str());
  const auto violations = status::ViolationsOf(status);
  if (violations.size() > 1) {
    for (const auto& violation : violations) {
      std::fprintf(stderr, "  %s: %s\n", violation.field.c_str(), violation.description.c_str());
    }
  }
  if (const std::string reason = status::ReasonOf(status); !reason.empty()) {
    std::fprintf(stderr, "  reason: %s\n", reason.c_str());
  }
  status.ForEachPayload([](absl::string_view url, const absl::Cord& payload) {
    if (!absl::StartsWith(url, "type.googleapis.com/")) return;
    const std::string type(url.substr(url.find('/') + 1));
    const auto* descriptor =
        google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
    if (descriptor == nullptr) return;
    const auto detail = NewMessage(*descriptor);
    std::string json;
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    options.preserve_proto_field_names = true;
    if (detail->ParseFromString(std::string(payload)) &&
        google::protobuf::util::MessageToJsonString(*detail, &json, options).ok()) {
      std::fprintf(stderr, "  %s: %s\n", descriptor->name().c_str(), json.c_str());
    }
  });
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      std::fprintf(stderr, "  Is the suite running? Locally: ./dev up\n");
      return kUnreachable;
    case absl::StatusCode::kUnauthenticated:
      std::fprintf(
          stderr,
          "  The token in the profile may have expired. Locally: ./dev up makes a new one\n");
      return kFailed;
    default:
      return kFailed;
  }
}

int WrongUsage(const std::string& family, const std::string& verb, const std::string& what) {
  std::fprintf(stderr, "milepostctl: %s\nmilepostctl %s %s --help tells what it takes.\n",
               what.c_str(), family.c_str(), verb.c_str());
  return kUsage;
}

}  // namespace milepost::cli
