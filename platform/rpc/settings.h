#pragma once

#include <string>

#include "absl/time/time.h"
#include "platform/db/settings.h"

namespace milepost::rpc {

// Settings of a service. Each is a flag (`--grpc-address`) and an environment variable
// (`MILEPOST_GRPC_ADDRESS`); secrets are files.
struct Settings {
  std::string service;
  std::string grpc_address = "127.0.0.1:7100";
  std::string admin_address = "127.0.0.1:7200";
  db::Settings database;
  std::string migration_user;
  std::string migration_password_file;
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_client_ca_file;
  std::string jwks_file;
  std::string token_issuer = "milepost";
  std::string token_audience = "milepost";
  // Peers; empty where the service neither calls nor follows them.
  std::string customer_address;
  std::string opportunity_address;
  std::string target_address;
  std::string reporting_address;
  int workers = 12;
  int queue_limit = 1024;
  absl::Duration drain_delay = absl::Seconds(5);
  absl::Duration shutdown_grace = absl::Seconds(15);
  bool reflection = false;
  absl::Duration feed_retention = absl::Hours(24 * 30);
  std::string time_zone_name = "Asia/Shanghai";
  absl::TimeZone zone;
  std::string currency_code = "CNY";
};

}  // namespace milepost::rpc
