#include "customer-svc/service/customer_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "customer-svc/domain/errors.h"
#include "customer-svc/domain/text.h"
#include "customer-svc/service/access.h"
#include "customer-svc/service/customer_import.h"
#include "customer-svc/service/moment.h"
#include "customer-svc/store/resource.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"

namespace milepost::customer {
namespace {

constexpr char kIdPrefix = 'c';
constexpr char kExportIdPrefix = 'e';
// Rows of one transaction of a handover, and of one message of an export.
constexpr int kHandOverBatch = 200;
constexpr int kExportBatch = 500;
// Planned interactions that one transfer takes along in its transaction.
constexpr int kMaxInteractionsPerTransfer = 200;

std::string KeyTime(absl::Time time) { return absl::StrCat(absl::ToUnixMicros(time)); }
absl::Time TimeOfKey(const std::string& key) {
  int64_t micros = 0;
  (void)absl::SimpleAtoi(key, &micros);  // The token's fingerprint vouches for it.
  return absl::FromUnixMicros(micros);
}

v1::DuplicateReason ToProto(DuplicateReason reason) {
  switch (reason) {
    case DuplicateReason::kSameCreditCode:
      return v1::SAME_CREDIT_CODE;
    case DuplicateReason::kSamePhone:
      return v1::SAME_PHONE;
    case DuplicateReason::kSameName:
      return v1::SAME_NAME;
    case DuplicateReason::kSameEmailDomain:
      return v1::SAME_EMAIL_DOMAIN;
  }
  return v1::DUPLICATE_REASON_UNSPECIFIED;
}

v1::DuplicateCandidate Present(const rpc::Caller& caller, const DuplicateCandidate& candidate) {
  v1::DuplicateCandidate out;
  for (const DuplicateReason reason : candidate.reasons) out.add_reasons(ToProto(reason));
  if (!caller.MaySee(candidate.owner_id)) {
    out.set_hidden(true);
    return out;
  }
  out.set_customer(error::CustomerName(candidate.id));
  out.set_display_name(candidate.display_name);
  if (!candidate.owner_id.empty()) out.set_owner(error::MemberName(candidate.owner_id));
  return out;
}

absl::Status DuplicatesError(const rpc::Caller& caller, const Customer& draft,
                             const std::vector<DuplicateCandidate>& candidates) {
  v1::DuplicateCustomers detail;
  for (const DuplicateCandidate& candidate : candidates) {
    *detail.add_candidates() = Present(caller, candidate);
  }
  return status::WithDetail(
      error::HasDuplicates(draft.display_name, candidates.size()),
      absl::StrCat("type.googleapis.com/",
                   std::string(v1::DuplicateCustomers::descriptor()->full_name())),
      detail.SerializeAsString());
}

// For Runner::Run: a repeated request is answered as masked as the first.
absl::Status MaskReplay(const rpc::Caller& caller, db::Session&, v1::Customer& customer) {
  Mask(caller, customer);
  return absl::OkStatus();
}

}  // namespace

CustomerService::CustomerService(rpc::Runner& runner, const std::string& currency_code)
    : rpc_(runner), currency_code_(currency_code), interactions_(runner.options().zone) {
  rpc_.Register<v1::CustomerService>();
}

absl::CivilDay CustomerService::today() const {
  return absl::ToCivilDay(rpc_.now(), rpc_.options().zone);
}

ParseContext CustomerService::parse_context() const {
  return {today(), rpc_.options().zone, currency_code_};
}

absl::Status CustomerService::CheckParent(const Caller& caller, db::Snapshot& snapshot,
                                          const std::string& parent_id) const {
  if (parent_id.empty()) return absl::OkStatus();
  const absl::StatusOr<Customer> parent = customers_.Load(snapshot, parent_id);
  if (parent.ok() && caller.MaySee(parent->owner_id)) return absl::OkStatus();
  if (!parent.ok() && !absl::IsNotFound(parent.status())) return parent.status();
  return error::ReferenceNotFound("parent", error::CustomerName(parent_id));
}

absl::StatusOr<v1::Customer> CustomerService::Create(const Caller& caller, db::Session& db,
                                                     const v1::CreateCustomerRequest& request) {
  absl::StatusOr<CreateCustomerCommand> command = ParseCreate(request, parse_context());
  if (!command.ok()) return command.status();
  Customer& draft = command->draft;

  const std::string& self = caller.identity().member_id;
  const bool may_leave_in_pool = caller.Has(access::Role::kManager) || caller.scope().MayChange("");
  if (draft.owner_id.empty() && !may_leave_in_pool) draft.owner_id = self;
  if (!draft.owner_id.empty()) {
    if (absl::Status s = CheckMemberInScope(caller, draft.owner_id); !s.ok()) return s;
    if (absl::Status s = CheckActiveMember(caller, draft.owner_id, today()); !s.ok()) {
      return draft.owner_id == self && absl::IsFailedPrecondition(s) ? error::CallerIsNoMember()
                                                                     : s;
    }
  }
  const absl::Time now = Now(rpc_);
  if (draft.id.empty()) draft.id = resource::NewId(kIdPrefix, now);
  const Customer customer = NewCustomer(std::move(draft), now, today());

  // Row, search terms, change, commit: a round trip more than other creations have, for the terms
  // are rows of their own.
  const OwnerFilter parents = VisibleOwners(caller);
  std::vector<DuplicateCandidate> candidates;
  const absl::Status written = db.Transact([&](db::Transaction& tx) -> absl::Status {
    candidates.clear();
    if (command->allow_duplicates) {
      return customers_.Insert(tx, caller.Change(request), customer, parents);
    }
    absl::StatusOr<std::vector<DuplicateCandidate>> found = customers_.InsertUnlessDuplicate(
        tx, caller.Change(request), customer, parents, kMaxCandidates);
    if (!found.ok() || found->empty()) return found.status();
    candidates = *std::move(found);
    return error::HasDuplicates(customer.display_name, candidates.size());
  });
  if (!written.ok()) {
    return candidates.empty() ? written : DuplicatesError(caller, customer, candidates);
  }
  return Present(caller, customer);
}

absl::StatusOr<v1::Customer> CustomerService::Get(const Caller& caller, db::Session& db,
                                                  const v1::GetCustomerRequest& request) {
  status::FieldViolations violations;
  const std::string id =
      ReadName(request.name(), "customers", Presence::kRequired, "name", violations);
  if (!violations.empty()) return violations.ToStatus();
  const absl::StatusOr<Customer> customer =
      db.Read([&](db::Snapshot& snapshot) { return customers_.Load(snapshot, id); });
  if (!customer.ok()) return customer.status();
  if (!caller.MaySee(customer->owner_id)) return error::NotFound(request.name());
  return Present(caller, *customer);
}

absl::StatusOr<v1::ListCustomersResponse> CustomerService::List(
    const Caller& caller, db::Session& db, const v1::ListCustomersRequest& request) {
  constexpr size_t kKeyColumns = 2;  // Time of creation, id.
  status::FieldViolations violations;
  const FilterCommand filter = ReadFilter(request.filter(), violations);
  const resource::Page page = resource::ReadPage(request, kKeyColumns, violations);
  if (!violations.empty()) return violations.ToStatus();

  ListCustomersQuery query = WithinScope(caller, filter, today());
  if (!page.after.empty()) query.after = {TimeOfKey(page.after[0]), page.after[1]};
  query.limit = page.size + 1;
  absl::StatusOr<std::vector<Customer>> customers =
      db.Read([&](db::Snapshot& snapshot) { return customers_.List(snapshot, query); });
  if (!customers.ok()) return customers.status();

  v1::ListCustomersResponse response;
  const bool more = customers->size() > static_cast<size_t>(page.size);
  if (more) customers->pop_back();
  for (const Customer& customer : *customers) {
    *response.add_customers() = Present(caller, customer);
  }
  if (more) {
    const Customer& last = customers->back();
    response.set_next_page_token(
        resource::NextPageToken(request, {KeyTime(last.create_time), last.id}));
  }
  return response;
}

absl::StatusOr<v1::SearchCustomersResponse> CustomerService::Search(
    const Caller& caller, db::Session& db, const v1::SearchCustomersRequest& request) {
  constexpr size_t kKeyColumns = 3;  // Group, key, id.
  status::FieldViolations violations;
  SearchCustomersQuery query;
  query.query = ReadText(request.query(), 1, kMaxQuery, "query", violations);
  if (!query.query.empty() && SearchKey(query.query).empty()) {
    violations.Add("query", "has no letter or digit");
  }
  const resource::Page page = resource::ReadPage(request, kKeyColumns, violations);
  if (!violations.empty()) return violations.ToStatus();

  query.owners = VisibleOwners(caller);
  query.phone_owners = PersonalOwners(caller);
  if (!page.after.empty()) {
    (void)absl::SimpleAtoi(page.after[0], &query.after.group);
    query.after.key = page.after[1];
    query.after.id = page.after[2];
  }
  query.limit = page.size + 1;
  absl::StatusOr<std::vector<SearchHit>> hits =
      db.Read([&](db::Snapshot& snapshot) { return customers_.Search(snapshot, query); });
  if (!hits.ok()) return hits.status();

  v1::SearchCustomersResponse response;
  const bool more = hits->size() > static_cast<size_t>(page.size);
  if (more) hits->pop_back();
  for (const SearchHit& hit : *hits) *response.add_customers() = Present(caller, hit.customer);
  if (more) {
    const SearchCustomersQuery::Key& last = hits->back().key;
    response.set_next_page_token(
        resource::NextPageToken(request, {absl::StrCat(last.group), last.key, last.id}));
  }
  return response;
}

absl::StatusOr<v1::Customer> CustomerService::Update(const Caller& caller, db::Session& db,
                                                     const v1::UpdateCustomerRequest& request) {
  const absl::StatusOr<UpdateCustomerParsed> parsed = ParseUpdate(request, parse_context());
  if (!parsed.ok()) return parsed.status();
  const UpdateCustomerCommand& command = parsed->command;

  const absl::StatusOr<Customer> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Customer> {
        const absl::StatusOr<Customer> before = customers_.LoadForUpdate(tx, parsed->id);
        if (!before.ok()) return before.status();
        if (absl::Status s = CheckMayChange(caller, before->owner_id, before->id); !s.ok()) {
          return s;
        }
        if (!caller.scope().MaySeePersonal(before->owner_id)) {
          for (const std::string& field : PersonalFields()) {
            if (command.fields.count(field) == 0) continue;
            return error::PersonalDataHidden(error::CustomerName(before->id), field);
          }
        }
        if (command.fields.count("parent") > 0 && command.values.parent_id != before->id) {
          if (absl::Status s = CheckParent(caller, tx, command.values.parent_id); !s.ok()) {
            return s;
          }
        }
        absl::StatusOr<Customer> after =
            ApplyUpdate(*before, command, ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        return customers_.Save(tx, caller.Change(request), "customer.updated", *before,
                               *std::move(after));
      });
  if (!saved.ok()) return saved.status();
  return Present(caller, *saved);
}

absl::StatusOr<v1::Customer> CustomerService::Assign(const Caller& caller, db::Session& db,
                                                     const v1::AssignCustomerRequest& request) {
  const absl::StatusOr<VerbCommand> command = ParseAssign(request);
  if (!command.ok()) return command.status();

  const absl::StatusOr<Customer> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Customer> {
        const absl::StatusOr<Customer> before = customers_.LoadForUpdate(tx, command->id);
        if (!before.ok()) return before.status();
        if (!caller.MaySee(before->owner_id)) return error::NotFound(request.name());
        if (absl::Status s = CheckMemberInScope(caller, command->member_id); !s.ok()) return s;
        if (absl::Status s = CheckActiveMember(caller, command->member_id, today()); !s.ok()) {
          return s;
        }
        absl::StatusOr<Customer> after =
            ApplyAssign(*before, command->member_id, command->text, command->version,
                        ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        return customers_.Save(tx, caller.Change(request), "customer.assigned", *before,
                               *std::move(after));
      });
  if (!saved.ok()) return saved.status();
  return Present(caller, *saved);
}

absl::StatusOr<int> CustomerService::MoveInteractions(db::Transaction& tx,
                                                      const change::Context& why,
                                                      const std::string& from_member_id,
                                                      const std::string& to_member_id,
                                                      const std::string& customer_id,
                                                      const std::string& note, int limit) {
  const absl::StatusOr<std::vector<std::string>> ids =
      interactions_.PlannedIds(tx, from_member_id, customer_id, limit);
  if (!ids.ok()) return ids.status();
  int moved = 0;
  for (const std::string& id : *ids) {
    const absl::StatusOr<Interaction> before = interactions_.LoadForUpdate(tx, id);
    if (!before.ok()) return before.status();
    // It may have been completed or moved since it was listed.
    if (before->state != InteractionState::kPlanned || before->member_id != from_member_id) {
      continue;
    }
    const absl::StatusOr<Interaction> saved = interactions_.Save(
        tx, why, to_member_id.empty() ? "interaction.cancelled" : "interaction.handed_over",
        *before,
        ApplyHandOver(*before, to_member_id, note, ChangeTime(Now(rpc_), before->update_time)));
    if (!saved.ok()) return saved.status();
    ++moved;
  }
  return moved;
}

absl::StatusOr<v1::Customer> CustomerService::Transfer(const Caller& caller, db::Session& db,
                                                       const v1::TransferCustomerRequest& request) {
  const absl::StatusOr<VerbCommand> command = ParseTransfer(request);
  if (!command.ok()) return command.status();

  const absl::StatusOr<Customer> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Customer> {
        const absl::StatusOr<Customer> before = customers_.LoadForUpdate(tx, command->id);
        if (!before.ok()) return before.status();
        if (absl::Status s = CheckMayChange(caller, before->owner_id, before->id); !s.ok()) {
          return s;
        }
        if (absl::Status s = CheckActiveMember(caller, command->member_id, today()); !s.ok()) {
          return s;
        }
        absl::StatusOr<Customer> after =
            ApplyTransfer(*before, command->member_id, command->text, command->version,
                          ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        const change::Context why = caller.Change(request);
        absl::StatusOr<Customer> stored =
            customers_.Save(tx, why, "customer.transferred", *before, *std::move(after));
        if (!stored.ok()) return stored.status();
        const absl::StatusOr<int> moved =
            MoveInteractions(tx, why, before->owner_id, command->member_id, before->id,
                             command->text, kMaxInteractionsPerTransfer);
        if (!moved.ok()) return moved.status();
        return stored;
      });
  if (!saved.ok()) return saved.status();
  return Present(caller, *saved);
}

absl::Status CustomerService::HandOver(const Caller& caller, db::Session& db,
                                       const v1::HandOverCustomersRequest& request,
                                       rpc::Writer<v1::HandOverCustomersResponse>& out) {
  const absl::StatusOr<HandOverCommand> command = ParseHandOver(request);
  if (!command.ok()) return command.status();
  if (absl::Status s = CheckMemberInScope(caller, command->from_member_id); !s.ok()) return s;
  if (!caller.organization().UnitOf(command->from_member_id, today())) {
    return error::MemberUnknown(command->from_member_id);
  }
  if (!command->to_member_id.empty()) {
    if (absl::Status s = CheckActiveMember(caller, command->to_member_id, today()); !s.ok()) {
      return s;
    }
  }
  change::Context why = caller.Change(request);
  why.request_id.clear();  // Several transactions; each moves what is left, so it is repeatable.

  v1::HandOverCustomersResponse progress;
  for (bool again = true; again;) {
    int listed = 0;
    int64_t moved = 0;
    const absl::Status status = db.Transact([&](db::Transaction& tx) -> absl::Status {
      const auto ids = customers_.OwnedIds(tx, command->from_member_id, kHandOverBatch);
      if (!ids.ok()) return ids.status();
      listed = static_cast<int>(ids->size());
      const auto owned = customers_.LoadManyForUpdate(tx, *ids);
      if (!owned.ok()) return owned.status();
      std::vector<std::pair<Customer, Customer>> changed;
      for (const auto& [id, before] : *owned) {
        if (before.owner_id != command->from_member_id) continue;
        changed.emplace_back(before, ApplyHandOver(before, command->to_member_id, command->note,
                                                   ChangeTime(Now(rpc_), before.update_time)));
      }
      moved = static_cast<int64_t>(changed.size());
      return customers_.SaveMany(tx, why, "customer.handed_over", changed);
    });
    if (!status.ok()) return status;
    progress.set_customer_count(progress.customer_count() + moved);
    again = listed > 0;
    if (again && !out.Write(progress)) return error::ClientGone();
  }
  for (bool again = true; again;) {
    const absl::StatusOr<int> moved = db.Transact([&](db::Transaction& tx) {
      return MoveInteractions(tx, why, command->from_member_id, command->to_member_id, "",
                              command->note, kHandOverBatch);
    });
    if (!moved.ok()) return moved.status();
    progress.set_interaction_count(progress.interaction_count() + *moved);
    again = *moved > 0;
    if (again && !out.Write(progress)) return error::ClientGone();
  }
  progress.set_done(true);
  out.Write(progress);
  return absl::OkStatus();
}

absl::StatusOr<v1::Customer> CustomerService::Claim(const Caller& caller, db::Session& db,
                                                    const v1::ClaimCustomerRequest& request) {
  const absl::StatusOr<VerbCommand> command = ParseClaim(request);
  if (!command.ok()) return command.status();
  const std::string& self = caller.identity().member_id;
  if (!caller.organization().HasMember(self, today())) return error::CallerIsNoMember();

  const absl::StatusOr<Customer> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Customer> {
        const absl::StatusOr<Customer> before = customers_.LoadForUpdate(tx, command->id);
        if (!before.ok()) return before.status();
        if (!caller.MaySee(before->owner_id)) return error::NotFound(request.name());
        const absl::StatusOr<PoolSettings> settings = customers_.LoadPoolSettings(tx);
        if (!settings.ok()) return settings.status();
        int64_t owned_count = 0;
        if (settings->max_customers_per_member > 0 && before->owner_id.empty()) {
          const absl::StatusOr<int64_t> counted =
              customers_.LockClaimsAndCountOwned(tx, self, settings->max_customers_per_member);
          if (!counted.ok()) return counted.status();
          owned_count = *counted;
        }
        absl::StatusOr<Customer> after =
            ApplyClaim(*before, self, owned_count, *settings, command->version,
                       ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        return customers_.Save(tx, caller.Change(request), "customer.claimed", *before,
                               *std::move(after));
      });
  if (!saved.ok()) return saved.status();
  return Present(caller, *saved);
}

absl::StatusOr<v1::Customer> CustomerService::Release(const Caller& caller, db::Session& db,
                                                      const v1::ReleaseCustomerRequest& request) {
  const absl::StatusOr<VerbCommand> command = ParseRelease(request);
  if (!command.ok()) return command.status();

  const absl::StatusOr<Customer> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<Customer> {
        const absl::StatusOr<Customer> before = customers_.LoadForUpdate(tx, command->id);
        if (!before.ok()) return before.status();
        if (absl::Status s = CheckMayChange(caller, before->owner_id, before->id); !s.ok()) {
          return s;
        }
        absl::StatusOr<Customer> after =
            ApplyRelease(*before, command->version, ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        return customers_.Save(tx, caller.Change(request), "customer.released", *before,
                               *std::move(after));
      });
  if (!saved.ok()) return saved.status();
  return Present(caller, *saved);
}

absl::StatusOr<v1::PoolSettings> CustomerService::GetSettings(const Caller&, db::Session& db,
                                                              const v1::GetPoolSettingsRequest&) {
  const absl::StatusOr<PoolSettings> settings =
      db.Read([&](db::Snapshot& snapshot) { return customers_.LoadPoolSettings(snapshot); });
  if (!settings.ok()) return settings.status();
  return milepost::customer::ToProto(*settings);
}

absl::StatusOr<v1::PoolSettings> CustomerService::UpdateSettings(
    const Caller& caller, db::Session& db, const v1::UpdatePoolSettingsRequest& request) {
  const absl::StatusOr<SettingsCommand> command = ParseSettings(request);
  if (!command.ok()) return command.status();

  const absl::StatusOr<PoolSettings> saved =
      db.Transact([&](db::Transaction& tx) -> absl::StatusOr<PoolSettings> {
        const absl::StatusOr<PoolSettings> before = customers_.LoadPoolSettingsForUpdate(tx);
        if (!before.ok()) return before.status();
        absl::StatusOr<PoolSettings> after =
            ApplySettings(*before, command->max_customers_per_member, command->version,
                          ChangeTime(Now(rpc_), before->update_time));
        if (!after.ok()) return after.status();
        return customers_.SavePoolSettings(tx, caller.Change(request), *std::move(after));
      });
  if (!saved.ok()) return saved.status();
  return milepost::customer::ToProto(*saved);
}

absl::StatusOr<v1::FindDuplicateCustomersResponse> CustomerService::FindDuplicates(
    const Caller& caller, db::Session& db, const v1::FindDuplicateCustomersRequest& request) {
  status::FieldViolations violations;
  std::string id;
  Customer subject;
  int limit = request.max_candidates();
  if (limit < 0 || limit > kMaxCandidates) {
    violations.Add("max_candidates", absl::StrCat(limit, " is not between 0 and ", kMaxCandidates));
  }
  if (limit == 0) limit = kMaxCandidates;
  if (request.subject_case() == v1::FindDuplicateCustomersRequest::kCustomer) {
    std::set<std::string> fields = {"phone", "email", "credit_code"};
    if (!request.customer().display_name().empty()) fields.insert("display_name");
    subject = ReadCustomer(request.customer(), fields, "customer.", parse_context(), violations);
    if (violations.empty() && subject.display_name.empty() && subject.phone.empty() &&
        subject.email.empty() && subject.credit_code.empty()) {
      violations.Add("customer", "has none of display_name, phone, credit_code, email");
    }
  } else {
    id = ReadName(request.name(), "customers", Presence::kRequired, "name", violations);
  }
  if (!violations.empty()) return violations.ToStatus();

  const auto candidates =
      db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<std::vector<DuplicateCandidate>> {
        if (!id.empty()) {
          absl::StatusOr<Customer> found = customers_.Load(snapshot, id);
          if (!found.ok()) return found.status();
          if (!caller.MaySee(found->owner_id)) return error::NotFound(request.name());
          subject = *std::move(found);
        }
        return customers_.FindDuplicates(snapshot, KeysOf(subject), id, limit);
      });
  if (!candidates.ok()) return candidates.status();
  v1::FindDuplicateCustomersResponse response;
  for (const DuplicateCandidate& candidate : *candidates) {
    *response.add_candidates() = Present(caller, candidate);
  }
  return response;
}

