#include "target-svc/store/scorecard_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

constexpr char kTemplates[] = "scorecardTemplates";
constexpr char kTemplateColumns[] =
    "template_id, owner_id, unit_id, body, version, create_time, update_time";
constexpr char kCardColumns[] =
    "scorecard_id, template_id, member_id, first_date, last_date, body, version, create_time, "
    "update_time";

StoredScorecardTemplate TemplateOf(const db::Row& row) {
  StoredScorecardTemplate stored;
  stored.id = row.String(0);
  stored.owner_id = row.String(1);
  stored.unit_id = row.String(2);
  stored.body.ParseFromString(row.String(3));
  stored.version = row.Int64(4);
  stored.create_time = row.Time(5);
  stored.update_time = row.Time(6);
  return stored;
}

StoredScorecard CardOf(const db::Row& row) {
  StoredScorecard stored;
  stored.id = row.String(0);
  stored.template_id = row.String(1);
  stored.member_id = row.String(2);
  stored.first_day = row.Day(3);
  stored.last_day = row.Day(4);
  stored.body.ParseFromString(row.String(5));
  stored.version = row.Int64(6);
  stored.create_time = row.Time(7);
  stored.update_time = row.Time(8);
  return stored;
}

absl::StatusOr<StoredScorecardTemplate> LoadTemplate(db::Snapshot& snapshot, const std::string& id,
                                                     const char* lock) {
  const std::string sql = absl::StrCat(
      "SELECT ", kTemplateColumns, " FROM scorecard_templates WHERE template_id = ? LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"load_scorecard_template", sql}, id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name(kTemplates, id));
  return TemplateOf(rows->front());
}

absl::StatusOr<StoredScorecard> LoadCard(db::Snapshot& snapshot, const std::string& id,
                                         const char* lock) {
  const std::string sql = absl::StrCat("SELECT ", kCardColumns,
                                       " FROM scorecards WHERE scorecard_id = ? LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows = snapshot.Query({"load_scorecard", sql}, id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name("scorecards", id));
  return CardOf(rows->front());
}

}  // namespace

v1::ScorecardTemplate ToProto(const StoredScorecardTemplate& stored) {
  v1::ScorecardTemplate message = stored.body;
  message.set_name(resource::Name(kTemplates, stored.id));
  *message.mutable_create_time() = milepost::ToProto(stored.create_time);
  *message.mutable_update_time() = milepost::ToProto(stored.update_time);
  message.set_etag(resource::Etag(stored.version));
  return message;
}

v1::Scorecard ToProto(const StoredScorecard& stored) {
  v1::Scorecard message = stored.body;
  message.set_name(resource::Name("scorecards", stored.id));
  *message.mutable_create_time() = milepost::ToProto(stored.create_time);
  *message.mutable_update_time() = milepost::ToProto(stored.update_time);
  message.set_etag(resource::Etag(stored.version));
  return message;
}

absl::StatusOr<StoredScorecardTemplate> ScorecardTemplateStore::Load(db::Snapshot& snapshot,
                                                                     const std::string& id) const {
  return LoadTemplate(snapshot, id, "");
}

absl::StatusOr<StoredScorecardTemplate> ScorecardTemplateStore::LoadForUpdate(
    db::Transaction& tx, const std::string& id) const {
  return LoadTemplate(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<StoredScorecardTemplate>> ScorecardTemplateStore::List(
    db::Snapshot& snapshot, bool show_retired, const std::string& after, int limit) const {
  static const std::string sql =
      absl::StrCat("SELECT ", kTemplateColumns,
                   " FROM scorecard_templates WHERE template_id > ? AND retired <= ?"
                   " ORDER BY template_id LIMIT ?");
  const absl::StatusOr<db::Rows> rows =
      snapshot.Query({"list_scorecard_templates", sql}, after, show_retired, limit);
  if (!rows.ok()) return rows.status();
  std::vector<StoredScorecardTemplate> templates;
  for (const db::Row& row : *rows) templates.push_back(TemplateOf(row));
  return templates;
}

absl::StatusOr<StoredScorecardTemplate> ScorecardTemplateStore::Insert(
    db::Transaction& tx, const change::Context& why, StoredScorecardTemplate stored) const {
  static constexpr db::Statement kInsert{
      "insert_scorecard_template",
      "INSERT INTO scorecard_templates (template_id, owner_id, unit_id, retired, body, version,"
      " create_time, update_time) VALUES (?, ?, ?, ?, ?, 1, ?, ?)"};
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      kInsert, stored.id, stored.owner_id, stored.unit_id, stored.body.retired(),
      db::Bytes{stored.body.SerializeAsString()}, stored.create_time, stored.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status()))
      return error::AlreadyExists(resource::Name(kTemplates, stored.id));
    return inserted.status();
  }
  stored.version = 1;
  const v1::ScorecardTemplate state = ToProto(stored);
  if (absl::Status s = change::Record(
          tx, why, {"scorecard-template.created", "scorecard-template", state.name(), 1, state});
      !s.ok()) {
    return s;
  }
  return stored;
}

