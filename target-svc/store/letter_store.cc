#include "target-svc/store/letter_store.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "platform/change/change.h"
#include "target-svc/domain/errors.h"
#include "target-svc/store/resources.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "plan_id, letter_id, member_id, title, plan_version, metric_id, currency_code, first_date, "
    "last_date, targets, kpis, rewards, state, drafter_id, content_hash, owner_signer_id, "
    "owner_sign_time, owner_sign_hash, manager_signer_id, manager_sign_time, manager_sign_hash, "
    "withdraw_reason, version, create_time, update_time";

// Lists inside a column: fields and records end with characters that no text of a request may have.
constexpr char kFieldEnd[] = "\x1f";
constexpr char kRecordEnd[] = "\x1e";

std::string Encode(const std::vector<std::string>& fields) {
  std::string text;
  for (const std::string& field : fields) absl::StrAppend(&text, field, kFieldEnd);
  return text + kRecordEnd;
}

std::vector<std::vector<std::string>> Decode(const std::string& text) {
  std::vector<std::vector<std::string>> records;
  for (const std::string& record :
       std::vector<std::string>(absl::StrSplit(text, kRecordEnd, absl::SkipEmpty()))) {
    records.push_back(absl::StrSplit(record, kFieldEnd));
  }
  return records;
}

int64_t Number(const std::string& text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

absl::CivilDay Day(const std::string& text) {
  absl::CivilDay day;
  absl::ParseCivilTime(text, &day);
  return day;
}

std::string EncodeTargets(const std::vector<LetterTarget>& targets) {
  std::string text;
  for (const LetterTarget& t : targets) {
    text += Encode({t.node_id, t.display_name, absl::FormatCivilTime(t.scope.period.first),
                    absl::FormatCivilTime(t.scope.period.last), t.scope.unit_id, t.scope.member_id,
                    t.scope.product_id, t.scope.channel, t.scope.region, t.scope.customer_id,
                    absl::StrCat(t.target_units)});
  }
  return text;
}

std::vector<LetterTarget> DecodeTargets(const std::string& text) {
  std::vector<LetterTarget> targets;
  for (const std::vector<std::string>& f : Decode(text)) {
    if (f.size() != 12) continue;
    targets.push_back(
        {f[0], f[1], {{Day(f[2]), Day(f[3])}, f[4], f[5], f[6], f[7], f[8], f[9]}, Number(f[10])});
  }
  return targets;
}

std::string EncodeKpis(const std::vector<LetterKpi>& kpis) {
  std::string text;
  for (const LetterKpi& kpi : kpis) {
    text +=
        Encode({kpi.display_name, absl::StrCat(kpi.weight_ppm), kpi.metric_id, kpi.description});
  }
  return text;
}

std::vector<LetterKpi> DecodeKpis(const std::string& text) {
  std::vector<LetterKpi> kpis;
  for (const std::vector<std::string>& f : Decode(text)) {
    if (f.size() == 5) kpis.push_back({f[0], Number(f[1]), f[2], f[3]});
  }
  return kpis;
}

std::optional<LetterSignature> SignatureOf(const db::Row& row, size_t first) {
  const std::optional<absl::Time> time = row.OptionalTime(first + 1);
  if (!time) return std::nullopt;
  return LetterSignature{row.String(first), *time, row.String(first + 2)};
}

Letter LetterOf(const db::Row& row) {
  Letter letter;
  letter.plan_id = row.String(0);
  letter.id = row.String(1);
  letter.member_id = row.String(2);
  letter.title = row.String(3);
  letter.plan_version = row.Int64(4);
  letter.metric_id = row.String(5);
  letter.currency_code = row.String(6);
  letter.period = {row.Day(7), row.Day(8)};
  letter.targets = DecodeTargets(row.String(9));
  letter.kpis = DecodeKpis(row.String(10));
  letter.rewards = row.String(11);
  letter.state = static_cast<LetterState>(row.Int64(12));
  letter.drafter_id = row.String(13);
  letter.content_hash = row.String(14);
  letter.owner_signature = SignatureOf(row, 15);
  letter.manager_signature = SignatureOf(row, 18);
  letter.withdraw_reason = row.String(21);
  letter.version = row.Int64(22);
  letter.create_time = row.Time(23);
  letter.update_time = row.Time(24);
  return letter;
}

struct SignatureColumns {
  std::string member_id;
  std::optional<absl::Time> sign_time;
  std::string content_hash;
};

SignatureColumns ColumnsOf(const std::optional<LetterSignature>& signature) {
  if (!signature) return {};
  return {signature->member_id, signature->sign_time, signature->content_hash};
}

}  // namespace

