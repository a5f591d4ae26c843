#pragma once

#include <cstddef>
#include <cstdint>

// Limits of fields, in characters (code points), entries or units. Each is named in the API's
// comments and in the error.
namespace milepost::target {

inline constexpr size_t kMaxDisplayName = 120;
inline constexpr size_t kMaxJobTitle = 120;
inline constexpr size_t kMaxPurpose = 120;
inline constexpr size_t kMaxEmployeeNumber = 63;
inline constexpr size_t kMaxPhone = 32;
inline constexpr size_t kMaxEmail = 254;
inline constexpr size_t kMaxReason = 500;
inline constexpr size_t kMaxPlacements = 100;
inline constexpr size_t kMaxLines = 50;  // Managed units, and matrix lines.
inline constexpr int kMaxUnitLevels = 16;
inline constexpr size_t kMaxUnits = 20'000;

inline constexpr size_t kMaxUnitLabel = 32;
inline constexpr size_t kMaxMetricDescription = 1'000;

inline constexpr size_t kMaxTitle = 200;
inline constexpr size_t kMaxPlanDescription = 2'000;
inline constexpr int kMaxPlanYears = 10;
inline constexpr int64_t kMaxTargetUnits = 9'000'000'000'000'000;
inline constexpr int64_t kMaxRoundingUnits = 1'000'000'000'000;
inline constexpr int64_t kMaxWeight = 1'000'000'000'000'000;

inline constexpr int64_t kMaxPlanNodes = 1'200'000;
inline constexpr int kMaxDepth = 16;
inline constexpr size_t kMaxChildren = 5'000;  // Of one breakdown.
inline constexpr size_t kMaxBreakdowns = 35;   // Of one node.
// Made, removed or typed in by one call. What only follows is bounded by the plan.
inline constexpr size_t kMaxNodesPerCall = 50'000;
inline constexpr size_t kMaxSelectedNodes = 1'000;
inline constexpr size_t kMaxNodeName = 200;
inline constexpr size_t kMaxKey = 63;
inline constexpr size_t kMaxNote = 500;
inline constexpr size_t kMaxReferencePeriods = 10;
inline constexpr int64_t kMaxMixWeight = 1'000'000;
inline constexpr size_t kMaxRampMonths = 36;
inline constexpr size_t kMaxViolations = 500;
inline constexpr size_t kMaxChildrenInAnswer = 2'000;

inline constexpr size_t kMaxImportRows = 500;

}  // namespace milepost::target
