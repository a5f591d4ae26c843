#include "reporting-svc/service/report_service.h"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/types/money.h"
#include "platform/types/proto.h"
#include "reporting-svc/domain/cycle.h"
#include "reporting-svc/domain/errors.h"
#include "reporting-svc/domain/ranking.h"
#include "reporting-svc/domain/record.h"

namespace milepost::reporting {
namespace {

// A stage counts as a bottleneck only with so many opportunities decided.
constexpr int64_t kBottleneckDecided = 10;
// A live leaderboard looks so often whether its client is gone or the server drains.
constexpr absl::Duration kLookAround = absl::Milliseconds(50);

type::v1::DateRange ToProto(const Days& days) {
  return milepost::ToProto(DayRange{days.first, days.last});
}

v1::ValueKind KindOf(const Metric& metric) { return metric.money ? v1::MONEY : v1::COUNT; }

// Parts per million, as an optional field wants them.
template <typename Set>
void SetRatio(int64_t numerator, int64_t denominator, const Set& set) {
  if (const std::optional<int64_t> ratio = RatioPpm(numerator, denominator)) set(*ratio);
}

int64_t DivideRounded(int64_t numerator, int64_t denominator) {
  const int64_t half = denominator / 2;
  return numerator >= 0 ? (numerator + half) / denominator : -((-numerator + half) / denominator);
}

bool OfProcess(const std::string& process, const std::string& sub) {
  return process.empty() || sub == process || ParseStageSub(sub).first == process;
}

// Stages that occur in a series, in the order of their processes.
struct StageRow {
  std::string process;
  std::string stage;
  std::string title;
  std::string next;  // The stage after it, `won` after the last, empty if the process is not known.
  Values values = {};
};

std::vector<StageRow> StagesOf(const Series& series, const std::string& process,
                               const Directory& directory) {
  struct Place {
    std::string process;
    size_t index = std::numeric_limits<size_t>::max();
    StageRow row;
  };
  std::vector<Place> places;
  for (const auto& [key, values] : series) {
    const auto [process_id, stage_id] = ParseStageSub(key.second);
    if (!process.empty() && process_id != process) continue;
    Place place{process_id,
                std::numeric_limits<size_t>::max(),
                {process_id, stage_id, stage_id, "", values}};
    const auto found = directory.processes.find(process_id);
    if (found != directory.processes.end()) {
      const auto& stages = found->second.stages;
      for (size_t i = 0; i < stages.size(); ++i) {
        if (stages[i].first != stage_id) continue;
        place.index = i;
        place.row.title = stages[i].second;
        place.row.next = i + 1 < stages.size() ? stages[i + 1].first : "won";
      }
    }
    places.push_back(std::move(place));
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.process, a.index, a.row.stage) < std::tie(b.process, b.index, b.row.stage);
  });
  std::vector<StageRow> rows;
  rows.reserve(places.size());
  for (Place& place : places) rows.push_back(std::move(place.row));
  return rows;
}

v1::FunnelReport::Funnel FunnelOf(v1::ReportGroup group, const Series& openings,
                                  const Series& stages, const std::string& process,
                                  const Directory& directory) {
  v1::FunnelReport::Funnel funnel;
  *funnel.mutable_group() = std::move(group);
  Values sum = {};
  for (const auto& [key, values] : openings) {
    if (!OfProcess(process, key.second)) continue;
    AddTo(sum, values);
  }
  funnel.set_opened(sum[opened::kOpened]);
  funnel.set_open(sum[opened::kOpen]);
  funnel.set_won(sum[opened::kWon]);
  funnel.set_lost(sum[opened::kLost]);
  SetRatio(funnel.won(), funnel.won() + funnel.lost(),
           [&](int64_t ppm) { funnel.set_win_rate_ppm(ppm); });
  std::optional<int64_t> narrowest;
  for (const StageRow& row : StagesOf(stages, process, directory)) {
    v1::FunnelReport::Stage& stage = *funnel.add_stages();
    const Values& values = row.values;
    stage.set_process(absl::StrCat("processes/", row.process));
    stage.set_stage(row.stage);
    stage.set_display_name(row.title);
    stage.set_entered(values[stage::kEntered]);
    stage.set_converted(values[stage::kConverted]);
    stage.set_lost(values[stage::kLost]);
    stage.set_pending(values[stage::kPending]);
    stage.set_current(values[stage::kCurrent]);
    SetRatio(stage.converted(), stage.entered(),
             [&](int64_t ppm) { stage.set_conversion_ppm(ppm); });
    const int64_t decided = stage.converted() + stage.lost();
    SetRatio(stage.converted(), decided,
             [&](int64_t ppm) { stage.set_decided_conversion_ppm(ppm); });
    if (values[stage::kVisitsEnded] > 0) {
      stage.set_mean_seconds_in_stage(
          DivideRounded(values[stage::kSeconds], values[stage::kVisitsEnded]));
    }
    if (decided >= kBottleneckDecided &&
        (!narrowest || stage.decided_conversion_ppm() < *narrowest)) {
      narrowest = stage.decided_conversion_ppm();
      funnel.set_bottleneck_stage(row.stage);
    }
  }
  return funnel;
}

