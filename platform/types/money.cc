#include "platform/types/money.h"

#include <limits>

namespace milepost {
namespace {

__extension__ using Wide = __int128;

std::optional<int64_t> Narrow(Wide value) {
  if (value > std::numeric_limits<int64_t>::max() || value < std::numeric_limits<int64_t>::min())
    return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> DivideRounded(Wide numerator, Wide denominator) {
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  const Wide half = denominator / 2;
  return Narrow(numerator >= 0 ? (numerator + half) / denominator
                               : -((-numerator + half) / denominator));
}

}  // namespace

bool IsCurrencyCode(const std::string& code) {
  if (code.size() != 3) return false;
  for (const char c : code) {
    if (c < 'A' || c > 'Z') return false;
  }
  return true;
}

std::optional<int64_t> CheckedAdd(int64_t a, int64_t b) { return Narrow(Wide{a} + b); }

std::optional<int64_t> CheckedMultiply(int64_t a, int64_t b) { return Narrow(Wide{a} * b); }

std::optional<int64_t> ScaleByPpm(int64_t value, int64_t ratio_ppm) {
  return DivideRounded(Wide{value} * ratio_ppm, 1'000'000);
}

std::optional<int64_t> RatioPpm(int64_t numerator, int64_t denominator) {
  if (denominator == 0) return std::nullopt;
  return DivideRounded(Wide{numerator} * 1'000'000, denominator);
}

}  // namespace milepost
