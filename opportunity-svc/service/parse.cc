#include "opportunity-svc/service/parse.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {
namespace {

// Code points of text that is known to be UTF-8.
size_t CharactersOf(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

bool HasControl(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) {
    return (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F;
  });
}

std::string At(const std::string& field, int index) { return absl::StrCat(field, "[", index, "]"); }

}  // namespace

void Reader::Add(const std::string& field, const std::string& description) {
  violations_.Add(Path(field), description);
}

bool Reader::IsCountWrong(const std::string& field, size_t count, size_t min, size_t max) {
  if (count >= min && count <= max) return false;
  Add(field, absl::StrCat("has ", count, " entries; ", min, " to ", max, " are allowed"));
  return true;
}

std::string Reader::Name(const char* collection, const std::string& name, const std::string& field,
                         Need need) {
  if (name.empty()) {
    if (need == Need::kRequired) Add(field, "is required");
    return "";
  }
  const std::optional<std::string> id = resource::IdOf(collection, name);
  if (!id) {
    Add(field, absl::StrCat("is not a name of the form ", collection, "/{id}, the id being ",
                            resource::kIdRule));
    return "";
  }
  return *id;
}

std::vector<std::string> Reader::Names(const char* collection,
                                       const google::protobuf::RepeatedPtrField<std::string>& names,
                                       const std::string& field) {
  std::vector<std::string> ids;
  if (IsCountWrong(field, names.size(), 0, kMaxFilterValues)) return ids;
  for (int i = 0; i < names.size(); ++i)
    ids.push_back(Name(collection, names[i], At(field, i), Need::kRequired));
  return ids;
}

std::string Reader::Id(const std::string& id, const std::string& field, Need need) {
  if (id.empty()) {
    if (need == Need::kRequired) Add(field, "is required");
    return "";
  }
  if (!resource::IsId(id)) {
    Add(field, absl::StrCat("must be ", resource::kIdRule));
    return "";
  }
  return id;
}

std::vector<std::string> Reader::Ids(const google::protobuf::RepeatedPtrField<std::string>& ids,
                                     const std::string& field) {
  std::vector<std::string> read;
  if (IsCountWrong(field, ids.size(), 0, kMaxFilterValues)) return read;
  for (int i = 0; i < ids.size(); ++i) read.push_back(Id(ids[i], At(field, i), Need::kRequired));
  return read;
}

std::string Reader::Text(const std::string& text, const std::string& field, size_t max, Need need) {
  if (IsBlank(text)) {
    if (need == Need::kRequired) Add(field, "is required");
    return "";
  }
  if (const size_t characters = CharactersOf(text); characters > max) {
    Add(field, absl::StrCat("has ", characters, " characters; at most ", max, " are allowed"));
    return "";
  }
  if (HasControl(text)) {
    Add(field, "contains control characters");
    return "";
  }
  return text;
}

std::optional<Money> Reader::Amount(bool has, const type::v1::Money& money, int64_t min_minor_units,
                                    const std::string& field, Need need) {
  if (!has) {
    if (need == Need::kRequired) Add(field, "is required");
    return std::nullopt;
  }
  return ReadMoney(money, currency_code_, min_minor_units, Path(field), violations_);
}

std::optional<absl::CivilDay> Reader::Day(bool has, const type::v1::Date& date,
                                          const std::string& field, Need need) {
  if (!has) {
    if (need == Need::kRequired) Add(field, "is required");
    return std::nullopt;
  }
  return ReadDate(date, Path(field), violations_);
}

std::optional<DayRange> Reader::Days(bool has, const type::v1::DateRange& range,
                                     const std::string& field) {
  if (!has) return std::nullopt;
  return ReadDateRange(range, Path(field), violations_);
}

std::optional<int64_t> Reader::Etag(const std::string& etag) {
  if (etag.empty()) return std::nullopt;
  const std::optional<int64_t> version = resource::VersionOf(etag);
  if (!version) Add("etag", "was not given out by this service");
  return version;
}

State Reader::ReadState(v1::OpportunityState state, const std::string& field) {
  switch (state) {
    case v1::OPEN:
      return State::kOpen;
    case v1::WON:
      return State::kWon;
    case v1::LOST:
      return State::kLost;
    default:
      Add(field, absl::StrCat(static_cast<int>(state), " is not OPEN (1), WON (2) or LOST (3)"));
      return State::kOpen;
  }
}

