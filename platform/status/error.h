#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

// Errors that a client can see. An error is an absl::Status that carries a reason (UPPER_SNAKE, at
// most 63 characters), a message for people and the facts behind it; the edge sends them as
// google.rpc.ErrorInfo and google.rpc.BadRequest. A status without a reason is an accident and
// reaches the client as INTERNAL. Pure values, safe from any thread.
namespace milepost::status {

using Facts = std::map<std::string, std::string>;

// One bad field of a request: its path (`lines[2].quantity`) and what is wrong, with the limit.
struct FieldViolation {
  std::string field;
  std::string description;

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// Makes an error. `code` is not OK.
absl::Status Error(absl::StatusCode code, const std::string& reason, const std::string& message,
                   const Facts& facts = {});

// The reason, or "" if the status carries none.
std::string ReasonOf(const absl::Status& status);
Facts FactsOf(const absl::Status& status);
std::vector<FieldViolation> ViolationsOf(const absl::Status& status);

// Adds a typed detail for the client. `type_url` is `type.googleapis.com/` + message name, `bytes`
// the serialized message.
absl::Status WithDetail(absl::Status status, const std::string& type_url, const std::string& bytes);

// Collects every bad field of a request, so that all are reported at once.
class FieldViolations {
 public:
  void Add(std::string field, std::string description);
  bool empty() const { return violations_.empty(); }
  const std::vector<FieldViolation>& all() const { return violations_; }

  // OK if empty, else INVALID_ARGUMENT with reason INVALID_FIELDS and every violation.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> violations_;
};

// URLs of the payloads; details for clients have a URL of their own.
inline constexpr char kReasonUrl[] = "milepost/reason";
inline constexpr char kFactsUrl[] = "milepost/facts";
inline constexpr char kViolationsUrl[] = "milepost/violations";

}  // namespace milepost::status
