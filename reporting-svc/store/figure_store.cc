#include "reporting-svc/store/figure_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

constexpr int kCellsPerLook = 100;
// A page of cells is compared so often until nothing is written in between.
constexpr int kLooks = 20;

// All cells of a kind, read page by page while others write: each page is as of the ledger's
// version then, and what was read before is brought up to it by the changes in between.
class Loading {
 public:
  Loading(LedgerStore& ledger, db::Snapshot& snapshot, RecordKind kind, int cells_per_page)
      : ledger_(ledger), snapshot_(snapshot), kind_(kind), cells_per_page_(cells_per_page) {}

  // False if changes in between are missing or all cells went: it is to be begun anew.
  absl::StatusOr<bool> Run() {
    const absl::StatusOr<int64_t> begin = ledger_.ReadVersion(snapshot_, kind_);
    if (!begin.ok()) return begin.status();
    version_ = *begin;
    const auto page_size = static_cast<size_t>(cells_per_page_);
    for (const Group group : GroupsOf(kind_)) {
      std::optional<CellKey> last;
      for (size_t read = page_size; read == page_size;) {
        absl::StatusOr<std::vector<StoredCell>> page =
            ledger_.ListCells(snapshot_, group, last, cells_per_page_);
        if (!page.ok()) return page.status();
        read = page->size();
        if (read == 0) break;
        const absl::StatusOr<bool> complete = CatchUp(page->front().version);
        if (!complete.ok() || !*complete) return complete;
        for (const StoredCell& cell : *page) {
          if (!figures_.AddStored(cell.key, cell.content))
            return error::Unreadable(absl::StrCat("the cell ", cell.key.ToString()));
        }
        last = page->back().key;
        read_.back_up_to(group, last->Pack());
      }
      read_.all_of(group);
    }
    return true;
  }

  Figures& figures() { return figures_; }
  int64_t version() const { return version_; }

 private:
  // Which cells were read.
  struct Extent {
    std::vector<Group> groups;
    Group group = Group::kOpened;
    std::string last;  // Of the group being read; empty before the first.

    void back_up_to(Group of, std::string key) {
      group = of;
      last = std::move(key);
    }
    void all_of(Group done) {
      groups.push_back(done);
      last.clear();
    }
    bool Holds(const Fact& fact) const {
      if (std::find(groups.begin(), groups.end(), fact.group) != groups.end()) return true;
      return !last.empty() && fact.group == group && CellOf(fact).Pack() <= last;
    }
  };

  absl::StatusOr<bool> CatchUp(int64_t version) {
    while (version_ < version) {
      const absl::StatusOr<std::vector<FigureChange>> changes =
          ledger_.ReadChanges(snapshot_, {{kind_, version_}});
      if (!changes.ok()) return changes.status();
      if (changes->empty()) return false;
      for (const FigureChange& change : *changes) {
        if (change.version > version) break;
        if (change.version != version_ + 1 || !change.facts) return false;
        for (const Fact& fact : *change.facts) {
          if (read_.Holds(fact)) figures_.Add(fact);
        }
        version_ = change.version;
      }
    }
    return true;
  }

  LedgerStore& ledger_;
  db::Snapshot& snapshot_;
  const RecordKind kind_;
  const int cells_per_page_;
  Figures figures_;
  int64_t version_ = 0;
  Extent read_;
};

Values SumOf(const StoredCell& cell) {
  Values sum = {};
  PackedCell(cell.key, cell.content).ForEach([&sum](const Place&, const Values& values) {
    AddTo(sum, values);
  });
  return sum;
}

}  // namespace

absl::Status FigureStore::Load(db::Snapshot& snapshot, RecordKind kind) {
  const std::lock_guard<std::mutex> loading(loading_);
  {
    const std::shared_lock<std::shared_mutex> lock(mutex_);
    if (versions_.contains(kind)) return absl::OkStatus();
  }
  while (true) {
    Loading load(ledger_, snapshot, kind, cells_per_page_);
    const absl::StatusOr<bool> loaded = load.Run();
    if (!loaded.ok()) return loaded.status();
    if (!*loaded) continue;
    const std::unique_lock<std::shared_mutex> lock(mutex_);
    for (const Group group : GroupsOf(kind)) figures_.Replace(group, load.figures());
    versions_[kind] = load.version();
    return absl::OkStatus();
  }
}

