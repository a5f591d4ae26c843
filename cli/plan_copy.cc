#include "cli/plan_copy.h"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/client.h"
#include "cli/failure.h"
#include "cli/output.h"
#include "cli/plan_sheet.h"
#include "cli/plan_tree.h"
#include "cli/sheet.h"
#include "cli/table.h"
#include "cli/text.h"

namespace milepost::cli {
namespace {

constexpr size_t kShown = 50;  // Notices that are printed, unless all are asked for.
constexpr int kShownLevels = 2;

void SetDate(absl::CivilDay day, type::v1::Date& date) {
  date.set_year(static_cast<int32_t>(day.year()));
  date.set_month(day.month());
  date.set_day(day.day());
}

// `anna` is a member; units are written in full.
std::string OwnerName(const std::string& word) {
  return word.empty() || absl::StrContains(word, "/") ? word : absl::StrCat("members/", word);
}

void PrintPreview(const CommandCall& call, const target::v1::CopySpec& spec,
                  target::v1::PreviewCopyResponse preview, PlanTreeParts parts) {
  if (preview.notices_size() > 0) {
    std::printf("Not as it was: %s\n", FormatCount(preview.notice_count()).c_str());
    Table table({{"what"}, {"key"}, {"node"}, {"why"}});
    for (int i = 0; i < preview.notices_size(); ++i) {
      if (!call.all_rows && static_cast<size_t>(i) == kShown) break;
      const target::v1::CopyNotice& notice = preview.notices(i);
      table.Add({absl::StrReplaceAll(
                     absl::AsciiStrToLower(target::v1::CopyNotice::Kind_Name(notice.kind())),
                     {{"_", "-"}}),
                 notice.key(), notice.source_node(), notice.description()});
    }
    std::fputs(table.ToText().c_str(), stdout);
    const int64_t more = preview.notice_count() - static_cast<int64_t>(table.size());
    if (more > 0) std::printf("... %s more\n", FormatCount(more).c_str());
    std::printf("\n");
  }
  if (!spec.title().empty()) parts.plan.set_title(spec.title());
  parts.plan.set_name(absl::StrCat("copy of ", parts.plan.name()));
  parts.plan.set_state(target::v1::DRAFT);
  parts.plan.set_plan_version(1);
  for (target::v1::Node& node : *preview.mutable_nodes()) {
    if (node.depth() > kShownLevels) continue;
    if (node.depth() == kShownLevels) node.set_leaf(true);  // As far as it is shown.
    parts.nodes.push_back(std::move(node));
  }
  std::fputs(ToText(MakePlanTree(std::move(parts))).c_str(), stdout);
  std::printf("A dry run: nothing was written. It would have %s nodes.\n",
              FormatCount(preview.node_count()).c_str());
}

}  // namespace

absl::StatusOr<target::v1::CopySpec> ReadCopySpec(const CommandCall& call) {
  target::v1::CopySpec spec;
  spec.set_source(PlanNameOf(call.words[0]));
  const std::optional<Days> days = ParseDays(call.Flag("period"));
  if (!days)
    return absl::InvalidArgumentError("--period is needed: 2019, 2019Q1, 2019-03 or DATE..DATE");
  SetDate(days->first, *spec.mutable_period()->mutable_first_date());
  SetDate(days->last, *spec.mutable_period()->mutable_last_date());
  if (call.Has("growth") && call.Has("total"))
    return absl::InvalidArgumentError("--growth and --total exclude each other");
  if (call.Has("growth")) {
    const absl::StatusOr<SheetNumber> growth = ParseSheetNumber(call.Flag("growth"), 6);
    if (!growth.ok() || !absl::EndsWith(call.Flag("growth"), "%"))
      return absl::InvalidArgumentError("--growth must be a percentage like 8% or -2.5%");
    spec.set_growth_ppm(growth->units);
  }
  spec.set_title(call.Flag("title"));
  spec.set_keep_locks(call.Has("keep-locks"));
  spec.set_keep_bounds(call.Has("keep-bounds"));
  spec.set_drop_notes(call.Has("drop-notes"));
  for (const std::string& pair :
       std::vector<std::string>(absl::StrSplit(call.Flag("replace"), ',', absl::SkipEmpty()))) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos)
      return absl::InvalidArgumentError("--replace must be like anna=bert,carl=");
    target::v1::OwnerReplacement& replacement = *spec.add_replacements();
    replacement.set_from(OwnerName(pair.substr(0, equals)));
    replacement.set_to(OwnerName(pair.substr(equals + 1)));
  }
  return spec;
}

int RunPlanCopy(const CommandCall& call) {
  absl::StatusOr<target::v1::CopySpec> spec = ReadCopySpec(call);
  if (!spec.ok()) return WrongUsage("target", "copy", std::string(spec.status().message()));
  const auto client = call.connect();
  if (!client.ok()) return Fail(client.status());
  PlanTreeParts parts;
  target::v1::GetPlanRequest get_plan;
  get_plan.set_name(spec->source());
  auto plan = (*client)->Call<target::v1::Plan>("milepost.target.v1.PlanService.GetPlan", get_plan);
  if (!plan.ok()) return Fail(plan.status());
  parts.plan = *std::move(plan);
  target::v1::GetMetricRequest get_metric;
  get_metric.set_name(parts.plan.metric());
  auto metric =
      (*client)->Call<target::v1::Metric>("milepost.target.v1.MetricService.GetMetric", get_metric);
  if (!metric.ok()) return Fail(metric.status());
  parts.metric = *std::move(metric);
  if (call.Has("total")) {
    const absl::StatusOr<SheetNumber> total =
        parts.metric.unit() == target::v1::MONEY && ParseMoney(call.Flag("total"))
            ? SheetNumber{*ParseMoney(call.Flag("total")), 0}
            : ParseSheetNumber(call.Flag("total"), DecimalsOf(parts.metric));
    if (!total.ok())
      return WrongUsage("target", "copy",
                        absl::StrCat("--total ", std::string(total.status().message())));
    spec->set_target_units(total->units);
  }
  if (call.Has("dry-run")) {
    target::v1::PreviewCopyRequest request;
    *request.mutable_spec() = *spec;
    auto preview = (*client)->Call<target::v1::PreviewCopyResponse>(
        "milepost.target.v1.DraftingService.PreviewCopy", request);
    if (!preview.ok()) return Fail(preview.status());
    if (call.format != Format::kText) {
      Print(*preview, call.format);
    } else {
      PrintPreview(call, *spec, *std::move(preview), std::move(parts));
    }
    return kOk;
  }
  target::v1::CopyPlanRequest request;
  *request.mutable_spec() = *spec;
  if (call.words.size() > 1)
    request.set_plan_id(PlanNameOf(call.words[1]).substr(std::string("plans/").size()));
  request.set_request_id(NewUuid());
  const auto made =
      (*client)->Call<target::v1::Plan>("milepost.target.v1.DraftingService.CopyPlan", request);
  if (!made.ok()) return Fail(made.status());
  Print(*made, call.format, !made->currency_code().empty());
  return kOk;
}

}  // namespace milepost::cli
