#include "reporting-svc/service/reconciliation.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

constexpr int kPage = 2000;
constexpr RecordKind kKinds[] = {RecordKind::kOpportunity, RecordKind::kOrder,
                                 RecordKind::kCustomer, RecordKind::kInteraction};

// Compares a stored cell with what the facts add up to. `expected` knows its words.
void Compare(const CellKey& key, const Cells::Sums& stored, const Cells::Sums& expected,
             Reconciliation& result) {
  ++result.cells;
  Reconciliation::Mismatch mismatch{key, {}, {}};
  bool agrees = true;
  const auto look = [&](const Values& in_store, const Values& from_facts) {
    if (in_store == from_facts) return;
    agrees = false;
    for (size_t i = 0; i < kValueCount; ++i) {
      mismatch.stored[i] += in_store[i];
      mismatch.expected[i] += from_facts[i];
    }
  };
  for (const auto& [place, values] : stored) {
    const auto found = expected.find(place);
    look(values, found == expected.end() ? Values{} : found->second);
  }
  for (const auto& [place, values] : expected) {
    if (!stored.contains(place)) look({}, values);
  }
  if (agrees) return;
  ++result.mismatch_count;
  if (result.mismatches.size() < kNamedMismatches) result.mismatches.push_back(std::move(mismatch));
}

// Compares those cells of a group that are wanted. Facts are counted if `count_facts`.
absl::Status ReconcileSome(db::Session& session, LedgerStore& ledger, RecordKind kind, Group group,
                           const std::function<bool(const CellKey&)>& wanted, bool count_facts,
                           Reconciliation& result) {
  Cells expected(wanted);
  std::string last;
  for (size_t read = kPage; read == kPage;) {
    absl::StatusOr<std::vector<LedgerRecord>> page = session.Read(
        [&](db::Snapshot& snapshot) { return ledger.ListRecords(snapshot, kind, last, kPage); });
    if (!page.ok()) return page.status();
    session.EndRead();
    for (const LedgerRecord& record : *page) {
      for (const Fact& fact : record.facts) {
        if (fact.group != group) continue;
        expected.Add(fact, 1);
        if (count_facts) ++result.facts;
      }
    }
    read = page->size();
    if (read > 0) last = page->back().id;
  }
  result.most_cells_held =
      std::max(result.most_cells_held, static_cast<int64_t>(expected.cells().size()));
  std::optional<CellKey> after;
  for (size_t read = kPage; read == kPage;) {
    absl::StatusOr<std::vector<StoredCell>> page = session.Read(
        [&](db::Snapshot& snapshot) { return ledger.ListCells(snapshot, group, after, kPage); });
    if (!page.ok()) return page.status();
    session.EndRead();
    for (const StoredCell& cell : *page) {
      if (!wanted(cell.key)) continue;
      const auto found = expected.cells().find(cell.key);
      const Cells::Sums sums = found == expected.cells().end() ? Cells::Sums() : found->second;
      expected.Erase(cell.key);
      if (!expected.AddStored(cell.key, cell.content))
        return error::Unreadable(absl::StrCat("the cell ", cell.key.ToString()));
      Compare(cell.key, expected.cells().at(cell.key), sums, result);
      expected.Erase(cell.key);
    }
    read = page->size();
    if (read > 0) after = page->back().key;
  }
  // Cells that are missing.
  for (const auto& [key, sums] : expected.cells()) {
    const bool empty = std::all_of(sums.begin(), sums.end(),
                                   [](const auto& place) { return IsZero(place.second); });
    if (!empty) Compare(key, {}, sums, result);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Reconciliation> Reconcile(db::Session& session, LedgerStore& ledger,
                                         int64_t cells_at_once) {
  Reconciliation result;
  for (const RecordKind kind : kKinds) {
    for (const Group group : GroupsOf(kind)) {
      const absl::StatusOr<int64_t> count =
          session.Read([&](db::Snapshot& snapshot) { return ledger.CountCells(snapshot, group); });
      if (!count.ok()) return count.status();
      const auto slices = static_cast<size_t>(*count / cells_at_once + 1);
      for (size_t slice = 0; slice < slices; ++slice) {
        const auto in_slice = [&](const CellKey& key) {
          return slices == 1 || absl::HashOf(key) % slices == slice;
        };
        if (absl::Status s =
                ReconcileSome(session, ledger, kind, group, in_slice, slice == 0, result);
            !s.ok()) {
          return s;
        }
      }
    }
  }
  return result;
}

std::vector<Reconciliation::Mismatch> Lasting(const Reconciliation& first,
                                              const Reconciliation& second) {
  std::vector<Reconciliation::Mismatch> lasting;
  for (const Reconciliation::Mismatch& mismatch : first.mismatches) {
    for (const Reconciliation::Mismatch& other : second.mismatches) {
      if (mismatch.cell == other.cell && mismatch.stored == other.stored &&
          mismatch.expected == other.expected) {
        lasting.push_back(mismatch);
      }
    }
  }
  return lasting;
}

}  // namespace milepost::reporting