bool FigureStore::Apply(const std::vector<FigureChange>& changes) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  for (const FigureChange& change : changes) {
    const auto version = versions_.find(change.kind);
    // Another thread was faster, or found some missing.
    if (version == versions_.end() || change.version <= version->second) continue;
    if (change.version != version->second + 1) {
      versions_.erase(version);
      continue;
    }
    if (change.facts) {
      for (const Fact& fact : *change.facts) figures_.Add(fact);
    } else {
      for (const Group group : GroupsOf(change.kind)) figures_.Clear(group);
    }
    version->second = change.version;
  }
  return versions_.size() == kRecordKinds.size();
}

absl::Status FigureStore::Refresh(db::Snapshot& snapshot) {
  while (true) {
    std::map<RecordKind, int64_t> versions;
    {
      const std::shared_lock<std::shared_mutex> lock(mutex_);
      versions = versions_;
    }
    for (const RecordKind kind : kRecordKinds) {
      if (versions.contains(kind)) continue;
      if (absl::Status s = Load(snapshot, kind); !s.ok()) return s;
    }
    if (versions.size() < kRecordKinds.size()) continue;
    // All of them before the first is applied: no one sees half of a transaction.
    std::vector<FigureChange> changes;
    while (true) {
      absl::StatusOr<std::vector<FigureChange>> more = ledger_.ReadChanges(snapshot, versions);
      if (!more.ok()) return more.status();
      if (more->empty()) break;
      for (FigureChange& change : *more) {
        versions[change.kind] = change.version;
        changes.push_back(std::move(change));
      }
    }
    if (changes.empty() || Apply(changes)) return absl::OkStatus();
  }
}

bool FigureStore::loaded() {
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  return versions_.size() == kRecordKinds.size();
}

absl::Status FigureStore::Read(db::Snapshot& snapshot, const std::vector<FigureQuery>& queries,
                               const std::function<void(size_t query, const FigureRow&)>& take) {
  if (absl::Status s = Refresh(snapshot); !s.ok()) return s;
  const std::shared_lock<std::shared_mutex> lock(mutex_);
  for (size_t i = 0; i < queries.size(); ++i)
    figures_.Read(queries[i], [&](const FigureRow& row) { take(i, row); });
  return absl::OkStatus();
}

absl::StatusOr<int64_t> FigureStore::CountMismatches(db::Snapshot& snapshot) {
  int64_t mismatches = 0;
  for (const RecordKind kind : kRecordKinds) {
    for (const Group group : GroupsOf(kind)) {
      std::optional<CellKey> last;
      for (size_t read = kCellsPerLook; read == kCellsPerLook;) {
        std::vector<StoredCell> page;
        int64_t different = 0;
        for (int look = 0; look < kLooks; ++look) {
          absl::StatusOr<std::vector<StoredCell>> cells =
              ledger_.ListCells(snapshot, group, last, kCellsPerLook);
          if (!cells.ok()) return cells.status();
          page = *std::move(cells);
          different = 0;
          if (page.empty()) break;
          if (absl::Status s = Refresh(snapshot); !s.ok()) return s;
          const std::shared_lock<std::shared_mutex> lock(mutex_);
          const auto version = versions_.find(kind);
          if (version == versions_.end() || version->second != page.front().version) continue;
          for (const StoredCell& cell : page) {
            if (figures_.SumOf(cell.key) != SumOf(cell)) ++different;
          }
          break;
        }
        mismatches += different;
        read = page.size();
        if (read > 0) last = page.back().key;
      }
    }
  }
  return mismatches;
}

}  // namespace milepost::reporting