std::vector<Stage> Reader::Stages(const google::protobuf::RepeatedPtrField<v1::Stage>& stages,
                                  const std::string& field) {
  std::vector<Stage> read;
  if (IsCountWrong(field, stages.size(), 1, kMaxStages)) return read;
  size_t bytes = 0;
  std::set<std::string> stage_ids;
  for (int i = 0; i < stages.size(); ++i) {
    const v1::Stage& from = stages[i];
    const std::string at = At(field, i) + ".";
    bytes += from.ByteSizeLong();
    Stage stage;
    stage.id = Id(from.stage_id(), at + "stage_id", Need::kRequired);
    if (!stage.id.empty() && !stage_ids.insert(stage.id).second)
      Add(at + "stage_id", "is used by another stage");
    stage.title = Text(from.title(), at + "title", kMaxTitle, Need::kRequired);
    if (from.expected_days() < 0 || from.expected_days() > kMaxExpectedDays) {
      Add(at + "expected_days",
          absl::StrCat(from.expected_days(), " is not between 0 and ", kMaxExpectedDays));
    }
    stage.expected_days = from.expected_days();
    if (from.win_probability_ppm() < 0 || from.win_probability_ppm() > kCertainPpm) {
      Add(at + "win_probability_ppm",
          absl::StrCat(from.win_probability_ppm(), " is not between 0 and ", kCertainPpm));
    }
    stage.win_probability_ppm = from.win_probability_ppm();

    IsCountWrong(at + "milestones", from.milestones_size(), 0, kMaxMilestones);
    std::set<std::string> milestone_ids;
    for (int j = 0; j < from.milestones_size(); ++j) {
      const v1::Milestone& milestone = from.milestones(j);
      const std::string path = At(at + "milestones", j) + ".";
      const std::string id = Id(milestone.milestone_id(), path + "milestone_id", Need::kRequired);
      if (!id.empty() && !milestone_ids.insert(id).second) {
        Add(path + "milestone_id", "is used by another milestone of the stage");
      }
      stage.milestones.push_back(
          {id, Text(milestone.title(), path + "title", kMaxTitle, Need::kRequired),
           Text(milestone.exit_condition(), path + "exit_condition", kMaxStageText),
           milestone.optional()});
    }

    std::set<int> fields;
    for (int j = 0; j < from.required_fields_size(); ++j) {
      const int number = from.required_fields(j);
      const std::string path = At(at + "required_fields", j);
      const bool known =
          std::any_of(std::begin(kAllFields), std::end(kAllFields),
                      [&](Field known_field) { return static_cast<int>(known_field) == number; });
      if (!known) {
        Add(path, absl::StrCat(number, " is not a field of an opportunity"));
      } else if (!fields.insert(number).second) {
        Add(path, "is listed twice");
      } else {
        stage.required_fields.push_back(static_cast<Field>(number));
      }
    }

    IsCountWrong(at + "required_roles", from.required_roles_size(), 0, kMaxRoles);
    std::set<std::string> roles;
    for (int j = 0; j < from.required_roles_size(); ++j) {
      const std::string path = At(at + "required_roles", j);
      const std::string role = Id(from.required_roles(j), path, Need::kRequired);
      if (!role.empty() && !roles.insert(role).second) Add(path, "is listed twice");
      stage.required_roles.push_back(role);
    }

    IsCountWrong(at + "typical_risks", from.typical_risks_size(), 0, kMaxRisks);
    for (int j = 0; j < from.typical_risks_size(); ++j) {
      const std::string path = At(at + "typical_risks", j) + ".";
      stage.typical_risks.push_back(
          {Text(from.typical_risks(j).title(), path + "title", kMaxTitle, Need::kRequired),
           Text(from.typical_risks(j).countermeasure(), path + "countermeasure", kMaxStageText,
                Need::kRequired)});
    }
    read.push_back(std::move(stage));
  }
  if (bytes > kMaxDefinitionBytes) {
    Add(field, absl::StrCat("take ", bytes, " bytes together; at most ", kMaxDefinitionBytes,
                            " are allowed"));
  }
  return read;
}

}  // namespace milepost::opportunity
