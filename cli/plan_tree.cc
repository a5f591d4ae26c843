#include "cli/plan_tree.h"

#include <cstdio>
#include <thread>
#include <unordered_map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "cli/failure.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "nlohmann/json.hpp"

namespace milepost::cli {
namespace {

constexpr int kPageSize = 500;
constexpr int kDefaultLevels = 3;
constexpr int kMaxLevels = 16;

using Line = PlanTree::Line;

struct Query {
  std::string plan;
  std::string node;           // Empty for the root.
  std::optional<int> levels;  // None: all.
  std::optional<absl::CivilDay> as_of;
  bool accepted_only = false;
};

// Calls a list for every page; `take` gets each answer and returns whether to go on.
template <typename Response, typename Request, typename Take>
absl::Status ForEachPage(Client& client, const char* method, Request request, Take take) {
  while (true) {
    absl::StatusOr<Response> page = client.Call<Response>(method, request);
    if (!page.ok()) return page.status();
    if (!take(*page) || page->next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page->next_page_token());
  }
}

// Levels as lists of target-svc say them: 0 is all, and the node alone is its page of one row.
template <typename Request>
Request Below(const Query& query) {
  Request request;
  request.set_plan(query.plan);
  request.set_under(query.node);
  request.set_page_size(query.levels == 0 ? 1 : kPageSize);
  request.set_max_levels(query.levels.value_or(0));
  return request;
}

type::v1::Date ToProto(absl::CivilDay day) {
  type::v1::Date date;
  date.set_year(static_cast<int32_t>(day.year()));
  date.set_month(day.month());
  date.set_day(day.day());
  return date;
}

std::string DayText(const type::v1::Date& date) {
  return FormatDay(absl::CivilDay(date.year(), date.month(), date.day()));
}

absl::Status ReadNodes(Client& client, const Query& query, PlanTreeParts& parts) {
  Progress progress("nodes", 0);
  return ForEachPage<target::v1::ListNodesResponse>(
      client, "milepost.target.v1.NodeService.ListNodes",
      Below<target::v1::ListNodesRequest>(query), [&](target::v1::ListNodesResponse& page) {
        for (target::v1::Node& node : *page.mutable_nodes()) parts.nodes.push_back(std::move(node));
        progress.Set(static_cast<int64_t>(parts.nodes.size()));
        return query.levels != 0;
      });
}

absl::Status ReadCommitments(Client& client, const Query& query, PlanTreeParts& parts) {
  auto request = Below<target::v1::ListRollupRowsRequest>(query);
  request.set_accepted_only(query.accepted_only);
  return ForEachPage<target::v1::ListRollupRowsResponse>(
      client, "milepost.target.v1.CommitmentService.ListRollupRows", request,
      [&](target::v1::ListRollupRowsResponse& page) {
        for (target::v1::RollupRow& row : *page.mutable_rows())
          parts.commitments.push_back(std::move(row));
        return query.levels != 0;
      });
}

absl::Status ReadRecorded(Client& client, const Query& query, PlanTreeParts& parts) {
  auto request = Below<target::v1::ListNodeActualsRequest>(query);
  if (query.as_of) *request.mutable_as_of_date() = ToProto(*query.as_of);
  return ForEachPage<target::v1::ListNodeActualsResponse>(
      client, "milepost.target.v1.ActualService.ListNodeActuals", request,
      [&](target::v1::ListNodeActualsResponse& page) {
        parts.as_of_date = DayText(page.as_of_date());
        for (target::v1::NodeActual& row : *page.mutable_rows())
          parts.recorded.push_back(std::move(row));
        return query.levels != 0;
      });
}

absl::Status ReadProgress(Client& client, const Query& query, PlanTreeParts& parts) {
  reporting::v1::GetTargetProgressRequest request;
  request.set_name(query.node.empty() ? query.plan : query.node);
  request.set_page_size(kPageSize);
  if (query.levels) request.set_depth(*query.levels);
  if (query.as_of) *request.mutable_as_of_date() = ToProto(*query.as_of);
  return ForEachPage<reporting::v1::TargetProgressReport>(
      client, "milepost.reporting.v1.ReportService.GetTargetProgress", request,
      [&](reporting::v1::TargetProgressReport& page) {
        parts.as_of_date = DayText(page.as_of_date());
        for (auto& row : *page.mutable_rows()) parts.progress.push_back(std::move(row));
        return true;
      });
}

// Four services' worth of answers, asked at the same time.
absl::StatusOr<PlanTree> Read(Client& client, const Query& query) {
  PlanTreeParts parts;
  target::v1::GetPlanRequest get_plan;
  get_plan.set_name(query.plan);
  absl::StatusOr<target::v1::Plan> plan =
      client.Call<target::v1::Plan>("milepost.target.v1.PlanService.GetPlan", get_plan);
  if (!plan.ok()) return plan.status();
  parts.plan = *std::move(plan);
  // Each thread writes what nobody else does.
  absl::Status metric_read;
  absl::Status actuals_read;
  absl::Status commitments_read;
  std::thread actuals([&] {
    target::v1::GetMetricRequest get;
    get.set_name(parts.plan.metric());
    absl::StatusOr<target::v1::Metric> metric =
        client.Call<target::v1::Metric>("milepost.target.v1.MetricService.GetMetric", get);
    metric_read = metric.status();
    if (!metric.ok()) return;
    parts.metric = *std::move(metric);
    actuals_read = ReadProgress(client, query, parts);
    if (!actuals_read.ok() && parts.metric.source() == target::v1::RECORDED) {
      parts.progress.clear();
      actuals_read = ReadRecorded(client, query, parts);
    }
  });
  std::thread commitments([&] {
    if (parts.plan.commitment_policy() != target::v1::COMMITMENTS_CLOSED)
      commitments_read = ReadCommitments(client, query, parts);
  });
  const absl::Status nodes_read = ReadNodes(client, query, parts);
  actuals.join();
  commitments.join();
  if (!nodes_read.ok()) return nodes_read;
  if (!metric_read.ok()) return metric_read;
  if (!actuals_read.ok()) {
    parts.missing.push_back(absl::StrCat("actual values: ", std::string(actuals_read.message())));
  }
  if (!commitments_read.ok()) {
    parts.missing.push_back(absl::StrCat("commitments: ", std::string(commitments_read.message())));
  }
  return MakePlanTree(std::move(parts));
}

std::string Value(const PlanTree& tree, int64_t units) {
  switch (tree.metric.unit()) {
    case target::v1::MONEY:
      return FormatMoney(units, ChineseLocale());
    case target::v1::RATIO:
      return FormatPpm(units);
    default:
      return FormatCount(units);
  }
}

std::string PlainValue(const PlanTree& tree, int64_t units) {
  return tree.metric.unit() == target::v1::MONEY ? PlainMoney(units) : absl::StrCat(units);
}

std::string Words(const std::string& name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
}

// Who or what it is for, as far as the node itself says.
std::string Owner(const target::v1::Node& node) {
  return node.scope().member().empty() ? node.scope().unit() : node.scope().member();
}

std::string Period(const target::v1::Node& node) {
  return absl::StrCat(DayText(node.scope().period().first_date()), "..",
                      DayText(node.scope().period().last_date()));
}

}  // namespace

PlanTree MakePlanTree(PlanTreeParts parts) {
  PlanTree tree{std::move(parts.plan),
                std::move(parts.metric),
                std::move(parts.as_of_date),
                std::move(parts.missing),
                {}};
  std::unordered_map<std::string, const target::v1::RollupRow*> commitments;
  for (const auto& row : parts.commitments) commitments[row.node()] = &row;
  std::unordered_map<std::string, const reporting::v1::TargetProgressReport::Row*> progress;
  for (const auto& row : parts.progress) progress[row.node()] = &row;
  std::unordered_map<std::string, const target::v1::NodeActual*> recorded;
  for (const auto& row : parts.recorded) recorded[row.node()] = &row;

  std::vector<target::v1::Node>& nodes = parts.nodes;
  tree.lines.resize(nodes.size());
  const int top = nodes.empty() ? 0 : nodes.front().depth();
  // From the end: whether one more child of the same parent follows, level by level.
  std::vector<bool> follows;
  for (size_t i = nodes.size(); i-- > 0;) {
    const auto level = static_cast<size_t>(nodes[i].depth() - top);
    follows.resize(std::max(follows.size(), level + 1));
    Line& line = tree.lines[i];
    for (size_t above = 1; above < level; ++above) line.branch += follows[above] ? "│  " : "   ";
    if (level > 0) line.branch += follows[level] ? "├─ " : "└─ ";
    follows[level] = true;
    follows.resize(level + 1);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    Line& line = tree.lines[i];
    line.node = std::move(nodes[i]);
    const std::string& name = line.node.name();
    if (const auto row = commitments.find(name); row != commitments.end()) {
      if (row->second->basis() != target::v1::RollupRow::OPEN)
        line.committed = row->second->committed_units();
    }
    if (const auto row = progress.find(name); row != progress.end()) {
      line.actual = row->second->actual();
      if (row->second->has_attainment_ppm()) line.attainment_ppm = row->second->attainment_ppm();
      if (row->second->has_pace_ppm()) line.pace_ppm = row->second->pace_ppm();
      if (row->second->has_projected_landing()) line.landing = row->second->projected_landing();
      line.status = Words(reporting::v1::TargetProgressReport::Status_Name(row->second->status()));
    } else if (const auto entry = recorded.find(name); entry != recorded.end()) {
      if (entry->second->has_actual_units()) line.actual = entry->second->actual_units();
      if (entry->second->has_attainment_ppm())
        line.attainment_ppm = entry->second->attainment_ppm();
    }
  }
  return tree;
}

std::string ToText(const PlanTree& tree) {
  const target::v1::Plan& plan = tree.plan;
  const target::v1::Metric& metric = tree.metric;
  std::string out =
      absl::StrCat(plan.title(), "  ", plan.name(), ", ", Words(PlanState_Name(plan.state())),
                   ", version ", plan.plan_version());
  if (!tree.as_of_date.empty()) absl::StrAppend(&out, ", on ", tree.as_of_date);
  const std::string unit =
      plan.currency_code().empty() ? metric.unit_label() : plan.currency_code();
  if (!unit.empty()) absl::StrAppend(&out, ", in ", unit);
  out += '\n';

  struct Column {
    const char* title;
    std::function<std::string(const Line&)> cell;  // Empty if it is not known.
    bool number = true;
    bool always = false;
  };
  const auto value = [&](const std::optional<int64_t>& units) {
    return units ? Value(tree, *units) : std::string();
  };
  const auto ppm = [](const std::optional<int64_t>& ratio) {
    return ratio ? FormatPpm(*ratio) : std::string();
  };
  const std::vector<Column> all = {
      {"node",
       [](const Line& line) {
         return absl::StrCat(line.branch, line.node.display_name(),
                             line.node.locked() ? " (locked)" : "");
       },
       false, true},
      {"by", [](const Line& line) { return line.node.breakdown(); }, false},
      {"target", [&](const Line& line) { return Value(tree, line.node.target_units()); }, true,
       true},
      {"committed", [&](const Line& line) { return value(line.committed); }},
      {"actual", [&](const Line& line) { return value(line.actual); }},
      {"attainment", [&](const Line& line) { return ppm(line.attainment_ppm); }},
      {"pace", [&](const Line& line) { return ppm(line.pace_ppm); }},
      {"gap",
       [&](const Line& line) {
         return line.actual ? Value(tree, line.node.target_units() - *line.actual) : "";
       }},
      {"projected", [&](const Line& line) { return value(line.landing); }},
      {"status", [](const Line& line) { return line.status; }, false}};
  std::vector<const Column*> shown;
  std::vector<Table::Column> titles;
  for (const Column& column : all) {
    bool says_something = column.always;
    for (const Line& line : tree.lines) {
      if (says_something) break;
      says_something = !column.cell(line).empty();
    }
    if (!says_something) continue;
    shown.push_back(&column);
    titles.push_back({column.title, column.number});
  }
  Table table(titles);
  bool cut = false;
  const int deepest = [&] {
    int depth = 0;
    for (const Line& line : tree.lines) depth = std::max(depth, line.node.depth());
    return depth;
  }();
  for (const Line& line : tree.lines) {
    std::vector<std::string> cells;
    for (const Column* column : shown) {
      std::string cell = column->cell(line);
      cells.push_back(cell.empty() && column->number ? "-" : std::move(cell));
    }
    table.Add(std::move(cells));
    cut = cut || (line.node.depth() == deepest && !line.node.leaf());
  }
  out += table.ToText();
  if (cut) out += "There are more levels: --depth N, or --depth all.\n";
  for (const std::string& missing : tree.missing)
    absl::StrAppend(&out, "Not known: ", missing, "\n");
  return out;
}

std::string ToCsv(const PlanTree& tree) {
  Table table({{"node"},
               {"parent"},
               {"depth"},
               {"breakdown"},
               {"display_name"},
               {"period"},
               {"owner"},
               {"locked"},
               {"target"},
               {"committed"},
               {"actual"},
               {"attainment_ppm"},
               {"pace_ppm"},
               {"gap"},
               {"projected"},
               {"status"}});
  for (const Line& line : tree.lines) {
    const target::v1::Node& node = line.node;
    const auto value = [&](const std::optional<int64_t>& units) {
      return units ? PlainValue(tree, *units) : std::string();
    };
    const auto ppm = [](const std::optional<int64_t>& ratio) {
      return ratio ? absl::StrCat(*ratio) : std::string();
    };
    table.Add({node.name(), node.parent(), absl::StrCat(node.depth()), node.breakdown(),
               node.display_name(), Period(node), Owner(node), node.locked() ? "yes" : "no",
               value(node.target_units()), value(line.committed), value(line.actual),
               ppm(line.attainment_ppm), ppm(line.pace_ppm),
               line.actual ? value(node.target_units() - *line.actual) : "", value(line.landing),
               line.status});
  }
  return table.ToCsv();
}

std::string ToJson(const PlanTree& tree) {
  // As the answers of the services are written: 64-bit numbers are strings.
  nlohmann::ordered_json nodes = nlohmann::ordered_json::array();
  for (const Line& line : tree.lines) {
    const target::v1::Node& node = line.node;
    nlohmann::ordered_json one = {{"node", node.name()},
                                  {"parent", node.parent()},
                                  {"depth", node.depth()},
                                  {"breakdown", node.breakdown()},
                                  {"displayName", node.display_name()},
                                  {"period", Period(node)},
                                  {"owner", Owner(node)},
                                  {"locked", node.locked()},
                                  {"leaf", node.leaf()},
                                  {"targetUnits", absl::StrCat(node.target_units())}};
    const auto add = [&](const char* name, const std::optional<int64_t>& number) {
      if (number) one[name] = absl::StrCat(*number);
    };
    add("committedUnits", line.committed);
    add("actualUnits", line.actual);
    add("attainmentPpm", line.attainment_ppm);
    add("pacePpm", line.pace_ppm);
    if (line.actual) add("gapUnits", node.target_units() - *line.actual);
    add("projectedUnits", line.landing);
    if (!line.status.empty()) one["status"] = line.status;
    nodes.push_back(std::move(one));
  }
  const nlohmann::ordered_json whole = {{"plan", tree.plan.name()},
                                        {"title", tree.plan.title()},
                                        {"planVersion", absl::StrCat(tree.plan.plan_version())},
                                        {"metric", tree.plan.metric()},
                                        {"currencyCode", tree.plan.currency_code()},
                                        {"asOfDate", tree.as_of_date},
                                        {"nodes", std::move(nodes)},
                                        {"notKnown", tree.missing}};
  return absl::StrCat(whole.dump(), "\n");
}

int RunPlanTree(const CommandCall& call) {
  Query query;
  query.plan = PlanNameOf(call.words[0]);
  if (call.Has("node")) query.node = NodeNameOf(query.plan, call.Flag("node"));
  query.accepted_only = call.Has("accepted-only");
  const std::string depth = call.Flag("depth", absl::StrCat(kDefaultLevels));
  if (int levels = 0; absl::SimpleAtoi(depth, &levels) && levels >= 0 && levels <= kMaxLevels) {
    query.levels = levels;
  } else if (depth != "all") {
    return WrongUsage("target", "tree",
                      absl::StrCat("--depth must be 0 to ", kMaxLevels, " or all"));
  }
  if (call.Has("as-of")) {
    query.as_of = ParseDay(call.Flag("as-of"));
    if (!query.as_of) return WrongUsage("target", "tree", "--as-of must be a date like 2018-03-31");
  }
  const auto client = call.connect();
  if (!client.ok()) return Fail(client.status());
  const absl::StatusOr<PlanTree> tree = Read(**client, query);
  if (!tree.ok()) return Fail(tree.status());
  const std::string text = call.format == Format::kJson  ? ToJson(*tree)
                           : call.format == Format::kCsv ? ToCsv(*tree)
                                                         : ToText(*tree);
  std::fputs(text.c_str(), stdout);
  if (call.format == Format::kCsv) {
    for (const std::string& missing : tree->missing)
      std::fprintf(stderr, "milepostctl: not known: %s\n", missing.c_str());
  }
  return kOk;
}

}  // namespace milepost::cli
