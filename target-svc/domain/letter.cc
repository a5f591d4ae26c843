#include "target-svc/domain/letter.h"

#include <openssl/sha.h>

#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

std::string NameOf(const char* collection, const std::string& id) {
  return id.empty() ? "" : absl::StrCat(collection, "/", id);
}

// Lines of `key=value`.
class CanonicalWriter {
 public:
  void Add(const std::string& key, const std::string& value) {
    absl::StrAppend(&text_, key, "=",
                    absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\n", "\\n"}, {"\r", "\\r"}}),
                    "\n");
  }
  void Add(const std::string& key, int64_t value) { Add(key, absl::StrCat(value)); }
  void Add(const std::string& key, absl::CivilDay day) { Add(key, absl::FormatCivilTime(day)); }

  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

absl::Status CheckPlan(const Plan& plan) {
  if (plan.state == PlanState::kApproved || plan.state == PlanState::kActive)
    return absl::OkStatus();
  return error::WrongPlanState(absl::StrCat("plans/", plan.id), plan.state,
                               {PlanState::kApproved, PlanState::kActive});
}

LetterTarget TargetOf(const Node& node) {
  return {node.id, node.display_name, node.scope, node.target_units};
}

std::map<std::string, const Node*> ById(const std::vector<Node>& nodes) {
  std::map<std::string, const Node*> by_id;
  for (const Node& node : nodes) by_id[node.id] = &node;
  return by_id;
}

absl::Status CheckCurrent(const Letter& letter, const std::vector<Node>& nodes) {
  const std::map<std::string, const Node*> now = ById(nodes);
  for (const LetterTarget& target : letter.targets) {
    const auto found = now.find(target.node_id);
    if (found != now.end() && found->second->target_units == target.target_units) continue;
    return error::LetterOutdated(
        letter.Name(), absl::StrCat("plans/", letter.plan_id, "/nodes/", target.node_id),
        target.target_units,
        found == now.end() ? std::nullopt : std::optional(found->second->target_units));
  }
  return absl::OkStatus();
}

}  // namespace

std::string CanonicalText(const Letter& letter) {
  CanonicalWriter out;
  out.Add("format", "milepost-letter-1");
  out.Add("letter", letter.Name());
  out.Add("title", letter.title);
  out.Add("plan", NameOf("plans", letter.plan_id));
  out.Add("plan_version", letter.plan_version);
  out.Add("metric", NameOf("metrics", letter.metric_id));
  out.Add("currency_code", letter.currency_code);
  out.Add("member", NameOf("members", letter.member_id));
  out.Add("first_date", letter.period.first);
  out.Add("last_date", letter.period.last);
  out.Add("targets", static_cast<int64_t>(letter.targets.size()));
  for (size_t i = 0; i < letter.targets.size(); ++i) {
    const LetterTarget& target = letter.targets[i];
    const std::string prefix = absl::StrCat("target.", i + 1, ".");
    out.Add(prefix + "node", absl::StrCat("plans/", letter.plan_id, "/nodes/", target.node_id));
    out.Add(prefix + "display_name", target.display_name);
    out.Add(prefix + "first_date", target.scope.period.first);
    out.Add(prefix + "last_date", target.scope.period.last);
    out.Add(prefix + "unit", NameOf("units", target.scope.unit_id));
    out.Add(prefix + "member", NameOf("members", target.scope.member_id));
    out.Add(prefix + "product", NameOf("products", target.scope.product_id));
    out.Add(prefix + "channel", target.scope.channel);
    out.Add(prefix + "region", target.scope.region);
    out.Add(prefix + "customer", NameOf("customers", target.scope.customer_id));
    out.Add(prefix + "target_units", target.target_units);
  }
  out.Add("kpis", static_cast<int64_t>(letter.kpis.size()));
  for (size_t i = 0; i < letter.kpis.size(); ++i) {
    const LetterKpi& kpi = letter.kpis[i];
    const std::string prefix = absl::StrCat("kpi.", i + 1, ".");
    out.Add(prefix + "display_name", kpi.display_name);
    out.Add(prefix + "weight_ppm", kpi.weight_ppm);
    out.Add(prefix + "metric", NameOf("metrics", kpi.metric_id));
    out.Add(prefix + "description", kpi.description);
  }
  out.Add("rewards", letter.rewards);
  return out.Take();
}

