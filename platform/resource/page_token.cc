#include "platform/resource/page_token.h"

#include <openssl/sha.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace milepost::resource {
namespace {

constexpr size_t kFingerprintBytes = 12;

const google::protobuf::FieldDescriptor* Field(const google::protobuf::Message& request,
                                               const char* name) {
  return request.GetDescriptor()->FindFieldByName(name);
}

// Hash of the request's type and all arguments but the page's own.
std::string Fingerprint(const google::protobuf::Message& request) {
  std::unique_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  for (const char* name : {"page_size", "page_token"}) {
    if (const auto* field = Field(*copy, name))
      copy->GetReflection()->ClearField(copy.get(), field);
  }
  std::string bytes = absl::StrCat(copy->GetDescriptor()->full_name(), "\n");
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    copy->SerializeToCodedStream(&coded);
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), kFingerprintBytes);
}

}  // namespace

Page ReadPage(const google::protobuf::Message& request, size_t key_columns,
              status::FieldViolations& violations, int max_size) {
  Page page;
  const auto* reflection = request.GetReflection();
  const int32_t size = reflection->GetInt32(request, Field(request, "page_size"));
  if (size < 0 || size > max_size) {
    violations.Add("page_size", absl::StrCat(size, " is not between 0 and ", max_size));
  } else if (size > 0) {
    page.size = size;
  }
  const std::string token = reflection->GetString(request, Field(request, "page_token"));
  if (token.empty()) return page;
  std::string packed;
  if (absl::WebSafeBase64Unescape(token, &packed) && packed.size() >= kFingerprintBytes &&
      packed.compare(0, kFingerprintBytes, Fingerprint(request)) == 0) {
    // Columns as 4-byte lengths and bytes.
    size_t at = kFingerprintBytes;
    while (at + 4 <= packed.size()) {
      size_t length = 0;
      for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(packed[at + i]);
      at += 4;
      if (length > packed.size() - at) break;
      page.after.push_back(packed.substr(at, length));
      at += length;
    }
    if (at == packed.size() && page.after.size() == key_columns) return page;
  }
  page.after.clear();
  violations.Add("page_token",
                 "was not given out for this request; repeat all other arguments unchanged");
  return page;
}

std::string NextPageToken(const google::protobuf::Message& request,
                          const std::vector<std::string>& key) {
  std::string packed = Fingerprint(request);
  for (const std::string& column : key) {
    for (int shift = 24; shift >= 0; shift -= 8)
      packed += static_cast<char>(column.size() >> shift & 0xFF);
    packed += column;
  }
  return absl::WebSafeBase64Escape(packed);
}

}  // namespace milepost::resource
