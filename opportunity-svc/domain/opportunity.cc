#include "opportunity-svc/domain/opportunity.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"

namespace milepost::opportunity {
namespace {

std::string NameOf(const std::string& id) { return absl::StrCat("opportunities/", id); }

bool IsSet(const Content& content, Field field) {
  switch (field) {
    case Field::kCustomer:
      return !content.customer.empty();
    case Field::kProduct:
      return !content.product.empty();
    case Field::kSource:
      return !content.source.empty();
    case Field::kAmount:
      return content.amount && content.amount->minor_units > 0;
    case Field::kExpectedCloseDate:
      return content.expected_close_date.has_value();
    case Field::kRegion:
      return !content.region.empty();
    case Field::kChannel:
      return !content.channel.empty();
  }
  return true;
}

bool IsComplete(const Opportunity& opportunity, const std::string& stage,
                const std::string& milestone) {
  return std::any_of(opportunity.completed_milestones.begin(),
                     opportunity.completed_milestones.end(), [&](const MilestoneCompletion& done) {
                       return done.stage == stage && done.milestone == milestone;
                     });
}

// Demands of the stage that is entered.
void AddEntryBlockers(const Stage& stage, const Content& content,
                      const std::vector<TeamMember>& team, Blockers& blockers) {
  for (const Field field : stage.required_fields) {
    if (!IsSet(content, field)) blockers.missing_fields.push_back(field);
  }
  for (const std::string& role : stage.required_roles) {
    if (std::none_of(team.begin(), team.end(),
                     [&](const TeamMember& member) { return member.role == role; })) {
      blockers.missing_roles.push_back(role);
    }
  }
}

// Demands of the stage that is left.
void AddExitBlockers(const Opportunity& opportunity, const Definition& definition,
                     Blockers& blockers) {
  const Stage& stage = definition.At(opportunity.stage_position);
  for (const Milestone& milestone : stage.milestones) {
    if (!milestone.optional && !IsComplete(opportunity, stage.id, milestone.id)) {
      blockers.missing_milestones.push_back({stage.id, milestone});
    }
  }
}

void EnterStage(Opportunity& opportunity, const Definition& definition, int position) {
  const Stage& stage = definition.At(position);
  opportunity.stage = stage.id;
  opportunity.stage_position = position;
  opportunity.stage_expected_days = stage.expected_days;
  opportunity.win_probability_ppm = stage.win_probability_ppm;
}

absl::Status CheckVersion(const Opportunity& opportunity, ExpectedVersion expected) {
  if (expected && *expected != opportunity.version) return error::StaleEtag(NameOf(opportunity.id));
  return absl::OkStatus();
}

absl::Status CheckOpen(const Opportunity& opportunity, ExpectedVersion expected) {
  if (absl::Status status = CheckVersion(opportunity, expected); !status.ok()) return status;
  if (opportunity.state != State::kOpen)
    return error::NotOpen(NameOf(opportunity.id), opportunity.state);
  return absl::OkStatus();
}

absl::StatusOr<absl::CivilDay> CloseDay(const Opportunity& opportunity,
                                        std::optional<absl::CivilDay> wanted,
                                        absl::CivilDay today) {
  const absl::CivilDay day = wanted.value_or(today);
  if (day > today) return error::DateInFuture("close_date", day, today);
  if (opportunity.open_date && day < *opportunity.open_date) {
    return error::DateTooEarly("close_date", day, "open_date", *opportunity.open_date);
  }
  return day;
}

// The stage and milestone a command means, if they exist and the stage was reached.
absl::StatusOr<std::string> MilestoneStage(const Opportunity& opportunity,
                                           const Definition& definition,
                                           const MilestoneCommand& command) {
  const std::string& stage_id = command.stage.empty() ? opportunity.stage : command.stage;
  const Stage* stage = definition.Find(stage_id);
  if (stage == nullptr)
    return error::StageUnknown(definition.process, definition.revision, stage_id);
  if (stage->FindMilestone(command.milestone) == nullptr)
    return error::MilestoneUnknown(stage_id, command.milestone);
  return stage_id;
}

}  // namespace

const char* StateName(State state) {
  switch (state) {
    case State::kOpen:
      return "OPEN";
    case State::kWon:
      return "WON";
    case State::kLost:
      return "LOST";
  }
  return "";
}

Blockers StartBlockers(const Content& content, const Definition& definition) {
  Blockers blockers;
  blockers.to_stage = definition.At(1).id;
  AddEntryBlockers(definition.At(1), content, {}, blockers);
  return blockers;
}

Blockers MoveBlockers(const Opportunity& opportunity, const Definition& definition, int position,
                      bool has_reason, bool may_skip_stages) {
  Blockers blockers;
  blockers.from_stage = opportunity.stage;
  blockers.to_stage = definition.At(position).id;
  if (position < opportunity.stage_position) {
    blockers.reason_required = !has_reason;
    return blockers;
  }
  AddExitBlockers(opportunity, definition, blockers);
  AddEntryBlockers(definition.At(position), opportunity.content, opportunity.team, blockers);
  if (!may_skip_stages) {
    for (int skipped = opportunity.stage_position + 1; skipped < position; ++skipped) {
      blockers.skipped_stages.push_back(definition.At(skipped).id);
    }
  }
  return blockers;
}

Blockers WinBlockers(const Opportunity& opportunity, const Definition& definition,
                     bool may_skip_stages) {
  Blockers blockers;
  blockers.from_stage = opportunity.stage;
  AddExitBlockers(opportunity, definition, blockers);
  if (!may_skip_stages) {
    for (size_t skipped = opportunity.stage_position + 1; skipped <= definition.stages.size();
         ++skipped) {
      blockers.skipped_stages.push_back(definition.At(static_cast<int>(skipped)).id);
    }
  }
  return blockers;
}

absl::StatusOr<Opportunity> NewOpportunity(std::string id, std::string owner, Content content,
                                           const Definition& definition, const Act& act) {
  const Blockers blockers = StartBlockers(content, definition);
  if (!blockers.empty()) return error::StageMoveBlocked(NameOf(id), blockers);
  Opportunity opportunity;
  opportunity.id = std::move(id);
  opportunity.content = std::move(content);
  opportunity.owner = std::move(owner);
  opportunity.process = definition.process;
  opportunity.process_revision = definition.revision;
  EnterStage(opportunity, definition, 1);
  opportunity.stage_history.push_back({.stage = opportunity.stage,
                                       .position = 1,
                                       .enter_time = act.now,
                                       .entry = StageEntry::kStarted,
                                       .moved_by = act.member});
  opportunity.create_date = act.today;
  opportunity.open_date = act.today;
  opportunity.create_time = act.now;
  opportunity.update_time = act.now;
  opportunity.version = 1;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyUpdate(Opportunity opportunity, Content content,
                                        ExpectedVersion expected_version, const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, expected_version); !status.ok()) return status;
  opportunity.content = std::move(content);
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyMove(Opportunity opportunity, const Definition& definition,
                                      const MoveCommand& command, const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, command.expected_version); !status.ok())
    return status;
  const int position = definition.PositionOf(command.stage);
  if (position == 0)
    return error::StageUnknown(definition.process, definition.revision, command.stage);
  const int from = opportunity.stage_position;
  if (position == from) return error::AlreadyInStage(NameOf(opportunity.id), command.stage);
  const Blockers blockers =
      MoveBlockers(opportunity, definition, position, !command.reason.empty(), act.may_skip_stages);
  if (!blockers.empty()) return error::StageMoveBlocked(NameOf(opportunity.id), blockers);
  if (opportunity.stage_history.size() >= kMaxVisits)
    return error::HistoryFull(NameOf(opportunity.id));

  opportunity.stage_history.back().leave_time = act.now;
  EnterStage(opportunity, definition, position);
  opportunity.stage_history.push_back({.stage = opportunity.stage,
                                       .position = position,
                                       .enter_time = act.now,
                                       .entry = position < from        ? StageEntry::kWentBack
                                                : position == from + 1 ? StageEntry::kAdvanced
                                                                       : StageEntry::kSkipped,
                                       .reason = command.reason,
                                       .moved_by = act.member});
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyCompleteMilestone(Opportunity opportunity,
                                                   const Definition& definition,
                                                   const MilestoneCommand& command,
                                                   const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, command.expected_version); !status.ok())
    return status;
  const absl::StatusOr<std::string> stage = MilestoneStage(opportunity, definition, command);
  if (!stage.ok()) return stage.status();
  if (definition.PositionOf(*stage) > opportunity.stage_position)
    return error::MilestoneAhead(*stage, command.milestone);
  if (IsComplete(opportunity, *stage, command.milestone))
    return error::MilestoneComplete(*stage, command.milestone);
  opportunity.completed_milestones.push_back({.stage = *stage,
                                              .milestone = command.milestone,
                                              .complete_time = act.now,
                                              .completed_by = act.member,
                                              .note = command.note});
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyReopenMilestone(Opportunity opportunity,
                                                 const Definition& definition,
                                                 const MilestoneCommand& command, const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, command.expected_version); !status.ok())
    return status;
  const absl::StatusOr<std::string> stage = MilestoneStage(opportunity, definition, command);
  if (!stage.ok()) return stage.status();
  const size_t removed =
      std::erase_if(opportunity.completed_milestones, [&](const MilestoneCompletion& done) {
        return done.stage == *stage && done.milestone == command.milestone;
      });
  if (removed == 0) return error::MilestoneIncomplete(*stage, command.milestone);
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyAddTeamMember(Opportunity opportunity, const TeamCommand& command,
                                               const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, command.expected_version); !status.ok())
    return status;
  for (const TeamMember& member : opportunity.team) {
    if (member.member == command.member && member.role == command.role) {
      return error::RoleTaken(command.member, command.role);
    }
  }
  if (opportunity.team.size() >= kMaxTeam) return error::TeamFull(NameOf(opportunity.id));
  opportunity.team.push_back({.member = command.member, .role = command.role, .add_time = act.now});
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyRemoveTeamMember(Opportunity opportunity,
                                                  const TeamCommand& command, const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, command.expected_version); !status.ok())
    return status;
  const size_t removed = std::erase_if(opportunity.team, [&](const TeamMember& member) {
    return member.member == command.member && (command.role.empty() || member.role == command.role);
  });
  if (removed == 0) return error::NotOnTeam(command.member, command.role);
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyAssign(Opportunity opportunity, const std::string& owner,
                                        ExpectedVersion expected_version, const Act& act) {
  if (absl::Status status = CheckVersion(opportunity, expected_version); !status.ok())
    return status;
  if (opportunity.owner == owner) return error::OwnerUnchanged(NameOf(opportunity.id), owner);
  opportunity.previous_owner = std::exchange(opportunity.owner, owner);
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyWin(Opportunity opportunity, const Definition& definition,
                                     const WinCommand& command, const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, command.expected_version); !status.ok())
    return status;
  const Blockers blockers = WinBlockers(opportunity, definition, act.may_skip_stages);
  if (!blockers.empty()) return error::StageMoveBlocked(NameOf(opportunity.id), blockers);
  const absl::StatusOr<absl::CivilDay> day = CloseDay(opportunity, command.close_date, act.today);
  if (!day.ok()) return day.status();
  opportunity.state = State::kWon;
  opportunity.content.amount = command.amount;
  opportunity.win_probability_ppm = kCertainPpm;
  opportunity.stage_history.back().leave_time = act.now;
  opportunity.close_date = *day;
  opportunity.close_reason = command.close_reason;
  opportunity.close_note = command.close_note;
  opportunity.order = command.order;
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyLose(Opportunity opportunity, const LoseCommand& command,
                                      const Act& act) {
  if (absl::Status status = CheckOpen(opportunity, command.expected_version); !status.ok())
    return status;
  const absl::StatusOr<absl::CivilDay> day = CloseDay(opportunity, command.close_date, act.today);
  if (!day.ok()) return day.status();
  opportunity.state = State::kLost;
  opportunity.win_probability_ppm = 0;
  opportunity.stage_history.back().leave_time = act.now;
  opportunity.close_date = *day;
  opportunity.close_reason = command.close_reason;
  opportunity.close_note = command.close_note;
  opportunity.competitor = command.competitor;
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Opportunity> ApplyReopen(Opportunity opportunity, const Definition& definition,
                                        bool order_stands, const std::string& reason,
                                        ExpectedVersion expected_version, const Act& act) {
  if (absl::Status status = CheckVersion(opportunity, expected_version); !status.ok())
    return status;
  if (opportunity.state == State::kOpen) return error::AlreadyOpen(NameOf(opportunity.id));
  if (order_stands) return error::OrderStands(NameOf(opportunity.id), opportunity.order);
  if (opportunity.stage_history.size() >= kMaxVisits)
    return error::HistoryFull(NameOf(opportunity.id));
  opportunity.state = State::kOpen;
  EnterStage(opportunity, definition, opportunity.stage_position);
  opportunity.stage_history.push_back({.stage = opportunity.stage,
                                       .position = opportunity.stage_position,
                                       .enter_time = act.now,
                                       .entry = StageEntry::kReopened,
                                       .reason = reason,
                                       .moved_by = act.member});
  opportunity.close_date.reset();
  opportunity.close_reason.clear();
  opportunity.close_note.clear();
  opportunity.competitor.clear();
  opportunity.order.clear();
  opportunity.update_time = act.now;
  return opportunity;
}

absl::StatusOr<Imported> ApplyImport(const std::optional<Opportunity>& current,
                                     const ImportRow& row, const Definition& definition,
                                     absl::TimeZone zone, absl::Time now) {
  if (current) {
    if (!current->import_mark) return error::NotImported(NameOf(row.id));
    if (current->import_mark->hash == row.hash)
      return Imported{ImportOutcome::kUnchanged, *current};
    if (current->import_mark->version != current->version)
      return error::ChangedSinceImport(NameOf(row.id));
  }
  const auto midnight = [&](absl::CivilDay day) { return absl::FromCivil(day, zone); };

  Opportunity opportunity;
  opportunity.id = row.id;
  opportunity.content = row.content;
  opportunity.owner = row.owner;
  opportunity.process = definition.process;
  opportunity.process_revision = definition.revision;
  opportunity.state = row.state;
  for (const ImportRow::Entry& entry : row.entries) {
    const int position = definition.PositionOf(entry.stage);
    if (position == 0)
      return error::StageUnknown(definition.process, definition.revision, entry.stage);
    StageVisit visit{.stage = entry.stage, .position = position, .entry = StageEntry::kImported};
    if (entry.enter_date) visit.enter_time = midnight(*entry.enter_date);
    if (!opportunity.stage_history.empty())
      opportunity.stage_history.back().leave_time = visit.enter_time;
    opportunity.stage_history.push_back(std::move(visit));
  }
  EnterStage(opportunity, definition, opportunity.stage_history.back().position);
  if (row.state != State::kOpen) {
    opportunity.win_probability_ppm = row.state == State::kWon ? kCertainPpm : 0;
    if (row.close_date) opportunity.stage_history.back().leave_time = midnight(*row.close_date);
  }
  opportunity.create_date = row.create_date ? row.create_date : row.open_date;
  opportunity.open_date = row.open_date;
  opportunity.close_date = row.close_date;
  opportunity.close_reason = row.close_reason;
  if (row.state == State::kWon) opportunity.order = row.id;
  opportunity.create_time = current ? current->create_time : now;
  opportunity.update_time = now;
  opportunity.version = current ? current->version : 1;
  opportunity.import_mark = ImportMark{row.hash, current ? current->version + 1 : 1};
  return Imported{current ? ImportOutcome::kUpdated : ImportOutcome::kCreated,
                  std::move(opportunity)};
}

}  // namespace milepost::opportunity
