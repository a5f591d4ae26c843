#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

// How opportunities are worked. Plain values; ids are bare.
namespace milepost::opportunity {

// A field of an opportunity that a stage can demand; the numbers are those of the API.
enum class Field {
  kCustomer = 1,
  kProduct = 2,
  kSource = 3,
  kAmount = 4,
  kExpectedCloseDate = 5,
  kRegion = 6,
  kChannel = 7,
};
inline constexpr Field kAllFields[] = {Field::kCustomer, Field::kProduct,           Field::kSource,
                                       Field::kAmount,   Field::kExpectedCloseDate, Field::kRegion,
                                       Field::kChannel};

// Name of the field in the API: `expected_close_date`.
const char* FieldName(Field field);

struct Milestone {
  std::string id;
  std::string title;
  std::string exit_condition;
  bool optional = false;  // Holds nothing back.

  friend bool operator==(const Milestone&, const Milestone&) = default;
};

struct TypicalRisk {
  std::string title;
  std::string countermeasure;

  friend bool operator==(const TypicalRisk&, const TypicalRisk&) = default;
};

struct Stage {
  std::string id;
  std::string title;
  int expected_days = 0;  // 0: not stated.
  int64_t win_probability_ppm = 0;
  std::vector<Milestone> milestones;
  std::vector<Field> required_fields;
  std::vector<std::string> required_roles;
  std::vector<TypicalRisk> typical_risks;

  const Milestone* FindMilestone(const std::string& milestone_id) const;

  friend bool operator==(const Stage&, const Stage&) = default;
};

// One revision of a process: never changes, so it may be remembered for ever.
struct Definition {
  std::string process;
  int64_t revision = 0;
  std::vector<Stage> stages;  // At least one.

  // Place of a stage from 1, or 0 if the process has no such stage.
  int PositionOf(const std::string& stage_id) const;
  const Stage* Find(const std::string& stage_id) const;
  const Stage& At(int position) const { return stages[position - 1]; }
  bool IsLast(int position) const { return position == static_cast<int>(stages.size()); }

  friend bool operator==(const Definition&, const Definition&) = default;
};

// A process at its newest revision.
struct Process {
  std::string id;
  std::string title;
  Definition definition;
  bool archived = false;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Process&, const Process&) = default;
};

Process NewProcess(std::string id, std::string title, std::vector<Stage> stages, absl::Time now);

// The next revision.
Process ApplyRevise(Process process, std::vector<Stage> stages, absl::Time now);

}  // namespace milepost::opportunity
