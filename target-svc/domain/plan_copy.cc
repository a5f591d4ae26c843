#include "target-svc/domain/plan_copy.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "target-svc/domain/errors.h"
#include "target-svc/domain/limits.h"
#include "target-svc/domain/shares.h"

namespace milepost::target {
namespace {

int64_t Days(DayRange range) { return range.last - range.first + 1; }

absl::CivilDay AddMonths(absl::CivilDay day, int64_t months) {
  const absl::CivilMonth month = absl::CivilMonth(day) + months;
  return std::min(absl::CivilDay(month) + (day.day() - 1), absl::CivilDay(month + 1) - 1);
}

// Where days of `from` lie in `to`; nothing if they are outside.
std::optional<DayRange> Moved(DayRange days, DayRange from, DayRange to) {
  DayRange moved;
  if (from.first.day() == to.first.day()) {
    const int64_t months = absl::CivilMonth(to.first) - absl::CivilMonth(from.first);
    // The day before the day after: the end of a month stays the end of a month.
    moved = {AddMonths(days.first, months), AddMonths(days.last + 1, months) - 1};
  } else {
    const int64_t by = to.first - from.first;
    moved = {days.first + by, days.last + by};
  }
  moved.first = std::max(moved.first, to.first);
  moved.last = std::min(moved.last, to.last);
  if (moved.last < moved.first) return std::nullopt;
  return moved;
}

// The step of the calendar by which `days` are cut into these parts, if it is one.
std::optional<PeriodKind> GrainOf(const std::vector<const Node*>& parts, DayRange days) {
  for (const bool labels : {true, false}) {  // A single part may be a year as well as a month.
    for (const PeriodKind grain : {PeriodKind::kYear, PeriodKind::kQuarter, PeriodKind::kMonth,
                                   PeriodKind::kWeek, PeriodKind::kDay}) {
      const std::vector<Period> steps = Periods(days, grain);
      bool same = steps.size() == parts.size();
      for (size_t i = 0; same && i < parts.size(); ++i) {
        same = parts[i]->scope.period == steps[i].days &&
               (!labels || parts[i]->key == PeriodLabel(grain, steps[i].days.first));
      }
      if (same) return grain;
    }
  }
  return std::nullopt;
}

struct CopiedPart {
  const Node* model = nullptr;
  PartSpec part;
  int64_t weight = 0;
};

class Copier {
 public:
  Copier(const std::vector<Node>& source, Plan& plan, const CopyRule& rule,
         const WorkingCalendar& calendar)
      : source_(source), plan_(plan), rule_(rule), calendar_(calendar) {
    for (const Node& node : source) children_[{node.parent_id, node.breakdown_id}].push_back(&node);
  }

  absl::StatusOr<PlanCopy> Run() {
    Node root = RootOf(plan_);
    Keep(source_.front(), root);
    if (absl::Status s = CopyBelow(source_.front(), std::move(root)); !s.ok()) return s;
    std::sort(copy_.nodes.begin(), copy_.nodes.end(),
              [](const Node& a, const Node& b) { return a.path < b.path; });
    return std::move(copy_);
  }

 private:
  void Notice(CopyNoticeKind kind, const Node& node, const std::string& why) {
    copy_.notices.push_back({kind, node.id, node.dimension, node.key, why});
  }

  // What a node keeps of the one it comes from, apart from its value.
  void Keep(const Node& model, Node& node) const {
    if (rule_.keep_notes) node.note = model.note;
    if (rule_.keep_bounds) {
      node.min_units = model.min_units;
      node.max_units = model.max_units;
    }
  }

  CopiedPart PartOf(const Node& model) const {
    CopiedPart part{&model, {}, model.target_units};
    part.part.key = model.key;
    part.part.display_name = model.display_name;
    if (rule_.keep_locks && model.locked) part.part.lock = model.target_units;
    if (rule_.keep_bounds) {
      part.part.min = model.min_units;
      part.part.max = model.max_units;
    }
    return part;
  }

