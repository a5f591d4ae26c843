#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/arguments.h"
#include "cli/catalogue.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/crm.h"
#include "cli/demo.h"
#include "cli/documentation.h"
#include "cli/failure.h"
#include "cli/loader.h"
#include "cli/output.h"
#include "cli/profile.h"
#include "cli/text.h"
#include "google/protobuf/util/json_util.h"
#include "milepost/customer/v1/customer.pb.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "milepost/target/v1/node.pb.h"
#include "milepost/target/v1/plan.grpc.pb.h"
#include "milepost/target/v1/plan.pb.h"
#include "platform/resource/name.h"
#include "platform/rpc/status.h"
#include "platform/status/error.h"

namespace milepost::cli {
namespace {

// What stands before and between the words of a verb.
struct Globals {
  Format format = Format::kText;
  bool all = false;
  bool all_rows = false;
  bool help = false;
  std::string profile;
  std::string token_file;
  std::string service;  // For verbs that every service answers: feed, history.
};

void PrintUsage() {
  std::printf(
      "milepostctl: sales process and sales targets from the command line\n\n"
      "usage: milepostctl FAMILY VERB [ARGUMENT...] [--FLAG VALUE...]\n\n"
      "Families:\n");
  std::string last;
  for (const Verb& verb : Verbs()) {
    if (verb.family == last) continue;
    last = verb.family;
    std::printf("  %-14s %s\n", verb.family, FamilySummary(verb.family));
  }
  std::printf(
      "  %-14s load a directory of CSV files through the services' imports: import crm DIR\n"
      "  %-14s load a made-up company: demo load [--size N]\n"
      "  %-14s completion bash: a completion script\n\n"
      "Everywhere:\n"
      "  --json             the answer as JSON\n"
      "  --csv              the answer as CSV, with plain numbers\n"
      "  --all              every page of a list\n"
      "  --service NAME     which service to ask, for feed and history: customer, opportunity, "
      "target, reporting\n"
      "  --profile FILE     where the services are; else $MILEPOST_PROFILE, .local/profile.json "
      "here or above,\n"
      "                     ~/.config/milepost/profile.json\n"
      "  --token-file FILE  who you are; else the profile's\n"
      "  --help             after a family or verb: what it takes\n\n"
      "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 a service cannot be reached.\n",
      "import", "demo", "completion");
}

void PrintFamily(const std::string& family) {
  std::printf("milepostctl %s: %s\n\n", family.c_str(), FamilySummary(family));
  for (const Verb& verb : Verbs()) {
    if (verb.family != family) continue;
    const auto* method =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(verb.method);
    std::printf("  %-18s %s\n", verb.verb, FirstSentence(Comment(*method)).c_str());
  }
  for (const Command& command : Commands()) {
    if (command.family == family)
      std::printf("  %-18s %s\n", command.verb, FirstSentence(command.help).c_str());
  }
  std::printf("\nmilepostctl %s VERB --help tells more.\n", family.c_str());
}

void PrintVerb(const Verb& verb) {
  const auto* method =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(verb.method);
  std::string usage = absl::StrCat("milepostctl ", verb.family, " ", verb.verb);
  for (const char* field : verb.positional) {
    std::string word(field);
    word = word.substr(word.rfind('.') + 1);
    for (char& c : word)
      c = c == '_' ? '-' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    absl::StrAppend(&usage, " ", word);
  }
  std::printf("usage: %s [--FLAG VALUE...]\n\n%s\n\nFlags:\n", usage.c_str(),
              Comment(*method).c_str());
  std::printf("  --request FILE\n      The request as JSON in a file; other flags add to it.\n");
  for (const Flag& flag : FlagsOf(*method->input_type())) {
    std::printf("  --%s %s\n      %s\n", flag.name.c_str(), ValueHint(flag).c_str(),
                Comment(*flag.field).c_str());
  }
}

// The plan that `target progress` without a name means: an active one, the newest first.
absl::StatusOr<std::string> ActivePlan(Client& client) {
  const auto stub = target::v1::PlanService::NewStub(client.ChannelOf("milepost.target.v1"));
  target::v1::ListPlansRequest request;
  request.set_state(target::v1::ACTIVE);
  request.set_page_size(500);
  target::v1::ListPlansResponse response;
  const grpc::Status status =
      stub->ListPlans(client.Context(absl::Seconds(30)).get(), request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  const target::v1::Plan* newest = nullptr;
  for (const auto& plan : response.plans()) {
    if (newest == nullptr || plan.activate_time().seconds() > newest->activate_time().seconds())
      newest = &plan;
  }
  if (newest == nullptr) {
    return absl::NotFoundError(
        "no plan is active; name one: milepostctl target progress plans/PLAN");
  }
  return newest->name();
}

// The first plan that an answer names, `plans/{plan}`; empty if there is none.
std::string PlanIn(const google::protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    std::string plan;
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      plan = PlanIn(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, 0)
                                         : reflection->GetMessage(message, field));
    } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING &&
               !field->is_repeated()) {
      const std::string name = reflection->GetString(message, field);
      if (absl::StartsWith(name, "plans/")) plan = name.substr(0, name.find('/', 6));
    }
    if (!plan.empty()) return plan;
  }
  return "";
}

