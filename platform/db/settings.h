#pragma once

#include <string>

#include "absl/time/time.h"

namespace milepost::db {

// Where a service's database is and who the service is there.
struct Settings {
  // Unix socket; if empty, host and port are used.
  std::string socket;
  std::string host = "127.0.0.1";
  int port = 3306;
  std::string database;
  std::string user;
  std::string password;
  // CA of the server's certificate. Required for a host that is not loopback: chain and name are
  // then checked.
  std::string ca_file;
  absl::Duration connect_timeout = absl::Seconds(2);
  // Longest wait for one statement.
  absl::Duration read_timeout = absl::Seconds(20);
};

}  // namespace milepost::db