v1::WinLossReport::Row WinLossOf(v1::ReportGroup group, const Series& counts,
                                 const Series& amounts) {
  v1::WinLossReport::Row row;
  *row.mutable_group() = std::move(group);
  for (const auto& [key, values] : counts) {
    row.set_won(row.won() + values[closed::kWon]);
    row.set_lost(row.lost() + values[closed::kLost]);
  }
  const Values in_currency = SumOf(amounts);
  row.set_won_amount(in_currency[closed::kWonAmount]);
  row.set_lost_amount(in_currency[closed::kLostAmount]);
  if (in_currency[closed::kWon] > 0) {
    row.set_mean_won_amount(DivideRounded(row.won_amount(), in_currency[closed::kWon]));
  }
  SetRatio(row.won(), row.won() + row.lost(), [&](int64_t ppm) { row.set_win_rate_ppm(ppm); });
  for (const auto& [key, values] : counts) {
    const auto [won, reason] = ParseReasonSub(key.second);
    const int64_t count = values[won ? closed::kWon : closed::kLost];
    if (count == 0) continue;
    v1::WinLossReport::Reason& entry = *row.add_reasons();
    entry.set_reason(reason);
    entry.set_won(won);
    entry.set_count(count);
    SetRatio(count, won ? row.won() : row.lost(), [&](int64_t ppm) { entry.set_share_ppm(ppm); });
  }
  std::sort(row.mutable_reasons()->begin(), row.mutable_reasons()->end(),
            [](const v1::WinLossReport::Reason& a, const v1::WinLossReport::Reason& b) {
              if (a.won() != b.won()) return a.won();
              if (a.count() != b.count()) return a.count() > b.count();
              return a.reason() < b.reason();
            });
  return row;
}

v1::SalesCycleReport::Row CycleOf(v1::ReportGroup group, const Series& series) {
  v1::SalesCycleReport::Row row;
  *row.mutable_group() = std::move(group);
  Histogram histogram;
  for (const auto& [key, values] : series)
    histogram[std::strtoll(key.second.c_str(), nullptr, 10)] += values[cycle::kCount];
  if (const std::optional<CycleStats> stats = StatsOf(histogram)) {
    row.set_count(stats->count);
    row.set_mean_days_hundredths(stats->mean);
    row.set_median_days_hundredths(stats->median);
    row.set_p90_days_hundredths(stats->p90);
    row.set_min_days_hundredths(stats->min);
    row.set_max_days_hundredths(stats->max);
  }
  return row;
}

v1::RevenueReport::Cell RevenueCell(const Days& period, const Values& values, bool by_product) {
  v1::RevenueReport::Cell cell;
  *cell.mutable_period() = ToProto(period);
  cell.set_revenue(values[order::kRevenue]);
  cell.set_orders(values[by_product ? order::kProductOrders : order::kOrders]);
  cell.set_gross_profit(values[order::kGrossProfit]);
  return cell;
}