// Whether units in an answer of target-svc are amounts: its plan has a currency.
bool HasAmounts(Client& client, const google::protobuf::Message& answer) {
  if (answer.GetDescriptor()->file()->package() != "milepost.target.v1") return false;
  target::v1::GetPlanRequest request;
  request.set_name(PlanIn(answer));
  if (request.name().empty()) return false;
  if (const auto* plan = dynamic_cast<const target::v1::Plan*>(&answer))
    return !plan->currency_code().empty();
  const auto stub = target::v1::PlanService::NewStub(client.ChannelOf("milepost.target.v1"));
  target::v1::Plan plan;
  return stub->GetPlan(client.Context(absl::Seconds(30)).get(), request, &plan).ok() &&
         !plan.currency_code().empty();
}

int RunVerb(const Verb& verb, const std::vector<std::string>& words, const Globals& globals) {
  const auto* method =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(verb.method);
  const auto request = NewMessage(*method->input_type());
  if (absl::Status status = FillRequest(verb, words, *request); !status.ok()) {
    return WrongUsage(verb.family, verb.verb, std::string(status.message()));
  }
  const auto profile = ReadProfile(globals.profile);
  if (!profile.ok()) return Fail(profile.status());
  const auto client = Client::Connect(*profile, globals.token_file);
  if (!client.ok()) return Fail(client.status());

  const auto* reflection = request->GetReflection();
  const auto* type = request->GetDescriptor();
  const std::string family = verb.family;
  std::string service = globals.service;
  if (family == "feed" || family == "history") {
    if (service.empty() && family == "history") {
      // The service that owns the record.
      static const std::map<std::string, std::string> owners = {{"customers", "customer"},
                                                                {"contacts", "customer"},
                                                                {"interactions", "customer"},
                                                                {"opportunities", "opportunity"},
                                                                {"orders", "opportunity"},
                                                                {"products", "opportunity"},
                                                                {"productLines", "opportunity"},
                                                                {"sources", "opportunity"},
                                                                {"processes", "opportunity"},
                                                                {"units", "target"},
                                                                {"members", "target"},
                                                                {"calendars", "target"},
                                                                {"metrics", "target"},
                                                                {"plans", "target"},
                                                                {"actuals", "target"}};
      const std::string record = reflection->GetString(*request, type->FindFieldByName("record"));
      const auto found = owners.find(record.substr(0, record.find('/')));
      if (found != owners.end()) service = found->second;
    }
    if (service.empty()) {
      std::fprintf(stderr,
                   "milepostctl: --service customer|opportunity|target|reporting is needed here\n");
      return kUsage;
    }
  }
  if (std::string(verb.family) == "target" && std::string(verb.verb) == "progress" &&
      reflection->GetString(*request, type->FindFieldByName("name")).empty()) {
    const auto plan = ActivePlan(**client);
    if (!plan.ok()) return Fail(plan.status());
    reflection->SetString(request.get(), type->FindFieldByName("name"), *plan);
  }
  if (method->server_streaming()) {
    const absl::Status status = (*client)->Stream(
        *method, *request,
        [&](const google::protobuf::Message& message) {
          Print(message, globals.format);
          std::fflush(stdout);
          return true;
        },
        service);
    return status.ok() ? kOk : Fail(status);
  }
  for (;;) {
    auto response = (*client)->Call(*method, *request, service);
    if (!response.ok()) return Fail(response.status());
    Print(**response, globals.format,
          globals.format == Format::kText && HasAmounts(**client, **response));
    const auto* next = (*response)->GetDescriptor()->FindFieldByName("next_page_token");
    const std::string token =
        next == nullptr ? "" : (*response)->GetReflection()->GetString(**response, next);
    if (token.empty()) return kOk;
    if (!globals.all) {
      if (globals.format == Format::kText) {
        std::printf("There is more: --all for everything, or --page-token %s\n", token.c_str());
      }
      return kOk;
    }
    reflection->SetString(request.get(), type->FindFieldByName("page_token"), token);
  }
}

