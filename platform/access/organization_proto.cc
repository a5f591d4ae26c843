#include "platform/access/organization_proto.h"

#include <string>

namespace milepost::access {
namespace {

std::string IdOf(const std::string& name) { return name.substr(name.find_last_of('/') + 1); }

absl::CivilDay Day(const type::v1::Date& date) {
  return absl::CivilDay(date.year(), date.month(), date.day());
}

std::optional<absl::CivilDay> OptionalDay(bool has, const type::v1::Date& date) {
  if (!has) return std::nullopt;
  return Day(date);
}

template <typename Message>
Line LineOf(const Message& line) {
  return {IdOf(line.unit()), Day(line.first_date()),
          OptionalDay(line.has_last_date(), line.last_date())};
}

}  // namespace

Unit FromProto(const organization::v1::Unit& unit) {
  Unit result{.id = IdOf(unit.name()),
              .last_day = OptionalDay(unit.has_end_date(), unit.end_date())};
  for (const organization::v1::UnitPlacement& placement : unit.placements()) {
    result.parents.push_back({IdOf(placement.parent()), Day(placement.first_date())});
  }
  return result;
}

Member FromProto(const organization::v1::Member& member) {
  Member result{.id = IdOf(member.name()),
                .last_day = OptionalDay(member.has_end_date(), member.end_date())};
  for (const organization::v1::MemberPlacement& placement : member.placements()) {
    result.placements.push_back({IdOf(placement.unit()), Day(placement.first_date())});
  }
  for (const auto& line : member.manages()) result.manages.push_back(LineOf(line));
  for (const auto& line : member.matrix_lines()) result.matrix_lines.push_back(LineOf(line));
  return result;
}

}  // namespace milepost::access
