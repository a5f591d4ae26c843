#include "cli/reports.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "cli/table.h"
#include "cli/text.h"
#include "milepost/reporting/v1/report.pb.h"
#include "milepost/target/v1/activity.pb.h"
#include "milepost/target/v1/planning.pb.h"

namespace milepost::cli {
namespace {

namespace v1 = reporting::v1;

// Writes values for a terminal or, plain, for CSV.
class Writer {
 public:
  explicit Writer(Format format) : csv_(format == Format::kCsv), chinese_(ChineseLocale()) {}

  bool csv() const { return csv_; }
  std::string Money(int64_t fen) const {
    return csv_ ? PlainMoney(fen) : FormatMoney(fen, chinese_);
  }
  std::string Count(int64_t count) const { return csv_ ? absl::StrCat(count) : FormatCount(count); }
  std::string Ppm(bool has, int64_t ppm) const {
    return !has ? Nothing() : csv_ ? absl::StrCat(ppm) : FormatPpm(ppm);
  }
  std::string Days(bool has, int64_t hundredths) const {
    return has ? FormatHundredths(hundredths) : Nothing();
  }
  std::string Value(v1::ValueKind kind, int64_t value) const {
    switch (kind) {
      case v1::MONEY:
        return Money(value);
      case v1::PPM:
        return Ppm(true, value);
      case v1::HUNDREDTHS_OF_DAYS:
        return Days(true, value);
      default:
        return Count(value);
    }
  }
  std::string Nothing() const { return csv_ ? "" : "-"; }

  void Heading(const std::string& text) const {
    if (!csv_) std::printf("%s\n", text.c_str());
  }
  void Print(const Table& table) const {
    std::fputs((csv_ ? table.ToCsv() : table.ToText()).c_str(), stdout);
  }
  void Fresh(const v1::Freshness& freshness) const;