int RunImport(const std::vector<std::string>& words, const Globals& globals) {
  if (globals.help || words.size() != 2 || words[0] != "crm") {
    std::printf(
        "usage: milepostctl import crm DIR [--all-rows]\n\n"
        "Loads a directory with sales_teams.csv, accounts.csv, products.csv and sales_pipeline.csv "
        "(dates month/day/year)\n"
        "through the services' own imports: the organization, customers, products and "
        "opportunities with their dates; a\n"
        "won one also becomes an order. Plain flaws are repaired and listed; rows that cannot be "
        "read are named by file\n"
        "and line, and the others are loaded. Repeating it changes nothing; after mending rows, "
        "repeat it.\n"
        "The company is units/crm; the demo company, units/demo, may be there too.\n\n"
        "  --all-rows   list every repaired and refused row, not only the first\n");
    return globals.help ? kOk : kUsage;
  }
  auto directory = ReadCrmDirectory(words[1]);
  if (!directory.ok()) {
    Fail(directory.status());
    return kUsage;
  }
  const auto profile = ReadProfile(globals.profile);
  if (!profile.ok()) return Fail(profile.status());
  const auto client = Client::Connect(*profile, globals.token_file);
  if (!client.ok()) return Fail(client.status());
  const absl::Time start = absl::Now();
  auto result = Load(**client, directory->dataset);
  if (!result.ok()) return Fail(result.status());
  result->refused.insert(result->refused.begin(), directory->refused.begin(),
                         directory->refused.end());
  PrintLoad(*result, directory->repaired, globals.all_rows);
  const std::string unit = resource::IdOf("units", kCrmCompany).value_or("");
  std::printf(
      "\nDone in %.1f s. The company is %s; with --unit %s a report is of it alone, whatever else "
      "is loaded:\n",
      absl::ToDoubleSeconds(absl::Now() - start), kCrmCompany, unit.c_str());
  std::vector<std::string> next = {"funnel", "win-loss --by product", "sales-cycle"};
  if (directory->last_close_day) {
    const std::string year = absl::StrCat(directory->last_close_day->year());
    next.push_back(absl::StrCat("leaderboard --by member --period ", year));
    next.push_back(absl::StrCat("revenue --by unit --granularity quarter --period ", year));
  }
  for (const std::string& report : next)
    std::printf("  milepostctl report %s --unit %s\n", report.c_str(), unit.c_str());
  return result->refused.empty() ? kOk : kFailed;
}

int RunDemo(std::vector<std::string> words, const Globals& globals) {
  DemoOptions options;
  options.today = absl::ToCivilDay(absl::Now(), absl::LocalTimeZone());
  bool good = !words.empty() && words[0] == "load";
  for (size_t i = 1; i < words.size() && good; i += 2) {
    good = i + 1 < words.size();
    if (!good) break;
    if (words[i] == "--size") {
      good = absl::SimpleAtoi(words[i + 1], &options.opportunities) && options.opportunities >= 1 &&
             options.opportunities <= 10'000'000;
    } else if (words[i] == "--today") {
      const auto day = ParseDay(words[i + 1]);
      good = day.has_value();
      if (day) options.today = *day;
    } else {
      good = false;
    }
  }
  if (globals.help || !good) {
    std::printf(
        "usage: milepostctl demo load [--size N] [--today DATE]\n\n"
        "Loads a made-up company with Chinese names: organization, customers, products, "
        "opportunities and orders since\n"
        "the beginning of last year, and a revenue plan of this year, split to member and month, "
        "approved and active.\n"
        "The same size and day give the same company; repeating it changes nothing.\n\n"
        "  --size N       opportunities over both years, 1 to 10000000 (2000)\n"
        "  --today DATE   the day up to which things have happened (today)\n");
    return globals.help ? kOk : kUsage;
  }
  const auto profile = ReadProfile(globals.profile);
  if (!profile.ok()) return Fail(profile.status());
  const auto client = Client::Connect(*profile, globals.token_file);
  if (!client.ok()) return Fail(client.status());
  if (profile->approver_token_file.empty()) {
    return Fail(absl::FailedPreconditionError(
        "the profile names no approver_token_file, and nobody approves a plan of their own"));
  }
  const auto approver = Client::Connect(*profile, profile->approver_token_file);
  if (!approver.ok()) return Fail(approver.status());
  if (absl::Status status = LoadDemo(**client, **approver, options); !status.ok())
    return Fail(status);
  std::printf("Next: milepostctl target progress; milepostctl report leaderboard --by member\n");
  return kOk;
}