absl::StatusOr<v1::BatchCheckCustomersResponse> CustomerService::BatchCheck(
    const Caller& caller, db::Session& db, const v1::BatchCheckCustomersRequest& request) {
  status::FieldViolations violations;
  if (request.names_size() < 1 || request.names_size() > kMaxBatch) {
    violations.Add("names",
                   absl::StrCat(request.names_size(), " names are not between 1 and ", kMaxBatch));
    return violations.ToStatus();
  }
  std::vector<std::string> ids;
  for (int i = 0; i < request.names_size(); ++i) {
    ids.push_back(ReadName(request.names(i), "customers", Presence::kRequired,
                           absl::StrCat("names[", i, "]"), violations));
  }
  if (!violations.empty()) return violations.ToStatus();
  const auto customers =
      db.Read([&](db::Snapshot& snapshot) { return customers_.LoadMany(snapshot, ids); });
  if (!customers.ok()) return customers.status();
  v1::BatchCheckCustomersResponse response;
  for (size_t i = 0; i < ids.size(); ++i) {
    v1::CustomerCheck& check = *response.add_checks();
    check.set_name(request.names(static_cast<int>(i)));
    const auto found = customers->find(ids[i]);
    if (found == customers->end() || !caller.MaySee(found->second.owner_id)) continue;
    const Customer& customer = found->second;
    check.set_found(true);
    check.set_display_name(customer.display_name);
    if (!customer.owner_id.empty()) check.set_owner(error::MemberName(customer.owner_id));
    check.set_region(customer.region);
    check.set_industry(customer.industry);
  }
  return response;
}

