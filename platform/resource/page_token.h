#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "platform/status/error.h"

// Opaque page tokens: the key of the last row plus a fingerprint of all other arguments of the
// request.
namespace milepost::resource {

inline constexpr int kDefaultPageSize = 50;
inline constexpr int kMaxPageSize = 500;

struct Page {
  // Rows to return; ask the store for one more to learn whether another page follows.
  int size = kDefaultPageSize;
  // Key of the last row of the page before, column by column; empty on the first page.
  std::vector<std::string> after;
};

// Reads `page_size` and `page_token` of a List request by reflection; `key_columns` is how many
// columns a key has. A size outside 0..max_size and a token that was not given out for these very
// arguments are violations.
Page ReadPage(const google::protobuf::Message& request, size_t key_columns,
              status::FieldViolations& violations, int max_size = kMaxPageSize);

// The token after a row with this key.
std::string NextPageToken(const google::protobuf::Message& request,
                          const std::vector<std::string>& key);

}  // namespace milepost::resource
