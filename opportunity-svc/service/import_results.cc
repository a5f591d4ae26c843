#include "opportunity-svc/service/import_results.h"

namespace milepost::opportunity {
namespace {

std::string FieldOf(const absl::Status& status) {
  const std::string reason = status::ReasonOf(status);
  if (reason == "STAGE_UNKNOWN") return "stage";
  if (reason == "DATE_IN_FUTURE" || reason == "DATE_TOO_EARLY") return "close_date";
  return "name";
}

}  // namespace

void Refuse(const status::FieldViolations& violations, v1::ImportResult& result) {
  result.set_outcome(v1::REFUSED);
  for (const status::FieldViolation& violation : violations.all()) {
    auto& added = *result.add_violations();
    added.set_field(violation.field);
    added.set_description(violation.description);
  }
}

void Refuse(const absl::Status& status, v1::ImportResult& result) {
  result.set_outcome(v1::REFUSED);
  auto& added = *result.add_violations();
  added.set_field(FieldOf(status));
  added.set_description(std::string(status.message()));
}

bool IsAboutRow(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kNotFound:
      return !status::ReasonOf(status).empty();
    default:
      return false;
  }
}

}  // namespace milepost::opportunity
