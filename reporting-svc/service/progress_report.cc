#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "platform/resource/page_token.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "reporting-svc/domain/errors.h"
#include "reporting-svc/domain/progress.h"
#include "reporting-svc/service/recorded_actuals.h"
#include "reporting-svc/service/report_service.h"

// The progress table of a plan on a date.
namespace milepost::reporting {
namespace {

// Rows are given by their place in the table; a plan that changes between two pages may move them.
constexpr size_t kPageKeyColumns = 1;

// One row of the table: a node, or all nodes of an owner.
struct TargetRow {
  std::vector<size_t> nodes;
  Days period;
  int depth = 0;
};

// What a row counts: whose figures, in which dimensions.
struct Measured {
  std::string unit;
  std::string member;
  std::map<Dim, std::string> dims;

  // `path`: the unit of the entry and those above it on its day.
  bool Counts(const RecordedActuals::Entry& entry, const std::vector<std::string>& path) const {
    const auto is = [&](Dim dim, const std::string& value) {
      const auto wanted = dims.find(dim);
      return wanted == dims.end() || wanted->second == value;
    };
    return (member.empty() || member == entry.member) &&
           (unit.empty() || std::find(path.begin(), path.end(), unit) != path.end()) &&
           is(Dim::kProduct, entry.product) && is(Dim::kRegion, entry.region) &&
           is(Dim::kChannel, entry.channel);
  }

  friend bool operator<(const Measured& a, const Measured& b) {
    return std::tie(a.unit, a.member, a.dims) < std::tie(b.unit, b.member, b.dims);
  }
};

Measured MeasuredOf(const PlanNode& node) {
  Measured measured{node.unit, node.member, {}};
  if (!node.member.empty()) measured.unit.clear();
  if (!node.product.empty()) measured.dims[Dim::kProduct] = node.product;
  if (!node.region.empty()) measured.dims[Dim::kRegion] = node.region;
  if (!node.channel.empty()) measured.dims[Dim::kChannel] = node.channel;
  return measured;
}

// Values by day (or by the first day of a month that is only needed whole), so that any range of a
// row is a sum in memory.
class Ledger {
 public:
  void Add(absl::CivilDay day, int64_t value) { by_day_[day] += value; }
  int64_t Sum(const std::optional<Days>& days) const {
    if (!days) return 0;
    int64_t sum = 0;
    for (auto entry = by_day_.lower_bound(days->first);
         entry != by_day_.end() && entry->first <= days->last; ++entry) {
      sum += entry->second;
    }
    return sum;
  }

