#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "reporting-svc/domain/fact.h"
#include "reporting-svc/store/ledger_store.h"

namespace milepost::reporting {

// Mismatches that are named; the rest is only counted.
inline constexpr size_t kNamedMismatches = 100;

struct Reconciliation {
  struct Mismatch {
    CellKey cell;
    // Over all places of the cell; the same if only what lies where disagrees.
    Values stored = {};
    Values expected = {};
  };
  int64_t facts = 0;
  int64_t cells = 0;
  int64_t mismatch_count = 0;
  std::vector<Mismatch> mismatches;
};

// Adds up the ledger again and compares every cell with it. Exact only while nothing is written:
// run it on a service that has caught up. Holds one sum for each cell: 100 bytes or so for each
// month of each member and group.
absl::StatusOr<Reconciliation> Reconcile(db::Session& session, LedgerStore& ledger);

// Of two results on a service that is written to, the mismatches that are real: named by both, with
// the same values. What was only written between reading facts and reading cells shows up in the
// facts of the next result.
std::vector<Reconciliation::Mismatch> Lasting(const Reconciliation& first,
                                              const Reconciliation& second);

}  // namespace milepost::reporting
