#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace milepost {

// Largest amount that a field of the API takes, in minor units (ninety trillion yuan).
inline constexpr int64_t kMaxMinorUnits = 9'000'000'000'000'000;

// Whole minor units of one currency.
struct Money {
  std::string currency_code;
  int64_t minor_units = 0;

  friend bool operator==(const Money&, const Money&) = default;
};

// Three upper-case letters, as in ISO 4217.
bool IsCurrencyCode(const std::string& code);

// Sums that refuse to overflow.
std::optional<int64_t> CheckedAdd(int64_t a, int64_t b);
std::optional<int64_t> CheckedMultiply(int64_t a, int64_t b);

// value × ratio_ppm / 1,000,000, rounded half away from zero, computed in 128 bits. nullopt if the
// result does not fit.
std::optional<int64_t> ScaleByPpm(int64_t value, int64_t ratio_ppm);

// numerator / denominator in parts per million, rounded half away from zero; nullopt if the
// denominator is 0 or the result does not fit.
std::optional<int64_t> RatioPpm(int64_t numerator, int64_t denominator);

}  // namespace milepost
