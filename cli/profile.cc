#include "cli/profile.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace milepost::cli {
namespace {

namespace fs = std::filesystem;

std::string FindProfile() {
  if (const char* given = std::getenv("MILEPOST_PROFILE"); given != nullptr && *given != '\0') {
    return given;
  }
  std::error_code ignored;
  for (fs::path folder = fs::current_path(ignored); !folder.empty();
       folder = folder.parent_path()) {
    const fs::path candidate = folder / ".local/profile.json";
    if (fs::exists(candidate, ignored)) return candidate.string();
    if (folder == folder.parent_path()) break;
  }
  if (const char* home = std::getenv("HOME"); home != nullptr) {
    const fs::path candidate = fs::path(home) / ".config/milepost/profile.json";
    if (fs::exists(candidate, ignored)) return candidate.string();
  }
  return "";
}

}  // namespace

absl::StatusOr<Profile> ReadProfile(const std::string& given) {
  Profile profile;
  profile.path = given.empty() ? FindProfile() : given;
  if (profile.path.empty()) {
    return absl::FailedPreconditionError(
        "no profile found: give --profile FILE, set MILEPOST_PROFILE, or start the suite here with "
        "./dev up, which writes .local/profile.json");
  }
  std::ifstream file(profile.path);
  if (!file) {
    return absl::FailedPreconditionError(
        absl::StrCat("the profile ", profile.path, " cannot be read"));
  }
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the profile ", profile.path, " is not a JSON object"));
  }
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto path = [&](const char* key) {
    const std::string value = text(key);
    if (value.empty() || fs::path(value).is_absolute()) return value;
    return (fs::path(profile.path).parent_path() / value).string();
  };
  for (const char* service : {"customer", "opportunity", "target", "reporting"}) {
    profile.addresses[service] = text(service);
  }
  profile.ca_file = path("ca_file");
  profile.token_file = path("token_file");
  profile.approver_token_file = path("approver_token_file");
  for (const auto& [service, address] : profile.addresses) {
    if (address.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the profile ", profile.path, " has no address for '", service, "'"));
    }
  }
  return profile;
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  std::ifstream file(path);
  std::string token((std::istreambuf_iterator<char>(file)), {});
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("no token can be read from '", path, "'"));
  }
  return token;
}

}  // namespace milepost::cli
