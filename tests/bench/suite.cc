#include "tests/bench/suite.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

extern char** environ;

namespace milepost::bench {
namespace {

const std::vector<std::string>& Services() {
  static const std::vector<std::string> services = {"customer", "opportunity", "target",
                                                    "reporting"};
  return services;
}

pid_t Spawn(const std::vector<std::string>& command,
            const std::map<std::string, std::string>& environment, const std::string& log) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (environment.count(text.substr(0, text.find('='))) == 0) variables.push_back(text);
  }
  for (const auto& [name, value] : environment) variables.push_back(absl::StrCat(name, "=", value));
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& variable : variables) envp.push_back(const_cast<char*>(variable.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, command[0].c_str(), &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

// GET /readyz answers 200.
bool Ready(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET /readyz HTTP/1.0\r\n\r\n";
    if (write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
      char buffer[512];
      for (ssize_t n = read(fd, buffer, sizeof buffer); n > 0;
           n = read(fd, buffer, sizeof buffer)) {
        answer.append(buffer, static_cast<size_t>(n));
      }
    }
  }
  close(fd);
  return absl::StrContains(answer, " 200 ");
}

std::string Tail(const std::string& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

}  // namespace

int RunProgram(const std::vector<std::string>& command,
               const std::map<std::string, std::string>& environment, const std::string& log) {
  const pid_t pid = Spawn(command, environment, log);
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

absl::StatusOr<std::unique_ptr<Suite>> Suite::Start(const std::string& source_dir) {
  std::unique_ptr<Suite> suite(new Suite());
  std::string folder = (std::filesystem::temp_directory_path() / "milepost-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr)
    return absl::InternalError("no temporary folder can be made");
  suite->folder_ = folder;
  if (absl::Status status = suite->Launch(source_dir); !status.ok()) return status;
  return suite;
}

absl::Status Suite::Launch(const std::string& source_dir) {
  const std::string log = folder_ + "/setup.log";
  const std::string bin = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  std::vector<std::string> pki = {source_dir + "/deploy/local/pki", folder_ + "/pki"};
  for (const std::string& service : Services()) pki.push_back(service + "-svc");
  if (RunProgram(pki, {}, log) != 0)
    return absl::InternalError("certificates could not be made:\n" + Tail(log));
  for (const char* who : {"admin", "approver"}) {
    const std::string file = absl::StrCat(folder_, "/", who, ".jwt");
    if (RunProgram({source_dir + "/deploy/local/token", "--keys", folder_ + "/keys", "--sub", who,
                    "--roles", "admin", "--hours", "12"},
                   {}, file) != 0) {
      return absl::InternalError("tokens could not be made:\n" + Tail(file));
    }
  }
  std::map<std::string, int> ports;
  std::map<std::string, int> admin_ports;
  for (const std::string& service : Services()) {
    ports[service] = FreePort();
    admin_ports[service] = FreePort();
    profile_.addresses[service] = absl::StrCat("localhost:", ports[service]);
  }
  profile_.ca_file = folder_ + "/pki/ca.crt";
  profile_.token_file = folder_ + "/admin.jwt";
  profile_.approver_token_file = folder_ + "/approver.jwt";
  for (const std::string& service : Services()) {
    databases_[service] = std::make_unique<testing::Database>();
    const db::Settings& database = databases_[service]->settings();
    std::map<std::string, std::string> environment = {
        {"MILEPOST_GRPC_ADDRESS", absl::StrCat("127.0.0.1:", ports[service])},
        {"MILEPOST_ADMIN_ADDRESS", absl::StrCat("127.0.0.1:", admin_ports[service])},
        {"MILEPOST_DATABASE_SOCKET", database.socket},
        {"MILEPOST_DATABASE_NAME", database.database},
        {"MILEPOST_DATABASE_USER", database.user},
        {"MILEPOST_TLS_CERT_FILE", absl::StrCat(folder_, "/pki/", service, "-svc.crt")},
        {"MILEPOST_TLS_KEY_FILE", absl::StrCat(folder_, "/pki/", service, "-svc.key")},
        {"MILEPOST_TLS_CLIENT_CA_FILE", profile_.ca_file},
        {"MILEPOST_JWKS_FILE", folder_ + "/keys/jwks.json"},
        {"MILEPOST_TOKEN_ISSUER", "https://milepost.local"},
        {"MILEPOST_TOKEN_AUDIENCE", "milepost"},
        {"MILEPOST_DRAIN_DELAY", "0s"},
    };
    for (const std::string& peer : Services()) {
      if (peer == service) continue;
      std::string name = absl::StrCat("MILEPOST_", peer, "_ADDRESS");
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      environment[name] = profile_.addresses[peer];
    }
    const std::string binary = absl::StrCat(bin, "/", service, "-svc");
    const std::string service_log = absl::StrCat(folder_, "/", service, ".log");
    if (RunProgram({binary, "migrate"}, environment, service_log) != 0) {
      return absl::InternalError(
          absl::StrCat(service, "-svc migrate failed:\n", Tail(service_log)));
    }
    processes_[service] = Spawn({binary}, environment, service_log);
  }
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  for (const std::string& service : Services()) {
    while (!Ready(admin_ports[service])) {
      if (absl::Now() > give_up || waitpid(processes_[service], nullptr, WNOHANG) != 0) {
        return absl::UnavailableError(absl::StrCat(
            service, "-svc did not start:\n", Tail(absl::StrCat(folder_, "/", service, ".log"))));
      }
      absl::SleepFor(absl::Milliseconds(50));
    }
  }
  return absl::OkStatus();
}

int64_t Suite::ResidentKib(const std::string& service) const {
  std::ifstream file(absl::StrCat("/proc/", processes_.at(service), "/status"));
  std::string word;
  while (file >> word) {
    int64_t kib = 0;
    if (word == "VmRSS:" && file >> kib) return kib;
  }
  return 0;
}

Suite::~Suite() {
  for (const auto& [service, pid] : processes_) kill(pid, SIGTERM);
  for (const auto& [service, pid] : processes_) waitpid(pid, nullptr, 0);
  databases_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace milepost::bench
