#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/db/session.h"
#include "reporting-svc/domain/fact.h"
#include "reporting-svc/domain/period.h"

namespace milepost::reporting {

// Whose figures: everybody's together, or those of single members.
struct MemberSelection {
  enum class Kind { kEverybody, kEachMember, kThese };
  Kind kind = Kind::kEverybody;
  std::vector<std::string> members;  // For kThese.
};

// Sums of one group of values.
struct FigureQuery {
  Group group = Group::kOrder;
  Days range;
  // How finely sums are asked for: a row's period never reaches beyond one period of this length.
  Granularity granularity = Granularity::kWhole;
  MemberSelection who;
  std::map<Dim, std::string> filters;  // Never kNone.
  Dim by_dim = Dim::kNone;
  bool by_member = false;
  bool by_sub = false;
  std::string currency;  // Only amounts in it; empty means all, for groups or values that are counts.
};

struct FigureRow {
  std::string member;  // Unless by_member, empty.
  std::string key;     // Unless by_dim, empty.
  std::string sub;     // Unless by_sub, empty.
  absl::CivilDay day;  // Unless cut by a granularity, the first day of the range; else a day of the period.
  Values values = {};
};

// Reads figures from the cells, and from the ledger where no cells are kept: for two dimensions at once, for days of single
// members in one dimension, and for cycles of parts of months.
class FigureStore {
 public:
  // Rows that are not 0 in every value; several rows may be alike in all but their values, and are to be added.
  absl::StatusOr<std::vector<FigureRow>> Read(db::Snapshot& snapshot, const FigureQuery& query);

  // The first and last day of any fact of the group; nullopt if there is none.
  absl::StatusOr<std::optional<Days>> Extent(db::Snapshot& snapshot, Group group);

 private:
  // All members with facts of the group, kNobody included.
  absl::StatusOr<std::vector<std::string>> Credited(db::Snapshot& snapshot, Group group);
};

}  // namespace milepost::reporting
