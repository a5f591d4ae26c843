#include "platform/log/log.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace milepost::log {
namespace {

std::string& Service() {
  static std::string* const service = new std::string("milepost");
  return *service;
}

// Length of the valid UTF-8 sequence at `at`, or 0.
size_t SequenceLength(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const size_t length = lead < 0x80                   ? 1
                        : lead >= 0xC2 && lead < 0xE0 ? 2
                        : lead >= 0xE0 && lead < 0xF0 ? 3
                        : lead >= 0xF0 && lead < 0xF5 ? 4
                                                      : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(at + 1) < 0xA0) return 0;
  if (lead == 0xED && byte(at + 1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(at + 1) < 0x90) return 0;
  if (lead == 0xF4 && byte(at + 1) > 0x8F) return 0;
  return length;
}

}  // namespace

void SetService(const std::string& service) { Service() = service; }

std::string Quote(const std::string& text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[at]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
      ++at;
    } else if (c < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
      ++at;
    } else if (const size_t length = SequenceLength(text, at); length > 0) {
      out.append(text, at, length);
      at += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++at;
    }
  }
  out += '"';
  return out;
}

void Write(Level level, const std::string& event, std::initializer_list<Field> fields) {
  static constexpr const char* kLevels[] = {"info", "warning", "error"};
  std::string line = absl::StrCat(
      "{\"time\":\"", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone()),
      "\",\"level\":\"", kLevels[static_cast<int>(level)], "\",\"service\":", Quote(Service()),
      ",\"event\":", Quote(event));
  for (const Field& field : fields) {
    absl::StrAppend(&line, ",", Quote(field.name), ":");
    if (const auto* text = std::get_if<std::string>(&field.value))
      absl::StrAppend(&line, Quote(*text));
    if (const auto* number = std::get_if<int64_t>(&field.value)) absl::StrAppend(&line, *number);
    if (const auto* real = std::get_if<double>(&field.value)) absl::StrAppend(&line, *real);
    if (const auto* flag = std::get_if<bool>(&field.value))
      absl::StrAppend(&line, *flag ? "true" : "false");
  }
  line += "}\n";
  size_t written = 0;
  while (written < line.size()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data() + written, line.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    written += static_cast<size_t>(n);
  }
}

}  // namespace milepost::log
