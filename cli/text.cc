#include "cli/text.h"

#include <cstdlib>
#include <limits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace milepost::cli {
namespace {

constexpr int64_t kWanYuanInFen = 1'000'000;
constexpr char kWan[] = "万";
constexpr char kYuan[] = "元";

// |value| without overflow for the smallest integer.
uint64_t Magnitude(int64_t value) {
  return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

std::string Grouped(uint64_t value) {
  const std::string digits = absl::StrCat(value);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

// Digits[.Digits] as an integer scaled by 10^decimals; nullopt if there are more decimals.
std::optional<int64_t> ParseScaled(const std::string& text, int decimals) {
  const size_t dot = text.find('.');
  std::string whole = text.substr(0, dot);
  std::string fraction = dot == std::string::npos ? "" : text.substr(dot + 1);
  if (whole.empty() || (dot != std::string::npos && fraction.empty())) return std::nullopt;
  while (fraction.size() > static_cast<size_t>(decimals) && fraction.back() == '0')
    fraction.pop_back();
  if (fraction.size() > static_cast<size_t>(decimals)) return std::nullopt;
  fraction.resize(static_cast<size_t>(decimals), '0');
  int64_t value = 0;
  if (!absl::SimpleAtoi(whole + fraction, &value)) return std::nullopt;
  return value;
}

bool IsWide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
         (c >= 0x20000 && c <= 0x3FFFD);
}

absl::CivilDay EndOfMonth(absl::CivilMonth month) { return absl::CivilDay(month + 1) - 1; }

}  // namespace

bool ChineseLocale() {
  for (const char* name : {"LC_ALL", "LC_NUMERIC", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return absl::StartsWith(value, "zh");
  }
  return false;
}

std::string FormatMoney(int64_t minor_units, bool chinese) {
  const char* sign = minor_units < 0 ? "-" : "";
  const uint64_t fen = Magnitude(minor_units);
  if (chinese && fen >= kWanYuanInFen) {
    const uint64_t hundredths_of_wan = (fen + 5'000) / 10'000;
    return absl::StrFormat("%s%s.%02d万元", sign, Grouped(hundredths_of_wan / 100),
                           hundredths_of_wan % 100);
  }
  return absl::StrFormat("%s%s.%02d%s", sign, Grouped(fen / 100), fen % 100, chinese ? "元" : "");
}

std::string PlainMoney(int64_t minor_units) {
  const uint64_t fen = Magnitude(minor_units);
  return absl::StrFormat("%s%d.%02d", minor_units < 0 ? "-" : "", fen / 100, fen % 100);
}

std::string FormatCount(int64_t count) {
  return absl::StrCat(count < 0 ? "-" : "", Grouped(Magnitude(count)));
}

std::string FormatPpm(int64_t ppm) {
  const uint64_t hundredths = (Magnitude(ppm) + 50) / 100;
  return absl::StrFormat("%s%d.%02d %%", ppm < 0 && hundredths > 0 ? "-" : "", hundredths / 100,
                         hundredths % 100);
}

std::string FormatHundredths(int64_t hundredths) {
  const uint64_t value = Magnitude(hundredths);
  return absl::StrFormat("%s%d.%02d", hundredths < 0 ? "-" : "", value / 100, value % 100);
}

std::optional<int64_t> ParseMoney(const std::string& given) {
  std::string text;
  for (const char c : given) {
    if (c != ',' && c != '_' && c != ' ') text += c;
  }
  if (absl::EndsWith(text, kYuan)) text.resize(text.size() - (sizeof kYuan - 1));
  const bool wan = absl::EndsWith(text, kWan);
  if (wan) text.resize(text.size() - (sizeof kWan - 1));
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.erase(0, 1);
  if (text.find_first_not_of("0123456789.") != std::string::npos) return std::nullopt;
  const std::optional<int64_t> value = ParseScaled(text, wan ? 6 : 2);
  if (!value) return std::nullopt;
  return negative ? -*value : *value;
}

std::optional<absl::CivilDay> ParseDay(const std::string& text) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' ||
      !absl::SimpleAtoi(text.substr(0, 4), &year) || !absl::SimpleAtoi(text.substr(5, 2), &month) ||
      !absl::SimpleAtoi(text.substr(8, 2), &day)) {
    return std::nullopt;
  }
  const absl::CivilDay parsed(year, month, day);
  if (parsed.year() != year || parsed.month() != month || parsed.day() != day) return std::nullopt;
  return parsed;
}

std::string FormatDay(absl::CivilDay day) {
  return absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day());
}

std::optional<Days> ParseDays(const std::string& text) {
  if (const size_t dots = text.find(".."); dots != std::string::npos) {
    const auto first = ParseDays(text.substr(0, dots));
    const auto last = ParseDays(text.substr(dots + 2));
    if (!first || !last) return std::nullopt;
    return Days{first->first, last->last};
  }
  if (const auto day = ParseDay(text)) return Days{*day, *day};
  int year = 0;
  if (text.size() < 4 || !absl::SimpleAtoi(text.substr(0, 4), &year) || year < 1)
    return std::nullopt;
  const std::string rest = text.substr(4);
  if (rest.empty()) return Days{absl::CivilDay(year, 1, 1), absl::CivilDay(year, 12, 31)};
  int number = 0;
  if (rest.size() == 2 && (rest[0] == 'Q' || rest[0] == 'q') &&
      absl::SimpleAtoi(rest.substr(1), &number) && number >= 1 && number <= 4) {
    const absl::CivilMonth month(year, number * 3 - 2);
    return Days{absl::CivilDay(month), EndOfMonth(month + 2)};
  }
  if (rest.size() == 3 && rest[0] == '-' && absl::SimpleAtoi(rest.substr(1), &number) &&
      number >= 1 && number <= 12) {
    const absl::CivilMonth month(year, number);
    return Days{absl::CivilDay(month), EndOfMonth(month)};
  }
  return std::nullopt;
}

size_t DisplayWidth(const std::string& text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const unsigned char lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t c = length == 1 ? lead : lead & (0xFF >> (length + 1));
    for (size_t i = 1; i < length && at + i < text.size(); ++i) {
      c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
    }
    width += IsWide(c) ? 2 : 1;
    at += length;
  }
  return width;
}

}  // namespace milepost::cli