v1::RevenueReport::Row RevenueRow(v1::ReportGroup group, const Series& series,
                                  const std::vector<Days>& periods, const Days& range,
                                  bool by_product) {
  v1::RevenueReport::Row row;
  *row.mutable_group() = std::move(group);
  Values sum = {};
  int64_t before = 0;
  for (size_t i = 0; i < periods.size(); ++i) {
    const auto found = series.find({i, ""});
    const Values values = found == series.end() ? Values{} : found->second;
    AddTo(sum, values);
    v1::RevenueReport::Cell& cell = *row.add_cells();
    cell = RevenueCell(periods[i], values, by_product);
    if (i > 0 && before > 0) {
      SetRatio(cell.revenue() - before, before, [&](int64_t ppm) { cell.set_growth_ppm(ppm); });
    }
    before = cell.revenue();
  }
  *row.mutable_sum() = RevenueCell(range, sum, by_product);
  return row;
}

// How many were opened and what became of them, and the stages that they were in.
std::vector<FigureRequest> FunnelFigures(const FunnelQuery& query) {
  const FigureRequest openings{Group::kOpened,    query.opened, Granularity::kWhole,
                               query.filter.dims, true,         ""};
  FigureRequest stages = openings;
  stages.group = Group::kStage;
  return {openings, stages};
}

// One after the other by a value, the highest first, then by name; rows without a group's name
// last.
template <typename Row, typename ValueOf>
void SortRows(google::protobuf::RepeatedPtrField<Row>& rows, const ValueOf& value_of) {
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const bool named_a = !a.group().name().empty();
    const bool named_b = !b.group().name().empty();
    if (named_a != named_b) return named_a;
    if (value_of(a) != value_of(b)) return value_of(a) > value_of(b);
    return a.group().display_name() < b.group().display_name();
  });
}

// What came back, in the order of days and origins; adds it to the values of its days.
void AddReturns(const Series& series, const std::vector<Days>& days, int value,
                v1::Actuals::Row& row) {
  std::map<std::pair<size_t, std::string>, int64_t> back;
  for (const auto& [key, values] : series) {
    if (!key.second.empty() && values[value] != 0) back[key] = values[value];
  }
  for (const auto& [key, amount] : back) {
    const int place = static_cast<int>(key.first);
    row.set_values(place, row.values(place) + amount);
    v1::Actuals::Return& message = *row.add_returns();
    *message.mutable_date() = milepost::ToProto(days[key.first].first);
    if (const auto origin = ParseReturnSub(key.second))
      *message.mutable_origin_date() = milepost::ToProto(*origin);
    message.set_value(amount);
  }
}

}  // namespace

ReportService::ReportService(rpc::Runner& runner, FreshnessReader& freshness, FigureStore& figures,
                             Options options)
    : rpc_(runner), freshness_(freshness), options_(std::move(options)), figures_(figures) {
  rpc_.Register<v1::ReportService>();
}

absl::CivilDay ReportService::Today() const {
  return absl::ToCivilDay(rpc_.now(), rpc_.options().zone);
}

absl::StatusOr<ReportService::Opening> ReportService::Open(db::Snapshot& snapshot,
                                                           const Filter& filter) {
  absl::StatusOr<FreshnessReader::Answer> freshness = freshness_.Read(snapshot);
  if (!freshness.ok()) return freshness.status();
  if (freshness->rebuilding) return error::Rebuilding();
  Opening opening;
  opening.freshness = std::move(freshness->freshness);
  absl::StatusOr<std::shared_ptr<const Directory>> directory =
      directories_.Get(snapshot, freshness->directory_version);
  if (!directory.ok()) return directory.status();
  opening.directory = *std::move(directory);
  const auto product = filter.dims.find(Dim::kProduct);
  if (product != filter.dims.end() &&
      !opening.directory->product_titles.contains(product->second)) {
    return error::NotFound(absl::StrCat("products/", product->second));
  }
  const auto source = filter.dims.find(Dim::kSource);
  if (source != filter.dims.end() && !opening.directory->source_titles.contains(source->second)) {
    return error::NotFound(absl::StrCat("sources/", source->second));
  }
  return opening;
}

