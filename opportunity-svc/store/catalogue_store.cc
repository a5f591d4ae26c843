#include "opportunity-svc/store/catalogue_store.h"

#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/store/in_list.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {
namespace {

// What tells the kinds apart.
template <typename Record>
struct Kind;
template <>
struct Kind<Source> {
  using Proto = v1::Source;
  static constexpr int kNumber = 1;
  static constexpr const char* kAggregate = "source";
  static constexpr const char* kCollection = kSources;
  static std::string Parent(const Source&) { return ""; }
};
template <>
struct Kind<ProductLine> {
  using Proto = v1::ProductLine;
  static constexpr int kNumber = 2;
  static constexpr const char* kAggregate = "product_line";
  static constexpr const char* kCollection = kProductLines;
  static std::string Parent(const ProductLine&) { return ""; }
};
template <>
struct Kind<Product> {
  using Proto = v1::Product;
  static constexpr int kNumber = 3;
  static constexpr const char* kAggregate = "product";
  static constexpr const char* kCollection = kProducts;
  static std::string Parent(const Product& product) { return product.product_line; }
};
template <>
struct Kind<Process> {
  using Proto = v1::Process;
  static constexpr int kNumber = 4;
  static constexpr const char* kAggregate = "process";
  static constexpr const char* kCollection = kProcesses;
  static std::string Parent(const Process&) { return ""; }
};

template <typename Record>
std::string NameOf(const std::string& id) {
  return resource::Name(Kind<Record>::kCollection, id);
}

template <typename Record>
absl::StatusOr<Record> FromBody(const std::string& body) {
  typename Kind<Record>::Proto proto;
  if (!proto.ParseFromString(body)) {
    return absl::DataLossError(
        absl::StrCat("a stored ", Kind<Record>::kAggregate, " cannot be read"));
  }
  return FromProto(proto);
}

template <typename Record>
absl::Status RecordChange(db::Transaction& tx, const change::Context& why, const std::string& event,
                          const Record& record, const typename Kind<Record>::Proto& proto,
                          absl::Time before) {
  return change::Record(tx, why,
                        {.type = event,
                         .aggregate_type = Kind<Record>::kAggregate,
                         .name = proto.name(),
                         .version = record.version,
                         .state = proto,
                         .previous_update_time = before});
}

template <typename Record>
absl::StatusOr<Record> One(const absl::StatusOr<db::Rows>& rows, const std::string& id) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return error::NotFound(NameOf<Record>(id));
  return FromBody<Record>(rows->front().String(0));
}

template <typename Record>
absl::StatusOr<std::map<std::string, Record>> Many(db::Snapshot& snapshot,
                                                   const std::vector<std::string>& ids,
                                                   const char* name, const char* lock) {
  std::map<std::string, Record> found;
  if (ids.empty()) return found;
  std::string sql = "SELECT item_id, body FROM catalogue WHERE kind = ?";
  std::vector<db::Value> arguments{Kind<Record>::kNumber};
  AddIn("item_id", ids, sql, arguments);
  sql += lock;
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({name, sql}, arguments);
  if (!rows.ok()) return rows.status();
  for (const db::Row& row : *rows) {
    absl::StatusOr<Record> record = FromBody<Record>(row.String(1));
    if (!record.ok()) return record.status();
    found.emplace(row.String(0), *std::move(record));
  }
  return found;
}

}  // namespace

template <typename Record>
absl::StatusOr<Record> CatalogueStore::Load(db::Snapshot& snapshot, const std::string& id) const {
  static constexpr db::Statement kLoad{"load_catalogue",
                                       "SELECT body FROM catalogue WHERE kind = ? AND item_id = ?"};
  return One<Record>(snapshot.Query(kLoad, Kind<Record>::kNumber, id), id);
}

template <typename Record>
absl::StatusOr<Record> CatalogueStore::LoadForUpdate(db::Transaction& tx,
                                                     const std::string& id) const {
  static constexpr db::Statement kLock{
      "lock_catalogue", "SELECT body FROM catalogue WHERE kind = ? AND item_id = ? FOR UPDATE"};
  return One<Record>(tx.Query(kLock, Kind<Record>::kNumber, id), id);
}

template <typename Record>
absl::StatusOr<std::map<std::string, Record>> CatalogueStore::LoadMany(
    db::Snapshot& snapshot, const std::vector<std::string>& ids) const {
  return Many<Record>(snapshot, ids, "load_catalogue_items", "");
}

template <typename Record>
absl::StatusOr<std::map<std::string, Record>> CatalogueStore::LoadManyForUpdate(
    db::Transaction& tx, const std::vector<std::string>& ids) const {
  return Many<Record>(tx, ids, "lock_catalogue_items", " FOR UPDATE");
}

template <typename Record>
absl::StatusOr<std::vector<Record>> CatalogueStore::List(db::Snapshot& snapshot,
                                                         const Filter& filter) const {
  std::string sql = "SELECT body FROM catalogue WHERE kind = ? AND item_id > ?";
  std::vector<db::Value> arguments{Kind<Record>::kNumber, filter.after};
  if (!filter.include_archived) sql += " AND archived = 0";
  if (!filter.parent.empty()) {
    sql += " AND parent_id = ?";
    arguments.emplace_back(filter.parent);
  }
  sql += " ORDER BY item_id LIMIT ?";
  arguments.emplace_back(filter.limit);
  const absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"list_catalogue", sql}, arguments);
  if (!rows.ok()) return rows.status();
  std::vector<Record> records;
  for (const db::Row& row : *rows) {
    absl::StatusOr<Record> record = FromBody<Record>(row.String(0));
    if (!record.ok()) return record.status();
    records.push_back(*std::move(record));
  }
  return records;
}

