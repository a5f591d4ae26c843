#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/db/migration.h"
#include "platform/db/session.h"

namespace milepost::testing {

// A database of its own for one test: made with a random name on the test server, migrated, dropped
// at the end. The server is found by MILEPOST_TEST_DATABASE_SOCKET or at .local/test-db/db.sock
// above the working directory; without one the test fails and says how to start it. Includes the
// platform's change tables.
class Database {
 public:
  explicit Database(std::vector<db::Migration> migrations = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const db::Settings& settings() const { return settings_; }
  std::unique_ptr<db::Session> NewSession() const;
  // A session for the test's own look at the tables.
  db::Session& session() { return *session_; }

 private:
  db::Settings settings_;
  std::unique_ptr<db::Session> session_;
};

// Settings of the test server, as root without a database.
db::Settings TestServer();

}  // namespace milepost::testing
