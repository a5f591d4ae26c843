#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "opportunity-svc/domain/process.h"
#include "platform/types/money.h"

// An opportunity and the rules it lives by. Pure: values, the moment and the day go in, the next
// value or an error comes out. Ids are bare (`o-1`, not `opportunities/o-1`); an empty id means
// none.
namespace milepost::opportunity {

// Numbers are those of the API and of the database.
enum class State { kOpen = 1, kWon = 2, kLost = 3 };
const char* StateName(State state);

enum class StageEntry {
  kStarted = 1,
  kAdvanced = 2,
  kSkipped = 3,
  kWentBack = 4,
  kReopened = 5,
  kImported = 6
};

struct StageVisit {
  std::string stage;
  int position = 0;
  std::optional<absl::Time> enter_time;
  std::optional<absl::Time> leave_time;
  StageEntry entry = StageEntry::kStarted;
  std::string reason;
  std::string moved_by;

  friend bool operator==(const StageVisit&, const StageVisit&) = default;
};

struct MilestoneCompletion {
  std::string stage;
  std::string milestone;
  absl::Time complete_time;
  std::string completed_by;
  std::string note;

  friend bool operator==(const MilestoneCompletion&, const MilestoneCompletion&) = default;
};

struct TeamMember {
  std::string member;
  std::string role;
  absl::Time add_time;

  friend bool operator==(const TeamMember&, const TeamMember&) = default;
};

// What an import last made of a record: the hash of its row, and the version it wrote.
struct ImportMark {
  std::string hash;
  int64_t version = 0;

  friend bool operator==(const ImportMark&, const ImportMark&) = default;
};

// What a client may set on an open opportunity.
struct Content {
  std::string title;
  std::string customer;
  std::string product;
  std::string source;
  std::string region;
  std::string channel;
  std::optional<Money> amount;
  std::optional<absl::CivilDay> expected_close_date;
  std::string note;

  friend bool operator==(const Content&, const Content&) = default;
};

struct Opportunity {
  std::string id;
  Content content;
  std::string owner;
  std::string previous_owner;  // Before the last assignment.
  std::string process;
  int64_t process_revision = 0;
  State state = State::kOpen;
  std::string stage;
  int stage_position = 0;
  int64_t win_probability_ppm = 0;
  int stage_expected_days = 0;
  std::vector<StageVisit> stage_history;  // Never empty; the last one is the stage it is in.
  std::vector<MilestoneCompletion> completed_milestones;
  std::vector<TeamMember> team;
  std::optional<absl::CivilDay> create_date;
  std::optional<absl::CivilDay> open_date;
  std::optional<absl::CivilDay> close_date;
  std::string close_reason;
  std::string close_note;
  std::string competitor;
  std::string order;
  std::optional<ImportMark> import_mark;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;

  friend bool operator==(const Opportunity&, const Opportunity&) = default;
};

// Who does it, and when.
struct Act {
  std::string member;            // Empty for a service.
  bool may_skip_stages = false;  // A manager.
  absl::Time now;
  absl::CivilDay today;
};

// What stands in the way of a move.
struct Blockers {
  std::string from_stage;  // Empty on create.
  std::string to_stage;    // Empty when it is to be won.
  struct Missing {
    std::string stage;
    Milestone milestone;
  };
  std::vector<Missing> missing_milestones;
  std::vector<Field> missing_fields;
  std::vector<std::string> missing_roles;
  bool reason_required = false;
  std::vector<std::string> skipped_stages;

