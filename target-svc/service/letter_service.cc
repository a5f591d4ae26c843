#include "target-svc/service/letter_service.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/resource/page_token.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/field_check.h"
#include "target-svc/domain/limits.h"
#include "target-svc/service/plan_view.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr char kLetters[] = "letters";
constexpr size_t kMaxPresentedText = 500'000;
constexpr size_t kHashDigits = 64;

const std::set<std::string>& ContentFields() {
  static const std::set<std::string> fields{"title", "period", "targets", "kpis", "rewards"};
  return fields;
}

std::vector<LetterKpi> ReadKpis(const v1::Letter& message, Reader& reader) {
  std::vector<LetterKpi> kpis;
  CheckSize(static_cast<size_t>(message.kpis_size()), 0, kMaxLetterKpis, "KPIs", "letter.kpis",
            reader.violations());
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < message.kpis_size(); ++i) {
    const v1::Letter::Kpi& kpi = message.kpis(i);
    const std::string field = At("letter.kpis", static_cast<size_t>(i));
    LetterKpi read;
    read.display_name =
        reader.Text(kpi.display_name(), field + ".display_name", kMaxDisplayName, Need::kRequired);
    if (!read.display_name.empty() && !seen.insert(read.display_name).second)
      reader.Add(field + ".display_name", absl::StrCat(read.display_name, " is there twice"));
    read.weight_ppm = reader.Number(kpi.weight_ppm(), field + ".weight_ppm", 1, kPpm);
    read.metric_id = reader.Name("metrics", kpi.metric(), field + ".metric", Need::kOptional);
    read.description = reader.Text(kpi.description(), field + ".description", kMaxNote);
    kpis.push_back(std::move(read));
  }
  if (!WeightsAddUp(kpis)) {
    int64_t sum = 0;
    for (const LetterKpi& kpi : kpis) sum += kpi.weight_ppm;
    reader.Add("letter.kpis",
               absl::StrCat("weights add up to ", sum, " ppm, must be ", kPpm, " together"));
  }
  return kpis;
}

std::vector<LetterTarget> ReadTargets(const v1::Letter& message, const std::string& plan_id,
                                      Reader& reader) {
  std::vector<LetterTarget> targets;
  CheckSize(static_cast<size_t>(message.targets_size()), 1, kMaxLetterTargets, "targets",
            "letter.targets", reader.violations());
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < message.targets_size(); ++i) {
    const std::string field = At("letter.targets", static_cast<size_t>(i)) + ".node";
    const Reader::NodeIds ids = reader.NodeName(message.targets(i).node(), field, Need::kRequired);
    if (!ids.node.empty() && ids.plan != plan_id) reader.Add(field, "is a node of another plan");
    if (!ids.node.empty() && !seen.insert(ids.node).second) reader.Add(field, "is there twice");
    targets.push_back({.node_id = ids.node});
  }
  return targets;
}

void ReadContent(const v1::Letter& message, const std::set<std::string>& fields,
                 const std::string& plan_id, Reader& reader, Letter& letter) {
  if (fields.contains("title"))
    letter.title = reader.Text(message.title(), "letter.title", kMaxTitle, Need::kRequired);
  if (fields.contains("period")) {
    const auto days =
        reader.Days(message.has_period(), message.period(), "letter.period", Need::kOptional);
    // Not set: that of the plan.
    letter.period = days.value_or(DayRange{kForever, kForever});
  }
  if (fields.contains("targets")) letter.targets = ReadTargets(message, plan_id, reader);
  if (fields.contains("kpis")) letter.kpis = ReadKpis(message, reader);
  if (fields.contains("rewards"))
    letter.rewards = reader.Text(message.rewards(), "letter.rewards", kMaxRewards);
}

std::map<std::string, int64_t> UnitsOf(const std::vector<Node>& nodes) {
  std::map<std::string, int64_t> units;
  for (const Node& node : nodes) units[node.id] = node.target_units;
  return units;
}

}  // namespace

