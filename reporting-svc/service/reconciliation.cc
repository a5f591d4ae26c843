#include "reporting-svc/service/reconciliation.h"

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

constexpr int kPage = 2000;
constexpr int kCellsPerPage = 500;

// What a cell comes to: the sum over its places, and a print of what lies where. Both grow with
// each fact and do not depend on their order or on how they are added up.
struct CellSum {
  Values values = {};
  uint64_t print = 0;

  void Add(uint64_t place, const Values& more) {
    for (size_t i = 0; i < kValueCount; ++i) {
      values[i] += more[i];
      print += static_cast<uint64_t>(more[i]) * absl::HashOf(place, i);
    }
  }
  friend bool operator==(const CellSum&, const CellSum&) = default;
};
using CellSums = absl::flat_hash_map<CellKey, CellSum>;

uint64_t PrintOf(const Fact& fact) {
  return absl::HashOf(fact.day.day(), fact.product, fact.source, fact.region, fact.channel,
                      fact.sub, fact.currency);
}

// Nothing for content that is not readable.
std::optional<CellSum> SumOf(const StoredCell& stored) {
  CellSum sum;
  PackedCell cell(stored.key, stored.content);
  const bool readable = cell.ForEach([&](const Place& place, const Values& values) {
    const auto word = [&](size_t i) { return std::string(cell.words()[place[i]]); };
    sum.Add(absl::HashOf(static_cast<int>(place[kDayPlace]), word(0), word(1), word(2), word(3),
                         word(kSubPlace), word(kCurrencyPlace)),
            values);
  });
  if (!readable) return std::nullopt;
  return sum;
}

void Note(const CellKey& key, const CellSum& stored, const CellSum& expected,
          Reconciliation& result) {
  ++result.cells;
  if (stored == expected) return;
  ++result.mismatch_count;
  if (result.mismatches.size() < kNamedMismatches)
    result.mismatches.push_back({key, stored.values, expected.values});
}

// What all facts of the kind come to, by cell.
absl::StatusOr<CellSums> SumFacts(db::Session& session, LedgerStore& ledger, RecordKind kind,
                                  Reconciliation& result) {
  CellSums sums;
  std::string last;
  for (size_t read = kPage; read == kPage;) {
    absl::StatusOr<std::vector<LedgerRecord>> page = session.Read(
        [&](db::Snapshot& snapshot) { return ledger.ListRecords(snapshot, kind, last, kPage); });
    if (!page.ok()) return page.status();
    session.EndRead();
    for (const LedgerRecord& record : *page) {
      for (const Fact& fact : record.facts) sums[CellOf(fact)].Add(PrintOf(fact), fact.values);
      result.facts += static_cast<int64_t>(record.facts.size());
    }
    read = page->size();
    if (read > 0) last = page->back().id;
  }
  return sums;
}

// Compares the stored cells with what facts come to, and takes them from `expected`.
absl::Status CompareStored(db::Session& session, LedgerStore& ledger, Group group,
                           CellSums& expected, Reconciliation& result) {
  std::optional<CellKey> after;
  for (size_t read = kCellsPerPage; read == kCellsPerPage;) {
    absl::StatusOr<std::vector<StoredCell>> page = session.Read([&](db::Snapshot& snapshot) {
      return ledger.ListCells(snapshot, group, after, kCellsPerPage);
    });
    if (!page.ok()) return page.status();
    session.EndRead();
    for (const StoredCell& cell : *page) {
      const std::optional<CellSum> stored = SumOf(cell);
      if (!stored) return error::Unreadable(absl::StrCat("the cell ", cell.key.ToString()));
      const auto found = expected.find(cell.key);
      Note(cell.key, *stored, found == expected.end() ? CellSum() : found->second, result);
      if (found != expected.end()) expected.erase(found);
    }
    read = page->size();
    if (read > 0) after = page->back().key;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Reconciliation> Reconcile(db::Session& session, LedgerStore& ledger) {
  Reconciliation result;
  for (const RecordKind kind : kRecordKinds) {
    absl::StatusOr<CellSums> expected = SumFacts(session, ledger, kind, result);
    if (!expected.ok()) return expected.status();
    for (const Group group : GroupsOf(kind)) {
      if (absl::Status s = CompareStored(session, ledger, group, *expected, result); !s.ok())
        return s;
    }
    // Cells that are missing.
    for (const auto& [key, sum] : *expected) {
      if (sum != CellSum()) Note(key, {}, sum, result);
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