template <typename Report, typename Query, typename Fill>
absl::StatusOr<Report> ReportService::Grouped(const rpc::Caller& caller, db::Session& session,
                                              const Query& query,
                                              const std::vector<FigureRequest>& asked,
                                              const Fill& fill) {
  const Days range = asked.front().range;
  return session.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<Report> {
    absl::StatusOr<Opening> opening = Open(snapshot, query.filter);
    if (!opening.ok()) return opening.status();
    FigureReader reader(caller, snapshot, figures_, opening->directory, Today());
    const absl::StatusOr<Audience> audience = reader.AudienceOf(query.filter, range);
    if (!audience.ok()) return audience.status();
    const Grouping& grouping = query.grouping;
    std::vector<size_t> totals;
    std::vector<size_t> groups;
    for (const FigureRequest& figures : asked)
      totals.push_back(reader.AskTotal(figures, *audience));
    if (grouping.grouped()) {
      const std::vector<std::string> units =
          reader.UnitsOf(grouping, query.filter, *audience, range);
      for (const FigureRequest& figures : asked)
        groups.push_back(reader.AskGrouped(figures, *audience, grouping.by, units));
    }
    if (absl::Status s = reader.Run(); !s.ok()) return s;

    static const Series kNone;
    Answered total{"", reader.GroupOf(v1::DIMENSION_UNSPECIFIED, ""), {}};
    for (const size_t place : totals) total.series.push_back(&reader.Total(place));
    std::vector<Answered> rows;
    if (!groups.empty()) {
      for (const auto& [id, series] : reader.Grouped(groups.front())) {
        Answered& row = rows.emplace_back();
        row.id = id;
        row.group = reader.GroupOf(grouping.by, id);
        for (const size_t place : groups) {
          const auto found = reader.Grouped(place).find(id);
          row.series.push_back(found == reader.Grouped(place).end() ? &kNone : &found->second);
        }
      }
    }
    Report report;
    fill(total, rows, *opening->directory, report);
    *report.mutable_freshness() = std::move(opening->freshness);
    return report;
  });
}

absl::StatusOr<v1::FunnelReport> ReportService::Funnel(const rpc::Caller& caller,
                                                       db::Session& session,
                                                       const v1::GetFunnelRequest& request) {
  const absl::StatusOr<FunnelQuery> query = ParseFunnel(request);
  if (!query.ok()) return query.status();
  return Grouped<v1::FunnelReport>(
      caller, session, *query, FunnelFigures(*query),
      [&](const Answered& total, const std::vector<Answered>& rows, const Directory& directory,
          v1::FunnelReport& report) {
        const auto funnel_of = [&](const Answered& row) {
          return FunnelOf(row.group, *row.series[0], *row.series[1], query->process, directory);
        };
        *report.mutable_total() = funnel_of(total);
        for (const Answered& row : rows) {
          v1::FunnelReport::Funnel funnel = funnel_of(row);
          if (funnel.opened() > 0 || query->grouping.by == v1::UNIT)
            *report.add_groups() = std::move(funnel);
        }
        SortRows(*report.mutable_groups(),
                 [](const v1::FunnelReport::Funnel& funnel) { return funnel.opened(); });
      });
}

absl::StatusOr<v1::ConversionRates> ReportService::Conversions(
    const rpc::Caller& caller, db::Session& session, const v1::GetConversionRatesRequest& request) {
  const absl::StatusOr<FunnelQuery> query = ParseConversionRates(request);
  if (!query.ok()) return query.status();
  return Grouped<v1::ConversionRates>(
      caller, session, *query, FunnelFigures(*query),
      [&](const Answered& total, const std::vector<Answered>& rows, const Directory& directory,
          v1::ConversionRates& rates) {
        const auto row_of = [&](const Answered& answered) {
          const v1::FunnelReport::Funnel funnel =
              FunnelOf(answered.group, *answered.series[0], {}, query->process, directory);
          v1::ConversionRates::Row row;
          *row.mutable_group() = answered.group;
          if (funnel.has_win_rate_ppm()) row.set_win_rate_ppm(funnel.win_rate_ppm());
          for (const StageRow& stage : StagesOf(*answered.series[1], query->process, directory)) {
            v1::ConversionRates::Step& step = *row.add_steps();
            step.set_process(absl::StrCat("processes/", stage.process));
            step.set_from_stage(stage.stage);
            step.set_to_stage(stage.next);
            step.set_converted(stage.values[stage::kConverted]);
            step.set_decided(stage.values[stage::kConverted] + stage.values[stage::kLost]);
            SetRatio(step.converted(), step.decided(),
                     [&](int64_t ppm) { step.set_rate_ppm(ppm); });
          }
          return row;
        };
        *rates.mutable_total() = row_of(total);
        for (const Answered& row : rows) *rates.add_rows() = row_of(row);
      });
}