  std::vector<CopiedPart> Owners(const std::vector<const Node*>& models, const Node& node) {
    std::vector<CopiedPart> parts;
    std::map<std::string, size_t> by_key;
    for (const Node* model : models) {
      CopiedPart part = PartOf(*model);
      if (model->dimension == Dimension::kUnit || model->dimension == Dimension::kMember) {
        const CopiedOwner owner =
            rule_.owner(model->dimension, model->key, node.scope.unit_id, node.scope.period);
        if (!owner.key) {
          Notice(CopyNoticeKind::kLeftOut, *model, owner.why);
          continue;
        }
        if (*owner.key != model->key) Notice(CopyNoticeKind::kReplaced, *model, owner.why);
        part.part.key = *owner.key;
        part.part.display_name = owner.display_name;
      }
      const auto [same, added] = by_key.try_emplace(part.part.key, parts.size());
      if (added) {
        parts.push_back(std::move(part));
        continue;
      }
      // One has the place of another too: both shares, without what was agreed for one alone.
      CopiedPart& both = parts[same->second];
      both.weight += part.weight;
      both.part.lock.reset();
      both.part.min.reset();
      both.part.max.reset();
    }
    return parts;
  }

  std::vector<CopiedPart> PeriodsOf(const std::vector<const Node*>& models, const Node& source,
                                    const Node& node) {
    const DayRange from = source.scope.period;
    const DayRange to = node.scope.period;
    std::vector<CopiedPart> parts;
    const std::optional<PeriodKind> grain = GrainOf(models, from);
    if (!grain) {
      for (const Node* model : models) {
        const std::optional<DayRange> days = Moved(model->scope.period, from, to);
        if (!days) {
          Notice(CopyNoticeKind::kPeriodLeftOut, *model, "its days are outside the new ones");
          continue;
        }
        CopiedPart part = PartOf(*model);
        part.part.period = *days;
        parts.push_back(std::move(part));
      }
      return parts;
    }
    int64_t mean = 0;
    for (const Node* model : models)
      mean += model->target_units / static_cast<int64_t>(models.size());
    std::vector<PartSpec> steps = PeriodParts(to, *grain);
    for (size_t i = 0; i < steps.size(); ++i) {
      const bool known = i < models.size();
      const Node& model = *models[std::min(i, models.size() - 1)];
      CopiedPart part = known ? PartOf(model) : CopiedPart{&model, {}, mean};
      const DayRange days = *steps[i].period;
      // A week cut by the edge of a year is not the whole one that it stands for.
      if (known && *grain == PeriodKind::kWeek) {
        part.weight =
            static_cast<int64_t>(absl::int128(part.weight) * Days(days) / Days(model.scope.period));
      }
      // A name that was its label follows; any other stays.
      if (!known || part.part.display_name == model.key)
        part.part.display_name = steps[i].display_name;
      part.part.key = std::move(steps[i].key);
      part.part.period = days;
      if (!known && *grain != PeriodKind::kDay) {
        Notice(
            CopyNoticeKind::kPeriodAdded, model,
            absl::StrCat(part.part.key, " is one more; it weighs what the others do on average"));
      }
      parts.push_back(std::move(part));
    }
    for (size_t i = steps.size(); i < models.size() && *grain != PeriodKind::kDay; ++i)
      Notice(CopyNoticeKind::kPeriodLeftOut, *models[i], "the new days have no place for it");
    return parts;
  }

