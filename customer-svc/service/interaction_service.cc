#include "customer-svc/service/interaction_service.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "customer-svc/domain/errors.h"
#include "customer-svc/service/access.h"
#include "customer-svc/service/moment.h"
#include "customer-svc/service/parse.h"
#include "customer-svc/store/resource.h"
#include "platform/change/change.h"
#include "platform/db/value.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "platform/types/proto.h"

namespace milepost::customer {
namespace {

constexpr char kIdPrefix = 'i';

// Members that a list may show: the one asked for if the caller sees it, else all that it sees.
OwnerFilter MembersInScope(const rpc::Caller& caller, const std::string& member_id) {
  if (!member_id.empty()) {
    return caller.MaySee(member_id) ? OwnerFilter({member_id}) : OwnerFilter(std::in_place);
  }
  if (caller.scope().sees_all()) return std::nullopt;
  return caller.scope().owners();
}

}  // namespace

InteractionService::InteractionService(rpc::Runner& runner)
    : rpc_(runner), interactions_(runner.options().zone) {
  rpc_.Register<v1::InteractionService>();
}

absl::CivilDay InteractionService::today() const {
  return absl::ToCivilDay(rpc_.now(), rpc_.options().zone);
}

absl::Status InteractionService::CheckVisible(const Caller& caller, db::Snapshot& snapshot,
                                              const Interaction& interaction) const {
  if (caller.MaySee(interaction.member_id)) return absl::OkStatus();
  const absl::StatusOr<Customer> customer = customers_.Load(snapshot, interaction.customer_id);
  if (!customer.ok() && !absl::IsNotFound(customer.status())) return customer.status();
  if (customer.ok() && caller.MaySee(customer->owner_id)) return absl::OkStatus();
  return error::NotFound(error::InteractionName(interaction.id));
}

absl::Status InteractionService::CheckContact(db::Snapshot& snapshot,
                                              const Interaction& interaction) const {
  if (interaction.contact_id.empty()) return absl::OkStatus();
  const absl::StatusOr<Contact> contact = contacts_.Load(snapshot, interaction.contact_id);
  if (!contact.ok() && !absl::IsNotFound(contact.status())) return contact.status();
  // One of another customer may be hidden from the caller, so it is not told apart from none.
  if (!contact.ok() || contact->customer_id != interaction.customer_id) {
    return error::ContactOfOtherCustomer(interaction.contact_id, interaction.customer_id);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Interaction> InteractionService::Insert(const Caller& caller, db::Session& db,
                                                           const google::protobuf::Message& request,
                                                           const std::string& event,
                                                           Interaction draft, const Rule& rule) {
  const std::string& self = caller.identity().member_id;
  if (draft.member_id.empty()) draft.member_id = self;
  if (draft.member_id.empty()) return error::CallerIsNoMember();
  if (draft.member_id != self) {
    if (absl::Status s = CheckMemberInScope(caller, draft.member_id); !s.ok()) return s;
  }
  if (absl::Status s = CheckActiveMember(caller, draft.member_id, today()); !s.ok()) {
    return draft.member_id == self ? error::CallerIsNoMember() : s;
  }
  const absl::Time now = Now(rpc_);
  if (draft.id.empty()) draft.id = resource::NewId(kIdPrefix, now);
  const absl::StatusOr<Interaction> interaction = rule(std::move(draft), now);
  if (!interaction.ok()) return interaction.status();

  const absl::Status written = db.Transact([&](db::Transaction& tx) -> absl::Status {
    const absl::StatusOr<Customer> customer = customers_.Load(tx, interaction->customer_id);
    if (!customer.ok() && !absl::IsNotFound(customer.status())) return customer.status();
    if (!customer.ok() || !caller.MaySee(customer->owner_id)) {
      return error::ReferenceNotFound("interaction.customer",
                                      error::CustomerName(interaction->customer_id));
    }
    if (absl::Status s = CheckContact(tx, *interaction); !s.ok()) return s;
    return interactions_.Insert(tx, caller.Change(request), event, *interaction);
  });
  if (!written.ok()) return written;
  return milepost::customer::ToProto(*interaction);
}

absl::StatusOr<v1::Interaction> InteractionService::Change(const Caller& caller, db::Session& db,
                                                           const google::protobuf::Message& request,
                                                           const std::string& event,
                                                           const std::string& id,
                                                           const Rule& rule) {
  const absl::StatusOr<Interaction> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Interaction> {
        const absl::StatusOr<Interaction> before = interactions_.LoadForUpdate(tx, id);
        if (!before.ok()) return before.status();
        if (absl::Status s = CheckVisible(caller, tx, *before); !s.ok()) return s;
        // Whoever it was planned for may always finish it; others need the member in their scope.
        if (before->member_id != caller.identity().member_id) {
          if (absl::Status s = CheckMemberInScope(caller, before->member_id); !s.ok()) return s;
        }
        absl::StatusOr<Interaction> after =
            rule(*before, ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        if (after->contact_id != before->contact_id) {
          if (absl::Status s = CheckContact(tx, *after); !s.ok()) return s;
        }
        return interactions_.Save(tx, caller.Change(request), event, *before, *std::move(after));
      });
  if (!saved.ok()) return saved.status();
  return milepost::customer::ToProto(*saved);
}

absl::StatusOr<v1::Interaction> InteractionService::Plan(
    const Caller& caller, db::Session& db, const v1::PlanInteractionRequest& request) {
  absl::StatusOr<Interaction> draft = ParsePlan(request);
  if (!draft.ok()) return draft.status();
  return Insert(caller, db, request, "interaction.planned", *std::move(draft),
                [](Interaction i, absl::Time now) { return NewPlanned(std::move(i), now); });
}

absl::StatusOr<v1::Interaction> InteractionService::Record(
    const Caller& caller, db::Session& db, const v1::RecordInteractionRequest& request) {
  absl::StatusOr<RecordCommand> command = ParseRecord(request);
  if (!command.ok()) return command.status();
  return Insert(caller, db, request, "interaction.recorded", std::move(command->draft),
                [&](Interaction i, absl::Time now) {
                  return NewDone(std::move(i), command->outcome, now, rpc_.options().zone);
                });
}

absl::StatusOr<v1::Interaction> InteractionService::Get(const Caller& caller, db::Session& db,
                                                        const v1::GetInteractionRequest& request) {
  status::FieldViolations violations;
  const std::string id =
      ReadName(request.name(), "interactions", Presence::kRequired, "name", violations);
  if (!violations.empty()) return violations.ToStatus();
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::Interaction> {
    const absl::StatusOr<Interaction> interaction = interactions_.Load(snapshot, id);
    if (!interaction.ok()) return interaction.status();
    if (absl::Status s = CheckVisible(caller, snapshot, *interaction); !s.ok()) return s;
    return milepost::customer::ToProto(*interaction);
  });
}

absl::StatusOr<v1::ListInteractionsResponse> InteractionService::List(
    const Caller& caller, db::Session& db, const v1::ListInteractionsRequest& request) {
  constexpr size_t kKeyColumns = 2;  // Planned time, id.
  status::FieldViolations violations;
  ListInteractionsQuery query;
  query.customer_id =
      ReadName(request.customer(), "customers", Presence::kOptional, "customer", violations);
  const std::string member_id =
      ReadName(request.member(), "members", Presence::kOptional, "member", violations);
  if (!v1::InteractionState_IsValid(request.state())) {
    violations.Add("state",
                   absl::StrCat(static_cast<int>(request.state()), " is not a known value"));
  }
  if (!v1::InteractionType_IsValid(request.type())) {
    violations.Add("type", absl::StrCat(static_cast<int>(request.type()), " is not a known value"));
  }
  if (!v1::InteractionPurpose_IsValid(request.purpose())) {
    violations.Add("purpose",
                   absl::StrCat(static_cast<int>(request.purpose()), " is not a known value"));
  }
  query.state = static_cast<InteractionState>(request.state());
  query.type = static_cast<InteractionType>(request.type());
  query.purpose = static_cast<InteractionPurpose>(request.purpose());
  std::optional<absl::CivilDay> first;
  std::optional<absl::CivilDay> last;
  if (request.has_first_date()) first = ReadDate(request.first_date(), "first_date", violations);
  if (request.has_last_date()) last = ReadDate(request.last_date(), "last_date", violations);
  if (first && last && *last < *first) violations.Add("last_date", "lies before first_date");
  const resource::Page page = resource::ReadPage(request, kKeyColumns, violations);
  if (!violations.empty()) return violations.ToStatus();
  if (first) query.planned_from = absl::FromCivil(*first, rpc_.options().zone);
  if (last) query.planned_before = absl::FromCivil(*last + 1, rpc_.options().zone);
  if (!page.after.empty()) {
    int64_t micros = 0;
    (void)absl::SimpleAtoi(page.after[0], &micros);
    query.after = {absl::FromUnixMicros(micros), page.after[1]};
  }
  query.limit = page.size + 1;

  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListInteractionsResponse> {
    if (query.customer_id.empty()) {
      query.members = MembersInScope(caller, member_id);
    } else {
      const absl::StatusOr<Customer> customer = customers_.Load(snapshot, query.customer_id);
      if (!customer.ok()) return customer.status();
      if (!caller.MaySee(customer->owner_id)) return error::NotFound(request.customer());
      if (!member_id.empty()) query.members = OwnerFilter({member_id});
    }
    absl::StatusOr<std::vector<Interaction>> interactions = interactions_.List(snapshot, query);
    if (!interactions.ok()) return interactions.status();
    v1::ListInteractionsResponse response;
    const bool more = interactions->size() > static_cast<size_t>(page.size);
    if (more) interactions->pop_back();
    for (const Interaction& interaction : *interactions) {
      *response.add_interactions() = milepost::customer::ToProto(interaction);
    }
    if (more) {
      const Interaction& last_row = interactions->back();
      response.set_next_page_token(resource::NextPageToken(
          request, {absl::StrCat(absl::ToUnixMicros(last_row.planned_time)), last_row.id}));
    }
    return response;
  });
}

absl::StatusOr<v1::ListOverdueInteractionsResponse> InteractionService::ListOverdue(
    const Caller& caller, db::Session& db, const v1::ListOverdueInteractionsRequest& request) {
  constexpr size_t kKeyColumns = 2;  // Due day, id.
  status::FieldViolations violations;
  ListOverdueQuery query;
  const std::string member_id =
      ReadName(request.member(), "members", Presence::kOptional, "member", violations);
  query.before = today();
  if (request.has_date()) {
    query.before = ReadDate(request.date(), "date", violations).value_or(query.before);
  }
  const resource::Page page = resource::ReadPage(request, kKeyColumns, violations);
  if (!violations.empty()) return violations.ToStatus();
  query.members = MembersInScope(caller, member_id);
  if (!page.after.empty()) {
    query.after = {db::ParseDay(page.after[0]).value_or(absl::CivilDay()), page.after[1]};
  }
  query.limit = page.size + 1;
  absl::StatusOr<std::vector<Interaction>> interactions =
      db.Read([&](db::Snapshot& snapshot) { return interactions_.ListOverdue(snapshot, query); });
  if (!interactions.ok()) return interactions.status();

  v1::ListOverdueInteractionsResponse response;
  const bool more = interactions->size() > static_cast<size_t>(page.size);
  if (more) interactions->pop_back();
  absl::CivilDay due_day;
  for (const Interaction& interaction : *interactions) {
    v1::OverdueInteraction& out = *response.add_overdue();
    *out.mutable_interaction() = milepost::customer::ToProto(interaction);
    due_day = DueDay(interaction, rpc_.options().zone).value_or(query.before);
    *out.mutable_due_date() = milepost::ToProto(due_day);
    out.set_days_overdue(static_cast<int32_t>(query.before - due_day));
  }
  if (more) {
    response.set_next_page_token(
        resource::NextPageToken(request, {db::FormatDay(due_day), interactions->back().id}));
  }
  return response;
}

absl::StatusOr<v1::Interaction> InteractionService::Update(
    const Caller& caller, db::Session& db, const v1::UpdateInteractionRequest& request) {
  const absl::StatusOr<UpdateInteractionParsed> parsed = ParseUpdate(request);
  if (!parsed.ok()) return parsed.status();
  return Change(caller, db, request, "interaction.updated", parsed->id,
                [&](Interaction before, absl::Time now) {
                  return ApplyUpdate(std::move(before), parsed->command, now);
                });
}

absl::StatusOr<v1::Interaction> InteractionService::Complete(
    const Caller& caller, db::Session& db, const v1::CompleteInteractionRequest& request) {
  const absl::StatusOr<CompleteCommand> command = ParseComplete(request);
  if (!command.ok()) return command.status();
  return Change(caller, db, request, "interaction.completed", command->id,
                [&](Interaction before, absl::Time now) {
                  return ApplyComplete(std::move(before), command->outcome, command->version, now,
                                       rpc_.options().zone);
                });
}

absl::StatusOr<v1::Interaction> InteractionService::Cancel(
    const Caller& caller, db::Session& db, const v1::CancelInteractionRequest& request) {
  const absl::StatusOr<VerbCommand> command = ParseCancel(request);
  if (!command.ok()) return command.status();
  return Change(caller, db, request, "interaction.cancelled", command->id,
                [&](Interaction before, absl::Time now) {
                  return ApplyCancel(std::move(before), command->text, command->version, now);
                });
}

absl::StatusOr<v1::Interaction> InteractionService::CloseNextStep(
    const Caller& caller, db::Session& db, const v1::CompleteNextStepRequest& request) {
  const absl::StatusOr<VerbCommand> command = ParseCompleteNextStep(request);
  if (!command.ok()) return command.status();
  return Change(caller, db, request, "interaction.next_step_completed", command->id,
                [&](Interaction before, absl::Time now) {
                  return ApplyCompleteNextStep(std::move(before), command->version, now);
                });
}

grpc::ServerUnaryReactor* InteractionService::PlanInteraction(
    grpc::CallbackServerContext* context, const v1::PlanInteractionRequest* request,
    v1::Interaction* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Plan(call...); });
}
grpc::ServerUnaryReactor* InteractionService::RecordInteraction(
    grpc::CallbackServerContext* context, const v1::RecordInteractionRequest* request,
    v1::Interaction* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Record(call...); });
}
grpc::ServerUnaryReactor* InteractionService::GetInteraction(
    grpc::CallbackServerContext* context, const v1::GetInteractionRequest* request,
    v1::Interaction* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* InteractionService::ListInteractions(
    grpc::CallbackServerContext* context, const v1::ListInteractionsRequest* request,
    v1::ListInteractionsResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* InteractionService::ListOverdueInteractions(
    grpc::CallbackServerContext* context, const v1::ListOverdueInteractionsRequest* request,
    v1::ListOverdueInteractionsResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ListOverdue(call...); });
}
grpc::ServerUnaryReactor* InteractionService::UpdateInteraction(
    grpc::CallbackServerContext* context, const v1::UpdateInteractionRequest* request,
    v1::Interaction* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* InteractionService::CompleteInteraction(
    grpc::CallbackServerContext* context, const v1::CompleteInteractionRequest* request,
    v1::Interaction* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Complete(call...); });
}
grpc::ServerUnaryReactor* InteractionService::CancelInteraction(
    grpc::CallbackServerContext* context, const v1::CancelInteractionRequest* request,
    v1::Interaction* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Cancel(call...); });
}
grpc::ServerUnaryReactor* InteractionService::CompleteNextStep(
    grpc::CallbackServerContext* context, const v1::CompleteNextStepRequest* request,
    v1::Interaction* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return CloseNextStep(call...); });
}

}  // namespace milepost::customer
