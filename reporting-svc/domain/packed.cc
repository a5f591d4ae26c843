#include "reporting-svc/domain/packed.h"

namespace milepost::reporting {

void PackedWriter::Number(int64_t number) {
  uint64_t rest = (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
  while (rest >= 0x80) {
    bytes_.push_back(static_cast<char>(rest | 0x80));
    rest >>= 7;
  }
  bytes_.push_back(static_cast<char>(rest));
}

void PackedWriter::Text(std::string_view text) {
  Number(static_cast<int64_t>(text.size()));
  bytes_.append(text);
}

int64_t PackedReader::Number() {
  uint64_t number = 0;
  size_t size = 0;
  for (int shift = 0; shift < 64 && size < bytes_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes_[size++]);
    number |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      bytes_.remove_prefix(size);
      return static_cast<int64_t>(number >> 1) ^ -static_cast<int64_t>(number & 1);
    }
  }
  Fail();
  return 0;
}

std::string_view PackedReader::Text() {
  const int64_t size = Number();
  if (size < 0 || static_cast<uint64_t>(size) > bytes_.size()) {
    Fail();
    return {};
  }
  const std::string_view text = bytes_.substr(0, static_cast<size_t>(size));
  bytes_.remove_prefix(text.size());
  return text;
}

}  // namespace milepost::reporting
