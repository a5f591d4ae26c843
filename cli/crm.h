#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "cli/loader.h"

namespace milepost::cli {

// The unit that everything of a CRM directory is under.
inline constexpr char kCrmCompany[] = "units/crm";

// A directory in the layout of a common B2B sales data set: sales_teams.csv (sales_agent, manager,
// regional_office), accounts.csv (account, sector, year_established, revenue in millions,
// employees, office_location, subsidiary_of), products.csv (product, series, sales_price) and
// sales_pipeline.csv (opportunity_id, sales_agent, product, account, deal_stage, engage_date,
// close_date, close_value; dates month/day/year).
struct CrmDirectory {
  Dataset dataset;
  std::optional<absl::CivilDay> last_close_day;  // Of what was won or lost.
  std::vector<RowNote> repaired;                 // Rows that were mended on the way in, and how.
  std::vector<RowNote> refused;                  // Rows that could not be read.
};

// Reads it. Flaws that have one plain meaning are repaired (a product spelled without its space, a
// known misspelling of a sector); rows that cannot be read are refused by line; an error if a file
// or a column is missing.
absl::StatusOr<CrmDirectory> ReadCrmDirectory(const std::string& directory);

}  // namespace milepost::cli
