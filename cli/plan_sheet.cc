#include "cli/plan_sheet.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/client.h"
#include "cli/failure.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"
#include "milepost/target/v1/plan.pb.h"
#include "nlohmann/json.hpp"

namespace milepost::cli {
namespace {

constexpr int kPageSize = 500;
constexpr size_t kShown = 50;  // Rows of each table that is printed, unless all are asked for.
constexpr char kCellEnd = '\x1f';

std::string DayText(const type::v1::Date& date) {
  return FormatDay(absl::CivilDay(date.year(), date.month(), date.day()));
}

// What stands in columns that are not there to be edited.
struct Given {
  const char* title;
  int width;
  std::string (*of)(const target::v1::Node& node);
};
const std::vector<Given>& GivenColumns() {
  using target::v1::Node;
  static const std::vector<Given> columns = {
      {"parent", 20, [](const Node& node) { return node.parent(); }},
      {"breakdown", 12, [](const Node& node) { return node.breakdown(); }},
      {"dimension", 10,
       [](const Node& node) {
         return node.dimension() == target::v1::DIMENSION_UNSPECIFIED
                    ? ""
                    : absl::AsciiStrToLower(Dimension_Name(node.dimension()));
       }},
      {"key", 20, [](const Node& node) { return node.key(); }},
      {"first_date", 11,
       [](const Node& node) { return DayText(node.scope().period().first_date()); }},
      {"last_date", 11,
       [](const Node& node) { return DayText(node.scope().period().last_date()); }},
      {"unit", 16, [](const Node& node) { return node.scope().unit(); }},
      {"member", 16, [](const Node& node) { return node.scope().member(); }},
      {"product", 16, [](const Node& node) { return node.scope().product(); }},
      {"channel", 12, [](const Node& node) { return node.scope().channel(); }},
      {"region", 12, [](const Node& node) { return node.scope().region(); }},
      {"customer", 16, [](const Node& node) { return node.scope().customer(); }}};
  return columns;
}

std::optional<bool> YesOrNo(const std::string& text) {
  const std::string word = absl::AsciiStrToLower(text);
  for (const char* yes : {"yes", "true", "1", "y", "是"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"no", "false", "0", "n", "否", ""}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

// The value with only so many digits left, as scientific notation cuts it.
int64_t CutTo(int64_t units, int digits) {
  int64_t scale = 1;
  for (int64_t rest = units; rest >= 10; rest /= 10) {
    if (--digits < 1) scale *= 10;
  }
  const int64_t half = scale / 2;
  return (units + half) / scale * scale;
}

std::string Stripped(const std::string& text) {
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace

int DecimalsOf(const target::v1::Metric& metric) {
  switch (metric.unit()) {
    case target::v1::MONEY:
      return 2;
    case target::v1::RATIO:
      return 6;
    default:
      return 0;
  }
}

std::vector<SheetColumn> PlanSheetColumns(int decimals) {
  std::vector<SheetColumn> columns = {{.title = "node", .width = 28},
                                      {.title = "plan_version", .decimals = 0}};
  for (const Given& given : GivenColumns())
    columns.push_back({.title = given.title, .width = given.width});
  columns.push_back({.title = "display_name", .width = 24, .edited = true});
  columns.push_back({.title = "counted_in", .width = 10});
  columns.push_back({.title = "target", .width = 18, .edited = true, .decimals = decimals});
  columns.push_back({.title = "locked", .width = 8, .edited = true});
  columns.push_back({.title = "min", .width = 18, .edited = true, .decimals = decimals});
  columns.push_back({.title = "max", .width = 18, .edited = true, .decimals = decimals});
  columns.push_back({.title = "note", .width = 30, .edited = true});
  return columns;
}

std::vector<std::string> PlanSheetRow(const target::v1::Node& node, int64_t plan_version,
                                      const std::string& counted_in, int decimals) {
  std::vector<std::string> cells = {node.name(), absl::StrCat(plan_version)};
  for (const Given& given : GivenColumns()) cells.push_back(given.of(node));
  const auto units = [&](bool has, int64_t number) {
    return has ? FormatSheetNumber(number, decimals) : std::string();
  };
  cells.push_back(node.display_name());
  cells.push_back(counted_in);
  cells.push_back(units(true, node.target_units()));
  cells.push_back(node.locked() ? "yes" : "no");
  cells.push_back(units(node.has_min_units(), node.min_units()));
  cells.push_back(units(node.has_max_units(), node.max_units()));
  cells.push_back(node.note());
  return cells;
}

void PlanSheetReader::Refuse(int64_t row, const std::string& column,
                             const std::string& description) {
  refusals_.push_back({row, column, description});
}

absl::Status PlanSheetReader::Read(SheetReader& sheet) {
  sheet_ = &sheet;
  SheetRow row;
  absl::StatusOr<bool> more = sheet.Next(row);
  if (!more.ok()) return more.status();
  if (!*more) return absl::InvalidArgumentError("the table is empty");
  for (size_t i = 0; i < row.cells.size(); ++i) {
    const std::string title = absl::AsciiStrToLower(Stripped(row.cells[i].text));
    if (title.empty()) continue;
    if (!columns_.emplace(title, i).second)
      return absl::InvalidArgumentError(absl::StrCat("the table has two columns ", title));
  }
  std::vector<std::string> missing;
  for (const char* title : {"node", "plan_version"}) {
    if (columns_.count(title) == 0) missing.emplace_back(title);
  }
  if (!missing.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the table lacks the column", missing.size() > 1 ? "s " : " ",
                     absl::StrJoin(missing, ", "), " that an export has"));
  }
  const auto text = [&](const char* title) {
    const size_t at = columns_.at(title);
    return at < row.cells.size() ? Stripped(row.cells[at].text) : std::string();
  };
  while (true) {
    more = sheet.Next(row);
    if (!more.ok()) return more.status();
    if (!*more) break;
    const std::string node = text("node");
    if (!absl::StartsWith(node, absl::StrCat(plan_, "/nodes/"))) {
      Refuse(row.number, "node",
             node.empty() ? "is empty: nodes are not made by an import of edits"
                          : absl::StrCat("'", node, "' is no node of ", plan_));
      continue;
    }
    const absl::StatusOr<SheetNumber> version = ParseSheetNumber(text("plan_version"), 0);
    if (!version.ok() || version->units < 1) {
      Refuse(row.number, "plan_version",
             absl::StrCat("'", text("plan_version"), "' is no version of the plan"));
      continue;
    }
    if (base_version_ == 0) base_version_ = version->units;
    if (version->units != base_version_) {
      return absl::InvalidArgumentError(absl::StrCat("row ", row.number, " is of version ",
                                                     version->units, ", those before of version ",
                                                     base_version_, ": export the plan again"));
    }
    std::string packed;
    for (const SheetCell& cell : row.cells) {
      packed += cell.number ? 'n' : 't';
      packed += cell.text;
      packed += kCellEnd;
    }
    const auto [found, added] = rows_.emplace(node, Row{row.number, std::move(packed), false});
    if (!added) {
      Refuse(row.number, "node",
             absl::StrCat(node, " is there twice, first in row ", found->second.number));
    }
  }
  return absl::OkStatus();
}

void PlanSheetReader::Compare(const target::v1::Node& node) {
  const auto found = rows_.find(node.name());
  if (found == rows_.end()) return;  // A table may hold a part of the plan.
  Row& row = found->second;
  row.compared = true;
  std::vector<SheetCell> cells;
  for (size_t at = 0; at < row.packed.size();) {
    const size_t end = row.packed.find(kCellEnd, at);
    cells.push_back({row.packed.substr(at + 1, end - at - 1), row.packed[at] == 'n'});
    at = end + 1;
  }
  row.packed.clear();
  const size_t refused_before = refusals_.size();
  static const SheetCell kEmpty;
  const auto cell_of = [&](const char* title) -> const SheetCell* {
    const auto column = columns_.find(title);
    if (column == columns_.end()) return nullptr;  // Taken out of the table: stays as it is.
    return column->second < cells.size() ? &cells[column->second] : &kEmpty;
  };
  for (const Given& given : GivenColumns()) {
    const SheetCell* cell = cell_of(given.title);
    if (cell == nullptr || SaysTheSame(given.of(node), *cell, sheet_)) continue;
    Refuse(row.number, given.title,
           absl::StrCat("'", cell->text, "' was '", given.of(node),
                        "': what a node is for does not change by an import"));
  }
  target::v1::NodeEdit edit;
  edit.set_row(row.number);
  edit.set_node_id(node.name().substr(node.name().rfind('/') + 1));
  std::vector<Change> changes;
  const auto changed = [&](const char* field, const std::string& before, const std::string& after) {
    changes.push_back({row.number, node.name(), node.display_name(), field, before, after});
  };
  if (const SheetCell* cell = cell_of("display_name");
      cell != nullptr && !SaysTheSame(node.display_name(), *cell, sheet_)) {
    edit.set_display_name(cell->text);
    changed("display_name", node.display_name(), cell->text);
  }
  if (const SheetCell* cell = cell_of("note"); cell != nullptr && cell->text != node.note()) {
    edit.set_note(cell->text);
    changed("note", node.note(), cell->text);
  }
  if (const SheetCell* cell = cell_of("locked"); cell != nullptr) {
    const std::optional<bool> locked = YesOrNo(Stripped(cell->text));
    if (!locked) {
      Refuse(row.number, "locked", absl::StrCat("'", cell->text, "' is neither yes nor no"));
    } else if (*locked != node.locked()) {
      edit.set_locked(*locked);
      changed("locked", node.locked() ? "yes" : "no", *locked ? "yes" : "no");
    }
  }
  // Nothing where the column is not there or nothing was changed.
  const auto units = [&](const char* title, std::optional<int64_t> before,
                         bool needed) -> std::optional<std::optional<int64_t>> {
    const SheetCell* cell = cell_of(title);
    if (cell == nullptr) return std::nullopt;
    const std::string text = Stripped(cell->text);
    std::optional<int64_t> after;
    if (!text.empty()) {
      const absl::StatusOr<SheetNumber> number = ParseSheetNumber(text, decimals_);
      if (!number.ok()) {
        Refuse(row.number, title, std::string(number.status().message()));
        return std::nullopt;
      }
      after = number->units;
      if (before && number->shown_digits > 0 && *before != *after &&
          CutTo(*before, number->shown_digits) == *after) {
        Refuse(row.number, title,
               absl::StrCat("'", text, "' is how a spreadsheet shortens ",
                            FormatSheetNumber(*before, decimals_),
                            ": give the column a number format, or export again"));
        return std::nullopt;
      }
    } else if (needed) {
      Refuse(row.number, title, "is empty");
      return std::nullopt;
    }
    if (after == before) return std::nullopt;
    const auto shown = [&](std::optional<int64_t> value) {
      return value ? FormatSheetNumber(*value, decimals_) : std::string();
    };
    changed(title, shown(before), shown(after));
    return after;
  };
  const auto bound = [](bool has, int64_t number) {
    return has ? std::optional<int64_t>(number) : std::nullopt;
  };
  if (const auto target = units("target", node.target_units(), true))
    edit.set_target_units(**target);
  if (const auto min = units("min", bound(node.has_min_units(), node.min_units()), false)) {
    if (*min) edit.set_min_units(**min);
    edit.set_clear_min(!*min);
  }
  if (const auto max = units("max", bound(node.has_max_units(), node.max_units()), false)) {
    if (*max) edit.set_max_units(**max);
    edit.set_clear_max(!*max);
  }
  if (changes.empty() || refusals_.size() > refused_before) return;
  edits_.push_back(std::move(edit));
  std::move(changes.begin(), changes.end(), std::back_inserter(changes_));
}

void PlanSheetReader::Finish() {
  for (const auto& [node, row] : rows_) {
    if (row.compared) continue;
    Refuse(row.number, "node",
           absl::StrCat(node, " was not in version ", base_version_, " of the plan"));
  }
  sheet_ = nullptr;
  std::stable_sort(changes_.begin(), changes_.end(),
                   [](const Change& a, const Change& b) { return a.row < b.row; });
  std::sort(edits_.begin(), edits_.end(),
            [](const auto& a, const auto& b) { return a.row() < b.row(); });
}

namespace {

struct Subject {
  target::v1::Plan plan;
  target::v1::Metric metric;
};

absl::StatusOr<Subject> ReadSubject(Client& client, const std::string& name) {
  target::v1::GetPlanRequest get_plan;
  get_plan.set_name(name);
  absl::StatusOr<target::v1::Plan> plan =
      client.Call<target::v1::Plan>("milepost.target.v1.PlanService.GetPlan", get_plan);
  if (!plan.ok()) return plan.status();
  target::v1::GetMetricRequest get_metric;
  get_metric.set_name(plan->metric());
  absl::StatusOr<target::v1::Metric> metric =
      client.Call<target::v1::Metric>("milepost.target.v1.MetricService.GetMetric", get_metric);
  if (!metric.ok()) return metric.status();
  return Subject{*std::move(plan), *std::move(metric)};
}

// Calls `take` with each node of the plan, or of what is below one, and the version that is read.
template <typename Take>
absl::Status ForEachNode(Client& client, const std::string& plan, const std::string& under,
                         int64_t version, Progress& progress, Take take) {
  target::v1::ListNodesRequest request;
  request.set_plan(plan);
  request.set_under(under);
  request.set_plan_version(version);
  request.set_page_size(kPageSize);
  int64_t done = 0;
  while (true) {
    const absl::StatusOr<target::v1::ListNodesResponse> page =
        client.Call<target::v1::ListNodesResponse>("milepost.target.v1.NodeService.ListNodes",
                                                   request);
    if (!page.ok()) return page.status();
    for (const target::v1::Node& node : page->nodes()) {
      if (absl::Status status = take(node, page->plan_version()); !status.ok()) return status;
    }
    progress.Set(done += page->nodes_size());
    if (page->next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page->next_page_token());
  }
}

// Prints the first rows of a table under its title.
void PrintSome(const std::string& title, std::vector<Table::Column> columns,
               std::vector<std::vector<std::string>> rows, int64_t count, bool all) {
  if (rows.empty()) return;
  std::printf("%s: %s\n", title.c_str(), FormatCount(count).c_str());
  Table table(std::move(columns));
  const size_t shown = all ? rows.size() : std::min(rows.size(), kShown);
  for (size_t i = 0; i < shown; ++i) table.Add(std::move(rows[i]));
  std::fputs(table.ToText().c_str(), stdout);
  if (static_cast<int64_t>(shown) < count)
    std::printf("... %s more%s\n", FormatCount(count - static_cast<int64_t>(shown)).c_str(),
                shown < rows.size() ? "; all of them with --all-rows" : "");
  std::printf("\n");
}

// What became of an import.
struct Outcome {
  std::vector<PlanSheetReader::Change> changes;
  std::vector<PlanSheetReader::Refusal> refusals;
  int64_t refusal_count = 0;
  target::v1::PreviewEditsResponse preview;
  int64_t written_version = 0;  // 0: nothing was written.
  int decimals = 0;
};

void PrintOutcome(const Outcome& outcome, bool all) {
  const auto units = [&](int64_t number) { return FormatSheetNumber(number, outcome.decimals); };
  std::vector<std::vector<std::string>> rows;
  for (const auto& change : outcome.changes) {
    rows.push_back({absl::StrCat(change.row), change.node, change.display_name, change.field,
                    change.before.empty() ? "-" : change.before,
                    change.after.empty() ? "-" : change.after});
  }
  PrintSome("Changes",
            {{"row", true}, {"node"}, {"name"}, {"field"}, {"before", true}, {"after", true}},
            std::move(rows), static_cast<int64_t>(outcome.changes.size()), all);
  rows.clear();
  for (const auto& refusal : outcome.refusals)
    rows.push_back({absl::StrCat(refusal.row), refusal.column, refusal.description});
  PrintSome("Refused", {{"row", true}, {"column"}, {"why"}}, std::move(rows), outcome.refusal_count,
            all);
  rows.clear();
  for (const auto& off : outcome.preview.violations()) {
    rows.push_back({off.node(), off.breakdown(), units(off.expected_units()),
                    units(off.actual_units()), units(off.difference_units())});
  }
  PrintSome("Would not add up",
            {{"node"}, {"breakdown"}, {"should be", true}, {"is", true}, {"missing", true}},
            std::move(rows), outcome.preview.violation_count(), all);
}

std::string OutcomeJson(const Outcome& outcome) {
  using Json = nlohmann::ordered_json;
  Json changes = Json::array();
  for (const auto& change : outcome.changes) {
    changes.push_back({{"row", change.row},
                       {"node", change.node},
                       {"displayName", change.display_name},
                       {"field", change.field},
                       {"before", change.before},
                       {"after", change.after}});
  }
  Json refusals = Json::array();
  for (const auto& refusal : outcome.refusals) {
    refusals.push_back(
        {{"row", refusal.row}, {"column", refusal.column}, {"why", refusal.description}});
  }
  Json off = Json::array();
  for (const auto& violation : outcome.preview.violations()) {
    off.push_back({{"node", violation.node()},
                   {"breakdown", violation.breakdown()},
                   {"expected", FormatSheetNumber(violation.expected_units(), outcome.decimals)},
                   {"actual", FormatSheetNumber(violation.actual_units(), outcome.decimals)}});
  }
  return Json{{"changes", std::move(changes)},
              {"refusalCount", outcome.refusal_count},
              {"refusals", std::move(refusals)},
              {"violationCount", outcome.preview.violation_count()},
              {"violations", std::move(off)},
              {"writtenVersion", outcome.written_version}}
             .dump() +
         "\n";
}

// The column of a table that a field of an edit comes from.
std::string ColumnOf(const std::string& field) {
  static const std::map<std::string, std::string> columns = {
      {"node_id", "node"}, {"target_units", "target"}, {"min_units", "min"}, {"max_units", "max"}};
  const auto found = columns.find(field);
  return found == columns.end() ? field : found->second;
}

absl::Status Import(const CommandCall& call, Client& client, Outcome& outcome) {
  const std::string plan = PlanNameOf(call.words[0]);
  const absl::StatusOr<std::unique_ptr<SheetReader>> sheet = SheetReader::Open(call.words[1]);
  if (!sheet.ok()) return sheet.status();
  const absl::StatusOr<Subject> subject = ReadSubject(client, plan);
  if (!subject.ok()) return subject.status();
  outcome.decimals = DecimalsOf(subject->metric);
  PlanSheetReader table(plan, outcome.decimals);
  if (absl::Status status = table.Read(**sheet); !status.ok()) return status;
  if (table.base_version() > subject->plan.plan_version()) {
    return absl::InvalidArgumentError(absl::StrCat("the table is of version ", table.base_version(),
                                                   " of ", plan, ", which has only ",
                                                   subject->plan.plan_version()));
  }
  if (table.row_count() > 0) {
    Progress progress("compared nodes", subject->plan.node_count());
    const absl::Status compared = ForEachNode(client, plan, "", table.base_version(), progress,
                                              [&](const target::v1::Node& node, int64_t) {
                                                table.Compare(node);
                                                return absl::OkStatus();
                                              });
    if (!compared.ok()) return compared;
  }
  table.Finish();
  outcome.changes = table.changes();
  outcome.refusals = table.refusals();
  outcome.refusal_count = static_cast<int64_t>(outcome.refusals.size());

  target::v1::EditSpec spec;
  spec.set_plan(plan);
  spec.set_base_version(table.base_version());
  spec.set_currency_code(subject->plan.currency_code());
  spec.set_reason(call.Flag("reason"));
  spec.set_accept_variance(call.Has("accept-variance"));
  for (const target::v1::NodeEdit& edit : table.edits()) *spec.add_edits() = edit;
  if (spec.edits_size() > 0) {
    target::v1::PreviewEditsRequest preview;
    *preview.mutable_spec() = spec;
    absl::StatusOr<target::v1::PreviewEditsResponse> answer =
        client.Call<target::v1::PreviewEditsResponse>(
            "milepost.target.v1.DraftingService.PreviewEdits", preview);
    if (!answer.ok()) return answer.status();
    outcome.preview = *std::move(answer);
    for (const target::v1::EditRefusal& refusal : outcome.preview.refusals()) {
      const std::string column = ColumnOf(refusal.field());
      std::string why = refusal.description();
      // The service counts in whole units.
      if (outcome.decimals > 0 && (column == "target" || column == "min" || column == "max"))
        absl::StrAppend(&why, " (in units of ", FormatSheetNumber(1, outcome.decimals), ")");
      outcome.refusals.push_back({refusal.row(), column, std::move(why)});
    }
    outcome.refusal_count += outcome.preview.refusal_count();
  }
  std::stable_sort(outcome.refusals.begin(), outcome.refusals.end(),
                   [](const auto& a, const auto& b) { return a.row < b.row; });
  const bool good = outcome.refusal_count == 0 &&
                    (outcome.preview.violation_count() == 0 || spec.accept_variance());
  if (call.Has("dry-run") || !good || outcome.preview.changed_node_count() == 0)
    return absl::OkStatus();
  target::v1::ApplyEditsRequest apply;
  *apply.mutable_spec() = std::move(spec);
  apply.set_request_id(NewUuid());
  const absl::StatusOr<target::v1::Plan> written =
      client.Call<target::v1::Plan>("milepost.target.v1.DraftingService.ApplyEdits", apply);
  if (!written.ok()) return written.status();
  outcome.written_version = written->plan_version();
  return absl::OkStatus();
}

}  // namespace

int RunPlanExport(const CommandCall& call) {
  const std::string plan = PlanNameOf(call.words[0]);
  std::string path = call.words.size() > 1 ? call.words[1] : "";
  SheetFormat format = absl::EndsWith(path, ".xlsx") ? SheetFormat::kXlsx : SheetFormat::kCsv;
  if (call.format == Format::kCsv) format = SheetFormat::kCsv;
  if (call.Has("xlsx")) {
    if (!path.empty() || call.format == Format::kCsv)
      return WrongUsage("target", "export", "one file is written: --csv FILE or --xlsx FILE");
    path = call.Flag("xlsx");
    format = SheetFormat::kXlsx;
  }
  if (path.empty()) return WrongUsage("target", "export", "the file is missing");
  const auto client = call.connect();
  if (!client.ok()) return Fail(client.status());
  const absl::StatusOr<Subject> subject = ReadSubject(**client, plan);
  if (!subject.ok()) return Fail(subject.status());
  const int decimals = DecimalsOf(subject->metric);
  const std::string counted_in = subject->plan.currency_code().empty()
                                     ? subject->metric.unit_label()
                                     : subject->plan.currency_code();
  const absl::StatusOr<std::unique_ptr<SheetWriter>> sheet =
      SheetWriter::Create(path, format, PlanSheetColumns(decimals));
  if (!sheet.ok()) return Fail(sheet.status());
  const std::string under = call.Has("node") ? NodeNameOf(plan, call.Flag("node")) : "";
  int64_t count = 0;
  int64_t version = 0;
  absl::Status status;
  {
    Progress progress("exported nodes", under.empty() ? subject->plan.node_count() : 0);
    status =
        ForEachNode(**client, plan, under, 0, progress,
                    [&](const target::v1::Node& node, int64_t plan_version) {
                      ++count;
                      version = plan_version;
                      return (*sheet)->Add(PlanSheetRow(node, plan_version, counted_in, decimals));
                    });
  }
  if (status.ok()) status = (*sheet)->Finish();
  if (!status.ok()) return Fail(status);
  std::printf("%s: %s nodes of %s, version %lld.\n", path.c_str(), FormatCount(count).c_str(),
              plan.c_str(), static_cast<long long>(version));
  return kOk;
}

int RunPlanImport(const CommandCall& call) {
  const auto client = call.connect();
  if (!client.ok()) return Fail(client.status());
  Outcome outcome;
  if (absl::Status status = Import(call, **client, outcome); !status.ok()) return Fail(status);
  const bool off = outcome.preview.violation_count() > 0 && !call.Has("accept-variance");
  const bool good = outcome.refusal_count == 0 && !off;
  if (call.format == Format::kJson) {
    std::fputs(OutcomeJson(outcome).c_str(), stdout);
    return good ? kOk : kFailed;
  }
  PrintOutcome(outcome, call.all_rows);
  if (outcome.written_version > 0) {
    std::printf("Written as version %lld: %s nodes.\n",
                static_cast<long long>(outcome.written_version),
                FormatCount(outcome.preview.changed_node_count()).c_str());
  } else if (!good) {
    std::printf("Nothing was written.%s\n",
                off && outcome.refusal_count == 0
                    ? " Mend the sums, or accept them with --accept-variance."
                    : "");
  } else if (outcome.preview.changed_node_count() == 0) {
    std::printf("The table says what the plan says; nothing to write.\n");
  } else if (call.Has("dry-run")) {
    std::printf(
        "A dry run: nothing was written. Without --dry-run it is one version of the plan.\n");
  }
  return good ? kOk : kFailed;
}

}  // namespace milepost::cli