LetterService::LetterService(rpc::Runner& rpc, Directory& directory)
    : rpc_(rpc), directory_(directory) {
  rpc_.Register<v1::LetterService>();
}

grpc::ServerUnaryReactor* LetterService::GetLetter(grpc::CallbackServerContext* context,
                                                   const v1::GetLetterRequest* request,
                                                   v1::Letter* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Get(call...); });
}
grpc::ServerUnaryReactor* LetterService::ListLetters(grpc::CallbackServerContext* context,
                                                     const v1::ListLettersRequest* request,
                                                     v1::ListLettersResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return List(call...); });
}
grpc::ServerUnaryReactor* LetterService::CreateLetter(grpc::CallbackServerContext* context,
                                                      const v1::CreateLetterRequest* request,
                                                      v1::Letter* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Create(call...); });
}
grpc::ServerUnaryReactor* LetterService::UpdateLetter(grpc::CallbackServerContext* context,
                                                      const v1::UpdateLetterRequest* request,
                                                      v1::Letter* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Update(call...); });
}
grpc::ServerUnaryReactor* LetterService::SignLetter(grpc::CallbackServerContext* context,
                                                    const v1::SignLetterRequest* request,
                                                    v1::Letter* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Sign(call...); });
}
grpc::ServerUnaryReactor* LetterService::WithdrawLetter(grpc::CallbackServerContext* context,
                                                        const v1::WithdrawLetterRequest* request,
                                                        v1::Letter* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Withdraw(call...); });
}
grpc::ServerUnaryReactor* LetterService::VerifyLetter(grpc::CallbackServerContext* context,
                                                      const v1::VerifyLetterRequest* request,
                                                      v1::VerifyLetterResponse* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Verify(call...); });
}

absl::StatusOr<Letter> LetterService::FindLetter(const rpc::Caller& caller, db::Snapshot& snapshot,
                                                 const Reader::NodeIds& ids,
                                                 const std::string& name) const {
  absl::StatusOr<Letter> letter = letters_.Load(snapshot, ids.plan, ids.node);
  if (!letter.ok()) return letter.status();
  if (!caller.scope().MaySeePersonal(letter->member_id)) return error::NotFound(name);
  return letter;
}

absl::StatusOr<std::vector<Node>> LetterService::TargetNodes(db::Snapshot& snapshot,
                                                             const Letter& letter) const {
  std::vector<std::string> ids;
  for (const LetterTarget& target : letter.targets) ids.push_back(target.node_id);
  return plans_.LoadNodes(snapshot, letter.plan_id, ids);
}

LetterService::LetterResult LetterService::Get(const rpc::Caller& caller, db::Session& db,
                                               const v1::GetLetterRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kLetters, request.name(), "name", Need::kRequired);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> LetterResult {
    const absl::StatusOr<Letter> letter = FindLetter(caller, snapshot, ids, request.name());
    if (!letter.ok()) return letter.status();
    return ToProto(*letter);
  });
}

absl::StatusOr<v1::ListLettersResponse> LetterService::List(const rpc::Caller& caller,
                                                            db::Session& db,
                                                            const v1::ListLettersRequest& request) {
  Reader reader;
  const std::string plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  LetterStore::Filter filter;
  filter.member_id = reader.Name("members", request.member(), "member", Need::kOptional);
  reader.Choice(request.state(), "state", v1::Letter::State_IsValid);
  if (request.state() != v1::Letter::STATE_UNSPECIFIED)
    filter.state = static_cast<LetterState>(request.state());
  const resource::Page page = resource::ReadPage(request, 1, reader.violations());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::ListLettersResponse> {
    const absl::StatusOr<Plan> plan = plans_.Load(snapshot, plan_id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, snapshot, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    v1::ListLettersResponse response;
    std::string after = page.after.empty() ? "" : page.after[0];
    std::string last_id;
    while (true) {
      const absl::StatusOr<std::vector<Letter>> letters =
          letters_.List(snapshot, plan_id, filter, after, page.size + 1);
      if (!letters.ok()) return letters.status();
      for (const Letter& letter : *letters) {
        after = letter.id;
        if (!caller.scope().MaySeePersonal(letter.member_id)) continue;
        if (response.letters_size() == page.size) {
          response.set_next_page_token(resource::NextPageToken(request, {last_id}));
          return response;
        }
        last_id = letter.id;
        *response.add_letters() = ToProto(letter);
      }
      if (letters->size() <= static_cast<size_t>(page.size)) return response;
    }
  });
}