absl::Status CustomerService::Import(
    const Caller& caller, db::Session& db,
    rpc::Stream<v1::ImportCustomersRequest, v1::ImportCustomersResponse>& stream) {
  while (std::optional<v1::ImportCustomersRequest> request = stream.Read()) {
    absl::StatusOr<v1::ImportCustomersResponse> response =
        ImportBatch(caller, db, customers_, parse_context(), Now(rpc_), *request);
    if (!response.ok()) return response.status();
    if (!stream.Write(*std::move(response))) return error::ClientGone();
  }
  return absl::OkStatus();
}

absl::Status CustomerService::Export(const Caller& caller, db::Session& db,
                                     const v1::ExportCustomersRequest& request,
                                     rpc::Writer<v1::ExportCustomersResponse>& out) {
  status::FieldViolations violations;
  const FilterCommand filter = ReadFilter(request.filter(), violations);
  const std::string purpose = ReadText(request.purpose(), 1, kMaxPurpose, "purpose", violations);
  if (!violations.empty()) return violations.ToStatus();

  const absl::Time start = Now(rpc_);
  v1::CustomerExport record;
  record.set_name(resource::Name("customerExports", resource::NewId(kExportIdPrefix, start)));
  *record.mutable_filter() = request.filter();
  record.set_purpose(purpose);
  record.set_member(caller.member());
  record.mutable_create_time()->set_seconds(absl::ToUnixSeconds(start));
  const change::Context why = caller.Change(request);
  const auto write_record = [&](const char* type, int64_t version) {
    return db.Transact([&](db::Transaction& tx) {
      return change::Record(tx, why,
                            {type, "customer_export", record.name(), version, record, false,
                             version == 1 ? absl::InfinitePast() : start});
    });
  };
  // Who looks is known before anything is shown.
  if (absl::Status s = write_record("customer_export.started", 1); !s.ok()) return s;

  ListCustomersQuery query = WithinScope(caller, filter, today());
  query.oldest_first = true;
  query.limit = kExportBatch;
  for (bool more = true; more;) {
    const absl::StatusOr<std::vector<Customer>> customers =
        db.Read([&](db::Snapshot& snapshot) { return customers_.List(snapshot, query); });
    if (!customers.ok()) return customers.status();
    more = customers->size() == static_cast<size_t>(kExportBatch);
    if (customers->empty()) break;
    v1::ExportCustomersResponse response;
    for (const Customer& customer : *customers) {
      *response.add_customers() = Present(caller, customer);
    }
    query.after = {customers->back().create_time, customers->back().id};
    record.set_row_count(record.row_count() + response.customers_size());
    if (!out.Write(std::move(response))) return error::ClientGone();
  }
  record.set_finished(true);
  return write_record("customer_export.finished", 2);
}

