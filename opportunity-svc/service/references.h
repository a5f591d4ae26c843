#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "opportunity-svc/store/catalogue_store.h"

namespace milepost::opportunity {

// Sources, products and processes by id, remembered for a moment so that most requests need no
// round trip for them. What exists once never goes away, so only `archived`, prices and the newest
// revision can be as old as kFreshFor. Safe from any thread.
class References {
 public:
  explicit References(std::function<absl::Time()> now) : now_(std::move(now)) {}

  // Those of `ids` (empty ones are skipped) that exist; Record is Source, Product, ProductLine or
  // Process.
  template <typename Record>
  using Found = std::map<std::string, std::shared_ptr<const Record>>;
  template <typename Record>
  absl::StatusOr<Found<Record>> Find(db::Snapshot& snapshot, const std::vector<std::string>& ids);

  // The stages of one revision; NOT_FOUND if there is none.
  absl::StatusOr<std::shared_ptr<const Definition>> FindDefinition(db::Snapshot& snapshot,
                                                                   const std::string& process,
                                                                   int64_t revision);

  // After a write of this process: reads it anew.
  template <typename Record>
  void Forget(const std::string& id);

  static constexpr absl::Duration kFreshFor = absl::Seconds(2);
  static constexpr size_t kMaxRemembered = 20'000;  // Of each kind; then it starts anew.

 private:
  template <typename Record>
  struct Remembered {
    std::shared_ptr<const Record> record;
    absl::Time read_time;
  };
  template <typename Record>
  using Cache = std::map<std::string, Remembered<Record>>;
  template <typename Record>
  Cache<Record>& CacheOf();

  const CatalogueStore store_{};
  const std::function<absl::Time()> now_;
  std::mutex mutex_;
  Cache<Source> sources_;  // Guarded by mutex_, like those below.
  Cache<ProductLine> product_lines_;
  Cache<Product> products_;
  Cache<Process> processes_;
  std::map<std::pair<std::string, int64_t>, std::shared_ptr<const Definition>> definitions_;
};

}  // namespace milepost::opportunity