absl::StatusOr<Letter> LetterService::Complete(db::Snapshot& snapshot, const Plan& plan,
                                               Letter letter) {
  if (letter.period.first == kForever) letter.period = plan.period;
  if (letter.period.first < plan.period.first || letter.period.last > plan.period.last) {
    status::FieldViolations violations;
    violations.Add("letter.period", absl::StrCat("must be inside the period of the plan, ",
                                                 absl::FormatCivilTime(plan.period.first), " to ",
                                                 absl::FormatCivilTime(plan.period.last)));
    return violations.ToStatus();
  }
  for (const LetterKpi& kpi : letter.kpis) {
    if (kpi.metric_id.empty()) continue;
    const absl::Status there = metrics_.Load(snapshot, kpi.metric_id).status();
    if (absl::IsNotFound(there))
      return error::ReferenceMissing(resource::Name("metrics", kpi.metric_id));
    if (!there.ok()) return there;
  }
  const absl::StatusOr<std::vector<Node>> nodes = TargetNodes(snapshot, letter);
  if (!nodes.ok()) return nodes.status();
  const absl::StatusOr<Actor> member = directory_.StandingOf(letter.member_id, snapshot);
  if (!member.ok()) return member.status();
  return WithTargets(std::move(letter), plan, *nodes, *member);
}

LetterService::LetterResult LetterService::Create(const rpc::Caller& caller, db::Session& db,
                                                  const v1::CreateLetterRequest& request) {
  Reader reader;
  const v1::Letter& message = request.letter();
  Letter draft;
  draft.plan_id = reader.Name("plans", request.plan(), "plan", Need::kRequired);
  draft.id = reader.Id(request.letter_id(), "letter_id", Need::kOptional);
  if (draft.id.empty()) draft.id = resource::NewId('l', directory_.clock().Now());
  if (!request.has_letter()) reader.Add("letter", "is required");
  draft.member_id = reader.Name("members", message.member(), "letter.member", Need::kRequired);
  ReadContent(message, ContentFields(), draft.plan_id, reader, draft);
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Transact([&](db::Transaction& tx) -> LetterResult {
    const absl::StatusOr<Plan> plan = plans_.LoadForUpdate(tx, draft.plan_id);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<PlanView> view = ViewOf(caller, tx, directory_, plans_, *plan);
    if (!view.ok()) return view.status();
    const absl::StatusOr<TargetOwner> owner =
        directory_.OwnerOf({.member_id = draft.member_id}, tx);
    if (absl::IsNotFound(owner.status())) return error::ReferenceMissing(message.member());
    if (!owner.ok()) return owner.status();
    const LetterCase c{*plan, *owner, view->actor, directory_.clock().Now()};
    if (absl::Status s = CheckDraft(draft, c); !s.ok()) return s;
    absl::StatusOr<Letter> letter = Complete(tx, *plan, draft);
    if (!letter.ok()) return letter.status();
    letter = ApplyDraft(*std::move(letter), c);
    if (!letter.ok()) return letter.status();
    const absl::StatusOr<Letter> inserted =
        letters_.Insert(tx, caller.Change(request), *std::move(letter));
    if (!inserted.ok()) return inserted.status();
    return ToProto(*inserted);
  });
}

