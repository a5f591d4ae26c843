#include "cli/completion.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/arguments.h"
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "google/protobuf/descriptor.h"

namespace milepost::cli {

std::string BashCompletion() {
  std::map<std::string, std::vector<std::string>> verbs;
  std::string flag_cases;
  for (const Verb& verb : Verbs()) {
    verbs[verb.family].push_back(verb.verb);
    const auto* method =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(verb.method);
    std::vector<std::string> flags;
    for (const Flag& flag : FlagsOf(*method->input_type())) flags.push_back("--" + flag.name);
    absl::StrAppend(&flag_cases, "    '", verb.family, " ", verb.verb, "') words='",
                    absl::StrJoin(flags, " "), "' ;;\n");
  }
  for (const Command& command : Commands()) {
    verbs[command.family].push_back(command.verb);
    std::vector<std::string> flags;
    for (const CommandFlag& flag : command.flags) flags.push_back(absl::StrCat("--", flag.name));
    absl::StrAppend(&flag_cases, "    '", command.family, " ", command.verb, "') words='",
                    absl::StrJoin(flags, " "), "' ;;\n");
  }
  verbs["import"] = {"crm"};
  verbs["demo"] = {"load"};
  verbs["completion"] = {"bash"};
  std::vector<std::string> families;
  std::string verb_cases;
  for (const auto& [family, names] : verbs) {
    families.push_back(family);
    absl::StrAppend(&verb_cases, "    ", family, ") words='", absl::StrJoin(names, " "), "' ;;\n");
  }
  return absl::StrCat(
      "# bash completion for milepostctl: source this file, or put it into\n"
      "# ~/.local/share/bash-completion/completions/milepostctl\n"
      "_milepostctl() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} words=''\n"
      "  if ((COMP_CWORD == 1)); then\n    words='",
      absl::StrJoin(families, " "),
      " help'\n"
      "  elif ((COMP_CWORD == 2)); then\n    case ${COMP_WORDS[1]} in\n",
      verb_cases,
      "    esac\n"
      "  else\n    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n",
      flag_cases,
      "    esac\n    words+=' --request --json --csv --all --profile --token-file --help'\n"
      "  fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "}\n"
      "complete -F _milepostctl milepostctl\n");
}

}  // namespace milepost::cli