grpc::ServerUnaryReactor* CustomerService::CreateCustomer(grpc::CallbackServerContext* context,
                                                          const v1::CreateCustomerRequest* request,
                                                          v1::Customer* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Create(call...); }, MaskReplay);
}
grpc::ServerUnaryReactor* CustomerService::GetCustomer(grpc::CallbackServerContext* context,
                                                       const v1::GetCustomerRequest* request,
                                                       v1::Customer* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* CustomerService::ListCustomers(grpc::CallbackServerContext* context,
                                                         const v1::ListCustomersRequest* request,
                                                         v1::ListCustomersResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* CustomerService::SearchCustomers(
    grpc::CallbackServerContext* context, const v1::SearchCustomersRequest* request,
    v1::SearchCustomersResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Search(call...); });
}
grpc::ServerUnaryReactor* CustomerService::UpdateCustomer(grpc::CallbackServerContext* context,
                                                          const v1::UpdateCustomerRequest* request,
                                                          v1::Customer* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Update(call...); }, MaskReplay);
}
grpc::ServerUnaryReactor* CustomerService::AssignCustomer(grpc::CallbackServerContext* context,
                                                          const v1::AssignCustomerRequest* request,
                                                          v1::Customer* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Assign(call...); }, MaskReplay);
}
grpc::ServerUnaryReactor* CustomerService::TransferCustomer(
    grpc::CallbackServerContext* context, const v1::TransferCustomerRequest* request,
    v1::Customer* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Transfer(call...); },
      MaskReplay);
}
grpc::ServerWriteReactor<v1::HandOverCustomersResponse>* CustomerService::HandOverCustomers(
    grpc::CallbackServerContext* context, const v1::HandOverCustomersRequest* request) {
  return rpc_.RunServerStream<v1::HandOverCustomersResponse>(
      *context, *request, [this](auto&... call) { return HandOver(call...); });
}
grpc::ServerUnaryReactor* CustomerService::ClaimCustomer(grpc::CallbackServerContext* context,
                                                         const v1::ClaimCustomerRequest* request,
                                                         v1::Customer* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Claim(call...); }, MaskReplay);
}
grpc::ServerUnaryReactor* CustomerService::ReleaseCustomer(
    grpc::CallbackServerContext* context, const v1::ReleaseCustomerRequest* request,
    v1::Customer* response) {
  return rpc_.Run(
      *context, *request, *response, [this](auto&... call) { return Release(call...); },
      MaskReplay);
}
grpc::ServerUnaryReactor* CustomerService::GetPoolSettings(
    grpc::CallbackServerContext* context, const v1::GetPoolSettingsRequest* request,
    v1::PoolSettings* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return GetSettings(call...); });
}
grpc::ServerUnaryReactor* CustomerService::UpdatePoolSettings(
    grpc::CallbackServerContext* context, const v1::UpdatePoolSettingsRequest* request,
    v1::PoolSettings* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return UpdateSettings(call...); });
}
grpc::ServerUnaryReactor* CustomerService::FindDuplicateCustomers(
    grpc::CallbackServerContext* context, const v1::FindDuplicateCustomersRequest* request,
    v1::FindDuplicateCustomersResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return FindDuplicates(call...); });
}
grpc::ServerUnaryReactor* CustomerService::BatchCheckCustomers(
    grpc::CallbackServerContext* context, const v1::BatchCheckCustomersRequest* request,
    v1::BatchCheckCustomersResponse* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return BatchCheck(call...); });
}
grpc::ServerBidiReactor<v1::ImportCustomersRequest, v1::ImportCustomersResponse>*
CustomerService::ImportCustomers(grpc::CallbackServerContext* context) {
  return rpc_.RunBidi<v1::ImportCustomersRequest, v1::ImportCustomersResponse>(
      *context, [this](auto&... call) { return Import(call...); });
}
grpc::ServerWriteReactor<v1::ExportCustomersResponse>* CustomerService::ExportCustomers(
    grpc::CallbackServerContext* context, const v1::ExportCustomersRequest* request) {
  return rpc_.RunServerStream<v1::ExportCustomersResponse>(
      *context, *request, [this](auto&... call) { return Export(call...); });
}

}  // namespace milepost::customer