std::string HashOf(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::BytesToHexString(
      std::string(reinterpret_cast<const char*>(digest), SHA256_DIGEST_LENGTH));
}

bool WeightsAddUp(const std::vector<LetterKpi>& kpis) {
  int64_t sum = 0;
  for (const LetterKpi& kpi : kpis) sum += kpi.weight_ppm;
  return kpis.empty() || sum == kPpm;
}

absl::Status CheckDraft(const Letter& letter, const LetterCase& c) {
  if (!DecidesOnTarget(c.actor, c.owner)) return error::MayNotDraft(letter.Name());
  if (letter.state != LetterState::kDraft)
    return error::WrongLetterState(letter.Name(), letter.state, "DRAFT");
  return CheckPlan(c.plan);
}

absl::StatusOr<Letter> WithTargets(Letter letter, const Plan& plan, const std::vector<Node>& nodes,
                                   const Actor& member) {
  const std::map<std::string, const Node*> now = ById(nodes);
  letter.plan_version = plan.version;
  letter.metric_id = plan.metric_id;
  letter.currency_code = plan.currency_code;
  for (LetterTarget& target : letter.targets) {
    const std::string name = absl::StrCat("plans/", plan.id, "/nodes/", target.node_id);
    const auto found = now.find(target.node_id);
    if (found == now.end()) return error::ReferenceMissing(name);
    const Scope& scope = found->second->scope;
    if (!OwnsTarget(member, {scope.member_id, scope.unit_id, ""}))
      return error::NotTheirTarget(name, absl::StrCat("members/", letter.member_id));
    target = TargetOf(*found->second);
  }
  return letter;
}

absl::StatusOr<Letter> ApplyDraft(Letter letter, const LetterCase& c) {
  if (absl::Status s = CheckDraft(letter, c); !s.ok()) return s;
  if (letter.version == 0) {
    letter.drafter_id = c.actor.member_id;
    letter.create_time = c.now;
  }
  letter.content_hash = HashOf(CanonicalText(letter));
  letter.update_time = c.now;
  return letter;
}

absl::StatusOr<Letter> ApplySign(Letter letter, const LetterCase& c, const std::string& seen_hash,
                                 const std::vector<Node>& nodes) {
  const bool owner = c.actor.member_id == letter.member_id;
  if (!owner && !DecidesOnTarget(c.actor, c.owner)) return error::MayNotSign(letter.Name());
  const LetterState turn = owner ? LetterState::kDraft : LetterState::kOwnerSigned;
  if (letter.state != turn) {
    return error::WrongLetterState(
        letter.Name(), letter.state,
        owner ? "DRAFT, which its member signs" : "OWNER_SIGNED, which its manager signs");
  }
  if (absl::Status s = CheckPlan(c.plan); !s.ok()) return s;
  if (absl::Status s = CheckCurrent(letter, nodes); !s.ok()) return s;
  // Computed from what is stored: nobody signs what was tampered with.
  const std::string hash = HashOf(CanonicalText(letter));
  if (hash != letter.content_hash) return error::LetterTampered(letter.Name());
  if (seen_hash != hash) return error::OtherContent(letter.Name(), hash);
  const LetterSignature signature{c.actor.member_id, c.now, hash};
  (owner ? letter.owner_signature : letter.manager_signature) = signature;
  letter.state = owner ? LetterState::kOwnerSigned : LetterState::kSigned;
  letter.update_time = c.now;
  return letter;
}

absl::StatusOr<Letter> ApplyWithdrawLetter(Letter letter, const LetterCase& c,
                                           const std::string& reason) {
  if (!DecidesOnTarget(c.actor, c.owner)) return error::MayNotDraft(letter.Name());
  if (letter.state != LetterState::kDraft && letter.state != LetterState::kOwnerSigned)
    return error::WrongLetterState(letter.Name(), letter.state, "DRAFT or OWNER_SIGNED");
  letter.state = LetterState::kWithdrawn;
  letter.withdraw_reason = reason;
  letter.update_time = c.now;
  return letter;
}

}  // namespace milepost::target
