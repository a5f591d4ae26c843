#include "platform/resource/name.h"

#include <openssl/rand.h>

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace milepost::resource {
namespace {

constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";  // Base 32, in ASCII order.

void AppendBase32(std::string& out, uint64_t value, int characters) {
  for (int shift = 5 * (characters - 1); shift >= 0; shift -= 5)
    out += kDigits[(value >> shift) & 31];
}

}  // namespace

bool IsId(const std::string& id) {
  if (id.empty() || id.size() > kMaxIdLength) return false;
  if (id.front() < 'a' || id.front() > 'z' || id.back() == '-') return false;
  for (const char c : id) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

std::string Name(const std::string& collection, const std::string& id) {
  return absl::StrCat(collection, "/", id);
}

std::string Name(const std::string& parent_collection, const std::string& parent_id,
                 const std::string& collection, const std::string& id) {
  return absl::StrCat(parent_collection, "/", parent_id, "/", collection, "/", id);
}

std::optional<std::string> IdOf(const std::string& collection, const std::string& name) {
  if (name.size() <= collection.size() + 1 || name.compare(0, collection.size(), collection) != 0 ||
      name[collection.size()] != '/') {
    return std::nullopt;
  }
  std::string id = name.substr(collection.size() + 1);
  if (!IsId(id)) return std::nullopt;
  return id;
}

std::optional<ChildIds> ChildIdsOf(const std::string& parent_collection,
                                   const std::string& collection, const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != parent_collection || parts[2] != collection ||
      !IsId(parts[1]) || !IsId(parts[3])) {
    return std::nullopt;
  }
  return ChildIds{parts[1], parts[3]};
}

std::string NewId(char prefix, absl::Time now) {
  uint64_t random = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&random), sizeof random);
  std::string id(1, prefix);
  AppendBase32(id, static_cast<uint64_t>(absl::ToUnixMicros(now)), 11);
  AppendBase32(id, random >> 4, 12);
  return id;
}

std::string Etag(int64_t version) { return absl::StrCat("v", version); }

std::optional<int64_t> VersionOf(const std::string& etag) {
  int64_t version = 0;
  if (etag.size() < 2 || etag[0] != 'v' || !absl::SimpleAtoi(etag.substr(1), &version) ||
      version < 1) {
    return std::nullopt;
  }
  return version;
}

}  // namespace milepost::resource
