#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/civil_time.h"

// Values as people read and type them.
namespace milepost::cli {

// True under a Chinese locale (LC_ALL, LC_NUMERIC, LANG): then large amounts are shown in 万元.
bool ChineseLocale();

// 1234567 fen → "12,345.67"; under a Chinese locale, from 10,000 yuan up, "1.23万元".
std::string FormatMoney(int64_t minor_units, bool chinese);
// "12.34" for CSV and JSON readers: no grouping, no unit.
std::string PlainMoney(int64_t minor_units);
std::string FormatCount(int64_t count);
// 637218 ppm → "63.72 %".
std::string FormatPpm(int64_t ppm);
// 5178 hundredths → "51.78".
std::string FormatHundredths(int64_t hundredths);

// "12000000", "12,000,000.50" or "1200万" → minor units. Nullopt if it is none of these.
std::optional<int64_t> ParseMoney(const std::string& text);

// "2018-01-31".
std::optional<absl::CivilDay> ParseDay(const std::string& text);
std::string FormatDay(absl::CivilDay day);

struct Days {
  absl::CivilDay first;
  absl::CivilDay last;
};
// "2018", "2018Q1", "2018-03", "2018-03-05" or "2018-01-01..2018-03-31".
std::optional<Days> ParseDays(const std::string& text);

// Columns that the text takes on a terminal: East Asian wide characters take two.
size_t DisplayWidth(const std::string& text);

}  // namespace milepost::cli
