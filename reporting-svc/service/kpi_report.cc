#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "reporting-svc/domain/cycle.h"
#include "reporting-svc/service/report_service.h"

// The board of key figures: every metric, and ratios between them, for a period, the one before and
// a year ago.
namespace milepost::reporting {
namespace {

using Key = std::optional<int64_t>;

// Key figures of one period.
struct KeyFigures {
  std::map<std::string, int64_t> metrics;
  Histogram cycles;
  int64_t members = 0;

  Key Of(const std::string& id) const { return metrics.at(id); }
  Key Ratio(int64_t numerator, int64_t denominator) const {
    if (denominator <= 0) return std::nullopt;
    return RatioPpm(numerator, denominator);
  }
  Key Quotient(int64_t numerator, int64_t denominator) const {
    if (denominator <= 0) return std::nullopt;
    return numerator >= 0 ? (numerator + denominator / 2) / denominator
                          : -((-numerator + denominator / 2) / denominator);
  }
};

struct KpiDefinition {
  const char* id;
  v1::ValueKind kind;
  Key (*value)(const KeyFigures& figures);
};

constexpr std::array<KpiDefinition, 16> kKpis = {{
    {"revenue", v1::MONEY, [](const KeyFigures& f) { return f.Of("revenue"); }},
    {"orders", v1::COUNT, [](const KeyFigures& f) { return f.Of("orders"); }},
    {"average-order", v1::MONEY,
     [](const KeyFigures& f) {
       return f.Quotient(f.metrics.at("revenue"), f.metrics.at("orders"));
     }},
    {"gross-profit", v1::MONEY, [](const KeyFigures& f) { return f.Of("gross-profit"); }},
    {"gross-margin", v1::PPM,
     [](const KeyFigures& f) {
       return f.Ratio(f.metrics.at("gross-profit"), f.metrics.at("revenue"));
     }},
    {"revenue-per-member", v1::MONEY,
     [](const KeyFigures& f) { return f.Quotient(f.metrics.at("revenue"), f.members); }},
    {"collections", v1::MONEY, [](const KeyFigures& f) { return f.Of("collections"); }},
    {"leads", v1::COUNT, [](const KeyFigures& f) { return f.Of("leads"); }},
    {"won-opportunities", v1::COUNT, [](const KeyFigures& f) { return f.Of("won-opportunities"); }},
    {"lost-opportunities", v1::COUNT,
     [](const KeyFigures& f) { return f.Of("lost-opportunities"); }},
    {"win-rate", v1::PPM,
     [](const KeyFigures& f) {
       return f.Ratio(f.metrics.at("won-opportunities"),
                      f.metrics.at("won-opportunities") + f.metrics.at("lost-opportunities"));
     }},
    {"won-amount", v1::MONEY, [](const KeyFigures& f) { return f.Of("won-amount"); }},
    {"mean-cycle", v1::HUNDREDTHS_OF_DAYS,
     [](const KeyFigures& f) {
       const std::optional<CycleStats> stats = StatsOf(f.cycles);
       return stats ? Key(stats->mean) : Key();
     }},
    {"new-customers", v1::COUNT, [](const KeyFigures& f) { return f.Of("new-customers"); }},
    {"visits", v1::COUNT, [](const KeyFigures& f) { return f.Of("visits"); }},
    {"interactions", v1::COUNT, [](const KeyFigures& f) { return f.Of("interactions"); }},
}};

// Growth in parts per million; of ratios the difference.
Key Growth(v1::ValueKind kind, const Key& now, const Key& before) {
  if (!now || !before) return std::nullopt;
  if (kind == v1::PPM) return *now - *before;
  if (*before <= 0) return std::nullopt;
  return RatioPpm(*now - *before, *before);
}

}  // namespace

absl::StatusOr<v1::KpiBoard> ReportService::Kpis(const rpc::Caller& caller, db::Session& session,
                                                 const v1::GetKpiBoardRequest& request) {
  const absl::StatusOr<SeriesQuery> query = ParseKpiBoard(request, options_.currency);
  if (!query.ok()) return query.status();
  return session.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::KpiBoard> {
    absl::StatusOr<Opening> opening = Open(snapshot, query->filter);
    if (!opening.ok()) return opening.status();
    FigureReader reader(caller, snapshot, figures_, opening->directory, Today());
    const std::array<Days, 3> ranges = {query->range, PreviousOf(query->range),
                                        YearBefore(query->range)};
    const Organization& organization = opening->directory->organization;
    const bool for_product = query->filter.dims.count(Dim::kProduct) != 0;

    std::array<std::map<std::string, size_t>, 3> places;
    std::array<size_t, 3> cycle_places = {};
    std::array<KeyFigures, 3> figures;
    for (size_t i = 0; i < ranges.size(); ++i) {
      const absl::StatusOr<Audience> audience = reader.AudienceOf(query->filter, ranges[i]);
      if (!audience.ok()) return audience.status();
      // Metrics of one group and kind are one figure of the store.
      std::map<std::pair<Group, bool>, size_t> asked;
      for (const Metric& metric : Metrics()) {
        const std::pair<Group, bool> group(metric.group, metric.money);
        if (!asked.contains(group)) {
          asked[group] =
              reader.AskTotal({metric.group, ranges[i], Granularity::kWhole, query->filter.dims,
                               false, metric.money ? query->currency : ""},
                              *audience);
        }
        places[i][metric.id] = asked[group];
      }
      cycle_places[i] = reader.AskTotal(
          {Group::kCycle, ranges[i], Granularity::kWhole, query->filter.dims, true, ""}, *audience);
      if (audience->everybody) {
        for (const Member& member : organization.members()) {
          figures[i].members += organization.IsPresent(member, ranges[i]) ? 1 : 0;
        }
      } else {
        std::map<std::string, bool> present;
        for (const Stay& stay : audience->stays) {
          const Member* member = organization.FindMember(stay.member);
          if (member != nullptr && organization.IsPresent(*member, stay.days))
            present[stay.member] = true;
        }
        figures[i].members = static_cast<int64_t>(present.size());
      }
    }
    if (absl::Status s = reader.Run(); !s.ok()) return s;
    for (size_t i = 0; i < ranges.size(); ++i) {
      for (const Metric& metric : Metrics()) {
        const int value = metric.ValueFor(for_product ? Dim::kProduct : Dim::kNone);
        figures[i].metrics[metric.id] = SumOf(reader.Total(places[i][metric.id]))[value];
      }
      for (const auto& [key, values] : reader.Total(cycle_places[i])) {
        figures[i].cycles[std::strtoll(key.second.c_str(), nullptr, 10)] += values[cycle::kCount];
      }
    }

    v1::KpiBoard board;
    for (const KpiDefinition& definition : kKpis) {
      v1::KpiBoard::Kpi& kpi = *board.add_kpis();
      kpi.set_id(definition.id);
      kpi.set_value_kind(definition.kind);
      const Key now = definition.value(figures[0]);
      const Key before = definition.value(figures[1]);
      const Key year_ago = definition.value(figures[2]);
      if (now) kpi.set_value(*now);
      if (before) kpi.set_previous_value(*before);
      if (year_ago) kpi.set_year_ago_value(*year_ago);
      if (const Key growth = Growth(definition.kind, now, before)) kpi.set_growth_ppm(*growth);
      if (const Key growth = Growth(definition.kind, now, year_ago))
        kpi.set_year_on_year_ppm(*growth);
    }
    *board.mutable_range() = ToProto(DayRange{ranges[0].first, ranges[0].last});
    *board.mutable_previous_range() = ToProto(DayRange{ranges[1].first, ranges[1].last});
    *board.mutable_year_ago_range() = ToProto(DayRange{ranges[2].first, ranges[2].last});
    board.set_currency_code(query->currency);
    *board.mutable_freshness() = std::move(opening->freshness);
    return board;
  });
}

}  // namespace milepost::reporting
