#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/output.h"

// Verbs that are more than one RPC: they join answers, or read and write files.
namespace milepost::cli {

struct CommandFlag {
  const char* name;   // "depth"
  const char* value;  // How it is written, "N"; nullptr for one that is there or not.
  const char* help;
};

// What was typed after the verb, and how to reach the suite.
struct CommandCall {
  std::vector<std::string> words;
  std::map<std::string, std::string> flags;  // Those given; a value may be empty.
  Format format = Format::kText;
  bool all_rows = false;  // Long tables are printed whole.
  std::function<absl::StatusOr<std::unique_ptr<Client>>()> connect;

  bool Has(const std::string& flag) const { return flags.count(flag) > 0; }
  // The value given, or the other.
  std::string Flag(const std::string& flag, const std::string& otherwise = "") const;
};

struct Command {
  const char* family;
  const char* verb;
  std::vector<const char*> words;  // "PLAN"; one in brackets may be left out.
  const char* help;                // Begins with one sentence that says what it does.
  std::vector<CommandFlag> flags;
  int (*run)(const CommandCall& call);  // Returns the exit code.
};

// All of them, those of a family together.
const std::vector<Command>& Commands();

// Puts words and flags where they belong; INVALID_ARGUMENT if they are not the command's.
absl::Status ReadCommand(const Command& command, const std::vector<std::string>& words,
                         CommandCall& call);

// What `--help` says.
std::string HelpOf(const Command& command);

// `plans/{plan}` of what was typed: that, or the bare id.
std::string PlanNameOf(const std::string& word);
// `plans/{plan}/nodes/{node}` likewise.
std::string NodeNameOf(const std::string& plan, const std::string& word);

}  // namespace milepost::cli