  // Adds `node`, which comes from `source`, and all below it.
  absl::Status CopyBelow(const Node& source, Node node) {
    const size_t at = copy_.nodes.size();
    if (at >= static_cast<size_t>(kMaxPlanNodes))
      return error::TooManyNodes("plans/" + plan_.id, kMaxPlanNodes + 1);
    copy_.nodes.emplace_back();
    for (const Breakdown& breakdown : source.breakdowns) {
      const auto models = children_.find({source.id, breakdown.id});
      if (models == children_.end()) continue;
      std::vector<CopiedPart> parts = breakdown.dimension == Dimension::kPeriod
                                          ? PeriodsOf(models->second, source, node)
                                          : Owners(models->second, node);
      if (parts.empty()) {
        Notice(CopyNoticeKind::kNotSplit, source,
               absl::StrCat("breakdown '", breakdown.id, "' has no parts left"));
        continue;
      }
      if (parts.size() > kMaxChildren) return error::TooManyChildren(node.Name(), parts.size());
      SplitRule rule{.dimension = breakdown.dimension,
                     .breakdown_id = breakdown.id,
                     .method = breakdown.method,
                     .stretch_ppm = breakdown.stretch_ppm,
                     .rounding_units = breakdown.rounding_units};
      const std::vector<int64_t> weights = WeightsOf(parts, rule);
      std::vector<PartSpec> specs;
      for (const CopiedPart& part : parts) specs.push_back(part.part);
      absl::StatusOr<std::vector<Node>> children =
          MakeChildren(node, rule, breakdown.slot, specs, weights);
      if (!children.ok()) return children.status();
      node.breakdowns.push_back({breakdown.id, breakdown.slot, breakdown.dimension, rule.method,
                                 breakdown.stretch_ppm, breakdown.rounding_units,
                                 static_cast<int64_t>(children->size()),
                                 rule_.keep_notes ? breakdown.note : ""});
      for (size_t i = 0; i < children->size(); ++i) {
        Node& child = (*children)[i];
        child.id = absl::StrCat("n", plan_.next_node_number++);
        Keep(*parts[i].model, child);
        // Of parts put together, bounds of one are not those of both.
        child.min_units = parts[i].part.min;
        child.max_units = parts[i].part.max;
        if (absl::Status s = CopyBelow(*parts[i].model, std::move(child)); !s.ok()) return s;
      }
    }
    copy_.nodes[at] = std::move(node);
    return absl::OkStatus();
  }

  // What the parts weigh; says in the rule by what.
  std::vector<int64_t> WeightsOf(const std::vector<CopiedPart>& parts, SplitRule& rule) const {
    std::vector<int64_t> weights;
    if (rule.method == SplitMethod::kWorkingCalendar && rule.dimension == Dimension::kPeriod) {
      std::vector<DayRange> ranges;
      for (const CopiedPart& part : parts) ranges.push_back(*part.part.period);
      weights = CalendarWeights(calendar_, ranges).weights;
    } else if (rule.method == SplitMethod::kEven) {
      weights.assign(parts.size(), 1);
    } else {
      rule.method = SplitMethod::kCopy;
      absl::int128 sum = 0;
      for (const CopiedPart& part : parts) sum += part.weight;
      // Weights add up in 64 bits; targets that were imported need not.
      const auto scale = static_cast<int64_t>(sum / std::numeric_limits<int64_t>::max()) + 1;
      for (const CopiedPart& part : parts) weights.push_back(part.weight / scale);
    }
    // Nothing to go by: a node without a target, or without a working day.
    if (std::all_of(weights.begin(), weights.end(), [](int64_t weight) { return weight == 0; })) {
      rule.method = SplitMethod::kEven;
      weights.assign(parts.size(), 1);
    }
    return weights;
  }

  const std::vector<Node>& source_;
  Plan& plan_;
  const CopyRule& rule_;
  const WorkingCalendar& calendar_;
  std::map<std::pair<std::string, std::string>, std::vector<const Node*>> children_;
  PlanCopy copy_;
};

}  // namespace

absl::StatusOr<PlanCopy> CopyNodes(const std::vector<Node>& source, Plan& plan,
                                   const CopyRule& rule, const WorkingCalendar& calendar) {
  if (source.empty()) return absl::InternalError("a plan without nodes");
  return Copier(source, plan, rule, calendar).Run();
}

}  // namespace milepost::target
