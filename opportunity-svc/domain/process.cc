#include "opportunity-svc/domain/process.h"

#include <utility>

namespace milepost::opportunity {

const char* FieldName(Field field) {
  switch (field) {
    case Field::kCustomer:
      return "customer";
    case Field::kProduct:
      return "product";
    case Field::kSource:
      return "source";
    case Field::kAmount:
      return "amount";
    case Field::kExpectedCloseDate:
      return "expected_close_date";
    case Field::kRegion:
      return "region";
    case Field::kChannel:
      return "channel";
  }
  return "";
}

const Milestone* Stage::FindMilestone(const std::string& milestone_id) const {
  for (const Milestone& milestone : milestones) {
    if (milestone.id == milestone_id) return &milestone;
  }
  return nullptr;
}

int Definition::PositionOf(const std::string& stage_id) const {
  for (size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].id == stage_id) return static_cast<int>(i) + 1;
  }
  return 0;
}

const Stage* Definition::Find(const std::string& stage_id) const {
  const int position = PositionOf(stage_id);
  return position == 0 ? nullptr : &At(position);
}

Process NewProcess(std::string id, std::string title, std::vector<Stage> stages, absl::Time now) {
  Process process;
  process.definition = {.process = id, .revision = 1, .stages = std::move(stages)};
  process.id = std::move(id);
  process.title = std::move(title);
  process.create_time = now;
  process.update_time = now;
  process.version = 1;
  return process;
}

Process ApplyRevise(Process process, std::vector<Stage> stages, absl::Time now) {
  process.definition.stages = std::move(stages);
  ++process.definition.revision;
  process.update_time = now;
  return process;
}

}  // namespace milepost::opportunity
