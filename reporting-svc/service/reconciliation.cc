#include "reporting-svc/service/reconciliation.h"

#include <optional>
#include <utility>

namespace milepost::reporting {
namespace {

constexpr int kPage = 5000;
constexpr Group kGroups[] = {Group::kOpened,   Group::kStage,      Group::kClosed,
                             Group::kCycle,    Group::kOrder,      Group::kCollection,
                             Group::kCustomer, Group::kInteraction};

void Compare(const CellKey& key, const Values& stored, const Values& expected,
             Reconciliation& result) {
  ++result.cells;
  if (stored == expected) return;
  ++result.mismatch_count;
  if (result.mismatches.size() < kNamedMismatches)
    result.mismatches.push_back({key, stored, expected});
}

}  // namespace

absl::StatusOr<Reconciliation> Reconcile(db::Session& session, LedgerStore& ledger) {
  Reconciliation result;
  for (const Group group : kGroups) {
    Cells expected;
    for (std::optional<LedgerEntry> after;;) {
      absl::StatusOr<std::vector<LedgerEntry>> page = session.Read(
          [&](db::Snapshot& snapshot) { return ledger.ListFacts(snapshot, group, after, kPage); });
      if (!page.ok()) return page.status();
      session.EndRead();
      for (const LedgerEntry& entry : *page) AddToCells(entry.fact, 1, expected);
      result.facts += static_cast<int64_t>(page->size());
      if (page->size() < kPage) break;
      after = std::move(page->back());
    }
    for (std::optional<CellKey> after;;) {
      absl::StatusOr<std::vector<std::pair<CellKey, Values>>> page = session.Read(
          [&](db::Snapshot& snapshot) { return ledger.ListCells(snapshot, group, after, kPage); });
      if (!page.ok()) return page.status();
      session.EndRead();
      for (const auto& [key, stored] : *page) {
        const auto found = expected.find(key);
        Compare(key, stored, found == expected.end() ? Values{} : found->second, result);
        if (found != expected.end()) expected.erase(found);
      }
      if (page->size() < kPage) break;
      after = page->back().first;
    }
    // Cells that are missing.
    for (const auto& [key, values] : expected) {
      if (!IsZero(values)) Compare(key, {}, values, result);
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