absl::StatusOr<v1::Leaderboard> ReportService::Leaders(const rpc::Caller& caller,
                                                       db::Session& session,
                                                       const LeaderboardQuery& query) {
  return session.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::Leaderboard> {
    absl::StatusOr<Opening> opening = Open(snapshot, query.filter);
    if (!opening.ok()) return opening.status();
    FigureReader reader(caller, snapshot, figures_, opening->directory, Today());
    const Days previous = PreviousOf(query.range);
    const auto audience_of = [&](const Days& range) {
      return options_.leaderboard == LeaderboardVisibility::kEverybody
                 ? reader.PublicAudienceOf(query.filter, range)
                 : reader.AudienceOf(query.filter, range);
    };
    const absl::StatusOr<Audience> audience = audience_of(query.range);
    if (!audience.ok()) return audience.status();
    const absl::StatusOr<Audience> audience_before = audience_of(previous);
    if (!audience_before.ok()) return audience_before.status();
    const Metric& metric = *query.metric;
    const std::string currency = metric.money ? query.currency : "";
    const bool by_unit = query.subject.by == v1::UNIT;
    std::vector<std::string> units;
    if (by_unit) units = reader.UnitsOf(query.subject, query.filter, *audience, query.range);
    const FigureRequest now{metric.group,      query.range, Granularity::kWhole,
                            query.filter.dims, false,       currency};
    FigureRequest before = now;
    before.range = previous;
    const size_t place_now = reader.AskGrouped(now, *audience, query.subject.by, units);
    const size_t place_before =
        reader.AskGrouped(before, *audience_before, query.subject.by, units);
    if (absl::Status s = reader.Run(); !s.ok()) return s;

    // Everybody who is there takes part, with or without figures.
    std::map<std::string, Standing> standings;
    const Organization& organization = opening->directory->organization;
    if (!by_unit) {
      if (audience->everybody) {
        for (const Member& member : organization.members()) {
          if (organization.IsPresent(member, query.range)) standings[member.id];
        }
      } else {
        for (const Stay& stay : audience->stays) {
          const Member* member = organization.FindMember(stay.member);
          if (member != nullptr && organization.IsPresent(*member, stay.days))
            standings[stay.member];
        }
      }
    }
    const bool for_product = query.filter.dims.count(Dim::kProduct) != 0;
    const int value = metric.ValueFor(for_product ? Dim::kProduct : Dim::kNone);
    for (const auto& [id, series] : reader.Grouped(place_now)) {
      if (id.empty()) continue;  // What nobody is credited with has no place.
      const Values values = SumOf(series);
      standings[id].value = values[value];
      standings[id].active = !IsZero(values);
    }
    for (const auto& [id, series] : reader.Grouped(place_before)) {
      const auto found = standings.find(id);
      if (found == standings.end()) continue;
      const Values values = SumOf(series);
      found->second.previous_value = values[value];
      found->second.previously_active = !IsZero(values);
    }
    std::vector<Standing> list;
    int64_t total = 0;
    for (auto& [id, standing] : standings) {
      standing.id = id;
      standing.display_name = reader.GroupOf(query.subject.by, id).display_name();
      total += standing.value;
      list.push_back(std::move(standing));
    }

    v1::Leaderboard board;
    board.set_metric(absl::StrCat("metrics/", metric.id));
    board.set_value_kind(KindOf(metric));
    if (metric.money) board.set_currency_code(query.currency);
    *board.mutable_range() = ToProto(query.range);
    *board.mutable_previous_range() = ToProto(previous);
    board.set_subject_count(static_cast<int32_t>(list.size()));
    board.set_total(total);
    for (const Ranked& ranked : Rank(std::move(list))) {
      if (board.rows_size() == query.limit) break;
      v1::Leaderboard::Row& row = *board.add_rows();
      row.set_rank(ranked.rank);
      *row.mutable_subject() = reader.GroupOf(query.subject.by, ranked.standing.id);
      if (!by_unit) {
        const std::string unit = organization.UnitOf(ranked.standing.id, query.range.last);
        if (!unit.empty()) row.set_unit(absl::StrCat("units/", unit));
      }
      row.set_value(ranked.standing.value);
      if (total > 0)
        SetRatio(ranked.standing.value, total, [&](int64_t ppm) { row.set_share_ppm(ppm); });
      row.set_inactive(!ranked.standing.active);
      if (ranked.previous_rank) row.set_previous_rank(*ranked.previous_rank);
      row.set_previous_value(ranked.standing.previous_value);
      if (ranked.rank_change) row.set_rank_change(*ranked.rank_change);
    }
    *board.mutable_freshness() = std::move(opening->freshness);
    return board;
  });
}

