#include "reporting-svc/service/figure_reader.h"

#include <algorithm>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "reporting-svc/domain/errors.h"

namespace milepost::reporting {
namespace {

// The member's id without its collection; empty for a service.
std::string IdIn(const std::string& name) { return name.substr(name.rfind('/') + 1); }

// Members that count on the same days are read together.
std::map<Days, std::vector<const Stay*>> ByDays(const std::vector<Stay>& stays) {
  std::map<Days, std::vector<const Stay*>> by_days;
  for (const Stay& stay : stays) by_days[stay.days].push_back(&stay);
  return by_days;
}

MemberSelection These(const std::vector<const Stay*>& stays) {
  std::set<std::string> members;
  for (const Stay* stay : stays) members.insert(stay->member);
  return {MemberSelection::Kind::kThese, {members.begin(), members.end()}};
}

// First days of the periods that a range is cut into; none if it is not.
std::vector<absl::CivilDay> FirstDays(const FigureRequest& request) {
  std::vector<absl::CivilDay> days;
  if (request.granularity != Granularity::kWhole) {
    for (const Days& period : Cut(request.range, request.granularity)) days.push_back(period.first);
  }
  return days;
}

size_t PeriodIndex(const std::vector<absl::CivilDay>& first_days, absl::CivilDay day) {
  const auto after = std::upper_bound(first_days.begin(), first_days.end(), day);
  return after == first_days.begin() ? 0 : after - first_days.begin() - 1;
}

// Stays cut to those of others on the same days of the same member, keeping the units of `stays`.
std::vector<Stay> Overlap(const std::vector<Stay>& stays, const std::vector<Stay>& others) {
  absl::flat_hash_map<std::string, std::vector<const Stay*>> by_member;
  for (const Stay& other : others) by_member[other.member].push_back(&other);
  std::vector<Stay> both;
  for (const Stay& stay : stays) {
    const auto found = by_member.find(stay.member);
    if (found == by_member.end()) continue;
    for (const Stay* other : found->second) {
      if (const std::optional<Days> days = Intersect(stay.days, other->days))
        both.push_back({stay.member, stay.unit, *days});
    }
  }
  return both;
}

}  // namespace

Values SumOf(const Series& series) {
  Values sum = {};
  for (const auto& [key, values] : series) AddTo(sum, values);
  return sum;
}

std::vector<std::string> FigureReader::LedUnits() const {
  const std::string self = IdIn(caller_.member());
  std::vector<std::string> led;
  if (!caller_.Has(access::Role::kManager)) return led;
  const auto found = directory_->managed_units.find(self);
  if (found == directory_->managed_units.end()) return led;
  std::set<std::string> now;
  for (const ManagedUnit& managed : found->second) {
    if (managed.first_day <= today_ && (!managed.last_day || today_ <= *managed.last_day))
      now.insert(managed.unit);
  }
  for (const std::string& unit : now) {
    const std::vector<std::string> path = directory_->organization.Path(unit, today_);
    const bool below =
        std::any_of(path.begin() + (path.empty() ? 0 : 1), path.end(),
                    [&now](const std::string& above) { return now.count(above) != 0; });
    if (!below) led.push_back(unit);
  }
  return led;
}

bool FigureReader::MaySeeUnit(const std::string& unit) const {
  if (caller_.scope().sees_all()) return true;
  const std::vector<std::string> led = LedUnits();
  for (const std::string& above : directory_->organization.Path(unit, today_)) {
    if (std::find(led.begin(), led.end(), above) != led.end()) return true;
  }
  return false;
}

bool FigureReader::MaySeeMember(const std::string& member) const { return caller_.MaySee(member); }

absl::StatusOr<Audience> FigureReader::PublicAudienceOf(const Filter& filter,
                                                        const Days& range) const {
  const Organization& organization = directory_->organization;
  if (!filter.unit.empty() && organization.FindUnit(filter.unit) == nullptr)
    return error::NotFound("units/" + filter.unit);
  if (!filter.member.empty() && organization.FindMember(filter.member) == nullptr) {
    return error::NotFound("members/" + filter.member);
  }
  Audience audience;
  if (!filter.member.empty()) audience.stays = {{filter.member, "", range}};
  if (!filter.unit.empty()) {
    const std::vector<Stay> in_unit = organization.StaysIn(filter.unit, range);
    audience.stays = filter.member.empty() ? in_unit : Overlap(in_unit, audience.stays);
  }
  audience.everybody = filter.unit.empty() && filter.member.empty();
  return audience;
}

absl::StatusOr<Audience> FigureReader::AudienceOf(const Filter& filter, const Days& range) const {
  absl::StatusOr<Audience> named = PublicAudienceOf(filter, range);
  if (!named.ok() || caller_.scope().sees_all()) return named;

  // Members in scope with all they ever earned, and what others earned in units that the caller
  // leads while they were there.
  const Organization& organization = directory_->organization;
  std::vector<Stay> visible;
  for (const std::string& member : caller_.scope().owners()) visible.push_back({member, "", range});
  const std::vector<std::string> led = LedUnits();
  if (!led.empty()) {
    for (Stay& stay : organization.StaysIn(led, range)) {
      if (!caller_.MaySee(stay.member)) visible.push_back(std::move(stay));
    }
  }
  if (named->everybody) {
    named->everybody = false;
    named->stays = std::move(visible);
    return named;
  }
  if (!filter.unit.empty() && !MaySeeUnit(filter.unit))
    return error::NotFound("units/" + filter.unit);
  if (!filter.member.empty()) {
    named->stays = Overlap(named->stays, visible);
    const bool seen = std::any_of(visible.begin(), visible.end(), [&filter](const Stay& stay) {
      return stay.member == filter.member;
    });
    if (!seen) return error::NotFound("members/" + filter.member);
  }
  return named;
}

FigureReader::Part& FigureReader::Add(size_t answer, const FigureRequest& request, const Days& days,
                                      MemberSelection who, Dim by_dim, bool by_member) {
  Part& part = parts_.emplace_back();
  part.answer = answer;
  part.query.group = request.group;
  part.query.range = days;
  part.query.granularity = request.granularity;
  part.query.who = std::move(who);
  part.query.filters = request.dims;
  part.query.by_dim = by_dim;
  part.query.by_member = by_member;
  part.query.by_sub = request.by_sub;
  part.query.currency = request.currency;
  part.first_days = FirstDays(request);
  return part;
}

size_t FigureReader::AskTotal(const FigureRequest& request, const Audience& audience) {
  const size_t answer = answers_.size();
  answers_.emplace_back();
  if (audience.everybody) {
    Add(answer, request, request.range, {}, Dim::kNone, false);
    return answer;
  }
  for (const auto& [days, stays] : ByDays(audience.stays)) {
    Add(answer, request, days, These(stays), Dim::kNone, false);
  }
  return answer;
}

size_t FigureReader::AskGrouped(const FigureRequest& request, const Audience& audience,
                                v1::Dimension by, const std::vector<std::string>& units) {
  const size_t answer = answers_.size();
  answers_.emplace_back();
  if (by == v1::UNIT) {
    for (const std::string& unit : units) answers_[answer][unit];
    std::vector<Stay> stays = directory_->organization.StaysIn(units, request.range);
    if (!audience.everybody) stays = Overlap(stays, audience.stays);
    // Read by member and added up here: a member's figures count for all units above.
    for (const auto& [days, together] : ByDays(stays)) {
      Part& part = Add(answer, request, days, These(together), Dim::kNone, true);
      part.group_by = Part::kUnits;
      for (const Stay* stay : together) part.units_of[stay->member].push_back(stay->unit);
    }
    return answer;
  }

  Grouping grouping;
  grouping.by = by;
  const bool by_member = by == v1::MEMBER;
  const Part::GroupBy group_by = by_member ? Part::kMember : Part::kKey;
  if (audience.everybody) {
    MemberSelection who;
    if (by_member) who.kind = MemberSelection::Kind::kEachMember;
    Add(answer, request, request.range, std::move(who), grouping.dim(), by_member).group_by =
        group_by;
    return answer;
  }
  for (const auto& [days, stays] : ByDays(audience.stays)) {
    Add(answer, request, days, These(stays), grouping.dim(), by_member).group_by = group_by;
  }
  return answer;
}

std::string_view FigureReader::Part::GroupOf(const FigureRow& row) const {
  switch (group_by) {
    case kNothing:
      return "";
    case kKey:
      return row.key;
    case kMember:
      return row.member == kNobody ? "" : row.member;
    case kUnits:
      return row.member;
  }
  return "";
}

absl::Status FigureReader::Run() {
  std::vector<FigureQuery> queries;
  queries.reserve(parts_.size());
  for (const Part& part : parts_) queries.push_back(part.query);
  // Where the rows of a part and member or key go: mostly where the row before went.
  size_t last_part = parts_.size();
  std::string last_group;
  std::vector<Series*> last_series;
  const absl::Status status =
      store_.Read(snapshot_, queries, [&](size_t part_number, const FigureRow& row) {
        const Part& part = parts_[part_number];
        const std::string_view group = part.GroupOf(row);
        if (part_number != last_part || group != last_group) {
          last_part = part_number;
          last_group = group;
          last_series.clear();
          std::map<std::string, Series>& answer = answers_[part.answer];
          if (part.group_by == Part::kUnits) {
            for (const std::string& unit : part.units_of.at(last_group))
              last_series.push_back(&answer[unit]);
          } else {
            last_series.push_back(&answer[last_group]);
          }
        }
        const size_t period = part.first_days.empty() ? 0 : PeriodIndex(part.first_days, row.day);
        for (Series* series : last_series) {
          const std::pair<size_t, std::string_view> key{period, row.sub};
          auto found = series->find(key);
          if (found == series->end())
            found = series->emplace(std::pair<size_t, std::string>(key), Values{}).first;
          AddTo(found->second, row.values);
        }
      });
  if (!status.ok()) return status;
  parts_.clear();
  return absl::OkStatus();
}

std::vector<std::string> FigureReader::UnitsOf(const Grouping& grouping, const Filter& filter,
                                               const Audience& audience, const Days& range) const {
  if (!grouping.names.empty()) return grouping.names;
  const absl::CivilDay day = std::min(range.last, today_);
  const Organization& organization = directory_->organization;
  if (!filter.unit.empty()) return organization.UnitsAt(filter.unit, grouping.unit_level, day);
  if (audience.everybody || caller_.scope().sees_all())
    return organization.UnitsAt("", grouping.unit_level, day);
  std::vector<std::string> units;
  for (const std::string& led : LedUnits()) {
    for (std::string& unit : organization.UnitsAt(led, grouping.unit_level, day))
      units.push_back(std::move(unit));
  }
  return units;
}

v1::ReportGroup FigureReader::GroupOf(v1::Dimension by, const std::string& id) const {
  v1::ReportGroup group;
  group.set_dimension(by);
  if (id.empty()) return group;
  std::string name = id;
  std::string title;
  const auto find = [&id](const absl::flat_hash_map<std::string, std::string>& titles) {
    const auto found = titles.find(id);
    return found == titles.end() ? std::string() : found->second;
  };
  switch (by) {
    case v1::MEMBER: {
      name = "members/" + id;
      const Member* member = directory_->organization.FindMember(id);
      if (member != nullptr) title = member->display_name;
      break;
    }
    case v1::UNIT: {
      name = "units/" + id;
      const Unit* unit = directory_->organization.FindUnit(id);
      if (unit != nullptr) title = unit->display_name;
      break;
    }
    case v1::PRODUCT:
      name = "products/" + id;
      title = find(directory_->product_titles);
      break;
    case v1::SOURCE:
      name = "sources/" + id;
      title = find(directory_->source_titles);
      break;
    default:
      break;
  }
  group.set_display_name(title.empty() ? name : title);
  group.set_name(std::move(name));
  return group;
}

}  // namespace milepost::reporting
