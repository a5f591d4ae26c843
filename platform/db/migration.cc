#include "platform/db/migration.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/resource/name.h"

namespace milepost::db {
namespace {

constexpr absl::Duration kLease = absl::Seconds(60);
constexpr absl::Duration kLongestWait = absl::Minutes(10);

constexpr char kCreateVersions[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " component VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " version INT NOT NULL,"
    " name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " checksum BIGINT NOT NULL,"
    " applied_time DATETIME(6) NOT NULL,"
    " PRIMARY KEY (component, version))";
constexpr char kCreateLease[] =
    "CREATE TABLE IF NOT EXISTS schema_lease ("
    " id INT NOT NULL PRIMARY KEY,"
    " owner VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " expire_time DATETIME(6) NOT NULL)";

constexpr Statement kAddLease{
    "add_schema_lease", "INSERT INTO schema_lease (id, owner, expire_time) VALUES (1, '', ?)"};
constexpr Statement kTakeLease{"take_schema_lease",
                               "UPDATE schema_lease SET owner = ?, expire_time = ? WHERE id = 1 "
                               "AND (owner = '' OR owner = ? OR expire_time < ?)"};
constexpr Statement kReleaseLease{
    "release_schema_lease",
    "UPDATE schema_lease SET owner = '', expire_time = ? WHERE id = 1 AND owner = ?"};
constexpr Statement kListApplied{"list_schema_migrations",
                                 "SELECT component, version, name, checksum FROM schema_migrations "
                                 "ORDER BY component, version LIMIT 10000"};
constexpr Statement kAddApplied{"add_schema_migration",
                                "INSERT INTO schema_migrations (component, version, name, "
                                "checksum, applied_time) VALUES (?, ?, ?, ?, ?)"};

// FNV-1a, folded to a positive BIGINT.
int64_t Checksum(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return static_cast<int64_t>(hash >> 1);
}

// Statements end with `;` at the end of a line; lines that begin with `--` are comments.
std::vector<std::string> Statements(std::string_view sql) {
  std::vector<std::string> statements;
  std::string current;
  size_t at = 0;
  while (at < sql.size()) {
    size_t end = sql.find('\n', at);
    if (end == std::string_view::npos) end = sql.size();
    std::string line(sql.substr(at, end - at));
    at = end + 1;
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    if (line.empty() || line.starts_with("--")) continue;
    const bool last = line.back() == ';';
    if (last) line.pop_back();
    absl::StrAppend(&current, line, "\n");
    if (last) {
      statements.push_back(std::move(current));
      current.clear();
    }
  }
  if (!current.empty()) statements.push_back(std::move(current));
  return statements;
}

using Applied = std::map<std::pair<std::string, int>, std::pair<std::string, int64_t>>;

absl::StatusOr<Applied> LoadApplied(Session& session) {
  const absl::StatusOr<Rows> rows =
      session.Read([](Snapshot& snapshot) { return snapshot.Query(kListApplied); });
  session.EndRead();
  if (!rows.ok()) return rows.status();
  Applied applied;
  for (const Row& row : *rows) {
    applied[{row.String(0), static_cast<int>(row.Int64(1))}] = {row.String(2), row.Int64(3)};
  }
  return applied;
}

std::string Label(const Migration& migration) {
  return absl::StrCat(std::string(migration.component), "/", migration.version, " ",
                      std::string(migration.name));
}

absl::Status TakeLease(Session& session, const std::string& owner) {
  const absl::Time give_up = absl::Now() + kLongestWait;
  for (;;) {
    const absl::StatusOr<int64_t> taken = session.Transact([&](Transaction& tx) {
      const absl::Time now = absl::Now();
      return tx.Execute(kTakeLease, owner, now + kLease, owner, now);
    });
    if (!taken.ok()) return taken.status();
    if (*taken == 1) return absl::OkStatus();
    if (absl::Now() > give_up)
      return absl::AbortedError("another migration has held the schema lease for too long");
    absl::SleepFor(absl::Milliseconds(200));
  }
}

absl::StatusOr<std::vector<std::string>> MigrateUnderLease(
    Session& session, const std::string& owner, const std::vector<Migration>& migrations) {
  std::vector<std::string> done;
  absl::StatusOr<Applied> applied = LoadApplied(session);
  if (!applied.ok()) return applied.status();
  for (const Migration& migration : migrations) {
    const auto found = applied->find({std::string(migration.component), migration.version});
    if (found != applied->end()) {
      if (found->second.second != Checksum(migration.sql)) {
        return absl::FailedPreconditionError(
            absl::StrCat("migration ", Label(migration),
                         " was changed after it had been applied; add a new one instead"));
      }
      continue;
    }
    if (absl::Status status = TakeLease(session, owner); !status.ok())
      return status;  // Still ours, and longer.
    for (const std::string& statement : Statements(migration.sql)) {
      if (absl::Status status = session.RunText(statement); !status.ok()) {
        return absl::Status(status.code(), absl::StrCat("migration ", Label(migration), ": ",
                                                        std::string(status.message())));
      }
    }
    const absl::StatusOr<int64_t> added = session.Transact([&](Transaction& tx) {
      return tx.Execute(kAddApplied, migration.component, migration.version, migration.name,
                        Checksum(migration.sql), absl::Now());
    });
    if (!added.ok()) return added.status();
    done.push_back(Label(migration));
  }
  return done;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Migrate(Session& session,
                                                 const std::vector<Migration>& migrations) {
  for (const char* table : {kCreateVersions, kCreateLease}) {
    if (absl::Status status = session.RunText(table); !status.ok()) return status;
  }
  const absl::StatusOr<int64_t> added = session.Transact(
      [](Transaction& tx) { return tx.Execute(kAddLease, absl::UnixEpoch() + absl::Hours(24)); });
  if (!added.ok() && !DuplicateKey(added.status())) return added.status();

  const std::string owner = resource::NewId('m', absl::Now());
  if (absl::Status status = TakeLease(session, owner); !status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> done = MigrateUnderLease(session, owner, migrations);
  const absl::StatusOr<int64_t> released = session.Transact([&](Transaction& tx) {
    return tx.Execute(kReleaseLease, absl::UnixEpoch() + absl::Hours(24), owner);
  });
  if (done.ok() && !released.ok()) return released.status();
  return done;
}

absl::Status CheckSchema(Session& session, const std::vector<Migration>& migrations) {
  const absl::StatusOr<Applied> applied = LoadApplied(session);
  if (!applied.ok()) return applied.status();
  for (const Migration& migration : migrations) {
    if (applied->count({std::string(migration.component), migration.version}) == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the database lacks migration ", Label(migration), ": run the `migrate` sub-command"));
    }
  }
  return absl::OkStatus();
}

}  // namespace milepost::db