absl::Status ReportService::Watch(const rpc::Caller& caller, db::Session& session,
                                  const v1::WatchLeaderboardRequest& request,
                                  rpc::Writer<v1::Leaderboard>& writer) {
  const absl::StatusOr<LeaderboardQuery> query = ParseLeaderboard(request, options_.currency);
  if (!query.ok()) return query.status();
  std::string sent;
  absl::Time sent_time = absl::InfinitePast();
  while (true) {
    const uint64_t seen = freshness_.applied().count();
    absl::StatusOr<v1::Leaderboard> board = Leaders(caller, session, *query);
    if (!board.ok()) return board.status();
    session.EndRead();
    v1::Leaderboard without_freshness = *board;
    without_freshness.clear_freshness();
    const std::string content = without_freshness.SerializeAsString();
    const absl::Time now = absl::Now();
    if (content != sent || now - sent_time >= options_.watch_heartbeat) {
      if (!writer.Write(*std::move(board))) return absl::OkStatus();
      sent = content;
      sent_time = now;
    }
    const absl::Time earliest = now + options_.watch_interval;
    const absl::Time latest = sent_time + options_.watch_heartbeat;
    for (absl::Time at = now;
         at < earliest || (at < latest && freshness_.applied().count() == seen); at = absl::Now()) {
      if (writer.Draining()) {
        return status::Error(absl::StatusCode::kUnavailable, "SERVER_DRAINING",
                             "the server is going away; call again");
      }
      if (writer.Ended()) return absl::OkStatus();
      if (at < earliest) {
        absl::SleepFor(std::min(earliest - at, kLookAround));
      } else {
        freshness_.applied().WaitPast(seen, std::min(latest - at, kLookAround));
      }
    }
  }
}

absl::StatusOr<v1::WinLossReport> ReportService::WinLoss(const rpc::Caller& caller,
                                                         db::Session& session,
                                                         const v1::GetWinLossRequest& request) {
  const absl::StatusOr<ClosedQuery> query = ParseWinLoss(request, options_.currency);
  if (!query.ok()) return query.status();
  // Counts by reason, and amounts in one currency.
  const std::vector<FigureRequest> asked = {
      {Group::kClosed, query->closed, Granularity::kWhole, query->filter.dims, true, ""},
      {Group::kClosed, query->closed, Granularity::kWhole, query->filter.dims, false,
       query->currency}};
  return Grouped<v1::WinLossReport>(
      caller, session, *query, asked,
      [&](const Answered& total, const std::vector<Answered>& rows, const Directory&,
          v1::WinLossReport& report) {
        report.set_currency_code(query->currency);
        *report.mutable_total() = WinLossOf(total.group, *total.series[0], *total.series[1]);
        for (const Answered& row : rows)
          *report.add_rows() = WinLossOf(row.group, *row.series[0], *row.series[1]);
        SortRows(*report.mutable_rows(),
                 [](const v1::WinLossReport::Row& row) { return row.won() + row.lost(); });
      });
}