int Run(const std::vector<std::string>& arguments) {
  Globals globals;
  std::vector<std::string> words;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const auto value = [&](const char* flag, std::string& target) {
      if (absl::StartsWith(word, absl::StrCat(flag, "="))) {
        target = word.substr(std::string(flag).size() + 1);
        return true;
      }
      if (word != flag || i + 1 >= arguments.size()) return false;
      target = arguments[++i];
      return true;
    };
    if (word == "--json") {
      globals.format = Format::kJson;
    } else if (word == "--csv") {
      globals.format = Format::kCsv;
    } else if (word == "--all") {
      globals.all = true;
    } else if (word == "--all-rows") {
      globals.all_rows = true;
    } else if (word == "--help" || word == "-h") {
      globals.help = true;
    } else if (!value("--profile", globals.profile) && !value("--token-file", globals.token_file) &&
               !value("--service", globals.service)) {
      words.push_back(word);
    }
  }
  if (words.empty() || words[0] == "help") {
    PrintUsage();
    return globals.help || !words.empty() ? kOk : kUsage;
  }
  const std::string family = words[0];
  words.erase(words.begin());
  if (family == "import") return RunImport(words, globals);
  if (family == "demo") return RunDemo(words, globals);
  if (family == "completion") {
    if (words.size() == 1 && words[0] == "bash") {
      std::fputs(BashCompletion().c_str(), stdout);
      return kOk;
    }
    std::printf(
        "usage: milepostctl completion bash\n\nPrints a completion script: source <(milepostctl "
        "completion bash)\n");
    return globals.help ? kOk : kUsage;
  }
  for (const Command& command : Commands()) {
    if (family != command.family || words.empty() || words[0] != command.verb) continue;
    words.erase(words.begin());
    if (globals.help) {
      std::fputs(HelpOf(command).c_str(), stdout);
      return kOk;
    }
    CommandCall call;
    call.format = globals.format;
    call.all_rows = globals.all_rows;
    call.connect = [&]() -> absl::StatusOr<std::unique_ptr<Client>> {
      const auto profile = ReadProfile(globals.profile);
      if (!profile.ok()) return profile.status();
      return Client::Connect(*profile, globals.token_file);
    };
    if (absl::Status status = ReadCommand(command, words, call); !status.ok())
      return WrongUsage(family, command.verb, std::string(status.message()));
    return command.run(call);
  }
  bool known = false;
  for (const Verb& verb : Verbs()) {
    if (family != verb.family) continue;
    known = true;
    if (words.empty() || words[0] != verb.verb) continue;
    words.erase(words.begin());
    if (globals.help) {
      PrintVerb(verb);
      return kOk;
    }
    return RunVerb(verb, words, globals);
  }
  if (!known) {
    std::fprintf(stderr, "milepostctl: there is no '%s'; milepostctl --help lists what there is\n",
                 family.c_str());
    return kUsage;
  }
  if (!words.empty()) {
    std::fprintf(stderr, "milepostctl: %s has no verb '%s'\n\n", family.c_str(), words[0].c_str());
  }
  PrintFamily(family);
  return globals.help ? kOk : kUsage;
}

}  // namespace
}  // namespace milepost::cli

int main(int argc, char** argv) {
  return milepost::cli::Run(std::vector<std::string>(argv + 1, argv + argc));
}
