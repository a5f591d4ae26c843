#include "platform/resource/mask.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace milepost::resource {

std::set<std::string> ReadUpdateMask(const google::protobuf::FieldMask& mask,
                                     const google::protobuf::Message& resource,
                                     const std::set<std::string>& updatable,
                                     status::FieldViolations& violations) {
  std::set<std::string> fields;
  if (mask.paths().empty()) {
    const auto* reflection = resource.GetReflection();
    for (const std::string& name : updatable) {
      const auto* field = resource.GetDescriptor()->FindFieldByName(name);
      if (field == nullptr) continue;
      const bool set = field->is_repeated() ? reflection->FieldSize(resource, field) > 0
                                            : reflection->HasField(resource, field);
      if (set) fields.insert(name);
    }
    return fields;
  }
  for (const std::string& path : mask.paths()) {
    if (path == "*") {
      fields.insert(updatable.begin(), updatable.end());
    } else if (updatable.count(path) > 0) {
      fields.insert(path);
    } else {
      violations.Add("update_mask",
                     absl::StrCat("'", path, "' is not a field that can be updated; those are ",
                                  absl::StrJoin(updatable, ", ")));
    }
  }
  return fields;
}

}  // namespace milepost::resource
