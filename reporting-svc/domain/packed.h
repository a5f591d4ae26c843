#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// Numbers and texts as bytes, the way the read models keep them. Pure.
namespace milepost::reporting {

// Small numbers of either sign become short.
class PackedWriter {
 public:
  void Number(int64_t number);
  void Text(std::string_view text);
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what a PackedWriter wrote, in the same order. Past the end, or of bytes that no writer
// makes, it reads 0 and "" and is no longer ok().
class PackedReader {
 public:
  // `bytes` outlive the reader and the texts that it returns.
  explicit PackedReader(std::string_view bytes) : bytes_(bytes) {}

  int64_t Number();
  std::string_view Text();
  bool AtEnd() const { return bytes_.empty(); }
  bool ok() const { return ok_; }
  // What was read makes no sense.
  void Fail() {
    bytes_ = {};
    ok_ = false;
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace milepost::reporting