absl::StatusOr<v1::SalesCycleReport> ReportService::SalesCycle(
    const rpc::Caller& caller, db::Session& session, const v1::GetSalesCycleRequest& request) {
  const absl::StatusOr<ClosedQuery> query = ParseSalesCycle(request);
  if (!query.ok()) return query.status();
  return Grouped<v1::SalesCycleReport>(
      caller, session, *query,
      {{Group::kCycle, query->closed, Granularity::kWhole, query->filter.dims, true, ""}},
      [](const Answered& total, const std::vector<Answered>& rows, const Directory&,
         v1::SalesCycleReport& report) {
        *report.mutable_total() = CycleOf(total.group, *total.series[0]);
        for (const Answered& row : rows) *report.add_rows() = CycleOf(row.group, *row.series[0]);
        SortRows(*report.mutable_rows(),
                 [](const v1::SalesCycleReport::Row& row) { return row.count(); });
      });
}

absl::StatusOr<v1::RevenueReport> ReportService::Revenue(const rpc::Caller& caller,
                                                         db::Session& session,
                                                         const v1::GetRevenueRequest& request) {
  const absl::StatusOr<SeriesQuery> query = ParseRevenue(request, options_.currency);
  if (!query.ok()) return query.status();
  return Grouped<v1::RevenueReport>(
      caller, session, *query,
      {{Group::kOrder, query->range, query->granularity, query->filter.dims, false,
        query->currency}},
      [&](const Answered& total, const std::vector<Answered>& rows, const Directory&,
          v1::RevenueReport& report) {
        report.set_currency_code(query->currency);
        const std::vector<Days> periods = Cut(query->range, query->granularity);
        for (const Days& period : periods) *report.add_periods() = ToProto(period);
        const bool for_product = query->filter.dims.count(Dim::kProduct) != 0;
        *report.mutable_total() =
            RevenueRow(total.group, *total.series[0], periods, query->range, for_product);
        const int64_t all = report.total().sum().revenue();
        if (all > 0) report.mutable_total()->set_share_ppm(1'000'000);
        for (const Answered& answered : rows) {
          v1::RevenueReport::Row& row = *report.add_rows();
          row = RevenueRow(answered.group, *answered.series[0], periods, query->range,
                           for_product || query->grouping.by == v1::PRODUCT);
          if (all > 0)
            SetRatio(row.sum().revenue(), all, [&](int64_t ppm) { row.set_share_ppm(ppm); });
        }
        SortRows(*report.mutable_rows(),
                 [](const v1::RevenueReport::Row& row) { return row.sum().revenue(); });
      });
}

absl::StatusOr<v1::Actuals> ReportService::ActualValues(const rpc::Caller& caller,
                                                        db::Session& session,
                                                        const v1::GetActualsRequest& request) {
  const absl::StatusOr<SeriesQuery> query = ParseActuals(request, options_.currency);
  if (!query.ok()) return query.status();
  return session.Read([&](db::Snapshot& snapshot) -> absl::StatusOr<v1::Actuals> {
    absl::StatusOr<Opening> opening = Open(snapshot, query->filter);
    if (!opening.ok()) return opening.status();
    FigureReader reader(caller, snapshot, figures_, opening->directory, Today());
    const absl::StatusOr<Audience> audience = reader.AudienceOf(query->filter, query->range);
    if (!audience.ok()) return audience.status();
    const Metric& metric = *query->metric;
    const Grouping& grouping = query->grouping;
    const FigureRequest figures{metric.group,         query->range,
                                query->granularity,   query->filter.dims,
                                query->returns_apart, metric.money ? query->currency : ""};
    const size_t place =
        grouping.grouped()
            ? reader.AskGrouped(figures, *audience, grouping.by,
                                reader.UnitsOf(grouping, query->filter, *audience, query->range))
            : reader.AskTotal(figures, *audience);
    if (absl::Status s = reader.Run(); !s.ok()) return s;

    v1::Actuals actuals;
    actuals.set_metric(absl::StrCat("metrics/", metric.id));
    actuals.set_value_kind(KindOf(metric));
    if (metric.money) actuals.set_currency_code(query->currency);
    const std::vector<Days> periods = Cut(query->range, query->granularity);
    for (const Days& period : periods) *actuals.add_periods() = ToProto(period);
    const bool for_product =
        query->filter.dims.count(Dim::kProduct) != 0 || grouping.by == v1::PRODUCT;
    const int value = metric.ValueFor(for_product ? Dim::kProduct : Dim::kNone);
    const auto add_row = [&](v1::ReportGroup group, const Series& series) {
      v1::Actuals::Row& row = *actuals.add_rows();
      *row.mutable_group() = std::move(group);
      for (size_t i = 0; i < periods.size(); ++i) {
        const auto found = series.find({i, ""});
        row.add_values(found == series.end() ? 0 : found->second[value]);
      }
      if (query->returns_apart) AddReturns(series, periods, value, row);
      for (const int64_t one : row.values()) row.set_sum(row.sum() + one);
    };
    if (!grouping.grouped()) {
      add_row(reader.GroupOf(v1::DIMENSION_UNSPECIFIED, ""), reader.Total(place));
    } else if (grouping.names.empty()) {
      for (const auto& [id, series] : reader.Grouped(place))
        add_row(reader.GroupOf(grouping.by, id), series);
    } else {
      const std::map<std::string, Series>& groups = reader.Grouped(place);
      for (const std::string& id : grouping.names) {
        const auto found = groups.find(id);
        add_row(reader.GroupOf(grouping.by, id), found == groups.end() ? Series() : found->second);
      }
    }
    *actuals.mutable_freshness() = std::move(opening->freshness);
    return actuals;
  });
}