template <typename Record>
absl::Status CatalogueStore::Insert(db::Transaction& tx, const change::Context& why,
                                    const std::string& event,
                                    const std::vector<Record>& records) const {
  if (records.empty()) return absl::OkStatus();
  const std::string sql = absl::StrCat(
      "INSERT INTO catalogue (kind, item_id, parent_id, archived, version, body) VALUES ",
      db::Placeholders(records.size(), "(?, ?, ?, ?, ?, ?)"));
  std::vector<db::Value> arguments;
  std::vector<typename Kind<Record>::Proto> protos;
  for (const Record& record : records) {
    protos.push_back(ToProto(record));
    arguments.insert(
        arguments.end(),
        {Kind<Record>::kNumber, record.id, Kind<Record>::Parent(record), record.archived,
         record.version, db::Bytes{protos.back().SerializeAsString()}});
  }
  const absl::StatusOr<int64_t> rows = tx.ExecuteValues({"insert_catalogue", sql}, arguments);
  if (!rows.ok()) {
    return db::DuplicateKey(rows.status())
               ? error::AlreadyExists(NameOf<Record>(records.front().id))
               : rows.status();
  }
  for (size_t i = 0; i < records.size(); ++i) {
    if constexpr (std::is_same_v<Record, Process>) {
      if (absl::Status status = InsertRevision(tx, records[i].definition); !status.ok())
        return status;
    }
    if (absl::Status status =
            RecordChange(tx, why, event, records[i], protos[i], absl::InfinitePast());
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

template <typename Record>
absl::StatusOr<Record> CatalogueStore::Save(db::Transaction& tx, const change::Context& why,
                                            const std::string& event, Record record,
                                            absl::Time before) const {
  static constexpr db::Statement kSave{"save_catalogue",
                                       "UPDATE catalogue SET parent_id = ?, archived = ?, version "
                                       "= ?, body = ? WHERE kind = ? AND item_id = ?"};
  ++record.version;
  const typename Kind<Record>::Proto proto = ToProto(record);
  const absl::StatusOr<int64_t> rows =
      tx.Execute(kSave, Kind<Record>::Parent(record), record.archived, record.version,
                 db::Bytes{proto.SerializeAsString()}, Kind<Record>::kNumber, record.id);
  if (!rows.ok()) return rows.status();
  if (*rows != 1) return error::NotFound(proto.name());
  if (absl::Status status = RecordChange(tx, why, event, record, proto, before); !status.ok())
    return status;
  return record;
}

absl::Status CatalogueStore::InsertRevision(db::Transaction& tx,
                                            const Definition& definition) const {
  static constexpr db::Statement kInsert{
      "insert_process_revision",
      "INSERT INTO process_revisions (process_id, revision, body) VALUES (?, ?, ?)"};
  v1::Process proto;
  SetDefinition(definition, proto);
  return tx
      .Execute(kInsert, definition.process, definition.revision,
               db::Bytes{proto.SerializeAsString()})
      .status();
}

absl::StatusOr<Definition> CatalogueStore::LoadRevision(db::Snapshot& snapshot,
                                                        const std::string& process,
                                                        int64_t revision) const {
  static constexpr db::Statement kLoad{
      "load_process_revision",
      "SELECT body FROM process_revisions WHERE process_id = ? AND revision = ?"};
  absl::StatusOr<Process> loaded = One<Process>(snapshot.Query(kLoad, process, revision), process);
  if (!loaded.ok()) return loaded.status();
  loaded->definition.process = process;
  return loaded->definition;
}

// The members above for one kind.
#define MILEPOST_CATALOGUE(Record)                                                                 \
  template absl::StatusOr<Record> CatalogueStore::Load<Record>(db::Snapshot&, const std::string&)  \
      const;                                                                                       \
  template absl::StatusOr<Record> CatalogueStore::LoadForUpdate<Record>(db::Transaction&,          \
                                                                        const std::string&) const; \
  template absl::StatusOr<std::map<std::string, Record>> CatalogueStore::LoadMany<Record>(         \
      db::Snapshot&, const std::vector<std::string>&) const;                                       \
  template absl::StatusOr<std::map<std::string, Record>>                                           \
  CatalogueStore::LoadManyForUpdate<Record>(db::Transaction&, const std::vector<std::string>&)     \
      const;                                                                                       \
  template absl::StatusOr<std::vector<Record>> CatalogueStore::List<Record>(db::Snapshot&,         \
                                                                            const Filter&) const;  \
  template absl::Status CatalogueStore::Insert<Record>(                                            \
      db::Transaction&, const change::Context&, const std::string&, const std::vector<Record>&)    \
      const;                                                                                       \
  template absl::StatusOr<Record> CatalogueStore::Save<Record>(                                    \
      db::Transaction&, const change::Context&, const std::string&, Record, absl::Time) const;
MILEPOST_CATALOGUE(Source)
MILEPOST_CATALOGUE(ProductLine)
MILEPOST_CATALOGUE(Product)
MILEPOST_CATALOGUE(Process)
#undef MILEPOST_CATALOGUE

}  // namespace milepost::opportunity
