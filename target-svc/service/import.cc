#include "target-svc/service/import.h"

#include "absl/strings/str_cat.h"
#include "platform/status/error.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/reader.h"

namespace milepost::target {

absl::Status CheckImport(int rows, const std::string& request_id) {
  Reader reader;
  if (rows < 1 || static_cast<size_t>(rows) > kMaxImportRows) {
    reader.Add("rows", absl::StrCat("has ", rows, " rows; must have 1 to ", kMaxImportRows));
  }
  reader.RequestId(request_id);
  return reader.status();
}

change::Context ImportContext(const rpc::Caller& caller, const google::protobuf::Message& request) {
  change::Context context = caller.Change(request);
  context.request_id.clear();
  context.request_hash.clear();
  return context;
}

void Refuse(const absl::Status& status, organization::v1::ImportResult& result) {
  result.set_outcome(organization::v1::REFUSED);
  for (const status::FieldViolation& violation : status::ViolationsOf(status)) {
    organization::v1::ImportViolation& added = *result.add_violations();
    added.set_field(violation.field);
    added.set_description(violation.description);
  }
  if (result.violations_size() == 0)
    result.add_violations()->set_description(
        std::string(status.message().data(), status.message().size()));
}

}  // namespace milepost::target
