#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "milepost/type/v1/type.pb.h"
#include "platform/status/error.h"
#include "target-svc/domain/working_calendar.h"

namespace milepost::target {

enum class Need { kRequired, kOptional };

// Reads the fields of one request and gathers whatever is wrong with them under their paths. What
// could not be read is empty; the caller looks at status() before using anything.
class Reader {
 public:
  // `prefix` goes before every path.
  explicit Reader(std::string prefix = "") : prefix_(std::move(prefix)) {}

  // `<collection>/<id>` → the bare id.
  std::string Name(const char* collection, const std::string& name, const std::string& field,
                   Need need);
  // `plans/{plan}/nodes/{node}` → both ids.
  struct NodeIds {
    std::string plan;
    std::string node;
  };
  NodeIds NodeName(const std::string& name, const std::string& field, Need need);
  // `plans/{plan}/<collection>/{id}` → both ids; of commitments the second is that of the node.
  NodeIds PlanPart(const char* collection, const std::string& name, const std::string& field,
                   Need need);
  // An id by itself.
  std::string Id(const std::string& id, const std::string& field, Need need);
  // Characters are code points; blank text is no text; control characters are refused.
  std::string Text(const std::string& text, const std::string& field, size_t max,
                   Need need = Need::kOptional);
  std::optional<absl::CivilDay> Day(bool has, const type::v1::Date& date, const std::string& field,
                                    Need need = Need::kOptional);
  std::optional<DayRange> Days(bool has, const type::v1::DateRange& range, const std::string& field,
                               Need need);
  // A number in its limits.
  int64_t Number(int64_t number, const std::string& field, int64_t min, int64_t max);
  // A value of an open enum: known, and not 0 if it is needed.
  template <typename Enum, typename IsValid>
  Enum Choice(Enum value, const std::string& field, IsValid is_valid, Need need = Need::kOptional) {
    if (!is_valid(static_cast<int>(value))) {
      Add(field, "is " + std::to_string(static_cast<int>(value)) + ", which has no meaning");
    } else if (need == Need::kRequired && static_cast<int>(value) == 0) {
      Add(field, "is required");
    }
    return value;
  }
  std::optional<int64_t> Etag(const std::string& etag);
  void RequestId(const std::string& request_id);

  void Add(const std::string& field, const std::string& description);

  status::FieldViolations& violations() { return violations_; }
  absl::Status status() const { return violations_.ToStatus(); }

 private:
  std::string prefix_;
  status::FieldViolations violations_;
};

// Adds what the domain found wrong; `path_of` tells what clients know a field as. False if `status`
// is another error, which ends the call.
template <typename Path>
bool AddViolations(const absl::Status& status, const Path& path_of, Reader& reader) {
  const std::vector<status::FieldViolation> violations = status::ViolationsOf(status);
  for (const status::FieldViolation& violation : violations) {
    reader.Add(path_of(violation.field), violation.description);
  }
  return status.ok() || !violations.empty();
}

}  // namespace milepost::target