// One line per override: the runner does the rest.

grpc::ServerUnaryReactor* ReportService::GetTargetProgress(
    grpc::CallbackServerContext* context, const v1::GetTargetProgressRequest* request,
    v1::TargetProgressReport* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return TargetProgress(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetFunnel(grpc::CallbackServerContext* context,
                                                   const v1::GetFunnelRequest* request,
                                                   v1::FunnelReport* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Funnel(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetLeaderboard(grpc::CallbackServerContext* context,
                                                        const v1::GetLeaderboardRequest* request,
                                                        v1::Leaderboard* response) {
  return rpc_.Run(
      *context, *request, *response,
      [this](const rpc::Caller& caller, db::Session& session,
             const v1::GetLeaderboardRequest& asked) -> absl::StatusOr<v1::Leaderboard> {
        const absl::StatusOr<LeaderboardQuery> query = ParseLeaderboard(asked, options_.currency);
        if (!query.ok()) return query.status();
        return Leaders(caller, session, *query);
      });
}
grpc::ServerWriteReactor<v1::Leaderboard>* ReportService::WatchLeaderboard(
    grpc::CallbackServerContext* context, const v1::WatchLeaderboardRequest* request) {
  return rpc_.RunServerStream<v1::Leaderboard>(*context, *request,
                                               [this](auto&... call) { return Watch(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetWinLoss(grpc::CallbackServerContext* context,
                                                    const v1::GetWinLossRequest* request,
                                                    v1::WinLossReport* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return WinLoss(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetSalesCycle(grpc::CallbackServerContext* context,
                                                       const v1::GetSalesCycleRequest* request,
                                                       v1::SalesCycleReport* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return SalesCycle(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetRevenue(grpc::CallbackServerContext* context,
                                                    const v1::GetRevenueRequest* request,
                                                    v1::RevenueReport* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Revenue(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetKpiBoard(grpc::CallbackServerContext* context,
                                                     const v1::GetKpiBoardRequest* request,
                                                     v1::KpiBoard* response) {
  return rpc_.Run(*context, *request, *response, [this](auto&... call) { return Kpis(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetActuals(grpc::CallbackServerContext* context,
                                                    const v1::GetActualsRequest* request,
                                                    v1::Actuals* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return ActualValues(call...); });
}
grpc::ServerUnaryReactor* ReportService::GetConversionRates(
    grpc::CallbackServerContext* context, const v1::GetConversionRatesRequest* request,
    v1::ConversionRates* response) {
  return rpc_.Run(*context, *request, *response,
                  [this](auto&... call) { return Conversions(call...); });
}

}  // namespace milepost::reporting