 private:
  std::map<absl::CivilDay, int64_t> by_day_;
};

// The ranges that a row is asked for.
struct RowDays {
  std::optional<Days> day;
  std::optional<Days> week;
  std::optional<Days> month;
  std::optional<Days> to_date;
};

RowDays DaysOf(const Days& period, absl::CivilDay as_of) {
  RowDays days;
  days.day = Intersect(period, {as_of, as_of});
  days.week = Intersect(period, PeriodOf(as_of, Granularity::kWeek));
  days.month = Intersect(period, PeriodOf(as_of, Granularity::kMonth));
  if (as_of >= period.first) days.to_date = Days{period.first, std::min(period.last, as_of)};
  return days;
}

// Cuts the days that all ranges together reach over into as few pieces as keep every range a union
// of pieces: whole months where no range begins or ends inside, else days.
std::vector<std::pair<Days, Granularity>> Pieces(const std::set<Days>& ranges) {
  std::vector<std::pair<Days, Granularity>> pieces;
  if (ranges.empty()) return pieces;
  absl::CivilDay first = ranges.begin()->first;
  absl::CivilDay last = first;
  for (const Days& range : ranges) last = std::max(last, range.last);
  for (const Days& month : Cut({first, last}, Granularity::kMonth)) {
    bool touched = false;
    bool inside = false;
    for (const Days& range : ranges) {
      const std::optional<Days> both = Intersect(range, month);
      if (!both) continue;
      touched = true;
      if (*both != month) inside = true;
    }
    if (!touched) continue;
    // A month cut by the whole span itself is read by days too: no month cell is that short.
    const bool whole = month == PeriodOf(month.first, Granularity::kMonth);
    const Granularity granularity = inside || !whole ? Granularity::kDay : Granularity::kMonth;
    if (!pieces.empty() && pieces.back().second == granularity &&
        pieces.back().first.last + 1 == month.first) {
      pieces.back().first.last = month.last;
    } else {
      pieces.emplace_back(month, granularity);
    }
  }
  return pieces;
}

v1::TargetProgressReport::Status StatusOf(ProgressStatus status) {
  switch (status) {
    case ProgressStatus::kNotStarted:
      return v1::TargetProgressReport::NOT_STARTED;
    case ProgressStatus::kAchieved:
      return v1::TargetProgressReport::ACHIEVED;
    case ProgressStatus::kAhead:
      return v1::TargetProgressReport::AHEAD;
    case ProgressStatus::kOnTrack:
      return v1::TargetProgressReport::ON_TRACK;
    case ProgressStatus::kAtRisk:
      return v1::TargetProgressReport::AT_RISK;
    case ProgressStatus::kBehind:
      return v1::TargetProgressReport::BEHIND;
    case ProgressStatus::kMissed:
      return v1::TargetProgressReport::MISSED;
  }
  return v1::TargetProgressReport::STATUS_UNSPECIFIED;
}

// The rows of the view by owner: for every unit and member the topmost nodes that are for it alone.
std::vector<TargetRow> OwnerRows(const PlanTree& tree, const std::vector<size_t>& nodes,
                                 const Organization& organization, absl::CivilDay as_of) {
  struct Owner {
    std::string unit;
    std::string member;
    std::vector<size_t> nodes;
  };
  std::map<std::pair<std::string, std::string>, Owner> owners;
  const auto owner_of = [&](size_t i) -> std::optional<std::pair<std::string, std::string>> {
    const PlanNode& node = tree.nodes()[i];
    if (!node.product.empty() || !node.region.empty() || !node.channel.empty() ||
        !node.customer.empty())
      return std::nullopt;
    if (!node.member.empty()) return std::make_pair(std::string(), node.member);
    return std::make_pair(node.unit, std::string());
  };
  const std::set<size_t> asked(nodes.begin(), nodes.end());
  for (const size_t i : nodes) {
    const auto owner = owner_of(i);
    if (!owner) continue;
    const std::optional<size_t> parent = tree.ParentOf(i);
    // A node below one of the same owner is a part of it.
    if (parent && asked.count(*parent) != 0 && owner_of(*parent) == owner) continue;
    Owner& entry = owners[*owner];
    entry.unit = owner->first;
    entry.member = owner->second;
    entry.nodes.push_back(i);
  }
  // A unit's row stands below that of the unit above it, a member's below that of its unit.
  const auto path_of = [&](const Owner& owner) {
    std::vector<std::string> path;
    if (!owner.member.empty()) path.push_back(absl::StrCat("~", owner.member));
    const std::string unit =
        owner.member.empty() ? owner.unit : organization.UnitOf(owner.member, as_of);
    for (const std::string& above : organization.Path(unit, as_of)) path.push_back(above);
    std::reverse(path.begin(), path.end());
    return path;
  };
  std::vector<std::pair<std::vector<std::string>, Owner>> sorted;
  for (auto& [key, owner] : owners) sorted.emplace_back(path_of(owner), std::move(owner));
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<TargetRow> rows;
  std::vector<std::vector<std::string>> above;
  for (auto& [path, owner] : sorted) {
    TargetRow row;
    row.nodes = std::move(owner.nodes);
    row.period = tree.nodes()[row.nodes.front()].period;
    for (const size_t i : row.nodes) {
      row.period.first = std::min(row.period.first, tree.nodes()[i].period.first);
      row.period.last = std::max(row.period.last, tree.nodes()[i].period.last);
    }
    while (!above.empty() &&
           !(above.back().size() < path.size() &&
             std::equal(above.back().begin(), above.back().end(), path.begin()))) {
      above.pop_back();
    }
    row.depth = static_cast<int>(above.size());
    above.push_back(path);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

absl::StatusOr<v1::TargetProgressReport> ReportService::TargetProgress(
    const rpc::Caller& caller, db::Session& session, const v1::GetTargetProgressRequest& request) {
  status::FieldViolations violations;
  const resource::Page page = resource::ReadPage(request, kPageKeyColumns, violations);
  const absl::StatusOr<ProgressQuery> query =
      ParseProgress(request, Today(), std::move(violations));
  if (!query.ok()) return query.status();
  return session.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::TargetProgressReport> {
    absl::StatusOr<Opening> opening = Open(snapshot, {});
    if (!opening.ok()) return opening.status();
    const absl::StatusOr<std::shared_ptr<const Plan>> found =
        directories_.GetPlan(snapshot, query->plan);
    if (!found.ok()) return found.status();
    // A what-if branch is nobody's target.
    if (*found == nullptr || (*found)->plan.state() == target::v1::BRANCH)
      return error::NotFound(request.name());
    const Plan& plan = **found;
    const PlanTree& tree = plan.tree;
    FigureReader reader(caller, snapshot, figures_, opening->directory, Today());
    const Organization& organization = opening->directory->organization;
    const absl::CivilDay as_of = query->as_of;

    // Who may see a node: whoever may see its figures, everybody if the plan is public, and those
    // who stand below it.
    const std::string self = caller.member().substr(caller.member().rfind('/') + 1);
    const std::vector<std::string> own_path =
        organization.Path(organization.UnitOf(self, Today()), Today());
    const bool sees_plan = caller.scope().sees_all() ||
                           plan.plan.visibility() == target::v1::PUBLIC ||
                           (!self.empty() && plan.plan.owner() == caller.member());
    // Those below see their chain once the plan is in force.
    const bool in_force =
        plan.plan.state() == target::v1::ACTIVE || plan.plan.state() == target::v1::CLOSED;
    const auto visible = [&](const PlanNode& node) {
      if (sees_plan) return true;
      if (!node.member.empty())
        return node.member == self ? in_force : reader.MaySeeMember(node.member);
      if (!node.unit.empty() && reader.MaySeeUnit(node.unit)) return true;
      if (!in_force || own_path.empty()) return false;
      return node.unit.empty() ||
             std::find(own_path.begin(), own_path.end(), node.unit) != own_path.end();
    };
    const std::optional<size_t> top =
        query->node.empty() ? (tree.nodes().empty() ? std::optional<size_t>() : size_t{0})
                            : tree.Find(query->node);
    if (!top || !visible(tree.nodes()[*top])) return error::NotFound(request.name());
    const std::string metric_id = plan.plan.metric().substr(plan.plan.metric().rfind('/') + 1);
    const Metric* metric = FindMetric(metric_id);
    std::optional<RecordedActuals> recorded;  // If no event yields actual values.
    if (metric == nullptr) {
      absl::StatusOr<std::optional<RecordedActuals>> read =
          ReadRecordedActuals(snapshot, documents_, metric_id);
      if (!read.ok()) return read.status();
      recorded = *std::move(read);
      if (!recorded) return error::MetricNotDerived(plan.plan.metric(), plan.plan.name());
    }
    const bool money = metric != nullptr ? metric->money : recorded->money;

    // A hidden node hides all below it.
    std::vector<size_t> nodes;
    std::set<size_t> hidden;
    const bool all_levels = query->by_owner || !query->depth;
    for (const size_t i :
         tree.Subtree(*top, all_levels ? std::numeric_limits<int>::max() : *query->depth)) {
      const std::optional<size_t> parent = tree.ParentOf(i);
      if ((parent && hidden.count(*parent) != 0) || !visible(tree.nodes()[i])) {
        hidden.insert(i);
      } else {
        nodes.push_back(i);
      }
    }
    std::vector<TargetRow> rows;
    if (query->by_owner) {
      rows = OwnerRows(tree, nodes, organization, as_of);
      if (query->depth) {
        std::erase_if(rows, [&](const TargetRow& row) { return row.depth > *query->depth; });
      }
    } else {
      for (const size_t i : nodes)
        rows.push_back(
            {{i}, tree.nodes()[i].period, tree.nodes()[i].depth - tree.nodes()[*top].depth});
    }

    int64_t begin = 0;
    if (!page.after.empty()) begin = std::strtoll(page.after[0].c_str(), nullptr, 10);
    begin = std::clamp<int64_t>(begin, 0, static_cast<int64_t>(rows.size()));
    const size_t end = std::min(rows.size(), static_cast<size_t>(begin) + page.size);

    // What the rows of this page need, each thing once.
    std::map<Measured, size_t> measured_places;
    std::vector<Measured> measured;
    std::set<Days> ranges;
    for (size_t r = begin; r < end; ++r) {
      const PlanNode& node = tree.nodes()[rows[r].nodes.front()];
      if (!node.customer.empty())
        return error::CustomerTarget(absl::StrCat("plans/", query->plan, "/nodes/", node.id));
      Measured key = MeasuredOf(node);
      if (query->by_owner) key.dims.clear();
      if (measured_places.emplace(key, measured.size()).second) measured.push_back(std::move(key));
      const RowDays days = DaysOf(rows[r].period, as_of);
      for (const std::optional<Days>& range : {days.day, days.week, days.month, days.to_date}) {
        if (!range) continue;
        const std::optional<Days> until =
            Intersect(*range, {range->first, std::max(range->first, as_of)});
        if (until && range->first <= as_of) ranges.insert(*until);
      }
    }

    // The figures of each thing measured, by piece of time. Members are read together, units each
    // by themselves.
    std::vector<std::pair<Days, Granularity>> pieces;
    if (metric != nullptr) pieces = Pieces(ranges);
    struct Place {
      size_t answer = 0;
      std::string member;  // Whose part of the answer it is; empty for all of it.
      const std::pair<Days, Granularity>* piece = nullptr;
    };
    std::map<Measured, std::vector<Place>> places;
    std::map<std::map<Dim, std::string>, std::vector<std::string>> members;
    for (const Measured& key : measured) {
      if (!key.member.empty()) members[key.dims].push_back(key.member);
    }
    for (const auto& piece : pieces) {
      FigureRequest figures{metric->group, piece.first,
                            piece.second,  {},
                            false,         metric->money ? plan.plan.currency_code() : ""};
      for (const Measured& key : measured) {
        if (!key.member.empty()) continue;
        Audience audience;
        audience.everybody = key.unit.empty();
        if (!key.unit.empty()) audience.stays = organization.StaysIn(key.unit, piece.first);
        figures.dims = key.dims;
        places[key].push_back({reader.AskTotal(figures, audience), "", &piece});
      }
      for (const auto& [dims, ids] : members) {
        Audience audience;
        for (const std::string& id : ids) audience.stays.push_back({id, "", piece.first});
        figures.dims = dims;
        const size_t answer = reader.AskGrouped(figures, audience, v1::MEMBER, {});
        for (const std::string& id : ids)
          places[Measured{"", id, dims}].push_back({answer, id, &piece});
      }
    }
    if (absl::Status s = reader.Run(); !s.ok()) return s;

    std::map<Measured, Ledger> ledgers;
    for (const auto& [key, of_key] : places) {
      const int value =
          metric->ValueFor(key.dims.count(Dim::kProduct) != 0 ? Dim::kProduct : Dim::kNone);
      for (const Place& place : of_key) {
        const std::vector<Days> periods = Cut(place.piece->first, place.piece->second);
        const std::map<std::string, Series>& answer = reader.Grouped(place.answer);
        const auto found = answer.find(place.member);
        if (found == answer.end()) continue;
        for (const auto& [at, values] : found->second)
          ledgers[key].Add(periods[at.first].first, values[value]);
      }
    }
    if (recorded) {
      for (const RecordedActuals::Entry& entry : recorded->entries) {
        const std::vector<std::string> path = organization.Path(entry.unit, entry.day);
        for (const Measured& key : measured) {
          if (key.Counts(entry, path)) ledgers[key].Add(entry.day, entry.value);
        }
      }
    }
    // Whole months are booked on their first day; no range that is summed begins or ends inside
    // one.
    const auto actual_of = [&](const Measured& key, const std::optional<Days>& days) -> int64_t {
      if (!days || days->first > as_of) return 0;
      return ledgers[key].Sum(Days{days->first, std::min(days->last, as_of)});
    };

    // Targets through the days that figures begin before and end with.
    std::map<absl::CivilDay, std::vector<int64_t>> through_days;
    const auto target_of = [&](const TargetRow& row) {
      int64_t sum = 0;
      for (const size_t i : row.nodes) sum += tree.nodes()[i].target;
      return sum;
    };
    const auto through = [&](const TargetRow& row, absl::CivilDay day) -> int64_t {
      if (day < row.period.first) return 0;
      if (day >= row.period.last) return target_of(row);
      auto known = through_days.find(day);
      if (known == through_days.end()) {
        known = through_days.emplace(day, tree.TargetsThrough(day, opening->directory->calendars))
                    .first;
      }
      int64_t sum = 0;
      for (const size_t i : row.nodes) sum += known->second[i];
      return sum;
    };

    v1::TargetProgressReport report;
    report.set_plan(plan.plan.name());
    report.set_display_name(plan.plan.title());
    report.set_metric(plan.plan.metric());
    report.set_value_kind(money ? v1::MONEY : v1::COUNT);
    if (money) report.set_currency_code(plan.plan.currency_code());
    *report.mutable_as_of_date() = ToProto(as_of);
    for (size_t r = begin; r < end; ++r) {
      const TargetRow& target_row = rows[r];
      const PlanNode& node = tree.nodes()[target_row.nodes.front()];
      Measured key = MeasuredOf(node);
      v1::TargetProgressReport::Row& row = *report.add_rows();
      row.set_depth(target_row.depth);
      if (!query->by_owner) {
        row.set_node(absl::StrCat("plans/", query->plan, "/nodes/", node.id));
        if (!node.parent.empty() && target_row.depth > 0) {
          row.set_parent(absl::StrCat("plans/", query->plan, "/nodes/", node.parent));
        }
        row.set_display_name(node.display_name);
        if (!node.product.empty()) row.set_product(absl::StrCat("products/", node.product));
        row.set_region(node.region);
        row.set_channel(node.channel);
      } else {
        key.dims.clear();
      }
      if (!node.unit.empty() && (!query->by_owner || node.member.empty()))
        row.set_unit(absl::StrCat("units/", node.unit));
      if (!node.member.empty()) row.set_member(absl::StrCat("members/", node.member));
      if (row.display_name().empty()) {
        row.set_display_name(
            !node.member.empty() ? reader.GroupOf(v1::MEMBER, node.member).display_name()
            : !node.unit.empty() ? reader.GroupOf(v1::UNIT, node.unit).display_name()
                                 : plan.plan.title());
      }
      *row.mutable_period() = ToProto(DayRange{target_row.period.first, target_row.period.last});
      const int64_t target = target_of(target_row);
      const RowDays days = DaysOf(target_row.period, as_of);
      const int64_t actual = actual_of(key, days.to_date);
      row.set_target(target);
      row.set_actual(actual);
      const auto fill = [&](const std::optional<Days>& range,
                            v1::TargetProgressReport::Figures& figures) {
        if (!range) return;
        *figures.mutable_days() = ToProto(DayRange{range->first, range->last});
        figures.set_target(through(target_row, range->last) -
                           through(target_row, range->first - 1));
        figures.set_actual(actual_of(key, range));
        if (const auto ppm = RatioPpm(figures.actual(), figures.target()))
          figures.set_attainment_ppm(*ppm);
      };
      fill(days.day, *row.mutable_day());
      fill(days.week, *row.mutable_week());
      fill(days.month, *row.mutable_month());
      fill(days.to_date, *row.mutable_to_date());

      static const WorkingCalendar kDefault;
      const auto known = opening->directory->calendars.find(node.calendar);
      const WorkingCalendar& calendar =
          known == opening->directory->calendars.end() ? kDefault : known->second;
      const Progress progress = ProgressOf(
          target, actual, as_of, DayWeights(calendar, target_row.period), calendar.UsualWeight());
      if (progress.attainment_ppm) row.set_attainment_ppm(*progress.attainment_ppm);
      row.set_gap(progress.gap);
      row.set_time_gone_ppm(progress.time_gone_ppm);
      if (progress.pace_ppm) row.set_pace_ppm(*progress.pace_ppm);
      if (progress.required_per_day) row.set_required_per_day(*progress.required_per_day);
      row.set_remaining_days_hundredths(progress.remaining_days_hundredths);
      if (progress.projected_landing) row.set_projected_landing(*progress.projected_landing);
      row.set_status(StatusOf(progress.status));
    }
    if (end < rows.size())
      report.set_next_page_token(resource::NextPageToken(request, {absl::StrCat(end)}));
    *report.mutable_freshness() = std::move(opening->freshness);
    return report;
  });
}

}  // namespace milepost::reporting