absl::StatusOr<StoredScorecardTemplate> ScorecardTemplateStore::Save(
    db::Transaction& tx, const change::Context& why, StoredScorecardTemplate stored,
    absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_scorecard_template",
      "UPDATE scorecard_templates SET retired = ?, body = ?, update_time = ?, version = version + 1"
      " WHERE template_id = ? AND version = ?"};
  const absl::StatusOr<int64_t> saved =
      tx.Execute(kSave, stored.body.retired(), db::Bytes{stored.body.SerializeAsString()},
                 stored.update_time, stored.id, stored.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name(kTemplates, stored.id));
  ++stored.version;
  const v1::ScorecardTemplate state = ToProto(stored);
  if (absl::Status s =
          change::Record(tx, why,
                         {"scorecard-template.updated", "scorecard-template", state.name(),
                          stored.version, state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return stored;
}

absl::StatusOr<StoredScorecard> ScorecardStore::Load(db::Snapshot& snapshot,
                                                     const std::string& id) const {
  return LoadCard(snapshot, id, "");
}

absl::StatusOr<StoredScorecard> ScorecardStore::LoadForUpdate(db::Transaction& tx,
                                                              const std::string& id) const {
  return LoadCard(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<StoredScorecard>> ScorecardStore::List(db::Snapshot& snapshot,
                                                                  const Filter& filter,
                                                                  const std::string& after,
                                                                  int limit) const {
  std::string sql =
      absl::StrCat("SELECT ", kCardColumns, " FROM scorecards WHERE scorecard_id > ?");
  std::vector<db::Value> values{db::Value(after)};
  const auto add = [&](const char* condition, db::Value value) {
    sql += condition;
    values.push_back(std::move(value));
  };
  if (!filter.template_id.empty()) add(" AND template_id = ?", db::Value(filter.template_id));
  if (!filter.member_id.empty()) add(" AND member_id = ?", db::Value(filter.member_id));
  if (filter.state) add(" AND state = ?", db::Value(static_cast<int>(*filter.state)));
  if (filter.first_day) add(" AND last_date >= ?", db::Value(*filter.first_day));
  if (filter.last_day) add(" AND first_date <= ?", db::Value(*filter.last_day));
  add(" ORDER BY scorecard_id LIMIT ?", db::Value(limit));
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_scorecards", sql}, values);
  if (!rows.ok()) return rows.status();
  std::vector<StoredScorecard> cards;
  for (const db::Row& row : *rows) cards.push_back(CardOf(row));
  return cards;
}

absl::StatusOr<StoredScorecard> ScorecardStore::Insert(db::Transaction& tx,
                                                       const change::Context& why,
                                                       StoredScorecard stored) const {
  static constexpr db::Statement kInsert{
      "insert_scorecard",
      "INSERT INTO scorecards (scorecard_id, template_id, member_id, first_date, last_date, state,"
      " body, version, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)"};
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      kInsert, stored.id, stored.template_id, stored.member_id, stored.first_day, stored.last_day,
      static_cast<int>(stored.body.state()), db::Bytes{stored.body.SerializeAsString()},
      stored.create_time, stored.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status())) {
      return error::AlreadyIssued(resource::Name("scorecards", stored.id), stored.body.member(),
                                  absl::FormatCivilTime(stored.first_day));
    }
    return inserted.status();
  }
  stored.version = 1;
  const v1::Scorecard state = ToProto(stored);
  if (absl::Status s =
          change::Record(tx, why, {"scorecard.opened", "scorecard", state.name(), 1, state});
      !s.ok()) {
    return s;
  }
  return stored;
}

absl::StatusOr<StoredScorecard> ScorecardStore::Save(db::Transaction& tx,
                                                     const change::Context& why,
                                                     const std::string& type,
                                                     StoredScorecard stored,
                                                     absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_scorecard",
      "UPDATE scorecards SET state = ?, body = ?, update_time = ?, version = version + 1"
      " WHERE scorecard_id = ? AND version = ?"};
  const absl::StatusOr<int64_t> saved = tx.Execute(kSave, static_cast<int>(stored.body.state()),
                                                   db::Bytes{stored.body.SerializeAsString()},
                                                   stored.update_time, stored.id, stored.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("scorecards", stored.id));
  ++stored.version;
  const v1::Scorecard state = ToProto(stored);
  if (absl::Status s = change::Record(
          tx, why,
          {type, "scorecard", state.name(), stored.version, state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return stored;
}

}  // namespace milepost::target
