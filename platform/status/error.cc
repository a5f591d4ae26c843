#include "platform/status/error.h"

#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace milepost::status {
namespace {

// Strings as "<length>:<bytes>", one after the other.
void Append(std::string& out, const std::string& text) {
  absl::StrAppend(&out, text.size(), ":", text);
}

std::vector<std::string> Split(const std::string& packed) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at < packed.size()) {
    const size_t colon = packed.find(':', at);
    if (colon == std::string::npos) break;
    const size_t length = std::stoul(packed.substr(at, colon - at));
    parts.push_back(packed.substr(colon + 1, length));
    at = colon + 1 + length;
  }
  return parts;
}

std::vector<std::pair<std::string, std::string>> PairsAt(const absl::Status& status,
                                                         const char* url) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto payload = status.GetPayload(url);
  if (!payload) return pairs;
  const std::vector<std::string> parts = Split(std::string(*payload));
  for (size_t i = 0; i + 1 < parts.size(); i += 2) pairs.emplace_back(parts[i], parts[i + 1]);
  return pairs;
}

}  // namespace

absl::Status Error(absl::StatusCode code, const std::string& reason, const std::string& message,
                   const Facts& facts) {
  absl::Status status(code, message);
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  if (!facts.empty()) {
    std::string packed;
    for (const auto& [key, value] : facts) {
      Append(packed, key);
      Append(packed, value);
    }
    status.SetPayload(kFactsUrl, absl::Cord(packed));
  }
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonUrl);
  return payload ? std::string(*payload) : std::string();
}

Facts FactsOf(const absl::Status& status) {
  Facts facts;
  for (auto& [key, value] : PairsAt(status, kFactsUrl)) facts[key] = value;
  return facts;
}

std::vector<FieldViolation> ViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  for (auto& [field, description] : PairsAt(status, kViolationsUrl))
    violations.push_back({field, description});
  return violations;
}

absl::Status WithDetail(absl::Status status, const std::string& type_url,
                        const std::string& bytes) {
  status.SetPayload(type_url, absl::Cord(bytes));
  return status;
}

void FieldViolations::Add(std::string field, std::string description) {
  violations_.push_back({std::move(field), std::move(description)});
}

absl::Status FieldViolations::ToStatus() const {
  if (violations_.empty()) return absl::OkStatus();
  std::string packed;
  for (const FieldViolation& violation : violations_) {
    Append(packed, violation.field);
    Append(packed, violation.description);
  }
  absl::Status status =
      Error(absl::StatusCode::kInvalidArgument, "INVALID_FIELDS",
            absl::StrJoin(violations_, "; ", [](std::string* out, const FieldViolation& violation) {
              absl::StrAppend(out, violation.field, ": ", violation.description);
            }));
  status.SetPayload(kViolationsUrl, absl::Cord(packed));
  return status;
}

}  // namespace milepost::status
