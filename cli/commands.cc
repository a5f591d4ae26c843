#include "cli/commands.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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
