#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/db/session.h"

namespace milepost::db {

// One step of a schema, forward only: `schema/0001_create_customers.sql`. Statements end with `;`
// at the end of a line. Embedded at build time by milepost_schema() of cmake/milepost.cmake.
struct Migration {
  std::string_view component;  // "change" for the platform's tables, else the service.
  int version;
  std::string_view name;
  std::string_view sql;
};

// Applies what is not applied yet, in order, and returns the names applied. Two at once wait for
// each other (a lease row); an applied step whose text changed since is FAILED_PRECONDITION.
absl::StatusOr<std::vector<std::string>> Migrate(Session& session,
                                                 const std::vector<Migration>& migrations);

// OK if every migration is applied; later ones of a newer build may be there too.
absl::Status CheckSchema(Session& session, const std::vector<Migration>& migrations);

}  // namespace milepost::db
