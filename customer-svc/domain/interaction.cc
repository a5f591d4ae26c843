#include "customer-svc/domain/interaction.h"

#include <map>

#include "customer-svc/domain/errors.h"
#include "platform/status/error.h"

namespace milepost::customer {
namespace {

using Setter = void (*)(Interaction& to, const Interaction& from);

const std::map<std::string, Setter>& Setters() {
  static const std::map<std::string, Setter> kSetters = {
      {"contact",
       [](Interaction& to, const Interaction& from) { to.contact_id = from.contact_id; }},
      {"purpose", [](Interaction& to, const Interaction& from) { to.purpose = from.purpose; }},
      {"subject", [](Interaction& to, const Interaction& from) { to.subject = from.subject; }},
      {"planned_time",
       [](Interaction& to, const Interaction& from) { to.planned_time = from.planned_time; }},
      {"duration_minutes",
       [](Interaction& to, const Interaction& from) {
         to.duration_minutes = from.duration_minutes;
       }},
  };
  return kSetters;
}

absl::Status CheckVersion(const Interaction& interaction, ExpectedVersion version) {
  if (version && *version != interaction.version)
    return error::StaleEtag(error::InteractionName(interaction.id));
  return absl::OkStatus();
}

absl::Status CheckPlanned(const Interaction& interaction) {
  if (interaction.state != InteractionState::kPlanned)
    return error::NotPlanned(interaction.id, interaction.state);
  return absl::OkStatus();
}

absl::StatusOr<Interaction> Done(Interaction interaction, const Outcome& outcome, absl::Time now,
                                 absl::TimeZone zone) {
  const absl::Time done = outcome.done_time.value_or(now);
  status::FieldViolations violations;
  if (done > now) violations.Add("outcome.done_time", "lies in the future");
  if (outcome.next_step) {
    const absl::CivilDay day = absl::ToCivilDay(done, zone);
    if (outcome.next_step->due_day < day) {
      violations.Add("outcome.next_step.due_date", "lies before the day the interaction was done");
    } else if (outcome.next_step->due_day - day > kMaxNextStepDays) {
      violations.Add("outcome.next_step.due_date", "lies more than 5 years after the interaction");
    }
  }
  if (!violations.empty()) return violations.ToStatus();
  interaction.state = InteractionState::kDone;
  interaction.done_time = done;
  interaction.result = outcome.result;
  interaction.outcome = outcome.text;
  interaction.next_step = outcome.next_step;
  if (interaction.next_step) interaction.next_step->done_time.reset();
  interaction.update_time = now;
  return interaction;
}

Interaction New(Interaction draft, absl::Time now) {
  draft.state = InteractionState::kPlanned;
  draft.create_time = now;
  draft.update_time = now;
  draft.version = 1;
  return draft;
}

}  // namespace

const std::set<std::string>& UpdatableInteractionFields() {
  static const std::set<std::string> kFields = [] {
    std::set<std::string> fields;
    for (const auto& [field, setter] : Setters()) fields.insert(field);
    return fields;
  }();
  return kFields;
}

Interaction NewPlanned(Interaction draft, absl::Time now) { return New(std::move(draft), now); }

absl::StatusOr<Interaction> NewDone(Interaction draft, const Outcome& outcome, absl::Time now,
                                    absl::TimeZone zone) {
  if (draft.planned_time == absl::Time()) draft.planned_time = outcome.done_time.value_or(now);
  return Done(New(std::move(draft), now), outcome, now, zone);
}

absl::StatusOr<Interaction> ApplyUpdate(Interaction interaction,
                                        const UpdateInteractionCommand& command, absl::Time now) {
  if (absl::Status s = CheckVersion(interaction, command.version); !s.ok()) return s;
  if (absl::Status s = CheckPlanned(interaction); !s.ok()) return s;
  for (const std::string& field : command.fields) Setters().at(field)(interaction, command.values);
  interaction.update_time = now;
  return interaction;
}

absl::StatusOr<Interaction> ApplyComplete(Interaction interaction, const Outcome& outcome,
                                          ExpectedVersion version, absl::Time now,
                                          absl::TimeZone zone) {
  if (absl::Status s = CheckVersion(interaction, version); !s.ok()) return s;
  if (absl::Status s = CheckPlanned(interaction); !s.ok()) return s;
  return Done(std::move(interaction), outcome, now, zone);
}

absl::StatusOr<Interaction> ApplyCancel(Interaction interaction, const std::string& reason,
                                        ExpectedVersion version, absl::Time now) {
  if (absl::Status s = CheckVersion(interaction, version); !s.ok()) return s;
  if (absl::Status s = CheckPlanned(interaction); !s.ok()) return s;
  interaction.state = InteractionState::kCancelled;
  interaction.cancel_reason = reason;
  interaction.update_time = now;
  return interaction;
}

absl::StatusOr<Interaction> ApplyCompleteNextStep(Interaction interaction, ExpectedVersion version,
                                                  absl::Time now) {
  if (absl::Status s = CheckVersion(interaction, version); !s.ok()) return s;
  if (!interaction.next_step || interaction.next_step->done_time)
    return error::NoOpenNextStep(interaction.id);
  interaction.next_step->done_time = now;
  interaction.update_time = now;
  return interaction;
}

Interaction ApplyHandOver(Interaction interaction, const std::string& member_id,
                          const std::string& note, absl::Time now) {
  interaction.update_time = now;
  if (member_id.empty()) {
    interaction.state = InteractionState::kCancelled;
    interaction.cancel_reason = note;
  } else {
    interaction.member_id = member_id;
  }
  return interaction;
}

std::optional<absl::CivilDay> DueDay(const Interaction& interaction, absl::TimeZone zone) {
  if (interaction.state == InteractionState::kPlanned)
    return absl::ToCivilDay(interaction.planned_time, zone);
  if (interaction.state == InteractionState::kDone && interaction.next_step &&
      !interaction.next_step->done_time) {
    return interaction.next_step->due_day;
  }
  return std::nullopt;
}

}  // namespace milepost::customer
