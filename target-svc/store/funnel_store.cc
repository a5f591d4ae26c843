#include "target-svc/store/funnel_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/change/change.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"
#include "target-svc/domain/errors.h"

namespace milepost::target {
namespace {

constexpr char kColumns[] =
    "funnel_id, owner_id, unit_id, state, version, create_time, update_time";

StoredFunnel FunnelOf(const db::Row& row) {
  StoredFunnel funnel;
  funnel.id = row.String(0);
  funnel.owner_id = row.String(1);
  funnel.unit_id = row.String(2);
  funnel.state.ParseFromString(row.String(3));
  funnel.version = row.Int64(4);
  funnel.create_time = row.Time(5);
  funnel.update_time = row.Time(6);
  return funnel;
}

absl::StatusOr<StoredFunnel> LoadWith(db::Snapshot& snapshot, const std::string& id,
                                      const char* lock) {
  const std::string sql = absl::StrCat(
      "SELECT ", kColumns, " FROM funnels WHERE funnel_id = ? AND deleted = 0 LIMIT 1", lock);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"load_funnel", sql}, {db::Value(id)});
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(resource::Name("funnels", id));
  return FunnelOf(rows->front());
}

}  // namespace

v1::Funnel ToProto(const StoredFunnel& funnel) {
  v1::Funnel message = funnel.state;
  message.set_name(resource::Name("funnels", funnel.id));
  *message.mutable_create_time() = milepost::ToProto(funnel.create_time);
  *message.mutable_update_time() = milepost::ToProto(funnel.update_time);
  message.set_etag(resource::Etag(funnel.version));
  return message;
}

absl::StatusOr<StoredFunnel> FunnelStore::Load(db::Snapshot& snapshot,
                                               const std::string& id) const {
  return LoadWith(snapshot, id, "");
}

absl::StatusOr<StoredFunnel> FunnelStore::LoadForUpdate(db::Transaction& tx,
                                                        const std::string& id) const {
  return LoadWith(tx, id, " FOR UPDATE");
}

absl::StatusOr<std::vector<StoredFunnel>> FunnelStore::List(db::Snapshot& snapshot,
                                                            const std::string& after,
                                                            int limit) const {
  const std::string sql =
      absl::StrCat("SELECT ", kColumns,
                   " FROM funnels WHERE funnel_id > ? AND deleted = 0 ORDER BY funnel_id LIMIT ?");
  const absl::StatusOr<db::Rows> rows =
      snapshot.QueryValues({"list_funnels", sql}, {db::Value(after), db::Value(limit)});
  if (!rows.ok()) return rows.status();
  std::vector<StoredFunnel> funnels;
  for (const db::Row& row : *rows) funnels.push_back(FunnelOf(row));
  return funnels;
}

absl::StatusOr<StoredFunnel> FunnelStore::Insert(db::Transaction& tx, const change::Context& why,
                                                 StoredFunnel funnel) const {
  static constexpr db::Statement kInsert{
      "insert_funnel",
      "INSERT INTO funnels (funnel_id, owner_id, unit_id, state, deleted, version, create_time,"
      " update_time) VALUES (?, ?, ?, ?, 0, 1, ?, ?)"};
  const absl::StatusOr<int64_t> inserted = tx.Execute(
      kInsert, funnel.id, funnel.owner_id, funnel.unit_id,
      db::Bytes{funnel.state.SerializeAsString()}, funnel.create_time, funnel.update_time);
  if (!inserted.ok()) {
    if (db::DuplicateKey(inserted.status()))
      return error::AlreadyExists(resource::Name("funnels", funnel.id));
    return inserted.status();
  }
  funnel.version = 1;
  const v1::Funnel state = ToProto(funnel);
  if (absl::Status s =
          change::Record(tx, why, {"funnel.created", "funnel", state.name(), 1, state});
      !s.ok()) {
    return s;
  }
  return funnel;
}

absl::StatusOr<StoredFunnel> FunnelStore::Save(db::Transaction& tx, const change::Context& why,
                                               const std::string& type, StoredFunnel funnel,
                                               absl::Time previous_update_time) const {
  static constexpr db::Statement kSave{
      "save_funnel",
      "UPDATE funnels SET state = ?, update_time = ?, version = version + 1"
      " WHERE funnel_id = ? AND version = ?"};
  const absl::StatusOr<int64_t> saved =
      tx.Execute(kSave, db::Bytes{funnel.state.SerializeAsString()}, funnel.update_time, funnel.id,
                 funnel.version);
  if (!saved.ok()) return saved.status();
  if (*saved != 1) return error::StaleEtag(resource::Name("funnels", funnel.id));
  ++funnel.version;
  const v1::Funnel state = ToProto(funnel);
  if (absl::Status s = change::Record(
          tx, why,
          {type, "funnel", state.name(), funnel.version, state, false, previous_update_time});
      !s.ok()) {
    return s;
  }
  return funnel;
}

absl::Status FunnelStore::Delete(db::Transaction& tx, const change::Context& why,
                                 StoredFunnel funnel, absl::Time now) const {
  static constexpr db::Statement kDelete{
      "delete_funnel",
      "UPDATE funnels SET deleted = 1, update_time = ?, version = version + 1"
      " WHERE funnel_id = ? AND version = ?"};
  const absl::StatusOr<int64_t> deleted = tx.Execute(kDelete, now, funnel.id, funnel.version);
  if (!deleted.ok()) return deleted.status();
  if (*deleted != 1) return error::StaleEtag(resource::Name("funnels", funnel.id));
  const absl::Time before = funnel.update_time;
  funnel.update_time = now;
  ++funnel.version;
  const v1::Funnel state = ToProto(funnel);
  return change::Record(
      tx, why, {"funnel.deleted", "funnel", state.name(), funnel.version, state, true, before});
}

}  // namespace milepost::target
