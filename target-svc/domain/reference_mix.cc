#include "target-svc/domain/reference_mix.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/types/money.h"

namespace milepost::target {
namespace {

using absl::uint128;
using Kind = WeightViolationKind;

constexpr int64_t kMaxValue = std::numeric_limits<int64_t>::max();
constexpr int64_t kShareDigits = 1'000'000'000'000'000'000;
constexpr int kAmountBits = 38;  // 24 mixes × values stay below 2^88.
constexpr uint128 kMaxSumBeforeNewcomers = uint128{1} << 108;

uint128 Wide(int64_t value) { return static_cast<uint64_t>(value); }  // Of values not negative.
int64_t Narrow(uint128 value) { return static_cast<int64_t>(value); }

Fraction Reduced(int64_t numerator, int64_t denominator) {
  const int64_t divisor = std::gcd(numerator, denominator);
  return {numerator / denominator, numerator % denominator / divisor, denominator / divisor};
}

uint128 Gcd(uint128 a, uint128 b) {
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

class Mixer {
 public:
  explicit Mixer(const MixRequest& request) : request_(request) {}

  MixResult Run() {
    if (CheckSizes()) {
      for (size_t p = 0; p < request_.periods.size(); ++p) ReadPeriod(p);
    }
    if (result_.ok()) {
      AddTerms();
      SetWeights();
    }
    if (!result_.ok()) {
      result_.parts.clear();
      result_.notes.clear();
    }
    return std::move(result_);
  }

 private:
  struct CountedPeriod {
    size_t position;
    std::vector<int64_t> grown;
    int64_t total = 0;
  };

  void Refuse(Kind kind, std::string field, std::string message) {
    result_.violations.push_back({kind, std::move(field), std::move(message)});
  }

  void Note(MixNoteKind kind, std::optional<size_t> period, std::optional<size_t> part) {
    result_.notes.push_back({kind, period, part});
  }

  bool CheckSizes() {
    const size_t periods = request_.periods.size();
    if (request_.parts == 0 || request_.parts > kMaxSplitParts) {
      Refuse(Kind::kPartCountOutOfRange, "parts",
             absl::StrCat("is ", request_.parts, ", must be 1 to ", kMaxSplitParts));
    }
    if (periods == 0) Refuse(Kind::kNoReference, "periods", "must not be empty");
    if (periods > kMaxReferences) {
      Refuse(Kind::kTooManyReferences, "periods",
             absl::StrCat("has ", periods, ", at most ", kMaxReferences, " are allowed"));
    }
    return result_.ok();
  }

  void ReadPeriod(size_t p) {
    const PastPeriod& period = request_.periods[p];
    const std::string field = absl::StrCat("periods[", p, "]");
    if (period.mix < 1 || period.mix > kMaxPeriodMix) {
      Refuse(Kind::kMixOutOfRange, field + ".mix",
             absl::StrCat("is ", period.mix, ", must be 1 to ", kMaxPeriodMix));
    }
    if (!CheckSize(field + ".values", period.values.size())) return;
    if (!period.growth_ppm.empty() && !CheckSize(field + ".growth_ppm", period.growth_ppm.size()))
      return;
    for (size_t i = 0; i < period.growth_ppm.size(); ++i) {
      if (period.growth_ppm[i] >= 0 && period.growth_ppm[i] <= kMaxGrowthPpm) continue;
      Refuse(Kind::kGrowthOutOfRange, absl::StrCat(field, ".growth_ppm[", i, "]"),
             absl::StrCat("is ", period.growth_ppm[i], ", must be 0 to ", kMaxGrowthPpm));
    }
    if (!result_.ok()) return;
    CountedPeriod counted{p, std::vector<int64_t>(request_.parts, 0)};
    std::optional<int64_t> total = 0;
    for (size_t i = 0; i < request_.parts; ++i) {
      const int64_t value = period.values[i].value_or(0);
      if (value < 0) Note(MixNoteKind::kNegativeHistory, p, i);
      const std::optional<int64_t> grown =
          ScaleByPpm(std::max<int64_t>(value, 0), GrowthPpm(period, i));
      if (grown && total) total = CheckedAdd(*total, *grown);
      if (!grown || !total) {
        Refuse(Kind::kReferenceTooLarge, field + ".values",
               absl::StrCat("must add up to at most ", kMaxValue, " with their growth"));
        return;
      }
      counted.grown[i] = *grown;
    }
    counted.total = *total;
    if (counted.total == 0) {
      Note(MixNoteKind::kEmptyPeriod, p, std::nullopt);
    } else {
      counted_.push_back(std::move(counted));
    }
  }

  bool CheckSize(const std::string& field, size_t found) {
    if (found == request_.parts) return true;
    Refuse(
        Kind::kReferenceSize, field,
        absl::StrCat("has ", found, " values, must have ", request_.parts, ", one for each part"));
    return false;
  }

  static int64_t GrowthPpm(const PastPeriod& period, size_t part) {
    return period.growth_ppm.empty() ? kPpm : period.growth_ppm[part];
  }

  void AddTerms() {
    result_.parts.resize(request_.parts);
    int64_t all_mixes = 0;
    for (const CountedPeriod& counted : counted_) all_mixes += Mix(counted);
    mixes_.assign(request_.parts, all_mixes);
    for (size_t i = 0; i < request_.parts; ++i) {
      MixedPart& part = result_.parts[i];
      std::vector<size_t> gaps;
      int64_t own_mixes = 0;
      for (const CountedPeriod& counted : counted_) {
        const PastPeriod& period = request_.periods[counted.position];
        if (!period.values[i]) {
          gaps.push_back(counted.position);
          continue;
        }
        own_mixes += period.mix;
        part.terms.push_back({counted.position,
                              *period.values[i],
                              GrowthPpm(period, i),
                              counted.grown[i],
                              Reduced(counted.grown[i], counted.total),
                              {}});
      }
      if (part.terms.empty()) {
        part.basis = MixBasis::kNewcomer;
        if (!counted_.empty()) Note(MixNoteKind::kNewcomer, std::nullopt, i);
        continue;
      }
      for (size_t gap : gaps) Note(MixNoteKind::kGap, gap, i);
      has_gaps_ |= !gaps.empty();
      if (request_.gaps == GapRule::kOtherPeriods) mixes_[i] = own_mixes;
      for (MixTerm& term : part.terms) {
        term.mix = Reduced(request_.periods[term.period].mix, mixes_[i]);
      }
    }
    if (counted_.empty()) Note(MixNoteKind::kNoHistory, std::nullopt, std::nullopt);
  }

  int64_t Mix(const CountedPeriod& counted) const { return request_.periods[counted.position].mix; }

  void SetWeights() {
    std::vector<uint128> weights(request_.parts, 0);
    for (size_t i = 0; i < request_.parts; ++i) {
      for (const CountedPeriod& counted : counted_) {
        weights[i] += Weight(counted, i);
      }
      if (request_.rule == MixRule::kAmounts && Averages()) {
        weights[i] = (weights[i] << kAmountBits) / Wide(mixes_[i]);
      }
    }
    SetNewcomers(weights);
    uint128 divisor = 0;
    for (uint128 weight : weights) divisor = Gcd(divisor, weight);
    uint128 sum = 0;
    for (uint128& weight : weights) {
      if (divisor > 1) weight /= divisor;
      sum += weight;
    }
    const uint128 scale = (sum + Wide(kMaxValue) - 1) / Wide(kMaxValue);
    int64_t weight_sum = 0;
    for (size_t i = 0; i < request_.parts; ++i) {
      result_.parts[i].weight = Narrow(scale > 1 ? weights[i] / scale : weights[i]);
      weight_sum += result_.parts[i].weight;
    }
    for (MixedPart& part : result_.parts) {
      part.share_ppm = RatioPpm(part.weight, weight_sum).value_or(0);
    }
  }

  // Whether the parts are means over different periods.
  bool Averages() const { return has_gaps_ && request_.gaps == GapRule::kOtherPeriods; }

  uint128 Weight(const CountedPeriod& counted, size_t i) const {
    const int64_t grown = counted.grown[i];
    if (request_.rule == MixRule::kAmounts) return Wide(Mix(counted)) * Wide(grown);
    if (counted_.size() == 1) return Wide(grown);
    const uint128 scale = Wide(kShareDigits) * Wide(Mix(counted)) / Wide(mixes_[i]);
    return scale * Wide(grown) / Wide(counted.total);
  }

  void SetNewcomers(std::vector<uint128>& weights) const {
    if (request_.newcomers == NewcomerRule::kNothing) return;
    uint128 sum = 0;
    for (uint128 weight : weights) sum += weight;
    // As many means as there may be parts must fit.
    while (sum >= kMaxSumBeforeNewcomers) {
      for (uint128& weight : weights) weight >>= 1;
      sum >>= 1;
    }
    sum = 0;
    int64_t count = 0;
    uint128 lowest = 0;
    for (size_t i = 0; i < request_.parts; ++i) {
      if (result_.parts[i].basis == MixBasis::kNewcomer) continue;
      sum += weights[i];
      ++count;
      if (weights[i] > 0 && (lowest == 0 || weights[i] < lowest)) lowest = weights[i];
    }
    if (count == 0) return;
    // The mean of small weights is worth its fraction; 32 bits more still fit.
    const bool mean = request_.newcomers == NewcomerRule::kMean;
    if (mean && sum < (uint128{1} << 64)) {
      for (uint128& weight : weights) weight *= Wide(count);
      lowest = sum;
    } else if (mean) {
      lowest = sum / Wide(count);
    }
    for (size_t i = 0; i < request_.parts; ++i) {
      if (result_.parts[i].basis == MixBasis::kNewcomer) weights[i] = lowest;
    }
  }

  const MixRequest& request_;
  MixResult result_;
  std::vector<CountedPeriod> counted_;
  std::vector<int64_t> mixes_;  // Of each part: what its terms are divided by.
  bool has_gaps_ = false;
};

}  // namespace

MixResult MixPeriods(const MixRequest& request) { return Mixer(request).Run(); }

std::optional<int64_t> CompoundGrowthPpm(int64_t growth_ppm, int steps) {
  if (growth_ppm < -kPpm || growth_ppm > kMaxGrowthPpm || steps < 0 || steps > 50) {
    return std::nullopt;
  }
  int64_t factor = kPpm;
  for (int i = 0; i < steps; ++i) {
    factor = *ScaleByPpm(factor, kPpm + growth_ppm);
    if (factor > kMaxGrowthPpm) return std::nullopt;
  }
  return factor;
}

std::string Explain(const MixRequest& request, const MixedPart& part) {
  std::vector<std::string> steps;
  for (const MixTerm& term : part.terms) {
    std::string step = absl::StrCat(request.periods[term.period].label, ": ", term.value);
    if (term.growth_ppm != kPpm) {
      absl::StrAppend(&step, " × ", term.growth_ppm, " ppm = ", term.grown);
    }
    absl::StrAppend(&step, ", share ", ToText(term.share), ", counts ", ToText(term.mix));
    steps.push_back(std::move(step));
  }
  if (part.basis == MixBasis::kNewcomer) steps.push_back("new, no history");
  steps.push_back(absl::StrCat("weight ", part.weight, " (", part.share_ppm, " ppm)"));
  return absl::StrJoin(steps, "; ");
}

}  // namespace milepost::target