  bool empty() const {
    return missing_milestones.empty() && missing_fields.empty() && missing_roles.empty() &&
           !reason_required && skipped_stages.empty();
  }
};

// What a new one would lack to be in the first stage of `definition`.
Blockers StartBlockers(const Content& content, const Definition& definition);

// What stands in the way of a move of an open one to `position` of its process. Milestones of the
// stage it leaves count, and fields and team roles of the one it enters; skipped stages are listed
// only for those who may not skip. Back: only a reason.
Blockers MoveBlockers(const Opportunity& opportunity, const Definition& definition, int position,
                      bool has_reason, bool may_skip_stages);

// What stands in the way of winning it: open milestones of its stage, and stages not reached yet.
Blockers WinBlockers(const Opportunity& opportunity, const Definition& definition,
                     bool may_skip_stages);

// Open, in the first stage. STAGE_MOVE_BLOCKED if that stage demands what is not there.
absl::StatusOr<Opportunity> NewOpportunity(std::string id, std::string owner, Content content,
                                           const Definition& definition, const Act& act);

// Every Apply… below checks `expected_version` (an etag) first: ABORTED if it is set and stale.
using ExpectedVersion = std::optional<int64_t>;

absl::StatusOr<Opportunity> ApplyUpdate(Opportunity opportunity, Content content,
                                        ExpectedVersion expected_version, const Act& act);

struct MoveCommand {
  std::string stage;
  std::string reason;
  ExpectedVersion expected_version;
};
absl::StatusOr<Opportunity> ApplyMove(Opportunity opportunity, const Definition& definition,
                                      const MoveCommand& command, const Act& act);

struct MilestoneCommand {
  std::string stage;  // Empty: the current one.
  std::string milestone;
  std::string note;
  ExpectedVersion expected_version;
};
absl::StatusOr<Opportunity> ApplyCompleteMilestone(Opportunity opportunity,
                                                   const Definition& definition,
                                                   const MilestoneCommand& command, const Act& act);
absl::StatusOr<Opportunity> ApplyReopenMilestone(Opportunity opportunity,
                                                 const Definition& definition,
                                                 const MilestoneCommand& command, const Act& act);

struct TeamCommand {
  std::string member;
  std::string role;  // On removal, empty: all of the member's.
  ExpectedVersion expected_version;
};
absl::StatusOr<Opportunity> ApplyAddTeamMember(Opportunity opportunity, const TeamCommand& command,
                                               const Act& act);
absl::StatusOr<Opportunity> ApplyRemoveTeamMember(Opportunity opportunity,
                                                  const TeamCommand& command, const Act& act);

absl::StatusOr<Opportunity> ApplyAssign(Opportunity opportunity, const std::string& owner,
                                        ExpectedVersion expected_version, const Act& act);

struct WinCommand {
  Money amount;
  std::optional<absl::CivilDay> close_date;
  std::string close_reason;
  std::string close_note;
  std::string order;  // Id of the order that the same transaction creates.
  ExpectedVersion expected_version;
};
absl::StatusOr<Opportunity> ApplyWin(Opportunity opportunity, const Definition& definition,
                                     const WinCommand& command, const Act& act);

struct LoseCommand {
  std::optional<absl::CivilDay> close_date;
  std::string close_reason;
  std::string close_note;
  std::string competitor;
  ExpectedVersion expected_version;
};
absl::StatusOr<Opportunity> ApplyLose(Opportunity opportunity, const LoseCommand& command,
                                      const Act& act);

// `order_stands`: it was won and its order is not cancelled.
absl::StatusOr<Opportunity> ApplyReopen(Opportunity opportunity, const Definition& definition,
                                        bool order_stands, const std::string& reason,
                                        ExpectedVersion expected_version, const Act& act);

// One row of an import, checked for shape.
struct ImportRow {
  std::string id;
  Content content;
  std::string owner;
  std::string process;
  State state = State::kOpen;
  std::optional<absl::CivilDay> create_date;
  std::optional<absl::CivilDay> open_date;
  std::optional<absl::CivilDay> close_date;
  std::string close_reason;
  struct Entry {
    std::string stage;
    std::optional<absl::CivilDay> enter_date;
  };
  std::vector<Entry> entries;  // Never empty; the last is the stage it is in.
  std::string hash;            // Of the row.
};

enum class ImportOutcome { kCreated = 1, kUpdated = 2, kUnchanged = 3 };

struct Imported {
  ImportOutcome outcome = ImportOutcome::kUnchanged;
  Opportunity opportunity;  // As it is to be stored; as it is if unchanged.
};

// What an import makes of `current` (nullopt: it is new). History is taken as it is; only the
// stages must exist. FAILED_PRECONDITION if a different row meets a record that was not imported or
// changed since.
absl::StatusOr<Imported> ApplyImport(const std::optional<Opportunity>& current,
                                     const ImportRow& row, const Definition& definition,
                                     absl::TimeZone zone, absl::Time now);

}  // namespace milepost::opportunity
