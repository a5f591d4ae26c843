#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "reporting-svc/domain/figures.h"
#include "reporting-svc/store/ledger_store.h"

namespace milepost::reporting {

// Reads figures. Holds those of all cells in memory and brings them up to what is committed before
// each answer, by what the ledger says was changed since. Safe from several threads.
class FigureStore {
 public:
  // Reads so many cells at once when it loads them.
  explicit FigureStore(int cells_per_page = 500) : cells_per_page_(cells_per_page) {}

  // Answers all queries from figures that hold everything that was committed before the call, and
  // for each query from the same ones: gives `take` the rows of one query after the other with its
  // number.
  absl::Status Read(db::Snapshot& snapshot, const std::vector<FigureQuery>& queries,
                    const std::function<void(size_t query, const FigureRow&)>& take);

  // Brings the figures up to what is committed. The first time, and after changes were missed for
  // longer than they are kept, all cells are read; others who ask wait meanwhile.
  absl::Status Refresh(db::Snapshot& snapshot);

  // All cells were read once.
  bool loaded();

  // Compares the figures with the stored cells. Returns how many cells of them disagree; cells that
  // are written while they are compared do not count.
  absl::StatusOr<int64_t> CountMismatches(db::Snapshot& snapshot);

 private:
  absl::Status Load(db::Snapshot& snapshot, RecordKind kind);
  // Applies changes from the next version on. False if some are missing.
  bool Apply(const std::vector<FigureChange>& changes);

  const int cells_per_page_;
  LedgerStore ledger_;
  std::mutex loading_;
  std::shared_mutex mutex_;
  Figures figures_;
  std::map<RecordKind, int64_t> versions_;  // Of the kinds that are held.
};

}  // namespace milepost::reporting
