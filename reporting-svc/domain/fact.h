#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/civil_time.h"
#include "reporting-svc/domain/period.h"

// The ledger of credited facts. A fact says what one record contributes to one group of values on
// one day, credited to one member. Every figure of every report is a sum of facts.
namespace milepost::reporting {

// What a fact is about, and what its values mean.
enum class Group {
  kOpened = 1,  // An opportunity, on the day it was opened; `sub` is the process.
  kStage = 2,   // A stage that an opportunity was in, on the day the opportunity was opened; `sub`
                // is process/stage.
  kClosed = 3,  // A closed opportunity, on the day it was closed; `sub` is `won:` or `lost:` and
                // the reason.
  kCycle = 4,   // A won opportunity with an engage date, on the day it was won; `sub` is the number
                // of days it took.
  kOrder = 5,   // A product of an order or of a reversal, on the day it counts; of a reversal `sub`
                // is `back:` and the day of the order.
  kCollection = 6,   // Money received or given back; then `sub` is `back:`.
  kCustomer = 7,     // A new customer.
  kInteraction = 8,  // An interaction that was done.
};

inline constexpr size_t kValueCount = 7;  // The most that any group uses.
using Values = std::array<int64_t, kValueCount>;

inline void AddTo(Values& sum, const Values& more) {
  for (size_t i = 0; i < kValueCount; ++i) sum[i] += more[i];
}

// Places in `Values`, by group.
namespace opened {
enum { kOpened, kOpen, kWon, kLost };
}
namespace stage {
enum { kEntered, kConverted, kLost, kPending, kCurrent, kSeconds, kVisitsEnded };
}
namespace closed {
enum { kWon, kLost, kWonAmount, kLostAmount };
}
namespace cycle {
enum { kCount };
}
namespace order {
// kOrders counts an order once; kProductOrders counts it once for each of its products.
enum { kRevenue, kOrders, kGrossProfit, kProductOrders };
}  // namespace order
namespace collection {
enum { kAmount, kCount };
}
namespace new_customer {
enum { kNew };
}
namespace interaction {
enum { kDone, kVisits };
}

// How many of its values a group uses.
size_t ValueCount(Group group);

// What cells are cut by, besides the member.
enum class Dim { kNone = 0, kProduct = 1, kSource = 2, kRegion = 3, kChannel = 4 };
inline constexpr std::array<Dim, 5> kDims = {Dim::kNone, Dim::kProduct, Dim::kSource, Dim::kRegion,
                                             Dim::kChannel};

// Member of facts that nobody is credited with; not a possible id.
inline constexpr char kNobody[] = "-";

struct Fact {
  Group group = Group::kOpened;
  absl::CivilDay day;
  std::string member = kNobody;  // Id, or kNobody.
  std::string product;           // Ids and keys; empty if the record names none.
  std::string source;
  std::string region;
  std::string channel;
  std::string sub;
  std::string currency;  // Of the amounts among the values; empty if there are none.
  Values values = {};

  const std::string& key(Dim dim) const;
  // What takes the fact away again.
  Fact operator-() const;
  friend bool operator==(const Fact&, const Fact&) = default;
};

// The facts of one record, as it is stored, and back. False if they are not readable.
std::string PackFacts(const std::vector<Fact>& facts);
bool UnpackFacts(std::string_view packed, std::vector<Fact>& facts);

// True if no value differs from 0.
bool IsZero(const Values& values);

}  // namespace milepost::reporting