 private:
  bool csv_;
  bool chinese_;
};

void Writer::Fresh(const v1::Freshness& freshness) const {
  if (csv_) return;
  std::vector<std::string> parts;
  for (const auto& source : freshness.sources()) {
    const int64_t behind = source.head_position() - source.position();
    std::string text = absl::StrCat(
        source.source(), " ", behind <= 0 ? "current" : absl::StrCat(behind, " events behind"));
    if (source.parked_events() > 0) absl::StrAppend(&text, ", ", source.parked_events(), " parked");
    parts.push_back(std::move(text));
  }
  std::printf("Fresh: %s\n", absl::StrJoin(parts, "; ").c_str());
}

std::string Day(const type::v1::Date& date) {
  return absl::StrFormat("%04d-%02d-%02d", date.year(), date.month(), date.day());
}

std::string Range(const type::v1::DateRange& range) {
  return absl::StrCat(Day(range.first_date()), "..", Day(range.last_date()));
}

// `AT_RISK` as people read it.
std::string Word(const std::string& name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
}

std::string Name(const v1::ReportGroup& group) {
  if (group.dimension() == v1::DIMENSION_UNSPECIFIED) return "all";
  if (!group.display_name().empty()) return group.display_name();
  return group.name().empty() ? "(none)" : group.name();
}

const char* GroupTitle(const v1::ReportGroup& group) {
  switch (group.dimension()) {
    case v1::MEMBER:
      return "member";
    case v1::UNIT:
      return "unit";
    case v1::PRODUCT:
      return "product";
    case v1::SOURCE:
      return "source";
    case v1::REGION:
      return "region";
    case v1::CHANNEL:
      return "channel";
    default:
      return "group";
  }
}

void Print(const v1::TargetProgressReport& report, const Writer& out) {
  out.Heading(
      absl::StrCat("Target progress: ", report.display_name(), " on ", Day(report.as_of_date())));
  Table table({{"node"},
               {"period"},
               {"target", true},
               {"actual", true},
               {"attainment", true},
               {"gap", true},
               {"pace", true},
               {"today", true},
               {"month", true},
               {"per day needed", true},
               {"projected", true},
               {"status"}});
  for (const auto& row : report.rows()) {
    const auto value = [&](int64_t v) { return out.Value(report.value_kind(), v); };
    const std::string indent(out.csv() ? 0 : static_cast<size_t>(row.depth()) * 2, ' ');
    table.Add({absl::StrCat(indent, row.display_name()), Range(row.period()), value(row.target()),
               value(row.actual()), out.Ppm(row.has_attainment_ppm(), row.attainment_ppm()),
               value(row.gap()), out.Ppm(row.has_pace_ppm(), row.pace_ppm()),
               value(row.day().actual()),
               out.Ppm(row.month().has_attainment_ppm(), row.month().attainment_ppm()),
               row.has_required_per_day() ? value(row.required_per_day()) : out.Nothing(),
               row.has_projected_landing() ? value(row.projected_landing()) : out.Nothing(),
               Word(v1::TargetProgressReport::Status_Name(row.status()))});
  }
  out.Print(table);
  out.Fresh(report.freshness());
}

void Print(const v1::FunnelReport& report, const Writer& out) {
  out.Heading("Funnel");
  Table totals({{report.groups_size() > 0 ? GroupTitle(report.groups(0).group()) : "group"},
                {"opened", true},
                {"open", true},
                {"won", true},
                {"lost", true},
                {"win rate", true},
                {"bottleneck"}});
  const auto total = [&](const v1::FunnelReport::Funnel& funnel, const std::string& name) {
    totals.Add({name, out.Count(funnel.opened()), out.Count(funnel.open()), out.Count(funnel.won()),
                out.Count(funnel.lost()), out.Ppm(funnel.has_win_rate_ppm(), funnel.win_rate_ppm()),
                funnel.bottleneck_stage()});
  };
  Table stages({{"group"},
                {"stage"},
                {"now", true},
                {"entered", true},
                {"converted", true},
                {"lost", true},
                {"conversion", true},
                {"mean days in stage", true}});
  const auto add_stages = [&](const v1::FunnelReport::Funnel& funnel, const std::string& name) {
    for (const auto& stage : funnel.stages()) {
      stages.Add({name, stage.display_name().empty() ? stage.stage() : stage.display_name(),
                  out.Count(stage.current()), out.Count(stage.entered()),
                  out.Count(stage.converted()), out.Count(stage.lost()),
                  out.Ppm(stage.has_conversion_ppm(), stage.conversion_ppm()),
                  out.Days(stage.has_mean_seconds_in_stage(),
                           stage.mean_seconds_in_stage() * 100 / 86'400)});
    }
  };
  add_stages(report.total(), "all");
  for (const auto& group : report.groups()) {
    total(group, Name(group.group()));
    add_stages(group, Name(group.group()));
  }
  total(report.total(), "all");
  if (!out.csv()) out.Print(totals);
  out.Heading("");
  out.Print(stages);
  out.Fresh(report.freshness());
}

void Print(const v1::Leaderboard& report, const Writer& out) {
  out.Heading(absl::StrCat("Leaderboard: ", report.metric(), " ", Range(report.range())));
  // Of a member it is shown where it is; a unit is itself.
  const bool units = report.rows_size() > 0 && report.rows(0).subject().dimension() == v1::UNIT;
  std::vector<Table::Column> columns = {
      {"rank", true},
      {"change", true},
      {report.rows_size() > 0 ? GroupTitle(report.rows(0).subject()) : "subject"}};
  if (!units) columns.push_back({"unit"});
  for (const char* number : {"value", "share", "before"}) columns.push_back({number, true});
  columns.push_back({"note"});
  Table table(columns);
  for (const auto& row : report.rows()) {
    const std::string change = !row.has_rank_change()  ? out.Nothing()
                               : row.rank_change() > 0 ? absl::StrCat("+", row.rank_change())
                                                       : absl::StrCat(row.rank_change());
    std::vector<std::string> cells = {absl::StrCat(row.rank()), change, Name(row.subject())};
    if (!units) cells.push_back(row.unit());
    cells.push_back(out.Value(report.value_kind(), row.value()));
    cells.push_back(out.Ppm(row.has_share_ppm(), row.share_ppm()));
    cells.push_back(out.Value(report.value_kind(), row.previous_value()));
    cells.push_back(row.inactive() ? "inactive" : "");
    table.Add(std::move(cells));
  }
  out.Print(table);
  out.Heading(absl::StrCat("Total: ", out.Value(report.value_kind(), report.total()), " by ",
                           report.subject_count()));
  out.Fresh(report.freshness());
}

void Print(const v1::WinLossReport& report, const Writer& out) {
  out.Heading("Win and loss");
  Table table({{report.rows_size() > 0 ? GroupTitle(report.rows(0).group()) : "group"},
               {"won", true},
               {"lost", true},
               {"win rate", true},
               {"won amount", true},
               {"mean won", true},
               {"most frequent reason"}});
  const auto add = [&](const v1::WinLossReport::Row& row, const std::string& name) {
    table.Add(
        {name, out.Count(row.won()), out.Count(row.lost()),
         out.Ppm(row.has_win_rate_ppm(), row.win_rate_ppm()), out.Money(row.won_amount()),
         row.has_mean_won_amount() ? out.Money(row.mean_won_amount()) : out.Nothing(),
         row.reasons_size() > 0
             ? absl::StrCat(row.reasons(0).reason().empty() ? "not given" : row.reasons(0).reason(),
                            " (", row.reasons(0).count(), ")")
             : ""});
  };
  for (const auto& row : report.rows()) add(row, Name(row.group()));
  add(report.total(), "all");
  out.Print(table);
  out.Fresh(report.freshness());
}

void Print(const v1::SalesCycleReport& report, const Writer& out) {
  out.Heading("Sales cycle of won opportunities, days from engaging to closing");
  Table table({{report.rows_size() > 0 ? GroupTitle(report.rows(0).group()) : "group"},
               {"won", true},
               {"mean", true},
               {"median", true},
               {"p90", true},
               {"shortest", true},
               {"longest", true}});
  const auto add = [&](const v1::SalesCycleReport::Row& row, const std::string& name) {
    table.Add({name, out.Count(row.count()),
               out.Days(row.has_mean_days_hundredths(), row.mean_days_hundredths()),
               out.Days(row.has_median_days_hundredths(), row.median_days_hundredths()),
               out.Days(row.has_p90_days_hundredths(), row.p90_days_hundredths()),
               out.Days(row.has_min_days_hundredths(), row.min_days_hundredths()),
               out.Days(row.has_max_days_hundredths(), row.max_days_hundredths())});
  };
  for (const auto& row : report.rows()) add(row, Name(row.group()));
  add(report.total(), "all");
  out.Print(table);
  out.Fresh(report.freshness());
}

void Print(const v1::RevenueReport& report, const Writer& out) {
  out.Heading("Revenue");
  std::vector<Table::Column> columns = {
      {report.rows_size() > 0 ? GroupTitle(report.rows(0).group()) : "group"}};
  for (const auto& period : report.periods()) columns.push_back({Range(period), true});
  columns.push_back({"sum", true});
  columns.push_back({"orders", true});
  columns.push_back({"gross profit", true});
  Table table(columns);
  const auto add = [&](const v1::RevenueReport::Row& row, const std::string& name) {
    std::vector<std::string> cells = {name};
    for (const auto& cell : row.cells()) cells.push_back(out.Money(cell.revenue()));
    cells.push_back(out.Money(row.sum().revenue()));
    cells.push_back(out.Count(row.sum().orders()));
    cells.push_back(out.Money(row.sum().gross_profit()));
    table.Add(std::move(cells));
  };
  for (const auto& row : report.rows()) add(row, Name(row.group()));
  add(report.total(), "all");
  out.Print(table);
  out.Fresh(report.freshness());
}

void Print(const v1::KpiBoard& report, const Writer& out) {
  out.Heading(absl::StrCat("KPI board ", Range(report.range())));
  Table table({{"kpi"},
               {"value", true},
               {"before", true},
               {"growth", true},
               {"a year ago", true},
               {"year on year", true}});
  for (const auto& kpi : report.kpis()) {
    const auto value = [&](bool has, int64_t v) {
      return has ? out.Value(kpi.value_kind(), v) : out.Nothing();
    };
    table.Add({kpi.id(), value(kpi.has_value(), kpi.value()),
               value(kpi.has_previous_value(), kpi.previous_value()),
               out.Ppm(kpi.has_growth_ppm(), kpi.growth_ppm()),
               value(kpi.has_year_ago_value(), kpi.year_ago_value()),
               out.Ppm(kpi.has_year_on_year_ppm(), kpi.year_on_year_ppm())});
  }
  out.Print(table);
  out.Fresh(report.freshness());
}

void Print(const v1::Actuals& report, const Writer& out) {
  out.Heading(absl::StrCat("Actuals: ", report.metric()));
  std::vector<Table::Column> columns = {
      {report.rows_size() > 0 ? GroupTitle(report.rows(0).group()) : "group"}};
  for (const auto& period : report.periods()) columns.push_back({Range(period), true});
  columns.push_back({"sum", true});
  Table table(columns);
  for (const auto& row : report.rows()) {
    std::vector<std::string> cells = {Name(row.group())};
    for (const int64_t value : row.values()) cells.push_back(out.Value(report.value_kind(), value));
    cells.push_back(out.Value(report.value_kind(), row.sum()));
    table.Add(std::move(cells));
  }
  out.Print(table);
  out.Fresh(report.freshness());
}

void Print(const v1::ConversionRates& report, const Writer& out) {
  out.Heading("Conversion rates");
  Table table({{report.rows_size() > 0 ? GroupTitle(report.rows(0).group()) : "group"},
               {"from"},
               {"to"},
               {"decided", true},
               {"converted", true},
               {"rate", true}});
  const auto add = [&](const v1::ConversionRates::Row& row, const std::string& name) {
    for (const auto& step : row.steps()) {
      table.Add({name, step.from_stage(), step.to_stage(), out.Count(step.decided()),
                 out.Count(step.converted()), out.Ppm(step.has_rate_ppm(), step.rate_ppm())});
    }
  };
  for (const auto& row : report.rows()) add(row, Name(row.group()));
  add(report.total(), "all");
  out.Print(table);
  out.Fresh(report.freshness());
}

// The arithmetic of a channel, a line for each step.
template <typename Channel>
void PrintSteps(const Channel& channel, const Writer& out) {
  out.Heading(absl::StrCat("\n", channel.id(), ":"));
  for (const auto& step : channel.steps()) out.Heading(absl::StrCat("  ", step.text()));
}

void Print(const target::v1::ComputeFunnelResponse& plan, const Writer& out) {
  out.Heading("Funnel: what is needed");
  Table table({{"channel"},
               {"stage"},
               {"needed", true},
               {"from stock", true},
               {"to be made", true},
               {"rate to next", true}});
  const auto add = [&](const std::string& channel, const target::v1::FunnelNeed& need,
                       const std::string& rate) {
    table.Add({channel, need.stage(), out.Count(need.needed()), out.Count(need.from_stock()),
               out.Count(need.required()), rate});
  };
  for (const auto& channel : plan.channels()) {
    for (int s = 0; s < channel.needs_size(); ++s) {
      const bool rate = s < channel.rates_ppm_size();
      add(channel.id(), channel.needs(s), out.Ppm(rate, rate ? channel.rates_ppm(s) : 0));
    }
  }
  for (const auto& need : plan.totals()) add("all", need, out.Nothing());
  out.Print(table);

  if (plan.spreads_size() > 0) {
    out.Heading("\nTo be made by member and week");
    std::vector<Table::Column> columns = {{"stage"}, {"member"}};
    for (const std::string& week : plan.weeks()) columns.push_back({week, true});
    columns.push_back({"sum", true});
    Table spread(columns);
    for (const auto& stage : plan.spreads()) {
      const auto row = [&](const std::string& member, const auto& counts, int64_t sum) {
        std::vector<std::string> cells = {stage.stage(), member};
        for (const int64_t count : counts) cells.push_back(out.Count(count));
        cells.push_back(out.Count(sum));
        spread.Add(std::move(cells));
      };
      for (const auto& member : stage.members()) {
        row(member.member(), member.counts(), member.total());
      }
      row("all", stage.week_totals(), stage.total());
    }
    out.Print(spread);
  }
  for (const auto& channel : plan.channels()) {
    PrintSteps(channel, out);
    for (const std::string& note : channel.notes()) out.Heading(absl::StrCat("  note: ", note));
  }
}

void Print(const target::v1::ForecastFunnelResponse& forecast, const Writer& out) {
  out.Heading("Funnel: what it brings");
  Table table({{"channel"}, {"stage"}, {"arriving", true}, {"worked", true}, {"bottleneck"}});
  for (const auto& channel : forecast.channels()) {
    for (const auto& flow : channel.flows()) {
      table.Add({channel.id(), flow.stage(), out.Count(flow.arriving()), out.Count(flow.worked()),
                 flow.limited() ? "yes" : out.Nothing()});
    }
  }
  out.Print(table);

  out.Heading("");
  Table results({{"channel"}, {"result", true}, {"expected", true}, {"amount", true}});
  for (const auto& channel : forecast.channels()) {
    results.Add({channel.id(), out.Count(channel.result()),
                 FormatHundredths(channel.expected_millionths() / 10'000),
                 channel.has_amount_units() ? out.Money(channel.amount_units()) : out.Nothing()});
  }
  results.Add({"all", out.Count(forecast.result()), out.Nothing(),
               forecast.has_amount_units() ? out.Money(forecast.amount_units()) : out.Nothing()});
  out.Print(results);
  for (const auto& channel : forecast.channels()) PrintSteps(channel, out);
}

// One side of a difference.
void Print(const target::v1::CheckDayResponse& response, const Writer& out) {
  Table table({{"metric"},
               {"day"},
               {"member"},
               {"target", true},
               {"actual", true},
               {"day went"},
               {"target so far", true},
               {"actual so far", true},
               {"attainment", true},
               {"of the period", true},
               {"remaining", true},
               {"days left", true},
               {"per day needed", true},
               {"standing"}});
  for (const auto& indicator : response.indicators()) {
    const bool money = !indicator.currency_code().empty();
    const auto units = [&](bool has, int64_t number) {
      return !has ? out.Nothing() : money ? out.Money(number) : out.Count(number);
    };
    const auto add = [&](const target::v1::DayCheck& check, const std::string& member) {
      table.Add({indicator.metric(), Day(check.entry().day()), member,
                 units(true, check.entry().target()),
                 units(check.entry().has_actual(), check.entry().actual()),
                 Word(target::v1::DayCheck::Verdict_Name(check.verdict())),
                 units(true, check.cumulative_target()), units(true, check.cumulative_actual()),
                 out.Ppm(check.has_attainment_ppm(), check.attainment_ppm()),
                 units(true, check.period_target()), units(true, check.remaining()),
                 out.Count(check.days_left()),
                 units(check.has_required_per_day(), check.required_per_day()),
                 Word(target::v1::DayCheck::Standing_Name(check.standing()))});
    };
    for (const auto& member : indicator.members()) add(member, member.member());
    add(indicator.total(), "all");
  }
  out.Print(table);
}

void Print(const target::v1::ComputeActivitiesResponse& response, const Writer& out) {
  const bool money = !response.currency_code().empty();
  const auto units = [&](int64_t number) { return money ? out.Money(number) : out.Count(number); };
  Table table({{"member"},
               {"target", true},
               {"achieved", true},
               {"working days", true},
               {"work"},
               {"needed", true},
               {"per day", true}});
  for (const auto& member : response.members()) {
    for (const auto& need : member.needs()) {
      table.Add({member.member(), units(member.target_units()), units(member.achieved_units()),
                 out.Count(member.working_days()), need.activity(), out.Count(need.needed()),
                 out.Count(need.per_day())});
    }
  }
  for (int i = 0; i < response.totals_size() && response.members_size() > 0; ++i) {
    table.Add({"all", "", "", "", response.members(0).needs(i).activity(),
               out.Count(response.totals(i)), ""});
  }
  out.Print(table);
  for (const auto& member : response.members()) {
    for (const auto& need : member.needs()) {
      if (need.steps().empty()) continue;
      out.Heading(absl::StrCat("\n", member.member(), ", ", need.activity(), ":"));
      for (const auto& step : need.steps()) out.Heading(absl::StrCat("  ", step.text()));
    }
  }
}

std::string DifferenceText(target::v1::DifferenceKind kind, bool has, int64_t value,
                           const std::string& text, bool amounts, const Writer& out) {
  if (!text.empty()) return text;
  if (!has) return out.Nothing();
  switch (kind) {
    case target::v1::LOCK_CHANGED:
      return value != 0 ? "locked" : "open";
    case target::v1::STRETCH_CHANGED:
      return out.Ppm(true, value);
    default:
      return amounts ? out.Money(value) : out.Count(value);
  }
}

template <typename Report>
bool PrintIf(const google::protobuf::Message& message, const Writer& out) {
  const auto* report = dynamic_cast<const Report*>(&message);
  if (report == nullptr) return false;
  Print(*report, out);
  return true;
}

}  // namespace

Table DifferenceTable(const target::v1::ComparePlanVersionsResponse& response, bool amounts) {
  const Writer out(Format::kText);
  Table table({{"node"}, {"name"}, {"what"}, {"breakdown"}, {"old", true}, {"new", true}});
  for (const target::v1::PlanDifference& difference : response.differences()) {
    const auto side = [&](bool has, int64_t value, const std::string& text) {
      return DifferenceText(difference.kind(), has, value, text, amounts, out);
    };
    table.Add({difference.node(), difference.node_display_name(),
               Word(target::v1::DifferenceKind_Name(difference.kind())), difference.breakdown(),
               side(difference.has_old_value(), difference.old_value(), difference.old_text()),
               side(difference.has_new_value(), difference.new_value(), difference.new_text())});
  }
  return table;
}

bool PrintReport(const google::protobuf::Message& message, Format format, bool amounts) {
  const Writer out(format);
  if (const auto* versions = dynamic_cast<const target::v1::ComparePlanVersionsResponse*>(&message);
      versions != nullptr && !out.csv()) {
    out.Heading(absl::StrCat("Compared with version ", versions->to_version()));
    if (versions->differences().empty()) {
      out.Heading("(none)");
    } else {
      out.Print(DifferenceTable(*versions, amounts));
    }
    return true;
  }
  return PrintIf<v1::TargetProgressReport>(message, out) ||
         PrintIf<v1::FunnelReport>(message, out) || PrintIf<v1::Leaderboard>(message, out) ||
         PrintIf<v1::WinLossReport>(message, out) || PrintIf<v1::SalesCycleReport>(message, out) ||
         PrintIf<v1::RevenueReport>(message, out) || PrintIf<v1::KpiBoard>(message, out) ||
         PrintIf<v1::Actuals>(message, out) || PrintIf<v1::ConversionRates>(message, out) ||
         PrintIf<target::v1::ComputeFunnelResponse>(message, out) ||
         PrintIf<target::v1::ForecastFunnelResponse>(message, out) ||
         PrintIf<target::v1::CheckDayResponse>(message, out) ||
         PrintIf<target::v1::ComputeActivitiesResponse>(message, out);
}

}  // namespace milepost::cli
