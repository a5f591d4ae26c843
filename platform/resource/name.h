#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

// Names of resources: `customers/acme`, `plans/2018/nodes/n1`. Pure.
namespace milepost::resource {

inline constexpr size_t kMaxIdLength = 63;

// [a-z]([a-z0-9-]{0,61}[a-z0-9])?
bool IsId(const std::string& id);

// What an id must look like, for error messages.
inline constexpr char kIdRule[] =
    "1 to 63 of a-z, 0-9 and -, starting with a letter, not ending with -";

// "customers" + "acme" → "customers/acme".
std::string Name(const std::string& collection, const std::string& id);
std::string Name(const std::string& parent_collection, const std::string& parent_id,
                 const std::string& collection, const std::string& id);

// The id in `name` if it is `<collection>/<id>` with a valid id.
std::optional<std::string> IdOf(const std::string& collection, const std::string& name);

// Both ids of `<parent_collection>/<parent>/<collection>/<id>`.
struct ChildIds {
  std::string parent;
  std::string id;
};
std::optional<ChildIds> ChildIdsOf(const std::string& parent_collection,
                                   const std::string& collection, const std::string& name);

// A new id: `prefix` letter, the time in 11 characters that sort as the time does, and 60 random
// bits. Never used for order.
std::string NewId(char prefix, absl::Time now);

// The etag of a version, and back. Opaque to clients.
std::string Etag(int64_t version);
std::optional<int64_t> VersionOf(const std::string& etag);

}  // namespace milepost::resource