template <typename Change>
LetterService::LetterResult LetterService::ChangeLetter(const rpc::Caller& caller, db::Session& db,
                                                        const google::protobuf::Message& request,
                                                        const Reader::NodeIds& ids,
                                                        const std::string& name,
                                                        std::optional<int64_t> version,
                                                        Change change) {
  return db.Transact([&](db::Transaction& tx) -> LetterResult {
    const absl::StatusOr<Plan> plan = plans_.LoadForUpdate(tx, ids.plan);
    if (absl::IsNotFound(plan.status())) return error::NotFound(name);
    if (!plan.ok()) return plan.status();
    const absl::StatusOr<Letter> before = FindLetter(caller, tx, ids, name);
    if (!before.ok()) return before.status();
    if (version && *version != before->version) return error::StaleEtag(name);
    const absl::StatusOr<Actor> actor = directory_.ActorOf(caller, tx);
    if (!actor.ok()) return actor.status();
    const absl::StatusOr<TargetOwner> owner =
        directory_.OwnerOf({.member_id = before->member_id}, tx);
    if (!owner.ok()) return owner.status();
    const LetterCase c{*plan, *owner, *actor, directory_.clock().NowAfter(before->update_time)};
    std::string event_type;
    absl::StatusOr<Letter> next = change(tx, *before, c, event_type);
    if (!next.ok()) return next.status();
    const absl::StatusOr<Letter> saved =
        letters_.Save(tx, caller.Change(request), event_type, *before, *std::move(next));
    if (!saved.ok()) return saved.status();
    return ToProto(*saved);
  });
}

LetterService::LetterResult LetterService::Update(const rpc::Caller& caller, db::Session& db,
                                                  const v1::UpdateLetterRequest& request) {
  Reader reader;
  const Reader::NodeIds ids =
      reader.PlanPart(kLetters, request.letter().name(), "letter.name", Need::kRequired);
  const std::set<std::string> fields = resource::ReadUpdateMask(
      request.update_mask(), request.letter(), ContentFields(), reader.violations());
  Letter values;
  ReadContent(request.letter(), fields, ids.plan, reader, values);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeLetter(caller, db, request, ids, request.letter().name(), version,
                      [&](db::Transaction& tx, Letter letter, const LetterCase& c,
                          std::string& event_type) -> absl::StatusOr<Letter> {
                        event_type = "letter.updated";
                        if (absl::Status s = CheckDraft(letter, c); !s.ok()) return s;
                        if (fields.contains("title")) letter.title = values.title;
                        if (fields.contains("period")) letter.period = values.period;
                        if (fields.contains("targets")) letter.targets = values.targets;
                        if (fields.contains("kpis")) letter.kpis = values.kpis;
                        if (fields.contains("rewards")) letter.rewards = values.rewards;
                        absl::StatusOr<Letter> complete = Complete(tx, c.plan, std::move(letter));
                        if (!complete.ok()) return complete.status();
                        return ApplyDraft(*std::move(complete), c);
                      });
}

LetterService::LetterResult LetterService::Sign(const rpc::Caller& caller, db::Session& db,
                                                const v1::SignLetterRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kLetters, request.name(), "name", Need::kRequired);
  if (request.content_hash().empty()) reader.Add("content_hash", "is required");
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeLetter(caller, db, request, ids, request.name(), version,
                      [&](db::Transaction& tx, Letter letter, const LetterCase& c,
                          std::string& event_type) -> absl::StatusOr<Letter> {
                        const absl::StatusOr<std::vector<Node>> nodes = TargetNodes(tx, letter);
                        if (!nodes.ok()) return nodes.status();
                        absl::StatusOr<Letter> signed_letter =
                            ApplySign(std::move(letter), c, request.content_hash(), *nodes);
                        if (!signed_letter.ok()) return signed_letter.status();
                        event_type = signed_letter->state == LetterState::kSigned
                                         ? "letter.signed"
                                         : "letter.owner-signed";
                        return signed_letter;
                      });
}

LetterService::LetterResult LetterService::Withdraw(const rpc::Caller& caller, db::Session& db,
                                                    const v1::WithdrawLetterRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kLetters, request.name(), "name", Need::kRequired);
  const std::string reason = reader.Text(request.reason(), "reason", kMaxReason, Need::kRequired);
  const std::optional<int64_t> version = reader.Etag(request.etag());
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return ChangeLetter(caller, db, request, ids, request.name(), version,
                      [&](db::Transaction&, Letter letter, const LetterCase& c,
                          std::string& event_type) -> absl::StatusOr<Letter> {
                        event_type = "letter.withdrawn";
                        return ApplyWithdrawLetter(std::move(letter), c, reason);
                      });
}

