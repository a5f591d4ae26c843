#include "reporting-svc/store/document_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "reporting-svc/store/ledger_store.h"

namespace milepost::reporting {
namespace {

constexpr int kPageSize = 500;

}  // namespace

absl::Status DocumentStore::Save(db::Transaction& tx, const std::vector<Document>& documents) {
  size_t next = 0;
  for (const size_t size : Chunks(documents.size())) {
    // The version goes last: the columns before it are compared with the stored one.
    const std::string sql = absl::StrCat(
        "INSERT INTO documents (document_kind, parent_id, document_id, version, deleted, state) "
        "VALUES ",
        db::Placeholders(size, "(?, ?, ?, ?, ?, ?)"),
        " ON DUPLICATE KEY UPDATE deleted = IF(version < VALUES(version), VALUES(deleted), "
        "deleted),"
        " state = IF(version < VALUES(version), VALUES(state), state), version = GREATEST(version, "
        "VALUES(version))");
    std::vector<db::Value> bound;
    bound.reserve(size * 6);
    for (size_t i = 0; i < size; ++i, ++next) {
      const Document& document = documents[next];
      bound.emplace_back(static_cast<int>(document.kind));
      bound.emplace_back(document.parent_id);
      bound.emplace_back(document.id);
      bound.emplace_back(document.version);
      bound.emplace_back(document.deleted);
      bound.emplace_back(db::Bytes{document.state});
    }
    if (const auto saved = tx.ExecuteValues({"save_documents", sql}, bound); !saved.ok())
      return saved.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Document>> DocumentStore::List(db::Snapshot& snapshot, DocumentKind kind,
                                                          const std::string& parent_id) {
  static constexpr db::Statement kList{"list_documents",
                                       "SELECT document_id, version, state FROM documents WHERE "
                                       "document_kind = ? AND parent_id = ? AND document_id > ?"
                                       " AND deleted = 0 ORDER BY document_id LIMIT ?"};
  std::vector<Document> documents;
  std::string after;
  while (true) {
    absl::StatusOr<db::Rows> rows =
        snapshot.Query(kList, static_cast<int>(kind), parent_id, after, kPageSize);
    if (!rows.ok()) return rows.status();
    for (const db::Row& row : *rows) {
      documents.push_back({kind, parent_id, row.String(0), row.Int64(1), false, row.String(2)});
    }
    if (rows->size() < kPageSize) return documents;
    after = documents.back().id;
  }
}

absl::StatusOr<std::optional<Document>> DocumentStore::Find(db::Snapshot& snapshot,
                                                            DocumentKind kind,
                                                            const std::string& parent_id,
                                                            const std::string& id) {
  static constexpr db::Statement kFind{"find_document",
                                       "SELECT version, state FROM documents WHERE document_kind = "
                                       "? AND parent_id = ? AND document_id = ? AND deleted = 0"};
  absl::StatusOr<db::Rows> rows = snapshot.Query(kFind, static_cast<int>(kind), parent_id, id);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::optional<Document>();
  return std::optional<Document>(
      Document{kind, parent_id, id, (*rows)[0].Int64(0), false, (*rows)[0].String(1)});
}

absl::Status DocumentStore::Touch(db::Transaction& tx, const std::vector<std::string>& parts) {
  static constexpr db::Statement kTouch{
      "touch_documents",
      "INSERT INTO document_versions (part, version) VALUES (?, 1)"
      " ON DUPLICATE KEY UPDATE version = version + 1"};
  for (const std::string& part : parts) {
    if (const auto touched = tx.Execute(kTouch, part); !touched.ok()) return touched.status();
  }
  return absl::OkStatus();
}

absl::Status DocumentStore::TouchAll(db::Transaction& tx, const std::string& part) {
  static constexpr db::Statement kTouchAll{"touch_all_documents",
                                           "UPDATE document_versions SET version = version + 1"};
  if (const auto touched = tx.Execute(kTouchAll); !touched.ok()) return touched.status();
  return Touch(tx, {part});
}

absl::StatusOr<absl::flat_hash_map<std::string, int64_t>> DocumentStore::Versions(
    db::Snapshot& snapshot, const std::vector<std::string>& parts) {
  const std::string sql =
      absl::StrCat("SELECT part, version FROM document_versions WHERE part IN (",
                   db::Placeholders(parts.size()), ")");
  std::vector<db::Value> bound(parts.begin(), parts.end());
  absl::StatusOr<db::Rows> rows = snapshot.QueryValues({"document_versions", sql}, bound);
  if (!rows.ok()) return rows.status();
  absl::flat_hash_map<std::string, int64_t> versions;
  for (const std::string& part : parts) versions[part] = 0;
  for (const db::Row& row : *rows) versions[row.String(0)] = row.Int64(1);
  return versions;
}

absl::StatusOr<bool> DocumentStore::DeleteSome(db::Transaction& tx,
                                               const std::vector<DocumentKind>& kinds, int limit) {
  static constexpr db::Statement kDelete{"delete_all_documents",
                                         "DELETE FROM documents WHERE document_kind = ? LIMIT ?"};
  for (const DocumentKind kind : kinds) {
    absl::StatusOr<int64_t> deleted = tx.Execute(kDelete, static_cast<int>(kind), limit);
    if (!deleted.ok()) return deleted.status();
    if (*deleted > 0) return true;
  }
  return false;
}

}  // namespace milepost::reporting
