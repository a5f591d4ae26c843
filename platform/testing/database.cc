#include "platform/testing/database.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "platform/change/schema.h"
#include "platform/resource/name.h"

namespace milepost::testing {
namespace {

std::string FindSocket() {
  if (const char* given = std::getenv("MILEPOST_TEST_DATABASE_SOCKET");
      given != nullptr && *given != '\0') {
    return given;
  }
  std::error_code ignored;
  for (auto folder = std::filesystem::current_path(ignored); !folder.empty();
       folder = folder.parent_path()) {
    const auto socket = folder / ".local/test-db/db.sock";
    if (std::filesystem::exists(socket, ignored)) return socket.string();
    if (folder == folder.parent_path()) break;
  }
  return "";
}

// A test without a database fails; it is never skipped.
[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "No test database: %s\nStart one with:  ./dev db up\n", why.c_str());
  std::exit(1);
}

}  // namespace

db::Settings TestServer() {
  db::Settings settings;
  settings.socket = FindSocket();
  if (settings.socket.empty())
    GiveUp("neither MILEPOST_TEST_DATABASE_SOCKET nor .local/test-db/db.sock is there");
  settings.user = "root";
  return settings;
}

Database::Database(std::vector<db::Migration> migrations) : settings_(TestServer()) {
  db::Session server(settings_);
  settings_.database = absl::StrCat("test_", resource::NewId('t', absl::Now()));
  if (absl::Status status = server.RunText(absl::StrCat(
          "CREATE DATABASE ", settings_.database, " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"));
      !status.ok()) {
    GiveUp(status.ToString());
  }
  session_ = NewSession();
  std::vector<db::Migration> all = change::Migrations();
  all.insert(all.end(), migrations.begin(), migrations.end());
  const auto migrated = db::Migrate(*session_, all);
  EXPECT_TRUE(migrated.ok()) << migrated.status();
}

Database::~Database() {
  session_->EndRead();
  db::Session server(TestServer());
  const absl::Status dropped = server.RunText(absl::StrCat("DROP DATABASE ", settings_.database));
  EXPECT_TRUE(dropped.ok()) << dropped;
}

std::unique_ptr<db::Session> Database::NewSession() const {
  return std::make_unique<db::Session>(settings_);
}

}  // namespace milepost::testing