absl::StatusOr<v1::VerifyLetterResponse> LetterService::Verify(
    const rpc::Caller& caller, db::Session& db, const v1::VerifyLetterRequest& request) {
  Reader reader;
  const Reader::NodeIds ids = reader.PlanPart(kLetters, request.name(), "name", Need::kRequired);
  const std::string presented_hash = absl::AsciiStrToLower(request.presented_hash());
  if (!presented_hash.empty() &&
      (presented_hash.size() != kHashDigits ||
       presented_hash.find_first_not_of("0123456789abcdef") != std::string::npos)) {
    reader.Add("presented_hash", absl::StrCat("must be ", kHashDigits, " hexadecimal digits"));
  }
  if (request.presented_text().size() > kMaxPresentedText) {
    reader.Add("presented_text", absl::StrCat("has ", request.presented_text().size(),
                                              " bytes; the limit is ", kMaxPresentedText));
  }
  if (absl::Status s = reader.status(); !s.ok()) return s;
  return db.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::VerifyLetterResponse> {
    const absl::StatusOr<Letter> letter = FindLetter(caller, snapshot, ids, request.name());
    if (!letter.ok()) return letter.status();
    std::map<std::string, int64_t> then;
    for (const LetterTarget& target : letter->targets) {
      const absl::StatusOr<Node> node =
          plans_.LoadNode(snapshot, letter->plan_id, target.node_id, letter->plan_version);
      if (node.ok()) {
        then[target.node_id] = node->target_units;
      } else if (!absl::IsNotFound(node.status())) {
        return node.status();
      }
    }
    const absl::StatusOr<std::vector<Node>> nodes = TargetNodes(snapshot, *letter);
    if (!nodes.ok()) return nodes.status();
    const std::map<std::string, int64_t> now = UnitsOf(*nodes);

    v1::VerifyLetterResponse response;
    response.set_plan_agrees(true);
    response.set_current(true);
    for (const LetterTarget& target : letter->targets) {
      const auto was = then.find(target.node_id);
      const auto is = now.find(target.node_id);
      const bool agrees = was != then.end() && was->second == target.target_units;
      const bool current = is != now.end() && is->second == target.target_units;
      if (agrees && current) continue;
      if (!agrees) response.set_plan_agrees(false);
      if (!current) response.set_current(false);
      v1::VerifyLetterResponse::Difference& difference = *response.add_differences();
      difference.set_node(resource::Name("plans", letter->plan_id, "nodes", target.node_id));
      difference.set_letter_units(target.target_units);
      if (was != then.end()) difference.set_signed_version_units(was->second);
      if (is != now.end()) difference.set_newest_units(is->second);
    }
    const std::string text = CanonicalText(*letter);
    const std::string hash = HashOf(text);
    response.set_canonical_text(text);
    response.set_content_hash(hash);
    response.set_state(static_cast<v1::Letter::State>(letter->state));
    response.set_content_intact(hash == letter->content_hash);
    const auto intact = [&](const std::optional<LetterSignature>& signature) {
      return !signature || signature->content_hash == hash;
    };
    response.set_signatures_intact(intact(letter->owner_signature) &&
                                   intact(letter->manager_signature));
    bool valid = letter->state == LetterState::kSigned && response.content_intact() &&
                 response.signatures_intact() && response.plan_agrees();
    if (!presented_hash.empty()) {
      response.set_presented_hash_matches(presented_hash == hash);
      valid = valid && response.presented_hash_matches();
    }
    if (!request.presented_text().empty()) {
      response.set_presented_text_matches(request.presented_text() == text);
      valid = valid && response.presented_text_matches();
    }
    response.set_valid(valid);
    return response;
  });
}

}  // namespace milepost::target
