#include "target-svc/service/reader.h"

#include "absl/strings/str_cat.h"
#include "platform/change/context.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"

namespace milepost::target {
namespace {

// Code points of UTF-8 text; protobuf refuses text that is not UTF-8 before a handler runs.
size_t Characters(const std::string& text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

bool HasControl(const std::string& text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7F) return true;
  }
  return false;
}

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

}  // namespace

void Reader::Add(const std::string& field, const std::string& description) {
  violations_.Add(prefix_ + field, description);
}

std::string Reader::Name(const char* collection, const std::string& name, const std::string& field,
                         Need need) {
  if (name.empty()) {
    if (need == Need::kRequired) Add(field, "is required");
    return "";
  }
  if (const std::optional<std::string> id = resource::IdOf(collection, name)) return *id;
  Add(field, absl::StrCat("must be ", collection, "/ and an id of ", resource::kIdRule));
  return "";
}

Reader::NodeIds Reader::NodeName(const std::string& name, const std::string& field, Need need) {
  return PlanPart("nodes", name, field, need);
}

Reader::NodeIds Reader::PlanPart(const char* collection, const std::string& name,
                                 const std::string& field, Need need) {
  if (name.empty()) {
    if (need == Need::kRequired) Add(field, "is required");
    return {};
  }
  if (const std::optional<resource::ChildIds> ids = resource::ChildIdsOf("plans", collection, name))
    return {ids->parent, ids->id};
  Add(field,
      absl::StrCat("must be plans/{plan}/", collection, "/{id} with ids of ", resource::kIdRule));
  return {};
}

std::string Reader::Id(const std::string& id, const std::string& field, Need need) {
  if (id.empty()) {
    if (need == Need::kRequired) Add(field, "is required");
    return "";
  }
  if (resource::IsId(id)) return id;
  Add(field, absl::StrCat("must be ", resource::kIdRule));
  return "";
}

std::string Reader::Text(const std::string& text, const std::string& field, size_t max, Need need) {
  if (IsBlank(text)) {
    if (need == Need::kRequired) Add(field, "is required");
    return "";
  }
  const size_t characters = Characters(text);
  if (characters > max)
    Add(field, absl::StrCat("has ", characters, " characters; the limit is ", max));
  if (HasControl(text)) Add(field, "has control characters");
  return text;
}

std::optional<absl::CivilDay> Reader::Day(bool has, const type::v1::Date& date,
                                          const std::string& field, Need need) {
  if (!has) {
    if (need == Need::kRequired) Add(field, "is required");
    return std::nullopt;
  }
  return ReadDate(date, prefix_ + field, violations_);
}

std::optional<DayRange> Reader::Days(bool has, const type::v1::DateRange& range,
                                     const std::string& field, Need need) {
  if (!has) {
    if (need == Need::kRequired) Add(field, "is required");
    return std::nullopt;
  }
  const std::optional<milepost::DayRange> days = ReadDateRange(range, prefix_ + field, violations_);
  if (!days) return std::nullopt;
  return DayRange{days->first, days->last};
}

int64_t Reader::Number(int64_t number, const std::string& field, int64_t min, int64_t max) {
  if (number < min || number > max)
    Add(field, absl::StrCat("is ", number, "; must be ", min, " to ", max));
  return number;
}

std::optional<int64_t> Reader::Etag(const std::string& etag) {
  if (etag.empty()) return std::nullopt;
  const std::optional<int64_t> version = resource::VersionOf(etag);
  if (!version) Add("etag", "is not an etag of this service");
  return version;
}

void Reader::RequestId(const std::string& request_id) {
  if (!change::IsRequestId(request_id)) Add("request_id", "must be a UUID");
}

}  // namespace milepost::target
