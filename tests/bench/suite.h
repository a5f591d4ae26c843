#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/client.h"
#include "cli/profile.h"
#include "platform/testing/database.h"

namespace milepost::bench {

// The four services as processes of their own, with TLS, tokens and fresh databases on the test
// server; gone with the object.
class Suite {
 public:
  // Binaries are looked for beside this program, scripts under `source_dir`.
  static absl::StatusOr<std::unique_ptr<Suite>> Start(const std::string& source_dir);
  ~Suite();

  const cli::Profile& profile() const { return profile_; }
  const std::string& folder() const { return folder_; }
  // Settings of the database of a service ("opportunity").
  const db::Settings& database(const std::string& service) const {
    return databases_.at(service)->settings();
  }
  // Resident memory of a service's process, in KiB.
  int64_t ResidentKib(const std::string& service) const;

 private:
  Suite() = default;
  absl::Status Launch(const std::string& source_dir);

  std::string folder_;
  cli::Profile profile_;
  std::map<std::string, std::unique_ptr<testing::Database>> databases_;
  std::map<std::string, pid_t> processes_;
};

// Runs a program to its end with extra environment; its output goes to `log`. Its exit code, or -1.
int RunProgram(const std::vector<std::string>& command,
               const std::map<std::string, std::string>& environment, const std::string& log);

// A port that is free now on 127.0.0.1.
int FreePort();

}  // namespace milepost::bench
