#include "reporting-svc/domain/fact.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace milepost::reporting {
namespace {

absl::CivilDay FirstDay(absl::CivilDay day, Grain grain) {
  switch (grain) {
    case Grain::kDay:
      return day;
    case Grain::kMonth:
      return absl::CivilDay(absl::CivilMonth(day));
    case Grain::kYear:
      return absl::CivilDay(absl::CivilYear(day));
  }
  return day;
}

}  // namespace

size_t ValueCount(Group group) {
  switch (group) {
    case Group::kOpened:
    case Group::kClosed:
    case Group::kOrder:
      return 4;
    case Group::kStage:
      return 7;
    case Group::kCollection:
    case Group::kInteraction:
      return 2;
    case Group::kCycle:
    case Group::kCustomer:
      return 1;
  }
  return kValueCount;
}

const std::string& Fact::key(Dim dim) const {
  static const std::string kEmpty;
  switch (dim) {
    case Dim::kNone:
      return kEmpty;
    case Dim::kProduct:
      return product;
    case Dim::kSource:
      return source;
    case Dim::kRegion:
      return region;
    case Dim::kChannel:
      return channel;
  }
  return kEmpty;
}

std::string CellKey::ToString() const {
  return absl::StrCat("group=", static_cast<int>(group), " dim=", static_cast<int>(dim),
                      " grain=", static_cast<int>(grain), " member='", member,
                      "' period=", absl::FormatCivilTime(period), " key='", key, "' sub='", sub,
                      "' currency='", currency, "'");
}

bool HasCells(Group group, Dim dim, Grain grain, bool of_member) {
  if (group == Group::kInteraction && dim != Dim::kNone) return false;
  switch (grain) {
    case Grain::kDay:
      return group != Group::kCycle && (dim == Dim::kNone || !of_member);
    case Grain::kMonth:
      return group != Group::kCycle || dim == Dim::kNone || !of_member;
    case Grain::kYear:
      return dim == Dim::kNone || !of_member;
  }
  return false;
}

std::optional<Grain> CoarsestGrain(Group group, Dim dim, bool of_member) {
  for (const Grain grain : {Grain::kYear, Grain::kMonth, Grain::kDay}) {
    if (HasCells(group, dim, grain, of_member)) return grain;
  }
  return std::nullopt;
}

void AddToCells(const Fact& fact, int sign, Cells& cells) {
  for (const Grain grain : {Grain::kDay, Grain::kMonth, Grain::kYear}) {
    const absl::CivilDay period = FirstDay(fact.day, grain);
    for (const Dim dim : kDims) {
      for (const bool of_member : {false, true}) {
        if (!HasCells(fact.group, dim, grain, of_member)) continue;
        Values& cell = cells[CellKey{fact.group, dim, grain, of_member ? fact.member : kEverybody,
                                     period, fact.key(dim), fact.sub, fact.currency}];
        for (size_t i = 0; i < kValueCount; ++i) cell[i] += sign * fact.values[i];
      }
    }
  }
}

bool IsZero(const Values& values) {
  for (const int64_t value : values) {
    if (value != 0) return false;
  }
  return true;
}

}  // namespace milepost::reporting