absl::StatusOr<Letter> LetterStore::Load(db::Snapshot& snapshot, const std::string& plan_id,
                                         const std::string& letter_id) const {
  static const std::string sql = absl::StrCat(
      "SELECT ", kColumns, " FROM letters WHERE plan_id = ? AND letter_id = ? LIMIT 1");
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"load_letter", sql}, plan_id, letter_id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(Letter{.plan_id = plan_id, .id = letter_id}.Name());
  return LetterOf(rows->front());
}

absl::StatusOr<std::vector<Letter>> LetterStore::List(db::Snapshot& snapshot,
                                                      const std::string& plan_id,
                                                      const Filter& filter,
                                                      const std::string& after, int limit) const {
  std::string sql =
      absl::StrCat("SELECT ", kColumns, " FROM letters WHERE plan_id = ? AND letter_id > ?");
  std::vector<db::Value> values{db::Value(plan_id), db::Value(after)};
  if (!filter.member_id.empty()) {
    sql += " AND member_id = ?";
    values.emplace_back(filter.member_id);
  }
  if (filter.state) {
    sql += " AND state = ?";
    values.emplace_back(static_cast<int>(*filter.state));
  }
  sql += " ORDER BY letter_id LIMIT ?";
  values.emplace_back(limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_letters", sql}, values);
  if (!rows.ok()) return rows.status();
  std::vector<Letter> letters;
  for (const db::Row& row : *rows) letters.push_back(LetterOf(row));
  return letters;
}

absl::StatusOr<Letter> LetterStore::Insert(db::Transaction& tx, const change::Context& why,
                                           Letter letter) const {
  static const std::string insert =
      absl::StrCat("INSERT INTO letters (", kColumns, ") VALUES (", db::Placeholders(25), ")");
  const Letter& l = letter;
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      {"insert_letter", insert}, l.plan_id, l.id, l.member_id, l.title, l.plan_version, l.metric_id,
      l.currency_code, l.period.first, l.period.last, EncodeTargets(l.targets), EncodeKpis(l.kpis),
      l.rewards, static_cast<int>(l.state), l.drafter_id, l.content_hash, "",
      std::optional<absl::Time>(), "", "", std::optional<absl::Time>(), "", l.withdraw_reason,
      int64_t{1}, l.create_time, l.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status())) return error::AlreadyExists(letter.Name());
    return inserted.status();
  }
  letter.version = 1;
  const v1::Letter state = ToProto(letter);
  if (absl::Status s =
          change::Record(tx, why, {"letter.drafted", "letter", state.name(), 1, state});
      !s.ok())
    return s;
  return letter;
}

absl::StatusOr<Letter> LetterStore::Save(db::Transaction& tx, const change::Context& why,
                                         const std::string& event_type, const Letter& before,
                                         Letter letter) const {
  static constexpr db::Statement kContent{
      "save_letter_content",
      "UPDATE letters SET title = ?, plan_version = ?, first_date = ?, last_date = ?, targets = ?, "
      "kpis = ?, rewards = ?, content_hash = ? WHERE plan_id = ? AND letter_id = ? AND version = ? "
      "AND owner_sign_time IS NULL"};
  static constexpr db::Statement kSave{
      "save_letter",
      "UPDATE letters SET state = ?, owner_signer_id = ?, owner_sign_time = ?, owner_sign_hash = "
      "?, manager_signer_id = ?, manager_sign_time = ?, manager_sign_hash = ?, withdraw_reason = "
      "?, update_time = ?, version = version + 1 WHERE plan_id = ? AND letter_id = ? AND version "
      "= ?"};
  const Letter& l = letter;
  if (l.content_hash != before.content_hash) {
    const absl::StatusOr<int64_t> written = tx.Execute(
        kContent, l.title, l.plan_version, l.period.first, l.period.last, EncodeTargets(l.targets),
        EncodeKpis(l.kpis), l.rewards, l.content_hash, l.plan_id, l.id, before.version);
    if (!written.ok()) return written.status();
    if (*written != 1) return error::StaleEtag(letter.Name());
  }
  const SignatureColumns owner = ColumnsOf(l.owner_signature);
  const SignatureColumns manager = ColumnsOf(l.manager_signature);
  const absl::StatusOr<int64_t> saved =
      tx.Execute(kSave, static_cast<int>(l.state), owner.member_id, owner.sign_time,
                 owner.content_hash, manager.member_id, manager.sign_time, manager.content_hash,
                 l.withdraw_reason, l.update_time, l.plan_id, l.id, before.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(letter.Name());
  letter.version = before.version + 1;
  const v1::Letter state = ToProto(letter);
  if (absl::Status s = change::Record(
          tx, why,
          {event_type, "letter", state.name(), letter.version, state, false, before.update_time});
      !s.ok()) {
    return s;
  }
  return letter;
}

}  // namespace milepost::target
