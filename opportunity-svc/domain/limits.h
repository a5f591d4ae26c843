#pragma once

#include <cstddef>
#include <cstdint>

// Limits of fields, in characters (code points), entries or units. Each is named in the API's
// comments and in the error.
namespace milepost::opportunity {

inline constexpr size_t kMaxTitle = 200;
inline constexpr size_t kMaxText = 2'000;     // Descriptions and notes of a record.
inline constexpr size_t kMaxStageText = 500;  // Exit conditions and countermeasures.
inline constexpr size_t kMaxReason =
    200;  // Reasons also go into the change row, where they are short.
inline constexpr size_t kMaxRemark = 100;  // Notes of the many entries of a record.
inline constexpr size_t kMaxCode = 64;     // Product codes and contract numbers.
inline constexpr size_t kMaxUnit = 20;     // What a product is counted in.
inline constexpr size_t kMaxCompetitor = 200;
inline constexpr size_t kMaxTitlePart = 100;  // `title_contains`.

inline constexpr size_t kMaxStages = 20;
inline constexpr size_t kMaxMilestones = 10;
inline constexpr size_t kMaxRoles = 20;
inline constexpr size_t kMaxRisks = 10;
inline constexpr size_t kMaxDefinitionBytes = 128 * 1024;
inline constexpr int kMaxExpectedDays = 3'650;
inline constexpr int64_t kCertainPpm = 1'000'000;

// Entries are few enough that the largest record stays under change::kMaxStateBytes.
inline constexpr size_t kMaxVisits = 100;
inline constexpr size_t kMaxTeam = 50;
inline constexpr size_t kMaxLines = 200;
inline constexpr int64_t kMaxQuantity = 1'000'000'000;
inline constexpr size_t kMaxReversals = 40;
inline constexpr size_t kMaxCollections = 200;

inline constexpr size_t kMaxImportRows = 500;
inline constexpr size_t kMaxFilterValues = 100;

}  // namespace milepost::opportunity
