#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opportunity-svc/domain/catalogue.h"
#include "opportunity-svc/domain/process.h"
#include "platform/change/change.h"
#include "platform/db/session.h"

namespace milepost::opportunity {

// Sources, product lines, products and processes in their one table; Record is one of Source,
// ProductLine, Product, Process. Stateless and safe from any thread.
class CatalogueStore {
 public:
  // NOT_FOUND if there is none.
  template <typename Record>
  absl::StatusOr<Record> Load(db::Snapshot& snapshot, const std::string& id) const;
  template <typename Record>
  absl::StatusOr<Record> LoadForUpdate(db::Transaction& tx, const std::string& id) const;

  // Those that exist, by id; at most 1,000 ids.
  template <typename Record>
  absl::StatusOr<std::map<std::string, Record>> LoadMany(db::Snapshot& snapshot,
                                                         const std::vector<std::string>& ids) const;
  template <typename Record>
  absl::StatusOr<std::map<std::string, Record>> LoadManyForUpdate(
      db::Transaction& tx, const std::vector<std::string>& ids) const;

  // By id, after `after` (empty: from the first), at most `limit`.
  struct Filter {
    bool include_archived = false;
    std::string parent;  // Product line of products; empty: any.
    std::string after;
    int limit = 0;
  };
  template <typename Record>
  absl::StatusOr<std::vector<Record>> List(db::Snapshot& snapshot, const Filter& filter) const;

  // Stores new records of version 1 with their changes. ALREADY_EXISTS, naming the first one, if an
  // id is taken. Revisions of processes are stored too.
  template <typename Record>
  absl::Status Insert(db::Transaction& tx, const change::Context& why, const std::string& event,
                      const std::vector<Record>& records) const;

  // Stores what LoadForUpdate gave and the domain changed; returns it with the next version.
  // `before` is its former update_time.
  template <typename Record>
  absl::StatusOr<Record> Save(db::Transaction& tx, const change::Context& why,
                              const std::string& event, Record record, absl::Time before) const;

  absl::Status InsertRevision(db::Transaction& tx, const Definition& definition) const;
  // NOT_FOUND if the process never had that revision.
  absl::StatusOr<Definition> LoadRevision(db::Snapshot& snapshot, const std::string& process,
                                          int64_t revision) const;
};

}  // namespace milepost::opportunity
