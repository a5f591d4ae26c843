#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/db/session.h"

namespace milepost::reporting {

// What a document is.
enum class DocumentKind {
  kUnit = 1,
  kMember = 2,
  kCalendar = 3,
  kPlan = 4,
  kNode = 5,
  kProduct = 6,
  kSource = 7,
  kProcess = 8,
  kMetric = 9,
  kActual = 10,  // Recorded by hand.
};

// The newest state of a record that gives reports their names or shape.
struct Document {
  DocumentKind kind = DocumentKind::kUnit;
  std::string parent_id;  // Plan of a node, metric of an actual value; otherwise empty.
  std::string id;
  int64_t version = 0;
  bool deleted = false;
  std::string state;  // Serialized resource message.
};

class DocumentStore {
 public:
  // Writes each unless a newer version of it is there.
  absl::Status Save(db::Transaction& tx, const std::vector<Document>& documents);

  // All that are not deleted, of one kind and, for those that have one, one parent.
  absl::StatusOr<std::vector<Document>> List(db::Snapshot& snapshot, DocumentKind kind,
                                             const std::string& parent_id);

  // One that is not deleted.
  absl::StatusOr<std::optional<Document>> Find(db::Snapshot& snapshot, DocumentKind kind,
                                               const std::string& parent_id, const std::string& id);

  // Says that a part of the documents changed.
  absl::Status Touch(db::Transaction& tx, const std::vector<std::string>& parts);
  // Says that all parts that ever changed did so again, and this one in any case.
  absl::Status TouchAll(db::Transaction& tx, const std::string& part);
  // How often each part changed; 0 for never.
  absl::StatusOr<absl::flat_hash_map<std::string, int64_t>> Versions(
      db::Snapshot& snapshot, const std::vector<std::string>& parts);

  // Deletes up to `limit` documents of the kinds. False once none is left. Versions of parts stay:
  // they only ever grow.
  absl::StatusOr<bool> DeleteSome(db::Transaction& tx, const std::vector<DocumentKind>& kinds,
                                  int limit);
};

}  // namespace milepost::reporting
