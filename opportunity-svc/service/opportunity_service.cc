#include "opportunity-svc/service/opportunity_service.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/service/opportunity_import.h"
#include "opportunity-svc/service/order_lines.h"
#include "opportunity-svc/service/owners.h"
#include "opportunity-svc/service/parse.h"
#include "opportunity-svc/store/records.h"
#include "platform/db/value.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "prometheus/registry.h"

namespace milepost::opportunity {
namespace {

constexpr char kStandardProcess[] = "standard";
constexpr char kBlockersUrl[] = "type.googleapis.com/milepost.opportunity.v1.StageMoveBlockers";

const std::set<std::string> kFields = {"title",  "customer", "product", "source",
                                       "region", "channel",  "amount",  "expected_close_date",
                                       "note"};

std::string NameOf(const std::string& id) { return resource::Name(kOpportunities, id); }

// Reads what a client may set; `fields` says which of it counts.
Content ReadContent(const v1::Opportunity& proto, const std::set<std::string>& fields,
                    Content content, Reader& reader) {
  const auto key = [&](const std::string& field, const std::string& value, std::string& target) {
    if (fields.contains(field)) target = reader.Id(value, "opportunity." + field, Need::kOptional);
  };
  const auto name = [&](const std::string& field, const char* collection, const std::string& value,
                        std::string& target) {
    if (fields.contains(field))
      target = reader.Name(collection, value, "opportunity." + field, Need::kOptional);
  };
  if (fields.contains("title")) {
    content.title = reader.Text(proto.title(), "opportunity.title", kMaxTitle, Need::kRequired);
  }
  name("customer", kCustomers, proto.customer(), content.customer);
  name("product", kProducts, proto.product(), content.product);
  name("source", kSources, proto.source(), content.source);
  key("region", proto.region(), content.region);
  key("channel", proto.channel(), content.channel);
  if (fields.contains("amount")) {
    content.amount = reader.Amount(proto.has_amount(), proto.amount(), 0, "opportunity.amount");
  }
  if (fields.contains("expected_close_date")) {
    content.expected_close_date =
        reader.Day(proto.has_expected_close_date(), proto.expected_close_date(),
                   "opportunity.expected_close_date");
  }
  if (fields.contains("note"))
    content.note = reader.Text(proto.note(), "opportunity.note", kMaxText);
  return content;
}

Act ActOf(const rpc::Caller& caller, const Parts& parts, absl::Time before) {
  return {.member = caller.identity().member_id,
          .may_skip_stages = caller.Has(access::Role::kManager) || caller.Has(access::Role::kAdmin),
          .now = MomentAfter(before, parts.Now()),
          .today = parts.Today()};
}

absl::Status WithBlockers(absl::Status status, const std::string& id, const Blockers& blockers) {
  if (status::ReasonOf(status) != "STAGE_MOVE_BLOCKED") return status;
  return status::WithDetail(std::move(status), kBlockersUrl,
                            ToProto(id, blockers).SerializeAsString());
}

prometheus::Counter& Counter(prometheus::Registry& registry, const std::string& name,
                             const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

OpportunityService::OpportunityService(Parts parts, prometheus::Registry& registry)
    : parts_(std::move(parts)),
      won_total_(Counter(registry, "milepost_opportunities_won_total",
                         "Opportunities won through this process.")),
      lost_total_(Counter(registry, "milepost_opportunities_lost_total",
                          "Opportunities lost through this process.")),
      blocked_total_(Counter(registry, "milepost_stage_moves_blocked_total",
                             "Stage moves and wins refused because something was missing.")) {
  parts_.rpc.Register<v1::OpportunityService>();
}

grpc::ServerUnaryReactor* OpportunityService::GetOpportunity(
    grpc::CallbackServerContext* context, const v1::GetOpportunityRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.RunTogether(*context, *request, *response,
                                [this](auto&... calls) { Get(calls...); });
}

grpc::ServerUnaryReactor* OpportunityService::ListOpportunities(
    grpc::CallbackServerContext* context, const v1::ListOpportunitiesRequest* request,
    v1::ListOpportunitiesResponse* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return List(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::CreateOpportunity(
    grpc::CallbackServerContext* context, const v1::CreateOpportunityRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Create(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::UpdateOpportunity(
    grpc::CallbackServerContext* context, const v1::UpdateOpportunityRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Update(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::MoveStage(grpc::CallbackServerContext* context,
                                                        const v1::MoveStageRequest* request,
                                                        v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Move(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::CheckStageMove(
    grpc::CallbackServerContext* context, const v1::CheckStageMoveRequest* request,
    v1::CheckStageMoveResponse* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Check(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::CompleteMilestone(
    grpc::CallbackServerContext* context, const v1::CompleteMilestoneRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Complete(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::ReopenMilestone(
    grpc::CallbackServerContext* context, const v1::ReopenMilestoneRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return ReopenStep(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::AddTeamMember(grpc::CallbackServerContext* context,
                                                            const v1::AddTeamMemberRequest* request,
                                                            v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return AddMember(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::RemoveTeamMember(
    grpc::CallbackServerContext* context, const v1::RemoveTeamMemberRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return RemoveMember(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::AssignOpportunity(
    grpc::CallbackServerContext* context, const v1::AssignOpportunityRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Assign(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::WinOpportunity(
    grpc::CallbackServerContext* context, const v1::WinOpportunityRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Win(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::LoseOpportunity(
    grpc::CallbackServerContext* context, const v1::LoseOpportunityRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Lose(call...); });
}

grpc::ServerUnaryReactor* OpportunityService::ReopenOpportunity(
    grpc::CallbackServerContext* context, const v1::ReopenOpportunityRequest* request,
    v1::Opportunity* response) {
  return parts_.rpc.Run(*context, *request, *response,
                        [this](auto&... call) { return Reopen(call...); });
}

grpc::ServerBidiReactor<v1::ImportOpportunitiesRequest, v1::ImportOpportunitiesResponse>*
OpportunityService::ImportOpportunities(grpc::CallbackServerContext* context) {
  return parts_.rpc.RunBidi<v1::ImportOpportunitiesRequest, v1::ImportOpportunitiesResponse>(
      *context,
      [this](const rpc::Caller& caller, db::Session& db,
             rpc::Stream<v1::ImportOpportunitiesRequest, v1::ImportOpportunitiesResponse>& stream)
          -> absl::Status {
        OpportunityImport import(parts_, caller, db);
        while (const std::optional<v1::ImportOpportunitiesRequest> request = stream.Read()) {
          absl::StatusOr<v1::ImportOpportunitiesResponse> response = import.Run(*request);
          if (!response.ok()) return response.status();
          if (!stream.Write(*std::move(response))) break;
        }
        return absl::OkStatus();
      });
}

template <typename Request, typename Apply>
OpportunityService::Result OpportunityService::Change(const rpc::Caller& caller, db::Session& db,
                                                      const Request& request, const std::string& id,
                                                      const std::string& event, Apply apply) {
  const change::Context why = caller.Change(request);
  const absl::StatusOr<Opportunity> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Opportunity> {
        absl::StatusOr<Opportunity> current = store_.LoadForUpdate(tx, id);
        if (!current.ok()) return current.status();
        if (absl::Status status = CheckMayChange(caller, current->owner, NameOf(id)); !status.ok())
          return status;
        const auto definition =
            parts_.references.FindDefinition(tx, current->process, current->process_revision);
        if (!definition.ok()) return definition.status();
        const absl::Time before = current->update_time;
        absl::StatusOr<Opportunity> next =
            apply(tx, *std::move(current), **definition, ActOf(caller, parts_, before));
        if (!next.ok()) return next.status();
        return store_.Save(tx, why, event, *std::move(next), before);
      });
  if (!saved.ok()) {
    if (status::ReasonOf(saved.status()) == "STAGE_MOVE_BLOCKED") blocked_total_.Increment();
    return saved.status();
  }
  return ToProto(*saved);
}

absl::StatusOr<OpportunityService::Archived> OpportunityService::CheckReferences(
    const rpc::Caller& caller, db::Session& db, const Content& wanted) {
  const auto archived = db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<Archived> {
    Archived found;
    const auto products = parts_.references.Find<Product>(snapshot, {wanted.product});
    if (!products.ok()) return products.status();
    const auto sources = parts_.references.Find<Source>(snapshot, {wanted.source});
    if (!sources.ok()) return sources.status();
    if (!wanted.product.empty()) {
      if (products->empty())
        return error::ReferenceMissing(resource::Name(kProducts, wanted.product));
      found.product = products->begin()->second->archived;
    }
    if (!wanted.source.empty()) {
      if (sources->empty()) return error::ReferenceMissing(resource::Name(kSources, wanted.source));
      found.source = sources->begin()->second->archived;
    }
    return found;
  });
  if (!archived.ok()) return archived.status();
  const auto missing = parts_.customers.Missing(caller, {wanted.customer});
  if (!missing.ok()) return missing.status();
  if (!missing->empty()) return error::CustomerUnknown(resource::Name(kCustomers, wanted.customer));
  return archived;
}

void OpportunityService::Get(db::Session& db, std::vector<GetCall>& calls) {
  std::vector<std::string> ids;  // Of each call; empty if it is refused.
  std::set<std::string> wanted;
  for (GetCall& call : calls) {
    Reader reader(parts_.currency_code);
    ids.push_back(reader.Name(kOpportunities, call.request.name(), "name", Need::kRequired));
    if (absl::Status status = reader.status(); status.ok()) {
      wanted.insert(ids.back());
    } else {
      call.result = std::move(status);
      ids.back().clear();
    }
  }
  const auto found = db.Read([&](db::Snapshot& snapshot) {
    return store_.LoadResources(snapshot, std::vector<std::string>(wanted.begin(), wanted.end()));
  });
  for (size_t i = 0; i < calls.size(); ++i) {
    if (ids[i].empty()) continue;
    GetCall& call = calls[i];
    if (!found.ok()) {
      call.result = found.status();
      continue;
    }
    const auto resource = found->find(ids[i]);
    if (resource == found->end() ||
        (resource->second.ok() && !call.caller.MaySee(resource->second->owner()))) {
      call.result = error::NotFound(call.request.name());
    } else {
      call.result = resource->second;
    }
  }
}

absl::StatusOr<v1::ListOpportunitiesResponse> OpportunityService::List(
    const rpc::Caller& caller, db::Session& db, const v1::ListOpportunitiesRequest& request) {
  Reader reader(parts_.currency_code);
  const resource::Page page = resource::ReadPage(request, 2, reader.violations());
  OpportunityFilter filter;
  filter.owners = VisibleOwners(caller, reader.Names(kMembers, request.owners(), "owners"));
  filter.customer = reader.Name(kCustomers, request.customer(), "customer", Need::kOptional);
  if (!reader.IsCountWrong("states", request.states_size(), 0, kMaxFilterValues)) {
    for (int i = 0; i < request.states_size(); ++i) {
      filter.states.push_back(reader.ReadState(request.states(i), absl::StrCat("states[", i, "]")));
    }
  }
  filter.process = reader.Name(kProcesses, request.process(), "process", Need::kOptional);
  filter.stages = reader.Ids(request.stages(), "stages");
  filter.products = reader.Names(kProducts, request.products(), "products");
  filter.sources = reader.Names(kSources, request.sources(), "sources");
  filter.regions = reader.Ids(request.regions(), "regions");
  filter.close_dates = reader.Days(request.has_close_dates(), request.close_dates(), "close_dates");
  filter.expected_close_dates = reader.Days(request.has_expected_close_dates(),
                                            request.expected_close_dates(), "expected_close_dates");
  const auto minimum =
      reader.Amount(request.has_min_amount(), request.min_amount(), 0, "min_amount");
  if (minimum) filter.min_amount = minimum->minor_units;
  const auto maximum =
      reader.Amount(request.has_max_amount(), request.max_amount(), 0, "max_amount");
  if (maximum) filter.max_amount = maximum->minor_units;
  filter.title_contains = reader.Text(request.title_contains(), "title_contains", kMaxTitlePart);
  std::optional<OpportunityKey> after;
  if (!page.after.empty()) {
    const std::optional<absl::Time> time = db::ParseTime(page.after[0]);
    if (time) {
      after = OpportunityKey{*time, page.after[1]};
    } else {
      reader.Add("page_token", "was not given out for this request");
    }
  }
  if (absl::Status status = reader.status(); !status.ok()) return status;

  auto found = db.Read(
      [&](db::Snapshot& snapshot) { return store_.List(snapshot, filter, after, page.size + 1); });
  if (!found.ok()) return found.status();
  v1::ListOpportunitiesResponse response;
  for (int i = 0; i < page.size && i < static_cast<int>(found->size()); ++i) {
    *response.add_opportunities() = std::move((*found)[i]);
  }
  if (static_cast<int>(found->size()) > page.size) {
    const v1::Opportunity& last = response.opportunities(page.size - 1);
    response.set_next_page_token(resource::NextPageToken(
        request, {db::FormatTime(milepost::FromProto(last.create_time())),
                  resource::IdOf(kOpportunities, last.name()).value_or("")}));
  }
  return response;
}

OpportunityService::Result OpportunityService::Create(const rpc::Caller& caller, db::Session& db,
                                                      const v1::CreateOpportunityRequest& request) {
  Reader reader(parts_.currency_code);
  std::string id = reader.Id(request.opportunity_id(), "opportunity_id", Need::kOptional);
  Content content = ReadContent(request.opportunity(), kFields, {}, reader);
  std::string owner =
      reader.Name(kMembers, request.opportunity().owner(), "opportunity.owner", Need::kOptional);
  std::string process = reader.Name(kProcesses, request.opportunity().process(),
                                    "opportunity.process", Need::kOptional);
  if (absl::Status status = reader.status(); !status.ok()) return status;

  const Act act = ActOf(caller, parts_, absl::InfinitePast());
  if (id.empty()) id = resource::NewId('o', act.now);
  if (owner.empty()) owner = caller.identity().member_id;
  if (absl::Status status = CheckOwner(caller, owner, act.today); !status.ok()) return status;
  if (process.empty()) process = kStandardProcess;
  const auto processes = db.Read(
      [&](db::Snapshot& snapshot) { return parts_.references.Find<Process>(snapshot, {process}); });
  if (!processes.ok()) return processes.status();
  if (processes->empty()) return error::ReferenceMissing(resource::Name(kProcesses, process));
  const Process& found = *processes->begin()->second;
  if (found.archived) return error::ReferenceArchived(resource::Name(kProcesses, process));
  const absl::StatusOr<Archived> archived = CheckReferences(caller, db, content);
  if (!archived.ok()) return archived.status();
  if (archived->product)
    return error::ReferenceArchived(resource::Name(kProducts, content.product));
  if (archived->source) return error::ReferenceArchived(resource::Name(kSources, content.source));

  const Blockers blockers = StartBlockers(content, found.definition);
  const absl::StatusOr<Opportunity> created =
      NewOpportunity(id, owner, std::move(content), found.definition, act);
  if (!created.ok()) return WithBlockers(created.status(), id, blockers);
  const change::Context why = caller.Change(request);
  const absl::Status stored = db.Transact([&](db::Transaction& tx) -> absl::Status {
    return store_.Insert(tx, why, "opportunity.created", {*created});
  });
  if (!stored.ok()) return stored;
  return ToProto(*created);
}

OpportunityService::Result OpportunityService::Update(const rpc::Caller& caller, db::Session& db,
                                                      const v1::UpdateOpportunityRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.opportunity().name(),
                                     "opportunity.name", Need::kRequired);
  const ExpectedVersion version = reader.Etag(request.etag());
  const auto fields = resource::ReadUpdateMask(request.update_mask(), request.opportunity(),
                                               kFields, reader.violations());
  const Content wanted = ReadContent(request.opportunity(), fields, {}, reader);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  const absl::StatusOr<Archived> archived = CheckReferences(caller, db, wanted);
  if (!archived.ok()) return archived.status();
  return Change(caller, db, request, id, "opportunity.updated",
                [&](db::Transaction&, Opportunity current, const Definition&,
                    const Act& act) -> absl::StatusOr<Opportunity> {
                  if (archived->product && wanted.product != current.content.product) {
                    return error::ReferenceArchived(resource::Name(kProducts, wanted.product));
                  }
                  if (archived->source && wanted.source != current.content.source) {
                    return error::ReferenceArchived(resource::Name(kSources, wanted.source));
                  }
                  Reader again(parts_.currency_code);
                  Content next = ReadContent(request.opportunity(), fields, current.content, again);
                  return ApplyUpdate(std::move(current), std::move(next), version, act);
                });
}

OpportunityService::Result OpportunityService::Move(const rpc::Caller& caller, db::Session& db,
                                                    const v1::MoveStageRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  MoveCommand command;
  command.stage = reader.Id(request.stage(), "stage", Need::kRequired);
  command.reason = reader.Text(request.reason(), "reason", kMaxReason);
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(
      caller, db, request, id, "opportunity.stage_moved",
      [&](db::Transaction&, Opportunity current, const Definition& definition,
          const Act& act) -> absl::StatusOr<Opportunity> {
        const absl::StatusOr<Opportunity> moved = ApplyMove(current, definition, command, act);
        if (moved.ok() || status::ReasonOf(moved.status()) != "STAGE_MOVE_BLOCKED") return moved;
        return WithBlockers(moved.status(), id,
                            MoveBlockers(current, definition, definition.PositionOf(command.stage),
                                         !command.reason.empty(), act.may_skip_stages));
      });
}

absl::StatusOr<v1::CheckStageMoveResponse> OpportunityService::Check(
    const rpc::Caller& caller, db::Session& db, const v1::CheckStageMoveRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  const std::string stage = reader.Id(request.stage(), "stage", Need::kOptional);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::CheckStageMoveResponse> {
    const absl::StatusOr<Opportunity> opportunity = store_.Load(snapshot, id);
    if (!opportunity.ok()) return opportunity.status();
    if (!caller.MaySee(opportunity->owner)) return error::NotFound(request.name());
    if (opportunity->state != State::kOpen)
      return error::NotOpen(request.name(), opportunity->state);
    const auto definition = parts_.references.FindDefinition(snapshot, opportunity->process,
                                                             opportunity->process_revision);
    if (!definition.ok()) return definition.status();
    const Act act = ActOf(caller, parts_, absl::InfinitePast());
    v1::CheckStageMoveResponse response;
    Blockers blockers;
    if (stage.empty()) {
      blockers = WinBlockers(*opportunity, **definition, act.may_skip_stages);
    } else {
      const int position = (*definition)->PositionOf(stage);
      if (position == 0)
        return error::StageUnknown(opportunity->process, opportunity->process_revision, stage);
      if (position == opportunity->stage_position)
        return error::AlreadyInStage(request.name(), stage);
      blockers = MoveBlockers(*opportunity, **definition, position, false, act.may_skip_stages);
      for (const TypicalRisk& risk : (*definition)->At(position).typical_risks) {
        *response.add_typical_risks() = ToProto(risk);
      }
    }
    *response.mutable_blockers() = ToProto(id, blockers);
    blockers.reason_required = false;
    response.set_allowed(blockers.empty() && caller.scope().MayChange(opportunity->owner));
    return response;
  });
}

OpportunityService::Result OpportunityService::Complete(
    const rpc::Caller& caller, db::Session& db, const v1::CompleteMilestoneRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  MilestoneCommand command;
  command.stage = reader.Id(request.stage(), "stage", Need::kOptional);
  command.milestone = reader.Id(request.milestone(), "milestone", Need::kRequired);
  command.note = reader.Text(request.note(), "note", kMaxRemark);
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(
      caller, db, request, id, "opportunity.milestone_completed",
      [&](db::Transaction&, Opportunity current, const Definition& definition, const Act& act) {
        return ApplyCompleteMilestone(std::move(current), definition, command, act);
      });
}

OpportunityService::Result OpportunityService::ReopenStep(
    const rpc::Caller& caller, db::Session& db, const v1::ReopenMilestoneRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  MilestoneCommand command;
  command.stage = reader.Id(request.stage(), "stage", Need::kOptional);
  command.milestone = reader.Id(request.milestone(), "milestone", Need::kRequired);
  reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(
      caller, db, request, id, "opportunity.milestone_reopened",
      [&](db::Transaction&, Opportunity current, const Definition& definition, const Act& act) {
        return ApplyReopenMilestone(std::move(current), definition, command, act);
      });
}

OpportunityService::Result OpportunityService::AddMember(const rpc::Caller& caller, db::Session& db,
                                                         const v1::AddTeamMemberRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  TeamCommand command;
  command.member = reader.Name(kMembers, request.member(), "member", Need::kRequired);
  command.role = reader.Id(request.role(), "role", Need::kRequired);
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "opportunity.team_member_added",
                [&](db::Transaction&, Opportunity current, const Definition&,
                    const Act& act) -> absl::StatusOr<Opportunity> {
                  if (!caller.organization().HasMember(command.member, act.today)) {
                    return error::MemberUnknown(request.member());
                  }
                  return ApplyAddTeamMember(std::move(current), command, act);
                });
}

OpportunityService::Result OpportunityService::RemoveMember(
    const rpc::Caller& caller, db::Session& db, const v1::RemoveTeamMemberRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  TeamCommand command;
  command.member = reader.Name(kMembers, request.member(), "member", Need::kRequired);
  command.role = reader.Id(request.role(), "role", Need::kOptional);
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "opportunity.team_member_removed",
                [&](db::Transaction&, Opportunity current, const Definition&, const Act& act) {
                  return ApplyRemoveTeamMember(std::move(current), command, act);
                });
}

OpportunityService::Result OpportunityService::Assign(const rpc::Caller& caller, db::Session& db,
                                                      const v1::AssignOpportunityRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  const std::string owner = reader.Name(kMembers, request.owner(), "owner", Need::kRequired);
  reader.Text(request.reason(), "reason", kMaxReason);
  const ExpectedVersion version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "opportunity.assigned",
                [&](db::Transaction&, Opportunity current, const Definition&,
                    const Act& act) -> absl::StatusOr<Opportunity> {
                  if (absl::Status status = CheckOwner(caller, owner, act.today); !status.ok())
                    return status;
                  return ApplyAssign(std::move(current), owner, version, act);
                });
}

OpportunityService::Result OpportunityService::Win(const rpc::Caller& caller, db::Session& db,
                                                   const v1::WinOpportunityRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  WinCommand command;
  command.amount =
      reader.Amount(request.has_amount(), request.amount(), 1, "amount", Need::kRequired)
          .value_or(Money{});
  command.close_date = reader.Day(request.has_close_date(), request.close_date(), "close_date");
  command.close_reason = reader.Id(request.close_reason(), "close_reason", Need::kOptional);
  command.close_note = reader.Text(request.close_note(), "close_note", kMaxText);
  command.order = reader.Id(request.order_id(), "order_id", Need::kOptional);
  command.expected_version = reader.Etag(request.etag());
  std::vector<LineInput> lines = ReadLines(request.lines(), 0, reader);
  const std::string contract = reader.Text(request.contract_number(), "contract_number", kMaxCode);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  if (command.order.empty()) command.order = resource::NewId('r', parts_.Now());

  const change::Context why = caller.Change(request);
  Result won = Change(
      caller, db, request, id, "opportunity.won",
      [&](db::Transaction& tx, Opportunity current, const Definition& definition,
          const Act& act) -> absl::StatusOr<Opportunity> {
        const absl::StatusOr<Opportunity> next = ApplyWin(current, definition, command, act);
        if (!next.ok()) {
          return WithBlockers(next.status(), id,
                              WinBlockers(current, definition, act.may_skip_stages));
        }
        std::vector<LineInput> wanted = lines;
        if (wanted.empty()) {
          wanted.push_back({.line = {.product = next->content.product,
                                     .unit_price = command.amount.minor_units}});
        }
        absl::StatusOr<std::vector<OrderLine>> priced =
            PriceLines(tx, parts_.references, wanted, next->content.product);
        if (!priced.ok()) return priced.status();
        const std::optional<int64_t> sum = SumOfLines(*priced);
        if (!sum) return error::AmountTooLarge();
        if (*sum != command.amount.minor_units)
          return error::LinesDiffer(command.amount.minor_units, *sum);
        const absl::StatusOr<Order> order = NewOrder({.id = command.order,
                                                      .opportunity = id,
                                                      .customer = next->content.customer,
                                                      .owner = next->owner,
                                                      .order_date = next->close_date,
                                                      .preliminary = request.preliminary(),
                                                      .contract_number = contract,
                                                      .source = next->content.source,
                                                      .region = next->content.region,
                                                      .channel = next->content.channel,
                                                      .currency_code = parts_.currency_code,
                                                      .lines = *std::move(priced)},
                                                     act.now, act.today);
        if (!order.ok()) return order.status();
        if (absl::Status status = orders_.Insert(tx, why, "order.created", {*order}); !status.ok())
          return status;
        return next;
      });
  if (won.ok()) won_total_.Increment();
  return won;
}

OpportunityService::Result OpportunityService::Lose(const rpc::Caller& caller, db::Session& db,
                                                    const v1::LoseOpportunityRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  LoseCommand command;
  command.close_reason = reader.Id(request.close_reason(), "close_reason", Need::kRequired);
  command.close_note = reader.Text(request.close_note(), "close_note", kMaxText);
  command.competitor = reader.Text(request.competitor(), "competitor", kMaxCompetitor);
  command.close_date = reader.Day(request.has_close_date(), request.close_date(), "close_date");
  command.expected_version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  Result lost = Change(caller, db, request, id, "opportunity.lost",
                       [&](db::Transaction&, Opportunity current, const Definition&,
                           const Act& act) { return ApplyLose(std::move(current), command, act); });
  if (lost.ok()) lost_total_.Increment();
  return lost;
}

OpportunityService::Result OpportunityService::Reopen(const rpc::Caller& caller, db::Session& db,
                                                      const v1::ReopenOpportunityRequest& request) {
  Reader reader(parts_.currency_code);
  const std::string id = reader.Name(kOpportunities, request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  const ExpectedVersion version = reader.Etag(request.etag());
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return Change(caller, db, request, id, "opportunity.reopened",
                [&](db::Transaction& tx, Opportunity current, const Definition& definition,
                    const Act& act) -> absl::StatusOr<Opportunity> {
                  bool order_stands = false;
                  if (!current.order.empty()) {
                    // Cancelled is final, so no lock is needed: an order that stands may at worst
                    // be cancelled now.
                    const absl::StatusOr<Order> order = orders_.Load(tx, current.order);
                    if (!order.ok()) return order.status();
                    order_stands = order->state != OrderState::kCancelled;
                  }
                  return ApplyReopen(std::move(current), definition, order_stands, reason, version,
                                     act);
                });
}

}  // namespace milepost::opportunity
