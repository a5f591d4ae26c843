#include "cli/commands.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/plan_copy.h"
#include "cli/plan_sheet.h"
#include "cli/plan_tree.h"

namespace milepost::cli {

std::string CommandCall::Flag(const std::string& flag, const std::string& otherwise) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? otherwise : found->second;
}

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      {"target",
       "tree",
       {"PLAN"},
       "Shows a plan as a tree: target, committed, actual, attainment, pace and where it will end. "
       "Commitments are shown if the plan takes them; actual values as reporting-svc tells them, "
       "for metrics that it does not follow as they were recorded.",
       {{"depth", "N|all", "How many levels below the node; 3 unless given."},
        {"node", "NODE", "Only this node and what is below it."},
        {"as-of", "DATE", "The day to look at; today unless given."},
        {"accepted-only", nullptr, "Only commitments that are accepted count."}},
       RunPlanTree},
      {"target",
       "export",
       {"PLAN", "[FILE]"},
       "Writes a plan as a table, one row a node: --csv FILE, --xlsx FILE, or a FILE that ends in "
       "either. Marked columns (display_name, target, locked, min, max, note) can be changed and "
       "brought back with target import; the others say what a row is for. CSV is in UTF-8 with a "
       "byte order mark; text that a spreadsheet would take for a formula has an apostrophe in "
       "front.",
       {{"xlsx", "FILE", "Write a spreadsheet, of at most 1,048,575 nodes."},
        {"node", "NODE", "Only this node and what is below it."}},
       RunPlanExport},
      {"target",
       "import",
       {"PLAN", "FILE"},
       "Brings changes of an exported table back, as one version of the plan or not at all. What "
       "was changed is told row by row, with what would not add up any more and every row that is "
       "refused: of unknown nodes, changed in the plan since the export, with values that are no "
       "numbers or no multiples of the rounding unit. Rows that are not in the table stay as they "
       "are. At most 50,000 nodes change at once. --all-rows prints long lists whole.",
       {{"dry-run", nullptr, "Only tell what would happen."},
        {"reason", "TEXT", "Why; kept in the version. An active plan needs one."},
        {"accept-variance", nullptr, "Write although something will not add up any more."}},
       RunPlanImport},
      {"target",
       "copy",
       {"PLAN", "[NEW-ID]"},
       "Makes a draft with the shape of another plan for other days: the same breakdowns, split as "
       "there. Calendar periods follow each other, working days are weighed anew. Units and "
       "members that are not there any more are left out and told, unless somebody replaces them. "
       "See it first with --dry-run.",
       {{"period", "DAYS", "The new days: 2019, 2019Q1, 2019-03 or DATE..DATE. Needed."},
        {"growth", "PERCENT", "Of the whole target, for example 8%."},
        {"total", "AMOUNT", "The whole target; as the source if neither is given."},
        {"title", "TEXT", "What people call it; as the source if it is not given."},
        {"replace", "FROM=TO,...",
         "Who takes whose place: members by id, units as units/UNIT. Nothing after = leaves out."},
        {"keep-locks", nullptr, "Locked nodes keep their value and lock."},
        {"keep-bounds", nullptr, "Minima and maxima stay as they are."},
        {"drop-notes", nullptr, "Leave remarks out."},
        {"dry-run", nullptr, "Only tell what would be made."}},
       RunPlanCopy},
  };
  return commands;
}

absl::Status ReadCommand(const Command& command, const std::vector<std::string>& words,
                         CommandCall& call) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!absl::StartsWith(word, "--")) {
      call.words.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto flag = std::find_if(command.flags.begin(), command.flags.end(),
                                   [&](const CommandFlag& f) { return name == f.name; });
    if (flag == command.flags.end())
      return absl::InvalidArgumentError(absl::StrCat("there is no flag --", name));
    std::string value;
    if (flag->value != nullptr && equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (flag->value != nullptr) {
      if (i + 1 == words.size())
        return absl::InvalidArgumentError(absl::StrCat("--", name, " needs ", flag->value));
      value = words[++i];
    } else if (equals != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, " takes no value"));
    }
    if (!call.flags.emplace(name, value).second)
      return absl::InvalidArgumentError(absl::StrCat("--", name, " is given twice"));
  }
  const auto needed = std::count_if(command.words.begin(), command.words.end(),
                                    [](const char* word) { return word[0] != '['; });
  if (call.words.size() < static_cast<size_t>(needed)) {
    return absl::InvalidArgumentError(
        absl::StrCat(command.words[call.words.size()], " is missing"));
  }
  if (call.words.size() > command.words.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", call.words[command.words.size()], "' is one word too many"));
  }
  return absl::OkStatus();
}

std::string HelpOf(const Command& command) {
  std::string help = absl::StrCat("usage: milepostctl ", command.family, " ", command.verb);
  for (const char* word : command.words) absl::StrAppend(&help, " ", word);
  absl::StrAppend(&help, " [--FLAG VALUE...]\n\n", command.help, "\n\nFlags:\n");
  for (const CommandFlag& flag : command.flags) {
    absl::StrAppend(&help, "  --", flag.name, flag.value == nullptr ? "" : " ",
                    flag.value == nullptr ? "" : flag.value, "\n      ", flag.help, "\n");
  }
  return help;
}

std::string PlanNameOf(const std::string& word) {
  return absl::StartsWith(word, "plans/") ? word : absl::StrCat("plans/", word);
}

std::string NodeNameOf(const std::string& plan, const std::string& word) {
  return absl::StartsWith(word, "plans/") ? word : absl::StrCat(plan, "/nodes/", word);
}

}  // namespace milepost::cli
