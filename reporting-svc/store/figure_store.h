#pragma once

#include <map>
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
  std::string
      currency;  // Only amounts in it; empty means all, for groups or values that are counts.
};

struct FigureRow {
  std::string member;  // Unless by_member, empty.
  std::string key;     // Unless by_dim, empty.
  std::string sub;     // Unless by_sub, empty.
  absl::CivilDay
      day;  // Unless cut by a granularity, the first day of the range; else a day of the period.
  Values values = {};
};

// Reads figures from the cells.
class FigureStore {
 public:
  // Answers all queries in one round trip. Per query the rows that are not 0 in every value;
  // several rows may be alike in all but their values, and are to be added.
  absl::StatusOr<std::vector<std::vector<FigureRow>>> Read(db::Snapshot& snapshot,
                                                           const std::vector<FigureQuery>& queries);
};

}  // namespace milepost::reporting
