#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace milepost::cli {

// Where the services are and who the user is. A JSON file:
//   {"customer": "localhost:7101", "opportunity": "...", "target": "...", "reporting": "...",
//    "ca_file": "...", "token_file": "...", "approver_token_file": "..."}
// Paths in it may be relative to the file. `./dev up` writes one to .local/profile.json.
struct Profile {
  std::string path;
  std::map<std::string, std::string> addresses;  // By service: "customer", "target", ...
  std::string ca_file;
  std::string token_file;
  std::string approver_token_file;  // Optional: a second person, for what nobody may approve alone.
};

// Reads `path`; if it is empty, $MILEPOST_PROFILE, else .local/profile.json in this folder or one
// above, else ~/.config/milepost/profile.json. An error says where it looked.
absl::StatusOr<Profile> ReadProfile(const std::string& path);

// The content of a token file without the line end.
absl::StatusOr<std::string> ReadToken(const std::string& path);

}  // namespace milepost::cli
