#include "platform/db/errors.h"

#include <cstdlib>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace milepost::db {
namespace {

constexpr char kCodeUrl[] = "milepost/db-code";
constexpr char kKeyUrl[] = "milepost/db-key";
constexpr char kConflictUrl[] = "milepost/db-conflict";
constexpr char kUnknownUrl[] = "milepost/db-unknown-commit";
constexpr char kLostUrl[] = "milepost/db-lost";

bool Has(const absl::Status& status, const char* url) { return status.GetPayload(url).has_value(); }

// "Duplicate entry 'x' for key 'changes.PRIMARY'" → "PRIMARY". MySQL 8 puts the table before the
// key, MariaDB does not.
std::string KeyIn(const std::string& message) {
  const size_t last = message.rfind('\'');
  if (last == std::string::npos || last == 0) return "";
  const size_t first = message.rfind('\'', last - 1);
  if (first == std::string::npos) return "";
  const std::string key = message.substr(first + 1, last - first - 1);
  const size_t dot = key.rfind('.');
  return dot == std::string::npos ? key : key.substr(dot + 1);
}

bool Retryable(int code, const std::string& message) {
  switch (code) {
    case 1213:  // Deadlock, or Galera certification failure.
    case 1205:  // Lock wait time-out.
    case 1020:  // MariaDB: the row changed since the snapshot.
    case 3572:  // NOWAIT lock busy.
    case 8002:  // TiDB: conflict or schema change under the transaction.
    case 8005:
    case 8022:
    case 8028:
    case 8147:
    case 9007:
      return true;
    case 1105:
      return message.find("Information schema is changed") != std::string::npos;
    default:
      return false;
  }
}

bool Lost(int code) {
  switch (code) {
    case 2002:  // Cannot connect (socket).
    case 2003:  // Cannot connect (TCP).
    case 2006:  // Server has gone away.
    case 2013:  // Lost in flight, or the read time-out.
    case 2014:
    case 2026:  // TLS.
    case 2055:
    case 1040:  // Too many connections.
    case 1047:  // Galera: node not ready.
    case 1053:  // Server shutdown in progress.
    case 1927:  // MariaDB: connection was killed.
    case 3169:
    case 4031:  // MySQL: disconnected after inactivity.
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::Status FromDriver(int code, const std::string& message, const std::string& statement,
                        bool in_commit) {
  const std::string text = absl::StrCat(statement, ": [", code, "] ", message);
  absl::Status status = absl::InternalError(text);
  if (code == 1062) {
    status = absl::AlreadyExistsError(text);
    status.SetPayload(kKeyUrl, absl::Cord(KeyIn(message)));
  } else if (Retryable(code, message)) {
    status = absl::AbortedError(text);
    status.SetPayload(kConflictUrl, absl::Cord("1"));
  } else if (Lost(code)) {
    status = absl::UnavailableError(text);
    status.SetPayload(kLostUrl, absl::Cord("1"));
    if (in_commit) status.SetPayload(kUnknownUrl, absl::Cord("1"));
  } else if (code == 1317 || code == 1969 || code == 3024) {
    status = absl::DeadlineExceededError(text);
  } else if (code == 1114 || code == 1021) {
    status = absl::UnavailableError(text);
  }
  status.SetPayload(kCodeUrl, absl::Cord(absl::StrCat(code)));
  return status;
}

std::optional<std::string> DuplicateKey(const absl::Status& status) {
  const auto payload = status.GetPayload(kKeyUrl);
  if (!payload) return std::nullopt;
  return std::string(*payload);
}

bool IsConflict(const absl::Status& status) { return Has(status, kConflictUrl); }
bool IsUnknownCommit(const absl::Status& status) { return Has(status, kUnknownUrl); }
bool IsConnectionLost(const absl::Status& status) { return Has(status, kLostUrl); }

int EngineCode(const absl::Status& status) {
  const auto payload = status.GetPayload(kCodeUrl);
  return payload ? std::atoi(std::string(*payload).c_str()) : 0;
}

}  // namespace milepost::db
