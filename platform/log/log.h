#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>

// Structured logs: one JSON object a line on standard error. Safe from any thread; a line is
// written whole.
namespace milepost::log {

enum class Level { kInfo, kWarning, kError };

using Value = std::variant<std::string, int64_t, double, bool>;
struct Field {
  std::string name;
  Value value;
};

// Names the program in every line; called once, before threads start.
void SetService(const std::string& service);

// Writes {"time", "level", "service", "event", fields...}. Personal data does not belong in fields.
void Write(Level level, const std::string& event, std::initializer_list<Field> fields = {});

inline void Info(const std::string& event, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, event, fields);
}
inline void Warning(const std::string& event, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, event, fields);
}
inline void Error(const std::string& event, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, event, fields);
}

// `text` as a JSON string with quotes; bytes that are not UTF-8 become U+FFFD.
std::string Quote(const std::string& text);

}  // namespace milepost::log
